"""The methylation of the demo bank: arrays of several lines, and one by bisulfite sequencing.

The people are those of the arrays, and lines carry the same events in the same shares of cells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import idat_files
import library_path  # noqa: F401
import numpy as np
import pandas as pd
import pysam
import simulate_methylation
from linedrift.readers import cpg_sequence
from simulate_array import Event

FOLDER, MANIFEST, PLATFORM = "methylation", "linedrift-demo-methylation.csv", "linedrift-demo-EPIC"
RESOURCES = Path(__file__).resolve().parents[1] / "resources"
IMPRINTED, DRIFT = RESOURCES / "imprinted_dmrs.tsv", RESOURCES / "methylation_drift_loci.tsv"
SNPS = "snp_probes.tsv"
# A quarter of an EPIC array: enough for an event of 2.5 Mb.
PER_MB = 70
CELLS = {"skin fibroblast": "fibroblast", "blood": "blood"}
# What cultures lost: the methylation of imprinted regions, and of the inactive X.
LOST = {("LDB-A1", 52): {"H19/IGF2:IG-DMR": 0.93, "PEG3:TSS-DMR": 0.06}}
ERODED = {("LDB-C1", 47): 0.85}


class Sample(NamedTuple):
    """A sample of methylation, and in which format it is handed over."""

    line: str
    passage: int
    format: str

    @property
    def file(self) -> str:
        """Its file; of an IDAT pair the green one."""
        name = f"{self.line}_p{self.passage}"
        endings = {"idat": "_Grn.idat", "intensities": ".intensities.tsv", "bismark_cov": ".cov.gz"}
        return (self.sentrix if self.format == "idat" else name) + endings[self.format]

    @property
    def sentrix(self) -> str:
        """Barcode and position of its array."""
        at = SAMPLES.index(self)
        return f"20000000000{1 + at // 8}_R{1 + at % 8:02d}C01"


SAMPLES = (
    Sample("donorA", 0, "idat"),
    Sample("LDB-A1", 8, "idat"),
    Sample("LDB-A1", 52, "idat"),
    Sample("LDB-A2", 10, "bismark_cov"),
    Sample("LDB-B1", 6, "idat"),
    Sample("LDB-B1", 35, "intensities"),
    Sample("LDB-C1", 12, "idat"),
    Sample("LDB-C1", 47, "idat"),
)
EXPECTATIONS = (
    ("LDB-A1-p8", "readout", "methylation H19/IGF2:IG-DMR normal"),
    ("LDB-A1-p52", "readout", "methylation H19/IGF2:IG-DMR gained"),
    ("LDB-A1-p52", "readout", "methylation PEG3:TSS-DMR lost"),
    ("LDB-A2-p10", "readout", "methylation PEG3:TSS-DMR normal"),
    ("LDB-C1-p12", "readout", "methylation x_islands normal"),
    ("LDB-C1-p47", "readout", "methylation x_islands lost"),
    ("LDB-A1-p52", "seen_in_methylation", "gain_20q11.21"),
)


class Person(NamedTuple):
    """What the methylation of a line rests on: its sex, person, cell, and haplotypes."""

    sex: str
    number: int
    source_cell: str
    haplotypes: np.ndarray


def make(
    out: Path,
    seeds: np.random.SeedSequence,
    loci: pd.DataFrame,
    arrays: pd.DataFrame,
    people: Mapping[str, Person],
    events: Callable[[str, int], Sequence[Event]],
    bands: pd.DataFrame,
    reference: Path,
    tell: Callable[[str], object],
) -> None:
    """Make manifest, IDATs and tables.

    Parameters
    ----------
    loci, arrays
        Loci of the SNP arrays, and what all of them share (`simulate_array.platform`).
    people
        By line.
    events
        Gives the events of a line at a passage.
    bands
        Of the genome.
    reference
        FASTA of the exomes; it may not be there.
    """
    folder = out / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    shared, *streams = seeds.spawn(len(SAMPLES) + 1)
    rng = np.random.default_rng(shared)
    snps = simulate_methylation.snp_probes(rng, loci, arrays)
    snps.to_csv(folder / SNPS, sep="\t", index=False)
    chromosomes = [str(chrom) for chrom in loci["chrom"].unique()]
    probes = simulate_methylation.probes(
        rng, chromosomes=chromosomes, per_mb=PER_MB, bands=bands, regions=_regions(), snps=snps
    )
    platform = simulate_methylation.platform(rng, probes)
    placed = simulate_methylation.addresses(rng, probes)
    first = int(placed[["address_a", "address_b"]].to_numpy().max()) + 1
    controls = idat_files.controls_of(first)
    idat_files.write_manifest(folder / MANIFEST, simulate_methylation.manifest(placed), controls)
    lines = list(people)
    for sample, stream in zip(SAMPLES, streams, strict=True):
        rng = np.random.default_rng(stream)
        person = people[sample.line]
        beta = simulate_methylation.methylome(
            probes,
            platform,
            CELLS.get(person.source_cell, "stem") if sample.passage == 0 else "stem",
            person.sex,
            person=person.number,
            line=lines.index(sample.line),
            passage=sample.passage,
            regions=LOST.get((sample.line, sample.passage)),
            erosion=ERODED.get((sample.line, sample.passage), 0.0),
            genotypes=simulate_methylation.snp_doses(snps, loci, person.haplotypes),
        )
        carried = events(sample.line, sample.passage)
        copies = simulate_methylation.copies(probes, person.sex, carried)
        if sample.format == "bismark_cov":
            found = simulate_methylation.cytosines(rng, probes, beta, copies)
            found = _on_the_reference(found, reference)
            simulate_methylation.write_bismark(folder / sample.file, found)
            continue
        measured = simulate_methylation.measure(rng, probes, platform, beta, copies)
        if sample.format == "idat":
            values = simulate_methylation.idat_values(measured, placed)
            both = pd.concat([values, idat_files.control_values(controls)], ignore_index=True)
            idat_files.write_pair(folder, sample.sentrix, both)
        else:
            _write_intensities(folder / sample.file, measured)
    tell(f"  {FOLDER}: {len(probes):,} probes, {len(SAMPLES)} samples")


def _on_the_reference(found: pd.DataFrame, reference: Path) -> pd.DataFrame:
    """Return the CpGs without those that the reference has as something else.

    The reduced genome knows the bases of the targets alone, and was drawn without regard to CpGs.
    """
    if not reference.is_file():
        return found
    kept = np.ones(len(found), dtype=bool)
    chrom = found["chrom"].astype(str).to_numpy()
    with pysam.FastaFile(str(reference)) as fasta:
        for name in set(fasta.references) & set(chrom):
            here = chrom == name
            kinds = cpg_sequence.kinds(fasta, name, found["start"].to_numpy()[here])
            kept[here] = kinds != cpg_sequence.NO_CPG
    return found[kept].reset_index(drop=True)


def _regions() -> pd.DataFrame:
    """Return the imprinted regions, and the loci of X and of drift."""
    names = ["chrom", "start", "end"]
    imprinted = pd.read_csv(IMPRINTED, sep="\t")
    imprinted = imprinted[imprinted["panel"] == "core"]
    regions = [imprinted[names].assign(region=imprinted["dmr_id"], kind="imprinted")]
    drift = pd.read_csv(DRIFT, sep="\t")
    on_x = drift[drift["id"].str.startswith(("Xi_promoter", "XIST"))]
    kinds = np.where(on_x["id"].str.startswith("XIST"), "xist", "x_island")
    regions.append(on_x[names].assign(region=on_x["id"], kind=kinds))
    return pd.concat(regions, ignore_index=True)


def _write_intensities(path: Path, measured: pd.DataFrame) -> None:
    """Write intensities as tables of a repository of studies have them."""
    table = pd.DataFrame(
        {
            "ID_REF": measured["name"],
            "B1_p35 Unmethylated Signal": measured["unmethylated"].round(1),
            "B1_p35 Methylated Signal": measured["methylated"].round(1),
            "B1_p35 Detection Pval": 0.0,
        }
    )
    table.to_csv(path, sep="\t", index=False)
