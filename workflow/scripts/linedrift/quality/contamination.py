"""Foreign DNA in a measurement, from the clusters of the B-allele frequency.

The sample's own signal suffices: no allele frequencies, no other sample and no genotypes.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

# Resolution of the contamination fit (no decision rests on it): folded B-allele frequency,
# foreign share, shift of an event, noise at homozygous and heterozygous loci, heterozygosity.
_EDGES = np.r_[-np.inf, 0.003, 0.006, np.arange(0.01, 0.2, 0.01), np.arange(0.2, 0.49, 0.02), 0.5]
_FOREIGN = np.r_[np.arange(0.01, 0.07, 0.01), 0.08, 0.1, 0.12, np.arange(0.15, 0.51, 0.05)]
_SHIFTS = np.r_[0, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.13, 0.16, np.arange(0.2, 0.49, 0.05)]
_HOM_SD = np.geomspace(0.004, 0.08, 9)
_HET_SD = np.geomspace(0.015, 0.09, 7)
_HETEROZYGOSITY = np.array([0.02, 0.15, 0.3, 0.45])
_SHARED = np.array([0.0, 0.5])  # share of genotypes that the foreign DNA has from kinship
_OUTLIERS = 0.01
# A fit that wants more noise than this has seen no clusters.
MAX_HET_SD = float(_HET_SD[-1])


class Contamination(NamedTuple):
    """The foreign share of the DNA, the share of the autosomes that shows it, and the noise.

    `het_sd` is the noise of heterozygous loci by the hypothesis that explains the whole better.
    """

    fraction: float
    share: float
    het_sd: float


def contamination(b: np.ndarray, middle: float, block: int) -> Contamination:
    """Return the most likely share of foreign DNA from the clusters of the B-allele frequency.

    Every block of the autosomes is explained twice: by an event of this block (heterozygous
    cluster split by any shift, homozygous clusters in place) and by foreign DNA of one share f
    in all blocks (clusters at (1-f) g/2 + f h/2 for genotypes g of the sample and h of the other,
    drawn with a uniform allele frequency; half of h may equal g by kinship). Noise is Student's t
    with 3 degrees of freedom, cut at 0 and 1; its two scales are fitted under each hypothesis.

    Parameters
    ----------
    b
        B-allele frequency of autosomal loci in genome order, shape (n,), NaN where none.
    middle
        Centre of the heterozygous cluster.
    block
        Loci a block at least.

    Returns
    -------
    Contamination
        `fraction` is at most 1/2: which of two equal parts is the sample cannot be told.
    """
    b = b[np.isfinite(b)]
    # Dye bias moves the middle (.48 to .54 on real arrays): stretch both sides to 0, 1/2, 1.
    b = np.where(b < middle, b * 0.5 / middle, 1 - (1 - b) * 0.5 / (1 - middle))
    folded, bins = np.minimum(b, 1 - b), len(_EDGES) - 1
    # At most 150 blocks: the tables are then 6 MB, whatever the array.
    blocks = int(np.clip(len(b) // block, 1, 150))
    place = np.clip(np.searchsorted(_EDGES[1:-1], folded, side="right"), 0, bins - 1)
    cell = (np.arange(len(b)) * blocks // len(b)) * bins + place
    counts = np.bincount(cell, minlength=blocks * bins).reshape(blocks, bins).astype(np.float64)
    event, foreign = _log_tables()
    by_event = (counts @ event.reshape(-1, bins).T).reshape(blocks, *event.shape[:4])
    by_event = by_event.max(axis=(3, 4)).reshape(blocks, -1)
    quiet = int(by_event.sum(axis=0).argmax())
    by_event = by_event[:, quiet]
    by_foreign = (counts @ foreign.reshape(-1, bins).T).reshape(blocks, *foreign.shape[:5])
    by_foreign = by_foreign.max(axis=5)
    total = by_foreign.sum(axis=0)
    best = np.unravel_index(total.argmax(), total.shape)
    gain = by_foreign[(slice(None), *best)] - by_event
    fraction = _peak(_FOREIGN, total[best[0], best[1], :, best[3]], int(best[2]))
    noise = best[1] if gain.sum() > 0 else quiet % len(_HET_SD)
    return Contamination(fraction, float((gain > 0).mean()), float(_HET_SD[noise]))


def _peak(grid: np.ndarray, height: np.ndarray, top: int) -> float:
    """Return where the parabola through the highest grid point and its neighbours peaks."""
    if top in (0, len(grid) - 1):
        return float(grid[top])
    a, b, _ = np.polyfit(grid[top - 1 : top + 2], height[top - 1 : top + 2], 2)
    return float(-b / (2 * a)) if a < 0 else float(grid[top])


@cache
def _log_tables() -> tuple[np.ndarray, np.ndarray]:
    """Return log bin probabilities of both hypotheses.

    Shapes (hom sd, het sd, shift, heterozygosity, bin) and
    (hom sd, het sd, foreign share, kinship, heterozygosity, bin).
    """
    hom, het = (grid.ravel() for grid in np.meshgrid(_HOM_SD, _HET_SD, indexing="ij"))
    noise = (len(_HOM_SD), len(_HET_SD))
    rate = _HETEROZYGOSITY[:, None]
    split = _bin_shares(0.5 - _SHIFTS, hom, het)
    event = (1 - rate) * _bin_shares(np.zeros(1), hom, het)[:, :, None] + rate * split[:, :, None]
    dose = np.arange(3) / 2
    centres = (1 - _FOREIGN)[:, None, None] * dose[:, None] + _FOREIGN[:, None, None] * dose
    clusters = _bin_shares(np.minimum(centres, 1 - centres).ravel(), hom, het)
    clusters = clusters.reshape(len(hom), len(_FOREIGN), 3, 3, -1)
    # Other genotype given the own one, allele frequency uniform: integrals of the binomials.
    given = np.array([[0.6, 0.3, 0.1], [0.3, 0.4, 0.3], [0.1, 0.3, 0.6]])
    weights = (1 - _SHARED)[:, None, None] * given + _SHARED[:, None, None] * np.eye(3)
    own = np.einsum("nfgob,kgo->nfkgb", clusters, weights)
    homozygous = (own[:, :, :, 0] + own[:, :, :, 2]) / 2
    foreign = (1 - rate) * homozygous[:, :, :, None] + rate * own[:, :, :, 1][:, :, :, None]
    outliers = _OUTLIERS * np.diff(np.r_[0.0, _EDGES[1:]]) / 0.5
    return (
        np.log((1 - _OUTLIERS) * event + outliers).reshape(*noise, *event.shape[1:]),
        np.log((1 - _OUTLIERS) * foreign + outliers).reshape(*noise, *foreign.shape[1:]),
    )


def _bin_shares(centres: np.ndarray, hom: np.ndarray, het: np.ndarray) -> np.ndarray:
    """Return the share of each folded bin for clusters at `centres` (noise, centre, bin)."""
    # Noise grows from the homozygous scale at 0 to the heterozygous one at 1/2, as a binomial's.
    scale = hom[:, None] + (het - hom)[:, None] * 4 * centres * (1 - centres)

    def below(edge: np.ndarray) -> np.ndarray:
        """Return the share of each cluster below an edge."""
        z = (edge - centres[:, None]) / scale[:, :, None] / math.sqrt(3)
        with np.errstate(invalid="ignore"):
            inner = np.where(np.isfinite(z), z / (1 + z * z), 0.0)
        return np.asarray(0.5 + (inner + np.arctan(z)) / math.pi)

    return below(_EDGES[1:]) - below(_EDGES[:-1]) + below(1 - _EDGES[:-1]) - below(1 - _EDGES[1:])
