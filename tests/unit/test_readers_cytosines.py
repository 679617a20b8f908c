"""Methylation by sequencing: every format says the same, and what is wrong is told in words."""

import gzip

import cytosine_files as files
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from linedrift.genome import BUILDS
from linedrift.readers import cytosines
from linedrift.readers.files import ReadingError
from small_alignments import random_bases, write_fasta
from truth import CONFIG

SETTINGS = CONFIG["methylation"]["sequencing"]
STARTS = [100, 102, 140, 900, 902, 904, 5000]
CPGS = files.planted(STARTS)


def read(tmp_path, text, format, name="file.txt", **given):
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        path.write_text(text, encoding="utf-8")
    options = {"settings": SETTINGS} | given
    return cytosines.read(str(path), format=format, **options)


def assert_same(found, cpgs):
    pd.testing.assert_frame_equal(found.cytosines, files.expected(cpgs))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    starts=st.lists(st.integers(0, 400), min_size=1, max_size=30, unique=True),
    seed=st.integers(0, 1000),
)
def test_the_same_counts_in_every_format_are_the_same_cytosines(starts, seed, tmp_path):
    cpgs = files.planted(2 * np.sort(starts) + 10, seed)
    for format, write in files.WRITERS.values():
        assert_same(read(tmp_path, write(cpgs), format), cpgs)


@pytest.mark.parametrize("kind", files.WRITERS)
def test_packed_files_and_chromosomes_out_of_order(kind, tmp_path):
    format, write = files.WRITERS[kind]
    two = [files.planted(STARTS, 1, chrom="2"), files.planted(STARTS, 2, chrom="X")]
    text = write(
        pd.concat([two[1].iloc[::-1], two[0]], ignore_index=True)
        if kind not in ("merged", "modbam2bed", "bismark_merged")
        else pd.concat(two, ignore_index=True).assign(chrom=lambda frame: "chr" + frame["chrom"])
    )
    found = read(tmp_path, text, format, "file.gz")
    both = pd.concat(two, ignore_index=True)
    assert_same(found, both.assign(chrom="chr" + both["chrom"]))


def test_neighbours_without_a_strand_are_paired_from_the_first(tmp_path):
    """Of CGCG with an uncovered end one row is left alone; it is kept and counted."""
    rows = [(10, 3, 1), (11, 1, 1), (12, 5, 0), (20, 2, 2), (30, 1, 0), (31, 0, 1)]
    text = "".join(f"chr1\t{p + 1}\t{p + 1}\t{100 * m / (m + u)}\t{m}\t{u}\n" for p, m, u in rows)
    found = read(tmp_path, text, "bismark_cov")
    assert list(found.cytosines["start"]) == [10, 12, 20, 30]
    assert list(found.cytosines["methylated"]) == [4, 5, 2, 1]
    assert list(found.cytosines["unmethylated"]) == [2, 0, 2, 1]
    assert found.facts["n_strand_unknown"] == 2
    assert found.facts["n_added"] == 2


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Return a FASTA of 60,000 bases and the 0-based starts of its CpGs."""
    bases = random_bases(60_000, seed=3)
    starts = np.array([i for i in range(len(bases) - 1) if bases[i : i + 2] == "CG"])
    path = write_fasta(tmp_path_factory.mktemp("fasta") / "one.fa", {"chr1": bases})
    return str(path), starts, bases


def one_strand(cpgs, seed=0):
    """Return planted CpGs of which a random strand was not read, as low coverage has them."""
    reverse = np.random.default_rng(seed).random(len(cpgs)) < 0.5
    silent = cpgs.copy()
    silent.loc[reverse, ["m", "u"]] = 0
    silent.loc[~reverse, ["m2", "u2"]] = 0
    return silent


def without_silent(text):
    return "".join(line for line in text.splitlines(True) if not line.endswith("\t0\t0\n"))


@pytest.mark.parametrize("kind", ["bismark_cov", "bismark_bedgraph", "methyldackel"])
def test_the_reference_tells_the_strand_of_a_row(kind, reference, tmp_path):
    fasta, starts, _ = reference
    cpgs = one_strand(files.planted(starts, 4))
    format, write = files.WRITERS[kind]
    text = without_silent(write(cpgs))
    told = read(tmp_path, text, format, reference=fasta)
    assert_same(told, cpgs)
    assert told.facts["reference_share"] == 1.0
    assert told.facts["n_strand_unknown"] == 0
    untold = read(tmp_path, text, format)
    assert untold.facts["n_strand_unknown"] == pytest.approx(len(cpgs), rel=0.1)


def test_rows_beside_a_cpg_are_left_out_by_the_reference(reference, tmp_path):
    fasta, starts, bases = reference
    cpgs = files.planted(starts[:2000], 5)
    off = [i for i in range(len(bases)) if bases[i] == "C" and bases[i + 1 : i + 2] == "A"][:100]
    both = pd.concat([cpgs, files.planted(off, 6)], ignore_index=True)
    text = files.bismark_cov(both.assign(m2=0, u2=0).sort_values("start"))
    found = read(tmp_path, without_silent(text), "bismark_cov", reference=fasta)
    assert found.facts["n_not_cpg"] == 100
    assert_same(found, cpgs.assign(m2=0, u2=0))


SHIFTS = [(kind, shift) for kind in files.WRITERS for shift in (-1, 1)]


@pytest.mark.parametrize(("kind", "shift"), SHIFTS)
def test_positions_that_count_from_another_base_are_seen_by_the_reference(
    kind, shift, reference, tmp_path
):
    fasta, starts, _ = reference
    format, write = files.WRITERS[kind]
    text = write(files.planted(starts[1:] + shift, 7))
    with pytest.raises(ReadingError) as error:
        read(tmp_path, text, format, reference=fasta)
    words = ("0-based", "added to") if shift < 0 else ("1-based", "taken from")
    assert all(word in str(error.value) for word in words)
    assert "are on a CpG of the reference in GRCh38" in str(error.value)


def chain_text(source, target, shift, length=60_000):
    """Return a chain from the same chromosome of another build, moved by `shift`."""
    a, b = (BUILDS[name].lengths["chr1"] for name in (source, target))
    return f"chain 1000 chr1 {a} + 0 {length} chr1 {b} + {shift} {shift + length} 1\n{length}\n\n"


def inverted_chain(length=60_000):
    a, b = BUILDS["GRCh37"].lengths["chr1"], BUILDS["GRCh38"].lengths["chr1"]
    return f"chain 1000 chr1 {a} + 0 {length} chr1 {b} - {b - length} {b} 1\n{length}\n\n"


@pytest.fixture
def chains(tmp_path):
    path = tmp_path / "old.chain"
    path.write_text(chain_text("GRCh37", "GRCh38", 700), encoding="ascii")
    return {"GRCh37": str(path)}


@pytest.mark.parametrize("kind", files.WRITERS)
def test_positions_of_another_build_are_lifted(kind, chains, tmp_path):
    format, write = files.WRITERS[kind]
    found = read(tmp_path, write(CPGS), format, build="hg19", chains=chains)
    assert_same(found, CPGS.assign(start=CPGS["start"] + 700))


def test_an_inverted_stretch_keeps_c_and_g_together(tmp_path):
    path = tmp_path / "turned.chain"
    path.write_text(inverted_chain(), encoding="ascii")
    text = files.bismark_cov(CPGS)
    found = read(tmp_path, text, "bismark_cov", build="hg19", chains={"GRCh37": str(path)})
    turned = CPGS.assign(start=60_000 - 2 - CPGS["start"]).iloc[::-1].reset_index(drop=True)
    assert_same(found, turned)


def test_what_cannot_be_lifted_is_counted(chains, tmp_path):
    cpgs = files.planted([*STARTS, 70_000, 59_999], 3).sort_values("start", ignore_index=True)
    found = read(
        tmp_path, files.cytosine_report(cpgs), "cytosine_report", build="GRCh37", chains=chains
    )
    # One lies beyond the chain, of one the G does.
    assert found.facts["n_unmapped"] == 2
    assert found.facts["n_cpgs"] == len(STARTS)


def test_another_build_is_named_by_the_reference(reference, tmp_path):
    fasta, starts, _ = reference
    path = tmp_path / "old.chain"
    path.write_text(chain_text("GRCh37", "GRCh38", 700, 50_000), encoding="ascii")
    chains = {"GRCh37": str(path)}
    inside = starts[(starts > 1000) & (starts < 50_000)]
    of_old = files.bismark_cov(files.planted(inside - 700))
    with pytest.raises(ReadingError, match="are in GRCh37.*Write GRCh37 into the column build"):
        read(tmp_path, of_old, "bismark_cov", reference=fasta, chains=chains)
    found = read(tmp_path, of_old, "bismark_cov", reference=fasta, chains=chains, build="GRCh37")
    assert_same(found, files.planted(inside))
    of_new = files.bismark_cov(files.planted(inside))
    with pytest.raises(ReadingError, match="are in GRCh38.*Write GRCh38 into the column build"):
        read(tmp_path, of_new, "bismark_cov", reference=fasta, chains=chains, build="GRCh37")


def test_a_file_that_mixes_builds_is_told(reference, tmp_path):
    fasta, starts, _ = reference
    path = tmp_path / "old.chain"
    path.write_text(chain_text("GRCh37", "GRCh38", 700, 50_000), encoding="ascii")
    inside = starts[(starts > 1000) & (starts < 50_000)]
    mixed = np.unique(np.concatenate([inside[::2], inside[1::2] - 700]))
    with pytest.raises(
        ReadingError,
        match="in GRCh38 and .* in GRCh37. The file mixes builds|"
        "in GRCh37 and .* in GRCh38. The file mixes builds",
    ):
        read(
            tmp_path, files.merged(files.planted(mixed)), "methyldackel",
            reference=fasta, chains={"GRCh37": str(path)},
        )  # fmt: skip


def test_another_build_is_named_by_the_ends_of_chromosomes(tmp_path):
    beyond = BUILDS["GRCh38"].lengths["chr17"] + 100
    cpgs = files.planted([*STARTS, beyond], chrom="chr17")
    with pytest.raises(ReadingError, match="2 of 16 CpGs lie beyond.*no build") as error:
        read(tmp_path, files.cytosine_report(cpgs), "cytosine_report")
    assert "Correct the column build" in str(error.value)
    of_old = files.planted([BUILDS["GRCh37"].lengths["chr19"] - 50], chrom="19")
    with pytest.raises(ReadingError, match="possible is GRCh37 or hg18"):
        read(tmp_path, files.cytosine_report(of_old), "cytosine_report")


def test_no_cpgs_of_the_reference_at_all(reference, tmp_path):
    fasta, starts, bases = reference
    off = [i for i in range(5, 50_000) if "CG" not in bases[i - 2 : i + 4]][::5]
    with pytest.raises(ReadingError, match="no other build fits better.*another species"):
        read(tmp_path, files.merged(files.planted(off)), "methyldackel", reference=fasta)


def test_percents_alone_keep_the_mean_of_a_region(tmp_path):
    cpgs = files.planted(range(100, 4100, 4), 9)
    found = read(tmp_path, files.percents(cpgs), "bismark_bedgraph")
    assert not found.facts["counts_known"]
    sums = found.cytosines[["methylated", "unmethylated"]].sum(axis=1)
    assert (sums == 2 * SETTINGS["percent_reads"]).all()
    mean = (found.cytosines["methylated"] / sums).mean()
    shares = [files.percent(m, u) for _, _, _, m, u in files.by_strand(cpgs)]
    assert mean == pytest.approx(np.mean(shares) / 100, abs=1e-4)
    assert read(tmp_path, files.bismark_cov(cpgs), "bismark_cov").facts["counts_known"]


def test_modkit_is_asked_for_5mc_alone_or_with_5hmc(tmp_path):
    text = files.modkit(CPGS, hydroxy=2)
    found = read(tmp_path, text, "bedmethyl")
    assert_same(found, CPGS)
    assert found.facts["n_other_modification"] == 2 * len(CPGS)
    both = read(tmp_path, text, "bedmethyl", settings=SETTINGS | {"modification": "5mC+5hmC"})
    more = both.cytosines["methylated"] - found.cytosines["methylated"]
    assert list(more) == list(np.minimum(CPGS.u, 2) + np.minimum(CPGS.u2, 2))


def test_older_modkit_mixes_tabs_and_blanks(tmp_path):
    text = files.modkit(CPGS, blanks=True)
    assert " " in text
    assert_same(read(tmp_path, text, "bedmethyl", "old.bed.gz"), CPGS)


def test_modkit_with_motifs_is_read_at_cpgs(tmp_path):
    text = files.modkit(CPGS).replace("\tm\t", "\tm,CG,0\t")
    other = files.modkit(CPGS.assign(start=CPGS["start"] + 20_000)).replace("\tm\t", "\tm,CHH,0\t")
    found = read(tmp_path, text + other, "bedmethyl")
    assert_same(found, CPGS)


def test_reads_of_other_contexts_and_of_controls_are_kept_in_the_facts(tmp_path):
    report = files.cytosine_report
    text = report(CPGS)
    text += "chr1\t9001\t+\t2\t198\tCHG\tCAG\nchr1\t9005\t-\t1\t99\tCHH\tCAA\n"
    text += "chr1\t9007\t-\t0\t0\tCHH\tCAA\nchr1\t9009\t-\t0\t0\tCG\tCGA\n"
    for contig in ("J02459.1", "pUC19", "chrM"):
        text += report(files.planted([10, 20], 1, chrom=contig))
    text += report(files.planted([10], 1, chrom="chr4_GL000008v2_random"))
    found = read(tmp_path, text, "cytosine_report")
    assert_same(found, CPGS)
    assert found.facts["contexts"] == {"CHG": [2, 198], "CHH": [1, 99]}
    control = files.expected(files.planted([10, 20], 1))
    sums = [int(control["methylated"].sum()), int(control["unmethylated"].sum())]
    assert found.facts["controls"] == dict.fromkeys(("lambda", "puc19", "mitochondrion"), sums)
    left = ("n_other_context", "n_without_read", "n_other_contig")
    assert [found.facts[name] for name in left] == [3, 1, 14]
    kept = found.facts["n_cpgs"] + found.facts["n_added"]
    assert found.facts["n_rows"] == kept + sum(found.facts[name] for name in left)


GOOD = "chr1\t101\t101\t75\t3\t1\n"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("chr1\t201\t201\t50\t3\t1", "line 2, found 50 % methylated, but 3 of 4 reads (75 %)"),
        ("chr1\t201\t201\t0.75\t3\t1", "it is a fraction"),
        ("chr1\t201\t201\t25\t3\t1", "exchanged?"),
        ("chr1\t201\t201\t75\t-3\t-1", "line 2, methylated reads: found -3; expected a whole"),
        ("chr1\t201\t201\t75\t1.5\t0.5", "line 2, methylated reads: found 1.5"),
        ("chr1\t201\t201\t75\t3\t1\tCG\t+", "line 2 has 8 fields"),
        ("chr1\t201\t201\t75\tthree\t1", "line 2, column 'methylated reads': found 'three'"),
        ("chr1\t201\t201\t75\tNA\t1", "line 2, methylated reads: found no number"),
        ("chr1\t0\t0\t75\t3\t1", "line 2, position: found 0; expected a whole number of 1"),
        ("chr1\t200\t201\t75\t3\t1", "line 2 is 200 to 201: positions are 0-based"),
        ("chr1\t201\t201\t75\t3", "line 2 has 5 fields"),
        ("chr1\t101\t101\t75\t3\t1", "chr1:101 (1-based) stands in more than one row"),
    ],
)
def test_a_wrong_row_of_a_coverage_file_is_named(row, words, tmp_path):
    with pytest.raises(ReadingError) as error:
        read(tmp_path, GOOD + row + "\n" + GOOD.replace("101", "301"), "bismark_cov")
    assert words in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "file.txt"))


@pytest.mark.parametrize(
    ("format", "row"),
    [
        ("bismark_cov", "chr1\t201\t201\t{}\t0\t0\n"),
        ("bismark_merged", "chr1\t201\t202\t{}\t0\t0\n"),
        ("methyldackel", "chr1\t200\t201\t{}\t0\t0\n"),
        ("methylkit", "chr1.201\tchr1\t201\tF\t0\t{0}\t{0}\n"),
        ("bedmethyl", "chr1\t200\t201\tm\t0\t+\t200\t201\t0,0,0\t0\t{}\t0\t0\t0\t0\t0\t0\t0\n"),
    ],
)
@pytest.mark.parametrize("percent", ["0", "NaN", "NA"])
def test_rows_without_a_read_are_counted_and_left_out(format, row, percent, tmp_path):
    write = dict(files.WRITERS.values())[format] if format != "bedmethyl" else files.modkit
    found = read(tmp_path, write(CPGS) + row.format(percent), format)
    assert_same(found, CPGS)
    assert found.facts["n_without_read"] == 1


@pytest.mark.parametrize(
    ("format", "text", "words"),
    [
        (
            "bismark_cov",
            GOOD[:-1] + "\tCG\t+\n",
            r"Columns beyond the first 6 must go \(cut -f1-6\)",
        ),
        ("bedmethyl", files.modkit(CPGS).replace("\n", "\t1\n"), r"\(cut -f1-18\)"),
        ("bismark_cov", GOOD.replace("\t", ","), "Fields must be parted by tabs"),
        ("bismark_cov", GOOD.replace("chr1", '"chr1"'), "Names are in quotes"),
    ],
)
def test_columns_and_marks_that_must_go_are_named(format, text, words, tmp_path):
    with pytest.raises(ReadingError, match=words):
        read(tmp_path, text, format)


def test_a_wrong_row_far_behind_is_named_by_its_line(tmp_path):
    rows = [f"chr1\t{p}\t{p}\t100\t1\t0\n" for p in range(1, 800_000, 4)]
    rows[150_000] = "chr1\t600001\t600001\t100\t0\t1\n"
    with pytest.raises(ReadingError, match="line 150,001, found 100 % methylated, but 0 of 1"):
        read(tmp_path, "".join(rows), "bismark_cov")


@pytest.mark.parametrize(
    ("format", "text", "words"),
    [
        ("methylkit", files.HEADER + "chr1.9\tchr1\t9\tF\t10\t33.00\t67.00\n", "no whole number"),
        ("methylkit", files.HEADER + "chr1.9\tchr1\t9\tF\t10\t60.00\t60.00\n", "more than all"),
        ("methylkit", files.HEADER + "chr1.9\tchr1\t9\tF\t10\t160.00\t-60.00\n", "0 to 100"),
        ("methylkit", files.HEADER + "chr1.9\tchr1\t9\tx\t10\t60.00\t40.00\n", "is not"),
        ("cytosine_report", "chr1\t9\t.\t1\t0\tCG\tCGA\n", "found '.'; expected + or -"),
        ("cytosine_report", "chr1\t9\t+\t1\t0\tCHH\tCAA\n", "none of its 1 rows is a CpG"),
        ("bedmethyl", files.encode(CPGS).replace("\t0,255,0\t", "\t0,255,0\t-"), "coverage: found"),
        ("bismark_bedgraph", "chr1\t5\t8\t50\t1\t1\n", "1 (a cytosine) or 2 (a CpG)"),
        ("bismark_bedgraph", "chr1\t5\t6\t150\n", "a percent, 0 to 100"),
        ("bismark_cov", "contig_7\t5\t5\t50\t1\t1\n", "contigs that linedrift does not know"),
        ("methyldackel", "track type=bedGraph description='x CHH methylation levels'\n" + GOOD,
         "expected CpG"),
    ],
)  # fmt: skip
def test_wrong_rows_of_other_formats(format, text, words, tmp_path):
    with pytest.raises(ReadingError) as error:
        read(tmp_path, text, format)
    assert words in str(error.value)


# Rows of 1 bp do not say that they are whole CpGs, counted from 1: only the reference tells.
UNTOLD = {("bismark_merged", "bismark_bedgraph"), ("bismark_merged", "methyldackel")}
STATED = [
    (kind, format)
    for kind in files.WRITERS
    for format in cytosines.FORMATS
    if (kind, format) not in UNTOLD
]


@pytest.mark.parametrize(("kind", "format"), STATED)
def test_a_file_of_another_format_is_told_which_one_fits(kind, format, tmp_path):
    fits, write = files.WRITERS[kind]
    same = {"bismark_bedgraph", "methyldackel"}
    if format == fits or {format, fits} == same:
        assert_same(read(tmp_path, write(CPGS), format), CPGS)
        return
    with pytest.raises(ReadingError) as error:
        read(tmp_path, write(CPGS), format)
    if format == "bismark_merged" and fits in same:
        assert "correct the column format" in str(error.value) or "bedGraph" in str(error.value)
    elif format == "bismark_cov" and fits in same:
        assert "positions are 0-based" in str(error.value)
        assert "write bismark_bedgraph into the column format" in str(error.value)
    else:
        assert f"rite {fits} into the column format" in str(error.value)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"# nothing\n\n", "has no rows"),
        (files.HEADER.encode(), "has a header but no rows"),
        (b"\x00\x01binary\x00", "a binary file"),
        (b"IDAT\x03", "Write idat into the column format"),
        ((2 * GOOD).encode()[:-4], "is cut in the middle of its last line"),
        (gzip.compress(GOOD.encode() * 500, mtime=0)[:-30], "is truncated or damaged"),
        (b"chrom\tstart\tend\tpercent\tm\tu\n" + GOOD.encode(), "a line of titles?"),
    ],
)
def test_files_that_cannot_be_read(data, words, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(ReadingError) as error:
        cytosines.read(str(path), format="bismark_cov", settings=SETTINGS)
    assert words in str(error.value)
    assert str(path) in str(error.value)


def test_a_file_that_is_not_there_and_a_format_that_is_none(tmp_path):
    with pytest.raises(ReadingError, match="there is no such file"):
        cytosines.read(str(tmp_path / "x"), format="bismark_cov", settings=SETTINGS)
    (tmp_path / "x").write_text(GOOD, encoding="ascii")
    with pytest.raises(ReadingError, match="unknown format 'cov'; expected bismark_cov"):
        cytosines.read(str(tmp_path / "x"), format="cov", settings=SETTINGS)
    with pytest.raises(ReadingError, match="need a chain file"):
        cytosines.read(str(tmp_path / "x"), format="bismark_cov", settings=SETTINGS, build="hg18")


@pytest.mark.parametrize("kind", [*files.WRITERS, "percents"])
def test_the_last_line_end_may_lack_where_the_row_is_whole(kind, tmp_path):
    format, write = files.WRITERS.get(kind, ("bismark_bedgraph", files.percents))
    text = write(CPGS)
    whole = read(tmp_path, text, format)
    for end in ("", "\r\n"):
        found = read(tmp_path, text[:-1] + end, format)
        pd.testing.assert_frame_equal(found.cytosines, whole.cytosines)
    # Cut before the last field, before the one before it, and so on.
    for n in range(1, 4):
        cut = text[:-1].rsplit("\t", n)[0]
        with pytest.raises(ReadingError, match="is cut in the middle of its last line"):
            read(tmp_path, cut, format)


@pytest.mark.parametrize(
    ("format", "row", "cut"),
    [
        ("bismark_cov", "chr1\t901\t901\t20\t3\t12", 1),
        ("methyldackel", "chr1\t900\t901\t20\t3\t12", 1),
        ("methylkit", "chr1.901\tchr1\t901\tF\t15\t20.00\t80.00", 4),
    ],
)
def test_a_cut_in_the_last_number_is_told_where_percents_and_counts_tell_it(
    format, row, cut, tmp_path
):
    head = {"methyldackel": files.TRACK, "methylkit": files.HEADER}.get(format, "")
    assert read(tmp_path, head + row, format).cytosines["unmethylated"].sum() == 12
    with pytest.raises(ReadingError, match="last line: .* its percents and counts disagree"):
        read(tmp_path, head + row[:-cut], format)


@pytest.mark.parametrize("kind", [*files.WRITERS, "percents"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_marks_and_line_ends_of_other_systems_change_nothing(kind, mark, end, tmp_path):
    format, write = files.WRITERS.get(kind, ("bismark_bedgraph", files.percents))
    text = write(CPGS)
    found = read(tmp_path, mark + text.replace("\n", end), format)
    whole = read(tmp_path, text, format)
    pd.testing.assert_frame_equal(found.cytosines, whole.cytosines)
    assert found.facts == whole.facts
