"""All readouts of methylation together: every question, always."""

import methylomes as made
import numpy as np
import pandas as pd
import pytest
from linedrift.methylation_tables import REGION_VALUES
from linedrift.readout_tables import READOUTS
from linedrift.readouts import methylation_measures as measures
from linedrift.readouts import methylation_regions as regions_of
from linedrift.readouts.methylation_ranges import Subject
from linedrift.tables import check

H19, PEG3 = "H19/IGF2:IG-DMR", "PEG3:TSS-DMR"
UNITS = {"share", ""}
# Words by which the public tier knows why something was not testable.
KNOWN = ("too few probes", "too few reads", "too few loci", "no baseline", "sex", "no data")


@pytest.fixture(scope="module")
def settings(repository):
    return made.settings(repository)


@pytest.fixture(scope="module")
def curated(repository):
    return made.curated(repository)


def methylome(seed, curated, beta_of=None):
    """Return probes of the curated regions, of islands of X, and of the rest of chromosome 2."""
    rng = np.random.default_rng(seed)
    regions = regions_of.curated(curated.dmrs, curated.loci)
    usual = {"EpiPluri_cg23737055": 0.9, "EpiPluri_cg22247240": 0.05, "EpiPluri_cg13083810": 0.1}
    islands = (20_000_000 + 100_000 * np.arange(40)[:, None] + 40 * np.arange(6)).ravel()
    on_x = np.repeat(np.where(np.arange(40) < 28, 0.45, 0.05), 6)
    rest = np.random.default_rng(0).choice([0.05, 0.9], 3000)
    return made.together(
        made.region_probes(rng, regions, usual | (beta_of or {})),
        made.probes("chrX", islands, on_x + rng.normal(0, 0.03, len(on_x))),
        made.probes("chr2", 1000 * np.arange(3000), rest + rng.normal(0, 0.03, 3000)),
    )


def of(loci, curated, settings, **compared):
    own = measures.region_values(loci, curated, settings)
    found = measures.methylation_readouts(
        Subject("line-p9", 9, "female"), own, loci, curated, settings,
        measures.Compared(**compared),
    )  # fmt: skip
    return found.set_index("item")


def test_all_questions_are_asked_whatever_was_measured(curated, settings):
    full = of(methylome(1, curated), curated, settings)
    empty = of(methylome(1, curated).iloc[:0], curated, settings)
    assert list(full.index) == list(empty.index)
    assert (empty["state"] == "not_testable").all()
    counted = full["group"].value_counts()
    assert counted.to_dict() == {
        "imprinting": 50,
        "drift": 18,
        "x_chromosome": 5,
        "pluripotency": 2,
    }
    for found in (full, empty):
        check(found.reset_index(), READOUTS)
        assert set(found["unit"]) <= UNITS
        silent = found[(found["state"] == "not_testable")]["reason"]
        assert silent.map(lambda reason: any(word in reason for word in KNOWN)).all()
        assert (found["source"] != "").all() and (found["assay"] == "methylation").all()


def test_values_of_regions_keep_their_contract(curated, settings):
    found = measures.region_values(methylome(1, curated), curated, settings)
    check(found, REGION_VALUES)
    assert found["region"].is_unique and found["region"].iloc[-1] == "X_islands"


def test_a_line_that_lost_two_imprints_and_moved_is_told_apart_from_its_first_passage(
    curated, settings
):
    first = methylome(1, curated)
    later = methylome(2, curated, {H19: 0.95, PEG3: 0.05, "memory_C9orf64": 0.95})
    moved = (later["chrom"] == "chr2") & (later.index % 10 == 0)
    later.loc[moved, "beta"] = np.float32(1) - later.loc[moved, "beta"]
    people = [
        measures.region_values(methylome(seed, curated), curated, settings)
        for seed in range(10, 14)
    ]
    found = of(
        later, curated, settings, controls=pd.concat(people), baseline_loci=first,
        baseline=measures.region_values(first, curated, settings), donor_loci=methylome(3, curated),
    )  # fmt: skip
    assert found.loc[H19, "state"] == "gained" and found.loc[PEG3, "state"] == "lost"
    assert found.loc["memory_C9orf64", "state"] == "gained"
    assert found.loc["since_baseline_share", "state"] == "gained"
    # A tenth of chromosome 2, and what was planted in the regions.
    assert found.loc["since_baseline_share", "value"] == pytest.approx(0.1, abs=0.04)
    changed = found[~found["state"].isin(["normal", "not_testable"])].index
    assert {"since_baseline_share", "since_baseline_mean"} <= set(changed)
    assert set(changed) <= {
        H19, PEG3, "memory_C9orf64", "since_baseline_share", "since_baseline_mean",
    }  # fmt: skip
    assert found.loc["epi_pluri", "state"] == "normal"
    assert found.loc["x_state", "reason"] == "one active and one inactive X"


def test_a_baseline_that_was_sequenced_is_no_distance_for_an_array(curated, settings):
    reads = made.cytosines("chr2", 1000 * np.arange(3000), np.full(3000, 30), np.zeros(3000, int))
    found = of(methylome(1, curated), curated, settings, baseline_loci=reads, donor_loci=reads)
    for item, word in (("since_baseline_share", "no baseline"), ("from_donor_share", "no data")):
        assert found.loc[item, "state"] == "not_testable"
        assert found.loc[item, "reason"].startswith(word)
