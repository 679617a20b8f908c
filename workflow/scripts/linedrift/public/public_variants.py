"""What the public tier says of point mutations.

An acquired variant at a hotspot of the curated table is named: what is written of it is the row
of that table, with cell fractions on steps. All other acquired variants are counts by consequence,
with the gene only where it is a cancer gene whose change made the verdict. Nothing that the donor
has is said, in no hotspot, and of their number only its order of magnitude: whether a person
carries TP53 R175H must not follow from a gap in a table, so what was asked is said for the
passage as a whole.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift import sequencing_tables as sequencing
from linedrift import steps, tables
from linedrift.public.public_values import fractions, reasons
from linedrift.records import Variants
from linedrift.verdict import variant_verdict
from linedrift.wording import consequence_class

_NAMES = ("gene", "chrom", "start", "end", "ref", "alt")


def public_variants(
    variants: Variants, samples: list[str], basis: Mapping[str, Any], settings: Mapping[str, Any]
) -> Variants:
    """Return what anyone may see of the variants of a line.

    Parameters
    ----------
    variants
        Private.
    samples
        The line's own samples, by passage.
    basis
        What the private verdict was judged by (`variant_verdict.basis_of`).
    settings
        Section `public` of the config.

    Returns
    -------
    Variants
        `called` and `courses` of the named ones (V1, V2, ...), without reads; `hotspots` where
        they are present. `facts`: `inherited_at_least` (a power of ten, or 0); `counts`: rows of
        sample, gene (or ""), class and n of the acquired ones that are not named; `asked`: rows
        of sample, tested (0, or None: some), present and limit; `target_bp`, `annotated`.
    """
    if not basis.get("points"):
        return Variants()
    named = _named(variants.called, basis)
    names = {str(row["variant_id"]): f"V{n}" for n, row in enumerate(named, start=1)}
    courses = _courses(variants.courses, names, samples, settings)
    called = _called(named, names, courses, basis)
    facts: dict[str, Any] = {
        "inherited_at_least": _order_of_magnitude(int(variants.facts.get("inherited", 0))),
        "counts": _counts(variants, set(names), samples, basis),
        "asked": [_asked(sample, variants, courses, basis, settings) for sample in samples],
    }
    # Both are of the capture and of the settings, not of the person.
    for name, kind in (("target_bp", int), ("annotated", bool)):
        if name in variants.facts:
            facts[name] = kind(variants.facts[name])
    return Variants(called, courses, _hotspots(called, courses, basis), facts)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _named(called: pd.DataFrame, basis: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the acquired variants that are a point of the curated table, and exactly that."""
    return [
        row
        for row in _records(tables.in_genome_order(called))
        if row["origin"] == "acquired"
        and variant_verdict.weight(row, basis)[1] != "doubtful"
        and basis["points"].get(row["hotspot_id"], {}).get("scope") == "point"
        and all(row[name] == basis["points"][row["hotspot_id"]][name] for name in _NAMES[1:])
    ]


def _called(
    named: list[dict[str, Any]],
    names: Mapping[str, str],
    courses: pd.DataFrame,
    basis: Mapping[str, Any],
) -> pd.DataFrame:
    there = courses[courses["state"] == "present"].groupby("variant_id")["passage"].min()
    rows = []
    for row in named:
        spot, name = basis["points"][row["hotspot_id"]], names[str(row["variant_id"])]
        change = str(row["hotspot_id"]).partition(":")[2]
        rows.append(
            {key: spot[key] for key in _NAMES}
            | {
                "variant_id": name,
                "line": row["line"],
                "kind": "snv",
                "origin": "acquired",
                "first_passage": there.get(name, pd.NA),
                "quality": min(math.floor(row["quality"] / 10) * 10.0, 90.0),
                "posterior": math.nan,
                "consequence": "stop_gained" if change.endswith("Ter") else "missense",
                "protein_change": change,
                "hotspot_id": row["hotspot_id"],
                "disputed": bool(spot["disputed"]),
                "note": "",
            }
        )
    table = sequencing.VARIANTS
    return tables.check(pd.DataFrame(rows, columns=table.names) if rows else table.empty(), table)


def _courses(
    own: pd.DataFrame, names: Mapping[str, str], samples: list[str], settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the named variants in the line's own samples, without reads."""
    own = own[own["variant_id"].isin(list(names)) & own["sample"].isin(samples)]
    frame = pd.DataFrame(
        {
            "variant_id": own["variant_id"].map(dict(names)),
            "sample": own["sample"],
            "passage": own["passage"],
            "state": own["state"],
            **fractions(own, settings),
            "allele_fraction": np.nan,
            "ref_reads": pd.array([pd.NA] * len(own), dtype="Int32"),
            "alt_reads": pd.array([pd.NA] * len(own), dtype="Int32"),
            "copies": np.nan,
            "reason": reasons(own),
        }
    )
    order = np.lexsort((frame["passage"], frame["variant_id"].str[1:].astype("int64")))
    return tables.check(frame.iloc[order].reset_index(drop=True), sequencing.VARIANT_COURSES)


def _hotspots(
    called: pd.DataFrame, courses: pd.DataFrame, basis: Mapping[str, Any]
) -> pd.DataFrame:
    """Return VARIANT_HOTSPOTS of the named variants where they are present, and no other row."""
    states = courses[courses["state"] == "present"]
    columns = ["variant_id", "hotspot_id", "gene", "chrom", "start", "ref", "alt", "origin"]
    frame = called[columns].merge(states, on="variant_id", validate="1:m")
    flags = [basis["points"][name]["role"] == "flag" for name in frame["hotspot_id"]]
    frame = frame.assign(flags=flags, depth=pd.array([pd.NA] * len(frame), dtype="Int32"))
    return tables.check(frame, sequencing.VARIANT_HOTSPOTS)


def _counts(
    variants: Variants, named: set[str], samples: list[str], basis: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the acquired variants that are not named, counted by sample, gene and class.

    The gene is told only where the verdict rests on it; every class stands in every sample that
    has an exome, so that a gap tells nothing.
    """
    own = variants.called
    own = own[(own["origin"] == "acquired") & ~own["variant_id"].isin(named)]
    kinds = {}
    for row in _records(own):
        rests = variant_verdict.weight(row, basis)[1] == "cancer_gene"
        gene = str(row["gene"]) if rests else ""
        kinds[row["variant_id"]] = (gene, consequence_class(row["consequence"]))
    there = variants.courses
    there = there[(there["state"] == "present") & there["variant_id"].isin(list(kinds))]
    tally = Counter(
        (sample, *kinds[name])
        for sample, name in zip(there["sample"], there["variant_id"], strict=True)
    )
    order = {sample: n for n, sample in enumerate(samples)}
    return [
        {"sample": sample, "gene": gene, "class": kind, "n": n}
        for (sample, gene, kind), n in sorted(
            tally.items(), key=lambda item: (order.get(item[0][0], -1), *item[0][1:])
        )
        if sample in order
    ]


def _asked(
    sample: str,
    variants: Variants,
    courses: pd.DataFrame,
    basis: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what was asked in a sample as a whole: nothing of a single hotspot.

    A hotspot that the donor carries counts as tested, or its lack would tell.
    """
    found = variant_verdict.asked({"sample": sample}, variants, basis)
    flags = [name for name, spot in basis["points"].items() if spot["role"] == "flag"]
    own = variants.hotspots[variants.hotspots["sample"] == sample]
    own = own[own["hotspot_id"].isin(flags)]
    tested = bool((own["state"] != "not_testable").any())
    limit = float(steps.at_least(pd.Series([found["limit"]]), settings["limit_steps"])[0])
    there = (courses["sample"] == sample) & (courses["state"] == "present")
    return {
        "sample": sample,
        "tested": None if tested else 0,
        "present": int(there.sum()),
        "limit": None if math.isnan(limit) or not tested else limit,
    }


def _order_of_magnitude(n: int) -> int:
    return 10 ** (len(str(n)) - 1) if n > 0 else 0
