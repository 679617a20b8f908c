"""Measure the GC content of the reference in bins."""

from linedrift import jobs, tables
from linedrift.readers import reference


def main(job):
    """Read the reference, write the GC content of its bins."""
    bins = reference.gc_content(job.input.reference)
    tables.write(bins, job.output.gc_content, tables.GC_CONTENT)
    return f"{len(bins)} bins, mean GC {bins['gc'].mean():.3f}"


if __name__ == "__main__":
    jobs.run(main, snakemake)
