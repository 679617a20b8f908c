"""Values as the public tier states them: on steps, widened, with reasons in words of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift import steps, tables

# Figures that say how good a measurement is and nothing of the donor. The heterozygous share is
# not among them (it tells how related the donor's parents are), nor are the SNPs of an exome
# (many of them are the donor's own).
QUALITY_FIGURES = {
    "snp_array": {
        "n_loci": "Loci",
        "call_rate": "Call rate",
        "log_ratio_sd": "Log R ratio sd",
        "b_sd_het": "B-allele frequency sd, heterozygous",
        "wave": "Wave (1 Mb)",
        "contamination": "Foreign DNA",
        "sex": "Sex",
        "loss_of_y_fraction": "Cells without Y",
    },
    "wes": {
        "mean_target_depth": "Mean depth of targets",
        "share_20x": "Targets at 20x or more",
        "share_on_target": "Bases on target",
        "duplicate_share": "Duplicates",
        "log_ratio_sd": "Log ratio sd",
        "wave": "Wave (100 bins)",
        "contamination": "Foreign DNA",
        "sex": "Sex",
    },
    # Not: genes with two alleles and their bias (the donor's), how many other lines there are.
    "rna": {
        "n_reads": "Reads in genes",
        "n_detected": "Genes with reads",
        "log_ratio_sd": "Log ratio sd",
        "sex": "Sex",
    },
    "methylation": {
        "n_probes": "CpG probes",
        "share_detected": "Probes detected",
        "share_beads": "Probes with enough beads",
        "conversion": "Bisulfite conversion",
        "median_intensity": "Median intensity",
        "n_cpgs": "CpGs with reads",
        "mean_depth": "Mean depth of CpGs with reads",
        "share_5x": "CpGs of the genome at 5x or more",
        "log_ratio_sd": "Log ratio sd",
        "sex": "Sex",
    },
}
NOT_PUBLISHED = "not published"
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?: ?%)?"

# Why something is not testable, in words of our own: the private text may name other samples.
_REASONS = (
    ("quality", "failed quality"),
    ("identity", "failed identity"),
    ("sex", "not a question for this sex"),
    ("sequence", "no sequence of it was given"),
    ("lines", "too few lines to compare with"),
    ("depth", "too few reads"),
    ("reads", "too few reads"),
    ("too few", "too few loci"),
    ("loci", "too few loci"),
    ("exome", "no exome"),
    ("target", "not a target of the capture"),
    ("capture", "not a target of the capture"),
    ("baseline", "no baseline"),
    ("no data", "no data"),
    ("not measured", "no data"),
)
NO_STATEMENT = "no statement"


def fractions(own: pd.DataFrame, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return cell_fraction, low, high and limit on their steps, never narrower than measured."""
    step = settings["interval_step"]
    return {
        "cell_fraction": own["cell_fraction"].round(2),
        "low": steps.floor(own["low"], step),
        "high": np.minimum(steps.ceil(own["high"], step), 1.0),
        "limit": steps.at_least(own["limit"], settings["limit_steps"]),
    }


def reasons(own: pd.DataFrame) -> list[str]:
    """Return why each row is not testable in words of our own, empty where it is."""
    untested = own["state"] == "not_testable"
    said = own["reason"].astype(str).str.lower().where(untested, "")
    return [
        next((words for key, words in _REASONS if key in reason), NO_STATEMENT) if of else ""
        for reason, of in zip(said, untested, strict=True)
    ]


def quality(private: pd.DataFrame, samples: list[str]) -> pd.DataFrame:
    """Return QUALITY of the figures listed; values that are no number or known word go."""
    labels = [
        QUALITY_FIGURES.get(assay, {}).get(figure, "")
        for assay, figure in zip(private["assay"], private["figure"], strict=True)
    ]
    own = private.assign(label=pd.Series(labels, index=private.index, dtype="str"))
    own = own[own["sample"].isin(samples) & (own["label"] != "")]
    value = rf"{_NUMBER}|female|male|unknown|not measured"
    bound = rf"(?:at least |at most |>= |<= )?{_NUMBER}"
    expected = rf"{bound}(?: \(fails (?:below|above) {_NUMBER}\))?|female|male|unknown"
    frame = pd.DataFrame(
        {
            "sample": own["sample"],
            "assay": own["assay"],
            "figure": own["figure"],
            "label": own["label"],
            "value": own["value"].where(own["value"].str.fullmatch(value), NOT_PUBLISHED),
            "expected": own["expected"].where(own["expected"].str.fullmatch(expected), ""),
            "state": own["state"],
            "reason": "",
        }
    )
    return tables.check(frame.reset_index(drop=True), tables.QUALITY)
