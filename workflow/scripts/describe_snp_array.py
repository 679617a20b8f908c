"""Compare one array with its baselines, judge its quality, take its genotypes."""

from linedrift import jobs, tables
from linedrift.genome import Karyotype
from linedrift.identity.genotypes import genotypes
from linedrift.quality import quality
from linedrift.quality.sex import known_sex
from linedrift.readers import targets
from linedrift.signals import descriptions
from linedrift.signals.contrast import contrast
from linedrift.signals.waves import covariates


def main(job):
    """Read signals of the sample and its baselines; write all that is known of the sample."""
    signals = tables.read(job.input.signals, tables.SIGNALS)
    baselines = [tables.read(path, tables.SIGNALS) for path in job.input.baselines]
    kept = targets.read_snp_probes(job.input.snp_probes)
    told = descriptions.write(
        descriptions.Description(
            *compared(job, signals, baselines),
            judged(job, signals),
            genotypes(signals, job.params.identity, kept),
        ),
        job.output,
    )
    return f"{job.wildcards.sample}: {len(baselines)} baselines, {told}"


def compared(job, signals, baselines):
    """Return the contrast and its noise."""
    gc_content = [tables.read(path, tables.GC_CONTENT) for path in job.input.gc_content]
    follows = covariates(signals, tables.read_bands(job.input.bands), *gc_content)
    sex = known_sex(job.params.sex, [signals, *baselines], job.params.quality)
    settings = job.params.settings | job.params.settings.get("snp_array", {})
    return contrast(signals, baselines, Karyotype(sex), settings, follows)


def judged(job, signals):
    """Return the figures of the array against their thresholds."""
    of = {"sample": job.wildcards.sample, "assay": "snp_array", "expected_sex": job.params.sex}
    return quality.judge(quality.measure(signals, job.params.quality), job.params.quality, **of)


if __name__ == "__main__":
    jobs.run(main, snakemake)
