"""Noise of one measurement: random sd, what its baselines leave in common, and the wave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

# 1.4826 turns a median absolute deviation into a standard deviation for normal noise.
MAD_TO_SD = 1.4826

# Block lengths, in loci, at which the wave is measured: about .1 to 10 Mb on a 600,000 array.
BLOCK_LENGTHS = (25, 50, 100, 200, 400, 800, 1600)


@dataclass(frozen=True)
class Noise:
    """What the detection needs to know of a contrast beside its loci.

    `level_sd`, `shift_sd`: sd that is independent between passages (log2; fraction).
    `sex_level_sd`: sd of the level on X and on Y, where probes are fewer and noisier.
    `level_shared_sd`, `shift_shared_sd`: sd that all passages of the baseline share.
    `shift_wide`: share of heterozygous loci whose shift is WIDE times as noisy.
    `level_weight`, `shift_weight`: weight of the shrunken baseline, 0 without one.
    `response`: measured log R ratio per true log2 ratio. `wave_variance`: variance of block
    means beyond level_sd^2/n, by BLOCK_LENGTHS. `shift_excess`: relative sd of the local shift
    sd, from stretch to stretch, beyond what sampling gives. `discordance`: share of the baseline's
    heterozygous loci that are homozygous here, in the median chromosome. `het_rate`: share of
    loci with a shift. `stranger`: whether that is so many that the baseline is another person.
    `sex`: the one that copies of X and Y were expected by.
    `shift_costs`, `level_costs`: what tails can fake (see `tails`). `reason`: why the contrast
    cannot be used, else empty.
    """

    level_sd: float
    sex_level_sd: tuple[float, float]
    level_shared_sd: float
    shift_sd: float
    shift_shared_sd: float
    level_weight: float
    shift_weight: float
    response: float
    wave_variance: tuple[float, ...]
    shift_wide: float
    shift_excess: float
    discordance: float
    het_rate: float
    stranger: bool = False
    sex: str = "unknown"
    reason: str = ""
    shift_costs: tuple[float, ...] = (0.0,) * 13
    level_costs: tuple[float, ...] = (0.0,) * 26

    def wave(self, n: np.ndarray | float) -> np.ndarray:
        """Return the wave variance of the mean over `n` consecutive loci (log2 squared).

        Interpolated in log n. Below the shortest block it is held; beyond the longest it falls
        as 1/sqrt(n): some of the wave is as long as an arm.
        """
        n = np.asarray(n, dtype=float)
        inside = np.interp(np.log(np.maximum(n, 1)), np.log(BLOCK_LENGTHS), self.wave_variance)
        return inside * np.sqrt(np.minimum(1.0, BLOCK_LENGTHS[-1] / np.maximum(n, 1)))

    def on(self, chrom: str) -> Noise:
        """Return the noise as it is on that chromosome."""
        if chrom not in ("chrX", "chrY"):
            return self
        sd = self.sex_level_sd[chrom == "chrY"]
        # An unmeasured sex chromosome has no loci to be noisy.
        if not sd > self.level_sd:
            return self
        # Probes that are noisier follow a wave more, though not by as much as they are noisier.
        wider = sd / self.level_sd
        return replace(
            self, level_sd=sd, wave_variance=tuple(wider * wave for wave in self.wave_variance)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON takes them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, figures: Mapping[str, Any]) -> Noise:
        """Return the noise that `to_dict` wrote."""
        values = dict(figures)
        for name in ("wave_variance", "sex_level_sd", "shift_costs", "level_costs"):
            values[name] = tuple(values[name])
        return cls(**values)


def robust_sd(values: np.ndarray) -> float:
    """Return the sd of the bulk of `values` by their median absolute deviation; NaN if empty."""
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return float("nan")
    return float(MAD_TO_SD * np.median(np.abs(values - np.median(values))))


def limited_mean(values: np.ndarray, sd: np.ndarray | float | None = None) -> float:
    """Return the mean, values beyond 1.5 sd of the median drawn in to there; NaN if empty.

    `sd` of each value, shape (n,), weighs them by 1/sd^2; None is the robust sd of the values.

    Huber's one-step estimate (doi:10.1214/aoms/1177703732), 96 % efficient for normal noise.
    Outliers of log R ratio are common (.5 % beyond 4 sd), lie mostly below, and two of them must
    not make six loci a loss. The same estimator centres the genome and measures a segment, so
    that its bias cancels.
    """
    known = np.isfinite(values)
    spread = np.asarray(robust_sd(values) if sd is None else sd, float)
    if spread.ndim:
        spread = spread[known]
    values = values[known]
    if len(values) == 0:
        return float("nan")
    centre, reach = float(np.median(values)), 1.5 * spread
    limited = np.clip(values, centre - reach, centre + reach)
    return float(np.average(limited, weights=spread**-2.0) if spread.ndim else limited.mean())


def difference_sd(values: np.ndarray) -> float:
    """Return the sd of the random part of a series: differences of neighbours over sqrt 2.

    Unlike the sd of the values it is blind to copy-number events and waves. Differences are
    limited to 4 robust sd, so that the tails count as they do in a mean that is limited too.
    """
    difference = np.diff(values[np.isfinite(values)])
    spread = robust_sd(difference)
    if not np.isfinite(spread) or spread == 0:
        return spread
    return float(np.sqrt(np.mean(np.clip(difference, -4 * spread, 4 * spread) ** 2) / 2))


def blocks(values: np.ndarray, length: int) -> np.ndarray:
    """Return consecutive blocks of `values`, shape (n // length, length); the rest is left out."""
    n = len(values) // length
    return values[: n * length].reshape(n, length)


# Heavy tails of the B-allele frequency: a share of loci is WIDE times as noisy, and a share
# OUTLIER (genotyping errors) lies anywhere on the unit interval.
WIDE = 3.0
OUTLIER = 0.01


def mixture_sd(values: np.ndarray, start: float, rounds: int = 25) -> tuple[float, float]:
    """Return (sd, share of the wide part) of shifts without an event, by maximum likelihood.

    Parameters
    ----------
    values
        Shifts, shape (n,).
    start
        A first guess of the sd.

    Notes
    -----
    Expectation-maximisation for (1 - w - o) N(0, sd) + w N(0, WIDE sd) + o, o = OUTLIER. With
    this sd the evidence for a small shift, which is evidence for a larger variance, is centred
    on zero over the loci it was fitted to; with a sd of the bulk alone it is not.
    """
    sd, wide = max(start, 1e-4), 0.05
    for _ in range(rounds):
        narrow = (1 - wide - OUTLIER) * np.exp(-0.5 * (values / sd) ** 2) / sd
        broad = wide * np.exp(-0.5 * (values / (WIDE * sd)) ** 2) / (WIDE * sd)
        total = narrow + broad + OUTLIER * np.sqrt(2 * np.pi)
        p, q = narrow / total, broad / total
        sd = float(np.sqrt(((p + q / WIDE**2) @ values**2) / max((p + q).sum(), 1e-9)))
        sd, wide = max(sd, 1e-4), float(np.clip(q.mean(), 0.005, 0.2))
    return sd, wide


def quiet(values: np.ndarray, length: int = 50) -> np.ndarray:
    """Return the shifts of the quieter blocks: those that no event seems to widen.

    Right while at least a quarter of the genome is unaltered: the lower quartile of the blocks'
    median |shift| anchors what is usual, and blocks up to 3.5 sd of sampling above it stay.
    """
    values = values[np.isfinite(values)]
    if len(values) < 8 * length:
        return values
    rows = blocks(values, length)
    size = np.median(np.abs(rows), axis=1)
    # The relative sd of a median absolute value is 1.17/sqrt(length) for normal noise.
    spread = 1.17 / np.sqrt(length)
    usual = np.quantile(size, 0.25) / (1 - 0.674 * spread)
    return rows[size < usual * (1 + 3.5 * spread)].ravel()


def excess(values: np.ndarray, length: int = 250) -> float:
    """Return how much the sd of `values` varies from stretch to stretch, beyond sampling.

    Relative sd of the root mean square of blocks, less that of the same values in random order
    (which takes the tails into account); 0 for homogeneous noise. An unphased test of a small
    shift is a test of a larger variance, and must not mistake a noisier stretch for an event.
    """
    if len(values) < 12 * length:
        return 0.0
    spread = robust_sd(values)
    values = np.clip(values, -4 * spread, 4 * spread)
    shuffled = np.random.default_rng(0).permutation(values)
    found, chance = (
        robust_sd(np.log(np.mean(blocks(order**2, length), axis=1))) / 2
        for order in (values, shuffled)
    )
    return float(np.sqrt(max(0.0, found**2 - chance**2)))


def wave_variance(
    values: np.ndarray, sd: float, scale: np.ndarray | float = 1.0
) -> tuple[float, ...]:
    """Return the variance of block means beyond sd^2/n for each of BLOCK_LENGTHS.

    `scale` is the sd of each value in units of `sd`, shape (n,), where they are not all alike.
    Robust (median absolute deviation over blocks), so that events on less than half of the
    genome do not count as wave. Lengths with fewer than 12 blocks repeat the last figure.
    """
    known = np.isfinite(values)
    weight = np.broadcast_to(np.asarray(scale, float) ** -2.0, values.shape)[known]
    limit = 6 * sd / np.sqrt(weight)
    values = np.clip(values[known], -limit, limit)
    found: list[float] = []
    for length in BLOCK_LENGTHS:
        total = blocks(weight, length).sum(axis=1)
        means = blocks(values * weight, length).sum(axis=1) / total
        if len(means) >= 12:
            chance = sd**2 * float(np.mean(1 / total))
            found.append(float(max(0.0, robust_sd(means) ** 2 - chance)))
        else:
            found.append(found[-1] if found else 0.0)
    return tuple(found)
