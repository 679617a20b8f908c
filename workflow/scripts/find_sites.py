"""Find the SNPs of a person at which all exomes of the line are read."""

from linedrift import alleles, jobs, tables
from linedrift.intervals import widened
from linedrift.readers import alignments, bam_records, reads, reference, targets
from linedrift.sequencing_tables import SITES
from linedrift.signals import exomes


def main(job):
    """Read one exome on targets and around them, and the array of the person; write sites."""
    settings = job.params.settings
    around = widened(targets.read(job.input.targets), settings["flank_bp"])
    panel = targets.read_snps(job.input.panel)
    arrays = [tables.read(path, tables.SIGNALS) for path in job.input.array]
    array = arrays[0] if arrays else tables.SIGNALS.empty()
    array = array[array["usable"] & (array["genotype"] != "")]
    asked = reads.asked(positions=around)
    found = {}
    names = alignments.names_in(job.input.reference, list(asked))
    with reference.opened(job.input.reference) as fasta:
        tallies = reads.tally(
            job.input.alignment,
            asked,
            reference=job.input.reference,
            min_mapping_quality=settings["min_mapping_quality"],
            min_base_quality=settings["min_base_quality"],
        )
        for chrom, tally in tallies:
            if chrom not in asked:
                continue
            position = bam_records.positions_of(asked[chrom])
            letters = reference.letters(fasta, names[chrom], position)
            found[chrom] = exomes.sites(
                tally.alleles,
                tally.indels,
                alleles.base_codes(letters),
                position,
                panel[panel["chrom"] == chrom],
                array[array["chrom"] == chrom],
                settings,
            )
    sites = exomes.all_sites(found)
    tables.write(sites, job.output.sites, SITES)
    n = sites["genotype"].value_counts()
    return (
        f"{job.wildcards.sample}: {len(sites)} sites, {n.get('AB', 0)} heterozygous, "
        f"{sites['in_panel'].sum()} of the panel, {len(array)} loci of an array"
    )


if __name__ == "__main__":
    jobs.run(main, snakemake)
