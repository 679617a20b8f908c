"""Tables of counts as users have them, and as they go wrong: through the reader and the check.

Each layout carries the same planted counts. Of bad input the check says, before any job runs, what
the reader would.
"""

import gzip

import numpy as np
import pandas as pd
import pytest
from linedrift.readers import count_layouts, counts, genes, rna_heads
from linedrift.readers.files import ReadingError
from truth import CONFIG

N = 400
IDS = [f"ENSG{k:011d}" for k in range(1, N + 1)]
SYMBOLS = [f"GENE{k}" for k in range(1, N + 1)]
RNG = np.random.default_rng(7)
ONE, TWO = RNG.negative_binomial(2, 0.01, (2, N))
MARKERS = pd.DataFrame({"chrom": ["chr1"], "pos_GRCh38": [5]})


def text_of(rows, end="\n", delimiter="\t"):
    """Return rows as bytes of a text file."""
    return "".join(delimiter.join(map(str, row)) + end for row in rows).encode()


def columns(*parts):
    """Return rows of columns."""
    return [list(row) for row in zip(*parts, strict=True)]


def featurecounts(bams):
    """Return a table of featureCounts, columns named by the paths of alignments."""
    head = [['# Program:featureCounts v2.0.6; Command:"featureCounts" "-s" "2" "-p" "-a" "g.gtf"']]
    head.append(["Geneid", "Chr", "Start", "End", "Strand", "Length", *bams])
    places = (["1;1"] * N, ["10;90"] * N, ["50;99"] * N, ["+;+"] * N, [51] * N)
    return text_of(head + columns(IDS, *places, ONE, TWO))


def star(shares):
    """Return a ReadsPerGene.out.tab whose three columns have these shares of the counts."""
    rows = [["N_unmapped", 5, 5, 5], ["N_multimapping", 9, 9, 9], ["N_noFeature", 50, 400, 60],
            ["N_ambiguous", 3, 1, 1]]  # fmt: skip
    return text_of(rows + columns(IDS, *(np.round(ONE * share).astype(int) for share in shares)))


HTSEQ = [["__no_feature", 90], ["__ambiguous", 4], ["__too_low_aQual", 0], ["__not_aligned", 7],
         ["__alignment_not_unique", 20]]  # fmt: skip
HEADER = ["gene_id", "gene_name", "KOLF2_p9", "KOLF2_p30"]
NFCORE = [HEADER, *columns(IDS, SYMBOLS, ONE, TWO)]
VERSIONED = [f"{gene}.{k % 17 + 1}" for k, gene in enumerate(IDS)]
SALMON = [HEADER, *columns(IDS, SYMBOLS, ONE + 0.127, TWO + 0.5)]
RSEM = [
    "gene_id",
    "transcript_id(s)",
    "length",
    "effective_length",
    "expected_count",
    "TPM",
    "FPKM",
]
SF = ["Name", "Length", "EffectiveLength", "TPM", "NumReads"]
TENTH = np.round(ONE / 10, 2)
BAMS = ("/mnt/run 1/KOLF2_p9.Aligned.sortedByCoord.out.bam", "results/star/KOLF2_p30.bam")
LAYOUTS = {
    "nf-core": (text_of(NFCORE), "gene_counts", "KOLF2_p9"),
    "nf-core, gzip": (gzip.compress(text_of(NFCORE)), "gene_counts", "KOLF2_p9"),
    "Windows": (text_of(NFCORE, end="\r\n"), "gene_counts", "KOLF2_p9"),
    "Windows with a byte order mark": (
        b"\xef\xbb\xbf" + text_of(NFCORE, "\r\n", ","), "gene_counts", "KOLF2_p9",
    ),
    "versions": (
        text_of([HEADER, *columns(VERSIONED, SYMBOLS, ONE, TWO)]), "gene_counts", "KOLF2_p9",
    ),
    "symbols": (
        text_of([["gene", *HEADER[2:]], *columns(SYMBOLS, ONE, TWO)]), "gene_counts", "KOLF2_p9",
    ),
    "row names of R, quoted": (
        text_of([['"KOLF2_p9"', '"KOLF2_p30"'], *columns([f'"{i}"' for i in IDS], ONE, TWO)],
                delimiter=","), "gene_counts", "KOLF2_p9",
    ),
    "numbers as names of samples": (
        text_of([["gene_id", "101", "102"], *columns(IDS, ONE, TWO)]), "gene_counts", "101",
    ),
    "featureCounts by path": (featurecounts(BAMS), "featurecounts", BAMS[0]),
    "featureCounts by name": (
        featurecounts(BAMS), "featurecounts", "KOLF2_p9.Aligned.sortedByCoord.out.bam",
    ),
    "STAR, reverse": (star((1.05, 0.04, 1)), "star", ""),
    "STAR, Windows": (star((1.05, 1, 0.04)).replace(b"\n", b"\r\n"), "star", ""),
    "HTSeq": (text_of(columns(IDS, ONE) + HTSEQ), "htseq", ""),
    "HTSeq with symbols": (
        text_of(columns(IDS, SYMBOLS, ONE) + [[a, "", b] for a, b in HTSEQ]), "htseq", "",
    ),
    "HTSeq merged": (
        text_of([["gene_id", "KOLF2_p9"], *columns(IDS, ONE), *HTSEQ]), "gene_counts", "KOLF2_p9",
    ),
    "RSEM": (
        text_of([RSEM, *columns(IDS, ["ENST1,ENST2"] * N, [900] * N, [800.5] * N, ONE, TENTH,
                                TENTH)]), "gene_counts", "expected_count",
    ),
    "salmon quant.genes.sf": (
        text_of([SF, *columns(IDS, [900] * N, [800.5] * N, TENTH, ONE)]), "gene_counts",
        "NumReads",
    ),
}  # fmt: skip


def look(tmp_path, data, format, name):
    """Return the file, and what the check says of it."""
    path = tmp_path / ("counts.tsv.gz" if data[:2] == b"\x1f\x8b" else "counts.tsv")
    path.write_bytes(data)
    row = {"path": str(path), "format": format, "name_in_file": name}
    return str(path), rna_heads.problems(row, {}, MARKERS)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_users_have_is_read_as_it_was_planted(layout, tmp_path):
    data, format, name = LAYOUTS[layout]
    path, problems = look(tmp_path, data, format, name)
    assert problems == []
    found = counts.read(path, format=format, name_in_file=name, settings=CONFIG["rna"])
    assert found.genes["gene_id"].tolist() == (SYMBOLS if layout == "symbols" else IDS)
    np.testing.assert_array_equal(found.genes["count"], ONE)


def test_counts_of_salmon_are_fractional_and_fine(tmp_path):
    path, problems = look(tmp_path, text_of(SALMON), "gene_counts", "KOLF2_p9")
    assert problems == []
    found = counts.read(path, format="gene_counts", name_in_file="KOLF2_p9", settings=CONFIG["rna"])
    np.testing.assert_allclose(found.genes["count"], ONE + 0.127)


def table(values, ids=IDS):
    """Return a table of two samples with these values in the first."""
    return text_of([HEADER, *columns(ids, SYMBOLS, values, TWO)])


BAD = {
    "negative": (table(ONE - 50.0), "KOLF2_p9", "negative or infinite"),
    "logs": (table(np.round(np.log2(ONE + 1), 4)), "KOLF2_p9", "look like logs"),
    "a sample with no reads": (table(ONE * 0), "KOLF2_p9", "has no read: all of 400 counts are 0"),
    "TPM": (table(np.round(ONE / ONE.sum() * 1e6, 4)), "KOLF2_p9", "scaled to a million"),
    "a missing column": (table(ONE), "KOLF2_p10", "no sample 'KOLF2_p10'; the nearest name is"),
    "a name that R changed": (
        table(ONE).replace(b"KOLF2_p9", b"KOLF2.p9"), "KOLF2-p9", "differs only by what R changes",
    ),
    "no name of three": (table(ONE), "", "KOLF2_p30"),
    "samples in rows": (
        text_of([["sample", *IDS], ["KOLF2_p9", *ONE]]), "KOLF2_p9", "Transpose it",
    ),
    "an empty file": (b"", "KOLF2_p9", "is empty"),
    "a header alone": (text_of([HEADER]), "KOLF2_p9", ""),
    "a workbook": (b"PK\x03\x04" + bytes(400), "KOLF2_p9", "looks like"),
    "cut in the middle of a row": (table(ONE)[:-4], "KOLF2_p9", "cut"),
    "another format": (star((1, 0.5, 0.5)), "KOLF2_p9", "Write star into the column format"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_the_check_says_what_the_reader_would(name, tmp_path):
    data, sample, words = BAD[name]
    path, problems = look(tmp_path, data, "gene_counts", sample)
    assert len(problems) == 1 and words in problems[0] and path in problems[0]
    with pytest.raises(ReadingError) as told:
        counts.read(path, format="gene_counts", name_in_file=sample, settings=CONFIG["rna"])
    assert words in str(told.value)


def test_logs_of_a_wide_table_are_told_by_its_first_rows(tmp_path):
    wide = np.round(np.log2(RNG.negative_binomial(2, 0.01, (N, 20)) + 1), 3)
    rows = [["gene_id", *(f"S{k}" for k in range(20))], *np.column_stack([IDS, wide]).tolist()]
    _, problems = look(tmp_path, text_of(rows), "gene_counts", "S7")
    assert len(problems) == 1 and "S7: its values look like logs" in problems[0]
    assert len(count_layouts.whole(str(tmp_path / "counts.tsv"), "gene_counts").samples) == 20


def test_duplicated_genes_are_added_and_exons_refused(tmp_path):
    twice = text_of([HEADER, *columns([IDS[1], *IDS[1:]], SYMBOLS, ONE, TWO)])
    path, problems = look(tmp_path, twice, "gene_counts", "KOLF2_p9")
    assert problems == []
    found = counts.read(path, format="gene_counts", name_in_file="KOLF2_p9", settings=CONFIG["rna"])
    assert found.genes["count"].iloc[0] == ONE[0] + ONE[1]
    assert any("rows repeat a gene" in note for note in found.facts["notes"])
    exons = text_of([HEADER, *columns([IDS[k // 3] for k in range(N)], SYMBOLS, ONE, TWO)])
    path, problems = look(tmp_path, exons, "gene_counts", "KOLF2_p9")
    with pytest.raises(ReadingError, match="Is it a table of exons"):
        counts.read(path, format="gene_counts", name_in_file="KOLF2_p9", settings=CONFIG["rna"])


def test_another_annotation_is_told_by_its_identifiers(tmp_path):
    bed = tmp_path / "mouse.bed"
    bed.write_text("".join(f"chr1\t{k}00\t{k}90\tENSMUSG{k:011d}\n" for k in range(1, 300)))
    path, _ = look(tmp_path, text_of(NFCORE), "gene_counts", "KOLF2_p9")
    own = counts.read(path, format="gene_counts", name_in_file="KOLF2_p9", settings=CONFIG["rna"])
    with pytest.raises(ReadingError, match="0 of .* genes with reads are in mouse.bed"):
        genes.locate(path, own.genes, genes.read(str(bed)), "mouse.bed", CONFIG["rna"])


def test_reads_counted_on_the_wrong_strand_are_noted(tmp_path):
    few = [["__no_feature", int(ONE.sum()) * 9]]
    path, _ = look(tmp_path, text_of(columns(IDS, ONE) + few), "htseq", "")
    found = counts.read(path, format="htseq", settings=CONFIG["rna"])
    assert any("wrong strand" in note for note in found.facts["notes"])
