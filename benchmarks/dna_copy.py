"""DNAcopy on the log R ratio of a line minus its donor's (Debian: r-bioc-dnacopy)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import bench_paths
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

NAME = "DNAcopy"
MISSING = "DNAcopy is not here; its Debian package is r-bioc-dnacopy. Skipped."
SCRIPT = bench_paths.HERE / "dna_copy.R"


def is_here() -> bool:
    if shutil.which("Rscript") is None:
        return False
    ask = ["Rscript", "-e", 'quit(status = !requireNamespace("DNAcopy", quietly = TRUE))']
    return subprocess.run(ask, capture_output=True).returncode == 0


def version() -> str:
    """Return the versions of the package and of R."""
    ask = 'cat("DNAcopy", format(packageVersion("DNAcopy")), "on R", format(getRversion()))'
    run = subprocess.run(["Rscript", "-e", ask], capture_output=True, text=True, check=True)
    return run.stdout.strip()


def write_ratios(path: Path, donor: pd.DataFrame, line: pd.DataFrame) -> None:
    """Write chrom, pos and the difference of the log R ratios; Y apart."""
    keep = (donor["chrom"] != "chrY").to_numpy()
    ratio = (line["level"] - donor["level"]).to_numpy(float)[keep]
    chrom = donor["chrom"].cat.codes.to_numpy()[keep] + 1
    columns = {"chrom": chrom, "pos": donor["start"].to_numpy()[keep] + 1}
    columns["ratio"] = np.round(ratio, 4)
    table = pa.table({name: pa.array(v, from_pandas=True) for name, v in columns.items()})
    pa_csv.write_csv(table, path, pa_csv.WriteOptions(delimiter="\t", quoting_style="none"))


def command(path: Path, output: Path) -> list[str]:
    """Return the command that segments a file of ratios."""
    return ["Rscript", str(SCRIPT), str(path), str(output)]


def calls(path: Path, output: Path) -> pd.DataFrame:
    """Return all segments of a file of ratios, one row each (see `parse`)."""
    subprocess.run(command(path, output), check=True, capture_output=True)
    return parse(output)


def parse(path: Path) -> pd.DataFrame:
    """Return chrom, start, end, kind, score, n; score is |mean - genome's median segment|.

    The median is over markers, so that the diploid state of a mostly diploid genome is 0.
    """
    found = pd.read_csv(path, sep="\t")
    order = found.sort_values("seg.mean")
    half = order["num.mark"].cumsum().searchsorted(order["num.mark"].sum() / 2)
    mean = found["seg.mean"] - order["seg.mean"].iloc[int(half)]
    names = np.array([f"chr{c}" for c in (*range(1, 23), "X", "Y")])
    return pd.DataFrame(
        {
            "chrom": names[found["chrom"].to_numpy() - 1],
            "start": found["loc.start"].astype(int) - 1,
            "end": found["loc.end"].astype(int),
            "kind": np.where(mean > 0, "gain", "loss"),
            "score": mean.abs(),
            "n": found["num.mark"],
        }
    )
