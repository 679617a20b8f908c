"""Align the FASTQ of one sample's RNA, count reads of genes, mark duplicates."""

from linedrift import jobs
from linedrift.readers import spliced_aligners


def main(job):
    """Read pairs of FASTQ; write a BAM, its index and the counts of genes."""
    pairs = list(zip(job.input.first, job.input.second, strict=True))
    targets = job.output.alignment, job.output.counts
    spliced_aligners.align(pairs, job.input.index, job.wildcards.sample, targets, job.threads)
    return f"{job.wildcards.sample}: {len(pairs)} lanes aligned by {spliced_aligners.PROGRAM}"


if __name__ == "__main__":
    jobs.run(main, snakemake)
