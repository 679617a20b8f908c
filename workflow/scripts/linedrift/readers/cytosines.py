"""Methylation by sequencing in every format that linedrift reads, made into CpGs on GRCh38.

A CpG has a cytosine on either strand; their reads are added up onto the C of the forward strand.
Where a file gives the strand, or says that it has added them up (rows of 2 bp), that is exact.
Where it does not (Bismark's coverage, MethylDackel), the reference tells the C from the G. Without
a reference, two neighbouring positions are the two strands of one CpG, a run of neighbours (CGCG)
is paired from its first; what is left alone is taken for a C of the forward strand: it may stand
1 bp too far right, is counted, and means nothing to a region.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pysam

from linedrift import genome, tables
from linedrift.genome import CHROM_DTYPE, CHROMOSOMES, GRCH38, Build, ucsc_chromosome
from linedrift.methylation_tables import CYTOSINES
from linedrift.readers import cpg_sequence, cytosine_layouts, cytosine_rows, delimited, liftover
from linedrift.readers.cpg_sequence import NO_CPG, NOT_KNOWN, Sample
from linedrift.readers.cytosine_layouts import FORMATS, TITLES
from linedrift.readers.cytosine_rows import BOTH, REVERSE, UNKNOWN, Rows
from linedrift.readers.files import (
    ReadingError,
    check_presence,
    is_gzip,
    listed,
    packed_end_problem,
)
from linedrift.readers.liftover import chain_path
from linedrift.readers.reference import opened

__all__ = ["FORMATS", "Reading", "read"]
# Above this share of rows beyond the ends of chromosomes the build is another one: in the right
# build it is 0.
_MOST_BEYOND = 0.0001
# Above this share of rows on unknown contigs the column of chromosomes is something else.
_MOST_OTHER = 0.5
# Cytosines that are held against the reference to tell build and first base, and at least.
_LOOK_AT, _LEAST_KNOWN = 4000, 30
# Share of cytosines that must be on a CpG of the reference: .97 and more of the right build (the
# rest are SNPs), half where positions are 1 bp off and both strands are there, 1 to 2 % in another
# build.
_LEAST_ON_CPG = 0.8
# Share from which on a build has a part in a file that mixes builds; by chance it is .02.
_LEAST_OF_MIXED = 0.1
# Two percents of two decimals add up to 100 within this.
_MOST_UNEVEN = 0.011
# Columns by which a row says the same twice.
_TOLD_TWICE = ("percent", "percent_u", "m", "u", "other")
# Contigs of the human assembly beside chromosomes, by UCSC, Ensembl and GATK, and EBV.
_UNPLACED = re.compile(
    r"(?i).*_(random|alt|fix|decoy|hap\d)$|chrUn_|hs37d5|(chr)?(GL|K[INQVZ]|JTFH|M[LU])\d|HLA|.*EBV"
)
# Contigs whose methylation is known: none in the phage lambda and (nearly) none in mitochondria,
# all of it in pUC19 as kits have it (names of Bismark's, NEB's and NCBI's references).
CONTROLS = {
    "lambda": ("lambda", "chrlambda", "phage_lambda", "lambda_neb", "chrl", "j02459", "nc_001416"),
    "puc19": ("puc19", "chrpuc19", "m77789", "l09137", "puc19_neb"),
    "mitochondrion": ("chrm", "m", "mt", "chrmt", "nc_012920"),
}


class Reading(NamedTuple):
    """What a file of methylation by sequencing holds.

    `cytosines` is a frame of CYTOSINES on GRCh38: CpGs with reads. `facts`: format, build;
    n_rows, the rows of the file, and of them n_other_contig, n_other_context,
    n_other_modification, n_without_read, n_beyond_chromosome, n_not_cpg (by the reference);
    n_cpgs; n_unmapped, n_duplicate_position (CpGs that lifting lost);
    n_added (rows added to that of the other strand), n_strand_unknown; counts_known (False of a
    bedGraph of percents alone); reference_share (of cytosines that are on a CpG of it, None
    where not asked); controls and contexts: methylated and unmethylated reads of contigs whose
    methylation is known, and of CHG and CHH.
    """

    cytosines: pd.DataFrame
    facts: dict[str, Any]


class Chromosome(NamedTuple):
    """Rows of one chromosome, each array (n,): 0-based position, strand, reads of both kinds."""

    pos: np.ndarray
    strand: np.ndarray
    methylated: np.ndarray
    unmethylated: np.ndarray


class Place(NamedTuple):
    """How the positions of a file get to GRCh38.

    `build` is theirs, `chain` leads from it (None from GRCh38), `chains` has the chain files by
    build; `fasta` is GRCh38, opened, or None.
    """

    path: str
    build: Build
    chain: dict[str, list[liftover.Chain]] | None
    chains: Mapping[str, str]
    fasta: pysam.FastaFile | None


@contextlib.contextmanager
def placed(
    path: str, build: Build, chains: Mapping[str, str], reference: str = ""
) -> Iterator[Place]:
    """Give the way to GRCh38, its chain read and its FASTA open."""
    chain = None
    if build.name != GRCH38.name:
        chain = liftover.read_chain(chain_path(build, chains), build)
    if not reference:
        yield Place(path, build, chain, chains, None)
        return
    with opened(reference) as fasta:
        yield Place(path, build, chain, chains, fasta)


def read(
    path: str,
    *,
    format: str,
    settings: Mapping[str, Any],
    build: str = GRCH38.name,
    chains: Mapping[str, str] = MappingProxyType({}),
    reference: str = "",
) -> Reading:
    """Read the CpGs of one sample.

    Parameters
    ----------
    path
        File of one sample; plain or gzip.
    format
        One of `FORMATS`.
    settings
        Section `methylation.sequencing` of the config.
    build
        Build of the positions.
    chains
        Chain files to GRCh38 by name of build.
    reference
        FASTA of GRCh38 with its index, or nothing. It tells the strands of formats that do not,
        and a wrong build or first base.

    Raises
    ------
    ReadingError
        When the file is of another format, damaged, has counts that are none or that disagree
        with its percents, or positions of another build or counted from another base.
    """
    path, of = str(path), genome.build(build)
    check_presence(path)
    if is_gzip(path) and (text := packed_end_problem(path, most_bytes=0)):
        raise ReadingError(text)
    shape = cytosine_layouts.shape(path, format)
    check_end(path, shape)
    facts: dict[str, Any] = {"format": format, "build": of.name}
    facts["counts_known"] = shape.layout.roles.keys() & {"count:m", "count:n"} != set()
    found = gather(path, cytosine_rows.blocks(path, shape), settings, facts)
    check_places(path, found, of, facts)
    with placed(path, of, chains, reference) as place:
        if place.chain is not None:
            facts["chain"] = Path(chains[of.name]).name
        check_sequence(found, place, facts)
        return Reading(_frame(found, place, facts), facts)


def check_end(path: str, shape: cytosine_layouts.Shape) -> None:
    """Raise ReadingError where the last line has no line end, unless its row is whole.

    It is with all of its columns, and with percents and counts that agree where it has both.
    """
    fields = delimited.open_end(path, shape.layout, shape.blanks)
    if not fields:
        return
    at = {role.partition(":")[2]: fields[i] for role, i in shape.layout.roles.items()}
    try:
        value = {name: float(at[name]) for name in _TOLD_TWICE if name in at}
    except ValueError:
        # The rows say which column is no number.
        return
    percent, reads = value.get("percent", 0.0), value.get("m", 0.0) + value.get("u", 0.0)
    off = 0.0
    if "percent_u" in value:
        off = abs(percent + value["percent_u"] - 100) / _MOST_UNEVEN
    elif "percent" in value and reads:
        reads += value.get("other", 0.0)
        off = abs(percent - 100 * value["m"] / reads) / cytosine_rows.MOST_OFF
    if off > 1:
        raise ReadingError(
            f"{path}: is cut in the middle of its last line: it has no line end, and its percents "
            f"and counts disagree ({' '.join(fields)[:80]!r}). Copy or export it again"
        )


def gather(
    path: str,
    blocks: Iterator[cytosine_rows.Block],
    settings: Mapping[str, Any],
    facts: dict[str, Any],
    asked: float = math.inf,
) -> dict[str, Chromosome]:
    """Return the rows of each primary chromosome, and add to the facts what the others are.

    A file with fewer rows than were `asked` for must have a CpG with a read.
    """
    parts: dict[str, list[Chromosome]] = {}
    facts |= {"n_rows": 0, "n_other_contig": 0, "n_without_read": 0, "n_other_context": 0}
    facts |= {"n_other_modification": 0, "controls": {}, "contexts": {}}
    strange: dict[str, int] = {}
    for block in blocks:
        rows = cytosine_rows.read(block, settings)
        facts["n_rows"] += block.batch.num_rows
        for why, n in rows.left_out.items():
            facts[why] += n
        for context, counts in rows.other.items():
            _add(facts["contexts"], context, *counts)
        for number, name in enumerate(rows.contigs):
            on = rows.contig == number
            chrom = ucsc_chromosome(name)
            if chrom is None:
                facts["n_other_contig"] += int(on.sum())
                _control(name, rows, on, facts["controls"], strange)
            elif on.any():
                parts.setdefault(chrom, []).append(_part(rows, on))
    _check_contigs(path, strange, facts)
    if not parts and facts["n_rows"] < asked:
        raise ReadingError(
            f"{path}: none of its {facts['n_rows']:,} rows is a CpG with a read on chromosomes 1 "
            f"to 22, X or Y; expected {TITLES[facts['format']]}. Give the file of CpGs"
        )
    return {
        chrom: Chromosome(*map(np.concatenate, zip(*parts.pop(chrom), strict=True)))
        for chrom in CHROMOSOMES
        if chrom in parts
    }


def _part(rows: Rows, on: np.ndarray) -> Chromosome:
    # Copies: the arrays of a block hold its text in memory.
    parts = (rows.pos, rows.strand, rows.methylated, rows.unmethylated)
    return Chromosome(*(part[on] for part in parts))


def _add(sums: dict[str, list[int]], name: str, methylated: int, unmethylated: int) -> None:
    before = sums.get(name, [0, 0])
    sums[name] = [before[0] + methylated, before[1] + unmethylated]


def _control(
    name: str,
    rows: Rows,
    on: np.ndarray,
    controls: dict[str, list[int]],
    strange: dict[str, int],
) -> None:
    """Add the reads of a contig whose methylation is known; count the rows of a strange one."""
    plain = name.lower().split(".")[0]
    control = next((kind for kind, names in CONTROLS.items() if plain in names), "")
    if control:
        counts = rows.methylated[on].sum(), rows.unmethylated[on].sum()
        _add(controls, control, int(counts[0]), int(counts[1]))
    elif not _UNPLACED.match(name):
        strange[name] = strange.get(name, 0) + int(on.sum())


def _check_contigs(path: str, strange: Mapping[str, int], facts: Mapping[str, Any]) -> None:
    n = sum(strange.values())
    if n > _MOST_OTHER * facts["n_rows"]:
        why = "Is the file of another species?"
        if any('"' in name for name in strange):
            why = "Names are in quotes: write the file without them (in R quote = FALSE)"
        raise ReadingError(
            f"{path}: {n:,} of {facts['n_rows']:,} rows are on contigs that linedrift does not "
            f"know: {listed(list(strange))}; expected 1 to 22, X, Y (with or without chr). {why}"
        )


def check_places(path: str, found: dict[str, Chromosome], of: Build, facts: dict[str, Any]) -> None:
    """Leave out rows beyond the ends of chromosomes; raise ReadingError where they are many."""
    beyond = {
        build.name: sum(
            int((rows.pos >= build.lengths[chrom]).sum()) for chrom, rows in found.items()
        )
        for build in genome.BUILDS.values()
    }
    n, total = beyond[of.name], sum(len(rows.pos) for rows in found.values())
    facts["n_beyond_chromosome"] = n
    if n > max(_MOST_BEYOND * total, 0):
        possible = [name for name, count in beyond.items() if not count]
        which = f"possible is {' or '.join(possible)}" if possible else "no build of linedrift fits"
        raise ReadingError(
            f"{path}: {n:,} of {total:,} CpGs lie beyond the end of their chromosome in {of.name}; "
            f"expected positions of {of.name}, {which}. Correct the column build"
        )
    if n:
        for chrom, rows in found.items():
            inside = rows.pos < of.lengths[chrom]
            found[chrom] = Chromosome(*(part[inside] for part in rows))


def check_sequence(found: Mapping[str, Chromosome], place: Place, facts: dict[str, Any]) -> None:
    """Raise ReadingError where cytosines are not on CpGs of the reference: say which build fits."""
    facts["reference_share"] = None
    if place.fasta is None or not found:
        return
    sample, own = _sample(found), place.build.name
    fit = cpg_sequence.fit(place.fasta, sample, place.chain)
    if fit.n < _LEAST_KNOWN:
        return
    facts["reference_share"] = fit.share
    if fit.share >= _LEAST_ON_CPG:
        return
    seen = f"{place.path}: {fit.n_cpg:,} of {fit.n:,} rows are on a CpG of the reference in {own}"
    readings = cpg_sequence.readings(place.fasta, sample, place.chains)
    raise ReadingError(f"{seen}, {_explained(readings, own, facts['format'])}")


def _explained(readings: list[cpg_sequence.Reading], own: str, format: str) -> str:
    """Return which build and first base fit, the best reading first, or what else may be wrong."""
    name, shift, fit = readings[0]
    if fit.share < _LEAST_ON_CPG:
        parts = [one for one in readings if one.shift == 0 and one.fit.share >= _LEAST_OF_MIXED]
        if sum(one.fit.share for one in parts) >= _LEAST_ON_CPG:
            shares = " and ".join(f"{one.fit.share:.0%} in {one.build}" for one in parts)
            return f"expected nearly all: {shares}. The file mixes builds; make it anew"
        return (
            f"expected nearly all, and no other build fits better than {fit.share:.0%} ({name}). "
            "Does the file hold other contexts (CHG, CHH), or is it of another species?"
        )
    text = f"{fit.n_cpg:,} of {fit.n:,} are in {name}"
    if shift:
        base = ("0-based", "1-based")[:: 1 if shift > 0 else -1]
        text += (
            f" when 1 is {'added to' if shift > 0 else 'taken from'} each position: positions are "
            f"{base[0]}, {format} has them {base[1]}. Make the file anew, or correct the column "
            "format"
        )
    else:
        text += ": the positions are those of it"
    return text if name == own else f"{text}. Write {name} into the column build"


def _sample(found: Mapping[str, Chromosome]) -> Sample:
    """Return some cytosines, evenly spread over the file."""
    total = sum(len(rows.pos) for rows in found.values())
    every = max(1, total // _LOOK_AT)
    # An odd step: an even one would show one strand of a file that alternates.
    every += 1 - every % 2
    parts = {chrom: (rows.pos[::every], rows.strand[::every]) for chrom, rows in found.items()}
    return Sample(
        np.repeat(list(parts), [len(pos) for pos, _ in parts.values()]),
        np.concatenate([pos for pos, _ in parts.values()]),
        np.concatenate([strand for _, strand in parts.values()]),
    )


def _frame(found: dict[str, Chromosome], place: Place, facts: dict[str, Any]) -> pd.DataFrame:
    """Return CYTOSINES of all chromosomes; `found` is emptied on the way, for memory's sake."""
    for key in ("n_not_cpg", "n_unmapped", "n_duplicate_position", "n_added", "n_strand_unknown"):
        facts[key] = 0
    columns: dict[str, list[np.ndarray]] = {name: [] for name in CYTOSINES.names if name != "end"}
    for chrom in list(found):
        start, methylated, unmethylated = _cpgs(chrom, in_order(found.pop(chrom)), place, facts)
        code = np.full(len(start), CHROMOSOMES.index(chrom), np.int8)
        for name, part in zip(columns, (code, start, methylated, unmethylated), strict=True):
            columns[name].append(part)
    code, start, methylated, unmethylated = (
        np.concatenate(columns.pop(name)) for name in list(columns)
    )
    frame = pd.DataFrame(
        {
            "chrom": pd.Categorical.from_codes(code, dtype=CHROM_DTYPE),
            "start": start,
            "end": start + np.int32(2),
            "methylated": methylated,
            "unmethylated": unmethylated,
        },
        copy=False,
    )
    facts["n_cpgs"] = len(frame)
    if not len(frame):
        raise ReadingError(
            f"{place.path}: no CpG of its {facts['n_rows']:,} rows has a place on GRCh38 "
            f"({facts['n_unmapped']:,} could not be lifted). Is the column build right?"
        )
    return tables.check(frame, CYTOSINES)


def in_order(rows: Chromosome) -> Chromosome:
    """Return the rows of a chromosome by position."""
    if (np.diff(rows.pos) >= 0).all():
        return rows
    order = np.argsort(rows.pos, kind="stable")
    return Chromosome(*(part[order] for part in rows))


def _cpgs(
    chrom: str, rows: Chromosome, place: Place, facts: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return start, methylated and unmethylated reads of the CpGs of a chromosome on GRCh38."""
    cytosine_rows.check_neighbours(place.path, chrom, rows.pos, rows.strand)
    if place.fasta is not None and (rows.strand == UNKNOWN).any():
        rows = _stranded(chrom, rows, place, facts)
        start = rows.pos - (rows.strand == REVERSE)
        return _added(start, rows, facts)
    start = rows.pos - (rows.strand == REVERSE)
    unknown = rows.strand == UNKNOWN
    if unknown.all():
        start = _paired(rows.pos, facts)
    elif unknown.any():
        start[unknown] = _paired(rows.pos[unknown], facts)
    found = _added(start.astype(np.int32), rows, facts)
    return found if place.chain is None else _lifted(chrom, *found, place.chain, facts)


def _paired(pos: np.ndarray, facts: dict[str, Any]) -> np.ndarray:
    """Return the CpG of sorted positions without a strand: neighbours are its two strands."""
    n = np.arange(len(pos), dtype=np.int32)
    begins = np.diff(pos, prepend=pos[:1] - 2) != 1
    second = (n - np.maximum.accumulate(np.where(begins, n, 0))) % 2 == 1
    ends = np.append(begins[1:], True)
    facts["n_strand_unknown"] += int((ends & ~second).sum())
    return pos - second


def _stranded(chrom: str, rows: Chromosome, place: Place, facts: dict[str, Any]) -> Chromosome:
    """Return rows on GRCh38 with the strands that the reference tells, those off a CpG left out."""
    assert place.fasta is not None
    pos = rows.pos.astype(np.int64)
    if place.chain is not None:
        pos, lifted = liftover.lift(place.chain, _named(chrom, len(pos)), pos)
        facts["n_unmapped"] += int((~lifted).sum())
        pos, rows = pos[lifted], Chromosome(*(part[lifted] for part in rows))
    rows = in_order(rows._replace(pos=pos.astype(np.int32)))
    names = {ucsc_chromosome(name): name for name in reversed(place.fasta.references)}
    if chrom not in names:
        kinds = np.full(len(rows.pos), NOT_KNOWN, np.int8)
    else:
        kinds = cpg_sequence.kinds(place.fasta, names[chrom], rows.pos)
    strand = np.where(rows.strand == UNKNOWN, kinds, rows.strand).astype(np.int8)
    # Where the FASTA has no base, neighbours are taken for the two strands.
    untold = strand == NOT_KNOWN
    start = _paired(rows.pos[untold], facts)
    strand[untold] = np.where(start < rows.pos[untold], REVERSE, BOTH)
    kept = strand != NO_CPG
    facts["n_not_cpg"] += int((~kept).sum())
    return Chromosome(*(part[kept] for part in rows._replace(strand=strand)))


def _named(chrom: str, n: int) -> np.ndarray:
    return np.broadcast_to(np.array(chrom), n)


def _added(
    start: np.ndarray, rows: Chromosome, facts: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each CpG once, the reads of its strands added."""
    first = np.flatnonzero(np.diff(start, prepend=start[:1] - 1))
    facts["n_added"] += len(start) - len(first)
    if len(first) == len(start):
        return start, rows.methylated, rows.unmethylated
    methylated, unmethylated = (
        np.add.reduceat(part, first) for part in (rows.methylated, rows.unmethylated)
    )
    return start[first], methylated, unmethylated


def _lifted(
    chrom: str,
    start: np.ndarray,
    methylated: np.ndarray,
    unmethylated: np.ndarray,
    chains: dict[str, list[liftover.Chain]],
    facts: dict[str, Any],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the CpGs on GRCh38: C and G must stand side by side there, in either direction."""
    names = _named(chrom, len(start))
    (c, on_c), (g, on_g) = (
        liftover.lift(chains, names, start.astype(np.int64) + base) for base in (0, 1)
    )
    whole = on_c & on_g & (np.abs(c - g) == 1)
    facts["n_unmapped"] += int((~whole).sum())
    lifted = np.minimum(c, g)[whole]
    order = np.argsort(lifted, kind="stable")
    lifted = lifted[order].astype(np.int32)
    new = np.diff(lifted, prepend=-1) != 0
    facts["n_duplicate_position"] += int((~new).sum())
    return lifted[new], methylated[whole][order][new], unmethylated[whole][order][new]
