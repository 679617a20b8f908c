"""Methylation arrays in every format, from files to probes; bad input refused in words."""

import json

import idat_files
import numpy as np
import pandas as pd
import pytest
import yaml
from linedrift import tables
from linedrift.methylation_tables import PROBES, SNP_PROBES
from linedrift.quality import methylation_quality, quality
from linedrift.readers import methylation_arrays, methylation_manifests
from linedrift.readers.files import ReadingError
from small_methylation_arrays import small_array, write_manifest

SENTRIX = "200000000001_R01C01"


@pytest.fixture(scope="module")
def config(repository):
    return yaml.safe_load((repository / "config" / "config.yaml").read_text())


@pytest.fixture(scope="module")
def settings(config):
    return config["methylation"]["arrays"] | {"least_outside": 100}


@pytest.fixture(scope="module")
def limits(config):
    return config["quality"]["methylation"]["arrays"]


@pytest.fixture(scope="module")
def array():
    return small_array()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("arrays")


@pytest.fixture(scope="module")
def manifest(folder, array):
    return methylation_manifests.read(str(write_manifest(folder, array)))


@pytest.fixture(scope="module")
def reading(folder, array, manifest, settings):
    green, _ = idat_files.write_pair(folder, SENTRIX, array.values())
    return methylation_arrays.read(str(green), format="idat", manifest=manifest, settings=settings)


def judged(reading, limits, sex="female"):
    figures = methylation_quality.measure(reading.probes, reading.facts, limits)
    frame = quality.judge(
        figures, limits, sample="L-p1", assay="methylation", expected_sex=sex,
        labels=methylation_quality.LABELS, why=methylation_quality.WHY,
    )  # fmt: skip
    return frame.set_index("figure")


def of_pair(folder, manifest, settings, values, sentrix=SENTRIX):
    folder.mkdir(exist_ok=True)
    green, _ = idat_files.write_pair(folder, sentrix, values)
    return methylation_arrays.read(str(green), format="idat", manifest=manifest, settings=settings)


def planted(array, names):
    return pd.Series(array.beta, index=array.rows["Name"]).reindex(names).to_numpy()


def test_an_idat_pair_gives_the_planted_betas(reading, array):
    probes = tables.check(reading.probes, PROBES)
    assert len(probes) == 5970 and probes["name"].str.startswith("cg").all()
    # A woman has no Y: what passes for light there is background.
    on_y = probes["chrom"] == "chrY"
    assert probes["usable"][on_y].mean() < 0.1
    assert probes["usable"][~on_y].mean() > 0.99
    usable = probes[probes["usable"] & ~on_y]
    away = usable["beta"] - planted(array, usable["name"])
    assert away.abs().median() < 0.01 and away.abs().max() < 0.15
    snps = tables.check(reading.snp_probes, SNP_PROBES)
    assert len(snps) == 20
    assert np.abs(snps["beta"] - planted(array, snps["name"])).max() < 0.1
    places = array.rows.set_index("Name").loc[probes["name"]]
    assert np.array_equal(probes["start"] + 1, places["MAPINFO"])
    assert np.array_equal(probes["end"] - probes["start"], np.full(len(probes), 2))


def test_every_probe_is_counted_once(reading):
    facts = reading.facts
    assert facts["n_rows"] == 6000
    assert facts["n_rows"] == sum(facts[f"n_{kind}"] for kind in ("cg", "snp", "ch", "other"))
    kept = ("n_probes", "n_no_place", "n_replicates_collapsed")
    assert facts["n_cg"] == sum(facts[name] for name in kept)
    assert facts["sentrix"] == SENTRIX and facts["n_not_on_chip"] == 0
    json.dumps(facts, allow_nan=False)


def test_a_good_array_passes_and_its_sex_is_right(reading, limits, folder, settings):
    found = judged(reading, limits)
    assert quality.failed(found.reset_index()) == ""
    # Six thousand probes are too few for the whole genome, and the only warning.
    assert list(found.index[found["state"] == "warn"]) == ["n_probes"]
    assert found.loc["sex", ["value", "state"]].tolist() == ["female", "pass"]
    assert judged(reading, limits, "male").loc["sex", "state"] == "fail"
    man = small_array(sex="male")
    manifest = methylation_manifests.read(str(write_manifest(folder, man, "man.csv")))
    his = of_pair(folder / "man", manifest, settings, man.values())
    assert judged(his, limits, "male").loc["sex", ["value", "state"]].tolist() == ["male", "pass"]


@pytest.mark.parametrize("sex", ["female", "male"])
def test_without_probes_of_y_x_alone_tells_the_sex(sex, tmp_path, settings, limits):
    rows = small_array(sex=sex)
    manifest = methylation_manifests.read(str(write_manifest(tmp_path, rows)))
    reading = of_pair(tmp_path, manifest, settings, rows.values())
    probes = reading.probes[reading.probes["chrom"] != "chrY"]
    figures = methylation_quality.measure(probes, reading.facts, limits)
    assert figures["sex"] == sex and "Y has too few probes" in figures["sex_reason"]


def test_unconverted_dna_fails_by_the_controls(tmp_path, array, manifest, settings, limits):
    raw = of_pair(tmp_path / "x", manifest, settings, array.values(conversion=0.05))
    found = judged(raw, limits)
    assert found.loc["conversion", "state"] == found.loc["green_excess", "state"] == "fail"
    assert "bisulfite conversion failed" in quality.failed(found.reset_index())


def test_unconverted_dna_fails_without_controls_too(tmp_path, settings, limits):
    bare = small_array(with_controls=False)
    manifest = methylation_manifests.read(str(write_manifest(tmp_path, bare)))
    for conversion, state in ((0.97, "pass"), (0.05, "fail")):
        one = of_pair(tmp_path, manifest, settings, bare.values(conversion=conversion))
        found = judged(one, limits)
        assert found.loc["conversion", "value"] == "not measured"
        assert found.loc["conversion", "reason"] == "the manifest names no such controls"
        assert found.loc["green_excess", "state"] == state


def test_a_bright_red_dye_moves_no_beta(tmp_path, array, manifest, settings, reading):
    other = of_pair(tmp_path, manifest, settings, array.values(red=1.8))
    assert other.facts["dye_ratio"] == pytest.approx(1.8, rel=0.05)
    both = reading.probes["usable"] & other.probes["usable"]
    away = (other.probes["beta"] - reading.probes["beta"])[both]
    assert away.abs().median() < 0.005 and away.abs().max() < 0.12


def test_few_beads_and_no_light_make_a_probe_unusable(tmp_path, array, manifest, settings):
    values = array.values()
    few, dark = array.rows["AddressA_ID"][0], array.rows["AddressA_ID"][1]
    values.loc[values["address"] == few, "beads"] = 2
    values.loc[values["address"].isin([dark, array.rows["AddressB_ID"][1]]), "beads"] = 0
    found = of_pair(tmp_path, manifest, settings, values).probes.set_index("name")
    first, second = array.rows["Name"][:2]
    assert found.loc[first, "beads"] == 2 and not found.loc[first, "usable"]
    assert np.isfinite(found.loc[first, "beta"])
    assert np.isnan(found.loc[second, "beta"]) and not found.loc[second, "usable"]


def test_replicates_are_collapsed_to_one_row(tmp_path, array, settings):
    rows = array.rows.copy()
    rows["Name"] = rows["Name"].where(rows.index != 24, rows["Name"][0])
    rows["IlmnID"] = rows["Name"] + np.where(rows.index == 24, "_TC21", "_BC11")
    doubled = type(array)(rows, array.controls, array.beta, array.light)
    manifest = methylation_manifests.read(str(write_manifest(tmp_path, doubled)))
    found = of_pair(tmp_path, manifest, settings, array.values())
    assert found.facts["n_replicates_collapsed"] == 1
    assert found.probes["name"].is_unique
    one = found.probes.set_index("name").loc[rows["Name"][0]]
    assert one["start"] + 1 == rows["MAPINFO"][0]


def test_a_chip_of_another_type_is_refused(tmp_path, array, manifest, settings):
    values = array.values()
    values["address"] += 10**6
    with pytest.raises(ReadingError, match="does not fit .*: 0 of its .*no array that linedrift"):
        of_pair(tmp_path, manifest, settings, values)
    rng = np.random.default_rng(3)
    n = 55_300
    other = pd.DataFrame({"address": np.arange(n) + 10**6, "beads": 9})
    other["green"], other["red"] = rng.integers(0, 9999, (2, n))
    with pytest.raises(ReadingError, match="has 55,300 addresses, that of 27k. Give the manifest"):
        of_pair(tmp_path, manifest, settings, other)
    more = pd.concat([array.values(), other.head(5000)])
    with pytest.raises(ReadingError, match="and 6.% of the chip's are in it"):
        of_pair(tmp_path, manifest, settings, more)
    half = array.values().iloc[::2]
    with pytest.raises(ReadingError, match="does not fit"):
        of_pair(tmp_path, manifest, settings, half)


def test_colours_that_are_exchanged_are_refused(tmp_path, array, manifest, settings):
    green, red = idat_files.write_pair(tmp_path, SENTRIX, array.values())
    kept = green.read_bytes()
    green.write_bytes(red.read_bytes())
    red.write_bytes(kept)
    with pytest.raises(ReadingError, match="Are green and red exchanged, in path and path2"):
        methylation_arrays.read(str(green), format="idat", manifest=manifest, settings=settings)


def test_a_manifest_without_addresses_cannot_read_an_idat(tmp_path, array, settings):
    places = tmp_path / "places.tsv"
    places.write_text("name\tchrom\tpos\ncg1\tchr1\t5\n")
    manifest = methylation_manifests.read(str(places))
    with pytest.raises(ReadingError, match="has no addresses of beads; an IDAT needs them"):
        of_pair(tmp_path, manifest, settings, array.values())


@pytest.fixture(scope="module")
def table(reading):
    probes = reading.probes[reading.probes["usable"]]
    return probes[["name", "methylated", "unmethylated", "beta", "detection_p"]]


TITLES = [
    ("{} Methylated Signal", "{} Unmethylated Signal", "{} Detection Pval"),
    ("{}.Methylated signal", "{}.Unmethylated signal", "{}.Detection Pval"),
    ("{}_Methylated_Signal", "{}_Unmethylated_Signal", "{}_DetectionPval"),
    ("{}.Signal_B", "{}.Signal_A", "{}.Detection Pval"),
    ("{} Meth", "{} Unmeth", "{} Detection P-value"),
    ("Methylated_Signal.{}", "Unmethylated_Signal.{}", "Detection_Pval.{}"),
]


@pytest.mark.parametrize("titles", TITLES)
def test_intensities_are_read_under_every_spelling(tmp_path, table, manifest, settings, titles):
    path = tmp_path / "signals.txt.gz"
    columns = ["methylated", "unmethylated", "detection_p"]
    parts = [table[["name"]].set_axis(["ID_REF"], axis=1)]
    for sample, scale in (("S1-a", 1.0), ("S2", 2.0)):
        named = {
            column: title.format(sample) for column, title in zip(columns, titles, strict=True)
        }
        parts.append((table[columns] * [scale, 1, 1]).rename(columns=named))
    pd.concat(parts, axis=1).to_csv(path, sep="\t", index=False)
    found = methylation_arrays.read(
        str(path), format="intensities", manifest=manifest, settings=settings, name_in_file="S1-a"
    )
    assert found.facts["has_intensities"] and found.facts["has_detection"]
    merged = found.probes.merge(table, on="name", suffixes=("", "_before"))
    assert len(merged) == len(table)
    assert np.allclose(merged["beta"], merged["beta_before"], atol=1e-5)
    with pytest.raises(ReadingError, match=r"holds 2 samples .*'S1-a', 'S2'"):
        methylation_arrays.read(
            str(path), format="intensities", manifest=manifest, settings=settings
        )


def test_intensities_of_two_tables_are_joined_by_name(tmp_path, table, manifest, settings):
    paths = []
    for column, step in (("methylated", 1), ("unmethylated", -1)):
        path = tmp_path / f"{column}.tsv"
        rows = table[["name", column]].set_axis(["probe", "S1"], axis=1)[::step]
        rows.assign(S2=5.0).to_csv(path, sep="\t", index=False)
        paths.append(str(path))
    found = methylation_arrays.read(
        paths[0], path2=paths[1], format="intensities", manifest=manifest, settings=settings,
        name_in_file="S1",
    )  # fmt: skip
    merged = found.probes.merge(table, on="name", suffixes=("", "_before"))
    assert np.allclose(merged["unmethylated"], merged["unmethylated_before"], rtol=1e-5)


def betas(tmp_path, values, **more):
    path = tmp_path / "betas.csv"
    values.to_csv(path, index=False)
    return {"path": str(path), "format": "betas"} | more


def test_betas_are_read_and_say_that_there_is_no_light(tmp_path, table, manifest, settings, limits):
    values = table[["name", "beta"]].set_axis(["", "S1"], axis=1)
    values.loc[values.index[0], "S1"] = np.nan
    found = methylation_arrays.read(**betas(tmp_path, values), manifest=manifest, settings=settings)
    assert not found.facts["has_intensities"] and not found.facts["has_detection"]
    assert found.probes["methylated"].isna().all()
    assert found.probes["usable"].sum() == len(table) - 1
    quality_of = judged(found, limits)
    assert quality_of.loc["sex", "value"] == "unknown"
    assert "betas alone" in quality_of.loc["sex", "reason"]
    assert quality_of.loc["share_detected", "value"] == "not measured"
    assert "is a table" in quality_of.loc["share_detected", "reason"]


def test_a_detection_p_behind_each_sample_is_its_own(tmp_path, table, manifest, settings):
    values = table[["name", "beta"]].set_axis(["ID_REF", "S1"], axis=1)
    values["Detection Pval"] = 0.0
    values["S2"] = 0.5
    values["Detection Pval "] = 0.9
    path = tmp_path / "series.txt"
    head = '!Series_title\t"x"\n!series_matrix_table_begin\n'
    body = values.to_csv(sep="\t", index=False)
    path.write_text(f"{head}{body}!series_matrix_table_end\n")
    for sample, share in (("S1", 1.0), ("S2", 0.0)):
        found = methylation_arrays.read(
            str(path), format="betas", manifest=manifest, settings=settings, name_in_file=sample
        )
        assert found.facts["share_detected"] == share


def test_a_table_of_one_sample_of_geo_is_read(tmp_path, table, manifest, settings):
    values = table[["name", "beta"]].set_axis(["ID_REF", "VALUE"], axis=1)
    values["Detection Pval"] = 0.0
    path = tmp_path / "GSM1.soft"
    head = "^SAMPLE = GSM1\n!Sample_title = x\n#VALUE = beta\n!sample_table_begin\n"
    path.write_text(head + values.to_csv(sep="\t", index=False) + "!sample_table_end\n")
    found = methylation_arrays.read(str(path), format="betas", manifest=manifest, settings=settings)
    assert found.probes["usable"].sum() == len(table) and found.facts["share_detected"] == 1


def test_names_without_the_suffix_of_epic_v2_are_found(tmp_path, table, array, settings):
    rows = array.rows.assign(IlmnID=array.rows["Name"] + "_TC11")
    suffixed = type(array)(rows, array.controls, array.beta, array.light)
    manifest = methylation_manifests.read(str(write_manifest(tmp_path, suffixed)))
    for end in ("", "_TC11"):
        values = pd.DataFrame({"probe": table["name"] + end, "S1": table["beta"]})
        found = methylation_arrays.read(
            **betas(tmp_path, values), manifest=manifest, settings=settings
        )
        assert set(found.probes["name"]) == set(table["name"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda beta: 100 * beta, "look like percent; divide by 100"),
        (lambda beta: np.log2((beta + 0.01) / (1.01 - beta)), r"look like M values .*2\^M"),
        (lambda beta: 1.2 * beta - 0.1, "adjusted beyond their range"),
        (lambda beta: 20_000 * beta, "look like intensities"),
        (lambda beta: beta * np.nan, "has no beta of this sample"),
        (lambda beta: beta.where(beta.index != beta.index[3], np.inf), "row 4.* has inf; 1 of"),
        (lambda beta: beta.where(beta.index != beta.index[3], 1.02), "adjusted beyond their range"),
    ],
)
def test_what_is_no_beta_is_refused(tmp_path, table, manifest, settings, change, words):
    values = pd.DataFrame({"probe": table["name"], "S1": change(table["beta"])})
    with pytest.raises(ReadingError, match=words):
        methylation_arrays.read(**betas(tmp_path, values), manifest=manifest, settings=settings)


def test_what_rounding_does_to_a_beta_is_no_error(tmp_path, table, manifest, settings):
    values = pd.DataFrame({"probe": table["name"], "S1": table["beta"].to_numpy(float)})
    values.loc[values.index[:2], "S1"] = [1.0000002, -1e-7]
    found = methylation_arrays.read(**betas(tmp_path, values), manifest=manifest, settings=settings)
    assert found.probes["beta"].between(0, 1).all() and len(found.probes) == len(values)


def test_the_same_table_twice_is_refused(tmp_path, table, manifest, settings):
    given = two_tables(tmp_path, table["name"], 9000 * table["beta"])
    with pytest.raises(ReadingError, match="has the same values for unmethylated as for"):
        methylation_arrays.read(
            **(given | {"path2": given["path"]}), manifest=manifest, settings=settings
        )


def two_tables(folder, names, values, titles=("S1", "S1")):
    paths = []
    for kind, title, share in zip("mu", titles, (1.0, 0.999), strict=True):
        path = folder / f"{kind}.csv"
        pd.DataFrame({"probe": names, title: share * values, "S2": 5.0}).to_csv(path, index=False)
        paths.append(str(path))
    return {"path": paths[0], "path2": paths[1], "format": "intensities", "name_in_file": "S1"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda beta: beta, "look like betas"),
        (lambda beta: 6 * beta - 4, "look like log ratios"),
        (lambda beta: 8 + 7 * beta, "look like log2 intensities"),
        (lambda beta: np.nan * beta, "no methylated intensities of this sample"),
    ],
)
def test_what_is_no_intensity_is_refused(tmp_path, table, manifest, settings, change, words):
    given = two_tables(tmp_path, table["name"], change(table["beta"]))
    with pytest.raises(ReadingError, match=words):
        methylation_arrays.read(**given, manifest=manifest, settings=settings)


def test_a_background_that_was_subtracted_may_be_below_zero(tmp_path, table, manifest, settings):
    titles = ("S1 Methylated Signal", "S1 Unmethylated Signal")
    given = two_tables(tmp_path, table["name"], 9000 * table["beta"] - 200, titles)
    found = methylation_arrays.read(**given, manifest=manifest, settings=settings)
    assert found.facts["n_below_zero"] == (9000 * table["beta"] < 200).sum() > 100
    assert found.probes["methylated"].min() == 0


def test_a_matrix_of_betas_given_as_intensities_names_the_format(
    tmp_path, table, manifest, settings
):
    values = table[["name", "beta"]].set_axis(["probe", "S1"], axis=1)
    given = betas(tmp_path, values, format="intensities")
    with pytest.raises(ReadingError, match="Betas alone are format betas"):
        methylation_arrays.read(**given, manifest=manifest, settings=settings)
    both = table[["name", "methylated", "unmethylated"]].set_axis(
        ["probe", "S1 Methylated Signal", "S1 Unmethylated Signal"], axis=1
    )
    with pytest.raises(ReadingError, match="Write intensities into the column format"):
        methylation_arrays.read(**betas(tmp_path, both), manifest=manifest, settings=settings)


def test_a_sample_that_is_not_there_is_refused_with_the_nearest(
    tmp_path, table, manifest, settings
):
    values = table[["name", "beta"]].set_axis(["probe", "line.1.p10"], axis=1).assign(other=0.1)
    with pytest.raises(ReadingError, match="no sample 'line-1-p10'; the nearest name is 'line.1"):
        methylation_arrays.read(
            **betas(tmp_path, values, name_in_file="line-1-p10"), manifest=manifest,
            settings=settings,
        )  # fmt: skip


def test_names_of_another_array_and_names_twice_are_refused(tmp_path, table, manifest, settings):
    values = pd.DataFrame({"probe": "AX-" + table["name"], "S1": table["beta"]})
    with pytest.raises(ReadingError, match="does not fit .*: 0 of .* probes are in it"):
        methylation_arrays.read(**betas(tmp_path, values), manifest=manifest, settings=settings)
    twice = pd.DataFrame({"probe": table["name"], "S1": table["beta"]})
    twice = pd.concat([twice, twice.head(1)])
    with pytest.raises(ReadingError, match="twice; expected one row a probe"):
        methylation_arrays.read(**betas(tmp_path, twice), manifest=manifest, settings=settings)


def test_a_number_that_is_none_names_its_line(tmp_path, table, manifest, settings):
    values = pd.DataFrame({"probe": table["name"], "S1": table["beta"].astype(str)})
    values.loc[values.index[1], "S1"] = "0;5"
    with pytest.raises(ReadingError, match=r"column 'S1': found '0;5'; expected a number"):
        methylation_arrays.read(**betas(tmp_path, values), manifest=manifest, settings=settings)
