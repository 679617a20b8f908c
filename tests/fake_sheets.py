"""Sheets for tests: the common rows of lines and samples, and both sheets as files."""

import re
from pathlib import Path

import pytest
from linedrift.sheets import sheets
from linedrift.sheets.sheet_columns import LINES, SAMPLES

DONOR = {"line": "D1", "kind": "donor", "sex": "female"}
LINE = {"line": "A", "kind": "line", "parent": "D1", "sex": "female"}
ARRAY = {"assay": "snp_array", "format": "final_report", "build": "GRCh38"}
COUNTS = {"assay": "rna", "format": "gene_counts", "build": "GRCh38"}
ASE = {"assay": "rna", "format": "ase", "build": "GRCh38"}
BETAS = {"assay": "methylation", "format": "betas", "build": "GRCh37"}
COVERAGE = {"assay": "methylation", "format": "bismark_cov", "build": "GRCh38"}
RNA_FASTQ = {"assay": "rna", "format": "fastq", "build": "GRCh38", "path2": "a.fq"}
RNA_BAM = {"assay": "rna", "format": "bam", "build": "GRCh38"}
EXOME = {"assay": "wes", "format": "bam", "build": "GRCh38"}
LANE = EXOME | {"format": "fastq", "path2": "2.fq"}


def tsv(rows, columns, newline="\n"):
    """Return rows as the text of a sheet with all columns, or those that the first row names."""
    names = [column.name for column in columns]
    lines = ["\t".join(names), *("\t".join(row.get(name, "") for name in names) for row in rows)]
    return newline.join(lines) + newline


def sample(line="A", passage="10", **more):
    """Return a row of the sheet of samples: an array, if nothing else is said."""
    return {"line": line, "passage": passage, **ARRAY, **more}


def load(folder: Path, lines, samples, look_at_files=True):
    """Write both sheets and the files that they name, and load them."""
    for row in samples:
        row.setdefault("path", f"{row['line']}_{row['passage']}.txt")
        for name in (row["path"], row.get("path2", "")):
            if re.fullmatch(r"[\w.]+", name) and not (folder / name).exists():
                (folder / name).write_text("data")
    (folder / "lines.tsv").write_text(tsv(lines, LINES), encoding="utf-8")
    (folder / "samples.tsv").write_text(tsv(samples, SAMPLES), encoding="utf-8")
    return sheets.load(folder / "lines.tsv", folder / "samples.tsv", look_at_files)


def errors_in(folder: Path, lines, samples):
    """Return the errors of two sheets, which have some."""
    with pytest.raises(sheets.SheetError) as caught:
        load(folder, lines, samples)
    return caught.value.errors
