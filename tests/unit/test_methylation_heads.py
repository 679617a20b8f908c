"""What the check says of files of methylation before any job runs."""

import gzip
import time

import cytosine_files as files
import numpy as np
import pytest
from linedrift.genome import BUILDS
from linedrift.readers import methylation_heads
from small_alignments import Library, random_bases, write_fasta

CPGS = files.planted(range(10_000, 20_000, 50))
BETAS = "ID_REF\tone\ttwo\n" + "".join(f"cg{n:08d}\t{n / 200}\t.5\n" for n in range(200))
SIGNALS = "ID_REF\tone Methylated Signal\tone Unmethylated Signal\n" + "".join(
    f"cg{n:08d}\t{1000 + n}\t{3000 - n}\n" for n in range(200)
)
LOGS = SIGNALS.partition("cg")[0] + "".join(
    f"cg{n:08d}\t{n / 100 - 3}\t{1 - n / 100}\n" for n in range(200)
)


def look(tmp_path, data, format, reference="", chains=None, name="file", **row):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    given = {"path": str(path), "format": format, "build": "GRCh38", "name_in_file": ""} | row
    return methylation_heads.problems(given, chains or {}, reference)


@pytest.mark.parametrize("kind", files.WRITERS)
@pytest.mark.parametrize("packed", [False, True])
def test_right_files_of_reads_have_no_problem(kind, packed, tmp_path):
    format, write = files.WRITERS[kind]
    data = write(CPGS).encode()
    assert look(tmp_path, gzip.compress(data) if packed else data, format) == []


def test_a_bedgraph_of_percents_and_tables_of_arrays_have_no_problem(tmp_path):
    assert look(tmp_path, files.percents(CPGS), "bismark_bedgraph") == []
    assert look(tmp_path, BETAS, "betas", name_in_file="two") == []
    assert look(tmp_path, SIGNALS, "intensities") == []


COV = files.bismark_cov(CPGS)


@pytest.mark.parametrize(
    ("data", "format", "row", "words"),
    [
        (b"", "bismark_cov", {}, "is empty"),
        (COV, "bismark", {}, "unknown format 'bismark'; expected idat"),
        (COV, "cytosine_report", {}, "write bismark_cov into the column format"),
        (files.methyldackel(CPGS), "bismark_cov", {}, "positions are 0-based"),
        (files.modkit(CPGS), "methylkit", {}, "write bedmethyl into the column format"),
        (gzip.compress(COV.encode(), mtime=0)[:-40], "bismark_cov", {}, "is truncated or damaged"),
        (COV[:-2], "bismark_cov", {}, "is cut in the middle of its last line"),
        (COV.replace("chr1", "chr7").replace("\t19951\t19951", f"\t{2 * 10**8}\t{2 * 10**8}"),
         "bismark_cov", {}, "lie beyond the end of their chromosome"),
        (COV, "bismark_cov", {"build": "mm10"}, "unknown genome build 'mm10'"),
        (COV, "bismark_cov", {"build": "hg18"}, "need a chain file"),
        (COV.replace("chr1", "scaffold_1"), "bismark_cov", {}, "another species"),
        (files.bismark_cov(CPGS.assign(m=-1)), "bismark_cov", {}, "found -1; expected a whole"),
        (BETAS, "bismark_cov", {}, "is not a coverage file of Bismark"),
        (COV + COV.splitlines(keepends=True)[0], "bismark_cov", {}, "stands in more than one row"),
        (COV.replace("chr1", "lambda"), "bismark_cov", {}, "rows is a CpG with a read on chromo"),
        (COV, "betas", {}, "write bismark_cov into the column format"),
        (BETAS, "betas", {}, "name_in_file"),
        (BETAS.replace("0.5\t", "50\t"), "betas", {"name_in_file": "one"}, "outside 0 to 1"),
        (LOGS, "intensities", {}, "look like log ratios"),
        (SIGNALS, "betas", {}, "Write intensities into the column format"),
        (COV, "idat", {}, "idat"),
        (COV, "bam", {}, "expected a BAM file"),
    ],
)  # fmt: skip
def test_problems_are_told_in_words(data, format, row, words, tmp_path):
    (problem,) = look(tmp_path, data, format, **row)
    assert words in problem
    # A chain that the settings lack is no fault of the file.
    assert problem.startswith(str(tmp_path / "file")) or "chain file" in words


def test_a_file_that_is_missing_names_the_nearest(tmp_path):
    (tmp_path / "one.cov.gz").write_bytes(b"x")
    row = {"path": str(tmp_path / "one.cov"), "format": "bismark_cov"}
    (problem,) = methylation_heads.problems(row, {})
    assert "there is no such file; the nearest name is 'one.cov.gz'" in problem


def test_starts_that_count_from_0_are_seen_by_the_reference(tmp_path):
    bases = random_bases(30_000, seed=8)
    starts = np.array([i for i in range(1, 29_000) if bases[i : i + 2] == "CG"])
    fasta = str(write_fasta(tmp_path / "one.fa", {"chr1": bases}))
    assert look(tmp_path, files.bismark_cov(files.planted(starts)), "bismark_cov", fasta) == []
    (problem,) = look(tmp_path, files.bismark_cov(files.planted(starts - 1)), "bismark_cov", fasta)
    assert "when 1 is added to each position: positions are 0-based" in problem
    # Its head shows no CpG with a read: there is nothing to hold against the reference.
    silent = files.planted(starts).assign(m=0, u=0, m2=0, u2=0)
    others = "".join(f"chr1\t{p}\t+\t0\t0\tCHH\tCAA\n" for p in range(50_000, 80_000))
    text = files.cytosine_report(silent) + others
    assert look(tmp_path, text, "cytosine_report", fasta) == []


def test_the_head_of_a_long_file_is_looked_at_and_no_more(tmp_path):
    rows = files.bismark_cov(files.planted(range(10_000, 2_000_000, 10)))
    start = time.perf_counter()
    assert look(tmp_path, rows + "chr1\tx\tx\t0\t0\t1\n", "bismark_cov") == []
    assert time.perf_counter() - start < 2


def test_an_alignment_is_looked_at_as_any_other(tmp_path):
    sequence = random_bases(3000)
    fasta = str(write_fasta(tmp_path / "one.fa", {"chr1": sequence}))
    path = Library(sequence).cover(5).write(tmp_path / "reads.bam")
    row = {"path": path, "format": "bam", "name_in_file": ""}
    assert methylation_heads.problems(row, {}, fasta) == []
    old = Library(sequence, others=(("chr2", BUILDS["GRCh37"].lengths["chr2"]),)).cover(5)
    row["path"] = old.write(tmp_path / "old.bam")
    (problem,) = methylation_heads.problems(row, {}, fasta)
    assert "lengths of GRCh37" in problem
