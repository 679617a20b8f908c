"""Rules of the verdict, one planted situation each."""

import json
import math

import line_records as made
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from linedrift import tables, wording
from linedrift.identity.identity import CONTRADICTED
from linedrift.verdict import verdict

NAN = math.nan


@pytest.fixture(scope="module")
def settings(repository):
    return yaml.safe_load((repository / "config" / "config.yaml").read_text())["verdict"]


@pytest.fixture(scope="module")
def table(repository):
    path = repository / "resources" / "cnv_hotspots.tsv"
    return pd.read_csv(path, sep="\t", keep_default_na=False)


@pytest.fixture
def judged(settings, table):
    """Return a function that assesses the line of the tests with some frames replaced."""

    def run(events=(), states=(), line=made.LINE, settings=settings, **frames):
        inputs = {
            "measurements": made.measurements(),
            "hotspots": made.hotspots(table),
            "quality": made.quality(),
            "identity": made.identity(),
        } | frames
        return verdict.assess(
            line,
            events=made.frame(tables.EVENTS, list(events)),
            trajectories=made.frame(tables.TRAJECTORIES, list(states)),
            hotspot_table=table,
            settings=settings,
            **inputs,
        )

    return run


def of(result, passage=30):
    found = result if isinstance(result, dict) else result[1]
    return next(p for p in found["passages"] if p["passage"] == passage)


def test_a_line_with_nothing_found_and_everything_excluded_is_stable(judged):
    findings, result = judged()
    assert result["verdict"] == "stable"
    assert findings.empty
    assert "8 % of cells" in result["sentence"]
    assert result["decided_by"] == "KSB-1-p30"
    assert "Gains of 20q11.21 in 8 % of cells or more would have been seen." in result["detection"]
    assert "Trisomy 12 in 8 % of cells or more would have been seen." in result["detection"]
    assert result["disclaimer"] == verdict.DISCLAIMER


def test_a_limit_of_all_cells_is_said_so(judged, table):
    result = judged(hotspots=made.hotspots(table, limit=1.0))[1]
    assert "Gains of 20q11.21 in all cells would have been seen." in result["detection"]


def test_an_acquired_hotspot_alters_the_passage_that_carries_it_only(judged):
    findings, result = judged([made.event()], [made.state(), made.state(passage=10, fraction=NAN)])
    assert of(result, 10)["verdict"] == "stable"
    assert of(result)["verdict"] == "altered"
    assert "20q11.21 gain" in of(result)["sentence"]
    assert "85 % of cells (80 to 90 %)" in of(result)["sentence"]
    (row,) = findings.to_dict("records")
    assert (row["severity"], row["kind"], row["evidence"]) == ("altered", "hotspot", "e-20q")
    assert "nbt.2051" in row["reference"]


def test_the_latest_banked_passage_decides(judged):
    banked = made.measurements(banked=(10,))
    result = judged([made.event()], [made.state()], measurements=banked)[1]
    assert (result["verdict"], result["decided_by"]) == ("stable", "KSB-1-p10")
    assert result["latest_passage"] == 30
    assert "banked as MCB" in result["sentence"]


def test_inherited_never_counts(judged, table):
    event = made.event(origin="inherited")
    seen = made.hotspots(table, present=[("gain_20q11.21", 30, "e-20q")])
    findings, result = judged([event], [made.state()], hotspots=seen)
    assert of(result)["verdict"] == "stable"
    assert findings.empty


def test_unknown_origin_counts_and_is_said(judged):
    line = made.LINE | {"parent": ""}
    result = judged([made.event(origin="unknown")], [made.state()], line=line)[1]
    assert of(result)["verdict"] == "altered"
    assert "origin unknown" in of(result)["sentence"]
    assert "no donor" in of(result)["sentence"]


def test_a_look_alike_of_unknown_origin_is_listed_only(judged):
    event = made.event(origin="unknown", note="look-alike of germline origin: GSTT1")
    passage = of(judged([event], [made.state()]))
    assert passage["verdict"] == "stable"
    assert "GSTT1" in passage["notes"][0]
    acquired = made.event(note="look-alike of germline origin: GSTT1")
    assert of(judged([acquired], [made.state()]))["verdict"] == "altered"


@pytest.mark.parametrize(
    ("length", "expected"), [(199_999, "stable"), (200_000, "watch"), (40_000_000, "watch")]
)
def test_another_event_counts_from_the_reporting_size(judged, length, expected):
    event = made.event(chrom="chr3", start=4_000_000, end=4_000_000 + length, hotspot_id="")
    passage = of(judged([event], [made.state()]))
    assert passage["verdict"] == expected
    listed = passage["findings"] if expected == "watch" else passage["notes"]
    assert len(listed) == 1


@pytest.mark.parametrize(
    ("hotspot", "expected"),
    [
        ("gain_20q11.21", "altered"),
        ("gain_17q11.2", "watch"),  # tier B, verified: whatever its size
        ("gain_8q", "stable"),  # tier B, unverified: not by itself
        ("loss_4p16.3_FGFRL1", "stable"),  # tier C
        ("gain_20q11.21_core", "stable"),  # tier A, but its interval was not read in a source
        ("gain_8q;gain_20q11.21", "altered"),
    ],
)
def test_only_verified_hotspots_raise_a_flag(judged, hotspot, expected):
    event = made.event(start=31_000_000, end=31_100_000, hotspot_id=hotspot)
    assert of(judged([event], [made.state()]))["verdict"] == expected


@pytest.mark.parametrize("rate", [0.011, 5.0, NAN])
def test_a_candidate_is_only_listed(judged, rate):
    findings, result = judged([made.event(false_event_rate=rate)], [made.state()])
    assert of(result)["verdict"] == "stable"
    assert list(findings["severity"]) == ["note"]
    assert of(result)["notes"][0].startswith("candidate")


def test_a_failed_identity_blocks_whatever_was_seen(judged):
    failed = made.identity(state="failed", reason="looks like KSB-2")
    findings, result = judged([made.event()], [made.state()], identity=failed)
    assert of(result)["verdict"] == "insufficient"
    assert of(result)["blocked"]
    assert "looks like KSB-2" in of(result)["sentence"]
    assert "20q11.21 gain" not in of(result)["sentence"]
    assert "altered" in set(findings["severity"])  # it stays listed


def test_identity_that_cannot_be_tested_is_listed_and_does_not_block(judged):
    passage = of(judged(identity=made.identity(state="not_testable", reason="12 shared loci")))
    assert passage["verdict"] == "stable"
    assert "12 shared loci" in passage["not_testable"][0]


def test_a_genotype_that_is_not_the_donors_blocks(judged):
    reason = f"its genotype differs from D-p0 of the same person, and {CONTRADICTED}"
    unlike = made.identity(state="not_testable", reason=reason)
    _, result = judged([made.event()], [made.state()], identity=unlike)
    assert (of(result)["verdict"], of(result)["blocked"]) == ("insufficient", True)
    assert "differs from D-p0" in of(result)["sentence"]
    assert "differs from D-p0" in of(result)["not_testable"][0]


def test_a_sample_whose_measurements_all_failed_is_insufficient(judged):
    failed = made.quality(state="fail", value="0.81")
    passage = of(judged(quality=failed))
    assert (passage["verdict"], passage["blocked"]) == ("insufficient", True)
    assert "Call rate 0.81, expected >= 0.97" in passage["sentence"]
    sex = made.quality(state="fail", figure="sex", value="male", expected="female")
    assert of(judged(quality=sex))["verdict"] == "stable"  # identity says what it means
    both = pd.concat([made.measurements(), made.measurements().assign(assay="wes")])
    passage = of(judged(quality=failed, measurements=both))
    assert passage["verdict"] == "stable"
    assert "snp_array" in passage["not_testable"][0]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"state": "not_testable", "limit": NAN, "reason": "too few loci"}, "too few loci"),
        ({"limit": 0.21}, "only down to 21 % of cells"),
        ({"limit": NAN}, "no stated limit"),
    ],
)
def test_a_required_hotspot_that_is_not_excluded_is_insufficient(judged, table, values, words):
    passage = of(judged(hotspots=made.hotspots(table, **values)))
    assert passage["verdict"] == "insufficient"
    assert not passage["blocked"]
    assert any(words in text for text in passage["not_testable"])
    event, state = made.event(hotspot_id=""), made.state()
    passage = of(judged([event], [state], hotspots=made.hotspots(table, **values)))
    assert passage["verdict"] == "watch"
    assert "not excluded" in passage["sentence"]


def test_a_hotspot_that_nobody_asked_is_not_taken_for_absent(judged, table):
    asked = made.hotspots(table)
    passage = of(judged(hotspots=asked[asked["hotspot_id"] != "trisomy_12"]))
    assert passage["verdict"] == "insufficient"
    assert "trisomy 12: not asked" in passage["not_testable"]


def test_a_core_that_is_too_short_is_named_and_does_not_decide(judged, table):
    asked = made.hotspots(table)
    core = asked["hotspot_id"] == "loss_17p13.1_TP53"
    asked.loc[core, ["state", "limit", "reason"]] = ["not_testable", NAN, "2 loci"]
    passage = of(judged(hotspots=asked))
    assert passage["verdict"] == "stable"
    assert passage["not_testable"] == ["17p13.1 TP53 loss / LOH: 2 loci"]


def test_a_hotspot_found_where_it_was_asked_counts_without_an_event(judged, table):
    seen = made.hotspots(table, present=[("gain_20q11.21", 30, "")])
    assert of(judged(hotspots=seen))["verdict"] == "altered"
    donor = made.hotspots(table, (0,), "donor-7", present=[("gain_20q11.21", 0, "")])
    both = pd.concat([seen, donor], ignore_index=True)
    assert of(judged(hotspots=both))["verdict"] == "stable"


def test_an_event_known_through_its_hotspot_alone_counts(judged, table):
    seen = made.hotspots(table, present=[("gain_20q11.21", 30, "e-20q")])
    assert of(judged([made.event(hotspot_id="")], hotspots=seen))["verdict"] == "altered"


def test_no_measurement_is_insufficient(judged):
    result = judged(measurements=made.measurements().iloc[:0])[1]
    assert result["verdict"] == "insufficient"
    assert result["passages"] == []


def test_more_findings_than_a_sentence_names(judged):
    events = [
        made.event(event_id=f"e{i}", chrom=f"chr{i}", start=0, end=10**6, hotspot_id="")
        for i in range(2, 7)
    ]
    passage = of(judged(events, [made.state(f"e{i}") for i in range(2, 7)]))
    assert "and 2 more" in passage["sentence"]
    assert len(passage["findings"]) == 5


def test_every_rule_has_its_citation_and_the_verdict_is_json(judged, settings):
    findings, result = judged([made.event()], [made.state()])
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert [rule["rule"] for rule in result["rules"]] == list(settings["citations"])
    assert all(rule["reference"] for rule in result["rules"])
    assert set(findings["severity"]) <= {"altered", "watch", "insufficient", "note"}


def test_judging_again_by_the_basis_gives_the_same(judged, table):
    findings, result = judged([made.event()], [made.state()])
    again, repeated = verdict.judge(
        made.LINE,
        made.measurements(),
        made.frame(tables.EVENTS, [made.event()]),
        made.frame(tables.TRAJECTORIES, [made.state()]),
        made.hotspots(table),
        made.quality(),
        made.identity(),
        json.loads(json.dumps(result["basis"])),
    )
    assert repeated == result
    pd.testing.assert_frame_equal(again, findings)


@given(st.floats(0, 1))
def test_a_limit_is_never_stated_too_low(limit):
    assert float(wording.percent_up(limit).split()[0]) >= 100 * limit - 1e-6


@given(st.floats(0.001, 1))
def test_what_is_seen_is_never_said_to_be_in_no_cells(fraction):
    assert wording.percent(fraction) != "0 %"


@pytest.mark.parametrize(
    ("band", "place"),
    [
        ("12", "gain of chromosome 12 ("),
        ("X", "chromosome X ("),
        ("12p13.31", "gain of 12p13.31 ("),
    ],
)
def test_a_whole_chromosome_is_called_one(band, place):
    assert place in wording.event_text(made.event(band=band), made.state())


def test_hotspots_with_one_reason_stand_together_in_the_sentence(judged, table):
    names = made.hotspots(table).assign(
        state="not_testable", limit=NAN, reason="no loci were measured there"
    )
    sentence = of(judged(hotspots=names))["sentence"]
    assert sentence.count("no loci were measured there") == 1
    assert "20q11.21 gain, 1q gain, " in sentence and " more hotspots: no loci" in sentence


def test_a_kind_that_alleles_alone_tell_is_said_to_be_unsure(judged):
    event = made.event(note=wording.ALLELES_ALONE)
    assert "kind not sure (by alleles alone)" in of(judged([event], [made.state()]))["sentence"]
