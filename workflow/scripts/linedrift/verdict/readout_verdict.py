"""What readouts mean: findings of what expression and methylation say beside copy number.

The rules stand in `verdict: readouts` by group and state; only a question whose source was read
(role flag or review) counts, all others are remarks. What is as expected is no finding, and what
was not testable is said in one sentence a group and never blocks a verdict: no other assay is
asked for.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift.findings import Finding, by_rule
from linedrift.readout_tables import GROUPS
from linedrift.records import Readouts

# States of something that is not as expected, or that was looked for and is there.
CHANGED = ("gained", "lost", "present")
ASSAY_WORDS = {"rna": "RNA-seq", "methylation": "methylation"}
GROUP_WORDS = {
    "pluripotency": "pluripotency",
    "lineage": "lineage",
    "x_chromosome": "X chromosome",
    "imprinting": "imprinting",
    "hotspot_gene": "gene of a hotspot",
    "vector": "reprogramming vector",
    "variant": "acquired variant in RNA",
    "drift": "drift",
}
# What a question of each group is called, one and several, for sentences that count them.
_NOUNS = {
    "pluripotency": ("marker of pluripotency", "markers of pluripotency"),
    "lineage": ("marker of lineages", "markers of lineages"),
    "x_chromosome": ("measure of the X chromosome", "measures of the X chromosome"),
    "imprinting": ("imprinted region", "imprinted regions"),
    "hotspot_gene": ("gene of hotspots", "genes of hotspots"),
    "vector": ("reprogramming vector", "reprogramming vectors"),
    "variant": ("acquired variant looked up in RNA", "acquired variants looked up in RNA"),
    "drift": ("measure of drift", "measures of drift"),
}
# A list in a sentence names three.
_NAMED = 3
_ORDER = ("altered", "watch", "note")


def trusted(readouts: Readouts, quality: pd.DataFrame) -> Readouts:
    """Return the readouts with those of measurements that failed quality as not testable.

    A wrong sex is not counted: it says that the sample is another one.
    """
    bad = quality[(quality["state"] == "fail") & (quality["figure"] != "sex")]
    failed = set(zip(bad["sample"], bad["assay"], strict=True))
    asked = readouts.asked
    pairs = zip(asked["sample"], asked["assay"], strict=True)
    at = np.array([pair in failed for pair in pairs], dtype=bool)
    if at.any():
        asked = asked.copy()
        asked.loc[at, ["state", "reason"]] = ["not_testable", "failed quality"]
        asked.loc[at, ["value", "low", "high", "limit"]] = np.nan
        asked.loc[at, "n"] = 0
    arrays = [sample for sample, assay in failed if assay == "methylation"]
    found = readouts.differences
    kept = ~(found["sample"].isin(arrays) | found["baseline"].isin(arrays))
    return dataclasses.replace(
        readouts, asked=asked, differences=found[kept].reset_index(drop=True)
    )


def weight(
    row: Mapping[str, Any], line: Mapping[str, Any], basis: Mapping[str, Any]
) -> tuple[str, str]:
    """Return severity and rule of a row of READOUTS; ("", "") where it is as expected.

    A question whose role is not among `readout_roles` never counts, nor does the X chromosome of
    a male line; one that is to review makes a passage one to watch at the most.
    """
    if row["state"] not in CHANGED:
        return "", ""
    group = str(row["group"])
    severity = severities(group, basis).get(str(row["state"]), "note")
    male = group == "x_chromosome" and line.get("sex") == "male"
    if severity == "note" or male or row["role"] not in basis["settings"]["readout_roles"]:
        return "note", "readout"
    return ("watch" if row["role"] == "review" else severity), group


def severities(group: str, basis: Mapping[str, Any]) -> dict[str, str]:
    """Return what each changed state of a group makes of a passage, by the settings."""
    return dict(basis["settings"].get("readouts", {}).get(group, {}))


def counts(row: Mapping[str, Any], line: Mapping[str, Any], basis: Mapping[str, Any]) -> bool:
    """Return whether a question could count, whatever its state."""
    states = severities(str(row["group"]), basis)
    return any(
        weight({**row, "state": state}, line, basis)[0] not in ("", "note") for state in states
    )


def findings(
    sample: Mapping[str, Any],
    readouts: Readouts,
    line: Mapping[str, Any],
    basis: Mapping[str, Any],
) -> list[Finding]:
    """Return the findings of a sample: what counts, remarks, what was not testable."""
    rows = _of(sample, readouts)
    weights = [weight(row, line, basis) for row in rows]
    found, remarks = [], []
    for row, (severity, rule) in zip(rows, weights, strict=True):
        if severity == "note":
            remarks.append(row)
        elif severity:
            kind, source = str(row["group"]), str(row["source"])
            text = f"{GROUP_WORDS[kind]} ({ASSAY_WORDS[row['assay']]}): {changed_text(row)}"
            reference = source or str(basis["settings"]["citations"][rule])
            found.append(Finding(kind, severity, str(row["item"]), reference, text))
    found.sort(key=lambda finding: _ORDER.index(finding.severity))
    return [*found, *_remarks(remarks, basis), *_untested(rows, basis)]


def _of(sample: Mapping[str, Any], readouts: Readouts) -> list[dict[str, Any]]:
    """Return the rows of a sample in the order of the groups."""
    own = readouts.asked[readouts.asked["sample"] == sample["sample"]]
    rows = [{str(key): value for key, value in row.items()} for row in own.to_dict("records")]
    return sorted(rows, key=lambda row: GROUPS.index(row["group"]))


def _by_group(
    rows: Iterable[dict[str, Any]], *more: str
) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(tuple(str(row[name]) for name in ("assay", "group", *more)), []).append(
            row
        )
    return found


def _remarks(rows: list[dict[str, Any]], basis: Mapping[str, Any]) -> list[Finding]:
    """Return one remark for each assay, group and state of what does not count."""
    found = []
    for (assay, group, state), own in _by_group(rows, "state").items():
        values = (amount(float(row["value"]), str(row["unit"])) for row in own)
        named = _listed(
            [label_text(row) + _in_brackets(value) for row, value in zip(own, values, strict=True)]
        )
        text = f"{GROUP_WORDS[group]} ({ASSAY_WORDS[assay]}): {named} {state}; does not count"
        evidence = ";".join(str(row["item"]) for row in own)
        found.append(by_rule(group, "note", evidence, "readout", text, basis))
    return found


def _untested(rows: list[dict[str, Any]], basis: Mapping[str, Any]) -> list[Finding]:
    """Return one remark for each assay and group in which something was not testable.

    What is no question for the sex of the line is not missed.
    """
    found = []
    for (assay, group), own in _by_group(rows).items():
        open_ = [row for row in own if row["state"] == "not_testable"]
        open_ = [row for row in open_ if not str(row["reason"]).startswith("sex")]
        if not open_:
            continue
        # What follows a semicolon is a remark on the question; the matrix has it whole.
        said = [str(row["reason"]).partition(";")[0] or "no reason given" for row in open_]
        why = said[0]
        if len(set(said)) > 1:
            why = _listed(
                [f"{label_text(row)} ({text})" for row, text in zip(open_, said, strict=True)]
            )
        elif len(open_) < len(own):
            why = f"{_listed([label_text(row) for row in open_])} ({why})"
        of = f"{len(open_)} of {_counted(len(own), group)} ({ASSAY_WORDS[assay]})"
        text = f"{of} not testable"
        found.append(
            by_rule(group, "note", group, "readout_coverage", f"{text}: {why}", basis, True)
        )
    return found


def _counted(n: int, group: str) -> str:
    return f"{n} {_NOUNS[group][n != 1]}"


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _listed(texts: list[str]) -> str:
    more = len(texts) - _NAMED
    return ", ".join(texts[:_NAMED]) + (f" and {more} more" if more > 0 else "")


# In words ----------------------------------------------------------------------------------------


def label_text(row: Mapping[str, Any]) -> str:
    """Return the name of a question for people."""
    return str(row["label"]) or str(row["item"])


def amount(value: float, unit: str) -> str:
    """Return a number with its unit for people, "" where there is none: ``85 %``, ``1.2 log2``."""
    if not math.isfinite(value):
        return ""
    if unit == "share":
        per_cent = 100 * value
        text = f"{per_cent:.0f} %" if abs(per_cent) >= 9.95 else f"{per_cent:.2g} %"
    elif unit == "log2":
        text = f"{round(value, 1) + 0.0:.1f} log2"
    else:
        text = f"{value:.3g} {unit}".rstrip()
    return text.replace("-", "\u2212", 1) if value < 0 else text


def range_text(low: float, high: float, unit: str) -> str:
    """Return a range for people: ``35 to 65 %``, ``at least 2.0 log2``; "" where there is none."""
    first, last = amount(low, unit), amount(high, unit)
    if not first or not last:
        return f"at least {first}" if first else f"at most {last}" if last else ""
    return f"{first.split(' ')[0]} to {last}"


def value_text(row: Mapping[str, Any]) -> str:
    """Return what was measured, with its interval: ``85 % (80 to 90 %)``; "" where nothing was."""
    text = amount(float(row["value"]), str(row["unit"]))
    if text and math.isfinite(row["low"]) and math.isfinite(row["high"]):
        between = range_text(row["low"], row["high"], str(row["unit"]))
        text += f" ({between.removesuffix(' ' + str(row['unit']))})"
    return text


def changed_text(row: Mapping[str, Any]) -> str:
    """Return what is not as expected in words: label, state, value, and what was expected."""
    expected = range_text(row["expected_low"], row["expected_high"], str(row["unit"]))
    expected = f"expected {expected}" if expected else ""
    said = ", ".join(text for text in (value_text(row), expected) if text)
    return f"{label_text(row)} {row['state']}" + (f": {said}" if said else "")


def summary(
    sample: Mapping[str, Any],
    readouts: Readouts,
    line: Mapping[str, Any],
    basis: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what a passage says of its readouts, as verdict.json keeps it.

    Returns
    -------
    dict
        asked: questions; counting: those that could count; tested: how many of these have an
        answer; flagged: the ones that count, in words.
    """
    rows = _of(sample, readouts)
    counting = [row for row in rows if counts(row, line, basis)]
    return {
        "asked": len(rows),
        "counting": len(counting),
        "tested": sum(row["state"] != "not_testable" for row in counting),
        "flagged": [
            f"{label_text(row)} {row['state']}"
            for row in rows
            if weight(row, line, basis)[0] not in ("", "note")
        ],
    }


def on_bank(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return n_readouts and readouts_present of a line's latest passage, for the bank's page."""
    latest = verdict.get("passages", [])[-1:]
    said = latest[0].get("readouts", {}) if latest else {}
    flagged = [text.replace(";", ",") for text in said.get("flagged", [])]
    return {
        "n_readouts": said["tested"] if said.get("asked") else "",
        "readouts_present": ";".join(flagged),
    }


def sentence(said: Mapping[str, Any]) -> str:
    """Return the part of a sentence of a stable sample that speaks of readouts (`summary`)."""
    n, tested = said["counting"], said["tested"]
    if not n:
        return ""
    if not tested:
        return f". The {n} questions to expression and methylation that count were not testable"
    which = f"All {n}" if tested == n else f"{tested} of the {n}"
    others = n - tested
    rest = f", {others} {'was' if others == 1 else 'were'} not testable" if others else ""
    return f". {which} questions to expression and methylation that count are as expected{rest}"


def detection(
    sample: Mapping[str, Any],
    readouts: Readouts,
    line: Mapping[str, Any],
    basis: Mapping[str, Any],
) -> list[str]:
    """Return a sentence for each assay and group that counts: what would have been seen."""
    rows = [
        row
        for row in _of(sample, readouts)
        if row["state"] in ("normal", "absent")
        and math.isfinite(row["limit"])
        and counts(row, line, basis)
    ]
    said = []
    for (assay, group, state, unit), own in _by_group(rows, "state", "unit").items():
        worst = amount(max(float(row["limit"]) for row in own), unit)
        what = "A change of" if state == "normal" else "A signal of"
        said.append(
            f"{what} {worst} or more in {_counted(len(own), group)} ({ASSAY_WORDS[assay]}) "
            "would have been seen."
        )
    return said


def differences(readouts: Readouts, basis: Mapping[str, Any]) -> pd.DataFrame:
    """Return the DIFFERENCES that are listed and counted: those below `max_difference_q`."""
    found = readouts.differences
    most = float(basis["settings"].get("max_difference_q", math.inf))
    return found[found["q_value"] <= most].reset_index(drop=True)


def rules(settings: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the rules in words: rule, verdict (or ""), text."""
    words = []
    for group in GROUPS:
        states = severities(group, {"settings": settings})
        for severity in ("altered", "watch"):
            own = [state for state in CHANGED if states.get(state) == severity]
            if own:
                lines = " in a line that is not male" if group == "x_chromosome" else ""
                text = f"Of {_NOUNS[group][1]}{lines}, one that is {' or '.join(own)}"
                words.append((group, severity, f"{text}, and whose source was read."))
    return [
        *words,
        ("readout", "", "What else expression and methylation show is listed, not counted."),
        ("readout_coverage", "", "What they could not answer is said and decides nothing."),
    ]
