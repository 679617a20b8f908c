"""What an attacker who holds genotypes learns from the public tier, beside the private one."""

import dataclasses

import attack
import line_records as made
import numpy as np
import pandas as pd
import pytest
from linedrift.public import privacy

SETTINGS = made.settings()["public"]


# The attack: an attacker holds the genotypes of 200 people and of the donor, and asks whose line
# the record is of. A rank of 1 names the donor, .5 is chance.

DONORS = 12


@pytest.fixture(scope="module")
def crowd():
    rng = np.random.default_rng(2026)
    population = attack.Population.make(rng)
    others = np.array([population.person(rng) for _ in range(200)])
    return population, others, rng, attack.overlap(population.table, made.hotspot_table())


@pytest.fixture(scope="module")
def attacked(crowd):
    """Private and public record of the lines of some donors, each with a 20q11.21 gain."""
    population, _, rng, inside = crowd
    place = population.table
    changed = (
        (place["chrom"] == "chr20") & place["start"].between(30_400_000, 32_800_000)
    ).to_numpy()
    table, found = made.hotspot_table(), []
    for _ in range(DONORS):
        het = population.person(rng)
        tracks = pd.concat(
            [
                attack.tracks(population, het, "KSB-1-p10", rng),
                attack.tracks(population, het, "KSB-1-p30", rng, changed, 0.3, 0.1),
            ],
            ignore_index=True,
        )
        spots = made.hotspots(table)
        spots["limit"] = np.tile(attack.limits(inside, het), 2)
        untested = spots["limit"].isna()
        spots.loc[untested, ["state", "reason"]] = ["not_testable", "too few loci"]
        record = made.record(hotspots=spots, tracks=tracks)
        found.append((het, record, privacy.public_line(record, SETTINGS)))
    return found


def mean_rank(attacked, crowd, score):
    """Return the mean rank of the donors; `score` takes a candidate's loci and the records."""
    others = crowd[1]
    ranks = []
    for het, private_record, public_record in attacked:
        score_of = score(private_record, public_record)
        ranks.append(attack.rank(score_of(het), [score_of(other) for other in others]))
    return float(np.mean(ranks))


def by_tracks(crowd, tier, column, of=lambda shown: shown, sign=-1):
    """Return an attack: correlation of a track with a candidate's heterozygosity per bin."""
    population, others = crowd[:2]
    usual = others.mean(axis=0)
    place = population.table["chrom"].astype(str)

    def score(private_record, public_record):
        tracks = (private_record if tier == "private" else public_record).tracks
        shown = tracks[tracks["sample"] == "KSB-1-p10"]
        width = int(shown["end"].iloc[0] - shown["start"].iloc[0])
        key = place + ":" + (population.table["start"] // width * width).astype(str)
        code, names = pd.factorize(key)
        row = pd.Index(names).get_indexer(
            shown["chrom"].astype(str) + ":" + shown["start"].astype(str)
        )
        n = np.bincount(code)
        values = of(shown[column].to_numpy(float))
        return lambda het: (
            sign * attack.fit(values, (np.bincount(code, weights=het - usual) / n)[row])
        )

    return score


def by_limits(crowd, tier):
    """Return an attack: in how many hotspots a candidate would have what is shown."""
    inside = crowd[3]
    template, cached = made.record(), {}
    asked = made.hotspots(made.hotspot_table(), (30,))

    def shown_of(limits):
        untested = np.isnan(limits)
        spots = asked.assign(limit=limits, state=np.where(untested, "not_testable", "absent"))
        record = dataclasses.replace(template, hotspots=spots)
        return privacy._hotspots(record, {"e-20q": "E1"}, ["KSB-1-p30"], SETTINGS)

    def statement(het):
        key = het.tobytes()
        if key not in cached:
            limits = attack.limits(inside, het)
            shown = limits if tier == "private" else shown_of(limits)["limit"].to_numpy()
            cached[key] = np.nan_to_num(shown, nan=9.0).round(2)
        return cached[key]

    def score(private_record, public_record):
        record = private_record if tier == "private" else public_record
        spots = record.hotspots[record.hotspots["sample"] == "KSB-1-p30"]
        shown = np.nan_to_num(spots["limit"].to_numpy(), nan=9.0).round(2)
        return lambda het: float((statement(het) == shown).sum())

    return score


CONTROLS = {
    "levels": lambda crowd: by_tracks(crowd, "private", "log_ratio"),
    "bins without imbalance": lambda crowd: by_tracks(crowd, "private", "imbalance", np.isnan),
    "limits": lambda crowd: by_limits(crowd, "private"),
}
ATTACKS = {
    "levels": lambda crowd: by_tracks(crowd, "public", "log_ratio"),
    "imbalance": lambda crowd: by_tracks(crowd, "public", "imbalance"),
    "size of imbalance": lambda crowd: by_tracks(crowd, "public", "imbalance", np.square, 1),
    "bins without imbalance": lambda crowd: by_tracks(crowd, "public", "imbalance", np.isnan),
    "bins without level": lambda crowd: by_tracks(crowd, "public", "log_ratio", np.isnan),
    "limits": lambda crowd: by_limits(crowd, "public"),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_the_attacker_finds_the_donor_in_the_private_record(attacked, crowd, name):
    assert mean_rank(attacked, crowd, CONTROLS[name](crowd)) > 0.95


@pytest.mark.parametrize("name", ATTACKS)
def test_the_attacker_is_at_chance_with_the_public_record(attacked, crowd, name):
    # The mean of 12 uniform ranks has an sd of .083: .75 is three of them.
    assert 0.25 <= mean_rank(attacked, crowd, ATTACKS[name](crowd)) < 0.75


def test_public_records_of_different_donors_differ_in_their_tracks_by_little(attacked):
    shown = np.array([record.tracks["log_ratio"] for _, _, record in attacked])
    assert (shown == np.median(shown, axis=0)).mean() > 0.98


# Rounding
