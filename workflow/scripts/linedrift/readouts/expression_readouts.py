"""What expression says of a line: markers of pluripotency, lineages, X, genes of hotspots.

A gene is compared with the other lines of the bank: their median, and their spread, which is drawn
to that of genes of like expression. A line counts once. A donor is compared with donors only, for
its cells are of another kind. Which XIST a line has is asked by its sex, not by the bank: in many
banks half of the women's lines have lost it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammaincinv, stdtrit

from linedrift.findings import role_of
from linedrift.genome import is_pseudoautosomal
from linedrift.readouts.marker_bank import Markers, places
from linedrift.readouts.readouts import below_or_above, place, readout, records
from linedrift.signals.noise import MAD_TO_SD

# Sets that are asked gene by gene, and as a whole (with the whole's name).
PLURIPOTENCY = {
    "pluripotency_core": "",
    "pluripotency_extended": "further pluripotency markers",
    "primed_markers": "markers of primed cells",
    "naive_markers": "markers of naive cells",
}
# Sets that are asked as a whole; more of them than usual is a finding, less is none.
LINEAGES = {
    "ectoderm": "ectoderm",
    "mesoderm": "mesoderm",
    "endoderm": "endoderm",
    "extraembryonic_trophectoderm": "extraembryonic",
}
HOTSPOT = "apoptosis_growth_hotspot_drivers"
XIST, DOSAGE = "XIST", "x_dosage"
# How many samples with normal noise tell as much by their MAD as one by its standard deviation.
_MAD_EFFICIENCY = 0.37
# Of a median of n its variance is that of a mean times this.
_MEDIAN_VARIANCE = np.pi / 2
# Genes that are named in a remark, at the most.
_NAMED = 6
_LOG2E = 1 / np.log(2)


@dataclass(frozen=True)
class Comparison:
    """A sample's markers beside those of other lines.

    `genes`: the genes of Markers with count, value (log2 reads per million and the offset), low,
    high, location, spread, expected_low, expected_high, limit, state; NaN and not_testable where
    nothing compares. `changes`: log2 of each other line relative to location, shape (genes,
    lines). `lines`: their names. `weight`: degrees of freedom of the usual variance. `reason`: why
    there is no comparison, or empty.
    """

    genes: pd.DataFrame
    changes: np.ndarray
    lines: tuple[str, ...]
    weight: float
    reason: str

    @property
    def against(self) -> str:
        """Return what ranges rest on, in words."""
        return f"{len(self.lines)} other lines of the bank" if not self.reason else ""


def compare(markers: Markers, sample: str, settings: Mapping[str, Any]) -> Comparison:
    """Compare the markers of a sample with those of the other lines of the bank.

    Parameters
    ----------
    markers
        Of the bank.
    sample
        The sample asked; samples of its line are no comparison, and donors compare with donors.
    settings
        Section `rna` of the config: least_lines, and of readouts: offset, chance.

    Notes
    -----
    The range is a prediction interval (Student's t) of a new line: variance of lines, of their
    median, and of the sample's own reads. The variance is the square of the median absolute
    deviation (which knows as much as .37 times as many standard deviations,
    doi:10.1080/01621459.1993.10476408), drawn to that of genes of like expression.
    """
    at = markers.samples.index(sample)
    own = settings["readouts"]
    log2 = markers.log2(own["offset"])
    kept = markers.donors == markers.donors[at]
    others = [k for k in np.flatnonzero(kept) if markers.lines[k] != markers.lines[at]]
    lines = tuple(dict.fromkeys(markers.lines[k] for k in others))
    genes = _of_sample(markers, at, log2[:, at], own["offset"])
    if len(lines) < settings["least_lines"] or not markers.weight:
        why = _too_few(len(lines), settings)
        return Comparison(genes, np.empty((len(genes), 0)), lines, markers.weight, why)
    of_line = np.array([lines.index(markers.lines[k]) for k in others])
    usual = np.stack(
        [np.median(log2[:, others][:, of_line == k], axis=1) for k in range(len(lines))], axis=1
    )
    location = np.median(usual, axis=1)
    spread, freedom = _spread(markers, usual, location)
    counting = _counting_sd(genes["count"], markers.million[at], own["offset"])
    sd = np.sqrt(spread**2 * (1 + _MEDIAN_VARIANCE / len(lines)) + counting**2)
    half = stdtrit(freedom, 1 - own["chance"] / 2) * sd
    genes = genes.assign(
        location=location,
        spread=spread,
        expected_low=location - half,
        expected_high=location + half,
        # Found in 95 of 100 cases: beyond the range by 1.64 sd.
        limit=half + 1.64 * sd,
    )
    states = [
        below_or_above(*row)
        for row in genes[["value", "expected_low", "expected_high"]].itertuples(index=False)
    ]
    changes = usual - location[:, None]
    return Comparison(genes.assign(state=states), changes, lines, markers.weight, "")


def _too_few(n: int, settings: Mapping[str, Any]) -> str:
    return (
        f"no baseline: the bank has RNA of {n} other lines, markers are compared with at least "
        f"{settings['least_lines']}"
    )


def _of_sample(markers: Markers, at: int, value: np.ndarray, offset: float) -> pd.DataFrame:
    """Return the genes with the sample's reads, and values with what reads alone leave open."""
    count, million = markers.counts[:, at], markers.million[at]
    # Jeffreys' interval of a Poisson rate.
    low, high = (gammaincinv(count + 0.5, tail) for tail in (0.025, 0.975))
    low = np.where(count == 0, 0, low)
    nothing = np.full(len(count), np.nan)
    return markers.genes.reset_index(drop=True).assign(
        count=count,
        value=value,
        low=np.log2(low / million + offset),
        high=np.log2(high / million + offset),
        location=nothing,
        spread=nothing,
        expected_low=nothing,
        expected_high=nothing,
        limit=nothing,
        state="not_testable",
    )


def _counting_sd(count: pd.Series, million: float, offset: float) -> np.ndarray:
    """Return the sd (log2) of a value by its reads alone."""
    reads = count.to_numpy(float)
    return np.asarray(_LOG2E * np.sqrt(reads + 0.5) / (reads + offset * million))


def _spread(
    markers: Markers, usual: np.ndarray, location: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sd of genes between lines, and its degrees of freedom, shape (genes,) each."""
    robust = MAD_TO_SD * np.median(np.abs(usual - location[:, None]), axis=1)
    prior = np.exp(np.interp(usual.mean(axis=1), markers.levels, markers.usual))
    known = _MAD_EFFICIENCY * (usual.shape[1] - 1)
    freedom = np.full(len(usual), markers.weight + known)
    return np.sqrt((markers.weight * prior + known * robust**2) / freedom), freedom


def of_sets(
    found: Comparison, sets: pd.DataFrame, settings: Mapping[str, Any], is_donor: bool
) -> list[dict[str, Any]]:
    """Return the readouts of pluripotency, lineages and genes of hotspots.

    Parameters
    ----------
    found
        The sample's `compare`.
    sets
        resources/expression_gene_sets.tsv.
    settings
        Sections `rna` and `verdict` (for roles) of the config, in one mapping: `rna`, `verdict`.
    is_donor
        A donor's cells are no pluripotent cells: what is asked of those is not asked of it.
    """
    why = "no data: a donor's cells, which are no pluripotent cells" if is_donor else ""
    rows: list[dict[str, Any]] = []
    asked: set[str] = set()
    for name, title in PLURIPOTENCY.items():
        own = sets[sets["set"] == name]
        if title:
            rows.append(_score("pluripotency", name, title, found, own, settings, why))
    for name in PLURIPOTENCY:
        own = sets[(sets["set"] == name) & ~sets["gene"].isin(asked)]
        rows += _genes("pluripotency", found, own, settings, why)
        asked |= set(own["gene"])
    for name, title in LINEAGES.items():
        own = sets[sets["set"] == name]
        rows.append(_score("lineage", name, title, found, own, settings, why))
    return rows + _genes("hotspot_gene", found, sets[sets["set"] == HOTSPOT], settings, "")


def _genes(
    group: str, found: Comparison, asked: pd.DataFrame, settings: Mapping[str, Any], why: str
) -> list[dict[str, Any]]:
    """Return a readout for each gene."""
    at = places(found.genes, asked)
    rows = []
    for k, gene in zip(at, records(asked), strict=True):
        known: dict[str, Any] = {
            "role": role_of(gene, settings["verdict"]),
            "source": gene["source"],
            "place": place(gene["chrom"], int(gene["start"]), int(gene["end"])),
        }
        if why or k < 0:
            known["reason"] = why or "no data: neither the counts nor the annotation have the gene"
        else:
            known |= _of_gene(found, k)
        rows.append(readout(group, gene["gene"], gene["gene"], **known))
    return rows


def _of_gene(found: Comparison, k: int) -> dict[str, Any]:
    """Return what was measured of a gene, as columns of READOUTS."""
    row = found.genes.iloc[k]
    names = ("state", "value", "low", "high", "expected_low", "expected_high", "limit")
    known = {name: row[name] for name in names}
    known |= {"unit": "log2", "n": round(row["count"]), "against": found.against}
    if row["state"] in ("gained", "lost"):
        change = row["value"] - row["location"]
        known["reason"] = f"{change:+.1f} (log2) from the usual line"
    else:
        known["reason"] = found.reason
    return known


def _score(
    group: str,
    item: str,
    label: str,
    found: Comparison,
    asked: pd.DataFrame,
    settings: Mapping[str, Any],
    why: str,
) -> dict[str, Any]:
    """Return the readout of a set of genes: their mean change, and which stand out."""
    at = places(found.genes, asked)
    at = np.unique(at[at >= 0])
    least = settings["rna"]["readouts"]["least_of_set"]
    # A set counts as verified where all of its rows are.
    roles = {role_of(row, settings["verdict"]) for row in records(asked)}
    known: dict[str, Any] = {
        "role": roles.pop() if len(roles) == 1 else "annotate",
        "source": "; ".join(dict.fromkeys(asked["source"])),
        "reason": why or found.reason,
        "n": len(at),
    }
    if not known["reason"] and len(at) < least:
        known["reason"] = f"no data: {len(at)} of its {len(asked)} genes were counted"
    if not known["reason"]:
        known |= _of_set(found, at, settings["rna"]["readouts"], group == "lineage")
    return readout(group, item, label, **known)


def _of_set(
    found: Comparison, at: np.ndarray, settings: Mapping[str, Any], one_sided: bool
) -> dict[str, Any]:
    """Return the mean change of genes, compared with that of the other lines."""
    genes = found.genes.iloc[at]
    value = float((genes["value"] - genes["location"]).mean())
    # What reads alone leave open: a quarter of the 95 % interval is an sd.
    sd = float(np.sqrt((((genes["high"] - genes["low"]) / 4) ** 2).sum()) / len(genes))
    half, limit = _range_of(found, found.changes[at].mean(axis=0), genes["spread"], sd, settings)
    low = np.nan if one_sided else -half
    out = genes[genes["state"].isin(["gained"] if one_sided else ["gained", "lost"])]
    change = (out["value"] - out["location"]).sort_values(key=np.abs, ascending=False)
    named = [f"{out.loc[k, 'symbol']} {change[k]:+.1f}" for k in change.index[:_NAMED]]
    rest = f" and {len(out) - _NAMED} more" if len(out) > _NAMED else ""
    return {
        "state": below_or_above(value, low, half),
        "value": value, "low": value - 1.96 * sd, "high": value + 1.96 * sd, "unit": "log2",
        "expected_low": low, "expected_high": half, "limit": limit, "n": len(at),
        "against": found.against,
        "reason": f"beyond their range: {', '.join(named)}{rest}" if named else "",
    }  # fmt: skip


def _range_of(
    found: Comparison,
    scores: np.ndarray,
    spread: pd.Series,
    sd: float,
    settings: Mapping[str, Any],
) -> tuple[float, float]:
    """Return half the width of the range of a score, and the change that would be found.

    Parameters
    ----------
    scores
        Of the other lines, relative to their medians, gene by gene; shape (lines,).
    spread
        Sd of the genes between lines.
    sd
        Of the sample's score by its own reads.

    Notes
    -----
    Genes of a set go together: without other lines the variance of their mean would be that of one
    gene times the usual correlation of two. The spread of the lines' scores is drawn to it.
    """
    n, usual = len(scores), float((spread**2).mean())
    shared = settings["correlation"]
    prior = usual * (shared + (1 - shared) / len(spread))
    robust = MAD_TO_SD * float(np.median(np.abs(scores - np.median(scores))))
    known = _MAD_EFFICIENCY * (n - 1)
    freedom = found.weight + known
    variance = (found.weight * prior + known * robust**2) / freedom
    whole = float(np.sqrt(variance * (1 + _MEDIAN_VARIANCE / n) + sd**2))
    half = float(stdtrit(freedom, 1 - settings["chance"] / 2)) * whole
    return half, half + 1.64 * whole


def of_x(
    found: Comparison,
    sets: pd.DataFrame,
    sex: str,
    seen: Mapping[str, Any],
    earlier: Sequence[tuple[int, float]],
    settings: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return the readouts of the X chromosome: XIST, and the dosage of X-linked genes.

    Parameters
    ----------
    found
        The sample's `compare`.
    sets
        resources/expression_gene_sets.tsv.
    sex
        By the sheet: female, male or unknown.
    seen
        `rna_bank.of_counts` of the sample: reads of XIST and of Y per million.
    earlier
        Passage and XIST per million of the earlier samples of the line.
    settings
        Sections `rna`, `verdict` and `quality` of the config, in one mapping.
    """
    return [
        _xist(found, records(sets[sets["gene"] == XIST])[0], sex, seen, earlier, settings),
        _dosage(found, sex, settings["rna"]),
    ]


def _xist(
    found: Comparison,
    gene: Mapping[str, Any],
    sex: str,
    seen: Mapping[str, Any],
    earlier: Sequence[tuple[int, float]],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return whether XIST is expressed as the sex has it."""
    offset = settings["rna"]["readouts"]["offset"]
    bounds = settings["quality"]["rna"]
    bound = np.log2(bounds["xist_present"] + offset)
    k = int(places(found.genes, pd.DataFrame([gene]))[0])
    known: dict[str, Any] = {
        "role": role_of(gene, settings["verdict"]),
        "source": gene["source"],
        "place": place(gene["chrom"], int(gene["start"]), int(gene["end"])),
    }
    if k < 0:
        known["reason"] = "no data: neither the counts nor the annotation have the gene"
        return readout("x_chromosome", XIST, XIST, **known)
    known |= _of_gene(found, k) | {
        "state": "not_testable", "reason": "", "against": "stated range",
        "expected_low": bound if sex == "female" else np.nan,
        "expected_high": bound if sex == "male" else np.nan,
        # Three reads are expected where none is seen in 5 of 100 cases.
        "limit": float(np.log2(3 * _per_read(found.genes.iloc[k], offset) + offset)),
    }  # fmt: skip
    y = seen["y"]
    known |= _state_of_xist(known, bound, sex, y >= bounds["y_present"], y, earlier)
    return readout("x_chromosome", XIST, XIST, **known)


def _per_read(gene: pd.Series, offset: float) -> float:
    """Return what one read of the sample is per million."""
    # The upper end of the interval of the value is that of so many reads.
    return float((2 ** gene["high"] - offset) / gammaincinv(gene["count"] + 0.5, 0.975))


def _state_of_xist(
    known: Mapping[str, Any],
    bound: float,
    sex: str,
    has_y: bool,
    y: float,
    earlier: Sequence[tuple[int, float]],
) -> dict[str, str]:
    """Return state and reason of XIST."""
    if sex == "unknown":
        return {"state": "not_testable", "reason": "sex: the sheet does not say it"}
    if sex == "female" and has_y:
        why = f"sex: genes of Y are expressed ({y:.0f} per million), the sheet says female"
        return {"state": "not_testable", "reason": why}
    above = known["low"] >= bound
    if not above and known["high"] > bound and (known["value"] < bound) == (sex == "female"):
        return {"state": "not_testable", "reason": f"too few reads: {known['n']}"}
    if sex == "male":
        if known["value"] <= bound:
            return {"state": "normal", "reason": ""}
        return {"state": "gained", "reason": "XIST in a man's line: a second X, or sex is wrong"}
    if known["value"] >= bound:
        return {"state": "normal", "reason": ""}
    had = [f"passage {passage} had {xist:.0f} per million" for passage, xist in earlier]
    return {"state": "lost", "reason": "; ".join(["XIST is not expressed", *had[:1]])}


def _dosage(found: Comparison, sex: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the usual change of X-linked genes, which an eroded second X raises."""
    own, label = settings["readouts"], "X-linked genes"
    if found.reason:
        return readout("x_chromosome", DOSAGE, label, reason=found.reason)
    genes = found.genes
    on = (genes["chrom"] == "chrX").to_numpy() & (genes["symbol"] != XIST).to_numpy()
    on &= ~is_pseudoautosomal(genes["chrom"].astype("str"), genes["start"])
    on &= (genes["location"] >= np.log2(own["least_expressed"] + own["offset"])).to_numpy()
    if on.sum() < own["least_genes"]:
        why = f"no data: {int(on.sum())} expressed genes of X, at least {own['least_genes']}"
        return readout("x_chromosome", DOSAGE, label, reason=why, n=int(on.sum()))
    change = (genes["value"] - genes["location"]).to_numpy()[on]
    value = float(np.median(change))
    sd = MAD_TO_SD * float(np.median(np.abs(change - value)))
    sd *= np.sqrt(_MEDIAN_VARIANCE / on.sum())
    scores = np.median(found.changes[on], axis=0)
    half, limit = _range_of(found, scores, genes["spread"][on], sd, own)
    state = below_or_above(value, -half, half)
    words = {
        ("gained", "female"): "as where a silent X is expressed again",
        ("gained", "male"): "more than one X, or another composition of the RNA",
    }
    return readout(
        "x_chromosome", DOSAGE, label, state=state, value=value, unit="log2",
        low=value - 1.96 * sd, high=value + 1.96 * sd, expected_low=-half, expected_high=half,
        limit=limit, n=int(on.sum()), against=found.against, reason=words.get((state, sex), ""),
        source="own rule: the usual X-linked gene against the other lines of the bank",
    )  # fmt: skip


def unanswered(sets: pd.DataFrame, settings: Mapping[str, Any], why: str) -> list[dict[str, Any]]:
    """Return all questions of this module, none of them answered, for a sample without counts."""
    genes = sets[["chrom", "start", "end", "ensembl_gene_id", "gene"]].iloc[:0]
    nothing = Comparison(
        genes.rename(columns={"ensembl_gene_id": "gene_id", "gene": "symbol"}),
        np.empty((0, 0)),
        (),
        0.0,
        why,
    )
    seen = {"y": np.nan, "xist": np.nan}
    rows = of_sets(nothing, sets, settings, is_donor=False)
    rows += of_x(nothing, sets, "unknown", seen, (), settings)
    return [{**row, "reason": why} for row in rows]
