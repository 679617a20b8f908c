"""Take the genotypes of one sample's RNA that tell one person from another."""

from linedrift import jobs, rna_signals, tables
from linedrift.genotypes import genotypes
from linedrift.readers import targets
from linedrift.rna_tables import ALLELE_COUNTS


def main(job):
    """Read alleles, write genotypes at SNPs that were chosen for nobody's alleles."""
    panel = targets.read_snps(job.input.panel)
    signals, why = tables.SIGNALS.empty(), "no alleles were given"
    for path in job.input.alleles:
        counts = tables.read(path, ALLELE_COUNTS)
        signals, why = rna_signals.genotype_signals(counts, panel, job.params.rna)
    found = genotypes(signals, job.params.settings)
    tables.write_beside(job.output.genotypes, lambda path: found.to_parquet(path, index=False))
    return f"{job.wildcards.sample}: {len(found)} genotypes; {why or 'in order'}"


if __name__ == "__main__":
    jobs.run(main, snakemake)
