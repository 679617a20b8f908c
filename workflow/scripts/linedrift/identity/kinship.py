"""Genotypes of many measurements as one matrix, and what every pair of them has in common.

Pairs are counted by matrix products, block by block: 5,000 measurements of 60,000 loci are
12 million pairs, and no loop runs over them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from linedrift.genome import places
from linedrift.tables import GENOTYPES, Key

MISSING = 3  # genotypes are coded 0 AA, 1 AB, 2 BB
# Measurements a block; a block of 60,000 loci in float32 takes 60 MB.
_BLOCK = 256
# Joins chromosome and position in one number: no chromosome is longer than 2^28.


@dataclass(frozen=True)
class Counts:
    """Loci of pairs of measurements, each an array of shape (rows, columns)."""

    loci: np.ndarray  # called in both
    het: np.ndarray  # heterozygous in the first, called in the second
    other_het: np.ndarray  # the reverse
    both_het: np.ndarray
    opposite: np.ndarray  # AA in one, BB in the other

    def concordance(self) -> np.ndarray:
        """Share of equal genotypes: what is neither heterozygous in one only nor opposite."""
        unequal = self.het + self.other_het - 2 * self.both_het + self.opposite
        return np.asarray(1 - unequal / np.maximum(self.loci, 1))

    def kinship(self) -> np.ndarray:
        """KING-robust kinship coefficient (doi:10.1093/bioinformatics/btq559)."""
        hets = np.maximum(self.het + self.other_het, 1)
        return np.asarray((self.both_het - 2 * self.opposite) / hets)

    def containment(self) -> np.ndarray:
        """Share of the heterozygous loci of the one with fewer that the other has as well."""
        return np.asarray(self.both_het / np.maximum(np.minimum(self.het, self.other_het), 1))


def few_loci(counts: Counts, settings: Mapping[str, Any]) -> np.ndarray:
    """Return what few loci tell of each pair: same, different, or undecided (text).

    Parameters
    ----------
    counts
        Loci of the pairs; arrays for methylation have 46 autosomal SNPs whose alleles are known.
    settings
        Section `identity` of the config: few_equal (share of equal genotypes of one person at
        the least), few_opposite (of opposite homozygotes at the most), few_chance.

    Notes
    -----
    By the numbers of equal genotypes and of opposite homozygotes. Of full siblings, the nearest
    other person, 1 - h + 3/8 h^2 are equal where h is heterozygosity: with 1, 1/2, 1/4 in common
    by descent at two, one, no alleles (1/4, 1/2, 1/4 of the loci) it is 1, 1 - h, 1 - 2h + 3/2 h^2.
    *Same* is more equal than siblings are by chance. *Different* is less equal than one person is,
    with opposite homozygotes that errors do not explain (p below .05): lost heterozygosity, and
    alleles that RNA does not show, make unequal genotypes but not those. Where both hold, or
    neither, nothing is decided. Relatives are not told from strangers.
    """
    # Imported here: most jobs that need genotypes never compare them.
    from scipy.special import bdtr, bdtrc

    loci = np.rint(counts.loci).astype(int)
    equal = np.rint(counts.concordance() * loci).astype(int)
    het = np.clip((counts.het + counts.other_het) / np.maximum(2 * loci, 1), 0, 1)
    siblings = 1 - het + 3 / 8 * het**2
    chance = settings["few_chance"]
    same = bdtrc(equal - 1, loci, siblings) < chance
    different = bdtr(equal, loci, settings["few_equal"]) < chance
    opposite = np.rint(counts.opposite).astype(int)
    different &= bdtrc(opposite - 1, loci, settings["few_opposite"]) < 0.05
    return np.select([same & ~different, different & ~same], ["same", "different"], "undecided")


def dense(keys: list[Key], genotypes: Mapping[Key, pd.DataFrame]) -> np.ndarray:
    """Return genotypes as int8 (measurement, locus) over all loci that any measurement has."""
    union = np.empty(0, dtype=np.uint64)
    for key in keys:
        if key in genotypes:
            found = places(genotypes[key])
            # Measurements of one array type mostly have the same loci: then there is no union.
            union = union if np.array_equal(found, union) else np.union1d(union, found)
    matrix = np.full((len(keys), len(union)), MISSING, dtype=np.int8)
    for row, key in enumerate(keys):
        if key in genotypes:
            frame = genotypes[key]
            # Categories are '', AA, AB, BB: codes 0 to 3.
            code = frame["genotype"].astype(GENOTYPES).cat.codes.to_numpy()
            columns = np.searchsorted(union, places(frame))
            matrix[row, columns] = np.where(code > 0, code - 1, MISSING)
    return matrix


def blocks(matrix: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, Counts]]:
    """Yield row numbers, column numbers and counts of each block on and above the diagonal."""
    steps = range(0, len(matrix), _BLOCK)
    for top in steps:
        rows = np.arange(top, min(top + _BLOCK, len(matrix)))
        first = _indicators(matrix[rows])
        for left in steps[top // _BLOCK :]:
            columns = np.arange(left, min(left + _BLOCK, len(matrix)))
            second = first if left == top else _indicators(matrix[columns])
            yield rows, columns, _count(first, second)


def _indicators(block: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return called, heterozygous, and +1 / -1 at AA / BB, as float32 for matrix products."""
    called = (block != MISSING).astype(np.float32)
    het = (block == 1).astype(np.float32)
    return called, het, (block == 0).astype(np.float32) - (block == 2).astype(np.float32)


def _count(
    first: tuple[np.ndarray, np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> Counts:
    """Return the counts of all pairs of two blocks; float32 is exact below 2^24 loci."""
    (called, het, sign), (other_called, other_het, other_sign) = first, second
    loci = called @ other_called.T
    own, other, both = het @ other_called.T, called @ other_het.T, het @ other_het.T
    # Loci homozygous in both are equal or opposite; the signed product is their difference.
    opposite = (loci - own - other + both - sign @ other_sign.T) / 2
    return Counts(loci, own, other, both, opposite)
