"""The close-up of one event: single loci and their means, passages side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from linedrift.genome import GRCH38
from linedrift.report import plots
from linedrift.report.figures import assay_name, in_window, state_text, zoom_means, zoom_samples
from linedrift.report.plots import INK, Figure, axis, axis_name, layout, numbers, plain


def zoom_figure(
    event: Any, style: Any, markers: pd.DataFrame, trajectories: pd.DataFrame, *, max_points: int
) -> Figure:
    """Return the single loci of one event and its flanks, passages side by side.

    Log ratio above, shift of the heterozygous loci below; thick lines are the means of the
    event and of each flank, dark edges the 95 % interval of the ends. Of more than four
    passages the first, the last and two between are drawn.
    """
    samples = zoom_samples(event, markers, trajectories)
    drawn = layout(440, margin={"l": 64, "r": 12, "t": 68, "b": 44})
    data: list[Figure] = []
    budget = max_points // max(2 * len(samples), 1)
    several = len({row.assay for row in samples}) > 1
    for i, row in enumerate(samples):
        own = markers[of_measurement(markers, row) & in_window(markers, event)]
        level = own[np.isfinite(own["log_ratio"].to_numpy(dtype=float))]
        allele = own[np.isfinite(own["shift"].to_numpy(dtype=float))]
        data += _zoom_points(level, "log_ratio", event, style, i, budget)
        data += _zoom_points(allele, "shift", event, style, i, budget)
        data += _zoom_means(level, allele, event, i)
        drawn |= _zoom_axes(event, i, len(samples))
        domain = drawn[axis_name(i, "xaxis")]["domain"]
        name = plots.shorten(row.sample)
        name = f"<b>{plain(name)}</b>" + (f" {plain(assay_name(row.assay))}" if several else "")
        title = f"{name}<br>{plain(_short_state(row))}"
        place = {"xref": "paper", "yref": "paper", "xanchor": "center", "yanchor": "bottom"}
        drawn["annotations"].append(plots.note(title, x=sum(domain) / 2, y=1, **place))
        drawn["shapes"] += _zoom_shapes(event, style, i)
    return {"data": data, "layout": drawn}


def of_measurement(markers: pd.DataFrame, row: Any) -> pd.Series:
    """Return which loci are of the measurement (sample and assay) of a row of `zoom_samples`."""
    return (markers["sample"] == row.sample) & (markers["assay"] == row.assay)


def _short_state(row: Any) -> str:
    return "not testable" if row.state == "not_testable" else state_text(row)


def _zoom_axes(event: Any, i: int, n: int) -> Figure:
    gap = 0.02
    width = (1 - gap * (n - 1)) / n
    left = i * (width + gap)
    flank = event.end - event.start
    last = GRCH38.lengths[event.chrom]
    reach = [max(event.start - flank, 0) / 1e6, min(event.end + flank, last) / 1e6]
    first = i == 0
    title = {"font": {"size": 12, "color": plots.QUIET}}
    y = {"anchor": axis_name(i, "x"), "showticklabels": first, "zeroline": True}
    y |= {"zerolinecolor": plots.FAINT, "zerolinewidth": 1, "tickfont": {"size": 11}}
    return {
        axis_name(i, "xaxis"): axis(
            domain=[left, left + width],
            range=[round(value, 4) for value in reach],
            anchor=f"y{2 * i + 2}",
            nticks=4,
            tickfont={"size": 11},
            showgrid=False,
            title=title | {"text": f"{event.chrom}, Mb", "standoff": 6},
        ),
        axis_name(2 * i): axis(
            domain=[0.54, 1.0],
            range=[-1.3, 1.1],
            tickvals=[-1, 0, 1],
            **({"title": title | {"text": "log ratio"}} if first else {}),
        )
        | y,
        axis_name(2 * i + 1): axis(
            domain=[0.0, 0.46],
            range=[-0.55, 0.55],
            tickvals=[-0.5, 0, 0.5],
            **({"title": title | {"text": "allele shift"}} if first else {}),
        )
        | y,
    }


def _zoom_points(
    loci: pd.DataFrame, column: str, event: Any, style: Any, i: int, budget: int
) -> list[Figure]:
    if len(loci) > budget:
        loci = loci.iloc[np.linspace(0, len(loci) - 1, max(budget, 1)).round().astype(int)]
    lower = column == "shift"
    floor, ceiling = (-0.54, 0.54) if lower else (-1.28, 1.08)
    position = loci["start"].to_numpy(dtype=float) / 1e6
    value = loci[column].to_numpy(dtype=float).clip(floor, ceiling)
    inside = ((loci["start"] >= event.start) & (loci["start"] < event.end)).to_numpy()
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": numbers(position[rows], 4),
            "y": numbers(value[rows], 3),
            "xaxis": axis_name(i, "x"),
            "yaxis": axis_name(2 * i + lower, "y"),
            "marker": {"size": 3.5, "color": colour, "opacity": 0.75, "symbol": symbol},
            "hovertemplate": "%{x} Mb<br>%{y}<extra></extra>",
            "xhoverformat": ".3f",
        }
        for rows, colour, symbol in (
            (~inside, plots.FAINT, "circle-open"),
            (inside, style.colour, "circle"),
        )
        if rows.any()
    ]


def _zoom_means(level: pd.DataFrame, allele: pd.DataFrame, event: Any, i: int) -> list[Figure]:
    means = zoom_means(level, allele, event)
    lines = []
    for k, column, sign in (
        (2 * i, "log_ratio", 1),
        (2 * i + 1, "shift", 1),
        (2 * i + 1, "shift", -1),
    ):
        x = means[["start", "end"]].to_numpy(dtype=float) / 1e6
        y = sign * means[column].to_numpy(dtype=float)
        lines.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [value for ends in x.round(4).tolist() for value in (*ends, None)],
                "y": [value for mean in numbers(y, 3) for value in (mean, mean, None)],
                "xaxis": axis_name(i, "x"),
                "yaxis": axis_name(k, "y"),
                "line": {"color": INK, "width": 2.5},
                "hoverinfo": "skip",
            }
        )
    return lines


def _zoom_shapes(event: Any, style: Any, i: int) -> list[Figure]:
    spans = (
        (event.start, event.end, 0.10),
        (event.start_low, event.start_high, 0.30),
        (event.end_low, event.end_high, 0.30),
    )
    return [
        {
            "type": "rect",
            "xref": axis_name(i, "x"),
            "yref": f"{axis_name(k, 'y')} domain",
            "x0": start / 1e6,
            "x1": end / 1e6,
            "y0": 0,
            "y1": 1,
            "layer": "below",
            "fillcolor": style.colour,
            "opacity": opacity,
            "line": {"width": 0},
        }
        for start, end, opacity in spans
        for k in (2 * i, 2 * i + 1)
    ]
