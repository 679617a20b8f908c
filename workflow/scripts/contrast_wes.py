"""Contrast one exome with its baselines, relative to the other donors on its capture kit."""

import json

from linedrift import jobs, tables
from linedrift.contrast import contrast
from linedrift.exon_losses import exon_losses
from linedrift.genome import Karyotype
from linedrift.panel import with_panel
from linedrift.sex import known_sex


def main(job):
    """Read signals of the sample, its baselines and the panel; write what is left."""
    signals = tables.read(job.input.signals, tables.SIGNALS)
    baselines, panel = (
        [tables.read(path, tables.SIGNALS) for path in paths]
        for paths in (job.input.baselines, job.input.panel)
    )
    # As in its quality: off target X and Y are mappable elsewhere, the targets alone tell the sex.
    on_target = [one[one["name"] != "bin:antitarget"] for one in (signals, *baselines)]
    karyotype = Karyotype(known_sex(job.params.sex, on_target, job.params.quality))
    own, baselines = with_panel(signals, baselines, panel, job.params.wes)
    settings = job.params.settings | job.params.settings["wes"]
    frame, noise = contrast(own, baselines, karyotype, settings)
    tables.write(frame, job.output.contrast, tables.CONTRAST)
    lost = exon_losses(own, baselines, karyotype, job.params.wes)
    tables.write(lost, job.output.exon_losses, tables.SEGMENTS)
    text = json.dumps(noise.to_dict(), indent=1)
    tables.write_beside(job.output.noise, lambda path: path.write_text(text, encoding="utf-8"))
    return (
        f"{job.wildcards.sample}: {len(frame)} loci, {len(baselines)} baselines, "
        f"panel of {len(panel)}, {len(lost)} exons lost"
    )


if __name__ == "__main__":
    jobs.run(main, snakemake)
