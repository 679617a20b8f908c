"""Count the reads of a bisulfite alignment in bins, and the alleles that bisulfite leaves."""

import json

from linedrift import jobs, tables
from linedrift.methylation_tables import DEPTHS
from linedrift.readers import bisulfite, reference, targets
from linedrift.rna_tables import ALLELE_COUNTS
from linedrift.signals import bisulfite_depth


def main(job):
    """Read one alignment; write the depth of bins, the alleles of SNPs, and facts."""
    settings = job.params.settings
    snps = targets.read_snps(job.input.identity_snps)
    bins = bisulfite.grid(settings["bin_bp"])
    depth, alleles, facts = bisulfite.count(
        job.input.data, bins, snps, settings=settings, reference=job.params.reference
    )
    fasta = job.params.reference
    composition = reference.composition(bins, fasta) if fasta else None
    tables.write(bisulfite_depth.described(depth, composition), job.output.depth, DEPTHS)
    tables.write(alleles, job.output.alleles, ALLELE_COUNTS)
    text = json.dumps(facts, indent=1, ensure_ascii=False)
    tables.write_beside(job.output.facts, lambda path: path.write_text(text, encoding="utf-8"))
    return f"{job.wildcards.sample}: {len(depth)} bins, {int(alleles['usable'].sum())} SNPs"


if __name__ == "__main__":
    jobs.run(main, snakemake)
