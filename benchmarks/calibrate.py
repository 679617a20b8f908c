"""Fit the two figures that turn a score into a false-event rate, on genomes without an event.

    python benchmarks/calibrate.py [--genomes 20] [--first 0] [--sets null single normal]
                                   [--processes 2]

Of the null genomes (simulated pairs, simulated donors without a baseline and, where they are here,
genomes drawn from the normal loci of a real dilution series) every candidate that could be called
is taken with its score and its places. Where the false-event rate is
null_scale x places x exp(-null_slope x score), the values null_slope x score - log(places) of
the candidates beyond any threshold t exceed it by 1 on average, and null_scale is their number a
genome times exp(t). Prints the fit, and for rates of 1 to .001 the false events expected and
observed with the present config.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import bench_paths
import engine
import genomes
import numpy as np
import pandas as pd
import scoring
from scipy.optimize import brentq

# Every candidate is accepted that may be called at all, the surest of those that overlap.
EVERYTHING = {"rate": 1e9, "promise": -8.0, "null_scale": 1e-4}
# Candidates of the tail: so many a genome, on average, enter the fit.
TAIL = 2.0
SLOPES = np.linspace(0.3, 3.0, 109)
RATES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
# Simulated pairs, simulated donors without a baseline, and loci of the real dilution series.
SETS = ("null", "single", "normal")
SHARES = (0.21, 0.5, 1.0)


def null(name: str) -> pd.DataFrame:
    """Return genome, set, score and places of the candidates of a genome without an event."""
    what, share, k = name.split("-")
    make = genomes.drawn if what == "normal" else genomes.simulated
    pair = make(f"{'normal' if what == 'normal' else 'null'}-{share}-{k}")
    donor = None if what == "single" else pair.donor
    settings = engine.config()
    found = engine.calls(donor, pair.line, settings, EVERYTHING).query("called == 1")
    # A rate is null_scale x places x exp(-null_slope x score).
    of = settings["events"]
    places = found["rate"] / EVERYTHING["null_scale"] * np.exp(of["null_slope"] * found["score"])
    found["rate"] *= of["null_scale"] / EVERYTHING["null_scale"]
    sets = {"null": "simulated", "single": "no donor", "normal": f"real, {share} of DNA"}
    figures = found[["score", "n", "kind", "fraction", "rate"]]
    return figures.assign(places=places, genome=name, set=sets[what])


def fit(candidates: pd.DataFrame, n_genomes: int, tail: float = TAIL) -> tuple[float, float]:
    """Return (null_scale, null_slope) of the candidates of `n_genomes` null genomes.

    Maximum likelihood over the `tail` surest candidates a genome. NaN where these are fewer than
    five, or where no slope between .3 and 3 fits.
    """
    score = candidates["score"].to_numpy(float)
    log_places = np.log(candidates["places"].to_numpy(float))
    count = min(int(tail * n_genomes), len(candidates) - 1)

    def surest(slope: float) -> np.ndarray:
        return np.sort(slope * score - log_places)[::-1][: count + 1]

    def excess(slope: float) -> float:
        values = surest(slope)
        return float((values[:-1] - values[-1]).mean()) - 1

    # Small slopes leave the spread of the places, which is no tail: the last crossing counts.
    values = np.array([excess(slope) for slope in SLOPES]) if count >= 5 else np.zeros(len(SLOPES))
    crossings = np.flatnonzero((values[:-1] < 0) & (values[1:] >= 0))
    if len(crossings) == 0:
        return float("nan"), float("nan")
    slope = float(brentq(excess, SLOPES[crossings[-1]], SLOPES[crossings[-1] + 1]))
    return count / n_genomes * float(np.exp(surest(slope)[-1])), slope


def observed(candidates: pd.DataFrame, sets: dict[str, int]) -> list[dict[str, str]]:
    """Return, by rate, the false events a genome that are expected and that each set shows.

    In brackets exact 95 % intervals.
    """
    rows = []
    for rate in RATES:
        row = {"expected": f"{rate:g}"}
        for name, n in sets.items():
            seen = int((candidates.loc[candidates["set"] == name, "rate"] <= rate).sum())
            row[f"{name} ({n})"] = f"{seen / n:.3g} ({scoring.rate_interval(seen, n)})"
        rows.append(row)
    return rows


def null_names(sets: Sequence[str], numbers: Sequence[int]) -> list[str]:
    """Return the names of the null genomes of these sets, the real ones where the data are here."""
    names = [f"{what}-0-{k}" for what in sets if what != "normal" for k in numbers]
    if "normal" not in sets:
        return names
    if not (bench_paths.real_data() / "snp_array" / "dilution_crl2324").is_dir():
        print("The dilution series is not here (see LINEDRIFT_REAL_DATA): simulated genomes only.")
        return names
    return names + [f"normal-{share:g}-{k}" for share in SHARES for k in numbers]


def main() -> int:
    """Collect the candidates, print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--genomes", type=int, default=20, help="genomes of each set")
    parser.add_argument("--first", type=int, default=0, help="number of the first, for new ones")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    names = null_names(options.sets, range(options.first, options.first + options.genomes))
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        candidates = pd.concat(pool.map(null, names), ignore_index=True)
    sets = {name: options.genomes for name in candidates["set"].unique()}
    sets["all"] = len(names)
    candidates = pd.concat([candidates, candidates.assign(set="all")], ignore_index=True)
    of = engine.config()["events"]
    print(f"config: null_scale {of['null_scale']:g}, null_slope {of['null_slope']:g}\n")
    rows = []
    for name, n in sets.items():
        scale, slope = fit(candidates[candidates["set"] == name], n)
        rows.append({"set": name, "null_scale": f"{scale:.3g}", "null_slope": f"{slope:.2f}"})
    print(scoring.markdown(rows) + "\n\n" + scoring.markdown(observed(candidates, sets)))
    candidates[candidates["set"] != "all"].to_csv(
        bench_paths.WORK / "candidates.tsv", sep="\t", index=False
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
