"""Frame contracts of methylation: probes of arrays, cytosines of sequencing, regions."""

from __future__ import annotations

import pandas as pd

from linedrift.genome import CHROM_DTYPE
from linedrift.tables import LOCUS, Column, Table

# Infinium I has two addresses read in one colour, II one address read in both.
DESIGNS = pd.CategoricalDtype(["I_red", "I_green", "II"])
PROBE_KINDS = pd.CategoricalDtype(["cg", "ch", "rs", "nv", "control", "other"])

MANIFEST = Table(
    "manifest",
    "probe or control of one type of methylation array",
    (
        Column("name", "str", "name of the probe, with the replicate's suffix on EPIC v2"),
        Column("locus", "str", "name without that suffix; of a control its kind"),
        Column("kind", PROBE_KINDS, "CpG, CpH, SNP, variant, control, or other"),
        Column("chrom", CHROM_DTYPE, "chromosome, UCSC style; missing where it has no place"),
        Column("start", "int32", "0-based start on GRCh38; -1 where it has no place", "bp"),
        Column("design", DESIGNS, "chemistry and colour; missing where the file does not say"),
        Column("address_a", "int64", "address of the unmethylated or the only bead; 0 for none"),
        Column("address_b", "int64", "address of the methylated bead of Infinium I; 0 for none"),
        Column("next_base", "str", "base that is added behind an Infinium I probe; may be empty"),
        Column("masked", "bool", "it must not be used: listed, or a common SNP is at its CpG"),
    ),
)
PROBES = Table(
    "probes",
    "probe of one methylation array, on GRCh38",
    (
        *LOCUS,
        Column("name", "str", "name of the probe, replicates of EPIC v2 collapsed"),
        Column("design", DESIGNS, "chemistry and colour; missing where the file does not say"),
        Column("beta", "float32", "methylated share of the intensity; NaN where not detected"),
        Column("methylated", "float32", "corrected intensity; NaN in a matrix of betas"),
        Column("unmethylated", "float32", "corrected intensity; NaN in a matrix of betas"),
        Column("detection_p", "float32", "chance of such an intensity without DNA; NaN unknown"),
        Column("beads", "float32", "fewest beads of its addresses; NaN where not known"),
        Column("usable", "bool", "False where the probe must not enter the analysis"),
    ),
    ("chrom", "start"),
)
SNP_PROBES = Table(
    "snp_probes",
    "probe of a methylation array that reads a SNP (rs)",
    (
        Column("name", "str", "rs number"),
        Column("beta", "float32", "share of the allele that reads as methylated"),
        Column("methylated", "float32", "corrected intensity; NaN in a matrix of betas"),
        Column("unmethylated", "float32", "corrected intensity; NaN in a matrix of betas"),
    ),
)
CYTOSINES = Table(
    "cytosines",
    "CpG of one sample by bisulfite or nanopore sequencing, on GRCh38, both strands added",
    (
        *LOCUS,
        Column("methylated", "int32", "reads that say methylated", "reads"),
        Column("unmethylated", "int32", "reads that say unmethylated", "reads"),
    ),
    ("chrom", "start"),
)
DEPTHS = Table(
    "depths",
    "bin of the genome in one bisulfite alignment, or by the reads at its CpGs",
    (
        *LOCUS,
        Column("depth", "float32", "mean number of reads at a base", "reads"),
        Column("known", "float32", "share of the bin that depth was measured on"),
        Column("gc", "float32", "share of G and C; NaN where not known"),
        Column("cpg", "float32", "CpGs a base; NaN where not known"),
    ),
    ("chrom", "start"),
)
REGION_VALUES = Table(
    "region_values",
    "curated region (imprinted, X, drift locus) in one sample",
    (
        *LOCUS,
        Column("region", "str", "identifier of the region in its curated table"),
        Column("beta", "float64", "methylation of the region; NaN where nothing was measured"),
        Column("low", "float64", "lower end of the 95 % interval of beta"),
        Column("high", "float64", "upper end of the 95 % interval of beta"),
        Column("n_loci", "int32", "CpGs or probes that it rests on"),
        Column("n_reads", "int64", "reads that it rests on; 0 of an array", "reads"),
    ),
)
DIFFERENCES = Table(
    "differences",
    "region whose methylation differs between a sample and its baseline",
    (
        *LOCUS,
        Column("sample", "str", "{line}-p{passage}"),
        Column("baseline", "str", "sample that it is compared with"),
        Column("difference", "float64", "methylation less that of the baseline"),
        Column("n_loci", "int32", "CpGs or probes inside"),
        Column("p_value", "float64", "of the region"),
        Column("q_value", "float64", "false-discovery rate (Benjamini-Hochberg)"),
    ),
    ("chrom", "start"),
)
ALL = (MANIFEST, PROBES, SNP_PROBES, CYTOSINES, DEPTHS, REGION_VALUES, DIFFERENCES)


def is_array(loci: pd.DataFrame) -> bool:
    """Return whether loci are probes (betas) rather than cytosines (reads)."""
    return "beta" in loci.columns
