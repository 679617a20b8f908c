"""Regions whose methylation differs between a sample and its baseline.

The pieces that are tested are fixed by the places of the loci alone, before any difference is
looked at, so that their p-values need no correction for how they were chosen. Pieces that pass
and touch become one region.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from linedrift.methylation_tables import DIFFERENCES, is_array
from linedrift.readouts.drift import MEDIAN_TO_SD, noise, paired
from linedrift.readouts.methylation_regions import fragment_length, fragments, in_order, measured
from linedrift.tables import conform

# Pieces of like size that tell the spread of their statistic: its error is then 3 %, where 200
# pieces (7 %) let the false-discovery rate of correlated noise grow to twice what is asked.
LIKE = 1000
# A single probe says at most so many standard deviations: a SNP under a probe is no region.
LIMIT = 6.0


def find(
    own: pd.DataFrame,
    baseline: pd.DataFrame,
    sample: str,
    baseline_sample: str,
    settings: Mapping[str, Any],
) -> pd.DataFrame:
    """Return the regions that differ at a false-discovery rate of `max_q`.

    1. Loci of both that lie closer than `max_gap` make pieces of at most `piece_loci` loci; pieces
       of fewer than `piece_least` are not asked.
    2. Reads: the difference of the pooled shares over its beta-binomial sd. The reads of a piece
       count as its fragments of DNA: in each fragment's length as many as a CpG has reads, with a
       dispersion `read_rho` that all pieces share, and the sd is raised to what the lowest quarter
       of the differences says (at most `read_noise`-fold).
    3. Probes: the sum of their differences in sd / sqrt(number). The sd is that of differences at
       a like mean, from their lower half; the sum's is the robust one of pieces of like size, from
       1 to `most_spread`: an empirical null (doi:10.1198/016214504000000089), for neighbours are
       not independent.
    4. Benjamini-Hochberg over all pieces, whatever their difference. Of those with q <= `max_q`
       and a difference of `least_difference` or more, neighbours of one direction are joined; the
       region has the largest p and q of its pieces.

    One sample against one has no replicates, so 2 and 3 assume that half of the loci are unchanged.

    Parameters
    ----------
    own, baseline
        PROBES or CYTOSINES, in any order.
    sample, baseline_sample
        Their names.
    settings
        methylation.measures of the config.

    Returns
    -------
    pandas.DataFrame
        DIFFERENCES in genome order; empty where nothing differs or is shared, and between an array
        and sequencing, which share no measurement (the readouts of drift say so).
    """
    if is_array(own) != is_array(baseline):
        return DIFFERENCES.empty()
    tested = pieces(own, baseline, settings)
    tested = tested[np.isfinite(tested["z"].to_numpy())]
    if tested.empty:
        return DIFFERENCES.empty()
    tested = tested.assign(p_value=2 * special.ndtr(-tested["z"].abs()))
    tested = tested.assign(q_value=_q_values(tested["p_value"].to_numpy()))
    found = tested[
        (tested["q_value"] <= settings["max_q"])
        & (tested["difference"].abs() >= settings["least_difference"])
    ]
    if found.empty:
        return DIFFERENCES.empty()
    gap = settings["max_gap_probes" if is_array(own) else "max_gap_reads"]
    regions = _joined(found, gap).assign(sample=sample, baseline=baseline_sample)
    return conform(regions, DIFFERENCES)


def _q_values(p: np.ndarray) -> np.ndarray:
    """Return the false discovery rate at which each test is found (Benjamini, Hochberg 1995)."""
    order = np.argsort(p)[::-1]
    rates = p[order] * len(p) / np.arange(len(p), 0, -1)
    found = np.empty(len(p))
    found[order] = np.minimum.accumulate(rates)
    return found


def pieces(own: pd.DataFrame, baseline: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return chrom, start, end, n_loci, difference, z of each piece that can be asked.

    z is standard normal where nothing differs; NaN where a piece has too few reads.
    """
    array = is_array(own)
    both = [_plain(loci, array) for loci in (own, baseline)]
    pairs = paired(*both)
    gap = settings["max_gap_probes" if array else "max_gap_reads"]
    first, count = _cut(pairs, gap, settings["piece_loci"])
    start = pairs["start"].to_numpy()
    made = pd.DataFrame(
        {
            "chrom": pairs["chrom"].array[first],
            "start": start[first],
            "end": start[first + count - 1] + 1,
            "n_loci": count,
        }
    )
    if array:
        tested = _probes(pairs, first, count, settings)
    else:
        length = max(fragment_length(loci, settings) for loci in both)
        tested = _reads(pairs, first, length, settings)
    made = made.assign(**tested)[count >= settings["piece_least"]].reset_index(drop=True)
    if array and len(made):
        spread = _spread(made["z"].to_numpy(), made["n_loci"].to_numpy(), settings["most_spread"])
        made["z"] /= spread
    return made


def _plain(loci: pd.DataFrame, array: bool) -> pd.DataFrame:
    """Return place and measurement of each locus in genome order."""
    kept = ["beta"] if array else ["methylated", "unmethylated"]
    return in_order(measured(loci))[["chrom", "start", *kept]]


def _cut(pairs: pd.DataFrame, gap: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return first locus and number of loci of each piece; long runs are cut into equal parts."""
    code = pairs["chrom"].cat.codes.to_numpy()
    start = pairs["start"].to_numpy(np.int64)
    apart = (np.diff(code, prepend=-1) != 0) | (np.diff(start, prepend=-gap - 1) > gap)
    begins = np.flatnonzero(apart)
    length = np.diff(np.append(begins, len(pairs)))
    parts = -(-length // most)
    within = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    first = np.repeat(begins, parts) + within * np.repeat(length, parts) // np.repeat(parts, parts)
    return first, np.diff(np.append(first, len(pairs)))


def _reads(
    pairs: pd.DataFrame, first: np.ndarray, length: int, settings: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """Return difference and z of pieces of sequenced CpGs."""
    if not len(first):
        return {"difference": np.empty(0), "z": np.empty(0)}
    # Begins of the stretches of one fragment's length within each piece.
    piece = np.zeros(len(pairs), dtype=np.int64)
    piece[first[1:]] = 1
    piece = np.cumsum(piece)
    start = pairs["start"].to_numpy(np.int64)
    stretch = (start - start[first][piece]) // length
    begins = np.flatnonzero((np.diff(piece, prepend=-1) != 0) | (np.diff(stretch, prepend=-1) != 0))
    found: dict[str, np.ndarray] = {}
    for suffix in ("", "_other"):
        methylated = pairs[f"methylated{suffix}"].to_numpy(np.int64)
        reads = methylated + pairs[f"unmethylated{suffix}"].to_numpy(np.int64)
        worth = fragments(reads, begins, settings["read_rho"])
        found[f"n{suffix}"] = np.bincount(piece[begins], weights=worth)
        found[f"beta{suffix}"] = np.add.reduceat(methylated, first) / np.add.reduceat(reads, first)
    shares = pd.DataFrame(found)
    difference = (shares["beta"] - shares["beta_other"]).to_numpy()
    z = difference / noise(shares, settings)
    few = shares[["n", "n_other"]].min(axis=1).to_numpy() < settings["tile_reads"]
    return {"difference": difference, "z": np.where(few, np.nan, z)}


def _probes(
    pairs: pd.DataFrame, first: np.ndarray, count: np.ndarray, settings: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """Return mean difference and sum of z / sqrt(number) of pieces of probes."""
    if not len(first):
        return {"difference": np.empty(0), "z": np.empty(0)}
    difference = (pairs["beta"] - pairs["beta_other"]).to_numpy(np.float64)
    z = np.clip(difference / noise(pairs, settings), -LIMIT, LIMIT)
    return {
        "difference": np.add.reduceat(difference, first) / count,
        "z": np.add.reduceat(z, first) / np.sqrt(count),
    }


def _spread(z: np.ndarray, n_loci: np.ndarray, most: float) -> np.ndarray:
    """Return the robust sd of z among pieces of a like number of loci, from 1 to `most`."""
    order = np.argsort(n_loci, kind="stable")
    parts = max(len(order) // LIKE, 1)
    part = np.empty(len(order), dtype=np.int64)
    part[order] = np.arange(len(order)) * parts // len(order)
    middle = pd.Series(np.abs(z)).groupby(part).transform("median").to_numpy()
    # Few pieces tell their spread badly: twenty more are taken to be what independence gives.
    weight = len(order) / (len(order) + 20 * parts)
    return np.asarray((weight * middle / MEDIAN_TO_SD + 1 - weight).clip(1.0, most))


def _joined(found: pd.DataFrame, gap: int) -> pd.DataFrame:
    """Return pieces of one direction that are no further apart than `gap` as one region."""
    code = found["chrom"].cat.codes.to_numpy()
    sign = np.sign(found["difference"].to_numpy())
    apart = found["start"].to_numpy() - np.roll(found["end"].to_numpy(), 1) > gap
    new = (np.diff(code, prepend=-1) != 0) | (np.diff(sign, prepend=0) != 0) | apart
    weighed = found.assign(weighed=found["difference"] * found["n_loci"])
    regions = weighed.groupby(np.cumsum(new)).agg(
        chrom=("chrom", "first"),
        start=("start", "min"),
        end=("end", "max"),
        n_loci=("n_loci", "sum"),
        weighed=("weighed", "sum"),
        p_value=("p_value", "max"),
        q_value=("q_value", "max"),
    )
    return regions.assign(difference=regions["weighed"] / regions["n_loci"]).reset_index(drop=True)
