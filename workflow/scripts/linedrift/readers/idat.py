"""Illumina's IDAT: the intensities of one array in one colour, and the pair of both colours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from linedrift.readers.files import (
    ReadingError,
    check_presence,
    head,
    looks_like_binary,
    nearest,
    open_bytes,
)

# Fields of version 3, the version of every scanner since 2007.
_N_BEADS, _IDS, _SD, _MEAN, _BEADS = 1000, 102, 103, 104, 107
_BARCODE, _CHIP_TYPE, _POSITION = 402, 403, 404
_ARRAYS = {_IDS: "<i4", _SD: "<u2", _MEAN: "<u2", _BEADS: "u1"}
_NAMES = {_IDS: "addresses", _SD: "deviations", _MEAN: "intensities", _BEADS: "bead counts"}
# The largest array has 5 million addresses, 13 bytes each.
MOST_BYTES, _BLOCK = 1 << 28, 1 << 20
# Groups of 7 bits that a length of 32 bits has at the most.
_MOST_GROUPS = 5
_COLOUR = re.compile(r"_(Grn|Red)(?=\.idat(\.gz)?$)", re.I)
_OTHER = {"grn": "Red", "red": "Grn"}
# Addresses of the arrays that linedrift knows, with room for early releases: 27k 55,300; 450k
# 622,399; EPIC 1,051,539 to 1,052,641; EPIC v2 1,105,209.
_TYPES = (
    (50_000, 60_000, "27k"),
    (610_000, 635_000, "450k"),
    (1_020_000, 1_060_000, "EPIC v1"),
    (1_090_000, 1_120_000, "EPIC v2"),
)


@dataclass(frozen=True)
class Idat:
    """One colour of one array: per address (n,) its id, mean and sd of its beads, their number."""

    path: str
    ids: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    beads: np.ndarray
    barcode: str
    position: str
    chip_type: str

    @property
    def sentrix(self) -> str:
        """Barcode and position, as in the names of files."""
        return f"{self.barcode}_{self.position}"


@dataclass(frozen=True)
class Pair:
    """Both colours of one array on the same addresses; `beads` is the fewer of the two."""

    ids: np.ndarray
    green: np.ndarray
    red: np.ndarray
    beads: np.ndarray
    sentrix: str
    chip_type: str

    @property
    def array_type(self) -> str:
        """What array has that many addresses; empty where none that linedrift knows."""
        return array_type(len(self.ids))


def array_type(n_addresses: int) -> str:
    """Return 27k, 450k, EPIC v1 or EPIC v2 by the number of addresses, '' for none of them."""
    return next((name for low, high, name in _TYPES if low <= n_addresses <= high), "")


def partner(path: str) -> str:
    """Return the path of the other colour, by name: `..._Grn.idat` and `..._Red.idat` (.gz).

    Raises
    ------
    ReadingError
        When the name does not say its colour, or the other file is not there.
    """
    match = _COLOUR.search(Path(path).name)
    if match is None:
        raise ReadingError(
            f"{path}: the name does not say the colour; expected ..._Grn.idat or ..._Red.idat "
            "(.gz too). Name it so, or give the other colour in path2"
        )
    stem, end = Path(path).name[: match.start()], Path(path).name[match.end() :]
    colour = _OTHER[match[1].lower()]
    ends = (end, end.removesuffix(".gz") if end.endswith(".gz") else f"{end}.gz")
    places = [Path(path).with_name(f"{stem}_{colour}{one}") for one in ends]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        here = [one.name for one in Path(path).parent.iterdir() if one.name != Path(path).name]
        raise ReadingError(
            f"{path}: the other colour, {places[0].name}, is not beside it"
            f"{nearest(places[0].name, here)}. Copy both files of the pair"
        )
    return str(found)


def is_green(path: str) -> bool | None:
    """Return whether the name says green, None where it says no colour."""
    match = _COLOUR.search(Path(path).name)
    return None if match is None else match[1].lower() == "grn"


def read(path: str) -> Idat:
    """Read an IDAT file of version 3, plain or gzip.

    Raises
    ------
    ReadingError
        When it is no IDAT, is of another version, is truncated, or its arrays differ in length.
    """
    check_presence(path)
    data = _bytes(path)
    contents = _contents(path, data)
    n = int(_values(path, data, contents, _N_BEADS, "<i4", 1)[0])
    if n <= 0:
        raise ReadingError(f"{path}: says {n:,} addresses; expected thousands. Copy it again")
    arrays = {
        code: _values(path, data, contents, code, dtype, n) for code, dtype in _ARRAYS.items()
    }
    _check_count(path, n, contents)
    texts = [_text(path, data, contents, code) for code in (_BARCODE, _POSITION, _CHIP_TYPE)]
    ids = arrays[_IDS]
    if (np.diff(np.sort(ids)) == 0).any():
        raise ReadingError(f"{path}: has addresses twice; it is damaged: copy it again")
    return Idat(str(path), ids, arrays[_MEAN], arrays[_SD], arrays[_BEADS], *texts)


def _bytes(path: str) -> bytes:
    """Return the unpacked bytes of a file that is no larger than an IDAT can be."""
    parts, size = [], 0
    try:
        with open_bytes(path) as stream:
            while part := stream.read(_BLOCK):
                parts.append(part)
                size += len(part)
                if size > MOST_BYTES:
                    raise ReadingError(
                        f"{path}: has more than {MOST_BYTES:,} bytes; no IDAT is so large"
                    )
    except OSError as error:
        raise ReadingError(f"{path}: is truncated or damaged: {error}; copy it again") from error
    return b"".join(parts)


def _contents(path: str, data: bytes) -> dict[int, int]:
    """Return the offset of each field, after checking the head."""
    if data[:4] != b"IDAT":
        what = looks_like_binary(head(path)) or "text"
        raise ReadingError(f"{path}: is not an IDAT file; it looks like {what}")
    version = int.from_bytes(data[4:12], "little") if len(data) >= 12 else 0
    if len(data) < 16:
        raise _cut(path, "its head", 16, len(data))
    if version != 3:
        raise ReadingError(
            f"{path}: is an IDAT of version {version}; expected version 3. Export the table of "
            "methylated and unmethylated intensities with Illumina's software and give that"
        )
    n_fields = int.from_bytes(data[12:16], "little", signed=True)
    if not 0 < n_fields < 10_000:
        raise ReadingError(f"{path}: says {n_fields:,} fields; expected some 20. Copy it again")
    end = 16 + 10 * n_fields
    if len(data) < end:
        raise _cut(path, "its list of fields", end, len(data))
    fields = np.frombuffer(data, dtype=[("code", "<u2"), ("at", "<i8")], count=n_fields, offset=16)
    return {int(code): int(at) for code, at in fields.tolist()}


def _values(
    path: str, data: bytes, contents: dict[int, int], code: int, dtype: str, n: int
) -> np.ndarray:
    """Return n numbers of a field, after checking that they lie inside the file."""
    name = _NAMES.get(code, "number of addresses")
    if code not in contents:
        raise ReadingError(f"{path}: has no {name} (field {code}); copy or export it again")
    end = contents[code] + np.dtype(dtype).itemsize * n
    if contents[code] < 0 or end > len(data):
        raise _cut(path, f"its {name} (field {code})", end, len(data))
    return np.frombuffer(data, dtype=dtype, count=n, offset=contents[code])


def _check_count(path: str, n: int, contents: dict[int, int]) -> None:
    """Raise ReadingError where the arrays have not room for the number of addresses."""
    others = np.sort(list(contents.values()))
    for code, dtype in _ARRAYS.items():
        start = contents[code]
        behind = others[others > start]
        room = (int(behind[0]) - start) // np.dtype(dtype).itemsize if len(behind) else n
        if room < n:
            raise ReadingError(
                f"{path}: says {n:,} addresses, but has room for {room:,} {_NAMES[code]} (field "
                f"{code}) before the next field. It is damaged: copy it again"
            )


def _cut(path: str, where: str, end: int, size: int) -> ReadingError:
    return ReadingError(
        f"{path}: is truncated in {where}: it should go on to byte {end:,}, the file ends at "
        f"{size:,}. Copy it again"
    )


def _text(path: str, data: bytes, contents: dict[int, int], code: int) -> str:
    """Return a string whose length is prefixed in groups of 7 bits; '' where there is none."""
    at = contents.get(code)
    if at is None:
        return ""
    if at < 0:
        raise ReadingError(
            f"{path}: says that field {code} is at {at}; it is damaged: copy it again"
        )
    length = shift = 0
    for byte in data[at : at + _MOST_GROUPS]:
        at += 1
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    if at + length > len(data):
        raise _cut(path, f"a text (field {code})", at + length, len(data))
    return data[at : at + length].decode("latin-1").strip()


def read_pair(path: str, path2: str = "") -> Pair:
    """Read both colours of one array.

    Parameters
    ----------
    path
        The file of either colour.
    path2
        The other colour; by default the `partner` of `path`.

    Raises
    ------
    ReadingError
        When one of them cannot be read, or they are not the two colours of one array.
    """
    check_presence(path)
    path2 = path2 or partner(path)
    greens = is_green(path), is_green(path2)
    if None not in greens and greens[0] == greens[1]:
        colour = "green" if greens[0] else "red"
        raise ReadingError(f"{path} and {path2}: both are {colour} by name; expected one of each")
    first, second = read(path), read(path2)
    _check_pair(first, second)
    # One name that says its colour is enough; without any the first is taken for green.
    first_is_green = greens[0] if greens[0] is not None else greens[1] is not True
    green, red = (first, second) if first_is_green else (second, first)
    return Pair(
        green.ids, green.mean, red.mean, np.minimum(green.beads, red.beads),
        green.sentrix, green.chip_type,
    )  # fmt: skip


def _check_pair(first: Idat, second: Idat) -> None:
    both = f"{first.path} and {second.path}"
    for what in ("barcode", "position", "chip_type"):
        one, other = getattr(first, what), getattr(second, what)
        if one != other:
            kind = {"barcode": "chips", "position": "positions", "chip_type": "types of chip"}[what]
            raise ReadingError(
                f"{both}: are of different {kind}: {one!r} and {other!r}; expected the red and the "
                "green file of one array. Correct path"
            )
    if not np.array_equal(first.ids, second.ids):
        raise ReadingError(
            f"{both}: have different addresses ({len(first.ids):,} and {len(second.ids):,}); "
            "expected the same. One of them is damaged: copy both again"
        )
    if np.array_equal(first.mean, second.mean):
        raise ReadingError(
            f"{both}: have the same intensities; expected two colours. Copy both again"
        )
