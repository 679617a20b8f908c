"""Detection limits: the smallest cell fraction that would have been found with 95 %."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from linedrift.events.fitting import GRID, NOISIER_STEPS, Stretch
from linedrift.signals.likelihood import alleles, allelic_shift, log2_ratio
from linedrift.signals.tails import LONG, bounded_score, level_cost, shift_cost

# One-sided 95 % point of the normal distribution.
Z95 = 1.645

# Detectability is asked between the points of the fit as well.
FINE = np.unique(np.concatenate([GRID[1:], np.arange(0.005, 0.3, 0.005)]))


def false_event_rate(
    score: np.ndarray | float, places: np.ndarray | float, settings: Mapping[str, Any]
) -> np.ndarray:
    """Return the expected number of false events of this score or more in a genome.

    `places` stretches of that length fit into the genome, and each exceeds a log-likelihood
    ratio s by chance with a probability that falls as exp(-slope s); `null_scale` and
    `null_slope` of the config are held against null genomes (benchmarks/README.md).
    """
    # Beyond 700 nats exp would be 0 or infinite.
    return np.exp(np.clip(log_rate(score, places, settings), -700, 700))


def log_rate(
    score: np.ndarray | float, places: np.ndarray | float, settings: Mapping[str, Any]
) -> np.ndarray:
    """Return the natural logarithm of `false_event_rate`, without bounds."""
    score, places = np.asarray(score, float), np.asarray(places, float)
    return np.log(settings["null_scale"] * places) - settings["null_slope"] * score


def places_of(size: int, length: int, settings: Mapping[str, Any], fixed: float = np.inf) -> float:
    """Return how many stretches of `length` loci compete in a genome of `size` loci.

    A question that is asked by name competes with `fixed` others. The tails of real noise weigh
    more the fewer loci are averaged: 1 + null_short/length times as many (null genomes drawn
    from real arrays, benchmarks/README.md).
    """
    length = max(length, 1)
    return min(fixed, size / length) * (1 + settings["null_short"] / length)


def level_alone(assays: Sequence[str], settings: Mapping[str, Any]) -> float:
    """Return the cell fraction below which levels alone call nothing: of the strictest assay.

    `level_alone` of the settings, or that of the section of an assay in them.
    """
    return max({**settings, **settings.get(assay, {})}["level_alone"] for assay in assays)


def needed_score(places: float, settings: Mapping[str, Any]) -> float:
    """Return the log-likelihood ratio at which the false-event rate is the one of the config."""
    return float(
        np.log(settings["null_scale"] * places / settings["rate"]) / settings["null_slope"]
    )


@lru_cache(maxsize=4096)
def _moments(a: float, known: bool) -> tuple[float, float]:
    """Return mean and variance of the score of one locus whose shift is `a` sd.

    With the haplotype sign known the score is a (a + z) - a^2/2; unknown, log cosh replaces the
    first term. Gauss-Hermite quadrature over z.
    """
    nodes, weights = _normal()
    pull = a * (a + nodes)
    if not known:
        magnitude = np.abs(pull)
        pull = magnitude + np.log1p(np.exp(-2 * magnitude)) - np.log(2)
    score = pull - a**2 / 2
    mean = float(weights @ score)
    return mean, float(weights @ (score - mean) ** 2)


def detectable(
    stretch: Stretch, kind: str, needed: float, settings: Mapping[str, Any], known: float = 0.0
) -> float:
    """Return the smallest cell fraction of `kind` that scores `needed` with probability .95.

    Parameters
    ----------
    stretch
        The measurements of one sample over the stretch asked.
    kind
        Kind of event.
    needed
        Log-likelihood ratio of a call, nats.
    settings
        Section `events` of the config.
    known
        Number of heterozygous loci whose haplotype sign another passage tells.

    Returns
    -------
    float
        Cell fraction; NaN where even an event in every cell could be missed.
    """
    if not stretch.copies or alleles(kind, stretch.copies) is None:
        return float("nan")
    # Only what another passage shows is followed further down than an event is called.
    lowest = 0.0 if known else settings["least_fraction"]
    if stretch.n_shifts < settings["least_shifts"]:
        lowest = level_alone(stretch.stack.assay, settings)
    if max(stretch.n_levels, stretch.n_shifts) < settings["short_loci"]:
        lowest = max(lowest, settings["short_fraction"])
    if any(noise.stranger for noise in stretch.stack.noise):
        lowest = max(lowest, settings["stranger_fraction"])
    alike = _alike(stretch)
    for fraction in FINE:
        if fraction < lowest:
            continue
        mean = variance = 0.0
        for k in range(len(alike)):
            shift = _of_shifts(stretch, kind, float(fraction), alike[k], k, known)
            level = _of_levels(stretch, kind, float(fraction), k, settings)
            mean += shift[0] + level[0]
            variance += shift[1] + level[1]
        if mean - Z95 * np.sqrt(variance) >= needed:
            return float(fraction)
    return float("nan")


# Loci of different precision are taken together in as many groups.
GROUPS = 8


def _alike(stretch: Stretch) -> list[list[tuple[float, float]]]:
    """Return, per measurement, (number, sd) of groups of heterozygous loci of like precision."""
    found = []
    for k, shared in enumerate(stretch.stack.shift_shared_sd):
        known = np.isfinite(stretch.shift[k])
        sd = np.hypot(np.broadcast_to(stretch.shift_sd[k], known.shape)[known], shared)
        if len(sd) == 0 or np.ptp(sd) == 0:
            groups = [(float(known @ stretch.weight), float(sd[0]))] if len(sd) else []
        else:
            parts = [part for part in np.array_split(np.sort(sd), GROUPS) if len(part)]
            groups = [(float(len(part)), float(np.mean(part**-2.0) ** -0.5)) for part in parts]
        found.append([(n, spread) for n, spread in groups if n > 0 and spread > 0])
    return found


def _of_shifts(
    stretch: Stretch,
    kind: str,
    fraction: float,
    groups: list[tuple[float, float]],
    k: int,
    known: float,
) -> tuple[float, float]:
    """Return mean and variance of what the alleles of a measurement say, given the event."""
    delta = float(allelic_shift(kind, fraction)) if stretch.copies == 2 else 0.0
    total = sum(n for n, _ in groups)
    share = min(1.0, known / max(stretch.n_shifts, 1))
    mean = variance = power = cost = 0.0
    for n, sd in groups:
        a = float(np.round(delta / sd, 3))
        for count, sign in ((n * (1 - share), False), (n * share, True)):
            if count > 0:
                m, v = _moments(a, sign)
                mean, variance = mean + count * m, variance + count * v
        power += n * a**2
        cost += n * float(shift_cost(stretch.stack.noise[k].shift_costs, a, 1.0))
    if total:
        # As in a call: the evidence against every null is the least of that against each.
        noisier = _noisier(float(np.sqrt(power / total)), total, stretch.stack.excess)
        mean -= max(cost, noisier)
    return mean, variance


def _of_levels(
    stretch: Stretch, kind: str, fraction: float, k: int, settings: Mapping[str, Any]
) -> tuple[float, float]:
    """Return mean and variance of what the levels of a measurement say, given the event."""
    if not stretch.measured[k]:
        return 0.0, 0.0
    noise = stretch.stack.noise[k].on(stretch.stack.chrom[stretch.first])
    mu = noise.response * float(log2_ratio(kind, fraction, stretch.copies))
    variance = float(stretch.covariance[k, k])
    found = _level_moments(mu, variance, settings["response_sd"])
    n = int(np.isfinite(stretch.stack.level[k, stretch.first : stretch.last]).sum())
    if n > LONG:
        return found
    sd = float(np.hypot(noise.level_sd, noise.level_shared_sd))
    if stretch.level_scale.shape[1] > 1:
        sd *= float(np.mean(stretch.level_scale[k] ** -2.0) ** -0.5)
    return min(found, _bounded_moments(n, mu, noise.level_costs, sd))


def _level_moments(mu: float, variance: float, response_sd: float) -> tuple[float, float]:
    """Return mean and variance of `likelihood.level_score` where the level really is `mu`.

    The mean x of the segment is N(mu, w) with w = variance + (response_sd mu)^2, and the score
    (x^2/v - (x - mu)^2/w - log(w/v))/2 with v = variance.
    """
    widened = variance + (response_sd * mu) ** 2
    ratio = widened / variance
    mean = ((mu**2 + widened) / variance - 1 - np.log(ratio)) / 2
    return float(mean), float(mu**2 * widened / variance**2 + (ratio - 1) ** 2 / 2)


@lru_cache
def _normal() -> tuple[np.ndarray, np.ndarray]:
    """Return points and weights of the mean over a standard normal."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    return nodes, weights / weights.sum()


def _bounded_moments(n: int, mu: float, costs: tuple[float, ...], sd: float) -> tuple[float, float]:
    """Return mean and variance of `n` levels taken one by one, given the event (see tails)."""
    nodes, weights = _normal()
    score = bounded_score(mu + sd * nodes, sd, np.array([mu]))[0]
    mean = float(weights @ score)
    cost = float(level_cost(costs, mu, sd))
    return n * (mean - cost), n * float(weights @ (score - mean) ** 2)


def _noisier(a: float, n: float, excess: float) -> float:
    """Return what a noisier null gains on average from `n` shifts of `a` sd (see fitting)."""
    steps = np.array(NOISIER_STEPS)
    factor = np.exp(steps * excess)
    gained = n * ((1 + a**2) / 2 * (1 - factor**-2) - np.log(factor)) - steps**2 / 2
    return max(0.0, float(gained.max()))
