"""Rules across the rows of the two sheets: names, parents, sex, repeats and baselines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from linedrift import genome
from linedrift.sheets.sheet_columns import (
    ASSAY_FORMATS,
    ASSAYS,
    BUILDS,
    FORMATS,
    LANE_FORMATS,
    NAME,
    NEED_PATH2,
    PARTS,
    SAMPLES,
    SUPPORTED_ASSAYS,
    TAKE_NO_PATH2,
    Problem,
    Row,
    nearest,
)


def check_lines(rows: Sequence[Row], sheet: str) -> list[Problem]:
    """Return repeated lines, parents that do not fit, circles, and conflicts of sex."""
    by_name = {row["line"]: row for row in reversed(rows)}
    errors = _check_names(rows, sheet)
    for row in rows:
        errors += _check_parent(row, by_name, sheet)
    for row in by_name.values():
        chain = ancestors(row["line"], by_name)
        if not chain or chain[-1] != row["line"]:
            known = [by_name[name] for name in chain if name in by_name]
            errors += _sex_conflict(sheet, row, known)
        elif row["line"] == min(chain):  # each circle once
            circle = f"parents in a circle: {' - '.join([row['line'], *chain])}"
            errors.append(Problem(sheet, row.number, "parent", circle, "a donor at the end"))
    return errors


def _check_names(rows: Sequence[Row], sheet: str) -> list[Problem]:
    """Return lines that stand twice, and names that the pages need for themselves."""
    errors: list[Problem] = []
    first: dict[str, Row] = {}
    for row in rows:
        folded = row["line"].casefold()
        if folded == "index" or folded.endswith(".html"):
            # Pages are <line>.html beside index.html, the page of the bank.
            expected = "a name other than index, without .html at its end"
            errors.append(Problem(sheet, row.number, "line", repr(row["line"]), expected))
        if folded and folded in first:
            other = first[folded]
            hint = "" if other["line"] == row["line"] else "Some systems do not tell them apart."
            found = f"{row['line']!r}, which stands in row {other.number} too"
            errors.append(Problem(sheet, row.number, "line", found, "each line once", hint))
        first.setdefault(folded, row)
    return errors


def _check_parent(row: Row, by_name: Mapping[str, Row], sheet: str) -> list[Problem]:
    """Return a donor's parent, and a parent that is no line."""
    parent, errors = row["parent"], []
    if parent and row["kind"] == "donor":
        found = f"the parent {parent!r} of a donor"
        errors.append(Problem(sheet, row.number, "parent", found, "no parent"))
    if parent not in by_name and re.fullmatch(NAME, parent):
        found, hint = f"the unknown parent {parent!r}", nearest(parent, by_name)
        errors.append(Problem(sheet, row.number, "parent", found, "a line of this sheet", hint))
    return errors


def _sex_conflict(sheet: str, row: Row, chain: Sequence[Row]) -> list[Problem]:
    """Return the conflict of a line's sex with that of its nearest ancestor of known sex."""
    known = [other for other in chain if other["sex"] in ("female", "male")]
    if row["sex"] not in ("female", "male") or not known or known[0]["sex"] == row["sex"]:
        return []
    other = known[0]
    expected = f"{other['sex']!r} as its ancestor {other['line']} (row {other.number})"
    return [Problem(sheet, row.number, "sex", repr(row["sex"]), expected)]


def ancestors(line: str, by_name: Mapping[str, Row]) -> list[str]:
    """Return the parents of a line, nearest first; in a circle it ends at a line seen twice."""
    chain: list[str] = []
    at = line
    while at in by_name and by_name[at]["parent"] and len(chain) <= len(by_name):
        at = by_name[at]["parent"]
        chain.append(at)
        if at == line or at in chain[:-1]:
            break
    return chain


def check_samples(
    rows: Sequence[Row], lines: Sequence[Row], sheet: str, lines_sheet: str
) -> list[Problem]:
    """Return samples of unknown lines, repeated measurements and baselines that do not fit."""
    by_name = {row["line"]: row for row in reversed(lines)}
    errors = []
    for row in rows:
        if row["line"] and re.fullmatch(NAME, row["line"]) and row["line"] not in by_name:
            found, expected = f"the unknown line {row['line']!r}", f"a line of {lines_sheet}"
            hint = nearest(row["line"], by_name)
            errors.append(Problem(sheet, row.number, "line", found, expected, hint))
        if row["assay"] in ASSAYS and row["assay"] not in SUPPORTED_ASSAYS:
            known = " or ".join(SUPPORTED_ASSAYS)
            expected = f"{known} (the others are not yet supported in this version)"
            errors.append(Problem(sheet, row.number, "assay", repr(row["assay"]), expected))
        errors += _check_format(row, sheet) + _check_path2(row, sheet)
    whole = [row for row in rows if re.fullmatch(r"[0-9]{1,4}", row["passage"]) and row["line"]]
    for row in whole:
        if (
            int(row["passage"])
            and row["line"] in by_name
            and by_name[row["line"]]["kind"] == "donor"
        ):
            found = f"passage {row['passage']!r} of the donor {row['line']}"
            errors.append(Problem(sheet, row.number, "passage", found, "0, as donors have"))
    return errors + _check_repeats(whole, sheet) + _check_baselines(whole, by_name, sheet)


def _check_format(row: Row, sheet: str) -> list[Problem]:
    """Return a format that the assay does not have, and reads on a build other than GRCh38."""
    assay, kind, errors = row["assay"], row["format"], []
    formats = ASSAY_FORMATS.get(assay, ())
    if formats and kind in FORMATS and kind not in formats:
        found, expected = f"{kind!r} of the assay {assay}", f"one of {', '.join(formats)}"
        errors.append(Problem(sheet, row.number, "format", found, expected))
    elif kind in _BUILD_OF_READS and row["build"] in BUILDS:
        if genome.build(row["build"]) != genome.GRCH38:
            found = f"{row['build']!r} of a {kind}"
            errors.append(Problem(sheet, row.number, "build", found, *_BUILD_OF_READS[kind]))
    return errors


# What is expected in the column build, and what to do, by format.
_ALIGN_AGAIN = (
    "GRCh38: positions of reads are not lifted, for alignments follow the sequence itself",
    "Align the reads to GRCh38, or turn the file into FASTQ (samtools collate, samtools fastq) and "
    "give that as format fastq.",
)
_BUILD_OF_READS = {
    "bam": _ALIGN_AGAIN,
    "cram": _ALIGN_AGAIN,
    "fastq": ("GRCh38, to which linedrift aligns FASTQ", "Write 'GRCh38'."),
}


def _check_path2(row: Row, sheet: str) -> list[Problem]:
    """Return a second file that is missing, or one that nobody would read."""
    kind = row["format"]
    if kind in NEED_PATH2 and not row["path2"]:
        return [Problem(sheet, row.number, "path2", f"nothing beside a {kind}", NEED_PATH2[kind])]
    if kind in TAKE_NO_PATH2 and row["path2"]:
        found = f"{row['path2']!r} beside a {kind}"
        expected = "nothing: a second file is not read"
        hint = "An index is found beside the file, or made." if kind in ("bam", "cram") else ""
        return [Problem(sheet, row.number, "path2", found, expected, hint)]
    return []


def _check_repeats(rows: Sequence[Row], sheet: str) -> list[Problem]:
    """Return second measurements of one sample by one assay, and data given to two samples."""
    errors = []
    earlier: dict[tuple[str, str], list[Row]] = {}
    data: dict[tuple[str, str], Row] = {}
    for row in rows:
        others = earlier.setdefault((row.sample.casefold(), row["assay"]), [])
        lane = row["format"] in LANE_FORMATS or any(one["format"] in LANE_FORMATS for one in others)
        if row["assay"] in PARTS and not lane:
            errors += _check_part(row, others, sheet)
        elif row["assay"] in SUPPORTED_ASSAYS and others:
            errors += _check_second(row, others[0], sheet)
        others.append(row)
        lane = row["format"] in LANE_FORMATS
        for column in ("path", "path2") if lane else ("path",):
            source = (row[column], "" if lane else row["name_in_file"])
            if row[column] and source in data and (lane or data[source].sample != row.sample):
                other = data[source]
                found = f"the data of {other.sample} (row {other.number}) again"
                expected = "another file" + ("" if lane else ", or another name_in_file")
                errors.append(Problem(sheet, row.number, column, found, expected))
            data.setdefault(source, row)
    return errors


def _check_second(row: Row, other: Row, sheet: str) -> list[Problem]:
    """Return what is wrong with a second row of one sample and assay: nothing, if it is a lane."""
    if row["format"] in LANE_FORMATS and other["format"] in LANE_FORMATS:
        return [
            Problem(
                sheet,
                row.number,
                name,
                f"{row[name]!r} beside {other[name]!r} in row {other.number}",
                f"the same in all lanes of {row.sample}",
            )
            for name in ("platform", "bank", "baseline")
            if row[name] != other[name]
        ]
    found = f"a second {row['assay']} of {row.sample} (row {other.number} has one)"
    differ = [name for name in ("format", "platform") if row[name] != other[name]]
    hint = "".join(f" {name}: {other[name]!r} and {row[name]!r}." for name in differ)
    hint = f"Keep one, or give the other its own line.{hint}"
    if row["format"] in ("bam", "cram"):
        hint += " Lanes of one library: merge them (samtools merge), then mark duplicates."
    return [Problem(sheet, row.number, "assay", found, "one file", hint)]


def _check_part(row: Row, others: Sequence[Row], sheet: str) -> list[Problem]:
    """Return what is wrong with a further row of an assay in parts: a part twice, other words."""
    assay = row["assay"]
    errors = [
        Problem(
            sheet,
            row.number,
            name,
            f"{row[name]!r} beside {other[name]!r} in row {other.number}",
            f"the same in all rows of {row.sample} by {assay}",
        )
        for other in others[:1]
        for name in ("platform", "bank", "baseline")
        if row[name] != other[name]
    ]
    parts = PARTS[assay]
    for what, formats in parts.items():
        same = [other for other in others if other["format"] in formats]
        if row["format"] in formats and same:
            other = same[0]
            found = f"{what} of {row.sample} a second time (row {other.number} has it)"
            expected = "one row each: " + "; ".join(
                f"{name} ({', '.join(kinds)})" for name, kinds in parts.items()
            )
            hint = "Keep one, or give the other its own line."
            errors.append(Problem(sheet, row.number, "format", found, expected, hint))
    return errors


def _check_baselines(rows: Sequence[Row], by_name: Mapping[str, Row], sheet: str) -> list[Problem]:
    """Return baselines that do not exist, are the sample itself, or are of another person."""
    errors = []
    measured = {(row.sample, row["assay"]): row for row in rows}
    column = next(column for column in SAMPLES if column.name == "baseline")
    for row in rows:
        if not row["baseline"] or not column.accepts(row["baseline"]):
            continue
        ids = sample_ids(row["baseline"])
        problems = []
        if row["line"] in by_name and by_name[row["line"]]["kind"] == "donor":
            problems.append(("a baseline of a donor", "nothing: others are compared with it", ""))
        if len(set(ids)) < len(ids):
            problems.append((f"{row['baseline']!r}, with one sample twice", "each once", ""))
        for sample in dict.fromkeys(ids):
            if sample == row.sample:
                problems.append((f"{sample!r}, the sample itself", "another sample", ""))
            elif (sample, row["assay"]) not in measured:
                known = [name for name, assay in measured if assay == row["assay"]]
                other = any(name == sample for name, _ in measured)
                found = f"{sample!r}, which " + ("has no such assay" if other else "is no sample")
                problems.append((found, f"a sample of the assay {row['assay']}",
                                 nearest(sample, known)))  # fmt: skip
        first = measured.get((ids[0], row["assay"]))
        if first and root(first["line"], by_name) != root(row["line"], by_name):
            found = f"{ids[0]!r}, a sample of another person"
            problems.append((found, "a sample with the same donor in first place", ""))
        errors += [Problem(sheet, row.number, "baseline", *problem) for problem in problems]
    return errors


def sample_ids(text: str) -> list[str]:
    """Return the samples of a baseline cell: ``A-p00; B-p1`` -> A-p0, B-p1."""
    pairs = [part.strip().rpartition("-p") for part in text.split(";")]
    return [f"{line}-p{int(passage)}" for line, _, passage in pairs]


def root(line: str, by_name: Mapping[str, Row]) -> str:
    """Return the last known line of the chain of parents."""
    chain = [name for name in ancestors(line, by_name) if name in by_name]
    return chain[-1] if chain else line
