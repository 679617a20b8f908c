"""What figures and their tables show: binned tracks, loci around events, states in words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from linedrift import tables
from linedrift.genome import CHROM_DTYPE, CHROMOSOMES, GRCH38
from linedrift.wording import KIND_WORDS, percent_up

# Eight colours that stay apart for colour-blind readers (Okabe and Ito; Wong 2011,
# doi:10.1038/nmeth.1618) without yellow, which vanishes on paper. Each event has a marker of
# its own as well, so that a grey print still tells them apart.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
SYMBOLS = ("circle", "square", "diamond", "cross", "star", "hexagon", "pentagon", "bowtie")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")

# The folded mean of n loci scatters by .6 sd / sqrt(n): with five loci by .011 at an sd of .04,
# a tenth of the shift of a gain in all cells (1/6).
MIN_HET_LOCI = 5

# Mean of |x| for x ~ N(u, 1): sqrt(2/pi) at u = 0 and u itself far from it (Leone, Nelson and
# Nottingham 1961, doi:10.1080/00401706.1961.10489974). Tabulated once, inverted by
# interpolation; beyond u = 8 mean and u agree to 1e-15.
_U = np.linspace(0.0, 8.0, 1601)


def _folded_mean() -> np.ndarray:
    density = np.sqrt(2 / np.pi) * np.exp(-(_U**2) / 2)
    erf = np.array([math.erf(u / math.sqrt(2)) for u in _U])
    return density + _U * erf


_FOLDED_MEAN = _folded_mean()


def unfold(mean_abs: np.ndarray | float, sd: np.ndarray | float) -> np.ndarray:
    """Return the shift that, with normal noise of `sd`, gives the folded mean `mean_abs`.

    Parameters
    ----------
    mean_abs, sd
        Mean of |shift| and noise, in units of B-allele frequency; any common shape.

    Returns
    -------
    numpy.ndarray
        Shift, at least 0; 0 where noise alone explains the mean (it gives .8 sd). Where sd is
        0 or not known nothing is removed.
    """
    mean_abs, sd = np.asarray(mean_abs, dtype=float), np.asarray(sd, dtype=float)
    known = np.isfinite(sd) & (sd > 0)
    scale = np.where(known, sd, 1.0)
    ratio = mean_abs / scale
    shift = np.where(
        ratio >= _FOLDED_MEAN[-1], mean_abs, np.interp(ratio, _FOLDED_MEAN, _U) * scale
    )
    return np.where(known, shift, mean_abs)


def tracks(
    contrast: pd.DataFrame,
    *,
    sample: str,
    assay: str,
    bin_bp: int,
    min_het_loci: int = MIN_HET_LOCI,
    shift_sd: float | None = None,
) -> pd.DataFrame:
    """Return a contrast in bins: mean log ratio and allelic imbalance.

    Parameters
    ----------
    contrast
        CONTRAST of one measurement.
    sample, assay
        What the rows are of.
    bin_bp
        Length of a bin in base pairs; bins start at multiples of it.
    min_het_loci
        Heterozygous loci that a bin needs for an imbalance; below it is NaN.
    shift_sd
        Noise of one shift; by default that of the frame, random and shared part together.

    Returns
    -------
    pandas.DataFrame
        TRACKS: one row per bin that holds a locus. `imbalance` is the shift whose folded mean
        was seen, with the part that noise alone gives removed (`unfold`).

    Raises
    ------
    ValueError
        When bin_bp is not positive.
    """
    if bin_bp <= 0:
        raise ValueError(f"bin_bp is {bin_bp}; expected a positive number of base pairs")
    contrast = tables.conform(contrast, tables.CONTRAST)
    chrom = contrast["chrom"].cat.codes.to_numpy().astype(np.int64)
    key = (chrom << 32) + contrast["start"].to_numpy() // bin_bp
    bins, row = np.unique(key, return_inverse=True)
    chroms, start = bins >> 32, (bins & 0xFFFFFFFF) * bin_bp
    lengths = np.array([GRCH38.lengths[name] for name in CHROMOSOMES])[chroms]
    n_bins = len(bins)
    if shift_sd is None:
        variances = contrast[["shift_sd", "shift_shared_sd"]].to_numpy(dtype=float) ** 2
        noise = np.sqrt(np.nansum(variances, axis=1))
    else:
        noise = np.full(len(contrast), shift_sd)
    folded, n_het = _bin_means(contrast["shift"].abs().to_numpy(dtype=float), row, n_bins)
    het = np.isfinite(contrast["shift"].to_numpy(dtype=float))
    sd, _ = _bin_means(np.where(het, noise, np.nan), row, n_bins)
    level, _ = _bin_means(contrast["log_ratio"].to_numpy(dtype=float), row, n_bins)
    binned = pd.DataFrame(
        {
            "chrom": pd.Categorical.from_codes(chroms, dtype=CHROM_DTYPE),
            "start": start,
            "end": np.maximum(np.minimum(start + bin_bp, lengths), start + 1),
            "sample": sample,
            "assay": assay,
            "log_ratio": level,
            "imbalance": np.where(n_het >= max(min_het_loci, 1), unfold(folded, sd), np.nan),
        }
    )
    return tables.check(binned, tables.TRACKS)


def _bin_means(values: np.ndarray, row: np.ndarray, n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and number of the finite values of each bin; the mean is NaN where none."""
    finite = np.isfinite(values)
    n = np.bincount(row[finite], minlength=n_bins)
    total = np.bincount(row[finite], weights=values[finite], minlength=n_bins)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan), n


def markers_around(
    contrast: pd.DataFrame,
    events: pd.DataFrame,
    *,
    sample: str,
    assay: str,
    per_event: int,
) -> pd.DataFrame:
    """Return single loci in and around events, for the private tier only.

    Parameters
    ----------
    contrast
        CONTRAST of one measurement.
    events
        EVENTS; the window of each is the event and its own length on either side.
    sample, assay
        What the rows are of.
    per_event
        Most loci kept per event. Half of them are heterozygous where there are enough, so
        that a thinned window still shows the alleles; both halves are thinned evenly.

    Returns
    -------
    pandas.DataFrame
        CONTRAST with sample and assay, in genome order, a locus once even where two windows
        meet.
    """
    contrast = tables.conform(contrast, tables.CONTRAST)
    keep = np.zeros(len(contrast), dtype=bool)
    het = np.isfinite(contrast["shift"].to_numpy(dtype=float))
    seen = het | np.isfinite(contrast["log_ratio"].to_numpy(dtype=float))
    for event in rows_of(events):
        window = seen & in_window(contrast, event)
        with_shift, without = np.flatnonzero(window & het), np.flatnonzero(window & ~het)
        n_het = max(per_event // 2, per_event - len(without))
        n_het = min(n_het, len(with_shift))
        keep[_thinned(with_shift, n_het)] = True
        keep[_thinned(without, per_event - n_het)] = True
    kept = contrast[keep].reset_index(drop=True)
    return kept.assign(sample=sample, assay=assay)


def in_window(loci: pd.DataFrame, event: Any) -> np.ndarray:
    """Return which loci lie in an event or within its own length of it (bool, shape (n,))."""
    flank = event.end - event.start
    start = loci["start"].to_numpy()
    near = (start >= event.start - flank) & (start < event.end + flank)
    return near & (loci["chrom"] == event.chrom).to_numpy()


def rows_of(frame: pd.DataFrame) -> list[Any]:
    """Return the rows of a small frame as named tuples."""
    return list(frame.itertuples(index=False))


def _thinned(index: np.ndarray, n: int) -> np.ndarray:
    """Return `n` of the entries of `index`, evenly spread, or all where there are fewer."""
    if n <= 0:
        return index[:0]
    if len(index) <= n:
        return index
    return index[np.linspace(0, len(index) - 1, n).round().astype(int)]


def label_events(events: pd.DataFrame) -> pd.DataFrame:
    """Return how events are named and drawn: event_id, tag, label, colour, symbol, dash.

    The tag (E1, E2, ...) follows the order of the frame and links figures and tables.
    """
    words = events["kind"].map(KIND_WORDS).fillna(events["kind"])
    return styles(events["event_id"], events["band"] + " " + words, "E")


def styles(ids: pd.Series, labels: pd.Series, prefix: str) -> pd.DataFrame:
    """Return event_id, tag (`prefix` and number), label, colour, symbol, dash of each."""
    n = np.arange(len(ids))
    return pd.DataFrame(
        {
            "event_id": ids.to_numpy(),
            "tag": [f"{prefix}{i + 1}" for i in n],
            "label": labels.to_numpy(),
            "colour": [PALETTE[i % len(PALETTE)] for i in n],
            "symbol": [SYMBOLS[i % len(SYMBOLS)] for i in n],
            "dash": [DASHES[i % len(DASHES)] for i in n],
        }
    )


def percent(fraction: float) -> str:
    """Return a share as text: ``85 %``, with one decimal below 1 %."""
    if not np.isfinite(fraction):
        return "unknown"
    value = 100 * float(fraction)
    return f"{value:.1f}\u00a0%" if 0 < value < 0.95 else f"{value:.0f}\u00a0%"


def interval_text(low: float, high: float) -> str:
    """Return a 95 % interval of a share: ``78–92 %``; nothing where it is not known."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return ""
    return f"{percent(low)}\u2013{percent(high)}".replace("\u00a0%\u2013", "\u2013")


def assay_name(assay: str) -> str:
    """Return an assay for people: ``SNP array`` for ``snp_array``."""
    names = {
        "snp_array": "SNP array",
        "wes": "exome",
        "methylation": "methylation",
        "rna": "RNA-seq",
    }
    return names.get(assay, str(assay).replace("_", " "))


def state_text(row: Any) -> str:
    """Return a row of TRAJECTORIES or HOTSPOTS in words; the three states never look alike."""
    if row.state == "present":
        interval = interval_text(row.low, row.high)
        return percent(row.cell_fraction) + (f" ({interval})" if interval else "")
    if row.state == "absent":
        return f"< {percent_up(row.limit)}".replace(" ", "\u00a0") if row.limit > 0 else "absent"
    return f"not testable: {row.reason}" if row.reason else "not testable"


def coarsened(tracks: pd.DataFrame, max_points: int) -> pd.DataFrame:
    """Return TRACKS with neighbouring bins averaged, so that two panels hold `max_points`."""
    factor = int(np.ceil(2 * len(tracks) / max(max_points, 1)))
    tracks = tracks.reset_index(drop=True)
    if factor <= 1:
        return tracks
    by = ["sample", "assay", "chrom"]
    step = tracks.groupby(by, sort=False, observed=True).cumcount() // factor
    merged = tracks.assign(step=step).groupby([*by, "step"], sort=False, observed=True)
    return merged.agg(
        start=("start", "min"),
        end=("end", "max"),
        log_ratio=("log_ratio", "mean"),
        imbalance=("imbalance", "mean"),
    ).reset_index()


# Passages side by side: more than four are too narrow to read on paper.
MAX_COLUMNS = 4


def zoom_samples(event: Any, markers: pd.DataFrame, trajectories: pd.DataFrame) -> list[Any]:
    """Return the rows of TRAJECTORIES that the zoom shows, with their assay: at most four.

    They are by passage; a passage that two assays measured has a row of each, and there are fewer
    passages then.
    """
    near = markers.loc[in_window(markers, event), ["sample", "assay"]].drop_duplicates()
    own = trajectories[trajectories["event_id"] == event.event_id]
    own = own[own["sample"].isin(near["sample"])].sort_values("passage", kind="stable")
    most = max(MAX_COLUMNS // max(near["assay"].nunique(), 1), 1)
    shown = own.iloc[_thinned(np.arange(len(own)), most)]
    return rows_of(shown.merge(near, on="sample"))


def zoom_means(loci_level: pd.DataFrame, loci_allele: pd.DataFrame, event: Any) -> pd.DataFrame:
    """Return, for left flank, event and right flank: start, end, log_ratio, shift, loci of each.

    `shift` is unfolded, so it is 0 where noise alone explains the loci.
    """
    flank = event.end - event.start
    parts = [
        ("left flank", event.start - flank, event.start),
        ("event", event.start, event.end),
        ("right flank", event.end, event.end + flank),
    ]
    rows = []
    for part, start, end in parts:
        level = _within(loci_level, start, end)["log_ratio"].to_numpy(dtype=float)
        allele = _within(loci_allele, start, end)
        shift = allele["shift"].abs().to_numpy(dtype=float)
        sd = allele[["shift_sd", "shift_shared_sd"]].to_numpy(dtype=float)
        noise = float(np.sqrt(np.nansum(sd**2, axis=1).mean())) if len(shift) else np.nan
        rows.append(
            {
                "part": part,
                "start": max(start, 0),
                "end": end,
                "log_ratio": level.mean() if len(level) else np.nan,
                "n_levels": len(level),
                "shift": float(unfold(shift.mean(), noise)) if len(shift) else np.nan,
                "n_shifts": len(shift),
            }
        )
    return pd.DataFrame(rows)


def _within(loci: pd.DataFrame, start: int, end: int) -> pd.DataFrame:
    return loci[(loci["start"] >= start) & (loci["start"] < end)]
