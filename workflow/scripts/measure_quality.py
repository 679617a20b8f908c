"""Measure the quality of one SNP array and judge it by the thresholds."""

from linedrift import jobs, quality, tables


def main(job):
    """Read signals, write quality."""
    signals = tables.read(job.input.signals, tables.SIGNALS)
    figures = quality.measure(signals, job.params.settings)
    sample, assay = job.wildcards.sample, "snp_array"
    frame = quality.judge(
        figures, job.params.settings, sample=sample, assay=assay, expected_sex=job.params.sex
    )
    tables.write(frame, job.output.quality, tables.QUALITY)
    failed = frame.loc[frame["state"] == "fail", "figure"]
    return f"{sample}: {len(signals)} loci, failed: {', '.join(failed) or 'nothing'}"


if __name__ == "__main__":
    jobs.run(main, snakemake)
