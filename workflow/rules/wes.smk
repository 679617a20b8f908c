"""One exome: aligned where it is FASTQ, read in one pass, and compared with its baseline.

needs  the files of samples.tsv, the reference, the targets of the capture kits
makes  <results>/alignments/{sample}.wes.bam and .bai (of FASTQ), the index of a BAM or CRAM
       <results>/reference/aligner (where the reference has no index of an aligner)
       <results>/wes/{kit}.bins.parquet, <results>/wes/{sample}.sites.parquet
       <results>/signals/{sample}.wes.parquet and .facts.json
       <results>/contrasts/{sample}.wes.parquet, .noise.json and .exon_losses.parquet
       <results>/quality/{sample}.wes.tsv, <results>/genotypes/{sample}.wes.parquet
"""


rule index_reference:
    """Make the aligner's index of the reference, where there is none beside it."""
    input:
        reference=config["resources"]["reference"] or [],
    output:
        index=directory("<results>/reference/aligner"),
    log:
        "<results>/logs/index_reference.log",
    benchmark:
        "<results>/benchmarks/index_reference.tsv"
    conda:
        "../../envs/alignment.yaml"
    # bwa takes 5 GB and an hour for a human genome; bwa-mem2 28 bytes a base.
    resources:
        mem_mb=growing(8000),
        runtime=growing(180),
    params:
        library=library("index_reference"),
    script:
        "../scripts/index_reference.py"


rule align:
    """Align the pairs of FASTQ of one exome, sort the reads, mark duplicates."""
    input:
        first=lambda wildcards: lanes(wildcards, "path"),
        second=lambda wildcards: lanes(wildcards, "path2"),
        reference=config["resources"]["reference"] or [],
        index=aligner_index,
    output:
        alignment="<results>/alignments/{sample}.wes.bam",
        index="<results>/alignments/{sample}.wes.bam.bai",
    log:
        "<results>/logs/align/{sample}.log",
    benchmark:
        "<results>/benchmarks/align/{sample}.tsv"
    wildcard_constraints:
        sample=one_of(FASTQ),
    conda:
        "../../envs/alignment.yaml"
    threads: 8
    resources:
        mem_mb=growing(12000),
        runtime=growing(480),
    params:
        library=library("align"),
    script:
        "../scripts/align.py"


rule index_wes:
    """Make the index of an alignment that has none, never beside the user's file."""
    input:
        alignment=lambda wildcards: alignment(wildcards.sample)[0],
    output:
        index="<results>/alignments/{sample}.wes.{form}.{kind}",
    log:
        "<results>/logs/index_wes/{sample}.{form}.{kind}.log",
    benchmark:
        "<results>/benchmarks/index_wes/{sample}.{form}.{kind}.tsv"
    wildcard_constraints:
        sample=one_of(ALIGNED),
        form="bam|cram",
        kind="bai|crai",
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(600),
        runtime=growing(30),
    params:
        library=library("index_wes"),
    script:
        "../scripts/index_wes.py"


rule wes_bins:
    """Cut the targets of a capture kit, and what lies between them, into bins."""
    input:
        targets=lambda wildcards: BED_OF[wildcards.kit],
        reference=config["resources"]["reference"] or [],
        mappability=config["wes"]["mappability"] or [],
    output:
        bins="<results>/wes/{kit}.bins.parquet",
    log:
        "<results>/logs/wes_bins/{kit}.log",
    benchmark:
        "<results>/benchmarks/wes_bins/{kit}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(20),
    params:
        library=library("wes_bins"),
        settings=config["wes"],
    script:
        "../scripts/wes_bins.py"


rule find_sites:
    """Find the SNPs of a person at which all exomes of the line are read."""
    input:
        alignment=lambda wildcards: alignment(wildcards.sample)[0],
        targets=lambda wildcards: targets(wildcards.sample),
        reference=config["resources"]["reference"] or [],
        panel=curated("identity_snps"),
        array=collect(
            "<results>/signals/{of}.snp_array.parquet",
            of=lambda wildcards: arrays_of_person(wildcards.sample)[:1],
        ),
    output:
        sites="<results>/wes/{sample}.sites.parquet",
    log:
        "<results>/logs/find_sites/{sample}.log",
    benchmark:
        "<results>/benchmarks/find_sites/{sample}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1800),
        runtime=growing(30),
    params:
        library=library("find_sites"),
        settings=config["wes"],
    script:
        "../scripts/find_sites.py"


rule read_wes:
    """Read depth and alleles of one exome, in one pass over its reads."""
    input:
        alignment=lambda wildcards: alignment(wildcards.sample)[0],
        targets=lambda wildcards: targets(wildcards.sample),
        reference=config["resources"]["reference"] or [],
        bins=lambda wildcards: bins(wildcards.sample),
        sites=lambda wildcards: f"<results>/wes/{giver(wildcards.sample)}.sites.parquet",
    output:
        signals="<results>/signals/{sample}.wes.parquet",
        facts="<results>/signals/{sample}.wes.facts.json",
    log:
        "<results>/logs/read_wes/{sample}.log",
    benchmark:
        "<results>/benchmarks/read_wes/{sample}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1400),
        runtime=growing(30),
    params:
        library=library("read_wes"),
        settings=config["wes"],
    script:
        "../scripts/read_wes.py"


rule describe_wes:
    """Compare an exome with its baseline and its kit; judge depth, sex, foreign DNA; genotypes."""
    input:
        signals="<results>/signals/{sample}.wes.parquet",
        facts="<results>/signals/{sample}.wes.facts.json",
        baselines=collect("<results>/signals/{base}.wes.parquet", base=baselines("wes")),
        panel=collect(
            "<results>/signals/{other}.wes.parquet",
            other=lambda wildcards: panel(wildcards.sample),
        ),
        sites=lambda wildcards: f"<results>/wes/{giver(wildcards.sample)}.sites.parquet",
    output:
        contrast="<results>/contrasts/{sample}.wes.parquet",
        noise="<results>/contrasts/{sample}.wes.noise.json",
        exon_losses="<results>/contrasts/{sample}.wes.exon_losses.parquet",
        quality="<results>/quality/{sample}.wes.tsv",
        genotypes="<results>/genotypes/{sample}.wes.parquet",
    log:
        "<results>/logs/describe_wes/{sample}.log",
    benchmark:
        "<results>/benchmarks/describe_wes/{sample}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        library=library("describe_wes"),
        sex=cell("sex", "wes"),
        settings=config["contrast"],
        quality=config["quality"]["wes"],
        identity=config["identity"],
        wes=config["wes"],
    script:
        "../scripts/describe_wes.py"
