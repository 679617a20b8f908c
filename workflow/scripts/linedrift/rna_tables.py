"""Frame contracts of RNA-seq: genes, counts of genes, counts of alleles."""

from __future__ import annotations

from linedrift.tables import LOCUS, Column, Table

_GENE = Column("gene_id", "str", "identifier without version")

GENES = Table(
    "genes",
    "gene of the annotation",
    (
        *LOCUS,
        _GENE,
        Column("symbol", "str", "symbol, or empty"),
        Column(
            "strand", "str", "strand of the gene; empty where not known", allowed=("+", "-", "")
        ),
        Column("biotype", "str", "biotype as the annotation names it, or empty"),
        Column("entrez", "str", "NCBI's number of the gene, or empty"),
        Column("gc", "float32", "share of G and C of its span; NaN without a reference"),
    ),
    ("chrom", "start"),
)
GENE_COUNTS = Table(
    "gene_counts",
    "gene of one sample, as its file has it",
    (
        _GENE,
        Column("gene_name", "str", "name of the gene in the file, or empty"),
        Column("count", "float64", "reads; salmon's are fractional", "reads"),
    ),
)
LOCATED_COUNTS = Table(
    "located_counts",
    "gene of one sample that the annotation has",
    (
        *LOCUS,
        _GENE,
        Column("symbol", "str", "symbol of the annotation, or empty"),
        Column("count", "float64", "reads; salmon's are fractional", "reads"),
    ),
    ("chrom", "start"),
)
ALLELE_COUNTS = Table(
    "allele_counts",
    "SNP whose alleles were counted in the RNA of one sample",
    (
        *LOCUS,
        Column("name", "str", "rs number, or chrom:position (1-based)"),
        Column("ref", "str", "base of the reference that was aligned to, forward strand"),
        Column("alt", "str", "alternative base"),
        Column("ref_count", "int32", "reads of ref", "reads"),
        Column("alt_count", "int32", "reads of alt", "reads"),
        Column("total", "int32", "reads of either", "reads"),
        Column("other", "int32", "reads of other bases", "reads"),
        Column("usable", "bool", "False where the reads there cannot be relied on"),
    ),
    ("chrom", "start"),
)
EXTRA_CONTIGS = Table(
    "extra_contigs",
    "contig of the alignment that is no part of the human assembly: a vector, chrEBV, spike-ins",
    (
        Column("contig", "str", "name in the reference that was aligned to"),
        Column("kind", "str", "by its name", allowed=("added", "epstein_barr", "spike_in")),
        Column("length", "int64", "bases", "bp"),
        Column("reads", "int64", "reads with their best place there", "reads"),
        Column(
            "unique_reads", "int64", "of them those placed surely, duplicates left out", "reads"
        ),
        Column("per_million", "float64", "reads per million mapped reads"),
    ),
)
ALL = (GENES, GENE_COUNTS, LOCATED_COUNTS, ALLELE_COUNTS, EXTRA_CONTIGS)
