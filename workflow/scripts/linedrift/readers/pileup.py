"""Reads of each allele in donor and passages, in one pass over their alignments.

`bcftools mpileup` inside pysam goes over all alignments of a line at once, so that every sample
has its counts at every candidate. Reads count that are mapped with the quality asked for, in a
proper pair (or single), and neither duplicate, secondary nor failed; bases count from the quality
asked for, after base alignment quality beside indels (doi:10.1093/bioinformatics/btr076), and
mates that overlap count once. One call a process: bcftools inside pysam keeps global state.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.csv as pc
import pysam

from linedrift import intervals, sequence, tables
from linedrift.genome import CHROM_DTYPE, CHROMOSOMES, ucsc_chromosome
from linedrift.readers import bcf_records, bcftools
from linedrift.readers import candidates as of_reads
from linedrift.readers.bcf_records import Positions
from linedrift.readers.candidates import BIASES, SITE, Candidates
from linedrift.readers.files import ReadingError, listed
from linedrift.readers.reference import opened

# Positions that are counted at a time (200 MB on disk for ten samples), and bytes of text that
# are parsed at a time (30,000 positions of ten samples).
_BLOCK_BP = 250_000
_BLOCK = 8 << 20
# Bases of the reference beside each stretch, for contexts and repeats.
_FLANK = 100
# Stretches of the reference that are this close are fetched as one.
_GAP = 1000
# Targets of a BAM that are this close are read in one go: what lies between them has few reads.
# A CRAM is read through whole chromosomes: it decodes 10,000 reads wherever it is entered, and
# 500 targets took 27 s where all reads of the file take 4.
_NEAR_BP = {"bam": 10_000, "cram": 1 << 30}
# What mpileup would tell as well: a twelfth of its time.
_LEFT_OUT = ("-FORMAT/AD", "-INFO/VDB", "-INFO/SGB", "-INFO/SCBZ", "-INFO/MQ0F")
# Of reads with either of two adjacent SNVs, this share has both where they are one MNV.
_PHASED = 0.8


class Alignment(NamedTuple):
    """An indexed BAM or CRAM, and what its sample is: own, baseline or panel."""

    sample: str
    path: str
    role: str


class Pileup(NamedTuple):
    """VARIANT_COUNTS of the candidates, ERROR_COUNTS of all positions, and how many there were."""

    counts: pd.DataFrame
    errors: pd.DataFrame
    positions: int


def count(
    alignments: Sequence[Alignment],
    reference: str | os.PathLike[str],
    regions: pd.DataFrame,
    asked: pd.DataFrame,
    settings: Mapping[str, Any],
) -> Pileup:
    """Count the reads of candidate alleles in all samples of a line.

    Parameters
    ----------
    alignments
        Of own samples, baselines and panel; only reads of the first two make a candidate.
    reference
        FASTA with its index: the one that the reads were aligned to.
    regions
        Where to count (chrom, start, end), without overlaps.
    asked
        Alleles that are counted in any case (chrom, start, ref, alt): hotspots. Only those
        within the regions are; the others are left to another part.
    settings
        min_base_quality, min_mapping_quality, max_depth, candidate_reads, candidate_total,
        candidate_fraction, homozygous_fraction.

    Returns
    -------
    Pileup

    Raises
    ------
    ReadingError
        When a file cannot be read, a chromosome is unknown to one of them, or the reference has
        another base than an allele that is asked for.
    """
    samples = [one.sample for one in alignments]
    asked = _within(asked, regions)
    near = _near(alignments, reference)
    indels: list[Candidates] = []
    snvs: list[Candidates] = []
    errors = [of_reads.no_errors()]
    positions = 0
    with opened(reference) as fasta:
        names = _contigs(reference, fasta, alignments, regions)
        _check_asked(fasta, names, asked, reference)
        for block in _blocks(regions):
            with tempfile.TemporaryDirectory(prefix="pileup") as folder:
                beds = (
                    _bed(stretches(block, near), names, Path(folder) / "stretches.bed"),
                    _bed(block, names, Path(folder) / "regions.bed"),
                )
                whole = _mpileup(alignments, reference, beds, settings)
                raw, head = whole.with_name("indels.bcf"), bcf_records.head(whole)
                for some in bcf_records.positions(whole, head, raw):
                    sites = _sites(some, head.contigs)
                    found, wrong = _snv_candidates(some, sites, fasta, alignments, asked, settings)
                    snvs.append(found)
                    errors.append(wrong)
                    positions += len(some.start)
                for chunk in _chunks(_indels(raw, reference), len(samples)):
                    indels.append(_indel_candidates(chunk, fasta, alignments, settings))
            # The more reads, the more rows: what is kept shall not grow with the blocks.
            errors = [of_reads.summed_errors(errors)]
    # Of an allele that stands in several of them the first is kept: reads before none.
    found = of_reads.joined([*indels, *snvs, _unseen(asked, len(samples))])
    pairs = of_reads.neighbours(found, asked, settings)
    same = _phased(found, pairs, alignments, reference, names, settings)
    found = of_reads.mnvs(found, pairs[same])
    whole_errors = of_reads.named_errors(of_reads.summed_errors(errors), samples)
    return Pileup(of_reads.to_frame(found, samples), whole_errors, positions)


def _blocks(regions: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield the regions some at a time, so that what is kept between two commands is small."""
    length = int((regions["end"] - regions["start"]).sum())
    blocks = -(-length // _BLOCK_BP)
    for block in range(blocks):
        found = of_reads.part_of(regions, block, blocks)
        if len(found):
            yield found


def _near(alignments: Sequence[Alignment], reference: str | os.PathLike[str]) -> int:
    """Return how close (bp) targets must be to be read in one go from all of these files."""
    kinds = []
    for one in alignments:
        with _opened(one.path, reference) as file:
            kinds.append("cram" if file.is_cram else "bam")
    return max((_NEAR_BP[kind] for kind in kinds), default=0)


def stretches(regions: pd.DataFrame, near: int) -> pd.DataFrame:
    """Return the regions (chrom, start, end) with gaps of up to `near` bp closed."""
    wide = intervals.merge(regions.assign(end=regions["end"].astype("int64") + near))
    return wide.assign(end=wide["end"] - near)


def _contigs(
    reference: str | os.PathLike[str],
    fasta: pysam.FastaFile,
    alignments: Sequence[Alignment],
    regions: pd.DataFrame,
) -> dict[str, str]:
    """Return the reference's names of the chromosomes of the regions, known to all files."""
    names = {ucsc_chromosome(name): name for name in fasta.references}
    wanted = list(pd.unique(regions["chrom"].astype(str)))
    missing = [chrom for chrom in wanted if chrom not in names]
    if missing:
        raise ReadingError(
            f"{reference}: has no chromosome {listed(missing)}, which the targets are on; found "
            f"{listed(fasta.references, 5)}. Give the whole GRCh38 that the reads were aligned to"
        )
    for one in alignments:
        with _opened(one.path, reference) as file:
            unknown = [names[chrom] for chrom in wanted if file.get_tid(names[chrom]) < 0]
            if unknown:
                raise ReadingError(
                    f"{one.path}: has no contig {listed(unknown)}; found "
                    f"{listed(file.references, 5)}. Align it to {reference}"
                )
    return {chrom: names[chrom] for chrom in wanted}


def _opened(path: str, reference: str | os.PathLike[str]) -> pysam.AlignmentFile:
    try:
        return pysam.AlignmentFile(path, reference_filename=os.fspath(reference))
    except (OSError, ValueError) as error:
        raise ReadingError(f"{path}: cannot be read as BAM or CRAM: {error}") from error


def _within(asked: pd.DataFrame, regions: pd.DataFrame) -> pd.DataFrame:
    """Return the alleles whose first base lies in the regions."""
    texts = {"chrom": "str", "start": "int64", "ref": "str", "alt": "str"}
    asked = asked[list(SITE)].drop_duplicates().astype(texts).reset_index(drop=True)
    inside = intervals.inside(intervals.merge(regions), asked["chrom"], asked["start"].to_numpy())
    return asked[inside].reset_index(drop=True)


def _check_asked(
    fasta: pysam.FastaFile,
    names: Mapping[str, str],
    asked: pd.DataFrame,
    reference: str | os.PathLike[str],
) -> None:
    for chrom, start, ref in asked[["chrom", "start", "ref"]].to_numpy():
        found = fasta.fetch(names[chrom], start, start + len(ref)).upper()
        if found != ref and set(found) <= set(sequence.BASES):
            raise ReadingError(
                f"{reference}: found {found or 'nothing'} at {chrom}:{start + 1}, expected {ref} "
                "of a hotspot on GRCh38; give the GRCh38 that the reads were aligned to"
            )


def _bed(regions: pd.DataFrame, names: Mapping[str, str], path: Path) -> Path:
    frame = tables.in_genome_order(regions.astype({"chrom": CHROM_DTYPE}))
    frame = frame.assign(chrom=frame["chrom"].astype(str).map(dict(names)))
    frame[["chrom", "start", "end"]].to_csv(path, sep="\t", index=False, header=False)
    return path


def _mpileup(
    alignments: Sequence[Alignment],
    reference: str | os.PathLike[str],
    beds: tuple[Path, Path],
    settings: Mapping[str, Any],
) -> Path:
    """Return a BCF of every position of the regions: reads by allele, sample and strand.

    `beds` are the stretches that are read, and the regions within them.

    Read groups are left out of account (files of one library made twice can share their sample's
    name), so samples have the order of the files. Reads of improper pairs do not count: they are
    misplaced more often than they show an event that a base could tell.
    """
    depth = str(settings["max_depth"])
    stretched, regions = beds
    output = regions.with_name("all.bcf")
    bcftools.run(
        "mpileup",
        *("--ignore-RG", "--per-sample-mF"),
        *("-f", os.fspath(reference), "-R", str(stretched), "-T", str(regions)),
        *("-q", str(settings["min_mapping_quality"]), "-Q", str(settings["min_base_quality"])),
        *("-d", depth, "-L", depth),
        *("-m", str(settings["candidate_reads"]), "-F", str(settings["candidate_fraction"])),
        *("-a", ",".join(("FORMAT/ADF", "FORMAT/ADR", "FORMAT/DP", *_LEFT_OUT))),
        *("-Ou", "-o", str(output)),
        *(one.path for one in alignments),
    )
    return output


def _indels(raw: Path, reference: str | os.PathLike[str]) -> Path:
    """Return a text of the indels, left-aligned, one row an allele."""
    normal, text = raw.with_name("normal.bcf"), raw.with_name("normal.tsv")
    bcftools.run(
        "norm", "-m", "-any", "-f", os.fspath(reference), "-Ou", "-o", str(normal), str(raw)
    )
    site = ["%CHROM", "%POS", "%REF", "%ALT", "%RPBZ", "%MQBZ", "%BQBZ"]
    reads = ["%DP", "%ADF{0}", "%ADF{1}", "%ADR{0}", "%ADR{1}"]
    pattern = "\\t".join(site) + "[\\t" + "\\t".join(reads) + "]\\n"
    bcftools.run("query", "-f", pattern, "-o", str(text), str(normal))
    return text


class _Chunk(NamedTuple):
    """Rows of a text: `sites` (SITE, BIASES), DP (n, k), reads by allele (n, k, 2, a)."""

    sites: pd.DataFrame
    depth: np.ndarray
    counts: np.ndarray


def _chunks(text: Path, n_samples: int) -> Iterator[_Chunk]:
    """Yield the rows of a text, some MB at a time."""
    if text.stat().st_size == 0:
        return
    columns = [*SITE, *BIASES]
    with text.open("rb") as file:
        width = len(file.readline().split(b"\t")) - len(columns)
    numbers = [str(number) for number in range(width)]
    types: dict[str, pa.DataType] = dict.fromkeys(numbers, pa.int32())
    types |= dict.fromkeys(("chrom", "ref", "alt"), pa.dictionary(pa.int32(), pa.string()))
    types |= {"start": pa.int32(), **dict.fromkeys(BIASES, pa.float32())}
    reader = pc.open_csv(
        text,
        pc.ReadOptions(column_names=[*columns, *numbers], use_threads=False, block_size=_BLOCK),
        pc.ParseOptions(delimiter="\t", quote_char=False),
        pc.ConvertOptions(column_types=types, null_values=["."], strings_can_be_null=False),
    )
    for batch in reader:
        rows = pa.Table.from_batches([batch])
        sites = rows.select(columns).to_pandas()
        names = sites["chrom"].cat
        sites["chrom"] = _ucsc(list(names.categories), names.codes.to_numpy())
        sites["start"] -= 1
        cells = [compute.fill_null(rows[number], 0).to_numpy() for number in numbers]
        values = np.column_stack(cells).reshape(len(sites), n_samples, -1)
        counts = values[:, :, 1:].reshape(len(sites), n_samples, 2, -1)
        yield _Chunk(sites, values[:, :, 0], counts)


def _ucsc(names: Sequence[str], codes: np.ndarray) -> pd.Categorical:
    """Return contigs, as places among their names, as chromosomes."""
    known = [ucsc_chromosome(name) for name in names]
    return pd.Categorical.from_codes(
        pd.Categorical(known, dtype=CHROM_DTYPE).codes[codes], dtype=CHROM_DTYPE
    )


def _sites(some: Positions, contigs: Sequence[str]) -> pd.DataFrame:
    """Return chrom, start and the figures of positions."""
    frame = pd.DataFrame({"chrom": _ucsc(contigs, some.contig), "start": some.start})
    for place, name in enumerate(BIASES):
        frame[name] = some.figures[:, place]
    return frame


def _snv_candidates(
    some: Positions,
    sites: pd.DataFrame,
    fasta: pysam.FastaFile,
    alignments: Sequence[Alignment],
    asked: pd.DataFrame,
    settings: Mapping[str, Any],
) -> tuple[Candidates, pd.DataFrame]:
    """Return the candidate SNVs of positions, the asked alleles among them, and the errors.

    `sites` are the places of the positions: chrom, start, BIASES.
    """
    reads, ref = some.reads, some.ref
    context = sequence.contexts(*_around(fasta, sites, 1))
    found = of_reads.snv_candidates(reads, ref, _counted(alignments), settings)
    at = sites[["chrom", "start"]].astype({"chrom": "str"}).assign(row=np.arange(len(sites)))
    hits = asked.merge(at, on=["chrom", "start"])
    single = hits[(hits["ref"].str.len() == 1) & (hits["alt"].str.len() == 1)]
    found[single["row"], sequence.encoded("".join(single["alt"]))] = True
    repeat = np.ones(len(sites), dtype=np.int32)
    looked = np.union1d(np.flatnonzero(found.any(axis=1)), hits["row"].to_numpy(int))
    repeat[looked] = _repeats(fasta, sites.take(looked), np.ones(len(looked), int))
    sites = sites.assign(context=context, repeat=repeat)
    errors = of_reads.errors(
        reads, ref, context, np.array([one.role == "baseline" for one in alignments]), settings
    )
    longer = hits.drop(single.index)
    parts = [of_reads.snvs(reads, ref, found, sites)]
    if len(longer):
        parts.append(_without_reads(longer, reads, ref, sites))
    return of_reads.joined(parts), errors


def _without_reads(
    asked: pd.DataFrame, reads: np.ndarray, ref: np.ndarray, sites: pd.DataFrame
) -> Candidates:
    """Return asked alleles longer than a base as candidates that no read shows.

    Where reads do show them they are among the indels or MNVs, which come first.
    """
    rows = asked["row"].to_numpy()
    of_ref = of_reads.of_base(reads[rows], ref[rows])
    frame = sites.take(rows).reset_index(drop=True)
    frame = frame.assign(ref=asked["ref"].to_numpy(), alt=asked["alt"].to_numpy(), context="")
    other = reads[rows].sum(axis=(2, 3)) - of_ref.sum(axis=2)
    return Candidates(frame, of_ref, np.zeros_like(of_ref), other)


def _indel_candidates(
    chunk: _Chunk,
    fasta: pysam.FastaFile,
    alignments: Sequence[Alignment],
    settings: Mapping[str, Any],
) -> Candidates:
    """Return the candidate indels of a chunk of normalised ones."""
    sites = chunk.sites.astype({"ref": "str", "alt": "str"})
    sites = sites.assign(ref=sites["ref"].str.upper(), alt=sites["alt"].str.upper())
    length = sites["ref"].str.len().to_numpy()
    repeat = _repeats(fasta, sites, length)
    ref, alt = chunk.counts[..., 0], chunk.counts[..., 1]
    both = ref.sum(axis=2) + alt.sum(axis=2)
    found = Candidates(
        sites.assign(context="", repeat=repeat), ref, alt, np.maximum(chunk.depth - both, 0)
    )
    spelled = ~(sites["ref"] + sites["alt"]).str.contains("[^ACGT]").to_numpy()
    depth = both + found.other
    kept = of_reads.is_candidate(alt.sum(axis=2), depth, _counted(alignments), settings)
    return found.take(kept & spelled)


def _counted(alignments: Sequence[Alignment]) -> np.ndarray:
    return np.array([one.role != "panel" for one in alignments])


def _repeats(fasta: pysam.FastaFile, sites: pd.DataFrame, span: np.ndarray) -> np.ndarray:
    """Return the length of the repeat (bp) on or beside alleles of `span` bases."""
    codes, place = _around(fasta, sites, span)
    return sequence.repeats_at(sequence.repeat_lengths(codes), place, span)


def _around(
    fasta: pysam.FastaFile, sites: pd.DataFrame, span: np.ndarray | int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bases (codes) around alleles in genome order, and the place of each in them."""
    names = {ucsc_chromosome(name): name for name in fasta.references}
    code, at = sites["chrom"].cat.codes.to_numpy(), sites["start"].to_numpy(np.int64)
    if not len(at):
        return np.zeros(1, np.uint8), np.zeros(0, np.int64)
    cut = np.flatnonzero((np.diff(code) != 0) | (np.diff(at) > _GAP)) + 1
    first, last = np.concatenate([[0], cut]), np.concatenate([cut, [len(at)]])
    begin = np.maximum(at[first] - _FLANK, 0)
    ends = np.maximum.reduceat(at + span, first) + _FLANK
    pieces = [
        fasta.fetch(names[CHROMOSOMES[code[row]]], left, right)
        for row, left, right in zip(first, begin, ends, strict=True)
    ]
    # An N between the pieces keeps repeats and contexts apart.
    codes = sequence.encoded("N".join(pieces))
    offset = np.cumsum([0, *(len(piece) + 1 for piece in pieces)])[:-1]
    return codes, at + np.repeat(offset - begin, last - first)


def _unseen(asked: pd.DataFrame, n_samples: int) -> Candidates:
    """Return the asked alleles without any read, for places where there is none."""
    frame = asked.astype({"chrom": CHROM_DTYPE}).assign(
        **dict.fromkeys(BIASES, np.nan), context="", repeat=1
    )
    none = np.zeros((len(asked), n_samples, 2), dtype=np.int32)
    return Candidates(frame, none, none, none[:, :, 0])


def _phased(
    found: Candidates,
    pairs: np.ndarray,
    alignments: Sequence[Alignment],
    reference: str | os.PathLike[str],
    names: Mapping[str, str],
    settings: Mapping[str, Any],
) -> np.ndarray:
    """Return which pairs of adjacent SNVs the same reads have (bool, shape (m,))."""
    kept = np.zeros(len(pairs), dtype=bool)
    alt = found.alt.sum(axis=2)
    richest = np.minimum(alt[pairs[:, 0]], alt[pairs[:, 1]]).argmax(axis=1)
    for place in np.unique(richest):
        with _opened(alignments[place].path, reference) as file:
            for row in np.flatnonzero(richest == place):
                sites = found.sites.iloc[pairs[row]]
                both, either = _reads_with(file, names, sites, settings)
                kept[row] = both >= _PHASED * max(either, 1)
    return kept


def _reads_with(
    file: pysam.AlignmentFile,
    names: Mapping[str, str],
    sites: pd.DataFrame,
    settings: Mapping[str, Any],
) -> tuple[int, int]:
    """Return how many fragments have both of two adjacent bases, and how many either."""
    start = int(sites["start"].iloc[0])
    want = list(sites["alt"])
    seen: dict[str, tuple[bool, bool]] = {}
    for read in file.fetch(names[str(sites["chrom"].iloc[0])], start, start + 2):
        if read.flag & 0xF04 or read.mapping_quality < settings["min_mapping_quality"]:
            continue
        place = {at: of for of, at in read.get_aligned_pairs(matches_only=True)}
        if start not in place or start + 1 not in place or read.query_qualities is None:
            continue
        of = [place[start], place[start + 1]]
        if min(read.query_qualities[at] for at in of) >= settings["min_base_quality"]:
            bases = [str(read.query_sequence)[at] for at in of]
            seen[str(read.query_name)] = (bases[0] == want[0], bases[1] == want[1])
    return sum(map(all, seen.values())), sum(map(any, seen.values()))
