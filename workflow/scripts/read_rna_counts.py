"""Read the gene counts of one sample, and find each gene in the annotation."""

import json
from pathlib import Path

from linedrift import jobs, tables
from linedrift.readers import counts, genes
from linedrift.rna_tables import GENES, LOCATED_COUNTS


def main(job):
    """Read one sample of a table of counts; write its genes with their places, and facts."""
    settings = job.params.settings
    reading = counts.read(
        job.input.data,
        format=job.params.format,
        name_in_file=job.params.name_in_file,
        settings=settings,
    )
    annotation = genes.Annotation(tables.read(job.input.genes, GENES), {})
    name = Path(job.params.annotation).name
    found = genes.locate(job.input.data, reading.genes, annotation, name, settings)
    located = tables.conform(found.genes, LOCATED_COUNTS)
    tables.write(located, job.output.counts, LOCATED_COUNTS)
    facts = reading.facts | found.facts
    # Sequences of vectors stand in the table of counts, not in the annotation.
    vectors = reading.genes[reading.genes["gene_id"].isin(list(settings["vectors"]))]
    facts["vectors"] = dict(zip(vectors["gene_id"], vectors["count"], strict=True))
    facts["notes"] = [*reading.facts["notes"], *found.facts["notes"]]
    text = json.dumps(facts, indent=1)
    tables.write_beside(job.output.facts, lambda path: path.write_text(text, encoding="utf-8"))
    return (
        f"{job.wildcards.sample}: {len(located)} genes, {located['count'].sum():.0f} reads, "
        f"strandedness {facts['strandedness'] or 'not said'}"
    )


if __name__ == "__main__":
    jobs.run(main, snakemake)
