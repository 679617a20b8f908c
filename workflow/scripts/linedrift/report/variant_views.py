"""What a line's page prints of its point mutations, as plain structures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift.records import LineRecord, Variants
from linedrift.report.figures import rows_of, styles
from linedrift.report.plots import Figure, trajectory_figure
from linedrift.report.views import NOT_ASKED, mark_reasons, passage_list, state_cell
from linedrift.verdict import variant_verdict
from linedrift.wording import (
    CONSEQUENCE_WORDS,
    ORIGIN_WORDS,
    consequence_text,
    percent_up,
    short_allele,
    size_text,
    variant_name,
)

# Variants that stay apart by colour, marker and dash in one figure.
MAX_DRAWN = 10
# Rows of a table; a thousand would weigh 2 MB. All stand in the files beside the page.
MAX_ROWS = 300
_RANK = {"altered": 0, "watch": 1, "note": 2}
# Without a donor what every person has is of unknown origin: thousands, after what was acquired.
_LAST = 3
_SEVERITY_WORDS = {"altered": "alters", "watch": "to watch", "note": ""}


def section(record: LineRecord, samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the section Variants prints; {} where the verdict knows no point mutations.

    Parameters
    ----------
    record
        Private or public.
    samples
        `views.samples_of`.

    Returns
    -------
    dict
        samples: those with an exome; rows, omitted, inherited: tables of variants; figure;
        matrix: hotspots by gene; asked, counts: what the public tier says instead of both;
        facts: counts in words.
    """
    basis = record.verdict.get("basis", {})
    if not basis.get("points"):
        return {}
    exomes = exome_samples(record, samples)
    listed = ranked(record.variants, basis)
    tags = [f"V{n + 1}" for n in range(len(listed))]
    rows = _rows(record.variants, listed.iloc[:MAX_ROWS], tags[:MAX_ROWS], exomes, basis)
    called = record.variants.called
    of_the_donor = called[called["origin"].isin(variant_verdict.OF_THE_DONOR)]
    shown = of_the_donor.iloc[:MAX_ROWS]
    inherited = _rows(record.variants, shown, [""] * len(shown), exomes, basis)
    private = record.tier == "private"
    return {
        "samples": exomes,
        "rows": rows,
        "omitted": max(len(listed) - MAX_ROWS, 0),
        "inherited": inherited if private else [],
        "n_inherited_listed": len(of_the_donor) if private else 0,
        "figure": _figure(record, listed, tags, basis),
        "matrix": hotspot_matrix(record.variants, exomes, basis) if private else {},
        "asked": [] if private else asked_rows(record, exomes),
        "counts": [] if private else count_rows(record.variants, exomes),
        "facts": facts(record),
    }


def exome_samples(record: LineRecord, samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the samples that have an exome."""
    measured = record.measurements
    own = set(measured.loc[measured["assay"] == variant_verdict.ASSAY, "sample"])
    return [sample for sample in samples if sample["sample"] in own]


def ranked(variants: Variants, basis: Mapping[str, Any]) -> pd.DataFrame:
    """Return VARIANTS that are not the donor's: what decides first, then by largest fraction.

    The column `severity` says what each weighs, `name` how it is called.
    """
    own = variants.called[~variants.called["origin"].isin(variant_verdict.OF_THE_DONOR)]
    records = own.to_dict("records")
    weights = [_weight(row, basis) for row in records]
    names = [variant_name(_texts(row), _label(row, basis)) for row in records]
    present = variants.courses[variants.courses["state"] == "present"]
    largest = present.groupby("variant_id")["cell_fraction"].max()
    frame = own.assign(
        severity=weights,
        name=names,
        rank=[
            _LAST if weight == "note" and row["origin"] == "unknown" else _RANK[weight]
            for weight, row in zip(weights, records, strict=True)
        ],
        largest=own["variant_id"].map(largest).fillna(0.0).to_numpy(dtype=float),
    )
    return frame.sort_values(
        ["rank", "largest"], ascending=[True, False], kind="stable", ignore_index=True
    )


def _weight(row: Mapping[Any, Any], basis: Mapping[str, Any]) -> str:
    return variant_verdict.weight(_texts(row), basis)[0]


def _label(row: Mapping[Any, Any], basis: Mapping[str, Any]) -> str:
    return variant_verdict.label_of(_texts(row), basis)


def _texts(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def _rows(
    variants: Variants,
    frame: pd.DataFrame,
    tags: list[str],
    samples: list[dict[str, Any]],
    basis: Mapping[str, Any],
) -> list[dict[str, Any]]:
    courses = variants.courses[variants.courses["variant_id"].isin(frame["variant_id"])]
    states = {(row.variant_id, row.sample): _course_cell(row) for row in rows_of(courses)}
    rows = []
    for tag, row in zip(tags, frame.to_dict("records"), strict=True):
        label = _label(row, basis)
        name = variant_name(_texts(row), label)
        severity = str(row.get("severity", "note"))
        change = str(row["protein_change"])
        rows.append(
            {
                "tag": tag,
                "name": name,
                "change": change if change and change not in name else "",
                "place": f"{row['chrom']}:{int(row['start']) + 1:,}",
                "alleles": f"{short_allele(row['ref'])} \u2192 {short_allele(row['alt'])}",
                "sort": _place_key(row),
                "kind": str(row["kind"]),
                "consequence": consequence_text(row["consequence"]) or "not known",
                "origin": str(row["origin"]),
                "meaning": ORIGIN_WORDS[str(row["origin"])].partition(": ")[2],
                "first": "" if pd.isna(row["first_passage"]) else f"p{int(row['first_passage'])}",
                "quality": f"{row['quality']:.0f}" if np.isfinite(row["quality"]) else "not known",
                "weight": _SEVERITY_WORDS[severity],
                "severity": severity,
                "remarks": _remarks(row, label, basis),
                "cells": [
                    dict(states.get((row["variant_id"], sample["sample"]), NOT_ASKED))
                    for sample in samples
                ],
            }
        )
    return rows


def _place_key(row: Mapping[Any, Any]) -> str:
    """Return a text that sorts by place: chromosomes by number, X and Y last."""
    chrom = str(row["chrom"]).removeprefix("chr")
    return f"{chrom.zfill(2)}:{int(row['start']):09d}"


def _remarks(row: Mapping[Any, Any], label: str, basis: Mapping[str, Any]) -> list[str]:
    said = ["recurrent"] if label else []
    if row["gene"] in basis.get("cancer_genes", []):
        said.append("cancer gene")
    if row["disputed"]:
        said.append("disputed: may be reads of mouse feeder cells")
    return [*said, *([str(row["note"])] if row["note"] else [])]


def _course_cell(row: Any) -> dict[str, Any]:
    """Return a row of VARIANT_COURSES as a cell; its title tells the reads where they are known."""
    cell = state_cell(row)
    if not pd.isna(row.alt_reads) and not pd.isna(row.ref_reads):
        depth = int(row.alt_reads) + int(row.ref_reads)
        cell["title"] += f"; {int(row.alt_reads)} of {depth} reads"
    return cell


# Figure ------------------------------------------------------------------------------------------


def _figure(
    record: LineRecord, listed: pd.DataFrame, tags: list[str], basis: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the courses of the first variants as a figure, with its table."""
    courses = record.variants.courses.rename(columns={"variant_id": "event_id"})
    drawn = listed[listed["rank"] < _LAST].iloc[:MAX_DRAWN]
    drawn = drawn.rename(columns={"variant_id": "event_id"})
    if drawn.empty or courses.empty:
        return {}
    looks = styles(drawn["event_id"], drawn["name"], "V")
    plot: Figure = trajectory_figure(drawn, courses, looks)
    label = dict(zip(looks["event_id"], looks["tag"] + " " + looks["label"], strict=True))
    own = courses[courses["event_id"].isin(list(label))]
    order = {name: n for n, name in enumerate(label)}
    own = own.sort_values("event_id", key=lambda ids: ids.map(order), kind="stable")
    return {
        "plot": plot,
        "omitted": len(listed) - len(drawn),
        "rows": [
            {
                "event": label[row.event_id],
                "sample": row.sample,
                "cell": state_cell(row),
                "reads": _reads(row),
                "copies": f"{row.copies:.1f}" if np.isfinite(row.copies) else "",
                "reason": row.reason,
            }
            for row in rows_of(own)
        ],
    }


def _reads(row: Any) -> str:
    if pd.isna(row.alt_reads) or pd.isna(row.ref_reads):
        return ""
    return f"{int(row.alt_reads)} of {int(row.alt_reads) + int(row.ref_reads)}"


# Hotspots ----------------------------------------------------------------------------------------


def hotspot_matrix(
    variants: Variants, samples: list[dict[str, Any]], basis: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the matrix hotspot x sample, grouped by gene, those that decide first."""
    points = {name: spot for name, spot in basis["points"].items() if spot["scope"] == "point"}
    cells = {(row.hotspot_id, row.sample): _hotspot_cell(row) for row in rows_of(variants.hotspots)}
    groups = []
    ordered = []
    for gene, role in _groups(points):
        rows = [
            {
                "label": spot["label"],
                "cells": [
                    dict(cells.get((name, sample["sample"]), NOT_ASKED)) for sample in samples
                ],
            }
            for name, spot in points.items()
            if spot["gene"] == gene and spot["role"] == role
        ]
        ordered += [cell for row in rows for cell in row["cells"]]
        found = sum(any(cell["state"] == "present" for cell in row["cells"]) for row in rows)
        groups.append(
            {
                "gene": gene,
                "decides": role != "annotate",
                "meaning": _meaning(role),
                "rows": rows,
                "found": found,
            }
        )
    return {"samples": samples, "groups": groups, "reasons": mark_reasons(ordered)}


def _groups(points: Mapping[str, Any]) -> list[tuple[str, str]]:
    order = {"flag": 0, "review": 1, "annotate": 2}
    found = dict.fromkeys((spot["gene"], spot["role"]) for spot in points.values())
    return sorted(found, key=lambda group: order[group[1]])


def _meaning(role: str) -> str:
    return {
        "flag": "acquired here makes the passage altered",
        "review": "acquired here makes the passage one to watch",
        "annotate": "recurrence in stem-cell lines not verified: for information",
    }[role]


def _hotspot_cell(row: Any) -> dict[str, Any]:
    cell = state_cell(row)
    if row.state == "present" and row.origin in variant_verdict.OF_THE_DONOR:
        return cell | {"interval": str(row.origin), "title": f"{cell['title']}; the donor has it"}
    if row.state == "present" and row.origin == "expanded":
        return cell | {"title": f"{cell['title']}; the donor has it in few cells"}
    if not pd.isna(row.depth):
        cell["title"] += f"; {int(row.depth)} reads"
    return cell


def asked_rows(record: LineRecord, samples: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return, for the public tier, what was found and asked at hotspots per passage."""
    basis = record.verdict["basis"]
    there = record.variants.hotspots
    rows = []
    for sample in samples:
        found = variant_verdict.asked(sample, record.variants, basis)
        own = there[there["sample"] == sample["sample"]]
        labels = [
            f"{basis['points'][row.hotspot_id]['label']} in {state_cell(row)['text']}"
            for row in rows_of(own)
        ]
        if found["tested"] == 0:
            others = "not testable"
        elif np.isnan(found["limit"]):
            others = "asked, no limit can be stated"
        else:
            others = f"{percent_up(found['limit'])} of cells or more"
        rows.append(
            {"label": sample["label"], "present": ", ".join(labels) or "none", "others": others}
        )
    return rows


def count_rows(variants: Variants, samples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return, for the public tier, how many further acquired variants each passage has."""
    counted = {
        (row["gene"], row["class"], row["sample"]): str(row["n"])
        for row in variants.facts.get("counts", [])
    }
    # Genes that made the verdict first, then classes from the gravest on.
    classes = list(CONSEQUENCE_WORDS)
    kinds = dict.fromkeys((gene, kind) for gene, kind, _ in counted)
    return [
        {
            "gene": gene or "other genes",
            "class": CONSEQUENCE_WORDS[kind],
            "cells": [counted.get((gene, kind, sample["sample"]), "0") for sample in samples],
        }
        for gene, kind in sorted(kinds, key=lambda of: (of[0] == "", of[0], classes.index(of[1])))
    ]


def facts(record: LineRecord) -> dict[str, Any]:
    """Return counts in words: what is inherited, what was not called and why, what was read."""
    said = record.variants.facts
    n, least = said.get("inherited"), said.get("inherited_at_least")
    inherited = ""
    if least is not None:
        inherited = f"{least:,} or more" if least else "none"
    elif n is not None:
        inherited = f"{int(n):,}"
    return {
        "inherited": inherited,
        "not_called": [
            {"reason": str(reason), "n": f"{int(count):,}"}
            for reason, count in said.get("not_called", {}).items()
            if count
        ],
        "target": size_text(int(said["target_bp"])) if said.get("target_bp") else "",
        "warnings": [] if record.tier == "public" else variant_verdict.warnings(said),
        "annotated": bool(said.get("annotated", True)),
        # Of a donor alone the joint call reads nothing else: there is nothing to compare with.
        "only_hotspots": record.line.get("kind") == "donor",
    }


# Certificate -------------------------------------------------------------------------------------


def certificate(record: LineRecord, samples: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the rows of point mutations: hotspots that decide, and all that was acquired."""
    basis = record.verdict.get("basis", {})
    if not basis.get("points"):
        return []
    exomes = exome_samples(record, samples)
    found = [
        variant_verdict.asked(sample, record.variants, basis) | {"label": sample["label"]}
        for sample in exomes
    ]
    flags = [spot for spot in basis["points"].values() if spot["role"] == "flag"]
    genes = ", ".join(dict.fromkeys(spot["gene"] for spot in flags))
    test = f"Point mutations: hotspots of {genes}"
    if not exomes:
        return [
            {
                "test": test, "method": "asks for an exome, none was measured", "passages": "",
                "limit": "", "criterion": "none acquired", "result": "not asked", "state": "open",
            }
        ]  # fmt: skip
    return [
        _points_test(record, test, len(flags), found, exomes),
        _acquired_test(record, exomes, basis),
    ]


def _points_test(
    record: LineRecord,
    test: str,
    n: int,
    found: list[dict[str, Any]],
    exomes: list[dict[str, Any]],
) -> dict[str, str]:
    limits = [row["limit"] for row in found if np.isfinite(row["limit"])]
    flags = {
        name: spot
        for name, spot in record.verdict["basis"]["points"].items()
        if spot["role"] == "flag"
    }
    there = record.variants.hotspots
    there = there[(there["state"] == "present") & there["hotspot_id"].isin(list(flags))]
    there = there[~there["origin"].isin(variant_verdict.OF_THE_DONOR)]
    labels = list(dict.fromkeys(flags[name]["label"] for name in there["hotspot_id"]))
    partly = [row["label"] for row in found if row["tested"] is not None and row["tested"] < n]
    result = [f"{', '.join(labels)} present"] if labels else ["none found"]
    result += [f"not all testable in {', '.join(partly)}"] if partly else []
    return {
        "test": test,
        "method": f"exome, {n} hotspots asked in every passage",
        "passages": passage_list(exomes),
        "limit": f"{percent_up(max(limits))} of cells or less" if limits else "",
        "criterion": "none acquired in any passage",
        "result": "; ".join(result),
        "state": "fail" if labels else "open" if partly else "pass",
    }


def _acquired_test(
    record: LineRecord, exomes: list[dict[str, Any]], basis: Mapping[str, Any]
) -> dict[str, str]:
    listed = ranked(record.variants, basis)
    own = [row for row in record.variants.facts.get("counts", []) if row["gene"]]
    genes = dict.fromkeys(row["gene"] for row in own)
    deciding = [*listed.loc[listed["severity"] != "note", "name"], *genes]
    others = int((listed["severity"] == "note").sum())
    result = [", ".join(deciding[:3]) + (f" and {len(deciding) - 3} more" * (len(deciding) > 3))]
    result = result if deciding else ["none that decides"]
    if record.tier == "private":
        result.append(f"{others} other{'s' * (others != 1)}")
    return {
        "test": "Acquired variants of coding sequence",
        "method": "exome, called jointly with the donor"
        if record.line.get("parent")
        else "exome, all passages called jointly",
        "passages": passage_list(exomes),
        "limit": "by depth, see Variants",
        "criterion": "no changed protein of a cancer gene",
        "result": "; ".join(result),
        "state": "fail" if deciding else "pass",
    }
