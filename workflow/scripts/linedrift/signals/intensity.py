"""Copy number from the intensities of methylation arrays.

The sum of both signals of a probe follows the copies of its place, by .6 of the true log2 ratio, by
.74 where the background is taken off (X of women over X of men, wateRmelon's melon). It also
follows the probe, the colours of the array, and methylation itself, since the two signals of a
probe do not shine alike.
As in conumee (doi:10.1093/bioinformatics/btae029) the probes of an array are regressed on those of
others; here by chemistry, robustly, and on methylation and its change as well, and what is left
goes through the same contrast, segmentation and joint calling as every other assay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from linedrift import tables
from linedrift.genome import AUTOSOMES, is_pseudoautosomal
from linedrift.methylation_tables import DESIGNS
from linedrift.signals.coverage import huber
from linedrift.signals.noise import blocks, robust_sd

NO_INTENSITIES = "the file holds shares of methylation and no intensities, which copy number needs"
NO_OTHER_ARRAY = (
    "no other array of this type to compare with, neither of this person nor of others: what each "
    "probe gives of two copies is not known"
)

# A fit needs this many probes of a chemistry; rarer ones are left out.
_LEAST_PROBES = 500
# Probes of a fit, at the most: of 100,000 the coefficients are known to a thousandth.
_MOST_PROBES = 100_000
# Probes of a block, in which the events of another array are looked for: about .5 Mb of an EPIC.
_BLOCK = 150
# Classes of probes whose spread is measured: by change of methylation, and by brightness.
_CHANGES = (0.05, 0.1, 0.2, 0.4)
_BRIGHTNESS = 6


@dataclass(frozen=True)
class Arrays:
    """Other arrays at the probes of one: `level` and `beta`, shape (k, n); NaN where none."""

    level: np.ndarray
    beta: np.ndarray


def signals_of(probes: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return the SIGNALS of an array: log2 of its total intensity, centred on the autosomes.

    Parameters
    ----------
    probes
        PROBES of one array.
    settings
        Section `methylation.copy_number` of the config: detection_p.

    Notes
    -----
    A probe that was not detected tells no level. Of betas alone no probe has one.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        level = np.log2(probes["methylated"].to_numpy(float) + probes["unmethylated"])
        seen = ~(probes["detection_p"].to_numpy(float) > settings["detection_p"])
    level = np.where(seen & np.isfinite(level), level, np.nan)
    frame = probes.assign(level=_centred(level, _autosomal(probes)), genotype="")
    for column in ("level_sd", "b_fraction", "b_sd"):
        frame[column] = np.float32(np.nan)
    return tables.conform(frame, tables.SIGNALS)


def why_not(own: pd.DataFrame, others: Sequence[pd.DataFrame], settings: Mapping[str, Any]) -> str:
    """Return why an array tells no copy number beside others, '' where it does.

    Parameters
    ----------
    own, others
        PROBES.
    settings
        Not asked.
    """
    if not _has_intensities(own):
        return NO_INTENSITIES
    return "" if any(map(_has_intensities, others)) else NO_OTHER_ARRAY


def _has_intensities(probes: pd.DataFrame) -> bool:
    return bool(np.isfinite(probes["methylated"].to_numpy()).any())


def relative(
    own: pd.DataFrame,
    baselines: Sequence[pd.DataFrame],
    panel: Sequence[pd.DataFrame],
    settings: Mapping[str, Any],
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Return an array and its baselines as SIGNALS that `contrast.contrast` should take.

    Of both is taken off what the panel, the colours and methylation explain. Without a panel
    the baseline itself tells how methylation counts, and its levels stay, for `contrast` to weigh
    them; `level_sd` is relative, and tells apart probes whose noise differs.
    """
    panel, baselines = (
        [array for array in some if _has_intensities(array)] for some in (panel, baselines)
    )
    if not panel:
        signals = _less(own, _aligned(own, baselines, settings), settings, keep=True)
        return signals, [signals_of(array, settings) for array in baselines]
    found, arrays = [], _aligned(own, panel, settings)
    for array in (own, *baselines):
        same = array is own or array["name"].equals(own["name"])
        there = arrays if same else _aligned(array, panel, settings)
        found.append(_less(array, there, settings, keep=False))
    return found[0], [frame.assign(level_sd=np.float32(np.nan)) for frame in found[1:]]


def _less(
    own: pd.DataFrame, arrays: Arrays, settings: Mapping[str, Any], keep: bool
) -> pd.DataFrame:
    """Return the SIGNALS of an array less what others and methylation explain.

    With `keep` the level that the others have themselves stays in.
    """
    signals = signals_of(own, settings)
    autosomal = _autosomal(signals)
    usable = signals["usable"].to_numpy()
    level = signals["level"].to_numpy(float)
    beta = own["beta"].to_numpy(float)
    left, spread = np.full((2, len(own)), np.nan)
    design = own["design"].astype(DESIGNS).cat.codes.to_numpy()
    for code in np.unique(design):
        rows = np.flatnonzero(design == code)
        part = Arrays(arrays.level[:, rows], arrays.beta[:, rows])
        fit_on = (autosomal & usable)[rows]
        left[rows], spread[rows] = _explained(level[rows], beta[rows], part, fit_on, keep)
    return signals.assign(level=left.astype(np.float32), level_sd=spread.astype(np.float32))


def _aligned(
    own: pd.DataFrame, others: Sequence[pd.DataFrame], settings: Mapping[str, Any]
) -> Arrays:
    """Return the levels and betas of other arrays at the probes of one, by name.

    X and Y are taken relative to their own median, for the others may be of the other sex; the
    pseudoautosomal regions are alike in both.
    """
    level, beta = np.full((2, len(others), len(own)), np.nan)
    for k, other in enumerate(others):
        there = _rows_of(own, other, settings["most_missing"])
        signals = signals_of(there, settings)
        level[k] = np.where(signals["usable"], _without_sex(signals), np.nan)
        beta[k] = there["beta"]
    return Arrays(_without_events(level), beta)


def _rows_of(own: pd.DataFrame, other: pd.DataFrame, most_missing: float) -> pd.DataFrame:
    """Return the rows of another array that are the probes of one, in its order.

    Probes that the other lacks have no values, and the places of the one.
    """
    if other["name"].equals(own["name"]):
        return other
    place = pd.Index(other["name"]).drop_duplicates().get_indexer(own["name"])
    missing = float((place < 0).mean())
    if missing > most_missing:
        raise ValueError(
            f"{missing:.0%} of the probes of the array are not on one that it is compared with;"
            " arrays of other types, or of another manifest, must have another platform in "
            "samples.tsv"
        )
    found = other.drop_duplicates("name").iloc[place].reset_index(drop=True)
    found = found.assign(**{name: own[name].to_numpy() for name in ("chrom", "start", "end")})
    values = ["beta", "methylated", "unmethylated", "detection_p"]
    found.loc[place < 0, values] = np.nan
    return found


def _without_sex(signals: pd.DataFrame) -> np.ndarray:
    level = signals["level"].to_numpy(float).copy()
    names = signals["chrom"].astype(str).to_numpy()
    single = ~is_pseudoautosomal(names, signals["start"].to_numpy())
    for chrom in ("chrX", "chrY"):
        on = (names == chrom) & single & np.isfinite(level)
        if on.any():
            level[on] -= np.median(level[on])
    return level


def _without_events(level: np.ndarray) -> np.ndarray:
    """Return the levels of other arrays, NaN where one of them stands apart over a whole block.

    An event of a panel must not become its opposite in all lines that are compared with it. With
    fewer than three arrays nobody knows which one stands apart.
    """
    if len(level) < 3:
        return level
    # A level that is missing is taken as usual: the median of as many rows has no gaps then.
    filled = np.where(np.isfinite(level), level, _mean(level))
    apart = np.nan_to_num(filled - np.median(filled, axis=0))
    n = level.shape[1] // _BLOCK * _BLOCK
    for k, row in enumerate(apart):
        middle = np.median(blocks(row, _BLOCK), axis=1)
        far = np.abs(middle) > max(5 * robust_sd(middle), 0.05)
        level[k, :n][np.repeat(far, _BLOCK)] = np.nan
    return level


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over rows, NaN where no row has a value."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _explained(
    level: np.ndarray, beta: np.ndarray, others: Arrays, fit_on: np.ndarray, keep: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return what is left of the levels of one chemistry, and the spread of each probe.

    The model: the mean of the others, their differences from it, methylation (one colour brighter
    than in the others moves probes by it), and its change (M + U is not invariant to it).
    """
    usual = _mean(others.level)
    usual_beta = _mean(others.beta)
    change, mean = beta - usual_beta, (beta + usual_beta) / 2
    apart = np.where(np.isfinite(others.level), others.level - usual, 0.0)
    # One difference follows from the others.
    columns = [np.ones(len(level)), change, change * mean, mean, mean**2, usual, *apart[1:]]
    design = np.column_stack(columns)
    known = np.isfinite(level) & np.isfinite(design).all(axis=1)
    rows = np.flatnonzero(known & fit_on)
    if len(rows) < _LEAST_PROBES:
        return np.full(len(level), np.nan), np.full(len(level), np.nan)
    chosen = rows[:: 1 + len(rows) // _MOST_PROBES]
    slopes = huber(design[chosen], level[chosen], np.ones(len(chosen)))
    first = 5 if keep else len(slopes)
    whole = design @ slopes
    left = np.where(known, level - whole, np.nan)
    spread = _spread(left, np.abs(change), usual, known & fit_on)
    return np.where(known, level - design[:, :first] @ slopes[:first], np.nan), spread


def _spread(
    left: np.ndarray, change: np.ndarray, usual: np.ndarray, fit_on: np.ndarray
) -> np.ndarray:
    """Return the robust sd of what is left among probes alike in change and brightness."""
    by_change = np.searchsorted(_CHANGES, np.nan_to_num(change))
    edges = np.nanquantile(usual[fit_on], np.linspace(0, 1, _BRIGHTNESS + 1)[1:-1])
    group = by_change * _BRIGHTNESS + np.searchsorted(edges, np.nan_to_num(usual))
    everything = robust_sd(left[fit_on])
    found = np.full((len(_CHANGES) + 1) * _BRIGHTNESS, np.nan)
    for one in range(len(found)):
        values = left[fit_on & (group == one)]
        found[one] = robust_sd(values) if len(values) >= 100 else everything
    return np.where(np.isfinite(left), np.maximum(found[group], 0.3 * everything), np.nan)


def _centred(level: np.ndarray, autosomal: np.ndarray) -> np.ndarray:
    known = level[autosomal & np.isfinite(level)]
    return level - (np.median(known) if len(known) else 0.0)


def _autosomal(frame: pd.DataFrame) -> np.ndarray:
    return frame["chrom"].isin(AUTOSOMES).to_numpy()
