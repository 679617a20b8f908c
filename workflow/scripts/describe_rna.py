"""Compare one sample's RNA with its baselines, judge its quality, take its genotypes."""

import json
import math
from dataclasses import replace
from pathlib import Path

from linedrift import jobs, tables
from linedrift.genome import Karyotype
from linedrift.identity.genotypes import genotypes
from linedrift.quality import quality, rna_quality
from linedrift.readers import targets
from linedrift.rna_tables import ALLELE_COUNTS
from linedrift.signals import descriptions, rna_bank, rna_signals
from linedrift.signals.contrast import contrast


def main(job):
    """Read signals of the sample and alleles of its baselines; write all that is known of it."""
    signals = tables.read(job.input.signals, tables.SIGNALS)
    facts = json.loads(Path(job.input.facts).read_text(encoding="utf-8"))
    frame, noise, told = compared(job, signals, facts)
    if noise.reason and facts.get("no_levels"):
        noise = replace(noise, reason=f"{noise.reason}; {facts['no_levels']}")
    found, why = genotyped(job)
    described = descriptions.Description(frame, noise, judged(job, facts, noise), found)
    told += f"; genotypes: {why}" if why else ""
    return f"{job.wildcards.sample}: {descriptions.write(described, job.output)}; {told}"


def compared(job, signals, facts):
    """Return the contrast by the alleles of genes, its noise, and with what in words."""
    found = [
        rna_signals.of_snps(tables.read(path, ALLELE_COUNTS), job.params.rna)
        for path in job.input.baselines
    ]
    told, left_out = f"{len(found)} baselines", set()
    if job.params.sisters:
        # Sister lines tell what genes prefer; what they gained or lost must not pass for it.
        for k, sister in enumerate(found):
            found[k], chroms = rna_signals.without_events(sister, signals, job.params.rna)
            left_out |= chroms
        told += f" are sister lines; left out of them: {', '.join(sorted(left_out)) or 'none'}"
    baselines = [rna_signals.as_baseline(one, signals) for one in found]
    sex = job.params.sex
    if sex == "unknown":
        sex, _ = rna_bank.sex({"y": math.nan, "xist": math.nan} | facts, job.params.quality)
    settings = job.params.settings | job.params.settings["rna"]
    return *contrast(signals, baselines, Karyotype(sex), settings), told


def judged(job, facts, noise):
    """Return the figures of the sample's RNA against their thresholds."""
    of = {"sample": job.wildcards.sample, "assay": "rna", "expected_sex": job.params.sex}
    figures = rna_quality.measure(facts, noise, job.params.quality)
    return quality.judge(figures, job.params.quality, **of)


def genotyped(job):
    """Return genotypes at SNPs that were chosen for nobody's alleles, and why there are none."""
    panel = targets.read_snps(job.input.panel)
    signals, why = tables.SIGNALS.empty(), "no alleles were given"
    for path in job.input.alleles:
        counts = tables.read(path, ALLELE_COUNTS)
        signals, why = rna_signals.genotype_signals(counts, panel, job.params.rna)
    return genotypes(signals, job.params.identity), why


if __name__ == "__main__":
    jobs.run(main, snakemake)
