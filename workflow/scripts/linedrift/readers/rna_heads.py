"""A quick look at files of RNA-seq, before any job runs: whether the sheet is right."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa

from linedrift import genome
from linedrift.readers import allele_tables, count_layouts, counts, delimited, rna_alignments
from linedrift.readers.files import ReadingError, check_presence, is_gzip, packed_end_problem

FORMATS = (*counts.FORMATS, "ase", "bam", "cram")
# A block of text is looked at: some hundred genes of a wide matrix, all of a narrow one.
_BLOCK = 1 << 18
# Tables of up to this many samples are read whole by the check: it takes a tenth of a second.
_FEW_SAMPLES = 12


def problems(
    row: Mapping[str, str], chains: Mapping[str, str], build_markers: pd.DataFrame
) -> list[str]:
    """Return what is wrong with the file of one RNA measurement, in words, or an empty list.

    Parameters
    ----------
    row
        Row of samples.tsv: path, format, name_in_file, build.
    chains
        Chain files to GRCh38 by name of build (for tables of allele counts).
    build_markers
        SNPs known on each build: chrom, pos_<build>.
    """
    path, format = str(row["path"]), str(row["format"])
    if format not in FORMATS:
        return [f"{path}: unknown format {format!r}; expected {', '.join(FORMATS)}"]
    try:
        check_presence(path)
        if format in ("bam", "cram"):
            rna_alignments.contigs(path)
            return []
        if is_gzip(path) and (text := packed_end_problem(path)):
            return [text]
        if format == "ase":
            _look_at_alleles(path, str(row.get("build", "")), chains, build_markers)
        else:
            _look_at_counts(path, format, str(row.get("name_in_file", "")))
    except ReadingError as error:
        return [str(error)]
    return []


def _look_at_counts(path: str, format: str, name: str) -> None:
    """Raise ReadingError where values are no counts, or the sample is not there.

    A table of few samples is read whole; of a wide one the first rows are.
    """
    found = count_layouts.layout(path, format, name)
    delimited.check_end(path)
    parts = delimited.batches(path, found, tuple(found.roles), block=_BLOCK)
    first = next(parts)
    rest = list(parts) if len(found.samples) <= _FEW_SAMPLES else []
    table = pa.Table.from_batches([first, *rest])
    ids = delimited.as_text(table["gene_id"])
    for role in (role for role in found.roles if role.startswith("count:")):
        values = table[role].to_numpy().astype(float)
        if len(found.samples) <= _FEW_SAMPLES and format != "star":
            problem = counts.problem_of(ids, values)
        else:
            # Neither an empty sample nor its total can be judged by some rows, and one strand of
            # a library may have no read.
            told = (values < 0).any() or counts.like_logs(values[values > 0])
            problem = counts.problem_of(ids, values) if told else ""
        if problem:
            raise ReadingError(f"{path}: {found.sample or 'the sample'}: {problem}")


def _look_at_alleles(
    path: str, build: str, chains: Mapping[str, str], build_markers: pd.DataFrame
) -> None:
    """Raise ReadingError where the first rows are not allele counts on the build that is said."""
    try:
        of = genome.build(build or genome.GRCH38.name)
    except ValueError as error:
        raise ReadingError(f"{path}: {error}") from error
    found = allele_tables.layout(path)
    delimited.check_end(path)
    batch = next(delimited.batches(path, found, tuple(found.roles), block=_BLOCK))
    allele_tables.check_rows(path, pa.Table.from_batches([batch]), of, build_markers)
    if of.name != genome.GRCH38.name:
        allele_tables.chain_path(of, chains)
