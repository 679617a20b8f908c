"""Values as the public tier states them: on steps, widened, with reasons in words of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift import steps

# Why something is not testable, in words of our own: the private text may name other samples.
_REASONS = (
    ("quality", "failed quality"),
    ("identity", "failed identity"),
    ("sex", "not a question for this sex"),
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
