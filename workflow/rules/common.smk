"""What all rules share: settings, sheets, wildcards and folders.

needs  the two sheets that the settings name
makes  BANK, MEASUREMENTS, MEMBERS, MEASURED, PUBLIC, and the helpers below
"""

import os
import re
import sys
import tomllib
import zlib

import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config


def shipped(path):
    """Return the text of a file that the workflow comes with."""
    with open(workflow.source_path(f"../../{path}"), encoding="utf-8") as file:
        return file.read()


# The settings: the user's over those that linedrift comes with; unknown keys are refused.
settings = yaml.safe_load(shipped("config/config.yaml"))
update_config(settings, config)
config.update(settings)
VERSION = tomllib.loads(shipped("pyproject.toml"))["project"]["version"]

# The library where it stands, for this process and its jobs: what they compile is there the next
# time. Of a workflow from elsewhere, the copies that built_on() has fetched.
built_on("linedrift/sheets/sheet_needs")
scripts = workflow.current_basedir.join("../scripts").get_path_or_uri(secret_free=True)
if not os.path.isdir(scripts):
    scripts = os.path.dirname(os.path.dirname(built_on("check")[0]))
sys.path.append(os.path.normpath(scripts))
from linedrift.sheets import sheet_columns, sheet_needs, sheets

schema = yaml.safe_load(shipped("workflow/schemas/config.schema.yaml"))
wrong = sheet_columns.check_settings(config, schema, "settings")
try:
    if wrong:
        raise sheets.SheetError(wrong)
    # Only the first process looks at the files: a thousand jobs need not ask again.
    BANK = sheets.load(config["lines"], config["samples"], workflow.is_main_process)
    sheet_needs.check_needs(BANK, config, config["samples"])
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
        if key not in ("capture", "mappability", "manifest", "positions", "mask")
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
    try:
        return path if os.path.exists(path) else workflow.source_path(f"../../{path}")
    except (WorkflowError, OSError):
        raise WorkflowError(
            f"setting resources.{name}: {path} is not there, neither under {os.getcwd()} nor in the "
            "workflow. Name an existing table, or leave the setting out for the one that "
            "linedrift comes with. The demo's are made by `make demo`."
        ) from None


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


# Assays whose expression or methylation is asked by a rule that makes <results>/readouts.
READOUT_ASSAYS = ("rna", "methylation")


def gives_readouts(wildcards):
    """Return those of the line's own measurements that answer questions beside copy number."""
    return [
        row
        for row in BY_LINE[wildcards.line]
        if row["role"] == "own" and row["assay"] in READOUT_ASSAYS
    ]


def gives_differences(wildcards):
    """Return those of them whose acquired differences of methylation are looked for."""
    return [row for row in gives_readouts(wildcards) if row["assay"] == "methylation"]


def exomes(wildcards):
    """Return the exomes among them."""
    return [row for row in BY_LINE[wildcards.line] if row["assay"] == "wes"]


def public_parents(wildcards):
    """Return the parent of a line, where it is a public line itself: only then may it be named."""
    return [line for line in PUBLIC if line == LINES[wildcards.line]["parent"]]


def one_of(names):
    """Return the pattern that only these names match; none does where there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def by_person(assay):
    """Return the samples of each person by an assay: the donor's first, then by passage."""
    return {
        person: rows.sort_values(["donor", "passage"], ascending=[False, True])[
            "sample"
        ].tolist()
        for person, rows in MEASUREMENTS.query("assay == @assay").groupby("person")
    }


ARRAYS, EXOMES = by_person("snp_array"), by_person("wes")
