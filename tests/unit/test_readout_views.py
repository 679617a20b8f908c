"""Sections Methylation and Expression of a line's page, and their rows of the certificate."""

import dataclasses
import json
import math

import fake_readouts as fake
import fake_records
import line_records as made
import pandas as pd
import pytest
from linedrift.public import privacy
from linedrift.records import Readouts
from linedrift.report import pages, readout_views, views
from linedrift.verdict import verdict

NAN = math.nan
TEMPLATES = pages.environment(fake_records.REPOSITORY / "resources" / "pages")
BOTH = ("rna", "methylation")


def record(readouts, assays=BOTH, line=made.LINE):
    """Return the record of the small line with these readouts, judged with them."""
    arrays = made.measurements()
    both = [arrays, *(arrays.assign(assay=assay, platform="") for assay in assays)]
    of = made.record([], [], line=line, measurements=pd.concat(both, ignore_index=True))
    return judged(dataclasses.replace(of, readouts=readouts))


def judged(of):
    findings, words = verdict.judge(
        of.line, of.measurements, of.events, of.trajectories, of.hotspots, of.quality,
        of.identity, of.verdict["basis"], of.variants, of.readouts,
    )  # fmt: skip
    return dataclasses.replace(of, findings=findings, verdict=words)


def section(of, name="methylation"):
    return readout_views.section(of, views.samples_of(of))[name]


def rows_of(part, group):
    """Return the rows of a group by label, what counts first."""
    (found,) = [own for own in part["groups"] if own["group"] == group]
    return {row["label"]: row for matrix in found["parts"] for row in matrix["rows"]}


def page(of):
    return pages.line_page(of, TEMPLATES, "/* plotly */")


@pytest.fixture(scope="module")
def drifting():
    """A line of four passages with both assays, every kind of readout, and differences."""
    of = fake_records.line_record()
    arrays = of.measurements
    both = [arrays, *(arrays.assign(assay=assay) for assay in BOTH)]
    of = dataclasses.replace(
        of, measurements=pd.concat(both, ignore_index=True), readouts=fake.line()
    )
    return judged(of)


# Cells -------------------------------------------------------------------------------------------


def test_the_states_never_look_alike():
    normal = readout_views.cell(fake.row(), True)
    gained = readout_views.cell(fake.row(state="gained", value=0.85), True)
    minor = readout_views.cell(fake.row(state="gained", value=0.85), False)
    absent = readout_views.cell(fake.vector(), True)
    untested = readout_views.cell(fake.untested(), True)
    assert [cell["state"] for cell in (normal, gained, minor, absent, untested)] == [
        "absent", "present", "present", "absent", "not_testable",
    ]  # fmt: skip
    assert (normal["text"], gained["text"], gained["interval"]) == (
        "51\u00a0%", "85\u00a0%", "gained",
    )  # fmt: skip
    assert (gained["minor"], minor["minor"]) == (False, True)
    assert absent["text"] == "<\u00a00.13"
    assert untested["reason"] == "too few probes: 0 of 3"


def test_the_title_of_a_cell_says_all_that_is_known():
    title = readout_views.cell(fake.row(reason="3 probes left out"), True)["title"]
    assert title == (
        "normal: 51 % (46 to 57 %); expected 35 to 65 % by 8 other lines of the bank; a change "
        "of 18 % or more would have been seen; 47 loci or reads; 3 probes left out"
    )
    title = readout_views.cell(fake.vector(), True)["title"]
    assert "0.13 reads per million or more would have been seen" in title
    bare = fake.row(value=NAN, low=NAN, high=NAN, limit=NAN, expected_low=NAN, expected_high=NAN)
    cell = readout_views.cell(bare | {"n": 0}, True)
    assert (cell["text"], cell["title"]) == ("normal", "normal")
    json.dumps(cell, allow_nan=False)


def test_a_change_without_a_number_says_its_state():
    cell = readout_views.cell(fake.row(state="lost", value=NAN), True)
    assert (cell["text"], cell["interval"]) == ("lost", "")


def test_a_state_that_sums_up_others_has_its_words_by_a_letter():
    state = {"group": "x_chromosome", "item": "x_state", "place": "", "n": 0, "value": NAN}
    state |= {"state": "lost", "role": "annotate", "low": NAN, "high": NAN}
    words = "eroded: XIST promoter methylated, islands of X not"
    rows = [fake.row(30, reason=words, **state), fake.untested(10, **(state | {"value": NAN}))]
    rows[1] |= {"state": "not_testable", "reason": "no data"}
    part = section(record(fake.readouts(rows)))
    early, late = rows_of(part, "x_chromosome")["x_state"]["cells"]
    assert (late["text"], late["mark"], early["mark"]) == ("lost", "b", "a")
    assert part["reasons"][1] == {"mark": "b", "text": words}
    assert "<b>lost</b><sup>b</sup>" in page(record(fake.readouts(rows)))


# Sections ----------------------------------------------------------------------------------------


def test_there_is_no_section_where_nothing_was_measured():
    of = record(Readouts(), assays=())
    assert readout_views.section(of, views.samples_of(of)) == {"methylation": {}, "expression": {}}
    text = page(of)
    assert 'id="methylation"' not in text
    assert 'id="expression"' not in text
    results = {row["test"]: row["result"] for row in certificate(of)}
    assert results == {"Methylation": "not measured", "Expression": "not measured"}


def certificate(of):
    return readout_views.certificate(of, views.samples_of(of))


def test_the_matrix_has_every_question_in_every_passage_that_was_measured():
    rows = [fake.row(10), fake.row(30, state="gained", value=0.85, role="flag")]
    rows += [fake.row(30, item="PEG3:TSS-DMR"), fake.row(30, item="X", role="annotate")]
    part = section(record(fake.readouts(rows)))
    (imprinting,) = part["groups"]
    assert [matrix["kind"] for matrix in imprinting["parts"]] == ["decides", "rest"]
    assert [matrix["found"] for matrix in imprinting["parts"]] == [1, 0]
    assert [matrix["open"] for matrix in imprinting["parts"]] == [0, 0]
    found = rows_of(part, "imprinting")
    assert [cell["text"] for cell in found[fake.H19]["cells"]] == ["51\u00a0%", "85\u00a0%"]
    assert found[fake.H19]["expected"] == "35 to 65 %"
    early, late = found["PEG3:TSS-DMR"]["cells"]
    assert (early["state"], late["state"]) == ("not_testable", "absent")
    assert part["reasons"] == [{"mark": "a", "text": "not asked in this sample"}]


def test_of_ranges_that_differ_between_passages_the_widest_stands_beside_them():
    rows = [fake.row(10), fake.row(30, expected_low=0.3)]
    found = rows_of(section(record(fake.readouts(rows))), "imprinting")
    assert found[fake.H19]["expected"] == "30 to 65 %, by passage"
    assert "expected 30 to 65 %" in found[fake.H19]["cells"][1]["title"]
    rows = [fake.gene(passage=10), fake.gene(expected_low=-2.5)]
    genes = rows_of(section(record(fake.readouts(rows)), "expression"), "pluripotency")
    assert genes["POU5F1"]["expected"] == "\N{MINUS SIGN}2.5 to 1.9 log2, by passage"


def test_a_group_without_a_title_is_shown_all_the_same():
    part = section(record(fake.readouts([fake.row(group="hotspot_gene")])))
    assert part["groups"][0]["title"] == "Gene of a hotspot"


def test_only_samples_with_the_assay_have_a_column(drifting):
    asked = drifting.readouts.asked
    some = asked[(asked["assay"] != "rna") | (asked["passage"] > 12)]
    of = dataclasses.replace(drifting, readouts=Readouts(some))
    assert [row["label"] for row in section(of, "expression")["samples"]] == ["p25", "p38", "p52"]
    assert len(section(of)["samples"]) == 4


def test_drift_is_drawn_by_passage_with_its_values_in_the_matrix(drifting):
    part = section(drifting)
    data = part["figure"]["plot"]["data"]
    assert [trace["x"] for trace in data] == [[12, 25, 38, 52]] * 2
    assert data[0]["y"] == [0.0, 1.3, 2.6, 3.9]
    assert data[0]["error_y"]["array"] == [0.6] * 4
    found = rows_of(part, "drift")
    assert [cell["text"] for cell in found[data[0]["name"]]["cells"]][1] == "1.3\u00a0%"
    assert part["figure"]["omitted"] == 0
    (drift,) = [group for group in part["groups"] if group["group"] == "drift"]
    assert [matrix["kind"] for matrix in drift["parts"]] == ["curve", "rest"]
    json.dumps(part, allow_nan=False)


def test_a_curve_needs_two_passages_and_one_unit():
    drift = {"group": "drift", "place": "", "value": 0.01}
    one = [fake.row(10, item="a", **drift)]
    assert section(record(fake.readouts(one)))["figure"] == {}
    two = [*one, fake.row(30, item="a", **drift)]
    other = [fake.row(p, item="years", **(drift | {"unit": "years"})) for p in (10,)]
    figure = section(record(fake.readouts([*two, *other])))["figure"]
    assert ([trace["name"] for trace in figure["plot"]["data"]], figure["omitted"]) == (["a"], 1)
    many = [fake.row(p, item=f"m{k}", **drift) for p in (10, 30) for k in range(9)]
    figure = section(record(fake.readouts(many)))["figure"]
    assert (len(figure["plot"]["data"]), figure["omitted"]) == (readout_views.MAX_CURVES, 2)


def test_differences_are_listed_by_q_and_counted_by_passage(drifting):
    part = section(drifting)
    counted = {row["label"]: row["n"] for row in part["n_differences"]}
    assert counted == {"p12": "0", "p25": "40", "p38": "80", "p52": "120"}
    assert len(part["differences"]) == readout_views.MAX_DIFFERENCES
    assert part["omitted"] == 240 - readout_views.MAX_DIFFERENCES
    assert part["differences"][0]["q"] == "1e-06"
    assert {row["difference"][0] for row in part["differences"]} == {"+", "\u2212"}
    weak = [fake.difference(q_value=0.2)]
    of = record(fake.readouts([fake.row()], weak))
    assert section(of)["differences"] == []
    assert section(of, "expression") == {}


# Certificate -------------------------------------------------------------------------------------


def test_the_certificate_has_a_row_for_each_group(drifting):
    rows = {row["test"]: row for row in certificate(drifting)}
    imprinting = rows["Imprinted regions"]
    assert imprinting["result"] == (
        "H19/IGF2:IG-DMR gained, PEG3:TSS-DMR gained; 3 as expected; 1 not testable"
    )
    assert (imprinting["state"], imprinting["limit"]) == ("fail", "a change of 18 %")
    assert imprinting["passages"] == "p12, p25, p38, p52"
    assert rows["Markers of pluripotency"]["state"] == "pass"
    lineage = rows["Markers of lineages"]
    assert (lineage["state"], lineage["criterion"]) == ("plain", "for information")
    assert lineage["result"] == "PAX6 gained, SOX1 gained, NES gained and 2 more; 9 as expected"
    assert rows["Reprogramming vectors"]["limit"] == "0.13 reads per million"


def test_a_group_that_could_not_be_tested_is_open():
    (row, _) = certificate(record(fake.readouts([fake.untested()]), ("methylation",)))
    assert (row["result"], row["state"], row["limit"]) == ("1 not testable", "open", "")


def test_a_record_without_a_verdict_has_no_rows():
    of = dataclasses.replace(record(Readouts()), verdict={})
    assert readout_views.certificate(of, views.samples_of(of)) == []


def test_the_quality_of_each_assay_is_named_by_what_it_asks():
    of = record(Readouts(), ("wes",))
    rows = views.certificate(of, views.hotspot_matrix(of.hotspots, views.samples_of(of), {}))
    method = next(row["method"] for row in rows if row["test"] == "Data quality")
    assert method == (
        "SNP array: calls, noise, waves, foreign DNA; exome: depth, targets, noise, foreign DNA"
    )


# Pages -------------------------------------------------------------------------------------------


def test_the_page_has_both_sections(drifting):
    text = page(drifting)
    for words in (
        'id="methylation"', 'id="expression"', "Imprinted regions", "XIST and the X chromosome",
        "Reprogramming vectors", 'id="fig-drift-data"', "Acquired differences",
        "Methylation is asked at curated regions", "/* plotly */", "state present minor",
    ):  # fmt: skip
        assert words in text, words
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_texts_of_readouts_are_escaped():
    bad = fake_records.HOSTILE
    rows = [fake.untested(item=bad, label=bad, reason=bad), fake.row(item="a", against=bad)]
    rows += [fake.row(p, item="d", label=bad, group="drift", place="") for p in (10, 30)]
    text = page(record(fake.readouts(rows)))
    assert bad not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_the_public_page_shows_states_and_no_places_of_differences(drifting):
    shown = privacy.public_line(drifting, made.settings()["public"])
    part = section(shown)
    assert part["differences"] == []
    assert {row["label"]: row["n"] for row in part["n_differences"]} == {
        "p12": "0", "p25": "40", "p38": "80", "p52": "100",
    }  # fmt: skip
    found = rows_of(part, "imprinting")
    assert [cell["text"] for cell in found[fake.H19]["cells"]] == [
        "normal", "normal", "70\u00a0%", "80\u00a0%",
    ]  # fmt: skip
    text = page(shown)
    assert "Their places are not shown in the public tier" in text
    assert "BCL2L1 gained" not in text
    assert 'id="fig-drift-data"' in text
