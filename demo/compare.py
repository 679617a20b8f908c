"""Compare what linedrift called in the demo bank with what was planted, and print the table.

Exit code 1 where anything is not as planted. "Absent" is as planted where no cell carries the
event, and also where the reported limit of detection says that the planted share could not have
been seen.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import compare_variants
import library_path  # noqa: F401
import numpy as np
import pandas as pd
from linedrift import tables
from linedrift.readout_tables import READOUTS

# A call is the planted event where they share this much of their union.
SAME_PLACE = 0.7
# A cell fraction is as planted inside its interval, or this near: the simulated arrays bias BAF
# at heterozygous loci by their platform, sample and clipping, as real ones do.
NEAR = 0.06
RELATED = {"amplification": "gain", "deep_loss": "loss"}

COLUMNS = ["what", "sample", "planted", "found", "ok"]
Row = tuple[str, str, str, str, bool]


def compare(bank: Path, results: Path) -> pd.DataFrame:
    """Return one row per question: what, sample, planted, found, ok (str, str, str, str, bool)."""
    truth = tables.read(bank / "truth.tsv", tables.TRUTH)
    expectations = _read_text(bank / "expectations.tsv")
    lines = _read_text(bank / "lines.tsv")
    rows: list[Row] = []
    for line in lines.loc[lines["kind"] == "line", "line"]:
        events = tables.read(results / "lines" / line / "events.tsv", tables.EVENTS)
        courses = tables.read(results / "lines" / line / "trajectories.tsv", tables.TRAJECTORIES)
        own = truth[truth["line"] == line]
        rows += planted_events(own, events, courses)
        rows += false_events(line, own, events)
    rows += samples_set_apart(expectations, results)
    rows += hotspots(expectations, results)
    rows += seen_in_one_assay(expectations, truth, results)
    rows += readouts(expectations, results)
    rows += private_lines(lines, results)
    rows += compare_variants.rows(bank, results, state_of)
    return pd.DataFrame(rows, columns=COLUMNS)


def planted_events(
    truth: pd.DataFrame, events: pd.DataFrame, courses: pd.DataFrame
) -> Iterator[Row]:
    """Yield the rows of every planted event of one line, passage by passage."""
    for name, own in truth.groupby("event", sort=False):
        planted = own.iloc[0]
        match = match_of(planted, events)
        if match is None:
            for row in own.itertuples():
                found, ok = "not called", row.cell_fraction == 0
                yield name, f"{row.line}-p{row.passage}", _percent(row.cell_fraction), found, ok
            continue
        called = events.loc[match]
        yield (
            name,
            planted["line"],
            f"{planted['origin']} {planted['kind']} {place(planted)}",
            f"{called['origin']} {called['kind']} {place(called)}",
            is_same_origin(planted["origin"], called["origin"], own),
        )
        course = courses[courses["event_id"] == called["event_id"]].set_index("passage")
        for row in own.itertuples():
            at = course.loc[[row.passage]].iloc[0] if row.passage in course.index else None
            found, ok = state_of(row.cell_fraction, at)
            yield name, f"{row.line}-p{row.passage}", _percent(row.cell_fraction), found, ok


def match_of(planted: pd.Series, events: pd.DataFrame) -> int | None:
    """Return the index of the call that is the planted event, the best in place, or None."""
    if events.empty:
        return None
    shared = _overlap(planted, events)
    jaccard = shared / (
        planted["end"] - planted["start"] + events["end"] - events["start"] - shared
    )
    alike = events["kind"].replace(RELATED) == RELATED.get(planted["kind"], planted["kind"])
    score = jaccard.where(alike & same_extent(planted, events, jaccard), 0.0)
    return int(score.idxmax()) if score.max() > 0 else None


def same_extent(planted: pd.Series, events: pd.DataFrame, jaccard: pd.Series) -> pd.Series:
    """Return where a call has the extent of the planted event (bool).

    Also where its own intervals of both ends hold the planted ends.
    """
    inside = (events["start_low"] <= planted["start"]) & (planted["start"] <= events["start_high"])
    inside &= (events["end_low"] <= planted["end"]) & (planted["end"] <= events["end_high"])
    return (jaccard >= SAME_PLACE) | (inside & (jaccard > 0))


def is_same_origin(planted: str, called: str, own: pd.DataFrame) -> bool:
    """Return whether the origin is as planted; a line without a donor may leave it open."""
    return called == planted or (called == "unknown" and bool((own["cell_fraction"] > 0).all()))


def state_of(planted: float, at: pd.Series | None) -> tuple[str, bool]:
    """Return what was found at one passage, in words, and whether it is as planted."""
    if at is None:
        return "no row in trajectories.tsv", False
    if at["state"] == "present":
        text = f"{_percent(at['cell_fraction'])} ({_percent(at['low'])}-{_percent(at['high'])})"
        inside = at["low"] <= planted <= at["high"] or abs(at["cell_fraction"] - planted) <= NEAR
        return text, bool(planted > 0 and inside)
    if at["state"] == "absent":
        limit = at["limit"]
        return f"absent down to {_percent(limit)}", bool(planted == 0 or planted < limit)
    return f"not testable: {at['reason']}", False


def false_events(line: str, truth: pd.DataFrame, events: pd.DataFrame) -> Iterator[Row]:
    """Yield a row per call that is no planted event, or one row that says there is none."""
    planted = truth.drop_duplicates("event")
    matches = {match_of(row, events) for _, row in planted.iterrows()}
    extra = events[~events.index.isin([m for m in matches if m is not None])]
    for _, call in extra.iterrows():
        yield "false event", line, "none", f"{call['origin']} {call['kind']} {place(call)}", False
    if extra.empty:
        yield "false events", line, "none", "none", True


def samples_set_apart(expectations: pd.DataFrame, results: Path) -> Iterator[Row]:
    """Yield the rows of the swapped sample and of the measurement that fails quality."""
    identity = tables.read(results / "bank" / "identity.tsv", tables.IDENTITY).set_index("sample")
    apart = expectations[expectations["expectation"].isin(["swapped", "failed_quality"])]
    for row in apart.itertuples():
        what, line = row.expectation.replace("_", " "), row.sample.rsplit("-p", 1)[0]
        for table in (tables.TRAJECTORIES, tables.HOTSPOTS):
            frame = tables.read(results / "lines" / line / f"{table.name}.tsv", table)
            states = frame.loc[frame["sample"] == row.sample, "state"]
            found = ", ".join(f"{n} {s}" for s, n in states.value_counts().items()) or "no row"
            ok = bool(len(states)) and bool((states == "not_testable").all())
            yield what, row.sample, f"{table.name}: not_testable", found, ok
    swapped = apart[apart["expectation"] == "swapped"]
    for row in swapped.itertuples():
        at = identity.loc[row.sample]
        twins = [s for s in at["looks_like"].split(";") if s.startswith(f"{row.detail}-p")]
        found = f"identity {at['state']}, looks like {at['looks_like'] or 'none'}"
        ok = at["state"] == "failed" and bool(twins)
        yield "swapped", row.sample, f"failed, is {row.detail}", found, ok
    others = identity.drop(swapped["sample"])
    wrong = ", ".join(others.index[others["state"] == "failed"])
    yield "identity", "all others", "none failed", wrong or "none failed", not wrong


def hotspots(expectations: pd.DataFrame, results: Path) -> Iterator[Row]:
    """Yield a row per hotspot that must be present."""
    for row in expectations[expectations["expectation"] == "hotspot"].itertuples():
        line = row.sample.rsplit("-p", 1)[0]
        frame = tables.read(results / "lines" / line / "hotspots.tsv", tables.HOTSPOTS)
        state = frame.loc[
            (frame["sample"] == row.sample) & (frame["hotspot_id"] == row.detail), "state"
        ]
        found = ", ".join(state) or "no row"
        yield f"hotspot {row.detail}", row.sample, "present", found, found == "present"


def seen_in_one_assay(
    expectations: pd.DataFrame, truth: pd.DataFrame, results: Path
) -> Iterator[Row]:
    """Yield a row per event that one assay (`seen_in_rna`) must give evidence of by itself."""
    of_assay = expectations["expectation"].str.startswith("seen_in_")
    for row in expectations[of_assay].itertuples():
        assay = row.expectation.removeprefix("seen_in_")
        folder = results / "lines" / row.sample.rsplit("-p", 1)[0]
        planted = truth[truth["event"] == row.detail].iloc[0]
        events = tables.read(folder / "events.tsv", tables.EVENTS)
        courses = tables.read(folder / "trajectories.tsv", tables.TRAJECTORIES)
        match = match_of(planted, events)
        of = "" if match is None else events.loc[match, "event_id"]
        support = courses.loc[
            (courses["event_id"] == of) & (courses["sample"] == row.sample), assay
        ].max()
        found = "no evidence" if pd.isna(support) else f"{support:.1f} nats"
        told = f"{row.detail} by {assay}"
        yield told, row.sample, "more than 0 nats", found, bool(support > 0)


def readouts(expectations: pd.DataFrame, results: Path) -> Iterator[Row]:
    """Yield a row per question of expression or methylation whose answer was planted."""
    for row in expectations[expectations["expectation"] == "readout"].itertuples():
        assay, item, planted = row.detail.split()
        asked = tables.read(results / "readouts" / f"{row.sample}.{assay}.tsv", READOUTS)
        states = asked.loc[asked["item"] == item, "state"].tolist()
        found = ", ".join(states) or "not asked"
        yield f"{item} by {assay}", row.sample, planted, found, found == planted


def private_lines(lines: pd.DataFrame, results: Path) -> Iterator[Row]:
    """Yield whether the name of a private line stands in any public file."""
    files = [path for path in sorted((results / "public").rglob("*")) if path.is_file()]
    for line in lines.loc[lines["tier"] == "private", "line"]:
        name = line.encode()
        leaks = [p.name for p in files if name in p.read_bytes() or line in p.as_posix()]
        found = ", ".join(leaks) if files else "no public files"
        yield "private line", line, "not public", found or "not public", bool(files) and not leaks


def place(row: pd.Series) -> str:
    """Return `chr20:30.45-32.95 Mb`."""
    return f"{row['chrom']}:{row['start'] / 1e6:.2f}-{row['end'] / 1e6:.2f} Mb"


def as_text(rows: pd.DataFrame) -> str:
    """Return the table as aligned text with a last line that counts."""
    shown = rows.assign(ok=np.where(rows["ok"], "ok", "NOT AS PLANTED"))
    wrong = int((~rows["ok"]).sum())
    count = f"{len(rows) - wrong} of {len(rows)} as planted"
    widths = {c: max(len(c), int(shown[c].str.len().max())) for c in COLUMNS}
    lines = ["  ".join(c.ljust(widths[c]) for c in COLUMNS).rstrip()]
    lines += [
        "  ".join(
            str(value).ljust(widths[c]) for c, value in zip(COLUMNS, row, strict=True)
        ).rstrip()
        for row in shown.itertuples(index=False)
    ]
    return "\n".join([*lines, "", count])


def _overlap(planted: pd.Series, events: pd.DataFrame) -> pd.Series:
    """Return the shared length in bp (float64, one per event)."""
    length = np.minimum(planted["end"], events["end"]) - np.maximum(
        planted["start"], events["start"]
    )
    return length.clip(lower=0).where(events["chrom"] == planted["chrom"], 0).astype(float)


def _percent(fraction: float) -> str:
    return "?" if pd.isna(fraction) else f"{100 * fraction:.0f} %"


def _read_text(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def report(bank: Path, results: Path) -> int:
    """Print the comparison; return 0 where everything is as planted, else 1."""
    try:
        rows = compare(bank, results)
    except (tables.TableError, OSError, KeyError) as error:
        print(f"The results cannot be compared with what was planted: {error}")
        return 1
    print(f"\nWhat was planted, and what was found\n\n{as_text(rows)}\n")
    return int(not rows["ok"].all())


def main() -> int:
    """Compare the folders that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bank", type=Path, default=Path("demo/bank"))
    parser.add_argument("--results", type=Path, default=Path("demo/results"))
    options = parser.parse_args()
    return report(options.bank, options.results)


if __name__ == "__main__":
    raise SystemExit(main())
