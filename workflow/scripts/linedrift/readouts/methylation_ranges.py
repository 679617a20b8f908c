"""A measured methylation against the range that is normal: state, limit, and what explains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from linedrift.readouts.methylation_regions import HALF_WIDTH, MAD_TO_SD, X_ISLANDS, records
from linedrift.readouts.readouts import below_or_above
from linedrift.wording import KIND_WORDS

# Found with probability .95: so many standard deviations beyond the end of the interval.
POWER = 1.645

# Said of a change only: without other people the stated range alone decides.
NO_CONTROLS = "too few other lines of the bank to compare with"


@dataclass(frozen=True)
class Subject:
    """The sample that is asked: its name, passage, sex, and whether it is a line or a donor."""

    sample: str
    passage: int
    sex: str = "unknown"
    kind: str = "line"


@dataclass(frozen=True)
class Normal:
    """A range that is normal, its centre, what it rests on in words, and a remark on it."""

    low: float
    high: float
    centre: float
    against: str = "stated range"
    remark: str = ""
    # What the controls alone would say; NaN without controls.
    control_low: float = np.nan
    control_high: float = np.nan


def stated(bounds: tuple[float, float] | list[float], against: str = "stated range") -> Normal:
    """Return the range between two stated bounds."""
    low, high = bounds
    return Normal(low, high, (low + high) / 2, against)


def widened(normal: Normal, controls: np.ndarray, settings: Mapping[str, Any]) -> Normal:
    """Return a stated range widened to what controls (other people) show.

    Normal is what lies in the stated range *or* among the controls: a few regions are not half
    methylated by the probes of an array (RB1 .72-.82 and MCTS2P .29-.38 in six normal people), so
    the stated range alone would flag everybody. The controls' range is median +- k s sqrt(1 + 1/n),
    k = `control_sds`, s^2 = (w s_0^2 + (n - 1) s_r^2) / (w + n - 1) with the robust sd s_r drawn to
    s_0 = `control_sd` with the weight w = `control_weight`. It widens the stated one by
    `control_reach` at the most, and not at all where the controls' median lies further out:
    imprints of H19 and MEG3 are lost in many lines (doi:10.1016/j.celrep.2017.04.020), so a bank
    can be abnormal as a whole.

    Parameters
    ----------
    controls
        Methylation of the same region in other people, NaN where not measured.
    """
    known = controls[np.isfinite(controls)]
    n = len(known)
    if n < settings["least_controls"]:
        return replace(normal, remark=NO_CONTROLS)
    centre = float(np.median(known))
    reach = settings["control_reach"]
    people = f"{n} other lines of the bank"
    if not normal.low - reach <= centre <= normal.high + reach:
        remark = f"not compared with {people}: they are outside of it too (median {centre:.2f})"
        return replace(normal, remark=remark)
    weight = settings["control_weight"]
    robust = MAD_TO_SD * np.median(np.abs(known - centre))
    variance = (weight * settings["control_sd"] ** 2 + (n - 1) * robust**2) / (weight + n - 1)
    half = settings["control_sds"] * np.sqrt(variance * (1 + 1 / n))
    return Normal(
        min(normal.low, max(centre - half, normal.low - reach)),
        max(normal.high, min(centre + half, normal.high + reach)),
        centre,
        f"{normal.against} and {people}",
        control_low=centre - half,
        control_high=centre + half,
    )


def too_few(value: Mapping[str, Any], reads: bool, settings: Mapping[str, Any]) -> str:
    """Return why a region cannot be judged, or nothing where it can.

    Parameters
    ----------
    value
        Row of REGION_VALUES. A region of one CpG needs that CpG only.
    reads
        Whether it was sequenced.
    """
    single = value["end"] - value["start"] == 1
    least = 1 if single else settings["least_cpgs" if reads else "least_probes"]
    if not reads:
        if value["n_loci"] >= least:
            return ""
        return f"too few probes: {value['n_loci']} where {least} are needed"
    least_reads = settings["least_reads"]
    if value["n_loci"] >= least and value["n_reads"] >= least_reads:
        return ""
    return (
        f"too few reads: {value['n_reads']} on {value['n_loci']} CpGs, where {least_reads} on "
        f"{least} are needed"
    )


def limits_of(value: Mapping[str, Any], normal: Normal) -> tuple[float, float]:
    """Return the smallest loss and gain from the centre that are found with probability .95.

    Found: the whole interval lies outside of the range, so 1.96 + 1.645 standard errors do. The
    standard error is that of the measurement; where it is one of a share (of reads, of islands) it
    goes with sqrt(q (1 - q) + .1), for the interval of a few trials does not vanish at 0 and 1.
    Infinite where not even a complete change would be found; NaN where the range leaves no room.
    """
    error = (value["high"] - value["low"]) / 2 / HALF_WIDTH
    share = np.linspace(0, 1, 201)
    at = value["beta"] * (1 - value["beta"]) + 0.1
    scale = np.sqrt((share * (1 - share) + 0.1) / at)
    if not value["n_reads"] and value["region"] != X_ISLANDS:
        scale = np.ones(len(share))
    reach = (HALF_WIDTH + POWER) * error * scale
    lost, gained = share[share + reach < normal.low], share[share - reach > normal.high]
    loss = normal.centre - lost.max(initial=-np.inf) if normal.low > 0 else np.nan
    gain = gained.min(initial=np.inf) - normal.centre if normal.high < 1 else np.nan
    return float(loss), float(gain)


def judged(value: Mapping[str, Any], normal: Normal) -> dict[str, Any]:
    """Return the columns of a readout that tell a value against its range.

    Lost or gained only where the whole 95 % interval lies outside: the range is widened by the
    measurement's own uncertainty. Not testable where not even a complete change (to 0 or to 1)
    would have been seen.
    """
    low_or_high = below_or_above(value["high"], normal.low, np.inf)
    state = low_or_high if low_or_high == "lost" else below_or_above(value["low"], 0, normal.high)
    found = {
        word: limit
        for word, limit in zip(("loss", "gain"), limits_of(value, normal), strict=True)
        if not np.isnan(limit)
    }
    unseen = [word for word, limit in found.items() if np.isinf(limit)]
    told = {
        "state": state, "value": value["beta"], "low": value["low"], "high": value["high"],
        "unit": "share", "expected_low": normal.low, "expected_high": normal.high, 
        "limit": max((one for one in found.values() if np.isfinite(one)), default=np.nan),
        "n": value["n_reads"] or value["n_loci"], "against": normal.against,
        "reason": _remark(value, normal, state),
    }  # fmt: skip
    few = "reads" if value["n_reads"] else "loci"
    if state == "normal" and len(unseen) == len(found):
        reason = f"too few {few}: not even a complete change would have been seen"
        return {**told, "state": "not_testable", "reason": reason}
    if state == "normal" and unseen:
        told["reason"] = "; ".join(
            filter(None, [told["reason"], f"a {unseen[0]} would not have been seen"])
        )
    return told


def _remark(value: Mapping[str, Any], normal: Normal, state: str) -> str:
    if state == "normal" and normal.remark == NO_CONTROLS:
        return ""
    if normal.remark or state != "normal" or np.isnan(normal.control_low):
        return normal.remark
    if value["high"] < normal.control_low or value["low"] > normal.control_high:
        shown = f"{max(normal.control_low, 0):.2f} to {min(normal.control_high, 1):.2f}"
        return f"in the stated range, but not among the controls ({shown})"
    return ""


def explained(
    told: Mapping[str, Any], region: Mapping[str, Any], events: pd.DataFrame | None
) -> dict[str, Any]:
    """Return a judged readout with what copy number says of it.

    One copy lost, or both of one parent (copy-neutral LOH), makes a half methylated region 0 or 1
    in the cells that carry it; of c copies after a gain, 1/c to (c - 1)/c are methylated. Then
    state and value stay, the reason names the event, and the role is `annotate`: the event itself
    is what counts.

    Parameters
    ----------
    told
        From `judged`, with its role.
    region
        chrom, start, end.
    events
        EVENTS that the sample carries, or None.
    """
    if events is None or events.empty or told["state"] not in ("gained", "lost"):
        return dict(told)
    near = events[
        (events["chrom"].astype(str) == str(region["chrom"]))
        & (events["start"] < region["end"])
        & (events["end"] > region["start"])
        & events["kind"].isin(["loss", "cn_loh", "gain", "amplification"])
    ]
    for event in records(near):
        shares = (0.0, 1.0)
        if event["kind"] in ("gain", "amplification"):
            copies = max(int(event["copies"]), 3)
            shares = 1 / copies, 1 - 1 / copies
        if told["low"] <= shares[1] and told["high"] >= shares[0]:
            place = event["band"] or event["chrom"]
            reason = f"explained by the {KIND_WORDS[event['kind']]} of {place}"
            return {**told, "reason": reason, "role": "annotate"}
    return dict(told)
