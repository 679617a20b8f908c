"""Which build the positions of markers are on: by lengths, and by markers known by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from linedrift.genome import BUILDS, Build, ucsc_chromosome
from linedrift.readers.files import listed

# Exact matches of name and position do not happen by chance, so five decide.
_LEAST_SHARED = 5
# Some exports are 1 bp off at a part of their markers (0-based starts of a database); builds
# differ by thousands of bp almost everywhere.
_MOST_OFF = 1
# A table of the right build matches at nearly all known markers, one of a wrong build at 1 %.
_LEAST_FIT = 0.5
_MOST_LOW = 0.9


@dataclass(frozen=True)
class Fit:
    """How well markers fit one build.

    Of `n_shared` markers that are known by name, `n_fit` have their position in it (within 1 bp)
    and `n_low` a position exactly 1 bp too low, as 0-based positions are; `n_beyond` markers lie
    beyond the end of their chromosome.
    """

    n_shared: int
    n_fit: int
    n_low: int
    n_beyond: int


def fits(
    names: pd.Series, chrom: pd.Series, pos: pd.Series, build_markers: pd.DataFrame
) -> dict[str, Fit]:
    """Return how well markers fit each build.

    Parameters
    ----------
    names, chrom, pos
        Marker names (an rs number anywhere in a name counts, as in GSA-rs123 or rs123_dup),
        chromosomes as written, 1-based positions; shape (n,).
    build_markers
        Columns name, chrom, pos_<build> for each build.
    """
    words = pd.Series(chrom.unique()).dropna()
    known = {word: ucsc_chromosome(word) for word in words}
    frame = pd.DataFrame(
        {
            "name": names.astype(str).str.extract(r"(rs\d+)", expand=False),
            "chrom": chrom.map(known).astype(object),
            "pos": pos.to_numpy(dtype=float),
        }
    )
    placed = frame[frame["chrom"].notna() & (frame["pos"] > 0)]
    shared = placed.dropna(subset="name").merge(
        build_markers.astype({"chrom": object}), on="name", suffixes=("", "_known")
    )
    same = shared["chrom"] == shared["chrom_known"]
    found = {}
    for build in BUILDS.values():
        off = (shared["pos"] - shared[f"pos_{build.name}"])[same]
        ends = placed["chrom"].map(dict(build.lengths)).astype(float)
        found[build.name] = Fit(
            n_shared=len(shared),
            n_fit=int((off.abs() <= _MOST_OFF).sum()),
            n_low=int((off == -1).sum()),
            n_beyond=int((placed["pos"] > ends).sum()),
        )
    return found


def problem(path: str, of: Build, found: Mapping[str, Fit]) -> str:
    """Return what is wrong with the build that the sheet gives, or an empty string.

    `found` comes from `fits`. The known markers decide where there are five or more; otherwise
    positions beyond the ends of chromosomes exclude builds.
    """
    own = found[of.name]
    if own.n_shared >= _LEAST_SHARED:
        return _by_markers(path, of, found)
    if own.n_beyond == 0:
        return ""
    possible = [name for name, fit in found.items() if fit.n_beyond == 0]
    which = f"possible is {' or '.join(possible)}" if possible else "no build of linedrift fits"
    return (
        f"{path}: {own.n_beyond:,} markers lie beyond the end of their chromosome in {of.name}; "
        f"expected positions of {of.name}, {which}. Correct the column build"
    )


def _by_markers(path: str, of: Build, found: Mapping[str, Fit]) -> str:
    own = found[of.name]
    best = max(found, key=lambda name: found[name].n_fit)
    n, n_best = own.n_shared, found[best].n_fit
    if own.n_fit >= max(_LEAST_FIT * n, n_best):
        if own.n_low <= _MOST_LOW * n:
            return ""
        return (
            f"{path}: positions are 0-based: {own.n_low:,} of {n:,} known markers stand 1 bp too "
            "low; expected 1-based positions. Add 1 to each"
        )
    fit = f"{own.n_fit:,} of {n:,} known markers have their position in {of.name}"
    if n_best >= _LEAST_FIT * n:
        return (
            f"{path}: {fit}, {n_best:,} have that in {best}: the positions are those of {best}. "
            f"Write {best} into the column build, or give markers on {of.name} in path2"
        )
    return (
        f"{path}: {fit}, and no other build fits (best {best} with {n_best:,}); expected one of "
        f"{listed(list(found))}. Are the columns of chromosome and position the right ones?"
    )


def placeless(chrom: pd.Series) -> tuple[int, list[str]]:
    """Return how many markers are on contigs that linedrift does not know, and those contigs.

    Blank and 0 are markers without a place; MT is known and left out; neither counts.
    """
    words = pd.Series(chrom.unique()).dropna().astype(str)
    left_out = {"", "0", "M", "MT", "chrM", "chrMT", "26", "NA", ".", "---"}
    strange = [word for word in words if ucsc_chromosome(word) is None and word not in left_out]
    return int(np.isin(chrom.to_numpy(dtype=object), strange).sum()), strange
