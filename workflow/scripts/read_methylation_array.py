"""Read one methylation array as the user has it, and place its probes on GRCh38."""

import json

from linedrift import jobs, methylation_tables, tables
from linedrift.genome import build
from linedrift.readers import methylation_arrays, methylation_manifests


def main(job):
    """Read both colours or tables, and the manifest; write probes, SNP probes, and facts."""
    of = build(job.params.build or "GRCh38").name
    manifest = methylation_manifests.read(
        job.input.manifest,
        build=of,
        chains=job.params.chains,
        positions=next(iter(job.input.positions), ""),
        mask=next(iter(job.input.mask), ""),
        settings=job.params.settings,
    )
    path, *second = job.input.data
    reading = methylation_arrays.read(
        path,
        format=job.params.format,
        manifest=manifest,
        settings=job.params.settings,
        name_in_file=job.params.name_in_file,
        path2=next(iter(second), ""),
    )
    tables.write(reading.probes, job.output.probes, methylation_tables.PROBES)
    tables.write(reading.snp_probes, job.output.snp_probes, methylation_tables.SNP_PROBES)
    text = json.dumps(manifest.facts | reading.facts, indent=1, ensure_ascii=False)
    tables.write_beside(job.output.facts, lambda beside: beside.write_text(text, encoding="utf-8"))
    return (
        f"{job.wildcards.sample}: {len(reading.probes)} probes, "
        f"{int(reading.probes['usable'].sum())} usable; {len(reading.snp_probes)} of SNPs, "
        f"{reading.facts['n_masked']} masked"
    )


if __name__ == "__main__":
    jobs.run(main, snakemake)
