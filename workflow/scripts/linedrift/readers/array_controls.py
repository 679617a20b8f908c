"""Controls of methylation arrays: whether the bisulfite conversion worked."""

from __future__ import annotations

import math
import re

import numpy as np

# BS Conversion I-C1, BS Conversion I C4, BS Conversion I-U1: converted or not, number of the pair.
_PAIRED = re.compile(r"([CU])\s*(\d+)\s*$", re.I)


def conversion(
    kinds: np.ndarray, names: np.ndarray, green: np.ndarray, red: np.ndarray
) -> tuple[float, int]:
    """Return the share of the DNA that was converted, and how many controls tell it.

    Controls of kind I are pairs, C for converted and U for unconverted DNA, some in each colour: a
    pair is read in the colour where it is brighter. Those of kind II add a red base to converted
    and a green one to unconverted DNA. The median of all shares is the figure of wateRmelon
    (doi:10.1186/1471-2164-14-293). NaN without controls.

    Parameters
    ----------
    kinds, names
        Kind of each control in the manifest (BISULFITE CONVERSION I or II) and its name, (n,).
    green, red
        Intensities as they were scanned, (n,); NaN where the chip has no such address.
    """
    of_pairs: dict[tuple[str, int], int] = {}
    seconds = []
    for at in np.flatnonzero(np.isfinite(green) & np.isfinite(red)):
        kind, match = str(kinds[at]).upper(), _PAIRED.search(str(names[at]))
        if not kind.startswith("BISULFITE CONVERSION"):
            continue
        if match and not kind.endswith("II"):
            of_pairs[match[1].upper(), int(match[2])] = int(at)
        elif kind.endswith("II"):
            seconds.append(_share(red[at], green[at]))
    firsts = []
    for (letter, number), converted in of_pairs.items():
        other = of_pairs.get(("U", number))
        if letter == "C" and other is not None:
            pairs = ((green[converted], green[other]), (red[converted], red[other]))
            firsts.append(_share(*max(pairs, key=sum)))
    found = firsts + seconds
    return (float(np.median(found)) if found else math.nan), len(found)


def _share(one: float, other: float) -> float:
    return float(one / max(one + other, 1.0))


def green_excess(next_base: np.ndarray, is_red: np.ndarray, outside: np.ndarray) -> float:
    """Return how much more green light red Infinium I probes give where it may be unconverted C.

    The base behind a red probe is A or T. An A may stand opposite of a converted C: where that is
    not converted, a green G is added. Behind a T nothing can be converted. So the mean green light
    of the former over that of the latter is about 1, and rises with unconverted DNA: the GCT score
    (doi:10.1093/nar/gky691). Annotations that name the converted A (R) are taken at their word.

    Parameters
    ----------
    next_base
        Base that is added behind the probe (Next_Base), (n,).
    is_red
        Whether the probe is Infinium I read in red, (n,).
    outside
        Green light of its two addresses, (n, 2).
    """
    said = (next_base == "R").any()
    maybe, never = ("R", "A") if said else ("A", "T")
    means = []
    for base in (maybe, never):
        values = outside[is_red & (next_base == base)].ravel()
        values = values[np.isfinite(values)]
        # Fewer than this tell a mean to no better than 10 % (their sd is about their mean).
        means.append(float(values.mean()) if len(values) >= 100 else math.nan)
    return means[0] / means[1] if means[1] else math.nan
