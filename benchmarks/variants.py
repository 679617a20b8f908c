"""Measure the variant model on simulated counts, beside simple rules; print a table.

    python benchmarks/variants.py [--megabases 20] [--planted 300] [--depths 50 100 200]
        [--passages 1 3] [--seed 1] [--oracle]

Counts only, without reads: errors of 96 contexts and two strands at all positions of the target
(demo/simulate_alleles.py), and variants planted in one passage or in three. benchmarks/exomes.py
measures the same with reads, aligned files and peers. Two simple rules see the same counts, and
with --oracle one that knows the true rates; it also prints at which depths variants are missed:

thresholds  three reads of the alternative on both strands together, one at least on each, 5 % of
            the reads in one passage, none in the donor
pooled test all passages together against the error rate of the context or the share in the
            donor, whichever is higher: binomial, one-sided p < 1e-8, both strands
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable

import bench_paths
import numpy as np
import pandas as pd
import simulate_alleles
import yaml
from linedrift.variants.allele_counts import N_CLASSES, Counts
from linedrift.variants.error_model import ErrorModel, error_model
from linedrift.variants.variant_hypotheses import PLACE, Grid, likelihoods
from linedrift.variants.variants import call_variants, variant_id
from scipy.special import log_softmax
from scipy.stats import binom

OWN = ("L-p1", "L-p2", "L-p3")
ALLELES = (0.025, 0.05, 0.1, 0.25)
DEPTH_STEPS = (0, 40, 60, 80, 100, 140, np.inf)
# Worlds: share of bad sites that are bad in all samples, overdispersion, people of the panel.
WORLDS = {
    "own errors": (0.0, (1e-3, 1e-2), 0),
    "half shared": (0.5, (1e-3, 1e-2), 0),
    "half shared, panel of 3": (0.5, (1e-3, 1e-2), 3),
    "half shared, as even as real": (0.5, (7e-4, 1.5e-3), 0),
}
Rule = Callable[[Counts, ErrorModel], np.ndarray]


def thresholds(counts: Counts, model: ErrorModel) -> np.ndarray:
    """Return what fixed cut-offs call, shape (n,)."""
    own, base = counts.which("own"), counts.which("baseline")
    enough = (counts.alt_reads[:, own] >= 3) & (counts.share[:, own] >= 0.05)
    enough &= (counts.alt[:, own] > 0).all(axis=2)
    return enough.any(axis=1) & (counts.alt_reads[:, base] == 0).all(axis=1)


def pooled_test(counts: Counts, model: ErrorModel) -> np.ndarray:
    """Return what a binomial test of all passages together calls, shape (n,)."""
    own, base = counts.which("own"), counts.which("baseline")
    alt, reads = counts.alt_reads[:, own].sum(axis=1), counts.reads[:, own].sum(axis=1)
    classes, _ = counts.error_classes()
    rate = model.rate[:, classes].mean(axis=(0, 2))
    donor = counts.alt_reads[:, base].sum(axis=1) / np.maximum(counts.reads[:, base].sum(axis=1), 1)
    strands = (counts.alt[:, own].sum(axis=1) > 0).all(axis=1)
    return (binom.sf(alt - 1, reads, np.maximum(rate, donor)) < 1e-8) & strands


def joint_call(counts: Counts, model: ErrorModel) -> np.ndarray:
    """Return what linedrift calls acquired or expanded, shape (n,)."""
    calls = call_variants(counts, model, SETTINGS, HOTSPOTS, line="L").variants
    calls = calls[calls["origin"].isin(["acquired", "expanded"])]
    keys = counts.sites[["chrom", "start", "ref", "alt"]].itertuples(index=False, name=None)
    return np.isin([variant_id("L", *key) for key in keys], calls["variant_id"])


def oracle(of: simulate_alleles.World) -> Rule:
    """Return the rule of who knows the errors of a world."""
    missing = [(0, N_CLASSES - len(of.rate)), (0, 0)]
    rate, rho = np.pad(of.rate, missing, "edge"), np.pad(of.rho, missing, "edge")
    places = [PLACE[name] for name in ("error_shared", "error_own", "acquired")]
    with np.errstate(divide="ignore"):
        prior = np.log([of.shared, 1 - of.shared, SETTINGS["prior"]])

    def rule(counts: Counts, model: ErrorModel) -> np.ndarray:
        """Return what is acquired with the posterior that linedrift asks."""
        known = ErrorModel(counts.samples, np.repeat(rate[None], len(counts.samples), axis=0), rho)
        called = [np.zeros(0, bool)]
        for start in range(0, len(counts), 20_000):
            some = counts.take(slice(start, start + 20_000))
            level = np.zeros((len(some), len(some.samples)), bool)
            found, _ = likelihoods(
                some, *known.at(some, SETTINGS), Grid.of(SETTINGS), SETTINGS, level
            )
            chance = log_softmax(found[:, places] + prior, axis=1)[:, -1]
            called.append(chance >= np.log(SETTINGS["min_posterior"]))
        return np.concatenate(called)

    return rule


def by_depth(counts: Counts, truth: np.ndarray, called: np.ndarray, asked: range) -> pd.DataFrame:
    """Return how many of the planted variants `asked` are found, by the mean depth of the site."""
    rows = np.flatnonzero(np.isin(truth, asked))
    own = counts.which("own")
    frame = pd.DataFrame(
        {
            "depth": pd.cut(counts.reads[rows][:, own].mean(axis=1), DEPTH_STEPS),
            "reads": counts.alt_reads[rows][:, own].sum(axis=1),
            "found": called[rows],
        }
    )
    of = frame.groupby("depth", observed=True)
    return of.agg(sites=("found", "size"), reads=("reads", "mean"), found=("found", "mean"))


RULES: dict[str, Rule] = {
    "linedrift": joint_call,
    "thresholds": thresholds,
    "pooled test": pooled_test,
}


def measure(
    seed: int,
    world: str,
    depth: float,
    passages: int,
    megabases: float,
    planted: int,
    even: bool,
    with_oracle: bool = False,
) -> list[dict[str, object]]:
    """Return recall by allele fraction and false calls in 10 Mb, one row a rule."""
    rng = np.random.default_rng(seed)
    shared, rho, panel = WORLDS[world]
    of = simulate_alleles.World.typical(rng, depth, rho=rho, shared=shared)
    if even:
        of = dataclasses.replace(of, depths=np.array([depth]), weights=np.array([1.0]))
    own = OWN[:passages]
    roles = {"D-p0": "baseline", **dict.fromkeys(own, "own")}
    roles |= {f"P{number}-p0": "panel" for number in range(panel)}
    variants = [dict.fromkeys(own, fraction) for fraction in ALLELES for _ in range(planted)]
    variants += [{own[-1]: 0.1}] * planted
    counts, errors, truth = simulate_alleles.simulate(rng, of, megabases * 1e6, roles, variants)
    model = error_model(counts, SETTINGS, errors)
    rows = []
    rules = RULES | ({"oracle": oracle(of)} if with_oracle else {})
    for name, rule in rules.items():
        start = time.perf_counter()
        called = rule(counts, model)
        found = np.isin(np.arange(len(variants)), truth[called]).reshape(-1, planted).mean(axis=1)
        if with_oracle and rule is joint_call and not even:
            asked = range(planted * ALLELES.index(0.05), planted * (ALLELES.index(0.05) + 1))
            print(f"{world}, {passages} passages, {depth:g}x, uneven, 5 % of alleles by depth")
            print(by_depth(counts, truth, called, asked).round(2).to_string())
        rows.append(
            {
                "errors": world,
                "depth": f"{depth:g}x{'' if even else ', uneven'}",
                "passages": passages,
                "rule": name,
                **{f"{f:.1%}": found[at] for at, f in enumerate(ALLELES)},
                "10 % in the last": found[len(ALLELES)],
                "false in 10 Mb": (called & (truth < 0)).sum() * 10 / megabases,
                "s": time.perf_counter() - start,
            }
        )
    return rows


def table(rows: list[dict[str, object]]) -> str:
    """Return rows as Markdown."""
    frame = pd.DataFrame(rows)
    lines = ["| " + " | ".join(frame.columns) + " |", "|---" * len(frame.columns) + "|"]
    for row in frame.itertuples(index=False):
        cells = [f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabases", type=float, default=20)
    parser.add_argument("--planted", type=int, default=300)
    parser.add_argument("--depths", type=float, nargs="+", default=[50, 100, 200])
    parser.add_argument("--passages", type=int, nargs="+", choices=[1, 2, 3], default=[1, 3])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--oracle", action="store_true")
    parser.add_argument("--worlds", nargs="+", choices=list(WORLDS), default=list(WORLDS))
    given = parser.parse_args()
    rows = []
    for world in given.worlds:
        for depth in given.depths:
            for n in given.passages:
                for even in (True, False) if depth == 100 else (True,):
                    of = given.megabases, given.planted, even, given.oracle
                    rows += measure(given.seed, world, depth, n, *of)
    print(table(rows))


SETTINGS = yaml.safe_load((bench_paths.ROOT / "config" / "config.yaml").read_text())["variants"]
HOTSPOTS = pd.DataFrame(
    columns=["id", "gene", "chrom", "start", "end", "ref", "alt", "scope", "disputed"]
).astype({"start": int, "end": int})

if __name__ == "__main__":
    main()
