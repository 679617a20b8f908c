"""Background, dye bias and detection on planted intensities."""

import math

import idat_files
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linedrift.readers import array_controls, normalisation
from linedrift.readers.normalisation import Intensities

SETTINGS = {"least_outside": 100, "signal_offset": 15}
BLACK, SD = 400.0, 60.0


def planted(seed=0, n=6000, red=1.0, dark=0.0):
    """Return raw intensities, the true beta, and which probes have no DNA (share `dark`)."""
    rng = np.random.default_rng(seed)
    design = rng.choice([0, 1, 2], n)
    beta = np.where(rng.random(n) < 0.5, rng.beta(1, 15, n), rng.beta(15, 1, n))
    empty = rng.random(n) < dark
    light = np.where(empty, 0.0, rng.lognormal(9, 0.4, n))
    black = rng.normal(BLACK, SD, (n, 4))
    in_red = {"m": design == 0, "u": design != 1}
    methylated = (light * beta + black[:, 0]) * np.where(in_red["m"], red, 1.0)
    unmethylated = (light * (1 - beta) + black[:, 1]) * np.where(in_red["u"], red, 1.0)
    outside = black[:, 2:] * np.where(design == 1, red, 1.0)[:, None]
    outside[design == 2] = np.nan
    return Intensities(methylated, unmethylated, design, outside), beta, empty


def betas(raw):
    corrected, facts = normalisation.normalise(raw, np.array([]), np.array([]), SETTINGS)
    return normalisation.share(corrected.methylated, corrected.unmethylated, 100.0), facts


def test_the_expected_signal_is_that_of_a_simulation():
    rng = np.random.default_rng(1)
    truth = rng.exponential(2000, 400_000)
    seen = truth + rng.normal(BLACK, SD, len(truth))
    for low, high in ((300, 400), (450, 500), (900, 1100), (5000, 6000)):
        here = (seen > low) & (seen < high)
        found = normalisation.signal(seen[here], BLACK, SD, 2000.0).mean()
        assert found == pytest.approx(truth[here].mean(), rel=0.05, abs=3)


def test_the_signal_is_never_negative_and_rises_with_the_intensity():
    values = np.linspace(-1e4, 65_535, 5000)
    found = normalisation.signal(values, BLACK, SD, 2000.0)
    assert np.isfinite(found).all() and (found >= 0).all()
    assert (np.diff(found) >= 0).all()


def test_background_is_found_and_removed():
    raw, beta, _ = planted()
    found, facts = betas(raw)
    assert facts["background_green"] == pytest.approx(BLACK, abs=5)
    assert facts["background_red"] == pytest.approx(BLACK, abs=5)
    plain = normalisation.share(raw.methylated, raw.unmethylated, 100.0)
    assert np.median(np.abs(found - beta)) < 0.015 < 0.5 * np.median(np.abs(plain - beta))


def test_a_bright_red_dye_moves_no_beta():
    even, _ = betas(planted()[0])
    raw, beta, _ = planted(red=2.0)
    found, facts = betas(raw)
    assert facts["dye_ratio"] == pytest.approx(2.0, rel=0.05)
    assert facts["normalisation"].endswith("dye bias by Infinium I probes")
    second = raw.design == 2
    assert np.abs(found - even)[second].max() < 0.03
    plain = normalisation.share(raw.methylated, raw.unmethylated, 0.0)
    assert np.abs(plain - even)[second].max() > 0.1


@given(scale=st.floats(0.5, 2.0))
def test_another_gain_of_the_scanner_moves_no_beta(scale):
    raw, _, _ = planted(n=900)
    brighter = Intensities(
        scale * raw.methylated, scale * raw.unmethylated, raw.design, scale * raw.outside
    )
    settings = SETTINGS | {"signal_offset": 0}
    shares = []
    for one in (raw, brighter):
        corrected, _ = normalisation.normalise(one, np.array([]), np.array([]), settings)
        shares.append(normalisation.share(corrected.methylated, corrected.unmethylated, 0.0))
    assert np.abs(shares[1] - shares[0]).max() < 1e-6


def test_controls_measure_the_dyes_where_they_are_there():
    raw, _, _ = planted(red=2.0)
    controls = np.full(12, 8000.0) + BLACK
    _, facts = normalisation.normalise(raw, controls, 2 * controls, SETTINGS)
    assert facts["normalisation"].endswith("dye bias by normalisation controls")
    assert facts["dye_ratio"] == pytest.approx(2.0, rel=0.02)


def test_without_out_of_band_light_nothing_is_taken_off():
    raw, _, _ = planted()
    raw = Intensities(raw.methylated, raw.unmethylated, np.full_like(raw.design, 2), raw.outside)
    corrected, facts = normalisation.normalise(raw, np.array([]), np.array([]), SETTINGS)
    assert np.array_equal(corrected.methylated, raw.methylated)
    assert facts["normalisation"] == "background not corrected, dye bias not corrected"
    assert np.isnan(normalisation.detection_p(raw)).all()


def test_probes_without_dna_are_not_detected_and_the_others_are():
    raw, _, empty = planted(dark=0.2)
    p = normalisation.detection_p(raw)
    first = empty & (raw.design < 2)
    # Of two background values the brighter counts, and of Infinium II the smaller of two p.
    assert (p[first] <= 0.05).mean() == pytest.approx(1 - 0.95**2, abs=0.03)
    assert (p[~empty] <= 0.05).mean() > 0.999
    assert p.min() > 0


def test_huber_is_the_mean_of_clean_values_and_ignores_outliers():
    rng = np.random.default_rng(2)
    values = rng.normal(400, 60, 5000)
    assert normalisation.huber(values) == pytest.approx((400, 60), rel=0.02)
    spoiled = np.concatenate([values, np.full(250, 30_000.0)])
    assert normalisation.huber(spoiled)[0] == pytest.approx(400, abs=12)
    assert normalisation.huber(np.full(9, 7.0)) == (7.0, 0.0)
    assert math.isnan(normalisation.huber(np.array([]))[0])


def test_no_light_is_no_share():
    found = normalisation.share(np.array([0.0, 300.0, np.nan]), np.array([0.0, 0.0, 1.0]), 100.0)
    assert np.isnan(found[[0, 2]]).all() and found[1] == 0.75


def test_the_same_replicate_stands_for_a_locus_unless_it_cannot_be_used():
    locus = np.array(["b", "a", "a", "a", "b"])
    name = np.array(["b_BC11", "a_TC21", "a_TC11", "a_TC12", "b_TC11"])
    good = normalisation.first_usable(locus, name, np.ones(5, dtype=bool))
    assert list(name[good]) == ["b_BC11", "a_TC11"]
    usable = np.array([False, True, False, True, True])
    assert list(name[normalisation.first_usable(locus, name, usable)]) == ["a_TC12", "b_TC11"]
    none = normalisation.first_usable(locus, name, np.zeros(5, dtype=bool))
    assert list(name[none]) == ["b_BC11", "a_TC11"]


@pytest.mark.parametrize("conversion", [0.05, 0.5, 0.97])
def test_the_conversion_of_controls_is_measured(conversion):
    controls = idat_files.controls_of(1)
    lit = idat_files.control_values(controls, conversion=conversion)
    kinds, names = (np.array([one[at] for one in controls]) for at in (1, 3))
    found, n = array_controls.conversion(
        kinds, names, lit["green"].to_numpy(float), lit["red"].to_numpy(float)
    )
    assert n == 9
    assert found == pytest.approx(conversion, abs=0.05)


def test_without_controls_no_conversion_is_claimed():
    nothing = np.array([])
    assert array_controls.conversion(nothing, nothing, nothing, nothing)[1] == 0
    kinds, names = np.array(["BISULFITE CONVERSION I"]), np.array(["BS Conversion I-C1"])
    found, n = array_controls.conversion(kinds, names, np.array([9.0]), np.array([1.0]))
    assert math.isnan(found) and n == 0


@pytest.mark.parametrize(("maybe", "never"), [("A", "T"), ("R", "A")])
def test_green_light_behind_red_probes_tells_unconverted_dna(maybe, never):
    rng = np.random.default_rng(5)
    base = np.array([maybe, never] * 500)
    outside = rng.normal(BLACK, SD, (1000, 2))
    red = np.ones(1000, dtype=bool)
    assert array_controls.green_excess(base, red, outside) == pytest.approx(1, abs=0.03)
    outside[base == maybe] += 4000
    assert array_controls.green_excess(base, red, outside) > 5
    assert math.isnan(array_controls.green_excess(base, ~red, outside))
