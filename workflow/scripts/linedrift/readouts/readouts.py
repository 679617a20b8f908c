"""Rows of READOUTS: one question, whatever was measured, with defaults that claim nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift import tables
from linedrift.readout_tables import GROUPS, READOUTS

_NOTHING: dict[str, Any] = {
    "place": "", "state": "not_testable", "value": np.nan, "low": np.nan, "high": np.nan,
    "unit": "", "expected_low": np.nan, "expected_high": np.nan, "limit": np.nan, "n": 0,
    "against": "", "role": "annotate", "reason": "", "source": "",
}  # fmt: skip


def readout(group: str, item: str, label: str, **known: Any) -> dict[str, Any]:
    """Return a row of READOUTS without its sample.

    Parameters
    ----------
    group, item, label
        What is asked.
    known
        Other columns of READOUTS; what is not given claims nothing (not testable, NaN, empty).

    Raises
    ------
    ValueError
        For a column that READOUTS does not have.
    """
    if strange := set(known) - set(_NOTHING):
        raise ValueError(f"a readout has no column {', '.join(sorted(strange))}")
    return {**_NOTHING, "group": group, "item": item, "label": label, **known}


def frame(rows: Iterable[Mapping[str, Any]], sample: str, passage: int, assay: str) -> pd.DataFrame:
    """Return READOUTS of one sample in the order of GROUPS, checked.

    Raises
    ------
    ValueError
        When a question was asked twice.
    """
    found = pd.DataFrame(list(rows), columns=["group", "item", "label", *_NOTHING])
    twice = found.duplicated(["group", "item"])
    if twice.any():
        row = found[twice].iloc[0]
        raise ValueError(f"readout {row['item']} of {row['group']} was asked twice")
    found = found.assign(sample=sample, passage=passage, assay=assay)
    order = found["group"].map(GROUPS.index).argsort(kind="stable")
    return tables.check(found.iloc[order].reset_index(drop=True), READOUTS)


def place(chrom: str, start: int, end: int) -> str:
    """Return chrom:start-end, 1-based, of a 0-based half-open interval."""
    return f"{chrom}:{int(start) + 1}-{int(end)}"


def below_or_above(value: float, low: float, high: float) -> str:
    """Return lost, gained or normal; a NaN bound asks nothing on its side."""
    if value < low:
        return "lost"
    return "gained" if value > high else "normal"


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as dictionaries."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
