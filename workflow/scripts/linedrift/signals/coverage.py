"""Depth as a signal: bins of a capture kit, and the level of each bin.

Bins on target are pieces of targets; bins off target lie between them and live of the reads that
capture did not want, as CNVkit showed (doi:10.1371/journal.pcbi.1004873). The level of a bin is
log2 of its depth, less what GC content, the edges of targets and mappability explain of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from linedrift import tables
from linedrift.genome import AUTOSOMES, CHROM_DTYPE, GRCH38
from linedrift.intervals import merge
from linedrift.sequencing_tables import BINS
from linedrift.signals.noise import robust_sd

# Depth that is added to every bin, relative to the median one: log2 of a bin without a read is
# then -6.6, far below any loss and still a number.
FLOOR = 0.01
# Knots of a smooth covariate: a curve with a maximum and a bend, and nothing finer.
_KNOTS = 4
# Bins of a kind that a fit needs; below it the median alone is taken off.
_LEAST_BINS = 200
# What the depth of a bin of an exome follows.
FOLLOWED = ("gc", "near_edge", "mappable")
# 1/ln 2: relative error of a depth as error of its log2.
LOG2_E = 1.4427


def bins(
    targets: pd.DataFrame,
    composition: Callable[[pd.DataFrame], pd.DataFrame],
    settings: Mapping[str, Any],
    *,
    mappability: pd.DataFrame | None = None,
    lengths: Mapping[str, int] = GRCH38.lengths,
) -> pd.DataFrame:
    """Return the BINS of a capture kit.

    Parameters
    ----------
    targets
        chrom (UCSC), start, end; any order, overlapping ones are joined.
    composition
        Takes chrom, start, end; returns as many rows with `gc` (share of the known bases, NaN
        without any) and `known` (share of bases that are not N): `readers.reference.composition`
        of the FASTA.
    settings
        Section `wes` of the config: target_bp, antitarget_bp, margin_bp, fragment_bp, least_known.
    mappability
        chrom, start, end, value (0 to 1); bases without a row count as 0. None: not known.
    lengths
        Length of each chromosome (bp).

    Returns
    -------
    pandas.DataFrame
        Targets in equal pieces of about `target_bp`, and what lies further than `margin_bp` from
        them in equal pieces of about `antitarget_bp` (gaps shorter than a quarter of it give
        none). Bins of which less than `least_known` is known sequence are left out.

    Raises
    ------
    ValueError
        When no target lies on a chromosome of `lengths`.
    """
    joined = merge(targets[targets["chrom"].isin(list(lengths))])
    if joined.empty:
        raise ValueError("no target lies on a chromosome of the reference")
    between = gaps(joined, lengths, settings["margin_bp"])
    long = between["end"] - between["start"] >= settings["antitarget_bp"] / 4
    on = pieces(joined, settings["target_bp"]).assign(kind="target")
    off = pieces(between[long], settings["antitarget_bp"]).assign(kind="antitarget")
    found = pd.concat([on, off], ignore_index=True).astype({"chrom": CHROM_DTYPE})
    found = tables.in_genome_order(found)
    content = composition(found)
    found = found.assign(gc=content["gc"].to_numpy(), mappable=np.nan)
    found["near_edge"] = near_edge(found, joined, settings["fragment_bp"])
    if mappability is not None:
        found["mappable"] = mean_over(found, mappability)
    known = (content["known"] >= settings["least_known"]).to_numpy()
    return tables.check(found[known].reset_index(drop=True), BINS)


def gaps(joined: pd.DataFrame, lengths: Mapping[str, int], margin: int) -> pd.DataFrame:
    """Return what lies between intervals, `margin` bp and more away from each.

    Chromosomes without an interval are left out: a kit that does not cover them says nothing of
    how they would be read (and few kits leave one out).
    """
    parts = []
    for chrom, rows in joined.groupby("chrom", observed=True):
        start = np.concatenate([[0], rows["end"].to_numpy() + margin])
        end = np.concatenate([rows["start"].to_numpy() - margin, [lengths[str(chrom)]]])
        parts.append(pd.DataFrame({"chrom": chrom, "start": start, "end": end}))
    found = pd.concat(parts, ignore_index=True).astype({"chrom": CHROM_DTYPE})
    return found[found["end"] > found["start"]].reset_index(drop=True)


def pieces(intervals: pd.DataFrame, size: int) -> pd.DataFrame:
    """Return each interval cut in equal pieces of about `size` bp, at least one."""
    length = (intervals["end"] - intervals["start"]).to_numpy()
    count = np.maximum(1, np.rint(length / size)).astype(int)
    row = np.repeat(np.arange(len(intervals)), count)
    piece = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    begin = intervals["start"].to_numpy()[row]
    return pd.DataFrame(
        {
            "chrom": intervals["chrom"].to_numpy()[row],
            "start": begin + piece * length[row] // count[row],
            "end": begin + (piece + 1) * length[row] // count[row],
        }
    )


def near_edge(bins: pd.DataFrame, targets: pd.DataFrame, fragment: int) -> np.ndarray:
    """Return what the edges of targets do to each bin, shape (n,); 0 far from any edge.

    A fragment is captured in proportion to the part of it that is target. The share of reads
    that a base gets is then the target around it, weighted by a triangle that falls to 0 at
    `fragment` bp. On target what is lost of it by edges is returned, neighbours making up for
    some; off target what neighbours give.

    Parameters
    ----------
    bins
        chrom, start, end, kind.
    targets
        What `merge` returned.
    fragment
        Usual length of a fragment, bp.
    """
    place = dict(zip(CHROM_DTYPE.categories, range(len(CHROM_DTYPE.categories)), strict=True))
    # Chromosomes one after the other on one line, further apart than any fragment.
    offset, target_offset = (
        frame["chrom"].astype(str).map(place).to_numpy(np.float64) * 1e9
        for frame in (bins, targets)
    )
    start, end = offset + bins["start"].to_numpy(), offset + bins["end"].to_numpy()
    left = target_offset + targets["start"].to_numpy()
    right = target_offset + targets["end"].to_numpy()
    # Targets [first, last) reach into the window of a bin.
    first = np.searchsorted(right, start - fragment)
    last = np.searchsorted(left, end + fragment)
    share = np.zeros(len(bins))
    for step in range(int((last - first).max(initial=0))):
        some = first + step < last
        at = (first + step)[some]
        a, b, c, d = start[some], end[some], left[at], right[at]
        whole = (
            _twice_integrated(b - c, fragment)
            - _twice_integrated(b - d, fragment)
            - _twice_integrated(a - c, fragment)
            + _twice_integrated(a - d, fragment)
        )
        share[some] += whole / (b - a)
    return np.clip(np.where(bins["kind"] == "target", 1 - share, share), 0, 1)


def _twice_integrated(u: np.ndarray, f: int) -> np.ndarray:
    """Return the second integral of a triangle of area 1 from -f to f."""
    tail = np.clip(f - np.abs(u), 0, None) ** 3 / (6.0 * f**2)
    return np.where(u > 0, u, 0.0) + tail


def mean_over(bins: pd.DataFrame, track: pd.DataFrame) -> np.ndarray:
    """Return the mean of a track over each bin, shape (n,); bases without a row count as 0.

    Parameters
    ----------
    bins
        chrom, start, end.
    track
        chrom, start, end, value; without overlaps.
    """
    found = np.zeros(len(bins))
    names = bins["chrom"].astype(str).to_numpy()
    for chrom, rows in track.sort_values("start").groupby(track["chrom"].astype(str)):
        on = names == chrom
        start, end, value = (rows[name].to_numpy(np.float64) for name in ("start", "end", "value"))
        total = np.concatenate([[0.0], np.cumsum((end - start) * value)])

        def up_to(position: np.ndarray) -> np.ndarray:
            """Return the sum of the track up to positions."""
            row = np.searchsorted(start, position, side="right") - 1  # noqa: B023
            held = np.maximum(row, 0)
            part = np.clip(position - start[held], 0, (end - start)[held]) * value[held]  # noqa: B023
            return np.where(row < 0, 0.0, total[held] + part)  # noqa: B023

        first, last = bins["start"].to_numpy()[on], bins["end"].to_numpy()[on]
        found[on] = (up_to(last) - up_to(first)) / (last - first)
    return found


class Levels(NamedTuple):
    """The level of each bin (log2), its random sd, whether it can be used, and why not.

    Arrays of shape (n,); `reason` is '' where a bin is usable. `bias` is what was taken off.
    """

    level: np.ndarray
    level_sd: np.ndarray
    usable: np.ndarray
    reason: np.ndarray
    bias: np.ndarray


def level(
    depth: np.ndarray, bins: pd.DataFrame, settings: Mapping[str, Any], *, read_length: float
) -> Levels:
    """Return the levels of one measurement: log2 depth, corrected, centred on the autosomes.

    Parameters
    ----------
    depth
        Mean depth of each bin (reads over a base), shape (n,).
    bins
        BINS, n rows.
    settings
        Section `wes` of the config: least_reads, least_mappable, library_sd.
    read_length
        Bases of a read that count, bp; with mates counted as one, of both.

    Notes
    -----
    On and off target apart: a smooth function of GC content, edge and mappability is fitted to
    the autosomes by robust weighted least squares (Huber) and taken off, then the median, which
    centres both on each other. `level_sd` is what counting leaves, with `library_sd`, which no
    number of reads takes away. A bin without a read in one measurement may be a loss, so it
    stays usable: that a bin is poor is said by its kind as a whole, its mappability, and by the
    baseline (see `panel`).
    """
    depth = np.asarray(depth, dtype=float)
    n = len(bins)
    counted = reads(depth, bins, read_length)
    found = Levels(
        level=np.full(n, np.nan),
        level_sd=np.full(n, np.nan),
        usable=np.ones(n, dtype=bool),
        reason=np.full(n, "", dtype=object),
        bias=np.zeros(n),
    )
    for kind in ("target", "antitarget"):
        on = (bins["kind"] == kind).to_numpy()
        autosomal = on & bins["chrom"].isin(AUTOSOMES).to_numpy()
        usual, typical = _usual(depth[autosomal], counted[autosomal])
        if on.any() and (usual == 0 or typical < settings["least_reads"]):
            found.usable[on] = False
            found.reason[on] = f"{typical:.0f} reads in the usual bin of this kind"
        if usual == 0:
            continue
        raw = np.log2(depth[on] / usual + FLOOR)
        # What a bin of this depth and length counts, and at least what one read would.
        random = LOG2_E / np.sqrt(np.maximum(counted[on], 1.0))
        sd = np.hypot(random, settings["library_sd"])
        bias = bias_of(raw, bins[on], autosomal[on], counted[on] / max(typical, 1e-9), FOLLOWED)
        found.level[on], found.level_sd[on], found.bias[on] = raw - bias, sd, bias
    _refuse(found, bins["gc"].isna().to_numpy(), "sequence not known")
    low = bins["mappable"].to_numpy() < settings["least_mappable"]
    _refuse(found, low, "reads cannot be placed here")
    return found


def _usual(depth: np.ndarray, counted: np.ndarray) -> tuple[float, float]:
    """Return median depth and reads of the bins that were captured: a twentieth of the mean.

    A table of targets may name far more than the kit holds.
    """
    captured = depth > depth.mean() / 20 if len(depth) else depth > 0
    if not captured.any():
        return 0.0, 0.0
    return float(np.median(depth[captured])), float(np.median(counted[captured]))


def _refuse(found: Levels, which: np.ndarray, reason: str) -> None:
    found.reason[which & found.usable] = reason
    found.usable[which] = False


def reads(depth: np.ndarray, bins: pd.DataFrame, read_length: float) -> np.ndarray:
    """Return the number of reads that tell as much as the mean depth of each bin does.

    Of reads of length r that start at random, the mean depth D over L bases has the relative
    variance (1 - L/(3r))/D where a bin is shorter than a read, else r (L - r/3)/(D L^2) (the
    integral of the squared overlap); its inverse is returned.
    """
    length = (bins["end"] - bins["start"]).to_numpy().astype(float)
    short = length < read_length
    variance = np.where(
        short,
        1 - length / (3 * read_length),
        read_length * (length - read_length / 3) / np.maximum(length, 1) ** 2,
    )
    return np.asarray(depth / variance)


def bias_of(
    raw: np.ndarray,
    bins: pd.DataFrame,
    fit_on: np.ndarray,
    counted: np.ndarray,
    followed: Sequence[str],
) -> np.ndarray:
    """Return what columns of bins explain of raw levels, centre included, shape (n,).

    Parameters
    ----------
    raw
        log2 of relative depth, shape (n,).
    bins
        gc and the columns `followed`, n rows.
    fit_on
        Bins to fit on.
    counted
        Reads of each bin relative to the usual bin: with few, a bin weighs less.
    followed
        Columns of `bins`, each followed by a smooth curve.
    """
    # Bins (almost) without reads are losses or were never captured: they tell no trend.
    fit_on = fit_on & (raw > -4) & bins["gc"].notna().to_numpy()
    if not fit_on.any():
        return np.full(len(raw), np.median(raw))
    columns = [_spline(bins[name].to_numpy(float), fit_on) for name in followed]
    design = np.column_stack([np.ones(len(raw)), *columns])
    if fit_on.sum() < max(_LEAST_BINS, 10 * design.shape[1]):
        return np.full(len(raw), np.median(raw[fit_on]))
    weight = counted / (1 + counted)
    fitted = design @ huber(design[fit_on], raw[fit_on], weight[fit_on])
    return fitted + np.median((raw - fitted)[fit_on])


def _spline(values: np.ndarray, fit_on: np.ndarray) -> np.ndarray:
    """Return the columns of a cubic spline of a covariate, none where it does not vary.

    The ends stand at the 1st and 99th percentile, and the spline is constant beyond.
    """
    known = values[fit_on & np.isfinite(values)]
    if len(known) < _LEAST_BINS or np.ptp(known) < 1e-6:
        return np.empty((len(values), 0))
    low, high = np.quantile(known, [0.01, 0.99])
    if high - low < 1e-6:
        return np.empty((len(values), 0))
    inner = np.unique(np.quantile(known, np.linspace(0, 1, _KNOTS + 2)[1:-1]))
    inner = inner[(inner > low) & (inner < high)]
    # Imported here, for it takes longer than most jobs that need this module.
    from scipy.interpolate import BSpline

    knots = np.concatenate([[low] * 4, inner, [high] * 4])
    inside = np.clip(np.where(np.isfinite(values), values, np.median(known)), low, high)
    # The columns add up to 1; without the first, the constant of the design takes its place.
    return np.asarray(BSpline.design_matrix(inside, knots, 3).toarray()[:, 1:])


def huber(
    design: np.ndarray, values: np.ndarray, weight: np.ndarray, rounds: int = 8
) -> np.ndarray:
    """Return the coefficients of a robust weighted least-squares fit (Huber, 1.345 sd).

    A ridge of a ten-thousandth keeps columns without data at 0.
    """
    slopes = np.zeros(design.shape[1])
    slopes[0] = np.median(values)
    for _ in range(rounds):
        residual = values - design @ slopes
        reach = 1.345 * max(robust_sd(residual), 1e-9)
        robust = weight * np.minimum(1, reach / np.maximum(np.abs(residual), 1e-12))
        left = design.T * robust
        ridge = 1e-4 * robust.sum() / len(slopes) * np.eye(len(slopes))
        ridge[0, 0] = 0
        slopes = np.linalg.solve(left @ design + ridge, left @ values)
    return slopes
