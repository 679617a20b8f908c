"""Which files the jobs of methylation read: arrays, cytosines, alignments, who is compared.

needs  common.smk
makes  the helpers of methylation.smk
"""

from linedrift.readers import idat

# Samples by what was given of them: probes of an array, cytosines of sequencing, an alignment.
PROBED, SEQUENCED, BISULFITE = (
    BANK.rows.query("assay == 'methylation' & format in @formats")["sample"].tolist()
    for formats in (
        sheet_columns.METHYLATION_ARRAYS,
        sheet_columns.CYTOSINE_FORMATS,
        sheet_columns.ALIGNMENT_FORMATS,
    )
)


def methylation_cell(sample, column, formats):
    """Return a cell of the row of samples.tsv that has one of these formats, for a sample."""
    rows = LANES[sample, "methylation"]
    return next(row[column] for row in rows if row["format"] in formats)


def of_array(column):
    """Return the text in a column of samples.tsv for the methylation array of a job."""
    return lambda wildcards: methylation_cell(
        wildcards.sample, column, sheet_columns.METHYLATION_ARRAYS
    )


def of_cytosines(column):
    """Return the text in a column of samples.tsv for the file of cytosines of a job."""
    return lambda wildcards: methylation_cell(
        wildcards.sample, column, sheet_columns.CYTOSINE_FORMATS
    )


def array_files(wildcards):
    """Return the files of a methylation array: the IDAT of both colours, or one or two tables."""
    path, second = of_array("path")(wildcards), of_array("path2")(wildcards)
    if of_array("format")(wildcards) == "idat" and not second:
        try:
            second = idat.partner(path)
        except ValueError:
            pass  # the check says that it is missing
    return [path, *([second] if second else [])]


def of_array_type(wildcards, setting):
    """Return the file that a setting (manifest, positions, mask) names for the type of an array."""
    platform = BY_MEASUREMENT[wildcards.sample, "methylation"]["platform"]
    path = sheet_needs.of_platform(platform, config["methylation"][setting])
    return path if setting == "manifest" else [path] if path else []


def chain_of(build):
    """Return a function of a job that gives the chain file from its build; [] if it needs none."""

    def chain(wildcards):
        """Return the chain file of one job."""
        path = config["chains"].get(sheets.genome.build(build(wildcards)).name)
        return [path] if path else []

    return chain


# The kind of loci that a sample has: two samples are compared where they have the same.
KIND_OF = {sample: "cytosines" for sample in SEQUENCED} | {
    sample: f"probes of {BY_MEASUREMENT[sample, 'methylation']['platform']}"
    for sample in PROBED
}


def methylation_of(sample):
    """Return the table with the methylation of a sample; [] where only an alignment was given."""
    if sample not in KIND_OF:
        return []
    kind = KIND_OF[sample].partition(" ")[0]
    return [f"<results>/methylation/{sample}.{kind}.parquet"]


# The earliest sample of a line of each other person, of the same kind: what is normal in the bank.
# The first few of the sheet serve all, so that a line that is added below changes nothing above.
CONTROLS = [
    (row["person"], row["sample"])
    for row in MEASUREMENTS.query("assay == 'methylation' & not donor")
    .sort_values("passage", kind="stable")
    .drop_duplicates("line")
    .sort_index()
    .to_dict("records")
]


def controls(sample):
    """Return the samples of other people that say what methylation is usual in the bank."""
    person = BY_MEASUREMENT[sample, "methylation"]["person"]
    others = [
        name
        for who, name in CONTROLS
        if who != person and KIND_OF.get(name) == KIND_OF.get(sample)
    ]
    return others[: config["methylation"]["measures"]["controls"]]


# The earliest sample of each line by methylation, and the donor's: what drift is counted from.
EARLIEST = (
    MEASUREMENTS.query("assay == 'methylation'")
    .sort_values("passage", kind="stable")
    .drop_duplicates("line")
    .set_index("line")["sample"]
    .to_dict()
)


def earliest(sample):
    """Return the earliest passage of a sample's line, if that is another one of the same kind."""
    first = EARLIEST[BY_MEASUREMENT[sample, "methylation"]["line"]]
    same = KIND_OF.get(first) == KIND_OF.get(sample)
    return [first] if first != sample and same else []


def bisulfite_alignment(wildcards):
    """Return the bisulfite alignment of a job."""
    return methylation_cell(wildcards.sample, "path", sheet_columns.ALIGNMENT_FORMATS)


def of_kind(wildcards, samples, ending):
    """Return a file of results/methylation for the sample of a job that is among `samples`."""
    if wildcards.sample not in samples:
        return []
    return [f"<results>/methylation/{wildcards.sample}.{ending}"]


def regions_of(names):
    """Return the methylation of curated regions of samples, those that have any."""
    return [
        f"<results>/methylation/{name}.regions.tsv" for name in names if name in KIND_OF
    ]


# What copy number is told by: intensities of an array, the depth of a bisulfite alignment, reads at
# CpGs. A bedGraph of percents has no reads.
TOLD_BY = {
    **{
        sample: "cytosines"
        for sample in SEQUENCED
        if methylation_cell(sample, "format", sheet_columns.CYTOSINE_FORMATS)
        != "bismark_bedgraph"
    },
    **{sample: "depth" for sample in BISULFITE},
    **{sample: "probes" for sample in PROBED},
}


def told_by(names, like):
    """Return what copy number is told by for those samples that are told by the same as `like`.

    Arrays are compared with arrays of the same platform.
    """
    kind = TOLD_BY.get(like)
    same = [
        name
        for name in names
        if TOLD_BY.get(name) == kind
        and (kind != "probes" or KIND_OF[name] == KIND_OF[like])
    ]
    return [f"<results>/methylation/{name}.{kind}.parquet" for name in same if kind]


def described_methylation(wildcards):
    """Return what a sample's methylation is described by, and what it is compared with."""
    sample = wildcards.sample
    return {
        "probes": of_kind(wildcards, PROBED, "probes.parquet"),
        "cytosines": of_kind(wildcards, SEQUENCED, "cytosines.parquet"),
        "snp_probes": of_kind(wildcards, PROBED, "snp_probes.parquet"),
        "alleles": of_kind(wildcards, BISULFITE, "alleles.parquet"),
        "facts": [
            *of_kind(wildcards, PROBED, "probes.json"),
            *of_kind(wildcards, SEQUENCED, "cytosines.json"),
            *of_kind(wildcards, BISULFITE, "alignment.json"),
        ],
        "own": told_by([sample], sample),
        "baselines": told_by(baselines("methylation")(wildcards), sample),
        "panel": told_by(controls(sample), sample),
    }


def donor_methylation(sample):
    """Return the sample of a sample's donor by methylation of the same kind; [] without one."""
    person = BY_MEASUREMENT[sample, "methylation"]["person"]
    first = EARLIEST.get(person) if LINES[person]["kind"] == "donor" else None
    same = first and KIND_OF.get(first) == KIND_OF.get(sample)
    return [first] if same and first != sample else []


def methylated(wildcards):
    """Return the row of a sample by methylation."""
    row = BY_MEASUREMENT[wildcards.sample, "methylation"]
    return {key: row[key] for key in ("sample", "passage", "sex", "donor")}


def measured_methylation(wildcards):
    """Return what the questions of methylation are asked of, and what is compared."""
    sample = wildcards.sample
    line = f"<results>/lines/{BY_MEASUREMENT[sample, 'methylation']['line']}"
    before, donor = earliest(sample), donor_methylation(sample)
    return {
        "loci": methylation_of(sample),
        "regions": f"<results>/methylation/{sample}.regions.tsv",
        "controls": regions_of(controls(sample)),
        "earliest": [path for name in before for path in methylation_of(name)],
        "earliest_regions": regions_of(before),
        "donor": [path for name in donor for path in methylation_of(name)],
        "events": f"{line}/events.tsv",
        "trajectories": f"{line}/trajectories.tsv",
    }
