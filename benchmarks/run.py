"""Measure detection, speed and memory of linedrift beside its peers; print the tables.

    python benchmarks/run.py [--quick] [--only grid crossing real speed] [--genomes 18 18 18]
                             [--processes 2] [--no-peers]

What was called is kept in benchmarks/work until the simulator, a tool or its settings change. The
report is printed and written to benchmarks/work/report.md.
"""

from __future__ import annotations

import argparse
import platform
from datetime import date

import bcftools_cnv
import bench_paths
import crossing
import detection
import dna_copy
import engine
import genomes
import numpy as np
import pandas as pd
import tools

PARTS = ("grid", "crossing", "real", "speed")


def versions(names: list[str]) -> str:
    """Return date and versions, nothing of the machine."""
    found = [f"linedrift {engine.version()}", f"Python {platform.python_version()}"]
    found += [f"numpy {np.__version__}", f"pandas {pd.__version__}"]
    if any(name in bcftools_cnv.VARIANTS for name in names):
        found.append(bcftools_cnv.version())
    if dna_copy.NAME in names:
        found.append(dna_copy.version())
    return f"{date.today().isoformat()}; {', '.join(found)}"


def depths(names: list[str], asked: list[int]) -> dict[str, int]:
    """Return the number of simulated genomes of each cell fraction by the name of the tool."""
    own, bcftools, dnacopy = asked
    of = {engine.NAME: own, dna_copy.NAME: dnacopy}
    return {name: of.get(name, bcftools) for name in names}


def main() -> int:
    """Run the parts that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="a few genomes of each kind, no crossing"
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--genomes",
        nargs=3,
        type=int,
        default=[genomes.GENOMES_PER_FRACTION] * 3,
        metavar=("LINEDRIFT", "BCFTOOLS", "DNACOPY"),
        help="simulated genomes of each cell fraction that a tool sees, up to 18",
    )
    parser.add_argument("--no-peers", action="store_true", help="linedrift alone")
    options = parser.parse_args()
    bench_paths.WORK.mkdir(parents=True, exist_ok=True)
    names = [engine.NAME, *([] if options.no_peers else tools.peers())]
    depth = dict.fromkeys(names, 2) if options.quick else depths(names, options.genomes)
    parts = [f"# Benchmarks, {versions(names)}"]
    if "speed" in options.only:
        # First, while nothing else runs.
        import speed

        parts += ["## Speed and memory", speed.report(names)]
    if "grid" in options.only:
        parts += ["## Simulated grid", detection.grid(depth, options.processes)]
    if "crossing" in options.only and not options.quick:
        if bcftools_cnv.is_here():
            parts += ["## Where power reaches .8", crossing.report(options.processes)]
        else:
            print(bcftools_cnv.MISSING)
    if "real" in options.only:
        parts.append("## Real noise")
        if (bench_paths.real_data() / "snp_array" / "dilution_crl2324").is_dir():
            parts.append(detection.real_noise(names, options.quick, options.processes))
        else:
            parts.append("Skipped: the dilution series is not here; see LINEDRIFT_REAL_DATA.")
    text = "\n\n".join(parts) + "\n"
    (bench_paths.WORK / "report.md").write_text(text, encoding="utf-8")
    print("\n" + text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
