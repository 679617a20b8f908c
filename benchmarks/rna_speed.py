"""CPU of the alleles of one alignment of RNA beside `bcftools mpileup` on the same sites.

Half a million spliced reads of 75 bases in genes of one made-up chromosome, 2,000 SNPs in them.
bcftools is that inside pysam, with the same filters and the sites as regions (-R) or targets (-T),
the faster of both; linedrift reads the whole file, for it counts other contigs as well. Runs take
turns and the least CPU of each counts.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import bench_paths
import engine
import numpy as np
import pandas as pd
import pysam
import pysam.bcftools
import scoring
from linedrift.readers import rna_alignments

READS, READ, SITES, LENGTH, RUNS = 500_000, 75, 2_000, 5_000_000, 2
GENES, SPAN, INTRON = 400, 2_000, 1_500


def main() -> None:
    """Print CPU seconds and their ratio."""
    with tempfile.TemporaryDirectory(dir=bench_paths.WORK) as name:
        folder = Path(name)
        sites = write(folder)
        tools: dict[str, Callable[[], None]] = {
            "linedrift": lambda: _ours(folder, sites),
            "bcftools mpileup -R": lambda: _theirs(folder, "-R"),
            "bcftools mpileup -T": lambda: _theirs(folder, "-T"),
        }
        _ours(folder, sites)  # compiled code is loaded once a process
        best = dict.fromkeys(tools, np.inf)
        for _ in range(RUNS):
            for tool, run in tools.items():
                began = time.process_time()
                run()
                best[tool] = min(best[tool], time.process_time() - began)
    peer = min(best[tool] for tool in best if tool != "linedrift")
    rows = [
        {
            "tool": tool,
            "CPU seconds": f"{spent:.2f}",
            "of bcftools, the faster": f"{spent / peer:.2f}",
        }
        for tool, spent in best.items()
    ]
    print(f"{READS:,} reads, {SITES:,} SNPs\n\n{scoring.markdown(rows)}")


def write(folder: Path) -> pd.DataFrame:
    """Write genome.fa, sites.tsv and reads.bam with its index; return the SNPs."""
    rng = np.random.default_rng(1)
    bases = rng.choice(np.frombuffer(b"ACGT", np.uint8), LENGTH)
    (folder / "genome.fa").write_bytes(b">chr22\n" + bases.tobytes() + b"\n")
    pysam.faidx(str(folder / "genome.fa"))
    gene = np.sort(rng.choice(LENGTH // 10_000, GENES, replace=False)) * 10_000
    # An exon, an intron, an exon.
    start = gene[rng.integers(0, GENES, READS)] + rng.integers(0, SPAN - READ, READS)
    spliced = rng.random(READS) < 0.3
    left = rng.integers(10, READ - 10, READS)
    order = np.argsort(start, kind="stable")
    text = [f"@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr22\tLN:{LENGTH}\n"]
    whole, quality = bases.tobytes().decode(), "F" * READ
    for k, at in enumerate(order):
        first, cut = int(start[at]), int(left[at])
        cigar, read = f"{READ}M", whole[first : first + READ]
        if spliced[at]:
            after = first + cut + INTRON
            cigar = f"{cut}M{INTRON}N{READ - cut}M"
            read = whole[first : first + cut] + whole[after : after + READ - cut]
        text.append(
            f"r{k}\t{k % 2 * 16}\tchr22\t{first + 1}\t255\t{cigar}\t*\t0\t0\t{read}\t{quality}\n"
        )
    (folder / "reads.sam").write_text("".join(text), encoding="ascii")
    pysam.view("-b", "-o", str(folder / "reads.bam"), str(folder / "reads.sam"), catch_stdout=False)
    pysam.index(str(folder / "reads.bam"))
    position = np.unique(gene[rng.integers(0, GENES, SITES)] + rng.integers(0, SPAN, SITES))
    ref = pd.Series(list(whole))[position].to_numpy()
    alt = pd.Series(ref).map({"A": "G", "G": "A", "C": "T", "T": "C"}).to_numpy()
    sites = pd.DataFrame({"chrom": "chr22", "start": position, "ref": ref, "alt": alt})
    sites.assign(end=position + 1)[["chrom", "start", "end"]].to_csv(
        folder / "sites.bed", sep="\t", header=False, index=False
    )
    return sites


def _ours(folder: Path, sites: pd.DataFrame) -> None:
    rna_alignments.read(str(folder / "reads.bam"), sites, settings=engine.config()["rna"])


def _theirs(folder: Path, how: str) -> None:
    filters = ["-B", "-A", "-q", "20", "-Q", "20", "-d", "100000", "-a", "AD", "-Ou"]
    pysam.bcftools.mpileup(
        "-f", str(folder / "genome.fa"), how, str(folder / "sites.bed"), *filters,
        "-o", str(folder / "all.bcf"), str(folder / "reads.bam"), catch_stdout=False,
    )  # fmt: skip
