"""Variants of a line: one joint call over its donor and all its passages.

`call_variants` weighs the explanations of `variant_hypotheses` for each candidate and follows
each variant through the samples; `ask_hotspots` asks recurrent point mutations in every sample,
called or not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import logsumexp

from linedrift import tables
from linedrift.sequencing_tables import VARIANT_COURSES, VARIANT_HOTSPOTS, VARIANTS
from linedrift.variants.allele_counts import KEY, Counts
from linedrift.variants.error_model import ErrorModel, after_panel
from linedrift.variants.variant_hypotheses import (
    HYPOTHESES,
    PLACE,
    Grid,
    carriers,
    errors_alone,
    foreign_dna,
    likelihoods,
    log_priors,
    shared_odds,
)
from linedrift.variants.variant_states import states

# Explanations of which each origin is the sum; the rest are artefacts.
ORIGINS = {
    "acquired": ("acquired",),
    "expanded": ("expanded",),
    "lost": ("lost", "mosaic_lost"),
    "inherited": ("inherited",),
}
ARTEFACTS = {
    "error_shared": "misread bases",
    "error_own": "misread bases",
    "one_strand": "one strand",
    "slipped": "low complexity",
    "alike": "as frequent in the donor",
    "contamination": "contamination",
}
_PLACES = {name: [PLACE[one] for one in of] for name, of in ORIGINS.items()}
_NEW = _PLACES["acquired"] + _PLACES["expanded"]
# Explanations that an origin's probability sums.
_MEMBERS = {
    **_PLACES, "acquired": _NEW, "expanded": _NEW, "unknown": sum(_PLACES.values(), []),
}  # fmt: skip
FIGURES = ("end of reads", "mapping quality", "base quality")
# Candidates weighed at a time: 20,000 of 8 samples and 24 fractions take 60 MB.
BLOCK = 20_000
# Nats below the evidence that the rarest explanation needs: such candidates are misread bases
# with a probability beyond .99 and are not weighed any further.
_HOPELESS = 5.0
# Share of reads from which a germline allele in a shallow sample cannot be left out unweighed.
_GERMLINE_SHARE = 0.15
# Phred that stands for a probability of error too small to be computed.
_MOST_PHRED = 300.0


class Calls(NamedTuple):
    """Variants, their courses, and counts of what was not listed (`variants.facts.json`)."""

    variants: pd.DataFrame
    courses: pd.DataFrame
    facts: dict[str, Any]


def call_variants(
    counts: Counts,
    model: ErrorModel,
    settings: Mapping[str, Any],
    hotspots: pd.DataFrame,
    copies: np.ndarray | None = None,
    *,
    line: str,
    bases: int = 0,
    imbalanced: np.ndarray | None = None,
    regions: pd.DataFrame | None = None,
) -> Calls:
    """Return the variants of a line and the course of each through its samples.

    Parameters
    ----------
    counts
        Candidates in the line's passages, its baseline and a panel of unrelated people.
    model
        Error rates of the same samples.
    settings
        Section `variants` of the config.
    hotspots
        resources/snv_hotspots.tsv (rows of scope point and gene).
    copies
        Copies of each candidate's locus in an average cell, shape (n, k); two where None.
    line
        Name of the line.
    bases
        Positions that were looked at; with them the rate of acquired variants is re-estimated
        for this line. 0 takes the `prior` of the settings as it stands.
    imbalanced
        Where a sample has a copy-number event or CN-LOH, shape (n, k).
    regions
        chrom, start, end: inherited variants are listed inside these and in the genes of
        `hotspots`, elsewhere they are only counted.

    Returns
    -------
    Calls
        VARIANTS, VARIANT_COURSES and facts.
    """
    shape = (len(counts), len(counts.samples))
    copies = np.full(shape, 2.0) if copies is None else np.asarray(copies, float)
    imbalanced = np.zeros(shape, bool) if imbalanced is None else np.asarray(imbalanced, bool)
    point = at_points(counts.sites, hotspots)
    foreign = foreign_dna(counts, settings)
    weighed, loglik, shared = _weigh(counts, model, settings, point != "", imbalanced)
    some = counts.take(weighed)
    rate, posterior = _posterior(
        some, loglik, settings, (point != "")[weighed], bool(foreign), bases, shared
    )
    origin, chance, quality = _origins(posterior, settings)
    frame = some.sites[KEY].assign(
        line=line,
        end=some.sites["start"] + some.sites["ref"].str.len(),
        kind=some.kinds,
        origin=origin,
        posterior=chance,
        quality=quality,
        hotspot_id=point[weighed],
        disputed=_inside(some.sites, hotspots[hotspots["disputed"] == "yes"]),
        row=np.arange(len(some)),
    )
    facts = {
        **_facts(frame, posterior, some, len(counts)),
        "warning": _warning(frame["origin"], rate, settings),
        "rate": rate,
        "shared_error": shared,
        "foreign": {sample: {"of": who, "share": part} for sample, (who, part) in foreign.items()},
    }
    genes = hotspots[["chrom", "start", "end"]]
    genes = genes if regions is None else pd.concat([genes, regions[["chrom", "start", "end"]]])
    listing = frame["origin"] != "inherited"
    frame = frame[(frame["origin"] != "") & (listing | _inside(some.sites, genes))].copy()
    listed = some.take(frame["row"].to_numpy())
    courses = _courses(listed, model, settings, copies[weighed][frame["row"].to_numpy()])
    keys = zip(*(frame[name] for name in ("line", *KEY)), strict=True)
    frame["variant_id"] = [variant_id(*key) for key in keys]
    each = len(courses) // max(len(frame), 1)
    courses["variant_id"] = np.repeat(frame["variant_id"].to_numpy(), each)
    courses = tables.check(courses, VARIANT_COURSES)
    return Calls(_described(frame, listed, courses), courses, facts)


def variant_id(line: str, chrom: str, start: int, ref: str, alt: str) -> str:
    """Return the stable name of a variant of a line."""
    text = f"{line}|{chrom}|{start}|{ref}|{alt}"
    return "v" + hashlib.sha256(text.encode()).hexdigest()[:12]


def at_points(sites: pd.DataFrame, hotspots: pd.DataFrame) -> np.ndarray:
    """Return the id of the point hotspot that each candidate is, or an empty text, shape (n,)."""
    points = hotspots[hotspots["scope"] == "point"]
    names = {
        (row["chrom"], int(row["start"]), row["ref"], row["alt"]): row["id"]
        for row in points.to_dict("records")
    }
    found = np.full(len(sites), "", dtype=object)
    near = np.flatnonzero(sites["start"].isin(points["start"]))
    for row, key in zip(
        near, sites[KEY].iloc[near].itertuples(index=False, name=None), strict=True
    ):
        found[row] = names.get(key, "")
    return found


def _inside(sites: pd.DataFrame, spans: pd.DataFrame) -> np.ndarray:
    """Return which candidates start inside any of these intervals, shape (n,)."""
    inside = np.zeros(len(sites), dtype=bool)
    start = sites["start"].to_numpy()
    for chrom, of in spans.groupby(spans["chrom"].astype(str), observed=True):
        on = np.flatnonzero((sites["chrom"] == chrom).to_numpy())
        begins, ends = np.sort(of["start"].to_numpy()), np.sort(of["end"].to_numpy())
        opened = np.searchsorted(begins, start[on], side="right")
        inside[on] = opened > np.searchsorted(ends, start[on], side="right")
    return inside


def _weigh(
    counts: Counts,
    model: ErrorModel,
    settings: Mapping[str, Any],
    hotspot: np.ndarray,
    imbalanced: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the candidates worth weighing, their log-likelihoods (m, h), and `_shared_share`."""
    grid = Grid.of(settings)
    kept, parts, odds = [], [], []
    for start in range(0, len(counts), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(counts)))
        block = counts.take(rows)
        alpha, beta = model.at(block, settings)
        errors = errors_alone(block, alpha, beta, settings)
        odds.append(shared_odds(block, alpha, beta, settings))
        look = hotspot[rows] | _promising(block, errors["error_own"], settings)
        block, rows = block.take(look), rows[look]
        if len(rows):
            values, _ = likelihoods(
                block, alpha[look], beta[look], grid, settings, imbalanced[rows]
            )
            kept.append(rows)
            parts.append(values)
    shared = _shared_share(np.concatenate(odds) if odds else np.zeros(0), settings)
    if not kept:
        return np.zeros(0, dtype=np.int64), np.zeros((0, len(HYPOTHESES))), shared
    return np.concatenate(kept), np.concatenate(parts), shared


def _shared_share(odds: np.ndarray, settings: Mapping[str, Any]) -> float:
    """Return the share of wrong sites whose rate is common to all samples, by `shared_odds`.

    Expectation and maximisation; drawn to `shared_error` with the weight of so many sites.
    """
    first, weight = settings["shared_error"], settings["shared_weight"]
    share = float(first)
    for _ in range(20):
        with np.errstate(over="ignore"):
            of_all = (1 / (1 + np.exp(-odds) * (1 - share) / share)).sum()
        share = float((of_all + weight * first) / (len(odds) + weight))
    return share


def _promising(counts: Counts, error: np.ndarray, settings: Mapping[str, Any]) -> np.ndarray:
    """Return candidates that any explanation but misread bases may reach .01 for, shape (n,).

    Bounded by the fraction that fits each sample best, which no explanation beats.
    """
    use = counts.which("own", "baseline")
    alt, ref = counts.alt_reads[:, use], counts.ref[:, use].sum(axis=2)
    reads = np.maximum(alt + ref, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        best = np.where(alt > 0, alt * np.log(alt / reads), 0.0)
        best = best + np.where(ref > 0, ref * np.log(ref / reads), 0.0)
    gain = best.sum(axis=1) - error
    likely = max(settings["prior"], settings["prior_strand"])
    carried = carriers(counts, settings).any(axis=1)
    likely = np.where(carried, max(likely, settings["prior_carried"]), likely)
    germline = (counts.share[:, use] > _GERMLINE_SHARE).any(axis=1)
    return (gain > -np.log(likely) - _HOPELESS) | germline


def _posterior(
    counts: Counts,
    loglik: np.ndarray,
    settings: Mapping[str, Any],
    hotspot: np.ndarray,
    foreign: bool,
    bases: int,
    shared: float,
) -> tuple[float, np.ndarray]:
    """Return the rate of acquired variants a base, and log-posteriors (n, h)."""
    rate = float(settings["prior"])
    weight = settings["prior_weight"]
    rounds = 5 if bases and len(counts) else 1
    for _ in range(rounds):
        joint = loglik + log_priors(counts, settings, hotspot, foreign, rate, shared)
        posterior = joint - logsumexp(joint, axis=1, keepdims=True)
        if rounds > 1:
            single = (counts.kinds == "snv") & ~hotspot
            places = [PLACE["acquired"], PLACE["expanded"]]
            found = np.exp(posterior[np.ix_(single, places)]).sum()
            # As many bases of other lines stand behind the prior as give `prior_weight` variants.
            rate = float((found + weight) / (bases + weight / settings["prior"]))
    return rate, posterior


def _origins(
    posterior: np.ndarray, settings: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return origin ('' for what is no variant), its probability and phred, each (n,)."""
    logs = np.stack([logsumexp(posterior[:, of], axis=1) for of in _PLACES.values()], axis=1)
    best = logs.argmax(axis=1)
    # Acquired or expanded: of the line either way; so the two are judged together.
    score = np.where(best < 2, logsumexp(logs[:, :2], axis=1), logs.max(axis=1))
    least, inherited = np.log(settings["min_posterior"]), logs[:, list(_PLACES).index("inherited")]
    # What is most likely inherited is not listed as of unknown origin: nothing was acquired.
    undecided = np.where(inherited >= np.log(0.5), "inherited", "unknown")
    undecided = np.where(logsumexp(logs, axis=1) >= least, undecided, "")
    origin = np.where(score >= least, np.array(list(_PLACES))[best], undecided).astype(object)
    wrong = np.zeros(len(origin))
    for name, members in _MEMBERS.items():
        rows = origin == name
        rest = np.setdiff1d(np.arange(len(HYPOTHESES)), members)
        wrong[rows] = logsumexp(posterior[np.ix_(rows, rest)], axis=1)
    wrong = np.minimum(wrong, 0.0)
    return origin, -np.expm1(wrong), np.clip(-10 * wrong / np.log(10), 0, _MOST_PHRED)


def _as_known(origin: np.ndarray, counts: Counts) -> np.ndarray:
    """Return origins as far as the baseline shows them."""
    if not len(counts.which("baseline")):
        return np.full(len(origin), "unknown", dtype=object)
    if not counts.donor:
        return np.where(origin == "inherited", "unknown", origin)
    return origin


def _facts(
    frame: pd.DataFrame,
    posterior: np.ndarray,
    counts: Counts,
    sites: int,
) -> dict[str, Any]:
    """Return the counts of what is listed and of what is not, by reason."""
    origin = frame["origin"].to_numpy()
    reasons = _artefacts(posterior, counts) if len(counts) else np.zeros(0, dtype=object)
    reasons = reasons[origin == ""]
    reasons = np.concatenate([reasons, np.full(sites - len(counts), "misread bases")])
    names = [*dict.fromkeys(ARTEFACTS.values()), *FIGURES, "undecided"]
    kinds = ("acquired", "expanded", "lost", "inherited", "unknown")
    return {
        "sites": sites,
        **{name: int((origin == name).sum()) for name in kinds},
        "not_called": {name: int((reasons == name).sum()) for name in names},
    }


def _warning(origin: pd.Series, rate: float, settings: Mapping[str, Any]) -> str:
    """Return in words what speaks against the samples being what the sheet says, or nothing."""
    lost, gained = int((origin == "lost").sum()), int(origin.isin(["acquired", "expanded"]).sum())
    if lost >= settings["swapped_lost"] and lost > 3 * gained:
        return (
            f"{lost} variants of the baseline are lost and {gained} gained: are donor and line "
            "swapped?"
        )
    if rate > settings["most_rate"]:
        return (
            f"{gained} variants gained, {rate * 1e6:.2g} in a million bases: is the donor "
            "another person, or is foreign DNA in a passage?"
        )
    return ""


def _artefacts(posterior: np.ndarray, counts: Counts) -> np.ndarray:
    """Return in words what each candidate most likely is, if it is no variant, shape (n,)."""
    artefacts = [PLACE[name] for name in (*ARTEFACTS, "misplaced")]
    best = np.asarray(artefacts)[posterior[:, artefacts].argmax(axis=1)]
    words = np.array([ARTEFACTS.get(name, "") for name in HYPOTHESES], dtype=object)[best]
    z = counts.sites[["read_position_z", "mapping_quality_z", "base_quality_z"]].to_numpy(float)
    z = np.where(np.isnan(z), 0, z)
    z[:, 0] = -np.abs(z[:, 0])
    figure = np.array(FIGURES, dtype=object)[z.argmin(axis=1)]
    words = np.where(best == PLACE["misplaced"], figure, words)
    real = [PLACE[name] for of in ORIGINS.values() for name in of]
    return np.where(
        posterior[:, real].max(axis=1) > posterior[:, artefacts].max(axis=1), "undecided", words
    )


def _courses(
    counts: Counts, model: ErrorModel, settings: Mapping[str, Any], copies: np.ndarray
) -> pd.DataFrame:
    """Return the state of baseline and passages at listed variants, without variant_id."""
    return _states(counts, model, settings, copies, np.array(settings["tracked"]))


def _states(
    counts: Counts,
    model: ErrorModel,
    settings: Mapping[str, Any],
    copies: np.ndarray,
    chance: np.ndarray,
) -> pd.DataFrame:
    alpha, beta = model.at(counts, settings)
    site = after_panel(counts, alpha, beta, settings)
    # Where the panel has more misread bases than the class, it is right about the site.
    worse = site[0] / (site[0] + site[1]) > alpha / (alpha + beta)
    alpha, beta = np.where(worse, site[0], alpha), np.where(worse, site[1], beta)
    use = counts.in_line()
    return states(counts.of(use), alpha[:, use], beta[:, use], settings, copies[:, use], chance)


def _described(frame: pd.DataFrame, counts: Counts, courses: pd.DataFrame) -> pd.DataFrame:
    """Return VARIANTS from `frame` (one row a listed variant) and its courses."""
    own = courses["sample"].isin([counts.samples[place] for place in counts.which("own")])
    present = courses[own & (courses["state"] == "present")]
    first = present.groupby("variant_id")["passage"].min().reindex(frame["variant_id"])
    described = frame.assign(
        origin=_as_known(frame["origin"].to_numpy(), counts),
        first_passage=pd.array(first.to_numpy(), dtype="Int32"),
        gene="",
        consequence="",
        protein_change="",
        note=_notes(frame["origin"], counts),
    )
    return tables.check(described, VARIANTS)


def _notes(origins: pd.Series, counts: Counts) -> list[str]:
    """Return what the baseline shows of each variant, where it bears on the origin."""
    base = counts.which("baseline")
    if not len(base):
        return ["no donor or earlier passage to compare with"] * len(counts)
    who = "the donor" if counts.donor else "the first passage"
    depths, alts = counts.reads[:, base].max(axis=1), counts.alt_reads[:, base].max(axis=1)
    notes = []
    for origin, depth, alt in zip(origins, depths, alts, strict=True):
        text = ""
        if origin == "unknown":
            text = f"{who} has only {depth} reads here: inherited or acquired is not decided"
        elif origin == "inherited" and not alt:
            text = f"taken for inherited: {who} has only {depth} reads here"
        elif origin == "expanded":
            text = f"{who} has it in {alt} of {depth} reads"
        notes.append(text)
    return notes


def ask_hotspots(
    counts: Counts,
    model: ErrorModel,
    settings: Mapping[str, Any],
    hotspots: pd.DataFrame,
    copies: np.ndarray | None = None,
    variants: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return VARIANT_HOTSPOTS: each point hotspot in each sample of the line and its baseline.

    Parameters
    ----------
    counts, model, settings, hotspots, copies
        As of `call_variants`; a hotspot without a row in `counts` was not looked at.
    variants
        VARIANTS of the line. Where the joint call found the hotspot's variant, each sample needs
        only the reads that tracking needs (`tracked`), elsewhere those of a call of its own
        (`hotspot_chance`).
    """
    points = hotspots[hotspots["scope"] == "point"].reset_index(drop=True)
    found = at_points(counts.sites, points)
    place = {name: row for row, name in enumerate(found) if name}
    rows = np.array([place.get(name, -1) for name in points["id"]], dtype=np.int64)
    some = counts.take(rows[rows >= 0])
    shape = (len(some), len(counts.samples))
    copies = np.full(shape, 2.0) if copies is None else copies[rows[rows >= 0]]
    origin = _called_origin(points, variants)
    use = counts.in_line()
    called = np.where(
        origin[rows >= 0] != "unknown", settings["tracked"], settings["hotspot_chance"]
    )
    asked = _states(some, model, settings, copies, called[:, None])
    asked["hotspot_id"] = np.repeat(points["id"].to_numpy()[rows >= 0], len(use))
    every = pd.MultiIndex.from_product(
        [points["id"], [counts.samples[k] for k in use]], names=["hotspot_id", "sample"]
    ).to_frame(index=False)
    every["passage"] = np.tile([counts.passages[k] for k in use], len(points))
    table = every.merge(asked.drop(columns="passage"), how="left", on=["hotspot_id", "sample"])
    # Where none of them was counted these columns are numbers without a value.
    table = table.astype({"state": object, "reason": object})
    unseen = table["state"].isna()
    table.loc[unseen, "state"] = "not_testable"
    table.loc[unseen, "reason"] = "not among the places that were counted"
    table["depth"] = table["depth"].fillna(0)
    flags = points["tier"].isin(settings["flag_tiers"]) & (points["disputed"] != "yes")
    described = points.rename(columns={"id": "hotspot_id"}).assign(
        flags=flags & ~points["verification"].str.startswith("unverified"), origin=origin
    )
    names = ["hotspot_id", "gene", "chrom", "start", "ref", "alt", "flags", "origin"]
    return tables.check(table.merge(described[names], on="hotspot_id"), VARIANT_HOTSPOTS)


def _called_origin(points: pd.DataFrame, variants: pd.DataFrame | None) -> np.ndarray:
    """Return the origin that the joint call gave each hotspot, unknown where it called none."""
    if variants is None or variants.empty:
        return np.full(len(points), "unknown", dtype=object)
    called = variants.set_index("hotspot_id")["origin"]
    known = called[called.index != ""].to_dict()
    return np.array([known.get(name, "unknown") for name in points["id"]], dtype=object)
