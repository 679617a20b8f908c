"""The demo bank: its sheets, files and exomes say what was planted."""

import gzip
import hashlib
import io

import bank_exomes
import compare
import genome_files
import make_bank
import numpy as np
import pandas as pd
import pysam
import pytest
import run
import simulate_exome
from linedrift import tables
from linedrift.readers import array
from linedrift.sheets import sheets

DENSITY = 12


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    """Return a thin bank: every file and sheet, few markers."""
    folder = tmp_path_factory.mktemp("bank")
    make_bank.write_sheets(folder)
    people = make_bank.draw_people(DENSITY, make_bank.SEED)
    make_bank.write_arrays(folder / "arrays", people, lambda text: None)
    return folder


@pytest.fixture(scope="module")
def signals():
    """Return the SIGNALS that the files were written from, by sample."""
    simulated = make_bank.simulate(make_bank.draw_people(DENSITY, make_bank.SEED))
    return {measurement.sample: frame for measurement, frame in simulated}


def text_of(path):
    return gzip.decompress(path.read_bytes()).decode()


def frame_of(path, delimiter="\t", after=None):
    text = text_of(path)
    text = text.split(after, 1)[1] if after else text
    return pd.read_csv(io.StringIO(text), sep=delimiter, dtype={"Chr": str, "chrom": str})


def test_the_sheets_are_right(bank):
    loaded = sheets.load(bank / "lines.tsv", bank / "samples.tsv")
    assert len(loaded.measurements) == len(make_bank.MEASUREMENTS)
    lines = loaded.lines.set_index("line")
    assert (lines["kind"] == "donor").sum() == 2
    assert (lines["kind"] == "line").sum() == 4
    assert lines.loc[lines["kind"] == "line", "parent"].eq("").sum() == 1
    assert lines["tier"].eq("private").sum() == 1
    assert set(loaded.measurements["format"]) == {
        "final_report", "full_data_table", "penncnv", "vcf", "table",
    }  # fmt: skip


def test_the_same_seed_gives_the_same_bytes(bank, tmp_path):
    make_bank.write_sheets(tmp_path)
    people = make_bank.draw_people(DENSITY, make_bank.SEED)
    make_bank.write_arrays(tmp_path / "arrays", people, lambda text: None)
    digests = [
        {
            p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in folder.rglob("*")
            if p.is_file()
        }
        for folder in (bank, tmp_path)
    ]
    assert digests[0] == digests[1]


@pytest.mark.parametrize(("file", "delimiter"), [("A1_p8.txt.gz", "\t"), ("B1_p6.csv.gz", ",")])
def test_a_final_report_holds_the_signals(bank, signals, file, delimiter):
    sample = {"A1_p8.txt.gz": "LDB-A1-p8", "B1_p6.csv.gz": "LDB-B1-p6"}[file]
    report, truth = frame_of(bank / "arrays" / file, delimiter, "[Data]\n"), signals[sample]
    assert text_of(bank / "arrays" / file).startswith(f"[Header]\nGSGT Version{delimiter}")
    assert report["SNP Name"].tolist() == truth["name"].tolist()
    assert (report["Sample ID"] == sample).all()
    assert (report["Position"] == truth["start"] + 1).all()
    np.testing.assert_allclose(report["Log R Ratio"], truth["level"], atol=6e-5)
    np.testing.assert_allclose(report["B Allele Freq"], truth["b_fraction"], atol=6e-5)
    called = report["Allele1 - AB"] + report["Allele2 - AB"]
    assert (called == truth["genotype"].astype(str).replace("", "--")).all()
    # Pseudoautosomal markers stand under XY, as GenomeStudio has it.
    shared = (truth["chrom"] == "chrX") & (truth["start"] < 2_781_479)
    assert (report.loc[shared, "Chr"] == "XY").all()
    assert shared.any()


def test_one_report_holds_three_passages(bank, signals):
    report = frame_of(bank / "arrays" / "C1.txt.gz", after="[Data]\n")
    assert report["Sample ID"].unique().tolist() == ["C1_p12", "C1_p30", "C1_p47"]
    last = report[report["Sample ID"] == "C1_p47"]
    np.testing.assert_allclose(last["Log R Ratio"], signals["LDB-C1-p47"]["level"], atol=6e-5)


def test_the_other_formats_hold_the_signals(bank, signals):
    arrays = bank / "arrays"
    wide, penn = frame_of(arrays / "A2_early.txt.gz"), frame_of(arrays / "B1_p35.txt.gz")
    plain = frame_of(arrays / "B1_p60.tsv.gz")
    for found, sample in (
        (wide["A2_p22.Log R Ratio"], "LDB-A2-p22"),
        (penn["LDB-B1-p35.Log R Ratio"], "LDB-B1-p35"),
        (plain["lrr"], "LDB-B1-p60"),
    ):
        np.testing.assert_allclose(found, signals[sample]["level"], atol=6e-5)
    assert "\r\n" in text_of(arrays / "B1_p35.txt.gz")
    assert plain["chrom"].unique().tolist() == list(make_bank.CHROMOSOMES)


def test_the_vcf_gives_the_fraction_of_allele_b(bank, signals):
    text = text_of(bank / "arrays" / "A2_p41.vcf.gz")
    body = "".join(line for line in text.splitlines(True) if not line.startswith("##"))
    calls, truth = pd.read_csv(io.StringIO(body), sep="\t"), signals["LDB-A2-p41"]
    values = calls["A2_p41"].str.split(":", expand=True)
    np.testing.assert_allclose(
        values[1].replace(".", "nan").astype(float), truth["b_fraction"], atol=6e-5
    )
    b_is_reference = calls["INFO"].str.contains("ALLELE_B=0")
    assert 0.45 < b_is_reference.mean() < 0.55
    bb = (truth["genotype"] == "BB").to_numpy()
    assert (values.loc[bb & b_is_reference, 0] == "0/0").all()
    assert (values.loc[bb & ~b_is_reference, 0] == "1/1").all()
    assert (values.loc[(truth["genotype"] == "").to_numpy(), 0] == "./.").all()
    assert (calls["REF"] != calls["ALT"]).all()


@pytest.mark.parametrize("measurement", make_bank.MEASUREMENTS, ids=lambda m: m.sample)
def test_the_readers_give_back_what_was_written(bank, signals, measurement):
    reading = array.read(
        str(bank / "arrays" / measurement.file),
        format=measurement.format,
        name_in_file=measurement.name_in_file,
        path2="",
        build="GRCh38",
        chains={},
    )
    found, written = reading.signals, signals[measurement.sample]
    assert (found[["chrom", "start", "name"]] == written[["chrom", "start", "name"]]).all(axis=None)
    np.testing.assert_allclose(found["level"], written["level"], atol=6e-5)
    np.testing.assert_allclose(found["b_fraction"], written["b_fraction"], atol=6e-5)
    assert (found["genotype"] == written["genotype"]).all()


def test_truth_holds_what_the_issue_asks_for():
    truth = tables.check(tables.in_genome_order(make_bank.truth()), tables.TRUTH)
    gain = truth[truth["event"] == "gain_20q11.21"].sort_values("passage")
    assert gain["cell_fraction"].tolist() == [0, 0.08, 0.30, 0.85]
    assert (gain["end"] - gain["start"]).unique().tolist() == [2_500_000]
    bcl2l1 = (31_664_452, 31_723_989)  # the gene on GRCh38
    assert gain["start"].iloc[0] < bcl2l1[0] < bcl2l1[1] < gain["end"].iloc[0]
    assert truth.loc[truth["event"] == "trisomy_12", "cell_fraction"].isin([0.4]).any()
    germline = truth[truth["event"] == "germline_gain_21q21"]
    assert set(germline["line"]) == {"donorA", "LDB-A1", "LDB-A2"}
    assert set(germline["origin"]) == {"inherited"}
    planted = set(truth["line"] + "-p" + truth["passage"].astype(str))
    assert not planted & {make_bank.SWAPPED, make_bank.FAILED}
    assert max(m.passage for m in make_bank.MEASUREMENTS) == 60


def test_the_swapped_sample_and_the_failed_one_are_in_the_files(signals):
    swapped, true, other = (
        signals[s]["genotype"].astype(str) for s in (make_bank.SWAPPED, "LDB-C1-p12", "LDB-A2-p10")
    )
    assert (swapped == true).mean() > 0.95
    assert (swapped == other).mean() < 0.75
    noise = {s: frame["level"].diff().std() for s, frame in signals.items()}
    assert noise[make_bank.FAILED] > 2 * max(v for s, v in noise.items() if s != make_bank.FAILED)


def test_a_bank_is_current_only_when_whole_and_of_this_recipe(tmp_path, monkeypatch):
    monkeypatch.setattr(make_bank, "SMALL_DENSITY", 2)
    for assay in ("EXOMES", "METHYLATION", "RNA"):
        monkeypatch.setattr(make_bank, assay, False)
    assert not make_bank.is_current(tmp_path)
    make_bank.make(tmp_path, small=True)
    assert make_bank.is_current(tmp_path, small=True)
    assert not make_bank.is_current(tmp_path)
    assert not make_bank.is_current(tmp_path, small=True, seed=1)
    (tmp_path / make_bank.STAMP).unlink()
    assert not make_bank.is_current(tmp_path, small=True)


def test_run_gives_back_what_snakemake_and_the_comparison_say(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["run.py", "--cores", "1"])
    monkeypatch.setattr(run.os, "chdir", lambda path: None)
    monkeypatch.setattr(make_bank, "is_current", lambda bank: True)
    monkeypatch.setattr(run, "snakemake", lambda cores: 3)
    assert run.main() == 3
    monkeypatch.setattr(run, "snakemake", lambda cores: 0)
    for ok in (True, False):
        rows = pd.DataFrame([("x", "y", "1", "2", ok)], columns=compare.COLUMNS)
        monkeypatch.setattr(compare, "compare", lambda bank, results, rows=rows: rows)
        assert run.main() == (0 if ok else 1)
        assert ("NOT AS PLANTED" in capsys.readouterr().out) != ok
    assert run.main() == 1
    assert "demo/results/report/index.html" in capsys.readouterr().out


# The exomes


@pytest.fixture(scope="module")
def exome_genome():
    """Return the people of a thin bank and the reduced genome of its exomes."""
    people = make_bank.draw_people(DENSITY, make_bank.SEED)
    return bank_exomes.genome_of(np.random.default_rng(4), people.loci, 0.3)


def test_people_of_exomes_are_drawn_in_the_same_order_in_every_run(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(bank_exomes, "make", lambda *given, **more: drawn.extend(given[3]) or [])
    people = make_bank.draw_people(DENSITY, make_bank.SEED)
    make_bank.write_exomes(tmp_path, people, 1, 1.0, print, None)
    assert drawn == sorted(drawn)
    assert len(drawn) > 2


def test_the_sheet_has_the_exomes_when_they_are_made(tmp_path):
    make_bank.write_sheets(tmp_path, exomes=True)
    rows = pd.read_csv(tmp_path / "samples.tsv", sep="\t", dtype=str, keep_default_na=False)
    exomes = rows[rows["assay"] == "wes"]
    assert (exomes["line"] + "-p" + exomes["passage"]).tolist() == [
        e.sample for e in bank_exomes.EXOMES
    ]
    assert set(exomes["format"]) == {"bam", "cram"}
    assert exomes.loc[exomes["line"] == "LDB-A1", "bank"].tolist() == ["", "", "", "MCB"]
    arrays = {m.sample for m in make_bank.MEASUREMENTS}
    assert {e.sample for e in bank_exomes.EXOMES} <= arrays


def test_planted_variants_have_a_place_of_their_own(exome_genome):
    places = bank_exomes.variants_of(exome_genome)
    assert set(places) == {p.name for p in bank_exomes.PLANTED}
    known = places["TP53_R175H"]
    assert (known.chrom, known.start, known.ref, known.alt) == ("chr17", 7_675_087, "C", "T")
    sites = exome_genome.sites["flat"].to_numpy()
    for name, variant in places.items():
        flat = exome_genome.flat(variant.chrom, variant.start)
        assert np.abs(sites - flat).min() > 5, name
    deletion = places["BCOR_frameshift"]
    assert len(deletion.ref) - len(deletion.alt) == 1
    truth = bank_exomes.truth(
        exome_genome, bank_exomes.artefacts_of(np.random.default_rng(1), exome_genome)
    )
    grows = truth[truth["variant"] == "TP53_R175H"].set_index("passage")["cell_fraction"]
    assert grows.to_dict() == {0: 0, 8: 0, 20: 0.02, 34: 0.11, 52: 0.45}
    assert set(truth["origin"]) == {"acquired", "expanded", "inherited", "artefact"}
    assert not truth.duplicated(["variant", "sample"]).any()


def test_an_exome_is_written_in_its_format_with_or_without_index(exome_genome, tmp_path):
    folder = tmp_path / "exomes"
    genome_files.write_sequence(folder / bank_exomes.SEQUENCE, exome_genome)
    who = simulate_exome.person(np.random.default_rng(1), exome_genome, "female")
    places = bank_exomes.variants_of(exome_genome)
    for exome in (
        bank_exomes.Exome("LDB-A1", 52, "cram", library=simulate_exome.Library(20)),
        bank_exomes.Exome("LDB-A1", 20, indexed=False, library=simulate_exome.Library(20)),
    ):
        rng = np.random.default_rng(2)
        bank_exomes.write_exome(folder, rng, exome_genome, who, exome, [], places, ())
    assert sorted(p.name for p in folder.iterdir() if p.name.startswith("LDB")) == [
        "LDB-A1-p20.bam", "LDB-A1-p52.cram", "LDB-A1-p52.cram.crai",
    ]  # fmt: skip
    reference = str(folder / bank_exomes.SEQUENCE)
    with pysam.AlignmentFile(folder / "LDB-A1-p52.cram", reference_filename=reference) as file:
        assert file.header["SQ"][0]["M5"]
        assert file.count("chr17", 7_675_000, 7_675_300) > 10
