"""Candidate stretches: the exact best path, and planted events among its segments."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linedrift import tables
from linedrift.events.segmentation import States, _best_path, segment
from linedrift.genome import Karyotype
from linedrift.signals.likelihood import allelic_shift, log2_ratio
from truth import CONFIG, MB, Event, measurement, world

SETTINGS = CONFIG["segmentation"]
FEMALE = Karyotype("female")
EVENTS = [
    Event("chr20", 10 * MB, 14 * MB, "gain", 0.3),
    Event("chr20", 40 * MB, 44 * MB, "cn_loh", 0.2),
    Event("chr21", 25 * MB, 28 * MB, "loss", 0.3),
    Event("chr22", 30 * MB, 30_300_000, "deep_loss", 1.0),
    Event("chr22", 40 * MB, 41 * MB, "amplification", 1.0),
]


@pytest.fixture(scope="module")
def line():
    w = world(21)
    return measurement(w.measure(*EVENTS), w.measure(), "female", 5)


def test_every_planted_event_is_covered_by_segments_of_its_kind(line):
    for event in EVENTS:
        on = line.segments[line.segments["chrom"] == event.chrom]
        on = on[on["kind"] == event.kind]
        shared = np.minimum(on["end"], event.end) - np.maximum(on["start"], event.start)
        covered = shared.clip(lower=0).sum() / (event.end - event.start)
        assert covered > 0.8, event


def test_segments_keep_their_contract(line):
    pd.testing.assert_frame_equal(tables.check(line.segments, tables.SEGMENTS), line.segments)
    for _, own in line.segments.groupby("chrom", observed=True):
        assert (own["start"].to_numpy()[1:] >= own["end"].to_numpy()[:-1]).all()
    assert (line.segments["score"] > 0).all()
    frame = line.contrast
    for row in line.segments.itertuples():
        inside = frame[
            (frame["chrom"] == row.chrom) & frame["start"].between(row.start, row.end - 1)
        ]
        assert inside["log_ratio"].notna().sum() == row.n_levels
        assert inside["shift"].notna().sum() == row.n_shifts


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 8))
def test_the_path_is_the_best_of_all_paths(seed, penalty):
    rng = np.random.default_rng(seed)
    level, shift = rng.normal(-0.4, 0.5, 6), np.abs(rng.normal(0, 0.1, 6))
    level[rng.random(6) < 0.2] = np.nan
    shift[rng.random(6) < 0.4] = np.nan
    variance, sd = np.full(6, 0.04), np.full(6, 0.03)
    states = (np.array([0.0, -0.5, 0.3]), np.array([0.0, 0.3, 0.1]))
    path, score = _best_path(level, variance, shift, sd, *states, penalty, 0.05)

    def value(asked):
        changes = sum(k != 0 and k != before for before, k in zip((0, *asked), asked, strict=False))
        single = [
            _best_path(
                level[t : t + 1], variance[t : t + 1], shift[t : t + 1], sd[t : t + 1],
                states[0][[0, k]], states[1][[0, k]], -1000.0, 0.05,
            )[1][0] if k else 0.0
            for t, k in enumerate(asked)
        ]  # fmt: skip
        return sum(single) - penalty * changes

    best = max(value(asked) for asked in itertools.product(range(3), repeat=6))
    assert value(tuple(path)) == pytest.approx(best, abs=1e-3)
    changes = sum(k != 0 and k != b for b, k in zip((0, *path), path, strict=False))
    assert score.sum() - penalty * changes == pytest.approx(best, abs=1e-3)


def test_states_are_the_signals_of_the_kinds():
    states = States.of([0.2, 1.0], 0.5, 2)
    place = [i for i, k in enumerate(states.kind) if k == "gain"]
    assert states.fraction[place].tolist() == [0.2, 1.0]
    assert states.level[place] == pytest.approx(0.5 * log2_ratio("gain", np.array([0.2, 1.0])))
    assert states.shift[place] == pytest.approx(allelic_shift("gain", np.array([0.2, 1.0])))
    assert (states.kind[0], states.level[0], states.shift[0]) == ("", 0.0, 0.0)
    single = States.of([0.2, 1.0], 0.5, 1)
    assert set(single.kind) == {"", "gain", "loss", "amplification"}
    assert not single.shift.any()


@settings(max_examples=5, deadline=None)
@given(st.floats(-0.3, 0.3))
def test_shifting_every_log_r_ratio_moves_no_breakpoint(shift):
    w = world(22, ("chr21", "chr22"))
    donor, cells = w.measure(), w.measure(Event("chr21", 20 * MB, 24 * MB, "gain", 0.5))
    before = measurement(cells, donor, "female", 5).segments
    moved = [frame.assign(level=frame["level"] + shift) for frame in (cells, donor)]
    after = measurement(*moved, "female", 5).segments
    pd.testing.assert_frame_equal(before, after, rtol=1e-2)


def test_a_line_equal_to_its_donor_gives_few_candidates():
    w = world(23)
    found = measurement(w.measure(), w.measure(), "female", 5).segments
    assert len(found) < 20
    assert (found["score"] < 25).all()


def test_a_contrast_that_cannot_be_used_has_no_segments(line):
    from dataclasses import replace

    unusable = replace(line.noise, reason="only 3 log R ratios")
    found = segment(line.contrast, unusable, FEMALE, SETTINGS)
    assert found.empty
    assert list(found.columns) == tables.SEGMENTS.names


def test_empty_and_silent_contrasts_have_no_segments(line):
    assert segment(line.contrast.iloc[:0], line.noise, FEMALE, SETTINGS).empty
    silent = line.contrast.assign(log_ratio=np.nan, shift=np.nan).astype(line.contrast.dtypes)
    assert segment(silent, line.noise, FEMALE, SETTINGS).empty


def test_the_pseudoautosomal_regions_of_a_male_are_segmented_apart():
    w = world(24, ("chr21", "chr22", "chrX"), "male")
    cells = w.measure(Event("chrX", 0, 156_040_895, "gain", 1.0))
    found = measurement(cells, w.measure(), "male", 5).segments
    found = found[found["chrom"] == "chrX"]
    border = 2_781_479
    assert not ((found["start"] < border) & (found["end"] > border)).any()
    assert {True, False} == set(found["start"] < border)
