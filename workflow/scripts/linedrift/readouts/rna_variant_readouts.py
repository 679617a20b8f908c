"""Variants looked up in RNA: those that the exome found, and hotspots of point mutations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import bdtrc, betaincinv

from linedrift.findings import role_of
from linedrift.readouts.readouts import place, readout, records
from linedrift.wording import CONSEQUENCES, consequence_class, variant_name

# Origins of variants that a line did not inherit.
ORIGINS = ("acquired", "expanded", "unknown")
# What RNA editing does to a base, on either strand (PMC8897444).
_EDITING = (("A", "G"), ("T", "C"))
_NOT_ALIGNED = "no data: no alignment (BAM or CRAM) was given, so no read was looked at"


def asked(variants: pd.DataFrame, hotspots: pd.DataFrame) -> pd.DataFrame:
    """Return what to look up: hotspots of point mutations, then variants of the exome.

    Parameters
    ----------
    variants
        VARIANTS of the line; those that the donor has are not asked.
    hotspots
        resources/snv_hotspots.tsv.

    Returns
    -------
    pandas.DataFrame
        item, label, chrom, start, ref, alt, hotspot (bool), consequence, and of hotspots tier,
        verification, disputed, source. A hotspot that the exome found is asked once, as hotspot.
    """
    points = hotspots[hotspots["scope"] == "point"]
    points = points.assign(item=points["id"], hotspot=True, consequence="", seen=False)
    own = variants[variants["origin"].isin(ORIGINS)].astype({"chrom": str})
    points = points.astype({"start": int})
    key = ["chrom", "start", "ref", "alt"]
    there, here = (pd.MultiIndex.from_frame(frame[key]) for frame in (points, own))
    points["seen"] = there.isin(here)
    rest = own[~here.isin(there)]
    rest = rest.assign(
        item=rest["variant_id"],
        label=[variant_name(row) for row in records(rest)],
        hotspot=False, seen=True, tier="", verification="", disputed="no",
        source="the exomes of the line",
    )  # fmt: skip
    columns = [
        "item", "label", *key, "hotspot", "seen", "consequence", "tier", "verification",
        "disputed", "source",
    ]  # fmt: skip
    return pd.concat([points[columns], rest[columns]], ignore_index=True)


def of_variants(
    counted: pd.DataFrame, aligned: bool, settings: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return a readout for each variant that was looked up.

    Parameters
    ----------
    counted
        `asked` with ref_reads, alt_reads, other_reads.
    aligned
        Whether there was an alignment to look into.
    settings
        Sections `rna` and `verdict` of the config, in one mapping.
    """
    rows = []
    for row in records(counted):
        end = int(row["start"]) + len(row["ref"])
        known = _state(row, settings["rna"]["readouts"]) if aligned else {"reason": _NOT_ALIGNED}
        rows.append(
            readout(
                "variant", row["item"], row["label"],
                place=place(row["chrom"], row["start"], end), source=row["source"],
                role=role_of(row, settings["verdict"]) if row["hotspot"] else "annotate", **known,
            )
        )  # fmt: skip
    return rows


def _state(row: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return presence of an allele, its share of reads, and the share that would be found."""
    alt = int(row["alt_reads"])
    reads = int(row["ref_reads"]) + alt
    if reads < settings["least_reads"]:
        return {"n": reads, "reason": f"too few reads: {reads} at the place"}
    # A hotspot that the exome has found is no longer one of many questions.
    chance = settings["variant_chance"] if row["seen"] else settings["hotspot_chance"]
    errors = bdtrc(np.arange(reads + 1), reads, settings["error_rate"])
    need = int(np.argmax(errors <= chance)) + 1
    present = alt >= need
    up, down = alt + 0.5, reads - alt + 0.5
    return {
        "state": "present" if present else "absent",
        "value": alt / reads,
        "low": float(betaincinv(up, down, 0.025)) if alt else 0.0,
        "high": float(betaincinv(up, down, 0.975)) if alt < reads else 1.0,
        "unit": "share",
        "expected_low": 0.0,
        "expected_high": 0.0,
        "limit": float(betaincinv(need, reads - need + 1, 0.95)) if need <= reads else np.nan,
        "n": reads,
        "against": "stated rate of errors",
        "reason": f"{alt} of {reads} reads{_remark(row, present)}",
    }


def _remark(row: Mapping[str, Any], present: bool) -> str:
    """Return what to bear in mind of a variant in RNA."""
    if present and not row["seen"] and (row["ref"], row["alt"]) in _EDITING:
        return "; not seen in DNA: RNA editing does the same"
    truncating = consequence_class(str(row["consequence"])) == next(iter(CONSEQUENCES))
    if not present and row["seen"] and truncating:
        return "; transcripts with such a change may be degraded"
    return ""
