"""Write SNP-array signals in the formats that laboratories have: the inverse of the readers.

Every writer takes SIGNALS frames (0-based positions) and writes 1-based positions, gzipped where
the name ends in ``.gz``. Equal input gives equal bytes: the gzip header carries no time or name.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping
from pathlib import Path

import library_path  # noqa: F401
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
from linedrift import genome

NUCLEOTIDES = np.array(list("ACGT"))


def final_report(
    path: Path, samples: Mapping[str, pd.DataFrame], *, delimiter: str = "\t", decimals: int = 4
) -> None:
    """Write a GenomeStudio FinalReport, long: one row per marker and sample."""
    first = next(iter(samples.values()))
    head = delimiter.join(["{}", "{}"]) + "\n"
    facts = {
        "GSGT Version": "2.0.5",
        "Processing Date": "1/15/2024 9:30 AM",
        "Content": "linedrift-demo-array.bpm",
        "Num SNPs": len(first),
        "Total SNPs": len(first),
        "Num Samples": len(samples),
        "Total Samples": len(samples),
    }
    names = ["SNP Name", "Sample ID", "Chr", "Position", "Allele1 - AB", "Allele2 - AB"]
    names += ["GC Score", "B Allele Freq", "Log R Ratio"]
    text = "[Header]\n" + "".join(head.format(*fact) for fact in facts.items())
    text += "[Data]\n" + delimiter.join(names) + "\n"
    parts = [text.encode()]
    for sample, signals in samples.items():
        called = signals["genotype"].astype(str).to_numpy().astype("U2")
        called = np.where(called == "", "--", called)
        columns = {
            "name": signals["name"],
            "sample": pa.array([sample]).take(pa.array(np.zeros(len(signals), dtype=np.int32))),
            "chrom": _array_chromosomes(signals),
            "position": signals["start"] + 1,
            "allele1": called.astype("U1"),
            "allele2": called.view("U1").reshape(-1, 2)[:, 1],
            "score": np.where(called == "--", 0.0, 0.85),
            "baf": _rounded(signals["b_fraction"], decimals),
            "lrr": _rounded(signals["level"], decimals),
        }
        parts.append(_delimited(columns, delimiter))
    _write(path, b"".join(parts))


def full_data_table(path: Path, samples: Mapping[str, pd.DataFrame]) -> None:
    """Write a GenomeStudio Full Data Table, wide: one row per marker, four columns per sample."""
    first = next(iter(samples.values()))
    columns: dict[str, object] = {
        "Name": first["name"],
        "Chr": _array_chromosomes(first),
        "Position": first["start"] + 1,
    }
    for sample, signals in samples.items():
        columns |= {
            f"{sample}.GType": _genotypes(signals),
            f"{sample}.Score": np.where(signals["genotype"] == "", 0.0, 0.85),
            f"{sample}.B Allele Freq": _rounded(signals["b_fraction"]),
            f"{sample}.Log R Ratio": _rounded(signals["level"]),
        }
    _write(path, _with_header(columns))


def penncnv(path: Path, sample: str, signals: pd.DataFrame) -> None:
    """Write a PennCNV signal file with CRLF line ends, as they happen."""
    columns = {
        "Name": signals["name"],
        "Chr": _array_chromosomes(signals),
        "Position": signals["start"] + 1,
        f"{sample}.GType": _genotypes(signals),
        f"{sample}.Log R Ratio": _rounded(signals["level"]),
        f"{sample}.B Allele Freq": _rounded(signals["b_fraction"]),
    }
    _write(path, _with_header(columns).replace(b"\n", b"\r\n"))


def table(path: Path, signals: pd.DataFrame) -> None:
    """Write the generic table: name, chrom, pos, lrr, baf, gt."""
    columns = {
        "name": signals["name"],
        "chrom": signals["chrom"].astype(str),
        "pos": signals["start"] + 1,
        "lrr": _rounded(signals["level"]),
        "baf": _rounded(signals["b_fraction"]),
        "gt": _genotypes(signals),
    }
    _write(path, _with_header(columns))


def vcf(rng: np.random.Generator, path: Path, sample: str, signals: pd.DataFrame) -> None:
    """Write a VCF as gtc2vcf does: BAF of allele B, which is REF at half of the loci."""
    n = len(signals)
    reference = rng.integers(0, 4, n)
    alternative = (reference + rng.integers(1, 4, n)) % 4
    b_is_reference = rng.random(n) < 0.5
    called = signals["genotype"].cat.codes.to_numpy()  # 0 none, 1 AA, 2 AB, 3 BB
    alternative_copies = np.where(b_is_reference, 3 - called, called - 1)
    gt = np.array(["0/0", "0/1", "1/1"])[np.clip(alternative_copies, 0, 2)]
    fields = pc.binary_join_element_wise(
        pa.array(np.where(called == 0, "./.", gt)),
        _texts(signals["b_fraction"]),
        _texts(signals["level"]),
        ":",
    )
    info = np.where(b_is_reference, "ALLELE_A=1;ALLELE_B=0", "ALLELE_A=0;ALLELE_B=1")
    columns = {
        "#CHROM": signals["chrom"].astype(str),
        "POS": signals["start"] + 1,
        "ID": signals["name"],
        "REF": NUCLEOTIDES[reference],
        "ALT": NUCLEOTIDES[alternative],
        "QUAL": np.full(n, "."),
        "FILTER": np.full(n, "."),
        "INFO": info,
        "FORMAT": np.full(n, "GT:BAF:LRR"),
        sample: fields,
    }
    chroms = [c for c in genome.CHROMOSOMES if (signals["chrom"] == c).any()]
    header = [
        "##fileformat=VCFv4.2",
        *(f"##contig=<ID={c},length={genome.GRCH38.lengths[c]}>" for c in chroms),
        '##INFO=<ID=ALLELE_A,Number=1,Type=Integer,Description="A allele, 0 REF, 1 ALT">',
        '##INFO=<ID=ALLELE_B,Number=1,Type=Integer,Description="B allele, 0 REF, 1 ALT">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        '##FORMAT=<ID=BAF,Number=1,Type=Float,Description="B Allele Frequency">',
        '##FORMAT=<ID=LRR,Number=1,Type=Float,Description="Log R Ratio">',
    ]
    _write(path, ("\n".join(header) + "\n").encode() + _with_header(columns))


def _array_chromosomes(signals: pd.DataFrame) -> np.ndarray:
    """Return 1 ... 22, X, Y, and XY in the pseudoautosomal regions, as GenomeStudio has them."""
    numbers = np.array([c.removeprefix("chr") for c in genome.CHROMOSOMES])
    chroms = numbers[signals["chrom"].cat.codes.to_numpy()]
    shared = genome.is_pseudoautosomal(signals["chrom"], signals["start"])
    return np.where(shared, "XY", chroms)


def _genotypes(signals: pd.DataFrame) -> np.ndarray:
    return np.array(["NC", "AA", "AB", "BB"])[signals["genotype"].cat.codes.to_numpy()]


def _rounded(values: pd.Series, decimals: int = 4) -> pa.Array:
    """Return float64 rounded, null where NaN (an empty cell, as in real reports)."""
    return pa.array(np.round(values.to_numpy(np.float64), decimals), from_pandas=True)


def _texts(values: pd.Series) -> pa.Array:
    return pc.fill_null(pc.cast(_rounded(values), pa.string()), ".")


def _with_header(columns: Mapping[str, object]) -> bytes:
    return ("\t".join(columns) + "\n").encode() + _delimited(columns, "\t")


def _delimited(columns: Mapping[str, object], delimiter: str) -> bytes:
    """Return the rows as text, without header."""
    buffer = io.BytesIO()
    pa_csv.write_csv(
        pa.table({name: pa.array(values) for name, values in columns.items()}),
        buffer,
        pa_csv.WriteOptions(include_header=False, delimiter=delimiter, quoting_style="none"),
    )
    return buffer.getvalue()


def _write(path: Path, content: bytes) -> None:
    """Write `content`; gzip level 1, without time or name, where the suffix asks for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        content = gzip.compress(content, compresslevel=1, mtime=0)
    path.write_bytes(content)
