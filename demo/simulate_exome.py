"""An exome that behaves like a real one, with planted truth: pure functions of a seed.

Chain: `reduced_genome.make` (sequence, targets, polymorphic sites) -> `person` (two haplotypes;
those of an array, where the person has one) -> `sequence` (aligned pairs of a mixture of cells, as
BAM).

What makes calls hard is in the reads: capture that peaks in the middle of targets, efficiencies
that all samples of the kit share, waves and GC bias of each sample; errors that follow quality,
context and place; damage before amplification, that both reads of a pair show; slips in repeats;
foreign fragments of similar sequences; errors of one strand; duplicates; gaps near ends of reads
that no aligner opens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import library_path  # noqa: F401
import numpy as np
import pandas as pd
import pysam
import simulate_array
from exome_reads import READ, Changes, Fragments, Reads
from flat_sequence import BASES, CODE, letters
from linedrift import genome
from reduced_genome import Genome
from simulate_array import Event as CopyEvent

__all__ = ["Artefact", "CopyEvent", "Library", "Person", "Variant", "person", "sequence"]

# Haplotype of fragments from a similar sequence.
FOREIGN = 2
# Fragments with a C>A or C>T of damaged DNA, a base.
DAMAGE_RATE = 1.5e-5
# Slips of homopolymers, a fragment: of six bases, and the growth with each further base; of
# dinucleotide repeats of 14 bases likewise.
SLIPS = {1: (6, 0.0015, 0.55, 0.15), 2: (14, 0.008, 0.2, 0.10)}


@dataclass(frozen=True)
class Variant:
    """A planted variant: place (0-based) and alleles as VCF writes them, and its share of cells.

    `haplotype` is the copy that carries it; where a person has only the other one (X of a male),
    that one is meant. Under a copy-number event `cell_fraction` is the share of that haplotype's
    copies.
    """

    chrom: str
    start: int
    ref: str
    alt: str
    haplotype: int = 0
    cell_fraction: float = 1.0
    name: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.cell_fraction <= 1:
            raise ValueError(f"cell_fraction is a share of cells, not {self.cell_fraction}")
        if self.haplotype not in (0, 1):
            raise ValueError(f"haplotype is 0 or 1, not {self.haplotype!r}")
        if self.ref == self.alt or not set(self.ref + self.alt) <= set(CODE):
            raise ValueError(f"ref {self.ref!r} and alt {self.alt!r} are not two alleles")
        if len(self.ref) != len(self.alt) and (
            self.ref[0] != self.alt[0] or min(len(self.ref), len(self.alt)) > 1
        ):
            raise ValueError(f"the indel {self.ref}>{self.alt} has not one base of anchor")


@dataclass(frozen=True)
class Artefact:
    """A base that reads of one strand show, in no cell at all."""

    chrom: str
    start: int
    alt: str
    reverse: bool
    fraction: float


@dataclass(frozen=True)
class Library:
    """What one library and its run are like.

    `depth` is the mean over targets at two copies, duplicates and the second of overlapping mates
    not counted. `off_target` is the depth elsewhere, as a share of it. `errors` and `slips`
    multiply the rates of the module.
    """

    depth: float = 80.0
    off_target: float = 0.004
    length: float = 200.0
    length_sd: float = 30.0
    gc_slope: float = 0.0
    wave_sd: float = 0.05
    target_sd: float = 0.06
    duplicates: float = 0.05
    errors: float = 1.0
    slips: float = 1.0


@dataclass(frozen=True)
class Person:
    """A sex, and two haplotypes at the sites of a genome.

    `alleles` is int8 (n, 2): 1 alt, 0 ref, -1 no such copy; column 0 is the mother's.
    """

    sex: str
    alleles: np.ndarray


def person(
    rng: np.random.Generator, of: Genome, sex: str, array: np.ndarray | None = None
) -> Person:
    """Return a person; `array` are the haplotypes (B 1, A 0) at the array's loci, if there is one.

    B is the allele that is C or G, which is how arrays name it for the sites they share with `of`.
    """
    sites = of.sites
    frequency = sites["frequency"].fillna(0.4).to_numpy()
    alleles = (rng.random((len(sites), 2)) < frequency[:, None]).astype(np.int8)
    if array is not None:
        on_array = (sites["locus"] >= 0).to_numpy()
        alt_is_b = sites["alt"].isin(["C", "G"]).to_numpy()[on_array]
        code = array[sites["locus"].to_numpy()[on_array]]
        alleles[on_array] = (code == 1) == alt_is_b[:, None]
    alleles[~_exists(sites, sex)] = -1
    return Person(sex, alleles)


def _exists(places: pd.DataFrame, sex: str) -> np.ndarray:
    """Return whether a person has each haplotype at `places` (bool, (n, 2))."""
    copies = genome.Karyotype(sex).copies_at(places["chrom"], places["start"])
    on_y = (places["chrom"] == "chrY").to_numpy()
    return np.column_stack(
        [(copies > 0) & ~(on_y & (copies == 1)), (copies == 2) | on_y & (copies == 1)]
    )


def sequence(
    rng: np.random.Generator,
    of: Genome,
    who: Person,
    path: Path,
    *,
    sample: str,
    library: Library = Library(),
    events: Sequence[CopyEvent] = (),
    variants: Sequence[Variant] = (),
    artefacts: Sequence[Artefact] = (),
    contamination: tuple[Person, float] | None = None,
    index: bool = True,
) -> Path:
    """Write the exome of a mixture of cells as sorted BAM with marked duplicates; return its path.

    Parameters
    ----------
    sample
        Name in the read group.
    events, variants
        Planted, in the shares of cells they name; germline ones with a share of 1.
    contamination
        Another person, and the share of molecules that are his or hers.
    """
    share = contamination[1] if contamination else 0.0
    efficiency = _efficiencies(rng, of, library)
    changes = _changes(rng, of, who, variants, library)
    molecules = _molecules(rng, of, who, events, library, efficiency, 1 - share)
    carried = _carried(rng, molecules, changes)
    if contamination:
        other = contamination[0]
        theirs = _changes(rng, of, other, (), library)
        foreign = _molecules(rng, of, other, (), library, efficiency, share)
        molecules, changes, carried = _mixed(
            (molecules, changes, carried), (foreign, theirs, _carried(rng, foreign, theirs))
        )
    reads = Reads(rng, of, molecules, library.duplicates)
    reads.open_gaps(of, changes, carried)
    reads.substitute(*_substitutions(changes, carried))
    reads.substitute(*_damage(rng, of, molecules))
    for artefact in artefacts:
        flat = of.flat(artefact.chrom, artefact.start)
        reads.add_artefact(rng, flat, CODE[artefact.alt], artefact.reverse, artefact.fraction)
    qualities = reads.add_errors(rng, library.errors)
    reads.write(path, of, sample, qualities)
    if index:
        pysam.index(str(path))
    return path


def _efficiencies(rng: np.random.Generator, of: Genome, library: Library) -> np.ndarray:
    """Return the relative depth of each target in one library, mean 1 over their bases."""
    targets = of.targets
    gc = targets["gc"].to_numpy() - 0.48
    # Both ends of the GC content are captured and amplified less.
    log_efficiency = library.gc_slope * gc - 8 * gc**2
    log_efficiency += library.wave_sd * simulate_array.smooth_field(rng, targets)
    log_efficiency += rng.normal(0, library.target_sd, len(targets))
    efficiency = targets["efficiency"].to_numpy() * np.exp(log_efficiency)
    return efficiency / np.average(efficiency, weights=targets["end"] - targets["start"])


def _molecules(
    rng: np.random.Generator,
    of: Genome,
    who: Person,
    events: Sequence[CopyEvent],
    library: Library,
    efficiency: np.ndarray,
    share: float,
) -> Fragments:
    """Return the molecules that one person's cells give to a library."""
    ends = [(e.start, e.end) for e in events]
    most = 2 + sum(e.copies if e.kind == "amplification" else 1 for e in events) * bool(ends)
    middle, target = _middles(rng, of, library, efficiency, share * most / 2)
    length = _lengths(rng, library, len(middle))
    start = middle - length // 2
    island = of.island_of(middle)
    inside = (start >= of.offsets[island] + 50) & (start + length <= of.offsets[island + 1] - 50)
    chrom, position = of.place(middle)
    places = pd.DataFrame(
        {"chrom": pd.Categorical.from_codes(chrom, of.chromosomes), "start": position}
    )
    exists = _exists(places, who.sex)
    labels = np.where(exists, np.array([0, 1], np.int8), np.int8(-1))
    # With haplotypes labelled as alleles A and B their doses are those of the haplotypes.
    first, second = simulate_array.allele_doses(places, labels, events)
    drawn = rng.random(len(middle)) * most
    haplotype = np.where(drawn < first, 0, 1)
    paralog = np.where(target >= 0, of.targets["paralog"].to_numpy()[np.maximum(target, 0)], 0.0)
    foreign = rng.random(len(middle)) < paralog * rng.uniform(0.7, 1.3)
    haplotype[foreign] = FOREIGN
    kept = np.flatnonzero(inside & (drawn < first + second))
    kept = kept[np.argsort(start[kept], kind="stable")]
    quality = _mapping_qualities(rng, haplotype[kept] == FOREIGN)
    return Fragments(start[kept], length[kept], haplotype[kept], quality)


def _middles(
    rng: np.random.Generator, of: Genome, library: Library, efficiency: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the middles (flat) of molecules, and the target that each was captured by or -1."""
    lengths = (of.targets["end"] - of.targets["start"]).to_numpy()
    begins = of.targets["flat"].to_numpy()
    # Baits pull what overlaps them: middles scatter beyond the edges by a quarter of a molecule.
    blur = library.length / 4

    def draw(target: np.ndarray) -> np.ndarray:
        within = rng.random(len(target)) * lengths[target]
        return (begins[target] + within + rng.normal(0, blur, len(target))).astype(np.int64)

    trial = rng.choice(len(lengths), 4_000, p=lengths / lengths.sum())
    middle, length = draw(trial), _lengths(rng, library, len(trial))
    first, last = begins[trial], begins[trial] + lengths[trial]
    covered = np.minimum(middle + length / 2, last) - np.maximum(middle - length / 2, first)
    # Reads leave the middle of long molecules open.
    a_molecule = (covered.clip(0) * np.minimum(2 * READ / length, 1)).mean()
    wanted = share * library.depth * lengths * efficiency / a_molecule
    target = np.repeat(np.arange(len(lengths)), rng.poisson(wanted))
    n_off = rng.poisson(share * library.depth * library.off_target * len(of.codes) / library.length)
    off = rng.integers(0, len(of.codes), n_off)
    return np.append(draw(target), off), np.append(target, np.full(n_off, -1))


def _lengths(rng: np.random.Generator, library: Library, n: int) -> np.ndarray:
    """Return lengths of molecules, none shorter than a read."""
    length = rng.normal(library.length, library.length_sd, n).astype(np.int64)
    return np.clip(length, READ, 4 * READ)


def _mapping_qualities(rng: np.random.Generator, foreign: np.ndarray) -> np.ndarray:
    """Return mapping qualities: mostly 60, some lower; those of foreign molecules mixed."""
    n = len(foreign)
    drawn = rng.random(n)
    low = rng.integers(20, 60, n)
    quality = np.where(drawn < 0.94, 60, np.where(drawn < 0.98, low, 0))
    mixed = rng.choice([0, 3, 15, 24, 27, 40], n)
    return np.where(foreign, mixed, quality).astype(np.uint8)


def _changes(
    rng: np.random.Generator,
    of: Genome,
    who: Person,
    variants: Sequence[Variant],
    library: Library,
) -> Changes:
    """Return all that molecules of a person may carry."""
    has = (who.alleles == 1).any(axis=1)
    sites = of.sites[has]
    chance = np.column_stack([who.alleles[has] == 1, np.zeros(has.sum())])
    parts = [(sites["flat"], sites["ref"], sites["alt"], chance, np.zeros(len(sites)))]
    for v in variants:
        flat = of.flat(v.chrom, v.start)
        there = of.text(v.chrom, v.start, v.start + len(v.ref))
        if there != v.ref:
            raise ValueError(f"{v.chrom}:{v.start} is {there}, not {v.ref}")
        exists = _exists(pd.DataFrame({"chrom": [v.chrom], "start": [v.start]}), who.sex)[0]
        own = np.zeros((1, 3))
        own[0, v.haplotype if exists[v.haplotype] else 1 - v.haplotype] = v.cell_fraction
        parts.append(([flat], [v.ref], [v.alt], own, [0]))
    parts.append(_slips(rng, of, library))
    foreign = of.paralogs
    letter = np.array(list(BASES))
    ref, alt = letter[of.codes[foreign["flat"]]], letter[foreign["alt"]]
    chance = np.tile([0.0, 0.0, 1.0], (len(foreign), 1))
    parts.append((foreign["flat"], ref, alt, chance, np.zeros(len(foreign))))
    flat, ref, alt, chance, span = (
        np.concatenate([np.asarray(part[i]) for part in parts]) for i in range(5)
    )
    order = np.argsort(flat, kind="stable")
    return Changes(*(values[order] for values in (flat, ref, alt, chance, span)))


def _slips(rng: np.random.Generator, of: Genome, library: Library) -> tuple:
    """Return the slips of repeats: one unit lost (seven of ten) or won, left-aligned."""
    rows = []
    for flat, length, unit in of.repeats[["flat", "length", "unit"]].to_numpy():
        shortest, rate, growth, most = SLIPS[unit]
        rate = min(rate * np.exp(growth * (length - shortest)), most) * library.slips
        rate = min(rate * rng.lognormal(0, 0.3), 0.3)
        text = letters(of.codes[flat - 1 : flat + unit])
        rows.append((flat - 1, text, text[0], 0.7 * rate, length))
        rows.append((flat - 1, text[0], text, 0.3 * rate, length))
    flat, ref, alt, chance, span = zip(*rows, strict=True) if rows else ([],) * 5
    return flat, ref, alt, np.tile(np.array(chance)[:, None], 3), span


def _carried(
    rng: np.random.Generator, molecules: Fragments, changes: Changes
) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs (molecule, change) of what each molecule carries."""
    longest = molecules.length.max(initial=1)
    low = np.searchsorted(molecules.start, changes.flat - longest + 1)
    high = np.searchsorted(molecules.start, changes.flat, side="right")
    change = np.repeat(np.arange(len(low)), high - low)
    molecule = np.arange(len(change)) + np.repeat(
        low - np.cumsum(high - low) + high - low, high - low
    )
    chance = changes.chance[change, molecules.haplotype[molecule]]
    inside = changes.flat[change] < molecules.start[molecule] + molecules.length[molecule]
    carried = inside & (rng.random(len(change)) < chance)
    return molecule[carried], change[carried]


def _mixed(first: tuple, second: tuple) -> tuple:
    """Return molecules, changes and what is carried of two people as of one, sorted again."""
    (molecules, changes, carried), (others, theirs, their_carried) = first, second
    start = np.concatenate([molecules.start, others.start])
    order = np.argsort(start, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    joined = Fragments(
        *(np.concatenate(pair)[order] for pair in zip(molecules, others, strict=True))
    )
    both = Changes(*(np.concatenate(pair) for pair in zip(changes, theirs, strict=True)))
    molecule = np.concatenate([carried[0], their_carried[0] + len(molecules.start)])
    change = np.concatenate([carried[1], their_carried[1] + len(changes.flat)])
    return joined, both, (rank[molecule], change)


def _substitutions(
    changes: Changes, carried: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (molecule, flat, base) of each substituted base that is carried."""
    molecule, change = carried
    found = []
    sizes = np.array(
        [len(a) if len(a) == len(r) else 0 for r, a in zip(changes.ref, changes.alt, strict=True)]
    )
    for i in range(sizes.max(initial=0)):
        base = np.array(
            [CODE[a[i]] if n > i else 0 for a, n in zip(changes.alt, sizes, strict=True)]
        )
        own = sizes[change] > i
        found.append((molecule[own], changes.flat[change[own]] + i, base[change[own]]))
    return tuple(np.concatenate(part) for part in zip(*found, strict=True))


def _damage(
    rng: np.random.Generator, of: Genome, molecules: Fragments
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (molecule, flat, base) of damaged bases: C read as A or T, G as T or A."""
    n = rng.poisson(4 * DAMAGE_RATE * molecules.length.sum())
    molecule = rng.integers(0, len(molecules.start), n)
    flat = molecules.start[molecule] + (rng.random(n) * molecules.length[molecule]).astype(int)
    strong = np.isin(of.codes[flat], (1, 2)) & (rng.random(n) < 0.5)
    return molecule[strong], flat[strong], rng.choice([0, 3], n)[strong]
