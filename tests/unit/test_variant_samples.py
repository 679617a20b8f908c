"""Which exomes enter the joint call, as what; rows of those that do not."""

import pandas as pd
import pytest
from linedrift.readers.candidates import part_of
from linedrift.sequencing_tables import VARIANT_COURSES, VARIANT_HOTSPOTS, VARIANTS
from linedrift.variants.variant_samples import exomes, in_genes, with_untestable


def row(sample, role="own", baseline="D-p0"):
    line, passage = sample.split("-p")
    return {
        "sample": sample, "line": line, "passage": int(passage), "role": role,
        "baseline": baseline,
    }  # fmt: skip


WITH_DONOR = [row("L-p20"), row("L-p5"), row("D-p0", "baseline", "")]
WITHOUT = [row("L-p5", baseline=""), row("L-p20", baseline="L-p5")]


def test_a_donor_is_the_baseline_of_all_passages():
    found = exomes("L", WITH_DONOR, ["E-p0"], {})
    assert found.roles == {"D-p0": "baseline", "L-p5": "own", "L-p20": "own", "E-p0": "panel"}
    assert found.columns == ["D-p0", "L-p5", "L-p20"]
    assert found.donor
    assert found.testable


def test_the_first_passage_is_the_baseline_where_nobody_was_sampled():
    found = exomes("L", WITHOUT, [], {})
    assert found.roles == {"L-p5": "baseline", "L-p20": "own"}
    assert not found.donor


def test_a_donor_beside_another_baseline_is_a_baseline_too():
    rows = [row("L-p5", baseline="K-p3"), row("K-p3", "baseline", ""), row("D-p0", "donor", "")]
    assert exomes("L", rows, [], {}).roles == {
        "D-p0": "baseline",
        "K-p3": "baseline",
        "L-p5": "own",
    }


def test_one_passage_alone_is_called_alone():
    found = exomes("L", [row("L-p5", baseline="")], [], {})
    assert found.roles == {"L-p5": "own"}
    assert not found.donor


def test_a_donor_is_its_own_line():
    found = exomes("D", [row("D-p0", baseline="")], ["E-p0"], {})
    assert found.roles == {"D-p0": "own", "E-p0": "panel"}


def test_what_failed_does_not_enter():
    found = exomes("L", WITH_DONOR, ["E-p0"], {"L-p5": "too shallow", "L-p20": ""})
    assert found.roles == {"D-p0": "baseline", "L-p20": "own", "E-p0": "panel"}
    assert found.reasons == {"L-p5": "too shallow"}
    assert found.columns == ["D-p0", "L-p5", "L-p20"]


def test_without_a_donor_that_passed_there_is_none():
    found = exomes("L", WITH_DONOR, [], {"D-p0": "another person"})
    assert found.roles == {"L-p5": "own", "L-p20": "own"}
    assert not found.donor


def test_a_first_passage_is_what_is_left_of_a_line():
    found = exomes("L", WITHOUT, [], {"L-p20": "too shallow"})
    assert found.roles == {"L-p5": "own"}


def test_nothing_is_testable_where_all_failed():
    found = exomes("L", WITH_DONOR, ["E-p0"], {"L-p5": "a", "L-p20": "b"})
    assert not found.testable
    assert found.roles == {"D-p0": "baseline", "E-p0": "panel"}


def test_no_exome_is_no_column():
    found = exomes("L", [], [], {})
    assert found.columns == []
    assert not found.testable


@pytest.fixture
def asked():
    row = {
        "hotspot_id": "TP53:p.Arg175His", "gene": "TP53", "chrom": "chr17", "start": 7675087,
        "ref": "C", "alt": "T", "flags": True, "sample": "L-p20", "passage": 20,
        "state": "present", "cell_fraction": 0.4, "low": 0.3, "high": 0.5, "limit": 0.05,
        "depth": 100, "origin": "acquired", "reason": "",
    }  # fmt: skip
    return pd.DataFrame([row, row | {"sample": "D-p0", "passage": 0, "state": "absent"}])


def test_those_that_failed_have_rows_with_their_reason(asked):
    of = exomes("L", WITH_DONOR, [], {"L-p5": "too shallow"})
    variants = pd.DataFrame({"variant_id": ["v1", "v2"]})
    courses, hotspots = with_untestable(variants, VARIANT_COURSES.empty(), asked, of)
    assert courses["variant_id"].tolist() == ["v1", "v2"]
    assert set(courses["state"]) == {"not_testable"}
    assert set(courses["reason"]) == {"too shallow"}
    assert courses["cell_fraction"].isna().all()
    assert hotspots["sample"].tolist() == ["L-p20", "D-p0", "L-p5"]
    assert hotspots["state"].tolist() == ["present", "absent", "not_testable"]
    assert hotspots["passage"].tolist() == [20, 0, 5]
    assert hotspots["depth"].isna().tolist() == [False, False, True]


def test_a_hotspot_seen_in_a_sample_that_failed_is_not_testable(asked):
    of = exomes("L", WITH_DONOR, [], {"L-p5": "a", "L-p20": "b", "D-p0": "c"})
    _, hotspots = with_untestable(VARIANTS.empty(), VARIANT_COURSES.empty(), asked, of)
    assert len(hotspots) == 3
    assert set(hotspots["state"]) == {"not_testable"}


def test_nothing_failed_nothing_is_added(asked):
    of = exomes("L", WITH_DONOR, [], {})
    courses, hotspots = with_untestable(VARIANTS.empty(), VARIANT_COURSES.empty(), asked, of)
    assert courses.empty
    assert list(courses) == VARIANT_COURSES.names
    assert list(hotspots) == VARIANT_HOTSPOTS.names
    assert len(hotspots) == 2


def test_genes_of_a_table_are_told_by_place():
    genes = pd.DataFrame(
        {"chrom": ["chr2", "chr1"], "start": [10, 10], "end": [20, 20], "gene": ["B", "A"]}
    )
    sites = pd.DataFrame({"chrom": ["chr1", "chr1", "chr2", "chrX"], "start": [19, 20, 10, 15]})
    assert in_genes(sites, genes).tolist() == ["A", "", "B", ""]


@pytest.mark.parametrize("parts", [1, 3, 7, 50])
def test_each_region_is_in_one_part(parts):
    regions = pd.DataFrame({"chrom": "chr1", "start": range(0, 3000, 100)})
    regions["end"] = regions["start"] + [10, 90, 50] * 10
    found = [part_of(regions, part, parts) for part in range(parts)]
    pd.testing.assert_frame_equal(pd.concat(found, ignore_index=True), regions)
    sizes = [int((of["end"] - of["start"]).sum()) for of in found]
    assert max(sizes) <= 1500 / parts + 90
