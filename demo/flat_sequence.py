"""Bases as codes, and positions in islands of sequence that stand one after another."""

from __future__ import annotations

import numpy as np
import pandas as pd

# Bases are the codes 0 to 3, so that 3 less a code is the complement.
BASES = "ACGT"
CODE = {base: code for code, base in enumerate(BASES)}
LETTERS = np.frombuffer(BASES.encode(), np.uint8)


def letters(codes: np.ndarray) -> str:
    """Return codes as text."""
    return LETTERS[codes].tobytes().decode()


def as_codes(text: str) -> np.ndarray:
    """Return text as codes (uint8)."""
    return np.array([CODE[base] for base in text], np.uint8)


def flat_of(islands: pd.DataFrame, places: pd.DataFrame) -> np.ndarray:
    """Return the flat positions of `places` (chrom, start). Raises ValueError where one is N."""
    lengths = (islands["end"] - islands["start"]).to_numpy(np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    flat = np.zeros(len(places), np.int64)
    chroms, starts = places["chrom"].to_numpy(), places["start"].to_numpy(np.int64)
    for chrom in pd.unique(chroms):
        own = chroms == chrom
        flat[own] = flat_in(islands, offsets, str(chrom), starts[own])
    return flat


def flat_in(
    islands: pd.DataFrame, offsets: np.ndarray, chrom: str, starts: np.ndarray
) -> np.ndarray:
    """Return the flat positions of `starts` on one chromosome; `offsets` are of the islands."""
    own = np.flatnonzero((islands["chrom"] == chrom).to_numpy())
    first, last = islands["start"].to_numpy()[own], islands["end"].to_numpy()[own]
    at = np.searchsorted(first, starts, side="right") - 1
    outside = (at < 0) | (starts >= last[np.maximum(at, 0)]) if len(own) else np.ones(1, bool)
    if outside.any():
        raise ValueError(f"{chrom}:{starts[outside][0]} is N in this genome")
    return offsets[own[at]] + starts - first[at]
