"""Sizes, shares of cells and events in words, the same on every page and in every file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

KIND_WORDS = {
    "gain": "gain",
    "loss": "loss",
    "amplification": "amplification",
    "deep_loss": "homozygous loss",
    "cn_loh": "copy-neutral LOH",
}
ORIGIN_WORDS = {
    "acquired": "acquired",
    "unknown": "origin unknown, no baseline tells",
    "inherited": "inherited",
}


def event_text(event: Mapping[str, Any], state: Mapping[str, Any] | pd.Series) -> str:
    """Return an event in a sample in words: kind, band, size, copies, cells, origin."""
    size = size_text(event["end"] - event["start"])
    copies = "1 copy" if event["copies"] == 1 else f"{event['copies']} copies"
    cells = cells_text(state["cell_fraction"], state["low"], state["high"])
    kind, origin = KIND_WORDS[event["kind"]], ORIGIN_WORDS[event["origin"]]
    place = event["band"] or event["chrom"]
    place = f"chromosome {place}" if place.isalnum() and len(place) <= 2 else place
    return f"{kind} of {place} ({size}, {copies}) in {cells}, {origin}"


def size_text(length: int) -> str:
    """Return a length in kb below 1 Mb, in Mb above: ``97 kb``, ``2.5 Mb``."""
    return f"{length / 1000:.0f} kb" if length < 999_500 else f"{length / 1e6:.1f} Mb"


def percent(fraction: float) -> str:
    """Return a share as whole per cent; ``less than 1 %`` where it rounds to nothing."""
    whole = round(100 * fraction)
    return f"{whole} %" if whole or fraction == 0 else "less than 1 %"


def percent_up(fraction: float) -> str:
    """Return a share as whole per cent, rounded up: a limit is never stated too low."""
    return f"{math.ceil(100 * fraction - 1e-9)} %"


def cells_text(fraction: float, low: float, high: float) -> str:
    """Return a cell fraction with its 95 % interval: ``85 % of cells (80 to 90 %)``."""
    if math.isnan(fraction):
        return "a share of cells that was not determined"
    text = f"{percent(fraction)} of cells"
    if math.isnan(low) or math.isnan(high):
        return text
    return f"{text} ({100 * low:.0f} to {100 * high:.0f} %)"
