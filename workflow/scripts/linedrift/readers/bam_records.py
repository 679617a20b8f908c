"""Alignment records as BAM holds them, tallied in one pass: depth of bins, bases at positions.

The records are read where they lie in the unpacked bytes (SAM specification v1, section 4.2) by
compiled code: one pass costs little more than unpacking the file, whatever is asked of it.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

# Flags of reads that never count: unmapped, secondary, failed by the sequencer, duplicate.
UNMAPPED, SECONDARY, FAILED, DUPLICATE = 0x4, 0x100, 0x200, 0x400
PAIRED, PROPER, MATE_UNMAPPED, LAST, SUPPLEMENTARY = 0x1, 0x2, 0x8, 0x80, 0x800
# Longest insert size of the histogram.
MOST_INSERT = 2000
# Names of the totals, in the order of Tally.totals.
TOTALS = (
    "n_records", "n_reads", "n_mapped", "n_duplicates", "n_low_mapping_quality", "n_counted",
    "n_fragments", "n_bases", "n_bases_on_target", "n_without_qualities",
)  # fmt: skip
_RECORDS, _READS, _MAPPED, _DUPLICATES, _LOW, _COUNTED, _FRAGMENTS, _BASES, _ON_TARGET, _WITHOUT = (
    range(10)
)
# What the compiled code has to say: the end of the buffer, another chromosome, disorder.
MORE, OTHER, DISORDER = 0, 1, 2
# Base of a nibble of the sequence (=ACMGRSVTWYHKDBN): A, C, G, T are 0 to 3, all others -1.
CODE = np.full(16, -1, dtype=np.int8)
CODE[[1, 2, 4, 8]] = [0, 1, 2, 3]
# Quality that stands for none (SAM: *), in all bases of a read; no base reaches a bound above it.
_NO_QUALITY = 255
# Mates further apart than this are two fragments of depth: they abut or overlap below.
_ABUT = 50


class Asked(NamedTuple):
    """What is asked of one chromosome: bins, targets, positions; each sorted, without overlap.

    `bin_start`, `bin_end`, `target_start`, `target_end`, `start`, `end` are int64 arrays; bins,
    targets and intervals of positions may overlap each other.
    """

    bin_start: np.ndarray
    bin_end: np.ndarray
    target_start: np.ndarray
    target_end: np.ndarray
    start: np.ndarray
    end: np.ndarray


class Tally(NamedTuple):
    """What was counted on one chromosome.

    `bins`: bases of reads in each bin, int64 (n_bins,). `steps`: changes of depth along the
    targets, int32, one more than its length for each; `depth_of` makes depths of them. `alleles`:
    reads with A, C, G, T by strand (forward, reverse) at each position of the intervals, uint16
    (n_positions, 4, 2), 65,535 at the most. `indels`: reads with an insertion or deletion that
    begins there, uint16 (n_positions,). `totals`: int64, by TOTALS; `inserts`: int64, templates
    by insert size.
    """

    bins: np.ndarray
    steps: np.ndarray
    alleles: np.ndarray
    indels: np.ndarray
    totals: np.ndarray
    inserts: np.ndarray


def empty(asked: Asked) -> Tally:
    """Return a tally of zeros."""
    n_steps = int((asked.target_end - asked.target_start + 1).sum())
    n_positions = int((asked.end - asked.start).sum())
    return Tally(
        np.zeros(len(asked.bin_start), np.int64),
        np.zeros(n_steps, np.int32),
        np.zeros((n_positions, 4, 2), np.uint16),
        np.zeros(n_positions, np.uint16),
        np.zeros(len(TOTALS), np.int64),
        np.zeros(MOST_INSERT + 1, np.int64),
    )


def depth_of(tally: Tally, asked: Asked) -> np.ndarray:
    """Return the depth at each base of the targets, one after the other (int32)."""
    depth = np.cumsum(tally.steps, dtype=np.int64).astype(np.int32)
    last = np.cumsum(asked.target_end - asked.target_start + 1) - 1
    return np.delete(depth, last)


class Cursor(NamedTuple):
    """Where a chromosome has got to: first bin, target, interval and position still in reach."""

    at: np.ndarray
    target_offset: np.ndarray
    offset: np.ndarray


def cursor(asked: Asked) -> Cursor:
    """Return a cursor at the beginning of a chromosome."""
    lengths = asked.target_end - asked.target_start + 1
    sizes = asked.end - asked.start
    return Cursor(np.array([0, 0, 0, -1]), np.cumsum(lengths) - lengths, np.cumsum(sizes) - sizes)


@numba.njit(cache=True, nogil=True)
def byte(buffer: np.ndarray, at: int) -> int:
    """Return a byte as a signed integer: numba makes floats of signed and unsigned together."""
    return np.int64(buffer[at])  # type: ignore[return-value]


@numba.njit(cache=True, nogil=True)
def uint16(buffer: np.ndarray, at: int) -> int:
    """Return the little-endian integer of 2 bytes."""
    return byte(buffer, at) | byte(buffer, at + 1) << 8


@numba.njit(cache=True, nogil=True)
def int32(buffer: np.ndarray, at: int) -> int:
    """Return the little-endian signed integer of 4 bytes."""
    value = uint16(buffer, at) | uint16(buffer, at + 2) << 16
    return value - (1 << 32) if value >= 1 << 31 else value


@numba.njit(cache=True, nogil=True)
def mate_end(buffer: np.ndarray, at: int, end: int, mate: int, length: int) -> int:
    """Return where the mate of a read ends: by its tag MC, else as far as this read is long.

    `at` is the first byte of the tags, `end` the first after them, `mate` where the mate begins.
    """
    while at + 3 <= end:
        kind = byte(buffer, at + 2)
        value = at + 3
        if buffer[at] == 77 and buffer[at + 1] == 67 and kind == 90:  # MC:Z
            return mate + cigar_length(buffer, value)
        if kind == 90 or kind == 72:  # Z, H: text up to a zero
            while value < end and buffer[value] != 0:
                value += 1
            at = value + 1
        elif kind == 66:  # B: an array
            at = value + 5 + int32(buffer, value + 1) * width(byte(buffer, value))
        else:
            at = value + width(kind)
    return mate + length


@numba.njit(cache=True, nogil=True)
def width(kind: int) -> int:
    """Return the bytes of a tag's value: A, c, C are 1; s, S 2; i, I, f 4."""
    if kind == 65 or kind == 99 or kind == 67:
        return 1
    return 2 if kind == 115 or kind == 83 else 4


@numba.njit(cache=True, nogil=True)
def cigar_length(buffer: np.ndarray, at: int) -> int:
    """Return the bases of reference that a CIGAR in text (to its closing zero) spans."""
    total, number = 0, 0
    while buffer[at] != 0:
        letter = byte(buffer, at)
        if 48 <= letter <= 57:
            number = number * 10 + letter - 48
        else:
            if letter == 77 or letter == 68 or letter == 78 or letter == 61 or letter == 88:
                total += number
            number = 0
        at += 1
    return total


@numba.njit(cache=True, nogil=True)
def cover(
    start: int, end: int, asked: Asked, cursor: Cursor, bins: np.ndarray, steps: np.ndarray
) -> int:
    """Add an aligned block to bins and targets; return its bases on target."""
    at = cursor.at[0]
    while at < len(asked.bin_start) and asked.bin_start[at] < end:
        low, high = max(start, asked.bin_start[at]), min(end, asked.bin_end[at])
        if high > low:
            bins[at] += high - low
        at += 1
    on_target = 0
    at = cursor.at[1]
    while at < len(asked.target_start) and asked.target_start[at] < end:
        low, high = max(start, asked.target_start[at]), min(end, asked.target_end[at])
        if high > low:
            first = cursor.target_offset[at] - asked.target_start[at]
            steps[first + low] += 1
            steps[first + high] -= 1
            on_target += high - low
        at += 1
    return on_target


@numba.njit(cache=True, nogil=True)
def bases(
    buffer: np.ndarray,
    sequence: int,
    quality: int,
    query: int,
    start: int,
    skip: int,
    end: int,
    strand: int,
    least: int,
    asked: Asked,
    cursor: Cursor,
    alleles: np.ndarray,
    code: np.ndarray,
) -> None:
    """Add the bases of an aligned block [start, end) that stand at positions from `skip` on.

    `query` is the base of the read at `start`; `sequence` and `quality` are where both begin.
    """
    if least > _NO_QUALITY:
        return
    at = cursor.at[2]
    while at < len(asked.start) and asked.start[at] < end:
        first = cursor.offset[at] - asked.start[at]
        for position in range(max(skip, asked.start[at]), min(end, asked.end[at])):
            place = query + position - start
            if buffer[quality + place] < least:
                continue
            pair = byte(buffer, sequence + (place >> 1))
            base = code[pair & 15 if place & 1 else pair >> 4]
            if base >= 0 and alleles[first + position, base, strand] < 65535:
                alleles[first + position, base, strand] += 1
        at += 1


@numba.njit(cache=True, nogil=True)
def gap(position: int, asked: Asked, cursor: Cursor, indels: np.ndarray) -> None:
    """Add an insertion or deletion that begins after the base before `position`."""
    at = cursor.at[2]
    while at < len(asked.start) and asked.start[at] < position:
        if position - 1 < asked.end[at]:
            place = cursor.offset[at] + position - 1 - asked.start[at]
            if indels[place] < 65535:
                indels[place] += 1
        at += 1


@numba.njit(cache=True, nogil=True)
def advance(position: int, asked: Asked, cursor: Cursor) -> None:
    """Leave behind the bins, targets and intervals that end before `position`."""
    at = cursor.at
    while at[0] < len(asked.bin_end) and asked.bin_end[at[0]] <= position:
        at[0] += 1
    while at[1] < len(asked.target_end) and asked.target_end[at[1]] <= position:
        at[1] += 1
    # One base further: an indel stands at the base before the read's next block.
    while at[2] < len(asked.end) and asked.end[at[2]] < position:
        at[2] += 1


@numba.njit(cache=True, nogil=True)
def align(
    buffer: np.ndarray,
    record: int,
    skip: int,
    least_quality: int,
    asked: Asked,
    cursor: Cursor,
    tally: Tally,
    code: np.ndarray,
) -> int:
    """Add the aligned blocks of a record from `skip` on; return their bases."""
    position, query, added = int32(buffer, record + 4), 0, 0
    n_blocks = uint16(buffer, record + 12)
    cigar = record + 32 + byte(buffer, record + 8)
    sequence = cigar + 4 * n_blocks
    n_bases = int32(buffer, record + 16)
    quality = sequence + (n_bases + 1) // 2
    strand = 1 if uint16(buffer, record + 14) & 16 else 0
    if n_bases == 0 or buffer[quality] == _NO_QUALITY:
        # It tells where the fragment lies, but nothing of its bases.
        tally.totals[_WITHOUT] += 1
        least_quality = _NO_QUALITY + 1
    for block in range(n_blocks):
        value = int32(buffer, cigar + 4 * block) & 0xFFFFFFFF
        length, kind = value >> 4, value & 15
        if kind == 0 or kind == 7 or kind == 8:  # M, =, X
            end = position + length
            low = max(position, skip)
            if end > low:
                on_target = cover(low, end, asked, cursor, tally.bins, tally.steps)
                tally.totals[_ON_TARGET] += on_target
                added += end - low
                bases(
                    buffer, sequence, quality, query, position, low, end, strand,
                    least_quality, asked, cursor, tally.alleles, code,
                )  # fmt: skip
            position, query = end, query + length
        elif kind == 1 or kind == 2:  # I, D
            if position > skip:
                gap(position, asked, cursor, tally.indels)
            if kind == 1:
                query += length
            else:
                position += length
        elif kind == 3:  # N
            position += length
        elif kind == 4:  # S
            query += length
    return added


@numba.njit(cache=True, nogil=True)
def wanted(buffer: np.ndarray, record: int, least_mapping: int, totals: np.ndarray) -> bool:
    """Return whether a read counts, and add it to the totals."""
    flag = uint16(buffer, record + 14)
    totals[_RECORDS] += 1
    if not flag & (SECONDARY | SUPPLEMENTARY):
        totals[_READS] += 1
        totals[_MAPPED] += not flag & UNMAPPED
        totals[_DUPLICATES] += (flag & DUPLICATE) != 0
    if flag & (UNMAPPED | SECONDARY | FAILED | DUPLICATE):
        return False
    if byte(buffer, record + 9) < least_mapping:
        totals[_LOW] += 1
        return False
    totals[_COUNTED] += 1
    return True


@numba.njit(cache=True, nogil=True)
def mate_before(buffer: np.ndarray, record: int, after: int) -> int:
    """Return where the mate of a read ends if it begins first on the chromosome, else -1."""
    flag = uint16(buffer, record + 14)
    if not flag & PAIRED or flag & (MATE_UNMAPPED | SUPPLEMENTARY):
        return -1
    if int32(buffer, record + 20) != int32(buffer, record):
        return -1
    position, mate = int32(buffer, record + 4), int32(buffer, record + 24)
    if mate > position or (mate == position and not flag & LAST):
        return -1
    length = int32(buffer, record + 16)
    tags = record + 32 + byte(buffer, record + 8) + length + (length + 1) // 2
    return mate_end(buffer, tags + 4 * uint16(buffer, record + 12), after, mate, length)


@numba.njit(cache=True, nogil=True)
def scan(
    buffer: np.ndarray,
    at: int,
    chrom: int,
    least_mapping: int,
    least_base: int,
    asked: Asked,
    cursor: Cursor,
    tally: Tally,
    code: np.ndarray,
) -> tuple[int, int]:
    """Tally the whole records of a buffer that lie on one chromosome.

    Parameters
    ----------
    buffer
        Unpacked bytes of a BAM file, uint8.
    at
        First byte of a record.
    chrom
        Number of the chromosome in the file's header; -1 for reads without a place.
    least_mapping, least_base
        Smallest qualities of a read and of a base that count.
    asked, cursor, tally
        What to count, where it has got to, what was counted; the last two are changed.
    code
        CODE.

    Returns
    -------
    tuple
        The first byte that was not tallied, and why it ended: MORE bytes are needed, the next
        record is on an OTHER chromosome, or it stands before the last one (DISORDER).
    """
    end = len(buffer)
    while at + 36 <= end:
        after, record = at + 4 + int32(buffer, at), at + 4
        if after > end:
            break
        if int32(buffer, record) != chrom:
            return at, OTHER
        position = int32(buffer, record + 4)
        if position < cursor.at[3]:
            return at, DISORDER
        cursor.at[3] = position
        at = after
        if not wanted(buffer, record, least_mapping, tally.totals):
            continue
        advance(position, asked, cursor)
        before = mate_before(buffer, record, after)
        # Of a pair, the mate that begins first counts where they overlap.
        tally.totals[_FRAGMENTS] += position > before + _ABUT or before < 0
        tally.totals[_BASES] += align(
            buffer, record, max(position, before), least_base, asked, cursor, tally, code
        )
        insert = int32(buffer, record + 28)
        if uint16(buffer, record + 14) & PROPER and 0 < insert <= MOST_INSERT:
            tally.inserts[insert] += 1
    return at, MORE


def positions_of(asked: Asked) -> np.ndarray:
    """Return the 0-based positions of the intervals, one after the other (int64)."""
    sizes = asked.end - asked.start
    first = np.cumsum(sizes) - sizes
    return np.arange(int(sizes.sum())) + np.repeat(asked.start - first, sizes)
