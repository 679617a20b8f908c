"""The section of variants on the page of a line: what is listed, drawn, counted and asked."""

import dataclasses
import html
import json
import re

import fake_records
import fake_variants
import pandas as pd
from fake_records import HOSTILE
from linedrift.public import privacy
from linedrift.report import pages, variant_views, views
from page_reading import STUB, TEMPLATES, Page, line
from plotly.offline import get_plotlyjs

EXOME = line(exome=True, failed=25)
EMPTY = line(exome=True, empty=True)
HOSTILE_EXOME = line(name="X1", exome=True, text=HOSTILE)
PUBLIC_EXOME = pages.line_page(
    privacy.public_line(fake_records.line_record(exome=True), fake_records.settings()["public"]),
    TEMPLATES,
    STUB,
)


def variants_of(page):
    return Page(page.split('id="variants"')[1].split("</section>")[0])


def test_variants_are_listed_by_what_decides_and_drawn():
    parsed = variants_of(EXOME)
    names = re.findall(r"V\d+ (TP53 R175H|BCOR p\.Val462fs|TTN p\.\w+|EGFR p\.\w+)", parsed.text)
    assert names[:2] == ["TP53 R175H", "BCOR p.Val462fs"]
    assert "alters" in parsed.text
    assert "expanded" in parsed.text
    assert "disputed: may be reads of mouse feeder cells" in parsed.text
    assert parsed.all("div", id="fig-variants")
    data = next(
        text for attrs, text in Page(EXOME).scripts if attrs.get("id") == "fig-variants-data"
    )
    assert "TP53 R175H" in data


def test_what_the_donor_has_is_a_count_and_a_folded_list():
    parsed = variants_of(EXOME)
    assert "Variants that the donor has too: 31,402" in parsed.text
    assert "low complexity 212" in parsed.text
    shown, folded = EXOME.split("of the donor listed", 1)
    assert fake_variants.INHERITED not in shown
    assert fake_variants.INHERITED in folded
    figure = next(
        text for attrs, text in Page(EXOME).scripts if attrs.get("id") == "fig-variants-data"
    )
    assert "BRCA2" not in figure
    assert "ASXL1" not in figure


def test_every_point_hotspot_is_asked_and_the_states_differ():
    text = variants_of(EXOME).text
    for label in fake_records.shipped_points().query("scope == 'point'")["label"]:
        assert label in text
    assert "failed quality: 4x on average" in text
    assert "no target of the capture" in text
    empty = variants_of(EMPTY).text
    assert "No acquired variant was found on 35.1 Mb of targets" in empty
    assert "<\u00a08\u00a0%" in html.unescape(EMPTY)


def test_the_certificate_has_rows_for_exomes():
    rows = {
        name: variant_views.certificate(record, views.samples_of(record))
        for name, record in (
            ("exome", fake_records.line_record(exome=True)),
            ("empty", fake_records.line_record(exome=True, empty=True)),
            ("array", fake_records.line_record()),
        )
    }
    points, acquired = rows["exome"]
    assert (points["result"], points["state"]) == ("TP53 R175H present", "fail")
    assert acquired["result"] == "TP53 R175H, BCOR p.Val462fs; 5 others"
    assert [row["state"] for row in rows["empty"]] == ["pass", "pass"]
    assert rows["empty"][0]["limit"] == "8 % of cells or less"
    (array,) = rows["array"]
    assert (array["result"], array["state"]) == ("not asked", "open")
    assert "Point mutations were not asked: no exome" in Page(line()).text


def test_two_assays_of_one_sample_stay_apart():
    record = fake_records.line_record(exome=True)
    parsed = Page(EXOME)
    for passage in (12, 25, 38, 52):
        for assay in ("SNP array", "exome"):
            assert f"LD001-p{passage}, {assay}" in parsed.text
    genome = next(text for attrs, text in parsed.scripts if attrs.get("id") == "fig-genome-data")
    assert json.loads(genome)["layout"]["yaxis16"]
    # The sheet may list all arrays and then all exomes.
    apart = record.tracks.sort_values("assay", kind="stable", ignore_index=True)
    tidy = views.by_passage(apart, views.samples_of(record))
    shown = tidy[["sample", "assay"]].drop_duplicates()
    assert shown["assay"].tolist() == ["snp_array", "wes"] * 4
    assert shown["sample"].is_monotonic_increasing
    assert [sample["label"] for sample in views.samples_of(record)] == ["p12", "p25", "p38", "p52"]
    banks = record.measurements["bank"].where(record.measurements["assay"] == "wes", "")
    late = dataclasses.replace(record, measurements=record.measurements.assign(bank=banks))
    assert [sample["bank"] for sample in views.samples_of(late)] == ["seed", "", "MCB", "WCB"]


def test_hostile_texts_of_variants_are_printed_and_never_markup():
    page = HOSTILE_EXOME
    assert HOSTILE in Page(page).text
    assert "<script>alert" not in page


def test_a_line_with_a_thousand_variants_and_exomes_stays_under_six_megabytes():
    record = fake_records.line_record(exome=True)
    called, courses = record.variants.called, record.variants.courses
    one = called[called["gene"] == "TTN"]
    course = courses[courses["variant_id"] == one["variant_id"].iloc[0]]
    many = [called] + [one.assign(variant_id=f"v{n}") for n in range(1000)]
    rows = [courses] + [course.assign(variant_id=f"v{n}") for n in range(1000)]
    variants = dataclasses.replace(
        record.variants, called=pd.concat(many), courses=pd.concat(rows, ignore_index=True)
    )
    page = pages.line_page(
        dataclasses.replace(record, variants=variants), TEMPLATES, get_plotlyjs()
    )
    assert len(page.encode()) < 6_000_000
    assert "further variants stand in the files only" in Page(page).text


def test_of_unknown_origin_is_listed_last_and_drawn_nowhere():
    record = fake_records.line_record(exome=True)
    called = record.variants.called
    alone = called.assign(origin=called["origin"].where(called["gene"] != "TTN", "unknown"))
    variants = dataclasses.replace(
        record.variants, called=alone, facts=record.variants.facts | {"warning": "a swap?"}
    )
    page = pages.line_page(dataclasses.replace(record, variants=variants), TEMPLATES, STUB)
    names = re.findall(r"V\d+ (\w+)", variants_of(page).text.split("Quality is")[0])
    assert names[-1] == "TTN"
    scripts = Page(page).scripts
    figure = next(text for attrs, text in scripts if attrs.get("id") == "fig-variants-data")
    assert "TTN" not in figure
    assert "look a swap?" in variants_of(page).text


def test_the_public_page_names_hotspots_and_counts_the_rest():
    page = PUBLIC_EXOME
    text = variants_of(page).text
    assert "V1 TP53 R175H" in text
    assert "BCOR truncating or splice site" in text
    assert "other genes missense" in text
    assert "10,000 or more" in text
    for secret in (fake_variants.INHERITED, "31,402", "p.Val462fs", "178,530,012", "GBA1", "ASXL1"):
        assert secret not in page
    assert " of 120 reads" not in page


# The public tier


def test_a_donor_s_page_says_that_only_hotspots_were_read():
    said = "Of a donor alone only the targets that hold a hotspot are read"
    assert said not in variants_of(EXOME).text
    record = fake_records.line_record(exome=True)
    donor = dataclasses.replace(record, line=dict(record.line) | {"kind": "donor", "parent": ""})
    assert said in variants_of(pages.line_page(donor, TEMPLATES, STUB)).text
