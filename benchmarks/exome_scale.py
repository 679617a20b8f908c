"""CPU time and memory of the jobs of an exome at the size of a human one.

    python benchmarks/exome_scale.py [--folder benchmarks/work/exome_scale] [--depths 6 25]
    python benchmarks/exome_scale.py --only make      # or measure, with the same folder

Chromosomes of a tenth of the human lengths (309 Mb of random sequence, bgzipped), 200,000 targets
of 200 bp on them (40 Mb), as many to a chromosome as kits have, in the first half of every Mb;
what lies between is cut in pieces of a tenth of the usual length, so that there are as many bins
off target as in a human genome. Exomes of pairs of 100 bp, two thirds of them on target, with a
SNP every 1,500 bp and an error in 1,000 bases. About 2 GB of BAM at 25x and .5 GB at 6x: memory
must not follow the file. A job is a process of its own on one thread; peak of resident memory
(VmHWM), CPU seconds with imports. The joint count is of four exomes (one file four times) on one
part of twenty. An exome is made chromosome by chromosome: what was interrupted goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import bench_paths
import numpy as np
import pandas as pd
import pysam
import scoring
import yaml

SHARE = 10  # of the lengths of chromosomes
STRETCH = 1_000_000
TARGETS, TARGET_BP, READ, SNP_STEP = 200_000, 200, 100, 1_500
LETTERS = np.frombuffer(b"ACGT", np.uint8)
NIBBLE = np.array([1, 2, 4, 8], np.uint8)
RECORD = np.dtype(
    [
        ("size", "<i4"), ("chrom", "<i4"), ("start", "<i4"), ("name_length", "u1"), ("mapq", "u1"),
        ("bin", "<u2"), ("n_cigar", "<u2"), ("flag", "<u2"), ("length", "<i4"),
        ("mate_chrom", "<i4"), ("mate", "<i4"), ("insert", "<i4"), ("name", "u1", 12),
        ("cigar", "<u4"), ("bases", "u1", READ // 2), ("quality", "u1", READ),
    ]
)  # fmt: skip
PARTS, PASSAGES = 20, 4


def main() -> int:
    """Make what is missing, measure every job, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=bench_paths.WORK / "exome_scale")
    parser.add_argument("--depths", type=int, nargs="+", default=[6, 25])
    parser.add_argument("--only", choices=("make", "measure"))
    parser.add_argument("--jobs", nargs="+", default=list(JOBS), choices=list(JOBS))
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(child(given.child[0], given.folder, int(given.child[1]))))
        return 0
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.only != "measure":
        make_reference(given.folder)
        for depth in given.depths:
            make_exome(given.folder, depth)
    if given.only != "make":
        print(scoring.markdown(list(measured(given.folder, given.jobs, given.depths))))
    return 0


def lengths() -> dict[str, int]:
    """Return the chromosomes of the reference and their lengths."""
    from linedrift import genome

    chroms = [*(f"chr{n}" for n in range(1, 23)), "chrX", "chrY"]
    # Whole lines of the FASTA, a hundred bases each.
    return {chrom: -(-genome.GRCH38.lengths[chrom] // SHARE // 100) * 100 for chrom in chroms}


def codes(chrom: str) -> np.ndarray:
    """Return the bases (codes) of a chromosome: the same in every call."""
    rng = np.random.default_rng([1, *chrom.encode()])
    return rng.integers(0, 4, lengths()[chrom], dtype=np.uint8)


def starts() -> dict[str, np.ndarray]:
    """Return where the targets of each chromosome begin: in the first half of every STRETCH."""
    whole = sum(lengths().values())
    rng = np.random.default_rng(2)
    found = {}
    for chrom, length in lengths().items():
        n = round(TARGETS * length / whole)
        step = length // 2 // (n + 1)
        at = step * np.arange(1, n + 1) + rng.integers(0, step - 2 * TARGET_BP, n)
        found[chrom] = at // (STRETCH // 2) * STRETCH + at % (STRETCH // 2)
    return found


def make_reference(folder: Path) -> None:
    """Write the FASTA with its index, and the BED of the targets."""
    path = folder / "genome.fa.gz"
    if path.exists() and Path(f"{path}.gzi").exists():
        return
    with pysam.BGZFile(str(path), "wb1") as file:
        for chrom, length in lengths().items():
            text = np.full((length // 100, 101), ord("\n"), np.uint8)
            text[:, :100] = LETTERS[codes(chrom)].reshape(-1, 100)
            file.write(f">{chrom}\n".encode() + text.tobytes())
    pysam.faidx(str(path))
    frames = [
        pd.DataFrame({"chrom": chrom, "start": at, "end": at + TARGET_BP})
        for chrom, at in starts().items()
    ]
    pd.concat(frames).to_csv(folder / "targets.bed", sep="\t", header=False, index=False)


def make_exome(folder: Path, depth: int) -> None:
    """Write a sorted BAM of one person and its index."""
    path = folder / f"{depth}x.bam"
    if not path.exists():
        parts = make_parts(folder, depth)
        beside = path.with_suffix(".part")
        # Files of BGZF one after the other are one.
        with beside.open("wb") as whole:
            for part in parts:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, whole, 1 << 24)
        beside.rename(path)
        for part in parts:
            part.unlink()
    if not Path(f"{path}.bai").exists():
        pysam.index(str(path))


def make_parts(folder: Path, depth: int) -> list[Path]:
    """Write a BAM's header and the reads of each chromosome, unless they are there."""
    with pysam.FastaFile(str(folder / "genome.fa.gz")) as fasta:
        known = list(zip(fasta.references, fasta.lengths, strict=True))
    head = pysam.AlignmentHeader.from_references(*zip(*known, strict=True))
    text = f"@HD\tVN:1.6\tSO:coordinate\n@RG\tID:a\tSM:S\n{head}".encode()
    begin = b"BAM\1" + len(text).to_bytes(4, "little") + text + len(known).to_bytes(4, "little")
    for chrom, length in known:
        begin += (len(chrom) + 1).to_bytes(4, "little") + chrom.encode() + b"\0"
        begin += length.to_bytes(4, "little")
    parts = []
    for place, (chrom, length) in enumerate(known):
        parts.append(folder / f"{depth}x.{chrom}")
        if parts[-1].exists():
            continue
        beside = folder / f"{depth}x.part"
        with pysam.BGZFile(str(beside), "wb1") as file:
            if place == 0:
                file.write(begin)
            for piece in records(place, chrom, length, depth) if chrom != "chrY" else ():
                file.write(piece.tobytes())
        beside.rename(parts[-1])
    return parts


def records(place: int, chrom: str, length: int, depth: int):
    """Yield the records of a chromosome in the order of their positions, some at a time."""
    rng = np.random.default_rng([3, place, depth])
    targets = starts()[chrom]
    # Half of the bases of a captured fragment lie on its target.
    n = int(depth * len(targets) * TARGET_BP / READ)
    insert = np.clip(rng.normal(220, 40, 2 * n), READ + 5, 400).astype(np.int64)
    first = np.concatenate([targets[rng.integers(0, len(targets), n)], np.zeros(n, np.int64)])
    first[:n] += rng.integers(-READ, TARGET_BP, n) - (insert[:n] - READ) // 2
    kept = np.concatenate([np.ones(n, bool), rng.random(n) < 0.5])  # a third is off target
    first[n:] = rng.integers(0, length - 500, n)
    insert, first = insert[kept], np.clip(first[kept], 0, length - 500)
    start = np.concatenate([first, first + insert - READ])
    mate = np.concatenate([start[len(first) :], start[: len(first)]])
    number = np.tile(np.arange(len(first)), 2)
    reverse = np.repeat([False, True], len(first))
    reference = codes(chrom)
    person = reference.copy()
    snps = np.arange(SNP_STEP // 2, length, SNP_STEP)
    person[snps] = (person[snps] + 1) % 4
    order = np.argsort(start, kind="stable")
    for begin in range(0, len(order), 200_000):
        rows = order[begin : begin + 200_000]
        of = np.where(rng.random(len(rows)) < 0.5, 0, 1)
        at = start[rows, None] + np.arange(READ)
        base = np.where(of[:, None] == 1, person[at], reference[at])
        wrong = rng.random(base.shape, dtype=np.float32) < 0.001
        base[wrong] = (base[wrong] + rng.integers(1, 4, int(wrong.sum()))) % 4
        yield packed(rng, place, (start[rows], mate[rows], insert[number[rows]]),
                     number[rows], reverse[rows], base)  # fmt: skip


def packed(rng, place: int, where: tuple, number, reverse, base) -> np.ndarray:
    """Return records as BAM holds them."""
    start, mate, insert = where
    found = np.zeros(len(start), RECORD)
    found["size"] = RECORD.itemsize - 4
    found["chrom"] = found["mate_chrom"] = place
    found["start"], found["mate"] = start, mate
    found["insert"] = np.where(reverse, -insert, insert)
    found["name_length"], found["mapq"], found["n_cigar"], found["length"] = 12, 60, 1, READ
    found["bin"] = bins(start, start + READ - 1)
    found["flag"] = np.where(reverse, 147, 99)
    found["name"][:, :3] = np.frombuffer(f"{place:03d}".encode(), np.uint8)
    found["name"][:, 3:11] = number[:, None] // 10 ** np.arange(7, -1, -1) % 10 + ord("0")
    found["cigar"] = READ << 4
    found["bases"] = NIBBLE[base[:, ::2]] << 4 | NIBBLE[base[:, 1::2]]
    found["quality"] = np.array([37, 37, 37, 37, 37, 37, 25, 11], np.uint8)[
        rng.integers(0, 8, (len(start), READ), dtype=np.uint8)
    ]
    return found


def bins(start: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return the bins of the index (SAM specification, section 5.3)."""
    found = np.zeros(len(start), np.int64)
    for shift in (26, 23, 20, 17, 14):
        offset = ((1 << (29 - shift)) - 1) // 7
        found = np.where(start >> shift == last >> shift, offset + (start >> shift), found)
    return found


def measured(folder: Path, jobs: list[str], depths: list[int]):
    """Yield a row of the table for each job and depth."""
    for job in jobs:
        for depth in depths[: 1 if job == "wes_bins" else None]:
            command = [sys.executable, __file__, "--folder", str(folder), "--child", job, depth]
            environment = os.environ | {"OMP_NUM_THREADS": "1"}
            out = subprocess.run(
                list(map(str, command)), check=True, capture_output=True, text=True, env=environment
            )
            done = json.loads(out.stdout.splitlines()[-1])
            size = (folder / f"{depth}x.bam").stat().st_size / 1e9
            yield {
                "job": job,
                "BAM (GB)": "" if job == "wes_bins" else f"{size:.2f}",
                "CPU seconds": f"{done['cpu']:.0f}",
                "memory (GB)": f"{done['memory']:.2f}",
                "what it said": done["said"],
            }


def child(name: str, folder: Path, depth: int) -> dict[str, object]:
    """Run one job as the workflow does; return CPU seconds, peak memory and its line of log."""
    said = JOBS[name](folder, depth)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    memory = int(status.partition("VmHWM:")[2].split()[0]) / 1e6
    return {"cpu": time.process_time(), "memory": memory, "said": said}


def job_of(folder: Path, depth: int, outputs: dict[str, str]) -> SimpleNamespace:
    """Return what a script is given."""
    config = yaml.safe_load((bench_paths.ROOT / "config" / "config.yaml").read_text("utf-8"))
    off_target = {"antitarget_bp": config["wes"]["antitarget_bp"] // SHARE}
    inputs = {
        "targets": str(folder / "targets.bed"),
        "reference": str(folder / "genome.fa.gz"),
        "alignment": str(folder / f"{depth}x.bam"),
        "panel": str(bench_paths.ROOT / "resources" / "identity_snps.bed"),
        "bins": str(folder / "bins.parquet"),
        "sites": str(folder / f"{depth}x.sites.parquet"),
        "mappability": [],
        "array": [],
    }
    return SimpleNamespace(
        input=SimpleNamespace(**inputs),
        output=SimpleNamespace(**{name: str(folder / path) for name, path in outputs.items()}),
        params=SimpleNamespace(settings=config["wes"] | off_target, variants=config["variants"]),
        wildcards=SimpleNamespace(sample=f"{depth}x"),
    )


def wes_bins(folder: Path, depth: int) -> str:
    """Cut the targets into bins."""
    import wes_bins as script

    return script.main(job_of(folder, depth, {"bins": "bins.parquet"}))


def find_sites(folder: Path, depth: int) -> str:
    """Find heterozygous SNPs."""
    import find_sites as script

    return script.main(job_of(folder, depth, {"sites": f"{depth}x.sites.parquet"}))


def read_wes(folder: Path, depth: int) -> str:
    """Read depth and alleles."""
    import read_wes as script

    names = {"signals": f"{depth}x.signals.parquet", "facts": f"{depth}x.facts.json"}
    return script.main(job_of(folder, depth, names))


def count_variants(folder: Path, depth: int) -> str:
    """Count the reads of every allele of four exomes on one part of the targets."""
    from linedrift import intervals, sequencing_tables, tables
    from linedrift.readers import candidates, pileup, targets

    job = job_of(folder, depth, {})
    settings = job.params.settings | job.params.variants
    wide = intervals.widened(targets.read(job.input.targets), settings["flank_bp"])
    part = candidates.part_of(wide, PARTS // 2, PARTS)
    files = []
    for n in range(PASSAGES):  # mpileup counts a path once
        path = folder / f"{depth}x.p{n}.bam"
        for end in ("", ".bai"):
            Path(f"{path}{end}").unlink(missing_ok=True)
            Path(f"{path}{end}").symlink_to(f"{depth}x.bam{end}")
        files.append(pileup.Alignment(f"L-p{n}", str(path), "own" if n else "baseline"))
    asked = pd.DataFrame({"chrom": [], "start": [], "ref": [], "alt": []})
    found = pileup.count(files, job.input.reference, part, asked, settings)
    base = folder / f"{depth}x"
    tables.write(found.counts, f"{base}.counts.parquet", sequencing_tables.VARIANT_COUNTS)
    tables.write(found.errors, f"{base}.errors.parquet", sequencing_tables.ERROR_COUNTS)
    return f"{found.positions:,} positions, {len(found.counts) // PASSAGES:,} candidates"


def call_variants(folder: Path, depth: int) -> str:
    """Call the variants of all parts, each as large as the one that was counted."""
    from linedrift import sequencing_tables, tables
    from linedrift.variants.allele_counts import Counts
    from linedrift.variants.error_model import error_model
    from linedrift.variants.variants import call_variants as call

    settings = job_of(folder, depth, {}).params.variants
    base = folder / f"{depth}x"
    one = tables.read(f"{base}.counts.parquet", sequencing_tables.VARIANT_COUNTS)
    frame = pd.concat(
        [one.assign(start=one["start"] + 10_000_000 * n) for n in range(PARTS)], ignore_index=True
    )
    roles = {f"L-p{n}": "own" if n else "baseline" for n in range(PASSAGES)}
    counts = Counts.from_frame(frame, roles, {name: n for n, name in enumerate(roles)})
    errors = tables.read(f"{base}.errors.parquet", sequencing_tables.ERROR_COUNTS)
    none = pd.DataFrame(columns=["id", "chrom", "start", "end", "ref", "alt", "scope", "disputed"])
    model = error_model(counts, settings, errors.assign(sites=errors["sites"] * PARTS))
    found = call(counts, model, settings, none.astype({"start": int, "end": int}), line="L")
    return f"{len(counts):,} candidates, {found.facts['inherited']:,} inherited"


JOBS = {
    "wes_bins": wes_bins,
    "find_sites": find_sites,
    "read_wes": read_wes,
    "count_variants": count_variants,
    "call_variants": call_variants,
}

if __name__ == "__main__":
    sys.exit(main())
