"""Imprinted regions with planted loss of imprinting, against range, controls and copy number."""

import methylomes as made
import numpy as np
import pandas as pd
import pytest
from linedrift.readouts import imprinting
from linedrift.readouts import methylation_regions as regions_of
from linedrift.readouts.methylation_ranges import judged, limits_of, stated, widened
from linedrift.tables import EVENTS

H19, PEG3, MEG3_IG, MEG3 = (
    "H19/IGF2:IG-DMR", "PEG3:TSS-DMR", "MEG3/DLK1:IG-DMR", "MEG3:TSS-DMR",
)  # fmt: skip


@pytest.fixture(scope="module")
def settings(repository):
    return made.settings(repository)


@pytest.fixture(scope="module")
def curated(repository):
    return made.curated(repository)


@pytest.fixture(scope="module")
def regions(curated):
    return regions_of.curated(curated.dmrs, curated.loci)


def values(seed, regions, settings, beta_of=None, **shape):
    rng = np.random.default_rng(seed)
    loci = made.region_probes(rng, regions, beta_of or {}, **shape)
    return regions_of.values(loci, regions, settings)


def people(first, regions, settings, planted):
    """Return what five people have at the planted regions."""
    some = regions[regions["region"].isin(planted)]
    return pd.concat([values(first + seed, some, settings, planted) for seed in range(5)])


@pytest.fixture(scope="module")
def controls(regions, settings):
    return pd.concat([values(100 + seed, regions, settings) for seed in range(5)])


def asked(own, controls, curated, settings, events=None):
    rows = imprinting.readouts(own, controls, curated.dmrs, settings, events)
    return pd.DataFrame(rows).set_index("item")


def event(chrom, start, end, kind, copies):
    columns = dict.fromkeys(EVENTS.names)
    return pd.DataFrame(
        [columns | {"chrom": chrom, "start": start, "end": end, "kind": kind, "copies": copies,
                    "band": "11p15.5"}]
    )  # fmt: skip


def test_every_region_is_asked_and_normal_ones_are_normal(regions, controls, curated, settings):
    found = asked(values(1, regions, settings), controls, curated, settings)
    assert len(found) == 50 and (found["group"] == "imprinting").all()
    assert (found["state"] == "normal").all()
    assert (found["limit"] < 0.45).all() and (found["limit"] > 0.2).all()
    core = curated.dmrs.set_index("dmr_id")["panel"] == "core"
    assert core.sum() == 26
    assert set(found.loc[core[core].index, "role"]) == {"flag", "review"}
    assert set(found.loc[core[~core].index, "role"]) == {"annotate"}
    assert found.loc[H19, "role"] == "flag" and found.loc["DIRAS3:TSS-DMR", "role"] == "review"
    assert (found["source"] != "").all()


@pytest.mark.parametrize("cells", [0.0, 0.1, 0.6, 0.8, 1.0])
def test_lost_imprinting_is_told_from_the_fraction_of_cells_that_its_limit_says(
    regions, controls, curated, settings, cells
):
    planted = {H19: 0.5 + 0.5 * cells, PEG3: 0.5 - 0.5 * cells}
    found = asked(values(2, regions, settings, planted), controls, curated, settings)
    changed = cells >= 0.6
    assert found.loc[H19, "state"] == ("gained" if changed else "normal")
    assert found.loc[PEG3, "state"] == ("lost" if changed else "normal")
    assert (found["state"].drop([H19, PEG3]) == "normal").all()
    assert found.loc[H19, "low"] <= planted[H19] <= max(found.loc[H19, "high"], 0.96)
    assert found.loc[H19, "limit"] < 0.3 + 0.02 + 3.7 * 0.08 / np.sqrt(12)


def test_a_change_of_the_limit_is_found_with_the_probability_that_it_states(regions, settings):
    usual = stated(settings["imprinted_range"])
    one = regions[regions["region"] == H19]
    normal = [values(seed, one, settings).iloc[0] for seed in range(20)]
    limit = np.mean([max(limits_of(value, usual)) for value in normal])
    states = [
        judged(values(1000 + seed, one, settings, {H19: 0.5 + limit}).iloc[0], usual)["state"]
        for seed in range(80)
    ]
    assert np.mean(np.array(states) == "gained") > 0.9


def test_sequenced_imprints_are_told_too(regions, curated, settings):
    rng = np.random.default_rng(6)
    parts = []
    for row in regions[regions["region"].isin([H19, PEG3, MEG3])].to_dict("records"):
        start = np.sort(rng.choice(np.arange(row["start"], row["end"]), 80, replace=False))
        share = {H19: 0.95, PEG3: 0.5, MEG3: 0.5}[row["region"]]
        parts.append(made.cytosines(row["chrom"], start, *made.fragments(rng, start, share, 12)))
    own = regions_of.values(made.together(*parts), regions, settings)
    found = asked(own, None, curated, settings)
    assert found.loc[H19, "state"] == "gained"
    assert (found.loc[[PEG3, MEG3], "state"] == "normal").all()
    rest = found.drop([H19, PEG3, MEG3])
    assert (rest["state"] == "not_testable").all()
    assert rest["reason"].str.contains("too few reads").all()


def test_a_region_without_probes_is_not_testable_and_says_which_one_answers(
    regions, controls, curated, settings
):
    own = values(3, regions, settings)
    own.loc[own["region"] == MEG3_IG, ["beta", "low", "high", "n_loci"]] = [np.nan] * 3 + [0]
    found = asked(own, controls, curated, settings)
    assert found.loc[MEG3_IG, "state"] == "not_testable"
    assert "too few probes" in found.loc[MEG3_IG, "reason"]
    assert f"{MEG3} answers for the locus" in found.loc[MEG3_IG, "reason"]
    assert found.loc[MEG3, "state"] == "normal"


def test_two_probes_are_too_few_and_the_reason_says_how_many(regions, controls, curated, settings):
    found = asked(values(4, regions, settings, n=2), controls, curated, settings)
    assert (found["state"] == "not_testable").all()
    assert found.loc[H19, "reason"] == "too few probes: 2 where 3 are needed"
    assert found.loc[H19, "value"] != found.loc[H19, "value"]


def test_controls_widen_a_range_that_nobody_fits(regions, curated, settings):
    planted = {H19: 0.76}
    others = people(50, regions, settings, planted)
    own = values(5, regions, settings, {H19: 0.78})
    alone = asked(own, None, curated, settings).loc[H19]
    among = asked(own, others, curated, settings).loc[H19]
    assert alone["state"] == "gained" and "too few other lines" in alone["reason"]
    assert among["state"] == "normal" and "5 other lines" in among["against"]
    assert among["expected_high"] > 0.78


def test_a_bank_that_lost_an_imprint_is_no_control_for_it(regions, curated, settings):
    planted = {H19: 0.97}
    others = people(60, regions, settings, planted)
    found = asked(values(6, regions, settings, planted), others, curated, settings).loc[H19]
    assert found["state"] == "gained"
    assert "not compared with 5 other lines" in found["reason"]


def test_a_change_within_the_range_but_beyond_the_controls_is_remarked(
    regions, controls, curated, settings
):
    one = controls[controls["region"] == H19]
    many = pd.concat([one.assign(beta=0.5 + 0.01 * step) for step in range(-2, 3)] * 4)
    own = values(8, regions, settings, {H19: 0.69}, sd=0.02)
    tight = dict(settings, control_sd=0.01)
    found = pd.DataFrame(imprinting.readouts(own, many, curated.dmrs, tight)).set_index("item")
    assert found.loc[H19, "state"] == "normal"
    assert "not among the controls" in found.loc[H19, "reason"]


@pytest.mark.parametrize(
    ("kind", "copies", "beta", "words"),
    [
        ("loss", 1, 0.97, "explained by the loss of 11p15.5"),
        ("cn_loh", 2, 0.03, "explained by the copy-neutral LOH of 11p15.5"),
        ("gain", 3, 0.82, "explained by the gain"),
        ("gain", 3, 0.97, ""),
    ],
)
def test_copy_number_explains_what_it_can_and_no_more(
    regions, controls, curated, settings, kind, copies, beta, words
):
    own = values(9, regions, settings, {H19: beta}, n=4)
    if kind == "gain":
        # Two of three copies are .67: an interval that reaches it is explained.
        own.loc[own["region"] == H19, ["low", "high"]] = (0.72, 0.9) if not words else (0.71, 0.9)
        if words:
            settings = dict(settings, imprinted_range=[0.4, 0.6], control_reach=0.0)
            own.loc[own["region"] == H19, ["low", "high"]] = 0.64, 0.9
    events = event("chr11", 0, 5_000_000, kind, copies)
    found = asked(own, controls, curated, settings, events).loc[H19]
    assert found["state"] == ("lost" if beta < 0.5 else "gained")
    if words:
        assert words in found["reason"] and found["role"] == "annotate"
    else:
        assert "explained" not in found["reason"] and found["role"] == "flag"


def test_an_event_elsewhere_explains_nothing(regions, controls, curated, settings):
    own = values(10, regions, settings, {H19: 0.97})
    events = event("chr11", 60_000_000, 90_000_000, "loss", 1)
    found = asked(own, controls, curated, settings, events).loc[H19]
    assert found["state"] == "gained" and found["role"] == "flag"


def test_what_the_donor_has_too_is_inherited_and_what_came_early_is_remarked(
    regions, controls, curated, settings
):
    own, same = (values(seed, regions, settings, {H19: 0.95}) for seed in (11, 12))
    usual = values(13, regions, settings)

    def asked_of(donor, baseline):
        """Return the readout of H19 with these two before it."""
        rows = imprinting.readouts(own, controls, curated.dmrs, settings, None, donor, baseline)
        return pd.DataFrame(rows).set_index("item").loc[H19]

    inherited, early, new = asked_of(same, same), asked_of(usual, same), asked_of(usual, usual)
    assert (inherited["state"], inherited["role"]) == ("gained", "annotate")
    assert inherited["reason"] == "the donor has it too"
    assert (early["role"], early["reason"]) == ("flag", "the earliest passage has it too")
    assert (new["role"], new["reason"]) == ("flag", "")


def test_a_change_within_the_range_is_remarked_against_the_earliest_passage(
    regions, controls, curated, settings
):
    own = values(14, regions, settings, {H19: 0.66}, sd=0.03)
    first = values(15, regions, settings, sd=0.03)
    rows = imprinting.readouts(own, controls, curated.dmrs, settings, baseline=first)
    found = pd.DataFrame(rows).set_index("item")
    assert found.loc[H19, "state"] == "normal"
    assert found.loc[H19, "reason"].startswith("changed since the earliest passage (0.5")
    assert not found.loc[PEG3, "reason"]


def test_so_few_reads_that_even_a_complete_change_would_be_missed_are_not_testable(settings):
    start = 2_000_000 + 10 * np.arange(10)
    loci = made.cytosines("chr11", start, np.full(10, 1), np.full(10, 2))
    region = pd.DataFrame({"chrom": ["chr11"], "start": [1997582], "end": [2003510]})
    own = regions_of.values(loci, region.assign(region=H19), settings)
    assert own["n_reads"].item() == 30
    found = judged(own.iloc[0], stated(settings["imprinted_range"]))
    assert found["state"] == "not_testable"
    assert "not even a complete change" in found["reason"]


def test_controls_reach_only_so_far(settings):
    usual = stated(settings["imprinted_range"])
    wide = widened(usual, np.array([0.5, 0.9, 0.1, 0.8, 0.2]), settings)
    reach = settings["control_reach"]
    assert wide.low == pytest.approx(0.3 - reach) and wide.high == pytest.approx(0.7 + reach)
    few = widened(usual, np.array([0.8, np.nan, np.nan]), settings)
    assert (few.low, few.high) == (usual.low, usual.high)
