"""Copy number of methylation arrays as conumee2 takes it, written from its description.

doi:10.1093/bioinformatics/btae029 and the manual of the package: the log2 of the total intensity
is regressed on those of all controls (ordinary least squares); probes are joined in bins of at
least 50 kb and 15 probes, of which the median is taken; bins are shifted so that the median
absolute deviation from zero is least; circular binary segmentation (DNAcopy) with weights of one
over the variance in the bin, alpha .001, at least five bins, and splits undone below 2.2 sd.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import bench_paths
import dna_copy
import numpy as np
import pandas as pd
from linedrift.genome import CHROM_DTYPE

NAME = "conumee2's scheme"
SCRIPT = bench_paths.HERE / "conumee_scheme.R"
BIN_BP, BIN_PROBES = 50_000, 15


def log_ratio(own: pd.DataFrame, controls: Sequence[pd.DataFrame]) -> np.ndarray:
    """Return what is left of log2 intensities after a linear model of the controls, shape (n,)."""
    level, *others = (
        np.log2((array["methylated"] + array["unmethylated"]).to_numpy(float))
        for array in (own, *controls)
    )
    design = np.column_stack([np.ones(len(level)), *others])
    known = np.isfinite(level) & np.isfinite(design).all(axis=1)
    slopes = np.linalg.lstsq(design[known], level[known], rcond=None)[0]
    return np.where(known, level - design @ slopes, np.nan)


def bins(probes: pd.DataFrame, ratio: np.ndarray) -> pd.DataFrame:
    """Return chrom, start, end, ratio (median), weight (1/variance), n of bins in genome order.

    Tiles of BIN_BP are joined with those after them until they hold BIN_PROBES; what is left at
    the end of a chromosome joins the last bin.
    """
    parts = []
    known = np.isfinite(ratio) & ~probes["chrom"].isin(["chrX", "chrY"]).to_numpy()
    table = probes.loc[known, ["chrom", "start"]].assign(ratio=ratio[known])
    for chrom, rows in table.groupby("chrom", observed=True):
        tile = rows["start"].to_numpy() // BIN_BP
        last = int(tile.max())
        counts = np.bincount(tile, minlength=last + 1)
        number = np.zeros(last + 1, dtype=int)
        held, current = 0, 0
        for at, count in enumerate(counts):
            number[at] = current
            held += count
            if held >= BIN_PROBES:
                held, current = 0, current + 1
        if held:
            number[number == current] = max(current - 1, 0)
        grouped = rows.groupby(number[tile])["ratio"]
        begins = pd.Series(np.arange(last + 1) * BIN_BP).groupby(number).min()
        ends = pd.Series((np.arange(last + 1) + 1) * BIN_BP).groupby(number).max()
        part = pd.DataFrame({"ratio": grouped.median(), "weight": 1 / grouped.var()})
        part = part.assign(n=grouped.size(), start=begins, end=ends, chrom=chrom)
        parts.append(part)
    found = pd.concat(parts, ignore_index=True).astype({"chrom": CHROM_DTYPE})
    # Of all shifts the median leaves the least median absolute deviation from zero, or nearly.
    return found.assign(ratio=found["ratio"] - found["ratio"].median())


def calls(own: pd.DataFrame, controls: Sequence[pd.DataFrame], folder: Path) -> pd.DataFrame:
    """Return the segments of an array: chrom, start, end, kind, score (|mean|), n (bins)."""
    found = bins(own, log_ratio(own, controls))
    table = pd.DataFrame(
        {
            "chrom": found["chrom"].cat.codes + 1,
            "pos": (found["start"] + found["end"]) // 2,
            "ratio": found["ratio"].round(5),
            "weight": found["weight"],
        }
    )
    bins_path, segments = folder / "bins.tsv", folder / "segments.tsv"
    table.to_csv(bins_path, sep="\t", index=False)
    command = ["Rscript", str(SCRIPT), str(bins_path), str(segments)]
    subprocess.run(command, check=True, capture_output=True)
    return dna_copy.parse(segments)
