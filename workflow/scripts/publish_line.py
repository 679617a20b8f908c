"""Write the page of a line that anyone may see, and its files."""

import os

from linedrift import jobs
from linedrift.public.privacy import public_line
from linedrift.report import assembly


def main(job):
    """Read the results of a line, make its public record, write its files and its page."""
    private = assembly.line_record(
        dict(job.input.items()),
        job.params.line,
        job.params.measurements,
        job.params.settings,
        jobs.provenance(job.params.version, job.params.bank),
    )
    record = public_line(private, job.params.settings["public"], job.params.parents)
    if record is None:
        raise ValueError(f"line {job.wildcards.line}: not of the public tier, nothing was written")
    return assembly.write_line(
        record, job.output.page, job.output.files, os.path.dirname(job.input.templates[0])
    )


if __name__ == "__main__":
    jobs.run(main, snakemake)
