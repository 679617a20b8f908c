"""Genes of annotations as Ensembl, GENCODE and RefSeq write them, one planted set in each."""

import gzip

import numpy as np
import pandas as pd
import pysam
import pytest
from linedrift import tables
from linedrift.readers import genes
from linedrift.readers.files import ReadingError
from linedrift.rna_tables import GENES

# gene_id, version, symbol, contig number, start (1-based), end, strand, biotype
PLANTED = [
    ("ENSG00000141510", 18, "TP53", "17", 7661779, 7687538, "-", "protein_coding"),
    ("ENSG00000171552", 12, "BCL2L1", "20", 31664452, 31723989, "-", "protein_coding"),
    ("ENSG00000229807", 13, "XIST", "X", 73820649, 73852723, "-", "lncRNA"),
    ("ENSG00000102145", 15, "GATA1", "X", 48786554, 48794311, "+", "protein_coding"),
    ("ENSG00000000001", 1, "ODD%2CNAME", "1", 100, 900, "+", "pseudogene"),
]
ACCESSIONS = {"17": "NC_000017.11", "20": "NC_000020.11", "X": "NC_000023.11", "1": "NC_000001.11"}
ORDER = ["ENSG00000000001", *(PLANTED[at][0] for at in (0, 1, 3, 2))]


def gtf(style):
    """Return lines of a GTF of Ensembl or GENCODE, genes with a transcript and two exons."""
    lines = ["#!genome-build GRCh38.p14"]
    for gene, version, symbol, contig, start, end, strand, biotype in PLANTED:
        if style == "gencode":
            contig, own = f"chr{contig}", f'gene_id "{gene}.{version}"; gene_type "{biotype}"; '
        else:
            own = f'gene_id "{gene}"; gene_version "{version}"; gene_biotype "{biotype}"; '
        own += f'gene_name "{symbol}"; '
        middle = (start + end) // 2
        kinds = (("gene", start, end), ("transcript", start, end), ("exon", start, middle))
        for kind, first, last in (*kinds, ("exon", middle + 9, end)):
            more = "" if kind == "gene" else 'transcript_id "ENST1"; transcript_name "T-201";'
            lines.append(f"{contig}\tx\t{kind}\t{first}\t{last}\t.\t{strand}\t.\t{own}{more}")
    return lines


def gff3(style):
    """Return lines of a GFF3 of Ensembl, GENCODE or RefSeq."""
    lines = ["##gff-version 3", "#!genome-build  Genome Reference Consortium GRCh38.p14"]
    for number, row in enumerate(PLANTED):
        gene, version, symbol, contig, start, end, strand, biotype = row
        kind = {"lncRNA": "ncRNA_gene", "pseudogene": "pseudogene"}.get(biotype, "gene")
        if style == "ensembl":
            own = f"ID=gene:{gene};Name={symbol};biotype={biotype};gene_id={gene};version={version}"
        elif style == "gencode":
            contig, kind = f"chr{contig}", "gene"
            own = f"ID={gene}.{version};gene_id={gene}.{version};gene_type={biotype};"
            own += f"gene_name={symbol};level=2"
        else:
            contig, kind = ACCESSIONS[contig], "pseudogene" if kind == "pseudogene" else "gene"
            own = f"ID=gene-{symbol};Dbxref=GeneID:{7000 + number},HGNC:HGNC:1;Name={symbol};"
            own += f"gbkey=Gene;gene={symbol};gene_biotype={biotype}"
        lines.append(f"{contig}\tx\t{kind}\t{start}\t{end}\t.\t{strand}\t.\t{own}")
        child = f"ID=transcript:T{number};Parent=gene:{gene};Name={symbol}-201"
        lines += [f"{contig}\tx\tmRNA\t{start}\t{end}\t.\t{strand}\t.\t{child}", "###"]
    return [*lines, "##FASTA", ">1", "ACGT\tAC"]


def write(path, lines):
    data = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return str(path)


def expected(column):
    at = {"start": 4, "end": 5, "strand": 6, "biotype": 7}[column]
    values = {row[0]: row[at] - (column == "start") if at < 6 else row[at] for row in PLANTED}
    return [values[gene] for gene in ORDER]


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize(
    ("make", "style"), [(gtf, "ensembl"), (gtf, "gencode"), (gff3, "ensembl"), (gff3, "gencode")]
)
def test_every_style_gives_the_planted_genes(make, style, packed, tmp_path):
    found = genes.read(write(tmp_path / f"a{packed}", make(style))).genes
    assert found["gene_id"].tolist() == ORDER
    for column in ("start", "end", "strand", "biotype"):
        assert found[column].tolist() == expected(column)
    assert found["chrom"].astype(str).tolist() == ["chr1", "chr17", "chr20", "chrX", "chrX"]
    tables.check(found, GENES)


def test_refseq_has_symbols_numbers_and_accessions(tmp_path):
    found = genes.read(write(tmp_path / "r.gff", gff3("refseq"))).genes
    assert found["symbol"].tolist() == ["ODD,NAME", "TP53", "BCL2L1", "GATA1", "XIST"]
    assert found["entrez"].tolist() == ["7004", "7000", "7001", "7003", "7002"]
    assert found["start"].tolist() == expected("start")


def test_a_gtf_without_genes_gives_what_its_exons_span(tmp_path):
    lines = [line for line in gtf("ensembl") if "\tgene\t" not in line]
    found = genes.read(write(tmp_path / "a.gtf", lines)).genes
    assert found["start"].tolist() == expected("start")
    assert found["end"].tolist() == expected("end")


def test_a_bed_and_a_table_are_read(tmp_path):
    rows = [(f"chr{r[3]}", r[4] - 1, r[5], r[0], 0, r[6]) for r in PLANTED]
    bed = write(tmp_path / "g.bed", ["track name=x", *("\t".join(map(str, row)) for row in rows)])
    found = genes.read(bed).genes
    assert found["gene_id"].tolist() == ORDER and found["start"].tolist() == expected("start")
    assert found["strand"].tolist() == expected("strand")
    head = "Gene stable ID,Gene start (bp),Gene end (bp),Chromosome/scaffold name,Strand,Gene name"
    lines = [head, *(f"{r[0]}.3,{r[4]},{r[5]},{r[3]},{r[6]}1,{r[2]}" for r in PLANTED)]
    table = genes.read(write(tmp_path / "g.csv", lines)).genes
    assert table["gene_id"].tolist() == ORDER and table["start"].tolist() == expected("start")
    assert table["strand"].tolist() == expected("strand")
    assert table["symbol"].tolist()[1] == "TP53"


def test_places_that_are_many_are_counted(tmp_path):
    rows = [
        "chrX\t100\t200\tPAR1",
        "chrY\t100\t200\tPAR1",
        "chr1\t5\t9\tTWICE",
        "chr2\t5\t9\tTWICE",
    ]
    rows += ["chr3\t10\t20\tJOINED", "chr3\t15\t40\tJOINED", "chr4\t1\t9\tFAR"]
    rows += ["chr4\t90000000\t90000009\tFAR", "chrM\t5\t9\tMITO", "chr6_GL000256v2_alt\t5\t9\tHLA"]
    found = genes.read(write(tmp_path / "g.bed", rows))
    assert found.genes["gene_id"].tolist() == ["JOINED", "PAR1"]
    assert found.genes["end"].tolist() == [40, 200]
    assert found.genes["chrom"].astype(str).tolist() == ["chr3", "chrX"]
    assert found.facts["n_ambiguous"] == 2 and found.facts["n_other_contig"] == 2


def test_gc_is_that_of_the_span(tmp_path):
    sequence = "".join(np.random.default_rng(0).choice(list("ACGT"), 1000))
    fasta = tmp_path / "g.fa"
    fasta.write_text(f">chr1\n{sequence}\n")
    pysam.faidx(str(fasta))
    found = genes.read(write(tmp_path / "g.bed", ["chr1\t100\t500\tG"]), fasta=str(fasta)).genes
    assert found["gc"].iloc[0] == pytest.approx(sum(b in "GC" for b in sequence[100:500]) / 400)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["##gff-version 3"], "no row but comments"),
        ([line for line in gff3("ensembl") if "gene\t" not in line], "no row of a gene"),
        (['1\tx\tCDS\t5\t9\t.\t+\t.\tgene_id "G";'], "neither rows of genes nor of exons"),
        (["#!genome-build GRCh37.p13", *gtf("ensembl")[1:]], "says that it is of GRCh37"),
        (['22\tx\tgene\t51000000\t51000009\t.\t+\t.\tgene_id "G";'], "end beyond their chromosome"),
        (
            ["NC_000017.10\tx\tgene\t5\t9\t.\t+\t.\tID=gene-G;gene=G"],
            "NC_000017.10 is not the chr17",
        ),
        (["chrM\tx\tgene\t5\t9\t.\t+\t.\tID=gene-G;gene=G"], "has no gene on chr1 to chr22"),
        (["name\tchr\tposition", "rs1\t1\t5"], "is no annotation of genes"),
        (["gene_id\tchrom\tstart\tend", "G\t1\t90\t50"], "'G' has no position or ends before"),
        ([*gtf("ensembl")[:3], "1\tx\tgene"], "damaged or cut"),
    ],
)
def test_bad_annotations_are_refused_in_words(lines, words, tmp_path):
    with pytest.raises(ReadingError, match=words):
        genes.read(write(tmp_path / "a", lines))


def test_another_build_shows_by_known_genes(tmp_path):
    spread = [(f"K{number}", number * 1_000_000) for number in range(10)]
    known = pd.DataFrame(
        {"gene": [n for n, _ in spread], "chrom": "chr1", "start": [p for _, p in spread]}
    ).assign(end=lambda frame: frame["start"] + 1000)
    for shift, right in ((200, True), (50_000, False)):
        rows = [f"chr1\t{p + shift}\t{p + shift + 1000}\t{n}" for n, p in spread]
        path = write(tmp_path / f"{shift}.bed", rows)
        if right:
            assert len(genes.read(path, known=known).genes) == 10
        else:
            with pytest.raises(ReadingError, match="0 of 10 known genes.*K0 is at chr1:50,001"):
                genes.read(path, known=known)


def counted(ids, names=None):
    return pd.DataFrame(
        {"gene_id": ids, "gene_name": names or [""] * len(ids), "count": [5.0] * len(ids)}
    )


SETTINGS = {"least_genes_found": 0.5}


@pytest.fixture
def annotation(tmp_path):
    return genes.read(write(tmp_path / "r.gff", gff3("refseq")))


@pytest.mark.parametrize(
    ("ids", "names", "way"),
    [
        (["TP53", "XIST", "NONE"], None, "gene_id"),
        (["7000", "7002", "1"], None, "entrez"),
        (["X1", "X2", "X3"], ["TP53", "XIST", "NONE"], "gene_name as symbol"),
    ],
)
def test_genes_are_found_by_what_the_counts_name(ids, names, way, annotation):
    found = genes.locate("c.tsv", counted(ids, names), annotation, "r.gff", SETTINGS)
    assert found.genes["symbol"].tolist() == ["TP53", "XIST"]
    assert found.genes["id_in_file"].tolist() == ids[:2]
    assert found.facts["matched_by"] == way and found.facts["n_not_in_annotation"] == 1
    assert found.facts["share_of_genes"] == pytest.approx(2 / 3)
    assert found.facts["share_protein_coding"] == pytest.approx(1 / 3)


def test_another_annotation_is_refused_with_both_kinds(annotation):
    ids = ["ENSG00000141510", "ENSG00000000005"]
    with pytest.raises(ReadingError) as caught:
        genes.locate("c.tsv", counted(ids), annotation, "r.gff", SETTINGS)
    text = str(caught.value)
    assert "0 of 2 genes with reads are in r.gff" in text
    assert "'ENSG00000141510'" in text and "(Ensembl)" in text and "(symbol)" in text


def test_names_that_the_annotation_has_twice_are_not_used(tmp_path):
    rows = ["gene_id\tsymbol\tchrom\tstart\tend", "A\tS\t1\t5\t9", "B\tS\t2\t5\t9", "C\tT\t3\t5\t9"]
    of = genes.read(write(tmp_path / "g.tsv", rows))
    found = genes.locate("c", counted(["S", "T"]), of, "g.tsv", SETTINGS)
    assert found.genes["gene_id"].tolist() == ["C"]
    assert found.facts["notes"] == ["Only 50% of the genes with reads are in the annotation."]
    twice = counted(["X1", "X2", "X3"], ["T", "T", "A"])
    with pytest.raises(ReadingError, match="0 of 3 genes"):
        genes.locate("c", twice, of, "g.tsv", SETTINGS)


def test_gc_of_a_table_is_a_share(tmp_path):
    rows = ["Gene stable ID\tGene % GC content\tChromosome/scaffold name\tGene start (bp)\t"
            "Gene end (bp)", "ENSG00000000001\t40.85\t1\t101\t500",
            "ENSG00000000002\t\t1\t1101\t1500"]  # fmt: skip
    found = genes.read(write(tmp_path / "g.tsv", rows)).genes
    assert found["gc"].iloc[0] == pytest.approx(0.4085) and np.isnan(found["gc"].iloc[1])


def test_a_reference_of_a_part_tells_what_it_has(tmp_path):
    fasta = tmp_path / "g.fa"
    fasta.write_text(">chr1\n" + "GC" * 300 + "\n")
    pysam.faidx(str(fasta))
    rows = ["chr1\t100\t500\tA", "chr1\t500\t700\tB", "chr2\t100\t500\tC"]
    found = genes.read(write(tmp_path / "g.bed", rows), fasta=str(fasta)).genes
    assert found["gc"].tolist()[0] == 1.0 and found["gc"].isna().tolist() == [False, True, True]
