"""What the public tier says of expression and methylation.

The state of curated questions, and numbers only where something is not as expected or is a
measure of the whole genome: the value of a normal region or gene follows the variants of the donor
that act on it (mQTL, eQTL), and a hundred such values name the donor even on coarse steps. What
rests on the two alleles of genes is not told, since which genes are testable is which genes are
heterozygous. Every column is written here from named ones; docs/public_tier.md says why each.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift import steps, tables
from linedrift.public.public_values import NO_STATEMENT, reasons
from linedrift.readout_tables import READOUTS, ROLES
from linedrift.records import Readouts
from linedrift.verdict import readout_verdict

# Groups that are told, by assay. Not: acquired variants, genes of hotspots, and of RNA what its
# alleles say of imprinting.
TOLD = {
    "methylation": ("imprinting", "x_chromosome", "pluripotency", "lineage", "drift"),
    "rna": ("pluripotency", "lineage", "x_chromosome", "vector", "drift"),
}
# Units that are told, by assay: a share of RNA is one of alleles.
UNITS = {
    "methylation": ("share", ""),
    "rna": ("log2", "reads per million", ""),
}
# Vectors that are told by name, those of resources/vector_sequences.tsv. What a bank called another
# one (rna.vectors of the settings, a contig of its reference) is text of people.
VECTORS = ("sendai", "ebv_episome", "ebv_genome", "wpre", "plasmid")
_NAME = r"[A-Za-z0-9][A-Za-z0-9 ._:/()+'-]{0,59}"
_PLACE = r"chr(?:[0-9]{1,2}|X|Y):[0-9,]+-[0-9,]+"
_SOURCE = re.compile(r"doi:10\.\d{4,9}/[\w.()/-]*\w|PMID:\d+|PMC\d+")
# What a range rests on, in words of our own: the private text may name other samples.
_AGAINST = (("other line", "other lines of the bank"), ("other people", "other lines of the bank"),
            ("control", "other lines of the bank"), ("bank", "other lines of the bank"),
            ("earliest", "the earliest passage"), ("baseline", "the baseline"),
            ("stated", "a stated range"))  # fmt: skip


def public_readouts(
    readouts: Readouts, samples: list[str], basis: Mapping[str, Any], settings: Mapping[str, Any]
) -> Readouts:
    """Return what anyone may see of the readouts of a line.

    Parameters
    ----------
    readouts
        Private, with what failed quality as not testable (`readout_verdict.trusted`).
    samples
        The line's own samples.
    basis
        What the private verdict was judged by.
    settings
        Section `public` of the config: readout_steps, readout_min_loci, limit_steps.

    Returns
    -------
    Readouts
        `asked` of the groups and units listed: without intervals, with numbers only where
        something changed or is of the whole genome; no `differences` but how many (one digit).
    """
    own = readouts.asked
    own = own[own["sample"].isin(samples)].reset_index(drop=True)
    told = [
        row["group"] in TOLD.get(row["assay"], ()) and row["unit"] in UNITS[row["assay"]]
        for row in own.to_dict("records")
    ]
    own = _without_own_names(own[np.array(told, dtype=bool)])
    own = own[own["item"].str.fullmatch(_NAME) & own["label"].str.fullmatch(f"(?:{_NAME})?")]
    frame = _asked(own.reset_index(drop=True), settings)
    found = readout_verdict.differences(readouts, basis)
    found = found[found["sample"].isin(samples)]
    of_methylation = set(frame.loc[frame["assay"] == "methylation", "sample"])
    facts = {
        sample: one_digit(int((found["sample"] == sample).sum()))
        for sample in samples
        if sample in of_methylation
    }
    return Readouts(asked=frame, facts={"differences": facts} if facts else {})


def _asked(own: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    whole_genome = _whole_genome(own)
    few = (own["assay"] == "methylation") & (own["n"] < int(settings["readout_min_loci"]))
    # What sums up other answers (the state of X inactivation) has neither a value nor loci.
    few &= ~((own["n"] == 0) & own["value"].isna() & (own["place"] == ""))
    hidden = few & (own["state"] != "not_testable")
    state = own["state"].mask(hidden, "not_testable")
    shown = (state.isin(readout_verdict.CHANGED) | whole_genome) & (state != "not_testable")
    numbers = {
        name: _stepped(own, name, settings).where(state != "not_testable")
        for name in ("value", "expected_low", "expected_high", "limit")
    }
    numbers["value"] = numbers["value"].where(shown)
    # The usual expression of few other lines is that of their donors: stated ranges alone.
    of_lines = (own["unit"] != "share") & ~own["against"].str.startswith("stated")
    for name in ("expected_low", "expected_high"):
        numbers[name] = numbers[name].mask(of_lines)
    said = pd.Series(reasons(own), dtype="str").mask(hidden, NO_STATEMENT)
    frame = pd.DataFrame(
        {
            "sample": own["sample"],
            "passage": own["passage"],
            "assay": own["assay"],
            "group": own["group"],
            "item": own["item"],
            "label": own["label"],
            "place": own["place"].where(own["place"].str.fullmatch(_PLACE), ""),
            "state": state,
            **numbers,
            "low": np.nan,
            "high": np.nan,
            "unit": own["unit"],
            "n": [one_digit(n) if told else 0 for n, told in zip(own["n"], shown, strict=True)],
            "against": [_against(text) for text in own["against"]],
            "role": own["role"].where(own["role"].isin(ROLES), "annotate"),
            "reason": said,
            "source": ["; ".join(dict.fromkeys(_SOURCE.findall(text))) for text in own["source"]],
        }
    )
    return tables.check(frame, READOUTS)


def _without_own_names(own: pd.DataFrame) -> pd.DataFrame:
    """Return the readouts with vectors that the bank named numbered in place of their names."""
    other = (own["group"] == "vector") & ~own["item"].isin(VECTORS)
    number = {item: k for k, item in enumerate(own.loc[other, "item"].unique(), start=1)}
    k = own.loc[other, "item"].map(number).astype("str")
    own = own.astype({"item": "str", "label": "str"})
    own.loc[other, "item"] = "other_vector_" + k
    own.loc[other, "label"] = "Vector " + k + " of the bank"
    return own


def _whole_genome(own: pd.DataFrame) -> pd.Series:
    """Return which rows measure the drift of the whole genome."""
    return (own["group"] == "drift") & (own["place"] == "")


def _stepped(own: pd.DataFrame, name: str, settings: Mapping[str, Any]) -> pd.Series:
    """Return a column on the steps of its units: ranges widened, limits raised."""
    whole, values = _whole_genome(own), own[name]
    shown = pd.Series(np.nan, index=own.index, dtype="float64")
    for unit, step in settings["readout_steps"].items():
        at = (own["unit"] == unit) & ~(whole & (unit == "share"))
        coarse = name == "limit" and unit == "share"
        edges = settings["limit_steps"] if coarse else None
        shown = shown.mask(at, _on_steps(values, name, step, edges))
    at = whole & (own["unit"] == "share")
    shown = shown.mask(at, _on_steps(values, name, settings["readout_drift_step"]))
    digits = pd.Series([_digit(v, up=name == "limit") for v in values], index=own.index)
    return shown.mask(own["unit"] == "reads per million", digits)


def _on_steps(
    values: pd.Series, name: str, step: float, edges: Iterable[float] | None = None
) -> pd.Series:
    if edges is not None:
        return pd.Series(steps.at_least(values, edges), index=values.index)
    if name in ("expected_high", "limit"):
        return steps.ceil(values, step)
    return steps.floor(values, step) if name == "expected_low" else steps.nearest(values, step)


def _digit(value: float, up: bool = False) -> float:
    """Return a number with one significant digit, rounded up where it is a limit."""
    if not math.isfinite(value) or value <= 0:
        return 0.0 if value == 0 else math.nan
    unit = 10.0 ** math.floor(math.log10(value))
    digit = math.ceil(value / unit - 1e-9) if up else round(value / unit)
    return float(f"{digit * unit:.6g}")


def one_digit(n: int) -> int:
    """Return a count rounded down to its first digit: 30 for 37."""
    unit = 10 ** (len(str(n)) - 1)
    return n // unit * unit if n > 0 else 0


def _against(text: str) -> str:
    said = str(text).lower()
    return next((words for key, words in _AGAINST if key in said), "")
