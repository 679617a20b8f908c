"""The published scheme that copy number of methylation arrays is measured beside."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))  # last: demo/ has a run.py as well

import conumee_scheme  # noqa: E402
import dna_copy  # noqa: E402
import methylation  # noqa: E402
from linedrift.genome import CHROM_DTYPE  # noqa: E402


@pytest.fixture(scope="module")
def arrays():
    """Return six arrays of two chromosomes that share what their probes give."""
    rng = np.random.default_rng(1)
    places = [
        pd.DataFrame({"chrom": chrom, "start": np.sort(rng.choice(20_000_000, 6000, False))})
        for chrom in ("chr1", "chr2")
    ]
    probes = pd.concat(places, ignore_index=True).astype({"chrom": CHROM_DTYPE})
    level = 12 + rng.normal(0, 1, len(probes))
    found = []
    for _ in range(6):
        total = 2 ** (level + rng.normal(0, 0.1, len(probes)))
        found.append(probes.assign(methylated=total / 2, unmethylated=total / 2))
    return found


def test_a_linear_model_of_the_controls_takes_the_probes_off(arrays):
    own, *controls = arrays
    ratio = conumee_scheme.log_ratio(own, controls)
    assert ratio.std() == pytest.approx(0.11, abs=0.02)
    mixed = own.assign(
        methylated=controls[0]["methylated"] * 3, unmethylated=controls[0]["unmethylated"] * 3
    )
    assert np.abs(conumee_scheme.log_ratio(mixed, controls)).max() < 1e-6


def test_bins_hold_at_least_fifteen_probes_and_all_of_them(arrays):
    probes = arrays[0]
    found = conumee_scheme.bins(probes, np.ones(len(probes)))
    assert (found["n"] >= conumee_scheme.BIN_PROBES).all()
    assert found["n"].sum() == len(probes)
    length = found["end"] - found["start"]
    assert (length >= conumee_scheme.BIN_BP).all()
    for _, rows in found.groupby("chrom", observed=True):
        assert (rows["start"].to_numpy()[1:] == rows["end"].to_numpy()[:-1]).all()


@pytest.mark.skipif(not dna_copy.is_here(), reason=dna_copy.MISSING)
def test_a_clonal_gain_is_segmented(arrays, tmp_path):
    own, *controls = arrays
    there = (own["chrom"] == "chr2") & own["start"].between(5_000_000, 15_000_000)
    gained = own.assign(
        **{name: own[name] * np.where(there, 1.3, 1.0) for name in ("methylated", "unmethylated")}
    )
    found = conumee_scheme.calls(gained, controls, tmp_path)
    best = found.loc[found["score"].idxmax()]
    assert (best["chrom"], best["kind"]) == ("chr2", "gain")
    assert best["start"] == pytest.approx(5_000_000, abs=200_000)
    assert best["end"] == pytest.approx(15_000_000, abs=200_000)


def test_the_report_counts_what_was_found_and_what_was_false():
    truth = pd.DataFrame(
        [("chr1", 0, 10_000_000, "gain", 10.0, 0.3)],
        columns=["chrom", "start", "end", "kind", "size", "fraction"],
    )
    own = pd.DataFrame(
        [("chr1", 0, 10_000_000, "gain", 20.0, 900, 1), ("chr2", 0, 99, "loss", 5.0, 9, 0)],
        columns=["chrom", "start", "end", "kind", "score", "n", "called"],
    )
    peer = own.drop(columns="called").assign(score=[0.08, 0.01])
    tables = {"truth": truth, "linedrift": own, conumee_scheme.NAME: peer}
    empty = {"truth": truth[:0], "linedrift": own[1:], conumee_scheme.NAME: peer[1:]}
    text = methylation.report({"grid-0.3-0": tables, "null-0-0": empty})
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    false = {row[0]: row[2] for row in rows if len(row) == 7 and row[1] == "1"}
    assert false == {"linedrift": "0", conumee_scheme.NAME: "1"}
    assert [row[:3] for row in rows if row[1:2] == ["gain of 10 Mb"]] == [
        ["linedrift", "gain of 10 Mb", "≤30 %"],
        [conumee_scheme.NAME, "gain of 10 Mb", "≤30 %"],
    ]


def test_the_interval_of_the_cells_needed_narrows_with_the_events():
    fractions, power = [0.1, 0.15, 0.2, 0.3], [0.0, 0.3, 0.85, 1.0]
    widths = []
    for n in (20, 200):
        rows = pd.DataFrame({"fraction": fractions, "power": power, "n": n})
        low, high = map(float, methylation.needed_interval(rows, lenient=False).split("-"))
        assert low < 19.5 < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2


def seen(own, theirs, n=40):
    """Return events of three fractions, of which either way found a share."""
    return pd.concat(
        pd.DataFrame(
            {
                "fraction": fraction,
                "own": np.arange(n) < round(a * n),
                "theirs": np.arange(n) < round(b * n),
            }
        )
        for fraction, a, b in zip((0.1, 0.2, 0.3), own, theirs, strict=True)
    )


def test_event_by_event_a_better_way_is_told_from_the_same():
    same = methylation.paired(seen((0.1, 0.5, 1.0), (0.1, 0.5, 1.0)))
    assert (same["linedrift alone"], same["the scheme alone"], same["p"]) == ("0", "0", "1")
    assert same["ratio"] == "1.00 (1.00-1.00)"
    better = methylation.paired(seen((0.4, 0.9, 1.0), (0.1, 0.5, 1.0)))
    assert (better["linedrift alone"], better["the scheme alone"]) == ("28", "0")
    assert float(better["p"]) < 1e-6
    ratio, low, high = (float(x) for x in better["ratio"].replace("(", "-").rstrip(")").split("-"))
    assert 1.2 < low < ratio < high
    # Turned around, the scheme is the better one.
    worse = methylation.paired(seen((0.1, 0.5, 1.0), (0.4, 0.9, 1.0)))
    assert float(worse["ratio"].split()[0]) == pytest.approx(1 / ratio, abs=0.01)


def test_the_comparison_reads_the_peer_at_its_authors_cut_off_and_at_its_best():
    truth = pd.DataFrame(
        [("chr1", 0, 10_000_000, "gain", 10.0, 0.3)],
        columns=["chrom", "start", "end", "kind", "size", "fraction"],
    )
    own = pd.DataFrame(
        [("chr1", 0, 10_000_000, "gain", 20.0, 900, 0)],
        columns=["chrom", "start", "end", "kind", "score", "n", "called"],
    )
    tables = {"truth": truth, "linedrift": own}
    # At .08 the peer's segment is found by a cut-off below, not by that of its authors.
    tables[conumee_scheme.NAME] = own.drop(columns="called").assign(score=0.08)
    empty = {"truth": truth[:0], "linedrift": own[:0], conumee_scheme.NAME: own[:0]}
    text = methylation.compare({"grid-0.3-0": tables, "null-0-0": empty})
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    alone = {(row[2], row[3]): row[4:6] for row in rows if row[:1] == ["gain of 10 Mb"]}
    # What is listed, but not called, is found by the way that lists it.
    assert alone["linedrift, listed", "its authors'"] == ["1", "0"]
    assert alone["linedrift, as called", "its authors'"] == ["0", "0"]
    (best,) = {cut for _, cut in alone if cut != "its authors'"}
    assert alone["linedrift, as called", best] == ["0", "1"]
    assert alone["linedrift, listed", best] == ["0", "0"]
