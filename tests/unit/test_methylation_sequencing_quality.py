"""Quality of methylation by sequencing: what was planted is measured, what fails is said."""

import math

import numpy as np
import pandas as pd
import pytest
from linedrift.genome import AUTOSOMES, CHROM_DTYPE
from linedrift.methylation_tables import CYTOSINES
from linedrift.quality import methylation_sequencing_quality as sequencing
from linedrift.quality import quality
from linedrift.tables import conform
from truth import CONFIG

SETTINGS = CONFIG["quality"]["methylation"]["sequencing"]
KNOWN = {"counts_known": True, "format": "bismark_cov"}


def genome(depth, x=1.0, y=0.0, methylation=0.8, seed=0, autosomes=AUTOSOMES):
    """Return CYTOSINES of a small genome; X and Y at these depths relative to the autosomes."""
    rng = np.random.default_rng(seed)
    parts = []
    sizes = dict.fromkeys(autosomes, 5000) | {"chrX": 5000}
    sizes["chrY"] = round(5000 * len(autosomes) * SETTINGS["y_share"])
    for chrom, n in sizes.items():
        level = {"chrX": x, "chrY": y}.get(chrom, 1.0)
        reads = rng.poisson(depth * level, n)
        start = 5_000_000 + 100 * np.arange(n)
        frame = pd.DataFrame({"chrom": chrom, "start": start, "end": start + 2})
        frame["methylated"] = rng.binomial(reads, methylation)
        frame["unmethylated"] = reads - frame["methylated"]
        parts.append(frame[reads > 0])
    return conform(pd.concat(parts, ignore_index=True).astype({"chrom": CHROM_DTYPE}), CYTOSINES)


@pytest.mark.parametrize("depth", [0.5, 1, 3, 30])
@pytest.mark.parametrize(("x", "y", "sex"), [(1.0, 0.0, "female"), (0.5, 0.5, "male")])
def test_sex_by_the_depth_of_x_and_y_at_any_depth(depth, x, y, sex):
    figures = sequencing.measure(genome(depth, x, y), KNOWN, SETTINGS)
    assert figures["sex"] == sex
    assert figures["x_level"] == pytest.approx(math.log2(x), abs=0.15)


def test_a_man_without_y_and_a_panel_without_y():
    figures = sequencing.measure(genome(20, 0.5, 0.0), KNOWN, SETTINGS)
    assert figures["sex"] == "unknown"
    assert "lost Y" in figures["sex_reason"]
    few = genome(20, 0.5, 0.0, autosomes=("chr1",)).query("chrom != 'chrY'")
    few = few.iloc[::5].reset_index(drop=True)
    shallow = SETTINGS | {"least_control_reads": 10_000}
    figures = sequencing.measure(few, KNOWN, shallow)
    assert math.isnan(figures["y_level"])
    assert figures["sex"] == "male"


def test_without_x_there_is_no_sex():
    one = genome(20).query("chrom == 'chr21'").reset_index(drop=True)
    figures = sequencing.measure(one, KNOWN, SETTINGS)
    assert (figures["sex"], figures["n_cpgs"]) == ("unknown", len(one))
    assert "fewer than" in figures["sex_reason"]


@pytest.mark.parametrize("depth", [0.3, 1, 5])
def test_the_mean_of_all_cpgs_is_found_from_those_with_reads(depth):
    mean = depth / -math.expm1(-depth)
    assert sequencing.mean_of_all(mean) == pytest.approx(depth, rel=0.01)


def test_depth_and_methylation_are_those_planted():
    cytosines = genome(12, methylation=0.7)
    figures = sequencing.measure(cytosines, KNOWN, SETTINGS)
    assert figures["mean_depth"] == pytest.approx(12, rel=0.05)
    assert figures["mean_methylation"] == pytest.approx(0.7, abs=0.01)
    at_least_5 = (cytosines["methylated"] + cytosines["unmethylated"] >= 5).sum()
    assert figures["share_5x"] == at_least_5 / SETTINGS["genome_cpgs"]


@pytest.mark.parametrize(
    ("facts", "share", "words"),
    [
        ({"controls": {"lambda": [10, 1990]}}, 0.995, "10 of 2,000 reads of the phage lambda"),
        ({"contexts": {"CHH": [40, 3960]}}, 0.99, "of CHH"),
        ({"controls": {"mitochondrion": [100, 900]}}, 0.9, "of mitochondria"),
        (
            {"controls": {"lambda": [500, 500]}, "contexts": {"CHH": [0, 9000]}},
            0.5,
            "phage lambda",
        ),
        ({"controls": {"lambda": [1, 20]}}, None, "no reads of lambda"),
        ({"c_share": 0.02}, None, "no reads of lambda"),
        ({"c_share": 0.2}, 0.0, "as in all DNA"),
        ({"c_share": 0.2, "format": "bedmethyl"}, None, "no reads of lambda"),
        ({}, None, "no reads of lambda"),
    ],
)
def test_conversion_by_what_is_unmethylated(facts, share, words):
    figures = sequencing.measure(genome(5), KNOWN | facts, SETTINGS)
    assert words in figures["conversion_reason"]
    if share is None:
        assert math.isnan(figures["conversion"])
    else:
        assert figures["conversion"] == pytest.approx(share)


def judged(cytosines, facts, sex="female"):
    figures = sequencing.measure(cytosines, facts, SETTINGS)
    found = quality.judge(
        figures, SETTINGS, sample="A-p1", assay="methylation", expected_sex=sex,
        labels=sequencing.LABELS, why=sequencing.WHY,
    )  # fmt: skip
    return found.set_index("figure")


def test_dna_without_conversion_fails_in_words():
    facts = KNOWN | {"controls": {"lambda": [990, 10]}}
    found = judged(genome(10, methylation=0.99), facts)
    assert found.loc["conversion", "state"] == "fail"
    assert "the DNA is not converted" in found.loc["conversion", "reason"]
    # Without a control the methylation itself tells.
    found = judged(genome(10, methylation=0.99), KNOWN)
    assert found.loc["conversion", "state"] == "info"
    assert found.loc["conversion", "value"] == "not measured"
    assert found.loc["mean_methylation", "state"] == "fail"
    assert "nearly every C was read as methylated" in found.loc["mean_methylation", "reason"]


def test_good_sequencing_passes_and_the_wrong_sex_fails():
    facts = KNOWN | {"controls": {"lambda": [5, 995]}}
    found = judged(genome(20), facts)
    assert set(found["state"]) <= {"pass", "info", "warn"}
    assert found.loc["n_cpgs", "state"] == "warn"
    assert found.loc["sex", "state"] == "pass"
    assert judged(genome(20), facts, "male").loc["sex", "state"] == "fail"


def test_percents_alone_tell_no_depth():
    found = judged(genome(20), KNOWN | {"counts_known": False})
    assert found.loc["mean_depth", "value"] == "not measured"
    assert "percents without the number of reads" in found.loc["mean_depth", "reason"]
    assert found.loc["sex", "value"] == "unknown"


def test_an_alignment_alone_has_no_methylation():
    found = judged(CYTOSINES.empty(), {"converted": True, "c_share": 0.02})
    assert set(found["state"]) == {"info"}
    assert "no methylation was read" in found.loc["mean_depth", "reason"]


def test_what_tells_that_positions_are_right_is_a_figure():
    by = "ends of imprinted regions"
    told = {"positions_share": 1.0, "positions_n": 90, "positions_by": by}
    found = judged(genome(20), KNOWN | told).loc["positions"]
    assert (found["value"], found["state"], found["reason"]) == ("1", "info", f"by {by}")
    untold = {"positions_share": None, "positions_n": 2, "positions_by": ""}
    found = judged(genome(20), KNOWN | untold).loc["positions"]
    assert (found["value"], found["state"]) == ("not measured", "info")
    assert found["reason"].startswith("positions not verified: no reference, and 2 rows")
