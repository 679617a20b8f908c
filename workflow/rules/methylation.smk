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
        library=library("read_methylation_array"),
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
        library=library("read_cytosines"),
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
        library=library("count_bisulfite"),
        reference=config["resources"]["reference"],
        settings=config["methylation"]["sequencing"],
    script:
        "../scripts/count_bisulfite.py"


rule describe_methylation:
    """Compare intensity or depth with the baselines; judge; take genotypes and curated regions."""
    input:
        unpack(described_methylation),
        imprinted=curated("imprinted_dmrs"),
        drift=curated("drift_loci"),
        known=curated("methylation_snp_probes"),
        snps=curated("identity_snps"),
        bands=curated("bands"),
        gc_content=(
            ["<results>/gc_content.parquet"]
            if config["resources"]["reference"]
            else []
        ),
    output:
        contrast="<results>/contrasts/{sample}.methylation.parquet",
        noise="<results>/contrasts/{sample}.methylation.noise.json",
        quality="<results>/quality/{sample}.methylation.tsv",
        genotypes="<results>/genotypes/{sample}.methylation.parquet",
        regions="<results>/methylation/{sample}.regions.tsv",
    log:
        "<results>/logs/describe_methylation/{sample}.log",
    benchmark:
        "<results>/benchmarks/describe_methylation/{sample}.tsv"
    conda:
        "../../envs/analysis.yaml"
    # Ten arrays of 930,000 probes side by side, or 28 million CpGs.
    resources:
        mem_mb=growing(2500),
        runtime=growing(20),
    params:
        library=library("describe_methylation"),
        sex=cell("sex", "methylation"),
        settings=config["contrast"],
        quality=config["quality"]["methylation"],
        identity=config["identity"],
        methylation=config["methylation"],
    script:
        "../scripts/describe_methylation.py"


rule measure_methylation:
    """Ask imprinting, X and drift, against the bank and against the earliest passage."""
    input:
        unpack(measured_methylation),
        quality="<results>/quality/{sample}.methylation.tsv",
        imprinted=curated("imprinted_dmrs"),
        drift=curated("drift_loci"),
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
        library=library("measure_methylation"),
        row=methylated,
        earliest=lambda wildcards: earliest(wildcards.sample),
        settings=config["methylation"]["measures"],
    script:
        "../scripts/measure_methylation.py"
