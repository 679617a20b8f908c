"""Whole banks of RNA: a family with trisomy 21, and 350 samples of 60,000 genes.

The family's four people are four lines, by expression alone: the smallest bank that has a
baseline. The large bank is made up (negative binomial counts); CPU seconds and the most memory of
reading the table, locating its genes, the bank's expression and one sample's levels.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import bench_paths
import engine
import numpy as np
import pandas as pd
import rna
import scoring
from genomes import bands
from linedrift import genome
from linedrift.genome import CHROM_DTYPE
from linedrift.readers import counts as gene_counts
from linedrift.readers import genes as annotations
from linedrift.signals import expression, rna_bank, rna_signals
from rna_data import located

SAMPLES, GENES = 350, 60_000
COUNTS = "counts/rna/res_featureCounts_gene_idfull_143138.coverage.csv.gz"


def family() -> None:
    """Print what is called of each sample of the family with trisomy 21."""
    folder = bench_paths.real_data() / "rna" / "trisomy21_lcl"
    if not folder.is_dir():
        print("trisomy21_lcl is not here, so no family is asked")
        return
    known = annotations.read(folder / "annotation" / "gene.bed.gz")
    bank = located(gene_counts.read_matrix(folder / COUNTS), known)
    called = calls(bank, [name.partition("_")[0] for name in bank])
    rows = [
        {"sample": name, "calls": "; ".join(map(rna.told, found.itertuples())) or "nothing"}
        for name, found in called.items()
    ]
    print(scoring.markdown(rows))


def calls(bank: dict[str, pd.DataFrame], lines: list[str]) -> dict[str, pd.DataFrame]:
    """Return what linedrift calls of every sample of a bank by expression alone."""
    config = engine.config()
    arms = genome.arms(bands().astype({"chrom": CHROM_DTYPE}))
    genes, of, _ = rna_bank.expressed(bank, lines, arms, config["rna"])
    found = {}
    for name in bank:
        level, sd, figures = expression.dosage(of, name, config["rna"])
        if figures["reason"]:
            raise ValueError(f"{name}: {figures['reason']}")
        signals = rna_signals.expression_signals(genes, level, sd)
        found[name] = rna.rows(rna.measurement(signals, [], config, "unknown"), config)
    return found


def large() -> None:
    """Print time and memory of a bank of SAMPLES x GENES."""
    with tempfile.TemporaryDirectory(dir=bench_paths.WORK) as name:
        path, place = Path(name) / "counts.tsv", Path(name) / "genes.tsv"
        write(path, place)
        steps, began = {}, time.process_time()

        def step(what: str) -> None:
            """Note the CPU seconds since the last step."""
            nonlocal began
            steps[what], began = time.process_time() - began, time.process_time()

        matrix = gene_counts.read_matrix(path)
        step("read the table")
        known = annotations.read(place)
        bank = located(matrix, known)
        step("locate the genes")
        arms = genome.arms(bands().astype({"chrom": CHROM_DTYPE}))
        settings = engine.config()["rna"]
        _, of, figures = rna_bank.expressed(bank, list(bank), arms, settings)
        step(f"expression of the bank ({figures['n_expressed']:,} genes)")
        expression.dosage(of, matrix.samples[0], settings)
        step("levels of one sample")
    rows = [{"step": what, "CPU seconds": f"{spent:.1f}"} for what, spent in steps.items()]
    rows.append({"step": "all", "CPU seconds": f"{sum(steps.values()):.1f}"})
    print(scoring.markdown(rows))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    print(f"\nMost memory of the process: {most * unit / 2**30:.2f} GB")


def write(path: Path, place: Path) -> None:
    """Write a table of counts and the places of its genes."""
    rng = np.random.default_rng(1)
    chrom = np.sort(rng.integers(1, 23, GENES))
    mean = np.exp(rng.normal(3, 2.5, GENES))
    ids = np.array([f"ENSG{k:011d}" for k in range(GENES)])
    start = np.concatenate(
        [
            np.sort(rng.integers(1, genome.GRCH38.lengths[f"chr{k}"] - 5000, (chrom == k).sum()))
            for k in range(1, 23)
        ]
    )
    table = {"gene_id": ids}
    for k in range(SAMPLES):
        table[f"S{k:03d}"] = rng.poisson(mean * rng.gamma(20, 1 / 20, GENES))
    pd.DataFrame(table).to_csv(path, sep="\t", index=False)
    frame = pd.DataFrame({"gene_id": ids, "chrom": chrom, "start": start, "end": start + 3000})
    frame.to_csv(place, sep="\t", index=False)


def main() -> None:
    """Print both."""
    family()
    print()
    large()
