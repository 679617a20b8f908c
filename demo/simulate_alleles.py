"""Reads of alleles with planted variants: errors of 96 contexts, two strands, uneven sites.

Only candidates are drawn, with the probabilities that they have among all positions: of 20 Mb of
target with three wrong bases each, one in a hundred has two reads of a wrong one. Errors follow a
beta-binomial whose rate and overdispersion differ by context, alternative and strand; of a share
of the sites the rate is common to all samples, of the others each sample has its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import library_path  # noqa: F401  (finds the library)
import numpy as np
import pandas as pd
from linedrift.genome import CHROM_DTYPE
from linedrift.variants.allele_counts import CLASSES, Counts
from scipy.special import gammaln
from scipy.stats import betabinom

CLASS_KEYS = list(CLASSES)
# More misread bases than this at one site and strand are as rare as one in 10^20.
MOST = 150


@dataclass(frozen=True)
class World:
    """How an experiment errs.

    `rate` (wrong reads of each alternative, shape (96, 2)) and `rho` (96, 2); the strand axis is
    (pyrimidine, purine). `depths` and `weights`: mean depth of a site in steps, and how usual.
    """

    rate: np.ndarray
    rho: np.ndarray
    depths: np.ndarray
    weights: np.ndarray
    shared: float = 0.5
    allele_rho: float = 0.002

    @classmethod
    def typical(
        cls,
        rng: np.random.Generator,
        depth: float,
        rate: float = 1e-3,
        rho: tuple[float, float] = (1e-3, 1e-2),
        shared: float = 0.5,
    ) -> World:
        """Return errors of `rate` a base (all three alternatives), by context within a factor."""
        by_class = rng.lognormal(0, 0.7, (len(CLASSES), 1)) * rng.lognormal(0, 0.25, (96, 2))
        by_class *= rate / 3 / by_class.mean()
        spread = np.exp(rng.uniform(*np.log(rho), (len(CLASSES), 1)))
        steps = np.array([0.3, 0.5, 0.7, 0.9, 1.1, 1.3, 1.6, 2.0])
        weights = np.array([0.04, 0.1, 0.18, 0.22, 0.19, 0.14, 0.09, 0.04])
        steps *= depth / (steps * weights).sum()
        return cls(by_class, np.repeat(spread, 2, axis=1), steps, weights, shared)

    def beta(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return alpha and beta of the error rate of one class, shape (2,)."""
        size = (1 - self.rho[number]) / self.rho[number]
        return self.rate[number] * size, (1 - self.rate[number]) * size


def simulate(
    rng: np.random.Generator,
    world: World,
    bases: float,
    roles: Mapping[str, str],
    planted: Sequence[Mapping[str, float]] = (),
) -> tuple[Counts, pd.DataFrame, np.ndarray]:
    """Return candidates, ERROR_COUNTS and which planted variant each candidate is (-1: none).

    Parameters
    ----------
    bases
        Positions of the target.
    roles
        Role of each sample (own, baseline, panel); panel samples have no planted variant.
    planted
        Of each variant the allele fraction in each sample; 0 where the sample is not named.
    """
    samples = list(roles)
    sites = bases * 3 / len(CLASSES)
    parts = [_errors(rng, world, sites, number, len(samples)) for number in range(len(CLASSES))]
    alt = np.concatenate([part[0] for part in parts])
    ref = np.concatenate([part[1] for part in parts])
    number = np.repeat(np.arange(len(CLASSES)), [len(part[0]) for part in parts])
    of_line = np.flatnonzero(np.isin(list(roles.values()), ["own", "baseline"]))
    reads = alt.sum(axis=2)[:, of_line]
    chosen = (reads >= 2).any(axis=1) & (reads.sum(axis=1) >= 3)
    alt, ref, number = alt[chosen], ref[chosen], number[chosen]
    real = [_planted(rng, world, variant, samples) for variant in planted]
    if real:
        alt = np.concatenate([alt, [one[0] for one in real]])
        ref = np.concatenate([ref, [one[1] for one in real]])
        number = np.concatenate([number, [one[2] for one in real]])
    truth = np.concatenate([np.full(int(chosen.sum()), -1), np.arange(len(real))]).astype(int)
    counts = _counts(rng, ref, alt, number, roles)
    return counts, _histogram(rng, world, sites, samples), truth


def _errors(
    rng: np.random.Generator, world: World, sites: float, number: int, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return reads of alt and ref (m, k, 2; pyrimidine first) where two or more are wrong."""
    alts, refs = [], []
    for depth, weight in zip(world.depths, world.weights, strict=True):
        n = max(int(round(depth / 2)), 1)
        for shared in (True, False):
            many = sites * weight * (world.shared if shared else 1 - world.shared)
            draw = _one_rate if shared else _own_rates
            alt = draw(rng, world.beta(number), many, n, k)
            alts.append(alt)
            refs.append(n - alt)
    return np.concatenate(alts), np.concatenate(refs)


def _one_rate(
    rng: np.random.Generator, beta: tuple[np.ndarray, np.ndarray], sites: float, n: int, k: int
) -> np.ndarray:
    """Draw sites whose rate is common to all k samples, with two or more wrong reads."""
    tried = np.arange(min(MOST, n * k) + 1)
    by_strand = [betabinom.pmf(tried, n * k, beta[0][s], beta[1][s]) for s in (0, 1)]
    joint = np.outer(*by_strand)
    joint[:1, :2] = 0.0
    joint[1, 0] = 0.0
    many = rng.poisson(sites * joint.sum())
    at = rng.choice(joint.size, size=many, p=(joint / joint.sum()).ravel())
    totals = np.stack(np.unravel_index(at, joint.shape), axis=1)
    return _spread(rng, totals, n, k)


def _spread(rng: np.random.Generator, totals: np.ndarray, n: int, k: int) -> np.ndarray:
    """Spread wrong reads over k samples of n reads each, shape (m, k, 2)."""
    alt = np.zeros((len(totals), k, 2), dtype=np.int32)
    left = totals.copy()
    for sample in range(k - 1):
        rest = n * (k - sample - 1)
        alt[:, sample] = rng.hypergeometric(left, n * (k - sample) - left, n) if rest else left
        left -= alt[:, sample]
    alt[:, k - 1] = left
    return alt


def _own_rates(
    rng: np.random.Generator, beta: tuple[np.ndarray, np.ndarray], sites: float, n: int, k: int
) -> np.ndarray:
    """Draw sites where each sample has its own rate, with two or more wrong reads."""
    size = int(sites)
    tried = np.arange(min(MOST, n) + 1)
    at, values, column = [], [], []
    for strand in (0, 1):
        mass = betabinom.pmf(tried, n, beta[0][strand], beta[1][strand])
        some = mass[1:].sum()
        for sample in range(k):
            many = rng.binomial(size, some) if size else 0
            at.append(rng.integers(0, max(size, 1), many))
            values.append(rng.choice(tried[1:], size=many, p=mass[1:] / some))
            column.append(np.full(many, 2 * sample + strand))
    place, value, where = np.concatenate(at), np.concatenate(values), np.concatenate(column)
    total = np.bincount(place, weights=value, minlength=1)
    keep = total[place] >= 2
    names, row = np.unique(place[keep], return_inverse=True)
    alt = np.zeros((len(names), 2 * k), dtype=np.int32)
    alt[row, where[keep]] = value[keep]
    return alt.reshape(len(names), k, 2)


def _planted(
    rng: np.random.Generator, world: World, variant: Mapping[str, float], samples: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return reads of alt and ref (k, 2) of one real variant, and its error class."""
    number = int(rng.integers(len(CLASSES)))
    depth = rng.choice(world.depths, p=world.weights)
    reads = rng.poisson(depth / 2, (len(samples), 2))
    alpha, beta = world.beta(number)
    wrong = rng.beta(alpha, beta, (len(samples), 2))
    size = (1 - world.allele_rho) / world.allele_rho
    fraction = np.array([variant.get(sample, 0.0) for sample in samples])
    true = np.where(
        (fraction > 0) & (fraction < 1),
        rng.beta(np.clip(fraction, 1e-9, 1) * size, np.clip(1 - fraction, 1e-9, 1) * size),
        fraction,
    )[:, None]
    alt = rng.binomial(reads, np.clip(true + wrong * (1 - true), 0, 1))
    return alt, reads - alt, number


def _counts(
    rng: np.random.Generator,
    ref: np.ndarray,
    alt: np.ndarray,
    number: np.ndarray,
    roles: Mapping[str, str],
) -> Counts:
    """Return Counts; half of the sites have their purine on the forward strand."""
    turned = rng.random(len(number)) < 0.5
    ref, alt = ref.copy(), alt.copy()
    ref[turned], alt[turned] = ref[turned][..., ::-1], alt[turned][..., ::-1]
    keys = np.array(CLASS_KEYS)[number] if len(number) else np.zeros((0, 2), dtype=str)
    complement = dict(zip("ACGT", "TGCA", strict=True))
    centre = [key[1] for key in keys[:, 0]]
    pairs = zip(centre, keys[:, 1], turned, strict=True)
    alleles = [(complement[a], complement[b]) if t else (a, b) for a, b, t in pairs]
    sites = pd.DataFrame(
        {
            "chrom": pd.Categorical(["chr1"] * len(number), dtype=CHROM_DTYPE),
            "start": 100 + 10 * np.arange(len(number)),
            "ref": [pair[0] for pair in alleles],
            "alt": [pair[1] for pair in alleles],
            "context": keys[:, 0],
            "repeat": 1,
            "read_position_z": np.nan,
            "mapping_quality_z": np.nan,
            "base_quality_z": np.nan,
        }
    )
    samples = tuple(roles)
    passages = tuple(0 if roles[name] != "own" else 10 + at for at, name in enumerate(samples))
    return Counts(
        sites, samples, tuple(roles.values()), passages, ref.astype(np.int32), alt.astype(np.int32)
    )


def _histogram(
    rng: np.random.Generator, world: World, sites: float, samples: Sequence[str]
) -> pd.DataFrame:
    """Return ERROR_COUNTS: how many of all positions have so many wrong reads."""
    parts = []
    for number, (context, alt) in enumerate(CLASS_KEYS):
        alpha, beta = world.beta(number)
        for strand, word in enumerate(("pyrimidine", "purine")):
            for depth, weight in zip(world.depths, world.weights, strict=True):
                n = max(int(round(depth / 2)), 1)
                tried = np.arange(min(12, n) + 1)
                mass = np.exp(_log_mass(tried, n, alpha[strand], beta[strand]))
                for sample in samples:
                    parts.append((sample, context, alt, word, n, tried, sites * weight * mass))
    length = [len(part[5]) for part in parts]
    names = ("sample", "context", "alt", "strand", "depth")
    frame = pd.DataFrame(
        {name: np.repeat([part[at] for part in parts], length) for at, name in enumerate(names)}
    )
    frame["alt_reads"] = np.concatenate([part[5] for part in parts])
    frame["sites"] = rng.poisson(np.concatenate([part[6] for part in parts]))
    return frame[frame["sites"] > 0].reset_index(drop=True)


def _log_mass(x: np.ndarray, n: int, alpha: float, beta: float) -> np.ndarray:
    ways = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
    return (
        ways
        + (gammaln(alpha + x) - gammaln(alpha))
        + (gammaln(beta + n - x) - gammaln(beta))
        - (gammaln(alpha + beta + n) - gammaln(alpha + beta))
    )
