"""FASTQ of RNA aligned by STAR, with reads counted for each gene.

needs  the files of samples.tsv, the reference and the genes
makes  <results>/reference/star
       <results>/alignments/{sample}.rna.bam, .bai and .counts.tab
"""


rule index_spliced:
    """Make STAR's index of the reference and the genes."""
    input:
        reference=config["resources"]["reference"] or [],
        genes=config["resources"]["genes"] or [],
    output:
        index=directory("<results>/reference/star"),
    log:
        "<results>/logs/index_spliced.log",
    benchmark:
        "<results>/benchmarks/index_spliced.tsv"
    conda:
        "../../envs/splicing.yaml"
    threads: 8
    # A human genome takes 31 GB and an hour (STAR's manual, 2.2).
    resources:
        mem_mb=growing(36000),
        runtime=growing(120),
    params:
        library=library("index_spliced"),
    script:
        "../scripts/index_spliced.py"


rule align_rna:
    """Align the pairs of FASTQ of one sample's RNA, count reads of genes, mark duplicates."""
    input:
        first=lambda wildcards: rna_lanes(wildcards, "path"),
        second=lambda wildcards: rna_lanes(wildcards, "path2"),
        index="<results>/reference/star",
    output:
        alignment="<results>/alignments/{sample}.rna.bam",
        index="<results>/alignments/{sample}.rna.bam.bai",
        counts="<results>/alignments/{sample}.rna.counts.tab",
    log:
        "<results>/logs/align_rna/{sample}.log",
    benchmark:
        "<results>/benchmarks/align_rna/{sample}.tsv"
    wildcard_constraints:
        sample=one_of(RNA_FASTQ),
    conda:
        "../../envs/splicing.yaml"
    threads: 8
    # The index of a human genome takes 31 GB, sorting .5 GB a thread.
    resources:
        mem_mb=growing(38000),
        runtime=growing(240),
    params:
        library=library("align_rna"),
    script:
        "../scripts/align_rna.py"
