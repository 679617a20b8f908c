"""The verdict of a line and of each of its passages, with the findings that made it.

The rules are few and stand in the section `verdict:` of the config with their citations. What is
inherited never counts; a candidate is listed and never counts; a passage whose identity failed, or
is contradicted by its donor's, gets no verdict but `insufficient`, whatever else was seen in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from linedrift import tables
from linedrift.findings import Finding, by_rule, role_of
from linedrift.identity.identity import CONTRADICTED
from linedrift.records import Readouts, Variants
from linedrift.verdict import readout_verdict, variant_verdict
from linedrift.verdict.rules import detection, rules
from linedrift.wording import ALLELES_ALONE, cells_text, event_text, percent_up, size_text

DISCLAIMER = (
    "Research information on the measurements named here, not a release decision: "
    "it does not say that a line is safe or fit for a use."
)

# The note of an event that lies in a region of resources/cnv_lookalikes.tsv contains this word.
LOOKALIKE = "look-alike"

# A sentence names three findings; the list below it names all.
_NAMED = 3


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
    variants: Variants | None = None,
    point_table: pd.DataFrame | None = None,
    cancer_genes: Iterable[str] = (),
    readouts: Readouts | None = None,
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
    variants
        Point mutations of the line; none by default.
    point_table, cancer_genes
        resources/snv_hotspots.tsv and the genes of resources/cancer_genes.tsv; without the table
        nothing is said of point mutations.
    readouts
        What expression and methylation say; nothing by default.

    Returns
    -------
    tuple of pandas.DataFrame and dict
        FINDINGS, and the verdict as it goes into verdict.json: line, verdict, sentence,
        latest_passage, decided_by, passages, detection, rules, disclaimer, basis.
    """
    basis = {"hotspots": roles(hotspot_table, settings), "settings": dict(settings)}
    if point_table is not None:
        called = (variants or Variants()).called
        basis |= variant_verdict.basis_of(point_table, cancer_genes, called, settings)
    found = (events, trajectories, hotspots, quality, identity)
    return judge(line, measurements, *found, basis, variants, readouts)


def roles(hotspot_table: pd.DataFrame, settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return, per hotspot, its role (flag, review, annotate) and whether a verdict needs it.

    Only rows whose verification begins with a trusted word have a role of their own: the others
    annotate, and an event in them counts by its size like any other.
    """
    found = {}
    for row in _records(hotspot_table):
        role = role_of(row, settings)
        found[str(row["id"])] = {
            "role": role,
            "required": role == "flag" and row["scope"] in settings["required_scopes"],
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
    variants: Variants | None = None,
    readouts: Readouts | None = None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Apply the rules to the frames; `basis` is what `assess` keeps in the verdict.

    The public tier judges its own frames once more by the basis of the private verdict, so that
    no text is carried over.
    """
    samples, variants = _samples(line, measurements), variants or Variants()
    readouts = readout_verdict.trusted(readouts or Readouts(), quality)
    rows: list[dict[str, Any]] = []
    passages = []
    for sample in samples:
        name = sample["sample"]
        found = [
            *_identity_findings(identity[identity["sample"] == name], basis),
            *_quality_findings(quality[quality["sample"] == name], sample["assays"], basis),
            *_event_findings(name, events, trajectories, hotspots, basis),
            *_coverage_findings(name, hotspots, basis),
            *variant_verdict.findings(sample, variants, basis),
            *readout_verdict.findings(sample, readouts, line, basis),
        ]
        said = readout_verdict.summary(sample, readouts, line, basis)
        stable = _stable_sentence(sample, hotspots, basis)
        stable += variant_verdict.sentence(sample, variants, basis)
        stable += readout_verdict.sentence(said)
        passages.append(_passage(sample, found, stable, line) | {"readouts": said})
        rows += [_row(line, sample, finding) for finding in found]
    findings = tables.check(
        pd.DataFrame(rows) if rows else tables.FINDINGS.empty(), tables.FINDINGS
    )
    verdict = _line_verdict(line, passages, basis)
    decided = [sample for sample in samples if sample["sample"] == verdict["decided_by"]]
    for sample in decided:
        verdict["detection"] = detection(hotspots, sample["sample"], basis)
        verdict["detection"] += variant_verdict.detection(sample, variants, basis)
        verdict["detection"] += readout_verdict.detection(sample, readouts, line, basis)
    return findings, verdict


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
    line: Mapping[str, Any], sample: Mapping[str, Any], finding: Finding
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


def _identity_findings(rows: pd.DataFrame, basis: Mapping[str, Any]) -> list[Finding]:
    found = []
    for row in _records(rows):
        because = f": {row['reason']}" if row["reason"] else ""
        name = row["sample"]
        if row["state"] == "failed":
            text = f"identity failed ({row['assay']}){because}"
            found.append(by_rule("identity", "insufficient", name, "identity", text, basis))
        elif row["state"] == "not_testable":
            wrong = CONTRADICTED in row["reason"]
            said = "is contradicted" if wrong else "was not testable"
            text = f"identity {said} ({row['assay']}){because}"
            severity = "insufficient" if wrong else "note"
            found.append(by_rule("identity", severity, name, "identity", text, basis, True))
    return found


def _quality_findings(
    rows: pd.DataFrame, assays: Iterable[str], basis: Mapping[str, Any]
) -> list[Finding]:
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
        found.append(by_rule("quality", severity, evidence, "quality", text, basis, True))
    return found


def _event_findings(
    sample: str,
    events: pd.DataFrame,
    trajectories: pd.DataFrame,
    hotspots: pd.DataFrame,
    basis: Mapping[str, Any],
) -> list[Finding]:
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
) -> Finding:
    settings = basis["settings"]
    known = [basis["hotspots"][name] | {"id": name} for name in named if name in basis["hotspots"]]
    text = event_text(event, state)
    if ALLELES_ALONE in str(event["note"]):
        text += ", kind not sure (by alleles alone)"
    rate = float(event["false_event_rate"])
    if not rate <= settings["max_false_event_rate"]:
        said = "rate of false events not known" if math.isnan(rate) else f"{rate:.2g} a genome"
        text = f"candidate ({said}, so it does not count): {text}"
        return by_rule("copy_number", "note", event["event_id"], "candidate", text, basis)
    if event["origin"] == "unknown" and LOOKALIKE in str(event["note"]).lower():
        text = f"{text}; {event['note']}"
        return by_rule("copy_number", "note", event["event_id"], "lookalike", text, basis)
    for role, severity in (("flag", "altered"), ("review", "watch")):
        spots = [spot for spot in known if spot["role"] == role]
        if spots:
            text = f"{text}; recurrent: {', '.join(spot['label'] for spot in spots)}"
            source = "; ".join(dict.fromkeys(spot["source"] for spot in spots))
            return Finding("hotspot", severity, str(event["event_id"]), source, text)
    large = event["end"] - event["start"] >= settings["reporting_size"]
    severity, rule = ("watch", "event") if large else ("note", "small")
    return by_rule("copy_number", severity, event["event_id"], rule, text, basis)


def _orphans(
    sample: str, asked: pd.DataFrame, hotspots: pd.DataFrame, basis: Mapping[str, Any]
) -> list[Finding]:
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
        found.append(Finding("hotspot", severity, name, spot["source"], text))
    return found


def _coverage_findings(
    sample: str, hotspots: pd.DataFrame, basis: Mapping[str, Any]
) -> list[Finding]:
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
        found.append(by_rule("coverage", severity, name, "coverage", text, basis, True))
    return found


def _passage(
    sample: Mapping[str, Any],
    found: list[Finding],
    stable: str,
    line: Mapping[str, Any],
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
        "sentence": _sentence(verdict, made_by, found, stable, line),
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
    made_by: list[Finding],
    found: list[Finding],
    stable: str,
    line: Mapping[str, Any],
) -> str:
    if verdict == "stable":
        text = stable
    else:
        told = _told(made_by)
        named = "; ".join(text for text, _ in told[:_NAMED])
        more = sum(count for _, count in told[_NAMED:])
        text = f"{verdict.capitalize()}: {named}" + (f"; and {more} more" if more > 0 else "")
    untested = sum(f.kind == "coverage" and f.severity == "insufficient" for f in found)
    if verdict in ("altered", "watch") and untested:
        hotspots_word = "hotspot was" if untested == 1 else "hotspots were"
        text += f". {untested} recurrent {hotspots_word} not excluded"
    if line.get("kind") != "donor" and not str(line.get("parent", "")):
        text += ". There is no donor to compare with"
    return text + "."


def _told(findings: Iterable[Finding]) -> list[tuple[str, int]]:
    """Return texts of findings and of how many: hotspots with one reason stand together."""
    labels: dict[str, list[str]] = {}
    found: list[tuple[str, int]] = []
    for finding in findings:
        label, between, why = finding.text.partition(": ")
        if finding.kind == "coverage" and between:
            labels.setdefault(why, []).append(label)
        else:
            found.append((finding.text, 1))
    for why, names in labels.items():
        beyond = f" and {len(names) - _NAMED} more hotspots" if len(names) > _NAMED else ""
        found.append((f"{', '.join(names[:_NAMED])}{beyond}: {why}", len(names)))
    return found


def _stable_sentence(
    sample: Mapping[str, Any], hotspots: pd.DataFrame, basis: Mapping[str, Any]
) -> str:
    required = [name for name, spot in basis["hotspots"].items() if spot["required"]]
    limits = hotspots.loc[
        (hotspots["sample"] == sample["sample"]) & hotspots["hotspot_id"].isin(required), "limit"
    ]
    size = size_text(basis["settings"]["reporting_size"])
    text = f"Stable: no acquired event of {size} or more was found"
    # Where one has no limit the sample is not stable, and nobody reads this.
    if limits.empty or limits.isna().any():
        return text
    worst = percent_up(float(limits.max()))
    return (
        f"{text}, and the {len(limits)} recurrent hotspots that must be excluded are absent: "
        f"each would have been seen in {worst} of cells"
    )


def _line_verdict(
    line: Mapping[str, Any],
    passages: list[dict[str, Any]],
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
        "detection": [],
        "rules": rules(basis["settings"]),
        "disclaimer": DISCLAIMER,
        "basis": dict(basis),
    }
