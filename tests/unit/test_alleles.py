"""Alleles of exomes: the name of B, SNPs that reads show, fractions; and what a BAM becomes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linedrift import alleles, tables
from linedrift.sequencing_tables import BINS, SITES
from linedrift.signals import exomes

SETTINGS = {
    "min_depth": 12,
    "heterozygous_between": [0.2, 0.8],
    "homozygous_max": 0.1,
    "overdispersion": 0.003,
    "least_reads": 30,
    "least_mappable": 0.5,
    "library_sd": 0.1,
}
A, C, G, T = range(4)


def strand_pairs(ref, alt):
    return {(ref, alt), (alt, ref), (3 - ref, 3 - alt), (3 - alt, 3 - ref)}


def test_b_is_the_same_allele_whatever_strand_and_reference():
    for ref in range(4):
        for alt in set(range(4)) - {ref}:
            is_alt, shared = alleles.naming(np.array([ref]), np.array([alt]))
            assert shared[0] == (alt != 3 - ref)
            if shared[0]:
                b = alt if is_alt[0] else ref
                assert b in (C, G)
                for other_ref, other_alt in strand_pairs(ref, alt):
                    again, _ = alleles.naming(np.array([other_ref]), np.array([other_alt]))
                    assert (other_alt if again[0] else other_ref) in (b, 3 - b)
            else:
                assert is_alt[0]


def test_letters_are_numbered_and_others_are_none():
    text = np.array(["A", "C", "G", "T", "N", "", "AC"], dtype=object)[:6]
    assert alleles.base_codes(text).tolist() == [0, 1, 2, 3, -1, -1]
    assert alleles.base_codes(np.frombuffer(b"ACGTNM", np.uint8)).tolist() == [0, 1, 2, 3, -1, -1]


def test_the_other_allele_of_an_array_locus_is_the_one_with_reads():
    counts = np.zeros((4, 4), int)
    counts[1, T], counts[2, A], counts[3, T] = 5, 3, 9
    ref = np.array([A, C, C, A])
    alt, sure = alleles.likely_alt(ref, counts)
    assert alt.tolist() == [G, T, A, G]
    assert sure.tolist() == [True, True, True, False]
    is_alt, shared = alleles.naming(ref, alt)
    assert shared.all()
    assert is_alt.tolist() == [True, False, False, True]


def reads_at(n, ref, alt=0, base=G, own=A, forward=0.5):
    """Return counts (n, 4, 2) of positions with the same reads."""
    counts = np.zeros((n, 4, 2), np.uint16)
    for allele, number in ((own, ref), (base, alt)):
        counts[:, allele, 0] = round(number * forward)
        counts[:, allele, 1] = number - round(number * forward)
    return counts


def found(counts, indels=None, ref=None, step=100):
    n = len(counts)
    ref = np.full(n, A) if ref is None else ref
    indels = np.zeros(n, int) if indels is None else indels
    return alleles.snps(counts, indels, ref, np.arange(n) * step, SETTINGS)


def test_snps_are_found_by_their_reads():
    counts = np.concatenate([reads_at(1, 20, 20), reads_at(1, 0, 40), reads_at(1, 40, 1)])
    rows = found(counts)
    assert rows[["index", "start", "ref", "alt"]].to_numpy().tolist() == [
        [0, 0, A, G], [1, 100, A, G],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        (reads_at(1, 5, 6), "few reads"),
        (reads_at(1, 36, 4), "few reads of the allele"),
        (reads_at(1, 20, 14) + reads_at(1, 0, 6, base=C), "a third allele"),
        (reads_at(1, 30, 0) + reads_at(1, 0, 20, forward=1.0), "one strand alone"),
    ],
)
def test_what_reads_show_for_other_reasons_is_no_snp(counts, why):
    assert found(counts).empty, why


def test_neither_indels_nor_crowds_give_snps():
    counts = np.concatenate([reads_at(1, 20, 20), reads_at(1, 40), reads_at(2, 20, 20)])
    indels = np.array([0, 20, 0, 0])
    assert found(counts, indels, step=8)["index"].tolist() == [3]
    assert found(counts, indels // 10, step=8)["index"].tolist() == [0, 2, 3]
    crowd = reads_at(5, 20, 20)
    assert found(crowd, step=4).empty
    assert len(found(crowd, step=30)) == 5


def test_a_reference_that_is_unknown_gives_none():
    assert found(reads_at(2, 20, 20), ref=np.array([-1, A]))["index"].tolist() == [1]


def test_the_bias_towards_the_reference_is_measured_and_taken_off():
    rng = np.random.default_rng(1)
    depth = rng.integers(30, 200, 3000)
    ref_reads = rng.binomial(depth, 0.52)
    bias = alleles.reference_bias(ref_reads, depth - ref_reads, 12)
    assert bias == pytest.approx(0.52 / 0.48, rel=0.02)
    is_alt = rng.random(3000) < 0.5
    rows = alleles.fractions(ref_reads, depth - ref_reads, is_alt, bias, SETTINGS)
    for half in (is_alt, ~is_alt):
        assert rows["b_fraction"][half].mean() == pytest.approx(0.5, abs=0.005)
    z = (rows["b_fraction"] - 0.5) / rows["b_sd"]
    assert 0.7 < z.std() < 1.05
    assert alleles.reference_bias(ref_reads[:50], (depth - ref_reads)[:50], 12) == 1


def test_an_imbalance_of_either_allele_is_no_bias():
    rng = np.random.default_rng(2)
    share = np.where(rng.random(4000) < 0.5, 0.65, 0.35)
    ref_reads = rng.binomial(100, share)
    assert alleles.reference_bias(ref_reads, 100 - ref_reads, 12) == pytest.approx(1, abs=0.06)


def test_few_reads_are_not_usable_and_have_no_genotype():
    rows = alleles.fractions(
        np.array([0, 6, 5, 12]), np.array([0, 6, 6, 0]), np.array([True] * 4), 1.0, SETTINGS
    )
    assert rows["usable"].tolist() == [False, True, False, True]
    assert rows["genotype"].tolist() == ["", "AB", "", "AA"]
    assert rows["b_fraction"].isna().tolist() == [True, False, False, False]


@given(st.integers(0, 500), st.integers(0, 500))
def test_turning_the_alleles_turns_the_fraction(one, other):
    one, other = np.array([one]), np.array([other])
    is_alt = np.array([True])
    first = alleles.fractions(one, other, is_alt, 1.0, SETTINGS)
    second = alleles.fractions(other, one, is_alt, 1.0, SETTINGS)
    if one[0] + other[0]:
        assert first["b_fraction"][0] == pytest.approx(1 - second["b_fraction"][0])
    assert first["b_sd"].equals(second["b_sd"])


# Sites


def some_sites(panel=(), array=(), counts=None, ref=None):
    """Return the sites of 6 positions, 1000 to 1005."""
    position = np.arange(1000, 1006)
    ref = np.array([A, C, G, T, A, A]) if ref is None else ref
    if counts is None:
        counts = np.zeros((6, 4, 2), np.uint16)
        counts[np.arange(6), ref] = 15
    panel = pd.DataFrame(panel, columns=["start", "name", "ref", "alt"])
    array = pd.DataFrame(array, columns=["start", "name", "genotype"])
    return exomes.sites(counts, np.zeros(6, int), ref, position, panel, array, SETTINGS)


def test_snps_of_the_panel_are_asked_and_turned_where_the_reference_is():
    rows = some_sites(
        [(1000, "rs1", "A", "G"), (1001, "rs2", "T", "C"), (1002, "rs3", "A", "T"),
         (1003, "rs4", "T", "A"), (2000, "rs5", "A", "G")]
    )  # fmt: skip
    assert rows["name"].tolist() == ["rs1", "rs2", "rs4"]
    assert rows[["ref", "alt", "b_allele"]].to_numpy().tolist() == [
        ["A", "G", "alt"], ["C", "T", "ref"], ["T", "A", "alt"],
    ]  # fmt: skip
    assert rows["genotype"].tolist() == ["AA", "BB", "AA"]
    assert rows["shared"].tolist() == [True, True, False]
    assert rows["in_panel"].all()


def test_loci_of_an_array_are_asked_whatever_its_genotype():
    rows = some_sites(
        [(1003, "rs4", "T", "A")],
        [(1000, "p1", "AB"), (1001, "p2", "AA"), (1003, "p4", "AB"), (999, "p0", "AB")],
    )
    # An A/T SNP of the panel that the array measures is not: the array's B may be either.
    assert rows["name"].tolist() == ["p1", "p2"]
    assert rows["genotype"].tolist() == ["AA", "BB"]
    assert rows["in_panel"].all()
    empty = np.zeros((6, 4, 2), np.uint16)
    rows = some_sites((), [(1000, "p1", "AB")], counts=empty)
    assert rows["genotype"].tolist() == ["AB"]


def test_sites_of_all_chromosomes_are_named_and_in_order():
    one = some_sites([(1000, "rs1", "A", "G")])
    other = some_sites(counts=np.repeat(reads_at(1, 15, 15, base=C), 6, axis=0) * 0)
    mixed = np.zeros((6, 4, 2), np.uint16)
    mixed[4, A], mixed[4, C] = 10, 10
    other = some_sites(counts=mixed)
    rows = exomes.all_sites({"chr2": other, "chr1": one})
    assert rows["name"].tolist() == ["rs1", "chr2:1005"]
    assert exomes.all_sites({}).empty


# Signals


def kit(n=300):
    start = np.arange(n) * 1000
    return pd.DataFrame(
        {"chrom": "chr1", "start": start, "end": start + 200, "kind": "target", "gc": 0.5}
        | {"near_edge": 0.0, "mappable": np.nan}
    ).pipe(tables.check, BINS)


def asked(n=200):
    rows = pd.DataFrame({"chrom": "chr1", "start": np.arange(n) * 1000 + 50})
    rows = rows.assign(end=rows["start"] + 1, name="s", ref="A", alt="G", b_allele="alt")
    rows = rows.assign(in_panel=True, genotype=["AB", "BB"] * (n // 2), shared=True)
    return tables.check(rows.astype({"chrom": BINS.columns[0].dtype}), SITES)


def test_an_exome_becomes_signals():
    rng = np.random.default_rng(3)
    counts = np.zeros((200, 4), int)
    counts[:, G] = np.where(np.arange(200) % 2, 80, rng.binomial(80, 0.5, 200))
    counts[:, A] = 80 - counts[:, G]
    depth = rng.poisson(80, 300).astype(float)
    depth[100:150] *= 1.5
    frame, said = exomes.signals(kit(), depth, asked(), counts, 180.0, SETTINGS)
    assert len(frame) == 500
    bins = frame[frame["name"] == "bin:target"]
    assert bins["level"].iloc[100:150].median() == pytest.approx(np.log2(1.5), abs=0.1)
    assert bins["b_fraction"].isna().all()
    loci = frame[frame["name"] == "s"]
    assert loci["genotype"].tolist() == ["AB", "BB"] * 100
    assert loci["level"].isna().all()
    assert said["n_heterozygous"] == 100
    assert said["n_bins_usable"] == 300


def test_five_reads_are_signals_that_cannot_be_used():
    frame, said = exomes.signals(
        kit(), np.where(np.arange(300) < 5, 0.5, 0.0), asked(), np.zeros((200, 4), int), 100.0,
        SETTINGS,
    )  # fmt: skip
    assert not frame["usable"].any()
    assert said["n_sites_usable"] == said["n_bins_usable"] == 0
    assert "reads in the usual bin" in next(iter(said["bins_not_usable"]))


def test_a_file_without_a_read_has_figures_that_say_so():
    totals = dict.fromkeys(
        ["n_reads", "n_mapped", "n_duplicates", "n_bases", "n_bases_on_target", "n_fragments"], 0
    )
    said = exomes.figures(totals, np.zeros(2001, int), np.zeros(500, int))
    assert said["mean_target_depth"] == 0
    assert said["duplicate_share"] is said["insert_size"] is said["share_on_target"] is None
