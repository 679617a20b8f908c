"""Copies of whole arms in all lines of a bank at once, and so the diploid level of each arm.

Expression is relative, and where most lines of a bank have gained or lost an arm (20q of stem
cells, 9p of melanomas) the usual level of that arm is that of the change. Over the lines an arm's
levels form clusters, one a copy number, whose distance in one line is the same on all arms (a
purity, or share of cells) and differs between lines. Which cluster is the diploid one follows from
all arms and lines together: the model of this module.

Level of arm k in line j: o_k + m_j + s_j d_c + noise of sd_j, with d_c the log2 ratio of the copies
c (1, 2, 3, 4) to two, each copy number with a share pi_kc of the lines, mostly two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

# Log2 ratio of 1, 2, 3 and 4 copies to two. More and fewer look like 4 and 1 in more cells.
RATIOS = np.log2(np.array([1, 2, 3, 4]) / 2)
# Iterations from the start, after one arm was moved, and at the end of a round of moves.
_FIRST, _AFTER_MOVE, _AFTER_ROUND, _ROUNDS = 30, 6, 15, 4
# How far an arm is moved to see whether another cluster is the diploid one (log2): a gain and a
# loss in most of the cells.
_MOVES = (0.3, -0.3, 0.45, -0.45)
# A move must be likelier by this (nats), an arm is moved where this share of lines differs.
_BETTER, _COMMON = 0.5, 0.1
# Weight of the usual sd of an arm, in arms; density of levels that no copy number explains.
_SD_WEIGHT, _BACKGROUND = 8.0, 1e-3
# Slope of a line: with a smaller one the copies of a line could not be told from its noise, and
# fitted to nothing it would fall to zero; more cells than all there are not.
_SLOPES = (0.25, 1.0)


@dataclass(frozen=True)
class States:
    """A fit: offset of each arm; middle, slope and sd of each line; copies.

    `offset` has shape (arms,), `middle`, `slope` and `sd` (lines,), `share` (arms, copies) how
    many lines have each copy number, `copies` (arms, lines, copies) its probability.
    """

    offset: np.ndarray
    middle: np.ndarray
    slope: np.ndarray
    sd: np.ndarray
    share: np.ndarray
    copies: np.ndarray

    @property
    def shift(self) -> np.ndarray:
        """What the copies of each arm do to its level in each line, shape (arms, lines)."""
        return np.asarray(self.slope * (self.copies @ RATIOS))


def fit(levels: np.ndarray, settings: Mapping[str, Any]) -> States:
    """Return the copies of every arm in every line.

    Parameters
    ----------
    levels
        Mean log2 expression of arms relative to any common baseline, shape (arms, lines).
    settings
        copies: weight of 1, 2, 3 and 4 copies before anything is seen, in lines; slope,
        slope_sd: log2 expression per log2 ratio of copies and share of cells; offset_sd, arm_sd:
        of the diploid level against the baseline, and of an arm's noise (log2).

    Notes
    -----
    Maximum a posteriori by expectation-maximisation (doi:10.1111/j.2517-6161.1977.tb01600.x). The
    likelihood has a maximum for each cluster that may be the diploid one, so arms are moved one by
    one, and a move stays where all lines together are likelier with it.
    """
    prior = np.asarray(settings["copies"], float)
    arms, lines = levels.shape
    start = States(
        offset=np.zeros(arms),
        middle=np.zeros(lines),
        slope=np.full(lines, float(settings["slope"])),
        sd=np.full(lines, float(settings["arm_sd"])),
        share=np.tile(prior / prior.sum(), (arms, 1)),
        copies=np.zeros((arms, lines, len(RATIOS))),
    )
    best = _improved(levels, start, settings, _FIRST)
    value = _posterior(levels, best, settings)
    for _ in range(_ROUNDS):
        before = value
        for arm in map(int, np.flatnonzero(1 - best.share[:, 1] > _COMMON)):
            for move in _MOVES:
                moved = _improved(levels, _moved(best, arm, move, prior), settings, _AFTER_MOVE)
                found = _posterior(levels, moved, settings)
                if found > value + _BETTER:
                    best, value = moved, found
        best = _improved(levels, best, settings, _AFTER_ROUND)
        moved_none = value == before
        value = _posterior(levels, best, settings)
        if moved_none:
            break
    return best


def _moved(states: States, arm: int, by: float, prior: np.ndarray) -> States:
    """Return a fit with the diploid level of one arm elsewhere, and nothing known of its copies."""
    offset, share = states.offset.copy(), states.share.copy()
    offset[arm] += by
    share[arm] = prior / prior.sum()
    return replace(states, offset=offset, share=share)


def _densities(levels: np.ndarray, of: States) -> np.ndarray:
    """Return the density of each level under each copy number, shape (arms, lines, copies)."""
    rest = (levels - of.offset[:, None] - of.middle)[:, :, None]
    apart = (rest - of.slope[None, :, None] * RATIOS) / of.sd[None, :, None]
    return np.asarray(np.exp(-0.5 * apart**2) / of.sd[None, :, None] * of.share[:, None, :])


def _improved(
    levels: np.ndarray, states: States, settings: Mapping[str, Any], rounds: int
) -> States:
    """Return a fit after some rounds of expectation-maximisation."""
    prior = np.asarray(settings["copies"], float)
    usual = float(settings["slope"])
    for _ in range(rounds):
        weight = _densities(levels, states)
        copies = weight / (weight.sum(axis=2, keepdims=True) + _BACKGROUND)
        # Middle and slope of each line: a regression on the expected ratios of its arms.
        rest = levels - states.offset[:, None]
        told, held = copies.sum(axis=0), (states.sd / settings["slope_sd"]) ** 2
        n, first, second = told.sum(axis=1) + 1e-3, told @ RATIOS, told @ RATIOS**2 + held
        seen = np.einsum("kjc,kj->jc", copies, rest)
        total, product = seen.sum(axis=1), seen @ RATIOS + held * usual
        middle = (second * total - first * product) / (n * second - first**2)
        slope = np.clip((n * product - first * total) / (n * second - first**2), *_SLOPES)
        left = (rest - middle)[:, :, None] - slope[None, :, None] * RATIOS
        squares = (copies * left**2).sum(axis=(0, 2)) + _SD_WEIGHT * settings["arm_sd"] ** 2
        sd = np.sqrt(squares / (n + _SD_WEIGHT))
        share = copies.sum(axis=1) + prior
        precise = copies / sd[None, :, None] ** 2
        offset = (precise * (left + states.offset[:, None, None])).sum(axis=(1, 2)) / (
            precise.sum(axis=(1, 2)) + settings["offset_sd"] ** -2.0
        )
        share = share / share.sum(axis=1, keepdims=True)
        states = States(offset, middle, slope, sd, share, copies)
    return states


def _posterior(levels: np.ndarray, of: States, settings: Mapping[str, Any]) -> float:
    """Return the logarithm of the posterior density of a fit, but for a constant (nats)."""
    likely = np.log(_densities(levels, of).sum(axis=2) + _BACKGROUND).sum()
    shares = (np.asarray(settings["copies"], float) * np.log(of.share)).sum()
    slopes = (((of.slope - settings["slope"]) / settings["slope_sd"]) ** 2).sum()
    offsets = ((of.offset / settings["offset_sd"]) ** 2).sum()
    spreads = (np.log(of.sd) + 0.5 * (settings["arm_sd"] / of.sd) ** 2).sum()
    return float(likely + shares - 0.5 * slopes - 0.5 * offsets - _SD_WEIGHT * spreads)
