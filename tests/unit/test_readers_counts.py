"""Gene counts in the tables of every counter, with planted counts, and tables that hold none."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linedrift.readers import counts
from linedrift.readers.files import ReadingError

SETTINGS = {"stranded_share": 0.8, "unstranded_difference": 0.1, "least_strand_reads": 100}
N = 60
IDS = [f"ENSG{number:011d}" for number in range(1, N + 1)]
ONE = np.random.default_rng(1).poisson(80, N)
TWO = np.random.default_rng(2).poisson(50, N)


def write(path, rows, delimiter="\t", end="\n"):
    text = "".join(delimiter.join(map(str, row)) + end for row in rows)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return str(path)


def matrix(path, header=("gene_id", "gene_name", "A-1", "B-1"), one=ONE, two=TWO, ids=IDS, **how):
    names = [f"GENE{number}" for number in range(len(ids))]
    columns = (ids, names, one, two) if "gene_name" in header else (ids, one, two)
    return write(path, [header, *zip(*columns, strict=True)], **how)


def read(path, format="gene_counts", name="A-1", **more):
    return counts.read(path, format=format, name_in_file=name, settings=SETTINGS, **more)


def featurecounts(path, strand="2", bams=("/data/a b/A-1.bam", "/data/B-1.bam")):
    first = [
        f'# Program:featureCounts v2.0.3; Command:"featureCounts" "-s" "{strand}" "-a" "x.gtf"'
    ]
    header = ["Geneid", "Chr", "Start", "End", "Strand", "Length", *bams]
    rows = [
        [gene, "chr1;chr1", "1;5", "3;9", "+;+", 8, one, two]
        for gene, one, two in zip(IDS, ONE, TWO, strict=True)
    ]
    return write(path, [first, header, *rows])


def star(path, forward, reverse, summary=True):
    rows = [["N_unmapped", 9, 9, 9], ["N_multimapping", 8, 8, 8]]
    rows += [["N_noFeature", 100, 900, 70], ["N_ambiguous", 5, 1, 2]]
    rows = rows if summary else []
    both = np.add(forward, reverse)
    return write(path, rows + [list(row) for row in zip(IDS, both, forward, reverse, strict=True)])


@pytest.mark.parametrize("name", ["counts.tsv", "counts.tsv.gz"])
def test_a_merged_table_gives_the_sample_that_is_named(name, tmp_path):
    reading = read(matrix(tmp_path / name), name="B-1")
    assert reading.genes["count"].tolist() == TWO.tolist()
    assert reading.genes["gene_id"].tolist() == IDS
    assert reading.genes["gene_name"].iloc[3] == "GENE3"
    assert reading.facts["total"] == TWO.sum() and reading.facts["id_kind"] == "Ensembl"


def test_a_quoted_table_of_r_is_read(tmp_path):
    header = ['"A-1"', '"B-1"']  # R names no column of its row names
    rows = [[f'"{gene}"', one, two] for gene, one, two in zip(IDS, ONE, TWO, strict=True)]
    for delimiter, end in ((",", "\n"), ("\t", "\r\n"), (";", "\n")):
        for head in (header, ['""', *header]):
            path = write(tmp_path / "r.csv", [head, *rows], delimiter, end)
            assert read(path).genes["count"].tolist() == ONE.tolist()


def test_row_numbers_before_the_genes_are_passed_over(tmp_path):
    header = ["", "symbol", "A-1"]
    path = write(tmp_path / "c.tsv", [header, *zip(range(N), IDS, ONE, strict=True)])
    assert read(path).genes["gene_id"].tolist() == IDS


def test_fractions_of_salmon_are_counts(tmp_path):
    values = np.round(ONE + np.random.default_rng(3).uniform(0.1, 0.9, N), 3)
    reading = read(matrix(tmp_path / "c.tsv", one=values))
    assert np.allclose(reading.genes["count"], values)
    assert reading.facts["share_fractional"] == 1


def test_featurecounts_is_read_by_path_or_file_name(tmp_path):
    path = featurecounts(tmp_path / "counts.txt")
    for name in ("A-1.bam", "/data/a b/A-1.bam"):
        reading = read(path, "featurecounts", name)
        assert reading.genes["count"].tolist() == ONE.tolist()
    assert reading.facts["strandedness"] == "reverse"
    with pytest.raises(ReadingError, match=r"no sample 'A-2\.bam'; the nearest name is"):
        read(path, "featurecounts", "A-2.bam")


@pytest.mark.parametrize(
    ("shares", "strand", "column"),
    [((0.97, 0.03), "forward", 0), ((0.02, 0.98), "reverse", 1), ((0.5, 0.5), "unstranded", 2)],
)
def test_the_strandedness_of_star_is_told_by_the_data(shares, strand, column, tmp_path):
    forward, reverse = (np.round(ONE * share).astype(int) for share in shares)
    reading = read(star(tmp_path / "ReadsPerGene.out.tab", forward, reverse), "star", "")
    assert reading.facts["strandedness"] == strand
    assert reading.genes["count"].tolist() == [forward, reverse, forward + reverse][column].tolist()
    assert reading.facts["summary"]["noFeature"] == [900, 70, 100][column]
    assert abs(reading.facts["strand_shares"]["forward"] - shares[0]) < 0.01


def test_a_wrong_strandedness_is_refused_with_the_shares(tmp_path):
    path = star(tmp_path / "s.tab", ONE // 50, ONE)
    with pytest.raises(ReadingError, match=r"is reverse \(forward [12]%, reverse 9[89]%.*forward"):
        read(path, "star", "", strandedness="forward")
    assert read(path, "star", "", strandedness="reverse").facts["strandedness"] == "reverse"
    with pytest.raises(ReadingError, match="unknown strandedness 'sense'"):
        read(path, "star", "", strandedness="sense")


def test_an_undecided_strandedness_is_said_and_counts_both(tmp_path):
    reading = read(star(tmp_path / "s.tab", 3 * ONE, ONE), "star", "")
    assert reading.facts["strandedness"] == "undecided"
    assert reading.genes["count"].tolist() == (4 * ONE).tolist()
    assert "undecided (forward 75%, reverse 25%" in reading.facts["notes"][0]


def test_star_without_its_first_rows_is_read_and_says_so(tmp_path):
    reading = read(star(tmp_path / "s.tab", ONE, ONE, summary=False), "star", "")
    assert len(reading.genes) == N and "N_..." in reading.facts["notes"][0]


def test_htseq_is_read_without_its_last_rows(tmp_path):
    rows = [*zip(IDS, ONE, strict=True), ("__no_feature", ONE.sum()), ("__ambiguous", 3)]
    reading = read(write(tmp_path / "a.counts", rows), "htseq", "")
    assert reading.genes["count"].tolist() == ONE.tolist()
    assert reading.facts["summary"] == {"no_feature": ONE.sum(), "ambiguous": 3}
    assert reading.facts["assigned_share"] == pytest.approx(0.5)
    named = write(tmp_path / "b.counts", [(gene, "NAME", n) for gene, n in rows])
    assert read(named, "htseq", "").genes["gene_name"].iloc[0] == "NAME"


def test_reads_on_the_wrong_strand_are_noted(tmp_path):
    rows = [*zip(IDS, ONE, strict=True), ("__no_feature", 20 * ONE.sum())]
    reading = read(write(tmp_path / "a.counts", rows), "htseq", "")
    assert reading.facts["notes"] == [
        "Only 5% of the reads with a place in the genome are in genes: were they counted on the "
        "wrong strand?"
    ]


def test_a_table_of_the_gdc_is_a_matrix_with_rows_of_star(tmp_path):
    header = ["gene_id", "gene_name", "gene_type", "unstranded", "stranded_first", "tpm_unstranded"]
    rows = [["# gene-model: GENCODE v36"], header, ["N_unmapped", "", "", 900, 900, ""]]
    rows += [["N_noFeature", "", "", 70, 80, ""]]
    rows += [[f"{gene}.5", "N", "lncRNA", n, 0, 0.5] for gene, n in zip(IDS, ONE, strict=True)]
    reading = read(write(tmp_path / "a.tsv", rows), name="unstranded")
    assert reading.genes["gene_id"].tolist() == IDS
    assert reading.facts["summary"] == {"unmapped": 900, "noFeature": 70}


def test_versions_are_stripped_and_copies_of_a_gene_added(tmp_path):
    ids = [*IDS[:-2], f"{IDS[0]}.7", f"{IDS[1]}.12_PAR_Y"]
    reading = read(matrix(tmp_path / "c.tsv", ids=[f"{IDS[0]}.9", f"{IDS[1]}.12", *ids[2:]]))
    assert reading.genes["gene_id"].tolist() == IDS[:-2]
    assert reading.genes["count"].iloc[:2].tolist() == [ONE[0] + ONE[-2], ONE[1] + ONE[-1]]
    assert reading.facts["n_repeated"] == 2 and reading.facts["repeated"] == IDS[:2]
    assert reading.facts["total"] == ONE.sum()


def test_dots_in_symbols_stay():
    ids = ["RP11-34P13.7", "AC012345.1", "NM_000546.6", "ENSG00000141510.18_4", "7157"]
    ids += ["ENSG00000141510.18|TP53"]
    found = counts.without_version(counts.pa.array(ids)).to_pylist()
    assert found == ["RP11-34P13.7", "AC012345.1", "NM_000546", "ENSG00000141510", "7157"] + [
        "ENSG00000141510"
    ]


@given(order=st.permutations(range(N)), scale=st.integers(1, 9))
def test_order_and_depth_change_nothing_else(order, scale, tmp_path_factory):
    path = tmp_path_factory.mktemp("counts") / "c.tsv"
    moved = [np.asarray(values)[list(order)] for values in (IDS, ONE * scale, TWO)]
    found = read(matrix(path, ids=moved[0], one=moved[1], two=moved[2])).genes
    assert found.set_index("gene_id")["count"].loc[IDS].tolist() == (ONE * scale).tolist()


def test_a_whole_matrix_is_what_its_samples_are(tmp_path):
    path = matrix(tmp_path / "c.tsv", ids=[*IDS[:-1], f"{IDS[0]}.2"])
    found = counts.read_matrix(path)
    assert found.samples == ("A-1", "B-1") and found.counts.dtype == np.float32
    for at, sample in enumerate(found.samples):
        assert found.counts[:, at].tolist() == read(path, name=sample).genes["count"].tolist()
    assert counts.read_matrix(path, names=["B-1"]).counts[:, 0].tolist() == (
        found.counts[:, 1].tolist()
    )
    with pytest.raises(ReadingError, match="no sample 'C'"):
        counts.read_matrix(path, names=["C"])
    with pytest.raises(ReadingError, match="B-1: has no read"):
        counts.read_matrix(matrix(tmp_path / "d.tsv", two=np.zeros(N, int)))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (ONE - 90, r"A-1: \d+ values are negative or infinite, first ENSG"),
        (np.round(np.log2(ONE + 1), 3), r"look like logs: 9\d%|look like logs: 100%"),
        (ONE * 0, r"A-1: has no read: all of 60 counts are 0"),
        (np.round(ONE * 1e6 / ONE.sum(), 3), r"scaled to a million \(TPM or CPM\)"),
        (["NA"] * N, "has no value in any gene"),
        (["1,5", *ONE[1:]], "expected a point"),
        (["many", *ONE[1:]], "found 'many'; expected a number"),
    ],
)
def test_values_that_are_no_counts_are_refused(values, words, tmp_path):
    with pytest.raises(ReadingError, match=words):
        read(matrix(tmp_path / "c.tsv", one=values))


def test_absent_values_are_counted_and_left_out(tmp_path):
    reading = read(matrix(tmp_path / "c.tsv", one=["NA", *ONE[1:]]))
    assert reading.genes["gene_id"].tolist() == IDS[1:]
    assert reading.facts["n_missing"] == 1 and "no value" in reading.facts["notes"][0]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("A.1", r"no sample 'A\.1'; it has 'A-1', which differs only by what R changes"),
        ("A-2", r"no sample 'A-2'; the nearest name is 'A-1'"),
        ("", "holds 2 samples and the sheet does not say which"),
        ("gene_name", "no sample 'gene_name'"),
    ],
)
def test_names_are_suggested_and_never_guessed(name, words, tmp_path):
    with pytest.raises(ReadingError, match=words):
        read(matrix(tmp_path / "c.tsv"), name=name)


def test_the_r_spelling_in_the_file_is_suggested_too(tmp_path):
    path = matrix(tmp_path / "c.tsv", header=("gene_id", "X1A.b", "B"))
    with pytest.raises(ReadingError, match=r"it has 'X1A\.b'"):
        read(path, name="1A-b")


def test_columns_of_one_name_are_refused(tmp_path):
    path = matrix(tmp_path / "c.tsv", header=("gene_id", "A-1", "A-1"))
    with pytest.raises(ReadingError, match="has 2 columns 'A-1'"):
        read(path)


def test_samples_in_rows_are_refused(tmp_path):
    path = write(tmp_path / "t.tsv", [["individual", "well", *IDS], ["L1", "bulk", *ONE]])
    with pytest.raises(ReadingError, match="samples in rows and genes in columns.*Transpose"):
        read(path)


def test_a_matrix_without_samples_is_refused(tmp_path):
    rows = [["gene_id", "gene_name", "length"], *((gene, "N", 7) for gene in IDS)]
    with pytest.raises(ReadingError, match="has no column of a sample; found 'gene_id'"):
        read(write(tmp_path / "c.tsv", rows))


def test_other_formats_are_named(tmp_path):
    merged = matrix(tmp_path / "c.tsv")
    counter = featurecounts(tmp_path / "f.txt")
    table = star(tmp_path / "s.tab", ONE, ONE)
    alleles = write(
        tmp_path / "a.table", [["contig", "position", "refCount", "altCount"], [1, 2, 3, 4]]
    )
    for path, format, words in (
        (merged, "star", "Write gene_counts into the column format"),
        (counter, "gene_counts", "Write featurecounts into the column format"),
        (table, "htseq", "Write star into the column format"),
        (alleles, "gene_counts", "ASEReadCounter"),
    ):
        with pytest.raises(ReadingError, match=words):
            read(path, format)
    with pytest.raises(ReadingError, match="unknown format 'salmon'"):
        read(merged, "salmon")


def test_a_table_of_exons_or_a_summary_is_refused(tmp_path):
    with pytest.raises(ReadingError, match="30 of 60 rows repeat a gene.*exons"):
        read(matrix(tmp_path / "c.tsv", ids=IDS[:30] * 2))
    rows = [["Status", "A-1"], ["Assigned", 900], ["Unassigned_Unmapped", 5]]
    with pytest.raises(ReadingError, match="summary of featureCounts"):
        read(write(tmp_path / "f.summary", rows))


def test_spreadsheet_dates_are_noted(tmp_path):
    reading = read(
        matrix(tmp_path / "c.tsv", ids=["1-Mar", "2-Sep", *(f"G{i}" for i in range(58))])
    )
    assert reading.facts["n_dates"] == 2 and "spreadsheet" in reading.facts["notes"][0]


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "c.tsv"
    matrix(tmp_path / "whole.tsv")
    whole = (tmp_path / "whole.tsv").read_bytes()
    path.write_bytes(whole[:-9])
    with pytest.raises(ReadingError, match="is cut"):
        read(str(path))
    packed = tmp_path / "c.tsv.gz"
    packed.write_bytes(gzip.compress(whole)[:-30])
    with pytest.raises(ReadingError, match="truncated"):
        read(str(packed))
    path.write_bytes(b"")
    with pytest.raises(ReadingError, match="empty"):
        read(str(path))
    path.write_bytes(b"gene_id\tA-1\n")
    with pytest.raises(ReadingError, match="no rows|no row"):
        read(str(path))
    path.write_bytes(b"PK\x03\x04" + b"0" * 50)
    with pytest.raises(ReadingError, match="Excel"):
        read(str(path))
