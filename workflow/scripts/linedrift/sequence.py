"""What surrounds a base of the reference: its context, and the repeat that it lies in."""

from __future__ import annotations

import numpy as np

# Codes of bases: A, C, G, T are 0 to 3, so that 3 - code is the complement; all else is UNKNOWN.
BASES = "ACGT"
UNKNOWN = 4
_CODES = np.full(256, UNKNOWN, dtype=np.uint8)
for _code, _letter in enumerate(BASES):
    _CODES[ord(_letter)] = _CODES[ord(_letter.lower())] = _code

# Contexts with the pyrimidine in the middle: 16 of C, then 16 of T; the last is none.
CONTEXTS = (
    *(f"{left}{middle}{right}" for middle in "CT" for left in BASES for right in BASES),
    "",
)
NO_CONTEXT = len(CONTEXTS) - 1

# Units of short tandem repeats (microsatellites) have one to six bases; two copies of a unit are
# common by chance, three are not. Any two equal bases are a homopolymer.
_LONGEST_UNIT = 6
_LEAST_COPIES = 3


def encoded(text: str) -> np.ndarray:
    """Return the codes of the bases (uint8, 0 to 4) of a sequence in either case."""
    return _CODES[np.frombuffer(text.encode("ascii", "replace"), dtype=np.uint8)]


def is_folded(base: np.ndarray) -> np.ndarray:
    """Return where the reference base is a purine: its context is read on the other strand."""
    return (base == 0) | (base == 2)


def folded(base: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return codes of bases, complemented in the places `where`."""
    return np.where(where & (base < UNKNOWN), 3 - base.astype(np.int64), base)


def contexts(codes: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the place in CONTEXTS of the trinucleotide around each position.

    Parameters
    ----------
    codes
        Bases of a sequence (uint8, shape (l,)).
    at
        Positions in it (int, shape (n,)). At its ends, and beside an unknown base, there is none.
    """
    inside = (at > 0) & (at < len(codes) - 1)
    safe = np.where(inside, at, 1) if len(codes) > 2 else np.zeros_like(at)
    if len(codes) <= 2:
        return np.full(len(at), NO_CONTEXT)
    left, middle, right = codes[safe - 1], codes[safe], codes[safe + 1]
    known = inside & (left < UNKNOWN) & (middle < UNKNOWN) & (right < UNKNOWN)
    fold = is_folded(middle)
    first = folded(np.where(fold, right, left), fold).astype(np.int64)
    last = folded(np.where(fold, left, right), fold).astype(np.int64)
    pyrimidine = folded(middle, fold).astype(np.int64)  # C is 1, T is 3
    return np.where(known, 16 * (pyrimidine == 3) + 4 * first + last, NO_CONTEXT)


def repeat_lengths(codes: np.ndarray) -> np.ndarray:
    """Return, per base, the length of the longest repeat that it lies in (int32, bp; 1 for none).

    A repeat is a homopolymer of two bases or more, or at least three whole copies of a unit of
    two to six bases.
    """
    longest = np.ones(len(codes), dtype=np.int32)
    for unit in range(1, min(_LONGEST_UNIT, len(codes) - 1) + 1):
        same = (codes[:-unit] == codes[unit:]) & (codes[unit:] < UNKNOWN)
        edges = np.flatnonzero(np.diff(np.concatenate(([False], same, [False])).astype(np.int8)))
        start, end = edges[::2], edges[1::2]
        least = unit * (_LEAST_COPIES - 1) if unit > 1 else 1
        kept = end - start >= least
        start, length = start[kept], (end - start)[kept] + unit
        # Tracts of one unit overlap by less than a unit; each base is counted with both.
        bases = np.repeat(start - np.cumsum(length) + length, length) + np.arange(length.sum())
        np.maximum.at(longest, bases, np.repeat(length, length).astype(np.int32))
    return longest


def repeats_at(longest: np.ndarray, at: np.ndarray, span: np.ndarray) -> np.ndarray:
    """Return the longest repeat on or beside alleles (int32, shape (n,)).

    Parameters
    ----------
    longest
        What `repeat_lengths` returned for the sequence.
    at, span
        Place of the first base of each reference allele in it, and its length.
    """
    ends = (at - 1, at, at + 1, at + span - 1, at + span)
    return np.max([longest[np.clip(place, 0, len(longest) - 1)] for place in ends], axis=0)
