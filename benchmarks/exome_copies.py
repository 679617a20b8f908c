"""Compare copy number of the demo's exomes by linedrift with CNVkit; print a table.

    python benchmarks/exome_copies.py [--bank demo/bank] [--results demo/results]

Each exome of a line is given to both with the donor's as the only normal. CNVkit (PyPI; `cnvkit.py`
on the path, with R's DNAcopy) segments by its defaults. It sees depth alone and one exome at a
time; linedrift also sees alleles and all passages. Run `make demo` first.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import subprocess
import tempfile
from pathlib import Path

import bench_paths  # isort: skip  makes the simulator importable
import bank_exomes
import make_bank
import numpy as np
import pandas as pd
import pysam
import pysam.samtools
from linedrift import tables

# A segment that is this far from zero is a call, as `cnvkit.py call -m threshold` has it.
LOSS, GAIN = -0.25, 0.2
# It is of an event where it covers half of it, and is no longer than three times the event.
COVERED, LONGEST = 0.5, 3.0


def cnvkit(folder: Path, exomes: Path, sample: str, donor: str) -> pd.DataFrame:
    """Return the segments of one exome: chrom, start, end, log2."""
    bams = [_indexed(folder, exomes, name) for name in (sample, donor)]
    fasta = folder / "genome.fa"
    if not fasta.exists():
        with gzip.open(exomes / bank_exomes.SEQUENCE) as packed, fasta.open("wb") as file:
            shutil.copyfileobj(packed, file)
    command = ["cnvkit.py", "batch", str(bams[0]), "--normal", str(bams[1])]
    command += ["--targets", str(exomes / bank_exomes.TARGETS), "--fasta", str(fasta)]
    command += ["--output-dir", str(folder / "cnvkit")]
    subprocess.run(command, check=True, capture_output=True)
    segments = pd.read_csv(folder / "cnvkit" / f"{sample}.cns", sep="\t")
    return segments.rename(columns={"chromosome": "chrom"})[["chrom", "start", "end", "log2"]]


def _indexed(folder: Path, exomes: Path, sample: str) -> Path:
    """Return an indexed BAM of a sample in `folder`, whatever the demo hands over."""
    path = folder / f"{sample}.bam"
    if not path.exists():
        source = next(p for p in exomes.glob(f"{sample}.*") if p.suffix in (".bam", ".cram"))
        reference = str(exomes / bank_exomes.SEQUENCE)
        pysam.samtools.view("-b", "-T", reference, "-o", str(path), str(source), catch_stdout=False)
        pysam.index(str(path))
    return path


def matches(segments: pd.DataFrame, event: pd.Series) -> pd.DataFrame:
    """Return the segments that are of an event."""
    length = event["end"] - event["start"]
    shared = np.minimum(segments["end"], event["end"]) - np.maximum(
        segments["start"], event["start"]
    )
    of = (segments["chrom"] == event["chrom"]) & (shared >= COVERED * length)
    return segments[of & (segments["end"] - segments["start"] <= LONGEST * length)]


def compare(bank: Path, results: Path) -> str:
    """Return the table: each exome of a line, what is planted, and what either tool says."""
    truth = tables.read(bank / "truth.tsv", tables.TRUTH)
    truth = truth[truth["chrom"].isin(["chr17", "chr20", "chrX"])]
    rows = []
    with tempfile.TemporaryDirectory(dir=bench_paths.WORK) as name:
        for exome in bank_exomes.EXOMES:
            if exome.passage == 0:
                continue
            donor = f"{make_bank.parent_of(exome.line)}-p0"
            found = cnvkit(Path(name), bank / bank_exomes.FOLDER, exome.sample, donor)
            called = found[(found["log2"] > GAIN) | (found["log2"] < LOSS)]
            own = truth[(truth["line"] == exome.line) & (truth["passage"] == exome.passage)]
            right = pd.Index([])
            for _, event in own.iterrows():
                near, hits = matches(found, event), matches(called, event)
                right = right.union(hits.index)
                share = event["cell_fraction"]
                expected = np.log2(1 + share / 2)
                log2 = f"{near['log2'].iloc[0]:.2f}" if len(near) else "no segment"
                rows.append(
                    (exome.sample, event["event"], f"{100 * share:.0f} %", f"{expected:.2f}", log2)
                    + ("yes" if len(hits) else "no", _ours(results, exome, event))
                )
            false = len(called.index.difference(right))
            rows.append((exome.sample, "nothing else", "", "", "", f"{false} false", ""))
    head = ["sample", "planted", "cells", "log2 expected", "CNVkit", "CNVkit calls", "linedrift"]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _ours(results: Path, exome: bank_exomes.Exome, event: pd.Series) -> str:
    """Return what linedrift says of an event in a sample, by all assays together."""
    folder = results / "lines" / exome.line
    events = tables.read(folder / "events.tsv", tables.EVENTS)
    events["chrom"] = events["chrom"].astype(str)
    near = matches(events, event)
    if near.empty:
        return "no event"
    courses = tables.read(folder / "trajectories.tsv", tables.TRAJECTORIES)
    at = courses[
        (courses["event_id"] == near["event_id"].iloc[0]) & (courses["sample"] == exome.sample)
    ].iloc[0]
    if at["state"] != "present":
        return f"{at['state']} (limit {100 * at['limit']:.0f} %)"
    by = f"log-likelihood ratio {at['snp_array']:.0f} by array, {at['wes']:.0f} by exome"
    return f"{100 * at['cell_fraction']:.0f} % of cells; {by}"


def main() -> int:
    """Print the comparison, or why there is none."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bank", type=Path, default=bench_paths.ROOT / "demo" / "bank")
    parser.add_argument("--results", type=Path, default=bench_paths.ROOT / "demo" / "results")
    options = parser.parse_args()
    if not shutil.which("cnvkit.py"):
        print("CNVkit is not installed, so nothing is compared (pip install cnvkit)")
        return 0
    bench_paths.WORK.mkdir(parents=True, exist_ok=True)
    print(compare(options.bank, options.results))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
