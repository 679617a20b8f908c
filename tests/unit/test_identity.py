"""Identity of simulated people: relatives, swaps, losses of heterozygosity, banks of any size."""

import numpy as np
import pandas as pd
import pytest
import yaml
from fake_people import CODES, N, People, called, measurements
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from linedrift import tables
from linedrift.genome import AUTOSOMES, CHROM_DTYPE
from linedrift.identity import identity, kinship
from linedrift.identity.genotypes import genotypes


@pytest.fixture(scope="module")
def settings(repository):
    return yaml.safe_load((repository / "config" / "config.yaml").read_text())["identity"]


def bank(doses, settings, **columns):
    """Return samples, pairs and a function that judges, of {sample: (person, dose)}."""
    samples = measurements([(name, person) for name, (person, _) in doses.items()], **columns)
    frames = {(name, "snp_array"): called(dose) for name, (_, dose) in doses.items()}
    return samples, identity.compare(samples, frames, settings)


def verdicts(doses, settings, quality=None, **columns):
    samples, pairs = bank(doses, settings, **columns)
    rows = tables.QUALITY.empty() if quality is None else quality
    return identity.judge(samples, pairs, rows, settings).set_index("sample")


def figure(sample, name, value, state, reason):
    row = [sample, "snp_array", name, name, value, "", state, reason]
    return pd.DataFrame([row], columns=tables.QUALITY.names)


def array(n=1000, seed=1, first=10_000, step=50_000):
    """Return SIGNALS of an array of which each autosome has n / 22 loci, and X a tenth."""
    rng = np.random.default_rng(seed)
    chrom = np.r_[np.repeat(AUTOSOMES, n // 22), np.repeat("chrX", n // 10)]
    start = first + step * np.arange(len(chrom))
    dose = rng.binomial(2, 0.5, len(chrom))
    frame = pd.DataFrame({"chrom": chrom, "start": start, "end": start + 1})
    frame = frame.assign(
        chrom=frame["chrom"].astype(CHROM_DTYPE),
        name=[f"rs{i}" for i in range(len(chrom))],
        level=0.0,
        level_sd=np.nan,
        b_fraction=np.clip(dose / 2 + rng.normal(0, 0.02, len(chrom)), 0, 1),
        b_sd=np.nan,
        genotype=CODES[dose],
        usable=True,
    )
    return tables.check(tables.in_genome_order(frame), tables.SIGNALS)


# ---- genotypes -----------------------------------------------------------------------------


def test_genotypes_are_autosomal_usable_called_and_one_a_position(settings):
    signals = array()
    signals.loc[:9, "usable"] = False
    signals.loc[10:19, "genotype"] = ""
    signals.loc[21, "start"] = signals.loc[20, "start"]
    found = genotypes(signals, settings)
    n_autosomal = signals["chrom"].isin(AUTOSOMES).sum()
    assert len(found) == n_autosomal - 21
    assert set(found["chrom"]) <= set(AUTOSOMES)
    assert not found.duplicated(["chrom", "start"]).any()
    assert list(found.columns) == ["chrom", "start", "genotype"]


def test_genotypes_of_clusters_agree_with_the_calls_and_leave_out_what_is_between(settings):
    signals = array()
    calls = genotypes(signals, settings)
    none = signals.assign(genotype=pd.Series("", signals.index, dtype=tables.GENOTYPES))
    pd.testing.assert_frame_equal(genotypes(none, settings), calls)
    trisomy = none.assign(b_fraction=none["b_fraction"].where(none.index > 400, 1 / 3))
    assert (genotypes(trisomy, settings)["genotype"].iloc[:400] == "AB").all()
    between = none.assign(b_fraction=none["b_fraction"].where(none.index > 400, 0.2))
    assert len(genotypes(between, settings)) == len(calls) - 401
    probes = none.assign(name="cnvi" + none["name"])
    assert genotypes(probes, settings).empty


def test_two_arrays_pick_the_same_positions_of_those_they_share(settings):
    small = array(4000)
    more = array(12_000, first=10_000 + 25_000, step=50_000)
    large = tables.in_genome_order(pd.concat([small, more], ignore_index=True))
    few = settings | {"n_loci": 800}
    one, two = genotypes(small, few), genotypes(large, few)
    assert len(one) == len(two) == 800
    assert one.sort_values(["chrom", "start"], ignore_index=True).equals(one)
    both = one.merge(two, on=["chrom", "start"])
    # A quarter of the large one's loci are shared: so are a quarter of those that it picks.
    assert 150 < len(both) < 250
    shuffled = genotypes(small.assign(level=1.0), few)
    pd.testing.assert_frame_equal(shuffled, one)


def test_no_locus_gives_an_empty_frame(settings):
    assert genotypes(tables.SIGNALS.empty(), settings).empty


# ---- pairs ---------------------------------------------------------------------------------


def test_relations_are_told_apart(settings):
    people = People()
    mother, father = people.stranger(), people.stranger()
    children = [people.child(mother, father) for _ in range(2)]
    doses = {
        "mother-p0": ("mother", mother),
        "father-p0": ("father", father),
        "child-p0": ("child", children[0]),
        "child-p9": ("child", people.again(children[0])),
        "sister-p0": ("sister", children[1]),
        "nephew-p0": ("nephew", people.child(children[1], people.stranger())),
    }
    pairs = bank(doses, settings)[1].set_index(["sample", "other_sample"])
    seen = pairs["observed"].to_dict()
    assert seen.pop(("child-p0", "child-p9")) == "same"
    assert seen.pop(("mother-p0", "father-p0")) == "unrelated"
    assert seen.pop(("father-p0", "nephew-p0")) == seen.pop(("mother-p0", "nephew-p0")) == "family"
    assert set(seen.values()) == {"family"}
    assert (pairs["state"] == "ok").all()
    assert "the sheets say nothing" in pairs["text"]["mother-p0", "child-p0"]


@pytest.mark.parametrize(("n", "relation"), [(1500, "undecided"), (N, "family")])
def test_second_degree_is_undecided_where_loci_are_few(n, relation, settings):
    people = People(n=n)
    one, other = people.stranger(), people.stranger()
    grandchild = people.child(people.child(one, other), people.stranger())
    pair = bank({"a-p0": ("a", one), "b-p0": ("b", grandchild)}, settings)[1].iloc[0]
    assert (pair["observed"], pair["state"]) == (relation, "ok")


def test_a_family_by_the_sheet_may_hold_couples_but_not_the_same_person_twice(settings):
    people = People()
    mother, father = people.stranger(), people.stranger()
    doses = {
        "a-p0": ("a", mother),
        "b-p0": ("b", father),
        "c-p0": ("c", people.child(mother, father)),
        "d-p0": ("d", mother),
    }
    pairs = bank(doses, settings, family="F1")[1].set_index(["sample", "other_sample"])
    assert (pairs["expected"] == "family").all()
    assert pairs["state"].to_dict().pop(("a-p0", "d-p0")) == "conflict"
    assert (pairs["state"].drop(("a-p0", "d-p0")) == "ok").all()
    assert "as a couple may be" in pairs["text"]["a-p0", "b-p0"]


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
def test_loss_of_heterozygosity_keeps_the_person(share, settings):
    people = People()
    donor = people.stranger()
    doses = {"d-p0": ("d", donor), "a-p9": ("d", people.lose(people.again(donor), share))}
    pair = bank(doses, settings)[1].iloc[0]
    assert (pair["observed"], pair["state"]) == ("same", "ok")
    assert pair["concordance"] == pytest.approx(1 - share * (donor == 1).mean(), abs=0.02)


def test_lost_heterozygosity_makes_no_strangers_the_same(settings):
    people = People()
    one, child = people.stranger(), None
    child = people.child(one, people.stranger())
    doses = {
        "a-p0": ("a", one),
        "b-p0": ("b", people.lose(people.stranger(), 0.8)),
        "c-p0": ("c", people.lose(child, 0.8)),
    }
    assert "same" not in set(bank(doses, settings)[1]["observed"])


def test_arrays_that_name_the_alleles_differently_are_still_the_same(settings):
    people = People()
    donor = people.stranger()
    turned = np.where(people.rng.random(N) < 0.5, 2 - donor, donor)
    pair = bank({"d-p0": ("d", donor), "a-p1": ("d", turned)}, settings)[1].iloc[0]
    assert pair["observed"] == "same"
    assert "name the alleles differently" in pair["text"]


def test_few_shared_loci_are_not_testable(settings):
    people = People()
    donor = people.stranger()
    frames = {("d-p0", "snp_array"): called(donor), ("a-p1", "snp_array"): called(donor, first=7)}
    samples = measurements([("d-p0", "d"), ("a-p1", "d")])
    pairs = identity.compare(samples, frames, settings)
    assert (pairs["state"] == "not_testable").all()
    assert (pairs["n_loci"] == 0).all()
    assert pairs["concordance"].isna().all() and pairs["kinship"].isna().all()
    found = identity.judge(samples, pairs, tables.QUALITY.empty(), settings)
    assert (found["state"] == "not_testable").all()
    assert found["reason"].str.contains("too few called autosomal SNPs").all()


def test_a_measurement_without_genotypes_is_named_as_what_hinders(settings):
    people = People()
    donor = people.stranger()
    frames = {("d-p0", "snp_array"): called(donor)}
    pairs = identity.compare(measurements([("d-p0", "d"), ("a-p1", "d")]), frames, settings)
    assert pairs["state"].tolist() == ["not_testable"]
    assert pairs["text"].tolist() == [
        "d-p0 and a-p1 were not compared: no autosomal SNP is called in a-p1 (snp_array)"
    ]


def test_a_measurement_given_twice_is_refused_by_name(settings):
    samples = measurements([("d-p0", "d"), ("d-p0", "d")])
    with pytest.raises(ValueError, match="d-p0, snp_array is given twice"):
        identity.compare(samples, {}, settings)


def test_no_and_one_measurement_make_no_pair(settings):
    for rows in ([], [("d-p0", "d")]):
        samples = measurements(rows)
        pairs = identity.compare(samples, {}, settings)
        assert pairs.empty
        found = identity.judge(samples, pairs, tables.QUALITY.empty(), settings)
        assert list(found["state"]) == ["not_testable"] * len(rows)


@effort(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 7))
def test_counts_are_those_of_a_plain_count(seed, n):
    matrix = np.random.default_rng(seed).integers(0, 4, (n, 30)).astype(np.int8)
    for rows, columns, counts in kinship.blocks(matrix):
        for at, row in enumerate(rows):
            for to, column in enumerate(columns):
                one, two = matrix[row], matrix[column]
                both = (one != 3) & (two != 3)
                one, two = one[both].astype(int), two[both].astype(int)
                assert counts.loci[at, to] == both.sum()
                assert counts.both_het[at, to] == ((one == 1) & (two == 1)).sum()
                assert counts.opposite[at, to] == (np.abs(one - two) == 2).sum()
                equal = (one == two).mean() if len(one) else 1.0
                assert counts.concordance()[at, to] == pytest.approx(equal, abs=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3, 512])
def test_pairs_do_not_depend_on_the_blocks(size, settings, monkeypatch):
    people = People(n=1000)
    doses = {f"l{i}-p{k}": (f"d{i}", people.stranger()) for i in range(3) for k in range(2)}
    whole = bank(doses, settings)[1]
    monkeypatch.setattr(kinship, "_BLOCK", size)
    pd.testing.assert_frame_equal(bank(doses, settings)[1], whole)
    assert len(whole) == 15


def test_a_large_bank_lists_all_but_the_unrelated(settings):
    people = People(n=1000)
    donors = [people.stranger() for _ in range(4)]
    doses = {f"l{i}-p{k}": (f"d{i}", donors[i]) for i in range(4) for k in range(3)}
    doses["l0-p9"] = ("d0", donors[1])
    samples, every = bank(doses, settings)
    large = settings | {"all_pairs_up_to": 5}
    listed = bank(doses, large)[1]
    kept = every[(every["expected"] == "same") | (every["observed"] != "unrelated")]
    pd.testing.assert_frame_equal(listed, kept.reset_index(drop=True))
    assert len(listed) < len(every)
    nothing = tables.QUALITY.empty()
    pd.testing.assert_frame_equal(
        identity.judge(samples, listed, nothing, large),
        identity.judge(samples, every, nothing, settings),
    )


# ---- verdicts ------------------------------------------------------------------------------


@pytest.fixture
def two_lines():
    """Return two donors, each with a line of three passages, all as the sheets say."""
    people = People()
    doses = {}
    for name in ("a", "b"):
        dose = people.stranger()
        doses[f"{name}0-p0"] = (f"{name}0", dose)
        for passage in (5, 20, 40):
            doses[f"{name}1-p{passage}"] = (f"{name}0", people.again(dose))
    return doses


def swap(doses, one, other):
    """Return the doses with the DNA of two samples exchanged."""
    return doses | {one: (doses[one][0], doses[other][1]), other: (doses[other][0], doses[one][1])}


def test_an_orderly_bank_is_confirmed(two_lines, settings):
    found = verdicts(two_lines, settings)
    assert (found["state"] == "confirmed").all()
    assert (found["looks_like"] == "").all()
    assert found["compared_with"]["a1-p20"] == "a0-p0;a1-p5;a1-p40"


def test_a_swapped_passage_fails_and_the_text_names_whom_it_looks_like(two_lines, settings):
    doses = two_lines | {"a1-p20": ("a0", two_lines["b1-p20"][1])}
    found = verdicts(doses, settings)
    assert found["state"]["a1-p20"] == "failed"
    assert found["looks_like"]["a1-p20"] == "b0-p0;b1-p5;b1-p20;b1-p40"
    assert "differs from a0-p0, a1-p5 and a1-p40" in found["reason"]["a1-p20"]
    assert "b1-p20" in found["reason"]["a1-p20"]
    assert (found["state"].drop("a1-p20") == "confirmed").all()
    assert "a1-p20" in found["reason"]["b0-p0"]


def test_two_exchanged_passages_both_fail(two_lines, settings):
    found = verdicts(swap(two_lines, "a1-p40", "b1-p5"), settings)
    assert set(found.index[found["state"] == "failed"]) == {"a1-p40", "b1-p5"}
    assert set(found["looks_like"]["b1-p5"].split(";")) == {"a0-p0", "a1-p5", "a1-p20"}


def test_a_stranger_to_the_bank_fails_without_a_name(two_lines, settings):
    found = verdicts(two_lines | {"a1-p5": ("a0", People(9).stranger())}, settings)
    assert found["state"]["a1-p5"] == "failed"
    assert found["looks_like"]["a1-p5"] == ""
    assert "no other sample" in found["reason"]["a1-p5"]


def test_two_that_disagree_are_both_open_and_the_text_says_so(settings):
    people = People()
    doses = {"a0-p0": ("a0", people.stranger()), "a1-p5": ("a0", people.stranger())}
    found = verdicts(doses, settings)
    assert (found["state"] == "not_testable").all()
    assert found["reason"].str.contains("nothing tells which is wrong").all()


def test_a_line_that_contradicts_its_donor_is_open_whatever_its_passages(settings):
    people = People()
    line = people.stranger()
    doses = {"a0-p0": ("a0", people.stranger())}
    doses |= {f"a1-p{k}": ("a0", people.again(line)) for k in (5, 10, 20)}
    found = verdicts(doses, settings)
    assert (found["state"] == "not_testable").all()
    assert "differs from a0-p0" in found["reason"]["a1-p10"]


def test_a_second_line_that_agrees_with_the_donor_decides(settings):
    people = People()
    donor, wrong = people.stranger(), people.stranger()
    doses = {"a0-p0": ("a0", donor), "a2-p3": ("a0", people.again(donor))}
    doses |= {f"a1-p{k}": ("a0", people.again(wrong)) for k in (5, 10, 20)}
    found = verdicts(doses, settings)
    assert (found["state"][["a1-p5", "a1-p10", "a1-p20"]] == "failed").all()
    assert (found["state"][["a0-p0", "a2-p3"]] == "confirmed").all()


def test_a_line_without_donor_is_judged_by_most_of_its_passages(settings):
    people = People()
    dose = people.stranger()
    doses = {f"e1-p{k}": ("e1", people.again(dose)) for k in (5, 10, 40)}
    doses["e1-p20"] = ("e1", people.stranger())
    found = verdicts(doses, settings)
    assert found["state"].to_dict() == {
        "e1-p5": "confirmed",
        "e1-p10": "confirmed",
        "e1-p40": "confirmed",
        "e1-p20": "failed",
    }


def test_another_persons_confirmed_genotype_decides_between_two(two_lines, settings):
    doses = {name: value for name, value in two_lines.items() if not name.startswith("a1")}
    doses["a1-p5"] = ("a0", two_lines["b1-p5"][1])
    found = verdicts(doses, settings)
    assert found["state"]["a1-p5"] == "failed"
    # The donor is not contradicted any more, but nothing agrees with it either.
    assert found["state"]["a0-p0"] == "not_testable"
    assert "only a1-p5" in found["reason"]["a0-p0"]


def test_an_exchange_that_nothing_resolves_is_open_and_named(settings):
    people = People()
    one, two = people.stranger(), people.stranger()
    doses = {
        "a0-p0": ("a0", one),
        "a1-p5": ("a0", people.again(two)),
        "b0-p0": ("b0", two),
        "b1-p5": ("b0", people.again(one)),
    }
    found = verdicts(doses, settings)
    assert (found["state"] == "not_testable").all()
    assert found["looks_like"]["a1-p5"] == "b0-p0"


def test_a_line_overgrown_by_another_fails_against_the_better_witness(settings):
    people = People()
    dose = people.stranger()
    doses = {"a0-p0": ("a0", dose), "a1-p5": ("a0", people.again(dose))}
    doses |= {f"e1-p{k}": ("e1", people.again(dose)) for k in (5, 10, 20)}
    found = verdicts(doses, settings)
    assert (found["state"][["e1-p5", "e1-p10", "e1-p20"]] == "failed").all()
    assert found["looks_like"]["e1-p5"] == "a0-p0;a1-p5"
    assert (found["state"][["a0-p0", "a1-p5"]] == "confirmed").all()
    equal = {name: value for name, value in doses.items() if name != "a0-p0"}
    assert (verdicts(equal, settings)["state"] == "not_testable").all()


def test_relatives_are_not_the_same_person(settings):
    people = People()
    mother = people.stranger()
    doses = {"a0-p0": ("a0", mother), "a2-p1": ("a0", people.again(mother))}
    doses["a1-p5"] = ("a0", people.child(mother, people.stranger()))
    found = verdicts(doses, settings)
    assert found["state"]["a1-p5"] == "failed"


def test_a_poor_measurement_is_not_testable_and_has_no_vote(two_lines, settings):
    doses = two_lines | {"a1-p20": ("a0", two_lines["b1-p20"][1])}
    poor = figure("a1-p20", "contamination", "0.5", "fail", "foreign DNA in the sample")
    found = verdicts(doses, settings, poor)
    assert found["state"]["a1-p20"] == "not_testable"
    assert found["reason"]["a1-p20"] == "foreign DNA in the sample"
    assert found["looks_like"]["a1-p20"] == found["compared_with"]["a1-p20"] == ""
    assert "a1-p20" not in found["compared_with"]["a0-p0"]
    assert (found["state"].drop("a1-p20") == "confirmed").all()
    barred = ["foreign DNA" if name == "a1-p20" else "" for name in doses]
    pairs = bank(doses, settings, failed=barred)[1]
    of_it = (pairs["sample"] == "a1-p20") | (pairs["other_sample"] == "a1-p20")
    assert (pairs["state"][of_it] == "not_testable").all()
    assert pairs["text"][of_it].str.contains("not compared: foreign DNA").all()


def test_a_wrong_sex_fails_even_where_the_genotypes_agree(two_lines, settings):
    wrong = figure("a1-p5", "sex", "male", "fail", "the sheet says female, the signal says male")
    found = verdicts(two_lines, settings, wrong, sex="female")
    assert found["state"]["a1-p5"] == "failed"
    assert (found["expected_sex"]["a1-p5"], found["sex"]["a1-p5"]) == ("female", "male")
    assert "the sheet says female" in found["reason"]["a1-p5"]
    assert (found["state"].drop("a1-p5") == "confirmed").all()


def test_names_pass_through_as_they_are(settings):
    people = People()
    dose = people.stranger()
    doses = {'<b>x"-p0': ("p", dose), "=1+1-p3": ("p", dose), "한국 라인-p5": ("p", dose)}
    found = verdicts(doses, settings)
    assert (found["state"] == "confirmed").all()
    assert found["compared_with"]['<b>x"-p0'] == "=1+1-p3;한국 라인-p5"
