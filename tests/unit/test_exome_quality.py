"""Quality of simulated exomes, foreign DNA with its source, and identity across assays."""

from types import SimpleNamespace

import identify
import numpy as np
import pandas as pd
import pytest
from exome_signals import SETTINGS, exome, kit, person, snps
from linedrift import tables
from linedrift.alleles import rarer_reads
from linedrift.genome import Karyotype
from linedrift.identity import identity
from linedrift.identity.genotypes import exome_genotypes, genotypes
from linedrift.quality import exome_quality, quality
from linedrift.quality.foreign_reads import foreign_share, source
from linedrift.signals.contrast import contrast
from linedrift.signals.panel import with_panel
from truth import CONFIG

QUALITY, IDENTITY = CONFIG["quality"]["wes"], CONFIG["identity"]
RHO = SETTINGS["overdispersion"]
FACTS = {
    "mean_target_depth": 100.0,
    "share_20x": 0.95,
    "share_on_target": 0.7,
    "duplicate_share": 0.1,
}


@pytest.fixture(scope="module")
def world():
    """Return bins, sites, frequencies, and three unrelated people."""
    bins, (sites, frequency) = kit(), snps()
    people = {
        name: person(sites, frequency, seed, sex)
        for name, seed, sex in (("a", 1, "female"), ("b", 2, "male"), ("c", 3, "female"))
    }
    return bins, sites, frequency, people


def measured(frame, facts=FACTS, noise=None):
    return exome_quality.measure(frame, facts, noise, QUALITY, RHO)


def judged(figures, sex="unknown"):
    rows = quality.judge(figures, QUALITY, sample="a-p5", assay="wes", expected_sex=sex)
    return rows.set_index("figure")


@pytest.mark.parametrize("who, sex", [("a", "female"), ("b", "male")])
def test_a_clean_exome_passes_and_tells_its_sex(who, sex, world):
    bins, sites, _, people = world
    rows = judged(measured(exome(bins, sites, people[who], 5)), sex)
    assert rows.loc["sex", "value"] == sex
    assert set(rows["state"]) <= {"pass", "info"}
    assert rows.loc["contamination", "value"] == "0"


def test_the_wrong_sex_fails_and_is_not_a_poor_measurement(world):
    bins, sites, _, people = world
    rows = judged(measured(exome(bins, sites, people["b"], 5)), "female")
    assert rows.loc["sex", "state"] == "fail"
    assert quality.failed(rows.reset_index()) == ""


@pytest.mark.parametrize(
    "figure, value, state",
    [
        ("mean_target_depth", 40.0, "warn"),
        ("mean_target_depth", 9.0, "fail"),
        ("share_20x", 0.1, "fail"),
        ("share_on_target", 0.2, "warn"),
        ("duplicate_share", 0.9, "fail"),
    ],
)
def test_a_poor_exome_says_why(figure, value, state, world):
    bins, sites, _, people = world
    figures = measured(exome(bins, sites, people["a"], 5), FACTS | {figure: value})
    rows = judged(figures)
    assert rows.loc[figure, "state"] == state
    assert "expected at" in rows.loc[figure, "reason"]
    assert bool(quality.failed(rows.reset_index())) == (state == "fail")


def test_noise_is_that_of_the_contrast_and_unknown_without_one(world):
    bins, sites, _, people = world
    own, baselines = with_panel(
        exome(bins, sites, people["a"], 5), [exome(bins, sites, people["a"], 6)], [], SETTINGS
    )
    _, noise = contrast(
        own, baselines, Karyotype("female"), CONFIG["contrast"] | CONFIG["contrast"]["wes"]
    )
    frame = exome(bins, sites, people["a"], 5)
    assert 0.1 < measured(frame, noise=noise)["log_ratio_sd"] < 0.3
    assert np.isnan(measured(frame)["log_ratio_sd"])
    assert judged(measured(frame)).loc["log_ratio_sd", "value"] == "not measured"


def test_few_snps_do_not_tell_foreign_dna(world):
    bins, sites, _, people = world
    few = sites.iloc[:300].reset_index(drop=True)
    who = type(people["a"])(people["a"].dose[:300])
    figures = measured(exome(bins, few, who, 5))
    assert np.isnan(figures["contamination"])
    assert "too few" in figures["contamination_reason"]


@pytest.mark.parametrize("foreign", [0.02, 0.05, 0.1, 0.25])
def test_the_planted_share_of_foreign_dna_is_measured(foreign, world):
    bins, sites, _, people = world
    frame = exome(bins, sites, people["a"], 7, foreign=foreign, other=people["c"])
    figures = measured(frame)
    assert figures["contamination"] == pytest.approx(foreign, rel=0.25, abs=0.006)
    state = judged(figures).loc["contamination", "state"]
    assert state in (("pass", "warn") if foreign < 0.05 else ("warn", "fail"))
    assert state == "fail" or foreign < 0.1


@pytest.mark.parametrize("seed", range(5))
def test_no_foreign_dna_is_seen_where_there_is_none(seed, world):
    bins, sites, frequency, _ = world
    frame = exome(bins, sites, person(sites, frequency, 50 + seed), seed, error=0.003)
    assert measured(frame)["contamination"] <= 0.005


@pytest.mark.parametrize("seed", range(3))
def test_events_on_half_of_the_genome_are_no_foreign_dna(seed, world):
    bins, sites, frequency, _ = world
    who = person(sites, frequency, 60 + seed)
    signs = np.random.default_rng(seed).choice([-1, 1], len(sites))
    moved = (who.dose == 1) & (sites["chrom"].cat.codes < 11).to_numpy()
    split = type(who)(who.dose + np.where(moved, 0.5 * signs, 0))
    assert measured(exome(bins, sites, split, seed))["contamination"] == 0


def called(frame, sites):
    return exome_genotypes(frame, sites, IDENTITY, RHO)


@pytest.mark.parametrize("foreign", [0.02, 0.1])
def test_whose_the_foreign_dna_is_is_named(foreign, world):
    bins, sites, frequency, people = world
    own = called(exome(bins, sites, people["a"], 7, foreign=foreign, other=people["c"]), sites)
    others = {
        (f"{name}-p3", "wes"): called(exome(bins, sites, who, seed), sites)
        for seed, (name, who) in enumerate(people.items())
        if name != "a"
    }
    persons = {key: key[0] for key in others}
    found = source(own, others, persons, RHO)
    assert found.key == ("c-p3", "wes")
    assert found.share == pytest.approx(foreign, rel=0.4)
    assert "that of c-p3 (wes)" in identity.named_source(found, IDENTITY)
    # Two lines of one person do not compete; an array of that person is as good.
    others["c2-p9", "snp_array"] = others["c-p3", "wes"].drop(columns=["reads", "depth"])
    persons["c2-p9", "snp_array"] = "c-p3"
    assert source(own, others, persons, RHO).ahead >= IDENTITY["source_gain"]
    del others["c-p3", "wes"], others["c2-p9", "snp_array"]
    nobody = identity.named_source(source(own, others, persons, RHO), IDENTITY)
    assert nobody == "the foreign DNA is of nobody in the bank"


def test_a_sample_that_shares_no_locus_with_anyone_names_nobody(world):
    bins, sites, _, people = world
    own = called(exome(bins, sites, people["a"], 7), sites)
    assert source(own, {("b-p1", "wes"): own.iloc[:0]}, {}, RHO) is None
    assert source(own, {}, {}, RHO) is None
    assert "no other person" in identity.named_source(None, IDENTITY)


def test_reads_come_back_from_the_fraction_and_its_sd():
    depth = np.array([12, 80, 400])
    reads = np.array([3, 40, 2])
    sd = np.sqrt(0.25 / depth * (1 + (depth - 1) * RHO)).astype(np.float32)
    found, of = rarer_reads((1 - reads / depth).astype(np.float32), sd, RHO)
    assert np.allclose(of, depth, atol=1)
    assert np.allclose(found, reads, atol=0.1)


def test_no_locus_at_all_gives_no_share():
    assert foreign_share(np.zeros(10), np.full(10, 50.0), RHO, 100).fraction == 0


# Identity across assays.


def array_of(sites, who, seed):
    """Return SIGNALS of an array at two thirds of the SNPs, and at others of its own."""
    rng = np.random.default_rng(seed)
    keep = np.random.default_rng(1).random(len(sites)) < 0.67
    loci, dose = sites[keep], who.dose[keep]
    b = np.clip(dose / 2 + rng.normal(0, 0.02, len(loci)), 0, 1)
    frame = loci[["chrom", "start", "end", "name"]].assign(
        level=0.0, level_sd=np.nan, b_fraction=b, b_sd=np.nan,
        genotype=np.array(["AA", "AB", "BB"])[dose.astype(int)], usable=True,
    )  # fmt: skip
    return tables.check(frame.reset_index(drop=True), tables.SIGNALS)


def compared(world, swapped=False):
    bins, sites, _, people = world
    one, other = ("b", "a") if swapped else ("a", "b")
    frames = {
        ("dA-p0", "snp_array"): genotypes(array_of(sites, people["a"], 1), IDENTITY),
        ("A-p5", "wes"): called(exome(bins, sites, people[one], 2), sites),
        ("A-p9", "wes"): called(exome(bins, sites, people["a"], 3), sites),
        ("dB-p0", "snp_array"): genotypes(array_of(sites, people["b"], 4), IDENTITY),
        ("B-p5", "wes"): called(exome(bins, sites, people[other], 5), sites),
        ("B-p9", "wes"): called(exome(bins, sites, people["b"], 6), sites),
    }
    samples = pd.DataFrame(frames.keys(), columns=["sample", "assay"])
    samples = samples.assign(person=["dA"] * 3 + ["dB"] * 3, sex="unknown")
    pairs = identity.compare(samples, frames, IDENTITY)
    return pairs, identity.judge(samples, pairs, tables.QUALITY.empty(), IDENTITY)


def test_array_and_exome_of_one_person_are_the_same(world):
    pairs, people = compared(world)
    across = pairs[(pairs["assay"] != pairs["other_assay"]) & (pairs["expected"] == "same")]
    assert len(across) == 4
    assert (across["observed"] == "same").all()
    assert (across["concordance"] > 0.98).all()
    strangers = pairs[pairs["expected"] == "unrelated"]
    assert (strangers["observed"] == "unrelated").all()
    assert (people["state"] == "confirmed").all()


def test_swapped_exomes_are_found_and_named(world):
    _, people = compared(world, swapped=True)
    people = people.set_index("sample")
    assert people.loc[["A-p5", "B-p5"], "state"].tolist() == ["failed", "failed"]
    assert "dB-p0" in people.loc["A-p5", "reason"] or "B-p9" in people.loc["A-p5", "reason"]
    assert people.loc[["dA-p0", "A-p9", "dB-p0", "B-p9"], "state"].eq("confirmed").all()


def test_only_snps_of_the_panel_are_compared(world):
    bins, sites, _, people = world
    some = sites.assign(in_panel=np.arange(len(sites)) % 3 == 0, shared=True)
    found = called(exome(bins, sites, people["a"], 2), some)
    assert len(found) < 0.4 * len(sites)
    assert found["chrom"].isin(sites["chrom"].unique()).all()
    assert {"reads", "depth"} <= set(found.columns)


@pytest.mark.parametrize("of_bank", [True, False])
def test_the_banks_table_says_whose_the_foreign_dna_is(of_bank, world, tmp_path):
    bins, sites, _, people = world
    exomes = {
        "a-p5": exome(bins, sites, people["a"], 1, foreign=0.06, other=people["c"]),
        "a-p9": exome(bins, sites, people["a"], 2),
        "c-p1": exome(bins, sites, people["c"], 3),
    }
    names = [name for name in exomes if of_bank or name.startswith("a")]
    paths = {"genotypes": [], "quality": []}
    for name in names:
        found = tmp_path / f"{name}.parquet"
        called(exomes[name], sites).to_parquet(found, index=False)
        paths["genotypes"].append(found)
        rows = quality.judge(
            measured(exomes[name]), QUALITY, sample=name, assay="wes", expected_sex="unknown"
        )
        tables.write(rows, tmp_path / f"{name}.tsv", tables.QUALITY)
        paths["quality"].append(tmp_path / f"{name}.tsv")
    measurements = {
        "sample": names,
        "assay": ["wes"] * len(names),
        "person": [name[0] for name in names],
        "sex": ["unknown"] * len(names),
    }
    job = SimpleNamespace(
        input=SimpleNamespace(**paths),
        output=SimpleNamespace(identity=tmp_path / "identity.tsv", pairs=tmp_path / "pairs.tsv"),
        params=SimpleNamespace(measurements=measurements, settings=IDENTITY, overdispersion=RHO),
    )
    identify.main(job)
    people = tables.read(job.output.identity, tables.IDENTITY).set_index("sample")
    assert people.loc["a-p5", "state"] == "not_testable"
    assert ("that of c-p1 (wes)" in people.loc["a-p5", "reason"]) == of_bank
    assert "foreign DNA" not in people.loc["a-p9", "reason"]
