"""Imprinted regions: half methylated where one parent's copy is methylated, as it should be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift.readouts import readouts as rows_of
from linedrift.readouts.methylation_ranges import (
    Normal,
    explained,
    judged,
    stated,
    too_few,
    widened,
)
from linedrift.readouts.methylation_regions import by_region, records, sequenced

# Regions of one locus stand in for each other within this distance: the MEG3/DLK1 IG-DMR, which
# the 450k array does not reach, lies 12 kb from MEG3:TSS-DMR.
NEAR = 50_000


def readouts(
    own: pd.DataFrame,
    controls: pd.DataFrame | None,
    dmrs: pd.DataFrame,
    settings: Mapping[str, Any],
    events: pd.DataFrame | None = None,
    donor: pd.DataFrame | None = None,
    baseline: pd.DataFrame | None = None,
) -> list[dict[str, Any]]:
    """Return one readout per imprinted region, core and extended, always all.

    Parameters
    ----------
    own
        REGION_VALUES of the sample.
    controls
        REGION_VALUES of other people, one below the other; None or empty without any.
    dmrs
        resources/imprinted_dmrs.tsv.
    settings
        methylation.measures of the config: `imprinted_range` and what `widened` needs.
    events
        EVENTS that the sample carries: copy number changes methylation without a lost imprint.
    donor, baseline
        REGION_VALUES of the donor and of the earliest passage, where there are. What the donor
        has too is inherited: it annotates. What the earliest passage has too is remarked.

    Returns
    -------
    list of dict
        Rows as `readouts.readout` makes them, for `readouts.frame`.
    """
    value_of, reads = by_region(own), sequenced(own)
    of_controls = betas_of(controls)
    before = [{} if one is None else by_region(one) for one in (donor, baseline)]
    made = []
    for dmr in records(dmrs):
        name = dmr["dmr_id"]
        known = {
            "place": rows_of.place(dmr["chrom"], dmr["start"], dmr["end"]),
            "role": role(dmr), "source": _source(dmr), "unit": "share",
        }  # fmt: skip
        value = value_of.get(name)
        if value is None:
            known |= {"reason": "no data"}
        elif few := too_few(value, reads, settings):
            known |= {"reason": few + _stand_in(dmr, dmrs, value_of, reads, settings)}
            known |= {"n": value["n_reads"] or value["n_loci"]}
        else:
            usual = stated(settings["imprinted_range"])
            normal = widened(usual, of_controls.get(name, np.array([])), settings)
            known = explained({**known, **judged(value, normal)}, dmr, events)
            known = _since(known, normal, before[0].get(name), before[1].get(name))
        if text := _text(dmr.get("caution")):
            known["reason"] = "; ".join(filter(None, [known.get("reason", ""), text]))
        made.append(rows_of.readout("imprinting", name, name, **known))
    return made


def betas_of(values: pd.DataFrame | None) -> dict[str, np.ndarray]:
    """Return the methylation of each region in many samples: region -> betas."""
    if values is None or values.empty:
        return {}
    return {str(name): part.to_numpy() for name, part in values.groupby("region")["beta"]}


def role(dmr: Mapping[str, Any]) -> str:
    """Return what a region may do to a verdict.

    Core regions whose change in pluripotent cells was read in its source flag, other core regions
    are for review; the extended panel, and what its caution says is not half methylated in normal
    somatic tissue, only annotates.
    """
    if dmr["panel"] != "core" or _text(dmr.get("caution")):
        return "annotate"
    return "flag" if _text(dmr.get("hpsc_verification")).startswith("verified") else "review"


def _since(
    told: dict[str, Any],
    normal: Normal,
    donor: Mapping[str, Any] | None,
    first: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return a readout with what donor and earliest passage say of it.

    A change that they have too; or, in the normal range, a change since the earliest passage: the
    intervals of both do not meet.
    """
    if told["state"] == "normal" and first is not None and _apart(told, first):
        moved = f"changed since the earliest passage ({first['beta']:.2f})"
        return {**told, "reason": "; ".join(filter(None, [moved, told["reason"]]))}
    if told["state"] not in ("gained", "lost"):
        return told
    for who, value in (("the donor", donor), ("the earliest passage", first)):
        if (
            value is not None
            and value["n_loci"]
            and judged(value, normal)["state"] == told["state"]
        ):
            reason = "; ".join(filter(None, [told["reason"], f"{who} has it too"]))
            role = "annotate" if value is donor else told["role"]
            return {**told, "reason": reason, "role": role}
    return told


def _apart(told: Mapping[str, Any], first: Mapping[str, Any]) -> bool:
    """Return whether two intervals do not meet (never where one was not measured)."""
    return bool(told["low"] > first["high"] or told["high"] < first["low"])


def _stand_in(
    dmr: Mapping[str, Any],
    dmrs: pd.DataFrame,
    value_of: Mapping[str, Mapping[str, Any]],
    reads: bool,
    settings: Mapping[str, Any],
) -> str:
    """Name the nearest core region that was measured, where there is one."""
    near = dmrs[
        (dmrs["chrom"] == dmr["chrom"])
        & (dmrs["panel"] == "core")
        & (dmrs["dmr_id"] != dmr["dmr_id"])
        & ((dmrs["start"] - dmr["end"]).abs() < NEAR)
    ]
    for name in near["dmr_id"]:
        if name in value_of and not too_few(value_of[name], reads, settings):
            return f"; {name} answers for the locus"
    return ""


def _source(dmr: Mapping[str, Any]) -> str:
    return "; ".join(filter(None, [_text(dmr.get("hpsc_source")), _text(dmr.get("source"))]))


def _text(value: Any) -> str:
    """Return a cell of a curated table as text, empty where it is."""
    return "" if value is None or value != value else str(value)
