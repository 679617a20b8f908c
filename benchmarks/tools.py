"""All tools on one pair, with what they called kept in benchmarks/work until something changes."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path

import bcftools_cnv
import bench_paths
import dna_copy
import engine
import pandas as pd
from genomes import Pair

# Cuts on the calls of a peer, of which each row of a table takes its best (see scoring). Quality
# and sites of bcftools cnv; |mean| of the log R ratio and markers of DNAcopy. linedrift is taken as
# it calls, and in addition at one cut on its stated rate for all rows: the first that is allowed.
# Fewest loci of an event, where those without evidence of their own are cut by their length.
LOCI = (0, 20, 50, 200)
CUTS: Mapping[str, list[dict[str, float]]] = {
    engine.NAME: [{}],
    engine.SAME_RATE: [{"phred": float(phred)} for phred in range(1, 31)],
    engine.BY_ROW: [{"phred": float(q), "n": n} for q, n in product(range(1, 31), LOCI)],
    **{
        name: [{"score": q, "n": n} for q, n in product((0, 3, 5, 10, 15, 20, 30), LOCI)]
        for name in bcftools_cnv.VARIANTS
    },
    dna_copy.NAME: [
        {"score": cut, "n": n}
        for cut, n in product(
            (0.03, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.5),
            (10, 20, 50, 100, 200, 500, 1000, 5000),
        )
    ],
}


def peers() -> list[str]:
    """Return the names of the peers that are here; print why the others are skipped."""
    names: list[str] = []
    if bcftools_cnv.is_here():
        names += bcftools_cnv.VARIANTS
    else:
        print(bcftools_cnv.MISSING)
    if dna_copy.is_here():
        names.append(dna_copy.NAME)
    else:
        print(dna_copy.MISSING)
    return names


@cache
def _digest(name: str) -> str:
    """Return a digest of all that a tool's calls depend on, but the genome's name."""
    digest = hashlib.sha256()
    for path in (bench_paths.ROOT / "demo" / "simulate_array.py", bench_paths.HERE / "genomes.py"):
        digest.update(path.read_bytes())
    if name == engine.NAME:
        digest.update(engine.version().encode())
    elif name == dna_copy.NAME:
        digest.update(dna_copy.SCRIPT.read_bytes() + dna_copy.version().encode())
    else:
        digest.update(repr(bcftools_cnv.VARIANTS[name]).encode() + bcftools_cnv.version().encode())
    return digest.hexdigest()[:12]


def _kept_at(tool: str, name: str) -> Path:
    folder = "".join(c if c.isalnum() else "-" for c in tool)
    return bench_paths.WORK / "calls" / f"{folder}.{_digest(tool)}" / f"{name}.tsv"


def is_done(name: str, tool: str) -> bool:
    """Return whether the calls of a tool on a genome are kept."""
    return _kept_at(tool, name).exists()


def truth(name: str) -> pd.DataFrame:
    """Return what is planted in a genome that a tool has seen."""
    return pd.read_csv(bench_paths.WORK / "truth" / f"{name}.tsv", sep="\t")


def run(
    name: str, make: Callable[[str], Pair], tools: Sequence[str]
) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Return, by tool, (truth, calls) of the genome `name`; what was done before is read."""
    missing = [tool for tool in tools if not is_done(name, tool)]
    if missing:
        pair = make(name)
        _write(bench_paths.WORK / "truth" / f"{name}.tsv", pair.truth)
        with tempfile.TemporaryDirectory(dir=bench_paths.WORK) as folder:
            for tool, calls in _call(pair, missing, Path(folder)):
                _write(_kept_at(tool, name), calls)
    return {tool: (truth(name), pd.read_csv(_kept_at(tool, name), sep="\t")) for tool in tools}


def _call(pair: Pair, tools: Sequence[str], folder: Path):
    if engine.NAME in tools:
        yield engine.NAME, engine.calls(pair.donor, pair.line, engine.config())
    variants = [tool for tool in tools if tool in bcftools_cnv.VARIANTS]
    if variants:
        path = folder / "pair.vcf"
        bcftools_cnv.write_vcf(path, pair.donor, pair.line)
        for tool in variants:
            yield tool, bcftools_cnv.calls(path, folder / "cnv", bcftools_cnv.VARIANTS[tool])
    if dna_copy.NAME in tools:
        dna_copy.write_ratios(folder / "ratios.tsv", pair.donor, pair.line)
        yield dna_copy.NAME, dna_copy.calls(folder / "ratios.tsv", folder / "segments.tsv")


def _write(path: Path, frame: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{hash(path.name) & 0xFFFF:x}.part")
    frame.to_csv(beside, sep="\t", index=False)
    beside.replace(path)
