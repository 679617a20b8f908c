"""A small exome all the way through: FASTQ in two lanes beside a BAM without an index."""

import gzip
import json

import numpy as np
import pandas as pd
import pysam
import pytest
from linedrift import tables
from linedrift.readers import aligners
from linedrift.readers.files import ReadingError

pytestmark = pytest.mark.workflow
LENGTH, STEP, READ = 60_000, 500, 75
COMPLEMENT = str.maketrans("ACGT", "TGCA")
# Places of heterozygous SNPs, in the middle of every third target.
SNPS = range(1_100, 58_000, 3 * STEP)


def genome(rng):
    """Return two haplotypes that differ at SNPS."""
    first = rng.choice(list("ACGT"), LENGTH)
    second = first.copy()
    for at in SNPS:
        second[at] = {"A": "G", "G": "A", "C": "T", "T": "C"}[first[at]]
    return "".join(first), "".join(second)


def fragments(rng, haplotypes, n):
    """Yield name and both reads of fragments of 160 bases over the targets."""
    for number in range(n):
        target = 1_000 + STEP * int(rng.integers(0, 115))
        start = target + int(rng.integers(-60, 100))
        text = haplotypes[rng.integers(2)][start : start + 160]
        yield f"r{number}", text[:READ], text[::-1].translate(COMPLEMENT)[:READ], start


def write_bank(folder, rng):
    """Write a reference, targets, FASTQ of a donor in two lanes, a BAM of a line; and sheets."""
    haplotypes = genome(rng)
    (folder / "r.fa").write_text(f">chr20\n{haplotypes[0]}\n")
    pysam.faidx(str(folder / "r.fa"))
    starts = range(1_000, 58_500, STEP)
    (folder / "kit.bed").write_text("".join(f"20\t{at}\t{at + 200}\n" for at in starts))
    for lane in (1, 2):
        with (
            gzip.open(folder / f"{lane}_1.fq.gz", "wt") as one,
            gzip.open(folder / f"{lane}_2.fq.gz", "wt") as two,
        ):
            for name, first, second, _ in fragments(rng, haplotypes, 3_000):
                one.write(f"@{lane}{name}/1\n{first}\n+\n{'I' * READ}\n")
                two.write(f"@{lane}{name}/2\n{second}\n+\n{'I' * READ}\n")
    write_reads(folder / "line.bam", list(fragments(rng, haplotypes, 5_000)))
    write_reads(folder / "five.bam", list(fragments(rng, haplotypes, 5)))
    (folder / "lines.tsv").write_text(
        "line\tkind\tparent\tsex\nD\tdonor\t\tfemale\nL\tline\tD\tfemale\n"
    )
    (folder / "samples.tsv").write_text(
        "line\tpassage\tassay\tformat\tpath\tpath2\tbuild\tplatform\n"
        "D\t0\twes\tfastq\t1_1.fq.gz\t1_2.fq.gz\tGRCh38\tkit\n"
        "D\t0\twes\tfastq\t2_1.fq.gz\t2_2.fq.gz\tGRCh38\tkit\n"
        "L\t5\twes\tbam\tline.bam\t\tGRCh38\tkit\n"
        "L\t9\twes\tbam\tfive.bam\t\tGRCh38\tkit\n"
    )
    (folder / "bank.yaml").write_text(
        f"lines: {folder}/lines.tsv\nsamples: {folder}/samples.tsv\nresults: {folder}/results\n"
        f"resources: {{reference: {folder}/r.fa}}\nwes: {{capture: {{any: {folder}/kit.bed}}}}\n"
    )


def write_reads(path, found):
    """Write the first reads of fragments as a BAM."""
    head = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": "chr20", "LN": LENGTH}]}
    with pysam.AlignmentFile(str(path), "wb", header=head) as file:
        for name, first, _, start in sorted(found, key=lambda one: one[3]):
            read = pysam.AlignedSegment(file.header)
            read.query_name, read.query_sequence, read.reference_id = name, first, 0
            read.reference_start, read.mapping_quality, read.cigarstring = start, 60, f"{READ}M"
            read.query_qualities = pysam.qualitystring_to_array("I" * READ)
            file.write(read)


@pytest.fixture(scope="module")
def program():
    try:
        return aligners.installed()
    except ReadingError:
        pytest.skip("neither bwa-mem2 nor bwa is on the PATH")


def test_lanes_of_fastq_and_a_bam_without_index_become_signals(pristine, tmp_path, program):
    write_bank(tmp_path, np.random.default_rng(1))
    before = sorted(path.name for path in tmp_path.iterdir())
    results = tmp_path / "results"
    made = [results / "signals" / f"{name}.wes.parquet" for name in ("D-p0", "L-p5")]
    index = results / "alignments" / "L-p5.wes.bam.bai"
    done = pristine.run(
        *("--cores", "2", "--configfile", str(tmp_path / "bank.yaml"), "--quiet"),
        *("--directory", str(tmp_path), "check", str(index), *map(str, made)),
        str(results / "quality" / "L-p9.wes.tsv"),
    )
    assert done.returncode == 0, done.stdout
    assert (
        sorted(set(path.name for path in tmp_path.iterdir()) - {".snakemake", "results"}) == before
    )
    assert index.is_file()
    assert program in (results / "logs" / "align" / "D-p0.log").read_text()
    facts = json.loads((results / "signals" / "D-p0.wes.facts.json").read_text())
    assert facts["reads"] == 12_000
    assert facts["insert_size"] == pytest.approx(160, abs=2)
    assert facts["mean_target_depth"] > 20
    sites = pd.read_parquet(results / "wes" / "D-p0.sites.parquet")
    planted = set(SNPS)
    assert set(sites.loc[sites["genotype"] == "AB", "start"]) <= planted
    assert len(sites) >= 0.9 * len(planted)
    for path in made:
        signals = tables.read(path, tables.SIGNALS)
        loci = signals[signals["usable"] & signals["b_fraction"].notna()]
        assert len(loci) >= 0.8 * len(planted)
        assert loci["b_fraction"].mean() == pytest.approx(0.5, abs=0.05)
    quality = tables.read(results / "quality" / "L-p9.wes.tsv", tables.QUALITY)
    failed = quality[quality["state"] == "fail"]
    assert "mean_target_depth" in set(failed["figure"])
    assert (failed["reason"] != "").all()
    kept = sorted(path.name for path in (results / "alignments").iterdir())
    assert kept == ["D-p0.wes.bam", "D-p0.wes.bam.bai", "L-p5.wes.bam.bai"]


def test_every_wrong_file_of_exomes_is_told_at_once(pristine, tmp_path):
    write_bank(tmp_path, np.random.default_rng(2))
    raw = (tmp_path / "line.bam").read_bytes()
    (tmp_path / "line.bam").write_bytes(raw[:-100])
    with gzip.open(tmp_path / "2_2.fq.gz", "wt") as file:
        file.write(f"@2r0/2\n{'A' * READ}\n+\n{'I' * READ}\n")
    (tmp_path / "kit.bed").write_text("21\t100\t200\n")
    done = pristine.run(
        *("--cores", "1", "--configfile", str(tmp_path / "bank.yaml"), "--quiet"),
        *("--directory", str(tmp_path), "check"),
    )
    assert done.returncode == 1
    assert "3 errors in the files of" in done.stdout
    assert "L-p5 (wes)" in done.stdout and "line.bam: is truncated" in done.stdout
    assert "2_2.fq.gz: ends after 1 reads" in done.stdout
    assert "kit.bed: has targets on 'chr21', which the reference" in done.stdout


def test_one_file_in_two_rows_and_a_gtf_are_told_before_any_job(pristine, tmp_path):
    write_bank(tmp_path, np.random.default_rng(3))
    (tmp_path / "again.bam").symlink_to(tmp_path / "line.bam")
    with (tmp_path / "samples.tsv").open("a") as sheet:
        sheet.write("L\t12\twes\tbam\tagain.bam\t\tGRCh38\tkit\n")
    (tmp_path / "genes.gtf").write_text('20\tx\texon\t1\t9\t.\t+\t.\tgene_id "A";\n')
    text = (tmp_path / "bank.yaml").read_text()
    text = text.replace("r.fa}", f"r.fa, genes: {tmp_path}/genes.gtf}}")
    (tmp_path / "bank.yaml").write_text(text)
    done = pristine.run(
        *("--cores", "1", "--configfile", str(tmp_path / "bank.yaml"), "--quiet"),
        *("--directory", str(tmp_path), "check"),
    )
    assert done.returncode == 1
    assert "2 errors in the files of" in done.stdout
    assert "again.bam: is the file of L-p5 (wes); expected a file of its own" in done.stdout
    assert "L-p12 (wes)" in done.stdout
    assert "genes.gtf: found attributes such as 'gene_id" in done.stdout
    assert not (tmp_path / "results" / "signals").exists()
