"""Masks of methylation arrays: lists in every shape, SNPs at the CpG, and what they take away."""

import gzip

import idat_files
import numpy as np
import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from linedrift.readers import methylation_arrays, methylation_manifests, methylation_masks
from linedrift.readers.files import ReadingError
from small_methylation_arrays import small_array, write_manifest

RULE = {"snp_distance": 1, "snp_frequency": 0.01}


@pytest.fixture(scope="module")
def settings(repository):
    whole = yaml.safe_load((repository / "config" / "config.yaml").read_text())
    return whole["methylation"]["arrays"] | {"least_outside": 100}


@pytest.fixture(scope="module")
def array():
    return small_array()


def manifest_of(folder, array, settings, mask=None, name="mask.txt"):
    path = write_manifest(folder, array)
    if mask is None:
        return methylation_manifests.read(str(path), settings=settings)
    raw = mask.encode()
    (folder / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return methylation_manifests.read(str(path), mask=str(folder / name), settings=settings)


def cgs(array, n):
    names = array.rows["Name"]
    return names[names.str.startswith("cg")].head(n).tolist()


SHAPES = {
    "names alone": ("mask.txt", "{0}\n{1}\n{2}\n"),
    "with a title": ("mask.csv", "probe\n{0}\n{1}\n{2}\n"),
    "numbered by R": ("mask.csv", '"","x"\n"1","{0}"\n"2","{1}"\n"3","{2}"\n'),
    "flags of a manifest": (
        "mask.tsv.gz",
        "CpG_chrm\tprobeID\tMASK_snp5_common\tMASK_general\nchr1\t{0}\tTRUE\tTRUE\n"
        "chr1\t{1}\tFALSE\tTRUE\nchr1\t{3}\tTRUE\tFALSE\nchr1\t{2}\tTRUE\tTRUE\n",
    ),
    "flags of a mask": (
        "mask.tsv",
        "Probe_ID\tmask\tmaskUniq\tM_general\n{0}\tM_mapping\tNA\tTRUE\n{1}\tNA\tNA\tTRUE\n"
        "{2}\tNA\tNA\tTRUE\n{3}\tNA\tNA\tFALSE\n",
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_list_is_read_in_every_shape(shape, tmp_path, array, settings):
    name, text = SHAPES[shape]
    names = cgs(array, 4)
    found = manifest_of(tmp_path, array, settings, text.format(*names), name)
    masked = found.probes.loc[found.probes["masked"], "name"]
    assert sorted(masked) == sorted(names[:3])
    assert found.facts["n_masked_listed"] == 3 and found.facts["mask"] == name
    assert found.facts["n_masked_snp"] is None


def test_a_masked_probe_is_not_usable_and_snp_probes_stay(tmp_path, array, settings):
    names = cgs(array, 50)
    snps = array.rows["Name"][array.rows["Name"].str.startswith("rs")].tolist()
    plain = manifest_of(tmp_path, array, settings)
    masked = manifest_of(tmp_path, array, settings, "\n".join([*names, *snps]) + "\n")
    green, _ = idat_files.write_pair(tmp_path, "200000000001_R01C01", array.values())
    before, after = (
        methylation_arrays.read(str(green), format="idat", manifest=one, settings=settings)
        for one in (plain, masked)
    )
    assert before.facts["n_masked"] == 0 and after.facts["n_masked"] == 50
    assert len(after.probes) == len(before.probes) and after.snp_probes.equals(before.snp_probes)
    on = after.probes["name"].isin(names)
    assert not after.probes["usable"][on].any()
    assert after.probes["usable"][~on].equals(before.probes["usable"][~on])
    assert after.facts["share_detected"] == before.facts["share_detected"]


def test_the_replicate_that_is_not_masked_stands_for_its_locus(tmp_path, array, settings):
    rows = array.rows.copy()
    first = int(np.flatnonzero(rows["Name"].str.startswith("cg"))[0])
    rows.loc[first, "IlmnID"] = "cg99999999_BC11"
    rows.loc[first + 1, "IlmnID"] = "cg99999999_TC21"
    path = idat_files.write_manifest(tmp_path / "m.csv", rows, array.controls)
    for text, left in (("cg99999999_BC11", 1), ("cg99999999", 0)):
        (tmp_path / "mask.txt").write_text(f"{text}\n{cgs(array, 9)[8]}\n")
        found = methylation_manifests.read(str(path), mask=str(tmp_path / "mask.txt"))
        same = found.probes[found.probes["locus"] == "cg99999999"]
        assert (~same["masked"]).sum() == left


def test_masks_of_other_arrays_and_whole_manifests_are_refused(tmp_path, array, settings):
    with pytest.raises(ReadingError, match="masks none of the 6,"):
        manifest_of(tmp_path, array, settings, "cg1\ncg2\n")
    everything = "\n".join(cgs(array, 5000)) + "\n"
    with pytest.raises(ReadingError, match=r"masks 5,000 of 6,\d+ probes; expected the few"):
        manifest_of(tmp_path, array, settings, everything)
    with pytest.raises(ReadingError, match="has no column of probes"):
        manifest_of(tmp_path, array, settings, "gene\tchrom\nH19\tchr11\n")
    with pytest.raises(ReadingError, match="no such file"):
        methylation_manifests.read(
            str(write_manifest(tmp_path, array)), mask=str(tmp_path / "none.txt")
        )


def test_snps_of_the_manifest_mask_by_distance_and_frequency(tmp_path, array, settings):
    rows = array.rows.assign(SNP_ID="", SNP_DISTANCE="", SNP_MinorAlleleFrequency="")
    cases = [
        ("0", "0.3", True),
        ("21;1;45", "0.0001;0.02;0.4", True),
        ("21;1;45", "0.02;0.0001;0.4", False),
        ("2", "0.5", False),
        ("10;0", "0.2", False),  # lists of different lengths say nothing
        ("0", "", False),
        ("0.0", "0.010000", True),
        ("", "", False),
    ]
    names = cgs(array, len(cases))
    place = {name: at for at, name in enumerate(rows["Name"])}
    for name, (distance, frequency, _) in zip(names, cases, strict=True):
        columns = [
            rows.columns.get_loc(one) for one in ("SNP_DISTANCE", "SNP_MinorAlleleFrequency")
        ]
        rows.iloc[place[name], columns] = [distance, frequency]
    path = idat_files.write_manifest(tmp_path / "m.csv", rows, array.controls)
    found = methylation_manifests.read(str(path), settings=settings)
    said = found.probes.set_index("name")["masked"]
    assert [bool(said[name]) for name in names] == [masked for *_, masked in cases]
    assert found.facts["n_masked_snp"] == said.sum() == 3
    assert not methylation_manifests.read(str(path)).probes["masked"].any()


@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(-3, 60), st.floats(0, 0.5).map(lambda x: round(x, 6))),
            max_size=4,
        ),
        max_size=8,
    )
)
def test_a_snp_masks_where_one_of_the_list_is_near_and_common(probes):
    distance = pa.array([";".join(str(d) for d, _ in one) for one in probes], pa.string())
    frequency = pa.array([";".join(f"{f:f}" for _, f in one) for one in probes], pa.string())
    found = methylation_masks.on_snp(distance, frequency, RULE)
    expected = [any(abs(d) <= 1 and f >= 0.01 for d, f in one) for one in probes]
    assert found.tolist() == expected
