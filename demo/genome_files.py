"""The files of a reduced genome: FASTA, capture BED and GFF3."""

from __future__ import annotations

from pathlib import Path

import library_path  # noqa: F401
import numpy as np
import pysam
from flat_sequence import LETTERS
from linedrift import genome
from reduced_genome import Genome


def write_sequence(path: Path, of: Genome, line: int = 100) -> None:
    """Write the FASTA, bgzipped, with .fai and .gzi beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    block = line * 100_000
    with pysam.BGZFile(str(path), "wb1") as file:
        for chrom in of.chromosomes:
            file.write(f">{chrom}\n".encode())
            length = genome.GRCH38.lengths[chrom]
            for start in range(0, length, block):
                file.write(_wrapped(_stretch(of, chrom, start, min(start + block, length)), line))
    pysam.faidx(str(path))


def _stretch(of: Genome, chrom: str, start: int, end: int) -> np.ndarray:
    """Return the letters (uint8) of a stretch, N outside islands."""
    text = np.full(end - start, ord("N"), np.uint8)
    islands = of.islands
    inside = (islands["chrom"] == chrom) & (islands["start"] < end) & (islands["end"] > start)
    for i in np.flatnonzero(inside):
        first, last = islands["start"].iloc[i], islands["end"].iloc[i]
        a, b = max(first, start), min(last, end)
        flat = of.offsets[i] + a - first
        text[a - start : b - start] = LETTERS[of.codes[flat : flat + b - a]]
    return text


def _wrapped(text: np.ndarray, line: int) -> bytes:
    whole = len(text) // line * line
    lines = np.full((whole // line, line + 1), ord("\n"), np.uint8)
    lines[:, :-1] = text[:whole].reshape(-1, line)
    rest = text[whole:].tobytes()
    return lines.tobytes() + (rest + b"\n" if rest else b"")


def write_targets(path: Path, of: Genome) -> None:
    """Write the capture BED (chrom, start, end, gene)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    of.targets[["chrom", "start", "end", "gene"]].to_csv(path, sep="\t", index=False, header=False)


def write_genes(path: Path, of: Genome) -> None:
    """Write the genes as GFF3 in Ensembl's style, one transcript a gene; all exons are coding."""
    rows = ["##gff-version 3"]
    for number, (gene, own) in enumerate(of.exons.groupby("gene", sort=False), 1):
        sign = "+" if own["strand"].iloc[0] == 1 else "-"
        gene_id, transcript = f"DEMOG{number:05d}", f"DEMOT{number:05d}"
        span = own["chrom"].iloc[0], "demo", own["start"].iloc[0] + 1, own["end"].iloc[-1]
        rows.append(
            _gff(*span, "gene", sign, ".", f"ID=gene:{gene_id};Name={gene};biotype=protein_coding")
        )
        about = f"ID=transcript:{transcript};Parent=gene:{gene_id};Name={gene}-1"
        rows.append(_gff(*span, "mRNA", sign, ".", f"{about};biotype=protein_coding"))
        lengths = (own["end"] - own["start"]).to_numpy()
        done = (
            np.cumsum(lengths) - lengths if sign == "+" else lengths[::-1].cumsum()[::-1] - lengths
        )
        for row, before in zip(own.itertuples(), done, strict=True):
            place = row.chrom, "demo", row.start + 1, row.end
            rows.append(_gff(*place, "exon", sign, ".", f"Parent=transcript:{transcript}"))
            phase = str(-before % 3)
            coding = f"ID=CDS:{transcript};Parent=transcript:{transcript}"
            rows.append(_gff(*place, "CDS", sign, phase, coding))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n")


def _gff(
    chrom: str, source: str, start: int, end: int, kind: str, sign: str, phase: str, about: str
) -> str:
    return f"{chrom}\t{source}\t{kind}\t{start}\t{end}\t.\t{sign}\t{phase}\t{about}"
