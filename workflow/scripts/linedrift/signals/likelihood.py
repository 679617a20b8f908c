"""What an event does to the signals, and how likely signals are under it (design 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from linedrift.signals.noise import OUTLIER, WIDE


@dataclass(frozen=True)
class Alleles:
    """Copies of the two parental alleles in the cells that carry an event."""

    major: int
    minor: int

    @property
    def copies(self) -> int:
        """Total copies."""
        return self.major + self.minor


# In cells with two copies to begin with. An amplification is asked as 3+1 copies.
DIPLOID: Mapping[str, Alleles] = {
    "gain": Alleles(2, 1),
    "loss": Alleles(1, 0),
    "cn_loh": Alleles(2, 0),
    "amplification": Alleles(3, 1),
    "deep_loss": Alleles(0, 0),
}
# With one copy to begin with (X and Y of a male); deep_loss and cn_loh do not exist there.
HAPLOID: Mapping[str, Alleles] = {
    "gain": Alleles(2, 0),
    "loss": Alleles(0, 0),
    "amplification": Alleles(3, 0),
}

# Share of a copy that still binds to a probe whose target is gone: real homozygous losses stand
# at a log R ratio of about -4.7 (.5 log2 response, HumanHap550), not at minus infinity.
CROSS_HYBRIDISATION = 0.01


def alleles(kind: str, expected_copies: int) -> Alleles | None:
    """Return the alleles of a kind of event, or None where it cannot exist."""
    return (DIPLOID if expected_copies == 2 else HAPLOID).get(kind)


def log2_ratio(kind: str, fraction: np.ndarray | float, expected_copies: int = 2) -> np.ndarray:
    """Return the true log2 ratio of an event in a `fraction` of cells."""
    event = alleles(kind, expected_copies)
    assert event is not None, f"{kind} with {expected_copies} copies"
    fraction = np.asarray(fraction, dtype=float)
    dose = expected_copies * (1 - fraction) + event.copies * fraction
    return np.log2(np.maximum(dose / expected_copies, CROSS_HYBRIDISATION))


def allelic_shift(kind: str, fraction: np.ndarray | float) -> np.ndarray:
    """Return the shift of the B-allele frequency at heterozygous loci, 0 to 1/2.

    delta = ((1 - c) + M c)/(2 (1 - c) + (M + m) c) - 1/2: a gain c/(2 (2 + c)), a loss
    c/(2 (2 - c)), CN-LOH c/2. A homozygous loss moves no allele.
    """
    event = DIPLOID[kind]
    fraction = np.asarray(fraction, dtype=float)
    total = 2 * (1 - fraction) + event.copies * fraction
    major = (1 - fraction) + event.major * fraction
    return np.where(total > 1e-9, major / np.maximum(total, 1e-9), 0.5) - 0.5


def shift_score(
    shift: np.ndarray,
    sd: np.ndarray,
    shared_sd: np.ndarray | float,
    delta: np.ndarray,
    wide: float,
    log_odds: np.ndarray | None = None,
) -> np.ndarray:
    """Return the log-likelihood ratio of `delta` against no shift, per heterozygous locus.

    The haplotype sign of a locus is unknown but shared by all measurements (design 6):
    l = log cosh(delta' S^-1 r + w/2) - log cosh(w/2) - delta' S^-1 delta / 2 with
    S = diag(sd^2) + shared_sd shared_sd'. A share `wide` of loci is noise of WIDE times the sd and
    a share OUTLIER anything, whatever the hypothesis: that bounds what one locus can say.

    Parameters
    ----------
    shift
        Residuals, shape (K, n); NaN where a measurement lacks the locus.
    sd
        Independent sd of each measurement, shape (K,), or of each of its loci, shape (K, n).
    shared_sd
        sd that the measurements have in common, one for all or shape (K,).
    delta
        Shifts asked, shape (G, K): G hypotheses.
    wide
        Share of loci in the wide tails.
    log_odds
        Prior log-odds w of the sign, shape (n,); None is 0 everywhere.

    Returns
    -------
    numpy.ndarray
        Shape (G, n), nats.
    """
    return Shifts.of(shift, sd, shared_sd, wide).score(delta, log_odds)


class Shifts(NamedTuple):
    """Shifts of a stretch, ready for many questions: all that no hypothesis changes."""

    white: _White
    quadratic: np.ndarray
    tails: np.ndarray
    without: np.ndarray

    @classmethod
    def of(
        cls, shift: np.ndarray, sd: np.ndarray, shared_sd: np.ndarray | float, wide: float
    ) -> Shifts:
        """Prepare shifts; the parameters are those of `shift_score`."""
        white = _whiten(shift, sd, shared_sd)
        quadratic, tails = _tails(white, shift, wide)
        return cls(white, quadratic, tails, np.logaddexp(0.0, tails))

    def score(self, delta: np.ndarray, log_odds: np.ndarray | None = None) -> np.ndarray:
        """Return what `shift_score` does, shape (G, n), nats."""
        white = self.white
        loaded = delta @ white.loaded
        pull = delta @ white.weighted - loaded * (white.shrink * white.together)
        cost = delta**2 @ white.precision - loaded**2 * white.shrink
        half = 0.0 if log_odds is None else log_odds / 2
        score = _log_cosh(pull + half) - _log_cosh(half) - cost / 2
        return np.logaddexp(score, self.tails) - self.without

    def noisier(self, factor: float) -> np.ndarray:
        """Return the log-likelihood ratio of a null whose sd is `factor` times larger, per locus.

        Shape (n,). Subtracted, where positive in sum, from the score of an event: what a noisier
        stretch of the genome explains as well is no evidence.
        """
        known = self.white.known.sum(axis=0)
        score = 0.5 * self.quadratic * (1 - factor**-2) - known * np.log(factor)
        return np.logaddexp(score, self.tails) - self.without


class _White(NamedTuple):
    """What S^-1 is made of, per measurement and locus (K, n) or per locus (n,)."""

    known: np.ndarray
    precision: np.ndarray
    loaded: np.ndarray
    shrink: np.ndarray
    weighted: np.ndarray
    together: np.ndarray


def _whiten(shift: np.ndarray, sd: np.ndarray, shared_sd: np.ndarray | float) -> _White:
    # Sherman and Morrison: the inverse of diag(sd^2) + s s' needs no matrix per locus.
    known = np.isfinite(shift)
    precision = known / (sd[:, None] if sd.ndim == 1 else sd) ** 2
    weighted = precision * np.where(known, shift, 0.0)
    shared = np.broadcast_to(np.asarray(shared_sd, float), (len(shift),))
    shrink = 1 / (1 + shared**2 @ precision)
    return _White(
        known, precision, shared[:, None] * precision, shrink, weighted, shared @ weighted
    )


def _tails(white: _White, shift: np.ndarray, wide: float) -> tuple[np.ndarray, np.ndarray]:
    """Return r' S^-1 r, and the log of the density of the tails over that without a shift."""
    quadratic = (white.weighted * np.where(white.known, shift, 0.0)).sum(axis=0)
    quadratic -= white.shrink * white.together**2
    count = white.known.sum(axis=0)
    log_det = -np.log(np.where(white.known, white.precision, 1.0)).sum(axis=0)
    log_det -= np.log(white.shrink)
    broad = np.log(wide) - count * np.log(WIDE) + 0.5 * quadratic * (1 - WIDE**-2)
    anything = np.log(OUTLIER) + 0.5 * (quadratic + log_det + count * np.log(2 * np.pi))
    return quadratic, np.logaddexp(broad, anything) - np.log1p(-wide - OUTLIER)


def _log_cosh(x: np.ndarray | float) -> np.ndarray:
    x = np.abs(x)
    return x + np.log1p(np.exp(-2 * x)) - np.log(2)


def level_score(
    mean: np.ndarray, covariance: np.ndarray, expected: np.ndarray, response_sd: float
) -> np.ndarray:
    """Return the log-likelihood ratio of segment means against no change.

    Parameters
    ----------
    mean
        Mean log ratio of the segment in each measurement, shape (K,).
    covariance
        Covariance of these means without an event, shape (K, K): random, shared and wave part.
    expected
        Expected log ratios, shape (G, K): G hypotheses.
    response_sd
        Relative sd of the response of the platform; it widens the hypothesis, not the null.

    Returns
    -------
    numpy.ndarray
        Shape (G,), nats.
    """
    spread = np.einsum("gi,gj->gij", expected, expected) * response_sd**2 + covariance
    residual = mean - expected
    fit = np.einsum("gi,gi->g", residual, np.linalg.solve(spread, residual[..., None])[..., 0])
    null = mean @ np.linalg.solve(covariance, mean)
    determinants = np.linalg.slogdet(spread)[1] - np.linalg.slogdet(covariance)[1]
    return 0.5 * (null - fit - determinants)
