"""What a line's page prints of expression and methylation, as plain structures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from linedrift.readout_tables import GROUPS
from linedrift.records import LineRecord
from linedrift.report.figures import DASHES, PALETTE, SYMBOLS, rows_of
from linedrift.report.plots import Figure, axis, layout, numbers, plain
from linedrift.report.views import NOT_ASKED, Cell, mark_reasons, passage_list
from linedrift.verdict import readout_verdict
from linedrift.verdict.readout_verdict import CHANGED, amount, label_text, range_text, value_text

# The two sections: assay, and what would have to be measured for it.
SECTIONS = {
    "methylation": ("methylation", "a methylation array or bisulfite sequencing"),
    "expression": ("rna", "RNA-seq"),
}
# Titles of the matrices by assay and group, in the order in which they stand.
TITLES = {
    "methylation": {
        "imprinting": "Imprinted regions",
        "x_chromosome": "X inactivation",
        "pluripotency": "Pluripotency",
        "lineage": "Lineages",
        "drift": "Drift",
    },
    "rna": {
        "pluripotency": "Markers of pluripotency",
        "lineage": "Markers of lineages",
        "x_chromosome": "XIST and the X chromosome",
        "imprinting": "Imprinted expression",
        "vector": "Reprogramming vectors",
        "hotspot_gene": "Genes of recurrent changes",
        "variant": "Acquired variants of the exome, looked up in RNA",
        "drift": "Drift",
    },
}
# Curves that stay apart by colour, marker and dash in one figure.
MAX_CURVES = 7
# Regions of a table; all stand in the file beside the page.
MAX_DIFFERENCES = 30


def section(record: LineRecord, samples: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what the sections Methylation and Expression print; {} for what was not measured.

    Parameters
    ----------
    record
        Private or public.
    samples
        `views.samples_of`.

    Returns
    -------
    dict
        methylation, expression: samples with that assay; groups of matrices; reasons by letter;
        figure (drift by passage); differences, n_differences, omitted.
    """
    return {
        name: _section(record, assay, measured_samples(record, samples, assay))
        for name, (assay, _) in SECTIONS.items()
    }


def measured_samples(
    record: LineRecord, samples: list[dict[str, Any]], assay: str
) -> list[dict[str, Any]]:
    """Return the samples that were measured by an assay and have its readouts."""
    asked = record.readouts.asked
    own = set(asked.loc[asked["assay"] == assay, "sample"])
    return [sample for sample in samples if sample["sample"] in own]


def _section(record: LineRecord, assay: str, samples: list[dict[str, Any]]) -> dict[str, Any]:
    if not samples:
        return {}
    asked = record.readouts.asked
    asked = asked[asked["assay"] == assay]
    cells: list[Cell] = []
    groups = []
    # What has no title of its own is shown all the same.
    titles = TITLES[assay]
    for group in [*titles, *(name for name in GROUPS if name not in titles)]:
        own = asked[asked["group"] == group]
        if len(own):
            found, made = _group(record, own, samples)
            title = titles.get(group, readout_verdict.GROUP_WORDS[group].capitalize())
            groups.append(found | {"group": group, "title": title})
            cells += made
    return {
        "samples": samples,
        "groups": groups,
        "reasons": mark_reasons(cells),
        "figure": drift_figure(asked, samples),
    } | _differences(record, assay, samples)


def _group(
    record: LineRecord, own: pd.DataFrame, samples: list[dict[str, Any]]
) -> tuple[dict[str, Any], list[Cell]]:
    """Return the matrices of a group (what can count, curves, the rest), and all cells."""
    basis = record.verdict["basis"]
    rows: dict[str, list[dict[str, Any]]] = {"decides": [], "curve": [], "rest": []}
    drawn = set(curves(own)["item"])
    for item, answers in own.groupby("item", sort=False):
        found = {str(row["sample"]): _texts(row) for row in answers.to_dict("records")}
        first = next(iter(found.values()))
        decides = any(readout_verdict.counts(row, record.line, basis) for row in found.values())
        rows["decides" if decides else "curve" if item in drawn else "rest"].append(
            {
                "label": label_text(first),
                "place": str(first["place"]),
                "expected": _expected_of([*found.values()]),
                "source": str(first["source"]),
                "cells": [
                    cell(found[sample["sample"]], decides)
                    if sample["sample"] in found
                    else dict(NOT_ASKED)
                    for sample in samples
                ],
            }
        )
    parts = [
        {"kind": kind, "rows": of, "found": sum(map(_changed, of)), "open": sum(map(_open, of))}
        for kind, of in rows.items()
        if of
    ]
    cells = [cell for of in rows.values() for row in of for cell in row["cells"]]
    return {"parts": parts}, cells


def _texts(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def _changed(row: Mapping[str, Any]) -> bool:
    return any(cell["state"] == "present" for cell in row["cells"])


def _open(row: Mapping[str, Any]) -> bool:
    return all(cell["state"] == "not_testable" for cell in row["cells"])


def _expected_of(answers: Sequence[Mapping[str, Any]]) -> str:
    """Return the range of a question; where passages have others, the widest, saying so."""
    asked = [row for row in answers if row["state"] != "not_testable"] or answers
    ranges = {_expected(row) for row in asked}
    if len(ranges) == 1:
        return ranges.pop()
    lows, highs = ([float(row[end]) for row in asked] for end in ("expected_low", "expected_high"))
    # One open end leaves the whole open.
    low, high = (
        edge(ends) if all(map(math.isfinite, ends)) else math.nan
        for edge, ends in ((min, lows), (max, highs))
    )
    units = {str(row["unit"]) for row in asked}
    widest = range_text(low, high, units.pop()) if len(units) == 1 else ""
    return f"{widest}, by passage" if widest else "by passage"


def _expected(row: Mapping[str, Any]) -> str:
    """Return the range of a question, or the unit alone where it has none."""
    text = range_text(row["expected_low"], row["expected_high"], str(row["unit"]))
    return text or str(row["unit"]).replace("share", "")


def _bare(value: float, unit: str) -> str:
    """Return a number for a narrow column; the unit stands in the column of ranges, but for %."""
    return amount(value, unit).removesuffix(f" {unit}").replace(" %", "\u00a0%")


def cell(row: Mapping[str, Any], decides: bool) -> Cell:
    """Return a row of READOUTS as a cell; what changed, what did not and what is open never alike.

    The template knows a changed one as ``present`` (``minor`` where it decides nothing) and one
    that is as expected as ``absent``.
    """
    unit = str(row["unit"])
    value = _bare(float(row["value"]), unit)
    if row["state"] == "not_testable":
        reason = str(row["reason"]) or "no reason was recorded"
        return dict(NOT_ASKED) | {"reason": reason, "title": f"not testable: {reason}"}
    title = [f"{row['state']}: {value_text(row)}".removesuffix(": ")]
    expected = range_text(row["expected_low"], row["expected_high"], unit)
    if expected:
        against = f" by {row['against']}" if row["against"] else ""
        title.append(f"expected {expected}{against}")
    limit = amount(float(row["limit"]), unit)
    if limit:
        what = "a change of" if row["state"] != "absent" else ""
        title.append(f"{what} {limit} or more would have been seen".strip())
    if row["n"] > 0:
        title.append(f"{int(row['n'])} loci or reads")
    if row["reason"]:
        title.append(str(row["reason"]))
    common: Cell = {"title": "; ".join(title), "sort": float(np.nan_to_num(row["value"]))}
    if not value and row["reason"]:
        # A state that sums up others: its reason is what it says.
        common["remark"] = str(row["reason"])
    if row["state"] in CHANGED:
        return common | {
            "state": "present",
            "minor": not decides,
            "text": value or str(row["state"]),
            "interval": str(row["state"]) if value else "",
        }
    if row["state"] == "absent":
        value = f"<\u00a0{_bare(float(row['limit']), unit)}" if limit else "absent"
    return common | {"state": "absent", "text": value or str(row["state"])}


# Drift -------------------------------------------------------------------------------------------


def curves(asked: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are drawn by passage: measures of drift of the whole genome."""
    return asked[(asked["group"] == "drift") & (asked["place"] == "")]


def drift_figure(asked: pd.DataFrame, samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Return value by passage of the measures of drift of one unit, {} below two passages.

    Every value stands in the matrix of the section too.
    """
    rows = curves(asked)
    rows = rows[np.isfinite(rows["value"].to_numpy(dtype=float))]
    if rows.empty:
        return {}
    # One axis has one unit: that of most measures.
    unit = str(rows["unit"].value_counts(sort=True).index[0])
    drawn = rows[rows["unit"] == unit]
    drawn = drawn[drawn["item"].isin(drawn["item"].unique()[:MAX_CURVES])]
    passages = np.sort(drawn["passage"].unique())
    if len(passages) < 2:
        return {}
    scale = 100.0 if unit == "share" else 1.0
    data = [
        _curve(own.sort_values("passage"), number, scale, unit)
        for number, (_, own) in enumerate(drawn.groupby("item", sort=False))
    ]
    pad = 0.06 * float(np.ptp(passages))
    labels = {sample["passage"]: sample["label"] for sample in samples}
    words = "%" if unit == "share" else unit
    plot: Figure = {
        "data": data,
        "layout": layout(
            320,
            showlegend=True,
            legend={"orientation": "h", "y": -0.32, "yanchor": "top", "x": 0},
            xaxis=axis(
                title={"text": "passage"},
                tickvals=[int(passage) for passage in passages],
                ticktext=[plain(labels.get(int(p), f"p{p}")) for p in passages],
                range=[float(passages[0] - pad), float(passages[-1] + pad)],
                showgrid=False,
            ),
            yaxis=axis(title={"text": f"drift, {plain(words)}".rstrip(", ")}, rangemode="tozero"),
        ),
    }
    return {"plot": plot, "omitted": rows["item"].nunique() - len(data)}


def _curve(own: pd.DataFrame, number: int, scale: float, unit: str) -> Figure:
    value, low, high = (
        scale * own[name].to_numpy(dtype=float) for name in ("value", "low", "high")
    )
    colour = PALETTE[number % len(PALETTE)]
    words = [f"{row.sample}: {amount(float(row.value), unit)}" for row in rows_of(own)]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": plain(label_text(_texts(own.iloc[0].to_dict()))),
        "x": [int(passage) for passage in own["passage"]],
        "y": numbers(value, 3),
        "text": [plain(word) for word in words],
        "hovertemplate": "%{text}<extra></extra>",
        "line": {"color": colour, "width": 2, "dash": DASHES[number % len(DASHES)]},
        "marker": {"color": colour, "symbol": SYMBOLS[number % len(SYMBOLS)], "size": 10},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": numbers(np.maximum(high - value, 0), 3),
            "arrayminus": numbers(np.maximum(value - low, 0), 3),
            "thickness": 1.4,
            "width": 5,
            "color": colour,
        },
    }


# Differences -------------------------------------------------------------------------------------


def _differences(record: LineRecord, assay: str, samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the largest acquired differences of methylation, and how many there are."""
    if assay != "methylation":
        return {"differences": [], "n_differences": [], "omitted": 0}
    told = record.readouts.facts.get("differences", {})
    found = readout_verdict.differences(record.readouts, record.verdict["basis"])
    per_sample = found["sample"].value_counts()
    counted = [
        {"label": of["label"], "n": f"{int(told.get(name, per_sample.get(name, 0))):,}"}
        for of in samples
        if (name := of["sample"])
    ]
    size = found["difference"].abs()
    order = found.assign(size=size).sort_values(
        ["q_value", "size"], ascending=[True, False], kind="stable"
    )
    return {
        "differences": [
            {
                "sample": row.sample,
                "baseline": row.baseline,
                "place": f"{row.chrom}:{row.start + 1:,}\u2013{row.end:,}",
                "difference": _signed(row.difference),
                "sort": float(row.difference),
                "n": int(row.n_loci),
                "q": f"{row.q_value:.1g}",
            }
            for row in rows_of(order.iloc[:MAX_DIFFERENCES])
        ],
        "n_differences": counted,
        "omitted": max(len(found) - MAX_DIFFERENCES, 0),
    }


def _signed(value: float) -> str:
    return f"{100 * value:+.0f}\u00a0%".replace("-", "\u2212")


# Certificate -------------------------------------------------------------------------------------


def certificate(record: LineRecord, samples: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the rows of methylation and expression: one for each group, or `not measured`."""
    if "basis" not in record.verdict:
        return []
    rows = []
    for name, (assay, needs) in SECTIONS.items():
        own = measured_samples(record, samples, assay)
        if not own:
            rows.append(
                {
                    "test": name.capitalize(), "method": f"asks for {needs}", "passages": "",
                    "limit": "", "criterion": "", "result": "not measured", "state": "open",
                }
            )  # fmt: skip
            continue
        asked = record.readouts.asked
        asked = asked[(asked["assay"] == assay) & asked["sample"].isin([s["sample"] for s in own])]
        for group, title in TITLES[assay].items():
            if (asked["group"] == group).any():
                rows.append(_test(record, asked[asked["group"] == group], title, own))
    return rows


def _test(
    record: LineRecord, own: pd.DataFrame, title: str, samples: list[dict[str, Any]]
) -> dict[str, str]:
    """Return the row of a group: of the questions that can count, or of all where none can."""
    basis = record.verdict["basis"]
    rows = [_texts(row) for row in own.to_dict("records")]
    counting = [row for row in rows if readout_verdict.counts(row, record.line, basis)]
    of = counting or rows
    states: dict[str, dict[str, Any]] = {}
    for row in of:
        states.setdefault(str(row["item"]), {"label": label_text(row), "found": []})
        states[str(row["item"])]["found"].append(row["state"])
    changed = [
        f"{item['label']} {next(state for state in item['found'] if state in CHANGED)}"
        for item in states.values()
        if set(item["found"]) & set(CHANGED)
    ]
    untested = sum(set(item["found"]) == {"not_testable"} for item in states.values())
    fine = len(states) - len(changed) - untested
    more = f" and {len(changed) - 3} more" * (len(changed) > 3)
    result = [", ".join(changed[:3]) + more] if changed else []
    result += [f"{fine} as expected"] if fine else []
    result += [f"{untested} not testable"] if untested else []
    state = "fail" if changed else "open" if untested else "pass"
    assay = readout_verdict.ASSAY_WORDS[str(own["assay"].iloc[0])]
    return {
        "test": title,
        "method": f"{assay}, {len(states)} asked in every passage",
        "passages": passage_list(samples),
        "limit": _limit(of) if counting else "",
        "criterion": "as expected in every passage" if counting else "for information",
        "result": "; ".join(result),
        "state": state if counting else "plain",
    }


def _limit(rows: list[dict[str, Any]]) -> str:
    """Return the worst limit of what is as expected; "" where none or of several units."""
    known = [row for row in rows if row["state"] in ("normal", "absent")]
    known = [row for row in known if np.isfinite(row["limit"])]
    units = {(str(row["unit"]), row["state"] == "absent") for row in known}
    if len(units) != 1:
        return ""
    ((unit, absent),) = units
    worst = amount(max(float(row["limit"]) for row in known), unit)
    return worst if absent else f"a change of {worst}"
