"""The sex of a sample and of a line where the sheet does not know it: by the signal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from linedrift.quality.quality import of_snps, regions, sex_figures, sex_of_figures


def known_sex(sheet: str, signals: Sequence[pd.DataFrame], settings: Mapping[str, Any]) -> str:
    """Return the sex of the sheet; where that is unknown, the first that signals tell.

    Parameters
    ----------
    sheet
        female, male or unknown.
    signals
        SIGNALS of the measurement and of its baselines, which are of the same person.
    settings
        Section `quality` of the config, or that of the assay in it.

    Returns
    -------
    str
        female, male, or unknown where nothing tells: a culture that lost Y, or one X, does not.
    """
    told = (sex_of_signals(one, settings) for one in signals) if sheet == "unknown" else [sheet]
    return next((sex for sex in told if sex != "unknown"), "unknown")


def sex_of_signals(signals: pd.DataFrame, settings: Mapping[str, Any]) -> str:
    """Return the sex that SIGNALS tell: female, male or unknown (`measure` says why)."""
    loci = signals[signals["usable"].to_numpy()]
    autosomal, x, y, _ = regions(loci)
    level = loci["level"].to_numpy(dtype=np.float64)
    figures = sex_figures(level, of_snps(loci), autosomal, x, y, settings)
    return str(sex_of_figures(figures, settings)["sex"])


def agreed_sex(sheet: str, told: Iterable[str]) -> str:
    """Return the sex of a line: of the sheet, else the one that all its measurements tell.

    Measurements that do not know are passed over; where others contradict each other the sex
    stays unknown.
    """
    known = set(told) - {"unknown"} if sheet == "unknown" else {sheet}
    return known.pop() if len(known) == 1 else "unknown"
