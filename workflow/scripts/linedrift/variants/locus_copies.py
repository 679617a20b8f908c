"""Copies of each locus in each sample, by the copy-number events of the line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from linedrift.genome import Karyotype


def copies_at(
    sites: pd.DataFrame,
    samples: Sequence[str],
    events: pd.DataFrame,
    trajectories: pd.DataFrame,
    karyotype: Karyotype,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the copies of loci in an average cell, and where a sample has an event there.

    Parameters
    ----------
    sites
        Loci in genome order: chrom, start.
    samples
        Names of the samples, k of them; one that the events do not know has what it was born with.
    events, trajectories
        EVENTS and TRAJECTORIES of the line.
    karyotype
        Of the donor.

    Returns
    -------
    copies : numpy.ndarray
        Mean over all cells, shape (n, k); events on each other add up.
    changed : numpy.ndarray
        True within an event that is present, CN-LOH among them, shape (n, k).
    """
    chrom, start = sites["chrom"].astype(str).to_numpy(), sites["start"].to_numpy()
    born = karyotype.copies_at(chrom, start).astype(float)
    copies = np.repeat(born[:, None], len(samples), axis=1)
    changed = np.zeros(copies.shape, dtype=bool)
    column = {sample: place for place, sample in enumerate(samples)}
    present = trajectories[
        (trajectories["state"] == "present") & trajectories["sample"].isin(list(column))
    ].merge(events[["event_id", "chrom", "start", "end", "kind", "copies"]], on="event_id")
    for event in present.to_dict("records"):
        rows = np.flatnonzero(
            (chrom == str(event["chrom"])) & (start >= event["start"]) & (start < event["end"])
        )
        place = column[event["sample"]]
        changed[rows, place] = True
        if event["kind"] != "cn_loh":
            copies[rows, place] += event["cell_fraction"] * (event["copies"] - born[rows])
    return np.maximum(copies, 0.0), changed
