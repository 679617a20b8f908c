"""Whose sample is it: genotypes compared between samples, and the sex they show.

needs  <results>/genotypes/{sample}.{assay}.parquet, <results>/quality/{sample}.{assay}.tsv
makes  <results>/lines/{line}/identity.tsv, identity_pairs.tsv
       <results>/bank/identity.tsv, identity_pairs.tsv
"""


rule identify_line:
    """Compare the samples of a line with each other and with the donor."""
    input:
        genotypes=collect(
            "<results>/genotypes/{of[sample]}.{of[assay]}.parquet", of=members
        ),
        quality=collect("<results>/quality/{of[sample]}.{of[assay]}.tsv", of=members),
    output:
        identity="<results>/lines/{line}/identity.tsv",
        pairs="<results>/lines/{line}/identity_pairs.tsv",
    log:
        "<results>/logs/identify_line/{line}.log",
    benchmark:
        "<results>/benchmarks/identify_line/{line}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        library=library("identify"),
        measurements=members,
        settings=config["identity"],
        overdispersion=config["wes"]["overdispersion"],
    script:
        "../scripts/identify.py"


rule identify_bank:
    """Compare every sample of the bank with every other: swaps, replicates, families."""
    input:
        genotypes=collect(
            "<results>/genotypes/{of[sample]}.{of[assay]}.parquet", of=ALL
        ),
        quality=collect("<results>/quality/{of[sample]}.{of[assay]}.tsv", of=ALL),
    output:
        identity="<results>/bank/identity.tsv",
        pairs="<results>/bank/identity_pairs.tsv",
    log:
        "<results>/logs/identify_bank.log",
    benchmark:
        "<results>/benchmarks/identify_bank.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        library=library("identify"),
        measurements=ALL,
        settings=config["identity"],
        overdispersion=config["wes"]["overdispersion"],
    script:
        "../scripts/identify.py"
