"""Where people and sequences differ: polymorphic sites, repeats, similar sequences."""

from __future__ import annotations

import library_path  # noqa: F401
import numpy as np
import pandas as pd
from flat_sequence import BASES, flat_of, letters
from linedrift import genome

# A SNP is near a target up to here.
NEAR = 100
# A<>G and C<>T; A<>C and G<>T, which also change between a strong and a weak base.
_TRANSITION, _TRANSVERSION = np.array([2, 3, 0, 1]), np.array([1, 0, 3, 2])


def repeats(codes: np.ndarray, targets: pd.DataFrame) -> pd.DataFrame:
    """Return homopolymers of 6 bases or more and dinucleotide repeats of 10 or more in targets."""
    frames = []
    for unit, least in ((1, 6), (2, 10)):
        same = np.zeros(len(codes) + 1, np.int8)
        same[unit:-1] = codes[unit:] == codes[:-unit]
        if unit == 2:
            same[1:-1] &= codes[1:] != codes[:-1]
        change = np.diff(np.concatenate([[0], same]))
        first, last = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
        length = last - first + unit
        kept = length >= least
        frames.append(pd.DataFrame({"flat": first - unit, "length": length, "unit": unit})[kept])
    repeats = pd.concat(frames).sort_values("flat", ignore_index=True)
    begins = targets["flat"].to_numpy()
    ends = begins + (targets["end"] - targets["start"]).to_numpy()
    at = np.searchsorted(begins, repeats["flat"], side="right") - 1
    inside = (at >= 0) & (repeats["flat"] + repeats["length"] <= ends[np.maximum(at, 0)])
    return repeats[inside].reset_index(drop=True)


def near_targets(places: pd.DataFrame, targets: pd.DataFrame) -> pd.DataFrame:
    """Return the `places` (chrom, start) in targets or just beside them, in genome order."""
    kept = [places.iloc[:0]]
    for chrom, own in targets.groupby("chrom", observed=True):
        there = places[places["chrom"].to_numpy() == chrom]
        at = np.searchsorted(own["start"], there["start"] + NEAR, side="right") - 1
        near = (at >= 0) & (there["start"] < own["end"].to_numpy()[np.maximum(at, 0)] + NEAR)
        kept.append(there[near])
    found = pd.concat(kept).drop_duplicates(["chrom", "start"])
    found = found.astype({"chrom": genome.CHROM_DTYPE})
    return found.sort_values(["chrom", "start"])


def sites(
    rng: np.random.Generator,
    codes: np.ndarray,
    islands: pd.DataFrame,
    targets: pd.DataFrame,
    repeats: pd.DataFrame,
    panel: pd.DataFrame | None,
    loci: pd.DataFrame | None,
    quiet: pd.DataFrame,
) -> pd.DataFrame:
    """Return the polymorphic sites: SNPs of the panel, of the array, others, and indels.

    There are none in the targets of `quiet` nor beside them.
    """
    parts = []
    if panel is not None:
        parts.append(
            panel[["chrom", "start", "ref", "alt"]].assign(
                frequency=rng.uniform(0.2, 0.8, len(panel)), locus=-1
            )
        )
    if loci is not None:
        near = near_targets(loci, targets)
        flat = flat_of(islands, near)
        # Exactly one allele is C or G: A and B are named alike on either strand. Seven of ten
        # are transitions, as on arrays.
        transition = rng.random(len(near)) < 0.7
        alt = np.where(transition, _TRANSITION[codes[flat]], _TRANSVERSION[codes[flat]])
        parts.append(_snps(near, codes[flat], alt, np.nan, near.index.to_numpy()))
    parts.append(_other_sites(rng, codes, targets, repeats))
    sites = pd.concat(parts, ignore_index=True).astype({"chrom": genome.CHROM_DTYPE})
    sites = sites[~sites.index.isin(near_targets(sites, quiet).index)]
    # The first of two at one place stays, and nothing within five bases of another.
    sites = sites.drop_duplicates(["chrom", "start"]).sort_values(["chrom", "start"])
    close = (sites["start"].diff() < 6) & (sites["chrom"] == sites["chrom"].shift())
    sites = sites[~close | (sites["locus"] >= 0)].reset_index(drop=True)
    sites["flat"] = flat_of(islands, sites)
    return sites


def _snps(
    places: pd.DataFrame, ref: np.ndarray, alt: np.ndarray, frequency: object, locus: object
) -> pd.DataFrame:
    letter = np.array(list(BASES))
    return places[["chrom", "start"]].assign(
        ref=letter[ref], alt=letter[alt], frequency=frequency, locus=locus
    )


def _other_sites(
    rng: np.random.Generator, codes: np.ndarray, targets: pd.DataFrame, repeats: pd.DataFrame
) -> pd.DataFrame:
    """Return SNPs (one in 400 bp, most of them rare) and indels (one in 6,000) of targets."""
    length = (targets["end"] - targets["start"]).to_numpy()
    target = rng.choice(len(targets), int(length.sum() / 400), p=length / length.sum())
    within = (rng.random(len(target)) * length[target]).astype(int)
    flat = targets["flat"].to_numpy()[target] + within
    repeated = np.zeros(len(codes), bool)
    for row in repeats.itertuples():
        repeated[row.flat - 8 : row.flat + row.length + 8] = True
    clean = ~repeated[flat]
    target, within, flat = target[clean], within[clean], flat[clean]
    places = pd.DataFrame(
        {
            "chrom": targets["chrom"].to_numpy()[target],
            "start": targets["start"].to_numpy()[target] + within,
        }
    )
    ref = codes[flat]
    transition = rng.random(len(ref)) < 0.67
    alt = np.where(transition, _TRANSITION[ref], (ref + rng.choice([1, 3], len(ref))) % 4)
    sites = _snps(places, ref, alt, rng.beta(0.3, 1.2, len(ref)), -1)
    # Every fifteenth becomes an indel where that is left-aligned as it stands.
    for i in range(0, len(sites), 15):
        n, anchor = int(rng.integers(1, 5)), flat[i]
        after = codes[anchor + 1 : anchor + 1 + n]
        if rng.random() < 0.6 and after[-1] != codes[anchor]:
            sites.loc[i, ["ref", "alt"]] = (
                letters(codes[anchor : anchor + 1 + n]),
                letters(ref[i : i + 1]),
            )
        else:
            new = rng.integers(0, 4, n).astype(np.uint8)
            if new[-1] != codes[anchor]:
                sites.loc[i, ["ref", "alt"]] = (
                    letters(ref[i : i + 1]),
                    letters(np.append(ref[i], new)),
                )
    same = sites["ref"] == sites["alt"]
    return sites[~same]


def paralogs(
    rng: np.random.Generator, codes: np.ndarray, targets: pd.DataFrame, sites: pd.DataFrame
) -> pd.DataFrame:
    """Return where the sequences similar to some targets differ from them: about 3 %."""
    taken = set(sites["flat"])
    rows = []
    for row in targets[targets["paralog"] > 0].itertuples():
        n = row.end - row.start
        for flat in row.flat + np.sort(rng.choice(n, max(3, n * 3 // 100), replace=False)):
            if int(flat) not in taken:
                rows.append((int(flat), int(codes[flat] + rng.integers(1, 4)) % 4))
    return pd.DataFrame(rows, columns=["flat", "alt"])
