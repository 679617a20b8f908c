"""RNA alignments of which every read is known: alleles, introns, vectors, strands."""

import pandas as pd
import pysam
import pytest
from linedrift.genome import BUILDS, GRCH38
from linedrift.readers import rna_alignments
from linedrift.readers.files import ReadingError

SETTINGS = {
    "min_mapping_quality": 20, "min_base_quality": 20, "most_other_bases": 0.1,
    "strand_reads": 1000, "stranded_share": 0.8, "unstranded_difference": 0.1,
    "least_strand_reads": 10,
}  # fmt: skip
READ = 50
CONTIGS = (
    ("chr20", GRCH38.lengths["chr20"]), ("chrX", GRCH38.lengths["chrX"]), ("chrM", 16569),
    ("chrUn_KI270302v1", 2274), ("HLA-A*01:01", 3503), ("chrEBV", 171823), ("ERCC-00002", 1061),
    ("SeV_KOS", 18000), ("pCXLE-EBNA1", 9000),
)  # fmt: skip
SITES = pd.DataFrame(
    {"chrom": ["chrX", "chr20", "chr20"], "start": [40, 1200, 120], "ref": "A", "alt": "G"}
)


class Rna:
    """Reads of RNA, base A everywhere but where an allele is given."""

    def __init__(self, contigs=CONTIGS):
        self.header = pysam.AlignmentHeader.from_references(*zip(*contigs, strict=True))
        self.names = [name for name, _ in contigs]
        self.reads = []

    def read(
        self, start, contig="chr20", base="A", at=None, cigar=None, flag=0, mapq=255, mate=None
    ):
        read = pysam.AlignedSegment(self.header)
        read.query_name = f"r{len(self.reads)}"
        bases = ["A"] * READ
        if at is not None:
            bases[at] = base
        read.query_sequence = "".join(bases)
        read.query_qualities = pysam.qualitystring_to_array("F" * READ)
        read.flag, read.mapping_quality = flag, mapq
        read.reference_id, read.reference_start = self.names.index(contig), start
        read.cigartuples = cigar or [(0, READ)]
        if mate is not None:
            read.next_reference_id, read.next_reference_start = read.reference_id, mate
        self.reads.append(read)
        return self

    def write(self, path):
        with pysam.AlignmentFile(str(path), "wb", header=self.header) as file:
            for read in sorted(self.reads, key=lambda one: (one.reference_id, one.reference_start)):
                file.write(read)
        return str(path)


def counted(rna, tmp_path, sites=SITES, **changed):
    path = rna.write(tmp_path / "a.bam")
    return rna_alignments.read(path, sites, settings=SETTINGS | changed)


def test_alleles_are_counted_and_introns_are_not(tmp_path):
    rna = Rna()
    for _ in range(7):
        rna.read(100)
    for _ in range(3):
        rna.read(100, base="G", at=20)
    spliced = [(0, 20), (3, 1080), (0, 30)]  # 110 to 130, intron, 1210 to 1240: over both sites
    rna.read(110, base="G", at=10, cigar=spliced)
    rna.read(1190).read(1190, base="T", at=10)
    found = counted(rna, tmp_path).sites
    assert found["chrom"].astype(str).tolist() == ["chr20", "chr20", "chrX"]
    assert found["ref_count"].tolist() == [7, 1, 0] and found["alt_count"].tolist() == [4, 0, 0]
    assert found["other"].tolist() == [0, 1, 0] and found["total"].tolist() == [11, 1, 0]
    assert found["usable"].tolist() == [True, False, False]
    assert found["name"].tolist() == ["chr20:121", "chr20:1201", "chrX:41"]


def test_reads_that_do_not_count_are_left_out(tmp_path):
    rna = Rna().read(100)
    for flag in (0x100, 0x200, 0x400):
        rna.read(100, base="G", at=20, flag=flag)
    rna.read(100, base="G", at=20, mapq=3)
    # A pair that overlaps at the site is one molecule.
    rna.read(90, flag=0x63, mate=110).read(110, flag=0x93, mate=90)
    reading = counted(rna, tmp_path)
    assert reading.sites[["ref_count", "alt_count"]].to_numpy()[0].tolist() == [2, 0]
    assert reading.facts["n_reads_at_sites"] == 2 and reading.facts["ref_share"] == 1


def test_alternatives_of_one_position_are_rows_and_other_variants_are_counted(tmp_path):
    more = pd.DataFrame(
        {
            "chrom": "chr20",
            "start": [120, 120, 130],
            "ref": ["A", "A", "AT"],
            "alt": ["C", "G", "A"],
        }
    )
    rna = Rna().read(100).read(100, base="C", at=20).read(100, base="G", at=20)
    reading = counted(rna.read(100, base="G", at=20), tmp_path, pd.concat([more, SITES]))
    found = reading.sites[reading.sites["start"] == 120]
    assert found["alt"].tolist() == ["C", "G"] and found["alt_count"].tolist() == [1, 2]
    assert found["other"].tolist() == [2, 1] and len(reading.sites) == 4
    assert reading.facts["n_not_snp"] == 1


def test_contigs_that_are_not_human_are_listed_with_their_reads(tmp_path):
    rna = Rna()
    for contig, n in (("chr20", 90), ("chrM", 4), ("SeV_KOS", 5), ("chrEBV", 1)):
        for _ in range(n):
            rna.read(100, contig)
    rna.read(100, "SeV_KOS", flag=0x100).read(100, "SeV_KOS", flag=0x400, mapq=60)
    rna.read(100, "HLA-A*01:01")
    reading = counted(rna, tmp_path)
    extra = reading.extra.set_index("contig")
    assert extra["kind"].to_dict() == {
        "chrEBV": "epstein_barr", "ERCC-00002": "spike_in", "SeV_KOS": "added",
        "pCXLE-EBNA1": "added",
    }  # fmt: skip
    assert extra["reads"].to_dict() == {
        "chrEBV": 1, "ERCC-00002": 0, "SeV_KOS": 6, "pCXLE-EBNA1": 0
    }  # fmt: skip
    assert extra.loc["SeV_KOS", "unique_reads"] == 5
    assert extra.loc["SeV_KOS", "per_million"] == pytest.approx(6e6 / 102)
    assert reading.facts["mitochondrial_share"] == pytest.approx(4 / 102)


@pytest.mark.parametrize(
    "name",
    ["chr1", "1", "MT", "chrUn_GL000195v1", "GL000191.1", "hs37d5", "chr6_GL000250v2_alt", "NT_1",
     "chr1_KI270706v1_random", "KI270728.1", "HLA-DRB1*15:01", "NC_000001.11", "NC_012920.1",
     "CHR_HSCHR6_MHC_COX_CTG1", "chrUn_JTFH01001998v1_decoy", "chr13_KN538372v1_fix"],
)  # fmt: skip
def test_contigs_of_the_assembly_are_human(name):
    assert rna_alignments.kind_of_contig(name) == ""


def stranded(share):
    """Return RNA of two genes, pairs whose first read has the gene's strand in `share` of them."""
    rna = Rna()
    for number in range(300):
        sense = number < share * 300
        plus = number % 2 == 0
        start = (100 if plus else 5000) + number
        first_reverse = sense != plus
        for bit, reverse in ((0x40, first_reverse), (0x80, not first_reverse)):
            flag = 0x3 | bit | (0x10 if reverse else 0x20)
            rna.read(start, flag=flag, mate=start)
    return rna


GENES = pd.DataFrame(
    {
        "chrom": "chr20",
        "start": [0, 4900, 9000],
        "end": [900, 8000, 9900],
        "strand": ["+", "-", "-"],
    }
)


@pytest.mark.parametrize(
    ("share", "strand"),
    [(1.0, "forward"), (0.03, "reverse"), (0.5, "unstranded"), (0.7, "undecided")],
)
def test_strandedness_is_told_by_genes(share, strand, tmp_path):
    path = stranded(share).write(tmp_path / "a.bam")
    found = rna_alignments.strandedness(path, GENES, SETTINGS)
    assert found["strandedness"] == strand and found["n_strand_reads"] == 600
    assert found["strand_shares"]["forward"] == pytest.approx(share, abs=0.01)


def test_genes_on_both_strands_tell_nothing(tmp_path):
    both = pd.concat([GENES, GENES.assign(strand=GENES["strand"].map({"+": "-", "-": "+"}))])
    path = stranded(1.0).write(tmp_path / "a.bam")
    found = rna_alignments.strandedness(path, both, SETTINGS)
    assert found["strandedness"] == "undecided" and found["n_strand_reads"] == 0
    alone = rna_alignments.strandedness(path, GENES[:1], SETTINGS)
    assert alone["strandedness"] == "forward" and alone["n_strand_reads"] == 300


def test_bad_alignments_are_refused_in_words(tmp_path):
    old = Rna([("chr20", BUILDS["GRCh37"].lengths["chr20"])]).read(100)
    with pytest.raises(ReadingError, match="lengths of GRCh37; expected GRCh38.*format ase"):
        counted(old, tmp_path)
    with pytest.raises(ReadingError, match="aligned to a transcriptome"):
        counted(Rna([("ENST00000456328.2", 1657)]).read(100, "ENST00000456328.2"), tmp_path)
    with pytest.raises(ReadingError, match="none of 1 reads counts"):
        counted(Rna().read(100, mapq=0), tmp_path)
    with pytest.raises(ReadingError, match="none of 0 reads counts"):
        counted(Rna(), tmp_path)
    text = tmp_path / "a.bam"
    text.write_text("no BAM\n")
    with pytest.raises(ReadingError, match="cannot be read as BAM"):
        rna_alignments.read(str(text), SITES, settings=SETTINGS)
    with pytest.raises(ReadingError, match="cannot be read as BAM"):
        rna_alignments.strandedness(str(text), GENES, SETTINGS)
    with pytest.raises(ReadingError, match="no such file"):
        rna_alignments.read(str(tmp_path / "none.bam"), SITES, settings=SETTINGS)
