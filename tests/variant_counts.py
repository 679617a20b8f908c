"""Counts of reads for tests of the joint variant call: a few sites, written as depth and reads."""

import numpy as np
import pandas as pd
from linedrift.genome import CHROM_DTYPE
from linedrift.variants.allele_counts import Counts
from linedrift.variants.error_model import error_model
from linedrift.variants.variants import call_variants
from truth import CONFIG

SETTINGS = CONFIG["variants"]
HOTSPOTS = pd.DataFrame(
    {
        "id": ["TP53:p.Arg175His", "KRAS:p.Gly12Asp", "TP53:p.Arg248Gln", "EGFR:any"],
        "gene": ["TP53", "KRAS", "TP53", "EGFR"],
        "chrom": ["chr17", "chr12", "chr17", "chr7"],
        "start": [7675087, 25245349, 7674219, 55019016],
        "end": [7675088, 25245350, 7674220, 55211628],
        "ref": ["C", "C", "C", ""],
        "alt": ["T", "T", "T", ""],
        "scope": ["point", "point", "point", "gene"],
        "tier": ["A", "C", "A", "C"],
        "disputed": ["no", "no", "no", "yes"],
        "verification": ["list-verified", "unverified", "unverified (own knowledge)", "verified"],
    }
)
DONOR = (100, 0)


def sites(n, **change):
    frame = pd.DataFrame(
        {
            "chrom": pd.Categorical(["chr1"] * n, dtype=CHROM_DTYPE),
            "start": 1000 + 10 * np.arange(n),
            "ref": "C",
            "alt": "T",
            "context": "ACA",
            "repeat": 1,
            "read_position_z": np.nan,
            "mapping_quality_z": np.nan,
            "base_quality_z": np.nan,
        }
    )
    return frame.assign(**change)


def halves(reads):
    """Return (ref, alt) of a sample by strand: even, unless alt is given as a pair."""
    depth, alt = reads
    alt = alt if isinstance(alt, tuple) else ((alt + 1) // 2, alt // 2)
    return [(depth + 1) // 2 - alt[0], depth // 2 - alt[1]], list(alt)


def counts(rows, roles=("baseline", "own"), donor=True, **change):
    """Return Counts; each row has (depth, alt reads) of each sample."""
    pairs = [[halves(one) for one in row] for row in rows]
    ref = np.array([[pair[0] for pair in row] for row in pairs], np.int32)
    alt = np.array([[pair[1] for pair in row] for row in pairs], np.int32)
    shape = (len(rows), len(roles), 2)
    names = {"own": "L", "baseline": "D", "panel": "P"}
    samples = tuple(f"{names[role]}{at}-p{at}" for at, role in enumerate(roles))
    return Counts(
        sites(len(rows), **change),
        samples,
        tuple(roles),
        tuple(range(len(roles))),
        ref.reshape(shape),
        alt.reshape(shape),
        donor,
    )


def call(given_counts, change=None, **arguments):
    use = {**SETTINGS, **(change or {})}
    model = error_model(given_counts.take(slice(0)), use)
    return call_variants(given_counts, model, use, HOTSPOTS, line="L", **arguments)


def only(calls):
    assert len(calls.variants) == 1
    return calls.variants.iloc[0]
