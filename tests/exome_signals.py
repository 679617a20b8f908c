"""Signals of simulated exomes: bins with what a kit captures, SNPs with reads."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from linedrift import tables
from linedrift.genome import AUTOSOMES, CHROM_DTYPE
from linedrift.sequencing_tables import BINS, SITES
from linedrift.signals import exomes
from truth import CONFIG

SETTINGS = CONFIG["wes"]


def kit(per_chromosome=250, seed=3):
    """Return BINS of 200 bp on all autosomes, X and Y, ten of them a gene, genes 500 kb apart."""
    rng = np.random.default_rng(seed)
    parts = []
    for chrom in (*AUTOSOMES, "chrX", "chrY"):
        n = per_chromosome if chrom != "chrY" else 60
        number = np.arange(n)
        start = 3_000_000 + number // 10 * 500_000 + number % 10 * 2_000
        parts.append(pd.DataFrame({"chrom": chrom, "start": start, "end": start + 200}))
    bins = pd.concat(parts, ignore_index=True).astype({"chrom": CHROM_DTYPE})
    gc = rng.uniform(0.3, 0.65, len(bins))
    bins = bins.assign(kind="target", gc=gc, near_edge=rng.uniform(0, 0.5, len(bins)))
    bins = bins.assign(mappable=np.nan)
    return tables.check(bins, BINS)


@dataclass
class Person:
    """Alleles of a person at the SNPs of `sites`: the number of B, and the sex."""

    dose: np.ndarray
    sex: str = "female"


def snps(n=6000, seed=5):
    """Return SITES of the panel on the autosomes and X, and the frequency of B."""
    rng = np.random.default_rng(seed)
    per = n // 23
    start = np.sort(rng.choice(100_000, per, replace=False)) * 1_000 + 3_100_000
    parts = [pd.DataFrame({"chrom": chrom, "start": start}) for chrom in (*AUTOSOMES, "chrX")]
    sites = pd.concat(parts, ignore_index=True).astype({"chrom": CHROM_DTYPE})
    sites = sites.assign(
        end=sites["start"] + 1,
        name=[f"rs{i}" for i in range(len(sites))],
        ref="A",
        alt="G",
        b_allele="alt",
        in_panel=True,
        genotype="",
        shared=True,
    )
    return tables.check(sites, SITES), rng.uniform(0.05, 0.95, len(sites))


def person(sites, frequency, seed, sex="female"):
    """Return a person drawn from these frequencies; a man has one X."""
    rng = np.random.default_rng(seed)
    dose = rng.binomial(2, frequency)
    if sex == "male":
        on = (sites["chrom"] == "chrX").to_numpy()
        dose[on] = 2 * rng.binomial(1, frequency[on])
    return Person(dose, sex)


def exome(
    bins, sites, who, seed, *, copies=None, depth=100.0, foreign=0.0, other=None, batch=0.0,
    error=0.001, settings=SETTINGS,
):  # fmt: skip
    """Return SIGNALS of reads drawn from a person, the kit's capture the same in all exomes."""
    rng = np.random.default_rng(seed)
    capture = np.random.default_rng(99).normal(0, 0.6, len(bins)) * 0.7
    capture += rng.normal(0, batch, len(bins))
    names = bins["chrom"].astype(str).to_numpy()
    usual = np.where(names == "chrX", 2 if who.sex == "female" else 1, 2)
    usual = np.where(names == "chrY", 0.02 if who.sex == "female" else 1, usual)
    usual = usual if copies is None else usual * copies / 2
    gc = np.exp(-(((bins["gc"] - 0.45) / 0.15) ** 2) / 2).to_numpy()
    expected = depth * np.exp(capture) * gc * (1 - 0.6 * bins["near_edge"]) * usual / 2
    length = (bins["end"] - bins["start"]).to_numpy()
    reads = rng.poisson(np.maximum(expected * length / 100, 0)) * 100 / length
    share = who.dose / 2
    if other is not None:
        share = (1 - foreign) * share + foreign * other.dose / 2
    share = share * (1 - error) + (1 - share) * error
    n = rng.negative_binomial(8, 8 / (8 + depth), len(sites))
    b = rng.binomial(n, share)
    counts = np.stack([n - b, np.zeros_like(b), b, np.zeros_like(b)], axis=1)
    frame, _ = exomes.signals(bins, reads, sites, counts, 100.0, settings)
    return frame
