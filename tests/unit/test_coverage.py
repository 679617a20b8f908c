"""Bins of a capture kit and levels of their depth: planted bias goes, planted events stay."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from linedrift import tables
from linedrift.readers import reference
from linedrift.readers.files import ReadingError
from linedrift.sequencing_tables import BINS
from linedrift.signals import coverage
from truth import CONFIG

SETTINGS = CONFIG["wes"] | {"antitarget_bp": 20_000}
LENGTHS = {"chr20": 12_000_000, "chr21": 10_000_000, "chrX": 6_000_000}


def plain(intervals):
    return pd.DataFrame({"gc": 0.45, "known": 1.0}, index=range(len(intervals)))


def varied(intervals):
    """Return a GC content that differs from bin to bin, the same for the same bin."""
    gc = 0.45 + 0.1 * np.sin(intervals["start"].to_numpy() / 7919.0)
    return pd.DataFrame({"gc": gc + 0.05 * np.cos(intervals["end"].to_numpy()), "known": 1.0})


def kit(per_chromosome=1500, seed=1):
    """Return targets of 60 to 900 bp, some of them next to each other, on half of each Mb."""
    rng = np.random.default_rng(seed)
    parts = []
    for chrom, length in LENGTHS.items():
        n = per_chromosome * length // 12_000_000
        start = np.sort(rng.choice((length - 20_000) // 1_000, n, replace=False)) * 1_000 + 10_000
        start = start[start % 1_000_000 < 500_000]
        size = rng.integers(60, 900, len(start))
        parts.append(pd.DataFrame({"chrom": chrom, "start": start, "end": start + size}))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def bins():
    return coverage.bins(kit(), varied, SETTINGS, lengths=LENGTHS)


def efficiency(bins):
    """Return the planted bias: a hump of GC content, and what edges lose."""
    gc = np.exp(-(((bins["gc"] - 0.42) / 0.12) ** 2) / 2)
    edge = np.where(bins["kind"] == "target", 1 - 0.8 * bins["near_edge"], 0.02)
    return (gc * edge).to_numpy()


def depths(bins, mean=100.0, copies=2.0, seed=2, capture=0.0, read_length=100):
    """Return the depth of reads drawn at random, `capture` the sd of what a probe captures."""
    rng = np.random.default_rng(seed)
    usual = efficiency(bins)
    usual = usual / np.median(usual[bins["kind"] == "target"])
    usual = usual * np.exp(np.random.default_rng(77).normal(0, capture, len(bins)))
    length = (bins["end"] - bins["start"]).to_numpy()
    reads = rng.poisson(mean * usual * copies / 2 * length / read_length)
    return reads * read_length / length


def levels(depth, bins, **change):
    return coverage.level(depth, bins, SETTINGS | change, read_length=100)


def test_targets_are_cut_in_equal_pieces_and_nothing_of_them_is_lost(bins):
    targets, on = kit(), bins[bins["kind"] == "target"]
    assert (on["end"] - on["start"]).sum() == (targets["end"] - targets["start"]).sum()
    length = on["end"] - on["start"]
    assert length.max() <= 1.5 * SETTINGS["target_bp"]
    assert tables.check(bins, BINS) is not None


def test_bins_off_target_keep_their_distance_and_fill_the_gaps(bins):
    targets = coverage.merge(kit())
    off = bins[bins["kind"] == "antitarget"]
    assert len(off)
    for chrom, rows in off.groupby("chrom", observed=True):
        edge = np.sort(targets.loc[targets["chrom"] == chrom, ["start", "end"]].to_numpy().ravel())
        near = np.searchsorted(edge, rows["start"])
        assert (near == np.searchsorted(edge, rows["end"])).all()
        # An even number of edges before it: it begins outside of any target.
        assert (near % 2 == 0).all()
        assert (rows["start"].to_numpy() - edge[np.maximum(near - 1, 0)])[near > 0].min() >= 500


def test_a_long_gap_gives_pieces_and_a_short_one_none():
    targets = pd.DataFrame(
        {"chrom": "chr20", "start": [10_000, 30_000, 1_050_000], "end": [10_200, 30_200, 1_050_200]}
    )
    wide = SETTINGS | {"antitarget_bp": 100_000}
    found = coverage.bins(targets, plain, wide, lengths={"chr20": 1_060_000})
    off = found[found["kind"] == "antitarget"]
    assert len(off) == 10
    assert off["start"].iloc[0] == 30_700
    assert off["end"].iloc[-1] == 1_049_500


def test_what_is_not_known_sequence_has_no_bin():
    def gap(intervals):
        known = np.where(intervals["start"] < 500_000, 0.0, 1.0)
        return pd.DataFrame({"gc": np.where(known, 0.4, np.nan), "known": known})

    targets = pd.DataFrame(
        {"chrom": "chr20", "start": [100_000, 800_000], "end": [100_300, 800_400]}
    )
    found = coverage.bins(targets, gap, SETTINGS, lengths={"chr20": 1_000_000})
    assert (found["start"] >= 500_000).all()
    assert (found["kind"] == "target").sum() == 2


def test_overlapping_targets_in_any_order_are_one():
    rows = pd.DataFrame(
        {
            "chrom": ["chr21", "chr20", "chr20", "chr20", "chr20"],
            "start": [5, 300, 100, 150, 250],
            "end": [50, 400, 200, 160, 300],
        }
    )
    joined = coverage.merge(rows)
    assert joined.astype({"chrom": str}).to_numpy().tolist() == [
        ["chr20", 100, 200],
        ["chr20", 250, 400],
        ["chr21", 5, 50],
    ]


def test_targets_of_no_chromosome_are_refused():
    targets = pd.DataFrame({"chrom": ["20"], "start": [5], "end": [50]})
    with pytest.raises(ValueError, match="no target"):
        coverage.bins(targets, plain, SETTINGS, lengths=LENGTHS)


def test_an_edge_takes_half_of_the_reads_and_a_neighbour_gives_some_back():
    targets = pd.DataFrame({"chrom": "chr20", "start": [10_000], "end": [20_000]})
    pieces = coverage.pieces(coverage.merge(targets), 10).assign(kind="target")
    alone = coverage.near_edge(pieces, coverage.merge(targets), 250)
    # At the edge itself half of the triangle is target; 250 bp inside, all of it.
    assert alone[0] == pytest.approx(0.5, abs=0.02)
    assert alone[30] == pytest.approx(0.0, abs=1e-9)
    assert np.allclose(alone, alone[::-1])
    near = pd.concat(
        [targets, pd.DataFrame({"chrom": ["chr20"], "start": [20_050], "end": [20_200]})]
    )
    helped = coverage.near_edge(pieces, coverage.merge(near), 250)
    assert helped[-1] < alone[-1] - 0.1
    assert np.allclose(helped[:-40], alone[:-40])


def test_edges_are_what_a_sum_over_bases_gives(bins):
    some = bins[bins["chrom"] == "chr21"].iloc[:400]
    targets = coverage.merge(kit())
    inside = np.zeros(LENGTHS["chr21"] + 1000)
    for row in targets[targets["chrom"] == "chr21"].itertuples():
        inside[row.start : row.end] = 1
    triangle = (1 - np.abs(np.arange(-250, 251)) / 250) / 250
    last = int(some["end"].max())
    share = np.convolve(inside[: last + 1000], triangle, "same")
    expected = [share[row.start : row.end].mean() for row in some.itertuples()]
    found = some["near_edge"].to_numpy()
    on = (some["kind"] == "target").to_numpy()
    assert np.allclose(np.where(on, 1 - found, found), expected, atol=1e-3)


@pytest.mark.parametrize("kind", ["target", "antitarget"])
def test_planted_bias_is_taken_off(kind, bins):
    on = ((bins["kind"] == kind) & (bins["chrom"] != "chrX")).to_numpy()
    depth = depths(bins, mean=400)
    raw = np.log2(depth[on] / np.median(depth[on]))
    found = levels(depth, bins).level[on]
    # Counting noise is .05 (target) and .04 (antitarget, 2 % of the reads over 100 kb).
    assert np.std(raw) > 0.3
    assert np.std(found) < 0.13
    gc = bins["gc"].to_numpy()[on]
    assert abs(np.corrcoef(gc, found)[0, 1]) < 0.1
    assert np.median(found) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("copies, expected", [(3, np.log2(1.5)), (1, -1.0), (0, -6.0)])
def test_a_planted_event_keeps_its_size(copies, expected, bins):
    region = ((bins["chrom"] == "chr20") & bins["start"].between(3e6, 5e6)).to_numpy()
    with_it, without = (
        levels(depths(bins, mean=200, copies=n, capture=0.4), bins).level
        for n in (np.where(region, copies, 2.0), 2.0)
    )
    moved = with_it - without
    change = np.median(moved[region]) - np.median(moved[~region])
    assert change == pytest.approx(expected, abs=0.06) or (copies == 0 and change < expected)
    assert abs(np.median(moved[~region])) < 0.08


def test_an_event_on_half_of_the_genome_does_not_bend_the_correction(bins):
    gained = (bins["chrom"] == "chr20").to_numpy()
    found = levels(depths(bins, mean=300, copies=np.where(gained, 3.0, 2.0)), bins).level
    step = np.median(found[gained]) - np.median(found[(bins["chrom"] == "chr21").to_numpy()])
    assert step == pytest.approx(np.log2(1.5), abs=0.05)


@effort(max_examples=15, deadline=None)
@given(factor=st.floats(0.5, 50))
def test_scaling_every_count_leaves_the_levels(factor, bins):
    depth = depths(bins)
    assert np.allclose(levels(depth * factor, bins).level, levels(depth, bins).level, atol=1e-6)


def test_the_stated_sd_is_the_one_of_repeated_counts(bins):
    both = [levels(depths(bins, seed=seed, capture=0.4), bins, library_sd=0.0) for seed in (5, 6)]
    deep = (bins["kind"] == "target").to_numpy() & (both[0].level_sd < 0.4)
    z = (both[0].level - both[1].level) / np.hypot(both[0].level_sd, both[1].level_sd)
    # Reads here are dropped whole into a bin, so that bins hold no parts of them: the model of
    # overlaps expects a little less noise per read.
    assert 0.85 < np.std(z[deep]) < 1.25


@pytest.mark.parametrize("length", [50, 100, 400])
def test_the_number_of_reads_is_that_of_overlapping_reads(length):
    rng = np.random.default_rng(4)
    size, read, n = 400_000, 100, 80_000
    start = rng.integers(0, size, n)
    step = (
        np.bincount(start, minlength=size + read)
        - np.bincount(start + read, minlength=size + 2 * read)[: size + read]
    )
    depth = np.cumsum(step)[read:size]
    row = coverage.pieces(pd.DataFrame({"chrom": ["chr20"], "start": [0], "end": [length]}), length)
    means = depth[: len(depth) // length * length].reshape(-1, length).mean(axis=1)
    expected = coverage.reads(np.array([means.mean()]), row, read)[0]
    assert (means.mean() / means.std()) ** 2 == pytest.approx(expected, rel=0.1)


def test_a_kind_with_few_reads_is_not_used_and_says_so(bins):
    off = (bins["kind"] == "antitarget").to_numpy()
    found = levels(np.where(off, depths(bins) / 100, depths(bins)), bins)
    assert not found.usable[off].any()
    assert found.usable[~off].all()
    assert "reads in the usual bin" in found.reason[off][0]
    assert (found.reason[~off] == "").all()


def test_a_bin_that_lost_its_reads_stays_usable(bins):
    depth = depths(bins)
    depth[100:110] = 0
    found = levels(depth, bins)
    assert found.usable[100:110].all()
    assert (found.level[100:110] < -4).all()


def test_targets_beyond_the_kit_do_not_move_the_others(bins):
    rng = np.random.default_rng(8)
    absent = (rng.random(len(bins)) < 0.7) & (bins["kind"] == "target").to_numpy()
    depth = depths(bins)
    found = levels(np.where(absent, 0.0, depth), bins)
    on = ~absent & (bins["kind"] == "target").to_numpy() & (bins["chrom"] != "chrX").to_numpy()
    assert np.median(found.level[on]) == pytest.approx(0, abs=0.02)


def test_no_reads_at_all_is_said_not_computed(bins):
    found = levels(np.zeros(len(bins)), bins)
    assert not found.usable.any()
    assert np.isnan(found.level).all()


def test_bins_that_reads_cannot_be_placed_in_are_not_used(bins):
    track = pd.DataFrame({"chrom": ["chr20"], "start": [0], "end": [6_000_000], "value": [1.0]})
    mapped = bins.assign(mappable=coverage.mean_over(bins, track).astype(np.float32))
    found = levels(depths(bins), mapped)
    away = ((bins["chrom"] != "chr20") | (bins["start"] > 6_000_000)).to_numpy()
    assert not found.usable[away].any()
    assert found.usable[~away].mean() > 0.99
    assert "cannot be placed" in found.reason[away][0]


def test_the_mean_over_a_track_is_that_of_its_bases():
    track = pd.DataFrame(
        {"chrom": "chr20", "start": [10, 20, 50], "end": [20, 30, 60], "value": [1.0, 0.5, 1.0]}
    )
    asked = pd.DataFrame({"chrom": ["chr20"] * 3 + ["chr21"], "start": [0, 15, 55, 0]})
    asked["end"] = [10, 25, 75, 10]
    assert coverage.mean_over(asked, track).tolist() == [0.0, 0.75, 0.25, 0.0]


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    """Return a small reference: 20 named without chr, a run of N, lower case."""
    path = tmp_path_factory.mktemp("reference") / "ref.fa"
    text = "N" * 100 + "ACGTacgt" * 100 + "GGCC" * 50
    path.write_text(f">20\n{text}\n>chr21\n{'AT' * 300}\n")
    return path, {"chr20": text.upper(), "chr21": "AT" * 300}


@pytest.mark.parametrize("chunk", [64, 4_000_000])
def test_the_composition_of_any_interval_is_that_of_its_letters(fasta, chunk, monkeypatch):
    path, sequence = fasta
    monkeypatch.setattr(reference, "CHUNK", chunk)
    rng = np.random.default_rng(3)
    start = rng.integers(0, 900, 60)
    asked = pd.DataFrame({"chrom": "chr20", "start": start, "end": start + 1 + start % 170})
    asked = pd.concat([asked, pd.DataFrame({"chrom": ["chr21"], "start": [7], "end": [60]})])
    found = reference.composition(asked, path)
    for row, gc, known, cpg in zip(
        asked.itertuples(), found["gc"], found["known"], found["cpg"], strict=True
    ):
        letters = sequence[row.chrom][row.start : row.end]
        bases = len(letters) - letters.count("N")
        assert known == pytest.approx(bases / len(letters))
        expected = (letters.count("G") + letters.count("C")) / bases if bases else np.nan
        assert gc == pytest.approx(expected, nan_ok=True)
        longer = sequence[row.chrom][row.start : row.end + 1]
        expected = longer.count("CG") / bases if bases else np.nan
        assert cpg == pytest.approx(expected, nan_ok=True)


def test_intervals_of_another_build_are_refused_in_words(fasta):
    path, _ = fasta
    beyond = pd.DataFrame({"chrom": ["chr20"], "start": [1000], "end": [1_000_000]})
    with pytest.raises(ReadingError, match="another build"):
        reference.composition(beyond, path)
    with pytest.raises(ReadingError, match="no chromosome chr5"):
        reference.composition(beyond.assign(chrom="chr5"), path)
