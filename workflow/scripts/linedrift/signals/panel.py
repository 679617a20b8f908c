"""The level of exomes relative to a panel: the bank's other donors on the same capture kit.

How well a probe captures is the same in every exome of a kit (sd of the level .5 to 1) and an
event is in one line only. What the panel says of it is taken from a measurement and its baseline
alike; `contrast` then weighs the baseline by what it still knows beyond the panel (design 6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from linedrift import tables
from linedrift.genome import AUTOSOMES, is_pseudoautosomal
from linedrift.signals.coverage import LOG2_E

# Fewer loci of a chromosome than this do not give its usual level.
_LEAST = 20
# A Y below this level (log2) is no Y: reads that stray there.
_NO_Y = -3.0


@dataclass(frozen=True)
class Expected:
    """What a panel or a baseline expects of each bin, arrays of shape (n,), bins in genome order.

    `level` (log2), its number of `reads` relative to the usual bin, and `spread`: the sd of the
    level from exome to exome beyond counting (0 where too few exomes tell).
    """

    keys: np.ndarray
    level: np.ndarray
    reads: np.ndarray
    spread: np.ndarray


def with_panel(
    own: pd.DataFrame,
    baselines: Sequence[pd.DataFrame],
    panel: Sequence[pd.DataFrame],
    settings: Mapping[str, Any],
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Return a measurement and its baselines as `contrast.contrast` should take them.

    Parameters
    ----------
    own
        SIGNALS of the measurement.
    baselines
        SIGNALS of its baselines; empty where it is its own.
    panel
        SIGNALS of other people's exomes on the same kit; may be empty.
    settings
        Section `wes` of the config: library_sd, least_expected, spread_weight.

    Returns
    -------
    (pandas.DataFrame, list of pandas.DataFrame)
        The same rows. Levels are relative to the panel, where there is one; alleles are as they
        were. `level_sd` of the measurement follows from the reads that panel or baseline expect
        in a bin: by its own reads a bin that lost all of them would say nothing. Bins where fewer
        than `least_expected` reads are expected have no level. A baseline on another kit gives
        its alleles and no level.
    """
    reference = list(panel) or list(baselines[:1])
    if not reference:
        return own, []
    expected = _expected(reference, settings)
    less = expected.level if panel else np.zeros(len(expected.keys))
    relative = _relative(own, expected, less, settings)
    found = [_relative(frame, expected, less, settings) for frame in baselines]
    if panel:
        found = [_on_bins_of(frame, relative) for frame in found]
    return relative, found


def _on_bins_of(baseline: pd.DataFrame, own: pd.DataFrame) -> pd.DataFrame:
    """Return a baseline that has bins of another kit with those of `own` in their place, level 0.

    Its alleles still tell; of levels it knows nothing beyond the panel.
    """
    wanted = own[np.isfinite(own["level"].to_numpy())]
    has = baseline[np.isfinite(baseline["level"].to_numpy()) & baseline["usable"].to_numpy()]
    if np.isin(_keys(wanted), _keys(has)).mean() >= 0.5 or wanted.empty:
        return baseline
    sites = baseline[baseline["level_sd"].isna()]
    # Without a sd: what this person has lost there is not known (`exon_losses`).
    blank = wanted.assign(level=np.float32(0), level_sd=np.float32(np.nan))
    rows = pd.concat([blank, sites], ignore_index=True)
    return tables.in_genome_order(rows)


def _expected(panel: Sequence[pd.DataFrame], settings: Mapping[str, Any]) -> Expected:
    """Return what these exomes expect of a bin, over the bins that most of them have."""
    frames = [bins for frame in panel if len(bins := _bins(frame))]
    if not frames:
        return Expected(np.empty(0, np.int64), *(np.empty(0) for _ in range(3)))
    keys = np.unique(np.concatenate([_keys(frame) for frame in frames]))
    level, reads = np.full((2, len(frames), len(keys)), np.nan)
    for k, frame in enumerate(frames):
        place = np.searchsorted(keys, _keys(frame))
        level[k, place] = _without_sex(frame)
        counted = reads_of(frame["level_sd"].to_numpy(float), settings["library_sd"])
        # Bins that this kit hardly captures would make half of the table.
        reads[k, place] = counted / np.median(counted[counted > counted.mean() / 20])
    known = np.isfinite(level)
    often = known.mean(axis=0) >= 0.5
    level, reads, known = level[:, often], reads[:, often], known[:, often]
    middle = np.nanmedian(level, axis=0)
    usual = np.nanmedian(reads, axis=0)
    away = np.where(known, level - middle, 0.0)
    sd = 1.4826 * np.median(np.abs(away), axis=0) if len(frames) > 2 else np.full(len(usual), 1.0)
    # A rare event of one of the panel must not move what is expected of the others.
    reach = 3 * np.maximum(sd, settings["library_sd"])
    limited = np.clip(away, -reach, reach)
    count = np.maximum(known.sum(axis=0), 1)
    # Unbiased, and 0 with a single exome.
    spread = np.sqrt((limited**2).sum(axis=0) / np.maximum(count - 1, 1)) * (count > 1)
    return Expected(
        keys[often],
        middle + limited.sum(axis=0) / count,
        usual,
        _beyond(spread, usual, count, settings),
    )


def _beyond(
    spread: np.ndarray, reads: np.ndarray, count: np.ndarray, settings: Mapping[str, Any]
) -> np.ndarray:
    """Return the sd from exome to exome beyond that of bins with as many reads (0 or more).

    The variance of a bin is drawn to that of its like, which weighs `spread_weight` exomes.
    """
    order = np.argsort(reads, kind="stable")
    like = np.empty(len(reads))
    for part in np.array_split(order, max(1, len(order) // 500)):
        like[part] = np.median(spread[part]) ** 2
    weight = settings["spread_weight"]
    drawn = (weight * like + (count - 1) * spread**2) / (weight + np.maximum(count - 1, 0))
    return np.sqrt(np.maximum(drawn - like, 0))


def _relative(
    frame: pd.DataFrame, expected: Expected, less: np.ndarray, settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the frame with its levels less `less`, and the precision that is expected of them."""
    level = frame["level"].to_numpy(float).copy()
    sd = frame["level_sd"].to_numpy(float).copy()
    rows = np.flatnonzero(np.isfinite(sd))
    keys = _keys(frame)[rows]
    place = np.minimum(np.searchsorted(expected.keys, keys), max(len(expected.keys) - 1, 0))
    here = expected.keys[place] == keys if len(expected.keys) else np.zeros(len(rows), bool)
    level[rows[~here]] = np.nan
    rows, place = rows[here], place[here]
    counted = reads_of(sd[rows], settings["library_sd"])
    autosomal = frame["chrom"].isin(AUTOSOMES).to_numpy()[rows]
    captured = autosomal & (expected.reads[place] > 0.05)
    ratio = (counted / np.maximum(expected.reads[place], 1e-6))[captured]
    usual = np.median(ratio) if len(ratio) else 0.0
    reads = expected.reads[place] * usual
    level[rows] -= less[place]
    level[rows[reads < settings["least_expected"]]] = np.nan
    counting = LOG2_E / np.sqrt(np.maximum(reads, 1.0))
    sd[rows] = np.sqrt(counting**2 + settings["library_sd"] ** 2 + expected.spread[place] ** 2)
    return frame.assign(level=level.astype(np.float32), level_sd=sd.astype(np.float32))


def reads_of(level_sd: np.ndarray, library_sd: float) -> np.ndarray:
    """Return the number of reads that a bin was counted with, by the sd of its level."""
    return np.asarray(LOG2_E**2 / np.maximum(level_sd**2 - library_sd**2, 1e-8))


def _bins(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of usable bins (sites have no level), each position once."""
    use = frame["usable"].to_numpy() & np.isfinite(frame["level_sd"].to_numpy())
    return frame[use].drop_duplicates(["chrom", "start"])


def _keys(frame: pd.DataFrame) -> np.ndarray:
    code = frame["chrom"].cat.codes.to_numpy().astype(np.int64)
    return (code << 32) + frame["start"].to_numpy()


def _without_sex(frame: pd.DataFrame) -> np.ndarray:
    """Return the levels, X and Y less their medians; NaN on the Y of who has none."""
    level = frame["level"].to_numpy(float).copy()
    names = frame["chrom"].astype(str).to_numpy()
    single = ~is_pseudoautosomal(names, frame["start"].to_numpy())
    for chrom in ("chrX", "chrY"):
        on = (names == chrom) & single & np.isfinite(level)
        if on.sum() < _LEAST:
            continue
        usual = np.median(level[on])
        absent = chrom == "chrY" and usual < _NO_Y
        level[on] = np.nan if absent else level[on] - usual
    return level
