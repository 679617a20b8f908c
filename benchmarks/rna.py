"""RNA-seq: linedrift beside eSNP-karyotyping's scheme, CNVkit's import-rna and bcftools mpileup.

    python benchmarks/rna.py [--only lines grid dosage speed banks] [--genomes 10] [--cnvkit path]

`lines`: ten iPSC lines of HipSci (allele counts), two of them aneuploid. `grid`: simulated banks
with trisomies in a share of cells. `dosage`: expression against the copy number of the same
tumours. `speed`: alleles of one alignment. `banks`: a family with trisomy 21, and a bank of 350
samples. Where the real data are absent (LINEDRIFT_REAL_DATA) or
a peer is not installed, that part says so.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import bench_paths
import engine
import esnp
import numpy as np
import pandas as pd
import scoring
import simulate_array
import simulate_rna
from genomes import bands, measured_arms, rng_of
from linedrift import genome, tables
from linedrift.events.calls import Measurement
from linedrift.events.segmentation import segment
from linedrift.readers import allele_tables
from linedrift.rna_tables import ALLELE_COUNTS, LOCATED_COUNTS
from linedrift.signals import expression, rna_bank, rna_signals
from linedrift.signals.contrast import contrast
from rna_data import annotation

FRACTIONS = (0.2, 0.3, 0.5, 1.0)
# Genes, loci in a megabase, and lines of a simulated bank; events in a genome.
GENES, PER_MB, LINES, EVENTS = 12_000, 60.0, 8, 2
# Chromosomes of at least this length carry the planted trisomies.
LEAST_MB = 50
# What is known of the ten lines (their table, inferred_karyotype.tsv).
KNOWN = {"xugn_1": ("chr12", 0, 133_275_309), "qonc_1": ("chr1", 125_100_000, 248_956_422)}
XIST = {"gene": "XIST", "chrom": "chrX", "start": 73_820_649, "end": 73_852_723} | {
    "gene_id": "ENSG00000229807"
}


def measurement(
    signals: pd.DataFrame, baselines: Sequence[pd.DataFrame], config: Mapping[str, Any], sex: str
) -> Measurement:
    """Return the RNA of a sample as the rules describe_rna and call_events make it."""
    karyotype = genome.Karyotype(sex)
    based = [rna_signals.as_baseline(one, signals) for one in baselines]
    frame, noise = contrast(
        signals, based, karyotype, config["contrast"] | config["contrast"]["rna"]
    )
    found = segment(frame, noise, karyotype, config["segmentation"] | config["segmentation"]["rna"])
    return Measurement("line-p5", 5, "rna", frame, noise, found)


def rows(one: Measurement, config: Mapping[str, Any]) -> pd.DataFrame:
    """Return what linedrift calls of a measurement (engine.COLUMNS)."""
    found = engine.rows([one], config["events"])
    return found[found["called"] == 1].reset_index(drop=True)


def masked(config: Mapping[str, Any]) -> pd.DataFrame:
    """Return the regions that alleles do not tell of."""
    return pd.DataFrame(config["rna"]["masked"], columns=["chrom", "start", "end"])


# Lines of HipSci


def hipsci() -> tuple[dict[str, pd.DataFrame], pd.DataFrame] | None:
    """Return ALLELE_COUNTS of ten lines, and the genes; None where they are not here."""
    folder = bench_paths.real_data() / "rna" / "hipsci_allele_counts"
    if not folder.is_dir():
        return None
    reference = bench_paths.real_data() / "reference"
    resources = bench_paths.ROOT / "resources"
    markers = pd.read_csv(resources / "build_markers.tsv", sep="\t")
    how = {
        "settings": engine.config()["rna"],
        "build": "GRCh37",
        "chains": {"GRCh37": str(reference / "hg19_to_hg38.chain.gz")},
        "build_markers": markers,
    }
    counts = {
        path.name.split(".")[0].partition("-")[2]: allele_tables.read(path, **how).sites
        for path in sorted(folder.glob("*.ase.table.gz"))
    }
    return counts, annotation().genes


def of_line(
    name: str, counts: Mapping[str, pd.DataFrame], genes: pd.DataFrame, sister: bool
) -> pd.DataFrame:
    """Return what linedrift calls of a line by its alleles, with its sister lines or without."""
    config = engine.config()
    settings, donor = config["rna"], name.partition("_")[0]
    sisters = [
        rna_signals.of_snps(other, settings)
        for line, other in counts.items()
        if sister and line != name and line.partition("_")[0] == donor
    ]
    known = rna_signals.known_genotypes(sisters, counts[name], settings)
    signals, _ = rna_signals.allele_signals(counts[name], genes, masked(config), known, settings)
    told = [rna_signals.without_events(one, signals, settings)[0] for one in sisters]
    return rows(measurement(signals, told, config, "female"), config)


def lines() -> None:
    """Print what each tool says of the ten lines."""
    read = hipsci()
    if read is None:
        print("hipsci_allele_counts is not here, so no real line is asked")
        return
    counts, genes = read
    table = []
    for name, sites in counts.items():
        of = {
            "linedrift": of_line(name, counts, genes, sister=False),
            "linedrift, sister": of_line(name, counts, genes, sister=True),
            esnp.NAME: esnp.calls(sites),
        }
        truth = pd.DataFrame(
            [KNOWN[name]] if name in KNOWN else [], columns=["chrom", "start", "end"]
        )
        row = {"line": name, "known": "; ".join(map(told, truth.itertuples())) or "nothing"}
        for tool, found in of.items():
            false = scoring.false(truth, found)
            row[tool] = "; ".join(map(told, found[~false].itertuples())) or "nothing"
            row[f"false, {tool}"] = int(false.sum())
        table.append(row)
    print(scoring.markdown(table))


def told(event: Any) -> str:
    """Return a call in a few characters."""
    place = f"{event.chrom}:{event.start / 1e6:.0f}-{event.end / 1e6:.0f}"
    if hasattr(event, "fraction"):
        return f"{place} {event.kind} {100 * event.fraction:.0f} %"
    return f"{place} ratio {event.ratio:.2f}" if hasattr(event, "ratio") else place


# Simulated banks


def simulated(name: str) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return the truth of `rna-<fraction>-<k>` (0: nothing planted), and the calls by tool.

    One bank: the sample, LINES others of which all are normal, and an early passage of the
    sample's own line without the event.
    """
    rng, fraction = rng_of(name), float(name.split("-")[1])
    of = bands()
    loci = simulate_array.loci(rng, bands=of, per_mb=PER_MB)
    person = simulate_array.person(rng, loci, simulate_array.platform(rng, loci), "female")
    genes = simulate_rna.genes(rng, loci, GENES, pd.DataFrame([XIST]))
    truth = planted(rng, fraction if fraction else 0.0, of)
    events = [
        simulate_array.Event(e.chrom, e.start, e.end, "gain", e.fraction, int(rng.integers(2)))
        for e in truth.itertuples()
    ]
    reads = {
        "own": simulate_rna.counts(rng, genes, events, "female"),
        **{f"other{k}": simulate_rna.counts(rng, genes, [], "female") for k in range(LINES)},
    }
    prefers = simulate_rna.preferences(rng, genes)
    own, early = (
        allele_counts(
            simulate_rna.alleles(rng, genes, reads["own"], loci, person, carried, prefers)
        )
        for carried in (events, [])
    )
    return truth, called(genes, reads, own, early, of)


def planted(rng: np.random.Generator, fraction: float, of: pd.DataFrame) -> pd.DataFrame:
    """Return trisomies of whole chromosomes: chrom, start, end, kind, size, fraction."""
    arms = measured_arms(of).groupby("chrom").agg(start=("start", "min"), end=("end", "max"))
    long = arms[arms["end"] - arms["start"] >= LEAST_MB * 1e6].reset_index()
    chosen = long.iloc[np.sort(rng.choice(len(long), EVENTS if fraction else 0, replace=False))]
    return chosen.assign(kind="gain", size="chromosome", fraction=fraction).reset_index(drop=True)


def allele_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Return a simulated table of alleles as ALLELE_COUNTS."""
    frame = pd.DataFrame(
        {
            "chrom": table["contig"].astype(genome.CHROM_DTYPE),
            "start": table["position"] - 1,
            "end": table["position"],
            "name": table["contig"] + ":" + table["position"].astype(str),
            "ref": table["refAllele"],
            "alt": table["altAllele"],
            "ref_count": table["refCount"],
            "alt_count": table["altCount"],
            "total": table["totalCount"],
            "other": 0,
            "usable": table["totalCount"] > 0,
        }
    )
    return tables.in_genome_order(tables.conform(frame, ALLELE_COUNTS))


def called(
    genes: pd.DataFrame,
    reads: Mapping[str, np.ndarray],
    own: pd.DataFrame,
    early: pd.DataFrame,
    of: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Return the calls of each tool, and of linedrift by what it is given."""
    config = engine.config()
    settings = config["rna"]
    located = tables.conform(genes.assign(count=0.0, length=1), LOCATED_COUNTS)
    counts = {name: located.assign(count=values) for name, values in reads.items()}
    arms = genome.arms(of.astype({"chrom": genome.CHROM_DTYPE}))
    shared, bank, _ = rna_bank.expressed(counts, list(counts), arms, settings)
    level, sd, _ = expression.dosage(bank, "own", settings)
    levels = rna_signals.expression_signals(shared, level, sd)
    snps = [rna_signals.of_snps(early, settings)]
    results = {}
    for name, baselines, expressed in (
        ("linedrift, alleles alone", [], False),
        ("linedrift, alleles and early passage", snps, False),
        ("linedrift, expression alone", [], True),
        ("linedrift, all", snps, True),
    ):
        known = rna_signals.known_genotypes(baselines, own, settings)
        signals, _ = rna_signals.allele_signals(own, genes, masked(config), known, settings)
        if "expression alone" in name:
            signals = levels
        elif expressed:
            signals = rna_signals.together(levels, signals)
        results[name] = rows(measurement(signals, baselines, config, "female"), config)
    return results | {esnp.NAME: esnp.calls(own)}


def grid(n: int) -> None:
    """Print the power of each tool by share of cells, and its false events in null genomes."""
    names = [f"rna-{fraction:g}-{k}" for fraction in (0, *FRACTIONS) for k in range(n)]
    done = {name: simulated(name) for name in names}
    table = []
    for tool in done[names[0]][1]:
        genomes = {name: (truth, calls[tool]) for name, (truth, calls) in done.items()}
        table.append(power(tool, genomes, {}, "as called"))
        if tool == esnp.NAME:
            cut, _ = esnp.best(genomes, scoring.FALSE_RATE)
            label = f"rate <= 1e-{cut['score']:g}, {cut['n']:g} windows"
            table.append(power(tool, genomes, cut, label))
    print(scoring.markdown(table))


def power(
    tool: str,
    genomes: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
    cut: Mapping[str, float],
    label: str,
) -> dict[str, str]:
    """Return a row of the table: power by fraction, false events in null and other genomes."""
    row, false, n = {"tool": tool, "cut-off": label}, {True: 0, False: 0}, {True: 0, False: 0}
    hits: dict[float, list[bool]] = {fraction: [] for fraction in FRACTIONS}
    for truth, calls in genomes.values():
        kept = scoring.kept(calls, cut)
        null = truth.empty
        n[null] += 1
        false[null] += int(scoring.false(truth, kept).sum())
        if not null:
            hits[float(truth["fraction"].iloc[0])] += list(scoring.found(truth, kept))
    for fraction, found in hits.items():
        row[f"{100 * fraction:g} %"] = f"{np.mean(found):.2f} ({len(found)})"
    row["false, null genomes"] = f"{false[True]} in {n[True]}"
    row["false, others"] = f"{false[False]} in {n[False]}"
    return row


def main() -> int:
    """Print the tables of the parts that are asked."""
    import rna_banks
    import rna_dosage
    import rna_speed

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = ("lines", "grid", "dosage", "speed", "banks")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--genomes", type=int, default=10, help="genomes of each share of cells")
    parser.add_argument("--cnvkit", type=Path, default=Path("cnvkit.py"), help="its program")
    asked = parser.parse_args()
    bench_paths.WORK.mkdir(exist_ok=True)
    for part in asked.only:
        print(f"\n**{part}**\n")
        if part == "lines":
            lines()
        elif part == "grid":
            grid(asked.genomes)
        elif part == "dosage":
            rna_dosage.main(asked.cnvkit)
        elif part == "speed":
            rna_speed.main()
        else:
            rna_banks.main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
