"""Alignments of bisulfite-converted reads: depth, and alleles on the strand that tells them."""

import numpy as np
import pandas as pd
import pysam
import pytest
from linedrift import genome
from linedrift.readers import bisulfite
from linedrift.readers.bisulfite import BOTTOM, TOP
from linedrift.readers.files import ReadingError
from small_alignments import READ, Library, random_bases
from truth import CONFIG

SETTINGS = CONFIG["methylation"]["sequencing"]
LENGTH = 3000
PAIRS = [a + b for a in "ACGT" for b in "ACGT" if a != b]
# A SNP of each pair of alleles, 200 bp apart.
PLACES = {pair: 200 + 200 * i for i, pair in enumerate(PAIRS)}


@pytest.fixture(scope="module")
def sequence():
    bases = list(random_bases(LENGTH, seed=5))
    for pair, at in PLACES.items():
        bases[at] = pair[0]
    return "".join(bases)


BINS = pd.DataFrame({"chrom": "chr1", "start": [0, 500, 1500], "end": [500, 1500, 2500]})


def snps():
    return pd.DataFrame(
        {
            "chrom": "chr1",
            "start": list(PLACES.values()),
            "ref": [pair[0] for pair in PLACES],
            "alt": [pair[1] for pair in PLACES],
            "name": list(PLACES),
        }
    )


def converted(read, strand):
    """Turn each C of the original strand of a read into T."""
    old, new = ("C", "T") if strand == TOP else ("G", "A")
    qualities = read.query_qualities
    read.query_sequence = read.query_sequence.replace(old, new)
    read.query_qualities = qualities


def library(sequence, *, tag="", share=0.5, depth=40, convert=True, seed=0, flip=False):
    """Return a library that has all SNPs in `share` of its pairs, half of them of each strand.

    `flip` aligns each pair the other way round, as in a library that is not directional.
    """
    variants = [(at, pair[0], pair[1]) for pair, at in PLACES.items()]
    rng = np.random.default_rng(seed)
    made = Library(sequence)
    for i, start in enumerate(np.linspace(0, LENGTH - 220, depth * LENGTH // 200).astype(int)):
        strand, alt = i % 2, rng.random() < share
        made.pair(int(start), variants if alt else ())
        for read in made.reads[-2:]:
            if (strand == BOTTOM) != flip:
                # First mates of the bottom strand align in reverse.
                read.flag ^= 0x80 | 0x40
            if convert:
                converted(read, strand)
            if tag == "XG":
                read.set_tag("NM", 3)
                read.set_tag("XM", "." * READ)
                read.set_tag("XG", "GA" if strand else "CT")
            elif tag == "YD":
                read.set_tag("MD", "100")
                read.set_tag("YD", "r" if strand else "f")
    return made


def counted(tmp_path, sequence, **given):
    path = library(sequence, **given).write(tmp_path / "reads.bam")
    return alleles(path)


def count(path, asked=None, bins=BINS):
    return bisulfite.count(path, bins, snps() if asked is None else asked, settings=SETTINGS)


def alleles(path):
    _, found, facts = count(path)
    return found.set_index("name"), facts


@pytest.mark.parametrize(
    ("ref", "alt", "expected"),
    [
        ("C", "T", (BOTTOM,)),
        ("T", "C", (BOTTOM,)),
        ("A", "G", (TOP,)),
        ("G", "A", (TOP,)),
        ("A", "C", (TOP, BOTTOM)),
        ("G", "T", (TOP, BOTTOM)),
        ("A", "T", (TOP, BOTTOM)),
        ("C", "G", (TOP, BOTTOM)),
    ],
)
def test_the_strand_that_tells_two_alleles(ref, alt, expected):
    assert bisulfite.strands(ref, alt) == expected


@pytest.mark.parametrize(("tag", "flip"), [("XG", False), ("XG", True), ("YD", True), ("", False)])
def test_alleles_of_a_homozygous_person_are_never_those_of_conversion(
    tmp_path, sequence, tag, flip
):
    found, facts = counted(tmp_path, sequence, tag=tag, flip=flip, share=0.0)
    assert (found["alt_count"] == 0).all()
    assert (found["other"] == 0).all()
    assert found["usable"].all()
    assert facts["converted"]
    assert facts["tagged_share"] == (tag != "")


@pytest.mark.parametrize("tag", ["XG", "YD", ""])
def test_an_alternative_that_all_reads_have_is_all_that_is_counted(tmp_path, sequence, tag):
    found, _ = counted(tmp_path, sequence, tag=tag, share=1.0)
    assert (found["ref_count"] == 0).all()
    assert (found["alt_count"] > 0).all()


def test_heterozygous_snps_are_balanced_and_half_of_the_reads_serve_where_one_strand_tells(
    tmp_path, sequence
):
    found, facts = counted(tmp_path, sequence, tag="XG", depth=200)
    assert (found["alt_count"] / found["total"]).between(0.3, 0.7).all()
    one = [len(bisulfite.strands(*pair)) == 1 for pair in found.index]
    both = found["total"][~np.array(one)].median()
    assert found["total"][one].median() == pytest.approx(both / 2, rel=0.15)
    assert facts["ref_share"] == pytest.approx(0.5, abs=0.1)


def test_a_wrong_strand_would_be_seen(tmp_path, sequence):
    """Tags of the wrong strand make conversion look like alleles: the test above can fail."""
    made = library(sequence, tag="XG", share=0.0)
    for read in made.reads:
        read.set_tag("XG", "CT" if read.get_tag("XG") == "GA" else "GA")
    found, _ = alleles(made.write(tmp_path / "x.bam"))
    assert found.loc["CT", "alt_count"] > 0


def test_reads_that_were_not_converted_count_on_both_strands(tmp_path, sequence):
    found, facts = counted(tmp_path, sequence, convert=False, depth=100)
    assert not facts["converted"]
    assert facts["c_share"] > 0.15
    assert found["total"].min() > 0.7 * found["total"].max()


def test_what_is_not_asked_and_what_has_no_read(tmp_path, sequence):
    asked = snps().iloc[:2].copy()
    asked.loc[len(asked)] = ["chr2", 500, "A", "G", "elsewhere"]
    asked.loc[len(asked)] = ["chr1", 300, "AT", "A", "indel"]
    path = library(sequence, tag="XG").write(tmp_path / "reads.bam")
    _, found, facts = count(path, asked)
    assert list(found["name"]) == [*asked["name"][:2], "elsewhere"]
    assert not found["usable"].iloc[2]
    assert (facts["n_not_snp"], facts["n_without_read"]) == (1, 1)


def test_depth_is_that_of_the_reads(tmp_path, sequence):
    path = library(sequence, depth=40).write(tmp_path / "reads.bam")
    found, _, facts = count(path)
    assert found["depth"].iloc[1:].to_numpy() == pytest.approx(40, rel=0.1)
    assert facts["n_counted"] == facts["n_records"]


def test_bins_cover_the_genome_once():
    bins = bisulfite.grid(SETTINGS["bin_bp"])
    ends = bins.groupby("chrom", observed=True)["end"].max()
    assert ends.to_dict() == dict(genome.GRCH38.lengths)
    assert (bins["end"] - bins["start"]).sum() == sum(genome.GRCH38.lengths.values())


def test_another_build_and_no_alignment_are_refused(tmp_path, sequence):
    text = tmp_path / "reads.bam"
    text.write_text("chr1\t100\t100\t50\t1\t1\n")
    with pytest.raises(ReadingError, match=r"reads\.bam: cannot be read as BAM"):
        count(str(text))
    other = Library(sequence, others=(("chr2", genome.BUILDS["GRCh37"].lengths["chr2"]),))
    path = other.cover(5).write(tmp_path / "old.bam")
    with pytest.raises(ReadingError, match="lengths of GRCh37; expected GRCh38"):
        count(path)


def test_a_file_without_reads_that_count_is_refused(tmp_path, sequence):
    made = Library(sequence).single(10, mapping_quality=3)
    path = made.write(tmp_path / "poor.bam")
    with pytest.raises(ReadingError, match="none of 1 reads counts"):
        count(path)


def test_reading_leaves_the_file_as_it_is(tmp_path, sequence):
    path = library(sequence, tag="XG").write(tmp_path / "reads.bam")
    with pysam.AlignmentFile(path) as file:
        before = [(read.flag, read.query_sequence) for read in file]
    count(path)
    with pysam.AlignmentFile(path) as file:
        assert [(read.flag, read.query_sequence) for read in file] == before
