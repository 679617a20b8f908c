"""linedrift: what changed in the genome of each stem-cell line since its donor.

`snakemake --cores 8` does everything for the two sheets that the settings name;
`snakemake check` only looks whether sheets and files are in order. `snakemake --list` tells what
each rule does.
"""

from snakemake.utils import min_version

min_version("9.15")  # <results>, <logs> in paths


configfile: "config/config.yaml"


include: "workflow/rules/library.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/wes_files.smk"
include: "workflow/rules/rna_files.smk"
include: "workflow/rules/methylation_files.smk"
include: "workflow/rules/check.smk"
include: "workflow/rules/snp_array.smk"
include: "workflow/rules/wes.smk"
include: "workflow/rules/methylation.smk"
include: "workflow/rules/rna_alignment.smk"
include: "workflow/rules/rna.smk"
include: "workflow/rules/events.smk"
include: "workflow/rules/variants.smk"
include: "workflow/rules/identity.smk"
include: "workflow/rules/report.smk"


rule all:
    """Everything: the check, the bank's report, and the pages that are open to all."""
    default_target: True
    input:
        "<results>/check.tsv",
        "<results>/report/index.html",
        "<results>/public/index.html",
        collect("<results>/report/{line}.html", line=MEASURED),
        collect("<results>/public/{line}.html", line=PUBLIC),
