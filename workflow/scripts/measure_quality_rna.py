"""Measure the quality of one sample's RNA-seq and judge it by the thresholds."""

import json

from linedrift import jobs, quality, rna_quality, tables
from linedrift.noise import Noise


def main(job):
    """Read what the files say and the noise of the contrast; write quality."""
    with open(job.input.facts, encoding="utf-8") as lines:
        facts = json.load(lines)
    with open(job.input.noise, encoding="utf-8") as lines:
        noise = Noise.from_dict(json.load(lines))
    settings = job.params.settings["rna"]
    figures = rna_quality.measure(facts, noise, settings)
    sample, assay = job.wildcards.sample, "rna"
    frame = quality.judge(
        figures, settings, sample=sample, assay=assay, expected_sex=job.params.sex
    )
    tables.write(frame, job.output.quality, tables.QUALITY)
    failed = frame.loc[frame["state"] == "fail", "figure"]
    return f"{sample}: failed: {', '.join(failed) or 'nothing'}"


if __name__ == "__main__":
    jobs.run(main, snakemake)
