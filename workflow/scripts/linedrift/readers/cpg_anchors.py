"""Whether positions count from the right base, told without a reference by CpGs of known place.

The ends of the curated imprinted regions are CpGs: each begins at the G of its first CpG and ends
behind the G of its last. (Of the 100 ends 15 lie within 4 bp of a probe of 450k or EPIC arrays, 14
of them exactly so, and both of chromosome 21 in the methylome of H1, wgbs_h1_imr90_chr21, whose
file counts from another base and shows it.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from linedrift.genome import CHROM_DTYPE, CHROMOSOMES
from linedrift.readers.files import ReadingError

# Rows at known CpGs from which on they tell, and the share of them that must fit one base. Both
# strands, moved by 1 bp, fit the wrong base in half: 16 of 20 do with a probability of .006.
_LEAST, _LEAST_SHARE = 20, 0.8
# How far a file may count from another base (bp).
_SHIFTS = (0, -1, 1)
# Where rows are looked for: at the C of a CpG moved so far, and at its G.
_AROUND = range(min(_SHIFTS), max(_SHIFTS) + 2)


class Fit(NamedTuple):
    """Of `n` rows near known CpGs, the share that fits as they are, and moved by `shift`."""

    n: int
    share: float
    shift: int
    shift_share: float


def known(dmrs: pd.DataFrame) -> pd.DataFrame:
    """Return chrom, start (of the C) of the CpGs at the ends of imprinted_dmrs.tsv."""
    first, last = dmrs["start"] - 1, dmrs["end"] - 2
    return pd.DataFrame(
        {"chrom": pd.concat([dmrs["chrom"]] * 2), "start": pd.concat([first, last])}
    )


def fit(cytosines: pd.DataFrame, anchors: pd.DataFrame) -> Fit:
    """Return how CYTOSINES lie to CpGs of known place.

    A CpG of which both strands, or only the forward one, were read stands at its C; one of which
    only the reverse strand was read may stand at its G. So a shift s explains rows at s and s + 1,
    and of two that explain as many the one with more at s itself is meant.
    """
    have = _key(cytosines["chrom"].astype(CHROM_DTYPE), cytosines["start"].to_numpy(np.int64))
    at = _key(anchors["chrom"].astype(CHROM_DTYPE), anchors["start"].to_numpy(np.int64))
    rows = {move: int(np.isin(at + move, have).sum()) for move in _AROUND}
    n = sum(rows.values())
    explained = {shift: (rows[shift] + rows[shift + 1], rows[shift]) for shift in _SHIFTS}
    best = max(_SHIFTS, key=lambda shift: explained[shift])
    return Fit(n, explained[0][0] / max(n, 1), best, explained[best][0] / max(n, 1))


def _key(chrom: pd.Series, start: np.ndarray) -> np.ndarray:
    return np.asarray((chrom.cat.codes.to_numpy(np.int64) << 32) + start)


def check(
    path: str, cytosines: pd.DataFrame, dmrs: pd.DataFrame, facts: dict[str, Any]
) -> dict[str, Any]:
    """Return what tells that positions are right: positions_share, positions_n, positions_by.

    Parameters
    ----------
    path
        The file, for errors.
    cytosines
        CYTOSINES that were read of it.
    dmrs
        resources/imprinted_dmrs.tsv.
    facts
        Those of `cytosines.Reading`; where its reference has told, nothing is asked.

    Raises
    ------
    ReadingError
        When CpGs of known place stand 1 bp off.
    """
    if facts["reference_share"] is not None:
        share = {"positions_share": facts["reference_share"]}
        return share | {"positions_n": None, "positions_by": "the reference"}
    found = fit(cytosines, known(dmrs[dmrs["chrom"].isin(CHROMOSOMES)]))
    if found.n < _LEAST or found.shift_share < _LEAST_SHARE:
        return {"positions_share": None, "positions_n": found.n, "positions_by": ""}
    if found.shift:
        count = round(found.shift_share * found.n)
        base = ("before", "behind")[found.shift > 0]
        raise ReadingError(
            f"{path}: {count} of {found.n} rows at CpGs of known place (ends of imprinted regions) "
            f"stand 1 bp {base} it: positions look {'0' if found.shift < 0 else '1'}-based, which "
            f"those of {facts['format']} are not. Make the file anew, or correct the column format"
        )
    by = "ends of imprinted regions"
    return {"positions_share": found.share, "positions_n": found.n, "positions_by": by}
