"""The rules of a verdict in words, and what would have been seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from linedrift.verdict import readout_verdict
from linedrift.wording import percent_up, size_text

_EVENT_NOUNS = {"gain": "Gains", "loss": "Losses", "loss_or_loh": "Losses and LOH", "loh": "LOH"}
_LABEL_TAILS = (" loss / LOH", " CN-LOH", " gain", " loss")


def detection(hotspots: pd.DataFrame, sample: str, basis: Mapping[str, Any]) -> list[str]:
    """Return one sentence per flagged hotspot that is absent: what would have been seen."""
    rows = hotspots[
        (hotspots["sample"] == sample) & (hotspots["state"] == "absent") & hotspots["limit"].notna()
    ]
    limits = dict(zip(rows["hotspot_id"], rows["limit"], strict=True))
    return [
        f"{_plural(spot)} in {_or_more(limits[name])} would have been seen."
        for name, spot in basis["hotspots"].items()
        if spot["role"] == "flag" and name in limits
    ]


def _or_more(limit: float) -> str:
    return "all cells" if limit >= 1 else f"{percent_up(limit)} of cells or more"


def _plural(spot: Mapping[str, str]) -> str:
    """Return `Gains of 20q11.21` for the label `20q11.21 gain`, `Trisomy 12` for itself."""
    label = spot["label"]
    if label.lower().startswith("trisomy"):
        return label[0].upper() + label[1:]
    for tail in _LABEL_TAILS:
        label = label.replace(tail, "", 1)
    return f"{_EVENT_NOUNS.get(spot['event'], 'Changes')} of {label}"


def rules(settings: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the rules in words, in the order in which they decide, with their citations."""
    size, limit = size_text(settings["reporting_size"]), percent_up(settings["max_limit"])
    flags, reviews = "/".join(settings["flag_tiers"]), "/".join(settings["review_tiers"])
    needed = "point" in settings["required_scopes"]
    words = (
        ("identity", "insufficient", "The identity of the sample failed, or its "
         "genotype and that of its donor or sister passage differ."),
        ("quality", "insufficient", "Every measurement of the sample failed quality."),
        ("candidate", "", "An event with more than "
         f"{settings['max_false_event_rate']:g} false events a genome is listed, not counted."),
        ("lookalike", "", "An event of unknown origin where germline variants are common is "
         "listed, not counted."),
        ("hotspot", "altered", f"An event that is not inherited at a verified hotspot of tier "
         f"{flags}."),
        ("review", "watch", f"An event that is not inherited at a verified hotspot of tier "
         f"{reviews}."),
        ("event", "watch", f"Any other event that is not inherited, of {size} or more."),
        ("small", "", f"An event of less than {size} outside these hotspots is listed, not "
         "counted."),
        ("point", "altered", f"An acquired point mutation at a verified hotspot of tier {flags}."),
        ("origin", "watch", f"A point mutation at a verified hotspot of tier {flags} or {reviews} "
         "that the donor has in few cells, or whose origin is not known."),
        ("cancer_gene", "watch", f"An acquired change of the protein of a cancer gene, or at a "
         f"verified hotspot of tier {reviews}."),
        ("disputed", "", "A variant in a gene whose calls came from reads of mouse feeder cells "
         "is listed, not counted."),
        ("doubtful", "", "A variant with a posterior below "
         f"{settings['min_variant_posterior']:g} is listed, not counted."),
        ("variant", "", "Other variants are counted by consequence and decide nothing."),
        *readout_verdict.rules(settings),
        ("coverage", "insufficient", f"A hotspot of tier {flags} and of a scope in "
         f"{', '.join(settings['required_scopes'])} is not excluded down to {limit} of cells."),
        ("point_coverage", "insufficient" if needed else "", "A hotspot of point mutations of tier "
         f"{flags} is not excluded down to {limit} of cells, or was not asked: it is said"
         + ("." if needed else " and decides nothing.")),
        ("stable", "stable", "None of these."),
    )  # fmt: skip
    return [
        {"rule": rule, "verdict": verdict, "text": text, "reference": settings["citations"][rule]}
        for rule, verdict, text in words
    ]
