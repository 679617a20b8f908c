"""A methylation array that behaves like a real one, with planted truth: functions of a seed.

Chain: `probes` (where they lie and what they are) -> `platform` (what all arrays of one type
share) -> `methylome` (the methylation of a culture) -> `measure` (what the scanner reports).
`idat_values` and `manifest` turn a measurement into what IDAT files and their manifest hold, and
`cytosines` is the same culture by bisulfite sequencing.

Against six blood samples on 450k arrays (wateRmelon's melon, 3,363 probes, not normalised), with
the defaults and arrays whose colours differ by .2 (log2, sd):

                                                real            simulated
median of M + U, autosomes                      7,600           7,900
sd of log2(M + U) between probes                1.02-1.09       .97-.98
correlation of it between arrays                .983-.989       .963-.973
difference of two arrays, sd                    .16-.20         .22-.27
the same by median absolute deviation           .10-.16         .13-.22
X of women over X of men (log2)                 .60             .67
the same, background taken off                  .74             .74
slope of log2(M + U) on beta, by type           -.6 to .3       -.3 to .2
beta of SNP probes                              .10 .52 .92     .06 .50 .94
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import library_path  # noqa: F401
import numpy as np
import pandas as pd
from linedrift.genome import CHROM_DTYPE, Karyotype, is_pseudoautosomal
from linedrift.methylation_tables import DESIGNS, PROBES, SNP_PROBES
from linedrift.tables import conform
from simulate_array import Event, allele_doses, loci, smooth_field

# Probes of a cluster (an island, a promoter), on average, and bp between neighbours in it.
CLUSTER, APART = 4, 300
# Chemistry of an EPIC array: 16 % of Infinium I, two thirds of them red.
DESIGN_SHARES = {"I_red": 0.107, "I_green": 0.053, "II": 0.84}
# Share of the clusters, mean and sd of the logit of beta, and share that a cell type changes.
CLASSES = {
    "island": (0.40, -3.0, 0.6, 0.06),
    "shore": (0.25, 0.0, 1.8, 0.35),
    "open": (0.35, 2.0, 0.7, 0.25),
}
CELLS = ("stem", "fibroblast", "blood")
# log2 of the efficiency of the methylated over the unmethylated signal, by type: M + U changes
# with methylation by as much. Each probe has its own beside (sd).
EFFICIENCY, EFFICIENCY_SD = {"I_red": -0.10, "I_green": -0.25, "II": 0.20}, 0.25
# log2 of M + U over log2 of copies, without background: X of women over X of men on melon.
RESPONSE = 0.74
MEDIAN, PROBE_SD = 7300.0, 1.05
# Background of each colour, and its sd.
BACKGROUND, BACKGROUND_SD = {"green": 250.0, "red": 400.0}, 80.0
# Share of the methylation of an island on the inactive X; XIST is the reverse.
INACTIVE = 0.75


def probes(
    rng: np.random.Generator,
    *,
    chromosomes: Sequence[str] | None = None,
    per_mb: float = 280,
    bands: pd.DataFrame | None = None,
    regions: pd.DataFrame | None = None,
    snps: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the probes of an array type, in genome order.

    Parameters
    ----------
    chromosomes, bands
        As of `simulate_array.loci`.
    per_mb
        280 gives the 850,000 probes of an EPIC array.
    regions
        chrom, start, end, region, kind (imprinted, or else a class of CLASSES): ten probes in
        each, on any chromosome.
    snps
        chrom, start, end, name, design of the probes of SNPs.

    Returns
    -------
    pandas.DataFrame
        chrom, start, end, name, design, kind (island, shore, open, imprinted, x_island, xist,
        snp), cluster (number), region ('' outside of those given).
    """
    centres = loci(rng, chromosomes=chromosomes, per_mb=per_mb / CLUSTER, bands=bands)
    size = rng.geometric(1 / CLUSTER, len(centres))
    row = np.repeat(np.arange(len(centres)), size)
    step = rng.integers(2, 2 * APART, len(row))
    begun = np.cumsum(step) - step
    within = begun - np.repeat(begun[np.cumsum(size) - size], size)
    shares = [figures[0] for figures in CLASSES.values()]
    kind = rng.choice(list(CLASSES), len(centres), p=shares)
    found = pd.DataFrame(
        {
            "chrom": centres["chrom"].astype(str).to_numpy()[row],
            "start": centres["start"].to_numpy()[row] + within,
            "kind": kind[row],
            "region": "",
        }
    )
    parts = [found] if regions is None else [_in_regions(regions), found]
    found = pd.concat(parts, ignore_index=True)
    on_x = (found["chrom"] == "chrX") & (found["kind"] == "island")
    # Both copies of the pseudoautosomal regions are active.
    paired = is_pseudoautosomal(found["chrom"].to_numpy(str), found["start"])
    found.loc[on_x & ~paired, "kind"] = "x_island"
    found["design"] = rng.choice(
        list(DESIGN_SHARES), len(found), p=np.array(list(DESIGN_SHARES.values()))
    )
    found["name"] = ""
    if snps is not None:
        named = snps[["chrom", "start", "name", "design"]].assign(kind="snp", region="")
        found = pd.concat([named, found], ignore_index=True)
    return _numbered(found)


def _in_regions(regions: pd.DataFrame, each: int = 10) -> pd.DataFrame:
    """Return `each` probes evenly within each region."""
    at = (np.arange(each) + 0.5) / each
    length = (regions["end"] - regions["start"]).to_numpy()
    start = regions["start"].to_numpy()[:, None] + (length[:, None] * at).astype(int)
    return pd.DataFrame(
        {
            "chrom": np.repeat(regions["chrom"].astype(str).to_numpy(), each),
            "start": start.ravel(),
            "kind": np.repeat(regions["kind"].to_numpy(), each),
            "region": np.repeat(regions["region"].to_numpy(), each),
        }
    )


def _numbered(found: pd.DataFrame) -> pd.DataFrame:
    """Return probes in genome order, no two of one CpG, named and with their clusters."""
    found = found.astype({"chrom": CHROM_DTYPE, "design": DESIGNS})
    found = found.sort_values(["chrom", "start"], kind="stable")
    # A CpG has two bases; SNPs and regions, which come first, keep their places.
    given = (found["name"] != "") | (found["region"] != "")
    near = (found["start"].diff() < 2) & (found["chrom"] == found["chrom"].shift())
    near |= (found["start"].diff(-1) > -2) & (found["chrom"] == found["chrom"].shift(-1))
    found = found[given | ~near].drop_duplicates(["chrom", "start"]).reset_index(drop=True)
    found["start"] = found["start"].astype("int32")
    found["end"] = found["start"] + np.int32(1)
    number = pd.Series(np.arange(len(found))).map("cg{:08d}".format)
    found["name"] = found["name"].where(found["name"] != "", number)
    gap = (found["start"].diff() > 3 * APART) | (found["chrom"] != found["chrom"].shift())
    found["cluster"] = (gap | (found["kind"] != found["kind"].shift())).cumsum()
    return found


def snp_probes(
    rng: np.random.Generator, loci: pd.DataFrame, platform: pd.DataFrame, n: int = 59
) -> pd.DataFrame:
    """Return SNPs of a SNP array that the array for methylation has probes of, too.

    Autosomal, and common: which tells people apart. In the columns of
    resources/methylation_snp_probes.tsv, in genome order.
    """
    common = platform["b_frequency"].between(0.35, 0.65) & ~platform["intensity_only"]
    usable = np.flatnonzero(common & ~loci["chrom"].isin(["chrX", "chrY"]))
    chosen = loci.iloc[np.sort(rng.choice(usable, n, replace=False))]
    design = rng.choice(["II", "I_red", "I_green"], n, p=[0.65, 0.22, 0.13])
    return pd.DataFrame(
        {
            **{name: chosen[name].to_numpy() for name in ("chrom", "start", "end")},
            "name": [f"rs99{k:05d}" for k in range(n)],
            "ref": "A",
            "alt": "G",
            "design": design,
            "methylated_allele": np.where(design == "II", "B", "A"),
            "basis": "made up",
            "source": "demo",
        }
    )


def snp_doses(known: pd.DataFrame, loci: pd.DataFrame, haplotypes: np.ndarray) -> np.ndarray:
    """Return the copies of the allele that reads as methylated at each row of `snp_probes`.

    `haplotypes` are those of `simulate_array.person` at `loci`.
    """
    at = known[["chrom", "start"]].merge(
        loci[["chrom", "start"]].assign(row=np.arange(len(loci))), how="left", validate="1:1"
    )
    dose_b = haplotypes[at["row"].to_numpy()].sum(axis=1)
    return np.where(known["methylated_allele"] == "B", dose_b, 2 - dose_b)


def platform(rng: np.random.Generator, probes: pd.DataFrame) -> pd.DataFrame:
    """Return what all arrays of a type share, one row per probe.

    Columns: level (log2 of the signal), efficiency (log2, methylated over unmethylated), scale
    (of the random part), wave (smooth, sd 1), and the methylation (logit) of each of CELLS.
    """
    n = len(probes)
    kind = probes["kind"].to_numpy()
    efficiency = probes["design"].astype(str).map(EFFICIENCY).to_numpy()
    scale = np.exp(rng.normal(0, 0.35, n))
    found = pd.DataFrame(
        {
            "level": PROBE_SD * rng.normal(size=n),
            "efficiency": efficiency + EFFICIENCY_SD * rng.normal(size=n),
            "scale": scale / np.sqrt(np.mean(scale**2)),
            "wave": smooth_field(rng, probes),
        }
    )
    cluster = probes["cluster"].to_numpy()
    cluster = cluster - cluster[0] if n else cluster
    figures = {**CLASSES, "x_island": CLASSES["island"]}
    mean, sd, changed = (
        np.array([figures.get(one, (0, 0.0, 0.1, 0.0))[k] for one in kind]) for k in (1, 2, 3)
    )
    of_cluster = rng.normal(size=cluster[-1] + 1 if n else 0)
    base = mean + sd * (0.9 * of_cluster[cluster] + 0.45 * rng.normal(size=n))
    for cell in CELLS:
        draw, size = rng.random(len(of_cluster)), 2 * rng.normal(size=len(of_cluster))
        other = np.where(draw[cluster] < changed, size[cluster], 0.0)
        found[cell] = base if cell == "stem" else base + other
    return found


def methylome(
    probes: pd.DataFrame,
    platform: pd.DataFrame,
    cell: str,
    sex: str,
    *,
    person: int,
    line: int = 0,
    passage: int = 0,
    regions: Mapping[str, float] | None = None,
    erosion: float = 0.0,
    genotypes: np.ndarray | None = None,
) -> np.ndarray:
    """Return the methylation of a culture at each probe, 0 to 1, float64 (n,).

    Parameters
    ----------
    cell
        One of CELLS: what the donor gave, or what a line is.
    person, line
        Seeds of what is a person's own (sd .15 of the logit) and of what a line drifts by.
    passage
        A tenth of the shores and of the open sea drift, by .03 of the logit a passage (sd).
    regions
        Methylation of regions that lost (or keep) their imprint: region -> beta.
    erosion
        Share of the inactive X that was lost to methylation: islands lose it, XIST gains it.
    genotypes
        Copies of the allele that reads as methylated, at the probes of kind snp, in order.
    """
    own, drift = np.random.default_rng([person, 1]), np.random.default_rng([line, 2])
    n = len(probes)
    kind = probes["kind"].to_numpy()
    free = np.isin(kind, ["shore", "open"])
    drifts = free & (drift.random(n) < 0.1)
    logit = platform[cell].to_numpy() + 0.15 * own.normal(size=n)
    logit = logit + np.where(drifts, 0.03 * passage * drift.normal(size=n), 0.0)
    beta = 1 / (1 + np.exp(-logit))
    two = sex == "female"
    inactive = INACTIVE * (1 - erosion)
    island = kind == "x_island"
    beta[island] = beta[island] * (0.5 if two else 1) + (inactive / 2 if two else 0)
    beta[kind == "xist"] = 0.5 + 0.43 * erosion if two else 0.93
    for region, value in (regions or {}).items():
        here = (probes["region"] == region).to_numpy()
        beta[here] = np.clip(value + 0.03 * own.normal(size=here.sum()), 0.02, 0.98)
    if genotypes is not None:
        beta[kind == "snp"] = np.array([0.03, 0.5, 0.97])[np.asarray(genotypes)]
    return beta


def copies(probes: pd.DataFrame, sex: str, events: Sequence[Event] = ()) -> np.ndarray:
    """Return the mean copies of each probe in the cells of a culture, float64 (n,)."""
    born = Karyotype(sex).copies_at(probes["chrom"], probes["start"])
    haplotypes = np.where(np.arange(2) < born[:, None], 0, -1).astype(np.int8)
    return allele_doses(probes, haplotypes, events)[0]


def measure(
    rng: np.random.Generator,
    probes: pd.DataFrame,
    platform: pd.DataFrame,
    beta: np.ndarray,
    copies: np.ndarray,
    *,
    noise_sd: float = 0.10,
    wave_sd: float = 0.02,
    brightness: float = 1.0,
    green_over_red: float = 1.0,
    failed: float = 0.001,
) -> pd.DataFrame:
    """Return what the scanner sees of each probe: own and other colour, before any correction.

    Parameters
    ----------
    beta, copies
        Of `methylome` and `copies`.
    noise_sd
        Random part of log2(M + U), with tails (t with four degrees of freedom).
    wave_sd
        Smooth waves along the genome; half of their variance is the platform's, of either sign.
    brightness, green_over_red
        Of the array, as factors.
    failed
        Share of probes that hybridised nothing.

    Returns
    -------
    pandas.DataFrame
        chrom, start, end, name, design, kind, methylated, unmethylated, and at Infinium I
        other_methylated, other_unmethylated: the same beads in the colour that they do not use;
        beads.
    """
    n = len(probes)
    wave = rng.choice([-1.0, 1.0]) * platform["wave"].to_numpy() + smooth_field(rng, probes)
    level = platform["level"].to_numpy() + wave_sd * wave / np.sqrt(2)
    level = level + RESPONSE * np.log2(np.maximum(copies, 0.005) / 2)
    level += noise_sd * platform["scale"].to_numpy() * rng.standard_t(4, n) / np.sqrt(2)
    signal = MEDIAN * brightness * 2.0**level * (rng.random(n) >= failed)
    green = np.sqrt(green_over_red)
    design = probes["design"].astype(str).to_numpy()
    colours = {
        "methylated": np.where(design == "I_red", "red", "green"),
        "unmethylated": np.where(design == "I_green", "green", "red"),
    }
    half = platform["efficiency"].to_numpy() / 2
    found = probes[["chrom", "start", "end", "name", "design", "kind"]].copy()
    for channel, share, gain in (
        ("methylated", beta, 2.0**half),
        ("unmethylated", 1 - beta, 2.0**-half),
    ):
        colour = colours[channel]
        tint = np.where(colour == "green", green, 1 / green)
        own = signal * share * gain * tint * 2.0 ** (0.05 * rng.normal(size=n))
        found[channel] = own + _background(rng, colour)
        other = np.where(colour == "green", "red", "green")
        spill = 0.02 * own + _background(rng, other)
        found[f"other_{channel}"] = np.where(design == "II", np.nan, spill)
    found["beads"] = rng.poisson(13, n)
    return found


def _background(rng: np.random.Generator, colour: np.ndarray) -> np.ndarray:
    mean = np.where(colour == "green", BACKGROUND["green"], BACKGROUND["red"])
    return np.maximum(20.0, mean + BACKGROUND_SD * rng.normal(size=len(colour)))


def tables_of(measured: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (PROBES, SNP_PROBES) of a measurement, its mean background taken off.

    What a reader of IDAT with normalisation gives, in short; for tests and benchmarks.
    """
    design = measured["design"].astype(str).to_numpy()
    green = {"methylated": design != "I_red", "unmethylated": design == "I_green"}
    values = {
        channel: np.maximum(
            1.0,
            measured[channel] - np.where(of, BACKGROUND["green"], BACKGROUND["red"]),
        )
        for channel, of in green.items()
    }
    total = values["methylated"] + values["unmethylated"]
    beta = values["methylated"] / (total + 100)
    found = measured.assign(**values, beta=beta, usable=True)
    # Six sd of a background in each channel.
    found["detection_p"] = np.where(total > 6 * BACKGROUND_SD, 0.0, 0.5)
    found.loc[found["detection_p"] > 0.01, "beta"] = np.nan
    snp = (measured["kind"] == "snp").to_numpy()
    return conform(found[~snp].reset_index(drop=True), PROBES), conform(
        found[snp].reset_index(drop=True), SNP_PROBES
    )


def addresses(rng: np.random.Generator, probes: pd.DataFrame) -> pd.DataFrame:
    """Return the addresses of each probe on the chip: address_a, and address_b of Infinium I.

    Infinium II has one address, read in both colours; I has the unmethylated bead type at A and
    the methylated one at B.
    """
    n = len(probes)
    chosen = 10_600_000 + rng.choice(20 * n + 100, 2 * n, replace=False)
    two = (probes["design"] != "II").to_numpy()
    return probes.assign(
        address_a=chosen[:n], address_b=pd.array(np.where(two, chosen[n:], -1), dtype="int64")
    )


def idat_values(measured: pd.DataFrame, placed: pd.DataFrame) -> pd.DataFrame:
    """Return what the two IDAT files of a measurement hold: address, green, red, beads.

    Parameters
    ----------
    measured, placed
        Of `measure` and `addresses`, the same probes.
    """
    of = {name: measured[name].to_numpy() for name in ("methylated", "unmethylated", "beads")}
    other = {name: measured[f"other_{name}"].to_numpy() for name in ("methylated", "unmethylated")}
    design = measured["design"].astype(str).to_numpy()
    two, red = design == "II", design == "I_red"
    parts = [(placed["address_a"].to_numpy()[two], of["methylated"][two], of["unmethylated"][two])]
    beads = [of["beads"][two]]
    for column, channel in (("address_a", "unmethylated"), ("address_b", "methylated")):
        own, rest = of[channel][~two], other[channel][~two]
        green = np.where(red[~two], rest, own)
        parts.append((placed[column].to_numpy()[~two], green, np.where(red[~two], own, rest)))
        beads.append(of["beads"][~two])
    address, green, red_ = (np.concatenate(values) for values in zip(*parts, strict=True))
    found = pd.DataFrame({"address": address, "green": green, "red": red_})
    found["beads"] = np.concatenate(beads)
    limit = 2**16 - 1
    for colour in ("green", "red"):
        found[colour] = np.clip(np.rint(found[colour]), 0, limit).astype("uint16")
    return found.sort_values("address", ignore_index=True)


def manifest(placed: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the manifest of an array type, in the columns of Illumina's CSV files."""
    design = placed["design"].astype(str)
    colour = design.map({"I_red": "Red", "I_green": "Grn", "II": ""})
    two = (design != "II").to_numpy()
    return pd.DataFrame(
        {
            "IlmnID": placed["name"],
            "Name": placed["name"],
            "AddressA_ID": placed["address_a"],
            "AddressB_ID": np.where(two, placed["address_b"].astype(str), ""),
            "Infinium_Design_Type": np.where(two, "I", "II"),
            "Color_Channel": colour,
            "CHR": placed["chrom"].astype(str).str.removeprefix("chr"),
            "MAPINFO": placed["start"] + 1,
            "Genome_Build": "38",
        }
    )


def cytosines(
    rng: np.random.Generator,
    probes: pd.DataFrame,
    beta: np.ndarray,
    copies: np.ndarray,
    *,
    depth: float = 12.0,
    wave_sd: float = 0.03,
    conversion: float = 0.995,
) -> pd.DataFrame:
    """Return reads at the CpGs of a culture: chrom, start, methylated, unmethylated (reads).

    Depth follows the copies, waves, and 25 % more of overdispersion; unconverted cytosines read
    as methylated. CpGs without a read are left out, as Bismark leaves them out.
    """
    wave = 2.0 ** (wave_sd * smooth_field(rng, probes))
    mean = depth * copies / 2 * wave * rng.gamma(16, 1 / 16, len(probes))
    reads = rng.poisson(mean)
    seen = beta + (1 - beta) * (1 - conversion)
    methylated = rng.binomial(reads, np.clip(seen, 0, 1))
    found = probes[["chrom", "start"]].assign(
        methylated=methylated, unmethylated=reads - methylated
    )
    return found[(reads > 0) & (probes["kind"] != "snp").to_numpy()].reset_index(drop=True)


def write_bismark(path: Path, found: pd.DataFrame) -> None:
    """Write reads at CpGs as a coverage file of Bismark (1-based, percent, no header)."""
    total = found["methylated"] + found["unmethylated"]
    rows = pd.DataFrame(
        {
            "chrom": found["chrom"].astype(str),
            "start": found["start"] + 1,
            "end": found["start"] + 1,
            "percent": (100 * found["methylated"] / total).round(6),
            "methylated": found["methylated"],
            "unmethylated": found["unmethylated"],
        }
    )
    # Without the time in the head of gzip: equal input gives equal bytes.
    packed = {"method": "gzip", "mtime": 0} if path.suffix == ".gz" else None
    rows.to_csv(path, sep="\t", header=False, index=False, compression=packed)
