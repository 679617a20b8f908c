"""A small genome for simulated exomes: real names, lengths and coordinates, random sequence.

Sequence stands only around the targets of a capture kit; the rest of each chromosome is N. Nothing
of it is copied: the bases are random, with the GC content, homopolymers and short tandem repeats
that make exomes hard, and only what names a hotspot is planted: the reference base of SNPs and
mutations that are asked by position, and codons that carry the amino acids of those mutations.

`make` draws everything from one seed; `genome_files` writes FASTA, capture BED and GFF3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import genome_sites
import library_path  # noqa: F401
import numpy as np
import pandas as pd
from flat_sequence import CODE, as_codes, flat_in, flat_of, letters
from linedrift import genome
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtr

# chrom, start, end, targets: dense where hPSC gain 20q11.21.
REGIONS = (
    ("chr17", 300_000, 83_000_000, 330),
    ("chr20", 300_000, 64_200_000, 420),
    ("chr20", 30_100_000, 33_300_000, 220),
    ("chrX", 2_900_000, 155_500_000, 130),
    ("chrY", 2_900_000, 26_000_000, 20),
)

# Coding exons, 0-based half-open. TP53: those of the canonical transcript, so that mutations asked
# by position fall into their codons. The others have their gene's name, place and strand, and
# exons of our own making.
GENES: Mapping[str, tuple[str, int, tuple[tuple[int, int], ...]]] = {
    "TP53": (
        "chr17",
        -1,
        ((7669608, 7669690), (7670608, 7670715), (7673534, 7673608), (7673700, 7673837))
        + ((7674180, 7674290), (7674858, 7674971), (7675052, 7675236), (7675993, 7676272))
        + ((7676381, 7676403), (7676520, 7676594)),
    ),
    "BCOR": (
        "chrX",
        -1,
        ((40052000, 40052240), (40054900, 40055080), (40057200, 40057420), (40062300, 40062540))
        + ((40064800, 40065040), (40072600, 40072900), (40074000, 40074280), (40077800, 40077980)),
    ),
    "HM13": ("chr20", 1, ((31514600, 31514810), (31539300, 31539510), (31569100, 31569340))),
    "ID1": ("chr20", 1, ((31605400, 31605700), (31606100, 31606280))),
    "BCL2L1": ("chr20", -1, ((31666000, 31666260), (31721400, 31721820))),
}

# A target is a coding exon with this much on either side; targets do not come nearer than the gap.
EXON_FLANK, TARGET_GAP = 15, 700
# Sequence around a target that is not N, and stretches that are known throughout: reads off target
# are counted there.
MARGIN = 4_000
KNOWN = (
    ("chr17", 6_000_000, 9_500_000),
    ("chr20", 30_050_000, 34_050_000),
    ("chrX", 38_500_000, 42_500_000),
)

_AMINO_ACIDS = "KNKNTTTTRSRSIIMIQHQHPPPPRRRRLLLLEDEDAAAAGGGGVVVV*Y*YSSSS*CWCLFLF"
_NAMES = "Ala Arg Asn Asp Cys Gln Glu Gly His Ile Leu Lys Met Phe Pro Ser Thr Trp Tyr Val Ter"
SHORT = dict(zip("ARNDCQEGHILKMFPSTWYV*", _NAMES.split(), strict=True))
CODONS = {
    codon: SHORT[letter]
    for codon, letter in zip(product(range(4), repeat=3), _AMINO_ACIDS, strict=True)
}
START = np.array([CODE[b] for b in "ATG"], np.uint8)
STOP = np.array([CODE[b] for b in "TGA"], np.uint8)


@dataclass(frozen=True)
class Genome:
    """A reduced genome and its capture kit.

    All sequence stands in one array, `codes` (uint8): the `islands` (chrom, start, end) one after
    another in genome order. A *flat* position is an index into it.

    Frames: `targets` (chrom, start, end, gene, flat, gc, efficiency, paralog: share of foreign
    fragments from a similar sequence), `exons` (gene, chrom, strand, start, end; coding), `sites`
    (polymorphic: chrom, start, ref, alt, frequency of alt, locus of the array or -1, flat),
    `repeats` (flat, length, unit), `paralogs` (flat, alt: where the similar sequences differ).
    """

    islands: pd.DataFrame
    codes: np.ndarray
    targets: pd.DataFrame
    exons: pd.DataFrame
    sites: pd.DataFrame
    repeats: pd.DataFrame
    paralogs: pd.DataFrame

    @cached_property
    def chromosomes(self) -> tuple[str, ...]:
        """Return the names of the chromosomes, in genome order."""
        return tuple(self.islands["chrom"].unique())

    @cached_property
    def offsets(self) -> np.ndarray:
        """Return the flat position at which each island begins, and the end of the last."""
        lengths = (self.islands["end"] - self.islands["start"]).to_numpy(np.int64)
        return np.concatenate([[0], np.cumsum(lengths)])

    def flat(self, chrom: str, start: int) -> int:
        """Return the flat position of a base. Raises ValueError where it is N."""
        return int(flat_in(self.islands, self.offsets, chrom, np.array([start]))[0])

    def island_of(self, flat: np.ndarray) -> np.ndarray:
        """Return the index of the island of each flat position."""
        return np.searchsorted(self.offsets, flat, side="right") - 1

    def place(self, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the chromosome (index into `chromosomes`) and the start of flat positions."""
        island = self.island_of(flat)
        number = pd.Index(self.chromosomes).get_indexer(self.islands["chrom"].astype(str))
        return number[island], flat - self.offsets[island] + self.islands["start"].to_numpy()[
            island
        ]

    def text(self, chrom: str, start: int, end: int) -> str:
        """Return the bases of a stretch that holds no N."""
        first = self.flat(chrom, start)
        return letters(self.codes[first : first + end - start])


def make(
    rng: np.random.Generator,
    *,
    loci: pd.DataFrame | None = None,
    panel: pd.DataFrame | None = None,
    hotspots: pd.DataFrame | None = None,
    regions: Sequence[tuple[str, int, int, int]] = REGIONS,
) -> Genome:
    """Return a reduced genome.

    Parameters
    ----------
    loci
        Markers of an array (chrom, start), on many of which a target is put; sites near targets.
    panel
        SNPs with known alleles (chrom, start, ref, alt), likewise.
    hotspots
        Mutations of the coding sequence (gene, chrom, start, ref, alt, hgvs_p as p.Arg175His):
        their codons are planted where the gene is one of GENES.
    regions
        chrom, start, end, and the number of targets to draw there.
    """
    exons, targets = _lay_out(rng, loci, panel, regions)
    islands = _islands(targets)
    lengths = (islands["end"] - islands["start"]).to_numpy(np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    targets["flat"] = flat_of(islands, targets)
    codes = _random_sequence(rng, int(offsets[-1]))
    fixed = np.zeros(len(codes), bool)
    _plant_repeats(rng, codes, targets[~targets["gene"].isin(GENES)])
    known = None if panel is None else genome_sites.near_targets(panel, targets)
    if known is not None:
        flat = flat_of(islands, known)
        codes[flat], fixed[flat] = as_codes("".join(known["ref"])), True
    for gene, own in exons.groupby("gene", sort=False):
        _plant_gene(codes, fixed, islands, own, _mutations(hotspots, str(gene)))
    targets["gc"] = [
        np.isin(codes[f : f + n], (1, 2)).mean()
        for f, n in zip(targets["flat"], targets["end"] - targets["start"], strict=True)
    ]
    repeats = genome_sites.repeats(codes, targets)
    # In the genes that hotspots lie in nobody is polymorphic but for what is planted.
    named = targets[targets["gene"].isin(GENES)]
    sites = genome_sites.sites(rng, codes, islands, targets, repeats, known, loci, named)
    paralogs = genome_sites.paralogs(rng, codes, targets, sites)
    return Genome(islands, codes, targets, exons, sites, repeats, paralogs)


def _lay_out(
    rng: np.random.Generator,
    loci: pd.DataFrame | None,
    panel: pd.DataFrame | None,
    regions: Sequence[tuple[str, int, int, int]],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return coding exons, and targets: the named genes, and drawn ones around SNPs."""
    chroms = {region[0] for region in regions}
    exons = [
        (name, chrom, strand, start, end)
        for name, (chrom, strand, coding) in GENES.items()
        if chrom in chroms
        for start, end in coding
    ]
    taken = {chrom: sorted(e[3] for e in exons if e[1] == chrom) for chrom in chroms}
    for chrom, start, end, n in regions:
        anchors = _anchors(rng, chrom, start, end, n, loci, panel)
        anchors = _apart(anchors, taken[chrom])
        taken[chrom] = sorted([*taken[chrom], *anchors])
        lengths = rng.integers(150, 300, len(anchors))
        starts = anchors - (rng.uniform(0.1, 0.9, len(anchors)) * lengths).astype(int)
        ends = starts + lengths - EXON_FLANK
        exons += [("", chrom, 0, s + EXON_FLANK, e) for s, e in zip(starts, ends, strict=True)]
    frame = pd.DataFrame(exons, columns=["gene", "chrom", "strand", "start", "end"])
    frame["chrom"] = frame["chrom"].astype(genome.CHROM_DTYPE)
    frame = _name_genes(rng, frame.sort_values(["chrom", "start"], ignore_index=True))
    targets = _merged(
        frame.assign(start=frame["start"] - EXON_FLANK, end=frame["end"] + EXON_FLANK)
    )
    named = targets["gene"].isin(GENES).to_numpy()
    # Efficiencies of real kits scatter by a factor of 1.5; named genes are captured well.
    efficiency = np.exp(rng.normal(0, 0.35, len(targets)))
    targets["efficiency"] = np.where(named, np.clip(efficiency, 0.9, 1.3), efficiency)
    similar = ~named & (rng.random(len(targets)) < 0.04)
    targets["paralog"] = np.where(similar, rng.uniform(0.05, 0.25, len(targets)), 0.0)
    return frame, targets


def _anchors(
    rng: np.random.Generator,
    chrom: str,
    start: int,
    end: int,
    n: int,
    loci: pd.DataFrame | None,
    panel: pd.DataFrame | None,
) -> np.ndarray:
    """Return positions to put targets on: SNPs of the panel (two in five) and of the array."""
    drawn: list[np.ndarray] = []
    for source, share in ((panel, 0.4), (loci, 1.0)):
        if source is not None:
            own = source.loc[(source["chrom"] == chrom).to_numpy(), "start"].to_numpy()
            own = own[(own > start) & (own < end)]
            left = n - sum(map(len, drawn))
            drawn.append(rng.choice(own, min(int(left * share), len(own)), replace=False))
    left = n - sum(map(len, drawn))
    drawn.append(rng.integers(start, end, left))
    return np.unique(np.concatenate(drawn).astype(np.int64))


def _apart(anchors: np.ndarray, taken: Sequence[int]) -> np.ndarray:
    """Return the sorted `anchors` that are far enough from each other and from `taken`."""
    kept: list[int] = []
    for anchor in anchors:
        near = kept[-1:] + [t for t in taken if abs(t - anchor) < 2 * TARGET_GAP]
        if all(abs(anchor - t) >= TARGET_GAP for t in near):
            kept.append(int(anchor))
    return np.array(kept, np.int64)


def _name_genes(rng: np.random.Generator, exons: pd.DataFrame) -> pd.DataFrame:
    """Return `exons` with drawn ones grouped by three to six into genes whose codons are whole."""
    number, left, last, strand = 0, 0, "", 1
    names, strands = [], []
    for name, chrom, own in zip(exons["gene"], exons["chrom"], exons["strand"], strict=True):
        if name:
            left = 0
        elif left == 0 or chrom != last:
            number, left, last = number + 1, int(rng.integers(3, 7)), chrom
            strand = int(rng.choice([-1, 1]))
        names.append(name or f"DEMO{number}")
        strands.append(own if name else strand)
        left -= not name
    exons = exons.assign(gene=names, strand=strands)
    length = (exons["end"] - exons["start"]).groupby(exons["gene"]).transform("sum")
    is_last = ~exons.duplicated("gene", keep="last")
    exons["end"] -= (length % 3).where(is_last, 0)
    return exons


def _merged(intervals: pd.DataFrame) -> pd.DataFrame:
    """Return sorted intervals with those that touch joined, under the gene of the first."""
    last = intervals.groupby("chrom", observed=True)["end"].transform(
        lambda ends: ends.cummax().shift(fill_value=-1)
    )
    group = (intervals["start"] > last).cumsum()
    return (
        intervals.groupby(group)
        .agg(chrom=("chrom", "first"), start=("start", "min"), end=("end", "max"))
        .assign(gene=intervals.groupby(group)["gene"].first())
        .astype({"chrom": genome.CHROM_DTYPE})
        .reset_index(drop=True)
    )


def _islands(targets: pd.DataFrame) -> pd.DataFrame:
    wide = targets.assign(start=targets["start"] - MARGIN, end=targets["end"] + MARGIN)
    known = pd.DataFrame(KNOWN, columns=["chrom", "start", "end"]).assign(gene="")
    known = known[known["chrom"].isin(targets["chrom"].astype(str))]
    islands = pd.concat([wide, known]).astype({"chrom": genome.CHROM_DTYPE})
    return _merged(islands.sort_values(["chrom", "start"]))[["chrom", "start", "end"]]


def _random_sequence(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return n bases (codes) whose GC content varies smoothly between 30 and 65 %."""
    step = 200
    smooth = gaussian_filter1d(rng.normal(size=n // step + 1), 3)
    share = (0.30 + 0.35 * ndtr(smooth / smooth.std())).astype(np.float32)
    strong = rng.random(n, dtype=np.float32) < np.repeat(share, step)[:n]
    other = rng.integers(0, 2, n, dtype=np.uint8)
    return np.where(strong, 1 + other, 3 * other).astype(np.uint8)


def _plant_repeats(rng: np.random.Generator, codes: np.ndarray, targets: pd.DataFrame) -> None:
    """Put homopolymers of 7 to 13 bases into 14 % of targets, dinucleotide repeats into 4 %."""
    for flat, length in zip(targets["flat"], targets["end"] - targets["start"], strict=True):
        kind = rng.random()
        at = flat + int(rng.integers(30, length - 50))
        if kind < 0.14:
            codes[at : at + int(rng.integers(7, 14))] = rng.choice([0, 3, 0, 3, 0, 3, 1, 2])
        elif kind < 0.18:
            unit = rng.choice(4, 2, replace=False)
            codes[at : at + 2 * int(rng.integers(7, 13))].reshape(-1, 2)[:] = unit


def _mutations(hotspots: pd.DataFrame | None, gene: str) -> pd.DataFrame | None:
    if hotspots is None or gene not in GENES:
        return None
    own = hotspots[(hotspots["gene"] == gene) & (hotspots["ref"].str.len() == 1)]
    return own[own["hgvs_p"].str.match(r"p\.[A-Z][a-z]{2}\d+[A-Z][a-z]{2}$")]


def _plant_gene(
    codes: np.ndarray,
    fixed: np.ndarray,
    islands: pd.DataFrame,
    exons: pd.DataFrame,
    mutations: pd.DataFrame | None,
) -> None:
    """Make the exons of one gene an open reading frame with the codons of its mutations."""
    strand, chrom = exons["strand"].iloc[0], exons["chrom"].iloc[0]
    starts = np.concatenate([np.arange(e.start, e.end) for e in exons.itertuples()])[::strand]
    flat = flat_of(islands, pd.DataFrame({"chrom": chrom, "start": starts}))

    def turned(bases: np.ndarray) -> np.ndarray:
        return bases if strand == 1 else 3 - bases

    coding, kept = turned(codes[flat]).astype(np.uint8), fixed[flat]
    coding[:3], coding[-3:] = START, STOP
    codons, kept = coding.reshape(-1, 3), kept.reshape(-1, 3)
    if mutations is not None:
        at = {int(start): i for i, start in enumerate(starts)}
        where = mutations["start"].map(at)
        for codon, own in mutations.groupby(where // 3):
            within = (where[own.index] % 3).to_numpy(int)
            codons[int(codon)] = _codon(own, within, strand)
            kept[int(codon)] = True
    stops = (codons[:, 0] == 3) & (
        ((codons[:, 1] == 0) & np.isin(codons[:, 2], (0, 2)))
        | ((codons[:, 1] == 2) & (codons[:, 2] == 0))
    )
    stops[-1] = False
    codons[stops & ~kept[:, 0], 0] = 1
    codons[stops & kept[:, 0], 2] = 1
    codes[flat], fixed[flat] = turned(coding), kept.reshape(-1)


def _codon(mutations: pd.DataFrame, within: np.ndarray, strand: int) -> tuple[int, ...]:
    """Return a codon that all `mutations` of it (ref, alt, hgvs_p) fit; `within`: which base."""
    asked = [
        (
            i,
            *(CODE[b] if strand == 1 else 3 - CODE[b] for b in (ref, alt)),
            change[2:5],
            change[-3:],
        )
        for i, ref, alt, change in zip(
            within, mutations["ref"], mutations["alt"], mutations["hgvs_p"], strict=True
        )
    ]
    for codon, amino_acid in CODONS.items():
        if all(
            codon[i] == ref
            and amino_acid == before
            and CODONS[(*codon[:i], alt, *codon[i + 1 :])] == after
            for i, ref, alt, before, after in asked
        ):
            return codon
    raise ValueError(f"no codon fits {', '.join(mutations['hgvs_p'])}")
