"""Records of a BCF that mpileup wrote, read in one pass: reads of each base at each position.

The records are read where they lie in the unpacked bytes (VCF specification 4.3, section 6.3) by
compiled code. Written as text and parsed, positions took half as long as the pass over the reads
where these are few.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
import pysam

from linedrift.readers.bam_records import byte, int32, uint16
from linedrift.readers.files import ReadingError
from linedrift.sequence import BASES, UNKNOWN, encoded

# What is read of a record, by its keys: a flag, figures of the position, reads by strand.
INDEL, FIGURES, STRANDS = "INDEL", ("RPBZ", "MQBZ", "BQBZ"), ("ADF", "ADR")
_KEYS = (INDEL, *FIGURES, *STRANDS)
_MAGIC = b"BCF\2\2"
_DECLARED = re.compile(r"^##(?:INFO|FORMAT)=<ID=([^,>]+),.*IDX=(\d+)>$", re.MULTILINE)
_CONTIG = re.compile(r"^##contig=<ID=([^,>]+)[,>]", re.MULTILINE)
# Bytes that are unpacked at a time, and numbers of reads (8 MB) that are handed on at a time.
_CHUNK, _NUMBERS = 8 << 20, 2 << 20
# Indels of a chunk: a record of one has 100 bytes at the least.
_INDELS = _CHUNK // 100
# Code of each byte as a base.
_CODE = np.full(256, UNKNOWN, dtype=np.uint8)
_CODE[:128] = encoded("".join(map(chr, range(128))))


class Positions(NamedTuple):
    """Rows of positions: contig, start (0-based), reference base (code), figures, reads.

    `contig` is a place among the contigs of the file. `figures` are float32 (n, 3), NaN where
    there is none; `reads` int32 (n, k, 2, 4): by sample, strand (forward, reverse) and base.
    """

    contig: np.ndarray
    start: np.ndarray
    ref: np.ndarray
    figures: np.ndarray
    reads: np.ndarray

    @classmethod
    def empty(cls, n: int, samples: int) -> Positions:
        """Return so many rows without a read."""
        return cls(
            np.zeros(n, np.int32),
            np.zeros(n, np.int32),
            np.full(n, UNKNOWN, np.uint8),
            np.full((n, len(FIGURES)), np.nan, np.float32),
            np.zeros((n, samples, len(STRANDS), len(BASES)), np.int32),
        )


class Head(NamedTuple):
    """What the head of a BCF says: its bytes, contigs by number, numbers of _KEYS, samples."""

    text: bytes
    contigs: tuple[str, ...]
    keys: np.ndarray
    samples: int


def head(path: str | os.PathLike[str]) -> Head:
    """Return the head of a BCF.

    Raises
    ------
    ReadingError
        When it is no BCF, or one without the reads of alleles by strand.
    """
    with pysam.BGZFile(os.fspath(path), "rb", None) as stream:
        begin = stream.read(len(_MAGIC) + 4)
        if begin[: len(_MAGIC)] != _MAGIC:
            raise ReadingError(f"{path}: is no BCF; found {begin[:5]!r}, expected {_MAGIC!r}")
        text = stream.read(struct.unpack_from("<I", begin, len(_MAGIC))[0])
    words = text.rstrip(b"\0").decode()
    numbers = {name: int(number) for name, number in _DECLARED.findall(words)}
    if missing := [key for key in STRANDS if key not in numbers]:
        raise ReadingError(f"{path}: has no FORMAT/{missing[0]}; run mpileup with -a ADF,ADR")
    columns = words.rstrip("\n").rpartition("\n")[2].split("\t")
    keys = np.array([numbers.get(key, -1) for key in _KEYS])
    return Head(begin + text, tuple(_CONTIG.findall(words)), keys, max(len(columns) - 9, 0))


def positions(
    path: str | os.PathLike[str], of: Head, indels: str | os.PathLike[str]
) -> Iterator[Positions]:
    """Yield the positions of a BCF of `bcftools mpileup`, some at a time.

    Parameters
    ----------
    path
        BCF with FORMAT/ADF and FORMAT/ADR.
    of
        Its `head`.
    indels
        Where to write the records of insertions and deletions as a BCF of their own, which is
        whole when the last positions were yielded.

    Raises
    ------
    ReadingError
        When it is no such BCF, or its last record is cut.
    """
    most = max(_NUMBERS // max(8 * of.samples, 1), 1)
    found, row = Positions.empty(most, of.samples), 0
    with pysam.BGZFile(os.fspath(path), "rb", None) as stream, Path(indels).open("wb") as apart:
        apart.write(of.text)
        stream.read(len(of.text))
        rest = b""
        while chunk := stream.read(_CHUNK):
            buffer, at = np.frombuffer(rest + chunk, np.uint8), 0
            spans = np.zeros((_INDELS, 2), np.int64)
            while True:
                at, row, n = records(buffer, at, of.keys, _CODE, found, row, spans)
                for begin, end in spans[:n]:
                    apart.write(buffer[begin:end].data)
                if row < most and n < len(spans):
                    break
                yield Positions(*(part[:row] for part in found))
                found, row = Positions.empty(most, of.samples), 0
            rest = buffer[at:].tobytes()
    if rest:
        raise ReadingError(f"{path}: ends in the middle of a record; is the disk full?")
    yield Positions(*(part[:row] for part in found))


@numba.njit(cache=True, nogil=True)
def described(buffer: np.ndarray, at: int) -> tuple[int, int, int]:
    """Return the type of a value, how many there are, and the first byte of the first."""
    kind, count = byte(buffer, at) & 15, byte(buffer, at) >> 4
    if count < 15:
        return kind, count, at + 1
    size = byte(buffer, at + 1) & 15
    return kind, integer(buffer, at + 2, size), at + 2 + width(size)


@numba.njit(cache=True, nogil=True)
def width(kind: int) -> int:
    """Return the bytes of one value: characters and int8 1, int16 2, int32 and floats 4."""
    if kind == 1 or kind == 7:
        return 1
    if kind == 2:
        return 2
    return 4 if kind == 3 or kind == 5 else 0


@numba.njit(cache=True, nogil=True)
def integer(buffer: np.ndarray, at: int, kind: int) -> int:
    """Return an integer of a type; missing ones and the ends of vectors are negative."""
    if kind == 1:
        value = byte(buffer, at)
        return value - 256 if value > 127 else value
    if kind == 2:
        value = uint16(buffer, at)
        return value - 65536 if value > 32767 else value
    return int32(buffer, at)


@numba.njit(cache=True, nogil=True)
def alleles(buffer: np.ndarray, at: int, count: int, code: np.ndarray, base: np.ndarray) -> int:
    """Set the codes of the first alleles, unknown for what is no base; return where they end."""
    for allele in range(count):
        _, length, at = described(buffer, at)
        if allele < len(base):
            base[allele] = code[buffer[at]] if length == 1 else UNKNOWN
        at += length
    return at


@numba.njit(cache=True, nogil=True)
def figures(
    buffer: np.ndarray, at: int, count: int, keys: np.ndarray, bits: np.ndarray
) -> tuple[bool, int]:
    """Set the figures of a position (bits of float32); return if it is an indel, and the end."""
    indel = False
    for _ in range(count):
        kind, _, at = described(buffer, at)
        key = integer(buffer, at, kind)
        kind, values, at = described(buffer, at + width(kind))
        if key == keys[0]:
            indel = True
        for figure in range(len(bits)):
            if key == keys[1 + figure] and kind == 5:
                bits[figure] = int32(buffer, at)
        at += values * width(kind)
    return indel, at


@numba.njit(cache=True, nogil=True)
def reads_of(
    buffer: np.ndarray, at: int, count: int, keys: np.ndarray, base: np.ndarray, reads: np.ndarray
) -> None:
    """Add the reads of each base by sample and strand, shape (k, 2, 4)."""
    for _ in range(count):
        kind, _, at = described(buffer, at)
        key = integer(buffer, at, kind)
        kind, values, at = described(buffer, at + width(kind))
        step = width(kind)
        for strand in range(2):
            if key == keys[4 + strand]:
                for sample in range(len(reads)):
                    first = at + sample * values * step
                    for allele in range(min(values, len(base))):
                        number = integer(buffer, first + allele * step, kind)
                        if base[allele] < UNKNOWN and number > 0:
                            reads[sample, strand, base[allele]] += number
        at += len(reads) * values * step


@numba.njit(cache=True, nogil=True)
def records(
    buffer: np.ndarray,
    at: int,
    keys: np.ndarray,
    code: np.ndarray,
    found: Positions,
    row: int,
    spans: np.ndarray,
) -> tuple[int, int, int]:
    """Read whole records until the buffer, the rows or the spans of indels are used up.

    Parameters
    ----------
    buffer
        Unpacked bytes of a BCF, uint8.
    at
        First byte of a record.
    keys
        Numbers of _KEYS; -1 for what the file lacks.
    code
        Code of each byte as a base.
    found, row
        Positions, filled from this row on.
    spans
        First and last byte of each indel, filled from 0 on, shape (m, 2).

    Returns
    -------
    tuple
        The first byte that was not read, the next row, the number of indels.
    """
    base = np.zeros(len(BASES) + 1, np.uint8)
    n, bits = 0, found.figures.view(np.int32)
    while at + 32 <= len(buffer) and row < len(found.start) and n < len(spans):
        second = at + 8 + int32(buffer, at)
        after = second + int32(buffer, at + 4)
        if after > len(buffer):
            break
        n_info, n_alleles = uint16(buffer, at + 24), uint16(buffer, at + 26)
        base[:] = UNKNOWN
        _, length, place = described(buffer, at + 32)
        place = alleles(buffer, place + length, n_alleles, code, base)
        kind, length, place = described(buffer, place)
        place += length * width(kind)
        indel, _ = figures(buffer, place, n_info, keys, bits[row])
        if indel:
            spans[n, 0], spans[n, 1] = at, after
            found.figures[row] = np.nan
            n += 1
        else:
            found.contig[row], found.start[row] = int32(buffer, at + 8), int32(buffer, at + 12)
            found.ref[row] = base[0]
            reads_of(buffer, second, byte(buffer, at + 31), keys, base, found.reads[row])
            row += 1
        at = after
    return at, row, n
