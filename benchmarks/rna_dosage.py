"""Expression as a measure of dosage: linedrift beside CNVkit's import-rna on the same counts.

Per sample the correlation, over chromosomes, of what expression says with the mean of the segments
of the tumour's SNP array; and, arm by arm, calls against |segment mean| > .2. CNVkit sees the same
counts with the table of genes that it is published with, without its table of correlations (which
was learned from such tumours); a chromosome is the weighted mean of its genes.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import bench_paths
import engine
import numpy as np
import pandas as pd
import scoring
from genomes import bands
from linedrift import genome
from linedrift.genome import CHROM_DTYPE
from linedrift.readers import counts as gene_counts
from linedrift.readers import genes as annotations
from linedrift.signals import expression, rna_bank
from rna_data import annotation, located

# An arm has changed where its segments say so (issue 4); what its calls must reach.
CHANGED, PRECISION, RECALL = 0.2, 0.9, 0.6


def main(cnvkit: Path) -> None:
    """Print correlations and calls of arms, or why there are none."""
    folder = bench_paths.real_data() / "rna" / "tcga_skcm_counts"
    if not folder.is_dir():
        print("tcga_skcm_counts is not here, so dosage is not compared")
        return
    matrix = gene_counts.read_matrix(folder / "htseq_counts_53.tsv.gz")
    bank = located(matrix, annotation())
    truth = segments(folder / "snp6_segments.tsv.gz")
    every, counted = rna_bank.matrix(bank)
    raw = np.log2(counted + 1)
    read = (counted >= 20).mean(axis=1) > 0.5
    raw = raw[read] - np.median(raw[read], axis=1, keepdims=True)
    by_name = {
        "linedrift, GC content of genes known": ours(bank, gc_of_genes()),
        "linedrift, density of genes alone": ours(bank),
        "log ratio to the median of the tumours": (every[read], raw),
    }
    names = list(bank)
    found = {name: chromosomes(*levels, names) for name, levels in by_name.items()}
    program = shutil.which(str(cnvkit))
    if program:
        found["CNVkit import-rna"] = theirs(program, matrix)
    else:
        print("CNVkit is not installed, so it is left out (pip install cnvkit)\n")
    wanted = by_chromosome(truth)
    print(scoring.markdown([correlation(name, of, wanted) for name, of in found.items()]))
    table = [arms_called(name, *levels, names, truth) for name, levels in by_name.items()]
    print("\n" + scoring.markdown(table))


def gc_of_genes() -> pd.Series:
    """Return the GC content of genes by gene_id, of a table of Ensembl's."""
    path = bench_paths.real_data() / "reference" / "ensembl-gene-info.hg38.tsv.gz"
    return annotations.read(path).genes.drop_duplicates("gene_id").set_index("gene_id")["gc"]


def segments(path: Path) -> pd.DataFrame:
    """Return case, chrom, start, end, mean of the segments of SNP arrays, autosomes only."""
    read = pd.read_csv(path, sep="\t", dtype={"Chromosome": str})
    chrom = "chr" + read["Chromosome"]
    found = pd.DataFrame(
        {
            "case": read["case"],
            "chrom": chrom,
            "start": read["Start"],
            "end": read["End"],
            "mean": read["Segment_Mean"],
        }
    )
    return found[chrom.isin(genome.AUTOSOMES)]


def _weighted(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return the mean of each case (columns) and place (rows), by the length of segments."""
    of = table.assign(length=table["end"] - table["start"])
    of["total"] = of["mean"] * of["length"]
    sums = of.groupby([by, "case"])[["total", "length"]].sum()
    means = (sums["total"] / sums["length"]).rename("mean").reset_index()
    return means.pivot_table("mean", by, "case")


def by_chromosome(truth: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of segments: chromosomes by cases."""
    return _weighted(truth, "chrom")


def by_arm(truth: pd.DataFrame, arms: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of segments within each arm: arms by cases."""
    parts = []
    for arm in arms.itertuples():
        own = truth[truth["chrom"] == arm.chrom]
        start, end = own["start"].clip(lower=arm.start), own["end"].clip(upper=arm.end)
        parts.append(own.assign(start=start, end=end, arm=f"{arm.chrom}{arm.arm}")[end > start])
    return _weighted(pd.concat(parts), "arm")


def autosomal_arms() -> pd.DataFrame:
    """Return chrom, start, end, arm of the autosomes."""
    of = genome.arms(bands().astype({"chrom": CHROM_DTYPE}))
    return of[of["chrom"].isin(genome.AUTOSOMES)]


def ours(
    bank: dict[str, pd.DataFrame], gc: pd.Series | None = None
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return expressed genes and their levels by linedrift, shape (genes, samples)."""
    settings = engine.config()["rna"]
    genes, of, _ = rna_bank.expressed(bank, list(bank), autosomal_arms(), settings, gc)
    levels = [expression.dosage(of, name, settings)[0] for name in bank]
    return genes, np.column_stack(levels)


def chromosomes(genes: pd.DataFrame, levels: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Return the limited mean of each chromosome: chromosomes by samples."""
    chrom = genes["chrom"].astype(str).to_numpy()
    kept = np.isin(chrom, list(genome.AUTOSOMES))
    place, index = np.unique(chrom[kept], return_inverse=True)
    return pd.DataFrame(expression.arm_means(levels[kept], index), index=place, columns=names)


def theirs(program: str, matrix: gene_counts.Matrix) -> pd.DataFrame:
    """Return the weighted mean of each chromosome by CNVkit: chromosomes by samples."""
    resource = bench_paths.real_data() / "reference" / "ensembl-gene-info.hg38.tsv.gz"
    found = {}
    with tempfile.TemporaryDirectory(dir=bench_paths.WORK) as name:
        folder = Path(name)
        for k, sample in enumerate(matrix.samples):
            table = pd.DataFrame({"id": matrix.genes["gene_id"], "n": matrix.counts[:, k]})
            table.astype({"n": int}).to_csv(
                folder / f"{sample}.txt", sep="\t", header=False, index=False
            )
        command = [program, "import-rna", "-f", "counts", "-g", str(resource), "-d", name]
        files = [str(folder / f"{sample}.txt") for sample in matrix.samples]
        command += ["-o", str(folder / "summary.tsv"), *files]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"import-rna: {done.stderr.strip().splitlines()[-1]}")
        for sample in matrix.samples:
            of = pd.read_csv(folder / f"{sample}.cnr", sep="\t", dtype={"chromosome": str})
            of = of.assign(chrom="chr" + of["chromosome"].str.removeprefix("chr"))
            of["total"] = of["log2"] * of["weight"]
            sums = of.groupby("chrom")[["total", "weight"]].sum()
            found[sample] = sums["total"] / sums["weight"]
    return pd.DataFrame(found)


def correlation(name: str, found: pd.DataFrame, wanted: pd.DataFrame) -> dict[str, str]:
    """Return a row: the median and quartiles over samples of the correlation by chromosome."""
    found, wanted = found.align(wanted, join="inner")
    each = found.corrwith(wanted)
    return {
        "tool": name,
        "samples": str(len(each)),
        "chromosomes": str(len(found)),
        "median correlation": f"{each.median():.2f}",
        "quartiles": f"{each.quantile(0.25):.2f}-{each.quantile(0.75):.2f}",
    }


def arms_called(
    name: str, genes: pd.DataFrame, levels: np.ndarray, names: list[str], truth: pd.DataFrame
) -> dict[str, str]:
    """Return a row: precision and recall of arms beyond a cut.

    The cut is the least that has PRECISION in every other tumour, and is asked of the rest, both
    ways round. Beside it the best precision that any cut has at RECALL in all tumours.
    """
    arms = autosomal_arms()
    arm, index = np.unique(expression.arm_names(genes, arms).astype(str), return_inverse=True)
    found = pd.DataFrame(expression.arm_means(levels, index), index=arm, columns=names)
    # Arms with next to no genes are not asked (21p).
    few = arm[np.bincount(index) < expression.LEAST_GENES]
    found = found.drop(index=[*few, *([""] if "" in arm else [])])
    found, wanted = found.align(by_arm(truth, arms), join="inner")
    x, y = found.to_numpy(), wanted.to_numpy()

    def at(cut: float, tumours: slice) -> tuple[float, float]:
        """Return precision and recall of the arms beyond a cut, the direction told rightly."""
        level, copies = x[:, tumours].ravel(), y[:, tumours].ravel()
        level, copies = level[np.isfinite(copies)], copies[np.isfinite(copies)]
        called, changed = np.abs(level) > cut, np.abs(copies) > CHANGED
        right = called & changed & (np.sign(level) == np.sign(copies))
        return right.sum() / max(called.sum(), 1), right.sum() / changed.sum()

    cuts = np.linspace(0, 1, 201)
    halves = (slice(0, None, 2), slice(1, None, 2))
    row = {"tool": name, "arms": str(int(np.isfinite(y).sum()))}
    row["changed"] = str(int((np.abs(y) > CHANGED).sum()))
    for k, (chosen, asked) in enumerate((halves, halves[::-1])):
        cut = next((cut for cut in cuts if at(cut, chosen)[0] >= PRECISION), 1.0)
        precision, recall = at(cut, asked)
        row[f"cut of half {k + 1}, asked of the other"] = (
            f"{cut:.2f}: precision {precision:.2f}, recall {recall:.2f}"
        )
    curve = [at(cut, slice(None)) for cut in cuts]
    best = max((p for p, r in curve if r >= RECALL), default=float("nan"))
    row[f"precision at recall {RECALL:g}"] = f"{best:.2f}"
    return row
