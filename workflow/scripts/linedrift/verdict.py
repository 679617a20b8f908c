"""The verdict of a line and of each of its passages, with the findings that made it.

The rules are few and stand in the section `verdict:` of the config with their citations. What is
inherited never counts; a candidate is listed and never counts; a passage whose identity failed
gets no verdict but `insufficient`, whatever else was seen in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from linedrift import tables
from linedrift.wording import cells_text, event_text, percent_up, size_text

DISCLAIMER = (
    "Research information on the measurements named here, not a release decision: "
    "it does not say that a line is safe or fit for a use."
)

# The note of an event that lies in a region of resources/cnv_lookalikes.tsv contains this word.
LOOKALIKE = "look-alike"

_EVENT_NOUNS = {"gain": "Gains", "loss": "Losses", "loss_or_loh": "Losses and LOH", "loh": "LOH"}
_LABEL_TAILS = (" loss / LOH", " CN-LOH", " gain", " loss")

# A sentence names three findings; the list below it names all.
_NAMED = 3


@dataclass(frozen=True)
class _Finding:
    kind: str
    severity: str
    evidence: str
    reference: str
    text: str
    not_testable: bool = False


def assess(
    line: Mapping[str, Any],
    measurements: pd.DataFrame,
    events: pd.DataFrame,
    trajectories: pd.DataFrame,
    hotspots: pd.DataFrame,
    hotspot_table: pd.DataFrame,
    quality: pd.DataFrame,
    identity: pd.DataFrame,
    settings: Mapping[str, Any],
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Judge every passage of a line, and the line by its latest banked passage.

    Parameters
    ----------
    line
        Row of lines.tsv; `line` and `parent` are read.
    measurements
        Rows of samples.tsv with sample, line, passage, assay and bank; rows of other lines
        (the donor) are left aside.
    events, trajectories, hotspots, quality, identity
        Frames of `tables` of that line.
    hotspot_table
        resources/cnv_hotspots.tsv: id, label, event, scope, tier, verification, source.
    settings
        Section `verdict` of the config.

    Returns
    -------
    tuple of pandas.DataFrame and dict
        FINDINGS, and the verdict as it goes into verdict.json: line, verdict, sentence,
        latest_passage, decided_by, passages, detection, rules, disclaimer, basis.
    """
    basis = {"hotspots": roles(hotspot_table, settings), "settings": dict(settings)}
    return judge(line, measurements, events, trajectories, hotspots, quality, identity, basis)


def roles(hotspot_table: pd.DataFrame, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return, per hotspot, its role (flag, review, annotate) and whether a verdict needs it.

    Only rows whose verification begins with a trusted word have a role of their own: the others
    annotate, and an event in them counts by its size like any other.
    """
    trusted = tuple(settings["trusted_verification"])
    found = {}
    for row in _records(hotspot_table):
        seen = str(row["verification"]).startswith(trusted)
        flag = seen and row["tier"] in settings["flag_tiers"]
        review = seen and row["tier"] in settings["review_tiers"]
        found[str(row["id"])] = {
            "role": "flag" if flag else "review" if review else "annotate",
            "required": bool(flag and row["scope"] in settings["required_scopes"]),
            "label": str(row["label"]),
            "event": str(row["event"]),
            "length": int(row["end"]) - int(row["start"]),
            "source": str(row["source"]),
        }
    return found


def judge(
    line: Mapping[str, Any],
    measurements: pd.DataFrame,
    events: pd.DataFrame,
    trajectories: pd.DataFrame,
    hotspots: pd.DataFrame,
    quality: pd.DataFrame,
    identity: pd.DataFrame,
    basis: Mapping[str, Any],
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Apply the rules to the frames; `basis` is what `assess` keeps in the verdict.

    The public tier judges its own frames once more by the basis of the private verdict, so that
    no text is carried over.
    """
    samples = _samples(line, measurements)
    rows: list[dict[str, Any]] = []
    passages = []
    for sample in samples:
        name = sample["sample"]
        found = [
            *_identity_findings(identity[identity["sample"] == name], basis),
            *_quality_findings(quality[quality["sample"] == name], sample["assays"], basis),
            *_event_findings(name, events, trajectories, hotspots, basis),
            *_coverage_findings(name, hotspots, basis),
        ]
        passages.append(_passage(sample, found, hotspots, line, basis))
        rows += [_row(line, sample, finding) for finding in found]
    findings = tables.check(
        pd.DataFrame(rows) if rows else tables.FINDINGS.empty(), tables.FINDINGS
    )
    return findings, _line_verdict(line, passages, hotspots, basis)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _samples(line: Mapping[str, Any], measurements: pd.DataFrame) -> list[dict[str, Any]]:
    """Return sample, passage, bank and assays of the line's own samples, by passage."""
    own = measurements[measurements["line"] == line["line"]]
    samples = []
    for name, rows in own.groupby("sample", sort=False):
        banks = [str(bank) for bank in rows["bank"].fillna("") if str(bank)]
        samples.append(
            {
                "sample": str(name),
                "passage": int(rows["passage"].iloc[0]),
                "bank": banks[0] if banks else "",
                "assays": tuple(dict.fromkeys(rows["assay"])),
            }
        )
    return sorted(samples, key=lambda sample: (sample["passage"], sample["sample"]))


def _row(
    line: Mapping[str, Any], sample: Mapping[str, Any], finding: _Finding
) -> dict[str, str | int]:
    return {
        "line": str(line["line"]),
        "passage": sample["passage"],
        "kind": finding.kind,
        "severity": finding.severity,
        "evidence": finding.evidence,
        "reference": finding.reference,
        "text": finding.text,
    }


def _identity_findings(rows: pd.DataFrame, basis: Mapping[str, Any]) -> list[_Finding]:
    found = []
    for row in _records(rows):
        because = f": {row['reason']}" if row["reason"] else ""
        name = row["sample"]
        if row["state"] == "failed":
            text = f"identity failed ({row['assay']}){because}"
            found.append(_finding("identity", "insufficient", name, "identity", text, basis))
        elif row["state"] == "not_testable":
            text = f"identity was not testable ({row['assay']}){because}"
            found.append(_finding("identity", "note", name, "identity", text, basis, True))
    return found


def _quality_findings(
    rows: pd.DataFrame, assays: Iterable[str], basis: Mapping[str, Any]
) -> list[_Finding]:
    """Return one finding per measurement that failed: a note while another one stands.

    A wrong sex is not poor quality but another person: identity says it.
    """
    failed = rows[(rows["state"] == "fail") & (rows["figure"] != "sex")]
    left = set(assays) - set(failed["assay"])
    found = []
    for assay, figures in failed.groupby("assay", sort=False):
        severity = "note" if left else "insufficient"
        names = ", ".join(
            f"{row['label']} {row['value']}"
            + (f", expected {row['expected']}" if row["expected"] else "")
            for row in _records(figures)
        )
        text = f"quality failed ({assay}): {names}"
        evidence = ";".join(figures["figure"])
        found.append(_finding("quality", severity, evidence, "quality", text, basis, True))
    return found


def _event_findings(
    sample: str,
    events: pd.DataFrame,
    trajectories: pd.DataFrame,
    hotspots: pd.DataFrame,
    basis: Mapping[str, Any],
) -> list[_Finding]:
    """Return a finding per event that is present in the sample and not inherited."""
    at = trajectories[(trajectories["sample"] == sample) & (trajectories["state"] == "present")]
    asked = hotspots[(hotspots["sample"] == sample) & (hotspots["state"] == "present")]
    states = pd.concat([at, asked[asked["event_id"] != ""]])[
        ["event_id", "cell_fraction", "low", "high"]
    ]
    states = states.drop_duplicates("event_id").set_index("event_id")
    found = []
    for event in _records(events[events["event_id"].isin(states.index)]):
        if event["origin"] == "inherited":
            continue
        named = set(str(event["hotspot_id"]).split(";"))
        named |= set(asked.loc[asked["event_id"] == event["event_id"], "hotspot_id"])
        found.append(_event_finding(event, states.loc[event["event_id"]], sorted(named), basis))
    return found + _orphans(sample, asked[asked["event_id"] == ""], hotspots, basis)


def _event_finding(
    event: Mapping[str, Any], state: pd.Series, named: Iterable[str], basis: Mapping[str, Any]
) -> _Finding:
    settings = basis["settings"]
    known = [basis["hotspots"][name] | {"id": name} for name in named if name in basis["hotspots"]]
    text = event_text(event, state)
    rate = float(event["false_event_rate"])
    if not rate <= settings["max_false_event_rate"]:
        said = "rate of false events not known" if math.isnan(rate) else f"{rate:.2g} a genome"
        text = f"candidate ({said}, so it does not count): {text}"
        return _finding("copy_number", "note", event["event_id"], "candidate", text, basis)
    if event["origin"] == "unknown" and LOOKALIKE in str(event["note"]).lower():
        text = f"{text}; {event['note']}"
        return _finding("copy_number", "note", event["event_id"], "lookalike", text, basis)
    for role, severity in (("flag", "altered"), ("review", "watch")):
        spots = [spot for spot in known if spot["role"] == role]
        if spots:
            text = f"{text}; recurrent: {', '.join(spot['label'] for spot in spots)}"
            source = "; ".join(dict.fromkeys(spot["source"] for spot in spots))
            return _Finding("hotspot", severity, str(event["event_id"]), source, text)
    large = event["end"] - event["start"] >= settings["reporting_size"]
    severity, rule = ("watch", "event") if large else ("note", "small")
    return _finding("copy_number", severity, event["event_id"], rule, text, basis)


def _orphans(
    sample: str, asked: pd.DataFrame, hotspots: pd.DataFrame, basis: Mapping[str, Any]
) -> list[_Finding]:
    """Return findings of hotspots that are present though no event of the line says so.

    The one that the baseline of another line carries too is inherited.
    """
    line = sample.rpartition("-p")[0]
    others = hotspots["sample"].str.replace(r"-p\d+$", "", regex=True) != line
    elsewhere = hotspots[others & (hotspots["state"] == "present")]
    found = []
    for row in _records(asked[~asked["hotspot_id"].isin(elsewhere["hotspot_id"])]):
        name = row["hotspot_id"]
        spot = basis["hotspots"].get(name, {"role": "annotate", "source": ""})
        severity = {"flag": "altered", "review": "watch"}.get(spot["role"], "note")
        cells = cells_text(row["cell_fraction"], row["low"], row["high"])
        text = f"{row['label']} in {cells}, found where it was asked for; origin not tested"
        found.append(_Finding("hotspot", severity, name, spot["source"], text))
    return found


def _coverage_findings(
    sample: str, hotspots: pd.DataFrame, basis: Mapping[str, Any]
) -> list[_Finding]:
    """Return a finding per flagged hotspot that is not excluded down to the limit asked for."""
    most = basis["settings"]["max_limit"]
    rows = hotspots[hotspots["sample"] == sample].drop_duplicates("hotspot_id")
    states = {row["hotspot_id"]: row for row in _records(rows)}
    found = []
    for name, spot in basis["hotspots"].items():
        if spot["role"] != "flag":
            continue
        row = states.get(name)
        if row is None:
            text = f"{spot['label']}: not asked"
        elif row["state"] == "not_testable":
            text = f"{spot['label']}: {row['reason'] or 'not testable'}"
        elif row["state"] == "absent" and not row["limit"] <= most:
            down = "no stated limit" if math.isnan(row["limit"]) else percent_up(row["limit"])
            text = f"{spot['label']}: absent, but only down to {down} of cells"
        else:
            continue
        severity = "insufficient" if spot["required"] else "note"
        found.append(_finding("coverage", severity, name, "coverage", text, basis, True))
    return found


def _finding(
    kind: str,
    severity: str,
    evidence: object,
    rule: str,
    text: str,
    basis: Mapping[str, Any],
    not_testable: bool = False,
) -> _Finding:
    citation = str(basis["settings"]["citations"][rule])
    return _Finding(kind, severity, str(evidence), citation, text, not_testable)


def _passage(
    sample: Mapping[str, Any],
    found: list[_Finding],
    hotspots: pd.DataFrame,
    line: Mapping[str, Any],
    basis: Mapping[str, Any],
) -> dict[str, Any]:
    blocking = [
        finding
        for finding in found
        if finding.severity == "insufficient" and finding.kind in ("identity", "quality")
    ]
    severities = {finding.severity for finding in found}
    order = ("altered", "watch", "insufficient")
    verdict = (
        "insufficient"
        if blocking
        else next((severity for severity in order if severity in severities), "stable")
    )
    made_by = blocking or [finding for finding in found if finding.severity == verdict]
    return {
        "sample": sample["sample"],
        "passage": sample["passage"],
        "bank": sample["bank"],
        "verdict": verdict,
        "blocked": bool(blocking),
        "sentence": _sentence(verdict, made_by, found, sample, hotspots, line, basis),
        "findings": [finding.text for finding in found if finding.severity != "note"],
        "notes": [
            finding.text
            for finding in found
            if finding.severity == "note" and not finding.not_testable
        ],
        "not_testable": [finding.text for finding in found if finding.not_testable],
    }


def _sentence(
    verdict: str,
    made_by: list[_Finding],
    found: list[_Finding],
    sample: Mapping[str, Any],
    hotspots: pd.DataFrame,
    line: Mapping[str, Any],
    basis: Mapping[str, Any],
) -> str:
    if verdict == "stable":
        text = _stable_sentence(sample, hotspots, basis)
    else:
        named = "; ".join(finding.text for finding in made_by[:_NAMED])
        more = len(made_by) - _NAMED
        text = f"{verdict.capitalize()}: {named}" + (f"; and {more} more" if more > 0 else "")
    untested = sum(f.kind == "coverage" and f.severity == "insufficient" for f in found)
    if verdict in ("altered", "watch") and untested:
        hotspots_word = "hotspot was" if untested == 1 else "hotspots were"
        text += f". {untested} recurrent {hotspots_word} not excluded"
    if line.get("kind") != "donor" and not str(line.get("parent", "")):
        text += ". There is no donor to compare with"
    return text + "."


def _stable_sentence(
    sample: Mapping[str, Any], hotspots: pd.DataFrame, basis: Mapping[str, Any]
) -> str:
    required = [name for name, spot in basis["hotspots"].items() if spot["required"]]
    limits = hotspots.loc[
        (hotspots["sample"] == sample["sample"]) & hotspots["hotspot_id"].isin(required), "limit"
    ]
    size = size_text(basis["settings"]["reporting_size"])
    text = f"Stable: no acquired event of {size} or more was found"
    if limits.empty:
        return text
    worst = percent_up(float(limits.max()))
    return (
        f"{text}, and the {len(limits)} recurrent hotspots that must be excluded are absent: "
        f"each would have been seen in {worst} of cells"
    )


def _line_verdict(
    line: Mapping[str, Any],
    passages: list[dict[str, Any]],
    hotspots: pd.DataFrame,
    basis: Mapping[str, Any],
) -> dict[str, Any]:
    banked = [passage for passage in passages if passage["bank"]]
    deciding = (banked or passages)[-1] if passages else None
    if deciding is None:
        sentence = "Insufficient: no measurement."
    else:
        role = f"banked as {deciding['bank']}" if banked else "the latest"
        sentence = f"Passage {deciding['passage']}, {role}. {deciding['sentence']}"
    return {
        "line": str(line["line"]),
        "verdict": deciding["verdict"] if deciding else "insufficient",
        "sentence": sentence,
        "latest_passage": passages[-1]["passage"] if passages else None,
        "decided_by": deciding["sample"] if deciding else "",
        "passages": passages,
        "detection": detection(hotspots, deciding["sample"], basis) if deciding else [],
        "rules": rules(basis["settings"]),
        "disclaimer": DISCLAIMER,
        "basis": dict(basis),
    }


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
    words = (
        ("identity", "insufficient", "The identity of the sample failed."),
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
        ("coverage", "insufficient", f"A hotspot of tier {flags} and of a scope in "
         f"{', '.join(settings['required_scopes'])} is not excluded down to {limit} of cells."),
        ("stable", "stable", "None of these."),
    )  # fmt: skip
    return [
        {"rule": rule, "verdict": verdict, "text": text, "reference": settings["citations"][rule]}
        for rule, verdict, text in words
    ]
