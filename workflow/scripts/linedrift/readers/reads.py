"""Depth and alleles of one alignment in one pass over its reads, in bounded memory."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pysam

from linedrift import genome
from linedrift.readers import bam_records
from linedrift.readers.bam_records import TOTALS, Asked, Tally
from linedrift.readers.files import ReadingError

# Bytes that are unpacked at a time.
CHUNK = 8 << 20
# Number that BAM gives to the contig of reads without a place; and none at all.
_NOWHERE, _NONE = -1, -2
# Bytes of the smallest record: its size and the fields of fixed length.
_LEAST = 36
_EMPTY = np.zeros(0, np.int64)
# Unpacks a CRAM (which only samtools reads) into a stream of records, in a process beside this.
_UNPACK = (
    "import sys, pysam.samtools; pysam.samtools.view("
    "'-u', '-T', sys.argv[1], '-o', '-', sys.argv[2], catch_stdout=False)"
)


def asked(
    bins: pd.DataFrame | None = None,
    targets: pd.DataFrame | None = None,
    positions: pd.DataFrame | None = None,
) -> dict[str, Asked]:
    """Return what to count, by chromosome, of three frames of intervals.

    Parameters
    ----------
    bins, targets, positions
        chrom, start, end; sorted, without overlap within a frame.
    """
    parts = [_by_chromosome(frame) for frame in (bins, targets, positions)]
    chroms = dict.fromkeys(chrom for part in parts for chrom in part)
    return {
        chrom: Asked(*(array for part in parts for array in part.get(chrom, (_EMPTY, _EMPTY))))
        for chrom in chroms
    }


def _by_chromosome(frame: pd.DataFrame | None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return starts and ends of a frame's intervals by chromosome."""
    if frame is None:
        return {}
    return {
        str(chrom): (rows["start"].to_numpy(np.int64), rows["end"].to_numpy(np.int64))
        for chrom, rows in frame.groupby(frame["chrom"].astype(str), sort=False)
    }


def tally(
    path: str,
    asked: Mapping[str, Asked],
    *,
    reference: str,
    min_mapping_quality: int,
    min_base_quality: int,
    prepare: Callable[[np.ndarray], None] | None = None,
) -> Iterator[tuple[str, Tally]]:
    """Yield what was counted, chromosome by chromosome in the order of the file.

    Parameters
    ----------
    path
        BAM or CRAM, sorted by position; no index is needed.
    asked
        By chromosome in UCSC style, from `asked`.
    reference
        FASTA that a CRAM is unpacked with.
    min_mapping_quality, min_base_quality
        Reads and bases below do not count. Unmapped, secondary and failed reads and duplicates
        never do; of two mates that overlap the one that begins first counts there. Reads without
        qualities count for depth alone: what is known of their bases is nothing.
    prepare
        Called once with every whole record, in buffers that it may change: a buffer begins with
        a record, its last one may be cut.

    Yields
    ------
    tuple
        Name of the contig (UCSC style where it is one of `genome.CHROMOSOMES`, else as in the
        file; ``*`` for reads without a place), and its Tally. Contigs without reads are left out.

    Raises
    ------
    ReadingError
        When the file is cut or damaged, or not sorted.
    """
    try:
        with pysam.AlignmentFile(path, check_sq=False) as file:
            names = [genome.ucsc_chromosome(name) or name for name in file.references]
            is_cram = file.is_cram
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error
    least = (min_mapping_quality, min_base_quality)
    counting = _Counting(path, names, asked, least, prepare)
    with _records(path, reference if is_cram else "") as chunks:
        for chunk in chunks:
            yield from counting.add(chunk)
    yield from counting.end()


class _Counting:
    """The chromosome that is being counted, and the bytes that are left of a chunk."""

    def __init__(
        self,
        path: str,
        names: list[str],
        asked: Mapping[str, Asked],
        least: tuple[int, int],
        prepare: Callable[[np.ndarray], None] | None,
    ) -> None:
        self.path, self.names, self.asked, self.least = path, names, asked, least
        self.prepare = prepare
        self.rest = np.zeros(0, np.uint8)
        self.chrom = _NONE
        self.seen: set[int] = set()
        self.question = Asked(*[_EMPTY] * 6)
        self.cursor = bam_records.cursor(self.question)
        self.tally = bam_records.empty(self.question)

    def add(self, chunk: np.ndarray) -> Iterator[tuple[str, Tally]]:
        """Count a chunk; yield each chromosome that ends in it."""
        buffer, at = np.concatenate([self.rest, chunk]), 0
        if self.prepare is not None:
            self.prepare(buffer)
        while len(buffer) - at >= _LEAST:
            if self.chrom == _NONE:
                self._begin(int(buffer[at + 4 : at + 8].view("<i4")[0]))
            mapping, base = self.least
            at, why = bam_records.scan(
                buffer, at, self.chrom, mapping, base, self.question, self.cursor, self.tally,
                bam_records.CODE,
            )  # fmt: skip
            if why == bam_records.DISORDER:
                raise unsorted(self.path)
            if why == bam_records.MORE:
                break
            yield from self._finished()
        self.rest = buffer[at:]

    def _begin(self, chrom: int) -> None:
        if chrom in self.seen:
            raise unsorted(self.path)
        self.seen.add(chrom)
        self.chrom = chrom
        self.question = self.asked.get(self._name(chrom), Asked(*[_EMPTY] * 6))
        self.cursor = bam_records.cursor(self.question)
        self.tally = bam_records.empty(self.question)

    def _name(self, chrom: int) -> str:
        return "*" if chrom == _NOWHERE else self.names[chrom]

    def _finished(self) -> Iterator[tuple[str, Tally]]:
        if self.chrom != _NONE:
            yield self._name(self.chrom), self.tally
        self.chrom = _NONE

    def end(self) -> Iterator[tuple[str, Tally]]:
        """Yield the last chromosome, where the file ends with a whole read."""
        if len(self.rest):
            raise ReadingError(
                f"{self.path}: is truncated: it ends in the middle of a read; copy or make it again"
            )
        yield from self._finished()


def _damaged(path: str, error: Exception) -> ReadingError:
    return ReadingError(f"{path}: is truncated or damaged ({error}); copy or make it again")


def unsorted(path: str) -> ReadingError:
    """Return the error of a file whose reads are not in the order of their positions."""
    return ReadingError(
        f"{path}: is not sorted by position; expected reads in genome order. Sort it: samtools sort"
    )


@contextlib.contextmanager
def _records(path: str, cram_reference: str) -> Iterator[Iterator[np.ndarray]]:
    """Give the unpacked records of a BAM, or of a CRAM with its reference, in chunks."""
    if not cram_reference:
        with pysam.BGZFile(path, "rb", None) as stream:
            yield _chunks(path, stream)
        return
    command = [sys.executable, "-c", _UNPACK, cram_reference, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        try:
            with pysam.BGZFile(f"/dev/fd/{child.stdout.fileno()}", "rb", None) as stream:
                yield _chunks(path, stream)
        finally:
            child.stdout.close()
            _, said = child.communicate()
        if child.returncode:
            text = said.decode(errors="replace").strip().splitlines()
            raise ReadingError(
                f"{path}: cannot be unpacked with {cram_reference}: {'; '.join(text[-2:])}"
            )


def _chunks(path: str, stream: pysam.BGZFile) -> Iterator[np.ndarray]:
    """Yield the bytes after the header."""
    try:
        if stream.read(4) != b"BAM\x01":
            raise ReadingError(f"{path}: is no BAM file")
        stream.read(_number(stream))
        for _ in range(_number(stream)):
            stream.read(_number(stream) + 4)
        while chunk := stream.read(CHUNK):
            yield np.frombuffer(chunk, np.uint8)
    except OSError as error:
        raise _damaged(path, error) from error


def _number(stream: pysam.BGZFile) -> int:
    return int.from_bytes(stream.read(4), "little")


def totals(tallies: Mapping[str, Tally]) -> dict[str, int]:
    """Return the sums of the totals over chromosomes, by TOTALS."""
    found = np.sum([one.totals for one in tallies.values()] or [np.zeros(len(TOTALS))], axis=0)
    return {name: int(value) for name, value in zip(TOTALS, found, strict=True)}


def whole(path: str, asked: Mapping[str, Asked], **settings: Any) -> dict[str, Tally]:
    """Return the tallies of all contigs (`tally`); chromosomes without reads are zeros."""
    found = dict(tally(path, asked, **settings))
    return found | {
        chrom: bam_records.empty(question)
        for chrom, question in asked.items()
        if chrom not in found
    }


def in_order(tallies: Mapping[str, Tally], frame: pd.DataFrame, part: str) -> np.ndarray:
    """Return a part of the tallies (bins, alleles, ...) for the rows of a frame in genome order."""
    chroms = frame["chrom"].astype(str).unique()
    parts = [getattr(tallies[chrom], part) for chrom in chroms]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
