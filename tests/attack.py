"""Donors, what their lines' records show, and an attacker who holds genotypes.

Genotypes have linkage (blocks of ten markers that are copied from eight ancestral haplotypes)
and long homozygous stretches, the two things that make the heterozygosity of a stretch personal.
"""

from dataclasses import dataclass

import line_records as made
import numpy as np
import pandas as pd
from linedrift import tables
from linedrift.genome import AUTOSOMES, CHROM_DTYPE, GRCH38
from linedrift.report import figures

BIN = 100_000  # a private bin holds one block of linkage
PER_BIN = 10  # markers: 287,000 on the autosomes
HAPLOTYPES = 8
SHIFT_SD = 0.04
LEVEL_SD = 0.18
WAVE_SD = 0.02
RESPONSE = 0.6  # of the log R ratio to log2 of copies
# Heterozygous loci of the three HumanHap550 arrays lie .02 to .06 below the others.
HET_LEVEL = -0.03


def bins():
    """Return chrom, start, end of the private bins."""
    parts = []
    for chrom in AUTOSOMES:
        start = np.arange(0, GRCH38.lengths[chrom] - BIN, BIN)
        parts.append(pd.DataFrame({"chrom": chrom, "start": start, "end": start + BIN}))
    return pd.concat(parts, ignore_index=True).astype({"chrom": CHROM_DTYPE})


@dataclass(frozen=True)
class Population:
    """Heterozygous markers of each bin for each pair of haplotypes: shape (bins, 8, 8)."""

    het: np.ndarray
    table: pd.DataFrame

    @classmethod
    def make(cls, rng):
        table = bins()
        frequency = rng.beta(0.8, 1.2, (len(table), 1, PER_BIN))
        alleles = rng.random((len(table), HAPLOTYPES, PER_BIN)) < frequency
        het = (alleles[:, :, None] != alleles[:, None]).sum(-1).astype(np.int8)
        return cls(het, table)

    def person(self, rng):
        """Return the heterozygous markers per bin of a person, int8, shape (bins,)."""
        n = len(self.het)
        one, other = rng.integers(0, HAPLOTYPES, (2, n))
        for first in rng.integers(0, n, 8):
            stretch = slice(first, first + rng.integers(10, 80))
            other[stretch] = one[stretch]
        return self.het[np.arange(n), one, other]


def tracks(population, het, sample, rng, changed=None, level=0.0, shift=0.0):
    """Return private TRACKS of a person's line; `changed` bins carry an event."""
    n = len(het)
    changed = np.zeros(n, bool) if changed is None else changed
    wave = rng.normal(0, WAVE_SD, n // 20 + 1).repeat(20)[:n]
    noise = rng.normal(0, LEVEL_SD / np.sqrt(PER_BIN), n)
    inside = np.arange(PER_BIN) < het[:, None]
    sign = rng.choice([-1, 1], (n, PER_BIN))
    folded = np.abs(rng.normal(0, SHIFT_SD, (n, PER_BIN)) + sign * shift * changed[:, None])
    mean = (folded * inside).sum(1) / np.maximum(het, 1)
    imbalance = figures.unfold(mean, np.full(n, SHIFT_SD))
    frame = population.table.assign(
        sample=sample,
        assay="snp_array",
        log_ratio=noise + wave + HET_LEVEL * het / PER_BIN + level * changed,
        imbalance=np.where(het >= figures.MIN_HET_LOCI, imbalance, np.nan),
    )
    return tables.check(frame, tables.TRACKS)


def limits(inside, het, shift_sd=SHIFT_SD):
    """Return the limit of each hotspot: 5.5 sd above noise, by the alleles or by the level.

    `inside` is what `overlap` returns. A level alone calls from 30 % of cells on; how many markers
    it has is the array's, not the donor's.
    """
    n = inside @ het.astype(float)
    markers = inside.sum(axis=1) * PER_BIN
    with np.errstate(divide="ignore", invalid="ignore"):
        delta = 5.5 * shift_sd / np.sqrt(n)
        by_alleles = np.where((n >= 1) & (delta < 0.5), 4 * delta / (1 - 2 * delta), np.inf)
        rise = 5.5 * LEVEL_SD / RESPONSE / np.sqrt(markers)
    by_level = np.where(markers >= 1, 2 * (2 ** np.minimum(rise, 9) - 1), np.inf)
    limit = np.minimum(by_alleles, np.maximum(by_level, 0.3))
    return np.where(limit <= 1, limit, np.nan)


def overlap(table, hotspot_table):
    """Return the share of each bin that each hotspot covers: shape (hotspots, bins)."""
    start, end = (table[side].to_numpy() for side in ("start", "end"))
    chrom = table["chrom"].astype(str).to_numpy()
    rows = []
    for spot in hotspot_table.itertuples():
        shared = np.minimum(end, spot.end) - np.maximum(start, spot.start)
        rows.append(np.where(chrom == spot.chrom, np.maximum(shared, 0), 0) / BIN)
    return np.array(rows)


def rank(score_of_donor, scores_of_others):
    """Return the share of others that fit worse than the donor (ties count half)."""
    others = np.asarray(scores_of_others)
    return float((others < score_of_donor).mean() + (others == score_of_donor).mean() / 2)


def fit(shown, expected):
    """Return the correlation of what is shown with what a candidate would show, 0 where flat."""
    there = np.isfinite(shown) & np.isfinite(expected)
    x, y = shown[there], expected[there]
    if len(x) < 3 or x.std() == 0 or y.std() == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])


# Exomes: germline variants that some people have and others do not.

CODING = 30_000  # in the population; a person has about 23,000 that differ from the reference
COUNT_SD = 0.002  # two calls of one exome differ by so much in their number


@dataclass(frozen=True)
class Germline:
    """What a person has in the exome: how many variants, and those a caller would list."""

    inherited: int
    rows: tuple[dict, ...]

    @classmethod
    def make(cls, rng):
        """Return a person: common variants by chance, and some in cancer genes or hotspots."""
        n = int(rng.binomial(CODING, rng.normal(0.77, 0.02)))
        genes = rng.choice(["BRCA2", "ATM", "TP53", "BCOR", "EGFR", "MSH6"], rng.integers(1, 5))
        places = rng.integers(1, 900, len(genes))
        rows = [
            made.elsewhere(int(place), gene=str(gene), origin="inherited")
            for gene, place in zip(genes, places, strict=True)
        ]
        return cls(n, tuple(rows))

    def carrier(self):
        """Return the same person with TP53 R175H in every cell (Li-Fraumeni syndrome)."""
        row = made.variant(variant_id="v-germline", origin="inherited")
        return Germline(self.inherited, (*self.rows, row))

    def variants(self, called=(), courses=(), passages=(10, 30), **facts):
        """Return the variants of this person's line: these of the line, and the donor's."""
        rows = {row["variant_id"]: row for row in self.rows}
        samples = [(p, "KSB-1") for p in passages] + [(0, "donor-7")]
        own = [
            made.course(name, passage, 1.0, line, low=0.95, high=1.0, ref_reads=0)
            for name in rows
            for passage, line in samples
        ]
        spots = made.points(passages)
        for name in {row["hotspot_id"] for row in rows.values()} - {""}:
            at = spots["hotspot_id"] == name
            spots.loc[at, ["state", "origin"]] = ["present", "inherited"]
            spots.loc[at, ["cell_fraction", "low", "high"]] = [1.0, 0.95, 1.0]
            spots.loc[at, "limit"] = np.nan
        told = {"inherited": self.inherited, "not_called": {"one strand only": 40}} | facts
        return made.variants([*called, *rows.values()], [*courses, *own], spots, **told)
