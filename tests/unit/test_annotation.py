"""Consequences of planted variants in a planted gene; GFF3 files that lack what is needed."""

import gzip

import pandas as pd
import pytest
from linedrift.readers import annotation
from linedrift.readers.consequences import gravest, protein_change
from linedrift.readers.files import ReadingError
from small_alignments import random_bases, write_fasta

# Two exons on 201-350 and 551-700 (1-based), 100 codons without a stop but the last.
_CODONS = ["ATG", "CGC", "GAA", "CTG", "TGG", *["GCA"] * 45, *["CAG"] * 49, "TAA"]
_CODING = "".join(_CODONS)
GENOME = (
    random_bases(200, 3) + _CODING[:150] + random_bases(200, 4) + _CODING[150:]
    + random_bases(200, 5)
)  # fmt: skip


def gff3(contig="1", transcript="transcript:", tag="Ensembl_canonical", name="AAA", shift=0):
    """Return a GFF3 as Ensembl writes it; `transcript` is what it puts before names."""
    gene = "gene:" if transcript else ""
    code = f"ENST0{shift}"
    rows = [
        ("gene", 201, 700, ".", f"ID={gene}ENSG0{shift};Name={name};biotype=protein_coding"),
        (
            "mRNA", 201, 700, ".",
            f"ID={transcript}{code};Parent={gene}ENSG0{shift};biotype=protein_coding;tag=basic,{tag}",
        ),
    ]  # fmt: skip
    for first, last in ((201, 350), (551, 700)):
        rows.append(("exon", first, last, ".", f"Parent={transcript}{code}"))
        rows.append(("CDS", first, last, "0", f"ID=CDS:P0;Parent={transcript}{code}"))
    lines = [
        f"{contig}\tensembl\t{kind}\t{first + shift}\t{last + shift}\t.\t+\t{phase}\t{text}\n"
        for kind, first, last, phase, text in rows
    ]
    return "##gff-version 3\n" + "".join(lines)


@pytest.fixture(params=["1", "chr1"])
def fasta(tmp_path, request):
    return write_fasta(tmp_path / "genome.fa", {request.param: GENOME})


@pytest.fixture
def genes(tmp_path):
    path = tmp_path / "genes.gff3"
    path.write_text(gff3(), encoding="utf-8")
    return path


def variants(*rows):
    """Return variants at 0-based positions; ref is taken from the genome."""
    frame = pd.DataFrame(
        [("chr1", at, GENOME[at : at + length], alt) for at, length, alt in rows],
        columns=["chrom", "start", "ref", "alt"],
    )
    return frame.assign(gene="", consequence="", protein_change="", kept="x")


def told(frame):
    return frame[["gene", "consequence", "protein_change"]].to_numpy().tolist()


def test_each_variant_has_its_consequence(fasta, genes):
    asked = variants((204, 1, "A"), (100, 1, "N"), (203, 1, "T"), (560, 1, "T"), (350, 1, "N"))
    asked["alt"] = [
        "A",
        "C" if GENOME[100] != "C" else "A",
        "T",
        "T",
        "C" if GENOME[350] != "C" else "A",
    ]
    asked = asked.sample(frac=1, random_state=2)
    found = annotation.annotate(asked, genes, fasta).sort_values("start")
    assert told(found) == [
        ["", "", ""],
        ["AAA", "missense", "p.Arg2Cys"],
        ["AAA", "missense", "p.Arg2His"],
        ["AAA", "splice_donor", ""],
        ["AAA", "missense", "p.Gln54Leu"],
    ]
    assert found["kept"].eq("x").all()


def test_indels_shift_the_frame_or_take_residues(fasta, genes):
    asked = variants((214, 2, GENOME[214]), (205, 4, GENOME[205]))
    found = annotation.annotate(asked, genes, fasta)
    assert found["consequence"].tolist() == ["frameshift", "inframe_deletion"]
    assert found["protein_change"].tolist()[1] == "p.Glu3del"
    assert found["protein_change"].tolist()[0].endswith("fs")


def test_a_packed_file_and_a_sequence_at_its_end_are_read(tmp_path, fasta):
    path = tmp_path / "genes.gff3.gz"
    path.write_bytes(gzip.compress((gff3() + "##FASTA\n>1\nACGT\n").encode()))
    found = annotation.annotate(variants((204, 1, "A")), path, fasta)
    assert told(found) == [["AAA", "missense", "p.Arg2His"]]


def test_no_variant_is_an_answer_too(fasta, genes):
    found = annotation.annotate(variants(), genes, fasta)
    assert found.empty
    assert {"gene", "consequence", "protein_change"} <= set(found)


def test_other_genes_do_not_matter(tmp_path, fasta):
    path = tmp_path / "genes.gff3"
    path.write_text(gff3("2", name="BBB") + gff3() + gff3("22", name="CCC"), encoding="utf-8")
    found = annotation.annotate(variants((204, 1, "A"), (900, 1, "N")), path, fasta)
    assert found["gene"].tolist() == ["AAA", ""]


def gencode():
    """Return the same genes as GENCODE writes them."""
    gene = "gene_id=ENSG00.5;gene_type=protein_coding;gene_name=AAA"
    code = f"transcript_id=ENST00.2;transcript_type=protein_coding;{gene}"
    rows = [
        ("gene", 201, 700, ".", f"ID=ENSG00.5;{gene};level=2"),
        ("transcript", 201, 700, ".", f"ID=ENST00.2;Parent=ENSG00.5;{code};tag=basic,MANE_Select"),
        ("start_codon", 201, 203, "0", f"ID=start_codon:ENST00.2;Parent=ENST00.2;{code}"),
    ]
    for number, (first, last) in enumerate(((201, 350), (551, 700)), 1):
        rows.append(("exon", first, last, ".", f"ID=exon:ENST00.2:{number};Parent=ENST00.2;{code}"))
        rows.append(("CDS", first, last, "0", f"ID=CDS:ENST00.2;Parent=ENST00.2;{code}"))
    return lines("chr1", "HAVANA", rows)


def refseq():
    """Return the same genes as RefSeq writes them."""
    gene = "ID=gene-AAA;Dbxref=GeneID:1;Name=AAA;gbkey=Gene;gene=AAA;gene_biotype=protein_coding"
    code = "ID=rna-NM_01.1;Parent=gene-AAA;Name=NM_01.1;gbkey=mRNA;gene=AAA;tag=MANE Select"
    rows = [("gene", 201, 700, ".", gene), ("mRNA", 201, 700, ".", code)]
    for number, (first, last) in enumerate(((201, 350), (551, 700)), 1):
        exon = f"ID=exon-NM_01.1-{number};Parent=rna-NM_01.1;gbkey=mRNA;gene=AAA"
        rows.append(("exon", first, last, ".", exon))
        rows.append(("CDS", first, last, "0", "ID=cds-NP_01.1;Parent=rna-NM_01.1;gene=AAA"))
    region = ("region", 1, 900, ".", "ID=NC_000001.11:1..900;Dbxref=taxon:9606;Name=1")
    return lines("NC_000001.11", "BestRefSeq", [region, *rows])


def lines(contig, source, rows):
    return "##gff-version 3\n" + "".join(
        f"{contig}\t{source}\t{kind}\t{first}\t{last}\t.\t+\t{phase}\t{text}\n"
        for kind, first, last, phase, text in rows
    )


@pytest.mark.parametrize("text", [gencode(), refseq()], ids=["GENCODE", "RefSeq"])
def test_genes_of_others_are_read_as_those_of_ensembl(tmp_path, fasta, text):
    path = tmp_path / "others.gff3"
    path.write_text(text, encoding="utf-8")
    asked = variants(*((at, 1, "A" if GENOME[at] != "A" else "C") for at in (204, 300, 400, 551)))
    assert told(annotation.annotate(asked, path, fasta)) == [
        ["AAA", "missense", "p.Arg2His"],
        ["AAA", "missense", "p.Ala34Glu"],
        ["AAA", "intron", ""],
        ["AAA", "missense", "p.Gln51Pro"],
    ]


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("", "no line of nine columns"),
        ("##gff-version 3\n", "no line of nine columns"),
        (gff3(transcript=""), "attributes such as 'ID=ENSG00"),
        (gff3().replace("CDS\t", "exon\t"), "expected lines of coding sequence"),
        (gff3().replace(";biotype=protein_coding", ""), "genes .* and of transcripts"),
        ('1\tx\texon\t1\t9\t.\t+\t.\tgene_id "A"; transcript_id "B";\n', "gene_id"),
    ],
    ids=["empty", "header", "other names", "no coding sequence", "no biotype", "a GTF"],
)
def test_a_gff3_without_the_needed_lines_says_what_is_missing(tmp_path, fasta, text, lacks):
    path = tmp_path / "poor.gff3"
    path.write_text(text or "\n", encoding="utf-8")
    with pytest.raises(ReadingError, match=rf"poor\.gff3: found .*{lacks}|{lacks}") as error:
        annotation.annotate(variants((204, 1, "A")), path, fasta)
    assert "Give the GFF3 of Ensembl" in str(error.value)
    assert annotation.problem(path) == str(error.value), "the check tells it before"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("text", [gff3(), gff3("chr17"), gencode(), refseq()])
def test_the_check_takes_a_whole_gff3(tmp_path, packed, text):
    path = tmp_path / "genes.gff3"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert annotation.problem(path) == ""


def test_the_check_looks_no_further_than_it_must(tmp_path, monkeypatch):
    path = tmp_path / "genes.gff3"
    path.write_bytes((gff3() + gff3("2") * 500).encode() + b"\xff\xfe no text\n")
    assert annotation.problem(path) == ""
    monkeypatch.setattr(annotation, "_MOST_LINES", 5)
    path.write_text(gff3("KI270711.1") + gff3(), encoding="utf-8")
    assert "its contigs are 'KI270711.1'; expected chromosomes as in chr17" in annotation.problem(
        path
    )


def test_the_check_names_contigs_that_nobody_knows(tmp_path):
    path = tmp_path / "genes.gff3"
    path.write_text(gff3("CM000663.2") + gff3("CM000664.2"), encoding="utf-8")
    told = annotation.problem(path)
    assert "genes.gff3: its contigs are 'CM000663.2', 'CM000664.2'; expected" in told
    path.write_text(gff3("KI270711.1") + gff3(), encoding="utf-8")
    assert annotation.problem(path) == "", "others beside are no fault"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (gff3("NC_000001.10"), "NC_000001.10 is not the chr1 of GRCh38"),
        ("##gff-version 3\n#!genome-build GRCh37.p13\n" + gff3(), "says that it is of GRCh37"),
    ],
)
def test_the_check_knows_genes_of_another_build(tmp_path, text, told):
    path = tmp_path / "genes.gff3"
    path.write_text(text, encoding="utf-8")
    assert told in annotation.problem(path)


def test_the_check_tells_files_that_are_no_text(tmp_path):
    path = tmp_path / "genes.gff3"
    assert "there is no such file" in annotation.problem(path)
    path.write_bytes(b"")
    assert "is empty" in annotation.problem(path)
    path.write_bytes(gzip.compress(gff3().encode() * 50)[:-40])
    assert "is truncated or damaged" in annotation.problem(path)
    path.write_bytes(b"PK\x03\x04" + bytes(100))
    assert "is a zip archive" in annotation.problem(path)


def test_one_process_may_ask_again_with_other_genes_and_after_an_error(tmp_path, genes):
    """bcftools keeps global state; a job asks once, the tests many times."""
    one = write_fasta(tmp_path / "one.fa", {"chr1": GENOME})
    two = write_fasta(tmp_path / "two.fa", {"1": GENOME, "2": GENOME})
    others = tmp_path / "others.gff3"
    others.write_text(gff3("2") + gff3("1", name="BBB"), encoding="utf-8")
    asked = variants((204, 1, "A"), (560, 1, "T"))
    wrong = asked.assign(ref="NN")
    for _ in range(3):
        assert annotation.annotate(asked, genes, one)["gene"].tolist() == ["AAA", "AAA"]
        with pytest.raises(ReadingError, match="bcftools csq: .*does not match"):
            annotation.annotate(wrong, genes, one)
        assert annotation.annotate(asked, others, two)["gene"].tolist() == ["BBB", "BBB"]


def test_a_cut_file_is_an_error(tmp_path, fasta):
    path = tmp_path / "cut.gff3.gz"
    path.write_bytes(gzip.compress(gff3().encode() * 50)[:-40])
    with pytest.raises(ReadingError, match=r"cut\.gff3\.gz: cannot be read as GFF3"):
        annotation.annotate(variants((204, 1, "A")), path, fasta)


def test_a_file_that_is_not_there_is_named(tmp_path, fasta):
    with pytest.raises(ReadingError, match="there is no such file"):
        annotation.annotate(variants((204, 1, "A")), tmp_path / "none.gff3", fasta)


@pytest.mark.parametrize(
    ("text", "term", "expected"),
    [
        ("175R>175H", "missense", "p.Arg175His"),
        ("213R>213*", "stop_gained", "p.Arg213Ter"),
        ("2G", "synonymous", "p.Gly2="),
        ("1M>1V", "start_lost", "p.Met1?"),
        ("10PTPA*>10Q*", "frameshift", "p.Pro10fs"),
        ("100*>100WQR*", "stop_lost", "p.Ter100Trpext"),
        ("17EE>17K", "inframe_deletion", "p.Glu17_Glu18delinsLys"),
        ("17EEK>17EK", "inframe_deletion", "p.Glu18del"),
        ("17EEK>17E", "inframe_deletion", "p.Glu18_Lys19del"),
        ("5A>5AQ", "inframe_insertion", "p.Ala5delinsAlaGln"),
        ("", "intron", ""),
        ("nonsense", "missense", ""),
    ],
)
def test_changes_of_proteins_are_spelled_out(text, term, expected):
    assert protein_change(text, term) == expected


def test_the_gravest_consequence_of_the_standard_transcript_is_told():
    text = (
        "synonymous|A|T1|protein_coding|+|5G|10A>G,missense|A|T2|protein_coding|+|5G>5V|10A>G,"
        "missense|A|T3|protein_coding|+|9G>9V|10A>G"
    )
    assert gravest(text) == ("A", "missense", "p.Gly5Val")
    assert gravest(text, {"T3"}) == ("A", "missense", "p.Gly9Val")
    assert gravest(text, {"T1"}) == ("A", "missense", "p.Gly5Val")


@pytest.mark.parametrize("text", ["", "@500", "unheard_of|A|T|x"])
def test_what_is_no_consequence_is_empty(text):
    assert gravest(text) == ("", "", "")


def test_of_two_terms_the_graver_is_told():
    text = "*frameshift&splice_region|A|T|protein_coding|-|5G*>5V*|10A>G"
    assert gravest(text) == ("A", "frameshift", "p.Gly5fs")
