"""Expression as a signal of dosage: each gene of a sample relative to the other lines of the bank.

A gene's log2 expression is compared with its median over the quietest half of the other lines:
those whose chromosome arms differ least from diploid, after what the copies of whole arms do to
each line was taken off it. A line counts once, however many of its samples were measured: an event
of one line must not pass for the usual. What follows the GC content and the density of genes is
removed by its slope within arms, and what samples share for other technical reasons (batch,
composition) by factors of the arm-centred matrix, so that no arm is removed with them. Genes differ
in how well they tell dosage: their sd is shrunken to that of genes of like expression.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import digamma, polygamma

from linedrift.signals import arm_states
from linedrift.signals.noise import MAD_TO_SD

# Arms with fewer expressed genes tell nothing of their copies (21p has six).
LEAST_GENES = 30
# Variances are not smaller than this (log2): a sd of .01.
LEAST_VARIANCE = 1e-4


@dataclass(frozen=True)
class Expression:
    """Log2 expression of the bank: `log2` has shape (genes, samples), `arm` one name per gene.

    `shifts`: what the copies of each arm, in the order of their names, do to a line (`balanced`);
    a line that is not there is taken for diploid.
    """

    log2: np.ndarray
    arm: np.ndarray
    samples: tuple[str, ...]
    lines: tuple[str, ...]
    shifts: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def arms(self) -> np.ndarray:
        """Place of each gene's arm in the sorted names of the arms."""
        return np.unique(self.arm, return_inverse=True)[1]

    def shift_of(self, line: str) -> np.ndarray:
        """Return what the copies of each arm do to a line, shape (arms,)."""
        return np.asarray(self.shifts.get(line, np.zeros(self.arms.max() + 1)))


def size_factors(counts: np.ndarray) -> np.ndarray:
    """Return how deep each sample was sequenced relative to the others, shape (samples,).

    The median over genes of the ratio to the geometric mean over samples
    (doi:10.1186/gb-2010-11-10-r106), over the genes that every sample has reads of.

    Raises
    ------
    ValueError
        When no gene has reads in every sample.
    """
    shared = (counts > 0).all(axis=1)
    if not shared.any():
        raise ValueError("no gene has reads in every sample: one of them has next to no reads")
    logs = np.log(counts[shared])
    factors = np.exp(np.median(logs - logs.mean(axis=1, keepdims=True), axis=0))
    return np.asarray(factors / np.exp(np.mean(np.log(factors))))


def log2_expression(counts: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Return log2 of the normalised counts and which genes are expressed.

    Parameters
    ----------
    counts
        Reads by gene and sample, shape (genes, samples).
    least
        Genes with a median normalised count of less are not expressed: their log ratios are
        noise of a few reads.
    """
    normal = counts / size_factors(counts)
    return np.log2(normal + 1), np.median(normal, axis=1) >= least


def dosage(
    bank: Expression, sample: str, settings: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Return the level of each gene of a sample, its sd, and the figures of the comparison.

    Parameters
    ----------
    bank
        Expressed genes of all samples, in genome order, `cleaned` and `balanced`.
    sample
        The sample asked. Samples of its line are no baseline for it: they may share its events.
    settings
        Section `rna` of the config.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray, dict)
        Level (log2, NaN where the bank is too small for a baseline) and sd per gene, shape
        (genes,); `lines` (number of others), `quiet` (the lines compared with) and `reason`, why
        there is no level, else empty.
    """
    at = bank.samples.index(sample)
    others = [k for k, line in enumerate(bank.lines) if line != bank.lines[at]]
    lines = list(dict.fromkeys(bank.lines[k] for k in others))
    figures: dict[str, Any] = {"lines": len(lines), "quiet": [], "reason": ""}
    nothing = np.full(len(bank.log2), np.nan)
    if len(lines) < settings["least_lines"]:
        figures["reason"] = (
            f"the bank has RNA of {len(lines)} other lines; expression is compared with at "
            f"least {settings['least_lines']}"
        )
        return nothing, nothing, figures
    values, arms = bank.log2[:, [at, *others]], bank.arms
    of_line = np.array([lines.index(bank.lines[k]) for k in others])
    usual = of_lines(values[:, 1:], of_line)
    flat = usual - np.stack([bank.shift_of(line) for line in lines], axis=1)[arms]
    quiet = _quiet(usual - np.median(flat, axis=1, keepdims=True), arms, settings)
    figures["quiet"] = [lines[k] for k in quiet]
    relative = _centred(values - np.median(flat[:, quiet], axis=1, keepdims=True))
    spread = gene_sd(relative[:, 1:], values.mean(axis=1), arms)
    return relative[:, 0], spread, figures


def of_lines(values: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Return the median of the samples of each line, shape (genes, lines); `line` counts from 0."""
    return np.stack([np.median(values[:, line == k], axis=1) for k in np.unique(line)], axis=1)


def _quiet(relative: np.ndarray, arms: np.ndarray, settings: Mapping[str, Any]) -> np.ndarray:
    """Return the lines whose arms are calmest: those that genes are compared with."""
    count = max(int(settings["least_lines"]), round(settings["quiet_share"] * relative.shape[1]))
    by_arm = arm_means(_centred(relative), arms)
    unrest = (np.bincount(arms)[:, None] * (by_arm - np.median(by_arm, axis=0)) ** 2).sum(axis=0)
    return np.sort(np.argsort(unrest, kind="stable")[:count])


def balanced(bank: Expression, settings: Mapping[str, Any]) -> Expression:
    """Return the bank with what the copies of each arm do to it in every line (`arm_states`).

    Where many lines of a bank have gained or lost an arm their median is no diploid baseline.
    Arms with fewer than LEAST_GENES genes are taken as they are.
    """
    names = tuple(dict.fromkeys(bank.lines))
    arms, size = bank.arms, np.bincount(bank.arms)
    usual = of_lines(bank.log2, np.array([names.index(line) for line in bank.lines]))
    relative = arm_means(_centred(usual - np.median(usual, axis=1, keepdims=True)), arms)
    asked = size >= LEAST_GENES
    shift = np.zeros_like(relative)
    if asked.any() and len(names) > settings["least_lines"]:
        shift[asked] = arm_states.fit(relative[asked], settings["arms"]).shift
    return replace(bank, shifts={name: shift[:, k] for k, name in enumerate(names)})


def _centred(relative: np.ndarray) -> np.ndarray:
    return relative - np.median(relative, axis=0)


def arm_means(relative: np.ndarray, arms: np.ndarray) -> np.ndarray:
    """Return the weighted, limited mean of each arm, shape (arms, samples).

    Genes weigh by one over their variance over the samples, and none counts for more than 2.5 of
    its sd: differentiation moves single genes a long way.
    """
    centre = np.median(relative, axis=1, keepdims=True)
    sd = np.maximum(MAD_TO_SD * np.median(np.abs(relative - centre), axis=1, keepdims=True), 0.15)
    limited = np.clip(relative, -2.5 * sd, 2.5 * sd) / sd**2
    total = np.zeros((arms.max() + 1, relative.shape[1]))
    np.add.at(total, arms, limited)
    return total / np.bincount(arms, weights=1 / sd[:, 0] ** 2)[:, None]


def cleaned(bank: Expression, settings: Mapping[str, Any]) -> tuple[Expression, int]:
    """Return the bank less its technical factors, and how many they were.

    Factors are singular vectors of the matrix after the mean of each arm is taken off every
    sample: an aneuploid arm is in none of them. Their loadings sum to zero over each arm, so the
    mean of an arm stays what it was. As many are removed as exceed what the matrix with its
    samples shuffled within each gene gives (parallel analysis, doi:10.1007/BF02289447).
    """
    arms = bank.arms
    relative = bank.log2 - np.median(bank.log2, axis=1, keepdims=True)
    sd = np.maximum(relative.std(axis=1, keepdims=True), 0.1)
    rest = np.clip(_arm_centred(relative, arms) / sd, -4, 4)
    # What all samples have in common is the noise of their baseline, not a factor.
    rest -= rest.mean(axis=1, keepdims=True)
    right = np.linalg.svd(rest, full_matrices=False)[1:]
    shuffled = np.random.default_rng(0).permuted(rest, axis=1)
    chance = np.linalg.svd(shuffled, compute_uv=False)[0]
    most = min(int(settings["most_factors"]), len(bank.samples) // 4)
    count = min(int((right[0] > 1.05 * chance).sum()), most)
    scores = right[1][:count]
    loadings = _arm_centred(relative @ scores.T, arms)
    return replace(bank, log2=bank.log2 - loadings @ scores), count


def _arm_centred(values: np.ndarray, arms: np.ndarray) -> np.ndarray:
    total = np.zeros((arms.max() + 1, values.shape[1]))
    np.add.at(total, arms, values)
    return values - (total / np.bincount(arms)[:, None])[arms]


def gene_sd(relative: np.ndarray, expression: np.ndarray, arms: np.ndarray) -> np.ndarray:
    """Return the sd of each gene over the samples, shrunken to genes of like expression.

    Parameters
    ----------
    relative
        Log2 ratios of the baseline's samples, shape (genes, samples).
    expression
        Mean log2 expression per gene, shape (genes,).
    arms
        Arm of each gene: what a whole arm does in a sample is dosage, not noise.

    Notes
    -----
    Empirical Bayes for variances: `variance_prior`.
    """
    own = relative - arm_means(relative, arms)[arms]
    n = own.shape[1]
    variance = np.maximum(own.var(axis=1, ddof=1), LEAST_VARIANCE)
    levels, usual, prior = variance_prior(variance, expression, n)
    usual = np.interp(expression, levels, usual)
    return np.asarray(np.sqrt((prior * np.exp(usual) + (n - 1) * variance) / (prior + n - 1)))


def variance_prior(
    variance: np.ndarray, expression: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the usual log variance of genes by their expression, and its weight.

    Parameters
    ----------
    variance, expression
        Of each gene over `n` samples, and its mean log2 expression; shape (genes,).

    Returns
    -------
    (numpy.ndarray, numpy.ndarray, float)
        Expression and log variance of up to 20 groups of genes of like expression, to be
        interpolated; the degrees of freedom that the usual variance weighs.

    Notes
    -----
    Empirical Bayes for variances (doi:10.2202/1544-6115.1027): log s^2 has the variance
    trigamma(d/2) by sampling; what it has beyond gives the prior's degrees of freedom.
    """
    log = np.log(variance) - digamma((n - 1) / 2) + np.log((n - 1) / 2)
    group = np.argsort(np.argsort(expression, kind="stable")) * 20 // len(expression)
    groups = np.unique(group)
    levels = np.array([np.median(expression[group == g]) for g in groups])
    usual = np.array([np.median(log[group == g]) for g in groups])
    rest = log - np.interp(expression, levels, usual)
    beyond = max(float(np.var(rest)) - float(polygamma(1, (n - 1) / 2)), 1e-3)
    return levels, usual, 2 * _inverse_trigamma(beyond)


def _inverse_trigamma(value: float) -> float:
    # Newton's iteration on 1/trigamma, convex and nearly linear (same source, appendix).
    x = 0.5 + 1 / value
    for _ in range(50):
        step = polygamma(1, x) * (1 - polygamma(1, x) / value) / polygamma(2, x)
        x += step
        if -step / x < 1e-8:
            break
    return float(x)


def arm_names(genes: pd.DataFrame, arms: pd.DataFrame) -> np.ndarray:
    """Return the arm of each gene (`chr1p`), empty where it lies on none of them.

    Parameters
    ----------
    genes
        chrom, start, end.
    arms
        chrom, start, end, arm (`genome.arms`).
    """
    found = np.full(len(genes), "", dtype=object)
    middle = (genes["start"].to_numpy() + genes["end"].to_numpy()) / 2
    chrom = genes["chrom"].astype(str).to_numpy()
    for row in arms.itertuples(index=False):
        on = (chrom == row.chrom) & (middle >= row.start) & (middle < row.end)
        found[on] = f"{row.chrom}{row.arm}"
    return found


def signals_of(
    genes: pd.DataFrame, level: np.ndarray, sd: np.ndarray, wanted: Sequence[str]
) -> pd.DataFrame:
    """Return rows of SIGNALS for genes (chrom, start, end, name), with these columns."""
    frame = genes.assign(
        level=level.astype(np.float32),
        level_sd=sd.astype(np.float32),
        b_fraction=np.float32(np.nan),
        b_sd=np.float32(np.nan),
        genotype="",
        usable=np.isfinite(level),
    )
    return frame[list(wanted)]
