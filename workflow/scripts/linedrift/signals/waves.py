"""Waves of the log R ratio: what follows the GC content and the bands of a chromosome.

Amplitude and sign of a wave differ between measurements; its shape is that of the GC content
(doi:10.1093/nar/gkn556). On the HumanHap550 trio, means of 100 loci correlate with the GC
content of 50 kb by .25 to .64 (both signs), and with the stain of the cytogenetic band, which is
known without a reference sequence, by .20 to .36.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from linedrift.signals.noise import blocks, robust_sd

# Darkness of a band by its Giemsa stain, 0 to 1; centromeres and heterochromatin say nothing.
DARKNESS = {"gneg": 0.0, "gpos25": 0.25, "gpos50": 0.5, "gpos75": 0.75, "gpos100": 1.0}

# Loci of a block: about .5 Mb, shorter than most waves and longer than most events are wide.
BLOCK = 100

# A reference with less of the loci in it (a few chromosomes, some targets) is not followed: its
# edges would look like those of events.
LEAST_KNOWN = 0.9


def covariates(
    loci: pd.DataFrame, bands: pd.DataFrame, gc_content: pd.DataFrame | None = None
) -> np.ndarray:
    """Return what waves follow, at each locus.

    Parameters
    ----------
    loci
        chrom, start; n rows.
    bands
        Cytogenetic bands: chrom, start, end, stain.
    gc_content
        chrom, start, end, gc in bins of one length (bp), or None.

    Returns
    -------
    numpy.ndarray
        Shape (n, p): darkness of the band and, with `gc_content`, the GC content of the bin and
        of about 1 Mb around it, if nearly all loci have one. Centred; 0 where nothing is known.
    """
    stain = bands.assign(darkness=bands["stain"].map(DARKNESS))
    columns = [_at(loci, stain, "darkness")]
    if gc_content is not None and len(gc_content):
        bin_bp = int((gc_content["end"] - gc_content["start"]).median())
        width = max(1, round(1_000_000 / bin_bp))
        wide = gc_content.groupby("chrom", observed=True)["gc"].transform(
            lambda gc: gc.rolling(width, center=True, min_periods=1).mean()
        )
        wider = gc_content.assign(wide=wide)
        known = [_at(loci, wider, "gc"), _at(loci, wider, "wide")]
        columns += known if np.isfinite(known[0]).mean() >= LEAST_KNOWN else []
    found = np.column_stack(columns)
    if len(found):
        there = np.isfinite(found)
        mean = np.where(there, found, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
        found = np.where(there, found - mean, 0.0)
    return found


def _at(loci: pd.DataFrame, table: pd.DataFrame, column: str) -> np.ndarray:
    values = np.full(len(loci), np.nan)
    names, starts = loci["chrom"].to_numpy(), loci["start"].to_numpy()
    for chrom, rows in table.groupby("chrom", observed=True):
        on = names == chrom
        place = np.searchsorted(rows["start"].to_numpy(), starts[on], side="right") - 1
        inside = (place >= 0) & (starts[on] < rows["end"].to_numpy()[np.maximum(place, 0)])
        values[on] = np.where(inside, rows[column].to_numpy(float)[np.maximum(place, 0)], np.nan)
    return values


def wave(level: np.ndarray, autosomal: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    """Return the part of a level that follows the covariates, at each locus.

    Parameters
    ----------
    level
        Log ratios in genome order, shape (n,); NaN where none.
    autosomal
        Loci to fit on, shape (n,), bool.
    covariates
        Shape (n, p), centred.

    Notes
    -----
    Least squares on means of BLOCK autosomal loci, refitted four times without the blocks that
    lie beyond 2.5 robust sd of the fit: an event is no wave. Too few blocks: nothing is fitted.
    """
    used = autosomal & np.isfinite(level)
    sd = robust_sd(level[used])
    means = blocks(np.clip(level[used], -4 * sd, 4 * sd), BLOCK).mean(axis=1)
    if len(means) < 20 * (covariates.shape[1] + 1):
        return np.zeros(len(level))
    design = np.column_stack(
        [
            np.ones(len(means)),
            *(blocks(column, BLOCK).mean(axis=1) for column in covariates[used].T),
        ]
    )
    kept = np.ones(len(means), dtype=bool)
    slopes = np.zeros(design.shape[1])
    for _ in range(4):
        slopes = np.linalg.lstsq(design[kept], means[kept], rcond=None)[0]
        residual = means - design @ slopes
        kept = np.abs(residual) <= 2.5 * robust_sd(residual)
    return covariates @ slopes[1:]
