"""Compare the variants that linedrift called in the exomes of the demo with what was planted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import library_path  # noqa: F401
import pandas as pd
from linedrift import sequencing_tables, tables

# What was planted at a base that is hotspot, by the name of the hotspot.
HOTSPOTS = {"TP53_R175H": "TP53:p.Arg175His"}

Row = tuple[str, str, str, str, bool]
State = Callable[[float, pd.Series | None], tuple[str, bool]]
PLACE = ["chrom", "start", "ref", "alt"]


def rows(bank: Path, results: Path, state_of: State) -> Iterator[Row]:
    """Yield (what, sample, planted, found, ok) of every planted variant and every other call.

    `state_of` says of a planted share of cells and a row of a course what was found, and whether
    it is as planted. Without a table of planted variants the bank has no exomes: nothing.
    """
    path = bank / "variants_truth.tsv"
    if not path.is_file():
        return
    truth = pd.read_csv(path, sep="\t", dtype={"chrom": str, "ref": str, "alt": str})
    for line, own in truth.groupby("line"):
        folder = results / "lines" / str(line)
        called = tables.read(folder / "variants.tsv", sequencing_tables.VARIANTS)
        courses = tables.read(folder / "variant_courses.tsv", sequencing_tables.VARIANT_COURSES)
        planted = own[own["origin"] != "artefact"]
        yield from _planted(planted, called, courses, state_of)
        yield from _others(str(line), own, called)
        asked = tables.read(folder / "variant_hotspots.tsv", sequencing_tables.VARIANT_HOTSPOTS)
        yield from _hotspots(planted, asked, state_of)


def _planted(
    planted: pd.DataFrame, called: pd.DataFrame, courses: pd.DataFrame, state_of: State
) -> Iterator[Row]:
    for name, own in planted.groupby("variant", sort=False):
        first = own.iloc[0]
        match = called[_same_place(called, first)]
        if match.empty:
            for row in own.itertuples():
                found, ok = "not called", row.cell_fraction == 0
                yield str(name), row.sample, f"{100 * row.cell_fraction:.0f} %", found, ok
            continue
        call = match.iloc[0]
        found = f"{call['origin']} {call['gene']} {call['consequence']}".strip()
        ok = call["origin"] == first["origin"]
        yield str(name), first["line"], f"{first['origin']} {place(first)}", found, ok
        course = courses[courses["variant_id"] == call["variant_id"]].set_index("sample")
        for row in own.itertuples():
            at = course.loc[[row.sample]].iloc[0] if row.sample in course.index else None
            found, ok = state_of(row.cell_fraction, at)
            yield str(name), row.sample, f"{100 * row.cell_fraction:.0f} %", found, ok


def _others(line: str, own: pd.DataFrame, called: pd.DataFrame) -> Iterator[Row]:
    """Yield a row per call that is not planted, or one that says there is none.

    Other variants that the person was born with are no mistake.
    """
    planted = pd.MultiIndex.from_frame(own.loc[own["origin"] != "artefact", PLACE])
    here = pd.MultiIndex.from_frame(called[PLACE].astype({"chrom": str}))
    extra = called[~here.isin(planted) & (called["origin"] != "inherited").to_numpy()]
    for _, call in extra.iterrows():
        artefacts = own[(own["origin"] == "artefact") & _same_place(own, call)]
        what = artefacts["variant"].iloc[0] if len(artefacts) else "false variant"
        yield what, line, "none", f"{call['origin']} {place(call)}", False
    if extra.empty:
        yield "false variants", line, "none", "none", True


def _hotspots(planted: pd.DataFrame, asked: pd.DataFrame, state_of: State) -> Iterator[Row]:
    for row in planted[planted["variant"].isin(list(HOTSPOTS))].itertuples():
        hotspot = HOTSPOTS[row.variant]
        at = asked[(asked["hotspot_id"] == hotspot) & (asked["sample"] == row.sample)]
        if row.sample.startswith(f"{row.line}-p"):
            found, ok = state_of(row.cell_fraction, at.iloc[0] if len(at) else None)
            planted_share = f"{100 * row.cell_fraction:.0f} %"
            yield f"hotspot {hotspot}", row.sample, planted_share, found, ok


def _same_place(frame: pd.DataFrame, row: pd.Series) -> pd.Series:
    same = frame["chrom"].astype(str) == str(row["chrom"])
    for column in PLACE[1:]:
        same &= frame[column] == row[column]
    return same


def place(row: pd.Series) -> str:
    """Return `chr17:7,675,088 C>T`, 1-based as VCF has it."""
    return f"{row['chrom']}:{row['start'] + 1:,} {row['ref']}>{row['alt']}"
