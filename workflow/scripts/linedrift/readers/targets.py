"""Capture targets: the BED of a kit, read and checked against GRCh38."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pandas as pd

from linedrift import genome
from linedrift.genome import CHROM_DTYPE, GRCH38
from linedrift.intervals import inside, merge
from linedrift.readers.files import ReadingError, check_presence, decode, listed, open_bytes
from linedrift.readers.reference import opened

# Lines of a BED that are no intervals, and words of a first line that names the columns.
_NO_ROWS = ("track", "browser", "#")
_COLUMNS = ("start", "chromstart", "chrom_start", "begin")
# Known SNPs on targets of another build beyond those on GRCh38 (times), and at least: kits cover
# exons, where those SNPs are, so the right build has 10 times and more of the others' (hg18,
# GRCh37 and GRCh38 exome targets); a kit for the whole genome has as many on each.
_BETTER, _LEAST_HITS = 3.0, 20


def read(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return chrom (UCSC style, categorical), start, end of the targets, in genome order.

    Overlapping and touching targets are joined. `attrs["left_out"]` counts rows on contigs other
    than the primary chromosomes.

    Raises
    ------
    ReadingError
        Naming the line, where the file is no BED, has no target on the primary chromosomes, or
        has one beyond the end of its chromosome in GRCh38 (naming the builds that fit).
    """
    check_presence(path)
    table = _rows(path)
    chrom = table["contig"].map({name: genome.ucsc_chromosome(name) for name in set(table.contig)})
    known = chrom.notna().to_numpy()
    if not known.any():
        raise ReadingError(
            f"{path}: no target is on a chromosome that linedrift knows; found "
            f"{listed(list(dict.fromkeys(table['contig'])))}, expected chr1 to chr22, chrX, chrY "
            "(with or without chr)"
        )
    found = table.assign(chrom=chrom)[known]
    _check_ends(path, found, GRCH38.lengths, GRCH38.name)
    joined = merge(found)
    joined.attrs["left_out"] = int((~known).sum())
    return joined


def _rows(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return line, contig, start, end of every interval."""
    rows: list[tuple[int, str, int, int]] = []
    try:
        with open_bytes(path) as stream:
            text = decode(stream.read())
    except OSError as error:
        raise ReadingError(f"{path}: is truncated or damaged ({error}); copy it again") from error
    if "\x00" in text[:1000]:
        raise ReadingError(f"{path}: is a binary file; expected a BED: chrom, start, end in text")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith(_NO_ROWS):
            continue
        cells = line.split("\t") if "\t" in line else line.split()
        start, end = (cells[1:3] + ["", ""])[:2]
        if not rows and start.strip().lower() in _COLUMNS:
            continue
        if not (start.strip().isdecimal() and end.strip().isdecimal()):
            if line.startswith("@"):
                raise ReadingError(
                    f"{path}: line {number} is that of an interval_list (1-based); expected a BED. "
                    "Convert it: picard IntervalListToBed"
                )
            raise ReadingError(
                f"{path}: line {number}: found {line[:60]!r}; expected chrom, start, end "
                "separated by tabs, as in chr1 1000 1200"
            )
        rows.append((number, cells[0].strip(), int(start), int(end)))
    if not rows:
        raise ReadingError(f"{path}: has no target; expected a BED with the targets of the kit")
    table = pd.DataFrame(rows, columns=["line", "contig", "start", "end"])
    if (wrong := table["end"] <= table["start"]).any():
        row = table[wrong].iloc[0]
        raise ReadingError(
            f"{path}: line {row.line}: the target ends at {row.end:,} and begins at {row.start:,}; "
            "expected a 0-based start below the end, as in BED"
        )
    return table


def _check_ends(
    path: str | os.PathLike[str], rows: pd.DataFrame, lengths: Mapping[str, int], of: str
) -> None:
    beyond = rows["end"] > rows["chrom"].map(dict(lengths))
    if not beyond.any():
        return
    row = rows[beyond].iloc[0]
    fits = [
        build.name
        for build in genome.BUILDS.values()
        if (rows["end"] <= rows["chrom"].map(dict(build.lengths))).all()
    ]
    which = f"the targets fit {' and '.join(fits)}" if fits else "no build of linedrift fits"
    raise ReadingError(
        f"{path}: {int(beyond.sum()):,} targets lie beyond the end of their chromosome in {of}, "
        f"first line {row.line} ({row.contig}:{row.start:,}-{row.end:,}); {which}. Give the "
        f"targets on {GRCH38.name}; the maker of the kit has them, or lift them (UCSC liftOver)"
    )


def check_build(
    path: str | os.PathLike[str], targets: pd.DataFrame, build_markers: pd.DataFrame
) -> None:
    """Raise ReadingError where known SNPs show that the targets are those of another build.

    Parameters
    ----------
    path, targets
        The BED, and what `read` made of it.
    build_markers
        name, chrom, pos_<build> (1-based) for each build.
    """
    hits = {
        name: int(
            inside(
                targets, build_markers["chrom"], build_markers[f"pos_{name}"].to_numpy() - 1
            ).sum()
        )
        for name in genome.BUILDS
    }
    best = max(hits, key=lambda name: hits[name])
    if hits[best] >= max(_LEAST_HITS, _BETTER * hits[GRCH38.name]):
        raise ReadingError(
            f"{path}: {hits[GRCH38.name]:,} of {len(build_markers):,} known SNPs of exons are on "
            f"target by their positions in {GRCH38.name}, {hits[best]:,} by those in {best}: the "
            f"targets are those of {best}. Give them on {GRCH38.name}"
        )


def check_reference(path: str | os.PathLike[str], targets: pd.DataFrame, fasta: str) -> None:
    """Raise ReadingError where targets lie on chromosomes, or beyond, that the FASTA lacks."""
    with opened(fasta) as file:
        pairs = zip(file.references, file.lengths, strict=True)
        lengths = {genome.ucsc_chromosome(name): length for name, length in pairs}
    ends = targets.groupby(targets["chrom"].astype(str))["end"].max()
    wrong = [str(chrom) for chrom, end in ends.items() if lengths.get(str(chrom), 0) < end]
    if wrong:
        raise ReadingError(
            f"{path}: has targets on {listed(wrong, 5)}, which the reference {fasta} lacks or "
            "which is shorter there. Give the FASTA that the reads were aligned to"
        )


def read_snps(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return chrom, start, name, ref, alt of a BED of SNPs such as resources/identity_snps.bed.

    Raises
    ------
    ReadingError
        When it is no such table.
    """
    names = ["chrom", "start", "end", "name", "ref", "alt"]
    try:
        table = pd.read_csv(path, sep="\t", names=names, comment="#", keep_default_na=False)
        return table.astype({"chrom": CHROM_DTYPE, "start": "int64"}).drop(columns="end")
    except (OSError, ValueError) as error:
        raise ReadingError(
            f"{path}: cannot be read as a BED of SNPs ({error}); expected chrom, start, end, "
            "name, ref, alt separated by tabs"
        ) from error


def mappability(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return chrom, start, end, value of a bedGraph (0 to 1) on GRCh38; plain or gzip.

    Raises
    ------
    ReadingError
        When it is no such track.
    """
    names = ["chrom", "start", "end", "value"]
    try:
        table = pd.read_csv(path, sep="\t", names=names, comment="#", usecols=range(4))
        table = table.astype({"chrom": str, "start": "int64", "end": "int64", "value": float})
    except (OSError, ValueError) as error:
        raise ReadingError(
            f"{path}: cannot be read as bedGraph ({error}); expected chrom, start, end and a "
            "value of 0 to 1, separated by tabs"
        ) from error
    if not table["value"].between(0, 1).all():
        raise ReadingError(f"{path}: has values beyond 0 to 1; expected a track of mappability")
    table["chrom"] = table["chrom"].map(genome.ucsc_chromosome, na_action="ignore")
    return table.dropna(subset="chrom").reset_index(drop=True)


def read_snp_probes(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Return resources/methylation_snp_probes.tsv: SNPs that methylation arrays have probes of.

    Raises
    ------
    ReadingError
        When it lacks a column.
    """
    table = pd.read_csv(path, sep="\t", keep_default_na=False)
    wanted = ["chrom", "start", "end", "name", "design", "methylated_allele"]
    missing = [column for column in wanted if column not in table.columns]
    if missing:
        raise ReadingError(f"{path}: no column {missing[0]}; expected {', '.join(wanted)}")
    return table.astype({"chrom": CHROM_DTYPE, "start": "int64", "end": "int64"})
