"""Make the signals of one sample's RNA: expression relative to the bank, and alleles."""

import json

import pandas as pd
from linedrift import jobs, tables
from linedrift.rna_tables import ALLELE_COUNTS, GENES, LOCATED_COUNTS
from linedrift.signals import expression, rna_bank, rna_signals


def main(job):
    """Read expression of the bank and alleles of the sample; write signals, and facts."""
    facts = {"notes": []}
    of_genes = of_alleles = tables.SIGNALS.empty()
    for path, bank, about in zip(
        job.input.counts, job.input.bank, job.input.bank_facts, strict=True
    ):
        facts |= rna_bank.of_counts(tables.read(path, LOCATED_COUNTS))
        of_genes, figures = levels(job, bank, about)
        facts |= figures
    for path in job.input.alleles:
        of_alleles, figures = alleles(job, path)
        facts |= figures
    for path in [*job.input.count_facts, *job.input.allele_facts]:
        with open(path, encoding="utf-8") as file:
            told = json.load(file)
        facts["notes"] += told.get("notes", [])
        facts |= {"strandedness": told["strandedness"]} if told.get("strandedness") else {}
    if job.params.sisters:
        facts["notes"].append(
            "Neither the donor nor an earlier passage has alleles of RNA: which allele a gene "
            f"prefers is told by sister lines ({', '.join(job.params.sisters)}), but for the "
            "chromosomes of which they carry more of one allele."
        )
    signals = rna_signals.together(of_genes, of_alleles)
    tables.write(signals, job.output.signals, tables.SIGNALS)
    text = json.dumps(facts, indent=1)
    tables.write_beside(job.output.facts, lambda path: path.write_text(text, encoding="utf-8"))
    return (
        f"{job.wildcards.sample}: {int(of_genes['usable'].sum())} genes with a level, "
        f"{facts.get('n_genes', 0)} with two alleles"
    )


def levels(job, path, about):
    """Return the expression of the sample's genes as signals, and figures."""
    sample = job.wildcards.sample
    with open(about, encoding="utf-8") as file:
        facts = json.load(file)
    if sample in facts["left_out"]:
        return tables.SIGNALS.empty(), {"no_levels": facts["left_out"][sample]}
    genes, bank = rna_bank.from_frame(pd.read_parquet(path), facts["lines"], facts["arm_shifts"])
    level, sd, figures = expression.dosage(bank, sample, job.params.settings)
    found = {"n_lines": figures["lines"], "no_levels": figures["reason"]}
    found["compared_with"] = figures["quiet"]
    return rna_signals.expression_signals(genes, level, sd), found


def alleles(job, path):
    """Return the alleles of the sample as signals, and figures."""
    settings = job.params.settings
    counts = tables.read(path, ALLELE_COUNTS)
    annotated = [tables.read(one, GENES) for one in job.input.genes]
    genes = annotated[0] if annotated else GENES.empty()
    masked = pd.DataFrame(settings["masked"], columns=["chrom", "start", "end"])
    measured = [tables.read(one, tables.SIGNALS) for one in job.input.measured]
    measured += [
        rna_signals.of_snps(tables.read(one, ALLELE_COUNTS), settings)
        for one in job.input.baselines
    ]
    known = rna_signals.known_genotypes(measured, counts, settings)
    return rna_signals.allele_signals(counts, genes, masked, known, settings)


if __name__ == "__main__":
    jobs.run(main, snakemake)
