"""Signals of real arrays with known truth, by the marker tables that stand beside them."""

from pathlib import Path

import numpy as np
import pandas as pd
from linedrift import tables
from linedrift.genome import CHROM_DTYPE, CHROMOSOMES

CODES = np.array(["AA", "AB", "BB", ""])


def signals(markers: pd.DataFrame, level, b_fraction, genotype="") -> pd.DataFrame:
    """Return SIGNALS of loci with Name, Chr_GRCh38, Pos_GRCh38; unplaced ones are left out."""
    placed = pd.DataFrame(
        {
            "chrom": markers["Chr_GRCh38"].where(markers["Chr_GRCh38"].isin(CHROMOSOMES)),
            "start": markers["Pos_GRCh38"],
            "name": markers["Name"],
            "level": np.asarray(level, dtype=np.float32),
            "b_fraction": np.asarray(b_fraction, dtype=np.float32),
            "genotype": genotype,
        }
    ).dropna(subset=["chrom", "start"])
    placed = placed[placed["start"] > 0]
    placed = placed.astype({"chrom": CHROM_DTYPE, "start": "int32"})
    placed["start"] -= 1
    placed = placed.assign(end=placed["start"] + 1, level_sd=np.nan, b_sd=np.nan, usable=True)
    return tables.check(tables.in_genome_order(placed), tables.SIGNALS)


def chry_370k(folder: Path, name: str) -> pd.DataFrame:
    """Return one sample of chry_370k (chr21, 22, X, Y and XY; no genotypes in the file)."""
    columns = ["row", "Name", "Chr", "Position", "level", "b"]
    found = pd.read_csv(folder / f"{name}.txt.gz", sep=r"\s+", names=columns, skiprows=1)
    markers = pd.read_csv(folder / "markers_hg18_GRCh38.tsv.gz", sep="\t")
    found = found[["Name", "level", "b"]].merge(markers, on="Name")
    return signals(found, found["level"], found["b"])


def trio(folder: Path, name: str) -> pd.DataFrame:
    """Return father, mother or offspring of trio_humanhap550 (chr3, 11, 20 and X)."""
    found = pd.read_csv(folder / f"{name}.txt.gz", sep="\t")
    found.columns = ["Name", "Chr", "Position", "genotype", "level", "b"]
    markers = pd.read_csv(folder / "example.pfb.gz", sep="\t")
    found = found[["Name", "genotype", "level", "b"]].merge(markers, on="Name")
    found = found.assign(Chr_GRCh38="chr" + found["Chr"].astype(str), Pos_GRCh38=found["Position"])
    genotype = found["genotype"].where(found["genotype"].isin(CODES), "")
    return signals(found, found["level"], found["b"], genotype)


def hapmap(folder: Path) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return the scans of identity_hapmap_1m as `identity` takes them, and their signals."""
    scans = pd.read_csv(folder / "scans.tsv", sep="\t", dtype=str)
    markers = pd.read_csv(folder / "markers_hg18_GRCh38.tsv.gz", sep="\t")
    calls, b, level = (
        pd.read_csv(folder / f"illumina_{kind}.tsv.gz", sep="\t") for kind in ("GT", "BAF", "LRR")
    )
    samples = pd.DataFrame(
        {
            "sample": scans["scanID"],
            "assay": "snp_array",
            "person": scans["subjectID"],
            "line": scans["subjectID"],
            "family": scans["family"],
            "sex": scans["sex"].map({"F": "female", "M": "male"}),
            "father": scans["father"].str.removesuffix(".0"),
            "mother": scans["mother"].str.removesuffix(".0"),
        }
    )
    return samples, {
        scan: signals(
            markers, level[f"LRR_{scan}"], b[f"BAF_{scan}"], CODES[calls[f"GT_{scan}"].to_numpy()]
        )
        for scan in scans["scanID"]
    }
