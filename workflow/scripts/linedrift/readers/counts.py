"""Gene counts of RNA-seq: of one sample, or of all samples of a matrix.

Counts are taken as the file has them. Identifiers lose their version (ENSG00000141510.18 is
ENSG00000141510), rows of one gene are added, and both are counted among the facts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from linedrift.readers import count_layouts, delimited
from linedrift.readers.files import (
    ReadingError,
    check_presence,
    is_gzip,
    listed,
    packed_end_problem,
)
from linedrift.readers.layouts import Layout

FORMATS = count_layouts.FORMATS
# Ensembl's version and GENCODE's marks behind it (_2 after a lift-over, _PAR_Y of the second copy
# of a pseudoautosomal gene, whose reads are those of the first); RefSeq's version.
# Some tables have the symbol behind the identifier (ENSG00000141510.18|TP53).
_VERSION = r"^(ENS[A-Z]*G\d{11}|[NX][MR]_\d+)(?:\.\d+)?(?:_\d+)?(?:_PAR_Y)?(?:\|.*)?$"
# Kinds of identifiers, told by how they are spelled; what is none of these is a symbol.
_KINDS = {"Ensembl": r"^ENS[A-Z]*G\d{11}$", "RefSeq": r"^[NX][MR]_\d+$", "Entrez": r"^\d+$"}
# Symbols such as MARCH1 and SEPT2 that a spreadsheet took for dates (doi:10.1186/1471-2105-5-80).
_DATES = r"(?i)^(\d{1,2}-(mar|sep|sept|dec|oct|apr|nov|feb)|(mar|sep|sept|dec)-\d{1,2})$"
# Log2 of the largest count that a machine can give is about 26.
_MOST_LOG = 30.0
_LEAST_LOGS = 20
# Share of values above 0 that are not whole: logs 95 % and more, counts of salmon up to all.
_FRACTIONAL = 0.5
# Above this share of rows that repeat a gene the table is of exons or transcripts.
_MOST_REPEATED = 0.2
# Counts scaled to a million add up to it within what rounding does.
_MILLION, _ROUNDING = 1e6, 2e-3
# Rows that are no gene, as HTSeq and STAR write them; matrices made of their tables keep them.
_SUMMARY = r"^(?:__|N_(?:unmapped|multimapping|noFeature|ambiguous)$)"
# Formats whose own tables always have them.
_WITH_SUMMARY = {"star": "N_", "htseq": "__"}
# Below this share of reads with a place in the genome genes were counted on the wrong strand, or
# the RNA is something else: of poly-A libraries .9 and more are in genes, of total RNA half.
_LEAST_ASSIGNED = 0.2
_COUNTINGS = ("unstranded", "forward", "reverse")


class Reading(NamedTuple):
    """Counts of one sample.

    `genes`: gene_id (without version), gene_name (empty where the file has none), count (float64);
    one row a gene, in the order of the file. `facts`: format, sample, id_kind, n_rows, n_genes,
    n_detected, n_repeated, n_missing, n_dates, total, share_fractional, summary (reads of rows
    that are no gene), assigned_share (reads in genes, of those with a place; None where unknown),
    strandedness (by the data of STAR, by the command
    that featureCounts quotes, or empty), strand_shares, notes (sentences for people).
    """

    genes: pd.DataFrame
    facts: dict[str, Any]


class Matrix(NamedTuple):
    """Counts of all samples: `genes` (gene_id, gene_name), `samples`, `counts` (float32, n x k)."""

    genes: pd.DataFrame
    samples: tuple[str, ...]
    counts: np.ndarray
    facts: dict[str, Any]


def read(
    path: str,
    *,
    format: str,
    settings: Mapping[str, Any],
    name_in_file: str = "",
    strandedness: str = "",
) -> Reading:
    """Read the counts of one sample.

    Parameters
    ----------
    path
        Table, plain or gzip. Only the sample's column is parsed.
    format
        One of `FORMATS`.
    settings
        stranded_share, unstranded_difference, least_strand_reads (see `strand_of`).
    name_in_file
        Title of the sample's column, exactly; may be empty where there is one.
    strandedness
        Of a STAR table: unstranded, forward or reverse where it is known; else the data decide.

    Raises
    ------
    ReadingError
        When the file is another format or damaged, lacks the sample, holds values that are no
        counts (negative, logs, scaled to a million), no read, or rows that are no genes; when
        the strandedness is not what was said.
    """
    path = str(path)
    _check_file(path, format)
    found = count_layouts.layout(path, format, name_in_file)
    delimited.check_end(path)
    table = pa.Table.from_batches(list(delimited.batches(path, found, tuple(found.roles))))
    countings = [role for role in found.roles if role.startswith("count:")]
    values = np.column_stack([table[role].to_numpy() for role in countings]).astype(float)
    ids = delimited.as_text(table["gene_id"])
    summary = _is_summary(path, found, ids)
    facts: dict[str, Any] = {"format": format, "sample": found.sample, "notes": []}
    column = _column(path, format, values[~summary], strandedness, settings, facts)
    facts |= {"strandedness": found.declared.get("strandedness", "")} if format != "star" else {}
    _keep_summary(found, ids, values[:, column], summary, facts)
    keep = pa.array(~summary)
    ids, counts = without_version(ids.filter(keep)), values[~summary, column]
    if problem := problem_of(ids, counts):
        raise ReadingError(f"{path}: {found.sample or 'the sample'}: {problem}")
    names = (
        delimited.as_text(table["gene_name"]).filter(keep) if "gene_name" in found.roles else None
    )
    genes, sums = _added(path, ids, names, counts[:, None], facts)
    genes["count"] = sums[:, 0]
    return Reading(genes.dropna(subset="count", ignore_index=True), facts | _figures(counts, facts))


def read_matrix(path: str, *, format: str = "gene_counts", names: Sequence[str] = ()) -> Matrix:
    """Read the counts of all samples of a table, or of those named, into float32.

    Rows of one gene are added and absent values are NaN. Of 60,000 genes in 350 samples 84 MB are
    kept, and as much text is under way.

    Raises
    ------
    ReadingError
        As `read`; naming the sample whose values are no counts.
    """
    path = str(path)
    if format not in ("gene_counts", "featurecounts"):
        raise ReadingError(f"{path}: the format {format} holds one sample, not a matrix")
    _check_file(path, format)
    found = count_layouts.whole(path, format)
    delimited.check_end(path)
    if names:
        found = count_layouts.of_samples(path, found, names)
    roles = [role for role in found.roles if role.startswith("count:")]
    texts: dict[str, list[pa.Array]] = {"gene_id": [], "gene_name": []}
    parts = []
    for batch in delimited.batches(path, found, tuple(found.roles)):
        for name in texts.keys() & found.roles.keys():
            texts[name].append(delimited.as_text(batch[name]))
        columns = [batch[role].to_numpy(zero_copy_only=False) for role in roles]
        parts.append(np.column_stack([column.astype(np.float32) for column in columns]))
    ids = pa.chunked_array(texts["gene_id"]).combine_chunks()
    kept = ~_is_summary(path, found, ids)
    keep, counts = pa.array(kept), np.concatenate(parts)[kept]
    ids = without_version(ids.filter(keep))
    named = pa.chunked_array(texts["gene_name"]).filter(keep) if texts["gene_name"] else None
    samples = tuple(found.columns[found.roles[role]] for role in roles)
    for at, sample in enumerate(samples):
        if problem := problem_of(ids, counts[:, at]):
            raise ReadingError(f"{path}: {sample}: {problem}")
    facts: dict[str, Any] = {"format": format, "n_rows": len(ids), "n_samples": len(samples)}
    genes, counts = _added(path, ids, named, counts, facts)
    return Matrix(genes, samples, counts, facts)


def without_version(ids: pa.Array) -> pa.Array:
    """Return Ensembl and RefSeq identifiers without version and GENCODE's marks; others as are."""
    return pc.replace_substring_regex(pc.utf8_trim_whitespace(ids), _VERSION, r"\1")


def kind_of(ids: pa.Array) -> str:
    """Return what most identifiers are: Ensembl, RefSeq, Entrez or symbol."""
    shares = {kind: pc.mean(pc.match_substring_regex(ids, how)).as_py() for kind, how in
              _KINDS.items()}  # fmt: skip
    best = max(shares, key=lambda kind: shares[kind] or 0.0)
    return best if (shares[best] or 0.0) > 0.5 else "symbol"


def strand_of(forward: float, reverse: float, settings: Mapping[str, Any]) -> str:
    """Return which strand the reads are of: forward, reverse, unstranded or undecided.

    Parameters
    ----------
    forward, reverse
        Reads whose first mate has the strand of the gene, or the other.
    settings
        stranded_share (at least this share on one strand is a stranded library),
        unstranded_difference (shares that differ by this at the most are not stranded),
        least_strand_reads (fewer reads decide nothing).
    """
    both = forward + reverse
    if both < settings["least_strand_reads"]:
        return "undecided"
    share = forward / both
    if share >= settings["stranded_share"]:
        return "forward"
    if 1 - share >= settings["stranded_share"]:
        return "reverse"
    return "unstranded" if abs(2 * share - 1) <= settings["unstranded_difference"] else "undecided"


def _check_file(path: str, format: str) -> None:
    if format not in FORMATS:
        raise ReadingError(f"{path}: unknown format {format!r}; expected {', '.join(FORMATS)}")
    check_presence(path)
    if is_gzip(path) and (text := packed_end_problem(path)):
        raise ReadingError(text)


def _is_summary(path: str, found: Layout, ids: pa.Array) -> np.ndarray:
    """Return which rows are no gene but tell of reads without one."""
    if pc.index(ids, "Unassigned_Unmapped").as_py() >= 0:
        raise ReadingError(
            f"{path}: is the summary of featureCounts; expected the table of counts beside it, "
            "whose name lacks .summary"
        )
    rows = pc.match_substring_regex(ids, _SUMMARY).to_numpy(zero_copy_only=False)
    if rows.all():
        raise ReadingError(
            f"{path}: has no row of a gene; expected {count_layouts.TITLES[found.format]}"
        )
    return rows


def _keep_summary(
    found: Layout, ids: pa.Array, counts: np.ndarray, summary: np.ndarray, facts: dict[str, Any]
) -> None:
    """Add to the facts the reads without a gene, and the share of reads with one.

    Of all reads with a place in the genome: those in genes against those in none.
    """
    words = [text.lstrip("_").removeprefix("N_") for text in ids.filter(summary).to_pylist()]
    facts["summary"] = dict(zip(words, counts[summary].tolist(), strict=True))
    elsewhere = facts["summary"].get("noFeature", facts["summary"].get("no_feature"))
    within = float(np.nansum(counts[~summary]))
    share = None if elsewhere is None else within / max(within + elsewhere, 1.0)
    facts["assigned_share"] = share
    if share is not None and share < _LEAST_ASSIGNED:
        facts["notes"].append(
            f"Only {share:.0%} of the reads with a place in the genome are in genes: were they "
            "counted on the wrong strand?"
        )
    if found.format in _WITH_SUMMARY and not summary.any():
        facts["notes"].append(
            f"The rows {_WITH_SUMMARY[found.format]}... that tell of reads without a gene are "
            "absent."
        )


def _column(
    path: str,
    format: str,
    values: np.ndarray,
    said: str,
    settings: Mapping[str, Any],
    facts: dict[str, Any],
) -> int:
    """Return which counting of a STAR table is that of the library; 0 of the others."""
    if format != "star":
        return 0
    forward, reverse = np.nansum(values[:, 1]), np.nansum(values[:, 2])
    found = strand_of(forward, reverse, settings)
    both = max(forward + reverse, 1.0)
    shares = {"forward": forward / both, "reverse": reverse / both}
    text = f"forward {shares['forward']:.0%}, reverse {shares['reverse']:.0%} of reads in genes"
    if said and said not in _COUNTINGS:
        raise ReadingError(
            f"{path}: unknown strandedness {said!r}; expected {', '.join(_COUNTINGS)} or nothing"
        )
    if said and found != "undecided" and said != found:
        raise ReadingError(
            f"{path}: the library is {found} ({text}); the sheet says {said}. Correct it, or leave "
            "it empty: the data tell"
        )
    if found == "undecided":
        facts["notes"].append(
            f"Strandedness is undecided ({text}); counted is "
            + (f"{said}, as said." if said else "without regard to the strand.")
        )
    facts |= {"strandedness": said or found, "strand_shares": shares}
    return _COUNTINGS.index(said or (found if found in _COUNTINGS else "unstranded"))


def problem_of(ids: pa.Array, counts: np.ndarray) -> str:
    """Return why values of one sample are no counts, in words, or nothing.

    Parameters
    ----------
    ids
        Genes, shape (n,).
    counts
        Values, shape (n,); NaN where absent.
    """
    if np.isnan(counts).all():
        return "has no value in any gene; expected counts. Export it again"
    wrong = ~np.isfinite(counts) & ~np.isnan(counts) | (counts < 0)
    if wrong.any():
        at = int(np.argmax(wrong))
        return (
            f"{int(wrong.sum()):,} values are negative or infinite, first {ids[at].as_py()} with "
            f"{counts[at]:g}; expected counts of reads, 0 or more. Give the raw counts, neither "
            "logs nor values less a mean"
        )
    present = counts[counts > 0]
    if not len(present):
        return f"has no read: all of {len(counts):,} counts are 0. Give another file or sample"
    fractional = float((present % 1 != 0).mean())
    if like_logs(present):
        return (
            f"its values look like logs: {fractional:.0%} of those above 0 are not whole, and the "
            f"largest is {present.max():g}; expected counts of reads. Give the raw counts"
        )
    total = float(present.sum(dtype=float))
    if fractional > _FRACTIONAL and abs(total / _MILLION - 1) < _ROUNDING:
        return (
            f"its values add up to {total:,.0f}: they are scaled to a million (TPM or CPM); "
            "expected counts of reads. nf-core/rnaseq has them in salmon.merged.gene_counts.tsv"
        )
    return ""


def like_logs(present: np.ndarray) -> bool:
    """Return whether values above 0 look like logs: of a few genes nobody can tell."""
    return (
        len(present) >= _LEAST_LOGS
        and float((present % 1 != 0).mean()) > _FRACTIONAL
        and float(present.max()) < _MOST_LOG
    )


def _added(
    path: str, ids: pa.Array, names: pa.Array | None, counts: np.ndarray, facts: dict[str, Any]
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the genes, each once, and their counts (n, k), rows of one gene added.

    A gene that is absent (NaN) in all of its rows stays absent.
    """
    codes = ids.dictionary_encode()
    place, unique = codes.indices.to_numpy(zero_copy_only=False), codes.dictionary
    first = np.unique(place, return_index=True)[1]
    n_repeated = len(place) - len(unique)
    if n_repeated > _MOST_REPEATED * len(place):
        raise ReadingError(
            f"{path}: {n_repeated:,} of {len(place):,} rows repeat a gene; expected one row a "
            "gene. Is it a table of exons or transcripts, or one table behind another?"
        )
    repeats = ids.take(pa.array(np.setdiff1d(np.arange(len(place)), first)))
    dates = pc.match_substring_regex(unique, _DATES)
    facts |= {
        "n_genes": len(unique),
        "n_repeated": n_repeated,
        "repeated": repeats.unique().slice(0, 10).to_pylist(),
        "id_kind": kind_of(unique),
        "n_dates": int(pc.sum(dates).as_py() or 0),
    }
    if n_repeated:
        order = np.argsort(place, kind="stable")
        begin = np.searchsorted(place[order], np.arange(len(unique)))
        sums = np.add.reduceat(np.nan_to_num(counts)[order], begin, axis=0)
        absent = np.add.reduceat(~np.isnan(counts)[order], begin, axis=0, dtype=np.int32) == 0
        sums[absent] = np.nan
        counts = sums
    named = names.take(pa.array(first)) if names is not None else pa.array([""] * len(unique))
    genes = pd.DataFrame(
        {"gene_id": unique.to_pandas().astype("str"), "gene_name": named.to_pandas().astype("str")}
    )
    return genes, counts


def _figures(counts: np.ndarray, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the counts of one sample amount to, and notes on what is odd."""
    present = counts[counts > 0]
    notes = list(facts["notes"])
    if facts["n_dates"]:
        notes.append(
            f"{facts['n_dates']} names of genes are dates: a spreadsheet changed them (MARCH1, "
            "SEPT2)."
        )
    if facts["n_repeated"]:
        notes.append(
            f"{facts['n_repeated']:,} rows repeat a gene and were added to it "
            f"({listed(facts['repeated'], 3)})."
        )
    if n_missing := int(np.isnan(counts).sum()):
        notes.append(f"{n_missing:,} genes have no value and were left out.")
    return {
        "n_rows": len(counts),
        "n_missing": n_missing,
        "n_detected": len(present),
        "total": float(present.sum()),
        "share_fractional": float((present % 1 != 0).mean()),
        "notes": notes,
    }
