"""The bank's expression as one matrix, sex by RNA, genotypes, baselines and quality."""

import math

import numpy as np
import pandas as pd
import pytest
from linedrift import genome, tables
from linedrift.genome import CHROM_DTYPE, Karyotype
from linedrift.quality import quality, rna_quality
from linedrift.rna_tables import ALLELE_COUNTS, LOCATED_COUNTS
from linedrift.signals import rna_bank, rna_signals
from linedrift.signals.contrast import contrast
from linedrift.signals.noise import Noise
from truth import CONFIG

RNA, QUALITY = CONFIG["rna"], CONFIG["quality"]["rna"]


@pytest.fixture(scope="module")
def arms(repository):
    return genome.arms(tables.read_bands(repository / "resources" / "cytoBand.hg38.txt"))


def sample(rng, n=1200, depth=1000.0, gained=""):
    """Return LOCATED_COUNTS of genes that are even over three chromosomes, X, Y and XIST."""
    chrom = np.repeat(["chr1", "chr2", "chr3"], n // 3)
    expected = np.full(n, depth) * np.where(chrom == gained, 1.5**0.8, 1.0)
    frame = pd.DataFrame(
        {
            "chrom": chrom,
            "start": np.tile(np.arange(n // 3) * 150_000 + 20_000, 3),
            "gene_id": [f"G{k:04d}" for k in range(n)],
            "symbol": "",
            "count": rng.poisson(expected * 2 ** rng.normal(0, 0.15, n)).astype(float),
        }
    )
    frame["end"] = frame["start"] + 1000
    return frame


def located(frame, *more):
    rows = pd.DataFrame(more, columns=["chrom", "start", "end", "gene_id", "symbol", "count"])
    found = pd.concat([frame, rows], ignore_index=True) if len(rows) else frame
    return tables.in_genome_order(tables.conform(found, LOCATED_COUNTS))


def bank_of(rng, gained="", lines=8):
    return {f"L{k}-p1": located(sample(rng, gained=gained if k == 0 else "")) for k in range(lines)}


def test_the_bank_is_written_and_read_as_it_was(arms):
    counts = bank_of(np.random.default_rng(1))
    lines = {name: name.split("-")[0] for name in counts}
    genes, bank, figures = rna_bank.expressed(counts, list(lines.values()), arms, RNA)
    assert figures["n_genes"] == figures["n_expressed"] == 1200
    again, other = rna_bank.from_frame(
        rna_bank.to_frame(genes, bank), lines, rna_bank.shifts_to_dict(bank)
    )
    pd.testing.assert_frame_equal(genes, again)
    np.testing.assert_allclose(other.log2, bank.log2, rtol=1e-6)
    assert (other.samples, other.lines) == (bank.samples, bank.lines)
    assert (other.arm == bank.arm).all()
    for line, shift in bank.shifts.items():
        np.testing.assert_allclose(other.shifts[line], shift, atol=1e-4)


def test_x_and_y_are_no_dosage(arms):
    rng = np.random.default_rng(2)
    more = ("chrX", 20_000_000, 20_001_000, "GX", "", 500.0)
    counts = {f"L{k}-p1": located(sample(rng), more) for k in range(5)}
    genes, _, figures = rna_bank.expressed(counts, list(counts), arms, RNA)
    assert figures["n_genes"] == 1201
    assert not (genes["chrom"] == "chrX").any()


def test_samples_of_two_annotations_are_refused_by_name():
    rng = np.random.default_rng(3)
    one, other = located(sample(rng)), located(sample(rng))
    other["gene_id"] = "H" + other["gene_id"].str[1:]
    with pytest.raises(ValueError, match="only 0 are in every other sample"):
        rna_bank.matrix({"A-p1": one, "B-p1": other})


def test_a_poor_sample_is_no_baseline_of_others():
    rng = np.random.default_rng(4)
    limits = QUALITY["thresholds"]
    assert rna_bank.too_poor(located(sample(rng)), limits) == ""
    assert "at least 1,000,000 are needed" in rna_bank.too_poor(
        located(sample(rng, depth=100)), limits
    )
    assert "genes with reads" in rna_bank.too_poor(located(sample(rng, 300, 10_000)), limits)


@pytest.mark.parametrize(
    ("y", "xist", "sex"),
    [(500, 0, "male"), (1, 50, "female"), (1, 0, "unknown"), (30, 50, "unknown"),
     (500, 80, "male"), (math.nan, 50, "unknown")],
)  # fmt: skip
def test_sex_by_y_then_xist(y, xist, sex):
    found, reason = rna_bank.sex({"y": y, "xist": xist}, QUALITY)
    assert found == sex
    assert reason


def test_reads_of_y_leave_out_what_x_has_too():
    frame = located(
        sample(np.random.default_rng(5)),
        ("chrY", 1_000_000, 1_001_000, "PAR", "", 900.0),
        ("chrY", 10_000_000, 10_001_000, "Y1", "", 300.0),
        ("chrX", 73_820_650, 73_852_723, "X1", "XIST", 60.0),
    )
    figures = rna_bank.of_counts(frame)
    million = figures["n_reads"] / 1e6
    assert figures["y"] == pytest.approx(300 / million)
    assert figures["xist"] == pytest.approx(60 / million)


# Alleles


def alleles_of(rows):
    frame = pd.DataFrame(rows, columns=["chrom", "start", "ref", "alt", "ref_count", "alt_count"])
    total = frame["ref_count"] + frame["alt_count"]
    frame = frame.assign(end=frame["start"] + 1, name=".", total=total, other=0, usable=True)
    return tables.in_genome_order(tables.conform(frame, ALLELE_COUNTS))


def array(*rows):
    frame = pd.DataFrame(rows, columns=["chrom", "start", "genotype"]).assign(
        name="", level=0.0, level_sd=np.nan, b_fraction=0.5, b_sd=np.nan, usable=True
    )
    frame["end"] = frame["start"] + 1
    return tables.in_genome_order(tables.conform(frame, tables.SIGNALS))


def test_an_array_decides_where_it_measured_and_the_rna_elsewhere():
    counts = alleles_of(
        [("chr1", 10, "A", "G", 50, 0), ("chr1", 20, "A", "G", 20, 30),
         ("chr1", 30, "A", "G", 9, 0), ("chr1", 40, "A", "G", 25, 25)]
    )  # fmt: skip
    known = rna_signals.known_genotypes(
        [array(("chr1", 10, "AB"), ("chr1", 40, "AA"))], counts, RNA
    )
    genotype = dict(zip(known["start"], known["genotype"].astype(str), strict=True))
    assert genotype == {10: "AB", 20: "AB", 40: "AA"}
    assert rna_signals.known_genotypes([], counts, RNA) is None


def test_a_table_of_heterozygous_snps_tells_nothing_of_identity():
    both = alleles_of([("chr1", 1000 * k, "A", "G", 30, 30) for k in range(50)])
    found, why = rna_signals.genotype_signals(both, both[["chrom", "start"]], RNA)
    assert found.empty
    assert "everybody would look like that person" in why
    some = alleles_of(
        [("chr1", 1000 * k, "A", "G", 60 if k % 2 else 30, 0 if k % 2 else 30) for k in range(50)]
    )
    found, why = rna_signals.genotype_signals(some, some[["chrom", "start"]], RNA)
    assert len(found) == 50 and why == ""
    assert found["genotype"].astype(str).value_counts().to_dict() == {"AB": 25, "AA": 25}


def test_the_alternative_of_an_array_is_the_one_with_reads():
    loci = array(("chr1", 10, "AB"), ("chr1", 20, "AB"))
    both = rna_signals.both_alternatives(loci, np.array(["A", "C"]))
    assert sorted(zip(both["start"], both["alt"], strict=True)) == [
        (10, "C"), (10, "G"), (20, "A"), (20, "T"),
    ]  # fmt: skip
    counted = alleles_of([("chr1", 10, "A", "G", 9, 0), ("chr1", 10, "A", "C", 9, 8)])
    assert rna_signals.one_alternative(counted)["alt"].tolist() == ["C"]


def measured(rng, n=900, levels=True):
    """Return SIGNALS of RNA: genes with a level, and SNPs."""
    at = np.arange(n) * 250_000
    chrom = np.repeat(["chr1", "chr2", "chr3"], n // 3)
    of_genes = pd.DataFrame(
        {"chrom": chrom, "start": at % 75_000_000, "name": "g", "b_fraction": np.nan,
         "b_sd": np.nan, "genotype": "", "level": rng.normal(0, 0.2, n) if levels else np.nan,
         "level_sd": 0.2, "usable": levels}
    )  # fmt: skip
    of_snps = of_genes.assign(
        start=of_genes["start"] + 500, b_fraction=rng.normal(0.5, 0.05, n), b_sd=0.05,
        genotype="AB", level=np.nan, level_sd=np.nan, usable=True,
    )  # fmt: skip
    both = pd.concat([of_genes, of_snps]).assign(end=lambda frame: frame["start"] + 1)
    return tables.in_genome_order(
        tables.conform(both.astype({"chrom": CHROM_DTYPE}), tables.SIGNALS)
    )


def compared(own, baselines, sex="female"):
    settings = CONFIG["contrast"] | CONFIG["contrast"]["rna"]
    given = [rna_signals.as_baseline(one, own) for one in baselines]
    return contrast(own, given, Karyotype(sex), settings)


@pytest.mark.parametrize("sex", ["female", "male"])
def test_levels_of_a_baseline_are_not_subtracted_again(sex):
    rng = np.random.default_rng(6)
    own, donor = measured(rng), measured(rng)
    donor.loc[donor["chrom"] == "chr2", "level"] += 1.0
    frame, noise = compared(own, [donor], sex)
    alone, _ = compared(own, [], sex)
    np.testing.assert_allclose(frame["log_ratio"], alone["log_ratio"], atol=1e-3)
    assert noise.level_weight == 0
    assert noise.reason == ""


def test_an_allele_that_a_gene_prefers_in_the_donor_too_is_taken_off():
    rng = np.random.default_rng(7)
    own, donor = measured(rng), measured(rng)
    prefers = np.where(own["genotype"] == "AB", rng.normal(0, 0.1, len(own)), 0)
    for one in (own, donor):
        one["b_fraction"] = (one["b_fraction"] + prefers).clip(0.01, 0.99).astype(np.float32)
    frame, noise = compared(own, [donor])
    assert noise.shift_weight > 0.5
    assert frame["shift"].std() < 0.8 * compared(own, [])[0]["shift"].std()


@pytest.mark.parametrize("levels", [True, False])
def test_a_sample_may_have_alleles_alone(levels):
    rng = np.random.default_rng(8)
    frame, noise = compared(measured(rng, levels=levels), [measured(rng)])
    assert frame["log_ratio"].notna().any() == levels
    assert np.isfinite(frame["shift"]).sum() > 800
    assert noise.reason == ""


def test_a_snp_without_reads_in_the_baseline_is_kept():
    rng = np.random.default_rng(9)
    own, donor = measured(rng), measured(rng)
    few = donor[donor["b_fraction"].notna()].iloc[::3].reset_index(drop=True)
    frame, _ = compared(own, [few])
    assert np.isfinite(frame["shift"]).sum() == (own["genotype"] == "AB").sum()


def test_snps_of_a_baseline_have_the_genotype_that_the_rna_shows():
    found = rna_signals.of_snps(
        alleles_of(
            [("chr1", 10, "A", "G", 50, 50), ("chr1", 20, "A", "G", 90, 0),
             ("chr1", 30, "A", "G", 5, 5)]
        ),
        RNA,
    )  # fmt: skip
    assert found["genotype"].astype(str).tolist() == ["AB", "AA"]


# Quality


def noise_of(reason=""):
    return Noise(0.3, (0.3, 0.3), 0, 0.05, 0, 0, 0, 0.8, (0.0,) * 7, 0.05, 0, 0, 0.3, False, reason)


def judged(facts, noise=None):
    figures = rna_quality.measure(facts, noise or noise_of(), QUALITY)
    return quality.judge(
        figures, QUALITY, sample="A-p1", assay="rna", expected_sex="female"
    ).set_index("figure")


def test_quality_of_a_good_and_of_a_poor_sample():
    facts = {"n_reads": 3e7, "n_detected": 20_000, "n_lines": 20, "n_genes": 2000, "xist": 90,
             "y": 1.0}  # fmt: skip
    assert not set(judged(facts)["state"]) & {"warn", "fail"}
    poor = judged(facts | {"n_reads": 1e5, "y": 400.0})
    assert poor.loc["n_reads", "state"] == poor.loc["sex", "state"] == "fail"


def test_what_was_not_measured_is_not_judged():
    found = judged({"n_genes": 900.0}, noise_of())
    assert found.loc["n_genes", "state"] == "pass"
    assert set(found.drop("n_genes")["state"]) == {"info"}
    assert found.loc["log_ratio_sd", "value"] == "not measured"


def test_a_small_bank_is_said_beside_the_number_of_its_lines():
    facts = {"n_reads": 3e7, "n_detected": 20_000, "n_lines": 1, "no_levels": "at least 3"}
    found = judged(facts).loc["n_lines"]
    assert found["state"] == "warn"
    assert "at least 3" in found["reason"]
