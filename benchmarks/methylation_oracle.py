"""Measure what limits copy number by methylation arrays: cells needed were the place known.

    python benchmarks/methylation_oracle.py [--bank 2] [--nulls 5] [--probes 280]

The genomes of `methylation.py`. Windows of 10 Mb of null genomes tell how their weighted mean
scatters; what sampling of the probes gives of that is shown beside it. A test that knows where a
window may lie, and nothing but its mean, has .1 false events a genome at the quantile of 1 - .1/2
among its windows; planted events tell what a share of cells does to the mean, and together they
say from which share on four of five are found. A caller does not know the places.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import engine
import methylation
import numpy as np
import pandas as pd
import scoring
from scipy import optimize, stats

# A window counts with this share of the probes that one of its length has.
LEAST_PROBES = 0.35


def log_ratios(name: str, per_mb: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return chrom, start, log_ratio, weight of the autosomes of a genome, and its truth."""
    of = methylation.bank(int(name.split("-")[2]), per_mb)
    own, truth = methylation.line(name, of)
    place = {"sample": "l-p5", "passage": 5, "baseline": "d-p0"}
    frame = methylation.measured(own, of, engine.config(), [of.donor], **place).contrast
    kept = frame["log_ratio"].notna() & ~frame["chrom"].isin(["chrX", "chrY"])
    frame = frame.loc[kept, ["chrom", "start", "log_ratio", "log_ratio_sd"]]
    return frame.assign(weight=frame["log_ratio_sd"].astype(float) ** -2), truth


def windows(frame: pd.DataFrame, per_mb: float) -> pd.DataFrame:
    """Return the mean log ratio of each window, and the sd that sampling gives it."""
    size = int(methylation.SIZE_MB * 1e6)
    frame = frame.assign(
        window=frame["start"] // size, value=frame["log_ratio"] * frame["weight"], n=1
    )
    sums = frame.groupby(["chrom", "window"], observed=True)[["value", "weight", "n"]].sum()
    sums = sums[sums["n"] >= LEAST_PROBES * per_mb * methylation.SIZE_MB]
    return pd.DataFrame(
        {"mean": sums["value"] / sums["weight"], "sampling": sums["weight"] ** -0.5}
    )


def response(genomes: Sequence[tuple[pd.DataFrame, pd.DataFrame]], kind: str) -> float:
    """Return measured over true log2 ratio of the planted events of a kind."""
    seen, true = [], []
    for frame, truth in genomes:
        for event in truth[truth["kind"] == kind].itertuples():
            on = (frame["chrom"] == event.chrom) & frame["start"].between(event.start, event.end)
            seen.append(np.average(frame.loc[on, "log_ratio"], weights=frame.loc[on, "weight"]))
            true.append(change(kind, event.fraction))
    return float(np.dot(seen, true) / np.dot(true, true))


def change(kind: str, fraction: float) -> float:
    """Return the log2 ratio of a gain or loss in a share of cells."""
    return float(np.log2(1 + (fraction if kind == "gain" else -fraction) / 2))


def needed(sd: float, n_windows: float, slope: float, kind: str) -> float:
    """Return the share of cells from which on a known window is found with scoring.POWER."""
    cut = stats.norm.isf(scoring.FALSE_RATE / 2 / n_windows) * sd
    least = cut + stats.norm.ppf(scoring.POWER) * sd
    return float(optimize.brentq(lambda f: abs(slope * change(kind, f)) - least, 1e-3, 1.0))


def main() -> int:
    """Print the scatter of windows, and the cells needed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bank", type=int, default=2)
    parser.add_argument("--nulls", type=int, default=5)
    parser.add_argument("--probes", type=float, default=280, help="a Mb; 280 is an EPIC array")
    options = parser.parse_args()
    k, per_mb = options.bank, options.probes
    nulls = [windows(log_ratios(f"null-{n}-{k}", per_mb)[0], per_mb) for n in range(options.nulls)]
    grid = [log_ratios(f"grid-{fraction:g}-{k}", per_mb) for fraction in (0.15, 0.2)]
    together = pd.concat(nulls)
    sd, n = float(together["mean"].std()), len(together) / len(nulls)
    print(
        f"{n:.0f} windows a genome; sd of their means {sd:.4f}, "
        f"of which sampling {together['sampling'].mean():.4f}"
    )
    for kind in ("gain", "loss"):
        slope = response(grid, kind)
        cells = 100 * needed(sd, n, slope, kind)
        print(f"{kind}: {slope:.2f} of the true log2 ratio; needs {cells:.1f} % of cells")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
