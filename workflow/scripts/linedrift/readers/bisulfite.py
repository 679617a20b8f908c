"""Alignments of bisulfite-converted reads: depth in bins, alleles at SNPs on the strand that tells.

Bisulfite turns the unmethylated C of the strand that was sequenced into T. A read of the original
top strand (OT) shows T for C, one of the original bottom strand (OB) A for G, in the letters of the
forward strand. So a C/T SNP is read on the bottom strand alone, a G/A SNP on the top strand, the
others on both (a converted allele counts as what it was). Of which strand a read is, Bismark says
by its tag XG, bwa-meth and BISCUIT by YD; without both the protocol is taken for directional: first
mates of the top strand align forward, of the bottom strand in reverse.

Methylation itself is not called from reads: that is the work of Bismark's extractor, MethylDackel
or modkit, whose files `readers.cytosines` reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numba
import numpy as np
import pandas as pd
import pysam

from linedrift import genome, tables
from linedrift.genome import CHROM_DTYPE, GRCH38
from linedrift.readers import bam_records, reads
from linedrift.readers.alignments import build_of
from linedrift.readers.bam_records import byte, int32, uint16, width
from linedrift.readers.files import ReadingError, check_presence
from linedrift.rna_tables import ALLELE_COUNTS

BASES = "ACGT"
TOP, BOTTOM = 0, 1
# Base that an allele is seen as, by strand: [strand, allele, base].
_SEEN = np.stack([np.eye(4, dtype=np.int64)] * 2)
_SEEN[TOP, BASES.index("C"), BASES.index("T")] = 1
_SEEN[BOTTOM, BASES.index("G"), BASES.index("A")] = 1
# A counter of reads ends here; sites that reach it have no allele fraction.
_FULL = 65535
# Reads at the beginning of a file that tell whether C was converted, and the share of C on the top
# strand (G on the bottom strand) below which it was: 1 to 3 % of human DNA with methylated CpGs,
# 20 % without conversion.
_LOOK_AT, _MOST_C = 2000, 0.10
# Flags of reads that are not looked at: unmapped, secondary, failed, duplicate, supplementary.
_NOT_LOOKED_AT = 0xF04


class Conversion(NamedTuple):
    """What the first reads of a file say: their number, the share of C that is left, the tags.

    `c_share` is the share of C among the bases of the top strand, and of G among those of the
    bottom strand; `tagged` the share of reads that name their strand (XG, YD).
    """

    n_reads: int
    c_share: float
    tagged: float

    @property
    def converted(self) -> bool:
        """Whether C was converted (not so in nanopore reads, or where bisulfite failed)."""
        return bool(self.c_share < _MOST_C)


class Reading(NamedTuple):
    """What an alignment of bisulfite reads says.

    `depth`: the bins with their mean depth (chrom, start, end, depth: reads at a base, float32).
    `alleles`: a frame of ALLELE_COUNTS, one row for each SNP asked. `facts`: the totals of
    `bam_records.TOTALS`; converted, c_share, tagged_share (`Conversion`); n_sites, n_not_snp,
    n_usable, n_without_read, n_full, and of usable SNPs of autosomes n_reads_at_sites, ref_share.
    """

    depth: pd.DataFrame
    alleles: pd.DataFrame
    facts: dict[str, Any]


def grid(bin_bp: int) -> pd.DataFrame:
    """Return bins of that length over the chromosomes of GRCh38: chrom, start, end."""
    starts = [np.arange(0, length, bin_bp) for length in GRCH38.lengths.values()]
    ends = [
        np.minimum(start + bin_bp, length)
        for start, length in zip(starts, GRCH38.lengths.values(), strict=True)
    ]
    return pd.DataFrame(
        {
            "chrom": pd.Categorical.from_codes(
                np.repeat(np.arange(len(starts)), list(map(len, starts))), dtype=CHROM_DTYPE
            ),
            "start": np.concatenate(starts).astype(np.int32),
            "end": np.concatenate(ends).astype(np.int32),
        }
    )


def strands(ref: str, alt: str) -> tuple[int, ...]:
    """Return the original strands on which the two alleles of a SNP can be told: TOP, BOTTOM."""
    pair = BASES.index(ref), BASES.index(alt)
    return tuple(int(one) for one in np.flatnonzero(_readable()[:, pair[0], pair[1]]))


def _readable() -> np.ndarray:
    """Return whether two alleles are seen as different bases: [strand, ref, alt]."""
    return np.einsum("srb,sab->sra", _SEEN, _SEEN) == 0


def count(
    path: str,
    bins: pd.DataFrame,
    snps: pd.DataFrame,
    *,
    settings: Mapping[str, Any],
    reference: str = "",
) -> Reading:
    """Count the reads of bins, and the alleles of SNPs on the strands that bisulfite leaves.

    Parameters
    ----------
    path
        BAM or CRAM, sorted by position; no index is needed. Reads that were not converted
        (nanopore) are counted on both strands.
    bins
        chrom (UCSC style), start, end; in genome order, without overlap; on GRCh38.
    snps
        chrom (UCSC style), start (0-based), ref, alt, and perhaps name; on GRCh38.
    settings
        Section `methylation.sequencing` of the config: min_mapping_quality, min_base_quality,
        most_other_bases.
    reference
        FASTA with its index, which a CRAM needs.

    Raises
    ------
    ReadingError
        When the file is cut, not sorted, of another build, or has no read that counts.
    """
    path = str(path)
    _check_build(path)
    told = conversion(path, reference)
    single = snps["ref"].isin(list(BASES)) & snps["alt"].isin(list(BASES))
    asked = _asked(snps[single])
    places = asked.drop_duplicates(["chrom", "start"])
    tallies = _tally(path, reads.asked(bins=bins, positions=places), settings, reference)
    length = (bins["end"] - bins["start"]).to_numpy()
    depth = bins[["chrom", "start", "end"]].reset_index(drop=True)
    depth["depth"] = (reads.in_order(tallies, bins, "bins") / length).astype(np.float32)
    counted = reads.in_order(tallies, places, "alleles").reshape(len(places), 4, 2)
    place = np.cumsum(~asked.duplicated(["chrom", "start"]).to_numpy()) - 1
    found = _counts(asked, counted[place], told.converted, settings)
    facts: dict[str, Any] = reads.totals(tallies)
    facts |= {"converted": told.converted, "c_share": told.c_share, "tagged_share": told.tagged}
    facts |= {"n_not_snp": int((~single).sum())} | _sums(found)
    return Reading(depth, tables.check(found, ALLELE_COUNTS), facts)


def _asked(snps: pd.DataFrame) -> pd.DataFrame:
    """Return the SNPs in genome order, each once, with end and name."""
    found = snps.astype({"chrom": CHROM_DTYPE})
    found = found.assign(end=found["start"] + 1)
    if "name" not in found:
        found["name"] = found["chrom"].astype("str") + ":" + found["end"].astype("str")
    found = tables.in_genome_order(found)
    return found.drop_duplicates(["chrom", "start", "ref", "alt"], ignore_index=True)


def _counts(
    asked: pd.DataFrame, counted: np.ndarray, converted: bool, settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Return ALLELE_COUNTS; `counted` has the reads of A, C, G, T by strand, shape (n, 4, 2)."""
    seen = _SEEN if converted else np.stack([np.eye(4, dtype=np.int64)] * 2)
    ref, alt = (asked[name].map(BASES.index).to_numpy(int) for name in ("ref", "alt"))
    by_strand = counted.astype(np.int64).transpose(2, 0, 1)
    readable = _readable()[:, ref, alt] if converted else np.ones((2, len(asked)), bool)
    by_strand = by_strand * readable[:, :, None]
    n_ref, n_alt = ((by_strand * seen[:, one]).sum(axis=(0, 2)) for one in (ref, alt))
    every, total = by_strand.sum(axis=(0, 2)), n_ref + n_alt
    full = (counted == _FULL).any(axis=(1, 2))
    usable = (total > 0) & ~full & (every - total <= settings["most_other_bases"] * every)
    found = asked.assign(
        ref_count=n_ref, alt_count=n_alt, total=total, other=every - total, usable=usable
    )
    return tables.conform(found, ALLELE_COUNTS)


def _sums(found: pd.DataFrame) -> dict[str, Any]:
    autosomal = found[found["usable"] & ~found["chrom"].isin(["chrX", "chrY"])]
    n_reads = int(autosomal["total"].sum())
    return {
        "n_sites": len(found),
        "n_usable": int(found["usable"].sum()),
        "n_without_read": int((found["total"] + found["other"] == 0).sum()),
        "n_full": int((found["total"] >= _FULL).sum()),
        "n_reads_at_sites": n_reads,
        "ref_share": float(autosomal["ref_count"].sum()) / max(n_reads, 1),
    }


def _tally(
    path: str,
    asked: Mapping[str, bam_records.Asked],
    settings: Mapping[str, Any],
    reference: str,
) -> dict[str, bam_records.Tally]:
    """Return the tallies of an alignment; the strand of a read is that of its original DNA."""
    found = reads.whole(
        path,
        asked,
        reference=reference,
        min_mapping_quality=settings["min_mapping_quality"],
        min_base_quality=settings["min_base_quality"],
        prepare=original_strands,
    )
    totals = reads.totals(found)
    if not totals["n_counted"]:
        raise ReadingError(
            f"{path}: none of {totals['n_reads']:,} reads counts (mapping quality of "
            f"{settings['min_mapping_quality']} or more, no duplicate); give another file"
        )
    return found


def _check_build(path: str) -> None:
    """Raise ReadingError where the file is no alignment, or one to another build."""
    check_presence(path)
    try:
        with pysam.AlignmentFile(path, check_sq=False) as file:
            lengths = dict(zip(file.references, file.lengths, strict=True))
    except (OSError, ValueError) as error:
        raise ReadingError(f"{path}: cannot be read as BAM or CRAM: {error}") from error
    build = build_of(lengths)
    if build and build != genome.GRCH38.name:
        raise ReadingError(
            f"{path}: its chromosomes have the lengths of {build}; expected {genome.GRCH38.name}. "
            "Reads are not lifted: align them again"
        )


@numba.njit(cache=True, nogil=True)
def original_strands(buffer: np.ndarray) -> None:
    """Make the flag *reverse* of each whole record of a buffer say: of the bottom strand."""
    at, end = 0, len(buffer)
    while at + 36 <= end:
        after, record = at + 4 + int32(buffer, at), at + 4
        if after > end:
            break
        flag = uint16(buffer, record + 14)
        length = int32(buffer, record + 16)
        tags = record + 32 + byte(buffer, record + 8) + 4 * uint16(buffer, record + 12)
        strand = tagged(buffer, tags + length + (length + 1) // 2, after)
        if strand < 0:
            # Directional: a first mate aligns as its original strand, a second mate opposite.
            strand = ((flag & 0x10) != 0) ^ ((flag & bam_records.LAST) != 0)
        low = byte(buffer, record + 14)
        buffer[record + 14] = low | 0x10 if strand else low & ~0x10
        at = after


@numba.njit(cache=True, nogil=True)
def tagged(buffer: np.ndarray, at: int, end: int) -> int:
    """Return TOP or BOTTOM by the tag XG (CT, GA) or YD (f, r), -1 without them."""
    while at + 3 < end:
        first, second, kind = buffer[at], buffer[at + 1], byte(buffer, at + 2)
        value = at + 3
        if kind == 90 or kind == 65:  # Z, A
            if first == 88 and second == 71:
                return 1 if buffer[value] == 71 else 0
            if first == 89 and second == 68:
                return 1 if buffer[value] == 114 else 0
        if kind == 90 or kind == 72:  # Z, H: text up to a zero
            while value < end and buffer[value] != 0:
                value += 1
            at = value + 1
        elif kind == 66:  # B: an array
            at = value + 5 + int32(buffer, value + 1) * width(byte(buffer, value))
        else:
            at = value + width(kind)
    return -1


def conversion(path: str, reference: str = "") -> Conversion:
    """Return what the first reads of an alignment say of its conversion.

    Raises
    ------
    ReadingError
        When the file cannot be read, or has no read that is aligned surely.
    """
    counts, n_tagged, n_reads = np.zeros(2), 0, 0
    try:
        with pysam.AlignmentFile(path, reference_filename=reference or None) as file:
            for read in file.fetch(until_eof=True):
                if read.flag & _NOT_LOOKED_AT or not read.query_sequence:
                    continue
                strand = _strand(read)
                n_tagged += strand is not None
                bottom = read.is_reverse ^ read.is_read2 if strand is None else strand
                letters = read.query_sequence
                counts += letters.count("G" if bottom else "C"), len(letters)
                n_reads += 1
                if n_reads >= _LOOK_AT:
                    break
    except (OSError, ValueError) as error:
        raise ReadingError(f"{path}: cannot be read as BAM or CRAM: {error}") from error
    if not n_reads:
        raise ReadingError(f"{path}: has no aligned read; align it again")
    return Conversion(n_reads, float(counts[0] / counts[1]), n_tagged / n_reads)


def _strand(read: pysam.AlignedSegment) -> bool | None:
    """Return whether the tags say that a read is of the bottom strand; None without them."""
    for tag, bottom in (("XG", "GA"), ("YD", "r")):
        if read.has_tag(tag):
            return bool(read.get_tag(tag) == bottom)
    return None
