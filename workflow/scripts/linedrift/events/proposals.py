"""Stretches worth asking: promising segments, their unions, and questions fixed beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from linedrift.events.fitting import Fit, Stretch
from linedrift.events.limits import log_rate, needed_score, places_of
from linedrift.events.stacks import Stack
from linedrift.tables import EVENT_KINDS


@dataclass(frozen=True)
class Candidate:
    """A stretch of loci [first, last) to be asked; `places` of its kind fit into the genome."""

    first: int
    last: int
    places: float


def promising(
    data: Stack,
    segments: Sequence[pd.DataFrame],
    answers: Sequence[tuple[Fit, float]],
    settings: Mapping[str, Any],
) -> list[Candidate]:
    """Return the promising segments of all measurements as ranges of loci, each once.

    A long event breaks into dozens of segments. Those that lie within the answer to a fixed
    question and are the same there, in kind and cell fraction, are not asked again.
    """
    large = [fit for fit, places in answers if evidence((fit, places), settings) > 0]
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


def questions(data: Stack, regions: pd.DataFrame, settings: Mapping[str, Any]) -> list[Candidate]:
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


def fits(
    data: Stack, asked: Sequence[Candidate], settings: Mapping[str, Any]
) -> list[tuple[Fit, float]]:
    """Return the fits of those candidates that anything speaks for, each with its places."""
    return [fit for candidate in asked if (fit := fit_one(data, candidate, settings))]


def fit_one(
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


def evidence(one: tuple[Fit, float], settings: Mapping[str, Any]) -> float:
    """Return minus the log of the false-event rate."""
    fit, places = one
    return -float(log_rate(fit.score, places, settings))


def merge_neighbours(
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
            union = fit_one(
                data, Candidate(first, last, places_of(data.size, last - first, settings)), settings
            )
            both = evidence(left, settings) + max(0.0, evidence(right, settings))
            if union and evidence(union, settings) > max(both, evidence(left, settings)):
                grown.append(union)
                line[place : place + 2] = [union]
                place = max(place - 1, 0)
                continue
        place += 1
    return grown
