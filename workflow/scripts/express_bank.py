"""Put the expression of all samples of the bank side by side, less technical factors."""

import json

import pandas as pd
from linedrift import genome, jobs, tables
from linedrift.readouts import marker_bank
from linedrift.rna_tables import GENES, LOCATED_COUNTS
from linedrift.signals import rna_bank


def main(job):
    """Read the counts of all samples; write the bank's expression and markers, and who is in it."""
    counts, lines, left_out = {}, {}, {}
    sets = pd.read_csv(job.input.sets, sep="\t", keep_default_na=False, dtype=str)
    for path, sample, line in zip(
        job.input.counts, job.params.samples, job.params.lines, strict=True
    ):
        frame = tables.read(path, LOCATED_COUNTS)
        if reason := rna_bank.too_poor(frame, job.params.thresholds):
            left_out[sample] = reason
        else:
            counts[sample], lines[sample] = frame, line
    facts = {"lines": lines, "left_out": left_out, "n_genes": 0, "n_expressed": 0}
    facts["arm_shifts"] = {}
    if counts:
        arms = genome.arms(tables.read_bands(job.input.bands))
        genes, bank, figures = rna_bank.expressed(
            counts, list(lines.values()), arms, job.params.settings, gc_of(job.input.genes)
        )
        frame, facts = rna_bank.to_frame(genes, bank), facts | figures
        facts["arm_shifts"] = rna_bank.shifts_to_dict(bank)
        donors = [line in job.params.donors for line in lines.values()]
        markers, figures = marker_bank.of_bank(
            counts, list(lines.values()), donors, sets, job.params.settings
        )
        facts |= figures
    else:
        markers = LOCATED_COUNTS.empty()[list(rna_bank.GENE_COLUMNS)]
        frame, facts = markers.assign(arm=""), facts | marker_bank.NOBODY
    tables.write_beside(job.output.markers, lambda path: markers.to_parquet(path, index=False))
    tables.write_beside(job.output.bank, lambda path: frame.to_parquet(path, index=False))
    text = json.dumps(facts, indent=1)
    tables.write_beside(job.output.facts, lambda path: path.write_text(text, encoding="utf-8"))
    return (
        f"{len(counts)} samples of {len(set(lines.values()))} lines, {facts['n_expressed']} genes "
        f"expressed, {facts.get('n_factors', 0)} factors removed, {len(left_out)} left out"
    )


def gc_of(path):
    """Return the share of G and C of each gene, by gene_id."""
    genes = tables.read(path, GENES)
    return genes.drop_duplicates("gene_id").set_index("gene_id")["gc"]


if __name__ == "__main__":
    jobs.run(main, snakemake)
