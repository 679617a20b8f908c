"""Take the genotypes of one exome that tell one person from another."""

from linedrift import identity, jobs, tables
from linedrift.sequencing_tables import SITES


def main(job):
    """Read signals and sites, write genotypes."""
    signals = tables.read(job.input.signals, tables.SIGNALS)
    sites = tables.read(job.input.sites, SITES)
    genotypes = identity.exome_genotypes(
        signals, sites, job.params.settings, job.params.overdispersion
    )
    tables.write_beside(job.output.genotypes, lambda path: genotypes.to_parquet(path, index=False))
    return f"{job.wildcards.sample}: {len(genotypes)} genotypes"


if __name__ == "__main__":
    jobs.run(main, snakemake)
