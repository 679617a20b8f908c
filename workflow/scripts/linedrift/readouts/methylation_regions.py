"""Methylation of curated regions, of probes and of sequenced cytosines alike.

A region of an array is the robust mean of its probes; a region of sequencing is the share of
methylated reads, whose interval counts the fragments of DNA rather than the reads of single CpGs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from linedrift.genome import CHROM_DTYPE, CHROMOSOMES, is_pseudoautosomal
from linedrift.methylation_tables import REGION_VALUES, is_array
from linedrift.tables import conform

# 1.4826 turns a median absolute deviation into a standard deviation for normal noise.
MAD_TO_SD = 1.4826
# It tells a standard deviation as well as the usual estimate does from .37 as many values.
MAD_EFFICIENCY = 0.37
# The row that sums up the CpG islands of X outside the pseudoautosomal regions.
X_ISLANDS = "X_islands"
# Half a 95 % interval in standard deviations.
HALF_WIDTH = 1.96


def curated(dmrs: pd.DataFrame, loci: pd.DataFrame) -> pd.DataFrame:
    """Return chrom, start, end, region of both curated tables, in genome order, each once.

    Parameters
    ----------
    dmrs
        resources/imprinted_dmrs.tsv.
    loci
        resources/methylation_drift_loci.tsv; its rows on imprinted regions are those of `dmrs`
        and are left out.
    """
    names = ["chrom", "start", "end", "region"]
    other = loci[loci["kind"] != "imprint drift"].rename(columns={"id": "region"})
    both = pd.concat([dmrs.rename(columns={"dmr_id": "region"})[names], other[names]])
    return both.astype({"chrom": CHROM_DTYPE}).sort_values(["chrom", "start"], ignore_index=True)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame: column -> value."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def by_region(values: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return REGION_VALUES of one sample: region -> its row."""
    return {row["region"]: row for row in records(values)}


def sequenced(values: pd.DataFrame) -> bool:
    """Return whether REGION_VALUES rest on reads."""
    return bool((values["n_reads"] > 0).any())


def measured(loci: pd.DataFrame) -> pd.DataFrame:
    """Return the loci that say something: usable probes with a beta, cytosines with reads."""
    if is_array(loci):
        return loci[(loci["usable"] & loci["beta"].notna()).to_numpy()]
    return loci[((loci["methylated"] + loci["unmethylated"]) > 0).to_numpy()]


def values(loci: pd.DataFrame, regions: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return the methylation of each region with its 95 % interval.

    Probes: mean of the betas drawn in to 1.5 sd around their median; the sd is that of the probes
    of the region (by their median absolute deviation), drawn to `probe_sd` with the weight of
    `probe_weight` probes, and the interval is Student's. A region of one CpG has `single_sd`.

    Reads: m methylated of all reads; a stretch of `fragment_length` holds as many fragments of DNA
    as its CpGs have reads in the mean, f, worth f / (1 + (f - 1) `read_rho`) independent ones (the
    design effect of a beta-binomial). The interval is that of Jeffreys with so many
    (doi:10.1214/ss/1009213286).

    Parameters
    ----------
    loci
        PROBES or CYTOSINES, in any order.
    regions
        chrom, start, end, region.
    settings
        methylation.measures of the config.

    Returns
    -------
    pandas.DataFrame
        REGION_VALUES in the order of `regions`; NaN and 0 loci where nothing was measured.
    """
    loci = in_order(measured(loci))
    of_region: Callable[..., dict[str, float]] = _of_probes
    if not is_array(loci):
        of_region = partial(_of_reads, length=fragment_length(loci, settings))
    rows = [
        {**row, **of_region(inside, row["end"] - row["start"] == 1, settings)}
        for row, inside in _by_region(loci, regions)
    ]
    return conform(pd.DataFrame(rows, columns=REGION_VALUES.names), REGION_VALUES)


def _by_region(
    loci: pd.DataFrame, regions: pd.DataFrame
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Give each region with the loci, in genome order, that overlap it."""
    codes = loci["chrom"].cat.codes.to_numpy()
    start, end = loci["start"].to_numpy(), loci["end"].to_numpy()
    longest = int((end - start).max()) if len(loci) else 0
    for row in records(regions[["chrom", "start", "end", "region"]]):
        code = CHROMOSOMES.index(row["chrom"])
        first, last = np.searchsorted(codes, [code, code + 1])
        on = start[first:last]
        low = first + np.searchsorted(on, row["start"] - longest, side="right")
        high = first + np.searchsorted(on, row["end"])
        yield row, loci.iloc[low:high][end[low:high] > row["start"]]


def in_order(loci: pd.DataFrame) -> pd.DataFrame:
    """Return loci in genome order; sorted only where they are not."""
    loci = loci.astype({"chrom": CHROM_DTYPE})
    step = np.diff(loci["chrom"].cat.codes.to_numpy().astype(np.int8))
    back = np.diff(loci["start"].to_numpy()) < 0
    if ((step < 0) | ((step == 0) & back)).any():
        return loci.sort_values(["chrom", "start"], ignore_index=True)
    return loci


def _of_probes(probes: pd.DataFrame, single: bool, settings: Mapping[str, Any]) -> dict[str, float]:
    beta = np.sort(probes["beta"].to_numpy(np.float64))
    n = len(beta)
    if not n:
        return _nothing()
    centre = np.median(beta)
    sd = MAD_TO_SD * np.median(np.abs(beta - centre))
    mean = np.clip(beta, centre - 1.5 * sd, centre + 1.5 * sd).mean()
    prior = settings["single_sd" if single else "probe_sd"]
    told = MAD_EFFICIENCY * (n - 1)
    freedom = settings["probe_weight"] + told
    sd = np.sqrt((settings["probe_weight"] * prior**2 + told * sd**2) / freedom)
    half = special.stdtrit(freedom, 0.975) * sd / np.sqrt(n)
    low, high = np.clip([mean - half, mean + half], 0, 1)
    return {"beta": mean, "low": low, "high": high, "n_loci": n, "n_reads": 0}


def _of_reads(
    cytosines: pd.DataFrame, single: bool, settings: Mapping[str, Any], length: int
) -> dict[str, float]:
    methylated = cytosines["methylated"].to_numpy(np.int64)
    reads = methylated + cytosines["unmethylated"].to_numpy(np.int64)
    if not reads.sum():
        return _nothing()
    start = cytosines["start"].to_numpy()
    share = methylated.sum() / reads.sum()
    piece = (start - start[0]) // length
    begins = np.flatnonzero(np.diff(piece, prepend=-1))
    low, high = share_interval(share, fragments(reads, begins, settings["read_rho"]).sum())
    return {
        "beta": share, "low": low, "high": high, "n_loci": len(reads), "n_reads": reads.sum(),
    }  # fmt: skip


def fragment_length(loci: pd.DataFrame, settings: Mapping[str, Any]) -> int:
    """Return the length that fragments of DNA are taken to have, from how fast the depth changes.

    The depth of CpGs about 500 bp apart: of short fragments it is counted anew, so that the mean
    square of the difference is the sum of both or more (1.1 to 16 times as much on real bisulfite
    libraries); reads of many kb are the same at both (.18 on nanopore reads of HG002). Below
    `long_reads` times the sum it is `long_fragment_bp`, else `fragment_bp`.

    Parameters
    ----------
    loci
        CYTOSINES in genome order, with reads; the first two millions are looked at.
    """
    loci = loci.iloc[:2_000_000]
    key = keys(loci)
    depth = (loci["methylated"] + loci["unmethylated"]).to_numpy(np.float64)
    partner = np.searchsorted(key, key + 500)
    own = np.flatnonzero(partner < len(key))
    partner = partner[own]
    # Depths beyond three times the usual are repeats; chromosomes lie 2^32 apart.
    usual = depth < 3 * np.median(depth) if len(depth) else depth > 0
    fit = (key[partner] - key[own] < 750) & usual[own] & usual[partner]
    own, partner = own[fit], partner[fit]
    if len(own) < 100:
        return int(settings["fragment_bp"])
    changed = ((depth[own] - depth[partner]) ** 2).mean() / (depth[own] + depth[partner]).mean()
    long = changed < settings["long_reads"]
    return int(settings["long_fragment_bp" if long else "fragment_bp"])


def keys(loci: pd.DataFrame) -> np.ndarray:
    """Return one ascending number of each place in genome order, shape (n,)."""
    code = loci["chrom"].cat.codes.to_numpy(np.int64)
    return np.asarray((code << 32) + loci["start"].to_numpy(np.int64))


def fragments(reads: np.ndarray, begins: np.ndarray, rho: float) -> np.ndarray:
    """Return how many independent fragments of DNA the reads of each stretch of CpGs are worth.

    A stretch is as long as a fragment, so its CpGs share their fragments: as many as its CpGs
    have reads in the mean, less what a correlation `rho` of two of them takes.

    Parameters
    ----------
    reads
        Of each CpG, shape (n,).
    begins
        First CpG of each stretch, ascending, shape (m,).
    """
    mean = np.add.reduceat(reads, begins) / np.diff(np.append(begins, len(reads)))
    return np.asarray(mean / (1 + (mean - 1).clip(0) * rho))


def share_interval(share: float, n: float) -> tuple[float, float]:
    """Return the 95 % interval of Jeffreys of a share of `n` trials; it contains the share."""
    one, other = 0.5 + share * n, 0.5 + (1 - share) * n
    low, high = special.betaincinv(one, other, [0.025, 0.975])
    return min(float(low), share), max(float(high), share)


def _nothing() -> dict[str, float]:
    return {"beta": np.nan, "low": np.nan, "high": np.nan, "n_loci": 0, "n_reads": 0}


def x_islands(loci: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return which share of the CpG islands of X is half methylated, as one row of REGION_VALUES.

    An inactive X is methylated at most of its CpG islands, the active X is not
    (doi:10.1101/gr.112680.110). An island is told by density, with no list of islands: a run of
    loci that each have `island_probes` probes (or `island_cpgs` CpGs) within 250 bp on either
    side, themselves among them. It is half methylated between `x_half`; what is more methylated
    (dense repeats such as Alu, islands methylated on both) tells nothing of inactivation and is
    left out, as are pseudoautosomal loci. The interval takes islands as independent.

    Parameters
    ----------
    loci
        PROBES or CYTOSINES. Density counts all probes of the array, measured or not.
    settings
        methylation.measures of the config.
    """
    on_x = loci[(loci["chrom"] == "chrX").to_numpy()]
    on_x = in_order(on_x[~is_pseudoautosomal(on_x["chrom"], on_x["start"])])
    least = settings["island_probes" if is_array(loci) else "island_cpgs"]
    start = on_x["start"].to_numpy(np.int64)
    near = np.searchsorted(start, start + 250, "right") - np.searchsorted(start, start - 250)
    dense = measured(on_x[near >= least])
    island = np.cumsum(np.diff(dense["start"].to_numpy(np.int64), prepend=0) > 500)
    found = _islands(dense, island, settings)
    lowest, highest = settings["x_half"]
    found = found[found["beta"] < highest]
    half = (found["beta"] > lowest).mean() if len(found) else np.nan
    low, high = share_interval(half, len(found)) if len(found) else (np.nan, np.nan)
    row = {
        "chrom": "chrX", "start": 0, "end": int(start.max(initial=0)) + 1, "region": X_ISLANDS,
        "beta": half, "low": low, "high": high, "n_loci": len(found),
        "n_reads": found["reads"].sum(),
    }  # fmt: skip
    return conform(pd.DataFrame([row]), REGION_VALUES)


def _islands(dense: pd.DataFrame, island: np.ndarray, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return beta and reads of each island, those with too few reads left out."""
    if is_array(dense):
        return pd.DataFrame({"beta": dense["beta"].groupby(island).median(), "reads": 0})
    counts = dense[["methylated", "unmethylated"]].groupby(island).sum()
    reads = counts.sum(axis=1)
    found = pd.DataFrame({"beta": counts["methylated"] / reads, "reads": reads})
    return found[reads >= settings["least_reads"]]
