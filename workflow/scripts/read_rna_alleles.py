"""Read the alleles of one sample's RNA: of a table, or counted in an alignment."""

import json

import pandas as pd
from linedrift import jobs, tables
from linedrift.readers import allele_tables, reference, rna_alignments, targets
from linedrift.readers.alignments import names_in
from linedrift.rna_tables import ALLELE_COUNTS, EXTRA_CONTIGS, GENES
from linedrift.signals import rna_signals


def main(job):
    """Read alleles; write them with the contigs that are not human, and facts."""
    if job.params.format == "ase":
        sites, facts = of_table(job)
        extra = EXTRA_CONTIGS.empty()
    else:
        sites, extra, facts = of_alignment(job)
    tables.write(sites, job.output.alleles, ALLELE_COUNTS)
    tables.write(extra, job.output.extra, EXTRA_CONTIGS)
    text = json.dumps(facts, indent=1)
    tables.write_beside(job.output.facts, lambda path: path.write_text(text, encoding="utf-8"))
    return f"{job.wildcards.sample}: {facts['n_usable']} of {len(sites)} SNPs usable"


def of_table(job):
    """Return the alleles of a table of ASEReadCounter, and facts."""
    markers = pd.read_csv(job.input.build_markers, sep="\t", keep_default_na=False)
    return allele_tables.read(
        job.input.data,
        settings=job.params.settings,
        build=job.params.build,
        chains=job.params.chains,
        build_markers=markers,
    )


def of_alignment(job):
    """Return the alleles that reads show, the contigs that are not human, and facts."""
    settings = job.params.settings
    panel = targets.read_snps(job.input.identity_snps)
    asked, notes = [panel[["chrom", "start", "name", "ref", "alt"]]], []
    signals = [tables.read(path, tables.SIGNALS) for path in job.input.measured]
    if signals and job.input.reference:
        asked += [heterozygous(signals, job.input.reference)]
    elif signals:
        notes += [
            "Without resources.reference the alleles of an array are not known: only the SNPs of "
            "the identity panel were read."
        ]
    sites = pd.concat(asked, ignore_index=True).drop_duplicates(["chrom", "start", "ref", "alt"])
    reading = rna_alignments.read(
        job.input.data,
        sites,
        settings=settings,
        reference=job.params.reference,
        episome=episome(job.input.vectors),
    )
    facts = reading.facts | {"format": job.params.format, "notes": notes}
    for path in job.input.genes:
        genes = tables.read(path, GENES)
        facts |= rna_alignments.strandedness(job.input.data, genes, settings)
    return rna_signals.one_alternative(reading.sites), reading.extra, facts


def episome(path):
    """Return the regions of Epstein-Barr virus that episomal vectors have."""
    table = pd.read_csv(path, sep="\t", keep_default_na=False, dtype=str)
    named = table.loc[table["regions"] != "", "regions"].str.split(";").explode()
    return [tuple(int(end) for end in region.split("-")) for region in named]


def heterozygous(signals, path):
    """Return the SNPs at which a person has two alleles by array or exome, with their bases."""
    two = pd.concat([frame[frame["usable"] & (frame["genotype"] == "AB")] for frame in signals])
    two = two.drop_duplicates(["chrom", "start"])
    parts = []
    with reference.opened(path) as fasta:
        names = names_in(path, list(two["chrom"].astype(str).unique()))
        # A reference may hold a part of the genome: what it lacks has no reads either.
        two = two[two["chrom"].isin(list(names))]
        for chrom, rows in two.groupby(two["chrom"].astype(str)):
            rows = rows.sort_values("start")
            bases = reference.letters(fasta, names[chrom], rows["start"].to_numpy())
            parts.append(rna_signals.both_alternatives(rows.assign(chrom=chrom), bases))
    nothing = ALLELE_COUNTS.empty()[["chrom", "start", "end", "name", "ref", "alt"]]
    return pd.concat(parts or [nothing], ignore_index=True)


if __name__ == "__main__":
    jobs.run(main, snakemake)
