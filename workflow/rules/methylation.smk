"""Methylation of one sample, by an array or by sequencing: read, measured, and compared.

needs  the files of samples.tsv, the manifest of each array type
makes  <results>/methylation/{sample}.probes.parquet, .snp_probes.parquet, .probes.json (arrays)
       <results>/methylation/{sample}.cytosines.parquet, .cytosines.json (sequencing)
       <results>/methylation/{sample}.depth.parquet, .alleles.parquet (bisulfite alignments)
       <results>/methylation/{sample}.regions.tsv, .differences.tsv
       <results>/readouts/{sample}.methylation.tsv
       <results>/contrasts/{sample}.methylation.parquet and .noise.json
       <results>/quality/{sample}.methylation.tsv, <results>/genotypes/{sample}.methylation.parquet
"""


rule read_methylation_array:
    """Read a methylation array, normalise it, and place its probes on GRCh38."""
    input:
        data=array_files,
        manifest=lambda wildcards: of_array_type(wildcards, "manifest"),
        positions=lambda wildcards: of_array_type(wildcards, "positions"),
        mask=lambda wildcards: of_array_type(wildcards, "mask"),
        chain=chain_of(of_array("build")),
        library=library("read_methylation_array"),
    output:
        probes="<results>/methylation/{sample}.probes.parquet",
        snp_probes="<results>/methylation/{sample}.snp_probes.parquet",
        facts="<results>/methylation/{sample}.probes.json",
    log:
        "<results>/logs/read_methylation_array/{sample}.log",
    benchmark:
        "<results>/benchmarks/read_methylation_array/{sample}.tsv"
    wildcard_constraints:
        sample=one_of(PROBED),
    conda:
        "../../envs/analysis.yaml"
    # An EPIC v2 with its manifest takes .9 GB.
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        format=of_array("format"),
        name_in_file=of_array("name_in_file"),
        build=of_array("build"),
        chains=config["chains"],
        settings=config["methylation"]["arrays"],
    script:
        "../scripts/read_methylation_array.py"


rule read_cytosines:
    """Read methylated and unmethylated reads of each CpG, and place it on GRCh38."""
    input:
        data=of_cytosines("path"),
        chain=chain_of(of_cytosines("build")),
        reference=config["resources"]["reference"] or [],
        imprinted=curated("imprinted_dmrs"),
        library=library("read_cytosines"),
    output:
        cytosines="<results>/methylation/{sample}.cytosines.parquet",
        facts="<results>/methylation/{sample}.cytosines.json",
    log:
        "<results>/logs/read_cytosines/{sample}.log",
    benchmark:
        "<results>/benchmarks/read_cytosines/{sample}.tsv"
    wildcard_constraints:
        sample=one_of(SEQUENCED),
    conda:
        "../../envs/analysis.yaml"
    # 28 million CpGs take below 2 GB.
    resources:
        mem_mb=growing(2500),
        runtime=growing(20),
    params:
        format=of_cytosines("format"),
        build=of_cytosines("build"),
        chains=config["chains"],
        reference=config["resources"]["reference"],
        settings=config["methylation"]["sequencing"],
    script:
        "../scripts/read_cytosines.py"


rule count_bisulfite:
    """Count the reads of a bisulfite alignment in bins, and the alleles that bisulfite leaves."""
    input:
        data=bisulfite_alignment,
        reference=config["resources"]["reference"] or [],
        identity_snps=curated("identity_snps"),
        library=library("count_bisulfite"),
    output:
        depth="<results>/methylation/{sample}.depth.parquet",
        alleles="<results>/methylation/{sample}.alleles.parquet",
        facts="<results>/methylation/{sample}.alignment.json",
    log:
        "<results>/logs/count_bisulfite/{sample}.log",
    benchmark:
        "<results>/benchmarks/count_bisulfite/{sample}.tsv"
    wildcard_constraints:
        sample=one_of(BISULFITE),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1500),
        runtime=growing(120),
    params:
        reference=config["resources"]["reference"],
        settings=config["methylation"]["sequencing"],
    script:
        "../scripts/count_bisulfite.py"


rule summarise_methylation:
    """Take the methylation of each curated region: imprinted, on X, known to drift."""
    input:
        loci=lambda wildcards: methylation_of(wildcards.sample),
        imprinted=curated("imprinted_dmrs"),
        drift=curated("drift_loci"),
        library=library("summarise_methylation"),
    output:
        regions="<results>/methylation/{sample}.regions.tsv",
    log:
        "<results>/logs/summarise_methylation/{sample}.log",
    benchmark:
        "<results>/benchmarks/summarise_methylation/{sample}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(2500),
        runtime=growing(10),
    params:
        settings=config["methylation"]["measures"],
    script:
        "../scripts/summarise_methylation.py"


rule measure_methylation:
    """Ask imprinting, X and drift, against the bank and against the earliest passage."""
    input:
        unpack(measured_methylation),
        quality="<results>/quality/{sample}.methylation.tsv",
        imprinted=curated("imprinted_dmrs"),
        drift=curated("drift_loci"),
        library=library("measure_methylation"),
    output:
        readouts="<results>/readouts/{sample}.methylation.tsv",
        differences="<results>/methylation/{sample}.differences.tsv",
    log:
        "<results>/logs/measure_methylation/{sample}.log",
    benchmark:
        "<results>/benchmarks/measure_methylation/{sample}.tsv"
    conda:
        "../../envs/analysis.yaml"
    # Three genomes of 28 million CpGs side by side.
    resources:
        mem_mb=growing(6000),
        runtime=growing(30),
    params:
        row=methylated,
        earliest=lambda wildcards: earliest(wildcards.sample),
        settings=config["methylation"]["measures"],
    script:
        "../scripts/measure_methylation.py"


rule contrast_methylation:
    """Take what an array's intensity, or coverage, shares with its baselines and the bank."""
    input:
        own=lambda wildcards: told_by([wildcards.sample], wildcards.sample),
        baselines=lambda wildcards: told_by(
            baselines("methylation")(wildcards), wildcards.sample
        ),
        panel=lambda wildcards: told_by(controls(wildcards.sample), wildcards.sample),
        quality="<results>/quality/{sample}.methylation.tsv",
        bands=curated("bands"),
        gc_content=(
            ["<results>/gc_content.parquet"]
            if config["resources"]["reference"]
            else []
        ),
        library=library("contrast_methylation"),
    output:
        contrast="<results>/contrasts/{sample}.methylation.parquet",
        noise="<results>/contrasts/{sample}.methylation.noise.json",
    log:
        "<results>/logs/contrast/{sample}.methylation.log",
    benchmark:
        "<results>/benchmarks/contrast/{sample}.methylation.tsv"
    conda:
        "../../envs/analysis.yaml"
    # Ten arrays of 930,000 probes side by side.
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        sex=cell("sex", "methylation"),
        by=lambda wildcards: TOLD_BY.get(wildcards.sample, ""),
        settings=config["contrast"],
        methylation=config["methylation"],
    script:
        "../scripts/contrast_methylation.py"


rule measure_quality_methylation:
    """Measure detection, conversion, depth and sex of one sample's methylation; judge them."""
    input:
        probes=lambda wildcards: of_kind(wildcards, PROBED, "probes.parquet"),
        cytosines=lambda wildcards: of_kind(wildcards, SEQUENCED, "cytosines.parquet"),
        facts=lambda wildcards: [
            *of_kind(wildcards, PROBED, "probes.json"),
            *of_kind(wildcards, SEQUENCED, "cytosines.json"),
            *of_kind(wildcards, BISULFITE, "alignment.json"),
        ],
        library=library("measure_quality_methylation"),
    output:
        quality="<results>/quality/{sample}.methylation.tsv",
    log:
        "<results>/logs/measure_quality/{sample}.methylation.log",
    benchmark:
        "<results>/benchmarks/measure_quality/{sample}.methylation.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(2500),
        runtime=growing(10),
    params:
        sex=cell("sex", "methylation"),
        settings=config["quality"],
    script:
        "../scripts/measure_quality_methylation.py"


rule genotype_methylation:
    """Take the genotypes that SNP probes, or reads that bisulfite leaves readable, tell."""
    input:
        snp_probes=lambda wildcards: of_kind(wildcards, PROBED, "snp_probes.parquet"),
        alleles=lambda wildcards: of_kind(wildcards, BISULFITE, "alleles.parquet"),
        known=curated("methylation_snp_probes"),
        panel=curated("identity_snps"),
        library=library("genotype_methylation"),
    output:
        genotypes="<results>/genotypes/{sample}.methylation.parquet",
    log:
        "<results>/logs/genotype/{sample}.methylation.log",
    benchmark:
        "<results>/benchmarks/genotype/{sample}.methylation.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(800),
        runtime=growing(10),
    params:
        settings=config["identity"],
        methylation=config["methylation"]["identity"],
    script:
        "../scripts/genotype_methylation.py"
