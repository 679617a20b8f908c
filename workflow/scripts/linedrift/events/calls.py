"""What is known of a call while it is made: measurements, events, and a line's events together."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from linedrift import tables
from linedrift.events.fitting import Fit
from linedrift.events.stacks import Stack
from linedrift.signals.noise import Noise


@dataclass(frozen=True)
class Measurement:
    """One measurement of a line, or of the donor that it is compared with.

    `counted` are SEGMENTS that were found by counts of reads and judged there (`exon_losses`):
    too short for levels to tell.
    `reason` says why it is not testable (failed quality, failed identity), else empty.
    `role` is sample (of the line) or donor (the baseline, of another line).
    """

    sample: str
    passage: int
    assay: str
    contrast: pd.DataFrame
    noise: Noise
    segments: pd.DataFrame
    baseline: str = ""
    role: str = "sample"
    reason: str = ""
    counted: pd.DataFrame = field(default_factory=tables.SEGMENTS.empty)

    @property
    def usable(self) -> bool:
        """Whether it can be asked about events."""
        return not self.why_not

    @property
    def why_not(self) -> str:
        """Why it cannot be asked, empty where it can."""
        return self.reason or self.noise.reason


@dataclass(frozen=True)
class Call:
    """An event of the line: its fit over `members`, ends with ranges, and its origin.

    `milder` is what the baseline has in its place, such as ``1 copy`` of a homozygous loss.
    """

    fit: Fit
    rate: float
    start_range: tuple[int, int]
    end_range: tuple[int, int]
    origin: str = "unknown"
    note: str = ""
    whole: bool = False
    milder: str = ""


@dataclass(frozen=True)
class LineCalls:
    """What `events.call` returns: the data of a line side by side and the events in it.

    `members` are the usable measurements of the line itself, `baseline` those of the sample that
    they are compared with; both are places in `measurements` and rows of the `stack`.
    """

    measurements: tuple[Measurement, ...]
    stack: Stack
    members: tuple[int, ...]
    baseline: tuple[int, ...]
    calls: tuple[Call, ...] = field(default_factory=tuple)
    candidates: tuple[Call, ...] = field(default_factory=tuple)

    def data(self, call: Call) -> Stack:
        """Return the members, the baseline added back where it has the event of `call` too."""
        chosen = self.stack.only(self.members)
        return chosen.whole() if call.whole else chosen

    def of(self, unit: int) -> list[int]:
        """Return the measurements of a sample (a `unit` of the stack)."""
        return [k for k, of in enumerate(self.stack.unit) if of == unit]

    def usable(self, unit: int) -> list[int]:
        """Return the measurements of a sample that can be asked about events."""
        return [k for k in self.of(unit) if self.measurements[k].usable]

    def reason(self, unit: int) -> str:
        """Return why a sample is not testable, empty where one of its measurements is usable."""
        if self.usable(unit):
            return ""
        return "; ".join(dict.fromkeys(self.measurements[k].why_not for k in self.of(unit)))
