"""What the tails of real noise can fake, per locus: it is taken off the evidence of an event.

The evidence of a stretch is a sum of log-likelihood ratios l over its loci. Where the noise is
what the model says, the mean of exp(l) without an event is 1, and a sum of s or more has a
probability of at most exp(-s) (Ville's inequality), which the false-event rate rests on. Real
tails are heavier: on dilution_crl2324 the mean is up to 1.14. Its logarithm, measured on the
quiet loci of the measurement itself, is what each locus costs.
"""

from __future__ import annotations

import numpy as np

from linedrift.signals.likelihood import shift_score

# Changes at which the cost is measured, in sd of the noise; linear between.
STEPS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0)

# Fewer loci than this do not tell their tails.
LEAST = 200

# In longer stretches the wave bounds what levels say, well below what their tails could fake.
LONG = 500


def shift_costs(shift: np.ndarray, sd: float, wide: float) -> tuple[float, ...]:
    """Return the cost per heterozygous locus at STEPS (nats), from shifts without an event."""
    if len(shift) < LEAST or not sd > 0:
        return (0.0,) * len(STEPS)
    asked = sd * np.array(STEPS)[:, None]
    return _costs(shift_score(shift[None], np.array([sd]), 0.0, asked, wide))


def level_costs(level: np.ndarray, sd: float) -> tuple[float, ...]:
    """Return the cost per level at STEPS below 0, then above (nats)."""
    steps = sd * np.array(STEPS)
    if len(level) < LEAST or not sd > 0:
        return (0.0,) * (2 * len(STEPS))
    return tuple(c for asked in (-steps, steps) for c in _costs(bounded_score(level, sd, asked)))


def _costs(score: np.ndarray) -> tuple[float, ...]:
    return tuple(np.maximum(0.0, np.log(np.exp(score).mean(axis=1))).tolist())


def bounded_score(level: np.ndarray, sd: float, mu: np.ndarray) -> np.ndarray:
    """Return the log-likelihood ratio of each level for a change `mu`, shape (G, n), nats.

    A level beyond the change, and beyond 1.5 sd, says no more than one there.
    """
    asked = mu[:, None]
    reach = np.maximum(np.abs(asked), 1.5 * sd)
    within = np.clip(level, -reach, reach)
    return asked * (within - asked / 2) / sd**2


def shift_cost(costs: tuple[float, ...], delta: np.ndarray | float, sd: float) -> np.ndarray:
    """Return the cost per heterozygous locus of asking for shifts `delta` (nats)."""
    return np.interp(np.abs(delta) / sd, (0.0, *STEPS), (0.0, *costs))


def level_cost(costs: tuple[float, ...], mu: np.ndarray | float, sd: float) -> np.ndarray:
    """Return the cost per level of asking for changes `mu` (nats)."""
    below, above = costs[: len(STEPS)], costs[len(STEPS) :]
    return np.where(np.asarray(mu) < 0, shift_cost(below, mu, sd), shift_cost(above, mu, sd))
