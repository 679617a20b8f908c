"""Cut the targets of a capture kit, and what lies between them, into bins."""

from linedrift import jobs, tables
from linedrift.genome import ucsc_chromosome
from linedrift.readers import reference, targets
from linedrift.sequencing_tables import BINS
from linedrift.signals import coverage


def main(job):
    """Read targets and reference, write bins."""
    kit = targets.read(job.input.targets)
    fasta = job.input.reference
    with reference.opened(fasta) as file:
        lengths = dict(zip(map(ucsc_chromosome, file.references), file.lengths, strict=True))
    lengths.pop(None, None)
    track = targets.mappability(job.input.mappability) if job.input.mappability else None
    bins = coverage.bins(
        kit,
        lambda part: reference.composition(part, fasta),
        job.params.settings,
        mappability=track,
        lengths=lengths,
    )
    tables.write(bins, job.output.bins, BINS)
    n = bins["kind"].value_counts()
    return (
        f"{len(kit)} targets of {(kit['end'] - kit['start']).sum():,} bases, "
        f"{kit.attrs['left_out']} on other contigs left out; {n.get('target', 0)} bins on target, "
        f"{n.get('antitarget', 0)} off target"
    )


if __name__ == "__main__":
    jobs.run(main, snakemake)
