"""Variants as VCF: what stands in it, and that other programs read it."""

import cyvcf2
import numpy as np
import pandas as pd
import pysam
import pytest
from linedrift.genome import Karyotype
from linedrift.readers import bcftools
from linedrift.report import vcf_files
from linedrift.report.variant_vcf import variant_text
from linedrift.sequencing_tables import VARIANT_COUNTS, VARIANT_COURSES, VARIANTS
from linedrift.variants.locus_copies import copies_at

SAMPLES = ["D-p0", "L-p10", "L-p20"]


def variant(name, chrom, start, ref, alt, **values):
    kind = "snv" if len(ref) == len(alt) == 1 else "indel" if len(ref) != len(alt) else "mnv"
    row = {
        "variant_id": name, "line": "L", "chrom": chrom, "start": start, "end": start + len(ref),
        "ref": ref, "alt": alt, "kind": kind, "origin": "acquired", "first_passage": 10,
        "quality": 60.0, "posterior": 0.999999, "gene": "", "consequence": "",
        "protein_change": "", "hotspot_id": "", "disputed": False, "note": "",
    }  # fmt: skip
    return row | values


def course(name, sample, state="present", fraction=0.4):
    absent = state != "present"
    return {
        "variant_id": name, "sample": sample, "passage": int(sample.split("p")[1]),
        "state": state, "cell_fraction": np.nan if absent else fraction,
        "low": np.nan if absent else fraction - 0.1, "high": np.nan if absent else fraction + 0.1,
        "limit": np.nan if state == "not_testable" else 0.05, "allele_fraction": fraction / 2,
        "ref_reads": 80, "alt_reads": 20, "copies": 2.0, "reason": "",
    }  # fmt: skip


def count(chrom, start, ref, alt, sample, reads=(40, 40, 12, 8), other=1):
    names = ("ref_forward", "ref_reverse", "alt_forward", "alt_reverse")
    return {
        "chrom": chrom, "start": start, "ref": ref, "alt": alt, "sample": sample,
        **dict(zip(names, reads, strict=True)), "other": other, "read_position_z": 0.0,
        "mapping_quality_z": 0.0, "base_quality_z": 0.0, "context": "", "repeat": 1,
    }  # fmt: skip


@pytest.fixture
def text():
    places = [("chr17", 7675087, "C", "T"), ("chr2", 500, "CAA", "C"), ("chrX", 900, "AC", "GT")]
    rows = [
        variant("v1", *places[0], gene="TP53", consequence="missense", first_passage=20,
                protein_change="p.Arg175His", hotspot_id="TP53:p.Arg175His"),
        variant("v2", *places[1], origin="expanded", note="the donor has it; in 1 of 90 reads"),
        variant("v3", *places[2], gene="PATZ1", disputed=True, origin="unknown",
                first_passage=pd.NA),
    ]  # fmt: skip
    courses = [
        course("v1", "D-p0", "absent"), course("v1", "L-p10", "not_testable"),
        course("v1", "L-p20"), course("v2", "L-p10"), course("v3", "L-p10", fraction=1.0),
    ]  # fmt: skip
    counts = [
        count(*places[0], "D-p0", (50, 51, 0, 0), 0),
        count(*places[0], "L-p20"),
        count(*places[1], "L-p10"),
        count(*places[2], "L-p10", (1, 0, 20, 19), 0),
        count("chr2", 500, "C", "A", "L-p10", (9, 9, 9, 9)),
    ]
    return variant_text(
        "L",
        SAMPLES,
        pd.DataFrame(rows).astype({"first_passage": "Int32"}),
        pd.DataFrame(courses),
        pd.DataFrame(counts),
        "0.1",
        "three variants",
    )


@pytest.fixture
def path(tmp_path, text):
    vcf_files.write(text, tmp_path / "variants.vcf.gz")
    return str(tmp_path / "variants.vcf.gz")


def body(text):
    return [line.split("\t") for line in text.splitlines() if not line.startswith("#")]


def test_rows_are_in_genome_order_and_one_based(text):
    assert [row[:2] for row in body(text)] == [
        ["chr2", "501"],
        ["chr17", "7675088"],
        ["chrX", "901"],
    ]


def test_samples_hold_reads_and_cells(text):
    row = body(text)[1]
    donor, early, late = row[9:]
    assert donor == "0/0:101,0:50,0:51,0:101:0:.:.,.:0.05:absent"
    assert early == "./.:0,0:0,0:0,0:0:.:.:.,.:.:not_testable"
    assert late == "0/1:80,20:40,12:40,8:101:0.2:0.4:0.3,0.5:0.05:present"


def test_all_reads_with_the_allele_are_homozygous(text):
    assert body(text)[2][10].startswith("1/1:1,39:")


def test_what_is_known_of_a_variant_stands_in_info(text):
    info = dict(item.split("=") for item in body(text)[1][7].split(";"))
    assert info["HOTSPOT"] == "TP53%3Ap.Arg175His"
    assert info["GENE"] == "TP53"
    assert info["PROTEIN"] == "p.Arg175His"
    assert info["FIRSTPASSAGE"] == "20"
    assert body(text)[0][7].endswith("NOTE=the%20donor%20has%20it%3B%20in%201%20of%2090%20reads")


def test_disputed_genes_are_filtered(text):
    assert [row[6] for row in body(text)] == ["PASS", "PASS", "disputed"]
    assert "FIRSTPASSAGE" not in body(text)[2][7]


def test_cyvcf2_reads_it(path):
    file = cyvcf2.VCF(path)
    assert file.samples == SAMPLES
    found = list(file("chr17:7675088-7675088"))
    assert [one.ID for one in found] == ["v1"]
    assert found[0].format("AD").tolist()[2] == [80, 20]
    assert found[0].format("CF")[2][0] == pytest.approx(0.4)
    assert found[0].gt_types.tolist() == [0, 2, 1]


def test_pysam_reads_it_without_a_word(path, capfd):
    with pysam.VariantFile(path) as file:
        for record in file:
            assert record.samples["L-p10"]["DP"] is not None
    assert capfd.readouterr().err == ""


def test_bcftools_reads_it(path, tmp_path):
    out = tmp_path / "view.vcf"
    said = bcftools.run("view", "-i", 'ORIGIN="acquired"', "-o", str(out), path)
    assert said == ""
    assert len(body(out.read_text(encoding="utf-8"))) == 1


@pytest.mark.parametrize("samples", [[], SAMPLES])
def test_no_variant_is_a_valid_file(tmp_path, samples):
    empty = variant_text(
        "L", samples, VARIANTS.empty(), VARIANT_COURSES.empty(), VARIANT_COUNTS.empty(), said="none"
    )
    target = tmp_path / "empty.vcf.gz"
    vcf_files.write(empty, target)
    assert (tmp_path / "empty.vcf.gz.tbi").exists()
    file = cyvcf2.VCF(str(target))
    assert file.samples == samples
    assert list(file) == []
    assert dict(zip(file.seqnames, file.seqlens, strict=True))["chr17"] == 83257441


def test_events_change_the_copies_of_what_lies_in_them():
    sites = pd.DataFrame({"chrom": ["chr1", "chr20", "chr20", "chrX"], "start": [5, 50, 500, 9]})
    events = pd.DataFrame(
        {
            "event_id": ["gain", "loh"], "chrom": ["chr20", "chr1"], "start": [0, 0],
            "end": [100, 100], "kind": ["gain", "cn_loh"], "copies": [3, 2],
        }
    )  # fmt: skip
    trajectories = pd.DataFrame(
        {
            "event_id": ["gain", "gain", "loh"], "sample": ["L-p10", "L-p20", "L-p20"],
            "state": ["absent", "present", "present"], "cell_fraction": [np.nan, 0.5, 1.0],
        }
    )  # fmt: skip
    copies, changed = copies_at(sites, SAMPLES, events, trajectories, Karyotype("male"))
    assert copies[:, 0].tolist() == copies[:, 1].tolist() == [2, 2, 2, 1]
    assert copies[:, 2].tolist() == [2, 2.5, 2, 1]
    assert not changed[:, :2].any()
    assert changed[:, 2].tolist() == [True, True, False, False]
