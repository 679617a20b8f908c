"""Make the index of an alignment that has none."""

from linedrift import jobs
from linedrift.readers import alignments


def main(job):
    """Read a sorted BAM or CRAM, write its index."""
    alignments.make_index(job.input.alignment, job.output.index)
    return f"{job.input.alignment}: indexed"


if __name__ == "__main__":
    jobs.run(main, snakemake)
