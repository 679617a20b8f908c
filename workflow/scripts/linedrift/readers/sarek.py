"""Tables of nf-core/sarek (csv/*.csv) turned into rows of linedrift's sheets.

``python -m linedrift.readers.sarek <results of sarek, or one of its tables> > samples.tsv``
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from linedrift.readers.files import ReadingError, check_presence, decode, listed
from linedrift.sheets.sheet_columns import LINES, SAMPLES, Column

# Tables in the order in which they are looked for: the last step of the pipeline first. Its
# documentation says preprocessing/csv, its releases write csv.
PLACES = tuple(
    f"{folder}/{step}.csv"
    for step in ("recalibrated", "markduplicates", "markduplicates_no_table", "mapped")
    for folder in ("csv", "preprocessing/csv")
)
# A sample is a line at a passage: KR-01-p12, KR-01_p12, KR-01.P012, KR-01 p12.
_PASSAGE = re.compile(r"(?P<line>.+?)[-_. ]+[pP](?P<passage>[0-9]{1,4})")
_SEX = {"XX": "female", "XY": "male", "F": "female", "M": "male"}
_NORMAL = "0"


def table_of(path: str) -> Path:
    """Return the table to read: `path` itself, or the last one in a folder of results.

    Raises
    ------
    ReadingError
        When there is none.
    """
    place = Path(path)
    if not place.is_dir():
        check_presence(place)
        return place
    for name in PLACES:
        if (place / name).is_file():
            return place / name
    raise ReadingError(
        f"{path}: holds no table of nf-core/sarek; expected one of {', '.join(PLACES)}. Name the "
        "folder that sarek was given as --outdir, or the table itself"
    )


def read(path: str, platform: str = "") -> list[dict[str, str]]:
    """Return a row of samples.tsv for each alignment of a table, and the sex and patient of each.

    Parameters
    ----------
    path
        Folder of results of sarek, or one of its tables.
    platform
        Capture kit, for the column platform.

    Returns
    -------
    list of dict
        Columns of samples.tsv, with `patient` and `sex` beside them. A sample named
        ``{line}-p{passage}`` is that passage; a normal one (status 0) without a passage is the
        donor, named as the patient. Of others the passage stays empty, for you to fill in.

    Raises
    ------
    ReadingError
        When the table lacks a column, or names a file that is no alignment.
    """
    table = table_of(path)
    reader = csv.DictReader(io.StringIO(decode(table.read_bytes()), newline=""))
    names = [name.strip() for name in reader.fieldnames or []]
    reader.fieldnames = names
    kinds = [kind for kind in ("cram", "bam") if kind in names]
    lacking = [name for name in ("patient", "sample") if name not in names]
    if lacking or not kinds:
        wanted = [*lacking, *([] if kinds else ["cram or bam"])]
        raise ReadingError(
            f"{table}: has no column {' and '.join(wanted)}; found {listed(names)}. Expected a "
            "table of sarek: patient,sex,status,sample,cram,crai"
        )
    rows = []
    for number, cells in enumerate(reader, start=2):
        row = {key: (text or "").strip() for key, text in cells.items() if isinstance(key, str)}
        if not any(row.values()):
            continue
        kind = next((kind for kind in kinds if row[kind]), "")
        if not kind or not row["sample"]:
            lacks = f"no {' or '.join(kinds)}" if row["sample"] else "no sample"
            raise ReadingError(f"{table}: line {number} has {lacks}; expected one in each line")
        rows.append(_sample(row, kind, table, platform))
    return rows


def _sample(row: Mapping[str, str], kind: str, table: Path, platform: str) -> dict[str, str]:
    line, passage = row["sample"], ""
    if found := _PASSAGE.fullmatch(row["sample"]):
        line, passage = found["line"], str(int(found["passage"]))
    elif row.get("status") == _NORMAL:
        line, passage = row["patient"] or row["sample"], "0"
    filled = {
        "line": line,
        "passage": passage,
        "assay": "wes",
        "format": kind,
        "path": _located(row[kind], table),
        "build": "GRCh38",
        "platform": platform,
    }
    cells = {column.name: filled.get(column.name, "") for column in SAMPLES}
    return cells | {
        "patient": row["patient"],
        "sex": _SEX.get(row.get("sex", "").upper(), "unknown"),
    }


def _located(text: str, table: Path) -> str:
    """Return where a file of the table is: as it says, or below a folder around the table.

    Sarek writes paths as --outdir was given, often relative to where it was started.
    """
    if "://" in text or Path(text).is_absolute():
        return text
    for folder in (Path.cwd(), *table.resolve().parents):
        if (folder / text).exists():
            return str(folder / text)
    return text


def lines(rows: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return rows of lines.tsv for what `read` returned: donors, and their lines."""
    found: dict[str, dict[str, str]] = {}
    rows = list(rows)
    donors = {row["patient"]: row["line"] for row in rows if row["passage"] == "0"}
    for row in rows:
        parent = donors.get(row["patient"], "")
        is_donor = row["line"] == parent
        filled = {
            "line": row["line"],
            "kind": "donor" if is_donor else "line",
            "parent": "" if is_donor else parent,
            "sex": row["sex"],
        }
        found.setdefault(row["line"], {one.name: filled.get(one.name, "") for one in LINES})
    return list(found.values())


def sheet(rows: Iterable[Mapping[str, str]], columns: Sequence[Column]) -> str:
    """Return rows as the text of a sheet."""
    names = [column.name for column in columns]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(names)
    writer.writerows([row[name] for name in names] for row in rows)
    return text.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print samples.tsv, or lines.tsv, of a table; return the code to exit with."""
    parser = argparse.ArgumentParser(
        prog="python -m linedrift.readers.sarek",
        description="Turn the alignments of an nf-core/sarek run into linedrift's sheets.",
    )
    parser.add_argument("path", help="sarek's --outdir, or one of its tables (csv/*.csv)")
    parser.add_argument("--platform", default="", help="capture kit, as named under wes: capture:")
    parser.add_argument("--lines", action="store_true", help="print lines.tsv, not samples.tsv")
    given = parser.parse_args(arguments)
    try:
        rows = read(given.path, given.platform)
    except ReadingError as error:
        print(error, file=sys.stderr)
        return 1
    print(sheet(lines(rows), LINES) if given.lines else sheet(rows, SAMPLES), end="")
    unknown = [row["line"] for row in rows if not row["passage"]]
    if unknown:
        print(f"Fill in the passage of {listed(unknown)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
