"""Judge every passage of a line by the rules of the settings."""

import json
from pathlib import Path

import pandas as pd
from linedrift import jobs, sequencing_tables, tables
from linedrift.readout_tables import READOUTS
from linedrift.records import Readouts, Variants
from linedrift.verdict.verdict import assess


def main(job):
    """Read all that is known of a line, write its findings and its verdict."""
    findings, verdict = assess(
        job.params.line,
        pd.DataFrame(job.params.measurements),
        tables.read(job.input.events, tables.EVENTS),
        tables.read(job.input.trajectories, tables.TRAJECTORIES),
        tables.read(job.input.hotspots, tables.HOTSPOTS),
        curated(job.input.hotspot_table),
        pd.concat([tables.read(path, tables.QUALITY) for path in job.input.quality]),
        tables.read(job.input.identity, tables.IDENTITY),
        job.params.settings,
        variants(job),
        curated(job.input.point_table),
        curated(job.input.cancer_genes)["gene"],
        readouts(job),
    )
    tables.write(findings, job.output.findings, tables.FINDINGS)
    text = json.dumps(verdict, indent=1, ensure_ascii=False)
    tables.write_beside(job.output.verdict, lambda path: path.write_text(text, encoding="utf-8"))
    return f"{job.wildcards.line}: {verdict['verdict']}, {len(findings)} findings"


def variants(job):
    """Return the variants of the line; all empty without an exome."""
    return Variants(
        tables.read(job.input.variants, sequencing_tables.VARIANTS),
        tables.read(job.input.variant_courses, sequencing_tables.VARIANT_COURSES),
        tables.read(job.input.variant_hotspots, sequencing_tables.VARIANT_HOTSPOTS),
        json.loads(Path(job.input.variant_facts).read_text(encoding="utf-8")),
    )


def readouts(job):
    """Return what expression and methylation say; empty where neither was measured."""
    rows = [tables.read(path, READOUTS) for path in job.input.readouts]
    return Readouts(pd.concat([READOUTS.empty(), *rows], ignore_index=True))


def curated(path):
    """Return a curated table as text."""
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


if __name__ == "__main__":
    jobs.run(main, snakemake)
