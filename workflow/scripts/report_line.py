"""Write the page of a line with everything known of it, and its files."""

import dataclasses
import os

from linedrift import assembly, exchange, jobs, pages, tables
from plotly.offline import get_plotlyjs


def main(job):
    """Read the results of a line, write its files, then its page."""
    record = assembly.line_record(
        dict(job.input.items()),
        job.params.line,
        job.params.measurements,
        job.params.settings,
        jobs.provenance(job.params.version, job.params.bank),
    )
    files = jobs.write_folder(job.output.files, lambda folder: exchange.write_all(record, folder))
    name = os.path.basename(job.output.files)
    downloads = tuple((f"{name}/{file}", what, digest) for file, what, digest in files)
    page = pages.line_page(
        dataclasses.replace(record, downloads=downloads),
        os.path.dirname(job.input.templates[0]),
        get_plotlyjs(),
        bank_href="index.html",
    )
    tables.write_beside(job.output.page, lambda path: path.write_text(page, encoding="utf-8"))
    return f"{name}: {len(record.events)} events, a page of {len(page) / 1e6:.1f} MB"


if __name__ == "__main__":
    jobs.run(main, snakemake)
