"""Genes of the user's annotation: GFF3 and GTF (Ensembl, GENCODE, RefSeq), BED, a plain table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from linedrift import tables
from linedrift.genome import CHROM_DTYPE, CHROMOSOMES, GRCH38, ucsc_chromosome
from linedrift.readers import delimited, reference
from linedrift.readers.counts import kind_of, without_version
from linedrift.readers.files import (
    ReadingError,
    check_presence,
    decode,
    head,
    listed,
    looks_like_binary,
    open_bytes,
)
from linedrift.readers.layouts import Layout, normal, split

COLUMNS = ("gene_id", "symbol", "chrom", "start", "end", "strand", "biotype", "entrez", "gc")
# A block of text in memory at a time; Arrow reads some ahead.
_BLOCK = 4 << 20
# Columns of GFF3 and GTF that are needed.
_PLACES = ("chrom", "kind", "start", "end", "strand", "attributes")
_GFF = ("chrom", "source", "kind", "start", "end", "score", "strand", "phase", "attributes")
# Kinds of rows that are genes: gene, ncRNA_gene, pseudogene (Ensembl, RefSeq).
_GENE_ROW = r"gene$"
# Attributes by what they are for us; the first that a row has counts.
_ATTRIBUTES = {
    "gene_id": ("gene_id", "gene", "ID"),
    "symbol": ("gene_name", "gene", "Name"),
    "biotype": ("gene_biotype", "gene_type", "biotype"),
}
_ENTREZ = r"GeneID:(?P<value>\d+)"
# Versions of the chromosomes' RefSeq accessions in GRCh38 (assembly report GCF_000001405.40), in
# the order of CHROMOSOMES; those of GRCh37 are each one less.
_ACCESSION = re.compile(r"^NC_0000(\d\d)\.(\d+)$")
_VERSIONS = (
    (11, 12, 12, 12, 10, 12, 14, 11, 12, 11, 10, 12, 11, 9, 10, 10, 11, 10, 10, 11, 9, 11)
    + (11, 10)
)  # fmt: skip
_OTHER_BUILD = re.compile(r"(?i)\b(GRCh37|hg19|NCBI36|hg18|T2T-CHM13)")
_TABLE = {
    "gene_id": ("geneid", "genestableid", "ensemblgeneid", "ensemblid", "id", "gene"),
    "chrom": ("chrom", "chr", "chromosome", "chromosomescaffoldname", "chromosomename", "seqname"),
    "pos:start": ("start", "genestart", "genestartbp", "startposition", "txstart"),
    "pos:end": ("end", "geneend", "geneendbp", "endposition", "txend", "stop"),
    "strand": ("strand",),
    "symbol": ("symbol", "genename", "genesymbol", "hgncsymbol", "externalgenename"),
    "biotype": ("biotype", "genebiotype", "genetype"),
    "entrez": ("ncbigeneid", "entrez", "entrezid", "entrezgeneid"),
    "count:gc": ("gc", "genegccontent", "percentagegenegccontent"),
}
# Copies of one gene further apart than this are not one gene (the longest genes have 2.5 Mb).
_LONGEST = 5_000_000
# Below this share of known genes at their place the annotation is of another build.
_LEAST_FIT, _LEAST_KNOWN = 0.5, 5
# Share of the genes with reads that an annotation of the same kind has, whatever its release.
_MANY_FOUND = 0.8
_WHAT = "expected GFF3 or GTF (Ensembl, GENCODE, RefSeq) on GRCh38, BED, or a table of genes"


class Annotation(NamedTuple):
    """Genes on GRCh38 in genome order, with columns COLUMNS, and what was left out.

    `gene_id` has no version; `start` is 0-based; `strand` is + or - or empty; texts are empty and
    `gc` is NaN where not known. `facts`: format, n_rows, n_genes, n_other_contig,
    other_contigs, n_repeated, n_ambiguous.
    """

    genes: pd.DataFrame
    facts: dict[str, Any]


# How genes are looked for: column of the counts, column of the annotation.
_WAYS = (
    ("gene_id", "gene_id"),
    ("gene_id", "symbol"),
    ("gene_id", "entrez"),
    ("gene_name", "symbol"),
)


class Located(NamedTuple):
    """Counts with the place of each gene, and how they were found.

    `genes` has the columns of the counts and of the annotation; `facts`: matched_by,
    n_not_in_annotation, share_of_genes, share_of_reads, share_protein_coding (of reads; None
    without biotypes), notes (sentences for people).
    """

    genes: pd.DataFrame
    facts: dict[str, Any]


def read(path: str, *, fasta: str = "", known: pd.DataFrame | None = None) -> Annotation:
    """Read the genes of an annotation.

    Parameters
    ----------
    path
        GFF3, GTF, BED (0-based, names as identifiers) or a table with a header (gene_id, chrom,
        start, end, and perhaps strand, symbol, biotype; 1-based, as BioMart writes it); plain or
        gzip. Told apart by what is in them.
    fasta
        Reference with its index; where given, genes on its chromosomes get the GC content of
        their span, else that of the table, if it has one.
    known
        Some genes on GRCh38 (gene, chrom, start, end), which tell another build.

    Raises
    ------
    ReadingError
        When the file is damaged, has no genes, or is of another build.
    """
    path = str(path)
    check_presence(path)
    start = head(path)
    if what := looks_like_binary(start):
        raise ReadingError(f"{path}: is {what}; {_WHAT}")
    format, first = _format(path, start)
    check_said(path, start)
    gff = format in ("gff3", "gtf")
    rows = _of_gff(path, format).assign(gc=np.nan) if gff else _of_table(path, format, first)
    facts: dict[str, Any] = {"format": format, "n_rows": len(rows)}
    genes = _once(_placed(path, rows, facts), facts)
    _check_known(path, genes, known)
    if fasta:
        # A reference of a few chromosomes, or of the beginnings of some, tells what it has.
        lengths = genes["chrom"].astype("str").map(reference.lengths(fasta))
        there = (genes["end"] <= lengths).to_numpy()
        genes.loc[there, "gc"] = reference.composition(genes[there], fasta)["gc"].to_numpy()
    facts["n_genes"] = len(genes)
    return Annotation(genes[list(COLUMNS)], facts)


def _format(path: str, start: bytes) -> tuple[str, int]:
    """Return gff3, gtf, table or bed, and the first line that is no comment."""
    lines = start.splitlines()
    at = next(
        (i for i, line in enumerate(lines)
         if line.strip() and not line.startswith((b"#", b"track", b"browser"))), None,
    )  # fmt: skip
    if at is None:
        raise ReadingError(f"{path}: has no row but comments; {_WHAT}")
    text = decode(lines[at])
    fields = text.split("\t")
    if len(fields) == 9 and fields[3].isdigit() and fields[4].isdigit():
        return ("gtf" if re.search(r'\w "[^"]*"', fields[8]) else "gff3"), at
    if len(fields) >= 4 and fields[1].isdigit() and fields[2].isdigit():
        return "bed", at
    titles = {normal(title) for title in split(text, max("\t,;", key=text.count))}
    if all(titles & set(_TABLE[role]) for role in ("gene_id", "chrom", "pos:start", "pos:end")):
        return "table", at
    raise ReadingError(f"{path}: is no annotation of genes: found {text[:80]!r}; {_WHAT}")


def check_said(path: str, start: bytes) -> None:
    """Raise ReadingError where the comments at the head name another build."""
    comments = decode(b"\n".join(line for line in start.splitlines() if line.startswith(b"#")))
    other = _OTHER_BUILD.search(comments)
    if other and not re.search(r"(?i)\b(GRCh38|hg38)", comments):
        raise ReadingError(
            f"{path}: says that it is of {other[1]}; expected {GRCH38.name}. Give the annotation "
            "for GRCh38 that the reads were counted with"
        )


def _of_gff(path: str, format: str) -> pd.DataFrame:
    """Return the genes of GFF3 or GTF; of a GTF without rows of genes those that its exons make."""
    parts = [
        batch.filter(pc.match_substring_regex(batch["kind"], _GENE_ROW)) for batch in _rows(path)
    ]
    rows = _with_attributes(pa.Table.from_batches(parts), format) if parts else pd.DataFrame()
    if not rows.empty:
        return rows
    if format == "gff3":
        raise ReadingError(f"{path}: has no row of a gene (third column gene); {_WHAT}")
    exons = []
    for batch in _rows(path):
        some = pa.Table.from_batches([batch.filter(pc.equal(batch["kind"], b"exon"))])
        if some.num_rows:
            exons.append(_spans(_with_attributes(some, format)))
    if not exons:
        raise ReadingError(f"{path}: has neither rows of genes nor of exons; {_WHAT}")
    return _spans(pd.concat(exons))


def _spans(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the span of each gene on each contig."""
    keys = ["gene_id", "chrom", "strand"]
    found = rows.groupby(keys, sort=False, as_index=False).agg(
        start=("start", "min"), end=("end", "max"), symbol=("symbol", "first"),
        biotype=("biotype", "first"), entrez=("entrez", "first"),
    )  # fmt: skip
    return found


def _rows(path: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of GFF3 or GTF, columns _PLACES as bytes; comments are skipped."""
    sequence = False

    def refuse(row: pcsv.InvalidRow) -> str:
        """Go on at a line that is no row of genes."""
        nonlocal sequence
        text = row.text if isinstance(row.text, str) else decode(row.text)
        sequence |= text.startswith("##FASTA")
        return "skip" if sequence or text.startswith("#") or not text.strip() else "error"

    try:
        with open_bytes(path) as stream:
            yield from pcsv.open_csv(
                stream,
                pcsv.ReadOptions(column_names=list(_GFF), use_threads=False, block_size=_BLOCK),
                pcsv.ParseOptions(delimiter="\t", quote_char=False, invalid_row_handler=refuse),
                pcsv.ConvertOptions(
                    column_types=dict.fromkeys(_GFF, pa.binary()),
                    include_columns=list(_PLACES),
                    check_utf8=False,
                ),
            )
    except (pa.ArrowInvalid, OSError) as error:
        raise ReadingError(
            f"{path}: is damaged or cut: {error}; expected rows of 9 fields with tabs between. "
            "Copy it again"
        ) from error


def _with_attributes(rows: pa.Table, format: str) -> pd.DataFrame:
    """Return rows with what their ninth column says."""
    attributes = delimited.as_text(rows["attributes"])
    frame = pd.DataFrame(
        {name: delimited.as_text(rows[name]).to_pandas() for name in ("chrom", "strand")}
    )
    for name in ("start", "end"):
        frame[name] = rows[name].cast(pa.string()).cast(pa.int64()).to_numpy()
    frame["start"] -= 1
    how = (
        r'(?:^|[;\s]){}\s+"?(?P<value>[^";]*)' if format == "gtf" else r"(?:^|;){}=(?P<value>[^;]*)"
    )
    for column, names in _ATTRIBUTES.items():
        found = pa.array([""] * len(frame), pa.string())
        for name in names:
            value = _extracted(attributes, how.format(name))
            found = pc.if_else(pc.equal(found, ""), pc.fill_null(value, ""), found)
        frame[column] = found.to_pandas().astype("str")
    frame["entrez"] = pc.fill_null(_extracted(attributes, _ENTREZ), "").to_pandas().astype("str")
    # GFF3 writes what would end a value as %2C.
    coded = frame["symbol"].str.contains("%", regex=False)
    frame.loc[coded, "symbol"] = [unquote(text) for text in frame.loc[coded, "symbol"]]
    frame["gene_id"] = frame["gene_id"].str.replace(r"^gene[:-]", "", regex=True)
    return frame[frame["gene_id"] != ""]


def _extracted(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.struct_field(pc.extract_regex(texts, pattern), "value")


def _of_table(path: str, format: str, first: int) -> pd.DataFrame:
    """Return the genes of a BED, or of a table with a header."""
    lines = head(path).splitlines(keepends=True)
    title = decode(lines[first]).rstrip("\r\n")
    if format == "bed":
        columns = tuple(f"c{at}" for at in range(title.count("\t") + 1))
        roles = {"chrom": 0, "pos:start": 1, "pos:end": 2, "gene_id": 3}
        roles |= {"strand": 5} if len(columns) > 5 else {}
        skip, delimiter = first, "\t"
    else:
        delimiter = max("\t,;", key=title.count)
        columns = tuple(split(title, delimiter))
        titles = [normal(column) for column in columns]
        named = {
            role: next((titles.index(name) for name in names if name in titles), None)
            for role, names in _TABLE.items()
        }
        roles = {role: at for role, at in named.items() if at is not None}
        skip = first + 1
    found = Layout(format, sum(map(len, lines[:skip])), skip, delimiter, columns, roles)
    table = pa.Table.from_batches(list(delimited.batches(path, found, tuple(roles))))
    frame = pd.DataFrame(
        {
            role: delimited.as_text(table[role]).to_pandas().astype("str")
            if role in roles else "" for role in _TABLE if ":" not in role
        }
    )  # fmt: skip
    gc = table["count:gc"].to_numpy().astype(float) if "count:gc" in roles else np.nan
    # BioMart writes per cent.
    frame["gc"] = gc / 100 if (np.nan_to_num(gc) > 1).any() else gc
    for role in ("start", "end"):
        frame[role] = table[f"pos:{role}"].to_numpy()
    bad = ~(frame["start"] >= 0) | ~(frame["end"] >= frame["start"])
    if bad.any():
        at = int(np.argmax(bad))
        raise ReadingError(
            f"{path}: gene {frame['gene_id'].iloc[at]!r} has no position or ends before it starts; "
            "expected start and end of each gene"
        )
    frame = frame.astype({"start": "int64", "end": "int64"})
    frame["start"] -= format == "table"
    frame["symbol"] = frame["symbol"].where(frame["symbol"] != "", frame["gene_id"])
    strands = {"1": "+", "-1": "-", "+1": "+"}
    return frame.assign(strand=frame["strand"].replace(strands))


def _placed(path: str, rows: pd.DataFrame, facts: dict[str, Any]) -> pd.DataFrame:
    """Return the genes on primary chromosomes; count the others."""
    known = {name: chromosome_of(path, name) for name in rows["chrom"].unique()}
    chrom = rows["chrom"].map(known)
    other = rows.loc[chrom.isna(), "chrom"].value_counts()
    facts |= {
        "n_other_contig": int(other.sum()),
        "other_contigs": {str(name): int(n) for name, n in other.iloc[:10].items()},
    }
    if chrom.isna().all():
        contigs = listed(list(facts["other_contigs"]), 5)
        raise ReadingError(
            f"{path}: has no gene on chr1 to chr22, X or Y; found {contigs}; {_WHAT}"
        )
    found = rows.assign(chrom=chrom)[chrom.notna()].astype({"chrom": CHROM_DTYPE})
    beyond = found["end"] > found["chrom"].astype("str").map(dict(GRCH38.lengths))
    if beyond.any():
        one = found[beyond].iloc[0]
        raise ReadingError(
            f"{path}: {int(beyond.sum()):,} genes end beyond their chromosome in {GRCH38.name}, "
            f"first {one['gene_id']!r} at {one['chrom']}:{one['end']:,}; expected an annotation "
            f"on {GRCH38.name}"
        )
    ids = without_version(pa.array(found["gene_id"], pa.string()))
    found["gene_id"] = ids.to_pandas().astype("str").to_numpy()
    found["strand"] = found["strand"].where(found["strand"].isin(["+", "-"]), "")
    return found


def chromosome_of(path: str, name: str) -> str | None:
    """Return a contig in UCSC style; RefSeq accessions of another build are refused."""
    accession = _ACCESSION.match(str(name))
    if accession is None or not 1 <= int(accession[1]) <= len(CHROMOSOMES):
        return ucsc_chromosome(name)
    at = int(accession[1]) - 1
    if int(accession[2]) != _VERSIONS[at]:
        raise ReadingError(
            f"{path}: {name} is not the {CHROMOSOMES[at]} of {GRCH38.name} (which is "
            f"NC_0000{accession[1]}.{_VERSIONS[at]}); expected an annotation on {GRCH38.name}"
        )
    return CHROMOSOMES[at]


def _once(rows: pd.DataFrame, facts: dict[str, Any]) -> pd.DataFrame:
    """Return each gene once, in genome order.

    Rows of a gene on one chromosome are joined; of genes on X and Y (pseudoautosomal) that on X
    stays; genes on several chromosomes, or in places far apart, have no place and are counted.
    """
    spans = rows.groupby(["gene_id", "chrom"], observed=True, sort=False, as_index=False).agg(
        start=("start", "min"), end=("end", "max"), strand=("strand", "first"),
        symbol=("symbol", "first"), biotype=("biotype", "first"), entrez=("entrez", "first"),
        gc=("gc", "first"), copies=("start", "size"),
    )  # fmt: skip
    chrom = spans["chrom"].astype("str")
    places = spans.assign(autosomal=~chrom.isin(["chrX", "chrY"])).groupby("gene_id")
    n, autosomal = places["chrom"].transform("size"), places["autosomal"].transform("any")
    far = (spans["end"] - spans["start"] > _LONGEST) & (spans["copies"] > 1)
    ambiguous = far | ((n > 1) & autosomal)
    kept = spans[~ambiguous & ~((n > 1) & (chrom == "chrY"))]
    facts |= {
        "n_repeated": len(rows) - len(spans),
        "n_ambiguous": int(spans.loc[ambiguous, "gene_id"].nunique()),
    }
    return tables.in_genome_order(kept.drop(columns="copies"))


def _check_known(path: str, genes: pd.DataFrame, known: pd.DataFrame | None) -> None:
    """Raise ReadingError where genes known by symbol lie elsewhere."""
    if known is None:
        return
    both = genes.astype({"chrom": "str"}).merge(
        known[["gene", "chrom", "start", "end"]].astype({"chrom": "str"}).drop_duplicates("gene"),
        left_on="symbol", right_on="gene", suffixes=("", "_known"),
    )  # fmt: skip
    there = (
        (both["chrom"] == both["chrom_known"])
        & (both["start"] < both["end_known"])
        & (both["end"] > both["start_known"])
    )
    if len(both) >= _LEAST_KNOWN and there.mean() < _LEAST_FIT:
        one = both[~there].iloc[0]
        raise ReadingError(
            f"{path}: {int(there.sum())} of {len(both)} known genes are where {GRCH38.name} has "
            f"them ({one['gene']} is at {one['chrom']}:{one['start'] + 1:,}, expected "
            f"{one['chrom_known']}:{one['start_known'] + 1:,}): it is of another build. Give the "
            f"annotation on {GRCH38.name}"
        )


def locate(
    path: str, counts: pd.DataFrame, annotation: Annotation, name: str, settings: Mapping[str, Any]
) -> Located:
    """Return the counts of genes that the annotation has, each with its place.

    Genes are found by gene_id, else by symbol, Entrez number, or the file's own gene_name, the
    first way that finds least_genes_found of the genes with reads. Names that the counts or
    the annotation have twice are not used.

    Parameters
    ----------
    path, name
        Files of the counts and of the annotation, for words.
    counts
        gene_id, gene_name, count (of one sample).
    annotation
        From `read`.
    settings
        least_genes_found: share.

    Raises
    ------
    ReadingError
        When no way finds enough, with the first identifiers of both.
    """
    genes = annotation.genes
    detected = counts["count"] > 0
    tried = {}
    for ours, theirs in _WAYS:
        usable = genes[(genes[theirs] != "") & ~genes[theirs].duplicated(keep=False)]
        hit = counts[ours].isin(usable[theirs]) & ~counts[ours].duplicated(keep=False)
        tried[ours, theirs] = float(hit[detected].mean()) if detected.any() else 0.0
        if tried[ours, theirs] >= settings["least_genes_found"]:
            return _joined(counts, usable, ours, theirs, hit, tried[ours, theirs])
    raise _other_annotation(path, counts, detected, genes, name, tried)


def _joined(
    counts: pd.DataFrame,
    genes: pd.DataFrame,
    ours: str,
    theirs: str,
    hit: pd.Series,
    share: float,
) -> Located:
    key = genes.set_index(theirs, drop=False)
    own = counts[hit].rename(columns={"gene_id": "id_in_file"})
    place = key.loc[own["id_in_file" if ours == "gene_id" else ours]].reset_index(drop=True)
    found = pd.concat([own.reset_index(drop=True), place], axis=1)
    found = tables.in_genome_order(found)
    total = max(float(counts["count"].sum()), 1.0)
    coding = found["biotype"] == "protein_coding"
    notes = []
    if share < _MANY_FOUND:
        notes.append(f"Only {share:.0%} of the genes with reads are in the annotation.")
    return Located(
        found,
        {
            "matched_by": theirs if ours == "gene_id" else f"{ours} as {theirs}",
            "n_not_in_annotation": int((~hit).sum()),
            "share_of_genes": share,
            "share_of_reads": float(counts.loc[hit, "count"].sum()) / total,
            "share_protein_coding": float(found.loc[coding, "count"].sum()) / total
            if coding.any()
            else None,
            "notes": notes,
        },
    )


def _other_annotation(
    path: str,
    counts: pd.DataFrame,
    detected: pd.Series,
    genes: pd.DataFrame,
    name: str,
    tried: Mapping[tuple[str, str], float],
) -> ReadingError:
    best = max(tried, key=lambda way: tried[way])
    n = int(detected.sum())
    own, theirs = (pa.array(frame["gene_id"], pa.string()) for frame in (counts, genes))
    return ReadingError(
        f"{path}: {round(tried[best] * n):,} of {n:,} genes with reads are in {name} (by "
        f"{best[1]}): the counts begin with {listed(own.slice(0, 3).to_pylist())} "
        f"({kind_of(own)}), the annotation with {listed(theirs.slice(0, 3).to_pylist())} "
        f"({kind_of(theirs)}). Give the annotation that the reads were counted with, or a table "
        "with gene_id, chrom, start, end on GRCh38 of these genes"
    )
