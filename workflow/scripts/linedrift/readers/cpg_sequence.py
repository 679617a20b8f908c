"""Where the reference sequence has CpGs: which strand a cytosine is on, which build fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pysam

from linedrift import genome
from linedrift.genome import GRCH38, ucsc_chromosome
from linedrift.readers import liftover
from linedrift.readers.cytosine_rows import BOTH, FORWARD, REVERSE, UNKNOWN
from linedrift.readers.liftover import Chain
from linedrift.readers.reference import CHUNK

# What stands at a position: no CpG, or a base that the FASTA does not have (N, or beyond its end).
NO_CPG, NOT_KNOWN = 0, 9
_C, _G, _N = b"CGN"
_IS_BASE = np.isin(np.arange(256), np.frombuffer(b"ACGTacgt", np.uint8))


def kinds(fasta: pysam.FastaFile, name: str, pos: np.ndarray) -> np.ndarray:
    """Return what stands at sorted 0-based positions of a contig (int8, shape (n,)).

    FORWARD at the C of a CpG, REVERSE at its G (the C of the other strand), NO_CPG or NOT_KNOWN.
    """
    found = np.full(len(pos), NOT_KNOWN, np.int8)
    length = fasta.get_reference_length(name)
    at, last = np.searchsorted(pos, [0, length])
    while at < last:
        begin = int(pos[at])
        until = int(np.searchsorted(pos[:last], begin + CHUNK))
        # One base before and one beyond.
        text = fasta.fetch(name, max(begin - 1, 0), min(begin + CHUNK + 1, length)).encode()
        letters = np.frombuffer(b"N" * (begin == 0) + text + b"NN", np.uint8) & 0xDF
        here = pos[at:until] - begin + 1
        own, before, after = letters[here], letters[here - 1], letters[here + 1]
        found[at:until] = np.where(
            (own == _C) & (after == _G),
            FORWARD,
            np.where((own == _G) & (before == _C), REVERSE, NO_CPG),
        )
        found[at:until][~_IS_BASE[own]] = NOT_KNOWN
        at = until
    return found


class Fit(NamedTuple):
    """Of `n` cytosines whose place in the reference is known, `n_cpg` are on a CpG."""

    n: int
    n_cpg: int

    @property
    def share(self) -> float:
        """Share that is on a CpG; 0 where none is known."""
        return self.n_cpg / max(self.n, 1)


class Sample(NamedTuple):
    """Some cytosines of a file: chromosomes, 0-based positions and strands, each (n,)."""

    chrom: np.ndarray
    pos: np.ndarray
    strand: np.ndarray


def fit(
    fasta: pysam.FastaFile,
    sample: Sample,
    chains: Mapping[str, list[Chain]] | None = None,
    shift: int = 0,
) -> Fit:
    """Return how many cytosines are on a CpG of GRCh38, lifted where there are chains.

    A strand must be that of the C, where it is known; `shift` is added to the positions.
    """
    pos = sample.pos.astype(np.int64) + shift
    usable = pos >= 0
    if chains is not None:
        pos, usable = liftover.lift(dict(chains), sample.chrom, pos)
    n = n_cpg = 0
    names = {ucsc_chromosome(name): name for name in reversed(fasta.references)}
    for chrom in np.unique(sample.chrom):
        on = np.flatnonzero((sample.chrom == chrom) & usable)
        if chrom not in names or not len(on):
            continue
        on = on[np.argsort(pos[on], kind="stable")]
        found, strand = kinds(fasta, names[chrom], pos[on]), sample.strand[on]
        known = found != NOT_KNOWN
        wanted = np.where(strand == BOTH, FORWARD, strand)
        hit = np.where(strand == UNKNOWN, found != NO_CPG, found == wanted)
        n, n_cpg = n + int(known.sum()), n_cpg + int((hit & known).sum())
    return Fit(n, n_cpg)


class Reading(NamedTuple):
    """A way to read positions: as those of a build, moved by `shift`; and how it fits."""

    build: str
    shift: int
    fit: Fit


def readings(fasta: pysam.FastaFile, sample: Sample, chains: Mapping[str, str]) -> list[Reading]:
    """Return how cytosines fit in every build with a chain, as they are and moved by 1 bp.

    The best comes first.
    """
    found = []
    for of in genome.BUILDS.values():
        if of.name == GRCH38.name:
            chain = None
        elif chains.get(of.name):
            chain = liftover.read_chain(chains[of.name], of)
        else:
            continue
        for shift in (0, 1, -1):
            found.append(Reading(of.name, shift, fit(fasta, sample, chain, shift)))
    return sorted(found, key=lambda one: -one.fit.share)
