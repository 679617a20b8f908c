"""Illumina's binary files: GTC (one array) and BPM (its manifest)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linedrift.readers.files import ReadingError, head
from linedrift.readers.layouts import wrong_format

N_SNPS, SAMPLE_NAME, MANIFEST_NAME = 1, 10, 101
GENOTYPES, BAF, LRR, CALL_RATE, BARCODE = 1002, 1012, 1013, 1006, 1016
_ITEM_BYTES = {GENOTYPES: 1, BAF: 4, LRR: 4}
_ITEM_NAMES = {GENOTYPES: "genotypes", BAF: "B-allele frequencies", LRR: "log R ratios"}


@dataclass(frozen=True)
class Gtc:
    """A GTC file: its bytes and its table of contents (id -> offset, or value for ids 1 to 3)."""

    path: str
    version: int
    data: bytes
    contents: dict[int, int]

    @property
    def n_snps(self) -> int:
        """Number of SNPs that the file says it has."""
        return self.contents.get(N_SNPS, 0)

    def text(self, entry: int) -> str:
        """Return the string of an entry, empty where the file has none."""
        offset = self.contents.get(entry)
        if offset is None:
            return ""
        start, end = _python_string(self.data, offset)
        return self.data[start:end].decode("utf-8", "replace")

    def array(self, entry: int, dtype: str) -> np.ndarray:
        """Return the array of an entry, shape (n_snps,)."""
        offset = self.contents[entry] + 4
        return np.frombuffer(self.data, dtype=dtype, count=self.n_snps, offset=offset)


def read_gtc(path: str, most_bytes: int = -1) -> Gtc:
    """Read a GTC file and check that its arrays lie inside it.

    Raises
    ------
    ReadingError
        When it is no GTC, is older than version 4 (no BAF and log R ratio), or is cut.
    """
    size = Path(path).stat().st_size
    with open(path, "rb") as file:
        data = file.read(most_bytes)
    if data[:3] != b"gtc":
        raise wrong_format(path, "gtc", head(path))
    if len(data) < 8:
        raise ReadingError(f"{path}: is cut in its first 8 bytes; copy it again")
    version = data[3]
    (n_entries,) = struct.unpack_from("<i", data, 4)
    if not 0 < n_entries < 10_000 or len(data) < 8 + 6 * n_entries:
        raise ReadingError(f"{path}: is cut in its table of contents at byte 8; copy it again")
    toc = np.frombuffer(data, dtype="<u2,<i4", count=n_entries, offset=8)
    found = Gtc(path, version, data, {int(key): int(at) for key, at in toc.tolist()})
    if version < 4 or not {BAF, LRR} <= set(found.contents):
        raise ReadingError(
            f"{path}: GTC version {version} has no B-allele frequencies and log R ratios; expected "
            "version 4 or 5. Make it anew from the IDATs with Illumina's AutoConvert or IAAP"
        )
    for entry in (GENOTYPES, BAF, LRR):
        _check_array(found, entry, size)
    return found


def _check_array(gtc: Gtc, entry: int, size: int) -> None:
    name, offset = _ITEM_NAMES[entry], gtc.contents.get(entry)
    if offset is None:
        raise ReadingError(f"{gtc.path}: has no array of {name} (entry {entry}); make it anew")
    end = offset + 4 + _ITEM_BYTES[entry] * gtc.n_snps
    if offset < 0 or end > size:
        raise ReadingError(
            f"{gtc.path}: is cut in the array of {name} (entry {entry}): it should end at byte "
            f"{end:,}, the file ends at {size:,}. Copy it again"
        )
    if offset + 4 <= len(gtc.data):
        (n_items,) = struct.unpack_from("<i", gtc.data, offset)
        if n_items != gtc.n_snps:
            raise ReadingError(
                f"{gtc.path}: the array of {name} (entry {entry}, byte {offset:,}) has {n_items:,} "
                f"items, the file says {gtc.n_snps:,} SNPs. It is damaged: make it anew"
            )


def _python_string(data: bytes, offset: int) -> tuple[int, int]:
    """Return start and end of a string whose length is prefixed in 7-bit groups."""
    length = shift = 0
    while offset < len(data):
        byte = data[offset]
        offset += 1
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return offset, offset + length


@numba.njit(cache=True)
def _string(data: np.ndarray, offset: int) -> tuple[int, int]:
    length, shift = 0, 0
    while offset < len(data):
        byte = int(data[offset])
        offset += 1
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return offset, offset + length


@numba.njit(cache=True)
def _skip(data: np.ndarray, offset: int, n: int) -> int:
    for _ in range(n):
        offset = _string(data, offset)[1]
    return offset


@numba.njit(cache=True)
def _strings(data: np.ndarray, offset: int, n: int) -> tuple[np.ndarray, int]:
    """Return start and end of n strings in a row, and the offset behind them."""
    spans = np.zeros((n, 2), dtype=np.int64)
    for i in range(n):
        spans[i] = _string(data, offset)
        offset = spans[i, 1]
    return spans, offset


@numba.njit(cache=True)
def _entries(data: np.ndarray, offset: int, n: int) -> tuple[np.ndarray, int, int]:
    """Return spans of name, chromosome and position of n locus entries (shape (n, 3, 2)).

    The third value is the number of entries that were read: fewer than n where the file ends
    before, or where an entry has an unknown version.
    """
    spans = np.zeros((n, 3, 2), dtype=np.int64)
    size = len(data)
    for i in range(n):
        if offset + 4 > size:
            return spans, offset, i
        version = int(data[offset]) | int(data[offset + 1]) << 8
        if version < 6 or version > 8:
            return spans, offset, i
        offset = _skip(data, offset + 4, 1)  # IlmnID
        spans[i, 0] = _string(data, offset)
        offset = _skip(data, spans[i, 0, 1], 3) + 4
        offset = _skip(data, offset, 3)  # two strings and the SNP
        spans[i, 1] = _string(data, offset)
        offset = _skip(data, spans[i, 1, 1], 2)
        spans[i, 2] = _string(data, offset)
        offset = _skip(data, spans[i, 2, 1], 2) + 8  # two addresses
        offset = _skip(data, offset, 7) + 4  # 3 bytes and the assay type
        if version >= 7:
            offset += 16
        if version == 8:
            offset = _skip(data, offset, 1)
        if offset > size:
            return spans, offset, i
    return spans, offset, n


@numba.njit(cache=True)
def _gather(data: np.ndarray, spans: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of the spans one behind the other, and their offsets."""
    ends = np.zeros(len(spans) + 1, dtype=np.int32)
    for i in range(len(spans)):
        ends[i + 1] = ends[i] + spans[i, 1] - spans[i, 0]
    out = np.empty(ends[-1], dtype=np.uint8)
    for i in range(len(spans)):
        out[ends[i] : ends[i + 1]] = data[spans[i, 0] : spans[i, 1]]
    return out, ends


def _texts(data: np.ndarray, spans: np.ndarray) -> pa.Array:
    out, offsets = _gather(data, spans)
    raw = pa.Array.from_buffers(
        pa.binary(), len(spans), [None, pa.py_buffer(offsets), pa.py_buffer(out)]
    )
    return raw.cast(pa.string())


def bpm_head(path: str) -> dict[str, Any]:
    """Return the name and the number of loci of a BPM manifest, from its first bytes.

    Raises
    ------
    ReadingError
        When it is no BPM manifest, or is cut before the number of loci.
    """
    with open(path, "rb") as file:
        data = file.read(1 << 20)
    if data[:3] != b"BPM":
        raise ReadingError(f"{path}: is not a BPM manifest: it starts with {data[:8]!r}")
    if len(data) < 9 or data[3] != 1:
        raise ReadingError(
            f"{path}: BPM of unknown layout (byte 3 is not 1) or cut; fetch it again"
        )
    (version,) = struct.unpack_from("<i", data, 4)
    # Bit 0x1000 marks manifests that another program wrote; the rest is the version.
    version &= ~0x1000
    start, end = _python_string(data, 8)
    name = data[start:end].decode("utf-8", "replace")
    if version > 3:
        end = _python_string(data, end)[1]
    if end + 4 > len(data):
        raise ReadingError(f"{path}: BPM is cut in its head ({len(data):,} bytes); fetch it again")
    (n_loci,) = struct.unpack_from("<i", data, end)
    return {"manifest": name, "n_loci": n_loci, "offset": end + 4, "version": version}


def read_bpm(path: str) -> tuple[pa.Table, dict[str, Any]]:
    """Read a BPM manifest.

    Returns
    -------
    tuple
        Table name, chrom, pos (texts) in the order of the arrays of a GTC, and its head. The
        entries of loci stand in another order than the arrays: they are joined by name.

    Raises
    ------
    ReadingError
        When it is no BPM manifest or is cut.
    """
    found = bpm_head(path)
    # Mapped, not read: manifests have up to 1 GB, of which names and positions are a small part.
    data = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
    n = found["n_loci"]
    if n <= 0 or found["offset"] + 6 * n > len(data):
        raise ReadingError(f"{path}: BPM is cut in its list of {n:,} loci; fetch it again")
    names, offset = _strings(data, found["offset"] + 4 * n, n)
    if offset + n > len(data):
        raise ReadingError(f"{path}: BPM is cut in the names of its {n:,} loci; fetch it again")
    spans, offset, n_read = _entries(data, offset + n, n)
    if n_read < n:
        raise ReadingError(
            f"{path}: BPM is cut or of an unknown version at locus {n_read + 1:,} of {n:,}, byte "
            f"{min(offset, len(data)):,} of {len(data):,}; fetch it again"
        )
    order = _texts(data, names)
    entries = pa.table(
        {"name": _texts(data, spans[:, 0]), "chrom": _texts(data, spans[:, 1]),
         "pos": _texts(data, spans[:, 2])}
    )  # fmt: skip
    at = pc.index_in(order, value_set=entries["name"].combine_chunks())
    return entries.take(at).set_column(0, "name", order), found
