"""The X chromosome: one of two inactive, eroded, both active, or the only one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from linedrift.readouts import readouts as rows_of
from linedrift.readouts.methylation_ranges import (
    Normal,
    Subject,
    explained,
    judged,
    stated,
    too_few,
)
from linedrift.readouts.methylation_regions import X_ISLANDS, by_region, records, sequenced

XIST = "XIST_promoter"
ISLANDS_SOURCE = (
    "doi:10.1101/gr.112680.110 (most CpG islands are methylated on the inactive X); "
    "PMC2290804 (promoters of X lose methylation where XIST is lost); bounds: own rule"
)
STATE_SOURCE = "PMC2290804; doi:10.1016/j.celrep.2021.109215; PMC8452533"
NO_SEX = "sex is not known, so no range holds"


def readouts(
    own: pd.DataFrame,
    baseline: pd.DataFrame | None,
    loci: pd.DataFrame,
    subject: Subject,
    settings: Mapping[str, Any],
    events: pd.DataFrame | None = None,
) -> list[dict[str, Any]]:
    """Return the readouts of X: XIST promoter, islands, single promoters, and what they add up to.

    A female line has XIST methylated on the active X only (about half) and most islands half
    methylated. Erosion: XIST silenced by methylation, then islands lose theirs. A male's one
    active X has XIST methylated and islands unmethylated.

    Parameters
    ----------
    own, baseline
        REGION_VALUES of the sample, and of the earliest passage (None: it is that).
    loci
        resources/methylation_drift_loci.tsv.
    subject
        Its sex decides what is normal; unknown: not testable.
    settings
        methylation.measures of the config: `x_xist`, `x_promoter`, `x_islands` by sex, and
        `x_islands_change`.
    events
        EVENTS that the sample carries: a lost X leaves what looks like erosion.
    """
    value_of, reads = by_region(own), sequenced(own)
    made = {}
    asked = loci[loci["id"].isin([XIST]) | loci["id"].str.startswith("Xi_")]
    for locus in records(asked):
        name = locus["id"]
        known = {
            "place": rows_of.place(locus["chrom"], locus["start"], locus["end"]),
            "role": "flag" if locus["verification"] == "verified" else "annotate",
            "source": str(locus["source"]), "unit": "share",
        }  # fmt: skip
        normal = _normal("x_xist" if name == XIST else "x_promoter", subject, settings)
        value = value_of.get(name)
        few = "no data" if value is None else too_few(value, reads, settings)
        made[name] = known | _answer(value, normal, few, locus, events)
        made[name]["label"] = "XIST promoter" if name == XIST else f"{locus['gene']} promoter"
    made[X_ISLANDS] = _islands(value_of.get(X_ISLANDS), baseline, subject, settings, events)
    rows = {
        name: rows_of.readout("x_chromosome", name.lower(), **known) for name, known in made.items()
    }
    return [*rows.values(), _state(rows[XIST], rows[X_ISLANDS], subject)]


def _normal(key: str, subject: Subject, settings: Mapping[str, Any]) -> Normal | None:
    if subject.sex not in settings[key]:
        return None
    return stated(settings[key][subject.sex], f"stated range of a {subject.sex}")


def _answer(
    value: Mapping[str, Any] | None,
    normal: Normal | None,
    few: str,
    region: Mapping[str, Any],
    events: pd.DataFrame | None,
) -> dict[str, Any]:
    """Return state, value and range of one question, or why it has none."""
    if value is None or few:
        return {"reason": few}
    if normal is None:
        given = {name: value[name] for name in ("low", "high")}
        n = value["n_reads"] or value["n_loci"]
        return {"reason": NO_SEX, "value": value["beta"], **given, "n": n}
    told = judged(value, normal)
    # Role and source are the caller's; only an explanation by copy number takes the role back.
    return explained(told, region, events)


def _islands(
    value: Mapping[str, Any] | None,
    baseline: pd.DataFrame | None,
    subject: Subject,
    settings: Mapping[str, Any],
    events: pd.DataFrame | None,
) -> dict[str, Any]:
    """Return the share of islands that is half methylated, against sex and earliest passage."""
    known = {
        "label": "CpG islands of X that are half methylated", "role": "flag", "unit": "share",
        "source": ISLANDS_SOURCE,
    }  # fmt: skip
    least = settings["x_least_islands"]
    few = ""
    if value is None or value["n_loci"] < least:
        few = f"too few loci: {0 if value is None else value['n_loci']} islands, {least} needed"
    normal = _since(baseline, _normal("x_islands", subject, settings), subject, settings)
    known |= _answer(value, normal, few, value or {}, _whole_x(events, value))
    return known


def _since(
    baseline: pd.DataFrame | None,
    normal: Normal | None,
    subject: Subject,
    settings: Mapping[str, Any],
) -> Normal | None:
    """Return the range of a female raised to what her earliest passage had, less a change.

    Where XIST is lost about 12 % of the promoters of X lose their methylation (PMC2290804), less
    than the range between people, so a line is its own best control.
    """
    if normal is None or baseline is None or subject.sex != "female":
        return normal
    first = baseline[(baseline["region"] == X_ISLANDS) & baseline["beta"].notna()]
    if first.empty or first["n_loci"].iloc[0] < settings["x_least_islands"]:
        return normal
    share = float(first["beta"].iloc[0])
    low = max(normal.low, float(first["low"].iloc[0]) - settings["x_islands_change"])
    against = f"{normal.against} and earliest passage"
    return Normal(low, normal.high, max(share, low), against)


def _whole_x(events: pd.DataFrame | None, value: Mapping[str, Any] | None) -> pd.DataFrame | None:
    """Return the events that cover at least half of X."""
    if events is None or value is None or events.empty:
        return None
    covered = events["end"].clip(upper=value["end"]) - events["start"].clip(lower=value["start"])
    return events[covered >= (value["end"] - value["start"]) / 2]


def _state(xist: Mapping[str, Any], islands: Mapping[str, Any], subject: Subject) -> dict[str, Any]:
    """Return what both say together; it annotates, for they count by themselves."""
    known = {"source": STATE_SOURCE, "against": f"stated range of a {subject.sex}"}
    if subject.sex == "unknown":
        found = "not_testable", NO_SEX
    elif islands["state"] == "not_testable":
        found = "not_testable", islands["reason"]
    else:
        found = _in_words(xist["state"], islands["state"], subject.sex)
    explanation = islands["reason"] if islands["reason"].startswith("explained") else ""
    known |= {"state": found[0], "reason": explanation or found[1]}
    return rows_of.readout("x_chromosome", "x_state", "State of X inactivation", **known)


def _in_words(xist: str, islands: str, sex: str) -> tuple[str, str]:
    if sex == "male":
        if islands == "gained":
            return "gained", "inactive X in a male: check sex and copies of X"
        return "normal", "one active X"
    if islands == "lost":
        if xist == "gained":
            return "lost", "eroded: XIST promoter methylated, islands of X not"
        return "lost", "two active X, as in naive cells, or a single X"
    if xist == "gained":
        return (
            "normal",
            "one active and one inactive X; XIST promoter methylated: erosion may follow",
        )
    return "normal", "one active and one inactive X"
