"""Copy number by methylation: what a measurement leaves of its baselines and of the bank.

Intensities of arrays (`intensity`) and the depth of bisulfite reads (`bisulfite_depth`) differ in
what explains them; what is left goes through the common contrast in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from linedrift.genome import Karyotype
from linedrift.methylation_tables import is_array
from linedrift.signals import bisulfite_depth, intensity
from linedrift.signals.contrast import contrast
from linedrift.signals.noise import Noise

FEW = (
    "no baseline, and fewer than {n} other people's arrays of this type: of two that differ nobody "
    "knows which has changed"
)


def contrast_of(
    own: pd.DataFrame,
    baselines: Sequence[pd.DataFrame],
    panel: Sequence[pd.DataFrame],
    karyotype: Karyotype,
    settings: Mapping[str, Any],
    common: Mapping[str, Any],
    covariates: np.ndarray | None = None,
) -> tuple[pd.DataFrame, Noise]:
    """Return the CONTRAST of a measurement with its baselines, and its noise.

    Parameters
    ----------
    own
        PROBES of an array, or DEPTHS of a methylome.
    baselines
        The same of its baselines, empty where it is its own.
    panel
        The same of other people, arrays of the same type, or the same bins; may be empty.
    karyotype
        Sex of the line.
    settings
        Section `methylation.copy_number` of the config.
    common
        Section `contrast` of the config, with what it overrides for methylation; of reads the
        response is `depth_response`.
    covariates
        What waves follow (`waves.covariates`), one row per row of `own`.

    Returns
    -------
    (pandas.DataFrame, Noise)
        As of `contrast.contrast`. Where nothing tells copy number the contrast has levels nowhere
        and the noise says why.
    """
    model = intensity if is_array(own) else bisulfite_depth
    if model is bisulfite_depth:
        common = {**common, "response": settings["depth_response"]}
    reason = model.why_not(own, [*baselines, *panel], settings)
    if not baselines and 0 < len(panel) < settings["least_panel"]:
        # An event of one of them would be called in all others, as its opposite.
        panel = []
        if model is intensity and not reason:
            reason = FEW.format(n=settings["least_panel"])
    if reason:
        blank = model.signals_of(own, settings).assign(level=np.float32(np.nan))
        frame, noise = contrast(blank, [], karyotype, common)
        return frame, replace(noise, reason=reason)
    signals, others = model.relative(own, baselines, panel, settings)
    return contrast(signals, others, karyotype, common, covariates)
