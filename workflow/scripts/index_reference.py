"""Make the aligner's index of the reference, where there is none beside it."""

from linedrift import jobs
from linedrift.readers import aligners


def main(job):
    """Read the reference, write the index."""
    program = jobs.write_folder(
        job.output.index, lambda folder: aligners.make_index(job.input.reference, folder)
    )
    return f"{job.input.reference}: indexed by {program}"


if __name__ == "__main__":
    jobs.run(main, snakemake)
