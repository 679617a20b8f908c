"""Copy number by the depth of bisulfite reads: planted bias goes, planted copies stay."""

import numpy as np
import pandas as pd
import pytest
import yaml
from linedrift import tables
from linedrift.genome import CHROM_DTYPE, Karyotype
from linedrift.methylation_tables import CYTOSINES, DEPTHS
from linedrift.readers import bisulfite
from linedrift.signals import bisulfite_depth, methylation_contrast

CHROMOSOMES = ["chr1", "chr2", "chr20", "chrX"]


@pytest.fixture(scope="module")
def config(repository):
    return yaml.safe_load((repository / "config" / "config.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def settings(config):
    return config["methylation"]["copy_number"]


@pytest.fixture(scope="module")
def bins():
    """Bins of some chromosomes with their GC content and CpGs, of which some are mostly N."""
    grid = bisulfite.grid(50_000)
    frame = grid[grid["chrom"].isin(CHROMOSOMES)].reset_index(drop=True)
    rng = np.random.default_rng(1)
    gc = 0.41 + 0.05 * rng.normal(size=len(frame))
    cpg = np.exp(-4.6 + 6 * (gc - 0.41) + 0.3 * rng.normal(size=len(frame)))
    known = np.where(rng.random(len(frame)) < 0.02, 0.3, 1.0)
    return frame.assign(gc=gc, cpg=cpg, known=known)


def depths(bins, seed, copies=2.0, mean=12.0):
    """Return DEPTHS of a person whose depth follows GC content, CpGs and the person's own bias."""
    rng = np.random.default_rng(seed)
    bias = -8 * (bins["gc"] - 0.43) ** 2 * 10 - 0.25 * np.log2(bins["cpg"] / 0.01)
    shared = np.random.default_rng(99).normal(0, 0.1, len(bins))
    expected = mean * np.asarray(copies) / 2 * 2 ** (bias + shared)
    reads = rng.poisson(expected * bins["known"] * 50_000 / 150)
    depth = bins[["chrom", "start", "end"]].assign(depth=reads * 150 / 50_000)
    return bisulfite_depth.described(depth, bins[["known", "gc", "cpg"]])


def copies_of(bins, cells):
    there = (bins["chrom"] == "chr20") & bins["start"].between(30_000_000, 40_000_000)
    return 2 + cells * there.to_numpy()


def test_bins_are_described_by_what_is_known_of_them(bins):
    found = depths(bins, 1)
    tables.check(found, DEPTHS)
    scarce = (found["known"] < 0.5).to_numpy()
    assert found["depth"][scarce].mean() == pytest.approx(found["depth"][~scarce].mean(), rel=0.1)
    without = bisulfite_depth.described(found[["chrom", "start", "end", "depth"]], None)
    assert without["gc"].isna().all() and (without["known"] == 1).all()


def test_gc_content_and_cpgs_are_taken_off(bins, settings):
    signals = bisulfite_depth.signals_of(depths(bins, 2), settings)
    tables.check(signals, tables.SIGNALS)
    known = signals["usable"] & signals["level"].notna() & (signals["chrom"] != "chrX")
    for name in ("gc", "cpg"):
        assert abs(np.corrcoef(signals["level"][known], bins[name][known])[0, 1]) < 0.05
    # What is left is the bias that bins share between people, .1.
    assert signals["level"][known].std() < 0.15
    assert not signals["usable"][(bins["known"] < 0.5).to_numpy()].any()


@pytest.mark.parametrize(("others", "panel"), [(0, 0), (1, 0), (0, 4), (1, 4)])
def test_a_gain_in_a_third_of_the_cells_is_measured(bins, config, settings, others, panel):
    own = depths(bins, 3, copies_of(bins, 0.3))
    found, noise = methylation_contrast.contrast_of(
        own,
        [depths(bins, 10)] * others,
        [depths(bins, 20 + k) for k in range(panel)],
        Karyotype("female"),
        settings,
        config["contrast"],
    )
    assert not noise.reason
    assert noise.response == 1.0
    there = found["chrom"].eq("chr20") & found["start"].between(30_000_000, 40_000_000)
    assert found["log_ratio"][there].mean() == pytest.approx(np.log2(2.3 / 2), abs=0.04)
    if panel and others:
        assert noise.level_sd < 0.1


def test_few_reads_and_none_are_not_testable(bins, config, settings):
    for own in (depths(bins, 4, mean=0.05), DEPTHS.empty()):
        frame, noise = methylation_contrast.contrast_of(
            own, [], [], Karyotype("male"), settings, config["contrast"]
        )
        assert noise.reason == bisulfite_depth.NO_READS
        assert not np.isfinite(frame["log_ratio"]).any()


def test_a_coverage_file_gives_the_depth_of_its_bins(settings):
    rng = np.random.default_rng(6)
    start = np.sort(rng.choice(20_000_000, 40_000, replace=False))
    reads = rng.poisson(np.where(start < 10_000_000, 10, 15))
    table = pd.DataFrame({"chrom": "chr21", "start": start, "end": start + 2})
    table = table.assign(methylated=reads // 2, unmethylated=reads - reads // 2)
    few = pd.DataFrame({"chrom": ["chr22"], "start": [60_000], "end": [60_002]})
    table = pd.concat([table, few.assign(methylated=3, unmethylated=1)])
    cytosines = tables.in_genome_order(tables.conform(table, CYTOSINES))
    grid = bisulfite.grid(50_000)
    found = bisulfite_depth.depths_of(cytosines, grid, settings)
    tables.check(found, DEPTHS)
    assert len(found) == len(grid)
    low, high = (
        found.loc[found["chrom"].eq("chr21") & found["start"].between(*span), "depth"].mean()
        for span in ((0, 9_900_000), (10_000_000, 19_900_000))
    )
    assert (low, high) == (pytest.approx(10, rel=0.03), pytest.approx(15, rel=0.03))
    assert found.loc[found["chrom"] == "chr22", "depth"].isna().all()
    beyond = found["chrom"].eq("chr21") & (found["start"] >= 20_000_000)
    assert found.loc[beyond, "depth"].isna().all()


def test_loci_of_a_chromosome_without_bins_lie_in_none():
    bins = pd.DataFrame({"chrom": ["chr2", "chr2"], "start": [0, 100], "end": [100, 150]})
    loci = pd.DataFrame({"chrom": ["chr1", "chr2", "chr2", "chr2", "chr3"]})
    loci["start"] = [50, 0, 149, 150, 10]
    frames = [frame.astype({"chrom": CHROM_DTYPE}) for frame in (loci, bins)]
    assert bisulfite_depth._bin_of(*frames).tolist() == [-1, 0, 1, -1, -1]
