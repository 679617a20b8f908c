"""The signals of an RNA-seq sample: alleles at heterozygous SNPs, one a gene, and expression.

In RNA the two alleles of a gene differ for reasons of their own: regulation in cis, imprinting,
the inactive X, HLA. What genes do alone is noise and is measured as such; what whole regions do in
every normal line (HLA, imprinted domains, X) is masked. SNPs of one gene tell the same, so a gene
is heard once, through the SNP with most reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from linedrift import alleles, tables
from linedrift.genome import CHROM_DTYPE
from linedrift.signals.contrast import align
from linedrift.signals.noise import MAD_TO_SD

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


def known_genotypes(
    measured: Sequence[pd.DataFrame], counts: pd.DataFrame, settings: Mapping[str, Any]
) -> pd.DataFrame | None:
    """Return the genotypes that say at which SNPs of the RNA the person has two alleles.

    Parameters
    ----------
    measured
        SIGNALS of the person by array and exome; the first that has a locus tells.
    counts
        ALLELE_COUNTS of the sample: what none of these measured is taken as the RNA shows it.
    settings
        Section `rna` of the config.

    Returns
    -------
    pandas.DataFrame or None
        SIGNALS as `allele_signals` takes them; None where nobody measured the person.
    """
    loci = [frame[frame["usable"] & (frame["genotype"] != "")] for frame in measured]
    if not sum(map(len, loci)):
        return None
    known = pd.concat(loci, ignore_index=True).drop_duplicates(["chrom", "start"])
    here = tables.in_genome_order(known.astype({"chrom": CHROM_DTYPE}))
    told = align(here, counts)["genotype"].notna().to_numpy()
    low, high = settings["heterozygous_between"]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (counts["alt_count"] / counts["total"]).to_numpy()
    two = ~told & (share >= low) & (share <= high)
    own = counts.loc[two, ["chrom", "start", "end", "name"]].assign(
        level=np.nan, level_sd=np.nan, b_fraction=0.5, b_sd=np.nan, genotype="AB", usable=True
    )
    both = pd.concat([here, tables.conform(own, tables.SIGNALS)], ignore_index=True)
    return tables.in_genome_order(both)


def of_snps(counts: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return SIGNALS of all SNPs with enough reads, with the genotype that the RNA shows.

    Parameters
    ----------
    counts
        ALLELE_COUNTS of a sample.
    settings
        Section `rna` of the config.
    """
    deep = counts[counts["usable"].to_numpy() & (counts["total"] >= settings["min_depth"])]
    ref, alt = (alleles.base_codes(deep[name].to_numpy(str)) for name in ("ref", "alt"))
    ref_reads, alt_reads = (deep[name].to_numpy() for name in ("ref_count", "alt_count"))
    least = settings["heterozygous_between"][0] * deep["total"].to_numpy()
    both = np.minimum(ref_reads, alt_reads) >= least
    bias = alleles.reference_bias(ref_reads[both], alt_reads[both], settings["min_depth"])
    is_alt = alleles.naming(ref, alt)[0]
    found = alleles.fractions(ref_reads, alt_reads, is_alt, bias, settings)
    place = deep[["chrom", "start", "end", "name"]].reset_index(drop=True)
    frame = pd.concat([place, found], axis=1).assign(level=np.nan, level_sd=np.nan)
    return tables.in_genome_order(tables.conform(frame, tables.SIGNALS))


def as_baseline(baseline: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Return what a baseline tells of a sample's RNA: which allele each gene prefers.

    Parameters
    ----------
    baseline
        `of_snps` of the baseline.
    own
        SIGNALS of the sample: genes with levels, and a SNP of each gene.

    Returns
    -------
    pandas.DataFrame
        SIGNALS at the loci of `own`. Levels are 0, for expression is relative to the bank
        already, and the donor's cells are of another kind. A SNP without enough reads in the
        baseline prefers no allele.
    """
    there = align(baseline, own)["b_fraction"].to_numpy(float)
    snp = np.isfinite(own["b_fraction"].to_numpy())
    return own.assign(
        level=np.where(snp, np.nan, 0).astype(np.float32),
        b_fraction=np.where(snp, np.where(np.isfinite(there), there, 0.5), np.nan).astype(
            np.float32
        ),
    )


def without_events(
    sister: pd.DataFrame, own: pd.DataFrame, settings: Mapping[str, Any]
) -> tuple[pd.DataFrame, set[str]]:
    """Return what a sister line tells of the alleles that genes prefer, less its own events.

    Parameters
    ----------
    sister
        `of_snps` of a sample of another line of the person.
    own
        SIGNALS of the sample: a SNP of each gene.
    settings
        Section `rna` of the config: sister_block, sister_limit.

    Returns
    -------
    (pandas.DataFrame, set of str)
        The sister without the chromosomes of which it carries more of one allele, and their
        names. An event of the sister would be taken off the sample like a preference of genes:
        one that both have would vanish, one of the sister alone would be seen here turned round.

    Notes
    -----
    The imbalance of blocks of genes, |b - 1/2| up to a quarter, in runs of 2, 8, 32 blocks and of
    the chromosome, against the median and the MAD of all blocks.
    """
    there = align(sister, own)["b_fraction"].to_numpy(float)
    usable = np.isfinite(there) & np.isfinite(own["b_fraction"].to_numpy())
    shift = np.minimum(np.abs(there[usable] - 0.5), 0.25)
    chrom, size = own["chrom"].astype("str").to_numpy()[usable], settings["sister_block"]
    blocks = {}
    for name in np.unique(chrom):
        values = shift[chrom == name]
        whole = values[: len(values) // size * size].reshape(-1, size)
        blocks[str(name)] = whole.mean(axis=1)
    every = np.concatenate([*blocks.values(), np.empty(0)])
    if len(every) < 2:
        return sister, set()
    usual = np.median(every)
    sd = max(MAD_TO_SD * float(np.median(np.abs(every - usual))), 1e-6)
    found = {
        name
        for name, values in blocks.items()
        for n in {2, 8, 32, len(values)}
        if 2 <= n <= len(values)
        and (np.convolve(values, np.ones(n) / n, "valid").max() - usual) * np.sqrt(n)
        > settings["sister_limit"] * sd
    }
    return sister[~sister["chrom"].isin(found)].reset_index(drop=True), found


def genotype_signals(
    counts: pd.DataFrame, panel: pd.DataFrame, settings: Mapping[str, Any]
) -> tuple[pd.DataFrame, str]:
    """Return SIGNALS at the SNPs that tell one person from another, or why RNA cannot tell.

    Parameters
    ----------
    counts
        ALLELE_COUNTS of the sample.
    panel
        SNPs that were chosen for nobody's alleles: chrom, start.
    settings
        Section `rna` of the config; genotypes need `min_depth` reads.

    Notes
    -----
    A table of alleles is often made at the heterozygous SNPs of one person. Whoever is asked at
    these looks like that person, so they tell nothing of identity.
    """
    at = counts[["chrom", "start"]].merge(panel[["chrom", "start"]], how="inner")
    chosen = pd.MultiIndex.from_frame(counts[["chrom", "start"]].astype({"chrom": "str"}))
    wanted = pd.MultiIndex.from_frame(at.astype({"chrom": "str"}))
    deep = counts["usable"].to_numpy() & (counts["total"] >= settings["min_depth"]).to_numpy()
    asked = counts[deep & chosen.isin(wanted)].reset_index(drop=True)
    ref, alt = (alleles.base_codes(asked[name].to_numpy(str)) for name in ("ref", "alt"))
    b_is_alt, shared = alleles.naming(ref, alt)
    found = alleles.fractions(
        asked["ref_count"].to_numpy(), asked["alt_count"].to_numpy(), b_is_alt, 1.0,
        dict(settings) | {"heterozygous_between": settings["genotype_between"]},
    )  # fmt: skip
    frame = pd.concat([asked[["chrom", "start", "end", "name"]], found], axis=1)[shared]
    frame = tables.in_genome_order(
        tables.conform(frame.assign(level=np.nan, level_sd=np.nan), tables.SIGNALS)
    )
    called = frame["genotype"].astype("str")
    one = float(called.isin(["AA", "BB"]).sum()) / max(int((called != "").sum()), 1)
    if len(frame) and one < settings["least_homozygous"]:
        return tables.SIGNALS.empty(), (
            f"{one:.0%} of the SNPs have one allele: the table is of heterozygous SNPs of a "
            "person, at which everybody would look like that person"
        )
    return frame, "" if len(frame) else "no SNP of the panel has enough reads"


def both_alternatives(loci: pd.DataFrame, ref: np.ndarray) -> pd.DataFrame:
    """Return each heterozygous locus of an array with both alleles that it may have beside ref.

    Parameters
    ----------
    loci
        SIGNALS of the array at these loci.
    ref
        Base of the reference there, as text, shape (n,).
    """
    codes = alleles.base_codes(ref)
    known = codes >= 0
    rows, code = loci.loc[known, ["chrom", "start", "end", "name"]], codes[known].astype(int)
    transition = alleles.TRANSITION[code]
    both = [
        rows.assign(ref=alleles.BASES[code], alt=alleles.BASES[other])
        # Arrays hardly have A/T and C/G SNPs: the other allele is one of two.
        for other in (transition, 3 - transition)
    ]
    return pd.concat(both, ignore_index=True)


def one_alternative(counts: pd.DataFrame) -> pd.DataFrame:
    """Return ALLELE_COUNTS with one row a position: the alternative with most reads.

    Reads of the others are `other` there, so a row that was chosen wrongly is not usable.
    """
    order = counts["alt_count"].sort_values(ascending=False, kind="stable").index
    best = counts.loc[order].drop_duplicates(["chrom", "start"])
    return tables.in_genome_order(best)
