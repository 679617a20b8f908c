"""Variants of a line by linedrift, freebayes and bcftools call, with quality and reads.

Every tool sees the donor and the passages at once. What the peers call is read kindly: a line has
a variant where a passage has at least two reads of it and the donor at most one in fifty.
"""

from __future__ import annotations

import gzip
import multiprocessing
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import bench_paths
import pandas as pd
import yaml

NAME = "linedrift"
COLUMNS = ["chrom", "start", "ref", "alt", "score", "reads"]
# Positions beside targets that are searched.
FLANK = 50
DONOR_SHARE = 0.02
# Phred of a good base.
READ_QUALITY = 37.0
Caller = Callable[[Path, pd.DataFrame, Path, Sequence[Path]], pd.DataFrame]


def tools(peers: bool) -> Mapping[str, Caller]:
    """Return the tools that are here, by name; print which are not."""
    found: dict[str, Caller] = {NAME: linedrift}
    if peers:
        for name, call in (("freebayes", freebayes), ("bcftools", bcftools_call)):
            if shutil.which(name):
                found[TITLES[name]] = call
            else:
                print(f"{name} is not installed, so it is skipped (Debian: {name})")
    return found


TITLES = {"freebayes": "freebayes --pooled-continuous", "bcftools": "bcftools call -m"}


def linedrift(
    reference: Path, targets: pd.DataFrame, donor: Path, passages: Sequence[Path]
) -> pd.DataFrame:
    """Return what linedrift calls acquired or expanded, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_linedrift, reference, targets, donor, list(passages)).result()


def _linedrift(
    reference: Path, targets: pd.DataFrame, donor: Path, passages: Sequence[Path]
) -> pd.DataFrame:
    from linedrift import intervals
    from linedrift.readers import candidates, pileup
    from linedrift.variants import variants
    from linedrift.variants.allele_counts import Counts
    from linedrift.variants.error_model import error_model

    config = yaml.safe_load((bench_paths.ROOT / "config" / "config.yaml").read_text())
    settings = config["variants"] | {
        name: config["wes"][name] for name in ("min_base_quality", "min_mapping_quality")
    }
    path = bench_paths.ROOT / "resources" / "snv_hotspots.tsv"
    hotspots = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    hotspots = hotspots.astype({"start": int, "end": int})
    roles = {donor.stem: "baseline"} | {path.stem: "own" for path in passages}
    files = [pileup.Alignment(p.stem, str(p), roles[p.stem]) for p in (donor, *passages)]
    regions = intervals.merge(intervals.widened(targets, FLANK))
    # No hotspot is asked: variants are found by themselves, without a better prior.
    found = pileup.count(files, reference, regions, hotspots.iloc[:0], settings)
    numbers = {path.stem: number for number, path in enumerate((donor, *passages))}
    counts = Counts.from_frame(found.counts, roles, numbers, donor=True)
    model = error_model(counts, settings, candidates.summed_errors([found.errors]))
    # The rate is not learned from the line: so many variants as are planted no line has.
    calls = variants.call_variants(counts, model, settings, hotspots, line="line").variants
    kept = calls[calls["origin"].isin(["acquired", "expanded"])]
    return kept.assign(chrom=kept["chrom"].astype(str), score=kept["quality"], reads=0.0)[COLUMNS]


def freebayes(
    reference: Path, targets: pd.DataFrame, donor: Path, passages: Sequence[Path]
) -> pd.DataFrame:
    """Return what freebayes calls, continuous: alleles of 1 % of the reads and two of them."""
    plain = reference.with_suffix("")
    if not plain.exists():  # it reads no compressed FASTA
        with gzip.open(reference) as packed, plain.open("wb") as file:
            shutil.copyfileobj(packed, file)
    command = ["freebayes", "-f", str(plain), "-t", str(_bed(reference.parent, targets))]
    command += ["--pooled-continuous", "-F", "0.01", "-C", "2", "-m", "20", "-q", "20"]
    text = subprocess.run(
        [*command, *map(str, (donor, *passages))], check=True, capture_output=True
    ).stdout
    return _read(text, reference, donor.stem)


def bcftools_call(
    reference: Path, targets: pd.DataFrame, donor: Path, passages: Sequence[Path]
) -> pd.DataFrame:
    """Return what `bcftools call -m` calls, of all samples together."""
    bed = str(_bed(reference.parent, targets))
    pileup = ["bcftools", "mpileup", "-Ou", "-f", str(reference), "-R", bed, "-a", "AD"]
    pileup += ["-q", "20", "-Q", "20", "-d", "8000", "-L", "8000", *map(str, (donor, *passages))]
    with subprocess.Popen(pileup, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as reads:
        command = ["bcftools", "call", "-mv", "-Ov"]
        text = subprocess.run(command, stdin=reads.stdout, check=True, capture_output=True).stdout
    return _read(text, reference, donor.stem)


def _bed(folder: Path, targets: pd.DataFrame) -> Path:
    path = folder / "searched.bed"
    wide = targets.assign(start=targets["start"] - FLANK, end=targets["end"] + FLANK)
    wide.to_csv(path, sep="\t", index=False, header=False)
    return path


def _read(vcf: bytes, reference: Path, donor: str) -> pd.DataFrame:
    """Return alleles of the line that the donor lacks, split and left-aligned."""
    command = ["bcftools", "norm", "-f", str(reference), "-m", "-any", "--atomize", "-Ov"]
    text = subprocess.run(command, input=vcf, check=True, capture_output=True).stdout.decode()
    body = [line for line in text.splitlines() if not line.startswith("##")]
    names = body[0].split("\t")[9:]
    rows = []
    for row in body[1:]:
        fields = row.split("\t")
        place = fields[8].split(":").index("AD")
        reads = {
            name: [int(v) if v.isdigit() else 0 for v in cell.split(":")[place].split(",")]
            for name, cell in zip(names, fields[9:], strict=True)
            if cell.count(":") >= place
        }
        alt = {name: (ad[1] if len(ad) > 1 else 0) for name, ad in reads.items()}
        own = max((n for name, n in alt.items() if name != donor), default=0)
        base = reads.get(donor, [0])
        if own >= 2 and alt.get(donor, 0) <= DONOR_SHARE * max(sum(base), 1):
            start = int(fields[1]) - 1
            # The quality of a site is that of its best allele; no other is worth more than its
            # own reads.
            line = float(sum(n for name, n in alt.items() if name != donor))
            score = min(float(fields[5]), READ_QUALITY * line)
            rows.append((fields[0], start, fields[3], fields[4], score, line))
    return pd.DataFrame(rows, columns=COLUMNS).drop_duplicates(COLUMNS[:4], ignore_index=True)
