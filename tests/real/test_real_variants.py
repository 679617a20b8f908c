"""Published and simulated-from-real variants, by their read counts alone.

The HipSci tables give no strands and no position in reads; reads are split evenly and figures are
left missing. The admixture is NA12878 at 40 % in NA12877: of it only the calls of Strelka are at
hand, not the reads, so the model weighs Strelka's counts at Strelka's calls.
"""

import gzip

import numpy as np
import pandas as pd
import pytest
from linedrift.genome import CHROM_DTYPE
from linedrift.variants.allele_counts import Counts
from linedrift.variants.error_model import error_model
from linedrift.variants.variants import call_variants, variant_id
from truth import CONFIG

pytestmark = pytest.mark.real

SETTINGS = CONFIG["variants"]
POINTS = ["id", "gene", "chrom", "start", "end", "ref", "alt", "scope", "tier", "disputed"]
NO_HOTSPOTS = pd.DataFrame({name: [] for name in [*POINTS, "verification"]})
KEY = ["chrom", "start", "ref", "alt"]


def paired(sites, ref, alt):
    """Return Counts of a donor and a line; `ref` and `alt` (n, 2) without strands."""
    sites = sites.assign(
        chrom=pd.Categorical(sites["chrom"], dtype=CHROM_DTYPE), context="", repeat=1
    )
    for name in ("read_position_z", "mapping_quality_z", "base_quality_z"):
        if name not in sites:
            sites[name] = np.nan
    order = np.lexsort((sites["start"], sites["chrom"].cat.codes))
    ref, alt = (np.stack([(x + 1) // 2, x // 2], axis=-1)[order] for x in (ref, alt))
    sites = sites.iloc[order].reset_index(drop=True)
    return Counts(sites, ("D-p0", "L-p1"), ("baseline", "own"), (0, 1), ref, alt)


def call(counts, line, bases=0):
    model = error_model(counts.take(slice(0)), SETTINGS)
    return call_variants(counts, model, SETTINGS, NO_HOTSPOTS, line=line, bases=bases)


@pytest.fixture(scope="module", params=["snvs_pathogenic", "indels_cancer_genes"])
def hipsci(request, real_data):
    """Return a published table with the origin and posterior that each row gets."""
    path = real_data / "variants" / "hipsci" / f"{request.param}.tsv"
    table = pd.read_csv(path, sep="\t", dtype={"Chrom": str})
    parts = []
    for line, rows in table.groupby("ips"):
        sites = pd.DataFrame(
            {"chrom": "chr" + rows.Chrom, "start": rows.Pos - 1, "ref": rows.Ref, "alt": rows.Alt}
        )
        ref, alt = (
            rows[[f"Fibro_n{name}", f"ips_n{name}"]].to_numpy(int) for name in ("REF", "ALT")
        )
        found = call(paired(sites, ref, alt), line).variants.set_index("variant_id")
        ids = [variant_id(line, *key) for key in sites[KEY].itertuples(index=False, name=None)]
        known = found.reindex(ids)[["origin", "posterior"]].set_index(rows.index)
        parts.append(rows.join(known))
    return pd.concat(parts)


def test_published_variants_that_the_donor_lacks_are_acquired(hipsci):
    share = hipsci.ips_nALT / (hipsci.ips_nALT + hipsci.ips_nREF)
    asked = hipsci[(hipsci.Fibro_nALT == 0) & (share >= 0.2)]
    assert len(asked) >= 10
    sure = asked["origin"].isin(["acquired", "expanded"]) & (asked["posterior"] >= 0.99)
    assert sure.mean() >= 0.97


def test_what_the_donor_shows_in_few_reads_is_expanded(hipsci):
    donor = hipsci.Fibro_nALT / (hipsci.Fibro_nALT + hipsci.Fibro_nREF)
    line = hipsci.ips_nALT / (hipsci.ips_nALT + hipsci.ips_nREF)
    asked = hipsci[(hipsci.Fibro_nALT >= 3) & (donor < 0.1) & (line > 0.25)]
    assert (asked["origin"] == "expanded").mean() >= 0.95


def test_what_only_the_donor_has_is_never_acquired(hipsci):
    gone = hipsci[hipsci.ips_nALT == 0]
    assert len(gone) > 2
    assert set(gone["origin"].dropna()) == {"lost"}
    assert (gone["origin"] == "lost").mean() > 0.9


def records(path):
    with gzip.open(path, "rt") as lines:
        return [line.rstrip("\n").split("\t") for line in lines if not line.startswith("#")]


@pytest.fixture(scope="module")
def admixture(real_data):
    """Return Strelka's calls: their counts, which are true, which are certainly false, n truth."""
    folder = real_data / "wes" / "admixture_chr22" / "sompy"
    truth = {
        (row[0], int(row[1]), row[3], row[4])
        for row in records(folder / "PG_admix_truth_grch38_snvs.vcf.gz")
    }
    rows = records(folder / "strelka_grch38_admix_pass_snvs.vcf.gz")
    reads = []
    for row in rows:
        row[4] = row[4].split(",")[0]
        tiers = [dict(zip(row[8].split(":"), one.split(":"), strict=True)) for one in row[9:11]]
        reads.append([[int(one[f"{b}U"].split(",")[0]) for one in tiers] for b in (row[3], row[4])])
    info = [dict(pair.split("=") for pair in row[7].split(";") if "=" in pair) for row in rows]
    sites = pd.DataFrame(
        {
            "chrom": [row[0] for row in rows],
            "start": [int(row[1]) - 1 for row in rows],
            "ref": [row[3] for row in rows],
            "alt": [row[4] for row in rows],
            "read_position_z": [float(one.get("ReadPosRankSum", "nan")) for one in info],
        }
    )
    counts = paired(sites, np.array(reads)[:, 0], np.array(reads)[:, 1])
    places = counts.sites.assign(pos=counts.sites["start"] + 1)
    keys = places[["chrom", "pos", "ref", "alt"]].itertuples(index=False, name=None)
    true = np.array([key in truth for key in keys])
    spans = np.array(
        [[int(x) for x in row[1:3]] for row in records(folder / "FP_admix_grch38.bed.gz")]
    )
    start = counts.sites["start"].to_numpy()
    last = np.searchsorted(spans[:, 0], start, side="right") - 1
    false = (last >= 0) & (start < spans[np.maximum(last, 0), 1]) & ~true
    return counts, true, false, len(truth)


def test_recall_and_precision_of_an_admixture_are_at_least_those_of_strelka(admixture):
    counts, true, false, known = admixture
    calls = call(counts, "NA12878", bases=39_000_000)
    new = calls.variants[calls.variants["origin"].isin(["acquired", "expanded"])]
    called = np.isin(counts.sites["start"], new["start"])
    recall, precision = (
        (called & true).sum() / known,
        1 - (called & false).sum() / ((called & (true | false)).sum()),
    )
    of_strelka = true.sum() / known, true.sum() / (true | false).sum()
    assert recall >= of_strelka[0]
    assert precision >= of_strelka[1]
    assert "another person" in calls.facts["warning"]


def test_without_learning_that_a_stranger_is_there_precision_rises(admixture):
    counts, true, false, known = admixture
    new = call(counts, "NA12878").variants
    new = new[new["origin"].isin(["acquired", "expanded"])]
    called = np.isin(counts.sites["start"], new["start"])
    assert (called & true).sum() / true.sum() > 0.99
    assert (called & false).sum() < 0.9 * false.sum()
