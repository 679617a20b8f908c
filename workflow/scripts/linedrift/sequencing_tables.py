"""Frame contracts of sequencing: bins, sites, counts of alleles, variants.

They are checked, read and written by `linedrift.tables`, as all others are. Positions are 0-based,
also of variants; `ref` and `alt` are written as VCF writes them (left-aligned, upper case, one
base of anchor before an indel), so that 1-based POS is `start` + 1.
"""

from __future__ import annotations

from linedrift.genome import CHROM_DTYPE
from linedrift.tables import FRACTION, GENOTYPES, LOCUS, REASON, STATE, Column, Table

BIN_KINDS = ("target", "antitarget")
VARIANT_KINDS = ("snv", "mnv", "indel")
VARIANT_ORIGINS = ("acquired", "expanded", "inherited", "lost", "unknown")

_CHROM = Column("chrom", CHROM_DTYPE, "chromosome, UCSC style")
_START = Column("start", "int32", "0-based position of the first base of ref, on GRCh38", "bp")
_ALLELES = (
    Column("ref", "str", "reference allele, upper case, as in VCF"),
    Column("alt", "str", "alternative allele, upper case, as in VCF"),
)
_SAMPLE = Column("sample", "str", "{line}-p{passage}")

BINS = Table(
    "bins",
    "bin of a capture kit, whose depth is one level",
    (
        *LOCUS,
        Column("kind", "str", "on or off target", allowed=BIN_KINDS),
        Column("gc", "float32", "share of G and C; NaN where mostly N", "fraction"),
        Column("near_edge", "float32", "how near the edges of targets are; 0 is far", "fraction"),
        Column(
            "mappable",
            "float32",
            "share of uniquely mappable bases; NaN without a track",
            "fraction",
        ),
    ),
    ("chrom", "start"),
)
SITES = Table(
    "sites",
    "SNP whose alleles are counted in a person's exomes",
    (
        *LOCUS,
        Column("name", "str", "rs number, or chrom:position (1-based)"),
        *_ALLELES,
        Column("b_allele", "str", "which of the two is allele B", allowed=("ref", "alt")),
        Column("in_panel", "bool", "True for a SNP of the identity panel or an array"),
        Column("genotype", GENOTYPES, "genotype of the donor or earliest passage, or empty"),
        Column("shared", "bool", "True where B is the array's B on either strand (not A/T, C/G)"),
    ),
    ("chrom", "start"),
)
VARIANT_COUNTS = Table(
    "variant_counts",
    "candidate allele x sample; the last six columns are of the site and repeat",
    (
        _CHROM,
        _START,
        *_ALLELES,
        _SAMPLE,
        Column("ref_forward", "int32", "reads of ref on the forward strand", "reads"),
        Column("ref_reverse", "int32", "reads of ref on the reverse strand", "reads"),
        Column("alt_forward", "int32", "reads of alt on the forward strand", "reads"),
        Column("alt_reverse", "int32", "reads of alt on the reverse strand", "reads"),
        Column("other", "int32", "reads of any other allele", "reads"),
        Column(
            "read_position_z", "float32", "position in reads, alt against ref; NaN where none", "sd"
        ),
        Column(
            "mapping_quality_z", "float32", "mapping quality, alt against ref; NaN where none", "sd"
        ),
        Column("base_quality_z", "float32", "base quality, alt against ref; NaN where none", "sd"),
        Column("context", "str", "trinucleotide, pyrimidine in the middle; empty for indels"),
        Column("repeat", "int32", "length of the homopolymer or short tandem repeat here", "bp"),
    ),
    ("chrom", "start"),
)
ERROR_COUNTS = Table(
    "error_counts",
    "sample x context x alternative x strand x depth x reads of alt: how many counted positions "
    "are like that, candidates or not, where sample and baseline are homozygous for ref",
    (
        _SAMPLE,
        Column("context", "str", "trinucleotide, pyrimidine in the middle"),
        Column("alt", "str", "alternative base on the strand of that pyrimidine"),
        Column(
            "strand",
            "str",
            "pyrimidine: as sequenced, the reads show the pyrimidine of the reference",
            allowed=("pyrimidine", "purine"),
        ),
        Column("depth", "int32", "reads of ref and alt of that strand; rounded", "reads"),
        Column("alt_reads", "int32", "reads of alt of that strand", "reads"),
        Column("sites", "int64", "positions", "positions"),
    ),
)
VARIANTS = Table(
    "variants",
    "variant of a line",
    (
        Column("variant_id", "str", "stable hash of line, place and alleles"),
        Column("line", "str", "line"),
        *LOCUS,
        *_ALLELES,
        Column("kind", "str", "kind of variant", allowed=VARIANT_KINDS),
        Column("origin", "str", "expanded: the donor has it in few cells", allowed=VARIANT_ORIGINS),
        Column("first_passage", "Int32", "earliest passage where it is present"),
        Column("quality", "float64", "phred of 1 - posterior", "phred"),
        Column("posterior", "float64", "probability of the origin's hypothesis, all being weighed"),
        Column("gene", "str", "gene, empty without an annotation"),
        Column("consequence", "str", "Sequence Ontology term by bcftools csq, or empty"),
        Column("protein_change", "str", "change of the protein, or empty"),
        Column("hotspot_id", "str", "hotspot that it matches (gene:p.change), or empty"),
        Column("disputed", "bool", "True in genes whose calls were traced to mouse feeder reads"),
        Column("note", "str", "remark"),
    ),
    ("chrom", "start"),
)
VARIANT_COURSES = Table(
    "variant_courses",
    "variant x sample of the line (the baseline among them)",
    (
        Column("variant_id", "str", "variant"),
        _SAMPLE,
        Column("passage", "int32", "passage"),
        STATE,
        *FRACTION,
        Column("allele_fraction", "float64", "share of reads with alt; NaN without reads", "reads"),
        Column("ref_reads", "Int32", "reads of ref; none in the public tier", "reads"),
        Column("alt_reads", "Int32", "reads of alt; none in the public tier", "reads"),
        Column("copies", "float64", "copies of the locus per cell, by the events", "copies"),
        REASON,
    ),
)
VARIANT_HOTSPOTS = Table(
    "variant_hotspots",
    "hotspot of point mutations x sample, always all",
    (
        Column("hotspot_id", "str", "gene:p.change"),
        Column("gene", "str", "gene"),
        _CHROM,
        _START,
        *_ALLELES,
        Column(
            "flags",
            "bool",
            "False where the hotspot is unverified or its gene disputed: "
            "it never enters the verdict by itself",
        ),
        _SAMPLE,
        Column("passage", "int32", "passage"),
        STATE,
        *FRACTION,
        Column("depth", "Int32", "reads of ref and alt; none in the public tier", "reads"),
        Column(
            "origin",
            "str",
            "by the joint call; unknown where it was not called",
            allowed=VARIANT_ORIGINS,
        ),
        REASON,
    ),
)

ALL = (
    BINS, SITES, VARIANT_COUNTS, ERROR_COUNTS, VARIANTS, VARIANT_COURSES, VARIANT_HOTSPOTS,
)  # fmt: skip
