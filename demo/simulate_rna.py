"""RNA-seq with planted truth: counts of genes, and reads of alleles at heterozygous SNPs.

Genes follow four fifths of a change of dosage (on a log scale), differ from sample to sample by
more than counting, and prefer an allele of their own in all cells of a person. X has one active
copy: a woman's lines express XIST, a man's the genes of Y.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import library_path  # noqa: F401
import numpy as np
import pandas as pd
from linedrift.genome import GRCH38
from simulate_array import Event, allele_doses

# Share of a change of dosage (log2) that expression follows.
SLOPE = 0.8
# Reads of the reference allele per read of the other, as aligners prefer it.
REFERENCE_BIAS = 1.1
# Log2 that X-linked genes gain where the silent X is eroded.
EROSION = 0.6
# Bases that a made-up gene spans.
SPAN = 30_000
# Correlation of the alleles of two reads, and sd (logit) of the allele that a gene prefers.
OVERDISPERSION, PREFERENCE_SD = 0.008, 0.25
# Log-odds of the allele that an imprinted gene expresses.
IMPRINTED = 6.0


def genes(
    rng: np.random.Generator, loci: pd.DataFrame, n: int, known: pd.DataFrame
) -> pd.DataFrame:
    """Return `n` genes around loci of the array, and those that are known by name.

    Parameters
    ----------
    loci
        chrom, start of the array.
    known
        gene, chrom, start, end, gene_id of genes that keep their names, and perhaps log2_mean.

    Returns
    -------
    pandas.DataFrame
        chrom, start, end, gene_id, symbol, strand, log2_mean (of reads), sd (log2, between
        samples), in genome order.
    """
    chosen = loci.iloc[np.sort(rng.choice(len(loci), n, replace=False))]
    chrom = chosen["chrom"].astype(str)
    last = chrom.map(GRCH38.lengths).to_numpy() - SPAN
    start = np.clip(chosen["start"].to_numpy() - SPAN // 2, 0, last)
    made = pd.DataFrame(
        {
            "chrom": chrom.to_numpy(),
            "start": start,
            "end": start + SPAN,
            "gene_id": [f"ENSG99{k:09d}" for k in range(n)],
            "symbol": [f"DEMOR{k}" for k in range(n)],
        }
    )
    own = known[known["chrom"].isin(made["chrom"])].rename(columns={"gene": "symbol"})
    own = own.assign(gene_id=own["gene_id"].str.partition(".")[0])
    found = pd.concat([made, own[list(made.columns)]], ignore_index=True)
    found["strand"] = rng.choice(["+", "-"], len(found))
    mean = rng.normal(9.2, 1.5, len(found)).clip(6)
    if "log2_mean" in own:
        stated = np.append(np.full(n, np.nan), own["log2_mean"].to_numpy(float))
        mean = np.where(np.isnan(stated), mean, stated)
    found["log2_mean"] = mean
    found["sd"] = 0.18 * np.exp(rng.normal(0, 0.3, len(found)))
    order = {name: k for k, name in enumerate(loci["chrom"].astype(str).unique())}
    place = found["chrom"].map(order)
    return found.iloc[np.lexsort((found["start"], place))].reset_index(drop=True)


def dose(of: pd.DataFrame, events: Sequence[Event]) -> np.ndarray:
    """Return the copies of each gene's DNA per cell, relative to what it was born with."""
    relative = np.ones(len(of))
    middle = (of["start"] + of["end"]) // 2
    for event in events:
        inside = (of["chrom"] == event.chrom) & (middle >= event.start) & (middle < event.end)
        change = {"gain": 1, "loss": -1, "amplification": 3, "deep_loss": -2}.get(event.kind, 0)
        relative[inside] += change * event.cell_fraction / 2
    return np.maximum(relative, 0.01)


def counts(
    rng: np.random.Generator,
    of: pd.DataFrame,
    events: Sequence[Event],
    sex: str,
    depth: float = 1.0,
    eroded: bool = False,
) -> np.ndarray:
    """Return the reads of each gene in one sample, float64 (n,); `depth` scales them all.

    `eroded`: the silent X of a woman's line is expressed again.
    """
    chrom = of["chrom"].to_numpy()
    # The second X is silent, so neither its loss nor its gain is heard.
    relative = np.where(np.isin(chrom, ["chrX", "chrY"]), 1.0, dose(of, events))
    mean = of["log2_mean"].to_numpy() + SLOPE * np.log2(relative)
    mean = mean + rng.normal(0, 1, len(of)) * of["sd"].to_numpy()
    mean = mean + EROSION * ((chrom == "chrX") & eroded)
    expected = depth * 2.0**mean
    expected[(chrom == "chrY") & (sex != "male")] = 0.02
    expected[(of["symbol"] == "XIST").to_numpy() & ((sex != "female") | eroded)] = 0.02
    return rng.poisson(expected).astype(float)


def preferences(
    rng: np.random.Generator, of: pd.DataFrame, imprinted: Collection[str] = ()
) -> np.ndarray:
    """Return the log-odds of one haplotype that each gene prefers in all cells of a person.

    Genes that are `imprinted` (their symbols) express one allele alone.
    """
    prefers = rng.normal(0, PREFERENCE_SD, len(of))
    return np.where(of["symbol"].isin(list(imprinted)), IMPRINTED * np.sign(prefers), prefers)


def alleles(
    rng: np.random.Generator,
    of: pd.DataFrame,
    reads: np.ndarray,
    loci: pd.DataFrame,
    haplotypes: np.ndarray,
    events: Sequence[Event],
    prefers: np.ndarray,
) -> pd.DataFrame:
    """Return a table as ASEReadCounter writes it, at the person's heterozygous SNPs in genes.

    Parameters
    ----------
    of, reads
        Genes, and their reads in the sample.
    loci, haplotypes
        The array's loci and the person's alleles there (1 is B), shape (n, 2).
    prefers
        `preferences` of the person.
    """
    two = np.flatnonzero((haplotypes[:, 0] + haplotypes[:, 1] == 1) & (haplotypes >= 0).all(axis=1))
    gene = _gene_of(of, loci.iloc[two])
    two, gene = two[gene >= 0], gene[gene >= 0]
    dose_a, dose_b = (values[two] for values in allele_doses(loci, haplotypes, events))
    sign = np.where(haplotypes[two, 0] == 1, 1.0, -1.0)
    ref_is_b = np.random.default_rng(two).random(len(two)) < 0.5
    odds = np.log(np.maximum(dose_b, 1e-9) / np.maximum(dose_a, 1e-9)) + sign * prefers[gene]
    odds += np.where(ref_is_b, 1, -1) * np.log(REFERENCE_BIAS)
    share = 1 / (1 + np.exp(-odds))
    weight = 1 / OVERDISPERSION - 1
    share = rng.beta(np.maximum(share * weight, 1e-3), np.maximum((1 - share) * weight, 1e-3))
    depth = rng.poisson(reads[gene] * rng.uniform(0.05, 0.25, len(two)))
    b = rng.binomial(depth, share)
    table = loci.iloc[two]
    strong, weak = np.where(two % 2, "C", "G"), np.where(two % 3, "A", "T")
    return pd.DataFrame(
        {
            "contig": table["chrom"].astype(str).to_numpy(),
            "position": table["start"].to_numpy() + 1,
            "variantID": ".",
            "refAllele": np.where(ref_is_b, strong, weak),
            "altAllele": np.where(ref_is_b, weak, strong),
            "refCount": np.where(ref_is_b, b, depth - b),
            "altCount": np.where(ref_is_b, depth - b, b),
            "totalCount": depth,
            "lowMAPQDepth": 0,
            "lowBaseQDepth": 0,
            "rawDepth": depth,
            "otherBases": 0,
            "improperPairs": 0,
        }
    )


def _gene_of(of: pd.DataFrame, loci: pd.DataFrame) -> np.ndarray:
    """Return the gene in which each locus lies, -1 for none."""
    found = np.full(len(loci), -1)
    chrom, start = loci["chrom"].astype(str).to_numpy(), loci["start"].to_numpy()
    for name in np.unique(chrom):
        here = np.flatnonzero((of["chrom"] == name).to_numpy())
        on = np.flatnonzero(chrom == name)
        if not len(here):
            continue
        first = of["start"].to_numpy()[here]
        place = np.searchsorted(first, start[on], side="right") - 1
        inside = (place >= 0) & (start[on] < of["end"].to_numpy()[here[place]])
        found[on[inside]] = here[place[inside]]
    return found


def write_counts(path: Path, of: pd.DataFrame, samples: Mapping[str, np.ndarray]) -> None:
    """Write a table of counts as nf-core/rnaseq merges it: gene_id, gene_name, samples."""
    frame = pd.DataFrame({"gene_id": of["gene_id"], "gene_name": of["symbol"], **samples})
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, sep="\t", index=False, float_format="%.0f")


def write_genes(path: Path, of: pd.DataFrame, before: str = "") -> None:
    """Write the genes as GFF3, behind the rows of another one."""
    named = "ID=gene:" + of["gene_id"] + ";Name=" + of["symbol"] + ";biotype=protein_coding"
    frame = pd.DataFrame(
        {
            "chrom": of["chrom"], "source": "demo", "kind": "gene", "start": of["start"] + 1,
            "end": of["end"], "score": ".", "strand": of["strand"], "phase": ".",
            "attributes": named,
        }
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = frame.to_csv(None, sep="\t", index=False, header=False, quoting=3)
    path.write_text((before or "##gff-version 3\n") + rows, encoding="utf-8")


def write_alleles(path: Path, table: pd.DataFrame) -> None:
    """Write a table of alleles with tabs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, sep="\t", index=False)
