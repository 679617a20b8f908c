"""Positions of the markers of an array: BPM and CSV manifests of Illumina, or a marker table."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linedrift.readers import bpm, delimited, layouts
from linedrift.readers.files import ReadingError, decode, head, looks_like_binary


def read(path: str, build: str = "", most_rows: int = 0) -> tuple[pa.Table, dict[str, Any]]:
    """Read the markers of a manifest or marker table.

    A GTC has its arrays in the order of the BPM's list of names; a CSV manifest has its rows in
    that same order between [Assay] and [Controls], so its own order is kept. (The BPM's entries
    of loci may stand in any order; they are joined to the list by name.)

    Parameters
    ----------
    path
        BPM, CSV manifest, or text with the columns Name, Chr, Position.
    build
        A marker table with columns Chr_<build>, Pos_<build> is read by those.
    most_rows
        Stop after about this many rows of a text (0: read all).

    Returns
    -------
    tuple
        Table name, chrom (texts), pos (float64, 1-based, null where none), intensity_only (bool);
        and kind (bpm, csv, markers), manifest (its name), n_loci, stated_build.

    Raises
    ------
    ReadingError
        When the file is none of the three, or is cut.
    """
    start = head(path)
    if start.startswith(b"BPM"):
        table, info = bpm.read_bpm(path)
        return _typed(table), {"kind": "bpm", "stated_build": "", **info}
    if re.search(rb"(?m)^\"?\[Assay\]", start):
        return _read_csv(path, start, most_rows)
    if looks_like_binary(start):
        raise ReadingError(
            f"{path}: looks like {looks_like_binary(start)}; expected a BPM or CSV manifest, or a "
            "marker table with Name, Chr, Position"
        )
    found = layouts.layout(path, "markers", build=build)
    rows = _rows(path, found, most_rows)
    if rows.num_rows == 0:
        raise ReadingError(f"{path}: has columns but no markers; export it again")
    return _typed(rows), {"kind": "markers", "manifest": "", "n_loci": rows.num_rows} | {
        "stated_build": ""
    }


def csv_head(path: str) -> dict[str, Any]:
    """Return manifest (name) and n_loci (0 where not said) from the head of a CSV manifest."""
    return _heading(head(path))[0]


def _heading(start: bytes) -> tuple[dict[str, Any], int, list[bytes]]:
    """Return what [Heading] says, the index of the line behind [Assay], and the lines."""
    lines = start.splitlines(keepends=True)
    said: dict[str, str] = {}
    for index, raw in enumerate(lines):
        fields = [text.strip().strip('"') for text in decode(raw).strip().split(",")]
        if fields[0] == "[Assay]":
            count = said.get("Loci Count", "")
            name = said.get("Descriptor File Name", "")
            found = {"manifest": name, "n_loci": int(count) if count.isdigit() else 0}
            return found, index + 1, lines
        if len(fields) > 1:
            said[fields[0]] = fields[1]
    return {"manifest": "", "n_loci": 0}, len(lines), lines


def _read_csv(path: str, start: bytes, most_rows: int) -> tuple[pa.Table, dict[str, Any]]:
    info, index, lines = _heading(start)
    columns = tuple(layouts.split(decode(lines[index]).strip(), ",")) if index < len(lines) else ()
    titles = [layouts.normal(title) for title in columns]
    wanted = {"name": "name", "chrom": "chr", "pos": "mapinfo", "stated": "genomebuild"}
    roles = {role: titles.index(title) for role, title in wanted.items() if title in titles}
    missing = {"name", "chrom", "pos"} - set(roles)
    if missing:
        raise ReadingError(
            f"{path}: CSV manifest without the columns Name, Chr, MapInfo; "
            f"found {layouts.listed(list(columns), 12)}"
        )
    roles["first"] = 0 if roles["name"] else 1
    offset = sum(map(len, lines[: index + 1]))
    found = layouts.Layout("markers", offset, index + 1, ",", columns, roles)
    rows = _rows(path, found, most_rows)
    end = pc.index(rows["first"], pa.scalar(b"[Controls]")).as_py()
    rows = rows if end < 0 else rows.slice(0, end)
    stated = _most_common(rows["stated"]) if "stated" in roles else ""
    n_read = rows.num_rows
    if not most_rows and n_read < info["n_loci"]:
        raise ReadingError(
            f"{path}: is cut: found {n_read:,} loci between [Assay] and [Controls], its heading "
            f"says {info['n_loci']:,}. Fetch it again"
        )
    info = {"kind": "csv", "stated_build": stated} | info | {"n_rows": n_read}
    info["n_loci"] = info["n_loci"] if most_rows and info["n_loci"] else n_read
    return _typed(rows), info


def _most_common(column: pa.ChunkedArray) -> str:
    counts = pc.value_counts(column).to_pylist()
    return decode(max(counts, key=lambda entry: entry["counts"])["values"]) if counts else ""


def _rows(path: str, found: layouts.Layout, most_rows: int) -> pa.Table:
    block = (1 << 20) if most_rows else 0
    parts, n = [], 0
    for batch in delimited.batches(
        path, found, tuple(found.roles), until=("[Controls]", '"[Controls]"'), block=block
    ):
        parts.append(batch)
        n += batch.num_rows
        if most_rows and n >= most_rows:
            break
    return pa.Table.from_batches(parts)


def _typed(rows: pa.Table) -> pa.Table:
    """Return name, chrom, pos, intensity_only, from texts or numbers."""
    have = rows.column_names
    pos = rows["pos"]
    if not pa.types.is_floating(pos.type):
        blank = pc.is_in(pos, value_set=pa.array(delimited.MISSING))
        pos = pc.if_else(blank, pa.scalar(None, pa.string()), pos).cast(pa.float64())
    only = np.zeros(len(rows), dtype=bool)
    if "intensity_only" in have:
        flags = delimited.codes(rows["intensity_only"], [b"1", b"TRUE", b"True", b"true", b"Y"])
        only = flags.is_valid().to_numpy(zero_copy_only=False)
    return pa.table(
        {
            "name": delimited.as_text(rows["name"]),
            "chrom": delimited.as_text(rows["chrom"]),
            "pos": pos,
            "intensity_only": only,
        }
    )
