"""Small simulated genomes with planted events, and lines measured on them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import simulate_array
import yaml
from linedrift.events.calls import LineCalls, Measurement
from linedrift.events.events import call
from linedrift.events.segmentation import segment
from linedrift.genome import GRCH38, Karyotype
from linedrift.signals.contrast import contrast
from simulate_array import Event

CONFIG = yaml.safe_load((Path(__file__).parents[1] / "config" / "config.yaml").read_text())
MB = 1_000_000


@dataclass
class World:
    """An array type and a person: `measure` draws a new measurement of a mixture of cells."""

    rng: np.random.Generator
    loci: pd.DataFrame
    platform: pd.DataFrame
    haplotypes: np.ndarray
    sex: str
    noise: dict = field(default_factory=dict)

    def measure(self, *events: Event, **noise) -> pd.DataFrame:
        """Return SIGNALS of cells with these events."""
        return simulate_array.measure(
            self.rng,
            self.loci,
            self.platform,
            self.haplotypes,
            events,
            sex=self.sex,
            **self.noise | noise,
        )


def world(
    seed: int,
    chromosomes: Sequence[str] = ("chr20", "chr21", "chr22"),
    sex: str = "female",
    per_mb: float = 100,
    **noise,
) -> World:
    """Return a small world: 3 chromosomes with 15,000 loci unless told."""
    rng = np.random.default_rng(seed)
    loci = simulate_array.loci(rng, chromosomes=chromosomes, per_mb=per_mb)
    platform = simulate_array.platform(rng, loci)
    haplotypes = simulate_array.person(rng, loci, platform, sex)
    return World(rng, loci, platform, haplotypes, sex, noise)


def measurement(
    signals: pd.DataFrame,
    baseline: pd.DataFrame | None,
    sex: str,
    passage: int,
    *,
    name: str = "L",
    role: str = "sample",
    baseline_sample: str = "",
    reason: str = "",
) -> Measurement:
    """Return what the steps before `call` make of a measurement."""
    karyotype = Karyotype(sex)
    baselines = [] if baseline is None else [baseline]
    frame, noise = contrast(signals, baselines, karyotype, CONFIG["contrast"])
    return Measurement(
        f"{name}-p{passage}",
        passage,
        "snp_array",
        frame,
        noise,
        segment(frame, noise, karyotype, CONFIG["segmentation"]),
        baseline=baseline_sample,
        role=role,
        reason=reason,
    )


def with_donor(
    donor: pd.DataFrame, passages: Sequence[pd.DataFrame], sex: str, reasons: Sequence[str] = ()
) -> list[Measurement]:
    """Return the measurements of a line at passages 5, 10, ... and of its donor."""
    reasons = [*reasons, *[""] * (len(passages) - len(reasons))]
    found = [
        measurement(signals, donor, sex, 5 * (i + 1), baseline_sample="D-p0", reason=reasons[i])
        for i, signals in enumerate(passages)
    ]
    return [*found, measurement(donor, None, sex, 0, name="D", role="donor")]


def without_donor(passages: Sequence[pd.DataFrame], sex: str) -> list[Measurement]:
    """Return the measurements of a line whose first passage is the baseline of the others."""
    first = passages[0]
    return [
        measurement(first, None, sex, 5),
        *(
            measurement(signals, first, sex, 5 * (i + 2), baseline_sample="L-p5")
            for i, signals in enumerate(passages[1:])
        ),
    ]


@cache
def chromosome_questions() -> pd.DataFrame:
    """Return every chromosome as a fixed question."""
    lengths = list(GRCH38.lengths.items())
    return pd.DataFrame([(c, 0, n) for c, n in lengths], columns=["chrom", "start", "end"])


def calls_of(measurements: Sequence[Measurement], sex: str) -> LineCalls:
    """Return the events of a line, every chromosome of it being asked too."""
    present = set(pd.unique(measurements[0].contrast["chrom"].astype(str)))
    regions = chromosome_questions()
    regions = regions[regions["chrom"].isin(present)]
    return call(measurements, Karyotype(sex), regions, CONFIG["events"])


@dataclass(frozen=True)
class Found:
    """A call in words: where, what, in which share of the cells of each member."""

    chrom: str
    start: int
    end: int
    kind: str
    fraction: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    start_range: tuple[int, int]
    end_range: tuple[int, int]
    origin: str
    note: str
    score: float


def found(result: LineCalls) -> list[Found]:
    """Return the calls of a line with 95 % intervals of their cell fractions."""
    from linedrift.events.fitting import Stretch

    rows = []
    for one in result.calls:
        data, fit = result.data(one), one.fit
        stretch = Stretch(data, fit.first, fit.last, CONFIG["events"])
        ends = [stretch.interval(fit.kind, fit.fraction, k) for k in range(len(fit.fraction))]
        rows.append(
            Found(
                str(data.chrom[fit.first]),
                int(data.start[fit.first]),
                int(data.end[fit.last - 1]),
                fit.kind,
                tuple(map(float, fit.fraction)),
                tuple(low for low, _ in ends),
                tuple(high for _, high in ends),
                one.start_range,
                one.end_range,
                one.origin,
                one.note,
                fit.score,
            )
        )
    return rows
