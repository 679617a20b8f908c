"""VCFs of SNP arrays, as gtc2vcf, affy2vcf, GTCtoVCF and Picard write them.

BAF is the frequency of allele B of the array, not of ALT: INFO ALLELE_A and ALLELE_B say which
allele is which, as an index (gtc2vcf) or as bases, the reference with a star (Picard).
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linedrift.genome import BUILDS
from linedrift.readers import delimited, layouts
from linedrift.readers.files import ReadingError, decode, listed, named, open_bytes
from linedrift.readers.loci import Loci, make

_FIXED = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT")
_ROLES = {"chrom": 0, "pos": 1, "name": 2, "ref": 3, "alt": 4, "filter": 6, "info": 7, "format": 8}
# A header beyond 64 MB is no header: the longest known (all alt contigs and commands) have 1 MB.
_MOST_HEADER = 64 << 20


def header(path: str) -> tuple[bytes, tuple[str, ...]]:
    """Return the header of a VCF up to its line of columns, and the names of its samples.

    Raises
    ------
    ReadingError
        When it is no VCF, is cut in its header, or has no samples.
    """
    text = _header_text(path)
    if not text.startswith(b"##fileformat=VCF"):
        raise layouts.wrong_format(path, "vcf", text[: 1 << 20])
    end = text.find(b"\n", text.find(b"\n#CHROM") + 1)
    if b"\n#CHROM" not in text or end < 0:
        raise ReadingError(f"{path}: VCF is cut in its header (no line #CHROM); copy it again")
    columns = decode(text[text.find(b"\n#CHROM") + 1 : end]).rstrip("\r").split("\t")
    if tuple(columns[:9]) != _FIXED or len(columns) < 10:
        raise ReadingError(f"{path}: VCF without samples; found the columns {listed(columns, 12)}")
    return text[: end + 1], tuple(columns[9:])


def _header_text(path: str) -> bytes:
    """Return the first bytes, up to beyond the line of columns where there is one."""
    text = b""
    try:
        with open_bytes(path) as stream:
            while part := stream.read(1 << 20):
                text += part
                columns = text.find(b"\n#CHROM")
                if columns >= 0 and text.find(b"\n", columns + 1) >= 0:
                    break
                if not text.startswith(b"##fileformat=") or len(text) > _MOST_HEADER:
                    break
    except OSError as error:
        raise ReadingError(
            f"{path}: is truncated or damaged: {error}; copy or export it again"
        ) from error
    return text


def choose_sample(path: str, samples: tuple[str, ...], name: str) -> int:
    """Return the index of the sample; the only one where no name is given."""
    if name and (here := named(name, samples)) is not None:
        return samples.index(here)
    if name or len(samples) > 1:
        raise layouts.no_such_sample(path, name, samples)
    return 0


def stated_build(text: bytes) -> str:
    """Return the build whose chromosome lengths the ##contig lines give, or an empty string."""
    lengths = dict(re.findall(rb"##contig=<ID=(?:chr)?([0-9XY]+),.*?length=(\d+)", text))
    said = {f"chr{key.decode()}": int(value) for key, value in lengths.items()}
    fits = [
        build.name
        for build in BUILDS.values()
        if said and all(build.lengths.get(chrom) == length for chrom, length in said.items())
    ]
    return fits[0] if len(fits) == 1 else ""


def check_formats(path: str, text: bytes) -> None:
    """Raise ReadingError where the header declares no FORMAT BAF or LRR."""
    known = {key.decode() for key in re.findall(rb"##FORMAT=<ID=([^,>]+)", text)}
    missing = [key for key in ("BAF", "LRR") if key not in known]
    if missing:
        raise ReadingError(
            f"{path}: VCF without FORMAT {' and '.join(missing)}; found {listed(sorted(known))}. "
            "Write them with bcftools +gtc2vcf or +affy2vcf (BAF, LRR)"
        )


def layout(text: bytes, samples: tuple[str, ...], index: int) -> layouts.Layout:
    """Return the layout of the rows behind a header, with the column of one sample."""
    roles = _ROLES | {"data": len(_FIXED) + index}
    return layouts.Layout("vcf", len(text), text.count(b"\n"), "\t", (*_FIXED, *samples), roles)


def read(path: str, name_in_file: str = "") -> Loci:
    """Read one sample of an array VCF (plain, gzip or BGZF).

    Raises
    ------
    ReadingError
        When it is no VCF, is cut, lacks the sample, or lacks BAF and LRR.
    """
    text, samples = header(path)
    check_formats(path, text)
    index = choose_sample(path, samples, name_in_file)
    found = layout(text, samples, index)
    has_alleles = b"ID=ALLELE_A" in text and b"ID=ALLELE_B" in text
    roles = tuple(role for role in found.roles if has_alleles or role != "info")
    parts, n_by_baf = [], 0
    for batch in delimited.batches(path, found, roles, quoted=False):
        part, n = _loci(path, batch, has_alleles)
        parts.append(part)
        n_by_baf += n
    table = pa.concat_tables(parts)
    delimited.check_end(path)
    facts: dict[str, Any] = {
        "sample": samples[index].strip(),
        "array": "",
        "software": _first(rb"##source=(.*)", text),
        "stated_build": stated_build(text),
        "has_positions": True,
        "has_genotypes": True,
        "n_genotypes_by_baf": n_by_baf,
        # Illumina's GTCtoVCF writes the frequency of ALT and does not say which allele is B.
        "b_allele": "B of the array" if has_alleles else "not said (perhaps ALT)",
    }
    return Loci(table, facts)


def _first(pattern: bytes, text: bytes) -> str:
    match = re.search(pattern, text)
    return decode(match[1]).strip() if match else ""


def _loci(path: str, batch: pa.RecordBatch, has_alleles: bool) -> tuple[pa.Table, int]:
    """Return the rows of a batch as Loci, and how many genotypes were told by BAF alone."""
    data = _fields(batch)
    baf, lrr = _numbers(path, data["BAF"]), _numbers(path, data["LRR"])
    genotype, by_baf = _genotypes(batch, data["GT"], baf, has_alleles)
    fit = pc.is_in(batch["filter"], value_set=pa.array([b".", b"PASS"], pa.binary()))
    chrom, name = delimited.as_text(batch["chrom"]), delimited.as_text(batch["name"])
    place = pc.binary_join_element_wise(chrom, batch["pos"].cast(pa.int64()).cast("str"), ":")
    table = make(
        name=pc.if_else(pc.equal(name, "."), place, name),
        chrom=chrom,
        pos=batch["pos"],
        lrr=lrr,
        baf=baf,
        genotype=genotype,
        fit=fit.to_numpy(zero_copy_only=False),
    )
    return table, by_baf


def _fields(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    """Return GT, BAF and LRR of the sample as bytes, null where a row has none.

    FORMAT may differ between rows, and trailing fields may be dropped.
    """
    parts = pc.split_pattern(batch["data"], ":")
    starts, ends = parts.offsets.to_numpy()[:-1], parts.offsets.to_numpy()[1:]
    formats = batch["format"].dictionary_encode()
    keys = [raw.split(b":") for raw in formats.dictionary.to_pylist()]
    code = formats.indices.to_numpy()
    out = {}
    for key in (b"GT", b"BAF", b"LRR"):
        at = np.array([one.index(key) if key in one else 1 << 20 for one in keys])
        index = starts + at[code]
        values = parts.values.take(pa.array(index, mask=index >= ends))
        out[key.decode()] = values
    return out


def _numbers(path: str, raw: pa.Array) -> pa.Array:
    text = raw.cast(pa.string())
    blank = pc.is_in(text, value_set=pa.array(delimited.MISSING))
    try:
        return pc.if_else(blank, pa.scalar(None, pa.string()), text).cast(pa.float32())
    except pa.ArrowInvalid as error:
        raise ReadingError(f"{path}: BAF or LRR is not a number: {error}") from error


def _genotypes(
    batch: pa.RecordBatch, calls: pa.Array, baf: pa.Array, has_alleles: bool
) -> tuple[np.ndarray, int]:
    """Return genotype codes (int8) in alleles A and B, and how many rest on BAF alone."""
    first, second = _allele_indices(calls)
    called = (first >= 0) & (second >= 0)
    codes = np.zeros(len(first), dtype=np.int8)
    known = np.zeros(len(first), dtype=bool)
    if has_alleles:
        a, b = (_allele_of(batch, letter) for letter in "AB")
        known = called & ((a >= 0) | (b >= 0))
        is_b = (first == b).astype(np.int8) + (second == b)
        of_both = ((first == a) | (first == b)) & ((second == a) | (second == b))
        codes = np.where(known & of_both, 1 + is_b, 0).astype(np.int8)
    # Without ALLELE_A and ALLELE_B a heterozygote is AB, and of the two homozygotes BAF decides.
    rest = called & ~known
    fraction = baf.to_numpy(zero_copy_only=False)
    homozygous = np.where(fraction < 0.5, 1, np.where(fraction >= 0.5, 3, 0))
    codes[rest] = np.where(first != second, 2, homozygous)[rest]
    return codes, int(rest.sum())


def _allele_indices(calls: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Return both allele indices of GT, -1 where not called; a haploid call counts twice."""
    table = calls.dictionary_encode()
    pairs = []
    for raw in table.dictionary.to_pylist():
        alleles = re.split(r"[/|]", raw.decode("ascii", "replace"))
        numbers = [int(text) if text.isdigit() else -1 for text in alleles]
        pairs.append((numbers[0], numbers[-1]))
    index = np.array([*pairs, (-1, -1)])
    code = pc.fill_null(table.indices, len(pairs)).to_numpy(zero_copy_only=False)
    return index[code, 0], index[code, 1]


def _allele_of(batch: pa.RecordBatch, letter: str) -> np.ndarray:
    """Return, per row, the index of allele A or B among REF and ALT, -1 where none or not said."""
    pattern = rf"(?:^|;)ALLELE_{letter}=(?P<allele>[^;]*)"
    allele = pc.struct_field(pc.extract_regex(batch["info"], pattern), "allele")
    allele = pc.ascii_upper(delimited.as_text(allele))
    reference, alternative = (
        pc.ascii_upper(delimited.as_text(batch[role])) for role in ("ref", "alt")
    )
    is_reference = pc.or_(pc.ends_with(allele, "*"), pc.equal(allele, reference))
    is_alternative = pc.equal(allele, alternative)
    index = pc.case_when(
        pc.make_struct(
            pc.fill_null(pc.match_substring_regex(allele, "^[0-9]$"), False),
            pc.fill_null(is_reference, False),
            pc.fill_null(is_alternative, False),
        ),
        _digit(allele),
        pa.scalar(0, pa.int8()),
        pa.scalar(1, pa.int8()),
        pa.scalar(-1, pa.int8()),
    )
    return index.to_numpy(zero_copy_only=False)


def _digit(allele: pa.Array) -> pa.Array:
    digits = pa.array([str(i) for i in range(10)])
    return pc.fill_null(pc.index_in(allele, value_set=digits), -1).cast(pa.int8())
