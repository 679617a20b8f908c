"""Depth and alleles in one pass: held to a slow count of the same reads, one by one."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pysam
import pytest
import read_wes
from linedrift import sequencing_tables, tables
from linedrift.readers import bam_records, reads
from linedrift.readers.files import ReadingError

LENGTHS = {"chr1": 3000, "chr2": 2000, "KI270": 1000}
FLAGS = (0, 16, 4, 256, 512, 1024, 2048)
SETTINGS = {"reference": "", "min_mapping_quality": 20, "min_base_quality": 20}


def header(order="coordinate"):
    contigs = [{"SN": name, "LN": length} for name, length in LENGTHS.items()]
    return pysam.AlignmentHeader.from_dict({"HD": {"VN": "1.6", "SO": order}, "SQ": contigs})


def random_cigar(rng):
    """Return blocks of a read: clips, matches, an insertion, deletion or intron."""
    middle = [[(0, 60)], [(0, 20), (1, 3), (0, 37)], [(0, 25), (2, 4), (0, 35)]]
    middle += [[(7, 20), (8, 1), (7, 39)], [(0, 30), (3, 40), (0, 30)]]
    blocks = middle[rng.integers(len(middle))]
    return [
        *([(4, 5)] if rng.random() < 0.3 else []),
        *blocks,
        *([(5, 2)] if rng.random() < 0.2 else []),
    ]


def random_reads(rng, n, tags=True):
    """Return reads and pairs in genome order, as users' files have them."""
    found = []
    for number in range(n):
        contig = int(rng.integers(len(LENGTHS)))
        start = int(rng.integers(0, list(LENGTHS.values())[contig] - 400))
        flags = [int(rng.choice(FLAGS, p=[0.5, 0.2, 0.02, 0.05, 0.05, 0.13, 0.05]))]
        starts, cigars = [start], [random_cigar(rng)]
        if rng.random() < 0.7:
            starts.append(start + int(rng.integers(0, 120)))
            cigars.append(random_cigar(rng))
            same = flags[0] & 1024
            flags = [same | 1 | 2 | 32 | 64, same | 1 | 2 | 16 | 128]
        pair = []
        for flag, at, cigar in zip(flags, starts, cigars, strict=True):
            read = pysam.AlignedSegment(header())
            read.query_name, read.flag, read.reference_id = f"r{number}", flag, contig
            read.reference_start, read.cigartuples = at, cigar
            read.mapping_quality = int(rng.choice([0, 19, 20, 60]))
            length = sum(size for kind, size in cigar if kind in (0, 1, 4, 7, 8))
            read.query_sequence = "".join(rng.choice(list("ACGTN"), length))
            read.query_qualities = pysam.qualitystring_to_array(
                "".join(chr(33 + q) for q in rng.integers(10, 40, length))
            )
            read.set_tag("XA", "text"), read.set_tag("XB", np.array([1, 2, 3], "int16").tolist())
            read.set_tag("NM", 3)
            pair.append(read)
        if len(pair) == 2:
            for read, mate in (pair, pair[::-1]):
                read.next_reference_id, read.next_reference_start = contig, mate.reference_start
                if tags:
                    read.set_tag("MC", mate.cigarstring)
            pair[0].template_length = 180
        found += pair
    found.sort(key=lambda read: (read.reference_id, read.reference_start))
    return found


def write(path, found, mode="wb", order="coordinate", **more):
    with pysam.AlignmentFile(str(path), mode, header=header(order), **more) as file:
        for read in found:
            file.write(read)
    return str(path)


def intervals(*rows):
    return pd.DataFrame(rows, columns=["chrom", "start", "end"])


BINS = intervals(*(("chr1", at, at + 100) for at in range(0, 3000, 100)), ("chr2", 0, 2000))
TARGETS = intervals(("chr1", 100, 250), ("chr1", 250, 900), ("chr2", 300, 301))
POSITIONS = intervals(("chr1", 50, 800), ("chr1", 801, 802), ("chr2", 10, 1500))


def slow(found, min_mapping, min_base):  # noqa: C901
    """Return depth, alleles, indels by (chrom, position), one read after the other."""
    depth, alleles, indels = {}, {}, {}
    for read in found:
        if read.flag & (4 | 256 | 512 | 1024) or read.mapping_quality < min_mapping:
            continue
        skip = -1
        if read.flag & 1 and not read.flag & (8 | 2048):
            mate = read.next_reference_start
            if mate < read.reference_start or (mate == read.reference_start and read.flag & 128):
                spans = read.get_tag("MC") if read.has_tag("MC") else f"{read.query_length}M"
                one = pysam.AlignedSegment()
                one.cigarstring = spans
                skip = mate + one.reference_length if one.reference_length else mate
        chrom = list(LENGTHS)[read.reference_id]
        at, query = read.reference_start, 0
        for kind, size in read.cigartuples:
            if kind in (0, 7, 8):
                for step in range(size):
                    if at + step < skip:
                        continue
                    key = (chrom, at + step)
                    depth[key] = depth.get(key, 0) + 1
                    base = read.query_sequence[query + step]
                    if read.query_qualities[query + step] >= min_base and base in "ACGT":
                        counts = alleles.setdefault(key, np.zeros((4, 2), int))
                        counts["ACGT".index(base), int(read.is_reverse)] += 1
                at, query = at + size, query + size
            elif kind in (1, 2):
                if at > skip:
                    indels[chrom, at - 1] = indels.get((chrom, at - 1), 0) + 1
                at, query = (at, query + size) if kind == 1 else (at + size, query)
            elif kind == 3:
                at += size
            elif kind == 4:
                query += size
    return depth, alleles, indels


@pytest.mark.parametrize("tags", [True, False])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_base_is_counted_once_where_it_should_be(tmp_path, seed, tags):
    found = random_reads(np.random.default_rng(seed), 400, tags)
    path = write(tmp_path / "a.bam", found)
    asked = reads.asked(BINS, TARGETS, POSITIONS)
    tallies = reads.whole(path, asked, **SETTINGS)
    depth, alleles, indels = slow(found, 20, 20)
    assert sum(depth.values()) == reads.totals(tallies)["n_bases"]
    expected = [
        sum(depth.get((row.chrom, at), 0) for at in range(row.start, row.end))
        for row in BINS.itertuples()
    ]
    assert reads.in_order(tallies, BINS, "bins").tolist() == expected
    on_target = [
        depth.get((row.chrom, at), 0)
        for row in TARGETS.itertuples()
        for at in range(row.start, row.end)
    ]
    found_depth = [bam_records.depth_of(tallies[chrom], asked[chrom]) for chrom in ("chr1", "chr2")]
    assert np.concatenate(found_depth).tolist() == on_target
    assert reads.totals(tallies)["n_bases_on_target"] == sum(on_target)
    for chrom in ("chr1", "chr2"):
        position = bam_records.positions_of(asked[chrom])
        own = POSITIONS[POSITIONS["chrom"] == chrom]
        assert position.tolist() == [
            at for row in own.itertuples() for at in range(row.start, row.end)
        ]
        for row, at in enumerate(position):
            want = alleles.get((chrom, at), np.zeros((4, 2), int))
            assert tallies[chrom].alleles[row].tolist() == want.tolist()
            assert tallies[chrom].indels[row] == indels.get((chrom, at), 0)
    assert sum(len(one.bins) for one in tallies.values()) == len(BINS)


def test_depth_is_that_of_samtools_where_mates_do_not_overlap(tmp_path):
    found = [read for read in random_reads(np.random.default_rng(3), 500) if not read.is_paired]
    path = write(tmp_path / "a.bam", found)
    pysam.index(path)
    tallies = reads.whole(path, reads.asked(BINS), **SETTINGS)
    BINS.to_csv(tmp_path / "b.bed", sep="\t", header=False, index=False)
    text = pysam.samtools.bedcov("-j", "-Q", "20", str(tmp_path / "b.bed"), path)
    theirs = [int(line.split("\t")[3]) for line in text.splitlines()]
    assert reads.in_order(tallies, BINS, "bins").tolist() == theirs


def test_small_chunks_change_nothing(tmp_path, monkeypatch):
    path = write(tmp_path / "a.bam", random_reads(np.random.default_rng(4), 200))
    asked = reads.asked(BINS, TARGETS, POSITIONS)
    whole = reads.whole(path, asked, **SETTINGS)
    monkeypatch.setattr(reads, "CHUNK", 97)
    parts = reads.whole(path, asked, **SETTINGS)
    assert list(whole) == list(parts)
    for chrom, one in whole.items():
        for name in one._fields:
            assert np.array_equal(getattr(one, name), getattr(parts[chrom], name))


def test_what_a_file_holds_is_counted(tmp_path):
    found = random_reads(np.random.default_rng(5), 300)
    stray = pysam.AlignedSegment(header())
    stray.query_name, stray.flag, stray.query_sequence = "u", 4, "ACGT"
    path = write(tmp_path / "a.bam", [*found, stray])
    tallies = dict(reads.tally(path, {}, **SETTINGS))
    assert list(tallies) == ["chr1", "chr2", "KI270", "*"]
    totals = reads.totals(tallies)
    primary = [read for read in [*found, stray] if not read.flag & (256 | 2048)]
    assert totals["n_records"] == len(found) + 1
    assert totals["n_reads"] == len(primary)
    assert totals["n_mapped"] == sum(not read.is_unmapped for read in primary)
    assert totals["n_duplicates"] == sum(read.is_duplicate for read in primary)
    assert np.sum([one.inserts[180] for one in tallies.values()]) > 50


def test_a_file_without_reads_and_chromosomes_without_reads_are_zeros(tmp_path):
    tallies = reads.whole(write(tmp_path / "a.bam", []), reads.asked(BINS, TARGETS), **SETTINGS)
    assert set(tallies) == {"chr1", "chr2"}
    assert reads.totals(tallies)["n_records"] == 0
    assert not reads.in_order(tallies, BINS, "bins").any()


@pytest.mark.parametrize("swap", [(0, 40), (10, -1)])
def test_a_file_that_is_not_sorted_is_refused(tmp_path, swap):
    found = random_reads(np.random.default_rng(6), 50)
    first, second = swap
    found[first], found[second] = found[second], found[first]
    with pytest.raises(ReadingError, match=r"not sorted by position.*samtools sort"):
        reads.whole(write(tmp_path / "a.bam", found), {}, **SETTINGS)


def test_chromosomes_in_two_parts_are_refused(tmp_path):
    found = random_reads(np.random.default_rng(7), 60)
    again = [read for read in found if read.reference_id == 0]
    with pytest.raises(ReadingError, match="not sorted"):
        reads.whole(write(tmp_path / "a.bam", [*found, *again]), {}, **SETTINGS)


@pytest.mark.parametrize("left", [0.3, 0.6, 0.95])
def test_a_cut_file_is_told_and_never_taken_for_whole(tmp_path, left):
    path = write(tmp_path / "a.bam", random_reads(np.random.default_rng(8), 3000))
    raw = (tmp_path / "a.bam").read_bytes()
    (tmp_path / "a.bam").write_bytes(raw[: int(left * len(raw))])
    with pytest.raises(ReadingError, match="truncated"):
        reads.whole(path, {}, **SETTINGS)


def fasta(path, rng, name="r.fa"):
    file = path / name
    lines = [
        f">{one}\n{''.join(rng.choice(list('ACGT'), size))}\n" for one, size in LENGTHS.items()
    ]
    file.write_text("".join(lines))
    pysam.faidx(str(file))
    return str(file)


def test_a_cram_gives_the_same_as_its_bam(tmp_path):
    rng = np.random.default_rng(9)
    found = random_reads(rng, 300)
    reference = fasta(tmp_path, rng)
    asked = reads.asked(BINS, TARGETS, POSITIONS)
    bam = reads.whole(write(tmp_path / "a.bam", found), asked, **SETTINGS)
    path = write(tmp_path / "a.cram", found, "wc", reference_filename=reference)
    cram = reads.whole(path, asked, **SETTINGS | {"reference": reference})
    for chrom, one in bam.items():
        assert np.array_equal(one.alleles, cram[chrom].alleles)
        assert np.array_equal(one.bins, cram[chrom].bins)


def test_a_cram_with_another_reference_is_told(tmp_path, monkeypatch):
    rng = np.random.default_rng(10)
    found = random_reads(rng, 300)
    path = write(tmp_path / "a.cram", found, "wc", reference_filename=fasta(tmp_path, rng))
    other = fasta(tmp_path, rng, "other.fa")
    monkeypatch.setenv("REF_PATH", "none")
    with pytest.raises(ReadingError, match=r"a\.cram: cannot be unpacked with .*other\.fa"):
        reads.whole(path, {}, **SETTINGS | {"reference": other})


def test_reads_without_qualities_give_depth_but_no_base(tmp_path):
    found = random_reads(np.random.default_rng(3), 300)
    whole = reads.whole(write(tmp_path / "a.bam", found), reads.asked(BINS, TARGETS), **SETTINGS)
    without = [number % 3 == 0 for number in range(len(found))]
    for read, none in zip(found, without, strict=True):
        if none:
            read.query_qualities = None
    path = write(tmp_path / "b.bam", found)
    asked = reads.asked(BINS, TARGETS, POSITIONS)
    tallies = reads.whole(path, asked, **SETTINGS)
    kept = [read for read, none in zip(found, without, strict=True) if not none]
    _, alleles, _ = slow(kept, 20, 20)
    # Of two mates that overlap the second does not count there, whether the first has qualities
    # or not: so what is counted is at most what the others have.
    for chrom, at in asked.items():
        positions = bam_records.positions_of(at)
        counted = tallies[chrom].alleles.astype(int)
        most = [alleles.get((chrom, position), np.zeros((4, 2))) for position in positions]
        assert (counted <= np.reshape(most, counted.shape)).all()
        assert counted.sum() or chrom == "KI270"
        assert (tallies[chrom].bins == whole[chrom].bins).all()
    totals = reads.totals(tallies)
    usable = [not read.flag & 0x704 and read.mapping_quality >= 20 for read in found]
    assert totals["n_without_qualities"] == sum(np.logical_and(usable, without))
    assert reads.totals(whole)["n_without_qualities"] == 0


def test_a_read_without_sequence_gives_no_base(tmp_path):
    read = pysam.AlignedSegment(header())
    read.query_name, read.flag, read.reference_id, read.reference_start = "r", 0, 0, 100
    read.mapping_quality, read.cigartuples = 60, [(0, 50)]
    read.set_tag("XX", "?" * 200)
    path = write(tmp_path / "a.bam", [read])
    tally = reads.whole(path, reads.asked(BINS, TARGETS, POSITIONS), **SETTINGS)["chr1"]
    assert tally.alleles.sum() == 0
    assert tally.bins.sum() == 50


def test_the_job_refuses_a_file_with_many_reads_without_qualities(tmp_path):
    """The check sees the first reads; the job sees all of them."""
    found = random_reads(np.random.default_rng(4), 300)
    for read in found[-40:]:
        read.query_qualities = None
    bins = {"kind": "target", "gc": 0.5, "near_edge": 0.0, "mappable": np.nan}
    tables.write(
        BINS.assign(**bins).astype({"chrom": "str"}),
        tmp_path / "bins.parquet",
        sequencing_tables.BINS,
    )
    tables.write(
        sequencing_tables.SITES.empty(), tmp_path / "sites.parquet", sequencing_tables.SITES
    )
    TARGETS.to_csv(tmp_path / "kit.bed", sep="\t", header=False, index=False)
    job = SimpleNamespace(
        input=SimpleNamespace(
            alignment=write(tmp_path / "a.bam", found),
            bins=tmp_path / "bins.parquet",
            sites=tmp_path / "sites.parquet",
            targets=str(tmp_path / "kit.bed"),
            reference="",
        ),
        params=SimpleNamespace(settings=SETTINGS),
    )
    with pytest.raises(ReadingError, match=r"a\.bam: \d+ of \d+ reads have no base qualities"):
        read_wes.main(job)
