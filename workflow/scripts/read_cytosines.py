"""Read the CpGs of one sequenced sample as the user has them, and place them on GRCh38."""

import json

from linedrift import jobs, tables
from linedrift.genome import build
from linedrift.methylation_tables import CYTOSINES
from linedrift.readers import cytosines


def main(job):
    """Read one file of methylation by sequencing; write its CpGs, and facts."""
    of = build(job.params.build or "GRCh38").name
    reading = cytosines.read(
        job.input.data,
        format=job.params.format,
        settings=job.params.settings,
        build=of,
        chains=job.params.chains,
        reference=job.params.reference,
    )
    tables.write(reading.cytosines, job.output.cytosines, CYTOSINES)
    text = json.dumps(reading.facts, indent=1, ensure_ascii=False)
    tables.write_beside(job.output.facts, lambda path: path.write_text(text, encoding="utf-8"))
    return f"{job.wildcards.sample}: {reading.facts['n_rows']} rows, {len(reading.cytosines)} CpGs"


if __name__ == "__main__":
    jobs.run(main, snakemake)
