"""Noise of one measurement: random sd, what its baselines leave in common, and the wave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
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
    `level_shared_sd`, `shift_shared_sd`: sd that all passages of the baseline share.
    `level_weight`, `shift_weight`: weight of the shrunken baseline, 0 without one.
    `response`: measured log R ratio per true log2 ratio. `wave_variance`: variance of block
    means beyond level_sd^2/n, by BLOCK_LENGTHS. `shift_excess`: relative sd of the local shift
    sd, from stretch to stretch, beyond what sampling gives. `discordance`: share of the baseline's
    heterozygous loci that are homozygous here, in the median chromosome. `het_rate`: share of
    loci with a shift. `reason`: why the contrast cannot be used, else empty.
    """

    level_sd: float
    level_shared_sd: float
    shift_sd: float
    shift_shared_sd: float
    level_weight: float
    shift_weight: float
    response: float
    wave_variance: tuple[float, ...]
    shift_excess: float
    discordance: float
    het_rate: float
    reason: str = ""

    def wave(self, n: np.ndarray | float) -> np.ndarray:
        """Return the wave variance of the mean over `n` consecutive loci (log2 squared).

        Interpolated in log n. Below the shortest block it is held; beyond the longest it falls
        as 1/n, since blocks of 1,600 loci are longer than the correlation of the wave.
        """
        n = np.asarray(n, dtype=float)
        inside = np.interp(np.log(np.maximum(n, 1)), np.log(BLOCK_LENGTHS), self.wave_variance)
        return inside * np.minimum(1.0, BLOCK_LENGTHS[-1] / np.maximum(n, 1))

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON takes them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, figures: Mapping[str, Any]) -> Noise:
        """Return the noise that `to_dict` wrote."""
        values = dict(figures)
        return cls(**{**values, "wave_variance": tuple(values["wave_variance"])})


def robust_sd(values: np.ndarray) -> float:
    """Return the sd of the bulk of `values` by their median absolute deviation; NaN if empty."""
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return float("nan")
    return float(MAD_TO_SD * np.median(np.abs(values - np.median(values))))


def difference_sd(values: np.ndarray) -> float:
    """Return the sd of the random part of a series: differences of neighbours over sqrt 2.

    Unlike the sd of the values it is blind to copy-number events and waves.
    """
    return robust_sd(np.diff(values[np.isfinite(values)])) / np.sqrt(2)


def blocks(values: np.ndarray, length: int) -> np.ndarray:
    """Return consecutive blocks of `values`, shape (n // length, length); the rest is left out."""
    n = len(values) // length
    return values[: n * length].reshape(n, length)


def quiet_block_sd(values: np.ndarray, length: int = 40) -> float:
    """Return the sd in the quieter blocks: right while at least half of the genome is unaltered.

    An event widens |shift| in its own blocks only. The lower quartile of the block sds is
    .674/sqrt(2 (length - 1)) below the sd for normal noise; it is scaled back by that.
    """
    values = values[np.isfinite(values)]
    if len(values) < 4 * length:
        return robust_sd(values)
    # The median of |x| in a block is robust to its outliers; .6745 is its value for unit sd.
    sds = np.median(np.abs(blocks(values, length)), axis=1) / 0.6745
    # The sd of a median absolute value is 1.17/sqrt(length) of it (normal, numerically).
    return float(np.quantile(sds, 0.25) / (1 - 0.674 * 1.17 / np.sqrt(length)))


def excess(values: np.ndarray, length: int = 250) -> float:
    """Return how much the sd of `values` varies from stretch to stretch, beyond sampling.

    Relative sd of the sd of blocks; 0 for homogeneous noise. An unphased test of a small shift
    is a test of a larger variance, and must not mistake a noisier stretch for an event.
    """
    sds = np.median(np.abs(blocks(values[np.isfinite(values)], length)), axis=1)
    sds = sds[sds > 0]
    if len(sds) < 12:
        return 0.0
    # The relative sd of a median absolute value is 1.17/sqrt(length) for normal noise.
    return float(np.sqrt(max(0.0, robust_sd(np.log(sds)) ** 2 - 1.17**2 / length)))


def wave_variance(values: np.ndarray, sd: float) -> tuple[float, ...]:
    """Return the variance of block means beyond sd^2/n for each of BLOCK_LENGTHS.

    Robust (median absolute deviation over blocks), so that events on less than half of the
    genome do not count as wave. Lengths with fewer than 12 blocks repeat the last figure.
    """
    values = np.clip(values[np.isfinite(values)], -6 * sd, 6 * sd)
    found: list[float] = []
    for length in BLOCK_LENGTHS:
        means = blocks(values, length).mean(axis=1)
        if len(means) >= 12:
            found.append(float(max(0.0, robust_sd(means) ** 2 - sd**2 / length)))
        else:
            found.append(found[-1] if found else 0.0)
    return tuple(found)
