"""The course of each event through the passages, and the events as people read them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from linedrift import tables
from linedrift.events.calls import Call, LineCalls
from linedrift.events.fitting import GRID, Stretch
from linedrift.events.limits import detectable, false_event_rate, needed_score, places_of
from linedrift.genome import arms, band_of
from linedrift.iscn import render
from linedrift.signals.likelihood import alleles

NAN = float("nan")


def events_and_courses(
    line: str,
    calls: LineCalls,
    bands: pd.DataFrame,
    settings: Mapping[str, Any],
    *,
    candidates: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return EVENTS of a line and TRAJECTORIES of each of them over all its measurements.

    Parameters
    ----------
    line
        Name of the line.
    calls
        What `events.call` found.
    bands
        Cytogenetic bands (chrom, start, end, band, stain).
    settings
        Section `events` of the config.
    candidates
        The candidates below the rate in place of the events: nothing counts them.

    Notes
    -----
    `hotspot_id` and `genes` are empty here; `hotspots.matched` fills them.
    """
    rows, courses, seen = [], [], set[str]()
    for call in calls.candidates if candidates else calls.calls:
        place = _place(calls, call)
        event_id = _event_id(line, call.fit.kind, place, seen)
        course = [
            {"event_id": event_id, **_at(calls, call, k, settings)} for k in calls.stack.units
        ]
        courses += course
        rows.append(_event(line, event_id, call, place, course, bands, calls))
    events = pd.DataFrame(rows) if rows else tables.EVENTS.empty()
    course_frame = pd.DataFrame(courses) if courses else tables.TRAJECTORIES.empty()
    return (
        tables.in_genome_order(tables.conform(events, tables.EVENTS)),
        tables.conform(course_frame, tables.TRAJECTORIES),
    )


def _place(calls: LineCalls, call: Call) -> dict[str, Any]:
    data, fit = calls.stack, call.fit
    return {
        "chrom": str(data.chrom[fit.first]),
        "start": int(data.start[fit.first]),
        "end": int(data.end[fit.last - 1]),
        "start_low": call.start_range[0],
        "start_high": call.start_range[1],
        "end_low": call.end_range[0],
        "end_high": call.end_range[1],
    }


def _event_id(line: str, kind: str, place: Mapping[str, Any], seen: set[str]) -> str:
    """Return a hash that stays when a new passage moves the ends by less than half a Mb."""
    megabase = round((place["start"] + place["end"]) / 2e6)
    text = f"{line}|{place['chrom']}|{kind}|{megabase}"
    while text in seen:
        text += "+"
    seen.add(text)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _event(
    line: str,
    event_id: str,
    call: Call,
    place: Mapping[str, Any],
    course: list[dict[str, Any]],
    bands: pd.DataFrame,
    calls: LineCalls,
) -> dict[str, Any]:
    expected = int(np.median(calls.stack.copies[call.fit.first : call.fit.last]))
    state = alleles(call.fit.kind, expected)
    assert state is not None
    own = {m.sample for m in calls.measurements if m.role == "sample"}
    present = [row for row in course if row["state"] == "present" and row["sample"] in own]
    largest = max(present, key=lambda row: row["cell_fraction"], default=None)
    # A rate below 1e-30 says no more than that; phred 300 at the most.
    rate = max(call.rate, 1e-30)
    band = band_of(bands, place["chrom"], place["start"], place["end"])
    return {
        "event_id": event_id,
        "line": line,
        **place,
        "band": band,
        "kind": call.fit.kind,
        "copies": state.copies,
        "origin": call.origin,
        "first_passage": min((row["passage"] for row in present), default=pd.NA),
        "quality": -10 * np.log10(min(rate, 1.0)),
        "false_event_rate": rate,
        "hotspot_id": "",
        "genes": "",
        "iscn": _iscn(place, band, call.fit.kind, state.copies, expected, largest, bands),
        "note": call.note,
    }


def _iscn(
    place: Mapping[str, Any],
    band: str,
    kind: str,
    copies: int,
    expected: int,
    largest: Mapping[str, Any] | None,
    bands: pd.DataFrame,
) -> str:
    arm = arms(bands[bands["chrom"] == place["chrom"]])
    length = place["end"] - place["start"]
    share = [
        (min(place["end"], end) - max(place["start"], start)) / (end - start)
        for start, end in zip(arm["start"], arm["end"], strict=True)
    ]
    # Nine tenths of an arm are printed as the arm (resources/README.md, conventions).
    whole_arm = (
        bool(share) and max(share) >= 0.9 and length <= 1.05 * max(arm["end"] - arm["start"])
    )
    return render(
        place["chrom"],
        place["start"],
        place["end"],
        band,
        copies,
        expected,
        largest["cell_fraction"] if largest else NAN,
        largest["high"] if largest else NAN,
        kind,
        whole_arm=whole_arm and min(share) < 0.1,
    )


def _at(calls: LineCalls, call: Call, unit: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of one sample: state, cell fraction with interval, limit, support."""
    measured = calls.measurements[unit]
    row: dict[str, Any] = {
        "sample": measured.sample,
        "passage": measured.passage,
        "cell_fraction": NAN,
        "low": NAN,
        "high": NAN,
        "limit": NAN,
        "support": NAN,
        **dict.fromkeys(tables.COPY_NUMBER_ASSAYS, NAN),
        "state": "not_testable",
        "reason": calls.reason(unit),
    }
    if row["reason"]:
        return row
    if set(calls.usable(unit)) <= set(calls.members):
        found = _of_member(calls, call, unit, settings)
    elif call.milder:
        found = {"reason": f"has {call.milder} here in all its cells, which is not this event"}
    else:
        found = _of_baseline(calls, call, unit, settings)
    return {**row, **found}


def _of_member(
    calls: LineCalls, call: Call, unit: int, settings: Mapping[str, Any]
) -> dict[str, Any]:
    stretch = Stretch(calls.data(call), call.fit.first, call.fit.last, settings)
    fit, own = call.fit, stretch.of(unit)
    others = np.delete(fit.support, own)
    carried = bool(len(others)) and others.max() >= settings["tracked"]
    needed = settings["tracked"] if carried else _needed(calls, call, settings)
    known = known_signs(stretch, fit.kind, fit.fraction, unit) if carried else 0.0
    limit = detectable(stretch.parts[unit], fit.kind, needed, settings, known)
    low, high = stretch.interval(fit.kind, fit.fraction, unit)
    row = _row(fit.fraction[own[0]], low, high, limit, fit.support[own[0]], needed)
    return row | _by_assay(stretch, fit.kind, fit.fraction, own)


def _of_baseline(
    calls: LineCalls, call: Call, unit: int, settings: Mapping[str, Any]
) -> dict[str, Any]:
    fit, members, asked = call.fit, calls.members, calls.usable(unit)
    together = calls.stack.only([*members, *asked])
    if call.whole:
        together = together.whole()
    stretch = Stretch(together, fit.first, fit.last, settings)
    fraction = np.append(fit.fraction, np.zeros(len(asked)))
    values = stretch.along(fit.kind, fraction, unit, GRID)
    best = int(np.argmax(values))
    inside = GRID[values >= values[best] - 1.92]
    known = known_signs(stretch, fit.kind, fraction, unit)
    limit = detectable(stretch.parts[unit], fit.kind, settings["tracked"], settings, known)
    support = float(values[best] - values[0])
    own = stretch.of(unit)
    fraction[own] = GRID[best]
    row = _row(
        float(GRID[best]),
        float(inside.min()),
        float(inside.max()),
        limit,
        support,
        settings["tracked"],
    )
    return row | _by_assay(stretch, fit.kind, fraction, own)


def _by_assay(
    stretch: Stretch, kind: str, fraction: np.ndarray, own: Sequence[int]
) -> dict[str, float]:
    """Return what each assay of a sample adds to the evidence."""
    return {stretch.stack.assay[k]: stretch.share(kind, fraction, k) for k in own}


def _row(
    fraction: float, low: float, high: float, limit: float, support: float, needed: float
) -> dict[str, Any]:
    found = {"support": support, "limit": limit}
    if support >= needed and fraction > 0:
        return {
            **found,
            "state": "present",
            "cell_fraction": fraction,
            "low": low,
            "high": high,
            "reason": "",
        }
    if np.isnan(limit):
        reason = "too few informative loci: an event in every cell could be missed"
        return {**found, "state": "not_testable", "reason": reason}
    # What is below the limit is reported as an upper bound, not as a fraction.
    return {**found, "state": "absent", "low": 0.0, "high": high, "reason": ""}


def _needed(calls: LineCalls, call: Call, settings: Mapping[str, Any]) -> float:
    """Return the score that this event needed to be called, for its limit where it is absent."""
    length = call.fit.last - call.fit.first
    needed = needed_score(places_of(calls.stack.size, length, settings), settings)
    # An event that was accepted under a fixed question needed less.
    return min(needed, call.fit.score) if false_event_rate(needed, 1.0, settings) < 1 else needed


def known_signs(stretch: Stretch, kind: str, fraction: np.ndarray, unit: int) -> float:
    """Return how many heterozygous loci have a sign that the others than sample `unit` tell.

    The sum over loci of tanh^2 of half the log-odds of the sign: 1 where it is certain, 0
    where nothing is known.
    """
    if stretch.copies != 2 or stretch.n_shifts == 0:
        return 0.0
    pull = stretch.pull(kind, fraction, unit)
    return float((np.tanh(pull) ** 2) @ stretch.weight)
