"""Reads of given alleles in an alignment of RNA: a few places, looked up by its index.

Each fragment counts once at a place, by the mate with the better base there. A read tells of an
allele when it covers the whole of it (and of indels ten bases on either side), without an intron
between.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pysam

from linedrift.genome import ucsc_chromosome
from linedrift.readers.files import ReadingError

COLUMNS = ("chrom", "start", "ref", "alt")
# Fragments that are looked at in one place: enough for any fraction that can be told.
_MOST = 20_000
# Aligners take reads that end so close (bp) to an insertion or deletion for those of the reference.
_FLANK = 10
# CIGAR operations: introns, and those along the reference (M, D, N, =, X).
_INTRON, _ALONG_REFERENCE = 3, (0, 2, 3, 7, 8)


def count(
    path: str, variants: pd.DataFrame, *, settings: Mapping[str, Any], reference: str = ""
) -> pd.DataFrame:
    """Return the variants with their reads: ref_reads, alt_reads, other_reads.

    Parameters
    ----------
    path
        BAM or CRAM, sorted by position. An index beside it is used; else one is made for a
        while, in the folder for temporary files.
    variants
        chrom (UCSC style), start (0-based), ref, alt (upper case, as VCF writes indels: with the
        base before), on GRCh38.
    settings
        min_mapping_quality, min_base_quality (section `rna` of the config).
    reference
        FASTA with its index, which a CRAM needs.

    Raises
    ------
    ReadingError
        When the file cannot be opened, or not be indexed.
    """
    found = np.zeros((len(variants), 3), np.int64)
    if len(variants):
        with _opened(str(path), reference) as file:
            names = {ucsc_chromosome(name): name for name in reversed(file.references)}
            for k, row in enumerate(variants[list(COLUMNS)].itertuples(index=False)):
                name = names.get(str(row.chrom))
                if name:
                    found[k] = _at(file, name, row, settings)
    columns = dict(zip(("ref_reads", "alt_reads", "other_reads"), found.T, strict=True))
    return variants.assign(**columns)


@contextmanager
def _opened(path: str, reference: str) -> Iterator[pysam.AlignmentFile]:
    """Give the alignment with its index, made beside no file of the user's where it has none."""
    with tempfile.TemporaryDirectory(prefix="rna-variants") as folder:
        index = _index(path, folder)
        try:
            with pysam.AlignmentFile(
                path, filepath_index=index, reference_filename=reference or None
            ) as file:
                yield file
        except (OSError, ValueError) as error:
            raise ReadingError(f"{path}: cannot be read as BAM or CRAM: {error}") from error


def _index(path: str, folder: str) -> str:
    """Return the index of an alignment; one that is older than its file is made anew."""
    places = [f"{base}.{end}" for end in ("bai", "csi", "crai") for base in (path, path[:-4])]
    places += [f"{path.removesuffix('.cram')}.crai"]
    age = os.path.getmtime(path)
    for place in places:
        if os.path.exists(place) and os.path.getmtime(place) >= age:
            return place
    target = str(Path(folder) / ("i.crai" if path.endswith(".cram") else "i.csi"))
    try:
        pysam.index(*(() if path.endswith(".cram") else ("-c",)), "-o", target, path)
    except pysam.SamtoolsError as error:
        raise ReadingError(f"{path}: cannot be indexed: {error}; sort it: samtools sort") from error
    return target


def _at(
    file: pysam.AlignmentFile, name: str, variant: Any, settings: Mapping[str, Any]
) -> tuple[int, int, int]:
    """Return reads of ref, of alt and of anything else at one place."""
    best: dict[str, tuple[int, str]] = {}
    end = variant.start + len(variant.ref)
    for read in file.fetch(name, max(variant.start - 1, 0), end + 1):
        # Unmapped, secondary, failed, duplicate, supplementary.
        if read.flag & 0xF04 or read.mapping_quality < settings["min_mapping_quality"]:
            continue
        told = _allele(read, variant.start, variant.ref, variant.alt)
        if told is None or told[0] < settings["min_base_quality"]:
            continue
        name_of = str(read.query_name)
        if name_of not in best or told[0] > best[name_of][0]:
            best[name_of] = told
        if len(best) >= _MOST:
            break
    seen = [allele for _, allele in best.values()]
    ref, alt = seen.count("ref"), seen.count("alt")
    return ref, alt, len(seen) - ref - alt


def _allele(read: pysam.AlignedSegment, start: int, ref: str, alt: str) -> tuple[int, str] | None:
    """Return base quality and allele (ref, alt, other) that a read shows; None if it cannot tell.

    The bases of the read from the first base of the allele to the one behind it are compared, so
    that insertions and deletions are told as well as single bases.
    """
    end, single = start + len(ref), len(ref) == len(alt) == 1
    if read.query_sequence is None or (not single and _spliced(read, start, end)):
        return None
    place = {there: here for here, there in read.get_aligned_pairs(matches_only=True)}
    first = place.get(start)
    # A single base is told at the end of a read, too.
    last = place.get(end) if not single else None if first is None else first + 1
    if first is None or last is None:
        return None
    near = len(ref) != len(alt) and min(first, len(read.query_sequence) - last) < _FLANK
    if near:
        return None
    text = read.query_sequence[first:last].upper()
    qualities = read.query_qualities
    quality = min(qualities[first:last]) if qualities is not None else 255
    allele = "ref" if text == ref else "alt" if text == alt else "other"
    return quality, allele


def _spliced(read: pysam.AlignedSegment, start: int, end: int) -> bool:
    """Return whether an intron of the read overlaps an interval."""
    position = read.reference_start
    for kind, length in read.cigartuples or ():
        if kind == _INTRON and position < end and position + length > start:
            return True
        if kind in _ALONG_REFERENCE:
            position += length
    return False
