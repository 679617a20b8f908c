"""Take the genotypes of one sample's RNA that tell one person from another."""

from linedrift import identity, jobs, rna_signals, tables
from linedrift.readers import targets
from linedrift.rna_tables import ALLELE_COUNTS


def main(job):
    """Read alleles, write genotypes at SNPs that were chosen for nobody's alleles."""
    panel = targets.read_snps(job.input.panel)
    found, why = tables.SIGNALS.empty(), "no alleles were given"
    for path in job.input.alleles:
        counts = tables.read(path, ALLELE_COUNTS)
        found, why = rna_signals.genotype_signals(counts, panel, job.params.rna)
    genotypes = identity.genotypes(found, job.params.settings)
    tables.write_beside(job.output.genotypes, lambda path: genotypes.to_parquet(path, index=False))
    return f"{job.wildcards.sample}: {len(genotypes)} genotypes; {why or 'in order'}"


if __name__ == "__main__":
    jobs.run(main, snakemake)
