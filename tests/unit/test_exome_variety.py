"""Alignments as others make them: indexes, references, reads and contigs of every usual kind."""

import array
import gzip
import shutil

import pandas as pd
import pysam
import pytest
from linedrift.genome import BUILDS
from linedrift.readers import alignments, heads, pileup, reads, reference
from linedrift.readers.files import ReadingError
from linedrift.readers.pileup import Alignment
from small_alignments import READ, Library, random_bases, write_fasta

GENOME = random_bases(1500)
PLACE = 700
SNV = (PLACE, GENOME[PLACE], "ACGT"[("ACGT".index(GENOME[PLACE]) + 1) % 4])
SETTINGS = {
    "min_base_quality": 20,
    "min_mapping_quality": 20,
    "max_depth": 8000,
    "candidate_reads": 2,
    "candidate_total": 3,
    "candidate_fraction": 0.01,
    "homozygous_fraction": 0.1,
}
NOTHING = pd.DataFrame({"chrom": [], "start": [], "ref": [], "alt": []}).astype({"start": int})
WHERE = pd.DataFrame({"chrom": ["chr1"], "start": [0], "end": [len(GENOME)]})


@pytest.fixture
def fasta(tmp_path):
    return write_fasta(tmp_path / "genome.fa", {"chr1": GENOME})


def counted(path, fasta):
    """Return reads of the SNV, ref and alt, by the joint count; and its depth by the other pass."""
    result = pileup.count([Alignment("L-p1", str(path), "own")], fasta, WHERE, NOTHING, SETTINGS)
    row = result.counts.set_index("start").loc[PLACE]
    both = [
        int(row[f"{allele}_{side}"]) for allele in ("ref", "alt") for side in ("forward", "reverse")
    ]
    return sum(both[:2]), sum(both[2:])


def depth(path, fasta):
    """Return the reads at the SNV by the pass that reads depth and alleles."""
    asked = reads.asked(positions=WHERE)
    settings = {"min_mapping_quality": 20, "min_base_quality": 20}
    tally = reads.whole(str(path), asked, reference=str(fasta), **settings)["chr1"]
    return int(tally.alleles[PLACE].sum())


def with_snv(**changed):
    return Library(GENOME, **changed).cover(40, [SNV], 0.5)


@pytest.mark.parametrize("name", ["a.bam.bai", "a.bai", "a.bam.csi", "elsewhere/x.bam.csi"])
def test_an_index_may_have_any_of_its_names(tmp_path, fasta, name):
    path = with_snv().write(tmp_path / "a.bam")
    expected = counted(path, fasta)
    index = tmp_path / name
    index.parent.mkdir(exist_ok=True)
    if name.endswith(".csi"):
        (tmp_path / "a.bam.bai").unlink()
        pysam.samtools.index("-c", "-o", str(index), str(path))
    else:
        shutil.move(tmp_path / "a.bam.bai", index)
    assert counted(alignments.located(str(path), str(index)), fasta) == expected
    assert sum(expected) > 30


def test_a_packed_reference_is_read_and_a_plain_gzip_refused(tmp_path, fasta):
    path = with_snv().write(tmp_path / "a.bam")
    packed = tmp_path / "packed.fa.gz"
    pysam.tabix_compress(str(fasta), str(packed))
    pysam.faidx(str(packed))
    assert counted(path, packed) == counted(path, fasta)
    plain = tmp_path / "plain.fa.gz"
    plain.write_bytes(gzip.compress(fasta.read_bytes()))
    with pytest.raises(ReadingError, match=r"plain\.fa\.gz"), reference.opened(plain):
        pass


def test_contigs_beside_the_chromosomes_do_not_matter(tmp_path, fasta):
    """Decoys, viruses and alternative contigs stand in the head, the FASTA has none of them."""
    others = [("chr1_KI270706v1_random", 900), ("chrUn_JTFH01000001v1_decoy", 900), ("chrEBV", 900)]
    path = with_snv(others=others).write(tmp_path / "a.bam")
    assert counted(path, fasta) == counted(with_snv().write(tmp_path / "b.bam"), fasta)
    assert problems(path, fasta) == []


@pytest.mark.parametrize(
    ("flag", "counts"),
    [(0x100, False), (0x400, False), (0x200, False), (0x800, True)],
    ids=["secondary", "duplicate", "failed", "supplementary"],
)
def test_both_passes_count_the_same_reads(tmp_path, fasta, flag, counts):
    library = with_snv()
    before = len(library.reads)
    for shift in range(10):
        library.single(PLACE - 50 + shift, [SNV], flag=flag)
    library.reads[before:] = sorted(library.reads[before:], key=lambda read: read.reference_start)
    path = library.write(tmp_path / "a.bam")
    plain = with_snv().write(tmp_path / "b.bam")
    more = sum(counted(path, fasta)) - sum(counted(plain, fasta))
    assert more == (10 if counts else 0)
    assert depth(path, fasta) - depth(plain, fasta) == more


@pytest.mark.parametrize("quality", [20, 60, 90])
def test_consensus_reads_have_any_quality(tmp_path, fasta, quality):
    """Consensus of reads with the same UMI: qualities up to 90, tags of arrays beside them."""
    library = Library(GENOME)
    for start in range(PLACE - READ + 10, PLACE - 10, 4):
        library.single(start, [SNV] if start % 8 else (), base_quality=quality)
    for read in library.reads:
        read.set_tag("MI", "12/A")
        read.set_tag("cd", array.array("H", [3] * READ))
    ref, alt = counted(library.write(tmp_path / "a.bam"), fasta)
    assert ref + alt == depth(tmp_path / "a.bam", fasta) == len(library.reads)


def test_a_long_name_of_a_sample_and_no_read_group_are_read(tmp_path, fasta):
    library = with_snv()
    head = library.header.to_dict()
    del head["RG"]
    library.header = pysam.AlignmentHeader.from_dict(head)
    for read in library.reads:
        read.set_tag("RG", None)
    path = library.write(tmp_path / "a.bam")
    assert counted(path, fasta) == counted(with_snv().write(tmp_path / "b.bam"), fasta)
    assert problems(path, fasta, "A sample (of the sheet)") == []


def problems(path, fasta, name=""):
    row = {"path": str(path), "path2": "", "format": "bam", "name_in_file": name, "build": "GRCh38"}
    return heads.problems(row, {}, pd.DataFrame(), str(fasta))


@pytest.mark.parametrize("prefix", ["", "chr"])
def test_exomes_on_hs37d5_and_hg19_are_refused_with_what_to_do(tmp_path, fasta, prefix):
    """Reads are not lifted: where each belongs is another build's."""
    lengths = BUILDS["GRCh37"].lengths
    first, *rest = [(name.removeprefix("chr"), length) for name, length in lengths.items()]
    others = [(prefix + name, length) for name, length in rest] + [("hs37d5", 35_477_943)]
    library = with_snv(contig=prefix + first[0], others=others)
    head = library.header.to_dict()
    head["SQ"][0]["LN"] = first[1]
    library.header = pysam.AlignmentHeader.from_dict(head)
    (told,) = problems(library.write(tmp_path / "a.bam"), fasta)
    assert "have the lengths of GRCh37; expected GRCh38. Reads are not lifted: align them" in told


@pytest.mark.parametrize(("name", "asked"), [("1", "1"), ("NC_000001.11", "NC_000001.11")])
def test_grch38_without_chr_or_by_accession_needs_a_fasta_named_alike(tmp_path, fasta, name, asked):
    path = with_snv(contig=name).write(tmp_path / "a.bam")
    (told,) = problems(path, fasta)
    assert f"begins with '{asked}', the reference with 'chr1'" in told
    own = write_fasta(tmp_path / "own.fa", {name: GENOME})
    assert problems(path, own) == []
    assert counted(path, own) == counted(with_snv().write(tmp_path / "b.bam"), fasta)
    assert depth(path, own) > 30
