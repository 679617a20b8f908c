"""IDAT files and Illumina's CSV manifests, written as the scanner and the vendor write them."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path

import library_path  # noqa: F401
import numpy as np
import pandas as pd

# Fields of an IDAT of version 3, in the order in which they are written.
N_BEADS, IDS, SD, MEAN, BEADS, MID, COLOUR = 1000, 102, 103, 104, 107, 200, 400
SHEET, BARCODE, CHIP, POSITION, UNKNOWN, RUN = 401, 402, 403, 404, 410, 300


def write_idat(
    path: Path,
    values: pd.DataFrame,
    *,
    barcode: str = "200000000001",
    position: str = "R01C01",
    chip_type: str = "BeadChip 8x5",
    version: int = 3,
) -> Path:
    """Write one colour of an array; packed where the name ends in .gz.

    Parameters
    ----------
    values
        Columns address, mean, beads; sd where it is known.
    """
    n = len(values)
    mean = values["mean"].to_numpy()
    sd = values["sd"].to_numpy() if "sd" in values else mean // 8
    ids = values["address"].to_numpy().astype("<i4").tobytes()
    count = np.int32(n).tobytes()
    fields = {
        N_BEADS: count,
        IDS: ids,
        SD: np.asarray(sd).astype("<u2").tobytes(),
        MEAN: mean.astype("<u2").tobytes(),
        BEADS: values["beads"].to_numpy().astype("u1").tobytes(),
        MID: count + ids,
        COLOUR: np.int32(0).tobytes(),
        SHEET: _text(""),
        BARCODE: _text(barcode),
        CHIP: _text(chip_type),
        POSITION: _text(position),
        # Software writes nulls and other bytes here, which is no text.
        UNKNOWN: b"\x00\xff\x00",
        RUN: np.int32(0).tobytes(),
    }
    start = 16 + 10 * len(fields)
    contents, body = b"", b""
    for code, data in fields.items():
        contents += np.uint16(code).tobytes() + np.int64(start + len(body)).tobytes()
        body += data
    head = b"IDAT" + np.int64(version).tobytes() + np.int32(len(fields)).tobytes()
    data = head + contents + body
    path.write_bytes(gzip.compress(data, 1, mtime=0) if path.suffix == ".gz" else data)
    return path


def _text(text: str) -> bytes:
    """Return a string behind its length, in groups of 7 bits."""
    length, prefix = len(text), b""
    while length > 127:
        prefix += bytes([length & 127 | 128])
        length >>= 7
    return prefix + bytes([length]) + text.encode("latin-1")


def write_pair(
    folder: Path, sentrix: str, values: pd.DataFrame, *, packed: bool = False, **more: str
) -> tuple[Path, Path]:
    """Write both colours of an array; returns the paths of green and red.

    Parameters
    ----------
    sentrix
        Barcode and position, as in 200000000001_R01C01.
    values
        Columns address, green, red, beads.
    """
    barcode, _, position = sentrix.partition("_")
    end = ".idat.gz" if packed else ".idat"
    paths = []
    for name, column in (("Grn", "green"), ("Red", "red")):
        one = values[["address", "beads"]].assign(mean=values[column])
        path = folder / f"{sentrix}_{name}{end}"
        paths.append(write_idat(path, one, barcode=barcode, position=position, **more))
    return paths[0], paths[1]


def write_manifest(
    path: Path,
    rows: pd.DataFrame,
    controls: Sequence[tuple[int, str, str, str]] = (),
    *,
    name: str = "Demo_A1.bpm",
    padded: bool = True,
) -> Path:
    """Write a CSV manifest with [Heading], [Assay] and [Controls].

    Parameters
    ----------
    rows
        Probes, in the columns of the vendor's file.
    controls
        Address, kind, colour and name of each control.
    padded
        Whether rows of controls have as many fields as those of probes, as in manifests that
        went through a spreadsheet.
    """
    more = len(rows.columns)
    heading: Mapping[str, str] = {
        "Descriptor File Name": name,
        "Assay Format": "Infinium 2",
        "Date Manufactured": "1/1/2026",
        "Loci Count": str(len(rows)),
    }
    lines = ["Illumina, Inc.", "[Heading]", *(f"{key},{value}" for key, value in heading.items())]
    lines = [line + "," * (more - 1 - line.count(",")) for line in [*lines, "[Assay]"]]
    ends = ["[Controls]", *(",".join(map(str, one)) for one in controls)] if controls else []
    if padded:
        ends = [line + "," * (more - 1 - line.count(",")) for line in ends]
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8", newline="") as file:
        file.write("\n".join(lines) + "\n")
        rows.to_csv(file, index=False, lineterminator="\n")
        file.write("".join(f"{line}\n" for line in ends))
    return path


def controls_of(first: int) -> list[tuple[int, str, str, str]]:
    """Return controls like those of an EPIC array, on addresses from `first` on.

    Ten pairs of bisulfite conversion I, four of II, and a few of the normalisation.
    """
    named = [
        ("BISULFITE CONVERSION I", f"BS Conversion I-{letter}{number}")
        for letter in "CU"
        for number in range(1, 6)
    ]
    named += [("BISULFITE CONVERSION II", f"BS Conversion II-{number}") for number in range(1, 5)]
    named += [
        (f"NORM_{base}", f"Norm_{base}{number}") for base in "ACGT" for number in range(1, 13)
    ]
    return [(first + at, kind, "Black", name) for at, (kind, name) in enumerate(named)]


def control_values(
    controls: Sequence[tuple[int, str, str, str]],
    *,
    conversion: float = 0.97,
    bright: float = 9000.0,
    red_over_green: float = 1.0,
) -> pd.DataFrame:
    """Return address, green, red, beads of controls of DNA of which a share was converted."""
    rows = []
    for address, kind, _, name in controls:
        light = {"green": 300.0, "red": 300.0}
        if kind == "BISULFITE CONVERSION I":
            share = conversion if "-C" in name else 1 - conversion
            light["green" if int(name[-1]) <= 2 else "red"] += share * bright
        elif kind == "BISULFITE CONVERSION II":
            light["red"] += conversion * bright
            light["green"] += (1 - conversion) * bright
        else:
            light["green" if kind[-1] in "CG" else "red"] += bright
        rows.append((address, light["green"], 300 + (light["red"] - 300) * red_over_green, 12))
    frame = pd.DataFrame(rows, columns=["address", "green", "red", "beads"])
    return frame.round().astype("int64")
