"""Compare one sample's methylation assay, judge it, take its genotypes and curated regions."""

import json
from pathlib import Path

import pandas as pd
from linedrift import jobs, tables
from linedrift.genome import Karyotype
from linedrift.identity import methylation_identity
from linedrift.identity.genotypes import genotypes
from linedrift.methylation_tables import CYTOSINES, DEPTHS, PROBES, REGION_VALUES, SNP_PROBES
from linedrift.quality import methylation_quality, quality
from linedrift.quality import methylation_sequencing_quality as sequencing
from linedrift.readers import bisulfite, targets
from linedrift.readouts import methylation_measures
from linedrift.rna_tables import ALLELE_COUNTS
from linedrift.signals import bisulfite_depth, descriptions, methylation_contrast, rna_signals
from linedrift.signals.waves import covariates

# What copy number is told by, as files are called.
TOLD_BY = {"probes": PROBES, "depth": DEPTHS, "cytosines": CYTOSINES}


def main(job):
    """Read the sample, its baselines and others of the bank; write all that is known of it."""
    probes = [tables.read(path, PROBES) for path in job.input.probes]
    cytosines = [tables.read(path, CYTOSINES) for path in job.input.cytosines]
    frame = judged(job, probes, cytosines)
    found, why = genotyped(job)
    described = descriptions.Description(*compared(job, frame), frame, found)
    values = regions(job, [*probes, *cytosines])
    tables.write(values, job.output.regions, REGION_VALUES)
    return (
        f"{job.wildcards.sample}: {len(job.input.baselines)} baselines, panel of "
        f"{len(job.input.panel)}; {descriptions.write(described, job.output)}; genotypes: "
        f"{why or 'in order'}; {values['beta'].notna().sum()} regions measured"
    )


def judged(job, probes, cytosines):
    """Return detection, conversion, depth and sex of the sample against their thresholds."""
    facts = {}
    for path in job.input.facts:
        facts |= json.loads(Path(path).read_text(encoding="utf-8"))
    kind, model = ("arrays", methylation_quality) if probes else ("sequencing", sequencing)
    settings = job.params.quality[kind]
    (loci,) = probes or cytosines or [CYTOSINES.empty()]
    return quality.judge(
        model.measure(loci, facts, settings),
        settings,
        sample=job.wildcards.sample,
        assay="methylation",
        expected_sex=job.params.sex,
        labels=model.LABELS,
        why=model.WHY,
    )


def compared(job, judged):
    """Return the contrast of the array's intensity, or of the depth of reads, and its noise."""
    own, baselines, panel = (
        [read(path, job) for path in paths]
        for paths in (job.input.own, job.input.baselines, job.input.panel)
    )
    sex = job.params.sex
    if sex == "unknown":
        sex, _ = quality.sex_of(judged)
    # A bedGraph of percents has no reads.
    mine = own[0] if own else DEPTHS.empty()
    gc_content = [tables.read(path, tables.GC_CONTENT) for path in job.input.gc_content]
    return methylation_contrast.contrast_of(
        mine,
        baselines,
        panel,
        Karyotype(sex),
        job.params.methylation["copy_number"],
        job.params.settings | job.params.settings["methylation"],
        covariates(mine, tables.read_bands(job.input.bands), *gc_content),
    )


def read(path, job):
    """Return the probes of an array, or the depth of bins; of CpGs that which their reads give."""
    kind = Path(path).suffixes[-2].removeprefix(".")
    loci = tables.read(path, TOLD_BY[kind])
    if kind != "cytosines":
        return loci
    bins = bisulfite.grid(job.params.methylation["sequencing"]["bin_bp"])
    settings = job.params.methylation["copy_number"]
    return bisulfite_depth.depths_of(loci, bins, settings)


def genotyped(job):
    """Return genotypes that SNP probes, or reads that bisulfite leaves, tell; and why not."""
    settings, parts, reasons = job.params.methylation["identity"], [], []
    for path in job.input.snp_probes:
        known = targets.read_snp_probes(job.input.known)
        found, why = methylation_identity.probe_signals(
            tables.read(path, SNP_PROBES), known, settings
        )
        parts, reasons = [*parts, found], [*reasons, why]
    for path in job.input.alleles:
        panel = targets.read_snps(job.input.snps)
        counts = tables.read(path, ALLELE_COUNTS)
        found, why = rna_signals.genotype_signals(counts, panel, settings["reads"])
        parts, reasons = [*parts, found], [*reasons, why]
    signals = pd.concat([tables.SIGNALS.empty(), *parts], ignore_index=True)
    signals = tables.check(tables.in_genome_order(signals), tables.SIGNALS)
    why = "; ".join(filter(None, reasons or ["neither SNP probes nor an alignment were given"]))
    return genotypes(signals, job.params.identity), why


def regions(job, loci):
    """Return the methylation of each curated region; none where only an alignment was given."""
    if not loci:
        return REGION_VALUES.empty()
    curated = methylation_measures.Curated(
        *(curated_table(path) for path in (job.input.imprinted, job.input.drift))
    )
    return methylation_measures.region_values(loci[0], curated, job.params.methylation["measures"])


def curated_table(path):
    """Return a curated table, texts where nothing is a number."""
    return pd.read_csv(path, sep="\t", keep_default_na=False)


if __name__ == "__main__":
    jobs.run(main, snakemake)
