"""Reports of GenomeStudio, and tables as spreadsheets leave them: headings, line ends, packing."""

import gzip
import zipfile

import numpy as np
import pandas as pd
import pytest
import yaml
from linedrift.readers import methylation_arrays, methylation_heads, methylation_manifests
from linedrift.readers.files import ReadingError
from small_methylation_arrays import small_array, write_manifest

FREE = (
    "Illumina Inc. GenomeStudio version 2011.1\nNormalization = \nArray Content = x.bpm\n"
    "Error Model = Illumina custom\nDateTime = 1/2/2014 3:04 PM\nLocal Settings = en-US\n\n"
)
SECTIONS = (
    "[Header]\nGSGT Version\t1.9.4\nProcessing Date\t1/2/2014 3:04 PM\nContent\t\tx.bpm\n"
    "Num Samples\t2\n"
)
PROFILE = SECTIONS + "[Sample Methylation Profile]\n"
CONTROLS_BEHIND = (
    "\n[Control Probe Profile]\nTargetID\tProbeID\tS1.Signal_Grn\tS1.Signal_Red\n"
    "STAINING\t1\t20000\t300\nSTAINING\t2\t400\t15000\n"
)
CONTROLS_BEFORE = CONTROLS_BEHIND.lstrip() + "\n[Sample Methylation Profile]\n"


@pytest.fixture(scope="module")
def array():
    return small_array(n=600)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory, array):
    return methylation_manifests.read(str(write_manifest(tmp_path_factory.mktemp("m"), array)))


@pytest.fixture(scope="module")
def settings(repository):
    config = yaml.safe_load((repository / "config" / "config.yaml").read_text())
    return config["methylation"]["arrays"]


def profile(array, samples=("S1", "line-2.p7"), annotated=True):
    """Return the columns of a Sample Methylation Profile with all that GenomeStudio can export."""
    names = array.rows["Name"]
    columns = {"Index": np.arange(1, len(names) + 1), "TargetID": names}
    if annotated:
        columns |= {"ProbeID_A": array.rows["AddressA_ID"], "ProbeID_B": array.rows["AddressB_ID"]}
    for k, sample in enumerate(samples):
        methylated = (array.light * array.beta).round() + k
        unmethylated = (array.light * (1 - array.beta)).round()
        columns |= {
            f"{sample}.AVG_Beta": methylated / (methylated + unmethylated + 100),
            f"{sample}.Intensity": methylated + unmethylated,
            f"{sample}.Avg_NBEADS_A": 12,
            f"{sample}.Avg_NBEADS_B": 12,
            f"{sample}.BEAD_STDERR_A": 100.0,
            f"{sample}.BEAD_STDERR_B": 90.0,
            f"{sample}.Signal_A": unmethylated,
            f"{sample}.Signal_B": methylated,
            f"{sample}.Detection Pval": 0.001 * k,
        }
    if annotated:
        columns |= {"CHR": "1", "MAPINFO": 1000, "COORDINATE_36": 900, "UCSC_REFGENE_GROUP": ""}
    return pd.DataFrame(columns)


def written(path, head, frame, behind="", sep="\t"):
    path.write_text(head + frame.to_csv(sep=sep, index=False) + behind, encoding="utf-8")
    return str(path)


def checked_and_read(path, manifest, settings, format="intensities", name_in_file="S1"):
    """Return the reading of a file which the check passes, too."""
    row = {"path": path, "format": format, "build": "", "name_in_file": name_in_file}
    assert methylation_heads.problems(row, {}) == []
    return methylation_arrays.read(
        path, format=format, manifest=manifest, settings=settings, name_in_file=name_in_file
    )


HEADINGS = {
    "nothing before": ("", ""),
    "free lines": (FREE, ""),
    "[Header] and [Data]": (SECTIONS + "[Data]\n", ""),
    "a profile and controls behind": (PROFILE, CONTROLS_BEHIND),
    "controls before": (SECTIONS + CONTROLS_BEFORE, ""),
    "free lines and controls behind": (FREE, CONTROLS_BEHIND),
}


@pytest.mark.parametrize("kind", HEADINGS)
@pytest.mark.parametrize("format", ["intensities", "betas"])
def test_reports_of_genome_studio_are_read_with_their_headings(
    kind, format, tmp_path, array, manifest, settings
):
    head, behind = HEADINGS[kind]
    path = written(tmp_path / "report.txt", head, profile(array), behind)
    found = checked_and_read(path, manifest, settings, format)
    assert found.facts["n_rows"] == len(array.rows)
    assert found.facts["n_not_in_manifest"] == 0
    assert found.facts["has_detection"]
    planted = pd.Series(array.beta, array.rows["Name"])[found.probes["name"]].to_numpy()
    lit = (found.probes["chrom"] != "chrY").to_numpy()
    assert np.abs(found.probes["beta"].to_numpy() - planted)[lit].max() < 0.03
    assert found.facts["has_intensities"] == (format == "intensities")


def test_a_report_tells_its_samples_and_no_annotation(tmp_path, array, manifest, settings):
    path = written(tmp_path / "report.txt", FREE, profile(array))
    for format in ("intensities", "betas"):
        with pytest.raises(ReadingError, match=r"holds 2 samples .*: 'S1', 'line-2\.p7'$"):
            methylation_arrays.read(path, format=format, manifest=manifest, settings=settings)
        alone = written(tmp_path / "one.txt", FREE, profile(array, ("S1",)))
        assert checked_and_read(alone, manifest, settings, format, "").facts["n_probes"] > 0
        second = checked_and_read(path, manifest, settings, format, "line-2.p7")
        assert second.facts["share_detected"] == 1


def test_a_report_saved_by_a_spreadsheet_is_read(tmp_path, array, manifest, settings):
    """Commas, CRLF, a mark of UTF-8 before all, and as many commas in each line of the heading."""
    frame = profile(array)
    commas = "," * (len(frame.columns) - 1)
    head = "".join(f"{line}{commas}\n" for line in FREE.splitlines())
    text = (head + frame.to_csv(index=False)).replace("\n", "\r\n")
    path = tmp_path / "report.csv"
    for mark in ("", "\ufeff"):
        path.write_bytes((mark + text).encode())
        found = checked_and_read(str(path), manifest, settings)
        assert found.facts["n_rows"] == len(frame)


def test_a_mark_of_utf8_before_the_titles_is_no_part_of_a_name(tmp_path, array, manifest, settings):
    frame = pd.DataFrame({"S1": array.beta, "ID_REF": array.rows["Name"]})
    path = tmp_path / "betas.csv"
    path.write_bytes(("\ufeff" + frame.to_csv(index=False)).encode())
    assert checked_and_read(str(path), manifest, settings, "betas").facts["n_rows"] == len(frame)


@pytest.mark.parametrize("format", ["intensities", "betas"])
def test_a_table_may_lack_its_last_line_end_and_be_packed(
    format, tmp_path, array, manifest, settings
):
    text = FREE + profile(array).to_csv(sep="\t", index=False)
    path = tmp_path / "report.txt"
    for data in (
        text[:-1].encode(),
        gzip.compress(text.encode()),
        gzip.compress(text[:-1].encode()),
    ):
        path.write_bytes(data)
        found = checked_and_read(str(path), manifest, settings, format)
        assert found.facts["n_rows"] == len(array.rows)


def test_a_table_cut_in_its_last_line_is_refused_by_the_check_and_the_reading(
    tmp_path, array, manifest, settings
):
    # Long enough that the check's look at its head does not reach the end.
    frame = profile(array)
    text = FREE + pd.concat(
        [frame.assign(TargetID=frame["TargetID"] + f"_{k}") for k in range(20)]
    ).to_csv(sep="\t", index=False)
    path = tmp_path / "report.txt"
    path.write_text(text[: text.rindex("\t1000\t")], encoding="utf-8")
    row = {"path": str(path), "format": "intensities", "name_in_file": "S1"}
    (problem,) = methylation_heads.problems(row, {})
    assert "is cut in the middle of" in problem and "expected 26" in problem
    with pytest.raises(ReadingError, match="is cut in the middle of"):
        methylation_arrays.read(
            str(path), format="intensities", manifest=manifest, settings=settings, name_in_file="S1"
        )


def test_a_zip_archive_is_refused_with_what_to_do(tmp_path, array):
    text = FREE + profile(array).to_csv(sep="\t", index=False)
    path = tmp_path / "report.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("report.txt", text)
    for format in ("betas", "intensities", "idat", "bismark_cov", "bedmethyl"):
        (problem,) = methylation_heads.problems({"path": str(path), "format": format}, {})
        assert "a zip archive (unpack it) or an Excel workbook (export it as text)" in problem


def test_tables_that_are_turned_or_have_no_titles_are_told(tmp_path, array):
    frame = pd.DataFrame({"ID_REF": array.rows["Name"], "S1": array.beta, "S2": array.beta})
    path = tmp_path / "betas.tsv"
    row = {"path": str(path), "format": "betas", "name_in_file": "S1"}
    frame.set_index("ID_REF").T.to_csv(path, sep="\t")
    (problem,) = methylation_heads.problems(row, {})
    assert "probes in columns and samples in rows: exchange rows and columns" in problem
    frame.to_csv(path, sep="\t", index=False, header=False)
    (problem,) = methylation_heads.problems(row, {})
    assert "no line of titles" in problem
