"""Layouts of gene counts: where the rows begin, which column is the gene, which are samples."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from linedrift.readers.files import ReadingError, decode, head, listed, looks_like_binary
from linedrift.readers.layouts import Layout, no_such_sample, normal, split

FORMATS = ("gene_counts", "featurecounts", "star", "htseq")
TITLES = {
    "gene_counts": "a matrix of gene counts (genes in rows, samples in columns)",
    "featurecounts": "a table of featureCounts (Geneid, Chr, Start, End, Strand, Length, samples)",
    "star": "a ReadsPerGene.out.tab of STAR (four N_ rows, then gene and three counts)",
    "htseq": "a table of htseq-count (gene and count, __ rows last)",
}
# Where none of these titles is there, the first column names the genes.
_GENE = (
    "geneid", "gene", "genes", "ensemblgeneid", "ensemblid", "ensembl", "genestableid", "id",
    "refseq", "entrezid", "entrez", "ncbigeneid", "probe", "target", "targetid",
)  # fmt: skip
_NAME = ("genename", "genesymbol", "symbol", "hgncsymbol", "externalgenename")
# Columns of annotation that tables of counts carry beside samples.
_NOT_SAMPLES = (
    *_GENE, *_NAME, "chr", "chrom", "chromosome", "seqnames", "start", "end", "strand", "length",
    "width", "genelength", "efflength", "effectivelength", "biotype", "genebiotype", "genetype",
    "description", "geneversion", "transcriptcount", "transcriptids", "rowname", "rownames",
)  # fmt: skip
_FEATURECOUNTS = ("geneid", "chr", "start", "end", "strand", "length")
_ALLELES = {"refcount", "altcount"}
_GENE_LIKE = re.compile(r"(ENS[A-Z]*G\d{11}|[NX][MR]_\d+)")
# A genome has some 20,000 to 60,000 genes; the largest banks have hundreds of samples.
_MOST_SAMPLES = 5000
# What featureCounts was told about strands, in the command that its first line quotes.
_STRAND_OPTION = re.compile(r'"-s"\s+"(\d)|(?:^|\s)-s\s+(\d)')
_STRANDS = {"0": "unstranded", "1": "forward", "2": "reverse"}


def layout(path: str, format: str, name_in_file: str = "") -> Layout:
    """Return the layout of a table of gene counts, from its head.

    Parameters
    ----------
    path
        The file, plain or gzip.
    format
        One of `FORMATS`.
    name_in_file
        Title of the sample's column; of featureCounts also the file name of its path. May be empty
        where the file holds one sample.

    Returns
    -------
    Layout
        Roles gene_id, gene_name where there is one, and ``count:<column>`` of every sample, or
        of STAR of its three countings. `sample` is the chosen title, `samples` all of them.

    Raises
    ------
    ReadingError
        When the file is of another format, has samples in rows, or lacks the sample.
    """
    found = whole(path, format)
    if format == "star" or not found.samples:
        return found
    chosen = _chosen(path, name_in_file, found)
    one = of_samples(path, found, [found.columns[chosen]])
    return dataclasses.replace(one, sample=found.columns[chosen])


def whole(path: str, format: str) -> Layout:
    """Return the layout of a table with all of its samples; as `layout` otherwise."""
    start = head(path)
    if looks_like_binary(start):
        raise _wrong(path, format, looks_like_binary(start))
    if b"\n" not in start and b"\r" not in start and len(start) >= 1 << 20:
        raise _transposed(path, "its first line has more than a million bytes")
    lines = start.splitlines(keepends=True)
    first = _first_line(lines)
    if first == len(lines):
        raise ReadingError(f"{path}: has no rows; expected {TITLES[format]}. Export it again")
    likely, delimiter = looks_like(lines[first:])
    if likely == "alleles":
        raise _wrong(path, format, "a table of GATK's ASEReadCounter (format ase)")
    if likely != format:
        raise _wrong(path, format, TITLES[likely] if likely else "", likely)
    offset = sum(map(len, lines[:first]))
    fields = split(decode(lines[first]).rstrip("\r\n"), delimiter)
    if format == "star":
        return _star(fields, offset, first)
    if format == "htseq":
        return _htseq(path, fields, offset, first)
    after = first + 1
    row = split(decode(lines[after]).rstrip("\r\n"), delimiter) if after < len(lines) else []
    columns = _columns(path, fields, row)
    declared = {}
    option = _STRAND_OPTION.search(decode(b"".join(lines[:first])))
    if option:
        declared["strandedness"] = _STRANDS.get(option[1] or option[2], "")
    return _matrix(
        path,
        Layout(
            format, offset + len(lines[first]), after, delimiter, columns, {}, declared=declared
        ),
        row,
    )


def of_samples(path: str, found: Layout, names: Sequence[str]) -> Layout:
    """Return the layout of a table with the named samples alone, in the order of the names.

    Raises
    ------
    ReadingError
        Naming the first that the file lacks.
    """
    columns = [_chosen(path, name, found) for name in names]
    roles = {role: at for role, at in found.roles.items() if not role.startswith("count:")}
    return dataclasses.replace(found, roles=roles | {f"count:{at}": at for at in columns})


def _first_line(lines: Sequence[bytes]) -> int:
    """Return the first line that is neither blank nor a comment."""
    places = (at for at, line in enumerate(lines) if line.strip() and not line.startswith(b"#"))
    return next(places, len(lines))


def looks_like(lines: Sequence[bytes]) -> tuple[str, str]:
    """Return what rows look like (a format, ``alleles``, or nothing), and the delimiter."""
    text = decode(lines[0]).rstrip("\r\n")
    delimiter = max("\t,;", key=text.count)
    fields = split(text, delimiter)
    titles = [normal(field) for field in fields]
    if set(titles) >= _ALLELES:
        return "alleles", delimiter
    if tuple(titles[:6]) == _FEATURECOUNTS:
        return "featurecounts", delimiter
    if len(fields) < 2:
        return "", delimiter
    if _is_row(fields):
        # Without its first four rows STAR's table still has three countings.
        return ("star" if len(fields) == 4 else "htseq"), delimiter
    return "gene_counts", delimiter


def _is_row(fields: Sequence[str]) -> bool:
    """Return whether the first line is no header but a gene (or N_ row) and its counts."""
    gene = fields[0].strip()
    if not gene or normal(gene) in (*_GENE, *_NAME) or not _is_number(fields[-1]):
        return False
    return bool(_GENE_LIKE.match(gene)) or all(_is_number(field) for field in fields[1:])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _star(fields: list[str], offset: int, line: int) -> Layout:
    columns = ("gene_id", "unstranded", "forward", "reverse")
    roles = {"gene_id": 0, "count:1": 1, "count:2": 2, "count:3": 3}
    return Layout("star", offset, line, "\t", columns, roles)


def _htseq(path: str, fields: list[str], offset: int, line: int) -> Layout:
    """Return the layout of htseq-count: gene, count; with an attribute gene, name, count."""
    named = len(fields) == 3 and not _is_number(fields[1])
    if len(fields) != 2 and not named:
        raise ReadingError(
            f"{path}: has {len(fields) - 1} columns of counts without names; expected one, or a "
            "first line that names them (then write gene_counts into the column format)"
        )
    columns = ("gene_id", "gene_name", "count") if named else ("gene_id", "count")
    roles = {("count:1" if name == "count" else name): at for at, name in enumerate(columns)}
    return Layout("htseq", offset, line, "\t", columns, roles)


def _columns(path: str, titles: list[str], row: list[str]) -> tuple[str, ...]:
    """Return one title per field of a row: R names no column of its row names."""
    more = len(row) - len(titles)
    if more == 1 and row:
        return ("", *titles)
    if more and row:
        raise ReadingError(
            f"{path}: the first row has {len(row)} fields where the header has {len(titles)}; "
            "expected as many. Export it again, tab-delimited"
        )
    return tuple(titles)


def _matrix(path: str, found: Layout, row: list[str]) -> Layout:
    titles = [normal(title) for title in found.columns]
    gene = _gene_column(titles, row)
    named = [at for at, title in enumerate(found.columns) if _GENE_LIKE.match(title)]
    if len(named) > len(titles) / 2 or len(titles) > _MOST_SAMPLES:
        example = listed([found.columns[at] for at in (named or range(1, 4))[:3]])
        raise _transposed(path, f"it has {len(titles):,} columns, such as {example}")
    samples = [
        at
        for at, title in enumerate(titles)
        if at != gene and title and title not in _NOT_SAMPLES and _may_count(row, at)
    ]
    if not samples:
        raise ReadingError(
            f"{path}: has no column of a sample; found {listed(list(found.columns), 12)}, expected "
            f"{TITLES[found.format]}. Export it again with its samples"
        )
    roles = {"gene_id": gene} | {f"count:{at}": at for at in samples}
    name = next((at for at, title in enumerate(titles) if title in _NAME and at != gene), None)
    if name is not None:
        roles["gene_name"] = name
    return Layout(
        found.format, found.offset, found.line, found.delimiter, found.columns, roles,
        "", tuple(found.columns[at] for at in samples), found.declared,
    )  # fmt: skip


def _gene_column(titles: list[str], row: list[str]) -> int:
    """Return the column of the genes: by its title, else the first; a name only where no id is."""
    for known in (_GENE, _NAME):
        named = [title for title in titles if title in known]
        if named:
            return titles.index(min(named, key=known.index))
    # R's row names may be mere numbers, with the genes behind them.
    second = len(row) > 1 and not _is_number(row[1])
    return 1 if row and _is_number(row[0]) and second else 0


def _may_count(row: list[str], at: int) -> bool:
    """Return whether a column may hold counts, by its first row: an absent value may."""
    if at >= len(row):
        return True
    text = row[at].strip()
    return not re.search(r"[A-Za-z]{4}|[;:|/]", text) or text.lower() in ("null", "n. def.")


def _chosen(path: str, name: str, found: Layout) -> int:
    """Return the column of the sample that the sheet names: exactly, or not at all."""
    name, columns = name.strip(), found.columns
    counted = [at for role, at in found.roles.items() if role.startswith("count:")]
    if not name and len(counted) == 1:
        return counted[0]
    hits = [at for at in counted if columns[at].strip() == name]
    if not hits and found.format == "featurecounts":
        # featureCounts names a sample by the path that its alignment had.
        hits = [at for at in counted if PurePosixPath(columns[at]).name == name]
    if not hits and normal(name) not in _NOT_SAMPLES:
        # A column that does not look like counts: reading it says what is wrong.
        hits = [at for at, title in enumerate(columns) if title.strip() == name and name]
    if len(hits) == 1:
        return hits[0]
    if hits:
        raise ReadingError(
            f"{path}: has {len(hits)} columns {name!r}; expected one. Name them apart"
        )
    same = [columns[at] for at in counted if name and repaired(columns[at]) == repaired(name)]
    if same:
        raise ReadingError(
            f"{path}: has no sample {name!r}; it has {listed(same)}, which differs only by what R "
            "changes in names (- to .). If that is the sample, write it so into name_in_file"
        )
    raise no_such_sample(path, name, found.samples)


def repaired(name: str) -> str:
    """Return what R makes of the name of a column: X before a digit, a point for what is odd."""
    text = re.sub(r"[^\w.]", ".", name)
    return f"X{text}" if re.match(r"\d|\.\d|_", text) else text


def _transposed(path: str, why: str) -> ReadingError:
    return ReadingError(
        f"{path}: has samples in rows and genes in columns ({why}); expected genes in rows. "
        "Transpose it (in R: t(x))"
    )


def _wrong(path: str, format: str, words: str, likely: str = "") -> ReadingError:
    text = f"{path}: is not {TITLES[format]}"
    if words:
        text += f"; it looks like {words}"
    if likely:
        text += f". Write {likely} into the column format"
    return ReadingError(text if words else text + ". Export it again")
