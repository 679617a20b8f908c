"""The joint variant call: planted truth, competing explanations, invariants, bad input."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import simulate_alleles
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from linedrift import sequencing_tables, tables
from linedrift.allele_counts import CLASSES, OTHER_SNV, Counts
from linedrift.error_model import error_model, least_reads, log_beta_binomial
from linedrift.genome import CHROM_DTYPE
from linedrift.variants import ask_hotspots, call_variants
from scipy.stats import betabinom
from truth import CONFIG

SETTINGS = CONFIG["variants"]
HOTSPOTS = pd.DataFrame(
    {
        "id": ["TP53:p.Arg175His", "KRAS:p.Gly12Asp", "TP53:p.Arg248Gln", "EGFR:any"],
        "gene": ["TP53", "KRAS", "TP53", "EGFR"],
        "chrom": ["chr17", "chr12", "chr17", "chr7"],
        "start": [7675087, 25245349, 7674219, 55019016],
        "end": [7675088, 25245350, 7674220, 55211628],
        "ref": ["C", "C", "C", ""],
        "alt": ["T", "T", "T", ""],
        "scope": ["point", "point", "point", "gene"],
        "tier": ["A", "C", "A", "C"],
        "disputed": ["no", "no", "no", "yes"],
        "verification": ["list-verified", "unverified", "unverified (own knowledge)", "verified"],
    }
)
DONOR = (100, 0)


def sites(n, **change):
    frame = pd.DataFrame(
        {
            "chrom": pd.Categorical(["chr1"] * n, dtype=CHROM_DTYPE),
            "start": 1000 + 10 * np.arange(n),
            "ref": "C",
            "alt": "T",
            "context": "ACA",
            "repeat": 1,
            "read_position_z": np.nan,
            "mapping_quality_z": np.nan,
            "base_quality_z": np.nan,
        }
    )
    return frame.assign(**change)


def halves(reads):
    """Return (ref, alt) of a sample by strand: even, unless alt is given as a pair."""
    depth, alt = reads
    alt = alt if isinstance(alt, tuple) else ((alt + 1) // 2, alt // 2)
    return [(depth + 1) // 2 - alt[0], depth // 2 - alt[1]], list(alt)


def counts(rows, roles=("baseline", "own"), donor=True, **change):
    """Return Counts; each row has (depth, alt reads) of each sample."""
    pairs = [[halves(one) for one in row] for row in rows]
    ref = np.array([[pair[0] for pair in row] for row in pairs], np.int32)
    alt = np.array([[pair[1] for pair in row] for row in pairs], np.int32)
    shape = (len(rows), len(roles), 2)
    names = {"own": "L", "baseline": "D", "panel": "P"}
    samples = tuple(f"{names[role]}{at}-p{at}" for at, role in enumerate(roles))
    return Counts(
        sites(len(rows), **change),
        samples,
        tuple(roles),
        tuple(range(len(roles))),
        ref.reshape(shape),
        alt.reshape(shape),
        donor,
    )


def call(given_counts, change=None, **arguments):
    use = {**SETTINGS, **(change or {})}
    model = error_model(given_counts.take(slice(0)), use)
    return call_variants(given_counts, model, use, HOTSPOTS, line="L", **arguments)


def only(calls):
    assert len(calls.variants) == 1
    return calls.variants.iloc[0]


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


# Errors.


def test_error_rates_are_learned_by_class_and_strand():
    rng = np.random.default_rng(1)
    world = simulate_alleles.World.typical(rng, 100)
    given_counts, errors, _ = simulate_alleles.simulate(
        rng, world, 2e6, {"D-p0": "baseline", "L-p1": "own"}
    )
    model = error_model(given_counts, SETTINGS, errors)
    assert np.abs(np.log(model.rate[:, :96] / world.rate)).max() < 0.25
    assert np.abs(np.log(model.rho[:96] / world.rho)).mean() < 0.25


def test_without_data_the_rates_of_the_settings_hold():
    model = error_model(counts([]), SETTINGS)
    assert np.allclose(model.rate[:, :OTHER_SNV], SETTINGS["error_rate"])
    assert np.allclose(model.rho[:OTHER_SNV], SETTINGS["error_rho"])


def test_candidates_teach_the_baseline_s_errors_and_not_the_line_s():
    rows = [[(1000, 2), (1000, 30)]] * 3000
    model = error_model(counts(rows), SETTINGS)
    number = CLASSES["ACA", "T"]
    assert model.rate[0, number].mean() == pytest.approx(0.002, rel=0.1)


def test_a_real_allele_in_one_place_is_no_overdispersion():
    rows = [[(200, 1), (200, 0)]] * 500 + [[(200, 90), (200, 95)]]
    model = error_model(counts(rows), SETTINGS)
    assert model.rho[CLASSES["ACA", "T"]].max() < 0.005


def test_strands_and_contexts_are_told_by_the_pyrimidine():
    given_counts = counts([[DONOR, DONOR]] * 3, ref=["C", "G", "A"], alt=["T", "A", "C"],
                          context=["ACA", "ACA", "GTC"])  # fmt: skip
    classes, turned = given_counts.error_classes()
    assert list(classes) == [CLASSES["ACA", "T"], CLASSES["ACA", "T"], CLASSES["GTC", "G"]]
    assert list(turned) == [False, True, True]


def test_the_likelihood_of_errors_is_that_of_the_beta_binomial():
    x, n, alpha, beta = np.array([0, 1, 5]), 50, 0.3, 99.0
    ways = betabinom.logpmf(x, n, alpha, beta) - log_beta_binomial(x, n - x, alpha, beta)
    assert np.allclose(np.exp(ways), [1, 50, 2118760])


# Frames.


def frame_of(given_counts):
    parts = []
    for k, sample in enumerate(given_counts.samples):
        reads = {
            f"{name}_{word}": values[:, k, strand]
            for name, values in (("ref", given_counts.ref), ("alt", given_counts.alt))
            for strand, word in enumerate(("forward", "reverse"))
        }
        parts.append(given_counts.sites.assign(sample=sample, other=0, **reads))
    return tables.in_genome_order(pd.concat(parts).assign(end=lambda f: f["start"] + 1))


def test_counts_come_back_from_their_frame_in_genome_order():
    given_counts = counts([[DONOR, (80, 38)], [(70, 1), (60, 2)]])
    frame = tables.check(frame_of(given_counts), sequencing_tables.VARIANT_COUNTS)
    roles = dict(zip(given_counts.samples, given_counts.roles, strict=True))
    passages = dict(zip(given_counts.samples, given_counts.passages, strict=True))
    back = Counts.from_frame(frame.sample(frac=1, random_state=1), roles, passages)
    assert (back.ref == given_counts.ref).all()
    assert (back.alt == given_counts.alt).all()
    assert list(back.sites["start"]) == [1000, 1010]
    some = Counts.from_frame(frame[frame["sample"] != "L1-p1"], roles, passages)
    assert some.reads[:, 1].sum() == 0


def test_an_allele_that_stands_twice_is_named():
    frame = frame_of(counts([[DONOR, (80, 38)]]))
    with pytest.raises(tables.TableError, match="chr1:1000 C>T stands twice for sample D0-p0"):
        Counts.from_frame(pd.concat([frame, frame]), {"D0-p0": "baseline"}, {"D0-p0": 0})


# Hotspots.


def at_hotspots(*reads, roles=("baseline", "own", "own")):
    points = HOTSPOTS[HOTSPOTS["scope"] == "point"].iloc[: len(reads)]
    places = {name: points[name].to_numpy() for name in ("start", "ref", "alt")}
    chrom = pd.Categorical(points["chrom"], dtype=CHROM_DTYPE)
    return counts(reads, roles, chrom=chrom, **places)


def ask(given_counts, variants=None):
    model = error_model(given_counts.take(slice(0)), SETTINGS)
    return ask_hotspots(given_counts, model, SETTINGS, HOTSPOTS, variants=variants)


def test_every_hotspot_is_asked_in_every_sample():
    asked = ask(at_hotspots([DONOR, (100, 30), (4, 0)]))
    assert len(asked) == 3 * 3
    first = asked[asked["hotspot_id"] == "TP53:p.Arg175His"].set_index("sample")
    assert list(first["state"]) == ["absent", "present", "not_testable"]
    assert 0 < first.loc["D0-p0", "limit"] < 0.2
    rest = asked[asked["hotspot_id"] != "TP53:p.Arg175His"]
    assert set(rest["state"]) == {"not_testable"}
    assert set(rest["depth"]) == {0}
    assert rest["reason"].str.len().min() > 0


def test_hotspots_are_found_among_other_candidates():
    hot = at_hotspots([DONOR, (100, 30), (100, 0)])
    rest = counts([[DONOR, DONOR, DONOR]] * 3, hot.roles)
    both = dataclasses.replace(
        hot,
        sites=pd.concat([rest.sites, hot.sites], ignore_index=True).astype({"chrom": CHROM_DTYPE}),
        ref=np.concatenate([rest.ref, hot.ref]),
        alt=np.concatenate([rest.alt, hot.alt]),
    )
    pd.testing.assert_frame_equal(ask(both), ask(hot))


def test_a_hotspot_that_the_joint_call_found_is_tracked_down_to_fewer_reads():
    given_counts = at_hotspots([(400, 0), (200, 3), (200, 40)])
    alone = ask(given_counts).set_index(["hotspot_id", "sample"])
    calls = call(given_counts)
    assert list(calls.variants["hotspot_id"]) == ["TP53:p.Arg175His"]
    joint = ask(given_counts, calls.variants).set_index(["hotspot_id", "sample"])
    place = ("TP53:p.Arg175His", "L1-p1")
    assert alone.loc[place, "state"] == "absent"
    assert joint.loc[place, "state"] == "present"
    assert joint.loc[place, "origin"] == "acquired"


def test_unverified_and_disputed_hotspots_never_flag():
    asked = ask(at_hotspots(*[[DONOR, (100, 30), (100, 30)]] * 3))
    flags = asked.groupby("hotspot_id")["flags"].first()
    assert flags.to_dict() == {
        "TP53:p.Arg175His": True, "KRAS:p.Gly12Asp": False, "TP53:p.Arg248Gln": False,
    }  # fmt: skip


def test_a_hotspot_needs_less_evidence_than_any_place():
    few = [DONOR, (100, 6), (100, 0)]
    assert only(call(at_hotspots(few)))["posterior"] > 0.9
    elsewhere = call(counts([few], ("baseline", "own", "own")), {"min_posterior": 1e-6})
    assert elsewhere.variants["posterior"].max() < 0.9


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
