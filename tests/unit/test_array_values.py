"""Numbers on another scale than their column says are refused in words, never read as they are."""

import numpy as np
import pandas as pd
import pytest
import snp_array_files as files
from linedrift.readers import array, heads
from linedrift.readers.files import ReadingError


@pytest.fixture
def loci():
    """Return loci enough to tell a scale."""
    return files.planted(3000)


@pytest.fixture
def build_markers(repository):
    """Return markers that are known by name."""
    return pd.read_csv(repository / "resources/build_markers.tsv", sep="\t", keep_default_na=False)


MISTAKES = {
    "per cent": (lambda loci: {"baf": 100 * loci["baf"]}, "in per cent"),
    "mirrored": (lambda loci: {"baf": np.minimum(loci["baf"], 1 - loci["baf"])}, "rarer allele"),
    "ratios": (lambda loci: {"lrr": 2 ** loci["lrr"]}, "take their log2"),
    "copies": (lambda loci: {"lrr": 2 * 2 ** loci["lrr"]}, "median 2"),
    "no level": (lambda loci: {"lrr": np.nan}, "none of 3,000 rows has a Log R Ratio"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("format", ["table", "final_report"])
def test_another_scale_is_refused(mistake, format, tmp_path, loci):
    change, words = MISTAKES[mistake]
    wrong = loci.assign(**change(loci))
    path = tmp_path / "wrong.txt"
    if format == "table":
        files.table(path, wrong)
    else:
        files.final_report(path, {"S": wrong})
    with pytest.raises(ReadingError, match=words):
        array.read(str(path), format=format)


@pytest.mark.parametrize("mistake", ["per cent", "ratios", "copies"])
def test_the_check_tells_before_anything_runs(mistake, tmp_path, loci, build_markers):
    change, words = MISTAKES[mistake]
    path = files.table(tmp_path / "wrong.tsv", loci.assign(**change(loci)))
    row = {"assay": "snp_array", "path": path, "format": "table", "build": "GRCh38"}
    assert words in "".join(heads.problems(row, {}, build_markers))


def test_what_is_only_odd_is_read(tmp_path, loci):
    odd = loci.copy()
    # The head of a report may hold nothing but probes without alleles, as Human610's does.
    odd["name"] = "cnvi" + odd["name"]
    odd["baf"] = 0.01
    array.read(files.table(tmp_path / "cnvi.tsv", odd), format="table")
    # PennCNV gives them a frequency of 2; noise leaves the unit interval by little.
    mixed = loci.assign(baf=loci["baf"].mask(np.arange(len(loci)) % 3 == 0, 2.0))
    mixed.loc[:20, "baf"] = 1.2
    read = array.read(files.table(tmp_path / "two.tsv", mixed), format="table").signals
    assert 900 < read["b_fraction"].isna().sum() < 1100


def test_a_report_without_the_two_columns_is_no_marker_table(tmp_path):
    path = files.text(
        tmp_path / "f.txt",
        ["SNP Name\tSample ID\tAllele1 - AB\tAllele2 - AB\tChr\tPosition", "rs1\tS\tA\tB\t1\t100"],
    )
    with pytest.raises(ReadingError, match="FinalReport without B Allele Freq") as error:
        array.read(path, format="final_report")
    assert "path2" not in str(error.value)
