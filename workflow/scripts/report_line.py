"""Write the page of a line with everything known of it, and its files."""

import os

from linedrift import jobs
from linedrift.report import assembly


def main(job):
    """Read the results of a line, write its files and its page."""
    record = assembly.line_record(
        dict(job.input.items()),
        job.params.line,
        job.params.measurements,
        job.params.settings,
        jobs.provenance(job.params.version, job.params.bank),
    )
    copies = [
        (job.input.variants_vcf, "variants with donor and passages as samples, VCF 4.4"),
        (job.input.variants_index, "tabix index of the VCF of variants"),
    ]
    return assembly.write_line(
        record, job.output.page, job.output.files, os.path.dirname(job.input.templates[0]), copies
    )


if __name__ == "__main__":
    jobs.run(main, snakemake)
