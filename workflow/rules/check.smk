"""Whether the sheets' files are what the sheets say, before anything else runs.

needs  the files of samples.tsv
makes  <results>/check.tsv
"""


localrules:
    check,


rule check:
    """Look at the head of every file: format, build, and the sample inside; list all errors."""
    input:
        data=BANK.rows["path"].unique().tolist(),
        path2=[path for path in BANK.rows["path2"].unique() if path],
        lines=config["lines"],
        samples=config["samples"],
        build_markers=curated("build_markers"),
        identity_snps=curated("identity_snps"),
        targets=sorted({targets(row["sample"]) for row in ALL if row["assay"] == "wes"}),
        # Only a GFF3 tells what variants do; RNA takes other annotations as well.
        genes=[
            path
            for path in [config["resources"]["genes"]]
            if path and any(row["assay"] == "wes" for row in ALL)
        ],
    output:
        "<results>/check.tsv",
    log:
        "<results>/logs/check.log",
    benchmark:
        "<results>/benchmarks/check.tsv"
    # It goes first and takes every core, so that nothing else starts before it has passed. No
    # rule takes check.tsv as an input: a new line would then rerun the others' measurements, or
    # (through ancient) hide that one of their files has changed too.
    priority: 100
    conda:
        "../../envs/analysis.yaml"
    threads: workflow.resource_settings.cores or 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        library=library("check"),
        chains=config["chains"],
        reference=config["resources"]["reference"],
    script:
        "../scripts/check.py"
