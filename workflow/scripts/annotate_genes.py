"""Read the genes of the user's annotation."""

import pandas as pd
from linedrift import jobs, tables
from linedrift.readers import genes
from linedrift.rna_tables import GENES


def main(job):
    """Read the annotation; write its genes on GRCh38."""
    known = pd.read_csv(job.input.known, sep="\t", dtype={"gene": str})
    annotation = genes.read(job.input.genes, fasta=job.params.reference, known=known)
    tables.write(annotation.genes, job.output.genes, GENES)
    return f"{len(annotation.genes)} genes of {annotation.facts['n_rows']} rows"


if __name__ == "__main__":
    jobs.run(main, snakemake)
