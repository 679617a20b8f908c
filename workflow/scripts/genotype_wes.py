"""Take the genotypes of one exome that tell one person from another."""

from linedrift import jobs, tables
from linedrift.genotypes import exome_genotypes
from linedrift.sequencing_tables import SITES


def main(job):
    """Read signals and sites, write genotypes."""
    signals = tables.read(job.input.signals, tables.SIGNALS)
    sites = tables.read(job.input.sites, SITES)
    found = exome_genotypes(signals, sites, job.params.settings, job.params.overdispersion)
    tables.write_beside(job.output.genotypes, lambda path: found.to_parquet(path, index=False))
    return f"{job.wildcards.sample}: {len(found)} genotypes"


if __name__ == "__main__":
    jobs.run(main, snakemake)
