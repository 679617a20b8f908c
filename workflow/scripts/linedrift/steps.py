"""Rounding to steps that never says more than was measured."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

# Floats that mean a step must not fall below it: .3 / .05 is 5.999...
_SLACK = 1e-9


def down(values: pd.Series, step: int) -> pd.Series:
    """Return whole numbers rounded down to multiples of `step`."""
    return values // int(step) * int(step)


def up(values: pd.Series, step: int) -> pd.Series:
    """Return whole numbers rounded up to multiples of `step`."""
    return -(-values.astype("int64") // int(step)) * int(step)


def floor(values: pd.Series, step: float) -> pd.Series:
    """Return numbers rounded down to multiples of `step`; NaN stays."""
    return (np.floor(values / step + _SLACK) * step).round(6)


def ceil(values: pd.Series, step: float) -> pd.Series:
    """Return numbers rounded up to multiples of `step`; NaN stays."""
    return (np.ceil(values / step - _SLACK) * step).round(6)


def nearest(values: pd.Series, step: float) -> pd.Series:
    """Return numbers rounded to multiples of `step`; NaN stays, and -0 becomes 0."""
    return ((values / step).round() * step).round(6) + 0.0


def at_least(values: pd.Series, edges: Iterable[float]) -> np.ndarray:
    """Return the smallest of `edges` that is not below each value; NaN beyond the last."""
    known = np.array([*sorted(edges), np.nan])
    # Where a value is NaN, searchsorted gives the end, which is NaN too.
    return known[np.searchsorted(known[:-1], values.to_numpy(float) - _SLACK)]
