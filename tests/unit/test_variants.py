"""The joint variant call: planted truth, competing explanations, invariants, bad input."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import simulate_alleles
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from linedrift.genome import CHROM_DTYPE
from linedrift.variants.error_model import error_model, least_reads
from linedrift.variants.variants import call_variants
from scipy.stats import betabinom
from variant_counts import DONOR, HOTSPOTS, SETTINGS, call, counts, only

# What the reads are explained by.


def test_an_allele_of_all_cells_that_the_donor_lacks_is_acquired():
    calls = call(counts([[DONOR, (80, 38)]]))
    found = only(calls)
    assert found["origin"] == "acquired"
    assert found["posterior"] > 0.99
    assert found["quality"] == pytest.approx(-10 * np.log10(1 - found["posterior"]), rel=0.01)
    assert found["first_passage"] == 1
    line = calls.courses[calls.courses["sample"] == "L1-p1"].iloc[0]
    assert line["state"] == "present"
    assert line["low"] < 0.95 < line["high"] == 1
    donor = calls.courses[calls.courses["sample"] == "D0-p0"].iloc[0]
    assert donor["state"] == "absent"
    assert 0 < donor["limit"] < 0.15


def test_a_line_equal_to_its_donor_has_no_variant():
    calls = call(counts([[DONOR, (90, 0)], [(80, 41), (90, 44)], [(60, 60), (50, 50)]]))
    assert calls.variants.empty
    assert calls.courses.empty
    assert calls.facts["inherited"] == 2
    assert calls.facts["not_called"]["misread bases"] == 1


def test_what_the_donor_has_in_few_cells_is_expanded_not_acquired():
    found = only(call(counts([[(200, 8), (90, 44)]])))
    assert found["origin"] == "expanded"
    assert "8 of 200" in found["note"]


@pytest.mark.parametrize("line", [(90, 0), (90, 1)])
def test_a_germline_allele_that_the_line_lacks_is_lost(line):
    assert only(call(counts([[(90, 44), line]])))["origin"] == "lost"


def test_loss_of_heterozygosity_to_the_other_allele_is_inherited():
    calls = call(counts([[(90, 44), (90, 89)]]))
    assert calls.variants.empty
    assert calls.facts["inherited"] == 1


def test_inherited_variants_are_listed_in_genes_that_matter_only():
    rows = [[(90, 44), (90, 46)]] * 2
    given_counts = counts(rows, chrom=pd.Categorical(["chr1", "chr7"], dtype=CHROM_DTYPE),
                          start=[55100000, 55100000])  # fmt: skip
    calls = call(given_counts)
    assert calls.facts["inherited"] == 2
    assert only(calls)["chrom"] == "chr7"
    assert only(calls)["disputed"]
    regions = pd.DataFrame({"chrom": ["chr1"], "start": [55000000], "end": [55200000]})
    assert len(call(given_counts, regions=regions).variants) == 2


def test_what_is_as_frequent_in_the_donor_did_not_expand():
    calls = call(counts([[(773, 65), (772, 65)], [(1593, 141), (1590, 141)]]))
    assert calls.variants.empty
    assert calls.facts["not_called"]["as frequent in the donor"] == 2
    assert only(call(counts([[(773, 65), (772, 130)]])))["origin"] == "expanded"


def test_reads_of_one_strand_are_an_artefact():
    calls = call(counts([[DONOR, (100, (14, 0))]]))
    assert calls.variants.empty
    assert calls.facts["not_called"]["one strand"] == 1
    assert len(call(counts([[DONOR, (100, (8, 6))]])).variants) == 1


@pytest.mark.parametrize(
    ("figure", "z", "reason"),
    [
        ("read_position_z", -7.0, "end of reads"),
        ("read_position_z", 7.0, "end of reads"),
        ("mapping_quality_z", -7.0, "mapping quality"),
        ("base_quality_z", -7.0, "base quality"),
    ],
)
def test_reads_that_are_badly_placed_are_an_artefact(figure, z, reason):
    calls = call(counts([[DONOR, (100, 14)]], **{figure: z}))
    assert calls.variants.empty
    assert calls.facts["not_called"][reason] == 1
    for good in (0.0, -1.5):
        assert len(call(counts([[DONOR, (100, 14)]], **{figure: good})).variants) == 1


def test_better_mapping_than_that_of_the_reference_is_no_artefact():
    assert len(call(counts([[DONOR, (100, 14)]], mapping_quality_z=7.0)).variants) == 1


@pytest.mark.parametrize(("repeat", "called"), [(1, 1), (4, 1), (16, 0)])
def test_an_indel_of_a_long_repeat_is_slippage(repeat, called):
    calls = call(counts([[DONOR, (100, 12)]], ref="CA", alt="C", context="", repeat=repeat))
    assert len(calls.variants) == called
    assert sum(calls.facts["not_called"].values()) == 1 - called
    if called:
        assert only(calls)["kind"] == "indel"
        assert only(calls)["end"] - only(calls)["start"] == 2


def test_a_site_that_is_bad_in_the_panel_is_an_error():
    roles = ("baseline", "own", "panel", "panel", "panel")
    clean = [DONOR, (100, 8), (100, 0), (100, 0), (100, 0)]
    noisy = [DONOR, (100, 8), (100, 4), (100, 5), (100, 3)]
    assert len(call(counts([clean], roles)).variants) == 1
    assert call(counts([noisy], roles)).variants.empty


def contaminated(n, share=0.06):
    """Return counts with n alleles of another person in the passage, and what is its own."""
    rng = np.random.default_rng(3)
    depth = 200
    rows = [[(depth, 0), (depth, int(rng.binomial(depth, share / 2))), (100, 50)] for _ in range(n)]
    return counts([*rows, [(depth, 0), (depth, 95), (100, 0)]], ("baseline", "own", "panel"))


def test_another_line_in_a_passage_is_named_and_its_alleles_are_not_acquired():
    calls = call(contaminated(120))
    assert calls.facts["foreign"]["L1-p1"]["of"] == "P2-p2"
    assert calls.facts["foreign"]["L1-p1"]["share"] == pytest.approx(0.06, abs=0.015)
    assert len(calls.variants) == 1
    assert only(calls)["start"] == 1000 + 10 * 120
    assert calls.facts["not_called"]["contamination"] > 80


def test_few_alleles_of_another_person_name_nobody():
    assert call(contaminated(10)).facts["foreign"] == {}


# Bad input.


def in_egfr(n):
    """Return where inherited variants are listed."""
    chrom = pd.Categorical(["chr7"] * n, dtype=CHROM_DTYPE)
    return {"chrom": chrom, "start": 55100000 + 10 * np.arange(n)}


@pytest.mark.parametrize(("depth", "origins"), [(2, {"inherited"}), (60, {"acquired"})])
def test_what_a_shallow_donor_may_have_missed_is_not_acquired(depth, origins):
    calls = call(counts([[(depth, 0), (90, 44)]], **in_egfr(1)))
    assert set(calls.variants["origin"]) == origins
    if depth == 2:
        assert "2 reads" in only(calls)["note"]


def test_a_donor_of_middling_depth_leaves_the_origin_open():
    found = only(call(counts([[(10, 0), (90, 44)]], **in_egfr(1)), {"min_posterior": 0.95}))
    assert found["origin"] in ("unknown", "inherited")


def test_without_a_baseline_nothing_is_called_acquired():
    calls = call(counts([[(90, 20)], [(90, 44)]], ("own",)))
    assert set(calls.variants["origin"]) <= {"unknown"}
    assert calls.facts["inherited"] + len(calls.variants) == 2


def test_against_an_earlier_passage_what_it_has_is_of_unknown_origin():
    rows = [[(90, 44), (90, 46)], [(90, 0), (90, 46)]]
    calls = call(counts(rows, donor=False, **in_egfr(2)))
    assert list(calls.variants["origin"]) == ["unknown", "acquired"]


def test_donor_and_line_swapped_are_reported():
    rows = [[(90, 44), (90, 0)]] * 12 + [[DONOR, (100, 50)]]
    right = call(counts([row[::-1] for row in rows]))
    assert right.facts["warning"] == ""
    swapped = call(counts(rows))
    assert "swapped" in swapped.facts["warning"]
    assert swapped.facts["lost"] == 12


def test_a_donor_who_is_another_person_is_reported():
    rows = [[DONOR, (100, 50)]] * 1000
    assert "another person" in call(counts(rows), bases=1_000_000).facts["warning"]


def test_a_place_without_reads_is_not_testable():
    calls = call(counts([[DONOR, (80, 38), (0, 0), (5, 0)]], ("baseline", "own", "own", "own")))
    by_sample = calls.courses.set_index("sample")
    assert by_sample.loc["L2-p2", "state"] == "not_testable"
    assert by_sample.loc["L2-p2", "reason"] == "no read covers the place"
    assert by_sample.loc["L3-p3", "state"] == "not_testable"
    assert by_sample.loc["L3-p3", "reason"].startswith("5 reads")
    assert np.isnan(by_sample.loc["L2-p2", "limit"])


@pytest.mark.parametrize("roles", [("baseline", "own"), ("own",), ("baseline",), ("panel",)])
def test_no_candidates_give_empty_tables(roles):
    calls = call(counts([], roles))
    assert calls.variants.empty
    assert calls.courses.empty
    assert calls.facts["sites"] == 0


@pytest.mark.parametrize("roles", [("baseline",), ("panel", "panel")])
def test_without_a_passage_nothing_is_called(roles):
    calls = call(counts([[(100, 12)] * len(roles)], roles))
    assert not set(calls.variants["origin"]) & {"acquired", "expanded"}


def test_zero_reads_everywhere_give_no_variant():
    calls = call(counts([[(0, 0), (0, 0)]]))
    assert calls.variants.empty
    assert calls.facts["sites"] == 1


def test_counts_of_the_wrong_shape_or_role_are_refused():
    good = counts([[DONOR, DONOR]])
    with pytest.raises(ValueError, match="shapes"):
        dataclasses.replace(good, alt=good.alt[:, :1])
    with pytest.raises(ValueError, match="unknown roles \\['donor'\\]"):
        dataclasses.replace(good, roles=("donor", "own"))
    with pytest.raises(ValueError, match="negative"):
        dataclasses.replace(good, alt=good.alt - 1)


# Copies and cells.


@pytest.mark.parametrize(
    ("copies", "share", "cells"), [(2, 0.2, 0.4), (1, 0.2, 0.2), (3, 0.2, 0.6), (2, 0.9, 0.9)]
)
def test_cell_fractions_follow_the_copies_of_the_place(copies, share, cells):
    reads = (400, int(400 * share))
    calls = call(counts([[(400, 0), reads]]), copies=np.full((1, 2), copies))
    line = calls.courses[calls.courses["sample"] == "L1-p1"].iloc[0]
    assert line["cell_fraction"] == pytest.approx(cells, abs=0.01)
    assert line["low"] < cells < line["high"]
    assert line["copies"] == copies


@pytest.mark.parametrize("depth", [30, 100, 400])
def test_a_limit_is_what_is_found_with_95_percent(depth):
    given_counts = counts([[(depth, 0), (80, 38), (depth, 0)]], ("baseline", "own", "own"))
    calls = call(given_counts)
    limit = calls.courses.set_index("sample").loc["L2-p2", "limit"]
    model = error_model(given_counts.take(slice(0)), SETTINGS)
    alpha, beta = model.at(given_counts, SETTINGS)
    need = least_reads(np.array(depth), alpha[0, 2, 0], beta[0, 2, 0], np.array(0.001))
    rho = SETTINGS["allele_rho"]
    size = (1 - rho) / rho
    power = betabinom.sf(need - 1, depth, limit / 2 * size, (1 - limit / 2) * size)
    assert power == pytest.approx(0.95, abs=0.02)


def test_errors_alone_reach_the_needed_reads_as_rarely_as_said():
    depth = np.array([20, 100, 1000])
    alpha, beta = np.array([0.3, 0.03, 1.0]), np.array([999.0, 99.0, 3000.0])
    need = least_reads(depth, alpha, beta, np.array(0.001))
    assert (betabinom.sf(need - 1, depth, alpha, beta) <= 0.001).all()
    assert (betabinom.sf(need - 2, depth, alpha, beta) > 0.001).all()


# Invariants.


@settings(max_examples=8, deadline=None)
@given(
    reads=st.lists(st.tuples(st.integers(20, 200), st.floats(0, 0.6)), min_size=2, max_size=4),
    order=st.randoms(use_true_random=False),
)
def test_the_order_of_passages_changes_no_posterior(reads, order):
    row = [(depth, int(depth * share)) for depth, share in reads]
    turned = list(row)
    order.shuffle(turned)
    roles = ("baseline", *("own" for _ in row))
    low = {"min_posterior": 1e-6}
    one, other = (call(counts([[DONOR, *some]], roles), low).variants for some in (row, turned))
    assert list(one["origin"]) == list(other["origin"])
    assert np.allclose(one["posterior"], other["posterior"])


@settings(max_examples=8, deadline=None)
@given(depth=st.integers(30, 300), other=st.integers(0, 20), alt=st.integers(1, 10))
def test_more_reads_of_the_allele_never_speak_against_it(depth, other, alt):
    roles = ("baseline", "own", "own")
    steps = range(2 * alt, min(depth, 2 * alt + 24), 2)
    rows = [[(400, 0), (100, other), (depth, x)] for x in steps]
    found = call(counts(rows, roles), {"min_posterior": 1e-9}).variants
    new = found[found["origin"].isin(["acquired", "expanded"])]
    posterior = np.zeros(len(rows))
    posterior[(new["start"] - 1000) // 10] = new["posterior"]
    assert (np.diff(posterior) >= -1e-4).all()


@settings(max_examples=5, deadline=None)
@given(turn=st.booleans(), alt=st.integers(6, 40))
def test_the_other_strand_of_the_reference_changes_nothing(turn, alt):
    change = {"ref": "G", "alt": "A"} if turn else {}
    found = only(call(counts([[DONOR, (100, alt)]], **change), {"min_posterior": 0.01}))
    plain = only(call(counts([[DONOR, (100, alt)]]), {"min_posterior": 0.01}))
    assert found["posterior"] == pytest.approx(plain["posterior"])


# Reach.


@pytest.fixture(scope="module")
def bank():
    """Three passages, a donor and three other donors at 100x; 10 Mb of typical errors."""
    rng = np.random.default_rng(11)
    world = simulate_alleles.World.typical(rng, 100)
    world = dataclasses.replace(world, depths=np.array([100.0]), weights=np.array([1.0]))
    own = ["L-p1", "L-p2", "L-p3"]
    roles = {"D-p0": "baseline", **dict.fromkeys(own, "own")}
    roles |= dict.fromkeys(["P1-p0", "P2-p0", "P3-p0"], "panel")
    planted = [dict.fromkeys(own, 0.05)] * 200 + [{"L-p3": 0.1}] * 200
    planted += [{"D-p0": 0.5, **dict.fromkeys(own, 0.5)}] * 50
    given_counts, errors, truth = simulate_alleles.simulate(rng, world, 1e7, roles, planted)
    model = error_model(given_counts, SETTINGS, errors)
    calls = call_variants(given_counts, model, SETTINGS, HOTSPOTS, line="L")
    place = (calls.variants["start"] - 100) // 10
    return calls, truth, truth[place]


def new(bank):
    calls, _, found = bank
    return found[calls.variants["origin"].isin(["acquired", "expanded"]).to_numpy()]


def test_five_percent_of_alleles_in_three_passages_are_found(bank):
    assert np.isin(np.arange(200), new(bank)).mean() >= 0.88


def test_ten_percent_of_alleles_in_one_passage_are_found(bank):
    assert np.isin(np.arange(200, 400), new(bank)).mean() >= 0.68


def test_at_most_one_false_call_in_ten_megabases(bank):
    assert (new(bank) < 0).sum() <= 1


def test_nothing_inherited_is_called_new(bank):
    assert not np.isin(np.arange(400, 450), new(bank)).any()
    assert bank[0].facts["inherited"] >= 50


def test_the_settings_of_the_section_are_all_known(repository):
    schema = yaml.safe_load((repository / "workflow/schemas/config.schema.yaml").read_text())
    assert set(SETTINGS) <= set(schema["properties"]["variants"]["properties"])


@pytest.mark.parametrize(
    ("reads", "expected", "both"),
    [
        ((39, 24), 1.0, False),
        ((52, 32), 1.0, False),
        ((60, 60), 1.0, True),
        ((200, 150), 0.75, True),
    ],
)
def test_both_copies_are_said_to_carry_it_only_where_reads_are_sure(reads, expected, both):
    calls = call(counts([(DONOR, reads)]))
    own = calls.courses.set_index("sample").loc["L1-p1"]
    assert own["cell_fraction"] == pytest.approx(expected, abs=0.03)
    assert ("both copies" in own["reason"]) == both
    assert own["low"] <= expected <= own["high"] + 0.02
