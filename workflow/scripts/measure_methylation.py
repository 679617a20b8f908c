"""Ask imprinting, X and drift of one sample, and what differs from its earliest passage."""

import pandas as pd
from linedrift import jobs, tables
from linedrift.methylation_tables import CYTOSINES, DIFFERENCES, PROBES, REGION_VALUES
from linedrift.quality import quality
from linedrift.readout_tables import READOUTS
from linedrift.readouts import differences
from linedrift.readouts.methylation_measures import Compared, Curated, methylation_readouts
from linedrift.readouts.methylation_ranges import Subject


def main(job):
    """Read the sample, what it is compared with, and its events; write readouts, differences."""
    row, settings = job.params.row, job.params.settings
    sex = row["sex"]
    if sex == "unknown":
        sex, _ = quality.sex_of(tables.read(job.input.quality, tables.QUALITY))
    subject = Subject(row["sample"], row["passage"], sex, "donor" if row["donor"] else "line")
    own, baseline, donor = (
        loci(paths) for paths in (job.input.loci, job.input.earliest, job.input.donor)
    )
    compared = Compared(
        controls=regions(job.input.controls),
        baseline=regions(job.input.earliest_regions),
        baseline_loci=baseline,
        donor_loci=donor,
        events=carried(job, row["sample"]),
    )
    known = Curated(*(curated(path) for path in (job.input.imprinted, job.input.drift)))
    readouts = methylation_readouts(
        subject,
        regions([job.input.regions]),
        CYTOSINES.empty() if own is None else own,
        known,
        settings,
        compared,
    )
    tables.write(readouts, job.output.readouts, READOUTS)
    found = DIFFERENCES.empty()
    if own is not None and baseline is not None:
        found = differences.find(own, baseline, row["sample"], job.params.earliest[0], settings)
    tables.write(found, job.output.differences, DIFFERENCES)
    changed = readouts["state"].isin(["gained", "lost"]).sum()
    return f"{row['sample']}: {len(readouts)} readouts, {changed} changed, {len(found)} regions"


def loci(paths):
    """Return the probes or CpGs of the first of some files; None without one."""
    for path in paths:
        return tables.read(path, PROBES if path.endswith(".probes.parquet") else CYTOSINES)
    return None


def regions(paths):
    """Return the methylation of curated regions of some samples; None without one."""
    frames = [tables.read(path, REGION_VALUES) for path in paths]
    return pd.concat(frames, ignore_index=True) if frames else None


def carried(job, sample):
    """Return the events of the line that a sample carries."""
    events = tables.read(job.input.events, tables.EVENTS)
    states = tables.read(job.input.trajectories, tables.TRAJECTORIES)
    here = states[(states["sample"] == sample) & (states["state"] == "present")]
    return events[events["event_id"].isin(here["event_id"])].reset_index(drop=True)


def curated(path):
    """Return a curated table, texts where nothing is a number."""
    return pd.read_csv(path, sep="\t", keep_default_na=False)


if __name__ == "__main__":
    jobs.run(main, snakemake)
