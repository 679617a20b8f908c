"""The simulator of methylation: planted truth is in the values, and files come back whole."""

import idat_files
import numpy as np
import pandas as pd
import pytest
import simulate_array
import simulate_methylation as sim
import yaml
from linedrift import tables
from linedrift.identity import genotypes, methylation_identity
from linedrift.methylation_tables import PROBES, SNP_PROBES
from linedrift.readers import cytosines, methylation_arrays, methylation_manifests
from simulate_array import Event

CHROMOSOMES = ["chr20", "chr21", "chrX", "chrY"]
REGIONS = pd.DataFrame(
    [
        ("chr11", 1997582, 2003510, "H19", "imprinted"),
        ("chr19", 56837125, 56841903, "PEG3", "imprinted"),
        ("chrX", 73851223, 73854223, "XIST", "xist"),
    ],
    columns=["chrom", "start", "end", "region", "kind"],
)


@pytest.fixture(scope="module")
def config(repository):
    return yaml.safe_load((repository / "config" / "config.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def people():
    """Loci of a SNP array, its platform, the SNPs that both arrays have, and a person."""
    rng = np.random.default_rng(2)
    loci = simulate_array.loci(rng, chromosomes=CHROMOSOMES, per_mb=30)
    platform = simulate_array.platform(rng, loci)
    known = sim.snp_probes(rng, loci, platform)
    return loci, known, simulate_array.person(rng, loci, platform, "female")


@pytest.fixture(scope="module")
def array(people):
    """Probes and platform of an array."""
    rng = np.random.default_rng(3)
    probes = sim.probes(rng, chromosomes=CHROMOSOMES, per_mb=100, regions=REGIONS, snps=people[1])
    return probes, sim.platform(rng, probes)


def beta_of(array, sex="female", cell="stem", **more):
    probes, platform = array
    return sim.methylome(probes, platform, cell, sex, person=1, **more)


def measured(array, beta, sex="female", events=(), seed=1, **more):
    probes, platform = array
    rng = np.random.default_rng(seed)
    return sim.measure(rng, probes, platform, beta, sim.copies(probes, sex, events), **more)


def test_measurements_have_the_columns_of_a_reader(array):
    probes, snps = sim.tables_of(measured(array, beta_of(array)))
    tables.check(probes, PROBES)
    tables.check(snps, SNP_PROBES)
    assert probes["name"].is_unique
    assert len(snps) == 59
    assert probes["beta"].dropna().between(0, 1).all()


def test_the_same_seed_gives_the_same_bytes(array):
    one, two = (measured(array, beta_of(array), seed=4) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def test_imprinted_regions_are_half_methylated_until_the_imprint_is_lost(array):
    probes, _ = array
    whole = beta_of(array)
    lost = beta_of(array, regions={"H19": 0.05, "PEG3": 0.95})
    for region, value in (("H19", 0.05), ("PEG3", 0.95)):
        here = (probes["region"] == region).to_numpy()
        assert here.sum() == 10
        assert abs(whole[here].mean() - 0.5) < 0.1
        assert abs(lost[here].mean() - value) < 0.05
    elsewhere = ~probes["region"].isin(["H19", "PEG3"])
    assert (whole[elsewhere] == lost[elsewhere]).all()


def test_islands_of_x_are_half_methylated_in_women_until_they_erode(array):
    probes, _ = array
    island = (probes["kind"] == "x_island").to_numpy()
    man, woman = beta_of(array, "male")[island], beta_of(array)[island]
    eroded = beta_of(array, erosion=0.8)
    assert man.mean() < 0.15
    assert 0.3 < woman.mean() < 0.55
    assert eroded[island].mean() < 0.6 * woman.mean()
    paired = (probes["chrom"] == "chrX") & (probes["start"] < 2_781_479)
    assert (eroded[paired] == beta_of(array)[paired]).all()
    promoter = (probes["kind"] == "xist").to_numpy()
    assert abs(beta_of(array)[promoter].mean() - 0.5) < 0.01
    assert eroded[promoter].mean() > 0.8


def test_a_line_drifts_with_its_passages_and_differs_from_its_donor(array):
    early, late = (beta_of(array, line=5, passage=passage) for passage in (5, 60))
    donor = beta_of(array, cell="fibroblast")
    assert 0.001 < np.mean(np.abs(late - early) > 0.1) < 0.1
    assert np.mean(np.abs(early - donor) > 0.2) > 0.05


@pytest.mark.parametrize(("kind", "change"), [("gain", np.log2(1.5)), ("loss", -1.0)])
def test_total_intensity_follows_the_copies(array, kind, change):
    probes, _ = array
    event = Event("chr20", 30_000_000, 50_000_000, kind)
    probes = probes[probes["kind"] != "snp"].reset_index(drop=True)
    totals = [
        np.log2(one["methylated"] + one["unmethylated"])
        for one, _ in (
            sim.tables_of(measured(array, beta_of(array), events=events, seed=seed))
            for seed, events in ((5, ()), (6, (event,)))
        )
    ]
    there = (probes["chrom"] == "chr20") & probes["start"].between(event.start, event.end)
    difference = totals[1] - totals[0]
    elsewhere = (probes["chrom"] == "chr21").to_numpy()
    found = np.median(difference[there]) - np.median(difference[elsewhere])
    assert found == pytest.approx(sim.RESPONSE * change, abs=0.06)


def test_total_intensity_follows_methylation_by_chemistry(array):
    probes, _ = array
    base = beta_of(array)
    n = len(probes)
    change = np.where(np.arange(n) % 2, 0.8, 0.1)
    totals = {
        at: np.log2(one["methylated"] + one["unmethylated"])
        for at, one in (("low", measured(array, np.full(n, 0.1))), ("own", measured(array, change)))
    }
    moved = (change > 0.5) & (base >= 0)
    for design, efficiency in sim.EFFICIENCY.items():
        rows = moved & (probes["design"] == design).to_numpy()
        found = np.median((totals["own"] - totals["low"])[rows])
        assert found == pytest.approx(0.7 * efficiency, abs=0.05), design


def test_snp_probes_have_the_genotypes_of_the_snp_array(people, array, config):
    loci, known, person = people
    probes, _ = array
    doses = sim.snp_doses(known, loci, person)
    in_order = known.set_index("name").index.get_indexer(
        probes.loc[probes["kind"] == "snp", "name"]
    )
    beta = beta_of(array, genotypes=doses[in_order])
    _, snps = sim.tables_of(measured(array, beta))
    signals, why = methylation_identity.probe_signals(
        snps, known, config["methylation"]["identity"]
    )
    assert not why
    found = genotypes.genotypes(signals, config["identity"])
    true = known.merge(loci[["chrom", "start"]].assign(b=person.sum(axis=1)))
    both = found.merge(true, on=["chrom", "start"])
    assert len(both) > 55
    expected = np.array(["AA", "AB", "BB"])[both["b"]]
    assert (both["genotype"].astype(str) == expected).mean() > 0.98


def test_idat_files_hold_what_was_measured(tmp_path, array, config):
    probes, _ = array
    placed = sim.addresses(np.random.default_rng(8), probes)
    one = measured(array, beta_of(array))
    values = sim.idat_values(one, placed)
    assert values["address"].is_unique
    assert len(values) == len(probes) + (probes["design"] != "II").sum()
    controls = idat_files.controls_of(99_000_000)
    values = pd.concat([values, idat_files.control_values(controls)], ignore_index=True)
    green, red = idat_files.write_pair(tmp_path, "200000000001_R01C01", values)
    path = idat_files.write_manifest(tmp_path / "demo.csv", sim.manifest(placed), controls)
    read = methylation_arrays.read(
        green,
        format="idat",
        manifest=methylation_manifests.read(path, build="GRCh38"),
        settings=config["methylation"]["arrays"],
        path2=red,
    )
    assert set(read.probes["name"]) == set(probes.loc[probes["kind"] != "snp", "name"])
    assert len(read.snp_probes) == 59
    both = read.probes.merge(
        probes.assign(true=beta_of(array))[["name", "start", "design", "true"]], on="name"
    )
    assert (both["start_x"] == both["start_y"]).all()
    assert (both["design_x"].astype(str) == both["design_y"].astype(str)).all()
    both = both[both["chrom"] != "chrY"]
    known = both["beta"].notna()
    assert known.mean() > 0.98
    assert np.corrcoef(both["beta"][known], both["true"][known])[0, 1] > 0.97


def test_coverage_files_hold_reads_of_both_kinds(tmp_path, array, config):
    probes, _ = array
    beta = beta_of(array)
    event = Event("chr20", 30_000_000, 50_000_000, "loss")
    copies = sim.copies(probes, "female", [event])
    found = sim.cytosines(np.random.default_rng(9), probes, beta, copies, depth=20)
    path = tmp_path / "sample.bismark.cov"
    sim.write_bismark(path, found)
    reading = cytosines.read(
        path, format="bismark_cov", settings=config["methylation"]["sequencing"],
        build="GRCh38", chains={},
    )  # fmt: skip
    read = reading.cytosines
    assert len(read) == len(found)
    reads = read["methylated"] + read["unmethylated"]
    there = (read["chrom"] == "chr20") & read["start"].between(event.start, event.end)
    assert reads[there].mean() / reads[read["chrom"] == "chr21"].mean() == pytest.approx(
        0.5, abs=0.05
    )
