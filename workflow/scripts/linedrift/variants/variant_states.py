"""Whether one sample has an allele: present, absent down to a limit, or not testable.

The question is asked of a single sample at a known place: enough reads that errors at that site
almost never reach, and the smallest fraction of cells that gives as many in 95 of 100 cases. Both
follow from the depth there and from the error rate of that site.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv

from linedrift.variants.allele_counts import Counts
from linedrift.variants.error_model import least_reads

# A limit is the fraction that is found with this probability, and the width of intervals.
POWER = 0.95


def states(
    counts: Counts,
    alpha: np.ndarray,
    beta: np.ndarray,
    settings: Mapping[str, Any],
    copies: np.ndarray,
    chance: np.ndarray,
) -> pd.DataFrame:
    """Return the state of each sample at each candidate, candidates first.

    Parameters
    ----------
    counts
        n candidates in k samples.
    alpha, beta
        Beta distributions of the error rate, shape (n, k, 2).
    settings
        Section `variants` of the config.
    copies
        Copies of the locus in an average cell of the sample, shape (n, k).
    chance
        Probability of as many misread bases at which a sample counts as carrying the allele;
        broadcast to (n, k).

    Returns
    -------
    pandas.DataFrame
        n x k rows with the columns of VARIANT_COURSES but variant_id; `depth` besides. A cell
        that carries the allele has it once, or twice where the lower bound of the fraction of
        reads asks for it: 24 of 39 reads are one copy in every cell.
    """
    reads, alt = counts.reads, counts.alt_reads
    up, down = _pooled(counts, alpha, beta)
    wrong = up / (up + down)
    need = least_reads(reads, up, down, chance)
    found = alt >= need
    share = counts.share
    true = np.clip((share - wrong) / (1 - wrong), 0, 1)
    low, high = _interval(alt, reads, settings["allele_rho"])
    limit = np.clip(_reach(need, reads, settings["allele_rho"]), 0, None)
    # Copies per cell over copies that carry the allele turn reads into cells: one of two in a
    # normal cell. Reads that are surely beyond what one copy can give come from two.
    one = np.maximum(copies, 1.0)
    twice = low * one > 1 + settings["homozygous_excess"]
    factor = np.where(twice, one / 2, one)
    needed = limit * one
    testable = (reads > 0) & (needed <= 1)
    state = np.where(found, "present", np.where(testable, "absent", "not_testable"))
    n, k = reads.shape
    as_cells = {
        "cell_fraction": np.minimum(true * factor, 1),
        "low": np.where(found, np.minimum(low * factor, 1), 0.0),
        "high": np.minimum(high * factor, 1),
        "limit": np.where(testable, np.minimum(needed, 1), np.nan),
    }
    frame = pd.DataFrame(
        {
            "sample": np.tile(np.asarray(counts.samples, dtype=object), n),
            "passage": np.tile(np.asarray(counts.passages, dtype=np.int32), n),
            "state": state.ravel(),
            **{name: values.ravel() for name, values in as_cells.items()},
            "allele_fraction": np.where(reads > 0, share, np.nan).ravel(),
            "ref_reads": (reads - alt).ravel(),
            "alt_reads": alt.ravel(),
            "copies": copies.ravel(),
            "depth": reads.ravel(),
        }
    )
    missing = frame["state"] == "not_testable"
    frame.loc[missing, ["cell_fraction", "low", "high"]] = np.nan
    frame["reason"] = [
        _reason(*row)
        for row in zip(state.ravel(), reads.ravel(), alt.ravel(), twice.ravel(), strict=True)
    ]
    return frame


def _reason(state: str, reads: int, alt: int, twice: bool) -> str:
    if state == "present":
        text = f"{alt} of {reads} reads"
        return f"{text}; both copies of most cells carry it" if twice else text
    if not reads:
        return "no read covers the place"
    if state == "not_testable":
        plural = "read" if reads == 1 else "reads"
        return f"{reads} {plural}: a variant in all cells could be missed"
    return f"{alt} of {reads} reads, which misread bases explain" if alt else f"0 of {reads} reads"


def _pooled(counts: Counts, alpha: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return one beta distribution of the error rate for the reads of both strands, (n, k)."""
    depth = (counts.ref + counts.alt).astype(float)
    weight = (depth + 1e-3) / (depth + 1e-3).sum(axis=2, keepdims=True)
    size = (alpha + beta).min(axis=2)
    rate = (weight * alpha / (alpha + beta)).sum(axis=2)
    return rate * size, (1 - rate) * size


def _effective(reads: np.ndarray, rho: float) -> np.ndarray:
    """Return the share of reads that is left when overdispersion is allowed for."""
    return 1 / (1 + np.maximum(reads - 1, 0) * rho)


def _interval(alt: np.ndarray, reads: np.ndarray, rho: float) -> tuple[np.ndarray, np.ndarray]:
    """Return Jeffreys' 95 % interval of the allele fraction (doi:10.1214/ss/1009213286)."""
    part = _effective(reads, rho)
    up, down = alt * part + 0.5, (reads - alt) * part + 0.5
    tail = (1 - POWER) / 2
    low, high = betaincinv(up, down, tail), betaincinv(up, down, 1 - tail)
    return np.where(alt == 0, 0, low), np.where(alt == reads, 1, high)


def _reach(need: np.ndarray, reads: np.ndarray, rho: float) -> np.ndarray:
    """Return the allele fraction that gives `need` reads or more with probability .95.

    P(X >= x) of a binomial is the regularised incomplete beta function I_f(x, n - x + 1).
    Infinite where there are fewer reads than that.
    """
    part = _effective(reads, rho)
    rest = (np.maximum(reads - need, 0) + 1) * part
    fraction = betaincinv(np.maximum(need * part, 1e-3), rest, POWER)
    return np.where(need <= reads, fraction, np.inf)
