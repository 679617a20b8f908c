"""Genotypes by the probes of SNPs on methylation arrays.

A probe of a SNP reads one allele as methylated and the other as unmethylated, so its beta is 0,
1/2 or 1. Which allele is which stands in a table; alleles are named as on SNP arrays, so that
samples can be compared across assays (`kinship.few_loci` says what so few SNPs can tell). Bisulfite
reads of SNPs are genotyped as those of RNA are, by `rna_signals.genotype_signals`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift import alleles, tables


def probe_signals(
    probes: pd.DataFrame, known: pd.DataFrame, settings: Mapping[str, Any]
) -> tuple[pd.DataFrame, str]:
    """Return SIGNALS at the SNPs that an array has probes of, and why not, or nothing.

    Parameters
    ----------
    probes
        SNP_PROBES of one array.
    known
        resources/methylation_snp_probes.tsv: chrom, start, end, name, methylated_allele (A, B, or
        empty where it is not known).
    settings
        Section `methylation.identity` of the config: homozygous_max, heterozygous_between.

    Notes
    -----
    Genotypes stand where beta lies in a cluster. Probes whose alleles are not known cannot be
    compared with other assays and are left out.
    """
    known = known[known["methylated_allele"].isin(["A", "B"])]
    probes = probes.drop_duplicates("name")[["name", "beta"]]
    found = known.merge(probes, on="name", how="inner")
    if found.empty:
        return tables.SIGNALS.empty(), "the file has no probes of known SNPs (rs)"
    beta = found["beta"].to_numpy(float)
    b_fraction = np.where(found["methylated_allele"] == "B", beta, 1 - beta)
    genotype = alleles.genotypes(b_fraction, settings)
    frame = found.assign(
        level=np.nan, level_sd=np.nan, b_fraction=b_fraction, b_sd=np.nan, genotype=genotype
    )
    frame["usable"] = np.isfinite(beta)
    return tables.in_genome_order(tables.conform(frame, tables.SIGNALS)), ""
