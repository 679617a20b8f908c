"""Copy number by the intensities of arrays: what is no copy number goes, planted copies stay."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
import simulate_methylation as sim
import yaml
from linedrift import tables
from linedrift.events import events
from linedrift.events.segmentation import segment
from linedrift.genome import CHROM_DTYPE, Karyotype
from linedrift.methylation_tables import PROBES
from linedrift.signals import intensity, methylation_contrast
from simulate_array import Event

CHROMOSOMES = ["chr1", "chr8", "chr20", "chrX", "chrY"]
GAIN = Event("chr20", 30_000_000, 60_000_000, "gain", 0.5)


@pytest.fixture(scope="module")
def config(repository):
    return yaml.safe_load((repository / "config" / "config.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def settings(config):
    return config["methylation"]["copy_number"]


@pytest.fixture(scope="module")
def common(config):
    return config["contrast"] | config["contrast"]["methylation"]


@pytest.fixture(scope="module")
def bank():
    """Return a function that simulates PROBES of one platform."""
    rng = np.random.default_rng(11)
    probes = sim.probes(rng, chromosomes=CHROMOSOMES, per_mb=60)
    platform = sim.platform(rng, probes)

    def array(seed, cell="stem", sex="female", person=0, events=(), passage=0, tint=None):
        """Return PROBES of one culture."""
        rng = np.random.default_rng([seed, 3])
        beta = sim.methylome(probes, platform, cell, sex, person=person, line=seed, passage=passage)
        found = sim.measure(
            rng, probes, platform, beta, sim.copies(probes, sex, events),
            green_over_red=tint or 2 ** rng.normal(0, 0.2), brightness=2 ** rng.normal(0, 0.3),
        )  # fmt: skip
        return sim.tables_of(found)[0]

    return array


@pytest.fixture(scope="module")
def panel(bank):
    return [
        bank(20 + k, ["stem", "fibroblast"][k % 2], ["male", "female"][k // 2], person=20 + k)
        for k in range(4)
    ]


def contrast_of(own, baselines, panel, settings, common, sex="female"):
    return methylation_contrast.contrast_of(own, baselines, panel, Karyotype(sex), settings, common)


def mean_of(frame, event):
    there = frame["chrom"].eq(event.chrom) & frame["start"].between(event.start, event.end)
    return float(frame.loc[there, "log_ratio"].clip(-1, 1).mean())


def usual_beta(arrays):
    """Return the mean beta of the probes that all arrays have detected, NaN elsewhere."""
    return np.mean([array["beta"] for array in arrays], axis=0)


def test_the_level_is_that_of_both_signals_where_they_were_detected(bank, settings):
    probes = bank(1)
    signals = intensity.signals_of(probes, settings)
    tables.check(signals, tables.SIGNALS)
    dark = (probes["detection_p"] > settings["detection_p"]).to_numpy()
    assert dark.any()
    assert signals["level"][dark].isna().all()
    assert abs(signals["level"][~signals["chrom"].isin(["chrX", "chrY"])].median()) < 1e-3
    assert signals["b_fraction"].isna().all()


@pytest.mark.parametrize("with_panel", [True, False])
@pytest.mark.parametrize("with_donor", [True, False])
def test_a_gain_is_measured_beside_a_change_of_cell_type(
    bank, panel, settings, common, with_panel, with_donor
):
    if not (with_panel or with_donor):
        return
    own = bank(2, events=[GAIN], passage=30)
    donor = bank(3, "fibroblast")
    frame, noise = contrast_of(own, [donor] * with_donor, panel * with_panel, settings, common)
    tables.check(frame, tables.CONTRAST)
    assert not noise.reason
    expected = common["response"] * np.log2(1.25)
    assert mean_of(frame, GAIN) == pytest.approx(expected, abs=0.04)
    assert abs(mean_of(frame, Event("chr8", 0, 145_000_000, "gain"))) < 0.02
    # A donor is weighed by the common contrast, and what it leaves is shared by all passages.
    assert (noise.level_weight > 0) == with_donor
    assert (noise.level_shared_sd > 0) == with_donor
    assert noise.level_sd < 0.2


def test_what_colours_and_methylation_do_to_the_level_is_taken_off(bank, panel, settings):
    """An array of another colour balance, of another cell type: its bias by methylation goes."""
    own = bank(4, "fibroblast", tint=1.6)
    signals, _ = intensity.relative(own, [], panel, settings)
    plain = intensity.signals_of(own, settings)["level"] - np.mean(
        [intensity.signals_of(other, settings)["level"] for other in panel], axis=0
    )
    usual = usual_beta(panel)
    two = (own["design"] == "II").to_numpy() & ~own["chrom"].isin(["chrX", "chrY"]).to_numpy()
    two &= np.isfinite(signals["level"]) & np.isfinite(plain) & np.isfinite(usual)
    change = (own["beta"] - usual)[two]
    slopes = [np.polyfit(change, level[two], 1)[0] for level in (plain, signals["level"])]
    assert slopes[0] > 0.1
    assert abs(slopes[1]) < 0.02
    # By beta itself, which a brighter green moves in Infinium II.
    low, high = (np.median(signals["level"][two & among]) for among in (usual < 0.2, usual > 0.7))
    assert abs(high - low) < 0.01


def test_probes_whose_methylation_changed_are_known_to_be_noisier(bank, panel, settings):
    own = bank(5, "fibroblast")
    signals, _ = intensity.relative(own, [], [panel[0], panel[2]], settings)
    change = np.abs(own["beta"] - usual_beta([panel[0], panel[2]]))
    known = signals["level_sd"].notna()
    assert signals["level_sd"][known & (change > 0.5)].mean() > 1.05 * (
        signals["level_sd"][known & (change < 0.03)].mean()
    )


def test_an_event_of_the_panel_does_not_become_its_opposite(bank, panel, settings, common):
    altered = bank(6, person=6, events=[Event("chr20", 0, 64_444_167, "gain", 1.0)])
    own = bank(7, person=7)
    one, two = (
        mean_of(contrast_of(own, [], others, settings, common)[0], GAIN)
        for others in (panel, [*panel, altered])
    )
    # Were it an array like the others, the gain of .35 would take .07 off.
    assert one == pytest.approx(two, abs=0.02)


def test_the_pseudoautosomal_regions_are_those_of_any_panel(bank, panel, settings, common):
    """X of men in the panel is single outside of them: a woman's is no loss inside."""
    frame, _ = contrast_of(bank(8, person=8), [], panel, settings, common)
    ends = Event("chrX", 0, 2_781_479, "loss")
    inside = frame["chrom"].eq("chrX") & frame["start"].between(ends.start, ends.end)
    assert inside.sum() > 30
    assert abs(mean_of(frame, ends)) < 0.08
    assert frame.loc[frame["chrom"] == "chrY", "log_ratio"].isna().all()


@pytest.mark.parametrize("with_panel", [True, False])
def test_a_lost_x_is_seen_against_the_donor(bank, panel, settings, common, with_panel):
    lost = Event("chrX", 0, 156_040_895, "loss", 0.5)
    own, donor = bank(12, person=12, events=[lost]), bank(13, "fibroblast", person=12)
    frame, _ = contrast_of(own, [donor], panel * with_panel, settings, common)
    assert mean_of(frame, lost) == pytest.approx(0.7 * np.log2(0.75), abs=0.06)
    whole, _ = contrast_of(bank(12, person=12), [donor], panel * with_panel, settings, common)
    assert abs(mean_of(whole, lost)) < 0.06


@pytest.mark.parametrize("cells", [0.5, 0.0])
def test_an_event_is_called_and_nothing_else(bank, panel, settings, common, config, cells):
    planted = [replace(GAIN, cell_fraction=cells)] if cells else []
    own, donor = bank(14, person=14, events=planted, passage=40), bank(15, "blood", person=14)
    karyotype = Karyotype("female")
    measured = []
    for array, baselines, of in (
        (own, [donor], {"sample": "l-p40", "passage": 40, "baseline": "d-p0"}),
        (donor, [], {"sample": "d-p0", "passage": 0, "role": "donor"}),
    ):
        frame, noise = contrast_of(array, baselines, panel, settings, common)
        segments = segment(frame, noise, karyotype, config["segmentation"])
        measured.append(
            events.Measurement(
                assay="methylation", contrast=frame, noise=noise, segments=segments, **of
            )
        )
    asked = pd.DataFrame({"chrom": CHROMOSOMES[:4], "start": 0, "end": 60_000_000})
    found = events.call(measured, karyotype, asked, config["events"])
    called = [
        (str(found.stack.chrom[one.fit.first]), one.fit.kind, one.origin) for one in found.calls
    ]
    assert called == ([("chr20", "gain", "acquired")] if cells else [])
    if cells:
        fit = found.calls[0].fit
        assert fit.fraction[0] == pytest.approx(0.5, abs=0.12)
        ends = found.stack.start[fit.first], found.stack.end[fit.last - 1]
        assert ends == pytest.approx((GAIN.start, GAIN.end), abs=1_500_000)


def test_betas_alone_are_not_testable(bank, panel, settings, common):
    blind = bank(9).assign(methylated=np.float32(np.nan), unmethylated=np.float32(np.nan))
    frame, noise = contrast_of(blind, [], panel, settings, common)
    assert noise.reason == intensity.NO_INTENSITIES
    assert not np.isfinite(frame["log_ratio"]).any()
    # Others of which only betas are known are no help, nor harm.
    _, noise = contrast_of(bank(9), [blind], [blind], settings, common)
    assert noise.reason == intensity.NO_OTHER_ARRAY
    frame, noise = contrast_of(bank(9), [blind], [*panel, blind], settings, common)
    assert not noise.reason


def test_the_first_array_of_a_bank_is_not_testable(bank, settings, common):
    frame, noise = contrast_of(bank(9), [], [], settings, common)
    assert noise.reason == intensity.NO_OTHER_ARRAY
    assert not np.isfinite(frame["log_ratio"]).any()


def test_a_sample_without_an_array_has_an_empty_contrast(settings, common):
    frame, noise = contrast_of(PROBES.empty(), [], [], settings, common)
    assert frame.empty
    assert noise.reason == intensity.NO_INTENSITIES


def test_arrays_of_other_types_are_refused_in_words(bank, panel, settings, common):
    other = panel[0].assign(name="x" + panel[0]["name"])
    with pytest.raises(ValueError, match="100% of the probes .* must have another platform"):
        contrast_of(bank(9), [], [other] * 3, settings, common)


@pytest.mark.parametrize("n", [1, 2])
def test_of_few_arrays_nobody_knows_which_has_changed(bank, panel, settings, common, n):
    """Two arrays without a baseline gave each an event, the one a loss where the other a gain."""
    changed = bank(21, person=21, events=[GAIN])
    others = [changed, *panel][:n]
    frame, noise = contrast_of(bank(22, person=22), [], others, settings, common)
    assert noise.reason == methylation_contrast.FEW.format(n=3)
    assert not np.isfinite(frame["log_ratio"]).any()
    # Against a baseline of its own it is asked, whatever the bank has; and among three others.
    assert not contrast_of(bank(22, person=22), [panel[0]], others, settings, common)[1].reason
    assert not contrast_of(bank(22, person=22), [], panel[:3], settings, common)[1].reason


def test_the_order_of_the_panel_does_not_matter(bank, panel, settings):
    own = bank(10)
    one, two = (intensity.relative(own, [], some, settings)[0] for some in (panel, panel[::-1]))
    np.testing.assert_allclose(one["level"], two["level"], atol=2e-3)


def test_probes_are_matched_by_name(bank, panel, settings):
    """A panel read with another manifest has other rows."""
    own = bank(10)
    fewer = [array.drop(index=array.index[::50]).reset_index(drop=True) for array in panel]
    one, _ = intensity.relative(own, [], panel, settings)
    two, _ = intensity.relative(own, [], fewer, settings)
    both = one["level"].notna() & two["level"].notna()
    assert both.mean() > 0.9
    assert (one["level"] - two["level"])[both].abs().median() < 0.005


@cache
def melon(folder, background):
    """Return PROBES of six real 450k arrays, four men and two women, less `background`."""
    read = {
        name: pd.read_csv(folder / "melon_450k" / f"probes.{name}.tsv.gz", sep="\t", index_col=0)
        for name in ("methylated", "unmethylated", "pvals")
    }
    places, designs = (
        pd.read_csv(folder / "probe_positions" / f"hm450_{name}.tsv.gz", sep="\t")
        .drop_duplicates(column)
        .set_index(column)
        for name, column in (("GRCh38_probe_positions", "name"), ("ordering", "Probe_ID"))
    )
    names = read["pvals"].index.intersection(places.index)
    names = names[places.loc[names, "chrom"].isin(CHROM_DTYPE.categories)]
    where, of = places.loc[names], designs.loc[names]
    design = np.where(of["DESIGN"] == "II", "II", np.where(of["col"] == "R", "I_red", "I_green"))
    arrays = []
    for sample in read["pvals"]:
        signal = {
            name: np.maximum(read[name].loc[names, sample].to_numpy() - background, 1)
            for name in ("methylated", "unmethylated")
        }
        beta = signal["methylated"] / (sum(signal.values()) + 100)
        frame = pd.DataFrame({"name": names, "chrom": where["chrom"].to_numpy(), **signal})
        frame = frame.assign(start=where["start"].to_numpy() - 1, design=design, beta=beta)
        frame = frame.assign(end=frame["start"] + 1, beads=5, usable=True)
        frame["detection_p"] = read["pvals"].loc[names, sample].to_numpy()
        arrays.append(tables.in_genome_order(tables.conform(frame, PROBES)))
    return arrays


@pytest.mark.real
def test_real_x_chromosomes_give_the_response(real_data, config, settings):
    """melon_450k: X of two women over X of four men, with and without its background of 290."""
    expected = config["contrast"]["methylation"]["response"]
    for background, lower, upper in ((0.0, 0.55, expected), (290.0, expected, 0.8)):
        arrays = melon(real_data / "methylation", background)
        signals = [intensity.signals_of(one, settings) for one in arrays]
        on_x = (signals[0]["chrom"] == "chrX").to_numpy()
        men, women = (
            np.mean([one["level"][on_x] for one in some], axis=0)
            for some in (signals[:4], signals[4:])
        )
        assert lower < np.nanmedian(women - men) < upper


@pytest.mark.real
def test_real_arrays_are_as_calm_as_the_simulated_ones(real_data, settings, common, monkeypatch):
    """melon_450k: each of six people less the other five."""
    monkeypatch.setattr(intensity, "_LEAST_PROBES", 100)
    arrays = melon(real_data / "methylation", 290.0)
    for k, own in enumerate(arrays):
        others = [other for at, other in enumerate(arrays) if at != k]
        sex = "male" if k < 4 else "female"
        frame, noise = contrast_of(own, [], others, settings, common, sex)
        assert not noise.reason
        assert 0.08 < noise.level_sd < 0.14
        assert np.sqrt(noise.wave_variance[2]) < 0.03  # of means of 100 probes
        known = frame["log_ratio"].notna()
        assert known[frame["chrom"] == "chrX"].mean() > 0.95
