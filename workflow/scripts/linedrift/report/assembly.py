"""Results put together as the records that pages and exports take, and written as both."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from plotly.offline import get_plotlyjs

from linedrift import sequencing_tables as sequencing
from linedrift import tables
from linedrift.jobs import write_folder
from linedrift.methylation_tables import DIFFERENCES
from linedrift.readout_tables import READOUTS
from linedrift.records import BankRecord, LineRecord, Readouts, Variants
from linedrift.report import exchange, pages
from linedrift.verdict import readout_verdict, variant_verdict

_UNMEASURED = {"verdict": "insufficient", "sentence": "Not measured.", "latest_passage": ""}


def read_verdict(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return a verdict.json."""
    return dict(json.loads(Path(path).read_text(encoding="utf-8")))


def read_quality(paths: Iterable[str]) -> pd.DataFrame:
    """Return the QUALITY of several measurements, one below the other."""
    frames = [tables.read(path, tables.QUALITY) for path in paths]
    return pd.concat(frames, ignore_index=True) if frames else tables.QUALITY.empty()


def read_variants(files: Mapping[str, Any]) -> Variants:
    """Return the variants of a line from its files: variants, variant_courses, and so on."""
    return Variants(
        called=tables.read(files["variants"], sequencing.VARIANTS),
        courses=tables.read(files["variant_courses"], sequencing.VARIANT_COURSES),
        hotspots=tables.read(files["variant_hotspots"], sequencing.VARIANT_HOTSPOTS),
        facts=dict(json.loads(Path(files["variant_facts"]).read_text(encoding="utf-8"))),
    )


def read_readouts(asked: Iterable[str], differences: Iterable[str] = ()) -> Readouts:
    """Return the readouts of a line from the files of its measurements; empty where none is."""
    rows = [tables.read(path, READOUTS) for path in asked]
    found = [tables.read(path, DIFFERENCES) for path in differences]
    together = pd.concat([DIFFERENCES.empty(), *found], ignore_index=True)
    return Readouts(
        pd.concat([READOUTS.empty(), *rows], ignore_index=True), tables.in_genome_order(together)
    )


def line_record(
    files: Mapping[str, Any],
    line: Mapping[str, str],
    measurements: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    provenance: Mapping[str, str],
) -> LineRecord:
    """Return the private record of a line from its results.

    Parameters
    ----------
    files
        Paths by name: events, candidates, trajectories, candidate_trajectories, hotspots,
        findings, identity, verdict, tracks, markers, variants, variant_courses,
        variant_hotspots, variant_facts; quality, readouts, differences (several, or none).
    line
        Row of lines.tsv.
    measurements
        What the jobs of the line read; rows of other lines (the baseline) stay out of the record.
    settings, provenance
        As the page prints them.
    """
    own = [row for row in measurements if row["line"] == line["line"]]
    samples = [row["sample"] for row in own]

    def own_rows(frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the line's own samples."""
        return frame[frame["sample"].isin(samples)].reset_index(drop=True)

    called = tables.read(files["events"], tables.EVENTS)
    quality = own_rows(read_quality(files["quality"]))
    readouts = read_readouts(files.get("readouts", ()), files.get("differences", ()))
    return LineRecord(
        tier="private",
        line=dict(line),
        measurements=pd.DataFrame(own),
        events=_with_candidates(files, "events", "candidates", tables.EVENTS),
        trajectories=_with_candidates(
            files, "trajectories", "candidate_trajectories", tables.TRAJECTORIES
        ),
        hotspots=tables.read(files["hotspots"], tables.HOTSPOTS),
        quality=quality,
        identity=own_rows(tables.read(files["identity"], tables.IDENTITY)),
        findings=tables.read(files["findings"], tables.FINDINGS),
        tracks=own_rows(tables.read(files["tracks"], tables.TRACKS)),
        markers=pd.read_parquet(files["markers"]),
        verdict=read_verdict(files["verdict"]),
        inherited=int((called["origin"] == "inherited").sum()),
        settings=dict(settings),
        provenance=dict(provenance),
        variants=read_variants(files),
        readouts=readout_verdict.trusted(readouts, quality),
    )


def bank_record(
    files: Mapping[str, Any],
    lines: Sequence[Mapping[str, str]],
    measurements: Sequence[Mapping[str, Any]],
    name: str,
    provenance: Mapping[str, str],
) -> BankRecord:
    """Return the private record of the bank from the results of its lines.

    Parameters
    ----------
    files
        Paths by name: events, hotspots, verdict, the files of `read_variants` and quality of every
        measured line, in one order; bank_identity and bank_pairs.
    lines
        Rows of lines.tsv; a line without a measurement is listed as insufficient.
    measurements
        Rows of all measurements.
    name
        Name of the bank.
    provenance
        As the page prints it.
    """
    known = {}
    for n, path in enumerate(files["verdict"]):
        own = {name: files[name][n] for name in _PER_LINE}
        verdict = read_verdict(path)
        known[verdict["line"]] = _line_on_bank(verdict, own, measurements)
    rows = [_bank_row(line, known.get(line["line"]), measurements) for line in lines]
    spots = [found.hotspots.assign(line=line) for line, found in known.items()]
    return BankRecord(
        tier="private",
        name=name,
        # Texts and numbers as they are: a line without a passage must not turn 12 into 12.0.
        lines=pd.DataFrame(rows, dtype=object),
        hotspots=pd.concat([tables.HOTSPOTS.empty().assign(line=""), *spots], ignore_index=True),
        quality=read_quality(files["quality"]),
        identity=tables.read(files["bank_identity"], tables.IDENTITY),
        pairs=tables.read(files["bank_pairs"], tables.IDENTITY_PAIRS),
        provenance=dict(provenance),
    )


_PER_LINE = (
    "events", "hotspots", "variants", "variant_courses", "variant_hotspots", "variant_facts",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _OnBank:
    """What the bank's page takes of a line; hotspots and variants of its latest passage."""

    verdict: dict[str, Any]
    events: pd.DataFrame
    hotspots: pd.DataFrame
    hotspots_present: tuple[str, ...]
    n_variants: int | str
    variants_present: tuple[str, ...]


def _line_on_bank(
    verdict: dict[str, Any], files: Mapping[str, str], measurements: Sequence[Mapping[str, Any]]
) -> _OnBank:
    spots = tables.read(files["hotspots"], tables.HOTSPOTS)
    latest = [
        row
        for row in measurements
        if row["line"] == verdict["line"] and row["passage"] == verdict["latest_passage"]
    ]
    spots = spots[spots["passage"] == verdict["latest_passage"]]
    present = tuple(spots.loc[spots["state"] == "present", "label"])
    variants = read_variants(files)
    n: int | str = ""
    names: tuple[str, ...] = ()
    if latest:
        sample = {"sample": latest[0]["sample"], "assays": [row["assay"] for row in latest]}
        passage = int(latest[0]["passage"])
        genes = variant_verdict.gene_rows(sample, passage, variants, verdict["basis"])
        spots = pd.concat([spots, genes], ignore_index=True)
        n, names = variant_verdict.on_bank(sample, variants, verdict["basis"])
    events = tables.read(files["events"], tables.EVENTS)
    return _OnBank(verdict, events, spots, present, n, names)


def _with_candidates(
    files: Mapping[str, str], called: str, candidates: str, table: tables.Table
) -> pd.DataFrame:
    """Return what was called and then the candidates, which pages tell by their rate."""
    both = [tables.read(files[name], table) for name in (called, candidates)]
    return pd.concat(both, ignore_index=True)


def named_bank(name: str, lines: Sequence[str], provenance: Mapping[str, str]) -> BankRecord:
    """Return a record that says no more of the bank than its name, its lines and their pages."""
    rows = pd.DataFrame({"line": lines, "page": [_page(line) for line in lines]}, dtype=str)
    return BankRecord(
        tier="private",
        name=name,
        lines=rows,
        hotspots=tables.HOTSPOTS.empty(),
        quality=tables.QUALITY.empty(),
        identity=tables.IDENTITY.empty(),
        pairs=tables.IDENTITY_PAIRS.empty(),
        provenance=dict(provenance),
    )


def write_line(
    record: LineRecord,
    page: str,
    files: str,
    templates: str,
    copies: Sequence[tuple[str, str]] = (),
) -> str:
    """Write the files of a line, then its page, which links to them; return what was written.

    Parameters
    ----------
    record
        The private or the public record.
    page, files
        The page, and the folder beside it for the files.
    templates
        Folder of the page templates.
    copies
        Files that go beside the page as they are: path, and what it is.
    """
    written = write_folder(files, lambda folder: exchange.write_all(record, folder, copies))
    folder = os.path.basename(files)
    links = tuple((f"{folder}/{name}", what, digest) for name, what, digest in written)
    linked = dataclasses.replace(record, downloads=links)
    text = pages.line_page(linked, templates, get_plotlyjs(), bank_href="index.html")
    tables.write_beside(page, lambda path: path.write_text(text, encoding="utf-8"))
    return (
        f"{record.line['line']} ({record.tier}): {len(record.events)} events, "
        f"{len(written)} files, a page of {len(text) / 1e6:.1f} MB"
    )


def withdraw(folder: str | os.PathLike[str], lines: Sequence[str]) -> list[str]:
    """Remove what an earlier run published of lines that are no longer public; return its names.

    Only what linedrift wrote is removed: pages, and folders with a list of checksums.
    """
    stays = {"index.html", *map(_page, lines), *lines}
    gone = []
    for path in sorted(Path(folder).iterdir()):
        if path.name in stays:
            continue
        if path.is_dir() and (path / "SHA256SUMS").is_file():
            shutil.rmtree(path)
        elif path.is_file() and path.suffix == ".html":
            path.unlink()
        else:
            continue
        gone.append(path.name)
    return gone


def _page(line: str) -> str:
    """Return the page of a line, as the page of the bank links to it."""
    return f"{line}.html"


def _bank_row(
    line: Mapping[str, str],
    known: _OnBank | None,
    measurements: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return one line of the bank's page."""
    own = [row for row in measurements if row["line"] == line["line"]]
    row: dict[str, Any] = {
        **line,
        **_UNMEASURED,
        "n_passages": len({row["passage"] for row in own}),
        "assays": ";".join(dict.fromkeys(row["assay"] for row in own)),
        "n_acquired": 0,
        "n_inherited": 0,
        "hotspots_present": "",
        "n_variants": "",
        "variants_present": "",
        **readout_verdict.on_bank({}),
        "page": "",
    }
    if known is None:
        return row
    verdict, events = known.verdict, known.events
    most = verdict["basis"]["settings"]["max_false_event_rate"]
    counted = events[events["false_event_rate"] <= most]
    passage = verdict["latest_passage"]
    return row | {
        "verdict": verdict["verdict"],
        "sentence": verdict["sentence"],
        "latest_passage": "" if passage is None else passage,
        "n_acquired": int((counted["origin"] == "acquired").sum()),
        "n_inherited": int((counted["origin"] == "inherited").sum()),
        "hotspots_present": ";".join(known.hotspots_present),
        "n_variants": known.n_variants,
        "variants_present": ";".join(known.variants_present),
        **readout_verdict.on_bank(verdict),
        "page": _page(line["line"]),
    }
