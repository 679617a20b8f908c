"""Genomes drawn from the loci of a real dilution series: real noise, exact truth.

A tumour line was diluted in its own normal cells; each locus has a known state. The loci of one
row number are the same SNP at every dilution, so that dilution 0 is the donor.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from linedrift import tables
from linedrift.genome import CHROM_DTYPE

# (minor, major) copies of the line, as the table writes them.
KINDS = {"(0,1)": "loss", "(1,2)": "gain", "(0,2)": "cn_loh", "(1,1)": ""}
DILUTIONS = (0.21, 0.5, 1.0)
N_LOCI = 2000
SPACING = 5000


class Dilution:
    """The loci of the series, by state."""

    def __init__(self, folder: Path) -> None:
        loci = pd.read_csv(folder / "loci.tsv.gz", sep="\t", skipinitialspace=True)
        self.by_share = {
            share: own.reset_index(drop=True) for share, own in loci.groupby("cellularity")
        }
        donor = self.by_share[0.0]
        self.pools = {
            kind: np.flatnonzero(donor["region"] == state) for state, kind in KINDS.items()
        }
        genotype = donor["genotype"].map({0.0: "AA", 0.5: "AB", 1.0: "BB"})
        self.genotype = genotype.fillna("").to_numpy()

    def genome(
        self, seed: int, plan: Sequence[tuple[str, int]]
    ) -> tuple[list[np.ndarray], list[tuple[str, int, int, str]]]:
        """Return row numbers of each chromosome, and its event as (chrom, first, last, kind).

        `plan` has a kind and a number of loci per chromosome; an empty kind is a normal one.
        """
        rng = np.random.default_rng(seed)
        rows, truth = [], []
        for i, (kind, length) in enumerate(plan):
            drawn = rng.choice(self.pools[""], N_LOCI)
            if kind:
                first = int(rng.integers(100, N_LOCI - 100 - length))
                drawn[first : first + length] = rng.choice(self.pools[kind], length)
                truth.append((f"chr{i + 1}", first, first + length, kind))
            rows.append(drawn)
        return rows, truth

    def signals(self, share: float, rows: Sequence[np.ndarray]) -> pd.DataFrame:
        """Return SIGNALS of a genome at a tumour share (0 is the donor, with genotypes)."""
        drawn = np.concatenate(rows)
        loci = self.by_share[share].iloc[drawn]
        start = np.concatenate([1_000_000 + SPACING * np.arange(len(r)) for r in rows])
        frame = pd.DataFrame(
            {
                "chrom": np.repeat([f"chr{i + 1}" for i in range(len(rows))], list(map(len, rows))),
                "start": start,
                "end": start + 1,
                "name": [f"locus{i}" for i in range(len(start))],
                # A copy ratio of 0 has no logarithm; homozygous losses of arrays stand near -5.
                "level": np.log2(np.maximum(loci["c"].to_numpy(), 0.05) / 2),
                "level_sd": np.nan,
                "b_fraction": loci["b"].to_numpy(),
                "b_sd": np.nan,
                "genotype": self.genotype[drawn] if share == 0 else "",
                "usable": True,
            }
        )
        frame = frame.astype({"chrom": CHROM_DTYPE})
        return tables.check(tables.in_genome_order(frame), tables.SIGNALS)


def locus_of(position: int) -> int:
    """Return the index of the locus at a start, or one beyond that at an end - 1."""
    return (position - 1_000_000) // SPACING
