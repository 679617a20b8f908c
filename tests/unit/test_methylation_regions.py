"""Methylation of curated regions: probes and reads, their intervals, the islands of X."""

import methylomes as made
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from linedrift.genome import CHROM_DTYPE
from linedrift.readouts import methylation_regions as regions_of

REGION = pd.DataFrame({"chrom": ["chr7"], "start": [1000], "end": [2000], "region": ["one"]})


@pytest.fixture(scope="module")
def settings(repository):
    return made.settings(repository)


def reads_at(settings, start, methylated, unmethylated):
    loci = made.cytosines("chr7", start, methylated, unmethylated)
    return regions_of.values(loci, REGION, settings).iloc[0]


def test_a_region_of_probes_is_their_mean_and_one_wild_probe_moves_it_little(settings):
    beta = np.full(12, 0.5)
    value = regions_of.values(
        made.probes("chr7", 1000 + 10 * np.arange(12), beta), REGION, settings
    )
    beta[3] = 1.0
    wild = regions_of.values(made.probes("chr7", 1000 + 10 * np.arange(12), beta), REGION, settings)
    assert value["beta"].item() == pytest.approx(0.5)
    assert wild["beta"].item() == pytest.approx(0.5, abs=0.01)
    assert value["n_loci"].item() == 12 and value["n_reads"].item() == 0


def test_only_loci_that_overlap_the_region_and_say_something_count(settings):
    loci = made.probes("chr7", [998, 999, 1000, 1999, 2000], [0.9, 0.9, 0.1, 0.1, 0.9])
    loci["end"] = loci["start"] + 2  # the second one reaches into the region
    loci.loc[2, "usable"] = False
    found = regions_of.values(loci, REGION, settings).iloc[0]
    assert found["n_loci"] == 2 and found["beta"] == pytest.approx(0.5)


def test_what_was_not_measured_is_nan_with_no_locus(settings):
    loci = made.probes("chr7", [10], [0.5])
    found = regions_of.values(loci, REGION, settings).iloc[0]
    assert np.isnan(found["beta"]) and np.isnan(found["low"]) and found["n_loci"] == 0
    other = regions_of.values(loci, REGION.assign(chrom="chrY"), settings).iloc[0]
    assert np.isnan(other["beta"])


def test_reads_are_pooled(settings):
    found = reads_at(settings, [1000, 1500], [30, 5], [10, 5])
    assert found["beta"] == pytest.approx(35 / 50)
    assert found["n_loci"] == 2 and found["n_reads"] == 50


MANY = pd.DataFrame(
    {"chrom": "chr7", "start": 5000 * np.arange(1, 401), "end": 5000 * np.arange(1, 401) + 1000,
     "region": np.arange(400).astype(str)}
)  # fmt: skip


def held(values):
    """Return the share of intervals that hold one half."""
    return ((values["low"] <= 0.5) & (values["high"] >= 0.5)).mean()


@pytest.mark.parametrize(("length", "taken"), [(150, 150), (8000, 5000)])
def test_the_interval_of_reads_holds_the_truth_where_neighbours_share_fragments(
    settings, length, taken
):
    rng = np.random.default_rng(1)
    place = np.sort(rng.choice(1000, 60, replace=False))
    parts = [made.fragments(rng, start + place, 0.5, 12, length) for start in MANY["start"]]
    start = (MANY["start"].to_numpy()[:, None] + place).ravel()
    loci = made.cytosines("chr7", start, *np.concatenate(parts, axis=1))
    assert regions_of.fragment_length(regions_of.measured(loci), settings) == taken
    found = regions_of.values(loci, MANY, settings)
    assert 0.93 < held(found) < 0.99
    assert (found["n_loci"] == 60).mean() > 0.99


def test_the_interval_of_probes_holds_the_truth(settings):
    rng = np.random.default_rng(2)
    start = (MANY["start"].to_numpy()[:, None] + 100 * np.arange(8)).ravel()
    loci = made.probes("chr7", start, rng.normal(0.5, 0.08, len(start)))
    assert 0.93 < held(regions_of.values(loci, MANY, settings)) < 0.99


@budget(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=20))
def test_more_reads_of_the_same_share_narrow_the_interval(repository_settings, counts):
    counts = np.array(counts)
    if not counts.sum():
        return
    start = 1000 + 45 * np.arange(len(counts))
    few = reads_at(repository_settings, start, *counts.T)
    many = reads_at(repository_settings, start, *(4 * counts.T))
    assert many["beta"] == pytest.approx(few["beta"])
    assert many["high"] - many["low"] < few["high"] - few["low"]


@budget(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_rows_means_nothing(repository_settings, seed):
    rng = np.random.default_rng(seed)
    place = rng.choice(np.arange(900, 2100), 30, replace=False)
    loci = made.together(
        made.probes("chr7", place, rng.random(30)), made.probes("chrX", place, rng.random(30))
    )
    ordered = regions_of.values(loci, REGION, repository_settings)
    other = regions_of.values(made.shuffled(loci, rng), REGION, repository_settings)
    pd.testing.assert_frame_equal(ordered, other)
    pd.testing.assert_frame_equal(
        regions_of.x_islands(loci, repository_settings),
        regions_of.x_islands(made.shuffled(loci, rng), repository_settings),
    )


@pytest.fixture(scope="module")
def repository_settings(repository):
    return made.settings(repository)


def test_curated_regions_stand_once_and_in_genome_order(repository):
    tables = made.curated(repository)
    both = regions_of.curated(tables.dmrs, tables.loci)
    assert both["region"].is_unique
    assert len(both) == len(tables.dmrs) + len(tables.loci) - 3
    assert both["chrom"].dtype == CHROM_DTYPE
    assert both.equals(both.sort_values(["chrom", "start"], ignore_index=True))


def x_probes(rng, half, n=40, chrom="chrX"):
    """Return dense islands of six probes on X: a share `half` of them half methylated."""
    place = 20_000_000 + 100_000 * np.arange(n)
    beta = np.where(np.arange(n) < round(half * n), 0.45, 0.05)
    start = (place[:, None] + 40 * np.arange(6)).ravel()
    return made.probes(chrom, start, np.repeat(beta, 6) + rng.normal(0, 0.03, 6 * n))


@pytest.mark.parametrize("half", [0.0, 0.3, 0.75])
def test_islands_of_x_are_found_by_their_density(settings, half):
    rng = np.random.default_rng(3)
    lonely = made.probes("chrX", 90_000_000 + 5000 * np.arange(200), rng.random(200))
    found = regions_of.x_islands(made.together(x_probes(rng, half), lonely), settings).iloc[0]
    assert found["region"] == "X_islands" and found["n_loci"] == 40
    assert found["beta"] == pytest.approx(half)
    assert found["low"] <= half <= found["high"]


def test_what_is_methylated_on_both_copies_does_not_count(settings):
    rng = np.random.default_rng(6)
    start = (60_000_000 + 50_000 * np.arange(30)[:, None] + 40 * np.arange(6)).ravel()
    repeats = made.probes("chrX", start, rng.normal(0.9, 0.02, len(start)))
    found = regions_of.x_islands(made.together(x_probes(rng, 0.7), repeats), settings).iloc[0]
    assert found["n_loci"] == 40 and found["beta"] == pytest.approx(0.7)


def test_pseudoautosomal_islands_and_other_chromosomes_do_not_count(settings):
    rng = np.random.default_rng(4)
    par = made.probes("chrX", 1_000_000 + 40 * np.arange(60), np.full(60, 0.5))
    elsewhere = x_probes(rng, 1.0, chrom="chr3")
    found = regions_of.x_islands(made.together(par, elsewhere), settings).iloc[0]
    assert np.isnan(found["beta"]) and found["n_loci"] == 0


def test_islands_of_x_are_found_in_reads_too(settings):
    rng = np.random.default_rng(5)
    parts = []
    for at in range(20):
        start = 20_000_000 + 100_000 * at + 12 * np.arange(60)
        parts.append(
            made.cytosines("chrX", start, *made.fragments(rng, start, 0.5 if at < 14 else 0.02, 15))
        )
    found = regions_of.x_islands(made.together(*parts), settings).iloc[0]
    assert found["n_loci"] == 20 and found["beta"] == pytest.approx(0.7, abs=0.06)
    assert found["n_reads"] > 0
