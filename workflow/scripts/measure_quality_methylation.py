"""Measure the quality of one sample's methylation and judge it by the thresholds."""

import json
from pathlib import Path

from linedrift import jobs, methylation_quality, tables
from linedrift import methylation_sequencing_quality as sequencing
from linedrift.methylation_tables import CYTOSINES, PROBES


def main(job):
    """Read probes or CpGs and what their files say; write quality."""
    settings, sample = job.params.settings["methylation"], job.wildcards.sample
    facts = {}
    for path in job.input.facts:
        facts |= json.loads(Path(path).read_text(encoding="utf-8"))
    of = {"sample": sample, "expected_sex": job.params.sex}
    if job.input.probes:
        probes = tables.read(job.input.probes[0], PROBES)
        figures = methylation_quality.measure_array(probes, facts, settings["arrays"])
        frame = methylation_quality.judge_array(figures, settings["arrays"], **of)
    else:
        cytosines = [tables.read(path, CYTOSINES) for path in job.input.cytosines]
        figures = sequencing.measure(
            cytosines[0] if cytosines else CYTOSINES.empty(), facts, settings["sequencing"]
        )
        frame = sequencing.judge(figures, settings["sequencing"], **of)
    tables.write(frame, job.output.quality, tables.QUALITY)
    failed = frame.loc[frame["state"] == "fail", "figure"]
    return f"{sample}: failed: {', '.join(failed) or 'nothing'}"


if __name__ == "__main__":
    jobs.run(main, snakemake)
