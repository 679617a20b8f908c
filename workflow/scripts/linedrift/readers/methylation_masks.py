"""Probes of methylation arrays that must not be used: listed by the user, or on a common SNP.

A probe that binds elsewhere too, or that lies on a SNP, measures something else than its CpG.
Published lists: doi:10.1186/s13059-016-1066-1 (EPIC), doi:10.1093/nar/gkw967 (27k, 450k, EPIC;
column MASK_general), doi:10.4161/epi.23470 (450k), doi:10.1186/s12864-024-10027-5 (EPIC v2).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from linedrift.readers import delimited, layouts
from linedrift.readers.files import ReadingError, check_presence, listed

# Columns that say whether a row is meant, in the tables of doi:10.1093/nar/gkw967 as they were
# released through the years (MASK.general, MASK_general, M_general).
_FLAGS = ("maskgeneral", "mgeneral")
_TRUE = pa.array(["true", "t", "1", "yes"])
_PROBE = re.compile(r"(?i)(cg\d|ch\.|nv-|rs\d)")
# No published mask leaves out more than a fourth of an array.
_MOST_MASKED = 0.5


def read(path: str, names: pd.Series, loci: pd.Series) -> np.ndarray:
    """Return which probes of a manifest a list masks (bool, (n,)).

    Parameters
    ----------
    path
        One name a line, or a table with a column of names; plain or gzip. Where it has a column
        MASK_general (or M_general), only rows that are TRUE there are meant.
    names, loci
        Names of the manifest's probes, with and without the replicate's suffix of EPIC v2; a name
        without it masks all replicates.

    Raises
    ------
    ReadingError
        When the file names no probe of the manifest, or most of them.
    """
    asked = _names(path)
    by_name, by_locus = (
        pc.is_in(pa.array(one), value_set=asked).to_numpy(zero_copy_only=False)
        for one in (names, loci)
    )
    masked = by_name | by_locus
    if not masked.any():
        raise ReadingError(
            f"{path}: masks none of the {len(names):,} probes of the manifest (it starts with "
            f"{listed(asked.slice(0, 3).to_pylist())}, the manifest with "
            f"{listed(names.head(3).tolist())}). Give the mask of that array"
        )
    if masked.sum() > _MOST_MASKED * len(names):
        raise ReadingError(
            f"{path}: masks {masked.sum():,} of {len(names):,} probes; expected the few that must "
            "not be used: their names alone, or a table with the column MASK_general"
        )
    return np.asarray(masked)


def _names(path: str) -> pa.Array:
    """Return the names of the probes that a file means."""
    check_presence(path)
    what = "a list of probes that must not be used"
    found = layouts.plain(path, what)
    titles = [layouts.normal(title) for title in found.columns]
    flag = next((titles.index(one) for one in _FLAGS if one in titles), None)
    first = next((at for at, title in enumerate(found.columns) if _PROBE.match(title)), None)
    roles = {f"column:{at}": at for at in range(len(titles))}
    table = pa.Table.from_batches(
        delimited.batches(path, dataclasses.replace(found, roles=roles), tuple(roles))
    )
    for at in range(len(titles)) if first is None else (first,):
        texts = _texts(table, at)
        if len(texts) and _PROBE.match(texts[0].as_py()):
            if flag is not None:
                texts = texts.filter(pc.is_in(pc.utf8_lower(_texts(table, flag)), value_set=_TRUE))
            # A list without a title begins with a probe.
            return (
                texts if first is None else pa.concat_arrays([pa.array([found.columns[at]]), texts])
            )
    raise ReadingError(
        f"{path}: has no column of probes (cg..., ch..., rs...); expected {what}, found "
        f"{listed(list(found.columns), 8)}"
    )


def _texts(table: pa.Table, column: int) -> pa.Array:
    return pc.utf8_trim_whitespace(delimited.as_text(table[f"column:{column}"]))


def on_snp(distance: pa.Array, frequency: pa.Array, settings: Mapping[str, Any]) -> np.ndarray:
    """Return which probes have a common SNP at their CpG (bool, (n,)).

    Such a probe measures the genotype. Illumina lists the SNPs under a probe as `21;0;45` with
    frequencies `0.02;0.31;0.0002`; distances are those from the CpG.

    Parameters
    ----------
    distance, frequency
        Texts of SNP_DISTANCE and SNP_MinorAlleleFrequency, '' where there is no SNP.
    settings
        Section `methylation.arrays` of the config: snp_distance (bp), snp_frequency.
    """
    near = "|".join(str(bp) for bp in range(settings["snp_distance"] + 1))
    at_cpg = pc.match_substring_regex(distance, rf"(^|;)\s*-?({near})(\.0+)?\s*(;|$)")
    rows = np.flatnonzero(at_cpg.to_numpy(zero_copy_only=False))
    found = np.zeros(len(distance), dtype=bool)
    parts = pd.DataFrame(
        {
            "row": rows,
            "distance": distance.take(rows).to_pandas().str.split(";"),
            "frequency": frequency.take(rows).to_pandas().str.split(";"),
        }
    )
    # Lists of different lengths do not say which frequency is whose: the probe is left in.
    parts = parts[parts["distance"].str.len() == parts["frequency"].str.len()]
    parts = parts.explode(["distance", "frequency"])
    numbers = parts[["distance", "frequency"]].apply(pd.to_numeric, errors="coerce")
    hit = (numbers["distance"].abs() <= settings["snp_distance"]).to_numpy()
    hit = hit & (numbers["frequency"] >= settings["snp_frequency"]).to_numpy()
    found[parts["row"].to_numpy()[hit].astype(int)] = True
    return found
