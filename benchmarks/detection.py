"""Power and false events of linedrift and its peers: on a simulated grid and on real noise."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import bcftools_cnv
import dna_copy
import engine
import genomes
import numpy as np
import pandas as pd
import scoring
import tools

# A peer that found fewer than this share of everything at one fraction is not asked at smaller
# ones: its power there is taken as none.
WORTH_ASKING = 0.02

# What linedrift is asked for: size (Mb) and cell fraction of a gain found with power .8, and how
# many times its cell fraction a peer must need.
TARGETS = ((4.0, 0.15), (1.0, 0.20))
ADVANTAGE = 2.0

# linedrift as it calls, at the rate of false events that peers are allowed, and by their rule.
OWN = (engine.NAME, engine.SAME_RATE, engine.BY_ROW)

NOTHING = pd.DataFrame({name: [] for name in ("chrom", "start", "end", "kind", "score", "n")})

Found = Mapping[str, Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]]


def grid(depth: Mapping[str, int], processes: int) -> str:
    """Return the report of the simulated grid.

    `depth` is the number of genomes of each cell fraction that a tool sees, by its name; of the
    null genomes it sees `n_nulls`.
    """
    nulls: dict[str, dict[str, tuple[pd.DataFrame, pd.DataFrame]]] = {name: {} for name in depth}
    found: dict[str, dict[str, tuple[pd.DataFrame, pd.DataFrame]]] = {name: {} for name in depth}
    for name, n in depth.items():
        here = genomes.null_names(n_nulls(n))
        nulls |= run_all(here, genomes.simulated, [name], processes, "nulls")
    asked = dict(depth)
    for fraction in sorted(genomes.FRACTIONS, reverse=True):
        for name, n in depth.items():
            here = genomes.grid_names(fraction, n)
            if name in asked:
                what = f"{fraction:.1%} of cells"
                got = run_all(here, genomes.simulated, [name], processes, what)[name]
                if name != engine.NAME and _share(got) < WORTH_ASKING:
                    del asked[name]
            else:
                got = {genome: (tools.truth(genome), NOTHING) for genome in here}
            found[name] |= got
    return grid_report(in_each_way(nulls), in_each_way(found))


def in_each_way(found: Found) -> Found:
    """Return what tools found, linedrift's thrice: what it calls, and twice all that it lists."""
    if engine.NAME not in found:
        return found
    listed = found[engine.NAME]
    called = {name: (truth, calls[calls["called"] == 1]) for name, (truth, calls) in listed.items()}
    others = {name: got for name, got in found.items() if name != engine.NAME}
    return {engine.NAME: called, engine.SAME_RATE: listed, engine.BY_ROW: listed, **others}


def n_nulls(per_fraction: int) -> int:
    """Return the number of null genomes for a tool that sees so many of each cell fraction."""
    return min(genomes.NULL_GENOMES, 2 * per_fraction + 4)


def run_all(
    here: Sequence[str],
    make: Callable[[str], genomes.Pair],
    names: Sequence[str],
    processes: int,
    what: str,
) -> dict[str, dict[str, tuple[pd.DataFrame, pd.DataFrame]]]:
    """Return {tool: {genome: (truth, calls)}}, several genomes at a time, and print progress."""
    if all(tools.is_done(name, tool) for name in here for tool in names):
        results = {name: tools.run(name, make, list(names)) for name in here}
        return {tool: {name: got[tool] for name, got in results.items()} for tool in names}
    began = time.monotonic()
    # Fresh interpreters: numba and arrow keep threads, which a fork would not survive.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(tools.run, name, make, list(names)) for name in here]
        results = {name: job.result() for name, job in zip(here, jobs, strict=True)}
    took = time.monotonic() - began
    print(f"  {what}: {len(here)} genomes, {', '.join(names)}: {took:.0f} s", flush=True)
    return {tool: {name: got[tool] for name, got in results.items()} for tool in names}


def _share(got: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]) -> float:
    return float(np.concatenate([scoring.found(*pair) for pair in got.values()]).mean())


def best(nulls: Found, found: Found) -> dict[str, pd.DataFrame]:
    """Return the best power table of each tool at the allowed false events (see scoring)."""
    tables = {}
    for name, planted in found.items():
        empty = [calls for _, calls in nulls[name].values()]
        cuts = scoring.allowed_cuts(empty, tools.CUTS[name])
        if name == engine.NAME and not cuts:
            # Judged as it is, whatever its rate; the rate stands in the report.
            cuts = [({}, sum(map(len, empty)) / len(empty))]
        if name == engine.SAME_RATE:
            # One for all rows, while each row of a peer has its best.
            cuts = [(cut, rate) for cut, rate in cuts if cut == as_it_calls(name, nulls)]
        if cuts:
            tables[name] = scoring.best_power(planted, cuts)
    return tables


def grid_report(nulls: Found, found: Found) -> str:
    """Return the tables of the grid as Markdown."""
    tables = best(nulls, found)
    parts = [false_events(nulls, found), needed(tables), targets(tables, nulls)]
    parts += [power(tables[name], name) for name in tables]
    parts.append(ends(found))
    return "\n\n".join(parts)


def false_events(nulls: Found, found: Found) -> str:
    """Return how many false events each tool has, as it calls by itself."""
    rows = []
    for name in _with_a_cut(found):
        cut = as_it_calls(name, nulls)
        empty = [len(scoring.kept(calls, cut)) for _, calls in nulls[name].values()]
        planted = [(truth, scoring.kept(calls, cut)) for truth, calls in found[name].values()]
        beside = [int(scoring.false(*pair).sum()) for pair in planted]
        cuts = scoring.allowed_cuts([c for _, c in nulls[name].values()], tools.CUTS[name])
        rows.append(
            {
                "tool": name,
                "null genomes": len(empty),
                "false events": sum(empty),
                "a genome": f"{np.mean(empty):.2f}",
                "95 % interval": scoring.rate_interval(sum(empty), len(empty)),
                "beside planted events, a genome": f"{np.mean(beside):.2f}",
                "cut-offs with ≤ .1": f"{len(cuts)} of {len(tools.CUTS[name])}",
            }
        )
    title = "**False events**, without a cut-off on what the tools report"
    return f"{title} ({engine.SAME_RATE}: at its cut-off)\n\n{scoring.markdown(rows)}"


def _with_a_cut(names: Iterable[str]) -> list[str]:
    """Return the tools that are judged at one cut-off, or none, by themselves."""
    return [name for name in names if name != engine.BY_ROW]


def as_it_calls(name: str, nulls: Found) -> Mapping[str, float]:
    """Return the cut at which a tool is taken as it calls: none but for candidates of linedrift.

    These are cut at the highest stated rate with at most .1 false events a null genome.
    """
    if name != engine.SAME_RATE:
        return {}
    cuts = scoring.allowed_cuts([calls for _, calls in nulls[name].values()], tools.CUTS[name])
    return cuts[0][0] if cuts else tools.CUTS[name][-1]


def needed(tables: Mapping[str, pd.DataFrame]) -> str:
    """Return the cell fraction that each tool needs, and its ratios to linedrift's."""
    rows = []
    own = [name for name in OWN if name in tables]
    for kind, size in [key for key, _ in _in_order(tables[engine.NAME])]:
        ours = [_needed_by(tables[name], kind, size) for name in own]
        row = {"kind": kind, "size": _size(size)}
        row |= {name: scoring.needed_text(one) for name, one in zip(own, ours, strict=True)}
        for name in [n for n in tables if n not in OWN]:
            theirs = _needed_by(tables[name], kind, size, lenient=True)
            ratios = ", ".join(scoring.ratio(theirs, one) for one in ours)
            row[name] = f"{scoring.needed_text(theirs)} ({ratios})"
        rows.append(row)
    title = "**Per cent of cells needed for power .8** at ≤ .1 false events a genome, and in "
    return title + "brackets how many times each of linedrift's\n\n" + scoring.markdown(rows)


def _needed_by(
    table: pd.DataFrame, kind: str, size: str, lenient: bool = False
) -> tuple[float, str]:
    """Return the cell fraction that a tool needs for events of a kind and size, and its bound."""
    at = table[(table["kind"] == kind) & (table["size"] == size)]
    return scoring.fraction_needed(at["fraction"], at["power"], lenient)


def targets(tables: Mapping[str, pd.DataFrame], nulls: Found) -> str:
    """Return whether linedrift reaches what was asked of it."""
    own = tables[engine.NAME]
    rate = np.mean([len(calls) for _, calls in nulls[engine.NAME].values()])
    rows = []
    for size, fraction in TARGETS:
        at = own[
            (own["kind"] == "gain") & (own["size"] == str(size)) & (own["fraction"] == fraction)
        ]
        reached = float(at["power"].iloc[0])
        text = f"gain of {size:g} Mb in {fraction:.0%} of cells: power at least .8"
        rows.append({"asked": text, "measured": f"{reached:.2f}", "reached": reached >= 0.8})
    text = "false events a genome: at most .1"
    rows.append({"asked": text, "measured": f"{rate:.2f}", "reached": rate <= 0.1})
    for label, some in (
        ("bcftools cnv, the better of both", [n for n in tables if n in bcftools_cnv.VARIANTS]),
        ("DNAcopy, gains and losses", [n for n in tables if n == dna_copy.NAME]),
    ):
        if some:
            rows += [_advantage(tables, own, some, label) for own in OWN if own in tables]
    return scoring.markdown(rows)


def _advantage(
    tables: Mapping[str, pd.DataFrame], own: str, peers: Sequence[str], label: str
) -> dict:
    """Return the row on how many times linedrift's cell fraction the best of some peers needs."""
    ratios = []
    for kind, size in [key for key, _ in _in_order(tables[own])]:
        if kind == "cn_loh" and peers == [dna_copy.NAME]:
            continue
        theirs = min(_needed_by(tables[name], kind, size, lenient=True)[0] for name in peers)
        ratios.append((theirs / _needed_by(tables[own], kind, size)[0], f"{kind} {_size(size)}"))
    # Rounded down as in the table: 1.996 is not 2.
    short = [
        f"{where} {np.floor(100 * r) / 100:.2f}" for r, where in sorted(ratios) if r < ADVANTAGE
    ]
    text = f"{len(ratios) - len(short)} of {len(ratios)} kinds and sizes"
    return {
        "asked": f"{own}: at most half of the cell fraction of {label}",
        "measured": text + (f"; short of it: {', '.join(short)}" if short else ""),
        "reached": not short,
    }


def power(table: pd.DataFrame, name: str) -> str:
    """Return power by kind, size and cell fraction."""
    rows = []
    for (kind, size), own in _in_order(table):
        row = {"kind": kind, "size": _size(size)}
        for one in own.sort_values("fraction").itertuples():
            row[f"{100 * one.fraction:g} %"] = f"{one.power:.2f}"
        rows.append(row | {"cut-off": own["cut"].iloc[0], "n": own["n"].iloc[0]})
    return f"**Power of {name}**\n\n" + scoring.markdown(rows)


def ends(found: Found) -> str:
    """Return how far called ends lie from the planted ones, at 30 % of cells and more."""
    rows = []
    for name, planted in found.items():
        sizes = ["4.0", "10.0"]
        errors = [
            scoring.end_errors(t[t["size"].astype(str).isin(sizes) & (t["fraction"] >= 0.3)], calls)
            for t, calls in planted.values()
        ]
        distances = np.concatenate(errors) / 1e3
        if len(distances):
            middle, high = np.quantile(distances, [0.5, 0.9])
            row = {"tool": name, "ends": len(distances), "median": f"{middle:.0f}"}
            rows.append(row | {"90 %": f"{high:.0f}"})
    return "**Distance of ends** (kb), events of 4 and 10 Mb in 30 % of cells or more\n\n" + (
        scoring.markdown(rows)
    )


def _in_order(table: pd.DataFrame) -> Iterable[tuple[tuple[str, str], pd.DataFrame]]:
    groups = dict(iter(table.groupby(["kind", "size"])))
    order = [str(size) for size in (*genomes.SIZES_MB, genomes.ARM, genomes.DILUTION_EVENT)]
    keys = [(kind, size) for kind in genomes.KINDS for size in order]
    return [(key, groups[key]) for key in keys if key in groups]


def _size(size: str) -> str:
    if size == genomes.ARM:
        return size
    return f"{float(size):g} loci" if float(size) >= 100 else f"{float(size):g} Mb"


def real_noise(names: Sequence[str], quick: bool, processes: int) -> str:
    """Return the report on genomes drawn from the dilution series, all tools on the same."""
    n, n_nulls = (2, 4) if quick else (10, 20)
    rows = []
    for share in (0.21, 0.5, 1.0):
        empty = genomes.dilution_names(share, n_nulls, planted=False)
        nulls = in_each_way(
            run_all(empty, genomes.drawn, names, processes, f"normal loci at {share}")
        )
        planted = genomes.dilution_names(share, n, planted=True)
        found = in_each_way(run_all(planted, genomes.drawn, names, processes, f"events at {share}"))
        tables = best(nulls, found)
        for name in _with_a_cut(nulls):
            row = {"share of DNA": share, "tool": name}
            for kind in genomes.KINDS:
                row[kind] = "-"
                if name in tables:
                    at = tables[name].set_index("kind").loc[kind]
                    row[kind] = f"{at['power']:.2f}"
            cut = as_it_calls(name, nulls)
            false = sum(len(scoring.kept(calls, cut)) for _, calls in nulls[name].values())
            row["false events"] = f"{false} in {len(empty)} genomes"
            rows.append(row)
    return scoring.markdown(rows)
