"""The signals of an RNA-seq sample: alleles at heterozygous SNPs, one a gene, and expression.

In RNA the two alleles of a gene differ for reasons of their own: regulation in cis, imprinting,
the inactive X, HLA. What genes do alone is noise and is measured as such; what whole regions do in
every normal line (HLA, imprinted domains, X) is masked. SNPs of one gene tell the same, so a gene
is heard once, through the SNP with most reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift import alleles, tables
from linedrift.contrast import align
from linedrift.genome import CHROM_DTYPE

# SNPs outside of all genes count as one gene within this many bases.
_INTERGENIC = 30_000


def allele_signals(
    counts: pd.DataFrame,
    genes: pd.DataFrame,
    masked: pd.DataFrame,
    donor: pd.DataFrame | None,
    settings: Mapping[str, Any],
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the alleles of one sample as SIGNALS, and figures of them.

    Parameters
    ----------
    counts
        ALLELE_COUNTS of the sample.
    genes
        GENES of the annotation.
    masked
        chrom, start, end of regions where alleles differ in normal lines.
    donor
        SIGNALS of the person (array or exome), whose heterozygous loci are asked; None takes
        those that the RNA itself shows, and then sees no loss of heterozygosity in all cells.
    settings
        Section `rna` of the config: min_depth, overdispersion, heterozygous_between,
        homozygous_max.

    Returns
    -------
    (pandas.DataFrame, dict)
        SIGNALS without levels; n_snps (with enough reads), n_masked, n_heterozygous, n_genes,
        reference_bias.
    """
    deep = counts[counts["usable"].to_numpy() & (counts["total"] >= settings["min_depth"])]
    hidden = _within(deep, masked) | deep["chrom"].isin(["chrX", "chrY"]).to_numpy()
    figures: dict[str, Any] = {"n_snps": len(deep), "n_masked": int(hidden.sum())}
    asked = deep[~hidden].reset_index(drop=True)
    ref, alt = (alleles.base_codes(asked[name].to_numpy(str)) for name in ("ref", "alt"))
    b_is_alt, shared = alleles.naming(ref, alt)
    ref_reads, alt_reads = (asked[name].to_numpy() for name in ("ref_count", "alt_count"))
    # Monoallelic genes would read as a bias of their own.
    least = settings["heterozygous_between"][0] * asked["total"].to_numpy()
    both = np.minimum(ref_reads, alt_reads) >= least
    bias = alleles.reference_bias(ref_reads[both], alt_reads[both], settings["min_depth"])
    found = alleles.fractions(ref_reads, alt_reads, b_is_alt, bias, settings)
    if donor is not None:
        # Of ambiguous SNPs the array's B may be the other allele: they carry no shared sign.
        theirs = align(donor, asked)["genotype"].astype("str").to_numpy()
        found["genotype"] = np.where(shared & (theirs == "AB"), "AB", "")
    heterozygous = (found["genotype"] == "AB").to_numpy()
    chosen = _one_a_gene(asked[heterozygous], genes)
    figures |= {
        "n_heterozygous": int(heterozygous.sum()),
        "n_genes": len(chosen),
        "reference_bias": bias,
    }
    frame = pd.concat([asked[["chrom", "start", "end", "name"]], found], axis=1).loc[chosen]
    frame = frame.assign(level=np.nan, level_sd=np.nan)
    return tables.in_genome_order(tables.conform(frame, tables.SIGNALS)), figures


def _within(frame: pd.DataFrame, regions: pd.DataFrame) -> np.ndarray:
    """Return which loci lie in one of the regions (bool)."""
    inside = np.zeros(len(frame), bool)
    chrom, start = frame["chrom"].astype("str").to_numpy(), frame["start"].to_numpy()
    for name, first, last in regions[["chrom", "start", "end"]].itertuples(index=False):
        inside |= (chrom == name) & (start >= first) & (start < last)
    return inside


def _one_a_gene(snps: pd.DataFrame, genes: pd.DataFrame) -> pd.Index:
    """Return the rows of the SNPs with most reads of each gene."""
    gene = np.full(len(snps), "", dtype=object)
    chrom = snps["chrom"].astype("str").to_numpy()
    for name in np.unique(chrom):
        on = np.flatnonzero(chrom == name)
        of = genes[genes["chrom"].astype("str") == name].sort_values("start")
        start = snps["start"].to_numpy()[on]
        nearest = [f"{name}:{place}" for place in start // _INTERGENIC]
        gene[on] = nearest
        if len(of):
            # Of genes that overlap the one that begins last before the SNP is taken.
            place = np.maximum(np.searchsorted(of["start"], start, "right") - 1, 0)
            inside = (start >= of["start"].to_numpy()[place]) & (
                start < of["end"].to_numpy()[place]
            )
            gene[on[inside]] = of["gene_id"].to_numpy()[place[inside]]
    best = snps.assign(gene=gene).sort_values("total", ascending=False, kind="stable")
    return best.drop_duplicates("gene").index


def expression_signals(genes: pd.DataFrame, level: np.ndarray, sd: np.ndarray) -> pd.DataFrame:
    """Return the expression of genes as SIGNALS without alleles.

    Parameters
    ----------
    genes
        chrom, start, end, gene_id of the expressed genes, in genome order.
    level, sd
        What `expression.dosage` returned, shape (genes,).
    """
    frame = genes.assign(
        name=genes["gene_id"],
        level=level,
        level_sd=sd,
        b_fraction=np.nan,
        b_sd=np.nan,
        genotype="",
        usable=np.isfinite(level),
    ).astype({"chrom": CHROM_DTYPE})
    return tables.in_genome_order(tables.conform(frame, tables.SIGNALS))


def together(expression: pd.DataFrame, alleles_of: pd.DataFrame) -> pd.DataFrame:
    """Return both as one frame of SIGNALS; a gene that begins at a SNP gives way to it."""
    both = pd.concat([alleles_of, expression], ignore_index=True)
    both = both[~both.duplicated(["chrom", "start"])]
    return tables.check(tables.in_genome_order(both), tables.SIGNALS)
