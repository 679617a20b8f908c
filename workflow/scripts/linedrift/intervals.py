"""Sets of intervals: joined, widened, asked for positions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from linedrift.genome import CHROM_DTYPE, CHROMOSOMES, GRCH38


def merge(intervals: pd.DataFrame) -> pd.DataFrame:
    """Return chrom, start, end in genome order, overlapping and touching intervals as one."""
    rows = intervals[["chrom", "start", "end"]].astype({"chrom": CHROM_DTYPE})
    rows = rows.sort_values(["chrom", "start"], ignore_index=True)
    if rows.empty:
        return rows
    code = rows["chrom"].cat.codes.to_numpy().astype(np.int64) << 32
    furthest = np.maximum.accumulate(code + rows["end"].to_numpy())
    new = np.concatenate([[True], (code + rows["start"].to_numpy())[1:] > furthest[:-1]])
    group = np.cumsum(new)
    return (
        rows.groupby(group)
        .agg(chrom=("chrom", "first"), start=("start", "min"), end=("end", "max"))
        .reset_index(drop=True)
    )


def widened(
    targets: pd.DataFrame, flank: int, lengths: Mapping[str, int] = GRCH38.lengths
) -> pd.DataFrame:
    """Return targets with `flank` bp on both sides, within their chromosomes, joined again."""
    ends = targets["chrom"].astype(str).map(dict(lengths))
    return merge(
        targets.assign(
            start=(targets["start"] - flank).clip(lower=0),
            end=np.minimum(targets["end"] + flank, ends),
        )
    )


def inside(targets: pd.DataFrame, chrom: pd.Series, start: np.ndarray) -> np.ndarray:
    """Return whether each position (0-based) lies in a target (joined), bool, shape (n,)."""
    if targets.empty:
        return np.zeros(len(chrom), dtype=bool)
    place = dict(zip(CHROMOSOMES, range(len(CHROMOSOMES)), strict=True))
    left = targets["chrom"].astype(str).map(place).to_numpy(np.int64) << 32
    at = chrom.astype(str).map(place).fillna(-1).to_numpy(np.int64)
    key = np.where(at < 0, -1, (at << 32) + np.asarray(start, np.int64))
    row = np.searchsorted(left + targets["start"].to_numpy(), key, side="right") - 1
    ends = (left + targets["end"].to_numpy())[row.clip(0)]
    return np.asarray((row >= 0) & (key < ends))


def holding(targets: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """Return the targets (joined) in which any of these places (chrom, start) lies."""
    chroms = places["chrom"].astype(str)
    found = np.zeros(len(targets), dtype=bool)
    for chrom, of in targets.groupby(targets["chrom"].astype(str)):
        at = np.sort(places.loc[chroms == chrom, "start"].to_numpy())
        first, last = (np.searchsorted(at, of[name].to_numpy()) for name in ("start", "end"))
        found[targets.index.get_indexer(of.index)] = last > first
    return targets[found].reset_index(drop=True)
