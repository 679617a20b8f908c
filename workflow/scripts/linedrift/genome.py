"""Builds, chromosomes, arms, bands, pseudoautosomal regions and expected copies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

AUTOSOMES = tuple(f"chr{i}" for i in range(1, 23))
CHROMOSOMES = (*AUTOSOMES, "chrX", "chrY")
CHROM_DTYPE = pd.CategoricalDtype(list(CHROMOSOMES), ordered=True)
# RefSeq's names of the chromosomes, of any version: which build it is, their lengths tell.
_ACCESSION = re.compile(r"NC_0000(0[1-9]|1\d|2[0-4])\.\d+")
# Bits of a position in the number of a place: the longest chromosome is shorter than 2^28.
_PLACE_BITS = 28

# Lengths of the primary chromosomes: the assembly reports of GRCh38.p14 (GCA_000001405.29),
# GRCh37.p13 (GCA_000001405.14) and NCBI36 (hg18); in the order of CHROMOSOMES.
_LENGTHS = {
    "GRCh38": (
        (248956422, 242193529, 198295559, 190214555, 181538259, 170805979)
        + (159345973, 145138636, 138394717, 133797422, 135086622, 133275309)
        + (114364328, 107043718, 101991189, 90338345, 83257441, 80373285)
        + (58617616, 64444167, 46709983, 50818468, 156040895, 57227415)
    ),
    "GRCh37": (
        (249250621, 243199373, 198022430, 191154276, 180915260, 171115067)
        + (159138663, 146364022, 141213431, 135534747, 135006516, 133851895)
        + (115169878, 107349540, 102531392, 90354753, 81195210, 78077248)
        + (59128983, 63025520, 48129895, 51304566, 155270560, 59373566)
    ),
    "hg18": (
        (247249719, 242951149, 199501827, 191273063, 180857866, 170899992)
        + (158821424, 146274826, 140273252, 135374737, 134452384, 132349534)
        + (114142980, 106368585, 100338915, 88827254, 78774742, 76117153)
        + (63811651, 62435964, 46944323, 49691432, 154913754, 57772954)
    ),
}

# Pseudoautosomal regions, 0-based half-open: Genome Reference Consortium, "Human Genome
# Overview"; hg18 from the UCSC table browser (approximate at PAR2, used for sex checks only).
_PSEUDOAUTOSOMAL = {
    "GRCh38": {
        "chrX": ((10000, 2781479), (155701382, 156030895)),
        "chrY": ((10000, 2781479), (56887902, 57217415)),
    },
    "GRCh37": {
        "chrX": ((60000, 2699520), (154931043, 155260560)),
        "chrY": ((10000, 2649520), (59034049, 59363566)),
    },
    "hg18": {
        "chrX": ((0, 2709520), (154584237, 154913754)),
        "chrY": ((0, 2709520), (57443437, 57772954)),
    },
}

# Region of X that Y has too (X-transposed, 99 % alike), GRCh38: doi:10.1093/gigascience/giz074.
# In a man the probes of either read both.
X_TRANSPOSED = (89_140_830, 93_428_068)

_ALIASES = {"hg38": "GRCh38", "GRCh38": "GRCh38", "hg19": "GRCh37", "GRCh37": "GRCh37"} | {
    "b37": "GRCh37",
    "hg18": "hg18",
    "NCBI36": "hg18",
}


@dataclass(frozen=True)
class Build:
    """A reference assembly: its name, chromosome lengths and pseudoautosomal regions."""

    name: str
    lengths: Mapping[str, int]
    pseudoautosomal: Mapping[str, tuple[tuple[int, int], ...]]


BUILDS = {
    name: Build(name, dict(zip(CHROMOSOMES, lengths, strict=True)), _PSEUDOAUTOSOMAL[name])
    for name, lengths in _LENGTHS.items()
}
GRCH38 = BUILDS["GRCh38"]


def build(name: str) -> Build:
    """Return the build of that name or alias (hg38, GRCh37, hg19, b37, NCBI36, ...).

    Raises
    ------
    ValueError
        When no build has that name; the message lists those known.
    """
    try:
        return BUILDS[_ALIASES[name]]
    except KeyError:
        known = ", ".join(sorted(_ALIASES))
        raise ValueError(f"unknown genome build {name!r}; known builds: {known}") from None


def ucsc_chromosome(name: object) -> str | None:
    """Return `name` (``20``, ``chr20``, ``23``, ``NC_000020.11``) in UCSC style, or None.

    GenomeStudio writes XY for pseudoautosomal markers, whose positions are those of X.
    """
    text = str(name).strip()
    if accession := _ACCESSION.fullmatch(text):
        text = str(int(accession[1]))
    text = text[3:] if text.lower().startswith("chr") else text
    text = {"23": "X", "24": "Y", "25": "X", "XY": "X", "x": "X", "y": "Y"}.get(text, text)
    chrom = f"chr{text}"
    return chrom if chrom in CHROMOSOMES else None


def places(loci: pd.DataFrame) -> np.ndarray:
    """Return chromosome and start of each locus as one number (uint64)."""
    code = loci["chrom"].astype(CHROM_DTYPE).cat.codes.to_numpy().astype(np.uint64)
    return (code << np.uint64(_PLACE_BITS)) + loci["start"].to_numpy().astype(np.uint64)


def is_pseudoautosomal(
    chrom: pd.Series | np.ndarray, start: np.ndarray | pd.Series, of: Build = GRCH38
) -> np.ndarray:
    """Return, per locus, whether it lies in a pseudoautosomal region (bool, shape (n,))."""
    names, starts = np.asarray(chrom), np.asarray(start)
    inside = np.zeros(len(starts), dtype=bool)
    for sex_chrom, regions in of.pseudoautosomal.items():
        on = names == sex_chrom
        for first, last in regions:
            inside |= on & (starts >= first) & (starts < last)
    return inside


@dataclass(frozen=True)
class Karyotype:
    """The copies of each chromosome that a cell of this sex is born with.

    `sex` is female, male or unknown; unknown is treated as female on X, with no Y expected.
    """

    sex: str

    def __post_init__(self) -> None:
        if self.sex not in ("female", "male", "unknown"):
            raise ValueError(f"sex is female, male or unknown, not {self.sex!r}")

    def expected_copies(self, chrom: str, pseudoautosomal: bool = False) -> int:
        """Return the germline copy number of `chrom` (0, 1 or 2).

        The two pseudoautosomal regions are present twice in both sexes and are measured on X.
        """
        if chrom == "chrY":
            return 1 if self.sex == "male" and not pseudoautosomal else 0
        if chrom == "chrX" and self.sex == "male" and not pseudoautosomal:
            return 1
        return 2

    def copies_at(self, chrom: pd.Series | np.ndarray, start: np.ndarray | pd.Series) -> np.ndarray:
        """Return the germline copies at each locus of GRCh38 (int8, shape (n,))."""
        names, par = np.asarray(chrom), is_pseudoautosomal(chrom, start)
        copies = np.full(len(names), 2, dtype=np.int8)
        for sex_chrom in ("chrX", "chrY"):
            on = names == sex_chrom
            copies[on & ~par] = self.expected_copies(sex_chrom)
            copies[on & par] = self.expected_copies(sex_chrom, pseudoautosomal=True)
        return copies


def arms(bands: pd.DataFrame) -> pd.DataFrame:
    """Return the chromosome arms that a table of cytogenetic bands implies.

    Parameters
    ----------
    bands
        UCSC cytoBand: chrom, start, end, band, stain (0-based half-open).

    Returns
    -------
    pandas.DataFrame
        chrom, arm (p or q), start, end: one row per arm, in genome order. The centromere
        belongs half to p and half to q, as in the band names p11 and q11.
    """
    arm = bands["band"].str[0].rename("arm")
    spans = bands.groupby(["chrom", arm], observed=True).agg(
        start=("start", "min"), end=("end", "max")
    )
    return (
        spans.reset_index()
        .astype({"chrom": CHROM_DTYPE})
        .sort_values(["chrom", "start"], ignore_index=True)
    )


def centromeres(bands: pd.DataFrame) -> pd.DataFrame:
    """Return chrom, start, end of the centromere of each chromosome (stain ``acen``)."""
    acen = bands[bands["stain"] == "acen"]
    spans = acen.groupby("chrom", observed=True).agg(start=("start", "min"), end=("end", "max"))
    return (
        spans.reset_index().astype({"chrom": CHROM_DTYPE}).sort_values("chrom", ignore_index=True)
    )


def band_of(bands: pd.DataFrame, chrom: str, start: int, end: int) -> str:
    """Return the ISCN band of an interval: ``20q11.21``, ``17p13.3p11.2`` or ``12``.

    Two bands are juxtaposed from pter to qter (ISCN 2024, 4.4.4d); a whole chromosome
    (nine tenths of it or more) is named by its number alone.
    """
    own = bands[bands["chrom"] == chrom]
    number = chrom.removeprefix("chr")
    if own.empty:
        return number
    if end - start >= 0.9 * (own["end"].max() - own["start"].min()):
        return number
    hit = own[(own["end"] > start) & (own["start"] < end)]
    if hit.empty:
        return number
    first, last = hit["band"].iloc[0], hit["band"].iloc[-1]
    return f"{number}{first}" if first == last else f"{number}{first}{last}"
