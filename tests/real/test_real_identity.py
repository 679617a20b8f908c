"""Every pair of 37 real scans of known people and families, and a real trio."""

import itertools

import pandas as pd
import pytest
import yaml
from linedrift import tables
from linedrift.identity import identity
from linedrift.identity.genotypes import genotypes
from linedrift.quality import quality
from real_arrays import hapmap, trio

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def config(repository):
    return yaml.safe_load((repository / "config" / "config.yaml").read_text())


@pytest.fixture(scope="module")
def scans(real_data):
    return hapmap(real_data / "snp_array" / "identity_hapmap_1m")


def compared(samples, found, settings):
    called = {(name, "snp_array"): genotypes(found[name], settings) for name in found}
    return identity.compare(samples, called, settings)


def relation(one, other) -> str:
    """Return the truth: same person, parent and child, or neither."""
    if one.person == other.person:
        return "same"
    parents = {one.father, one.mother} & {other.person} or {other.father, other.mother} & {
        one.person
    }
    return "family" if parents else "unrelated"


@pytest.mark.parametrize("with_genotypes", [True, False])
def test_every_pair_of_scans_is_told_right(with_genotypes, scans, config):
    samples, found = scans
    if not with_genotypes:
        none = pd.Categorical([""], dtype=tables.GENOTYPES)
        found = {key: rows.assign(genotype=none.repeat(len(rows))) for key, rows in found.items()}
    pairs = compared(samples, found, config["identity"])
    truth = {
        (one.sample, other.sample): relation(one, other)
        for one, other in itertools.combinations(samples.itertuples(), 2)
    }
    # Couples are of one family by the sheet and unrelated in blood: no conflict either.
    seen = pairs.set_index(["sample", "other_sample"])["observed"].to_dict()
    assert seen == truth
    assert (pairs["state"] == "ok").all()


def test_identities_of_the_scans_hold_and_a_swap_is_named(scans, config):
    samples, found = scans
    rows = pd.concat(
        quality.judge(
            quality.measure(found[row.sample], config["quality"]),
            config["quality"],
            sample=row.sample,
            assay="snp_array",
            expected_sex=row.sex,
        )
        for row in samples.itertuples()
    )
    result = identity.judge(
        samples, compared(samples, found, config["identity"]), rows, config["identity"]
    ).set_index("sample")
    twice = samples.duplicated("person", keep=False).to_numpy()
    assert (result["state"][twice] == "confirmed").all()
    assert (result["state"][~twice] == "not_testable").all()  # scanned once: nobody to agree with
    assert (result["looks_like"] == "").all()

    # The second scan of 200015835 (293) is given to the mother of another family, 200044196.
    swapped = samples.copy()
    swapped.loc[swapped["sample"] == "293", ["person", "line", "sex"]] = (
        "200044196",
        "200044196",
        "female",
    )
    result = identity.judge(
        swapped, compared(swapped, found, config["identity"]), rows, config["identity"]
    ).set_index("sample")
    assert result["state"]["293"] == "failed"
    assert result["looks_like"]["293"] == "292"
    assert "292" in result["reason"]["293"]
    assert result["state"]["307"] == result["state"]["308"] == "confirmed"


def test_a_child_is_not_taken_for_its_parent(real_data, config):
    names = ["father", "mother", "offspring"]
    found = {name: trio(real_data / "snp_array" / "trio_humanhap550", name) for name in names}
    samples = pd.DataFrame(
        {"sample": names, "assay": "snp_array", "person": "father", "family": "", "line": names}
    )
    pairs = compared(samples, found, config["identity"]).set_index(["sample", "other_sample"])
    assert pairs["observed"].to_dict() == {
        ("father", "mother"): "unrelated",
        ("father", "offspring"): "family",
        ("mother", "offspring"): "family",
    }
    assert (pairs["state"] == "conflict").all()
