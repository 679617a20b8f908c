"""Imprinted genes by the alleles of RNA: one allele as born, or both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from linedrift import tables
from linedrift.findings import role_of
from linedrift.genome import CHROM_DTYPE
from linedrift.readouts.readouts import place, readout, records
from linedrift.signals.contrast import align

SETS = ("imprinted_paternal", "imprinted_maternal")
# Genes of which lines that are in order have both alleles, as the table says.
_BOTH = "both"


def of_alleles(
    counts: pd.DataFrame | None,
    known: pd.DataFrame | None,
    sets: pd.DataFrame,
    settings: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return a readout for each imprinted gene: the share of its rarer allele.

    Parameters
    ----------
    counts
        ALLELE_COUNTS of the sample; None where none were given.
    known
        SIGNALS with the genotypes of the person by array and exome; None where nobody measured
        them. A SNP of which the RNA shows one allele is heterozygous only by these.
    sets
        resources/expression_gene_sets.tsv.
    settings
        Sections `rna` and `verdict` of the config, in one mapping.

    Notes
    -----
    A SNP in several genes counts for the shortest, which lies in an intron of the others. The
    SNP with most reads tells of its gene; reads of its neighbours are mostly the same.
    """
    asked = sets[sets["set"].isin(SETS)].drop_duplicates("gene")
    asked = asked.astype({"start": int, "end": int}).reset_index(drop=True)
    snps = _heterozygous(counts, known, settings["rna"]) if counts is not None else None
    of = np.full(0 if snps is None else len(snps), -1)
    if snps is not None:
        of = _gene_of(snps, asked)
    rows = []
    for k, gene in enumerate(records(asked)):
        own = None if snps is None else snps[of == k]
        found = _of_gene(own, gene, known is not None, settings["rna"])
        rows.append(
            readout(
                "imprinting", gene["gene"], gene["gene"],
                place=place(gene["chrom"], gene["start"], gene["end"]),
                role=role_of(gene, settings["verdict"]), source=gene["source"], **found,
            )
        )  # fmt: skip
    return rows


def genotypes(measured: Sequence[pd.DataFrame]) -> pd.DataFrame | None:
    """Return the loci with a genotype of several SIGNALS; the first that has a locus tells.

    None where nobody measured the person.
    """
    loci = [frame[frame["usable"] & (frame["genotype"] != "")] for frame in measured]
    if not sum(map(len, loci)):
        return None
    known = pd.concat(loci, ignore_index=True).drop_duplicates(["chrom", "start"])
    return tables.in_genome_order(known.astype({"chrom": CHROM_DTYPE}))


def _heterozygous(
    counts: pd.DataFrame, known: pd.DataFrame | None, settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the SNPs with enough reads at which the person has two alleles.

    By its genotypes; where these say nothing, where both alleles are expressed for certain.
    """
    deep = counts["usable"] & (counts["total"] >= settings["readouts"]["least_depth"])
    snps = counts[deep].reset_index(drop=True)
    rarer = np.minimum(snps["ref_count"], snps["alt_count"]).to_numpy()
    both = rarer > settings["readouts"]["one_allele"] * snps["total"].to_numpy()
    if known is None:
        return snps.assign(rarer=rarer)[both]
    genotype = align(known, snps)["genotype"].astype("str").to_numpy()
    told = np.isin(genotype, ["AA", "AB", "BB"])
    return snps.assign(rarer=rarer)[np.where(told, genotype == "AB", both)]


def _gene_of(snps: pd.DataFrame, genes: pd.DataFrame) -> np.ndarray:
    """Return the shortest gene that each SNP lies in, -1 for none."""
    found = np.full(len(snps), -1)
    chrom, start = snps["chrom"].astype("str").to_numpy(), snps["start"].to_numpy()
    rows = records(genes)
    for k in np.argsort((genes["start"] - genes["end"]).to_numpy(), kind="stable"):
        row = rows[k]
        found[(chrom == row["chrom"]) & (start >= row["start"]) & (start < row["end"])] = k
    return found


def _of_gene(
    snps: pd.DataFrame | None, gene: Mapping[str, Any], measured: bool, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the alleles of one gene say, as columns of READOUTS."""
    own = settings["readouts"]
    if snps is None:
        return {"reason": "no data: no alleles were given (BAM, CRAM or allele counts)"}
    if snps.empty:
        reads = f"no heterozygous SNP with {own['least_depth']} reads"
        if measured:
            return {"reason": f"too few loci: {reads}"}
        return {
            "reason": f"too few loci: {reads} of both alleles; without an array or exome of the "
            "person, a silent allele looks homozygous"
        }
    best = snps.iloc[int(snps["total"].to_numpy().argmax())]
    rarer, total = float(best["rarer"]), float(best["total"])
    # Reads of one gene go together: so many reads are worth fewer (beta-binomial).
    part = 1 / (1 + (total - 1) * settings["overdispersion"])
    up, down = rarer * part + 0.5, (total - rarer) * part + 0.5
    low, high = betaincinv(up, down, 0.025), betaincinv(up, down, 0.975)
    value, bound = rarer / total, own["one_allele"]
    usual = str(gene["expectation"]).startswith(_BOTH)
    state = "normal"
    if not usual and value > bound:
        state = "gained" if low > bound else "not_testable"
    why = f"SNP {best['name']}, {int(total)} reads"
    if state == "not_testable":
        why = f"too few reads: {why}"
    elif state == "gained":
        why = f"both alleles are expressed: {why}"
    return {
        "state": state, "value": value, "low": min(float(low), value), "high": float(high),
        "unit": "share", "expected_low": 0.0, "expected_high": 0.5 if usual else bound,
        "limit": np.nan if usual else _limit(total * part, bound), "n": int(total),
        "against": "stated range", "reason": why,
    }  # fmt: skip


def _limit(reads: float, bound: float) -> float:
    """Return the smallest share whose interval would lie above the bound in 95 of 100 cases."""
    shares = np.linspace(bound, 0.5, 81)
    sd = np.sqrt(shares * (1 - shares) / reads)
    seen = shares - (1.96 + 1.64) * sd > bound
    return float(shares[np.argmax(seen)]) if seen.any() else float("nan")
