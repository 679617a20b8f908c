"""Real tables that several benchmarks of RNA need."""

from __future__ import annotations

from functools import cache

import bench_paths
import pandas as pd
from linedrift.readers import genes


@cache
def annotation() -> genes.Annotation:
    """Return the genes of GENCODE 26 (GRCh38)."""
    known = pd.read_csv(bench_paths.ROOT / "resources" / "hotspot_genes.tsv", sep="\t")
    folder = bench_paths.real_data() / "reference" / "genes"
    return genes.read(folder / "gencode.v26.GRCh38.genes_annotation_table.txt.gz", known=known)
