"""Allelic imbalance of RNA as eSNP-karyotyping looks for it, written from its description.

Weissbein, Schachter, Egli, Benvenisty 2016 (doi:10.1038/ncomms12144) and the manual of the tool:
SNPs of 20 reads and more whose rarer allele has a share of at least .2; the ratio of the reads of
the major and of the minor allele; its moving median over 151 SNPs in genome order; a one-sided
t-test of the ratios of every window against those of all SNPs; false discovery rate by Benjamini
and Hochberg, marked from .01 on.

Confirmed by the manual and by what the tool is documented to plot: reads, share, window, the test
and its side, the correction, the mark. Not confirmed, for the article itself was not at hand:
its filter of SNPs (known ones only, by GATK), which the tables here replace, and any rule that
makes an event of marked windows: the tool draws them and a person decides. Here an event is a run
of marked windows on the chromosome of their middle SNP. Its search for lost heterozygosity, which
needs the homozygous SNPs of a catalogue, is not part of this.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd
from scipy.special import stdtr

NAME = "eSNP-karyotyping's scheme"
READS, SHARE, WINDOW, MARKED = 20, 0.2, 151, 0.01
COLUMNS = {
    **{"chrom": "str", "start": "int64", "end": "int64", "kind": "str"},
    **{"score": "float64", "n": "int64", "ratio": "float64"},
}
# Cuts of which a table may take the best: the most significant window, and windows in a run.
CUTS: list[dict[str, float]] = [
    {"score": float(score), "n": float(n)}
    for score, n in product((2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30), (0, 10, 25, 50, 100, 150))
]


def ratios(counts: pd.DataFrame) -> pd.DataFrame:
    """Return chrom, start and ratio (major over minor reads) of heterozygous autosomal SNPs.

    Parameters
    ----------
    counts
        ALLELE_COUNTS in genome order.
    """
    reads = counts[["ref_count", "alt_count"]].to_numpy(float)
    minor, total = reads.min(axis=1), reads.sum(axis=1)
    kept = counts["usable"].to_numpy() & (total >= READS) & (minor >= SHARE * total)
    kept &= ~counts["chrom"].isin(["chrX", "chrY"]).to_numpy()
    frame = counts.loc[kept, ["chrom", "start"]].reset_index(drop=True)
    return frame.assign(ratio=(total - minor)[kept] / minor[kept])


def windows(ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return median and corrected probability of every window, shape (n - WINDOW + 1,)."""
    if len(ratio) <= WINDOW:
        return np.empty(0), np.empty(0)
    of = np.lib.stride_tricks.sliding_window_view(ratio, WINDOW)
    # Welch's test: the variances are not taken for equal.
    own, every = of.var(axis=1, ddof=1) / WINDOW, ratio.var(ddof=1) / len(ratio)
    degrees = (own + every) ** 2 / (own**2 / (WINDOW - 1) + every**2 / (len(ratio) - 1))
    p = stdtr(degrees, -(of.mean(axis=1) - ratio.mean()) / np.sqrt(own + every))
    return np.median(of, axis=1), corrected(p)


def corrected(p: np.ndarray) -> np.ndarray:
    """Return false discovery rates by Benjamini and Hochberg, shape (n,)."""
    order = np.argsort(p)[::-1]
    found = np.empty(len(p))
    rank = np.arange(len(p), 0, -1)
    found[order] = np.minimum.accumulate(p[order] * len(p) / rank)
    return np.minimum(found, 1.0)


def calls(counts: pd.DataFrame) -> pd.DataFrame:
    """Return runs of marked windows: COLUMNS; score is -log10 of the least rate, n windows."""
    snps = ratios(counts)
    median, rate = windows(snps["ratio"].to_numpy())
    if not len(rate):
        return pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)
    middle = snps.iloc[WINDOW // 2 : WINDOW // 2 + len(rate)]
    chrom = middle["chrom"].astype(str).to_numpy()
    marked = rate <= MARKED
    new = np.append(True, (chrom[1:] != chrom[:-1]) | (marked[1:] != marked[:-1]))
    table = pd.DataFrame(
        {
            "chrom": chrom,
            "start": middle["start"].to_numpy(),
            "score": -np.log10(np.maximum(rate, 1e-300)),
            "ratio": median,
            "run": np.cumsum(new),
        }
    )[marked]
    grouped = table.groupby("run")
    found = pd.DataFrame(
        {
            "chrom": grouped["chrom"].first(),
            "start": grouped["start"].min(),
            "end": grouped["start"].max() + 1,
            "kind": "imbalance",
            "score": grouped["score"].max(),
            "n": grouped.size(),
            "ratio": grouped["ratio"].median(),
        }
    )
    return found.reset_index(drop=True).astype(COLUMNS)


def best(
    genomes: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]], most: float
) -> tuple[dict[str, float], float]:
    """Return the cut that finds most, of those with at most `most` false events a null genome.

    Parameters
    ----------
    genomes
        (truth, calls) by name; those without an event in their truth are the null genomes.

    Returns
    -------
    (dict, float)
        The cut and its false events in a null genome; the strictest one where none is allowed.
    """
    from scoring import found, kept

    nulls = [of for truth, of in genomes.values() if truth.empty]
    planted = [both for both in genomes.values() if len(both[0])]
    rated = [(cut, sum(len(kept(of, cut)) for of in nulls) / max(len(nulls), 1)) for cut in CUTS]
    allowed = [one for one in rated if one[1] <= most] or rated[-1:]
    return max(allowed, key=lambda one: sum(found(t, kept(c, one[0])).sum() for t, c in planted))
