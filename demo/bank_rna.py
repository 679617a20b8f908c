"""The RNA-seq of the demo bank: one table of counts, alleles of two lines, one small alignment.

The people are those of the arrays, and lines carry the same events in the same shares of cells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import library_path  # noqa: F401
import numpy as np
import pandas as pd
import rna_alignment
import simulate_rna
from simulate_array import Event

FOLDER, COUNTS, GENES = "rna", "salmon.merged.gene_counts.tsv", "genes.gff3"
RESOURCES = Path(__file__).resolve().parents[1] / "resources"
KNOWN, SETS = RESOURCES / "hotspot_genes.tsv", RESOURCES / "expression_gene_sets.tsv"
POINTS = RESOURCES / "snv_hotspots.tsv"
VARIANTS = "variants_truth.tsv"
# Log2 of the reads of genes that pluripotent cells have, and of those that they have not.
EXPRESSED, SILENT = 10.0, 2.5
SILENT_SETS = (
    "naive_markers", "ectoderm", "mesoderm", "endoderm", "extraembryonic_trophectoderm",
)  # fmt: skip
N_GENES = 2500
# A tenth of the reads of a usual library is enough for genes of a tenth of the genome.
DEPTH = 1.5


class Sample(NamedTuple):
    """A sample of RNA: whether its alleles were counted or its alignment kept; its silent X."""

    line: str
    passage: int
    alleles: bool = False
    aligned: bool = False
    eroded: bool = False

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
    Sample("LDB-B1", 6, aligned=True),
    Sample("LDB-B1", 60, alleles=True),
    Sample("LDB-C1", 12),
    Sample("LDB-C1", 47, eroded=True),
)

# What the RNA alone must say: events with evidence, and readouts as `assay item state`.
EXPECTATIONS = (
    ("LDB-B1-p60", "seen_in_rna", "trisomy_12"),
    ("LDB-A1-p52", "seen_in_rna", "gain_20q11.21"),
    ("LDB-C1-p12", "readout", "rna XIST normal"),
    ("LDB-C1-p47", "readout", "rna XIST lost"),
    ("LDB-C1-p47", "readout", "rna x_dosage gained"),
    ("LDB-A1-p8", "readout", "rna XIST normal"),
    ("LDB-B1-p60", "readout", "rna XIST normal"),
    ("LDB-A1-p52", "readout", "rna LIN28A normal"),
    ("LDB-A1-p52", "readout", "rna pluripotency_extended normal"),
    ("LDB-A1-p52", "readout", "rna endoderm normal"),
    ("LDB-B1-p6", "readout", "rna sendai present"),
    ("LDB-B1-p6", "readout", "rna ebv_episome absent"),
    ("LDB-B1-p6", "readout", "rna TP53:p.Arg175His absent"),
    ("LDB-B1-p60", "readout", "rna sendai not_testable"),
)


def files(sample: Sample) -> list[tuple[str, str, str]]:
    """Return format, file and name in it of the rows of the sheet that a sample has."""
    rows = [("gene_counts", COUNTS, sample.name)]
    rows += [("ase", f"{sample.name}.ase.tsv", "")] if sample.alleles else []
    return rows + ([("bam", f"{sample.name}.bam", "")] if sample.aligned else [])


def known_genes() -> pd.DataFrame:
    """Return genes that keep their names: gene, chrom, start, end, gene_id, log2_mean or NaN."""
    hotspots = pd.read_csv(KNOWN, sep="\t")[["gene", "chrom", "start", "end", "gene_id"]]
    sets = pd.read_csv(SETS, sep="\t").rename(columns={"ensembl_gene_id": "gene_id"})
    silent = sets["set"].isin(SILENT_SETS)
    # A gene of several sets is what pluripotent cells have, where one of them says so.
    sets = sets.assign(log2_mean=np.where(silent, SILENT, EXPRESSED), silent=silent)
    sets = sets.sort_values("silent", kind="stable").drop_duplicates("gene")
    rest = hotspots[~hotspots["gene"].isin(sets["gene"])]
    return pd.concat([sets[[*hotspots.columns, "log2_mean"]], rest], ignore_index=True)


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
    of = simulate_rna.genes(rng, loci, N_GENES, known_genes())
    simulate_rna.write_genes(out / FOLDER / GENES, of, others)
    persons = sorted({person for _, person, _ in people.values()})
    sets = pd.read_csv(SETS, sep="\t")
    imprinted = sets.loc[sets["expectation"].str.startswith("one allele"), "gene"]
    prefers = {p: simulate_rna.preferences(rng, of, set(imprinted)) for p in persons}
    columns = {}
    for sample, stream in zip(SAMPLES, streams, strict=True):
        rng = np.random.default_rng(stream)
        sex, person, haplotypes = people[sample.line]
        carried = events(sample.line, sample.passage)
        columns[sample.name] = simulate_rna.counts(rng, of, carried, sex, DEPTH, sample.eroded)
        if sample.alleles:
            table = simulate_rna.alleles(
                rng, of, columns[sample.name], loci, haplotypes, carried, prefers[person]
            )
            simulate_rna.write_alleles(out / FOLDER / f"{sample.name}.ase.tsv", table)
        if sample.aligned:
            places = _variants(out / VARIANTS, sample)
            rna_alignment.write(rng, out / FOLDER / f"{sample.name}.bam", of, places)
    simulate_rna.write_counts(out / FOLDER / COUNTS, of, columns)
    tell(f"  {COUNTS}: {len(of):,} genes, {len(columns)} samples")


def _variants(truth: Path, sample: Sample) -> pd.DataFrame:
    """Return chrom, start, ref, alt, share of reads: hotspots, and what the sample carries."""
    points = pd.read_csv(POINTS, sep="\t").query("scope == 'point'").assign(share=0.0)
    found = points[["chrom", "start", "ref", "alt", "share"]]
    if truth.is_file():
        planted = pd.read_csv(truth, sep="\t")
        name = f"{sample.line}-p{sample.passage}"
        planted = planted[(planted["sample"] == name) & (planted["cell_fraction"] > 0)]
        planted = planted.assign(share=planted["cell_fraction"] / 2)[list(found.columns)]
        found = pd.concat([planted, found])
    return found.astype({"start": int}).drop_duplicates(["chrom", "start"])
