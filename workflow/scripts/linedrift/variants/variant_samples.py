"""Which exomes of a line enter the joint call, as what, and what is said of those that do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from linedrift import tables
from linedrift.sequencing_tables import VARIANT_COURSES, VARIANT_HOTSPOTS

_UNKNOWN = ("cell_fraction", "low", "high", "limit")
_NO_READS: dict[str, Any] = {
    "allele_fraction": np.nan,
    "ref_reads": pd.NA,
    "alt_reads": pd.NA,
    "copies": np.nan,
}


@dataclass(frozen=True)
class Exomes:
    """The exomes of one line, in the order of its columns: the baseline, then by passage.

    `roles` and `passages` are of those that enter the call (own and baseline, then the panel),
    `reasons` says why the others do not. `donor` is False where the baseline is a passage of the
    line itself.
    """

    roles: dict[str, str]
    passages: dict[str, int]
    reasons: dict[str, str]
    donor: bool

    @property
    def columns(self) -> list[str]:
        """Return the samples of the line and of its baseline, testable or not."""
        return [name for name in self.passages if self.roles.get(name) != "panel"]

    @property
    def testable(self) -> bool:
        """Return whether anything of the line itself can be called."""
        return "own" in self.roles.values()


def exomes(
    line: str,
    measurements: Iterable[Mapping[str, Any]],
    panel: Sequence[str],
    reasons: Mapping[str, str],
) -> Exomes:
    """Sort the exomes of a line by what they are for the call.

    Parameters
    ----------
    line
        Name of the line.
    measurements
        Exomes that the jobs of the line read: sample, line, passage, role, baseline.
    panel
        Exomes of unrelated people.
    reasons
        Why a sample is not testable; samples that are have none, or an empty one.
    """
    rows = list(measurements)
    named = {
        name for row in rows if row["role"] == "own" for name in str(row["baseline"]).split(";")
    }
    is_base = {row["sample"]: row["role"] != "own" or row["sample"] in named for row in rows}
    rows.sort(key=lambda row: (not is_base[row["sample"]], int(row["passage"]), row["sample"]))
    usable = [row for row in rows if not reasons.get(row["sample"])]
    bases = [row for row in usable if is_base[row["sample"]]]
    roles = {row["sample"]: "baseline" if is_base[row["sample"]] else "own" for row in usable}
    # A first passage that is the baseline of no passage left is what there is of the line.
    if "own" not in roles.values():
        roles |= {row["sample"]: "own" for row in bases if row["line"] == line}
    roles |= dict.fromkeys(panel, "panel")
    return Exomes(
        roles,
        {row["sample"]: int(row["passage"]) for row in rows} | dict.fromkeys(panel, 0),
        {row["sample"]: text for row in rows if (text := reasons.get(row["sample"], ""))},
        any(row["line"] != line for row in bases),
    )


def with_untestable(
    variants: pd.DataFrame, courses: pd.DataFrame, hotspots: pd.DataFrame, of: Exomes
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return courses and hotspots with rows, not testable, of the exomes that were left out.

    Parameters
    ----------
    variants, courses
        VARIANTS and VARIANT_COURSES of the testable ones.
    hotspots
        VARIANT_HOTSPOTS of the testable ones, or of any where there is none of them.
    of
        Of these the `reasons`.
    """
    places = hotspots.drop_duplicates("hotspot_id")
    rest = hotspots[~hotspots["sample"].isin(list(of.reasons))]
    every, asked = [courses], [rest]
    for sample, reason in of.reasons.items():
        words: dict[str, Any] = dict.fromkeys(_UNKNOWN, np.nan) | {
            "sample": sample,
            "passage": of.passages[sample],
            "state": "not_testable",
            "reason": reason,
        }
        every.append(variants[["variant_id"]].assign(**words, **_NO_READS))
        asked.append(places.assign(**words | {"depth": pd.NA}))
    return (
        tables.check(_one_below_the_other(every), VARIANT_COURSES),
        tables.check(_one_below_the_other(asked), VARIANT_HOTSPOTS),
    )


def _one_below_the_other(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    filled = [frame.astype(object) for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else frames[0]


def in_genes(sites: pd.DataFrame, genes: pd.DataFrame) -> np.ndarray:
    """Return the gene of a table (chrom, start, end, gene) that each site lies in, or ''."""
    found = np.full(len(sites), "", dtype=object)
    start = sites["start"].to_numpy()
    for chrom, of in genes.groupby(genes["chrom"].astype(str)):
        rows = np.flatnonzero((sites["chrom"].astype(str) == chrom).to_numpy())
        order = of.sort_values("start")
        begin, end = order["start"].to_numpy(np.int64), order["end"].to_numpy(np.int64)
        last = np.searchsorted(begin, start[rows], side="right") - 1
        hit = (last >= 0) & (start[rows] < end[np.maximum(last, 0)])
        found[rows[hit]] = order["gene"].to_numpy()[last[hit]]
    return found
