"""What all rules share: settings, sheets, wildcards, folders, and what a script is built on.

needs  the two sheets that the settings name
makes  BANK, MEASUREMENTS, MEMBERS, MEASURED, PUBLIC, and the helpers below
"""

import ast
import os
import re
import sys
import tomllib
import zlib
from functools import cache

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config


@cache
def source(module):
    """Return the file of a script or module (linedrift/tables), None where there is none."""
    package, _, name = module.rpartition("/")
    # `from linedrift.tables import read`: read is no module, for tables is no package.
    if package and not (source(package) or "").endswith("__init__.py"):
        return None
    for path in (f"../scripts/{module}.py", f"../scripts/{module}/__init__.py"):
        try:
            return workflow.source_path(path)
        except (WorkflowError, OSError):
            continue


@cache
def imports(module):
    """Return the modules of the library that a module imports, by reading its text."""
    names = set()
    with open(source(module), encoding="utf-8") as text:
        for node in ast.walk(ast.parse(text.read())):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("linedrift"):
                names |= {
                    node.module,
                    *(f"{node.module}.{name.name}" for name in node.names),
                }
    return {name.replace(".", "/") for name in names}


@cache
def library(script):
    """Return the library files that a script is built on, so that a change in one reruns it."""
    found, waiting = {"linedrift"}, {script}
    while waiting:
        new = {name for name in imports(waiting.pop()) - found if source(name)}
        found |= new
        waiting |= new
    return [source(name) for name in sorted(found)]


def shipped(path):
    """Return the text of a file that the workflow comes with."""
    with open(workflow.source_path(f"../../{path}"), encoding="utf-8") as file:
        return file.read()


# The settings: the user's over those that linedrift comes with; unknown keys are refused.
settings = yaml.safe_load(shipped("config/config.yaml"))
update_config(settings, config)
config.update(settings)
VERSION = tomllib.loads(shipped("pyproject.toml"))["project"]["version"]

# The library, wherever the workflow was taken from; library() has fetched what check needs.
sys.path.append(os.path.dirname(os.path.dirname(library("check")[0])))
from linedrift import sheet_columns, sheets

schema = yaml.safe_load(shipped("workflow/schemas/config.schema.yaml"))
wrong = sheet_columns.check_settings(config, schema, "settings")
try:
    if wrong:
        raise sheets.SheetError(wrong)
    # Only the first process looks at the files: a thousand jobs need not ask again.
    BANK = sheets.load(config["lines"], config["samples"], workflow.is_main_process)
    sheets.check_needs(BANK, config, config["samples"])
except sheets.SheetError as error:
    raise WorkflowError(str(error)) from None

MEASUREMENTS = BANK.measurements
MEASURED = MEASUREMENTS["line"].unique().tolist()
# No donor has a public page: it is the donor's genome that the public tier protects.
PUBLIC = BANK.lines.query("tier == 'public' & kind == 'line' & line in @MEASURED")[
    "line"
].tolist()
# Which measurements the jobs of one line read.
MEMBERS = sheets.members(BANK)


pathvars:
    results=config["results"],
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",


# The sections of the settings that a page shows, without paths on this computer.
SHOWN = {
    section: {
        key: value
        for key, value in part.items()
        if key not in ("capture", "mappability", "manifest")
    }
    for section, part in config.items()
    if section in sheet_columns.SECTIONS
}


wildcard_constraints:
    line="|".join(map(re.escape, BANK.lines["line"])),
    sample="|".join(map(re.escape, MEASUREMENTS["sample"].unique())),
    assay="|".join(sheet_columns.SUPPORTED_ASSAYS),


def curated(name):
    """Return a curated table: in the working directory, else as the workflow comes with it."""
    path = config["resources"][name]
    return path if os.path.exists(path) else workflow.source_path(f"../../{path}")


def growing(amount):
    """Return a resource that grows with each attempt, for clusters that end a job too small."""
    return lambda wildcards, attempt: amount * attempt


# Sheets by measurement and by line, as plain dictionaries: lookup() on a frame takes 1 ms a cell,
# and a bank of 1,000 lines asks for 35,000 cells; frames in params do not pickle.
LINES = {row["line"]: row for row in BANK.lines.to_dict("records")}
BY_MEASUREMENT = {
    (row["sample"], row["assay"]): row for row in MEASUREMENTS.to_dict("records")
}
# The rows of samples.tsv that make up a measurement: one, or its lanes.
LANES = {
    key: rows.to_dict("records")
    for key, rows in BANK.rows.groupby(["sample", "assay"], sort=False)
}
ALL = MEASUREMENTS.drop(columns=list(sheets.FILE_COLUMNS)).to_dict("records")
BY_LINE = {
    line: rows.to_dict("records") for line, rows in MEMBERS.groupby("of", sort=False)
}


def cell(column, assay=""):
    """Return the text in a column of samples.tsv for the sample and assay of a job.

    `assay` is given by rules of one assay; those of any assay have it as a wildcard.
    """
    return lambda wildcards: BY_MEASUREMENT[wildcards.sample, assay or wildcards.assay][
        column
    ]


def baselines(assay=""):
    """Return the samples that the sample of a job is compared with; [] if it has none."""
    of = cell("baseline", assay)
    return lambda wildcards: [name for name in of(wildcards).split(";") if name]


def second_file(wildcards):
    """Return the manifest of the array of a job; [] if it has none."""
    path = cell("path2", "snp_array")(wildcards)
    return [path] if path else []


def chain_file(wildcards):
    """Return the chain file to GRCh38 for the array of a job; [] if it needs none."""
    path = config["chains"].get(cell("build", "snp_array")(wildcards))
    return [path] if path else []


def line_row(wildcards):
    """Return the row of lines.tsv for the line of a job."""
    return LINES[wildcards.line]


def members(wildcards):
    """Return the measurements that the jobs of a line read."""
    return BY_LINE[wildcards.line]


def exomes(wildcards):
    """Return the exomes among them."""
    return [row for row in BY_LINE[wildcards.line] if row["assay"] == "wes"]


def public_parents(wildcards):
    """Return the parent of a line, where it is a public line itself: only then may it be named."""
    return [line for line in PUBLIC if line == LINES[wildcards.line]["parent"]]


# Samples whose exomes are aligned here, and those that come aligned.
FASTQ = MEASUREMENTS.query("assay == 'wes' & format == 'fastq'")["sample"].tolist()
ALIGNED = MEASUREMENTS.query("assay == 'wes' & format in ('bam', 'cram')")[
    "sample"
].tolist()


def one_of(names):
    """Return the pattern that only these names match; none does where there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


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


# Arrays of each person: the donor's first, then by passage.
ARRAYS = {
    person: rows.sort_values(["donor", "passage"], ascending=[False, True])[
        "sample"
    ].tolist()
    for person, rows in MEASUREMENTS.query("assay == 'snp_array'").groupby("person")
}
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
    return sheets.target_file(platform, config["wes"]["capture"])


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
            "parts",
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


def variant_parts(wildcards, ending):
    """Return what the parts of the targets gave for a line; [] without an exome."""
    parts = range(config["variants"]["parts"]) if exomes(wildcards) else []
    return [f"<results>/variants/{wildcards.line}/{part}.{ending}" for part in parts]


# Samples whose RNA-seq has counts of genes, and those of which alleles can be read.
COUNTED, ALLELIC = (
    BANK.rows.query("assay == 'rna' & format in @formats")["sample"].tolist()
    for formats in (sheet_columns.COUNT_FORMATS, sheet_columns.ALLELE_FORMATS)
)
RNA_GENES = ["<results>/rna/genes.parquet"] if config["resources"]["genes"] else []
# Exomes of each person in the order of arrays: the donor's first, then by passage.
EXOMES = {
    person: rows.sort_values(["donor", "passage"], ascending=[False, True])[
        "sample"
    ].tolist()
    for person, rows in MEASUREMENTS.query("assay == 'wes'").groupby("person")
}


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
