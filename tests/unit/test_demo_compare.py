"""The comparison of the demo with what was planted: it tells right from wrong."""

import shutil

import bank_exomes
import compare
import make_bank
import numpy as np
import pandas as pd
import pytest
from linedrift import sequencing_tables, tables
from linedrift.sheets.sheet_columns import ASSAYS

DENSITY = 12


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    """Return a bank without files: the sheets and what was planted."""
    folder = tmp_path_factory.mktemp("bank")
    make_bank.write_sheets(folder)
    return folder


@pytest.fixture(scope="module")
def exome_genome():
    """Return the people of a thin bank and the reduced genome of its exomes."""
    people = make_bank.draw_people(DENSITY, make_bank.SEED)
    return bank_exomes.genome_of(np.random.default_rng(4), people.loci, 0.3)


# The comparison, on results written as if everything had been found.


def found_events(bank):
    """Return, per line, EVENTS and TRAJECTORIES that are exactly as planted."""
    truth = tables.read(bank / "truth.tsv", tables.TRUTH)
    by_assay = {name: 0 for name in tables.TRAJECTORIES.names if name in ASSAYS}
    found = {}
    for line, own in truth.groupby("line"):
        events, courses = [], []
        for name, rows in own.groupby("event"):
            first = rows.iloc[0]
            ends = {
                f"{end}_{side}": first[end] for end in ("start", "end") for side in ("low", "high")
            }
            events.append(
                first.to_dict()
                | ends
                | {"event_id": name, "copies": 3, "first_passage": 8, "quality": 30}
                | {"false_event_rate": 0.001}
                | dict.fromkeys(["band", "hotspot_id", "genes", "iscn", "note"], "")
            )
            for row in rows.itertuples():
                there = row.cell_fraction > 0
                courses.append(
                    {"event_id": name, "sample": f"{line}-p{row.passage}", "passage": row.passage}
                    | {
                        "state": "present" if there else "absent",
                        "cell_fraction": row.cell_fraction,
                    }
                    | {"low": row.cell_fraction - 0.02, "high": row.cell_fraction + 0.02}
                    | {"limit": 0.05, "support": 20, **by_assay, "reason": ""}
                )
            if line in {s.rsplit("-p", 1)[0] for s in (make_bank.SWAPPED, make_bank.FAILED)}:
                sample = make_bank.SWAPPED if line == "LDB-A2" else make_bank.FAILED
                courses.append(
                    courses[-1]
                    | {
                        "event_id": name,
                        "sample": sample,
                        "passage": int(sample.rsplit("-p", 1)[1]),
                    }
                    | {"state": "not_testable"}
                )
        found[line] = pd.DataFrame(events), pd.DataFrame(courses)
    return found


@pytest.fixture
def results(bank, tmp_path):
    """Return a results folder in which everything is as planted."""
    for line, (events, courses) in found_events(bank).items():
        folder = tmp_path / "lines" / line
        events = tables.in_genome_order(tables.conform(events, tables.EVENTS))
        tables.write(events, folder / "events.tsv", tables.EVENTS)
        tables.write(courses, folder / "trajectories.tsv", tables.TRAJECTORIES)
        spots = [
            {"hotspot_id": detail, "sample": sample, "passage": 1, "state": "present"}
            for sample, expectation, detail in make_bank.EXPECTATIONS
            if expectation == "hotspot" and sample.startswith(line)
        ]
        spots += [
            {"hotspot_id": "any", "sample": sample, "passage": 1, "state": "not_testable"}
            for sample in (make_bank.SWAPPED, make_bank.FAILED)
            if sample.startswith(line)
        ]
        blank = {column.name: np.nan for column in tables.HOTSPOTS.columns[5:] if column.unit}
        blank |= dict.fromkeys(["label", "tier", "event_id", "reason"], "")
        tables.write(
            pd.DataFrame([blank | spot for spot in spots], columns=tables.HOTSPOTS.names),
            folder / "hotspots.tsv",
            tables.HOTSPOTS,
        )
    rows = [
        {"sample": m.sample, "assay": "snp_array", "expected_sex": "female", "sex": "female"}
        | {"state": "failed" if m.genome_of else "confirmed", "compared_with": "", "reason": ""}
        | {"looks_like": "LDB-C1-p12;LDB-C1-p30" if m.genome_of else ""}
        for m in make_bank.MEASUREMENTS
    ]
    tables.write(pd.DataFrame(rows), tmp_path / "bank" / "identity.tsv", tables.IDENTITY)
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "index.html").write_text("<p>LDB-A1</p>")
    return tmp_path


def edit(path, table, change):
    tables.write(change(tables.read(path, table)), path, table)


def wrong(bank, results):
    rows = compare.compare(bank, results)
    return rows.loc[~rows["ok"], ["what", "sample"]].to_numpy().tolist()


def test_everything_as_planted_is_ok(bank, results):
    rows = compare.compare(bank, results)
    assert rows["ok"].all(), rows[~rows["ok"]]
    text = compare.as_text(rows)
    assert text.endswith(f"{len(rows)} of {len(rows)} as planted")
    asked = set(make_bank.truth().query("line not in ['donorA', 'donorB']")["event"])
    assert asked <= set(rows["what"])


def test_a_missed_event_is_told(bank, results):
    edit(
        results / "lines" / "LDB-B1" / "events.tsv",
        tables.EVENTS,
        lambda events: events[events["event_id"] != "trisomy_12"],
    )
    assert wrong(bank, results) == [["trisomy_12", "LDB-B1-p35"], ["trisomy_12", "LDB-B1-p60"]]


def test_a_false_event_is_told(bank, results):
    def add(events):
        false = events.assign(chrom="chr1", event_id="new", start=1000, end=900_000).iloc[[0]]
        return tables.in_genome_order(tables.conform(pd.concat([events, false]), tables.EVENTS))

    edit(results / "lines" / "LDB-C1" / "events.tsv", tables.EVENTS, add)
    assert wrong(bank, results) == [["false event", "LDB-C1"]]


def test_an_inherited_event_called_acquired_is_told(bank, results):
    edit(
        results / "lines" / "LDB-A1" / "events.tsv",
        tables.EVENTS,
        lambda events: events.assign(origin="acquired"),
    )
    assert wrong(bank, results) == [["germline_gain_21q21", "LDB-A1"]]


@pytest.mark.parametrize(
    ("state", "fraction", "limit", "ok"),
    [
        ("present", 0.08, 0.05, True),
        ("present", 0.40, 0.05, False),
        ("absent", np.nan, 0.05, False),
        ("absent", np.nan, 0.10, True),  # honest: 8 % is below its limit
        ("not_testable", np.nan, np.nan, False),
    ],
)
def test_eight_per_cent_may_be_absent_above_the_limit_only(
    bank, results, state, fraction, limit, ok
):
    def change(courses):
        at = courses["sample"].eq("LDB-A1-p20") & courses["event_id"].eq("gain_20q11.21")
        new = {"state": state, "cell_fraction": fraction, "limit": limit}
        new |= {"low": fraction - 0.03, "high": fraction + 0.03}
        for column, value in new.items():
            courses.loc[at, column] = value
        return courses

    edit(results / "lines" / "LDB-A1" / "trajectories.tsv", tables.TRAJECTORIES, change)
    assert wrong(bank, results) == ([] if ok else [["gain_20q11.21", "LDB-A1-p20"]])


def test_a_swap_that_goes_unnoticed_is_told(bank, results):
    edit(
        results / "bank" / "identity.tsv",
        tables.IDENTITY,
        lambda identity: identity.assign(state="confirmed"),
    )
    assert wrong(bank, results) == [["swapped", make_bank.SWAPPED]]


def test_calls_on_a_failed_measurement_are_told(bank, results):
    edit(
        results / "lines" / "LDB-B1" / "hotspots.tsv",
        tables.HOTSPOTS,
        lambda spots: spots.assign(state="absent"),
    )
    assert wrong(bank, results) == [
        ["failed quality", make_bank.FAILED],
        ["hotspot trisomy_12", "LDB-B1-p60"],
    ]


def test_a_private_line_in_the_public_tier_is_told(bank, results):
    (results / "public" / "index.html").write_text("<p>LDB-A2</p>")
    assert wrong(bank, results) == [["private line", "LDB-A2"]]
    (results / "public" / "index.html").unlink()
    assert wrong(bank, results) == [["private line", "LDB-A2"]]


def test_results_that_are_not_there_are_named(bank, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "sys.argv", ["compare.py", "--bank", str(bank), "--results", str(tmp_path / "none")]
    )
    assert compare.main() == 1
    assert "events.tsv" in capsys.readouterr().out


@pytest.fixture
def variants(exome_genome, bank, results, tmp_path):
    """Return a bank folder with planted variants; the results have all of them, as planted."""
    folder = tmp_path / "bank_with_exomes"
    shutil.copytree(bank, folder, ignore=shutil.ignore_patterns("arrays"))
    artefacts = bank_exomes.artefacts_of(np.random.default_rng(1), exome_genome)
    truth = bank_exomes.truth(exome_genome, artefacts)
    truth.to_csv(folder / "variants_truth.tsv", sep="\t", index=False)
    for line, own in truth[truth["origin"] != "artefact"].groupby("line"):
        called = own.drop_duplicates("variant").rename(columns={"variant": "variant_id"})
        courses = own.rename(columns={"variant": "variant_id"})
        write_variants(results / "lines" / str(line), called, courses)
    return folder


def write_variants(folder, called, courses):
    """Write tables in which every variant is found as planted."""
    text = dict.fromkeys(["gene", "consequence", "protein_change", "hotspot_id", "note"], "")
    called = called.assign(
        end=called["start"] + called["ref"].str.len(), kind="snv", first_passage=8, quality=40.0,
        posterior=0.9999, disputed=False, **text,
    )  # fmt: skip
    called = tables.in_genome_order(tables.conform(called, sequencing_tables.VARIANTS))
    tables.write(called, folder / "variants.tsv", sequencing_tables.VARIANTS)
    there = courses["cell_fraction"] > 0
    courses = courses.assign(
        state=np.where(there, "present", "absent"), low=courses["cell_fraction"] - 0.02,
        high=courses["cell_fraction"] + 0.02, limit=0.06, allele_fraction=0.1, ref_reads=80,
        alt_reads=5, copies=2.0, reason="",
    )  # fmt: skip
    tables.write(courses, folder / "variant_courses.tsv", sequencing_tables.VARIANT_COURSES)
    asked = courses[courses["variant_id"] == "TP53_R175H"].assign(
        hotspot_id="TP53:p.Arg175His", gene="TP53", depth=80, origin="acquired", flags=True
    )
    asked = tables.conform(asked, sequencing_tables.VARIANT_HOTSPOTS)
    tables.write(asked, folder / "variant_hotspots.tsv", sequencing_tables.VARIANT_HOTSPOTS)


def test_variants_as_planted_are_ok(variants, results):
    rows = compare.compare(variants, results)
    assert rows["ok"].all(), rows[~rows["ok"]]
    assert {p.name for p in bank_exomes.PLANTED} <= set(rows["what"])
    assert (rows["what"] == "hotspot TP53:p.Arg175His").sum() == 4
    assert (rows["what"] == "false variants").sum() == 2


def edit_variants(results, line, change):
    edit(results / "lines" / line / "variants.tsv", sequencing_tables.VARIANTS, change)


def test_a_missed_variant_is_told(variants, results):
    edit_variants(results, "LDB-B1", lambda v: v[v["variant_id"] != "BCOR_frameshift"])
    assert wrong(variants, results) == [["BCOR_frameshift", "LDB-B1-p60"]]


def test_a_variant_of_the_donor_called_acquired_is_told(variants, results):
    edit_variants(results, "LDB-A1", lambda v: v.assign(origin="acquired"))
    assert wrong(variants, results) == [
        ["mosaic_donor", "LDB-A1"], ["germline_TP53", "LDB-A1"],
    ]  # fmt: skip


def test_an_artefact_called_a_variant_is_told(variants, results):
    truth = pd.read_csv(variants / "variants_truth.tsv", sep="\t")
    artefact = truth[truth["variant"] == "strand_artefact_2"].iloc[0]

    def add(called):
        new = called.iloc[[0]].assign(**artefact[["start", "ref", "alt"]].to_dict())
        new = new.assign(end=artefact["start"] + 1, variant_id="new", origin="acquired")
        new["chrom"] = pd.Categorical([artefact["chrom"]], dtype=called["chrom"].dtype)
        joined = pd.concat([called, new], ignore_index=True)
        return tables.in_genome_order(tables.conform(joined, sequencing_tables.VARIANTS))

    edit_variants(results, "LDB-A1", add)
    assert wrong(variants, results) == [["strand_artefact_2", "LDB-A1"]]


def test_a_hotspot_that_is_not_seen_is_told(variants, results):
    def change(asked):
        return asked.assign(state="absent", limit=0.05)

    path = results / "lines" / "LDB-A1" / "variant_hotspots.tsv"
    edit(path, sequencing_tables.VARIANT_HOTSPOTS, change)
    # 2 % is below the limit that is told, 11 and 45 % are not.
    assert wrong(variants, results) == [
        ["hotspot TP53:p.Arg175His", "LDB-A1-p34"],
        ["hotspot TP53:p.Arg175His", "LDB-A1-p52"],
    ]
