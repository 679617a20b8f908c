"""Records put together from results, and written as pages and files."""

import dataclasses
import json

import fake_readouts as fake
import pandas as pd
import pytest
from fake_records import REPOSITORY, line_record
from linedrift import sequencing_tables as sequencing
from linedrift import tables
from linedrift.methylation_tables import DIFFERENCES
from linedrift.readout_tables import READOUTS
from linedrift.report import assembly, exchange, pages


@pytest.fixture
def results(tmp_path):
    """Return a record, and the results of its line as files."""
    record = line_record(exome=True)
    frames = {
        "events": tables.EVENTS,
        "trajectories": tables.TRAJECTORIES,
        "hotspots": tables.HOTSPOTS,
        "findings": tables.FINDINGS,
        "identity": tables.IDENTITY,
    }
    files = {name: str(tmp_path / f"{name}.tsv") for name in frames}
    for name, table in frames.items():
        tables.write(getattr(record, name), files[name], table)
    for name, table in (
        ("candidates", tables.EVENTS),
        ("candidate_trajectories", tables.TRAJECTORIES),
    ):
        files[name] = str(tmp_path / f"{name}.tsv")
        tables.write(table.empty(), files[name], table)
    for name, frame, table in (
        ("variants", record.variants.called, sequencing.VARIANTS),
        ("variant_courses", record.variants.courses, sequencing.VARIANT_COURSES),
        ("variant_hotspots", record.variants.hotspots, sequencing.VARIANT_HOTSPOTS),
    ):
        files[name] = str(tmp_path / f"{name}.tsv")
        tables.write(frame, files[name], table)
    files["variant_facts"] = str(tmp_path / "variants.facts.json")
    (tmp_path / "variants.facts.json").write_text(json.dumps(record.variants.facts))
    files["tracks"] = str(tmp_path / "tracks.parquet")
    tables.write(record.tracks, files["tracks"], tables.TRACKS)
    files["markers"] = str(tmp_path / "markers.parquet")
    record.markers.to_parquet(files["markers"])
    files["verdict"] = str(tmp_path / "verdict.json")
    (tmp_path / "verdict.json").write_text(json.dumps(record.verdict))
    files["quality"] = []
    for sample, rows in record.quality.groupby("sample", sort=False):
        files["quality"].append(str(tmp_path / f"{sample}.tsv"))
        tables.write(rows, files["quality"][-1], tables.QUALITY)
    return record, files


def test_a_record_comes_back_from_its_results(results):
    record, files = results
    donor = {"sample": "D01-p0", "line": "D01", "passage": 0, "assay": "snp_array"}
    rows = [*record.measurements.to_dict("records"), donor]
    found = assembly.line_record(files, record.line, rows, record.settings, record.provenance)
    assert found.tier == "private"
    assert found.measurements["sample"].tolist() == record.measurements["sample"].tolist()
    for name in ("events", "trajectories", "hotspots", "quality", "identity"):
        pd.testing.assert_frame_equal(
            getattr(found, name),
            getattr(record, name),
            check_dtype=False,
            check_categorical=False,
            rtol=1e-4,
        )
    for name in ("called", "courses", "hotspots"):
        pd.testing.assert_frame_equal(
            getattr(found.variants, name),
            getattr(record.variants, name),
            check_dtype=False,
            check_categorical=False,
            rtol=1e-4,
        )
    assert found.variants.facts == record.variants.facts
    assert found.verdict == json.loads(json.dumps(record.verdict))
    assert found.inherited == (record.events["origin"] == "inherited").sum()


def test_candidates_follow_the_events_and_are_not_counted_as_inherited(results):
    record, files = results
    maybe = record.events.tail(1).assign(
        event_id="maybe", origin="inherited", false_event_rate=0.05
    )
    tables.write(maybe, files["candidates"], tables.EVENTS)
    found = assembly.line_record(files, record.line, record.measurements.to_dict("records"), {}, {})
    assert found.events["event_id"].tolist() == [*record.events["event_id"], "maybe"]
    assert found.inherited == (record.events["origin"] == "inherited").sum()


def bank(results, lines, **more):
    record, files = results
    paths = {name: [files[name]] for name in ("events", "hotspots", "verdict")}
    paths |= {name: [files[name]] for name in files if name.startswith("variant")}
    pairs = f"{files['identity']}.pairs.tsv"
    tables.write(tables.IDENTITY_PAIRS.empty(), pairs, tables.IDENTITY_PAIRS)
    paths |= {
        "quality": files["quality"], "bank_identity": files["identity"], "bank_pairs": pairs,
    }  # fmt: skip
    return assembly.bank_record(
        paths | more, lines, record.measurements.to_dict("records"), "Bank", {}
    )


def test_the_bank_lists_every_line_also_those_that_nobody_measured(results):
    record, _ = results
    other = record.line | {"line": "LD002"}
    found = bank(results, [record.line, other]).lines.set_index("line")
    assert found.loc["LD001", "verdict"] == record.verdict["verdict"]
    assert found.loc["LD001", "latest_passage"] == record.verdict["latest_passage"]
    assert found.loc["LD001", "page"] == "LD001.html"
    assert found.loc["LD002", ["verdict", "sentence", "page"]].tolist() == [
        "insufficient", "Not measured.", "",
    ]  # fmt: skip
    assert found.loc["LD002", "latest_passage"] == ""


def test_the_bank_counts_calls_and_not_candidates(results):
    record, files = results
    most = record.verdict["basis"]["settings"]["max_false_event_rate"]
    row = bank(results, [record.line]).lines.iloc[0]
    counted = record.events[record.events["false_event_rate"] <= most]
    assert row["n_acquired"] == (counted["origin"] == "acquired").sum() > 0
    events = record.events.assign(false_event_rate=most * 2)
    tables.write(events, files["events"], tables.EVENTS)
    row = bank(results, [record.line]).lines.iloc[0]
    assert row["n_acquired"] == row["n_inherited"] == 0


def test_the_bank_tells_point_mutations_of_the_latest_passage(results):
    record, _ = results
    found = bank(results, [record.line, record.line | {"line": "LD002"}])
    lines = found.lines.set_index("line")
    # TP53, BCOR, EGFR, TTN, SF1 and one without a gene.
    assert lines.loc["LD001", "n_variants"] == 6
    assert lines.loc["LD001", "variants_present"] == ("TP53 R175H in 45 %;BCOR p.Val462fs in 38 %")
    assert "point mutations" not in lines.loc["LD001", "hotspots_present"]
    assert lines.loc["LD002", "n_variants"] == ""
    (gene,) = found.hotspots.query("hotspot_id == 'TP53:points'").to_dict("records")
    assert (gene["state"], gene["cell_fraction"], gene["passage"]) == ("present", 0.45, 52)
    page = pages.bank_page(found, REPOSITORY / "resources" / "pages")
    assert "TP53 point mutations" in page
    assert "BCOR p.Val462fs in 38 %" in page
    assert "not asked" in page


def written_readouts(folder, record, **values):
    """Write the readouts and differences of two passages as files, return their paths."""
    paths = {"readouts": [], "differences": []}
    for passage in (38, 52):
        rows = [fake.row(passage, "LD001", **values), fake.gene(passage=passage, line="LD001")]
        for assay in ("methylation", "rna"):
            paths["readouts"].append(str(folder / f"LD001-p{passage}.{assay}.tsv"))
            own = [row for row in rows if row["assay"] == assay]
            tables.write(fake.asked(own), paths["readouts"][-1], READOUTS)
        found = [fake.difference(passage, "LD001", start=90_000_000 - passage * 1_000_000)]
        paths["differences"].append(str(folder / f"LD001-p{passage}.differences.tsv"))
        tables.write(fake.differences(found), paths["differences"][-1], DIFFERENCES)
    return paths


def test_readouts_come_from_a_file_for_each_measurement(results, tmp_path):
    record, files = results
    paths = written_readouts(tmp_path, record)
    rows = record.measurements.to_dict("records")
    found = assembly.line_record(files | paths, record.line, rows, {}, {}).readouts
    assert found.asked[["sample", "assay", "item"]].to_numpy().tolist() == [
        ["LD001-p38", "methylation", fake.H19], ["LD001-p38", "rna", "POU5F1"],
        ["LD001-p52", "methylation", fake.H19], ["LD001-p52", "rna", "POU5F1"],
    ]  # fmt: skip
    assert found.asked["value"].iloc[0] == 0.513
    assert found.differences["sample"].tolist() == ["LD001-p52", "LD001-p38"]
    without = assembly.line_record(files, record.line, rows, {}, {}).readouts
    assert without.asked.empty
    assert without.differences.empty


def test_readouts_of_a_measurement_that_failed_are_not_testable_on_the_page(results, tmp_path):
    record, files = results
    bad = record.quality[record.quality["sample"] == "LD001-p52"].tail(1)
    bad = bad.assign(assay="methylation", figure="conversion", state="fail")
    tables.write(bad, str(tmp_path / "bad.tsv"), tables.QUALITY)
    paths = written_readouts(tmp_path, record, state="gained", value=0.9)
    paths["quality"] = [*files["quality"], str(tmp_path / "bad.tsv")]
    rows = record.measurements.to_dict("records")
    found = assembly.line_record(files | paths, record.line, rows, {}, {}).readouts
    states = found.asked.set_index(["sample", "assay"])["state"]
    assert states["LD001-p52", "methylation"] == "not_testable"
    assert states["LD001-p38", "methylation"] == "gained"
    assert states["LD001-p52", "rna"] == "normal"


def test_the_bank_tells_what_of_the_latest_passage_is_not_as_expected(results):
    record, files = results
    said = {"asked": 3, "counting": 2, "tested": 2, "flagged": ["XIST lost", "H19 gained"]}
    words = record.verdict | {"passages": [*record.verdict["passages"]]}
    words["passages"][-1] = words["passages"][-1] | {"readouts": said}
    with open(files["verdict"], "w", encoding="utf-8") as out:
        json.dump(words, out)
    found = bank(results, [record.line, record.line | {"line": "LD002"}])
    lines = found.lines.set_index("line")
    assert lines.loc["LD001", "readouts_present"] == "XIST lost;H19 gained"
    assert (lines.loc["LD001", "n_readouts"], lines.loc["LD002", "n_readouts"]) == (2, "")
    templates = REPOSITORY / "resources" / "pages"
    page = pages.bank_page(found, templates)
    assert "XIST lost, H19 gained" in page
    assert "expression, methylation" in page
    none = found.lines.assign(n_readouts=0, readouts_present="")
    nothing = pages.bank_page(dataclasses.replace(found, lines=none), templates)
    assert "not testable<br><small>0 answered" in nothing


def test_the_vcf_of_variants_goes_beside_the_page(results, tmp_path, repository):
    record, _ = results
    vcf = tmp_path / "variants.vcf.gz"
    vcf.write_bytes(b"not looked at")
    page, files = tmp_path / "report" / "LD001.html", tmp_path / "report" / "LD001"
    templates = str(repository / "resources" / "pages")
    assembly.write_line(record, str(page), str(files), templates, [(str(vcf), "variants")])
    assert (files / "LD001.variants.vcf.gz").read_bytes() == b"not looked at"
    assert "LD001.variants.vcf.gz" in (files / "SHA256SUMS").read_text()
    assert 'href="./LD001/LD001.variants.vcf.gz"' in page.read_text(encoding="utf-8")


def test_a_page_links_to_files_that_are_there(results, tmp_path, repository):
    record, _ = results
    page, files = tmp_path / "report" / "LD001.html", tmp_path / "report" / "LD001"
    told = assembly.write_line(
        dataclasses.replace(record, downloads=()), str(page), str(files),
        str(repository / "resources" / "pages"),
    )  # fmt: skip
    text = page.read_text(encoding="utf-8")
    assert "LD001 (private)" in told
    for file in files.iterdir():
        assert f'href="./LD001/{file.name}"' in text
    assert 'href="./index.html"' in text
    assert exchange.read_json(files / "LD001.json").line == record.line


def test_what_is_public_no_more_is_withdrawn_and_nothing_else(tmp_path):
    for line in ("A", "B"):
        (tmp_path / line).mkdir()
        (tmp_path / line / "SHA256SUMS").touch()
        (tmp_path / f"{line}.html").touch()
    (tmp_path / "index.html").touch()
    (tmp_path / "CNAME").touch()
    (tmp_path / "images").mkdir()
    assert assembly.withdraw(tmp_path, ["A"]) == ["B", "B.html"]
    assert {path.name for path in tmp_path.iterdir()} == {
        "A", "A.html", "index.html", "CNAME", "images",
    }  # fmt: skip
