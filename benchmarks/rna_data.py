"""Real tables that several benchmarks of RNA need."""

from __future__ import annotations

from functools import cache

import bench_paths
import engine
import pandas as pd
from linedrift import tables
from linedrift.readers import counts, genes
from linedrift.rna_tables import LOCATED_COUNTS


@cache
def annotation() -> genes.Annotation:
    """Return the genes of GENCODE 26 (GRCh38)."""
    known = pd.read_csv(bench_paths.ROOT / "resources" / "hotspot_genes.tsv", sep="\t")
    folder = bench_paths.real_data() / "reference" / "genes"
    return genes.read(folder / "gencode.v26.GRCh38.genes_annotation_table.txt.gz", known=known)


def located(matrix: counts.Matrix, known: genes.Annotation) -> dict[str, pd.DataFrame]:
    """Return LOCATED_COUNTS of every sample of a table of counts."""
    of = matrix.genes.assign(count=matrix.counts.sum(axis=1, dtype=float))
    found = genes.locate("counts", of, known, "genes", engine.config()["rna"]).genes
    place = tables.conform(found, LOCATED_COUNTS)
    own = pd.DataFrame(matrix.counts, index=matrix.genes["gene_id"]).reindex(place["gene_id"])
    return {
        name: place.assign(count=own[k].to_numpy(float)) for k, name in enumerate(matrix.samples)
    }
