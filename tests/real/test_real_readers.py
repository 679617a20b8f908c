"""Real arrays: read whole, lifted as the curated positions say, and their builds named."""

import bz2
import csv
import gzip

import numpy as np
import pandas as pd
import pytest
from linedrift.readers import array, bpm, heads

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def arrays(real_data):
    return real_data / "snp_array"


@pytest.fixture(scope="module")
def chains(real_data):
    reference = real_data / "reference"
    return {
        "hg18": str(reference / "hg18ToHg38.over.chain.gz"),
        "GRCh37": str(reference / "hg19_to_hg38.chain.gz"),
    }


@pytest.fixture(scope="module")
def known(repository):
    return pd.read_csv(repository / "resources" / "build_markers.tsv", sep="\t")


def curated(path):
    """Return GRCh38 positions by name from a table of the real data."""
    table = pd.read_csv(path, sep="\t", dtype=str).dropna().drop_duplicates("Name")
    columns = ["Chr_GRCh38", "Pos_GRCh38"] if "Chr_GRCh38" in table else ["Chr", "Position"]
    table = table.set_index("Name")[columns].set_axis(["chrom", "pos"], axis=1)
    table["chrom"] = "chr" + table["chrom"].str.removeprefix("chr").replace("XY", "X")
    return table.assign(pos=table["pos"].astype(float).astype(int))


def agreement(signals, table):
    """Return the share of loci whose lifted place is the curated one."""
    both = signals.merge(table, left_on="name", right_index=True, suffixes=("", "_known"))
    same = (both["chrom"].astype(str) == both["chrom_known"]) & (both["end"] == both["pos"])
    return len(both) / len(signals), same.mean()


def look(path, known, chains, **cells):
    row = {"path": str(path), "path2": "", "name_in_file": "", "build": "GRCh38"}
    return heads.problems(row | {k: str(v) for k, v in cells.items()}, chains, known)


PEOPLE = {"father": "99HI0698C", "mother": "99HI0697A", "offspring": "99HI0700A"}


@pytest.mark.parametrize("person", PEOPLE)
def test_trio_is_lifted_as_its_curated_positions(person, arrays, chains):
    folder = arrays / "trio_humanhap550"
    path = folder / f"{person}.txt.gz"
    reading = array.read(path, format="penncnv", build="hg18", chains=chains)
    assert reading.facts["sample"] == PEOPLE[person]
    assert reading.facts["n_rows"] == 93_129
    assert reading.facts["n_rows"] == reading.facts["n_loci"] + reading.facts["n_unmapped"]
    assert reading.facts["n_unmapped"] < 100
    covered, same = agreement(reading.signals, curated(folder / "example.pfb.gz"))
    assert covered > 0.999 and same > 0.999
    on_38 = array.read(path, format="penncnv", path2=folder / "example.pfb.gz")
    assert on_38.facts["n_not_in_manifest"] == 4 and on_38.facts["n_unmapped"] == 0
    both = reading.signals.merge(on_38.signals, on="name")
    np.testing.assert_array_equal(both["level_x"], both["level_y"])
    genotypes = reading.signals["genotype"].value_counts(normalize=True)
    assert genotypes["AB"] == pytest.approx(0.28, abs=0.06)


def test_trio_s_losses_stand_where_they_are_documented(arrays, chains):
    signals = array.read(
        arrays / "trio_humanhap550" / "offspring.txt.gz",
        format="penncnv", build="hg18", chains=chains,
    ).signals.set_index("name")  # fmt: skip
    first, last = (signals.index.get_loc(name) for name in ("rs11716390", "rs17039742"))
    inside = signals.iloc[first : last + 1]
    assert len(inside) == 50 and set(inside["chrom"]) == {"chr3"}
    assert inside["level"].median() == pytest.approx(-0.576, abs=0.001)
    assert (inside["genotype"] != "AB").all()


@pytest.mark.parametrize("build", ["GRCh38", "GRCh37"])
def test_trio_on_a_wrong_build_is_named_with_the_right_one(build, arrays, chains, known):
    folder = arrays / "trio_humanhap550"
    path = folder / "offspring.txt.gz"
    wrong = look(path, known, chains, format="penncnv", build=build)
    assert len(wrong) == 1 and "the positions are those of hg18" in wrong[0]
    path2 = folder / "example.hg18.pfb.gz"
    wrong = look(path, known, chains, format="penncnv", build=build, path2=path2)
    assert len(wrong) == 1 and "Write hg18 into the column build" in wrong[0]
    assert str(path2) in wrong[0]
    assert look(path, known, chains, format="penncnv", build="hg18") == []
    right = folder / "example.pfb.gz"
    assert look(path, known, chains, format="penncnv", build="GRCh38", path2=right) == []
    as_hg18 = look(path, known, chains, format="penncnv", build="hg18", path2=right)
    assert len(as_hg18) == 1 and "the positions are those of GRCh38" in as_hg18[0]


@pytest.mark.parametrize("number", [1664, 1675, 1686])
def test_final_reports_take_positions_from_a_marker_table(number, arrays, chains, known):
    folder = arrays / "finalreport_human610"
    path, markers = folder / f"FinalReport{number}.txt.gz", folder / "SNP_info.csv"
    cells = {"format": "final_report", "build": "hg18", "path2": markers}
    assert look(path, known, chains, **cells) == []
    reading = array.read(path, **cells, chains=chains)
    facts, signals = reading.facts, reading.signals
    assert facts["n_rows"] == 11_780 and facts["array"] == "Human610-Quadv1_B.bpm"
    lifted = curated(folder / "markers_hg18_GRCh38.tsv.gz")
    covered, same = agreement(signals, lifted)
    assert covered == 1 and same == 1
    only = signals["name"].str.startswith("cnvi")
    assert only.any() and signals.loc[only, "b_fraction"].isna().all()
    assert signals.loc[only, "level"].notna().mean() > 0.9
    loss = (signals["chrom"] == "chr11") & signals["start"].between(55_356_989, 55_442_023)
    assert loss.sum() > 5
    no_positions = look(path, known, chains, format="final_report")
    assert len(no_positions) == 1 and "path2" in no_positions[0]


ARRAYS_370K = ["SAMPLE_1", "SAMPLE_2", "SAMPLE_10", "SAMPLE_29", "SAMPLE_81", "SAMPLE_4",
               "SAMPLE_40", "SAMPLE_89", "FEMALE_2291"]  # fmt: skip


@pytest.mark.parametrize("name", ARRAYS_370K)
def test_r_written_signal_files_are_read(name, arrays, chains, known):
    path = arrays / "chry_370k" / f"{name}.txt.gz"
    assert look(path, known, chains, format="penncnv", build="hg18") == []
    wrong = look(path, known, chains, format="penncnv", build="GRCh37")
    assert len(wrong) == 1 and "the positions are those of hg18" in wrong[0]
    reading = array.read(path, format="penncnv", build="hg18", chains=chains)
    assert reading.facts["n_rows"] == 41_495
    assert set(reading.signals["chrom"].astype(str)) == {"chr21", "chr22", "chrX", "chrY"}
    table = curated(arrays / "chry_370k" / "markers_hg18_GRCh38.tsv.gz")
    assert agreement(reading.signals, table) == (1, 1)
    level = reading.signals.groupby("chrom", observed=True)["level"].median()
    if name in ("SAMPLE_1", "SAMPLE_2", "SAMPLE_10"):
        assert level["chrX"] < -0.2 and level["chrY"] > -0.5
    if name in ("FEMALE_2291", "SAMPLE_4"):
        assert level["chrX"] > -0.1 and level["chrY"] < -0.8


@pytest.mark.parametrize("number", [5, 37, 58])
def test_genome_studio_csvs_hold_the_values_of_the_matrices(number, arrays, chains, known):
    """Columns were renamed by R; the annotation has GWASTools' numbers of sex chromosomes."""
    folder = arrays / "identity_hapmap_1m"
    name = f"GENEVA_1M_HapMap_{number}.csv"
    markers = folder / "illumina_snp_annot.tsv"
    cells = {"format": "final_report", "build": "hg18", "path2": markers}
    path = folder / f"{name}.gz"
    assert look(path, known, chains, **cells) == []
    scans = pd.read_csv(folder / "scans.tsv", sep="\t").set_index("file")
    reading = array.read(path, **cells, chains=chains)
    assert reading.facts["sample"] == scans.loc[name, "genoRunID"]
    by_name = array.read(path, **cells, chains=chains, name_in_file=reading.facts["sample"])
    pd.testing.assert_frame_equal(reading.signals, by_name.signals)
    signals = reading.signals.set_index("name")
    annotation = pd.read_csv(markers, sep="\t").drop_duplicates("rsID", keep=False)
    scan = scans.loc[name, "scanID"]
    rows = annotation.index
    for table, column in (("LRR", "level"), ("BAF", "b_fraction"), ("GT", "genotype")):
        values = pd.read_csv(folder / f"illumina_{table}.tsv.gz", sep="\t")[f"{table}_{scan}"]
        want = pd.Series(values.to_numpy()[rows], index=annotation["rsID"])
        both = pd.DataFrame({"got": signals[column].astype(object), "want": want}).dropna()
        if table == "GT":
            both["got"] = both["got"].map({"": -1, "AA": 2, "AB": 1, "BB": 0})
        assert len(both) > 2_500
        difference = (both["got"].astype(float) - both["want"].astype(float)).abs()
        assert (difference < 1e-4).mean() > 0.999


def reference_is_b(manifest_row, ref, alt):
    """Return whether allele B of a manifest row is the reference allele of a VCF."""
    b = manifest_row["SNP"].strip("[]").split("/")[1]
    if b in "DI":
        return (b == "D") == (len(ref) < len(alt))
    if manifest_row["RefStrand"] == "-":
        b = {"A": "T", "C": "G", "G": "C", "T": "A"}[b]
    return b == ref


@pytest.mark.parametrize("manifest", ["small_manifest.bpm", "small_manifest.csv.gz"])
def test_gtc_equals_the_expected_vcf_exactly(manifest, arrays, chains, known):
    """Illumina's program writes BAF of ALT, that is 1 - BAF where B is the reference."""
    folder = arrays / "gtc"
    path = folder / "RegressionIncludeAttributes/input/201142750001_R01C01.gtc"
    cells = {"format": "gtc", "build": "GRCh37", "path2": folder / manifest}
    assert look(path, known, chains, **cells) == []
    reading = array.read(path, **cells, chains=chains)
    assert reading.facts["sample"] == "NA12753" and reading.facts["n_rows"] == 2000
    lines = gzip.open(folder / "small_manifest.csv.gz", "rt").read().splitlines()
    body = lines[lines.index("[Assay]") + 1 : lines.index("[Controls]")]
    rows = {row["Name"]: row for row in csv.DictReader(body)}
    signals = reading.signals.set_index("name")
    n_compared = n_flipped = 0
    vcf = folder / "RegressionIncludeAttributes/output/output.vcf"
    for line in vcf.read_text().splitlines():
        if line.startswith("#") or line.startswith("MT"):
            continue
        _, _, name, ref, alt, *_, data = line.split("\t")
        call, _, baf, lrr = data.split(":")
        if name not in signals.index:
            continue
        locus = signals.loc[name]
        flipped = reference_is_b(rows[name], ref, alt)
        fraction = float(locus["b_fraction"])
        # That program prints a float32 with 6 digits, and 1 - BAF with 12.
        printed = f"{1 - fraction:.12g}" if flipped else f"{fraction:.6g}"
        assert float(printed) == float(baf)
        assert float(f"{locus['level']:.6g}") == float(lrr)
        n_b = {"AA": 0, "AB": 1, "BB": 2, "": None}[locus["genotype"]]
        n_alt = None if "." in call else call.count("1")
        assert n_alt == (n_b if n_b is None or not flipped else 2 - n_b)
        n_compared, n_flipped = n_compared + 1, n_flipped + flipped
    assert n_compared == len(signals) == 1965 and n_flipped > 1000


def test_both_manifests_give_one_reading(arrays, chains):
    folder = arrays / "gtc"
    path = folder / "RegressionGTC/input/201142750001_R01C01.gtc"
    readings = [
        array.read(path, format="gtc", build="hg19", path2=folder / name, chains=chains).signals
        for name in ("small_manifest.bpm", "small_manifest.csv.gz")
    ]
    pd.testing.assert_frame_equal(*readings)


def test_gtc_with_a_manifest_of_another_array_is_refused(arrays, chains, known):
    path = arrays / "gtc/RegressionGTC/input/201142750001_R01C01.gtc"
    wrong = look(path, known, chains, format="gtc", build="GRCh37",
                 path2=arrays / "finalreport_human610/SNP_info.csv")  # fmt: skip
    assert len(wrong) == 1 and "small_manifest.bpm" in wrong[0]
    found = bpm.read_gtc(str(path))
    assert (found.version, found.n_snps, found.text(bpm.MANIFEST_NAME)) == (
        5, 2000, "small_manifest.bpm",
    )  # fmt: skip


def test_broad_vcf_is_read_in_alleles_a_and_b(arrays, chains, known):
    path = arrays / "vcf_broad" / "7991775143_R01C01.vcf"
    assert look(path, known, chains, format="vcf", build="GRCh37") == []
    wrong = look(path, known, chains, format="vcf", build="GRCh38")
    assert len(wrong) == 1 and "chromosome lengths of GRCh37" in wrong[0]
    reading = array.read(path, format="vcf", build="GRCh37", chains=chains)
    assert reading.facts["n_rows"] == 638 and reading.facts["n_genotypes_by_baf"] == 0
    signals = reading.signals[reading.signals["genotype"] != ""]
    centre = signals.groupby("genotype", observed=True)["b_fraction"].median()
    assert centre["AA"] < 0.03 and 0.4 < centre["AB"] < 0.6 and centre["BB"] > 0.97
    agrees = (signals["b_fraction"] - signals["genotype"].map({"AA": 0, "AB": 0.5, "BB": 1}).astype(
        float)).abs() < 0.25  # fmt: skip
    assert agrees.mean() > 0.98


def test_one_of_two_samples_of_a_vcf_is_picked(arrays, chains, known):
    path = arrays / "vcf_broad" / "two_samples.vcf"
    readings = [
        array.read(path, format="vcf", build="GRCh37", chains=chains, name_in_file=name)
        for name in ("7991775143_R01C01", "7991775143_R01C02")
    ]
    assert [one.facts["sample"][-1] for one in readings] == ["1", "2"]
    assert all(one.facts["n_rows"] == 638 for one in readings)
    unnamed = look(path, known, chains, format="vcf", build="GRCh37")
    assert len(unnamed) == 1 and "holds 2 samples" in unnamed[0]
    wrong = look(
        path, known, chains, format="vcf", build="GRCh37", name_in_file="7991775143_R01C03"
    )
    assert "the nearest name is '7991775143_R01C0" in wrong[0]


@pytest.mark.parametrize("name", ["Affy_cytoScan.cyhd.CN5.CNCHP.txt", "Affy_snp6_cnchp.txt"])
def test_affymetrix_text_is_named_with_the_way_out(name, arrays, chains, known, tmp_path):
    packed = arrays / "affymetrix_text" / f"{name}.bz2"
    (tmp_path / name).write_bytes(bz2.decompress(packed.read_bytes()))
    for format in array.FORMATS:
        wrong = look(tmp_path / name, known, chains, format=format)
        assert len(wrong) == 1 and "CNCHP" in wrong[0] and "affy2vcf" in wrong[0]
        wrong = look(packed, known, chains, format=format)
        assert len(wrong) == 1 and "bzip2" in wrong[0]
