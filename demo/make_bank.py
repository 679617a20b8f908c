"""Make the demo bank: two donors, four lines, arrays and exomes with planted truth, from one seed.

Beside the arrays, the exomes and the two sheets it writes what is true of them: `truth.tsv` (every
event in every sample, also where no cell carries it yet), `variants_truth.tsv` (every variant, and
what must not be called one) and `expectations.tsv` (swapped sample, failed measurement, hotspots).
"""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from pathlib import Path

import array_files
import bank_exomes
import bank_methylation
import bank_rna
import library_path  # noqa: F401
import numpy as np
import pandas as pd
import simulate_array
from linedrift import tables
from side_by_side import workers
from simulate_array import Event

SEED = 20_240_611
# Whether the bank has exomes.
EXOMES = True
# Whether it has methylation.
METHYLATION = True
# Whether it has RNA-seq.
RNA = True
CHROMOSOMES = ("chr1", "chr12", "chr17", "chr18", "chr20", "chr21", "chrX", "chrY")
# Markers per Mb: of a 600,000-marker array, and few enough for tests of the workflow.
DENSITY, SMALL_DENSITY = 193, 48
# Share of the targets of the exomes that the small bank has.
SMALL_SHARE = 0.5

BANDS = Path(__file__).resolve().parents[1] / "resources" / "cytoBand.hg38.txt"
STAMP = ".made-by"

# line, kind, parent, sex, tier, registry_id, source_cell, reprogramming, description
LINES = (
    ("donorA", "donor", "", "female", "public", "", "skin fibroblast", "", "Donor of A1, A2"),
    ("donorB", "donor", "", "male", "public", "", "blood", "", "Donor of B1"),
    ("LDB-A1", "line", "donorA", "female", "public", "DEMOi001-A", "skin fibroblast", "episomal")
    + ("A 20q11.21 gain takes over the culture",),
    ("LDB-A2", "line", "donorA", "female", "private", "DEMOi001-B", "skin fibroblast", "Sendai")
    + ("Loses an X and one allele of 17p; one passage is another line",),
    ("LDB-B1", "line", "donorB", "male", "public", "DEMOi002-A", "blood", "Sendai")
    + ("Trisomy 12 in part of the cells; one array failed",),
    ("LDB-C1", "line", "", "female", "public", "DEMOe003-A", "blastocyst", "")
    + ("An embryonic line without a donor; loses 18q",),
)

# Born with: the lines of the donor inherit them.
GERMLINE = {
    "donorA": (Event("chr21", 23_400_000, 24_600_000, "gain", name="germline_gain_21q21"),),
    "donorB": (Event("chr1", 41_250_000, 41_510_000, "loss", name="germline_loss_1p34.2"),),
}

# Acquired: the event, with the share of cells at each passage.
ACQUIRED = {
    "LDB-A1": (
        (Event("chr20", 30_450_000, 32_950_000, "gain", haplotype=1, name="gain_20q11.21"),
         {8: 0.0, 20: 0.08, 34: 0.30, 52: 0.85}),
    ),
    "LDB-A2": (
        (Event("chrX", 0, 156_040_895, "loss", haplotype=1, name="mosaic_loss_X"),
         {10: 0.0, 22: 0.20, 41: 0.45}),
        (Event("chr17", 0, 22_700_000, "cn_loh", name="cn_loh_17p"),
         {10: 0.0, 22: 0.25, 41: 0.60}),
    ),
    "LDB-B1": (
        (Event("chr12", 0, 133_275_309, "gain", name="trisomy_12"),
         {6: 0.0, 35: 0.40, 60: 0.55}),
    ),
    "LDB-C1": (
        (Event("chr18", 45_900_000, 80_373_285, "loss", haplotype=1, name="loss_18q"),
         {12: 0.0, 30: 0.35, 47: 0.80}),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Measurement:
    """One array: whose genome lies on it, and in which file and format it is handed over."""

    line: str
    passage: int
    format: str
    file: str
    name_in_file: str = ""
    genome_of: str = ""  # another line where the sample was swapped
    failed: bool = False

    @property
    def sample(self) -> str:
        """`{line}-p{passage}`."""
        return f"{self.line}-p{self.passage}"


SWAPPED, FAILED = "LDB-A2-p30", "LDB-B1-p18"

MEASUREMENTS = (
    Measurement("donorA", 0, "final_report", "donorA.txt.gz"),
    Measurement("donorB", 0, "final_report", "donorB.txt.gz"),
    Measurement("LDB-A1", 8, "final_report", "A1_p8.txt.gz"),
    Measurement("LDB-A1", 20, "final_report", "A1_p20.txt.gz"),
    Measurement("LDB-A1", 34, "final_report", "A1_p34.txt.gz"),
    Measurement("LDB-A1", 52, "final_report", "A1_p52.txt.gz"),
    Measurement("LDB-A2", 10, "full_data_table", "A2_early.txt.gz", "A2_p10"),
    Measurement("LDB-A2", 22, "full_data_table", "A2_early.txt.gz", "A2_p22"),
    Measurement("LDB-A2", 30, "final_report", "A2_p30.txt.gz", genome_of="LDB-C1"),
    Measurement("LDB-A2", 41, "vcf", "A2_p41.vcf.gz", "A2_p41"),
    Measurement("LDB-B1", 6, "final_report", "B1_p6.csv.gz"),
    Measurement("LDB-B1", 18, "final_report", "B1_p18.txt.gz", failed=True),
    Measurement("LDB-B1", 35, "penncnv", "B1_p35.txt.gz"),
    Measurement("LDB-B1", 60, "table", "B1_p60.tsv.gz"),
    Measurement("LDB-C1", 12, "final_report", "C1.txt.gz", "C1_p12"),
    Measurement("LDB-C1", 30, "final_report", "C1.txt.gz", "C1_p30"),
    Measurement("LDB-C1", 47, "final_report", "C1.txt.gz", "C1_p47"),
)

EXPECTATIONS = (
    (SWAPPED, "swapped", "LDB-C1"),
    (FAILED, "failed_quality", ""),
    ("LDB-A1-p52", "hotspot", "gain_20q11.21"),
    ("LDB-A1-p52", "hotspot", "gain_20q11.21_core"),
    ("LDB-A2-p41", "hotspot", "loss_X"),
    ("LDB-B1-p60", "hotspot", "trisomy_12"),
    ("LDB-C1-p47", "hotspot", "loss_18q"),
)


def parent_of(line: str) -> str:
    """Return the donor of a line, or the line itself where it has none."""
    return next(row[2] or row[0] for row in LINES if row[0] == line)


def sex_of(line: str) -> str:
    """Return the sex that the sheet has for a line."""
    return next(row[3] for row in LINES if row[0] == line)


def events_of(line: str, passage: int) -> list[Event]:
    """Return the events on the array of a line at a passage, germline first."""
    own = [
        replace(event, cell_fraction=fractions[passage])
        for event, fractions in ACQUIRED.get(line, ())
        if passage in fractions
    ]
    return [*GERMLINE.get(parent_of(line), ()), *own]


def truth() -> pd.DataFrame:
    """Return TRUTH: each planted event in each sample where its share of cells is known."""
    germline = {event.name for events in GERMLINE.values() for event in events}
    frames = []
    for m in MEASUREMENTS:
        if not m.failed and not m.genome_of:
            events = events_of(m.line, m.passage)
            origins = {e.name: "inherited" if e.name in germline else "acquired" for e in events}
            frames.append(simulate_array.truth(m.line, m.passage, events, origins))
    return pd.concat(frames, ignore_index=True)


@dataclass(frozen=True)
class People:
    """What all arrays of the bank share, and the haplotypes of every donor (or line without)."""

    loci: pd.DataFrame
    platform: pd.DataFrame
    haplotypes: dict[str, np.ndarray]
    arrays: np.random.SeedSequence


def draw_people(density: float, seed: int) -> People:
    """Return loci, platform and people of the bank."""
    bands = pd.read_csv(BANDS, sep="\t", names=["chrom", "start", "end", "band", "stain"])
    common, people, arrays = np.random.SeedSequence(seed).spawn(3)
    rng = np.random.default_rng(common)
    loci = simulate_array.loci(rng, chromosomes=CHROMOSOMES, per_mb=density, bands=bands)
    platform = simulate_array.platform(rng, loci)
    names = sorted({parent_of(row[0]) for row in LINES})
    haplotypes = {
        name: simulate_array.person(np.random.default_rng(s), loci, platform, sex_of(name))
        for name, s in zip(names, people.spawn(len(names)), strict=True)
    }
    return People(loci, platform, haplotypes, arrays)


def simulate(people: People) -> Iterator[tuple[Measurement, pd.DataFrame]]:
    """Yield every array with its SIGNALS; each has a random stream of its own."""
    for m, stream in zip(MEASUREMENTS, people.arrays.spawn(len(MEASUREMENTS)), strict=True):
        rng = np.random.default_rng(stream)
        line = m.genome_of or m.line
        events = [] if m.genome_of else events_of(m.line, m.passage)
        # A failed array: as noisy as sample 40 of the real 370k arrays is, or nearly.
        noise = (
            {"lrr_sd": 0.55, "baf_sd": 0.09, "wave_sd": 0.12, "call_rate": 0.93}
            if m.failed
            else {"lrr_sd": rng.uniform(0.13, 0.18), "wave_sd": rng.uniform(0.02, 0.035)}
        )
        person, loci, platform = people.haplotypes[parent_of(line)], people.loci, people.platform
        yield (
            m,
            simulate_array.measure(rng, loci, platform, person, events, sex=sex_of(line), **noise),
        )


def write_arrays(folder: Path, people: People, tell: Callable[[str], object]) -> None:
    """Simulate and write every file; measurements that share a file are held until it is whole."""
    waiting: dict[str, dict[str, pd.DataFrame]] = {}
    expected = pd.Series([m.file for m in MEASUREMENTS]).value_counts()
    for m, signals in simulate(people):
        held = waiting.setdefault(m.file, {})
        held[m.name_in_file or m.sample] = signals
        if len(held) == expected[m.file]:
            tell(f"  {m.file}: {len(signals):,} markers, {', '.join(held)}")
            _write_file(folder / m.file, m.format, waiting.pop(m.file))


def _write_file(path: Path, format_: str, samples: dict[str, pd.DataFrame]) -> None:
    name, signals = next(iter(samples.items()))
    if format_ == "final_report":
        delimiter = "," if ".csv" in path.name else "\t"
        array_files.final_report(path, samples, delimiter=delimiter)
    elif format_ == "full_data_table":
        array_files.full_data_table(path, samples)
    elif format_ == "penncnv":
        array_files.penncnv(path, name, signals)
    elif format_ == "vcf":
        array_files.vcf(np.random.default_rng(len(name)), path, name, signals)
    else:
        array_files.table(path, signals)


def write_exomes(
    out: Path,
    people: People,
    seed: int,
    share: float,
    tell: Callable[[str], object],
    pool: Executor,
) -> list[Future[None]]:
    """Simulate and write the exomes in the pool; `share` scales the number of their targets."""
    # Sorted: people are drawn in turn, and a set has another order in every run.
    names = sorted({e.line for e in bank_exomes.EXOMES})
    persons = {name: (sex_of(name), people.haplotypes[parent_of(name)]) for name in names}
    seeds = np.random.SeedSequence([seed, 1])  # apart from the streams of the arrays
    options = {"share": share, "tell": tell, "pool": pool}
    return bank_exomes.make(out, seeds, people.loci, persons, events_of, **options)


def write_rna(out: Path, people: People, seed: int, tell: Callable[[str], object]) -> None:
    """Simulate and write counts of genes of all RNA samples, and alleles of some."""
    persons = {
        row[0]: (sex_of(row[0]), parent_of(row[0]), people.haplotypes[parent_of(row[0])])
        for row in LINES
    }
    seeds = np.random.SeedSequence([seed, 2])  # apart from arrays and exomes
    models = out / bank_exomes.FOLDER / bank_exomes.GENE_MODELS
    others = models.read_text(encoding="utf-8") if EXOMES else ""
    bank_rna.make(out, seeds, people.loci, persons, events_of, tell=tell, others=others)


def write_methylation(out: Path, people: People, seed: int, tell: Callable[[str], object]) -> None:
    """Simulate and write the methylation of some samples."""
    persons = list(people.haplotypes)
    of = {
        row[0]: bank_methylation.Person(
            sex_of(row[0]),
            persons.index(parent_of(row[0])),
            row[6],
            people.haplotypes[parent_of(row[0])],
        )
        for row in LINES
    }
    seeds = np.random.SeedSequence([seed, 3])  # apart from arrays, exomes and RNA
    bands = pd.read_csv(BANDS, sep="\t", names=["chrom", "start", "end", "band", "stain"])
    reference = out / bank_exomes.FOLDER / bank_exomes.SEQUENCE
    arrays = people.platform
    bank_methylation.make(
        out, seeds, people.loci, arrays, of, events_of, bands, reference, tell=tell
    )


def write_sheets(
    out: Path, exomes: bool = False, rna: bool = False, methylation: bool = False
) -> None:
    """Write lines.tsv, samples.tsv, truth.tsv and expectations.tsv."""
    columns = ["line", "kind", "parent", "sex", "tier", "registry_id", "source_cell"]
    lines = pd.DataFrame(LINES, columns=[*columns, "reprogramming", "description"])
    latest = {m.line: m.passage for m in MEASUREMENTS}
    arrays = [
        ("snp_array", m.format, f"arrays/{m.file}", m.name_in_file, "linedrift-demo-array", m)
        for m in MEASUREMENTS
    ]
    sequenced = [
        ("wes", e.format, f"{bank_exomes.FOLDER}/{e.file}", "", bank_exomes.PLATFORM, e)
        for e in (bank_exomes.EXOMES if exomes else ())
    ]
    heard = [
        ("rna", format_, f"{bank_rna.FOLDER}/{file}", name, "", r)
        for r in (bank_rna.SAMPLES if rna else ())
        for format_, file, name in bank_rna.files(r)
    ]
    marked = [
        (
            *("methylation", m.format, f"{bank_methylation.FOLDER}/{m.file}", ""),
            *(bank_methylation.PLATFORM, m),
        )
        for m in (bank_methylation.SAMPLES if methylation else ())
    ]
    samples = pd.DataFrame(
        [
            {
                "line": m.line,
                "passage": m.passage,
                "assay": assay,
                "format": format_,
                "path": path,
                "path2": "",
                "name_in_file": name_in_file,
                "build": "GRCh38",
                "platform": platform,
                "batch": "",
                "bank": "MCB" if m.passage and m.passage == latest[m.line] else "",
                "baseline": "",
            }
            for assay, format_, path, name_in_file, platform, m in arrays
            + sequenced
            + marked
            + heard
        ]
    )
    lines.to_csv(out / "lines.tsv", sep="\t", index=False)
    samples.to_csv(out / "samples.tsv", sep="\t", index=False)
    tables.write(
        truth().sort_values(["chrom", "start", "line", "passage"]),
        out / "truth.tsv",
        tables.TRUTH,
    )
    expected = EXPECTATIONS + (bank_rna.EXPECTATIONS if rna else ())
    expected += bank_methylation.EXPECTATIONS if methylation else ()
    expectations = pd.DataFrame(expected, columns=["sample", "expectation", "detail"])
    expectations.to_csv(out / "expectations.tsv", sep="\t", index=False)


PROGRAMS = ("make_bank", "simulate_array", "array_files")
EXOME_PROGRAMS = (
    "bank_exomes", "simulate_exome", "exome_reads", "bam_records", "reduced_genome",
    "genome_sites", "genome_files", "flat_sequence",
)  # fmt: skip


RNA_PROGRAMS = ("bank_rna", "simulate_rna", "rna_alignment")
METHYLATION_PROGRAMS = ("bank_methylation", "simulate_methylation", "idat_files")


def recipe(small: bool = False, seed: int = SEED) -> str:
    """Return a digest of what decides the bank's bytes: programs, tables, options."""
    here = Path(__file__).resolve().parent
    names = PROGRAMS + (EXOME_PROGRAMS if EXOMES else ()) + (RNA_PROGRAMS if RNA else ())
    names += METHYLATION_PROGRAMS if METHYLATION else ()
    tables_ = (BANDS, *((bank_exomes.PANEL, bank_exomes.HOTSPOTS) if EXOMES else ()))
    tables_ += (bank_rna.KNOWN, bank_rna.SETS) if RNA else ()
    digest = hashlib.sha256(f"{small} {seed} {EXOMES} {RNA} {METHYLATION}".encode())
    for path in (*(here / f"{name}.py" for name in names), *tables_):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def make(
    out: Path,
    *,
    small: bool = False,
    seed: int = SEED,
    tell: Callable[[str], object] = lambda text: None,
    cores: int = 1,
) -> None:
    """Make the bank in `out`; the stamp is written last, so a killed run is made again.

    With several cores its parts are made in processes, to which `tell` must be picklable.
    """
    stamp = out / STAMP
    out.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    write_sheets(out, EXOMES, RNA, METHYLATION)
    people = draw_people(SMALL_DENSITY if small else DENSITY, seed)
    share = SMALL_SHARE if small else 1.0
    with workers(cores) as pool:
        waiting = [pool.submit(write_arrays, out / "arrays", people, tell)]
        if EXOMES:
            waiting += write_exomes(out, people, seed, share, tell, pool)
        # RNA is counted on the genes of the exomes, which are there by now.
        if RNA:
            waiting.append(pool.submit(write_rna, out, people, seed, tell))
        if METHYLATION:
            waiting.append(pool.submit(write_methylation, out, people, seed, tell))
        for part in waiting:
            part.result()
    stamp.write_text(recipe(small, seed) + "\n")


def is_current(out: Path, *, small: bool = False, seed: int = SEED) -> bool:
    """Return whether `out` holds a whole bank made by this recipe."""
    stamp = out / STAMP
    return stamp.is_file() and stamp.read_text().strip() == recipe(small, seed)


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def main() -> None:
    """Make the bank where the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("demo/bank"), help="folder to make it in")
    parser.add_argument(
        "--small", action="store_true", help="a quarter of the markers, half of the targets"
    )
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    print(f"Making the demo bank in {options.out}", flush=True)
    make(
        options.out,
        small=options.small,
        seed=options.seed,
        tell=say,
        cores=os.cpu_count() or 1,
    )


if __name__ == "__main__":
    main()
