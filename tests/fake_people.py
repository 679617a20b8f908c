"""People for tests of identity: strangers and children with genotypes as two arrays call them."""

import numpy as np
import pandas as pd
from linedrift import tables
from linedrift.genome import AUTOSOMES, CHROM_DTYPE

CODES = np.array(["AA", "AB", "BB", ""])
N = 6000


class People:
    """A small population: strangers, and children of two of them."""

    def __init__(self, seed=1, n=N):
        self.rng = np.random.default_rng(seed)
        self.frequency = self.rng.uniform(0.05, 0.95, n)

    def stranger(self):
        return self.rng.binomial(2, self.frequency)

    def child(self, one, other):
        return self.rng.binomial(1, one / 2) + self.rng.binomial(1, other / 2)

    def again(self, dose, errors=0.002):
        """Return the genotype as another array would call it."""
        wrong = self.rng.random(len(dose)) < errors
        return np.where(wrong, self.rng.integers(0, 3, len(dose)), dose)

    def lose(self, dose, share):
        """Return the genotype after loss of heterozygosity in the first part of the genome."""
        lost = (np.arange(len(dose)) < share * len(dose)) & (dose == 1)
        return np.where(lost, 2 * self.rng.integers(0, 2, len(dose)), dose)


def called(dose, first=0):
    """Return genotypes as `genotypes.genotypes` does: loci spread over the autosomes."""
    n = len(dose)
    chrom = np.repeat(AUTOSOMES, -(-n // 22))[:n]
    frame = pd.DataFrame({"chrom": chrom, "start": first + 1000 * np.arange(n)})
    frame = frame.assign(genotype=CODES[dose])
    frame = frame.astype({"chrom": CHROM_DTYPE, "genotype": tables.GENOTYPES, "start": "int32"})
    return frame[frame["genotype"] != ""].reset_index(drop=True)


def measurements(rows, **columns):
    """Return the frame of samples from (sample, person), with further columns."""
    frame = pd.DataFrame(rows, columns=["sample", "person"])
    return frame.assign(assay="snp_array", family="").assign(**columns)
