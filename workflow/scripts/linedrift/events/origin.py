"""Where an event comes from: tested on the signal of the baseline, not by lists of calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from linedrift.events.calls import Call, Measurement
from linedrift.events.fitting import GRID, Fit, Stretch
from linedrift.events.stacks import Stack


def baseline_of(measurements: Sequence[Measurement], usable: Sequence[int]) -> tuple[int, ...]:
    """Return the measurements of the sample that the others are compared with.

    An assay that did not measure the donor is compared with the line's earliest passage; the
    donor, where another assay measured it, tells more of where an event comes from.
    """
    wanted = {m.baseline.split(";")[0] for m in measurements if m.role == "sample" and m.baseline}
    found = [k for k in usable if measurements[k].sample in wanted]
    found.sort(key=lambda k: measurements[k].role != "donor")
    return tuple(k for k in found if measurements[k].sample == measurements[found[0]].sample)


def with_origin(
    data: Stack,
    members: Sequence[int],
    baseline: Sequence[int],
    measurements: Sequence[Measurement],
    one: Call,
    settings: Mapping[str, Any],
) -> Call:
    """Return the event with its origin, tested on the signal of the baseline."""
    if not baseline:
        return replace(one, origin="unknown", note=_noted(one, "no baseline could be used"))
    is_donor = measurements[baseline[0]].role == "donor"
    low, high, fraction, kind = _in_baseline(data, members, baseline, one.fit, settings)
    if kind != one.fit.kind:
        copies = {"loss": "1 copy", "gain": "3 copies"}[kind]
        note = _noted(one, f"the baseline has {copies} here")
        return replace(one, origin="acquired", note=note, milder=copies)
    if low > 0:
        note = f"mosaic in the baseline ({fraction:.0%} of cells)" if high < 0.75 else ""
        joint = data.only(members).whole()
        refit = Stretch(joint, one.fit.first, one.fit.last, settings).fit((one.fit.kind,))
        return replace(
            one,
            fit=refit or one.fit,
            origin="inherited" if is_donor else "unknown",
            note=_noted(one, note if is_donor else "already in the earliest passage measured"),
            whole=True,
        )
    if high > 0.5 and not _told_against(data, members, baseline, measurements, one.fit, settings):
        return replace(one, origin="unknown", note=_noted(one, "the baseline cannot tell"))
    return replace(one, origin="acquired")


def _told_against(
    data: Stack,
    members: Sequence[int],
    baseline: Sequence[int],
    measurements: Sequence[Measurement],
    fit: Fit,
    settings: Mapping[str, Any],
) -> bool:
    """Return whether the baseline has no signal of its own here, but is what others differ from.

    A man's donor has no level on Y, for nothing tells what one copy should read; that of his line
    is the difference from it.
    """
    own = Stretch(data.only(baseline), fit.first, fit.last, settings)
    donor = measurements[baseline[0]]
    compared = {measurements[k].baseline.split(";")[0] for k in members if k not in baseline}
    return (
        donor.role == "donor"
        and max(own.n_levels, own.n_shifts) == 0
        and compared == {donor.sample}
    )


def _noted(one: Call, text: str) -> str:
    return "; ".join(filter(None, [one.note, text]))


def _in_baseline(
    data: Stack,
    members: Sequence[int],
    baseline: Sequence[int],
    fit: Fit,
    settings: Mapping[str, Any],
) -> tuple[float, float, float, str]:
    """Return (low, high, best) cell fraction of the event in the baseline, and its kind there."""
    own = Stretch(data.only(baseline), fit.first, fit.last, settings)
    milder = {"deep_loss": "loss", "amplification": "gain"}.get(fit.kind)
    if milder:
        less, same = own.fit((milder,)), own.fit((fit.kind,))
        # One copy lost in every cell, rather than both in some of them.
        clonal = less is not None and less.fraction[0] > 0.6 and less.score > settings["tracked"]
        if clonal and same is not None and same.fraction[0] < 0.75:
            return 0.0, 0.0, 0.0, milder
    unit = data.unit[baseline[0]]
    if set(baseline) <= set(members):
        return *_present(own, fit.kind, np.zeros(len(baseline)), unit, settings), fit.kind
    # The haplotype signs that the passages tell sharpen the question to the donor.
    together = Stretch(data.only([*members, *baseline]), fit.first, fit.last, settings)
    fraction = np.append(fit.fraction, np.zeros(len(baseline)))
    return *_present(together, fit.kind, fraction, unit, settings), fit.kind


def _present(
    stretch: Stretch, kind: str, fraction: np.ndarray, unit: int, settings: Mapping[str, Any]
) -> tuple[float, float, float]:
    """Return the interval and best cell fraction of a sample; low is 0 unless present."""
    values = stretch.along(kind, fraction, unit, GRID)
    inside = GRID[values >= values.max() - 1.92]
    best = float(GRID[np.argmax(values)])
    sure = values.max() - values[0] >= settings["tracked"] and best >= settings["baseline_least"]
    return (float(inside.min()) if sure else 0.0), float(inside.max()), best
