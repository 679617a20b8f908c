"""RNA-seq: genes and alleles of one sample, and expression relative to the bank.

needs  the files of samples.tsv, the annotation that the genes were counted on
       <results>/lines/{line}/variants.tsv of lines with an exome
makes  <results>/rna/genes.parquet, bank.parquet, markers.parquet, bank.json
       <results>/rna/{sample}.counts.parquet and .counts.json (of counts of genes)
       <results>/rna/{sample}.alleles.parquet, .extra.parquet, .alleles.json (of ase, BAM, CRAM)
       <results>/signals/{sample}.rna.parquet and .facts.json
       <results>/contrasts/{sample}.rna.parquet and .noise.json
       <results>/quality/{sample}.rna.tsv, <results>/genotypes/{sample}.rna.parquet
       <results>/readouts/{sample}.rna.tsv
"""


rule annotate_genes:
    """Read where the genes of the annotation lie."""
    input:
        genes=config["resources"]["genes"] or [],
        reference=config["resources"]["reference"] or [],
        known=curated("hotspot_genes"),
    output:
        genes="<results>/rna/genes.parquet",
    log:
        "<results>/logs/annotate_genes.log",
    benchmark:
        "<results>/benchmarks/annotate_genes.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1500),
        runtime=growing(20),
    params:
        library=library("annotate_genes"),
        reference=config["resources"]["reference"],
    script:
        "../scripts/annotate_genes.py"


rule read_rna_counts:
    """Read the gene counts of one sample, and find each gene in the annotation."""
    input:
        data=lambda wildcards: rna_row(wildcards, "counts", "path"),
        genes="<results>/rna/genes.parquet",
    output:
        counts="<results>/rna/{sample}.counts.parquet",
        facts="<results>/rna/{sample}.counts.json",
    log:
        "<results>/logs/read_rna_counts/{sample}.log",
    benchmark:
        "<results>/benchmarks/read_rna_counts/{sample}.tsv"
    wildcard_constraints:
        sample=one_of(COUNTED),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        library=library("read_rna_counts"),
        format=lambda wildcards: rna_row(wildcards, "counts", "format"),
        name_in_file=lambda wildcards: rna_row(wildcards, "counts", "name_in_file"),
        annotation=os.path.basename(config["resources"]["genes"]),
        settings=config["rna"],
    script:
        "../scripts/read_rna_counts.py"


rule read_rna_alleles:
    """Read the alleles of one sample's RNA: of a table, or counted in its alignment."""
    input:
        data=lambda wildcards: rna_row(wildcards, "alleles", "path"),
        chain=rna_chain,
        measured=lambda wildcards: (
            []
            if rna_row(wildcards, "alleles", "format") == "ase"
            else genotyped(wildcards)
        ),
        reference=config["resources"]["reference"] or [],
        genes=RNA_GENES,
        identity_snps=curated("identity_snps"),
        build_markers=curated("build_markers"),
        vectors=curated("vectors"),
    output:
        alleles="<results>/rna/{sample}.alleles.parquet",
        extra="<results>/rna/{sample}.extra.parquet",
        facts="<results>/rna/{sample}.alleles.json",
    log:
        "<results>/logs/read_rna_alleles/{sample}.log",
    benchmark:
        "<results>/benchmarks/read_rna_alleles/{sample}.tsv"
    wildcard_constraints:
        sample=one_of(ALLELIC),
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1500),
        runtime=growing(60),
    params:
        library=library("read_rna_alleles"),
        format=lambda wildcards: rna_row(wildcards, "alleles", "format"),
        build=lambda wildcards: rna_row(wildcards, "alleles", "build"),
        chains=config["chains"],
        reference=config["resources"]["reference"],
        settings=config["rna"],
    script:
        "../scripts/read_rna_alleles.py"


rule express_bank:
    """Put the expression of all samples of the bank side by side, less technical factors."""
    input:
        counts=collect("<results>/rna/{sample}.counts.parquet", sample=COUNTED),
        genes="<results>/rna/genes.parquet",
        bands=curated("bands"),
        sets=curated("expression_gene_sets"),
    output:
        bank="<results>/rna/bank.parquet",
        markers="<results>/rna/markers.parquet",
        facts="<results>/rna/bank.json",
    log:
        "<results>/logs/express_bank.log",
    benchmark:
        "<results>/benchmarks/express_bank.tsv"
    conda:
        "../../envs/analysis.yaml"
    # Of 60,000 genes in 350 samples a copy of the matrix takes 170 MB.
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        library=library("express_bank"),
        samples=COUNTED,
        lines=[BY_MEASUREMENT[sample, "rna"]["line"] for sample in COUNTED],
        donors=[line for line, row in LINES.items() if row["kind"] == "donor"],
        settings=config["rna"],
        thresholds=config["quality"]["rna"]["thresholds"],
    script:
        "../scripts/express_bank.py"


rule signals_rna:
    """Make the signals of one sample: expression relative to the bank, alleles one a gene."""
    input:
        counts=lambda wildcards: of_rna(wildcards, COUNTED, "{}.counts.parquet"),
        count_facts=lambda wildcards: of_rna(wildcards, COUNTED, "{}.counts.json"),
        bank=lambda wildcards: of_rna(wildcards, COUNTED, "bank.parquet"),
        bank_facts=lambda wildcards: of_rna(wildcards, COUNTED, "bank.json"),
        alleles=lambda wildcards: of_rna(wildcards, ALLELIC, "{}.alleles.parquet"),
        allele_facts=lambda wildcards: of_rna(wildcards, ALLELIC, "{}.alleles.json"),
        measured=lambda wildcards: (
            genotyped(wildcards) if wildcards.sample in ALLELIC else []
        ),
        baselines=lambda wildcards: (
            baseline_alleles(wildcards) if wildcards.sample in ALLELIC else []
        ),
        genes=RNA_GENES,
    output:
        signals="<results>/signals/{sample}.rna.parquet",
        facts="<results>/signals/{sample}.rna.facts.json",
    log:
        "<results>/logs/signals_rna/{sample}.log",
    benchmark:
        "<results>/benchmarks/signals_rna/{sample}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        library=library("signals_rna"),
        sisters=sisters,
        settings=config["rna"],
    script:
        "../scripts/signals_rna.py"


rule describe_rna:
    """Compare the alleles of a sample's RNA with its baseline; judge reads and sex; genotypes."""
    input:
        signals="<results>/signals/{sample}.rna.parquet",
        facts="<results>/signals/{sample}.rna.facts.json",
        alleles=lambda wildcards: of_rna(wildcards, ALLELIC, "{}.alleles.parquet"),
        baselines=baseline_alleles,
        panel=curated("identity_snps"),
    output:
        contrast="<results>/contrasts/{sample}.rna.parquet",
        noise="<results>/contrasts/{sample}.rna.noise.json",
        quality="<results>/quality/{sample}.rna.tsv",
        genotypes="<results>/genotypes/{sample}.rna.parquet",
    log:
        "<results>/logs/describe_rna/{sample}.log",
    benchmark:
        "<results>/benchmarks/describe_rna/{sample}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(800),
        runtime=growing(10),
    params:
        library=library("describe_rna"),
        sisters=sisters,
        sex=cell("sex", "rna"),
        settings=config["contrast"],
        quality=config["quality"]["rna"],
        identity=config["identity"],
        rna=config["rna"],
    script:
        "../scripts/describe_rna.py"


rule measure_expression:
    """Ask markers, X, imprinting, vectors and variants of one sample's RNA, always all of them."""
    input:
        unpack(measured_expression),
        reference=config["resources"]["reference"] or [],
        sets=curated("expression_gene_sets"),
        vectors=curated("vectors"),
        hotspots=curated("snv_hotspots"),
    output:
        readouts="<results>/readouts/{sample}.rna.tsv",
    log:
        "<results>/logs/measure_expression/{sample}.log",
    benchmark:
        "<results>/benchmarks/measure_expression/{sample}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(20),
    params:
        library=library("measure_expression"),
        row=lambda wildcards: BY_MEASUREMENT[wildcards.sample, "rna"],
        bank=[
            {
                name: BY_MEASUREMENT[sample, "rna"][name]
                for name in ("sample", "line", "passage", "donor")
            }
            for sample in COUNTED
        ],
        reference=config["resources"]["reference"],
        settings={key: config[key] for key in ("rna", "verdict", "quality")},
    script:
        "../scripts/measure_expression.py"
