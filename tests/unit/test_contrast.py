"""Contrasts with a baseline: what is shared goes, what an event does stays."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linedrift import tables
from linedrift.genome import CHROM_DTYPE, X_TRANSPOSED, Karyotype
from linedrift.signals.contrast import (
    _straightened,
    align,
    contrast,
    diploid_centre,
    discordance,
    heterozygous,
    same_sex,
    shrink,
)
from truth import CONFIG, MB, Event, world

SETTINGS = CONFIG["contrast"]
FEMALE = Karyotype("female")


@pytest.fixture(scope="module")
def pair():
    w = world(11)
    return w, w.measure(), w.measure()


def take(frame, **change):
    return frame.assign(**change)


def test_a_contrast_has_a_row_for_every_usable_locus(pair):
    _, donor, line = pair
    usable = np.ones(len(line), dtype=bool)
    usable[::7] = False
    frame, _ = contrast(take(line, usable=usable), [donor], FEMALE, SETTINGS)
    assert frame["start"].tolist() == line["start"][usable].tolist()
    pd.testing.assert_frame_equal(tables.check(frame, tables.CONTRAST), frame)


def test_shift_is_asked_where_the_baseline_is_heterozygous_only(pair):
    _, donor, line = pair
    frame, noise = contrast(line, [donor], FEMALE, SETTINGS)
    het = heterozygous(donor, *SETTINGS["heterozygous_between"]) & line["b_fraction"].notna()
    assert (frame["shift"].notna().to_numpy() == het.to_numpy()).all()
    assert noise.het_rate == pytest.approx(het.mean())
    assert noise.discordance < 0.02
    assert noise.reason == ""


def test_a_shrunken_baseline_leaves_less_noise_than_a_whole_one_or_none(pair):
    _, donor, line = pair
    frame, noise = contrast(line, [donor], FEMALE, SETTINGS)
    het = frame["shift"].notna().to_numpy()
    bias, own = (f["b_fraction"].to_numpy()[het] - 0.5 for f in (donor, line))
    left = frame["shift"].std()
    assert left < np.std(own)
    assert left < np.std(own - bias)
    # Planted: sd of the bias .026, of the noise .03, so that the slope is 26^2/(26^2 + 30^2).
    assert noise.shift_weight == pytest.approx(0.43, abs=0.06)
    assert noise.shift_shared_sd == pytest.approx(0.026 * np.sqrt(1 - 0.43), rel=0.1)
    total = np.hypot(noise.shift_sd, noise.shift_shared_sd)
    assert total == pytest.approx(robust(frame["shift"]), rel=0.1)


def robust(values):
    return 1.4826 * np.median(np.abs(values.dropna() - values.median()))


def test_independent_and_shared_noise_are_told_apart():
    w = world(12, wave_sd=0.0)
    donor, early, late = w.measure(), w.measure(), w.measure()
    (a, noise), (b, _) = (contrast(s, [donor], FEMALE, SETTINGS) for s in (early, late))
    both = a["shift"].notna() & b["shift"].notna() & (a["shift"].abs() < 0.12)
    both &= b["shift"].abs() < 0.12
    covariance = np.cov(a["shift"][both], b["shift"][both])[0, 1]
    assert np.sqrt(covariance) == pytest.approx(noise.shift_shared_sd, rel=0.2)
    level = np.cov(a["log_ratio"].clip(-0.6, 0.6), b["log_ratio"].clip(-0.6, 0.6))[0, 1]
    assert np.sqrt(level) == pytest.approx(noise.level_shared_sd, rel=0.2)


@settings(max_examples=8, deadline=None)
@given(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_shifting_every_log_r_ratio_changes_no_log_ratio(pair, of_line, of_donor):
    _, donor, line = pair
    before, _ = contrast(line, [donor], FEMALE, SETTINGS)
    after, _ = contrast(
        take(line, level=line["level"] + of_line),
        [take(donor, level=donor["level"] + of_donor)],
        FEMALE,
        SETTINGS,
    )
    np.testing.assert_allclose(after["log_ratio"], before["log_ratio"], atol=2e-5)
    np.testing.assert_array_equal(after["shift"], before["shift"])


def swapped(frame):
    """Return the same measurement with the names of the alleles exchanged."""
    names = {"AA": "BB", "BB": "AA", "AB": "AB", "": ""}
    genotype = frame["genotype"].astype("str").map(names).astype(tables.GENOTYPES)
    return take(frame, b_fraction=1 - frame["b_fraction"], genotype=genotype)


def test_exchanging_the_alleles_turns_the_shifts_around_and_changes_nothing_else(pair):
    _, donor, line = pair
    before, noise = contrast(line, [donor], FEMALE, SETTINGS)
    after, same = contrast(swapped(line), [swapped(donor)], FEMALE, SETTINGS)
    np.testing.assert_allclose(after["shift"], -before["shift"], atol=1e-6)
    np.testing.assert_array_equal(after["log_ratio"], before["log_ratio"])
    assert same.shift_sd == pytest.approx(noise.shift_sd, rel=1e-4)


def test_events_do_not_count_as_noise():
    w = world(13)
    donor, calm = w.measure(), w.measure()
    events = [Event("chr20", 0, 64 * MB, "gain", 0.5), Event("chr22", 0, 30 * MB, "cn_loh", 0.4)]
    busy = w.measure(*events)
    _, quiet = contrast(calm, [donor], FEMALE, SETTINGS)
    frame, noise = contrast(busy, [donor], FEMALE, SETTINGS)
    assert noise.shift_sd == pytest.approx(quiet.shift_sd, rel=0.15)
    assert noise.level_sd == pytest.approx(quiet.level_sd, rel=0.1)
    # More than half of the genome has a level of its own; the diploid part is still 0.
    rest = (frame["chrom"] == "chr21").to_numpy()
    assert frame["log_ratio"][rest].mean() == pytest.approx(0.0, abs=0.02)
    gained = (frame["chrom"] == "chr20").to_numpy()
    assert frame["log_ratio"][gained].mean() == pytest.approx(0.55 * np.log2(1.25), abs=0.05)


def test_a_measurement_alone_is_its_own_baseline(pair):
    _, donor, _ = pair
    frame, noise = contrast(donor, [], FEMALE, SETTINGS)
    assert noise.shift_weight == noise.level_weight == noise.shift_shared_sd == 0
    assert (frame["shift_baseline"] == 0).all()
    assert (frame["log_ratio_baseline"] == 0).all()
    assert frame["shift"].notna().mean() == pytest.approx(0.28, abs=0.04)


def test_what_was_subtracted_can_be_added_back(pair):
    _, donor, line = pair
    frame, _ = contrast(line, [donor], FEMALE, SETTINGS)
    whole = frame["log_ratio"] + frame["log_ratio_baseline"]
    difference = whole - line["level"]
    assert difference.std() < 1e-6


def test_several_baselines_of_the_platform_weigh_more_than_one():
    w = world(14)
    donor, *others, line = (w.measure() for _ in range(5))
    _, one = contrast(line, [donor], FEMALE, SETTINGS)
    _, four = contrast(line, [donor, *others], FEMALE, SETTINGS)
    assert four.level_weight > one.level_weight + 0.1
    assert four.shift_weight > one.shift_weight + 0.1
    assert four.shift_shared_sd < one.shift_shared_sd


def test_another_person_is_told_by_discordance_and_makes_no_shift():
    w = world(15)
    donor = w.measure()
    # The alleles of each locus drawn anew: from the same population, another person.
    drawn = w.rng.random(w.haplotypes.shape) < w.platform["b_frequency"].to_numpy()[:, None]
    w.haplotypes = drawn.astype(np.int8)
    line = w.measure()
    frame, noise = contrast(line, [donor], FEMALE, SETTINGS)
    assert noise.discordance > 0.3
    assert frame["shift"].abs().max() < 0.31
    assert frame["shift"].std() < 0.06


def test_loss_of_heterozygosity_is_not_another_person():
    w = world(16)
    donor = w.measure()
    line = w.measure(*(Event(c, 0, 70 * MB, "cn_loh", 1.0) for c in ("chr20", "chr22")))
    frame, noise = contrast(line, [donor], FEMALE, SETTINGS)
    assert noise.discordance < 0.02
    on = (frame["chrom"] == "chr20").to_numpy() & frame["shift"].notna()
    assert frame["shift"][on].abs().median() > 0.45


def test_discordance_is_a_share_of_loci_and_blind_to_lost_stretches():
    fraction = np.full(2000, 0.5)
    fraction[:1200] = 0.0
    assert discordance(fraction) == 0.0
    fraction[::3] = 1.0
    assert discordance(fraction) == pytest.approx(1 / 3, abs=0.02)
    assert discordance(np.zeros(0)) == 0.0
    assert discordance(np.array([0.0, 0.5])) == 0.5


def test_genotypes_count_before_b_allele_frequencies():
    frame = pd.DataFrame(
        {
            "b_fraction": [0.5, 0.5, 0.3, 0.1, 0.0, np.nan, np.nan],
            "genotype": pd.Categorical(
                ["AB", "AA", "", "", "AB", "AB", ""], dtype=tables.GENOTYPES
            ),
        }
    )
    expected = [True, False, True, False, True, False, False]
    assert heterozygous(frame, 0.2, 0.8).tolist() == expected


def of_power(frame, response):
    """Return signals of a platform that reports the ratio of alleles to a power."""
    odds = (frame["b_fraction"] / (1 - frame["b_fraction"])) ** response
    b_fraction = np.where(odds == np.inf, 1.0, odds / (1 + odds)).astype(np.float32)
    return frame.assign(b_fraction=b_fraction)


@given(response=st.floats(0.5, 2.0))
@settings(max_examples=5, deadline=None)
def test_a_platform_that_reports_a_power_of_the_ratio_is_read_alike(pair, response):
    _, donor, line = pair
    plain, noise = contrast(line, [donor], FEMALE, SETTINGS)
    bent = [of_power(frame, response) for frame in (line, donor)]
    frame, straight = contrast(bent[0], bent[1:], FEMALE, SETTINGS | {"allele_response": response})
    # Loci at the edge of being heterozygous apart, where a file has no genotype.
    same = np.isfinite(frame["shift"]) == np.isfinite(plain["shift"])
    assert same.mean() > 0.999
    np.testing.assert_allclose(frame["shift"][same], plain["shift"][same], atol=2e-3)
    assert straight.shift_sd == pytest.approx(noise.shift_sd, rel=0.02)
    np.testing.assert_array_equal(frame["log_ratio"], plain["log_ratio"])


@pytest.mark.parametrize(("response", "shift"), [(0.86, 0.167), (1.0, 0.145), (1.2, 0.122)])
def test_three_copies_of_a_platform_that_compresses_are_three(response, shift):
    signals = pd.DataFrame({"b_fraction": np.array([0.645, 0.5, 0.0, 1.0, np.nan], np.float32)})
    straight = _straightened(signals, response)["b_fraction"]
    assert straight[0] - 0.5 == pytest.approx(shift, abs=0.001)
    np.testing.assert_array_equal(straight[1:], [0.5, 0.0, 1.0, np.nan])
    assert straight.dtype == np.float32


def test_a_baseline_without_alleles_is_taken_to_have_as_many_x():
    loci = world(2, ("chr21", "chrX")).measure()
    copies = FEMALE.copies_at(loci["chrom"], loci["start"])
    silent = loci.assign(b_fraction=np.nan, genotype="")
    assert same_sex(silent, loci["chrom"], copies)
    one = Karyotype("male").copies_at(loci["chrom"], loci["start"])
    assert not same_sex(loci, loci["chrom"], one)


def test_loci_of_another_array_type_are_aligned_by_position(pair):
    _, donor, line = pair
    part = donor.iloc[::2].reset_index(drop=True)
    aligned = align(part, line)
    assert aligned["level"].iloc[::2].tolist() == pytest.approx(part["level"].tolist())
    assert aligned["level"].iloc[1::2].isna().all()
    usable = np.ones(len(donor), dtype=bool)
    usable[3] = False
    assert np.isnan(align(take(donor, usable=usable), line)["level"].iloc[3])
    assert align(donor.iloc[:0], line)["b_fraction"].isna().all()


def test_the_first_of_loci_at_one_position_is_taken(pair):
    _, donor, line = pair
    twice = pd.concat([donor.iloc[:5], donor.iloc[4:5].assign(level=np.float32(9)), donor.iloc[5:]])
    aligned = align(twice.reset_index(drop=True), line)
    assert aligned["level"].iloc[4] == donor["level"].iloc[4]
    assert aligned["level"].iloc[5] == donor["level"].iloc[5]


def test_a_weight_is_a_slope_within_0_and_1():
    rng = np.random.default_rng(1)
    base = rng.normal(0, 1, 5000)
    on = np.ones(5000, dtype=bool)
    weight, shared = shrink(0.4 * base + rng.normal(0, 1, 5000), base, on)
    assert weight == pytest.approx(0.4, abs=0.04)
    assert shared == pytest.approx(np.sqrt(0.4 * 0.6), abs=0.03)
    assert shrink(-base, base, on) == (0.0, 0.0)
    assert shrink(3 * base, base, on)[0] == 1.0
    assert shrink(base, np.zeros(5000), on) == (0.0, 0.0)
    assert shrink(base, base, on & (np.arange(5000) < 50)) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("kept", "words"), [(0, "0 log R ratios"), (50, r"only 50 log R ratios.*at least 200")]
)
def test_too_few_loci_are_said_to_be_too_few(pair, kept, words):
    _, donor, line = pair
    frame, noise = contrast(line.iloc[:kept], [donor], FEMALE, SETTINGS)
    assert len(frame) == kept
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(noise.reason)


def test_a_copy_of_the_baseline_is_said_to_be_one(pair):
    _, donor, _ = pair
    _, noise = contrast(donor, [donor], FEMALE, SETTINGS)
    assert "copy" in noise.reason


def test_an_array_without_log_r_ratios_is_still_asked_about_alleles(pair):
    _, donor, line = pair
    empty = take(line, level=np.float32("nan"))
    frame, noise = contrast(empty, [donor], FEMALE, SETTINGS)
    assert frame["log_ratio"].isna().all()
    assert noise.reason == ""
    assert frame["shift"].notna().sum() > 3000


def test_a_file_without_b_allele_frequencies_is_still_asked_about_levels(pair):
    _, donor, line = pair
    frame, noise = contrast(take(line, b_fraction=np.float32("nan")), [donor], FEMALE, SETTINGS)
    assert frame["shift"].isna().all()
    assert noise.reason == ""
    assert noise.het_rate == 0


def test_x_and_y_are_relative_to_the_donor_and_a_y_that_is_not_there_has_no_level():
    w = world(17, ("chr21", "chr22", "chrX", "chrY"), "male")
    donor, line = w.measure(), w.measure()
    frame, _ = contrast(line, [donor], Karyotype("male"), SETTINGS)
    for chrom in ("chrX", "chrY"):
        on = (frame["chrom"] == chrom).to_numpy()
        assert frame["log_ratio"][on].median() == pytest.approx(0.0, abs=0.05)
    # One X: heterozygous nowhere but in the pseudoautosomal regions.
    par = Karyotype("male").copies_at(frame["chrom"], frame["start"]) == 2
    on_x = (frame["chrom"] == "chrX").to_numpy()
    assert frame["shift"][on_x & ~par].isna().all()
    assert frame["shift"][on_x & par].notna().sum() > 30
    woman = world(17, ("chr21", "chr22", "chrX", "chrY"), "female")
    frame, _ = contrast(woman.measure(), [woman.measure()], FEMALE, SETTINGS)
    assert frame["log_ratio"][(frame["chrom"] == "chrY").to_numpy()].isna().all()


def test_without_a_baseline_y_and_what_x_shares_with_it_have_no_level():
    w = world(19, ("chr21", "chr22", "chrX", "chrY"), "male")
    frame, _ = contrast(w.measure(), [], Karyotype("male"), SETTINGS)
    known, chrom = frame["log_ratio"].notna(), frame["chrom"].astype(str)
    shared = (chrom == "chrX") & frame["start"].between(*X_TRANSPOSED)
    assert shared.sum() > 100
    assert not known[shared | (chrom == "chrY")].any()
    assert known[~shared & (chrom != "chrY")].mean() > 0.99
    # Against another measurement of the man they have one; and in a woman X is like any other.
    frame, _ = contrast(w.measure(), [w.measure()], Karyotype("male"), SETTINGS)
    assert frame["log_ratio"].notna().mean() > 0.99
    woman = world(19, ("chr21", "chr22", "chrX"), "female")
    frame, _ = contrast(woman.measure(), [], FEMALE, SETTINGS)
    assert frame["log_ratio"].notna().mean() > 0.99


def test_a_lost_y_lowers_the_pseudoautosomal_regions():
    """Their own median would hide it, and leave a loss that looks copy-neutral."""
    w = world(20, ("chr21", "chr22", "chrX", "chrY"), "male")
    lost = Event("chrX", 0, 2_781_479, "loss", 0.5)
    levels = []
    for cells in (w.measure(), w.measure(lost)):
        frame, _ = contrast(cells, [], Karyotype("male"), SETTINGS)
        par = (frame["chrom"] == "chrX") & (frame["start"] < 2_781_479)
        levels.append(frame["log_ratio"][par].mean())
    assert levels[0] == pytest.approx(0.0, abs=0.05)
    assert levels[1] == pytest.approx(SETTINGS["response"] * np.log2(0.75), abs=0.07)


def test_the_diploid_state_is_where_alleles_balance():
    rng = np.random.default_rng(2)
    level, shift = rng.normal(0.1, 0.15, 6000), rng.normal(0, 0.03, 6000)
    gained = slice(0, 4000)
    level[gained] += 0.3
    shift[gained] += np.where(rng.random(4000) < 0.5, 0.15, -0.15)
    assert diploid_centre(level, shift) == pytest.approx(0.1, abs=0.02)
    assert np.isfinite(diploid_centre(level, np.full(6000, np.nan)))
    assert diploid_centre(np.full(10, np.nan), np.full(10, np.nan)) == 0.0


def test_signals_of_another_contract_are_refused(pair, tmp_path):
    _, donor, line = pair
    frame, _ = contrast(line, [donor], FEMALE, SETTINGS)
    tables.write(frame, tmp_path / "c.parquet", tables.CONTRAST)
    with pytest.raises(tables.TableError, match=r"c\.parquet.*signals: no column name, level"):
        tables.read(tmp_path / "c.parquet", tables.SIGNALS)
    assert frame["chrom"].dtype == CHROM_DTYPE
