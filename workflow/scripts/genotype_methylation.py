"""Take the genotypes that SNP probes, or reads that bisulfite leaves readable, tell."""

import pandas as pd
from linedrift import jobs, methylation_identity, rna_signals, tables
from linedrift.genotypes import genotypes
from linedrift.methylation_tables import SNP_PROBES
from linedrift.readers import targets
from linedrift.rna_tables import ALLELE_COUNTS


def main(job):
    """Read SNP probes and alleles of reads, write genotypes."""
    settings, parts, reasons = job.params.methylation, [], []
    for path in job.input.snp_probes:
        known = targets.read_snp_probes(job.input.known)
        found, why = methylation_identity.probe_signals(
            tables.read(path, SNP_PROBES), known, settings
        )
        parts, reasons = [*parts, found], [*reasons, why]
    for path in job.input.alleles:
        panel = targets.read_snps(job.input.panel)
        counts = tables.read(path, ALLELE_COUNTS)
        found, why = rna_signals.genotype_signals(counts, panel, settings["reads"])
        parts, reasons = [*parts, found], [*reasons, why]
    signals = pd.concat([tables.SIGNALS.empty(), *parts], ignore_index=True)
    signals = tables.check(tables.in_genome_order(signals), tables.SIGNALS)
    told = genotypes(signals, job.params.settings)
    tables.write_beside(job.output.genotypes, lambda path: told.to_parquet(path, index=False))
    why = "; ".join(filter(None, reasons or ["neither SNP probes nor an alignment were given"]))
    return f"{job.wildcards.sample}: {len(told)} genotypes; {why or 'in order'}"


if __name__ == "__main__":
    jobs.run(main, snakemake)
