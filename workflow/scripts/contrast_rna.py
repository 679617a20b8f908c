"""Contrast one sample's RNA with its baselines, by the alleles of genes."""

import json
from dataclasses import replace

from linedrift import jobs, rna_signals, tables
from linedrift.contrast import contrast
from linedrift.genome import Karyotype
from linedrift.rna_tables import ALLELE_COUNTS


def main(job):
    """Read signals of the sample and alleles of its baselines; write the contrast and its noise."""
    signals = tables.read(job.input.signals, tables.SIGNALS)
    found = [
        rna_signals.of_snps(tables.read(path, ALLELE_COUNTS), job.params.rna)
        for path in job.input.baselines
    ]
    left_out: set[str] = set()
    if job.params.sisters:
        # Sister lines tell what genes prefer; what they gained or lost must not pass for it.
        for k, sister in enumerate(found):
            found[k], chroms = rna_signals.without_events(sister, signals, job.params.rna)
            left_out |= chroms
    baselines = [rna_signals.as_baseline(one, signals) for one in found]
    settings = job.params.settings | job.params.settings["rna"]
    frame, noise = contrast(signals, baselines, Karyotype(job.params.sex), settings)
    with open(job.input.facts, encoding="utf-8") as file:
        why = json.load(file).get("no_levels", "")
    if noise.reason and why:
        noise = replace(noise, reason=f"{noise.reason}; {why}")
    tables.write(frame, job.output.contrast, tables.CONTRAST)
    text = json.dumps(noise.to_dict(), indent=1)
    tables.write_beside(job.output.noise, lambda path: path.write_text(text, encoding="utf-8"))
    told = f"{job.wildcards.sample}: {len(frame)} loci, {len(baselines)} baselines"
    if job.params.sisters:
        told += (
            f", which are sister lines; left out of them: {', '.join(sorted(left_out)) or 'none'}"
        )
    return told


if __name__ == "__main__":
    jobs.run(main, snakemake)
