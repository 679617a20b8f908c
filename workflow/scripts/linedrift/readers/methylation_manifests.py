"""Manifests of methylation arrays: names, addresses, chemistry and places of their probes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from linedrift import genome, tables
from linedrift.methylation_tables import DESIGNS, MANIFEST, PROBE_KINDS
from linedrift.readers import delimited, layouts, liftover, methylation_masks
from linedrift.readers.files import ReadingError, check_presence, head, listed

# Titles without case, spaces and punctuation: Illumina's manifests of 27k, 450k, EPIC v1 and v2,
# and tables of addresses as they are shared (Probe_ID, M, U, DESIGN, COLOR_CHANNEL, col).
_TITLES = {
    "name": ("ilmnid", "probeid", "name", "probe", "id", "targetid", "cg", "idref"),
    "address_a": ("addressaid", "addressa", "u"),
    "address_b": ("addressbid", "addressb", "m"),
    "design": ("infiniumdesigntype", "infiniumdesign", "design", "designtype", "type"),
    "colour": ("colorchannel", "channel", "color", "col"),
    "next_base": ("nextbase",),
    "stated": ("genomebuild",),
    "snp_distance": ("snpdistance",),
    "snp_frequency": ("snpminorallelefrequency",),
}
# Columns of places, first those that state GRCh38: chromosome, position, and what one takes off
# it for a 0-based start. None: `_first_base` tells.
_PLACES: tuple[tuple[str, str, int | None], ...] = (
    ("chrhg38", "starthg38", 0),
    ("chr", "mapinfo", 1),
    ("chrom", "mapinfo", 1),
    ("cpgchrm", "cpgbeg", 0),
    ("chrom", "chromstart", 0),
    ("chrom", "pos", 1),
    ("chr", "pos", 1),
    ("chrom", "position", 1),
    ("chr", "position", 1),
    ("chromosome", "position", 1),
    ("chrom", "start", None),
    ("chr", "start", None),
    ("seqnames", "start", None),
)
_BUILDS = {"36": "hg18", "36.1": "hg18", "37": "GRCh37", "38": "GRCh38"}
# EPIC v2 names replicates cg..._TC11: strand, converted or opposite, chemistry, replicate.
_SUFFIX = r"_[TB][CO]\d{2,}$"
_COLOURS = {"red": "I_red", "r": "I_red", "grn": "I_green", "green": "I_green", "g": "I_green"}
_ONE, _TWO = ("i", "ir", "ig", "1"), ("ii", "2")
# Base that is added -> colour: A and T carry the red dye, C and G the green one.
_BASE_COLOURS = {"a": "I_red", "t": "I_red", "c": "I_green", "g": "I_green"}
# Above this share of places beyond the ends of chromosomes the build is another one.
_MOST_BEYOND = 0.001
_MOST_OTHER = 0.5


@dataclass(frozen=True)
class Manifest:
    """What a manifest says: `probes` (frame of MANIFEST, GRCh38) and `facts` about its reading.

    `facts` counts the CpG probes without a place: n_no_position, n_other_contig,
    n_beyond_chromosome, n_unmapped (not lifted); they stay in `probes` without a chromosome. Of
    what is masked: n_masked_listed by the mask, n_masked_snp by a SNP (None where not known).
    """

    path: str
    probes: pd.DataFrame
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def has_addresses(self) -> bool:
        """Whether an IDAT can be read with it."""
        return bool((self.probes["address_a"] > 0).any())


def read(
    path: str,
    *,
    build: str = "GRCh38",
    chains: Mapping[str, str] = MappingProxyType({}),
    positions: str = "",
    mask: str = "",
    settings: Mapping[str, Any] | None = None,
) -> Manifest:
    """Read the manifest of a methylation array.

    Parameters
    ----------
    path
        Illumina's CSV manifest, or a table with a column of names (Probe_ID, IlmnID, Name) and,
        as far as they are known, addresses (AddressA_ID, AddressB_ID, or U, M), chemistry
        (Infinium_Design_Type, DESIGN), colour (Color_Channel, col) and places; may be gzip.
    build
        Build of the places.
    chains
        Chain files to GRCh38 by name of build.
    positions
        Table with names and places for a manifest that has none, or whose places shall not be
        used.
    mask
        Probes that must not be used (`methylation_masks.read`).
    settings
        Section `methylation.arrays` of the config, which says what SNP masks a probe; None: none.

    Raises
    ------
    ReadingError
        When a file is no manifest, is cut, or its places are of another build; or where a mask
        is of another array.
    """
    of = genome.build(build)
    rows = _read_rows(path)
    frame = _chemistry(rows)
    facts: dict[str, Any] = {"manifest": Path(path).name, "build": of.name}
    source = _read_rows(positions) if positions else rows
    chrom, start = _places(source, of, facts)
    if positions:
        facts["positions"] = Path(positions).name
        chrom, start = _joined(frame, source, chrom, start)
    cg = (frame["kind"] == "cg").to_numpy()
    chrom, start = _on_grch38(source.path, chrom, start, cg, of, chains, facts)
    frame["chrom"] = pd.Categorical.from_codes(chrom, dtype=genome.CHROM_DTYPE)
    frame["start"] = np.where(chrom >= 0, start, -1)
    frame["masked"] = _masked(frame, rows, mask, settings, facts)
    facts |= {"n_probes": len(frame), "n_controls": len(rows.controls)}
    if len(rows.controls):
        frame = pd.concat([frame, rows.controls], ignore_index=True)
    return Manifest(str(path), tables.check(frame, MANIFEST), facts)


@dataclass(frozen=True)
class _Rows:
    """Rows of a table as texts, by place of the column; the column of each role; the controls."""

    path: str
    columns: tuple[str, ...]
    table: pa.Table
    roles: Mapping[str, int]
    controls: pd.DataFrame

    @property
    def titles(self) -> list[str]:
        """Titles without case, spaces and punctuation."""
        return [layouts.normal(title) for title in self.columns]

    def texts(self, role: str) -> pa.Array:
        """Return the texts of a role without blanks around them; empty where it has no column."""
        if role not in self.roles:
            return pa.array(np.full(self.table.num_rows, ""), pa.string())
        return self.at(self.roles[role])

    def at(self, column: int) -> pa.Array:
        """Return the texts of a column."""
        return pc.utf8_trim_whitespace(delimited.as_text(self.table[f"column:{column}"]))


def _read_rows(path: str) -> _Rows:
    """Read the columns of a manifest that are known, and its controls."""
    check_presence(path)
    found = layouts.plain(path, "the manifest of a methylation array")
    titles = [layouts.normal(title) for title in found.columns]
    roles = {}
    for role, names in _TITLES.items():
        at = next((titles.index(one) for one in names if one in titles), None)
        if at is not None:
            roles[role] = at
    if "name" not in roles:
        raise ReadingError(
            f"{path}: has no column of probes; expected Probe_ID, IlmnID or Name, found "
            f"{listed(list(found.columns), 12)}. Give the manifest of the array"
        )
    places = {titles.index(one) for pair in _PLACES for one in pair[:2] if one in titles}
    # Controls stand in the first four columns, whatever those are called.
    wanted = sorted({*roles.values(), *places, *range(min(4, len(titles)))})
    by_place = dataclasses.replace(found, roles={f"column:{at}": at for at in wanted})
    behind: list[pcsv.InvalidRow] = []
    table = pa.Table.from_batches(
        delimited.batches(path, by_place, tuple(by_place.roles), until="[Controls]", skipped=behind)
    )
    table, controls = _without_controls(table, behind)
    if table.num_rows == 0:
        raise ReadingError(f"{path}: has columns but no probes; fetch it again")
    if controls.empty:
        _check_count(path, table.num_rows)
    return _Rows(path, found.columns, table, roles, controls)


def _without_controls(
    table: pa.Table, behind: Sequence[pcsv.InvalidRow]
) -> tuple[pa.Table, pd.DataFrame]:
    """Return the rows before [Controls], and the controls: from rows, or what was `behind` them."""
    end = pc.index(table["column:0"], pa.scalar(b"[Controls]")).as_py()
    begin = end + 1
    if end < 0 and behind:
        # [Controls] has fewer fields than rows, but controls may have as many: they are numbers.
        number = pc.match_substring_regex(delimited.as_text(table["column:0"]), r"^\s*\d+\s*$")
        begin = end = pc.index(number, pa.scalar(True)).as_py()
    lines = [layouts.split(str(row.text), ",")[:4] for row in behind[1:]]
    fields = [tuple(line) for line in lines if len(line) == 4]
    if end >= 0:
        rows = table.slice(begin)
        columns = [delimited.as_text(rows[f"column:{at}"]).to_pylist() for at in range(4)]
        fields += zip(*columns, strict=True)
        table = table.slice(0, end)
    return table, _controls(fields)


def _controls(fields: Sequence[tuple[str, ...]]) -> pd.DataFrame:
    """Return controls (address, kind, colour, name) as rows of MANIFEST."""
    known = [one for one in fields if one[0].strip().isdigit()]
    frame = pd.DataFrame(known, columns=["address_a", "locus", "colour", "name"], dtype="str")
    return tables.conform(
        frame.assign(
            address_a=frame["address_a"].astype("int64"),
            locus=frame["locus"].str.strip().str.upper(),
            kind="control", chrom=None, start=-1, design=None, address_b=0, next_base="",
            masked=False,
        ),
        MANIFEST,
    )  # fmt: skip


def _check_count(path: str, n: int) -> None:
    """Raise ReadingError where Illumina's heading says more loci than there are rows.

    Asked where no controls stand behind the probes; where they do, the file is whole, whatever
    its heading says.
    """
    said = re.search(rb"(?im)^\"?Loci Count\"?\s*,\s*(\d+)", head(path, 1 << 12))
    if said and n < int(said[1]):
        raise ReadingError(
            f"{path}: is cut: found {n:,} probes behind [Assay], its heading says "
            f"{int(said[1]):,}. Fetch it again"
        )


def _chemistry(rows: _Rows) -> pd.DataFrame:
    """Return names, kinds, addresses and chemistry of the probes, as columns of MANIFEST."""
    name = rows.texts("name")
    locus = pc.replace_substring_regex(name, _SUFFIX, "")
    a, b = _addresses(rows, "address_a"), _addresses(rows, "address_b")
    return pd.DataFrame(
        {
            "name": name.to_pandas(),
            "locus": locus.to_pandas(),
            "kind": _kinds(name),
            "design": _designs(rows, b),
            "address_a": a,
            "address_b": b,
            "next_base": pc.utf8_upper(rows.texts("next_base")).to_pandas(),
        }
    )


def _masked(
    frame: pd.DataFrame,
    rows: _Rows,
    mask: str,
    settings: Mapping[str, Any] | None,
    facts: dict[str, Any],
) -> np.ndarray:
    """Return which probes must not be used (bool), and count them; those that read SNPs may."""
    meant = (frame["kind"] != "rs").to_numpy()
    on_list, on_snp = np.zeros((2, len(frame)), dtype=bool)
    if mask:
        on_list = methylation_masks.read(mask, frame["name"], frame["locus"]) & meant
        facts["mask"] = Path(mask).name
    known = {"snp_distance", "snp_frequency"} <= rows.roles.keys() and settings is not None
    if known and settings is not None:
        texts = rows.texts("snp_distance"), rows.texts("snp_frequency")
        on_snp = methylation_masks.on_snp(*texts, settings) & meant
    facts["n_masked_listed"] = int(on_list.sum())
    facts["n_masked_snp"] = int(on_snp.sum()) if known else None
    return np.asarray(on_list | on_snp)


def _kinds(name: pa.Array) -> pd.Categorical:
    """Return the kind of each probe, by the two letters that its name starts with."""
    letters = pc.utf8_lower(pc.utf8_slice_codeunits(name, 0, 2))
    code = pc.index_in(letters, value_set=pa.array(["cg", "ch", "rs", "nv"]))
    other = PROBE_KINDS.categories.get_loc("other")
    code = pc.fill_null(code, other).to_numpy(zero_copy_only=False)
    return pd.Categorical.from_codes(code, dtype=PROBE_KINDS)


def _addresses(rows: _Rows, role: str) -> np.ndarray:
    """Return addresses as numbers, 0 where there is none."""
    numbers = _numbers(rows, rows.texts(role), role)
    return np.where(np.isfinite(numbers), numbers, 0).astype(np.int64)


def _numbers(rows: _Rows, texts: pa.Array, role: str) -> np.ndarray:
    """Return texts as numbers, NaN where blank.

    Raises
    ------
    ReadingError
        Naming the row of the first that is no number.
    """
    blank = pc.is_in(texts, value_set=pa.array(delimited.MISSING))
    texts = pc.if_else(blank, pa.scalar(None, pa.string()), texts)
    try:
        return texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        good = pc.match_substring_regex(texts, r"^[+-]?\d+(\.\d*)?([eE][+-]?\d+)?$")
        row = pc.index(pc.fill_null(good, True), pa.scalar(False)).as_py()
        raise ReadingError(
            f"{rows.path}: probe {row + 1:,} ({rows.texts('name')[row].as_py()!r}): found "
            f"{texts[row].as_py()!r} as {role.replace('_', ' ')}; expected a number. Is the column "
            "the right one?"
        ) from None


def _designs(rows: _Rows, b: np.ndarray) -> pd.Categorical:
    """Return chemistry and colour; missing where neither the file nor the addresses tell.

    The colour of Infinium I is stated, or follows from the base that is added behind the probe.
    """
    said = _coded(rows.texts("design"), {one: "I" for one in _ONE} | {one: "II" for one in _TWO})
    colour = _coded(rows.texts("colour"), _COLOURS)
    base = _coded(rows.texts("next_base"), _BASE_COLOURS)
    colour = np.where(colour == "", base, colour)
    if "address_b" in rows.roles:
        said = np.where(said == "", np.where(b > 0, "I", "II"), said)
    design = np.where(said == "I", colour, said)
    return pd.Categorical(pd.Series(design, dtype=object).where(design != "", None), dtype=DESIGNS)


def _coded(texts: pa.Array, words: Mapping[str, str]) -> np.ndarray:
    """Return what each text stands for, '' where it is none of `words`."""
    code = pc.index_in(pc.utf8_lower(texts), value_set=pa.array(list(words)))
    names = np.array([*words.values(), ""], dtype=object)
    return names[pc.fill_null(code, len(words)).to_numpy(zero_copy_only=False)]


def _places(rows: _Rows, of: genome.Build, facts: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the code of each probe's chromosome (-1 none, -2 not known) and its 0-based start."""
    n, titles = rows.table.num_rows, rows.titles
    pairs = [
        pair for pair in _PLACES
        if set(pair[:2]) <= set(titles) and (of is genome.GRCH38 or "hg38" not in pair[0])
    ]  # fmt: skip
    facts["has_positions"] = bool(pairs)
    if not pairs:
        return np.full(n, -1), np.full(n, -1, dtype=np.int64)
    chrom_title, pos_title, first = pairs[0]
    if "hg38" not in chrom_title:
        _check_stated(rows, of)
    pos = _numbers(rows, rows.at(titles.index(pos_title)), "position")
    chrom = _chromosomes(rows.at(titles.index(chrom_title)))
    if first is None:
        first = _first_base(rows)
    placed = np.isfinite(pos) & (pos >= first) & (pos > 0)
    start = np.where(placed, pos - first, -1).astype(np.int64)
    return np.where(placed, chrom, -1), start


def _first_base(rows: _Rows) -> int:
    """Return the number of the first base of a chromosome in a column `start`.

    R's tables of ranges (with `width`) count from 1, BED-like ones (with `end`) from 0.
    """
    if "width" in rows.titles:
        return 1
    if {"end", "chromend", "stop"} & set(rows.titles):
        return 0
    raise ReadingError(
        f"{rows.path}: has a column start without end or width, so nobody can tell whether it "
        "counts from 0 or from 1; call it pos (counts from 1) or add the column end (start counts "
        "from 0)"
    )


def _chromosomes(texts: pa.Array) -> np.ndarray:
    """Return codes of genome.CHROMOSOMES, -1 where none is given, -2 for another contig."""
    names = texts.dictionary_encode()
    words = names.dictionary.to_pylist()
    known = [genome.ucsc_chromosome(word) for word in words]
    absent = {*delimited.MISSING, "0", "chr0", "---", "*"}
    code = [
        genome.CHROMOSOMES.index(name) if name else (-1 if word in absent else -2)
        for name, word in zip(known, words, strict=True)
    ]
    return np.array([*code, -1])[pc.fill_null(names.indices, len(code)).to_numpy()]


def _check_stated(rows: _Rows, of: genome.Build) -> None:
    """Raise ReadingError where the manifest states another build than the sheet."""
    counts = pc.value_counts(rows.texts("stated")).to_pylist()
    words = {entry["values"]: entry["counts"] for entry in counts if entry["values"]}
    if not words:
        return
    said = max(words, key=lambda word: words[word])
    try:
        stated = genome.build(_BUILDS.get(said, said)).name
    except ValueError:
        return
    if stated != of.name:
        raise ReadingError(
            f"{rows.path}: states that its positions are of {stated} (Genome_Build {said}); "
            f"expected {of.name}. Write {stated} into the column build"
        )


def _joined(
    frame: pd.DataFrame, source: _Rows, chrom: np.ndarray, start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the places that a second table gives the probes, by their names or loci."""
    names = source.texts("name")
    at = pc.index_in(pa.array(frame["name"]), value_set=names)
    by_locus = pc.index_in(pa.array(frame["locus"]), value_set=names)
    index = pc.fill_null(pc.coalesce(at, by_locus), -1).to_numpy(zero_copy_only=False)
    if (index < 0).all():
        raise ReadingError(
            f"{source.path}: has none of the probes of the manifest (it starts with "
            f"{listed(names.slice(0, 3).to_pylist())}, the manifest with "
            f"{listed(frame['name'].head(3).tolist())}). Give the positions of that array"
        )
    return np.where(index < 0, -1, chrom[index]), np.where(index < 0, -1, start[index])


def _on_grch38(
    path: str, chrom: np.ndarray, start: np.ndarray, cg: np.ndarray, of: genome.Build,
    chains: Mapping[str, str], facts: dict[str, Any],
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return codes and starts on GRCh38, -1 where there is no place; count the CpGs without."""
    lengths = np.array([*(of.lengths[name] for name in genome.CHROMOSOMES), 0, 0])
    other, none = chrom == -2, chrom == -1
    beyond = (chrom >= 0) & (start >= lengths[chrom])
    if other.sum() > _MOST_OTHER * len(chrom) or beyond.sum() > _MOST_BEYOND * len(chrom):
        which = (
            f"{beyond.sum():,} lie beyond the end of their chromosome in {of.name}"
            if beyond.any()
            else f"{other.sum():,} are on contigs that linedrift does not know"
        )
        raise ReadingError(
            f"{path}: of {len(chrom):,} probes {which}; expected positions of {of.name}, 1 to 22, "
            "X, Y. Correct the column build, or give the right manifest"
        )
    on = (chrom >= 0) & ~beyond
    lifted = on.copy()
    if of is not genome.GRCH38 and on.any():
        chain = liftover.read_chain(liftover.chain_path(of, chains), of)
        names = np.asarray(genome.CHROMOSOMES)[chrom[on]]
        to, found = liftover.lift(chain, names, start[on])
        start, lifted[on] = start.copy(), found
        start[on] = to
        facts["chain"] = Path(chains[of.name]).name
    facts |= {
        "n_no_position": int((none & cg).sum()),
        "n_other_contig": int((other & cg).sum()),
        "n_beyond_chromosome": int((beyond & cg).sum()),
        "n_unmapped": int((on & ~lifted & cg).sum()),
    }
    return np.where(lifted, chrom, -1), start
