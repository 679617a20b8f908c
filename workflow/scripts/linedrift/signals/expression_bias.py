"""What expression follows beside dosage: the GC content of genes and how densely they lie.

Quality of the RNA and chemistry move genes by their GC content (doi:10.1093/biostatistics/kxr054),
and cells that divide or die move the dense, GC-rich parts of the genome against the rest. Arms
differ in both, so that 19p and 22q go up where 4q and 13q go down, like so many gains and losses.
The trend is measured within arms, where dosage is one, and taken off between them as well.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from linedrift.signals.noise import MAD_TO_SD

# Neighbours of a gene are counted this far to both sides (bp).
REACH = 1_000_000
# Below this share of genes with a known GC content it is not followed.
LEAST_KNOWN = 0.9
# Genes count up to this many of their sd; no gene has a smaller sd (log2).
_LIMIT, _LEAST_SD = 2.5, 0.15


def covariates(genes: pd.DataFrame, kept: np.ndarray, gc: np.ndarray | None = None) -> np.ndarray:
    """Return what expression may follow, for the expressed genes.

    Parameters
    ----------
    genes
        chrom, start, end of all genes that were counted; n rows.
    kept
        Which of them are expressed, shape (n,), bool.
    gc
        Share of G and C of each gene, shape (n,), NaN where not known; None without.

    Returns
    -------
    numpy.ndarray
        Shape (expressed genes, 1 or 2), each of mean 0 and sd 1: log2 of the counted genes within
        REACH, and the GC content where nearly all genes have one.
    """
    columns = [np.log2(1.0 + _neighbours(genes))[kept]]
    known = None if gc is None else np.asarray(gc, float)[kept]
    if known is not None and len(known) and np.isfinite(known).mean() >= LEAST_KNOWN:
        columns.append(np.where(np.isfinite(known), known, np.nanmean(known)))
    found = np.column_stack(columns)
    if not len(found):
        return found
    spread = found.std(axis=0)
    return np.asarray((found - found.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def _neighbours(genes: pd.DataFrame) -> np.ndarray:
    middle = (genes["start"].to_numpy(float) + genes["end"].to_numpy(float)) / 2
    chrom = genes["chrom"].astype("str").to_numpy()
    count = np.zeros(len(genes))
    for name in np.unique(chrom):
        on = chrom == name
        places = np.sort(middle[on])
        count[on] = np.searchsorted(places, middle[on] + REACH, "right") - np.searchsorted(
            places, middle[on] - REACH
        )
    return count


def trend(log2: np.ndarray, follows: np.ndarray, arms: np.ndarray) -> np.ndarray:
    """Return the part of the expression that follows the covariates, in each sample.

    Parameters
    ----------
    log2
        Log2 expression, shape (genes, samples).
    follows
        `covariates`, shape (genes, p).
    arms
        Arm of each gene, from 0, shape (genes,).

    Returns
    -------
    numpy.ndarray
        Shape (genes, samples). The slopes are those within arms: least squares of both sides less
        their mean of the arm, genes weighted by their variance over the samples.
    """
    relative = log2 - np.median(log2, axis=1, keepdims=True)
    sd = np.maximum(MAD_TO_SD * np.median(np.abs(relative), axis=1), _LEAST_SD)
    limited = np.clip(relative, -_LIMIT * sd[:, None], _LIMIT * sd[:, None])
    weight = 1 / sd
    own, level = (
        _within(values, arms, weight**2) * weight[:, None] for values in (follows, limited)
    )
    slopes = np.linalg.lstsq(own, level, rcond=None)[0]
    return np.asarray(follows @ slopes)


def _within(values: np.ndarray, arms: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return values less their weighted mean of each arm."""
    total = np.zeros((arms.max() + 1, values.shape[1]))
    np.add.at(total, arms, values * weight[:, None])
    return values - (total / np.bincount(arms, weights=weight)[:, None])[arms]
