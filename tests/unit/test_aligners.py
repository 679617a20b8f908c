"""FASTQ aligned: lanes joined, duplicates marked, pairs of unequal length refused."""

import gzip
import os
import stat

import numpy as np
import pysam
import pytest
from linedrift.readers import aligners
from linedrift.readers.files import ReadingError

COMPLEMENT = str.maketrans("ACGT", "TGCA")


@pytest.fixture(scope="module")
def program():
    """Return the aligner of this computer, or skip."""
    try:
        return aligners.installed()
    except ReadingError:
        pytest.skip("neither bwa-mem2 nor bwa is on the PATH")


@pytest.fixture(scope="module")
def genome(tmp_path_factory, program):
    """Return the folder of an index, and the sequence."""
    folder = tmp_path_factory.mktemp("genome")
    rng = np.random.default_rng(1)
    sequence = "".join(rng.choice(list("ACGT"), 20_000))
    (folder / "r.fa").write_text(f">chr1\n{sequence}\n")
    assert aligners.make_index(str(folder / "r.fa"), folder) == program
    return str(folder / "genome"), sequence


def write_pair(folder, sequence, starts, name="a", second=None):
    """Write a pair of FASTQ with fragments of 200 bases at these starts."""
    texts = ["", ""]
    for number, start in enumerate(starts):
        fragment = sequence[start : start + 200]
        ends = fragment[:75], fragment[::-1].translate(COMPLEMENT)[:75]
        for which, bases in enumerate(ends):
            if second is None or which == 0 or number < second:
                texts[which] += f"@{name}{number}/{which + 1}\n{bases}\n+\n{'I' * 75}\n"
    paths = []
    for which, text in enumerate(texts):
        paths.append(str(folder / f"{name}_{which + 1}.fq.gz"))
        with gzip.open(paths[-1], "wt") as file:
            file.write(text)
    return tuple(paths)


def test_lanes_are_aligned_sorted_and_marked_with_the_sheets_names(tmp_path, genome, program):
    prefix, sequence = genome
    starts = [int(one) for one in np.random.default_rng(2).integers(0, 19_000, 200)]
    lanes = [
        write_pair(tmp_path, sequence, starts, "a"),
        write_pair(tmp_path, sequence, [starts[0], *range(100, 200)], "b"),
    ]
    target = tmp_path / "out" / "s.bam"
    assert aligners.align(lanes, prefix, "한국-1-p10", str(target), 2) == program
    with pysam.AlignmentFile(str(target)) as file:
        groups = file.header.to_dict()["RG"]
        assert [(group["ID"], group["SM"]) for group in groups] == [
            ("한국-1-p10.1", "한국-1-p10"), ("한국-1-p10.2", "한국-1-p10"),
        ]  # fmt: skip
        assert file.header.to_dict()["HD"]["SO"] == "coordinate"
        found = list(file.fetch(until_eof=True))
        assert len(list(file.fetch("chr1", 0, 500))) > 0
    assert len(found) == 2 * (200 + 101)
    assert {read.get_tag("RG") for read in found} == {"한국-1-p10.1", "한국-1-p10.2"}
    by_name = {(read.query_name, read.is_read1): read for read in found}
    for number, start in enumerate(starts):
        assert by_name[f"a{number}", True].reference_start == start
        assert by_name[f"a{number}", True].get_tag("MC") == "75M"
    # The same fragment in both lanes is one molecule.
    same = [by_name["a0", True].is_duplicate, by_name["b0", True].is_duplicate]
    assert sorted(same) == [False, True]
    assert sorted(os.listdir(target.parent)) == ["s.bam", "s.bam.bai"]


def test_a_pair_of_unequal_length_is_told_and_leaves_no_alignment(tmp_path, genome):
    prefix, sequence = genome
    lane = write_pair(tmp_path, sequence, range(0, 4000, 20), second=150)
    with pytest.raises(ReadingError, match=r"a_1.* and .*a_2.*: the 2nd file has fewer reads"):
        aligners.align([lane], prefix, "S", str(tmp_path / "out" / "s.bam"), 1)
    assert os.listdir(tmp_path / "out") == []


def test_reads_of_two_runs_are_told_in_the_aligners_words(tmp_path, genome):
    prefix, sequence = genome
    one = write_pair(tmp_path, sequence, range(0, 400, 20), "a")
    other = write_pair(tmp_path, sequence, range(0, 400, 20), "b")
    with pytest.raises(ReadingError, match="different names"):
        aligners.align([(one[0], other[1])], prefix, "S", str(tmp_path / "out" / "s.bam"), 1)
    assert os.listdir(tmp_path / "out") == []


def test_without_an_aligner_it_is_said_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReadingError, match=r"bwa-mem2 and bwa not found.*envs/alignment\.yaml"):
        aligners.installed()
    with pytest.raises(ReadingError, match="bwa not found"):
        aligners.installed(["bwa"])
    (tmp_path / "bwa").write_text("#!/bin/sh\necho broken >&2; exit 3\n")
    (tmp_path / "bwa").chmod(stat.S_IRWXU)
    assert aligners.installed() == "bwa"
    with pytest.raises(ReadingError, match=r"r\.fa: bwa cannot index it: broken"):
        aligners.make_index("r.fa", tmp_path)
    with pytest.raises(ReadingError, match="no index of bwa-mem2 or bwa"):
        aligners.align([], str(tmp_path / "r.fa"), "S", str(tmp_path / "s.bam"), 1)


def test_the_program_is_the_one_whose_index_is_there(tmp_path):
    prefix = str(tmp_path / "r.fa")
    assert aligners.indexed(prefix) == []
    for ending in aligners.PROGRAMS["bwa"]:
        (tmp_path / f"r.fa{ending}").touch()
    assert aligners.indexed(prefix) == ["bwa"]
    for ending in aligners.PROGRAMS["bwa-mem2"]:
        (tmp_path / f"r.fa{ending}").touch()
    assert aligners.indexed(prefix) == ["bwa-mem2", "bwa"]
