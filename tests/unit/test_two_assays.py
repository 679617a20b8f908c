"""Two assays of one sample have one cell fraction; loci weigh by their precision."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linedrift.events.calls import Measurement
from linedrift.events.fitting import Stretch
from linedrift.events.origin import baseline_of
from linedrift.events.segmentation import segment
from linedrift.events.stacks import stack
from linedrift.events.trajectories import events_and_courses
from linedrift.genome import Karyotype
from linedrift.signals.contrast import contrast
from linedrift.tables import GENOTYPES, SEGMENTS, conform, read_bands
from truth import CONFIG, MB, Event, calls_of, measurement, with_donor, world

FEMALE = Karyotype("female")
GAIN = Event("chr20", 30 * MB, 45 * MB, "gain")


def of_assay(one, assay):
    return replace(one, assay=assay)


@pytest.fixture(scope="module")
def bands(repository):
    return read_bands(repository / "resources" / "cytoBand.hg38.txt")


def both_assays(fraction, other_fraction=None, reason=""):
    """Return an array and something like an exome (fewer loci, other places) of passage 5."""
    found = []
    for seed, assay, per_mb in ((3, "snp_array", 100), (4, "wes", 30)):
        place = world(seed, per_mb=per_mb)
        share = fraction if assay == "snp_array" or other_fraction is None else other_fraction
        line = place.measure(replace(GAIN, cell_fraction=share))
        measured = with_donor(place.measure(), [line], "female")
        if assay == "wes" and reason:
            measured[0] = replace(measured[0], reason=reason)
        found += [of_assay(one, assay) for one in measured]
    return found


def courses(measurements, bands):
    return events_and_courses("L", calls_of(measurements, "female"), bands, CONFIG["events"])


def test_a_sample_has_one_row_and_one_cell_fraction(bands):
    events, course = courses(both_assays(0.3), bands)
    assert events["kind"].tolist() == ["gain"]
    assert sorted(course["sample"]) == ["D-p0", "L-p5"]
    own = course.set_index("sample").loc["L-p5"]
    assert own["state"] == "present"
    assert own["low"] <= 0.3 <= own["high"]
    # What one assay adds beside the other; the haplotype signs of shared loci count once.
    assert own["snp_array"] > own["wes"] > 0
    assert own["snp_array"] + own["wes"] == pytest.approx(own["support"], rel=0.2)


def test_two_assays_see_further_than_one(bands):
    both = both_assays(0.2)
    narrow = [
        course.set_index("sample").loc["L-p5"]
        for _, course in (
            courses(both, bands),
            courses([m for m in both if m.assay == "wes"], bands),
        )
    ]
    assert narrow[0]["limit"] < narrow[1]["limit"]
    assert narrow[0]["high"] - narrow[0]["low"] < narrow[1]["high"] - narrow[1]["low"]


def test_where_one_assay_failed_the_other_testifies(bands):
    _, course = courses(both_assays(0.4, reason="mean depth 3"), bands)
    own = course.set_index("sample").loc["L-p5"]
    assert own["state"] == "present"
    assert np.isnan(own["wes"])
    assert own["snp_array"] > 0


def test_the_baseline_is_asked_by_both_assays(bands):
    measured = []
    for seed, assay, per_mb in ((3, "snp_array", 100), (4, "wes", 60)):
        place = world(seed, per_mb=per_mb)
        has = replace(GAIN, cell_fraction=1.0)
        made = with_donor(place.measure(has), [place.measure(has)], "female")
        measured += [of_assay(one, assay) for one in made]
    events, course = courses(measured, bands)
    assert set(events["origin"]) <= {"inherited"}
    assert set(course["sample"]) == {"D-p0", "L-p5"}


def uneven(signals, donor, seed, factor=4.0):
    """Return the signals with half of the loci `factor` times as noisy, and knowing it."""
    rng = np.random.default_rng(seed)
    noise = contrast(signals, [donor], FEMALE, CONFIG["contrast"])[1]
    poor = rng.random(len(signals)) < 0.5
    told = {}
    for value, sd in (
        ("level", np.hypot(noise.level_sd, noise.level_shared_sd)),
        ("b_fraction", np.hypot(noise.shift_sd, noise.shift_shared_sd)),
    ):
        added = rng.normal(0, sd * np.sqrt(factor**2 - 1), len(signals))
        told[value] = (signals[value] + np.where(poor, added, 0)).astype(np.float32)
        told[f"{value[0]}_sd"] = np.where(poor, factor * sd, sd).astype(np.float32)
    return signals.assign(
        level=told["level"],
        b_fraction=told["b_fraction"],
        level_sd=told["l_sd"],
        b_sd=told["b_sd"],
    )


def test_precise_loci_outweigh_noisy_ones():
    place = world(11)
    donor, line = place.measure(), place.measure(replace(GAIN, cell_fraction=0.2))
    told = uneven(line, donor, 1)
    untold = told.assign(level_sd=np.float32(np.nan), b_sd=np.float32(np.nan))
    scores = []
    for signals in (told, untold):
        frame, noise = contrast(signals, [donor], FEMALE, CONFIG["contrast"])
        data = stack([frame], [noise], FEMALE)
        fit = Stretch(data, *data.range("chr20", GAIN.start, GAIN.end), CONFIG["events"]).fit(
            ("gain",)
        )
        scores.append(fit.score)
    assert scores[0] > 2 * scores[1]


def test_noisy_loci_are_no_event():
    place = world(12)
    donor = place.measure()
    for seed in range(4):
        line = measurement(uneven(place.measure(), donor, seed), donor, "female", 5)
        assert calls_of([line], "female").calls == ()


@settings(max_examples=20, deadline=None)
@given(st.floats(0.2, 5.0))
def test_only_the_ratio_of_expected_sds_counts(factor):
    place = world(13, per_mb=20)
    donor = place.measure()
    line = uneven(place.measure(GAIN), donor, 5)
    scaled = line.assign(
        level_sd=(line["level_sd"] * factor).astype(np.float32),
        b_sd=(line["b_sd"] * factor).astype(np.float32),
    )
    frames = [contrast(s, [donor], FEMALE, CONFIG["contrast"]) for s in (line, scaled)]
    pd.testing.assert_frame_equal(frames[0][0], frames[1][0], rtol=1e-3)
    found = [segment(f, n, FEMALE, CONFIG["segmentation"]) for f, n in frames]
    assert found[0]["kind"].tolist() == found[1]["kind"].tolist()


def test_an_exon_lost_by_counts_is_an_event(bands):
    place = world(14)
    donor = place.measure()
    lost = Event("chr21", 30 * MB, 30 * MB + 40_000, "deep_loss")
    measured = with_donor(donor, [place.measure(), place.measure(lost)], "female")
    loci = measured[1].contrast.query("chrom == 'chr21' & 30_000_000 <= start < 30_040_000")
    assert 0 < len(loci) < CONFIG["events"]["least_loci"]
    counted = pd.DataFrame(
        {
            "chrom": loci["chrom"].iloc[:1],
            "start": int(loci["start"].iloc[0]),
            "end": int(loci["end"].iloc[-1]),
            "kind": "deep_loss",
            "cell_fraction": 1.0,
            "score": 60.0,
            "n_levels": len(loci),
            "n_shifts": 0,
        }
    )
    measured[1] = replace(measured[1], counted=conform(counted, SEGMENTS))
    events, course = courses(measured, bands)
    assert events["kind"].tolist() == ["deep_loss"]
    assert events["origin"].tolist() == ["acquired"]
    assert events["false_event_rate"].iloc[0] < 1e-15
    assert (events["start"].iloc[0], events["end"].iloc[0]) == (
        counted["start"].iloc[0],
        counted["end"].iloc[0],
    )
    state = course.set_index("sample")["state"]
    assert state["L-p10"] == "present"
    assert state["L-p5"] != "present"


def test_an_assay_without_alleles_stands_beside_one_with_them(bands):
    both = both_assays(0.4)
    # The second assay, in passage and donor, has levels alone.
    place = world(4, per_mb=30)
    bare = [
        signals.assign(
            b_fraction=np.float32(np.nan),
            genotype=pd.Categorical([""] * len(signals), dtype=GENOTYPES),
        )
        for signals in (place.measure(), place.measure(replace(GAIN, cell_fraction=0.4)))
    ]
    levels = [of_assay(one, "wes") for one in with_donor(bare[0], bare[1:], "female")]
    assert np.isnan(levels[0].noise.shift_sd)
    events, course = courses([m for m in both if m.assay == "snp_array"] + levels, bands)
    assert events["kind"].tolist() == ["gain"]
    own = course.set_index("sample").loc["L-p5"]
    assert own["low"] <= 0.4 <= own["high"]
    assert own["snp_array"] > 0
    assert course["limit"].notna().all()


def test_the_donor_tells_the_origin_though_another_assay_has_none_of_it():
    own = {"contrast": None, "noise": None, "segments": None}
    measurements = [
        Measurement("A-p6", 6, "methylation", **own),
        Measurement("A-p35", 35, "methylation", **own, baseline="A-p6"),
        Measurement("A-p35", 35, "snp_array", **own, baseline="D-p0"),
        Measurement("D-p0", 0, "snp_array", **own, role="donor"),
    ]
    assert baseline_of(measurements, range(4)) == (3,)
    assert baseline_of(measurements[:2], range(2)) == (0,)
