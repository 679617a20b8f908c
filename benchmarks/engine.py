"""linedrift on a pair of signals, in memory: what the rules of the workflow do in turn."""

from __future__ import annotations

import ast
import copy
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bench_paths
import numpy as np
import pandas as pd
import yaml
from genomes import bands
from linedrift import genome
from linedrift.events import events
from linedrift.events.segmentation import segment
from linedrift.signals.contrast import contrast

NAME = "linedrift"
# Its candidates, cut where the null genomes of the table have as many false events as peers may.
SAME_RATE = "linedrift at .1 false"
# The same, each row of a table at the cut-off on rate and loci that suits it best, as for peers.
BY_ROW = "linedrift, cut by row"
# Candidates are listed up to this stated rate: false events a genome.
LISTED = 1.0
# Where a pair of signals is made into calls.
STEPS = ("contrast", "segmentation", "events")
MODULES = (contrast.__module__, segment.__module__, events.__name__)
COLUMNS = {
    **{"chrom": "str", "start": "int64", "end": "int64", "kind": "str", "fraction": "float64"},
    **{"score": "float64", "rate": "float64", "origin": "str", "n": "int64"},
    **{"phred": "float64", "called": "int64"},
}


def config() -> dict[str, Any]:
    """Return the settings of the project."""
    return yaml.safe_load((bench_paths.ROOT / "config" / "config.yaml").read_text("utf-8"))


def version() -> str:
    """Return a digest of the modules and settings that decide a call."""
    digest = hashlib.sha256()
    for path in files():
        digest.update(path.read_bytes())
    settings = config()
    digest.update(repr([settings[s] for s in STEPS] + [COLUMNS, LISTED]).encode())
    return digest.hexdigest()[:12]


def files() -> list[Path]:
    """Return the modules of the library that the steps are built on, themselves included."""
    found, waiting = set[Path](), {module(name) for name in MODULES}
    while waiting:
        path = waiting.pop()
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [str(node.module), *(f"{node.module}.{one.name}" for one in node.names)]
                waiting |= {file for file in map(module, names) if file.is_file()}
        waiting -= found
    return sorted(found)


def module(name: str) -> Path:
    """Return where a module of the library stands, if it is one."""
    return bench_paths.LIBRARY.parent / f"{name.replace('.', '/')}.py"


def regions() -> pd.DataFrame:
    """Return the fixed questions: arms, chromosomes and hotspots (chrom, start, end)."""
    of = bands().astype({"chrom": genome.CHROM_DTYPE})
    arms = genome.arms(of)[["chrom", "start", "end"]]
    chroms = arms.groupby("chrom", observed=True).agg(start=("start", "min"), end=("end", "max"))
    hotspots = pd.read_csv(bench_paths.ROOT / "resources" / "cnv_hotspots.tsv", sep="\t")
    found = [arms, chroms.reset_index(), hotspots[["chrom", "start", "end"]]]
    return pd.concat(found, ignore_index=True).drop_duplicates()


def measure(
    line: pd.DataFrame,
    donor: pd.DataFrame | None,
    settings: Mapping[str, Any],
    sex: str = "female",
) -> list[events.Measurement]:
    """Return the line's measurement, and the donor's where there is one, ready to be called."""
    karyotype = genome.Karyotype(sex)

    def one(signals: pd.DataFrame, baselines: list[pd.DataFrame], **of: Any) -> events.Measurement:
        frame, noise = contrast(signals, baselines, karyotype, settings["contrast"])
        found = segment(frame, noise, karyotype, settings["segmentation"])
        return events.Measurement(
            assay="snp_array", contrast=frame, noise=noise, segments=found, **of
        )

    if donor is None:
        return [one(line, [], sample="line-p5", passage=5)]
    return [
        one(line, [donor], sample="line-p5", passage=5, baseline="donor-p0"),
        one(donor, [], sample="donor-p0", passage=0, role="donor"),
    ]


def calls(
    donor: pd.DataFrame | None,
    line: pd.DataFrame,
    settings: Mapping[str, Any],
    changed: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return the events and candidates of a line, one row each; `changed` overrides `events`.

    COLUMNS: `phred` is -10 log10 of the stated rate, `called` is 1 where the config calls it.
    """
    settings = copy.deepcopy(dict(settings))
    settings["events"] |= {"candidate_rate": LISTED} | dict(changed or {})
    return rows(measure(line, donor, settings), settings["events"])


def rows(measured: list[events.Measurement], settings: Mapping[str, Any]) -> pd.DataFrame:
    """Return the events and candidates of measurements that are ready to be called (COLUMNS)."""
    result = events.call(measured, genome.Karyotype("female"), regions(), settings)
    data = result.stack
    found = [
        (
            data.chrom[one.fit.first],
            int(data.start[one.fit.first]),
            int(data.end[one.fit.last - 1]),
            one.fit.kind,
            float(one.fit.fraction[0]),
            one.fit.score,
            one.rate,
            one.origin,
            one.fit.last - one.fit.first,
            -10 * np.log10(one.rate),
            int(place < len(result.calls)),
        )
        for place, one in enumerate((*result.calls, *result.candidates))
    ]
    return pd.DataFrame(found, columns=list(COLUMNS)).astype(COLUMNS)
