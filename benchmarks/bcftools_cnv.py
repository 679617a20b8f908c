"""bcftools cnv in its pairwise mode: a line against its donor in one file (Debian: bcftools)."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import bench_paths  # noqa: F401
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from linedrift import genome

COMMAND = "bcftools"
MISSING = "bcftools is not here; its Debian package is bcftools. Skipped."
# What is run: by name in the tables, the options beyond `bcftools cnv -c donor -s line`.
VARIANTS = {"bcftools cnv": (), "bcftools cnv -a 0.3,1.0": ("-a", "0.3,1.0")}

_HEADER = """##fileformat=VCFv4.2
{contigs}
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=BAF,Number=1,Type=Float,Description="B-allele frequency">
##FORMAT=<ID=LRR,Number=1,Type=Float,Description="Log R ratio">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tdonor\tline
"""


def is_here() -> bool:
    return shutil.which(COMMAND) is not None


def version() -> str:
    """Return the version as the tool says it."""
    text = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=True)
    return text.stdout.splitlines()[0]


def write_vcf(path: Path, donor: pd.DataFrame, line: pd.DataFrame) -> None:
    """Write both samples at their common loci, Y apart (a female has none); allele B is ALT."""
    keep = (donor["chrom"] != "chrY").to_numpy()
    donor, line = donor[keep], line[keep]
    n = len(donor)
    columns = {
        "chrom": donor["chrom"].astype(str),
        "pos": donor["start"] + 1,
        "id": donor["name"],
        **{name: np.full(n, value) for name, value in zip("racdef", "AC....", strict=True)},
        "format": np.full(n, "GT:BAF:LRR"),
        "donor": _sample(donor),
        "line": _sample(line, donor),
    }
    columns.pop("f")
    contigs = "\n".join(
        f"##contig=<ID={c},length={genome.GRCH38.lengths[c]}>" for c in genome.CHROMOSOMES
    )
    buffer = io.BytesIO()
    options = pa_csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    pa_csv.write_csv(table, buffer, options)
    path.write_bytes(_HEADER.format(contigs=contigs).encode() + buffer.getvalue())


def _sample(signals: pd.DataFrame, fallback: pd.DataFrame | None = None) -> pa.Array:
    """Return GT:BAF:LRR; where a file has no genotypes at all, those of `fallback`."""
    genotype = signals["genotype"].cat.codes.to_numpy()
    if fallback is not None and not genotype.any():
        genotype = fallback["genotype"].cat.codes.to_numpy()
    texts = [
        pc.fill_null(
            pc.cast(pa.array(np.round(signals[c].to_numpy(float), 4), from_pandas=True), "string"),
            ".",
        )
        for c in ("b_fraction", "level")
    ]
    called = np.array(["./.", "0/0", "0/1", "1/1"])[genotype]
    return pc.binary_join_element_wise(pa.array(called), *texts, ":")


def command(path: Path, folder: Path, options: Sequence[str]) -> list[str]:
    """Return the command that compares line and donor of a file and writes into `folder`."""
    run = [COMMAND, "cnv", *options, "-c", "donor", "-s", "line"]
    return [*run, "-o", str(folder), str(path)]


def calls(path: Path, folder: Path, options: Sequence[str]) -> pd.DataFrame:
    """Return where the line has other copies than the donor, one row each."""
    subprocess.run(command(path, folder, options), check=True, capture_output=True)
    return parse((folder / "summary.tab").read_text())


def parse(text: str) -> pd.DataFrame:
    """Return chrom, start, end, kind, score (its quality), n (sites) of a pairwise summary.

    A row counts where the copies of the line and of the donor differ.
    """
    rows = []
    for record in text.splitlines():
        if not record.startswith("RG\t"):
            continue
        _, chrom, start, end, line, donor, quality, sites, *_ = record.split("\t")
        if line != donor:
            kind = "gain" if int(line) > int(donor) else "loss"
            rows.append((chrom, int(start) - 1, int(end), kind, float(quality), int(sites)))
    return pd.DataFrame(rows, columns=["chrom", "start", "end", "kind", "score", "n"])
