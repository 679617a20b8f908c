"""The contrasts of a line side by side, on the union of their loci."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from linedrift.genome import CHROM_DTYPE, Karyotype
from linedrift.signals.noise import Noise


@dataclass(frozen=True)
class Stack:
    """The contrasts of a line side by side: K measurements by N loci in genome order.

    `keys` are chromosome and start of each locus as one sorted integer. `level` and `shift` are
    relative to the baseline (NaN where none); `level_baseline` and `shift_baseline` are what was
    subtracted. `level_scale` and `shift_scale` are the relative sd of each locus, shape (K, N), or
    (K, 1) where all are alike. `copies` are the germline copies per locus. `unit` numbers the
    sample of each measurement: measurements of one sample share its cell fractions, those of one
    `assay` what their baseline left in common.
    """

    keys: np.ndarray
    chrom: np.ndarray
    start: np.ndarray
    end: np.ndarray
    copies: np.ndarray
    level: np.ndarray
    shift: np.ndarray
    level_baseline: np.ndarray
    shift_baseline: np.ndarray
    level_scale: np.ndarray
    shift_scale: np.ndarray
    noise: tuple[Noise, ...]
    unit: tuple[int, ...]
    assay: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of loci."""
        return len(self.start)

    def range(self, chrom: str, start: int, end: int) -> tuple[int, int]:
        """Return [first, last) of the loci that start within an interval of a chromosome."""
        code = list(CHROM_DTYPE.categories).index(chrom) << 32
        first, last = np.searchsorted(self.keys, [code + start, code + end])
        return int(first), int(last)

    @cached_property
    def shift_sd(self) -> np.ndarray:
        """Independent sd of the shift of a locus of scale 1, shape (K,).

        A measurement without heterozygous loci has none: 1 stands there, and nothing is asked of
        it.
        """
        return np.nan_to_num([noise.shift_sd for noise in self.noise], nan=1.0)

    @cached_property
    def shift_shared_sd(self) -> np.ndarray:
        """Sd of the shift that measurements have in common, shape (K,)."""
        return np.array([noise.shift_shared_sd for noise in self.noise])

    @property
    def units(self) -> list[int]:
        """The distinct samples, in order."""
        return list(dict.fromkeys(self.unit))

    @cached_property
    def shift_wide(self) -> float:
        """Share of heterozygous loci in the wide tails of the noise."""
        return float(np.mean([noise.shift_wide for noise in self.noise]))

    @cached_property
    def excess(self) -> float:
        """Relative sd of the local sd of the shift, from stretch to stretch."""
        return max(noise.shift_excess for noise in self.noise)

    def cut(self, first: int, last: int) -> Stack:
        """Return loci [first, last): views, so that `only` copies no more than these."""
        loci = slice(first, last)
        return replace(
            self,
            keys=self.keys[loci],
            chrom=self.chrom[loci],
            start=self.start[loci],
            end=self.end[loci],
            copies=self.copies[loci],
            level=self.level[:, loci],
            shift=self.shift[:, loci],
            level_baseline=self.level_baseline[:, loci],
            shift_baseline=self.shift_baseline[:, loci],
            level_scale=within(self.level_scale, first, last),
            shift_scale=within(self.shift_scale, first, last),
        )

    def only(self, members: Sequence[int]) -> Stack:
        """Return the stack with these measurements."""
        m = list(members)
        # Neighbours are views: copies of whole genomes took a fifth of the time of a line.
        beside = m and m == list(range(m[0], m[0] + len(m)))
        rows = slice(m[0], m[0] + len(m)) if beside else m
        return replace(
            self,
            level=self.level[rows],
            shift=self.shift[rows],
            level_baseline=self.level_baseline[rows],
            shift_baseline=self.shift_baseline[rows],
            level_scale=self.level_scale[rows],
            shift_scale=self.shift_scale[rows],
            noise=tuple(self.noise[k] for k in m),
            unit=tuple(self.unit[k] for k in m),
            assay=tuple(self.assay[k] for k in m),
        )

    def whole(self) -> Stack:
        """Return the stack with nothing subtracted: for what the baseline has as well."""
        return replace(
            self,
            level=self.level + self.level_baseline,
            shift=self.shift + self.shift_baseline,
            level_baseline=np.zeros_like(self.level_baseline),
            shift_baseline=np.zeros_like(self.shift_baseline),
        )


def stack(
    contrasts: Sequence[pd.DataFrame],
    noises: Sequence[Noise],
    karyotype: Karyotype,
    samples: Sequence[str] | None = None,
    assays: Sequence[str] | None = None,
) -> Stack:
    """Return the contrasts of a line on the union of their loci.

    Of loci that repeat a position within a contrast the first is kept. `samples` and `assays`
    name what each was measured on and by; None is each on a sample of its own, all by one assay.
    """
    samples = [str(k) for k in range(len(contrasts))] if samples is None else samples
    keys = [
        (frame["chrom"].cat.codes.to_numpy().astype(np.int64) << 32) + frame["start"].to_numpy()
        for frame in contrasts
    ]
    union = _union(keys)
    names = ("log_ratio", "shift", "log_ratio_baseline", "shift_baseline")
    scales = {name: _scales(contrasts, noises, name) for name in ("log_ratio", "shift")}
    shape = (len(contrasts), len(union))
    arrays = {name: np.full(shape, np.nan, np.float32) for name in names}
    relative = {
        name: np.ones(shape if any(map(len, scale)) else (shape[0], 1), np.float32)
        for name, scale in scales.items()
    }
    end = np.zeros(len(union), np.int64)
    for k, (key, frame) in enumerate(zip(keys, contrasts, strict=True)):
        # Written back to front, so that the first of repeated positions stands.
        place = np.searchsorted(union, key)[::-1]
        end[place] = frame["end"].to_numpy()[::-1]
        for name in names:
            arrays[name][k, place] = frame[name].to_numpy()[::-1]
        for name, scale in scales.items():
            if len(scale[k]):
                relative[name][k, place] = scale[k][::-1]
    codes = (union >> 32).astype(int)
    chrom = np.asarray(CHROM_DTYPE.categories)[codes]
    start = union & 0xFFFFFFFF
    return Stack(
        keys=union,
        chrom=chrom,
        start=start,
        end=end,
        copies=karyotype.copies_at(chrom, start),
        level=arrays["log_ratio"],
        shift=arrays["shift"],
        level_baseline=np.nan_to_num(arrays["log_ratio_baseline"]),
        shift_baseline=np.nan_to_num(arrays["shift_baseline"]),
        level_scale=relative["log_ratio"],
        shift_scale=relative["shift"],
        noise=tuple(noises),
        unit=tuple(list(samples).index(name) for name in samples),
        assay=tuple(assays) if assays is not None else ("",) * len(contrasts),
    )


def _scales(
    contrasts: Sequence[pd.DataFrame], noises: Sequence[Noise], name: str
) -> list[np.ndarray]:
    """Return the relative sd of the loci of each contrast, without values where all are alike."""
    found = []
    for frame, noise in zip(contrasts, noises, strict=True):
        sd = frame[f"{name}_sd"].to_numpy().astype(np.float32)
        if name == "log_ratio":
            # X and Y are noisier as a whole: `Noise.on` knows.
            usual = {chrom: noise.on(chrom).level_sd for chrom in frame["chrom"].cat.categories}
            sd = sd / np.array(list(usual.values()), np.float32)[frame["chrom"].cat.codes]
        middle = np.nanmedian(sd) if np.isfinite(sd).any() else 1.0
        alike = not np.isfinite(sd).any() or np.nanmax(np.abs(sd / middle - 1)) < 1e-3
        found.append(np.zeros(0, np.float32) if alike else np.nan_to_num(sd / middle, nan=1.0))
    return found


def _union(keys: Sequence[np.ndarray]) -> np.ndarray:
    """Return the distinct ones of several sorted arrays, sorted."""
    # A stable sort merges runs that are sorted already; np.unique sorts them anew.
    merged = np.sort(np.concatenate([np.zeros(0, np.int64), *keys]), kind="stable")
    return merged[np.diff(merged, prepend=-1) != 0]


def within(scale: np.ndarray, first: int, last: int) -> np.ndarray:
    """Return relative sds of loci [first, last), (K, n), or (K, 1) where all are alike."""
    return scale if scale.shape[1] == 1 else scale[:, first:last]
