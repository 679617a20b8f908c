"""Known variants are asked in every sample: present, absent, not testable."""

import dataclasses

import numpy as np
import pandas as pd
from linedrift.genome import CHROM_DTYPE
from linedrift.variants.error_model import error_model
from linedrift.variants.variants import ask_hotspots
from variant_counts import DONOR, HOTSPOTS, SETTINGS, call, counts, only


def at_hotspots(*reads, roles=("baseline", "own", "own")):
    points = HOTSPOTS[HOTSPOTS["scope"] == "point"].iloc[: len(reads)]
    places = {name: points[name].to_numpy() for name in ("start", "ref", "alt")}
    chrom = pd.Categorical(points["chrom"], dtype=CHROM_DTYPE)
    return counts(reads, roles, chrom=chrom, **places)


def ask(given_counts, variants=None):
    model = error_model(given_counts.take(slice(0)), SETTINGS)
    return ask_hotspots(given_counts, model, SETTINGS, HOTSPOTS, variants=variants)


def test_every_hotspot_is_asked_in_every_sample():
    asked = ask(at_hotspots([DONOR, (100, 30), (4, 0)]))
    assert len(asked) == 3 * 3
    first = asked[asked["hotspot_id"] == "TP53:p.Arg175His"].set_index("sample")
    assert list(first["state"]) == ["absent", "present", "not_testable"]
    assert 0 < first.loc["D0-p0", "limit"] < 0.2
    rest = asked[asked["hotspot_id"] != "TP53:p.Arg175His"]
    assert set(rest["state"]) == {"not_testable"}
    assert set(rest["depth"]) == {0}
    assert rest["reason"].str.len().min() > 0


def test_hotspots_are_found_among_other_candidates():
    hot = at_hotspots([DONOR, (100, 30), (100, 0)])
    rest = counts([[DONOR, DONOR, DONOR]] * 3, hot.roles)
    both = dataclasses.replace(
        hot,
        sites=pd.concat([rest.sites, hot.sites], ignore_index=True).astype({"chrom": CHROM_DTYPE}),
        ref=np.concatenate([rest.ref, hot.ref]),
        alt=np.concatenate([rest.alt, hot.alt]),
    )
    pd.testing.assert_frame_equal(ask(both), ask(hot))


def test_a_hotspot_that_the_joint_call_found_is_tracked_down_to_fewer_reads():
    given_counts = at_hotspots([(400, 0), (200, 3), (200, 40)])
    alone = ask(given_counts).set_index(["hotspot_id", "sample"])
    calls = call(given_counts)
    assert list(calls.variants["hotspot_id"]) == ["TP53:p.Arg175His"]
    joint = ask(given_counts, calls.variants).set_index(["hotspot_id", "sample"])
    place = ("TP53:p.Arg175His", "L1-p1")
    assert alone.loc[place, "state"] == "absent"
    assert joint.loc[place, "state"] == "present"
    assert joint.loc[place, "origin"] == "acquired"


def test_unverified_and_disputed_hotspots_never_flag():
    asked = ask(at_hotspots(*[[DONOR, (100, 30), (100, 30)]] * 3))
    flags = asked.groupby("hotspot_id")["flags"].first()
    assert flags.to_dict() == {
        "TP53:p.Arg175His": True, "KRAS:p.Gly12Asp": False, "TP53:p.Arg248Gln": False,
    }  # fmt: skip


def test_a_hotspot_needs_less_evidence_than_any_place():
    few = [DONOR, (100, 6), (100, 0)]
    assert only(call(at_hotspots(few)))["posterior"] > 0.9
    elsewhere = call(counts([few], ("baseline", "own", "own")), {"min_posterior": 1e-6})
    assert elsewhere.variants["posterior"].max() < 0.9
