"""What is known of one measurement beside its signals, written alike for every assay."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from linedrift import tables
from linedrift.signals.noise import Noise


@dataclass(frozen=True)
class Description:
    """A measurement against its baselines, against the thresholds, and as genotypes."""

    contrast: pd.DataFrame  # CONTRAST
    noise: Noise
    quality: pd.DataFrame  # QUALITY
    genotypes: pd.DataFrame  # chrom, start, genotype


def write(found: Description, outputs: Any) -> str:
    """Write a description to the outputs `contrast`, `noise`, `quality`, `genotypes`.

    Returns
    -------
    str
        Its figures in words, for the log of the job.
    """
    tables.write(found.contrast, outputs.contrast, tables.CONTRAST)
    text = json.dumps(found.noise.to_dict(), indent=1)
    tables.write_beside(outputs.noise, lambda path: path.write_text(text, encoding="utf-8"))
    tables.write(found.quality, outputs.quality, tables.QUALITY)
    tables.write_beside(
        outputs.genotypes, lambda path: found.genotypes.to_parquet(path, index=False)
    )
    failed = found.quality.loc[found.quality["state"] == "fail", "figure"]
    reason = f"; {found.noise.reason}" if found.noise.reason else ""
    return (
        f"{len(found.contrast)} loci{reason}; {len(found.genotypes)} genotypes; "
        f"failed: {', '.join(failed) or 'nothing'}"
    )
