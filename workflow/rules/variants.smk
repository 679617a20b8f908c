"""Variants of a line: one joint call over the exomes of its donor and of all its passages.

needs  the exomes of samples.tsv (<results>/alignments where they were made here), the reference
       <results>/quality/{sample}.wes.tsv, <results>/lines/{line}/identity.tsv,
       events.tsv, trajectories.tsv
makes  <results>/variants/{line}/{part}.counts.parquet, .errors.parquet, .facts.json
       <results>/lines/{line}/variants.tsv, variant_courses.tsv, variant_hotspots.tsv,
       variants.facts.json, variants.vcf.gz and .tbi (all empty for a line without an exome)
"""


rule count_variants:
    """Count the reads of every allele in donor and passages, over a part of the targets."""
    input:
        alignments=lambda wildcards: [
            alignment(sample)[0] for sample in joint_exomes(wildcards)
        ],
        indexes=lambda wildcards: [
            alignment(sample)[1] for sample in joint_exomes(wildcards)
        ],
        targets=lambda wildcards: sorted(
            {targets(row["sample"]) for row in exomes(wildcards)}
        ),
        reference=config["resources"]["reference"] or [],
        hotspots=curated("snv_hotspots"),
    output:
        counts="<results>/variants/{line}/{part}.counts.parquet",
        errors="<results>/variants/{line}/{part}.errors.parquet",
        facts="<results>/variants/{line}/{part}.facts.json",
    log:
        "<results>/logs/count_variants/{line}.{part}.log",
    benchmark:
        "<results>/benchmarks/count_variants/{line}.{part}.tsv"
    wildcard_constraints:
        part=r"\d+",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1800),
        runtime=growing(120),
    params:
        library=library("count_variants"),
        line=lambda wildcards: wildcards.line,
        exomes=exomes,
        panel=strangers,
        samples=joint_exomes,
        drifting=drifting,
        parts=lambda wildcards: len(variant_parts(wildcards, "counts.parquet")),
        settings=COUNTING,
    script:
        "../scripts/count_variants.py"


rule call_variants:
    """Call the variants of a line from all its exomes together, and ask its hotspots."""
    input:
        counts=lambda wildcards: variant_parts(wildcards, "counts.parquet"),
        errors=lambda wildcards: variant_parts(wildcards, "errors.parquet"),
        facts=lambda wildcards: variant_parts(wildcards, "facts.json"),
        quality=collect("<results>/quality/{of[sample]}.wes.tsv", of=exomes),
        identity="<results>/lines/{line}/identity.tsv",
        events="<results>/lines/{line}/events.tsv",
        trajectories="<results>/lines/{line}/trajectories.tsv",
        reference=config["resources"]["reference"] or [],
        genes=config["resources"]["genes"] or [],
        hotspots=curated("snv_hotspots"),
        cancer_genes=curated("cancer_genes"),
    output:
        variants="<results>/lines/{line}/variants.tsv",
        courses="<results>/lines/{line}/variant_courses.tsv",
        hotspots="<results>/lines/{line}/variant_hotspots.tsv",
        facts="<results>/lines/{line}/variants.facts.json",
        vcf="<results>/lines/{line}/variants.vcf.gz",
        index="<results>/lines/{line}/variants.vcf.gz.tbi",
    log:
        "<results>/logs/call_variants/{line}.log",
    benchmark:
        "<results>/benchmarks/call_variants/{line}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1800),
        runtime=growing(60),
    params:
        library=library("call_variants"),
        line=line_row,
        exomes=exomes,
        panel=strangers,
        settings=config["variants"],
        version=VERSION,
    script:
        "../scripts/call_variants.py"
