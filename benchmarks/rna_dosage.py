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
from linedrift import expression, genome, rna_bank, tables
from linedrift.genome import CHROM_DTYPE
from linedrift.readers import counts as gene_counts
from linedrift.readers import genes as annotations
from linedrift.rna_tables import LOCATED_COUNTS
from rna_data import annotation

# An arm has changed where its segments say so (issue 4).
CHANGED = 0.2
# Cut on the mean of an arm's genes: a change of .2 of the array, at the slope of expression.
CALLED = 0.16


def main(cnvkit: Path) -> None:
    """Print correlations and calls of arms, or why there are none."""
    folder = bench_paths.real_data() / "rna" / "tcga_skcm_counts"
    if not folder.is_dir():
        print("tcga_skcm_counts is not here, so dosage is not compared")
        return
    matrix = gene_counts.read_matrix(folder / "htseq_counts_53.tsv.gz")
    bank = located(matrix, annotation())
    truth = segments(folder / "snp6_segments.tsv.gz")
    genes, levels = ours(bank)
    raw = np.log2(rna_bank.matrix(bank)[1] + 1)
    every = rna_bank.matrix(bank)[0]
    read = (rna_bank.matrix(bank)[1] >= 20).mean(axis=1) > 0.5
    raw = raw[read] - np.median(raw[read], axis=1, keepdims=True)
    found = {
        "linedrift": chromosomes(genes, levels, list(bank)),
        "log ratio to the median of the tumours": chromosomes(every[read], raw, list(bank)),
    }
    program = shutil.which(str(cnvkit))
    if program:
        found["CNVkit import-rna"] = theirs(program, matrix)
    else:
        print("CNVkit is not installed, so it is left out (pip install cnvkit)\n")
    wanted = by_chromosome(truth)
    print(scoring.markdown([correlation(name, of, wanted) for name, of in found.items()]))
    print("\n" + scoring.markdown([arms_called(genes, levels, list(bank), truth)]))


def located(matrix: gene_counts.Matrix, known: annotations.Annotation) -> dict[str, pd.DataFrame]:
    """Return LOCATED_COUNTS of every sample of a table of counts."""
    of = matrix.genes.assign(count=matrix.counts.sum(axis=1, dtype=float))
    found = annotations.locate("counts", of, known, "gencode.v26", engine.config()["rna"]).genes
    place = tables.conform(found, LOCATED_COUNTS)
    own = pd.DataFrame(matrix.counts, index=matrix.genes["gene_id"]).reindex(place["gene_id"])
    return {
        name: place.assign(count=own[k].to_numpy(float)) for k, name in enumerate(matrix.samples)
    }


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


def ours(bank: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, np.ndarray]:
    """Return expressed genes and their levels by linedrift, shape (genes, samples)."""
    settings = engine.config()["rna"]
    genes, of, _ = rna_bank.expressed(bank, list(bank), autosomal_arms(), settings)
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
    genes: pd.DataFrame, levels: np.ndarray, names: list[str], truth: pd.DataFrame
) -> dict[str, str]:
    """Return a row: precision and recall of arms beyond CALLED, and where recall is .6.

    The second figure is the best precision that any cut on the mean has at that recall.
    """
    arms = autosomal_arms()
    arm, index = np.unique(expression.arm_names(genes, arms).astype(str), return_inverse=True)
    found = pd.DataFrame(expression.arm_means(levels, index), index=arm, columns=names)
    found, wanted = found.align(by_arm(truth, arms), join="inner")
    x, y = found.to_numpy().ravel(), wanted.to_numpy().ravel()
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    changed = np.abs(y) > CHANGED

    def at(cut: float) -> tuple[float, float]:
        """Return precision and recall of the arms beyond a cut, the direction told rightly."""
        called = np.abs(x) > cut
        right = called & changed & (np.sign(x) == np.sign(y))
        return right.sum() / max(called.sum(), 1), right.sum() / changed.sum()

    precision, recall = at(CALLED)
    curve = [at(cut) for cut in np.linspace(0, 1, 201)]
    best = max((p for p, r in curve if r >= 0.6), default=float("nan"))
    return {
        "arms of all tumours": str(len(x)),
        "changed": str(int(changed.sum())),
        f"precision beyond {CALLED:g}": f"{precision:.2f}",
        "recall": f"{recall:.2f}",
        "precision at recall .6": f"{best:.2f}",
    }
