"""The reference sequence: its GC content in bins."""

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


def gc_content(path: str | os.PathLike[str], bin_bp: int = BIN) -> pd.DataFrame:
    """Return GC_CONTENT of the primary chromosomes of a FASTA file.

    One chromosome is in memory at a time (250 MB at the most). Bins that are more than half N
    have no GC content.

    Raises
    ------
    ReadingError
        When the file or its index cannot be read, when it has none of the chromosomes, or when
        a chromosome is longer than that of GRCh38.
    """
    try:
        fasta = pysam.FastaFile(os.fspath(path))
    except (OSError, ValueError) as error:
        raise ReadingError(
            f"{path}: cannot be read as FASTA with an index: {error}. "
            "Make the index with: samtools faidx"
        ) from error
    parts = []
    with fasta:
        for name, length in zip(fasta.references, fasta.lengths, strict=True):
            chrom = ucsc_chromosome(name)
            if chrom is None:
                continue
            if length > GRCH38.lengths[chrom]:
                raise ReadingError(
                    f"{path}: {name} has {length:,} bases, more than the "
                    f"{GRCH38.lengths[chrom]:,} of GRCh38; give a GRCh38 reference"
                )
            parts.append(_bins(chrom, fasta.fetch(name), bin_bp))
    if not parts:
        raise ReadingError(f"{path}: no chromosome among {', '.join(fasta.references[:5])}")
    frame = pd.concat(parts).astype({"chrom": CHROM_DTYPE})
    return tables.check(tables.in_genome_order(frame), tables.GC_CONTENT)


def _bins(chrom: str, sequence: str, bin_bp: int) -> pd.DataFrame:
    letters = np.frombuffer(sequence.encode(), dtype=np.uint8) & 0xDF  # upper case
    start = np.arange(0, len(letters), bin_bp)
    gc = np.add.reduceat(np.isin(letters, np.frombuffer(b"GC", np.uint8)), start, dtype=np.int64)
    known = np.add.reduceat(
        np.isin(letters, np.frombuffer(b"ACGT", np.uint8)), start, dtype=np.int64
    )
    end = np.minimum(start + bin_bp, len(letters))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(known * 2 >= end - start, gc / known, np.nan)
    return pd.DataFrame({"chrom": chrom, "start": start, "end": end, "gc": share})
