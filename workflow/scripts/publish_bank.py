"""Write the bank's page that anyone may see, from the published files of its lines alone."""

import os

from linedrift import jobs, tables
from linedrift.public.privacy import public_bank
from linedrift.report import assembly, exchange, pages


def main(job):
    """Read the published records, write the page; withdraw lines that are public no more."""
    lines = [os.path.basename(folder) for folder in job.input.files]
    bank = assembly.named_bank(
        job.params.bank["name"], lines, jobs.provenance(job.params.version, job.params.bank)
    )
    records = (
        exchange.read_json(f"{folder}/{line}.json")
        for folder, line in zip(job.input.files, lines, strict=True)
    )
    page = pages.bank_page(public_bank(bank, records), os.path.dirname(job.input.templates[0]))
    tables.write_beside(job.output[0], lambda path: path.write_text(page, encoding="utf-8"))
    gone = assembly.withdraw(os.path.dirname(job.output[0]), lines)
    return f"{len(lines)} lines; withdrawn: {', '.join(gone) or 'nothing'}"


if __name__ == "__main__":
    jobs.run(main, snakemake)
