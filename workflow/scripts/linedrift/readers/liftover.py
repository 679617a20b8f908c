"""Lifting positions to another build by a chain file, all markers of a chromosome at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from linedrift.genome import BUILDS, GRCH38, Build, ucsc_chromosome
from linedrift.readers.files import ReadingError, check_presence, decode, open_bytes


@dataclass(frozen=True)
class Chain:
    """One alignment between the builds, between primary chromosomes in UCSC style.

    `source` and `target` are the 0-based starts of its ungapped blocks, `size` their lengths;
    on the minus strand `target` counts from the end of the target chromosome.
    """

    source_chrom: str
    target_chrom: str
    target_length: int
    minus: bool
    score: float
    source: np.ndarray
    target: np.ndarray
    size: np.ndarray

    def lift(self, pos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return 0-based target positions, and whether each position lies in a block."""
        block = np.searchsorted(self.source, pos, side="right") - 1
        offset = pos - self.source[block]
        inside = (block >= 0) & (offset < self.size[block])
        lifted = self.target[block] + offset
        return (self.target_length - 1 - lifted if self.minus else lifted), inside


def chain_path(of: Build, chains: Mapping[str, str]) -> str:
    """Return the chain file from a build to GRCh38.

    Raises
    ------
    ReadingError
        Naming the key of the config that is empty.
    """
    found = str(chains.get(of.name, "") or "")
    if not found:
        raise ReadingError(
            f"positions on {of.name} need a chain file to GRCh38, and the config gives none; write "
            f"its path into the key chains: {of.name}"
        )
    return found


def read_chain(path: str, source: Build, target: Build = GRCH38) -> dict[str, list[Chain]]:
    """Read a chain file (UCSC or Ensembl style, plain or gzip).

    Chains from or to other than primary chromosomes of the two builds are left out: for a marker
    they mean *not lifted*.

    Returns
    -------
    dict
        Chains of each source chromosome, the best score first, as `lift` uses them.

    Raises
    ------
    ReadingError
        When it is no chain file, is cut, or joins other builds (by chromosome lengths).
    """
    check_presence(path)
    try:
        with open_bytes(path) as stream:
            text = decode(stream.read())
    except OSError as error:
        raise ReadingError(f"{path}: is truncated or damaged: {error}; fetch it again") from error
    chains: dict[str, list[Chain]] = {}
    for part in text.split("chain ")[1:]:
        chain = _one_chain(path, part, source, target)
        if chain is not None:
            chains.setdefault(chain.source_chrom, []).append(chain)
    if not chains:
        raise ReadingError(
            f"{path}: is not a chain file from {source.name} to {target.name}: found no line "
            "'chain ...' between their chromosomes. Give one by the key chains of the config"
        )
    for one in chains.values():
        one.sort(key=lambda chain: -chain.score)
    return chains


def _one_chain(path: str, text: str, source: Build, target: Build) -> Chain | None:
    head, _, body = text.partition("\n")
    try:
        score, name, length, _, start, end, to_name, to_length, strand, to_start = head.split()[:10]
        chrom, to_chrom = ucsc_chromosome(name), ucsc_chromosome(to_name)
        if chrom is None or to_chrom is None:
            return None
        _check_length(path, chrom, int(length), source, "from")
        _check_length(path, to_chrom, int(to_length), target, "to")
        numbers = np.array(body.split("#")[0].split(), dtype=np.int64)
    except ValueError as error:
        if isinstance(error, ReadingError):
            raise
        raise ReadingError(
            f"{path}: damaged chain {head[:80]!r}: {error}; fetch it again"
        ) from None
    if len(numbers) % 3 != 1:
        raise ReadingError(f"{path}: is cut in chain {head[:80]!r}; fetch it again")
    size, skip, to_skip = np.append(numbers, [0, 0]).reshape(-1, 3).T
    before = np.concatenate([[0], np.cumsum(size + skip)[:-1]])
    to_before = np.concatenate([[0], np.cumsum(size + to_skip)[:-1]])
    if int(start) + before[-1] + size[-1] != int(end):
        raise ReadingError(f"{path}: is cut in chain {head[:80]!r}; fetch it again")
    return Chain(
        chrom, to_chrom, int(to_length), strand == "-", float(score),
        int(start) + before, int(to_start) + to_before, size,
    )  # fmt: skip


def _check_length(path: str, chrom: str, length: int, build: Build, way: str) -> None:
    if length != build.lengths[chrom]:
        fits = [b.name for b in BUILDS.values() if b.lengths[chrom] == length]
        raise ReadingError(
            f"{path}: leads {way} {fits[0] if fits else 'another build'} ({chrom} has {length:,} "
            f"bp); expected {way} {build.name} ({build.lengths[chrom]:,} bp). "
            "Correct the key chains of the config"
        )


def lift(
    chains: dict[str, list[Chain]], chrom: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lift 0-based positions within their chromosome; the best chain that covers one decides.

    Parameters
    ----------
    chains
        From `read_chain`.
    chrom, start
        UCSC names and 0-based starts, shape (n,).

    Returns
    -------
    tuple of numpy.ndarray
        Lifted 0-based starts, and whether each was lifted onto the same chromosome. A position
        that leads to another chromosome counts as not lifted.
    """
    lifted = np.full(len(start), -1, dtype=np.int64)
    for name, of_chrom in chains.items():
        on = np.flatnonzero(chrom == name)
        if len(on):
            lifted[on] = _lift_chromosome(of_chrom, name, start[on])
    return lifted, lifted >= 0


def _lift_chromosome(chains: list[Chain], name: str, start: np.ndarray) -> np.ndarray:
    order = np.argsort(start, kind="stable")
    ordered = start[order]
    lifted = np.full(len(start), -1, dtype=np.int64)
    decided = np.zeros(len(start), dtype=bool)
    for chain in chains:
        low = np.searchsorted(ordered, chain.source[0])
        high = np.searchsorted(ordered, chain.source[-1] + chain.size[-1])
        if low == high:
            continue
        to, inside = chain.lift(ordered[low:high])
        new = inside & ~decided[low:high]
        decided[low:high] |= new
        if chain.target_chrom == name:
            lifted[low:high][new] = to[new]
    out = np.empty_like(lifted)
    out[order] = lifted
    return out
