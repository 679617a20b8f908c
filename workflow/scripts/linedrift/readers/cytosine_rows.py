"""Rows of a file of cytosines, checked and made into counts of reads, block by block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linedrift.readers import cytosine_layouts, delimited
from linedrift.readers.cytosine_layouts import TITLES, Shape
from linedrift.readers.files import ReadingError, decode

# Strands of a row: of the C, of the C opposite the G, both added up in the file, not known.
FORWARD, REVERSE, BOTH, UNKNOWN = 1, -1, 2, 0
_STRANDS = {"+": FORWARD, "F": FORWARD, "-": REVERSE, "R": REVERSE}
# MethylDackel and ENCODE write whole per cents, and the first of them cuts the rest off; the
# counts are what is used.
MOST_OFF = 1.0
# methylKit has counts as coverage and per cents of two decimals: they give a whole number within
# this share of the coverage, and .01 for small ones.
_ROUNDING = 0.0001
# More reads than this at one cytosine are no reads (and would not fit the table when added).
_MOST_READS = 1_000_000_000
# Names of modifications in a bedMethyl. modkit's C is any modification of a C.
METHYLATION = ("m", "5mC", "C", "27551")
_OTHER_MODIFICATIONS = (
    "h", "5hmC", "76792", "f", "5fC", "76794", "c", "5caC", "76793", "a", "6mA", "28871",
    "21839", "4mC", "17802", "17596", "T", "A", "G", "N",
)  # fmt: skip


class Rows(NamedTuple):
    """Cytosines of a block: 0-based position, strand, reads of both kinds; and what was left out.

    `contig` is the number of each row's contig in `contigs`. `left_out` counts rows by why, and
    `other` holds reads (methylated, unmethylated) by context of rows that are not CpG.
    """

    contigs: list[str]
    contig: np.ndarray
    pos: np.ndarray
    strand: np.ndarray
    methylated: np.ndarray
    unmethylated: np.ndarray
    left_out: dict[str, int]
    other: dict[str, tuple[int, int]]


class Block(NamedTuple):
    """A block of a file: its rows as read, and the line of the first of them."""

    path: str
    shape: Shape
    batch: pa.RecordBatch
    line: int

    @property
    def format(self) -> str:
        """Format of the file."""
        return self.shape.layout.format

    def numbers(self, role: str) -> np.ndarray:
        """Return a column as float64, NaN where nothing stands."""
        return self.batch[role].to_numpy(zero_copy_only=False)

    def has(self, role: str) -> bool:
        """Return whether the format has the column."""
        return role in self.shape.layout.roles

    def refuse(self, wrong: np.ndarray, role: str, expected: str) -> None:
        """Raise ReadingError of the first row where `wrong`."""
        if not wrong.any():
            return
        at = int(np.argmax(wrong))
        name = self.shape.layout.columns[self.shape.layout.roles[role]]
        value = self.batch[role][at].as_py()
        # What R and modkit write for no number arrives as none.
        missing = value is None or value != value
        found = "no number" if missing else f"{value:g}"
        self.fail(at, f"{name}: found {found}; expected {expected}")

    def fail(self, at: int, what: str) -> NoReturn:
        """Raise ReadingError of row `at` of the block."""
        raise ReadingError(
            f"{self.path}: line {self.line + at:,}, {what}. Expected is {TITLES[self.format]}: "
            "make the file again"
        )


def read(block: Block, settings: Mapping[str, Any]) -> Rows:
    """Return the CpGs of a block.

    Parameters
    ----------
    block
        Columns as `delimited.batches` gives them.
    settings
        Section `methylation.sequencing` of the config: modification, percent_reads.

    Raises
    ------
    ReadingError
        Naming the line, where a position or count is no whole number, or percents and counts
        disagree.
    """
    pos = _positions(block)
    strand = _strand(block)
    kept, left_out = _modification(block)
    methylated, unmethylated = _counts(block, settings)
    names, contig = _contigs(block)
    kept, other = _contexts(block, kept, methylated, unmethylated, left_out)
    # Bismark, MethylDackel and methylKit leave them out, scripts behind them may add them again.
    silent = kept & (methylated + unmethylated == 0)
    if silent.any():
        left_out["n_without_read"] = int(silent.sum())
        kept &= ~silent
    parts = (contig, pos, strand, methylated, unmethylated)
    if not kept.all():
        parts = tuple(part[kept] for part in parts)
    return Rows(names, *parts, left_out, other)


def _whole(block: Block, role: str, least: int = 0) -> np.ndarray:
    """Return a column of whole numbers as int64."""
    values = block.numbers(role)
    ok = (values >= least) & (values <= _MOST_READS)
    block.refuse(~ok, role, f"a whole number of {least} or more")
    found = values.astype(np.int64)
    block.refuse(found != values, role, f"a whole number of {least} or more")
    return found


def _positions(block: Block) -> np.ndarray:
    return (_whole(block, "pos", block.shape.first) - block.shape.first).astype(np.int32)


def _strand(block: Block) -> np.ndarray:
    """Return the strand of each row (int8): by its column, else by the length of the row."""
    if block.has("count:end"):
        by_length = _by_length(block)
        if not block.has("strand"):
            return by_length
        said = by_value(block.batch["strand"], lambda text: _STRANDS.get(text, BOTH), np.int8)
        return np.where(by_length == BOTH, BOTH, said).astype(np.int8)
    said = by_value(block.batch["strand"], lambda text: _STRANDS.get(text, UNKNOWN), np.int8)
    if not said.all():
        at = int(np.argmin(said != UNKNOWN))
        found = decode(block.batch["strand"][at].as_py())
        block.fail(at, f"strand: found {found!r}; expected + or - (F or R in methylKit)")
    return said


def _by_length(block: Block) -> np.ndarray:
    """Return BOTH where a row is a CpG with its strands added up, else UNKNOWN (int8)."""
    pos = block.numbers("pos")
    length = _whole(block, "count:end") - pos
    if block.format == "bismark_cov":
        wrong = length != 0
        if wrong.any():
            at = int(np.argmax(wrong))
            raise cytosine_layouts.zero_based(
                block.path, block.line + at, int(pos[at]), int(pos[at] + length[at])
            )
    elif block.format == "bismark_merged":
        block.refuse(length != 1, "count:end", "1 beyond the start: C and G of a CpG, 1-based")
        return np.full(len(pos), BOTH, np.int8)
    else:
        wrong = (length != 1) & (length != 2)
        block.refuse(wrong, "count:end", "1 (a cytosine) or 2 (a CpG) beyond the start")
    return np.where(length == 2, BOTH, UNKNOWN).astype(np.int8)


def by_value(column: pa.Array, decide: Callable[[str], Any], dtype: Any) -> np.ndarray:
    """Return what `decide` says of the text of each row; it is asked once for each text."""
    coded = pc.dictionary_encode(column)
    answers = [decide(decode(raw)) for raw in coded.dictionary.to_pylist()]
    if not answers:
        return np.zeros(len(column), dtype)
    return np.array(answers, dtype)[coded.indices.to_numpy(zero_copy_only=False)]


def _contigs(block: Block) -> tuple[list[str], np.ndarray]:
    coded = pc.dictionary_encode(block.batch["chrom"])
    names = [decode(raw) for raw in coded.dictionary.to_pylist()]
    return names, coded.indices.to_numpy(zero_copy_only=False)


def _modification(block: Block) -> tuple[np.ndarray, dict[str, int]]:
    """Return the rows of 5-methylcytosine at CpGs, and how many are of something else."""
    kept = np.ones(block.batch.num_rows, bool)
    if not block.has("code"):
        return kept, {}
    strict = len(block.shape.layout.columns) == 18
    kept = by_value(block.batch["code"], lambda text: _is_methylation(text, strict), bool)
    return kept, {"n_other_modification": int((~kept).sum())}


def _is_methylation(text: str, strict: bool) -> bool:
    """Return whether a row is of methylation; modkit writes ``m`` or ``m,CG,0``.

    Other programs put the name of the sample, or nothing, where the modification stands.
    """
    code, _, motif = text.partition(",")
    if motif and not motif.startswith("CG,"):
        return False
    return code in METHYLATION if strict else code not in _OTHER_MODIFICATIONS


def _contexts(
    block: Block,
    kept: np.ndarray,
    methylated: np.ndarray,
    unmethylated: np.ndarray,
    left_out: dict[str, int],
) -> tuple[np.ndarray, dict[str, tuple[int, int]]]:
    """Return the rows of CpGs, and the reads of CHG and CHH."""
    if not block.has("context"):
        return kept, {}
    context = block.batch["context"]
    is_cpg = by_value(context, lambda text: text[:2] == "CG", bool)
    if is_cpg.all():
        return kept, {}
    other = {}
    for name in ("CHG", "CHH"):
        on = pc.equal(context, name.encode()).to_numpy(zero_copy_only=False)
        other[name] = (int(methylated[on].sum()), int(unmethylated[on].sum()))
    left_out["n_other_context"] = int((kept & ~is_cpg).sum())
    return kept & is_cpg, other


def _counts(block: Block, settings: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return methylated and unmethylated reads of each row (int32)."""
    if block.has("count:m"):
        found = _from_counts(block, settings["modification"])
    elif block.has("count:n"):
        found = _from_coverage(block)
    else:
        found = _from_percent(block, int(settings["percent_reads"]))
    return found[0].astype(np.int32), found[1].astype(np.int32)


def _from_counts(block: Block, modification: str) -> tuple[np.ndarray, np.ndarray]:
    methylated, unmethylated = _whole(block, "count:m"), _whole(block, "count:u")
    other = _whole(block, "count:other") if block.has("count:other") else 0
    total = methylated + unmethylated + other
    if block.has("count:percent"):
        _check_percent(block, methylated, total)
    if modification == "5mC":
        return methylated, unmethylated + other
    return methylated + other, unmethylated


def _check_percent(block: Block, methylated: np.ndarray, total: np.ndarray) -> None:
    """Raise ReadingError where percents and counts of a row disagree."""
    percent = block.numbers("count:percent")
    said = 100 * methylated / np.maximum(total, 1)
    wrong = ~(np.abs(percent - said) <= MOST_OFF) & (total > 0)
    if not wrong.any():
        return
    at = int(np.argmax(wrong))
    n, m = int(total[at]), int(methylated[at])
    found = f"found {percent[at]:g} % methylated, but {m:,} of {n:,} reads ({said[at]:.4g} %)"
    if abs(100 * percent[at] - said[at]) <= MOST_OFF:
        found += "; it is a fraction, expected are per cent"
    elif abs(100 - percent[at] - said[at]) <= MOST_OFF:
        found += "; are the columns of methylated and unmethylated reads exchanged?"
    block.fail(at, found)


def _from_coverage(block: Block) -> tuple[np.ndarray, np.ndarray]:
    """Return counts of coverage and percents: methylKit's two, or ENCODE's one in whole."""
    total, percent = _whole(block, "count:n"), _percent(block, "count:percent")
    methylated = np.rint(total * percent / 100)
    if not block.has("count:percent_u"):
        return methylated, total - methylated
    unmethylated = np.rint(total * _percent(block, "count:percent_u") / 100)
    off = np.abs(methylated - total * percent / 100) > np.maximum(_ROUNDING * total, 0.01)
    wrong = off | (methylated + unmethylated > total)
    if wrong.any():
        at = int(np.argmax(wrong))
        block.fail(
            at,
            f"found {percent[at]:g} % methylated of {total[at]:,} reads, which is no whole number "
            "of reads (or more than all, with the unmethylated)",
        )
    return methylated, unmethylated


def _percent(block: Block, role: str) -> np.ndarray:
    values = block.numbers(role)
    if block.has("count:n"):
        # Where no read is valid there is no percent.
        values = np.where(np.isnan(values) & (block.numbers("count:n") == 0), 0, values)
    block.refuse(~((values >= 0) & (values <= 100)), role, "a percent, 0 to 100")
    return values


def _from_percent(block: Block, reads: int) -> tuple[np.ndarray, np.ndarray]:
    """Return percents as counts of so many reads, which is not known.

    What rounding takes from one row is given to the next ones, so that regions keep their mean.
    """
    percent = _percent(block, "count:percent")
    running = np.floor(np.cumsum(percent * (reads / 100)) + 0.5)
    methylated = np.diff(running, prepend=0)
    return methylated, reads - methylated


def check_neighbours(path: str, chrom: str, pos: np.ndarray, strand: np.ndarray) -> None:
    """Raise ReadingError where rows of a chromosome, sorted, cannot stand beside each other.

    A position stands once; and of rows that are said to be whole CpGs no two begin 1 bp apart.
    """
    step = np.diff(pos)
    twice = step == 0
    if twice.any():
        at = int(pos[int(np.argmax(twice))])
        raise ReadingError(
            f"{path}: {chrom}:{at + 1:,} (1-based) stands in more than one row, as do "
            f"{int(twice.sum()):,} positions of {chrom}; expected each once. Merge lanes before "
            "methylation is extracted, and give one sample a file"
        )
    close = (step == 1) & (strand[1:] == BOTH) & (strand[:-1] == BOTH)
    if close.any():
        at = int(pos[int(np.argmax(close))]) + 1
        raise ReadingError(
            f"{path}: {chrom}:{at:,} and {at + 1:,} (1-based) are two rows, as are "
            f"{int(close.sum()):,} pairs of {chrom}; expected CpGs with both strands added up, of "
            "which no two begin 1 bp apart. Its rows are single cytosines: correct the column "
            "format (bismark_bedgraph of a file from bismark2bedGraph --zero_based)"
        )


def blocks(path: str, shape: Shape, size: int = 0) -> Any:
    """Yield the blocks of a file."""
    line = shape.layout.line + 1
    roles = tuple(shape.layout.roles)
    for batch in delimited.batches(
        path, shape.layout, roles, quoted=False, block=size, blanks=shape.blanks
    ):
        yield Block(path, shape, batch, line)
        line += batch.num_rows
