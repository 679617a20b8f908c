"""The joint fit: contrasts side by side, cell fractions with intervals, ends with ranges."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linedrift.events.ends import ends
from linedrift.events.fitting import GRID, Stretch
from linedrift.events.stacks import stack
from linedrift.genome import Karyotype
from linedrift.signals.likelihood import allelic_shift
from linedrift.signals.tails import STEPS
from test_noise import noise
from truth import CONFIG, MB, Event, measurement, world

SETTINGS = CONFIG["events"]
FEMALE = Karyotype("female")


def frame(chrom, start, level, shift=np.nan):
    """Return a CONTRAST of these loci."""
    return pd.DataFrame(
        {"chrom": chrom, "start": start, "log_ratio": level, "shift": shift}
    ).assign(
        end=lambda f: f["start"] + 1, log_ratio_sd=0.15, log_ratio_shared_sd=0.05, shift_sd=0.03,
        shift_shared_sd=0.02, log_ratio_baseline=0.01, shift_baseline=0.02,
    ).astype({"chrom": pd.CategoricalDtype(["chr1", "chr2", "chr3"], ordered=True)})  # fmt: skip


def contrast_frame(*args):
    from linedrift.genome import CHROM_DTYPE

    return frame(*args).astype({"chrom": CHROM_DTYPE})


def test_array_types_stand_side_by_side_on_all_their_loci():
    one = contrast_frame(["chr1", "chr1", "chr2"], [10, 20, 5], [0.1, 0.2, 0.3])
    two = contrast_frame(["chr1", "chr2", "chr2"], [20, 5, 9], [1.0, 2.0, 3.0])
    both = stack([one, two], [noise(), noise()], FEMALE)
    assert list(zip(both.chrom, both.start, strict=True)) == [
        ("chr1", 10), ("chr1", 20), ("chr2", 5), ("chr2", 9),
    ]  # fmt: skip
    np.testing.assert_allclose(both.level[0], [0.1, 0.2, 0.3, np.nan], rtol=1e-6)
    np.testing.assert_allclose(both.level[1], [np.nan, 1.0, 2.0, 3.0], rtol=1e-6)
    assert (both.end > both.start).all()
    assert both.range("chr1", 0, 100) == (0, 2)
    assert both.range("chr2", 6, 9) == (3, 3)
    assert both.range("chr3", 0, 100) == (4, 4)


def test_the_first_of_loci_at_one_position_stands():
    one = contrast_frame(["chr1"] * 3, [10, 10, 20], [0.1, 9.0, 0.2])
    assert stack([one], [noise()], FEMALE).level[0].tolist() == pytest.approx([0.1, 0.2])


def test_an_empty_contrast_adds_no_locus():
    one = contrast_frame(["chr1"], [10], [0.1])
    both = stack([one, one.iloc[:0]], [noise(), noise()], FEMALE)
    assert both.size == 1
    assert np.isnan(both.level[1]).all()
    assert stack([one.iloc[:0]], [noise()], FEMALE).size == 0


def test_what_was_subtracted_is_added_back():
    one = contrast_frame(["chr1"], [10], [0.1])
    whole = stack([one], [noise()], FEMALE).whole()
    assert whole.level[0, 0] == pytest.approx(0.11)
    assert whole.level_baseline[0, 0] == 0


def test_measurements_can_be_taken_out():
    frames = [contrast_frame(["chr1"], [10], [float(k)]) for k in range(3)]
    chosen = stack(frames, [noise(level_sd=0.1 * (k + 1)) for k in range(3)], FEMALE).only([2, 0])
    assert chosen.level[:, 0].tolist() == [2.0, 0.0]
    assert [n.level_sd for n in chosen.noise] == pytest.approx([0.3, 0.1])


def planted(seed, kind, fraction, n=600, level_sd=0.15, copies=2):
    """Return a stack of n loci, a third of them heterozygous, with an event on all of them."""
    from linedrift.signals.likelihood import log2_ratio

    rng = np.random.default_rng(seed)
    fraction = np.atleast_1d(fraction)
    sign = np.where(rng.random(n) < 0.5, 1, -1)
    het = rng.random(n) < 0.33
    frames = []
    for c in fraction:
        level = 0.55 * log2_ratio(kind, c) + rng.normal(0, level_sd, n)
        shift = np.where(het, sign * allelic_shift(kind, c) + rng.normal(0, 0.03, n), np.nan)
        frames.append(contrast_frame(["chr1"] * n, np.arange(n) * 5000, level, shift))
    quiet = noise(
        level_sd=level_sd, level_shared_sd=0.0, shift_shared_sd=0.0, shift_wide=0.005,
        wave_variance=(0.0,) * 7,
    )  # fmt: skip
    return stack(frames, [quiet] * len(fraction), FEMALE)


@pytest.mark.parametrize("kind", ["gain", "loss", "cn_loh", "amplification", "deep_loss"])
@pytest.mark.parametrize("fraction", [0.35, 0.7])
def test_kind_and_cell_fraction_of_a_planted_stretch(kind, fraction):
    data = planted(1, kind, fraction)
    fit = Stretch(data, 0, data.size, SETTINGS).fit(("gain", "loss", "cn_loh", kind))
    # An amplification of one copy more than a gain, in few cells, looks like a gain in many.
    if kind == "amplification":
        assert fit.kind in ("gain", "amplification")
    else:
        assert fit.kind == kind
        assert fit.fraction[0] == pytest.approx(fraction, abs=0.06)
    assert fit.score > 20
    assert fit.n_levels == 600
    assert 150 < fit.n_shifts < 250


def test_intervals_hold_the_truth_in_95_percent():
    inside, draws = 0, 120
    for seed in range(draws):
        data = planted(seed, "gain", 0.2, n=300)
        stretch = Stretch(data, 0, data.size, SETTINGS)
        low, high = stretch.interval("gain", stretch.fit(("gain",)).fraction, 0)
        inside += low <= 0.2 <= high
    # Binomial sd of 2 %; the grid of .01 widens intervals a little.
    assert 0.88 <= inside / draws <= 1.0


def test_a_clonal_passage_tells_the_signs_to_the_others():
    fractions = (0.03, 0.9)
    data = planted(3, "gain", fractions, n=900)
    stretch = Stretch(data, 0, data.size, SETTINGS)
    fit = stretch.fit(("gain",))
    assert fit.fraction[1] == pytest.approx(0.9, abs=0.06)
    assert fit.fraction[0] == pytest.approx(0.03, abs=0.02)
    alone = stretch.parts[0].fit(("gain",))
    assert alone.score < fit.support[0] / 2
    assert fit.support[0] > SETTINGS["tracked"]
    low, high = stretch.interval("gain", fit.fraction, 0)
    assert 0 < low <= 0.03 <= high < 0.08


def test_nothing_gives_no_evidence_beyond_chance():
    scores = []
    for seed in range(40):
        data = planted(1000 + seed, "gain", 0.0, n=300)
        fit = Stretch(data, 0, data.size, SETTINGS).fit(("gain", "loss", "cn_loh"))
        scores.append(fit.score)
    # exp(-6) for one stretch, times some kinds.
    assert max(scores) < 7
    assert np.median(scores) < 1


@pytest.mark.parametrize(("excess", "cost"), [(0.0, 0.03), (0.3, 0.0), (0.3, 0.03), (0.0, 0.0)])
def test_evidence_is_what_stands_against_the_likeliest_null(excess, cost):
    data = planted(6, "gain", 0.5)
    changed = {"shift_excess": excess, "shift_costs": (cost,) * len(STEPS)}
    data = replace(data, noise=tuple(replace(one, **changed) for one in data.noise))
    stretch = Stretch(data, 0, data.size, SETTINGS)
    fit = stretch.fit(("gain",))
    shift, level = (float(part[0]) for part in stretch.scores("gain", fit.fraction[None]))
    # A null with tails, and one that is noisier here: they explain the same shifts.
    tails = cost * stretch.n_shifts
    assert (stretch.noisier > 1) == (excess > 0)
    assert fit.shift_score == pytest.approx(shift - max(tails, stretch.noisier))
    assert fit.score == pytest.approx(fit.shift_score + level)


def test_a_kind_that_cannot_exist_is_not_fitted():
    one = contrast_frame(["chr1"] * 10, range(10), [0.5] * 10)
    data = stack([one], [noise()], FEMALE)
    single = replace(data, copies=np.ones(10, dtype=np.int8))
    assert Stretch(single, 0, 10, SETTINGS).fit(("cn_loh", "deep_loss")) is None
    assert Stretch(single, 0, 10, SETTINGS).fit(("gain", "cn_loh")).kind == "gain"
    absent = replace(data, copies=np.zeros(10, dtype=np.int8))
    assert Stretch(absent, 0, 10, SETTINGS).fit(("gain",)) is None


def test_a_stretch_without_any_signal_has_no_evidence():
    one = contrast_frame(["chr1"] * 10, range(10), [np.nan] * 10)
    stretch = Stretch(stack([one], [noise()], FEMALE), 0, 10, SETTINGS)
    assert stretch.n_levels == stretch.n_shifts == 0
    assert stretch.fit(("gain",)).score == 0


def test_equal_shifts_asked_once_give_the_same_evidence():
    data = planted(5, "loss", 0.3, n=2400)
    whole = Stretch(data, 0, data.size, SETTINGS)
    assert whole.shift.shape[1] < whole.n_shifts
    halves = [Stretch(data, i, i + 400, SETTINGS) for i in range(0, 2400, 400)]
    assert all(len(half.weight) == half.n_shifts for half in halves)
    delta = np.array([[0.0], [0.05], [0.09]])
    together = np.sum([half.shift_scores(delta) for half in halves], axis=0)
    np.testing.assert_allclose(whole.shift_scores(delta), together, rtol=0.01, atol=0.3)


def test_a_level_far_out_at_one_locus_moves_the_mean_little():
    level = np.zeros(8)
    level[3] = -6.0
    data = stack([contrast_frame(["chr1"] * 8, range(8), level)], [noise()], FEMALE)
    assert abs(Stretch(data, 0, 8, SETTINGS).mean[0]) < 0.05


@given(st.integers(5, 60), st.integers(5, 60), st.integers(5, 60))
def test_ends_without_noise_are_exact(before, inside, after):
    score = np.concatenate([-np.ones(before), np.ones(inside), -np.ones(after)]) * 5
    start, end = ends(score, before + 2, before + inside - 1)
    assert start == (before, before, before)
    assert end == (before + inside,) * 3


def test_an_event_to_the_end_of_the_window_ends_there():
    start, end = ends(np.full(20, 3.0), 5, 15)
    assert start[0] == 0
    assert end[0] == 20


@given(st.lists(st.floats(-5, 5), min_size=4, max_size=40), st.data())
def test_ranges_hold_the_best_end(score, data):
    first = data.draw(st.integers(0, len(score) - 2))
    last = data.draw(st.integers(first + 1, len(score)))
    start, end = ends(np.array(score), first, last)
    assert 0 <= start[1] <= start[0] <= start[2] <= (first + last) // 2
    assert (first + last) // 2 < end[1] <= end[0] <= end[2] <= len(score)


@pytest.mark.parametrize("step", [0.8, 1.5, 3.0])
def test_ranges_of_ends_hold_the_truth_in_95_percent(step):
    rng = np.random.default_rng(int(10 * step))
    draws, held, width = 600, 0, []
    for _ in range(draws):
        change = int(rng.integers(60, 100))
        value = rng.normal(0, 1, 240)
        value[change:] += step
        start, _ = ends(step * (value - step / 2), change + 20, 230)
        held += start[1] <= change <= start[2]
        width.append(start[2] - start[1])
    # Ranges of whole loci hold a little more than asked where the change is sharp.
    assert 0.93 <= held / draws <= 1.0
    assert np.mean(width) < 25 / step**2 + 2


def test_cell_fractions_asked_are_shares():
    assert GRID[0] == 0
    assert (np.diff(GRID) > 0).all()
    assert GRID[-1] == pytest.approx(1)


def test_no_cell_fraction_is_beyond_1():
    assert GRID.max() <= 1


def test_a_simulated_event_is_fitted_within_its_interval():
    w = world(31, ("chr21", "chr22"))
    event = Event("chr21", 20 * MB, 28 * MB, "loss", 0.25)
    line = measurement(w.measure(event), w.measure(), "female", 5)
    data = stack([line.contrast], [line.noise], FEMALE)
    stretch = Stretch(data, *data.range("chr21", event.start, event.end), SETTINGS)
    fit = stretch.fit(("gain", "loss", "cn_loh"))
    low, high = stretch.interval(fit.kind, fit.fraction, 0)
    assert fit.kind == "loss"
    assert low - 0.01 <= 0.25 <= high + 0.01


@pytest.mark.parametrize("sex", ["female", "male"])
@pytest.mark.parametrize("clone", [0.37, 0.83])
def test_a_gain_is_not_called_more_copies_in_half_as_many_cells(sex, clone):
    """Both have one signal: which of them the grid of fractions meets by chance must not decide."""
    chrom = "chrX" if sex == "male" else "chr20"
    w = world(77, (chrom, "chr21", "chr22"), sex)
    donor = w.measure()
    gain = Event(chrom, 10 * MB, 60 * MB, "gain", clone)
    made = measurement(w.measure(gain), donor, sex, 5)
    joint = stack([made.contrast], [made.noise], Karyotype(sex))
    first, last = joint.range(chrom, 12 * MB, 58 * MB)
    stretch = Stretch(joint, first, last, SETTINGS)
    found = stretch.fit(("gain", "amplification"))
    assert found.kind == "gain"
    assert found.fraction[0] == pytest.approx(clone, abs=0.1)
    # The rarer kind, alone, fits as well in half of the share.
    other = stretch.fit(("amplification",))
    assert other.fraction[0] == pytest.approx(found.fraction[0] / 2, abs=0.02)


def test_an_amplification_in_most_cells_stays_one():
    w = world(78)
    made = measurement(
        w.measure(Event("chr20", 10 * MB, 60 * MB, "amplification", 0.8)), w.measure(), "female", 5
    )
    joint = stack([made.contrast], [made.noise], FEMALE)
    found = Stretch(joint, *joint.range("chr20", 12 * MB, 58 * MB), SETTINGS).fit(
        ("gain", "amplification", "loss")
    )
    assert found.kind == "amplification"
