"""Take the genotypes of one measurement that tell one person from another."""

from linedrift import identity, jobs, tables


def main(job):
    """Read signals, write genotypes."""
    signals = tables.read(job.input.signals, tables.SIGNALS)
    genotypes = identity.genotypes(signals, job.params.settings)
    tables.write_beside(job.output.genotypes, lambda path: genotypes.to_parquet(path, index=False))
    return f"{job.wildcards.sample}: {len(genotypes)} genotypes"


if __name__ == "__main__":
    jobs.run(main, snakemake)
