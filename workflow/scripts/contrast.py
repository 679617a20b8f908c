"""Contrast one measurement with its baselines."""

import json

from linedrift import jobs, tables
from linedrift.contrast import contrast
from linedrift.genome import Karyotype


def main(job):
    """Read signals of the sample and its baselines, write the contrast and its noise."""
    signals = tables.read(job.input.signals, tables.SIGNALS)
    baselines = [tables.read(path, tables.SIGNALS) for path in job.input.baselines]
    frame, noise = contrast(signals, baselines, Karyotype(job.params.sex), job.params.settings)
    tables.write(frame, job.output.contrast, tables.CONTRAST)
    text = json.dumps(noise.to_dict(), indent=1)
    tables.write_beside(job.output.noise, lambda path: path.write_text(text, encoding="utf-8"))
    return f"{job.wildcards.sample}: {len(frame)} loci, {len(baselines)} baselines"


if __name__ == "__main__":
    jobs.run(main, snakemake)
