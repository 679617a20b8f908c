"""Ask markers, X, imprinting, vectors and variants of one sample's RNA, always all of them."""

import json

import pandas as pd
from linedrift import jobs, tables
from linedrift.readers import rna_variants
from linedrift.readout_tables import READOUTS
from linedrift.readouts import (
    expression_readouts,
    imprinted_expression,
    marker_bank,
    readouts,
    rna_variant_readouts,
    vector_readouts,
)
from linedrift.rna_tables import ALLELE_COUNTS, EXTRA_CONTIGS, LOCATED_COUNTS
from linedrift.sequencing_tables import VARIANTS
from linedrift.signals import rna_bank


def main(job):
    """Read counts, alleles and alignment of the sample, markers of the bank; write readouts."""
    row = job.params.row
    sets = curated(job.input.sets)
    rows = [*expressed(job, sets), *alleles(job, sets), *vectors(job), *variants(job)]
    found = readouts.frame(rows, row["sample"], row["passage"], "rna")
    tables.write(found, job.output.readouts, READOUTS)
    states = found["state"].value_counts()
    return f"{row['sample']}: {', '.join(f'{n} {state}' for state, n in states.items())}"


def expressed(job, sets):
    """Return what counts of genes say, against the bank."""
    row, settings = job.params.row, job.params.settings
    sample, donor = row["sample"], bool(row["donor"])
    why = "no data: no counts of genes were given"
    for counts, path, about in zip(
        job.input.counts, job.input.markers, job.input.bank_facts, strict=True
    ):
        facts = of_json(about)
        if sample in facts["left_out"]:
            why = f"too few reads: {facts['left_out'][sample]}"
            continue
        by = {one["sample"]: one for one in job.params.bank}
        lines, donors = ({k: one[name] for k, one in by.items()} for name in ("line", "donor"))
        markers = marker_bank.from_frame(pd.read_parquet(path), facts, lines, donors)
        found = expression_readouts.compare(markers, sample, settings["rna"])
        seen = rna_bank.of_counts(tables.read(counts, LOCATED_COUNTS))
        passages = {name: by[name]["passage"] for name in markers.samples}
        earlier = marker_bank.earlier(markers, sample, passages, expression_readouts.XIST)
        return [
            *expression_readouts.of_sets(found, sets, settings, donor),
            *expression_readouts.of_x(found, sets, row["sex"], seen, earlier, settings),
        ]
    return expression_readouts.unanswered(sets, settings, why)


def alleles(job, sets):
    """Return what alleles say of imprinted genes."""
    counts = [tables.read(path, ALLELE_COUNTS) for path in job.input.alleles]
    known = [tables.read(path, tables.SIGNALS) for path in job.input.measured]
    return imprinted_expression.of_alleles(
        counts[0] if counts else None,
        imprinted_expression.genotypes(known),
        sets,
        job.params.settings,
    )


def vectors(job):
    """Return what contigs beside the human genome, and counts of vectors, say."""
    extra = [tables.read(path, EXTRA_CONTIGS) for path in job.input.extra]
    aligned = of_json(job.input.allele_facts[0]) if extra else {}
    counted = [of_json(path) for path in job.input.count_facts]
    return vector_readouts.of_vectors(
        extra[0] if extra else None,
        aligned.get("epstein_barr", {}),
        aligned.get("n_mapped", 0),
        counted[0]["vectors"] if counted else {},
        counted[0]["total"] if counted else 0.0,
        curated(job.input.vectors),
        job.params.settings,
    )


def variants(job):
    """Return which variants of the exome, and hotspots, the alignment has."""
    settings = job.params.settings
    own = [tables.read(path, VARIANTS) for path in job.input.variants]
    asked = rna_variant_readouts.asked(
        own[0] if own else VARIANTS.empty(), curated(job.input.hotspots)
    )
    for path in job.input.alignment:
        how = {"settings": settings["rna"], "reference": job.params.reference}
        asked = rna_variants.count(path, asked, **how)
    return rna_variant_readouts.of_variants(asked, bool(job.input.alignment), settings)


def curated(path):
    """Return a curated table as text."""
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def of_json(path):
    """Return what a file of facts holds."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


if __name__ == "__main__":
    jobs.run(main, snakemake)
