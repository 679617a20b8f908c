"""Small methylomes with planted truth: probes with noise, fragments of sequenced DNA."""

import numpy as np
import pandas as pd
import yaml
from linedrift.genome import CHROM_DTYPE
from linedrift.methylation_tables import CYTOSINES, PROBES
from linedrift.readouts.methylation_measures import Curated
from linedrift.tables import check


def settings(repository):
    """Return methylation.measures of the shipped config."""
    text = (repository / "config" / "config.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["methylation"]["measures"]


def curated(repository):
    """Return the shipped curated tables."""
    folder = repository / "resources"
    return Curated(
        pd.read_csv(folder / "imprinted_dmrs.tsv", sep="\t"),
        pd.read_csv(folder / "methylation_drift_loci.tsv", sep="\t"),
    )


def probes(chrom, start, beta):
    """Return PROBES at these places with these betas, without intensities."""
    frame = pd.DataFrame(
        {
            "chrom": pd.Categorical(np.broadcast_to(chrom, len(start)), dtype=CHROM_DTYPE),
            "start": start,
            "end": np.asarray(start) + 1,
            "name": [f"cg{at:08d}" for at in range(len(start))],
            "design": None,
            "beta": np.clip(beta, 0, 1),
            "methylated": np.nan,
            "unmethylated": np.nan,
            "detection_p": np.nan,
            "beads": np.nan,
            "usable": True,
        }
    )
    return check(frame.sort_values(["chrom", "start"], ignore_index=True), PROBES)


def cytosines(chrom, start, methylated, unmethylated):
    """Return CYTOSINES at these places with these reads."""
    frame = pd.DataFrame(
        {
            "chrom": pd.Categorical(np.broadcast_to(chrom, len(start)), dtype=CHROM_DTYPE),
            "start": start,
            "end": np.asarray(start) + 1,
            "methylated": methylated,
            "unmethylated": unmethylated,
        }
    )
    return check(frame.sort_values(["chrom", "start"], ignore_index=True), CYTOSINES)


def together(*frames):
    """Return loci of several frames in genome order."""
    both = pd.concat(frames).astype({"chrom": CHROM_DTYPE})
    return both.sort_values(["chrom", "start"], ignore_index=True)


def region_probes(rng, regions, beta_of, n=12, sd=0.08, usual=0.5):
    """Return `n` probes in each region around its planted beta (`usual` where none is given)."""
    chroms, starts, betas = [], [], []
    for row in regions.to_dict("records"):
        length = row["end"] - row["start"]
        many = min(n, length)
        beta = rng.normal(beta_of.get(row["region"], usual), sd if many > 1 else 0.02, many)
        starts.extend(row["start"] + (np.arange(many) + rng.random(many)) * length // many)
        chroms.extend([row["chrom"]] * many)
        betas.extend(beta)
    return probes(chroms, np.array(starts, dtype=np.int64), np.array(betas))


def fragments(rng, start, share, depth, length=150):
    """Return methylated and unmethylated reads of CpGs from fragments that are all or nothing.

    Every fragment is methylated at all of its CpGs with the probability `share` of its middle
    one, as reads of an imprinted region are; neighbours share their fragments.
    """
    first, last = int(start[0]), int(start[-1])
    n = rng.poisson(depth * (last - first + length) / length)
    begin = rng.integers(first - length, last + 1, n)
    low, high = np.searchsorted(start, [begin, begin + length])
    middle = ((low + high) // 2).clip(0, len(start) - 1)
    state = rng.random(n) < np.broadcast_to(share, len(start))[middle]
    counts = np.zeros((2, len(start) + 1), dtype=np.int64)
    for row, kept in enumerate((state, ~state)):
        np.add.at(counts[row], low[kept], 1)
        np.add.at(counts[row], high[kept], -1)
    methylated, unmethylated = counts.cumsum(axis=1)[:, :-1]
    return methylated, unmethylated


def shuffled(frame, rng):
    """Return the rows in another order."""
    return frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)
