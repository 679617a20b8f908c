"""Text of VCF as a file: packed with bgzip, indexed with tabix."""

from __future__ import annotations

import os
from pathlib import Path

import pysam

from linedrift.tables import write_beside


def write(text: str, path: str | os.PathLike[str]) -> None:
    """Write a VCF and its index `path`.tbi; both are whole or absent."""

    def pack(beside: Path) -> None:
        """Write the text packed by bgzip."""
        plain = beside.with_suffix(".plain")
        try:
            plain.write_text(text, encoding="utf-8")
            pysam.tabix_compress(str(plain), str(beside), force=True)
        finally:
            plain.unlink(missing_ok=True)

    def index(beside: Path) -> None:
        """Write the index of what was packed."""
        pysam.tabix_index(str(path), preset="vcf", index=str(beside), force=True)

    write_beside(path, pack)
    write_beside(f"{os.fspath(path)}.tbi", index)
