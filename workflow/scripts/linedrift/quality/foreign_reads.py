"""Foreign DNA in sequencing: its share from reads at SNPs, and whose it is.

As in `contamination`, a sample's own reads tell the share. Counts say more than clusters: one per
cent of foreign DNA is seen in an exome (doi:10.1016/j.ajhg.2012.09.004).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import betaln

from linedrift.genome import places
from linedrift.quality.contamination import Contamination
from linedrift.tables import Key

# Resolution of the fit: foreign shares, reads of an error, shifts of an event, heterozygosity.
_FOREIGN = np.r_[0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07, np.arange(0.1, 0.51, 0.05)]
_ERRORS = np.array([0.0005, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.006, 0.008])
_SHIFTS = np.r_[np.arange(0, 0.46, 0.03), 0.48]
_HETEROZYGOSITY = np.array([0.05, 0.25, 0.45, 0.7])
_SHARED = np.array([0.0, 0.5])
# Loci whose reads mean nothing: reads of another place in the genome.
_OUTLIERS = 0.02
# Genotype of another person given the own one, allele frequency uniform (see `contamination`).
_GIVEN_HOM = np.array([0.6, 0.3, 0.1])
_GIVEN_HET = np.array([0.4, 0.6])
# More loci say no more that matters, and take longer.
_LOCI = 20_000
# Less evidence than this (nats) is chance: of shares, errors and kinships a hundred are asked.
_CHANCE = 10.0
# Sites at which a foreign allele shows: the own reads are at least this near one allele.
_HOMOZYGOUS = 0.2


def foreign_share(reads: np.ndarray, depth: np.ndarray, rho: float, block: int) -> Contamination:
    """Return the most likely share of foreign DNA, and the share of the genome that shows it.

    Parameters
    ----------
    reads, depth
        Reads of the rarer allele and of both, at autosomal loci in genome order, shape (n,).
    rho
        Correlation of the alleles of two reads.
    block
        Loci a block at least.

    Returns
    -------
    Contamination
        `fraction` is 0 where no foreign DNA explains the whole better; `het_sd` is NaN.

    Notes
    -----
    Each block is explained twice: by an event of it (heterozygous loci shifted, homozygous ones
    in place), and by foreign DNA of one share in all blocks, which shows at homozygous loci too.
    Beta-binomial counts; the rate of errors is fitted under either hypothesis.
    """
    thin = max(1, round(len(reads) / _LOCI))
    reads, depth = reads[::thin], depth[::thin]
    blocks = int(np.clip(len(reads) // block, 1, 150))
    first = np.linspace(0, len(reads), blocks + 1).astype(int)[:-1]
    flat = np.log(1 / (depth / 2 + 1))

    def likely(p: np.ndarray | float) -> np.ndarray:
        """Return the likelihood of the reads where a share p is of B, over that of any share."""
        return np.exp(_log_beta_binomial(reads, depth, np.atleast_1d(p)[:, None], rho) - flat)

    def of_blocks(ratio: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of each block, loci that fit nothing bounded."""
        found = np.log((1 - _OUTLIERS) * ratio + _OUTLIERS)
        return np.add.reduceat(found, first, axis=-1)

    def explained(homs: np.ndarray, hets: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
        """Return the log-likelihood of each block for each of `homs`, at its best of the rest."""
        rate = _HETEROZYGOSITY[:, None]
        best = [
            np.max([of_blocks((1 - rate) * hom + rate * het) for het in hets], axis=(0, 1))
            for hom in homs
        ]
        return np.stack(best)

    wrong = likely(_ERRORS)
    split = (likely(0.5 - _SHIFTS) + likely(0.5 + _SHIFTS)) / 2
    event = explained(wrong, split)
    alone = event[event.sum(axis=1).argmax()]
    middle = likely(0.5)[0]
    total, gains = [], []
    for foreign in _FOREIGN:
        one, both = likely(foreign / 2)[0], likely(foreign)[0]
        moved = (likely(0.5 - foreign / 2)[0] + likely(0.5 + foreign / 2)[0]) / 2
        found = []
        for kin in _SHARED:
            same, other, opposite = (1 - kin) * _GIVEN_HOM + kin * np.array([1, 0, 0])
            still = (1 - kin) * _GIVEN_HET[0] + kin
            # A block may have an event too: the foreign DNA of a few per cent adds little to it.
            hets = [still * middle + (1 - still) * moved, *split[1:]]
            found.append(explained(same * wrong + other * one + opposite * both, hets))
        best = np.concatenate(found)
        best = best[best.sum(axis=1).argmax()]
        total.append(best.sum())
        gains.append(best - alone)
    top = int(np.argmax(total))
    if total[top] - alone.sum() < _CHANCE:
        return Contamination(0.0, 0.0, float("nan"))
    return Contamination(float(_FOREIGN[top]), float((gains[top] > 0).mean()), float("nan"))


def _log_beta_binomial(
    reads: np.ndarray, depth: np.ndarray, p: np.ndarray, rho: float
) -> np.ndarray:
    """Return log-probabilities of counts, shape (len(p), n), up to what is the same for all p."""
    size = (1 - rho) / rho
    a, b = p * size, (1 - p) * size
    own = betaln(reads + a, depth - reads + b) - betaln(a, b)
    return np.asarray(own - betaln(reads + 1, depth - reads + 1) - np.log(depth + 1))


class Source(NamedTuple):
    """Who explains foreign reads best: a measurement, its share, and how sure that is (nats).

    `gain` is the log-likelihood ratio against a person of unknown genotypes, `ahead` that
    against the next measurement of another person.
    """

    key: Key
    share: float
    gain: float
    ahead: float


def source(
    own: pd.DataFrame, others: Mapping[Key, pd.DataFrame], persons: Mapping[Key, str], rho: float
) -> Source | None:
    """Return which measurement's genotypes explain the foreign reads of a sample best.

    Parameters
    ----------
    own
        chrom, start, genotype, reads (of the allele that the genotype does not have) and depth,
        in genome order: see `genotypes.genotypes`.
    others
        chrom, start, genotype of measurements of other people, by (sample, assay).
    persons
        The person of each.
    rho
        Correlation of the alleles of two reads.

    Returns
    -------
    Source or None
        None where no other shares loci at which the sample is homozygous.
    """
    genotype = own["genotype"].astype(str).to_numpy()
    rarer = own["reads"].to_numpy(float) / np.maximum(own["depth"].to_numpy(float), 1)
    use = np.isin(genotype, ["AA", "BB"]) & (rarer < _HOMOZYGOUS)
    mine = own[use]
    keys, dose_b = places(mine), np.where(genotype[use] == "BB", 2, 0)
    reads, depth = mine["reads"].to_numpy(float), mine["depth"].to_numpy(float)
    scored = []
    for key in others:
        frame = others[key]
        place = np.searchsorted(keys, found := places(frame))
        here = place < len(keys)
        here[here] = keys[place[here]] == found[here]
        at = place[here]
        theirs = frame["genotype"].astype(str).map({"AA": 0, "AB": 1, "BB": 2}).to_numpy()[here]
        if len(at):
            dose = np.abs(theirs - dose_b[at])
            share, gain = _explained(reads[at], depth[at], dose, rho)
            scored.append((gain, share, key))
    if not scored:
        return None
    scored.sort(key=lambda one: -one[0])
    gain, share, key = scored[0]
    rivals = [other for other, _, who in scored[1:] if persons.get(who) != persons.get(key)]
    return Source(key, share, gain, gain - max(rivals, default=0.0))


def _explained(
    reads: np.ndarray, depth: np.ndarray, dose: np.ndarray, rho: float
) -> tuple[float, float]:
    """Return the foreign share that a person's doses say, and the evidence for that person."""
    known = dose == dose
    reads, depth, dose = reads[known], depth[known], dose[known].astype(int)
    # Foreign shares and errors; a dose of 0 shows errors alone.
    share = np.repeat(_FOREIGN, len(_ERRORS))
    error = np.tile(_ERRORS, len(_FOREIGN))
    by_dose = np.stack(
        [
            _log_beta_binomial(reads, depth, np.maximum(share * d / 2, error)[:, None], rho)
            for d in range(3)
        ]
    )
    # Loci that anyone's reads do not explain must not decide: at most 5 nats each.
    theirs = by_dose[dose, :, np.arange(len(dose))].T
    anyone = np.log(np.tensordot(_GIVEN_HOM, np.exp(by_dose), axes=1))
    gain = np.clip(theirs - anyone, -5, 5).sum(axis=1)
    best = int((anyone.sum(axis=1) + gain).argmax())
    return float(share[best]), float(gain[best])
