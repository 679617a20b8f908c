"""Hold conumee2's scheme and linedrift against what was planted in the demo's methylation arrays.

    python benchmarks/methylation_demo.py [--bank demo/bank] [--results demo/results]

After `make demo`. Each array is compared with all arrays of the bank's other lines, as that scheme
wants; a call is a segment of five bins or more with |mean| >= .1. linedrift's column is what
methylation adds to the evidence of all assays.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import bench_paths
import conumee_scheme
import numpy as np
import pandas as pd
from linedrift import tables
from linedrift.methylation_tables import PROBES
from linedrift.tables import TRAJECTORIES, TRUTH

# |mean| and bins from which a segment is a call.
LEAST, LEAST_BINS = 0.1, 5


def main() -> int:
    """Read probes, truth and trajectories; print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bank", type=Path, default=Path("demo/bank"))
    parser.add_argument("--results", type=Path, default=Path("demo/results"))
    options = parser.parse_args()
    bench_paths.WORK.mkdir(parents=True, exist_ok=True)
    paths = sorted((options.results / "methylation").glob("*.probes.parquet"))
    arrays = {
        path.name.removesuffix(".probes.parquet"): tables.read(path, PROBES) for path in paths
    }
    truth = tables.read(options.bank / "truth.tsv", TRUTH)
    print("| sample | planted (cells) | conumee2's scheme | its other calls | linedrift, nats |")
    print("| --- | --- | --- | --- | --- |")
    for sample, own in arrays.items():
        line, _, passage = sample.rpartition("-p")
        others = [one for name, one in arrays.items() if not name.startswith(f"{line}-p")]
        with tempfile.TemporaryDirectory(dir=bench_paths.WORK) as folder:
            found = conumee_scheme.calls(*_same(own, others), Path(folder))
        found = found[(found["score"] >= LEAST) & (found["n"] >= LEAST_BINS)]
        here = truth[(truth["line"] == line) & (truth["passage"] == int(passage))]
        here = here[(here["cell_fraction"] > 0) & (here["chrom"] != "chrX")]
        hit = np.zeros(len(found), dtype=bool)
        for event in here.itertuples():
            on = _within(found, event)
            hit |= on
            told = ", ".join(f"{score:.2f}" for score in found.loc[on, "score"]) or "none"
            support = _support(options.results, line, sample, event)
            share = f"{event.event} ({event.cell_fraction:.0%})"
            print(f"| {sample} | {share} | {told} | | {support} |")
        print(f"| {sample} | nothing else | | {int((~hit).sum())} | |")
    return 0


def _same(own: pd.DataFrame, others: list[pd.DataFrame]) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Return arrays at the probes that all have, in one order."""
    names = set(own["name"]).intersection(*(set(one["name"]) for one in others))
    kept = [one[one["name"].isin(names)].reset_index(drop=True) for one in (own, *others)]
    return kept[0], kept[1:]


def _within(found: pd.DataFrame, event: object) -> np.ndarray:
    """Return the segments of which half lies within a planted event."""
    chrom, start, end = (getattr(event, name) for name in ("chrom", "start", "end"))
    shared = found["end"].clip(upper=end) - found["start"].clip(lower=start)
    same = found["chrom"].astype(str) == str(chrom)
    return (same & (shared > 0.5 * (found["end"] - found["start"]))).to_numpy()


def _support(results: Path, line: str, sample: str, event: object) -> str:
    """Return what methylation adds to the evidence for the event at a planted place."""
    folder = results / "lines" / line
    events = tables.read(folder / "events.tsv", tables.EVENTS)
    at = events[_within(events, event)]["event_id"]
    courses = tables.read(folder / "trajectories.tsv", TRAJECTORIES)
    mine = courses[courses["event_id"].isin(at) & (courses["sample"] == sample)]
    return f"{mine['methylation'].max():.0f}" if len(mine) else "not called"


if __name__ == "__main__":
    raise SystemExit(main())
