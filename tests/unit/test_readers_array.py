"""One planted array in every format reads to the same signals; what is bad is named."""

import gzip
import json
import os
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pysam
import pytest
import snp_array_files as files
from hypothesis import given
from hypothesis import strategies as st
from linedrift import tables
from linedrift.readers import array, delimited, layouts
from linedrift.readers.files import ReadingError


@pytest.fixture
def loci():
    return files.planted()


def expected(loci: pd.DataFrame) -> pd.DataFrame:
    """Return the planted loci as SIGNALS has them."""
    frame = loci.assign(chrom="chr" + loci["chrom"], start=loci["pos"] - 1)
    order = {"chr1": 0, "chr20": 1, "chrX": 2}
    key = frame.assign(key=frame["chrom"].map(order)).sort_values(["key", "start"])
    return key.reset_index(drop=True)


def assert_reads_to(reading: array.Reading, loci: pd.DataFrame) -> None:
    truth, signals = expected(loci), reading.signals
    assert signals["name"].tolist() == truth["name"].tolist()
    assert signals["chrom"].astype(str).tolist() == truth["chrom"].tolist()
    assert signals["start"].tolist() == truth["start"].tolist()
    assert (signals["end"] - signals["start"] == 1).all()
    np.testing.assert_array_equal(signals["level"], truth["lrr"].astype("float32"))
    np.testing.assert_array_equal(signals["b_fraction"], truth["baf"].astype("float32"))
    assert signals["genotype"].astype(str).tolist() == truth["gt"].tolist()
    assert signals["usable"].all()
    assert signals[["level_sd", "b_sd"]].isna().all(axis=None)


def assert_every_row_is_counted(facts: dict) -> None:
    left = ("n_no_position", "n_other_contig", "n_beyond_chromosome", "n_unmapped")
    assert facts["n_rows"] == facts["n_loci"] + sum(facts[key] for key in left)
    not_usable = ("n_duplicate_position", "n_failed_by_file", "n_without_signal")
    assert facts["n_loci"] == facts["n_usable"] + sum(facts[key] for key in not_usable)


WRITERS = {
    "tab": ("final_report", lambda p, x: files.final_report(p / "f.txt", {"S1": x})),
    "comma": (
        "final_report",
        lambda p, x: files.final_report(p / "f.csv", {"S1": x}, delimiter=","),
    ),
    "packed": ("final_report", lambda p, x: files.final_report(p / "f.txt.gz", {"S1": x})),
    "r_names": (
        "final_report",
        lambda p, x: files.text(
            p / "r.csv",
            ["[Header]", "[Data]", "SNP.Name,Log.R.Ratio,B.Allele.Freq,Allele1...AB,Allele2...AB,"
             "Chr,Position"]
            + [f"{r.name},{r.lrr},{r.baf},{','.join(files.ALLELES[r.gt])},{r.chrom},{r.pos}"
               for r in x.itertuples()],
        ),
    ),
    "full_table": ("full_data_table", lambda p, x: files.wide(p / "w.txt", {"S1": x})),
    "penncnv_crlf": ("penncnv", lambda p, x: files.wide(p / "p.txt", {"S1": x}, end="\r\n")),
    "penncnv_r": ("penncnv", lambda p, x: files.wide(p / "r.txt.gz", {"S1": x}, r_style=True)),
    "table": ("table", lambda p, x: files.table(p / "t.tsv", x)),
    "vcf_picard": ("vcf", lambda p, x: files.vcf(p / "a.vcf", {"S1": x})),
    "vcf_gtc2vcf": ("vcf", lambda p, x: files.vcf(p / "a.vcf.gz", {"S1": x}, alleles="gtc2vcf")),
    "gtc": ("gtc", lambda p, x: files.gtc(p / "a.gtc", x)),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_reads_to_the_planted_signals(kind, tmp_path, loci):
    format, write = WRITERS[kind]
    manifests = [files.bpm(tmp_path / "m.bpm", loci, entry=entry) for entry in (6, 7, 8)]
    manifests += [files.csv_manifest(tmp_path / f"{padded}.csv", loci, padded=padded)
                  for padded in (False, True)]  # fmt: skip
    for path2 in manifests if format == "gtc" else [""]:
        reading = array.read(write(tmp_path, loci), format=format, path2=path2)
        assert_reads_to(reading, loci)
        assert_every_row_is_counted(reading.facts)
        assert reading.facts["n_rows"] == reading.facts["n_usable"] == len(loci)


@pytest.mark.parametrize("format", ["final_report", "full_data_table", "vcf"])
def test_one_sample_of_many_is_picked(format, tmp_path, loci, monkeypatch):
    monkeypatch.setattr(delimited, "_BLOCK", 2000)
    others = {f"S{i}": files.planted(seed=i).assign(name=loci["name"]) for i in (2, 3)}
    write = {"final_report": files.final_report, "full_data_table": files.wide, "vcf": files.vcf}
    path = write[format](
        tmp_path / "many.txt", {"S2": others["S2"], "S1": loci, "S3": others["S3"]}
    )
    if format == "final_report":
        assert_reads_to(array.read(path, format=format, name_in_file="S1"), loci)
        assert_reads_to(array.read(path, format=format, name_in_file="name of S1"), loci)
    else:
        reading = array.read(path, format=format, name_in_file="S1")
        levels = dict(zip(reading.signals["name"], reading.signals["level"], strict=True))
        want = dict(zip(loci["name"], loci["lrr"].astype("float32"), strict=True))
        assert levels == want
    assert array.read(path, format=format, name_in_file="S1").facts["sample"] == "S1"
    with pytest.raises(ReadingError, match=r"holds 3 samples.*name_in_file: 'S2', 'S1', 'S3'"):
        array.read(path, format=format)
    with pytest.raises(ReadingError, match=r"has no sample 's1'; the nearest name is 'S1'"):
        array.read(path, format=format, name_in_file="s1")


@given(order=st.permutations(["SNP Name", "Sample ID", "Allele1 - AB", "Allele2 - AB", "Chr",
                              "Position", "B Allele Freq", "Log R Ratio"]))  # fmt: skip
def test_columns_may_stand_in_any_order(order, tmp_path_factory):
    loci = files.planted(12)
    path = files.final_report(tmp_path_factory.mktemp("f") / "f.txt", {"S1": loci}, columns=order)
    assert_reads_to(array.read(path, format="final_report"), loci)


def test_positions_come_from_path2_where_it_is_given(tmp_path, loci):
    report = files.final_report(tmp_path / "f.txt", {"S1": loci}, positions=False)
    with pytest.raises(ReadingError, match="has no columns Chr and Position.*path2"):
        array.read(report, format="final_report")
    shuffled = loci.sample(frac=1, random_state=3)
    for path2 in (
        files.markers(tmp_path / "m.csv.gz", shuffled),
        files.bpm(tmp_path / "m.bpm", shuffled),
        files.csv_manifest(tmp_path / "m.csv", shuffled),
    ):
        assert_reads_to(array.read(report, format="final_report", path2=path2), loci)
    moved = loci.assign(pos=loci["pos"] + 7)
    with_own = files.wide(tmp_path / "w.txt", {"S1": loci})
    path2 = files.markers(tmp_path / "moved.csv", moved)
    assert_reads_to(array.read(with_own, format="penncnv", path2=path2), moved)


def test_markers_without_a_place_are_counted_each_by_its_reason(tmp_path, loci):
    odd = pd.DataFrame(
        {
            "name": ["zero", "blank", "mito", "alt", "far", "twin", "silent", "cnvi0001", "xy"],
            "chrom": ["0", "", "MT", "GL000209.1", "20", loci["chrom"][0], "20", "20", "XY"],
            "pos": [5, 5, 5, 5, 99_000_000, loci["pos"][0], 7_000_000, 8_000_000, 100_000],
            "lrr": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, np.nan, 0.5, 0.0],
            "baf": [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, np.nan, 0.5, 0.5],
            "gt": ["AB", "AB", "AB", "AB", "AB", "AB", "", "AB", "AB"],
        }
    )
    many = files.planted(3000).assign(name=lambda x: "m" + x["name"])
    all_loci = pd.concat([loci, many, odd], ignore_index=True)
    reading = array.read(files.table(tmp_path / "t.tsv", all_loci), format="table")
    facts, signals = reading.facts, reading.signals.set_index("name")
    assert_every_row_is_counted(facts)
    assert (facts["n_no_position"], facts["n_other_contig"], facts["n_beyond_chromosome"]) == (
        2,
        2,
        1,
    )
    assert facts["other_contigs"] == {"MT": 1, "GL000209.1": 1}
    assert facts["n_duplicate_position"] == 1 and not signals.loc["twin", "usable"]
    assert signals.loc[loci["name"][0], "usable"]
    assert facts["n_without_signal"] == 1 and not signals.loc["silent", "usable"]
    assert signals.loc["cnvi0001", "level"] == np.float32(0.5) and signals.loc["cnvi0001", "usable"]
    assert (
        np.isnan(signals.loc["cnvi0001", "b_fraction"])
        and signals.loc["cnvi0001", "genotype"] == ""
    )
    assert signals.loc["xy", "chrom"] == "chrX"


def test_of_loci_at_one_position_the_same_is_used_in_every_row_order(tmp_path, loci):
    twins = loci.assign(name="twin" + loci["name"], lrr=9.0)
    usable = set()
    for seed in range(3):
        rows = pd.concat([loci, twins]).sample(frac=1, random_state=seed, ignore_index=True)
        signals = array.read(files.table(tmp_path / "t.tsv", rows), format="table").signals
        usable.add(tuple(signals.loc[signals["usable"], "name"]))
    assert usable == {tuple(expected(loci)["name"])}


@pytest.mark.parametrize(
    ("codes", "want"),
    [
        ({"23": 150_000_000, "24": 20_000_000, "25": 1_000_000}, ["chrX", "chrY", "chrX"]),
        ({"23": 150_000_000, "24": 150_000_000, "25": 20_000_000}, ["chrX", "chrX", "chrY"]),
    ],
    ids=["plink", "affymetrix"],
)
def test_numbers_of_sex_chromosomes_are_told_by_positions(codes, want, tmp_path):
    rows = pd.DataFrame({"name": list("abc"), "chrom": list(codes), "pos": list(codes.values())})
    path = files.table(tmp_path / "t.tsv", rows.assign(lrr=0.0, baf=0.5, gt="AB"))
    signals = array.read(path, format="table").signals.set_index("name")
    assert signals.loc[list("abc"), "chrom"].astype(str).tolist() == want


def test_odd_numbers_are_no_numbers(tmp_path):
    path = files.text(
        tmp_path / "t.tsv",
        [
            "name\tchrom\tpos\tlrr\tbaf\tgt",
            "a\t1\t1e+05\t-Infinity\t0.5\tAB",
            "b\t1\t200\t#N/A\t2\tNC",
            "c\t1\t300\t0.1\t\t--",
            "d\t1\t400\tn. def.\tNaN\t",
        ],
    )
    signals = array.read(path, format="table").signals.set_index("name")
    assert signals.loc["a", "start"] == 99_999
    assert signals["level"].isna().tolist() == [True, False, True, True]
    assert signals["b_fraction"].isna().tolist() == [True, True, True, False]
    assert (
        signals.loc["a", "genotype"] == "AB" and (signals.loc[list("bcd"), "genotype"] == "").all()
    )


NAMES = ["my line 3", "줄기세포 계대 20", "../../etc/passwd", "<b>x</b>", "=1+1", "a,b", "-", "né"]


@pytest.mark.parametrize("name", NAMES)
def test_sample_names_are_only_text(name, tmp_path, loci):
    others = {"other": loci.assign(lrr=9.0), name: loci}
    writers = {
        "penncnv": files.wide, "vcf": files.vcf, "final_report": files.final_report
    }  # fmt: skip
    readings = [
        array.read(write(tmp_path / "f.txt", others), format=format, name_in_file=name)
        for format, write in writers.items()
    ]
    for reading in readings:
        assert reading.facts["sample"] == name
        assert (reading.signals["level"] < 9).all()


def test_korean_windows_text_is_read(tmp_path, loci):
    name = "줄기세포 20"
    samples = {"other": loci, name: loci}
    path = files.final_report(tmp_path / "f.txt", samples, encoding="cp949")
    assert_reads_to(array.read(path, format="final_report", name_in_file=name), loci)
    with pytest.raises(ReadingError, match=f"nearest name is '{name}'"):
        array.read(path, format="final_report", name_in_file="줄기세포 2")


def test_a_vcf_without_alleles_names_homozygotes_by_their_fraction(tmp_path, loci):
    path = files.vcf(tmp_path / "a.vcf", {"S1": loci}, alleles="none")
    reading = array.read(path, format="vcf")
    assert_reads_to(reading, loci)
    assert reading.facts["n_genotypes_by_baf"] == (loci["gt"] != "").sum()
    assert "ALT" in reading.facts["b_allele"]


def test_vcf_rows_may_differ_in_format_and_filter(tmp_path, loci):
    path = tmp_path / "a.vcf"
    files.vcf(path, {"S1": loci})
    lines = path.read_text().splitlines()
    cells = lines[-1].split("\t")
    call, baf, lrr = cells[9].split(":")
    lines[-1] = "\t".join(
        [*cells[:6], "ZEROED_OUT_ASSAY", cells[7], "LRR:GT:XX:BAF", f"{lrr}:{call}"]
    )
    path.write_text("\n".join(lines) + "\n")
    reading = array.read(path, format="vcf")
    last = reading.signals.set_index("name").loc[loci["name"].iloc[-1]]
    assert not last["usable"] and np.isnan(last["b_fraction"])
    assert last["level"] == np.float32(lrr) and reading.facts["n_failed_by_file"] == 1


def test_memory_is_bounded_by_one_sample(tmp_path, monkeypatch):
    loci = pd.concat([files.planted(600, seed=s) for s in range(30)], ignore_index=True)
    loci["name"] = [f"m{i}" for i in range(len(loci))]
    path = files.final_report(tmp_path / "f.txt", {f"S{i}": loci for i in range(12)})
    monkeypatch.setattr(delimited, "_BLOCK", 1 << 16)
    pool, peak = pa.default_memory_pool(), 0
    before = pool.bytes_allocated()
    for batch in delimited.batches(path, layouts.layout(path, "final_report"), ("lrr",)):
        peak = max(peak, pool.bytes_allocated() - before)
        del batch
    assert peak < 5e6 < os.path.getsize(path)
    reading = array.read(path, format="final_report", name_in_file="S11")
    assert reading.facts["n_rows"] == len(loci)


# Bad files


def cut(path: str, n_bytes: int) -> str:
    with open(path, "r+b") as file:
        file.truncate(file.seek(0, 2) - n_bytes)
    return path


@pytest.mark.parametrize("n_bytes", [3, 12, 25, 45])
@pytest.mark.parametrize("n_samples", [1, 2])
def test_a_final_report_cut_in_a_line_is_refused(n_bytes, n_samples, tmp_path, loci):
    samples = {f"S{i}": loci for i in range(n_samples)}
    path = cut(files.final_report(tmp_path / "f.txt", samples), n_bytes)
    with pytest.raises(ReadingError, match="cut|truncated"):
        array.read(path, format="final_report", name_in_file=f"S{n_samples - 1}")


def test_a_cut_line_is_named_with_its_number(tmp_path, loci):
    path = cut(files.final_report(tmp_path / "f.txt", {"S1": loci}), 30)
    line = 8 + len(loci)
    with pytest.raises(ReadingError, match=rf"cut in the middle of line {line}: found \d+ fields"):
        array.read(path, format="final_report")


def test_a_sample_with_fewer_rows_than_the_others_is_refused(tmp_path, loci):
    path = files.final_report(tmp_path / "f.txt", {"S1": loci, "S2": loci})
    whole = (tmp_path / "f.txt").read_text().splitlines(keepends=True)
    (tmp_path / "f.txt").write_text("".join(whole[:-5]))
    with pytest.raises(ReadingError, match=r"sample 'S2' has 55 rows where another has 60"):
        array.read(path, format="final_report", name_in_file="S2")


@pytest.mark.parametrize("kind", ["packed", "penncnv_r", "vcf_gtc2vcf"])
def test_a_cut_packed_file_is_refused(kind, tmp_path, loci):
    format, write = WRITERS[kind]
    path = cut(write(tmp_path, loci), 200)
    with pytest.raises(ReadingError, match="truncated or damaged"):
        array.read(path, format=format)


def test_a_vcf_cut_in_its_last_field_is_refused(tmp_path, loci):
    path = cut(files.vcf(tmp_path / "a.vcf", {"S1": loci}), 3)
    with pytest.raises(ReadingError, match="cut in the middle of its last line"):
        array.read(path, format="vcf")


@pytest.mark.parametrize(
    ("n_bytes", "array_name"), [(10, "log R ratios"), (260, "B-allele"), (500, "genotypes")]
)
def test_a_gtc_cut_in_an_array_is_refused(n_bytes, array_name, tmp_path, loci):
    path = cut(files.gtc(tmp_path / "a.gtc", loci), n_bytes)
    path2 = files.bpm(tmp_path / "m.bpm", loci)
    with pytest.raises(ReadingError, match=rf"cut in the array of {array_name}.*ends at"):
        array.read(path, format="gtc", path2=path2)


def test_a_bgzf_file_cut_between_blocks_is_refused(tmp_path, loci):
    plain = files.vcf(tmp_path / "a.vcf", {"S1": loci})
    path = str(tmp_path / "a.vcf.gz")
    pysam.tabix_compress(plain, path)
    assert_reads_to(array.read(path, format="vcf"), loci)
    with pytest.raises(ReadingError, match="end block of BGZF is missing"):
        array.read(cut(path, 28), format="vcf")


def test_an_old_gtc_is_refused(tmp_path, loci):
    path = files.gtc(tmp_path / "a.gtc", loci, version=3)
    with pytest.raises(ReadingError, match="version 3 has no B-allele frequencies"):
        array.read(path, format="gtc", path2=files.bpm(tmp_path / "m.bpm", loci))


def test_a_manifest_that_does_not_fit_the_gtc_is_refused(tmp_path, loci):
    path = files.gtc(tmp_path / "a.gtc", loci)
    for write in (files.bpm, files.csv_manifest):
        fewer = write(tmp_path / "fewer", loci[:-1])
        with pytest.raises(ReadingError, match=r"has 59 loci, the GTC 60.*'Tiny_A1.bpm'"):
            array.read(path, format="gtc", path2=fewer)
        other = write(tmp_path / "other", loci, name="Other_B2.bpm")
        with pytest.raises(ReadingError, match="manifest is 'Other_B2.bpm', the GTC was made with"):
            array.read(path, format="gtc", path2=other)
    with pytest.raises(ReadingError, match="is a marker table; a GTC needs"):
        array.read(path, format="gtc", path2=files.markers(tmp_path / "m.csv", loci))
    with pytest.raises(ReadingError, match="expected its BPM or CSV manifest in path2"):
        array.read(path, format="gtc")
    with pytest.raises(ReadingError, match=r"m.bpm: BPM is cut .* locus 60 of 60"):
        array.read(path, format="gtc", path2=cut(files.bpm(tmp_path / "m.bpm", loci), 20))
    lines = (tmp_path / "fewer").read_text().splitlines()
    cut_csv = files.text(tmp_path / "cut.csv", lines[:40])
    with pytest.raises(ReadingError, match="is cut: found 34 loci"):
        array.read(path, format="gtc", path2=cut_csv)


def test_markers_of_another_array_are_refused(tmp_path, loci):
    path = files.wide(tmp_path / "w.txt", {"S1": loci})
    other = files.markers(tmp_path / "m.csv", loci.assign(name="other" + loci["name"]))
    with pytest.raises(ReadingError, match="0 of 60 marker names are in it"):
        array.read(path, format="penncnv", path2=other)


def test_a_comma_as_decimal_separator_is_named(tmp_path, loci):
    text = loci.assign(lrr=loci["lrr"].astype(str).str.replace(".", ","))
    with pytest.raises(
        ReadingError, match=r"line 2, column 'lrr': found '-?\d,\d+', a number with a comma"
    ):
        array.read(files.table(tmp_path / "t.tsv", text), format="table")
    both = text.assign(baf=text["baf"].astype(str).str.replace(".", ","))
    rows = [f"{r.name},{r.lrr},{r.baf},{r.chrom},{r.pos}" for r in both.itertuples()]
    header = "SNP Name,Log R Ratio,B Allele Freq,Chr,Position"
    path = files.text(tmp_path / "f.csv", [header, *rows])
    with pytest.raises(ReadingError, match="numbers written with a comma"):
        array.read(path, format="final_report")


def test_a_word_in_place_of_a_number_is_named(tmp_path, loci):
    words = loci.astype({"lrr": object})
    words.loc[40, "lrr"] = "high"
    with pytest.raises(
        ReadingError, match=r"line 42, column 'lrr': found 'high'; expected a number"
    ):
        array.read(files.table(tmp_path / "t.tsv", words), format="table")


def test_unknown_contigs_and_impossible_positions_are_refused(tmp_path, loci):
    strange = files.table(tmp_path / "t.tsv", loci.assign(chrom="contig" + loci["chrom"]))
    with pytest.raises(ReadingError, match="60 of 60 markers are on contigs.*'contig"):
        array.read(strange, format="table")
    far = files.table(tmp_path / "t.tsv", loci.assign(pos=loci["pos"] + 200_000_000))
    with pytest.raises(ReadingError, match="beyond the end of their chromosome in GRCh38"):
        array.read(far, format="table")
    nowhere = files.table(tmp_path / "t.tsv", loci.assign(chrom="0", pos=0))
    with pytest.raises(ReadingError, match="none of 60 markers has a position"):
        array.read(nowhere, format="table")


def test_files_that_are_none_are_named(tmp_path, loci):
    (tmp_path / "empty.txt").touch()
    for path, words in (
        (tmp_path, "is a directory; expected a file"),
        (tmp_path / "empty.txt", r"is empty \(0 bytes\)"),
        (tmp_path / "emty.txt", "no such file; the nearest name is 'empty.txt'"),
    ):
        with pytest.raises(ReadingError, match=words):
            array.read(path, format="penncnv")
    header = files.text(
        tmp_path / "h.txt", ["Name\tChr\tPosition\tS1.Log R Ratio\tS1.B Allele Freq"]
    )
    with pytest.raises(ReadingError, match="rows"):
        array.read(header, format="penncnv")
    with pytest.raises(ReadingError, match=r"\[Header\] but no line \[Data\]"):
        array.read(
            files.text(tmp_path / "f.txt", ["[Header]", "Num SNPs\t5"]), format="final_report"
        )
    with pytest.raises(ReadingError, match="unknown format 'xls'"):
        array.read(header, format="xls")


def test_an_old_build_needs_its_chain(tmp_path, loci):
    path = files.table(tmp_path / "t.tsv", loci)
    with pytest.raises(ReadingError, match="key chains: GRCh37"):
        array.read(path, format="table", build="hg19")


def test_markers_are_lifted_and_what_is_not_is_counted(tmp_path, loci):
    # The file's chr1 moves by 1,000 up to 30 Mb and is gone behind; chr20 leads to chr2; no chrX.
    one = "100 chr1 249250621 + 0 30000000 chr1 248956422 + 1000 30001000 1"
    two = "90 chr20 63025520 + 0 63025520 chr2 242193529 + 0 63025520 2"
    chain = files.chain(tmp_path / "c.chain", [(one, ["30000000"]), (two, ["63025520"])])
    path = files.table(tmp_path / "t.tsv", loci)
    reading = array.read(path, format="table", build="hg19", chains={"GRCh37": chain})
    kept = loci[(loci["chrom"] == "1") & (loci["pos"] <= 30_000_000)]
    assert_reads_to(reading, kept.assign(pos=kept["pos"] + 1000))
    assert_every_row_is_counted(reading.facts)
    assert reading.facts["n_unmapped"] == len(loci) - len(kept) > 0


def test_the_script_writes_signals_and_facts(tmp_path, loci):
    import read_snp_array

    path = files.final_report(tmp_path / "f.txt", {"S1": loci})
    job = SimpleNamespace(
        input=SimpleNamespace(data=path, path2=[], chain=[]),
        params=SimpleNamespace(format="final_report", name_in_file="S1", build="hg38"),
        output=SimpleNamespace(signals=tmp_path / "s.parquet", facts=tmp_path / "facts.json"),
    )
    assert read_snp_array.main(job).startswith("S1: 60 rows, 60 usable loci")
    assert len(tables.read(job.output.signals, tables.SIGNALS)) == 60
    facts = json.loads(job.output.facts.read_text())
    assert (facts["n_rows"], facts["array"], facts["build"]) == (60, "Tiny_A1.bpm", "GRCh38")


def test_gzip_of_several_members_is_read_whole(tmp_path, loci):
    lines = [line.encode() + b"\n" for line in ["name\tchrom\tpos\tlrr\tbaf\tgt",
             *loci.astype(str).agg("\t".join, axis=1)]]  # fmt: skip
    path = tmp_path / "t.tsv.gz"
    path.write_bytes(gzip.compress(b"".join(lines[:20])) + gzip.compress(b"".join(lines[20:])))
    assert_reads_to(array.read(path, format="table"), loci)
