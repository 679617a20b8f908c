"""Call the variants of a line from all its exomes together, and ask its hotspots."""

import json
from pathlib import Path

import pandas as pd
from linedrift import jobs, sequencing_tables, tables
from linedrift.genome import Karyotype
from linedrift.quality import quality
from linedrift.quality.sex import agreed_sex
from linedrift.readers import annotation, candidates
from linedrift.report import vcf_files
from linedrift.report.variant_vcf import variant_text
from linedrift.sequencing_tables import VARIANT_COURSES, VARIANT_HOTSPOTS, VARIANTS
from linedrift.variants.allele_counts import Counts
from linedrift.variants.error_model import error_model
from linedrift.variants.locus_copies import copies_at
from linedrift.variants.variant_samples import exomes, in_genes, with_untestable
from linedrift.variants.variants import ask_hotspots, call_variants


def main(job):
    """Read the counts of all parts; write variants, their courses, hotspots, facts and VCF."""
    line = job.params.line["line"]
    of = exomes(line, job.params.exomes, job.params.panel, reasons(job))
    if not job.params.exomes:
        nothing = VARIANTS.empty(), VARIANT_COURSES.empty(), VARIANT_HOTSPOTS.empty()
        facts = {"inherited": 0, "sites": 0, "not_called": {}, "reason": "no exome"}
        facts |= {"target_bp": 0, "annotated": False}
        write(job, of, *nothing, facts, sequencing_tables.VARIANT_COUNTS.empty())
        return f"{line}: no exome"
    frame = pd.concat(
        [tables.read(path, sequencing_tables.VARIANT_COUNTS) for path in job.input.counts],
        ignore_index=True,
    )
    calls, asked = call(job, of, frame)
    courses, asked = with_untestable(calls.variants, calls.courses, asked, of)
    looked_at = {"target_bp": parts(job, "target_bp"), "annotated": bool(job.input.genes)}
    write(job, of, named(job, calls.variants), courses, asked, calls.facts | looked_at, frame)
    found = calls.variants["origin"].value_counts()
    words = ", ".join(f"{n} {origin}" for origin, n in found.items() if n)
    genes = "" if job.input.genes else "; no GFF3 of genes is given, so no consequence is known"
    return f"{line}: {len(of.columns)} exomes, {facts_text(calls.facts)}; {words or 'none'}{genes}"


def call(job, of, frame):
    """Return what the joint call found, and every hotspot in every sample."""
    settings = job.params.settings
    spots = curated(job.input.hotspots)
    errors = candidates.summed_errors(
        [tables.read(path, sequencing_tables.ERROR_COUNTS) for path in job.input.errors]
    )
    # Where nothing can be called, the hotspots are still listed, not testable.
    roles = of.roles if of.testable else dict.fromkeys(of.columns, "own") | of.roles
    counts = Counts.from_frame(frame, roles, of.passages, donor=of.donor)
    model = error_model(counts, settings, errors)
    events = tables.read(job.input.events, tables.EVENTS)
    trajectories = tables.read(job.input.trajectories, tables.TRAJECTORIES)
    people = tables.read(job.input.identity, tables.IDENTITY)
    person = Karyotype(agreed_sex(job.params.line["sex"], people["sex"]))
    copies, changed = copies_at(counts.sites, counts.samples, events, trajectories, person)
    calls = call_variants(
        counts if of.testable else counts.take(slice(0)),
        model,
        settings,
        spots,
        copies if of.testable else copies[:0],
        line=job.params.line["line"],
        bases=parts(job, "positions") if of.testable else 0,
        imbalanced=changed if of.testable else changed[:0],
        regions=curated(job.input.cancer_genes),
    )
    return calls, ask_hotspots(counts, model, settings, spots, copies, calls.variants)


def parts(job, figure):
    """Return a figure of the parts of the targets, added up."""
    return sum(
        json.loads(Path(path).read_text(encoding="utf-8"))[figure] for path in job.input.facts
    )


def reasons(job):
    """Return why exomes are not testable: their quality, or that they are another person's."""
    found = {}
    people = tables.read(job.input.identity, tables.IDENTITY)
    stranger = people[(people["state"] == "failed") & (people["assay"] == "wes")]
    stranger = stranger.set_index("sample")["reason"]
    for row, path in zip(job.params.exomes, job.input.quality, strict=True):
        reason = quality.failed(tables.read(path, tables.QUALITY))
        if not reason and row["sample"] in stranger.index:
            reason = f"identity failed: {stranger[row['sample']]}"
        found[row["sample"]] = reason
    return found


def named(job, variants):
    """Return the variants with genes and consequences, as far as the files given tell."""
    if job.input.genes:
        return annotation.annotate(variants, job.input.genes, job.input.reference)
    return variants.assign(gene=in_genes(variants, curated(job.input.cancer_genes)))


def write(job, of, variants, courses, asked, facts, counts):
    """Write all that was found, in the order of the outputs."""
    tables.write(variants, job.output.variants, VARIANTS)
    tables.write(courses, job.output.courses, VARIANT_COURSES)
    tables.write(asked, job.output.hotspots, VARIANT_HOTSPOTS)
    text = json.dumps(facts, indent=1, ensure_ascii=False)
    tables.write_beside(job.output.facts, lambda path: path.write_text(text, encoding="utf-8"))
    vcf = variant_text(
        job.params.line["line"],
        of.columns,
        variants,
        courses,
        counts[counts["start"].isin(variants["start"])],
        job.params.version,
        facts_text(facts),
    )
    vcf_files.write(vcf, job.output.vcf)


def facts_text(facts):
    """Return in words what was looked at and what is only counted."""
    left = sum(facts["not_called"].values())
    return f"{facts['sites']} candidates, {facts['inherited']} inherited, {left} artefacts"


def curated(path):
    """Return a curated table as text, its intervals as numbers."""
    table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    return table.astype({"start": int, "end": int})


if __name__ == "__main__":
    jobs.run(main, snakemake)
