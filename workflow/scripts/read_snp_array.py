"""Read one SNP array as the user has it, and place its loci on GRCh38."""

import json

from linedrift import jobs, tables
from linedrift.genome import build
from linedrift.readers import array


def main(job):
    """Read the file of one measurement, write its signals and what the file says of itself."""
    of = build(job.params.build or "GRCh38").name
    reading = array.read(
        first(job.input.data),
        format=job.params.format,
        name_in_file=job.params.name_in_file,
        path2=first(job.input.path2),
        build=of,
        chains={of: first(job.input.chain)},
    )
    tables.write(reading.signals, job.output.signals, tables.SIGNALS)
    text = json.dumps(reading.facts, indent=1, ensure_ascii=False)
    tables.write_beside(job.output.facts, lambda path: path.write_text(text, encoding="utf-8"))
    facts = reading.facts
    return (
        f"{facts['sample'] or first(job.input.data)}: {facts['n_rows']} rows, {facts['n_usable']} "
        f"usable loci; {facts['n_no_position']} without a position, {facts['n_other_contig']} on "
        f"other contigs, {facts['n_beyond_chromosome']} beyond the end of a chromosome, "
        f"{facts['n_unmapped']} not lifted from {of}, {facts['n_duplicate_position']} at the "
        f"position of another, {facts['n_failed_by_file']} failed by the file, "
        f"{facts['n_without_signal']} without a signal"
    )


def first(paths):
    """Return the first path of an input, which may be a text, a list or empty."""
    return str(paths) if isinstance(paths, str) else str(next(iter(paths), ""))


if __name__ == "__main__":
    jobs.run(main, snakemake)
