"""Read the CpGs of one sequenced sample as the user has them, and place them on GRCh38."""

import json

import pandas as pd
from linedrift import jobs, tables
from linedrift.genome import build
from linedrift.methylation_tables import CYTOSINES
from linedrift.readers import cpg_anchors, cytosines


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
    dmrs = pd.read_csv(job.input.imprinted, sep="\t", keep_default_na=False)
    facts = reading.facts
    facts |= cpg_anchors.check(job.input.data, reading.cytosines, dmrs, facts)
    tables.write(reading.cytosines, job.output.cytosines, CYTOSINES)
    text = json.dumps(facts, indent=1, ensure_ascii=False)
    tables.write_beside(job.output.facts, lambda path: path.write_text(text, encoding="utf-8"))
    return (
        f"{job.wildcards.sample}: {facts['n_rows']} rows, {len(reading.cytosines)} CpGs; positions "
        + (f"verified by {facts['positions_by']}" if facts["positions_by"] else "not verified")
    )


if __name__ == "__main__":
    jobs.run(main, snakemake)
