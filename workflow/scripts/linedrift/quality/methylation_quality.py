"""Quality of one methylation array: detection, conversion, light, sex; judged by `quality`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift.quality import quality

LABELS = {
    "n_probes": "CpG probes",
    "share_detected": "Probes detected",
    "share_beads": "Probes with enough beads",
    "conversion": "Bisulfite conversion (controls)",
    "green_excess": "Unconverted C behind probes (GCT)",
    "median_intensity": "Median intensity",
    "share_extreme": "Betas near 0 or 1",
    "sex": "Sex",
    "x_level": "X level",
    "y_level": "Y level",
}
WHY = {
    "n_probes": "too few probes",
    "share_detected": "too many probes show no more than background",
    "share_beads": "too many probes have too few beads",
    "conversion": "the bisulfite conversion failed: the DNA is not converted, or not enough",
    "green_excess": "the bisulfite conversion failed: the DNA is not converted, or not enough",
    "median_intensity": "the array is dark",
    "share_extreme": "few CpGs are methylated or unmethylated in all cells",
}


def measure(
    probes: pd.DataFrame, facts: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, object]:
    """Return the quality figures of one methylation array.

    Parameters
    ----------
    probes
        Frame of PROBES.
    facts
        What its reading said: share_detected, share_beads, conversion, green_excess,
        median_methylated, median_unmethylated, has_intensities; what was not measured is absent
        or None.
    settings
        Section `quality.methylation.arrays` of the config.

    Returns
    -------
    dict
        Numbers (NaN where not measured): n_probes, share_detected, share_beads, conversion
        (shares), green_excess (ratio), median_intensity (log2, mean of the medians of methylated
        and unmethylated), share_extreme (of the usable betas of autosomes), x_level and y_level
        (log2, relative to the autosomes). Words: sex, sex_reason.
    """
    measured = {
        name: math.nan if facts.get(name) is None else float(facts[name])
        for name in (
            "share_detected", "share_beads", "conversion", "green_excess",
            "median_methylated", "median_unmethylated",
        )
    }  # fmt: skip
    if not facts.get("has_detection", True):
        measured["share_detected"] = math.nan
    light = (measured.pop("median_methylated") + measured.pop("median_unmethylated")) / 2
    usable = probes[probes["usable"].to_numpy()]
    autosomal, x, y, _ = quality.regions(usable)
    beta = usable["beta"].to_numpy(dtype=np.float64)[autosomal]
    low, high = settings["extreme"]
    extreme = float(((beta < low) | (beta > high)).mean()) if len(beta) else math.nan
    figures: dict[str, object] = {
        "n_probes": len(usable), **measured, "median_intensity": light, "share_extreme": extreme,
    }  # fmt: skip
    return figures | _reasons(figures, facts) | _sex(probes, facts, settings)


def _reasons(figures: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, object]:
    """Return why a figure of the chip was not measured."""
    from_chip = facts.get("n_addresses") is not None
    table = "the file is a table, which does not hold it"
    why = {
        "share_detected": table,
        "share_beads": table,
        "median_intensity": "betas alone: no intensities",
        "conversion": "the manifest names no such controls" if from_chip else table,
        "green_excess": "the manifest has no Next_Base" if from_chip else table,
    }
    return {f"{name}_reason": text for name, text in why.items() if math.isnan(figures[name])}


def _sex(
    probes: pd.DataFrame, facts: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, object]:
    """Return the sex by the light of X and Y, and what it rests on.

    Probes that are not detected count too: those of Y are not detected in a woman.
    """
    if not facts.get("has_intensities"):
        reason = "betas alone: no intensity of X and Y"
        return {"sex": "unknown", "sex_reason": reason, "x_level": math.nan, "y_level": math.nan}
    total = (probes["methylated"] + probes["unmethylated"]).to_numpy(dtype=np.float64)
    level = np.log2(np.where(total >= 1, total, 1.0))
    level[~np.isfinite(total)] = np.nan
    autosomal, x, y, _ = quality.regions(probes)
    no_alleles = np.full(len(level), np.nan)
    figures = quality.sex_figures(level, no_alleles, autosomal, x, y, settings)
    figures |= quality.sex_of_figures(figures, settings)
    alleles = "heterozygous share of X not measured, "
    figures["sex_reason"] = str(figures["sex_reason"]).replace(alleles, "")
    x_level, y_level = (float(str(figures[name])) for name in ("x_level", "y_level"))
    if math.isnan(y_level) and math.isfinite(x_level):
        one = x_level < settings["x_level_single"]
        seen = f"X level {x_level:.2f}; Y has too few probes"
        figures["sex"] = "male" if one else "female"
        figures["sex_reason"] = f"{'one' if one else 'two'} X ({seen})"
    return figures
