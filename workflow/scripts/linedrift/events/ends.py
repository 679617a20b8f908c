"""Where an event begins and ends: the evidence of single loci, and the ends with their ranges."""

from __future__ import annotations

import numpy as np

from linedrift.events.fitting import Fit
from linedrift.events.stacks import Stack, within
from linedrift.signals.likelihood import allelic_shift, log2_ratio, shift_score


def locus_scores(stretch: Stack, fit: Fit, first: int, last: int) -> np.ndarray:
    """Return the evidence of each locus in [first, last) for the event of `fit`, nats.

    The levels are taken one by one, with a variance that is widened as far as a wave could
    mimic the change: a clonal loss keeps its sharp ends, a small gain leaves them to the alleles.
    """
    copies = int(np.median(stretch.copies[fit.first : fit.last]))
    shift = stretch.shift[:, first:last].astype(float)
    score = np.zeros(last - first)
    if copies == 2:
        delta = allelic_shift(fit.kind, fit.fraction)[None]
        some = np.isfinite(shift).any(axis=0)
        sd = stretch.shift_sd[:, None]
        scale = within(stretch.shift_scale, first, last)
        sd = sd * (scale if scale.shape[1] == 1 else scale[:, some])
        score[some] = shift_score(
            shift[:, some], sd, stretch.shift_shared_sd, delta, stretch.shift_wide
        )[0]
    for k, overall in enumerate(stretch.noise):
        noise = overall.on(stretch.chrom[fit.first])
        mu = noise.response * float(log2_ratio(fit.kind, fit.fraction[k], copies))
        if mu == 0:
            continue
        sd2 = noise.level_sd**2 + noise.level_shared_sd**2
        sd2 = sd2 * within(stretch.level_scale, first, last)[k] ** 2
        wave = float(noise.wave(200))
        variance = sd2 + 200 * wave * min(1.0, 4 * wave / mu**2)
        value = stretch.level[k, first:last].astype(float)
        limit = 4 * np.sqrt(sd2)
        value = np.clip(value, min(0.0, mu) - limit, max(0.0, mu) + limit)
        score += np.nan_to_num(mu * (value - mu / 2) / variance)
    return score


def ends(score: np.ndarray, first: int, last: int) -> tuple[tuple[int, int, int], ...]:
    """Return the best start and end of an event within a window, each with its 95 % range.

    Parameters
    ----------
    score
        Evidence per locus of the window, shape (n,).
    first, last
        Present ends, as indices into the window; the event must keep a locus between.

    Returns
    -------
    ((best, low, high), (best, low, high))
        Index of the first locus of the event, and one beyond its last. The ranges hold 95 % of
        the likelihood of the change point (flat prior over loci).
    """
    middle = (first + last) // 2
    running = np.concatenate([[0.0], np.cumsum(score)])
    into = running[middle] - running[: middle + 1]
    out = running[middle + 1 :] - running[middle]
    return _change_point(into, 0), _change_point(out, middle + 1)


def _change_point(value: np.ndarray, offset: int) -> tuple[int, int, int]:
    weight = np.exp(value - value.max())
    share = np.cumsum(weight) / weight.sum()
    low, high = np.searchsorted(share, [0.025, 0.975])
    best = int(np.argmax(value))
    return (
        best + offset,
        min(int(low), best) + offset,
        max(int(min(high, len(value) - 1)), best) + offset,
    )
