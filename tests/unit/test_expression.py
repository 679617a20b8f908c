"""Expression as dosage: planted aneuploidy, batches, aneuploid banks and small banks."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linedrift.signals.expression import (
    Expression,
    arm_means,
    arm_names,
    balanced,
    cleaned,
    dosage,
    gene_sd,
    log2_expression,
    size_factors,
)
from truth import CONFIG

SETTINGS = {"least_lines": 3, "quiet_share": 0.5, "most_factors": 5, "arms": CONFIG["rna"]["arms"]}
ARMS = [f"chr{k}{arm}" for k in range(1, 12) for arm in "pq"]
# Log2 of a third copy, of which expression shows four fifths (design 8).
GAIN = 0.8 * np.log2(1.5)


def bank(seed=0, lines=10, samples=1, genes=2200, events=(), batch=0.0):
    """Return a bank; `events` are (line, arm, log2 change), `batch` a factor of every other one."""
    rng = np.random.default_rng(seed)
    names = [f"L{k}" for k in range(lines) for _ in range(samples)]
    ids = [f"{name}-p{k}" for k, name in enumerate(names)]
    arm = np.sort(np.array(ARMS)[np.arange(genes) % len(ARMS)])
    mean = rng.normal(9, 1.5, genes)
    sd = 0.15 * np.exp(rng.normal(0, 0.3, genes))
    values = mean[:, None] + rng.normal(0, 1, (genes, len(ids))) * sd[:, None]
    values += rng.normal(0, 1, genes)[:, None] * batch * (np.arange(len(ids)) % 2)
    for line, on, change in events:
        values[np.ix_(arm == on, np.array(names) == line)] += change
    return Expression(values, arm, tuple(ids), tuple(names))


def arm_level(of, sample, settings=SETTINGS):
    of, count = cleaned(of, settings)
    of = balanced(of, settings)
    level, sd, figures = dosage(of, sample, settings)
    figures["factors"] = count
    found = pd.Series(
        {arm: np.average(level[of.arm == arm], weights=sd[of.arm == arm] ** -2.0) for arm in ARMS}
    )
    return found, figures


@pytest.mark.parametrize("batch", [0.0, 0.4])
def test_a_gained_arm_stands_out_and_no_other(batch):
    of = bank(events=[("L3", "chr5q", GAIN)], batch=batch, samples=2)
    found, figures = arm_level(of, "L3-p6")
    assert found["chr5q"] == pytest.approx(GAIN, abs=0.08)
    assert found.drop("chr5q").abs().max() < 0.12
    assert (figures["factors"] > 0) == (batch > 0)


def test_factors_take_a_batch_and_leave_every_arm():
    of = bank(1, lines=12, batch=0.5, events=[("L2", "chr3p", 0.5), ("L7", "chr8q", -0.5)])
    left, count = cleaned(of, SETTINGS)
    assert count == 1
    before, after = (
        np.stack([one.log2[of.arms == k].mean(axis=0) for k in range(len(ARMS))])
        for one in (of, left)
    )
    np.testing.assert_allclose(after, before, atol=1e-9)
    spread = [np.median(one.log2.std(axis=1)) for one in (of, left)]
    assert spread[1] < 0.7 * spread[0]


def test_noise_has_no_factor():
    of = bank(2, lines=20)
    assert cleaned(of, SETTINGS)[1] == 0


def test_the_usual_is_that_of_the_quiet_lines():
    # Four of nine other lines have gained the arm: the median over all would be off by half.
    events = [(f"L{k}", "chr1q", 0.5) for k in range(1, 6)]
    events += [(f"L{k}", arm, 0.5) for k, arm in zip(range(1, 6), ARMS[4:9], strict=True)]
    found, figures = arm_level(bank(3, events=events), "L0-p0")
    assert abs(found["chr1q"]) < 0.1
    assert not set(figures["quiet"]) & {f"L{k}" for k in range(1, 6)}


def test_the_samples_of_a_line_are_no_baseline_for_each_other():
    of = bank(4, lines=5, samples=4, events=[("L1", "chr9p", GAIN)])
    for sample in ("L1-p4", "L1-p7"):
        assert arm_level(of, sample)[0]["chr9p"] == pytest.approx(GAIN, abs=0.1)


def test_a_line_with_many_samples_counts_once():
    wide = bank(5, lines=4, samples=6, events=[("L1", "chr2q", GAIN)])
    found, _ = arm_level(wide, "L0-p0")
    assert abs(found["chr2q"]) < 0.15


def test_a_bank_too_small_says_how_many_lines_it_wants():
    level, sd, figures = dosage(bank(6, lines=3, samples=3), "L0-p0", SETTINGS)
    assert np.isnan(level).all()
    assert np.isnan(sd).all()
    assert "2 other lines" in figures["reason"]
    assert "at least 3" in figures["reason"]


def test_noisy_genes_are_known_as_such():
    rng = np.random.default_rng(7)
    true = np.where(np.arange(2000) % 2, 0.1, 0.5)
    relative = rng.normal(0, 1, (2000, 12)) * true[:, None]
    arms = np.repeat(np.arange(20), 100)
    found = gene_sd(relative, rng.normal(9, 1, 2000), arms)
    assert np.median(found[true == 0.5]) > 3 * np.median(found[true == 0.1])
    # Shrunken: closer together than the sds of 12 samples would be by themselves.
    alone = relative.std(axis=1, ddof=1)
    assert np.log(found)[true == 0.1].std() < np.log(alone)[true == 0.1].std()


def test_one_wild_gene_moves_no_arm():
    relative = np.random.default_rng(8).normal(0, 0.2, (100, 10))
    arms = np.zeros(100, int)
    before = arm_means(relative, arms)
    relative[3, 4] += 8
    assert abs(arm_means(relative, arms) - before).max() < 0.03


def test_depth_is_no_dosage():
    rng = np.random.default_rng(9)
    counts = rng.poisson(np.exp(rng.normal(5, 1, (3000, 1))) * [[1.0, 2.0, 0.5, 4.0]])
    np.testing.assert_allclose(
        size_factors(counts) / size_factors(counts)[0], [1, 2, 0.5, 4], rtol=0.02
    )
    log2, expressed = log2_expression(counts, 20)
    assert abs(np.median(log2[expressed], axis=0) - np.median(log2[expressed])).max() < 0.03


def test_a_sample_without_reads_is_refused_in_words():
    with pytest.raises(ValueError, match="next to no reads"):
        size_factors(np.array([[10, 0], [20, 0]]))


@settings(max_examples=20, deadline=None)
@given(st.floats(0.1, 10))
def test_scaling_the_counts_of_a_sample_moves_no_level(factor):
    rng = np.random.default_rng(10)
    counts = rng.poisson(200, (500, 6)) + 0.0
    scaled = counts * np.where(np.arange(6) == 2, factor, 1.0)
    ratios = [c / size_factors(c) for c in (counts, scaled)]
    ratios = [r / r[:, :1] for r in ratios]
    np.testing.assert_allclose(ratios[0], ratios[1], rtol=1e-6)


def test_genes_are_placed_on_arms():
    genes = pd.DataFrame(
        {"chrom": ["chr1", "chr1", "chrM"], "start": [10, 150, 5], "end": [20, 160, 9]}
    )
    arms = pd.DataFrame(
        {"chrom": ["chr1", "chr1"], "arm": ["p", "q"], "start": [0, 100], "end": [100, 200]}
    )
    assert arm_names(genes, arms).tolist() == ["chr1p", "chr1q", ""]
