"""Reads of candidate alleles as arrays: sites x samples x strands.

A candidate is an allele that may be a variant. Sequencing errors depend on the bases around the
site, on the base that is read instead, and on the strand of the read (doi:10.1093/nar/gkr344,
doi:10.1186/gb-2011-12-11-r112), so every candidate has an *error class*: of a
single base the trinucleotide with its pyrimidine in the middle and the alternative, 96 in all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from linedrift.tables import TableError

ROLES = ("own", "baseline", "panel")
SITE_COLUMNS = [
    "chrom", "start", "ref", "alt", "context", "repeat",
    "read_position_z", "mapping_quality_z", "base_quality_z",
]  # fmt: skip
KEY = ["chrom", "start", "ref", "alt"]

_CENTRES = {"C": "AGT", "T": "ACG"}
_COMPLEMENT = str.maketrans("ACGT", "TGCA")
# Error classes: index of (context, alternative), both on the strand of the pyrimidine.
CLASSES = {
    (f"{before}{centre}{after}", alt): number
    for number, (before, centre, after, alt) in enumerate(
        (before, centre, after, alt)
        for centre, alts in _CENTRES.items()
        for alt in alts
        for before in "ACGT"
        for after in "ACGT"
    )
}
OTHER_SNV, MNV, INDEL = len(CLASSES), len(CLASSES) + 1, len(CLASSES) + 2
N_CLASSES = len(CLASSES) + 3


@dataclass(frozen=True)
class Counts:
    """Reads of each candidate allele.

    Attributes
    ----------
    sites
        One row a candidate: chrom, start, ref, alt, context, repeat and the three z figures.
    samples, roles, passages
        One entry a sample, shape (k,). Roles: ``own`` (a passage of the line), ``baseline`` (its
        donor; a passage where nobody was sampled), ``panel`` (unrelated people).
    ref, alt
        Reads of the reference and of the alternative, by strand (forward, reverse), shape
        (n, k, 2).
    donor
        False where the baseline is a passage of the line itself: what it has was not shown to
        be inherited.
    """

    sites: pd.DataFrame
    samples: tuple[str, ...]
    roles: tuple[str, ...]
    passages: tuple[int, ...]
    ref: np.ndarray
    alt: np.ndarray
    donor: bool = True

    def __post_init__(self) -> None:
        shape = (len(self.sites), len(self.samples), 2)
        if self.ref.shape != shape or self.alt.shape != shape:
            raise ValueError(
                f"counts have the shapes {self.ref.shape} and {self.alt.shape}, expected {shape} "
                "(sites, samples, strands)"
            )
        if len(self.roles) != len(self.samples) or len(self.passages) != len(self.samples):
            raise ValueError("each sample needs one role and one passage")
        if unknown := set(self.roles) - set(ROLES):
            raise ValueError(f"unknown roles {sorted(unknown)}; expected {', '.join(ROLES)}")
        if (self.ref < 0).any() or (self.alt < 0).any():
            raise ValueError("counts of reads are negative")

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        roles: Mapping[str, str],
        passages: Mapping[str, int],
        *,
        donor: bool = True,
    ) -> Counts:
        """Return the counts of a VARIANT_COUNTS frame for the samples that `roles` names.

        A sample without a row at a candidate has no read there. Rows of other samples are left
        out; the order of samples is that of `roles`.

        Raises
        ------
        TableError
            When an allele has two rows of the same sample.
        """
        samples = tuple(roles)
        frame = frame[frame["sample"].isin(samples)]
        twice = frame.duplicated([*KEY, "sample"])
        if twice.any():
            row = frame[twice].iloc[0]
            raise TableError(
                f"table variant_counts: {row.chrom}:{row.start} {row.ref}>{row.alt} stands twice "
                f"for sample {row['sample']}; join the parts of different regions only"
            )
        number = frame.groupby(KEY, observed=True, sort=False).ngroup().to_numpy()
        sites = frame.loc[~frame.duplicated(KEY), SITE_COLUMNS].reset_index(drop=True)
        order = np.lexsort((sites["start"], sites["chrom"].cat.codes))
        place = np.empty(len(sites), dtype=np.int64)
        place[order] = np.arange(len(sites))
        shape = (len(sites), len(samples), 2)
        ref, alt = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
        at = place[number], pd.Index(samples).get_indexer(pd.Index(frame["sample"]))
        for strand, word in enumerate(("forward", "reverse")):
            ref[(*at, strand)] = frame[f"ref_{word}"]
            alt[(*at, strand)] = frame[f"alt_{word}"]
        return cls(
            sites.iloc[order].reset_index(drop=True),
            samples,
            tuple(roles.values()),
            tuple(passages[sample] for sample in samples),
            ref,
            alt,
            donor,
        )

    def __len__(self) -> int:
        return len(self.sites)

    def which(self, *roles: str) -> np.ndarray:
        """Return the places of the samples with any of these roles."""
        return np.flatnonzero(np.isin(self.roles, roles))

    def take(self, rows: np.ndarray | slice) -> Counts:
        """Return the candidates at `rows` (places, a mask or a slice)."""
        sites = self.sites.iloc[rows].reset_index(drop=True)
        return replace(self, sites=sites, ref=self.ref[rows], alt=self.alt[rows])

    def of(self, places: np.ndarray) -> Counts:
        """Return the samples at `places`, in that order."""
        return replace(
            self,
            samples=tuple(self.samples[k] for k in places),
            roles=tuple(self.roles[k] for k in places),
            passages=tuple(self.passages[k] for k in places),
            ref=self.ref[:, places],
            alt=self.alt[:, places],
        )

    def in_line(self) -> np.ndarray:
        """Return the places of baseline and passages, by passage; without the panel."""
        return np.concatenate(
            [
                self.which("baseline"),
                self.which("own")[
                    np.argsort([self.passages[k] for k in self.which("own")], kind="stable")
                ],
            ]
        ).astype(np.int64)

    @property
    def reads(self) -> np.ndarray:
        """Reads of either allele on both strands, shape (n, k)."""
        return (self.ref + self.alt).sum(axis=2)

    @property
    def alt_reads(self) -> np.ndarray:
        """Reads of the alternative on both strands, shape (n, k)."""
        return self.alt.sum(axis=2)

    @property
    def share(self) -> np.ndarray:
        """Share of the alternative among the reads of either, shape (n, k); 0 without reads."""
        return self.alt_reads / np.maximum(self.reads, 1)

    @property
    def kinds(self) -> np.ndarray:
        """Kind of each candidate: snv, mnv or indel, shape (n,)."""
        ref, alt = self.sites["ref"].str.len(), self.sites["alt"].str.len()
        return np.where(ref != alt, "indel", np.where(ref == 1, "snv", "mnv"))

    def error_classes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the error class of each candidate, and whether its strands are turned.

        Returns
        -------
        classes : (n,) int
        turned : (n,) bool
            True where ref is a purine: forward reads then show the purine.
        """
        classes = np.select(
            [self.kinds == "indel", self.kinds == "mnv"], [INDEL, MNV], OTHER_SNV
        ).astype(np.int64)
        turned = np.zeros(len(self), dtype=bool)
        single = self.kinds == "snv"
        turned[single] = self.sites["ref"][single].isin(["A", "G"])
        keys = self.sites.loc[single, ["context", "ref", "alt"]]
        known = {
            key: _error_class(*key)
            for key in keys.drop_duplicates().itertuples(index=False, name=None)
        }
        classes[single] = [known[key] for key in keys.itertuples(index=False, name=None)]
        return classes, turned


def _error_class(context: str, ref: str, alt: str) -> int:
    if ref in "AG":
        alt = alt.translate(_COMPLEMENT)
    return CLASSES.get((context, alt), OTHER_SNV)


def joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return VARIANT_COUNTS of several regions as one frame (each allele is of one region)."""
    return pd.concat(parts, ignore_index=True)
