"""Builds, chromosome names, pseudoautosomal regions, arms, bands and expected copies."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linedrift import genome
from linedrift.genome import CHROMOSOMES, GRCH38, Karyotype


@pytest.fixture(scope="module")
def bands(repository):
    columns = ["chrom", "start", "end", "band", "stain"]
    return pd.read_csv(repository / "resources" / "cytoBand.hg38.txt", sep="\t", names=columns)


@pytest.mark.parametrize(
    ("alias", "name"),
    [("hg38", "GRCh38"), ("hg19", "GRCh37"), ("b37", "GRCh37"), ("NCBI36", "hg18")],
)
def test_a_build_is_known_by_its_aliases(alias, name):
    assert genome.build(alias).name == name


def test_an_unknown_build_is_refused_with_those_known():
    with pytest.raises(ValueError, match=r"'hg39'.*GRCh37.*hg18") as error:
        genome.build("hg39")
    assert "GRCh38" in str(error.value)


def test_every_build_has_a_length_for_every_chromosome_and_regions_within_it():
    for build in genome.BUILDS.values():
        assert tuple(build.lengths) == CHROMOSOMES
        for chrom, regions in build.pseudoautosomal.items():
            for start, end in regions:
                assert 0 <= start < end <= build.lengths[chrom]


@pytest.mark.parametrize(
    ("given_name", "chrom"),
    [("20", "chr20"), ("chr20", "chr20"), ("CHRX", "chrX"), (23, "chrX"), ("24", "chrY")]
    + [("XY", "chrX"), ("25", "chrX"), (" 7 ", "chr7"), ("y", "chrY")]
    + [("NC_000017.11", "chr17"), ("NC_000001.10", "chr1"), ("NC_000024.10", "chrY")],
)
def test_a_chromosome_is_named_in_one_style(given_name, chrom):
    assert genome.ucsc_chromosome(given_name) == chrom


@pytest.mark.parametrize(
    "name",
    ["0", "M", "MT", "26", "chr1_KI270706v1_random", "NC_012920.1", "NC_000025.1", "", "chr", None],
)
def test_what_is_no_primary_chromosome_has_no_name(name):
    assert genome.ucsc_chromosome(name) is None


@pytest.mark.parametrize(
    ("sex", "x", "y", "par"), [("female", 2, 0, 2), ("male", 1, 1, 2), ("unknown", 2, 0, 2)]
)
def test_expected_copies_follow_sex(sex, x, y, par):
    karyotype = Karyotype(sex)
    assert karyotype.expected_copies("chrX") == x
    assert karyotype.expected_copies("chrY") == y
    assert karyotype.expected_copies("chrX", pseudoautosomal=True) == par
    # They are measured on X; counting them on Y too would count them twice.
    assert karyotype.expected_copies("chrY", pseudoautosomal=True) == 0
    assert {karyotype.expected_copies(f"chr{i}") for i in range(1, 23)} == {2}


@pytest.mark.parametrize("sex", ["Female", "m", "", "XX"])
def test_a_sex_that_is_not_known_by_name_is_refused(sex):
    with pytest.raises(ValueError, match="female, male or unknown"):
        Karyotype(sex)


def test_pseudoautosomal_regions_are_half_open():
    first, last = GRCH38.pseudoautosomal["chrX"][0]
    start = np.array([first - 1, first, last - 1, last])
    chrom = np.array(["chrX"] * 4)
    assert genome.is_pseudoautosomal(chrom, start).tolist() == [False, True, True, False]
    assert Karyotype("male").copies_at(chrom, start).tolist() == [1, 2, 2, 1]
    assert not genome.is_pseudoautosomal(np.array(["chr1"] * 4), start).any()


@given(
    st.lists(st.tuples(st.sampled_from(CHROMOSOMES), st.integers(0, 56_000_000)), max_size=20),
    st.sampled_from(["female", "male", "unknown"]),
)
def test_copies_at_loci_are_those_of_each_locus_alone(loci, sex):
    chrom = np.array([c for c, _ in loci], dtype=object)
    start = np.array([s for _, s in loci], dtype=np.int64)
    par = genome.is_pseudoautosomal(chrom, start)
    one_by_one = [
        Karyotype(sex).expected_copies(c, bool(p)) for c, p in zip(chrom, par, strict=True)
    ]
    assert Karyotype(sex).copies_at(chrom, start).tolist() == one_by_one


def test_arms_tile_each_chromosome(bands):
    arms = genome.arms(bands)
    assert len(arms) == 48
    for chrom, own in arms.groupby("chrom", observed=True):
        assert own["arm"].tolist() == ["p", "q"]
        assert own["start"].iloc[0] == 0
        assert own["end"].iloc[0] == own["start"].iloc[1]
        assert own["end"].iloc[1] == GRCH38.lengths[chrom]
    assert list(arms["chrom"].unique()) == list(CHROMOSOMES)


def test_centromeres_lie_on_the_border_of_the_arms(bands):
    both = genome.centromeres(bands).merge(genome.arms(bands).query("arm == 'p'"), on="chrom")
    assert len(both) == 24
    assert ((both["start_x"] < both["end_y"]) & (both["end_y"] < both["end_x"])).all()


@pytest.mark.parametrize(
    ("chrom", "start", "end", "name"),
    [
        ("chr20", 32_000_000, 33_000_000, "20q11.21"),
        ("chr17", 0, 20_000_000, "17p13.3p11.2"),
        ("chr12", 0, 133_275_309, "12"),
        ("chr12", 5_000_000, 133_000_000, "12"),
        ("chr20", 25_700_000, 63_000_000, "20p11.1q13.33"),
    ],
)
def test_bands_are_named_from_pter_to_qter(bands, chrom, start, end, name):
    assert genome.band_of(bands, chrom, start, end) == name


def test_a_chromosome_without_bands_is_named_by_its_number():
    empty = pd.DataFrame({"chrom": [], "start": [], "end": [], "band": [], "stain": []})
    assert genome.band_of(empty, "chr5", 0, 10) == "5"
