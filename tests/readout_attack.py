"""Donors whose genotypes drive methylation and expression, and an attacker who holds genotypes.

A variant that acts on methylation moves one probe of its region by .1 an allele (or all of them by
.05), one that acts on expression moves a gene by .35 log2; a SNP under a probe takes the probe
away; an imprinted gene is testable in RNA where the donor has two alleles of it.
"""

from dataclasses import dataclass

import fake_readouts as fake
import numpy as np

REGIONS = 41  # 26 imprinted ones of the core panel and 15 loci of drift
GENES = 100  # markers of pluripotency and of lineages
IMPRINTED_GENES = 20
MINOR = 0.3  # frequency of the minor allele
REGION_SD = 0.01  # of the methylation of a region between two measurements
GENE_SD = 0.5  # of the expression of a gene between lines, log2
PER_ALLELE = 0.1
OF_ALL_PROBES = 0.05
PER_ALLELE_LOG2 = 0.35
# Probes of the regions on an array: 3 to 40, as the core panel has them.
PROBES = np.random.default_rng(11).integers(3, 41, REGIONS)
ITEMS = [f"region-{k}:TSS-DMR" for k in range(REGIONS)]
PLACES = [f"chr{1 + k % 22}:{1_000_000 + 5000 * k}-{1_002_000 + 5000 * k}" for k in range(REGIONS)]


@dataclass(frozen=True)
class Person:
    """Alleles (0, 1, 2) at the variants that act on regions, under probes, on genes, in genes."""

    methylation: np.ndarray
    under_probes: np.ndarray
    expression: np.ndarray
    imprinted: np.ndarray

    @classmethod
    def make(cls, rng):
        """Return a person."""
        sizes = (REGIONS, REGIONS, GENES, IMPRINTED_GENES)
        return cls(*(rng.binomial(2, MINOR, size) for size in sizes))

    def regions(self, whole=False):
        """Return the methylation of the regions that this person's genotypes would give."""
        away = self.methylation - 2 * MINOR
        return 0.5 + (OF_ALL_PROBES * away if whole else PER_ALLELE * away / PROBES)

    def probes(self):
        """Return how many probes of each region are left."""
        return PROBES - (self.under_probes == 2)

    def genes(self):
        """Return the expression that this person's genotypes would give, log2."""
        return PER_ALLELE_LOG2 * (self.expression - 2 * MINOR)

    def asked(self, rng=None, whole=False, passage=30):
        """Return READOUTS of a line of this person; without noise where no generator is given.

        The first region, as H19 in many lines, is gained, by how much nobody knows beforehand.
        """
        beta = self.regions(whole) + (0 if rng is None else rng.normal(0, REGION_SD, REGIONS))
        genes = self.genes() + (0 if rng is None else rng.normal(0, GENE_SD, GENES))
        beta[0] += 0.35 if rng is None else rng.uniform(0.25, 0.45)
        n = self.probes()
        rows = [
            _region(passage, ITEMS[k], PLACES[k], beta[k], int(n[k]), imprinted=k < 26)
            for k in range(REGIONS)
        ]
        rows += [_gene(passage, k, value) for k, value in enumerate(genes)]
        rows += [_allelic(passage, k, two == 1) for k, two in enumerate(self.imprinted)]
        return fake.asked(rows)


def _region(passage, item, place, beta, n, imprinted):
    group = "imprinting" if imprinted else "drift"
    common = {"item": item, "label": item, "place": place, "group": group}
    if n < 3:
        return fake.untested(passage, reason=f"too few probes: {n} of 3", **common)
    state = "gained" if beta > 0.7 else "lost" if beta < 0.3 else "normal"
    sd = 0.08 / np.sqrt(n)
    return fake.row(
        passage, state=state, value=beta, low=beta - 2 * sd, high=beta + 2 * sd, n=n,
        limit=0.2 + 2 * sd, **common,
    )  # fmt: skip


def _gene(passage, k, value):
    state = "gained" if value > 1.9 else "lost" if value < -1.9 else "normal"
    group = "pluripotency" if k < 30 else "lineage"
    return fake.gene(f"GENE{k}", passage, group=group, value=value, state=state)


def _allelic(passage, k, heterozygous):
    common = {"item": f"IMP{k}", "label": f"IMP{k}", "group": "imprinting", "assay": "rna"}
    common |= {"place": "", "role": "annotate"}
    if not heterozygous:
        return fake.untested(passage, reason="too few loci: no heterozygous SNP", **common)
    return fake.row(passage, value=0.95, expected_low=0.8, expected_high=1.0, n=40, **common)


def likelihood(shown, expected, sd):
    """Return the log-likelihood of what is shown under what a candidate would show.

    What lies beyond five sd has changed, by how much nobody knows, and tells no more.
    """
    there = np.isfinite(shown)
    return float(-np.minimum(((shown - expected)[there] / sd) ** 2, 25).sum())
