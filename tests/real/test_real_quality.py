"""Sex, foreign DNA, loss of Y and failing arrays on real arrays whose truth is documented."""

import math

import numpy as np
import pandas as pd
import pytest
import yaml
from linedrift.quality import quality
from real_arrays import chry_370k, hapmap, signals, trio

pytestmark = pytest.mark.real

# name: sex by the label, sex in truth, cells without Y (low, high), failed figure
CHRY = {
    "SAMPLE_1": ("male", "male", (0, 0.15), ""),
    "SAMPLE_2": ("male", "male", (0, 0.15), ""),
    "SAMPLE_10": ("male", "male", (0, 0.15), ""),
    "SAMPLE_29": ("male", "male", (0.65, 0.9), ""),
    "SAMPLE_81": ("male", "male", (0.45, 0.7), ""),
    "SAMPLE_4": ("male", "female", None, ""),
    "FEMALE_2291": ("female", "female", None, ""),
    "SAMPLE_89": ("male", "male", None, "foreign DNA"),
    "SAMPLE_40": ("male", None, None, "too noisy"),
}


@pytest.fixture(scope="module")
def settings(repository):
    return yaml.safe_load((repository / "config" / "config.yaml").read_text())["quality"]


def judged(figures, settings, sex):
    return quality.judge(figures, settings, sample="a-p0", assay="snp_array", expected_sex=sex)


@pytest.mark.parametrize("name", CHRY)
def test_every_array_of_the_loss_of_y_study_is_told_right(name, real_data, settings):
    label, sex, without_y, fault = CHRY[name]
    figures = quality.measure(chry_370k(real_data / "snp_array" / "chry_370k", name), settings)
    rows = judged(figures, settings, label)
    assert (fault in quality.failed(rows)) if fault else quality.failed(rows) == ""
    if sex:
        assert quality.sex_of(rows)[0] == sex
        assert bool(quality.sex_of(rows)[1]) == (sex != label)
    fraction = figures["loss_of_y_fraction"]
    if without_y is None:
        assert math.isnan(fraction)
    else:
        assert without_y[0] <= fraction <= without_y[1]
        found = rows.set_index("figure")["state"]["loss_of_y_fraction"]
        assert found == ("warn" if without_y[0] > 0.3 else "pass")
    if name == "SAMPLE_89":
        assert figures["contamination"] == pytest.approx(0.5, abs=0.05)
    elif name == "SAMPLE_40":
        assert math.isnan(figures["contamination"])  # failed, which is not the same as foreign
    else:
        assert figures["contamination"] < settings["thresholds"]["contamination"]["warn"]


@pytest.mark.parametrize(("name", "sex"), [("father", "male"), ("mother", "female")])
def test_a_normal_array_without_y_passes_with_its_sex_from_x(name, sex, real_data, settings):
    found = trio(real_data / "snp_array" / "trio_humanhap550", name)
    rows = judged(quality.measure(found, settings), settings, sex)
    assert quality.failed(rows) == ""
    assert quality.sex_of(rows) == (sex, "")
    assert not (rows["state"].isin(["warn", "fail"])).any()


def test_every_hapmap_scan_passes_with_its_sex(real_data, settings):
    samples, found = hapmap(real_data / "snp_array" / "identity_hapmap_1m")
    for row in samples.itertuples():
        figures = quality.measure(found[row.sample], settings)
        rows = judged(figures, settings, row.sex)
        assert (quality.failed(rows), *quality.sex_of(rows)) == ("", row.sex, ""), row.sample
        assert figures["contamination"] < settings["thresholds"]["contamination"]["warn"]


@pytest.mark.parametrize("foreign", [0.05, 0.1, 0.2, 0.3, 0.5])
@pytest.mark.parametrize("pair", [("SAMPLE_1", "SAMPLE_10"), ("SAMPLE_81", "SAMPLE_4")])
def test_two_real_arrays_mixed_give_the_share_of_the_second(pair, foreign, real_data, settings):
    own, other = (chry_370k(real_data / "snp_array" / "chry_370k", name) for name in pair)
    both = own.merge(other[["name", "b_fraction"]], on="name", suffixes=("", "_other"))
    b = (1 - foreign) * both["b_fraction"] + foreign * both["b_fraction_other"]
    markers = both.rename(columns={"name": "Name", "chrom": "Chr_GRCh38"})
    mixed = signals(markers.assign(Pos_GRCh38=both["start"] + 1), both["level"], b)
    figures = quality.measure(mixed, settings)
    assert figures["contamination"] == pytest.approx(foreign, abs=0.03)


@pytest.mark.parametrize("share", [0.3, 0.6])
@pytest.mark.parametrize("shift", [0.03, 0.08, 0.17, 0.3, 0.45])
def test_events_of_much_of_a_real_genome_are_not_foreign_dna(share, shift, real_data, settings):
    found = chry_370k(real_data / "snp_array" / "chry_370k", "SAMPLE_2")
    rows = np.flatnonzero(found["chrom"].isin(["chr21", "chr22"]))
    rows = rows[: int(share * len(rows))]
    b = found["b_fraction"].to_numpy(copy=True)
    het = rows[(b[rows] > 0.2) & (b[rows] < 0.8)]
    b[het] = np.clip(b[het] + np.random.default_rng(1).choice([-shift, shift], len(het)), 0, 1)
    figures = quality.measure(found.assign(b_fraction=b), settings)
    assert figures["contamination"] < settings["thresholds"]["contamination"]["warn"]
    assert quality.failed(judged(figures, settings, "male")) == ""


@pytest.mark.parametrize("cellularity", [0, 0.21, 0.5])
def test_a_tumour_diluted_in_its_own_normal_is_not_foreign_dna(cellularity, real_data, settings):
    loci = pd.read_csv(real_data / "snp_array" / "dilution_crl2324" / "loci.tsv.gz", sep="\t")
    loci = loci[loci["cellularity"] == cellularity].reset_index(drop=True)
    place = np.arange(len(loci))
    markers = pd.DataFrame(
        {
            "Name": [f"rs{i}" for i in place],
            "Chr_GRCh38": [f"chr{1 + i * 22 // len(loci)}" for i in place],
            "Pos_GRCh38": 1 + 10_000 * place,
        }
    )
    figures = quality.measure(
        signals(markers, np.log2(loci["c"].clip(lower=0.01) / 2), loci["b"]), settings
    )
    assert figures["contamination"] == 0
    if cellularity == 0:
        assert quality.failed(judged(figures, settings, "unknown")) == ""
