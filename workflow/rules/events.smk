"""Copy-number events of a line, over all its passages, and what they mean.

needs  <results>/contrasts/{sample}.{assay}.parquet and .noise.json
       <results>/quality/{sample}.{assay}.tsv, <results>/lines/{line}/identity.tsv
makes  <results>/lines/{line}/events.tsv, trajectories.tsv, hotspots.tsv,
       candidates.tsv, candidate_trajectories.tsv
       <results>/lines/{line}/findings.tsv, verdict.json
"""

# What is known of each measurement of a line, and the exons that each exome lost.
OF_EACH = "{of[sample]}.{of[assay]}"
COMPARED = {
    "contrasts": collect(f"<results>/contrasts/{OF_EACH}.parquet", of=members),
    "noise": collect(f"<results>/contrasts/{OF_EACH}.noise.json", of=members),
    "counted": collect(
        "<results>/contrasts/{of[sample]}.wes.exon_losses.parquet", of=exomes
    ),
    "quality": collect(f"<results>/quality/{OF_EACH}.tsv", of=members),
}


rule call_events:
    """Call the events of a line from all its passages and baselines together, and date them."""
    input:
        **COMPARED,
        identity="<results>/lines/{line}/identity.tsv",
        bands=curated("bands"),
        hotspot_table=curated("hotspots"),
        rules=curated("hotspot_rules"),
        genes=curated("hotspot_genes"),
        lookalikes=curated("lookalikes"),
    output:
        events="<results>/lines/{line}/events.tsv",
        trajectories="<results>/lines/{line}/trajectories.tsv",
        hotspots="<results>/lines/{line}/hotspots.tsv",
        candidates="<results>/lines/{line}/candidates.tsv",
        candidate_trajectories="<results>/lines/{line}/candidate_trajectories.tsv",
    log:
        "<results>/logs/call_events/{line}.log",
    benchmark:
        "<results>/benchmarks/call_events/{line}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1500),
        runtime=growing(30),
    params:
        library=library("call_events"),
        line=line_row,
        measurements=members,
        segmentation=config["segmentation"],
        settings=config["events"],
    script:
        "../scripts/call_events.py"


rule assess:
    """Judge each passage by the rules of the settings, and say what was not testable."""
    input:
        events="<results>/lines/{line}/events.tsv",
        trajectories="<results>/lines/{line}/trajectories.tsv",
        hotspots="<results>/lines/{line}/hotspots.tsv",
        variants="<results>/lines/{line}/variants.tsv",
        variant_courses="<results>/lines/{line}/variant_courses.tsv",
        variant_hotspots="<results>/lines/{line}/variant_hotspots.tsv",
        variant_facts="<results>/lines/{line}/variants.facts.json",
        quality=collect("<results>/quality/{of[sample]}.{of[assay]}.tsv", of=members),
        identity="<results>/lines/{line}/identity.tsv",
        readouts=collect(
            "<results>/readouts/{of[sample]}.{of[assay]}.tsv", of=gives_readouts
        ),
        hotspot_table=curated("hotspots"),
        point_table=curated("snv_hotspots"),
        cancer_genes=curated("cancer_genes"),
    output:
        verdict="<results>/lines/{line}/verdict.json",
        findings="<results>/lines/{line}/findings.tsv",
    log:
        "<results>/logs/assess/{line}.log",
    benchmark:
        "<results>/benchmarks/assess/{line}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(800),
        runtime=growing(10),
    params:
        library=library("assess"),
        line=line_row,
        measurements=members,
        settings=config["verdict"],
    script:
        "../scripts/assess.py"
