"""Files of SNP arrays as laboratories have them: wide, padded, quoted, without a column."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import snp_array_files as files
from linedrift.readers import array, heads
from linedrift.readers.files import ReadingError


@pytest.fixture
def loci():
    return files.planted(60)


def look(path, format, **cells):
    """Return what the check says of a file."""
    row = {"path": str(path), "path2": "", "name_in_file": "", "build": "GRCh38", "format": format}
    known = pd.DataFrame(columns=["name", "chrom", "pos_hg18", "pos_GRCh37", "pos_GRCh38"])
    return heads.problems(row | cells, {}, known)


def levels(reading):
    return dict(zip(reading.signals["name"], reading.signals["level"], strict=True))


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_table_of_thousands_of_samples_is_read(packed, tmp_path, loci):
    """Its line of titles alone is longer than the head that tells most files."""
    samples = [f"line {i:05d} at its passage {i % 70} [plate {i % 96}]" for i in range(12_000)]
    titles = [f"{sample}.{what}" for sample in samples for what in ("B Allele Freq", "Log R Ratio")]
    few = loci.head(20)
    rows = [
        f"{row.name}\t{row.chrom}\t{row.pos}" + f"\t{row.baf}\t9.0" * 11_999 + f"\t0.5\t{row.lrr}"
        for row in few.itertuples()
    ]
    path = files.text(
        tmp_path / f"wide.txt{packed}", ["\t".join(["Name", "Chr", "Position", *titles]), *rows]
    )
    assert sum(map(len, titles)) > 1 << 20
    assert look(path, "full_data_table", name_in_file=samples[-1]) == []
    reading = array.read(path, format="full_data_table", name_in_file=samples[-1])
    assert levels(reading) == dict(zip(few["name"], few["lrr"].astype("float32"), strict=True))
    if not packed:
        Path(path).write_bytes(Path(path).read_bytes()[:-100_000])
        assert (
            "is cut in the middle of its last line"
            in look(path, "full_data_table", name_in_file=samples[-1])[0]
        )
        with pytest.raises(ReadingError, match="is cut in the middle"):
            array.read(path, format="full_data_table", name_in_file=samples[-1])


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("format", ["final_report", "full_data_table", "vcf"])
def test_blanks_around_a_name_in_the_file_do_not_count(format, small, tmp_path, loci, monkeypatch):
    """Cells of the sheet lose theirs, so such a sample could not be named otherwise."""
    if not small:
        monkeypatch.setattr(heads, "_SMALL_PLAIN", 0)
        monkeypatch.setattr(heads, "_ROWS", 30)
        monkeypatch.setattr(heads, "_BLOCK", 1500)
    samples = {"other": loci.assign(lrr=9.0), "S1 p12 ": loci}
    write = {"final_report": files.final_report, "full_data_table": files.wide, "vcf": files.vcf}
    path = write[format](tmp_path / "many.txt", samples)
    assert look(path, format, name_in_file="S1 p12") == []
    reading = array.read(path, format=format, name_in_file="S1 p12")
    assert reading.facts["sample"] == "S1 p12"
    assert levels(reading) == dict(zip(loci["name"], loci["lrr"].astype("float32"), strict=True))


def test_two_names_that_differ_by_blanks_are_told_apart(tmp_path, loci):
    path = files.final_report(tmp_path / "f.txt", {"S1 ": loci.assign(lrr=9.0), "S1": loci})
    assert array.read(path, format="final_report", name_in_file="S1").signals["level"].max() < 9


@pytest.mark.parametrize(
    ("titles", "missing"),
    [
        ("SNP Name\tSample ID\tChr\tPosition\tX\tY", "B Allele Freq, Log R Ratio"),
        ("SNP Name\tSample ID\tChr\tPosition\tX\tLog R Ratio", "B Allele Freq"),
        ("SNP Name\tSample ID\tChr\tPosition\tX\tB Allele Freq", "Log R Ratio"),
    ],
)
def test_a_report_without_a_column_is_told_how_to_get_it(titles, missing, tmp_path):
    path = files.text(tmp_path / "f.txt", [titles, "rs1\tS\t1\t100\t0.5\t0.4"])
    (words,) = look(path, "final_report")
    assert f"no column {missing};" in words
    assert "PennCNV" not in words
    assert f"Export it again from GenomeStudio with {missing.replace(', ', ' and ')}" in words


def test_fields_that_blanks_part_are_told(tmp_path, loci):
    rows = [f"{row.name} {row.chrom} {row.pos} {row.lrr} {row.baf}" for row in loci.itertuples()]
    path = files.text(tmp_path / "t.txt", ["name chrom pos lrr baf", *rows])
    (words,) = look(path, "table")
    assert "its fields are parted by blanks; expected tabs, commas or semicolons" in words


def test_a_table_is_told_its_own_names_of_columns(tmp_path):
    path = files.text(tmp_path / "t.txt", ["SNP\tChr\tBP\tLog2Ratio\tBAF", "rs1\t1\t100\t0\t0.5"])
    (words,) = look(path, "table")
    assert "no column pos, lrr; found 'SNP', 'Chr', 'BP', 'Log2Ratio', 'BAF'" in words
    assert "Name its columns so" in words


def test_a_manifest_with_quotes_around_every_field_is_read(tmp_path, loci):
    written = Path(files.csv_manifest(tmp_path / "m.csv", loci, padded=True)).read_text()
    fields = [line.split(",") for line in written.splitlines()]
    padded, bare = (
        [",".join(f'"{text}"' for text in row) for row in rows]
        for rows in (fields, [",".join(row).rstrip(",").split(",") for row in fields])
    )
    for lines in (padded, bare):
        path2 = files.text(tmp_path / "q.csv", lines, "\r\n")
        path = files.final_report(tmp_path / "f.txt", {"S1": loci}, positions=False)
        assert look(path, "final_report", path2=path2) == []
        reading = array.read(path, format="final_report", path2=path2)
        assert reading.facts["n_usable"] == len(loci)
        assert np.array_equal(
            reading.signals.sort_values("name")["start"], loci.sort_values("name")["pos"] - 1
        )
