"""Files of methylation by sequencing: which format a file is, and which column is what."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from linedrift.readers.files import ReadingError, decode, head, looks_like_binary
from linedrift.readers.layouts import Layout

TITLES = {
    "bismark_cov": "a coverage file of Bismark (chrom, start, end, percent, methylated, "
    "unmethylated; 1-based, start = end)",
    "bismark_merged": "a coverage file of coverage2cytosine --merge_CpG (columns as of Bismark's "
    "coverage; 1-based, end = start + 1: C and G of a CpG)",
    "bismark_bedgraph": "a bedGraph of Bismark (chrom, start, end, percent, perhaps methylated "
    "and unmethylated; 0-based, half-open)",
    "cytosine_report": "a cytosine report (chrom, position, strand, methylated, unmethylated, "
    "context, three bases; 1-based)",
    "methyldackel": "a bedGraph of MethylDackel (a track line; chrom, start, end, percent, "
    "methylated, unmethylated; 0-based, half-open)",
    "bedmethyl": "a bedMethyl with 11 (ENCODE), 14 (gemBS, modbam2bed) or 18 columns (modkit)",
    "methylkit": "a table of methylKit (chrBase, chr, base, strand, coverage, freqC, freqT)",
    "methylpipe": "a table of methylPipe (chrom, position, strand, context, C, T, perhaps a score)",
}
FORMATS = tuple(TITLES)
# Columns of each format by role; a bedMethyl has them by its number of columns.
_COVERAGE = ("chrom", "pos", "count:end", "count:percent", "count:m", "count:u")
_BED = ("chrom", "pos", "count:end", "code", "", "strand", "", "", "", "count:n", "count:percent")
_COLUMNS: Mapping[tuple[str, int], tuple[str, ...]] = MappingProxyType(
    {
        ("bismark_cov", 6): _COVERAGE,
        ("bismark_merged", 6): _COVERAGE,
        ("bismark_bedgraph", 4): _COVERAGE[:4],
        ("bismark_bedgraph", 6): _COVERAGE,
        ("methyldackel", 6): _COVERAGE,
        ("cytosine_report", 7): (
            "chrom", "pos", "strand", "count:m", "count:u", "context", "",
        ),
        ("methylpipe", 6): ("chrom", "pos", "strand", "context", "count:m", "count:u"),
        ("methylpipe", 7): ("chrom", "pos", "strand", "context", "count:m", "count:u", ""),
        ("methylkit", 7): (
            "", "chrom", "pos", "strand", "count:n", "count:percent", "count:percent_u",
        ),
        ("bedmethyl", 11): _BED,
        ("bedmethyl", 14): (*_BED, "count:u", "count:m", ""),
        ("bedmethyl", 18): (*_BED, "count:m", "count:u", "count:other", "", "", "", ""),
    }
)  # fmt: skip
# gemBS of ENCODE4 has genotypes of reference and sample, and their quality, behind its 11 columns.
_GEMBS = (*_BED, "", "", "")
# Numbers of columns that there are.
_WIDTHS = frozenset(n for _, n in _COLUMNS)
# What else may have written rows of 1 bp with counts.
_MERGED = "If coverage2cytosine --merge_CpG wrote it, write bismark_merged into the column format"
# What people see of a column in an error.
_NAMES = {
    "": "not used", "chrom": "chromosome", "pos": "position", "count:end": "end",
    "count:percent": "percent methylated", "count:percent_u": "percent unmethylated",
    "count:m": "methylated reads", "count:u": "unmethylated reads", "count:n": "coverage",
    "count:other": "reads of other modifications", "strand": "strand", "context": "context",
    "code": "modification",
}  # fmt: skip
_ONE_BASED = ("bismark_cov", "bismark_merged", "cytosine_report", "methylkit", "methylpipe")
_METHYLKIT = re.compile(r"chrbase\tchr\tbase\tstrand\t", re.I)
_NUMBER = re.compile(r"-?\d+(\.\d*)?(e[-+]?\d+)?|nan|NA", re.I)
_STRANDS = ("+", "-", "F", "R", ".", "*")
# Lines before the rows: comments, and what tells a genome browser how to draw a bedGraph.
_PREFACE = (b"#", b"track", b"browser")
# Binary files that belong to another format of methylation.
_BINARY = (("idat", "an Illumina IDAT"), ("bam", "a BAM file"), ("cram", "a CRAM file"))
# What the track line of MethylDackel says.
_DACKEL = b"methylation levels"
# Rows in which a blank between fields is looked for.
_LOOK_AT = 100


class Shape(NamedTuple):
    """How to read a file of cytosines.

    `layout` has its columns by role, `first` the number of the first base of a chromosome (1 or
    0), `blanks` whether fields are parted by blanks too.
    """

    layout: Layout
    first: int
    blanks: bool


def shape(path: str, format: str) -> Shape:
    """Return how to read a file of that format, from its head.

    Raises
    ------
    ReadingError
        When the file is of another format (which is named), or its positions count from another
        base than the format's.
    """
    if format not in FORMATS:
        raise ReadingError(f"{path}: unknown format {format!r}; expected {', '.join(FORMATS)}")
    start = head(path)
    if what := looks_like_binary(start):
        other = next(
            (f". Write {name} into the column format" for name, word in _BINARY if word in what), ""
        )
        raise ReadingError(f"{path}: is {what}; expected {TITLES[format]}{other}")
    lines = start.splitlines(keepends=True)
    at = next((i for i, line in enumerate(lines) if not _is_preface(line)), None)
    if at is None:
        raise ReadingError(f"{path}: has no rows; expected {TITLES[format]}")
    _check_context(path, b"".join(lines[:at]))
    has_header = _is_header(lines[at], format)
    rows = lines[at + has_header :]
    if not rows:
        raise ReadingError(f"{path}: has a header but no rows; make it again")
    fields = _fields(rows[0])
    likely = _likely(fields, _DACKEL in b"".join(lines[:at]))
    columns = _columns(format, fields)
    if columns is None or not _fits(format, likely):
        raise _wrong_format(path, format, likely, fields)
    _check_first(path, format, fields, columns, at + has_header + 1)
    if format == "methylkit" and has_header and not _METHYLKIT.match(decode(lines[at])):
        raise _wrong_format(path, format, "", _fields(lines[at]))
    blanks = any(_is_blank_parted(decode(row)) for row in rows[:_LOOK_AT] if row.strip())
    found = Layout(
        format,
        sum(map(len, lines[: at + has_header])),
        at + has_header,
        "\t",
        tuple(_NAMES[role] for role in columns),
        {role: index for index, role in enumerate(columns) if role},
    )
    return Shape(found, int(format in _ONE_BASED), blanks)


def _is_header(line: bytes, format: str) -> bool:
    """Return whether a line has titles: methylKit's, or those of a bedMethyl (modkit --header)."""
    if decode(line).lower().startswith("chrbase"):
        return True
    fields = _fields(line)
    return format == "bedmethyl" and len(fields) > 3 and not any(_numbers([one]) for one in fields)


def _columns(format: str, fields: list[str]) -> tuple[str, ...] | None:
    """Return the columns of a row by role, None where the format has no such rows."""
    if format == "bedmethyl" and len(fields) == len(_GEMBS) and not _numbers(fields[11:13]):
        return _GEMBS
    return _COLUMNS.get((format, len(fields)))


def looks_like(start: bytes) -> str:
    """Return the format that the first bytes of a text look like, or an empty string."""
    lines = [line for line in start.splitlines() if not _is_preface(line)]
    return _likely(_fields(lines[0]), _DACKEL in start) if lines else ""


def _is_preface(line: bytes) -> bool:
    line = line.removeprefix(codecs.BOM_UTF8)
    return not line.strip() or line.startswith(_PREFACE)


def _fields(line: bytes) -> list[str]:
    text = decode(line).strip("\r\n")
    # MethylDackel pads the percents of methylKit's table with blanks.
    return [one.strip() for one in re.split("[\t ]" if _is_blank_parted(text) else "\t", text)]


def _is_blank_parted(line: str) -> bool:
    """Return whether blanks part fields, as in older modkit: tabs alone give no known number."""
    return " " in line.strip() and line.count("\t") + 1 not in _WIDTHS


def _likely(fields: list[str], is_dackel: bool) -> str:
    """Return the format of a row, or an empty string."""
    n = len(fields)
    stranded = n > 3 and fields[2] in _STRANDS
    if fields[0].lower() == "chrbase" or (n == 7 and "." in fields[0] and fields[3] in _STRANDS):
        return "methylkit"
    if stranded and n == 7 and _contextual(fields[5]) and _numbers(fields[3:5]):
        return "cytosine_report"
    if stranded and n in (6, 7) and _contextual(fields[3]):
        return "methylpipe"
    if not _numbers(fields[1:3]):
        return ""
    if ("bedmethyl", n) in _COLUMNS:
        return "bedmethyl" if _numbers(fields[9:11]) else ""
    if n == 6 and _numbers(fields[3:]):
        if fields[1] == fields[2]:
            return "bismark_cov"
        return "methyldackel" if is_dackel else "bismark_bedgraph"
    return "bismark_bedgraph" if n == 4 and _numbers(fields[3:]) else ""


def _numbers(texts: list[str]) -> bool:
    return bool(texts) and all(_NUMBER.fullmatch(text) for text in texts)


def _contextual(text: str) -> bool:
    return bool(re.fullmatch(r"C[GHNACT]{0,2}G?", text))


def _fits(format: str, likely: str) -> bool:
    """Return whether a row that looks like one format can be of another.

    Rows of Bismark's and MethylDackel's bedGraph with counts are the same; whether a coverage
    file counts from 0 is asked of its rows, with words of its own.
    """
    six = ("bismark_cov", "bismark_merged", "bismark_bedgraph", "methyldackel")
    return format == likely or (format in six and likely in six)


def _check_context(path: str, preface: bytes) -> None:
    """Raise ReadingError where the track line names another context than CpG."""
    if match := re.search(rb"\b(CHG|CHH) methylation", preface):
        raise ReadingError(
            f"{path}: its track line says {decode(match[0])!r}; expected CpG. Give the file of CpGs"
        )


def _check_first(
    path: str, format: str, fields: list[str], columns: tuple[str, ...], line: int
) -> None:
    """Raise ReadingError where the first row counts from another base than its format."""
    if not _numbers(fields[1:3]) or "count:end" not in columns:
        return
    start, end = float(fields[1]), float(fields[2])
    if format == "bismark_cov" and start != end:
        raise zero_based(path, line, int(start), int(end))
    if format == "bismark_merged" and end == start + 2:
        raise ReadingError(
            f"{path}: line {line:,} is {int(start):,} to {int(end):,}; expected {TITLES[format]}. "
            "It looks like a bedGraph, 0-based: write bismark_bedgraph into the column format"
        )
    if format != "bismark_cov" and start == end:
        fix = "Make it again"
        if len(columns) == 6:
            fix = f"It looks like {TITLES['bismark_cov']}: write bismark_cov into the column format"
        raise ReadingError(
            f"{path}: line {line:,} begins and ends at {int(start):,}; expected {TITLES[format]}, "
            f"whose rows end beyond their start. {fix}"
        )


def zero_based(path: str, line: int, start: int, end: int) -> ReadingError:
    """Return the error of a coverage file whose rows have a length."""
    return ReadingError(
        f"{path}: line {line:,} is {start:,} to {end:,}: positions are 0-based (half-open), found "
        f"{end - start} bp where Bismark's coverage has start = end, 1-based. If bismark2bedGraph "
        f"wrote it with --zero_based, write bismark_bedgraph into the column format. {_MERGED}"
    )


def _wrong_format(path: str, format: str, likely: str, fields: list[str]) -> ReadingError:
    found = f"found {len(fields)} columns, first {' '.join(fields)[:80]!r}"
    text = f"{path}: is not {TITLES[format]}: {found}"
    if format == "methyldackel" and len(fields) == 4:
        return ReadingError(
            f"{text}. Without counts it cannot be weighed: run MethylDackel extract without "
            "--fraction, --counts and --logit"
        )
    if likely and likely != format:
        other = f". {_MERGED}" if likely == "bismark_bedgraph" and len(fields) == 6 else ""
        return ReadingError(
            f"{text}. It looks like {TITLES[likely]}: write {likely} into the column format{other}"
        )
    if len(fields) > 1 and not any(_numbers([one]) for one in fields):
        return ReadingError(f"{text}: a line of titles? Remove it, or make the file again")
    if len(fields) == 1:
        return ReadingError(f"{text}. Fields must be parted by tabs: make it again")
    for n in sorted((n for of, n in _COLUMNS if of == format and n < len(fields)), reverse=True):
        if _likely(fields[:n], False) == format:
            return ReadingError(f"{text}. Columns beyond the first {n} must go (cut -f1-{n})")
    return ReadingError(f"{text}. Make it again")
