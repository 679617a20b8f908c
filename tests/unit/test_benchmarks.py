"""The benchmarks parse, score and fit rightly: a table of power is only as good as its rules."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))  # last: demo/ has a run.py as well

import bcftools_cnv  # noqa: E402
import crossing  # noqa: E402
import detection  # noqa: E402
import dna_copy  # noqa: E402
import engine  # noqa: E402
import genomes  # noqa: E402
import oracle  # noqa: E402
import scoring  # noqa: E402
import speed  # noqa: E402

SUMMARY = """# RG, Regions [2]Chromosome [3]Start
RG\tchr1\t1001\t5000\t2\t2\t39.3\t400\t100\t400\t100
RG\tchr1\t5001\t9000\t3\t2\t21.5\t40\t12\t40\t12
RG\tchr2\t1\t900\t1\t2\t7.0\t12\t3\t12\t3
RG\tchr3\t1\t900\t3\t3\t30.0\t80\t20\t80\t20
"""


def frame(*rows, columns=("chrom", "start", "end", "kind", "score", "n")):
    return pd.DataFrame(rows, columns=list(columns))


def event(chrom, start, end, kind="gain", size="4.0", fraction=0.15):
    return (chrom, start, end, kind, size, fraction)


def truth(*events):
    return frame(*events, columns=("chrom", "start", "end", "kind", "size", "fraction"))


def test_a_pairwise_summary_gives_the_rows_where_line_and_donor_differ():
    calls = bcftools_cnv.parse(SUMMARY)
    assert calls.to_numpy().tolist() == [
        ["chr1", 5000, 9000, "gain", 21.5, 40],
        ["chr2", 0, 900, "loss", 7.0, 12],
    ]


def test_a_summary_without_regions_gives_no_call_and_all_columns():
    calls = bcftools_cnv.parse("# nothing\n")
    assert calls.empty
    assert list(calls) == ["chrom", "start", "end", "kind", "score", "n"]


def test_segments_of_dnacopy_are_measured_from_the_median_marker(tmp_path):
    path = tmp_path / "segments.tsv"
    path.write_text(
        "ID\tchrom\tloc.start\tloc.end\tnum.mark\tseg.mean\n"
        "line\t1\t1001\t9000\t800\t0.02\n"
        "line\t1\t9001\t9900\t50\t-0.18\n"
        "line\t23\t5\t700\t60\t0.12\n"
    )
    calls = dna_copy.parse(path)
    assert calls["chrom"].tolist() == ["chr1", "chr1", "chrX"]
    assert calls["start"].tolist() == [1000, 9000, 4]
    assert calls["score"].tolist() == pytest.approx([0.0, 0.2, 0.1])
    assert calls["kind"].tolist()[1:] == ["loss", "gain"]


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([("chr1", 1_000, 2_000)], True),
        ([("chr1", 1_400, 2_400)], True),  # 60 % of it
        ([("chr1", 1_500, 2_500)], False),  # half is not more than half
        ([("chr1", 1_000, 1_300), ("chr1", 1_500, 1_800)], True),  # in pieces
        ([("chr1", 0, 4_100)], False),  # many times larger
        ([("chr2", 1_000, 2_000)], False),
        ([], False),
    ],
)
def test_an_event_is_found_where_calls_of_its_size_cover_more_than_half(calls, expected):
    rows = frame(*[(*call, "loss", 1.0, 10) for call in calls])
    assert scoring.found(truth(event("chr1", 1_000, 2_000)), rows).tolist() == [expected]


def test_a_call_that_touches_no_planted_event_is_false():
    calls = frame(
        ("chr1", 900, 1_100, "gain", 1.0, 5),
        ("chr1", 5_000, 6_000, "gain", 1.0, 5),
        ("chr2", 1_000, 2_000, "gain", 1.0, 5),
    )
    assert scoring.false(truth(event("chr1", 1_000, 2_000)), calls).tolist() == [False, True, True]


def test_only_cuts_with_few_false_events_are_allowed():
    null = frame(("chr1", 0, 10, "gain", 3.0, 50), ("chr1", 20, 30, "gain", 8.0, 5))
    nulls = [null] + [null[:0]] * 9
    cuts = [{}, {"score": 5.0}, {"score": 5.0, "n": 20}]
    allowed = scoring.allowed_cuts(nulls, cuts)
    assert allowed == [(cuts[1], 0.1), (cuts[2], 0.0)]


def listed(*rows):
    """Return what linedrift lists in a genome: chrom, phred, whether it is called, loci (90)."""
    columns = ("chrom", "start", "end", "kind", "score", "n", "phred", "called")
    return frame(
        *[(c, 0, 1_000, "gain", 9.0, *(n or [90]), q, called) for c, q, called, *n in rows],
        columns=columns,
    )


def test_linedrift_is_judged_as_it_calls_and_where_it_has_as_many_false_events_as_peers_may():
    nothing = truth()
    # Ten nulls may have one false event: the candidate of phred 9 is one, that of 4.5 another.
    nulls = {"0": (nothing, listed(("chr1", 4.5, 0), ("chr2", 9.0, 0)))}
    nulls |= {str(k): (nothing, listed()) for k in range(1, 10)}
    planted = truth(event("chr1", 0, 1_000), event("chr2", 0, 1_000), event("chr3", 0, 1_000))
    long = [("chr1", 30.0, 1, 300), ("chr2", 7.0, 0, 300), ("chr3", 4.0, 0, 300)]
    found = {"a": (planted, listed(*long))}
    nulls, found = (detection.in_each_way({engine.NAME: one}) for one in (nulls, found))
    assert list(found) == [engine.NAME, engine.SAME_RATE, engine.BY_ROW]
    assert detection.as_it_calls(engine.NAME, nulls) == {}
    assert detection.as_it_calls(engine.SAME_RATE, nulls) == {"phred": 5.0}
    tables = detection.best(nulls, found)
    assert tables[engine.NAME]["power"].item() == pytest.approx(1 / 3)
    assert tables[engine.SAME_RATE]["power"].item() == pytest.approx(2 / 3)
    assert tables[engine.SAME_RATE]["cut"].item() == "phred>=5"
    # By the peers' rule a row may be cut by loci too: what is false in the nulls is short.
    assert tables[engine.BY_ROW]["power"].item() == 1.0
    assert tables[engine.BY_ROW]["cut"].item().endswith("n>=200")
    # Without linedrift among the tools nothing is doubled.
    assert detection.in_each_way({"other": {}}) == {"other": {}}


def test_each_kind_and_size_has_the_cut_that_finds_most_of_it():
    planted = truth(
        event("chr1", 0, 1_000, size="1.0"), event("chr2", 0, 1_000, kind="loss", size="1.0")
    )
    calls = frame(("chr1", 0, 1_000, "gain", 2.0, 100), ("chr2", 0, 1_000, "loss", 9.0, 10))
    cuts = [({"score": 5.0}, 0.0), ({"n": 50.0}, 0.1)]
    best = scoring.best_power({"a": (planted, calls)}, cuts).set_index("kind")
    assert best["power"].to_dict() == {"gain": 1.0, "loss": 1.0}
    assert best["cut"].to_dict() == {"gain": "n>=50", "loss": "score>=5"}


@pytest.mark.parametrize(
    ("power", "expected"),
    [
        ([0.0, 0.6, 1.0, 1.0], (np.exp(np.log(0.1) + 0.5 * np.log(2)), "")),
        ([1.0, 1.0, 1.0, 1.0], (0.05, "<=")),
        ([0.0, 0.0, 0.5, 0.7], (0.4, ">")),
        ([0.9, 0.7, 0.9, 1.0], (np.exp(np.log(0.1) + 0.5 * np.log(2)), "")),  # the last dip counts
    ],
)
def test_the_fraction_needed_is_where_power_stays_at_four_of_five(power, expected):
    found = scoring.fraction_needed([0.05, 0.1, 0.2, 0.4], power)
    assert found == (pytest.approx(expected[0]), expected[1])


def test_a_peer_that_misses_what_all_cells_carry_keeps_the_fraction_that_it_found():
    fractions, power = [0.2, 0.3, 0.5, 1.0], [0.25, 1.0, 1.0, 0.0]
    strict = scoring.fraction_needed(fractions, power)
    lenient = scoring.fraction_needed(fractions, power, lenient=True)
    assert strict == (1.0, ">")
    assert 0.2 < lenient[0] < 0.3 and lenient[1] == ""


@pytest.mark.parametrize(
    ("other", "own", "expected"),
    [
        ((0.3, ""), (0.1, ""), "3.00"),
        ((1.0, ">"), (0.1, ""), ">10.00"),
        ((0.3, ""), (0.05, "<="), ">6.00"),
        ((0.199, ""), (0.1, ""), "1.99"),  # never rounded up to 2
        ((0.05, "<="), (0.05, "<="), "-"),
        ((0.3, ""), (1.0, ">"), "-"),
    ],
)
def test_a_ratio_says_where_it_is_only_a_bound(other, own, expected):
    assert scoring.ratio(other, own) == expected


def test_planted_events_lie_apart_on_measured_arms():
    arms = genomes.measured_arms(genomes.bands())
    planned = genomes.plan(np.random.default_rng(1), arms, genomes.wanted_events(0))
    assert planned["chrom"].is_unique
    for row in planned.itertuples():
        own = arms[(arms["chrom"] == row.chrom)]
        assert ((own["start"] <= row.start) & (row.end <= own["end"])).sum() == 1
    lengths = planned[planned["size"] != genomes.ARM]
    assert ((lengths["end"] - lengths["start"]) / 1e6).tolist() == lengths["size"].tolist()


def test_more_events_than_chromosomes_are_refused():
    arms = genomes.measured_arms(genomes.bands())
    with pytest.raises(ValueError, match="do not fit"):
        genomes.plan(np.random.default_rng(1), arms, [(1.0, "gain")] * 23)


def test_every_kind_and_size_is_planted_22_times_at_each_fraction():
    wanted = [one for k in range(genomes.GENOMES_PER_FRACTION) for one in genomes.wanted_events(k)]
    assert set(pd.Series(wanted).value_counts()) == {genomes.EVENTS_PER_CELL}


def test_the_fit_finds_planted_scale_and_slope():
    import calibrate

    rng, genomes_, scale, slope = np.random.default_rng(3), 200, 5.0, 0.8
    # Candidates of rate scale x places x exp(-slope x score): places from 10 to 10,000.
    places = 10 ** rng.uniform(1, 4, 20_000)
    log_rate = np.log(rng.uniform(0, 20_000 / genomes_, 20_000))
    score = (np.log(scale * places) - log_rate) / slope
    candidates = pd.DataFrame({"score": score, "places": places})
    found_scale, found_slope = calibrate.fit(candidates, genomes_)
    # 400 candidates give the slope within 5 %; the scale is its exponential.
    assert found_slope == pytest.approx(slope, rel=0.12)
    assert scale / 2.5 < found_scale < scale * 2.5


@pytest.mark.real
def test_genomes_drawn_from_the_dilution_carry_their_events(real_data, monkeypatch):
    monkeypatch.setenv("LINEDRIFT_REAL_DATA", str(real_data))
    pair = genomes.drawn("dilution-1-0")
    assert len(pair.line) == genomes.DILUTION_CHROMOSOMES * genomes.DILUTION_LOCI
    assert len(pair.truth) == genomes.DILUTION_CHROMOSOMES
    lost = pair.truth[pair.truth["kind"] == "loss"].iloc[0]
    on = pair.line["chrom"] == lost["chrom"]
    inside = on & pair.line["start"].between(lost["start"], lost["end"] - 1)
    assert inside.sum() == genomes.DILUTION_EVENT
    assert pair.line.loc[inside, "level"].median() < pair.line.loc[on & ~inside, "level"].median()
    # The donor is the same loci without the tumour.
    assert abs(pair.donor.loc[inside, "level"].median()) < 0.15


def test_the_digest_of_the_engine_covers_what_decides_a_call():
    names = {path.stem for path in engine.files()}
    assert {"contrast", "tails", "waves", "likelihood", "fitting", "limits"} <= names
    assert not {"pages", "verdict", "trajectories"} & names


def test_null_genomes_of_a_later_number_are_others(monkeypatch, tmp_path):
    import calibrate

    (tmp_path / "snp_array" / "dilution_crl2324").mkdir(parents=True)
    monkeypatch.setenv("LINEDRIFT_REAL_DATA", str(tmp_path))
    first = calibrate.null_names(("null", "normal"), range(3))
    assert first[:3] == genomes.null_names(3)
    assert first[3:6] == genomes.dilution_names(0.21, 3, planted=False)
    assert len(first) == 12
    assert not set(first) & set(calibrate.null_names(("null", "normal"), range(3, 6)))
    monkeypatch.setenv("LINEDRIFT_REAL_DATA", str(tmp_path / "none"))
    assert calibrate.null_names(("single", "normal"), [7]) == ["single-0-7"]


def test_a_genome_by_its_name_has_one_of_every_event_or_many_of_one():
    assert genomes.wanted_by("null", 0) == []
    assert genomes.wanted_by("grid", 3) == genomes.wanted_events(3)
    for name in genomes.crossing_names("cn_loh", 0.5, 0.125, 2, first=4):
        what, fraction, k = name.split("-")
        assert float(fraction) == 0.125 and int(k) in (4, 5)
        assert genomes.wanted_by(what, int(k)) == [(0.5, "cn_loh")] * 22


def test_the_crossing_takes_the_cut_that_finds_most_and_interpolates():
    planted = []
    for fraction, scores in ((0.1, (9.0, 1.0, 1.0, 1.0, 1.0)), (0.2, (9.0, 9.0, 9.0, 9.0, 1.0))):
        truths = truth(*[event(f"chr{i}", 0, 1_000, fraction=fraction) for i in range(5)])
        calls = frame(*[(f"chr{i}", 0, 1_000, "gain", score, 9) for i, score in enumerate(scores)])
        planted.append((truths, calls))
    found = crossing.curve(planted, [{"score": 10.0}, {"score": 5.0}])
    assert {f: hit.sum() for f, hit in found.items()} == {0.1: 1, 0.2: 4}
    assert crossing.needed(found, lenient=False) == (pytest.approx(0.2), "")
    draws = crossing.resampled(np.random.default_rng(1), found, lenient=True)
    assert draws.shape == (crossing.RESAMPLED,)
    assert draws.min() >= 0.1 and draws.max() < 0.2001 and np.median(draws) > 0.15


def test_the_oracle_counts_a_stretch_once_and_allows_one_false_yes_in_ten_genomes():
    start = np.arange(0, 200, 10)
    score = np.zeros(20)
    score[[3, 4, 5]] = 5.0, 7.0, 6.0
    score[15] = 3.0
    found = oracle.peaks(start, score, 25)
    assert found[:2].tolist() == [7.0, 3.0]
    nulls = [np.array([[float(k), -1.0]]) for k in range(10)]
    # Ten genomes may have one stretch above it: that of 9.
    assert oracle.threshold(nulls).tolist() == [8.0]


def test_what_a_command_took_is_its_own_not_its_parents():
    held = np.ones(40_000_000)
    seconds, gigabytes, output = speed._measured([sys.executable, "-S", "-c", "print('a')"])
    assert held.nbytes / 1e9 > 0.3 > 0.1 > gigabytes > 0.001
    assert seconds < 5
    assert output.strip() == "a"
    with pytest.raises(subprocess.CalledProcessError):
        speed._measured([sys.executable, "-S", "-c", "raise SystemExit(3)"])
