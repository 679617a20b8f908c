"""What point mutations mean: findings of a sample, and what was asked at their hotspots.

An acquired variant at a verified hotspot of tier A (dominant-negative TP53) alters a passage; one
that changes the protein of a cancer gene makes it one to watch; the others are counted. Genes
whose calls were traced to mouse feeder cells never count by themselves, and an exome is never
asked for: what was not asked is said.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from linedrift import tables
from linedrift.findings import Finding, by_rule, role_of
from linedrift.records import Variants
from linedrift.wording import (
    CHANGES_PROTEIN,
    CONSEQUENCE_WORDS,
    ORIGIN_WORDS,
    cells_text,
    consequence_class,
    percent,
    percent_up,
    variant_name,
    variant_text,
)

ASSAY = "wes"
NO_EXOME = "no exome of this passage"
# What the donor has in every cell is not of the line.
OF_THE_DONOR = ("inherited", "lost")
# A list of hotspots in a sentence names three.
_NAMED = 3


def basis_of(
    hotspot_table: pd.DataFrame,
    cancer_genes: Iterable[str],
    called: pd.DataFrame,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what variants are judged by, as the verdict keeps it.

    Parameters
    ----------
    hotspot_table
        resources/snv_hotspots.tsv.
    cancer_genes
        Genes of resources/cancer_genes.tsv; those in which the line has a variant are kept.
    called
        VARIANTS of the line.
    settings
        Section `verdict` of the config.

    Returns
    -------
    dict
        `points`: per hotspot its role (flag, review, annotate), whether a verdict needs it
        (scope `point` in required_scopes), place, alleles, gene, label, scope, disputed,
        source, and `remark` (evidence of a row that annotates); `cancer_genes`: sorted.
    """
    points = {}
    for row in _records(hotspot_table):
        role = role_of(row, settings)
        points[str(row["id"])] = {
            "role": role,
            "required": role == "flag" and row["scope"] in settings["required_scopes"],
            "gene": str(row["gene"]),
            "label": str(row["label"]),
            "scope": str(row["scope"]),
            "disputed": row["disputed"] == "yes",
            **{name: str(row[name]) for name in ("chrom", "ref", "alt")},
            **{name: int(row[name]) for name in ("start", "end")},
            "source": str(row["source"]),
            "remark": str(row["evidence"]) if role == "annotate" else "",
        }
    found = set(called["gene"]) & set(cancer_genes)
    return {"points": points, "cancer_genes": sorted(found)}


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def findings(
    sample: Mapping[str, Any], variants: Variants, basis: Mapping[str, Any]
) -> list[Finding]:
    """Return the findings of a sample (`sample`, `assays`): what is there, then what was asked."""
    if not basis.get("points"):
        return []
    name = str(sample["sample"])
    found = _present(name, variants, basis)
    if ASSAY in sample["assays"]:
        found += [
            by_rule("identity", "note", name, "identity", f"exomes: {text}", basis)
            for text in warnings(variants.facts, name)
        ]
    return [*found, *_coverage(sample, variants, basis)]


def warnings(facts: Mapping[str, Any], sample: str = "") -> list[str]:
    """Return what the joint call warns of: a swap, another person's DNA (of one sample, or all)."""
    said = [str(facts["warning"])] if facts.get("warning") else []
    for name, found in facts.get("foreign", {}).items():
        if sample in ("", name):
            share = percent(float(found["share"]))
            said.append(f"{share} of the reads of {name} are of the person of {found['of']}")
    return said


def weight(variant: Mapping[str, Any], basis: Mapping[str, Any]) -> tuple[str, str]:
    """Return severity (altered, watch, note) and rule of a variant of the line.

    The rule is point, origin, cancer_gene, disputed, doubtful or variant; what the donor has in
    every cell is not asked here.
    """
    severity, rule = _weight(variant, basis)
    # The public tier has no posterior: what it names was counted before.
    doubtful = variant["posterior"] < basis["settings"]["min_variant_posterior"]
    return ("note", "doubtful") if severity != "note" and doubtful else (severity, rule)


def _weight(variant: Mapping[str, Any], basis: Mapping[str, Any]) -> tuple[str, str]:
    spot = basis["points"].get(str(variant["hotspot_id"]), {})
    gene = basis["points"].get(f"{variant['gene']}:any", {})
    if variant["disputed"] or spot.get("disputed") or gene.get("disputed"):
        return "note", "disputed"
    acquired = variant["origin"] == "acquired"
    if spot.get("scope") == "point" and spot["role"] != "annotate":
        if acquired:
            return ("altered", "point") if spot["role"] == "flag" else ("watch", "cancer_gene")
        return "watch", "origin"
    if not acquired or consequence_class(variant["consequence"]) not in CHANGES_PROTEIN:
        return "note", "variant"
    known = gene.get("role") in ("flag", "review") or variant["gene"] in basis["cancer_genes"]
    return ("watch", "cancer_gene") if known else ("note", "variant")


def label_of(variant: Mapping[str, Any], basis: Mapping[str, Any]) -> str:
    """Return the name of the point hotspot that a variant is, "" where it is none."""
    spot = basis.get("points", {}).get(str(variant["hotspot_id"]), {})
    return str(spot["label"]) if spot.get("scope") == "point" else ""


def _present(sample: str, variants: Variants, basis: Mapping[str, Any]) -> list[Finding]:
    states = variants.courses.query("sample == @sample and state == 'present'")
    states = states.drop_duplicates("variant_id").set_index("variant_id")
    called = variants.called
    own = called[called["variant_id"].isin(states.index) & ~called["origin"].isin(OF_THE_DONOR)]
    found, counted = [], []
    for variant in _records(own):
        severity, rule = weight(variant, basis)
        if rule == "variant":
            counted.append(variant)
            continue
        state = states.loc[variant["variant_id"]]
        found.append(_finding(variant, state, severity, rule, basis))
    found += _asked_only(sample, variants, set(own["hotspot_id"]), basis)
    found += _published_counts(sample, variants, basis)
    order = ("altered", "watch", "note")
    found.sort(key=lambda finding: order.index(finding.severity))
    return found + _counts(sample, counted, basis)


def _finding(
    variant: Mapping[str, Any],
    state: pd.Series,
    severity: str,
    rule: str,
    basis: Mapping[str, Any],
) -> Finding:
    spots = basis["points"]
    text = variant_text(variant, state, label_of(variant, basis))
    spot = spots.get(str(variant["hotspot_id"])) or spots.get(f"{variant['gene']}:any") or {}
    if rule == "cancer_gene":
        text += "; cancer gene" + (f" ({spot['remark']})" if spot.get("remark") else "")
    elif rule == "doubtful":
        text += f"; does not count: posterior {math.floor(1000 * variant['posterior']) / 1000:g}"
    elif rule == "disputed":
        text += "; does not count: such calls were traced to reads of mouse feeder cells"
    elif rule == "point":
        text += "; recurrent"
    if spot.get("source") and rule not in ("disputed", "doubtful"):
        kind = "hotspot" if rule != "cancer_gene" else "variant"
        return Finding(kind, severity, str(variant["variant_id"]), spot["source"], text)
    return by_rule("variant", severity, variant["variant_id"], rule, text, basis)


def _asked_only(
    sample: str, variants: Variants, called: set[str], basis: Mapping[str, Any]
) -> list[Finding]:
    """Return findings of hotspots that are present though no variant of the line says so."""
    asked = variants.hotspots.query("sample == @sample and state == 'present'")
    asked = asked[~asked["origin"].isin(OF_THE_DONOR) & ~asked["hotspot_id"].isin(called)]
    found = []
    for row in _records(asked):
        spot = basis["points"].get(str(row["hotspot_id"]), {"role": "annotate"})
        if spot["role"] == "annotate":
            continue
        altered = spot["role"] == "flag" and row["origin"] == "acquired"
        cells = cells_text(row["cell_fraction"], row["low"], row["high"])
        text = f"{spot['label']} in {cells}, found where it was asked for, "
        text += ORIGIN_WORDS[row["origin"]]
        severity = "altered" if altered else "watch"
        found.append(Finding("hotspot", severity, row["hotspot_id"], spot["source"], text))
    return found


def _counts(sample: str, counted: list[dict[str, Any]], basis: Mapping[str, Any]) -> list[Finding]:
    """Return one remark that counts the variants that decide nothing, by class."""
    found = []
    for origin in ("acquired", "expanded", "unknown"):
        own = [variant for variant in counted if variant["origin"] == origin]
        if not own:
            continue
        text = f"{len(own)} other variant{'s' * (len(own) != 1)}, {ORIGIN_WORDS[origin]}: "
        text += by_class(variant["consequence"] for variant in own)
        found.append(by_rule("variant", "note", sample, "variant", text, basis))
    return found


def _published_counts(sample: str, variants: Variants, basis: Mapping[str, Any]) -> list[Finding]:
    """Return the findings of variants that are no row but a count: in the public tier alone."""
    rows = [row for row in variants.facts.get("counts", []) if row["sample"] == sample]
    found = []
    for row in rows:
        if row["gene"]:
            words = CONSEQUENCE_WORDS[row["class"]]
            number = "an acquired change" if row["n"] == 1 else f"{row['n']} acquired changes"
            text = f"{number} of {row['gene']} ({words}); cancer gene"
            found.append(by_rule("variant", "watch", row["gene"], "cancer_gene", text, basis))
    others = [row for row in rows if not row["gene"]]
    n = sum(row["n"] for row in others)
    if n:
        text = f"{n} other variant{'s' * (n != 1)}, acquired: " + ", ".join(
            f"{row['n']} {CONSEQUENCE_WORDS[row['class']]}" for row in others
        )
        found.append(by_rule("variant", "note", sample, "variant", text, basis))
    return found


def by_class(consequences: Iterable[str]) -> str:
    """Return how many variants there are of each class: ``4 missense, 2 synonymous``."""
    classes = [consequence_class(consequence) for consequence in consequences]
    return ", ".join(
        f"{classes.count(name)} {words}"
        for name, words in CONSEQUENCE_WORDS.items()
        if name in classes
    )


# What was asked ----------------------------------------------------------------------------------


def asked(
    sample: Mapping[str, Any], variants: Variants, basis: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what was asked at the hotspots that flag, in one sample.

    Returns
    -------
    dict
        sample; `of`: hotspots there are; `tested`: how many of them, None where the public tier
        does not say; `present`: how many carry a variant that is not the donor's; `limit`: cell
        fraction from which a variant would have been found at each that was tested, NaN where
        none was; `genes`.
    """
    flags = {name: spot for name, spot in _points(basis) if spot["role"] == "flag"}
    name = str(sample["sample"])
    told = next((row for row in variants.facts.get("asked", []) if row["sample"] == name), None)
    genes = list(dict.fromkeys(spot["gene"] for spot in flags.values()))
    start = {"sample": name, "of": len(flags), "genes": genes}
    if told is not None:
        limit = math.nan if told["limit"] is None else float(told["limit"])
        return start | {"tested": told["tested"], "present": told["present"], "limit": limit}
    rows = variants.hotspots
    rows = rows[(rows["sample"] == name) & rows["hotspot_id"].isin(list(flags))]
    rows = rows.drop_duplicates("hotspot_id")
    there = (rows["state"] == "present") & ~rows["origin"].isin(OF_THE_DONOR)
    absent = rows[rows["state"] == "absent"]
    limit = float(absent["limit"].max(skipna=False)) if len(absent) else math.nan
    tested = int(there.sum()) + len(absent)
    return start | {"tested": tested, "present": int(there.sum()), "limit": limit}


def _points(basis: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(name, spot) for name, spot in basis["points"].items() if spot["scope"] == "point"]


def sentence(sample: Mapping[str, Any], variants: Variants, basis: Mapping[str, Any]) -> str:
    """Return the part of a sentence of a stable sample that speaks of point mutations."""
    if not basis.get("points"):
        return ""
    if ASSAY not in sample["assays"]:
        return ". Point mutations were not asked: " + NO_EXOME
    found = asked(sample, variants, basis)
    genes = " and ".join(found["genes"])
    if found["tested"] == 0:
        return f". The {genes} hotspots of point mutations were not testable"
    if found["tested"] is None:
        which = f"the {genes} hotspots that were testable"
    elif found["tested"] < found["of"]:
        which = f"{found['tested']} of the {found['of']} {genes} hotspots"
    else:
        which = f"the {found['of']} {genes} hotspots"
    down = "at no stated limit"
    if not math.isnan(found["limit"]):
        down = f"each would have been seen in {_down_to(found['limit'])}"
    return f". No point mutation was found at {which}: {down}"


def _down_to(limit: float) -> str:
    return "all cells" if limit >= 1 else f"{percent_up(limit)} of cells or more"


def detection(sample: Mapping[str, Any], variants: Variants, basis: Mapping[str, Any]) -> list[str]:
    """Return the sentence on point mutations of what would have been seen, if they were asked."""
    if not basis.get("points") or ASSAY not in sample["assays"]:
        return []
    found = asked(sample, variants, basis)
    if math.isnan(found["limit"]):
        return []
    n = found["tested"]
    which = "those testable" if n is None else f"{n - found['present']}"
    return [
        f"Point mutations at {which} of the {found['of']} {' and '.join(found['genes'])} hotspots "
        f"in {_down_to(found['limit'])} would have been seen."
    ]


def _coverage(
    sample: Mapping[str, Any], variants: Variants, basis: Mapping[str, Any]
) -> list[Finding]:
    """Return what of the hotspots of point mutations was not excluded, and why."""
    name = str(sample["sample"])
    flags = {point: spot for point, spot in _points(basis) if spot["role"] == "flag"}
    needed = any(spot["required"] for spot in flags.values())
    severity = "insufficient" if needed else "note"

    def said(text: str) -> Finding:
        """Return the finding that says so."""
        return by_rule("coverage", severity, name, "point_coverage", text, basis, True)

    if ASSAY not in sample["assays"]:
        return [said(f"point mutations: {NO_EXOME}")]
    if variants.facts.get("asked"):
        untested = asked(sample, variants, basis)["tested"] == 0
        return [said("point mutations: not testable")] if untested else []
    rows = variants.hotspots
    rows = rows[(rows["sample"] == name) & rows["hotspot_id"].isin(list(flags))]
    states = {row["hotspot_id"]: row for row in _records(rows.drop_duplicates("hotspot_id"))}
    open_ = {point: _open(states.get(point), basis) for point in flags}
    found = []
    for reason in dict.fromkeys(text for text in open_.values() if text):
        labels = [flags[point]["label"] for point, text in open_.items() if text == reason]
        found.append(said(f"{_listed(labels)}: {reason}"))
    return found


def _open(row: Mapping[str, Any] | None, basis: Mapping[str, Any]) -> str:
    """Return why a hotspot is not excluded down to the limit asked for, "" where it is."""
    if row is None:
        return "not asked"
    if row["state"] == "not_testable":
        return str(row["reason"]) or "not testable"
    if row["state"] == "present" and row["origin"] in OF_THE_DONOR:
        return "the donor has it, so that no acquired one can be told"
    most = basis["settings"]["max_limit"]
    if row["state"] == "absent" and not row["limit"] <= most:
        return f"absent, but not down to {percent_up(most)} of cells"
    return ""


def _listed(labels: list[str]) -> str:
    more = len(labels) - _NAMED
    return ", ".join(labels[:_NAMED]) + (f" and {more} more" if more > 0 else "")


# For the bank's page -----------------------------------------------------------------------------


def gene_rows(
    sample: Mapping[str, Any], passage: int, variants: Variants, basis: Mapping[str, Any]
) -> pd.DataFrame:
    """Return one row of HOTSPOTS per gene with hotspots that flag: what the bank compares.

    The cell fraction is that of its largest variant, the limit that of its worst hotspot.
    """
    if not basis.get("points"):
        return tables.HOTSPOTS.empty()
    found = asked(sample, variants, basis)
    ids = [name for name, spot in _points(basis) if spot["role"] == "flag"]
    nothing = {name: math.nan for name in ("cell_fraction", "low", "high", "limit")}
    rows = []
    for gene in found["genes"]:
        own = [name for name in ids if basis["points"][name]["gene"] == gene]
        top = _largest(str(sample["sample"]), own, variants)
        row: dict[str, Any] = nothing | {
            "hotspot_id": f"{gene}:points", "label": f"{gene} point mutations", "tier": "A",
            "sample": sample["sample"], "passage": passage, "event_id": "", "reason": "",
        }  # fmt: skip
        if top is not None:
            row |= {"state": "present"} | {
                name: top[name] for name in ("cell_fraction", "low", "high")
            }
        elif ASSAY not in sample["assays"]:
            row |= {"state": "not_testable", "reason": NO_EXOME}
        elif found["tested"] == 0:
            row |= {"state": "not_testable", "reason": "no hotspot was testable"}
        else:
            row |= {"state": "absent", "limit": found["limit"]}
        rows.append(row)
    return tables.check(pd.DataFrame(rows, columns=tables.HOTSPOTS.names), tables.HOTSPOTS)


def _largest(sample: str, ids: list[str], variants: Variants) -> pd.Series | None:
    rows = variants.hotspots.query("sample == @sample and state == 'present'")
    rows = rows[rows["hotspot_id"].isin(ids) & ~rows["origin"].isin(OF_THE_DONOR)]
    return None if rows.empty else rows.sort_values("cell_fraction").iloc[-1]


def on_bank(
    sample: Mapping[str, Any], variants: Variants, basis: Mapping[str, Any]
) -> tuple[int | str, tuple[str, ...]]:
    """Return how many acquired variants a sample has, and those that decide: name and cells.

    The number is "" where no exome or no table asked for them.
    """
    if not basis.get("points") or ASSAY not in sample["assays"]:
        return "", ()
    name = str(sample["sample"])
    states = variants.courses.query("sample == @name and state == 'present'")
    cells = dict(zip(states["variant_id"], states["cell_fraction"], strict=True))
    own = variants.called[variants.called["variant_id"].isin(list(cells))]
    told = [row for row in variants.facts.get("counts", []) if row["sample"] == name]
    deciding = [
        f"{variant_name(row, label_of(row, basis))} in {percent(cells[row['variant_id']])}"
        for row in _records(own)
        if row["origin"] not in OF_THE_DONOR and weight(row, basis)[0] != "note"
    ]
    deciding += [
        f"{row['gene']} ({CONSEQUENCE_WORDS[row['class']]})" for row in told if row["gene"]
    ]
    n = int((own["origin"] == "acquired").sum()) + sum(row["n"] for row in told)
    return n, tuple(deciding)
