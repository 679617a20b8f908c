"""The public tier: what it may hold, and what an attacker with genotypes learns from it."""

import dataclasses
import json
import math

import line_records as made
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linedrift import steps, tables
from linedrift.identity.identity import CONTRADICTED
from linedrift.public import privacy
from linedrift.records import BankRecord
from linedrift.report import exchange

NAN = math.nan
SETTINGS = made.settings()["public"]
SECRETS = ("donor-7", "SECRET-3", "/data/donors", "Kim", "rs12345", "B1")


def public(record, **values):
    return privacy.public_line(record, SETTINGS | values)


def everything(record):
    """Return all that a record says, as one text."""
    parts = []
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if isinstance(value, pd.DataFrame):
            parts += [value.to_csv(), " ".join(map(str, value.columns))]
        elif dataclasses.is_dataclass(value):
            parts.append(everything(value))
        else:
            parts.append(json.dumps(value, ensure_ascii=False, default=str))
    return "\n".join(parts)


@pytest.fixture(scope="module")
def private():
    """A record whose every private field names something that must not get out."""
    inherited = made.event(
        event_id="e-7q", chrom="chr7", start=79_000_123, end=79_900_456, band="7q21.11",
        origin="inherited", hotspot_id="", iscn="arr[GRCh38] 7q21.11(79,000,124_79,900,456)×3 inh",
        note="also in SECRET-3",
    )  # fmt: skip
    states = [
        made.state(reason="seen against donor-7-p0"),
        made.state(passage=10, fraction=NAN, state="not_testable", limit=NAN,
                   reason="failed quality beside donor-7-p0"),
        made.state("e-7q"),
        made.state(passage=0, fraction=NAN, line="donor-7"),
    ]  # fmt: skip
    spots = made.hotspots(
        made.hotspot_table(), present=[("gain_20q11.21", 30, "e-20q"), ("gain_7q", 30, "e-7q")]
    )
    record = made.record(
        [inherited, made.event(note="haplotype of donor-7")],
        states,
        hotspots=spots,
        identity=made.identity(looks_like="SECRET-3-p5", reason="as SECRET-3-p5"),
        quality=pd.concat(
            [
                made.quality(reason="Kim's array", value="/data/donors/x.gtc"),
                made.quality(figure="het_rate", value="0.2871"),
            ],
            ignore_index=True,
        ),
    )
    return dataclasses.replace(
        record,
        provenance=record.provenance | {"command": "--files /data/donors/Kim.gtc"},
        settings=record.settings | {"samples": "/data/donors/samples.tsv"},
        measurements=record.measurements.assign(name_in_file="Kim", path="/data/donors/x.gtc"),
    )


def test_nothing_that_names_the_donor_gets_out(private):
    assert all(secret in everything(private) for secret in SECRETS if secret != "rs12345")
    said = everything(public(private))
    for secret in SECRETS:
        assert secret not in said


def test_inherited_events_are_a_count(private):
    shown = public(private)
    assert shown.inherited == 1
    assert list(shown.events["origin"]) == ["acquired"]
    for text in ("7q21.11", "e-7q", "79000123", "79,000,124", "79900456"):
        assert text not in everything(shown)
    hidden = shown.hotspots.query("hotspot_id == 'gain_7q' and passage == 30").iloc[0]
    assert (hidden["state"], hidden["reason"]) == ("not_testable", privacy.NO_STATEMENT)
    assert math.isnan(hidden["cell_fraction"])


def test_the_acquired_event_is_there_without_its_exact_place(private):
    event = public(private).events.iloc[0]
    assert (event["start"], event["end"]) == (30_410_000, 32_920_000)
    assert (event["start_low"], event["end_high"]) == (30_400_000, 32_940_000)
    assert event["iscn"] == "arr[GRCh38] 20q11.21q11.22(30,410,001_32,920,000)×3[0.85]"
    assert (event["event_id"], event["note"]) == ("E1", "")
    states = public(private).trajectories
    assert set(states["sample"]) == {"KSB-1-p10", "KSB-1-p30"}
    late = states[states["passage"] == 30].iloc[0]
    assert (late["cell_fraction"], late["low"], late["high"], late["limit"]) == (
        0.85,
        0.8,
        0.9,
        0.1,
    )
    assert states["support"].isna().all()
    assert states["reason"].tolist() == ["failed quality", ""]


def test_the_verdict_is_the_private_one_in_public_words(private):
    shown = public(private)
    assert shown.verdict["verdict"] == private.verdict["verdict"] == "altered"
    assert "20q11.21 gain" in shown.verdict["sentence"]
    assert shown.verdict["withheld"] == {"inherited": 1, "other": 0}
    assert all(table is not None for table in (shown.findings, shown.verdict["rules"]))


def test_no_marker_and_no_quality_outside_the_list(private):
    shown = public(private)
    assert shown.markers.empty
    assert "log_ratio" in shown.markers.columns
    assert set(shown.quality["figure"]) == {"call_rate"}
    assert set(shown.quality["value"]) == {privacy.NOT_PUBLISHED}
    asked = "at least 0.97 (fails below 0.9)"
    plain = public(made.record(quality=made.quality(expected=asked))).quality
    assert (set(plain["value"]), set(plain["expected"])) == ({"0.9987"}, {asked})
    own = public(made.record(quality=made.quality(assay="wes", figure="n_sites"))).quality
    assert own.empty  # many of its SNPs are the donor's
    odd = public(made.record(quality=made.quality(expected="as donor-7"))).quality
    assert set(odd["expected"]) == {""}


def test_private_lines_and_donors_have_no_public_record():
    assert public(made.record(line=made.LINE | {"tier": "private"})) is None
    assert public(made.record(line=made.LINE | {"tier": ""})) is None
    assert public(made.record(line=made.LINE | {"kind": "donor"})) is None


def test_a_parent_is_named_only_if_it_is_public_itself():
    record = made.record(line=made.LINE | {"parent": "SECRET-3"})
    baseline = record.measurements.assign(baseline=["SECRET-3-p4", "KSB-1-p10"])
    record = dataclasses.replace(record, measurements=baseline)
    shown = public(record)
    assert shown.line["parent"] == privacy.NOT_PUBLISHED
    assert list(shown.measurements["baseline"]) == [privacy.NOT_PUBLISHED, "KSB-1-p10"]
    named = privacy.public_line(record, SETTINGS, named=["SECRET-3"])
    assert named.line["parent"] == "SECRET-3"
    assert named.measurements["baseline"].iloc[0] == "SECRET-3-p4"
    alone = public(made.record(line=made.LINE | {"parent": ""}))
    assert alone.line["parent"] == ""


FRAMES = (
    "measurements", "events", "trajectories", "hotspots", "quality", "identity", "findings",
    "tracks", "markers",
)  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
def test_a_column_that_a_private_frame_gains_does_not_get_through(private, name):
    frame = getattr(private, name)
    wider = dataclasses.replace(private, **{name: frame.assign(donor_genotype="AB")})
    before, after = public(private), public(wider)
    assert "donor_genotype" not in everything(after)
    for other in FRAMES:
        pd.testing.assert_frame_equal(getattr(before, other), getattr(after, other))


def test_fields_that_a_private_record_gains_do_not_get_through(private):
    wider = dataclasses.replace(
        private,
        line=private.line | {"donor_name": "Kim"},
        verdict=private.verdict | {"donor": "Kim"},
        provenance=private.provenance | {"user": "Kim"},
        downloads=(("Kim.tsv", "Kim", "0"),),
    )
    assert everything(public(wider)) == everything(public(private))


def test_every_public_frame_keeps_its_contract(private):
    shown = public(private)
    for name in FRAMES:
        if name not in ("measurements", "markers"):
            table = getattr(tables, name.upper())
            pd.testing.assert_frame_equal(
                tables.check(getattr(shown, name), table), getattr(shown, name)
            )
    assert list(shown.measurements.columns) == list(privacy.MEASUREMENT_FIELDS)


def test_candidates_stay_private():
    shown = public(made.record([made.event(false_event_rate=0.3)], [made.state()]))
    assert shown.events.empty
    assert shown.trajectories.empty
    assert shown.verdict["withheld"]["other"] == 1


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({}, True),  # at a recurrent hotspot
        ({"hotspot_id": ""}, False),
        ({"hotspot_id": "", "end": 36_000_000, "end_high": 36_000_000}, True),
        ({"kind": "cn_loh", "copies": 2}, False),  # may tell how related the parents are
        ({"hotspot_id": "gain_5q34qter"}, False),
    ],
)
def test_of_unknown_origin_only_what_is_no_germline_variant(values, shown):
    event = made.event(origin="unknown", **values)
    record = made.record([event], [made.state()], line=made.LINE | {"parent": ""})
    result = public(record)
    assert len(result.events) == shown
    assert result.verdict["verdict"] == record.verdict["verdict"]
    if not shown and record.verdict["verdict"] == "watch":
        assert "not published" in result.verdict["sentence"]
        assert "not published" in result.verdict["passages"][-1]["sentence"]


def test_a_failed_identity_is_said_without_the_other_sample():
    record = made.record(identity=made.identity(state="failed", reason="looks like SECRET-3"))
    shown = public(record)
    assert shown.verdict["verdict"] == "insufficient"
    assert shown.verdict["passages"][-1]["blocked"]
    assert "SECRET" not in everything(shown)
    assert set(shown.identity["state"]) == {"failed"}


def test_a_contradicted_identity_blocks_in_public_too_without_the_other_sample():
    reason = f"its genotype differs from SECRET-3 of the same person, and {CONTRADICTED}"
    record = made.record(identity=made.identity(state="not_testable", reason=reason))
    shown = public(record)
    assert record.verdict["verdict"] == shown.verdict["verdict"] == "insufficient"
    assert "SECRET" not in everything(shown)


def test_short_hotspots_are_stated_only_where_present(private):
    shown = public(private).hotspots.query("passage == 10").set_index("hotspot_id")
    assert shown.loc["gain_20q11.21_core", "reason"] == privacy.TOO_SHORT
    assert shown.loc["loss_17p13.1_TP53", "state"] == "not_testable"
    assert tuple(shown.loc["gain_20q11.21", ["state", "limit"]]) == ("absent", 0.2)
    assert tuple(shown.loc["trisomy_12", ["state", "limit"]]) == ("absent", 0.1)
    late = public(private).hotspots.query("passage == 30").set_index("hotspot_id")
    assert tuple(late.loc["gain_20q11.21", ["state", "event_id"]]) == ("present", "E1")


def test_a_limit_is_raised_and_never_lowered():
    for limit in (0.01, 0.09, 0.11, 0.2, 0.34, 1.0):
        spots = made.hotspots(made.hotspot_table(), limit=limit)
        shown = public(made.record([], [], hotspots=spots)).hotspots
        assert (shown["limit"].dropna() >= limit).all()
    spots = made.hotspots(made.hotspot_table(), limit=NAN)
    assert (public(made.record([], [], hotspots=spots)).hotspots["state"] == "not_testable").all()


def test_finer_settings_than_the_design_allows_are_refused(private):
    for name, value in (("level_bin", 99_999), ("imbalance_length", 10), ("level_length", 1)):
        with pytest.raises(privacy.PrivacyError, match=name):
            public(private, **{name: value})


def test_a_record_that_was_not_assessed_is_refused(private):
    with pytest.raises(privacy.PrivacyError, match="assess"):
        public(dataclasses.replace(private, verdict={}))


def test_the_public_record_is_written_and_read_by_every_format(private, tmp_path):
    shown = public(private)
    downloads = exchange.write_all(shown, tmp_path)
    assert len(downloads) > 10
    read = exchange.read_json(tmp_path / "KSB-1.json")
    pd.testing.assert_frame_equal(read.events, shown.events)
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert not any(secret.encode() in content for secret in SECRETS)
    assert "##linedriftTier=public" in exchange.vcf_text(shown)


# Tracks


def test_tracks_show_events_and_the_rest_of_each_chromosome_as_one_number():
    tracks = made.tracks()
    inside = (tracks["chrom"] == "chr20") & tracks["start"].between(30_412_345, 32_900_000)
    inside &= tracks["sample"] == "KSB-1-p30"
    tracks.loc[inside, "log_ratio"] += np.float32(math.log2(2.85 / 2))
    tracks.loc[inside, "imbalance"] += np.float32(0.149)
    shown = public(made.record(tracks=tracks)).tracks
    late = shown.query("sample == 'KSB-1-p30' and chrom == 'chr20'")
    at = late["start"].between(30_500_000, 32_000_000)
    assert late.loc[at, "log_ratio"].unique() == pytest.approx([0.5])
    assert late.loc[at, "imbalance"].unique() == pytest.approx([0.16], abs=0.021)
    assert set(late.loc[~late["start"].between(30e6, 33e6), "log_ratio"]) == {0.0}
    assert (shown["end"] - shown["start"]).min() > 0
    assert set(shown["start"] % 500_000) == {0}


@pytest.mark.parametrize(
    ("length", "level", "imbalance"), [(90_000, 0, 0), (600_000, 1, 0), (1_500_000, 1, 1)]
)
def test_short_events_have_no_pooled_value(length, level, imbalance):
    event = made.event(start=31_000_000, end=31_000_000 + length - 10_000)
    tracks = made.tracks(bin_bp=50_000)
    shown = public(made.record([event], [made.state()], tracks=tracks), level_bin=100_000).tracks
    at = shown.query("chrom == 'chr20' and start == 31000000")
    assert at["log_ratio"].notna().all() == level
    assert at["imbalance"].notna().all() == imbalance


def test_a_short_germline_deletion_leaves_no_trace_in_the_tracks():
    tracks = made.tracks()
    carrier = tracks.copy()
    at = (carrier["chrom"] == "chr3") & carrier["start"].between(10_000_000, 11_000_000)
    carrier.loc[at, "log_ratio"] -= 0.5
    carrier.loc[at, "imbalance"] = NAN
    one, other = (public(made.record([], [], tracks=frame)) for frame in (tracks, carrier))
    pd.testing.assert_frame_equal(one.tracks, other.tracks)


# The bank


def bank(lines):
    columns = ["line", "tier", "parent", "sentence", "page"]
    rows = [(line, "public", "donor-7", "SECRET-3", f"lines/{line}/index.html") for line in lines]
    return BankRecord(
        tier="private",
        name="Bank",
        lines=pd.DataFrame(rows, columns=columns),
        hotspots=tables.HOTSPOTS.empty(),
        quality=tables.QUALITY.empty(),
        identity=made.identity(looks_like="SECRET-3-p5"),
        pairs=tables.IDENTITY_PAIRS.empty(),
        provenance={"linedrift": "0.1.0", "user": "Kim"},
    )


def test_the_public_bank_is_built_from_public_lines_alone(private):
    record = public(private)
    shown = privacy.public_bank(bank(["KSB-1", "SECRET-3"]), [record])
    (row,) = shown.lines.to_dict("records")
    assert (row["line"], row["verdict"], row["n_acquired"]) == ("KSB-1", "altered", 1)
    assert row["n_inherited"] == 1
    assert row["page"] == "lines/KSB-1/index.html"
    assert row["hotspots_present"] == "20q11.21 gain"
    assert set(shown.hotspots["passage"]) == {30}
    assert shown.identity.empty
    assert shown.pairs.empty
    assert not any(secret in everything(shown) for secret in SECRETS)


def test_a_private_record_is_refused_by_the_public_bank(private):
    with pytest.raises(privacy.PrivacyError, match="KSB-1"):
        privacy.public_bank(bank(["KSB-1"]), [private])


def test_a_bank_without_public_lines_is_empty_and_has_its_columns():
    shown = privacy.public_bank(bank([]), [])
    assert shown.lines.empty
    assert "verdict" in shown.lines.columns
    assert shown.hotspots.empty


@given(st.floats(0, 1), st.sampled_from([0.01, 0.05, 0.1]))
def test_an_interval_never_shrinks(value, step):
    series = pd.Series([value])
    low, high = steps.floor(series, step).item(), steps.ceil(series, step).item()
    assert low - 1e-6 <= value <= high + 1e-6
    assert high - low <= step + 1e-6


@given(st.integers(0, 250_000_000))
def test_ends_go_outward(place):
    series = pd.Series([place])
    assert steps.down(series, 10_000).item() <= place <= steps.up(series, 10_000).item()


def test_the_next_step_up():
    found = steps.at_least(pd.Series([0.0, 0.1, 0.11, 0.3, 1.0, 1.2, NAN]), [0.1, 0.3, 1.0])
    np.testing.assert_array_equal(found, [0.1, 0.1, 0.3, 0.3, 1.0, NAN, NAN])
    assert str(steps.nearest(pd.Series([-0.001]), 0.05).item()) == "0.0"
