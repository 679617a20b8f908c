"""Reads of alleles, counted in alignments of which every read is known."""

import numpy as np
import pandas as pd
import pysam.samtools
import pytest
from linedrift import intervals, sequence
from linedrift.readers import candidates, pileup
from linedrift.readers.alignments import located
from linedrift.readers.files import ReadingError
from linedrift.readers.pileup import Alignment
from small_alignments import Library, random_bases, write_fasta

SETTINGS = {
    "min_base_quality": 20,
    "min_mapping_quality": 20,
    "max_depth": 8000,
    "candidate_reads": 2,
    "candidate_total": 3,
    "candidate_fraction": 0.01,
    "homozygous_fraction": 0.1,
}
LENGTH = 2000
# A homopolymer and a dinucleotide repeat, each between bases that are not part of it.
HOMOPOLYMER, DINUCLEOTIDE = 800, 1200
_random = random_bases(LENGTH)
GENOME = (
    _random[:HOMOPOLYMER]
    + "C" + "A" * 9 + "G"
    + _random[HOMOPOLYMER + 11 : DINUCLEOTIDE]
    + "G" + "CA" * 6 + "TT"
    + _random[DINUCLEOTIDE + 15 :]
)  # fmt: skip
NOTHING = pd.DataFrame({"chrom": [], "start": [], "ref": [], "alt": []}).astype({"start": int})


def other(base, step=1):
    return "ACGT"[("ACGT".index(base) + step) % 4]


def snv(position, step=1):
    return (position, GENOME[position], other(GENOME[position], step))


def regions(*intervals):
    return pd.DataFrame(intervals, columns=["chrom", "start", "end"])


@pytest.fixture
def fasta(tmp_path):
    return write_fasta(tmp_path / "genome.fa", {"chr1": GENOME})


@pytest.fixture
def count(tmp_path, fasta):
    def run(own, *others, asked=NOTHING, where=None, roles=(), **changed):
        roles = ["own", *(roles or ["baseline"] * len(others))]
        files = [
            Alignment(f"L-p{place}", library.write(tmp_path / f"{place}.bam"), role)
            for place, (library, role) in enumerate(zip([own, *others], roles, strict=True))
        ]
        where = regions(("chr1", 0, LENGTH)) if where is None else where
        return pileup.count(files, fasta, where, asked, SETTINGS | changed)

    return run


def row(result, variant, sample="L-p0"):
    """Return the counts of an allele in a sample; None where it is no candidate."""
    position, ref, alt = variant
    frame = result.counts
    found = frame[
        (frame["start"] == position) & (frame["ref"] == ref) & (frame["alt"] == alt)
        & (frame["sample"] == sample)
    ]  # fmt: skip
    assert len(found) <= 1
    return found.iloc[0] if len(found) else None


def reads_of(found):
    names = ["ref_forward", "ref_reverse", "alt_forward", "alt_reverse"]
    return [int(found[name]) for name in names]


def test_reads_of_a_snv_are_counted_by_strand(count):
    variant = snv(500)
    library = Library(GENOME)
    for shift in range(3):
        library.single(440 + shift, [variant])
        library.single(430 + shift, reverse=True)
    for shift in range(5):
        library.single(450 + shift, [variant], reverse=True)
        library.single(460 + 5 * shift)
    found = row(count(library), variant)
    assert reads_of(found) == [5, 3, 3, 5]
    assert found["other"] == 0
    text = GENOME[499:502]
    expected = text if text[1] in "CT" else text[::-1].translate(str.maketrans("ACGT", "TGCA"))
    assert found["context"] == expected


def test_overlapping_mates_count_once(count):
    variant = snv(500)
    library = Library(GENOME)
    for shift in range(6):
        library.pair(420 + 5 * shift, [variant], insert=140)
    assert sum(reads_of(row(count(library), variant))) == 6


def test_other_reads_of_a_pair_count_each(count):
    one, two = snv(500), snv(700)
    library = Library(GENOME)
    for shift in range(6):
        library.pair(420 + shift, [one, two], insert=340)
    result = count(library)
    assert reads_of(row(result, one)) == [0, 0, 6, 0]
    assert reads_of(row(result, two)) == [0, 0, 0, 6]


@pytest.mark.parametrize(
    "poor",
    [
        {"mapping_quality": 19},
        {"base_quality": 19},
        {"flag": 0x400},
        {"flag": 0x100},
        {"flag": 0x200},
    ],
    ids=["mapping quality", "base quality", "duplicate", "secondary", "failed"],
)
def test_reads_that_must_not_count_do_not(count, poor):
    variant = snv(500)
    library = Library(GENOME).cover(20)
    for shift in range(8):
        library.single(440 + shift, [variant], **poor)
    assert row(count(library), variant) is None


def test_an_insertion_is_counted(count):
    variant = (600, GENOME[600], GENOME[600] + other(GENOME[600]) + other(GENOME[601], 2) + "G")
    found = count(Library(GENOME).cover(40, [variant], 0.5)).counts
    assert found["alt"].str.len().tolist() == [4]
    assert 12 <= found[["alt_forward", "alt_reverse"]].to_numpy().sum() <= 22
    assert found["context"].tolist() == [""]


def test_a_deletion_in_a_repeat_is_left_aligned(count):
    # The reads have the last unit deleted, as an aligner may write it.
    written = (HOMOPOLYMER + 8, "AA", "A")
    result = count(Library(GENOME).cover(40, [written], 0.5))
    normal = row(result, (HOMOPOLYMER, "CA", "C"))
    assert normal is not None, result.counts
    assert normal["alt_forward"] + normal["alt_reverse"] >= 8
    assert normal["repeat"] == 9
    assert len(result.counts) == 1


def test_a_unit_of_a_tandem_repeat_is_one_allele(count):
    written = (DINUCLEOTIDE + 10, "ACA", "A")
    result = count(Library(GENOME).cover(40, [written], 0.5))
    normal = row(result, (DINUCLEOTIDE, "GCA", "G"))
    assert normal is not None, result.counts
    assert normal["repeat"] == 12


def test_adjacent_snvs_of_the_same_reads_are_one_allele(count):
    one, two = snv(500), snv(501)
    result = count(Library(GENOME).cover(40, [one, two], 0.4), Library(GENOME).cover(30))
    joined = (500, one[1] + two[1], one[2] + two[2])
    assert row(result, one) is None
    assert row(result, two) is None
    assert sum(reads_of(row(result, joined))[2:]) >= 10
    assert reads_of(row(result, joined, "L-p1"))[2:] == [0, 0]
    assert row(result, joined)["context"] == ""


def test_three_adjacent_snvs_are_one_allele(count):
    three = [snv(500), snv(501), snv(502)]
    result = count(Library(GENOME).cover(40, three, 0.4))
    assert result.counts["ref"].tolist() == [GENOME[500:503]]


def test_adjacent_snvs_of_different_reads_stay_two(count):
    one, two = snv(500), snv(501)
    library = Library(GENOME).cover(40)
    for shift in range(10):
        library.single(430 + shift, [one], reverse=shift % 2 == 0)
        library.single(430 + shift, [two], reverse=shift % 2 == 0)
    result = count(library)
    assert sum(reads_of(row(result, one))[2:]) == 10
    assert sum(reads_of(row(result, two))[2:]) == 10


def test_every_sample_has_a_row_at_every_candidate(count):
    variant = snv(500)
    result = count(Library(GENOME).cover(30, [variant], 0.3), Library(GENOME).cover(30))
    assert result.counts["sample"].tolist() == ["L-p0", "L-p1"]
    assert reads_of(row(result, variant, "L-p1"))[2:] == [0, 0]
    assert sum(reads_of(row(result, variant, "L-p1"))) >= 25


def test_strangers_make_no_candidate(count):
    variant = snv(500)
    own, stranger = Library(GENOME).cover(30), Library(GENOME).cover(30, [variant], 0.5)
    assert count(own, stranger, roles=["panel"]).counts.empty
    assert len(count(own, stranger, roles=["baseline"]).counts) == 2


@pytest.mark.parametrize(("reads", "found"), [(1, False), (2, False), (3, True)])
def test_too_few_reads_are_no_candidate(count, reads, found):
    variant = snv(500)
    library = Library(GENOME).cover(30)
    for shift in range(reads):
        library.single(440 + shift, [variant], reverse=shift % 2 == 0)
    assert (row(count(library), variant) is not None) is found


def test_a_small_share_of_deep_reads_is_no_candidate(count):
    variant = snv(500)
    library = Library(GENOME).cover(500, first=420, last=700)
    for shift in range(3):
        library.single(440 + shift, [variant])
    assert row(count(library), variant) is None


def test_what_is_asked_is_counted_without_reads_of_it(count):
    asked = pd.DataFrame(
        [("chr1", *snv(500)), ("chr1", *snv(1800)), ("chr1", 700, GENOME[700:702], GENOME[700])],
        columns=["chrom", "start", "ref", "alt"],
    )
    library = Library(GENOME).cover(30, last=1500)
    result = count(library, asked=asked)
    assert sum(reads_of(row(result, snv(500)))[:2]) >= 25
    assert reads_of(row(result, snv(1800))) == [0, 0, 0, 0]
    assert sum(reads_of(row(result, (700, GENOME[700:702], GENOME[700])))[:2]) >= 25
    assert len(result.counts) == 3
    elsewhere = count(library, asked=asked, where=regions(("chr1", 600, 900)))
    assert elsewhere.counts["start"].tolist() == [700], "the others belong to other parts"


def test_what_is_asked_has_the_reads_that_show_it(count):
    deletion, pair = (700, GENOME[700:702], GENOME[700]), [snv(500), snv(501)]
    block = (500, GENOME[500:502], pair[0][2] + pair[1][2])
    asked = pd.DataFrame([("chr1", *deletion), ("chr1", *block)])
    asked.columns = ["chrom", "start", "ref", "alt"]
    result = count(Library(GENOME).cover(40, [*pair, deletion], 0.5), asked=asked)
    assert sum(reads_of(row(result, deletion))[2:]) >= 10
    assert sum(reads_of(row(result, block))[2:]) >= 10


def test_a_base_that_is_asked_for_is_not_made_part_of_a_longer_allele(count):
    pair = [snv(500), snv(501)]
    asked = pd.DataFrame([("chr1", *pair[0])], columns=["chrom", "start", "ref", "alt"])
    result = count(Library(GENOME).cover(40, pair, 0.5), asked=asked)
    assert sum(reads_of(row(result, pair[0]))[2:]) >= 10


def test_blocks_of_any_size_give_the_same(count, monkeypatch):
    variants = [snv(300), snv(900), (1500, GENOME[1500:1503], GENOME[1500])]
    library = Library(GENOME).cover(30, variants, 0.4)
    where = regions(*(("chr1", start, start + 100) for start in range(0, LENGTH, 100)))
    whole = count(library, where=where)
    monkeypatch.setattr(pileup, "_BLOCK_BP", 150)
    blocks = count(library, where=where)
    pd.testing.assert_frame_equal(blocks.counts, whole.counts)
    pd.testing.assert_frame_equal(blocks.errors, whole.errors)


def test_only_regions_are_counted_and_together_they_are_the_whole(count):
    variants = [snv(position) for position in (300, 900, 1500)]
    library = Library(GENOME).cover(30, variants, 0.4)
    whole = count(library)
    halves = [count(library, where=regions(("chr1", start, start + 1000))) for start in (0, 1000)]
    together = pd.concat([half.counts for half in halves], ignore_index=True)
    pd.testing.assert_frame_equal(together, whole.counts)
    assert sum(half.positions for half in halves) == whole.positions


def test_no_region_is_an_empty_part(count):
    asked = pd.DataFrame([("chr1", *snv(500))], columns=["chrom", "start", "ref", "alt"])
    result = count(Library(GENOME).cover(10), where=regions(), asked=asked)
    assert result.counts.empty
    assert result.errors.empty
    assert result.positions == 0


def test_a_region_without_reads_is_an_empty_part(count):
    result = count(Library(GENOME).cover(10, last=900), where=regions(("chr1", 1500, 1900)))
    assert result.counts.empty
    assert result.positions == 0


def test_errors_hold_every_homozygous_position(count):
    own, baseline = Library(GENOME).cover(30, [snv(500)], 0.5), Library(GENOME).cover(30)
    own.single(960, [snv(1000)])
    result = count(own, baseline)
    errors = result.errors
    known = len(GENOME) - 2  # the first and the last base have no context
    of_reads = errors[errors["alt_reads"] == 0].groupby("sample")["sites"].sum()
    assert of_reads["L-p1"] <= 6 * known, "three alternatives, two strands"
    one = errors[errors["alt_reads"] > 0]
    assert one["sites"].tolist() == [1], "half of the reads are no error"
    assert one["sample"].tolist() == ["L-p0"]
    base = GENOME[1000]
    expected = other(base) if base in "CT" else other(base).translate(str.maketrans("ACGT", "TGCA"))
    assert one["alt"].tolist() == [expected]
    assert one["strand"].tolist() == ["pyrimidine" if base in "CT" else "purine"]


def test_errors_add_up_over_parts(count):
    library = Library(GENOME).cover(30, [snv(300)], 0.04)
    whole = count(library).errors
    parts = [
        count(library, where=regions(("chr1", start, start + 500))).errors
        for start in range(0, LENGTH, 500)
    ]
    pd.testing.assert_frame_equal(candidates.summed_errors(parts), whole)


def test_rounded_depths_are_near():
    assert candidates.DEPTHS[:41].tolist() == list(range(41))
    depth = np.arange(41, 5000)
    nearest = np.abs(depth[:, None] - candidates.DEPTHS).min(axis=1)
    assert (nearest / depth).max() < 0.029


def test_the_same_sample_name_in_two_files_keeps_them_apart(count):
    variant = snv(500)
    result = count(Library(GENOME).cover(30, [variant], 0.5), Library(GENOME).cover(30))
    assert sum(reads_of(row(result, variant, "L-p1"))[2:]) == 0


def test_a_cram_with_its_index_elsewhere_is_counted(tmp_path, fasta):
    pair = [snv(500), snv(501)]
    path = Library(GENOME).cover(30, pair, 0.5).write(tmp_path / "whole.bam")
    cram, index = tmp_path / "whole.cram", tmp_path / "index" / "elsewhere.crai"
    index.parent.mkdir()
    pysam.samtools.view("-C", "-T", str(fasta), "-o", str(cram), path, catch_stdout=False)
    pysam.samtools.index("-o", str(index), str(cram))
    one = [Alignment("L-p0", located(str(cram), str(index)), "own")]
    found = pileup.count(one, fasta, regions(("chr1", 400, 600)), NOTHING, SETTINGS)
    assert found.counts["ref"].tolist() == [GENOME[500:502]]


@pytest.mark.parametrize(("near", "found"), [(0, 3), (99, 3), (100, 2), (1 << 30, 2)])
def test_targets_that_are_near_are_read_in_one_go(near, found):
    targets = regions(("chr1", 100, 200), ("chr1", 300, 400), ("chr2", 0, 50))
    one_go = pileup.stretches(targets, near)
    assert len(one_go) == found
    assert one_go["end"].max() == 400
    assert not intervals.merge(pd.concat([one_go, targets])).compare(one_go).size


def test_a_cram_among_bams_is_read_through(tmp_path, fasta):
    """Counts do not depend on how the reads are fetched."""
    pairs = [("chr1", 400, 450), ("chr1", 500, 501), ("chr1", 900, 1000)]
    library = Library(GENOME).cover(30, [snv(500)], 0.5)
    bam, other = (library.write(tmp_path / f"{name}.bam") for name in ("one", "other"))
    cram = tmp_path / "one.cram"
    pysam.samtools.view("-C", "-T", str(fasta), "-o", str(cram), bam, catch_stdout=False)
    pysam.samtools.index(str(cram))
    found = {}
    for name, paths in {"bam": [bam, other], "mixed": [bam, str(cram)]}.items():
        files = [Alignment(f"L-p{n}", str(path), "own") for n, path in enumerate(paths)]
        assert pileup._near(files, fasta) == pileup._NEAR_BP[name.replace("mixed", "cram")]
        found[name] = pileup.count(files, fasta, regions(*pairs), NOTHING, SETTINGS)
    pd.testing.assert_frame_equal(found["bam"].counts, found["mixed"].counts)
    pd.testing.assert_frame_equal(found["bam"].errors, found["mixed"].errors)
    assert set(found["bam"].counts["start"]) == {500}


def test_contigs_without_chr_are_the_same_chromosomes(tmp_path):
    fasta = write_fasta(tmp_path / "plain.fa", {"1": GENOME})
    variant = snv(500)
    path = Library(GENOME, "1").cover(30, [variant], 0.5).write(tmp_path / "plain.bam")
    one = [Alignment("L-p0", path, "own")]
    found = pileup.count(one, fasta, regions(("chr1", 400, 600)), NOTHING, SETTINGS)
    assert found.counts["chrom"].tolist() == ["chr1"]


def test_a_chromosome_that_the_reference_lacks_is_named(count):
    with pytest.raises(ReadingError, match=r"genome\.fa: has no chromosome 'chr2'.*found 'chr1'"):
        count(Library(GENOME).cover(10), where=regions(("chr2", 0, 100)))


def test_a_contig_that_an_alignment_lacks_is_named(tmp_path, fasta):
    path = Library(GENOME, "20").cover(10).write(tmp_path / "other.bam")
    one = [Alignment("L-p0", path, "own")]
    with pytest.raises(ReadingError, match=r"other\.bam: has no contig 'chr1'; found '20'"):
        pileup.count(one, fasta, regions(("chr1", 0, 100)), NOTHING, SETTINGS)


def test_a_hotspot_with_another_base_tells_of_another_build(count):
    asked = pd.DataFrame({"chrom": ["chr1"], "start": [500], "ref": [other(GENOME[500])]})
    asked["alt"] = GENOME[500]
    with pytest.raises(ReadingError, match=r"found \w at chr1:501, expected \w of a hotspot"):
        count(Library(GENOME).cover(10), asked=asked)


def test_a_reference_without_index_says_how_to_make_it(tmp_path):
    bare = tmp_path / "missing.fa"
    with pytest.raises(ReadingError, match="samtools faidx"):
        pileup.count([], bare, regions(("chr1", 0, 100)), NOTHING, SETTINGS)


def test_a_truncated_alignment_is_an_error(tmp_path, fasta):
    rng = np.random.default_rng(3)
    library = Library(GENOME)
    for start in rng.integers(0, 1800, 6000):
        library.single(int(start), base_quality=int(rng.integers(20, 40)))
    path = library.write(tmp_path / "cut.bam")
    data = (tmp_path / "cut.bam").read_bytes()
    (tmp_path / "cut.bam").write_bytes(data[: len(data) // 2])
    with pytest.raises(ReadingError, match="mpileup|cut.bam"):
        pileup.count(
            [Alignment("L-p0", path, "own")],
            fasta,
            regions(("chr1", 0, LENGTH)),
            NOTHING,
            SETTINGS,
        )


def test_contexts_are_read_on_the_strand_of_the_pyrimidine():
    codes = sequence.encoded("ACGTN")
    found = [sequence.CONTEXTS[at] for at in sequence.contexts(codes, np.arange(5))]
    assert found == ["", "ACG", "ACG", "", ""]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GAAAAC", [1, 4, 4, 4, 4, 1]),
        ("GACACAT", [1, 1, 1, 1, 1, 1, 1]),
        ("TGACACACT", [1, 1, 6, 6, 6, 6, 6, 6, 1]),
        ("CAGCAGCAGT", [9] * 9 + [1]),
        ("NNNN", [1, 1, 1, 1]),
        ("A", [1]),
        ("", []),
    ],
)
def test_repeats_have_whole_units(text, expected):
    assert sequence.repeat_lengths(sequence.encoded(text)).tolist() == expected
