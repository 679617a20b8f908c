"""Candidate stretches of one contrast: the most likely path through kinds and cell fractions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import pandas as pd

from linedrift import tables
from linedrift.genome import CHROM_DTYPE, Karyotype, is_pseudoautosomal
from linedrift.signals.likelihood import DIPLOID, HAPLOID, allelic_shift, log2_ratio
from linedrift.signals.noise import OUTLIER, WIDE, Noise

# Kinds whose fraction is asked on the whole grid; the others only where they stand out.
GRADED = ("gain", "loss", "cn_loh")
CLEAR = {"amplification": (0.5, 1.0), "deep_loss": (0.5, 1.0)}


@dataclass(frozen=True)
class States:
    """The hypotheses of the scan. Index 0 is no event; `level` and `shift` have shape (S,)."""

    kind: tuple[str, ...]
    fraction: np.ndarray
    level: np.ndarray
    shift: np.ndarray

    @classmethod
    def of(cls, fractions: list[float], response: float, copies: int) -> States:
        """Return all kinds that exist with that many copies, each at its fractions."""
        possible = DIPLOID if copies == 2 else HAPLOID
        asked = [(kind, c) for kind in GRADED if kind in possible for c in fractions]
        asked += [(kind, c) for kind, some in CLEAR.items() if kind in possible for c in some]
        return cls(
            kind=("", *(kind for kind, _ in asked)),
            fraction=np.array([0.0, *(c for _, c in asked)]),
            level=np.array([0.0, *(response * log2_ratio(kind, c, copies) for kind, c in asked)]),
            shift=np.array(
                [0.0, *(allelic_shift(kind, c) if copies == 2 else 0.0 for kind, c in asked)]
            ),
        )


def segment(
    contrast: pd.DataFrame, noise: Noise, karyotype: Karyotype, settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Return the stretches of a contrast that an event explains better than none.

    The exact maximum-likelihood path (Viterbi) over no event and every kind at a grid of cell
    fractions, where each change of state costs `penalty`. Loose by intent: the candidates are
    refitted and judged over all measurements of the line by `events`.

    Parameters
    ----------
    contrast
        CONTRAST of one measurement.
    noise
        Its noise.
    karyotype
        Sex of the line.
    settings
        Section `segmentation` of the config.

    Returns
    -------
    pandas.DataFrame
        SEGMENTS in genome order; without rows where the contrast cannot be used.
    """
    if noise.reason:
        return tables.SEGMENTS.empty()
    found = []
    copies = karyotype.copies_at(contrast["chrom"], contrast["start"])
    # The pseudoautosomal regions of a male's X have another number of copies than the rest.
    par = is_pseudoautosomal(contrast["chrom"], contrast["start"]) & (karyotype.sex == "male")
    stretch = np.concatenate([[0], np.cumsum(np.diff(par.astype(int)) != 0)])[: len(contrast)]
    for _, rows in contrast.groupby(["chrom", stretch], observed=True):
        count = int(copies[rows.index[0]])
        if count:
            states = States.of(list(settings["fractions"]), noise.response, count)
            found.append(_segment_stretch(rows, states, noise, settings))
    if not found:
        return tables.SEGMENTS.empty()
    segments = pd.concat(found)
    loci = segments[["n_levels", "n_shifts"]].max(axis=1)
    segments = segments[loci >= settings["least_loci"]]
    return tables.check(tables.in_genome_order(segments), tables.SEGMENTS)


def _segment_stretch(
    rows: pd.DataFrame, states: States, noise: Noise, settings: Mapping[str, Any]
) -> pd.DataFrame:
    level = rows["log_ratio"].to_numpy().astype(float)
    shift = np.abs(rows["shift"].to_numpy().astype(float))
    level_sd = np.hypot(rows["log_ratio_sd"].to_numpy(), rows["log_ratio_shared_sd"].to_numpy())
    shift_sd = np.hypot(rows["shift_sd"].to_numpy(), rows["shift_shared_sd"].to_numpy())
    # A wave moves neighbours together, so that the levels of n loci say less than n levels.
    # The variance is widened to what the wave leaves of them in a stretch of 200 (about 1 Mb).
    level_variance = level_sd.astype(float) ** 2 + 200 * float(noise.wave(200))
    limit = settings["level_limit"] * np.sqrt(level_variance)
    clipped = np.clip(level, states.level.min() - limit, states.level.max() + limit)
    path, score = _best_path(
        clipped,
        level_variance,
        shift,
        shift_sd.astype(float),
        states.level,
        states.shift,
        float(settings["penalty"]),
        noise.shift_wide,
    )
    change = np.flatnonzero(np.diff(path)) + 1
    first = np.concatenate([[0], change])
    last = np.concatenate([change, [len(path)]]) - 1
    event = path[first] > 0
    first, last = first[event], last[event]
    running = np.concatenate([[0.0], np.cumsum(score)])
    return pd.DataFrame(
        {
            "chrom": rows["chrom"].to_numpy()[first],
            "start": rows["start"].to_numpy()[first],
            "end": rows["end"].to_numpy()[last],
            "kind": [states.kind[state] for state in path[first]],
            "cell_fraction": states.fraction[path[first]],
            "score": running[last + 1] - running[first],
            "n_levels": _counts(np.isfinite(level), first, last),
            "n_shifts": _counts(np.isfinite(shift), first, last),
        }
    ).astype({"chrom": CHROM_DTYPE})


def _counts(flags: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    running = np.concatenate([[0], np.cumsum(flags)])
    return running[last + 1] - running[first]


FAST = {"nsz", "arcp", "contract", "afn", "reassoc"}


@numba.njit(cache=True, fastmath=FAST)
def _best_path(level, level_variance, shift, shift_sd, state_level, state_shift, penalty, wide):  # type: ignore[no-untyped-def]
    """Return the best state of each locus and its log-likelihood ratio there.

    Loops are the point of this function: a path cannot be vectorised over loci, and compiled
    it takes .1 s for 600,000 loci and 30 states. NaN level or shift: the locus is silent.
    """
    n, s = len(level), len(state_level)
    stayed = np.ones((n, s), dtype=np.bool_)
    origin = np.zeros(n, dtype=np.int16)
    value = np.full(s, -penalty)
    value[0] = 0.0
    emission = np.zeros((n, s), dtype=np.float32)
    for t in range(n):
        _emit(level[t], level_variance[t], state_level, emission[t])
        _emit_shift(shift[t], shift_sd[t], state_shift, wide, emission[t])
        best = np.argmax(value)
        origin[t] = best
        # Back to no event costs nothing: the cost of an event is paid once, at its start.
        top = value[best]
        for k in range(s):
            into = top if k == 0 else top - penalty
            if t > 0 and into > value[k]:
                stayed[t, k] = False
                value[k] = into
            value[k] += emission[t, k]
    path = np.zeros(n, dtype=np.int16)
    score = np.zeros(n)
    state = np.argmax(value)
    for t in range(n - 1, -1, -1):
        path[t] = state
        score[t] = emission[t, state]
        if not stayed[t, state]:
            state = origin[t]
    return path, score


@numba.njit(cache=True, fastmath=FAST)
def _emit(level, level_variance, state_level, emission):  # type: ignore[no-untyped-def]
    """Add the log-likelihood ratio of a level to each state."""
    if np.isnan(level):
        return
    for k in range(1, len(emission)):
        mu = state_level[k]
        emission[k] += mu * (level - mu / 2) / level_variance


@numba.njit(cache=True, fastmath=FAST)
def _emit_shift(shift, shift_sd, state_shift, wide, emission):  # type: ignore[no-untyped-def]
    """Add the log-likelihood ratio of |shift| to each state; WIDE and OUTLIER as in likelihood."""
    if np.isnan(shift):
        return
    # In units of the peak of the normal density.
    z = shift / shift_sd
    tails = wide / WIDE * np.exp(-0.5 * (z / WIDE) ** 2)
    tails += OUTLIER * shift_sd * np.sqrt(2 * np.pi)
    narrow = 1 - wide - OUTLIER
    null = narrow * np.exp(-0.5 * z**2) + tails
    for k in range(1, len(emission)):
        delta = state_shift[k] / shift_sd
        if delta > 0:
            both = np.exp(-0.5 * (z - delta) ** 2) + np.exp(-0.5 * (z + delta) ** 2)
            emission[k] += np.log((0.5 * narrow * both + tails) / null)
