"""The two sheets of a bank, read as text and checked as a whole: every error at once, in words."""

from __future__ import annotations

import csv
import io
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from linedrift import genome
from linedrift.sheets.sheet_columns import (
    CONTROL,
    LINES,
    SAMPLES,
    Column,
    Problem,
    Row,
    SheetError,
    hint_for,
    nearest,
)
from linedrift.sheets.sheet_rules import ancestors, check_lines, check_samples, root, sample_ids

MEASUREMENT_COLUMNS = (
    "sample", "line", "passage", "assay", "format", "path", "path2", "name_in_file", "build",
    "platform", "batch", "bank", "baseline", "sex", "donor", "person",
)  # fmt: skip
# Names may be composed in two ways (NFC, NFD) by the systems that they were typed on.
NORMALISED = ("line", "parent", "baseline")
FILE_COLUMNS = ("path", "path2", "name_in_file")


@dataclass(frozen=True)
class Bank:
    """The sheets, checked: `lines`, `rows` and `measurements` as frames of text.

    `rows` is samples.tsv with absolute paths, after `sample`: a measurement in lanes has several.
    `measurements` has one row per sample and assay, with the files of its first lane
    (MEASUREMENT_COLUMNS): `sample` is ``{line}-p{passage}``, `passage` an integer, `build` the
    build's own name, `baseline` the samples of the same assay to compare with, joined by ``;``
    (the first gives the genotypes, empty where there is none), `donor` whether it is of a donor,
    `person` the root of the line's parents.
    """

    lines: pd.DataFrame
    rows: pd.DataFrame
    measurements: pd.DataFrame


def load(
    lines_path: str | os.PathLike[str],
    samples_path: str | os.PathLike[str],
    look_at_files: bool = True,
) -> Bank:
    """Read and check both sheets.

    Parameters
    ----------
    lines_path, samples_path
        Tab-separated text in UTF-8, with or without byte-order mark. Cells are text: nothing is
        taken for a number or for missing.
    look_at_files
        False leaves out whether the files of samples.tsv exist (jobs need not ask again).

    Returns
    -------
    Bank

    Raises
    ------
    SheetError
        With all errors of both sheets.
    """
    lines, errors = _read(lines_path, LINES)
    samples, sample_errors = _read(samples_path, SAMPLES)
    errors += sample_errors
    errors += check_lines(lines, str(lines_path))
    errors += check_samples(samples, lines, str(samples_path), str(lines_path))
    if look_at_files:
        errors += _check_files(samples, str(samples_path))
    if errors:
        raise SheetError(errors)
    folder = Path(samples_path).parent
    rows = _frame(samples, SAMPLES)
    for column in ("path", "path2"):
        rows[column] = [_resolve(folder, text) for text in rows[column]]
    rows.insert(0, "sample", rows["line"] + "-p" + rows["passage"].astype(int).astype(str))
    return Bank(_frame(lines, LINES), rows, _measurements(rows, lines))


def members(bank: Bank) -> pd.DataFrame:
    """Return the measurements that the jobs of each line read.

    Returns
    -------
    pandas.DataFrame
        The columns of `measurements` but for those of files, after `of` (the line whose jobs
        read it) and `role`: ``own``, ``baseline`` (what its contrasts are taken against) or
        ``donor`` (measured, though the sheet asks for another baseline).
    """
    all_ = bank.measurements
    key = ["sample", "assay"]
    own = all_[["line", *key, "person", "baseline"]].rename(columns={"line": "of"})
    against = own.assign(sample=own["baseline"].str.split(";")).explode("sample")
    donors = own[["of", "person"]].drop_duplicates()
    donors = donors.merge(all_.loc[all_["donor"], ["person", *key]], on="person")
    parts = [own.assign(role="own"), against.assign(role="baseline"), donors.assign(role="donor")]
    reads = pd.concat([part[["of", "role", *key]] for part in parts])
    reads = reads.drop_duplicates(["of", *key])
    kept = [name for name in MEASUREMENT_COLUMNS if name not in (*key, *FILE_COLUMNS)]
    return reads.merge(all_[[*key, *kept]], on=key, validate="many_to_one")


def _read(
    path: str | os.PathLike[str], columns: Sequence[Column]
) -> tuple[list[Row], list[Problem]]:
    """Read a sheet: its rows (columns that are missing hold the default) and what is wrong."""
    sheet = str(path)
    text, problem = _text(Path(path), sheet)
    if problem:
        return [], [problem]
    try:
        table = list(_records(text))
    except csv.Error as error:
        expected = "cells without a lone quotation mark"
        return [], [Problem(sheet, 0, "", f"text that is no table ({error})", expected)]
    names = [column.name for column in columns]
    if not table:
        return [], [Problem(sheet, 0, "", "an empty sheet", f"the columns {', '.join(names)}")]
    (number, header), *body = table
    header = [cell.strip() for cell in header]
    while header and not header[-1]:
        header.pop()
    errors = _check_header(sheet, number, header, columns)
    if len(header) == 1 and ("," in header[0] or ";" in header[0]):
        return [], errors
    if not body:
        errors.append(Problem(sheet, 0, "", "no row below the header", "one row at least"))
    rows = []
    for number, cells in body:
        extra = [cell for cell in cells[len(header) :] if cell]
        if extra:
            expected = f"{len(header)} cells, as the header has"
            errors.append(Problem(sheet, number, "", f"{len(cells)} cells", expected))
        rows.append(_row_of(number, dict(zip(header, cells, strict=False)), columns))
    present = [column for column in columns if column.name in header]
    errors += _check_cells(sheet, rows, present)
    return rows, errors


def _text(path: Path, sheet: str) -> tuple[str, Problem | None]:
    """Return the text of a sheet, or why there is none."""
    save = "Save it as tab-separated text in UTF-8."
    try:
        raw = path.read_bytes()
    except IsADirectoryError:
        return "", Problem(sheet, 0, "", "a directory", "a tab-separated file")
    except OSError as error:
        return "", Problem(sheet, 0, "", f"no file ({error.strerror})", "a tab-separated file")
    if raw[:4] == b"PK\x03\x04" or raw[:4] == b"\xd0\xcf\x11\xe0":
        return "", Problem(sheet, 0, "", "a spreadsheet workbook", "plain text", save)
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "", Problem(sheet, 0, "", "UTF-16 text", "UTF-8", save)
    try:
        return raw.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        row = raw[: error.start].count(b"\n") + 1
        byte = f"the byte 0x{raw[error.start]:02x}, which is not UTF-8"
        return "", Problem(sheet, row, "", byte, "text in UTF-8", save)


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and cells of each row that is not blank; numbers as a spreadsheet's."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True)
    for number, cells in enumerate(reader, start=1):
        cells = [cell.strip() for cell in cells]
        if any(cells):
            yield number, cells


def _row_of(number: int, cells: Mapping[str, str], columns: Sequence[Column]) -> Row:
    filled = {column.name: cells.get(column.name, "") or column.default for column in columns}
    for name in NORMALISED:
        if name in filled:
            filled[name] = unicodedata.normalize("NFC", filled[name])
    return Row(number, filled)


def _check_header(
    sheet: str, number: int, header: Sequence[str], columns: Sequence[Column]
) -> list[Problem]:
    """Return unknown, missing and repeated columns."""
    names = [column.name for column in columns]
    if len(header) == 1 and ("," in header[0] or ";" in header[0]):
        mark = "comma" if "," in header[0] else "semicolon"
        hint = "Save the sheet as tab-separated text."
        return [Problem(sheet, number, "", f"cells separated by {mark}", "tabs", hint)]
    errors = []
    for name in dict.fromkeys(header):
        if name not in names:
            found = f"the unknown column {name!r}" if name else "a column without a name"
            expected = f"columns among {', '.join(names)}"
            errors.append(Problem(sheet, number, "", found, expected, nearest(name, names)))
        elif header.count(name) > 1:
            errors.append(
                Problem(sheet, number, name, f"the column {header.count(name)} times", "it once")
            )
    errors += [
        Problem(sheet, number, column.name, "no such column", column.expected)
        for column in columns
        if column.required and column.name not in header
    ]
    return errors


def _check_cells(sheet: str, rows: Sequence[Row], columns: Sequence[Column]) -> list[Problem]:
    """Return the cells that their column does not accept."""
    errors = []
    for column in columns:
        verdicts: dict[str, bool] = {}
        for row in rows:
            text = row[column.name]
            if CONTROL.search(text):
                found, expected = f"{text!r}", "text without line breaks or control characters"
                errors.append(Problem(sheet, row.number, column.name, found, expected))
                continue
            if text not in verdicts:
                verdicts[text] = column.accepts(text)
            if not verdicts[text]:
                found = repr(text) if text else "an empty cell"
                hint = hint_for(column, text)
                errors.append(Problem(sheet, row.number, column.name, found, column.expected, hint))
    return errors


# Files


def _resolve(folder: Path, text: str) -> str:
    """Return the absolute path of a cell, relative to the sheet's folder; empty stays empty."""
    return os.path.abspath(folder / text) if text else ""


def _check_files(rows: Sequence[Row], sheet: str) -> list[Problem]:
    """Return files that are missing, empty, unreadable or directories."""
    errors = []
    folder = Path(sheet).parent
    seen: dict[str, tuple[str, str] | None] = {}
    for row in rows:
        for column in ("path", "path2"):
            text = row[column]
            if not text or CONTROL.search(text):
                continue
            if text not in seen:
                seen[text] = _look_at(Path(_resolve(folder, text)))
            trouble = seen[text]
            if trouble:
                found, hint = f"{text!r}, {trouble[0]}", trouble[1]
                errors.append(Problem(sheet, row.number, column, found, "a file with data", hint))
    return errors


def _look_at(path: Path) -> tuple[str, str] | None:
    """Return what is wrong with a file, and a hint; None where nothing is."""
    # Snakemake reads {this} as a wildcard and <this> as the name of a folder.
    if re.search(r"[{}]|<[a-z][a-z0-9_]*>", str(path)):
        return "whose path holds { } or <word>", "Rename it, or link to it by another name."
    try:
        if path.is_dir():
            return "a directory", ""
        if not path.exists():
            beside = os.listdir(path.parent) if path.parent.is_dir() else []
            hint = nearest(path.name, beside, "Beside it is {!r}.")
            folder = "" if path.parent.is_dir() else f"There is no folder {str(path.parent)!r}."
            return "which does not exist", hint or folder
        if path.stat().st_size == 0:
            return "an empty file", ""
        if not os.access(path, os.R_OK):
            return "which may not be read", "Ask for permission to read it."
    except OSError as error:
        return f"which cannot be looked at ({error.strerror})", ""
    return None


# Measurements


def _frame(rows: Sequence[Row], columns: Sequence[Column]) -> pd.DataFrame:
    names = [column.name for column in columns]
    return pd.DataFrame([[row[name] for name in names] for row in rows], columns=names, dtype=str)


def _measurements(rows: pd.DataFrame, lines: Sequence[Row]) -> pd.DataFrame:
    """Return one row per sample and assay, with the baseline that the rule or the sheet gives."""
    by_name = {row["line"]: row for row in lines}
    frame = rows.drop_duplicates(["line", "passage", "assay"], ignore_index=True)
    frame["passage"] = frame["passage"].astype(int)
    frame["build"] = [genome.build(name).name for name in frame["build"]]
    frame["sex"] = [by_name[line]["sex"] for line in frame["line"]]
    frame["donor"] = [by_name[line]["kind"] == "donor" for line in frame["line"]]
    frame["person"] = [root(line, by_name) for line in frame["line"]]
    earliest: dict[tuple[str, str], str] = {}
    for row in frame.sort_values("passage", ascending=False).itertuples():
        earliest[str(row.line), str(row.assay)] = str(row.sample)
    frame["baseline"] = [
        ";".join(sample_ids(asked)) if asked else _rule(sample, line, assay, by_name, earliest)
        for sample, line, assay, asked in zip(
            frame["sample"], frame["line"], frame["assay"], frame["baseline"], strict=True
        )
    ]
    return frame[list(MEASUREMENT_COLUMNS)]


def _rule(
    sample: str,
    line: str,
    assay: str,
    by_name: Mapping[str, Row],
    earliest: Mapping[tuple[str, str], str],
) -> str:
    """Return the baseline: from the donor downwards the first line that the assay measured.

    The donor comes first because the germline is what drift is counted from; a line without a
    donor is compared with its own earliest passage, which itself has none.
    """
    for ancestor in [*reversed(ancestors(line, by_name)), line]:
        found = earliest.get((ancestor, assay))
        if found:
            return "" if found == sample else found
    return ""
