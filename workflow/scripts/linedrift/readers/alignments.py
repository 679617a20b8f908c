"""Alignments (BAM, CRAM): their heads checked, their index made, what they say of themselves."""

from __future__ import annotations

import functools
import hashlib
import os
import threading
from collections.abc import Hashable, Mapping, Sequence
from itertools import islice, pairwise
from typing import Any

import pandas as pd
import pysam

from linedrift import genome
from linedrift.genome import GRCH38
from linedrift.readers.files import (
    BGZF_END,
    ReadingError,
    check_presence,
    is_gzip,
    listed,
    looks_like_binary,
)
from linedrift.readers.files import head as first_bytes
from linedrift.readers.reference import opened
from linedrift.tables import write_beside

FORMATS = ("bam", "cram")
# Last bytes of a whole CRAM: its closing container, by version (CRAM specification 3, section 9).
_CRAM_ENDS = {
    2: bytes.fromhex("0b000000ffffffff0fe0454f4600000000010005bdd94f0001000606010001000100"),
    3: bytes.fromhex("0f000000ffffffff0fe0454f46000000000100")
    + bytes.fromhex("05bdd94f0001000606010001000100ee63014b"),
}
# Reads at the beginning that must be in order where the header does not say.
_LOOK_AT = 10_000
# Bytes at three places of a file that tell it from others of its size.
_PIECE = 1 << 20
# Share of reads without qualities that is left out and told; a file with more is refused.
_MOST_WITHOUT = 0.01
_SORT = "Sort it: samtools sort"
# Bases of the reference that a check compares with the checksums of a CRAM (about .6 s).
_MOST_BASES = 120_000_000
# SNPs of each chromosome that tell the build of a FASTA, how many are needed, and their share that
# fits the right build; of a wrong one half fits.
_SNPS, _LEAST_SNPS, _MOST_FIT = 100, 30, 0.75
# Files are looked at in parallel; a reference that they share is read by one of them.
_ONE_AT_A_TIME = threading.Lock()


def located(path: str, index: str) -> str:
    """Return the name by which htslib opens an alignment whose index may stand elsewhere."""
    return f"{path}##idx##{index}"


def make_index(path: str, target: str) -> None:
    """Make the index of a sorted BAM or CRAM at `target`, beside nothing of the user's.

    Raises
    ------
    ReadingError
        When the file is not sorted, cut or damaged.
    """
    try:
        write_beside(target, lambda beside: pysam.samtools.index("-o", str(beside), path))
    except pysam.SamtoolsError as error:
        words = str(error).strip().splitlines()
        why = words[0] if words else "no reason given"
        raise ReadingError(
            f"{path}: cannot be indexed ({why}). Sort it by position (samtools sort), or copy it "
            "again if it was cut"
        ) from error


def problems(row: Mapping[str, str], reference: str) -> list[str]:
    """Return what is wrong with the alignment of one measurement, in words, or an empty list.

    Parameters
    ----------
    row
        Row of samples.tsv: path, format (bam or cram), name_in_file.
    reference
        FASTA with its index; without it nothing is compared with a reference.
    """
    path = str(row["path"])
    try:
        check_presence(path)
        _check_kind(path, row["format"])
        _check_end(path, row["format"])
    except ReadingError as error:
        return [str(error)]
    found = []
    try:
        with _opened(path, reference) as file:
            compared = (_check_contigs, _check_sequence) if reference else ()
            for check in (_check_order, _check_samples, *compared):
                try:
                    check(path, file, reference, row.get("name_in_file", ""))
                except ReadingError as error:
                    found.append(str(error))
            if not found:
                _check_reads(path, file)
    except (OSError, ValueError) as error:
        words = str(error) if isinstance(error, ReadingError) else _damaged(path, error)
        found.append(words)
    return found


def repeated(rows: pd.DataFrame) -> list[str]:
    """Return which rows name an alignment that another row names too, in words.

    The same file also by a link, or a copy of it. Rows that ask for two names inside one file are
    not told: `problems` says whether it holds them.

    Parameters
    ----------
    rows
        Of samples.tsv: sample, assay, format, path, name_in_file.
    """
    found = []
    first: dict[tuple[int, bytes], dict[Hashable, Any]] = {}
    there = rows[rows["format"].isin(FORMATS) & rows["path"].map(os.path.isfile)]
    sizes = there["path"].map(os.path.getsize)
    for row in there[sizes.duplicated(keep=False)].to_dict("records"):
        other = first.setdefault((os.path.getsize(row["path"]), _fingerprint(row["path"])), row)
        names = {other["name_in_file"], row["name_in_file"]}
        if other is row or ("" not in names and len(names) > 1):
            continue
        same = os.path.samefile(row["path"], other["path"])
        what = "is the file" if same else f"holds the same as {other['path']}, the file"
        found.append(
            f"{row['sample']} ({row['assay']}): {row['path']}: {what} of {other['sample']} "
            f"({other['assay']}); expected a file of its own for each. Correct the path of one of "
            "the two rows"
        )
    return found


def _fingerprint(path: str) -> bytes:
    """Return a checksum of the beginning, the middle and the end of a file (a MB each)."""
    digest, size = hashlib.sha256(), os.path.getsize(path)
    with open(path, "rb") as file:
        for start in (0, size // 2, max(0, size - _PIECE)):
            file.seek(start)
            digest.update(file.read(_PIECE))
    return digest.digest()


def _damaged(path: str, error: Exception) -> str:
    return f"{path}: cannot be read as an alignment ({error}); copy or make it again"


def _opened(path: str, reference: str) -> pysam.AlignmentFile:
    return pysam.AlignmentFile(path, reference_filename=reference or None)


def _check_kind(path: str, format: str) -> None:
    """Raise ReadingError where the file is not of the format that the sheet says."""
    start = first_bytes(path, 1000)
    kinds = {b"BAM\x01": "bam", b"CRAM": "cram"}
    kind = next((name for magic, name in kinds.items() if start.startswith(magic)), "")
    if kind == format:
        return
    if kind:
        raise ReadingError(
            f"{path}: is a {kind.upper()} file, the sheet says {format}. Write {kind} into the "
            "column format"
        )
    if start.startswith((b"@HD\t", b"@SQ\t")):
        raise ReadingError(f"{path}: is SAM text; turn it into BAM: samtools sort -o out.bam")
    what = looks_like_binary(start) or "text"
    raise ReadingError(f"{path}: is {what}; expected a {format.upper()} file")


def _check_end(path: str, format: str) -> None:
    """Raise ReadingError where the block that ends every whole file is missing."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        version = file.read(5)[4]
        end = BGZF_END if format == "bam" else _CRAM_ENDS.get(version, b"")
        file.seek(max(0, size - len(end)))
        if file.read() == end or (format == "bam" and not is_gzip(path)):
            return
    raise ReadingError(
        f"{path}: is truncated: it ends at byte {size:,} without the block that ends every whole "
        f"{format.upper()} file. Copy or make it again"
    )


def _check_order(path: str, file: pysam.AlignmentFile, reference: str, name: str) -> None:
    """Raise ReadingError where the header says that the reads are not in genome order."""
    said = file.header.to_dict().get("HD", {}).get("SO", "unknown")
    if said in ("queryname", "unsorted"):
        raise ReadingError(f"{path}: is sorted by {said!r}; expected coordinate. {_SORT}")


def _check_contigs(path: str, file: pysam.AlignmentFile, reference: str, name: str) -> None:
    """Raise ReadingError where chromosomes differ from those of the reference."""
    if not file.nreferences:
        raise ReadingError(
            f"{path}: names no contig: its reads are not aligned. Give FASTQ, or align it"
        )
    theirs = dict(zip(file.references, file.lengths, strict=True))
    if text := contig_problem(path, theirs, reference):
        raise ReadingError(text)


def contig_problem(path: str, theirs: Mapping[str, int], reference: str) -> str:
    """Return how the chromosomes of a file differ from those of a FASTA, or an empty string.

    A chromosome that only one of the two has is no difference while others are the same: a FASTA
    may hold what the targets need.
    """
    ours = lengths_of(reference)
    build = build_of(theirs)
    if build and build != GRCH38.name:
        return (
            f"{path}: its chromosomes have the lengths of {build}; expected {GRCH38.name}. Reads "
            f"are not lifted: align them to {reference}, or give them as FASTQ"
        )
    both = [name for name in theirs if genome.ucsc_chromosome(name) and name in ours]
    wrong = [name for name in both if ours[name] != theirs[name]]
    if both and not wrong:
        return ""
    if wrong:
        name = wrong[0]
        said = f"{name} has {theirs[name]:,} bases in the file, {ours[name]:,} in the reference"
    else:
        said = (
            f"they share no chromosome: the file begins with {listed(list(theirs)[:3])}, the "
            f"reference with {listed(list(ours)[:3])}"
        )
    return (
        f"{path}: was aligned to another FASTA than {reference}: {said}. Name the one that it was "
        "aligned to under resources: reference: in the settings"
    )


def build_of(lengths: Mapping[str, int]) -> str:
    """Return the build whose chromosome lengths these are (most of them), or an empty string."""
    named = {genome.ucsc_chromosome(name): length for name, length in lengths.items()}
    fits = {
        build.name: sum(build.lengths.get(str(name)) == length for name, length in named.items())
        for build in genome.BUILDS.values()
    }
    best = max(fits, key=lambda name: fits[name])
    return best if fits[best] else ""


def reference_problem(reference: str, snps: pd.DataFrame) -> str:
    """Return what is wrong with a FASTA that should be GRCh38, or an empty string.

    Parameters
    ----------
    reference
        FASTA with its index.
    snps
        Known SNPs: chrom, start (0-based, GRCh38), ref, alt. Where the sequence is known, it
        has one of the two alleles; in another build it has it in half of the places.
    """
    try:
        lengths = lengths_of(reference)
    except ReadingError as error:
        return str(error)
    if (build := build_of(lengths)) and build != GRCH38.name:
        return f"{reference}: its chromosomes have the lengths of {build}; expected {GRCH38.name}"
    names = names_in(reference, list(genome.CHROMOSOMES))
    if not names:
        return (
            f"{reference}: has no chromosome that linedrift knows; found "
            f"{listed(list(lengths)[:5])}, expected chr1 to chr22, chrX, chrY (with or without chr)"
        )
    fits, known = 0, 0
    with opened(reference) as fasta:
        for chrom, rows in snps.groupby("chrom", observed=True):
            name = names.get(str(chrom), "")
            rows = rows[rows["start"] < lengths.get(name, 0)].head(_SNPS)
            for start, ref, alt in rows[["start", "ref", "alt"]].itertuples(index=False):
                letter = fasta.fetch(name, start, start + 1).upper()
                known += letter != "N"
                fits += letter in (ref, alt)
    if known < _LEAST_SNPS or fits >= _MOST_FIT * known:
        return ""
    return (
        f"{reference}: {fits:,} of {known:,} known SNPs have one of their alleles in it by their "
        f"positions in {GRCH38.name}; expected nearly all. Give the FASTA of {GRCH38.name}"
    )


@functools.lru_cache(maxsize=4)
def lengths_of(reference: str) -> dict[str, int]:
    """Return the contigs of a FASTA and their lengths."""
    with opened(reference) as fasta:
        return dict(zip(fasta.references, fasta.lengths, strict=True))


def _check_samples(path: str, file: pysam.AlignmentFile, reference: str, name: str) -> None:
    """Raise ReadingError where reads of two samples are in one file, or none is the one named."""
    samples = samples_of(file)
    if len(samples) > 1:
        raise ReadingError(
            f"{path}: holds reads of {len(samples)} samples: {listed(samples)}; expected one. "
            "Split it by read group (samtools split), a file for each sample"
        )
    # A file without read groups holds one sample, whatever the sheet calls it.
    if name and samples and name not in samples:
        raise ReadingError(
            f"{path}: its read groups name {listed(samples)}; name_in_file asks for {name!r}. "
            "Correct the one or the other"
        )


def samples_of(file: pysam.AlignmentFile) -> list[str]:
    """Return the samples (SM) that the read groups of a file name, each once."""
    groups = file.header.to_dict().get("RG", [])
    return list(dict.fromkeys(group["SM"] for group in groups if group.get("SM")))


def _check_sequence(path: str, file: pysam.AlignmentFile, reference: str, name: str) -> None:
    """Raise ReadingError where a CRAM was made with other sequence than the reference's.

    The shortest chromosomes are compared, up to _MOST_BASES; the others when they are read.
    """
    if not file.is_cram:
        return
    stated = {
        str(entry["SN"]): (int(entry["LN"]), str(entry["M5"]))
        for entry in file.header.to_dict().get("SQ", [])
        if entry.get("M5") and genome.ucsc_chromosome(entry["SN"])
    }
    ours, total = lengths_of(reference), 0
    for contig, (length, m5) in sorted(stated.items(), key=lambda item: item[1]):
        total += length
        if total > _MOST_BASES and total > length:
            return
        if ours.get(contig) == length and (found := _checksum(reference, contig)) != m5.lower():
            raise ReadingError(
                f"{path}: was made with another FASTA than {reference}: the checksum (M5) of "
                f"{contig} is {m5} in the file and {found} in the reference. Name the FASTA that "
                "the CRAM was made with under resources: reference: in the settings"
            )


def _checksum(reference: str, contig: str) -> str:
    with _ONE_AT_A_TIME:
        return _checksum_of(reference, contig)


@functools.lru_cache(maxsize=100)
def _checksum_of(reference: str, contig: str) -> str:
    """Return the MD5 of a contig in upper case, as CRAM states it."""
    digest = hashlib.md5(usedforsecurity=False)
    with opened(reference) as fasta:
        length = fasta.get_reference_length(contig)
        for start in range(0, length, 1 << 24):
            digest.update(
                fasta.fetch(contig, start, min(start + (1 << 24), length)).upper().encode()
            )
    return digest.hexdigest()


def _check_reads(path: str, file: pysam.AlignmentFile) -> None:
    """Raise ReadingError where the first reads are none, not in order, or without qualities."""
    first = list(islice(file.fetch(until_eof=True), _LOOK_AT))
    # Reads without a place come last.
    places = [(read.reference_id % (1 << 31), read.reference_start) for read in first]
    if not places:
        raise ReadingError(f"{path}: has a header but no read; make it again")
    if any(later < earlier for earlier, later in pairwise(places)):
        raise ReadingError(f"{path}: its reads are not in genome order. {_SORT}")
    if places[0][1] < 0:
        raise ReadingError(f"{path}: has no aligned read; align it, or give FASTQ")
    # Secondary alignments leave their sequence away, and do not count.
    primary = [read for read in first if not read.is_secondary]
    check_qualities(path, sum(read.query_qualities is None for read in primary), len(primary))


def check_qualities(path: str, without: int, of: int) -> None:
    """Raise ReadingError where many of the reads have no qualities, so that no allele can be told.

    The few of other files count for depth alone (`reads.tally`). The joint count (`pileup`) has
    no such choice: bcftools takes a base without quality for one of the best.
    """
    if without > _MOST_WITHOUT * of:
        raise ReadingError(
            f"{path}: {without:,} of {of:,} reads have no base qualities (* in the column QUAL); "
            "expected one of each base, as misread bases cannot be told from alleles without them. "
            "Give the file as the aligner wrote it, or the FASTQ"
        )


def names_in(reference: str, chroms: Sequence[str]) -> dict[str, str]:
    """Return the name that each chromosome (UCSC style) has in a FASTA, where it has one."""
    own = {genome.ucsc_chromosome(name): name for name in reversed(lengths_of(reference))}
    return {chrom: own[chrom] for chrom in chroms if chrom in own}
