"""What tails can fake: nothing where the noise is normal, and never more than it takes off."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linedrift.signals.likelihood import shift_score
from linedrift.signals.tails import (
    LEAST,
    STEPS,
    bounded_score,
    level_cost,
    level_costs,
    shift_cost,
    shift_costs,
)

SD = 0.04
N = 40_000
# A model that knows of next to no wide shifts.
SURE = 1e-6


def normal(seed=1, n=N, sd=SD):
    return np.random.default_rng(seed).normal(0, sd, n)


def skewed(seed=2, n=N, share=0.02, far=4.0):
    """Return normal noise of which a share lies far below."""
    values = normal(seed, n)
    values[: int(share * n)] -= far * SD
    return values


def level_scores(values, steps):
    return bounded_score(values, SD, SD * np.asarray(steps))


def test_normal_noise_costs_next_to_nothing():
    # A bounded score of normal noise has a mean of exp below 1; the rest is chance of sampling.
    assert max(level_costs(normal(), SD)) < 0.01
    assert max(shift_costs(normal(), SD, SURE)) < 0.01


def test_heavy_tails_cost_and_more_of_them_cost_more():
    costs = [
        max(level_costs(skewed(share=share), SD)[: len(STEPS)]) for share in (0.0, 0.01, 0.02, 0.05)
    ]
    assert costs[0] < 0.01
    assert (np.diff(costs) > 0.01).all(), costs


def test_a_tail_below_costs_losses_and_not_gains():
    costs = level_costs(skewed(), SD)
    below, above = costs[: len(STEPS)], costs[len(STEPS) :]
    assert max(below) > 0.05
    assert max(above) < 0.01
    assert level_cost(costs, -3 * SD, SD) > 0.05 > level_cost(costs, 3 * SD, SD)


def test_wide_shifts_cost_where_the_noise_model_does_not_know_of_them():
    values = normal()
    values[:2000] *= 3
    assert max(shift_costs(values, SD, SURE)) > 0.02
    # A model with as many wide loci explains most of them.
    assert max(shift_costs(values, SD, 0.05)) < 0.5 * max(shift_costs(values, SD, SURE))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    degrees=st.sampled_from([2, 3, 5, 30]),
    step=st.sampled_from(STEPS),
    sign=st.sampled_from([-1, 1]),
)
def test_what_is_left_of_the_evidence_fakes_nothing(seed, degrees, step, sign):
    """The mean of exp(score - cost) is at most 1: what the false-event rate rests on."""
    values = SD * np.random.default_rng(seed).standard_t(degrees, 2000)
    mu = sign * step * SD
    left = level_scores(values, [sign * step]) - level_cost(level_costs(values, SD), mu, SD)
    assert np.exp(left).mean() <= 1 + 1e-9
    wide = 0.02
    score = shift_score(values[None], np.array([SD]), 0.0, np.array([[step * SD]]), wide)
    left = score - shift_cost(shift_costs(values, SD, wide), step * SD, SD)
    assert np.exp(left).mean() <= 1 + 1e-9


def test_costs_measured_on_some_loci_hold_for_others_of_the_same_noise():
    costs = level_costs(skewed(seed=3), SD)
    # Beyond, the mean rests on a handful of loci.
    for step in (one for one in STEPS if one <= 3):
        left = level_scores(skewed(seed=4), [-step]) - level_cost(costs, -step * SD, SD)
        assert np.exp(left).mean() < 1.05


@pytest.mark.parametrize("n", [0, 1, LEAST - 1])
def test_too_few_loci_cost_nothing(n):
    values = skewed(n=n, share=0.5) if n else np.zeros(0)
    assert level_costs(values, SD) == (0.0,) * (2 * len(STEPS))
    assert shift_costs(values, SD, SURE) == (0.0,) * len(STEPS)


def test_enough_loci_do():
    assert max(level_costs(skewed(n=LEAST, share=0.5), SD)) > 0


@pytest.mark.parametrize("sd", [0.0, float("nan")])
def test_noise_without_an_sd_costs_nothing(sd):
    assert level_costs(normal(), sd) == (0.0,) * (2 * len(STEPS))
    assert shift_costs(normal(), sd, SURE) == (0.0,) * len(STEPS)


def test_one_far_level_says_no_more_than_one_at_the_change():
    asked = SD * np.array([-4.0, -1.0])
    far, there = bounded_score(np.array([-1e6, -4 * SD]), SD, asked).T
    assert far[0] == there[0] == pytest.approx(8.0)
    # Small changes are bounded at 1.5 sd.
    assert far[1] == pytest.approx(1.5 - 0.5)
    # And against it as well.
    assert bounded_score(np.array([1e6]), SD, asked)[0, 0] == pytest.approx(-16 - 8)


def test_costs_are_taken_at_the_change_that_is_asked():
    costs = tuple(np.arange(1.0, len(STEPS) + 1))
    assert shift_cost(costs, 0.0, SD) == 0
    assert shift_cost(costs, STEPS[2] * SD, SD) == pytest.approx(3)
    assert shift_cost(costs, -STEPS[2] * SD, SD) == pytest.approx(3)
    halfway = (STEPS[2] + STEPS[3]) / 2 * SD
    assert shift_cost(costs, halfway, SD) == pytest.approx(3.5)
    # Beyond the last step the cost is that of the last.
    assert shift_cost(costs, 100 * SD, SD) == len(STEPS)
