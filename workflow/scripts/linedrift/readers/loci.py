"""Loci as a file has them, before they are placed: one Arrow table for every format.

Columns: name (text), chrom (text as written, null where none), pos (1-based, float64), lrr and
baf (float32, null where none), genotype (int8 code of tables.GENOTYPES: 0 none, 1 AA, 2 AB, 3 BB),
fit (False where the file says that the locus failed). `found` holds what the file says of itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linedrift.readers import delimited, layouts
from linedrift.readers.files import ReadingError, decode, spellings

# Illumina names probes without an alternative allele cnvi..., Affymetrix CN_...
INTENSITY_ONLY = r"^(?i:cnvi)|^CN_\d"
# Genotype calls of wide files; other words (NC, --, No Call) are no call.
_CALLS = [b"AA", b"AB", b"BB", b"BA"]
_CALL_CODES = np.array([1, 2, 3, 2], dtype=np.int8)


@dataclass(frozen=True)
class Loci:
    """The loci of one measurement, as its file has them, and what the file says of itself."""

    table: pa.Table
    found: dict[str, Any] = field(default_factory=dict)


def from_text(path: str, format: str, name_in_file: str = "") -> Loci:
    """Read one sample of a FinalReport, Full Data Table, PennCNV signal file or table.

    Raises
    ------
    ReadingError
        When the file is cut, of another format, or lacks the sample.
    """
    found = layouts.layout(path, format, name_in_file)
    roles = tuple(role for role in found.roles if role not in ("intensity_only",))
    read = _read_final_report if format == "final_report" else _read_rows
    rows, sample = read(path, found, roles, name_in_file)
    delimited.check_end(path)
    facts = {
        "sample": sample,
        "array": found.declared.get("Content", ""),
        "n_declared": found.declared_snps,
        "software": found.declared.get("GSGT Version", found.declared.get("BSGT Version", "")),
        "has_positions": {"chrom", "pos"} <= set(found.roles),
        "has_genotypes": bool({"genotype", "allele1"} & set(found.roles)),
    }
    return Loci(_columns(rows), facts)


def _read_rows(
    path: str, found: layouts.Layout, roles: tuple[str, ...], name_in_file: str
) -> tuple[pa.Table, str]:
    rows = pa.Table.from_batches(list(delimited.batches(path, found, roles)))
    return rows, found.sample or name_in_file


def _read_final_report(
    path: str, found: layouts.Layout, roles: tuple[str, ...], name_in_file: str
) -> tuple[pa.Table, str]:
    """Keep one sample of a FinalReport, batch by batch."""
    if not {"sample", "sample_name"} & set(found.roles):
        return _read_rows(path, found, roles, name_in_file)
    chooser = _Chooser(path, found, name_in_file)
    kept = [chooser.keep(batch) for batch in delimited.batches(path, found, roles)]
    return chooser.finish(pa.Table.from_batches(kept))


class _Chooser:
    """Keeps the rows of one sample: by Sample ID, or by Sample Name where that is unique."""

    def __init__(self, path: str, found: layouts.Layout, name: str) -> None:
        self.path, self.name = path, name
        self.columns = [role for role in ("sample", "sample_name") if role in found.roles]
        self.spellings = spellings(name)
        self.wanted = pa.array(self.spellings, pa.binary()) if name else None
        self.counts: dict[bytes, int] = {}
        self.names: dict[bytes, None] = {}

    def keep(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows of the wanted sample, or all rows while only one sample was seen."""
        ids = batch.column(self.columns[0])
        for entry in pc.value_counts(ids).to_pylist():
            key = entry["values"]
            self.counts[key] = self.counts.get(key, 0) + entry["counts"]
        if len(self.columns) > 1:
            self.names |= dict.fromkeys(pc.unique(batch.column(self.columns[1])).to_pylist())
        if self.wanted is None:
            return batch if len(self.counts) < 2 else batch.slice(0, 0)
        mask = self._is_wanted(ids)
        if len(self.columns) > 1:
            mask = pc.or_(mask, self._is_wanted(batch.column(self.columns[1])))
        return batch.filter(mask)

    def _is_wanted(self, names: pa.Array) -> pa.Array:
        """Return whether each name is the wanted one, but for blanks around it."""
        padded = [raw for raw in pc.unique(names).to_pylist() if decode(raw).strip() == self.name]
        wanted = pa.array({*padded, *self.spellings}, pa.binary())
        return pc.is_in(names, value_set=wanted)

    def finish(self, rows: pa.Table) -> tuple[pa.Table, str]:
        """Return the rows, the sample's name and the number of rows of the whole file."""
        samples = [decode(raw) for raw in self.counts]
        if not self.name and len(samples) > 1:
            raise layouts.no_such_sample(self.path, "", samples)
        if self.name and rows.num_rows == 0:
            others = samples + [decode(raw) for raw in self.names]
            raise layouts.no_such_sample(self.path, self.name, list(dict.fromkeys(others)))
        rows = self._by_id(rows)
        most = max(self.counts.values())
        if rows.num_rows < most:
            raise ReadingError(
                f"{self.path}: sample {self.name!r} has {rows.num_rows:,} rows where another has "
                f"{most:,}; expected as many. The file is truncated: export it again"
            )
        return rows, self.name or samples[0]

    def _by_id(self, rows: pa.Table) -> pa.Table:
        """Return the rows of one Sample ID, where a Sample Name may stand for several."""
        ids = pc.unique(rows.column(self.columns[0]).combine_chunks())
        if len(ids) < 2:
            return rows
        exact = pc.is_in(rows.column(self.columns[0]), value_set=self.wanted)
        if pc.any(exact).as_py():
            return rows.filter(exact)
        here = [decode(raw) for raw in ids.to_pylist()]
        raise ReadingError(
            f"{self.path}: Sample Name {self.name!r} stands for {len(here)} Sample IDs; write "
            f"one of them into name_in_file: {', '.join(map(repr, here[:10]))}"
        )


def _columns(rows: pa.Table) -> pa.Table:
    """Return the columns of Loci from columns named by role."""
    n = rows.num_rows
    have = set(rows.column_names)
    return make(
        name=delimited.as_text(rows.column("name")),
        chrom=delimited.as_text(rows.column("chrom")) if "chrom" in have else None,
        pos=rows.column("pos") if "pos" in have else None,
        lrr=rows.column("lrr"),
        baf=rows.column("baf"),
        genotype=_genotypes(rows, n),
    )


def make(
    name: Any,
    lrr: Any,
    baf: Any,
    genotype: Any,
    chrom: Any = None,
    pos: Any = None,
    fit: Any = None,
) -> pa.Table:
    """Return the table of Loci from its columns (arrays of shape (n,))."""
    n = len(name)
    return pa.table(
        {
            "name": name,
            "chrom": pa.nulls(n, pa.string()) if chrom is None else chrom,
            "pos": pa.nulls(n, pa.float64()) if pos is None else pos,
            "lrr": lrr,
            "baf": baf,
            "genotype": genotype,
            "fit": np.ones(n, dtype=bool) if fit is None else fit,
        }
    )


def _genotypes(rows: pa.Table, n: int) -> np.ndarray:
    """Return genotype codes (int8) of a column of calls or of two columns of alleles A and B."""
    if "genotype" in rows.column_names:
        found = delimited.codes(rows.column("genotype"), _CALLS)
        call = pc.fill_null(found, -1).to_numpy(zero_copy_only=False)
        return np.where(call >= 0, _CALL_CODES[call], 0).astype(np.int8)
    if not {"allele1", "allele2"} <= set(rows.column_names):
        return np.zeros(n, dtype=np.int8)
    first, second = (
        pc.fill_null(delimited.codes(rows.column(role), [b"A", b"B"]), -9).to_numpy(
            zero_copy_only=False
        )
        for role in ("allele1", "allele2")
    )
    return np.maximum(first + second + 1, 0).astype(np.int8)
