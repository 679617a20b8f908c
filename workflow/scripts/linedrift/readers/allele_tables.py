"""Allele counts of RNA-seq as GATK's ASEReadCounter writes them, lifted to GRCh38.

`ref` is the base of the reference that the reads were aligned to, whatever GRCh38 has there: it is
the allele that alignment favours.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from linedrift import genome, tables
from linedrift.genome import CHROM_DTYPE, GRCH38, ucsc_chromosome
from linedrift.readers import delimited, liftover
from linedrift.readers.files import (
    ReadingError,
    check_presence,
    decode,
    head,
    is_gzip,
    listed,
    looks_like_binary,
    packed_end_problem,
)
from linedrift.readers.layouts import Layout, normal, split
from linedrift.readers.liftover import chain_path
from linedrift.readers.reference import opened
from linedrift.rna_tables import ALLELE_COUNTS

# Titles of the columns by what they are.
_COLUMNS = {
    "chrom": ("contig", "chrom", "chr", "chromosome"),
    "count:position": ("position", "pos"),
    "name": ("variantid", "id", "rsid"),
    "ref": ("refallele", "ref"),
    "alt": ("altallele", "alt"),
    "count:ref_count": ("refcount",),
    "count:alt_count": ("altcount",),
    "count:low_mapping": ("lowmapqdepth",),
    "count:raw": ("rawdepth",),
    "count:other": ("otherbases",),
}
_REQUIRED = ("chrom", "count:position", "ref", "alt", "count:ref_count", "count:alt_count")
_WHAT = (
    "a table of GATK's ASEReadCounter (contig, position, variantID, refAllele, altAllele, "
    "refCount, altCount, totalCount, ...)"
)
# Above this share of sites beyond the ends of chromosomes the build is another one.
_MOST_BEYOND = 0.001
# Known SNPs whose place on another build is that of a site here, against those on the stated one
# (times), and at least. Of 19,000 sites of real lines 3,700 are known on their build, 40 on the
# next.
_BETTER, _LEAST_HITS = 3, 20
# Share of sites whose reference base is that of the FASTA: nearly all on the right build, a third
# on another.
_LEAST_SAME, _LOOK_AT = 0.8, 2000
_BASES = ("A", "C", "G", "T")


class Reading(NamedTuple):
    """Allele counts of one sample: a frame of ALLELE_COUNTS on GRCh38, and facts.

    `facts`: n_rows = n_sites + n_not_snp + n_other_contig + n_beyond_chromosome + n_unmapped +
    n_duplicate_position; n_sites = n_usable + n_low_mapping + n_other_bases + n_without_read;
    n_reads and ref_share (their share of the reference) of usable autosomal sites.
    """

    sites: pd.DataFrame
    facts: dict[str, Any]


def read(
    path: str,
    *,
    settings: Mapping[str, Any],
    build: str = GRCH38.name,
    chains: Mapping[str, str] = MappingProxyType({}),
    fasta: str = "",
    build_markers: pd.DataFrame | None = None,
) -> Reading:
    """Read the allele counts of one sample.

    Parameters
    ----------
    path
        Table with tabs or commas, plain or gzip; contigs ``1`` or ``chr1``, positions 1-based.
    settings
        most_low_mapping, most_other_bases: shares of the reads at a site above which it is not
        usable.
    build
        Build of the positions.
    chains
        Chain files to GRCh38 by name of build. Sites that change strand are left out.
    fasta
        GRCh38 with its index; where given, the reference bases are held against it.
    build_markers
        SNPs known on each build (chrom, pos_<build>); where given, they tell another build.

    Raises
    ------
    ReadingError
        When the file is no such table or damaged, has counts that are none, no site with reads,
        or positions of another build.
    """
    path, of = str(path), genome.build(build)
    check_presence(path)
    if is_gzip(path) and (text := packed_end_problem(path)):
        raise ReadingError(text)
    delimited.check_end(path)
    found = layout(path)
    table = pa.Table.from_batches(list(delimited.batches(path, found, tuple(found.roles))))
    facts: dict[str, Any] = {"format": "ase", "build": of.name, "n_rows": table.num_rows}
    placed = check_rows(path, table, of, build_markers, facts)
    sites = _judged(path, _on_grch38(placed, of, chains, facts), settings, facts)
    if fasta:
        check_bases(path, sites, fasta)
    return Reading(tables.check(sites, ALLELE_COUNTS), facts)


def layout(path: str) -> Layout:
    """Return the layout of a table of allele counts, from its head."""
    start = head(path)
    if what := looks_like_binary(start):
        raise ReadingError(f"{path}: is {what}; expected {_WHAT}")
    lines = start.splitlines(keepends=True)
    at = next((i for i, line in enumerate(lines) if line.strip() and line[:1] not in b"#@"), None)
    if at is None:
        raise ReadingError(f"{path}: has no rows; expected {_WHAT}")
    text = decode(lines[at]).rstrip("\r\n")
    delimiter = max("\t,;", key=text.count)
    columns = tuple(split(text, delimiter))
    titles = [normal(title) for title in columns]
    roles = {
        role: titles.index(next(name for name in names if name in titles))
        for role, names in _COLUMNS.items()
        if set(names) & set(titles)
    }
    missing = [_COLUMNS[role][0] for role in _REQUIRED if role not in roles]
    if missing:
        raise ReadingError(
            f"{path}: is not {_WHAT}: no column {listed(missing)}; found "
            f"{listed(list(columns), 12)}"
        )
    offset = sum(map(len, lines[: at + 1]))
    return Layout("ase", offset, at + 1, delimiter, columns, roles)


def check_rows(
    path: str,
    table: pa.Table,
    of: genome.Build,
    build_markers: pd.DataFrame | None,
    facts: dict[str, Any] | None = None,
) -> pd.DataFrame:
    """Return the SNPs of rows on their build; raise ReadingError where they are no such counts.

    What is left out is counted in `facts`.
    """
    frame = _frame(path, table)
    _check_build(path, frame, of, build_markers)
    return _placed(path, frame, of, {} if facts is None else facts)


def _frame(path: str, table: pa.Table) -> pd.DataFrame:
    """Return the rows with counts as numbers; counts of absent columns are 0."""
    if not table.num_rows:
        raise ReadingError(f"{path}: has a header but no rows; expected {_WHAT}")
    here = set(table.column_names)
    texts = ("chrom", "name", "ref", "alt")
    frame = pd.DataFrame(
        {
            name: delimited.as_text(table[name]).to_pandas().astype("str") if name in here else ""
            for name in texts
        },
        index=range(table.num_rows),
    )
    for role in (role for role in _COLUMNS if role.startswith("count:")):
        name = role.removeprefix("count:")
        values = table[role].to_numpy() if role in here else np.zeros(len(frame))
        wrong = ~(values >= (name == "position")) | (values % 1 != 0)
        if wrong.any():
            at = int(np.argmax(wrong))
            raise ReadingError(
                f"{path}: {name.replace('_', ' ')} of {int(wrong.sum()):,} sites is no whole "
                f"number of 0 or more, first {values[at]:g} in row {at + 1:,} "
                f"({frame['chrom'].iloc[at]}); expected {_WHAT}. Make it again"
            )
        frame[name] = values.astype(np.int64)
    return frame


def _placed(
    path: str, frame: pd.DataFrame, of: genome.Build, facts: dict[str, Any]
) -> pd.DataFrame:
    """Return the SNPs on primary chromosomes of their build, `start` 0-based; count the others."""
    for allele in ("ref", "alt"):
        frame[allele] = frame[allele].str.upper()
    snp = frame["ref"].isin(_BASES) & frame["alt"].isin(_BASES) & (frame["ref"] != frame["alt"])
    known = {name: ucsc_chromosome(name) for name in frame["chrom"].unique()}
    chrom = frame["chrom"].map(known)
    ends = chrom.map(dict(of.lengths)).astype(float)
    other = snp & chrom.isna()
    beyond = snp & ~other & (frame["position"] > ends)
    facts |= {
        "n_not_snp": int((~snp).sum()),
        "n_other_contig": int(other.sum()),
        "n_beyond_chromosome": int(beyond.sum()),
    }
    if other.sum() > 0.5 * len(frame):
        contigs = listed(list(frame.loc[other, "chrom"].unique()))
        raise ReadingError(
            f"{path}: {int(other.sum()):,} of {len(frame):,} sites are on contigs that linedrift "
            f"does not know: {contigs}; expected 1 to 22, X, Y (with or without chr)"
        )
    if beyond.sum() > _MOST_BEYOND * len(frame):
        raise ReadingError(
            f"{path}: {int(beyond.sum()):,} sites lie beyond the end of their chromosome in "
            f"{of.name}; expected positions of {of.name}. Correct the column build"
        )
    kept = snp & ~other & ~beyond
    return frame[kept].assign(chrom=chrom[kept], start=frame["position"][kept] - 1)


def _check_build(
    path: str, sites: pd.DataFrame, of: genome.Build, known: pd.DataFrame | None
) -> None:
    """Raise ReadingError where known SNPs stand on another build."""
    if known is None:
        return
    chrom = sites["chrom"].map({name: ucsc_chromosome(name) for name in sites["chrom"].unique()})
    here = pd.MultiIndex.from_arrays([chrom, sites["position"]])
    hits = {}
    for build in genome.BUILDS.values():
        there = known[["chrom", f"pos_{build.name}"]].dropna()
        there = there.astype({"chrom": "str", f"pos_{build.name}": "int64"})
        hits[build.name] = int(here.isin(pd.MultiIndex.from_frame(there)).sum())
    best = max(hits, key=lambda name: hits[name])
    if hits[best] >= _LEAST_HITS and hits[best] > _BETTER * hits[of.name]:
        raise ReadingError(
            f"{path}: {hits[best]:,} of {len(sites):,} sites are at known SNPs of {best}, "
            f"{hits[of.name]:,} at those of {of.name}: the positions are those of {best}. Write "
            f"{best} into the column build"
        )


def _on_grch38(
    sites: pd.DataFrame, of: genome.Build, chains: Mapping[str, str], facts: dict[str, Any]
) -> pd.DataFrame:
    """Return the sites on GRCh38; those that lead nowhere or change strand are counted."""
    facts["n_unmapped"] = 0
    if of.name != GRCH38.name:
        chain = liftover.read_chain(chain_path(of, chains), of)
        forward = {
            name: plus
            for name, every in chain.items()
            if (plus := [one for one in every if not one.minus])
        }
        chrom, start = sites["chrom"].to_numpy(dtype=object), sites["start"].to_numpy()
        lifted, found = liftover.lift(chain, chrom, start)
        found &= liftover.lift(forward, chrom, start)[0] == lifted
        facts |= {"n_unmapped": int((~found).sum()), "chain": Path(chains[of.name]).name}
        sites = sites[found].assign(start=lifted[found])
    sites = sites.assign(end=sites["start"] + 1).astype({"chrom": CHROM_DTYPE})
    sites = tables.in_genome_order(sites)
    repeated = sites.duplicated(["chrom", "start"])
    facts["n_duplicate_position"] = int(repeated.sum())
    return sites[~repeated].reset_index(drop=True)


def _judged(
    path: str, sites: pd.DataFrame, settings: Mapping[str, Any], facts: dict[str, Any]
) -> pd.DataFrame:
    """Return the sites as ALLELE_COUNTS, each usable or not, and count why not."""
    total = sites["ref_count"] + sites["alt_count"]
    raw = np.maximum(sites["raw"], total)
    silent = total == 0
    strange = ~silent & (sites["other"] > settings["most_other_bases"] * raw)
    misplaced = ~silent & ~strange & (sites["low_mapping"] > settings["most_low_mapping"] * raw)
    usable = ~(silent | strange | misplaced)
    autosomal = usable & ~sites["chrom"].isin(["chrX", "chrY"])
    reads = int(total[autosomal].sum())
    facts |= {
        "n_sites": len(sites),
        "n_without_read": int(silent.sum()),
        "n_other_bases": int(strange.sum()),
        "n_low_mapping": int(misplaced.sum()),
        "n_usable": int(usable.sum()),
        "n_reads": reads,
        "ref_share": float(sites.loc[autosomal, "ref_count"].sum()) / max(reads, 1),
    }
    if not usable.any():
        raise ReadingError(
            f"{path}: none of {len(sites):,} SNPs on GRCh38 has reads to rely on "
            f"({facts['n_without_read']:,} without a read); expected {_WHAT}"
        )
    place = sites["chrom"].astype("str") + ":" + (sites["start"] + 1).astype("str")
    named = ~sites["name"].isin(["", ".", "NA"])
    found = sites.assign(total=total, usable=usable, name=sites["name"].where(named, place))
    return tables.conform(found, ALLELE_COUNTS)


def check_bases(path: str, sites: pd.DataFrame, fasta: str) -> None:
    """Raise ReadingError where the reference bases of sites are not those of a FASTA.

    Some sites, evenly spread, are looked at.
    """
    few = sites.iloc[:: max(1, len(sites) // _LOOK_AT)]
    same = n = 0
    with opened(fasta) as file:
        names = {ucsc_chromosome(name): name for name in file.references}
        for chrom, start, ref in zip(few["chrom"], few["start"], few["ref"], strict=True):
            if chrom in names and start < file.get_reference_length(names[chrom]):
                base = file.fetch(names[chrom], start, start + 1).upper()
                n, same = n + (base in _BASES), same + (base == ref)
    if same < _LEAST_SAME * n:
        raise ReadingError(
            f"{path}: {same:,} of {n:,} reference alleles are the base that {fasta} has there; "
            "expected nearly all. Are the build and the columns of alleles right?"
        )
