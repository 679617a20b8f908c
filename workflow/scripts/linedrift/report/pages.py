"""A line's page and the bank's page: one HTML file each, which opens offline and loads nothing.

The page carries its style, its script and, for a line, plotly; a Content-Security-Policy allows
those scripts by their hashes and nothing else, so that a name from a sheet could not run even if
it were printed unescaped, and jinja2 escapes everything that is printed. Text and tables need
no script.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import os
from collections.abc import Mapping
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from linedrift.records import BankRecord, LineRecord
from linedrift.report import bank_views, readout_views, variant_views, views
from linedrift.report.closeup import of_measurement, zoom_figure
from linedrift.report.figures import assay_name, label_events, rows_of, zoom_means, zoom_samples
from linedrift.report.plots import Figure, genome_figure, trajectory_figure
from linedrift.verdict.verdict import DISCLAIMER

# Over all figures of a page: Chromium draws as many, as SVG and without a GPU, in 4 seconds.
MAX_POINTS = 20_000
# Events that have a close-up; further ones stand in the tables.
MAX_CLOSEUPS = 6
# Events that stay apart by colour, marker and dash in one figure.
MAX_TRAJECTORIES = 10


def environment(folder: str | os.PathLike[str]) -> jinja2.Environment:
    """Return the templates of a folder; everything that they print is escaped."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(os.fspath(folder)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # tojson also escapes <, > and &, so a name cannot close the script element that carries it.
    env.policies["json.dumps_kwargs"] = {
        "allow_nan": False,
        "ensure_ascii": False,
        "separators": (",", ":"),
    }
    return env


def line_page(
    record: LineRecord,
    templates: str | os.PathLike[str] | jinja2.Environment,
    plotly_js: str,
    *,
    bank_href: str = "",
    max_points: int = MAX_POINTS,
) -> str:
    """Return the page of a line.

    Parameters
    ----------
    record
        The private or the public record; the page prints which.
    templates
        resources/pages, or an environment made from it.
    plotly_js
        plotly.min.js, as `plotly.offline.get_plotlyjs` returns it.
    bank_href
        Relative link to the bank's page; none where empty.
    max_points
        Most points of all figures together.

    Raises
    ------
    ValueError
        When plotly_js would end the script element that carries it.
    """
    if "</script" in plotly_js.lower():
        raise ValueError("plotly_js holds </script>: it cannot stand inside a page; use plotly's")
    samples = views.samples_of(record)
    record = _own(record, samples)
    record = dataclasses.replace(
        record,
        tracks=views.by_passage(record.tracks, samples),
        identity=views.by_passage(record.identity, samples),
    )
    matrix = views.hotspot_matrix(record.hotspots, samples, record.verdict)
    events = views.split_events(record)
    styles = label_events(events["counted"])
    return _render(
        templates,
        "line.html.j2",
        scripts={"plotly_js": plotly_js},
        record=record,
        line=record.line,
        verdict=_NO_VERDICT | record.verdict,
        samples=samples,
        matrix=matrix,
        certificate=[
            *views.certificate(record, matrix),
            *variant_views.certificate(record, samples),
            *readout_views.certificate(record, samples),
        ],
        variants=variant_views.section(record, samples),
        readouts=readout_views.section(record, samples),
        events=_event_tables(record, events, samples, styles),
        not_tested=views.not_tested(record, samples),
        n_inherited=max(record.inherited, len(events["inherited"])),
        figures=_figures(record, events["counted"], styles, max_points),
        quality=views.quality_grids(record.quality),
        failures=views.quality_failures(record.quality),
        identity=_identity(record),
        measurements=_measurements(record),
        settings=views.flat_settings(record.settings),
        downloads=views.downloads(record.downloads),
        provenance=record.provenance,
        tier=record.tier,
        bank_href=views.relative_link(bank_href),
    )


def bank_page(record: BankRecord, templates: str | os.PathLike[str] | jinja2.Environment) -> str:
    """Return the page of the bank: its lines side by side. It carries no figure, so no plotly."""
    lines = bank_views.bank_lines(record)
    counts = record.lines["verdict"].value_counts()
    return _render(
        templates,
        "bank.html.j2",
        scripts={},
        record=record,
        lines=lines,
        counts={
            word: int(counts.get(word, 0))
            for word in ("altered", "watch", "stable", "insufficient")
        },
        matrix=bank_views.bank_matrix(record),
        identity=bank_views.identity_conflicts(record),
        failures=views.quality_failures(record.quality),
        quality=bank_views.quality_rows(record.quality),
        downloads=views.downloads(record.downloads),
        provenance=record.provenance,
        tier=record.tier,
    )


def _render(
    templates: str | os.PathLike[str] | jinja2.Environment,
    name: str,
    scripts: Mapping[str, str],
    **context: Any,
) -> str:
    env = templates if isinstance(templates, jinja2.Environment) else environment(templates)
    style, script = (_source(env, part) for part in ("page.css", "page.js"))
    allowed = " ".join(f"'sha256-{_digest(text)}'" for text in (*scripts.values(), script))
    # Plotly sets styles on its elements, which no hash can cover.
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return env.get_template(name).render(
        **context, **scripts, policy=policy, style=style, script=script, disclaimer=DISCLAIMER
    )


def _source(env: jinja2.Environment, name: str) -> str:
    """Return a file of the template folder as it is, with newlines as a browser counts them."""
    if env.loader is None:
        raise ValueError("the template environment has no loader; make it with pages.environment")
    return env.loader.get_source(env, name)[0].replace("\r\n", "\n")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


_NO_VERDICT: dict[str, Any] = {
    "verdict": "",
    "sentence": "",
    "decided_by": "",
    "passages": [],
    "detection": [],
    "rules": [],
}


def _own(record: LineRecord, samples: list[dict[str, Any]]) -> LineRecord:
    """Return the record; in the public tier with rows of the line's own samples only."""
    if record.tier != "public":
        return record
    own = record.trajectories["sample"].isin([sample["sample"] for sample in samples])
    return dataclasses.replace(
        record, trajectories=record.trajectories[own], markers=record.markers.iloc[:0]
    )


def _event_tables(
    record: LineRecord,
    events: Mapping[str, pd.DataFrame],
    samples: list[dict[str, Any]],
    styles: pd.DataFrame,
) -> dict[str, list[dict[str, Any]]]:
    tables = {}
    for name, frame in events.items():
        rows = views.event_rows(
            frame, record.trajectories, samples, styles if name == "counted" else None
        )
        tables[name] = views.label_hotspots(rows, record.hotspots)
    return tables


def _identity(record: LineRecord) -> list[dict[str, Any]]:
    """Return the rows of the identity table; who was compared is for the private tier only."""
    rows = [
        {str(name): value for name, value in row.items()}
        for row in record.identity.to_dict("records")
    ]
    if record.tier == "public":
        rows = [row | {"compared_with": "", "looks_like": "", "reason": ""} for row in rows]
    return [row | {"assay": assay_name(row["assay"])} for row in rows]


_MEASUREMENT_COLUMNS = {
    "sample": "sample",
    "bank": "bank",
    "assay": "assay",
    "platform": "platform",
    "format": "format",
    "batch": "batch",
    "baseline": "baseline",
}


def _measurements(record: LineRecord) -> dict[str, Any]:
    """Return the columns of the measurements that say something, and their rows."""
    frame = record.measurements.fillna("").astype(str)
    frame = frame.assign(assay=[assay_name(name) for name in frame["assay"]])
    columns = [name for name in _MEASUREMENT_COLUMNS if name in frame and (frame[name] != "").any()]
    return {
        "columns": [_MEASUREMENT_COLUMNS[name] for name in columns],
        "rows": frame[columns].to_numpy().tolist(),
    }


# Figures -----------------------------------------------------------------------------------


def _figures(
    record: LineRecord, events: pd.DataFrame, styles: pd.DataFrame, max_points: int
) -> dict[str, Any]:
    """Return the figures of a page, each with its table and a sentence for screen readers."""
    drawn = events.iloc[:MAX_TRAJECTORIES]
    states = record.trajectories
    closeups = []
    if record.tier == "private" and len(record.markers):
        closeups = _closeups(record, events, styles, max_points // 3)
    genome: dict[str, Any] = {}
    if len(record.tracks):
        share = max_points - max_points // 3 * bool(closeups)
        genome = {
            "plot": genome_figure(
                record.tracks, events, states, styles, max_points=share, remarks=_failed(record)
            ),
            "table": views.track_means(record.tracks),
            "alt": _genome_alt(record),
        }
    trajectories: dict[str, Any] = {}
    if len(drawn) and len(states):
        plot = trajectory_figure(drawn, states, styles.iloc[:MAX_TRAJECTORIES])
        trajectories = {"plot": plot, "omitted": len(events) - len(drawn)}
        trajectories["rows"] = _trajectory_rows(states, styles)
    return {"genome": genome, "trajectories": trajectories, "closeups": closeups}


def _failed(record: LineRecord) -> dict[tuple[str, str], str]:
    """Return, for the title of its panel, which measurements failed their quality."""
    failed = record.quality[record.quality["state"] == "fail"]
    return dict.fromkeys(zip(failed["sample"], failed["assay"], strict=True), "failed quality")


def _genome_alt(record: LineRecord) -> str:
    chroms = [str(name).removeprefix("chr") for name in record.tracks["chrom"].unique()]
    n = record.tracks["sample"].nunique()
    return (
        f"Log ratio and allelic imbalance along chromosomes {', '.join(chroms)} "
        f"in {n} sample{'s' * (n != 1)}; means by chromosome stand in the table below."
    )


def _trajectory_rows(trajectories: pd.DataFrame, styles: pd.DataFrame) -> list[dict[str, Any]]:
    label = {row.event_id: f"{row.tag} {row.label}" for row in rows_of(styles)}
    own = trajectories[trajectories["event_id"].isin(styles["event_id"])]
    return [
        {
            "event": label[row.event_id],
            "sample": row.sample,
            "cell": views.state_cell(row),
            "support": f"{row.support:.1f}" if np.isfinite(row.support) else "",
            "reason": row.reason,
        }
        for row in rows_of(own)
    ]


def _closeups(
    record: LineRecord, events: pd.DataFrame, styles: pd.DataFrame, max_points: int
) -> list[dict[str, Any]]:
    shown = list(zip(rows_of(events), rows_of(styles), strict=True))[:MAX_CLOSEUPS]
    closeups = []
    for event, style in shown:
        samples = zoom_samples(event, record.markers, record.trajectories)
        if samples:
            plot: Figure = zoom_figure(
                event,
                style,
                record.markers,
                record.trajectories,
                max_points=max_points // len(shown),
            )
            closeups.append(
                {
                    "tag": style.tag,
                    "label": style.label,
                    "plot": plot,
                    "samples": list(dict.fromkeys(row.sample for row in samples)),
                    "rows": _closeup_rows(event, record.markers, samples),
                }
            )
    return closeups


def _closeup_rows(event: Any, markers: pd.DataFrame, samples: list[Any]) -> list[dict[str, str]]:
    rows = []
    several = len({sample.assay for sample in samples}) > 1
    for sample in samples:
        own = markers[of_measurement(markers, sample) & (markers["chrom"] == event.chrom)]
        name = sample.sample + (f", {assay_name(sample.assay)}" if several else "")
        level = own[own["log_ratio"].notna()]
        allele = own[own["shift"].notna()]
        rows += [
            {
                "sample": name,
                "part": part.part,
                "log_ratio": views.signed(part.log_ratio),
                "n_levels": str(part.n_levels),
                "shift": views.number(part.shift),
                "n_shifts": str(part.n_shifts),
            }
            for part in rows_of(zoom_means(level, allele, event))
        ]
    return rows
