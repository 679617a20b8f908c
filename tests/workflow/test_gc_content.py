"""The GC content of a reference, run for real: planned where one is named, and right."""

import re

import numpy as np
import pysam
import pytest
from linedrift import tables

pytestmark = pytest.mark.workflow
BIN = 50_000
# Share of G and C of each bin; NaN is a bin of N alone. The last of chr22 is half as long.
SHARES = {"chr21": (0.3, 0.5, np.nan, 0.62), "chr22": (0.41, 0.55)}
LAST = {"chr21": BIN, "chr22": BIN // 2}


def sequence(share, length):
    """Return bases with exactly that share of G and C, half of them lower case, shuffled."""
    if np.isnan(share):
        return "N" * length
    strong = round(share * length)
    letters = np.array(list("Gc" * strong)[:strong] + list("At" * length)[: length - strong])
    return "".join(np.random.default_rng(strong).permutation(letters))


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Return a FASTA file with its index: two short chromosomes and a contig."""
    path = tmp_path_factory.mktemp("reference") / "small genome.fa"
    lines = [">chrUn_KI270302v1", "ACGT" * 500]
    for chrom, shares in SHARES.items():
        lengths = [BIN] * (len(shares) - 1) + [LAST[chrom]]
        text = "".join(map(sequence, shares, lengths))
        lines += [f">{chrom}", *re.findall(".{1,60}", text)]
    path.write_text("\n".join([*lines, ""]))
    pysam.faidx(str(path))
    return path


@pytest.fixture(scope="module")
def options(reference, tmp_path_factory):
    """Return the options of a bank of one line with that reference."""
    folder = tmp_path_factory.mktemp("bank")
    (folder / "lines.tsv").write_text("line\tkind\tparent\tsex\nA\tline\t\tfemale\n")
    (folder / "a.tsv").write_text("name\tchrom\tposition\tlog_r_ratio\tb_allele_frequency\n")
    (folder / "samples.tsv").write_text(
        f"line\tpassage\tassay\tformat\tpath\tbuild\nA\t5\tsnp_array\ttable\t{folder}/a.tsv\tGRCh38\n"
    )
    (folder / "config.yaml").write_text(
        f"lines: {folder}/lines.tsv\nsamples: {folder}/samples.tsv\nresults: {folder}/results\n"
        f"resources:\n  reference: {reference}\n"
    )
    return folder, ["--configfile", str(folder / "config.yaml")]


def test_it_is_planned_once_where_a_reference_is_named(pristine, options):
    _, config = options
    done = pristine.run("-n", *config)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^gc_content +1$", done.stdout, re.M)
    contrast = done.stdout.partition("rule describe_snp_array:")[2].partition("output:")[0]
    assert "gc_content.parquet" in contrast


def test_it_is_not_planned_without_a_reference(pristine):
    assert "gc_content" not in pristine.run("-n").stdout


def test_it_measures_the_share_of_g_and_c_in_bins(pristine, options):
    folder, config = options
    target = folder / "results" / "gc_content.parquet"
    done = pristine.run(str(target), "--cores", "1", *config)
    assert done.returncode == 0, done.stdout
    frame = tables.read(target, tables.GC_CONTENT)
    for chrom, shares in SHARES.items():
        own = frame[frame["chrom"] == chrom]
        np.testing.assert_allclose(own["gc"], shares, atol=1e-4)
        assert list(own["start"]) == [BIN * i for i in range(len(shares))]
        assert own["end"].iloc[-1] == BIN * (len(shares) - 1) + LAST[chrom]
    # The contig is none of the chromosomes.
    assert set(frame["chrom"]) == set(SHARES)
    log = (folder / "results" / "logs" / "gc_content.log").read_text()
    assert log.startswith("6 bins, mean GC 0.4")


def test_a_reference_without_an_index_is_told_in_words(pristine, options, tmp_path):
    folder, config = options
    bare = tmp_path / "broken.fa"
    bare.write_text("this is no FASTA\n")
    text = (folder / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text(
        re.sub("reference: .*", f"reference: {bare}", text).replace(
            f"{folder}/results", f"{tmp_path}/results"
        )
    )
    target = tmp_path / "results" / "gc_content.parquet"
    done = pristine.run(str(target), "--cores", "1", "--configfile", str(tmp_path / "config.yaml"))
    assert done.returncode == 1
    assert "cannot be read as FASTA with an index" in done.stdout
    assert "samtools faidx" in done.stdout
    assert not target.exists()
