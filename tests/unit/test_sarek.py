"""Tables of nf-core/sarek become sheets that linedrift takes."""

import pytest
from linedrift.readers import sarek
from linedrift.readers.files import ReadingError
from linedrift.sheets import sheets

TABLE = """patient,sex,status,sample,cram,crai,table
D1,XX,0,D1_blood,{0}/D1_blood.md.cram,{0}/D1_blood.md.cram.crai,x.table
D1,XX,1,KR-01_p12,{0}/KR-01_p12.md.cram,{0}/KR-01_p12.md.cram.crai,x.table
D1,XX,1,KR-01-P030,{0}/KR-01-P030.md.cram,{0}/KR-01-P030.md.cram.crai,x.table
D2,NA,1,KR-02-p5,{0}/KR-02-p5.md.cram,{0}/KR-02-p5.md.cram.crai,x.table
"""


def results(tmp_path, place, table=TABLE):
    folder = tmp_path / "out" / "preprocessing" / "recalibrated"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("D1_blood", "KR-01_p12", "KR-01-P030", "KR-02-p5"):
        (folder / f"{name}.md.cram").write_text("x")
    file = tmp_path / "out" / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(table.format("out/preprocessing/recalibrated"))
    return tmp_path / "out"


@pytest.mark.parametrize("place", ["csv/recalibrated.csv", "preprocessing/csv/markduplicates.csv"])
def test_a_table_becomes_sheets_that_load(tmp_path, capsys, place):
    out = results(tmp_path, place)
    for path in (str(out), str(out / place)):
        assert sarek.main([path, "--platform", "Kit"]) == 0
        (tmp_path / "samples.tsv").write_text(capsys.readouterr().out)
        assert sarek.main([path, "--lines"]) == 0
        (tmp_path / "lines.tsv").write_text(capsys.readouterr().out)
        bank = sheets.load(tmp_path / "lines.tsv", tmp_path / "samples.tsv")
        found = bank.measurements
        assert found["sample"].tolist() == ["D1-p0", "KR-01-p12", "KR-01-p30", "KR-02-p5"]
        assert found["baseline"].tolist() == ["", "D1-p0", "D1-p0", ""]
        assert found["sex"].tolist() == ["female", "female", "female", "unknown"]
        assert set(found["format"]) == {"cram"} and set(found["platform"]) == {"Kit"}
        assert found["donor"].tolist() == [True, False, False, False]


def test_the_last_step_is_taken_and_columns_are_known_by_name(tmp_path):
    out = results(tmp_path, "csv/markduplicates.csv")
    (out / "csv" / "recalibrated.csv").write_text(
        "sample,bam,bai,patient\nKR-09-p7,/data/x.bam,/data/x.bam.bai,P\n\n"
    )
    (row,) = sarek.read(str(out))
    assert (row["line"], row["passage"], row["format"]) == ("KR-09", "7", "bam")
    assert (row["path"], row["sex"]) == ("/data/x.bam", "unknown")


def test_a_passage_that_no_name_tells_is_left_to_you(tmp_path, capsys):
    table = "patient,sex,status,sample,cram,crai\nD1,XX,1,clone7,/d/a.cram,/d/a.cram.crai\n"
    out = results(tmp_path, "csv/recalibrated.csv", table)
    assert sarek.main([str(out)]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[1].split("\t")[:3] == ["clone7", "", "wes"]
    assert "Fill in the passage of 'clone7'" in told.err


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("patient,sample,vcf\nD1,a,b\n", "no column cram or bam; found 'patient', 'sample', 'vcf'"),
        ("sample,cram\na,b\n", "no column patient"),
        ("patient,sample,cram\nD1,a,\n", "line 2 has no cram"),
        ("patient,sample,cram\nD1,,x.cram\n", "line 2 has no sample"),
        ("", "no column patient and sample and cram or bam"),
    ],
)
def test_another_table_is_told_in_words(tmp_path, capsys, table, told):
    out = results(tmp_path, "csv/recalibrated.csv", table)
    assert sarek.main([str(out)]) == 1
    assert told in capsys.readouterr().err


def test_a_folder_without_a_table_is_told(tmp_path):
    with pytest.raises(ReadingError, match=r"holds no table of nf-core/sarek; expected one of csv"):
        sarek.read(str(tmp_path))
    with pytest.raises(ReadingError, match="no such file"):
        sarek.read(str(tmp_path / "none.csv"))
