"""The reference sequence: its GC content in bins, and the composition of intervals."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pysam

from linedrift import tables
from linedrift.genome import CHROM_DTYPE, GRCH38, ucsc_chromosome
from linedrift.readers.files import ReadingError

# Long enough for a stable share, short against a wave.
BIN = 50_000
# Bases in memory at a time: their running totals take 16 bytes each.
CHUNK = 4_000_000
# Whether a letter is G or C, or any known base, in either case: a table of 256 letters.
_IS_GC, _IS_KNOWN = (
    np.isin(np.arange(256), np.frombuffer(letters, np.uint8)) for letters in (b"GCgc", b"ACGTacgt")
)


def gc_content(path: str | os.PathLike[str], bin_bp: int = BIN) -> pd.DataFrame:
    """Return GC_CONTENT of the primary chromosomes of a FASTA file.

    Bins that are more than half N have no GC content.

    Raises
    ------
    ReadingError
        When the file or its index cannot be read, when it has none of the chromosomes, or when
        a chromosome is longer than that of GRCh38.
    """
    parts = []
    with opened(path) as fasta:
        for name, length in zip(fasta.references, fasta.lengths, strict=True):
            chrom = ucsc_chromosome(name)
            if chrom is None:
                continue
            if length > GRCH38.lengths[chrom]:
                raise ReadingError(
                    f"{path}: {name} has {length:,} bases, more than the "
                    f"{GRCH38.lengths[chrom]:,} of GRCh38; give a GRCh38 reference"
                )
            start = np.arange(0, length, bin_bp)
            end = np.minimum(start + bin_bp, length)
            parts.append(pd.DataFrame({"chrom": chrom, "start": start, "end": end}))
    if not parts:
        raise ReadingError(f"{path}: no chromosome among {', '.join(fasta.references[:5])}")
    frame = pd.concat(parts, ignore_index=True).astype({"chrom": CHROM_DTYPE})
    found = composition(frame, path)
    frame["gc"] = found["gc"].where(found["known"] >= 0.5)
    return tables.check(tables.in_genome_order(frame), tables.GC_CONTENT)


def composition(intervals: pd.DataFrame, path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return the composition of the reference in each interval.

    Parameters
    ----------
    intervals
        chrom (UCSC style), start, end; any order, overlaps allowed.
    path
        FASTA with its index; chromosomes may be named ``chr20`` or ``20``.

    Returns
    -------
    pandas.DataFrame
        As many rows, in the same order: gc (share of G and C among the known bases; NaN without
        any), known (share of bases that are A, C, G or T) and cpg (CpGs a known base, NaN
        without any; one on the end of an interval counts where its C lies). Read in parts of
        CHUNK bases.

    Raises
    ------
    ReadingError
        When the file or its index cannot be read, when it lacks a chromosome of the intervals,
        or when an interval ends beyond its chromosome.
    """
    n = len(intervals)
    gc, known, cpg = np.zeros((3, n))
    names = intervals["chrom"].astype(str).to_numpy()
    start, end = intervals["start"].to_numpy(np.int64), intervals["end"].to_numpy(np.int64)
    with opened(path) as fasta:
        lengths = {ucsc_chromosome(name): name for name in fasta.references}
        for chrom in pd.unique(names):
            name, on = lengths.get(chrom), names == chrom
            if name is None:
                raise ReadingError(
                    f"{path}: has no chromosome {chrom}; it has {', '.join(fasta.references[:5])}. "
                    "Give the reference that the reads were aligned to"
                )
            length = fasta.get_reference_length(name)
            if (end[on] > length).any():
                raise ReadingError(
                    f"{path}: {name} has {length:,} bases, but {chrom}:{start[on].max():,}-"
                    f"{end[on].max():,} is asked; the intervals are of another build"
                )
            gc[on], known[on], cpg[on] = _counts(fasta, name, start[on], end[on])
    size = np.maximum(end - start, 1)
    share = {name: np.full(n, np.nan) for name in ("gc", "cpg")}
    for name, count in (("gc", gc), ("cpg", cpg)):
        np.divide(count, known, out=share[name], where=known > 0)
    return pd.DataFrame({"gc": share["gc"], "known": known / size, "cpg": share["cpg"]})


def chromosomes(path: str | os.PathLike[str]) -> list[str]:
    """Return the chromosomes that a FASTA has, UCSC style."""
    with opened(path) as fasta:
        found = [ucsc_chromosome(name) for name in fasta.references]
    return [name for name in found if name is not None]


def lengths(path: str | os.PathLike[str]) -> dict[str, int]:
    """Return the bases of each chromosome that a FASTA has, UCSC style."""
    with opened(path) as fasta:
        found = zip(fasta.references, fasta.lengths, strict=True)
        return {
            chrom: length for name, length in found if (chrom := ucsc_chromosome(name)) is not None
        }


def letters(fasta: pysam.FastaFile, name: str, position: np.ndarray) -> np.ndarray:
    """Return the upper-case letters at sorted 0-based positions of a contig (uint8, shape (n,))."""
    found = np.empty(len(position), np.uint8)
    at = 0
    while at < len(position):
        begin = int(position[at])
        last = int(np.searchsorted(position, begin + CHUNK))
        part = np.frombuffer(fasta.fetch(name, begin, begin + CHUNK).encode(), np.uint8) & 0xDF
        found[at:last] = part[position[at:last] - begin]
        at = last
    return found


def opened(path: str | os.PathLike[str]) -> pysam.FastaFile:
    """Return an indexed FASTA, opened; raise ReadingError where it cannot be."""
    try:
        return pysam.FastaFile(os.fspath(path))
    except (OSError, ValueError) as error:
        raise ReadingError(
            f"{path}: cannot be read as FASTA with an index: {error}. "
            "Make the index with: samtools faidx"
        ) from error


def _counts(fasta: pysam.FastaFile, name: str, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the numbers of G and C, of known bases, and of CpGs, in intervals of a chromosome."""
    points = np.unique(np.concatenate([start, end]))
    # Running totals of each at every end of an interval: any interval is a difference of two.
    running, total = np.zeros((3, len(points))), np.zeros(3)
    first = int(points[0])
    for begin in range(first, int(points[-1]), CHUNK):
        stop = min(begin + CHUNK, int(points[-1]))
        # One base more, which the last one of the part may make a CpG with.
        letters = np.frombuffer(fasta.fetch(name, begin, stop + 1).encode(), np.uint8) & 0xDF
        next_ = np.append(letters[1:], np.uint8(0))[: stop - begin]
        letters = letters[: stop - begin]
        here = slice(*np.searchsorted(points, [begin + 1, stop + 1]))
        is_cpg = (letters == ord("C")) & (next_ == ord("G"))
        for row, counts in enumerate((_IS_GC[letters], _IS_KNOWN[letters], is_cpg)):
            sums = np.cumsum(counts, dtype=np.int64)
            running[row, here] = total[row] + sums[points[here] - begin - 1]
            total[row] += sums[-1]
    at = np.searchsorted(points, end), np.searchsorted(points, start)
    return np.asarray(running[:, at[0]] - running[:, at[1]])
