"""False-event rates and detection limits: consistent, monotonous, and honest when simulated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linedrift.events.fitting import Stretch
from linedrift.events.limits import (
    _moments,
    detectable,
    false_event_rate,
    level_alone,
    needed_score,
)
from test_fitting import planted
from truth import CONFIG

SETTINGS = CONFIG["events"]


@given(st.floats(1, 1e6))
def test_the_needed_score_has_the_rate_of_the_config(places):
    rate = false_event_rate(needed_score(places, SETTINGS), places, SETTINGS)
    assert float(rate) == pytest.approx(SETTINGS["rate"], rel=1e-6)


@given(st.floats(0, 500), st.floats(0.01, 50), st.floats(1, 1e5))
def test_more_evidence_is_surer_and_more_places_are_less_sure(score, more, places):
    rate = false_event_rate(score, places, SETTINGS)
    assert false_event_rate(score + more, places, SETTINGS) < rate
    assert false_event_rate(score, 2 * places, SETTINGS) == pytest.approx(2 * rate)


def test_overwhelming_evidence_has_a_rate_above_zero():
    assert 0 < false_event_rate(1e9, 10, SETTINGS) < 1e-290
    assert np.isfinite(false_event_rate(-1e9, 10, SETTINGS))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("a", [0.1, 0.7, 2.0, 5.0])
def test_moments_of_a_locus_are_those_of_simulated_loci(a, known):
    z = np.random.default_rng(1).normal(a, 1, 400_000)
    pull = a * z if known else np.logaddexp(a * z, -a * z) - np.log(2)
    score = pull - a**2 / 2
    mean, variance = _moments(a, known)
    assert mean == pytest.approx(score.mean(), rel=0.05, abs=0.002)
    assert variance == pytest.approx(score.var(), rel=0.05)


def test_known_signs_say_more_than_unknown_ones():
    for a in (0.1, 0.3, 1.0):
        assert _moments(a, True)[0] > _moments(a, False)[0]


def limit(n, kind="gain", needed=15.0, known=0.0, **options):
    data = planted(1, "gain", 0.0, n=n, **options)
    return detectable(Stretch(data, 0, n, SETTINGS), kind, needed, SETTINGS, known)


@pytest.mark.parametrize("kind", ["gain", "loss", "cn_loh"])
def test_limits_fall_with_the_number_of_loci(kind):
    limits = [limit(n, kind) for n in (60, 200, 600, 2000, 6000)]
    assert (np.diff(limits) < 0).all()
    assert limits[-1] < 0.1
    assert limits[0] < 1


def test_limits_rise_with_the_score_that_a_call_needs_and_with_noise():
    assert limit(600, needed=5) < limit(600, needed=15) < limit(600, needed=40)
    assert limit(600, level_sd=0.05) <= limit(600, level_sd=0.3)


def test_limits_fall_where_another_passage_tells_the_signs():
    assert limit(600, known=190) < limit(600)


def test_a_limit_that_no_event_reaches_is_nan():
    assert np.isnan(limit(20, needed=1e6))


def test_the_strictest_assay_decides_what_levels_alone_call():
    settings = SETTINGS | {"methylation": {"level_alone": 0.2}}
    assert level_alone(("snp_array", "methylation"), settings) == SETTINGS["level_alone"]
    assert level_alone(("methylation", "methylation"), settings) == 0.2
    assert level_alone(("wes",), settings) == SETTINGS["level_alone"]


def test_a_level_alone_has_no_limit_below_its_rule():
    data = planted(1, "gain", 0.0, n=2000)
    silent = Stretch(data, 0, 2000, SETTINGS)
    silent.n_shifts, silent.shift = 0, silent.shift[:, :0]
    assert detectable(silent, "gain", 15.0, SETTINGS) >= SETTINGS["level_alone"]


@pytest.mark.parametrize(("kind", "n"), [("gain", 300), ("gain", 1500), ("loss", 500)])
def test_at_the_limit_95_percent_are_found(kind, n):
    needed = needed_score(36_000 / n, SETTINGS)
    asked = detectable(Stretch(planted(0, kind, 0.0, n=n), 0, n, SETTINGS), kind, needed, SETTINGS)
    draws = 120
    found = sum(
        Stretch(planted(seed, kind, asked, n=n), 0, n, SETTINGS).fit((kind,)).score >= needed
        for seed in range(draws)
    )
    assert found / draws >= 0.9
    weaker = 0.5 * asked
    fewer = sum(
        Stretch(planted(seed, kind, weaker, n=n), 0, n, SETTINGS).fit((kind,)).score >= needed
        for seed in range(draws)
    )
    # A limit that is far too high would be honest, and useless.
    assert fewer / draws < 0.6
