"""CPU time and memory of the counts of alleles, beside `bcftools mpileup` on the same reads.

    python benchmarks/pileup.py [--repeats 3]

Simulated exomes of one person at 30x, 100x and 300x, one and four samples, and the real pair of
hydra_chr1_negative where it is there. bcftools writes VCF with AD, ADF and ADR (the same build,
inside pysam; same filters); linedrift goes from alignments to VARIANT_COUNTS and ERROR_COUNTS.
Each pair of runs is one process after the other, tools take turns, and the median of the ratios
counts, so that other programs on the machine slow both alike. Start-up (imports, and loading the
compiled code, which every job does once) is told apart.
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
import numpy as np
import pandas as pd
import scoring
import yaml

FLANK = 50
REGIONS = (("chr17", 1_000_000, 60_000_000, 300), ("chrX", 3_000_000, 150_000_000, 150))


def main() -> int:
    """Measure every set of alignments, or (--child) one tool on one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(child(*asked.child)))
        return 0
    bench_paths.WORK.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=bench_paths.WORK) as name:
        rows = [
            measured(*one, asked.repeats) for one in [*simulated(Path(name)), *real(Path(name))]
        ]
    print(scoring.markdown(rows))
    return 0


def simulated(folder: Path):
    """Yield name, reference, regions and alignments of simulated exomes."""
    import genome_files
    import reduced_genome
    import simulate_exome as sim
    from linedrift import intervals
    from linedrift.readers import targets

    of = reduced_genome.make(np.random.default_rng(1), regions=REGIONS)
    reference, bed, wide = (folder / name for name in ("genome.fa.gz", "t.bed", "wide.bed"))
    genome_files.write_sequence(reference, of)
    genome_files.write_targets(bed, of)
    regions = intervals.widened(targets.read(bed), FLANK)
    regions.to_csv(wide, sep="\t", header=False, index=False)
    who = sim.person(np.random.default_rng(2), of, "female")
    for depth, n in ((30, 1), (100, 1), (100, 4), (300, 4)):
        paths = [folder / f"{depth}.{n}.{place}.bam" for place in range(n)]
        for place, path in enumerate(paths):
            rng = np.random.default_rng([depth, place])
            sim.sequence(rng, of, who, path, library=sim.Library(depth=depth), sample="S")
        yield f"simulated, {depth}x, {n} sample{'s' * (n > 1)}", reference, wide, paths


def real(folder: Path):
    """Yield the same of a real pair, where it is."""
    source = bench_paths.real_data() / "wes" / "hydra_chr1_negative"
    if source.is_dir():
        bed = folder / "hydra.bed"
        bed.write_text("chr1\t0\t2461624\n", encoding="ascii")
        paths = sorted((source / "alignment" / "samtools_merge_bam").glob("*.bam"))
        yield "hydra_chr1_negative, 2 samples", source / "reference" / "HES45.fna.gz", bed, paths


def measured(name, reference, regions, paths, repeats: int) -> dict[str, str]:
    """Return a row of the table."""
    runs: dict[str, list[dict]] = {"bcftools": [], "linedrift": []}
    for _ in range(repeats):
        for tool, done in runs.items():
            command = [sys.executable, __file__, "--child", tool, reference, regions, *paths]
            out = subprocess.run(
                list(map(str, command)), check=True, capture_output=True, text=True
            )
            done.append(json.loads(out.stdout))
    cpu = {tool: np.array([one["cpu"] for one in done]) for tool, done in runs.items()}
    ratios = cpu["linedrift"] / cpu["bcftools"]
    ours = runs["linedrift"]
    return {
        "reads": name,
        "positions": f"{ours[0]['positions']:,}",
        "bcftools, CPU seconds": f"{np.median(cpu['bcftools']):.1f}",
        "linedrift, CPU seconds": f"{np.median(cpu['linedrift']):.1f}",
        "ratio": f"{np.median(ratios):.2f} ({ratios.min():.2f}-{ratios.max():.2f})",
        "linedrift, start-up (CPU seconds)": f"{np.median([one['start'] for one in ours]):.1f}",
        "linedrift, memory (GB)": f"{max(one['memory'] for one in ours):.2f}",
    }


def child(tool: str, reference: str, bed: str, *paths: str) -> dict[str, float]:
    """Return CPU seconds, those of start-up apart, memory in GB and positions of one run."""
    import pysam.bcftools
    from linedrift.readers import pileup

    config = yaml.safe_load((bench_paths.ROOT / "config" / "config.yaml").read_text("utf-8"))
    settings = config["variants"] | config["wes"]
    regions = pd.read_csv(bed, sep="\t", names=["chrom", "start", "end"])
    none = pd.DataFrame({"chrom": [], "start": [], "ref": [], "alt": []})
    roles = ["baseline", *["own"] * len(paths)] if len(paths) > 1 else ["own"]
    files = [
        pileup.Alignment(f"L-p{place}", path, roles[place]) for place, path in enumerate(paths)
    ]
    if tool == "linedrift":  # a hundred positions load all that a job loads
        few = regions.head(1).assign(end=regions["start"] + 100)
        pileup.count(files[:1], reference, few, none, settings)
    began, positions = time.process_time(), 0
    if tool == "bcftools":
        with tempfile.TemporaryDirectory(dir=bench_paths.WORK) as folder:
            filters = ["-q", "20", "-Q", "20", "-d", str(settings["max_depth"])]
            output = ["-a", "AD,ADF,ADR", "-Ov", "-o", f"{folder}/all.vcf"]
            pysam.bcftools.mpileup(
                "-f", reference, "-R", bed, *filters, *output, *paths, catch_stdout=False
            )
    else:
        positions = pileup.count(files, reference, regions, none, settings).positions
    return {
        "cpu": time.process_time() - began,
        "start": began,
        "memory": _peak(),
        "positions": positions,
    }


def _peak() -> float:
    """Return the peak memory of this process in GB; getrusage would add that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e6


if __name__ == "__main__":
    sys.exit(main())
