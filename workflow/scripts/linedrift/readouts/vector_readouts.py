"""Residual vectors of reprogramming: reads that only a vector explains, present or absent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd
from scipy.special import gammaincinv

from linedrift.findings import role_of
from linedrift.readouts.readouts import readout, records

# Rows of resources/vector_sequences.tsv about one contig, which need its regions.
EPISOME, VIRUS = "ebv_episome", "ebv_genome"
# Times the least reads that are few.
_FEW = 10
_STRAY = "; so few may be those of another sample of the lane"
_NOT_ALIGNED = "no data: no alignment (BAM or CRAM) was given, so no read was looked at"
_NO_CONTIG = "no sequence: the reads were not aligned to it; add it to the reference"


def of_vectors(
    extra: pd.DataFrame | None,
    regions: Mapping[str, float],
    mapped: float,
    counted: Mapping[str, float],
    reads: float,
    table: pd.DataFrame,
    settings: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return a readout for each vector that is known by its name or named in the settings.

    Parameters
    ----------
    extra
        EXTRA_CONTIGS of the sample; None without an alignment.
    regions
        Reads within regions of chrEBV and elsewhere on it (`episome`, `elsewhere`); empty where
        the contig is not there.
    mapped
        Mapped reads of the alignment.
    counted
        Reads of genes of the table of counts that the settings call vectors, by gene.
    reads
        Reads of the sample in genes.
    table
        resources/vector_sequences.tsv.
    settings
        Sections `rna` and `verdict` of the config, in one mapping.
    """
    named = settings["rna"]["vectors"]
    rows = []
    taken: set[str] = set()
    for vector in records(table):
        about = {"source": vector["source"], "role": role_of(vector, settings["verdict"])}
        own = _contigs(extra, vector["pattern"]) if extra is not None else []
        own = [contig for contig in own if contig not in named]
        taken |= set(own)
        if extra is None:
            known: dict[str, Any] = {"reason": _NOT_ALIGNED}
        elif not own:
            known = {"reason": _NO_CONTIG}
        elif vector["id"] in (EPISOME, VIRUS):
            known = _of_virus(vector["id"], regions, mapped, settings["rna"])
        else:
            known = _state(_reads(extra, own), mapped, settings["rna"])
            known["reason"] = f"contig {', '.join(own)}; {known['reason']}"
        rows.append(readout("vector", vector["id"], vector["label"], **known, **about))
    for name, label in named.items():
        known = _named(name, extra, mapped, counted, reads, settings["rna"])
        about = {"source": "rna.vectors of the settings"}
        rows.append(readout("vector", name, label, **known, **about))
    return rows + _unknown(extra, taken | set(named), mapped, settings["rna"])


def _contigs(extra: pd.DataFrame, pattern: str) -> list[str]:
    """Return the contigs beside the human genome whose names begin as the pattern says."""
    own = extra.loc[extra["kind"] != "spike_in", "contig"]
    return [name for name in own if re.match(pattern, name, flags=re.IGNORECASE)]


def _reads(extra: pd.DataFrame, contigs: list[str]) -> float:
    return float(extra.loc[extra["contig"].isin(contigs), "unique_reads"].sum())


def _named(
    name: str,
    extra: pd.DataFrame | None,
    mapped: float,
    counted: Mapping[str, float],
    reads: float,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what was seen of a contig or gene that the settings name."""
    if extra is not None and (extra["contig"] == name).any():
        return _state(_reads(extra, [name]), mapped, settings)
    if name in counted:
        return _state(counted[name], reads, settings)
    why = f"no sequence: neither a contig of the alignment nor a counted gene is called {name}"
    return {"reason": why}


def _unknown(
    extra: pd.DataFrame | None, known: set[str], mapped: float, settings: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return a readout for each further contig that somebody added to the reference."""
    if extra is None:
        return []
    added = extra[(extra["kind"] == "added") & ~extra["contig"].isin(known)]
    rows = []
    for name in added["contig"]:
        found = _state(_reads(extra, [name]), mapped, settings)
        found["reason"] += "; a contig that linedrift does not know: name it in rna.vectors"
        rows.append(readout("vector", f"contig:{name}", name, **found))
    return rows


def _of_virus(
    which: str, regions: Mapping[str, float], mapped: float, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the episome's part of chrEBV, or the rest of it."""
    inside, elsewhere = regions.get("episome", 0.0), regions.get("elsewhere", 0.0)
    whole = elsewhere > settings["readouts"]["virus_share"] * (inside + elsewhere)
    if which == VIRUS:
        return _state(elsewhere, mapped, settings)
    found = _state(inside, mapped, settings)
    if found["state"] == "present" and whole and elsewhere >= settings["readouts"]["vector_reads"]:
        found["reason"] += "; reads elsewhere on EBV too: the virus, as in lymphoblastoid cells"
    return found


def _state(reads: float, mapped: float, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return presence, the rate with Jeffreys' interval, and the rate that would be found."""
    if not mapped:
        return {"reason": "too few reads: none is mapped"}
    least, million = settings["readouts"]["vector_reads"], mapped / 1e6
    low = gammaincinv(reads + 0.5, 0.025) if reads else 0.0
    # The rate that gives `least` reads in 95 of 100 samples.
    limit = gammaincinv(least, 0.95) / million
    few = least <= reads < _FEW * least
    return {
        "state": "present" if reads >= least else "absent",
        "value": reads / million,
        "low": float(low) / million,
        "high": float(gammaincinv(reads + 0.5, 0.975)) / million,
        "unit": "reads per million",
        "expected_low": 0.0,
        "expected_high": 0.0,
        "limit": float(limit),
        "n": round(reads),
        "against": "stated range",
        "reason": f"{reads:.0f} of {mapped:,.0f} reads{_STRAY if few else ''}",
    }
