"""CPU time and memory from an IDAT pair to betas, for arrays of every size.

    python benchmarks/methylation_arrays.py [--arrays 450k "EPIC v2"] [--repeats 3]

Simulated pairs with as many addresses as the array has, and a CSV manifest with as many probes,
whose rows are about as long as those of the vendor (EPIC v2: 660 bytes). Each run is a process of
its own: start, imports, manifest, pair. CPU seconds of all threads, and the peak of memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import bench_paths
import idat_files
import numpy as np
import pandas as pd
import scoring
from linedrift.genome import CHROMOSOMES, GRCH38

# Probes, those of Infinium I, and addresses of the chip beside those of probes and controls.
SIZES = {
    "27k": (27_578, 27_578, 0),
    "450k": (485_577, 135_501, 0),
    "EPIC v1": (865_918, 142_262, 42_000),
    "EPIC v2": (937_690, 128_295, 39_000),
}
BACKGROUND, BACKGROUND_SD = 400.0, 90.0


def main() -> int:
    """Measure every array, or (--child) one of them in this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arrays", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        print(json.dumps(child(*asked.child)))
        return 0
    bench_paths.WORK.mkdir(exist_ok=True)
    rows = []
    for name in asked.arrays:
        with tempfile.TemporaryDirectory(dir=bench_paths.WORK) as folder:
            rows.append(measured(name, Path(folder), asked.repeats))
    print(scoring.markdown(rows))
    return 0


def measured(name: str, folder: Path, repeats: int) -> dict[str, object]:
    """Return the row of one array: the least CPU time of several runs."""
    manifest, green = simulated(name, folder)
    runs = []
    for _ in range(repeats):
        command = [sys.executable, __file__, "--child", str(manifest), str(green)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        runs.append(json.loads(done.stdout))
    least = {key: min(run[key] for run in runs) for key in runs[0]}
    size = {"array": name, "addresses": f"{least.pop('addresses'):,}"}
    size["manifest, MB"] = f"{manifest.stat().st_size / 1e6:.0f}"
    return size | {key: f"{value:.2f}" for key, value in least.items()}


def child(manifest: str, green: str) -> dict[str, float]:
    """Return CPU seconds of the steps, and the peak of resident memory in GB."""
    import time

    import yaml
    from linedrift.readers import methylation_arrays, methylation_manifests

    text = (bench_paths.ROOT / "config" / "config.yaml").read_text(encoding="utf-8")
    settings = yaml.safe_load(text)["methylation"]["arrays"]
    marks = [time.process_time()]
    known = methylation_manifests.read(manifest)
    marks.append(time.process_time())
    found = methylation_arrays.read(green, format="idat", manifest=known, settings=settings)
    marks.append(time.process_time())
    return {
        "addresses": found.facts["n_addresses"],
        "start and imports, s": marks[0],
        "manifest, s": marks[1] - marks[0],
        "pair to betas, s": marks[2] - marks[1],
        "memory, GB": peak_memory(),
    }


def peak_memory() -> float:
    """Return the peak of resident memory of this process in GB.

    Linux counts in `ru_maxrss` what the process was before it became this program: its parent.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1e6


def simulated(name: str, folder: Path) -> tuple[Path, Path]:
    """Write manifest and pair of an array; returns the paths of the manifest and of green."""
    rng = np.random.default_rng(1)
    n, n_first, n_more = SIZES[name]
    first = np.zeros(n, dtype=bool)
    first[rng.choice(n, n_first, replace=False)] = True
    red = first & (rng.random(n) < 0.66)
    address = 10_000_000 + rng.permutation(n + n_first + n_more)
    controls = idat_files.controls_of(1_000_000)
    rows = manifest_rows(rng, first, red, address)
    manifest = idat_files.write_manifest(folder / "manifest.csv", rows, controls)
    lit = light(rng, first, red)
    lit = np.concatenate([lit, np.zeros((n_more, 2))])
    lit += rng.normal(BACKGROUND, BACKGROUND_SD, lit.shape)
    values = pd.DataFrame(np.clip(lit, 0, 65_535).astype("int64"), columns=["green", "red"])
    values = values.assign(address=address, beads=np.clip(rng.poisson(12, len(values)), 0, 255))
    values = pd.concat([values, idat_files.control_values(controls)]).sort_values("address")
    return manifest, idat_files.write_pair(folder, "200000000001_R01C01", values)[0]


def light(rng: np.random.Generator, first: np.ndarray, red: np.ndarray) -> np.ndarray:
    """Return green and red light of the first addresses, then of the second ones, (n + n1, 2)."""
    n = len(first)
    beta = np.where(rng.random(n) < 0.45, rng.beta(1, 15, n), rng.beta(15, 2, n))
    total = rng.lognormal(8.7, 0.6, n)
    methylated, unmethylated = total * beta, total * (1 - beta)
    green = np.where(red, 0, np.where(first, unmethylated, methylated))
    of_a = np.column_stack([green, np.where(first & ~red, 0, unmethylated)])
    of_b = np.column_stack([np.where(red, 0, methylated), np.where(red, methylated, 0)])[first]
    return np.concatenate([of_a, of_b])


def manifest_rows(
    rng: np.random.Generator, first: np.ndarray, red: np.ndarray, address: np.ndarray
) -> pd.DataFrame:
    """Return the rows of a manifest, annotation included, in the columns of EPIC v2."""
    n = len(first)
    second = np.full(n, "", dtype=object)
    second[first] = [f"{one:010d}" for one in address[n : n + int(first.sum())]]
    chrom = rng.integers(0, len(CHROMOSOMES), n)
    lengths = np.array([GRCH38.lengths[name] for name in CHROMOSOMES])
    names = np.array([f"cg{one:08d}" for one in range(n)])
    bases = "".join(rng.choice(list("ACGT"), 122))
    return pd.DataFrame(
        {
            "IlmnID": names + np.where(first, "_BC11", "_TC21"),
            "Name": names,
            "AddressA_ID": [f"{one:010d}" for one in address[:n]],
            "AlleleA_ProbeSeq": bases[:50],
            "AddressB_ID": second,
            "AlleleB_ProbeSeq": np.where(first, bases[:50], ""),
            "Next_Base": np.where(red, rng.choice(["A", "T"], n), np.where(first, "C", "")),
            "Color_Channel": np.where(red, "Red", np.where(first, "Grn", "")),
            "Infinium_Design_Type": np.where(first, "I", "II"),
            "CHR": np.array(CHROMOSOMES)[chrom],
            "MAPINFO": (rng.random(n) * lengths[chrom]).astype(int) + 1,
            "Genome_Build": "GRCh38",
            "Forward_Sequence": f"{bases[:60]}[CG]{bases[60:]}",
            "Top_Sequence": bases,
            "Source_Seq": bases[:50],
            "UCSC_RefGene_Name": "GENE1;GENE1;GENE1",
            "UCSC_RefGene_Group": "TSS200;5UTR;1stExon",
            "GencodeV41_Group": "exon_1;ENST00000000000.1;5UTR" * 3,
            "Methyl450_Enhancer": "",
        }
    )


if __name__ == "__main__":
    sys.exit(main())
