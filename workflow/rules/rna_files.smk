"""Which files the jobs of RNA-seq read: counts, alleles, and who was genotyped.

needs  common.smk
makes  the helpers of rna.smk
"""

# Samples whose RNA-seq is aligned here; those with counts of genes; those of which alleles can be
# read, from a table or from an alignment.
RNA_FASTQ = (
    BANK.rows.query("assay == 'rna' & format == 'fastq'")["sample"].unique().tolist()
)
COUNTED, ALLELIC, RNA_ALIGNED = (
    BANK.rows.query("assay == 'rna' & format in @formats")["sample"].tolist()
    + RNA_FASTQ
    for formats in (
        sheet_columns.COUNT_FORMATS,
        sheet_columns.ALLELE_FORMATS,
        sheet_columns.ALIGNMENT_FORMATS,
    )
)
# What the alignment of FASTQ makes stands for a row of the sheet.
ALIGNED_HERE = {
    "counts": {
        "path": "<results>/alignments/{}.rna.counts.tab",
        "format": "star",
        "name_in_file": "",
    },
    "alleles": {"path": "<results>/alignments/{}.rna.bam", "format": "bam"}
    | {"build": "GRCh38"},
}
RNA_GENES = ["<results>/rna/genes.parquet"] if config["resources"]["genes"] else []


def rna_row(wildcards, part, column):
    """Return a cell of the row of samples.tsv with the counts, or the alleles, of a sample."""
    formats = {
        "counts": sheet_columns.COUNT_FORMATS,
        "alleles": sheet_columns.ALLELE_FORMATS,
    }[part]
    if wildcards.sample in RNA_FASTQ:
        return ALIGNED_HERE[part][column].format(wildcards.sample)
    rows = LANES[wildcards.sample, "rna"]
    return next(row[column] for row in rows if row["format"] in formats)


def rna_lanes(wildcards, column):
    """Return the files in a column of samples.tsv of all lanes of a sample's RNA."""
    return [row[column] for row in LANES[wildcards.sample, "rna"]]


def rna_chain(wildcards):
    """Return the chain file to GRCh38 for a table of alleles; [] if it needs none."""
    build = sheets.genome.build(rna_row(wildcards, "alleles", "build")).name
    path = config["chains"].get(build)
    return [path] if path else []


def of_rna(wildcards, samples, name):
    """Return a file of results/rna for a sample that is among `samples`, else []."""
    if wildcards.sample not in samples:
        return []
    return [f"<results>/rna/{name.format(wildcards.sample)}"]


def genotyped(wildcards):
    """Return the signals that tell a person's genotypes: one array, one exome, each the donor's.

    Where nobody sampled the donor, those of the earliest passage.
    """
    person = BY_MEASUREMENT[wildcards.sample, "rna"]["person"]
    return [
        f"<results>/signals/{known[person][0]}.{assay}.parquet"
        for known, assay in ((ARRAYS, "snp_array"), (EXOMES, "wes"))
        if person in known
    ]


# Samples of each person whose alleles were counted, and that are lines: the earliest of each.
SISTERS = {
    person: rows.sort_values("passage").drop_duplicates("line")["sample"].tolist()
    for person, rows in MEASUREMENTS.query(
        "assay == 'rna' & ~donor & sample in @ALLELIC"
    ).groupby("person")
}


def sisters(wildcards):
    """Return samples of other lines of a person, where neither donor nor line gives a baseline.

    They tell which allele a gene of this person prefers; what they carry is left out.
    """
    row = BY_MEASUREMENT[wildcards.sample, "rna"]
    if row["donor"] or set(row["baseline"].split(";")) & set(ALLELIC):
        return []
    return [
        name
        for name in SISTERS.get(row["person"], [])
        if BY_MEASUREMENT[name, "rna"]["line"] != row["line"]
    ]


def baseline_alleles(wildcards):
    """Return the alleles of the baselines of a sample's RNA, else those of its sister lines."""
    names = [name for name in baselines("rna")(wildcards) if name in ALLELIC]
    names = names or sisters(wildcards)
    return [f"<results>/rna/{name}.alleles.parquet" for name in names]


def variants_of_rna(wildcards):
    """Return the variants of the line whose RNA a job reads; [] without an exome, or of a donor."""
    row = BY_MEASUREMENT[wildcards.sample, "rna"]
    own = any(one["assay"] == "wes" for one in BY_LINE[row["line"]])
    return (
        [f"<results>/lines/{row['line']}/variants.tsv"]
        if own and not row["donor"]
        else []
    )


def measured_expression(wildcards):
    """Return what the questions of expression are asked of."""
    aligned, allelic = wildcards.sample in RNA_ALIGNED, wildcards.sample in ALLELIC
    return {
        "counts": of_rna(wildcards, COUNTED, "{}.counts.parquet"),
        "count_facts": of_rna(wildcards, COUNTED, "{}.counts.json"),
        "markers": of_rna(wildcards, COUNTED, "markers.parquet"),
        "bank_facts": of_rna(wildcards, COUNTED, "bank.json"),
        "alleles": of_rna(wildcards, ALLELIC, "{}.alleles.parquet"),
        "extra": of_rna(wildcards, RNA_ALIGNED, "{}.extra.parquet"),
        "allele_facts": of_rna(wildcards, ALLELIC, "{}.alleles.json"),
        "alignment": [rna_row(wildcards, "alleles", "path")] if aligned else [],
        "measured": genotyped(wildcards) if allelic else [],
        "variants": variants_of_rna(wildcards),
    }
