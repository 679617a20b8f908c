"""Measure the quality of one exome and judge it by the thresholds."""

import json

from linedrift import exome_quality, jobs, quality, tables
from linedrift.noise import Noise


def main(job):
    """Read signals, what the reads say, and the noise of the contrast; write quality."""
    signals = tables.read(job.input.signals, tables.SIGNALS)
    with open(job.input.facts, encoding="utf-8") as lines:
        facts = json.load(lines)
    with open(job.input.noise, encoding="utf-8") as lines:
        noise = Noise.from_dict(json.load(lines))
    settings = job.params.settings["wes"]
    compared = noise if job.params.compared else None
    figures = exome_quality.measure(signals, facts, compared, settings, job.params.overdispersion)
    sample, assay = job.wildcards.sample, "wes"
    frame = quality.judge(
        figures, settings, sample=sample, assay=assay, expected_sex=job.params.sex
    )
    tables.write(frame, job.output.quality, tables.QUALITY)
    failed = frame.loc[frame["state"] == "fail", "figure"]
    return f"{sample}: {len(signals)} loci, failed: {', '.join(failed) or 'nothing'}"


if __name__ == "__main__":
    jobs.run(main, snakemake)
