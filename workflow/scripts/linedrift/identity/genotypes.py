"""Genotypes of one measurement that tell one person from another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift import tables
from linedrift.alleles import rarer_reads
from linedrift.genome import AUTOSOMES, CHROM_DTYPE, places
from linedrift.quality.quality import INTENSITY_ONLY


def genotypes(
    signals: pd.DataFrame, settings: Mapping[str, Any], kept: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the genotypes of one measurement that identity needs.

    Parameters
    ----------
    signals
        Frame of `tables.SIGNALS`.
    settings
        Section `identity` of the config: n_loci, hom_max, het_min.
    kept
        chrom, start of loci that are never left out: the few that arrays for methylation have.

    Returns
    -------
    pandas.DataFrame
        chrom, start, genotype (AA, AB, BB), in genome order: autosomal usable loci that have a
        genotype, one per position. Of a file without genotypes they come from the B-allele
        frequency, leaving out what lies between the clusters. Where there are more than
        `n_loci`, those with the smallest hash of their position are kept, so that arrays of
        different kinds pick the same ones.
    """
    loci = signals[signals["usable"].to_numpy() & signals["chrom"].isin(AUTOSOMES).to_numpy()]
    called = loci["genotype"]
    if not (called != "").any():
        called = _genotypes_of_clusters(loci, settings)
    loci = pd.DataFrame(
        {"chrom": loci["chrom"], "start": loci["start"], "genotype": called.astype(str)}
    )
    loci = loci[loci["genotype"] != ""].drop_duplicates(["chrom", "start"])
    if len(loci) > settings["n_loci"]:
        order = _hash(places(loci))
        if kept is not None:
            order[np.isin(places(loci), places(kept))] = 0
        chosen = np.argpartition(order, settings["n_loci"] - 1)
        loci = loci.iloc[np.sort(chosen[: settings["n_loci"]])]
    return loci.astype({"chrom": CHROM_DTYPE, "genotype": tables.GENOTYPES}).reset_index(drop=True)


def exome_genotypes(
    signals: pd.DataFrame, sites: pd.DataFrame, settings: Mapping[str, Any], rho: float
) -> pd.DataFrame:
    """Return the genotypes of one exome that identity needs, and the reads behind them.

    Parameters
    ----------
    signals
        SIGNALS of the exome.
    sites
        SITES at which it was read. Those of the identity panel and of an array are taken, and no
        others: the rest were chosen because this person, not another, has an allele there, and
        any two people would look akin at the loci that both were chosen for.
    settings
        Section `identity` of the config.
    rho
        Correlation of the alleles of two reads (`wes.overdispersion`).

    Returns
    -------
    pandas.DataFrame
        As of `genotypes`, with reads (of the rarer allele) and depth (float32), which tell
        whose foreign DNA is in the sample.
    """
    panel = sites.loc[sites["in_panel"] & sites["shared"], ["chrom", "start"]]
    loci = signals[np.isfinite(signals["b_fraction"].to_numpy())].merge(panel)
    loci = loci.astype({"chrom": CHROM_DTYPE})
    found = genotypes(loci, settings)
    reads, depth = rarer_reads(loci["b_fraction"].to_numpy(), loci["b_sd"].to_numpy(), rho)
    loci = loci[["chrom", "start"]].assign(
        reads=reads.astype(np.float32), depth=depth.astype(np.float32)
    )
    loci = loci.drop_duplicates(["chrom", "start"])
    return found.merge(loci, how="left").astype({"chrom": CHROM_DTYPE})


def _genotypes_of_clusters(loci: pd.DataFrame, settings: Mapping[str, Any]) -> pd.Series:
    """Return genotypes by B-allele frequency, '' between the clusters and at probes of no SNP."""
    b = loci["b_fraction"].to_numpy()
    low, het = settings["hom_max"], settings["het_min"]
    called = np.select(
        [b <= low, b >= 1 - low, (b >= het) & (b <= 1 - het)], ["AA", "BB", "AB"], default=""
    )
    called[loci["name"].str.startswith(INTENSITY_ONLY).to_numpy(dtype=bool)] = ""
    return pd.Series(called, index=loci.index)


def _hash(values: np.ndarray) -> np.ndarray:
    """Return the finaliser of SplitMix64 of each value: even, fixed, the same everywhere."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
