"""The cell fraction that a caller would need who knew what to look for, and where.

    python benchmarks/oracle.py [--kind gain] [--size 2] [--fractions .11 .12 .13 .14]
                                [--genomes 2] [--nulls 20] [--processes 1]

On simulated pairs the library's likelihood is asked about the very kind and cell fraction that
were planted, the response of the array being known. Nothing is taken off for noise that is wider
here than elsewhere, for tails, or for the choice of kind, length and fraction. What no caller is
spared is that the event may lie anywhere: in genomes without an event the same question is put to
every stretch of that length, and the oracle says yes above the score that at most .1 stretches a
genome exceed. Three oracles: one knows both ends of an event, and asks stretches that do not
overlap; one knows its length alone, asks eight stretches to a length, and takes the best that
covers more than half of the event; the third does as the second, but knows how the waves of the
genome hang together, and takes off a level what its flanks foretell (generalised least squares).
Beside them stands how often the engine's own fit of the planted stretch, kind and fraction free,
would be called at the rate of the config and at .25.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

import engine
import genomes
import numpy as np
import pandas as pd
import scoring
from linedrift import genome
from linedrift.events.fitting import Stretch
from linedrift.events.limits import false_event_rate, places_of
from linedrift.events.stacks import Stack, stack
from linedrift.signals.contrast import contrast
from linedrift.signals.likelihood import allelic_shift, log2_ratio, shift_score
from linedrift.tables import EVENT_KINDS

# Fewer loci are no stretch: a gap of the array.
LEAST_LOCI = 20
# The surest stretches of a null genome that are kept; the threshold is far above the last.
PEAKS = 10
# Stretches asked to a length, and whether the covariance of the waves is known.
ORACLES = {
    "ends known": (1, False),
    "length known": (8, False),
    "length known, waves foretold by flanks": (8, True),
}
# Bins to the length of a stretch, and lengths to either side, that foretell the wave in it.
BINS, BESIDE = 8, 3
# Stated rates at which the engine's fit is judged: that of a call, and the one at which linedrift
# has as many false events as its peers may have (the grid).
RATES = {"as called": engine.config()["events"]["rate"], "at .1 false": 10**-0.6}


def measured(name: str) -> tuple[Stack, pd.DataFrame]:
    """Return the contrast of the line of a simulated pair, and what was planted in it."""
    pair, karyotype = genomes.simulated(name), genome.Karyotype("female")
    frame, noise = contrast(pair.line, [pair.donor], karyotype, engine.config()["contrast"])
    return stack([frame], [noise], karyotype), pair.truth


def scores(
    data: Stack, kind: str, fractions: Sequence[float], loci: np.ndarray, flanks: bool
) -> np.ndarray:
    """Return the log-likelihood ratio of a kind over stretches, shape (F, W), nats.

    `loci` are the first locus of each stretch and the one after its last, shape (W, 2), on
    autosomes. Levels are limited to 1.5 sd of no change; -inf where a stretch has few loci.
    """
    asked, shift = np.array(fractions, float), data.shift[0].astype(float)
    known = np.isfinite(shift)
    of_locus = np.zeros((len(asked), data.size))
    of_locus[:, known] = shift_score(
        shift[None, known],
        data.shift_sd,
        data.shift_shared_sd,
        allelic_shift(kind, asked)[:, None],
        data.shift_wide,
    )
    mean, variance = (_foretold if flanks else _levels)(data, loci)
    mu = data.noise[0].response * log2_ratio(kind, asked)[:, None]
    score = _sums(of_locus, loci) + mu * (mean - mu / 2) / variance
    return np.where(loci[:, 1] - loci[:, 0] >= LEAST_LOCI, score, -np.inf)


def _levels(data: Stack, loci: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean level of each stretch, and its variance by the noise of the library."""
    noise, level = data.noise[0], data.level[0].astype(float)
    spread = np.hypot(noise.level_sd, noise.level_shared_sd)
    limited = np.nan_to_num(np.clip(level, -1.5 * spread, 1.5 * spread))
    n = np.maximum(_sums(np.isfinite(level).astype(float), loci), 1)
    return _sums(limited, loci) / n, spread**2 / n + noise.wave(n)


def _foretold(data: Stack, loci: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean level of each stretch by generalised least squares, and its variance.

    The best linear unbiased estimate of a step over the stretch where levels around it have the
    covariance of this genome's waves (Aitken, doi:10.1017/S0370164600014346): flanks of few loci,
    at a centromere or an end, foretell little and count for little.
    """
    mean, sampling = _bins(data, loci)
    covariance = _covariance(*_bins(data, stretches(data, _length(data, loci), 1)[1]))
    n = mean.shape[1]
    inside = np.zeros(n)
    inside[BESIDE * BINS : (BESIDE + 1) * BINS] = 1
    lags = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    weight = np.empty_like(mean)
    for part in np.array_split(np.arange(len(mean)), max(1, len(mean) // 1000)):
        matrix = covariance[lags] + sampling[part, :, None] * np.eye(n)
        weight[part] = np.linalg.solve(matrix, np.broadcast_to(inside, (len(part), n))[..., None])[
            ..., 0
        ]
    information = weight @ inside
    return (weight * mean).sum(axis=1) / information, 1 / information


def _length(data: Stack, loci: np.ndarray) -> int:
    return int(np.median(data.end[loci[:, 1] - 1] - data.start[loci[:, 0]]))


def _bins(data: Stack, loci: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean levels of bins over each stretch and beside it, and their variance by chance.

    Both (W, BINS x (2 BESIDE + 1)); a bin without a locus has mean 0 and a variance of 1, far
    above that of any wave.
    """
    noise, level = data.noise[0], data.level[0].astype(float)
    spread = np.hypot(noise.level_sd, noise.level_shared_sd)
    limited = np.nan_to_num(np.clip(level, -1.5 * spread, 1.5 * spread))
    width = _length(data, loci) // BINS
    codes = data.keys >> 32
    edges = np.arange(-BESIDE * BINS, (BESIDE + 1) * BINS + 1) * width
    places = np.maximum(data.start[loci[:, 0], None] + edges, 0)
    at = np.searchsorted(data.keys, (codes[loci[:, 0], None] << 32) + places)
    pairs = np.stack([at[:, :-1], at[:, 1:]], axis=-1).reshape(-1, 2)
    n = _sums(np.isfinite(level).astype(float), pairs).reshape(len(loci), -1)
    mean = _sums(limited, pairs).reshape(len(loci), -1) / np.maximum(n, 1)
    return mean, np.where(n > 0, spread**2 / np.maximum(n, 1), 1.0)


def _covariance(mean: np.ndarray, sampling: np.ndarray) -> np.ndarray:
    """Return the covariance of the waves by lag in bins, shape (n bins,)."""
    n, known = mean.shape[1], (sampling < 1).astype(float)
    found = np.empty(n)
    for lag in range(n):
        both = known[:, : n - lag] * known[:, lag:]
        found[lag] = (both * mean[:, : n - lag] * mean[:, lag:]).sum() / max(both.sum(), 1)
    found[0] -= (known * sampling).sum() / known.sum()
    return found


def _sums(values: np.ndarray, loci: np.ndarray) -> np.ndarray:
    """Return the sums of values (..., N) over stretches, shape (..., W)."""
    before = np.concatenate([np.zeros((*values.shape[:-1], 1)), values.cumsum(axis=-1)], axis=-1)
    return before[..., loci[:, 1]] - before[..., loci[:, 0]]


def stretches(data: Stack, length: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the starts (chromosomes one after the other) and the loci of all stretches."""
    starts, loci = [], []
    for number, chrom in enumerate(genome.AUTOSOMES):
        first, last = data.range(chrom, 0, 2**31)
        for start in range(data.start[first], data.start[last - 1] - length, length // steps):
            starts.append(number * 2**31 + start)
            loci.append(data.range(chrom, start, start + length))
    return np.array(starts), np.array(loci)


def null_peaks(
    name: str, kind: str, size: float, fractions: Sequence[float]
) -> dict[str, np.ndarray]:
    """Return, by oracle, the surest scores of a null genome on stretches apart: (F, PEAKS)."""
    data, _ = measured(name)
    length, found = int(size * 1e6), {}
    for oracle, (steps, flanks) in ORACLES.items():
        starts, loci = stretches(data, length, steps)
        score = scores(data, kind, fractions, loci, flanks)
        found[oracle] = np.array([peaks(starts, row, length) for row in score])
    return found


def peaks(start: np.ndarray, score: np.ndarray, length: int) -> np.ndarray:
    """Return the highest scores of stretches of one length that do not overlap, (PEAKS,)."""
    left, found = score.copy(), np.full(PEAKS, -np.inf)
    for i in range(PEAKS):
        best = int(left.argmax())
        found[i] = left[best]
        left[np.abs(start - start[best]) < length] = -np.inf
    return found


def threshold(nulls: Sequence[np.ndarray]) -> np.ndarray:
    """Return the score, per fraction, that at most .1 stretches a null genome exceed, (F,)."""
    allowed = int(scoring.FALSE_RATE * len(nulls))
    return -np.sort(-np.concatenate(nulls, axis=1), axis=1)[:, allowed]


def planted(name: str) -> pd.DataFrame:
    """Return fraction, the oracles' scores and the engine's stated rate of a genome's events.

    All events are of one kind, length and fraction. `rate` is what the engine states of its fit of
    the planted stretch.
    """
    data, truth = measured(name)
    kind, fraction = truth["kind"].iloc[0], float(truth["fraction"].iloc[0])
    found = truth[["fraction"]].assign(rate=[_stated(data, event) for event in truth.itertuples()])
    half = int(truth["end"].iloc[0] - truth["start"].iloc[0]) // 2
    for oracle, (n, flanks) in ORACLES.items():
        offsets = [0] if n == 1 else range(1 - half, half, 2 * half // n)
        loci = np.array(
            [
                data.range(event.chrom, event.start + by, event.end + by)
                for event in truth.itertuples()
                for by in offsets
            ]
        )
        score = scores(data, kind, [fraction], loci, flanks)
        found[oracle] = score.reshape(len(truth), len(offsets)).max(axis=1)
    return found


def _stated(data: Stack, event: Any) -> float:
    """Return the rate that the engine states of its fit of a planted stretch."""
    settings = engine.config()["events"]
    first, last = data.range(event.chrom, event.start, event.end)
    fit = Stretch(data, first, last, settings).fit(EVENT_KINDS)
    assert fit is not None, f"no kind fits {event.chrom}:{event.start}"
    places = places_of(data.size, last - first, settings)
    return float(false_event_rate(fit.score, places, settings))


def report(nulls: Sequence[Mapping[str, np.ndarray]], events: pd.DataFrame) -> str:
    """Return power by cell fraction, of oracles and of the engine's fit, and what they need."""
    fractions = sorted(events["fraction"].unique())
    least = {
        oracle: dict(zip(fractions, threshold([of[oracle] for of in nulls]), strict=True))
        for oracle in ORACLES
    }
    rows: list[dict[str, str]] = []
    power: dict[str, list[float]] = {}
    for fraction, own in events.groupby("fraction"):
        row = {"cells": f"{100 * fraction:g} %", "events": str(len(own))}
        found = {oracle: (own[oracle] > least[oracle][fraction]).mean() for oracle in ORACLES}
        found |= {f"engine, {name}": (own["rate"] <= rate).mean() for name, rate in RATES.items()}
        for name, share in found.items():
            power.setdefault(name, []).append(float(share))
            row[name] = f"{share:.2f}"
        for oracle in ORACLES:
            row[oracle] += f" ({own[oracle].median():.1f} of {least[oracle][fraction]:.1f})"
        rows.append(row)
    last = {"cells": "needed for power .8", "events": ""}
    for name, values in power.items():
        last[name] = scoring.needed_text(scoring.fraction_needed(fractions, values)) + " %"
    return "Power; in brackets the median score and what is asked of it (nats).\n\n" + (
        scoring.markdown([*rows, last])
    )


def main() -> int:
    """Ask all genomes, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=genomes.KINDS, default="gain")
    parser.add_argument("--size", type=float, default=2.0, help="length of the events in Mb")
    parser.add_argument("--fractions", nargs="+", type=float, default=[0.11, 0.12, 0.13, 0.14])
    parser.add_argument("--genomes", type=int, default=2, help="of 22 events each, a fraction")
    parser.add_argument("--nulls", type=int, default=genomes.NULL_GENOMES)
    parser.add_argument("--processes", type=int, default=1)
    of = parser.parse_args()
    fractions = sorted(of.fractions)
    names = [n for f in fractions for n in genomes.crossing_names(of.kind, of.size, f, of.genomes)]
    empty = genomes.null_names(of.nulls)
    with ProcessPoolExecutor(of.processes, mp_context=get_context("spawn")) as pool:
        events = list(pool.map(planted, names))
        ask = partial(null_peaks, kind=of.kind, size=of.size, fractions=fractions)
        nulls = list(pool.map(ask, empty))
    print(report(nulls, pd.concat(events, ignore_index=True)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
