"""Alleles of RNA as signals: one SNP a gene, the donor's heterozygous loci, what is masked."""

import numpy as np
import pandas as pd
import pytest
from linedrift import tables
from linedrift.genome import CHROM_DTYPE
from linedrift.rna_tables import ALLELE_COUNTS
from linedrift.signals import rna_signals
from linedrift.signals.rna_signals import allele_signals, expression_signals, together
from truth import CONFIG

RNA = CONFIG["rna"]
MASKED = pd.DataFrame(RNA["masked"], columns=["chrom", "start", "end"])


def counts(*rows):
    """Return ALLELE_COUNTS of (chrom, start, ref, alt, ref reads, alt reads)."""
    frame = pd.DataFrame(
        rows, columns=["chrom", "start", "ref", "alt", "ref_count", "alt_count"]
    ).assign(
        end=lambda f: f["start"] + 1,
        name=lambda f: f["chrom"] + ":" + (f["start"] + 1).astype(str),
        total=lambda f: f["ref_count"] + f["alt_count"],
        other=0,
        usable=True,
    )
    return tables.in_genome_order(tables.conform(frame, ALLELE_COUNTS))


def genes(*rows):
    frame = pd.DataFrame(rows, columns=["chrom", "start", "end", "gene_id"])
    return frame.astype({"chrom": CHROM_DTYPE})


NO_GENES = genes()


def test_b_is_the_strong_base_whichever_is_the_reference():
    found, _ = allele_signals(
        counts(("chr1", 10, "A", "G", 60, 40), ("chr2", 10, "C", "T", 60, 40)),
        NO_GENES, MASKED, None, RNA,
    )  # fmt: skip
    np.testing.assert_allclose(found["b_fraction"], [0.4, 0.6], atol=1e-6)


def test_a_gene_is_heard_once_through_its_deepest_snp():
    found, figures = allele_signals(
        counts(
            ("chr1", 1100, "A", "G", 30, 30),
            ("chr1", 1500, "A", "G", 90, 90),
            ("chr1", 1900, "A", "G", 20, 20),
            ("chr1", 90_000, "A", "G", 25, 25),
        ),
        genes(("chr1", 1000, 2000, "G1")), MASKED, None, RNA,
    )  # fmt: skip
    assert found["start"].tolist() == [1500, 90_000]
    assert figures["n_heterozygous"] == 4
    assert figures["n_genes"] == 2


def test_shallow_masked_and_sex_linked_loci_are_left_out_and_counted():
    found, figures = allele_signals(
        counts(
            ("chr1", 10, "A", "G", 9, 9),
            ("chr6", 30_000_000, "A", "G", 50, 50),
            ("chrX", 5_000_000, "A", "G", 50, 50),
            ("chr7", 10, "A", "G", 50, 50),
        ),
        NO_GENES, MASKED, None, RNA,
    )  # fmt: skip
    assert found["chrom"].tolist() == ["chr7"]
    assert figures["n_snps"] == 3
    assert figures["n_masked"] == 2


def test_the_donor_says_what_is_heterozygous():
    of = counts(
        ("chr1", 10, "A", "G", 100, 0),
        ("chr1", 100_010, "A", "G", 50, 50),
        ("chr1", 200_010, "A", "T", 50, 50),
    )
    donor = tables.conform(
        pd.DataFrame(
            {
                "chrom": "chr1", "start": [10, 100_010, 200_010], "end": [11, 100_011, 200_011],
                "name": ["a", "b", "c"], "level": 0.0, "level_sd": np.nan, "b_fraction": 0.5,
                "b_sd": np.nan, "genotype": ["AB", "AA", "AB"], "usable": True,
            }
        ),
        tables.SIGNALS,
    )  # fmt: skip
    found, _ = allele_signals(of, NO_GENES, MASKED, donor, RNA)
    # Lost in all cells, though the RNA shows one allele; A/T says nothing of the array's B.
    assert found["start"].tolist() == [10]
    assert found["genotype"].tolist() == ["AB"]
    assert found["b_fraction"].tolist() == [0.0]


def test_reads_that_prefer_the_reference_are_evened_out():
    rng = np.random.default_rng(1)
    rows = [
        ("chr1", 100_000 * k, *("AG" if k % 2 else "GA"), *rng.multinomial(200, [0.55, 0.45]))
        for k in range(1, 400)
    ]
    found, figures = allele_signals(counts(*rows), NO_GENES, MASKED, None, RNA)
    assert figures["reference_bias"] == pytest.approx(0.55 / 0.45, rel=0.03)
    assert found["b_fraction"].mean() == pytest.approx(0.5, abs=0.005)


def test_depth_makes_a_locus_surer_up_to_what_genes_differ():
    found, _ = allele_signals(
        counts(("chr1", 10, "A", "G", 20, 20), ("chr2", 10, "A", "G", 5000, 5000)),
        NO_GENES, MASKED, None, RNA,
    )  # fmt: skip
    shallow, deep = found["b_sd"]
    assert shallow > 1.5 * deep
    assert deep >= 0.5 * np.sqrt(RNA["overdispersion"])


def test_expression_and_alleles_stand_in_one_frame():
    of_alleles, _ = allele_signals(
        counts(("chr1", 1500, "A", "G", 30, 30), ("chr1", 90_000, "A", "G", 30, 30)),
        NO_GENES, MASKED, None, RNA,
    )  # fmt: skip
    placed = genes(("chr1", 1000, 2000, "G1"), ("chr1", 90_000, 91_000, "G2"))
    of_genes = expression_signals(placed, np.array([0.1, np.nan]), np.array([0.2, np.nan]))
    assert of_genes["usable"].tolist() == [True, False]
    both = together(of_genes, of_alleles)
    assert both["start"].tolist() == [1000, 1500, 90_000]
    assert both["name"].tolist()[-1] == "chr1:90001"


def a_sister(seed, gained=(), share=1.0, per=200):
    """Return SNPs of a sister line, one a gene, and the sample's; `gained` has three copies."""
    rng = np.random.default_rng(seed)
    chroms = [f"chr{k}" for k in range(1, 13)]
    chrom = np.repeat(chroms, per)
    odds = rng.normal(0, 0.25, len(chrom))
    extra = np.log1p(share) * rng.choice([-1, 1], len(chrom))
    odds += np.where(np.isin(chrom, list(gained)), extra, 0)
    b = 1 / (1 + np.exp(-odds))
    frame = pd.DataFrame(
        {
            "chrom": chrom, "start": np.tile(np.arange(per) * 100_000, len(chroms)), "name": "",
            "level": np.nan, "level_sd": np.nan, "b_fraction": rng.binomial(80, b) / 80,
            "b_sd": 0.05, "genotype": "AB", "usable": True,
        }
    )  # fmt: skip
    frame["end"] = frame["start"] + 1
    return tables.in_genome_order(tables.conform(frame, tables.SIGNALS))


SISTERS = {"sister_block": 20, "sister_limit": 3.5}


def test_the_events_of_a_sister_are_no_preference_of_genes():
    sister, left_out = rna_signals.without_events(a_sister(1, ["chr12"]), a_sister(2), SISTERS)
    assert left_out == {"chr12"} and "chr12" not in set(sister["chrom"])
    base = rna_signals.as_baseline(sister, a_sister(2))
    assert set(base.loc[base["chrom"] == "chr12", "b_fraction"]) == {0.5}
    assert base.loc[base["chrom"] == "chr3", "b_fraction"].std() > 0.05


def test_a_calm_sister_is_taken_whole():
    left_out = [
        rna_signals.without_events(a_sister(seed), a_sister(99), SISTERS)[1] for seed in range(12)
    ]
    assert sum(map(len, left_out)) <= 2


def test_a_sister_that_shares_no_snp_tells_nothing():
    sister, left_out = rna_signals.without_events(a_sister(1).iloc[:5], a_sister(2), SISTERS)
    assert len(sister) == 5 and not left_out
