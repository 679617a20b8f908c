"""Positions held against CpGs of known place: right, 1 bp off in either way, or not to be told."""

import numpy as np
import pandas as pd
import pytest
from linedrift.genome import CHROM_DTYPE
from linedrift.readers import cpg_anchors
from linedrift.readers.files import ReadingError


@pytest.fixture(scope="module")
def dmrs(repository):
    path = repository / "resources" / "imprinted_dmrs.tsv"
    return pd.read_csv(path, sep="\t", keep_default_na=False)


def methylome(dmrs, *, shift=0, both=True, depth=10.0, seed=1, chroms=None):
    """CpGs of the ends, as `cytosines.read` gives them without a reference: strands by chance."""
    rng = np.random.default_rng(seed)
    places = cpg_anchors.known(dmrs)
    if chroms:
        places = places[places["chrom"].isin(chroms)]
    forward, reverse = rng.poisson(depth, (2, len(places))) > 0
    if not both:
        forward, reverse = forward | reverse, np.zeros(len(places), bool)
    kept = forward | reverse
    start = places["start"].to_numpy() + shift + np.where(forward, 0, 1)
    frame = pd.DataFrame({"chrom": places["chrom"].to_numpy()[kept], "start": start[kept]})
    return frame.astype({"chrom": CHROM_DTYPE})


FACTS = {"reference_share": None, "format": "bismark_cov"}


@pytest.mark.real
def test_the_places_are_cpgs_of_the_arrays(dmrs, real_data):
    """All probes within 2 bp of an end of a region stand exactly at its CpG."""
    folder = real_data / "methylation" / "probe_positions"
    parts = [
        pd.read_csv(folder / f"{name}_probe_positions.tsv.gz", sep="\t")
        for name in ("hm450_GRCh38", "EPIC_400k")
    ]
    probes = pd.concat([part[["chrom", "start"]] for part in parts])
    have = set(zip(probes["chrom"], probes["start"] - 1, strict=True))
    ends = cpg_anchors.known(dmrs)
    at = {
        move: sum((c, s + move) in have for c, s in zip(ends["chrom"], ends["start"], strict=True))
        for move in range(-2, 3)
    }
    assert at[0] == 14 and sum(at.values()) == 14


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("depth", [0.7, 3, 30])
def test_positions_that_are_right_are_verified(dmrs, both, depth):
    for seed in range(20):
        found = methylome(dmrs, both=both, depth=depth, seed=seed)
        said = cpg_anchors.check("x.cov", found, dmrs, FACTS)
        assert said["positions_by"] == "ends of imprinted regions"
        assert said["positions_share"] == 1.0


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize(
    ("shift", "words"), [(-1, "before it.*0-based"), (1, "behind it.*1-based")]
)
def test_positions_that_are_1_bp_off_are_refused(dmrs, both, shift, words):
    for seed in range(20):
        found = methylome(dmrs, both=both, shift=shift, seed=seed)
        with pytest.raises(ReadingError, match=rf"x.cov: \d+ of \d+ rows .* stand 1 bp {words}"):
            cpg_anchors.check("x.cov", found, dmrs, FACTS)


def test_few_or_foreign_places_verify_nothing(dmrs):
    few = methylome(dmrs, chroms=["chr21"])
    foreign = methylome(dmrs, shift=1_000)
    rng = np.random.default_rng(2)
    spread = methylome(dmrs)
    spread["start"] += rng.integers(-1, 3, len(spread))
    for found in (few, foreign, spread):
        said = cpg_anchors.check("x.cov", found, dmrs, FACTS)
        assert said["positions_by"] == "" and said["positions_share"] is None
    assert cpg_anchors.check("x.cov", few, dmrs, FACTS)["positions_n"] == 2


def test_where_the_reference_has_told_nothing_is_asked(dmrs):
    wrong = methylome(dmrs, shift=1)
    said = cpg_anchors.check("x.cov", wrong, dmrs, FACTS | {"reference_share": 0.98})
    assert said == {"positions_share": 0.98, "positions_n": None, "positions_by": "the reference"}
