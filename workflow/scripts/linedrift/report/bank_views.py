"""What the bank's page prints, as plain structures."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from linedrift.records import BankRecord
from linedrift.report.figures import assay_name, rows_of
from linedrift.report.views import (
    NOT_ASKED,
    ROLES,
    hotspot_roles,
    mark_reasons,
    relative_link,
    state_cell,
)


def bank_matrix(record: BankRecord) -> dict[str, Any]:
    """Return the matrix line x hotspot of the latest passages, decisive hotspots first."""
    frame = record.hotspots.assign(role=hotspot_roles(record.hotspots, {}))
    order = {role: n for n, (role, _, _) in enumerate(ROLES)}
    spots = frame.drop_duplicates("hotspot_id")
    spots = spots.assign(rank=spots["role"].map(order)).sort_values("rank", kind="stable")
    cells = {(row.line, row.hotspot_id): state_cell(row) for row in rows_of(frame)}
    rows = [
        {
            "line": line.line,
            "verdict": line.verdict,
            "href": relative_link(line.page),
            "passage": line.latest_passage,
            "cells": [
                dict(cells.get((line.line, name), NOT_ASKED)) for name in spots["hotspot_id"]
            ],
        }
        for line in rows_of(record.lines)
    ]
    present = set(frame.loc[frame["state"] == "present", "hotspot_id"])
    columns = [
        {"label": spot.label, "role": spot.role, "found": spot.hotspot_id in present}
        for spot in rows_of(spots)
    ]
    return {
        "columns": columns,
        "rows": rows,
        "reasons": mark_reasons(cell for row in rows for cell in row["cells"]),
    }


def bank_lines(record: BankRecord) -> list[dict[str, Any]]:
    """Return the lines as rows of a table."""
    return [
        {str(name): value for name, value in row.items()}
        | {
            "href": relative_link(str(row["page"])),
            "assays": ", ".join(assay_name(name) for name in str(row["assays"]).split(";") if name),
            "variants_present": [
                name for name in str(row.get("variants_present", "")).split(";") if name
            ],
            "n_variants": row.get("n_variants", ""),
            "readouts_present": [
                name for name in str(row.get("readouts_present", "")).split(";") if name
            ],
            "n_readouts": row.get("n_readouts", ""),
            "hotspots_present": [name for name in str(row["hotspots_present"]).split(";") if name],
        }
        for row in record.lines.fillna("").to_dict("records")
    ]


def identity_conflicts(record: BankRecord) -> dict[str, Any]:
    """Return failed identities and pairs that are not as the sheets say; private tier only."""
    if record.tier != "private":
        return {"failed": [], "pairs": [], "untold": [], "n_pairs": 0, "n_samples": 0}
    people = record.identity.assign(assay=record.identity["assay"].map(assay_name))
    pairs = record.pairs.assign(
        **{name: _with_point(record.pairs[name]) for name in ("concordance", "kinship")}
    )
    return {
        "failed": people[people["state"] != "confirmed"].to_dict("records"),
        "pairs": pairs[pairs["state"] == "conflict"].to_dict("records"),
        "untold": pairs[pairs["state"] == "not_testable"].to_dict("records"),
        "n_pairs": len(pairs),
        "n_samples": len(people),
    }


def _with_point(values: pd.Series) -> list[str]:
    """Return shares with three digits, a dash where there is none."""
    return [f"{value:.3f}" if math.isfinite(value) else "–" for value in values]


def quality_rows(quality: pd.DataFrame) -> dict[str, Any]:
    """Return the measurements of the bank as rows and the figures of quality as columns."""
    figures = quality.drop_duplicates("figure")
    cells = {
        (row.sample, row.assay, row.figure): {"value": row.value, "state": row.state}
        for row in rows_of(quality)
    }
    nothing = {"value": "", "state": "info"}
    return {
        "columns": list(figures["label"]),
        "rows": [
            {
                "sample": row.sample,
                "assay": assay_name(row.assay),
                "cells": [
                    cells.get((row.sample, row.assay, name), nothing) for name in figures["figure"]
                ],
            }
            for row in rows_of(quality.drop_duplicates(["sample", "assay"]))
        ],
    }
