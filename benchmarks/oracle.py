"""The cell fraction that a caller would need who knew what to look for, and where.

    python benchmarks/oracle.py [--kind gain] [--size 2] [--fractions .1 .11 .12 .13] [--steps 1 8]
                                [--genomes 4] [--nulls 20] [--processes 1]

On simulated pairs the library's likelihood is asked about the very kind and cell fraction that
were planted, the response of the array being known. Nothing is taken off for noise that is wider
here than elsewhere, for tails, or for the choice of kind, length and fraction. What no caller is
spared is that the event may lie anywhere: in genomes without an event the same question is put to
every stretch of that length, and the oracle says yes above the score that at most .1 stretches a
genome exceed. With one step the stretches do not overlap and the oracle knows both ends of an
event. With more (so many to a length) it knows the length alone, and takes the best stretch that
covers more than half of the event. Beside it stands how often the engine's own fit of the planted
stretch, kind and fraction free, would be called at the rate of the config and at .25.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import engine
import genomes
import numpy as np
import pandas as pd
import scoring
from linedrift import genome
from linedrift.contrast import contrast
from linedrift.fitting import Stretch
from linedrift.likelihood import allelic_shift, log2_ratio, shift_score
from linedrift.limits import false_event_rate, places_of
from linedrift.stacks import Stack, stack
from linedrift.tables import EVENT_KINDS

# Fewer loci are no stretch: a gap of the array.
LEAST_LOCI = 20
# The surest stretches of a null genome that are kept; the threshold is far above the last.
PEAKS = 10
# Stated rates at which the engine's fit is judged: that of a call, and the one at which linedrift
# has as many false events as its peers may have (the grid).
RATES = {"as called": engine.config()["events"]["rate"], "at .1 false": 10**-0.6}


def measured(name: str) -> tuple[Stack, pd.DataFrame]:
    """Return the contrast of the line of a simulated pair, and what was planted in it."""
    pair, karyotype = genomes.simulated(name), genome.Karyotype("female")
    frame, noise = contrast(pair.line, [pair.donor], karyotype, engine.config()["contrast"])
    return stack([frame], [noise], karyotype), pair.truth


def scores(data: Stack, kind: str, fractions: Sequence[float], loci: np.ndarray) -> np.ndarray:
    """Return the log-likelihood ratio of a kind over stretches, shape (F, W), nats.

    `loci` are the first locus of each stretch and the one after its last, shape (W, 2), on
    autosomes. Levels are limited to 1.5 sd of no change; -inf where a stretch has few loci.
    """
    noise, asked = data.noise[0], np.array(fractions, float)
    level, shift = (row[0].astype(float) for row in (data.level, data.shift))
    known = np.isfinite(shift)
    of_locus = np.zeros((len(asked), data.size))
    of_locus[:, known] = shift_score(
        shift[None, known],
        data.shift_sd,
        data.shift_shared_sd,
        allelic_shift(kind, asked)[:, None],
        data.shift_wide,
    )
    spread = np.hypot(noise.level_sd, noise.level_shared_sd)
    limited = np.nan_to_num(np.clip(level, -1.5 * spread, 1.5 * spread))
    n = np.maximum(_sums(np.isfinite(level).astype(float), loci), 1)
    variance = spread**2 / n + noise.wave(n)
    mu = noise.response * log2_ratio(kind, asked)[:, None]
    of_level = mu * (_sums(limited, loci) / n - mu / 2) / variance
    return np.where(n >= LEAST_LOCI, _sums(of_locus, loci) + of_level, -np.inf)


def _sums(values: np.ndarray, loci: np.ndarray) -> np.ndarray:
    """Return the sums of values (..., N) over stretches, shape (..., W)."""
    before = np.concatenate([np.zeros((*values.shape[:-1], 1)), values.cumsum(axis=-1)], axis=-1)
    return before[..., loci[:, 1]] - before[..., loci[:, 0]]


def null_peaks(
    name: str, kind: str, size: float, fractions: Sequence[float], steps: Sequence[int]
) -> dict[int, np.ndarray]:
    """Return, by steps, the surest scores of a null genome on stretches apart: (F, PEAKS)."""
    data, _ = measured(name)
    return {n: _null_peaks(data, kind, int(size * 1e6), fractions, n) for n in steps}


def _null_peaks(
    data: Stack, kind: str, length: int, fractions: Sequence[float], steps: int
) -> np.ndarray:
    starts, loci = [], []
    for number, chrom in enumerate(genome.AUTOSOMES):
        first, last = data.range(chrom, 0, 2**31)
        for start in range(data.start[first], data.start[last - 1] - length, length // steps):
            starts.append(number * 2**31 + start)
            loci.append(data.range(chrom, start, start + length))
    score = scores(data, kind, fractions, np.array(loci))
    return np.array([peaks(np.array(starts), row, length) for row in score])


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


def planted(name: str, steps: Sequence[int]) -> pd.DataFrame:
    """Return fraction, the oracle's scores and the engine's stated rate of a genome's events.

    A column of scores by each number of `steps`; `rate` is what the engine states of its fit of
    the planted stretch.
    """
    data, truth = measured(name)
    own = engine.config()["events"]
    found = []
    for event in truth.itertuples():
        half = (event.end - event.start) // 2
        row: dict[str | int, float] = {"fraction": event.fraction}
        for n in steps:
            offsets = [0] if n == 1 else range(1 - half, half, 2 * half // n)
            loci = [data.range(event.chrom, event.start + by, event.end + by) for by in offsets]
            row[n] = scores(data, event.kind, [event.fraction], np.array(loci)).max()
        first, last = data.range(event.chrom, event.start, event.end)
        fit = Stretch(data, first, last, own).fit(EVENT_KINDS)
        assert fit is not None, f"{name}: no kind fits {event.chrom}"
        rate = false_event_rate(fit.score, places_of(data.size, last - first, own), own)
        found.append(row | {"rate": float(rate)})
    return pd.DataFrame(found)


def report(nulls: Sequence[Mapping[int, np.ndarray]], events: pd.DataFrame) -> str:
    """Return power by cell fraction, of oracles and of the engine's fit, and what they need."""
    fractions = sorted(events["fraction"].unique())
    steps = list(nulls[0])
    least = {
        n: dict(zip(fractions, threshold([of[n] for of in nulls]), strict=True)) for n in steps
    }
    rows: list[dict[str, str]] = []
    power: dict[str, list[float]] = {}
    for fraction, own in events.groupby("fraction"):
        row = {"cells": f"{100 * fraction:g} %", "events": str(len(own))}
        found = {_oracle(n): (own[n] > least[n][fraction]).mean() for n in steps}
        found |= {f"engine, {name}": (own["rate"] <= rate).mean() for name, rate in RATES.items()}
        for name, share in found.items():
            power.setdefault(name, []).append(float(share))
            row[name] = f"{share:.2f}"
        for n in steps:
            row[_oracle(n)] += f" ({own[n].median():.1f} of {least[n][fraction]:.1f})"
        rows.append(row)
    last = {"cells": "needed for power .8", "events": ""}
    for name, values in power.items():
        last[name] = scoring.needed_text(scoring.fraction_needed(fractions, values)) + " %"
    return "Power; in brackets the median score and what is asked of it (nats).\n\n" + (
        scoring.markdown([*rows, last])
    )


def _oracle(steps: int) -> str:
    return "oracle, ends known" if steps == 1 else f"oracle, length known ({steps} steps)"


def main() -> int:
    """Ask all genomes, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=genomes.KINDS, default="gain")
    parser.add_argument("--size", type=float, default=2.0, help="length of the events in Mb")
    parser.add_argument("--fractions", nargs="+", type=float, default=[0.1, 0.11, 0.12, 0.13])
    parser.add_argument("--steps", nargs="+", type=int, default=[1, 8], help="stretches a length")
    parser.add_argument("--genomes", type=int, default=4, help="of 22 events each, a fraction")
    parser.add_argument("--nulls", type=int, default=genomes.NULL_GENOMES)
    parser.add_argument("--processes", type=int, default=1)
    of = parser.parse_args()
    fractions = sorted(of.fractions)
    names = [n for f in fractions for n in genomes.crossing_names(of.kind, of.size, f, of.genomes)]
    empty = genomes.null_names(of.nulls)
    with ProcessPoolExecutor(of.processes, mp_context=get_context("spawn")) as pool:
        events = list(pool.map(partial(planted, steps=of.steps), names))
        ask = partial(null_peaks, kind=of.kind, size=of.size, fractions=fractions, steps=of.steps)
        nulls = list(pool.map(ask, empty))
    print(report(nulls, pd.concat(events, ignore_index=True)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
