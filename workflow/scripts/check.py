"""Look at the head of every file of the bank; list all errors at once."""

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
from linedrift import jobs, sheets, tables
from linedrift.readers import heads


def main(job):
    """Read sheets and heads of files; write what was looked at, or fail with every error."""
    markers = pd.read_csv(job.input.build_markers, sep="\t", keep_default_na=False)
    rows = sheets.load(job.input.lines, job.input.samples).rows

    def look(row):
        return heads.problems(row, job.params.chains, markers)

    with ThreadPoolExecutor(job.threads) as pool:
        found = list(pool.map(look, rows.to_dict("records")))
    # Rows as a spreadsheet numbers them are known to sheets only; the sample says the same.
    wrong = [
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
    return f"{len(rows)} measurements in order"


if __name__ == "__main__":
    jobs.run(main, snakemake)
