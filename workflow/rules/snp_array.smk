"""One SNP array: read, compared with its baseline, judged.

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
        library=library("read_snp_array"),
        format=cell("format", "snp_array"),
        name_in_file=cell("name_in_file", "snp_array"),
        build=cell("build", "snp_array"),
    script:
        "../scripts/read_snp_array.py"


rule gc_content:
    """Measure the GC content of the reference, which waves of the signal follow."""
    input:
        reference=config["resources"]["reference"] or [],
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
    params:
        library=library("gc_content"),
    script:
        "../scripts/gc_content.py"


rule describe_snp_array:
    """Compare an array with its baseline; judge noise, sex, foreign DNA; take its genotypes."""
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
        snp_probes=curated("methylation_snp_probes"),
    output:
        contrast="<results>/contrasts/{sample}.snp_array.parquet",
        noise="<results>/contrasts/{sample}.snp_array.noise.json",
        quality="<results>/quality/{sample}.snp_array.tsv",
        genotypes="<results>/genotypes/{sample}.snp_array.parquet",
    log:
        "<results>/logs/describe_snp_array/{sample}.log",
    benchmark:
        "<results>/benchmarks/describe_snp_array/{sample}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        library=library("describe_snp_array"),
        sex=cell("sex", "snp_array"),
        settings=config["contrast"],
        quality=config["quality"],
        identity=config["identity"],
    script:
        "../scripts/describe_snp_array.py"
