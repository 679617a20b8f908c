"""Everything known of a line or of the bank, as pages, exports and the public tier take it.

A record holds frames of `tables` only. The private record is read from results/; the public one
is built from it by `privacy`, from an allow-list. Pages and exports do not know which of the two
they were given, except through `tier`, which they print.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from linedrift import sequencing_tables as sequencing
from linedrift.methylation_tables import DIFFERENCES
from linedrift.readout_tables import READOUTS


@dataclass(frozen=True)
class Variants:
    """Point mutations and short insertions or deletions of a line; all empty without an exome.

    `called`, `courses` and `hotspots` are VARIANTS, VARIANT_COURSES and VARIANT_HOTSPOTS. `facts`
    counts what has no row: `inherited`, `target_bp`, `not_called` (reason -> n); in the public
    tier, where most has no row, also what `public_variants` says of it.
    """

    called: pd.DataFrame = field(default_factory=sequencing.VARIANTS.empty)
    courses: pd.DataFrame = field(default_factory=sequencing.VARIANT_COURSES.empty)
    hotspots: pd.DataFrame = field(default_factory=sequencing.VARIANT_HOTSPOTS.empty)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Readouts:
    """What expression and methylation say beside copy number; empty where neither was measured.

    `asked` is READOUTS of the line's own samples, `differences` DIFFERENCES of its methylation.
    `facts` counts what has no row, in the public tier: `differences` (sample -> n).
    """

    asked: pd.DataFrame = field(default_factory=READOUTS.empty)
    differences: pd.DataFrame = field(default_factory=DIFFERENCES.empty)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class LineRecord:
    """One line (or donor) with all its passages.

    `line` is its row of lines.tsv; `measurements` one row per measurement (sample, line, passage,
    assay, format, platform, batch, bank, baseline). `verdict` is verdict.json. `markers` holds
    single loci around events (columns of CONTRAST, and sample, assay) and is empty in the public
    tier. `inherited` is the number of inherited events (the public tier has no row of them).
    """

    tier: str
    line: dict[str, str]
    measurements: pd.DataFrame
    events: pd.DataFrame
    trajectories: pd.DataFrame
    hotspots: pd.DataFrame
    quality: pd.DataFrame
    identity: pd.DataFrame
    findings: pd.DataFrame
    tracks: pd.DataFrame
    markers: pd.DataFrame
    verdict: dict[str, Any]
    inherited: int
    settings: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, str] = field(default_factory=dict)
    downloads: tuple[tuple[str, str, str], ...] = ()  # file name, what it is, SHA-256
    variants: Variants = field(default_factory=Variants)
    readouts: Readouts = field(default_factory=Readouts)


@dataclass(frozen=True)
class BankRecord:
    """All lines of the bank, one row each, with what the bank's page compares.

    `lines` has line, kind, parent, sex, tier, registry_id, source_cell, reprogramming,
    description, verdict, sentence, latest_passage, n_passages, assays, n_acquired, n_inherited,
    hotspots_present (labels joined by ;), n_variants (acquired point mutations of the latest
    passage, "" without an exome), variants_present (those that decide, joined by ;), n_readouts
    (questions of expression and methylation that count and were answered in the latest passage,
    "" without either), readouts_present (those that are not as expected, joined by ;), page
    (relative link). `hotspots` is the HOTSPOTS frame of every line's latest passage with a column
    line, the genes of point mutations at its end. `identity` and `pairs` are IDENTITY and
    IDENTITY_PAIRS of the whole bank (empty in the public tier).
    """

    tier: str
    name: str
    lines: pd.DataFrame
    hotspots: pd.DataFrame
    quality: pd.DataFrame
    identity: pd.DataFrame
    pairs: pd.DataFrame
    provenance: dict[str, str] = field(default_factory=dict)
    downloads: tuple[tuple[str, str, str], ...] = ()
