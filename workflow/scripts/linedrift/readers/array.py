"""SNP arrays in every format that linedrift reads, made into signals on GRCh38."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from linedrift import genome, tables
from linedrift.readers import array_values, array_vcf, bpm, liftover, manifests
from linedrift.readers.files import (
    ReadingError,
    check_presence,
    is_gzip,
    listed,
    packed_end_problem,
)
from linedrift.readers.layouts import TITLES
from linedrift.readers.loci import INTENSITY_ONLY, Loci, from_text, make

FORMATS = ("final_report", "full_data_table", "penncnv", "gtc", "vcf", "table")
# Below this share of names the marker table is of another array.
_LEAST_FOUND = 0.5
# Above this share of markers beyond the ends of chromosomes the build is another one: between
# hg18, GRCh37 and GRCh38 it is .2 % and more of an array (chr19 shrank by 5 Mb), in the right
# build it is 0.
_MOST_BEYOND = 0.001
# Above this share of markers on unknown contigs the chromosome column is something else.
MOST_OTHER = 0.5


@dataclass(frozen=True)
class Reading:
    """What a file of a SNP array holds.

    `signals` is a frame of `tables.SIGNALS` on GRCh38. `facts` counts every row of the sample:
    n_rows = n_loci + n_no_position + n_other_contig + n_beyond_chromosome + n_unmapped; and
    n_loci = n_usable + n_duplicate_position + n_failed_by_file + n_without_signal.
    """

    signals: pd.DataFrame
    facts: dict[str, Any] = field(default_factory=dict)


def read(
    path: str,
    *,
    format: str,
    name_in_file: str = "",
    path2: str = "",
    build: str = "GRCh38",
    chains: Mapping[str, str] = MappingProxyType({}),
) -> Reading:
    """Read one measurement of a SNP array.

    Parameters
    ----------
    path
        File of the array; text formats may be gzip.
    format
        One of `FORMATS`.
    name_in_file
        Sample of a file that holds many.
    path2
        Manifest (BPM or CSV; a GTC needs one) or marker table with Name, Chr, Position. Where it
        is given, its positions are used and not those of `path`.
    build
        Build of the positions that are used.
    chains
        Chain files to GRCh38 by name of build.

    Raises
    ------
    ReadingError
        When the file cannot be read as said, or its positions cannot be used.
    """
    path, path2 = str(path), str(path2)
    if format not in FORMATS:
        raise ReadingError(f"{path}: unknown format {format!r}; expected {', '.join(FORMATS)}")
    of = genome.build(build)
    for one in (path, path2):
        if one or one is path:
            check_presence(one)
            if text := is_gzip(one) and packed_end_problem(one, most_bytes=0):
                raise ReadingError(text)
    loci = _load(path, format, name_in_file, path2, of.name)
    array_values.check(path, loci.table)
    facts = {"format": format, "build": of.name, **loci.found, "n_rows": loci.table.num_rows}
    frame = _place(path2 or path, loci.table, of, chains, facts)
    signals = _signals(frame, facts)
    facts["n_loci"] = len(signals)
    return Reading(tables.check(signals, tables.SIGNALS), facts)


def _load(path: str, format: str, name: str, path2: str, build: str) -> Loci:
    """Return the loci as the file has them, with the positions of `path2` where it is given."""
    if format == "gtc":
        return _with_manifest(path, path2)
    loci = array_vcf.read(path, name) if format == "vcf" else from_text(path, format, name)
    if loci.table.num_rows == 0:
        raise ReadingError(f"{path}: has no rows; expected {TITLES[format]}. Export it again")
    if path2 and format != "vcf":
        return _with_markers(path, loci, path2, build)
    if not loci.found["has_positions"]:
        raise no_positions(path)
    return loci


def no_positions(path: str) -> ReadingError:
    """Return the error of a file without positions where the sheet gives no markers either."""
    return ReadingError(
        f"{path}: has no columns Chr and Position, and the sheet gives no path2; expected a "
        "BPM or CSV manifest, or a marker table with Name, Chr, Position, in path2"
    )


def unknown_contigs(path: str, n_other: int, n: int, contigs: list[str]) -> ReadingError:
    """Return the error of a file with most of its markers on unknown contigs."""
    return ReadingError(
        f"{path}: {n_other:,} of {n:,} markers are on contigs that linedrift does not know: "
        f"{listed(contigs)}; expected 1 to 22, X, Y (with or without chr). "
        "Is the column of chromosomes the right one?"
    )


def _with_manifest(path: str, path2: str) -> Loci:
    """Return the loci of a GTC with the names and positions of its manifest."""
    if not path2:
        raise ReadingError(
            f"{path}: a GTC has no names and positions; expected its BPM or CSV manifest in path2"
        )
    gtc = bpm.read_gtc(path)
    markers, info = manifests.read(path2)
    check_manifest(gtc, path2, info)
    genotype = gtc.array(bpm.GENOTYPES, "u1")
    table = make(
        name=markers["name"],
        chrom=markers["chrom"],
        pos=markers["pos"],
        lrr=pa.array(gtc.array(bpm.LRR, "<f4")),
        baf=pa.array(gtc.array(bpm.BAF, "<f4")),
        genotype=np.where(genotype <= 3, genotype, 0).astype(np.int8),
    )
    found = {
        "sample": gtc.text(bpm.SAMPLE_NAME),
        "array": gtc.text(bpm.MANIFEST_NAME),
        "manifest": info["manifest"],
        "stated_build": info["stated_build"],
        "software": f"GTC version {gtc.version}",
        "has_positions": True,
        "has_genotypes": True,
    }
    return Loci(table, found)


def check_manifest(gtc: bpm.Gtc, path2: str, info: Mapping[str, Any]) -> None:
    """Raise ReadingError where a manifest is not that of the GTC, by kind, number and name."""
    if info["kind"] == "markers":
        raise ReadingError(
            f"{path2}: is a marker table; a GTC needs its BPM or CSV manifest, because its arrays "
            "have no names. Expected the manifest "
            f"{gtc.text(bpm.MANIFEST_NAME) or 'that it was made with'}"
        )
    theirs, ours = gtc.text(bpm.MANIFEST_NAME), info["manifest"]
    if info["n_loci"] != gtc.n_snps:
        raise ReadingError(
            f"{path2}: does not fit {gtc.path}: the manifest {ours!r} has {info['n_loci']:,} loci, "
            f"the GTC {gtc.n_snps:,} and was made with {theirs!r}. Give that manifest in path2"
        )
    if theirs and ours and _stem(theirs) != _stem(ours):
        raise ReadingError(
            f"{path2}: does not fit {gtc.path}: the manifest is {ours!r}, the GTC was made with "
            f"{theirs!r}. Give that manifest in path2"
        )


def _stem(name: str) -> str:
    """Return the name of a manifest without ending: GSA_A1.bpm and GSA_A1.csv are one."""
    return name.lower().removesuffix(".bpm").removesuffix(".csv").strip()


def _with_markers(path: str, loci: Loci, path2: str, build: str) -> Loci:
    """Return the loci with the positions that the markers of `path2` have by name."""
    markers, info = manifests.read(path2, build)
    index = check_markers_fit(path, loci.table["name"], path2, markers)
    table = loci.table
    for column in ("chrom", "pos"):
        at = table.schema.get_field_index(column)
        table = table.set_column(at, column, markers[column].take(index))
    only = pc.fill_null(markers["intensity_only"].take(index), False)
    baf = pc.if_else(only, pa.scalar(None, pa.float32()), table["baf"])
    table = table.set_column(table.schema.get_field_index("baf"), "baf", baf)
    found = {"manifest": info["manifest"], "n_not_in_manifest": index.null_count}
    return Loci(table, loci.found | found)


def check_markers_fit(
    path: str, names: pa.ChunkedArray, path2: str, markers: pa.Table
) -> pa.ChunkedArray:
    """Return the row of `markers` of each name, null where it has none.

    Raises
    ------
    ReadingError
        When less than half of the names are there: the table is of another array.
    """
    index = pc.index_in(names, value_set=markers["name"].combine_chunks())
    n_found = len(index) - index.null_count
    if n_found < _LEAST_FOUND * len(index):
        raise ReadingError(
            f"{path2}: does not fit {path}: {n_found:,} of {len(index):,} marker names are in it "
            f"(the file starts with {listed(names.slice(0, 3).to_pylist())}, this one with "
            f"{listed(markers['name'].slice(0, 3).to_pylist())}). Give the manifest of that array"
        )
    return index


def _place(
    path: str, table: pa.Table, of: genome.Build, chains: Mapping[str, str], facts: dict[str, Any]
) -> pd.DataFrame:
    """Return the loci that have a place on GRCh38, with columns chrom, start; count the others."""
    pos = table["pos"].to_numpy()
    chrom, other = _chromosomes(table["chrom"], pos, of)
    placed = np.isfinite(pos) & (pos > 0)
    no_position = ~placed | ((chrom < 0) & ~other)
    other &= placed
    beyond = np.zeros(len(pos), dtype=bool)
    on = ~no_position & ~other
    lengths = np.array([of.lengths[name] for name in genome.CHROMOSOMES])
    beyond[on] = pos[on] > lengths[chrom[on]]
    facts |= {
        "n_no_position": int(no_position.sum()),
        "n_other_contig": int(other.sum()),
        "other_contigs": _most(table["chrom"], other),
        "n_beyond_chromosome": int(beyond.sum()),
    }
    _check_places(path, table, of, facts, beyond)
    keep = np.flatnonzero(on & ~beyond)
    start, code = pos[keep].astype(np.int64) - 1, chrom[keep]
    facts["n_unmapped"] = 0
    if of.name != genome.GRCH38.name:
        chain = liftover.read_chain(liftover.chain_path(of, chains), of)
        start, lifted = liftover.lift(chain, np.asarray(genome.CHROMOSOMES)[code], start)
        facts["n_unmapped"] = int((~lifted).sum())
        keep, start, code = keep[lifted], start[lifted], code[lifted]
        facts["chain"] = Path(chains[of.name]).name
    frame = table.select(["name", "lrr", "baf", "genotype", "fit"]).take(keep).to_pandas()
    frame["chrom"] = pd.Categorical.from_codes(code, dtype=genome.CHROM_DTYPE)
    frame["start"] = start
    return frame


def _chromosomes(
    column: pa.ChunkedArray, pos: np.ndarray, of: genome.Build
) -> tuple[np.ndarray, np.ndarray]:
    """Return codes of genome.CHROMOSOMES (-1 for none), and whether another contig is named.

    PLINK numbers Y 24 and the pseudoautosomal regions 25; Affymetrix numbers X 24 and Y 25,
    GWASTools the pseudoautosomal regions 24 and Y 25. The second kind shows by positions of 24
    beyond the end of Y.
    """
    names = column.combine_chunks().dictionary_encode()
    words = [*names.dictionary.to_pylist(), None]
    known = [genome.ucsc_chromosome(word) for word in words]
    code = [genome.CHROMOSOMES.index(name) if name else -1 for name in known]
    absent = {None, "", "0", "---", "NA", "."}
    other = [name is None and word not in absent for name, word in zip(known, words, strict=True)]
    at = pc.fill_null(names.indices, len(words) - 1).to_numpy(zero_copy_only=False)
    if "24" in words and np.nanmax(pos[at == words.index("24")]) > of.lengths["chrY"]:
        for word, name in (("24", "chrX"), ("25", "chrY")):
            if word in words:
                code[words.index(word)] = genome.CHROMOSOMES.index(name)
    return np.array(code)[at], np.array(other)[at]


def _most(column: pa.ChunkedArray, mask: np.ndarray) -> dict[str, int]:
    """Return the ten most frequent contigs of the marked rows."""
    counts = pc.value_counts(column.filter(pa.array(mask))).to_pylist()
    ordered = sorted(counts, key=lambda entry: -entry["counts"])[:10]
    return {entry["values"]: entry["counts"] for entry in ordered}


def _check_places(
    path: str, table: pa.Table, of: genome.Build, facts: Mapping[str, Any], beyond: np.ndarray
) -> None:
    n = table.num_rows
    if facts["n_other_contig"] > MOST_OTHER * n:
        contigs = list(facts["other_contigs"])
        raise unknown_contigs(path, facts["n_other_contig"], n, contigs)
    if facts["n_no_position"] == n:
        raise ReadingError(f"{path}: none of {n:,} markers has a position; give them in path2")
    if facts["n_beyond_chromosome"] > _MOST_BEYOND * n:
        row = int(np.argmax(beyond))
        name, chrom = table["name"][row].as_py(), table["chrom"][row].as_py()
        raise ReadingError(
            f"{path}: {facts['n_beyond_chromosome']:,} of {n:,} markers lie beyond the end of "
            f"their chromosome in {of.name}, first {name!r} at {chrom}:"
            f"{table['pos'][row].as_py():,.0f}; expected positions of {of.name}. Correct the "
            "column build"
        )


def _signals(frame: pd.DataFrame, facts: dict[str, Any]) -> pd.DataFrame:
    """Return the frame of SIGNALS in genome order, and count what cannot be used."""
    level = frame["lrr"].to_numpy(dtype=np.float32, copy=True)
    level[~np.isfinite(level)] = np.nan
    fraction = frame["baf"].to_numpy(dtype=np.float32, copy=True)
    intensity_only = frame["name"].str.contains(INTENSITY_ONLY, regex=True).to_numpy(dtype=bool)
    no_fraction = (
        intensity_only | ~np.isfinite(fraction) | (np.abs(fraction) > array_values.MOST_FRACTION)
    )
    fraction[no_fraction] = np.nan
    genotype = np.where(no_fraction, 0, frame["genotype"].to_numpy())
    signals = pd.DataFrame(
        {
            "chrom": frame["chrom"],
            "start": frame["start"],
            "end": frame["start"] + 1,
            "name": frame["name"],
            "level": level,
            "level_sd": np.nan,
            "b_fraction": fraction,
            "b_sd": np.nan,
            "genotype": pd.Categorical.from_codes(genotype, dtype=tables.GENOTYPES),
            "fit": frame["fit"],
        }
    )
    # Of the loci at one position the first by name is used, so that every measurement by this
    # array uses the same one; intensity-only probes come last.
    order = signals.assign(last=intensity_only).sort_values(
        ["chrom", "start", "last", "name"], kind="stable", ignore_index=True
    )
    return _with_usable(order, facts)


def _with_usable(signals: pd.DataFrame, facts: dict[str, Any]) -> pd.DataFrame:
    duplicate = signals.duplicated(["chrom", "start"]).to_numpy()
    failed = ~signals["fit"].to_numpy() & ~duplicate
    no_signal = (signals["level"].isna() & signals["b_fraction"].isna()).to_numpy()
    silent = no_signal & ~duplicate & ~failed
    usable = ~(duplicate | failed | silent)
    facts |= {
        "n_duplicate_position": int(duplicate.sum()),
        "n_failed_by_file": int(failed.sum()),
        "n_without_signal": int(silent.sum()),
        "n_usable": int(usable.sum()),
        "n_genotypes": int((signals["genotype"] != "").sum()),
    }
    return tables.conform(signals.assign(usable=usable), tables.SIGNALS)
