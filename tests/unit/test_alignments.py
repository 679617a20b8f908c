"""Heads of alignments, FASTQ and targets: what is accepted, and every way of being wrong."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
import pytest
from linedrift.genome import BUILDS, GRCH38
from linedrift.readers import alignments, fastq, heads, targets
from linedrift.readers.files import ReadingError

LENGTHS = {"chr1": 4000, "chr2": 3000}


@pytest.fixture
def reference(tmp_path):
    """Return a FASTA with two short chromosomes."""
    return fasta(tmp_path / "r.fa", LENGTHS)


def fasta(path, lengths, seed=1):
    rng = np.random.default_rng(seed)
    parts = [f">{name}\n{''.join(rng.choice(list('ACGT'), n))}\n" for name, n in lengths.items()]
    path.write_text("".join(parts))
    pysam.faidx(str(path))
    return str(path)


def alignment(
    path, reference="", lengths=LENGTHS, order="coordinate", groups=("S",), at=None, without=0
):
    """Write a BAM or CRAM with reads of 50 bases at the places `at`: (contig, position).

    The first `without` of them have no qualities.
    """
    contigs = [{"SN": name, "LN": length} for name, length in lengths.items()]
    head = {"SQ": contigs, "RG": [{"ID": f"g{i}", "SM": name} for i, name in enumerate(groups)]}
    if order:
        head["HD"] = {"VN": "1.6", "SO": order}
    mode = {".bam": "wb", ".cram": "wc"}[Path(path).suffix]
    at = [(0, start) for start in range(100, 2000, 10)] if at is None else at
    with pysam.AlignmentFile(
        str(path), mode, header=head, reference_filename=reference or None
    ) as file:
        for number, (contig, start) in enumerate(at):
            read = pysam.AlignedSegment(file.header)
            read.query_name, read.reference_id, read.reference_start = f"r{number}", contig, start
            read.flag = 4 if contig < 0 else 0
            read.mapping_quality, read.query_sequence = 60, "ACGTA" * 10
            if contig >= 0:
                read.cigarstring = "50M"
            if number >= without:
                read.query_qualities = pysam.qualitystring_to_array("I" * 50)
            if groups:
                read.set_tag("RG", f"g{number % len(groups)}")
            file.write(read)
    return str(path)


def wrong(path, reference, form="bam", name=""):
    """Return what is wrong with an alignment; one error at the most."""
    row = {"path": str(path), "path2": "", "format": form, "name_in_file": name, "build": "GRCh38"}
    found = heads.problems(row, {}, pd.DataFrame(), reference)
    assert len(found) <= 1, found
    return found[0] if found else ""


# Alignments


@pytest.mark.parametrize("ending", ["bam", "cram"])
def test_a_whole_alignment_has_nothing_wrong(tmp_path, reference, ending):
    path = alignment(tmp_path / f"a.{ending}", reference)
    assert wrong(path, reference, ending) == ""
    assert wrong(path, reference, ending, name="S") == ""


def test_five_reads_are_few_and_nothing_is_wrong_with_the_file(tmp_path, reference):
    path = alignment(tmp_path / "a.bam", at=[(0, 10)] * 5)
    assert wrong(path, reference) == ""


def test_a_file_without_the_header_line_is_judged_by_its_reads(tmp_path, reference):
    assert wrong(alignment(tmp_path / "a.bam", order=""), reference) == ""
    path = alignment(tmp_path / "b.bam", order="", at=[(0, 100), (1, 10), (0, 200)])
    assert "not in genome order. Sort it: samtools sort" in wrong(path, reference)


@pytest.mark.parametrize("order", ["queryname", "unsorted"])
def test_an_unsorted_file_is_refused(tmp_path, reference, order):
    path = alignment(tmp_path / "a.bam", order=order)
    assert f"sorted by {order!r}; expected coordinate" in wrong(path, reference)


def test_reads_out_of_order_are_refused_whatever_the_header_says(tmp_path, reference):
    path = alignment(tmp_path / "a.bam", at=[(0, 200), (0, 100)])
    assert "not in genome order" in wrong(path, reference)


@pytest.mark.parametrize("ending", ["bam", "cram"])
@pytest.mark.parametrize("left", [20, 40, 0.5])
def test_a_truncated_file_is_named_with_the_byte(tmp_path, reference, ending, left):
    path = Path(alignment(tmp_path / f"a.{ending}", reference))
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) - left] if left > 1 else raw[: len(raw) // 2])
    text = wrong(path, reference, ending)
    assert "is truncated" in text
    assert f"{path.stat().st_size:,}" in text


def test_a_file_of_another_kind_is_named(tmp_path, reference):
    bam = alignment(tmp_path / "a.bam")
    assert "is a BAM file, the sheet says cram. Write bam" in wrong(bam, reference, "cram")
    cram = alignment(tmp_path / "a.cram", reference)
    assert "is a CRAM file, the sheet says bam. Write cram" in wrong(cram, reference)
    (tmp_path / "a.txt").write_text("chr1\t10\t20\n")
    assert "is text; expected a BAM file" in wrong(tmp_path / "a.txt", reference)
    (tmp_path / "a.sam").write_text("@HD\tVN:1.6\n")
    assert "SAM text" in wrong(tmp_path / "a.sam", reference)
    assert "is a directory" in wrong(tmp_path, reference)
    assert "no such file; the nearest name is 'a.bam'" in wrong(tmp_path / "b.bam", reference)
    (tmp_path / "e.bam").touch()
    assert "is empty" in wrong(tmp_path / "e.bam", reference)


def test_a_file_without_reads_is_refused(tmp_path, reference):
    path = alignment(tmp_path / "a.bam", at=[])
    assert "has a header but no read" in wrong(path, reference)
    path = alignment(tmp_path / "b.bam", at=[(-1, -1)])
    assert "no aligned read" in wrong(path, reference)


@pytest.mark.parametrize("ending", ["bam", "cram"])
def test_reads_without_qualities_are_refused(tmp_path, reference, ending):
    path = alignment(tmp_path / f"a.{ending}", reference, without=190)
    text = wrong(path, reference, ending)
    assert "190 of 190 reads have no base qualities (*" in text
    assert "Give the file as the aligner wrote it" in text
    path = alignment(tmp_path / f"b.{ending}", reference, without=2)
    assert "2 of 190 reads" in wrong(path, reference, ending)
    path = alignment(tmp_path / f"c.{ending}", reference, without=1)
    assert wrong(path, reference, ending) == "", "few are left out by the job, which says so"


def test_contigs_named_otherwise_are_shown_beside_those_of_the_reference(tmp_path, reference):
    path = alignment(tmp_path / "a.bam", lengths={"1": 4000, "2": 3000})
    text = wrong(path, reference)
    assert "begins with '1', '2', the reference with 'chr1', 'chr2'" in text
    path = alignment(tmp_path / "b.bam", lengths={"chr1": 4001, "chr2": 3000})
    assert "chr1 has 4,001 bases in the file, 4,000 in the reference" in wrong(path, reference)


def test_a_reference_may_hold_only_what_is_needed(tmp_path, reference):
    path = alignment(tmp_path / "a.bam", lengths=LENGTHS | {"chr3": 500, "KI270": 20})
    assert wrong(path, reference) == ""


@pytest.mark.parametrize("build", ["GRCh37", "hg18"])
def test_reads_on_another_build_are_named_by_their_lengths(tmp_path, build):
    lengths = {name: BUILDS[build].lengths[name] for name in ("chr1", "chr2")}
    reference = fasta(tmp_path / "r.fa", LENGTHS)
    path = alignment(tmp_path / "a.bam", lengths=lengths)
    assert f"lengths of {build}; expected GRCh38. Reads are not lifted" in wrong(path, reference)


def test_reads_of_two_samples_in_one_file_are_refused_with_both_names(tmp_path, reference):
    path = alignment(tmp_path / "a.bam", groups=("L1-p10", "L2-p10"))
    text = wrong(path, reference)
    assert "reads of 2 samples: 'L1-p10', 'L2-p10'; expected one. Split it" in text


def named(*rows):
    """Return rows of a sheet: sample, path, perhaps name_in_file."""
    frame = pd.DataFrame([(*row, "")[:3] for row in rows], columns=["sample", "path", "name"])
    frame = frame.rename(columns={"name": "name_in_file"})
    return frame.assign(assay="wes", format="bam", path=frame["path"].astype(str))


def test_an_alignment_that_two_rows_name_is_told_with_both(tmp_path, reference):
    path = alignment(tmp_path / "a.bam", reference)
    other = alignment(
        tmp_path / "b.bam", reference, at=[(0, 100 + 10 * n) for n in range(190)][:-1]
    )
    assert alignments.repeated(named(("A-p1", path), ("A-p2", other))) == []
    (tmp_path / "link.bam").symlink_to(path)
    shutil.copy(path, tmp_path / "copy.bam")
    found = alignments.repeated(
        named(
            ("A-p1", path),
            ("A-p2", tmp_path / "link.bam"),
            ("D-p0", other),
            ("B-p1", tmp_path / "copy.bam"),
            ("B-p2", tmp_path / "missing.bam"),
        )
    )
    assert len(found) == 2
    assert found[0].startswith(f"A-p2 (wes): {tmp_path / 'link.bam'}: is the file of A-p1 (wes);")
    assert f"B-p1 (wes): {tmp_path / 'copy.bam'}: holds the same as {path}, the file of" in found[1]
    # A name inside of the file or none: the sheet alone takes them for two.
    assert alignments.repeated(named(("A-p1", path, "S"), ("A-p2", path)))
    assert alignments.repeated(named(("A-p1", path, "S"), ("A-p2", path, "S")))
    exome_and_rna = named(("A-p1", path), ("A-p1", path))
    exome_and_rna["assay"] = ["wes", "rna"]
    assert "A-p1 (rna)" in alignments.repeated(exome_and_rna)[0]


def test_two_samples_of_one_file_are_judged_by_its_read_groups(tmp_path, reference):
    path = alignment(tmp_path / "a.bam", reference, groups=("S", "T"))
    assert alignments.repeated(named(("A-p1", path, "S"), ("A-p2", path, "T"))) == []
    for name in ("S", "T"):
        assert "holds reads of 2 samples: 'S', 'T'" in wrong(path, reference, name=name)


def test_the_sample_that_the_sheet_names_must_be_in_the_file(tmp_path, reference):
    path = alignment(tmp_path / "a.bam")
    assert "name 'S'; name_in_file asks for 'T'" in wrong(path, reference, name="T")
    path = alignment(tmp_path / "b.bam", groups=())
    assert wrong(path, reference) == "", "no read group"
    assert wrong(path, reference, name="T") == "", "one sample without a name is the one asked for"


def test_a_cram_of_another_fasta_is_found_by_its_checksums(tmp_path, reference):
    path = alignment(tmp_path / "a.cram", reference)
    other = fasta(tmp_path / "other.fa", LENGTHS, seed=2)
    text = wrong(path, other, "cram")
    assert "was made with another FASTA" in text
    assert "checksum (M5) of chr2" in text


def test_an_index_is_made_where_it_is_asked_and_not_beside_the_file(tmp_path, reference):
    for ending, kind in (("bam", "bai"), ("cram", "crai")):
        path = alignment(tmp_path / f"a.{ending}", reference)
        index = tmp_path / "results" / f"a.{ending}.{kind}"
        alignments.make_index(path, str(index))
        assert index.is_file()
        assert not Path(f"{path}.{kind}").exists()
        text = pysam.samtools.view(
            "-c", "-T", reference, alignments.located(path, str(index)), "chr1:1-150"
        )
        assert int(text) == 5
        assert sorted(file.name for file in index.parent.iterdir()) == [index.name]
        shutil.rmtree(index.parent)


def test_a_file_that_cannot_be_indexed_is_told_in_words(tmp_path):
    path = alignment(tmp_path / "a.bam", at=[(0, 200), (0, 100)])
    with pytest.raises(ReadingError, match=r"a\.bam: cannot be indexed .*samtools sort"):
        alignments.make_index(path, str(tmp_path / "a.bai"))
    assert not (tmp_path / "a.bai").exists()


# The reference


def snps(reference, n=40, wrong_share=0.0):
    rng = np.random.default_rng(5)
    rows = []
    with pysam.FastaFile(reference) as file:
        for number, start in enumerate(sorted(rng.choice(3000, n, replace=False))):
            ref = file.fetch("chr1", start, start + 1)
            others = [base for base in "ACGT" if base != ref]
            pair = others[:2] if number < wrong_share * n else [others[0], ref]
            rows.append(("chr1", start, *pair))
    return pd.DataFrame(rows, columns=["chrom", "start", "ref", "alt"])


def test_a_fasta_is_known_by_the_alleles_it_has(tmp_path, reference):
    assert alignments.reference_problem(reference, snps(reference)) == ""
    text = alignments.reference_problem(reference, snps(reference, wrong_share=0.5))
    assert "20 of 40 known SNPs have one of their alleles" in text
    few = snps(reference, n=10, wrong_share=1)
    assert alignments.reference_problem(reference, few) == ""
    assert "begins" in alignments.reference_problem(
        fasta(tmp_path / "x.fa", {"scaffold": 10}), few
    ) or "no chromosome" in alignments.reference_problem(str(tmp_path / "x.fa"), few)
    (tmp_path / "r37.fa").write_text(">chr1\nA\n")
    length = BUILDS["GRCh37"].lengths["chr1"]
    (tmp_path / "r37.fa.fai").write_text(f"chr1\t{length}\t6\t60\t61\n")
    assert "lengths of GRCh37" in alignments.reference_problem(str(tmp_path / "r37.fa"), few)


def test_names_of_chromosomes_are_those_of_the_fasta(tmp_path):
    path = fasta(tmp_path / "n.fa", {"1": 100, "X": 50, "MT": 20})
    assert alignments.names_in(path, ["chr1", "chrX", "chr2"]) == {"chr1": "1", "chrX": "X"}


# Targets


def bed(path, text, packed=False):
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    return path


@pytest.mark.parametrize("packed", [True, False])
def test_targets_are_read_with_and_without_chr_and_joined(tmp_path, packed):
    text = (
        'browser position chr1\ntrack name="x"\n#c\nChrom\tStart\tEnd\tName\n'
        "2\t50\t60\textra\t0\t+\t50\t60\n\nNC_000001.11\t100\t200\r\n"
        "chr1\t150\t300\nchr1\t300\t310\nchrX\t5\t9\nchrUn_KI270\t1\t2\n"
    )
    found = targets.read(bed(tmp_path / "a.bed", text, packed))
    assert found["chrom"].astype(str).tolist() == ["chr1", "chr2", "chrX"]
    assert found[["start", "end"]].to_numpy().tolist() == [[100, 310], [50, 60], [5, 9]]
    assert found.attrs["left_out"] == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("track name=x\n", "has no target"),
        ("chr1\t100\n", "line 1: found 'chr1\\t100'"),
        ("chr1\t1\t2\nchrom\tstart\tend\n", "line 2"),
        ("chrom\tstart\tend\n", "has no target"),
        ("chr1\t100\t100\n", "ends at 100 and begins at 100"),
        ("chr1\t200\t100\n", "ends at 100 and begins at 200"),
        ("@HD\tVN:1.5\n", "interval_list"),
        ("scaffold\t1\t2\n", "no target is on a chromosome that linedrift knows; found 'scaffold'"),
        ("\x00\x01\x02", "binary"),
    ],
)
def test_a_bed_that_is_none_is_told_with_its_line(tmp_path, text, told):
    with pytest.raises(ReadingError) as caught:
        targets.read(bed(tmp_path / "a.bed", text))
    assert told in str(caught.value)


def test_targets_beyond_the_end_of_a_chromosome_name_the_build_that_fits(tmp_path):
    end = BUILDS["GRCh37"].lengths["chr19"]
    text = f"chr1\t100\t200\n19\t{end - 100}\t{end}\n"
    with pytest.raises(ReadingError, match=r"1 targets lie beyond .* line 2 .*fit GRCh37"):
        targets.read(bed(tmp_path / "a.bed", text))


def test_targets_of_another_build_are_known_by_the_snps_on_them(tmp_path):
    rng = np.random.default_rng(2)
    start = np.sort(rng.choice(10_000_000, 200, replace=False))
    markers = pd.DataFrame({"name": "x", "chrom": "chr1", "pos_GRCh38": start + 1})
    markers = markers.assign(pos_GRCh37=start + 50_001, pos_hg18=start + 90_001)
    kit = pd.DataFrame({"chrom": "chr1", "start": start - 50, "end": start + 60})
    targets.check_build("a.bed", kit, markers)
    moved = kit.assign(start=kit["start"] + 50_000, end=kit["end"] + 50_000)
    with pytest.raises(ReadingError, match="the targets are those of GRCh37"):
        targets.check_build("a.bed", moved, markers)
    all_of_it = pd.DataFrame({"chrom": ["chr1"], "start": [0], "end": [20_000_000]})
    targets.check_build("a.bed", all_of_it, markers)


def test_targets_must_lie_within_the_reference(tmp_path, reference):
    kit = targets.read(bed(tmp_path / "a.bed", "chr1\t100\t200\nchr2\t2900\t3000\n"))
    targets.check_reference("a.bed", kit, reference)
    for text in ("chr3\t1\t20\n", "chr2\t2900\t3001\n"):
        kit = targets.read(bed(tmp_path / "b.bed", text))
        with pytest.raises(ReadingError, match="has targets on 'chr[23]', which the reference"):
            targets.check_reference("b.bed", kit, reference)


def test_the_panel_of_snps_that_is_shipped_can_be_used(repository):
    panel = targets.read_snps(repository / "resources" / "identity_snps.bed")
    assert len(panel) > 20_000
    assert panel["chrom"].notna().all()
    assert not panel.duplicated(["chrom", "start"]).any()
    assert panel["ref"].isin(list("ACGT")).all() and panel["alt"].isin(list("ACGT")).all()
    assert (panel["start"] < panel["chrom"].astype(str).map(dict(GRCH38.lengths))).all()
    markers = pd.read_csv(repository / "resources" / "build_markers.tsv", sep="\t")
    both = panel.merge(markers, on="name")
    assert len(both) > 20_000
    assert (both["start"] + 1 == both["pos_GRCh38"]).all()


def test_a_track_of_mappability_is_read(tmp_path):
    path = bed(tmp_path / "m.bg.gz", "1\t0\t100\t1\nchrUn\t0\t5\t.5\nchr2\t0\t9\t0.25\n", True)
    found = targets.mappability(path)
    assert found.to_numpy().tolist() == [["chr1", 0, 100, 1.0], ["chr2", 0, 9, 0.25]]
    with pytest.raises(ReadingError, match="beyond 0 to 1"):
        targets.mappability(bed(tmp_path / "n.bg", "1\t0\t100\t7\n"))
    with pytest.raises(ReadingError, match="cannot be read as bedGraph"):
        targets.mappability(bed(tmp_path / "o.bg", "1\t0\n"))


# FASTQ


def fastq_text(names, ending="/1", length=30):
    return "".join(f"@{name}{ending} remark\n{'A' * length}\n+\n{'I' * length}\n" for name in names)


def pair(tmp_path, one, other, packed=True):
    paths = []
    for number, text in enumerate((one, other), start=1):
        path = tmp_path / f"{number}.fq{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
        paths.append(str(path))
    row = {"path": paths[0], "path2": paths[1], "format": "fastq"}
    assert heads.problems(row, {}, pd.DataFrame()) == fastq.problems(row)
    return fastq.problems(row)


NAMES = [f"run:1:{number}" for number in range(5000)]


@pytest.mark.parametrize("packed", [True, False])
def test_a_pair_of_fastq_has_nothing_wrong(tmp_path, packed):
    assert pair(tmp_path, fastq_text(NAMES), fastq_text(NAMES, "/2"), packed) == []
    windows = fastq_text(NAMES, "").replace("\n", "\r\n")
    assert pair(tmp_path, windows, fastq_text(NAMES, ""), packed) == []


@pytest.mark.parametrize("n", [4999, 3, 0])
def test_a_pair_of_unequal_length_is_refused_with_the_shorter_one(tmp_path, n):
    found = pair(tmp_path, fastq_text(NAMES), fastq_text(NAMES[:n], "/2") or "\n")
    assert len(found) == 1
    assert "2.fq.gz" in found[0]
    if n:
        assert f"2.fq.gz: ends after {n:,} reads" in found[0]


def test_reads_of_two_runs_are_refused(tmp_path):
    other = [name.replace("run:1", "run:2") for name in NAMES]
    (text,) = pair(tmp_path, fastq_text(NAMES), fastq_text(other, "/2"))
    assert "read 1 is 'run:2:0', that of" in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (">r1\nACGT\n", "begins with '>r1"),
        ("@r1\nACGT\n+\nII\n", "read 1 (line 1) is not whole"),
        (fastq_text(NAMES[:5]) + "@r6\nACGT\n", "read 6 (line 21) is not whole"),
    ],
)
def test_a_fastq_that_is_none_or_cut_is_told(tmp_path, text, told):
    found = pair(tmp_path, text, fastq_text(NAMES, "/2"))
    assert told in found[0]


def test_a_cut_gzip_is_told(tmp_path):
    assert pair(tmp_path, fastq_text(NAMES), fastq_text(NAMES, "/2")) == []
    path = tmp_path / "2.fq.gz"
    path.write_bytes(path.read_bytes()[:-100])
    row = {"path": str(tmp_path / "1.fq.gz"), "path2": str(path), "format": "fastq"}
    assert "truncated" in fastq.problems(row)[0]


# Real files


@pytest.mark.real
def test_real_alignments_are_accepted_or_refused_for_the_right_reason(real_data, repository):
    wes = real_data / "wes"
    seqc2 = wes / "seqc2_hcc1395" / "seq2_testdata_snv"
    own = str(seqc2 / "GRCh38_chr2_5_7_9.loci_from_MD_else_N.fa.gz")
    panel = targets.read_snps(repository / "resources" / "identity_snps.bed")
    assert alignments.reference_problem(own, panel) == ""
    for name in ("WES_LL_N_1_test", "WES_LL_T_1_test"):
        assert wrong(seqc2 / f"{name}.bam", own) == ""
    row = {"format": "fastq"} | {
        key: str(seqc2 / "reads" / f"WES_LL_N_1_test_{number}.merged.fastq.gz")
        for key, number in (("path", 1), ("path2", 2))
    }
    assert fastq.problems(row) == []
    hydra = wes / "hydra_chr1_negative"
    hg19 = str(hydra / "reference" / "HES45.fna.gz")
    assert "known SNPs have one of their alleles" in alignments.reference_problem(hg19, panel)
    giab = wes / "giab_hg001_chr20" / "NA12878_S1.chr20.10_10p1mb.bam"
    assert "lengths of GRCh37" in wrong(giab, own)
    mixed = next((wes / "nfcore_chr22").rglob("purecn_ex1.bam"))
    assert "share no chromosome" in wrong(mixed, own)


@pytest.mark.real
def test_targets_of_real_kits_are_told_by_build(real_data, repository, tmp_path):
    markers = pd.read_csv(repository / "resources" / "build_markers.tsv", sep="\t")
    folder = real_data / "wes" / "exomecnv_chr21_x"
    kit = targets.read(next(folder.glob("*chr21X*.bed")))
    assert set(kit["chrom"].astype(str)) == {"chr21", "chrX"}
    targets.check_build("kit", kit, markers)
    old = real_data / "reference" / "targets" / "NimbleGen_SeqCapEZ_v3.hg19.bed.gz"
    with pytest.raises(ReadingError, match="beyond the end .* the targets fit GRCh37"):
        targets.read(old)
    with gzip.open(old, "rt") as text:
        inner = [line for line in text if line.startswith(("20\t", "17\t"))]
    (tmp_path / "inner.bed").write_text("".join(inner))
    kit = targets.read(tmp_path / "inner.bed")
    with pytest.raises(ReadingError, match="the targets are those of GRCh37"):
        targets.check_build("inner.bed", kit, markers)
