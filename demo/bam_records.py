"""Reads written as BAM without an object a read: records are rows of one array of bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pysam

PAIRED, PROPER, REVERSE, MATE_REVERSE = 1, 2, 16, 32
FIRST, SECOND, DUPLICATE = 64, 128, 1024
MATCH, INSERTION, DELETION = 0, 1, 2

# SAM's four-bit code of A, C, G and T.
_NIBBLES = np.array([1, 2, 4, 8], np.uint8)
_NAME_DIGITS = 9


def _record(length: int, read_group: str) -> np.dtype:
    """Return the layout of a record with three operations (SAM specification, section 4.2)."""
    return np.dtype(
        [
            ("block_size", "<i4"), ("chrom", "<i4"), ("start", "<i4"),
            ("name_length", "u1"), ("mapping_quality", "u1"), ("bin", "<u2"),
            ("n_operations", "<u2"), ("flag", "<u2"), ("length", "<i4"),
            ("mate_chrom", "<i4"), ("mate_start", "<i4"), ("template", "<i4"),
            ("name", "u1", _NAME_DIGITS + 1), ("first", "<u4"), ("others", "<u4", 2),
            ("bases", "u1", length // 2), ("qualities", "u1", length),
            ("read_group", f"S{len(read_group.encode()) + 4}"),
        ]
    )  # fmt: skip


def write(
    path: Path,
    chromosomes: Sequence[tuple[str, int]],
    sample: str,
    *,
    chrom: np.ndarray,
    start: np.ndarray,
    mate_start: np.ndarray,
    template: np.ndarray,
    flag: np.ndarray,
    mapping_quality: np.ndarray,
    name: np.ndarray,
    operations: np.ndarray,
    bases: np.ndarray,
    qualities: np.ndarray,
) -> None:
    """Write sorted reads as BAM.

    Parameters
    ----------
    sample
        Name of the sample and of its one read group.
    chromosomes
        Names and lengths of all sequences; `chrom` (n,) is an index into them.
    start, mate_start
        0-based; both reads of a pair are on one chromosome.
    name
        Numbers that the two reads of a pair share.
    operations
        CIGAR as (n, 3, 2): kind and length; a read without a gap has its match first, and
        lengths of 0.
    bases, qualities
        uint8 (n, length), codes 0 to 3 and phred; the length is even.
    """
    n, length = bases.shape
    records = np.zeros(n, _record(length, sample))
    gapped = operations[:, 1, 1] > 0
    size = records.dtype.itemsize - 4
    records["block_size"] = np.where(gapped, size, size - 8)
    records["n_operations"] = np.where(gapped, 3, 1)
    records["chrom"] = records["mate_chrom"] = chrom
    records["start"], records["mate_start"], records["template"] = start, mate_start, template
    records["name_length"], records["length"] = _NAME_DIGITS + 1, length
    records["mapping_quality"], records["flag"] = mapping_quality, flag
    consumed = np.where(operations[:, :, 0] == INSERTION, 0, operations[:, :, 1]).sum(axis=1)
    records["bin"] = _bin(start, start + consumed)
    powers = 10 ** np.arange(_NAME_DIGITS - 1, -1, -1)
    records["name"][:, :-1] = name[:, None] // powers % 10 + ord("0")
    words = (operations[:, :, 1] << 4 | operations[:, :, 0]).astype(np.uint32)
    records["first"], records["others"] = words[:, 0], words[:, 1:]
    nibbles = _NIBBLES[bases]
    records["bases"] = nibbles[:, 0::2] << 4 | nibbles[:, 1::2]
    records["qualities"] = qualities
    records["read_group"] = b"RGZ" + sample.encode() + b"\0"
    path.parent.mkdir(parents=True, exist_ok=True)
    with pysam.BGZFile(str(path), "wb1") as file:
        file.write(_header(chromosomes, sample))
        file.write(_packed(records, gapped))


def _packed(records: np.ndarray, gapped: np.ndarray) -> bytes:
    """Return the records without the operations that ungapped ones do not have."""
    table = records.view(np.uint8).reshape(len(records), -1)
    if gapped.all() or not len(records):
        return table.tobytes()
    first = records.dtype.fields["others"][1]
    kept = np.ones(table.shape, bool)
    kept[~gapped, first : first + 8] = False
    return table[kept].tobytes()


def _bin(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the UCSC bin of stretches (SAM specification, section 5.3)."""
    last = end - 1
    found = np.zeros(len(start), np.int64)
    for shift, offset in ((26, 1), (23, 9), (20, 73), (17, 585), (14, 4681)):
        same = start >> shift == last >> shift
        found[same] = offset + (start[same] >> shift)
    return found


def _header(chromosomes: Sequence[tuple[str, int]], sample: str) -> bytes:
    text = "@HD\tVN:1.6\tSO:coordinate\n"
    text += "".join(f"@SQ\tSN:{name}\tLN:{length}\n" for name, length in chromosomes)
    text += f"@RG\tID:{sample}\tSM:{sample}\tLB:{sample}\tPL:ILLUMINA\n"
    parts = [b"BAM\1", struct.pack("<i", len(text)), text.encode()]
    parts.append(struct.pack("<i", len(chromosomes)))
    for name, length in chromosomes:
        parts.append(struct.pack("<i", len(name) + 1) + name.encode() + b"\0")
        parts.append(struct.pack("<i", length))
    return b"".join(parts)
