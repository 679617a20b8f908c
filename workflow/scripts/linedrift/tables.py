"""Frame contracts: columns, types, units and order, the one place where they stand.

Every frame that one step hands to another is read and written here. Parquet holds what only
programs read, TSV what people read; both are written beside their target and renamed, so that
a killed job leaves no half-written table.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from linedrift.genome import CHROM_DTYPE

# What names a measurement: its sample and its assay.
Key = tuple[str, str]

GENOTYPES = pd.CategoricalDtype(["", "AA", "AB", "BB"])

STATES = ("present", "absent", "not_testable")
EVENT_KINDS = ("gain", "loss", "amplification", "deep_loss", "cn_loh")
COPY_NUMBER_ASSAYS = ("snp_array", "wes", "methylation", "rna")
ORIGINS = ("acquired", "inherited", "unknown")
VERDICTS = ("stable", "watch", "altered", "insufficient")


class TableError(ValueError):
    """A frame or file that breaks its contract; the message says where and how."""


@dataclass(frozen=True)
class Column:
    """One column: its dtype (a pandas dtype or its name), unit, meaning and allowed values."""

    name: str
    dtype: Any
    doc: str
    unit: str = ""
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A named contract: what a row is, its columns, and the order of its rows."""

    name: str
    rows: str
    columns: tuple[Column, ...]
    order: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [column.name for column in self.columns]

    def empty(self) -> pd.DataFrame:
        """Return a frame of this contract without rows."""
        return pd.DataFrame({column.name: pd.Series(dtype=column.dtype) for column in self.columns})


LOCUS = (
    Column("chrom", CHROM_DTYPE, "chromosome, UCSC style"),
    Column("start", "int32", "0-based start on GRCh38", "bp"),
    Column("end", "int32", "half-open end", "bp"),
)
FRACTION = (
    Column("cell_fraction", "float64", "share of cells that carry it, 0 to 1", "cells"),
    Column("low", "float64", "lower end of the 95 % interval", "cells"),
    Column("high", "float64", "upper end of the 95 % interval", "cells"),
    Column("limit", "float64", "smallest fraction found with 95 % probability", "cells"),
)
REASON = Column("reason", "str", "why not testable, or what the state rests on")
STATE = Column("state", "str", "three states, always distinct", allowed=STATES)

SIGNALS = Table(
    "signals",
    "locus of one measurement",
    (
        *LOCUS,
        Column("name", "str", "name of the locus in the user's file"),
        Column("level", "float32", "log R ratio or log2 depth; NaN where none", "log2"),
        Column("level_sd", "float32", "random sd of level; NaN where not known", "log2"),
        Column("b_fraction", "float32", "B-allele frequency; NaN where none", "fraction"),
        Column("b_sd", "float32", "random sd of b_fraction; NaN where not known", "fraction"),
        Column("genotype", GENOTYPES, "genotype call, empty where none"),
        Column("usable", "bool", "False where the locus must not enter the analysis"),
    ),
    ("chrom", "start"),
)
CONTRAST = Table(
    "contrast",
    "locus of one measurement, relative to its baseline",
    (
        *LOCUS,
        Column("log_ratio", "float32", "level less the shrunken baseline; NaN where none", "log2"),
        Column("log_ratio_sd", "float32", "sd that is independent between passages", "log2"),
        Column("log_ratio_shared_sd", "float32", "sd that all passages share", "log2"),
        Column(
            "shift",
            "float32",
            "b_fraction - 1/2 less the shrunken baseline, at loci that "
            "are heterozygous in the baseline; NaN elsewhere",
            "fraction",
        ),
        Column("shift_sd", "float32", "sd that is independent between passages", "fraction"),
        Column("shift_shared_sd", "float32", "sd that all passages share", "fraction"),
        Column("log_ratio_baseline", "float32", "what was subtracted from the level", "log2"),
        Column(
            "shift_baseline", "float32", "what was subtracted from b_fraction - 1/2", "fraction"
        ),
    ),
    ("chrom", "start"),
)
GC_CONTENT = Table(
    "gc_content",
    "bin of the reference",
    (*LOCUS, Column("gc", "float32", "share of G and C; NaN where mostly N", "fraction")),
    ("chrom", "start"),
)
SEGMENTS = Table(
    "segments",
    "candidate stretch of one contrast",
    (
        *LOCUS,
        Column("kind", "str", "kind of event that fits best", allowed=EVENT_KINDS),
        Column("cell_fraction", "float64", "grid fraction that fits best", "cells"),
        Column("score", "float64", "log-likelihood ratio against no event", "nats"),
        Column("n_levels", "int32", "loci with a log ratio"),
        Column("n_shifts", "int32", "heterozygous loci"),
    ),
    ("chrom", "start"),
)
EVENTS = Table(
    "events",
    "event of a line",
    (
        Column("event_id", "str", "stable hash of line, place and kind"),
        Column("line", "str", "line"),
        *LOCUS,
        Column("start_low", "int32", "earliest start that the data allow (95 %)", "bp"),
        Column("start_high", "int32", "latest start that the data allow (95 %)", "bp"),
        Column("end_low", "int32", "earliest end that the data allow (95 %)", "bp"),
        Column("end_high", "int32", "latest end that the data allow (95 %)", "bp"),
        Column("band", "str", "cytogenetic band"),
        Column("kind", "str", "kind of event", allowed=EVENT_KINDS),
        Column("copies", "int32", "copies in the cells that carry it"),
        Column("origin", "str", "tested on the signal of the baseline", allowed=ORIGINS),
        Column("first_passage", "Int32", "earliest passage where it is present"),
        Column("quality", "float64", "phred of the false-event rate", "phred"),
        Column("false_event_rate", "float64", "expected false events of this score a genome"),
        Column("hotspot_id", "str", "hotspots that it matches, separated by ;"),
        Column("genes", "str", "hotspot genes inside, separated by ;"),
        Column("iscn", "str", "linedrift rendering, not certified"),
        Column("note", "str", "look-alike of germline origin, or other remark"),
    ),
    ("chrom", "start"),
)
TRAJECTORIES = Table(
    "trajectories",
    "event x sample of the line (the baseline among them)",
    (
        Column("event_id", "str", "event"),
        Column("sample", "str", "{line}-p{passage}"),
        Column("passage", "int32", "passage"),
        STATE,
        *FRACTION,
        Column("support", "float64", "log-likelihood ratio over all assays", "nats"),
        *(
            Column(assay, "float64", f"of it, from {assay} alone; NaN where not measured", "nats")
            for assay in COPY_NUMBER_ASSAYS
        ),
        REASON,
    ),
)
HOTSPOTS = Table(
    "hotspots",
    "hotspot x sample, always all",
    (
        Column("hotspot_id", "str", "row of resources/cnv_hotspots.tsv"),
        Column("label", "str", "name for people"),
        Column("tier", "str", "A flags, B to review, C and unverified annotate only"),
        Column("sample", "str", "{line}-p{passage}"),
        Column("passage", "int32", "passage"),
        STATE,
        *FRACTION,
        Column("event_id", "str", "event that makes it present, else empty"),
        REASON,
    ),
)
QUALITY = Table(
    "quality",
    "figure of one measurement",
    (
        Column("sample", "str", "{line}-p{passage}"),
        Column("assay", "str", "assay"),
        Column("figure", "str", "what was measured: call_rate, log_ratio_sd, ..."),
        Column("label", "str", "name for people"),
        Column("value", "str", "as text: a number, or a word such as female"),
        Column("expected", "str", "what the sheet or the threshold of the config asks for"),
        Column(
            "state",
            "str",
            "pass, warn, fail, or info where nothing is asked",
            allowed=("pass", "warn", "fail", "info"),
        ),
        REASON,
    ),
)
IDENTITY_PAIRS = Table(
    "identity_pairs",
    "pair of measurements",
    (
        Column("sample", "str", "first sample"),
        Column("assay", "str", "its assay"),
        Column("other_sample", "str", "second sample"),
        Column("other_assay", "str", "its assay"),
        Column("n_loci", "int32", "shared autosomal loci that were called in both"),
        Column("concordance", "float64", "share of equal genotypes"),
        Column("kinship", "float64", "KING-robust kinship coefficient"),
        Column("expected", "str", "by the sheets", allowed=("same", "family", "unrelated")),
        Column(
            "observed",
            "str",
            "by the genotypes; different: by few SNPs, another person or a relative",
            allowed=("same", "family", "unrelated", "different", "undecided"),
        ),
        Column(
            "state",
            "str",
            "ok, conflict or not testable",
            allowed=("ok", "conflict", "not_testable"),
        ),
        Column("text", "str", "the same in a sentence"),
    ),
)
IDENTITY = Table(
    "identity",
    "measurement of a line or of the bank",
    (
        Column("sample", "str", "{line}-p{passage}"),
        Column("assay", "str", "assay"),
        Column(
            "state",
            "str",
            "confirmed, failed or not testable",
            allowed=("confirmed", "failed", "not_testable"),
        ),
        Column("expected_sex", "str", "by the sheet", allowed=("female", "male", "unknown")),
        Column("sex", "str", "by the signal", allowed=("female", "male", "unknown")),
        Column("compared_with", "str", "samples that it was compared with, separated by ;"),
        Column("looks_like", "str", "samples of the bank with the same genotype, separated by ;"),
        REASON,
    ),
)
FINDINGS = Table(
    "findings",
    "finding that enters a verdict",
    (
        Column("line", "str", "line"),
        Column("passage", "int32", "passage"),
        Column(
            "kind",
            "str",
            "copy_number, hotspot, variant, identity, quality, coverage, or a group of READOUTS",
        ),
        Column(
            "severity",
            "str",
            "altered, watch, insufficient or note",
            allowed=("altered", "watch", "insufficient", "note"),
        ),
        Column("evidence", "str", "event, hotspot or figure that it rests on"),
        Column("reference", "str", "citation of the rule"),
        Column("text", "str", "the finding in a sentence"),
    ),
)
TRACKS = Table(
    "tracks",
    "bin of one measurement, for figures",
    (
        *LOCUS,
        Column("sample", "str", "{line}-p{passage}"),
        Column("assay", "str", "assay"),
        Column("log_ratio", "float32", "mean of the bin; NaN where no locus", "log2"),
        Column(
            "imbalance",
            "float32",
            "folded mean |shift|, less what noise alone gives; NaN where too few loci",
            "fraction",
        ),
    ),
)
TRUTH = Table(
    "truth",
    "planted event x sample (demo and tests only)",
    (
        Column("event", "str", "name of the planted event"),
        Column("line", "str", "line"),
        Column("passage", "int32", "passage"),
        *LOCUS,
        Column("kind", "str", "kind", allowed=EVENT_KINDS),
        Column("cell_fraction", "float64", "planted share of cells", "cells"),
        Column("origin", "str", "acquired or inherited", allowed=ORIGINS),
    ),
)

ALL = (
    SIGNALS, CONTRAST, GC_CONTENT, SEGMENTS, EVENTS, TRAJECTORIES, HOTSPOTS, QUALITY,
    IDENTITY_PAIRS, IDENTITY, FINDINGS, TRACKS, TRUTH,
)  # fmt: skip


def conform(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Return the columns of the contract, in its order and dtypes; extra columns are dropped.

    Raises
    ------
    TableError
        When a column is missing or cannot take its dtype.
    """
    missing = [name for name in table.names if name not in frame.columns]
    if missing:
        raise TableError(
            f"table {table.name}: no column {', '.join(missing)}; "
            f"found {', '.join(map(str, frame.columns))}"
        )
    for column in table.columns:
        _only_known(frame[column.name], column, table)
    try:
        return frame[table.names].astype({column.name: column.dtype for column in table.columns})
    except (ValueError, TypeError) as error:
        raise TableError(f"table {table.name}: {error}") from error


def _only_known(values: pd.Series, column: Column, table: Table) -> None:
    """Refuse what a category does not know, which pandas would turn into nothing."""
    if not isinstance(column.dtype, pd.CategoricalDtype) or values.dtype == column.dtype:
        return
    bad = (~values.isin(column.dtype.categories) & values.notna()).to_numpy()
    if bad.any():
        row = int(np.argmax(bad))
        raise TableError(
            f"table {table.name}, column {column.name}, row {row}: found "
            f"{values.iloc[row]!r}, expected one of {', '.join(column.dtype.categories)}"
        )


def check(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Return `frame` conformed, after checking allowed values, intervals and order.

    Raises
    ------
    TableError
        Naming the table, the column, the first offending row and what was expected.
    """
    frame = conform(frame, table)
    for column in table.columns:
        if column.allowed:
            bad = ~frame[column.name].isin(column.allowed).to_numpy()
            if bad.any():
                row = int(np.argmax(bad))
                raise TableError(
                    f"table {table.name}, row {row}, column {column.name}: found "
                    f"{frame[column.name].iloc[row]!r}, expected one of {', '.join(column.allowed)}"
                )
    if {"chrom", "start", "end"} <= set(table.names):
        if frame["chrom"].isna().any():
            raise TableError(
                f"table {table.name}: unknown chromosome in row "
                f"{int(np.argmax(frame['chrom'].isna()))}"
            )
        bad = frame["end"].to_numpy() <= frame["start"].to_numpy()
        if bad.any():
            raise TableError(
                f"table {table.name}, row {int(np.argmax(bad))}: end is not beyond start"
            )
    if table.order == ("chrom", "start") and len(frame):
        # In the small types of the columns: a key of 64 bits took 1 GB of 28 million CpGs.
        step = np.diff(frame["chrom"].cat.codes.to_numpy())
        back = np.diff(frame["start"].to_numpy()) < 0
        if (step < 0).any() or back[step == 0].any():
            raise TableError(f"table {table.name}: rows are not in genome order")
    return frame


def in_genome_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows sorted by chromosome, start and end, with a new index."""
    return frame.sort_values(["chrom", "start", "end"], kind="stable", ignore_index=True)


def write_beside(path: str | os.PathLike[str], write: Callable[[Path], object]) -> None:
    """Call `write` on a path beside `path`, then rename: the target is whole or absent."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        write(beside)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def write(frame: pd.DataFrame, path: str | os.PathLike[str], table: Table) -> None:
    """Check `frame` and write it, as parquet or TSV by the suffix of `path`."""
    frame = check(frame, table)
    if Path(path).suffix == ".parquet":
        write_beside(path, lambda beside: frame.to_parquet(beside, index=False))
    else:
        write_beside(
            path, lambda beside: frame.to_csv(beside, sep="\t", index=False, float_format="%.6g")
        )


def read(
    path: str | os.PathLike[str], table: Table, columns: list[str] | None = None
) -> pd.DataFrame:
    """Read a table that `write` made and check it; `columns` reads only those (parquet).

    Raises
    ------
    TableError
        Naming the file, when it cannot be read or breaks its contract.
    """
    try:
        if Path(path).suffix == ".parquet":
            frame = pd.read_parquet(path, columns=columns)
            return frame if columns else check(frame, table)
        texts = {column.name: str for column in table.columns if column.dtype == "str"}
        frame = pd.read_csv(
            path,
            sep="\t",
            dtype=texts,
            keep_default_na=False,
            na_values={
                column.name: ["", "NA", "nan"] for column in table.columns if column.dtype != "str"
            },
        )
        return check(frame, table)
    except TableError as error:
        raise TableError(f"{path}: {error}") from error
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: cannot be read as table {table.name}: {error}") from error


def read_bands(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read UCSC's cytoBand table (no header): chrom, start, end, band, stain.

    Raises
    ------
    TableError
        Naming the file, when it is no such table.
    """
    names = ["chrom", "start", "end", "band", "stain"]
    try:
        bands = pd.read_csv(path, sep="\t", names=names, dtype={"start": int, "end": int})
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: cannot be read as UCSC cytoBand: {error}") from error
    return bands.astype({"chrom": CHROM_DTYPE})
