"""A finding: what was seen in a sample, how much it weighs, and by which rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One finding of a sample, as it becomes a row of FINDINGS.

    `severity` is altered, watch, insufficient or note; a note decides nothing. `not_testable`
    tells a note on what could not be asked from one on what was seen.
    """

    kind: str
    severity: str
    evidence: str
    reference: str
    text: str
    not_testable: bool = False


def by_rule(
    kind: str,
    severity: str,
    evidence: object,
    rule: str,
    text: str,
    basis: Mapping[str, Any],
    not_testable: bool = False,
) -> Finding:
    """Return a finding that cites a rule of the settings (`verdict.citations`)."""
    citation = str(basis["settings"]["citations"][rule])
    return Finding(kind, severity, str(evidence), citation, text, not_testable)


def role_of(row: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Return flag, review or annotate for a row of a table of hotspots.

    Only rows whose verification begins with a trusted word have a role of their own: the others
    annotate. So does a row that is marked as disputed.
    """
    seen = str(row["verification"]).startswith(tuple(settings["trusted_verification"]))
    if seen and row.get("disputed", "no") != "yes":
        if row["tier"] in settings["flag_tiers"]:
            return "flag"
        if row["tier"] in settings["review_tiers"]:
            return "review"
    return "annotate"
