"""Alignments of RNA-seq: alleles at sites, contigs that are not human, strandedness.

Alleles and contigs come of one pass over the whole file (`readers.reads`), without limits on
depth; introns are no coverage, and of two mates that overlap one counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pysam

from linedrift import genome, tables
from linedrift.genome import CHROM_DTYPE
from linedrift.intervals import inside, merge
from linedrift.readers import reads
from linedrift.readers.alignments import build_of
from linedrift.readers.bam_records import TOTALS, Tally
from linedrift.readers.counts import strand_of
from linedrift.readers.files import ReadingError, check_presence, listed
from linedrift.rna_tables import ALLELE_COUNTS, EXTRA_CONTIGS

_BASES = {"A": 0, "C": 1, "G": 2, "T": 3}
# A counter of reads ends here; sites that reach it have no allele fraction.
_FULL = 65535
# Contigs of the human assembly beside chromosomes, by UCSC, Ensembl, GATK and RefSeq.
_HUMAN = re.compile(
    r"(chr)?(M|MT)$|.*_(random|alt|fix|decoy)$|chrUn_|hs37d5$|(chr)?(GL|K[INQVZ]|JTFH|M[LU])\d{6}"
    r"|HLA-|N[TW]_\d|NC_0000[0-2]\d\.|NC_012920|(CHR_)?HSCHR|CHR_H"
)
_EPSTEIN_BARR = re.compile(r"(?i)(chr)?EBV|NC_007605|V01555")
# ERCC's and Lexogen's RNA, sequins, and the phage that sequencers are run with.
_SPIKE_IN = re.compile(r"(?i)ERCC-\d|SIRV|chrIS|phi-?X|NC_001422")


class Reading(NamedTuple):
    """What the RNA of one sample shows at sites and on contigs that are not human.

    `sites` is a frame of ALLELE_COUNTS, one row for each SNP asked (0 reads where there are none;
    several alternatives of one position are rows of their own); `extra` one of EXTRA_CONTIGS, all
    that the header names; `facts`: the totals of `bam_records.TOTALS`, n_sites, n_not_snp (asked,
    but no SNP), n_usable, n_without_read, n_full, n_reads_at_sites, ref_share,
    mitochondrial_share, epstein_barr (reads within the episome's regions and elsewhere; empty
    without the contig).
    """

    sites: pd.DataFrame
    extra: pd.DataFrame
    facts: dict[str, Any]


def read(
    path: str,
    sites: pd.DataFrame,
    *,
    settings: Mapping[str, Any],
    reference: str = "",
    episome: Sequence[tuple[int, int]] = (),
) -> Reading:
    """Count the alleles of sites in one alignment.

    Parameters
    ----------
    path
        BAM or CRAM, sorted by position; no index is needed.
    sites
        SNPs: chrom (UCSC style), start (0-based), ref, alt, and perhaps name; on GRCh38.
    settings
        min_mapping_quality (STAR gives 255 to reads with one place, HISAT2 60), min_base_quality,
        most_other_bases.
    reference
        FASTA with its index, which a CRAM needs.
    episome
        Regions of Epstein-Barr virus (start, end, 0-based) that episomal vectors have.

    Raises
    ------
    ReadingError
        When the file is cut, not sorted, of another build, or has no read that counts.
    """
    path = str(path)
    lengths = contigs(path)
    asked = _asked(sites)
    places = asked.drop_duplicates(["chrom", "start"])
    regions = _regions(lengths, episome)
    pileup = reads.whole(
        path,
        reads.asked(positions=places, bins=regions),
        reference=reference,
        min_mapping_quality=settings["min_mapping_quality"],
        min_base_quality=settings["min_base_quality"],
    )
    facts: dict[str, Any] = reads.totals(pileup)
    if not facts["n_counted"]:
        raise ReadingError(
            f"{path}: none of {facts['n_reads']:,} reads counts (mapping quality of "
            f"{settings['min_mapping_quality']} or more, no duplicate); give another file"
        )
    alleles = reads.in_order(pileup, places, "alleles").reshape(len(places), 4, 2)
    place = np.cumsum(~asked.duplicated(["chrom", "start"]).to_numpy()) - 1
    facts["n_not_snp"] = int((~_are_snps(sites)).sum())
    found = _with_counts(asked, alleles[place], settings, facts)
    mapped = max(facts["n_mapped"], 1)
    mito = sum(_total(pileup.get(name), "n_mapped") for name in ("chrM", "MT", "M", "chrMT"))
    facts["mitochondrial_share"] = mito / mapped
    facts["epstein_barr"] = _virus(regions, pileup)
    extra = _extra(lengths, pileup, mapped)
    return Reading(tables.check(found, ALLELE_COUNTS), extra, facts)


def contigs(path: str) -> dict[str, int]:
    """Return the contigs of an alignment to the genome, and their lengths.

    Raises
    ------
    ReadingError
        When it is no alignment, or one to a transcriptome or to another build.
    """
    check_presence(path)
    try:
        with pysam.AlignmentFile(path, check_sq=False) as file:
            lengths = dict(zip(file.references, file.lengths, strict=True))
    except (OSError, ValueError) as error:
        raise ReadingError(f"{path}: cannot be read as BAM or CRAM: {error}") from error
    if not any(genome.ucsc_chromosome(name) for name in lengths):
        raise ReadingError(
            f"{path}: has no chromosome that linedrift knows; found {listed(list(lengths), 5)}, "
            "expected 1 to 22, X, Y (with or without chr). Was it aligned to a transcriptome? "
            "Give the alignment to the genome"
        )
    build = build_of(lengths)
    if build and build != genome.GRCH38.name:
        raise ReadingError(
            f"{path}: its chromosomes have the lengths of {build}; expected {genome.GRCH38.name}. "
            "Reads are not lifted: align them again, or give their allele counts (format ase)"
        )
    return lengths


def _are_snps(sites: pd.DataFrame) -> pd.Series:
    return sites["ref"].isin(_BASES) & sites["alt"].isin(_BASES)


def _asked(sites: pd.DataFrame) -> pd.DataFrame:
    """Return the SNPs in genome order, each allele once, with end and name."""
    found = sites[_are_snps(sites)].astype({"chrom": CHROM_DTYPE})
    found = found.assign(end=found["start"] + 1)
    if "name" not in found:
        found["name"] = found["chrom"].astype("str") + ":" + found["end"].astype("str")
    return tables.in_genome_order(found).drop_duplicates(
        ["chrom", "start", "ref", "alt"], ignore_index=True
    )


def _with_counts(
    asked: pd.DataFrame,
    alleles: np.ndarray,
    settings: Mapping[str, Any],
    facts: dict[str, Any],
) -> pd.DataFrame:
    """Return the sites as ALLELE_COUNTS, and add to the facts what they amount to.

    `alleles` has the reads of A, C, G, T by strand at each site, shape (n, 4, 2).
    """
    full = (alleles == _FULL).any(axis=(1, 2))
    bases = alleles.sum(axis=2, dtype=np.int64)
    row = np.arange(len(asked))
    ref, alt = (bases[row, asked[name].map(_BASES).to_numpy(int)] for name in ("ref", "alt"))
    every, total = bases.sum(axis=1), ref + alt
    usable = (total > 0) & ~full & (every - total <= settings["most_other_bases"] * every)
    autosomal = usable & ~asked["chrom"].isin(["chrX", "chrY"]).to_numpy()
    facts |= {
        "n_sites": len(asked),
        "n_without_read": int((every == 0).sum()),
        "n_full": int(full.sum()),
        "n_usable": int(usable.sum()),
        "n_reads_at_sites": int(total[autosomal].sum()),
        "ref_share": float(ref[autosomal].sum()) / max(int(total[autosomal].sum()), 1),
    }
    found = asked.assign(
        ref_count=ref, alt_count=alt, total=total, other=every - total, usable=usable
    )
    return tables.conform(found, ALLELE_COUNTS)


def kind_of_contig(name: str) -> str:
    """Return added, epstein_barr or spike_in of a contig that is not human, else nothing."""
    if _EPSTEIN_BARR.match(name):
        return "epstein_barr"
    if _SPIKE_IN.match(name):
        return "spike_in"
    human = genome.ucsc_chromosome(name) or _HUMAN.match(name)
    return "" if human else "added"


def _total(tally: Tally | None, name: str) -> int:
    return 0 if tally is None else int(tally.totals[TOTALS.index(name)])


def _extra(lengths: Mapping[str, int], pileup: Mapping[str, Tally], mapped: int) -> pd.DataFrame:
    """Return EXTRA_CONTIGS of all contigs of the header that are not human."""
    kinds = {name: kind for name in lengths if (kind := kind_of_contig(name))}
    counted = [_total(pileup.get(name), "n_mapped") for name in kinds]
    frame = pd.DataFrame(
        {
            "contig": list(kinds),
            "kind": list(kinds.values()),
            "length": [lengths[name] for name in kinds],
            "reads": counted,
            "unique_reads": [_total(pileup.get(name), "n_counted") for name in kinds],
            "per_million": [n * 1e6 / mapped for n in counted],
        }
    )
    return tables.check(tables.conform(frame, EXTRA_CONTIGS), EXTRA_CONTIGS)


def _regions(lengths: Mapping[str, int], episome: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """Return the regions of the first contig of Epstein-Barr virus that a header names."""
    name = next((name for name in lengths if kind_of_contig(name) == "epstein_barr"), "")
    rows = [(name, *one) for one in sorted(episome) if name]
    return pd.DataFrame(rows, columns=["chrom", "start", "end"])


def _virus(regions: pd.DataFrame, pileup: Mapping[str, Tally]) -> dict[str, float]:
    """Return reads of Epstein-Barr virus within the regions and elsewhere; by bases, not whole."""
    if regions.empty:
        return {}
    tally = pileup[str(regions["chrom"].iloc[0])]
    reads_, bases = (_total(tally, name) for name in ("n_counted", "n_bases"))
    inside = float(tally.bins.sum()) / max(bases, 1) * reads_
    return {"episome": inside, "elsewhere": reads_ - inside}


def strandedness(path: str, genes: pd.DataFrame, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return which strand the reads of an alignment have, by genes that overlap no other strand's.

    Parameters
    ----------
    path
        BAM or CRAM, sorted by position.
    genes
        chrom, start, end, strand (+ or -).
    settings
        strand_reads (reads that are looked at), min_mapping_quality, and those of
        `counts.strand_of`.

    Returns
    -------
    dict
        strandedness (forward, reverse, unstranded or undecided), strand_shares, n_strand_reads.
        Forward: the first read of a pair has the strand of the gene.
    """
    chrom, start, sense = _first_reads(path, settings)
    plus, minus = (_within(genes[genes["strand"] == strand], chrom, start) for strand in "+-")
    one = plus != minus
    forward = int((sense == plus)[one].sum())
    n = int(one.sum())
    share = forward / max(n, 1)
    return {
        "strandedness": strand_of(forward, n - forward, settings),
        "strand_shares": {"forward": share, "reverse": 1 - share if n else 0.0},
        "n_strand_reads": n,
    }


def _within(genes: pd.DataFrame, chrom: pd.Series, start: np.ndarray) -> np.ndarray:
    return np.zeros(len(start), bool) if genes.empty else inside(merge(genes), chrom, start)


def _first_reads(
    path: str, settings: Mapping[str, Any]
) -> tuple[pd.Series, np.ndarray, np.ndarray]:
    """Return chromosome, first aligned base, and whether the first mate is forward, of reads.

    As many as asked, from the beginning of the file.
    """
    found = []
    try:
        with pysam.AlignmentFile(path) as file:
            for read in file.fetch(until_eof=True):
                # Unmapped, secondary, failed, duplicate, supplementary.
                if read.flag & 0xF04 or read.mapping_quality < settings["min_mapping_quality"]:
                    continue
                forward = read.is_reverse == (read.is_paired and read.is_read2)
                found.append((read.reference_id, read.reference_start, forward))
                if len(found) >= settings["strand_reads"]:
                    break
            names = [genome.ucsc_chromosome(name) or "" for name in file.references]
    except (OSError, ValueError) as error:
        raise ReadingError(f"{path}: cannot be read as BAM or CRAM: {error}") from error
    rows = np.array(found, dtype=np.int64).reshape(-1, 3)
    chrom = pd.Series(np.array(names, dtype=object)[rows[:, 0]] if names else [], dtype="str")
    return chrom, rows[:, 1], rows[:, 2].astype(bool)
