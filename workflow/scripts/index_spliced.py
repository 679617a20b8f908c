"""Make STAR's index of the reference and the genes."""

from linedrift import jobs
from linedrift.readers import spliced_aligners


def main(job):
    """Read FASTA and annotation, write the index."""
    number = jobs.write_folder(
        job.output.index,
        lambda folder: spliced_aligners.make_index(
            job.input.reference, job.input.genes, folder, job.threads
        ),
    )
    return f"{job.input.reference}: indexed by STAR with {number} exons"


if __name__ == "__main__":
    jobs.run(main, snakemake)
