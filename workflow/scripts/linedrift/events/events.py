"""Events of a line: candidates of all measurements, fitted and judged jointly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from linedrift.events import proposals
from linedrift.events.calls import Call, LineCalls, Measurement
from linedrift.events.ends import ends, locus_scores
from linedrift.events.fitting import Fit, Stretch
from linedrift.events.limits import false_event_rate, level_alone, log_rate, places_of
from linedrift.events.origin import baseline_of, with_origin
from linedrift.events.stacks import Stack, stack
from linedrift.genome import Karyotype
from linedrift.tables import EVENT_KINDS
from linedrift.wording import ALLELES_ALONE

# A window beyond each end in which the end is looked for: as long as the event, within these.
END_WINDOW = (50, 2000)


def call(
    measurements: Sequence[Measurement],
    karyotype: Karyotype,
    regions: pd.DataFrame,
    settings: Mapping[str, Any],
    *,
    donor: bool = False,
) -> LineCalls:
    """Return the events of a line, each fitted over all its usable measurements.

    Parameters
    ----------
    measurements
        All measurements of the line, and the donor's where the line has one.
    karyotype
        Sex of the line.
    regions
        chrom, start, end of fixed questions: hotspots, arms and chromosomes.
    settings
        Section `events` of the config.
    donor
        Whether the line is a donor: what a donor has is inherited by definition.

    Notes
    -----
    Candidates are the segments of every measurement, unions of neighbouring ones, and the fixed
    questions. They are accepted from the surest down; what overlaps an accepted event must be
    surer than chance *given* that event. A candidate is an event when its expected number of
    false events a genome is below `rate`.
    """
    data = stack(
        [m.contrast for m in measurements],
        [m.noise for m in measurements],
        karyotype,
        [m.sample for m in measurements],
        [m.assay for m in measurements],
    )
    usable = [k for k, m in enumerate(measurements) if m.usable]
    members = tuple(k for k in usable if measurements[k].role == "sample")
    baseline = baseline_of(measurements, usable)
    found: list[Call] = []
    rest: list[Call] = []

    def placed(one: Call) -> Call:
        """Return an event with its origin; what a donor has is inherited by definition."""
        if donor:
            return replace(one, origin="inherited")
        return with_origin(data, members, baseline, measurements, one, settings)

    # A passage that is the baseline of the others shares its noise with them: it speaks alone.
    alone = [k for k in members if k in baseline]
    for group in (alone, [k for k in members if k not in baseline]):
        if group:
            segments = [measurements[k].segments for k in group]
            accepted, others = _detect(data.only(group), segments, regions, settings)
            for one in accepted:
                one = placed(_over(data, members, group, one, settings))
                if not any(_same(one.fit, other.fit) for other in found):
                    found.append(one)
            rest += [placed(_over(data, members, group, one, settings)) for one in others]
    found += _counted(data, members, measurements, found, settings)
    ordered = sorted(found, key=lambda one: (one.fit.first, one.fit.last))
    return LineCalls(tuple(measurements), data, members, baseline, tuple(ordered), tuple(rest))


def _detect(
    joint: Stack,
    segments: Sequence[pd.DataFrame],
    regions: pd.DataFrame,
    settings: Mapping[str, Any],
) -> tuple[list[Call], list[Call]]:
    """Return (events, candidates below the rate) of measurements that are independent."""
    questions = proposals.fits(joint, proposals.questions(joint, regions, settings), settings)
    parts = proposals.fits(
        joint, proposals.promising(joint, segments, questions, settings), settings
    )
    fits = questions + proposals.merge_neighbours(joint, parts, settings)
    refined = [
        _refine(joint, fit, settings) for fit in fits if proposals.evidence(fit, settings) > 0
    ]
    return _resolve(joint, refined, settings)


def _counted(
    data: Stack,
    members: Sequence[int],
    measurements: Sequence[Measurement],
    found: Sequence[Call],
    settings: Mapping[str, Any],
) -> list[Call]:
    """Return the events that were found by counts of reads, those not `found` by levels.

    They were judged where they were counted, relative to the baseline: they are acquired.
    """
    events: list[Call] = []
    joint = data.only(members)
    for k in members:
        places = int(np.isfinite(data.level[k]).sum())
        for row in measurements[k].counted.to_dict("records"):
            start, end, score = int(row["start"]), int(row["end"]), float(row["score"])
            first, last = data.range(row["chrom"], start, end)
            fit = Stretch(joint, first, last, settings).fit((row["kind"],))
            if fit and not any(_overlap(one.fit, fit) > 0 for one in [*found, *events]):
                rate = places * float(np.exp(-score))
                events.append(
                    Call(
                        fit=replace(fit, score=score),
                        rate=rate,
                        start_range=(start, start),
                        end_range=(end, end),
                        origin="acquired",
                        note="counted in reads",
                    )
                )
    return events


def _over(
    data: Stack,
    members: Sequence[int],
    group: Sequence[int],
    one: Call,
    settings: Mapping[str, Any],
) -> Call:
    """Return an event that a group of measurements shows, fitted over all members."""
    if len(group) == len(members):
        return one
    fit = Stretch(data.only(members), one.fit.first, one.fit.last, settings).fit((one.fit.kind,))
    return replace(one, fit=fit or one.fit)


def _same(a: Fit, b: Fit) -> bool:
    shared = _overlap(a, b)
    return a.kind == b.kind and shared > 0.5 * min(a.last - a.first, b.last - b.first)


def _refine(data: Stack, one: tuple[Fit, float], settings: Mapping[str, Any]) -> tuple[Call, float]:
    """Return the event with its most likely ends, and the ranges of these."""
    fit, places = one
    lowest, highest = _home(data, fit.first)
    found = ((fit.first, fit.first, fit.first), (fit.last, fit.last, fit.last))
    for _ in range(2):
        reach = int(np.clip(fit.last - fit.first, *END_WINDOW))
        begin, stop = max(lowest, fit.first - reach), min(highest, fit.last + reach)
        score = locus_scores(data, fit, begin, stop)
        start, end = ends(score, fit.first - begin, fit.last - begin)
        found = (
            (start[0] + begin, start[1] + begin, start[2] + begin),
            (end[0] + begin, end[1] + begin, end[2] + begin),
        )
        if (found[0][0], found[1][0]) == (fit.first, fit.last):
            break
        moved = Stretch(data, found[0][0], found[1][0], settings).fit(EVENT_KINDS)
        if moved is None or moved.score < fit.score:
            # The levels of a stretch are judged together there, one by one here: they disagree.
            found = ((fit.first,) * 3, (fit.last,) * 3)
            break
        fit = moved
    return _as_call(data, fit, found, settings, places), places


def _home(data: Stack, locus: int) -> tuple[int, int]:
    """Return the run of loci around `locus` on its chromosome with its germline copy number."""
    first, last = data.range(data.chrom[locus], 0, 2**31)
    same = data.copies[first:last] == data.copies[locus]
    edges = np.flatnonzero(np.diff(same)) + 1 + first
    return (
        int(max(edges[edges <= locus], default=first)),
        int(min(edges[edges > locus], default=last)),
    )


def _as_call(
    data: Stack,
    fit: Fit,
    found: tuple[tuple[int, int, int], ...],
    settings: Mapping[str, Any],
    places: float,
) -> Call:
    start, end = found
    places = min(places, places_of(data.size, fit.last - fit.first, settings))
    return Call(
        fit=fit,
        rate=float(false_event_rate(fit.score, places, settings)),
        note="" if fit.n_levels else ALLELES_ALONE,
        start_range=(int(data.start[start[1]]), int(data.start[min(start[2], data.size - 1)])),
        end_range=(int(data.end[max(end[1] - 1, 0)]), int(data.end[end[2] - 1])),
    )


def _resolve(
    data: Stack, found: Sequence[tuple[Call, float]], settings: Mapping[str, Any]
) -> tuple[list[Call], list[Call]]:
    """Return (events, candidates below the rate): the surest first, none of them twice."""
    accepted: list[Call] = []
    rest: list[Call] = []
    stranger = any(noise.stranger for noise in data.noise)
    surest = sorted(found, key=lambda pair: -proposals.evidence((pair[0].fit, pair[1]), settings))
    for one, places in surest:
        if _parts_are_surer((one.fit, places), [(a.fit, n) for a, n in surest], settings):
            continue
        overlapping = [a for a in accepted if _overlap(a.fit, one.fit) > 0]
        rate = one.rate
        if overlapping:
            rate = _rate_beside(data, one, overlapping, places, settings)
        doubt = _doubt(one.fit, stranger, level_alone(data.assay, settings), settings)
        if rate < settings["rate"] and not doubt:
            accepted.append(replace(one, rate=max(rate, one.rate)))
        elif rate < settings["candidate_rate"]:
            if not overlapping and not any(_overlap(other.fit, one.fit) > 0 for other in rest):
                # The score knows nothing of the doubt: such a candidate is at the edge at best.
                rate = settings["candidate_rate"] if doubt else rate
                rest.append(replace(one, rate=rate, note=doubt or one.note))
    return accepted, rest


def _parts_are_surer(
    whole: tuple[Fit, float], others: Sequence[tuple[Fit, float]], settings: Mapping[str, Any]
) -> bool:
    """Return whether two or more stretches within `whole`, apart, are surer together than it.

    Neighbouring events of one kind and fraction are surer together with the normal loci between
    them than each alone; they are not surer than their sum. By the alleles: what levels say is
    bounded by the wave, in each part anew. `others` come surest first.
    """

    def of_alleles(fit: Fit, places: float) -> float:
        """Return minus the log of the rate of false events, by the evidence of alleles alone."""
        return -float(log_rate(fit.shift_score, places, settings))

    fit = whole[0]
    total, chosen = 0.0, list[Fit]()
    for part, places in others:
        inside = fit.first <= part.first and part.last <= fit.last
        smaller = part.last - part.first < fit.last - fit.first
        if inside and smaller and not any(_overlap(part, other) > 0 for other in chosen):
            evidence = of_alleles(part, places)
            if evidence > 0:
                total += evidence
                chosen.append(part)
    return len(chosen) > 1 and total > of_alleles(*whole)


def _overlap(a: Fit, b: Fit) -> int:
    return min(a.last, b.last) - max(a.first, b.first)


def _rate_beside(
    data: Stack,
    one: Call,
    accepted: Sequence[Call],
    places: float,
    settings: Mapping[str, Any],
) -> float:
    """Return the false-event rate of an event given the accepted ones that it overlaps.

    Only an event that lies within one accepted event and differs from it, or hardly touches
    any, can be one of its own.
    """
    fit = one.fit
    length = fit.last - fit.first
    parent = max(accepted, key=lambda a: _overlap(a.fit, fit)).fit
    if _overlap(parent, fit) < 0.1 * length:
        return one.rate
    if _overlap(parent, fit) < 0.9 * length or length > 0.7 * (parent.last - parent.first):
        return 1.0
    differs = np.abs(parent.fraction - fit.fraction).max() > settings["nested_difference"]
    if parent.kind == fit.kind and not differs:
        return 1.0
    explained = np.sum(
        Stretch(data, fit.first, fit.last, settings).scores(parent.kind, parent.fraction[None])
    )
    return float(false_event_rate(fit.score - max(0.0, float(explained)), places, settings))


def _doubt(fit: Fit, stranger: bool, alone: float, settings: Mapping[str, Any]) -> str:
    """Return why evidence of this kind may not call an event, or nothing where it may.

    A level alone needs a share `alone` of the cells, a short stretch most of them, and an event
    must be seen on enough loci: three outlying probes are not one. Against a relative or a
    stranger only what most cells carry can be told.
    """
    most = fit.fraction.max()
    if fit.n_levels + fit.n_shifts < settings["least_loci"]:
        return f"seen on {fit.n_levels + fit.n_shifts} loci only"
    if fit.shift_score < settings["least_shift_score"] and most < alone:
        return "the log R ratio alone speaks for it"
    loci = max(fit.n_levels, fit.n_shifts)
    if loci < settings["short_loci"] and most < settings["short_fraction"]:
        return f"short ({loci} loci) and not in most cells"
    if most < settings["least_fraction"]:
        return f"in fewer than {settings['least_fraction']:.0%} of the cells of every measurement"
    if stranger and most < settings["stranger_fraction"]:
        return "the baseline is another person, and few cells carry it"
    return ""
