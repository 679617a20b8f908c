"""The two sheets: what is accepted, and every way in which they can be wrong."""

import re
import tempfile
import unicodedata
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from linedrift import genome, sheet_columns, sheet_needs, sheets
from linedrift.sheet_columns import LINES, NAME, SAMPLES

DONOR = {"line": "D1", "kind": "donor", "sex": "female"}
LINE = {"line": "A", "kind": "line", "parent": "D1", "sex": "female"}
ARRAY = {"assay": "snp_array", "format": "final_report", "build": "GRCh38"}
COUNTS = {"assay": "rna", "format": "gene_counts", "build": "GRCh38"}
ASE = {"assay": "rna", "format": "ase", "build": "GRCh38"}
BETAS = {"assay": "methylation", "format": "betas", "build": "GRCh37"}
COVERAGE = {"assay": "methylation", "format": "bismark_cov", "build": "GRCh38"}
RNA_FASTQ = {"assay": "rna", "format": "fastq", "build": "GRCh38", "path2": "a.fq"}
RNA_BAM = {"assay": "rna", "format": "bam", "build": "GRCh38"}
EXOME = {"assay": "wes", "format": "bam", "build": "GRCh38"}
LANE = EXOME | {"format": "fastq", "path2": "2.fq"}


def tsv(rows, columns, newline="\n"):
    """Return rows as the text of a sheet with all columns, or those that the first row names."""
    names = [column.name for column in columns]
    lines = ["\t".join(names), *("\t".join(row.get(name, "") for name in names) for row in rows)]
    return newline.join(lines) + newline


@pytest.fixture
def bank(tmp_path):
    """Return a function that writes both sheets and their files, and loads them."""

    def load(lines, samples, look_at_files=True):
        for sample in samples:
            sample.setdefault("path", f"{sample['line']}_{sample['passage']}.txt")
            for name in (sample["path"], sample.get("path2", "")):
                if re.fullmatch(r"[\w.]+", name) and not (tmp_path / name).exists():
                    (tmp_path / name).write_text("data")
        (tmp_path / "lines.tsv").write_text(tsv(lines, LINES), encoding="utf-8")
        (tmp_path / "samples.tsv").write_text(tsv(samples, SAMPLES), encoding="utf-8")
        return sheets.load(tmp_path / "lines.tsv", tmp_path / "samples.tsv", look_at_files)

    return load


@pytest.fixture
def errors_of(bank):
    """Return a function that gives the errors of two sheets."""

    def load(lines, samples):
        with pytest.raises(sheets.SheetError) as caught:
            bank(lines, samples)
        return caught.value.errors

    return load


def sample(line="A", passage="10", **more):
    return {"line": line, "passage": passage, **ARRAY, **more}


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


def test_a_build_without_a_chain_file_is_named_before_anything_runs(bank, tmp_path):
    found = bank([DONOR], [sample("D1", "0", build="hg19")])
    with pytest.raises(sheets.SheetError, match="1 measurement on GRCh37, but no chain file in"):
        sheet_needs.check_needs(found, {"chains": {"hg18": "", "GRCh37": ""}}, "samples.tsv")
    with pytest.raises(sheets.SheetError, match="no chain file at 'none.gz'"):
        sheet_needs.check_needs(found, {"chains": {"GRCh37": "none.gz"}}, "samples.tsv")
    chain = tmp_path / "chain.gz"
    chain.write_text("chain")
    sheet_needs.check_needs(found, {"chains": {"GRCh37": str(chain)}}, "samples.tsv")
    modern = bank([DONOR], [sample("D1", "0", build="hg38")])
    sheet_needs.check_needs(modern, {"chains": {}}, "samples.tsv")


# Exomes


def test_lanes_are_one_measurement_and_all_their_files_are_kept(bank):
    lanes = [sample(**LANE | {"path2": f"{i}_2.fq"}, path=f"{i}_1.fq") for i in range(3)]
    found = bank([DONOR, LINE], lanes)
    assert found.measurements[["sample", "assay"]].to_numpy().tolist() == [["A-p10", "wes"]]
    assert [Path(path).name for path in found.rows["path"]] == ["0_1.fq", "1_1.fq", "2_1.fq"]
    assert found.rows["sample"].unique().tolist() == ["A-p10"]


def test_each_assay_has_its_own_baseline(bank):
    later = sample(passage="20", **EXOME)
    found = bank(
        [DONOR, LINE],
        [sample("D1", "0"), sample(), sample(**EXOME, path="a.bam"), later, sample(passage="20")],
    )
    key = ["sample", "assay"]
    assert found.measurements.set_index(key)["baseline"].to_dict() == {
        ("D1-p0", "snp_array"): "",
        ("A-p10", "snp_array"): "D1-p0",
        ("A-p10", "wes"): "",
        ("A-p20", "wes"): "A-p10",
        ("A-p20", "snp_array"): "D1-p0",
    }
    members = sheets.members(found).query("of == 'A'")
    assert sorted(zip(members["sample"], members["assay"], members["role"], strict=True)) == [
        ("A-p10", "snp_array", "own"),
        ("A-p10", "wes", "own"),
        ("A-p20", "snp_array", "own"),
        ("A-p20", "wes", "own"),
        ("D1-p0", "snp_array", "baseline"),
    ]


def needs(reference="", **capture):
    return {"chains": {}, "resources": {"reference": reference}, "wes": {"capture": capture}}


def test_an_exome_without_reference_and_targets_is_refused_with_the_reason(bank, tmp_path):
    rows = [sample(**EXOME), sample("D1", "0", **EXOME, platform="Twist")]
    found = bank([DONOR, LINE], rows)
    with pytest.raises(sheets.SheetError) as caught:
        sheet_needs.check_needs(
            found, needs(str(tmp_path / "none.fa"), Other="x.bed"), "samples.tsv"
        )
    reference, unnamed, twist = caught.value.errors
    assert "2 measurements by wes, but no file at" in reference.found
    assert "under wes: capture: any:" in unnamed.hint
    assert "on platform 'Twist'" in twist.found
    assert "would look lost" in twist.expected
    (tmp_path / "r.fa").write_text(">chr1")
    (tmp_path / "t.bed").write_text("chr1")
    settings_ = needs(str(tmp_path / "r.fa"), any=str(tmp_path / "t.bed"))
    with pytest.raises(sheets.SheetError, match=r"no index .*r\.fa\.fai.* samtools faidx"):
        sheet_needs.check_needs(found, settings_, "samples.tsv")
    (tmp_path / "r.fa.fai").write_text("chr1")
    sheet_needs.check_needs(found, settings_, "samples.tsv")
    missing = settings_ | {"wes": {"capture": {"Twist": "gone.bed", "any": "gone.bed"}}}
    with pytest.raises(sheets.SheetError, match="no file at 'gone.bed'"):
        sheet_needs.check_needs(found, missing, "samples.tsv")
    arrays = bank([DONOR], [sample("D1", "0")])
    sheet_needs.check_needs(arrays, needs(), "samples.tsv")


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


# Settings


@pytest.fixture(scope="module")
def config_schema():
    root = Path(__file__).resolve().parents[2]
    text = (root / "workflow" / "schemas" / "config.schema.yaml").read_text(encoding="utf-8")
    schema = yaml.safe_load(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


@pytest.fixture
def config(repository):
    return yaml.safe_load((repository / "config" / "config.yaml").read_text(encoding="utf-8"))


def test_the_settings_that_are_shipped_are_valid(config, config_schema):
    assert sheet_columns.check_settings(config, config_schema, "settings") == []


def test_an_unknown_key_is_refused_with_the_nearest_known_one(config, config_schema):
    config["sampels"] = "x"
    config["contrast"]["respons"] = 0.5
    first, second = sheet_columns.check_settings(config, config_schema, "settings")
    assert (first.column, first.hint) == ("sampels", "Did you mean 'samples'?")
    assert (second.column, second.hint) == ("contrast.respons", "Did you mean 'response'?")


def test_every_setting_that_is_shipped_has_its_type_and_range_in_the_schema(config, config_schema):
    def missing(value, schema, place):
        schema = config_schema["$defs"].get(schema.get("$ref", "").rpartition("/")[2], schema)
        if isinstance(value, dict):
            others = schema.get("additionalProperties", True)
            known = schema.get("properties", {})
            return [
                one
                for key, inner in value.items()
                for one in missing(inner, known.get(key, others or {}), f"{place}.{key}")
                if others is not True or key in known
            ] + ([place] if others is True else [])
        return [] if "type" in schema else [place]

    assert missing(config, config_schema, "") == []


def test_the_schema_knows_no_setting_that_is_not_shipped(config, config_schema):
    def unused(value, schema, place):
        known = schema.get("properties", {})
        return [f"{place}.{key}" for key in known if key not in value] + [
            one
            for key, inner in known.items()
            if isinstance(value.get(key), dict)
            for one in unused(value[key], inner, f"{place}.{key}")
        ]

    assert unused(config, config_schema, "") == []


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [("contrast", "response", -1), ("contrast", "response", "0.5"), ("events", "rate", 0)],
)
def test_a_value_out_of_range_is_told_with_its_place(config, config_schema, section, key, value):
    config[section][key] = value
    (problem,) = sheet_columns.check_settings(config, config_schema, "settings")
    assert problem.column == f"{section}.{key}"
    assert repr(value) in str(problem)


# RNA-seq


def test_counts_and_alleles_of_a_sample_are_one_measurement(bank):
    rows = [
        sample(**COUNTS, path="counts.tsv", name_in_file="A_10"),
        sample(**RNA_BAM, path="a.bam"),
        sample("D1", "0", **COUNTS, path="counts.tsv", name_in_file="D1"),
    ]
    found = bank([DONOR, LINE], rows)
    assert found.measurements["sample"].tolist() == ["A-p10", "D1-p0"]
    assert found.measurements["baseline"].tolist() == ["D1-p0", ""]
    assert len(found.rows) == 3


@pytest.mark.parametrize(
    ("rows", "column", "words"),
    [
        ([COUNTS, COUNTS | {"format": "star"}], "format", "counts of genes of A-p10 a second time"),
        ([ASE, RNA_BAM], "format", "alleles of A-p10 a second time"),
        ([COUNTS, ASE, RNA_BAM], "format", r"a second time \(row 4 has it\)"),
        ([COUNTS, ASE | {"bank": "MCB"}], "bank", "expected the same in all rows"),
        ([COUNTS, RNA_FASTQ], "assay", r"a second rna of A-p10 \(row 3 has one\)"),
        (
            [RNA_FASTQ, RNA_FASTQ | {"bank": "MCB", "path2": "b.fq"}],
            "bank",
            "the same in all lanes",
        ),
        ([RNA_FASTQ | {"path2": ""}], "path2", "the second reads"),
        ([RNA_BAM | {"build": "hg19"}], "build", "positions of reads are not lifted"),
        ([COUNTS | {"path2": "x.txt"}], "path2", "a second file is not read"),
        ([COUNTS | {"format": "gtc"}], "format", "expected one of gene_counts"),
        ([BETAS, COVERAGE], "format", "methylation of A-p10 a second time"),
        (
            [COVERAGE, COVERAGE | {"format": "bam"}, COVERAGE | {"format": "cram"}],
            "format",
            r"an alignment of A-p10 a second time \(row 4 has it\)",
        ),
        ([COVERAGE, COVERAGE | {"format": "bam", "bank": "MCB"}], "bank", "by methylation"),
        ([BETAS | {"path2": "x.txt"}], "path2", "a second file is not read"),
        ([BETAS | {"format": "gtc"}], "format", "expected one of idat"),
    ],
)
def test_parts_of_a_measurement_that_do_not_fit_are_told(errors_of, rows, column, words):
    rows = [sample(**row, path=f"r{n}.txt") for n, row in enumerate(rows)]
    errors = [error for error in errors_of([DONOR, LINE], [sample("D1", "0"), *rows])
              if error.column == column]  # fmt: skip
    assert len(errors) == 1
    assert re.search(words, str(errors[0]))


def rna_needs(**resources):
    return {"chains": {}, "resources": {"genes": "", "reference": ""} | resources}


def test_counts_need_an_annotation_and_no_chain(bank, tmp_path):
    found = bank([DONOR], [sample("D1", "0", **COUNTS | {"build": "hg19"})])
    with pytest.raises(sheets.SheetError, match="1 measurement by rna with counts of genes, but"):
        sheet_needs.check_needs(found, rna_needs(), "samples.tsv")
    with pytest.raises(sheets.SheetError, match="but no file at 'gone.gff3'"):
        sheet_needs.check_needs(found, rna_needs(genes="gone.gff3"), "samples.tsv")
    (tmp_path / "g.gff3").write_text("chr1")
    sheet_needs.check_needs(found, rna_needs(genes=str(tmp_path / "g.gff3")), "samples.tsv")


def test_alleles_on_another_build_need_a_chain_and_cram_a_reference(bank):
    found = bank([DONOR], [sample("D1", "0", **ASE | {"build": "hg19"})])
    with pytest.raises(sheets.SheetError, match="1 measurement on GRCh37, but no chain file"):
        sheet_needs.check_needs(found, rna_needs(), "samples.tsv")
    found = bank([DONOR], [sample("D1", "0", **RNA_BAM | {"format": "cram"})])
    with pytest.raises(sheets.SheetError, match="1 measurement by rna in CRAM, but no reference"):
        sheet_needs.check_needs(found, rna_needs(), "samples.tsv")


# Methylation


def test_methylation_and_an_alignment_of_a_sample_are_one_measurement(bank):
    rows = [
        sample(**COVERAGE, path="a.cov.gz"),
        sample(**COVERAGE | {"format": "bam"}, path="a.bam"),
        sample("D1", "0", **COVERAGE, path="d.cov.gz"),
    ]
    found = bank([DONOR, LINE], rows)
    assert found.measurements["format"].tolist() == ["bismark_cov", "bismark_cov"]
    assert found.rows["format"].tolist() == ["bismark_cov", "bam", "bismark_cov"]


def test_arrays_of_methylation_need_the_manifest_of_their_platform(bank, tmp_path):
    found = bank([DONOR], [sample("D1", "0", **BETAS | {"build": "GRCh38", "platform": "EPIC"})])

    def needs(**manifest):
        return {"chains": {}, "methylation": {"manifest": manifest}}

    words = "1 measurement by methylation on platform 'EPIC', but no manifest in the settings"
    with pytest.raises(sheets.SheetError, match=words):
        sheet_needs.check_needs(found, needs(), "samples.tsv")
    with pytest.raises(sheets.SheetError, match="no file at 'gone.csv'"):
        sheet_needs.check_needs(found, needs(EPIC="gone.csv"), "samples.tsv")
    (tmp_path / "m.csv").write_text("Name\n")
    sheet_needs.check_needs(found, needs(any=str(tmp_path / "m.csv")), "samples.tsv")
    coverage = bank([DONOR], [sample("D1", "0", **COVERAGE)])
    sheet_needs.check_needs(coverage, needs(), "samples.tsv")


def test_fastq_of_rna_needs_the_genes_and_the_reference(bank, tmp_path):
    found = bank([DONOR], [sample("D1", "0", **RNA_FASTQ)])
    with pytest.raises(sheets.SheetError) as raised:
        sheet_needs.check_needs(found, rna_needs(), "samples.tsv")
    assert "no genes in the settings" in str(raised.value)
    assert "1 measurement by rna in FASTQ, but no reference in the settings" in str(raised.value)
