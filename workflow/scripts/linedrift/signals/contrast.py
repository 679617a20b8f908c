"""The contrast of a measurement with its baseline: log ratio and allelic shift per locus.

A measurement shares locus-specific bias with others on its platform. The baseline is shrunken
before it is subtracted: the weight tau^2/(tau^2 + sigma^2/n) minimises the variance that is
left (design 6), and equals the regression slope of the measurement on the mean baseline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from linedrift import tables
from linedrift.genome import X_TRANSPOSED, Karyotype
from linedrift.signals.noise import (
    Noise,
    blocks,
    difference_sd,
    excess,
    limited_mean,
    mixture_sd,
    quiet,
    robust_sd,
    wave_variance,
)
from linedrift.signals.tails import level_costs, shift_costs
from linedrift.signals.waves import wave

# No array measures a log R ratio this well.
LEAST_SD = 1e-4


def contrast(
    signals: pd.DataFrame,
    baselines: Sequence[pd.DataFrame],
    karyotype: Karyotype,
    settings: Mapping[str, Any],
    covariates: np.ndarray | None = None,
) -> tuple[pd.DataFrame, Noise]:
    """Return the contrast of a measurement with its baselines, and its noise.

    Parameters
    ----------
    signals
        SIGNALS of the measurement.
    baselines
        SIGNALS of its baselines on the same build; the first gives the heterozygous loci. An
        empty sequence is a measurement that is its own baseline (a donor, a first passage):
        its own heterozygous loci are used and nothing is subtracted.
    karyotype
        Sex of the line.
    settings
        Section `contrast` of the config.
    covariates
        What waves follow (`waves.covariates`), one row per row of `signals`; None corrects none.

    Returns
    -------
    (pandas.DataFrame, Noise)
        CONTRAST, one row per usable locus of `signals`, and the noise of it.
    """
    usable = signals["usable"].to_numpy()
    own = signals[usable].reset_index(drop=True)
    aligned = [align(baseline, own) for baseline in baselines]
    response = float(settings["allele_response"])
    own, *aligned = (_straightened(frame, response) for frame in (own, *aligned))
    copies = karyotype.copies_at(own["chrom"], own["start"])
    autosomal = ~own["chrom"].isin(["chrX", "chrY"]).to_numpy()
    follows = None if covariates is None else covariates[usable]

    shift = _shift(own, aligned, copies, autosomal, settings)
    level = _level(own, aligned, shift, copies, autosomal, follows)
    noise = replace(_noise(level, shift, own["chrom"], autosomal, settings), sex=karyotype.sex)
    return tables.check(_frame(own, level, shift, noise), tables.CONTRAST), noise


@dataclass(frozen=True)
class _Residual:
    """What baselines leave of a signal: `left`, shape (n,), NaN where there is none.

    `scale` is the relative sd of each locus, `subtracted` what was taken off, `weight` that of the
    baselines and `shared_sd` what they leave in common to all passages. `discordance` is told by
    alleles alone.
    """

    left: np.ndarray
    scale: np.ndarray
    subtracted: np.ndarray | float = 0.0
    weight: float = 0.0
    shared_sd: float = 0.0
    discordance: float = 0.0

    @property
    def alike(self) -> np.ndarray:
        """What is left in units of its relative sd: read depth is not the same everywhere."""
        return self.left / self.scale


def _noise(
    level: _Residual,
    shift: _Residual,
    chrom: pd.Series,
    autosomal: np.ndarray,
    settings: Mapping[str, Any],
) -> Noise:
    """Return the noise of a contrast, measured in units of what a reader expects."""
    used = autosomal & np.isfinite(level.left)
    level_sd = difference_sd(level.alike[used])
    reason = _unusable(used.sum(), np.isfinite(shift.left).sum(), settings)
    if level_sd < LEAST_SD:
        reason = "a copy of its baseline: the same data under two names"
        level_sd = LEAST_SD
    calm = quiet(shift.alike[autosomal])
    shift_sd, wide = mixture_sd(calm, robust_sd(calm)) if len(calm) else (float("nan"), 0.05)
    x_sd, y_sd = (
        _independent(difference_sd(level.alike[(chrom == name).to_numpy()]), level.shared_sd)
        for name in ("chrX", "chrY")
    )
    found = np.isfinite(shift.left[autosomal])
    return Noise(
        level_sd=_independent(level_sd, level.shared_sd),
        sex_level_sd=(x_sd, y_sd),
        level_shared_sd=level.shared_sd,
        shift_sd=_independent(shift_sd, shift.shared_sd),
        shift_shared_sd=shift.shared_sd,
        level_weight=level.weight,
        shift_weight=shift.weight,
        response=float(settings["response"]),
        wave_variance=wave_variance(level.left[used], level_sd, level.scale[used]),
        shift_wide=wide,
        shift_excess=max(excess(calm), float(settings["least_excess"])),
        discordance=shift.discordance,
        shift_costs=shift_costs(calm, shift_sd, wide),
        level_costs=level_costs(level.alike[used], level_sd),
        het_rate=float(found.mean()) if autosomal.any() else float("nan"),
        stranger=shift.discordance > settings["discordance"],
        reason=reason,
    )


def _frame(own: pd.DataFrame, level: _Residual, shift: _Residual, noise: Noise) -> pd.DataFrame:
    """Return CONTRAST of the loci of `own`."""
    return pd.DataFrame(
        {
            **{name: own[name] for name in ("chrom", "start", "end")},
            "log_ratio": level.left,
            "log_ratio_sd": level.scale * _level_sd(own["chrom"], noise),
            "log_ratio_shared_sd": noise.level_shared_sd,
            "shift": shift.left,
            "shift_sd": shift.scale * noise.shift_sd,
            "shift_shared_sd": noise.shift_shared_sd,
            "log_ratio_baseline": level.subtracted,
            "shift_baseline": shift.subtracted,
        }
    )


def _straightened(signals: pd.DataFrame, response: float) -> pd.DataFrame:
    """Return signals whose ratio of alleles B to A is that of their copies.

    Where a platform reports (B/A)^response, the odds of its B-allele frequencies are raised to
    1/response. 0, 1/2 and 1, where arrays are calibrated, stay.
    """
    if response == 1:
        return signals
    b, a = (part ** (1 / response) for part in (signals["b_fraction"], 1 - signals["b_fraction"]))
    return signals.assign(b_fraction=(b / (a + b)).astype(signals["b_fraction"].dtype))


def align(baseline: pd.DataFrame, to: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `baseline` at the loci of `to`, in its order; NaN where it has none.

    Loci are the same when chromosome and position are; of loci that repeat a position the
    first is taken. Loci that are unusable in the baseline count as absent.
    """
    columns = ["level", "b_fraction", "genotype"]
    baseline = baseline[baseline["usable"].to_numpy()]
    keys, wanted = _locus_key(baseline), _locus_key(to)
    if len(keys) == len(wanted) and np.array_equal(keys, wanted):
        return baseline[columns].reset_index(drop=True)
    if len(keys) == 0:
        return baseline[columns].reindex(range(len(to)))
    first = np.concatenate([[True], np.diff(keys) != 0])
    baseline, keys = baseline[first], keys[first]
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found = pd.Series(keys[place] == wanted)
    return baseline[columns].iloc[place].reset_index(drop=True).where(found)


def _locus_key(frame: pd.DataFrame) -> np.ndarray:
    return (frame["chrom"].cat.codes.to_numpy().astype(np.int64) << 32) + frame["start"].to_numpy()


def _relative(sd: pd.Series) -> np.ndarray:
    """Return the sd of each locus in units of the usual one, 1 where the reader knows none."""
    values = sd.to_numpy().astype(float)
    known = np.isfinite(values) & (values > 0)
    usual = np.median(values[known]) if known.any() else 1.0
    return np.where(known, values / usual, 1.0)


def _level_sd(chrom: pd.Series, noise: Noise) -> np.ndarray:
    by_chrom = {name: noise.on(name).level_sd for name in chrom.cat.categories}
    return chrom.astype("str").map(by_chrom).to_numpy(np.float32)


def _independent(total_sd: float, shared_sd: float) -> float:
    # At least a tenth of the variance is taken as independent, so that no sd becomes zero.
    return float(np.sqrt(max(total_sd**2 - shared_sd**2, 0.1 * total_sd**2)))


def _unusable(n_levels: int, n_shifts: int, settings: Mapping[str, Any]) -> str:
    least = int(settings["least_loci"])
    if n_levels < least and n_shifts < least:
        return (
            f"only {n_levels} log R ratios and {n_shifts} heterozygous loci; "
            f"at least {least} are needed"
        )
    return ""


def heterozygous(signals: pd.DataFrame, low: float, high: float) -> np.ndarray:
    """Return, per locus, whether it is heterozygous (bool).

    By the genotype call; where the file has none at the locus, by a B-allele frequency between
    `low` and `high`.
    """
    fraction = signals["b_fraction"].to_numpy()
    genotype = signals["genotype"].astype("str").to_numpy()
    with np.errstate(invalid="ignore"):
        between = (fraction > low) & (fraction < high)
    return np.where(
        (genotype == "AA") | (genotype == "BB"), False, (genotype == "AB") | between
    ) & np.isfinite(fraction)


def shrink(values: np.ndarray, baseline: np.ndarray, fit_on: np.ndarray) -> tuple[float, float]:
    """Return the weight of a baseline and the sd that it leaves in common to all passages.

    The weight is the least-squares slope of `values` on `baseline` over the loci `fit_on`,
    within [0, 1]; the variance left in common is tau^2 (1 - weight), tau^2 their covariance.
    """
    on = fit_on & np.isfinite(values) & np.isfinite(baseline)
    if on.sum() < 100:
        return 0.0, 0.0
    covariance = np.cov(values[on], baseline[on])
    if covariance[1, 1] == 0:
        return 0.0, 0.0
    weight = float(np.clip(covariance[0, 1] / covariance[1, 1], 0.0, 1.0))
    return weight, float(np.sqrt(max(covariance[0, 1], 0.0) * (1 - weight)))


def _mean(columns: Sequence[np.ndarray]) -> np.ndarray:
    stack = np.vstack(columns)
    known = np.isfinite(stack)
    total = np.where(known, stack, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def _shift(
    own: pd.DataFrame,
    baselines: Sequence[pd.DataFrame],
    copies: np.ndarray,
    autosomal: np.ndarray,
    settings: Mapping[str, Any],
) -> _Residual:
    """Return the shift per locus; NaN where the baseline is not heterozygous."""
    low, high = settings["heterozygous_between"]
    fraction = own["b_fraction"].to_numpy().astype(float)
    het = heterozygous(baselines[0] if baselines else own, low, high) & (copies == 2)
    het &= np.isfinite(fraction)
    different = discordance(fraction[het & autosomal]) if baselines else 0.0
    if different > settings["discordance"]:
        # Not the baseline's cells (a relative, a swap): only loci heterozygous in both tell.
        het &= heterozygous(own, low, high)
    shift = np.where(het, fraction - 0.5, np.nan)
    shift -= np.nanmedian(shift[autosomal & het]) if (autosomal & het).any() else 0.0
    scale = _relative(own["b_sd"])
    if not baselines:
        return _Residual(shift, scale)
    limit = settings["baseline_shift_limit"]
    bias = _mean([_bias(baseline, low, high, limit) for baseline in baselines])
    # Loci that an event has moved would flatten the slope.
    weight, shared = shrink(shift, bias, autosomal & (np.abs(shift) < limit))
    subtracted = np.where(het, weight * np.nan_to_num(bias), 0.0)
    return _Residual(shift - subtracted, scale, subtracted, weight, shared, different)


def discordance(fraction: np.ndarray, length: int = 50) -> float:
    """Return the share of the baseline's heterozygous loci that are homozygous, LOH apart.

    Parameters
    ----------
    fraction
        B-allele frequencies at the autosomal loci that are heterozygous in the baseline, in
        genome order, shape (n,).
    length
        Loci per block.

    Notes
    -----
    The tenth percentile over blocks: loss of heterozygosity, even on most of the genome, leaves
    blocks without a homozygous locus, while another person differs in every block.
    """
    homozygous = ((fraction < 0.1) | (fraction > 0.9)).astype(float)
    if len(homozygous) < 4 * length:
        return float(homozygous.mean()) if len(homozygous) else 0.0
    return float(np.quantile(blocks(homozygous, length).mean(axis=1), 0.1))


def _bias(baseline: pd.DataFrame, low: float, high: float, limit: float) -> np.ndarray:
    fraction = baseline["b_fraction"].to_numpy().astype(float)
    het = heterozygous(baseline, low, high)
    bias = np.where(het, fraction - 0.5, np.nan)
    return np.clip(bias - np.nanmedian(bias), -limit, limit) if het.any() else bias


def _level(
    own: pd.DataFrame,
    baselines: Sequence[pd.DataFrame],
    shift: _Residual,
    copies: np.ndarray,
    autosomal: np.ndarray,
    covariates: np.ndarray | None,
) -> _Residual:
    """Return the log ratio per locus, centred on the diploid mode."""
    level = _centred(own["level"].to_numpy().astype(float), autosomal)
    weight = shared = 0.0
    subtracted: np.ndarray | float = 0.0
    # A locus on a chromosome that the line does not have (Y of a female) carries no level.
    known = copies > 0
    if baselines:
        bias = _mean([_centred(b["level"].to_numpy().astype(float), autosomal) for b in baselines])
        if same_sex(baselines[0], own["chrom"], copies):
            offset = _sex_offset(own["chrom"], bias, copies)
        else:
            offset = _sex_offset(own["chrom"], level, copies)
            bias = np.where(autosomal, bias, offset)
            known &= ~_needs_baseline(own, copies)
        # What stands far out in the baseline is its own event, not the bias of a locus.
        limit = 5 * robust_sd(bias[autosomal])
        local = np.clip(np.nan_to_num(bias - offset), -limit, limit)
        level = level - offset
        bulk = np.abs(level) < 5 * robust_sd(level[autosomal])
        weight, shared = shrink(level, bias, autosomal & bulk & (np.abs(bias) < limit))
        subtracted = weight * local
        level = level - subtracted
    else:
        level = level - _sex_offset(own["chrom"], level, copies)
        known &= ~_needs_baseline(own, copies)
    if covariates is not None:
        level = level - wave(level, autosomal, covariates)
    scale = _relative(own["level_sd"])
    level -= diploid_centre(level[autosomal], shift.alike[autosomal], scale[autosomal])
    return _Residual(np.where(known, level, np.nan), scale, subtracted, weight, shared)


def _needs_baseline(own: pd.DataFrame, copies: np.ndarray) -> np.ndarray:
    """Return the loci whose level tells nothing but against a man's: Y, and what X shares with it.

    By region of Y the levels of normal men lie up to half a copy apart, and probes of the
    transposed region read both X and Y: every man would have a gain there.
    """
    chrom, start = own["chrom"].to_numpy(), own["start"].to_numpy()
    first, last = X_TRANSPOSED
    return (chrom == "chrY") | (
        (chrom == "chrX") & (copies == 1) & (start >= first) & (start < last)
    )


def _centred(level: np.ndarray, autosomal: np.ndarray) -> np.ndarray:
    known = level[autosomal & np.isfinite(level)]
    return level - (np.median(known) if len(known) else 0.0)


def same_sex(baseline: pd.DataFrame, chrom: pd.Series, copies: np.ndarray) -> bool:
    """Return whether the baseline has as many X as the line, by its heterozygous loci on X.

    About .2 to .3 of the loci of two X are heterozygous, and under .01 of a single one; where X,
    or its alleles, were not measured the answer is yes.
    """
    on = (chrom == "chrX").to_numpy() & baseline["b_fraction"].notna().to_numpy()
    outside = on & (copies == (1 if (copies[on] == 1).any() else 2))
    if outside.sum() < 50:
        return True
    two = heterozygous(baseline, 0.2, 0.8)[outside].mean() > 0.05
    return bool(two == (copies[outside][0] == 2))


def _sex_offset(chrom: pd.Series, level: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """Return the median level of X and of Y, per locus; 0 on autosomes.

    The clusters of an array mix the sexes, so the level of a sex chromosome means nothing by
    itself: it is taken relative to the baseline, or without one to its own median. The
    pseudoautosomal regions of a man stand where autosomes do (370k arrays of men: -.02 to -.01),
    and lower where Y is lost.
    """
    offset = np.zeros(len(level))
    names = chrom.to_numpy()
    for sex_chrom in ("chrX", "chrY"):
        on_this = copies[names == sex_chrom]
        for count in (1, 2) if (on_this == 2).all() else (1,):
            on = (names == sex_chrom) & (copies == count)
            if (on & np.isfinite(level)).any():
                offset[on] = np.nanmedian(level[on])
    return offset


def diploid_centre(
    level: np.ndarray, shift: np.ndarray, scale: np.ndarray | float = 1.0, length: int = 100
) -> float:
    """Return the level of the diploid state: the mean level of allelically balanced blocks.

    Parameters
    ----------
    level, shift
        Autosomal loci in genome order, shape (n,); NaN where none. Shifts are alike in sd.
    scale
        Relative sd of each level, shape (n,).
    length
        Loci per block.

    Notes
    -----
    A block is balanced where the mean of its squared shifts is within 3 sd of what noise gives
    (chi-squared). With fewer than a fifth of blocks balanced the mean over all is taken. In a
    culture with many events the mean of everything would be off by theirs.
    """
    sd = robust_sd(quiet(shift))
    known = np.isfinite(level)
    if not known.any():
        return 0.0
    scale = np.broadcast_to(np.asarray(scale, float), level.shape)
    everything = _weighted(level, scale)
    if not np.isfinite(sd) or sd == 0 or len(level) < 5 * length:
        return everything
    squares = blocks(np.clip(shift / sd, -4, 4) ** 2, length)
    n = np.isfinite(squares).sum(axis=1)
    mean = np.nansum(squares, axis=1) / np.maximum(n, 1)
    balanced = (n >= 10) & (mean < 1.1 + 3 * np.sqrt(2 / np.maximum(n, 1)))
    if balanced.mean() < 0.2:
        return everything
    return _weighted(*(blocks(values, length)[balanced].ravel() for values in (level, scale)))


def _weighted(level: np.ndarray, scale: np.ndarray) -> float:
    return limited_mean(level, max(robust_sd(level / scale), LEAST_SD) * scale)
