"""Align the FASTQ of one exome, sort its reads, mark duplicates."""

from linedrift import jobs
from linedrift.readers import aligners


def main(job):
    """Read pairs of FASTQ, write a BAM and its index."""
    pairs = list(zip(job.input.first, job.input.second, strict=True))
    prefix = f"{job.input.index[0]}/genome" if job.input.index else job.input.reference
    program = aligners.align(pairs, prefix, job.wildcards.sample, job.output.alignment, job.threads)
    return f"{job.wildcards.sample}: {len(pairs)} lanes aligned by {program}"


if __name__ == "__main__":
    jobs.run(main, snakemake)
