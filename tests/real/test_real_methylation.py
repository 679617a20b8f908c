"""Real methylomes: an imprint lost in H1, normal tissue on arrays, sex by the islands of X."""

import methylomes as made
import numpy as np
import pandas as pd
import pytest
import yaml
from linedrift import genome
from linedrift.readers import cytosines, liftover, methylation_arrays, methylation_manifests
from linedrift.readouts import differences
from linedrift.readouts import methylation_measures as measures
from linedrift.readouts.methylation_ranges import Subject
from linedrift.readouts.methylation_regions import fragment_length

pytestmark = pytest.mark.real

WRB = "WRB:alt-TSS-DMR"
RB1 = "RB1:Int2-DMR"


@pytest.fixture(scope="module")
def settings(repository):
    return made.settings(repository)


@pytest.fixture(scope="module")
def curated(repository):
    return made.curated(repository)


@pytest.fixture(scope="module")
def sequenced(real_data):
    """Return CYTOSINES of H1 and IMR90, chromosome 21, lifted from hg18."""
    chains = liftover.read_chain(
        str(real_data / "reference" / "hg18ToHg38.over.chain.gz"), genome.BUILDS["hg18"]
    )
    names = ["chrom", "start", "end", "percent", "methylated", "unmethylated"]
    found = {}
    for name in ("H1", "IMR90"):
        file = f"{name}_r1.chr21.hg18.bismark.cov.gz"
        rows = pd.read_csv(
            real_data / "methylation" / "wgbs_h1_imr90_chr21" / file, sep="\t", names=names
        )
        start, lifted = liftover.lift(
            chains, rows["chrom"].to_numpy(str), rows["start"].to_numpy() - 1
        )
        rows, start = rows[lifted], start[lifted]
        found[name] = made.cytosines(
            "chr21", start, rows["methylated"].to_numpy(), rows["unmethylated"].to_numpy()
        )
    return found


@pytest.fixture(scope="module")
def arrays(real_data):
    """Return PROBES of the six people of melon_450k; probes that it lacks have no beta."""
    folder = real_data / "methylation"
    betas = pd.read_csv(folder / "melon_450k" / "probes.betas.tsv.gz", sep="\t", index_col="probe")
    places = pd.read_csv(
        folder / "probe_positions" / "hm450_GRCh38_probe_positions.tsv.gz", sep="\t"
    )
    places = places[places["chrom"].isin(genome.CHROMOSOMES)]
    found = {}
    for name in betas.columns:
        beta = betas[name].reindex(places["name"]).to_numpy()
        found[name] = made.probes(places["chrom"], places["start"].to_numpy() - 1, beta)
    return found


@pytest.fixture(scope="module")
def values(arrays, curated, settings):
    return {name: measures.region_values(one, curated, settings) for name, one in arrays.items()}


def readouts(subject, own, loci, curated, settings, **compared):
    found = measures.methylation_readouts(
        subject, own, loci, curated, settings, measures.Compared(**compared)
    )
    return found.set_index("item")


@pytest.mark.parametrize(
    ("name", "sex", "state", "beta"),
    [("H1", "male", "gained", 0.98), ("IMR90", "female", "normal", 0.61)],
)
def test_the_imprint_of_wrb_is_lost_in_h1_and_kept_in_imr90(
    sequenced, curated, settings, name, sex, state, beta
):
    own = measures.region_values(sequenced[name], curated, settings)
    found = readouts(Subject(f"{name}-p1", 1, sex), own, sequenced[name], curated, settings)
    assert found.loc[WRB, "state"] == state
    assert found.loc[WRB, "value"] == pytest.approx(beta, abs=0.01)
    rest = found.drop(WRB)
    assert (rest["state"] == "not_testable").all() and (rest["reason"] != "").all()


def test_long_reads_are_told_by_their_depth(real_data, repository, sequenced, settings):
    assert fragment_length(sequenced["H1"], settings) == settings["fragment_bp"]
    config = yaml.safe_load((repository / "config" / "config.yaml").read_text(encoding="utf-8"))
    folder = real_data / "methylation" / "small_coverage"
    nanopore = cytosines.read(
        str(folder / "bsseq_chr21.chr22.HG002.top1000.bed.gz"), format="bedmethyl",
        settings=config["methylation"]["sequencing"], build="GRCh38", chains={},
    ).cytosines  # fmt: skip
    assert fragment_length(nanopore, settings) == settings["long_fragment_bp"]


def test_two_cell_types_are_far_apart_and_a_methylome_is_not_far_from_itself(
    sequenced, curated, settings
):
    own = measures.region_values(sequenced["H1"], curated, settings)
    subject = Subject("H1-p2", 2, "male")
    found = readouts(
        subject, own, sequenced["H1"], curated, settings, baseline_loci=sequenced["IMR90"]
    )
    assert found.loc["since_baseline_share", "low"] > 0.1
    halves = thinned(sequenced["H1"])
    own = measures.region_values(halves[0], curated, settings)
    found = readouts(subject, own, halves[0], curated, settings, baseline_loci=halves[1])
    assert found.loc["since_baseline_share", "value"] < 0.005
    assert found.loc["since_baseline_share", "state"] == "normal"


def thinned(loci):
    """Return the reads of one sample dealt out to two."""
    rng = np.random.default_rng(1)
    parts = []
    counts = loci[["methylated", "unmethylated"]].to_numpy()
    half = rng.binomial(counts, 0.5)
    for part in (half, counts - half):
        parts.append(made.cytosines("chr21", loci["start"].to_numpy(), *part.T))
    return parts


def test_h1_and_imr90_differ_and_halves_of_one_sample_do_not(sequenced, settings):
    found = differences.find(sequenced["H1"], sequenced["IMR90"], "H1", "IMR90", settings)
    assert len(found) > 1000
    # H1 is more methylated: .86 against .745 in the mean.
    assert (found["difference"] > 0).mean() > 0.9
    assert len(differences.find(*thinned(sequenced["H1"]), "one", "other", settings)) <= 2


def test_no_imprint_of_normal_people_is_flagged_without_a_reason(arrays, values, curated, settings):
    for name in arrays:
        others = pd.concat([one for person, one in values.items() if person != name])
        among = readouts(
            Subject(name, 0, "unknown"), values[name], arrays[name], curated, settings,
            controls=others,
        )  # fmt: skip
        imprints = among[among["group"] == "imprinting"]
        assert set(imprints["state"]) == {"normal", "not_testable"}
        assert (imprints["state"] == "normal").sum() == 15
        alone = readouts(Subject(name, 0), values[name], arrays[name], curated, settings)
        out = alone[(alone["group"] == "imprinting") & alone["state"].isin(["gained", "lost"])]
        # By its five probes RB1 is .72 to .82 in all six.
        assert set(out.index) <= {RB1} and (out["role"] != "flag").all()
        assert out["reason"].str.contains("too few other lines").all()


def test_the_islands_of_x_tell_the_sexes_apart(real_data, values):
    pheno = pd.read_csv(real_data / "methylation" / "melon_450k" / "pheno.tsv", sep="\t")
    share = {name: one.set_index("region").loc["X_islands", "beta"] for name, one in values.items()}
    of_sex = pheno.assign(share=pheno["sample"].map(share)).groupby("sex")["share"]
    assert of_sex.max()["M"] < 0.3 and of_sex.min()["F"] > 0.7


def test_two_normal_people_do_not_differ_in_regions_of_these_probes(arrays, settings):
    names = list(arrays)
    found = differences.find(arrays[names[0]], arrays[names[1]], *names[:2], settings)
    assert len(found) <= 3


def test_a_27k_array_of_cells_that_are_not_pluripotent(real_data, repository, curated, settings):
    folder = real_data / "methylation"
    config = yaml.safe_load((repository / "config" / "config.yaml").read_text(encoding="utf-8"))
    manifest = methylation_manifests.read(
        str(folder / "probe_positions" / "hm27_ordering.tsv.gz"), build="GRCh38", chains={},
        positions=str(folder / "probe_positions" / "hm450_GRCh38_probe_positions.tsv.gz"),
    )  # fmt: skip
    probes = methylation_arrays.read(
        str(folder / "idat_hm27" / "5318317007_A_Grn.idat"), format="idat", manifest=manifest,
        settings=config["methylation"]["arrays"],
    ).probes  # fmt: skip
    own = measures.region_values(probes, curated, settings)
    found = readouts(Subject("tissue-p0", 0), own, probes, curated, settings)
    imprints = found[found["group"] == "imprinting"]["state"].value_counts()
    assert imprints.to_dict() == {"not_testable": 31, "normal": 19}
    assert found.loc["epi_pluri", "state"] == "lost" and found.loc["epi_pluri", "value"] < -0.5
    assert found.loc["pou5f1", "state"] == "gained"
