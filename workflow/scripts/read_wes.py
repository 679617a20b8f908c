"""Read depth and alleles of one exome, in one pass over its reads."""

import json

import numpy as np
from linedrift import jobs, tables
from linedrift.readers import alignments, bam_records, reads, targets
from linedrift.sequencing_tables import BINS, SITES
from linedrift.signals import exomes


def main(job):
    """Read an alignment at bins, targets and sites; write its signals and what it says."""
    settings = job.params.settings
    bins = tables.read(job.input.bins, BINS)
    sites = tables.read(job.input.sites, SITES)
    asked = reads.asked(bins, targets.read(job.input.targets), sites)
    tallies = reads.whole(
        job.input.alignment,
        asked,
        reference=job.input.reference,
        min_mapping_quality=settings["min_mapping_quality"],
        min_base_quality=settings["min_base_quality"],
    )
    totals = reads.totals(tallies)
    without = totals["n_without_qualities"]
    alignments.check_qualities(job.input.alignment, without, totals["n_counted"])
    bases = reads.in_order(tallies, bins, "bins")
    counts = reads.in_order(tallies, sites, "alleles").reshape(len(sites), 4, 2)
    depth = [bam_records.depth_of(tallies[chrom], asked[chrom]) for chrom in asked]
    signals, of_signals = exomes.signals(
        bins,
        bases / (bins["end"] - bins["start"]).to_numpy(),
        sites,
        counts.sum(axis=2, dtype=np.int64),
        exomes.read_length(totals),
        settings,
    )
    tables.write(signals, job.output.signals, tables.SIGNALS)
    inserts = np.sum([tally.inserts for tally in tallies.values()], axis=0)
    facts = exomes.figures(totals, inserts, np.concatenate(depth)) | of_signals
    text = json.dumps(facts, indent=1)
    tables.write_beside(job.output.facts, lambda path: path.write_text(text, encoding="utf-8"))
    unknown = f" ({without} without qualities, for depth alone)" if without else ""
    return (
        f"{job.wildcards.sample}: {facts['reads']} reads{unknown}, "
        f"{facts['mean_target_depth']:.1f} on target, "
        f"{facts['n_bins_usable']} of {facts['n_bins']} bins and "
        f"{facts['n_sites_usable']} of {facts['n_sites']} sites usable"
    )


if __name__ == "__main__":
    jobs.run(main, snakemake)
