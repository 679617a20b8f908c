"""Which files the jobs of exomes read: alignments, targets, panels, parts of the joint call.

needs  common.smk
makes  the helpers of wes.smk and variants.smk
"""

# Samples whose exomes are aligned here, and those that come aligned.
FASTQ = MEASUREMENTS.query("assay == 'wes' & format == 'fastq'")["sample"].tolist()
ALIGNED = MEASUREMENTS.query("assay == 'wes' & format in ('bam', 'cram')")[
    "sample"
].tolist()


def alignment(sample):
    """Return the alignment of a sample's exome and its index: the user's, or made here.

    Rules take both as inputs, for an index under <results> has to be made first; the library
    opens them by linedrift.readers.alignments.located(path, index).
    """
    row = BY_MEASUREMENT[sample, "wes"]
    if row["format"] == "fastq":
        made = f"<results>/alignments/{sample}.wes.bam"
        return made, f"{made}.bai"
    path = row["path"]
    ending = {"bam": ("bai", "csi"), "cram": ("crai",)}[row["format"]]
    places = [
        f"{base}.{end}" for end in ending for base in (path, path.rpartition(".")[0])
    ]
    beside = [place for place in places if os.path.exists(place)]
    index = f"<results>/alignments/{sample}.wes.{row['format']}.{ending[0]}"
    return path, *(beside[:1] or [index])


def lanes(wildcards, column):
    """Return the files in a column of samples.tsv of all lanes of an exome."""
    return [row[column] for row in LANES[wildcards.sample, "wes"]]


def aligner_index(wildcards):
    """Return the aligner's index of the reference to be made; [] where it stands beside it."""
    beside = config["resources"]["reference"] + ".pac"
    return [] if os.path.exists(beside) else ["<results>/reference/aligner"]


def giver(sample):
    """Return the sample whose exome says which SNPs are heterozygous: the first baseline, or it."""
    return BY_MEASUREMENT[sample, "wes"]["baseline"].split(";")[0] or sample


# Capture kits, by the BED of their targets: a word for file names, the same whatever else is named.
KITS = {
    path: re.sub(r"\W+", "_", os.path.basename(path))[:40]
    + f"-{zlib.crc32(path.encode()):08x}"
    for path in filter(None, config["wes"]["capture"].values())
}


BED_OF = {name: path for path, name in KITS.items()}


def arrays_of_person(sample):
    """Return the samples of a person that have an array: this one, else the donor, come first."""
    found = ARRAYS.get(BY_MEASUREMENT[sample, "wes"]["person"], [])
    return sorted(found, key=lambda name: name != sample)


def targets(sample):
    """Return the BED of the targets that a sample's exome was captured with."""
    platform = BY_MEASUREMENT[sample, "wes"]["platform"]
    return sheet_needs.of_platform(platform, config["wes"]["capture"])


def bins(sample):
    """Return the bins of the kit that a sample's exome was captured with."""
    return f"<results>/wes/{KITS[targets(sample)]}.bins.parquet"


# One exome of each person on each kit that is nobody's drift: the donor's, or the earliest
# passage's. The first few of the sheet are the panel of all, so that a new line changes no other.
PANELS = {
    path: rows.drop_duplicates("person")[["person", "sample"]].to_numpy().tolist()
    for path, rows in MEASUREMENTS.query("assay == 'wes' & baseline == ''").groupby(
        lambda row: targets(MEASUREMENTS.at[row, "sample"])
    )
}


def panel(sample):
    """Return the samples of other people on the same kit that tell what the kit does."""
    person = BY_MEASUREMENT[sample, "wes"]["person"]
    others = [name for who, name in PANELS.get(targets(sample), []) if who != person]
    return others[: config["wes"]["panel_size"]]


# What the counts of alleles depend on: another prior must not count all reads again.
COUNTING = {
    **{key: config["wes"][key] for key in ("min_base_quality", "min_mapping_quality")},
    **{
        key: config["variants"][key]
        for key in (
            "flank_bp",
            "max_depth",
            "candidate_reads",
            "candidate_total",
            "candidate_fraction",
            "homozygous_fraction",
        )
    },
}


def strangers(wildcards):
    """Return the exomes of other people that show where reads of a line err."""
    own = [row["sample"] for row in exomes(wildcards) if row["role"] == "own"]
    return panel(own[0])[: config["variants"]["panel"]] if own else []


def joint_exomes(wildcards):
    """Return the samples whose exomes the joint call of a line reads."""
    return [
        *dict.fromkeys(row["sample"] for row in exomes(wildcards)),
        *strangers(wildcards),
    ]


def drifting(wildcards):
    """Return whether a line has an exome of a passage: of a donor alone only hotspots are asked."""
    return any(row["role"] == "own" and not row["donor"] for row in exomes(wildcards))


def variant_parts(wildcards, ending):
    """Return what the parts of the targets gave for a line; [] without an exome."""
    parts = range(config["variants"]["parts"] if drifting(wildcards) else 1)
    names = [f"<results>/variants/{wildcards.line}/{part}.{ending}" for part in parts]
    return names if exomes(wildcards) else []
