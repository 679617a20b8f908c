"""The course of planted events: present, absent down to a limit, or not testable, and why."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from linedrift import tables
from linedrift.events.fitting import Stretch
from linedrift.events.trajectories import events_and_courses, known_signs
from truth import CONFIG, MB, Event, calls_of, measurement, with_donor, without_donor, world

SETTINGS = CONFIG["events"]
GROWING = Event("chr20", 30 * MB, 36 * MB, "gain", 1.0)
GERMLINE = Event("chr21", 30 * MB, 31_500_000, "gain", 1.0)
FRACTIONS = (0.0, 0.06, 0.3, 0.85)


@pytest.fixture(scope="module")
def bands(repository):
    names = ["chrom", "start", "end", "band", "stain"]
    return pd.read_csv(repository / "resources" / "cytoBand.hg38.txt", sep="\t", names=names)


@pytest.fixture(scope="module")
def grown():
    """Return the calls of a line whose gain grows and of which one passage failed."""
    w = world(401)
    passages = [
        w.measure(GERMLINE, *[replace(GROWING, cell_fraction=c)] * (c > 0)) for c in FRACTIONS
    ]
    failed = ["", "", "", "", "log R ratio sd .7"]
    made = with_donor(w.measure(GERMLINE), [*passages, w.measure(GROWING)], "female", failed)
    return calls_of(made, "female")


@pytest.fixture(scope="module")
def course(grown, bands):
    return events_and_courses("L", grown, bands, SETTINGS)


def the_event(events, chrom):
    (row,) = events[events["chrom"] == chrom].to_dict("records")
    return row


def states_of(course, chrom):
    events, states = course
    own = states[states["event_id"] == the_event(events, chrom)["event_id"]]
    return {row["sample"]: row for row in own.to_dict("records")}


def test_a_donor_with_one_copy_is_no_mosaic_of_none(bands):
    w = world(402)
    place = ("chr20", 30 * MB, 31 * MB)
    donor, line = (w.measure(Event(*place, kind, 1.0)) for kind in ("loss", "deep_loss"))
    calls = calls_of(with_donor(donor, [line], "female"), "female")
    course = events_and_courses("L", calls, bands, SETTINGS)
    event = the_event(course[0], "chr20")
    assert (event["kind"], event["origin"]) == ("deep_loss", "acquired")
    assert event["note"] == "the baseline has 1 copy here"
    donor = states_of(course, "chr20")["D-p0"]
    assert donor["state"] == "not_testable"
    assert donor["reason"].startswith("has 1 copy here")


def test_both_frames_hold_to_their_columns(course):
    events, states = course
    tables.check(events, tables.EVENTS)
    tables.check(states, tables.TRAJECTORIES)
    assert sorted(set(states["event_id"])) == sorted(events["event_id"])


def test_every_event_is_asked_in_every_measurement(course, grown):
    events, states = course
    assert len(events) == 2
    assert len(states) == 2 * len(grown.measurements)


@pytest.mark.parametrize(("passage", "fraction"), [(10, 0.06), (15, 0.3), (20, 0.85)])
def test_a_passage_with_the_event_has_its_fraction_within_the_interval(course, passage, fraction):
    row = states_of(course, "chr20")[f"L-p{passage}"]
    assert row["state"] == "present"
    assert row["cell_fraction"] == pytest.approx(fraction, abs=0.06)
    assert row["low"] <= row["cell_fraction"] <= row["high"]
    assert row["support"] >= SETTINGS["tracked"]
    assert row["reason"] == ""


def test_a_passage_without_the_event_has_a_limit_and_no_fraction(course):
    row = states_of(course, "chr20")["L-p5"]
    assert row["state"] == "absent"
    assert np.isnan(row["cell_fraction"])
    assert row["low"] == 0
    assert 0 < row["limit"] < 0.1
    assert row["high"] <= row["limit"]


def test_a_failed_passage_is_not_testable_and_says_why(course):
    row = states_of(course, "chr20")["L-p25"]
    assert (row["state"], row["reason"]) == ("not_testable", "log R ratio sd .7")
    assert all(np.isnan(row[name]) for name in ("cell_fraction", "low", "high", "limit"))


def test_an_acquired_event_is_absent_from_the_donor(course):
    row = states_of(course, "chr20")["D-p0"]
    assert row["state"] == "absent"
    assert row["limit"] < 0.2


def test_an_acquired_event_is_dated_by_the_first_passage_that_carries_it(course):
    event = the_event(course[0], "chr20")
    assert event["origin"] == "acquired"
    assert event["first_passage"] == 10
    assert (event["kind"], event["copies"]) == ("gain", 3)
    assert event["start"] == pytest.approx(GROWING.start, abs=200_000)
    assert event["end"] == pytest.approx(GROWING.end, abs=200_000)
    assert event["start_low"] <= event["start"] <= event["start_high"]
    assert event["end_low"] <= event["end"] <= event["end_high"]


def test_figures_of_an_event_agree_with_each_other(course):
    for event in course[0].to_dict("records"):
        rate = event["false_event_rate"]
        assert 1e-30 <= rate <= SETTINGS["rate"]
        assert event["quality"] == pytest.approx(-10 * np.log10(rate))


def test_the_nomenclature_names_the_largest_share_of_cells(course):
    event = the_event(course[0], "chr20")
    assert event["band"] == "20q11.1q11.23"
    shares = [
        row["cell_fraction"]
        for row in states_of(course, "chr20").values()
        if row["state"] == "present"
    ]
    named = float(event["iscn"].rpartition("[")[2].rstrip("]"))
    # Written in steps of .05.
    assert named == pytest.approx(max(shares), abs=0.026)


def test_an_inherited_event_is_present_everywhere_and_in_the_donor(course):
    events, _ = course
    assert the_event(events, "chr21")["origin"] == "inherited"
    rows = states_of(course, "chr21")
    assert {row["state"] for name, row in rows.items() if name != "L-p25"} == {"present"}
    assert rows["D-p0"]["cell_fraction"] > 0.8
    assert rows["L-p25"]["state"] == "not_testable"


def test_a_line_without_an_event_has_empty_frames(bands):
    w = world(402, chromosomes=("chr21", "chr22"))
    calls = calls_of(with_donor(w.measure(), [w.measure()], "female"), "female")
    events, states = events_and_courses("L", calls, bands, SETTINGS)
    assert len(events) == len(states) == 0
    tables.check(events, tables.EVENTS)
    tables.check(states, tables.TRAJECTORIES)


def test_candidates_are_apart_from_events(grown, bands):
    events, _ = events_and_courses("L", grown, bands, SETTINGS)
    below, states = events_and_courses("L", grown, bands, SETTINGS, candidates=True)
    assert len(below) == len(grown.candidates)
    assert not set(below["event_id"]) & set(events["event_id"])
    assert set(states["event_id"]) == set(below["event_id"])


def test_without_a_donor_the_first_passage_has_a_row_of_its_own(bands):
    w = world(403)
    event = Event("chr20", 30 * MB, 36 * MB, "loss", 0.5)
    calls = calls_of(without_donor([w.measure(), w.measure(event)], "female"), "female")
    found = events_and_courses("L", calls, bands, SETTINGS)
    assert the_event(found[0], "chr20")["first_passage"] == 10
    rows = states_of(found, "chr20")
    assert (rows["L-p5"]["state"], rows["L-p10"]["state"]) == ("absent", "present")


def test_an_event_where_a_passage_has_next_to_no_locus_is_not_testable_there(bands):
    w = world(404)
    event = Event("chr20", 30 * MB, 36 * MB, "gain", 0.6)
    donor, blind = w.measure(), w.measure(event)
    there = (blind["chrom"] == "chr20") & blind["start"].between(event.start - MB, event.end + MB)
    made = with_donor(donor, [w.measure(event), blind[~there].reset_index(drop=True)], "female")
    rows = states_of(events_and_courses("L", calls_of(made, "female"), bands, SETTINGS), "chr20")
    assert rows["L-p5"]["state"] == "present"
    assert rows["L-p10"]["state"] == "not_testable"
    assert "too few informative loci" in rows["L-p10"]["reason"]


def test_an_event_keeps_its_name_when_a_passage_is_added(grown, bands):
    before, _ = events_and_courses("L", grown, bands, SETTINGS)
    w = world(401)
    again = [w.measure(GERMLINE, replace(GROWING, cell_fraction=c)) for c in (0.3, 0.85)]
    calls = calls_of(with_donor(w.measure(GERMLINE), again, "female"), "female")
    after, _ = events_and_courses("L", calls, bands, SETTINGS)
    assert sorted(after["event_id"]) == sorted(before["event_id"])
    other, _ = events_and_courses("M", calls, bands, SETTINGS)
    assert not set(other["event_id"]) & set(after["event_id"])


def test_signs_are_known_as_far_as_the_other_passages_tell_them(grown):
    (call,) = [one for one in grown.calls if grown.stack.chrom[one.fit.first] == "chr20"]
    stretch = Stretch(grown.data(call), call.fit.first, call.fit.last, SETTINGS)
    heterozygous = stretch.n_shifts
    told = known_signs(stretch, "gain", call.fit.fraction, 0)
    assert 0.9 * heterozygous < told <= heterozygous
    # The last passage has most of the event: without it less is known, and alone nothing.
    assert known_signs(stretch, "gain", call.fit.fraction, len(call.fit.fraction) - 1) < told
    assert known_signs(stretch, "gain", np.zeros_like(call.fit.fraction), 0) == 0


def test_a_donor_by_itself_has_a_course(bands):
    w = world(405)
    donor = measurement(w.measure(GERMLINE), None, "female", 0, name="D")
    (row,) = events_and_courses("D", calls_of([donor], "female"), bands, SETTINGS)[1].to_dict(
        "records"
    )
    assert (row["sample"], row["state"]) == ("D-p0", "present")
