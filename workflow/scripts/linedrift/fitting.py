"""The joint fit of one stretch over all measurements of a line: kind, cell fractions, ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from linedrift.genome import CHROM_DTYPE, Karyotype
from linedrift.likelihood import (
    alleles,
    allelic_shift,
    level_score,
    log2_ratio,
    noisier_score,
    shift_score,
)
from linedrift.noise import Noise, limited_mean
from linedrift.tails import LONG, bounded_score, level_cost, shift_cost

# Cell fractions asked in a fit: finer where a per cent matters.
GRID = np.concatenate([[0.0], np.arange(0.01, 0.3, 0.01), np.linspace(0.3, 1, 36)])
COARSE = np.array([0.0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.55, 0.75, 1.0])


# Noisier nulls asked, in sd of the local sd.
NOISIER_STEPS = (0.5, 1.0, 1.5, 2.0, 3.0)


@dataclass(frozen=True)
class Stack:
    """The contrasts of a line side by side: K measurements by N loci in genome order.

    `keys` are chromosome and start of each locus as one sorted integer. `level` and `shift` are
    relative to the baseline (NaN where none); `level_baseline` and `shift_baseline` are what was
    subtracted. `copies` are the germline copies per locus.
    """

    keys: np.ndarray
    chrom: np.ndarray
    start: np.ndarray
    end: np.ndarray
    copies: np.ndarray
    level: np.ndarray
    shift: np.ndarray
    level_baseline: np.ndarray
    shift_baseline: np.ndarray
    noise: tuple[Noise, ...]

    @property
    def size(self) -> int:
        """Number of loci."""
        return len(self.start)

    def range(self, chrom: str, start: int, end: int) -> tuple[int, int]:
        """Return [first, last) of the loci that start within an interval of a chromosome."""
        code = list(CHROM_DTYPE.categories).index(chrom) << 32
        first, last = np.searchsorted(self.keys, [code + start, code + end])
        return int(first), int(last)

    @cached_property
    def shift_sd(self) -> np.ndarray:
        """Independent sd of the shift per measurement, shape (K,)."""
        return np.array([noise.shift_sd for noise in self.noise])

    @cached_property
    def shift_shared_sd(self) -> float:
        """Sd of the shift that the measurements have in common."""
        return float(np.mean([noise.shift_shared_sd for noise in self.noise]))

    @cached_property
    def shift_wide(self) -> float:
        """Share of heterozygous loci in the wide tails of the noise."""
        return float(np.mean([noise.shift_wide for noise in self.noise]))

    @cached_property
    def excess(self) -> float:
        """Relative sd of the local sd of the shift, from stretch to stretch."""
        return max(noise.shift_excess for noise in self.noise)

    def only(self, members: Sequence[int]) -> Stack:
        """Return the stack with these measurements."""
        m = list(members)
        return replace(
            self,
            level=self.level[m],
            shift=self.shift[m],
            level_baseline=self.level_baseline[m],
            shift_baseline=self.shift_baseline[m],
            noise=tuple(self.noise[k] for k in m),
        )

    def whole(self) -> Stack:
        """Return the stack with nothing subtracted: for what the baseline has as well."""
        return replace(
            self,
            level=self.level + self.level_baseline,
            shift=self.shift + self.shift_baseline,
            level_baseline=np.zeros_like(self.level_baseline),
            shift_baseline=np.zeros_like(self.shift_baseline),
        )


def stack(
    contrasts: Sequence[pd.DataFrame], noises: Sequence[Noise], karyotype: Karyotype
) -> Stack:
    """Return the contrasts of a line on the union of their loci.

    Of loci that repeat a position within a contrast the first is kept.
    """
    keys = [
        (frame["chrom"].cat.codes.to_numpy().astype(np.int64) << 32) + frame["start"].to_numpy()
        for frame in contrasts
    ]
    union = _union(keys)
    names = ("log_ratio", "shift", "log_ratio_baseline", "shift_baseline")
    arrays = {name: np.full((len(contrasts), len(union)), np.nan, np.float32) for name in names}
    end = np.zeros(len(union), np.int64)
    for k, (key, frame) in enumerate(zip(keys, contrasts, strict=True)):
        # Written back to front, so that the first of repeated positions stands.
        place = np.searchsorted(union, key)[::-1]
        end[place] = frame["end"].to_numpy()[::-1]
        for name in names:
            arrays[name][k, place] = frame[name].to_numpy()[::-1]
    codes = (union >> 32).astype(int)
    chrom = np.asarray(CHROM_DTYPE.categories)[codes]
    start = union & 0xFFFFFFFF
    return Stack(
        keys=union,
        chrom=chrom,
        start=start,
        end=end,
        copies=karyotype.copies_at(chrom, start),
        level=arrays["log_ratio"],
        shift=arrays["shift"],
        level_baseline=np.nan_to_num(arrays["log_ratio_baseline"]),
        shift_baseline=np.nan_to_num(arrays["shift_baseline"]),
        noise=tuple(noises),
    )


def _union(keys: Sequence[np.ndarray]) -> np.ndarray:
    """Return the distinct ones of several sorted arrays, sorted."""
    # A stable sort merges runs that are sorted already; np.unique sorts them anew.
    merged = np.sort(np.concatenate([np.zeros(0, np.int64), *keys]), kind="stable")
    return merged[np.diff(merged, prepend=-1) != 0]


@dataclass(frozen=True)
class Fit:
    """The best event of a stretch of loci [first, last): kind, cell fractions, evidence.

    `fraction` and `support` have one value per measurement; `support` is the log-likelihood
    ratio that a measurement adds, its haplotype signs known from the others (nats).
    """

    first: int
    last: int
    kind: str
    fraction: np.ndarray
    score: float
    shift_score: float
    level_score: float
    support: np.ndarray
    n_levels: int
    n_shifts: int


class Stretch:
    """The data of one stretch, ready to be asked about kinds and cell fractions."""

    def __init__(self, stack: Stack, first: int, last: int, settings: Mapping[str, Any]) -> None:
        """Take loci [first, last) of `stack`; `settings` is section `events` of the config."""
        self.stack, self.first, self.last, self.settings = stack, first, last, settings
        self.copies = int(np.median(stack.copies[first:last]))
        shift = stack.shift[:, first:last].astype(float)
        self.shift = shift[:, np.isfinite(shift).any(axis=0)]
        self.n_shifts = self.shift.shape[1]
        self.weight = np.ones(self.n_shifts)
        if len(shift) == 1 and self.n_shifts > 500:
            # One measurement: a score depends on |shift| alone, so equal ones are asked once.
            # Rounded to .001, a thirtieth of the sd of real arrays.
            value, counts = np.unique(np.round(np.abs(self.shift[0]), 3), return_counts=True)
            self.shift, self.weight = value[None], counts.astype(float)
        level = stack.level[:, first:last].astype(float)
        here = [noise.on(stack.chrom[first]) for noise in stack.noise]
        self.mean, self.covariance = _segment_mean(level, here)
        self.measured = np.isfinite(self.mean)
        self.n_levels = int(np.isfinite(level).any(axis=0).sum())

    @cached_property
    def noisier(self) -> float:
        """The log-likelihood that a noisier null gains over the null, at least 0 (nats)."""
        excess = self.stack.excess
        if self.n_shifts == 0 or excess == 0:
            return 0.0
        return max(0.0, max(self._noisier(step, excess) for step in NOISIER_STEPS))

    def _noisier(self, step: float, excess: float) -> float:
        # The local sd is normal around the overall one, on the log scale, with sd `excess`.
        gained = noisier_score(
            self.shift,
            self.stack.shift_sd,
            self.stack.shift_shared_sd,
            float(np.exp(step * excess)),
            self.stack.shift_wide,
        )
        return float(gained @ self.weight) - step**2 / 2

    def shift_scores(self, delta: np.ndarray) -> np.ndarray:
        """Return the evidence of shifts `delta` (G, K) over the stretch, shape (G,), nats."""
        if self.n_shifts == 0:
            return np.zeros(len(delta))
        # In parts, so that hypotheses times loci stay within some 16 MB.
        parts = np.array_split(delta, max(1, len(delta) * self.shift.shape[1] // 2_000_000))
        return np.concatenate(
            [
                shift_score(
                    self.shift,
                    self.stack.shift_sd,
                    self.stack.shift_shared_sd,
                    part,
                    self.stack.shift_wide,
                )
                @ self.weight
                for part in parts
            ]
        )

    def level_scores(self, kind: str, fraction: np.ndarray) -> np.ndarray:
        """Return the evidence of the mean levels for `fraction` (G, K), shape (G,), nats."""
        m = self.measured
        if not m.any():
            return np.zeros(len(fraction))
        response = np.array([noise.response for noise in self.stack.noise])
        expected = response * log2_ratio(kind, fraction, self.copies)
        return level_score(
            self.mean[m],
            self.covariance[np.ix_(m, m)],
            expected[:, m],
            self.settings["response_sd"],
        )

    def scores(self, kind: str, fraction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (shift, level) evidence of `kind` at cell fractions (G, K), each (G,)."""
        delta = allelic_shift(kind, fraction) if self.copies == 2 else np.zeros_like(fraction)
        return self.shift_scores(delta), self.level_scores(kind, fraction)

    def along(self, kind: str, fraction: np.ndarray, k: int, grid: np.ndarray) -> np.ndarray:
        """Return the evidence with measurement `k` moved over `grid`, the others held."""
        asked = np.repeat(fraction[None], len(grid), axis=0)
        asked[:, k] = grid
        return np.sum(self.scores(kind, asked), axis=0)

    @cached_property
    def parts(self) -> list[Stretch]:
        """The stretch of each measurement alone."""
        if len(self.stack.noise) == 1:
            return [self]
        return [
            Stretch(self.stack.only([k]), self.first, self.last, self.settings)
            for k in range(len(self.stack.noise))
        ]

    def fit(self, kinds: Sequence[str], least: float = -np.inf) -> Fit | None:
        """Return the best event of these kinds; None where none can exist or none is likely.

        Not likely: the best scores of the measurements, each alone, sum to less than `least`.
        Kinds that fall short of the best by a share `kind_margin` of that sum, and by 20, are not
        fitted: the coarse grid itself misses a few per cent.
        """
        alone = {
            kind: np.array([part.along(kind, np.zeros(1), 0, COARSE) for part in self.parts])
            for kind in kinds
            if self.copies and alleles(kind, self.copies)
        }
        total = {kind: scores.max(axis=1).sum() for kind, scores in alone.items()}
        best = max(total.values(), default=-np.inf)
        if best < least or not alone:
            return None
        # Each measurement alone first: a good place for the joint ascent to start from.
        fits = [
            self._fit_kind(kind, COARSE[scores.argmax(axis=1)])
            for kind, scores in alone.items()
            if total[kind] >= best - max(20.0, self.settings["kind_margin"] * best)
        ]
        # The kinds are compared before what tails can fake is taken off: that is the same for all.
        surest = max(fits, key=lambda fit: fit.score - self.settings["kind_cost"][fit.kind])
        return self._less_tails(surest)

    def _fit_kind(self, kind: str, start: np.ndarray) -> Fit:
        fraction, support = self._carriers(kind, self._ascend(kind, start))
        shift, level = (float(part[0]) for part in self.scores(kind, fraction[None]))
        carriers = int((fraction > 0).sum())
        # More measurements are more chances: which of them carries it, and how much each.
        cost = 2 * np.log(len(fraction)) + self.settings["carrier_cost"] * max(carriers - 1, 0)
        evidence = shift - self.noisier - cost
        return Fit(
            self.first,
            self.last,
            kind,
            fraction,
            evidence + level,
            evidence,
            level,
            support,
            self.n_levels,
            self.n_shifts,
        )

    def _less_tails(self, fit: Fit) -> Fit:
        shift, level = fit.shift_score - self._tail_cost(fit.kind, fit.fraction), fit.level_score
        if self.n_levels <= LONG:
            level = min(level, self._bounded_level(fit.kind, fit.fraction))
        return replace(fit, score=shift + level, shift_score=shift, level_score=level)

    def _tail_cost(self, kind: str, fraction: np.ndarray) -> float:
        """Return what the tails of the shifts can fake of the evidence (nats, see tails)."""
        if self.copies != 2 or self.n_shifts == 0:
            return 0.0
        count = np.isfinite(self.shift) @ self.weight
        delta = allelic_shift(kind, fraction)
        return sum(
            float(
                n
                * shift_cost(noise.shift_costs, d, np.hypot(noise.shift_sd, noise.shift_shared_sd))
            )
            for n, d, noise in zip(count, delta, self.stack.noise, strict=True)
        )

    def _bounded_level(self, kind: str, fraction: np.ndarray) -> float:
        """Return what the levels say taken one by one, each bounded, less what tails can fake."""
        total = 0.0
        for k, overall in enumerate(self.stack.noise):
            noise = overall.on(self.stack.chrom[self.first])
            sd = float(np.hypot(noise.level_sd, noise.level_shared_sd))
            level = self.stack.level[k, self.first : self.last].astype(float)
            level = level[np.isfinite(level)]
            asked = GRID[GRID <= fraction[k]]
            mu = noise.response * log2_ratio(kind, asked, self.copies)
            cost = len(level) * level_cost(noise.level_costs, mu, sd)
            total += float((bounded_score(level, sd, mu).sum(axis=1) - cost).max())
        return total

    def _carriers(self, kind: str, fraction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the fractions, 0 where a measurement adds less than it costs, and the support.

        The support of a measurement is what the evidence loses when its fraction is 0.
        """
        fraction = fraction.copy()
        while True:
            total = float(np.sum(self.scores(kind, fraction[None])))
            without = [self.along(kind, fraction, k, np.zeros(1))[0] for k in range(len(fraction))]
            support = total - np.array(without)
            carriers = np.flatnonzero(fraction > 0)
            if len(carriers) < 2:
                return fraction, support
            weakest = carriers[np.argmin(support[carriers])]
            if support[weakest] >= self.settings["carrier_cost"]:
                return fraction, support
            fraction[weakest] = 0.0

    def _ascend(self, kind: str, start: np.ndarray) -> np.ndarray:
        """Return the cell fractions that maximise the evidence, one measurement at a time."""
        fraction = start.copy()
        for _ in range(3):
            before = fraction.copy()
            for k in range(len(fraction)):
                near = GRID[np.abs(GRID - fraction[k]) <= max(0.04, 0.35 * fraction[k])]
                fraction[k] = near[np.argmax(self.along(kind, fraction, k, near))]
            if len(fraction) == 1 or np.array_equal(before, fraction):
                break
        return fraction

    def pull(self, kind: str, fraction: np.ndarray, but: int) -> np.ndarray:
        """Return half the log-odds of each locus' haplotype sign, from all but one measurement."""
        delta = allelic_shift(kind, fraction)
        delta[but] = 0.0
        variance = self.stack.shift_sd**2 + self.stack.shift_shared_sd**2
        return (delta / variance) @ np.nan_to_num(self.shift)

    def interval(self, kind: str, fraction: np.ndarray, k: int) -> tuple[float, float]:
        """Return the 95 % profile-likelihood interval of the cell fraction of measurement `k`."""
        values = self.along(kind, fraction, k, GRID)
        # 1.92 is half of the 95 % point of chi-squared with one degree of freedom.
        inside = GRID[values >= values.max() - 1.92]
        return float(inside.min()), float(inside.max())


def _segment_mean(level: np.ndarray, noises: Sequence[Noise]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean level per measurement (K,), and the covariance of these means (K, K)."""
    count = len(noises)
    mean, covariance = np.full(count, np.nan), np.zeros((count, count))
    shared = float(np.mean([noise.level_shared_sd for noise in noises])) ** 2
    total = 1
    for k, noise in enumerate(noises):
        values = level[k][np.isfinite(level[k])]
        if len(values) == 0:
            continue
        n, sd = len(values), float(np.hypot(noise.level_sd, noise.level_shared_sd))
        mean[k] = limited_mean(values, sd)
        covariance[k, k] = noise.level_sd**2 / n + float(noise.wave(n))
        total = max(total, n)
    return mean, covariance + shared / total


def locus_scores(stretch: Stack, fit: Fit, first: int, last: int) -> np.ndarray:
    """Return the evidence of each locus in [first, last) for the event of `fit`, nats.

    The levels are taken one by one, with a variance that is widened as far as a wave could
    mimic the change: a clonal loss keeps its sharp ends, a small gain leaves them to the alleles.
    """
    copies = int(np.median(stretch.copies[fit.first : fit.last]))
    shift = stretch.shift[:, first:last].astype(float)
    score = np.zeros(last - first)
    if copies == 2:
        delta = allelic_shift(fit.kind, fit.fraction)[None]
        some = np.isfinite(shift).any(axis=0)
        score[some] = shift_score(
            shift[:, some], stretch.shift_sd, stretch.shift_shared_sd, delta, stretch.shift_wide
        )[0]
    for k, overall in enumerate(stretch.noise):
        noise = overall.on(stretch.chrom[fit.first])
        mu = noise.response * float(log2_ratio(fit.kind, fit.fraction[k], copies))
        if mu == 0:
            continue
        sd2 = noise.level_sd**2 + noise.level_shared_sd**2
        wave = float(noise.wave(200))
        variance = sd2 + 200 * wave * min(1.0, 4 * wave / mu**2)
        value = stretch.level[k, first:last].astype(float)
        limit = 4 * np.sqrt(sd2)
        value = np.clip(value, min(0.0, mu) - limit, max(0.0, mu) + limit)
        score += np.nan_to_num(mu * (value - mu / 2) / variance)
    return score


def ends(score: np.ndarray, first: int, last: int) -> tuple[tuple[int, int, int], ...]:
    """Return the best start and end of an event within a window, each with its 95 % range.

    Parameters
    ----------
    score
        Evidence per locus of the window, shape (n,).
    first, last
        Present ends, as indices into the window; the event must keep a locus between.

    Returns
    -------
    ((best, low, high), (best, low, high))
        Index of the first locus of the event, and one beyond its last. The ranges hold 95 % of
        the likelihood of the change point (flat prior over loci).
    """
    middle = (first + last) // 2
    running = np.concatenate([[0.0], np.cumsum(score)])
    into = running[middle] - running[: middle + 1]
    out = running[middle + 1 :] - running[middle]
    return _change_point(into, 0), _change_point(out, middle + 1)


def _change_point(value: np.ndarray, offset: int) -> tuple[int, int, int]:
    weight = np.exp(value - value.max())
    share = np.cumsum(weight) / weight.sum()
    low, high = np.searchsorted(share, [0.025, 0.975])
    best = int(np.argmax(value))
    return (
        best + offset,
        min(int(low), best) + offset,
        max(int(min(high, len(value) - 1)), best) + offset,
    )
