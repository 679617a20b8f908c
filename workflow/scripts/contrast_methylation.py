"""Contrast the intensity of one methylation array, or the depth of bisulfite reads."""

import json

from linedrift import bisulfite_depth, intensity, jobs, tables
from linedrift.genome import Karyotype
from linedrift.methylation_tables import DEPTHS, PROBES
from linedrift.waves import covariates


def main(job):
    """Read the sample, its baselines and others of the bank; write what is left."""
    reads = job.params.by == "depth"
    table, model = (DEPTHS, bisulfite_depth) if reads else (PROBES, intensity)
    own, baselines, panel = (
        [tables.read(path, table) for path in paths]
        for paths in (job.input.own, job.input.baselines, job.input.panel)
    )
    mine = own[0] if own else table.empty()
    gc_content = [tables.read(path, tables.GC_CONTENT) for path in job.input.gc_content]
    follows = covariates(mine, tables.read_bands(job.input.bands), *gc_content)
    common = job.params.settings | job.params.settings["methylation"]
    frame, noise = model.contrast_of(
        mine,
        baselines,
        panel,
        Karyotype(job.params.sex),
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


if __name__ == "__main__":
    jobs.run(main, snakemake)
