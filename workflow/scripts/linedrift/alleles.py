"""Alleles at SNPs: which one is B, its fraction among reads, and where a person has two.

Illumina calls B the allele that is C or G where the other is A or T, whatever strand a probe is
on. The same rule here makes the sign of an imbalance one for arrays and sequencing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

BASES = np.array(["A", "C", "G", "T"])
_STRONG = np.array([False, True, True, False])  # C and G, by number in BASES
_CODE = np.full(256, -1, dtype=np.int8)
_CODE[[ord(base) for base in "ACGT"]] = range(4)
# The usual partner of each base, A and G, C and T: two thirds of all SNPs are transitions.
TRANSITION = np.array([2, 3, 0, 1])
# Heterozygous loci that measure the bias towards the reference: of 100 with 60 reads it is known
# within 3 %. A locus beyond e^2 = 7 to 1 has lost an allele and tells no more than one there.
_LEAST_LOCI, _MOST_RATIO = 100, 2.0
# Strand of the alternative allele beyond chance, in sd; of 30,000 SNPs 14 are by chance.
_STRAND_SD = 3.5
# Reads with an insertion or deletion this near (bp) show other bases where they are misaligned.
_NEAR_INDEL = 10
_INDEL_SHARE = 0.1
# More candidates than this in as many bp are reads from elsewhere in the genome.
_CROWD, _CROWD_BP = 3, 20
# Reads of a third allele that sequencing errors explain: one, and this share of the depth.
_THIRD_SHARE = 0.05


def base_codes(letters: np.ndarray) -> np.ndarray:
    """Return the numbers of bases in BASES (int8, shape (n,)); -1 for all else.

    `letters` are texts of one letter, or their bytes as uint8; upper case.
    """
    text = np.asarray(letters)
    text = text if text.dtype == np.uint8 else text.astype("S1").view(np.uint8)
    return _CODE[text]


def naming(ref: np.ndarray, alt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return whether B is the alternative allele, and whether arrays name B alike (bool, (n,)).

    Parameters
    ----------
    ref, alt
        Numbers of bases (0 to 3).

    Notes
    -----
    Of A/T and C/G SNPs the strand of the probe decides, which is not known here: B is then alt.
    """
    shared = _STRONG[ref] != _STRONG[alt]
    return np.where(shared, _STRONG[alt], True), shared


def likely_alt(ref: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the other allele of loci that an array found heterozygous, and whether it is sure.

    Parameters
    ----------
    ref
        Number of the reference base, shape (n,).
    counts
        Reads with A, C, G, T, shape (n, 4).

    Notes
    -----
    Arrays hardly have A/T and C/G SNPs, so the other allele is one of two; the one with more
    reads is taken, without reads the transition: in either case B is the same. Where reads show
    the complement of the reference most, it is an A/T or C/G SNP, and not sure.
    """
    rows = np.arange(len(ref))
    first, complement = TRANSITION[ref], 3 - ref
    second = 3 - first
    reads = np.stack([counts[rows, one] for one in (first, second, complement)])
    alt = np.where(reads[1] > reads[0], second, first)
    return alt, reads[2] <= reads[:2].max(axis=0)


def snps(
    counts: np.ndarray,
    indels: np.ndarray,
    ref: np.ndarray,
    position: np.ndarray,
    settings: Mapping[str, Any],
) -> pd.DataFrame:
    """Return the SNPs of one chromosome that reads of a person show.

    Parameters
    ----------
    counts
        Reads with A, C, G, T by strand at each position, shape (n, 4, 2).
    indels
        Reads with an insertion or deletion that begins there, shape (n,).
    ref
        Number of the reference base, -1 where it is none, shape (n,).
    position
        0-based, ascending, shape (n,).
    settings
        Section `wes`: min_depth, heterozygous_between, homozygous_max.

    Returns
    -------
    pandas.DataFrame
        index (row of counts), start, ref, alt (numbers of bases). A row has `min_depth` reads
        and an alternative allele that is heterozygous or homozygous in them; not on one strand
        alone, not beside an indel, not in a crowd, not with a third allele.
    """
    depth = counts.sum(axis=(1, 2), dtype=np.int64)
    own = np.where(ref >= 0, ref, 0)
    other = depth - counts[np.arange(len(ref)), own].sum(axis=1, dtype=np.int64)
    low = settings["heterozygous_between"][0]
    index = np.flatnonzero((ref >= 0) & (depth >= settings["min_depth"]) & (other >= low * depth))
    some, ref, depth = counts[index].astype(np.int64), ref[index], depth[index]
    rows = np.arange(len(index))
    without = some.sum(axis=2)
    without[rows, ref] = -1
    alt = without.argmax(axis=1)
    reads = without[rows, alt]
    third = depth - reads - some[rows, ref].sum(axis=1)
    forward = some[:, :, 0].sum(axis=1) / depth
    expected, n_forward = reads * forward, some[rows, alt, 0]
    # Hypergeometric, but never less than half a read.
    sd = np.sqrt(expected * (1 - forward) * (1 - reads / depth) + 0.25)
    keep = (
        (reads >= low * depth)
        & (third <= 1 + _THIRD_SHARE * depth)
        & (np.abs(n_forward - expected) <= _STRAND_SD * sd)
        & ~_near_indel(index, position, indels, depth)
        & ~_crowded(position[index])
    )
    return pd.DataFrame({"index": index, "start": position[index], "ref": ref, "alt": alt})[
        keep
    ].reset_index(drop=True)


def _near_indel(
    index: np.ndarray, position: np.ndarray, indels: np.ndarray, depth: np.ndarray
) -> np.ndarray:
    """Return which rows have an indel in a tenth of their reads or more nearby."""
    here = np.flatnonzero(indels)
    if not len(here):
        return np.zeros(len(index), bool)
    at, reads = position[here], indels[here]
    first = np.searchsorted(at, position[index] - _NEAR_INDEL)
    last = np.searchsorted(at, position[index] + _NEAR_INDEL, side="right")
    most = np.zeros(len(index), np.int64)
    for step in range(int((last - first).max(initial=0))):
        some = first + step < last
        most[some] = np.maximum(most[some], reads[first[some] + step])
    return most >= np.maximum(2, _INDEL_SHARE * depth)


def _crowded(position: np.ndarray) -> np.ndarray:
    """Return which candidates stand among more than _CROWD within _CROWD_BP."""
    first = np.searchsorted(position, position - _CROWD_BP)
    last = np.searchsorted(position, position + _CROWD_BP, side="right")
    return last - first > _CROWD


def reference_bias(ref_reads: np.ndarray, alt_reads: np.ndarray, least_depth: int) -> float:
    """Return how many reads of the reference allele there are per read of the other.

    Parameters
    ----------
    ref_reads, alt_reads
        Reads at loci that are heterozygous in the person, shape (n,).
    least_depth
        Loci with fewer reads are left out.

    Returns
    -------
    float
        Mean over loci, of logarithms: an imbalance favours either allele alike, so events do not
        move it (they do move a median). 1 with less than 100 loci.
    """
    deep = ref_reads + alt_reads >= least_depth
    if deep.sum() < _LEAST_LOCI:
        return 1.0
    ratio = np.log((ref_reads[deep] + 0.5) / (alt_reads[deep] + 0.5))
    return float(np.exp(np.clip(ratio, -_MOST_RATIO, _MOST_RATIO).mean()))


def fractions(
    ref_reads: np.ndarray,
    alt_reads: np.ndarray,
    b_is_alt: np.ndarray,
    bias: float,
    settings: Mapping[str, Any],
) -> pd.DataFrame:
    """Return b_fraction, b_sd, genotype, usable of loci by their reads.

    Parameters
    ----------
    ref_reads, alt_reads
        Reads of both alleles, shape (n,).
    b_is_alt
        Which allele is B.
    bias
        What `reference_bias` returned: reads of alt count `bias` times.
    settings
        Section `wes`: min_depth, overdispersion, heterozygous_between, homozygous_max.

    Notes
    -----
    b_sd is that of a beta-binomial of fraction 1/2: sqrt(.25/n (1 + (n - 1) rho)).
    """
    depth = ref_reads + alt_reads
    with np.errstate(invalid="ignore"):
        alt = np.where(depth > 0, bias * alt_reads / (bias * alt_reads + ref_reads), np.nan)
        spread = 0.25 / depth.clip(1) * (1 + (depth - 1).clip(0) * settings["overdispersion"])
    fraction = np.where(b_is_alt, alt, 1 - alt)
    usable = depth >= settings["min_depth"]
    return pd.DataFrame(
        {
            "b_fraction": fraction,
            "b_sd": np.where(depth > 0, np.sqrt(spread), np.nan),
            "genotype": np.where(usable, genotypes(fraction, settings), ""),
            "usable": usable,
        }
    )


def genotypes(fraction: np.ndarray, settings: Mapping[str, Any]) -> np.ndarray:
    """Return AA, AB, BB, or '' between the clusters, by B-allele fractions (shape (n,))."""
    low, high = settings["heterozygous_between"]
    most = settings["homozygous_max"]
    with np.errstate(invalid="ignore"):
        found = np.where((fraction >= low) & (fraction <= high), "AB", "")
        found = np.where(fraction <= most, "AA", found)
        return np.where(fraction >= 1 - most, "BB", found)


def rarer_reads(
    b_fraction: np.ndarray, b_sd: np.ndarray, rho: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the reads with the rarer allele, and the depth, of each locus.

    Parameters
    ----------
    b_fraction, b_sd
        As in SIGNALS, of sequencing: b_sd^2 = .25/n (1 + (n - 1) rho).
    rho
        Correlation of the alleles of two reads (`wes.overdispersion`).
    """
    variance = np.maximum(b_sd.astype(float) ** 2 - 0.25 * rho, 1e-6)
    depth = np.maximum(np.rint(0.25 * (1 - rho) / variance), 1)
    rarer = np.minimum(b_fraction, 1 - b_fraction).astype(float)
    return rarer * depth, depth
