"""CPU time of depth and alleles of one exome, beside mosdepth on the same file.

    python benchmarks/depth.py [--depths 100 300 1000] [--repeats 3]

Simulated exomes of 450 targets. mosdepth (one thread, no file of every base) writes the mean depth
of the targets; linedrift tallies bins, the depth of every base of the targets and the reads of
each base at the SNPs, in one pass. Both leave out the same reads. Each run is a process of its own,
tools take turns, the smallest CPU time counts; imports and compiling, done once a run of the
workflow, are left out of linedrift's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench_paths
import numpy as np
import pandas as pd
import scoring
import yaml

REGIONS = (("chr17", 1_000_000, 60_000_000, 300), ("chrX", 3_000_000, 150_000_000, 150))
# SNPs that are asked, one in so many bases of the targets.
SNP_STEP = 50


def main() -> int:
    """Measure every depth, or (--child) linedrift on one file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depths", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(*options.child)))
        return 0
    if not shutil.which("mosdepth"):
        print("mosdepth is not installed, so nothing is compared (Debian: mosdepth, libhts-dev)")
        return 0
    bench_paths.WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=bench_paths.WORK) as name:
        rows = [measured(Path(name), depth, options.repeats) for depth in options.depths]
    print(scoring.markdown(rows))
    return 0


def simulated(folder: Path, depth: int) -> tuple[Path, Path]:
    """Write an exome of this depth and its targets; return both."""
    import genome_files
    import reduced_genome
    import simulate_exome as sim

    of = reduced_genome.make(np.random.default_rng(1), regions=REGIONS)
    bed, bam = folder / "targets.bed", folder / f"{depth}.bam"
    genome_files.write_targets(bed, of)
    who = sim.person(np.random.default_rng(2), of, "female")
    rng = np.random.default_rng([3, depth])
    sim.sequence(rng, of, who, bam, library=sim.Library(depth=depth), sample="S")
    return bam, bed


def measured(folder: Path, depth: int, repeats: int) -> dict[str, str]:
    """Return a row of the table."""
    bam, bed = simulated(folder, depth)
    ours = [sys.executable, __file__, "--child", str(bam), str(bed)]
    peer = ["mosdepth", "-n", "-t", "0", "-Q", str(_settings()["min_mapping_quality"])]
    peer += ["-b", str(bed), str(folder / "mosdepth"), str(bam)]
    said, cpu = [], []
    for _ in range(repeats):
        said.append(json.loads(subprocess.run(ours, check=True, capture_output=True).stdout))
        cpu.append(_cpu_of(peer))
    mean = pd.read_csv(folder / "mosdepth.regions.bed.gz", sep="\t", header=None)
    length = mean[2] - mean[1]
    best = min(one["cpu"] for one in said)
    return {
        "reads": f"{said[0]['reads']:,}",
        "mosdepth, CPU seconds": f"{min(cpu):.2f}",
        "linedrift, CPU seconds": f"{best:.2f}",
        "ratio": f"{best / min(cpu):.2f}",
        "depth by mosdepth": f"{(mean.iloc[:, -1] * length).sum() / length.sum():.2f}",
        "by linedrift": f"{said[0]['depth']:.2f}",
    }


def _cpu_of(command: list[str]) -> float:
    """Run a command; return its CPU seconds."""
    before = os.times()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    spent = after.children_user + after.children_system
    return spent - before.children_user - before.children_system


def _settings() -> dict:
    return yaml.safe_load((bench_paths.ROOT / "config" / "config.yaml").read_text("utf-8"))["wes"]


def child(bam: str, bed: str) -> dict[str, float]:
    """Return CPU seconds of one pass (the compiled code is there), reads and depth of targets."""
    from linedrift.readers import bam_records, reads, targets

    wanted = targets.read(bed)
    places = [
        pd.DataFrame({"chrom": row.chrom, "start": np.arange(row.start, row.end, SNP_STEP)})
        for row in wanted.itertuples()
    ]
    sites = pd.concat(places, ignore_index=True)
    asked = reads.asked(wanted, wanted, sites.assign(end=sites["start"] + 1))
    least = {key: _settings()[key] for key in ("min_mapping_quality", "min_base_quality")}
    began = time.process_time()
    tallies = reads.whole(bam, asked, reference="", **least)
    cpu = time.process_time() - began
    depth = np.concatenate([bam_records.depth_of(tallies[chrom], asked[chrom]) for chrom in asked])
    return {"cpu": cpu, "reads": reads.totals(tallies)["n_reads"], "depth": float(depth.mean())}


if __name__ == "__main__":
    sys.exit(main())
