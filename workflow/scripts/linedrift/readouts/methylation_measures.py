"""All that methylation says of one sample beside copy number, as READOUTS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from linedrift.methylation_tables import is_array
from linedrift.readouts import drift, imprinting, methylation_regions, x_inactivation
from linedrift.readouts import readouts as rows_of
from linedrift.readouts.methylation_ranges import Subject


@dataclass(frozen=True)
class Compared:
    """What a sample is compared with; None where there is none, or the sample is it.

    `controls`: REGION_VALUES of other people of the bank, one sample below the other.
    `baseline`: REGION_VALUES of the earliest passage; `baseline_loci` its PROBES or CYTOSINES.
    `donor_loci`: PROBES or CYTOSINES of the donor.
    `events`: EVENTS that the sample carries (state present).
    """

    controls: pd.DataFrame | None = None
    baseline: pd.DataFrame | None = None
    baseline_loci: pd.DataFrame | None = None
    donor_loci: pd.DataFrame | None = None
    events: pd.DataFrame | None = None


@dataclass(frozen=True)
class Curated:
    """The curated tables: imprinted_dmrs.tsv and methylation_drift_loci.tsv of resources."""

    dmrs: pd.DataFrame
    loci: pd.DataFrame


def region_values(
    loci: pd.DataFrame, curated: Curated, settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Return REGION_VALUES of all curated regions and of the islands of X.

    Parameters
    ----------
    loci
        PROBES or CYTOSINES of one sample.
    settings
        methylation.measures of the config.
    """
    regions = methylation_regions.curated(curated.dmrs, curated.loci)
    found = methylation_regions.values(loci, regions, settings)
    return pd.concat([found, methylation_regions.x_islands(loci, settings)], ignore_index=True)


def methylation_readouts(
    subject: Subject,
    own: pd.DataFrame,
    own_loci: pd.DataFrame,
    curated: Curated,
    settings: Mapping[str, Any],
    compared: Compared = Compared(),
) -> pd.DataFrame:
    """Return READOUTS of one sample: all questions, whatever was measured.

    Parameters
    ----------
    subject
        The sample, its passage, sex and kind.
    own
        Its `region_values`.
    own_loci
        Its PROBES or CYTOSINES.
    curated, compared
        The curated tables, and what the sample is compared with.
    settings
        methylation.measures of the config.
    """
    dmrs, loci = curated.dmrs, curated.loci
    own_levels = drift.levels(own_loci, settings)
    first, donor = (
        None if other is None else drift.levels(other, settings)
        for other in (
            _alike(own_loci, compared.baseline_loci),
            _alike(own_loci, compared.donor_loci),
        )
    )
    cells = None
    if compared.donor_loci is not None:
        cells = region_values(compared.donor_loci, curated, settings)
    rows = [
        *imprinting.readouts(
            own, compared.controls, dmrs, settings, compared.events, cells, compared.baseline
        ),
        *x_inactivation.readouts(own, compared.baseline, loci, subject, settings, compared.events),
        *drift.pluripotency(own, loci, subject, settings),
        *drift.distances(own_levels, first, donor, settings),
        *drift.loci_readouts(own, compared.baseline, compared.controls, loci, settings),
    ]
    return rows_of.frame(rows, subject.sample, subject.passage, "methylation")


def _alike(own: pd.DataFrame, other: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return loci that were measured as the sample was, by array or by sequencing; else None."""
    if other is None or is_array(own) != is_array(other):
        return None
    return other
