"""Write the page of the bank: all its lines side by side."""

import os

from linedrift import jobs, tables
from linedrift.report import assembly, pages


def main(job):
    """Read what is known of each line, write the bank's page."""
    record = assembly.bank_record(
        dict(job.input.items()),
        job.params.lines,
        job.params.measurements,
        job.params.bank["name"],
        jobs.provenance(job.params.version, job.params.bank),
    )
    page = pages.bank_page(record, os.path.dirname(job.input.templates[0]))
    tables.write_beside(job.output[0], lambda path: path.write_text(page, encoding="utf-8"))
    return f"{len(record.lines)} lines"


if __name__ == "__main__":
    jobs.run(main, snakemake)
