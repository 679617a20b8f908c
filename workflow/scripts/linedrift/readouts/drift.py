"""How far a methylome has moved: from the earliest passage, from the donor, at known loci."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from linedrift.methylation_tables import is_array
from linedrift.readouts import readouts as rows_of
from linedrift.readouts.imprinting import betas_of
from linedrift.readouts.methylation_ranges import (
    POWER,
    Normal,
    Subject,
    judged,
    stated,
    too_few,
    widened,
)
from linedrift.readouts.methylation_regions import (
    HALF_WIDTH,
    by_region,
    fragment_length,
    fragments,
    in_order,
    keys,
    measured,
    records,
    sequenced,
)

# The normal quantile of 3/4: a median absolute difference of normal noise is so many sd.
MEDIAN_TO_SD = 0.6745
# A quarter of them is below so many sd.
QUARTER_TO_SD = 0.3186
# The mean of the absolute value of a standard normal number.
MEAN_ABSOLUTE = float(np.sqrt(2 / np.pi))
# An interval's width times this is 1.96 + 1.645 standard errors: found with probability .95.
FOUND = (HALF_WIDTH + POWER) / (2 * HALF_WIDTH)
# So many loci tell the spread of their differences.
LIKE = 200
# Blocks of the genome taken as independent; their spread makes the intervals.
BLOCK_BP = 5_000_000
PLURIPOTENCY_SOURCE = (
    "doi:10.1038/srep08973; cygenia.com (a positive score points to pluripotency); probes by their "
    "place at the promoters, not read in the source"
)
DISTANCE_SOURCE = "Own measure: docs/methods.md"


def levels(loci: pd.DataFrame, settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return chrom, start, beta, n of what is compared: probes, or tiles of sequenced CpGs.

    Reads are pooled in tiles of `tile_bp`; n is the number of independent fragments, and tiles with
    fewer than `tile_reads` are left out. Of a probe n is NaN.
    """
    loci = in_order(measured(loci))
    if is_array(loci):
        return loci[["chrom", "start", "beta"]].assign(n=np.nan).reset_index(drop=True)
    if loci.empty:
        return loci[["chrom", "start"]].assign(beta=np.nan, n=np.nan)
    start, code = loci["start"].to_numpy(), loci["chrom"].cat.codes.to_numpy()
    tile = start // settings["tile_bp"]
    stretch = start % settings["tile_bp"] // fragment_length(loci, settings)
    new_tile = (np.diff(tile, prepend=-1) != 0) | (np.diff(code, prepend=-1) != 0)
    begins = np.flatnonzero(new_tile | (np.diff(stretch, prepend=-1) != 0))
    first = np.flatnonzero(new_tile)
    methylated = loci["methylated"].to_numpy(np.int64)
    reads = methylated + loci["unmethylated"].to_numpy(np.int64)
    worth = fragments(reads, begins, settings["read_rho"])
    made = pd.DataFrame(
        {
            "chrom": loci["chrom"].array[first],
            "start": tile[first] * settings["tile_bp"],
            "beta": np.add.reduceat(methylated, first) / np.add.reduceat(reads, first),
            "n": np.add.reduceat(worth, np.searchsorted(begins, first)),
        }
    )
    return made[made["n"] >= settings["tile_reads"]].reset_index(drop=True)


def paired(own: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return the loci that both have: chrom, start, the columns of both (suffix _other).

    Both in genome order; of several loci at one place the first counts.
    """
    key, other_key = (keys(frame) for frame in (own, other))
    at = np.searchsorted(other_key, key)
    both = np.zeros(len(key), dtype=bool)
    within = at < len(other_key)
    both[within] = other_key[at[within]] == key[within]
    both &= np.diff(key, prepend=-1) != 0
    partner = other.iloc[at[both]].drop(columns=["chrom", "start"]).add_suffix("_other")
    kept = own[both].reset_index(drop=True)
    return kept.assign(**{str(name): partner[name].to_numpy() for name in partner})


def noise(pairs: pd.DataFrame, settings: Mapping[str, Any]) -> np.ndarray:
    """Return the sd of the difference of each pair without any change, shape (n,).

    Reads: sqrt(p (1 - p) (1/n + 1/n')) at the pooled share p, times what the lowest quarter of
    the differences says, from 1 to `read_noise`. Probes: by the median absolute difference of
    those with a like mean (twentieths of all), for noise depends on the mean, `probe_noise` at the
    most. So at least half of the loci are taken to be unchanged; between cell types, where more
    differ, the two bounds hold.
    """
    difference = (pairs["beta"] - pairs["beta_other"]).abs().to_numpy(np.float64)
    if "n" not in pairs or pairs["n"].isna().any():
        mean = ((pairs["beta"] + pairs["beta_other"]) / 2).to_numpy()
        rank = np.argsort(np.argsort(mean, kind="stable"), kind="stable")
        part = pd.Series(difference).groupby(20 * rank // max(len(rank), 1))
        sd = part.transform("median").to_numpy() / MEDIAN_TO_SD
        return np.asarray(sd.clip(1e-3, settings["probe_noise"]))
    n, other = pairs["n"].to_numpy(), pairs["n_other"].to_numpy()
    # One methylated and one unmethylated read more: no share is surely 0 or 1.
    methylated = n * pairs["beta"] + other * pairs["beta_other"] + 1
    share = (methylated / (n + other + 2)).to_numpy()
    sd = np.sqrt(share * (1 - share) * (1 / n + 1 / other))
    return np.asarray(sd * np.clip(_excess(pairs, difference / sd), 1.0, settings["read_noise"]))


def _excess(pairs: pd.DataFrame, z: np.ndarray) -> float:
    """Return how many times wider the lowest quarter of |z| is than normal.

    Asked of the loci that are half methylated in one of the two (by the pooled share changed loci
    would be chosen), and of the two answers the smaller; 1 where they are few.
    """
    answers = [1.0]
    for name in ("beta", "beta_other"):
        half = pairs[name].between(0.2, 0.8).to_numpy()
        if half.sum() >= LIKE:
            answers.append(float(np.quantile(z[half], 0.25)) / QUARTER_TO_SD)
    return min(answers[1:] or answers)


@dataclass(frozen=True)
class Distance:
    """A difference of two methylomes, each figure as value, low and high (95 %), and its n.

    `share`: of loci that differ by more than `drift_change`, less what noise alone would give.
    `mean`: mean absolute difference, single loci counted as .5 at the most; `floor` is what noise
    alone gives.
    """

    share: tuple[float, float, float]
    mean: tuple[float, float, float]
    floor: float
    n: int


def distance(pairs: pd.DataFrame, settings: Mapping[str, Any]) -> Distance:
    """Return how much two methylomes differ, with intervals by blocks of 5 Mb.

    Parameters
    ----------
    pairs
        From `paired`, at least one row.
    settings
        `drift_change` (a change of methylation that counts).
    """
    difference = (pairs["beta"] - pairs["beta_other"]).abs().to_numpy(np.float64)
    sd = noise(pairs, settings)
    beyond = difference > settings["drift_change"]
    by_chance = 2 * special.ndtr(-settings["drift_change"] / sd)
    block = pairs["chrom"].cat.codes.to_numpy(np.int64) << 32
    block = block + pairs["start"].to_numpy() // BLOCK_BP
    share = np.array(_by_blocks(beyond - by_chance, block)).clip(0, 1)
    mean = _by_blocks(np.minimum(difference, 0.5), block)
    return Distance(
        (float(share[0]), float(share[1]), float(share[2])),
        mean,
        float(MEAN_ABSOLUTE * sd.mean()),
        len(pairs),
    )


def _by_blocks(values: np.ndarray, block: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of all loci with its 95 % interval by the spread between blocks."""
    sums = pd.DataFrame({"value": values, "n": 1.0}).groupby(block).sum()
    mean = values.mean()
    if len(sums) < 2:
        return float(mean), np.nan, np.nan
    rest = sums["value"] - mean * sums["n"]
    error = np.sqrt((rest**2).sum() * len(sums) / (len(sums) - 1)) / len(values)
    half = special.stdtrit(len(sums) - 1, 0.975) * error
    return float(mean), float(mean - half), float(mean + half)


def distances(
    own: pd.DataFrame,
    baseline: pd.DataFrame | None,
    donor: pd.DataFrame | None,
    settings: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return the readouts of distance: from the earliest passage, and from the donor's cells.

    They annotate: no published bound says how much drift is too much.

    Parameters
    ----------
    own, baseline, donor
        From `levels`; None where there is none or the sample is it.
    """
    first = _compared(own, baseline, settings)
    cells = _compared(own, donor, settings)
    before = None if baseline is None else _compared(baseline, donor, settings)
    # Back toward the donor's cells: differentiated, or never wholly reprogrammed.
    least = 0.0 if before is None else settings["drift_return"] * before.share[0]
    above = np.nan if first is None else first.floor + settings["drift_mean"]
    no_first = _missing(baseline, "no baseline: nothing earlier was measured so")
    no_donor = _missing(donor, "no data: the donor was not measured so")
    change = f"changes of more than {settings['drift_change']:g} beyond noise"
    floor = "" if first is None else f"noise alone gives {first.floor:.3f}"
    # fmt: off
    rows = (
        ("since_baseline_share", "Share of loci changed since the earliest passage",
         first, "share", (0.0, settings["drift_share"]), change, no_first),
        ("since_baseline_mean", "Mean change since the earliest passage",
         first, "mean", (0.0, above), floor, no_first),
        ("from_donor_share", "Share of loci that differ from the donor's cells",
         cells, "share", (least, 1.0), change, no_donor),
    )
    # fmt: on
    return [_row(*row) for row in rows]


def _compared(
    own: pd.DataFrame, other: pd.DataFrame | None, settings: Mapping[str, Any]
) -> Distance | None:
    """Return the distance, or None where there is nothing to compare or too little of it."""
    if other is None:
        return None
    pairs = paired(own, other)
    return distance(pairs, settings) if len(pairs) >= settings["drift_loci"] else None


def _missing(other: pd.DataFrame | None, nothing: str) -> str:
    return nothing if other is None else "too few loci that both have"


def _row(
    item: str,
    label: str,
    found: Distance | None,
    figure: str,
    normal: tuple[float, float],
    remark: str,
    missing: str,
) -> dict[str, Any]:
    known: dict[str, Any] = {"unit": "share", "source": DISTANCE_SOURCE, "reason": missing}
    if found is not None:
        value, lowest, highest = found.share if figure == "share" else found.mean
        low, high = normal
        state = "normal"
        if lowest > high:
            state = "gained"
        elif highest < low:
            state = "lost"
        known |= {
            "state": state, "value": value, "low": lowest, "high": highest, "n": found.n,
            "expected_low": low, "expected_high": high, "against": "stated range",
            "limit": high + FOUND * (highest - lowest) if high < 1 else np.nan, "reason": remark,
        }  # fmt: skip
    return rows_of.readout("drift", item, label, **known)


def loci_readouts(
    own: pd.DataFrame,
    baseline: pd.DataFrame | None,
    controls: pd.DataFrame | None,
    loci: pd.DataFrame,
    settings: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return a readout for each locus known to drift, against earliest passage and controls.

    Rows whose source was not read only annotate, others are for review. Loci of X and of the
    pluripotency score are asked elsewhere; imprinted ones in `linedrift.readouts.imprinting`.

    Parameters
    ----------
    own, baseline, controls
        REGION_VALUES; of the controls one sample below the other.
    loci
        resources/methylation_drift_loci.tsv.
    """
    value_of, reads = by_region(own), sequenced(own)
    before = betas_of(baseline)
    others = betas_of(controls)
    made = []
    kinds = ["reprogramming hotspot", "culture/reprogramming drift", "somatic memory"]
    for locus in records(loci[loci["kind"].isin(kinds)]):
        name = locus["id"]
        known = {
            "place": rows_of.place(locus["chrom"], locus["start"], locus["end"]),
            "role": "review" if locus["verification"] == "verified" else "annotate",
            "source": str(locus["source"]), "unit": "share",
        }  # fmt: skip
        value = value_of.get(name)
        few = "no data" if value is None else too_few(value, reads, settings)
        normal = _own_range(before.get(name), others.get(name), settings)
        if value is None or few:
            known |= {"reason": few}
        elif normal is None:
            known |= {"value": value["beta"], "low": value["low"], "high": value["high"]}
            known |= {"n": value["n_reads"] or value["n_loci"]}
            known |= {"reason": "no baseline, and too few other lines to compare with"}
        else:
            known |= judged(value, normal)
        label = f"{locus['gene']} ({locus['kind']})"
        made.append(rows_of.readout("drift", name, label, **known))
    return made


def _own_range(
    before: np.ndarray | None, others: np.ndarray | None, settings: Mapping[str, Any]
) -> Normal | None:
    """Return earliest passage +- `locus_change`, widened to the controls; or those alone."""
    change = settings["locus_change"]
    known = [] if others is None else others[np.isfinite(others)]
    if before is not None and np.isfinite(before[0]):
        beta = float(before[0])
        normal = Normal(beta - change, beta + change, beta, "earliest passage")
        return widened(normal, np.asarray(known), settings)
    if len(known) < settings["least_controls"]:
        return None
    centre = float(np.median(known))
    alone = Normal(centre - change, centre + change, centre, "the middle")
    return widened(alone, np.asarray(known), settings)


def pluripotency(
    own: pd.DataFrame, loci: pd.DataFrame, subject: Subject, settings: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the Epi-Pluri-Score and its third CpG (doi:10.1038/srep08973).

    The score is beta at ANKRD46 (methylated in pluripotent cells) less beta at C14orf115
    (unmethylated there); positive in pluripotent cells, with 99.9 % specificity and 98.9 %
    sensitivity in 2,215 published profiles. The CpG of POU5F1 is unmethylated in pluripotent
    cells and gains early in differentiation; it annotates, for no bound was read.
    """
    value_of, reads = by_region(own), sequenced(own)
    cpgs = records(loci[loci["kind"] == "Epi-Pluri-Score CpG"])
    of_gene = {str(cpg["gene"]).split()[0]: value_of.get(cpg["id"]) for cpg in cpgs}
    usable = {
        gene: value for gene, value in of_gene.items()
        if value is not None and not too_few(value, reads, settings)
    }  # fmt: skip
    score = {"unit": "share", "source": PLURIPOTENCY_SOURCE}
    known = _score(usable, subject)
    rows = [rows_of.readout("pluripotency", "epi_pluri", "Epi-Pluri-Score", **(score | known))]
    third: dict[str, Any] = {"reason": "too few loci: its CpG was not measured"}
    if "POU5F1" in usable:
        third = judged(usable["POU5F1"], stated(settings["pou5f1"]))
        if subject.kind == "donor":
            third |= {"state": "normal", "expected_low": 0.0, "expected_high": 1.0}
            third |= {"reason": "a donor's cells are not pluripotent"}
    rows.append(rows_of.readout("pluripotency", "pou5f1", "POU5F1 promoter CpG", **(score | third)))
    return rows


def _score(usable: Mapping[str, Mapping[str, Any]], subject: Subject) -> dict[str, Any]:
    one, other = usable.get("ANKRD46"), usable.get("C14orf115")
    if one is None or other is None:
        return {"reason": "too few loci: its two CpGs were not both measured"}
    value = one["beta"] - other["beta"]
    half = np.hypot(one["high"] - one["low"], other["high"] - other["low"]) / 2
    n = min(one["n_reads"] or one["n_loci"], other["n_reads"] or other["n_loci"])
    if subject.kind == "donor":
        state = "gained" if value - half > 0 else "normal"
        low, high, reason, role = -1.0, 0.0, "a donor's cells are not pluripotent", "annotate"
    else:
        state = "lost" if value + half < 0 else "normal"
        low, high, role = 0.0, 1.0, "review"
        reason = "" if abs(value) > half or state == "lost" else "not sure: its interval contains 0"
    return {
        "state": state, "value": value, "low": max(value - half, -1.0), "n": n, "role": role,
        "high": min(value + half, 1.0), "expected_low": low, "expected_high": high,
        "limit": 2 * half * FOUND, "against": "stated range", "reason": reason,
    }  # fmt: skip
