"""SNP probes of methylation arrays: genotypes that agree with other assays, and what few tell."""

import numpy as np
import pandas as pd
import pytest
import yaml
from linedrift import tables
from linedrift.genome import places
from linedrift.identity import genotypes, identity, kinship, methylation_identity
from linedrift.methylation_tables import SNP_PROBES
from linedrift.readers import targets
from linedrift.readers.files import ReadingError


@pytest.fixture(scope="module")
def config(repository):
    return yaml.safe_load((repository / "config" / "config.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def known(repository):
    return targets.read_snp_probes(repository / "resources" / "methylation_snp_probes.tsv")


@pytest.fixture(scope="module")
def settings(config):
    return config["methylation"]["identity"]


def probes(known, dose_b, spread=0.05, seed=1):
    """Return SNP_PROBES of a person with so many B alleles at each SNP."""
    share = np.where(known["methylated_allele"] == "A", 2 - dose_b, dose_b) / 2
    noise = np.random.default_rng(seed).normal(0, spread, len(known))
    beta = np.clip(np.array([0.06, 0.52, 0.94])[(2 * share).astype(int)] + noise, 0, 1)
    frame = known.assign(beta=beta, methylated=np.nan, unmethylated=np.nan)
    return tables.conform(frame, SNP_PROBES)


def people(known, seed, n):
    """Return B alleles of `n` people, and of a full sibling of the first."""
    rng = np.random.default_rng(seed)
    haplotypes = (rng.random((n + 1, 2, len(known))) < 0.5).astype(int)
    mother, father = haplotypes[0], haplotypes[1]
    pick = rng.integers(0, 2, (2, 2, len(known)))
    children = [
        np.take_along_axis(mother, p[:1], 0)[0] + np.take_along_axis(father, p[1:], 0)[0]
        for p in pick
    ]
    return [*children, *(pair.sum(axis=0) for pair in haplotypes[2:])]


def called(known, settings, config, dose_b, **of):
    signals, why = methylation_identity.probe_signals(probes(known, dose_b, **of), known, settings)
    assert not why
    return genotypes.genotypes(signals, config["identity"])


def test_alleles_are_named_as_on_snp_arrays(known, settings):
    dose = np.arange(len(known)) % 3
    signals, why = methylation_identity.probe_signals(
        probes(known, dose, spread=0.0), known, settings
    )
    assert not why
    tables.check(signals, tables.SIGNALS)
    expected = pd.Series(np.array(["AA", "AB", "BB"])[dose], index=known["name"])
    assert (signals["genotype"].astype(str) == expected[signals["name"]].to_numpy()).all()
    # Probes of which nobody knows the alleles are left out.
    assert len(signals) == (known["methylated_allele"] != "").sum() == 49


def test_the_table_names_b_as_the_strong_base_and_infinium_ii_extends_by_it(known):
    strong = known["ref"].isin(["C", "G"]).astype(int) + known["alt"].isin(["C", "G"])
    assert (strong == 1).all(), "an A/T or C/G SNP has no B allele that all assays share"
    assert (known.loc[known["design"] == "II", "methylated_allele"] == "B").all()
    assert not known.duplicated(["chrom", "start"]).any()


def test_the_panel_of_exomes_asks_for_the_same_positions(repository, known):
    panel = targets.read_snps(repository / "resources" / "identity_snps.bed")
    both = known.merge(panel, on="name", suffixes=("", "_panel"))
    assert len(both) == len(known) - 1  # rs1945975, see resources/README.md
    assert (both["start"] == both["start_panel"]).all()
    assert (both[["ref", "alt"]].to_numpy() == both[["ref_panel", "alt_panel"]].to_numpy()).all()


def test_a_beta_between_the_clusters_has_no_genotype(known, settings):
    found = probes(known, np.zeros(len(known), int), spread=0.0).assign(beta=np.float32(0.26))
    found.loc[0, "beta"] = np.nan
    signals, _ = methylation_identity.probe_signals(found, known, settings)
    assert (signals["genotype"] == "").all()
    assert not signals.loc[signals["name"] == found["name"][0], "usable"].any()


def test_a_file_without_snp_probes_says_so(known, settings):
    signals, why = methylation_identity.probe_signals(SNP_PROBES.empty(), known, settings)
    assert signals.empty
    assert "no probes of known SNPs" in why


def test_a_table_without_a_column_is_refused(tmp_path, known):
    path = tmp_path / "snps.tsv"
    known.drop(columns="methylated_allele").to_csv(path, sep="\t", index=False)
    with pytest.raises(ReadingError, match="no column methylated_allele"):
        targets.read_snp_probes(path)


def test_a_large_array_keeps_the_positions_of_methylation_arrays(known, config):
    rng = np.random.default_rng(5)
    many = pd.DataFrame({"chrom": "chr2", "start": np.sort(rng.choice(10**8, 5000, False))})
    loci = pd.concat([many, known[["chrom", "start"]].astype({"chrom": "str"})])
    loci = loci.assign(end=loci["start"] + 1, name="x", level=0.0, level_sd=np.nan, b_sd=np.nan)
    loci = loci.assign(b_fraction=0.5, genotype="AB", usable=True)
    signals = tables.in_genome_order(tables.conform(loci, tables.SIGNALS))
    settings = config["identity"] | {"n_loci": 500}
    found = genotypes.genotypes(signals, settings, known)
    autosomal = known[known["chrom"] != "chrX"]
    assert len(found) == 500
    assert np.isin(places(autosomal), places(found)).all()
    assert not np.isin(places(autosomal), places(genotypes.genotypes(signals, settings))).all()


def pairs_of(frames, config, person):
    samples = pd.DataFrame(
        {"sample": [f"l{k}-p1" for k in range(len(frames))], "assay": "methylation"}
    ).assign(person=person)
    keys = zip(samples["sample"], samples["assay"], strict=True)
    found = identity.compare(samples, dict(zip(keys, frames, strict=True)), config["identity"])
    return found.set_index(["sample", "other_sample"])


def test_forty_six_snps_tell_one_person_from_others(known, settings, config):
    """A pair of one person, a sibling, and strangers: in 40 families none is told wrongly."""
    decided = {"same": 0, "sibling": 0, "stranger": 0}
    for seed in range(40):
        first, sibling, stranger = people(known, seed, 3)[:3]
        frames = [
            called(known, settings, config, dose, seed=seed * 10 + k)
            for k, dose in enumerate((first, first, sibling, stranger))
        ]
        found = pairs_of(frames, config, ["a", "a", "b", "c"])["observed"]
        assert found["l0-p1", "l1-p1"] == "same"
        for name, other in (("sibling", "l2-p1"), ("stranger", "l3-p1")):
            assert found["l0-p1", other] in ("different", "undecided")
            decided[name] += found["l0-p1", other] == "different"
    assert decided["stranger"] >= 37
    assert decided["sibling"] >= 15


def test_a_swap_is_a_conflict_and_its_sentence_says_what_few_snps_tell(known, settings, config):
    first, _, stranger = people(known, 3, 3)[:3]
    frames = [called(known, settings, config, dose) for dose in (first, stranger)]
    pair = pairs_of(frames, config, ["a", "a"]).iloc[0]
    assert (pair["state"], pair["observed"]) == ("conflict", "different")
    assert "do not tell relatives from strangers" in pair["text"]
    assert "by the sheets they are of the same person" in pair["text"]


def counts(loci, equal, opposite, het=0.5):
    """Return the counts of one pair."""
    unequal = loci - equal - opposite
    values = (loci, het * loci, het * loci, het * loci - unequal / 2, opposite)
    return kinship.Counts(*(np.array([[float(value)]]) for value in values))


@pytest.mark.parametrize(
    ("loci", "equal", "opposite", "expected"),
    [
        (46, 46, 0, "same"),
        (46, 44, 0, "same"),
        (46, 28, 2, "different"),
        (46, 18, 6, "different"),
        (46, 30, 0, "undecided"),  # lost heterozygosity, or a parent
        (46, 37, 0, "undecided"),
        (14, 14, 0, "same"),
        (14, 5, 2, "different"),
        (8, 8, 0, "undecided"),
        (0, 0, 0, "undecided"),
    ],
)
def test_few_loci_decide_where_that_is_sure(config, loci, equal, opposite, expected):
    found = kinship.few_loci(counts(loci, equal, opposite), config["identity"])
    assert found[0, 0] == expected


@pytest.mark.real
def test_six_real_people_are_told_apart(real_data, known, settings, config):
    """melon_450k (wateRmelon): six unrelated people, 65 SNP probes, not normalised."""
    folder = real_data / "methylation" / "melon_450k"
    signal = {
        name: pd.read_csv(folder / f"probes.{name}.tsv.gz", sep="\t", index_col=0)
        for name in ("methylated", "unmethylated")
    }
    frames = []
    for sample in signal["methylated"]:
        both = pd.DataFrame({name: table[sample] for name, table in signal.items()})
        both = both[both.index.str.startswith("rs")].rename_axis("name").reset_index()
        both["beta"] = both["methylated"] / (both["methylated"] + both["unmethylated"] + 100)
        signals, why = methylation_identity.probe_signals(
            tables.conform(both, SNP_PROBES), known, settings
        )
        assert not why
        frames.append(genotypes.genotypes(signals, config["identity"]))
    assert min(len(frame) for frame in frames) >= 43
    found = pairs_of(frames, config, list("abcdef"))
    assert len(found) == 15
    assert (found["observed"] == "different").all()
    assert (found["state"] == "ok").all()
    # The same array under two names is one person.
    assert pairs_of([frames[0], frames[0]], config, ["a", "b"])["state"].tolist() == ["conflict"]
