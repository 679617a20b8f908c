"""Call the events of a line from all its passages and baselines together."""

import json
from pathlib import Path

import pandas as pd
from linedrift import jobs, tables
from linedrift.noise import Noise


def main(job):
    """Read contrasts, noise, segments and quality of a line; write events and their course."""
    measurements = pd.DataFrame(job.params.measurements)
    contrasts = [tables.read(path, tables.CONTRAST) for path in job.input.contrasts]
    noise = [
        Noise.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        for path in job.input.noise
    ]
    segments = [tables.read(path, tables.SEGMENTS) for path in job.input.segments]
    quality = pd.concat([tables.read(path, tables.QUALITY) for path in job.input.quality])
    raise NotImplementedError(measurements, contrasts, noise, segments, quality)


if __name__ == "__main__":
    jobs.run(main, snakemake)
