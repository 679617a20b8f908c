"""Copy number from the depth of bisulfite reads, in bins of the genome.

Conversion and amplification make the depth follow GC content and the density of CpGs, more than in
other sequencing; what is left is relative to other people's methylomes and to the baseline, as of
exomes (`panel`). A coverage file has its reads at CpGs: their mean stands for that of a bin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from linedrift import tables
from linedrift.genome import AUTOSOMES, places
from linedrift.methylation_tables import DEPTHS
from linedrift.signals.coverage import FLOOR, LOG2_E, bias_of
from linedrift.signals.panel import with_panel

NO_READS = "no depth of reads is known, which copy number needs"
# What depth follows, each by a smooth curve.
FOLLOWED = ("gc", "cpg")


def described(depth: pd.DataFrame, composition: pd.DataFrame | None) -> pd.DataFrame:
    """Return the DEPTHS of bins of an alignment.

    Parameters
    ----------
    depth
        chrom, start, end, depth (over the whole length of a bin).
    composition
        `readers.reference.composition` of the bins, or None without a reference.
    """
    if composition is None:
        frame = depth.assign(known=1.0, gc=np.nan, cpg=np.nan)
        return tables.conform(frame, DEPTHS)
    known = composition["known"].to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known > 0, depth["depth"] / known, np.nan)
    frame = depth.assign(depth=mean, **{name: composition[name] for name in ("known", *FOLLOWED)})
    return tables.conform(frame, DEPTHS)


def depths_of(
    cytosines: pd.DataFrame, bins: pd.DataFrame, settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the DEPTHS of bins by the reads at their CpGs.

    Parameters
    ----------
    cytosines
        CYTOSINES of one sample; those without a read are mostly left out of such files.
    bins
        chrom, start, end, in genome order, without overlap.
    settings
        Section `methylation.copy_number` of the config: read_bp, least_cpgs.

    Notes
    -----
    Depth is the mean over the CpGs of a bin, and NaN with fewer than `least_cpgs` of them. `known`
    is what reads of these CpGs reach at the most; GC content is not known.
    """
    row = _bin_of(cytosines, bins)
    reads = (cytosines["methylated"] + cytosines["unmethylated"]).to_numpy(float)
    count = np.bincount(row[row >= 0], minlength=len(bins))
    total = np.bincount(row[row >= 0], weights=reads[row >= 0], minlength=len(bins))
    length = (bins["end"] - bins["start"]).to_numpy()
    enough = count >= settings["least_cpgs"]
    frame = bins[["chrom", "start", "end"]].assign(
        depth=np.where(enough, total / np.maximum(count, 1), np.nan),
        known=np.minimum(1.0, count * settings["read_bp"] / length),
        gc=np.nan,
        cpg=count / length,
    )
    return tables.conform(frame.reset_index(drop=True), DEPTHS)


def _bin_of(loci: pd.DataFrame, bins: pd.DataFrame) -> np.ndarray:
    """Return the row of the bin that each locus lies in, -1 where none."""
    begins, starts = places(bins), places(loci)
    at = np.searchsorted(begins, starts, side="right").astype(int) - 1
    held = np.maximum(at, 0)
    same = bins["chrom"].to_numpy()[held] == loci["chrom"].to_numpy()
    inside = (at >= 0) & same & (loci["start"].to_numpy() < bins["end"].to_numpy()[held])
    return np.where(inside, at, -1)


def signals_of(depths: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return the SIGNALS of bins: log2 depth less what GC content and CpGs explain of it.

    Parameters
    ----------
    depths
        DEPTHS of one sample.
    settings
        Section `methylation.copy_number` of the config: read_bp, least_known, least_reads,
        library_sd.

    Notes
    -----
    `level_sd` is what counting leaves, with `library_sd`, which no number of reads takes away. No
    bin has a level where the usual one has fewer than `least_reads` reads.
    """
    depth = depths["depth"].to_numpy(float)
    length = (depths["end"] - depths["start"]).to_numpy() * depths["known"].to_numpy(float)
    usable = np.isfinite(depth) & (depths["known"].to_numpy() >= settings["least_known"])
    autosomal = usable & depths["chrom"].isin(AUTOSOMES).to_numpy()
    level, spread = np.full((2, len(depths)), np.nan)
    usual = np.median(depth[autosomal & (depth > 0)]) if (autosomal & (depth > 0)).any() else 0.0
    reads = np.nan_to_num(depth) * length / settings["read_bp"]
    if usual > 0 and np.median(reads[autosomal]) >= settings["least_reads"]:
        raw = np.log2(np.nan_to_num(depth) / usual + FLOOR)
        relative = reads / np.median(reads[autosomal])
        followed = [name for name in FOLLOWED if depths[name].notna().any()]
        # `bias_of` fits on bins of known GC content; of a coverage file none is known.
        bins = depths if "gc" in followed else depths.assign(gc=0.0)
        bias = bias_of(raw, bins, autosomal, relative, followed)
        level = np.where(usable, raw - bias, np.nan)
        spread = np.hypot(LOG2_E / np.sqrt(np.maximum(reads, 1.0)), settings["library_sd"])
    frame = depths.assign(name="", level=level, level_sd=spread, genotype="", usable=usable)
    for column in ("b_fraction", "b_sd"):
        frame[column] = np.float32(np.nan)
    return tables.conform(frame, tables.SIGNALS)


def why_not(own: pd.DataFrame, others: Sequence[pd.DataFrame], settings: Mapping[str, Any]) -> str:
    """Return why a methylome tells no copy number, '' where it does.

    Parameters
    ----------
    own
        DEPTHS.
    others
        Not asked: a methylome tells copy number without any.
    settings
        Section `methylation.copy_number` of the config.
    """
    known = np.isfinite(signals_of(own, settings)["level"].to_numpy()).any()
    return "" if known else NO_READS


def relative(
    own: pd.DataFrame,
    baselines: Sequence[pd.DataFrame],
    panel: Sequence[pd.DataFrame],
    settings: Mapping[str, Any],
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Return a methylome and its baselines as SIGNALS relative to other people's.

    Parameters
    ----------
    own, baselines, panel
        DEPTHS in the same bins.
    settings
        Section `methylation.copy_number` of the config.
    """
    mine, theirs = ([signals_of(one, settings) for one in group] for group in (baselines, panel))
    return with_panel(signals_of(own, settings), mine, theirs, settings)
