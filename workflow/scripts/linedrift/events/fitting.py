"""The joint fit of one stretch over all measurements of a line: kind, cell fractions, ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from linedrift.events.stacks import Stack, within
from linedrift.signals.likelihood import Shifts, alleles, allelic_shift, level_score, log2_ratio
from linedrift.signals.noise import Noise, limited_mean
from linedrift.signals.tails import LONG, bounded_score, level_cost, shift_cost

# Cell fractions asked in a fit: finer where a per cent matters.
GRID = np.concatenate([[0.0], np.arange(0.01, 0.3, 0.01), np.linspace(0.3, 1, 36)])
COARSE = np.array([0.0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.55, 0.75, 1.0])


# Noisier nulls asked, in sd of the local sd.
NOISIER_STEPS = (0.5, 1.0, 1.5, 2.0, 3.0)


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
        self.shift_sd = stack.shift_sd[:, None]
        if stack.shift_scale.shape[1] > 1:
            known = np.isfinite(shift).any(axis=0)
            self.shift_sd = self.shift_sd * stack.shift_scale[:, first:last][:, known]
        elif len(shift) == 1 and self.n_shifts > 500:
            # One measurement: a score depends on |shift| alone, so equal ones are asked once.
            # Rounded to .001, a thirtieth of the sd of real arrays.
            value, counts = np.unique(np.round(np.abs(self.shift[0]), 3), return_counts=True)
            self.shift, self.weight = value[None], counts.astype(float)
        level = stack.level[:, first:last].astype(float)
        here = [noise.on(stack.chrom[first]) for noise in stack.noise]
        self.level_scale = within(stack.level_scale, first, last)
        self.mean, self.covariance = _segment_mean(level, here, self.level_scale, stack.assay)
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
        gained = self.shifts.noisier(float(np.exp(step * excess)))
        return float(gained @ self.weight) - step**2 / 2

    @cached_property
    def shifts(self) -> Shifts:
        """The shifts of the stretch, ready to be asked about many fractions."""
        shared, wide = self.stack.shift_shared_sd, self.stack.shift_wide
        return Shifts.of(self.shift, self.shift_sd, shared, wide)

    def shift_scores(self, delta: np.ndarray) -> np.ndarray:
        """Return the evidence of shifts `delta` (G, K) over the stretch, shape (G,), nats."""
        if self.n_shifts == 0:
            return np.zeros(len(delta))
        # In parts, so that hypotheses times loci stay within some 16 MB.
        parts = np.array_split(delta, max(1, len(delta) * self.shift.shape[1] // 2_000_000))
        return np.concatenate([self.shifts.score(part) @ self.weight for part in parts])

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

    def along(self, kind: str, fraction: np.ndarray, unit: int, grid: np.ndarray) -> np.ndarray:
        """Return the evidence with the sample `unit` moved over `grid`, the others held."""
        asked = np.repeat(fraction[None], len(grid), axis=0)
        asked[:, self.of(unit)] = grid[:, None]
        return np.sum(self.scores(kind, asked), axis=0)

    def of(self, unit: int) -> list[int]:
        """Return the measurements of the sample `unit`."""
        return [k for k, of in enumerate(self.stack.unit) if of == unit]

    @cached_property
    def parts(self) -> dict[int, Stretch]:
        """The stretch of each sample alone."""
        if len(self.stack.units) == 1:
            return {self.stack.unit[0]: self}
        here, size = self.stack.cut(self.first, self.last), self.last - self.first
        return {
            unit: Stretch(here.only(self.of(unit)), 0, size, self.settings)
            for unit in self.stack.units
        }

    def fit(self, kinds: Sequence[str], least: float = -np.inf) -> Fit | None:
        """Return the best event of these kinds; None where none can exist or none is likely.

        Not likely: the best scores of the measurements, each alone, sum to less than `least`.
        Kinds that fall short of the best by a share `kind_margin` of that sum, and by 20, are not
        fitted: the coarse grid itself misses a few per cent.
        """
        alone = {
            kind: np.array(
                [
                    part.along(kind, np.zeros(len(part.stack.noise)), unit, COARSE)
                    for unit, part in self.parts.items()
                ]
            )
            for kind in kinds
            if self.copies and alleles(kind, self.copies)
        }
        total = {kind: scores.max(axis=1).sum() for kind, scores in alone.items()}
        best = max(total.values(), default=-np.inf)
        if best < least or not alone:
            return None
        # Each measurement alone first: a good place for the joint ascent to start from.
        fits = [
            self._fit_kind(kind, self._spread(COARSE[scores.argmax(axis=1)]))
            for kind, scores in alone.items()
            if total[kind] >= best - max(20.0, self.settings["kind_margin"] * best)
        ]
        # The kinds are compared before what noise can fake is taken off: that is alike for all.
        cost = self.settings["kind_cost" if self.measured.any() else "allele_cost"]
        surest = max(fits, key=lambda fit: fit.score - cost[fit.kind])
        if surest.kind == "amplification" and "gain" in alone and surest.fraction.max() <= 0.5:
            # Two more copies in some cells are, to array and reads, one more in twice as many:
            # what is usual explains it, and rounding to the grid must not decide.
            surest = self._fit_kind("gain", 2 * surest.fraction)
        return self._beyond_noise(surest)

    def _spread(self, fraction: np.ndarray) -> np.ndarray:
        """Return one value per measurement from one per sample."""
        place = {unit: at for at, unit in enumerate(self.stack.units)}
        return fraction[[place[unit] for unit in self.stack.unit]]

    def _fit_kind(self, kind: str, start: np.ndarray) -> Fit:
        fraction, support = self._carriers(kind, self._ascend(kind, start))
        shift, level = (float(part[0]) for part in self.scores(kind, fraction[None]))
        units = self.stack.units
        carriers = sum(fraction[self.of(unit)[0]] > 0 for unit in units)
        # More samples are more chances: which of them carries it, and how much each.
        cost = 2 * np.log(len(units)) + self.settings["carrier_cost"] * max(carriers - 1, 0)
        evidence = shift - cost
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

    def _beyond_noise(self, fit: Fit) -> Fit:
        """Return the fit with the evidence that it has against every null, not one alone.

        Two nulls explain shifts without an event: noise that is wider in this stretch than
        elsewhere (`noisier`), and noise that is the same everywhere with tails beyond the model's
        (`tails`). Evidence against either is the least of the evidence against each, so the larger
        of the two is taken off. Their sum would be for noise that is wider here *and* has tails on
        top; but `noisier` is fitted to the very shifts of the stretch, tails among them, and has
        counted these already.
        """
        fakes = max(self.noisier, self._tail_cost(fit.kind, fit.fraction))
        shift, level = fit.shift_score - fakes, fit.level_score
        if self.n_levels <= LONG:
            level = min(level, self._bounded_level(fit.kind, fit.fraction))
        return replace(fit, score=shift + level, shift_score=shift, level_score=level)

    def _tail_cost(self, kind: str, fraction: np.ndarray) -> float:
        """Return what the tails of the shifts can fake of the evidence (nats, see tails)."""
        if self.copies != 2 or self.n_shifts == 0:
            return 0.0
        known = np.isfinite(self.shift) * self.weight
        return sum(
            float((count * shift_cost(noise.shift_costs, delta, np.hypot(sd, shared))).sum())
            for count, delta, noise, sd, shared in zip(
                known,
                allelic_shift(kind, fraction),
                self.stack.noise,
                self.shift_sd,
                self.stack.shift_shared_sd,
                strict=True,
            )
        )

    def _bounded_level(self, kind: str, fraction: np.ndarray) -> float:
        """Return what the levels say taken one by one, each bounded, less what tails can fake."""
        total = 0.0
        for k, overall in enumerate(self.stack.noise):
            noise = overall.on(self.stack.chrom[self.first])
            level = self.stack.level[k, self.first : self.last].astype(float)
            known = np.isfinite(level)
            scale = np.broadcast_to(self.level_scale[k], level.shape)[known]
            sd = np.hypot(noise.level_sd, noise.level_shared_sd) * scale
            asked = GRID[GRID <= fraction[k]]
            mu = noise.response * log2_ratio(kind, asked, self.copies)
            cost = level_cost(noise.level_costs, mu[:, None], sd)
            total += float((bounded_score(level[known], sd, mu) - cost).sum(axis=1).max())
        return total

    def _carriers(self, kind: str, fraction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the fractions, 0 where a sample adds less than it costs, and the support.

        The support of a sample is what the evidence loses when its fraction is 0; each of its
        measurements has the same.
        """
        fraction, units = fraction.copy(), self.stack.units
        while True:
            total = float(np.sum(self.scores(kind, fraction[None])))
            without = [self.along(kind, fraction, unit, np.zeros(1))[0] for unit in units]
            support = total - np.array(without)
            carriers = [at for at, unit in enumerate(units) if fraction[self.of(unit)[0]] > 0]
            weakest = min(carriers, key=lambda at: support[at], default=0)
            if len(carriers) < 2 or support[weakest] >= self.settings["carrier_cost"]:
                return fraction, self._spread(support)
            fraction[self.of(units[weakest])] = 0.0

    def _ascend(self, kind: str, start: np.ndarray) -> np.ndarray:
        """Return the cell fractions that maximise the evidence, one sample at a time."""
        fraction, units = start.copy(), self.stack.units
        for _ in range(3):
            before = fraction.copy()
            for unit in units:
                k = self.of(unit)
                now = fraction[k[0]]
                near = GRID[np.abs(GRID - now) <= max(0.04, 0.35 * now)]
                fraction[k] = near[np.argmax(self.along(kind, fraction, unit, near))]
            if len(units) == 1 or np.array_equal(before, fraction):
                break
        return fraction

    def share(self, kind: str, fraction: np.ndarray, k: int) -> float:
        """Return what measurement `k` alone adds to the evidence (nats)."""
        without = fraction.copy()
        without[k] = 0.0
        with_it, less = np.sum(self.scores(kind, np.stack([fraction, without])), axis=0)
        return float(with_it - less)

    def pull(self, kind: str, fraction: np.ndarray, but: int) -> np.ndarray:
        """Return half the log-odds of each locus' haplotype sign, from all but one sample."""
        delta = allelic_shift(kind, fraction)
        delta[self.of(but)] = 0.0
        variance = self.shift_sd**2 + self.stack.shift_shared_sd[:, None] ** 2
        return (delta[:, None] / variance * np.nan_to_num(self.shift)).sum(axis=0)

    def interval(self, kind: str, fraction: np.ndarray, unit: int) -> tuple[float, float]:
        """Return the 95 % profile-likelihood interval of the cell fraction of a sample."""
        values = self.along(kind, fraction, unit, GRID)
        # 1.92 is half of the 95 % point of chi-squared with one degree of freedom.
        inside = GRID[values >= values.max() - 1.92]
        return float(inside.min()), float(inside.max())


def _segment_mean(
    level: np.ndarray, noises: Sequence[Noise], scale: np.ndarray, assays: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean level per measurement (K,), and the covariance of these means (K, K)."""
    count = len(noises)
    mean, covariance = np.full(count, np.nan), np.zeros((count, count))
    effective = np.ones(count)
    for k, noise in enumerate(noises):
        known = np.isfinite(level[k])
        if not known.any():
            continue
        relative = scale[k] if len(scale[k]) == 1 else scale[k][known]
        sd = np.hypot(noise.level_sd, noise.level_shared_sd) * relative
        mean[k] = limited_mean(level[k][known], sd if len(sd) > 1 else float(sd[0]))
        n = effective[k] = known.sum() * float(np.mean(relative**-2.0))
        covariance[k, k] = noise.level_sd**2 / n + float(noise.wave(n))
    # What the baseline of an assay left in common is in all its measurements.
    shared = np.array([noise.level_shared_sd for noise in noises]) / np.sqrt(effective)
    alike = np.array(assays)[:, None] == np.array(assays)
    return mean, covariance + np.outer(shared, shared) * alike
