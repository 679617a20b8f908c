"""Acquired differences: planted regions found, false ones held back under correlated noise."""

import methylomes as made
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from linedrift.readouts import differences


@pytest.fixture(scope="module")
def settings(repository):
    return made.settings(repository)


def cluster_places(n_clusters, size, step, apart=20_000):
    return (100_000 + apart * np.arange(n_clusters)[:, None] + step * np.arange(size)).ravel()


def correlated(rng, n_clusters, size, sd, r):
    """Return noise with correlation r between neighbours of a cluster (AR 1)."""
    noise = np.empty((n_clusters, size))
    noise[:, 0] = rng.normal(0, 1, n_clusters)
    for at in range(1, size):
        noise[:, at] = r * noise[:, at - 1] + np.sqrt(1 - r**2) * rng.normal(0, 1, n_clusters)
    return sd * noise.ravel()


def arrays(rng, changed=0, n_clusters=1500, size=8, r=0.5, change=0.35):
    """Return two arrays that differ in the first clusters, and where each cluster begins."""
    start = cluster_places(n_clusters, size, 150)
    beta = np.repeat(rng.choice([0.08, 0.5, 0.85], n_clusters), size)
    moved = beta + np.where(np.repeat(np.arange(n_clusters) < changed, size),
                            np.where(beta > 0.5, -change, change), 0)  # fmt: skip
    loci = [
        made.probes("chr1", start, one + correlated(rng, n_clusters, size, 0.03, r))
        for one in (moved, beta)
    ]
    return loci, start[::size]


def sequenced(rng, changed=0, n_clusters=800, size=12, depth=12, change=0.5):
    start = cluster_places(n_clusters, size, 30, apart=2_000)
    beta = np.repeat(rng.choice([0.05, 0.3, 0.9], n_clusters), size)
    moved = beta + np.where(np.repeat(np.arange(n_clusters) < changed, size),
                            np.where(beta > 0.5, -change, change), 0)  # fmt: skip
    loci = [
        made.cytosines("chr1", start, *made.fragments(rng, start, one, depth))
        for one in (moved, beta)
    ]
    return loci, start[::size]


def planted(found, starts, changed):
    """Return, per region found, whether it lies on a planted cluster."""
    at = np.searchsorted(starts, found["start"].to_numpy(), side="right") - 1
    return at < changed


@pytest.mark.parametrize("make", [arrays, sequenced])
def test_nothing_is_found_where_nothing_differs(settings, make):
    found = []
    for seed in range(6):
        loci, _ = make(np.random.default_rng(seed))
        found.append(len(differences.find(*loci, "a", "b", settings)))
    assert np.mean(np.array(found) > 0) <= 0.34, found


@pytest.mark.parametrize("r", [0.0, 0.5, 0.7])
def test_the_false_discovery_rate_holds_under_correlated_noise(settings, r):
    false = total = hit = 0
    for seed in range(6):
        loci, starts = arrays(np.random.default_rng(seed), changed=60, r=r, change=0.25)
        found = differences.find(*loci, "a", "b", dict(settings, least_difference=0.0))
        true = planted(found, starts, 60)
        false, total, hit = false + (~true).sum(), total + len(true), hit + true.sum()
    assert hit >= 0.9 * 6 * 60
    assert false / total <= 0.08, (false, total)


def test_the_false_discovery_rate_holds_where_neighbours_share_reads(settings):
    false = total = hit = 0
    for seed in range(5):
        loci, starts = sequenced(np.random.default_rng(seed), changed=60)
        found = differences.find(*loci, "a", "b", dict(settings, least_difference=0.0))
        true = planted(found, starts, 60)
        false, total, hit = false + (~true).sum(), total + len(true), hit + true.sum()
    assert hit >= 0.7 * 5 * 60
    assert false / total <= 0.08, (false, total)


def test_z_of_reads_is_standard_normal_where_nothing_differs(settings):
    loci, _ = sequenced(np.random.default_rng(9), n_clusters=3000)
    z = differences.pieces(*loci, settings)["z"]
    assert 0.6 < z.std() < 1.1
    assert (z.abs() > 2.6).mean() < 0.02


def test_the_difference_has_the_planted_size_and_sign(settings):
    loci, starts = arrays(np.random.default_rng(1), changed=40)
    found = differences.find(*loci, "p9", "p2", settings)
    found = found[planted(found, starts, 40)]
    assert found["difference"].abs().median() == pytest.approx(0.35, abs=0.03)
    assert {"p9"} == set(found["sample"]) and {"p2"} == set(found["baseline"])
    assert (found["n_loci"] == 8).all() and (found["q_value"] <= settings["max_q"]).all()
    back = differences.find(*reversed(loci), "p2", "p9", settings)
    other = back[planted(back, starts, 40)]
    np.testing.assert_allclose(other["difference"].to_numpy(), -found["difference"].to_numpy())


def test_touching_pieces_are_one_region(settings):
    rng = np.random.default_rng(2)
    (own, first), _ = arrays(rng, n_clusters=400)
    start = 90_000_000 + 100 * np.arange(50)
    long = [made.probes("chr1", start, beta + rng.normal(0, 0.03, 50)) for beta in (0.9, 0.2)]
    found = differences.find(made.together(own, long[0]), made.together(first, long[1]),
                             "a", "b", settings)  # fmt: skip
    assert len(found) == 1
    assert found["n_loci"].item() == 50 and found["difference"].item() == pytest.approx(
        0.7, abs=0.02
    )
    assert (found["start"].item(), found["end"].item()) == (start[0], start[-1] + 1)


def test_small_differences_are_not_listed_however_sure(settings):
    loci, _ = sequenced(np.random.default_rng(3), changed=60, depth=60, change=0.15)
    sure = differences.find(*loci, "a", "b", dict(settings, least_difference=0.0))
    listed = differences.find(*loci, "a", "b", settings)
    assert len(sure) > 10 and len(listed) < len(sure)
    assert (listed["difference"].abs() >= settings["least_difference"]).all()


@given(seed=st.integers(0, 100))
@budget(max_examples=5, deadline=None)
def test_the_order_of_rows_means_nothing(repository_settings, seed):
    rng = np.random.default_rng(seed)
    loci, _ = arrays(rng, changed=30, n_clusters=300)
    found = differences.find(*loci, "a", "b", repository_settings)
    other = differences.find(*(made.shuffled(one, rng) for one in loci), "a", "b",
                             repository_settings)  # fmt: skip
    pd.testing.assert_frame_equal(found, other)


@pytest.fixture(scope="module")
def repository_settings(repository):
    return made.settings(repository)


def test_nothing_shared_is_an_empty_table(settings):
    one = made.probes("chr1", [100, 200, 300], [0.1] * 3)
    other = made.probes("chr2", [100, 200, 300], [0.9] * 3)
    assert differences.find(one, other, "a", "b", settings).empty
    reads = made.cytosines("chr1", [100], [3], [4])
    assert differences.find(
        reads, made.cytosines("chr2", [100], [3], [4]), "a", "b", settings
    ).empty
    assert differences.find(reads.iloc[:0], reads, "a", "b", settings).empty
    assert differences.find(one.iloc[:0], one, "a", "b", settings).empty


def test_an_array_and_sequencing_share_nothing(settings):
    one = made.probes("chr1", [100, 200, 300], [0.1] * 3)
    reads = made.cytosines("chr1", [100, 200, 300], [30] * 3, [0] * 3)
    assert differences.find(one, reads, "p5", "p2", settings).empty
    assert differences.find(reads, one, "p5", "p2", settings).empty
