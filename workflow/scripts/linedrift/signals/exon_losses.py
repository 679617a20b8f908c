"""Losses of all copies of single exons, by counts: too few bins for a level, too few reads for it.

A bin that a hundred reads are expected in and that has none is a loss, though it is one bin. The
noise of levels, which is that of most bins, says little of so far a tail; counts do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammaln

from linedrift import tables
from linedrift.genome import CHROM_DTYPE, Karyotype
from linedrift.signals.panel import reads_of

# ln 2 turns the sd of a log2 into a relative sd.
_LN2 = 0.6931


def exon_losses(
    own: pd.DataFrame,
    baselines: Sequence[pd.DataFrame],
    karyotype: Karyotype,
    settings: Mapping[str, Any],
) -> pd.DataFrame:
    """Return runs of target bins that lost (almost) all their reads.

    Parameters
    ----------
    own, baselines
        What `panel.with_panel` returned. Without a baseline nothing tells a loss from a target
        that is not captured, or from one of the donor's: the result is empty.
    karyotype
        Sex of the line.
    settings
        Section `wes` of the config: library_sd, lost_share, lost_rate, least_reads.

    Returns
    -------
    pandas.DataFrame
        SEGMENTS: of kind deep_loss, or loss where there is one copy. A run is of target bins in
        a row (bins between targets do not end it, nor are they asked) whose reads are at most
        `lost_share` of what is expected. `score` is the log-likelihood ratio of that share
        against none lost, negative binomial with the variance of the bin; a run is listed where
        it leaves fewer than `lost_rate` false ones a genome, and expects `least_reads` reads.
    """
    if not baselines:
        return tables.SEGMENTS.empty()
    bins = _asked(own, baselines[0], settings)
    copies = karyotype.copies_at(bins["chrom"], bins["start"])
    bins = bins[copies > 0].assign(copies=copies[copies > 0]).reset_index(drop=True)
    lost = (bins["reads"] <= settings["lost_share"] * bins["expected"]).to_numpy()
    chrom = bins["chrom"].cat.codes.to_numpy()
    if not lost.any():
        return tables.SEGMENTS.empty()
    begins = np.concatenate([[True], (np.diff(chrom) != 0) | (np.diff(bins["copies"]) != 0)])
    run = np.cumsum(begins | np.concatenate([[True], ~lost[:-1]]) | ~lost)[lost]
    runs = bins[lost].groupby(run)
    found = pd.DataFrame(
        {
            "chrom": runs["chrom"].first(),
            "start": runs["start"].first(),
            "end": runs["end"].last(),
            "kind": np.where(runs["copies"].first() == 1, "loss", "deep_loss"),
            "cell_fraction": (1 - runs["reads"].sum() / runs["expected"].sum()).clip(0, 1),
            "score": runs["score"].sum(),
            "n_levels": runs.size(),
            "n_shifts": 0,
            "expected": runs["expected"].sum(),
        }
    )
    # Each bin can be the first of a run; longer runs are rarer than the bins they begin with.
    false = len(bins) * np.exp(-found["score"])
    kept = (false < settings["lost_rate"]) & (found["expected"] >= settings["least_reads"])
    found = found[kept].astype({"chrom": CHROM_DTYPE})
    return tables.check(tables.in_genome_order(found), tables.SEGMENTS)


def _asked(own: pd.DataFrame, baseline: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return the target bins with a level here and in the baseline, with reads and score.

    Expected reads follow from what panel or baseline expect in the bin and from the level of the
    baseline here; where the baseline has less than half of it, it may have lost the exon itself.
    """
    target = (own["name"] == "bin:target").to_numpy() & own["usable"].to_numpy()
    bins = own.loc[target, ["chrom", "start", "end", "level", "level_sd"]]
    other = baseline.loc[baseline["usable"], ["chrom", "start", "level", "level_sd"]]
    bins = bins.merge(other, on=["chrom", "start"], suffixes=("", "_baseline"))
    bins = bins[np.isfinite(bins["level"]) & np.isfinite(bins["level_baseline"])]
    ratio = 2.0 ** (bins["level"] - bins["level_baseline"]).astype(float)
    library = settings["library_sd"]
    expected = reads_of(bins["level_sd"].to_numpy(float), library)
    ratio /= ratio.median() if len(ratio) else 1.0
    # The baseline was counted too: its own error is that of the ratio.
    variance = _LN2**2 * (2 * library**2 + bins["level_sd_baseline"].to_numpy(float) ** 2)
    reads = expected * ratio.to_numpy()
    score = _log_count(reads, settings["lost_share"] * expected, variance) - _log_count(
        reads, expected, variance
    )
    return bins.assign(reads=reads, expected=expected, score=score)


def _log_count(x: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return the log-probability of counts, negative binomial with that relative variance."""
    size = 1 / variance
    return np.asarray(
        gammaln(x + size)
        - gammaln(size)
        - gammaln(x + 1)
        - size * np.log1p(mean / size)
        + x * np.log(mean / (mean + size))
    )
