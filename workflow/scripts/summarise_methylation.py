"""Take the methylation of each curated region in one sample."""

import pandas as pd
from linedrift import jobs, methylation_measures, tables
from linedrift.methylation_tables import CYTOSINES, PROBES, REGION_VALUES


def main(job):
    """Read probes or CpGs, write the methylation of each region."""
    values = REGION_VALUES.empty()
    for path in job.input.loci:
        table = PROBES if path.endswith(".probes.parquet") else CYTOSINES
        curated = methylation_measures.Curated(
            *(curated_table(path) for path in (job.input.imprinted, job.input.drift))
        )
        loci = tables.read(path, table)
        values = methylation_measures.region_values(loci, curated, job.params.settings)
    tables.write(values, job.output.regions, REGION_VALUES)
    return f"{job.wildcards.sample}: {values['beta'].notna().sum()} regions measured"


def curated_table(path):
    """Return a curated table, texts where nothing is a number."""
    return pd.read_csv(path, sep="\t", keep_default_na=False)


if __name__ == "__main__":
    jobs.run(main, snakemake)
