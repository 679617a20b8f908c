"""The RNA-seq of the demo bank: one table of counts, and alleles of two lines.

The people are those of the arrays, and lines carry the same events in the same shares of cells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import library_path  # noqa: F401
import numpy as np
import pandas as pd
import simulate_rna
from simulate_array import Event

FOLDER, COUNTS, GENES = "rna", "salmon.merged.gene_counts.tsv", "genes.gff3"
KNOWN = Path(__file__).resolve().parents[1] / "resources" / "hotspot_genes.tsv"
# Not among the hotspot genes: GENCODE v26, collapsed gene span.
XIST = ("XIST", "chrX", 73_820_650, 73_852_723, "ENSG00000229807")
N_GENES = 2500
# A tenth of the reads of a usual library is enough for genes of a tenth of the genome.
DEPTH = 1.5


class Sample(NamedTuple):
    """A sample of RNA: whether its alleles were counted, too."""

    line: str
    passage: int
    alleles: bool = False

    @property
    def name(self) -> str:
        """Column of the table of counts."""
        return f"{self.line}_p{self.passage}".replace("-", "_")


SAMPLES = (
    Sample("donorA", 0, alleles=True),
    Sample("donorB", 0, alleles=True),
    Sample("LDB-A1", 8, alleles=True),
    Sample("LDB-A1", 52, alleles=True),
    Sample("LDB-A2", 10),
    Sample("LDB-A2", 41),
    Sample("LDB-B1", 6, alleles=True),
    Sample("LDB-B1", 60, alleles=True),
    Sample("LDB-C1", 12),
)


def files(sample: Sample) -> list[tuple[str, str, str]]:
    """Return format, file and name in it of the rows of the sheet that a sample has."""
    rows = [("gene_counts", COUNTS, sample.name)]
    return rows + ([("ase", f"{sample.name}.ase.tsv", "")] if sample.alleles else [])


def make(
    out: Path,
    seeds: np.random.SeedSequence,
    loci: pd.DataFrame,
    people: Mapping[str, tuple[str, str, np.ndarray]],
    events: Callable[[str, int], Sequence[Event]],
    tell: Callable[[str], object],
    others: str = "",
) -> None:
    """Make annotation, counts and alleles.

    Parameters
    ----------
    loci
        Loci of the arrays.
    people
        Sex, person and haplotypes at the loci, by line.
    events
        Gives the events of a line at a passage.
    others
        GFF3 of the exomes' genes: a bank has one annotation for both.
    """
    shared, *streams = seeds.spawn(len(SAMPLES) + 1)
    rng = np.random.default_rng(shared)
    known = pd.read_csv(KNOWN, sep="\t")
    known = pd.concat([known, pd.DataFrame([XIST], columns=known.columns[:5])])
    of = simulate_rna.genes(rng, loci, N_GENES, known)
    simulate_rna.write_genes(out / FOLDER / GENES, of, others)
    persons = sorted({person for _, person, _ in people.values()})
    prefers = {person: simulate_rna.preferences(rng, of) for person in persons}
    columns = {}
    for sample, stream in zip(SAMPLES, streams, strict=True):
        rng = np.random.default_rng(stream)
        sex, person, haplotypes = people[sample.line]
        carried = events(sample.line, sample.passage)
        columns[sample.name] = simulate_rna.counts(rng, of, carried, sex, DEPTH)
        if sample.alleles:
            table = simulate_rna.alleles(
                rng, of, columns[sample.name], loci, haplotypes, carried, prefers[person]
            )
            simulate_rna.write_alleles(out / FOLDER / f"{sample.name}.ase.tsv", table)
    simulate_rna.write_counts(out / FOLDER / COUNTS, of, columns)
    tell(f"  {COUNTS}: {len(of):,} genes, {len(columns)} samples")
