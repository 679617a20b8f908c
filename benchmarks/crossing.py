"""Where power reaches .8, for linedrift and the better bcftools cnv, with an interval of its own.

The grid of cell fractions is coarse: power often goes from 0 to 1 between two of them. Here each
kind and size has genomes of 22 such events at fractions around the crossing of either tool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import bcftools_cnv
import detection
import engine
import genomes
import numpy as np
import pandas as pd
import scoring
import tools

DEFAULT, ADAPTED = bcftools_cnv.VARIANTS


class Row(NamedTuple):
    """Events of a kind and size: cell fractions asked of linedrift, the peer, those asked of it."""

    kind: str
    size: float
    own: tuple[float, ...]
    peer: str
    theirs: tuple[float, ...]


# The peer is that variant of bcftools cnv which needs fewer cells in the grid.
ROWS = (
    Row("gain", 2.0, (0.13, 0.14, 0.15, 0.16), ADAPTED, (0.25, 0.275)),
    Row("gain", 4.0, (0.11, 0.12, 0.13), ADAPTED, (0.225, 0.25, 0.275)),
    Row("loss", 2.0, (0.11, 0.12, 0.13), ADAPTED, (0.225, 0.25, 0.275)),
    Row("cn_loh", 0.5, (0.11, 0.12, 0.13), DEFAULT, (0.225, 0.25, 0.275)),
    Row("cn_loh", 2.0, (0.065, 0.07, 0.075), ADAPTED, (0.12, 0.13, 0.14)),
)
# Genomes of 22 events at each fraction.
GENOMES = 4
RESAMPLED = 2000

# Whether each event of a cell fraction was found, by that fraction.
Curve = Mapping[float, np.ndarray]


def report(processes: int) -> str:
    """Return the fractions needed, their ratio and its interval, of every row of ROWS."""
    names = [engine.NAME, *bcftools_cnv.VARIANTS]
    empty = genomes.null_names()
    nulls = detection.in_each_way(
        detection.run_all(empty, genomes.simulated, names, processes, "nulls")
    )
    rng, rows = np.random.default_rng(1), []
    for row in ROWS:
        found = _planted(row, engine.NAME, row.own, processes)
        found |= _planted(row, row.peer, row.theirs, processes)
        curves = {
            name: curve(list(planted.values()), cuts(name, nulls))
            for name, planted in detection.in_each_way(found).items()
        }
        rows.append(_as_text(rng, row, curves))
    return _HEAD.format(n=GENOMES * genomes.EVENTS_PER_CELL) + scoring.markdown(rows)


_HEAD = """Per cent of cells needed for power .8 and 95 % intervals (bootstrap over events),
{n} events of each cell fraction: of the better `bcftools cnv`, and of linedrift as it calls, at the
rate of false events that peers are allowed, and with a cut-off for each row as they have. In the
last column power by per cent of cells.

"""


def _planted(
    row: Row, tool: str, fractions: Sequence[float], processes: int
) -> dict[str, Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]]:
    here = [
        name
        for fraction in fractions
        for name in genomes.crossing_names(row.kind, row.size, fraction, GENOMES)
    ]
    what = f"{row.kind} {row.size:g} Mb"
    return dict(detection.run_all(here, genomes.simulated, [tool], processes, what))


def cuts(name: str, nulls: detection.Found) -> list[Mapping[str, float]]:
    """Return the cut-offs that a tool may choose from; linedrift none, but by the peers' rule."""
    if name in detection.OWN and name != engine.BY_ROW:
        return [detection.as_it_calls(name, nulls)]
    empty = [calls for _, calls in nulls[name].values()]
    return [cut for cut, _ in scoring.allowed_cuts(empty, tools.CUTS[name])]


def curve(
    planted: Sequence[tuple[pd.DataFrame, pd.DataFrame]], cuts: Sequence[Mapping[str, float]]
) -> Curve:
    """Return what was found at each cell fraction, after the cut-off that finds most."""
    best: dict[float, np.ndarray] = {}
    for cut in cuts:
        parts: dict[float, list[np.ndarray]] = {}
        for truth, calls in planted:
            hit = scoring.found(truth, scoring.kept(calls, cut))
            parts.setdefault(float(truth["fraction"].iloc[0]), []).append(hit)
        found = {fraction: np.concatenate(parts[fraction]) for fraction in sorted(parts)}
        if not best or _mean(found) > _mean(best):
            best = found
    return best


def _mean(found: Curve) -> float:
    return float(np.mean([hit.mean() for hit in found.values()]))


def needed(found: Curve, lenient: bool) -> tuple[float, str]:
    """Return the cell fraction for power .8, and its bound (`scoring.fraction_needed`)."""
    return scoring.fraction_needed(list(found), [hit.mean() for hit in found.values()], lenient)


def resampled(rng: np.random.Generator, found: Curve, lenient: bool) -> np.ndarray:
    """Return the fraction needed where the events of each fraction are drawn anew: (RESAMPLED,).

    Beyond the fractions asked it is the first or the last of these.
    """
    draws = {
        f: rng.binomial(len(hit), hit.mean(), RESAMPLED) / len(hit) for f, hit in found.items()
    }
    powers = np.array(list(draws.values())).T
    return np.array([scoring.fraction_needed(list(draws), one, lenient)[0] for one in powers])


def _as_text(rng: np.random.Generator, row: Row, curves: Mapping[str, Curve]) -> dict[str, str]:
    """Return a row of the report: what each needs, and how many times linedrift's the peer does."""
    theirs, peer = needed(curves[row.peer], True), resampled(rng, curves[row.peer], True)
    text = {"kind": row.kind, "size": f"{row.size:g} Mb", "peer": row.peer}
    text["peer needs"] = _interval(theirs, peer)
    for name in detection.OWN:
        ours, own = needed(curves[name], False), resampled(rng, curves[name], False)
        low, high = np.quantile(peer / own, [0.025, 0.975])
        text[name] = _interval(ours, own)
        text[f"ratio, {name}"] = f"{scoring.ratio(theirs, ours)} ({low:.2f}-{high:.2f})"
    shown = (engine.SAME_RATE, engine.BY_ROW, row.peer)
    power = {name: curves[name] for name in shown}
    text["power at .1 false; by row; of the peer"] = "; ".join(
        ", ".join(f"{100 * f:g}: {hit.mean():.2f}" for f, hit in of.items())
        for of in power.values()
    )
    return text


def _interval(point: tuple[float, str], draws: np.ndarray) -> str:
    low, high = 100 * np.quantile(draws, [0.025, 0.975])
    return f"{scoring.needed_text(point)} ({low:.3g}-{high:.3g})"
