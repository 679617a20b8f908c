"""The figures of the pages, as plain dictionaries in plotly's schema.

A figure is ``{"data": [...], "layout": {...}}``: making it needs neither plotly nor a browser,
and JSON is all that a page carries. Points are SVG and binned (WebGL runs in software on many
machines and does not print). Whatever comes from a sheet passes `plain`, because plotly reads
a small HTML in its texts.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from linedrift.genome import CHROMOSOMES, GRCH38
from linedrift.report.figures import assay_name, coarsened, percent, rows_of, state_text

Figure = dict[str, Any]

INK, QUIET, FAINT, RULE = "#22282e", "#5b6670", "#9aa5ae", "#dfe3e6"
FONT = "'Source Sans 3', 'Noto Sans', 'Noto Sans CJK KR', 'Helvetica Neue', Arial, sans-serif"


def plain(text: object) -> str:
    """Return `text` so that plotly, which reads tags and entities in labels, prints it as is."""
    return html.escape(str(text), quote=False)


def shorten(text: str, most: int = 22) -> str:
    """Return `text`, or its two ends where it is too long for the head of a panel."""
    return text if len(text) <= most else f"{text[: most - 7]}…{text[-6:]}"


def numbers(values: Iterable[float] | np.ndarray, digits: int) -> list[float | None]:
    """Return rounded numbers for JSON, None where not finite."""
    array = np.round(np.asarray(values, dtype=float), digits)
    return [value if np.isfinite(value) else None for value in array.tolist()]


def layout(height: int, **more: Any) -> Figure:
    """Return a layout in the style of the pages; `more` replaces what it names."""
    base: Figure = {
        "height": height,
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "#ffffff",
        "plot_bgcolor": "#ffffff",
        "margin": {"l": 64, "r": 16, "t": 32, "b": 56},
        "hovermode": "closest",
        "showlegend": False,
        "shapes": [],
        "annotations": [],
        "dragmode": "zoom",
        "modebar": {"color": FAINT, "activecolor": QUIET, "bgcolor": "rgba(0,0,0,0)"},
    }
    return base | more


def axis(**more: Any) -> Figure:
    """Return an axis in the style of the pages; `more` replaces what it names."""
    base: Figure = {
        "gridcolor": RULE,
        "linecolor": FAINT,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": FAINT,
        "automargin": False,
    }
    return base | more


def note(text: str, **more: Any) -> Figure:
    """Return an annotation without arrow."""
    base: Figure = {"text": text, "showarrow": False, "font": {"size": 12, "color": INK}}
    return base | more


# Trajectories -----------------------------------------------------------------------------


def trajectory_figure(
    events: pd.DataFrame, trajectories: pd.DataFrame, styles: pd.DataFrame
) -> Figure:
    """Return cell fraction by passage, one colour and marker per event.

    Bars are 95 % intervals. Where an event was not found, an open triangle stands at the
    fraction from which it would have been; a thin cross below the axis says not testable.
    """
    rows = trajectories[trajectories["event_id"].isin(events["event_id"])]
    passages = np.sort(rows["passage"].unique())
    reach = float(np.ptp(passages)) if len(passages) > 1 else 1.0
    data: list[Figure] = []
    for i, style in enumerate(rows_of(styles)):
        own = rows[rows["event_id"] == style.event_id].sort_values("passage", kind="stable")
        # Events of one passage would hide each other: set them .8 % of the axis apart.
        aside = (i - (len(styles) - 1) / 2) * 0.008 * reach
        data += _trajectory_traces(own, style, own["passage"].to_numpy() + aside)
    data += _state_legend(rows)
    line = set(events["line"])
    ticks = {
        row.passage: f"p{row.passage}"
        if any(row.sample.startswith(f"{name}-p") for name in line)
        else "donor"
        for row in rows_of(rows)
    }
    pad = 0.06 * reach + 0.001
    first, last = (passages[0], passages[-1]) if len(passages) else (0, 1)
    return {
        "data": data,
        "layout": layout(
            380 + 22 * ((len(styles) + 2) // 3),
            showlegend=True,
            legend={"orientation": "h", "y": -0.24, "yanchor": "top", "x": 0},
            xaxis=axis(
                title={"text": "passage"},
                tickvals=[int(passage) for passage in ticks],
                ticktext=[plain(text) for text in ticks.values()],
                range=[float(first - pad), float(last + pad)],
                showgrid=False,
            ),
            yaxis=axis(
                title={"text": "cells that carry it, %"},
                range=[-7, 104],
                tickvals=[0, 25, 50, 75, 100],
            ),
        ),
    }


def _trajectory_traces(own: pd.DataFrame, style: Any, x: np.ndarray) -> list[Figure]:
    present = (own["state"] == "present").to_numpy()
    absent = (own["state"] == "absent").to_numpy()
    tested = present | absent
    fraction = 100 * own["cell_fraction"].to_numpy(dtype=float)
    low, high = (100 * own[name].to_numpy(dtype=float) for name in ("low", "high"))
    y = np.where(present, fraction, np.nan)
    words = [plain(f"{row.sample}: {state_text(row)}") for row in rows_of(own)]
    common = {
        "type": "scatter",
        "x": numbers(x, 3),
        "text": words,
        "hovertemplate": "%{text}<extra></extra>",
        "legendgroup": style.tag,
    }
    bars = {"thickness": 1.4, "width": 5, "color": style.colour, "type": "data"}
    traces = [
        common
        | {
            "mode": "lines+markers",
            "name": plain(f"{style.tag}  {style.label}"),
            # Untested samples are left out here, so that the line runs on past them.
            "x": numbers(x[tested], 3),
            "y": numbers(y[tested], 2),
            "text": [word for word, there in zip(words, tested, strict=True) if there],
            "line": {"color": style.colour, "width": 2, "dash": style.dash},
            "marker": {"color": style.colour, "symbol": style.symbol, "size": 10},
            "error_y": bars
            | {
                "symmetric": False,
                "array": numbers(np.maximum(high - y, 0)[tested], 2),
                "arrayminus": numbers(np.maximum(y - low, 0)[tested], 2),
            },
        }
    ]
    limit = 100 * own["limit"].to_numpy(dtype=float)
    for rows, values, symbol in (
        (absent, np.nan_to_num(limit), "triangle-down-open"),
        (~tested, np.full(len(own), -4.0), "x-thin-open"),
    ):
        if rows.any():
            mark = {
                "color": style.colour,
                "symbol": symbol,
                "size": 11,
                "line": {"width": 2, "color": style.colour},
            }
            traces.append(
                common
                | {
                    "mode": "markers",
                    "y": numbers(np.where(rows, values, np.nan), 2),
                    "marker": mark,
                    "showlegend": False,
                }
            )
    return traces


def _state_legend(rows: pd.DataFrame) -> list[Figure]:
    """Return empty traces that explain the marks of the states that occur."""
    marks = {
        "absent": ("triangle-down-open", "not found; the triangle is at its limit"),
        "not_testable": ("x-thin-open", "not testable"),
    }
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [None],
            "y": [None],
            "name": name,
            "marker": {"symbol": symbol, "size": 11, "color": QUIET, "line": {"width": 2}},
            "hoverinfo": "skip",
        }
        for state, (symbol, name) in marks.items()
        if (rows["state"] == state).any()
    ]


# Genome -----------------------------------------------------------------------------------

# A focal event of 2 Mb is a fifth of a pixel of a whole genome: its box is drawn at least
# this share of the axis wide, and its tag names it.
_MIN_BOX = 0.004
# Height of a measurement without a panel for alleles, of that of one with it.
_LEVEL_ALONE = 0.74
# Height of a tag in px; and how far a title reaches along the axis, as a share of it.
_TAG_PX = 13
_TITLE_SHARE = 0.3
_GENOME_MARGIN = {"l": 64, "r": 12, "t": 56, "b": 26}


def genome_figure(
    tracks: pd.DataFrame,
    events: pd.DataFrame,
    trajectories: pd.DataFrame,
    styles: pd.DataFrame,
    *,
    max_points: int,
    remarks: Mapping[tuple[str, str], str],
) -> Figure:
    """Return every measurement along the genome: log ratio above, allelic imbalance below.

    A measurement without alleles (methylation) has no panel for them.

    Parameters
    ----------
    tracks
        TRACKS of a line; measurements are stacked in their order, and only chromosomes that
        were measured are drawn.
    events, trajectories, styles
        EVENTS, TRAJECTORIES and `label_events`. An event is a filled box in the samples that
        carry it and a dotted one in those tested where it was not found.
    max_points
        Most points of the figure; neighbouring bins are averaged until there are fewer.
    remarks
        What to add to the title of a measurement, by (sample, assay).
    """
    tracks = coarsened(tracks, max_points)
    offset, width = _genome_axis(tracks)
    at = _genome_position(tracks["chrom"], (tracks["start"] + tracks["end"]) / 2, offset)
    rows = list(tracks.groupby(["sample", "assay"], sort=False, observed=True))
    data: list[Figure] = []
    alleles = [bool(own["imbalance"].notna().any()) for _, own in rows]
    shares = [1.0 if there else _LEVEL_ALONE for there in alleles]
    drawn = layout(82 + round(172 * (sum(shares) or 1)), margin=_GENOME_MARGIN)
    drawn["xaxis"] = axis(
        range=[0.0, width],
        tickvals=[round(start + GRCH38.lengths[name] / 2e6, 2) for name, start in offset.items()],
        ticktext=[name.removeprefix("chr") for name in offset],
        showgrid=False,
        ticks="",
        tickangle=0,
        tickfont={"size": 10},
        anchor=axis_name(2 * len(rows) - 2 + alleles[-1], "y") if rows else "y",
    )
    drawn["shapes"] = _boundaries(offset)
    reach = _log_ratio_range(tracks["log_ratio"])
    for i, ((sample, assay), own) in enumerate(rows):
        x = at[own.index.to_numpy()]
        data += _genome_points(own, x, i, reach)
        drawn |= _genome_row_axes(i, shares, reach, alleles[i])
        title = f"<b>{plain(sample)}</b>  {plain(assay_name(str(assay)))}"
        remark = remarks.get((str(sample), str(assay)))
        if remark:
            title += f", <i>{plain(remark)}</i>"
        states = trajectories[trajectories["sample"] == sample]
        panels = [axis_name(k, "y") for k in range(2 * i, 2 * i + 1 + alleles[i])]
        shapes, notes = _event_boxes(events, states, styles, offset, width, panels)
        drawn["shapes"] += shapes
        top = drawn[axis_name(2 * i)]["domain"][1]
        drawn["annotations"] += [_row_title(title, top, notes, width), *notes]
    return {"data": data, "layout": drawn}


def _row_title(title: str, top: float, tags: Sequence[Figure], width: float) -> Figure:
    """Return the title of a measurement above its panel, and above tags that stand at its place."""
    beneath = [tag["yshift"] + _TAG_PX for tag in tags if tag["x"] < _TITLE_SHARE * width]
    return note(
        title, x=0, y=top, xref="paper", yref="paper", xanchor="left", yanchor="bottom",
        yshift=max(beneath, default=0),
    )  # fmt: skip


def _genome_axis(tracks: pd.DataFrame) -> tuple[dict[str, float], float]:
    """Return where each measured chromosome starts on the axis, and its length, in Mb."""
    measured = set(tracks["chrom"].astype(str))
    offset, width = {}, 0.0
    for name in CHROMOSOMES:
        if name in measured:
            offset[name] = round(width, 3)
            width += GRCH38.lengths[name] / 1e6
    return offset, max(round(width, 3), 1.0)


def _genome_position(chrom: pd.Series, position: pd.Series, offset: dict[str, float]) -> np.ndarray:
    start = chrom.astype(str).map(offset).to_numpy(dtype=float)
    return start + position.to_numpy(dtype=float) / 1e6


def _log_ratio_range(log_ratio: pd.Series) -> tuple[float, float]:
    """Return the range of the log-ratio axes: one for all passages, so that they compare."""
    finite = log_ratio.to_numpy(dtype=float)
    finite = finite[np.isfinite(finite)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    # At least the span of one copy less (-1) and one more (.58) in most cells; a homozygous
    # loss goes to -5 and is drawn at the edge.
    return float(np.clip(1.1 * low, -2.5, -0.7)), float(np.clip(1.1 * high, 0.7, 2.0))


def axis_name(k: int, letter: str = "yaxis") -> str:
    """Return the name of axis number `k` (from 0) as plotly counts: yaxis, yaxis2, ..."""
    return letter if k == 0 else f"{letter}{k + 1}"


def _genome_row_axes(
    i: int, shares: Sequence[float], reach: tuple[float, float], alleles: bool
) -> Figure:
    """Return the axes of measurement `i`; the rows share the height as `shares` says."""
    height = 1 / sum(shares)
    top = 1 - height * sum(shares[:i])
    level = (top - 0.68 * height, top - 0.15 * height)
    allele = (top - 0.97 * height, top - 0.73 * height)
    title = {"font": {"size": 11, "color": QUIET}, "standoff": 4}
    small = {"tickfont": {"size": 11}, "anchor": "x", "nticks": 4}
    upper = axis(
        domain=list(level), range=list(reach), title=title | {"text": "log ratio"}, **small
    ) | {
        "zeroline": True,
        "zerolinecolor": FAINT,
        "zerolinewidth": 1,
        "tickvals": [-2, -1, -0.5, 0, 0.5, 1],
    }
    if not alleles:
        return {axis_name(2 * i): upper}
    lower = axis(
        domain=list(allele), range=[-0.02, 0.52], title=title | {"text": "imbalance"}, **small
    )
    return {axis_name(2 * i): upper, axis_name(2 * i + 1): lower | {"tickvals": [0, 0.25, 0.5]}}


def _boundaries(offset: dict[str, float]) -> list[Figure]:
    return [
        {
            "type": "line",
            "x0": start,
            "x1": start,
            "y0": 0,
            "y1": 1,
            "yref": "paper",
            "layer": "below",
            "line": {"color": RULE, "width": 1},
        }
        for start in offset.values()
        if start > 0
    ]


def _genome_points(
    own: pd.DataFrame, x: np.ndarray, i: int, reach: tuple[float, float]
) -> list[Figure]:
    """Return the points of one measurement, chromosomes in two alternating greys."""
    code = own["chrom"].astype(str).map({name: n for n, name in enumerate(CHROMOSOMES)})
    odd = code.to_numpy() % 2 == 1
    place = (
        own["chrom"].astype(str).str.removeprefix("chr")
        + ":"
        + ((own["start"] + own["end"]) / 2e6).round(1).astype(str)
    ).to_numpy()
    panels = (
        (2 * i, own["log_ratio"].to_numpy(dtype=float).clip(*reach), 3, "log ratio"),
        (2 * i + 1, own["imbalance"].to_numpy(dtype=float).clip(0, 0.5), 4, "imbalance"),
    )
    traces: list[Figure] = []
    for k, y, digits, name in panels:
        for half, colour in ((~odd, "#56616b"), (odd, "#93a0aa")):
            rows = half & np.isfinite(y)
            if rows.any():
                traces.append(
                    {
                        "type": "scatter",
                        "mode": "markers",
                        "x": numbers(x[rows], 2),
                        "y": numbers(y[rows], digits),
                        "text": place[rows].tolist(),
                        "hovertemplate": f"chr%{{text}} Mb<br>{name} %{{y}}<extra></extra>",
                        "yaxis": "y" if k == 0 else f"y{k + 1}",
                        "marker": {"size": 3, "color": colour},
                    }
                )
    return traces


def _event_boxes(
    events: pd.DataFrame,
    states: pd.DataFrame,
    styles: pd.DataFrame,
    offset: dict[str, float],
    width: float,
    panels: Sequence[str],
) -> tuple[list[Figure], list[Figure]]:
    """Return the boxes of the events in the panels of a measurement, and their tags above them."""
    state_of = dict(zip(states["event_id"], rows_of(states), strict=True))
    shapes, notes, level = [], [], 0
    previous = -np.inf
    for event, style in zip(rows_of(events), rows_of(styles), strict=True):
        row = state_of.get(event.event_id)
        if row is None or row.state == "not_testable" or event.chrom not in offset:
            continue
        middle = offset[event.chrom] + (event.start + event.end) / 2e6
        half = max((event.end - event.start) / 2e6, _MIN_BOX * width / 2)
        there = row.state == "present"
        shapes += [
            {
                "type": "rect",
                "x0": round(middle - half, 3),
                "x1": round(middle + half, 3),
                "y0": 0,
                "y1": 1,
                "yref": f"{axis} domain",
                "layer": "below" if there else "above",
                "fillcolor": style.colour if there else "rgba(0,0,0,0)",
                "opacity": 0.25 if there else 0.7,
                "line": {"color": style.colour, "width": 1, "dash": "solid" if there else "dot"},
            }
            for axis in panels
        ]
        if there:
            # Tags closer than 9 % of the axis would run into each other: put them one higher.
            level = 1 - level if middle - previous < 0.09 * width else 0
            previous = middle
            notes.append(_event_tag(style, row, middle, width, panels[0], level))
    return shapes, notes


def _event_tag(style: Any, row: Any, middle: float, width: float, panel: str, level: int) -> Figure:
    side = "right" if middle > 0.95 * width else "left" if middle < 0.05 * width else "center"
    return note(
        plain(f"{style.tag} {percent(row.cell_fraction)}"),
        x=round(middle, 3),
        y=1,
        xref="x",
        yref=f"{panel} domain",
        xanchor=side,
        yanchor="bottom",
        yshift=_TAG_PX * level,
        font={"size": 11, "color": INK},
    )
