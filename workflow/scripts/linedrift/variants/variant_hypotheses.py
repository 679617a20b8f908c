"""What may explain the reads of a candidate allele, and how likely each explanation is.

Competing explanations are weighed, never cut: a misread base (its rate shared by all samples or
each sample's own), reads of one strand only, reads that are misplaced or end there, a slipped
repeat, one share in donor and line (a place where reads of another place come to lie, or a mosaic
that went along), another line's DNA, a germline allele, an allele that the donor has in few cells,
an allele that the line acquired. Samples are joined as in design 7: given that the line acquired
the allele, each passage carries it with probability w at an allele fraction of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln, logsumexp

from linedrift.variants.allele_counts import Counts
from linedrift.variants.error_model import after_panel, log_beta_binomial

# Explanations, in the order of the columns of all arrays here.
HYPOTHESES = (
    "error_shared", "error_own", "one_strand", "misplaced", "slipped", "alike", "contamination",
    "inherited", "lost", "mosaic_lost", "expanded", "acquired",
)  # fmt: skip
PLACE = {name: number for number, name in enumerate(HYPOTHESES)}
Z_COLUMNS = ("read_position_z", "mapping_quality_z", "base_quality_z")
NEVER = -np.inf


@dataclass(frozen=True)
class Grid:
    """Allele fractions that are tried, shape (f,), and the logs of their weights."""

    fraction: np.ndarray
    acquired: np.ndarray
    mosaic: np.ndarray
    uniform: np.ndarray

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Grid:
        """Return the grid: in equal ratios up to .4, then in steps to 1."""
        low = np.geomspace(settings["least_allele_fraction"], 0.4, 16)
        fraction = np.concatenate([low, [0.45, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9, 1.0]])
        clonal = (fraction >= 0.45) & (fraction <= 0.55)
        subclonal = fraction < 0.45
        share = settings["clonal_share"]
        weight = np.where(clonal, share / clonal.sum(), 0.1 / (~clonal & ~subclonal).sum())
        weight[subclonal] = (0.9 - share) / subclonal.sum()
        mosaic = np.where(fraction < 0.4, 1.0, 0.0)
        width = np.gradient(fraction)
        with np.errstate(divide="ignore"):
            return cls(
                fraction,
                np.log(weight),
                np.log(mosaic / mosaic.sum()),
                np.log(width / width.sum()),
            )


@dataclass(frozen=True)
class Evidence:
    """Log-likelihoods of the reads of one block of candidates.

    Attributes
    ----------
    error : (n, k, 2)
        By sample and strand, at the error rate of the class.
    real : (n, k, f)
        By sample and allele fraction.
    strand : (n, k, 2)
        By sample and strand: that strand at an unknown fraction, the other misread.
    present : (n, k)
        By sample, at an unknown fraction.
    """

    error: np.ndarray
    real: np.ndarray
    strand: np.ndarray
    present: np.ndarray

    @property
    def absent(self) -> np.ndarray:
        """Reads of a sample that lacks the allele, shape (n, k)."""
        return self.error.sum(axis=2)


def real_reads(
    alt: np.ndarray, ref: np.ndarray, grid: Grid, settings: Mapping[str, Any]
) -> np.ndarray:
    """Return the log-probability of reads at each allele fraction, shape (..., f).

    A beta-binomial: allele fractions of real variants differ from their expectation by capture
    and amplification (overdispersion `allele_rho`). Misread bases add `error_rate` at both ends.
    """
    wrong = settings["error_rate"]
    chance = grid.fraction * (1 - 2 * wrong) + wrong
    size = (1 - settings["allele_rho"]) / settings["allele_rho"]
    alpha, beta = chance * size, (1 - chance) * size
    # Counts repeat: tables of log-gamma by count and fraction, then one look-up a sample.
    counts = np.arange(int(max((alt + ref).max(initial=0), 1)) + 1)[:, None]
    up = gammaln(counts + alpha) - gammaln(alpha)
    down = gammaln(counts + beta) - gammaln(beta)
    whole = gammaln(counts[:, 0] + size) - gammaln(size)
    return up[alt] + down[ref] - whole[alt + ref][..., None]


def evidence(
    counts: Counts, alpha: np.ndarray, beta: np.ndarray, grid: Grid, settings: Mapping[str, Any]
) -> Evidence:
    """Return the log-likelihoods from which every explanation is put together."""
    error = log_beta_binomial(counts.alt, counts.ref, alpha, beta)
    real = real_reads(counts.alt_reads, counts.ref.sum(axis=2), grid, settings)
    one = real_reads(counts.alt, counts.ref, grid, settings)
    one = logsumexp(one + grid.acquired, axis=-1)
    strand = one + error[..., ::-1]
    return Evidence(error, real, strand, logsumexp(real + grid.acquired, axis=-1))


def some(present: np.ndarray, absent: np.ndarray, share: float) -> np.ndarray:
    """Return the log-likelihood that at least one sample carries the allele, shape (n,).

    Each sample (last axis) carries it with probability `share`, given that any does.
    """
    k = present.shape[-1]
    if not k:
        return np.full(present.shape[:-1], NEVER)
    each = np.logaddexp(np.log1p(-share) + absent, np.log(share) + present).sum(axis=-1)
    none = k * np.log1p(-share) + absent.sum(axis=-1)
    return _less(each, none) - np.log1p(-((1 - share) ** k))


def _less(whole: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Return log(exp(whole) - exp(part)), `part` being the smaller."""
    with np.errstate(divide="ignore"):
        return whole + np.log(-np.expm1(np.minimum(part - whole, 0)))


def likelihoods(
    counts: Counts,
    alpha: np.ndarray,
    beta: np.ndarray,
    grid: Grid,
    settings: Mapping[str, Any],
    imbalanced: np.ndarray,
) -> tuple[np.ndarray, Evidence]:
    """Return the log-likelihood of each candidate under each explanation, shape (n, h).

    Parameters
    ----------
    counts
        Candidates.
    alpha, beta
        Beta distributions of the error rate (`ErrorModel.at`), shape (n, k, 2).
    grid
        Allele fractions.
    settings
        Section `variants` of the config.
    imbalanced
        Where a sample has an event, so that a germline allele may have any fraction (n, k).
    """
    seen = evidence(counts, alpha, beta, grid, settings)
    own, base = counts.which("own"), counts.which("baseline")
    both = np.concatenate([own, base])
    share, absent = settings["present_share"], seen.absent
    result = np.full((len(counts), len(HYPOTHESES)), NEVER)

    def put(name: str, values: np.ndarray) -> None:
        """Set the column of a hypothesis."""
        result[:, PLACE[name]] = values

    for name, values in errors_alone(counts, alpha, beta, settings).items():
        put(name, values)
    put("one_strand", _one_strand(seen, own, base, share))
    of_line = _of_line(seen, grid, own, settings)
    of_base = _perhaps(seen.present[:, base], absent[:, base], share)
    put("misplaced", of_line + of_base + _figures(counts, settings))
    alike = logsumexp(seen.real[:, both].sum(axis=1) + grid.acquired, axis=1)
    put("slipped", alike)
    put("alike", alike if len(base) else np.full(len(counts), NEVER))
    foreign = logsumexp(seen.real[:, own] + grid.mosaic, axis=-1)
    put("contamination", some(foreign, absent[:, own], share) + absent[:, base].sum(axis=1))
    kept, lost = _germline(seen, grid, own, base, imbalanced, settings)
    put("inherited", kept)
    put("lost", lost)
    if len(base):
        mosaic = logsumexp(seen.real[:, base].sum(axis=1) + grid.mosaic, axis=1)
        put("mosaic_lost", mosaic + absent[:, own].sum(axis=1))
        put("expanded", mosaic + of_line)
    put("acquired", of_line + absent[:, base].sum(axis=1))
    return result, seen


def _of_line(
    seen: Evidence, grid: Grid, own: np.ndarray, settings: Mapping[str, Any]
) -> np.ndarray:
    """Return the likelihood that the line has the allele, shape (n,).

    Either all passages have it at one fraction (`steady_share`), or each that has it at its own.
    """
    steady = logsumexp(seen.real[:, own].sum(axis=1) + grid.acquired, axis=1)
    varying = some(seen.present[:, own], seen.absent[:, own], settings["present_share"])
    if not len(own):
        return np.full(len(steady), NEVER)
    part = settings["steady_share"]
    return np.logaddexp(np.log(part) + steady, np.log1p(-part) + varying)


def errors_alone(
    counts: Counts, alpha: np.ndarray, beta: np.ndarray, settings: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """Return the likelihoods of misread bases and nothing else, each shape (n,).

    Either each sample has a rate of its own at the site, or all have the same: systematic errors
    recur in experiment after experiment (doi:10.1186/1471-2105-12-451), also in the panel.
    """
    both = counts.which("own", "baseline")
    if not len(both):
        nothing = np.zeros(len(counts))
        return {"error_own": nothing, "error_shared": nothing}
    own = log_beta_binomial(counts.alt[:, both], counts.ref[:, both], alpha[:, both], beta[:, both])
    up, down = after_panel(counts, alpha[:, both], beta[:, both], settings)
    alt, ref = counts.alt[:, both].sum(axis=1), counts.ref[:, both].sum(axis=1)
    shared = log_beta_binomial(alt, ref, up.mean(axis=1), down.mean(axis=1))
    return {"error_own": own.sum(axis=(1, 2)), "error_shared": shared.sum(axis=1)}


def shared_odds(
    counts: Counts, alpha: np.ndarray, beta: np.ndarray, settings: Mapping[str, Any]
) -> np.ndarray:
    """Return the log-odds of one error rate in all samples against one each, for some sites, (m,).

    Where all samples err alike more sites become candidates, so candidates as they come say too
    much of shared errors (.85 for a true half, .2 for none). Only sites count that the first
    passage alone makes candidates: its own reads are as likely either way, and those of the others
    were not chosen. Alleles that somebody has are left out, and so are the reads of the panel.
    """
    both = counts.which("own", "baseline")
    if len(both) < 2:
        return np.zeros(0)
    first = both[0]
    least = np.maximum(
        max(settings["candidate_reads"], settings["candidate_total"]),
        np.ceil(settings["candidate_fraction"] * counts.reads[:, first]),
    )
    quiet = (counts.share[:, both] <= settings["homozygous_fraction"]).all(axis=1)
    chosen = np.ix_(np.flatnonzero(quiet & (counts.alt_reads[:, first] >= least)), both)
    alt, ref, up, down = counts.alt[chosen], counts.ref[chosen], alpha[chosen], beta[chosen]
    own = log_beta_binomial(alt, ref, up, down).sum(axis=(1, 2))
    shared = log_beta_binomial(alt.sum(axis=1), ref.sum(axis=1), up.mean(axis=1), down.mean(axis=1))
    return shared.sum(axis=1) - own


def _perhaps(present: np.ndarray, absent: np.ndarray, share: float) -> np.ndarray:
    """Return the likelihood of samples each of which may show an artefact or not, shape (n,)."""
    return np.logaddexp(np.log1p(-share) + absent, np.log(share) + present).sum(axis=1)


def _one_strand(seen: Evidence, own: np.ndarray, base: np.ndarray, share: float) -> np.ndarray:
    """Return the likelihood of reads of one strand in passages; the baseline may show them too."""
    absent = seen.absent
    each = [
        some(present[:, own], absent[:, own], share)
        + _perhaps(present[:, base], absent[:, base], share)
        for present in (seen.strand[..., 0], seen.strand[..., 1])
    ]
    return np.logaddexp(*each) - np.log(2)


def _figures(counts: Counts, settings: Mapping[str, Any]) -> np.ndarray:
    """Return how much the z figures of the site speak for misplaced reads (nats, n)."""
    return logsumexp(figure_odds(counts, settings), axis=1) - np.log(len(Z_COLUMNS))


def figure_odds(counts: Counts, settings: Mapping[str, Any]) -> np.ndarray:
    """Return the log-odds of an artefact by each z figure, shape (n, 3).

    Of a real allele z is normal around 0 (sd `z_sd`), of an artefact around -`z_artefact` with sd
    2; the position in reads counts in both directions. A figure that is missing says what 0 says.
    """
    z = counts.sites[list(Z_COLUMNS)].to_numpy(float)
    z = np.where(np.isnan(z), 0.0, z)
    z[:, 0] = -np.abs(z[:, 0])
    sd, far = settings["z_sd"], settings["z_artefact"]
    artefact = -0.5 * ((np.clip(z, -far, None) + far) / 2) ** 2 - np.log(2)
    return artefact - (-0.5 * (z / sd) ** 2 - np.log(sd))


def _germline(
    seen: Evidence,
    grid: Grid,
    own: np.ndarray,
    base: np.ndarray,
    imbalanced: np.ndarray,
    settings: Mapping[str, Any],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the likelihoods of a germline allele that is kept, and that a passage lost."""
    het, hom = (int(np.argmin(np.abs(grid.fraction - f))) for f in (0.5, 1.0))
    events = np.where(imbalanced[:, own], settings["imbalance_event"], settings["imbalance"])
    real, absent = seen.real[:, own], seen.absent[:, own]
    # An imbalance leaves the allele alone, takes it, or gives it any fraction: a third each.
    anywhere = logsumexp(real + grid.uniform, axis=-1)
    moved = np.log(events / 3) + np.logaddexp(real[..., hom], anywhere)
    kept = np.logaddexp(np.log1p(-events) + real[..., het], moved)
    gone = np.log(events / 3) + absent
    all_kept = kept.sum(axis=1)
    any_gone = _less(np.logaddexp(kept, gone).sum(axis=1), all_kept)
    of_base = seen.real[:, base].sum(axis=1)
    homozygous = np.logaddexp(np.log1p(-events) + real[..., hom], np.log(events) + anywhere)
    two_thirds, third = np.log(2 / 3), np.log(1 / 3)
    stays = np.logaddexp(
        two_thirds + of_base[:, het] + all_kept, third + of_base[:, hom] + homozygous.sum(axis=1)
    )
    return stays, two_thirds + of_base[:, het] + any_gone


def log_priors(
    counts: Counts,
    settings: Mapping[str, Any],
    hotspot: np.ndarray,
    contaminated: bool,
    rate: float,
    shared_error: float,
) -> np.ndarray:
    """Return the log of each explanation's probability before the reads, shape (n, h).

    Parameters
    ----------
    hotspot
        True at hotspots of point mutations, shape (n,).
    contaminated
        Whether a passage holds the DNA of somebody of the panel (`foreign_dna`).
    rate
        Acquired SNVs a base.
    shared_error
        Share of wrong sites whose rate is that of all samples.
    """
    kinds = counts.kinds
    share = np.select(
        [kinds == "indel", kinds == "mnv"], [settings["indel_share"], settings["mnv_share"]], 1.0
    )
    acquired = np.where(hotspot, settings["prior_hotspot"], share * rate)
    carried = carriers(counts, settings).any(axis=1)
    prior = np.zeros((len(counts), len(HYPOTHESES)))

    def put(name: str, values: np.ndarray | float) -> None:
        """Set the prior of a hypothesis at every site."""
        prior[:, PLACE[name]] = values

    put("acquired", acquired)
    put("expanded", acquired)
    put("mosaic_lost", acquired)
    put("one_strand", share * settings["prior_strand"])
    put("misplaced", share * settings["prior_misplaced"])
    put("alike", share * settings["prior_alike"])
    repeat = counts.sites["repeat"].to_numpy(float)
    grown = np.exp(settings["slip_growth"] * np.maximum(repeat - settings["indel_repeat"], 0))
    slipped = np.minimum(settings["prior_slip"] * grown, settings["prior_slip_max"])
    put("slipped", np.where(kinds == "indel", slipped, 0.0))
    foreign = settings["prior_foreign"] if contaminated else settings["prior_carried"]
    put("contamination", np.where(carried, foreign, 0.0))
    germline = np.where(carried, settings["germline_carried"], share * settings["germline"])
    put("inherited", germline)
    put("lost", germline)
    rest = 1 - prior.sum(axis=1) + germline  # kept and lost are one hypothesis: counted once
    put("error_shared", shared_error * rest)
    put("error_own", (1 - shared_error) * rest)
    with np.errstate(divide="ignore"):
        return np.log(prior)


def carriers(counts: Counts, settings: Mapping[str, Any]) -> np.ndarray:
    """Return which people of the panel carry each allele in their germline, shape (n, p)."""
    panel = counts.which("panel")
    read = counts.reads[:, panel] >= settings["least_depth"]
    return (counts.share[:, panel] >= settings["carrier_share"]) & read


def foreign_dna(counts: Counts, settings: Mapping[str, Any]) -> dict[str, tuple[str, float]]:
    """Return whose DNA each passage holds beside its own: sample -> (person, share of DNA).

    By alleles that somebody of the panel carries in the germline and the baseline lacks. Only
    candidates are looked at, which were chosen by their reads, so the share of a faint
    contamination is an upper bound. A person is named from `foreign_sites` alleles on.
    """
    panel, base = counts.which("panel"), counts.which("baseline")
    carries = carriers(counts, settings)
    if not carries.any() or not len(base):
        return {}
    deep = counts.reads >= settings["least_depth"]
    lacks = ((counts.share[:, base] < settings["foreign_lacks"]) & deep[:, base]).all(axis=1)
    named: dict[str, tuple[str, float]] = {}
    for sample in counts.which("own"):
        low = (counts.share[:, sample] < settings["foreign_share"]) & deep[:, sample] & lacks
        shown = low & (counts.alt_reads[:, sample] > 1)
        found = [(int((shown & carries[:, j]).sum()), j) for j in range(len(panel))]
        most, j = max(found)
        if most >= settings["foreign_sites"]:
            at = low & carries[:, j]
            dose = np.minimum(1, np.round(2 * counts.share[at, panel[j]]) / 2)
            share = counts.alt_reads[at, sample].sum() / (counts.reads[at, sample] * dose).sum()
            named[counts.samples[sample]] = counts.samples[panel[j]], float(min(share, 1))
    return named
