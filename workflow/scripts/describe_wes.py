"""Compare one exome with its baselines and its kit, judge its quality, take its genotypes."""

import json
from pathlib import Path

from linedrift import jobs, tables
from linedrift.genome import Karyotype
from linedrift.identity.genotypes import exome_genotypes
from linedrift.quality import exome_quality, quality
from linedrift.quality.sex import known_sex
from linedrift.sequencing_tables import SITES
from linedrift.signals import descriptions
from linedrift.signals.contrast import contrast
from linedrift.signals.exon_losses import exon_losses
from linedrift.signals.panel import with_panel


def main(job):
    """Read signals of the sample, its baselines and the panel; write all that is known of it."""
    signals = tables.read(job.input.signals, tables.SIGNALS)
    baselines, panel = (
        [tables.read(path, tables.SIGNALS) for path in paths]
        for paths in (job.input.baselines, job.input.panel)
    )
    frame, noise, lost = compared(job, signals, baselines, panel)
    sites = tables.read(job.input.sites, SITES)
    found = descriptions.Description(
        frame,
        noise,
        judged(job, signals, noise if baselines or panel else None),
        exome_genotypes(signals, sites, job.params.identity, job.params.wes["overdispersion"]),
    )
    tables.write(lost, job.output.exon_losses, tables.SEGMENTS)
    return (
        f"{job.wildcards.sample}: {len(baselines)} baselines, panel of {len(panel)}, "
        f"{descriptions.write(found, job.output)}; {len(lost)} exons lost"
    )


def compared(job, signals, baselines, panel):
    """Return the contrast, its noise, and the exons that are lost."""
    # As in its quality: off target X and Y are mappable elsewhere, the targets alone tell the sex.
    on_target = [one[one["name"] != "bin:antitarget"] for one in (signals, *baselines)]
    karyotype = Karyotype(known_sex(job.params.sex, on_target, job.params.quality))
    own, baselines = with_panel(signals, baselines, panel, job.params.wes)
    settings = job.params.settings | job.params.settings["wes"]
    frame, noise = contrast(own, baselines, karyotype, settings)
    return frame, noise, exon_losses(own, baselines, karyotype, job.params.wes)


def judged(job, signals, noise):
    """Return the figures of the exome against their thresholds."""
    facts = json.loads(Path(job.input.facts).read_text(encoding="utf-8"))
    thresholds, rho = job.params.quality, job.params.wes["overdispersion"]
    of = {"sample": job.wildcards.sample, "assay": "wes", "expected_sex": job.params.sex}
    figures = exome_quality.measure(signals, facts, noise, thresholds, rho)
    return quality.judge(figures, thresholds, **of)


if __name__ == "__main__":
    jobs.run(main, snakemake)
