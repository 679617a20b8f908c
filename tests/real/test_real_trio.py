"""A real trio, each parent in turn as the donor: what is new in the son, and what is not."""

import numpy as np
import pandas as pd
import pytest
from linedrift.events.calls import Measurement
from linedrift.events.events import call
from linedrift.events.segmentation import segment
from linedrift.genome import Karyotype, arms
from linedrift.readers import array
from linedrift.signals.contrast import contrast
from truth import CONFIG, found

pytestmark = pytest.mark.real

# hg18, 1-based, as the source gives them: loss new in the son, losses from the father, loss of
# both copies in the son.
NEW = ("3", 3_974_670, 4_071_644)
FROM_FATHER = (("11", 81_181_640, 81_194_909), ("20", 10_440_279, 10_511_908))
BOTH_COPIES = ("11", 55_127_597, 55_193_702)
# 20q11.21 on GRCh38.
HOTSPOT = ("chr20", 31_500_000, 33_900_000)


@pytest.fixture(scope="module")
def folder(real_data):
    return real_data / "snp_array" / "trio_humanhap550"


@pytest.fixture(scope="module")
def people(real_data, folder):
    """SIGNALS on GRCh38 of the files on hg18."""
    chain = real_data / "reference" / "hg18ToHg38.over.chain.gz"
    return {
        name: array.read(
            str(folder / f"{name}.txt.gz"),
            format="penncnv",
            build="hg18",
            chains={"hg18": str(chain)},
        ).signals
        for name in ("father", "mother", "offspring")
    }


@pytest.fixture(scope="module")
def place(folder, people):
    """Return the rows of SIGNALS of the markers within an hg18 interval."""
    old = pd.read_csv(folder / "offspring.txt.gz", sep="\t")
    old.columns = ["name", "chrom", "position", "genotype", "level", "b"]
    signals = people["offspring"]

    def rows(chrom, start, end):
        on = (old["chrom"].astype(str) == chrom) & old["position"].between(start, end)
        return np.flatnonzero(signals["name"].isin(old.loc[on, "name"]))

    return rows


@pytest.fixture(scope="module")
def calls(repository, people):
    """Events of the son with each parent as the donor."""
    bands = pd.read_csv(
        repository / "resources" / "cytoBand.hg38.txt",
        sep="\t",
        names=["chrom", "start", "end", "band", "stain"],
    )
    regions = arms(bands)[["chrom", "start", "end"]]
    regions = regions[regions["chrom"].isin(["chr3", "chr11", "chr20", "chrX"])]
    answers = {}
    for parent, sex in (("father", "male"), ("mother", "female")):
        sets = []
        for name, of, baselines in (
            ("offspring", "male", [people[parent]]),
            (parent, sex, []),
        ):
            frame, noise = contrast(people[name], baselines, Karyotype(of), CONFIG["contrast"])
            segments = segment(frame, noise, Karyotype(of), CONFIG["segmentation"])
            sets.append((frame, noise, segments))
        line = Measurement("son-p1", 1, "snp_array", *sets[0], baseline=f"{parent}-p0")
        donor = Measurement(f"{parent}-p0", 0, "snp_array", *sets[1], role="donor")
        answers[parent] = found(call([line, donor], Karyotype("male"), regions, CONFIG["events"]))
    return answers


PARENTS = pytest.mark.parametrize("parent", ["father", "mother"])


def overlapping(found_calls, signals, rows):
    chrom, first, last = (
        signals["chrom"].iloc[rows[0]],
        signals["start"].iloc[rows[0]],
        signals["end"].iloc[rows[-1]],
    )
    return [c for c in found_calls if c.chrom == chrom and c.start < last and c.end > first]


def ends_in_rows(signals, one):
    on = np.flatnonzero(signals["chrom"] == one.chrom)
    starts = signals["start"].to_numpy()[on]
    return on[np.searchsorted(starts, one.start)], on[np.searchsorted(starts, one.end - 1)]


@PARENTS
def test_the_loss_that_is_new_in_the_son_is_acquired_with_exact_ends(parent, calls, people, place):
    rows = place(*NEW)
    assert len(rows) == 50
    (one,) = overlapping(calls[parent], people["offspring"], rows)
    assert (one.kind, one.origin) == ("loss", "acquired")
    assert one.fraction[0] > 0.9
    assert one.low[0] > 0.8
    first, last = ends_in_rows(people["offspring"], one)
    assert abs(first - rows[0]) <= 2
    assert abs(last - rows[-1]) <= 2


def test_losses_that_the_father_has_are_not_acquired_from_him(calls, people, place):
    for interval in FROM_FATHER:
        for one in overlapping(calls["father"], people["offspring"], place(*interval)):
            assert one.origin == "inherited", one


def test_losses_that_the_mother_has_not_are_acquired_from_her(calls, people, place):
    for interval in FROM_FATHER:
        (one,) = overlapping(calls["mother"], people["offspring"], place(*interval))
        assert (one.kind, one.origin) == ("loss", "acquired")
        assert one.fraction[0] > 0.9


@PARENTS
def test_the_loss_of_both_copies_is_found_as_such(parent, calls, people, place):
    rows = place(*BOTH_COPIES)
    (one,) = overlapping(calls[parent], people["offspring"], rows)
    assert one.kind == "deep_loss"
    assert one.fraction[0] > 0.9
    first, last = ends_in_rows(people["offspring"], one)
    # Log R ratios of -5.1, -6.9 and -5.9 belong to it, of the three markers that follow two.
    assert abs(first - rows[0]) <= 1
    assert 0 <= last - rows[-1] <= 3


def test_one_of_the_two_lost_copies_was_lost_in_the_mother_already(calls, people, place):
    (one,) = overlapping(calls["mother"], people["offspring"], place(*BOTH_COPIES))
    assert one.origin == "acquired"
    assert "1 cop" in one.note


@PARENTS
def test_nothing_is_called_at_20q11_21(parent, calls):
    chrom, start, end = HOTSPOT
    assert not [c for c in calls[parent] if c.chrom == chrom and c.start < end and c.end > start]


@PARENTS
def test_no_gain_and_no_loss_of_heterozygosity_is_made_up(parent, calls):
    assert {c.kind for c in calls[parent]} <= {"loss", "deep_loss"}
    # The one X of a son is a loss against the two of his mother.
    autosomal = [c for c in calls[parent] if c.chrom != "chrX"]
    truth = 3 if parent == "father" else 4
    # A parent is no donor of cells: relatives share half of the heterozygous loci, and noise.
    assert len(autosomal) <= truth + 1


@PARENTS
def test_a_parent_is_told_not_to_be_the_donor(parent, people):
    _, noise = contrast(
        people["offspring"], [people[parent]], Karyotype("male"), CONFIG["contrast"]
    )
    assert noise.discordance > 0.2
    assert noise.reason == ""
