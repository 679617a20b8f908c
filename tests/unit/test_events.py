"""Events of a line, on planted truth: found, named, sized, dated and attributed."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linedrift import tables
from linedrift.events.events import call
from linedrift.genome import Karyotype
from truth import (
    CONFIG,
    MB,
    Event,
    calls_of,
    chromosome_questions,
    found,
    measurement,
    with_donor,
    without_donor,
    world,
)


def of_line(w, donor, *passages, reasons=()):
    return found(calls_of(with_donor(donor, passages, w.sex, reasons), w.sex))


def at(calls, event):
    """Return the calls that share more than half of an event's length, and it theirs."""
    return [
        one
        for one in calls
        if one.chrom == event.chrom
        and 2 * (min(one.end, event.end) - max(one.start, event.start))
        > max(event.end - event.start, one.end - one.start)
    ]


def the_one(calls, event):
    here = at(calls, event)
    assert len(here) == 1, (event, calls)
    return here[0]


@pytest.mark.parametrize("seed", range(101, 107))
def test_a_line_equal_to_its_donor_has_no_event(seed):
    w = world(seed)
    assert of_line(w, w.measure(), w.measure(), w.measure()) == []


PLANTED = [
    Event("chr20", 10 * MB, 15 * MB, "gain", 0.4),
    Event("chr20", 25_700_000, 29 * MB + 5 * MB, "loss", 0.25),
    Event("chr20", 50 * MB, 56 * MB, "cn_loh", 0.2),
    Event("chr21", 30 * MB, 31_500_000, "amplification", 0.9),
    Event("chr22", 20 * MB, 21 * MB, "gain", 1.0),
    Event("chr22", 30 * MB, 30_600_000, "loss", 1.0),
    Event("chr22", 40 * MB, 40_400_000, "deep_loss", 1.0),
]


@pytest.fixture(scope="module")
def many():
    w = world(111)
    return of_line(w, w.measure(), w.measure(*PLANTED))


@pytest.mark.parametrize("event", PLANTED, ids=lambda e: f"{e.kind}-{e.cell_fraction}")
def test_a_planted_event_is_found_with_its_kind_fraction_and_ends(many, event):
    one = the_one(many, event)
    assert one.kind == event.kind
    assert one.origin == "acquired"
    # Intervals of the likelihood, plus what the response of the platform adds to a clonal event.
    slack = 0.02 if event.cell_fraction < 0.5 else 0.06
    assert one.low[0] - slack <= event.cell_fraction <= one.high[0] + slack
    # 100 loci per Mb: within 30 loci for a mosaic, 5 for a clonal event.
    reach = 300_000 if event.cell_fraction < 0.5 else 50_000
    assert abs(one.start - event.start) < reach
    assert abs(one.end - event.end) < reach
    assert one.start_range[0] <= one.start <= one.start_range[1]
    assert one.end_range[0] <= one.end <= one.end_range[1]


def test_nothing_but_what_was_planted_is_called(many):
    assert len(many) == len(PLANTED)


@pytest.mark.parametrize("kind", ["gain", "loss", "cn_loh"])
@pytest.mark.parametrize("fraction", [0.15, 0.3, 0.6])
def test_mosaics_of_a_chromosome_arm(kind, fraction):
    w = world(120, ("chr20", "chr21"))
    event = Event("chr20", 30 * MB, 64 * MB, kind, fraction)
    one = the_one(of_line(w, w.measure(), w.measure(event)), event)
    assert one.kind == kind
    assert one.low[0] - 0.02 <= fraction <= one.high[0] + 0.02
    assert one.high[0] - one.low[0] < 0.15


@pytest.mark.parametrize("kind", ["gain", "loss", "cn_loh"])
def test_a_whole_chromosome(kind):
    w = world(121)
    event = Event("chr21", 0, 46_709_983, kind, 0.25)
    one = the_one(of_line(w, w.measure(), w.measure(event)), event)
    assert (one.kind, one.origin) == (kind, "acquired")
    own = w.loci[w.loci["chrom"] == "chr21"]
    assert one.start < own["start"].iloc[20]
    assert one.end > own["end"].iloc[-20]


def test_ends_lie_within_their_ranges_in_most_events():
    held, asked = 0, 0
    for seed in range(130, 140):
        w = world(seed, ("chr20", "chr21"))
        start = 10 * MB + 500_000 * (seed - 130)
        event = Event("chr20", start, start + 6 * MB, "gain", 0.35)
        one = the_one(of_line(w, w.measure(), w.measure(event)), event)
        starts = w.loci.loc[w.loci["chrom"] == "chr20", "start"].to_numpy()
        first = starts[np.searchsorted(starts, event.start)]
        last = starts[np.searchsorted(starts, event.end) - 1]
        held += one.start_range[0] <= first <= one.start_range[1]
        held += one.end_range[0] <= last + 1 <= one.end_range[1]
        asked += 2
    # 95 % of 20 is 19; below 16 has a probability of .0003.
    assert held >= 16


MALE = ("chr21", "chr22", "chrX", "chrY")


def test_loss_of_y_in_a_male():
    w = world(141, MALE, "male")
    event = Event("chrY", 0, 57_227_415, "loss", 0.8)
    one = the_one(of_line(w, w.measure(), w.measure(event)), event)
    assert (one.kind, one.origin) == ("loss", "acquired")
    assert one.low[0] < 0.8
    assert one.fraction[0] > 0.4


def test_gain_of_x_in_a_male():
    w = world(142, MALE, "male")
    x = Event("chrX", 2_781_479, 155_701_382, "gain", 0.5)
    calls = of_line(w, w.measure(), w.measure(x))
    one = the_one(calls, x)
    assert (one.kind, one.origin) == ("gain", "acquired")
    assert one.low[0] - 0.02 <= 0.5 <= one.high[0] + 0.02
    assert len(calls) == 1


def test_gain_of_the_pseudoautosomal_region_in_a_male_is_a_third_copy():
    w = world(143, MALE, "male", per_mb=300)
    event = Event("chrX", 0, 2_781_479, "gain", 0.6)
    calls = of_line(w, w.measure(), w.measure(event))
    one = the_one(calls, event)
    assert one.kind == "gain"
    assert one.low[0] - 0.02 <= 0.6 <= one.high[0] + 0.02
    assert one.end <= 2_781_479
    assert len(calls) == 1


def test_loss_of_x_in_a_female():
    w = world(144, ("chr21", "chr22", "chrX"))
    event = Event("chrX", 0, 156_040_895, "loss", 0.15)
    one = the_one(of_line(w, w.measure(), w.measure(event)), event)
    assert (one.kind, one.origin) == ("loss", "acquired")
    assert one.fraction[0] == pytest.approx(0.15, abs=0.02)


def test_a_normal_male_has_no_event():
    w = world(145, MALE, "male")
    assert of_line(w, w.measure(), w.measure()) == []


def test_a_line_of_unknown_sex_is_asked_as_a_female():
    w = world(146, ("chr21", "chr22", "chrX"))
    event = Event("chrX", 20 * MB, 60 * MB, "gain", 0.4)
    measurements = with_donor(w.measure(), [w.measure(event)], "unknown")
    one = the_one(found(calls_of(measurements, "unknown")), event)
    assert one.kind == "gain"


GERMLINE = [
    Event("chr21", 20 * MB, 21 * MB, "gain", 1.0, name="gain"),
    Event("chr22", 30 * MB, 30_500_000, "loss", 1.0, name="loss"),
    Event("chr20", 10 * MB, 16 * MB, "cn_loh", 1.0, name="homozygosity"),
]


@pytest.mark.parametrize("seed", range(150, 154))
def test_what_the_donor_has_is_never_acquired(seed):
    w = world(seed)
    donor = w.measure(*GERMLINE)
    new = Event("chr20", 40 * MB, 44 * MB, "gain", 0.5)
    calls = of_line(w, donor, w.measure(*GERMLINE), w.measure(*GERMLINE, new))
    assert the_one(calls, new).origin == "acquired"
    for event in GERMLINE:
        assert all(one.origin == "inherited" for one in at(calls, event)), event
    assert sum(one.origin == "acquired" for one in calls) == 1


def test_a_donor_shows_its_own_events_as_inherited():
    w = world(155)
    donor = measurement(w.measure(*GERMLINE[:2]), None, "female", 0, name="D")
    result = call(
        [donor], Karyotype("female"), chromosome_questions(), CONFIG["events"], donor=True
    )
    calls = found(result)
    for event in GERMLINE[:2]:
        one = the_one(calls, event)
        assert (one.kind, one.origin) == (event.kind, "inherited")
        assert one.fraction[0] > 0.8


def test_an_event_within_an_inherited_one_is_told_from_it():
    w = world(156)
    inherited = Event("chr22", 30 * MB, 31 * MB, "loss", 1.0, haplotype=0)
    second = Event("chr22", 30 * MB, 31 * MB, "loss", 1.0, haplotype=1)
    calls = of_line(w, w.measure(inherited), w.measure(inherited, second))
    one = the_one(calls, inherited)
    assert one.kind == "deep_loss"
    assert one.origin == "acquired"
    assert "1 cop" in one.note


def test_an_event_that_grows_is_followed_down_to_a_few_per_cent():
    w = world(161)
    event = Event("chr20", 30 * MB, 36 * MB, "gain", 1.0)
    fractions = (0.0, 0.05, 0.3, 0.85)
    passages = [w.measure(*[replace(event, cell_fraction=c)] * (c > 0)) for c in fractions]
    donor = w.measure()
    one = the_one(of_line(w, donor, *passages), event)
    assert one.fraction == pytest.approx(fractions, abs=0.06)
    assert one.fraction[1] == pytest.approx(0.05, abs=0.02)
    assert one.low[0] == 0.0
    assert one.high[0] < 0.04
    assert one.low[1] > 0.01
    # Alone, the passage at 5 % is too weak for a call.
    assert at(of_line(w, donor, passages[1]), event) == []


def test_without_a_donor_the_first_passage_is_the_baseline():
    w = world(162)
    old = Event("chr21", 20 * MB, 26 * MB, "loss", 0.6)
    new = Event("chr20", 30 * MB, 36 * MB, "gain", 0.5)
    passages = [w.measure(old), w.measure(old), w.measure(old, new)]
    calls = found(calls_of(without_donor(passages, "female"), "female"))
    assert (the_one(calls, new).origin, the_one(calls, new).kind) == ("acquired", "gain")
    early = the_one(calls, old)
    assert (early.origin, early.kind) == ("unknown", "loss")
    assert early.note == "already in the earliest passage measured"
    assert early.fraction == pytest.approx((0.6, 0.6, 0.6), abs=0.06)
    assert the_one(calls, new).fraction == pytest.approx((0, 0, 0.5), abs=0.06)


def test_one_passage_without_a_donor_has_events_of_unknown_origin():
    w = world(163)
    event = Event("chr20", 30 * MB, 36 * MB, "cn_loh", 0.5)
    one = the_one(found(calls_of(without_donor([w.measure(event)], "female"), "female")), event)
    assert (one.kind, one.origin) == ("cn_loh", "unknown")


def test_a_measurement_that_failed_is_left_out():
    w = world(164)
    event = Event("chr20", 30 * MB, 36 * MB, "gain", 0.5)
    donor, good, bad = w.measure(), w.measure(), w.measure(event)
    failed = with_donor(donor, [good, bad], "female", ["", "log R ratio sd .7"])
    result = calls_of(failed, "female")
    assert found(result) == []
    assert result.members == (0,)
    assert len(result.measurements) == 3


def test_a_line_of_failed_measurements_has_no_event_and_no_member():
    w = world(165)
    event = Event("chr20", 30 * MB, 36 * MB, "gain", 0.5)
    result = calls_of(with_donor(w.measure(), [w.measure(event)], "female", ["failed"]), "female")
    assert result.calls == ()
    assert result.members == ()


def test_a_failed_donor_leaves_the_origin_unknown():
    w = world(166)
    event = Event("chr20", 30 * MB, 36 * MB, "gain", 0.5)
    line, donor = with_donor(w.measure(), [w.measure(event)], "female")
    result = calls_of([line, replace(donor, reason="failed")], "female")
    one = the_one(found(result), event)
    assert one.origin == "unknown"
    assert one.note


def test_array_types_with_few_shared_loci_are_joined():
    w = world(167, per_mb=150)
    event = Event("chr20", 30 * MB, 38 * MB, "gain", 0.35)
    donor = w.measure()
    early, late = w.measure(event), w.measure(event)
    third = np.arange(len(w.loci)) % 3
    passages = [
        early[third != 0].reset_index(drop=True),
        late[third != 1].reset_index(drop=True),
    ]
    one = the_one(of_line(w, donor, *passages), event)
    assert one.fraction == pytest.approx((0.35, 0.35), abs=0.06)


def test_loci_at_one_position_change_nothing():
    w = world(168)
    event = Event("chr20", 30 * MB, 36 * MB, "gain", 0.5)
    donor, line = w.measure(), w.measure(event)
    line["usable"] = True
    again = line.iloc[::40].assign(level=np.float32(-4.0), usable=True)
    doubled = tables.in_genome_order(pd.concat([line, again]))
    plain, twice = (
        found(calls_of(with_donor(donor, [signals], "female"), "female"))
        for signals in (line, doubled)
    )
    assert [(one.chrom, one.kind) for one in twice] == [(one.chrom, one.kind) for one in plain]
    assert the_one(twice, event).fraction == pytest.approx((0.5,), abs=0.06)


def test_without_log_r_ratios_loss_of_heterozygosity_is_found():
    w = world(169)
    event = Event("chr20", 30 * MB, 40 * MB, "cn_loh", 0.3)
    donor, line = (f.assign(level=np.float32("nan")) for f in (w.measure(), w.measure(event)))
    one = the_one(of_line(w, donor, line), event)
    assert one.origin == "acquired"
    # Which kind it is cannot be told from alleles alone, but that there is one can.
    assert one.kind in ("cn_loh", "loss", "gain")


@pytest.mark.parametrize("fraction", [0.2, 0.25])
def test_a_level_alone_never_calls_below_30_percent(fraction):
    w = world(170, wave_sd=0.0)
    event = Event("chr20", 0, 64 * MB, "loss", fraction)
    donor, line = w.measure(), w.measure(event)
    silent = [f.assign(b_fraction=np.float32("nan")) for f in (donor, line)]
    assert of_line(w, *silent) == []
    assert len(at(of_line(w, donor, line), event)) == 1


def test_an_assay_may_need_fewer_cells_where_levels_are_all_it_has(monkeypatch):
    w = world(170, wave_sd=0.0)
    event = Event("chr20", 40 * MB, 55 * MB, "loss", 0.26)
    donor, line = (f.assign(b_fraction=np.float32("nan")) for f in (w.measure(), w.measure(event)))
    monkeypatch.setitem(CONFIG["events"], "snp_array", {"level_alone": 0.2})
    assert len(at(of_line(w, donor, line), event)) == 1
    monkeypatch.setitem(CONFIG["events"], "snp_array", {"level_alone": 0.4})
    assert of_line(w, donor, line) == []


def test_a_level_alone_calls_above():
    w = world(171)
    event = Event("chr20", 30 * MB, 64 * MB, "loss", 0.7)
    silent = [f.assign(b_fraction=np.float32("nan")) for f in (w.measure(), w.measure(event))]
    assert the_one(of_line(w, *silent), event).kind == "loss"


@pytest.mark.parametrize("kept", [0, 30])
def test_a_passage_with_next_to_no_locus_is_no_member(kept):
    w = world(172)
    event = Event("chr20", 30 * MB, 36 * MB, "gain", 0.5)
    donor, line = w.measure(), w.measure(event)
    result = calls_of(with_donor(donor, [line, line.iloc[:kept]], "female"), "female")
    assert result.members == (0,)
    assert "at least 200" in result.measurements[1].noise.reason
    assert the_one(found(result), event).kind == "gain"


def test_outlying_probes_are_no_event():
    w = world(173)
    donor, line = w.measure(), w.measure()
    level = line["level"].to_numpy().copy()
    level[1000:1003] = -5.0
    level[5000:5004] = 3.0
    level[::500] = -6.0
    assert of_line(w, donor, line.assign(level=level)) == []


@pytest.fixture(scope="module")
def pair():
    w = world(181, ("chr21", "chr22"))
    events = [
        Event("chr21", 20 * MB, 25 * MB, "gain", 0.4),
        Event("chr22", 30 * MB, 34 * MB, "cn_loh", 0.3),
    ]
    return w, w.measure(), w.measure(*events)


def words(one):
    return (one.chrom, one.start, one.end, one.kind, one.origin)


@settings(max_examples=6, deadline=None)
@given(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_shifting_every_log_r_ratio_moves_no_event(pair, of_donor, of_line_):
    w, donor, line = pair
    before = of_line(w, donor, line)
    after = of_line(
        w,
        donor.assign(level=donor["level"] + of_donor),
        line.assign(level=line["level"] + of_line_),
    )
    assert [words(one) for one in after] == [words(one) for one in before]
    for one, other in zip(before, after, strict=True):
        assert other.fraction == pytest.approx(one.fraction, abs=0.011)


def test_exchanging_the_alleles_changes_no_event(pair):
    w, donor, line = pair
    names = {"AA": "BB", "BB": "AA", "AB": "AB", "": ""}
    swapped = [
        f.assign(
            b_fraction=1 - f["b_fraction"],
            genotype=f["genotype"].astype("str").map(names).astype(tables.GENOTYPES),
        )
        for f in (donor, line)
    ]
    before, after = of_line(w, donor, line), of_line(w, *swapped)
    assert len(before) == 2
    assert [words(one) for one in after] == [words(one) for one in before]


def test_the_order_of_passages_changes_no_event():
    w = world(182)
    event = Event("chr20", 30 * MB, 36 * MB, "gain", 1.0)
    donor = w.measure()
    passages = [w.measure(replace(event, cell_fraction=c)) for c in (0.1, 0.4, 0.8)]
    forward = the_one(of_line(w, donor, *passages), event)
    backward = the_one(of_line(w, donor, *passages[::-1]), event)
    assert words(forward) == words(backward)
    assert forward.fraction == pytest.approx(backward.fraction[::-1], abs=0.021)


def test_a_contrast_of_another_build_of_columns_is_refused(tmp_path, pair):
    w, donor, line = pair
    broken = measurement(line, donor, w.sex, 5).contrast.drop(columns=["shift", "log_ratio_sd"])
    broken.to_parquet(tmp_path / "a-p5.snp_array.parquet")
    with pytest.raises(tables.TableError, match=r"a-p5\.snp_array.*no column log_ratio_sd, shift"):
        tables.read(tmp_path / "a-p5.snp_array.parquet", tables.CONTRAST)


def test_no_event_is_called_that_is_in_a_few_per_cent_at_the_most():
    """Noise of a whole chromosome that is a little wider than elsewhere looks like that."""
    w = world(91, per_mb=400)
    faint = Event("chr20", 0, 64 * MB, "cn_loh", 0.02)
    calls = calls_of(
        with_donor(w.measure(), [w.measure(faint), w.measure(faint)], "female"), "female"
    )
    assert not calls.calls
    assert all(one.fit.fraction.max() < 0.04 for one in calls.candidates)


def test_less_than_that_is_followed_where_another_passage_shows_the_event():
    w = world(92, per_mb=400)
    made = [w.measure(Event("chr20", 0, 64 * MB, "cn_loh", share)) for share in (0.03, 0.3)]
    (one,) = calls_of(with_donor(w.measure(), made, "female"), "female").calls
    assert 0 < one.fit.fraction[0] < 0.05
    assert one.fit.fraction[1] == pytest.approx(0.3, abs=0.05)
