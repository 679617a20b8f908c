"""From reads by base to candidate alleles, and to what errors look like where nobody has one.

Arrays: `reads` are counts by position, sample, strand (forward, reverse) and base (A, C, G, T),
shape (n, k, 2, 4). A candidate is an allele that may be a variant; whether it is one is decided
by the model (`variants`), so the bounds here are loose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from linedrift import sequencing_tables, tables
from linedrift.genome import CHROM_DTYPE
from linedrift.sequence import BASES, CONTEXTS, NO_CONTEXT, UNKNOWN, folded, is_folded

SITE = ("chrom", "start", "ref", "alt")
BIASES = ("read_position_z", "mapping_quality_z", "base_quality_z")
STRANDS = ("pyrimidine", "purine")

# Depths of errors are kept as they are up to the first number, then in steps of the second: the
# expected number of errors is off by less than 2.9 %, the table stays short at any depth.
_EXACT_DEPTH, _DEPTH_STEP, _MOST_DEPTH = 40, 1.05, 100_000
_ERROR_KEY = ["sample", "context", "alt", "strand", "depth", "alt_reads"]


def _depth_grid() -> np.ndarray:
    steps = int(np.ceil(np.log(_MOST_DEPTH / _EXACT_DEPTH) / np.log(_DEPTH_STEP)))
    above = np.round(_EXACT_DEPTH * _DEPTH_STEP ** np.arange(1, steps + 1))
    return np.unique(np.concatenate([np.arange(_EXACT_DEPTH + 1), above])).astype(np.int64)


DEPTHS = _depth_grid()
# The place in DEPTHS that is nearest to each depth.
_NEAREST = np.searchsorted((DEPTHS[1:] + DEPTHS[:-1]) / 2, np.arange(_MOST_DEPTH + 1))


@dataclass(frozen=True)
class Candidates:
    """Candidate alleles: `sites` has one row each (SITE, BIASES, context, repeat).

    `ref` and `alt` are reads of the two alleles by sample and strand (shape (n, k, 2)), `other`
    reads of any other allele (shape (n, k)).
    """

    sites: pd.DataFrame
    ref: np.ndarray
    alt: np.ndarray
    other: np.ndarray

    def take(self, rows: np.ndarray) -> Candidates:
        """Return some of them, by place or by a mask."""
        sites = self.sites[rows] if rows.dtype == bool else self.sites.take(rows)
        return Candidates(
            sites.reset_index(drop=True), self.ref[rows], self.alt[rows], self.other[rows]
        )


def part_of(regions: pd.DataFrame, part: int, parts: int) -> pd.DataFrame:
    """Return the regions of one of several parts of about equal length; each is in one part."""
    length = (regions["end"] - regions["start"]).to_numpy(np.int64)
    middle = np.cumsum(length) - length / 2
    return regions[np.floor(middle / max(length.sum(), 1) * parts) == part].reset_index(drop=True)


def joined(parts: Sequence[Candidates]) -> Candidates:
    """Return the candidates of all parts in genome order; of an allele met twice the first."""
    sites = pd.concat([part.sites for part in parts], ignore_index=True)
    whole = Candidates(
        sites,
        np.concatenate([part.ref for part in parts]),
        np.concatenate([part.alt for part in parts]),
        np.concatenate([part.other for part in parts]),
    )
    order = sites.drop_duplicates(list(SITE)).sort_values(list(SITE), kind="stable").index
    return whole.take(order.to_numpy())


def to_frame(candidates: Candidates, samples: Sequence[str]) -> pd.DataFrame:
    """Return VARIANT_COUNTS: one row per candidate and sample, in genome order."""
    n, k = candidates.other.shape
    frame = candidates.sites.loc[candidates.sites.index.repeat(k)].reset_index(drop=True)
    frame["sample"] = np.tile(np.array(samples, dtype=object), n)
    for name, reads in (("ref", candidates.ref), ("alt", candidates.alt)):
        frame[f"{name}_forward"] = reads[:, :, 0].ravel()
        frame[f"{name}_reverse"] = reads[:, :, 1].ravel()
    frame["other"] = candidates.other.ravel()
    return tables.check(frame, sequencing_tables.VARIANT_COUNTS)


def is_candidate(
    alt: np.ndarray, depth: np.ndarray, counted: np.ndarray, settings: Mapping[str, Any]
) -> np.ndarray:
    """Return which alleles have enough reads to be looked at (bool, shape (n,)).

    Parameters
    ----------
    alt, depth
        Reads of the allele, and of all alleles, by sample (shape (n, k)).
    counted
        Which samples can make a candidate: own ones and baselines, not strangers (bool, (k,)).
    settings
        `candidate_reads` in one sample, `candidate_total` in all, `candidate_fraction` in one.
    """
    reads, total = alt[:, counted], depth[:, counted]
    seen = reads >= np.maximum(
        settings["candidate_reads"], np.ceil(settings["candidate_fraction"] * total)
    )
    return seen.any(axis=1) & (reads.sum(axis=1) >= settings["candidate_total"])


def snv_candidates(
    reads: np.ndarray,
    ref: np.ndarray,
    counted: np.ndarray,
    settings: Mapping[str, Any],
) -> np.ndarray:
    """Return which bases of which positions are candidate SNVs (bool, shape (n, 4))."""
    total = reads[:, :, 0] + reads[:, :, 1]  # both strands
    depth = total[:, :, 0] + total[:, :, 1] + total[:, :, 2] + total[:, :, 3]
    found = np.zeros((len(ref), len(BASES)), dtype=bool)
    # Most positions have no other base at all, and need no closer look.
    maybe = np.flatnonzero((depth.sum(axis=1) > of_base(total, ref).sum(axis=1)) & (ref < UNKNOWN))
    for base in range(len(BASES)):
        found[maybe, base] = is_candidate(total[maybe, :, base], depth[maybe], counted, settings)
    found[np.arange(len(ref)), np.minimum(ref, UNKNOWN - 1)] = False
    return found


def of_base(reads: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Return the reads of one base a position: the last axis taken at `base`."""
    at = np.minimum(base, UNKNOWN - 1).astype(np.intp)
    return np.take_along_axis(reads, at.reshape(-1, *[1] * (reads.ndim - 1)), axis=-1)[..., 0]


def snvs(reads: np.ndarray, ref: np.ndarray, wanted: np.ndarray, sites: pd.DataFrame) -> Candidates:
    """Return the wanted bases (bool, shape (n, 4)) of positions as candidates.

    `sites` has one row a position: chrom, start, BIASES, context (place in CONTEXTS), repeat.
    """
    at, base = np.nonzero(wanted)
    letters = np.array([*BASES, "N"], dtype=object)
    frame = sites.take(at).reset_index(drop=True)
    frame["ref"], frame["alt"] = letters[ref[at]], letters[base]
    frame["context"] = np.array(CONTEXTS, dtype=object)[frame["context"].to_numpy()]
    of_ref, of_alt = of_base(reads[at], ref[at]), of_base(reads[at], base)
    other = reads[at].sum(axis=(2, 3)) - of_ref.sum(axis=2) - of_alt.sum(axis=2)
    return Candidates(frame, of_ref, of_alt, other)


def errors(
    reads: np.ndarray,
    ref: np.ndarray,
    context: np.ndarray,
    baseline: np.ndarray,
    settings: Mapping[str, Any],
) -> pd.DataFrame:
    """Return how often so many reads of an allele were seen where nobody is thought to have it.

    Parameters
    ----------
    reads, ref
        Reads by base (shape (n, k, 2, 4)) and the base of the reference (codes, shape (n,)).
    context
        Place in CONTEXTS of each position.
    baseline
        Which samples are baselines (bool, shape (k,)).
    settings
        `homozygous_fraction`: an allele with a larger share of reads, in a baseline or in the
        sample itself, is no error.

    Returns
    -------
    pandas.DataFrame
        Columns of ERROR_COUNTS, `sample` as its place among the samples.
    """
    known = (context != NO_CONTEXT) & (ref < UNKNOWN)
    of_ref = of_base(reads, ref)
    other = (reads.sum(axis=(1, 2, 3)) > of_ref.sum(axis=(1, 2))) & known
    quiet, seen = [_all_quiet(of_ref[known & ~other], ref, context, known & ~other)], []
    reads, ref, context, of_ref = reads[other], ref[other], context[other], of_ref[other]
    fold = is_folded(ref)
    for step in (1, 2, 3):
        base = (ref + step) % len(BASES)
        alt = of_base(reads, base)
        depth = alt + of_ref
        both, all_ = alt[..., 0] + alt[..., 1], depth[..., 0] + depth[..., 1]
        few = both <= settings["homozygous_fraction"] * all_
        few &= few[:, baseline].all(axis=1)[:, None]
        key = context.astype(np.int64) * len(BASES) + folded(base, fold)
        for strand in range(2):
            side = np.where(fold, 1 - strand, strand)
            cells = _keys(key * 2 + side, depth[:, :, strand])
            kept = few & (depth[:, :, strand] > 0)
            none = alt[:, :, strand] == 0
            quiet.append(np.bincount(cells[kept & none], minlength=_n_keys(reads.shape[1])))
            some = kept & ~none
            seen.append((cells[some], alt[:, :, strand][some]))
    return _histogram(quiet, seen)


def _all_quiet(
    of_ref: np.ndarray, ref: np.ndarray, context: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Return the places of every key with no read of its alternative, where there is no other read.

    Nine positions of ten have the base of the reference alone: `of_ref` (m, k, 2) of these rows.
    They count for each of the three alternatives.
    """
    k, fold = of_ref.shape[1], is_folded(ref[rows])
    counted = np.zeros(_n_keys(k) // len(BASES), dtype=np.int64)
    for strand in range(2):
        side = np.where(fold, 1 - strand, strand)
        depth = of_ref[:, :, strand]
        cells = _keys(context[rows].astype(np.int64) * 2 + side, depth, len(CONTEXTS) * 2)
        counted += np.bincount(cells[depth > 0], minlength=len(counted))
    table = counted.reshape(k, len(CONTEXTS), 1, 2, len(DEPTHS))
    middle = np.array([text[1:2] for text in CONTEXTS])
    alternative = middle[:, None] != np.array([*BASES])
    return np.where(alternative[None, :, :, None, None], table, 0).ravel()


def _n_keys(k: int) -> int:
    return k * len(CONTEXTS) * len(BASES) * 2 * len(DEPTHS)


def _keys(key: np.ndarray, depth: np.ndarray, size: int = 0) -> np.ndarray:
    """Return one number for sample, key and rounded depth (n, k).

    `key` (n,) is below `size`: that of context, alternative and strand where none is given.
    """
    rounded = _NEAREST[np.minimum(depth, _MOST_DEPTH)]
    sample = np.arange(depth.shape[1]) * (size or len(CONTEXTS) * len(BASES) * 2)
    return (sample + key[:, None]) * len(DEPTHS) + rounded


def _histogram(quiet: list[np.ndarray], seen: list[tuple[np.ndarray, np.ndarray]]) -> pd.DataFrame:
    none = np.sum(quiet, axis=0)
    at = np.flatnonzero(none)
    some = pd.DataFrame(
        {
            "key": np.concatenate([at, *(key for key, _ in seen)]),
            "alt_reads": np.concatenate([np.zeros(len(at), int), *(alt for _, alt in seen)]),
            "sites": np.concatenate([none[at], *(np.ones(len(key), int) for key, _ in seen)]),
        }
    )
    counted = some.groupby(["key", "alt_reads"], as_index=False)["sites"].sum()
    rest, depth = np.divmod(counted["key"].to_numpy(), len(DEPTHS))
    rest, strand = np.divmod(rest, 2)
    rest, alt = np.divmod(rest, len(BASES))
    sample, context = np.divmod(rest, len(CONTEXTS))
    frame = pd.DataFrame(
        {
            "sample": sample,
            "context": np.array(CONTEXTS, dtype=object)[context],
            "alt": np.array([*BASES], dtype=object)[alt],
            "strand": np.array(STRANDS, dtype=object)[strand],
            "depth": DEPTHS[depth],
            "alt_reads": np.minimum(counted["alt_reads"], DEPTHS[depth]),
            "sites": counted["sites"],
        }
    )
    return summed_errors([frame])


def no_errors() -> pd.DataFrame:
    """Return the frame of `errors` without rows."""
    return pd.DataFrame({name: pd.Series(dtype=int) for name in [*_ERROR_KEY, "sites"]})


def named_errors(frame: pd.DataFrame, samples: Sequence[str]) -> pd.DataFrame:
    """Return ERROR_COUNTS from the frame of `errors`, whose samples are places in `samples`."""
    names = np.array(samples, dtype=object)[frame["sample"].to_numpy(int)]
    return tables.check(frame.assign(sample=names), sequencing_tables.ERROR_COUNTS)


def summed_errors(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return ERROR_COUNTS of several parts as one: positions of equal counts are added up."""
    whole = pd.concat(parts, ignore_index=True)
    return whole.groupby(_ERROR_KEY)["sites"].sum().reset_index()


def neighbours(
    candidates: Candidates, asked: pd.DataFrame, settings: Mapping[str, Any]
) -> np.ndarray:
    """Return pairs of candidate SNVs that may be one MNV: adjacent, with nearly the same reads.

    Alleles that are asked for by name (SITE) stay what they are.

    Returns
    -------
    numpy.ndarray
        Places of the two (shape (m, 2)), and never twice the same first or the same second.
    """
    sites = candidates.sites
    single = ((sites["ref"].str.len() == 1) & (sites["alt"].str.len() == 1)).to_numpy()
    named = pd.MultiIndex.from_frame(sites[list(SITE)].astype({"chrom": "str"}))
    rows = np.flatnonzero(single & ~named.isin(pd.MultiIndex.from_frame(asked[list(SITE)])))
    frame = pd.DataFrame(
        {"chrom": sites["chrom"].cat.codes.to_numpy(), "row": np.arange(len(sites))}
    )
    frame["start"] = sites["start"].to_numpy()
    first = frame.iloc[rows]
    pairs = first.merge(first.assign(start=first["start"] - 1), on=["chrom", "start"])
    one, two = pairs["row_x"].to_numpy(), pairs["row_y"].to_numpy()
    alt = candidates.alt.sum(axis=2)
    most = np.maximum(alt[one], alt[two])
    # Reads end between the two or have one base below the quality asked for.
    alike = np.abs(alt[one] - alt[two]) <= np.maximum(2, 0.2 * most)
    kept = alike.all(axis=1) & (most.max(axis=1, initial=0) >= settings["candidate_total"])
    return np.column_stack([one, two])[kept]


def mnvs(candidates: Candidates, pairs: np.ndarray) -> Candidates:
    """Return the candidates with these pairs of adjacent SNVs joined, runs of them to one allele.

    An MNV has at most the reads of the one of its bases that has fewest.
    """
    runs: list[list[int]] = []
    for one, two in pairs[np.argsort(pairs[:, 0])]:
        run = next((run for run in runs if run[-1] == one), None)
        if run:
            run.append(int(two))
        else:
            runs.append([int(one), int(two)])
    if not runs:
        return candidates
    gone = np.unique(np.concatenate(runs))
    whole = np.setdiff1d(np.arange(len(candidates.sites)), gone)
    return joined([*(_mnv(candidates, run) for run in runs), candidates.take(whole)])


def _mnv(candidates: Candidates, run: list[int]) -> Candidates:
    first = candidates.take(np.array(run[:1]))
    rows = candidates.sites.iloc[run]
    sites = first.sites.assign(
        ref="".join(rows["ref"]), alt="".join(rows["alt"]), context="", repeat=rows["repeat"].max()
    )
    return Candidates(
        sites.astype({"chrom": CHROM_DTYPE}),
        candidates.ref[run].min(axis=0)[None],
        candidates.alt[run].min(axis=0)[None],
        candidates.other[run].max(axis=0)[None],
    )
