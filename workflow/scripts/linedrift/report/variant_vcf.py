"""The variants of a line as text of VCF 4.4, donor and passages as samples (private tier)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from linedrift import tables
from linedrift.genome import CHROMOSOMES, GRCH38
from linedrift.report.vcf import definitions, escaped, number, one_line, rows_of
from linedrift.sequencing_tables import VARIANT_COUNTS, VARIANT_COURSES, VARIANTS

_INFO = (
    ("KIND", "1", "String", "snv, mnv or indel"),
    ("ORIGIN", "1", "String", "acquired, expanded, inherited, lost or unknown"),
    ("POSTERIOR", "1", "Float", "Probability of the origin, artefacts being weighed as well"),
    ("FIRSTPASSAGE", "1", "Integer", "Earliest passage where the variant is present"),
    ("GENE", "1", "String", "Gene"),
    ("CONSEQUENCE", "1", "String", "Gravest consequence by bcftools csq"),
    ("PROTEIN", "1", "String", "Change of the protein"),
    ("HOTSPOT", "1", "String", "Hotspot of point mutations of stem-cell lines"),
    ("NOTE", "1", "String", "Remark"),
)
_FORMAT = (
    ("GT", "1", "String", "Genotype of most cells that carry the variant, unphased"),
    ("AD", "R", "Integer", "Reads of each allele"),
    ("ADF", "R", "Integer", "Reads of each allele, forward strand"),
    ("ADR", "R", "Integer", "Reads of each allele, reverse strand"),
    ("DP", "1", "Integer", "Reads of all alleles"),
    ("VAF", "A", "Float", "Share of reads with the alternative allele"),
    ("CF", "1", "Float", "Share of cells that carry the variant"),
    ("CFCI", "2", "Float", "95 % interval of CF"),
    ("CFL", "1", "Float", "Smallest share of cells found with 95 % probability"),
    ("ST", "1", "String", "present, absent (below CFL) or not_testable"),
)
_STRANDS = ("forward", "reverse")
_NO_READS = {"ref": (0, 0), "alt": (0, 0), "depth": 0}

# From this share of reads on, cells that carry the variant are written as having no other allele:
# halfway between one of two copies and all.
_HOMOZYGOUS = 0.75


def variant_text(
    line: str,
    samples: Sequence[str],
    variants: pd.DataFrame,
    courses: pd.DataFrame,
    counts: pd.DataFrame,
    version: str = "",
    said: str = "",
) -> str:
    """Return the variants of a line as text of VCF 4.4.

    Parameters
    ----------
    line
        Name of the line.
    samples
        Columns of the VCF, the baseline first; may be empty.
    variants, courses
        VARIANTS and VARIANT_COURSES.
    counts
        VARIANT_COUNTS of these variants at least; a sample without a row has no reads.
    version, said
        Version of linedrift, and a sentence on what was found, for the header.
    """
    order = tables.in_genome_order(tables.conform(variants, VARIANTS))
    states = {
        (row["variant_id"], row["sample"]): row
        for row in rows_of(tables.conform(courses, VARIANT_COURSES))
    }
    reads = _reads(counts, order)
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
    columns += ["FORMAT", *samples] if samples else []
    lines = [*_header(line, version, said), "\t".join(columns)]
    for variant in rows_of(order):
        fields = _site(variant)
        if samples:
            fields.append(":".join(name for name, *_ in _FORMAT))
        for sample in samples:
            key = (variant["variant_id"], sample)
            fields.append(_sample(states.get(key), reads.get(key, _NO_READS)))
        lines.append("\t".join(fields))
    return "\n".join(lines) + "\n"


def _header(line: str, version: str, said: str) -> list[str]:
    return [
        "##fileformat=VCFv4.4",
        f"##source=linedrift {one_line(version)}".rstrip(),
        "##reference=GRCh38",
        f"##linedriftLine={one_line(line)}",
        "##linedriftTier=private",
        *([f"##linedriftResult={one_line(said)}"] if said else []),
        *(f"##contig=<ID={chrom},length={GRCH38.lengths[chrom]}>" for chrom in CHROMOSOMES),
        '##FILTER=<ID=disputed,Description="Gene whose calls were traced to mouse feeder reads">',
        *definitions("INFO", _INFO),
        *definitions("FORMAT", _FORMAT),
    ]


def _site(variant: Mapping[str, Any]) -> list[str]:
    """Return CHROM to INFO of a variant."""
    texts = {
        "KIND": variant["kind"],
        "ORIGIN": variant["origin"],
        "POSTERIOR": number(variant["posterior"]),
        "FIRSTPASSAGE": "" if pd.isna(variant["first_passage"]) else variant["first_passage"],
        "GENE": variant["gene"],
        "CONSEQUENCE": variant["consequence"],
        "PROTEIN": variant["protein_change"],
        "HOTSPOT": variant["hotspot_id"],
        "NOTE": variant["note"],
    }
    info = [f"{key}={escaped(text)}" for key, text in texts.items() if str(text)]
    return [
        str(variant["chrom"]),
        str(variant["start"] + 1),
        escaped(variant["variant_id"]) or ".",
        variant["ref"],
        variant["alt"],
        number(variant["quality"]),
        "disputed" if variant["disputed"] else "PASS",
        ";".join(info),
    ]


def _reads(counts: pd.DataFrame, variants: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the reads of each variant in each sample: ref and alt by strand, depth."""
    key = ["chrom", "start", "ref", "alt"]
    texts = {"chrom": "str", "ref": "str", "alt": "str"}
    found = tables.conform(counts, VARIANT_COUNTS).astype(texts)
    found = found.merge(variants[["variant_id", *key]].astype(texts), on=key)
    return {
        (row["variant_id"], row["sample"]): {
            "ref": (row["ref_forward"], row["ref_reverse"]),
            "alt": (row["alt_forward"], row["alt_reverse"]),
            "depth": sum(row[f"{of}_{strand}"] for of in ("ref", "alt") for strand in _STRANDS)
            + row["other"],
        }
        for row in rows_of(found)
    }


def _sample(state: Mapping[str, Any] | None, reads: Mapping[str, Any]) -> str:
    """Return the FORMAT fields of a variant in a sample; points where nothing is known."""
    ref, alt = reads["ref"], reads["alt"]
    both = sum(ref) + sum(alt)
    share = sum(alt) / both if both else float("nan")
    counted = [f"{sum(ref)},{sum(alt)}", f"{ref[0]},{alt[0]}", f"{ref[1]},{alt[1]}"]
    known = state is not None and state["state"] != "not_testable"
    if state is None or not known:
        return ":".join(
            ["./.", *counted, str(reads["depth"]), number(share), ".:.,.:.:not_testable"]
        )
    genotype = "0/0"
    if state["state"] == "present":
        genotype = "1/1" if share >= _HOMOZYGOUS else "0/1"
    cells = [
        number(state["cell_fraction"]),
        f"{number(state['low'])},{number(state['high'])}",
        number(state["limit"]),
    ]
    return ":".join(
        [genotype, *counted, str(reads["depth"]), number(share), *cells, state["state"]]
    )
