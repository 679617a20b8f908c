"""RNA-seq all the way through: six lines, two of one donor; trisomy 12 in one of them.

A third sample of these, `B`, has an alignment: reads of a virus, of TP53, and of a vector's gene.
"""

import json
from pathlib import Path

import bank_rna
import numpy as np
import pandas as pd
import pytest
import rna_alignment
import simulate_rna
from linedrift import tables
from linedrift.genome import GRCH38
from linedrift.readout_tables import READOUTS
from linedrift.signals.noise import Noise
from simulate_array import Event

pytestmark = pytest.mark.workflow
CHROMOSOMES = (*(f"chr{k}" for k in (1, 2, 3, 5, 7, 8, 12, 17, 20)), "chrX", "chrY")
# Reads of a transgene that is in the table of counts and in no annotation, by line.
TRANSGENE = ("0", "900", "0", "0", "0", "0")
POINTS = Path(__file__).resolve().parents[2] / "resources" / "snv_hotspots.tsv"
TRISOMY = Event("chr12", 0, GRCH38.lengths["chr12"], "gain", name="trisomy_12")
# line, donor, sex
LINES = [("A1", "D1", "female"), ("A2", "D1", "female"), ("B", "", "male"), ("C", "", "female"),
         ("E", "", "male"), ("F", "", "female")]  # fmt: skip


def draw_loci(rng):
    """Return SNPs, some in every gene."""
    per = {chrom: 6000 if chrom != "chrY" else 300 for chrom in CHROMOSOMES}
    return pd.concat(
        [
            pd.DataFrame(
                {"chrom": chrom, "start": np.sort(rng.choice(GRCH38.lengths[chrom], n, False))}
            )
            for chrom, n in per.items()
        ],
        ignore_index=True,
    )


def write_bank(folder, rng, lines=LINES):
    """Write annotation, a table of counts, alleles of A1 and A2, and the sheets."""
    loci = draw_loci(rng)
    of = simulate_rna.genes(rng, loci, 2000, bank_rna.known_genes())
    simulate_rna.write_genes(folder / "genes.gff3", of)
    haplotypes = (rng.random((len(loci), 2)) < 0.5).astype(np.int8)
    prefers = simulate_rna.preferences(rng, of)
    columns, rows = {}, []
    for line, donor, sex in lines:
        events = [TRISOMY] if line == "A1" else []
        columns[line] = simulate_rna.counts(rng, of, events, sex)
        rows.append(f"{line}\t9\trna\tgene_counts\tcounts.tsv\t{line}\tGRCh38\n")
        if donor:
            table = simulate_rna.alleles(rng, of, columns[line], loci, haplotypes, events, prefers)
            simulate_rna.write_alleles(folder / f"{line}.ase.tsv", table)
            rows.append(f"{line}\t9\trna\tase\t{line}.ase.tsv\t\tGRCh38\n")
        if line == "B":
            write_alignment(folder, rng, of)
            rows.append("B\t9\trna\tbam\tB.bam\t\tGRCh38\n")
    simulate_rna.write_counts(folder / "counts.tsv", of, columns)
    with open(folder / "counts.tsv", "a", encoding="utf-8") as file:
        file.write("transgene\ttransgene\t" + "\t".join(TRANSGENE[: len(columns)]) + "\n")
    (folder / "samples.tsv").write_text(
        "line\tpassage\tassay\tformat\tpath\tname_in_file\tbuild\n" + "".join(rows)
    )
    (folder / "lines.tsv").write_text(
        "line\tkind\tparent\tsex\ttier\nD1\tdonor\t\tfemale\t\n"
        + "".join(f"{line}\tline\t{donor}\t{sex}\tpublic\n" for line, donor, sex in lines)
    )
    (folder / "bank.yaml").write_text(
        f"lines: {folder}/lines.tsv\nsamples: {folder}/samples.tsv\nresults: {folder}/results\n"
        f"resources: {{genes: {folder}/genes.gff3}}\n"
        "rna: {vectors: {transgene: our transgene}}\n"
    )


def write_alignment(folder, rng, of):
    """Write a small alignment of B with reads of the virus, and one hotspot of TP53 in it."""
    points = pd.read_csv(POINTS, sep="\t").query("scope == 'point'").astype({"start": int})
    points = points.assign(share=np.where(points["id"] == "TP53:p.Arg175His", 0.4, 0.0))
    rna_alignment.write(rng, folder / "B.bam", of, points.drop_duplicates("start"))


def run(pristine, folder, *targets):
    return pristine.run(
        *("--cores", "2", "--configfile", str(folder / "bank.yaml"), "--quiet"),
        *("--directory", str(folder), *targets),
    )


@pytest.fixture(scope="module")
def done(pristine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rna")
    write_bank(folder, np.random.default_rng(1))
    results = folder / "results"
    files = ["lines/A1/hotspots.tsv", "lines/A2/events.tsv", "lines/A1/tracks.parquet"]
    files += [f"quality/{line}-p9.rna.tsv" for line in "BC"]
    files += [f"readouts/{line}-p9.rna.tsv" for line in ("A1", "A2", "B")]
    found = run(pristine, folder, *(str(results / name) for name in files))
    assert found.returncode == 0, found.stdout
    return results


def test_trisomy_is_called_from_rna_alone_and_nothing_else(done):
    for line in ("A1", "A2"):
        events = tables.read(done / "lines" / line / "events.tsv", tables.EVENTS)
        assert events["chrom"].astype(str).tolist() == (["chr12"] if line == "A1" else [])
    course = tables.read(done / "lines" / "A1" / "trajectories.tsv", tables.TRAJECTORIES)
    own = course.set_index("sample").loc["A1-p9"]
    assert own["state"] == "present"
    assert own["rna"] > 20
    assert own["cell_fraction"] > 0.8


def test_expression_is_relative_to_the_bank_and_alleles_are_one_a_gene(done):
    signals = tables.read(done / "signals" / "A1-p9.rna.parquet", tables.SIGNALS)
    facts = json.loads((done / "signals" / "A1-p9.rna.facts.json").read_text())
    assert facts["n_lines"] == 5
    assert facts["n_genes"] > 800
    assert facts["reference_bias"] == pytest.approx(simulate_rna.REFERENCE_BIAS, rel=0.05)
    level = signals[signals["level"].notna()]
    assert not level["chrom"].isin(["chrX", "chrY"]).any()
    gained = level.loc[level["chrom"] == "chr12", "level"].median()
    assert gained == pytest.approx(0.8 * np.log2(1.5), abs=0.12)
    noise = Noise.from_dict(json.loads((done / "contrasts" / "A1-p9.rna.noise.json").read_text()))
    assert noise.reason == ""
    assert noise.response == 0.8


def test_sex_is_told_by_y_and_xist(done):
    for line, sex in (("A1", "female"), ("B", "male"), ("C", "female")):
        quality = tables.read(done / "quality" / f"{line}-p9.rna.tsv", tables.QUALITY)
        assert quality.set_index("figure").loc["sex", "value"] == sex


def readouts(done, line):
    return tables.read(done / "readouts" / f"{line}-p9.rna.tsv", READOUTS).set_index("item")


def test_every_question_is_asked_of_every_sample(done):
    a1, a2, b = (readouts(done, line) for line in ("A1", "A2", "B"))
    assert list(a1.index) == list(a2.index) == list(b.index)
    assert (a1["state"] == "normal").sum() > 30
    untold = a1[a1["state"] == "not_testable"]
    assert (untold["reason"] != "").all() and untold["value"].isna().all()
    assert not set(b["state"]) & {"gained", "lost"}
    assert a1.loc[["XIST", "LIN28A", "pluripotency_extended"], "state"].eq("normal").all()


def test_an_alignment_is_asked_for_vectors_and_for_hotspots(done):
    found = readouts(done, "B")
    assert (
        found.loc["sendai", "state"] == "present" and found.loc["ebv_genome", "state"] == "absent"
    )
    mutated = found.loc["TP53:p.Arg175His"]
    assert mutated["state"] == "present" and mutated["low"] < mutated["value"] < mutated["high"]
    rest = found[(found["group"] == "variant") & (found.index != "TP53:p.Arg175His")]
    assert "present" not in set(rest["state"]) and "absent" in set(rest["state"])
    assert found.loc["TP53:p.Gly245Ser", "limit"] < 0.2
    without = readouts(done, "A1")
    assert without.loc[["sendai", "TP53:p.Arg175His"], "state"].eq("not_testable").all()


def test_a_vector_of_the_settings_is_counted_where_the_annotation_has_it_not(done):
    states = [readouts(done, line).loc["transgene", "state"] for line in ("A1", "A2", "B")]
    assert states == ["absent", "present", "absent"]
    assert readouts(done, "A2").loc["transgene", "label"] == "our transgene"


def test_a_bank_too_small_for_a_baseline_says_how_many_it_wants(pristine, tmp_path):
    write_bank(tmp_path, np.random.default_rng(2), LINES[2:4])
    found = run(pristine, tmp_path, str(tmp_path / "results" / "lines" / "B" / "hotspots.tsv"))
    assert found.returncode == 0, found.stdout
    spots = tables.read(tmp_path / "results" / "lines" / "B" / "hotspots.tsv", tables.HOTSPOTS)
    assert set(spots["state"]) == {"not_testable"}
    assert spots["reason"].str.contains("RNA of 1 other lines; .* at least 3").all()
    target = str(tmp_path / "results" / "readouts" / "C-p9.rna.tsv")
    assert run(pristine, tmp_path, target).returncode == 0
    found = tables.read(target, READOUTS).set_index("item")
    assert found.loc["LIN28A", "reason"].startswith(
        "no baseline: the bank has RNA of 1 other lines"
    )
    assert found.loc["XIST", "state"] == "normal"


def test_every_wrong_file_of_rna_is_told_at_once(pristine, tmp_path):
    write_bank(tmp_path, np.random.default_rng(3), LINES[:5])
    table = pd.read_csv(tmp_path / "counts.tsv", sep="\t")
    table["B"] = -table["B"]
    table["C"] = np.log2(table["C"] + 1).round(4)
    table["E"] = 0
    table.rename(columns={"A2": "A-2"}).to_csv(tmp_path / "counts.tsv", sep="\t", index=False)
    ase = pd.read_csv(tmp_path / "A1.ase.tsv", sep="\t")
    ase.drop(columns="altCount").to_csv(tmp_path / "A1.ase.tsv", sep="\t", index=False)
    found = run(pristine, tmp_path, "check")
    assert found.returncode == 1
    assert "5 errors in the files of" in found.stdout
    assert "no sample 'A2'" in found.stdout and "'A-2'" in found.stdout
    assert "no column 'altcount'" in found.stdout
    assert "are negative or infinite" in found.stdout
    assert "its values look like logs" in found.stdout
    assert "E: has no read" in found.stdout


def test_another_annotation_is_told_where_the_genes_are_looked_for(pristine, tmp_path):
    write_bank(tmp_path, np.random.default_rng(4), LINES[3:4])
    place = tmp_path / "genes.gff3"
    text = place.read_text().replace("ENSG", "ENSMUSG").replace("Name=", "alias=")
    place.write_text(text)
    found = run(pristine, tmp_path, str(tmp_path / "results" / "rna" / "C-p9.counts.parquet"))
    assert found.returncode == 1
    assert "genes with reads are in genes.gff3" in found.stdout
    assert "Give the annotation that the reads were counted with" in found.stdout
