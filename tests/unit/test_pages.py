"""Pages of lines and of the bank: form, safety, order, states, size; what is public."""

import base64
import dataclasses
import hashlib
import html
import json
import re

import fake_records
import numpy as np
import pandas as pd
import pytest
from fake_records import HOSTILE, HOSTILE_NAMES
from linedrift import tables
from linedrift.identity.identity import CONTRADICTED
from linedrift.public import privacy
from linedrift.report import pages, views
from linedrift.verdict.verdict import DISCLAIMER
from page_reading import STUB, TEMPLATES, Page, line
from plotly.offline import get_plotlyjs

PRIVATE = line(failed=38)
PUBLIC = line(tier="public")
EXOME = line(exome=True, failed=25)
BANK = pages.bank_page(fake_records.bank_record(8, hostile=True), TEMPLATES)
ALL_PAGES = {
    "private": PRIVATE,
    "public": PUBLIC,
    "empty": line(empty=True),
    "hostile": line(name=HOSTILE, donor="</script><b>"),
    "exome": EXOME,
    "hostile exome": line(name="X1", exome=True, text=HOSTILE),
    "public exome": pages.line_page(
        privacy.public_line(
            fake_records.line_record(exome=True), fake_records.settings()["public"]
        ),
        TEMPLATES,
        STUB,
    ),
    "exome without a variant": line(exome=True, empty=True),
    "bank": BANK,
    "public bank": pages.bank_page(fake_records.bank_record(5, tier="public"), TEMPLATES),
}


@pytest.fixture(params=ALL_PAGES)
def page(request):
    return ALL_PAGES[request.param]


# What every page keeps


def test_tags_are_balanced(page):
    parsed = Page(page)
    assert parsed.wrong == []
    assert parsed.open == []


def test_no_url_is_loaded(page):
    parsed = Page(page)
    for tag, attrs in parsed.elements:
        assert tag not in {"link", "iframe", "object", "embed", "img", "base", "form"}
        assert not {"src", "srcset", "poster", "action", "data", "background"} & set(attrs)
        href = attrs.get("href", "#none")
        assert re.fullmatch(r"#[a-z-]+|\./[^:]+", href), href
        assert "url(" not in attrs.get("style", "")
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL).group(1)
    assert "@import" not in style
    assert "url(" not in style


def test_the_policy_allows_the_scripts_of_the_page_and_nothing_else(page):
    parsed = Page(page)
    [policy] = [
        attrs["content"]
        for attrs in parsed.all("meta")
        if attrs.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    allowed = set(rules["script-src"].split())
    code = [text for attrs, text in parsed.scripts if attrs.get("type") != "application/json"]
    made = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in code}
    assert {f"'sha256-{digest}'" for digest in made} <= allowed
    assert not any(word in rules["script-src"] for word in ("unsafe", "http", "*"))


def test_no_script_stands_in_an_attribute(page):
    for _, attrs in Page(page).elements:
        assert not [name for name in attrs if name.startswith("on")]
        assert not attrs.get("href", "").lower().startswith(("javascript", "data", "file"))


def test_a_screen_reader_finds_its_way(page):
    parsed = Page(page)
    assert parsed.all("html")[0]["lang"] == "en"
    for landmark in ("header", "nav", "main", "footer", "h1"):
        assert len(parsed.all(landmark)) == 1, landmark
    assert len(parsed.all("table")) == len(parsed.all("caption"))
    assert all(attrs.get("scope") for attrs in parsed.all("th"))
    ids = [attrs["id"] for _, attrs in parsed.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for _, attrs in parsed.elements:
        if "aria-labelledby" in attrs:
            assert attrs["aria-labelledby"] in ids
        if attrs.get("href", "").startswith("#"):
            assert attrs["href"][1:] in ids
    for plot in parsed.all("div", **{"class": "plot"}):
        assert len(plot["aria-label"]) > 40
    assert len(parsed.all("figure")) == len(parsed.all("figcaption"))
    assert len(parsed.all("figure")) <= len(parsed.all("details"))


def test_the_disclaimer_and_the_tier_stand_on_it(page):
    parsed = Page(page)
    assert DISCLAIMER in parsed.text
    assert re.search(r"\b(private|public) tier\b", parsed.text)


def test_no_word_of_the_templates_is_left_unfilled(page):
    text = Page(page).text
    assert not re.search(r"\bnan\b|\bNaN\b|\bNone\b(?! of these)|<NA>|\{\{|\{%", text)


# Names from the sheets


def test_hostile_names_are_printed_and_never_markup():
    parsed = Page(BANK)
    for name in HOSTILE_NAMES:
        assert name in parsed.text
    assert "<script>alert" not in BANK
    assert len(parsed.scripts) == 1
    assert "한국어" in BANK


def test_a_hostile_line_stays_inside_its_figures_too():
    page = ALL_PAGES["hostile"]
    parsed = Page(page)
    assert HOSTILE in parsed.text
    assert "<script>alert" not in page
    data = [text for attrs, text in parsed.scripts if attrs.get("type") == "application/json"]
    assert data
    for text in data:
        assert "<" not in text
        json.loads(text)


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("LD001/events.tsv", "./LD001/events.tsv"),
        ("한 국.tsv", "./%ED%95%9C%20%EA%B5%AD.tsv"),
        ("javascript:alert(1)", "./javascript%3Aalert%281%29"),
        ("../x", ""),
        ("a/../../x", ""),
        ("/etc/passwd", ""),
        ("//host/x", ""),
        ("a\\b", ""),
        ("", ""),
    ],
)
def test_links_stay_in_the_folder_of_the_page(name, link):
    assert views.relative_link(name) == link


def test_a_script_that_would_end_its_element_is_refused():
    with pytest.raises(ValueError, match="plotly_js"):
        line("var x = '</SCRIPT>'")


# A line's page


def test_a_line_page_with_plotly_stays_under_six_megabytes():
    page = line(get_plotlyjs())
    assert 4_000_000 < len(page.encode()) < 6_000_000
    parsed = Page(page)
    assert parsed.wrong == []
    assert page.count("plotly.js v") == 1


def test_a_line_of_twelve_passages_and_a_whole_genome_stays_under_six_megabytes():
    record = fake_records.line_record()
    start = np.arange(0, 248_000_000, 250_000)
    one = pd.DataFrame({"start": start, "end": start + 250_000, "log_ratio": 0.1, "imbalance": 0.1})
    tracks = pd.concat(
        [
            one.assign(chrom=chrom, sample=f"LD001-p{p}", assay="snp_array")
            for p in range(12)
            for chrom in tables.CHROM_DTYPE.categories
        ],
        ignore_index=True,
    )
    tracks = tracks[tables.TRACKS.names].astype({"chrom": tables.CHROM_DTYPE})
    page = pages.line_page(dataclasses.replace(record, tracks=tracks), TEMPLATES, get_plotlyjs())
    assert len(page.encode()) < 6_000_000


def test_the_verdict_comes_first_and_the_certificate_next():
    parsed = Page(PRIVATE)
    assert "Verdict: altered" in parsed.text
    sections = [attrs["id"] for attrs in parsed.all("section")]
    assert sections == [
        "verdict", "certificate", "hotspots", "events", "trajectories", "genome", "closeups",
        "variants", "identity", "quality", "methods", "downloads", "provenance",
    ]  # fmt: skip
    for word in ("test", "method", "passages", "limit", "criterion", "result"):
        assert f'<th scope="col">{word}</th>' in PRIVATE


def test_the_three_states_differ_in_text_class_and_explanation():
    cells = [attrs for tag, attrs in Page(PRIVATE).elements if tag == "td" and "data-sort" in attrs]
    seen = {}
    for attrs in cells:
        if attrs.get("class", "").startswith("state"):
            seen.setdefault(attrs["class"], set()).add(attrs["title"].split(":")[0].split(" ")[0])
    assert seen == {
        "state present": {"present"},
        "state absent": {"absent"},
        "state not_testable": {"not"},
    }
    assert "<\u00a06\u00a0%" in html.unescape(PRIVATE)
    assert "n.\u2009t." in PRIVATE
    # Reasons are readable on paper, where no pointer rests on a cell.
    assert "a failed quality: log ratio sd .46, at most .35" in Page(PRIVATE).text
    assert "b sex: a female line has no Y" in Page(PRIVATE).text


def test_every_hotspot_is_on_the_page_even_where_nothing_was_found():
    text = Page(ALL_PAGES["empty"]).text
    labels = fake_records.shipped_hotspots()["label"]
    assert all(" ".join(label.split()) in text for label in labels)


def test_an_empty_call_set_says_down_to_which_limit():
    text = Page(ALL_PAGES["empty"]).text
    assert "No acquired event was found; down to which limit" in text
    assert "of cells or more would have been seen." in text
    assert "Verdict: stable" in text


def test_inherited_events_are_listed_apart_and_drawn_nowhere():
    events = PRIVATE.split('id="events"')[1].split("</section>")[0]
    counted, inherited = events.split("<h3>Inherited</h3>")
    assert fake_records.INHERITED_BAND not in counted
    assert fake_records.INHERITED_BAND in inherited
    data = "".join(text for _, text in Page(PRIVATE).scripts)
    assert fake_records.INHERITED_BAND not in data


def test_a_candidate_is_listed_apart_in_the_private_tier_only():
    record = fake_records.line_record()
    doubtful = record.events.assign(false_event_rate=[1e-9, 0.5, np.nan])
    private = dataclasses.replace(record, events=doubtful)
    split = views.split_events(private)
    assert [len(split[name]) for name in ("counted", "candidates", "inherited")] == [0, 2, 1]
    text = Page(pages.line_page(private, TEMPLATES, STUB)).text
    assert "2 candidates, not counted" in text
    public = dataclasses.replace(private, tier="public")
    assert views.split_events(public)["candidates"].empty


def test_a_failed_passage_is_shown_as_such():
    text = Page(PRIVATE).text
    assert "p38 MCB insufficient" in text
    assert "3 passed, 1 failed" in text
    assert "LD001-p38, SNP array: call rate .914, expected at least .97" in text


def test_iscn_is_printed_whole_and_labelled():
    text = re.sub(r"<wbr>", "", PRIVATE)
    assert "arr[GRCh38] 20q11.21q11.22(31,000,001_33,600,000)×3[0.85]" in text
    assert "ISCN is a linedrift rendering, not certified" in PRIVATE


def test_downloads_carry_links_and_checksums():
    parsed = Page(PRIVATE)
    assert parsed.all("a", href="./events.vcf.gz")
    assert "ef56" * 16 in parsed.text


def test_a_donor_without_verdict_has_a_page_without_empty_sections():
    record = fake_records.line_record(empty=True)
    donor = dataclasses.replace(
        record,
        line={"line": "D01", "kind": "donor"},
        verdict={},
        identity=tables.IDENTITY.empty(),
        tracks=record.tracks.iloc[:0],
        downloads=(),
        inherited=0,
    )
    parsed = Page(pages.line_page(donor, TEMPLATES, STUB))
    assert parsed.wrong == []
    sections = [attrs["id"] for attrs in parsed.all("section")]
    assert sections == ["certificate", "hotspots", "events", "quality", "methods", "provenance"]
    assert "No acquired event was found." in parsed.text


def test_a_public_page_has_nothing_of_the_private_fields():
    private = fake_records.line_record()
    public = fake_records.line_record(tier="public")
    # Even a public record that was built wrong does not print what is private.
    leaky = dataclasses.replace(
        public,
        events=private.events,
        trajectories=private.trajectories,
        identity=private.identity.assign(looks_like="SECRET-p1", compared_with="SECRET-p2"),
        markers=private.markers,
    )
    for page in (PUBLIC, pages.line_page(leaky, TEMPLATES, STUB)):
        assert "D01" not in page
        assert "SECRET" not in page
        assert fake_records.INHERITED_BAND not in page
        assert "closeup" not in page.split("</style>")[1].split('type="application/json"')[0]
        assert 'id="closeups"' not in page
    assert "3 events inherited from the donor" in Page(PUBLIC).text
    assert "public tier" in Page(PUBLIC).text


def test_a_public_bank_page_has_no_identity():
    bank = fake_records.bank_record(4)
    leaky = dataclasses.replace(bank, tier="public")
    page = pages.bank_page(leaky, TEMPLATES)
    assert 'id="identity"' not in page
    assert "have one genotype" not in page
    assert "have one genotype" in Page(BANK).text


# The bank's page


def test_pairs_that_could_not_be_told_are_folded_and_state_no_number():
    bank = fake_records.bank_record(4)
    untold = bank.pairs.assign(
        concordance=np.nan, kinship=np.nan, n_loci=0, state="not_testable", text="too few SNPs"
    )
    page = pages.bank_page(
        dataclasses.replace(bank, pairs=pd.concat([bank.pairs, untold])), TEMPLATES
    )
    before, folded = page.split("1 pair could not be told")
    assert "too few SNPs" not in before
    assert "have one genotype" in before
    row = folded.split("too few SNPs")[0]
    assert row.count('<td class="num">–</td>') == 2
    assert ">nan<" not in page


def test_the_bank_page_lists_every_line_and_links_its_page():
    parsed = Page(BANK)
    assert parsed.all("a", href="./LD001.html")
    assert "8 lines" in parsed.text
    # A page whose name leaves the folder is named, not linked.
    assert "../x" in parsed.text
    assert not [attrs for attrs in parsed.all("a") if ".." in attrs["href"]]


def test_the_bank_matrix_has_a_cell_per_line_and_hotspot():
    record = fake_records.bank_record(4)
    n_hotspots = len(fake_records.shipped_hotspots())
    page = pages.bank_page(record, TEMPLATES)
    compare = page.split('id="compare"')[1].split("</section>")[0]
    assert compare.count('<td class="state ') == 4 * n_hotspots
    missing = dataclasses.replace(record, hotspots=record.hotspots.iloc[1:])
    assert "not asked in this sample" in Page(pages.bank_page(missing, TEMPLATES)).text


def test_a_bank_without_lines_says_so():
    record = fake_records.bank_record(2)
    empty = dataclasses.replace(
        record,
        lines=record.lines.iloc[:0],
        hotspots=record.hotspots.iloc[:0],
        quality=record.quality.iloc[:0],
        identity=record.identity.iloc[:0],
        pairs=record.pairs.iloc[:0],
    )
    parsed = Page(pages.bank_page(empty, TEMPLATES))
    assert "This bank has no line in the private tier." in parsed.text
    assert parsed.wrong == []


def test_a_bank_of_seventy_lines_stays_small():
    page = pages.bank_page(fake_records.bank_record(70), TEMPLATES)
    assert len(page.encode()) < 1_000_000


@pytest.mark.parametrize(
    ("change", "test", "result", "state"),
    [
        ({"sex": "unknown"}, "Sex", "not known, by the sheet or by the signal", "open"),
        ({"state": "not_testable", "reason": f"it differs, and {CONTRADICTED}"},
         "Identity", "0 confirmed, 4 contradicted", "fail"),
    ],
)  # fmt: skip
def test_the_certificate_tells_what_is_unknown_from_what_is_wrong(change, test, result, state):
    record = fake_records.line_record()
    record = dataclasses.replace(record, identity=record.identity.assign(**change))
    rows = views.certificate(record, {"samples": views.samples_of(record), "groups": []})
    (row,) = [row for row in rows if row["test"] == test]
    assert (row["result"], row["state"]) == (result, state)


@pytest.mark.parametrize(
    ("failed", "result"), [(4, "not testable"), (1, "none found; p12 not testable")]
)
def test_what_could_not_be_tested_is_not_said_to_be_found_nowhere(failed, result):
    record = fake_records.line_record(empty=True)
    names = [sample["sample"] for sample in views.samples_of(record)][:failed]
    spots = record.hotspots.copy()
    spots.loc[spots["sample"].isin(names), ["state", "reason"]] = ["not_testable", "too noisy"]
    record = dataclasses.replace(record, hotspots=spots, events=record.events.iloc[:0])
    (row,) = [
        row
        for row in views.certificate(record, {"samples": views.samples_of(record), "groups": []})
        if row["test"].startswith("Copy number")
    ]
    assert (row["result"], row["state"]) == (result, "open")
    text = Page(pages.line_page(record, TEMPLATES, STUB)).text
    assert ("No acquired event was found" in text) == (failed < 4)
    assert "Not testable: p12" in text
