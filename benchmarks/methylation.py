"""Measure copy number of methylation arrays beside conumee2's scheme; print the tables.

    python benchmarks/methylation.py [--banks 0 1 2 3] [--nulls 10] [--probes 280] [--alone]

Simulated arrays of EPIC's density (`demo/simulate_methylation.py`). A bank has an array type, six
cultures as panel, and a donor (fibroblasts) of all its lines (pluripotent, passage 30). A line has
one event of 10 Mb on each of 20 autosomes, half of them gains, all in the same share of cells, or
none. Both see the same arrays; of the peer every cut-off on |mean| and bins is tried and its best
is shown; `--alone` leaves the peer out, whose segmentation takes most of the time. What was called
is kept in benchmarks/work, so a run can be taken up again.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
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
from simulate_array import Event

FRACTIONS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 1.0)
SIZE_MB, EVENTS = 10.0, 20
# Noisier than real arrays of one batch: with six blood samples on 450k (melon_450k), each less the
# other five, `intensity` leaves an sd of .09 to .13 and waves of 0 to .02; here .17 and .02.
NOISE = {"noise_sd": 0.15, "wave_sd": 0.02}
CUTS = [
    {"score": cut, "n": n}
    for cut in (0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3)
    for n in (5, 10, 20, 40, 80, 150)
]


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


def names(banks: Sequence[int], nulls: int) -> list[str]:
    """Return the names of the genomes of some banks."""
    grid = [f"grid-{fraction:g}-{k}" for k in banks for fraction in FRACTIONS]
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
    options = parser.parse_args()
    bench_paths.WORK.mkdir(parents=True, exist_ok=True)
    if not dna_copy.is_here():
        print(dna_copy.MISSING)
    every = names(options.banks, options.nulls)
    # A bank at a time: its arrays are kept in memory.
    found = {
        name: called(name, options.probes, not options.alone)
        for name in sorted(every, key=lambda name: name.rsplit("-", 1)[1])
    }
    print(report(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
