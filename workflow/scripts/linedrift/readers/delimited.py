"""Streaming the rows of a text file: only the columns that are needed, only one sample."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from linedrift.readers.files import ReadingError, decode, last_line, open_bytes
from linedrift.readers.layouts import Layout, decimal_comma_hint, split

# GenomeStudio writes NaN or nothing, Excel #N/A, a German Excel "n. def.", R NA.
MISSING = (
    ["", "NaN", "nan", "NA", "na", "N/A", "n/a", "#N/A", "NULL", "null"]
    + ["-", "--", ".", "?", "n. def.", "-NaN", "1.#QNAN", "-1.#IND"]
)  # fmt: skip
_NUMBERS = {"pos": pa.float64(), "lrr": pa.float32(), "baf": pa.float32(), "count": pa.float64()}
# 2 MB of text, about 30,000 rows. Arrow reads some 34 blocks ahead: 70 MB, whatever the file has.
_BLOCK = 2 << 20
# No line of a table is longer: 4 MB are 100,000 samples.
WIDEST = 4 << 20


def batches(
    path: str,
    found: Layout,
    roles: tuple[str, ...],
    *,
    quoted: bool = True,
    until: str | tuple[str, ...] = (),
    block: int = 0,
    skipped: list[pcsv.InvalidRow] | None = None,
    blanks: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a text file in batches, columns named by role.

    Numbers are float32 (positions float64, since R may write 1e+05, and counts); texts stay bytes.
    A role may be numbered, as in count:7. A row that starts with `until` (or one of them) ends the
    rows, if it and those behind it have another number of fields; they go to `skipped`. `blanks`
    part fields as tabs do.

    Raises
    ------
    ReadingError
        When the file is cut, a row has too few or too many fields, or a number is none.
    """
    wanted = {field: role for role, field in found.field_of.items() if role in roles}
    bad_rows: list[pcsv.InvalidRow] = [] if skipped is None else skipped

    def refuse(row: pcsv.InvalidRow) -> str:
        """Keep a row that does not parse; go on only at what ends the table."""
        bad_rows.append(row)
        return "skip" if until and str(bad_rows[0].text).startswith(until) else "error"

    try:
        with open_bytes(path) as stream:
            stream.read(found.offset)
            reader = pcsv.open_csv(
                pa.PythonFile(_Tabbed(stream), "r") if blanks else stream,
                read_options=pcsv.ReadOptions(
                    column_names=[f"c{i}" for i in range(len(found.columns))],
                    use_threads=False,
                    # A row must fit in a block, and is seldom longer than the titles.
                    block_size=max(block or _BLOCK, 2 * sum(map(len, found.columns))),
                ),
                parse_options=pcsv.ParseOptions(
                    delimiter=found.delimiter,
                    quote_char='"' if quoted else False,
                    invalid_row_handler=refuse,
                ),
                convert_options=_conversion(found, wanted),
            )
            for batch in reader:
                yield batch.rename_columns([wanted[name] for name in batch.schema.names])
    except pa.ArrowInvalid as error:
        raise _explained(path, found, error, bad_rows) from error
    except OSError as error:
        raise ReadingError(
            f"{path}: is truncated or damaged: {error}; copy or export it again"
        ) from error


class _Tabbed:
    """A stream whose blanks are tabs."""

    def __init__(self, stream: pa.NativeFile) -> None:
        self.stream = stream
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        return self.stream.read(size).replace(b" ", b"\t")


def _conversion(found: Layout, wanted: dict[str, str]) -> pcsv.ConvertOptions:
    return pcsv.ConvertOptions(
        include_columns=list(wanted),
        column_types={
            field: _NUMBERS.get(role.partition(":")[0], pa.binary())
            for field, role in wanted.items()
        },
        null_values=MISSING,
        strings_can_be_null=False,
        check_utf8=False,
    )


def _explained(
    path: str, found: Layout, error: Exception, bad_rows: list[pcsv.InvalidRow]
) -> ReadingError:
    """Return the error in words: the row, what was found, what was expected."""
    if bad_rows:
        return _explained_row(path, found, bad_rows[0])
    match = re.search(r"column #(\d+): (?:Row #(\d+): )?.*invalid value '(.*)'", str(error), re.S)
    if not match:
        if "Empty CSV" in str(error):
            return ReadingError(f"{path}: has a header but no rows; export it again")
        return ReadingError(f"{path}: {error}")
    column, row, value = match.groups()
    title = next((t for t in _titles_of(found, int(column))), "?")
    line = f"line {int(row) + found.line:,}, " if row else ""
    if re.fullmatch(r"-?\d+,\d+(e-?\d+)?", value, re.I):
        return ReadingError(
            f"{path}: {line}column {title!r}: found {value!r}, a number with a comma as decimal "
            "separator; expected a point. Export it again with an English locale, or replace "
            "the commas"
        )
    return ReadingError(
        f"{path}: {line}column {title!r}: found {value!r}; expected a number. "
        "The file may be damaged: export it again"
    )


def _titles_of(found: Layout, column: int) -> list[str]:
    return [found.columns[column]] if column < len(found.columns) else []


def _explained_row(path: str, found: Layout, row: pcsv.InvalidRow) -> ReadingError:
    line = f"line {row.number + found.line:,}" if row.number else "a line"
    end = last_line(path, WIDEST)
    text = row.text if isinstance(row.text, str) else decode(row.text)
    if row.actual_columns < row.expected_columns and (
        end is None or decode(end).rstrip("\r\n") == text
    ):
        return ReadingError(
            f"{path}: is cut in the middle of {line}: found {row.actual_columns} fields "
            f"({text[:80]!r}), expected {row.expected_columns}. Copy or export it again"
        )
    comma = decimal_comma_hint(split(text, found.delimiter)) if found.delimiter == "," else ""
    return ReadingError(
        f"{path}: {line} has {row.actual_columns} fields ({text[:80]!r}){comma}; expected "
        f"{row.expected_columns}. The file may be damaged: export it again"
    )


def check_end(path: str) -> None:
    """Raise ReadingError where the last line of a plain file has no line end.

    Every exporter writes one. A cut inside the last field of a row leaves a row that looks whole,
    with a number of fewer digits, and perhaps half of the genome behind it is gone.
    """
    end = last_line(path)
    if end is not None and not end.endswith((b"\n", b"\r")):
        raise ReadingError(
            f"{path}: is cut in the middle of its last line: found {decode(end)[-80:]!r}, expected "
            "a line end behind it. Copy or export it again (or, if it is whole, add a line end)"
        )


def open_end(path: str, found: Layout, blanks: bool = False) -> list[str]:
    """Return the fields of the last line of a plain file if it has no line end, else nothing.

    Spreadsheets and R leave the line end away, so a row with all of its fields is taken for whole;
    a cut inside its last field cannot be told from that. `blanks` part fields as tabs do.

    Raises
    ------
    ReadingError
        When such a line has fewer fields than the table.
    """
    end = last_line(path, WIDEST)
    if end is None or end.endswith((b"\n", b"\r")):
        return []
    text = decode(end)
    fields = split(text.replace(" ", "\t") if blanks else text, found.delimiter)
    if len(fields) < len(found.columns):
        raise ReadingError(
            f"{path}: is cut in the middle of its last line: found {len(fields)} fields "
            f"({text[-80:]!r}), expected {len(found.columns)}. Copy or export it again"
        )
    return fields


def as_text(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return bytes as text (UTF-8, else code page 949, else Latin-1)."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([decode(raw) for raw in column.to_pylist()], pa.string())


def codes(column: pa.ChunkedArray | pa.Array, values: list[bytes]) -> pa.Array:
    """Return, per row, the index of its bytes in `values`, null where it is none of them."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pc.index_in(column, value_set=pa.array(values, pa.binary()))
