"""Real methylation arrays: 27k by their IDATs, 450k by tables, places against curated ones."""

import numpy as np
import pandas as pd
import pytest
import yaml
from linedrift.quality import methylation_quality, quality
from linedrift.readers import array_controls, idat, methylation_arrays, methylation_manifests
from linedrift.readers.files import ReadingError

pytestmark = pytest.mark.real
CHIPS = ("5318317007_A", "5318317007_B")
PEOPLE = [f"6057825008_R0{row}C0{column}" for row in (1, 2, 3) for column in (1, 2)]


@pytest.fixture(scope="module")
def folder(real_data):
    return real_data / "methylation"


@pytest.fixture(scope="module")
def config(repository):
    return yaml.safe_load((repository / "config" / "config.yaml").read_text())


@pytest.fixture(scope="module")
def settings(config):
    return config["methylation"]["arrays"]


@pytest.fixture(scope="module")
def limits(config):
    return config["quality"]["methylation"]["arrays"]


@pytest.fixture(scope="module")
def manifests(folder):
    """Return the manifests of 27k and 450k, both with the places of the 450k."""
    positions = folder / "probe_positions"
    return {
        name: methylation_manifests.read(
            str(positions / f"{name}_ordering.tsv.gz"),
            positions=str(positions / "hm450_GRCh38_probe_positions.tsv.gz"),
        )
        for name in ("hm27", "hm450")
    }


@pytest.fixture(scope="module")
def chips(folder, manifests, settings):
    return {
        chip: methylation_arrays.read(
            str(folder / "idat_hm27" / f"{chip}_Grn.idat"),
            format="idat", manifest=manifests["hm27"], settings=settings,
        )
        for chip in CHIPS
    }  # fmt: skip


@pytest.fixture(scope="module")
def people(folder, manifests, settings):
    melon = folder / "melon_450k"
    return {
        person: methylation_arrays.read(
            str(melon / "probes.methylated.tsv.gz"),
            path2=str(melon / "probes.unmethylated.tsv.gz"),
            format="intensities", manifest=manifests["hm450"], settings=settings,
            name_in_file=person,
        )
        for person in PEOPLE
    }  # fmt: skip


@pytest.mark.parametrize("chip", CHIPS)
def test_every_probe_of_the_27k_is_resolved_and_bimodal(chip, chips, folder, limits):
    reading = chips[chip]
    facts = reading.facts
    assert (facts["array_type"], facts["sentrix"]) == ("27k", chip)
    assert facts["n_cg"] == 27_578 and facts["n_not_on_chip"] == 0
    assert facts["share_detected"] > 0.98 and facts["share_beads"] > 0.999
    counts, _ = np.histogram(reading.probes["beta"].dropna(), 10, (0, 1))
    # Promoters: most are unmethylated, a fifth is methylated, little lies between.
    assert counts[0] > 0.5 * counts.sum() and counts[8:].sum() > 0.15 * counts.sum()
    assert counts[2:7].max() < 0.2 * counts[8:].sum()
    figures = methylation_quality.measure(reading.probes, facts, limits)
    judged = quality.judge(
        figures, limits, sample="x-p1", assay="methylation", expected_sex="unknown",
        labels=methylation_quality.LABELS, why=methylation_quality.WHY,
    )  # fmt: skip
    assert quality.failed(judged) == "" and (judged["state"] != "warn").all()


def test_colours_of_two_real_arrays_are_no_pair(folder):
    arrays = folder / "idat_hm27"
    green, red = arrays / f"{CHIPS[0]}_Grn.idat", arrays / f"{CHIPS[1]}_Red.idat"
    with pytest.raises(ReadingError, match="different positions: 'A' and 'B'"):
        idat.read_pair(str(green), str(red))


def test_a_real_cut_idat_is_refused(folder, tmp_path):
    whole = (folder / "idat_hm27" / f"{CHIPS[0]}_Grn.idat").read_bytes()
    cut = tmp_path / f"{CHIPS[0]}_Grn.idat"
    for share in (0.1, 0.5, 0.69):
        cut.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(ReadingError, match="is truncated in its"):
            idat.read(str(cut))


def test_a_genotyping_idat_and_another_chip_are_refused(real_data, folder, manifests, settings):
    with pytest.raises(ReadingError, match="has 55,300 addresses, that of 27k. Give the manifest"):
        methylation_arrays.read(
            str(folder / "idat_hm27" / f"{CHIPS[0]}_Grn.idat"),
            format="idat", manifest=manifests["hm450"], settings=settings,
        )  # fmt: skip
    genotyping = real_data / "snp_array" / "idat_genotyping" / "4019585376_B_Red.idat.gz"
    with pytest.raises(ReadingError, match=r"4019585376_B_Grn.idat.gz, is not beside it"):
        idat.read_pair(str(genotyping))


def test_betas_of_the_450k_are_those_of_its_authors(people, folder):
    published = pd.read_csv(folder / "melon_450k" / "probes.betas.tsv.gz", sep="\t", index_col=0)
    for person, reading in people.items():
        both = pd.concat([reading.probes, reading.snp_probes]).set_index("name")["beta"]
        assert len(both) == 2147 + 65
        # Theirs have five digits.
        assert (both - published[person].reindex(both.index)).abs().max() < 2e-5


def test_the_sex_of_all_six_is_right(people, folder, limits):
    sheet = pd.read_csv(folder / "melon_450k" / "pheno.tsv", sep="\t", index_col=0)["sex"]
    for person, reading in people.items():
        figures = methylation_quality.measure(reading.probes, reading.facts, limits)
        assert figures["sex"] == {"M": "male", "F": "female"}[sheet[person]], figures["sex_reason"]


def test_snp_probes_tell_all_six_apart(people):
    called = {
        person: np.digitize(reading.snp_probes["beta"], [0.25, 0.75])
        for person, reading in people.items()
    }
    shared = [
        (called[one] == called[other]).mean() for one in PEOPLE for other in PEOPLE if one < other
    ]
    assert max(shared) < 0.7


def test_the_published_betas_read_as_a_matrix(folder, people, manifests, settings):
    reading = methylation_arrays.read(
        str(folder / "melon_450k" / "probes.betas.tsv.gz"),
        format="betas", manifest=manifests["hm450"], settings=settings, name_in_file=PEOPLE[0],
    )  # fmt: skip
    assert not reading.facts["has_intensities"]
    away = reading.probes["beta"] - people[PEOPLE[0]].probes["beta"]
    assert away.abs().max() < 2e-5


def test_real_controls_were_converted(folder):
    controls = folder / "melon_450k"
    green, red = (
        pd.read_csv(controls / f"controls.{name}.tsv", sep="\t", index_col=0)
        for name in ("methylated", "unmethylated")
    )
    kinds = green.index.str.replace(r"\.\d+$", "", regex=True).to_numpy(dtype=str)
    names = np.full(len(kinds), "")
    for person in PEOPLE:
        found, n = array_controls.conversion(
            kinds, names, green[person].to_numpy(float), red[person].to_numpy(float)
        )
        assert n == 4 and 0.93 < found < 0.96


def test_places_of_450k_and_epic_agree(folder):
    epic, hm450 = (
        methylation_manifests.read(str(folder / "probe_positions" / name)).probes
        for name in ("EPIC_400k_probe_positions.tsv.gz", "hm450_GRCh38_probe_positions.tsv.gz")
    )
    both = epic.dropna(subset="chrom").merge(hm450.dropna(subset="chrom"), on="name")
    assert len(both) > 200_000
    same = (both["start_x"] == both["start_y"]) & (
        both["chrom_x"].astype(str) == both["chrom_y"].astype(str)
    )
    assert same.mean() > 0.9999
