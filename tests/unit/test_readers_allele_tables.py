"""Tables of ASEReadCounter with planted counts, on both builds, and tables that are none."""

import gzip

import numpy as np
import pandas as pd
import pysam
import pytest
import snp_array_files as files
from linedrift.genome import BUILDS, GRCH38
from linedrift.readers import allele_tables
from linedrift.readers.files import ReadingError

SETTINGS = {"most_low_mapping": 0.1, "most_other_bases": 0.05}
COLUMNS = (
    ["contig", "position", "variantID", "refAllele", "altAllele", "refCount", "altCount"]
    + ["totalCount", "lowMAPQDepth", "lowBaseQDepth", "rawDepth", "otherBases", "improperPairs"]
)  # fmt: skip


def row(contig="20", position=101, ref="A", alt="G", counts=(30, 20), low=0, other=0, name="."):
    total = sum(counts)
    return [contig, position, name, ref, alt, *counts, total, low, 0, total + low + other, other, 0]


def write(path, rows, columns=COLUMNS, delimiter="\t"):
    text = "".join(delimiter.join(map(str, line)) + "\n" for line in [columns, *rows])
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return str(path)


def read(path, **more):
    return allele_tables.read(path, settings=SETTINGS, **more)


@pytest.mark.parametrize(("name", "prefix"), [("a.table", ""), ("a.table.gz", "chr")])
def test_counts_are_those_of_the_table(name, prefix, tmp_path):
    rows = [row(f"{prefix}X", 500, "c", "t", (7, 0)), row(f"{prefix}20", 101, name="rs7")]
    reading = read(write(tmp_path / name, rows))
    sites = reading.sites
    assert sites["chrom"].astype(str).tolist() == ["chr20", "chrX"]
    assert sites["start"].tolist() == [100, 499] and sites["end"].tolist() == [101, 500]
    assert sites["ref_count"].tolist() == [30, 7] and sites["alt_count"].tolist() == [20, 0]
    assert sites["total"].tolist() == [50, 7] and sites["ref"].tolist() == ["A", "C"]
    assert sites["name"].tolist() == ["rs7", "chrX:500"]
    assert reading.facts["ref_share"] == pytest.approx(0.6)  # of autosomes


def test_every_row_is_accounted_for(tmp_path):
    rows = [
        row(position=10), row(position=10), row(position=20, counts=(0, 0)),
        row(position=30, low=20), row(position=40, other=9), row(position=50, ref="AT"),
        row("MT", 60), row(position=70, ref="A", alt="A"), row(position=80, low=5, other=2),
    ]  # fmt: skip
    reading = read(write(tmp_path / "a.table", rows))
    facts = reading.facts
    out = ("n_not_snp", "n_other_contig", "n_beyond_chromosome", "n_unmapped")
    assert facts["n_rows"] == facts["n_sites"] + facts["n_duplicate_position"] + sum(
        facts[name] for name in out
    )
    why = ("n_usable", "n_without_read", "n_low_mapping", "n_other_bases")
    assert facts["n_sites"] == sum(facts[name] for name in why)
    assert [facts[name] for name in why] == [2, 1, 1, 1]
    usable = dict(zip(reading.sites["start"], reading.sites["usable"], strict=True))
    assert usable == {9: True, 19: False, 29: False, 39: False, 79: True}


def test_positions_are_lifted_and_sites_that_change_strand_left_out(tmp_path):
    old, new = BUILDS["GRCh37"].lengths["chr20"], GRCH38.lengths["chr20"]
    chain = files.chain(
        tmp_path / "c.chain",
        [
            (f"10 chr20 {old} + 0 1000 chr20 {new} + 5000 6000 1", ["1000"]),
            (f"9 chr20 {old} + 2000 3000 chr20 {new} - 0 1000 2", ["1000"]),
        ],
    )
    rows = [row(position=101), row(position=1500), row(position=2101)]
    reading = read(write(tmp_path / "a.table", rows), build="hg19", chains={"GRCh37": str(chain)})
    assert reading.sites["start"].tolist() == [5100]
    assert reading.facts["n_unmapped"] == 2 and reading.facts["chain"] == "c.chain"
    with pytest.raises(ReadingError, match="chains: GRCh37"):
        read(write(tmp_path / "a.table", rows), build="GRCh37")


def test_another_build_shows_by_known_snps(tmp_path):
    rng = np.random.default_rng(0)
    known = pd.DataFrame({"chrom": "chr20"}, index=range(100))
    for build in BUILDS:
        known[f"pos_{build}"] = rng.choice(10_000_000, 100, replace=False) + 1
    path = write(tmp_path / "a.table", [row(position=p) for p in sorted(known["pos_GRCh37"])])
    with pytest.raises(ReadingError, match="100 of 100 sites are at known SNPs of GRCh37.*0 at"):
        read(path, build_markers=known)
    right = write(tmp_path / "b.table", [row(position=p) for p in sorted(known["pos_GRCh38"])])
    assert read(right, build_markers=known).facts["n_usable"] == 100


def test_reference_bases_are_held_against_the_fasta(tmp_path):
    sequence = "".join(np.random.default_rng(0).choice(list("ACGT"), 2000))
    fasta = tmp_path / "g.fa"
    fasta.write_text(f">20\n{sequence}\n")
    pysam.faidx(str(fasta))
    other = {"A": "C", "C": "G", "G": "T", "T": "A"}
    right = [row(position=p + 1, ref=sequence[p], alt=other[sequence[p]]) for p in range(0, 900, 9)]
    wrong = [row(position=p + 1, ref=other[sequence[p]], alt=sequence[p]) for p in range(0, 900, 9)]
    assert len(read(write(tmp_path / "a", right), fasta=str(fasta)).sites) == 100
    with pytest.raises(ReadingError, match="0 of 100 reference alleles"):
        read(write(tmp_path / "a", wrong), fasta=str(fasta))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "a header but no rows"),
        ([row(counts=(-1, 5))], "ref count of 1 sites is no whole number of 0 or more, first -1"),
        ([row(counts=(1.5, 5))], "first 1.5 in row 1"),
        ([row(position=0)], "position of 1 sites"),
        ([row(position="x")], "found 'x'; expected a number"),
        ([row(counts=(float("nan"), 5))], "ref count of 1 sites"),
        ([row(position=GRCH38.lengths["chr20"] + 1)], "beyond the end of their chromosome"),
        ([row("contig_7"), row("contig_8")], "2 of 2 sites are on contigs that linedrift does not"),
        ([row(counts=(0, 0))], "none of 1 SNPs on GRCh38 has reads"),
    ],
)
def test_bad_tables_are_refused_in_words(rows, words, tmp_path):
    with pytest.raises(ReadingError, match=words):
        read(write(tmp_path / "a.table", rows))


def test_other_files_are_refused(tmp_path):
    path = write(tmp_path / "c.tsv", [["G", 5]], ["gene_id", "A"])
    with pytest.raises(ReadingError, match="no column 'contig', 'position', 'refallele'"):
        read(path)
    packed = tmp_path / "a.table.gz"
    packed.write_bytes(gzip.compress(b"x" * 5000)[:-20])
    with pytest.raises(ReadingError, match="truncated"):
        read(str(packed))
