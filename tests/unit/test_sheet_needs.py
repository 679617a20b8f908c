"""What the parts of a measurement must agree in, and what an assay needs beside the sheets."""

import re
from functools import partial
from pathlib import Path

import pytest
from fake_sheets import (
    ASE,
    BETAS,
    COUNTS,
    COVERAGE,
    DONOR,
    EXOME,
    LANE,
    LINE,
    RNA_BAM,
    RNA_FASTQ,
    errors_in,
    load,
    sample,
)
from linedrift.sheets import sheet_needs, sheets


@pytest.fixture
def bank(tmp_path):
    """Return a function that writes both sheets and their files, and loads them."""
    return partial(load, tmp_path)


@pytest.fixture
def errors_of(tmp_path):
    """Return a function that gives the errors of two sheets."""
    return partial(errors_in, tmp_path)


def test_a_build_without_a_chain_file_is_named_before_anything_runs(bank, tmp_path):
    found = bank([DONOR], [sample("D1", "0", build="hg19")])
    with pytest.raises(sheets.SheetError, match="1 measurement on GRCh37, but no chain file in"):
        sheet_needs.check_needs(found, {"chains": {"hg18": "", "GRCh37": ""}}, "samples.tsv")
    with pytest.raises(sheets.SheetError, match="no chain file at 'none.gz'"):
        sheet_needs.check_needs(found, {"chains": {"GRCh37": "none.gz"}}, "samples.tsv")
    chain = tmp_path / "chain.gz"
    chain.write_text("chain")
    sheet_needs.check_needs(found, {"chains": {"GRCh37": str(chain)}}, "samples.tsv")
    modern = bank([DONOR], [sample("D1", "0", build="hg38")])
    sheet_needs.check_needs(modern, {"chains": {}}, "samples.tsv")


# Exomes


def test_lanes_are_one_measurement_and_all_their_files_are_kept(bank):
    lanes = [sample(**LANE | {"path2": f"{i}_2.fq"}, path=f"{i}_1.fq") for i in range(3)]
    found = bank([DONOR, LINE], lanes)
    assert found.measurements[["sample", "assay"]].to_numpy().tolist() == [["A-p10", "wes"]]
    assert [Path(path).name for path in found.rows["path"]] == ["0_1.fq", "1_1.fq", "2_1.fq"]
    assert found.rows["sample"].unique().tolist() == ["A-p10"]


def test_each_assay_has_its_own_baseline(bank):
    later = sample(passage="20", **EXOME)
    found = bank(
        [DONOR, LINE],
        [sample("D1", "0"), sample(), sample(**EXOME, path="a.bam"), later, sample(passage="20")],
    )
    key = ["sample", "assay"]
    assert found.measurements.set_index(key)["baseline"].to_dict() == {
        ("D1-p0", "snp_array"): "",
        ("A-p10", "snp_array"): "D1-p0",
        ("A-p10", "wes"): "",
        ("A-p20", "wes"): "A-p10",
        ("A-p20", "snp_array"): "D1-p0",
    }
    members = sheets.members(found).query("of == 'A'")
    assert sorted(zip(members["sample"], members["assay"], members["role"], strict=True)) == [
        ("A-p10", "snp_array", "own"),
        ("A-p10", "wes", "own"),
        ("A-p20", "snp_array", "own"),
        ("A-p20", "wes", "own"),
        ("D1-p0", "snp_array", "baseline"),
    ]


def needs(reference="", **capture):
    return {"chains": {}, "resources": {"reference": reference}, "wes": {"capture": capture}}


def test_an_exome_without_reference_and_targets_is_refused_with_the_reason(bank, tmp_path):
    rows = [sample(**EXOME), sample("D1", "0", **EXOME, platform="Twist")]
    found = bank([DONOR, LINE], rows)
    with pytest.raises(sheets.SheetError) as caught:
        sheet_needs.check_needs(
            found, needs(str(tmp_path / "none.fa"), Other="x.bed"), "samples.tsv"
        )
    reference, unnamed, twist = caught.value.errors
    assert "2 measurements by wes, but no file at" in reference.found
    assert "under wes: capture: any:" in unnamed.hint
    assert "on platform 'Twist'" in twist.found
    assert "would look lost" in twist.expected
    (tmp_path / "r.fa").write_text(">chr1")
    (tmp_path / "t.bed").write_text("chr1")
    settings_ = needs(str(tmp_path / "r.fa"), any=str(tmp_path / "t.bed"))
    with pytest.raises(sheets.SheetError, match=r"no index .*r\.fa\.fai.* samtools faidx"):
        sheet_needs.check_needs(found, settings_, "samples.tsv")
    (tmp_path / "r.fa.fai").write_text("chr1")
    sheet_needs.check_needs(found, settings_, "samples.tsv")
    missing = settings_ | {"wes": {"capture": {"Twist": "gone.bed", "any": "gone.bed"}}}
    with pytest.raises(sheets.SheetError, match="no file at 'gone.bed'"):
        sheet_needs.check_needs(found, missing, "samples.tsv")
    arrays = bank([DONOR], [sample("D1", "0")])
    sheet_needs.check_needs(arrays, needs(), "samples.tsv")


# RNA-seq


def test_counts_and_alleles_of_a_sample_are_one_measurement(bank):
    rows = [
        sample(**COUNTS, path="counts.tsv", name_in_file="A_10"),
        sample(**RNA_BAM, path="a.bam"),
        sample("D1", "0", **COUNTS, path="counts.tsv", name_in_file="D1"),
    ]
    found = bank([DONOR, LINE], rows)
    assert found.measurements["sample"].tolist() == ["A-p10", "D1-p0"]
    assert found.measurements["baseline"].tolist() == ["D1-p0", ""]
    assert len(found.rows) == 3


@pytest.mark.parametrize(
    ("rows", "column", "words"),
    [
        ([COUNTS, COUNTS | {"format": "star"}], "format", "counts of genes of A-p10 a second time"),
        ([ASE, RNA_BAM], "format", "alleles of A-p10 a second time"),
        ([COUNTS, ASE, RNA_BAM], "format", r"a second time \(row 4 has it\)"),
        ([COUNTS, ASE | {"bank": "MCB"}], "bank", "expected the same in all rows"),
        ([COUNTS, RNA_FASTQ], "assay", r"a second rna of A-p10 \(row 3 has one\)"),
        (
            [RNA_FASTQ, RNA_FASTQ | {"bank": "MCB", "path2": "b.fq"}],
            "bank",
            "the same in all lanes",
        ),
        ([RNA_FASTQ | {"path2": ""}], "path2", "the second reads"),
        ([RNA_BAM | {"build": "hg19"}], "build", "positions of reads are not lifted"),
        ([COUNTS | {"path2": "x.txt"}], "path2", "a second file is not read"),
        ([COUNTS | {"format": "gtc"}], "format", "expected one of gene_counts"),
        ([BETAS, COVERAGE], "format", "methylation of A-p10 a second time"),
        (
            [COVERAGE, COVERAGE | {"format": "bam"}, COVERAGE | {"format": "cram"}],
            "format",
            r"an alignment of A-p10 a second time \(row 4 has it\)",
        ),
        ([COVERAGE, COVERAGE | {"format": "bam", "bank": "MCB"}], "bank", "by methylation"),
        ([BETAS | {"path2": "x.txt"}], "path2", "a second file is not read"),
        ([BETAS | {"format": "gtc"}], "format", "expected one of idat"),
    ],
)
def test_parts_of_a_measurement_that_do_not_fit_are_told(errors_of, rows, column, words):
    rows = [sample(**row, path=f"r{n}.txt") for n, row in enumerate(rows)]
    errors = [error for error in errors_of([DONOR, LINE], [sample("D1", "0"), *rows])
              if error.column == column]  # fmt: skip
    assert len(errors) == 1
    assert re.search(words, str(errors[0]))


def rna_needs(**resources):
    return {"chains": {}, "resources": {"genes": "", "reference": ""} | resources}


def test_counts_need_an_annotation_and_no_chain(bank, tmp_path):
    found = bank([DONOR], [sample("D1", "0", **COUNTS | {"build": "hg19"})])
    with pytest.raises(sheets.SheetError, match="1 measurement by rna with counts of genes, but"):
        sheet_needs.check_needs(found, rna_needs(), "samples.tsv")
    with pytest.raises(sheets.SheetError, match="but no file at 'gone.gff3'"):
        sheet_needs.check_needs(found, rna_needs(genes="gone.gff3"), "samples.tsv")
    (tmp_path / "g.gff3").write_text("chr1")
    sheet_needs.check_needs(found, rna_needs(genes=str(tmp_path / "g.gff3")), "samples.tsv")


def test_alleles_on_another_build_need_a_chain_and_cram_a_reference(bank):
    found = bank([DONOR], [sample("D1", "0", **ASE | {"build": "hg19"})])
    with pytest.raises(sheets.SheetError, match="1 measurement on GRCh37, but no chain file"):
        sheet_needs.check_needs(found, rna_needs(), "samples.tsv")
    found = bank([DONOR], [sample("D1", "0", **RNA_BAM | {"format": "cram"})])
    with pytest.raises(sheets.SheetError, match="1 measurement by rna in CRAM, but no reference"):
        sheet_needs.check_needs(found, rna_needs(), "samples.tsv")


# Methylation


def test_methylation_and_an_alignment_of_a_sample_are_one_measurement(bank):
    rows = [
        sample(**COVERAGE, path="a.cov.gz"),
        sample(**COVERAGE | {"format": "bam"}, path="a.bam"),
        sample("D1", "0", **COVERAGE, path="d.cov.gz"),
    ]
    found = bank([DONOR, LINE], rows)
    assert found.measurements["format"].tolist() == ["bismark_cov", "bismark_cov"]
    assert found.rows["format"].tolist() == ["bismark_cov", "bam", "bismark_cov"]


def test_arrays_of_methylation_need_the_manifest_of_their_platform(bank, tmp_path):
    found = bank([DONOR], [sample("D1", "0", **BETAS | {"build": "GRCh38", "platform": "EPIC"})])

    def needs(mask="", **manifest):
        named = {"manifest": manifest, "positions": {}, "mask": {"EPIC": mask}}
        return {"chains": {}, "methylation": named}

    words = "1 measurement by methylation on platform 'EPIC', but no manifest in the settings"
    with pytest.raises(sheets.SheetError, match=words):
        sheet_needs.check_needs(found, needs(), "samples.tsv")
    with pytest.raises(sheets.SheetError, match="no file at 'gone.csv'"):
        sheet_needs.check_needs(found, needs(EPIC="gone.csv"), "samples.tsv")
    (tmp_path / "m.csv").write_text("Name\n")
    manifest = str(tmp_path / "m.csv")
    sheet_needs.check_needs(found, needs(any=manifest), "samples.tsv")
    with pytest.raises(sheets.SheetError, match="no file at 'gone.txt'.*methylation: mask:"):
        sheet_needs.check_needs(found, needs(mask="gone.txt", any=manifest), "samples.tsv")
    coverage = bank([DONOR], [sample("D1", "0", **COVERAGE)])
    sheet_needs.check_needs(coverage, needs(), "samples.tsv")


def test_fastq_of_rna_needs_the_genes_and_the_reference(bank, tmp_path):
    found = bank([DONOR], [sample("D1", "0", **RNA_FASTQ)])
    with pytest.raises(sheets.SheetError) as raised:
        sheet_needs.check_needs(found, rna_needs(), "samples.tsv")
    assert "no genes in the settings" in str(raised.value)
    assert "1 measurement by rna in FASTQ, but no reference in the settings" in str(raised.value)
