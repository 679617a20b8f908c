"""Point mutations in the public tier: what is said, and what an attacker learns of the donor."""

import dataclasses
import json
import math

import attack
import line_records as made
import numpy as np
import pandas as pd
import pytest
from linedrift import sequencing_tables as sequencing
from linedrift import tables
from linedrift.public import privacy, public_variants
from linedrift.report import exchange
from linedrift.verdict import variant_verdict

NAN = math.nan
SETTINGS = made.settings()["public"]
R175H = "TP53:p.Arg175His"
BOTH = ("snp_array", "wes")


def record(variants, **values):
    """Return the private record of a line with exomes and these variants."""
    values = {"measurements": made.measurements(assays=BOTH), "events": [], "states": []} | values
    return made.record(variants=variants, **values)


def public(variants, **values):
    return privacy.public_line(record(variants, **values), SETTINGS)


def texts(of):
    """Return all that a record of the public tier says, as its files do."""
    parts = [json.dumps(of.verdict, ensure_ascii=False), of.findings.to_csv()]
    frames = (of.variants.called, of.variants.courses, of.variants.hotspots)
    parts += [frame.to_csv() for frame in frames]
    return "\n".join([*parts, json.dumps(of.variants.facts)])


LINE = dict(
    called=[
        made.variant(note="seen in donor-7", first_passage=10),
        made.elsewhere(1, gene="BCOR", consequence="frameshift", protein_change="p.Val462fs"),
        made.elsewhere(2), made.elsewhere(3, consequence="synonymous"),
        made.elsewhere(4, gene="GBA1", origin="expanded"),
        made.elsewhere(5, gene="ASXL1", origin="lost"),
        made.elsewhere(6, gene="SF3B1", origin="unknown"),
        made.elsewhere(7, gene="EGFR", disputed=True),
    ],
    courses=[
        made.course(passage=0, fraction=NAN, line="donor-7"), made.course(passage=10, fraction=NAN),
        made.course(fraction=0.4567, low=0.3712, high=0.5498),
        *(made.course(f"v-{gene}-{n}") for gene, n in (
            ("BCOR", 1), ("TTN", 2), ("TTN", 3), ("GBA1", 4), ("ASXL1", 5), ("SF3B1", 6),
            ("EGFR", 7))),
    ],
)  # fmt: skip


@pytest.fixture(scope="module")
def shown():
    donor = attack.Germline.make(np.random.default_rng(3))
    return public(donor.variants(**LINE, target_bp=35_000_000, annotated=True))


def test_a_hotspot_is_named_with_its_cells_and_without_reads(shown):
    (row,) = shown.variants.called.to_dict("records")
    assert (row["variant_id"], row["hotspot_id"], row["protein_change"]) == (
        "V1", R175H, "p.Arg175His",
    )  # fmt: skip
    assert (row["first_passage"], row["note"], row["quality"]) == (30, "", 60.0)
    late = shown.variants.courses.query("passage == 30").iloc[0]
    assert (late["cell_fraction"], late["low"], late["high"], late["limit"]) == (
        0.46, 0.35, 0.55, 0.1,
    )  # fmt: skip
    courses = shown.variants.courses
    assert set(courses["sample"]) == {"KSB-1-p10", "KSB-1-p30"}
    for column in ("ref_reads", "alt_reads", "allele_fraction", "copies"):
        assert courses[column].isna().all()


def test_all_others_are_counts_and_a_gene_is_told_only_where_it_decides(shown):
    counts = {(row["gene"], row["class"]): row["n"] for row in shown.variants.facts["counts"]}
    # EGFR is disputed, so it decides nothing: a missense of other genes, as TTN is.
    assert counts == {("BCOR", "truncating"): 1, ("", "missense"): 2, ("", "synonymous"): 1}
    said = texts(shown)
    for secret in (
        "donor-7", "p.Val462fs", "TTN", "GBA1", "ASXL1", "SF3B1", "EGFR p.", "v-175", "178,5",
        "expanded\"", "35.1",
    ):  # fmt: skip
        assert secret not in said, secret


def test_the_verdict_is_told_by_what_is_published(shown):
    assert shown.verdict["verdict"] == "altered"
    assert "TP53 R175H (missense) in 46 % of cells (35 to 55 %)" in shown.verdict["sentence"]
    findings = shown.verdict["passages"][-1]["findings"]
    assert "an acquired change of BCOR (truncating or splice site); cancer gene" in findings
    only = [row for row in LINE["called"] if row["gene"] == "BCOR"]
    watch = public(made.variants(only, [made.course("v-BCOR-1")], made.points()))
    assert watch.verdict["verdict"] == "watch"
    assert "BCOR" in watch.verdict["sentence"]


def test_what_was_asked_is_said_for_the_passage_as_a_whole(shown):
    asked = shown.variants.facts["asked"]
    assert asked == [
        {"sample": "KSB-1-p10", "tested": None, "present": 0, "limit": 0.1},
        {"sample": "KSB-1-p30", "tested": None, "present": 1, "limit": 0.1},
    ]
    assert set(shown.variants.hotspots["state"]) == {"present"}
    early = shown.verdict["passages"][0]["sentence"]
    assert "No point mutation was found at the TP53 hotspots that were testable" in early
    assert "10 % of cells or more" in early


def test_a_line_without_an_exome_says_so_in_public_too():
    shown = privacy.public_line(made.record([], []), SETTINGS)
    assert "Point mutations were not asked" in shown.verdict["sentence"]
    assert shown.variants.called.empty


def test_what_is_no_row_of_the_table_is_never_named():
    moved = made.variant(start=7_675_086, end=7_675_087)
    other = made.variant(ref="C", alt="A")
    doubtful = made.variant(posterior=0.95)
    for row in (moved, other, doubtful, made.variant(origin="expanded")):
        shown = public(made.variants([row], [made.course()], made.points()))
        assert shown.variants.called.empty
        assert shown.variants.courses.empty


def test_every_public_frame_keeps_its_contract(shown):
    variants = shown.variants
    for frame, table in (
        (variants.called, sequencing.VARIANTS),
        (variants.courses, sequencing.VARIANT_COURSES),
        (variants.hotspots, sequencing.VARIANT_HOTSPOTS),
    ):
        pd.testing.assert_frame_equal(tables.check(frame, table), frame)


@pytest.mark.parametrize("name", ["called", "courses", "hotspots"])
def test_a_column_that_a_private_frame_gains_does_not_get_through(name, shown):
    private = attack.Germline.make(np.random.default_rng(3)).variants(
        **LINE, target_bp=35_000_000, annotated=True, donor="Kim", warning="is donor-7 swapped?",
        foreign={"KSB-1-p30": {"of": "SECRET-3-p5", "share": 0.1}},
    )  # fmt: skip
    frame = getattr(private, name).assign(donor_genotype="AB")
    wider = dataclasses.replace(private, **{name: frame})
    assert texts(public(wider)) == texts(shown)


def test_the_published_files_hold_no_germline_variant(tmp_path, shown):
    donor = attack.Germline.make(np.random.default_rng(3)).carrier()
    of = public(donor.variants(**LINE))
    exchange.write_all(of, tmp_path)
    folder = b"\n".join(path.read_bytes() for path in tmp_path.iterdir())
    for row in donor.rows:
        if row["hotspot_id"] != R175H:  # the line has acquired the same
            for secret in (row["variant_id"], str(row["start"]), f"{row['start'] + 1:,}"):
                assert secret.encode() not in folder
    for gene in ("BRCA2", "MSH6"):  # ATM is a row of the public table of hotspots
        assert gene.encode() not in folder
    assert str(donor.inherited).encode() not in folder
    assert not any(path.name.endswith("variants.vcf.gz") for path in tmp_path.iterdir())


# The attack: which of 200 people is the donor?


@pytest.fixture(scope="module")
def crowd():
    rng = np.random.default_rng(11)
    return [attack.Germline.make(rng) for _ in range(200)], rng


def test_the_number_of_inherited_variants_names_the_donor_only_in_private(crowd):
    people, rng = crowd
    ranks = {"private": [], "public": []}
    for donor in people[:12]:
        called = dataclasses.replace(
            donor, inherited=round(donor.inherited * rng.normal(1, attack.COUNT_SD))
        )
        facts = public(called.variants()).variants.facts
        assert facts["inherited_at_least"] == 10_000
        others = [person.inherited for person in people if person is not donor]
        for tier, told in (
            ("private", called.inherited), ("public", facts["inherited_at_least"]),
        ):  # fmt: skip
            near = [-abs(n - told) if tier == "private" else float(n >= told) for n in others]
            own = (
                -abs(donor.inherited - told)
                if tier == "private"
                else float(donor.inherited >= told)
            )
            ranks[tier].append(attack.rank(own, near))
    assert np.mean(ranks["private"]) > 0.9
    assert np.mean(ranks["public"]) == pytest.approx(0.5, abs=0.02)


def test_donors_cannot_be_told_from_each_other_by_the_public_record(crowd):
    people, _ = crowd
    said = {texts(public(person.variants(**LINE))) for person in people[:10]}
    assert len(said) == 1
    assert len({person.rows for person in map(_plain, people[:10])}) > 5


def _plain(person):
    names = tuple(sorted(row["variant_id"] for row in person.rows))
    return dataclasses.replace(person, rows=names)


@pytest.mark.parametrize("line", [LINE, {"called": [], "courses": []}])
def test_a_carrier_of_tp53_cannot_be_told_from_another_donor(crowd, line):
    # The line that acquired R175H itself has no germline one.
    line = line if line["called"] == [] else {
        "called": line["called"][1:], "courses": line["courses"][3:],
    }  # fmt: skip
    donor = crowd[0][0]
    one, other = (public(person.variants(**line)) for person in (donor, donor.carrier()))
    assert texts(one) == texts(other)
    private = record(donor.carrier().variants(**line))
    basis = private.verdict["basis"]
    asked = variant_verdict.asked({"sample": "KSB-1-p30"}, private.variants, basis)
    assert asked["tested"] == asked["of"] - 1


def test_an_order_of_magnitude_is_never_above_the_number():
    for n in (0, 1, 9, 10, 99, 101, 23_456, 99_999, 100_000):
        told = public_variants._order_of_magnitude(n)
        assert told <= n
        assert n == 0 or n < 10 * told
