"""Hotspots: asked where the table says, matched by its rules, and answered in three states."""

from dataclasses import replace

import line_records as made
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linedrift import genome, tables
from linedrift.events import hotspots
from linedrift.events.trajectories import events_and_courses
from linedrift.genome import GRCH38
from linedrift.wording import ALLELES_ALONE
from truth import CONFIG, MB, Event, calls_of, with_donor, world

SETTINGS = CONFIG["events"]
SPOT = {"id": "spot", "chrom": "chr7", "start": 10 * MB, "end": 20 * MB}
RULE = {
    "kinds": "gain;amplification",
    "genes": "",
    "genes_needed": "",
    "gene_share": "",
    "least_bp": "",
    "least_share": "",
    "least_copies": "",
}
GENES = pd.DataFrame(
    [("NEAR", "chr7", 12 * MB, 13 * MB), ("FAR", "chr7", 18 * MB, 19 * MB)],
    columns=["gene", "chrom", "start", "end"],
)


@pytest.fixture(scope="module")
def table():
    return made.hotspot_table()


@pytest.fixture(scope="module")
def resources(repository):
    """Return the rules, genes and look-alikes that are shipped, as call_events reads them."""
    folder = repository / "resources"
    read = {
        name: pd.read_csv(folder / f"{name}.tsv", sep="\t", keep_default_na=False)
        for name in ("cnv_hotspot_rules", "hotspot_genes")
    }
    alike = pd.read_csv(folder / "cnv_lookalikes.tsv", sep="\t")
    return read["cnv_hotspot_rules"], read["hotspot_genes"], alike.dropna(subset=["start"])


@pytest.fixture(scope="module")
def bands(repository):
    names = ["chrom", "start", "end", "band", "stain"]
    return pd.read_csv(repository / "resources" / "cytoBand.hg38.txt", sep="\t", names=names)


def at(start, end, kind="gain", copies=3, chrom="chr7", **values):
    return made.event(chrom=chrom, start=start, end=end, kind=kind, copies=copies, **values)


def match(event, **rule):
    return hotspots.matches(event, SPOT, RULE | {k: str(v) for k, v in rule.items()}, GENES)


def test_a_length_within_the_hotspot_matches():
    assert match(at(15 * MB, 25 * MB), least_bp=5 * MB)
    assert not match(at(15 * MB + 1, 25 * MB), least_bp=5 * MB)


def test_a_share_of_the_hotspot_matches():
    assert match(at(13 * MB, 90 * MB), least_share=0.7)
    assert not match(at(13 * MB + 1, 90 * MB), least_share=0.7)


def test_a_gene_matches_by_the_share_of_it_that_is_covered():
    assert match(at(12_500_000, 14 * MB), genes="NEAR", genes_needed="any", gene_share=0.5)
    assert not match(at(12_500_001, 14 * MB), genes="NEAR", genes_needed="any", gene_share=0.5)


def test_all_genes_are_more_than_any():
    event, both = at(11 * MB, 14 * MB), {"genes": "NEAR;FAR", "gene_share": 1}
    assert match(event, genes_needed="any", **both)
    assert not match(event, genes_needed="all", **both)
    assert match(at(11 * MB, 19 * MB), genes_needed="all", **both)


def test_the_ends_range_counts_as_covered():
    event = at(12_100_000, 14 * MB, start_low=11_900_000, start_high=12_200_000)
    assert match(event, genes="NEAR", genes_needed="any", gene_share=1)


def test_any_condition_suffices():
    rule = {"genes": "NEAR", "genes_needed": "any", "gene_share": 1, "least_bp": 5 * MB}
    assert match(at(12 * MB, 13 * MB), **rule)
    assert match(at(14 * MB, 19 * MB), **rule)
    assert not match(at(14 * MB, 17 * MB), **rule)


@pytest.mark.parametrize(
    "event",
    [
        at(10 * MB, 20 * MB, kind="loss", copies=1),
        at(10 * MB, 20 * MB, kind="cn_loh", copies=2),
        at(10 * MB, 20 * MB, chrom="chr8"),
        at(20 * MB, 40 * MB),
        at(0, 10 * MB),
    ],
    ids=["loss", "cn_loh", "another chromosome", "beside it", "before it"],
)
def test_an_event_of_another_kind_or_place_does_not_match(event):
    assert not match(event, least_bp=1, least_share=0.01)


def test_copies_are_needed_beside_the_other_conditions():
    assert not match(at(10 * MB, 20 * MB, copies=3), least_bp=200_000, least_copies=4)
    assert match(at(10 * MB, 20 * MB, "amplification", 4), least_bp=200_000, least_copies=4)


def test_a_rule_without_kinds_never_matches():
    assert not match(at(10 * MB, 20 * MB), kinds="", least_bp=1)


def test_every_hotspot_has_a_rule_and_every_gene_of_a_rule_a_place(table, resources):
    rules, genes, _ = resources
    assert sorted(rules["hotspot_id"]) == sorted(table["id"])
    named = {gene for text in rules["genes"] for gene in text.split(";") if gene}
    assert named <= set(genes["gene"])
    assert set(table["event"]) <= set(hotspots.ASKED)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        # BCL2L1 lies at 31.66 to 31.72 Mb.
        (("chr20", 30_412_345, 32_912_345, "gain", 3), {"gain_20q11.21", "gain_20q11.21_core"}),
        (("chr20", 31_690_000, 33_000_000, "gain", 3), {"gain_20q11.21"}),
        (("chr20", 32_000_000, 33_000_000, "gain", 3), set()),
        (("chr20", 30_412_345, 32_912_345, "loss", 1), set()),
        (("chr20", 30_412_345, 32_912_345, "cn_loh", 2), set()),
        (("chr12", 0, 133_000_000, "gain", 3), {"trisomy_12", "gain_12p", "gain_12p13.31_core"}),
        (("chr12", 40_000_000, 133_000_000, "gain", 3), set()),
        (("chr17", 0, 22_000_000, "cn_loh", 2), {"loss_17p13.1_TP53"}),
        (("chr22", 40_000_000, 50_000_000, "loss", 1), {"loss_22q13"}),
        (("chrX", 0, 156_000_000, "loss", 1), {"loss_X", "loss_Xp22"}),
    ],
)
def test_events_match_the_hotspots_that_are_shipped(table, resources, event, expected):
    chrom, start, end, kind, copies = event
    events = made.frame(tables.EVENTS, [at(start, end, kind, copies, chrom, hotspot_id="")])
    (row,) = hotspots.matched(events, table, *resources).to_dict("records")
    assert set(filter(None, row["hotspot_id"].split(";"))) == expected


def test_genes_within_an_event_are_named(table, resources):
    events = made.frame(tables.EVENTS, [at(30_412_345, 32_912_345, chrom="chr20")])
    (row,) = hotspots.matched(events, table, *resources).to_dict("records")
    assert {"BCL2L1", "ID1", "HM13", "TPX2"} <= set(row["genes"].split(";"))


def test_a_lookalike_of_germline_origin_is_marked_and_a_large_event_over_it_is_not(
    table, resources
):
    # UGT2B17: chr4 68.54 to 68.58 Mb.
    alike = at(68_530_000, 68_580_000, "loss", 1, "chr4", note="seen twice")
    large = at(60_000_000, 80_000_000, "loss", 1, "chr4", event_id="e-large")
    found = hotspots.matched(made.frame(tables.EVENTS, [large, alike]), table, *resources)
    notes = dict(zip(found["event_id"], found["note"], strict=True))
    assert notes["e-20q"].startswith("seen twice; look-alike of germline origin: UGT2B17")
    assert notes["e-large"] == ""


def test_matching_leaves_the_events_it_was_given_alone(table, resources):
    events = made.frame(tables.EVENTS, [at(30_412_345, 32_912_345, chrom="chr20", hotspot_id="")])
    before = events.copy()
    hotspots.matched(events, table, *resources)
    pd.testing.assert_frame_equal(events, before)


@given(
    start=st.integers(0, GRCH38.lengths["chr21"] - 1),
    length=st.integers(1, 5 * MB),
)
def test_a_hotspot_is_asked_with_itself_inside_and_within_its_chromosome(start, length):
    end = min(start + length, GRCH38.lengths["chr21"])
    spot = {"chrom": "chr21", "start": start, "end": end}
    _, first, last = hotspots.asked_region(spot, SETTINGS)
    assert 0 <= first <= start < end <= last <= GRCH38.lengths["chr21"]
    assert last - first >= min(end - start, SETTINGS["least_hotspot_bp"])
    if end - start >= SETTINGS["least_hotspot_bp"]:
        assert (first, last) == (start, end)


def test_fixed_questions_are_each_asked_once(table, bands):
    arms = genome.arms(bands.astype({"chrom": genome.CHROM_DTYPE}))
    asked = hotspots.regions(table, arms, SETTINGS)
    assert not asked.duplicated().any()
    places = set(asked.itertuples(index=False, name=None))
    assert ("chr20", 30_400_000, 33_500_000) in places
    assert {(chrom, 0, length) for chrom, length in GRCH38.lengths.items()} <= places
    assert (asked["start"] < asked["end"]).all()


GAIN = Event("chr20", 30_400_000, 34 * MB, "gain", 0.6)


@pytest.fixture(scope="module")
def asked(table, resources, bands):
    """Return {(hotspot, sample): row} of a line with a gain from its second passage on.

    Its third passage failed; its fourth has no locus on chr22.
    """
    w = world(501)
    blind = w.measure(GAIN)
    blind = blind[blind["chrom"] != "chr22"].reset_index(drop=True)
    passages = [w.measure(), w.measure(GAIN), w.measure(GAIN), blind]
    lines = with_donor(w.measure(), passages, "female", ["", "", "call rate .85"])
    calls = calls_of(lines, "female")
    events, states = events_and_courses("L", calls, bands, SETTINGS)
    events = hotspots.matched(events, table, *resources)
    frame = hotspots.ask(calls, events, states, table, SETTINGS)
    tables.check(frame, tables.HOTSPOTS)
    assert len(frame) == 4 * len(table)
    return {(row["hotspot_id"], row["sample"]): row for row in frame.to_dict("records")}


@pytest.mark.parametrize("spot", ["gain_20q11.21", "gain_20q11.21_core"])
def test_a_hotspot_is_present_in_the_passages_that_carry_its_event(asked, spot):
    row = asked[spot, "L-p10"]
    assert row["state"] == "present"
    assert row["cell_fraction"] == pytest.approx(0.6, abs=0.06)
    assert row["low"] <= row["cell_fraction"] <= row["high"]
    assert row["event_id"]


def test_a_hotspot_is_absent_from_the_passage_before_down_to_a_limit(asked):
    row = asked["gain_20q11.21", "L-p5"]
    assert (row["state"], row["event_id"]) == ("absent", "")
    assert 0 < row["limit"] < 1
    assert np.isnan(row["cell_fraction"])


def test_a_whole_chromosome_is_excluded_further_down_than_a_segment(asked):
    limits = [asked[spot, "L-p5"]["limit"] for spot in ("trisomy_20", "gain_20q11.21")]
    assert limits[0] < limits[1]


def test_a_hotspot_of_one_gene_says_how_it_was_asked(asked):
    assert asked["gain_20q11.21_core", "L-p5"]["reason"] == "asked as an event of 1.0 Mb"
    assert asked["gain_20q11.21", "L-p5"]["reason"] == ""


def test_nothing_is_testable_in_a_passage_that_failed(asked, table):
    for spot in table["id"]:
        row = asked[spot, "L-p15"]
        assert (row["state"], row["reason"]) == ("not_testable", "call rate .85"), spot
        assert np.isnan(row["limit"])


def test_a_chromosome_without_loci_is_not_testable(asked):
    row = asked["trisomy_12", "L-p5"]
    assert (row["state"], row["reason"]) == ("not_testable", "no loci were measured there")


def test_a_passage_without_loci_where_others_have_them_is_not_testable(asked):
    assert asked["loss_22q13", "L-p5"]["state"] == "absent"
    row = asked["loss_22q13", "L-p20"]
    assert row["state"] == "not_testable"
    assert row["reason"] == "too few informative loci (0 levels, 0 alleles)"


def test_what_the_donor_has_is_no_hotspot_of_the_line(table, resources, bands):
    w = world(502, chromosomes=("chr20", "chr22"))
    germline = replace(GAIN, cell_fraction=1.0)
    calls = calls_of(with_donor(w.measure(germline), [w.measure(germline)], "female"), "female")
    events, states = events_and_courses("L", calls, bands, SETTINGS)
    events = hotspots.matched(events, table, *resources)
    assert list(events["origin"]) == ["inherited"]
    assert "gain_20q11.21" in events.loc[0, "hotspot_id"]
    frame = hotspots.ask(calls, events, states, table, SETTINGS)
    (row,) = frame[frame["hotspot_id"] == "gain_20q11.21"].to_dict("records")
    assert row["state"] == "absent"


def test_the_event_in_most_cells_speaks_for_a_hotspot(table):
    w = world(503, chromosomes=("chr21", "chr22"))
    calls = calls_of(with_donor(w.measure(), [w.measure()], "female"), "female")
    events = [made.event(event_id=name) for name in ("few", "many", "elsewhere")]
    events[2]["hotspot_id"] = "gain_1q"
    states = [made.state(name, 5, share) for name, share in [("few", 0.2), ("many", 0.7)]]
    states = [row | {"sample": "L-p5"} for row in states]
    frame = hotspots.ask(
        calls,
        made.frame(tables.EVENTS, events),
        made.frame(tables.TRAJECTORIES, states),
        table,
        SETTINGS,
    )
    rows = {row["hotspot_id"]: row for row in frame.to_dict("records")}
    assert (rows["gain_20q11.21"]["event_id"], rows["gain_20q11.21"]["state"]) == (
        "many",
        "present",
    )
    # An event of the line that this sample does not carry leaves it as it is.
    assert rows["gain_1q"]["state"] == "not_testable"


def test_a_female_has_no_y_to_ask(table):
    w = world(504, chromosomes=("chr21", "chrX", "chrY"), sex="female")
    calls = calls_of(with_donor(w.measure(), [w.measure()], "female"), "female")
    empty = (tables.EVENTS.empty(), tables.TRAJECTORIES.empty())
    frame = hotspots.ask(calls, *empty, table, SETTINGS)
    (row,) = frame[frame["hotspot_id"] == "loss_Y"].to_dict("records")
    assert row["state"] == "not_testable"
    assert row["reason"]


def test_an_event_of_unsure_kind_leaves_a_hotspot_open(bands):
    """By alleles alone a trisomy may pass for CN-LOH: its hotspot is then not said to be absent."""
    w = world(55)
    events = [Event("chr20", 20 * MB, 64 * MB, "cn_loh", 0.5)]
    signals = [one.assign(level=np.nan) for one in (w.measure(), w.measure(*events))]
    calls = calls_of(with_donor(*signals[:1], signals[1:], "female"), "female")
    table, courses = events_and_courses("L", calls, bands, SETTINGS)
    assert len(table) == 1 and table["note"].str.contains(ALLELES_ALONE).all()
    table = table.assign(kind="cn_loh", hotspot_id="")
    spots = pd.DataFrame(
        [
            ("trisomy_20", "chr20", 0, 64_444_167, "gain"),
            ("short_20p", "chr20", 1 * MB, 9 * MB, "gain"),
        ],
        columns=["id", "chrom", "start", "end", "event"],
    ).assign(label="x", tier="A")
    found = hotspots.ask(calls, table, courses, spots, SETTINGS).set_index("hotspot_id")
    assert found.loc["trisomy_20", "state"] == "not_testable"
    assert found.loc["trisomy_20", "reason"].endswith(ALLELES_ALONE)
    assert ALLELES_ALONE not in found.loc["short_20p", "reason"]
