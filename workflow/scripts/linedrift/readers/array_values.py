"""Whether the numbers of a SNP array are what their columns say, and not something like it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linedrift.readers.files import ReadingError
from linedrift.readers.loci import INTENSITY_ONLY

# Noise takes a frequency of allele B little beyond [0, 1], if at all; PennCNV writes 2 where a
# probe has no alleles. In per cent half of the loci and more are beyond both.
MOST_FRACTION = 1.5
_NO_ALLELES = 2.0
_MOST_BEYOND = 0.05
# Of so many loci some are BB, in any file that was not mirrored at one half.
_LEAST_LOCI = 1000
_MIRRORED = 0.55
# Log ratios stand about 0: of so many some are below it.
_LEAST_LEVELS = 200


def check(path: str, table: pa.Table, whole: bool = True) -> None:
    """Raise ReadingError where log R ratio or B-allele frequency are on another scale.

    Parameters
    ----------
    path
        Name of the file, for the message.
    table
        Rows with the columns name, lrr, baf of `readers.loci`.
    whole
        Whether these are all rows; of the first ones less can be said.
    """
    _check_levels(path, _finite(table["lrr"]), table.num_rows, whole)
    has_alleles = pc.invert(pc.match_substring_regex(table["name"], INTENSITY_ONLY))
    _check_fractions(path, _finite(table["baf"].filter(has_alleles)), whole)


def _finite(column: pa.ChunkedArray) -> np.ndarray:
    """Return the numbers of a column that are any."""
    values = column.to_numpy()
    return values[np.isfinite(values)]


def _check_levels(path: str, level: np.ndarray, n_rows: int, whole: bool) -> None:
    if whole and len(level) == 0:
        raise ReadingError(
            f"{path}: none of {n_rows:,} rows has a Log R Ratio; expected one for almost all. "
            "Export it again with this column filled"
        )
    if len(level) >= _LEAST_LEVELS and level.min() > 0:
        raise ReadingError(
            f"{path}: no Log R Ratio is below 0 (median {np.median(level):.3g}); expected the log2 "
            "of observed to expected intensity, about 0. If these are ratios, take their log2; "
            "if copies, the log2 of their half"
        )


def _check_fractions(path: str, fraction: np.ndarray, whole: bool) -> None:
    alleles = fraction[fraction != _NO_ALLELES]
    if np.mean(alleles > MOST_FRACTION) > _MOST_BEYOND if len(alleles) else False:
        raise ReadingError(
            f"{path}: B Allele Freq goes up to {alleles.max():.4g}; expected 0 to 1. If it is in "
            "per cent, divide it by 100"
        )
    if whole and len(alleles) >= _LEAST_LOCI and 0 < alleles.max() <= _MIRRORED:
        raise ReadingError(
            f"{path}: no B Allele Freq of {len(alleles):,} is above {alleles.max():.3g}; expected "
            "some near 1, where both alleles are B. It looks like the share of the rarer allele: "
            "give that of allele B"
        )
