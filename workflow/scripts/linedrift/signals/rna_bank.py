"""The expression of all samples of the bank as one matrix, and what RNA says of sex."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from linedrift.genome import CHROM_DTYPE, is_pseudoautosomal
from linedrift.signals import expression, expression_bias
from linedrift.signals.expression import Expression

# What stands before the samples in the table of the bank.
GENE_COLUMNS = ("chrom", "start", "end", "gene_id", "symbol")
# Samples that share fewer genes than this share of what the poorest has were counted on different
# annotations.
_LEAST_SHARED = 0.5
_XIST = "XIST"
# The short arms of the acrocentric chromosomes: their genes are copies of one another (ribosomal
# RNA, duplications), and which of them a read is of nobody knows.
_ACROCENTRIC = tuple(f"chr{k}p" for k in (13, 14, 15, 21, 22))


def matrix(counts: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the genes that every sample has, in genome order, and their counts.

    Parameters
    ----------
    counts
        LOCATED_COUNTS by sample.

    Returns
    -------
    (pandas.DataFrame, numpy.ndarray)
        GENE_COLUMNS, and reads of shape (genes, samples).

    Raises
    ------
    ValueError
        When a sample has other genes than the rest, with its name.
    """
    first = next(iter(counts.values()))
    known = pd.Index(first["gene_id"].to_numpy(object))
    # Where each sample has the genes of the first: one place for all that were counted alike.
    places: dict[int, np.ndarray] = {}
    alike = {sample: first["gene_id"].equals(frame["gene_id"]) for sample, frame in counts.items()}
    everywhere = np.ones(len(known), bool)
    for k, (sample, frame) in enumerate(counts.items()):
        if not alike[sample]:
            places[k] = pd.Index(frame["gene_id"].to_numpy(object)).get_indexer(known)
            everywhere &= places[k] >= 0
    sizes = {sample: len(frame) for sample, frame in counts.items()}
    least = min(sizes, key=lambda sample: sizes[sample])
    if everywhere.sum() < _LEAST_SHARED * sizes[least]:
        raise ValueError(
            f"of {sizes[least]:,} genes of {least} only {everywhere.sum():,} are in every other "
            "sample: count all samples on one annotation"
        )
    genes = first[everywhere].reset_index(drop=True)[list(GENE_COLUMNS)]
    columns = [
        frame["count"].to_numpy()[places[k][everywhere] if k in places else everywhere]
        for k, frame in enumerate(counts.values())
    ]
    return genes, np.column_stack(columns)


def too_poor(counts: pd.DataFrame, thresholds: Mapping[str, Any]) -> str:
    """Return why a sample must not be what others are compared with, '' where it may.

    Parameters
    ----------
    counts
        LOCATED_COUNTS of the sample.
    thresholds
        quality.rna.thresholds: the bounds of n_reads and n_detected below which it fails.
    """
    figures = of_counts(counts)
    words = {"n_reads": "reads in genes", "n_detected": "genes with reads"}
    for name, what in words.items():
        fail = thresholds[name]["fail"]
        if fail is not None and figures[name] < fail:
            return f"{figures[name]:,.0f} {what}; at least {fail:,} are needed"
    return ""


def of_counts(counts: pd.DataFrame) -> dict[str, float]:
    """Return reads in genes, genes with reads, and reads of XIST and of Y per million."""
    reads = float(counts["count"].sum())
    million = max(reads, 1.0) / 1e6
    on_y = (counts["chrom"] == "chrY").to_numpy() & ~is_pseudoautosomal(
        counts["chrom"].astype("str"), counts["start"]
    )
    xist = counts["symbol"] == _XIST
    return {
        "n_reads": reads,
        "n_detected": int((counts["count"] > 0).sum()),
        "xist": float(counts.loc[xist, "count"].sum()) / million if xist.any() else float("nan"),
        "y": float(counts.loc[on_y, "count"].sum()) / million if on_y.any() else float("nan"),
    }


def sex(figures: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[str, str]:
    """Return the sex that RNA shows, and the sentence it rests on.

    Parameters
    ----------
    figures
        What `of_counts` returned.
    settings
        Section `quality.rna`: y_present, y_absent, xist_present (reads per million).

    Notes
    -----
    Y decides. Without it XIST tells a woman; neither is a woman's line whose X is eroded, or a
    man's that lost Y: unknown.
    """
    y, xist = figures["y"], figures["xist"]
    seen = f"reads per million: Y {_rounded(y)}, XIST {_rounded(xist)}"
    if y != y:
        return "unknown", "no gene of Y was counted"
    if y >= settings["y_present"]:
        return "male", f"genes of Y are expressed ({seen})"
    if y >= settings["y_absent"]:
        return "unknown", f"next to no reads of Y ({seen})"
    if xist >= settings["xist_present"]:
        return "female", f"XIST is expressed, Y is not ({seen})"
    return "unknown", f"neither Y nor XIST: an eroded X of a woman, or a lost Y ({seen})"


def _rounded(value: float) -> str:
    return "not counted" if value != value else f"{value:.3g}"


def expressed(
    counts: Mapping[str, pd.DataFrame],
    lines: Sequence[str],
    arms: pd.DataFrame,
    settings: Mapping[str, Any],
    gc: pd.Series | None = None,
) -> tuple[pd.DataFrame, Expression, dict[str, Any]]:
    """Return the autosomal genes that the bank expresses, less technical factors.

    Parameters
    ----------
    counts
        LOCATED_COUNTS by sample.
    lines
        Line of each of them.
    arms
        `genome.arms`.
    settings
        Section `rna` of the config.
    gc
        Share of G and C by gene_id, where a reference or the annotation tells it.

    Returns
    -------
    (pandas.DataFrame, Expression, dict)
        GENE_COLUMNS of the genes; their expression without what follows the GC content and the
        density of genes, `expression.cleaned` and `expression.balanced`; n_genes (shared by all),
        n_expressed, n_factors, follows_gc. X and Y have no place in it: what a silenced X gives
        back by erosion would pass for a gain. Nor have the short arms of acrocentric chromosomes.
    """
    genes, reads = matrix(counts)
    arm = expression.arm_names(genes, arms)
    log2, kept = expression.log2_expression(reads, settings["least_count"])
    kept &= (arm != "") & ~np.isin(arm.astype(str), _ACROCENTRIC)
    kept &= ~genes["chrom"].isin(["chrX", "chrY"]).to_numpy()
    bank = Expression(log2[kept], arm[kept].astype(str), tuple(counts), tuple(lines))
    figures: dict[str, Any] = {"n_genes": len(genes), "n_expressed": int(kept.sum())}
    if bank.log2.size:
        of_genes = None if gc is None else gc.reindex(genes["gene_id"]).to_numpy(float)
        follows = expression_bias.covariates(genes, kept, of_genes)
        figures["follows_gc"] = follows.shape[1] > 1
        trend = expression_bias.trend(bank.log2, follows, bank.arms)
        bank, figures["n_factors"] = expression.cleaned(
            replace(bank, log2=bank.log2 - trend), settings
        )
        bank = expression.balanced(bank, settings)
    return genes[kept].reset_index(drop=True), bank, figures


def to_frame(genes: pd.DataFrame, bank: Expression) -> pd.DataFrame:
    """Return genes and expression as one frame: GENE_COLUMNS, arm, a column for each sample."""
    values = pd.DataFrame(bank.log2.astype(np.float32), columns=list(bank.samples))
    return pd.concat([genes.assign(arm=bank.arm), values], axis=1)


def shifts_to_dict(bank: Expression) -> dict[str, list[float]]:
    """Return what the copies of each arm do to every line, as JSON takes it."""
    return {line: np.round(values, 4).tolist() for line, values in bank.shifts.items()}


def from_frame(
    frame: pd.DataFrame,
    lines: Mapping[str, str],
    shifts: Mapping[str, Sequence[float]],
) -> tuple[pd.DataFrame, Expression]:
    """Return what `to_frame` and `shifts_to_dict` were given.

    `lines` has the line of each sample, in their order.
    """
    genes = frame[list(GENE_COLUMNS)].astype({"chrom": CHROM_DTYPE})
    log2 = frame[list(lines)].to_numpy(float)
    return genes, Expression(
        log2,
        frame["arm"].to_numpy(str),
        tuple(lines),
        tuple(lines.values()),
        {line: np.asarray(values, float) for line, values in shifts.items()},
    )
