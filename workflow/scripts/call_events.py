"""Call the events of a line from all its passages and baselines together."""

import json
from pathlib import Path

import pandas as pd
from linedrift import genome, jobs, tables
from linedrift.events import hotspots
from linedrift.events.calls import Measurement
from linedrift.events.events import call
from linedrift.events.segmentation import segment
from linedrift.events.trajectories import events_and_courses
from linedrift.quality import quality
from linedrift.quality.sex import agreed_sex
from linedrift.signals.noise import Noise


def main(job):
    """Read all that was measured of a line; write its events, their course, its hotspots."""
    measurements = list(measured(job))
    settings = job.params.settings
    spots, rules, genes, lookalikes = (
        curated(job.input[name]) for name in ("hotspot_table", "rules", "genes", "lookalikes")
    )
    bands = tables.read_bands(job.input.bands)
    line = job.params.line["line"]
    # Where a measurement tells, nobody is unknown: a man's Y would be asked nothing, his X as two.
    told = [one.noise.sex for one in measurements]
    calls = call(
        measurements,
        genome.Karyotype(agreed_sex(job.params.line["sex"], told)),
        hotspots.regions(spots, genome.arms(bands), settings),
        settings,
        donor=job.params.line["kind"] == "donor",
    )
    events, courses = events_and_courses(line, calls, bands, settings)
    events = hotspots.matched(events, spots, rules, genes, lookalikes)
    asked = hotspots.ask(calls, events, courses, spots, settings)
    tables.write(events, job.output.events, tables.EVENTS)
    tables.write(courses, job.output.trajectories, tables.TRAJECTORIES)
    tables.write(asked, job.output.hotspots, tables.HOTSPOTS)
    maybe, maybe_courses = events_and_courses(line, calls, bands, settings, candidates=True)
    tables.write(maybe, job.output.candidates, tables.EVENTS)
    tables.write(maybe_courses, job.output.candidate_trajectories, tables.TRAJECTORIES)
    counts = ", ".join(f"{n} {name}" for name, n in events["origin"].value_counts().items())
    return f"{line}: {len(measurements)} measurements; events: {counts or 'none'}"


def measured(job):
    """Yield the measurements of the job, with the reason where one is not testable."""
    people = tables.read(job.input.identity, tables.IDENTITY)
    stranger = people[people["state"] == "failed"].set_index(["sample", "assay"])["reason"]
    own = [row for row in job.params.measurements if row["role"] == "own"]
    counted = iter(job.input.counted)
    # Where no sample is the donor's, there is nothing better to show than what they are.
    alone = all((row["sample"], row["assay"]) in stranger.index for row in own)
    for place, row in enumerate(job.params.measurements):
        key = (row["sample"], row["assay"])
        reason = quality.failed(tables.read(job.input.quality[place], tables.QUALITY))
        if not reason and key in stranger.index and not alone:
            reason = f"identity failed: {stranger[key]}"
        text = Path(job.input.noise[place]).read_text(encoding="utf-8")
        noise = Noise.from_dict(json.loads(text))
        contrast = tables.read(job.input.contrasts[place], tables.CONTRAST)
        yield Measurement(
            sample=row["sample"],
            passage=int(row["passage"]),
            assay=row["assay"],
            contrast=contrast,
            noise=noise,
            segments=proposed(contrast, noise, row["assay"], job.params.segmentation),
            baseline=row["baseline"],
            role="sample" if row["role"] == "own" else "donor",
            reason=reason,
            counted=tables.read(next(counted), tables.SEGMENTS)
            if row["assay"] == "wes"
            else tables.SEGMENTS.empty(),
        )


def proposed(contrast, noise, assay, settings):
    """Return the stretches of one contrast that an event may explain.

    Half a second for 650,000 loci: a job of its own would take longer to start.
    """
    found = segment(
        contrast, noise, genome.Karyotype(noise.sex), settings | settings.get(assay, {})
    )
    return tables.check(found, tables.SEGMENTS)


def curated(path):
    """Return a curated table as text, its intervals as numbers."""
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    if "start" in table:
        table = table[table["start"] != ""].astype({"start": int, "end": int})
    return table.reset_index(drop=True)


if __name__ == "__main__":
    jobs.run(main, snakemake)
