"""Measure copy number of methylation arrays beside conumee2's scheme; print the tables.

    python benchmarks/methylation.py [--banks 0 1 2 3] [--nulls 10] [--probes 280] [--alone]
                                     [--fractions 0.15 0.2 ...] [--minutes 10]

Simulated arrays of EPIC's density (`demo/simulate_methylation.py`). A bank has an array type, six
cultures as panel, and a donor (fibroblasts) of all its lines (pluripotent, passage 30). A line has
one event of 10 Mb on each of 20 autosomes, half of them gains, all in the same share of cells, or
none. Both see the same arrays; of the peer every cut-off on |mean| and bins is tried and its best
is shown, beside the cut-off that its authors use; ways to call are then compared event by event.
`--alone` leaves the peer out. What was called is kept in benchmarks/work, so a run can be taken up
again; `--minutes` ends it between two genomes.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import bench_paths
import conumee_scheme
import dna_copy
import engine
import genomes
import numpy as np
import pandas as pd
import scoring
import simulate_methylation as sim
from linedrift.events import events
from linedrift.events.segmentation import segment
from linedrift.genome import Karyotype
from linedrift.signals import intensity, methylation_contrast, waves
from scipy import stats
from simulate_array import Event

FRACTIONS = (0.1, 0.15, 0.175, 0.2, 0.225, 0.25, 0.3, 0.5, 1.0)
SIZE_MB, EVENTS = 10.0, 20
# Noisier than real arrays of one batch: with six blood samples on 450k (melon_450k), each less the
# other five, `intensity` leaves an sd of .09 to .13 and waves of 0 to .02; here .17 and .02.
NOISE = {"noise_sd": 0.15, "wave_sd": 0.02}
CUTS = [
    {"score": cut, "n": n}
    for cut in (0, 0.01, 0.02, 0.0225, 0.025, 0.0275, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2)
    for n in (5, 10, 20, 40, 80, 150)
]
# What is called, by what each tool reports: of linedrift what its config calls, or lists as a
# candidate too (a stated rate of .1 a genome).
OWN = {"linedrift, as called": {"called": 1.0}, "linedrift, listed": {}}
# The default of conumee2 where it says gain or loss of segments: `threshold` of CNV.summaryplot,
# CNV.write and CNV.state (manual of the package), as in GISTIC.
AUTHORS = {"score": 0.1}


class Bank(NamedTuple):
    """One array type, a donor, and other people: all that the lines of a bank have in common."""

    probes: pd.DataFrame
    platform: pd.DataFrame
    person: int
    donor: pd.DataFrame
    panel: list[pd.DataFrame]


@lru_cache(maxsize=1)
def bank(k: int, per_mb: float) -> Bank:
    """Return the bank number `k`: six cultures of both sexes and two kinds, and a donor."""
    rng = genomes.rng_of(f"methylation-bank-{k}")
    probes = sim.probes(rng, bands=genomes.bands(), per_mb=per_mb)
    platform = sim.platform(rng, probes)
    person = int(rng.integers(1, 2**31))
    empty = Bank(probes, platform, person, probes, [])
    panel = [
        array(rng, empty, cell, ("female", "male")[n % 2], 8 * n, (), n)
        for n, cell in enumerate(("stem", "stem", "stem", "stem", "fibroblast", "fibroblast"))
    ]
    donor = array(rng, empty, "fibroblast", "female", 0, (), person)
    return empty._replace(panel=panel, donor=donor)


def array(
    rng: np.random.Generator,
    of: Bank,
    cell: str,
    sex: str,
    passage: int,
    planted: Sequence[Event],
    person: int,
) -> pd.DataFrame:
    """Return PROBES of one culture, of its own brightness and balance of colours."""
    line = int(rng.integers(1, 2**31))
    beta = sim.methylome(
        of.probes, of.platform, cell, sex, person=person, line=line, passage=passage
    )
    light = {"green_over_red": 2 ** rng.normal(0, 0.2), "brightness": 2 ** rng.normal(0, 0.3)}
    copies = sim.copies(of.probes, sex, planted)
    measured = sim.measure(rng, of.probes, of.platform, beta, copies, **NOISE, **light)
    return sim.tables_of(measured)[0]


def line(name: str, of: Bank) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return PROBES and truth of `grid-<fraction>-<bank>` or `null-<k>-<bank>`."""
    what, fraction, _ = name.split("-")
    rng = genomes.rng_of(f"methylation-{name}")
    wanted = [(SIZE_MB, kind) for kind in ("gain", "loss") * (EVENTS // 2)]
    arms = genomes.measured_arms(genomes.bands())
    truth = genomes.plan(rng, arms, wanted if what == "grid" else [])
    truth = truth.assign(fraction=float(fraction))
    planted = [
        Event(row.chrom, row.start, row.end, row.kind, row.fraction) for row in truth.itertuples()
    ]
    return array(rng, of, "stem", "female", 30, planted, of.person), truth


def measured(
    own: pd.DataFrame,
    of: Bank,
    settings: dict[str, Any],
    baselines: list[pd.DataFrame],
    **more: Any,
) -> events.Measurement:
    """Return an array ready to be called, as the rules of the workflow make it."""
    karyotype = Karyotype("female")
    frame, noise = methylation_contrast.contrast_of(
        own,
        baselines,
        of.panel,
        karyotype,
        settings["methylation"]["copy_number"],
        settings["contrast"] | settings["contrast"]["methylation"],
        waves.covariates(own, genomes.bands()),
    )
    segments = segment(frame, noise, karyotype, settings["segmentation"])
    return events.Measurement(
        assay="methylation", contrast=frame, noise=noise, segments=segments, **more
    )


@cache
def donor_of(k: int, per_mb: float) -> events.Measurement:
    """Return the donor of a bank, ready to be called."""
    of = bank(k, per_mb)
    return measured(of.donor, of, engine.config(), [], sample="d-p0", passage=0, role="donor")


def called(name: str, per_mb: float, peer: bool = True) -> dict[str, pd.DataFrame]:
    """Return truth and the calls of each tool on a genome; what was done before is read."""
    tools = [engine.NAME, *([conumee_scheme.NAME] if peer and dna_copy.is_here() else [])]
    paths = {tool: _kept_at(tool, name, per_mb) for tool in ["truth", *tools]}
    missing = [tool for tool, path in paths.items() if not path.exists()]
    if missing:
        k = int(name.split("-")[2])
        of = bank(k, per_mb)
        own, truth = line(name, of)
        _write(paths["truth"], truth)
        if engine.NAME in missing:
            settings = engine.config()
            place = {"sample": "l-p5", "passage": 5, "baseline": "d-p0"}
            both = [measured(own, of, settings, [of.donor], **place), donor_of(k, per_mb)]
            _write(paths[engine.NAME], engine.rows(both, settings["events"]))
        if conumee_scheme.NAME in missing:
            with tempfile.TemporaryDirectory(dir=bench_paths.WORK) as folder:
                found = conumee_scheme.calls(own, [of.donor, *of.panel], Path(folder))
                _write(paths[conumee_scheme.NAME], found)
    return {tool: pd.read_csv(path, sep="\t") for tool, path in paths.items()}


def _kept_at(tool: str, name: str, per_mb: float) -> Path:
    """Return where calls are kept, which changes with all that they depend on."""
    digest = hashlib.sha256(repr((NOISE, SIZE_MB, EVENTS, per_mb)).encode())
    digest.update((bench_paths.ROOT / "demo" / "simulate_methylation.py").read_bytes())
    if tool == engine.NAME:
        digest.update(engine.version().encode())
        for module in (intensity, methylation_contrast):
            digest.update(Path(module.__file__).read_bytes())
    elif tool != "truth":
        digest.update(conumee_scheme.SCRIPT.read_bytes())
        digest.update(Path(conumee_scheme.__file__).read_bytes())
    folder = "".join(c if c.isalnum() else "-" for c in tool)
    kept = bench_paths.WORK / "methylation" / f"{folder}.{digest.hexdigest()[:12]}"
    return kept / f"{name}.tsv"


def _write(path: Path, frame: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    frame.to_csv(beside, sep="\t", index=False)
    beside.replace(path)


def names(banks: Sequence[int], nulls: int, fractions: Sequence[float] = FRACTIONS) -> list[str]:
    """Return the names of the genomes of some banks."""
    grid = [f"grid-{fraction:g}-{k}" for k in banks for fraction in fractions]
    return grid + [f"null-{n}-{k}" for k in banks for n in range(nulls)]


def report(found: dict[str, dict[str, pd.DataFrame]]) -> str:
    """Return false events, the cells needed, and power by kind and cell fraction."""
    tools = [tool for tool in next(iter(found.values())) if tool != "truth"]
    false, power = [], []
    for tool in tools:
        of = {name: _of(tool, tables) for name, tables in found.items()}
        nulls = [calls for name, (_, calls) in of.items() if name.startswith("null")]
        grid = {name: pair for name, pair in of.items() if name.startswith("grid")}
        cuts = [{}] if tool == engine.NAME else CUTS
        allowed = scoring.allowed_cuts(nulls, cuts)
        beside = [scoring.false(truth, calls).sum() for truth, calls in grid.values()]
        n = sum(len(calls) for calls in nulls)
        false.append(
            {"tool": tool, "null genomes": len(nulls), "false events": n}
            | {"a genome": f"{n / max(len(nulls), 1):.2f}"}
            | {"95 %": scoring.rate_interval(n, max(len(nulls), 1))}
            | {"beside planted events, a genome": f"{np.mean(beside):.2f}"}
            | {"cut-offs with ≤ .1": f"{len(allowed)} of {len(cuts)}"}
        )
        if not allowed:
            continue
        for kind, rows in scoring.best_power(grid, allowed).groupby("kind"):
            rows = rows.sort_values("fraction")
            needed = scoring.fraction_needed(rows["fraction"], rows["power"], tool != engine.NAME)
            row = {"tool": tool, "kind": f"{kind} of 10 Mb"}
            row |= {"needed": f"{scoring.needed_text(needed)} %"}
            row |= {"95 %": needed_interval(rows, tool != engine.NAME)}
            row |= {f"{100 * r.fraction:g} %": f"{r.power:.2f}" for r in rows.itertuples()}
            power.append(row | {"cut-off": rows["cut"].iloc[0], "n": rows["n"].iloc[0]})
    return "\n\n".join(
        [
            "**False events**, without a cut-off on what the tools report",
            scoring.markdown(false),
            "**Per cent of cells needed for power .8** at ≤ .1 false events a genome, and power",
            scoring.markdown(power) if power else "No cut-off is allowed.",
        ]
    )


def needed_interval(rows: pd.DataFrame, lenient: bool, draws: int = 2000) -> str:
    """Return the 95 % interval (per cent of cells) of the cells needed, events drawn anew.

    Parameters
    ----------
    rows
        fraction, power, n of one kind and size.
    lenient
        As of `scoring.fraction_needed`.
    """
    rng = np.random.default_rng(1)
    fractions, power, n = (rows[name].to_numpy(float) for name in ("fraction", "power", "n"))
    drawn = rng.binomial(n.astype(int), power, (draws, len(n))) / n
    needed = [100 * scoring.fraction_needed(fractions, one, lenient)[0] for one in drawn]
    low, high = np.quantile(needed, [0.025, 0.975])
    return f"{low:.3g}-{high:.3g}"


def compare(found: dict[str, dict[str, pd.DataFrame]]) -> str:
    """Return how often either way to call finds an event that the other one misses.

    The peer is read at the cut-off of its authors and at the one that finds most of a kind here
    with at most scoring.FALSE_RATE false events a genome. Only genomes that both tools saw count.
    """
    tools = {engine.NAME, conumee_scheme.NAME}
    both = {name: one for name, one in found.items() if tools <= {*one}}
    nulls = [one for name, one in both.items() if name.startswith("null")]
    grid = [one for name, one in both.items() if name.startswith("grid")]
    allowed = scoring.allowed_cuts([_autosomal(one[conumee_scheme.NAME]) for one in nulls], CUTS)
    peer = {
        str(n): (one["truth"], _autosomal(one[conumee_scheme.NAME])) for n, one in enumerate(grid)
    }
    theirs = {"its authors'": AUTHORS}
    rows = []
    for kind, best in scoring.best_power(peer, allowed).groupby("kind"):
        label = best["cut"].iloc[0]
        theirs[label] = {
            name: float(least) for name, least in (part.split(">=") for part in label.split())
        }
        for cut in ("its authors'", label):
            for name, own in OWN.items():
                seen = pd.concat([_seen(one, own, theirs[cut]) for one in grid])
                seen = seen[seen["kind"] == kind]
                row = {"kind": f"{kind} of 10 Mb", "events": len(seen), "way": name}
                rows.append(row | {"cut-off of the scheme": cut} | paired(seen))
    false = [_false(f"{name}", engine.NAME, cut, nulls) for name, cut in OWN.items()]
    false += [
        _false(f"the scheme, {name}", conumee_scheme.NAME, cut, nulls)
        for name, cut in theirs.items()
    ]
    return "\n\n".join(
        [
            "**False events of null genomes that both saw**", scoring.markdown(false),
            "**Event by event**", scoring.markdown(rows),
        ]
    )  # fmt: skip


def _false(
    name: str, tool: str, cut: dict[str, float], nulls: list[dict[str, pd.DataFrame]]
) -> dict[str, str]:
    n = sum(len(scoring.kept(_autosomal(one[tool]), cut)) for one in nulls)
    rate = f"{n / max(len(nulls), 1):.2f} ({scoring.rate_interval(n, max(len(nulls), 1))})"
    return {"way": name, "null genomes": str(len(nulls)), "false events a genome": rate}


def _autosomal(calls: pd.DataFrame) -> pd.DataFrame:
    return calls[~calls["chrom"].isin(["chrX", "chrY"])]


def _seen(
    one: dict[str, pd.DataFrame], own: dict[str, float], theirs: dict[str, float]
) -> pd.DataFrame:
    """Return kind, fraction, and whether linedrift (`own`) and the peer (`theirs`) found each."""
    truth = one["truth"]
    ways = {"own": (engine.NAME, own), "theirs": (conumee_scheme.NAME, theirs)}
    seen = {
        way: scoring.found(truth, scoring.kept(_autosomal(one[tool]), cut))
        for way, (tool, cut) in ways.items()
    }
    return truth[["kind", "fraction"]].assign(**seen)


def paired(seen: pd.DataFrame, draws: int = 2000) -> dict[str, str]:
    """Return what one way found and the other missed, and the ratio of the cells they need.

    Parameters
    ----------
    seen
        fraction, own, theirs (bool): one row an event.
    draws
        Times that the events of each fraction are drawn anew, for both ways the same ones.

    Returns
    -------
    dict
        Events that one alone found, the exact p of that (sign test), per cent of cells needed by
        either, and theirs over own with its 95 % interval.
    """
    alone = int((seen["own"] & ~seen["theirs"]).sum()), int((seen["theirs"] & ~seen["own"]).sum())
    p = stats.binomtest(alone[0], sum(alone)).pvalue if sum(alone) else 1.0
    rng = np.random.default_rng(1)
    parts = {f: rows[["own", "theirs"]].to_numpy(float) for f, rows in seen.groupby("fraction")}
    powers = [np.array([part.mean(axis=0) for part in parts.values()])]
    for _ in range(draws):
        drawn = [part[rng.integers(0, len(part), len(part))] for part in parts.values()]
        powers.append(np.array([part.mean(axis=0) for part in drawn]))
    needed = np.array(
        [
            [scoring.fraction_needed(list(parts), power[:, way], bool(way))[0] for way in (0, 1)]
            for power in powers
        ]
    )
    ratio = needed[:, 1] / needed[:, 0]
    low, high = np.quantile(ratio[1:], [0.025, 0.975])
    return {
        "linedrift alone": str(alone[0]), "the scheme alone": str(alone[1]), "p": f"{p:.2g}",
        "needs": f"{100 * needed[0, 0]:.1f} %", "the scheme needs": f"{100 * needed[0, 1]:.1f} %",
        "ratio": f"{ratio[0]:.2f} ({low:.2f}-{high:.2f})",
    }  # fmt: skip


def _of(tool: str, tables: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return truth and calls on autosomes; of linedrift what its config calls."""
    calls = tables[tool]
    if "called" in calls:
        calls = calls[calls["called"] == 1]
    return tables["truth"], calls[~calls["chrom"].isin(["chrX", "chrY"])]


def main() -> int:
    """Run the genomes that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--banks", type=int, nargs="+", default=[0, 1, 2, 3], help="which")
    parser.add_argument("--nulls", type=int, default=10, help="of each bank")
    parser.add_argument("--alone", action="store_true", help="without the peer")
    parser.add_argument("--probes", type=float, default=280, help="a Mb; 280 is an EPIC array")
    parser.add_argument("--fractions", type=float, nargs="+", default=FRACTIONS, help="of cells")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="then end, unfinished")
    options = parser.parse_args()
    bench_paths.WORK.mkdir(parents=True, exist_ok=True)
    if not dna_copy.is_here():
        print(dna_copy.MISSING)
    every = names(options.banks, options.nulls, options.fractions)
    found, end = {}, time.monotonic() + 60 * options.minutes
    # A bank at a time: its arrays are kept in memory.
    for name in sorted(every, key=lambda name: name.rsplit("-", 1)[1]):
        if time.monotonic() > end:
            print(f"{len(found)} of {len(every)} genomes are done; run it again for the others")
            return 1
        found[name] = called(name, options.probes, not options.alone)
    print(report(found))
    if not options.alone and dna_copy.is_here():
        print(f"\n{compare(found)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
