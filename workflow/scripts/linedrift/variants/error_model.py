"""How often a base is misread: a beta-binomial for each context, alternative and strand.

Reads of an allele that is not there follow a beta-binomial whose mean mu is the error rate and
whose overdispersion rho says how much sites of one class differ (shearwater,
doi:10.1093/bioinformatics/btt750). mu and rho come from positions where the donor and the sample
are homozygous for the reference; where at least three unrelated people were read at the site
itself, their reads sharpen both. Few data are drawn to the values of the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import gammaln

from linedrift.variants.allele_counts import CLASSES, INDEL, MNV, N_CLASSES, OTHER_SNV, Counts

# Sites with fewer reads of the alternative than this are never taken for a variant when errors
# are counted: four reads of 80 may well be misread in a bad context.
_FEW_READS = 4


@dataclass(frozen=True)
class ErrorModel:
    """Error rates by class and strand.

    Attributes
    ----------
    samples
        Samples whose rates are known, shape (k,).
    rate
        mu, shape (k, classes, 2); the strand axis is (pyrimidine, purine), see ERROR_COUNTS.
    rho
        Overdispersion between sites of a class, shape (classes, 2).
    """

    samples: tuple[str, ...]
    rate: np.ndarray
    rho: np.ndarray

    def at(self, counts: Counts, settings: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return the beta distribution of the error rate at each candidate.

        Returns
        -------
        alpha, beta : (n, k, 2) float
            By site, sample and strand (forward, reverse): what the class says, before any read.
        """
        classes, turned = counts.error_classes()
        sample = [self.samples.index(name) for name in counts.samples]
        rate = self.rate[sample][:, classes].transpose(1, 0, 2).copy()
        rho = self.rho[classes].copy()
        rate[turned], rho[turned] = rate[turned][..., ::-1], rho[turned][..., ::-1]
        indel = classes == INDEL
        rate[indel] = indel_rate(counts.sites["repeat"].to_numpy()[indel], settings)[:, None, None]
        size = ((1 - rho) / rho)[:, None, :]
        return rate * size, (1 - rate) * size


def indel_rate(repeat: np.ndarray, settings: Mapping[str, Any]) -> np.ndarray:
    """Return the error rate of an insertion or deletion in a repeat of this length (bp)."""
    beyond = np.maximum(np.asarray(repeat, float) - settings["indel_repeat"], 0)
    grown = settings["indel_error"] * np.exp(settings["indel_growth"] * beyond)
    return np.minimum(grown, settings["indel_error_max"])


def after_panel(
    counts: Counts, alpha: np.ndarray, beta: np.ndarray, settings: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the beta distribution of a rate that a site has in all samples alike, (n, k, 2).

    `alpha` and `beta` of the class, and the reads of people of the panel who lack the allele; as
    they are where fewer than `least_panel` of them were read. The reads of a panel say no more of
    another library than libraries agree on (`site_rho`).
    """
    alt, ref = _panel_reads(counts, settings)
    weight = np.minimum(1, 1 / settings["site_rho"] / np.maximum(alt + ref, 1))
    return alpha + (weight * alt)[:, None], beta + (weight * ref)[:, None]


def _panel_reads(counts: Counts, settings: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the reads of alt and ref of people of the panel who lack the allele, shape (n, 2).

    Zero where fewer than `least_panel` of them were read.
    """
    panel = counts.which("panel")
    lacks = (counts.share[:, panel] < settings["carrier_fraction"]) & (counts.reads[:, panel] > 0)
    enough = lacks.sum(axis=1) >= settings["least_panel"]
    use = (lacks & enough[:, None])[..., None]
    return (counts.alt[:, panel] * use).sum(axis=1), (counts.ref[:, panel] * use).sum(axis=1)


def log_beta_binomial(
    alt: np.ndarray, ref: np.ndarray, alpha: np.ndarray, beta: np.ndarray
) -> np.ndarray:
    """Return the log-probability of these reads in their order (without the binomial factor)."""
    size = alpha + beta
    return (
        (gammaln(alpha + alt) - gammaln(alpha))
        + (gammaln(beta + ref) - gammaln(beta))
        - (gammaln(size + alt + ref) - gammaln(size))
    )


def least_reads(
    reads: np.ndarray, alpha: np.ndarray, beta: np.ndarray, chance: np.ndarray, most: int = 100
) -> np.ndarray:
    """Return the fewest reads of alt that errors alone reach with at most this probability.

    Parameters
    ----------
    reads
        Reads of either allele, shape (...).
    alpha, beta
        Beta distribution of the error rate, same shape.
    chance
        Probability, one-sided; broadcast to (...).
    most
        Counts are tried up to this one, which is returned where none is rare enough.
    """
    reads = np.asarray(reads, float)
    none = np.zeros_like(reads)
    mass = np.exp(log_beta_binomial(none, reads, alpha, beta))
    tail = 1 - mass
    found = np.full(reads.shape, most, dtype=np.int64)
    found[tail <= chance] = 1
    for x in range(1, most):
        open_ = found == most
        if not open_.any():
            break
        left = np.maximum(reads - x + 1, 0)
        mass = mass * left * (alpha + x - 1) / (x * np.maximum(beta + reads - x, 1e-12))
        tail = tail - mass
        found[open_ & (tail <= chance)] = x + 1
    return found


def error_model(
    counts: Counts, settings: Mapping[str, Any], errors: pd.DataFrame | None = None
) -> ErrorModel:
    """Learn the error rates of each sample, context, alternative and strand.

    Parameters
    ----------
    counts
        Candidates. Without `errors`, the reads of baseline and panel at them are used: those of
        the line's passages made them candidates, so they would say too much.
    settings
        Section `variants` of the config.
    errors
        ERROR_COUNTS, all positions; parts of the genome may be concatenated.

    Returns
    -------
    ErrorModel
        For the samples of `counts`. The sums of all samples are drawn to the values of the
        settings, those of one sample to these sums.
    """
    table = _from_candidates(counts) if errors is None else _from_histogram(errors)
    table = table[table["alt_reads"] <= _allowed(table["depth"], settings)]
    sums = _sums(table, counts.samples)
    total = sums.sum(axis=0)
    first = np.full((N_CLASSES, 2), float(settings["error_rate"]))
    first[MNV] = settings["mnv_error"]
    first[INDEL] = settings["indel_error"]
    weight = settings["error_prior_reads"]
    substitution = _pooled(total, first, weight)
    pooled = _shrunk(total[..., 1], total[..., 0], substitution, weight)
    rate = _shrunk(sums[..., 1], sums[..., 0], pooled[None], weight)
    return ErrorModel(counts.samples, rate, _overdispersion(total, pooled, settings))


def _allowed(depth: pd.Series, settings: Mapping[str, Any]) -> np.ndarray:
    return np.maximum(_FEW_READS, settings["error_fraction"] * depth.to_numpy())


def _shrunk(alt: np.ndarray, reads: np.ndarray, towards: np.ndarray, weight: float) -> np.ndarray:
    return (alt + weight * towards) / (reads + weight)


def _pooled(total: np.ndarray, first: np.ndarray, weight: float) -> np.ndarray:
    """Return the rate of each substitution over its 16 contexts, as the prior of each of them."""
    rate = _shrunk(total[..., 1], total[..., 0], first, weight)
    for start in range(0, len(CLASSES), 16):
        of = total[start : start + 16].sum(axis=(0, 1))
        rate[start : start + 16] = _shrunk(of[1], of[0], first[start], weight)
    every = total[: len(CLASSES)].sum(axis=(0, 1))
    rate[OTHER_SNV] = _shrunk(every[1], every[0], first[OTHER_SNV], weight)
    return rate


def _overdispersion(total: np.ndarray, rate: np.ndarray, settings: Mapping[str, Any]) -> np.ndarray:
    """Return rho of each class and strand by the pairs of misread bases at one site.

    E[x(x-1)] = n(n-1) (mu^2 + mu (1 - mu) rho), so pairs beyond those of mu^2 measure rho.
    """
    pairs, alt_pairs = total[..., 2], total[..., 3]
    unit = rate * (1 - rate) * pairs
    first, weight = settings["error_rho"], settings["error_prior_pairs"]
    seen = np.maximum(alt_pairs - rate**2 * pairs, 0)
    rho = (seen + weight) / (unit + weight / first)
    rho[INDEL] = settings["indel_rho"]
    return np.clip(rho, settings["site_rho"], settings["error_rho_max"])


def _from_histogram(errors: pd.DataFrame) -> pd.DataFrame:
    keys = errors[["context", "alt"]].drop_duplicates()
    known = {key: CLASSES.get(key, OTHER_SNV) for key in keys.itertuples(index=False, name=None)}
    classes = pd.MultiIndex.from_frame(errors[["context", "alt"]]).map(known)
    return errors.assign(
        error_class=np.asarray(classes, dtype=np.int64),
        turn=(errors["strand"] == "purine").to_numpy().astype(np.int64),
    )


def _from_candidates(counts: Counts) -> pd.DataFrame:
    """Return the reads of baseline and panel at the candidates, laid out as the histogram."""
    classes, turned = counts.error_classes()
    parts = []
    for sample in counts.which("baseline", "panel"):
        for strand in (0, 1):
            alt, ref = counts.alt[:, sample, strand], counts.ref[:, sample, strand]
            parts.append(
                pd.DataFrame(
                    {
                        "sample": counts.samples[sample],
                        "error_class": classes,
                        "turn": np.where(turned, 1 - strand, strand),
                        "depth": alt + ref,
                        "alt_reads": alt,
                        "sites": 1,
                    }
                )
            )
    if not parts:
        names = ["sample", "error_class", "turn", "depth", "alt_reads", "sites"]
        return pd.DataFrame({name: pd.Series(dtype="int64") for name in names})
    return pd.concat(parts, ignore_index=True)


def _sums(table: pd.DataFrame, samples: tuple[str, ...]) -> np.ndarray:
    """Return n, x, n(n-1), x(x-1) summed over sites, shape (k, classes, 2, 4)."""
    sums = np.zeros((len(samples), N_CLASSES, 2, 4))
    place = pd.Index(samples).get_indexer(pd.Index(table["sample"]))
    ours = place >= 0
    table, place = table[ours], place[ours]
    sites = table["sites"].to_numpy(float)
    depth, alt = table["depth"].to_numpy(float), table["alt_reads"].to_numpy(float)
    at = place, table["error_class"].to_numpy(np.int64), table["turn"].to_numpy(np.int64)
    for figure, values in enumerate((depth, alt, depth * (depth - 1), alt * (alt - 1))):
        np.add.at(sums[..., figure], at, sites * values)
    return sums
