"""A quick look at the files of a measurement, before any job runs: whether the sheet is right.

Looks at the head (about 20,000 rows) and at the end, at the names of samples, at the manifest and
at the build. What only the whole file can show, such as a cut inside a plain gzip file of more
than 16 MB, is found by `array.read`.
"""

from __future__ import annotations

import functools
import mmap
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from linedrift import genome
from linedrift.readers import (
    alignments,
    array,
    array_values,
    array_vcf,
    bpm,
    builds,
    delimited,
    fastq,
    layouts,
    liftover,
    manifests,
    methylation_heads,
    rna_heads,
)
from linedrift.readers.files import (
    ReadingError,
    check_presence,
    decode,
    is_gzip,
    last_line,
    named,
    packed_end_problem,
    spellings,
)

_ROWS = 20_000
_BLOCK = 1 << 18
_GTC_BYTES = 1 << 20
# Files up to these sizes are read whole for the names of their samples or markers (about .2 s).
_SMALL_PACKED, _SMALL_PLAIN = 16 << 20, 64 << 20
_PROBES = 500
# Files are looked at in parallel; a manifest or chain that they share is read by one of them.
_ONE_AT_A_TIME = threading.Lock()


def problems(
    row: Mapping[str, str],
    chains: Mapping[str, str],
    build_markers: pd.DataFrame,
    reference: str = "",
) -> list[str]:
    """Return what is wrong with the files of one measurement, in words, or an empty list.

    Parameters
    ----------
    row
        Row of samples.tsv: path, path2, format, name_in_file, build.
    chains
        Chain files to GRCh38 by name of build.
    build_markers
        Markers known by name: name, chrom, pos_hg18, pos_GRCh37, pos_GRCh38.
    reference
        FASTA that alignments are compared with.
    """
    found: list[str] = []
    if row.get("assay") == "methylation":
        return methylation_heads.problems(row, chains, reference)
    if row["format"] in (*rna_heads.FORMATS, "fastq"):
        return _sequenced(row, chains, build_markers, reference)
    path, path2 = str(row["path"]), str(row.get("path2", ""))
    format, name = str(row["format"]), str(row.get("name_in_file", ""))
    if format not in array.FORMATS:
        return [f"{path}: unknown format {format!r}; expected {', '.join(array.FORMATS)}"]
    try:
        of = genome.build(str(row.get("build", "")) or genome.GRCH38.name)
    except ValueError as error:
        return [f"{path}: {error}"]
    here = [one for one in (path, path2) if one or one is path if _ask(found, check_presence, one)]
    for one in here:
        if is_gzip(one) and (text := packed_end_problem(one)):
            found.append(text)
    if found:
        return found
    look = {"gtc": _look_at_gtc, "vcf": _look_at_vcf}.get(format, _look_at_text)
    markers = _ask(found, look, path, path2, format, name, of)
    if of.name != genome.GRCH38.name:
        _ask(found, _check_chain, of, chains)
    if isinstance(markers, pa.Table):
        _ask(found, _check_build, path2 or path, of, markers, build_markers)
    return found


def _sequenced(
    row: Mapping[str, str],
    chains: Mapping[str, str],
    build_markers: pd.DataFrame,
    reference: str,
) -> list[str]:
    """Return what is wrong with reads, alignments, and what was counted of RNA."""
    if row["format"] == "fastq":
        return fastq.problems(row)
    is_rna = row.get("assay") == "rna" or row["format"] not in alignments.FORMATS
    # RNA may be aligned to another FASTA than exomes, with the sequences of vectors in it.
    compared = "" if is_rna and row["format"] == "bam" else reference
    found = alignments.problems(row, compared) if row["format"] in alignments.FORMATS else []
    return found or (rna_heads.problems(row, chains, build_markers) if is_rna else [])


def _ask(found: list[str], ask: Callable[..., Any], *given: Any) -> Any:
    """Call `ask`; where it raises ReadingError keep the words, and return None."""
    try:
        result = ask(*given)
    except ReadingError as error:
        found.append(str(error))
        return None
    return True if result is None else result


def _check_chain(of: genome.Build, chains: Mapping[str, str]) -> None:
    with _ONE_AT_A_TIME:
        _chain(liftover.chain_path(of, chains), of.name)


@functools.lru_cache(maxsize=8)
def _chain(path: str, build: str) -> bool:
    return bool(liftover.read_chain(path, genome.BUILDS[build]))


def _look_at_gtc(path: str, path2: str, format: str, name: str, of: genome.Build) -> pa.Table:
    gtc = bpm.read_gtc(path, _GTC_BYTES)
    if not path2:
        raise ReadingError(
            f"{path}: a GTC has no names and positions; expected its BPM or CSV manifest in path2"
        )
    markers, info = _markers(path2, of.name)
    array.check_manifest(gtc, path2, info)
    return markers


def _look_at_vcf(path: str, path2: str, format: str, name: str, of: genome.Build) -> pa.Table:
    text, samples = array_vcf.header(path)
    array_vcf.check_formats(path, text)
    array_vcf.choose_sample(path, samples, name)
    delimited.check_end(path)
    said = array_vcf.stated_build(text)
    if said and said != of.name:
        raise ReadingError(
            f"{path}: the ##contig lines have the chromosome lengths of {said}; expected "
            f"{of.name}. Write {said} into the column build"
        )
    found = array_vcf.layout(text, samples, 0)
    return _head_rows(path, found, ("name", "chrom", "pos"), quoted=False)


def _look_at_text(
    path: str, path2: str, format: str, name: str, of: genome.Build
) -> pa.Table | None:
    found = layouts.layout(path, format, name)
    _check_text_end(path, found)
    rows = _head_rows(path, found, tuple(found.roles))
    if rows.num_rows == 0:
        raise ReadingError(f"{path}: has columns but no rows; export it again")
    if format == "final_report":
        _check_sample(path, found, rows, name)
    array_values.check(path, rows, whole=False)
    if path2:
        markers, info = _markers(path2, of.name)
        if info["complete"]:
            array.check_markers_fit(path, rows["name"], path2, markers)
        return markers
    if not {"chrom", "pos"} <= set(found.roles):
        raise array.no_positions(path)
    return rows


def _head_rows(
    path: str, found: layouts.Layout, roles: tuple[str, ...], quoted: bool = True
) -> pa.Table:
    """Return the first rows, texts decoded where they name a marker or its chromosome."""
    parts: list[pa.RecordBatch] = []
    for batch in delimited.batches(path, found, roles, quoted=quoted, block=_BLOCK):
        parts.append(batch)
        if sum(part.num_rows for part in parts) >= _ROWS:
            break
    rows = pa.Table.from_batches(parts).slice(0, _ROWS)
    for role in {"name", "chrom"} & set(rows.column_names):
        at = rows.schema.get_field_index(role)
        rows = rows.set_column(at, role, delimited.as_text(rows[role]))
    return rows


def _markers(path: str, build: str) -> tuple[pa.Table, dict[str, Any]]:
    state = os.stat(path)
    with _ONE_AT_A_TIME:
        return _markers_of(path, build, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=4)
def _markers_of(path: str, build: str, _: int, size: int) -> tuple[pa.Table, dict[str, Any]]:
    """Return the markers of a manifest: all, or the first of a large text.

    Measurements share manifests, so the last few are kept.
    """
    small = size <= (_SMALL_PACKED if is_gzip(path) else _SMALL_PLAIN)
    markers, info = manifests.read(path, build, 0 if small else _ROWS)
    return markers, info | {"complete": small or info["kind"] == "bpm"}


def _check_text_end(path: str, found: layouts.Layout) -> None:
    """Raise ReadingError where a plain text ends in the middle of a row."""
    end = last_line(path, delimited.WIDEST)
    if end is None or not end.strip() or end.endswith((b"\n", b"\r")):
        return
    fields = layouts.split(decode(end), found.delimiter)
    if len(fields) < len(found.columns):
        raise ReadingError(
            f"{path}: is cut in the middle of its last line: found {len(fields)} fields "
            f"({decode(end)[-80:]!r}), expected {len(found.columns)}. Copy or export it again"
        )
    delimited.check_end(path)


def _check_sample(path: str, found: layouts.Layout, rows: pa.Table, name: str) -> None:
    """Raise ReadingError where a FinalReport lacks the sample, or holds many and none is named."""
    roles = [role for role in ("sample", "sample_name") if role in found.roles]
    if not roles:
        return
    seen = [set(map(decode, pc.unique(rows[role]).to_pylist())) for role in roles]
    if name and any(named(name, one) is not None for one in seen):
        return
    size, packed = os.path.getsize(path), is_gzip(path)
    if size <= (_SMALL_PACKED if packed else _SMALL_PLAIN):
        names = _all_samples(path, found, roles)
    elif packed or (name and _holds(path, found, roles, name)):
        return
    else:
        names = _probed_samples(path, found, roles)
    if name and not any(named(name, one) is not None for one in names):
        raise layouts.no_such_sample(path, name, sorted(set().union(*names)))
    if not name and len(names[0]) > 1:
        raise layouts.no_such_sample(path, "", sorted(names[0]))


def _all_samples(path: str, found: layouts.Layout, roles: list[str]) -> list[set[str]]:
    names: list[set[bytes]] = [set() for _ in roles]
    for batch in delimited.batches(path, found, tuple(roles)):
        for known, role in zip(names, roles, strict=True):
            known |= set(pc.unique(batch[role]).to_pylist())
    return [set(map(decode, known)) for known in names]


def _holds(path: str, found: layouts.Layout, roles: list[str], name: str) -> bool:
    """Return whether a row of a large plain file has the sample, by searching its bytes."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for spelling in spellings(name):
            at = data.find(spelling)
            while at >= 0:
                start, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
                line = decode(data[start : end if end >= 0 else len(data)])
                if named(name, _samples_of_line(line, found, roles)) is not None:
                    return True
                at = data.find(spelling, end) if end >= 0 else -1
    return False


def _samples_of_line(line: str, found: layouts.Layout, roles: list[str]) -> list[str]:
    fields = layouts.split(line.rstrip("\r\n"), found.delimiter)
    whole = len(fields) == len(found.columns)
    return [fields[found.roles[role]] for role in roles] if whole else []


def _probed_samples(path: str, found: layouts.Layout, roles: list[str]) -> list[set[str]]:
    """Return samples of a large plain file from rows at even distances: most, perhaps not all."""
    names: list[set[str]] = [set() for _ in roles]
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        for at in range(found.offset, size, max(1, (size - found.offset) // _PROBES)):
            file.seek(at)
            file.readline()
            line = _samples_of_line(decode(file.readline()), found, roles)
            for known, sample in zip(names, line, strict=False):
                known.add(sample)
    return names


def _check_build(
    path: str, of: genome.Build, markers: pa.Table, build_markers: pd.DataFrame
) -> None:
    """Raise ReadingError where the contigs are unknown or the positions are of another build."""
    frame = markers.select(["name", "chrom", "pos"]).to_pandas()
    n_strange, contigs = builds.placeless(frame["chrom"])
    if n_strange > array.MOST_OTHER * len(frame):
        raise array.unknown_contigs(path, n_strange, len(frame), contigs)
    found = builds.fits(frame["name"], frame["chrom"], frame["pos"], build_markers)
    if text := builds.problem(path, of, found):
        raise ReadingError(text)
