"""Real methylomes: each file is read or refused with a reason, and says what is known of it."""

import json

import numpy as np
import pandas as pd
import pytest
from linedrift.quality import methylation_sequencing_quality, quality
from linedrift.readers import cytosines, methylation_heads
from linedrift.readers.files import ReadingError
from linedrift.readers.reference import opened
from small_alignments import write_fasta
from truth import CONFIG

pytestmark = pytest.mark.real
SETTINGS = CONFIG["methylation"]["sequencing"]
# Folder, file, format, build, CpGs and mean methylation (None: mouse, or too few to say).
FILES = [
    ("small_coverage", "bsseq_chr21.chr22.HG002.top1000.bed.gz", "bedmethyl", "GRCh38", 1000),
    ("small_coverage", "bsseq_ctr1.chr10.chr11.bed.gz", "bedmethyl", "GRCh38", 1000),
    ("small_coverage", "bsseq_test_data.cytosineReport.gz", "cytosine_report", "GRCh37", 3),
    ("small_coverage", "bsseq_test_data.fastq_bismark.bismark.cov.gz", "bismark_cov", "GRCh37", 0),
    ("small_coverage", "methylPipe_H1_chr20_CG_10k.txt", "methylpipe", "hg18", 5219),
    ("small_coverage", "methylPipe_H1_chr20_CG_10k_tabix_out.txt.gz", "methylpipe", "hg18", 5443),
    (
        "small_coverage",
        "methylPipe_IMR90_chr20_CG_10k_tabix_out.txt.gz",
        "methylpipe",
        "hg18",
        5447,
    ),
    ("methylkit", "control1.myCpG.txt", "methylkit", "hg18", 2005),
    ("methylkit", "control2.myCpG.txt", "methylkit", "hg18", 1551),
    ("methylkit", "test1.myCpG.txt", "methylkit", "hg18", 1583),
    ("methylkit", "test2.myCpG.txt", "methylkit", "hg18", 1812),
    ("wgbs_h1_imr90_chr21", "H1_r1.chr21.hg18.bismark.cov.gz", "bismark_cov", "hg18", 300_678),
    ("wgbs_h1_imr90_chr21", "IMR90_r1.chr21.hg18.bismark.cov.gz", "bismark_cov", "hg18", 300_678),
]
# The imprinted region of WRB on GRCh38 (resources/imprinted_dmrs.tsv).
WRB = ("chr21", 39_385_584, 39_386_350)


@pytest.fixture(scope="module")
def chains(real_data):
    folder = real_data / "reference"
    return {
        "hg18": str(folder / "hg18ToHg38.over.chain.gz"),
        "GRCh37": str(folder / "hg19_to_hg38.chain.gz"),
    }


@pytest.fixture(scope="module")
def read(real_data, chains):
    def read(folder, name, format, build, **given):
        path = str(real_data / "methylation" / folder / name)
        return cytosines.read(
            path, format=format, build=build, settings=SETTINGS, chains=chains, **given
        )

    return read


@pytest.mark.parametrize(("folder", "name", "format", "build", "n_cpgs"), FILES)
def test_every_file_is_read_and_every_row_is_accounted_for(
    folder, name, format, build, n_cpgs, read, real_data, chains
):
    found = read(folder, name, format, build)
    facts = found.facts
    left = ("n_other_contig", "n_other_context", "n_other_modification", "n_without_read")
    lost = ("n_beyond_chromosome", "n_added", "n_unmapped", "n_duplicate_position", "n_not_cpg")
    assert facts["n_rows"] == len(found.cytosines) + sum(facts[one] for one in left + lost)
    if n_cpgs:
        assert len(found.cytosines) + facts["n_unmapped"] == n_cpgs
    assert facts["n_unmapped"] <= 0.01 * facts["n_rows"]
    json.dumps(facts)
    row = {"path": str(real_data / "methylation" / folder / name), "format": format}
    assert methylation_heads.problems(row | {"build": build}, chains) == []


@pytest.mark.parametrize("name", [row[1] for row in FILES])
def test_no_file_passes_for_another_format(name, real_data, chains):
    folder, _, fits, build, _ = next(row for row in FILES if row[1] == name)
    path = str(real_data / "methylation" / folder / name)
    for format in cytosines.FORMATS:
        row = {"path": path, "format": format, "build": build}
        problem = methylation_heads.problems(row, chains)
        assert (format == fits) == (not problem)
        assert format == fits or f"rite {fits} into the column format" in problem[0]


def test_the_build_of_a_whole_genome_is_told_by_its_ends(read):
    with pytest.raises(ReadingError, match="possible is GRCh37. Correct the column build"):
        read("small_coverage", FILES[3][1], "bismark_cov", "GRCh38")
    with pytest.raises(ReadingError, match="possible is GRCh37 or hg18"):
        read("wgbs_h1_imr90_chr21", FILES[-2][1], "bismark_cov", "GRCh38")


def test_h1_is_more_methylated_than_imr90_and_gained_wrb(read):
    means, at_wrb = {}, {}
    for folder, name, format, build, _ in FILES[-2:]:
        frame = read(folder, name, format, build).cytosines
        share = frame["methylated"] / (frame["methylated"] + frame["unmethylated"])
        means[name[:2]] = share.mean()
        chrom, start, end = WRB
        inside = (frame["chrom"] == chrom) & frame["start"].between(start, end)
        at_wrb[name[:2]] = share[inside].mean()
    assert means["H1"] == pytest.approx(0.86, abs=0.015)
    assert means["IM"] == pytest.approx(0.745, abs=0.015)
    assert at_wrb["H1"] > 0.95
    assert at_wrb["IM"] == pytest.approx(0.61, abs=0.05)


def known_cpgs(real_data):
    """Return the 0-based starts of CpGs that the 450k array reads, by chromosome."""
    path = real_data / "methylation" / "probe_positions" / "hm450_GRCh38_probe_positions.tsv.gz"
    probes = pd.read_csv(path, sep="\t")
    probes = probes[probes["name"].str.startswith("cg")]
    return {chrom: rows["start"].to_numpy() - 1 for chrom, rows in probes.groupby("chrom")}


def hits(frame, known):
    """Return how many CpGs of an array the file has, by the shift of its positions."""
    return {
        shift: sum(
            int(np.isin(rows["start"] + shift, known[chrom]).sum())
            for chrom, rows in frame.groupby("chrom", observed=True)
        )
        for shift in (-1, 0, 1)
    }


@pytest.mark.parametrize("row", [FILES[5], FILES[6], FILES[7], FILES[9]])
def test_lifted_cpgs_are_those_of_an_array(row, read, real_data):
    found = hits(read(*row[:4]).cytosines, known_cpgs(real_data))
    assert found[0] > 30
    assert max(found[-1], found[1]) < 0.05 * found[0]


@pytest.fixture(scope="module")
def slice_of_chr21(real_data, tmp_path_factory):
    """Return a FASTA of chr21 of which 22 to 23 Mb are known."""
    path = real_data / "reference" / "fasta" / "hg38_chr21_22000000_23000000.fasta.gz"
    with opened(path) as fasta:
        bases = "N" * 21_999_999 + fasta.fetch(fasta.references[0])
    return str(write_fasta(tmp_path_factory.mktemp("fasta") / "chr21.fa", {"chr21": bases}))


def test_a_reference_tells_that_real_positions_count_from_0(
    read, real_data, chains, slice_of_chr21, tmp_path
):
    """Start is end in these files, and yet they are 0-based: CpGs of arrays lie 1 bp beyond."""
    folder, name, format, build, _ = FILES[-2]
    found = hits(read(folder, name, format, build).cytosines, known_cpgs(real_data))
    assert found[1] > 20 * found[0]
    with pytest.raises(ReadingError, match="when 1 is added to each position.*are 0-based"):
        read(folder, name, format, build, reference=slice_of_chr21)
    frame = pd.read_csv(real_data / "methylation" / folder / name, sep="\t", header=None)
    frame[[1, 2]] += 1
    path = tmp_path / "right.cov"
    frame.to_csv(path, sep="\t", header=False, index=False)
    given = {"format": format, "settings": SETTINGS, "reference": slice_of_chr21}
    right = cytosines.read(str(path), build=build, chains=chains, **given)
    assert right.facts["reference_share"] > 0.97
    assert hits(right.cytosines, known_cpgs(real_data))[0] == pytest.approx(found[1], abs=5)
    with pytest.raises(ReadingError, match="Write hg18 into the column build"):
        cytosines.read(str(path), build="GRCh37", chains=chains, **given)


def test_starts_from_0_passed_off_as_bismark_s(real_data, tmp_path):
    folder, name = FILES[-2][:2]
    frame = pd.read_csv(real_data / "methylation" / folder / name, sep="\t", header=None)
    frame[1] -= 1
    path = tmp_path / "zero.cov.gz"
    frame.to_csv(path, sep="\t", header=False, index=False)
    with pytest.raises(ReadingError, match="line 1 is .*: positions are 0-based"):
        cytosines.read(str(path), format="bismark_cov", build="hg18", settings=SETTINGS)


def test_quality_of_real_methylomes(read):
    settings = CONFIG["quality"]["methylation"]["sequencing"]
    for row in FILES[-2:]:
        found = read(*row[:4])
        figures = methylation_sequencing_quality.measure(found.cytosines, found.facts, settings)
        judged = quality.judge(
            figures, settings, sample="A-p1", assay="methylation", expected_sex="unknown",
            labels=methylation_sequencing_quality.LABELS, why=methylation_sequencing_quality.WHY,
        ).set_index("figure")  # fmt: skip
        assert (judged["state"] != "fail").all()
        assert judged.loc["mean_methylation", "state"] == "pass"
        assert judged.loc["sex", "value"] == "unknown"
