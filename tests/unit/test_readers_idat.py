"""IDAT files are read as they were written; pairs that are none are refused in words."""

import gzip

import idat_files
import numpy as np
import pandas as pd
import pytest
from linedrift.readers import idat
from linedrift.readers.files import ReadingError

SENTRIX = "200000000001_R01C01"


@pytest.fixture
def values():
    rng = np.random.default_rng(4)
    return pd.DataFrame(
        {
            "address": np.sort(rng.choice(10**8, 300, replace=False)),
            "green": rng.integers(0, 65_536, 300),
            "red": rng.integers(0, 65_536, 300),
            "beads": rng.integers(0, 30, 300),
        }
    )


@pytest.mark.parametrize("packed", [False, True])
def test_a_pair_is_read_as_it_was_written(tmp_path, values, packed):
    green, red = idat_files.write_pair(tmp_path, SENTRIX, values, packed=packed)
    for path in (green, red):
        pair = idat.read_pair(str(path))
        assert np.array_equal(pair.ids, values["address"])
        assert np.array_equal(pair.green, values["green"])
        assert np.array_equal(pair.red, values["red"])
        assert np.array_equal(pair.beads, values["beads"])
        assert (pair.sentrix, pair.chip_type) == (SENTRIX, "BeadChip 8x5")


def test_the_fewer_beads_of_both_colours_count(tmp_path, values):
    green, red = idat_files.write_pair(tmp_path, SENTRIX, values)
    one = values[["address"]].assign(mean=values["red"], beads=values["beads"][::-1].to_numpy())
    idat_files.write_idat(red, one)
    beads = np.minimum(values["beads"], values["beads"][::-1].to_numpy())
    assert np.array_equal(idat.read_pair(str(green)).beads, beads)


def test_the_partner_is_found_packed_or_not(tmp_path, values):
    green, red = idat_files.write_pair(tmp_path, SENTRIX, values)
    packed = red.with_name(red.name + ".gz")
    packed.write_bytes(gzip.compress(red.read_bytes()))
    red.unlink()
    assert idat.partner(str(green)) == str(packed)
    assert idat.partner(str(packed)) == str(green)


def test_a_lone_colour_is_refused_with_the_name_that_is_missing(tmp_path, values):
    green, red = idat_files.write_pair(tmp_path, SENTRIX, values)
    red.rename(tmp_path / "200000000001_R01C02_Red.idat")
    with pytest.raises(ReadingError, match=r"R01C01_Red.idat, is not beside .*R01C02_Red"):
        idat.read_pair(str(green))
    plain = green.rename(tmp_path / "sample.idat")
    with pytest.raises(ReadingError, match="does not say the colour"):
        idat.read_pair(str(plain))


def test_the_other_colour_can_be_named(tmp_path, values):
    green, red = idat_files.write_pair(tmp_path, SENTRIX, values)
    other = red.rename(tmp_path / "other.idat")
    for first, second in ((green, other), (other, green)):
        assert np.array_equal(idat.read_pair(str(first), str(second)).red, values["red"])
    with pytest.raises(ReadingError, match="both are green by name"):
        idat.read_pair(str(green), str(green))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"barcode": "200000000002"}, "different chips: '200000000001' and '200000000002'"),
        ({"position": "R02C01"}, "different positions: 'R01C01' and 'R02C01'"),
        ({"chip_type": "BeadChip 12x8"}, "different types of chip"),
    ],
)
def test_red_and_green_of_different_arrays_are_refused(tmp_path, values, change, words):
    green, red = idat_files.write_pair(tmp_path, SENTRIX, values)
    one = values[["address", "beads"]].assign(mean=values["red"])
    idat_files.write_idat(red, one, **change)
    with pytest.raises(ReadingError, match=words):
        idat.read_pair(str(green))


def test_different_addresses_and_equal_intensities_are_refused(tmp_path, values):
    green, red = idat_files.write_pair(tmp_path, SENTRIX, values)
    red.write_bytes(green.read_bytes())
    with pytest.raises(ReadingError, match="have the same intensities"):
        idat.read_pair(str(green))
    other = values[["beads"]].assign(address=values["address"] + 1, mean=values["red"])
    idat_files.write_idat(red, other)
    with pytest.raises(ReadingError, match="have different addresses"):
        idat.read_pair(str(green))


def test_every_cut_of_an_idat_is_refused(tmp_path, values):
    green, _ = idat_files.write_pair(tmp_path, SENTRIX, values)
    whole = green.read_bytes()
    # What stands behind the position (the last text that is read) may be missing.
    needed = whole.rindex(b"R01C01") + len(b"R01C01")
    for end in (0, 3, 10, 15, 60, 150, 500, 1300, 2500, needed - 1):
        green.write_bytes(whole[:end])
        with pytest.raises(ReadingError, match="truncated|not an IDAT|is empty"):
            idat.read(str(green))
    packed = green.with_name(green.name + ".gz")
    packed.write_bytes(gzip.compress(whole)[:-20])
    with pytest.raises(ReadingError, match="truncated or damaged"):
        idat.read(str(packed))


def test_other_versions_and_other_files_are_refused(tmp_path, values):
    one = values[["address", "beads"]].assign(mean=values["green"])
    old = idat_files.write_idat(tmp_path / "old_Grn.idat", one, version=1)
    with pytest.raises(ReadingError, match="IDAT of version 1; expected version 3"):
        idat.read(str(old))
    text = tmp_path / "text_Grn.idat"
    text.write_text("probe\tbeta\n")
    with pytest.raises(ReadingError, match="not an IDAT file; it looks like text"):
        idat.read(str(text))


def test_a_number_of_addresses_that_does_not_fit_is_refused(tmp_path, values):
    green, _ = idat_files.write_pair(tmp_path, SENTRIX, values)
    data = bytearray(green.read_bytes())
    at = 16 + 10 * 13
    assert int.from_bytes(data[at : at + 4], "little") == 300
    data[at : at + 4] = (310).to_bytes(4, "little")
    green.write_bytes(bytes(data))
    with pytest.raises(ReadingError, match="says 310 addresses, but has room for 300"):
        idat.read(str(green))


@pytest.mark.parametrize(
    ("n", "name"),
    [(55_300, "27k"), (622_399, "450k"), (1_051_943, "EPIC v1"), (1_105_209, "EPIC v2"), (9, "")],
)
def test_the_number_of_addresses_names_the_array(n, name):
    assert idat.array_type(n) == name
