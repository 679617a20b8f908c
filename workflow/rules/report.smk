"""The pages of the bank (private tier), and what may be shown to all (public tier).

needs  all of <results>/lines/{line}, <results>/contrasts, <results>/bank
       <results>/readouts/{sample}.{assay}.tsv, <results>/methylation/{sample}.differences.tsv
makes  <results>/lines/{line}/tracks.parquet, markers.parquet
       <results>/report/{line}.html and its files in {line}/, index.html
       <results>/public/{line}.html and its files in {line}/, index.html
"""

# What is known of a line; what a page of the bank takes of each of its lines.
LINE_FILES = {
    "events": "<results>/lines/{line}/events.tsv",
    "candidates": "<results>/lines/{line}/candidates.tsv",
    "candidate_trajectories": "<results>/lines/{line}/candidate_trajectories.tsv",
    "trajectories": "<results>/lines/{line}/trajectories.tsv",
    "hotspots": "<results>/lines/{line}/hotspots.tsv",
    "findings": "<results>/lines/{line}/findings.tsv",
    "identity": "<results>/lines/{line}/identity.tsv",
    "verdict": "<results>/lines/{line}/verdict.json",
    "variants": "<results>/lines/{line}/variants.tsv",
    "variant_courses": "<results>/lines/{line}/variant_courses.tsv",
    "variant_hotspots": "<results>/lines/{line}/variant_hotspots.tsv",
    "variant_facts": "<results>/lines/{line}/variants.facts.json",
}
DRAWN_FILES = {
    "tracks": "<results>/lines/{line}/tracks.parquet",
    "markers": "<results>/lines/{line}/markers.parquet",
    "quality": collect("<results>/quality/{of[sample]}.{of[assay]}.tsv", of=members),
    "readouts": collect(
        "<results>/readouts/{of[sample]}.{of[assay]}.tsv", of=gives_readouts
    ),
    "differences": collect(
        "<results>/methylation/{of[sample]}.differences.tsv", of=gives_differences
    ),
}
TEMPLATES = [
    workflow.source_path(f"../../resources/pages/{name}")
    for name in "base.html.j2 line.html.j2 bank.html.j2 macros.html.j2 page.css page.js".split()
]
QUALITY = "<results>/quality/{of[sample]}.{of[assay]}.tsv"


rule bin_signals:
    """Thin the contrasts of a line for figures: bins of the genome, single loci near events."""
    input:
        contrasts=collect(
            "<results>/contrasts/{of[sample]}.{of[assay]}.parquet", of=members
        ),
        events="<results>/lines/{line}/events.tsv",
    output:
        tracks="<results>/lines/{line}/tracks.parquet",
        markers="<results>/lines/{line}/markers.parquet",
    log:
        "<results>/logs/bin_signals/{line}.log",
    benchmark:
        "<results>/benchmarks/bin_signals/{line}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        library=library("bin_signals"),
        measurements=members,
        settings=config["report"],
    script:
        "../scripts/bin_signals.py"


rule report_line:
    """Write the page of a line with everything known of it, and its files."""
    input:
        **LINE_FILES,
        **DRAWN_FILES,
        variants_vcf="<results>/lines/{line}/variants.vcf.gz",
        variants_index="<results>/lines/{line}/variants.vcf.gz.tbi",
        templates=TEMPLATES,
    output:
        page="<results>/report/{line}.html",
        files=directory("<results>/report/{line}"),
    log:
        "<results>/logs/report_line/{line}.log",
    benchmark:
        "<results>/benchmarks/report_line/{line}.tsv"
    conda:
        "../../envs/pages.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        library=library("report_line"),
        line=line_row,
        measurements=members,
        settings=SHOWN,
        bank=config["bank"],
        version=VERSION,
    script:
        "../scripts/report_line.py"


rule publish_line:
    """Write the page of a line that anyone may see: built from an allow-list, no genotype."""
    input:
        **LINE_FILES,
        **DRAWN_FILES,
        templates=TEMPLATES,
    output:
        page="<results>/public/{line}.html",
        files=directory("<results>/public/{line}"),
    log:
        "<results>/logs/publish_line/{line}.log",
    benchmark:
        "<results>/benchmarks/publish_line/{line}.tsv"
    conda:
        "../../envs/pages.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        library=library("publish_line"),
        line=line_row,
        measurements=members,
        settings=SHOWN,
        parents=public_parents,
        bank=config["bank"],
        version=VERSION,
    script:
        "../scripts/publish_line.py"


rule report_bank:
    """Write the page of the bank: all lines, what each carries, swaps and failures."""
    input:
        **{name: collect(path, line=MEASURED) for name, path in LINE_FILES.items()},
        quality=collect(QUALITY, of=ALL),
        bank_identity="<results>/bank/identity.tsv",
        bank_pairs="<results>/bank/identity_pairs.tsv",
        templates=TEMPLATES,
    output:
        "<results>/report/index.html",
    log:
        "<results>/logs/report_bank.log",
    benchmark:
        "<results>/benchmarks/report_bank.tsv"
    conda:
        "../../envs/pages.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        library=library("report_bank"),
        lines=list(LINES.values()),
        measurements=ALL,
        settings=SHOWN,
        bank=config["bank"],
        version=VERSION,
    script:
        "../scripts/report_bank.py"


rule publish_bank:
    """Write the bank's page that anyone may see, from the published files of its lines alone."""
    input:
        files=collect("<results>/public/{line}", line=PUBLIC),
        templates=TEMPLATES,
    output:
        "<results>/public/index.html",
    log:
        "<results>/logs/publish_bank.log",
    benchmark:
        "<results>/benchmarks/publish_bank.tsv"
    conda:
        "../../envs/pages.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        library=library("publish_bank"),
        bank=config["bank"],
        version=VERSION,
    script:
        "../scripts/publish_bank.py"
