"""Quality figures of simulated arrays with planted noise, sex, foreign DNA and loss of Y."""

import math

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from linedrift import tables
from linedrift.genome import AUTOSOMES, CHROM_DTYPE
from linedrift.quality import quality

RESPONSE = 0.45


@pytest.fixture(scope="module")
def settings(repository):
    return yaml.safe_load((repository / "config" / "config.yaml").read_text())["quality"]


def doses(rng, n):
    """Return genotypes (0, 1, 2) of one person and of a stranger at SNPs of any frequency."""
    frequency = rng.uniform(0.05, 0.95, n)
    return rng.binomial(2, frequency), rng.binomial(2, frequency)


def block(chrom, first, step, n):
    start = first + step * np.arange(n)
    return pd.DataFrame({"chrom": chrom, "start": start})


def person(
    seed=1, *, sex="female", foreign=0.0, kin=0.0, without_y=0.0, without_x=0.0, y_copies=1,
    sd=0.15, b_sd=0.03, par=400, with_y=True, with_x=True, per_chromosome=400,
):  # fmt: skip
    """Return SIGNALS of an array on a person: 22 autosomes, X, its shared region, and Y."""
    rng = np.random.default_rng(seed)
    parts = [block(chrom, 1_000_000, 100_000, per_chromosome) for chrom in AUTOSOMES]
    parts += [block("chrX", 5_000_000, 60_000, 1000)] if with_x else []
    parts += [block("chrX", 100_000, 6_000, par)] if with_x and par else []
    parts += [block("chrY", 7_000_000, 20_000, 300)] if with_y else []
    loci = pd.concat(parts, ignore_index=True)
    n, chrom = len(loci), loci["chrom"].to_numpy()
    own, other = doses(rng, n)
    other = np.where(rng.random(n) < kin, own, other)
    shared = (chrom == "chrX") & (loci["start"] < 2_700_000).to_numpy()
    on_x, on_y = (chrom == "chrX") & ~shared, chrom == "chrY"
    b = ((1 - foreign) * own + foreign * other) / 2
    level = np.zeros(n)
    het = own == 1
    sign = rng.choice([-1, 1], n)
    if sex == "male":
        b[on_x] = own[on_x] >= 1
        level[on_x] = -0.35
        level[on_y] = -0.2 + RESPONSE * np.log2(max(y_copies * (1 - without_y), 0.005))
        split = without_y / (2 * (2 - without_y))
        b[shared & het] += (sign * split)[shared & het]
    else:
        level[on_y] = -3.5
        level[on_x] = RESPONSE * np.log2(1 - without_x / 2)
        b[on_x & het] += (sign * without_x / (2 * (2 - without_x)))[on_x & het]
    b += rng.normal(0, 1, n) * (0.008 + (b_sd - 0.008) * 4 * b * (1 - b))
    b[on_y & (sex == "female")] = rng.uniform(0, 1, (on_y & (sex == "female")).sum())
    loci = loci.assign(
        chrom=loci["chrom"].astype(CHROM_DTYPE),
        end=loci["start"] + 1,
        name=[f"rs{i}" for i in range(n)],
        level=level + rng.normal(0, sd, n),
        level_sd=np.nan,
        b_fraction=np.clip(b, 0, 1),
        b_sd=np.nan,
        genotype=np.array(["AA", "AB", "BB"])[own],
        usable=True,
    )
    return tables.check(tables.in_genome_order(loci), tables.SIGNALS)


def judged(figures, settings, sex="unknown"):
    return quality.judge(figures, settings, sample="a-p5", assay="snp_array", expected_sex=sex)


def row(rows, figure):
    return rows.set_index("figure").loc[figure]


def with_event(signals, share, shift, level=0.0, seed=3):
    """Return the signals with an event on the first part of the autosomes."""
    rows = np.flatnonzero(signals["chrom"].isin(AUTOSOMES))
    rows = rows[: int(share * len(rows))]
    b, lrr = (signals[name].to_numpy(copy=True) for name in ("b_fraction", "level"))
    het = rows[(b[rows] > 0.3) & (b[rows] < 0.7)]
    b[het] += shift * np.random.default_rng(seed).choice([-1, 1], len(het))
    lrr[rows] += level
    return signals.assign(b_fraction=np.clip(b, 0, 1), level=lrr)


@pytest.mark.parametrize("sex", ["female", "male"])
def test_a_clean_array_passes_everything(sex, settings):
    rows = judged(quality.measure(person(sex=sex), settings), settings, sex)
    assert set(rows["state"]) <= {"pass", "info"}
    assert quality.failed(rows) == ""
    assert quality.sex_of(rows) == (sex, "")


@pytest.mark.parametrize("sd", [0.1, 0.2, 0.3])
def test_the_planted_noise_is_measured_and_a_gain_of_half_the_genome_does_not_count(sd, settings):
    signals = person(sd=sd)
    assert quality.measure(signals, settings)["log_ratio_sd"] == pytest.approx(sd, rel=0.05)
    gained = quality.measure(with_event(signals, 0.5, 0.17, level=0.26), settings)
    assert gained["log_ratio_sd"] == pytest.approx(sd, rel=0.05)
    assert gained["b_sd_het"] == pytest.approx(0.03, rel=0.2)
    assert gained["log_ratio_sd_plain"] > 1.05 * sd


@pytest.mark.parametrize("wave", [0.0, 0.03, 0.1])
def test_the_planted_wave_is_measured_and_a_gained_arm_is_none(wave, settings):
    signals = person(per_chromosome=1000)
    megabase = signals["start"] // 1_000_000 + 1000 * signals["chrom"].cat.codes.astype(int)
    means = np.random.default_rng(5).normal(0, wave, megabase.max() + 1)
    signals = signals.assign(level=signals["level"] + means[megabase])
    expected = pytest.approx(wave, abs=0.016)
    assert quality.measure(signals, settings)["wave"] == expected
    assert quality.measure(with_event(signals, 0.3, 0.17, 0.26), settings)["wave"] == expected


@pytest.mark.parametrize("foreign", [0.05, 0.1, 0.2, 0.35, 0.5])
@pytest.mark.parametrize("kin", [0.0, 0.5])
def test_foreign_dna_is_measured_whether_kin_or_not(foreign, kin, settings):
    figures = quality.measure(person(foreign=foreign, kin=kin), settings)
    assert figures["contamination"] == pytest.approx(foreign, abs=0.02)
    rows = judged(figures, settings)
    assert ("foreign DNA" in quality.failed(rows)) == (foreign > 0.11) or foreign == 0.1


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("shift", [0.05, 0.1, 0.25, 0.45])
def test_events_are_not_foreign_dna(share, shift, settings):
    figures = quality.measure(with_event(person(), share, shift), settings)
    assert figures["contamination"] == 0
    rows = judged(figures, settings)
    assert row(rows, "contamination")["state"] == "pass"


def test_foreign_dna_is_found_beside_an_event(settings):
    figures = quality.measure(with_event(person(foreign=0.2), 0.25, 0.2), settings)
    assert figures["contamination"] == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize("without_y", [0.3, 0.6, 0.85])
@pytest.mark.parametrize("par", [400, 0])
def test_loss_of_y_is_measured_with_and_without_shared_loci(without_y, par, settings):
    figures = quality.measure(person(sex="male", without_y=without_y, par=par), settings)
    assert figures["sex"] == "male"
    # Without shared loci the level gives the least that is certain.
    low = 0.06 if par else 0.25
    assert without_y - low <= figures["loss_of_y_fraction"] <= without_y + 0.06
    rows = judged(figures, settings, "male")
    assert quality.failed(rows) == ""
    if par:
        assert row(rows, "loss_of_y_fraction")["state"] == "warn"


def test_no_loss_of_y_is_seen_in_men_with_one_or_two_y_nor_asked_in_women(settings):
    for seed in range(8):
        figures = quality.measure(person(seed, sex="male"), settings)
        assert figures["loss_of_y_fraction"] < 0.1
    gained = person(sex="male", y_copies=2)
    assert quality.measure(gained, settings)["loss_of_y_fraction"] < 0.1
    woman = judged(quality.measure(person(), settings), settings)
    assert row(woman, "loss_of_y_fraction")["value"] == "not measured"
    assert "female" in row(woman, "loss_of_y_fraction")["reason"]


def test_foreign_dna_is_not_taken_for_loss_of_y(settings):
    figures = quality.measure(person(sex="male", foreign=0.4), settings)
    assert math.isnan(figures["loss_of_y_fraction"])
    assert "foreign" in figures["loss_of_y_reason"]


def test_one_x_without_y_is_neither_sex(settings):
    for lost in (person(sex="male", without_y=1.0), person(without_x=1.0)):
        figures = quality.measure(lost, settings)
        assert figures["sex"] == "unknown"
        assert "lost Y of a man or X of a woman" in figures["sex_reason"]
        for label in ("female", "male"):
            assert quality.sex_of(judged(figures, settings, label)) == ("unknown", "")


@pytest.mark.parametrize("without_x", [0.2, 0.5, 0.7])
def test_a_woman_whose_culture_loses_x_stays_a_woman(without_x, settings):
    assert quality.measure(person(without_x=without_x), settings)["sex"] == "female"


def test_two_equal_x_without_y_are_a_woman_and_two_x_with_y_are_not_decided(settings):
    woman = person()
    x = (woman["chrom"] == "chrX").to_numpy()
    alike = woman.assign(b_fraction=woman["b_fraction"].where(~x, woman["b_fraction"].round()))
    assert quality.measure(alike, settings)["sex"] == "female"
    y = (woman["chrom"] == "chrY").to_numpy()
    mixed = woman.assign(level=woman["level"].where(~y, -0.2))
    figures = quality.measure(mixed, settings)
    assert figures["sex"] == "unknown"
    assert "XXY" in figures["sex_reason"]


@pytest.mark.parametrize("sex", ["female", "male"])
def test_sex_comes_from_x_alone_where_no_y_is_measured(sex, settings):
    assert quality.measure(person(sex=sex, with_y=False), settings)["sex"] == sex


def test_sex_comes_from_y_alone_where_no_x_is_measured(settings):
    for sex in ("female", "male"):
        assert quality.measure(person(sex=sex, with_x=False), settings)["sex"] == sex
    neither = person(with_x=False, with_y=False)
    assert quality.measure(neither, settings)["sex"] == "unknown"


def test_a_wrong_sex_fails_its_row_but_not_the_measurement(settings):
    rows = judged(quality.measure(person(sex="male"), settings), settings, "female")
    assert row(rows, "sex")["state"] == "fail"
    assert quality.failed(rows) == ""
    sex, why = quality.sex_of(rows)
    assert sex == "male"
    assert "the sheet says female" in why


def test_sex_of_nothing_is_unknown():
    assert quality.sex_of(tables.QUALITY.empty()) == ("unknown", "")
    assert quality.failed(tables.QUALITY.empty()) == ""


def test_a_noisy_array_fails_and_foreign_dna_is_not_claimed(settings):
    figures = quality.measure(person(sd=0.7, b_sd=0.12), settings)
    assert math.isnan(figures["contamination"])
    why = quality.failed(judged(figures, settings))
    assert "log R ratio is too noisy" in why
    assert "0.35" in why


def test_genotypes_make_the_call_rate_and_clusters_stand_in_without_a_verdict(settings):
    signals = person()
    missing = np.random.default_rng(1).random(len(signals)) < 0.2
    poor = signals.assign(genotype=signals["genotype"].mask(missing, ""))
    figures = quality.measure(poor, settings)
    assert figures["call_rate"] == pytest.approx(0.8, abs=0.02)
    assert "too few genotypes" in quality.failed(judged(figures, settings))
    none = signals.assign(genotype=pd.Series("", signals.index, dtype=tables.GENOTYPES))
    rows = judged(quality.measure(none, settings), settings)
    assert row(rows, "call_rate")["state"] == "info"
    assert "no genotypes" in row(rows, "call_rate")["reason"]


def test_loci_that_are_not_usable_or_hold_no_snp_do_not_count(settings):
    signals = person()
    rng = np.random.default_rng(2)
    spoilt = rng.random(len(signals)) < 0.2
    b = signals["b_fraction"].where(~spoilt, rng.uniform(0, 1, len(signals)))
    bad = signals.assign(b_fraction=b, genotype=signals["genotype"].mask(spoilt, ""))
    clean = quality.measure(signals[~spoilt], settings)
    names = signals["name"].where(~spoilt, "cnvi" + signals["name"])
    for hidden in (bad.assign(usable=~spoilt), bad.assign(name=names)):
        figures = quality.measure(hidden, settings)
        for figure in ("call_rate", "b_sd_het", "contamination", "het_rate", "sex"):
            assert figures[figure] == clean[figure], figure


@pytest.mark.parametrize("n", [0, 1, 50])
def test_too_few_loci_fail_in_words_and_nothing_else_is_claimed(n, settings):
    signals = person().iloc[:n].astype({"chrom": CHROM_DTYPE})
    rows = judged(quality.measure(signals, settings), settings, "female")
    assert "too few loci" in quality.failed(rows)
    assert set(rows["state"]) <= {"fail", "info", "pass"}
    assert row(rows, "sex")["value"] == "unknown"
    assert row(rows, "log_ratio_sd")["value"] == "not measured"


@pytest.mark.parametrize("missing", ["level", "b_fraction"])
def test_an_array_without_one_of_the_signals_is_measured_by_the_other(missing, settings):
    figures = quality.measure(person(sex="male").assign(**{missing: np.float32("nan")}), settings)
    rows = judged(figures, settings)
    assert math.isnan(figures["log_ratio_sd" if missing == "level" else "b_sd_het"])
    assert figures["sex"] in ("male", "unknown")
    assert quality.failed(rows) == ""


def test_thresholds_are_the_settings(settings):
    figures = quality.measure(person(), settings)
    strict = settings | {
        "thresholds": settings["thresholds"] | {"log_ratio_sd": {"warn": 0.05, "fail": 0.1}}
    }
    assert "too noisy" in quality.failed(judged(figures, strict))
    asked = settings | {
        "thresholds": settings["thresholds"] | {"log_ratio_sd": {"warn": 0.1, "fail": None}}
    }
    assert row(judged(figures, asked), "log_ratio_sd")["state"] == "warn"


@effort(max_examples=6, deadline=None)
@given(shift=st.floats(-0.5, 0.5), seed=st.integers(0, 99))
def test_neither_a_shift_of_all_levels_nor_the_names_of_the_alleles_change_a_figure(
    repository, shift, seed
):
    settings = yaml.safe_load((repository / "config" / "config.yaml").read_text())["quality"]
    signals = person(seed, sex="male", without_y=0.5, foreign=0.03)
    figures = quality.measure(signals, settings)
    turned = signals.assign(
        level=signals["level"] + np.float32(shift), b_fraction=1 - signals["b_fraction"]
    )
    for name, value in quality.measure(turned, settings).items():
        if isinstance(value, float):
            assert value == pytest.approx(figures[name], abs=0.01, nan_ok=True), name
    assert quality.measure(turned, settings)["sex"] == figures["sex"]
