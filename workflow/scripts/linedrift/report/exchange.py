"""A line in the formats that other programs read: VCF 4.4, SEG, BED, TSV and JSON.

Every function takes a record of either tier and a folder, writes beside and renames, and returns
what it wrote as (file name, what it is, SHA-256). A line without events gives the same files,
with a header and with the sentence that says so and down to which limit.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pysam

from linedrift import sequencing_tables as sequencing
from linedrift import tables
from linedrift.genome import CHROMOSOMES
from linedrift.methylation_tables import DIFFERENCES
from linedrift.readout_tables import READOUTS
from linedrift.records import LineRecord, Readouts, Variants
from linedrift.report.vcf import (
    MOST_QUALITY,
    expected_copies_at,
    mean_copies,
    one_line,
    rows_of,
    samples_of,
    vcf_text,
    what_was_found,
)

Download = tuple[str, str, str]

JSON_FORMAT = "linedrift line"
JSON_VERSION = 3

# Blue for gains, vermillion for losses, green for CN-LOH: three of the colours of Okabe and Ito
# that stay apart for colour-blind readers (doi:10.1038/nmeth.1618).
_COLOURS = {
    "gain": "0,114,178",
    "amplification": "0,70,120",
    "loss": "213,94,0",
    "deep_loss": "150,50,0",
    "cn_loh": "0,158,115",
}
# A program that opens a table as a spreadsheet takes a cell that begins like this for a formula
# (OWASP, CSV injection); full-width signs count in East Asian locales.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")

_TSV = {
    "events": (tables.EVENTS, "events of the line"),
    "trajectories": (tables.TRAJECTORIES, "state and cell fraction of each event by passage"),
    "hotspots": (tables.HOTSPOTS, "every recurrent hotspot in every passage"),
    "quality": (tables.QUALITY, "quality of each measurement"),
    "identity": (tables.IDENTITY, "identity of each measurement"),
    "findings": (tables.FINDINGS, "findings that made the verdict"),
}
_VARIANT_TSV = {
    "variants": (sequencing.VARIANTS, "point mutations and short indels of the line"),
    "variant_courses": (sequencing.VARIANT_COURSES, "state, cell fraction and reads by passage"),
    "variant_hotspots": (
        sequencing.VARIANT_HOTSPOTS,
        "every hotspot of point mutations by passage",
    ),
}
_READOUT_TSV = {
    "readouts": (READOUTS, "what expression and methylation say, every question by passage"),
    "differences": (DIFFERENCES, "regions of acquired differences of methylation"),
}
_TSV |= _VARIANT_TSV | _READOUT_TSV
_FRAMES = {name: table for name, (table, _) in _TSV.items()} | {"tracks": tables.TRACKS}
_PLAIN = ("tier", "line", "verdict", "inherited", "settings", "provenance")


class ExchangeError(ValueError):
    """A record that a format cannot carry, or a file that is not one of ours."""


def write_all(
    record: LineRecord, folder: str | os.PathLike[str], copies: Iterable[tuple[str, str]] = ()
) -> list[Download]:
    """Write every format and the list of checksums into `folder`; return all of them.

    `copies` are files that go in as they are (path, what it is), named after the line.
    """
    written = [
        *write_copies(record, folder, copies),
        *write_tables(record, folder),
        *write_vcf(record, folder),
        *write_seg(record, folder),
        *write_bed(record, folder),
        *write_json(record, folder),
    ]
    return [*written, *write_checksums(written, folder)]


def write_copies(
    record: LineRecord, folder: str | os.PathLike[str], copies: Iterable[tuple[str, str]]
) -> list[Download]:
    """Copy files into `folder`, each named `{line}.{its name}`."""
    written = []
    for path, about in copies:
        target = Path(folder) / f"{_stem(record)}.{Path(path).name}"
        tables.write_beside(target, partial(shutil.copyfile, path))
        written.append(_download(target, about))
    return written


def write_vcf(record: LineRecord, folder: str | os.PathLike[str]) -> list[Download]:
    """Write the events as VCF 4.4 (bgzip and tabix), passages as samples."""
    target = Path(folder) / f"{_stem(record)}.events.vcf.gz"

    def compress(beside: Path) -> None:
        """Write the text, packed in blocks."""
        plain = beside.with_suffix(".plain")
        try:
            plain.write_text(vcf_text(record), encoding="utf-8")
            pysam.tabix_compress(str(plain), str(beside), force=True)
        finally:
            plain.unlink(missing_ok=True)

    def index(beside: Path) -> None:
        """Write the index of the packed text."""
        pysam.tabix_index(str(target), preset="vcf", index=str(beside), force=True)

    tables.write_beside(target, compress)
    tables.write_beside(f"{target}.tbi", index)
    about = f"events, VCF 4.4; {what_was_found(record)}"
    return [_download(target, about), _download(Path(f"{target}.tbi"), "tabix index of the VCF")]


def write_seg(record: LineRecord, folder: str | os.PathLike[str]) -> list[Download]:
    """Write the segments of each passage as SEG, for IGV and cBioPortal."""
    target = Path(folder) / f"{_stem(record)}.seg"
    names = ["ID", "chrom", "loc.start", "loc.end", "num.mark", "seg.mean"]
    segments = pd.DataFrame(_segments(record), columns=names)
    _write_text(target, segments.to_csv(sep="\t", index=False, float_format="%.4f"))
    about = "segments, SEG: log2 of the copies of each event, mean of the bins between; "
    return [_download(target, about + "num.mark counts bins")]


def _segments(record: LineRecord) -> list[tuple[str, str, int, int, int, float]]:
    """Return ID, chrom, 1-based start, end, bins and mean of the stretches of each measurement.

    An event has the log2 of its copies; what lies between events has the mean of its bins and is
    left out where no bin has a level.
    """
    rows = []
    present = record.trajectories[record.trajectories["state"] == "present"]
    for sample in samples_of(record):
        states = {row["event_id"]: row for row in rows_of(present[present["sample"] == sample])}
        events = record.events[record.events["event_id"].isin(list(states))]
        own = record.tracks[record.tracks["sample"] == sample].dropna(subset=["log_ratio"])
        assays = list(dict.fromkeys(own["assay"])) or [""]
        for assay in assays:
            name = f"{sample}.{assay}" if len(assays) > 1 else sample
            for chrom in CHROMOSOMES:
                here = rows_of(events[events["chrom"] == chrom])
                bins = own[(own["chrom"] == chrom) & (own["assay"] == assay)]
                for start, end, n, mean in _pieces(here, bins, states, record):
                    rows.append((name, chrom, start + 1, end, n, mean))
    return rows


def _pieces(
    events: list[dict[str, Any]],
    bins: pd.DataFrame,
    states: dict[str, dict[str, Any]],
    record: LineRecord,
) -> Iterable[tuple[int, int, int, float]]:
    """Return start, end, bins and mean of the stretches of a chromosome, cut where events end."""
    middle = (bins["start"].to_numpy(np.int64) + bins["end"].to_numpy(np.int64)) // 2
    level = bins["log_ratio"].to_numpy(float)
    edges = {int(event[side]) for event in events for side in ("start", "end")}
    edges |= {int(bins["start"].min()), int(bins["end"].max())} if len(bins) else set()
    cuts = sorted(edges)
    for start, end in zip(cuts[:-1], cuts[1:], strict=True):
        inside = (middle >= start) & (middle < end)
        n = int(inside.sum())
        over = [event for event in events if event["start"] < end and event["end"] > start]
        if over:
            yield start, end, n, _log_copies(over, states, record)
        elif n:
            yield start, end, n, float(level[inside].mean())


def _log_copies(
    events: list[dict[str, Any]], states: dict[str, dict[str, Any]], record: LineRecord
) -> float:
    """Return the log2 of copies over those expected where these events lie on each other."""
    first = events[0]
    expected = max(expected_copies_at(str(first["chrom"]), int(first["start"]), record), 1)
    changes = [mean_copies(event, states[event["event_id"]], record) for event in events]
    copies = expected + sum(copies - expected for copies in changes)
    # A tenth of a copy is what the background of an array leaves of a homozygous loss.
    return math.log2(max(copies, 0.1) / expected)


def write_bed(record: LineRecord, folder: str | os.PathLike[str]) -> list[Download]:
    """Write the events as BED9 with colours."""
    target = Path(folder) / f"{_stem(record)}.events.bed"
    name = re.sub(r"[^\w.-]", "_", record.line["line"])
    lines = [f'track name="{name}" description="linedrift events of {name}" itemRgb="On"']
    if record.events.empty:
        lines.append(f"# {one_line(what_was_found(record))}")
    for event in rows_of(tables.in_genome_order(record.events)):
        label = re.sub(r"\s+", "_", f"{event['kind']}_{event['band']}_{event['origin']}")
        quality = 0.0 if math.isnan(event["quality"]) else min(event["quality"], MOST_QUALITY)
        place = [str(event["chrom"]), str(event["start"]), str(event["end"])]
        score = str(round(10 * max(quality, 0.0)))
        lines.append("\t".join([*place, label, score, ".", *place[1:], _COLOURS[event["kind"]]]))
    _write_text(target, "\n".join(lines) + "\n")
    return [_download(target, f"events, BED9; {what_was_found(record)}")]


def write_tables(record: LineRecord, folder: str | os.PathLike[str]) -> list[Download]:
    """Write the tables that people read as TSV, safe to open as a spreadsheet (`guarded`)."""
    written = []
    for name, (table, about) in _TSV.items():
        target = Path(folder) / f"{_stem(record)}.{name}.tsv"
        frame = tables.conform(_frame(record, name), table)
        texts = frame.select_dtypes(["str", "category"]).columns
        frame = frame.assign(**{column: frame[column].map(guarded) for column in texts})
        _write_text(target, frame.to_csv(sep="\t", index=False, float_format="%.6g"))
        said = f"{about}; {what_was_found(record)}" if name == "events" else about
        written.append(_download(target, said))
    return written


def _frame(record: LineRecord, name: str) -> pd.DataFrame:
    """Return a frame of a record by the name of its file."""
    variants, readouts = record.variants, record.readouts
    of_variants = (variants.called, variants.courses, variants.hotspots)
    of_readouts = (readouts.asked, readouts.differences)
    names = (*_VARIANT_TSV, *_READOUT_TSV)
    frames = dict(zip(names, (*of_variants, *of_readouts), strict=True))
    return frames[name] if name in frames else getattr(record, name)


def guarded(text: object) -> object:
    """Return a cell with an apostrophe before what a spreadsheet would take for a formula.

    A number as text (-0.2) stays as it is: it cannot call anything.
    """
    if not isinstance(text, str) or not text.startswith(_FORMULA):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text


def write_json(record: LineRecord, folder: str | os.PathLike[str]) -> list[Download]:
    """Write the whole record as JSON; `read_json` reads it back."""
    target = Path(folder) / f"{_stem(record)}.json"
    document = {
        "format": JSON_FORMAT,
        "version": JSON_VERSION,
        **{name: getattr(record, name) for name in _PLAIN},
        "measurements": _columns(record.measurements, "measurements"),
        "tables": {
            name: _columns(tables.conform(_frame(record, name), table), name)
            for name, table in _FRAMES.items()
        },
        "variant_facts": record.variants.facts,
        "readout_facts": record.readouts.facts,
        "markers": _columns(record.markers, "markers"),
    }
    _write_text(target, json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")
    return [_download(target, "everything on this page, JSON")]


def read_json(path: str | os.PathLike[str]) -> LineRecord:
    """Read a record that `write_json` wrote; its downloads are not part of it.

    Raises
    ------
    ExchangeError
        Naming the file, when it is no such document, of another version, or cut.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        found = (document["format"], document["version"])
        if found != (JSON_FORMAT, JSON_VERSION):
            raise ExchangeError(
                f"{path}: found {found[0]!r} version {found[1]!r}, expected {JSON_FORMAT!r} "
                f"version {JSON_VERSION}; write it again with this version of linedrift"
            )
        frames: dict[str, Any] = {
            name: tables.check(pd.DataFrame(document["tables"][name]), table)
            for name, table in _FRAMES.items()
        }
        called, courses, hotspots = (frames.pop(name) for name in _VARIANT_TSV)
        asked, differences = (frames.pop(name) for name in _READOUT_TSV)
        plain: dict[str, Any] = {name: document[name] for name in _PLAIN}
        return LineRecord(
            measurements=pd.DataFrame(document["measurements"]),
            markers=_markers(document["markers"]),
            variants=Variants(called, courses, hotspots, document["variant_facts"]),
            readouts=Readouts(asked, differences, document["readout_facts"]),
            **plain,
            **frames,
        )
    except ExchangeError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ExchangeError(
            f"{path}: cannot be read as a line of linedrift: {type(error).__name__}: {error}"
        ) from error


def _columns(frame: pd.DataFrame, name: str) -> dict[str, list[Any]]:
    """Return the columns as lists for JSON, None where a value is missing."""
    columns = {}
    for column in frame.columns:
        values = frame[column]
        if values.dtype == np.float32:
            # The shortest decimals that give the same float32 back; as float64 it has twice them.
            values = pd.Series(values.to_numpy().astype(str).astype(float))
        if values.dtype.kind == "f" and np.isinf(values.to_numpy()).any():
            raise ExchangeError(f"table {name}, column {column}: an infinite number")
        texts = values.astype(object)
        columns[str(column)] = texts.where(values.notna(), None).tolist()
    return columns


def _markers(columns: dict[str, list[Any]]) -> pd.DataFrame:
    """Return single loci with the types of their contract, and sample and assay."""
    frame = pd.DataFrame(columns)
    types = {column.name: column.dtype for column in tables.CONTRAST.columns}
    types |= {"sample": "str", "assay": "str"}
    return frame.astype({name: types[name] for name in frame.columns if name in types})


def write_checksums(
    downloads: Iterable[Download], folder: str | os.PathLike[str]
) -> list[Download]:
    """Write SHA256SUMS of these files, sorted by name, as ``sha256sum -c`` reads it."""
    target = Path(folder) / "SHA256SUMS"
    rows = sorted((name, digest) for name, _, digest in downloads)
    _write_text(target, "".join(f"{digest}  {name}\n" for name, digest in rows))
    return [_download(target, "SHA-256 of these files, for sha256sum -c")]


def _stem(record: LineRecord) -> str:
    """Return the line's name as the beginning of a file name."""
    name = record.line["line"]
    # The sheet allows only this; a record from elsewhere must not leave the folder either.
    if not re.fullmatch(r"[^\W_][\w.-]{0,49}", name):
        raise ExchangeError(f"line {name!r} cannot name a file; use letters, digits, . _ -")
    return name


def _write_text(target: Path, text: str) -> None:
    tables.write_beside(target, lambda beside: beside.write_text(text, encoding="utf-8"))


def _download(path: Path, about: str) -> Download:
    with path.open("rb") as handle:
        return path.name, about, hashlib.file_digest(handle, "sha256").hexdigest()
