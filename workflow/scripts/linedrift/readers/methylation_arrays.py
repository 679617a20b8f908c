"""Methylation arrays in every format, made into probes on GRCh38."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from linedrift import tables
from linedrift.methylation_tables import PROBES, SNP_PROBES
from linedrift.readers import (
    array_controls,
    delimited,
    idat,
    layouts,
    methylation_layouts,
    normalisation,
)
from linedrift.readers.files import ReadingError, listed
from linedrift.readers.methylation_manifests import Manifest
from linedrift.readers.normalisation import Intensities

FORMATS = ("idat", "intensities", "betas")
# Below this share of names the manifest is of another array.
_LEAST_FOUND = 0.5
_GREEN, _RED = ("NORM_C", "NORM_G"), ("NORM_A", "NORM_T")
# Below this the brightest probes of a table are no intensities.
_LEAST_LIGHT = 30.0
# Light in the other colour over that in a probe's own, from which on colours are exchanged: .09 in
# both arrays of idat_hm27, 1 where there was no DNA.
_LEAST_EXCHANGED = 2.0
# Betas may leave 0 to 1 by what rounding does.
_ROUNDING = 1e-5
# A CpG has two bases.
_CPG_BP = 2


@dataclass(frozen=True)
class Reading:
    """What one methylation array says.

    `probes` is a frame of PROBES on GRCh38, `snp_probes` one of SNP_PROBES; both have one row a
    locus. `facts` counts every probe: n_rows = n_cg + n_snp + n_ch + n_other; and n_cg = n_probes
    + n_no_place + n_replicates_collapsed.
    """

    probes: pd.DataFrame
    snp_probes: pd.DataFrame
    facts: dict[str, Any] = field(default_factory=dict)


def read(
    path: str,
    *,
    format: str,
    manifest: Manifest,
    settings: Mapping[str, Any],
    name_in_file: str = "",
    path2: str = "",
) -> Reading:
    """Read one measurement of a methylation array.

    Parameters
    ----------
    path
        An IDAT of either colour, or a table; may be gzip.
    format
        One of `FORMATS`.
    manifest
        Names, chemistry and places of the probes.
    settings
        Section `methylation.arrays` of the config.
    name_in_file
        Sample of a table that holds many.
    path2
        The IDAT of the other colour (by default found by name), or the table of unmethylated
        intensities where `path` holds the methylated ones.

    Raises
    ------
    ReadingError
        When the file cannot be read as said, or the manifest is of another array.
    """
    if format == "idat":
        return read_idat(path, manifest, settings, path2)
    if format == "intensities":
        return read_intensities(path, manifest, settings, name_in_file, path2)
    if format == "betas":
        return read_betas(path, manifest, settings, name_in_file)
    raise ReadingError(f"{path}: unknown format {format!r}; expected {', '.join(FORMATS)}")


def read_idat(
    path: str, manifest: Manifest, settings: Mapping[str, Any], path2: str = ""
) -> Reading:
    """Read both colours of an array, and normalise them (see `normalisation`)."""
    pair = idat.read_pair(path, path2)
    rows = manifest.probes
    if not manifest.has_addresses:
        raise ReadingError(
            f"{manifest.path}: has no addresses of beads; an IDAT needs them. Give the manifest of "
            f"the array{f' ({pair.array_type})' if pair.array_type else ''}, with AddressA_ID and "
            "AddressB_ID"
        )
    a, b = (_places(pair.ids, rows[name].to_numpy()) for name in ("address_a", "address_b"))
    _check_fit(path, manifest, pair, a, b, float(settings["least_addresses"]))
    facts: dict[str, Any] = {
        "array_type": pair.array_type, "chip_type": pair.chip_type, "sentrix": pair.sentrix,
        "n_addresses": len(pair.ids), "has_intensities": True, "has_detection": True,
    }  # fmt: skip
    chip, is_control = _Chip(pair), (rows["kind"] == "control").to_numpy()
    control_figures, green, red = _of_controls(chip, rows[is_control], a[is_control])
    rows, a, b = rows[~is_control].reset_index(drop=True), a[~is_control], b[~is_control]
    design = rows["design"].cat.codes.to_numpy()
    raw = chip.intensities(a, b, design)
    _check_colours(path, raw)
    corrected, found = normalisation.normalise(raw, green, red, settings)
    beads = np.fmin(chip.beads[a], chip.beads[b])
    facts |= control_figures | found | {
        "green_excess": array_controls.green_excess(
            rows["next_base"].to_numpy(dtype=str), design == 0, raw.outside
        ),
        "n_not_on_chip": int(((a < 0) | ((design != 2) & (b < 0))).sum()),
        "median_methylated": _log2_median(raw.methylated),
        "median_unmethylated": _log2_median(raw.unmethylated),
    }  # fmt: skip
    values = pd.DataFrame(
        {
            "methylated": corrected.methylated,
            "unmethylated": corrected.unmethylated,
            "detection_p": normalisation.detection_p(raw),
            "beads": beads,
        }
    )
    return _of_intensities(rows, values, manifest, settings, facts)


def _of_intensities(
    rows: pd.DataFrame,
    values: pd.DataFrame,
    manifest: Manifest,
    settings: Mapping[str, Any],
    facts: dict[str, Any],
) -> Reading:
    """Return the reading of probes with intensities."""
    beta = normalisation.share(
        values["methylated"].to_numpy(dtype=np.float64),
        values["unmethylated"].to_numpy(dtype=np.float64),
        float(settings["offset"]),
    )
    return _reading(rows, values.assign(beta=beta), manifest, settings, facts)


class _Chip:
    """Intensities of a pair by place; -1 stands for an address that the chip does not have."""

    def __init__(self, pair: idat.Pair) -> None:
        with_none = [np.append(one.astype(np.float64), np.nan) for one in (pair.green, pair.red)]
        self.beads = np.append(pair.beads.astype(np.float64), np.nan)
        # An address without beads has the intensity 0, which nobody measured.
        self.green, self.red = (np.where(self.beads > 0, one, np.nan) for one in with_none)

    def intensities(self, a: np.ndarray, b: np.ndarray, design: np.ndarray) -> Intensities:
        """Return the intensities of probes by the places of their addresses."""
        a_green, a_red = self.green[a], self.red[a]
        b_green, b_red = self.green[b], self.red[b]
        first = [design == 0, design == 1, design == 2]
        outside = np.where(
            (design == 0)[:, None], np.column_stack([a_green, b_green]),
            np.where((design == 1)[:, None], np.column_stack([a_red, b_red]), np.nan),
        )  # fmt: skip
        return Intensities(
            np.select(first, [b_red, b_green, a_green], np.nan),
            np.select(first, [a_red, a_green, a_red], np.nan),
            design,
            outside,
        )


def _places(ids: np.ndarray, addresses: np.ndarray) -> np.ndarray:
    """Return the place of each address among `ids`, -1 where it is not there."""
    at = pc.index_in(pa.array(addresses), value_set=pa.array(ids.astype(addresses.dtype)))
    return np.where(addresses > 0, pc.fill_null(at, -1).to_numpy(zero_copy_only=False), -1)


def _check_fit(
    path: str, manifest: Manifest, pair: idat.Pair, a: np.ndarray, b: np.ndarray, least: float
) -> None:
    """Raise ReadingError where manifest and chip have few addresses in common."""
    asked = int((manifest.probes["address_a"] > 0).sum() + (manifest.probes["address_b"] > 0).sum())
    found = np.concatenate([a[a >= 0], b[b >= 0]])
    seen = np.zeros(len(pair.ids), dtype=bool)
    seen[found] = True
    of_manifest, of_chip = len(found) / asked, float(seen.mean())
    if min(of_manifest, of_chip) >= least:
        return
    kind = pair.array_type
    likely = f"that of {kind}" if kind else "no array that linedrift knows"
    raise ReadingError(
        f"{manifest.path}: does not fit {path}: {len(found):,} of its {asked:,} addresses are on "
        f"the chip, and {of_chip:.0%} of the chip's are in it (expected {least:.0%} of both). The "
        f"chip has {len(pair.ids):,} addresses, {likely}. Give the manifest of that array by the "
        "column platform"
    )


def _check_colours(path: str, raw: Intensities) -> None:
    """Raise ReadingError where probes of Infinium I shine in the colour that is not theirs."""
    lit = np.isfinite(raw.outside).all(axis=1)
    if not lit.any():
        return
    own = np.nanmedian((raw.methylated + raw.unmethylated)[lit])
    other = np.median(raw.outside[lit].sum(axis=1))
    if other > _LEAST_EXCHANGED * own:
        raise ReadingError(
            f"{path}: probes of one colour have a median of {own:,.0f} in their own and of "
            f"{other:,.0f} in the other; expected more in their own. Are green and red exchanged, "
            "in path and path2 or by name?"
        )


def _of_controls(
    chip: _Chip, controls: pd.DataFrame, a: np.ndarray
) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    """Return what the controls say of the conversion, and those of the dyes: green, red."""
    kinds = controls["locus"].to_numpy(dtype=str)
    share, n = array_controls.conversion(
        kinds, controls["name"].to_numpy(dtype=str), chip.green[a], chip.red[a]
    )
    green, red = np.isin(kinds, _GREEN), np.isin(kinds, _RED)
    figures = {"conversion": share, "n_conversion_controls": n}
    return figures, chip.green[a[green]], chip.red[a[red]]


def _log2_median(values: np.ndarray) -> float:
    """Return log2 of the median of what is known, NaN where nothing is."""
    values = values[np.isfinite(values)]
    return float(np.log2(max(np.median(values), 1.0))) if len(values) else math.nan


def read_intensities(
    path: str,
    manifest: Manifest,
    settings: Mapping[str, Any],
    name_in_file: str = "",
    path2: str = "",
) -> Reading:
    """Read intensities from one table, or methylated ones from `path`, the others from `path2`.

    They are taken as they are: a table has no out-of-band values, so there is no background to
    correct, and whoever made it has mostly done so.
    """
    if path2:
        what = "a matrix of methylated intensities"
        table = _one_sample(path, methylation_layouts.matrix(path, name_in_file, what))
        other = _one_sample(
            path2, methylation_layouts.matrix(path2, name_in_file, f"{what[:12]}un{what[12:]}")
        )
        table = table.rename(columns={"value": "methylated"})
        table["unmethylated"] = _by_name(path, path2, table, other)
    else:
        table = _one_sample(path, methylation_layouts.intensities(path, name_in_file))
    for column in ("methylated", "unmethylated"):
        check_intensities(path2 if path2 and column == "unmethylated" else path, table, column)
    if (table["methylated"] == table["unmethylated"]).all():
        raise ReadingError(
            f"{path2 or path}: has the same values for unmethylated as for methylated intensities; "
            "expected those of the two alleles. Give the other table or columns"
        )
    rows, values, facts = _matched(path, table, manifest)
    below = (values["methylated"] < 0) | (values["unmethylated"] < 0)
    for column in ("methylated", "unmethylated"):
        values[column] = values[column].clip(lower=0)
    facts |= {
        "has_intensities": True,
        "n_below_zero": int(below.sum()),
        "normalisation": "as in the table",
        "median_methylated": _log2_median(values["methylated"].to_numpy()),
        "median_unmethylated": _log2_median(values["unmethylated"].to_numpy()),
    }
    return _of_intensities(rows, values, manifest, settings, facts)


def read_betas(
    path: str, manifest: Manifest, settings: Mapping[str, Any], name_in_file: str = ""
) -> Reading:
    """Read one sample of a matrix of betas (shares from 0 to 1).

    Raises
    ------
    ReadingError
        When values are percent, M values, intensities, or adjusted beyond 0 to 1.
    """
    found = methylation_layouts.matrix(path, name_in_file, "a matrix of betas")
    table = _one_sample(path, found).rename(columns={"value": "beta"})
    check_betas(path, table)
    table = table.assign(beta=table["beta"].clip(0, 1), methylated=np.nan, unmethylated=np.nan)
    rows, values, facts = _matched(path, table, manifest)
    facts |= {"has_intensities": False, "normalisation": "as in the table"}
    return _reading(rows, values, manifest, settings, facts)


def _one_sample(path: str, found: layouts.Layout) -> pd.DataFrame:
    """Return the columns of one sample: name, then numbers by role."""
    batches = delimited.batches(
        path, found, tuple(found.roles), until=methylation_layouts.TABLE_END
    )
    table = pa.Table.from_batches(batches)
    if table.num_rows == 0:
        raise ReadingError(f"{path}: has columns but no probes; export it again")
    name = pc.utf8_trim_whitespace(delimited.as_text(table["name"]))
    frame = pd.DataFrame({"name": name.to_pandas()})
    for role in found.roles:
        if role != "name":
            frame[role.partition(":")[2]] = table[role].to_numpy()
    twice = frame["name"].duplicated()
    if twice.any():
        raise ReadingError(
            f"{path}: has the probe {frame['name'][twice].iloc[0]!r} twice; expected one row a "
            "probe. Export it again"
        )
    return frame


def _by_name(path: str, path2: str, table: pd.DataFrame, other: pd.DataFrame) -> pd.Series:
    """Return the unmethylated intensities by the names of the methylated ones."""
    if not set(table["name"]) & set(other["name"]):
        raise ReadingError(
            f"{path2}: has none of the probes of {path}; expected the same probes in both tables"
        )
    return table["name"].map(other.set_index("name")["value"])


def check_intensities(path: str, table: pd.DataFrame, column: str) -> None:
    """Raise ReadingError where values are no intensities, saying what they look like.

    Some below zero are those of a background that was subtracted.
    """
    values = table[column].to_numpy()
    known = values[np.isfinite(values)]
    if len(known) == 0:
        raise ReadingError(f"{path}: has no {column} intensities of this sample; export it again")
    # Intensities have four digits, their logarithms (base 2) lie between 5 and 16.
    high = float(np.quantile(known, 0.95))
    if high > _LEAST_LIGHT:
        return
    if known.min() >= 0 and high <= 1:
        like = "betas (write betas into the column format)"
    else:
        like = "log ratios" if np.median(known) < 1 else "log2 intensities (give 2 to their power)"
    raise ReadingError(
        f"{path}: {column} intensities lie between {known.min():g} and {known.max():g}; they look "
        f"like {like}. Expected intensities, mostly above 100"
    )


def check_betas(path: str, table: pd.DataFrame) -> None:
    """Raise ReadingError where values are not shares, saying what they look like."""
    values = table["beta"].to_numpy()
    known = values[np.isfinite(values)]
    if len(known) == 0:
        raise ReadingError(f"{path}: has no beta of this sample; export it again")
    bad = (values < -_ROUNDING) | (values > 1 + _ROUNDING)
    if not bad.any():
        return
    low, high = float(known.min()), float(known.max())
    if np.isinf(values).any():
        like = "ratios of nothing to nothing, or M values; write NA where there is no value"
        bad = np.isinf(values)
    elif low < 0 and np.median(np.abs(known)) > 1:
        like = "M values (log2 ratios); beta is 2^M / (2^M + 1): convert them"
    elif low > -0.5 and high < 1.5:
        like = "betas adjusted beyond their range (batch correction); give those before it"
    elif low >= 0 and high <= 100:
        like = "percent; divide by 100"
    else:
        like = "intensities or M values; give betas, or format intensities"
    row = int(np.argmax(bad))
    raise ReadingError(
        f"{path}: probe {table['name'][row]!r} (row {row + 1:,}) has {values[row]:g}; "
        f"{int(bad.sum()):,} of {len(known):,} values are outside 0 to 1 ({low:g} to {high:g}). "
        f"They look like {like}"
    )


def _matched(
    path: str, table: pd.DataFrame, manifest: Manifest
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Return the probes of the manifest that a table has, and its values for them.

    A name without the replicate's suffix of EPIC v2 stands for the first of its replicates.
    """
    known = manifest.probes
    names = pa.array(table["name"])
    at = pc.index_in(names, value_set=pa.array(known["name"]))
    by_locus = pc.index_in(names, value_set=pa.array(known["locus"]))
    index = pc.fill_null(pc.coalesce(at, by_locus), -1).to_numpy(zero_copy_only=False)
    found = index >= 0
    if found.sum() < _LEAST_FOUND * len(table):
        raise ReadingError(
            f"{manifest.path}: does not fit {path}: {found.sum():,} of {len(table):,} probes are "
            f"in it (the table starts with {listed(table['name'].head(3).tolist())}, the manifest "
            f"with {listed(known['name'].head(3).tolist())}). Give the manifest of that array by "
            "the column platform"
        )
    values = table[found].reset_index(drop=True)
    if "detection" in values:
        values = values.rename(columns={"detection": "detection_p"})
    else:
        values["detection_p"] = np.nan
    facts = {
        "n_not_in_manifest": int((~found).sum()),
        "has_detection": bool(np.isfinite(values["detection_p"]).any()),
    }
    return known.iloc[index[found]].reset_index(drop=True), values.assign(beads=np.nan), facts


def _reading(
    rows: pd.DataFrame,
    values: pd.DataFrame,
    manifest: Manifest,
    settings: Mapping[str, Any],
    facts: dict[str, Any],
) -> Reading:
    """Return probes and SNP probes of one array, one a locus, and count the others.

    Parameters
    ----------
    rows
        Probes of the manifest (MANIFEST), (n,).
    values
        Their methylated, unmethylated, beta, detection_p, beads, (n,).
    """
    detected = ~(values["detection_p"].to_numpy() > settings["detection_p"])
    detected &= np.isfinite(values["beta"].to_numpy())
    enough = ~(values["beads"].to_numpy() < settings["least_beads"])
    columns = ["methylated", "unmethylated", "beta", "detection_p", "beads"]
    masked = rows["masked"].to_numpy()
    frame = pd.concat([rows, values[columns]], axis=1).assign(usable=detected & enough & ~masked)
    frame["beta"] = frame["beta"].where(detected)
    kind = frame["kind"]
    cg, snp = (kind == "cg").to_numpy(), (kind == "rs").to_numpy()
    placed = cg & frame["chrom"].notna().to_numpy()
    probes, n_collapsed = _one_a_locus(frame[placed])
    snps, _ = _one_a_locus(frame[snp])
    counts = {
        "manifest": manifest.facts | {"path": manifest.path},
        "n_rows": len(frame),
        "n_cg": int(cg.sum()),
        "n_snp": int(snp.sum()),
        "n_ch": int((kind == "ch").sum()),
        "n_other": int((~cg & ~snp & (kind != "ch")).sum()),
        "n_no_place": int((cg & ~placed).sum()),
        "n_masked": int((cg & masked).sum()),
        "n_replicates_collapsed": n_collapsed,
        "n_probes": len(probes),
        "n_usable": int(probes["usable"].sum()),
        "share_detected": _share(detected[cg]),
        "share_beads": _share(enough[cg]) if np.isfinite(values["beads"]).any() else math.nan,
    }
    probes = tables.in_genome_order(probes.assign(end=probes["start"] + _CPG_BP))
    snps = snps.sort_values("locus", ignore_index=True)
    return Reading(
        tables.check(probes.assign(name=probes["locus"]), PROBES),
        tables.check(snps.assign(name=snps["locus"]), SNP_PROBES),
        _without_nan(counts | facts),
    )


def _without_nan(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts with None in place of NaN, which JSON does not know."""
    return {key: None if value != value else value for key, value in facts.items()}


def _one_a_locus(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return one probe a locus (see `normalisation.first_usable`), and how many were dropped."""
    twice = frame["locus"].duplicated(keep=False).to_numpy()
    keep = ~twice
    some = frame[twice]
    keep[twice] = normalisation.first_usable(
        some["locus"].to_numpy(dtype=str), some["name"].to_numpy(dtype=str),
        some["usable"].to_numpy(),
    )  # fmt: skip
    return frame[keep], int((~keep).sum())


def _share(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan
