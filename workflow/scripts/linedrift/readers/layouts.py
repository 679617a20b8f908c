"""Layouts of text files of SNP arrays: where the rows begin and which column is what."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from linedrift.readers.files import (
    ReadingError,
    decode,
    head,
    listed,
    looks_like_binary,
    named,
    nearest,
)

# A head that holds a line of titles: 64 MB are those of 100,000 samples.
_USUAL_HEAD, _MOST_HEAD = 1 << 20, 64 << 20

# Columns are compared without case, spaces and punctuation, because R turns "B Allele Freq"
# into "B.Allele.Freq" and "Allele1 - AB" into "Allele1...AB".
_FINAL_REPORT = {
    "name": ("snpname", "name"),
    "sample": ("sampleid",),
    "sample_name": ("samplename",),
    "baf": ("ballelefreq",),
    "lrr": ("logrratio",),
    "chrom": ("chr", "chromosome"),
    "pos": ("position", "mapinfo"),
    "allele1": ("allele1ab",),
    "allele2": ("allele2ab",),
}
_WIDE = {
    "name": ("name", "snpname"),
    "chrom": ("chr", "chromosome"),
    "pos": ("position", "mapinfo", "pos"),
}
_TABLE = {
    "name": ("name", "snpname", "snp", "marker", "markername", "probesetname", "probesetid", "id"),
    "chrom": ("chrom", "chr", "chromosome"),
    "pos": ("pos", "position", "mapinfo"),
    "lrr": ("lrr", "logrratio"),
    "baf": ("baf", "ballelefreq"),
    "genotype": ("gt", "gtype", "genotype"),
}
_MARKERS = {
    "name": ("name", "snpname", "snp", "marker", "markername", "rsid", "probesetid", "id"),
    "chrom": ("chr", "chrom", "chromosome"),
    "pos": ("position", "pos", "mapinfo"),
    "intensity_only": ("intensityonly",),
}
ROLES = {
    "final_report": _FINAL_REPORT,
    "full_data_table": _WIDE,
    "penncnv": _WIDE,
    "table": _TABLE,
    "markers": _MARKERS,
}
REQUIRED = {
    "final_report": ("name", "baf", "lrr"),
    "full_data_table": ("name", "baf", "lrr"),
    "penncnv": ("name", "baf", "lrr"),
    "table": ("name", "chrom", "pos", "lrr", "baf"),
    "markers": ("name", "chrom", "pos"),
}
TITLES = {
    "final_report": "a GenomeStudio FinalReport",
    "full_data_table": "a GenomeStudio Full Data Table",
    "penncnv": "a PennCNV signal file",
    "table": "a table with name, chrom, pos, lrr, baf",
    "gtc": "an Illumina GTC file",
    "vcf": "a VCF with BAF and LRR",
    "markers": "a marker table with Name, Chr, Position",
}
_COLUMN_NAMES = {
    "name": "Name",
    "chrom": "Chr",
    "pos": "Position",
    "baf": "B Allele Freq",
    "lrr": "Log R Ratio",
}
_PER_SAMPLE = re.compile(
    r"^(?P<sample>.*?)[._ ]?(?P<what>log[._ ]?r[._ ]?ratio|b[._ ]?allele[._ ]?freq|gtype)$", re.I
)
_WHAT = {"logrratio": "lrr", "ballelefreq": "baf", "gtype": "genotype"}


@dataclass(frozen=True)
class Layout:
    """How to read the rows of a text file.

    `offset` is the number of unpacked bytes, and `line` of lines, before the first row. `columns`
    are the header's texts, one per field of a row; `roles` gives the column of each role. `sample`
    is the sample of a wide file; `declared` holds what the [Header] section says.
    """

    format: str
    offset: int
    line: int
    delimiter: str
    columns: tuple[str, ...]
    roles: Mapping[str, int]
    sample: str = ""
    samples: tuple[str, ...] = ()
    declared: Mapping[str, str] = field(default_factory=dict)

    @property
    def field_of(self) -> dict[str, str]:
        """Unique field name of each role, as `delimited` calls the columns."""
        return {role: f"c{index}" for role, index in self.roles.items()}

    @property
    def declared_snps(self) -> int:
        """Number of SNPs of the array by the [Header] section, 0 where it does not say."""
        said = self.declared.get("Num SNPs", "")
        return int(said) if said.isdigit() else 0


def normal(text: str) -> str:
    """Return a column title without case, spaces and punctuation."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def layout(path: str, format: str, name_in_file: str = "", build: str = "") -> Layout:
    """Return the layout of a text file of that format, from its head.

    Parameters
    ----------
    path
        The file, plain or gzip.
    format
        final_report, full_data_table, penncnv, table, or markers.
    name_in_file
        Sample of a wide file that holds many.
    build
        For `markers`, columns Chr_<build> and Pos_<build> come before Chr and Position.

    Raises
    ------
    ReadingError
        When the file is of another format, lacks columns or lacks the sample.
    """
    start = _start(path)
    if looks_like_binary(start):
        raise wrong_format(path, format, start)
    lines = start.splitlines(keepends=True)
    declared, index = _header_section(lines)
    if index is None:
        raise ReadingError(
            f"{path}: has [Header] but no line [Data] in its first {len(start):,} bytes; expected "
            f"{TITLES[format]}. It may be truncated: export it again"
        )
    index = _next_line(lines, index)
    if index >= len(lines):
        raise ReadingError(f"{path}: has no line of columns; expected {TITLES[format]}")
    title = decode(lines[index]).rstrip("\r\n")
    delimiter = max("\t,;", key=title.count)
    rows = _next_line(lines, index + 1)
    row = decode(lines[rows]).rstrip("\r\n") if rows < len(lines) else ""
    columns = _columns(path, split(title, delimiter), split(row, delimiter) if row else [])
    offset = sum(map(len, lines[: index + 1]))
    found = Layout(format, offset, index + 1, delimiter, columns, {}, declared=declared)
    return _with_roles(path, found, name_in_file, build, start)


def plain(
    path: str,
    what: str,
    comments: tuple[bytes, ...] = (b"#",),
    row: re.Pattern[bytes] | None = None,
) -> Layout:
    """Return the layout of a table with one line of titles, without roles.

    Lines before it that are blank, or start with one of `comments`, are passed over; of Illumina's
    manifests all up to [Assay] are. Where a line matches `row`, the first such line is the first
    row, and the titles stand in the last line before it that is not blank.

    Raises
    ------
    ReadingError
        When the file is no text or has no such line; `what` says what was expected.
    """
    start = head(path)
    if looks_like_binary(start):
        raise ReadingError(f"{path}: looks like {looks_like_binary(start)}; expected {what}")
    lines = start.splitlines(keepends=True)
    assay = (at for at, line in enumerate(lines) if line.strip(b'\r\n\t ",;') == b"[Assay]")
    index = next(assay, -1) + 1
    while index < len(lines) and (not lines[index].strip() or lines[index].startswith(comments)):
        index += 1
    if row is not None:
        first = next((at for at, line in enumerate(lines) if row.match(line)), 0)
        index = next((at for at in reversed(range(first)) if lines[at].strip()), index)
    if index >= len(lines):
        raise ReadingError(f"{path}: has no line of columns; expected {what}")
    title = decode(lines[index]).rstrip("\r\n")
    delimiter = max("\t,;", key=title.count)
    following = decode(lines[index + 1]).rstrip("\r\n") if index + 1 < len(lines) else ""
    fields = split(following, delimiter) if following else []
    columns = _columns(path, split(title, delimiter), fields)
    return Layout("table", sum(map(len, lines[: index + 1])), index + 1, delimiter, columns, {})


def _start(path: str) -> bytes:
    """Return the first bytes of a text file, up to beyond its first row where it has one."""
    size = _USUAL_HEAD
    start = head(path, size)
    while len(start) == size < _MOST_HEAD and not looks_like_binary(start):
        lines = start.splitlines(keepends=True)
        titles = _next_line(lines, _header_section(lines)[1] or 0)
        if _next_line(lines, titles + 1) < len(lines) - 1:
            break
        size *= 8
        start = head(path, size)
    return start


def split(line: str, delimiter: str) -> list[str]:
    """Return the fields of one line, without quotes."""
    return next(csv.reader([line], delimiter=delimiter), [])


def _header_section(lines: list[bytes]) -> tuple[dict[str, str], int | None]:
    """Return what [Header] declares, and the line after [Data]; None where [Data] is missing."""
    declared: dict[str, str] = {}
    for index, raw in enumerate(lines):
        text = decode(raw).strip().strip('",\t;')
        if text.lower() == "[data]":
            return declared, index + 1
        if index == 0 and text.lower() not in ("[header]", ""):
            return {}, 0
        fields = [part.strip() for part in re.split(r"[\t,;]+", text, maxsplit=1)]
        if len(fields) == 2:
            declared[fields[0]] = fields[1].strip()
    return declared, None


def _next_line(lines: list[bytes], index: int) -> int:
    """Return the index of the next line that is neither blank nor a comment."""
    while index < len(lines) and (not lines[index].strip() or lines[index].startswith(b"#")):
        index += 1
    return index


def _columns(path: str, titles: list[str], first_row: list[str]) -> tuple[str, ...]:
    """Return one title per field of a row.

    R writes a header one field short, because its row names have none; some exporters end the
    header or the rows with a delimiter.
    """
    more = len(first_row) - len(titles)
    if not first_row or more == 0:
        return tuple(titles)
    if more == 1:
        return ("", *titles) if first_row[-1] else (*titles, "")
    if more == -1 and not titles[-1]:
        return tuple(titles[:-1])
    comma = decimal_comma_hint(first_row) if more > 0 else ""
    raise ReadingError(
        f"{path}: the first row has {len(first_row)} fields where the header has {len(titles)}"
        f"{comma}; expected as many. Export it again, tab-delimited"
    )


def decimal_comma_hint(fields: list[str]) -> str:
    """Return a hint where a row that has too many fields looks like numbers with commas."""
    numbers = sum(bool(re.fullmatch(r"-?\d{1,2}", text.strip())) for text in fields)
    if numbers >= 2:
        return " (are numbers written with a comma, as in 0,51? linedrift needs a point)"
    return ""


def _with_roles(path: str, found: Layout, name: str, build: str, start: bytes) -> Layout:
    known = ROLES[found.format]
    titles = [normal(title) for title in found.columns]
    # A FinalReport may hold many samples in its rows, which the other formats would mix.
    if known in (_WIDE, _TABLE) and (found.declared or "sampleid" in titles):
        raise wrong_format(path, found.format, start)
    roles = {}
    for role, names in known.items():
        if build:
            names = tuple(stem + build.lower() for stem in names) + names
        at = next((titles.index(one) for one in names if one in titles), None)
        if at is not None:
            roles[role] = at
    if known is _WIDE:
        found, per_sample = _one_sample(path, found, name, start)
        roles |= per_sample
    missing = [role for role in REQUIRED[found.format] if role not in roles]
    if missing:
        raise wrong_format(path, found.format, start, missing, found.columns)
    return Layout(
        found.format, found.offset, found.line, found.delimiter, found.columns, roles,
        found.sample, found.samples, found.declared,
    )  # fmt: skip


def _one_sample(path: str, found: Layout, name: str, start: bytes) -> tuple[Layout, dict[str, int]]:
    """Return the layout with the sample of a wide file, and the columns of that sample."""
    samples: dict[str, dict[str, int]] = {}
    for index, title in enumerate(found.columns):
        match = _PER_SAMPLE.match(title.strip())
        if match:
            role = _WHAT[normal(match["what"])]
            samples.setdefault(match["sample"], {}).setdefault(role, index)
    samples = {key: roles for key, roles in samples.items() if {"lrr", "baf"} <= set(roles)}
    if not samples:
        raise wrong_format(path, found.format, start, ["baf", "lrr"], found.columns)
    names = tuple(samples)
    if names == ("",):
        chosen = ""
    elif not name and len(names) == 1:
        chosen = names[0]
    elif (here := named(name, names) if name else None) is not None:
        chosen = here
    else:
        raise no_such_sample(path, name, names)
    with_sample = Layout(
        found.format, found.offset, found.line, found.delimiter, found.columns, {},
        chosen.strip() or name, names, found.declared,
    )  # fmt: skip
    return with_sample, samples[chosen]


def no_such_sample(path: str, name: str, names: tuple[str, ...] | list[str]) -> ReadingError:
    """Return the error of a sample that the file does not hold, with those that it holds."""
    here = listed(list(names))
    if not name:
        return ReadingError(
            f"{path}: holds {len(names)} samples and the sheet does not say which; "
            f"write one of them into name_in_file: {here}"
        )
    return ReadingError(
        f"{path}: has no sample {name!r}{nearest(name, names)}; expected name_in_file to be a "
        f"name that is in the file ({len(names)}): {here}"
    )


def looks_like(start: bytes) -> tuple[str, str]:
    """Return the format that the first bytes of a file look like, and the same in words.

    The format is one of linedrift's SNP-array formats or empty.
    """
    binary = looks_like_binary(start)
    if binary:
        known = {"an Illumina GTC file": "gtc", "a VCF": "vcf"}
        return known.get(binary, ""), binary
    if b"CNCHP" in start[:20_000] or re.search(rb"(?m)^#(%|option-|cnchp)", start[:20_000]):
        return "", (
            "an Affymetrix CNCHP text, which linedrift does not read (make a VCF with "
            "bcftools +affy2vcf, or a table with name, chrom, pos, lrr, baf)"
        )
    if re.search(rb"(?m)^\[Assay\]", start):
        return "", "an Illumina CSV manifest (it belongs into path2)"
    lines = start.splitlines(keepends=True)
    declared, index = _header_section(lines)
    index = _next_line(lines, index or 0)
    title = decode(lines[index]).strip() if index < len(lines) else ""
    return _text_format(split(title, max("\t,;", key=title.count)), bool(declared))


def _text_format(columns: list[str], has_header_section: bool) -> tuple[str, str]:
    titles = {normal(title) for title in columns}
    per_sample = [match for match in map(_PER_SAMPLE.match, columns) if match]
    if {"logrratio", "ballelefreq"} <= titles and (has_header_section or "snpname" in titles):
        return "final_report", TITLES["final_report"]
    if len({match["sample"] for match in per_sample}) > 1:
        return "full_data_table", TITLES["full_data_table"]
    if titles & {"sampleid", "samplename"} or has_header_section:
        lacking = {"ballelefreq": "B Allele Freq", "logrratio": "Log R Ratio"}
        lacks = " and ".join(words for title, words in lacking.items() if title not in titles)
        return "", (
            f"a GenomeStudio FinalReport without {lacks}. Export it again from GenomeStudio with "
            f"{lacks}"
        )
    if per_sample:
        return "penncnv", TITLES["penncnv"]
    if {"lrr", "baf"} <= titles:
        return "table", TITLES["table"]
    places = titles & {"position", "pos", "mapinfo"} and titles & {"chr", "chrom", "chromosome"}
    if places and not titles & {"baf", "lrr"}:
        return "", "a marker table without BAF and log R ratio (it belongs into path2)"
    return "", ""


def wrong_format(
    path: str,
    format: str,
    start: bytes,
    missing: list[str] | None = None,
    columns: tuple[str, ...] = (),
) -> ReadingError:
    """Return the error of a file of another format, with the format that it looks like."""
    likely, words = looks_like(start)
    parts = [f"{path}: is not {TITLES[format]}"]
    here = [title for title in columns if title]
    if missing:
        names = {} if format == "table" else _COLUMN_NAMES
        wanted = ", ".join(names.get(role, role) for role in missing)
        parts.append(f": no column {wanted}; found {listed(here, 12)}")
    if missing and len(here) == 1 and " " in here[0]:
        parts.append("; its fields are parted by blanks; expected tabs, commas or semicolons")
        return ReadingError("".join(parts))
    if words and likely != format:
        parts.append(f"; it looks like {words}")
        if likely:
            parts.append(f". Write {likely} into the column format")
    elif missing:
        parts.append(
            ". Name its columns so" if format == "table" else ". Export it again with these columns"
        )
    return ReadingError("".join(parts))
