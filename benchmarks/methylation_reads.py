"""CPU time and memory from a coverage file of Bismark to CpGs, for a genome of 28 million.

    python benchmarks/methylation_reads.py [--cpgs 28000000] [--plain]

A simulated coverage file, packed as Bismark packs it: one row a CpG with reads, placed evenly on
all chromosomes. It is read in a process of its own, as the rule `read_cytosines` reads it without
a reference. CPU seconds of all threads, and the peak of memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench_paths
import methylation_arrays
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import scoring
from linedrift.genome import CHROMOSOMES, GRCH38

DEPTH, METHYLATED = 20, 0.8
# CpGs that are written at a time.
_BLOCK = 2_000_000


def main() -> int:
    """Measure the reading of one file, or (--child) read it in this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpgs", type=int, default=28_000_000)
    parser.add_argument("--plain", action="store_true", help="not packed")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(child(asked.child)))
        return 0
    bench_paths.WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=bench_paths.WORK) as folder:
        path = Path(folder) / ("all.cov" if asked.plain else "all.cov.gz")
        write(path, asked.cpgs)
        command = [sys.executable, __file__, "--child", str(path)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        row = {"file, MB": f"{path.stat().st_size / 1e6:.0f}"} | json.loads(done.stdout)
    print(scoring.markdown([row]))
    return 0


def child(path: str) -> dict[str, str]:
    """Return what reading took: CpGs, CPU seconds, seconds by the clock, GB."""
    import yaml
    from linedrift.readers import cytosines

    text = (bench_paths.ROOT / "config" / "config.yaml").read_text(encoding="utf-8")
    settings = yaml.safe_load(text)["methylation"]["sequencing"]
    began, clock = time.process_time(), time.perf_counter()
    found = cytosines.read(path, format="bismark_cov", settings=settings)
    return {
        "CpGs": f"{len(found.cytosines):,}",
        "start and imports, s": f"{began:.2f}",
        "file to CpGs, s": f"{time.process_time() - began:.1f}",
        "by the clock, s": f"{time.perf_counter() - clock:.1f}",
        "memory, GB": f"{methylation_arrays.peak_memory():.2f}",
    }


def write(path: Path, n: int) -> None:
    """Write a coverage file of `n` CpGs."""
    rng = np.random.default_rng(1)
    total = sum(GRCH38.lengths[chrom] for chrom in CHROMOSOMES)
    options = pa_csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
    with pa.output_stream(str(path)) as stream:
        for chrom in CHROMOSOMES:
            length = GRCH38.lengths[chrom]
            every = total / n
            places = (10_000 + every * np.arange(int((length - 20_000) / every))).astype(np.int64)
            for at in range(0, len(places), _BLOCK):
                pos = places[at : at + _BLOCK]
                reads = 1 + rng.poisson(DEPTH - 1, len(pos))
                methylated = rng.binomial(reads, METHYLATED)
                columns = [
                    pa.array([chrom]).take(pa.array(np.zeros(len(pos), np.int8))), pos, pos,
                    np.round(100 * methylated / reads, 6), methylated, reads - methylated,
                ]  # fmt: skip
                table = pa.table([pa.array(one) for one in columns], names=list("abcdef"))
                pa_csv.write_csv(table, stream, options)


if __name__ == "__main__":
    sys.exit(main())
