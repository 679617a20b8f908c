"""A quick look at files of methylation, before any job runs: whether the sheet is right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from linedrift import genome
from linedrift.readers import (
    alignments,
    cytosine_layouts,
    cytosine_rows,
    cytosines,
    delimited,
    idat,
    methylation_arrays,
    methylation_layouts,
)
from linedrift.readers.files import (
    ReadingError,
    check_presence,
    decode,
    head,
    is_gzip,
    last_line,
    looks_like_binary,
    packed_end_problem,
)
from linedrift.readers.layouts import Layout

FORMATS = (*methylation_arrays.FORMATS, *cytosines.FORMATS, *alignments.FORMATS)
# Rows of a table of cytosines that are looked at, and bytes of a block of them.
_ROWS, _BLOCK = 20_000, 1 << 18
# Bytes that tell what kind a file is.
_FIRST = 1 << 10
# Settings that a check of rows needs, whatever they are.
_ANY = {"modification": "5mC", "percent_reads": 1}


def problems(row: Mapping[str, str], chains: Mapping[str, str], reference: str = "") -> list[str]:
    """Return what is wrong with the files of one methylation measurement, or an empty list.

    Parameters
    ----------
    row
        Row of samples.tsv: path, path2, format, name_in_file, build.
    chains
        Chain files to GRCh38 by name of build.
    reference
        FASTA that cytosines and alignments are compared with, or nothing.
    """
    path, format = str(row["path"]), str(row["format"])
    if format not in FORMATS:
        return [f"{path}: unknown format {format!r}; expected {', '.join(FORMATS)}"]
    if format in alignments.FORMATS:
        return alignments.problems(row, reference)
    try:
        for one in filter(None, (path, str(row.get("path2", "")))):
            check_presence(one)
            if is_gzip(one) and (text := packed_end_problem(one)):
                return [text]
            if "zip archive" in (what := looks_like_binary(head(one, _FIRST))):
                return [f"{one}: is {what}; expected a file of format {format}"]
        if format in cytosines.FORMATS:
            build = str(row.get("build", "")) or genome.GRCH38.name
            look_at_cytosines(path, format, build, chains, reference)
        else:
            _look_at_array(row)
    except ReadingError as error:
        return [str(error)]
    return []


def look_at_cytosines(
    path: str,
    format: str,
    build: str,
    chains: Mapping[str, str],
    reference: str = "",
) -> None:
    """Raise ReadingError where the first rows are no cytosines of that format and build."""
    try:
        of = genome.build(build)
    except ValueError as error:
        raise ReadingError(f"{path}: {error}") from error
    shape = cytosine_layouts.shape(path, format)
    cytosines.check_end(path, shape)
    facts: dict[str, Any] = {"format": format}
    found = cytosines.gather(path, _first(path, shape), _ANY, facts, asked=_ROWS)
    cytosines.check_places(path, found, of, facts)
    with cytosines.placed(path, of, chains, reference) as place:
        cytosines.check_sequence(found, place, facts)
    for chrom, rows in found.items():
        pos, strand, *_ = cytosines.in_order(rows)
        cytosine_rows.check_neighbours(path, chrom, pos, strand)


def _first(path: str, shape: cytosine_layouts.Shape) -> Iterator[cytosine_rows.Block]:
    """Yield the blocks of the first rows."""
    n = 0
    for block in cytosine_rows.blocks(path, shape, _BLOCK):
        yield block
        n += block.batch.num_rows
        if n >= _ROWS:
            return


def _look_at_array(row: Mapping[str, str]) -> None:
    """Raise ReadingError where a file is not of an array as said; name what it looks like."""
    path, path2 = str(row["path"]), str(row.get("path2", ""))
    name = str(row.get("name_in_file", ""))
    try:
        if row["format"] == "idat":
            idat.read_pair(path, path2)
        elif row["format"] == "betas":
            found = methylation_layouts.matrix(path, name, "a matrix of betas")
            rows = _rows(path, found).rename(columns={"value": "beta"})
            methylation_arrays.check_betas(path, rows)
        elif path2:
            for one, kind in ((path, "methylated"), (path2, "unmethylated")):
                found = methylation_layouts.matrix(one, name, f"a matrix of {kind} intensities")
                rows = _rows(one, found).rename(columns={"value": kind})
                methylation_arrays.check_intensities(one, rows, kind)
        else:
            rows = _rows(path, methylation_layouts.intensities(path, name))
            for kind in ("methylated", "unmethylated"):
                methylation_arrays.check_intensities(path, rows, kind)
    except ReadingError as error:
        likely = "" if row["format"] == "idat" else cytosine_layouts.looks_like(head(path))
        if not likely:
            raise
        words = cytosine_layouts.TITLES[likely]
        hint = f"It looks like {words}: write {likely} into the column format"
        raise ReadingError(f"{error}. {hint}") from error


def _rows(path: str, found: Layout) -> pd.DataFrame:
    """Return the first probes of one sample: name, then numbers by role."""
    roles = tuple(found.roles)
    until = methylation_layouts.TABLE_END
    batch = next(delimited.batches(path, found, roles, until=until, block=_BLOCK))
    if not decode(last_line(path) or b"").startswith(until):
        delimited.open_end(path, found)
    return pd.DataFrame(
        {
            role.rpartition(":")[2]: delimited.as_text(batch[role]).to_pandas()
            if role == "name"
            else batch[role].to_numpy(zero_copy_only=False)
            for role in roles
        }
    )
