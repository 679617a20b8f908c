"""The two sheets: what is accepted, and every way in which they can be wrong."""

import re
import tempfile
import unicodedata
from functools import partial
from pathlib import Path

import jsonschema
import pytest
import yaml
from fake_sheets import (
    DONOR,
    EXOME,
    LANE,
    LINE,
    errors_in,
    load,
    sample,
    tsv,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from linedrift import genome
from linedrift.sheets import sheet_columns, sheets
from linedrift.sheets.sheet_columns import LINES, NAME, SAMPLES


@pytest.fixture
def bank(tmp_path):
    """Return a function that writes both sheets and their files, and loads them."""
    return partial(load, tmp_path)


@pytest.fixture
def errors_of(tmp_path):
    """Return a function that gives the errors of two sheets."""
    return partial(errors_in, tmp_path)


# What a bank is


def test_a_bank_is_read_as_text_with_paths_of_the_sheet(bank, tmp_path):
    found = bank(
        [DONOR, LINE | {"description": "NA", "registry_id": "007"}],
        [sample("D1", "0"), sample(name_in_file="1e5", batch="TRUE", platform="null")],
    )
    row = found.measurements.set_index("sample").loc["A-p10"]
    assert (row["name_in_file"], row["batch"], row["platform"]) == ("1e5", "TRUE", "null")
    assert row["path"] == str(tmp_path / "A_10.txt")
    assert (row["path2"], row["passage"], row["sex"]) == ("", 10, "female")
    line = found.lines.set_index("line").loc["A"]
    assert (line["description"], line["registry_id"], line["tier"]) == ("NA", "007", "private")
    assert list(found.measurements.columns) == list(sheets.MEASUREMENT_COLUMNS)


def test_the_donor_is_the_baseline_and_has_none(bank):
    found = bank([DONOR, LINE], [sample("D1", "0"), sample(passage="5"), sample()])
    assert dict(zip(found.measurements["sample"], found.measurements["baseline"], strict=True)) == {
        "D1-p0": "",
        "A-p5": "D1-p0",
        "A-p10": "D1-p0",
    }
    assert found.measurements["donor"].tolist() == [True, False, False]


def test_without_a_donor_the_earliest_passage_is_the_baseline_and_has_none(bank):
    alone = LINE | {"parent": ""}
    found = bank([alone], [sample(passage="40"), sample(passage="9"), sample(passage="10")])
    assert found.measurements["baseline"].tolist() == ["A-p9", "", "A-p9"]


def test_a_donor_that_was_not_measured_leaves_the_earliest_passage_of_the_line(bank):
    found = bank([DONOR, LINE], [sample(passage="12"), sample(passage="30")])
    assert found.measurements["baseline"].tolist() == ["", "A-p12"]
    assert found.measurements["person"].tolist() == ["D1", "D1"]


def test_a_subclone_is_compared_as_far_back_as_was_measured(bank):
    clone = {"line": "A.1", "kind": "line", "parent": "A", "sex": "female"}
    with_donor = bank([DONOR, LINE, clone], [sample("D1", "0"), sample(), sample("A.1", "20")])
    assert with_donor.measurements["baseline"].tolist() == ["", "D1-p0", "D1-p0"]
    without = bank([DONOR, LINE, clone], [sample(), sample(passage="4"), sample("A.1", "20")])
    assert without.measurements["baseline"].tolist() == ["A-p4", "", "A-p4"]


def test_the_sheet_may_ask_for_other_baselines_and_their_order_stands(bank):
    asked = sample(passage="20", baseline="A-p010; D1-p0")
    found = bank([DONOR, LINE], [sample("D1", "0"), sample(), asked])
    assert found.measurements["baseline"].tolist() == ["", "D1-p0", "A-p10;D1-p0"]


def test_the_jobs_of_a_line_read_its_own_samples_and_its_baselines_only(bank):
    other = {"line": "B", "kind": "line", "parent": "D1", "sex": "female"}
    found = bank(
        [DONOR, LINE, other],
        [sample("D1", "0"), sample(), sample(passage="20", baseline="A-p10"), sample("B", "3")],
    )
    members = sheets.members(found)
    roles = {of: list(zip(rows["sample"], rows["role"], strict=True))
             for of, rows in members.groupby("of", sort=False)}  # fmt: skip
    assert roles == {
        "D1": [("D1-p0", "own")],
        "A": [("A-p10", "own"), ("A-p20", "own"), ("D1-p0", "baseline")],
        "B": [("B-p3", "own"), ("D1-p0", "baseline")],
    }
    assert not set(members.columns) & set(sheets.FILE_COLUMNS)


def test_a_donor_that_is_not_the_baseline_is_read_as_well(bank):
    found = bank([DONOR, LINE], [sample("D1", "0"), sample(baseline="A-p2"), sample(passage="2")])
    roles = sheets.members(found).query("of == 'A'").set_index("sample")["role"].to_dict()
    assert roles == {"A-p10": "own", "A-p2": "own", "D1-p0": "baseline"}
    found = bank(
        [DONOR, LINE],
        [sample("D1", "0"), sample(baseline="A-p2"), sample(passage="2", baseline="A-p10")],
    )
    roles = sheets.members(found).query("of == 'A'").set_index("sample")["role"].to_dict()
    assert roles["D1-p0"] == "donor"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_mark_make_no_difference(tmp_path, newline, mark):
    (tmp_path / "a.txt").write_text("data")
    (tmp_path / "lines.tsv").write_bytes((mark + tsv([DONOR], LINES, newline)).encode())
    row = sample("D1", "0", path="a.txt")
    (tmp_path / "samples.tsv").write_bytes((mark + tsv([row], SAMPLES, newline)).encode())
    found = sheets.load(tmp_path / "lines.tsv", tmp_path / "samples.tsv")
    assert found.measurements["sample"].tolist() == ["D1-p0"]


def test_a_name_typed_on_two_systems_is_one_name(bank):
    name = "한국-1"
    decomposed = unicodedata.normalize("NFD", name)
    assert decomposed != name
    found = bank([DONOR | {"line": name}], [sample(decomposed, "0", path="x.txt")])
    assert found.measurements["sample"].tolist() == [f"{name}-p0"]


def test_free_text_is_free(bank):
    hostile = ["../../etc", "<script>alert(1)</script>", "=cmd()", "a b", "한국 어", "{x}", "<b>"]
    for text in hostile:
        found = bank([DONOR], [sample("D1", "0", name_in_file=text, batch=text)])
        assert found.measurements.loc[0, ["name_in_file", "batch"]].tolist() == [text, text]


def test_every_build_that_the_sheet_takes_is_known():
    for name in sheet_columns.BUILDS:
        assert genome.build(name).name in genome.BUILDS


# What is wrong with it


CASES = {
    "bad kind": ([DONOR | {"kind": "doner"}], [], "lines", 2, "kind", "'donor'"),
    "bad sex": ([DONOR | {"sex": "F"}], [], "lines", 2, "sex", ""),
    "no sex": ([DONOR | {"sex": ""}], [], "lines", 2, "sex", ""),
    "name with a space": ([DONOR, LINE | {"line": "A 1"}], [], "lines", 3, "line", "'A-1'"),
    "name that leaves": ([DONOR, LINE | {"line": "../A"}], [], "lines", 3, "line", "'A'"),
    "formula": ([DONOR, LINE | {"line": "=A"}], [], "lines", 3, "line", "'A'"),
    "HTML": ([DONOR, LINE | {"line": "<b>A</b>"}], [], "lines", 3, "line", "'b-A-b'"),
    "long name": ([DONOR, LINE | {"line": "A" * 51}], [], "lines", 3, "line", "A" * 50),
    "page of the bank": ([DONOR, LINE | {"line": "Index"}], [], "lines", 3, "line", ""),
    "twice": ([DONOR, LINE, LINE], [], "lines", 4, "line", ""),
    "twice but for case": ([DONOR, LINE, LINE | {"line": "a"}], [], "lines", 4, "line", "tell"),
    "unknown parent": ([DONOR, LINE | {"parent": "D2"}], [], "lines", 3, "parent", "'D1'"),
    "own parent": ([DONOR, LINE | {"parent": "A"}], [], "lines", 3, "parent", ""),
    "donor's parent": ([DONOR, LINE | {"kind": "donor"}], [], "lines", 3, "parent", ""),
    "sex of the parent": ([DONOR, LINE | {"sex": "male"}], [], "lines", 3, "sex", ""),
    "bad passage": ([], [sample(passage="p12")], "samples", 3, "passage", "'12'"),
    "passage of a program": ([], [sample(passage="12.0")], "samples", 3, "passage", "'12'"),
    "negative passage": ([], [sample(passage="-1", path="m.txt")], "samples", 3, "passage", ""),
    "passage of a donor": ([], [sample("D1", "3", path="z.txt")], "samples", 3, "passage", ""),
    "bad assay": ([], [sample(assay="snp-array")], "samples", 3, "assay", "'snp_array'"),
    "format of another assay": ([], [sample(format="bam")], "samples", 3, "format", ""),
    "array as an exome": ([], [sample(**EXOME | {"format": "vcf"})], "samples", 3, "format", ""),
    "reads on hg19": (
        [], [sample(**EXOME | {"build": "hg19"})], "samples", 3, "build", "Align the reads",
    ),
    "FASTQ on hg19": (
        [], [sample(**LANE | {"build": "b37"})], "samples", 3, "build", "Write 'GRCh38'",
    ),
    "single reads": ([], [sample(**LANE | {"path2": ""})], "samples", 3, "path2", ""),
    "index in path2": (
        [], [sample(**EXOME, path2="D1_0.txt")], "samples", 3, "path2", "index is found",
    ),
    "two BAM": (
        [], [sample(**EXOME), sample(**EXOME, path="b.bam")], "samples", 4, "assay", "merge",
    ),
    "BAM and FASTQ": (
        [], [sample(**EXOME), sample(**LANE, path="1.fq")], "samples", 4, "assay", "format",
    ),
    "lane twice": ([], [sample(**LANE), sample(**LANE, path="1.fq")], "samples", 4, "path2", ""),
    "one FASTQ as both": ([], [sample(**LANE, path="2.fq")], "samples", 3, "path2", ""),
    "lanes of two kits": (
        [],
        [sample(**LANE), sample(**LANE | {"path2": "4.fq", "platform": "K"}, path="3.fq")],
        "samples", 4, "platform", "",
    ),
    "bad format": ([], [sample(format="finalreport")], "samples", 3, "format", "'final_report'"),
    "bad build": ([], [sample(build="hg37")], "samples", 3, "build", "'hg"),
    "unknown line": ([], [sample("AA")], "samples", 3, "line", "'A'"),
    "GTC alone": ([], [sample(format="gtc")], "samples", 3, "path2", ""),
    "second file": ([], [sample(format="vcf", path2="D1_0.txt")], "samples", 3, "path2", ""),
    "measured twice": (
        [], [sample(), sample(path="y.txt", format="vcf", platform="P")], "samples", 4, "assay",
        "format: 'final_report' and 'vcf'",
    ),
    "data twice": ([], [sample(path="D1_0.txt")], "samples", 3, "path", ""),
    "baseline unknown": ([], [sample(baseline="D1-p1")], "samples", 3, "baseline", "'D1-p0'"),
    "baseline itself": ([], [sample(baseline="A-p10")], "samples", 3, "baseline", ""),
    "baseline no sample": ([], [sample(baseline="D1")], "samples", 3, "baseline", ""),
    "baseline twice": ([], [sample(baseline="D1-p0;D1-p0")], "samples", 3, "baseline", ""),
    "no file": ([], [sample(path="D1-0.txt")], "samples", 3, "path", "D1_0.txt"),
    "no folder": ([], [sample(path="there/a.txt")], "samples", 3, "path", "no folder"),
    "directory": ([], [sample(path=".")], "samples", 3, "path", ""),
    "braces": ([], [sample(path="{a}.txt")], "samples", 3, "path", "Rename"),
    "angle brackets": ([], [sample(path="<results>.txt")], "samples", 3, "path", "Rename"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_error_names_sheet_row_and_column_and_hints(errors_of, case):
    lines, samples, sheet, row, column, hint = case
    lines = [dict(line) for line in lines] or [DONOR, LINE]
    found = errors_of(lines, [sample("D1", "0"), *(dict(row) for row in samples)])
    places = [(Path(error.sheet).stem, error.row, error.column) for error in found]
    assert (sheet, row, column) in places
    error = found[places.index((sheet, row, column))]
    assert error.found
    assert error.expected
    assert hint in error.hint
    if "page of" not in case[3:] and not samples:
        return
    assert len(found) == 1, found


def test_a_circle_of_parents_is_told_once(errors_of):
    rows = [LINE | {"line": name, "parent": parent} for name, parent in ("AB", "BC", "CA")]
    found = errors_of(rows, [sample()])
    assert [error.column for error in found] == ["parent"]
    assert "A - B - C - A" in found[0].found


def test_a_line_below_a_circle_is_not_blamed(errors_of):
    rows = [LINE | {"line": name, "parent": parent} for name, parent in ("AB", "BA", "CA")]
    assert [error.row for error in errors_of(rows, [sample()])] == [2]


def test_sex_is_compared_with_the_nearest_ancestor_that_has_one(errors_of):
    rows = [
        DONOR,
        LINE | {"sex": "unknown"},
        LINE | {"line": "A.1", "parent": "A", "sex": "male"},
    ]
    found = errors_of(rows, [sample("D1", "0")])
    assert [(error.row, error.column) for error in found] == [(4, "sex")]


def test_a_baseline_of_another_person_is_refused(errors_of):
    other = {"line": "D2", "kind": "donor", "sex": "male"}
    found = errors_of([DONOR, LINE, other], [sample("D2", "0"), sample(baseline="D2-p0")])
    assert [(error.row, error.column) for error in found] == [(3, "baseline")]
    assert "another person" in found[0].found


def test_an_empty_file_is_named(errors_of, tmp_path):
    (tmp_path / "empty.txt").touch()
    found = errors_of([DONOR], [sample("D1", "0", path="empty.txt")])
    assert "an empty file" in found[0].found


def test_files_need_not_be_looked_at(bank):
    found = bank([DONOR], [sample("D1", "0", path="nowhere/a.txt")], look_at_files=False)
    assert len(found.measurements) == 1


def test_ten_different_errors_are_all_told_at_once(errors_of):
    lines = [
        DONOR | {"sex": "F"},
        LINE | {"parent": "D2"},
        LINE | {"line": "B 1", "parent": "D1"},
        {"line": "C", "kind": "lin", "parent": "D1", "sex": "female"},
    ]
    samples = [
        sample("D1", "1"),
        sample("E", "10"),
        sample("A", "ten", path="a.txt"),
        sample("A", "3", format="idat"),
        sample("A", "4", build="mm10"),
        sample("A", "5", path="no/where.txt"),
        sample("A", "6", baseline="A-p6"),
    ]
    found = errors_of(lines, samples)
    assert len(found) == 11
    assert [error.column for error in found[:4]] == ["sex", "parent", "line", "kind"]
    text = str(sheets.SheetError(found))
    assert text.startswith("11 errors; nothing was run.")
    assert all(f"row {error.row}" in text for error in found)
    assert text.count("\n") == 2 + 11


def write(tmp_path, lines, samples=None):
    (tmp_path / "D1_0.txt").write_text("data")
    (tmp_path / "lines.tsv").write_bytes(lines)
    good = tsv([sample("D1", "0", path="D1_0.txt")], SAMPLES).encode()
    (tmp_path / "samples.tsv").write_bytes(good if samples is None else samples)
    with pytest.raises(sheets.SheetError) as caught:
        sheets.load(tmp_path / "lines.tsv", tmp_path / "samples.tsv")
    own = [error for error in caught.value.errors if error.sheet.endswith("lines.tsv")]
    return own, str(caught.value)


GOOD = tsv([DONOR], LINES).encode()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (b"", "an empty sheet"),
        (b"\n \n", "an empty sheet"),
        (GOOD.splitlines()[0], "no row below the header"),
        (GOOD.replace(b"\t", b","), "cells separated by comma"),
        (GOOD.replace(b"\t", b";"), "cells separated by semicolon"),
        (b"PK\x03\x04" + GOOD, "a spreadsheet workbook"),
        (GOOD.decode().encode("utf-16"), "UTF-16"),
        (GOOD.replace(b"D1", b"D\xe9"), "row 2: found the byte 0xe9"),
        (GOOD.replace(b"D1", b'"D1'), "text that is no table"),
        (GOOD.replace(b"D1", b'"D\n1"'), "row 2, column line: found 'D\\n1'"),
        (GOOD.replace(b"D1", b"D\x001"), "row 2, column line: found 'D\\x001'"),
        (GOOD.replace(b"sex", b"Sex"), "Did you mean 'sex'?"),
        (GOOD.replace(b"sex", b"kind"), "the column 2 times"),
        (GOOD.replace(b"kind", b"", 1), "a column without a name"),
        (GOOD.rstrip(b"\n") + b"\tone more", "10 cells"),
    ],
)
def test_a_sheet_that_is_no_sheet_is_told_in_words(tmp_path, lines, told):
    own, text = write(tmp_path, lines)
    assert own
    assert told in text


def test_a_sheet_that_is_missing_or_a_directory_is_told_with_the_other_sheets_errors(tmp_path):
    (tmp_path / "samples.tsv").mkdir()
    with pytest.raises(sheets.SheetError) as caught:
        sheets.load(tmp_path / "lines.tsv", tmp_path / "samples.tsv")
    assert "no file" in str(caught.value)
    assert "a directory" in str(caught.value)


def test_a_missing_column_does_not_hide_the_errors_of_the_others(tmp_path):
    text = b"line\tkind\nD1\tdoner\n"
    own, told = write(tmp_path, text)
    assert {error.column for error in own} == {"sex", "kind"}
    assert "no such column" in told


def test_rows_are_numbered_as_a_spreadsheet_numbers_them(tmp_path):
    header, row = GOOD.decode().splitlines()
    own, _ = write(tmp_path, "\n".join([header, "", row, "\t\t", "B\tlin\t\tmale"]).encode())
    assert [(error.row, error.column) for error in own] == [(5, "kind")]


# Invariants

NAMES = st.from_regex(NAME, fullmatch=True)


@given(text=st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_a_suggested_name_is_a_valid_one(text):
    column = LINES[0]
    hint = sheet_columns.hint_for(column, text)
    if hint:
        assert column.accepts(re.fullmatch(r"For example '(.*)'\.", hint).group(1))


@given(content=st.binary(max_size=200), keep=st.booleans())
@settings(max_examples=200, deadline=None)
def test_no_file_at_all_makes_anything_but_words(content, keep):
    with tempfile.TemporaryDirectory() as folder:
        lines, samples = Path(folder, "lines.tsv"), Path(folder, "samples.tsv")
        lines.write_bytes(GOOD + content if keep else content)
        samples.write_bytes(content)
        with pytest.raises(sheets.SheetError) as caught:
            sheets.load(lines, samples)
        assert str(caught.value)


@given(text=st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters='"\t')))
@settings(max_examples=100, deadline=None)
def test_free_text_is_kept_but_for_spaces_around_it(text):
    with tempfile.TemporaryDirectory() as folder:
        lines, samples, file = (Path(folder, name) for name in ("l.tsv", "s.tsv", "f.txt"))
        file.write_text("data")
        lines.write_text(tsv([DONOR | {"description": text}], LINES), encoding="utf-8")
        row = sample("D1", "0", path="f.txt", name_in_file=text)
        samples.write_text(tsv([row], SAMPLES), encoding="utf-8")
        found = sheets.load(lines, samples)
    assert found.lines["description"].tolist() == [text.strip()]
    assert found.measurements["name_in_file"].tolist() == [text.strip()]


@st.composite
def families(draw):
    """Return lines that descend from each other, and passages that were measured."""
    n = draw(st.integers(1, 6))
    lines, samples = [], []
    for i in range(n):
        parent = draw(st.sampled_from(["", *(line["line"] for line in lines)]))
        donor = not parent and draw(st.booleans())
        lines.append({"line": f"L{i}", "parent": parent, "sex": "unknown"})
        lines[-1]["kind"] = "donor" if donor else "line"
        known = st.sets(st.integers(0, 99), max_size=3)
        passages = draw(st.sets(st.just(0), max_size=1) if donor else known)
        samples += [sample(f"L{i}", str(passage), path=f"{i}.{passage}") for passage in passages]
    return lines, samples


@given(families())
@settings(max_examples=100, deadline=None)
def test_a_baseline_is_an_ancestors_or_the_lines_own_earlier_sample(family):
    lines, samples = family
    if not samples:
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "lines.tsv").write_text(tsv(lines, LINES))
        Path(folder, "samples.tsv").write_text(tsv(samples, SAMPLES))
        found = sheets.load(Path(folder, "lines.tsv"), Path(folder, "samples.tsv"), False)
    by_sample = found.measurements.set_index("sample")
    for name, row in by_sample.iterrows():
        if not row["baseline"]:
            continue
        base = by_sample.loc[row["baseline"]]
        assert row["baseline"] != name
        assert base["person"] == row["person"]
        assert base["line"] != row["line"] or base["passage"] < row["passage"]
        assert base["baseline"] == ""
    assert not by_sample.loc[by_sample["donor"], "baseline"].any()


# Schemas


@pytest.mark.parametrize(("name", "columns"), [("lines", LINES), ("samples", SAMPLES)])
def test_the_schemas_for_editors_are_those_of_the_columns(repository, name, columns):
    file = repository / "workflow" / "schemas" / f"{name}.schema.yaml"
    stored = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert stored == sheet_columns.schema(columns, f"a row of {name}.tsv")
    jsonschema.Draft202012Validator.check_schema(stored)


CELLS = st.one_of(
    NAMES,
    st.sampled_from(["", "donor", "line", "female", "public", "12", "snp_array", "gtc", "hg19"]),
    st.builds("{}-p{}".format, NAMES, st.integers(0, 20_000)),
    st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=8),
)


@given(st.sampled_from([*LINES, *SAMPLES]), CELLS)
@settings(max_examples=300, deadline=None)
def test_schema_and_sheet_accept_the_same_cells(column, text):
    one = sheet_columns.schema([column], "one cell")
    by_schema = jsonschema.Draft202012Validator(one).is_valid({column.name: text})
    assert by_schema == column.accepts(text)
