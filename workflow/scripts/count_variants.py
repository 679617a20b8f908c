"""Count the reads of every allele in donor and passages, over a part of the targets."""

import json

import pandas as pd
from linedrift import intervals, jobs, sequencing_tables, tables
from linedrift.readers import alignments, candidates, pileup, targets
from linedrift.variants.variant_samples import exomes


def main(job):
    """Go over all alignments of a line at once; write counts of candidates and of errors."""
    settings = job.params.settings
    of = exomes(job.params.line, job.params.exomes, job.params.panel, {})
    files = [
        pileup.Alignment(
            sample,
            alignments.located(job.input.alignments[place], job.input.indexes[place]),
            of.roles[sample],
        )
        for place, sample in enumerate(job.params.samples)
    ]
    asked = points(job.input.hotspots)
    wanted = searched(job.input.targets, asked, settings["flank_bp"])
    # Where no passage is compared with anything, nothing but hotspots is asked.
    if not job.params.drifting:
        wanted = intervals.holding(wanted, asked)
    regions = candidates.part_of(wanted, int(job.wildcards.part), job.params.parts)
    found = pileup.count(files, job.input.reference, regions, asked, settings)
    tables.write(found.counts, job.output.counts, sequencing_tables.VARIANT_COUNTS)
    tables.write(found.errors, job.output.errors, sequencing_tables.ERROR_COUNTS)
    length = int((regions["end"] - regions["start"]).sum())
    facts = json.dumps({"positions": found.positions, "target_bp": length})
    tables.write_beside(job.output.facts, lambda path: path.write_text(facts, encoding="utf-8"))
    n = len(found.counts) // max(len(files), 1)
    return f"{len(files)} exomes, {found.positions:,} positions, {n:,} candidates"


def points(path):
    """Return the hotspots that are one allele: chrom, start, end, ref, alt."""
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    return table[table["scope"] == "point"].astype({"start": int, "end": int})


def searched(beds, asked, flank):
    """Return the targets of all kits of a line with their flanks, and the hotspots.

    A hotspot on a chromosome without any target (of a kit for a few genes) is not looked at.
    """
    parts = [targets.read(path) for path in beds]
    wide = intervals.widened(pd.concat(parts, ignore_index=True), flank)
    asked = asked[asked["chrom"].isin(wide["chrom"].unique())]
    return intervals.merge(pd.concat([wide, asked[["chrom", "start", "end"]]]))


if __name__ == "__main__":
    jobs.run(main, snakemake)
