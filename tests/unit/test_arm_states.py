"""Copies of arms over a bank: the diploid level where most lines have gained or lost an arm."""

import numpy as np
import pandas as pd
import pytest
from linedrift.signals.arm_states import fit
from linedrift.signals.expression_bias import covariates, trend
from truth import CONFIG

SETTINGS = CONFIG["rna"]["arms"]
RESPONSE = 0.8
GAIN, LOSS = np.log2(1.5), -1.0


def arms_of(rng, lines=12, arms=40, noise=0.05, events=(), purity=(1.0, 1.0)):
    """Return levels relative to the median of the lines, and the shift that was planted.

    `events` are (arm, lines that have it, log2 ratio of its copies).
    """
    shift = np.zeros((arms, lines))
    for arm, with_it, ratio in events:
        shift[arm, list(with_it)] = ratio
    shift = shift * RESPONSE * rng.uniform(*purity, lines)
    levels = shift + rng.normal(0, noise, shift.shape)
    return levels - np.median(levels, axis=1, keepdims=True), shift


def test_nothing_is_moved_in_a_normal_bank():
    levels, _ = arms_of(np.random.default_rng(1))
    found = fit(levels, SETTINGS)
    assert (np.abs(found.shift) > 0.1).mean() < 0.005
    assert np.abs(found.offset).max() < 0.05
    assert (found.share[:, 1] > 0.7).all()


@pytest.mark.parametrize("seed", range(4))
def test_an_arm_that_half_of_the_lines_have_gained_is_gained(seed):
    # Trisomy 12 (two arms) in six of twelve lines, an isochromosome of 20q in four.
    rng = np.random.default_rng(seed)
    events = [(22, range(6), GAIN), (23, range(6), GAIN), (35, range(4, 8), GAIN)]
    events += [(1, [11], GAIN), (9, [10], LOSS)]
    levels, shift = arms_of(rng, events=events)
    found = fit(levels, SETTINGS)
    assert np.median(np.abs(found.shift - shift)[22]) < 0.1
    assert found.offset[22] == pytest.approx(-RESPONSE * GAIN / 2, abs=0.1)


@pytest.mark.parametrize("seed", range(4))
def test_a_loss_in_two_thirds_of_impure_tumours_is_a_loss(seed):
    rng = np.random.default_rng(100 + seed)
    n = 45
    events = [(arm, rng.choice(n, n // 5, replace=False), GAIN) for arm in range(0, 12)]
    events += [(arm, rng.choice(n, n // 5, replace=False), LOSS) for arm in range(12, 24)]
    events += [(30, rng.choice(n, 2 * n // 3, replace=False), LOSS)]
    levels, shift = arms_of(rng, lines=n, noise=0.08, events=events, purity=(0.35, 1.0))
    found = fit(levels, SETTINGS)
    # The middle of the cohort is that of the loss.
    assert found.offset[30] > 0.25
    lost = shift[30] < 0
    assert np.median(found.shift[30][~lost]) > -0.1
    assert np.corrcoef(found.shift[30], shift[30])[0, 1] > 0.9


def test_the_order_of_lines_means_nothing():
    rng = np.random.default_rng(5)
    levels, _ = arms_of(rng, events=[(3, range(5), GAIN), (8, [1, 2], LOSS)])
    order = rng.permutation(levels.shape[1])
    one, other = fit(levels, SETTINGS).shift, fit(levels[:, order], SETTINGS).shift
    np.testing.assert_allclose(one[:, order], other, atol=1e-6)


def genes_of(rng, n=4000):
    """Return genes on four arms, more or less dense in stretches, and their GC content."""
    arms = np.repeat(np.arange(4), n // 4)
    dense = rng.random(n // 50) < np.array([0.2, 0.8, 0.2, 0.8])[arms[::50]]
    gap = np.where(np.repeat(dense, 50), 20_000, 400_000) * rng.uniform(0.2, 1.8, n)
    start = np.concatenate([np.cumsum(gap[arms == arm]) for arm in range(4)]).astype(int)
    frame = pd.DataFrame(
        {"chrom": np.char.add("chr", (arms + 1).astype(str)), "start": start, "end": start + 2000}
    )
    return frame, arms, 0.4 + 0.1 * np.repeat(dense, 50) + rng.normal(0, 0.06, n)


def test_a_trend_is_taken_off_between_arms_and_a_gain_stays():
    rng = np.random.default_rng(6)
    genes, arms, gc = genes_of(rng)
    follows = covariates(genes, np.ones(len(genes), bool), gc)
    assert follows.shape == (len(genes), 2)
    slope = rng.normal(0, 0.1, (2, 8))
    clean = rng.normal(0, 0.2, (len(genes), 8)) + rng.normal(8, 1, (len(genes), 1))
    clean[np.ix_(arms == 2, [3])] += RESPONSE * GAIN
    left = clean + follows @ slope
    left -= trend(left, follows, arms)
    of_arm = [
        np.stack([values[arms == arm].mean(axis=0) for arm in range(4)]) for values in (left, clean)
    ]
    moved = [values - np.median(values, axis=1, keepdims=True) for values in of_arm]
    np.testing.assert_allclose(*moved, atol=0.04)


def test_gc_is_followed_only_where_it_is_known():
    genes, _, gc = genes_of(np.random.default_rng(7))
    kept = np.arange(len(genes)) % 3 > 0
    assert covariates(genes, kept).shape == (kept.sum(), 1)
    unknown = np.where(np.arange(len(genes)) % 2, gc, np.nan)
    assert covariates(genes, kept, unknown).shape == (kept.sum(), 1)
    few = np.where(np.arange(len(genes)) % 20, gc, np.nan)
    found = covariates(genes, kept, few)
    assert found.shape == (kept.sum(), 2) and np.isfinite(found).all()
    # Dense arms have more neighbours.
    assert found[genes["chrom"][kept] == "chr2", 0].mean() > 0.5
