"""Genomes with planted events: simulated arrays, and arrays drawn from a real dilution series.

Every genome is a pure function of its name, so that all tools see the same one and a run can be
resumed. Positions are 0-based half-open, GRCh38.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import bench_paths
import numpy as np
import pandas as pd
import simulate_array as sim
from linedrift import genome, tables

SIZES_MB = (0.5, 1.0, 2.0, 4.0, 10.0)
ARM = "arm"
FRACTIONS = (0.05, 0.075, 0.10, 0.15, 0.20, 0.30, 0.50, 1.00)
KINDS = ("gain", "loss", "cn_loh")
EVENTS_PER_CELL = 22
NULL_GENOMES = 20

# Genomes of one cell fraction: each has one event on every autosome, apart from the others, so
# that 18 of them hold 22 events of each of 6 sizes and 3 kinds.
GENOMES_PER_FRACTION = 18
# Markers per megabase that give an array of 600,000, and of 650,000.
PER_MB = {600_000: 213.0, 650_000: 231.0}
# An event keeps this distance from telomere and centromere, where the arm is long enough.
MARGIN_MB = 3.0
# Shorter measured arms (18p, acrocentric p) carry no planted arm event.
LEAST_ARM_MB = 15.0

# States of the dilution series by its column `region` (minor, major copies).
DILUTION_STATES = {"(0,1)": "loss", "(1,2)": "gain", "(0,2)": "cn_loh", "(1,1)": "normal"}
DILUTION_CHROMOSOMES, DILUTION_LOCI, DILUTION_EVENT = 18, 2000, 300
DILUTION_STEP = 5_000


@dataclass(frozen=True)
class Pair:
    """A donor and a line of it, and what was planted in the line.

    `truth` has chrom, start, end, kind, size (Mb, or arm, or loci) and fraction.
    """

    donor: pd.DataFrame
    line: pd.DataFrame
    truth: pd.DataFrame


def rng_of(name: str) -> np.random.Generator:
    """Return the generator of a name."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def bands() -> pd.DataFrame:
    """Return UCSC's cytogenetic bands: chrom, start, end, band, stain."""
    names = ["chrom", "start", "end", "band", "stain"]
    path = bench_paths.ROOT / "resources" / "cytoBand.hg38.txt"
    return pd.read_csv(path, sep="\t", names=names)


def measured_arms(of: pd.DataFrame) -> pd.DataFrame:
    """Return chrom, start, end of the measured part of each autosomal arm."""
    open_ = of[of["chrom"].isin(genome.AUTOSOMES) & ~of["stain"].isin(sim.UNMEASURED_STAINS)]
    q = open_["band"].str.startswith("q")
    open_ = open_[q | ~open_["chrom"].isin(sim.ACROCENTRIC)].assign(arm=open_["band"].str[0])
    spans = open_.groupby(["chrom", "arm"]).agg(start=("start", "min"), end=("end", "max"))
    spans = spans.reset_index()
    return spans[spans["end"] - spans["start"] >= LEAST_ARM_MB * 1e6].reset_index(drop=True)


def plan(
    rng: np.random.Generator, arms: pd.DataFrame, wanted: Sequence[tuple[str | float, str]]
) -> pd.DataFrame:
    """Return places for the wanted (size, kind), each on a chromosome of its own.

    Columns chrom, start, end, kind, size. Raises ValueError where more are wanted than there are
    chromosomes.
    """
    chroms = rng.permutation(pd.unique(arms["chrom"]))
    if len(wanted) > len(chroms):
        raise ValueError(f"{len(wanted)} events do not fit on {len(chroms)} chromosomes")
    rows = []
    for chrom, (size, kind) in zip(chroms[: len(wanted)], wanted, strict=True):
        own = arms[arms["chrom"] == chrom]
        length = (own["end"] - own["start"]).to_numpy()
        arm = own.iloc[rng.choice(len(own), p=length / length.sum())]
        start, end = int(arm["start"]), int(arm["end"])
        if size != ARM:
            spare = end - start - size * 1e6
            margin = min(MARGIN_MB * 1e6, spare / 3)
            start += int(rng.uniform(margin, spare - margin))
            end = start + int(size * 1e6)
        rows.append((chrom, start, end, kind, size))
    return pd.DataFrame(rows, columns=["chrom", "start", "end", "kind", "size"])


def wanted_events(k: int) -> list[tuple[str | float, str]]:
    """Return the (size, kind) of genome `k` of a fraction: every one, and four of them twice."""
    every = [(size, kind) for size in (*SIZES_MB, ARM) for kind in KINDS]
    extra = EVENTS_PER_CELL - len(every)
    return every + [every[(k * extra + i) % len(every)] for i in range(extra)]


def grid_names(fraction: float, n: int = GENOMES_PER_FRACTION) -> list[str]:
    """Return the names of the genomes whose events are in that fraction of cells."""
    return [f"grid-{fraction:g}-{k}" for k in range(n)]


def null_names(n: int = NULL_GENOMES) -> list[str]:
    """Return the names of the genomes without an event."""
    return [f"null-0-{k}" for k in range(n)]


def crossing_names(kind: str, size: float, fraction: float, n: int, first: int = 0) -> list[str]:
    """Return the names of genomes whose 22 events are all of one kind, size and cell fraction."""
    return [f"{kind}.{size:g}-{fraction:g}-{k}" for k in range(first, first + n)]


def wanted_by(what: str, k: int) -> list[tuple[str | float, str]]:
    """Return the (size, kind) of genome `k` of what a name begins with: null, grid, gain.2 ..."""
    if what in ("null", "grid"):
        return wanted_events(k) if what == "grid" else []
    kind, _, size = what.partition(".")
    return [(float(size), kind)] * EVENTS_PER_CELL


def simulated(name: str, n_markers: int = 600_000) -> Pair:
    """Return the simulated pair of a name, waves of sd .03.

    `grid-<fraction>-<k>`, `null-0-<k>`, or `<kind>.<Mb>-<fraction>-<k>` (`crossing_names`).
    """
    what, fraction, k = name.split("-")
    rng, of = rng_of(name), bands()
    loci = sim.loci(rng, bands=of, per_mb=PER_MB[n_markers])
    platform = sim.platform(rng, loci)
    person = sim.person(rng, loci, platform, "female")
    truth = plan(rng, measured_arms(of), wanted_by(what, int(k))).assign(fraction=float(fraction))
    events = [
        sim.Event(row.chrom, row.start, row.end, row.kind, row.fraction, int(rng.integers(2)))
        for row in truth.itertuples()
    ]
    donor = sim.measure(rng, loci, platform, person, sex="female", wave_sd=0.03)
    line = sim.measure(rng, loci, platform, person, events, sex="female", wave_sd=0.03)
    return Pair(donor, line, truth)


def speed_pair() -> Pair:
    """Return one pair of 650,000 markers with 22 events in 30 % of cells."""
    return simulated("grid-0.3-0", 650_000)


def dilution_names(dilution: float, n: int, planted: bool) -> list[str]:
    """Return the names of genomes drawn from the dilution series."""
    return [f"{'dilution' if planted else 'normal'}-{dilution:g}-{k}" for k in range(n)]


def drawn(name: str) -> Pair:
    """Return the pair `dilution-<share>-<k>` or `normal-<share>-<k>`, noise of real arrays.

    18 chromosomes of 2,000 loci, drawn from the balanced loci of the tumour line's array at that
    share of its DNA; in `dilution` each has an event of 300 loci, drawn from loci of its state.
    The same loci of the undiluted normal are the donor.
    """
    what, share, _ = name.split("-")
    rng = rng_of(name)
    path = bench_paths.real_data() / "snp_array" / "dilution_crl2324" / "loci.tsv.gz"
    loci = pd.read_csv(path, sep="\t", skipinitialspace=True)
    loci["row"] = loci.groupby("cellularity").cumcount()
    of = {at: rows.set_index("row") for at, rows in loci.groupby("cellularity")}
    tumour, normal = of[float(share)], of[0.0]
    pools = {
        kind: tumour.index[tumour["region"] == state].to_numpy()
        for state, kind in DILUTION_STATES.items()
    }
    chosen, truth = [], []
    for c in range(DILUTION_CHROMOSOMES):
        rows = rng.choice(pools["normal"], DILUTION_LOCI)
        if what == "dilution":
            kind, first = KINDS[c % 3], int(rng.integers(200, DILUTION_LOCI - 500))
            rows[first : first + DILUTION_EVENT] = rng.choice(pools[kind], DILUTION_EVENT)
            ends = np.array([first, first + DILUTION_EVENT]) * DILUTION_STEP + 1_000_000
            truth.append((f"chr{c + 1}", *ends, kind, DILUTION_EVENT, float(share)))
        chosen.append(rows)
    columns = ["chrom", "start", "end", "kind", "size", "fraction"]
    rows = np.concatenate(chosen)
    return Pair(
        _drawn_signals(normal.loc[rows], genotyped=True),
        _drawn_signals(tumour.loc[rows], genotyped=False),
        pd.DataFrame(truth, columns=columns),
    )


def _drawn_signals(rows: pd.DataFrame, genotyped: bool) -> pd.DataFrame:
    """Return SIGNALS of drawn loci; the germline genotype is that of the normal alone."""
    chrom, place = np.divmod(np.arange(len(rows)), DILUTION_LOCI)
    start = place * DILUTION_STEP + 1_000_000
    germline = np.select([rows["genotype"] == 0, rows["genotype"] == 1], ["AA", "BB"], "AB")
    frame = pd.DataFrame(
        {
            "chrom": pd.Categorical([f"chr{c + 1}" for c in chrom], dtype=genome.CHROM_DTYPE),
            "start": start,
            "end": start + 1,
            "name": [f"locus{i}" for i in range(len(rows))],
            # The ratio of total copies is clipped above zero, where its log would end.
            "level": np.log2(rows["c"].clip(lower=0.03).to_numpy() / 2),
            "level_sd": np.nan,
            "b_fraction": rows["b"].to_numpy(),
            "b_sd": np.nan,
            "genotype": germline if genotyped else "",
            "usable": True,
        }
    )
    return tables.conform(frame, tables.SIGNALS)
