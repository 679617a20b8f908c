"""Opening files of users: kinds of file, compression, cut ends, and errors in words."""

from __future__ import annotations

import difflib
import os
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

GZIP = b"\x1f\x8b"
# The empty block that ends every whole BGZF file: SAM specification v1, section 4.1.2.
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")

# Korean Windows writes code page 949, Western Windows 1252; every byte is something in Latin-1.
ENCODINGS = ("utf-8-sig", "cp949", "latin-1")

# First bytes of files that people put into the sheet by mistake.
_MAGIC = (
    (b"gtc", "an Illumina GTC file"),
    (b"BPM", "an Illumina BPM manifest"),
    (b"IDAT", "an Illumina IDAT file (convert it to GTC, or export a FinalReport)"),
    (b"PK\x03\x04", "a zip archive (unpack it) or an Excel workbook (export it as text)"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (export it as text)"),
    (b"BZh", "a bzip2 archive (unpack it)"),
    (b"\xfd7zXZ", "an xz archive (unpack it)"),
    (b"CRAM", "a CRAM file"),
    (b"BAM\x01", "a BAM file"),
    (b"BCF\x02", "a BCF file (write it as VCF: bcftools view -Oz)"),
    (b"%PDF", "a PDF document"),
    (b"\x3b\x01", "an Affymetrix binary file (convert it with bcftools +affy2vcf)"),
    (b"version https://git-lfs", "a Git LFS pointer (fetch the file itself: git lfs pull)"),
    (b"\xff\xfe", "text in UTF-16 (save it as UTF-8)"),
    (b"##fileformat=VCF", "a VCF"),
)


class ReadingError(ValueError):
    """A file that cannot be read as what the sheet says; the message says where and why."""


def check_presence(path: str | os.PathLike[str]) -> None:
    """Raise ReadingError where there is no file, a directory, an empty file or no permission."""
    target = Path(path)
    if not str(path):
        raise ReadingError("no path is given; expected the path of a file")
    if target.is_dir():
        raise ReadingError(f"{path}: is a directory; expected a file. Name the file inside it")
    if not target.exists():
        hint = nearest(target.name, _siblings(target))
        raise ReadingError(f"{path}: there is no such file{hint}")
    if not os.access(target, os.R_OK):
        raise ReadingError(f"{path}: may not be read; give this account the right to read it")
    if target.stat().st_size == 0:
        raise ReadingError(f"{path}: is empty (0 bytes); copy or export it again")


def _siblings(target: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(target.parent)][:10_000]
    except OSError:
        return []


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ``; the nearest name is ...`` where one of `names` is like `name`, else nothing."""
    lower = {one.lower(): one for one in names}
    found = difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=0.6)
    return f"; the nearest name is {lower[found[0]]!r}" if found else ""


def listed(names: Sequence[str], most: int = 10) -> str:
    """Return the first names, quoted, and how many there are beyond `most`."""
    text = ", ".join(repr(name) for name in names[:most])
    return text + (f" and {len(names) - most} more" if len(names) > most else "")


def decode(raw: bytes) -> str:
    """Return text of a user's file: UTF-8, else code page 949, else Latin-1."""
    for encoding in ENCODINGS:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise AssertionError("Latin-1 decodes every byte")


def named(name: str, names: Iterable[str]) -> str | None:
    """Return which of `names` is meant: `name` itself, else one with blanks around it, else None.

    Cells of the sheets lose such blanks; files keep them.
    """
    here = list(names)
    return name if name in here else next((one for one in here if one.strip() == name), None)


def spellings(text: str) -> list[bytes]:
    """Return the byte strings that `decode` turns into `text`, each once."""
    found = []
    for encoding in ("utf-8", *ENCODINGS[1:]):
        try:
            found.append(text.encode(encoding))
        except UnicodeEncodeError:
            continue
    return list(dict.fromkeys(found))


def is_gzip(path: str | os.PathLike[str]) -> bool:
    """Return whether the file is gzip or BGZF, by its first bytes and not by its name."""
    with open(path, "rb") as file:
        return file.read(2) == GZIP


def open_bytes(path: str | os.PathLike[str]) -> pa.NativeFile:
    """Return a stream of the unpacked bytes."""
    return pa.input_stream(str(path), compression="gzip" if is_gzip(path) else None)


def head(path: str | os.PathLike[str], n_bytes: int = 1 << 20) -> bytes:
    """Return the first unpacked bytes; what can be unpacked of a cut file."""
    if is_gzip(path):
        with open(path, "rb") as file:
            raw = file.read(n_bytes)
        return _unpacked(raw, n_bytes)
    with open(path, "rb") as file:
        return file.read(n_bytes)


def _unpacked(raw: bytes, n_bytes: int) -> bytes:
    parts, size = [], 0
    while raw[:2] == GZIP and size < n_bytes:
        member = zlib.decompressobj(wbits=31)
        try:
            part = member.decompress(raw, n_bytes - size)
        except zlib.error:
            break
        parts.append(part)
        size += len(part)
        if not member.eof:
            break
        raw = member.unused_data
    return b"".join(parts)


def looks_like_binary(start: bytes) -> str:
    """Return what a file is by its first bytes (unpacked), or an empty string for text."""
    for magic, what in _MAGIC:
        if start.startswith(magic):
            return what
    if start.lstrip()[:200].lower().startswith((b"<!doctype html", b"<html")):
        return "a web page (HTML), perhaps a login or error page in place of a download"
    return "a binary file of unknown kind" if b"\x00" in start[:1000] else ""


def packed_end_problem(path: str | os.PathLike[str], most_bytes: int = 16 << 20) -> str:
    """Return what is wrong with the end of a gzip or BGZF file, or an empty string.

    BGZF is judged by its last block. A plain gzip file tells nothing at its end, so it is
    unpacked, but only up to `most_bytes` packed bytes (about .2 s); above that the reading
    itself finds a cut.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start = file.read(18)
        if start[3] & 4 and start[12:14] == b"BC":
            file.seek(max(0, size - len(BGZF_END)))
            whole = file.read() == BGZF_END
            return "" if whole else _cut_text(path, size, "the end block of BGZF is missing")
    if size > most_bytes:
        return ""
    try:
        with open_bytes(path) as stream:
            while stream.read(1 << 20):
                pass
    except OSError as error:
        return _cut_text(path, size, str(error))
    return ""


def _cut_text(path: str | os.PathLike[str], size: int, why: str) -> str:
    return (
        f"{path}: is truncated or damaged: the compressed file ends at byte {size:,} ({why}); "
        "copy or export it again"
    )


def last_line(path: str | os.PathLike[str], n_bytes: int = 1 << 16) -> bytes | None:
    """Return the last line of a plain file with its line end, or None for a packed file."""
    if is_gzip(path):
        return None
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        file.seek(max(0, size - n_bytes))
        lines = file.read().splitlines(keepends=True)
    return lines[-1] if lines else b""
