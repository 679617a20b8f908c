"""The scheme of eSNP-karyotyping finds a planted trisomy, and nothing where nothing is."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from linedrift.genome import CHROM_DTYPE

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))  # last: demo/ has a run.py as well

import esnp  # noqa: E402


def counts(trisomic=(), seed=0, n=400, chroms=("chr1", "chr2", "chr3", "chr4", "chrX")):
    """Return ALLELE_COUNTS of n heterozygous SNPs a chromosome."""
    rng = np.random.default_rng(seed)
    chrom = np.repeat(chroms, n)
    share = np.where(np.isin(chrom, trisomic), rng.choice([1 / 3, 2 / 3], len(chrom)), 0.5)
    alt = rng.binomial(80, share)
    return pd.DataFrame(
        {
            "chrom": pd.Categorical(chrom, dtype=CHROM_DTYPE),
            "start": np.tile(np.arange(n) * 100_000, len(chroms)),
            "ref_count": 80 - alt,
            "alt_count": alt,
            "usable": True,
        }
    )


def test_a_trisomy_is_found_where_it_is():
    found = esnp.calls(counts(["chr2"]))
    strongest = found.loc[found["score"].idxmax()]
    assert strongest["chrom"] == "chr2" and strongest["score"] > 6
    assert strongest["end"] - strongest["start"] > 30_000_000
    assert strongest["ratio"] == pytest.approx(2, abs=0.15)
    assert "chr4" not in set(found["chrom"])


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_found_where_nothing_is(seed):
    assert esnp.calls(counts(seed=seed)).empty


def test_x_and_snps_with_a_rare_allele_are_not_asked():
    of = counts(["chrX"])
    assert set(esnp.ratios(of)["chrom"].astype(str)) == {"chr1", "chr2", "chr3", "chr4"}
    of.loc[:9, ["ref_count", "alt_count"]] = [70, 10]
    of.loc[10:19, ["ref_count", "alt_count"]] = [9, 9]
    assert len(esnp.ratios(of)) == 4 * 400 - 20


def test_fewer_snps_than_a_window_give_no_call():
    assert esnp.calls(counts(n=30)).empty


def test_rates_are_those_of_benjamini_and_hochberg():
    assert esnp.corrected(np.array([0.01, 0.04, 0.03, 0.5])).tolist() == pytest.approx(
        [0.04, 0.16 / 3, 0.16 / 3, 0.5]
    )


def test_the_cut_with_no_false_event_is_preferred():
    null = esnp.calls(counts(["chr2"]))
    none = pd.DataFrame({"chrom": [], "start": [], "end": []})
    event = pd.DataFrame({"chrom": ["chr2"], "start": [0], "end": [40_000_000]})
    weak = null.assign(score=2.5, n=5)
    cut, rate = esnp.best({"null": (none, weak), "planted": (event, null)}, 0.1)
    assert rate == 0 and (cut["score"] > 2.5 or cut["n"] > 5)
