"""Tracks in which each event, and the rest of each chromosome, is one number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift import steps, tables
from linedrift.genome import CHROM_DTYPE, GRCH38


def medians(own: pd.DataFrame, events: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return levels and imbalance of whole stretches: each event, and the rest of a chromosome.

    A bin has the median of its stretch, not its own. The noise of a bin's own level and imbalance
    follows the number of heterozygous loci in it (on real arrays the log R ratio of heterozygous
    loci is .02 to .06 below that of the others), and some thousands of such bins name the donor.

    Parameters
    ----------
    own
        TRACKS.
    events
        EVENTS that cut the chromosomes.
    settings
        level_bin, level_length, imbalance_length (bp), level_step, imbalance_step.

    Returns
    -------
    pandas.DataFrame
        TRACKS in bins of level_bin, by sample and assay; NaN in events that are shorter than
        level_length or imbalance_length, or that hold no value.
    """
    cuts = {chrom: _cuts(events, chrom) for chrom in own["chrom"].astype(str).unique()}
    # A bin belongs to the stretch in which its middle lies.
    of = own.assign(piece=_piece(own, cuts))
    keys = ["sample", "assay", "chrom", "piece"]
    of_pieces = of.groupby(keys, observed=True)[["log_ratio", "imbalance"]].median().reset_index()
    lengths = _piece_lengths(of_pieces, cuts)
    for column, name, step in (
        ("log_ratio", "level_length", "level_step"),
        ("imbalance", "imbalance_length", "imbalance_step"),
    ):
        stepped = steps.nearest(of_pieces[column], settings[step])
        of_pieces[column] = stepped.where(lengths >= settings[name])
    width = int(settings["level_bin"])
    # Where an exome has no level it may have a SNP of the donor's: such a bin is not listed.
    own = own[own["log_ratio"].notna()]
    start = own["start"] // width * width
    bins = pd.DataFrame({"chrom": own["chrom"], "start": start, "end": start + width})
    bins = bins.assign(sample=own["sample"], assay=own["assay"]).drop_duplicates()
    bins["end"] = np.minimum(bins["end"], bins["chrom"].astype(str).map(GRCH38.lengths))
    shown = bins.assign(piece=_piece(bins, cuts)).merge(of_pieces, on=keys, how="left")
    order = ["sample", "assay", "chrom", "start"]
    shown = shown.astype({"chrom": CHROM_DTYPE}).sort_values(order, ignore_index=True)
    return tables.check(shown, tables.TRACKS)


def _cuts(events: pd.DataFrame, chrom: str) -> tuple[np.ndarray, np.ndarray]:
    """Return where the events of a chromosome begin and end, and what lies in between.

    The second array tells, for each stretch between two ends and on either side, whether an
    event covers it.
    """
    here = events[events["chrom"] == chrom]
    start, end = here["start"].to_numpy(), here["end"].to_numpy()
    edges = np.unique(np.concatenate([start, end]))
    # Events lie from `edges` on to the next of them: a stretch is known by its first base.
    covered = np.array([bool(((start <= first) & (end > first)).any()) for first in edges])
    return edges, np.insert(covered, 0, False)


def _piece(bins: pd.DataFrame, cuts: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the number of the stretch that holds the middle of each bin, -1 outside events."""
    middle = (bins["start"].to_numpy(np.int64) + bins["end"].to_numpy(np.int64)) // 2
    names = bins["chrom"].astype(str).to_numpy()
    piece = np.full(len(bins), -1)
    for chrom, (edges, covered) in cuts.items():
        on = names == chrom
        number = np.searchsorted(edges, middle[on], side="right")
        piece[on] = np.where(covered[number], number, -1)
    return piece


def _piece_lengths(
    of_pieces: pd.DataFrame, cuts: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """Return the length of each stretch; what lies outside events is as long as can be."""
    return np.array(
        [
            math.inf if piece < 0 else cuts[chrom][0][piece] - cuts[chrom][0][piece - 1]
            for chrom, piece in zip(of_pieces["chrom"].astype(str), of_pieces["piece"], strict=True)
        ]
    )
