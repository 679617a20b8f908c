"""One SNP array: read, judged, and compared with its baseline.

needs  the files of samples.tsv
makes  <results>/signals/{sample}.snp_array.parquet and .facts.json
       <results>/quality/{sample}.snp_array.tsv
       <results>/genotypes/{sample}.snp_array.parquet
       <results>/contrasts/{sample}.snp_array.parquet and .noise.json
"""


rule read_snp_array:
    """Read log R ratio, B-allele frequency and genotype of one sample, on GRCh38."""
    input:
        data=cell("path", "snp_array"),
        path2=second_file,
        chain=chain_file,
        library=library("read_snp_array"),
    output:
        signals="<results>/signals/{sample}.snp_array.parquet",
        facts="<results>/signals/{sample}.snp_array.facts.json",
    log:
        "<results>/logs/read_snp_array/{sample}.log",
    benchmark:
        "<results>/benchmarks/read_snp_array/{sample}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        format=cell("format", "snp_array"),
        name_in_file=cell("name_in_file", "snp_array"),
        build=cell("build", "snp_array"),
    script:
        "../scripts/read_snp_array.py"


rule measure_quality:
    """Measure noise, waves, sex, foreign DNA and loss of Y; judge them by the thresholds."""
    input:
        signals="<results>/signals/{sample}.snp_array.parquet",
        library=library("measure_quality"),
    output:
        quality="<results>/quality/{sample}.snp_array.tsv",
    log:
        "<results>/logs/measure_quality/{sample}.snp_array.log",
    benchmark:
        "<results>/benchmarks/measure_quality/{sample}.snp_array.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        sex=cell("sex", "snp_array"),
        settings=config["quality"],
    script:
        "../scripts/measure_quality.py"


rule genotype:
    """Take the genotypes that tell one person from another."""
    input:
        signals="<results>/signals/{sample}.snp_array.parquet",
        snp_probes=curated("methylation_snp_probes"),
        library=library("genotype"),
    output:
        genotypes="<results>/genotypes/{sample}.snp_array.parquet",
    log:
        "<results>/logs/genotype/{sample}.snp_array.log",
    benchmark:
        "<results>/benchmarks/genotype/{sample}.snp_array.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        settings=config["identity"],
    script:
        "../scripts/genotype.py"


rule gc_content:
    """Measure the GC content of the reference, which waves of the signal follow."""
    input:
        reference=config["resources"]["reference"] or [],
        library=library("gc_content"),
    output:
        gc_content="<results>/gc_content.parquet",
    log:
        "<results>/logs/gc_content.log",
    benchmark:
        "<results>/benchmarks/gc_content.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(20),
    script:
        "../scripts/gc_content.py"


rule contrast:
    """Take away what the sample shares with its baseline, and measure the noise that is left."""
    input:
        signals="<results>/signals/{sample}.snp_array.parquet",
        baselines=collect(
            "<results>/signals/{base}.snp_array.parquet", base=baselines("snp_array")
        ),
        bands=curated("bands"),
        gc_content=(
            ["<results>/gc_content.parquet"]
            if config["resources"]["reference"]
            else []
        ),
        library=library("contrast"),
    output:
        contrast="<results>/contrasts/{sample}.snp_array.parquet",
        noise="<results>/contrasts/{sample}.snp_array.noise.json",
    log:
        "<results>/logs/contrast/{sample}.snp_array.log",
    benchmark:
        "<results>/benchmarks/contrast/{sample}.snp_array.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        sex=cell("sex", "snp_array"),
        assay="snp_array",
        settings=config["contrast"],
        quality=config["quality"],
    script:
        "../scripts/contrast.py"
