"""Drift with planted changes: distances, single loci, pluripotency score."""

import methylomes as made
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from linedrift.readouts import drift
from linedrift.readouts import methylation_regions as regions_of
from linedrift.readouts.methylation_ranges import Subject


@pytest.fixture(scope="module")
def settings(repository):
    return made.settings(repository)


@pytest.fixture(scope="module")
def loci(repository):
    return made.curated(repository).loci


START = 100_000 + 20_000 * np.arange(10_000)


def usual(rng):
    """Return the two heaps of a methylome: unmethylated islands, methylated rest."""
    n = len(START)
    return np.where(rng.random(n) < 0.4, rng.beta(2, 30, n), rng.beta(20, 3, n))


def array(rng, beta, sd=0.03):
    return made.probes("chr1", START, beta + rng.normal(0, sd, len(beta)))


def changed(rng, beta, share):
    """Return betas of which a share has moved by .4 to the other side."""
    moved = rng.random(len(beta)) < share
    return np.where(moved, np.where(beta < 0.5, beta + 0.4, beta - 0.4), beta)


def compared(own, other, settings):
    pairs = drift.paired(drift.levels(own, settings), drift.levels(other, settings))
    return drift.distance(pairs, settings)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.2])
def test_the_share_of_changed_loci_is_what_was_planted(settings, share):
    rng = np.random.default_rng(1)
    beta = usual(rng)
    found = compared(array(rng, changed(rng, beta, share)), array(rng, beta), settings)
    value, low, high = found.share
    assert value == pytest.approx(share, abs=0.01)
    assert low - 0.003 <= share <= high + 0.003
    assert found.n == len(START)


@pytest.mark.parametrize("sd", [0.02, 0.05])
def test_noise_alone_is_no_drift_and_its_floor_is_that_of_the_noise(settings, sd):
    rng = np.random.default_rng(2)
    beta = usual(rng).clip(0.2, 0.8)
    found = compared(array(rng, beta, sd), array(rng, beta, sd), settings)
    assert found.share[0] < 0.002
    assert found.floor == pytest.approx(np.sqrt(2) * sd * np.sqrt(2 / np.pi), rel=0.05)
    assert found.mean[1] - 0.002 <= found.floor <= found.mean[2] + 0.002


def test_reads_tell_the_same_share(settings):
    rng = np.random.default_rng(3)
    tiles = 1000 * np.arange(3000)
    start = (tiles[:, None] + np.arange(0, 1000, 100)).ravel()
    beta = np.repeat(np.where(rng.random(3000) < 0.4, 0.05, 0.9), 10)
    other = np.repeat(changed(rng, beta[::10], 0.1), 10)
    loci = [
        made.cytosines("chr1", start, *made.fragments(rng, start, share, 15))
        for share in (other, beta)
    ]
    found = compared(*loci, settings)
    assert found.share[0] == pytest.approx(0.1, abs=0.02)
    null = made.cytosines("chr1", start, *made.fragments(rng, start, beta, 15))
    assert compared(null, loci[1], settings).share[0] < 0.01


def test_shallow_tiles_are_left_out(settings):
    loci = made.cytosines("chr1", [100, 200, 5100], [1, 1, 9], [1, 0, 9])
    found = drift.levels(loci, settings)
    assert found["start"].tolist() == [5000]


@given(seed=st.integers(0, 1000))
@budget(max_examples=10, deadline=None)
def test_distance_is_the_same_both_ways_and_in_any_order(repository_settings, seed):
    rng = np.random.default_rng(seed)
    beta = usual(rng)
    one, other = array(rng, beta), array(rng, changed(rng, beta, 0.1))
    there = compared(one, other, repository_settings)
    back = compared(made.shuffled(other, rng), made.shuffled(one, rng), repository_settings)
    assert there.share == pytest.approx(back.share) and there.mean == pytest.approx(back.mean)


@pytest.fixture(scope="module")
def repository_settings(repository):
    return made.settings(repository)


def rows_of(found):
    return pd.DataFrame(found).set_index("item")


def test_drift_beyond_the_stated_share_is_gained_and_annotates(settings):
    rng = np.random.default_rng(4)
    beta, donor = usual(rng), usual(rng)
    first = drift.levels(array(rng, beta), settings)
    own = drift.levels(array(rng, changed(rng, beta, 0.08)), settings)
    cells = drift.levels(array(rng, donor), settings)
    found = rows_of(drift.distances(own, first, cells, settings))
    assert found.loc["since_baseline_share", "state"] == "gained"
    assert found.loc["since_baseline_mean", "state"] == "gained"
    assert found.loc["from_donor_share", "state"] == "normal"
    assert (found["role"] == "annotate").all() and (found["place"] == "").all()
    quiet = rows_of(
        drift.distances(drift.levels(array(rng, beta), settings), first, cells, settings)
    )
    assert (quiet["state"] == "normal").all()


def test_a_line_that_returns_to_its_donor_has_lost_distance(settings):
    rng = np.random.default_rng(5)
    beta, donor = usual(rng), usual(rng)
    back = np.where(rng.random(len(beta)) < 0.8, donor, beta)
    found = rows_of(
        drift.distances(
            *(drift.levels(array(rng, one), settings) for one in (back, beta, donor)), settings
        )
    )
    assert found.loc["from_donor_share", "state"] == "lost"


def test_nothing_to_compare_with_says_so(settings):
    own = drift.levels(array(np.random.default_rng(6), usual(np.random.default_rng(6))), settings)
    found = rows_of(drift.distances(own, None, None, settings))
    assert (found["state"] == "not_testable").all()
    assert found.loc["since_baseline_share", "reason"].startswith("no baseline")
    assert found.loc["from_donor_share", "reason"].startswith("no data")
    few = rows_of(drift.distances(own, own.iloc[:20], None, settings))
    assert few.loc["since_baseline_share", "reason"].startswith("too few loci")


def values(loci, settings, beta_of, seed=1):
    regions = loci[loci["kind"] != "imprint drift"].rename(columns={"id": "region"})
    found = made.region_probes(np.random.default_rng(seed), regions, beta_of)
    return regions_of.values(found, regions, settings)


def test_single_loci_are_held_against_the_earliest_passage(loci, settings):
    first = values(loci, settings, {"memory_C9orf64": 0.2, "drift_CAT": 0.1}, 1)
    own = values(loci, settings, {"memory_C9orf64": 0.9, "drift_CAT": 0.9}, 2)
    found = rows_of(drift.loci_readouts(own, first, None, loci, settings))
    assert found.loc["memory_C9orf64", "state"] == "gained"
    assert found.loc["memory_C9orf64", "role"] == "review"
    assert found.loc["drift_CAT", "state"] == "gained"
    assert found.loc["drift_CAT", "role"] == "annotate", "its source was not read"
    rest = found.drop(["memory_C9orf64", "drift_CAT"])
    assert (rest["state"] == "normal").all() and len(found) == 15
    assert (found["place"] != "").all()


def test_single_loci_without_anything_to_compare_with(loci, settings):
    own = values(loci, settings, {})
    found = rows_of(drift.loci_readouts(own, None, None, loci, settings))
    assert (found["state"] == "not_testable").all()
    assert found["reason"].str.startswith("no baseline").all() and found["value"].notna().all()
    people = pd.concat([values(loci, settings, {}, seed) for seed in range(10, 14)])
    found = rows_of(drift.loci_readouts(own, None, people, loci, settings))
    assert (found["state"] == "normal").all()


PLURIPOTENT = {"EpiPluri_cg23737055": 0.9, "EpiPluri_cg22247240": 0.05, "EpiPluri_cg13083810": 0.1}
SOMATIC = {"EpiPluri_cg23737055": 0.1, "EpiPluri_cg22247240": 0.8, "EpiPluri_cg13083810": 0.9}


@pytest.mark.parametrize(
    ("kind", "beta_of", "states"),
    [
        ("line", PLURIPOTENT, ["normal", "normal"]),
        ("line", SOMATIC, ["lost", "gained"]),
        ("donor", SOMATIC, ["normal", "normal"]),
        ("donor", PLURIPOTENT, ["gained", "normal"]),
    ],
)
def test_the_pluripotency_score_is_the_published_difference(loci, settings, kind, beta_of, states):
    own = values(loci, settings, beta_of)
    found = drift.pluripotency(own, loci, Subject("s", 1, "male", kind), settings)
    assert [row["state"] for row in found] == states
    planted = beta_of["EpiPluri_cg23737055"] - beta_of["EpiPluri_cg22247240"]
    assert found[0]["value"] == pytest.approx(planted, abs=0.1)
    assert "srep08973" in found[0]["source"]
    assert found[0]["role"] == ("review" if kind == "line" else "annotate")


def test_a_score_without_its_cpgs_is_not_testable(loci, settings):
    own = values(loci, settings, PLURIPOTENT)
    own = own[own["region"] != "EpiPluri_cg22247240"]
    found = drift.pluripotency(own, loci, Subject("s", 1), settings)
    assert found[0]["state"] == "not_testable" and "too few loci" in found[0]["reason"]
    assert found[1]["state"] == "normal"
