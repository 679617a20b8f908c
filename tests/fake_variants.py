"""Variants of the made-up line of `fake_records`, as a joint call of its exomes would have them.

TP53 R175H that grows to 45 % of cells, a BCOR frameshift, a variant of few donor cells that
expands, some that decide nothing, inherited ones in cancer genes, and one in a disputed gene.
"""

import numpy as np
import pandas as pd
from linedrift import sequencing_tables as sequencing
from linedrift import tables
from linedrift.genome import CHROM_DTYPE
from linedrift.records import Variants

PASSAGES = (12, 25, 38, 52)
INHERITED = "p.Asn372His"
NAN = np.nan

# name, chrom, start, ref, alt, gene, consequence, change, hotspot, origin, donor and passages
PLANTED = (
    ("tp53", "chr17", 7_675_087, "C", "T", "TP53", "missense", "p.Arg175His",
     "TP53:p.Arg175His", "acquired", (0, 0, 0.02, 0.11, 0.45)),
    ("bcor", "chrX", 40_073_110, "TG", "T", "BCOR", "frameshift", "p.Val462fs", "", "acquired",
     (0, 0, 0, 0.22, 0.38)),
    ("mosaic", "chr1", 155_238_300, "G", "A", "GBA1", "missense", "p.Arg159Trp", "", "expanded",
     (0.04, 0.19, 0.44, 0.71, 0.93)),
    ("egfr", "chr7", 55_181_377, "C", "A", "EGFR", "missense", "p.Thr790Lys", "", "acquired",
     (0, 0.06, 0, 0, 0.05)),
    ("ttn", "chr2", 178_530_011, "G", "A", "TTN", "missense", "p.Arg33201Cys", "", "acquired",
     (0, 0, 0.12, 0.29, 0.83)),
    ("syn", "chr11", 64_805_021, "C", "T", "SF1", "synonymous", "p.Leu19=", "", "acquired",
     (0, 0, 0, 0.09, 0.12)),
    ("long", "chr12", 52_100_233, "A", "ATTGACCATTGACCATTGACC", "", "", "", "", "acquired",
     (0, 0, 0, 0, 0.31)),
    ("lost", "chr20", 32_358_000, "C", "T", "ASXL1", "missense", "p.Gly643Arg", "", "lost",
     (1, 1, 0.7, 0.4, 0.15)),
    ("brca2", "chr13", 32_332_591, "A", "C", "BRCA2", "missense", INHERITED, "", "inherited",
     (1, 1, 1, 1, 1)),
)  # fmt: skip


def _state(fraction: float, limit: float) -> dict[str, object]:
    if fraction < 0.01:
        return {"state": "absent", "cell_fraction": NAN, "low": NAN, "high": NAN, "limit": limit}
    low, high = max(fraction - 0.04 - fraction / 10, 0.005), min(1.1 * fraction + 0.05, 1.0)
    there = {"state": "present", "cell_fraction": fraction, "low": low, "high": high}
    return there | {"limit": limit}


def _untested(reason: str) -> dict[str, object]:
    nothing = dict.fromkeys(("cell_fraction", "low", "high", "limit"), NAN)
    return nothing | {"state": "not_testable", "reason": reason}


def variants(
    line: str, donor: str, *, failed: int | None = None, empty: bool = False, text: str = ""
) -> Variants:
    """Return the variants of the line; `text` is put where a gene or remark could attack."""
    planted = () if empty else PLANTED
    called, courses = [], []
    samples = [(f"{donor}-p0", 0), *((f"{line}-p{p}", p) for p in PASSAGES)]
    for name, chrom, start, ref, alt, gene, what, change, spot, origin, fractions in planted:
        there = [p for (_, p), c in zip(samples[1:], fractions[1:], strict=True) if c >= 0.01]
        called.append(
            {
                "variant_id": f"v-{name}", "line": line, "chrom": chrom, "start": start,
                "end": start + len(ref), "ref": ref, "alt": alt,
                "kind": "snv" if len(ref) == len(alt) else "indel", "origin": origin,
                "first_passage": there[0], "quality": 42.0, "posterior": 0.99994,
                "gene": gene or text, "consequence": what, "protein_change": change,
                "hotspot_id": spot, "disputed": gene == "EGFR", "note": text,
            }
        )  # fmt: skip
        for (sample, passage), fraction in zip(samples, fractions, strict=True):
            row = {"variant_id": f"v-{name}", "sample": sample, "passage": passage, "copies": 2.0}
            row |= {"reason": "", "ref_reads": 120 - round(60 * fraction)}
            row |= {"alt_reads": round(60 * fraction), "allele_fraction": fraction / 2}
            bad = passage == failed
            row |= _untested("failed quality: 4x on average") if bad else _state(fraction, 0.06)
            courses.append(row)
    facts = {
        "inherited": 31_402, "target_bp": 35_100_000,
        "not_called": {"one strand only": 41, "ends of reads": 17, "low complexity": 212},
    }  # fmt: skip
    return Variants(
        called=_sorted(called, sequencing.VARIANTS),
        courses=_frame(courses, sequencing.VARIANT_COURSES),
        hotspots=_hotspots(line, failed, empty),
        facts=facts,
    )


def _hotspots(line: str, failed: int | None, empty: bool) -> pd.DataFrame:
    from fake_records import shipped_points

    rows = []
    course = dict(zip(PASSAGES, PLANTED[0][-1][1:], strict=True))
    for n, spot in enumerate(shipped_points().query("scope == 'point'").itertuples()):
        for passage in PASSAGES:
            planted = spot.id == "TP53:p.Arg175His" and not empty
            state = _state(course[passage] if planted else 0.0, 0.05 + 0.003 * (n % 9))
            if passage == failed:
                state = _untested("failed quality: 4x on average")
            elif spot.gene == "PIK3CA":
                state = _untested("no target of the capture")
            rows.append(
                {"hotspot_id": spot.id, "gene": spot.gene, "chrom": spot.chrom, "reason": ""}
                | {"start": int(spot.start), "ref": spot.ref, "alt": spot.alt, "depth": 118}
                | {"sample": f"{line}-p{passage}", "passage": passage}
                | {"flags": spot.tier == "A", "origin": "acquired" if planted else "unknown"}
                | state
            )
    return _sorted(rows, sequencing.VARIANT_HOTSPOTS)


def _frame(rows: list[dict[str, object]], table: tables.Table) -> pd.DataFrame:
    return tables.check(pd.DataFrame(rows, columns=table.names), table) if rows else table.empty()


def _sorted(rows: list[dict[str, object]], table: tables.Table) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=table.names).astype({"chrom": CHROM_DTYPE})
    return _frame(made.sort_values(["chrom", "start"], kind="stable").to_dict("records"), table)
