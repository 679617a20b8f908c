"""Sizes, shares of cells, events and variants in words, the same on every page and file."""

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
# The note of an event that no level speaks for begins with these words.
ALLELES_ALONE = "by alleles alone: a gain, a loss and CN-LOH look alike"
ORIGIN_WORDS = {
    "acquired": "acquired",
    "unknown": "origin unknown, no baseline tells",
    "inherited": "inherited",
    "expanded": "expanded: the donor has it in few cells",
    "lost": "lost: the donor has it",
}

# Classes of the consequences that bcftools csq names (Sequence Ontology), the gravest first.
CONSEQUENCES = {
    "truncating": ("stop_gained", "frameshift", "splice_acceptor", "splice_donor", "start_lost",
                   "stop_lost"),
    "missense": ("missense",),
    "in_frame": ("inframe_insertion", "inframe_deletion", "inframe_altering", "protein_altering"),
    "synonymous": ("synonymous", "stop_retained", "start_retained"),
    "other": (),
}  # fmt: skip
CONSEQUENCE_WORDS = {
    "truncating": "truncating or splice site",
    "missense": "missense",
    "in_frame": "in-frame insertion or deletion",
    "synonymous": "synonymous",
    "other": "outside coding sequence",
    "": "consequence not known",
}
CHANGES_PROTEIN = ("truncating", "missense", "in_frame")


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


def consequence_class(consequence: str) -> str:
    """Return the gravest class of a consequence (``splice_region&synonymous``), "" where none.

    Terms are taken with and without ``_variant``, and with the ``*`` that csq writes before what
    lies behind a stop.
    """
    terms = {
        term.lstrip("*").removesuffix("_variant").lower()
        for term in str(consequence).replace(",", "&").split("&")
        if term
    }
    if not terms:
        return ""
    return next((name for name, own in CONSEQUENCES.items() if terms & set(own)), "other")


def consequence_text(consequence: str) -> str:
    """Return a consequence for people: ``stop gained``; nothing where none is known."""
    return str(consequence).replace("&", ", ").replace("_", " ").replace(" variant", "")


def variant_name(variant: Mapping[str, Any], label: str = "") -> str:
    """Return how a variant is called: its hotspot, its gene and change, or its place."""
    if label:
        return label
    gene, change = str(variant["gene"]), str(variant["protein_change"])
    place = f"{variant['chrom']}:{int(variant['start']) + 1:,}"
    alleles = f"{short_allele(variant['ref'])}>{short_allele(variant['alt'])}"
    if gene and change:
        return f"{gene} {change}"
    return f"{gene} {place} {alleles}" if gene else f"{place} {alleles}"


def short_allele(allele: object) -> str:
    """Return an allele, or the beginning of a long one and its length."""
    text = str(allele)
    return text if len(text) <= 12 else f"{text[:8]}…({len(text)} bp)"


def variant_text(
    variant: Mapping[str, Any], state: Mapping[str, Any] | pd.Series, label: str = ""
) -> str:
    """Return a variant in a sample in words: name, consequence, cells, origin."""
    cells = cells_text(state["cell_fraction"], state["low"], state["high"])
    known = consequence_text(variant["consequence"])
    said = f" ({known})" if known else ""
    origin = ORIGIN_WORDS[str(variant["origin"])]
    return f"{variant_name(variant, label)}{said} in {cells}, {origin}"
