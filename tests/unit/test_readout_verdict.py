"""What expression and methylation make of a verdict: what counts, what is a remark or open."""

import math

import fake_readouts as fake
import line_records as made
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linedrift import tables
from linedrift.readout_tables import GROUPS, READOUT_STATES
from linedrift.verdict import readout_verdict, verdict

NAN = math.nan
ASSAYS = ("snp_array", "rna", "methylation")


def measurements(assays=ASSAYS):
    """Return the measurements of both passages by these assays."""
    arrays = made.measurements()
    return pd.concat([arrays.assign(assay=assay) for assay in assays], ignore_index=True)


def assess(rows=(), line=made.LINE, found=(), **values):
    """Return findings and verdict of a line without events and with these readouts."""
    table = made.hotspot_table()
    frames = {
        "events": tables.EVENTS.empty(), "trajectories": tables.TRAJECTORIES.empty(),
        "hotspots": made.hotspots(table), "quality": made.quality(), "identity": made.identity(),
        "measurements": measurements(), "settings": made.settings()["verdict"],
    }  # fmt: skip
    return verdict.assess(
        line, hotspot_table=table, readouts=fake.readouts(rows, found), **(frames | values)
    )


def last(rows, **values):
    """Return the verdict of the last passage."""
    return assess(rows, **values)[1]["passages"][-1]


CHANGED_H19 = {"state": "gained", "value": 0.85, "low": 0.8, "high": 0.9}


def test_a_line_whose_readouts_are_as_expected_is_stable_and_says_so():
    rows = [fake.row(p) for p in (10, 30)] + [fake.gene(passage=p) for p in (10, 30)]
    passage = last(rows)
    assert passage["verdict"] == "stable"
    assert (
        "All 2 questions to expression and methylation that count are as expected"
        in (passage["sentence"])
    )
    assert passage["readouts"] == {"asked": 2, "counting": 2, "tested": 2, "flagged": []}


def test_nothing_is_said_where_neither_was_measured():
    passage = last([], measurements=made.measurements())
    assert passage["verdict"] == "stable"
    assert "methylation" not in passage["sentence"]
    assert passage["readouts"]["asked"] == 0


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (fake.row(**CHANGED_H19), "imprinting"),
        (fake.row(state="lost", value=0.04), "imprinting"),
        (fake.gene("XIST", group="x_chromosome", state="lost", value=-6.0), "x_chromosome"),
        (fake.row(group="x_chromosome", item="XIST_promoter", state="gained"), "x_chromosome"),
        (fake.vector(present=True), "vector"),
        (fake.gene(state="lost", value=-4.0), "pluripotency"),
    ],
)
def test_a_verified_question_that_is_not_as_expected_makes_a_passage_one_to_watch(row, kind):
    findings, words = assess([row])
    assert words["verdict"] == words["passages"][-1]["verdict"] == "watch"
    assert words["passages"][0]["verdict"] == "stable"
    (found,) = findings[findings["severity"] == "watch"].to_dict("records")
    assert (found["kind"], found["evidence"], found["passage"]) == (kind, row["item"], 30)
    assert found["reference"] == row["source"]
    assert row["item"] in words["sentence"]
    assert words["passages"][-1]["readouts"]["flagged"] == [f"{row['label']} {row['state']}"]


@pytest.mark.parametrize(
    "row",
    [
        fake.gene("PAX6", group="lineage", state="gained"),
        fake.gene("BCL2L1", group="hotspot_gene", state="gained"),
        fake.gene("TP53 R175H", group="variant", state="present", unit="share"),
        fake.row(group="drift", item="from_earliest", state="gained", place=""),
        fake.gene(state="gained", value=4.0),
        fake.row(role="annotate", **CHANGED_H19),
        fake.vector(present=True, role="annotate"),
    ],
)
def test_all_else_is_a_remark(row):
    findings, words = assess([row])
    assert words["verdict"] == "stable"
    (text,) = [text for text in words["passages"][-1]["notes"] if row["label"] in text]
    assert text.endswith("does not count")
    assert set(findings.loc[findings["evidence"] == row["item"], "severity"]) == {"note"}
    assert words["passages"][-1]["readouts"]["flagged"] == []


def test_what_is_to_review_is_watched_at_the_most_and_no_unread_source_ever_counts():
    settings = made.settings()["verdict"]
    graver = settings | {"readouts": {"imprinting": {"gained": "altered"}}}
    for role, expected in (("flag", "altered"), ("review", "watch"), ("annotate", "stable")):
        row = fake.row(role=role, **CHANGED_H19)
        assert last([row], settings=graver)["verdict"] == expected
    only = settings | {"readout_roles": ["flag"]}
    assert last([fake.row(role="review", **CHANGED_H19)], settings=only)["verdict"] == "stable"
    quiet = settings | {"readouts": {"imprinting": {"gained": "note"}}}
    assert last([fake.row(**CHANGED_H19)], settings=quiet)["verdict"] == "stable"


def test_the_x_chromosome_of_a_male_line_never_counts():
    rows = [fake.gene("XIST", group="x_chromosome", state="gained", value=7.0)]
    assert last(rows)["verdict"] == "watch"
    male = made.LINE | {"sex": "male"}
    assert last(rows, line=male)["verdict"] == "stable"
    assert "XIST" in last(rows, line=male)["notes"][-1]
    unknown = made.LINE | {"sex": "unknown"}
    assert last(rows, line=unknown)["verdict"] == "watch"


def test_what_was_not_testable_is_said_once_a_group_and_blocks_nothing():
    names = list(fake.IMPRINTED)
    rows = [fake.untested(item=name) for name in names[:4]] + [fake.row(item=names[4])]
    passage = last(rows)
    assert passage["verdict"] == "stable"
    (text,) = [text for text in passage["not_testable"] if "imprinted" in text]
    assert text == (
        "4 of 5 imprinted regions (methylation) not testable: H19/IGF2:IG-DMR, PEG3:TSS-DMR, "
        "MEG3:TSS-DMR and 1 more (too few probes: 0 of 3)"
    )
    assert "1 of the 5 questions" in passage["sentence"]
    assert "as expected, 4 were not testable" in passage["sentence"]
    rows[1]["reason"] += "; SNURF answers for the locus"
    assert text in last(rows)["not_testable"]
    rows[0]["reason"] = "no data"
    (text,) = [text for text in last(rows)["not_testable"] if "imprinted" in text]
    assert "H19/IGF2:IG-DMR (no data), PEG3:TSS-DMR (too few probes: 0 of 3)" in text


def test_nothing_testable_is_said_in_the_sentence_of_a_stable_passage():
    rows = [fake.untested(item=name) for name in fake.IMPRINTED]
    assert (
        "The 6 questions to expression and methylation that count were not testable"
        in (last(rows)["sentence"])
    )


def test_what_is_no_question_for_the_sex_is_not_missed():
    rows = [fake.untested(group="x_chromosome", item="XIST", reason="sex: a male line")]
    assert not any("XIST" in text or "X chrom" in text for text in last(rows)["not_testable"])


def test_a_measurement_that_failed_quality_says_nothing():
    bad = made.quality(assay="methylation", state="fail", figure="conversion")
    quality = pd.concat([made.quality(), bad], ignore_index=True)
    rows = [fake.row(**CHANGED_H19), fake.vector(present=True)]
    found = [fake.difference(), fake.difference(10)]
    passage = last(rows, quality=quality)
    assert passage["readouts"]["flagged"] == ["WPRE present"]
    assert any("failed quality" in text for text in passage["not_testable"])
    kept = readout_verdict.trusted(fake.readouts(rows, found), quality)
    assert kept.differences.empty
    row = kept.asked.iloc[0]
    assert (row["state"], row["reason"], row["n"]) == ("not_testable", "failed quality", 0)
    assert math.isnan(row["value"])
    sex = made.quality(assay="methylation", state="fail", figure="sex")
    same = readout_verdict.trusted(fake.readouts(rows, found), sex)
    assert same.asked["state"].tolist() == ["gained", "present"]
    assert len(same.differences) == 2


def test_a_failed_identity_still_blocks_the_passage():
    identity = made.identity(state="failed", reason="another person")
    assert last([fake.row(**CHANGED_H19)], identity=identity)["verdict"] == "insufficient"


def test_limits_are_said_of_what_counts_and_is_as_expected():
    rows = [fake.row(), fake.row(item="PEG3:TSS-DMR", limit=0.31), fake.vector()]
    rows += [fake.gene("PAX6", group="lineage", limit=3.0)]
    said = assess(rows)[1]["detection"][-2:]
    assert said == [
        "A change of 31 % or more in 2 imprinted regions (methylation) would have been seen.",
        "A signal of 0.13 reads per million or more in 1 reprogramming vector (RNA-seq) would "
        "have been seen.",
    ]


def test_a_value_is_told_with_its_interval_and_what_was_expected():
    text = readout_verdict.changed_text(fake.row(**CHANGED_H19))
    assert text == "H19/IGF2:IG-DMR gained: 85 % (80 to 90 %), expected 35 to 65 %"
    text = readout_verdict.changed_text(fake.gene("XIST", state="lost", value=-6.12, low=-7.0))
    assert text == "XIST lost: \u22126.1 log2 (\u22127.0 to 0.7), expected \u22121.9 to 1.9 log2"
    bare = fake.row(state="gained", value=NAN, expected_low=NAN, expected_high=NAN)
    assert readout_verdict.changed_text(bare) == "H19/IGF2:IG-DMR gained"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.513, "share", "51 %"), (0.0042, "share", "0.42 %"), (1.0, "share", "100 %"),
        (-0.04, "log2", "0.0 log2"), (-1.25, "log2", "\u22121.2 log2"),
        (34.71, "reads per million", "34.7 reads per million"), (3.0, "", "3"), (NAN, "share", ""),
        (-0.31, "share", "\u221231 %"),
    ],
)  # fmt: skip
def test_numbers_in_words(value, unit, text):
    assert readout_verdict.amount(value, unit) == text


def test_ranges_may_be_open():
    assert readout_verdict.range_text(NAN, 0.02, "share") == "at most 2 %"
    assert readout_verdict.range_text(2.0, NAN, "log2") == "at least 2.0 log2"
    assert readout_verdict.range_text(NAN, NAN, "share") == ""


def test_the_rules_follow_the_settings_and_each_has_its_citation():
    settings = made.settings()["verdict"]
    rules = {row["rule"]: row for row in assess()[1]["rules"]}
    for group in settings["readouts"]:
        assert rules[group]["verdict"] == "watch"
        assert rules[group]["reference"] == settings["citations"][group]
    assert "not male" in rules["x_chromosome"]["text"]
    graver = settings | {"readouts": {"vector": {"present": "altered"}}}
    rules = {row["rule"]: row for row in assess(settings=graver)[1]["rules"]}
    assert rules["vector"]["verdict"] == "altered"
    assert "imprinting" not in rules


def test_the_bank_sees_what_counts_in_the_latest_passage():
    early = fake.row(10, **CHANGED_H19)
    words = assess([early, fake.row(30)])[1]
    assert readout_verdict.on_bank(words) == {"n_readouts": 1, "readouts_present": ""}
    words = assess([fake.row(10), fake.row(30, label="H19; IGF2", **CHANGED_H19)])[1]
    assert readout_verdict.on_bank(words)["readouts_present"] == "H19, IGF2 gained"
    assert readout_verdict.on_bank(assess()[1])["n_readouts"] == ""
    assert readout_verdict.on_bank({})["n_readouts"] == ""


def test_the_tables_of_the_settings_know_every_group():
    assert set(made.settings()["verdict"]["readouts"]) <= set(GROUPS)
    assert set(readout_verdict.GROUP_WORDS) == set(GROUPS)


@settings(deadline=None)
@given(
    st.sampled_from(GROUPS),
    st.sampled_from(READOUT_STATES),
    st.sampled_from(("flag", "review", "annotate")),
    st.sampled_from(("female", "male", "unknown", "")),
    st.sampled_from(("rna", "methylation")),
)
def test_no_readout_ever_alters_or_blocks_by_the_settings_shipped(group, state, role, sex, assay):
    row = fake.row(group=group, state=state, role=role, assay=assay, reason="no data")
    basis = {"settings": made.settings()["verdict"]}
    line = {"sex": sex}
    sample = {"sample": "KSB-1-p30"}
    found = readout_verdict.findings(sample, fake.readouts([row]), line, basis)
    assert {finding.severity for finding in found} <= {"watch", "note"}
    # What is as expected is no finding, everything else is exactly one.
    assert len(found) == (state not in ("normal", "absent"))
    if role == "annotate":
        assert {finding.severity for finding in found} <= {"note"}
