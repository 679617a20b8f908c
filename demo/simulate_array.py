"""A SNP array that behaves like a real one, with planted truth: pure functions of a seed.

Chain: `loci` (where the markers lie) -> `platform` (what all samples of one array type share) ->
`person` (two haplotypes) -> `measure` (what the scanner reports of a mixture of cells).

Marginal statistics, autosomes, against the three people of the HumanHap550 trio (real: range of
the three; simulated with the settings HUMANHAP550; the defaults are a denser array with a random
part of the log R ratio half as large again; the last row: medians of HumanCNV370 arrays):

                                              real            simulated
sd of the log R ratio                         .136-.140       .130
the same by median absolute deviation         .110-.124       .119
quantiles .1, 1, 99, 99.9 %                   -.6 -.3 .3 .5   -.5 -.3 .3 .5
correlation between samples                   .33-.41         .36-.39
waves: sd of means of 100 markers             .015-.027       .021-.024
       sd of means of 1,500 markers           .009-.019       .015-.018
sd of BAF at heterozygous loci                .039-.042       .039-.040
correlation of it between samples             .40-.50         .42-.43
root mean square of BAF at AA and BB          .010-.014       .012
BAF of two samples apart by over 4 sd         .0033-.0044     .0037-.0042
log R ratio of two samples, the same          .0049-.0050     .0033-.0037
X of a male; Y of a male, of a female         -.4; -.4; -3.6  -.5; 0; -3.0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import library_path  # noqa: F401
import numpy as np
import pandas as pd
from linedrift import genome, tables
from scipy.ndimage import gaussian_filter1d

KINDS = tables.EVENT_KINDS

# Stains of UCSC's cytoBand where an array has no markers, and chromosomes without a p arm to
# measure.
UNMEASURED_STAINS = ("acen", "gvar", "stalk")
ACROCENTRIC = ("chr13", "chr14", "chr15", "chr21", "chr22")

# Arrays carry fewer markers on Y: 1,697 on a HumanCNV370 (24 Mb of euchromatin).
DENSITY = MappingProxyType({"chrY": 0.4})

# Signal of an allele that is not there, in copies per allele (exponential): log2 of the sum of two
# gives -3.5 after the response, with BAF uniform, as at real homozygous losses.
BACKGROUND = 0.01

# Settings of `platform` and `measure` that give the marginals of the real HumanHap550 trio.
HUMANHAP550_PLATFORM = MappingProxyType({"level_bias_sd": 0.08})
HUMANHAP550_NOISE = MappingProxyType({"lrr_sd": 0.10, "wave_sd": 0.025})


@dataclass(frozen=True)
class Event:
    """A planted event: place (0-based half-open, GRCh38), kind and share of cells.

    `haplotype` is the one gained or lost (in CN-LOH: lost, the other doubled); where a person has
    only the other one (X of a male), that one is meant. `copies` is the total of an amplification.
    """

    chrom: str
    start: int
    end: int
    kind: str
    cell_fraction: float = 1.0
    haplotype: int = 0
    name: str = ""
    copies: int = 4

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}, not {self.kind!r}")
        if not 0 <= self.cell_fraction <= 1:
            raise ValueError(f"cell_fraction is a share of cells, not {self.cell_fraction}")
        if self.haplotype not in (0, 1):
            raise ValueError(f"haplotype is 0 or 1, not {self.haplotype!r}")
        if self.end <= self.start:
            raise ValueError(f"{self.chrom}:{self.start}-{self.end} has no length")


def loci(
    rng: np.random.Generator,
    *,
    chromosomes: Sequence[str] | None = None,
    per_mb: float = 193,
    bands: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the markers of an array type: chrom, start, end, name, in genome order.

    Gaps are gamma distributed with shape .7 (median over mean .57, real .56). No marker lies in
    a centromere, in heterochromatin or on an acrocentric p arm of `bands` (UCSC cytoBand: chrom,
    start, end, band, stain); without `bands` the whole chromosome is open.
    """
    frames = []
    for chrom in chromosomes or genome.CHROMOSOMES:
        starts, ends = _measured_stretches(chrom, bands)
        length = int((ends - starts).sum())
        n = int(length * per_mb * DENSITY.get(chrom, 1.0) / 1e6)
        along = np.cumsum(rng.gamma(0.7, size=n + 1))
        along = np.unique((along[:-1] / along[-1] * length).astype(np.int64))
        opened = np.concatenate([[0], np.cumsum(ends - starts)])
        stretch = np.searchsorted(opened, along, side="right") - 1
        position = starts[stretch] + along - opened[stretch]
        frames.append(pd.DataFrame({"chrom": chrom, "start": position}))
    markers = pd.concat(frames, ignore_index=True)
    markers["chrom"] = markers["chrom"].astype(genome.CHROM_DTYPE)
    markers = markers.sort_values(["chrom", "start"], ignore_index=True)
    markers["start"] = markers["start"].astype("int32")
    markers["end"] = markers["start"] + np.int32(1)
    markers["name"] = pd.Series(np.arange(1, len(markers) + 1)).map("sim{:07d}".format)
    return markers


def _measured_stretches(chrom: str, bands: pd.DataFrame | None) -> tuple[np.ndarray, np.ndarray]:
    """Return starts and ends of the stretches of `chrom` that carry markers."""
    telomere = 10_000
    if bands is None:
        return np.array([telomere]), np.array([genome.GRCH38.lengths[chrom] - telomere])
    own = bands[(bands["chrom"] == chrom) & ~bands["stain"].isin(UNMEASURED_STAINS)]
    if chrom in ACROCENTRIC:
        own = own[own["band"].str.startswith("q")]
    starts, ends = own["start"].to_numpy(np.int64), own["end"].to_numpy(np.int64)
    starts = np.maximum(starts, telomere)
    ends = np.minimum(ends, genome.GRCH38.lengths[chrom] - telomere)
    if chrom == "chrY":  # pseudoautosomal markers are reported on X
        starts = np.maximum(starts, genome.GRCH38.pseudoautosomal["chrY"][0][1])
    open_ = ends > starts
    return starts[open_], ends[open_]


def platform(
    rng: np.random.Generator,
    loci: pd.DataFrame,
    *,
    level_bias_sd: float = 0.12,
    b_bias_sd: float = 0.026,
    b_bias_mean: float = 0.02,
    heterozygosity: float = 0.28,
    intensity_only: float = 0.003,
) -> pd.DataFrame:
    """Return what all samples of one array type share, one row per locus of `loci`.

    Columns: level_bias and b_bias (of the log R ratio, and of BAF at heterozygous loci), scale
    (of the random part, mean square 1), b_frequency (B allele in the population; mean
    heterozygosity as asked), wave (smooth, sd 1; each sample takes it with its own amplitude),
    intensity_only (no genotype meaning), elsewhere (copies of a homologous sequence that the
    probe also sees: a quarter of the Y markers see X).
    """
    n = len(loci)
    shape = heterozygosity / (1 - 2 * heterozygosity)  # of the Beta whose mean 2pq this is
    scale = np.exp(rng.normal(0, 0.25, n))
    on_y = (loci["chrom"] == "chrY").to_numpy()
    return pd.DataFrame(
        {
            "level_bias": level_bias_sd * _heavy(rng, n),
            # Real BAF at heterozygous loci leans to the right: .1 and 99.9 % at -.11 and +.17.
            "b_bias": b_bias_mean + b_bias_sd * (rng.gamma(4, size=n) - 4) / 2,
            "scale": scale / np.sqrt(np.mean(scale**2)),
            "b_frequency": rng.beta(shape, shape, n),
            "wave": smooth_field(rng, loci),
            "intensity_only": rng.random(n) < intensity_only,
            "elsewhere": np.where(on_y & (rng.random(n) < 0.25), 1.0, 0.0),
        }
    )


def person(
    rng: np.random.Generator, loci: pd.DataFrame, platform: pd.DataFrame, sex: str
) -> np.ndarray:
    """Return two haplotypes, int8 (n, 2): 1 allele B, 0 allele A, -1 no such copy.

    Column 0 is the mother's. A male has X outside the pseudoautosomal regions from her only, and
    Y from his father; a female has no Y.
    """
    haplotypes = (rng.random((len(loci), 2)) < platform["b_frequency"].to_numpy()[:, None]).astype(
        np.int8
    )
    copies = genome.Karyotype(sex).copies_at(loci["chrom"], loci["start"])
    on_y = (loci["chrom"] == "chrY").to_numpy()
    haplotypes[copies == 0] = -1
    haplotypes[(copies == 1) & ~on_y, 1] = -1
    haplotypes[(copies == 1) & on_y, 0] = -1
    return haplotypes


def allele_doses(
    loci: pd.DataFrame, haplotypes: np.ndarray, events: Sequence[Event]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean copies of alleles A and B per cell, float64 (n,) each.

    Overlapping events are taken as carried by independent cells: their changes of dose add.
    """
    exists = haplotypes >= 0
    copies = exists.astype(float)
    chrom, start = loci["chrom"].to_numpy(), loci["start"].to_numpy()
    for event in events:
        inside = (chrom == event.chrom) & (start >= event.start) & (start < event.end)
        both = inside & exists.all(axis=1)
        for haplotype, change in _changes(event):
            copies[both, haplotype] += change * event.cell_fraction
        if event.kind != "cn_loh":  # needs two; any other event falls on the only copy there is
            change = -1 if event.kind == "deep_loss" else _changes(event)[0][1]
            single = inside[:, None] & exists & ~both[:, None]
            copies[single] += change * event.cell_fraction
    copies = np.maximum(copies, 0.0)
    dose_b = (copies * (haplotypes == 1)).sum(axis=1)
    return copies.sum(axis=1) - dose_b, dose_b


def _changes(event: Event) -> tuple[tuple[int, int], ...]:
    """Return (haplotype, change of copies) of a cell that carries the event."""
    own, other = event.haplotype, 1 - event.haplotype
    return {
        "gain": ((own, 1),),
        "amplification": ((own, event.copies - 2),),
        "loss": ((own, -1),),
        "deep_loss": ((own, -1), (other, -1)),
        "cn_loh": ((own, -1), (other, 1)),
    }[event.kind]


def measure(
    rng: np.random.Generator,
    loci: pd.DataFrame,
    platform: pd.DataFrame,
    haplotypes: np.ndarray,
    events: Sequence[Event] = (),
    *,
    sex: str,
    lrr_sd: float = 0.16,
    baf_sd: float = 0.03,
    wave_sd: float = 0.03,
    response: float = 0.55,
    call_rate: float = 0.995,
    contamination: tuple[np.ndarray, float] | None = None,
    baf_offset_sd: float = 0.01,
) -> pd.DataFrame:
    """Return one measurement as a SIGNALS frame.

    Parameters
    ----------
    loci, platform, haplotypes
        Of `loci`, `platform` and `person`.
    events
        Planted, in the shares of cells they name; germline events with a share of 1.
    sex
        female or male; decides nothing but the number of X that Y probes see elsewhere.
    lrr_sd, baf_sd
        Random part of the log R ratio, and of BAF at heterozygous loci, at two copies. It grows
        with the root of 2 over the dose.
    wave_sd
        Smooth waves; 20 to 80 % of their variance is the wave of the platform, of either sign.
    response
        Log R ratio over true log2 dose (expected dose 2; 1 on Y).
    call_rate
        Share of loci with a genotype call where BAF is not ambiguous.
    contamination
        Haplotypes of another person and his or her share of the cells.
    baf_offset_sd
        Of the mean BAF at heterozygous loci between samples (real: .509, .530, .536).
    """
    dose_a, dose_b = allele_doses(loci, haplotypes, events)
    if contamination is not None:
        other, share = contamination
        other_a, other_b = allele_doses(loci, other, ())
        dose_a, dose_b = dose_a + share * (other_a - dose_a), dose_b + share * (other_b - dose_b)
    n_x = {"female": 2, "male": 1}[sex]
    seen = platform["elsewhere"].to_numpy() * n_x
    n = len(loci)
    signal_a = dose_a + seen / 2 + rng.exponential(BACKGROUND, n)
    signal_b = dose_b + seen / 2 + rng.exponential(BACKGROUND, n)
    signal = signal_a + signal_b
    noise = platform["scale"].to_numpy() * np.sqrt(2 / np.clip(signal, 0.5, 4))
    on_y = (loci["chrom"] == "chrY").to_numpy()
    level = _log_r_ratio(rng, loci, platform, signal, response, wave_sd)
    # Y is noisier than the rest: an sd of .6 in real males against .15 on autosomes.
    level += np.where(on_y, 3.0, 1.0) * lrr_sd * noise * _heavy(rng, n)
    b_fraction = _b_fraction(rng, platform, signal_b / signal, noise, baf_sd, baf_offset_sd)
    called = rng.random(n) < call_rate
    frame = loci.assign(
        level=level, level_sd=np.nan, b_fraction=b_fraction, b_sd=np.nan, usable=True
    )
    frame["genotype"] = _genotypes(b_fraction, called & (signal > 0.3))
    return tables.conform(frame, tables.SIGNALS)


def _log_r_ratio(
    rng: np.random.Generator,
    loci: pd.DataFrame,
    platform: pd.DataFrame,
    signal: np.ndarray,
    response: float,
    wave_sd: float,
) -> np.ndarray:
    """Return the log R ratio before its random part."""
    # Of the samples that made the clusters: two copies; on Y those of males.
    expected = np.where(loci["chrom"] == "chrY", 1.0 + platform["elsewhere"], 2.0)
    common = rng.uniform(0.2, 0.8)
    amplitude = rng.choice([-1.0, 1.0]) * np.sqrt(common)
    wave = amplitude * platform["wave"].to_numpy() + np.sqrt(1 - common) * smooth_field(rng, loci)
    return (
        response * np.log2(signal / expected) + platform["level_bias"].to_numpy() + wave_sd * wave
    )


def _b_fraction(
    rng: np.random.Generator,
    platform: pd.DataFrame,
    mean: np.ndarray,
    noise: np.ndarray,
    baf_sd: float,
    offset_sd: float,
) -> np.ndarray:
    """Return BAF clipped to [0, 1]: noise and bias are full at 1/2 and small at 0 and 1."""
    homozygous_sd = 0.012  # real: root mean square .010-.014 after the clip, 20-60 % exact 0 or 1
    balance = 4 * mean * (1 - mean)
    sd = homozygous_sd + (baf_sd - homozygous_sd) * balance
    bias = (platform["b_bias"].to_numpy() + rng.normal(0, offset_sd)) * balance
    b_fraction = np.clip(mean + bias + sd * noise * _heavy(rng, len(mean)), 0, 1)
    return np.where(platform["intensity_only"], np.nan, b_fraction)


def _genotypes(b_fraction: np.ndarray, called: np.ndarray) -> pd.Categorical:
    """Return AA, AB or BB, empty where BAF lies between clusters or the call failed."""
    edges = np.array([0.12, 0.26, 0.74, 0.88])
    cluster = np.searchsorted(edges, np.nan_to_num(b_fraction, nan=0.2))
    codes = np.array([1, 0, 2, 0, 3])[cluster]  # codes of tables.GENOTYPES
    return pd.Categorical.from_codes(np.where(called, codes, 0), dtype=tables.GENOTYPES)


def smooth_field(
    rng: np.random.Generator, loci: pd.DataFrame, scales_mb: Sequence[float] = (0.25, 1, 4, 12)
) -> np.ndarray:
    """Return a smooth Gaussian process at the loci, mean 0 and sd 1 over all (float64, (n,)).

    Equal parts of white noise on a 50 kb grid smoothed with each of `scales_mb` (sd of the
    kernel); independent between chromosomes.
    """
    step = 50_000
    field = np.zeros(len(loci))
    chroms, starts = loci["chrom"].to_numpy(), loci["start"].to_numpy()
    for chrom in pd.unique(chroms):
        own = np.flatnonzero(chroms == chrom)
        grid = np.arange(0, starts[own[-1]] + 2 * step, step)
        for scale in scales_mb:
            width = scale * 1e6 / step
            smooth = gaussian_filter1d(rng.normal(size=len(grid)), width, mode="reflect")
            # White noise under a Gaussian kernel keeps a variance of 1 / (2 sqrt(pi) width).
            smooth *= np.sqrt(2 * np.sqrt(np.pi) * width)
            field[own] += np.interp(starts[own], grid, smooth)
    return (field - field.mean()) / field.std()


def _heavy(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return unit-variance noise with heavy tails: t with 8 degrees of freedom."""
    return rng.standard_t(8, n) / np.sqrt(8 / 6)


def truth(
    line: str, passage: int, events: Sequence[Event], origins: Mapping[str, str]
) -> pd.DataFrame:
    """Return the TRUTH rows of the events of one sample; `origins` maps event name to origin."""
    rows = [
        (e.name, line, passage, e.chrom, e.start, e.end, e.kind, e.cell_fraction, origins[e.name])
        for e in events
    ]
    return tables.conform(pd.DataFrame(rows, columns=tables.TRUTH.names), tables.TRUTH)
