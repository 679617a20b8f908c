"""Exomes relative to a panel: what the kit does goes, what a person or a line has stays."""

import numpy as np
import pandas as pd
import pytest
from exome_signals import SETTINGS, exome, kit, person, snps
from linedrift.genome import Karyotype
from linedrift.signals.contrast import contrast
from linedrift.signals.exon_losses import exon_losses
from linedrift.signals.noise import robust_sd
from linedrift.signals.panel import reads_of, with_panel
from truth import CONFIG

FEMALE = Karyotype("female")


@pytest.fixture(scope="module")
def bank():
    """Return bins, sites, frequencies, a donor with exome, and the exomes of five others."""
    bins, (sites, frequency) = kit(), snps(2300)
    donor = person(sites, frequency, 1)
    others = [person(sites, frequency, 20 + i, ("male", "female")[i % 2]) for i in range(5)]
    panel = [exome(bins, sites, who, 40 + i, batch=0.05) for i, who in enumerate(others)]
    return bins, sites, donor, exome(bins, sites, donor, 2, batch=0.05), panel


def copies_on(bins, copies, chrom="chr5", first=0, last=10**9):
    on = (bins["chrom"] == chrom) & (bins["start"] >= first) & (bins["start"] < last)
    return np.where(on, copies, 2.0), on.to_numpy()


def contrasted(own, baselines, panel):
    own, baselines = with_panel(own, baselines, panel, SETTINGS)
    frame, noise = contrast(own, baselines, FEMALE, CONFIG["contrast"] | CONFIG["contrast"]["wes"])
    return frame, noise


def bins_of(frame):
    return frame[frame["log_ratio"].notna() & ~frame["chrom"].isin(["chrX", "chrY"])]


def test_each_of_donor_and_panel_takes_the_kit_away_and_both_leave_least(bank):
    bins, sites, donor, baseline, panel = bank
    line = exome(bins, sites, donor, 3, batch=0.05)
    spread = {
        name: robust_sd(bins_of(contrasted(line, *given)[0])["log_ratio"].to_numpy())
        for name, given in (
            ("nothing", ([], [])),
            ("donor", ([baseline], [])),
            ("panel", ([], panel)),
            ("both", ([baseline], panel)),
        )
    }
    assert spread["nothing"] > 2.5 * spread["donor"]
    assert spread["both"] < spread["panel"] < 0.9 * spread["donor"]


@pytest.mark.parametrize("copies", [1.0, 3.0])
def test_an_event_keeps_its_size_against_donor_and_panel(copies, bank):
    bins, sites, donor, baseline, panel = bank
    changed, on = copies_on(bins, copies)
    line = exome(bins, sites, donor, 4, copies=changed, batch=0.05)
    frame, noise = contrasted(line, [baseline], panel)
    inside = bins_of(frame)[(bins_of(frame)["chrom"] == "chr5").to_numpy()]
    assert inside["log_ratio"].median() == pytest.approx(np.log2(copies / 2), abs=0.06)
    assert bins_of(frame)["log_ratio"].median() == pytest.approx(0, abs=0.03)
    assert noise.reason == ""


def test_an_event_of_one_of_the_panel_is_not_handed_to_the_others(bank):
    bins, sites, donor, baseline, panel = bank
    changed, _ = copies_on(bins, 1.0)
    lossy = exome(bins, sites, person(sites, np.full(len(sites), 0.5), 8), 9, copies=changed)
    frame, _ = contrasted(exome(bins, sites, donor, 3), [baseline], [*panel, lossy])
    assert abs(bins_of(frame).query("chrom == 'chr5'")["log_ratio"].median()) < 0.08


def test_alleles_and_rows_are_left_alone(bank):
    bins, sites, donor, baseline, panel = bank
    line = exome(bins, sites, donor, 3)
    own, (base,) = with_panel(line, [baseline], panel, SETTINGS)
    for before, after in ((line, own), (baseline, base)):
        columns = ["chrom", "start", "end", "name", "b_fraction", "b_sd", "genotype", "usable"]
        pd.testing.assert_frame_equal(before[columns], after[columns])


def test_what_is_expected_of_a_bin_does_not_follow_its_own_reads(bank):
    bins, sites, donor, baseline, panel = bank
    changed, on = copies_on(bins, 0.0)
    lost = exome(bins, sites, donor, 3, copies=changed)
    for given in (([baseline], []), ([baseline], panel)):
        own, _ = with_panel(lost, *given, SETTINGS)
        sd = own.loc[own["name"] == "bin:target", ["chrom", "level_sd"]]
        by = sd.groupby("chrom", observed=True)["level_sd"].median()
        assert by["chr5"] == pytest.approx(by["chr6"], rel=0.3)
        assert lost.loc[lost["chrom"] == "chr5", "level_sd"].median() > 1


def test_a_bin_that_nobody_reads_has_no_level(bank):
    bins, sites, donor, *_ = bank
    empty, on = copies_on(bins, 0.0)
    own, (base,) = with_panel(
        exome(bins, sites, donor, 3, copies=empty),
        [exome(bins, sites, donor, 4, copies=empty)],
        [],
        SETTINGS,
    )
    rows = (own["chrom"] == "chr5") & (own["name"] == "bin:target")
    assert own.loc[rows, "level"].isna().all()


def test_nothing_to_compare_with_leaves_the_exome_as_it_is(bank):
    bins, sites, donor, *_ = bank
    line = exome(bins, sites, donor, 3)
    own, baselines = with_panel(line, [], [], SETTINGS)
    assert baselines == []
    pd.testing.assert_frame_equal(own, line)


def test_a_panel_without_any_usable_bin_gives_no_level_and_no_error(bank):
    bins, sites, donor, *_ = bank
    line = exome(bins, sites, donor, 3)
    empty = line.assign(usable=False)
    own, _ = with_panel(line, [], [empty], SETTINGS)
    assert own["level"].isna().all()


def test_a_man_is_compared_with_women_on_x(bank):
    bins, sites, donor, _, panel = bank
    man = person(sites, np.full(len(sites), 0.5), 77, "male")
    own, baselines = with_panel(
        exome(bins, sites, man, 5), [exome(bins, sites, man, 6)], panel, SETTINGS
    )
    frame, _ = contrast(
        own, baselines, Karyotype("male"), CONFIG["contrast"] | CONFIG["contrast"]["wes"]
    )
    for chrom in ("chrX", "chrY"):
        level = frame.loc[(frame["chrom"] == chrom) & frame["log_ratio"].notna(), "log_ratio"]
        assert len(level) > 20
        assert level.median() == pytest.approx(0, abs=0.12)


@pytest.mark.parametrize("with_others", [False, True])
def test_a_donor_on_another_kit_gives_its_alleles_and_the_panel_the_levels(with_others, bank):
    bins, sites, donor, _, panel = bank
    other_kit = bins.assign(start=bins["start"] + 300, end=bins["end"] + 300)
    changed, _ = copies_on(bins, 1.0)
    line = exome(bins, sites, donor, 3, copies=changed)
    frame, noise = contrasted(
        line, [exome(other_kit, sites, donor, 6)], panel if with_others else []
    )
    assert noise.reason == ""
    assert frame["shift"].notna().sum() > 300
    level = frame.loc[frame["chrom"] == "chr5", "log_ratio"].dropna()
    if with_others:
        assert level.median() == pytest.approx(-1, abs=0.1)
        assert noise.level_weight == 0
    else:
        assert level.empty


def test_the_reads_of_a_bin_come_back_from_its_sd():
    reads = np.array([5.0, 80.0, 900.0])
    sd = np.hypot(1.4427 / np.sqrt(reads), 0.1)
    assert np.allclose(reads_of(sd, 0.1), reads)


# Single exons.


def lost_exon(bank, copies, first=None, count=1, seed=3):
    bins, sites, donor, *_ = bank
    rows = np.flatnonzero(bins["chrom"] == "chr9")
    first = rows[100] if first is None else first
    changed = np.full(len(bins), 2.0)
    changed[first : first + count] = copies
    return exome(bins, sites, donor, seed, copies=changed), bins.iloc[first : first + count]


@pytest.mark.parametrize("with_others", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_a_lost_exon_is_found_with_its_ends(count, with_others, bank):
    line, where = lost_exon(bank, 0.0, count=count)
    own, baselines = with_panel(line, [bank[3]], bank[4] if with_others else [], SETTINGS)
    found = exon_losses(own, baselines, FEMALE, SETTINGS)
    assert len(found) == 1
    row = found.iloc[0]
    assert (row["chrom"], row["start"], row["end"]) == (
        "chr9",
        where["start"].iloc[0],
        where["end"].iloc[-1],
    )
    assert row["kind"] == "deep_loss"
    assert row["n_levels"] == count
    assert row["cell_fraction"] > 0.95


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_lost_where_nothing_was_taken(seed, bank):
    bins, sites, donor, baseline, panel = bank
    own, baselines = with_panel(
        exome(bins, sites, donor, 100 + seed, batch=0.1), [baseline], panel, SETTINGS
    )
    assert exon_losses(own, baselines, FEMALE, SETTINGS).empty


def test_one_copy_that_is_left_is_no_lost_exon(bank):
    line, _ = lost_exon(bank, 1.0, count=3)
    own, baselines = with_panel(line, [bank[3]], bank[4], SETTINGS)
    assert exon_losses(own, baselines, FEMALE, SETTINGS).empty


def test_an_exon_that_the_donor_lost_too_is_not_the_lines(bank):
    line, _ = lost_exon(bank, 0.0)
    donor, _ = lost_exon(bank, 0.0, seed=11)
    own, baselines = with_panel(line, [donor], bank[4], SETTINGS)
    assert exon_losses(own, baselines, FEMALE, SETTINGS).empty


def test_a_donor_on_another_kit_cannot_say_that_an_exon_was_lost_since(bank):
    bins, sites, donor, _, panel = bank
    line, _ = lost_exon(bank, 0.0)
    other_kit = bins.assign(start=bins["start"] + 300, end=bins["end"] + 300)
    own, baselines = with_panel(line, [exome(other_kit, sites, donor, 6)], panel, SETTINGS)
    assert exon_losses(own, baselines, FEMALE, SETTINGS).empty


def test_the_one_copy_of_a_man_is_a_loss(bank):
    bins, sites, *_ = bank
    man = person(sites, np.full(len(sites), 0.5), 77, "male")
    rows = np.flatnonzero(bins["chrom"] == "chrX")
    changed = np.full(len(bins), 2.0)
    changed[rows[50:52]] = 0
    own, baselines = with_panel(
        exome(bins, sites, man, 5, copies=changed), [exome(bins, sites, man, 6)], [], SETTINGS
    )
    found = exon_losses(own, baselines, Karyotype("male"), SETTINGS)
    assert found["kind"].tolist() == ["loss"]


def test_without_a_baseline_no_exon_is_said_to_be_lost(bank):
    line, _ = lost_exon(bank, 0.0)
    own, baselines = with_panel(line, [], bank[4], SETTINGS)
    assert exon_losses(own, baselines, FEMALE, SETTINGS).empty
