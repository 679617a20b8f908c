"""Pairs of FASTQ: a look at both files before they are aligned."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import islice, zip_longest

import pyarrow as pa

from linedrift.readers.files import (
    ReadingError,
    check_presence,
    decode,
    is_gzip,
    looks_like_binary,
    open_bytes,
    packed_end_problem,
)
from linedrift.readers.files import head as first_bytes

# Pairs whose names are compared; reads of one run differ from those of another in the first.
_PAIRS = 1000
# Files up to this size (bytes) are counted whole, about .3 s; of larger ones the aligner tells.
_SMALL = 16 << 20


def problems(row: Mapping[str, str]) -> list[str]:
    """Return what is wrong with a pair of FASTQ files, in words, or an empty list.

    Parameters
    ----------
    row
        Row of samples.tsv: path, path2.
    """
    found = []
    pair = [str(row["path"]), str(row["path2"])]
    for path in pair:
        try:
            check_presence(path)
            if is_gzip(path) and (text := packed_end_problem(path)):
                raise ReadingError(text)
            for _ in _reads(path, _PAIRS):
                pass
        except ReadingError as error:
            found.append(str(error))
    if found:
        return found
    try:
        _check_pair(*pair)
    except ReadingError as error:
        return [str(error)]
    return []


def _lines(stream: pa.NativeFile) -> Iterator[bytes]:
    rest = b""
    while chunk := stream.read(1 << 18):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest


def _reads(path: str, most: int) -> Iterator[bytes]:
    """Yield the names of the first reads of a FASTQ; raise ReadingError where it is none."""
    start = first_bytes(path, 1000)
    if not start.startswith(b"@"):
        what = looks_like_binary(start) or f"begins with {decode(start[:30])!r}"
        raise ReadingError(f"{path}: {what}; expected a FASTQ, whose first line begins with @")
    with open_bytes(path) as stream:
        lines = (line.rstrip(b"\r") for line in _lines(stream))
        for number in range(most):
            record = list(islice(lines, 4))
            if not any(record):
                return
            if not _is_read(record):
                raise ReadingError(
                    f"{path}: read {number + 1} (line {4 * number + 1}) is not whole: found "
                    f"{decode(b' | '.join(record))[:120]!r}; expected a name after @, bases, +, "
                    "and as many qualities. Copy or make it again"
                )
            yield _name(record[0])


def _is_read(record: list[bytes]) -> bool:
    if len(record) != 4:
        return False
    name, sequence, plus, quality = record
    whole = name.startswith(b"@") and plus.startswith(b"+")
    return whole and 0 < len(sequence) == len(quality)


def _name(line: bytes) -> bytes:
    """Return the name that both reads of a pair have: without @, remarks and /1 or /2."""
    name = line[1:].split()[0] if line[1:].split() else b""
    return name[:-2] if name.endswith((b"/1", b"/2")) else name


def _check_pair(first: str, second: str) -> None:
    """Raise ReadingError where two files do not hold the two reads of the same pairs."""
    small = max(os.path.getsize(first), os.path.getsize(second)) <= _SMALL
    most = 1 << 60 if small else _PAIRS
    for number, (one, other) in enumerate(
        zip_longest(_reads(first, most), _reads(second, most)), start=1
    ):
        if one is None or other is None:
            longer, shorter = (first, second) if other is None else (second, first)
            raise ReadingError(
                f"{shorter}: ends after {number - 1:,} reads, {longer} has more; expected as many "
                "in both. Copy or make both again from the same run"
            )
        if one != other:
            raise ReadingError(
                f"{second}: read {number} is {decode(other)!r}, that of {first} {decode(one)!r}; "
                "expected the two reads of a pair in the same place of both files. Are they of one "
                "run and lane, and in the same order?"
            )
