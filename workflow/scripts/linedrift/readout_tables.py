"""Frame contract of readouts: what expression and methylation say beside copy number.

A readout is one question asked of one sample: is this imprinted region as it should be, is XIST
on, are there reads of a vector. All questions are always asked; what cannot be answered says why.
"""

from __future__ import annotations

from linedrift.tables import Column, Table

# What a question is about, in the order in which pages show it.
GROUPS = (
    "pluripotency", "lineage", "x_chromosome", "imprinting", "hotspot_gene", "vector", "variant",
    "drift",
)  # fmt: skip
# A quantity is normal, or has gained or lost; a thing is present or absent down to a limit.
READOUT_STATES = ("normal", "gained", "lost", "present", "absent", "not_testable")
# What a readout may do to the verdict by its source; what is not verified only annotates.
ROLES = ("flag", "review", "annotate")

READOUTS = Table(
    "readouts",
    "question asked of one sample by expression or methylation, always all",
    (
        Column("sample", "str", "{line}-p{passage}"),
        Column("passage", "int32", "passage"),
        Column("assay", "str", "assay that answers"),
        Column("group", "str", "what the question is about", allowed=GROUPS),
        Column("item", "str", "identifier of the question: a region, gene, vector or variant"),
        Column("label", "str", "name for people"),
        Column("place", "str", "chrom:start-end on GRCh38 (1-based), or empty"),
        Column("state", "str", "always one of these", allowed=READOUT_STATES),
        Column("value", "float64", "what was measured; NaN where nothing was"),
        Column("low", "float64", "lower end of the 95 % interval of value"),
        Column("high", "float64", "upper end of the 95 % interval of value"),
        Column("unit", "str", "unit of value, interval, range and limit"),
        Column("expected_low", "float64", "lower end of the range that is normal"),
        Column("expected_high", "float64", "upper end of the range that is normal"),
        Column("limit", "float64", "smallest change, or value, that would have been seen"),
        Column("n", "int64", "loci or reads that value rests on"),
        Column("against", "str", "what the range rests on, in words"),
        Column("role", "str", "what it may do to a verdict", allowed=ROLES),
        Column("reason", "str", "why not testable, or a remark"),
        Column("source", "str", "citation of the question and its range"),
    ),
)
ALL = (READOUTS,)
