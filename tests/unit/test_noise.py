"""Noise: what is measured is what was planted, and events do not count as noise."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linedrift.signals.noise import (
    BLOCK_LENGTHS,
    OUTLIER,
    WIDE,
    Noise,
    blocks,
    difference_sd,
    excess,
    limited_mean,
    mixture_sd,
    quiet,
    robust_sd,
    wave_variance,
)


def noise(**change):
    figures = {
        "level_sd": 0.15, "sex_level_sd": (0.2, 0.45), "level_shared_sd": 0.05, "shift_sd": 0.03,
        "shift_shared_sd": 0.02, "level_weight": 0.5, "shift_weight": 0.4, "response": 0.55,
        "wave_variance": (7e-4, 6e-4, 5e-4, 4e-4, 3e-4, 2e-4, 1e-4), "shift_wide": 0.05,
        "shift_excess": 0.02, "discordance": 0.0, "het_rate": 0.3,
    }  # fmt: skip
    return Noise(**figures | change)


normal = np.random.default_rng(1).normal(0, 0.2, 40_000)


def test_robust_sd_is_the_sd_of_the_bulk():
    assert robust_sd(normal) == pytest.approx(0.2, rel=0.02)
    tenth = normal.copy()
    tenth[:4000] = 5.0
    assert robust_sd(tenth) == pytest.approx(0.23, rel=0.1)
    assert np.isnan(robust_sd(np.array([np.nan])))


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=30), st.floats(-3, 3))
def test_limited_mean_moves_with_its_values_and_stays_within_them(values, by):
    values = np.array(values)
    mean = limited_mean(values, 0.1)
    assert limited_mean(values + by, 0.1) == pytest.approx(mean + by, abs=1e-9)
    assert limited_mean(-values, 0.1) == pytest.approx(-mean, abs=1e-9)
    assert values.min() - 1e-9 <= mean <= values.max() + 1e-9


def test_two_outliers_do_not_make_six_loci_a_loss():
    values = np.array([0.02, -0.05, 0.01, 0.04, -4.0, -3.0])
    assert values.mean() < -1
    assert limited_mean(values, 0.15) > -0.2
    assert np.isnan(limited_mean(np.array([])))


def test_difference_sd_is_blind_to_events_and_waves():
    wave = 0.3 * np.sin(np.arange(len(normal)) / 800)
    event = np.where(np.arange(len(normal)) > 20_000, -0.5, 0.0)
    assert difference_sd(normal + wave + event) == pytest.approx(0.2, rel=0.02)
    assert np.std(normal + wave + event) > 0.3


def test_the_heavy_tails_of_shifts_are_told_from_their_bulk():
    rng = np.random.default_rng(2)
    n = 60_000
    kind = rng.random(n)
    values = rng.normal(0, 0.03, n)
    values[kind < 0.1] *= WIDE
    anything = kind > 1 - OUTLIER
    values[anything] = rng.uniform(-0.5, 0.5, anything.sum())
    sd, wide = mixture_sd(values, 0.1)
    assert sd == pytest.approx(0.03, rel=0.03)
    assert wide == pytest.approx(0.1, abs=0.02)


def test_quiet_blocks_are_those_without_an_event():
    shift = np.random.default_rng(3).normal(0, 0.03, 10_000)
    event = shift.copy()
    event[2000:6000] += np.where(np.random.default_rng(4).random(4000) < 0.5, -0.1, 0.1)
    assert len(quiet(shift)) > 9000
    calm = quiet(event)
    assert 5000 < len(calm) <= 6100
    assert robust_sd(calm) == pytest.approx(0.03, rel=0.04)


def test_noise_that_varies_along_the_genome_has_an_excess():
    shift = np.random.default_rng(5).normal(0, 0.03, 30_000)
    scale = np.repeat(np.random.default_rng(6).normal(1, 0.15, 120), 250)
    assert excess(shift) < 0.05
    assert excess(shift * scale) == pytest.approx(0.15, abs=0.05)
    assert excess(shift[:100]) == 0.0


def test_a_planted_wave_is_measured_at_its_length():
    rng = np.random.default_rng(7)
    n, sd, amplitude = 120_000, 0.15, 0.03
    # Piecewise constant over 3,000 loci: blocks of 1,600 see most of it, of 25 all.
    wave = np.repeat(rng.normal(0, amplitude, n // 3000), 3000)
    found = wave_variance(rng.normal(0, sd, n) + wave, sd)
    assert len(found) == len(BLOCK_LENGTHS)
    assert np.sqrt(found[3]) == pytest.approx(amplitude, rel=0.3)
    assert max(wave_variance(rng.normal(0, sd, n), sd)) < 0.01**2


def test_events_on_a_third_of_the_genome_are_no_wave():
    rng = np.random.default_rng(8)
    level = rng.normal(0, 0.15, 60_000)
    level[:9000] += 0.3
    level[20_000:29_000] -= 0.5
    # The sd of the means themselves is .2; of the longest blocks only the borders are left.
    assert max(wave_variance(level, 0.15)) < 0.04**2
    assert wave_variance(level, 0.15)[-1] < 0.015**2


def test_the_wave_falls_with_length_and_is_held_below_the_shortest_block():
    wave = noise().wave(np.array([1, 25, 100, 1600, 6400]))
    assert wave[0] == wave[1] == pytest.approx(7e-4)
    assert wave[2] == pytest.approx(5e-4)
    assert wave[3] == pytest.approx(1e-4)
    assert wave[4] == pytest.approx(0.5e-4)
    assert (np.diff(wave) <= 0).all()


def test_sex_chromosomes_have_their_own_noise():
    assert noise().on("chr7") is noise().on("chr7") or noise().on("chr7") == noise()
    on_y = noise().on("chrY")
    assert on_y.level_sd == 0.45
    assert on_y.wave_variance[0] == pytest.approx(3 * 7e-4)
    assert noise().on("chrX").level_sd == 0.2
    # Not measured on a chromosome: the noise of the others.
    assert noise(sex_level_sd=(float("nan"), 0.1)).on("chrX").level_sd == 0.15
    assert noise(sex_level_sd=(float("nan"), 0.1)).on("chrY").level_sd == 0.15


def test_noise_survives_json():
    text = json.dumps(noise(reason="too few").to_dict())
    assert Noise.from_dict(json.loads(text)) == noise(reason="too few")


def test_blocks_leave_the_rest_out():
    assert blocks(np.arange(7), 3).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert blocks(np.arange(2), 3).shape == (0, 3)
