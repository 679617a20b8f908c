"""Quality of one measurement: noise, waves, sex, foreign DNA, loss of Y; and what fails.

`measure` computes the figures from the signals alone; `judge` sets them against the thresholds
of the config and against the sheet. A measurement with a failed figure is not testable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from linedrift import tables
from linedrift.genome import AUTOSOMES, is_pseudoautosomal
from linedrift.quality.contamination import MAX_HET_SD, contamination

# 1.4826 turns a median absolute deviation into a standard deviation for normal noise.
_MAD_TO_SD = 1.4826
# Names that the vendors give to probes without a SNP; their B-allele frequency means nothing.
INTENSITY_ONLY = ("cnv", "CN_")
# X-transposed region of GRCh38 chrX: the Y has a copy of it, so men look heterozygous there.
_TRANSPOSED = (89_140_000, 93_430_000)


def measure(signals: pd.DataFrame, settings: Mapping[str, Any]) -> dict[str, object]:
    """Return the quality figures of one measurement.

    Parameters
    ----------
    signals
        Frame of `tables.SIGNALS`, one row per locus on GRCh38.
    settings
        Section `quality` of the config.

    Returns
    -------
    dict
        Numbers (NaN where not measured): n_loci, n_autosomal, n_x, n_y, call_rate (share),
        log_ratio_sd and log_ratio_sd_plain (log2), b_sd_het (fraction), wave (log2), x_level and
        y_level (log2, relative to the autosomes), het_rate, x_het_rate, contamination (share of
        foreign DNA), contamination_share (of the autosomes), loss_of_y_fraction (cells). Words:
        call_rate_source (genotypes, clusters), sex, sex_reason, contamination_reason,
        loss_of_y_reason.
    """
    loci = signals[signals["usable"].to_numpy()]
    autosomal, x, y, shared = regions(loci)
    b = of_snps(loci)
    level = loci["level"].to_numpy(dtype=np.float64)
    n_autosomal = int((autosomal & (np.isfinite(level) | np.isfinite(b))).sum())
    figures: dict[str, object] = {
        "n_loci": len(loci),
        "n_autosomal": n_autosomal,
        "n_x": int((x & np.isfinite(level)).sum()),
        "n_y": int((y & np.isfinite(level)).sum()),
    }
    figures |= _call_rate(loci["genotype"].to_numpy(dtype=str), b, autosomal)
    figures |= _level_figures(loci, level, autosomal, settings)
    middle, b_sd_het = _heterozygous(b[autosomal])
    figures |= {"b_sd_het": b_sd_het}
    figures |= sex_figures(level, b, autosomal, x, y, settings)
    figures |= sex_of_figures(figures, settings)
    figures |= _foreign(b[autosomal], middle, figures, settings)
    figures |= _loss_of_y(b[shared] - middle, figures, settings)
    return figures


def regions(loci: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return, per locus: autosomal, X only, Y only, shared by X and Y (bool, each (n,))."""
    chrom, start = loci["chrom"].to_numpy(dtype=str), loci["start"].to_numpy()
    par = is_pseudoautosomal(chrom, start)
    on_x, on_y = chrom == "chrX", chrom == "chrY"
    transposed = on_x & (start >= _TRANSPOSED[0]) & (start < _TRANSPOSED[1])
    autosomal = np.isin(chrom, AUTOSOMES)
    return autosomal, on_x & ~par & ~transposed, on_y & ~par, (on_x & par) | transposed


def _call_rate(genotype: np.ndarray, b: np.ndarray, autosomal: np.ndarray) -> dict[str, object]:
    """Return the share of autosomal SNPs with a genotype; without genotypes, of clear clusters."""
    asked = autosomal & np.isfinite(b)
    if not asked.any():
        return {"call_rate": math.nan, "call_rate_source": "none"}
    if (genotype[asked] != "").any():
        return {
            "call_rate": float((genotype[asked] != "").mean()),
            "call_rate_source": "genotypes",
        }
    folded = np.minimum(b[asked], 1 - b[asked])
    # Halfway between the clusters of a diploid locus (0 and 1/2) lies no genotype.
    return {
        "call_rate": float(((folded < 0.15) | (folded > 0.35)).mean()),
        "call_rate_source": "clusters",
    }


def _level_figures(
    loci: pd.DataFrame, level: np.ndarray, autosomal: np.ndarray, settings: Mapping[str, Any]
) -> dict[str, object]:
    """Return noise and wave of the autosomal log R ratio."""
    use = autosomal & np.isfinite(level)
    nothing: dict[str, object] = {
        "log_ratio_sd": math.nan,
        "log_ratio_sd_plain": math.nan,
        "wave": math.nan,
    }
    if use.sum() < settings["min_autosomal_loci"]:
        return nothing
    values, chrom = level[use], loci["chrom"].cat.codes.to_numpy()[use]
    step = np.diff(values)[np.diff(chrom) == 0]
    # The difference of two neighbours has twice the variance; events and waves cancel in it.
    sd = _MAD_TO_SD * float(np.median(np.abs(step - np.median(step)))) / math.sqrt(2)
    start = loci["start"].to_numpy()[use]
    return {
        "log_ratio_sd": sd,
        "log_ratio_sd_plain": float(values.std()),
        "wave": _wave(values, chrom, start, sd, settings),
    }


def _wave(
    values: np.ndarray,
    chrom: np.ndarray,
    start: np.ndarray,
    sd: float,
    settings: Mapping[str, Any],
) -> float:
    """Return the sd of block means beyond what independent noise gives (design, section 6).

    Each block is taken relative to the median block of its chromosome, and the spread is a
    median absolute deviation, so that whole and part chromosomes that are gained do not count.
    """
    blocks = (
        pd.DataFrame({"chrom": chrom, "block": start // settings["wave_block"], "value": values})
        .groupby(["chrom", "block"])["value"]
        .agg(["mean", "size"])
    )
    blocks = blocks[blocks["size"] >= settings["wave_min_loci"]]
    if len(blocks) < settings["wave_min_blocks"]:
        return math.nan
    means = blocks["mean"] - blocks["mean"].groupby(level="chrom").transform("median")
    observed = _MAD_TO_SD * float(means.abs().median())
    expected = sd**2 * float((1 / blocks["size"]).mean())
    return math.sqrt(max(observed**2 - expected, 0.0))


def _heterozygous(b: np.ndarray) -> tuple[float, float]:
    """Return centre and robust sd of the autosomal heterozygous cluster.

    The sd is the lower quartile over blocks of 100 heterozygous loci: noise is everywhere,
    while an event widens the cluster in its own blocks only.
    """
    het = b[(b > 0.3) & (b < 0.7)]
    size = 100
    if len(het) < size:
        return 0.5, math.nan
    middle = float(np.median(het))
    away = np.abs(het[: len(het) // size * size] - middle).reshape(-1, size)
    return middle, _MAD_TO_SD * float(np.quantile(np.median(away, axis=1), 0.25))


def sex_figures(
    level: np.ndarray,
    b: np.ndarray,
    autosomal: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    settings: Mapping[str, Any],
) -> dict[str, object]:
    """Return the levels of X and Y relative to the autosomes, and the heterozygous shares."""
    base = _median(level[autosomal], settings["min_autosomal_loci"])
    least = settings["min_sex_loci"]
    return {
        "x_level": _median(level[x], least) - base,
        "y_level": _median(level[y], least) - base,
        "het_rate": _het_rate(b[autosomal], settings["min_autosomal_loci"]),
        "x_het_rate": _het_rate(b[x], least),
    }


def _median(values: np.ndarray, least: int) -> float:
    """Return the median of the finite values, NaN where there are fewer than `least`."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) >= least else math.nan


def _het_rate(b: np.ndarray, least: int) -> float:
    """Return the share of loci whose B-allele frequency is far from 0 and 1."""
    finite = b[np.isfinite(b)]
    return float(((finite > 0.15) & (finite < 0.85)).mean()) if len(finite) >= least else math.nan


def sex_of_figures(figures: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, object]:
    """Return sex and the sentence it rests on.

    Y decides where it is measured; X tells whether a weak Y is a mosaic loss (one X) or the
    background of a probe without target (two X). One X and no Y is a man's culture that lost Y
    or a woman's that lost X: unknown.
    """
    ratio = figures["x_het_rate"] / figures["het_rate"] if figures["het_rate"] else math.nan
    level, y = figures["x_level"], figures["y_level"]
    few_het, low = ratio < settings["x_het_single"], level < settings["x_level_single"]
    many_het, high = ratio >= settings["x_het_single"], level >= settings["x_level_single"]
    seen = (
        f"X level {_number(level)}, heterozygous share of X {_number(figures['x_het_rate'])}, "
        f"Y level {_number(y)}"
    )
    one_x, two_x = (few_het or low) and not high, (many_het or high) and not low
    present, absent = y > settings["y_level_present"], y < settings["y_level_absent"]
    rules = (
        (y != y and one_x and few_het, "male", "one X; Y is not measured"),
        (y != y and two_x and many_het, "female", "two X; Y is not measured"),
        (y != y, "unknown", "X does not tell, Y is not measured"),
        (absent and (many_het or high), "female", "no Y"),
        (absent and level == level, "unknown", "one X and no Y: lost Y of a man or X of a woman"),
        (absent, "female", "no Y"),
        (one_x or few_het, "male", "Y is there, one kind of X"),
        (low, "male", "Y is there, one X"),
        (not present and two_x, "female", "two X; Y is background"),
        (present and level != level, "male", "Y is there"),
        (True, "unknown", "two X and a Y: XXY, or DNA of a man and a woman"),
    )
    sex, why = next((name, text) for holds, name, text in rules if holds)
    return {"sex": sex, "sex_reason": f"{why} ({seen})"}


def of_snps(loci: pd.DataFrame) -> np.ndarray:
    """Return the B-allele frequencies, NaN where a probe asks no SNP."""
    snp = ~loci["name"].str.startswith(INTENSITY_ONLY).to_numpy(dtype=bool)
    return np.where(snp, loci["b_fraction"].to_numpy(dtype=np.float64), np.nan)


def _foreign(
    b: np.ndarray, middle: float, figures: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, object]:
    """Return the share of foreign DNA with its sentence; NaN where it cannot be told."""
    unknown = {"contamination": math.nan, "contamination_share": math.nan}
    if np.isfinite(b).sum() < settings["contamination_min_loci"]:
        return unknown | {"contamination_reason": "too few autosomal SNPs"}
    noise = float(figures["log_ratio_sd"])
    found = contamination(b, middle, settings["contamination_block"])
    if noise > settings["thresholds"]["log_ratio_sd"]["fail"] or found.het_sd >= MAX_HET_SD:
        return unknown | {"contamination_reason": "too noisy to tell foreign DNA from noise"}
    reason = f"foreign DNA explains {found.share:.0%} of the autosomal blocks best"
    if found.share < settings["contamination_min_share"]:
        # Foreign DNA is in the whole genome; an event is in its place only.
        found, reason = found._replace(fraction=0.0), f"{reason}; it would be in all"
    elif found.fraction <= settings["thresholds"]["contamination"]["warn"]:
        reason = "no more than the noise of a clean array can look like"
    return {
        "contamination": found.fraction,
        "contamination_share": found.share,
        "contamination_reason": reason,
    }


def _loss_of_y(
    away: np.ndarray, figures: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, object]:
    """Return the share of cells without Y in a man, and what it rests on.

    The level gives an interval, because the level of one Y depends on the array's cluster file
    (`male_y_level`, relative to the man's X); loci that X and Y share give the point in it: where
    a share c lost Y, the allele of X has 1/(2 - c) of the DNA. Level to cells by the response
    (doi:10.1038/s41431-019-0533-z).
    """
    nothing: dict[str, object] = {"loss_of_y_fraction": math.nan}
    if figures["sex"] != "male":
        return nothing | {"loss_of_y_reason": f"sex by the signal is {figures['sex']}"}
    if not figures["y_level"] == figures["y_level"]:
        return nothing | {"loss_of_y_reason": "too few loci of Y"}
    limits = settings["thresholds"]
    if figures["contamination"] != figures["contamination"]:
        if float(figures["log_ratio_sd"]) > limits["log_ratio_sd"]["fail"]:
            return nothing | {"loss_of_y_reason": "too noisy"}
    elif float(figures["contamination"]) >= limits["contamination"]["fail"]:
        return nothing | {"loss_of_y_reason": "not told from foreign DNA"}
    x_level = figures["x_level"] if figures["x_level"] == figures["x_level"] else 0.0
    low, high = (
        float(np.clip(1 - 2 ** ((figures["y_level"] - x_level - one) / settings["response"]), 0, 1))
        for one in settings["male_y_level"]
    )
    away = away[np.abs(away) < 0.43]
    if len(away) < settings["min_shared_het_loci"] or not figures["b_sd_het"] > 0:
        reason = f"from the level alone; at most {high:.0%} of the cells"
        return {"loss_of_y_fraction": low, "loss_of_y_reason": reason}
    shift = _split(away, float(figures["b_sd_het"]), settings["min_split_gain"])
    found = float(np.clip(2 - 1 / (0.5 + shift), low, high))
    reason = f"from {len(away)} loci that X and Y share; by the level {low:.0%} to {high:.0%}"
    return {"loss_of_y_fraction": found, "loss_of_y_reason": reason}


def _split(away: np.ndarray, sd: float, least: float) -> float:
    """Return the most likely shift of a heterozygous cluster that is split in two halves.

    It is 0 where no split (with any of the noise scales) is less than `least` nats behind.
    """
    shifts = np.arange(0, 0.43, 0.005)[:, None, None]
    scales = sd * np.array([1.0, 1.3, 1.7])[:, None]
    halves = (
        np.exp(-0.5 * ((away - shifts) / scales) ** 2)
        + np.exp(-0.5 * ((away + shifts) / scales) ** 2)
    ) / (2 * scales * math.sqrt(2 * math.pi))
    likelihood = np.log(0.95 * halves + 0.05).sum(axis=2).max(axis=1)
    top = int(likelihood.argmax())
    return float(shifts[top, 0, 0]) if likelihood[top] - likelihood[0] >= least else 0.0


_LABELS: dict[str, dict[str, str]] = {}
_LABELS["snp_array"] = {
    "n_loci": "Loci",
    "call_rate": "Call rate",
    "log_ratio_sd": "Log R ratio sd",
    "b_sd_het": "B-allele frequency sd, heterozygous",
    "wave": "Wave (1 Mb)",
    "contamination": "Foreign DNA",
    "sex": "Sex",
    "loss_of_y_fraction": "Cells without Y",
    "x_level": "X level",
    "x_het_rate": "X heterozygous",
    "y_level": "Y level",
}
_LABELS["wes"] = {
    "mean_target_depth": "Mean depth of targets",
    "share_20x": "Targets at 20x or more",
    "share_on_target": "Bases on target",
    "duplicate_share": "Duplicates",
    "n_sites": "SNPs with enough reads",
    "log_ratio_sd": "Log ratio sd",
    "wave": "Wave (100 bins)",
    "contamination": "Foreign DNA",
    "sex": "Sex",
    "x_level": "X level",
    "x_het_rate": "X heterozygous",
    "y_level": "Y level",
}
_LABELS["rna"] = {
    "n_reads": "Reads in genes",
    "n_detected": "Genes with reads",
    "n_lines": "Lines to compare with",
    "log_ratio_sd": "Log ratio sd",
    "n_genes": "Genes with two alleles",
    "reference_bias": "Reads of the reference allele per other",
    "sex": "Sex",
    "xist": "XIST, reads per million",
    "y": "Genes of Y, reads per million",
}
_WHY = {
    "n_reads": "too few reads in genes",
    "n_detected": "too few genes have reads",
    "n_lines": "too few lines to compare expression with",
    "n_genes": "too few genes with a heterozygous SNP",
    "mean_target_depth": "too few reads on the targets",
    "share_20x": "too little of the targets was read deeply",
    "share_on_target": "most reads are not on the targets",
    "duplicate_share": "most reads are copies of others",
    "n_sites": "too few SNPs were read",
    "call_rate": "too few genotypes could be called",
    "log_ratio_sd": "the log R ratio is too noisy",
    "b_sd_het": "the B-allele frequency is too noisy",
    "wave": "the log R ratio has strong waves",
    "contamination": "foreign DNA in the sample",
    "loss_of_y_fraction": "mosaic loss of Y",
    "n_loci": "too few loci",
}


def judge(
    figures: Mapping[str, Any],
    settings: Mapping[str, Any],
    *,
    sample: str,
    assay: str,
    expected_sex: str,
    labels: Mapping[str, str] = MappingProxyType({}),
    why: Mapping[str, str] = MappingProxyType({}),
) -> pd.DataFrame:
    """Return the QUALITY frame of one measurement: each figure against its threshold.

    Parameters
    ----------
    figures
        What `measure` returned.
    settings
        Section `quality` of the config, or `quality.wes` for an exome; `thresholds` has warn and
        fail per figure.
    sample, assay
        The measurement; the assay says which figures it has.
    expected_sex
        Sex by the sheet: female, male or unknown.
    labels, why
        Figures and their names for people, and what it means that one fails, of an assay whose
        figures depend on how it was measured; by default those of the assay.
    """
    rows = []
    for figure, label in (labels or _LABELS[assay]).items():
        if figure == "sex":
            value, expected, state, reason = _judge_sex(figures, expected_sex)
        else:
            value, expected, state, reason = _judge_number(
                figure, figures, settings, {**_WHY, **why}
            )
            if assay != "snp_array":
                reason = reason.replace("log R ratio", "log ratio")
        rows.append((sample, assay, figure, label, value, expected, state, reason))
    return tables.check(pd.DataFrame(rows, columns=tables.QUALITY.names), tables.QUALITY)


def _judge_number(
    figure: str,
    figures: Mapping[str, Any],
    settings: Mapping[str, Any],
    why: Mapping[str, str],
) -> tuple[str, str, str, str]:
    """Return value, expected, state and reason of a figure that is a number."""
    number, limits = float(figures[figure]), settings["thresholds"].get(figure)
    value = "not measured" if math.isnan(number) else _number(number)
    note = str(figures.get(figure.removesuffix("_fraction") + "_reason", ""))
    if limits is None or math.isnan(number):
        return value, "", "info", note
    if figure == "call_rate" and figures["call_rate_source"] == "clusters":
        # Without genotypes the clusters stand in, and events empty them too: no verdict on it.
        return value, "", "info", "from the clusters of the B-allele frequency; no genotypes"
    least = bool(limits.get("least", False))
    sign, word = (-1, "at least") if least else (1, "at most")
    asked = limits["warn"] if limits["warn"] is not None else limits["fail"]
    state = "pass"
    for level in ("warn", "fail"):
        if limits[level] is not None and sign * number > sign * limits[level]:
            state = level
    expected = f"{word} {asked:g}" + (
        f" (fails {'below' if least else 'above'} {limits['fail']:g})"
        if limits["fail"] is not None and limits["fail"] != asked
        else ""
    )
    if state == "pass":
        return value, expected, state, note
    said = f"{why[figure]}: {value}, expected {expected}"
    return value, expected, state, f"{said}; {note}" if note else said


def _judge_sex(figures: Mapping[str, Any], expected: str) -> tuple[str, str, str, str]:
    """Return value, expected, state and reason of the sex."""
    sex, reason = str(figures["sex"]), str(figures["sex_reason"])
    if "unknown" in (sex, expected):
        return sex, expected, "info", reason
    if sex == expected:
        return sex, expected, "pass", reason
    return sex, expected, "fail", f"the sheet says {expected}, the signal says {sex}: {reason}"


def failed(quality: pd.DataFrame) -> str:
    """Return why a measurement is not testable, '' where it is.

    A wrong sex is not counted: it says that the sample is another one, not that the measurement
    is poor (see `sex_of` and `identity.judge`).
    """
    bad = (quality["state"] == "fail") & (quality["figure"] != "sex")
    return "; ".join(quality.loc[bad, "reason"])


def sex_of(quality: pd.DataFrame) -> tuple[str, str]:
    """Return the sex by the signal (unknown where not measured) and why it conflicts, or ''."""
    rows = quality[quality["figure"] == "sex"]
    if rows.empty:
        return "unknown", ""
    row = rows.iloc[0]
    return str(row["value"]), str(row["reason"]) if row["state"] == "fail" else ""


def _number(value: float) -> str:
    """Return a number for people: three significant digits, or a whole number."""
    if math.isnan(value):
        return "not measured"
    return f"{value:.0f}" if value == round(value) and abs(value) >= 1 else f"{value:.3g}"
