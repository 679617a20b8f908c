"""The columns of the two sheets, their errors in words, and the JSON schemas made from them.

`LINES` and `SAMPLES` are the one place where the columns of the sheets stand; the schemas of
workflow/schemas are made from them (``python -m linedrift.sheets.sheet_columns lines``).
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

ASSAYS = ("snp_array", "wes", "methylation", "rna")
# Methylation comes from arrays, or from sequencing.
METHYLATION_ARRAYS = ("idat", "intensities", "betas")
CYTOSINE_FORMATS = (
    "bismark_cov", "bismark_merged", "bismark_bedgraph", "cytosine_report", "methyldackel",
    "bedmethyl", "methylkit", "methylpipe",
)  # fmt: skip
ALIGNMENT_FORMATS = ("bam", "cram")
ASSAY_FORMATS = {
    "snp_array": ("final_report", "full_data_table", "penncnv", "gtc", "vcf", "table"),
    "wes": (*ALIGNMENT_FORMATS, "fastq"),
    "methylation": (*METHYLATION_ARRAYS, *CYTOSINE_FORMATS, *ALIGNMENT_FORMATS),
    "rna": ("gene_counts", "featurecounts", "star", "htseq", "ase", *ALIGNMENT_FORMATS, "fastq"),
}
SUPPORTED_ASSAYS = tuple(ASSAY_FORMATS)
FORMATS = tuple(dict.fromkeys(name for names in ASSAY_FORMATS.values() for name in names))
COUNT_FORMATS = ("gene_counts", "featurecounts", "star", "htseq")
ALLELE_FORMATS = ("ase", *ALIGNMENT_FORMATS)
# Rows of one sample by these assays complement each other: one of each part.
PARTS = {
    "rna": {"counts of genes": COUNT_FORMATS, "alleles": ALLELE_FORMATS},
    "methylation": {
        "methylation": (*METHYLATION_ARRAYS, *CYTOSINE_FORMATS),
        "an alignment": ALIGNMENT_FORMATS,
    },
}
# Formats of which several rows of one sample and assay are one measurement (lanes of a run).
LANE_FORMATS = ("fastq",)
# Formats that say nothing of positions need a second file; formats that always carry theirs
# take none. The others may name a manifest.
NEED_PATH2 = {
    "gtc": "its manifest (BPM or CSV)",
    "fastq": "the FASTQ of the second reads (pairs are needed)",
}
TAKE_NO_PATH2 = (
    "vcf", "table", *ALIGNMENT_FORMATS, *COUNT_FORMATS, "ase", "betas", *CYTOSINE_FORMATS,
)  # fmt: skip
BUILDS = ("GRCh38", "hg38", "GRCh37", "hg19", "b37", "hg18", "NCBI36")

# Sections of the settings whose values decide a call; the pages print them.
SECTIONS = (
    "wes", "rna", "methylation", "quality", "identity", "contrast", "segmentation", "events",
    "variants", "verdict", "report", "public",
)  # fmt: skip

# A name becomes part of file names and of wildcards. 50 characters of at most 4 bytes, with the
# longest ending that linedrift adds (39 bytes), stay within the 255 bytes of a file name.
NAME = r"[^\W_][\w.-]{0,49}"
_NAME_IN_WORDS = "letters and digits of any script, then also . _ - (50 at most, no space)"
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Column:
    """One column of a sheet: what may stand in it and what it means."""

    name: str
    doc: str
    required: bool = False
    allowed: tuple[str, ...] = ()
    pattern: str = ""
    in_words: str = "some text"
    default: str = ""

    def accepts(self, text: str) -> bool:
        """Return whether `text` may stand in this column."""
        if not text:
            return not self.required
        if self.allowed:
            return text in self.allowed
        return not self.pattern or re.fullmatch(self.pattern, text) is not None

    @property
    def expected(self) -> str:
        """What may stand here, in words."""
        return f"one of {', '.join(self.allowed)}" if self.allowed else self.in_words


LINES = (
    Column("line", "name of the line or donor", True, pattern=NAME, in_words=_NAME_IN_WORDS),
    Column("kind", "a donor (or parental sample), or a line", True, ("donor", "line")),
    Column(
        "parent",
        "the donor, or the line that this is a subclone of; empty where nobody was sampled",
        pattern=NAME,
        in_words="the name of another row of this sheet, or nothing",
    ),
    Column("sex", "sex of the donor", True, ("female", "male", "unknown")),
    Column(
        "tier",
        "public lines appear in results/public; private ones never do (the default)",
        allowed=("public", "private"),
        default="private",
    ),
    Column("registry_id", "identifier in a registry such as hPSCreg"),
    Column("source_cell", "cell type that the line was made from"),
    Column("reprogramming", "how it was reprogrammed"),
    Column("description", "free text for the line's page"),
)
SAMPLES = (
    Column("line", "a line of lines.tsv", True, pattern=NAME, in_words="a line of lines.tsv"),
    Column(
        "passage",
        "passage number; 0 for a donor",
        True,
        pattern=r"[0-9]{1,4}",
        in_words="a whole number from 0 to 9999",
    ),
    Column("assay", "what was measured", True, ASSAYS),
    Column("format", "format of the file (docs/tutorial.md)", True, FORMATS),
    Column(
        "path", "the file; a relative path starts at this sheet's folder", True, in_words="a file"
    ),
    Column(
        "path2",
        "a second file: the manifest of a GTC, the FASTQ of the second reads, the IDAT of the "
        "other colour (else found by its name), the table of unmethylated intensities",
        in_words="a file, or nothing",
    ),
    Column("name_in_file", "the sample's name inside a file that holds many; free text"),
    Column("build", "genome build of the file's positions; GRCh38 for reads", True, BUILDS),
    Column(
        "platform", "array or capture kit; measurements of one platform share baselines and targets"
    ),
    Column("batch", "processing batch"),
    Column("bank", "cell bank that this passage belongs to, such as MCB or WCB"),
    Column(
        "baseline",
        "samples to compare with, such as D1-p0;D1b-p0 (the first gives the genotypes); "
        "empty for the usual rule: the donor, else the earliest passage",
        pattern=rf"{NAME}-p[0-9]{{1,4}}(\s*;\s*{NAME}-p[0-9]{{1,4}})*",
        in_words="samples of this sheet such as D1-p0, separated by ;",
    ),
)


class Problem(NamedTuple):
    """One error: where it stands, what was found, what is expected, and a hint.

    `row` is the row as a spreadsheet numbers it (the header is row 1); 0 means the whole sheet.
    """

    sheet: str
    row: int
    column: str
    found: str
    expected: str
    hint: str = ""

    def __str__(self) -> str:
        place = [f"row {self.row}"] if self.row else []
        place += [f"column {self.column}"] if self.column else []
        text = f"found {self.found}; expected {self.expected}."
        text = f"{', '.join(place)}: {text}" if place else f"F{text[1:]}"
        return f"{text} {self.hint}" if self.hint else text


class SheetError(ValueError):
    """Every error of the sheets (or settings); `errors` holds them, the text lists them."""

    def __init__(self, errors: Sequence[Problem]) -> None:
        sheets = list(dict.fromkeys(error.sheet for error in errors))
        self.errors = sorted(errors, key=lambda error: (sheets.index(error.sheet), error.row))
        super().__init__(str(self))

    def __str__(self) -> str:
        count = len(self.errors)
        text = [f"{count} error{'s' if count > 1 else ''}; nothing was run."]
        for sheet in dict.fromkeys(error.sheet for error in self.errors):
            text += [sheet, *(f"  {error}" for error in self.errors if error.sheet == sheet)]
        return "\n".join(text)


def nearest(found: str, known: Iterable[str], words: str = "Did you mean {!r}?") -> str:
    """Return a hint with the most similar known text, or nothing."""
    folded = {text.casefold(): text for text in known}
    close = difflib.get_close_matches(found.casefold(), folded, n=1, cutoff=0.5)
    return words.format(folded[close[0]]) if close else ""


@dataclass(frozen=True)
class Row:
    """A row of a sheet: its number as a spreadsheet shows it, and its cells as text."""

    number: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    @property
    def sample(self) -> str:
        """The sample that a row of samples.tsv measures, ``{line}-p{passage}``."""
        return f"{self['line']}-p{int(self['passage'])}"


def hint_for(column: Column, text: str) -> str:
    """Return a value that would be accepted, if one is near."""
    if column.allowed:
        return nearest(text, column.allowed)
    if column.pattern == NAME and text:
        valid = re.sub(r"[^\w.-]+", "-", text).strip("-._")[:50].rstrip("-._")
        return f"For example {valid!r}." if re.fullmatch(NAME, valid) else ""
    number = re.fullmatch(r"[pP]?\s*([0-9]{1,4})(?:\.0*)?", text)
    if column.name == "passage" and number:
        return f"Write {number.group(1)!r}."
    return ""


def schema(columns: Sequence[Column], title: str) -> dict[str, Any]:
    """Return the JSON schema of one row of a sheet (for editors and other programs)."""
    properties: dict[str, Any] = {}
    for column in columns:
        entry: dict[str, Any] = {"type": "string", "description": column.doc}
        if column.allowed:
            entry["enum"] = [*column.allowed, *([] if column.required else [""])]
        elif column.pattern:
            entry["pattern"] = f"^({column.pattern}{'' if column.required else '|'})$"
        elif column.required:
            entry["minLength"] = 1
        if column.default:
            entry["default"] = column.default
        properties[column.name] = entry
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "object",
        "required": [column.name for column in columns if column.required],
        "additionalProperties": False,
        "properties": properties,
    }


def check_settings(
    config: Mapping[str, Any], schema: Mapping[str, Any], name: str
) -> list[Problem]:
    """Return what is wrong with the settings by their JSON schema (unknown keys, types, ranges)."""
    import jsonschema

    problems = []
    for error in jsonschema.Draft202012Validator(schema).iter_errors(config):
        place = ".".join(map(str, error.absolute_path))
        if error.validator == "additionalProperties":
            known = error.schema.get("properties", {})
            for key in [key for key in error.instance if key not in known]:
                where = f"{place}.{key}" if place else str(key)
                expected = f"one of the known keys {', '.join(known)}"
                hint = nearest(str(key), known)
                problems.append(Problem(name, 0, where, "an unknown key", expected, hint))
            continue
        doc = error.schema.get("description", "") if isinstance(error.schema, Mapping) else ""
        found, expected = repr(error.instance)[:80], _schema_in_words(error)
        problems.append(Problem(name, 0, place, found, expected, doc))
    return problems


def _schema_in_words(error: Any) -> str:
    """What a JSON schema asks for, where jsonschema's own message is not for people."""
    value = error.validator_value
    return {
        "type": f"a value of type {value}",
        "enum": f"one of {value}",
        "minimum": f"{value} or more",
        "maximum": f"{value} or less",
        "exclusiveMinimum": f"more than {value}",
        "exclusiveMaximum": f"less than {value}",
        "required": f"all of the keys {value}",
    }.get(error.validator, error.message)


if __name__ == "__main__":
    import yaml

    columns, title = {
        "lines": (LINES, "a row of lines.tsv"),
        "samples": (SAMPLES, "a row of samples.tsv"),
    }[sys.argv[1]]
    print("# Made by `python -m linedrift.sheets.sheet_columns`; do not edit.")
    print(yaml.safe_dump(schema(columns, title), sort_keys=False, allow_unicode=True), end="")
