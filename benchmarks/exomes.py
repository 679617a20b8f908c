"""Measure the calling of variants in simulated exomes beside freebayes and bcftools; print tables.

    python benchmarks/exomes.py [--depths 50 100 200] [--genomes 2] [--targets 300] [--no-peers]
    python benchmarks/exomes.py --depths 100 --genomes 1 --first 1 --passages 3   # a piece of it
    python benchmarks/exomes.py --rows one.tsv two.tsv                 # pieces as one table

A genome is a donor and three passages of a line. Variants are planted one a target, each in the
same share of cells at all passages; a third of the targets carry none. The first passage alone is
the question with one passage. Rules of scoring: benchmarks/README.md. The report is printed and
written to benchmarks/work/exomes.md, its rows to exomes.tsv beside it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import bench_paths
import exome_tools
import genome_files
import numpy as np
import pandas as pd
import reduced_genome
import simulate_exome
from flat_sequence import BASES, letters
from reduced_genome import Genome
from simulate_exome import Library, Variant

DEPTHS = (50, 100, 200)
# Shares of cells; heterozygous, so that half of it are alleles.
CELLS = (0.05, 0.10, 0.20, 0.40, 1.0)
PASSAGES = (1, 3)
# What a call may be cut on.
RANKS = ["score", "reads"]
# Of ten variants seven are SNVs, one is an MNV and two are indels of one to six bases.
KINDS = ("snv",) * 7 + ("mnv", "deletion", "insertion")


@dataclass(frozen=True)
class Line:
    """Files of a donor and the passages of a line, and what is planted."""

    reference: Path
    targets: pd.DataFrame
    donor: Path
    passages: tuple[Path, ...]
    truth: pd.DataFrame


def plant(rng: np.random.Generator, of: Genome) -> list[Variant]:
    """Return variants, one in each of two targets of three, in the shares of CELLS in turn."""
    known = of.sites["flat"].to_numpy()
    found: list[Variant] = []
    for row in of.targets.sample(frac=2 / 3, random_state=rng).itertuples():
        kind = KINDS[len(found) // len(CELLS) % len(KINDS)]
        for at in rng.permutation(np.arange(20, row.end - row.start - 30)):
            flat = row.flat + int(at)
            if np.abs(known - flat).min() > 8 and (alleles := _alleles(rng, of, flat, kind)):
                cells = CELLS[len(found) % len(CELLS)]
                place = str(row.chrom), int(row.start + at), *alleles
                found.append(Variant(*place, int(rng.integers(2)), cells, kind))
                break
    return found


def _alleles(rng: np.random.Generator, of: Genome, flat: int, kind: str) -> tuple[str, str] | None:
    """Return ref and alt of a kind at a place; None where an indel would not be left-aligned."""
    n = int(rng.integers(1, 7))
    if kind == "insertion":
        ref, new = letters(of.codes[flat : flat + 1]), letters(rng.integers(0, 4, n))
        return (ref, ref + new) if new[-1] != ref else None
    if kind == "deletion":
        ref = letters(of.codes[flat : flat + 1 + n])
        return (ref, ref[0]) if ref[-1] != ref[0] else None
    ref = letters(of.codes[flat : flat + 1 + (kind == "mnv")])
    return ref, "".join(rng.choice([b for b in BASES if b != base]) for base in ref)


def simulate(folder: Path, rng: np.random.Generator, depth: float, n_targets: int) -> Line:
    """Write a donor and three passages of a line."""
    regions = (
        ("chr17", 300_000, 83_000_000, n_targets // 2),
        ("chr20", 30_100_000, 64_200_000, n_targets // 2),
    )
    of = reduced_genome.make(rng, regions=regions)
    reference = folder / "genome.fa.gz"
    genome_files.write_sequence(reference, of)
    who = simulate_exome.person(rng, of, "female")
    variants = plant(rng, of)
    paths = []
    for number in range(1 + max(PASSAGES)):
        # Libraries differ in what spoils them.
        library = Library(
            depth,
            gc_slope=rng.normal(0, 0.4),
            errors=rng.lognormal(0, 0.2),
            slips=rng.lognormal(0, 0.4),
        )
        path = folder / (f"line-p{number}.bam" if number else "donor.bam")
        planted = variants if number else ()
        paths.append(
            simulate_exome.sequence(
                rng, of, who, path, sample=path.stem, library=library, variants=planted
            )
        )
    truth = pd.DataFrame(
        [(v.chrom, v.start, v.ref, v.alt, v.name, v.cell_fraction) for v in variants],
        columns=["chrom", "start", "ref", "alt", "kind", "cells"],
    )
    targets = of.targets[["chrom", "start", "end"]]
    return Line(reference, targets, paths[0], tuple(paths[1:]), truth)


def score(truth: pd.DataFrame, calls: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return which planted variants were found, and which calls are planted (bool each).

    A call is of a planted variant where the bases that both change touch; places of an indel may
    differ by three. So an MNV counts as found by either of its bases.
    """
    hit, true = np.zeros(len(truth), bool), np.zeros(len(calls), bool)
    slack = np.where(truth["ref"].str.len() == truth["alt"].str.len(), 0, 3)
    first, last = truth["start"] - slack, truth["start"] + truth["ref"].str.len() + slack
    for i, call in enumerate(calls.itertuples()):
        same = (truth["chrom"] == call.chrom) & (call.start < last)
        same &= call.start + len(call.ref) > first
        hit |= same.to_numpy()
        true[i] = same.any()
    return pd.Series(hit), pd.Series(true)


def measure(
    depths: Sequence[int],
    genomes: Sequence[int],
    passages: Sequence[int],
    n_targets: int,
    peers: bool,
) -> pd.DataFrame:
    """Return planted variants and false calls by depth, genome, number of passages and tool."""
    rows = []
    for depth in depths:
        for number in genomes:
            rng = np.random.default_rng([depth, number])
            with tempfile.TemporaryDirectory(dir=bench_paths.WORK) as folder:
                line = simulate(Path(folder), rng, depth, n_targets)
                for n in passages:
                    for tool, call in exome_tools.tools(peers).items():
                        began = time.monotonic()
                        calls = call(line.reference, line.targets, line.donor, line.passages[:n])
                        took = time.monotonic() - began
                        print(f"{depth}x, genome {number}, {n} passages: {tool}, {took:.0f} s")
                        key = {"depth": depth, "genome": number, "passages": n, "tool": tool}
                        rows.append(_scored(line, calls).assign(**key, seconds=took))
    return pd.concat(rows, ignore_index=True)


def _scored(line: Line, calls: pd.DataFrame) -> pd.DataFrame:
    """Return every planted variant with its best score and reads (NaN: not called), false calls."""
    best = np.full((len(line.truth), len(RANKS)), np.nan)
    false = []
    for call in calls.itertuples():
        hit, true = score(line.truth, calls.loc[[call.Index]])
        ranks = [getattr(call, name) for name in RANKS]
        best[hit.to_numpy()] = np.fmax(best[hit.to_numpy()], ranks)
        if not true.any():
            false.append(ranks)
    found = pd.concat([line.truth[["kind", "cells"]], pd.DataFrame(best, columns=RANKS)], axis=1)
    wrong = pd.DataFrame(false, columns=RANKS, dtype=float).assign(kind="false", cells=np.nan)
    length = (line.targets["end"] - line.targets["start"] + 2 * exome_tools.FLANK).sum()
    return pd.concat([found, wrong], ignore_index=True).assign(bases=length)


def best_cut(rows: pd.DataFrame, allowed: int) -> tuple[str, float]:
    """Return what to cut on, and where, to find most with no more than `allowed` false calls."""
    planted, wrong = rows[rows["kind"] != "false"], rows[rows["kind"] == "false"]
    cuts = {}
    for name in RANKS:
        ranked = wrong[name].sort_values(ascending=False)
        cuts[name] = float(np.nextafter(ranked.iloc[allowed], 1e9)) if len(ranked) > allowed else 0
    best = max(RANKS, key=lambda name: (planted[name] >= cuts[name]).sum())
    return best, cuts[best]


def table(rows: pd.DataFrame) -> str:
    """Return recall by share of alleles, false calls and precision of each tool, as Markdown.

    Each row of a peer has its best cut-off on quality or on reads of the allele, with no more
    false calls than linedrift has, or one in 10 Mb: none, in as little as is simulated.
    """
    alleles = [f"{50 * c:g} %" for c in CELLS]
    head = ["depth", "passages", "tool", *alleles, "false", "Mb", "precision", "cut-off", "s"]
    out = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for (depth, n), own in rows.groupby(["depth", "passages"]):
        mb = own.drop_duplicates(["genome"])["bases"].sum() / 1e6
        ours = own[(own["tool"] == exome_tools.NAME) & (own["kind"] == "false")]
        allowed = max(len(ours), int(mb / 10))
        for tool, of_tool in own.groupby("tool", sort=False):
            name, cut = "score", 0.0
            if tool != exome_tools.NAME:
                name, cut = best_cut(of_tool, allowed)
            called = of_tool[of_tool[name] >= cut]
            planted = of_tool[of_tool["kind"] != "false"]
            recall = [
                f"{(planted.loc[planted['cells'] == c, name] >= cut).mean():.2f}" for c in CELLS
            ]
            n_false = int((called["kind"] == "false").sum())
            precision = f"{1 - n_false / max(len(called), 1):.3f}"
            seconds = of_tool.drop_duplicates("genome")["seconds"].mean()
            cells = [f"{depth}x", n, tool, *recall, n_false, f"{mb:.2f}", precision]
            cells += [f"{name} {cut:.0f}" if cut else "", f"{seconds:.0f}"]
            out.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(out)


def main() -> int:
    """Simulate, call, score, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depths", nargs="+", type=int, default=DEPTHS)
    parser.add_argument("--genomes", type=int, default=2)
    parser.add_argument("--first", type=int, default=0, help="number of the first genome")
    parser.add_argument("--passages", nargs="+", type=int, choices=PASSAGES, default=PASSAGES)
    parser.add_argument("--rows", nargs="+", help="rows of earlier pieces; nothing is simulated")
    parser.add_argument("--targets", type=int, default=300)
    parser.add_argument("--no-peers", action="store_true", help="linedrift alone")
    options = parser.parse_args()
    bench_paths.WORK.mkdir(parents=True, exist_ok=True)
    if options.rows:
        rows = pd.concat([pd.read_csv(path, sep="\t") for path in options.rows])
    else:
        genomes = range(options.first, options.first + options.genomes)
        of = options.passages, options.targets, not options.no_peers
        rows = measure(options.depths, genomes, *of)
    rows.to_csv(bench_paths.WORK / "exomes.tsv", sep="\t", index=False)
    text = "Recall by share of alleles\n\n" + table(rows) + "\n"
    (bench_paths.WORK / "exomes.md").write_text(text, encoding="utf-8")
    print("\n" + text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
