"""The exomes of the demo bank: what was sequenced, and the variants planted in it.

The people are those of the arrays: their SNPs within targets have the same alleles on the same
haplotypes, and lines carry the same events in the same shares of cells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from pathlib import Path

import genome_files
import numpy as np
import pandas as pd
import pysam
import pysam.samtools
import reduced_genome
import simulate_exome
from flat_sequence import BASES, CODE
from reduced_genome import GENES, Genome
from side_by_side import AtOnce
from simulate_array import Event
from simulate_exome import Artefact, Library, Person, Variant

RESOURCES = Path(__file__).resolve().parents[1] / "resources"
PANEL, HOTSPOTS = RESOURCES / "identity_snps.bed", RESOURCES / "snv_hotspots.tsv"
SNP_PROBES = RESOURCES / "methylation_snp_probes.tsv"

PLATFORM = "linedrift-demo-exome"
FOLDER = "exomes"
SEQUENCE, TARGETS, GENE_MODELS = "genome.fa.gz", "targets.bed", "genes.gff3"
TRUTH = "variants_truth.tsv"
TRUTH_COLUMNS = (
    "variant", "line", "sample", "passage", "chrom", "start", "ref", "alt", "origin",
    "cell_fraction",
)  # fmt: skip


@dataclass(frozen=True)
class Exome:
    """One exome: a sample, the format it is handed over in, and what its library is like."""

    line: str
    passage: int
    format: str = "bam"
    indexed: bool = True
    artefacts: bool = False
    library: Library = field(default_factory=Library)

    @property
    def sample(self) -> str:
        """`{line}-p{passage}`."""
        return f"{self.line}-p{self.passage}"

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"{self.sample}.{self.format}"


EXOMES = (
    Exome("donorA", 0, library=Library(90, gc_slope=0.3, slips=0.8)),
    Exome("donorB", 0, library=Library(80, gc_slope=-0.4)),
    Exome("LDB-A1", 8, library=Library(80, gc_slope=0.5)),
    Exome("LDB-A1", 20, indexed=False, artefacts=True, library=Library(85, gc_slope=-0.2)),
    Exome("LDB-A1", 34, artefacts=True, library=Library(75, gc_slope=0.8, slips=2.0)),
    Exome("LDB-A1", 52, artefacts=True, library=Library(100, slips=1.3)),
    Exome("LDB-B1", 6, library=Library(80, gc_slope=-0.6)),
    Exome("LDB-B1", 60, "cram", library=Library(90, gc_slope=0.1, errors=1.2)),
)


@dataclass(frozen=True)
class Planted:
    """A variant of a line, or of its donor (passage 0), with its share of cells by passage.

    `exon` (in genome order) and `offset` say where to look for a place from: the next one that is
    free of SNPs and repeats is taken. `kind` is snv, mnv (two bases) or deletion (one base).
    """

    name: str
    line: str
    donor: str
    origin: str
    gene: str
    exon: int
    offset: int
    fractions: Mapping[int, float]
    kind: str = "snv"
    haplotype: int = 0


ALWAYS = {8: 1.0, 20: 1.0, 34: 1.0, 52: 1.0}
A1, B1 = ("LDB-A1", "donorA"), ("LDB-B1", "donorB")
PLANTED = (
    # C>T at chr17:7,675,088, codon 175 of TP53.
    Planted("TP53_R175H", *A1, "acquired", "TP53", 6, 35, {20: 0.02, 34: 0.11, 52: 0.45}),
    # Carried by the one cell that was reprogrammed, unseen in the donor.
    Planted("clonal_snv", *A1, "acquired", "DEMO10", 1, 60, ALWAYS, haplotype=1),
    # On the haplotype that the gain of 20q11.21 leaves alone.
    Planted("subclone_BCL2L1", *A1, "acquired", "BCL2L1", 1, 200, {34: 0.25, 52: 0.60}, "mnv"),
    # One cell in eight of the donor has it, and the line came from one of those.
    Planted("mosaic_donor", *A1, "expanded", "DEMO15", 1, 60, {0: 0.12} | ALWAYS),
    Planted("germline_TP53", *A1, "inherited", "TP53", 9, 30, {0: 1.0} | ALWAYS, haplotype=1),
    Planted("BCOR_frameshift", *B1, "acquired", "BCOR", 4, 100, {60: 0.35}, "deletion"),
    Planted("clonal_snv_B1", *B1, "acquired", "ID1", 0, 120, {6: 1.0, 60: 1.0}),
)

# Sites that one strand misreads, and the shares of its reads that do so.
ARTEFACT_SHARES = (0.05, 0.08, 0.12, 0.18, 0.25, 0.1)


def variants_of(of: Genome) -> dict[str, Variant]:
    """Return, by name, the planted variants with place and alleles, carried by all cells."""
    taken = set(of.sites["flat"])
    for row in of.repeats.itertuples():
        taken |= set(range(row.flat - 1, row.flat + row.length + 1))
    found = {}
    for planted in PLANTED:
        exon = of.exons[of.exons["gene"] == planted.gene].iloc[planted.exon]
        chrom, start = str(exon["chrom"]), int(exon["start"]) + planted.offset
        while not _is_free(of, of.flat(chrom, start), taken, planted.kind):
            start += 1
        n = {"snv": 1, "mnv": 2, "deletion": 2}[planted.kind]
        ref = of.text(chrom, start, start + n)
        if planted.kind == "deletion":
            alt = ref[0]
        else:
            # The transition, so that no base stays.
            alt = "".join(BASES[CODE[base] ^ 2] for base in ref)
        found[planted.name] = Variant(chrom, start, ref, alt, planted.haplotype, name=planted.name)
    return found


def _is_free(of: Genome, flat: int, taken: set[int], kind: str) -> bool:
    """Return whether no SNP or repeat is near, and a deletion has one place only."""
    alone = of.codes[flat] != of.codes[flat + 1] != of.codes[flat + 2]
    return not taken.intersection(range(flat - 5, flat + 6)) and (kind != "deletion" or alone)


def artefacts_of(rng: np.random.Generator, of: Genome) -> list[Artefact]:
    """Return G>T on one strand at places in targets that have no SNP near."""
    taken = set(of.sites["flat"])
    found = []
    apart = (of.targets["paralog"] > 0) | of.targets["gene"].isin(GENES)
    targets = of.targets[~apart & (of.targets["chrom"] != "chrY")]
    for row in targets.sample(len(targets), random_state=rng).itertuples():
        for start in range(row.start + 60, row.end - 60):
            flat = row.flat + start - row.start
            if of.codes[flat] == CODE["G"] and not taken.intersection(range(flat - 5, flat + 6)):
                share = ARTEFACT_SHARES[len(found)]
                found.append(Artefact(row.chrom, start, "T", len(found) % 2 == 1, share))
                break
        if len(found) == len(ARTEFACT_SHARES):
            break
    return found


def truth(of: Genome, artefacts: Sequence[Artefact]) -> pd.DataFrame:
    """Return TRUTH: each planted variant, and each artefact, in every exome of line and donor."""
    rows = []
    places = variants_of(of)
    for p in PLANTED:
        v = places[p.name]
        for e in EXOMES:
            if e.line in (p.line, p.donor):
                place = v.chrom, v.start, v.ref, v.alt
                share = p.fractions.get(e.passage, 0.0)
                rows.append((p.name, p.line, e.sample, e.passage, *place, p.origin, share))
    for number, a in enumerate(artefacts, 1):
        ref = of.text(a.chrom, a.start, a.start + 1)
        for e in EXOMES:
            if e.artefacts:
                place = a.chrom, a.start, ref, a.alt
                name = f"strand_artefact_{number}"
                rows.append((name, e.line, e.sample, e.passage, *place, "artefact", 0.0))
    return pd.DataFrame(rows, columns=TRUTH_COLUMNS)


def genome_of(rng: np.random.Generator, loci: pd.DataFrame, share: float = 1.0) -> Genome:
    """Return the genome of the demo: targets on SNPs of the array and of the identity panel.

    `share` scales the number of targets.
    """
    panel = pd.read_csv(PANEL, sep="\t").rename(columns={"#chrom": "chrom"})
    panel = panel[(panel["ref"].str.len() == 1) & (panel["alt"].str.len() == 1)]
    # SNPs of methylation arrays lie outside of exons.
    panel = panel[~panel["name"].isin(pd.read_csv(SNP_PROBES, sep="\t")["name"])]
    hotspots = pd.read_csv(HOTSPOTS, sep="\t")
    regions = [(*region[:3], int(region[3] * share)) for region in reduced_genome.REGIONS]
    return reduced_genome.make(
        rng,
        loci=loci,
        panel=panel,
        hotspots=hotspots[hotspots["scope"] == "point"],
        regions=regions,
    )


def make(
    out: Path,
    seeds: np.random.SeedSequence,
    loci: pd.DataFrame,
    people: Mapping[str, tuple[str, np.ndarray]],
    events: Callable[[str, int], Sequence[Event]],
    *,
    share: float = 1.0,
    tell: Callable[[str], object] = lambda text: None,
    pool: Executor | None = None,
) -> list[Future[None]]:
    """Write genome, targets, genes and exomes to `out`/exomes, and the truth beside it.

    Parameters
    ----------
    people
        Sex and array haplotypes, by line and donor.
    events
        Returns the events of a line at a passage.
    pool
        Where the exomes are made, each in a task of its own; here, one by one, without it.

    Returns
    -------
    list of Future
        Of the exomes. All other files are written.
    """
    shared, *streams = seeds.spawn(1 + len(EXOMES))
    rng = np.random.default_rng(shared)
    of = genome_of(rng, loci, share)
    folder = out / FOLDER
    genome_files.write_sequence(folder / SEQUENCE, of)
    genome_files.write_targets(folder / TARGETS, of)
    genome_files.write_genes(folder / GENE_MODELS, of)
    tell(f"  {SEQUENCE}: {len(of.targets)} targets, {len(of.codes):,} known bases")
    # One person has one exome, whatever the line: the haplotypes' bytes are the key.
    persons: dict[bytes, Person] = {}
    for sex, haplotypes in people.values():
        key = haplotypes.tobytes()
        if key not in persons:
            persons[key] = simulate_exome.person(rng, of, sex, haplotypes)
    artefacts = artefacts_of(rng, of)
    truth(of, artefacts).to_csv(out / TRUTH, sep="\t", index=False)
    places = variants_of(of)
    waiting = []
    for exome, stream in zip(EXOMES, streams, strict=True):
        given = (
            folder,
            np.random.default_rng(stream),
            of,
            persons[people[exome.line][1].tobytes()],
            exome,
            events(exome.line, exome.passage),
            places,
            artefacts if exome.artefacts else (),
        )
        waiting.append((pool or AtOnce()).submit(write_exome, *given))
        tell(f"  {exome.file}: {exome.library.depth:g}x")
    return waiting


def write_exome(
    folder: Path,
    rng: np.random.Generator,
    of: Genome,
    who: Person,
    exome: Exome,
    events: Sequence[Event],
    places: Mapping[str, Variant],
    artefacts: Sequence[Artefact],
) -> None:
    """Write one exome in its format, with its index where it has one."""
    variants = [
        replace(places[p.name], cell_fraction=p.fractions.get(exome.passage, 0.0))
        for p in PLANTED
        if exome.line in (p.line, p.donor)
    ]
    path = folder / f"{exome.sample}.bam"
    simulate_exome.sequence(
        rng,
        of,
        who,
        path,
        sample=exome.sample,
        library=exome.library,
        events=events,
        variants=variants,
        artefacts=artefacts,
        index=exome.indexed and exome.format == "bam",
    )
    if exome.format == "cram":
        cram = folder / exome.file
        reference = str(folder / SEQUENCE)
        pysam.samtools.view(
            "--no-PG", "-C", "-T", reference, "-o", str(cram), str(path), catch_stdout=False
        )
        pysam.index(str(cram))
        path.unlink()
