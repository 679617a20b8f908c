import dataclasses
import json

import fake_records
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linedrift import tables
from linedrift.report import closeup, figures, plots

RECORD = fake_records.line_record(failed=38)
COUNTED = RECORD.events[RECORD.events["origin"] == "acquired"].reset_index(drop=True)
STYLES = figures.label_events(COUNTED)
NAME = {"sample": "LD001-p52", "assay": "snp_array"}


def drawn(figure):
    """Return the figure after JSON, as a page carries it, and after plotly's own validation."""
    back = json.loads(json.dumps(figure, allow_nan=False))
    go.Figure(back)
    return back


def n_points(figure):
    return sum(len(trace["x"]) for trace in figure["data"])


def texts_of(thing):
    if isinstance(thing, dict):
        return [text for value in thing.values() for text in texts_of(value)]
    if isinstance(thing, list):
        return [text for value in thing for text in texts_of(value)]
    return [thing] if isinstance(thing, str) else []


# Shifts and bins


@given(shift=st.floats(0.02, 0.5), sd=st.floats(0.01, 0.06), seed=st.integers(0, 2**32 - 1))
def test_unfolding_gives_back_the_shift_under_noise(shift, sd, seed):
    random = np.random.default_rng(seed)
    sign = random.choice([-1.0, 1.0], 20_000)
    seen = np.abs(sign * shift + random.normal(0, sd, 20_000)).mean()
    # Near zero the folded mean hardly moves with the shift, so the error grows there.
    assert figures.unfold(seen, sd) == pytest.approx(
        shift, abs=max(0.05 * sd, 0.25 * sd**2 / shift)
    )


def test_noise_alone_unfolds_to_less_than_it_was():
    random = np.random.default_rng(1)
    seen = np.abs(random.normal(0, 0.04, 100_000)).mean()
    assert seen == pytest.approx(0.032, abs=0.001)
    assert figures.unfold(seen, 0.04) < 0.006


def test_without_a_known_noise_nothing_is_removed():
    assert figures.unfold(0.1, np.nan) == 0.1
    assert figures.unfold(0.1, 0.0) == 0.1


def test_tracks_show_a_planted_gain_in_its_bins_only():
    contrast = fake_records.contrast({"gain20": 0.85, "tri12": 0.0}, seed=3, step_bp=4_000)
    binned = figures.tracks(contrast, **NAME, bin_bp=500_000)
    inside = (binned["chrom"] == "chr20") & binned["start"].between(31_000_000, 33_000_000)
    inside = inside.to_numpy()
    c = 0.85
    assert binned.loc[inside, "log_ratio"].mean() == pytest.approx(np.log2(1 + c / 2), abs=0.05)
    assert binned.loc[inside, "imbalance"].mean() == pytest.approx(c / (2 * (2 + c)), abs=0.01)
    assert binned.loc[~inside & (binned["chrom"] != "chr20"), "imbalance"].max() < 0.05
    assert set(binned["sample"]) == {"LD001-p52"}


def test_bins_cover_each_locus_once_and_stay_on_the_chromosome():
    contrast = fake_records.contrast({"gain20": 0.0, "tri12": 0.0}, seed=3)
    binned = figures.tracks(contrast, **NAME, bin_bp=1_000_000)
    tables.check(binned, tables.TRACKS)
    assert (binned["end"] - binned["start"] <= 1_000_000).all()
    x_end = binned.loc[binned["chrom"] == "chrX", "end"].max()
    assert x_end <= 156_040_895
    mean = contrast["log_ratio"].mean()
    n = contrast.groupby([contrast["chrom"], contrast["start"] // 1_000_000], observed=True).size()
    assert np.average(binned["log_ratio"], weights=n) == pytest.approx(mean, abs=1e-4)


def test_a_bin_with_few_heterozygous_loci_has_no_imbalance():
    contrast = fake_records.contrast({"gain20": 0.5, "tri12": 0.5}, seed=3)
    on_x = contrast["chrom"] == "chrX"
    contrast.loc[on_x, "shift"] = np.nan
    binned = figures.tracks(contrast, **NAME, bin_bp=1_000_000)
    assert binned.loc[binned["chrom"] == "chrX", "imbalance"].isna().all()
    assert binned.loc[binned["chrom"] == "chrX", "log_ratio"].notna().all()
    none = figures.tracks(contrast, **NAME, bin_bp=1_000_000, min_het_loci=10_000)
    assert none["imbalance"].isna().all()


def test_an_empty_contrast_gives_no_bin():
    assert figures.tracks(tables.CONTRAST.empty(), **NAME, bin_bp=1_000_000).empty


def test_a_bin_length_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="bin_bp is 0"):
        figures.tracks(tables.CONTRAST.empty(), **NAME, bin_bp=0)


def test_coarser_tracks_keep_extent_and_mean():
    coarse = figures.coarsened(RECORD.tracks, 1_000)
    assert 2 * len(coarse) <= 1_000 + 2 * 7 * len(fake_records.PASSAGES)
    for chrom, own in RECORD.tracks.groupby("chrom", observed=True):
        merged = coarse[coarse["chrom"] == chrom]
        assert merged["start"].min() == own["start"].min()
        assert merged["end"].max() == own["end"].max()
        assert merged["log_ratio"].mean() == pytest.approx(own["log_ratio"].mean(), abs=0.02)


# Loci around events


@settings(deadline=None)
@given(per_event=st.integers(1, 300))
def test_loci_stay_in_their_windows_and_under_the_cap(per_event):
    contrast = fake_records.contrast({"gain20": 0.85, "tri12": 0.0}, seed=4, step_bp=60_000)
    focal = COUNTED[COUNTED["band"] == "20q11.21"]
    loci = figures.markers_around(contrast, focal, **NAME, per_event=per_event)
    assert 0 < len(loci) <= per_event
    assert (loci["chrom"] == "chr20").all()
    assert loci["start"].between(28_400_000, 36_200_000).all()
    tables.check(loci, tables.CONTRAST)


def test_a_thinned_window_keeps_half_of_its_loci_heterozygous():
    contrast = fake_records.contrast({"gain20": 0.85, "tri12": 0.0}, seed=4, step_bp=4_000)
    loci = figures.markers_around(contrast, COUNTED.iloc[1:], **NAME, per_event=200)
    assert len(loci) == 200
    assert loci["shift"].notna().sum() == 100


def test_no_event_keeps_no_locus():
    contrast = fake_records.contrast({"gain20": 0.0, "tri12": 0.0}, seed=4)
    assert figures.markers_around(contrast, tables.EVENTS.empty(), **NAME, per_event=50).empty


# States in words


def test_the_three_states_read_differently():
    rows = {row.state: figures.state_text(row) for row in figures.rows_of(RECORD.trajectories)}
    assert "–" in rows["present"]
    assert rows["absent"] == "<\u00a06\u00a0%"
    assert rows["not_testable"].startswith("not testable: failed quality")


def test_a_limit_is_never_printed_smaller_than_it_is():
    row = figures.rows_of(RECORD.trajectories)[0]._replace(state="absent", limit=0.0601)
    assert figures.state_text(row) == "<\u00a07\u00a0%"
    assert figures.state_text(row._replace(limit=0.06)) == "<\u00a06\u00a0%"
    assert figures.state_text(row._replace(limit=np.nan)) == "absent"


# Figures


def test_the_genome_figure_stays_under_its_points_and_shows_measured_chromosomes_only():
    remarks = {("LD001-p38", "snp_array"): "failed quality"}
    figure = drawn(
        plots.genome_figure(
            RECORD.tracks, COUNTED, RECORD.trajectories, STYLES, max_points=4_000, remarks=remarks
        )
    )
    assert n_points(figure) <= 4_300
    assert figure["layout"]["xaxis"]["ticktext"] == ["7", "8", "12", "17", "18", "20", "X"]
    assert any("failed quality" in note["text"] for note in figure["layout"]["annotations"])


def test_events_are_boxed_by_their_state_in_each_passage():
    figure = plots.genome_figure(
        RECORD.tracks, COUNTED, RECORD.trajectories, STYLES, max_points=9_000, remarks={}
    )
    boxes = [shape for shape in figure["layout"]["shapes"] if shape["type"] == "rect"]
    filled = [box for box in boxes if box["line"]["dash"] == "solid"]
    dotted = [box for box in boxes if box["line"]["dash"] == "dot"]
    # p12: none of two; p25: one of two; p38 failed, so no box; p52: both. Two panels each.
    assert len(filled) == 2 * 3
    assert len(dotted) == 2 * 3


def test_a_measurement_without_alleles_has_no_panel_for_them():
    own = RECORD.tracks[RECORD.tracks["sample"].isin(["LD001-p12", "LD001-p52"])]
    levels = own.assign(assay="methylation", imbalance=np.float32(np.nan))
    both = pd.concat([own, levels], ignore_index=True)

    def figure_of(tracks):
        return plots.genome_figure(
            tracks, COUNTED, RECORD.trajectories, STYLES, max_points=9_000, remarks={}
        )["layout"]

    made = figure_of(both)
    panels = {name: axis for name, axis in made.items() if name.startswith("yaxis")}
    titles = [axis["title"]["text"] for axis in panels.values()]
    assert (titles.count("log ratio"), titles.count("imbalance")) == (4, 2)
    # Panels lie below each other and do not overlap, down to the foot of the figure.
    domains = sorted((axis["domain"] for axis in panels.values()), reverse=True)
    assert all(one[0] >= other[1] for one, other in zip(domains[:-1], domains[1:], strict=True))
    assert 0 <= domains[-1][0] < 0.12
    assert f"yaxis{made['xaxis']['anchor'][1:]}" in panels
    assert figure_of(own)["height"] < made["height"] < 2 * figure_of(own)["height"]
    boxes = [shape for shape in made["shapes"] if shape["type"] == "rect"]
    # Present in p52 alone, asked in p12: two events, of arrays two panels, of methylation one.
    assert len(boxes) == 2 * 3 + 2 * 3
    known = {name.replace("axis", "") for name in panels}
    assert {box["yref"].split()[0] for box in boxes} <= known


def test_trajectories_mark_present_absent_and_not_testable_apart():
    figure = drawn(plots.trajectory_figure(COUNTED, RECORD.trajectories, STYLES))
    symbols = {trace["marker"]["symbol"] for trace in figure["data"]}
    assert {"circle", "square", "triangle-down-open", "x-thin-open"} <= symbols
    gain = next(trace for trace in figure["data"] if "20q11.21" in trace.get("name", ""))
    assert gain["y"] == [None, None, 8.0, 85.0]
    limits = next(trace for trace in figure["data"] if trace["marker"]["symbol"].startswith("tri"))
    assert {value for value in limits["y"] if value is not None} == {5.2}
    assert figure["layout"]["xaxis"]["ticktext"] == ["donor", "p12", "p25", "p38", "p52"]


def test_every_event_has_a_colour_and_marker_of_its_own():
    many = pd.concat([COUNTED] * 5, ignore_index=True)
    styles = figures.label_events(many)
    assert not styles[["colour", "symbol"]].duplicated().any()
    assert list(styles["tag"][:3]) == ["E1", "E2", "E3"]


def test_the_close_up_shows_single_loci_and_the_mean_of_the_event():
    event, style = figures.rows_of(COUNTED)[1], figures.rows_of(STYLES)[1]
    figure = drawn(
        closeup.zoom_figure(event, style, RECORD.markers, RECORD.trajectories, max_points=800)
    )
    points = [trace for trace in figure["data"] if trace["mode"] == "markers"]
    assert sum(len(trace["x"]) for trace in points) <= 800
    own = RECORD.markers[RECORD.markers["sample"] == "LD001-p52"]
    means = figures.zoom_means(own[own["log_ratio"].notna()], own[own["shift"].notna()], event)
    inside = means.set_index("part").loc["event"]
    assert inside["log_ratio"] == pytest.approx(np.log2(1.425), abs=0.1)
    assert inside["shift"] == pytest.approx(0.85 / 5.7, abs=0.02)
    assert means.set_index("part").loc["left flank", "shift"] < 0.03


def test_of_many_passages_the_close_up_shows_four_with_the_first_and_the_last():
    event = figures.rows_of(COUNTED)[1]
    base = RECORD.trajectories[RECORD.trajectories["event_id"] == event.event_id].iloc[[1]]
    rows = [base.assign(sample=f"LD001-p{p}", passage=p) for p in range(10, 70, 6)]
    many = pd.concat(rows, ignore_index=True)
    one = RECORD.markers[RECORD.markers["sample"] == "LD001-p12"]
    markers = pd.concat([one.assign(sample=name) for name in many["sample"]], ignore_index=True)
    shown = [row.passage for row in figures.zoom_samples(event, markers, many)]
    assert len(shown) == 4
    assert (shown[0], shown[-1]) == (10, 64)


@pytest.mark.parametrize("name", ["<b>x</b>", "<a href='//x'>y</a>", "a&lt;b", "%{x}", "한국어"])
def test_names_stay_text_in_every_label(name):
    events = COUNTED.assign(band=name)
    styles = figures.label_events(events)
    record = dataclasses.replace(
        RECORD,
        tracks=RECORD.tracks.assign(sample=name),
        markers=RECORD.markers.assign(sample=name),
        trajectories=RECORD.trajectories[RECORD.trajectories["passage"] == 52].assign(sample=name),
    )
    event, style = figures.rows_of(events)[1], figures.rows_of(styles)[1]
    made = [
        plots.genome_figure(
            record.tracks, events, record.trajectories, styles, max_points=500, remarks={}
        ),
        plots.trajectory_figure(events, record.trajectories, styles),
        closeup.zoom_figure(event, style, record.markers, record.trajectories, max_points=100),
    ]
    escaped = plots.plain(name)
    for figure in made:
        texts = texts_of(drawn(figure))
        assert any(escaped in text for text in texts)
        if escaped != name:
            assert not any(name in text for text in texts)
        # Plotly fills in what stands in braces of a template, so no name may stand in one.
        known = {"%{text}<extra></extra>", "%{x} Mb<br>%{y}<extra></extra>"}
        known |= {
            f"chr%{{text}} Mb<br>{y} %{{y}}<extra></extra>" for y in ("log ratio", "imbalance")
        }
        assert {trace.get("hovertemplate") for trace in figure["data"]} <= known | {None}


def test_figures_of_a_line_without_events_are_drawn():
    empty = fake_records.line_record(empty=True)
    styles = figures.label_events(empty.events)
    figure = drawn(
        plots.genome_figure(
            empty.tracks, empty.events, empty.trajectories, styles, max_points=2_000, remarks={}
        )
    )
    assert not [shape for shape in figure["layout"]["shapes"] if shape["type"] == "rect"]
    nothing = plots.genome_figure(
        tables.TRACKS.empty(), empty.events, empty.trajectories, styles, max_points=9, remarks={}
    )
    assert nothing["data"] == []


def test_the_close_up_of_two_assays_shows_both_side_by_side_and_never_mixed():
    record = fake_records.line_record(exome=True)
    event = COUNTED.iloc[1]
    shown = figures.zoom_samples(event, record.markers, record.trajectories)
    assert [(row.passage, row.assay) for row in shown] == [
        (12, "snp_array"), (12, "wes"), (52, "snp_array"), (52, "wes"),
    ]  # fmt: skip
    loci = [record.markers[closeup.of_measurement(record.markers, row)] for row in shown]
    assert [set(frame["assay"]) for frame in loci] == [{row.assay} for row in shown]
    style = STYLES.iloc[1]
    figure = drawn(
        closeup.zoom_figure(event, style, record.markers, record.trajectories, max_points=800)
    )
    titles = [note["text"] for note in figure["layout"]["annotations"]]
    assert sum("exome" in title for title in titles) == 2


def test_the_genome_figure_has_a_row_for_each_measurement():
    record = fake_records.line_record(exome=True)
    figure = drawn(
        plots.genome_figure(
            record.tracks, COUNTED, record.trajectories, STYLES, max_points=4000,
            remarks={("LD001-p52", "wes"): "failed quality"},
        )
    )  # fmt: skip
    titles = [text for text in texts_of(figure["layout"]) if text.startswith("<b>LD001")]
    assert len(titles) == 8
    assert [title for title in titles if "failed quality" in title] == [
        "<b>LD001-p52</b>  exome, <i>failed quality</i>"
    ]


def test_a_title_stands_above_the_tag_of_an_event_at_the_left_edge():
    record = fake_records.line_record()
    events = COUNTED.assign(chrom="chr7", start=4_000_000, end=5_000_000)
    figure = drawn(
        plots.genome_figure(
            record.tracks, events, record.trajectories, STYLES, max_points=4000, remarks={}
        )
    )
    notes = figure["layout"]["annotations"]
    titles = [note for note in notes if note["text"].startswith("<b>")]
    tags = [note for note in notes if not note["text"].startswith("<b>")]
    assert tags and max(tag["yshift"] for tag in tags) < max(title["yshift"] for title in titles)
