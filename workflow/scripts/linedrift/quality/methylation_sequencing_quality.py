"""Quality of methylation by sequencing: depth, conversion, sex; judged by `quality`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift.genome import AUTOSOMES
from linedrift.quality import quality

LABELS = {
    "n_cpgs": "CpGs with reads",
    "mean_depth": "Mean depth of CpGs with reads",
    "share_5x": "CpGs of the genome at 5x or more",
    "conversion": "Conversion (unmethylated control)",
    "mean_methylation": "Methylation, mean of the autosomes",
    "positions": "Rows at CpGs of known place that fit",
    "sex": "Sex",
    "x_level": "X level",
    "y_level": "Y level",
}
WHY = {
    "n_cpgs": "too few CpGs were read",
    "mean_depth": "CpGs have too few reads",
    "share_5x": "too little of the genome was read deeply",
    "conversion": "the conversion failed: the DNA is not converted, or not enough",
    "mean_methylation": "nearly every C was read as methylated: the DNA is not converted",
}
# Unmethylated DNA in the order of what it proves: a spike-in, C outside of CpGs (of which
# pluripotent cells methylate 1 to 2 %), mitochondria.
_UNMETHYLATED = (
    ("controls", "lambda", "of the phage lambda"),
    ("contexts", "CHH", "of CHH; pluripotent cells methylate some of it"),
    ("controls", "mitochondrion", "of mitochondria"),
)
# Share of C on the top strand of human DNA without conversion, G on the bottom strand.
_C_SHARE = 0.2
# Steps of the mean of a Poisson number from that of its positive values; 30 leave 1e-6 at 1.
_STEPS = 60


def measure(
    cytosines: pd.DataFrame, facts: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, object]:
    """Return the quality figures of methylation by sequencing.

    Parameters
    ----------
    cytosines
        Frame of CYTOSINES; empty where an alignment alone was given.
    facts
        What the reading of the file (`cytosines.Reading`) and of the alignment
        (`bisulfite.Reading`) said: format, counts_known, controls, contexts; converted, c_share;
        and `cpg_anchors.check`: positions_share, positions_n, positions_by.
    settings
        Section `quality.methylation.sequencing` of the config.

    Returns
    -------
    dict
        Numbers (NaN where not measured): n_cpgs, mean_depth (reads), share_5x, conversion,
        mean_methylation, positions (shares), x_level and y_level (log2, relative to the
        autosomes). Words: conversion_reason, mean_depth_reason, positions_reason, sex, sex_reason.
    """
    methylated = cytosines["methylated"].to_numpy()
    total = methylated + cytosines["unmethylated"].to_numpy()
    known = bool(facts.get("counts_known", False)) and len(total) > 0
    autosomal = (cytosines["chrom"].cat.codes < len(AUTOSOMES)).to_numpy()
    reads = int(total[autosomal].sum(dtype=np.int64))
    figures: dict[str, object] = {
        "n_cpgs": len(cytosines) if len(cytosines) else math.nan,
        "mean_depth": float(total.mean()) if known else math.nan,
        "share_5x": float((total >= 5).sum()) / settings["genome_cpgs"] if known else math.nan,
        "mean_methylation": (
            float(methylated[autosomal].sum(dtype=np.int64)) / reads if reads else math.nan
        ),
    }
    if not known:
        figures["mean_depth_reason"] = (
            "the file has percents without the number of reads"
            if len(total)
            else "an alignment alone: no methylation was read"
        )
    figures |= _positions(facts) | _conversion(facts, settings)
    return figures | _sex(cytosines, total, known, settings)


def _positions(facts: Mapping[str, Any]) -> dict[str, object]:
    """Return the share of rows that are on their CpGs, and what tells it, if anything does."""
    by, n = facts.get("positions_by", ""), facts.get("positions_n")
    if by:
        return {"positions": facts["positions_share"], "positions_reason": f"by {by}"}
    if n is None:
        return {"positions": math.nan}
    reason = f"positions not verified: no reference, and {n} rows at CpGs of known place"
    return {"positions": math.nan, "positions_reason": reason}


def _conversion(facts: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, object]:
    """Return the share of unmethylated C that was converted, and what it rests on."""
    for kind, name, words in _UNMETHYLATED:
        methylated, unmethylated = facts.get(kind, {}).get(name, (0, 0))
        n = methylated + unmethylated
        if n >= settings["least_control_reads"]:
            reason = f"{methylated:,} of {n:,} reads {words} say methylated"
            return {"conversion": unmethylated / n, "conversion_reason": reason}
    # Nanopores read methylation without conversion; their tables are bedMethyl.
    if facts.get("c_share") is not None and facts.get("format") != "bedmethyl":
        share = float(facts["c_share"])
        if share >= _C_SHARE / 2:
            reason = f"{share:.0%} of the bases of the original top strand are C, as in all DNA"
            found = max(0.0, 1 - share / _C_SHARE)
            return {"conversion": found, "conversion_reason": reason}
    reason = "no reads of lambda, CHH or mitochondria in the file"
    return {"conversion": math.nan, "conversion_reason": reason}


def _sex(
    cytosines: pd.DataFrame, total: np.ndarray, known: bool, settings: Mapping[str, Any]
) -> dict[str, object]:
    """Return the sex by the depth of X and Y, and what it rests on."""
    nothing: dict[str, object] = {"x_level": math.nan, "y_level": math.nan, "sex": "unknown"}
    if not known:
        return nothing | {"sex_reason": "no depth of X and Y"}
    autosomal, x, y, _ = quality.regions(cytosines)
    least = settings["min_sex_loci"]
    if min(autosomal.sum(), x.sum()) < least:
        return nothing | {"sex_reason": f"fewer than {least} CpGs of X or of the autosomes"}
    base = mean_of_all(float(total[autosomal].mean()))
    levels = {"x_level": math.log2(mean_of_all(float(total[x].mean())) / base)}
    reads, wanted = float(total[y].sum()), settings["y_share"] * float(total[autosomal].sum())
    # Of Y the reads count, since a woman has few CpGs of it, and those by misplaced reads.
    enough = wanted >= settings["least_control_reads"]
    levels["y_level"] = math.log2((reads + 1) / wanted) if enough else math.nan
    figures = levels | {"het_rate": math.nan, "x_het_rate": math.nan}
    return levels | quality.sex_of_figures(figures, settings) | _without_alleles(levels, settings)


def _without_alleles(levels: Mapping[str, float], settings: Mapping[str, Any]) -> dict[str, object]:
    """Return the sex by X alone, where Y was not measured; alleles are never."""
    if not math.isnan(levels["y_level"]):
        return {}
    single = levels["x_level"] < settings["x_level_single"]
    seen = f"X level {levels['x_level']:.2f}; Y has too few reads"
    return {
        "sex": "male" if single else "female",
        "sex_reason": f"{'one' if single else 'two'} X ({seen})",
    }


def mean_of_all(mean: float) -> float:
    """Return the mean depth of all CpGs, by that of the CpGs with reads (Poisson).

    Files leave out what has no read: at a depth of 1 the mean of the others is 1.58.
    """
    found = mean
    for _ in range(_STEPS):
        found = mean * -math.expm1(-found)
    return found
