"""Hotspots: each asked in every sample, matched with events by the rules of its table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift import tables
from linedrift.events.calls import LineCalls, Measurement
from linedrift.events.fitting import Stretch
from linedrift.events.limits import detectable, needed_score, places_of
from linedrift.genome import GRCH38
from linedrift.wording import ALLELES_ALONE

NAN = float("nan")

# Kinds whose limit is asked for each event of resources/cnv_hotspots.tsv.
ASKED = {
    "gain": ("gain",),
    "loss": ("loss",),
    "loh": ("cn_loh",),
    "loss_or_loh": ("loss", "cn_loh"),
    "cnv": ("gain", "loss"),
}


def regions(
    hotspots: pd.DataFrame, arms: pd.DataFrame, settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the fixed questions of the joint call: hotspots, arms and whole chromosomes.

    Returns
    -------
    pandas.DataFrame
        chrom, start, end; each stretch once.
    """
    whole = pd.DataFrame(
        [(chrom, 0, length) for chrom, length in GRCH38.lengths.items()],
        columns=["chrom", "start", "end"],
    )
    asked = [asked_region(row, settings) for row in hotspots.to_dict("records")]
    parts = [
        pd.DataFrame(asked, columns=["chrom", "start", "end"]),
        arms[["chrom", "start", "end"]].astype({"chrom": "str"}),
        whole,
    ]
    return pd.concat(parts).drop_duplicates(ignore_index=True)


def asked_region(hotspot: Mapping[Any, Any], settings: Mapping[str, Any]) -> tuple[str, int, int]:
    """Return chrom, start, end of the stretch that is asked for a hotspot.

    A gene is asked as the shortest stretch that culture events of it have (`least_hotspot_bp`):
    the few loci of the gene alone would tell nothing.
    """
    start, end = int(hotspot["start"]), int(hotspot["end"])
    short = int(settings["least_hotspot_bp"]) - (end - start)
    if short > 0:
        start, end = start - short // 2, end + short // 2
    length = GRCH38.lengths[hotspot["chrom"]]
    return str(hotspot["chrom"]), max(start, 0), min(end, length)


def matches(
    event: Mapping[Any, Any],
    hotspot: Mapping[Any, Any],
    rule: Mapping[Any, Any],
    genes: pd.DataFrame,
) -> bool:
    """Return whether an event is the event of a hotspot.

    Parameters
    ----------
    event
        Row of EVENTS.
    hotspot
        Row of resources/cnv_hotspots.tsv.
    rule
        Row of resources/cnv_hotspot_rules.tsv: any of its stated conditions suffices (genes
        covered, length or share of the hotspot overlapped), and its kind and copies are needed.
    genes
        resources/hotspot_genes.tsv.
    """
    if event["chrom"] != hotspot["chrom"] or event["kind"] not in rule["kinds"].split(";"):
        return False
    if rule["least_copies"] and event["copies"] < int(rule["least_copies"]):
        return False
    shared = min(event["end"], hotspot["end"]) - max(event["start"], hotspot["start"])
    if shared <= 0:
        return False
    if rule["least_bp"] and shared >= int(rule["least_bp"]):
        return True
    length = hotspot["end"] - hotspot["start"]
    if rule["least_share"] and shared >= float(rule["least_share"]) * length:
        return True
    return bool(rule["genes"]) and _covers(event, rule, genes)


def _covers(event: Mapping[Any, Any], rule: Mapping[Any, Any], genes: pd.DataFrame) -> bool:
    own = genes[genes["gene"].isin(rule["genes"].split(";"))]
    # The ends of an event are known to its neighbouring loci: their range counts as covered.
    start, end = event["start_low"], event["end_high"]
    shared = np.minimum(own["end"], end) - np.maximum(own["start"], start)
    covered = (own["chrom"] == event["chrom"]) & (
        shared >= float(rule["gene_share"]) * (own["end"] - own["start"])
    )
    return bool(covered.all() if rule["genes_needed"] == "all" else covered.any())


def matched(
    events: pd.DataFrame,
    hotspots: pd.DataFrame,
    rules: pd.DataFrame,
    genes: pd.DataFrame,
    lookalikes: pd.DataFrame,
) -> pd.DataFrame:
    """Return EVENTS with `hotspot_id`, `genes` and, for look-alikes, `note` filled in."""
    by_id = rules.set_index("hotspot_id").to_dict("index")
    spots = hotspots.to_dict("records")
    events = events.copy()
    for place, event in enumerate(events.to_dict("records")):
        ids = [spot["id"] for spot in spots if matches(event, spot, by_id[spot["id"]], genes)]
        inside = _inside(event, genes)
        alike = _inside(event, lookalikes, 0.5)
        events.loc[place, "hotspot_id"] = ";".join(ids)
        events.loc[place, "genes"] = ";".join(inside["gene"])
        if len(alike):
            text = "look-alike of germline origin: " + ", ".join(alike["label"])
            events.loc[place, "note"] = "; ".join(filter(None, [event["note"], text]))
    return events


def _inside(event: Mapping[Any, Any], table: pd.DataFrame, of_event: float = 0.0) -> pd.DataFrame:
    """Return the rows of `table` that overlap an event, by at least a share of the event."""
    shared = np.minimum(table["end"], event["end"]) - np.maximum(table["start"], event["start"])
    enough = (shared > 0) & (shared >= of_event * (event["end"] - event["start"]))
    return table[(table["chrom"] == event["chrom"]) & enough]


def ask(
    calls: LineCalls,
    events: pd.DataFrame,
    trajectories: pd.DataFrame,
    hotspots: pd.DataFrame,
    settings: Mapping[str, Any],
) -> pd.DataFrame:
    """Return HOTSPOTS: each hotspot in each sample of the line, present, absent or not testable.

    Parameters
    ----------
    calls
        What `events.call` found.
    events, trajectories
        EVENTS (with `hotspot_id`) and TRAJECTORIES of the line.
    hotspots
        resources/cnv_hotspots.tsv.
    settings
        Section `events` of the config.

    Notes
    -----
    Only what was acquired, or whose origin is not known, makes a hotspot present: what the donor
    has is inherited. The limit is that of the least detectable kind asked.
    """
    counted = events[events["origin"] != "inherited"]
    present = trajectories[trajectories["state"] == "present"]
    courses = {(row["event_id"], row["sample"]): row for row in present.to_dict("records")}
    places = float(
        len(regions(hotspots, pd.DataFrame(columns=["chrom", "start", "end"]), settings))
    )
    rows = []
    for spot in hotspots.to_dict("records"):
        ids = [
            event_id
            for event_id, names in zip(counted["event_id"], counted["hotspot_id"], strict=True)
            if spot["id"] in names.split(";")
        ]
        for unit, measured in _samples(calls):
            row = {
                "hotspot_id": spot["id"],
                "label": spot["label"],
                "tier": spot["tier"],
                "sample": measured.sample,
                "passage": measured.passage,
            }
            found = _present(courses, ids, measured.sample)
            found = found or _ambiguous(counted, courses, measured.sample, spot, settings)
            rows.append({**row, **(found or _absent(calls, unit, spot, places, settings))})
    return tables.conform(pd.DataFrame(rows) if rows else tables.HOTSPOTS.empty(), tables.HOTSPOTS)


def _samples(calls: LineCalls) -> Iterator[tuple[int, Measurement]]:
    found = [(unit, calls.measurements[unit]) for unit in calls.stack.units]
    own = [(unit, m) for unit, m in found if m.role == "sample"]
    yield from sorted(own, key=lambda pair: pair[1].passage)


def _present(
    courses: Mapping[tuple[str, str], Mapping[Any, Any]], ids: list[str], sample: str
) -> dict[str, Any] | None:
    """Return the row of the event in most cells that makes a hotspot present, or None."""
    found = [courses[event_id, sample] for event_id in ids if (event_id, sample) in courses]
    if not found:
        return None
    row = max(found, key=lambda one: one["cell_fraction"])
    figures = {name: row[name] for name in ("event_id", "cell_fraction", "low", "high", "limit")}
    return {"state": "present", **figures, "reason": ""}


def _ambiguous(
    events: pd.DataFrame,
    courses: Mapping[tuple[str, str], Mapping[Any, Any]],
    sample: str,
    spot: Mapping[Any, Any],
    settings: Mapping[str, Any],
) -> dict[str, Any] | None:
    """Return the row of a hotspot that an event of unsure kind covers by half, or None.

    It is not of the hotspot's kind, but by alleles alone it might be: absent would be too much.
    """
    chrom, start, end = asked_region(spot, settings)
    alone = events["note"].str.contains(ALLELES_ALONE, regex=False)
    for event in events[alone & (events["chrom"] == chrom)].to_dict("records"):
        shared = min(event["end"], end) - max(event["start"], start)
        if shared >= 0.5 * (end - start) and (event["event_id"], sample) in courses:
            return {
                **dict.fromkeys(("cell_fraction", "low", "high", "limit"), NAN),
                "event_id": "",
                "state": "not_testable",
                "reason": f"an event lies here {ALLELES_ALONE}",
            }
    return None


def _absent(
    calls: LineCalls,
    unit: int,
    spot: Mapping[Any, Any],
    places: float,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the row of a hotspot without event: absent down to a limit, or not testable."""
    row = {name: NAN for name in ("cell_fraction", "low", "high", "limit")} | {"event_id": ""}
    chrom, start, end = asked_region(spot, settings)
    first, last = calls.stack.range(chrom, start, end)
    reason = calls.reason(unit)
    if not reason and last == first:
        reason = "no loci were measured there"
    if reason:
        return {**row, "state": "not_testable", "reason": reason}
    stretch = Stretch(calls.stack.only(calls.usable(unit)), first, last, settings)
    if stretch.copies == 0:
        return {**row, "state": "not_testable", "reason": f"the line has no {chrom} (sex)"}
    among = places_of(calls.stack.size, last - first, settings, places)
    needed = needed_score(among, settings)
    limits = [detectable(stretch, kind, needed, settings) for kind in ASKED[spot["event"]]]
    limits = [limit for limit in limits if not np.isnan(limit)]
    if not limits:
        few = f"too few informative loci ({stretch.n_levels} levels, {stretch.n_shifts} alleles)"
        return {**row, "state": "not_testable", "reason": few}
    text = ""
    if int(spot["end"]) - int(spot["start"]) < int(settings["least_hotspot_bp"]):
        text = f"asked as an event of {(end - start) / 1e6:.1f} Mb"
    return {**row, "state": "absent", "limit": max(limits), "reason": text}
