"""What events do to the signals, against the literature; likelihood ratios, against brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linedrift.signals.likelihood import (
    DIPLOID,
    HAPLOID,
    Shifts,
    alleles,
    allelic_shift,
    level_score,
    log2_ratio,
    shift_score,
)
from linedrift.signals.noise import OUTLIER, WIDE
from linedrift.tables import EVENT_KINDS
from scipy.stats import multivariate_normal, norm

fractions = st.floats(0.0, 1.0)
diploid_kinds = st.sampled_from(sorted(DIPLOID))


@pytest.mark.parametrize(
    ("kind", "fraction", "shift", "ratio"),
    [
        # gain c/(2(2+c)), loss c/(2(2-c)), CN-LOH c/2 (doi:10.1093/nar/gkn556 and others).
        ("gain", 0.2, 0.045455, 0.137504),
        ("gain", 1.0, 1 / 6, 0.584963),
        ("loss", 0.2, 0.055556, -0.152003),
        ("loss", 1.0, 0.5, -1.0),
        ("cn_loh", 0.2, 0.1, 0.0),
        ("cn_loh", 1.0, 0.5, 0.0),
        ("amplification", 1.0, 0.25, 1.0),
        ("deep_loss", 0.5, 0.0, -1.0),
        # A fiftieth of the signal binds although no target is there.
        ("deep_loss", 1.0, 0.0, np.log2(0.01)),
    ],
)
def test_signals_of_an_event_are_those_of_the_literature(kind, fraction, shift, ratio):
    assert float(allelic_shift(kind, fraction)) == pytest.approx(shift, abs=1e-6)
    assert float(log2_ratio(kind, fraction)) == pytest.approx(ratio, abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "fraction", "ratio"),
    [("gain", 1.0, 1.0), ("gain", 0.5, np.log2(1.5)), ("loss", 0.5, -1.0)]
    + [("loss", 1.0, np.log2(0.01)), ("amplification", 1.0, np.log2(3))],
)
def test_one_copy_to_begin_with_changes_by_more(kind, fraction, ratio):
    assert float(log2_ratio(kind, fraction, 1)) == pytest.approx(ratio)


def test_kinds_exist_where_they_can():
    assert set(DIPLOID) == set(EVENT_KINDS)
    assert alleles("cn_loh", 1) is None
    assert alleles("deep_loss", 1) is None
    assert alleles("gain", 1).copies == 2
    assert alleles("gain", 2).copies == 3
    assert set(HAPLOID) < set(DIPLOID)


@given(diploid_kinds, fractions, fractions)
def test_more_cells_move_the_signals_further(kind, one, other):
    low, high = sorted((one, other))
    assert allelic_shift(kind, low) <= allelic_shift(kind, high) + 1e-9
    assert 0 <= allelic_shift(kind, high) <= 0.5 + 1e-9
    assert abs(log2_ratio(kind, low)) <= abs(log2_ratio(kind, high)) + 1e-9


@given(diploid_kinds)
def test_no_cells_move_nothing(kind):
    assert float(log2_ratio(kind, 0.0)) == 0
    assert float(allelic_shift(kind, 0.0)) == 0


def draws(seed, k, n, gaps=True):
    rng = np.random.default_rng(seed)
    shift = rng.normal(0, 0.04, (k, n))
    if gaps:
        shift[rng.random((k, n)) < 0.2] = np.nan
    return shift, rng.uniform(0.02, 0.05, k)


seeds = st.integers(0, 100_000)


@given(seeds, st.integers(1, 4), st.floats(0, 0.03), st.floats(0.01, 0.2))
def test_no_shift_is_no_evidence(seed, k, shared, wide):
    shift, sd = draws(seed, k, 30)
    assert shift_score(shift, sd, shared, np.zeros((1, k)), wide) == pytest.approx(0, abs=1e-9)
    assert Shifts.of(shift, sd, shared, wide).noisier(1.0) == pytest.approx(0, abs=1e-9)


@given(seeds, st.integers(1, 4), st.floats(0, 0.03), st.floats(0.01, 0.4))
def test_the_sign_of_a_shift_says_nothing(seed, k, shared, size):
    shift, sd = draws(seed, k, 30)
    delta = np.random.default_rng(seed).uniform(0, size, (3, k))
    score = shift_score(shift, sd, shared, delta, 0.05)
    assert shift_score(-shift, sd, shared, delta, 0.05) == pytest.approx(score, abs=1e-9)
    assert shift_score(shift, sd, shared, -delta, 0.05) == pytest.approx(score, abs=1e-9)


@given(seeds, st.floats(0.005, 0.4), st.floats(0, 0.03), st.floats(0.005, 0.2))
def test_one_measurement_is_a_mixture_of_two_signs_and_tails(seed, delta, shared, wide):
    shift, sd = draws(seed, 1, 40, gaps=False)
    total = np.hypot(sd[0], shared)
    narrow = 1 - wide - OUTLIER
    tails = wide * norm.pdf(shift[0], 0, WIDE * total) + OUTLIER
    event = narrow * (norm.pdf(shift[0], delta, total) + norm.pdf(shift[0], -delta, total)) / 2
    null = narrow * norm.pdf(shift[0], 0, total)
    direct = np.log((event + tails) / (null + tails))
    found = shift_score(shift, sd, shared, np.array([[delta]]), wide)[0]
    np.testing.assert_allclose(found, direct, atol=1e-6)


@given(seeds, st.integers(2, 4), st.floats(0, 0.03), st.floats(-3, 3))
def test_several_measurements_share_the_sign_of_a_locus(seed, k, shared, odds):
    shift, sd = draws(seed, k, 12, gaps=False)
    delta = np.random.default_rng(seed).uniform(0, 0.15, k)
    sigma = np.diag(sd**2) + shared**2
    plus = 1 / (1 + np.exp(-odds))
    wide = 0.05

    def pdf(mean, scale=1.0):
        return multivariate_normal.pdf(shift.T, mean, scale**2 * sigma)

    zero = np.zeros(k)
    tails = wide * pdf(zero, WIDE) + OUTLIER
    narrow = 1 - wide - OUTLIER
    event = narrow * (plus * pdf(delta) + (1 - plus) * pdf(-delta)) + tails
    direct = np.log(event / (narrow * pdf(zero) + tails))
    found = shift_score(shift, sd, shared, delta[None], wide, np.full(12, odds))[0]
    np.testing.assert_allclose(found, direct, atol=1e-6)


@given(seeds, st.floats(0, 0.03))
def test_a_measurement_without_the_locus_is_as_if_it_were_not_there(seed, shared):
    shift, sd = draws(seed, 3, 20, gaps=False)
    delta = np.array([[0.05, 0.1, 0.02]])
    shift[1] = np.nan
    without = shift_score(shift[[0, 2]], sd[[0, 2]], shared, delta[:, [0, 2]], 0.05)
    np.testing.assert_allclose(shift_score(shift, sd, shared, delta, 0.05), without, atol=1e-9)


def test_a_locus_that_nobody_measured_says_nothing():
    shift = np.full((2, 5), np.nan)
    score = shift_score(shift, np.array([0.03, 0.03]), 0.01, np.array([[0.1, 0.2]]), 0.05)
    assert score == pytest.approx(0, abs=1e-9)


def test_what_one_locus_can_say_is_bounded():
    shift = np.array([[0.0, 0.1, 0.3, 0.5]])
    score = shift_score(shift, np.array([0.03]), 0.0, np.array([[0.5], [0.3]]), 0.05)
    assert (np.abs(score) < 12).all()


@given(seeds, st.floats(1.05, 3))
def test_a_noisier_null_is_a_wider_normal(seed, factor):
    shift, sd = draws(seed, 1, 40, gaps=False)
    wide, total = 0.05, sd[0]
    narrow = 1 - wide - OUTLIER
    tails = wide * norm.pdf(shift[0], 0, WIDE * total) + OUTLIER
    wider = narrow * norm.pdf(shift[0], 0, factor * total) + tails
    direct = np.log(wider / (narrow * norm.pdf(shift[0], 0, total) + tails))
    found = Shifts.of(shift, sd, 0.0, wide).noisier(factor)
    np.testing.assert_allclose(found, direct, atol=1e-6)


@given(seeds, st.integers(1, 3), st.floats(0, 0.3))
def test_levels_are_judged_as_jointly_normal(seed, k, response_sd):
    rng = np.random.default_rng(seed)
    root = rng.normal(0, 0.02, (k, k))
    covariance = root @ root.T + 1e-4 * np.eye(k)
    mean, expected = rng.normal(0, 0.1, k), rng.normal(0, 0.2, (4, k))
    expected[0] = 0
    found = level_score(mean, covariance, expected, response_sd)
    null = multivariate_normal.logpdf(mean, np.zeros(k), covariance)
    direct = [
        multivariate_normal.logpdf(mean, e, covariance + response_sd**2 * np.outer(e, e)) - null
        for e in expected
    ]
    np.testing.assert_allclose(found, direct, rtol=1e-5, atol=1e-6)
    assert found[0] == pytest.approx(0, abs=1e-9)
