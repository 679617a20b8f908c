"""Exomes made into the tables of all assays: sites to ask, signals, and what the file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from linedrift import alleles, tables
from linedrift.genome import CHROM_DTYPE
from linedrift.sequencing_tables import SITES
from linedrift.signals import coverage

# Bases of a fragment where there is none to measure.
_USUAL_FRAGMENT = 150.0
# Depth that quality asks of targets.
_DEEP = 20


def sites(
    counts: np.ndarray,
    indels: np.ndarray,
    ref: np.ndarray,
    position: np.ndarray,
    panel: pd.DataFrame,
    array: pd.DataFrame,
    settings: Mapping[str, Any],
) -> pd.DataFrame:
    """Return the SNPs of one chromosome at which a person's exomes are read.

    Parameters
    ----------
    counts, indels, ref, position
        What the person's exome shows on targets and around them, as in `alleles.snps`.
    panel
        SNPs of the identity panel on this chromosome: start, name, ref, alt (bases).
    array
        Loci of an array of the same person on this chromosome: start, name, genotype; no row
        without an array.
    settings
        Section `wes` of the config.

    Returns
    -------
    pandas.DataFrame
        SITES without chrom: the panel's SNPs, those that the exome shows, and those of the array
        (`in_panel` too: not this person's alleles chose them). A/T and C/G SNPs that the array
        measures are left out, because its B may be either allele.
    """
    loci = pd.concat(
        [
            _panel_loci(panel, ref, position),
            alleles.snps(counts, indels, ref, position, settings),
            _array_loci(array, counts, ref, position),
        ],
        ignore_index=True,
    )
    loci = loci.drop_duplicates("start").sort_values("start", ignore_index=True)
    index, of_ref, of_alt = (loci[name].to_numpy(np.int64) for name in ("index", "ref", "alt"))
    is_alt, shared = alleles.naming(of_ref, of_alt)
    reads = counts.sum(axis=2, dtype=np.int64)
    seen = alleles.fractions(reads[index, of_ref], reads[index, of_alt], is_alt, 1.0, settings)
    of_array = loci["start"].map(array.drop_duplicates("start").set_index("start")["genotype"])
    found = pd.DataFrame(
        {
            "start": loci["start"],
            "end": loci["start"] + 1,
            "name": loci["name"].fillna("").astype(str),
            "ref": alleles.BASES[of_ref],
            "alt": alleles.BASES[of_alt],
            "b_allele": np.where(is_alt, "alt", "ref"),
            "in_panel": loci["start"].isin(panel["start"]) | loci["start"].isin(array["start"]),
            "genotype": np.where(
                seen["usable"], seen["genotype"], of_array.astype(object).fillna("")
            ),
            "shared": shared,
        }
    )
    return found[shared | of_array.isna().to_numpy()].reset_index(drop=True)


def _at(start: pd.Series, position: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the row of `position` of each start, and whether it is there."""
    wanted = start.to_numpy(np.int64)
    row = np.searchsorted(position, wanted)
    known = row < len(position)
    known[known] = position[row[known]] == wanted[known]
    return row, known


def _panel_loci(panel: pd.DataFrame, ref: np.ndarray, position: np.ndarray) -> pd.DataFrame:
    """Return the panel's SNPs within reach, turned where the reference has the other allele."""
    row, known = _at(panel["start"], position)
    of = ref[row[known]].astype(np.int64)
    first, second = (
        alleles.base_codes(panel[name].to_numpy(object))[known].astype(np.int64)
        for name in ("ref", "alt")
    )
    rows = panel.loc[known, ["start", "name"]].assign(
        index=row[known], ref=of, alt=np.where(of == first, second, first)
    )
    return rows[(of >= 0) & ((of == first) | (of == second))]


def _array_loci(
    array: pd.DataFrame, counts: np.ndarray, ref: np.ndarray, position: np.ndarray
) -> pd.DataFrame:
    """Return the loci of an array, with the alleles that they must have.

    Those with one allele too: where this person's alleles chose the loci, any two people who were
    read at them would look akin (`genotypes.exome_genotypes`).
    """
    some = array[array["genotype"] != ""]
    row, known = _at(some["start"], position)
    some, row = some[known], row[known]
    known = ref[row] >= 0
    some, row = some[known], row[known]
    of = ref[row].astype(np.int64)
    alt, sure = alleles.likely_alt(of, counts[row].sum(axis=2, dtype=np.int64))
    return some[["start", "name"]].assign(index=row, ref=of, alt=alt)[sure]


def all_sites(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return SITES of all chromosomes; sites without a name are called ``chrom:position``."""
    rows = [part.assign(chrom=chrom) for chrom, part in parts.items()]
    found = pd.concat(rows, ignore_index=True) if rows else SITES.empty()
    place = found["chrom"].astype(str) + ":" + (found["start"] + 1).astype(str)
    found["name"] = found["name"].where(found["name"] != "", place)
    found = found.astype({"chrom": CHROM_DTYPE})
    return tables.check(tables.in_genome_order(found), SITES)


def signals(
    bins: pd.DataFrame,
    depth: np.ndarray,
    sites: pd.DataFrame,
    counts: np.ndarray,
    read_length: float,
    settings: Mapping[str, Any],
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return SIGNALS of an exome, and figures of them.

    Parameters
    ----------
    bins
        BINS of the capture kit.
    depth
        Mean depth of each bin.
    sites
        SITES of the person.
    counts
        Reads with A, C, G, T at each site, shape (n_sites, 4).
    read_length
        Bases that a fragment covers.
    settings
        Section `wes` of the config.

    Returns
    -------
    tuple
        Bins have a level, named ``bin:target`` or ``bin:antitarget``; sites have a b_fraction
        that is corrected for the bias towards the reference.
    """
    levels = coverage.level(depth, bins, settings, read_length=read_length)
    of_bins = bins[["chrom", "start", "end"]].assign(
        name="bin:" + bins["kind"].astype(str),
        level=levels.level,
        level_sd=levels.level_sd,
        b_fraction=np.nan,
        b_sd=np.nan,
        genotype="",
        usable=levels.usable & np.isfinite(levels.level),
    )
    rows = np.arange(len(sites))
    ref_reads, alt_reads = (
        counts[rows, alleles.base_codes(sites[name].to_numpy(object))] for name in ("ref", "alt")
    )
    two = (sites["genotype"] == "AB").to_numpy()
    bias = alleles.reference_bias(ref_reads[two], alt_reads[two], settings["min_depth"])
    is_alt = (sites["b_allele"] == "alt").to_numpy()
    of_sites = sites[["chrom", "start", "end", "name"]].assign(
        level=np.nan,
        level_sd=np.nan,
        **alleles.fractions(ref_reads, alt_reads, is_alt, bias, settings),
    )
    frame = pd.concat([of_bins, of_sites], ignore_index=True)
    reasons = pd.Series(levels.reason[~levels.usable]).value_counts()
    figures = {
        "n_bins": len(bins),
        "n_bins_usable": int(of_bins["usable"].sum()),
        "bins_not_usable": {str(reason): int(n) for reason, n in reasons.items()},
        "n_sites": len(sites),
        "n_sites_usable": int(of_sites["usable"].sum()),
        "n_heterozygous": int((of_sites["usable"] & two).sum()),
        "reference_bias": round(bias, 4),
    }
    ordered = tables.in_genome_order(frame.astype({"chrom": CHROM_DTYPE}))
    return tables.check(ordered, tables.SIGNALS), figures


def figures(
    totals: Mapping[str, int], inserts: np.ndarray, target_depth: np.ndarray
) -> dict[str, Any]:
    """Return what reads say of an exome: counts, insert size, depth of the targets.

    Parameters
    ----------
    totals
        Sums over the file, by `readers.bam_records.TOTALS`.
    inserts
        Number of templates by insert size.
    target_depth
        Depth at each base of the targets.
    """
    mapped, bases = totals["n_mapped"], totals["n_bases"]
    n_inserts = inserts.sum()
    return dict(totals) | {
        "reads": totals["n_reads"],
        "duplicate_share": totals["n_duplicates"] / mapped if mapped else None,
        "insert_size": int(np.searchsorted(np.cumsum(inserts), n_inserts / 2))
        if n_inserts
        else None,
        "read_length": read_length(totals),
        "share_on_target": totals["n_bases_on_target"] / bases if bases else None,
        "mean_target_depth": float(target_depth.mean()) if len(target_depth) else 0.0,
        "share_20x": float((target_depth >= _DEEP).mean()) if len(target_depth) else 0.0,
        "target_bp": len(target_depth),
    }


def read_length(totals: Mapping[str, int]) -> float:
    """Return the bases that a fragment covers: of one read, or of both mates where they meet."""
    fragments = totals["n_fragments"]
    return totals["n_bases"] / fragments if fragments else _USUAL_FRAGMENT
