"""What counts as found and as false, and the cell fraction at which a tool finds four of five.

The same rules for all tools. Kinds are not compared: an event is found by any call in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

# An event is found where calls cover more than this share of it ...
LEAST_SHARE = 0.5
# ... none of them longer than this times the event, and at least this much of each on it: a call
# of a whole chromosome has not found 1 Mb.
MOST_LENGTH = 3.0
LEAST_ON_EVENT = 0.25
# Power at which the cell fraction is asked, and the false events a genome that are allowed.
POWER, FALSE_RATE = 0.8, 0.1


def overlap(calls: pd.DataFrame, chrom: str, start: int, end: int) -> np.ndarray:
    """Return the bases that each call shares with an interval (float, one per call)."""
    shared = np.minimum(calls["end"], end) - np.maximum(calls["start"], start)
    return np.where(calls["chrom"] == chrom, np.maximum(shared, 0), 0).astype(float)


def found(truth: pd.DataFrame, calls: pd.DataFrame) -> np.ndarray:
    """Return, per planted event, whether the calls cover enough of it (bool)."""
    length = (calls["end"] - calls["start"]).to_numpy(float)
    result = []
    for event in truth.itertuples():
        size = event.end - event.start
        shared = overlap(calls, event.chrom, event.start, event.end)
        fits = (length <= MOST_LENGTH * size) & (shared >= LEAST_ON_EVENT * length)
        result.append(shared[fits].sum() > LEAST_SHARE * size)
    return np.array(result, dtype=bool)


def false(truth: pd.DataFrame, calls: pd.DataFrame) -> np.ndarray:
    """Return, per call, whether it touches no planted event (bool)."""
    touched = np.zeros(len(calls), dtype=bool)
    for event in truth.itertuples():
        touched |= overlap(calls, event.chrom, event.start, event.end) > 0
    return ~touched


def kept(calls: pd.DataFrame, cut: Mapping[str, float]) -> pd.DataFrame:
    """Return the calls that reach a cut: least `score` and least `n` of markers."""
    on = np.ones(len(calls), dtype=bool)
    for column, least in cut.items():
        on &= calls[column].to_numpy(float) >= least
    return calls[on]


def allowed_cuts(
    nulls: Sequence[pd.DataFrame], cuts: Sequence[Mapping[str, float]]
) -> list[tuple[Mapping[str, float], float]]:
    """Return the cuts with at most FALSE_RATE false events a genome, each with its rate."""
    rates = [sum(len(kept(calls, cut)) for calls in nulls) / len(nulls) for cut in cuts]
    return [(cut, rate) for cut, rate in zip(cuts, rates, strict=True) if rate <= FALSE_RATE]


def rate_interval(count: int, n: int) -> str:
    """Return the exact 95 % interval of a Poisson rate of which `count` were seen in `n`."""
    low = chi2.ppf(0.025, 2 * count) / 2 / n if count else 0.0
    return f"{low:.2f}-{chi2.ppf(0.975, 2 * count + 2) / 2 / n:.2f}"


def power_table(
    genomes: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]], cut: Mapping[str, float]
) -> pd.DataFrame:
    """Return kind, size, fraction, n, power over genomes of (truth, calls) after a cut."""
    rows = [
        truth[["kind", "size", "fraction"]].assign(found=found(truth, kept(calls, cut)))
        for truth, calls in genomes.values()
    ]
    table = pd.concat(rows).astype({"size": str})
    power = table.groupby(["kind", "size", "fraction"])["found"].agg(["size", "mean"])
    return power.rename(columns={"size": "n", "mean": "power"}).reset_index()


def best_power(
    genomes: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
    cuts: Sequence[tuple[Mapping[str, float], float]],
) -> pd.DataFrame:
    """Return `power_table` where each kind and size has the cut that finds most of it.

    The most lenient reading of a peer: a user would have one cut for all. Columns `cut` and
    `false_rate` say which it was.
    """
    tables = []
    for cut, rate in cuts:
        label = " ".join(f"{name}>={least:g}" for name, least in cut.items()) or "as called"
        tables.append(power_table(genomes, cut).assign(cut=label, false_rate=rate))
    table = pd.concat(tables, ignore_index=True)
    total = table.groupby(["kind", "size", "cut"], sort=False)["power"].transform("mean")
    table["total"] = total
    best = table.loc[table.groupby(["kind", "size"])["total"].idxmax(), ["kind", "size", "cut"]]
    return table.merge(best, on=["kind", "size", "cut"]).drop(columns="total")


def fraction_needed(
    fractions: Sequence[float], power: Sequence[float], lenient: bool = False
) -> tuple[float, str]:
    """Return the cell fraction from which on the power is POWER, and how it is bounded.

    Interpolated in the logarithm of the fraction between grid points. The bound is "" where both
    exist, "<=" where already the smallest fraction reaches it, ">" where the largest does not.
    `lenient` takes the smallest fraction that reaches it, even where larger ones fall short again
    (a model of 30 % of cells that misses what all carry): so are peers read.
    """
    order = np.argsort(fractions)
    x, y = np.asarray(fractions, float)[order], np.asarray(power, float)[order]
    reached = y >= POWER
    if lenient:
        reached = np.maximum.accumulate(reached)
    if reached.all():
        return float(x[0]), "<="
    last = int(np.flatnonzero(~reached)[-1])
    if last == len(x) - 1:
        return float(x[-1]), ">"
    share = (POWER - y[last]) / (y[last + 1] - y[last])
    return float(np.exp(np.log(x[last]) + share * np.log(x[last + 1] / x[last]))), ""


def ratio(other: tuple[float, str], own: tuple[float, str]) -> str:
    """Return how many times the fraction of `own` the `other` needs, with its bound.

    Rounded down, so that 1.99 is not taken for 2.
    """
    if own[1] == ">" or (other[1], own[1]) == ("<=", "<="):
        return "-"
    # The other needs at least, or our own needs at most: the ratio is at least.
    bound = ">" if other[1] == ">" or own[1] == "<=" else ""
    bound = "<" if other[1] == "<=" else bound
    return f"{bound}{np.floor(100 * other[0] / own[0] + 1e-9) / 100:.2f}"


def needed_text(needed: tuple[float, str]) -> str:
    """Return a needed fraction in per cent, `>100` where even that is not enough."""
    return f"{needed[1].replace('<=', '≤')}{100 * needed[0]:.3g}"


def end_errors(truth: pd.DataFrame, calls: pd.DataFrame) -> np.ndarray:
    """Return the distances of called from planted ends (bp, two per found event).

    Of the outermost calls that lie on the event, each not longer than allowed.
    """
    length = (calls["end"] - calls["start"]).to_numpy(float)
    errors: list[float] = []
    for event in truth[found(truth, calls)].itertuples():
        size = event.end - event.start
        shared = overlap(calls, event.chrom, event.start, event.end)
        on = calls[(shared > 0) & (length <= MOST_LENGTH * size)]
        errors += [abs(on["start"].min() - event.start), abs(on["end"].max() - event.end)]
    return np.array(errors)


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a Markdown table; numbers as they are, all other values as text."""
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(str(row[c]) for c in columns) + " |" for row in rows]
    return "\n".join(lines)
