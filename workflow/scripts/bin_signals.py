"""Thin the contrasts of a line for figures."""

import pandas as pd
from linedrift import jobs, tables
from linedrift.report import figures


def main(job):
    """Read contrasts and events, write bins of the genome and single loci near events."""
    settings = job.params.settings
    events = tables.read(job.input.events, tables.EVENTS)
    bins, loci = [], []
    for row, path in zip(job.params.measurements, job.input.contrasts, strict=True):
        contrast = tables.read(path, tables.CONTRAST)
        of = {"sample": row["sample"], "assay": row["assay"]}
        bins.append(figures.tracks(contrast, **of, bin_bp=settings["bin_bp"]))
        loci.append(
            figures.markers_around(contrast, events, **of, per_event=settings["markers_per_event"])
        )
    tracks, markers = pd.concat(bins, ignore_index=True), pd.concat(loci, ignore_index=True)
    tables.write(tracks, job.output.tracks, tables.TRACKS)
    tables.write_beside(job.output.markers, lambda path: markers.to_parquet(path, index=False))
    return f"{job.wildcards.line}: {len(tracks)} bins, {len(markers)} loci near events"


if __name__ == "__main__":
    jobs.run(main, snakemake)
