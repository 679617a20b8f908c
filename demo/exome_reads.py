"""Reads of captured molecules: gaps, substitutions, errors and qualities, as arrays."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import bam_records
import library_path  # noqa: F401
import numpy as np
from flat_sequence import as_codes
from linedrift import genome
from reduced_genome import Genome

READ = 100
# An aligner opens a gap only where this many bases stand on either side of it.
GAP_EDGE = 6
# Phred of the three bins of a modern instrument, the share of bases in the lower two at the first
# and the last cycle, and the true error rate of each: good bases are worse than they say.
QUALITIES = (37, 25, 11)
LOW_SHARES = np.array([[0.02, 0.07], [0.006, 0.04]])
ERROR_RATES = (3e-4, 4e-3, 7e-2)
# Rates of single places and of contexts scatter by these factors (lognormal), up to the cap.
PLACE_SD, CONTEXT_SD, RATE_CAP = 0.6, 0.5, 8.0


class Fragments(NamedTuple):
    """Captured molecules, sorted by `start` (flat); (n,) each."""

    start: np.ndarray
    length: np.ndarray
    haplotype: np.ndarray
    mapping_quality: np.ndarray


class Changes(NamedTuple):
    """Differences from the reference that molecules may carry, sorted by `flat`.

    flat (m,): first base of `ref`; `chance` (m, 3): share of the molecules of each haplotype;
    `span` (m,): bases over which the place of a gap is ambiguous.
    """

    flat: np.ndarray
    ref: np.ndarray
    alt: np.ndarray
    chance: np.ndarray
    span: np.ndarray


class Reads:
    """Reads of molecules: rows 2c and 2c + 1 are the left (forward) and right read of copy c."""

    def __init__(
        self, rng: np.random.Generator, of: Genome, molecules: Fragments, duplicates: float
    ) -> None:
        """Read all molecules and their duplicates (a share of them), as the reference has them."""
        n = len(molecules.start)
        self.molecules, self.duplicated = molecules, rng.random(n) < duplicates
        self.copies = np.repeat(np.arange(n), 1 + self.duplicated)
        self.first_copy = np.cumsum(1 + self.duplicated) - 1 - self.duplicated
        # Whether the left read is the second one of the pair.
        self.swapped = rng.random(len(self.copies)) < 0.5
        self.start = np.empty(2 * len(self.copies), np.int64)
        self.start[0::2] = molecules.start[self.copies]
        self.start[1::2] = self.start[0::2] + molecules.length[self.copies] - READ
        self.bases = np.lib.stride_tricks.sliding_window_view(of.codes, READ)[self.start]
        # Where aligned; the offset of a gap in the read (READ: none), bases lost by it (negative:
        # bases won), and whether the aligner opens it.
        self.aligned = self.start.copy()
        self.gap = np.full(len(self.start), READ)
        self.lost = np.zeros(len(self.start), np.int64)
        self.opened = np.zeros(len(self.start), bool)

    def rows(self, molecule: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (index into `molecule`, row) of all reads of those molecules."""
        index = np.arange(len(molecule))
        first = self.first_copy[molecule]
        again = self.duplicated[molecule]
        copy = np.concatenate([first, first[again] + 1])
        index = np.concatenate([index, index[again]])
        return np.concatenate([index, index]), np.concatenate([2 * copy, 2 * copy + 1])

    def open_gaps(
        self, of: Genome, changes: Changes, carried: tuple[np.ndarray, np.ndarray]
    ) -> None:
        """Give reads the indels that their molecules carry, one a read."""
        lost = np.array([len(r) - len(a) for r, a in zip(changes.ref, changes.alt, strict=True)])
        molecule, change = (part[lost[carried[1]] != 0] for part in carried)
        index, row = self.rows(molecule)
        change = change[index]
        gap = changes.flat[change] + 1 - self.start[row]
        inside = np.flatnonzero((gap > 0) & (gap < READ))
        row, first = np.unique(row[inside], return_index=True)
        change, gap = change[inside][first], gap[inside][first]
        if not len(row):
            return
        lost = lost[change]
        won = np.maximum(-lost, 0)
        self.gap[row], self.lost[row] = gap, lost
        along = np.arange(READ)
        moved = np.where(along >= (gap + won)[:, None], lost[:, None], 0)
        self.bases[row] = of.codes[self.start[row, None] + along + moved]
        for i in np.flatnonzero(won):
            new = as_codes(changes.alt[change[i]][1:])[: READ - gap[i]]
            self.bases[row[i], gap[i] : gap[i] + len(new)] = new
        after = READ - gap - won - changes.span[change]
        self.opened[row] = (gap >= GAP_EDGE) & (after >= GAP_EDGE)
        # Where the shorter part stands before the gap, the longer one after it decides the place.
        shifted = ~self.opened[row] & (gap < GAP_EDGE)
        self.aligned[row[shifted]] += lost[shifted]

    def substitute(self, molecule: np.ndarray, flat: np.ndarray, base: np.ndarray) -> None:
        """Set single bases of molecules."""
        index, row = self.rows(molecule)
        self._set(row, flat[index], base[index])

    def add_artefact(
        self, rng: np.random.Generator, flat: int, base: int, reverse: bool, fraction: float
    ) -> None:
        """Give a share of the reads of one strand a base."""
        row = np.arange(int(reverse), len(self.start), 2)
        row = row[(self.start[row] <= flat) & (self.start[row] > flat - READ)]
        row = row[rng.random(len(row)) < fraction]
        self._set(row, np.full(len(row), flat), np.full(len(row), base))

    def _set(self, row: np.ndarray, flat: np.ndarray, base: np.ndarray) -> None:
        offset, gap, lost = flat - self.start[row], self.gap[row], self.lost[row]
        gone = (offset >= gap) & (offset < gap + lost)
        offset = np.where(offset >= gap, offset - lost, offset)
        inside = ~gone & (offset >= 0) & (offset < READ)
        self.bases[row[inside], offset[inside]] = base[inside]

    def add_errors(self, rng: np.random.Generator, scale: float) -> np.ndarray:
        """Add errors of sequencing; return the qualities (uint8, shape of the bases)."""
        n = len(self.start)
        kind = rng.integers(0, 256, (n, READ), dtype=np.uint8)
        shares = np.cumsum(LOW_SHARES[::-1], axis=0)
        cycles = np.linspace(0, 1, READ)
        worst, poor = (np.round(256 * (s[0] + (s[1] - s[0]) * cycles**2)) for s in shares)
        qualities = np.empty((n, READ), np.uint8)
        for side in (0, 1):
            turn = slice(None, None, 1 - 2 * side)
            own = kind[side::2]
            level = (own < poor[turn]).astype(np.uint8) + (own < worst[turn])
            qualities[side::2] = np.array(QUALITIES, np.uint8)[level]
        for quality, rate in zip(QUALITIES, ERROR_RATES, strict=True):
            self._err(rng, qualities.ravel(), quality, rate * scale)
        return qualities

    def _err(
        self, rng: np.random.Generator, qualities: np.ndarray, quality: int, rate: float
    ) -> None:
        """Draw errors among the bases of one quality; keep those that place and context like."""
        if quality == QUALITIES[0]:
            at = rng.integers(0, len(qualities), rng.poisson(len(qualities) * rate * RATE_CAP))
            at = at[qualities[at] == quality]
        else:
            those = np.flatnonzero(qualities == quality)
            at = those[rng.random(len(those)) < min(rate * RATE_CAP, 1)]
        row, offset = np.divmod(at, READ)
        reverse = row % 2
        base = self.bases[row, offset]
        before = np.clip(offset - 1 + 2 * reverse, 0, READ - 1)
        context = 4 * _turned(self.bases[row, before], reverse) + _turned(base, reverse)
        place = (2 * (self.start[row] + offset) + reverse) % len(_PLACES)
        likes = np.minimum(_PLACES[place] * _CONTEXTS[context], RATE_CAP)
        kept = rng.random(len(at)) * RATE_CAP < likes
        row, offset, base, place = (part[kept] for part in (row, offset, base, place))
        # A place errs mostly to one base: seven of ten errors.
        step = np.where(rng.random(len(row)) < 0.7, place % 3, rng.integers(0, 3, len(row))) + 1
        self.bases[row, offset] = (base + step) % 4

    def write(self, path: Path, of: Genome, sample: str, qualities: np.ndarray) -> None:
        """Write the reads in the order of their places."""
        order = np.argsort(self.aligned, kind="stable")
        chrom, start = of.place(self.aligned)
        won, side = np.maximum(-self.lost, 0), np.arange(len(start)) % 2
        operations = np.zeros((len(start), 3, 2), np.int64)
        operations[:, 0, 1] = np.where(self.opened, self.gap, READ)
        gap = np.where(self.lost > 0, bam_records.DELETION, bam_records.INSERTION)
        operations[self.opened, 1, 0] = gap[self.opened]
        operations[self.opened, 1, 1] = np.abs(self.lost)[self.opened]
        operations[self.opened, 2, 1] = (READ - self.gap - won)[self.opened]
        end = start + READ + np.where(self.opened, self.lost, 0)
        pairs = start.reshape(-1, 2)
        template = np.repeat(end.reshape(-1, 2).max(axis=1) - pairs.min(axis=1), 2)
        flag = (
            bam_records.PAIRED
            | bam_records.PROPER
            | np.where(side, bam_records.REVERSE, bam_records.MATE_REVERSE)
        )
        first = (side == 1) == np.repeat(self.swapped, 2)
        flag |= np.where(first, bam_records.FIRST, bam_records.SECOND)
        again = np.append(False, self.copies[1:] == self.copies[:-1])
        flag |= np.where(np.repeat(again, 2), bam_records.DUPLICATE, 0)
        quality = np.repeat(self.molecules.mapping_quality[self.copies], 2)
        lengths = [(name, genome.GRCH38.lengths[name]) for name in of.chromosomes]
        bam_records.write(
            path,
            lengths,
            sample,
            chrom=chrom[order],
            start=start[order],
            mate_start=pairs[:, ::-1].ravel()[order],
            template=np.where(side, -template, template)[order],
            flag=flag[order],
            mapping_quality=quality[order],
            name=np.repeat(np.arange(len(self.copies)), 2)[order],
            operations=operations[order],
            bases=self.bases[order],
            qualities=qualities[order],
        )


def _turned(base: np.ndarray, reverse: np.ndarray) -> np.ndarray:
    """Return bases on the strand of the read."""
    return np.where(reverse, 3 - base, base).astype(np.intp)


def _scattered(seed: int, n: int, sd: float) -> np.ndarray:
    """Return n lognormal factors of mean 1, always the same: a property of the instrument."""
    return np.random.default_rng(seed).lognormal(-(sd**2) / 2, sd, n)


# Relative error rates of places (by strand; a prime number of them) and of contexts (the base
# before x the base, in the direction of reading).
_PLACES = _scattered(1, 131_071, PLACE_SD)
_CONTEXTS = _scattered(2, 16, CONTEXT_SD)
