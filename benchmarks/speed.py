"""CPU time and peak memory of one pair of 650,000 markers, from files to calls, for each tool."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import array_files
import bcftools_cnv
import bench_paths
import dna_copy
import engine
import genomes
import scoring

REPEATS = 3
START_UP = ("interpreter", "imports", "compiled code")


def report(names: Sequence[str]) -> str:
    """Return the tables of speed and memory as Markdown."""
    with tempfile.TemporaryDirectory(dir=bench_paths.WORK) as name:
        return _report(names, Path(name))


def _report(names: Sequence[str], folder: Path) -> str:
    pair = genomes.speed_pair()
    paths = [folder / "donor.txt", folder / "line.txt"]
    for path, signals in zip(paths, (pair.donor, pair.line), strict=True):
        array_files.final_report(path, {path.stem: signals})
    own, first = _own(paths, folder)
    memory = _median([one["gigabytes"] for one in own])
    rows = [_row(engine.NAME, _median([_work(one) for one in own]), memory)]
    if any(name in bcftools_cnv.VARIANTS for name in names):
        bcftools_cnv.write_vcf(folder / "pair.vcf", pair.donor, pair.line)
        bcf = folder / "pair.bcf"
        view = ["bcftools", "view", "-Ob", "-o", str(bcf), str(folder / "pair.vcf")]
        subprocess.run(view, check=True, capture_output=True)
        for label, path in (("VCF", folder / "pair.vcf"), ("BCF", bcf)):
            run = [
                _measured(bcftools_cnv.command(path, folder / "cnv", ())) for _ in range(REPEATS)
            ]
            rows.append(_row(f"bcftools cnv -c, {label}", _median([r[0] for r in run]), run[0][1]))
    if dna_copy.NAME in names:
        dna_copy.write_ratios(folder / "ratios.tsv", pair.donor, pair.line)
        command = dna_copy.command(folder / "ratios.tsv", folder / "segments.tsv")
        _, memory, output = _measured(command)
        _, work = map(float, output.split())
        rows.append(_row(dna_copy.NAME, work, memory))
    return _tables(rows, own, first, len(pair.line))


def _tables(rows: list[dict], own: list[Mapping], first: Mapping, n: int) -> str:
    """Return the tables of all tools, and of linedrift's steps."""
    for row in rows:
        row["of linedrift's"] = f"{row['CPU seconds'] / rows[0]['CPU seconds']:.2f}"
    for row in rows:
        row["CPU seconds"] = f"{row['CPU seconds']:.1f}"
    steps = [
        {
            "step": step + (" (start-up)" if step in START_UP else ""),
            "CPU seconds": f"{_median([one['steps'][step] for one in own]):.2f}",
            "first run, nothing compiled": f"{first['steps'][step]:.2f}",
        }
        for step in own[0]["steps"]
    ]
    text = f"{n:,} markers, median of {REPEATS} runs (DNAcopy: one), start-up of interpreters "
    text += "apart.\n\n"
    return text + scoring.markdown(rows) + "\n\n" + scoring.markdown(steps)


def _own(paths: Sequence[Path], folder: Path) -> tuple[list[dict], dict]:
    """Return what linedrift's process says of itself: with compiled code kept, and without.

    Its steps and, as `gigabytes`, the peak of its memory.
    """
    command = [sys.executable, str(bench_paths.HERE / "speed_child.py"), *map(str, paths)]
    cold = {"NUMBA_CACHE_DIR": str(folder / "numba")}
    runs = []
    for _ in range(1 + REPEATS):
        _, gigabytes, output = _measured(command, cold)
        runs.append(json.loads(output) | {"gigabytes": gigabytes})
    return runs[1:], runs[0]


def _work(one: Mapping) -> float:
    return sum(seconds for step, seconds in one["steps"].items() if step not in START_UP)


def _row(name: str, seconds: float, gigabytes: float) -> dict:
    return {"tool": name, "CPU seconds": seconds, "peak memory, GB": f"{gigabytes:.2f}"}


def _median(values: Sequence[float]) -> float:
    return float(statistics.median(values))


def _measured(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[float, float, str]:
    """Return CPU seconds, peak memory (GB) and output of a command."""
    launch = [sys.executable, "-S", str(bench_paths.HERE / "launch.py"), *command]
    run = subprocess.run(
        launch,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | dict(environment or {}),
        check=True,
    )
    output, _, figures = run.stdout.rstrip("\n").rpartition("\n")
    took = json.loads(figures)
    return took["seconds"], took["gigabytes"], output
