"""The X chromosome with planted erosion, two active X, lost X, and one X of a male."""

import methylomes as made
import numpy as np
import pandas as pd
import pytest
from linedrift.readouts import methylation_regions as regions_of
from linedrift.readouts import x_inactivation
from linedrift.readouts.methylation_ranges import Subject
from linedrift.tables import EVENTS

XIST = "XIST_promoter"


@pytest.fixture(scope="module")
def settings(repository):
    return made.settings(repository)


@pytest.fixture(scope="module")
def loci(repository):
    return made.curated(repository).loci


def measured(loci, settings, xist, islands, n=60, seed=1):
    """Return REGION_VALUES with XIST at one beta and a share of islands half methylated."""
    rng = np.random.default_rng(seed)
    regions = loci[loci["chrom"] == "chrX"].rename(columns={"id": "region"})
    single = {name: 0.45 if islands > 0.4 else 0.05 for name in ("Xi_promoter_MECP2",)}
    found = made.region_probes(rng, regions, {XIST: xist, "Xi_promoter_AR": 0.4} | single)
    place = 20_000_000 + 100_000 * np.arange(n)
    start = (place[:, None] + 40 * np.arange(6)).ravel()
    beta = np.repeat(np.where(np.arange(n) < round(islands * n), 0.45, 0.05), 6)
    dense = made.probes("chrX", start, beta + rng.normal(0, 0.03, len(start)))
    all_loci = made.together(found, dense)
    values = regions_of.values(all_loci, regions, settings)
    return pd.concat([values, regions_of.x_islands(dense, settings)], ignore_index=True)


def asked(own, loci, settings, sex="female", baseline=None, events=None):
    subject = Subject("line-p5", 5, sex)
    rows = x_inactivation.readouts(own, baseline, loci, subject, settings, events)
    return pd.DataFrame(rows).set_index("item")


def test_a_female_line_with_one_inactive_x_is_normal(loci, settings):
    found = asked(measured(loci, settings, 0.5, 0.7), loci, settings)
    assert set(found.index) == {
        "xist_promoter", "xi_promoter_mecp2", "xi_promoter_ar", "x_islands", "x_state",
    }  # fmt: skip
    assert (found["state"] == "normal").all()
    assert found.loc["x_state", "reason"] == "one active and one inactive X"
    assert found.loc["xist_promoter", "role"] == "flag"
    assert found.loc["xi_promoter_mecp2", "role"] == "annotate"


def test_an_eroded_x_has_lost_its_islands_and_its_xist(loci, settings):
    found = asked(measured(loci, settings, 0.95, 0.1), loci, settings)
    assert found.loc["xist_promoter", "state"] == "gained"
    assert found.loc["x_islands", "state"] == "lost"
    assert found.loc["xi_promoter_mecp2", "state"] == "lost"
    assert found.loc["x_state", "state"] == "lost"
    assert found.loc["x_state", "reason"].startswith("eroded")


def test_erosion_that_begins_is_seen_at_xist_first(loci, settings):
    found = asked(measured(loci, settings, 0.95, 0.7), loci, settings)
    assert found.loc["xist_promoter", "state"] == "gained"
    assert found.loc["x_state", "state"] == "normal"
    assert "erosion may follow" in found.loc["x_state", "reason"]


def test_the_earliest_passage_shows_a_loss_that_the_range_between_people_hides(loci, settings):
    first = measured(loci, settings, 0.5, 0.8, n=600)
    own = measured(loci, settings, 0.95, 0.6, n=600)
    assert asked(own, loci, settings).loc["x_islands", "state"] == "normal"
    found = asked(own, loci, settings, baseline=first)
    assert found.loc["x_islands", "state"] == "lost"
    assert "earliest passage" in found.loc["x_islands", "against"]
    assert found.loc["x_state", "reason"].startswith("eroded")
    same = asked(measured(loci, settings, 0.5, 0.8, n=600, seed=2), loci, settings, baseline=first)
    assert same.loc["x_islands", "state"] == "normal"


def test_two_active_x_leave_xist_unmethylated(loci, settings):
    found = asked(measured(loci, settings, 0.1, 0.05), loci, settings)
    assert found.loc["xist_promoter", "state"] == "lost"
    assert "two active X" in found.loc["x_state", "reason"]


def test_a_lost_x_explains_what_looks_like_erosion(loci, settings):
    lost = pd.DataFrame(
        [dict.fromkeys(EVENTS.names)
         | {"chrom": "chrX", "start": 0, "end": 156_040_895, "kind": "loss", "copies": 1,
            "band": "X"}]
    )  # fmt: skip
    found = asked(measured(loci, settings, 0.95, 0.05), loci, settings, events=lost)
    for item in ("xist_promoter", "x_islands"):
        assert "explained by the loss of X" in found.loc[item, "reason"]
        assert found.loc[item, "role"] == "annotate"
    assert "explained by the loss of X" in found.loc["x_state", "reason"]


def test_a_short_event_does_not_explain_the_islands(loci, settings):
    short = pd.DataFrame(
        [dict.fromkeys(EVENTS.names)
         | {"chrom": "chrX", "start": 20_000_000, "end": 20_500_000, "kind": "loss", "copies": 1,
            "band": "Xp22"}]
    )  # fmt: skip
    found = asked(measured(loci, settings, 0.95, 0.05), loci, settings, events=short)
    assert found.loc["x_islands", "role"] == "flag"
    assert found.loc["x_state", "reason"].startswith("eroded")


def test_a_male_has_one_active_x_and_an_inactive_one_is_noticed(loci, settings):
    male = asked(measured(loci, settings, 0.95, 0.05), loci, settings, sex="male")
    assert male.loc[["xist_promoter", "x_islands", "x_state"], "state"].eq("normal").all()
    assert male.loc["x_state", "reason"] == "one active X"
    two = asked(measured(loci, settings, 0.5, 0.7), loci, settings, sex="male")
    assert two.loc["x_islands", "state"] == "gained"
    assert "check sex" in two.loc["x_state", "reason"]


def test_unknown_sex_is_not_testable_but_the_values_are_given(loci, settings):
    found = asked(measured(loci, settings, 0.5, 0.7), loci, settings, sex="unknown")
    assert (found["state"] == "not_testable").all()
    assert found["reason"].str.contains("sex").all()
    assert found.loc["xist_promoter", "value"] == pytest.approx(0.5, abs=0.1)


def test_nothing_measured_on_x_is_not_testable(loci, settings):
    own = measured(loci, settings, 0.5, 0.7)
    own = own.assign(beta=np.nan, low=np.nan, high=np.nan, n_loci=0)
    found = asked(own, loci, settings)
    assert (found["state"] == "not_testable").all() and (found["reason"] != "").all()
    none = asked(own.iloc[:0], loci, settings)
    assert (none["state"] == "not_testable").all() and (none["reason"] != "").all()
