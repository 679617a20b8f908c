"""Intensities of methylation arrays: background, dye bias, detection, methylated share.

One array at a time and without a reference, so that a new line changes nothing of an old one.
Infinium I probes give light of one colour only. What they show in the other colour (out of band)
is background, and there is plenty of it: more than 100,000 values on a 450k array.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import log_ndtr

# 1.4826 turns a median absolute deviation into a standard deviation for normal noise.
_MAD_TO_SD = 1.4826
# Huber's bound in sd: 95 % efficient for normal noise (doi:10.1214/aoms/1177703732).
_HUBER = 1.5


@dataclass(frozen=True)
class Intensities:
    """Intensities of n probes, float64, and what of them is Infinium I.

    `design` is 0 for Infinium I read in red, 1 for Infinium I read in green, 2 for Infinium II
    (methylated in green, unmethylated in red). `outside` holds, for Infinium I, the intensities
    of both addresses in the colour that the probe is not read in, shape (n, 2); NaN for others.
    """

    methylated: np.ndarray
    unmethylated: np.ndarray
    design: np.ndarray
    outside: np.ndarray

    def background(self, colour: str) -> np.ndarray:
        """Return the out-of-band values of a colour: those of probes that are read in the other."""
        values = self.outside[self.design == (1 if colour == "red" else 0)].ravel()
        return values[np.isfinite(values)]

    def foreground(self, colour: str) -> np.ndarray:
        """Return all values of a colour that probes are read in."""
        own = self.design == (0 if colour == "red" else 1)
        second = self.unmethylated if colour == "red" else self.methylated
        values = np.concatenate(
            [self.methylated[own], self.unmethylated[own], second[self.design == 2]]
        )
        return values[np.isfinite(values)]


def huber(values: np.ndarray) -> tuple[float, float]:
    """Return Huber's location and the scale by the median absolute deviation.

    doi:10.1214/aoms/1177703732; NaN where there is no value.
    """
    if len(values) == 0:
        return math.nan, math.nan
    middle = float(np.median(values))
    scale = _MAD_TO_SD * float(np.median(np.abs(values - middle)))
    if scale == 0:
        return middle, 0.0
    for _ in range(50):
        new = float(np.clip(values, middle - _HUBER * scale, middle + _HUBER * scale).mean())
        if abs(new - middle) < 1e-6 * scale:
            return new, scale
        middle = new
    return middle, scale


def signal(values: np.ndarray, mean: float, sd: float, scale: float) -> np.ndarray:
    """Return the expected signal behind intensities of normal background and exponential signal.

    Parameters
    ----------
    values
        Intensities.
    mean, sd
        Of the background.
    scale
        Mean of the exponential signal.

    Notes
    -----
    The normal-exponential convolution of doi:10.1093/biostatistics/kxn042, formula (1), as it is
    used on methylation arrays by doi:10.1093/nar/gkt090.
    """
    if sd == 0:
        return np.maximum(values - mean, 0.0)
    shifted = values - mean - sd**2 / scale
    z = shifted / sd
    # Density over probability of a normal variate, by logarithms: both vanish far below zero.
    hazard = np.exp(-0.5 * z**2 - 0.5 * math.log(2 * math.pi) - log_ndtr(z))
    return np.maximum(shifted + sd * hazard, 0.0)


def noob(
    raw: Intensities, settings: Mapping[str, Any]
) -> tuple[Intensities, dict[str, tuple[float, float, float]]]:
    """Return intensities without background, and (mean, sd, scale) of each colour.

    The background of a colour is what probes of the other colour show in it: normal-exponential
    convolution with out-of-band probes, doi:10.1093/nar/gkt090. A colour with fewer of them than
    `least_outside` is left as it is.

    Parameters
    ----------
    raw
        Intensities as they were scanned.
    settings
        Section `methylation.arrays`: least_outside, signal_offset.
    """
    parameters: dict[str, tuple[float, float, float]] = {}
    for colour in ("red", "green"):
        outside = raw.background(colour)
        if len(outside) < settings["least_outside"]:
            continue
        mean, sd = huber(outside)
        # 10 is the least scale of the method's own implementation: no array is so dark.
        parameters[colour] = mean, sd, max(huber(raw.foreground(colour))[0] - mean, 10.0)
    methylated, unmethylated = raw.methylated.copy(), raw.unmethylated.copy()
    for colour, found in parameters.items():
        first = raw.design == (0 if colour == "red" else 1)
        second = raw.design == 2
        for values, read_here in (
            (methylated, first | second if colour == "green" else first),
            (unmethylated, first | second if colour == "red" else first),
        ):
            values[read_here] = signal(values[read_here], *found) + settings["signal_offset"]
    return replace(raw, methylated=methylated, unmethylated=unmethylated), parameters


def dye_ratio(intensities: Intensities, green: np.ndarray, red: np.ndarray) -> tuple[float, str]:
    """Return how much brighter red is than green, and what that rests on.

    Parameters
    ----------
    intensities
        Intensities without background.
    green, red
        Normalisation controls in their colour without background (green: C and G, red: A and T);
        may be empty. Their means are compared, as doi:10.1093/nar/gkt090 does; no other array is
        needed (doi:10.1093/bioinformatics/btw691). Without controls the medians of the totals of
        Infinium I in red and in green stand in, the quantity that doi:10.1093/nar/gky691 matches.
    """
    if len(green) and len(red) and green.mean() > 0 and red.mean() > 0:
        return float(red.mean() / green.mean()), "normalisation controls"
    total = intensities.methylated + intensities.unmethylated
    of_red, of_green = (total[(intensities.design == one) & np.isfinite(total)] for one in (0, 1))
    if min(len(of_red), len(of_green)) == 0 or np.median(of_green) <= 0:
        return 1.0, "none"
    return float(np.median(of_red) / np.median(of_green)), "Infinium I probes"


def without_dye_bias(intensities: Intensities, ratio: float) -> Intensities:
    """Return intensities with both dyes on their geometric mean; `ratio` is red over green."""
    up, down = math.sqrt(ratio), 1 / math.sqrt(ratio)
    methylated = np.array([down, up, up])[intensities.design] * intensities.methylated
    unmethylated = np.array([down, up, down])[intensities.design] * intensities.unmethylated
    return replace(intensities, methylated=methylated, unmethylated=unmethylated)


def normalise(
    raw: Intensities, green: np.ndarray, red: np.ndarray, settings: Mapping[str, Any]
) -> tuple[Intensities, dict[str, Any]]:
    """Return intensities without background and dye bias, and what was found on the way.

    Parameters
    ----------
    raw
        Intensities as they were scanned.
    green, red
        Normalisation controls as they were scanned, each in its colour; may be empty.
    settings
        Section `methylation.arrays` of the config.

    Returns
    -------
    tuple
        Intensities; and normalisation (words), dye_ratio (red over green), background_red and
        background_green (means; NaN where a colour has too few out-of-band values).
    """
    corrected, found = noob(raw, settings)
    controls = []
    for colour, values in (("green", green), ("red", red)):
        values = values[np.isfinite(values)]
        controls.append(signal(values, *found[colour]) if colour in found else values)
    ratio, rests_on = dye_ratio(corrected, *controls)
    words = "background by out-of-band probes" if found else "background not corrected"
    if found and len(found) == 1:
        words = f"{words} in {next(iter(found))} only"
    words += f", dye bias by {rests_on}" if rests_on != "none" else ", dye bias not corrected"
    return without_dye_bias(corrected, ratio), {
        "normalisation": words,
        "dye_ratio": ratio,
        "background_red": found.get("red", (math.nan,))[0],
        "background_green": found.get("green", (math.nan,))[0],
    }


def detection_p(raw: Intensities) -> np.ndarray:
    """Return, per probe, the chance that background alone is as bright (n,).

    The share of out-of-band values of its colour that are as bright as the brighter allele
    (pOOBAH, doi:10.1093/nar/gky691); of Infinium II the lower of both colours. One is added to
    both counts, so no probability is 0. NaN where a colour has no out-of-band values.
    """
    found = np.full(len(raw.design), np.nan)
    tails = {colour: np.sort(raw.background(colour)) for colour in ("red", "green")}

    def above(colour: str, values: np.ndarray) -> np.ndarray:
        """Return the share of the background that is at least as bright."""
        tail = tails[colour]
        if len(tail) == 0:
            return np.full(len(values), np.nan)
        count = len(tail) - np.searchsorted(tail, values, side="left")
        return np.where(np.isfinite(values), (count + 1) / (len(tail) + 1), np.nan)

    brighter = np.fmax(raw.methylated, raw.unmethylated)
    for colour, code in (("red", 0), ("green", 1)):
        found[raw.design == code] = above(colour, brighter[raw.design == code])
    second = raw.design == 2
    found[second] = np.fmin(
        above("green", raw.methylated[second]), above("red", raw.unmethylated[second])
    )
    return found


def share(methylated: np.ndarray, unmethylated: np.ndarray, offset: float) -> np.ndarray:
    """Return the methylated share, M / (M + U + offset); NaN without any intensity.

    Illumina's definition of beta, with the offset 100 (doi:10.2217/epi.09.14), which keeps probes
    without light from any value.
    """
    total = methylated + unmethylated
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, methylated / (total + offset), np.nan)


def first_usable(locus: np.ndarray, name: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Return which probe stands for its locus (bool, (n,)): the first usable one by name.

    Replicates of EPIC v2 differ in strand and chemistry, so their betas differ by more than
    noise: the same one must stand for a locus at every passage, or that difference would pass for
    drift. So the order is that of the names, and only a probe that cannot be used gives way.
    (The mean, or the best detection p, take another one at another passage; how replicates differ:
    doi:10.1186/s12864-024-10027-5.)
    """
    order = np.lexsort((name, ~usable))
    _, first = np.unique(locus[order], return_index=True)
    chosen = np.zeros(len(locus), dtype=bool)
    chosen[order[first]] = True
    return chosen
