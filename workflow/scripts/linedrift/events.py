"""Events of a line: candidates of all measurements, fitted and judged jointly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from linedrift.fitting import GRID, Fit, Stack, Stretch, ends, locus_scores, stack
from linedrift.genome import Karyotype
from linedrift.limits import false_event_rate, log_rate, needed_score, places_of
from linedrift.noise import Noise
from linedrift.tables import EVENT_KINDS

# A window beyond each end in which the end is looked for: as long as the event, within these.
END_WINDOW = (50, 2000)


@dataclass(frozen=True)
class Measurement:
    """One measurement of a line, or of the donor that it is compared with.

    `reason` says why it is not testable (failed quality, failed identity), else empty.
    `role` is sample (of the line) or donor (the baseline, of another line).
    """

    sample: str
    passage: int
    assay: str
    contrast: pd.DataFrame
    noise: Noise
    segments: pd.DataFrame
    baseline: str = ""
    role: str = "sample"
    reason: str = ""

    @property
    def usable(self) -> bool:
        """Whether it can be asked about events."""
        return not (self.reason or self.noise.reason)


@dataclass(frozen=True)
class Candidate:
    """A stretch of loci [first, last) to be asked; `places` of its kind fit into the genome."""

    first: int
    last: int
    places: float


@dataclass(frozen=True)
class Call:
    """An event of the line: its fit over `members`, ends with ranges, and its origin."""

    fit: Fit
    rate: float
    start_range: tuple[int, int]
    end_range: tuple[int, int]
    origin: str = "unknown"
    note: str = ""
    whole: bool = False


@dataclass(frozen=True)
class LineCalls:
    """What `call` returns: the data of the line side by side and the events in it."""

    measurements: tuple[Measurement, ...]
    stack: Stack
    members: tuple[int, ...]
    baseline: int | None
    calls: tuple[Call, ...] = field(default_factory=tuple)
    candidates: tuple[Call, ...] = field(default_factory=tuple)

    def data(self, call: Call) -> Stack:
        """Return the members, the baseline added back where it has the event of `call` too."""
        chosen = self.stack.only(self.members)
        return chosen.whole() if call.whole else chosen


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
    data = stack([m.contrast for m in measurements], [m.noise for m in measurements], karyotype)
    usable = [k for k, m in enumerate(measurements) if m.usable]
    members = tuple(k for k in usable if measurements[k].role == "sample")
    baseline = _baseline_of(measurements, usable)
    found: list[Call] = []
    rest: list[Call] = []
    # A passage that is the baseline of the others shares its noise with them: it speaks alone.
    alone = [k for k in members if k == baseline]
    for group in (alone, [k for k in members if k != baseline]):
        if group:
            segments = [measurements[k].segments for k in group]
            accepted, others = _detect(data.only(group), segments, regions, settings)
            for one in accepted:
                one = _over(data, members, group, one, settings)
                if donor:
                    one = replace(one, origin="inherited")
                else:
                    one = _with_origin(data, members, baseline, measurements, one, settings)
                if not any(_same(one.fit, other.fit) for other in found):
                    found.append(one)
            rest += [
                _with_origin(
                    data,
                    members,
                    baseline,
                    measurements,
                    _over(data, members, group, one, settings),
                    settings,
                )
                for one in others
            ]
    ordered = sorted(found, key=lambda one: (one.fit.first, one.fit.last))
    return LineCalls(tuple(measurements), data, members, baseline, tuple(ordered), tuple(rest))


def _detect(
    joint: Stack,
    segments: Sequence[pd.DataFrame],
    regions: pd.DataFrame,
    settings: Mapping[str, Any],
) -> tuple[list[Call], list[Call]]:
    """Return (events, candidates below the rate) of measurements that are independent."""
    questions = _fits(joint, _questions(joint, regions, settings), settings)
    parts = _fits(joint, _segments(joint, segments, questions, settings), settings)
    fits = questions + _merge_neighbours(joint, parts, settings)
    refined = [_refine(joint, fit, settings) for fit in fits if _evidence(fit, settings) > 0]
    return _resolve(joint, refined, settings)


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


def _baseline_of(measurements: Sequence[Measurement], usable: Sequence[int]) -> int | None:
    """Return the measurement that the others are compared with, by its sample id."""
    wanted = {m.baseline.split(";")[0] for m in measurements if m.role == "sample" and m.baseline}
    found = [k for k in usable if measurements[k].sample in wanted]
    return found[0] if found else None


def _segments(
    data: Stack,
    segments: Sequence[pd.DataFrame],
    questions: Sequence[tuple[Fit, float]],
    settings: Mapping[str, Any],
) -> list[Candidate]:
    """Return the promising segments of all measurements as ranges of loci, each once.

    A long event breaks into dozens of segments. Those that lie within the answer to a fixed
    question and are the same there, in kind and cell fraction, are not asked again.
    """
    large = [fit for fit, places in questions if _evidence((fit, places), settings) > 0]
    ranges = set()
    columns = ["chrom", "start", "end", "kind", "cell_fraction", "score"]
    for k, frame in enumerate(segments):
        for chrom, start, end, kind, fraction, score in frame[columns].itertuples(index=False):
            first, last = data.range(chrom, start, end)
            promising = (
                score - np.log(places_of(data.size, last - first, settings)) >= settings["promise"]
            )
            answered = any(
                fit.first <= first
                and last <= fit.last
                and fit.kind == kind
                and abs(fit.fraction[k] - fraction) <= 0.15 * fit.fraction[k]
                for fit in large
            )
            if promising and not answered:
                ranges.add((first, last))
    return [Candidate(i, j, places_of(data.size, j - i, settings)) for i, j in sorted(ranges)]


def _questions(data: Stack, regions: pd.DataFrame, settings: Mapping[str, Any]) -> list[Candidate]:
    """Return the fixed questions that any measurement gives reason to ask closely."""
    asked: dict[tuple[int, int], float] = {}
    fixed = float(len(regions))
    for chrom, start, end in zip(regions["chrom"], regions["start"], regions["end"], strict=True):
        first, last = data.range(chrom, start, end)
        first, last = _same_copies(data, first, last)
        if last - first < settings["least_loci"]:
            continue
        # A question asked by name has fewer rivals than a stretch found anywhere.
        asked[first, last] = places_of(data.size, last - first, settings, fixed)
    return [Candidate(first, last, places) for (first, last), places in asked.items()]


def _same_copies(data: Stack, first: int, last: int) -> tuple[int, int]:
    """Return the longest run of loci in [first, last) with one germline copy number."""
    if last <= first:
        return first, first
    copies = data.copies[first:last]
    edges = np.concatenate([[0], np.flatnonzero(np.diff(copies)) + 1, [last - first]])
    longest = int(np.argmax(np.diff(edges)))
    return first + int(edges[longest]), first + int(edges[longest + 1])


def _fits(
    data: Stack, asked: Sequence[Candidate], settings: Mapping[str, Any]
) -> list[tuple[Fit, float]]:
    return [fit for candidate in asked if (fit := _fit(data, candidate, settings))]


def _fit(
    data: Stack, candidate: Candidate, settings: Mapping[str, Any]
) -> tuple[Fit, float] | None:
    """Return the fit of a candidate and its places, or None where nothing speaks for it."""
    if candidate.last - candidate.first < settings["least_loci"]:
        return None
    stretch = Stretch(data, candidate.first, candidate.last, settings)
    if stretch.copies == 0 or (stretch.n_levels == 0 and stretch.n_shifts == 0):
        return None
    # Together measurements may say more than each alone, but not out of nothing.
    least = settings["alone_share"] * needed_score(candidate.places, settings)
    fit = stretch.fit(EVENT_KINDS, least)
    return (fit, candidate.places) if fit and fit.score > 0 else None


def _evidence(one: tuple[Fit, float], settings: Mapping[str, Any]) -> float:
    """Return minus the log of the false-event rate."""
    fit, places = one
    return -float(log_rate(fit.score, places, settings))


def _merge_neighbours(
    data: Stack, fits: list[tuple[Fit, float]], settings: Mapping[str, Any]
) -> list[tuple[Fit, float]]:
    """Return the fits, and in addition the unions of neighbours that are surer than both.

    A wave or a chance run splits a long event into several segments. The parts stay in the
    list; they fall in `_resolve`, where they add nothing to the whole.
    """
    line = sorted(fits, key=lambda one: (one[0].first, -one[0].last))
    grown = list(fits)
    place = 0
    while place < len(line) - 1:
        left, right = line[place], line[place + 1]
        gap = right[0].first - left[0].last
        length = left[0].last - left[0].first + right[0].last - right[0].first
        near = data.chrom[left[0].first] == data.chrom[right[0].first] and gap <= max(50, length)
        if near and (gap >= 0 or right[0].last > left[0].last):
            first, last = left[0].first, max(left[0].last, right[0].last)
            union = _fit(
                data, Candidate(first, last, places_of(data.size, last - first, settings)), settings
            )
            both = _evidence(left, settings) + max(0.0, _evidence(right, settings))
            if union and _evidence(union, settings) > max(both, _evidence(left, settings)):
                grown.append(union)
                line[place : place + 2] = [union]
                place = max(place - 1, 0)
                continue
        place += 1
    return grown


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
    surest = sorted(found, key=lambda pair: -_evidence((pair[0].fit, pair[1]), settings))
    for one, places in surest:
        if _parts_are_surer((one.fit, places), [(a.fit, n) for a, n in surest], settings):
            continue
        overlapping = [a for a in accepted if _overlap(a.fit, one.fit) > 0]
        rate = one.rate
        if overlapping:
            rate = _rate_beside(data, one, overlapping, places, settings)
        doubt = _doubt(one.fit, stranger, settings)
        if rate < settings["rate"] and not doubt:
            accepted.append(replace(one, rate=max(rate, one.rate)))
        elif rate < settings["candidate_rate"]:
            if not overlapping and not any(_overlap(other.fit, one.fit) > 0 for other in rest):
                # The score knows nothing of the doubt: such a candidate is at the edge at best.
                rate = settings["candidate_rate"] if doubt else rate
                rest.append(replace(one, rate=rate, note=doubt))
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


def _doubt(fit: Fit, stranger: bool, settings: Mapping[str, Any]) -> str:
    """Return why evidence of this kind may not call an event, or nothing where it may.

    A level alone needs 30 % of cells, a short stretch most of them, and an event must be seen
    on enough loci: three outlying probes are not one. Against a relative or a stranger only what
    most cells carry can be told.
    """
    most = fit.fraction.max()
    if fit.n_levels + fit.n_shifts < settings["least_loci"]:
        return f"seen on {fit.n_levels + fit.n_shifts} loci only"
    if fit.shift_score < settings["least_shift_score"] and most < settings["level_alone"]:
        return "the log R ratio alone speaks for it"
    if fit.n_levels < settings["short_loci"] and most < settings["short_fraction"]:
        return f"short ({fit.n_levels} loci) and not in most cells"
    if stranger and most < settings["stranger_fraction"]:
        return "the baseline is another person, and few cells carry it"
    return ""


def _with_origin(
    data: Stack,
    members: Sequence[int],
    baseline: int | None,
    measurements: Sequence[Measurement],
    one: Call,
    settings: Mapping[str, Any],
) -> Call:
    """Return the event with its origin, tested on the signal of the baseline."""
    if baseline is None:
        return replace(one, origin="unknown", note=_noted(one, "no baseline could be used"))
    is_donor = measurements[baseline].role == "donor"
    low, high, fraction, kind = _in_baseline(data, members, baseline, one.fit, settings)
    if kind != one.fit.kind:
        copies = {"loss": "1 copy", "gain": "3 copies"}[kind]
        return replace(one, origin="acquired", note=_noted(one, f"the baseline has {copies} here"))
    if low > 0:
        note = f"mosaic in the baseline ({fraction:.0%} of cells)" if high < 0.75 else ""
        joint = data.only(members).whole()
        refit = Stretch(joint, one.fit.first, one.fit.last, settings).fit((one.fit.kind,))
        return replace(
            one,
            fit=refit or one.fit,
            origin="inherited" if is_donor else "unknown",
            note=_noted(one, note if is_donor else "already in the earliest passage measured"),
            whole=True,
        )
    if high > 0.5:
        return replace(one, origin="unknown", note=_noted(one, "the baseline cannot tell"))
    return replace(one, origin="acquired")


def _noted(one: Call, text: str) -> str:
    return "; ".join(filter(None, [one.note, text]))


def _in_baseline(
    data: Stack, members: Sequence[int], baseline: int, fit: Fit, settings: Mapping[str, Any]
) -> tuple[float, float, float, str]:
    """Return (low, high, best) cell fraction of the event in the baseline, and its kind there."""
    own = Stretch(data.only([baseline]), fit.first, fit.last, settings)
    milder = {"deep_loss": "loss", "amplification": "gain"}.get(fit.kind)
    if milder:
        less, same = own.fit((milder,)), own.fit((fit.kind,))
        # One copy lost in every cell, rather than both in some of them.
        clonal = less is not None and less.fraction[0] > 0.6 and less.score > settings["tracked"]
        if clonal and same is not None and same.fraction[0] < 0.75:
            return 0.0, 0.0, 0.0, milder
    if baseline in members:
        return *_present(own, fit.kind, np.zeros(1), 0, settings), fit.kind
    # The haplotype signs that the passages tell sharpen the question to the donor.
    together = Stretch(data.only([*members, baseline]), fit.first, fit.last, settings)
    fraction = np.append(fit.fraction, 0.0)
    return *_present(together, fit.kind, fraction, len(members), settings), fit.kind


def _present(
    stretch: Stretch, kind: str, fraction: np.ndarray, k: int, settings: Mapping[str, Any]
) -> tuple[float, float, float]:
    """Return the interval and best cell fraction of measurement `k`; low is 0 unless present."""
    values = stretch.along(kind, fraction, k, GRID)
    inside = GRID[values >= values.max() - 1.92]
    best = float(GRID[np.argmax(values)])
    sure = values.max() - values[0] >= settings["tracked"] and best >= settings["baseline_least"]
    return (float(inside.min()) if sure else 0.0), float(inside.max()), best
