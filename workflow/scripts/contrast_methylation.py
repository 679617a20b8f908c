"""Contrast the intensity of one methylation array, or the depth of bisulfite reads."""

import json

from linedrift import bisulfite_depth, intensity, jobs, quality, tables
from linedrift.genome import Karyotype
from linedrift.methylation_tables import CYTOSINES, DEPTHS, PROBES
from linedrift.readers import bisulfite
from linedrift.waves import covariates

# Loci of arrays, and of reads.
MODELS = {False: (PROBES, intensity), True: (DEPTHS, bisulfite_depth)}


def main(job):
    """Read the sample, its baselines and others of the bank; write what is left."""
    own, baselines, panel = (
        [read(path, job) for path in paths]
        for paths in (job.input.own, job.input.baselines, job.input.panel)
    )
    table, model = MODELS[job.params.by in ("depth", "cytosines")]
    sex = job.params.sex
    if sex == "unknown":
        sex, _ = quality.sex_of(tables.read(job.input.quality, tables.QUALITY))
    mine = own[0] if own else table.empty()
    gc_content = [tables.read(path, tables.GC_CONTENT) for path in job.input.gc_content]
    follows = covariates(mine, tables.read_bands(job.input.bands), *gc_content)
    common = job.params.settings | job.params.settings["methylation"]
    frame, noise = model.contrast_of(
        mine,
        baselines,
        panel,
        Karyotype(sex),
        job.params.methylation["copy_number"],
        common,
        follows,
    )
    tables.write(frame, job.output.contrast, tables.CONTRAST)
    text = json.dumps(noise.to_dict(), indent=1)
    tables.write_beside(job.output.noise, lambda path: path.write_text(text, encoding="utf-8"))
    return (
        f"{job.wildcards.sample}: {len(frame)} loci, {len(baselines)} baselines, panel of "
        f"{len(panel)}{f'; {noise.reason}' if noise.reason else ''}"
    )


def read(path, job):
    """Return the probes of an array, or the depth of bins."""
    if job.params.by == "probes":
        return tables.read(path, PROBES)
    if job.params.by == "depth":
        return tables.read(path, DEPTHS)
    bins = bisulfite.grid(job.params.methylation["sequencing"]["bin_bp"])
    settings = job.params.methylation["copy_number"]
    return bisulfite_depth.depths_of(tables.read(path, CYTOSINES), bins, settings)


if __name__ == "__main__":
    jobs.run(main, snakemake)
