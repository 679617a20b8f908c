"""Take the genotypes of one measurement that tell one person from another."""

from linedrift import jobs, tables
from linedrift.genotypes import genotypes
from linedrift.readers import targets


def main(job):
    """Read signals, write genotypes."""
    signals = tables.read(job.input.signals, tables.SIGNALS)
    kept = targets.read_snp_probes(job.input.snp_probes)
    found = genotypes(signals, job.params.settings, kept)
    tables.write_beside(job.output.genotypes, lambda path: found.to_parquet(path, index=False))
    return f"{job.wildcards.sample}: {len(found)} genotypes"


if __name__ == "__main__":
    jobs.run(main, snakemake)
