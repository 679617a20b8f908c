"""A small alignment of RNA: reads of genes, of known variants, and of the Sendai virus."""

from __future__ import annotations

from pathlib import Path

import library_path  # noqa: F401
import numpy as np
import pandas as pd
import pysam
from linedrift.genome import GRCH38

READ = 75
# Reads in genes, of each variant, and of the virus: 240 in a million.
N_READS, N_VARIANT, N_VIRUS = 24_000, 60, 6
CONTIGS = (
    *((name, length) for name, length in GRCH38.lengths.items()), ("chrM", 16_569),
    ("chrEBV", 171_823), ("SeV", 15_384),
)  # fmt: skip


def write(rng: np.random.Generator, path: Path, of: pd.DataFrame, variants: pd.DataFrame) -> None:
    """Write the alignment, sorted, with its index.

    Parameters
    ----------
    of
        Genes: chrom, start, end, strand.
    variants
        chrom, start, ref, alt (single bases), share of reads with alt. Bases elsewhere are random:
        no job compares them with the reference.
    """
    number = {name: k for k, (name, _) in enumerate(CONTIGS)}
    known = variants[variants["chrom"].isin(number) & (variants["ref"].str.len() == 1)]
    known = known[known["alt"].str.len() == 1].sort_values("start")
    by_chrom = {str(chrom): rows for chrom, rows in known.groupby("chrom")}
    gene = of.iloc[rng.integers(0, len(of), N_READS)]
    start = gene["start"].to_numpy() + rng.integers(0, 20_000, N_READS)
    rows = [
        (number[str(chrom)], int(at), _bases(by_chrom.get(str(chrom)), int(at)))
        for chrom, at in zip(gene["chrom"], start, strict=True)
    ]
    for row in known.itertuples():
        for k in range(N_VARIANT):
            at = int(row.start) - int(rng.integers(10, READ - 10))
            found = _bases(by_chrom[str(row.chrom)], at)
            if (k * row.share) % 1 + row.share >= 1:
                found[int(row.start) - at] = str(row.alt)
            rows.append((number[str(row.chrom)], at, found))
    rows += [(number["SeV"], int(at), {}) for at in rng.integers(0, 15_000, N_VIRUS)]
    _write(rng, path, sorted(rows, key=lambda row: row[:2]))


def _bases(variants: pd.DataFrame | None, start: int) -> dict[int, str]:
    """Return the bases of the reference that are known in a read, by their place in it."""
    if variants is None:
        return {}
    there = variants["start"].to_numpy()
    first, last = np.searchsorted(there, [start, start + READ])
    refs = variants["ref"].to_numpy()[first:last] if last > first else ()
    return dict(zip((there[first:last] - start).tolist(), refs, strict=True))


def _write(rng: np.random.Generator, path: Path, rows: list[tuple[int, int, str, int]]) -> None:
    """Write reads: number of the contig, first base, a base and where in the read it stands."""
    header = pysam.AlignmentHeader.from_dict(
        {
            "HD": {"VN": "1.6", "SO": "coordinate"},
            "SQ": [{"SN": name, "LN": length} for name, length in CONTIGS],
            "RG": [{"ID": "one", "SM": path.stem}],
        }
    )
    bases = np.array(list("ACGT"))[rng.integers(0, 4, (len(rows), READ))]
    path.parent.mkdir(parents=True, exist_ok=True)
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for k, (contig, start, given) in enumerate(rows):
            for place, base in given.items():
                bases[k, place] = base
            read = pysam.AlignedSegment(header)
            read.query_name = f"r{k}"
            read.query_sequence = "".join(bases[k])
            read.query_qualities = pysam.qualitystring_to_array("F" * READ)
            read.flag, read.mapping_quality = 16 * int(rng.integers(2)), 255
            read.reference_id, read.reference_start = contig, start
            read.cigartuples = [(0, READ)]
            file.write(read)
    pysam.index(str(path))
