"""Array nomenclature of events: written by the rules of ISCN 2024 and read back.

The rules are those of a public register of ISCN 2024 section numbers, not of the printed book
(Karger 2024), so every string is a linedrift rendering, not certified (`LABEL`). Structure
(isochromosome, derivative, duplication) is never written, because copy number alone does not
show it (5.5.15c).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

LABEL = "linedrift rendering, not certified"

TIMES = "×"
_CHROMOSOMES = ("X", "Y", *(str(n) for n in range(1, 23)))
_BUILDS = {"GRCh38": "GRCh38", "hg38": "GRCh38", "GRCh37": "GRCh37", "hg19": "GRCh37"}
_NORMAL = {"female": f"(X,1–22){TIMES}2", "male": f"(X,Y){TIMES}1,(1–22){TIMES}2"}

# Cell fractions are written in steps of .05: an interval of an array is seldom narrower.
STEP = 0.05


class IscnError(ValueError):
    """A change that nomenclature cannot state, or a text that does not follow the grammar."""


@dataclass(frozen=True)
class Change:
    """One item of a result.

    `chrom` is X, Y or 1 to 22. With coordinates, `bands` is such as q11.21 or p13.3p11.2 and
    `first`, `last` are the 1-based first and last abnormal base; without them `bands` is empty
    (whole chromosome), p or q (arm). `copies_high` makes a range of copies. `fraction` is the
    share of cells as written, ``?`` where it was not determined, empty where all cells carry it.
    """

    chrom: str
    bands: str
    copies: int
    first: int | None = None
    last: int | None = None
    copies_high: int | None = None
    fraction: str = ""
    origin: str = ""
    zygosity: str = ""


@dataclass(frozen=True)
class Result:
    """A whole string: technique (arr, seq, sseq), build, empty where none is stated, changes."""

    technique: str
    build: str
    changes: tuple[Change, ...]
    normal_sex: str = ""


def render(
    chrom: str,
    start: int,
    end: int,
    band: str,
    copies: int,
    expected_copies: int = 2,
    cell_fraction: float = math.nan,
    high: float = math.nan,
    kind: str = "gain",
    *,
    whole_chromosome: bool | None = None,
    whole_arm: bool = False,
    copies_high: int | None = None,
    minimum: float = STEP / 2,
    technique: str = "arr",
    build: str = "GRCh38",
) -> str:
    """Return the string of one event.

    Parameters
    ----------
    chrom, start, end
        Interval, UCSC name, 0-based half-open; written 1-based and inclusive.
    band
        As `genome.band_of` gives it: 20q11.21, 17p13.3p11.2, or 12 for a whole chromosome.
    copies, expected_copies
        Copies in the cells that carry it, and what the baseline has.
    cell_fraction, high
        Share of cells and upper end of its 95 % interval. It is written, in steps of .05, only
        if the interval excludes 1 (`high` < 1; where `high` is NaN, `cell_fraction` < 1).
    kind
        gain, loss, amplification, deep_loss or cn_loh.
    whole_chromosome, whole_arm
        Write ``arr (12)×3``, ``arr (12p)×3``: no build, no coordinates. By default a band
        without arm means a whole chromosome.
    copies_high
        Upper end of a range of copies (``×2~3``); the cell fraction is then left out.
    minimum
        Smallest fraction that the method measures; below it ``[?]`` is written.

    Raises
    ------
    IscnError
        When kind and copies contradict each other or chromosome and band do.
    """
    _require_direction(kind, copies, expected_copies, copies_high)
    number = chrom.removeprefix("chr")
    bands = band.removeprefix(number) if band[:1].isdigit() or band[:1] in "XY" else band
    whole = whole_chromosome if whole_chromosome is not None else bands == ""
    located = not whole and not whole_arm
    change = Change(
        chrom=number,
        bands="" if whole else bands[:1] if whole_arm else bands,
        copies=int(copies),
        first=int(start) + 1 if located else None,
        last=int(end) if located else None,
        copies_high=copies_high,
        fraction="" if copies_high is not None else written_fraction(cell_fraction, high, minimum),
        zygosity="hmz" if kind == "cn_loh" else "",
    )
    return write([change], technique=technique, build=build)


def _require_direction(kind: str, copies: int, expected: int, copies_high: int | None) -> None:
    top = copies if copies_high is None else copies_high
    fits = {
        "gain": top > expected,
        "amplification": top > expected,
        "loss": copies < expected,
        "deep_loss": copies < expected,
        "cn_loh": copies == expected,
    }
    if kind not in fits:
        raise IscnError(f"kind is one of {', '.join(fits)}, not {kind!r}")
    if not fits[kind]:
        raise IscnError(f"{kind} with {copies} copies where {expected} are expected")


def written_fraction(cell_fraction: float, high: float, minimum: float = STEP / 2) -> str:
    """Return the share of cells as written: ``0.2``, ``?`` below `minimum`, empty for all cells.

    The last and first steps are kept free (0.05 to 0.95): what is known not to be all cells is
    never written as all cells.
    """
    bound = cell_fraction if math.isnan(high) else high
    if math.isnan(bound) or bound >= 1:
        return ""
    if math.isnan(cell_fraction) or cell_fraction < minimum:
        return "?"
    # Half a step goes up, as on paper; round() alone would send 0.125 to the even 0.1.
    steps = math.floor(cell_fraction / STEP + 0.5 + 1e-9)
    return f"{min(max(steps, 1), 19) * STEP:.2f}".rstrip("0")


def write(changes: Iterable[Change], technique: str = "arr", build: str = "GRCh38") -> str:
    """Return the string of a result: X, Y, then 1 to 22, pter to qter.

    Raises
    ------
    IscnError
        When there is no change (see `normal`), or when some are stated with coordinates and
        others without.
    """
    ordered = sorted(changes, key=_order)
    if not ordered:
        raise IscnError("no change to write; a normal result is written by normal(sex)")
    _require_technique(technique)
    located = {change.first is not None for change in ordered}
    if len(located) == 2:
        raise IscnError("changes with and without coordinates are written as two results")
    if located == {True}:
        if build not in _BUILDS:
            raise IscnError(f"build is one of {', '.join(_BUILDS)}, not {build!r}")
        items = ",".join(_located(change) for change in ordered)
        return f"{technique}[{_BUILDS[build]}] {items}"
    return f"{technique} " + ",".join(_abbreviated(change) for change in ordered)


def normal(sex: str, technique: str = "arr") -> str:
    """Return the string of a normal result: ``arr (X,1–22)×2``."""
    _require_technique(technique)
    if sex not in _NORMAL:
        raise IscnError(f"a normal result needs sex female or male, not {sex!r}")
    return f"{technique} {_NORMAL[sex]}"


def _order(change: Change) -> tuple[int, int, str]:
    if change.chrom not in _CHROMOSOMES:
        raise IscnError(f"chromosome is X, Y or 1 to 22, not {change.chrom!r}")
    return _CHROMOSOMES.index(change.chrom), change.first or 0, change.bands


def _require_technique(technique: str) -> None:
    if technique not in ("arr", "seq", "sseq"):
        raise IscnError(f"technique is arr, seq or sseq, not {technique!r}")


def _located(change: Change) -> str:
    if change.first is None or change.last is None or not 1 <= change.first <= change.last:
        raise IscnError(f"coordinates {change.first}_{change.last} are not a 1-based interval")
    if not re.fullmatch(_BANDS, change.bands):
        raise IscnError(f"bands are such as q11.21 or p13.3p11.2, not {change.bands!r}")
    place = f"{change.chrom}{change.bands}({change.first:,}_{change.last:,})"
    return place + _copies(change)


def _abbreviated(change: Change) -> str:
    if change.bands not in ("", "p", "q"):
        raise IscnError(f"without coordinates only p, q or nothing, not {change.bands!r}")
    return f"({change.chrom}{change.bands}){_copies(change)}"


def _copies(change: Change) -> str:
    if change.fraction and change.copies_high is not None:
        raise IscnError("a range of copies and a cell fraction exclude each other")
    high = "" if change.copies_high is None else f"~{change.copies_high}"
    fraction = f"[{change.fraction}]" if change.fraction else ""
    zygosity = f" {change.zygosity}" if change.zygosity else ""
    return f"{TIMES}{change.copies}{high}{fraction}{change.origin}{zygosity}"


_BANDS = r"(?:[pq]\d+(?:\.\d+)?){1,2}"
_TAIL = (
    r"[×x](?P<copies>\d+)(?:~(?P<copies_high>\d+)|\[(?P<fraction>0\.\d+|\?)\])?"
    r"(?P<origin>dn|mat|pat|inh)?(?: (?P<zygosity>hmz|htz))?"
)
_LOCATED = re.compile(
    rf"(?P<chrom>X|Y|\d{{1,2}})(?P<bands>{_BANDS})"
    rf"\((?P<first>\d[\d,]*)[_-](?P<last>\d[\d,]*)\){_TAIL}",
    re.ASCII,
)
_ABBREVIATED = re.compile(rf"\((?P<units>[XY\dpq,]+)\){_TAIL}", re.ASCII)
_UNIT = re.compile(r"(?P<chrom>X|Y|\d{1,2})(?P<bands>[pq]?)", re.ASCII)
_HEAD = re.compile(r"(?P<technique>arr|sseq|seq)(?:\[(?P<build>\w+)\])? ?", re.ASCII)


def parse(text: str) -> Result:
    """Return what a string of the short or abbreviated system says.

    Accepts ``x`` for the multiplication sign, ``-`` between coordinates, hg38 and hg19 for the
    build, and coordinates with or without thousands separators.

    Raises
    ------
    IscnError
        Naming the text and the place where it leaves the grammar.
    """
    head = _HEAD.match(text)
    if not head:
        raise IscnError(f"{text!r} does not begin with arr, seq or sseq")
    body, build = text[head.end() :], head["build"] or ""
    for sex, written in _NORMAL.items():
        if not build and body.replace("x", TIMES).replace("-", "–") == written:
            return Result(head["technique"], "", (), sex)
    if build and build not in _BUILDS:
        raise IscnError(f"{text!r}: unknown build {build!r}; known: {', '.join(_BUILDS)}")
    pattern = _LOCATED if build else _ABBREVIATED
    changes: list[Change] = []
    at = 0
    while True:
        item = pattern.match(body, at)
        if not item:
            raise IscnError(f"{text!r} leaves the grammar at {body[at : at + 30]!r}")
        changes += _changes(item, text)
        at = item.end()
        if at == len(body):
            return Result(head["technique"], _BUILDS[build] if build else "", tuple(changes))
        if body[at] != ",":
            raise IscnError(f"{text!r} leaves the grammar at {body[at : at + 30]!r}")
        at += 1


def _changes(item: re.Match[str], text: str) -> list[Change]:
    """Return the changes of one item; an abbreviated one may name several units."""
    found = item.groupdict()
    high = found["copies_high"]

    def change(chrom: str, bands: str, first: int | None, last: int | None) -> Change:
        """Return the change of one unit; raise IscnError where there is no such chromosome."""
        if chrom not in _CHROMOSOMES:
            raise IscnError(f"{text!r}: chromosome is X, Y or 1 to 22, not {chrom!r}")
        return Change(
            chrom=chrom,
            bands=bands,
            copies=int(found["copies"]),
            first=first,
            last=last,
            copies_high=None if high is None else int(high),
            fraction=found["fraction"] or "",
            origin=found["origin"] or "",
            zygosity=found["zygosity"] or "",
        )

    if "units" in found:
        units = [_UNIT.fullmatch(unit) for unit in found["units"].split(",")]
        if not all(units):
            raise IscnError(f"{text!r}: {found['units']!r} is not a list of chromosomes or arms")
        return [change(unit["chrom"], unit["bands"], None, None) for unit in units if unit]
    first, last = (int(found[name].replace(",", "")) for name in ("first", "last"))
    if not 1 <= first <= last:
        raise IscnError(f"{text!r}: {first} to {last} is not a 1-based interval")
    return [change(found["chrom"], found["bands"], first, last)]
