"""Nomenclature against the examples of the grammar, and round trips."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linedrift import genome, iscn

ALL_CELLS = {"cell_fraction": 1.0, "high": 1.0}


@pytest.fixture(scope="module")
def bands(repository):
    names = ["chrom", "start", "end", "band", "stain"]
    table = pd.read_csv(repository / "resources" / "cytoBand.hg38.txt", sep="\t", names=names)
    return table.astype({"chrom": genome.CHROM_DTYPE})


# The examples of the grammar that one event gives: interval 0-based half-open.
EXAMPLES = [
    ("chr20", 31514409, 32900000, 3, {"cell_fraction": 0.2, "high": 0.25, "kind": "gain"},
     "arr[GRCh38] 20q11.21(31,514,410_32,900,000)×3[0.2]"),
    ("chr1", 143200000, 248956422, 3, {**ALL_CELLS, "kind": "gain"},
     "arr[GRCh38] 1q21.1q44(143,200,001_248,956,422)×3"),
    ("chr18", 57899999, 80373285, 1, {**ALL_CELLS, "kind": "loss"},
     "arr[GRCh38] 18q21.31q23(57,900,000_80,373,285)×1"),
    ("chr17", 42999999, 83257441, 2,
     {"cell_fraction": 0.5, "high": 0.9, "kind": "gain", "copies_high": 3},
     "arr[GRCh38] 17q21.31q25.3(43,000,000_83,257,441)×2~3"),
    ("chr17", 0, 20000000, 2, {**ALL_CELLS, "kind": "cn_loh"},
     "arr[GRCh38] 17p13.3p11.2(1_20,000,000)×2 hmz"),
    ("chr17", 7399999, 7900000, 1, {**ALL_CELLS, "kind": "loss"},
     "arr[GRCh38] 17p13.1(7,400,000_7,900,000)×1"),
    ("chrX", 123899999, 124500000, 2, {**ALL_CELLS, "kind": "gain", "expected_copies": 1},
     "arr[GRCh38] Xq25(123,900,000_124,500,000)×2"),
    ("chr12", 0, 133275309, 3, {"cell_fraction": 0.3, "high": 0.35, "kind": "gain"},
     "arr (12)×3[0.3]"),
    ("chr1", 143200000, 248956422, 3, {**ALL_CELLS, "kind": "gain", "technique": "seq"},
     "seq[GRCh38] 1q21.1q44(143,200,001_248,956,422)×3"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("chrom", "start", "end", "copies", "options", "expected"), EXAMPLES, ids=lambda x: str(x)[:40]
)
def test_each_example_of_the_grammar(bands, chrom, start, end, copies, options, expected):
    band = genome.band_of(bands, chrom, start, end)
    assert iscn.render(chrom, start, end, band, copies, **options) == expected


def test_examples_of_several_changes():
    iso = "arr[GRCh38] 20p13p11.1(1_28,100,000)×1,20q11.1q13.33(28,100,001_64,444,167)×3"
    two = "arr[GRCh38] 1q21.1q44(143,200,001_248,956,422)×3[0.4],20q11.21(31,514,410_32,900,000)×3"
    for text in (iso, two):
        result = iscn.parse(text)
        assert len(result.changes) == 2
        assert iscn.write(reversed(result.changes)) == text


def test_normal_results():
    assert iscn.normal("female") == "arr (X,1–22)×2"
    assert iscn.normal("male") == "arr (X,Y)×1,(1–22)×2"
    assert iscn.parse("arr (X,1-22)x2").normal_sex == "female"
    assert iscn.parse(iscn.normal("male")).normal_sex == "male"
    with pytest.raises(iscn.IscnError, match="unknown"):
        iscn.normal("unknown")


@pytest.mark.parametrize(
    ("fraction", "high", "written"),
    [
        (0.2, 0.25, "0.2"),
        (0.97, 1.0, ""),  # the interval includes all cells
        (0.99, 0.995, "0.95"),  # known not to be all cells
        (0.125, 0.2, "0.15"),
        (0.03, 0.05, "0.05"),
        (0.01, 0.04, "?"),
        (math.nan, 0.5, "?"),
        (0.5, math.nan, "0.5"),
        (math.nan, math.nan, ""),
    ],
)
def test_the_fraction_is_written_where_the_interval_excludes_all_cells(fraction, high, written):
    assert iscn.written_fraction(fraction, high) == written


def test_whole_arm_and_mosaic_loh():
    arm = iscn.render(
        "chr12", 0, 35_000_000, "12p13.33p11.1", 3, 2, 0.4, 0.5, "gain", whole_arm=True
    )
    assert arm == "arr (12p)×3[0.4]"
    loh = iscn.render("chr17", 0, 20_000_000, "17p13.3p11.2", 2, 2, 0.3, 0.4, "cn_loh")
    assert loh == "arr[GRCh38] 17p13.3p11.2(1_20,000,000)×2[0.3] hmz"


@pytest.mark.parametrize(
    ("kind", "copies", "expected"),
    [("gain", 2, 2), ("loss", 2, 2), ("cn_loh", 1, 2), ("deep_loss", 2, 2), ("trisomy", 3, 2)],
)
def test_kind_and_copies_must_agree(kind, copies, expected):
    with pytest.raises(iscn.IscnError, match=kind):
        iscn.render("chr1", 0, 10, "1p36.33", copies, expected, kind=kind)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (
            "arr[hg38] 15q11.2q13.1(23123715-28193120)x1",
            "arr[GRCh38] 15q11.2q13.1(23,123,715_28,193,120)×1",
        ),
        (
            "seq[hg19] 22q11.21(18,648,855_21,800,471)x3dn",
            "seq[GRCh37] 22q11.21(18,648,855_21,800,471)×3dn",
        ),
        ("arr (8,12p)x3[?]", "arr (8)×3[?],(12p)×3[?]"),
    ],
)
def test_what_other_tools_write_is_read(text, canonical):
    result = iscn.parse(text)
    assert iscn.write(result.changes, result.technique, result.build or "GRCh38") == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "karyotype 47,XX,+12",
        "arr[GRCh38] 20q11.21(31,514,410_32,900,000)",
        "arr[GRCh38] 20q11.21(5_4)×3",
        "arr[GRCh38] 23q11.21(4_5)×3",
        "arr[GRCh36] 20q11.21(4_5)×3",
        "arr[GRCh38] 20q11.21(4_5)×2~3[0.2]",
        "arr[GRCh38] 20q11.21(4_5)×3,",
        "arr[GRCh38] 20q11.21(4_5)×3<script>",
        "arr (12,)×3",
        "arr (١٢)×3",
        "arr (99)×3",
        "arr[GRCh38] 20q11.21(31513000×2,31514410_32900000×3,32905000×2)",
    ],
)
def test_what_leaves_the_grammar_is_refused(text):
    with pytest.raises(iscn.IscnError):
        iscn.parse(text)


BANDS = st.sampled_from(["p36.33", "p13", "p11.1", "q11.21", "q21", "q23.3"])


@st.composite
def changes(draw, located):
    chrom = draw(st.sampled_from(["X", "Y", *map(str, range(1, 23))]))
    spread = draw(st.booleans())
    first = draw(st.integers(1, 240_000_000)) if located else None
    return iscn.Change(
        chrom=chrom,
        bands=draw(BANDS) + (draw(BANDS) if draw(st.booleans()) else "")
        if located
        else draw(st.sampled_from(["", "p", "q"])),
        copies=draw(st.integers(0, 9)),
        first=first,
        last=first + draw(st.integers(0, 10_000_000)) if located else None,
        copies_high=draw(st.integers(1, 9)) if spread else None,
        fraction="" if spread else draw(st.sampled_from(["", "?", "0.05", "0.5", "0.95"])),
        origin=draw(st.sampled_from(["", "dn", "inh"])),
        zygosity=draw(st.sampled_from(["", "hmz"])),
    )


@given(
    st.booleans().flatmap(
        lambda located: st.lists(changes(located=located), min_size=1, max_size=4)
    )
)
def test_what_is_written_reads_back(items):
    text = iscn.write(items)
    result = iscn.parse(text)
    assert sorted(result.changes, key=repr) == sorted(items, key=repr)
    assert iscn.write(result.changes) == text


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_written_fraction_is_near_what_was_measured(fraction, high):
    written = iscn.written_fraction(fraction, max(fraction, high))
    if written not in {"", "?"}:
        assert abs(float(written) - fraction) <= iscn.STEP / 2 + 0.025
        assert 0.05 <= float(written) <= 0.95


def test_mixed_systems_and_bad_parts_are_refused():
    with pytest.raises(iscn.IscnError, match="two results"):
        iscn.write([iscn.Change("12", "", 3), iscn.Change("20", "q11.21", 3, 5, 9)])
    with pytest.raises(iscn.IscnError, match="no change"):
        iscn.write([])
    with pytest.raises(iscn.IscnError, match="technique"):
        iscn.write([iscn.Change("12", "", 3)], technique="wgs")
    with pytest.raises(iscn.IscnError, match="chromosome"):
        iscn.write([iscn.Change("MT", "", 3)])
