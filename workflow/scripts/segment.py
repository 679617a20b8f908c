"""Propose the stretches of one contrast that an event may explain."""

import json
from pathlib import Path

from linedrift import jobs, tables
from linedrift.genome import Karyotype
from linedrift.noise import Noise
from linedrift.segmentation import segment


def main(job):
    """Read a contrast and its noise, write candidate segments."""
    contrast = tables.read(job.input.contrast, tables.CONTRAST)
    noise = Noise.from_dict(json.loads(Path(job.input.noise).read_text(encoding="utf-8")))
    settings = job.params.settings | job.params.settings.get(job.wildcards.assay, {})
    segments = segment(contrast, noise, Karyotype(noise.sex), settings)
    tables.write(segments, job.output.segments, tables.SEGMENTS)
    return f"{job.wildcards.sample}: {len(segments)} segments"


if __name__ == "__main__":
    jobs.run(main, snakemake)
