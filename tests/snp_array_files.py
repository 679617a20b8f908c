"""Tiny files of one SNP array in every format, from one table of planted loci.

The table has name, chrom, pos (1-based), lrr, baf, gt (AA, AB, BB or empty).
"""

import gzip
import struct
from pathlib import Path

import numpy as np
import pandas as pd

LENGTHS38 = {"chr1": 248956422, "chr2": 242193529, "chr20": 64444167, "chrX": 156040895}
ALLELES = {"AA": ("A", "A"), "AB": ("A", "B"), "BB": ("B", "B"), "": ("-", "-")}
CODES = {"": 0, "AA": 1, "AB": 2, "BB": 3}


def planted(n: int = 60, seed: int = 1) -> pd.DataFrame:
    """Return loci on chr1, chr20 and X in random file order, with three genotypes and no-calls."""
    random = np.random.default_rng(seed)
    chrom = np.repeat(["1", "20", "X"], n // 3)
    genotype = random.choice(["AA", "AB", "BB", ""], len(chrom), p=[0.3, 0.35, 0.3, 0.05])
    centre = pd.Series(genotype).map({"AA": 0.02, "AB": 0.5, "BB": 0.98, "": 0.3}).to_numpy()
    loci = pd.DataFrame(
        {
            "name": [f"mk{i:04d}" for i in range(len(chrom))],
            "chrom": chrom,
            "pos": random.integers(1_000_000, 60_000_000, len(chrom)),
            "lrr": random.normal(0, 0.2, len(chrom)).round(4),
            "baf": np.clip(centre + random.normal(0, 0.01, len(chrom)), 0, 1).round(4),
            "gt": genotype,
        }
    )
    return loci.sample(frac=1, random_state=seed, ignore_index=True)


def text(path: Path, lines: list[str], end: str = "\n", encoding: str = "utf-8") -> str:
    """Write lines, packed where the name ends in .gz, and return the path."""
    data = "".join(line + end for line in lines).encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return str(path)


def final_report(
    path: Path,
    samples: dict[str, pd.DataFrame],
    *,
    delimiter: str = "\t",
    columns: list[str] | None = None,
    positions: bool = True,
    encoding: str = "utf-8",
) -> str:
    """Write a GenomeStudio FinalReport; `columns` gives their order."""
    order = columns or (
        ["SNP Name", "Sample ID", "Sample Name", "Allele1 - AB", "Allele2 - AB", "GC Score"]
        + (["Chr", "Position"] if positions else [])
        + ["B Allele Freq", "Log R Ratio"]
    )
    n_snps = len(next(iter(samples.values())))
    lines = [
        "[Header]", f"GSGT Version{delimiter}2.0.4",
        f"Processing Date{delimiter}5/2/2009 12:08 AM", f"Content{delimiter * 2}Tiny_A1.bpm",
        f"Num SNPs{delimiter}{n_snps}", f"Num Samples{delimiter}{len(samples)}", "[Data]",
        delimiter.join(order),
    ]  # fmt: skip
    for sample, loci in samples.items():
        for row in loci.itertuples():
            first, second = ALLELES[row.gt]
            cells = {
                "SNP Name": row.name, "Sample ID": sample, "Sample Name": f"name of {sample}",
                "Allele1 - AB": first, "Allele2 - AB": second, "GC Score": "0.8",
                "Chr": row.chrom, "Position": row.pos,
                "B Allele Freq": "NaN" if np.isnan(row.baf) else row.baf,
                "Log R Ratio": "" if np.isnan(row.lrr) else row.lrr,
            }  # fmt: skip
            lines.append(delimiter.join(str(cells[column]) for column in order))
    return text(path, lines, encoding=encoding)


def wide(
    path: Path, samples: dict[str, pd.DataFrame], *, end: str = "\n", r_style: bool = False
) -> str:
    """Write a Full Data Table or PennCNV signal file; `r_style` as R's write.table does."""
    what = ["GType", "Score", "B Allele Freq", "Log R Ratio"]
    header = ["Name", "Chr", "Position"] + [f"{s}.{w}" for s in samples for w in what]
    first = next(iter(samples.values()))
    lines = []
    for i in range(len(first)):
        cells = [first["name"][i], first["chrom"][i], str(first["pos"][i])]
        for loci in samples.values():
            cells += [loci["gt"][i] or "NC", "0.9", str(loci["baf"][i]), str(loci["lrr"][i])]
        lines.append("\t".join(cells))
    if r_style:
        header = [f'"{title}"'.replace(" ", ".") for title in header]
        lines = [f'"{i + 1}"\t"{line.split(chr(9))[0]}"\t' + line.split("\t", 1)[1]
                 for i, line in enumerate(lines)]  # fmt: skip
    return text(path, ["\t".join(header), *lines], end)


def table(path: Path, loci: pd.DataFrame) -> str:
    """Write the generic table."""
    rows = loci.astype(object).where(loci.notna(), "NA").astype(str)
    return text(path, ["name\tchrom\tpos\tlrr\tbaf\tgt", *rows.agg("\t".join, axis=1)])


def markers(path: Path, loci: pd.DataFrame) -> str:
    """Write a marker table."""
    rows = loci[["name", "chrom", "pos"]].astype(str)
    return text(path, ["Name,Chr,Position", *rows.agg(",".join, axis=1)])


def vcf(
    path: Path, samples: dict[str, pd.DataFrame], *, alleles: str = "picard", build: str = "GRCh38"
) -> str:
    """Write an array VCF: B is ALT at even rows and REF at odd rows.

    `alleles` is picard (bases, the reference with a star), gtc2vcf (indices) or none.
    """
    kind = {"picard": "String", "gtc2vcf": "Integer"}
    lines = ["##fileformat=VCFv4.2"]
    if alleles in kind:
        lines += [f'##INFO=<ID=ALLELE_{x},Number=1,Type={kind[alleles]},Description="{x}">'
                  for x in "AB"]  # fmt: skip
    lines += [f'##FORMAT=<ID={key},Number=1,Type={what},Description="{key}">'
              for key, what in (("GT", "String"), ("BAF", "Float"), ("LRR", "Float"))]  # fmt: skip
    if build == "GRCh38":
        lines += [f"##contig=<ID={key},length={n}>" for key, n in LENGTHS38.items()]
    lines.append("\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT",
                            *samples]))  # fmt: skip
    first = next(iter(samples.values()))
    for i in range(len(first)):
        b_is_ref = i % 2 == 1
        a, b = ("1", "0") if b_is_ref else ("0", "1")
        said = {
            "picard": "ALLELE_A=T;ALLELE_B=C*" if b_is_ref else "ALLELE_A=C*;ALLELE_B=T",
            "gtc2vcf": f"ALLELE_A={a};ALLELE_B={b}",
            "none": ".",
        }[alleles]
        cells = ["chr" + first["chrom"][i], str(first["pos"][i]), first["name"][i], "C", "T", ".",
                 ".", said, "GT:BAF:LRR"]  # fmt: skip
        for loci in samples.values():
            call = {"AA": f"{a}/{a}", "AB": "0/1", "BB": f"{b}/{b}", "": "./."}[loci["gt"][i]]
            cells.append(f"{call}:{loci['baf'][i]}:{loci['lrr'][i]}")
        lines.append("\t".join(cells))
    return text(path, lines)


def _string(value: str) -> bytes:
    raw, prefix = value.encode(), b""
    n = len(raw)
    while n > 127:
        prefix += bytes([n & 127 | 128])
        n >>= 7
    return prefix + bytes([n]) + raw


def gtc(path: Path, loci: pd.DataFrame, *, manifest: str = "Tiny_A1.bpm", version: int = 5) -> str:
    """Write a GTC with the entries that linedrift reads."""
    n = len(loci)
    parts = {
        10: _string("S1"),
        101: _string(manifest),
        1002: struct.pack("<i", n) + bytes(CODES[one] for one in loci["gt"]),
        1012: struct.pack("<i", n) + loci["baf"].to_numpy("<f4").tobytes(),
        1013: struct.pack("<i", n) + loci["lrr"].to_numpy("<f4").tobytes(),
    }
    offset = 8 + 6 * (len(parts) + 1)
    contents, body = struct.pack("<Hi", 1, n), b""
    for key, part in parts.items():
        contents += struct.pack("<Hi", key, offset + len(body))
        body += part
    data = b"gtc" + bytes([version]) + struct.pack("<i", len(parts) + 1) + contents + body
    path.write_bytes(data)
    return str(path)


def bpm(path: Path, loci: pd.DataFrame, *, name: str = "Tiny_A1.bpm", entry: int = 8) -> str:
    """Write a BPM manifest whose entries of loci stand in the reverse order of its names."""
    data = b"BPM\x01" + struct.pack("<i", 4 | 0x1000) + _string(name) + _string("controls" * 40)
    data += struct.pack("<i", len(loci)) + np.arange(1, len(loci) + 1, dtype="<i4").tobytes()
    data += b"".join(_string(one) for one in loci["name"]) + bytes(len(loci))
    entries = []
    for row in loci[::-1].itertuples():
        one = struct.pack("<i", entry) + _string(f"{row.name}-0_T_F_1") + _string(row.name)
        one += 3 * _string("") + bytes(4) + 2 * _string("TOP") + _string("[A/G]")
        one += _string(row.chrom) + 2 * _string("diploid") + _string(str(row.pos))
        one += 2 * _string("ACGT" * 60) + struct.pack("<ii", 1, 2) + 7 * _string("x") + bytes(4)
        one += bytes(16) if entry >= 7 else b""
        entries.append(one + (_string("+") if entry == 8 else b""))
    data += b"".join(entries)
    path.write_bytes(data)
    return str(path)


def csv_manifest(
    path: Path, loci: pd.DataFrame, *, name: str = "Tiny_A1.bpm", padded: bool = False
) -> str:
    """Write a CSV manifest; `padded` as a spreadsheet saves it, all rows of one width."""
    pad = "," * 4 if padded else ""
    lines = ["Illumina, Inc.", "[Heading]", f"Descriptor File Name,{name}{pad}",
             f"Loci Count ,{len(loci)}{pad}", f"[Assay]{pad}",
             "IlmnID,Name,GenomeBuild,Chr,MapInfo"]  # fmt: skip
    lines += [
        f"{row.name}-0_T_F_1,{row.name},38,{row.chrom},{row.pos}" for row in loci.itertuples()
    ]
    lines += [f"[Controls]{pad}", "1:2:3,Staining,Red,DNP" + ("," if padded else "")]
    return text(path, lines)


def chain(path: Path, chains: list[tuple[str, list[str]]]) -> str:
    """Write a chain file: header fields behind the word chain, and the lines of blocks."""
    lines = []
    for head, blocks in chains:
        lines += [f"chain {head}", *blocks, ""]
    return text(path, lines)
