"""What the pages print, as plain structures: frames in, texts and lists out.

The templates decide how a thing looks, this module what is said. A cell is a dictionary with
`state` (present, absent, not_testable), `text`, and `title`, the same in a full sentence.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from linedrift.identity.identity import CONTRADICTED
from linedrift.records import LineRecord
from linedrift.report.figures import assay_name, interval_text, percent, rows_of, state_text
from linedrift.wording import KIND_WORDS, percent_up, size_text

Cell = dict[str, Any]

ROLES = (
    ("flag", "Decide the verdict", "present here makes the passage altered"),
    ("review", "To review", "present here makes the passage one to watch"),
    ("annotate", "For information", "annotate an event, decide nothing"),
)
_ROLE_OF_TIER = {"A": "flag", "B": "review"}


def state_cell(row: Any) -> Cell:
    """Return a row of TRAJECTORIES or HOTSPOTS as a cell; the three states never look alike."""
    if row.state == "present":
        interval = interval_text(row.low, row.high)
        title = f"present in {percent(row.cell_fraction)} of cells"
        title += f", 95\u00a0% interval {interval}" if interval else ""
        return {
            "state": "present", "text": percent(row.cell_fraction), "interval": interval,
            "title": title, "sort": float(np.nan_to_num(row.cell_fraction)) + 1,
        }  # fmt: skip
    if row.state == "absent":
        known = np.isfinite(row.limit)
        title = "absent: "
        title += (
            f"{percent_up(row.limit)} of cells or more would have been seen"
            if known
            else "the limit is not known"
        )
        return {"state": "absent", "text": state_text(row), "title": title, "sort": 0.0}
    reason = row.reason or "no reason was recorded"
    return {
        "state": "not_testable", "text": "n.\u2009t.", "reason": reason,
        "title": f"not testable: {reason}", "sort": -1.0,
    }  # fmt: skip


NOT_ASKED = {
    "state": "not_testable",
    "text": "n.\u2009t.",
    "reason": "not asked in this sample",
    "title": "not testable: not asked in this sample",
    "sort": -1.0,
}


def mark_reasons(cells: Iterable[Cell]) -> list[dict[str, str]]:
    """Give each cell that is not testable the letter of its reason; return letters and reasons.

    A cell with a `remark` that its text cannot say has a letter as well. Letters make the reasons
    readable on paper, where no pointer can rest on a cell.
    """
    marks: dict[str, str] = {}
    for cell in cells:
        reason = cell.get("remark") or (cell["reason"] if cell["state"] == "not_testable" else "")
        if reason:
            if reason not in marks:
                n, letters = len(marks), string.ascii_lowercase
                marks[reason] = letters[n] if n < 26 else f"{letters[n // 26 - 1]}{letters[n % 26]}"
            cell["mark"] = marks[reason]
    return [{"mark": mark, "text": reason} for reason, mark in marks.items()]


def hotspot_roles(hotspots: pd.DataFrame, verdict: Mapping[str, Any]) -> pd.Series:
    """Return flag, review or annotate per row, as the verdict took it, else by tier."""
    known = {
        name: spot["role"] for name, spot in verdict.get("basis", {}).get("hotspots", {}).items()
    }
    roles = [
        known.get(name, _ROLE_OF_TIER.get(tier, "annotate"))
        for name, tier in zip(hotspots["hotspot_id"], hotspots["tier"], strict=True)
    ]
    return pd.Series(roles, index=hotspots.index, dtype="str")


def hotspot_matrix(
    hotspots: pd.DataFrame, samples: list[dict[str, Any]], verdict: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the matrix hotspot x sample: groups by role, rows, cells, and reasons by letter."""
    frame = hotspots.assign(role=hotspot_roles(hotspots, verdict))
    cells = {(row.hotspot_id, row.sample): state_cell(row) for row in rows_of(frame)}
    spots = frame.drop_duplicates("hotspot_id")
    groups, ordered = [], []
    for role, title, meaning in ROLES:
        rows = [
            {
                "label": spot.label,
                "tier": spot.tier,
                "cells": [
                    dict(cells.get((spot.hotspot_id, sample["sample"]), NOT_ASKED))
                    for sample in samples
                ],
            }
            for spot in rows_of(spots[spots["role"] == role])
        ]
        ordered += [cell for row in rows for cell in row["cells"]]
        found = sum(any(cell["state"] == "present" for cell in row["cells"]) for row in rows)
        if rows:
            groups.append(
                {"role": role, "title": title, "meaning": meaning, "rows": rows, "found": found}
            )
    return {"samples": samples, "groups": groups, "reasons": mark_reasons(ordered)}


def samples_of(record: LineRecord) -> list[dict[str, Any]]:
    """Return sample, passage, bank and short label of the line's samples, by passage."""
    found: dict[str, dict[str, Any]] = {}
    for row in record.measurements.sort_values("passage", kind="stable").to_dict("records"):
        passage = int(row["passage"])
        sample = found.setdefault(
            row["sample"],
            {"sample": row["sample"], "passage": passage, "bank": "", "label": f"p{passage}"},
        )
        # The sheet may name the bank in the row of one assay only.
        sample["bank"] = sample["bank"] or str(row.get("bank", "") or "")
    return list(found.values())


def by_passage(frame: pd.DataFrame, samples: list[dict[str, Any]]) -> pd.DataFrame:
    """Return rows with a sample in the order of the samples, assays of one beside each other."""
    order = {sample["sample"]: n for n, sample in enumerate(samples)}
    place = frame["sample"].map(order).fillna(len(order)).to_numpy()
    assay = pd.factorize(frame["assay"])[0]
    return frame.iloc[np.lexsort((assay, place))].reset_index(drop=True)


# Events -------------------------------------------------------------------------------------


def split_events(record: LineRecord) -> dict[str, pd.DataFrame]:
    """Return counted events, candidates and inherited ones; the public tier has only the first.

    A candidate has more false events of its score a genome than the verdict allows, or a rate
    that is not known.
    """
    events = record.events
    settings = record.verdict.get("basis", {}).get("settings", {})
    most = float(settings.get("max_false_event_rate", np.inf))
    inherited = (events["origin"] == "inherited").to_numpy()
    rate = events["false_event_rate"].to_numpy(dtype=float)
    candidate = ~inherited & ~(rate <= most)
    public = record.tier == "public"
    none = np.zeros(len(events), dtype=bool)
    return {
        "counted": events[~inherited & ~candidate].reset_index(drop=True),
        "candidates": events[none if public else candidate].reset_index(drop=True),
        "inherited": events[none if public else inherited].reset_index(drop=True),
    }


def event_rows(
    events: pd.DataFrame,
    trajectories: pd.DataFrame,
    samples: list[dict[str, Any]],
    styles: pd.DataFrame | None = None,
) -> list[dict[str, Any]]:
    """Return the events as rows of a table, with one cell per sample of the line."""
    states = {(row.event_id, row.sample): state_cell(row) for row in rows_of(trajectories)}
    tags = dict(zip(styles["event_id"], rows_of(styles), strict=True)) if styles is not None else {}
    rows = []
    for event in rows_of(events):
        style = tags.get(event.event_id)
        rows.append(
            {
                "tag": style.tag if style else "",
                "colour": style.colour if style else "",
                "label": f"{event.band} {KIND_WORDS.get(event.kind, event.kind)}",
                # Breaks after these keep a position whole where the text must wrap.
                "iscn": re.split(r"(?<=[\]_(])", event.iscn),
                "chrom": event.chrom,
                "start": _mb(event.start, event.start_low, event.start_high),
                "end": _mb(event.end, event.end_low, event.end_high),
                "size": size_text(event.end - event.start),
                "length": int(event.end - event.start),
                "copies": int(event.copies),
                "origin": event.origin,
                "first": "" if pd.isna(event.first_passage) else f"p{event.first_passage}",
                "quality": _figure(event.quality, ".0f"),
                "rate": _figure(event.false_event_rate, ".1g"),
                "hotspots": [text for text in event.hotspot_id.split(";") if text],
                "genes": ", ".join(text for text in event.genes.split(";") if text),
                "note": event.note,
                "cells": [
                    dict(states.get((event.event_id, sample["sample"]), NOT_ASKED))
                    for sample in samples
                ],
            }
        )
    return rows


def _mb(position: int, low: int, high: int) -> dict[str, str]:
    between = f"{low / 1e6:.2f}\u2013{high / 1e6:.2f}" if low < high else ""
    return {"at": f"{position / 1e6:.2f}", "between": between}


def _figure(value: float, form: str) -> str:
    return format(float(value), form) if np.isfinite(value) else "not known"


def label_hotspots(rows: list[dict[str, Any]], hotspots: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows with hotspot ids replaced by their names for people."""
    names = dict(zip(hotspots["hotspot_id"], hotspots["label"], strict=True))
    return [
        row | {"hotspots": ", ".join(names.get(name, name) for name in row["hotspots"])}
        for row in rows
    ]


# Certificate --------------------------------------------------------------------------------


def certificate(record: LineRecord, matrix: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the rows test, method, passages, limit, criterion, result and state of it."""
    assays = ", ".join(sorted({assay_name(name) for name in record.measurements["assay"]}))
    return [
        *_identity_tests(record, matrix["samples"]),
        _quality_test(record, matrix["samples"]),
        *(_hotspot_test(group, matrix["samples"], assays) for group in matrix["groups"][:2]),
        _genome_test(record, assays, matrix["samples"]),
    ]


def _identity_tests(record: LineRecord, samples: list[dict[str, Any]]) -> list[dict[str, str]]:
    identity = record.identity
    if identity.empty:
        return []
    passages = passage_list(samples)
    states = identity["state"].value_counts()
    failed, untested = int(states.get("failed", 0)), int(states.get("not_testable", 0))
    contradicted = int(identity["reason"].str.contains(CONTRADICTED, regex=False).sum())
    known = identity[(identity["expected_sex"] != "unknown") & (identity["sex"] != "unknown")]
    wrong = int((known["expected_sex"] != known["sex"]).sum())
    sexes = f"{wrong} differ" if wrong else f"{len(known)} as expected"
    if known.empty:
        sexes = "not known, by the sheet or by the signal"
    return [
        {
            "test": "Identity",
            "method": "genotypes against the donor and every sample of the bank",
            "passages": passages,
            "limit": "",
            "criterion": "one person with donor and sister passages, no other line",
            "result": _tally(len(identity) - failed - untested, "confirmed")
            + _tally(failed, "failed", ", ")
            + _tally(contradicted, "contradicted", ", ")
            + _tally(untested - contradicted, "not testable", ", "),
            "state": "fail" if failed + contradicted else "open" if untested else "pass",
        },
        {
            "test": "Sex",
            "method": "signal of X and Y",
            "passages": passages,
            "limit": "",
            "criterion": "as in the sheet",
            "result": sexes,
            "state": "fail" if wrong else "pass" if len(known) else "open",
        },
    ]


def _tally(n: int, word: str, before: str = "") -> str:
    return f"{before}{n} {word}" if n or not before else ""


# What the quality of each assay asks for.
_ASKED_OF = {
    "snp_array": "calls, noise, waves, foreign DNA",
    "wes": "depth, targets, noise, foreign DNA",
    "rna": "reads, genes, noise",
    "methylation": "detection or reads, conversion, noise",
}


def _quality_test(record: LineRecord, samples: list[dict[str, Any]]) -> dict[str, str]:
    quality = record.quality
    assays = set(record.measurements["assay"])
    asked = [f"{assay_name(name)}: {_ASKED_OF[name]}" for name in _ASKED_OF if name in assays]
    n = len(quality.drop_duplicates(["sample", "assay"]))
    failed = len(quality[quality["state"] == "fail"].drop_duplicates(["sample", "assay"]))
    return {
        "test": "Data quality",
        "method": "; ".join(asked),
        "passages": passage_list(samples),
        "limit": "",
        "criterion": "every threshold under Quality",
        "result": f"{n - failed} passed" + _tally(failed, "failed", ", "),
        "state": "fail" if failed else "pass" if n else "open",
    }


def _hotspot_test(
    group: Mapping[str, Any], samples: list[dict[str, Any]], assays: str
) -> dict[str, str]:
    rows = group["rows"]
    present = [row["label"] for row in rows if _any(row, "present")]
    absent = [row for row in rows if not _any(row, "present") and _any(row, "absent")]
    untested = len(rows) - len(present) - len(absent)
    limits = [cell["text"] for row in rows for cell in row["cells"] if cell["state"] == "absent"]
    reach = sorted({text.removeprefix("<\u00a0") for text in limits}, key=_leading_number)
    result = [f"{', '.join(present)} present"] if present else []
    result += [f"{len(absent)} absent"] if absent else []
    result += [f"{untested} not testable"] if untested else []
    span = f"{reach[0]} to {reach[-1]}".replace("\u00a0% to", " to") if len(reach) > 1 else ""
    return {
        "test": f"Recurrent changes: {group['title'].lower()}",
        "method": f"{assays}, {len(rows)} hotspots asked in every passage",
        "passages": passage_list(samples),
        "limit": (span or (reach[0] if reach else "")) + " of cells" * bool(reach),
        "criterion": "absent in every passage",
        "result": "; ".join(result) or "not testable",
        "state": "fail" if present else "open" if untested else "pass",
    }


def _leading_number(text: str) -> float:
    number = text.split("\u00a0")[0]
    return float(number) if number.isdigit() else np.inf


def _any(row: Mapping[str, Any], state: str) -> bool:
    return any(cell["state"] == state for cell in row["cells"])


def _genome_test(record: LineRecord, assays: str, samples: list[dict[str, Any]]) -> dict[str, str]:
    counted = split_events(record)["counted"]
    unasked = not_tested(record, samples)
    result = f"{len(counted)} event{'s' * (len(counted) != 1)}" if len(counted) else "none found"
    if unasked:
        result = f"{result}; {', '.join(unasked)} not testable"
    if len(unasked) == len(samples) and counted.empty:
        result = "not testable"
    size = record.verdict.get("basis", {}).get("settings", {}).get("reporting_size")
    return {
        "test": "Copy number and copy-neutral LOH, all chromosomes measured",
        "method": f"{assays} against the donor" if record.line.get("parent") else assays,
        "passages": passage_list(samples),
        "limit": "see Methods and limits",
        "criterion": "no acquired event" + (f" of {size_text(int(size))} or more" if size else ""),
        "result": result,
        "state": "fail" if len(counted) else "open" if unasked else "pass",
    }


def not_tested(record: LineRecord, samples: list[dict[str, Any]]) -> list[str]:
    """Return the labels of passages of which no hotspot, and so nothing, could be asked."""
    spots = record.hotspots
    asked = set(spots.loc[spots["state"] != "not_testable", "sample"])
    return [sample["label"] for sample in samples if sample["sample"] not in asked]


def passage_list(samples: list[dict[str, Any]]) -> str:
    """Return ``p12, p25, p52``; of more than six, the first, the last and how many."""
    labels = [sample["label"] for sample in samples]
    if len(labels) > 6:
        return f"{labels[0]} to {labels[-1]} ({len(labels)})"
    return ", ".join(labels)


# Quality, tables of figures, files --------------------------------------------------------------


def quality_grids(quality: pd.DataFrame) -> list[dict[str, Any]]:
    """Return, per assay, figures x samples: what was asked, and each value with its state."""
    grids = []
    for assay, own in quality.groupby("assay", sort=False):
        samples = list(dict.fromkeys(own["sample"]))
        values = {(row.figure, row.sample): row for row in rows_of(own)}
        rows = []
        for figure in own.drop_duplicates("figure").itertuples():
            cells = [values.get((figure.figure, sample)) for sample in samples]
            wanted = {cell.expected for cell in cells if cell is not None}
            rows.append(
                {
                    "label": figure.label,
                    "expected": figure.expected if len(wanted) == 1 else "see each sample",
                    "cells": [
                        {"value": cell.value, "state": cell.state, "reason": cell.reason}
                        if cell is not None
                        else {"value": "", "state": "info", "reason": "not measured"}
                        for cell in cells
                    ],
                }
            )
        grids.append({"assay": assay_name(str(assay)), "samples": samples, "rows": rows})
    return grids


def quality_failures(quality: pd.DataFrame) -> list[dict[str, str]]:
    """Return what failed or warned: sample, assay, figure, value, expected, state, reason."""
    bad = quality[quality["state"].isin(["fail", "warn"])]
    return [
        {str(name): str(value) for name, value in row.items()} | {"assay": assay_name(row["assay"])}
        for row in bad.to_dict("records")
    ]


def track_means(tracks: pd.DataFrame) -> dict[str, Any]:
    """Return the table under the genome figure: per chromosome and measurement the two means."""
    names = list(dict.fromkeys(zip(tracks["sample"], tracks["assay"], strict=True)))
    of = ["chrom", "sample", "assay"]
    means = tracks.groupby(of, observed=True)[["log_ratio", "imbalance"]].mean()
    found = {key: row for key, row in zip(means.index, rows_of(means), strict=True)}
    chroms = [
        str(name) for name in tracks["chrom"].cat.categories if (tracks["chrom"] == name).any()
    ]
    several = len({assay for _, assay in names}) > 1
    return {
        "samples": [
            f"{sample}, {assay_name(assay)}" if several else sample for sample, assay in names
        ],
        "rows": [
            {
                "chrom": chrom.removeprefix("chr"),
                "cells": [_mean_cell(found.get((chrom, *name))) for name in names],
            }
            for chrom in chroms
        ],
    }


def _mean_cell(row: Any) -> dict[str, str]:
    if row is None:
        return {"log_ratio": "not measured", "imbalance": "not measured"}
    return {"log_ratio": signed(row.log_ratio), "imbalance": number(row.imbalance)}


def signed(value: float) -> str:
    """Return a log ratio with sign and two decimals, with a true minus."""
    return f"{value:+.2f}".replace("-", "\u2212") if np.isfinite(value) else "no data"


def number(value: float) -> str:
    """Return an imbalance with three decimals."""
    return f"{value:.3f}" if np.isfinite(value) else "no data"


def downloads(files: Iterable[tuple[str, str, str]]) -> list[dict[str, str]]:
    """Return name, link, meaning and checksum of the files beside the page."""
    return [
        {"name": name, "href": relative_link(name), "what": what, "sha256": sha256}
        for name, what, sha256 in files
    ]


def relative_link(name: str) -> str:
    """Return a link to a file beside the page, or nothing where the name would leave its folder."""
    parts = name.split("/")
    if not name or name.startswith("/") or "\\" in name or any(p in ("", ".", "..") for p in parts):
        return ""
    return "./" + "/".join(quote(part, safe="") for part in parts)


def flat_settings(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return settings as (dotted name, value as text)."""
    rows: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            rows += flat_settings(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            rows.append((f"{prefix}{name}", ", ".join(map(str, value))))
        else:
            rows.append((f"{prefix}{name}", str(value)))
    return rows
