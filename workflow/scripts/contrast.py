"""Contrast one measurement with its baselines."""

import json

from linedrift import jobs, tables
from linedrift.contrast import contrast
from linedrift.genome import Karyotype
from linedrift.sex import known_sex
from linedrift.waves import covariates


def main(job):
    """Read signals of the sample and its baselines, write the contrast and its noise."""
    signals = tables.read(job.input.signals, tables.SIGNALS)
    baselines = [tables.read(path, tables.SIGNALS) for path in job.input.baselines]
    gc_content = [tables.read(path, tables.GC_CONTENT) for path in job.input.gc_content]
    follows = covariates(signals, tables.read_bands(job.input.bands), *gc_content)
    sex = known_sex(job.params.sex, [signals, *baselines], job.params.quality)
    settings = job.params.settings | job.params.settings.get(job.params.assay, {})
    frame, noise = contrast(signals, baselines, Karyotype(sex), settings, follows)
    tables.write(frame, job.output.contrast, tables.CONTRAST)
    text = json.dumps(noise.to_dict(), indent=1)
    tables.write_beside(job.output.noise, lambda path: path.write_text(text, encoding="utf-8"))
    return f"{job.wildcards.sample}: {len(frame)} loci, {len(baselines)} baselines"


if __name__ == "__main__":
    jobs.run(main, snakemake)
