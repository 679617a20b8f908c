"""Which files the jobs of RNA-seq read: counts, alleles, and who was genotyped.

needs  common.smk
makes  the helpers of rna.smk
"""

# Samples whose RNA-seq has counts of genes, and those of which alleles can be read.
COUNTED, ALLELIC = (
    BANK.rows.query("assay == 'rna' & format in @formats")["sample"].tolist()
    for formats in (sheet_columns.COUNT_FORMATS, sheet_columns.ALLELE_FORMATS)
)
RNA_GENES = ["<results>/rna/genes.parquet"] if config["resources"]["genes"] else []


def rna_row(wildcards, part, column):
    """Return a cell of the row of samples.tsv with the counts, or the alleles, of a sample."""
    formats = {
        "counts": sheet_columns.COUNT_FORMATS,
        "alleles": sheet_columns.ALLELE_FORMATS,
    }[part]
    rows = LANES[wildcards.sample, "rna"]
    return next(row[column] for row in rows if row["format"] in formats)


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


def baseline_alleles(wildcards):
    """Return the alleles of the baselines of a sample's RNA, of those that have any."""
    names = [name for name in baselines("rna")(wildcards) if name in ALLELIC]
    return [f"<results>/rna/{name}.alleles.parquet" for name in names]
