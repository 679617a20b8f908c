"""Methylation all the way through: arrays in three formats and one sequenced, no other assay.

Of line A the later passage carries trisomy 12 and has lost the imprint of H19.
"""

import json

import idat_files
import numpy as np
import pandas as pd
import pytest
import simulate_methylation as simulate
from linedrift import tables
from linedrift.genome import GRCH38
from linedrift.methylation_tables import DIFFERENCES
from linedrift.readout_tables import READOUTS
from linedrift.signals.noise import Noise
from simulate_array import Event

pytestmark = pytest.mark.workflow
CHROMOSOMES = ("chr1", "chr12", "chr20", "chrX", "chrY")
TRISOMY = Event("chr12", 0, GRCH38.lengths["chr12"], "gain", cell_fraction=0.6)
H19 = "H19/IGF2:IG-DMR"
SHEETS = "line\tpassage\tassay\tformat\tpath\tname_in_file\tbuild\tplatform\n"
# line, passage, sex, format, cell; sentrix is its place in the list.
SAMPLES = (
    ("D1", 0, "female", "idat", "fibroblast"),
    ("A", 5, "female", "idat", "stem"),
    ("A", 40, "female", "idat", "stem"),
    ("B", 3, "male", "intensities", "stem"),
    ("C", 3, "female", "betas", "stem"),
    ("E", 3, "female", "bismark_cov", "stem"),
)
PERSON = {"D1": 0, "A": 0, "B": 1, "C": 2, "E": 3}


def regions(repository):
    """Return the imprinted regions of the core panel."""
    table = pd.read_csv(repository / "resources" / "imprinted_dmrs.tsv", sep="\t")
    table = table[table["panel"] == "core"]
    return table[["chrom", "start", "end"]].assign(region=table["dmr_id"], kind="imprinted")


def write_bank(folder, repository):
    """Write manifest, IDATs, tables and sheets."""
    rng = np.random.default_rng(1)
    known = pd.read_csv(repository / "resources" / "methylation_snp_probes.tsv", sep="\t")
    snps = known[["chrom", "start", "end", "name"]].assign(design="II")
    snps = snps.drop_duplicates(["chrom", "start"])
    probes = simulate.probes(
        rng, chromosomes=CHROMOSOMES, per_mb=40, regions=regions(repository), snps=snps
    )
    platform = simulate.platform(rng, probes)
    placed = simulate.addresses(rng, probes)
    first = int(placed[["address_a", "address_b"]].to_numpy().max()) + 1
    controls = idat_files.controls_of(first)
    idat_files.write_manifest(folder / "epic.csv", simulate.manifest(placed), controls)
    n = int((probes["kind"] == "snp").sum())
    alleles = {person: rng.integers(0, 3, n) for person in range(4)}
    rows = []
    for at, (line, passage, sex, format_, cell) in enumerate(SAMPLES):
        late = passage == 40
        beta = simulate.methylome(
            probes, platform, cell, sex, person=PERSON[line], line=at, passage=passage,
            regions={H19: 0.95} if late else None, genotypes=alleles[PERSON[line]],
        )  # fmt: skip
        copies = simulate.copies(probes, sex, [TRISOMY] if late else [])
        path = f"{line}_p{passage}.{format_}"
        if format_ == "bismark_cov":
            path += ".gz"
            simulate.write_bismark(folder / path, simulate.cytosines(rng, probes, beta, copies))
        else:
            measured = simulate.measure(rng, probes, platform, beta, copies)
            path = write_array(folder, path, format_, measured, placed, controls, at)
        name = "S1" if format_ in ("intensities", "betas") else ""
        kind = "" if format_ == "bismark_cov" else "EPIC"
        rows.append(f"{line}\t{passage}\tmethylation\t{format_}\t{path}\t{name}\tGRCh38\t{kind}\n")
    (folder / "samples.tsv").write_text(SHEETS + "".join(rows))
    (folder / "lines.tsv").write_text(
        "line\tkind\tparent\tsex\ttier\nD1\tdonor\t\tfemale\t\nA\tline\tD1\tfemale\tpublic\n"
        "B\tline\t\tmale\t\nC\tline\t\tfemale\t\nE\tline\t\tunknown\t\n"
    )
    (folder / "bank.yaml").write_text(
        f"lines: {folder}/lines.tsv\nsamples: {folder}/samples.tsv\nresults: {folder}/results\n"
        f"methylation: {{manifest: {{EPIC: {folder}/epic.csv}}}}\n"
    )


def write_array(folder, path, format_, measured, placed, controls, at):
    """Write one array; return the name of its file."""
    if format_ == "idat":
        values = simulate.idat_values(measured, placed)
        values = pd.concat([values, idat_files.control_values(controls)], ignore_index=True)
        return idat_files.write_pair(folder, f"20000000000{at}_R01C01", values)[0].name
    light = measured[["methylated", "unmethylated"]]
    if format_ == "intensities":
        table = pd.DataFrame(
            {
                "ID_REF": measured["name"],
                "S1 Methylated Signal": light["methylated"],
                "S1 Unmethylated Signal": light["unmethylated"],
                "S1 Detection Pval": 0.0,
            }
        )
    else:
        beta = light["methylated"] / (light.sum(axis=1) + 100)
        table = pd.DataFrame({"ID_REF": measured["name"], "S1": beta.round(4)})
    table.to_csv(folder / path, sep="\t", index=False)
    return path


def run(pristine, folder, *targets):
    return pristine.run(
        *("--cores", "2", "--configfile", str(folder / "bank.yaml"), "--quiet"),
        *("--directory", str(folder), *targets),
    )


@pytest.fixture(scope="module")
def done(pristine, tmp_path_factory, repository):
    folder = tmp_path_factory.mktemp("methylation")
    write_bank(folder, repository)
    results = folder / "results"
    files = [f"readouts/{s[0]}-p{s[1]}.methylation.tsv" for s in SAMPLES if s[0] != "D1"]
    files += ["lines/A/verdict.json", "lines/A/identity.tsv", "bank/identity.tsv"]
    found = run(pristine, folder, *(str(results / name) for name in files))
    assert found.returncode == 0, found.stdout
    return results


def readouts(done, sample):
    path = done / "readouts" / f"{sample}.methylation.tsv"
    return tables.read(path, READOUTS).set_index("item")


def test_trisomy_is_called_from_intensities_alone_and_nothing_else(done):
    events = tables.read(done / "lines" / "A" / "events.tsv", tables.EVENTS)
    # The donor's array has one other to be compared with: too few to tell what is the donor's own.
    assert events[["kind", "origin"]].to_numpy().tolist() == [["gain", "unknown"]]
    assert events["chrom"].astype(str).tolist() == ["chr12"]
    course = tables.read(done / "lines" / "A" / "trajectories.tsv", tables.TRAJECTORIES)
    course = course.set_index("sample")
    states = {"A-p40": "present", "A-p5": "absent", "D1-p0": "not_testable"}
    assert course["state"].to_dict() == states
    assert course.loc["A-p40", "low"] - 0.05 <= 0.6 <= course.loc["A-p40", "high"] + 0.05
    assert course.loc["A-p40", "methylation"] > 10


def test_an_imprint_is_lost_where_it_was_lost(done):
    early, late = readouts(done, "A-p5"), readouts(done, "A-p40")
    assert (early.loc[H19, "state"], late.loc[H19, "state"]) == ("normal", "gained")
    core = late[(late["group"] == "imprinting") & (late["n"] > 0)]
    assert (core["state"] != "normal").sum() == 1
    found = tables.read(done / "methylation" / "A-p40.differences.tsv", DIFFERENCES)
    assert (found["chrom"].astype(str) == "chr11").any()
    verdict = json.loads((done / "lines" / "A" / "verdict.json").read_text())
    assert any(H19 in text for text in verdict["passages"][-1]["findings"])


def test_every_question_is_asked_of_every_sample_by_array_or_by_reads(done):
    asked = [readouts(done, f"{line}-p{passage}") for line, passage, *_ in SAMPLES[1:]]
    assert all(list(one.index) == list(asked[0].index) for one in asked)
    for one in asked:
        untold = one[one["state"] == "not_testable"]
        assert (untold["reason"] != "").all()
        assert one.loc[H19, "state"] in ("normal", "gained")


def test_betas_alone_tell_no_copy_number_and_say_why(done):
    noise = json.loads((done / "contrasts" / "C-p3.methylation.noise.json").read_text())
    assert "no intensities" in Noise.from_dict(noise).reason


def test_reads_tell_the_sex_that_the_sheet_does_not_know(done):
    quality = tables.read(done / "quality" / "E-p3.methylation.tsv", tables.QUALITY)
    assert quality.set_index("figure").loc["sex", "value"] == "female"


def test_snp_probes_tell_whose_an_array_is(done):
    identity = tables.read(done / "bank" / "identity.tsv", tables.IDENTITY).set_index("sample")
    assert identity.loc[["D1-p0", "A-p5", "A-p40"], "state"].tolist() == ["confirmed"] * 3
    pairs = tables.read(done / "bank" / "identity_pairs.tsv", tables.IDENTITY_PAIRS)
    assert not (pairs["state"] == "conflict").any()


def test_every_wrong_file_of_methylation_is_told_at_once(pristine, tmp_path, repository):
    write_bank(tmp_path, repository)
    # The red of another chip, a cut IDAT, percents, and positions that start at 0.
    green = "200000000001_R01C01"
    (tmp_path / f"{green}_Red.idat").write_bytes(
        (tmp_path / "200000000002_R01C01_Red.idat").read_bytes()
    )
    cut = tmp_path / "200000000000_R01C01_Grn.idat"
    cut.write_bytes(cut.read_bytes()[:5000])
    betas = pd.read_csv(tmp_path / "C_p3.betas", sep="\t")
    betas["S1"] *= 100
    betas.to_csv(tmp_path / "C_p3.betas", sep="\t", index=False)
    coverage = pd.read_csv(tmp_path / "E_p3.bismark_cov.gz", sep="\t", header=None)
    coverage[1] -= 1
    coverage.to_csv(tmp_path / "E_p3.bismark_cov.gz", sep="\t", header=False, index=False)
    found = run(pristine, tmp_path, "check")
    assert found.returncode != 0
    for sample, words in (
        ("D1-p0", "truncated"), ("A-p5", "200000000002"), ("C-p3", "percent"), ("E-p3", "start"),
    ):  # fmt: skip
        told = [line for line in found.stdout.splitlines() if f"{sample} (methylation)" in line]
        assert len(told) >= 1, found.stdout
        assert words in told[0], told
    assert not list((tmp_path / "results").glob("methylation/*"))
