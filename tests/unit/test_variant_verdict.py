"""What point mutations mean, one planted situation each."""

import json
import math

import line_records as made
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linedrift import sequencing_tables as sequencing
from linedrift import tables, wording
from linedrift.verdict import verdict

NAN = math.nan
R175H = "TP53:p.Arg175His"
POINTS = made.point_table()


def judged(variants=None, exome=True, line=made.LINE, settings=None, **frames):
    """Return findings and verdict of a line of which an exome was measured, or none."""
    assays = ("snp_array", "wes") if exome else ("snp_array",)
    inputs = {"measurements": made.measurements(assays=assays), "events": [], "states": []} | frames
    return verdict.assess(
        line,
        measurements=inputs["measurements"],
        events=made.frame(tables.EVENTS, inputs["events"]),
        trajectories=made.frame(tables.TRAJECTORIES, inputs["states"]),
        hotspots=made.hotspots(made.hotspot_table()),
        hotspot_table=made.hotspot_table(),
        quality=made.quality(),
        identity=made.identity(),
        settings=made.settings()["verdict"] | (settings or {}),
        variants=made.variants([], [], None if exome else made.points().iloc[:0])
        if variants is None
        else variants,
        point_table=POINTS,
        cancer_genes=made.cancer_genes(),
    )


def of(result, passage=30):
    return next(p for p in result[1]["passages"] if p["passage"] == passage)


def one(row, **values):
    """Return the variants of a line that has this one, at passage 30 in 45 % of cells."""
    courses = [made.course(row["variant_id"], **values)]
    return made.variants([row], courses, made.points())


# What alters, what is to be watched


def test_an_acquired_tp53_hotspot_alters_the_passage_that_carries_it():
    findings, result = judged(made.variants())
    assert [p["verdict"] for p in result["passages"]] == ["stable", "altered"]
    assert "TP53 R175H (missense) in 45 % of cells (35 to 55 %), acquired" in result["sentence"]
    (row,) = findings.to_dict("records")
    assert (row["kind"], row["severity"], row["evidence"]) == ("hotspot", "altered", "v-175")
    assert "nature22312" in row["reference"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "altered"),
        ({"origin": "expanded"}, "watch"),
        ({"origin": "unknown"}, "watch"),
        ({"origin": "inherited"}, "stable"),
        ({"origin": "lost"}, "stable"),
        ({"disputed": True}, "stable"),
        ({"posterior": 0.95}, "stable"),
        # Unverified at the hotspot; but TP53 is a gene to watch.
        ({"hotspot_id": "TP53:p.Cys176Phe"}, "watch"),
        ({"hotspot_id": "TP53:p.Cys176Phe", "origin": "expanded"}, "stable"),
        ({"hotspot_id": "", "consequence": "synonymous"}, "stable"),
    ],
)
def test_origin_and_verification_decide(values, expected):
    variants = one(made.variant(**values))
    assert of(judged(variants))["verdict"] == expected


@pytest.mark.parametrize(
    ("gene", "consequence", "expected"),
    [
        ("BCOR", "frameshift", "watch"),
        ("BCOR", "frameshift_variant", "watch"),
        ("NRAS", "missense", "watch"),  # a cancer gene of IntOGen
        ("NRAS", "splice_region&stop_gained", "watch"),
        ("NRAS", "*missense", "watch"),
        ("NRAS", "inframe_deletion", "watch"),
        ("NRAS", "synonymous", "stable"),
        ("NRAS", "intron", "stable"),
        ("NRAS", "", "stable"),
        ("TTN", "stop_gained", "stable"),  # no cancer gene
        ("EGFR", "missense", "stable"),  # disputed
        ("CDK12", "stop_gained", "stable"),
        ("PATZ1", "missense", "stable"),
    ],
)
def test_a_changed_protein_of_a_cancer_gene_is_to_be_watched(gene, consequence, expected):
    row = made.elsewhere(gene=gene, consequence=consequence)
    passage = of(judged(one(row)))
    assert passage["verdict"] == expected
    assert len(passage["findings" if expected == "watch" else "notes"]) == 1


def test_a_disputed_gene_is_listed_and_says_why():
    passage = of(judged(one(made.elsewhere(gene="EGFR", disputed=True))))
    assert "EGFR p.Gly1Ser" in passage["notes"][0]
    assert "mouse feeder cells" in passage["notes"][0]
    assert "EGFR" not in passage["sentence"]


def test_other_acquired_variants_are_counted_by_class_and_decide_nothing():
    rows = [made.elsewhere(n) for n in range(1, 4)]
    rows.append(made.elsewhere(4, consequence="synonymous"))
    rows.append(made.elsewhere(5, origin="expanded"))
    courses = [made.course(row["variant_id"]) for row in rows]
    findings, result = judged(made.variants(rows, courses, made.points()))
    assert of((findings, result))["verdict"] == "stable"
    assert of((findings, result))["notes"] == [
        "4 other variants, acquired: 3 missense, 1 synonymous",
        "1 other variant, expanded: the donor has it in few cells: 1 missense",
    ]
    assert of((findings, result), 10)["notes"] == []


def test_a_hotspot_that_only_the_question_found_counts_too():
    asked = made.points(present=[(R175H, 30, {})])
    passage = of(judged(made.variants([], [], asked)))
    assert passage["verdict"] == "altered"
    assert "found where it was asked for" in passage["sentence"]
    unknown = made.points(present=[(R175H, 30, {"origin": "unknown"})])
    assert of(judged(made.variants([], [], unknown)))["verdict"] == "watch"
    unverified = made.points(present=[("KRAS:p.Gly12Asp", 30, {})])
    assert of(judged(made.variants([], [], unverified)))["verdict"] == "stable"


def test_a_hotspot_is_not_counted_twice():
    findings, _ = judged(made.variants())
    assert len(findings) == 1


def test_a_failed_identity_blocks_also_a_tp53_variant():
    failed = made.identity(state="failed", reason="someone else")
    result = verdict.assess(
        made.LINE, made.measurements(assays=("wes",)), made.frame(tables.EVENTS, []),
        made.frame(tables.TRAJECTORIES, []), made.hotspots(made.hotspot_table()),
        made.hotspot_table(), made.quality(), failed, made.settings()["verdict"],
        made.variants(), POINTS, made.cancer_genes(),
    )  # fmt: skip
    assert {passage["verdict"] for passage in result[1]["passages"]} == {"insufficient"}


def test_what_the_joint_call_warns_of_is_a_remark():
    foreign = {"KSB-1-p30": {"of": "KSB-2-p5", "share": 0.04}}
    variants = made.variants(warning="are donor and line swapped?", foreign=foreign)
    result = judged(variants)
    late, early = of(result)["notes"], of(result, 10)["notes"]
    assert late == [
        "exomes: are donor and line swapped?",
        "exomes: 4 % of the reads of KSB-1-p30 are of the person of KSB-2-p5",
    ]
    assert early == late[:1]
    assert of(result, 10)["verdict"] == "stable"


# What was asked


def test_a_bank_of_arrays_is_stable_and_says_what_was_not_asked():
    findings, result = judged(exome=False)
    assert result["verdict"] == "stable"
    assert "Point mutations were not asked: no exome of this passage." in result["sentence"]
    assert of((findings, result))["not_testable"] == ["point mutations: no exome of this passage"]
    assert not any("Point mutations" in text for text in result["detection"])
    assert set(findings["severity"]) == {"note"}


def test_a_bank_that_asks_for_exomes_gets_no_verdict_without():
    scopes = [*made.settings()["verdict"]["required_scopes"], "point"]
    result = judged(exome=False, settings={"required_scopes": scopes})[1]
    assert result["verdict"] == "insufficient"
    assert judged(settings={"required_scopes": scopes})[1]["verdict"] == "stable"


def test_limits_are_stated_for_what_is_absent():
    result = judged()[1]
    n = int((POINTS["tier"] == "A").sum())
    said = f"No point mutation was found at the {n} TP53 hotspots: each would have been "
    assert said + "seen in 9 % of cells or more." in result["sentence"]
    assert result["detection"][-1] == (
        f"Point mutations at {n} of the {n} TP53 hotspots in 9 % of cells or more would have "
        "been seen."
    )


def test_hotspots_that_were_not_testable_are_named_with_their_reason():
    spots = made.points()
    low = spots["hotspot_id"].isin([R175H, "TP53:p.Arg273His"]) & (spots["passage"] == 30)
    spots.loc[low, ["state", "reason"]] = ["not_testable", "depth 3, at least 8"]
    spots.loc[low, "limit"] = NAN
    passage = of(judged(made.variants([], [], spots)))
    assert passage["verdict"] == "stable"
    assert passage["not_testable"] == ["TP53 R273H, TP53 R175H: depth 3, at least 8"] or passage[
        "not_testable"
    ] == ["TP53 R175H, TP53 R273H: depth 3, at least 8"]
    n = int((POINTS["tier"] == "A").sum())
    assert f"found at {n - 2} of the {n} TP53 hotspots" in passage["sentence"]


def test_a_limit_above_the_one_asked_for_is_said():
    passage = of(judged(made.variants([], [], made.points(limit=0.4))))
    assert "absent, but not down to 20 % of cells" in passage["not_testable"][0]
    assert "would have been seen in 40 % of cells or more" in passage["sentence"]


def test_a_hotspot_of_the_donor_is_not_excluded_and_never_counts():
    spots = made.points(present=[(R175H, p, {"origin": "inherited"}) for p in (10, 30)])
    passage = of(judged(made.variants([], [], spots)))
    assert passage["verdict"] == "stable"
    assert "the donor has it" in passage["not_testable"][0]


def test_nothing_tested_is_no_statement_of_absence():
    spots = made.points(state="not_testable", limit=NAN, reason="failed quality")
    passage = of(judged(made.variants([], [], spots)))
    assert "were not testable." in passage["sentence"]
    assert "No point mutation" not in passage["sentence"]


def test_without_the_table_nothing_is_said_of_point_mutations():
    result = verdict.assess(
        made.LINE, made.measurements(), made.frame(tables.EVENTS, []),
        made.frame(tables.TRAJECTORIES, []), made.hotspots(made.hotspot_table()),
        made.hotspot_table(), made.quality(), made.identity(), made.settings()["verdict"],
    )  # fmt: skip
    assert "oint mutation" not in result[1]["sentence"]


def test_every_rule_is_in_words_and_the_verdict_is_json():
    result = judged(made.variants())[1]
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    rules = {rule["rule"]: rule for rule in result["rules"]}
    assert list(rules) == list(made.settings()["verdict"]["citations"])
    for name in ("point", "origin", "cancer_gene", "disputed", "variant", "point_coverage"):
        assert rules[name]["reference"]
    assert rules["point"]["verdict"] == "altered"


# The table that is shipped


def test_the_shipped_hotspots_are_well_formed():
    assert POINTS["id"].is_unique
    assert set(POINTS["scope"]) == {"point", "gene"}
    points = POINTS[POINTS["scope"] == "point"]
    assert (points["id"] == points["gene"] + ":" + points["hgvs_p"]).all()
    start, end = points["start"].astype(int), points["end"].astype(int)
    assert (end - start == points["ref"].str.len()).all()
    flags = POINTS[POINTS["tier"] == "A"]
    assert set(flags["gene"]) == {"TP53"}
    assert flags["verification"].str.startswith(("verified", "list-verified")).all()
    disputed = POINTS[POINTS["disputed"] == "yes"]
    assert set(disputed["gene"]) == {"EGFR", "CDK12", "PATZ1"}
    assert set(disputed["tier"]) == {"C"}
    assert POINTS["source"].ne("").all()


def test_the_codes_of_the_hotspots_agree():
    names = dict(zip(POINTS["id"], POINTS["label"], strict=True))
    assert (names[R175H], names["TP53:p.Arg196Ter"]) == ("TP53 R175H", "TP53 R196*")


# Words


@given(st.sampled_from([term for terms in wording.CONSEQUENCES.values() for term in terms]))
def test_a_combined_consequence_is_at_least_as_grave(term):
    order = list(wording.CONSEQUENCES)
    alone = wording.consequence_class(term)
    for other in ("synonymous", "intron", "splice_region"):
        both = wording.consequence_class(f"{other}&{term}")
        assert order.index(both) <= order.index(alone)
    assert wording.consequence_class(f"*{term}_variant") == alone


def test_a_variant_without_annotation_is_named_by_its_place():
    row = made.elsewhere(gene="", protein_change="", consequence="")
    assert wording.variant_name(row) == "chr2:178,526,991 G>A"
    long = row | {"alt": "A" * 40}
    assert wording.variant_name(long) == "chr2:178,526,991 G>AAAAAAAA…(40 bp)"


def test_the_bank_compares_a_gene_by_its_largest_variant_and_worst_limit():
    from linedrift.verdict import variant_verdict

    basis = judged()[1]["basis"]
    sample = {"sample": "KSB-1-p30", "assays": ("wes",)}
    (row,) = variant_verdict.gene_rows(sample, 30, made.variants(), basis).to_dict("records")
    assert (row["label"], row["state"], row["cell_fraction"]) == (
        "TP53 point mutations", "present", 0.45,
    )  # fmt: skip
    spots = made.points()
    spots.loc[spots["hotspot_id"] == R175H, "limit"] = 0.15
    clean = made.variants([], [], spots)
    (row,) = variant_verdict.gene_rows(sample, 30, clean, basis).to_dict("records")
    assert (row["state"], row["limit"]) == ("absent", 0.15)
    none = variant_verdict.gene_rows(sample | {"assays": ()}, 30, clean, basis).iloc[0]
    assert (none["state"], none["reason"]) == ("not_testable", "no exome of this passage")
    assert sequencing.VARIANT_HOTSPOTS.names == list(spots.columns)
