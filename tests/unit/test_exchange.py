"""Exports, read back by the programs that take them."""

import dataclasses
import hashlib
import itertools
import math
import shutil
import subprocess

import cyvcf2
import line_records as made
import numpy as np
import pandas as pd
import pysam
import pysam.bcftools
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linedrift import tables
from linedrift.genome import GRCH38
from linedrift.report import exchange

NAN = math.nan
LOH = made.event(
    event_id="e-17p", chrom="chr17", start=0, end=20_000_000, band="17p13.3p11.2",
    kind="cn_loh", copies=2, hotspot_id="loss_17p13.1_TP53", quality=400.0,
)  # fmt: skip
LOSS = made.event(
    event_id="e-3", chrom="chr3", start=3_974_670, end=4_071_644, band="3p26.1", kind="loss",
    copies=1, origin="inherited", hotspot_id="", quality=20.0,
)  # fmt: skip
STATES = [
    made.state(),
    made.state(passage=10, fraction=NAN),
    made.state("e-17p", fraction=0.3),
    made.state("e-17p", passage=10, fraction=NAN, state="not_testable", limit=NAN),
    made.state("e-3", fraction=1.0, high=1.0),
]


@pytest.fixture(scope="module")
def record():
    return made.record([made.event(), LOH, LOSS], STATES)


@pytest.fixture(scope="module")
def nothing():
    return made.record([], [])


@pytest.fixture
def vcf(record, tmp_path):
    exchange.write_vcf(record, tmp_path)
    return str(tmp_path / "KSB-1.events.vcf.gz")


def test_the_vcf_says_what_was_called(vcf):
    with pysam.VariantFile(vcf) as opened:
        assert list(opened.header.samples) == ["KSB-1-p10", "KSB-1-p30"]
        assert opened.header.contigs["chr20"].length == GRCH38.lengths["chr20"]
        loss, loh, gain = opened
    assert (gain.chrom, gain.start, gain.stop) == ("chr20", 30_412_344, 32_912_345)
    assert (gain.ref, gain.alts) == ("N", ("<DUP>",))
    assert gain.info["SVLEN"] == (2_500_000,)
    assert gain.info["CIPOS"] == (30_400_001 - 30_412_345, 30_420_003 - 30_412_345)
    assert gain.info["HOTSPOT"] == ("gain_20q11.21",)
    assert gain.info["ORIGIN"] == "acquired"
    late, early = gain.samples["KSB-1-p30"], gain.samples["KSB-1-p10"]
    assert late["CN"] == pytest.approx(2.85)
    assert late["CF"] == pytest.approx(0.85)
    assert late["CFCI"] == pytest.approx((0.8, 0.9))
    assert (early["ST"], early["CF"], early["CN"]) == ("absent", None, 2.0)
    assert early["CFL"] == pytest.approx(0.04)
    assert loh.alts == ("<CNV>",)
    assert "CNLOH" in loh.info
    assert loh.samples["KSB-1-p30"]["CN"] == 2.0
    assert loh.samples["KSB-1-p10"]["ST"] == "not_testable"
    assert loh.qual == exchange.MOST_QUALITY
    assert (loss.alts, loss.samples["KSB-1-p30"]["CN"]) == (("<DEL>",), 1.0)
    assert loss.samples["KSB-1-p10"]["ST"] == "not_testable"  # no row at all


@pytest.mark.parametrize(
    "region", ["chr20:31500000-31500001", "chr17:1-2", "chr17:19999999-20000000"]
)
def test_a_query_inside_an_event_finds_it_in_every_reader(vcf, region):
    with pysam.VariantFile(vcf) as opened:
        assert len(list(opened.fetch(region=region))) == 1
    assert len(list(cyvcf2.VCF(vcf)(region))) == 1
    shown = pysam.bcftools.view("-H", "-r", region, vcf)
    assert len(shown.splitlines()) == 1


def test_no_reader_complains(vcf, capfd):
    list(cyvcf2.VCF(vcf))
    pysam.bcftools.view("-i", "CF>0.5", vcf)
    if shutil.which("bcftools"):
        done = subprocess.run(["bcftools", "view", vcf], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("##fileformat=VCFv4.4")
    assert capfd.readouterr().err == ""


def test_end_svlen_and_pos_agree(record):
    for line in exchange.vcf_text(record).splitlines():
        if not line.startswith("#"):
            fields = line.split("\t")
            info = dict(item.partition("=")[::2] for item in fields[7].split(";"))
            assert int(info["END"]) - int(fields[1]) == int(info["SVLEN"]) > 0
            assert 1 <= int(fields[1])


def test_candidates_are_filtered_and_x_of_a_man_has_one_copy():
    event = made.event(chrom="chrX", start=123_859_711, end=124_422_664, copies=2,
                       false_event_rate=0.5, band="Xq25")  # fmt: skip
    man = made.record([event], [made.state(fraction=0.5)], line=made.LINE | {"sex": "male"})
    row = exchange.vcf_text(man).splitlines()[-1].split("\t")
    assert row[6] == "candidate"
    assert row[-1].startswith("1.5:0.5:")
    # Nobody wrote the sex of this line down; all that was measured of it says male.
    unknown = dataclasses.replace(
        man,
        line=made.LINE | {"sex": "unknown"},
        identity=people_of(man, "male"),
    )
    assert exchange.vcf_text(unknown).splitlines()[-1].split("\t")[-1].startswith("1.5:0.5:")


def people_of(record, sex):
    """Return IDENTITY of a record's samples with one sex by the signal."""
    own = record.measurements[record.measurements["line"] == record.line["line"]]
    frame = own[["sample", "assay"]].assign(
        state="confirmed", expected_sex="unknown", sex=sex, compared_with="", looks_like="",
        reason="",
    )  # fmt: skip
    return tables.conform(frame.reset_index(drop=True), tables.IDENTITY)


def test_nothing_found_is_still_a_file_with_its_sentence(nothing, tmp_path):
    downloads = exchange.write_all(nothing, tmp_path)
    text = exchange.vcf_text(nothing)
    assert "##linedriftResult=no event found that is not inherited, in 2 passages" in text
    assert "from 8 % to 8 % of cells on" in text
    vcf = str(tmp_path / "KSB-1.events.vcf.gz")
    with pysam.VariantFile(vcf) as opened:
        assert list(opened) == []
        assert list(opened.fetch("chr20", 1, 2)) == []
    assert list(cyvcf2.VCF(vcf)) == []
    bed = (tmp_path / "KSB-1.events.bed").read_text().splitlines()
    assert bed[0].startswith("track ")
    assert bed[1].startswith("# no event found")
    assert len(bed) == 2
    assert len(pd.read_csv(tmp_path / "KSB-1.events.tsv", sep="\t")) == 0
    assert any("no event found" in about for _, about, _ in downloads)


def test_no_limit_is_said_too():
    spots = made.hotspots(made.hotspot_table(), state="not_testable", limit=NAN, reason="no data")
    assert "no limit can be stated" in exchange.vcf_text(made.record([], [], hotspots=spots))


def test_the_seg_tiles_what_was_measured(record, tmp_path):
    exchange.write_seg(record, tmp_path)
    seg = pd.read_csv(tmp_path / "KSB-1.seg", sep="\t")
    assert list(seg.columns) == ["ID", "chrom", "loc.start", "loc.end", "num.mark", "seg.mean"]
    late = seg[(seg["ID"] == "KSB-1-p30") & (seg["chrom"] == "chr20")]
    assert list(late["loc.start"]) == [1, 30_412_346, 32_912_346]
    assert list(late["loc.end"][:-1] + 1) == list(late["loc.start"][1:])
    assert late["seg.mean"].iloc[1] == pytest.approx(math.log2(2.85 / 2), abs=1e-4)
    assert abs(late["seg.mean"].iloc[0]) < 0.02
    early = seg[(seg["ID"] == "KSB-1-p10") & (seg["chrom"] == "chr20")]
    assert len(early) == 1
    bins = record.tracks.query("sample == 'KSB-1-p10' and chrom == 'chr20'")
    assert early["num.mark"].item() == len(bins)
    assert not seg.isna().any().any()
    assert seg[(seg["chrom"] == "chr17") & (seg["ID"] == "KSB-1-p30")]["seg.mean"].iloc[0] == 0


def test_events_on_each_other_add_up_in_the_seg(tmp_path):
    arm = made.event(event_id="arm", start=28_100_000, end=64_000_000)
    both = made.record([arm, made.event()], [made.state(fraction=0.5), made.state("arm")])
    exchange.write_seg(both, tmp_path)
    seg = pd.read_csv(tmp_path / "KSB-1.seg", sep="\t").query("chrom == 'chr20'")
    late = seg[seg["ID"] == "KSB-1-p30"]["seg.mean"].to_list()
    assert late[1:4] == pytest.approx([math.log2(x / 2) for x in (2.85, 3.35, 2.85)], abs=1e-4)


def test_a_line_without_tracks_has_the_events_alone(record, tmp_path):
    bare = dataclasses.replace(record, tracks=tables.TRACKS.empty())
    exchange.write_seg(bare, tmp_path)
    seg = pd.read_csv(tmp_path / "KSB-1.seg", sep="\t")
    assert list(seg["chrom"]) == ["chr3", "chr17", "chr20"]


def test_the_bed_has_nine_columns_and_colours(record, tmp_path):
    exchange.write_bed(record, tmp_path)
    lines = (tmp_path / "KSB-1.events.bed").read_text().splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    assert [len(row) for row in rows] == [9, 9, 9]
    assert rows[2][:3] == ["chr20", "30412345", "32912345"]
    assert all(0 <= int(row[4]) <= 1000 and row[8].count(",") == 2 for row in rows)
    assert len({row[8] for row in rows}) == 3
    assert all(" " not in line for line in lines)


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-p10", "'-p10"),
        ("\t=1", "'\t=1"),
        ("＝1", "'＝1"),
        ("-0.25", "-0.25"),
        ("+1e-3", "+1e-3"),
        ("a=b", "a=b"),
        ("", ""),
        (3, 3),
    ],
)
def test_no_cell_is_a_formula(cell, shown):
    assert exchange.guarded(cell) == shown


@given(st.text())
def test_a_guarded_cell_never_begins_a_formula(text):
    shown = exchange.guarded(text)
    assert shown in (text, f"'{text}")
    if shown[:1] in ("=", "@"):
        raise AssertionError(shown)


def test_tables_read_back(record, tmp_path):
    hostile = dataclasses.replace(
        record, quality=made.quality(reason="=HYPERLINK('x')\n<b>", value="-0.2")
    )
    exchange.write_tables(hostile, tmp_path)
    quality = pd.read_csv(tmp_path / "KSB-1.quality.tsv", sep="\t", dtype=str)
    assert quality["reason"][0] == "'=HYPERLINK('x')\n<b>"
    assert quality["value"][0] == "-0.2"
    read = tables.read(tmp_path / "KSB-1.events.tsv", tables.EVENTS)
    assert list(read["event_id"]) == list(record.events["event_id"])


def test_json_reads_back_whole(record, tmp_path):
    exchange.write_json(record, tmp_path)
    read = exchange.read_json(tmp_path / "KSB-1.json")
    assert_same(record, read)


def assert_same(one, other):
    for field in dataclasses.fields(one):
        before, after = getattr(one, field.name), getattr(other, field.name)
        if isinstance(before, pd.DataFrame):
            pd.testing.assert_frame_equal(before, after)
        elif dataclasses.is_dataclass(before):
            assert_same(before, after)
        elif field.name != "downloads":
            assert before == after


@given(st.lists(st.floats(width=32, allow_infinity=False), min_size=1, max_size=5))
def test_single_precision_survives_json(values):
    frame = pd.DataFrame({"x": np.array(values, dtype=np.float32)})
    columns = exchange._columns(frame, "x")
    again = pd.DataFrame(columns).astype("float32")
    np.testing.assert_array_equal(again["x"], frame["x"])


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format": "linedrift line", "version": 1}', '"x"']
)
def test_a_file_that_is_none_of_ours_is_named(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(exchange.ExchangeError, match=r"x\.json"):
        exchange.read_json(path)


def test_another_version_is_refused(record, tmp_path):
    exchange.write_json(record, tmp_path)
    path = tmp_path / "KSB-1.json"
    path.write_text(path.read_text().replace('"version": 3', '"version": 1', 1))
    with pytest.raises(exchange.ExchangeError, match="version 1, expected"):
        exchange.read_json(path)


def test_an_infinite_number_is_refused(record, tmp_path):
    events = record.events.assign(quality=math.inf)
    with pytest.raises(exchange.ExchangeError, match="events, column quality"):
        exchange.write_json(dataclasses.replace(record, events=events), tmp_path)


def test_checksums_fit_the_files(record, tmp_path):
    downloads = exchange.write_all(record, tmp_path)
    listed = [line.split("  ") for line in (tmp_path / "SHA256SUMS").read_text().splitlines()]
    assert listed == sorted(listed, key=lambda row: row[1])
    for digest, name in listed:
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest
    assert {name for name, _, _ in downloads} == {path.name for path in tmp_path.iterdir()}
    assert {name for _, name in listed} == {name for name, _, _ in downloads} - {"SHA256SUMS"}
    for name, about, digest in downloads:
        assert about
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest


def test_the_same_record_gives_the_same_bytes(record, tmp_path):
    first = exchange.write_all(record, tmp_path / "a")
    assert exchange.write_all(record, tmp_path / "b") == first


def test_a_full_disk_leaves_no_half_file(record, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pysam, "tabix_compress", full)
    with pytest.raises(OSError, match="No space"):
        exchange.write_vcf(record, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "-rf", "a b", "<script>"])
def test_a_line_cannot_name_a_file_elsewhere(record, tmp_path, name):
    elsewhere = dataclasses.replace(record, line=record.line | {"line": name})
    for write in (exchange.write_bed, exchange.write_json, exchange.write_vcf):
        with pytest.raises(exchange.ExchangeError, match="cannot name a file"):
            write(elsewhere, tmp_path)
    assert list(itertools.chain(tmp_path.iterdir())) == []


def test_a_korean_name_is_kept(tmp_path):
    line = made.LINE | {"line": "국립-1"}
    korean = made.record([], [], line=line)
    names = [name for name, _, _ in exchange.write_all(korean, tmp_path)]
    assert "국립-1.events.vcf.gz" in names
    with pysam.VariantFile(str(tmp_path / "국립-1.events.vcf.gz")) as opened:
        assert list(opened.header.samples) == ["국립-1-p10", "국립-1-p30"]


# Two assays, and variants


def test_a_sample_of_two_assays_has_segments_of_each(tmp_path):
    both = made.tracks(chroms=("chr20",))
    both = pd.concat([both, both.assign(assay="wes", log_ratio=0.5)], ignore_index=True)
    record = made.record([], [], tracks=both)
    exchange.write_seg(record, tmp_path)
    seg = pd.read_csv(tmp_path / "KSB-1.seg", sep="\t")
    assert set(seg["ID"]) == {
        f"KSB-1-p{passage}.{assay}" for passage in (10, 30) for assay in ("snp_array", "wes")
    }
    exome = seg[seg["ID"].str.endswith(".wes")]
    assert exome["seg.mean"].unique() == pytest.approx([0.5])


def test_variants_are_written_as_tables_and_read_back(tmp_path):
    record = made.record(variants=made.variants(inherited=7, not_called={"one strand": 2}))
    exchange.write_all(record, tmp_path)
    table = pd.read_csv(tmp_path / "KSB-1.variants.tsv", sep="\t")
    assert table["hotspot_id"].tolist() == ["TP53:p.Arg175His"]
    asked = pd.read_csv(tmp_path / "KSB-1.variant_hotspots.tsv", sep="\t")
    assert len(asked) == len(record.variants.hotspots)
    assert (tmp_path / "KSB-1.variant_courses.tsv").is_file()
    assert_same(record, exchange.read_json(tmp_path / "KSB-1.json"))


def test_a_variant_whose_text_is_a_formula_is_guarded(tmp_path):
    called = [made.variant(gene="=cmd()", note="@x")]
    record = made.record(variants=made.variants(called, [made.course()]))
    exchange.write_tables(record, tmp_path)
    assert "'=cmd()" in (tmp_path / "KSB-1.variants.tsv").read_text()


def test_a_copied_file_has_its_checksum(tmp_path):
    source, folder = tmp_path / "variants.vcf.gz", tmp_path / "files"
    source.write_bytes(b"x")
    folder.mkdir()
    downloads = exchange.write_all(made.record(), folder, [(str(source), "variants")])
    assert downloads[0][:2] == ("KSB-1.variants.vcf.gz", "variants")
    assert f"{downloads[0][2]}  KSB-1.variants.vcf.gz" in (folder / "SHA256SUMS").read_text()
    assert (folder / "KSB-1.variants.vcf.gz").read_bytes() == b"x"
