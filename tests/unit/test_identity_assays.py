"""Identity between assays of a bank: what they share, and what they cannot be compared in."""

import pandas as pd
import pytest
import yaml
from fake_people import People, called, measurements
from linedrift import tables
from linedrift.identity import identity


@pytest.fixture(scope="module")
def settings(repository):
    return yaml.safe_load((repository / "config" / "config.yaml").read_text())["identity"]


def test_two_assays_of_one_sample_are_compared_and_named(settings):
    people = People()
    dose = people.stranger()
    samples = measurements([("a-p1", "a"), ("a-p1", "a")]).assign(assay=["snp_array", "wes"])
    frames = {("a-p1", "snp_array"): called(dose), ("a-p1", "wes"): called(people.again(dose))}
    pairs = identity.compare(samples, frames, settings)
    assert "a-p1 (snp_array) and a-p1 (wes)" in pairs["text"].iloc[0]
    found = identity.judge(samples, pairs, tables.QUALITY.empty(), settings)
    assert (found["state"] == "confirmed").all()


def across(people, settings):
    """Judge arrays and exomes, {(sample, assay): (person, dose)}, that share no locus at all."""
    rows = [(sample, who, assay) for (sample, assay), (who, _) in people.items()]
    samples = pd.DataFrame(rows, columns=["sample", "person", "assay"]).assign(family="")
    first = {"snp_array": 0, "wes": 500}  # the loci of exomes lie between those of arrays
    frames = {key: called(dose, first[key[1]]) for key, (_, dose) in people.items()}
    pairs = identity.compare(samples, frames, settings)
    found = identity.judge(samples, pairs, tables.QUALITY.empty(), settings)
    return pairs, found.set_index(["sample", "assay"])


def test_an_exome_and_an_array_without_common_loci_are_not_testable_and_say_so(settings):
    people = People()
    own = people.stranger()
    doses = {("d-p0", "snp_array"): ("a", own), ("a-p1", "wes"): ("a", people.again(own))}
    pairs, found = across(doses, settings)
    assert (pairs["state"] == "not_testable").all()
    assert pairs["kinship"].isna().all()
    assert (found["state"] == "not_testable").all()
    for reason in found["reason"]:
        assert "d-p0 (snp_array) and a-p1 (wes) share too few called autosomal SNPs" in reason
    assert (found["compared_with"] == "").all()


def test_an_exome_that_met_only_strangers_has_not_failed(settings):
    """Compared with other people's exomes, but with nothing of its own person."""
    people = People()
    own, other = people.stranger(), people.stranger()
    doses = {
        ("d-p0", "snp_array"): ("a", own),
        ("a-p1", "snp_array"): ("a", people.again(own)),
        ("a-p1", "wes"): ("a", people.again(own)),
        ("b-p1", "wes"): ("b", other),
        ("b-p9", "wes"): ("b", people.again(other)),
    }
    found = across(doses, settings)[1]
    assert found.loc[("a-p1", "wes"), "state"] == "not_testable"
    assert "(snp_array)" in found.loc[("a-p1", "wes"), "reason"]
    assert found.loc[("a-p1", "snp_array"), "state"] == "confirmed"
    assert found.loc[("b-p9", "wes"), "state"] == "confirmed"


def test_exomes_confirm_each_other_and_say_what_they_could_not_be_compared_with(settings):
    people = People()
    own = people.stranger()
    doses = {
        ("d-p0", "snp_array"): ("a", own),
        ("a-p1", "snp_array"): ("a", people.again(own)),
        ("d-p0", "wes"): ("a", people.again(own)),
        ("a-p1", "wes"): ("a", people.again(own)),
    }
    found = across(doses, settings)[1]
    assert (found["state"] == "confirmed").all()
    reason = found.loc[("a-p1", "wes"), "reason"]
    assert reason.startswith("same genotype as d-p0; not comparable with d-p0 (snp_array)")


def test_a_swapped_exome_fails_among_exomes_whatever_the_arrays_are(settings):
    people = People()
    own, other = people.stranger(), people.stranger()
    doses = {
        ("d-p0", "snp_array"): ("a", own),
        ("a-p1", "snp_array"): ("a", people.again(own)),
        ("d-p0", "wes"): ("a", people.again(own)),
        ("a-p1", "wes"): ("a", people.again(own)),
        ("a-p5", "wes"): ("a", people.again(other)),
        ("b-p0", "wes"): ("b", other),
        ("b-p1", "wes"): ("b", people.again(other)),
    }
    found = across(doses, settings)[1]
    assert found.loc[("a-p5", "wes"), "state"] == "failed"
    assert "it has the genotype of b-p0" in found.loc[("a-p5", "wes"), "reason"]
    assert (found.drop(index=[("a-p5", "wes")])["state"] == "confirmed").all()


def test_the_reason_names_the_assay_of_other_measurements(settings):
    people = People()
    dose = people.stranger()
    samples = measurements([("d-p0", "a"), ("a-p1", "a"), ("a-p1", "a")])
    samples["assay"] = ["snp_array", "snp_array", "wes"]
    keys = zip(samples["sample"], samples["assay"], strict=True)
    frames = {key: called(people.again(dose)) for key in keys}
    pairs = identity.compare(samples, frames, settings)
    found = identity.judge(samples, pairs, tables.QUALITY.empty(), settings)
    reasons = found.set_index(["sample", "assay"])["reason"]
    assert reasons["a-p1", "wes"] == "same genotype as d-p0 (snp_array) and a-p1 (snp_array)"
    assert reasons["d-p0", "snp_array"] == "same genotype as a-p1 and a-p1 (wes)"
