"""Look at the head of every file of the bank; list all errors at once."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
from linedrift import jobs, tables
from linedrift.readers import alignments, annotation, heads, targets
from linedrift.readers.files import ReadingError
from linedrift.sheets import sheets


def main(job):
    """Read sheets and heads of files; write what was looked at, or fail with every error."""
    markers = pd.read_csv(job.input.build_markers, sep="\t", keep_default_na=False)
    rows = sheets.load(job.input.lines, job.input.samples).rows

    shared = check_shared(job, markers)

    def look(row):
        return heads.problems(row, job.params.chains, markers, job.params.reference)

    with ThreadPoolExecutor(job.threads) as pool:
        found = list(pool.map(look, rows.to_dict("records")))
    # Rows as a spreadsheet numbers them are known to sheets only; the sample says the same.
    wrong = [f"  {text}" for text in (*shared, *alignments.repeated(rows))] + [
        f"  {row.line}-p{int(row.passage)} ({row.assay}): {text}"
        for row, texts in zip(rows.itertuples(), found, strict=True)
        for text in texts
    ]
    if wrong:
        count = f"{len(wrong)} error{'s' if len(wrong) > 1 else ''}"
        raise ValueError(
            f"{count} in the files of {job.input.samples}; nothing was run.\n" + "\n".join(wrong)
        )
    checked = rows[["line", "passage", "assay", "format", "build", "path", "path2"]]
    tables.write_beside(job.output[0], lambda path: checked.to_csv(path, sep="\t", index=False))
    told = f"{len(rows)} rows of {job.input.samples} are in order"
    # The one line that a user of --quiet is looking for.
    print(told, file=sys.stderr)
    return told


def check_shared(job, markers):
    """Return what is wrong with the reference, the targets and the genes that exomes share."""
    if not job.input.targets:
        return []
    snps = targets.read_snps(job.input.identity_snps)
    found = [alignments.reference_problem(job.params.reference, snps)]
    found += [annotation.problem(path) for path in job.input.genes]
    for path in job.input.targets:
        try:
            kit = targets.read(path)
            targets.check_build(path, kit, markers)
            targets.check_reference(path, kit, job.params.reference)
        except ReadingError as error:
            found.append(str(error))
    return [text for text in found if text]


if __name__ == "__main__":
    jobs.run(main, snakemake)
