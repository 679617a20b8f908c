"""Small frames of a line with known content, for tests of the verdict, exports and privacy."""

import pandas as pd
from linedrift import tables

NAN = float("nan")
LINE = {
    "line": "KSB-1",
    "kind": "line",
    "parent": "donor-7",
    "sex": "female",
    "tier": "public",
    "registry_id": "KSCBi001-A",
    "source_cell": "fibroblast",
    "reprogramming": "episomal",
    "description": "a line of the tests",
}


def measurements(passages=(10, 30), line="KSB-1", banked=()):
    rows = [
        {
            "sample": f"{line}-p{passage}",
            "line": line,
            "passage": passage,
            "assay": "snp_array",
            "format": "final_report",
            "platform": "GSA v3",
            "batch": "B1",
            "bank": "MCB" if passage in banked else "",
            "baseline": "donor-7-p0",
        }
        for passage in passages
    ]
    return pd.DataFrame(rows)


def event(**values):
    """Return a row of EVENTS: by default a gain of 20q11.21, acquired and certain."""
    row = {
        "event_id": "e-20q",
        "line": "KSB-1",
        "chrom": "chr20",
        "start": 30_412_345,
        "end": 32_912_345,
        "start_low": 30_400_001,
        "start_high": 30_420_003,
        "end_low": 32_900_017,
        "end_high": 32_931_111,
        "band": "20q11.21q11.22",
        "kind": "gain",
        "copies": 3,
        "origin": "acquired",
        "first_passage": 30,
        "quality": 57.3,
        "false_event_rate": 1e-6,
        "hotspot_id": "gain_20q11.21",
        "genes": "BCL2L1",
        "iscn": "arr[GRCh38] 20q11.21q11.22(30,412,346_32,912,345)×3[0.85]",
        "note": "",
    }
    if "start" in values:
        near = {"start_low": values["start"], "start_high": values["start"]}
        values = near | {"end_low": values["end"], "end_high": values["end"]} | values
    return row | values


def state(event_id="e-20q", passage=30, fraction=0.85, line="KSB-1", **values):
    """Return a row of TRAJECTORIES: present at `fraction`, or absent where it is NaN."""
    present = fraction == fraction
    return {
        "event_id": event_id,
        "sample": f"{line}-p{passage}",
        "passage": passage,
        "state": "present" if present else "absent",
        "cell_fraction": fraction,
        "low": fraction - 0.05,
        "high": fraction + 0.05,
        "limit": 0.04,
        "support": 55.5,
        "snp_array": 55.5,
        "reason": "",
    } | values


def frame(table, rows):
    """Return rows as a checked frame of that table."""
    made = pd.DataFrame(rows) if rows else table.empty()
    made = tables.conform(made, table)
    return tables.check(tables.in_genome_order(made) if table.order else made, table)


def hotspots(table, passages=(10, 30), line="KSB-1", present=(), **values):
    """Return HOTSPOTS, all absent down to 8 % but those of `present` (hotspot, passage, event)."""
    rows = []
    for passage in passages:
        for spot in table.to_dict("records"):
            rows.append(
                {
                    "hotspot_id": spot["id"],
                    "label": spot["label"],
                    "tier": spot["tier"],
                    "sample": f"{line}-p{passage}",
                    "passage": passage,
                    "state": "absent",
                    "cell_fraction": NAN,
                    "low": NAN,
                    "high": NAN,
                    "limit": 0.08,
                    "event_id": "",
                    "reason": "",
                }
                | values
            )
    for spot, passage, event_id in present:
        row = next(r for r in rows if r["hotspot_id"] == spot and r["passage"] == passage)
        row |= {"state": "present", "cell_fraction": 0.85, "low": 0.8, "high": 0.9}
        row["event_id"] = event_id
    return frame(tables.HOTSPOTS, rows)


def quality(passages=(10, 30), line="KSB-1", **values):
    rows = [
        {
            "sample": f"{line}-p{passage}",
            "assay": "snp_array",
            "figure": "call_rate",
            "label": "Call rate",
            "value": "0.9987",
            "expected": ">= 0.97",
            "state": "pass",
            "reason": "",
        }
        | values
        for passage in passages
    ]
    return frame(tables.QUALITY, rows)


def identity(passages=(10, 30), line="KSB-1", **values):
    rows = [
        {
            "sample": f"{line}-p{passage}",
            "assay": "snp_array",
            "state": "confirmed",
            "expected_sex": "female",
            "sex": "female",
            "compared_with": "donor-7-p0",
            "looks_like": "",
            "reason": "",
        }
        | values
        for passage in passages
    ]
    return frame(tables.IDENTITY, rows)
