"""Genes of a GFF3, and what variants do to them, by `bcftools csq` inside pysam."""

from __future__ import annotations

import gzip
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pysam

from linedrift.genome import ucsc_chromosome
from linedrift.readers import bcftools
from linedrift.readers.consequences import gravest
from linedrift.readers.files import (
    ReadingError,
    check_presence,
    head,
    is_gzip,
    listed,
    looks_like_binary,
    packed_end_problem,
)
from linedrift.readers.genes import check_said, chromosome_of

# Variants this near to a gene are its own: bcftools csq looks no further than splice regions.
_MARGIN = 10
# Transcripts that stand for their gene: tags of Ensembl, GENCODE and RefSeq.
_STANDARD = re.compile(r"(?:^|;)tag=[^;]*(?:MANE[_ ]Select|Ensembl_canonical)")
_NAMED = re.compile(r"(?:^|;)(\w+)=([^;]*)")
# Names that GENCODE and RefSeq have for what is Name and biotype in Ensembl's lines.
_GENE_NAME, _GENE_TYPE = ("gene_name", "gene", "Name"), ("gene_type", "gene_biotype")
# Lines that `problem` looks at, at the most (.6 s): a whole file shows all that is needed in its
# first thousand.
_MOST_LINES = 200_000
_PARTS = ("exon", "cds", "five_prime_utr", "three_prime_utr")
_HOW = (
    "Give the GFF3 of Ensembl for GRCh38 (Homo_sapiens.GRCh38.<release>.gff3.gz from its FTP "
    "site, gff3/homo_sapiens), or that of GENCODE or RefSeq; a GTF has no ID and no Parent"
)


def annotate(
    variants: pd.DataFrame, genes: str | os.PathLike[str], reference: str | os.PathLike[str]
) -> pd.DataFrame:
    """Return the variants with gene, consequence and protein_change of `bcftools csq`.

    Parameters
    ----------
    variants
        Columns chrom, start, ref and alt; other columns stay as they are.
    genes
        GFF3 as Ensembl, GENCODE or RefSeq write it; contigs may be named chr17, 17 or
        NC_000017.11.
    reference
        FASTA with its index.

    Raises
    ------
    ReadingError
        When the GFF3 has not the lines that are needed (saying what was found and how to get one
        that has), or when bcftools cannot work with the files.
    """
    check_presence(genes)
    with tempfile.TemporaryDirectory(prefix="csq") as folder:
        near, standard = Path(folder) / "near.gff3", set()
        with pysam.FastaFile(os.fspath(reference)) as fasta:
            names = {ucsc_chromosome(name): name for name in fasta.references}
        with near.open("w", encoding="utf-8") as file:
            for line, transcript in _near(genes, variants, names):
                file.write(line)
                standard.add(transcript)
        texts = [""] * len(variants)
        if near.stat().st_size:
            plain, told = Path(folder) / "plain.vcf", Path(folder) / "told.vcf"
            plain.write_text(_vcf(variants, names), encoding="ascii")
            bcftools.run(
                "csq",
                # One variant at a time: which alleles share a chromosome is not known.
                *("--local-csq", "--samples", "-"),
                *("-f", os.fspath(reference), "-g", str(near), "-Ov", "-o", str(told), str(plain)),
            )
            with pysam.VariantFile(str(told)) as file:
                for record in file:
                    texts[int(str(record.id))] = ",".join(record.info.get("BCSQ", ()))
    found = [gravest(text, standard) for text in texts]
    columns = {
        name: np.array([getattr(one, name) for one in found], dtype=object)
        for name in ("gene", "consequence", "protein_change")
    }
    return variants.assign(**columns)


def problem(path: str | os.PathLike[str]) -> str:
    """Return what keeps a file from being the GFF3 that variants are annotated with, or nothing.

    The file is read until a gene, a transcript and a coding sequence were seen on chromosomes
    that linedrift knows.
    """
    try:
        check_presence(path)
        if is_gzip(path) and (cut := packed_end_problem(path)):
            return cut
        start = head(path)
        if what := looks_like_binary(start):
            return f"{path}: is {what}; expected GFF3. {_HOW}"
        check_said(str(path), start)
        _look(path)
    except ReadingError as error:
        return str(error)
    return ""


def _look(path: str | os.PathLike[str]) -> None:
    """Raise ReadingError where the first lines of a GFF3 have not what is needed."""
    seen = {"gene": 0, "transcript": 0, "part": 0}
    known: dict[str, str | None] = {}
    example = ""
    for line in islice(_lines(path), _MOST_LINES):
        fields = line.rstrip("\n").split("\t")
        if len(fields) != 9:
            continue
        example = example or fields[8][:80]
        if fields[0] not in known:
            known[fields[0]] = chromosome_of(str(path), fields[0])
        kind = _as_ensembl(fields[2], fields[8])[0]
        if known[fields[0]] is None or not kind:
            continue
        seen[kind] += kind != "part" or fields[2] == "CDS"
        if all(seen.values()):
            return
    if known and not any(known.values()):
        raise ReadingError(
            f"{path}: its contigs are {listed(list(known), 5)}; expected chromosomes as in chr17, "
            f"17 or NC_000017.11. {_HOW}"
        )
    _check(path, seen, example)


def _vcf(variants: pd.DataFrame, names: Mapping[str | None, str]) -> str:
    """Return the variants as VCF, by the reference's names; ID is the place among the rows."""
    order = variants.sort_values(["chrom", "start"], kind="stable")
    chroms = order["chrom"].astype(str).map(dict(names))
    lines = ["##fileformat=VCFv4.2", *(f"##contig=<ID={name}>" for name in chroms.unique())]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    places = variants.index.get_indexer(order.index)
    cells = zip(chroms, order["start"] + 1, places, order["ref"], order["alt"], strict=True)
    lines += ["\t".join(map(str, (*row, ".", ".", "."))) for row in cells]
    return "\n".join(lines) + "\n"


def _near(
    genes: str | os.PathLike[str], variants: pd.DataFrame, names: Mapping[str | None, str]
) -> Iterator[tuple[str, str]]:
    """Yield the lines of the genes that variants lie in, and the name of a standard transcript.

    bcftools reads a GFF3 whole: of a genome it takes 1 GB and half a minute, of these genes
    nothing. Children follow their parents, as GFF3 of Ensembl has them.
    """
    places = {
        chrom: np.sort(of["start"].to_numpy(np.int64))
        for chrom, of in variants.groupby(variants["chrom"].astype(str))
    }
    kept: set[str] = set()
    seen = {"gene": 0, "transcript": 0, "part": 0}
    example = ""
    for line in _lines(genes):
        fields = line.rstrip("\n").split("\t")
        if len(fields) != 9:
            continue
        example = example or fields[8][:80]
        kind, of, parent, fields[8] = _as_ensembl(fields[2], fields[8])
        if not kind:
            continue
        seen[kind] += kind != "part" or fields[2] == "CDS"
        if _touches(places, fields) if kind == "gene" else parent in kept:
            kept.add(of)
            fields[0] = names.get(ucsc_chromosome(fields[0]), fields[0])
            standard = of.partition(":")[2] if _STANDARD.search(fields[8]) else ""
            yield "\t".join(fields) + "\n", standard
    _check(genes, seen, example)


def _as_ensembl(type: str, text: str) -> tuple[str, str, str, str]:
    """Return what a line is (gene, transcript, part or nothing), its ID, Parent and attributes.

    bcftools csq knows the IDs of Ensembl (gene:..., transcript:...) and its attribute biotype.
    """
    named = dict(_NAMED.findall(text))
    of, parent = named.get("ID", ""), named.get("Parent", "")
    if of.startswith("gene:") and "biotype" in named:
        return "gene", of, "", text
    if of.startswith("transcript:") and parent.startswith("gene:") and "biotype" in named:
        return "transcript", of, parent, text
    if parent.startswith("transcript:"):
        return "part", "", parent, text
    if of.startswith(("gene:", "transcript:")):
        return "", "", "", text
    biotype = next((named[key] for key in _GENE_TYPE if key in named), "")
    if of and biotype and not parent:
        of, name = f"gene:{of}", next((named[key] for key in _GENE_NAME if key in named), of)
        return "gene", of, "", f"ID={of};Name={name};biotype={biotype}"
    if parent and type.lower() in _PARTS:
        parent = f"transcript:{parent}"
        return "part", "", parent, f"Parent={parent}"
    if of and parent and (type == "transcript" or of.startswith("rna-")):
        of, parent = f"transcript:{of}", f"gene:{parent}"
        # RefSeq tells transcripts that code by their type alone.
        biotype = "protein_coding" if type == "mRNA" else named.get("transcript_type", type)
        tag = f";tag={named['tag']}" if "tag" in named else ""
        return "transcript", of, parent, f"ID={of};Parent={parent};biotype={biotype}{tag}"
    return "", "", "", text


def _touches(places: Mapping[str, np.ndarray], fields: list[str]) -> bool:
    starts = places.get(ucsc_chromosome(fields[0]) or "")
    if starts is None:
        return False
    if not (fields[3].isdigit() and fields[4].isdigit()):
        return False
    first, last = int(fields[3]) - 1 - _MARGIN, int(fields[4]) + _MARGIN
    left, right = np.searchsorted(starts, [first, last])
    return bool(right > left)


def _check(genes: str | os.PathLike[str], seen: Mapping[str, int], example: str) -> None:
    expected = {
        "gene": "genes (ID=gene:...;biotype=...)",
        "transcript": "transcripts (ID=transcript:...;Parent=gene:...;biotype=...)",
        "part": "coding sequence (CDS with Parent=transcript:...)",
    }
    missing = [words for kind, words in expected.items() if not seen[kind]]
    if missing:
        found = f"attributes such as {example!r}" if example else "no line of nine columns"
        raise ReadingError(
            f"{genes}: found {found}; expected lines of {' and of '.join(missing)}. {_HOW}"
        )


def _lines(path: str | os.PathLike[str]) -> Iterator[str]:
    """Yield the lines of a text that may be packed; those after ##FASTA are sequence."""
    try:
        opened = (
            gzip.open(path, "rt", encoding="utf-8")
            if is_gzip(path)
            else open(path, encoding="utf-8")
        )
        with opened as file:
            for line in file:
                if line.startswith("##FASTA"):
                    return
                if not line.startswith("#"):
                    yield line
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ReadingError(f"{path}: cannot be read as GFF3: {error}. {_HOW}") from error
