"""Quality of one sample's RNA-seq: reads, genes, noise, sex; judged by `quality.judge`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from linedrift.signals import rna_bank
from linedrift.signals.noise import Noise


def measure(
    facts: Mapping[str, Any], noise: Noise, settings: Mapping[str, Any]
) -> dict[str, object]:
    """Return the quality figures of one sample, as `quality.judge` takes them.

    Parameters
    ----------
    facts
        What its files say: n_reads, n_detected, xist, y (per million), n_lines, no_levels,
        n_genes, reference_bias; what was not measured is absent.
    noise
        Noise of its contrast.
    settings
        Section `quality.rna` of the config.

    Returns
    -------
    dict
        Numbers (NaN where not measured): n_reads, n_detected, n_lines (other lines that
        expression is compared with), n_genes (with two alleles), log_ratio_sd (log2),
        reference_bias, xist, y. Words: sex, sex_reason, n_lines_reason.
    """
    names = ("n_reads", "n_detected", "n_lines", "n_genes", "reference_bias", "xist", "y")
    figures: dict[str, object] = {name: float(facts.get(name, math.nan)) for name in names}
    figures["n_lines_reason"] = str(facts.get("no_levels", ""))
    # Without a level there is no noise of it, only the least that a contrast may have.
    levels = not noise.reason and not facts.get("no_levels", "no counts of genes")
    figures["log_ratio_sd"] = noise.level_sd if levels else math.nan
    figures["sex"], figures["sex_reason"] = rna_bank.sex(figures, settings)
    return figures
