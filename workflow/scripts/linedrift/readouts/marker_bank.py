"""Genes that readouts ask for, in all samples of the bank, in reads per million.

Copy number takes expressed autosomal genes less technical factors (`rna_bank`). Markers are the
opposite: genes that are silent in most lines count, X counts, and nothing may be taken off them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from linedrift.genome import CHROM_DTYPE
from linedrift.signals import rna_bank
from linedrift.signals.expression import LEAST_VARIANCE, size_factors, variance_prior

_GENE_COLUMNS = list(rna_bank.GENE_COLUMNS)
# Fewer lines than this have no spread.
_LEAST_LINES = 3
# What is known of a bank without samples.
NOBODY: dict[str, Any] = {"million": {}, "levels": [], "usual": [], "weight": 0.0}


@dataclass(frozen=True)
class Markers:
    """Reads of marker genes, and of all genes of X, in every sample that may be compared with.

    `genes`: chrom, start, end, gene_id, symbol. `counts`: reads, shape (genes, samples).
    `million`: millions of reads that a sample counts for, normalised for composition, shape
    (samples,). `samples`, `lines`: names. `donors`: whether a sample is a donor's, bool.
    `levels`, `usual`, `weight`: how genes of the bank vary (`expression.variance_prior` of log2
    reads per million); empty, empty and 0 where the bank has too few lines.
    """

    genes: pd.DataFrame
    counts: np.ndarray
    million: np.ndarray
    samples: tuple[str, ...]
    lines: tuple[str, ...]
    donors: np.ndarray
    levels: np.ndarray
    usual: np.ndarray
    weight: float

    def log2(self, offset: float) -> np.ndarray:
        """Return log2 of reads per million and `offset`, shape (genes, samples)."""
        return np.asarray(np.log2(self.counts / self.million + offset))


def places(genes: pd.DataFrame, sets: pd.DataFrame) -> np.ndarray:
    """Return the row of `genes` that each row of `sets` asks for, -1 where it has none.

    Parameters
    ----------
    genes
        gene_id, symbol.
    sets
        resources/expression_gene_sets.tsv: ensembl_gene_id, gene, alias. Identifiers count
        before symbols, symbols before aliases.
    """
    found = np.full(len(sets), -1)
    for column, asked in (("symbol", "alias"), ("symbol", "gene"), ("gene_id", "ensembl_gene_id")):
        known = genes[column][(genes[column] != "") & ~genes[column].duplicated()]
        at = pd.Series(np.asarray(known.index), index=known.to_numpy()).reindex(sets[asked])
        found = np.where(at.notna(), at.fillna(-1).to_numpy(), found)
    return found.astype(int)


def of_bank(
    counts: Mapping[str, pd.DataFrame],
    lines: Sequence[str],
    donors: Sequence[bool],
    sets: pd.DataFrame,
    settings: Mapping[str, Any],
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the reads of marker genes in all samples, and how much a sample counts for.

    Parameters
    ----------
    counts
        LOCATED_COUNTS by sample.
    lines, donors
        Line of each of them, and whether it is a donor's.
    sets
        resources/expression_gene_sets.tsv.
    settings
        Section `rna` of the config.

    Returns
    -------
    (pandas.DataFrame, dict)
        GENE_COLUMNS of `rna_bank` and a column of reads for each sample: genes of the sets, and
        all of X. `million`, by sample; `levels`, `usual`, `weight` of Markers.
    """
    genes, reads = rna_bank.matrix(counts)
    factors = size_factors(reads)
    million = factors * np.exp(np.mean(np.log(reads.sum(axis=0)))) / 1e6
    spread = _spread(reads, million, np.asarray(lines), np.asarray(donors, bool), settings)
    kept = np.array(genes["chrom"] == "chrX")
    asked = places(genes, sets)
    kept[asked[asked >= 0]] = True
    found = pd.DataFrame(reads[kept].astype(np.float32), columns=list(counts))
    frame = pd.concat([genes.loc[kept, _GENE_COLUMNS].reset_index(drop=True), found], axis=1)
    return frame, {"million": dict(zip(counts, million.tolist(), strict=True)), **spread}


def _spread(
    reads: np.ndarray,
    million: np.ndarray,
    lines: np.ndarray,
    donors: np.ndarray,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return how much genes differ between lines, by their expression."""
    of_lines = list(dict.fromkeys(lines[~donors]))
    nothing: dict[str, Any] = {"levels": [], "usual": [], "weight": 0.0}
    if len(of_lines) < _LEAST_LINES:
        return nothing
    # Genes with few reads vary as reads do; those below take what the lowest of these have.
    expressed = np.median(reads, axis=1) >= settings["least_count"]
    if expressed.sum() < settings["readouts"]["least_genes"]:
        return nothing
    log2 = np.log2(reads[expressed] / million + settings["readouts"]["offset"])
    usual = np.stack([np.median(log2[:, lines == line], axis=1) for line in of_lines], axis=1)
    variance = np.maximum(usual.var(axis=1, ddof=1), LEAST_VARIANCE)
    levels, log, weight = variance_prior(variance, usual.mean(axis=1), len(of_lines))
    return {"levels": levels.tolist(), "usual": log.tolist(), "weight": float(weight)}


def from_frame(
    frame: pd.DataFrame,
    facts: Mapping[str, Any],
    lines: Mapping[str, str],
    donors: Mapping[str, bool],
) -> Markers:
    """Return the Markers that `of_bank` wrote; `lines` and `donors` by sample."""
    samples = tuple(facts["million"])
    return Markers(
        genes=frame[_GENE_COLUMNS].astype({"chrom": CHROM_DTYPE}),
        counts=frame[list(samples)].to_numpy(float).reshape(len(frame), len(samples)),
        million=np.array([facts["million"][name] for name in samples], dtype=float),
        samples=samples,
        lines=tuple(lines[name] for name in samples),
        donors=np.array([donors[name] for name in samples], dtype=bool),
        levels=np.array(facts["levels"], dtype=float),
        usual=np.array(facts["usual"], dtype=float),
        weight=float(facts["weight"]),
    )


def earlier(
    markers: Markers, sample: str, passages: Mapping[str, int], symbol: str
) -> list[tuple[int, float]]:
    """Return passage and reads per million of a gene in earlier samples of a line, first first.

    Parameters
    ----------
    sample
        The sample asked.
    passages
        Passage of every sample.
    symbol
        Symbol of the gene; without it there is nothing to return.
    """
    at = markers.samples.index(sample)
    gene = np.flatnonzero((markers.genes["symbol"] == symbol).to_numpy())
    same = [
        k
        for k, name in enumerate(markers.samples)
        if markers.lines[k] == markers.lines[at] and passages[name] < passages[sample]
    ]
    rate = markers.counts / markers.million
    return sorted((passages[markers.samples[k]], float(rate[g, k])) for g in gene[:1] for k in same)
