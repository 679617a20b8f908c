"""Rates of errors by class and strand, their likelihood, and counts as frames."""

import numpy as np
import pandas as pd
import pytest
import simulate_alleles
from linedrift import sequencing_tables, tables
from linedrift.variants.allele_counts import CLASSES, OTHER_SNV, Counts
from linedrift.variants.error_model import error_model, log_beta_binomial
from linedrift.variants.variants import call_variants
from scipy.stats import betabinom
from variant_counts import DONOR, HOTSPOTS, SETTINGS, counts

# Errors.


def test_error_rates_are_learned_by_class_and_strand():
    rng = np.random.default_rng(1)
    world = simulate_alleles.World.typical(rng, 100)
    given_counts, errors, _ = simulate_alleles.simulate(
        rng, world, 2e6, {"D-p0": "baseline", "L-p1": "own"}
    )
    model = error_model(given_counts, SETTINGS, errors)
    assert np.abs(np.log(model.rate[:, :96] / world.rate)).max() < 0.25
    assert np.abs(np.log(model.rho[:96] / world.rho)).mean() < 0.25


def test_without_data_the_rates_of_the_settings_hold():
    model = error_model(counts([]), SETTINGS)
    assert np.allclose(model.rate[:, :OTHER_SNV], SETTINGS["error_rate"])
    assert np.allclose(model.rho[:OTHER_SNV], SETTINGS["error_rho"])


def test_candidates_teach_the_baseline_s_errors_and_not_the_line_s():
    rows = [[(1000, 2), (1000, 30)]] * 3000
    model = error_model(counts(rows), SETTINGS)
    number = CLASSES["ACA", "T"]
    assert model.rate[0, number].mean() == pytest.approx(0.002, rel=0.1)


def test_a_real_allele_in_one_place_is_no_overdispersion():
    rows = [[(200, 1), (200, 0)]] * 500 + [[(200, 90), (200, 95)]]
    model = error_model(counts(rows), SETTINGS)
    assert model.rho[CLASSES["ACA", "T"]].max() < 0.005


def test_strands_and_contexts_are_told_by_the_pyrimidine():
    given_counts = counts([[DONOR, DONOR]] * 3, ref=["C", "G", "A"], alt=["T", "A", "C"],
                          context=["ACA", "ACA", "GTC"])  # fmt: skip
    classes, turned = given_counts.error_classes()
    assert list(classes) == [CLASSES["ACA", "T"], CLASSES["ACA", "T"], CLASSES["GTC", "G"]]
    assert list(turned) == [False, True, True]


def test_the_likelihood_of_errors_is_that_of_the_beta_binomial():
    x, n, alpha, beta = np.array([0, 1, 5]), 50, 0.3, 99.0
    ways = betabinom.logpmf(x, n, alpha, beta) - log_beta_binomial(x, n - x, alpha, beta)
    assert np.allclose(np.exp(ways), [1, 50, 2118760])


@pytest.mark.parametrize("planted", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("passages", [1, 3])
def test_the_share_of_errors_that_samples_have_in_common_is_learned(planted, passages):
    """By candidates, of which shared errors make more: as they come .85 for a half, .2 for none."""
    rng = np.random.default_rng(4)
    world = simulate_alleles.World.typical(rng, 100, shared=planted)
    roles = {"D-p0": "baseline"} | {f"L-p{n}": "own" for n in range(1, 1 + passages)}
    given_counts, errors, _ = simulate_alleles.simulate(rng, world, 1e6, roles)
    settings = SETTINGS | {"shared_weight": 20}
    model = error_model(given_counts, settings, errors)
    facts = call_variants(given_counts, model, settings, HOTSPOTS, line="L").facts
    assert facts["shared_error"] == pytest.approx(planted, abs=0.12)


# Frames.


def frame_of(given_counts):
    parts = []
    for k, sample in enumerate(given_counts.samples):
        reads = {
            f"{name}_{word}": values[:, k, strand]
            for name, values in (("ref", given_counts.ref), ("alt", given_counts.alt))
            for strand, word in enumerate(("forward", "reverse"))
        }
        parts.append(given_counts.sites.assign(sample=sample, other=0, **reads))
    return tables.in_genome_order(pd.concat(parts).assign(end=lambda f: f["start"] + 1))


def test_counts_come_back_from_their_frame_in_genome_order():
    given_counts = counts([[DONOR, (80, 38)], [(70, 1), (60, 2)]])
    frame = tables.check(frame_of(given_counts), sequencing_tables.VARIANT_COUNTS)
    roles = dict(zip(given_counts.samples, given_counts.roles, strict=True))
    passages = dict(zip(given_counts.samples, given_counts.passages, strict=True))
    back = Counts.from_frame(frame.sample(frac=1, random_state=1), roles, passages)
    assert (back.ref == given_counts.ref).all()
    assert (back.alt == given_counts.alt).all()
    assert list(back.sites["start"]) == [1000, 1010]
    some = Counts.from_frame(frame[frame["sample"] != "L1-p1"], roles, passages)
    assert some.reads[:, 1].sum() == 0


def test_an_allele_that_stands_twice_is_named():
    frame = frame_of(counts([[DONOR, (80, 38)]]))
    with pytest.raises(tables.TableError, match="chr1:1000 C>T stands twice for sample D0-p0"):
        Counts.from_frame(pd.concat([frame, frame]), {"D0-p0": "baseline"}, {"D0-p0": 0})
