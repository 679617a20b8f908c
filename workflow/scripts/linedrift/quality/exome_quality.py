"""Quality of one exome: depth, noise, sex, foreign DNA; judged by `quality.judge`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift.alleles import rarer_reads
from linedrift.quality.foreign_reads import foreign_share
from linedrift.quality.quality import regions, sex_figures, sex_of_figures
from linedrift.signals.noise import BLOCK_LENGTHS, Noise

# Bins of a block of the wave that is judged: about 10 to 20 genes.
_WAVE_BINS = 100


def measure(
    signals: pd.DataFrame,
    facts: Mapping[str, Any],
    noise: Noise | None,
    settings: Mapping[str, Any],
    rho: float,
) -> dict[str, object]:
    """Return the quality figures of one exome, as `quality.judge` takes them.

    Parameters
    ----------
    signals
        SIGNALS of the exome.
    facts
        What its reads say: mean_target_depth, share_20x, share_on_target, duplicate_share.
    noise
        Noise of its contrast; None where it was compared with no other exome: how well each
        probe captures would pass for noise.
    settings
        Section `quality.wes` of the config.
    rho
        Correlation of the alleles of two reads (`wes.overdispersion`).

    Returns
    -------
    dict
        Numbers (NaN where not measured): mean_target_depth (reads), share_20x, share_on_target,
        duplicate_share (shares), n_sites, log_ratio_sd and wave (log2), x_level and y_level
        (log2, relative to the autosomes), het_rate, x_het_rate, contamination (share of foreign
        DNA), contamination_share (of the genome). Words: sex, sex_reason, contamination_reason.
    """
    loci = signals[signals["usable"].to_numpy()]
    autosomal, x, y, _ = regions(loci)
    b = loci["b_fraction"].to_numpy(dtype=np.float64)
    on_target = (loci["name"] == "bin:target").to_numpy()
    # Off target X and Y are mappable elsewhere: the targets alone tell the sex.
    level = np.where(on_target, loci["level"].to_numpy(dtype=np.float64), np.nan)
    names = ("mean_target_depth", "share_20x", "share_on_target", "duplicate_share")
    figures: dict[str, object] = {
        name: math.nan if facts.get(name) is None else float(facts[name]) for name in names
    }
    figures["n_sites"] = int((autosomal & np.isfinite(b)).sum())
    figures |= {"log_ratio_sd": math.nan, "wave": math.nan}
    if noise is not None and not noise.reason:
        wave = noise.wave_variance[BLOCK_LENGTHS.index(_WAVE_BINS)]
        figures["log_ratio_sd"] = math.hypot(noise.level_sd, noise.level_shared_sd)
        figures["wave"] = math.sqrt(wave)
    figures |= sex_figures(level, b, autosomal, x, y, settings)
    figures |= sex_of_figures(figures, settings)
    figures |= _foreign(loci[autosomal], settings, rho)
    return figures


def _foreign(loci: pd.DataFrame, settings: Mapping[str, Any], rho: float) -> dict[str, object]:
    """Return the share of foreign DNA with its sentence; NaN where it cannot be told."""
    loci = loci[np.isfinite(loci["b_fraction"].to_numpy())]
    if len(loci) < settings["contamination_min_loci"]:
        return {
            "contamination": math.nan,
            "contamination_share": math.nan,
            "contamination_reason": f"{len(loci)} autosomal SNPs are too few to tell foreign DNA",
        }
    reads, depth = rarer_reads(loci["b_fraction"].to_numpy(), loci["b_sd"].to_numpy(), rho)
    found = foreign_share(reads, depth, rho, int(settings["contamination_block"]))
    reason = f"foreign DNA explains {found.share:.0%} of the blocks of the autosomes best"
    if found.share < settings["contamination_min_share"]:
        # Foreign DNA is in the whole genome; an event is in its place only.
        found = found._replace(fraction=0.0)
        reason = f"{reason}; it would be in all" if found.share else "no foreign alleles"
    return {
        "contamination": found.fraction,
        "contamination_share": found.share,
        "contamination_reason": reason,
    }
