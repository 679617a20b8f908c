"""Damaged IDATs end in words: whatever bytes change, no other error, and no memory without end."""

import gzip
import time
import tracemalloc

import idat_files
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from linedrift.readers import idat
from linedrift.readers.files import ReadingError

N = 40
EXTREME = [0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, -1, -(2**31), -(2**63)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def whole(folder):
    rng = np.random.default_rng(4)
    values = pd.DataFrame(
        {
            "address": np.sort(rng.choice(10**8, N, replace=False)),
            "mean": rng.integers(0, 65_536, N),
            "beads": rng.integers(0, 30, N),
        }
    )
    return idat_files.write_idat(folder / "whole.idat", values).read_bytes()


def read(folder, data, name="x_Grn.idat"):
    """Read bytes as a file; what is read is whole, and what is not says so."""
    path = folder / name
    path.write_bytes(data)
    tracemalloc.start()
    try:
        found = idat.read(str(path))
    except ReadingError as error:
        assert str(error).startswith(str(path)) and len(str(error)) < 600
        return None
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 4_000_000
    n = len(found.ids)
    assert n == len(found.mean) == len(found.sd) == len(found.beads) > 0
    assert len(np.unique(found.ids)) == n
    return found


def few(examples):
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )


@few(150)
@given(st.data())
def test_single_bytes_change(folder, whole, data):
    raw = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        # Most of what can go wrong stands in the head and in the list of fields.
        at = data.draw(st.integers(0, 150) | st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.integers(0, 255))
    found = read(folder, bytes(raw))
    assert found is None or len(found.ids) <= N


@few(150)
@given(st.integers(0, 12), st.sampled_from(EXTREME) | st.integers(0, 3000))
def test_offsets_point_anywhere(folder, whole, field, offset):
    at = 16 + 10 * field + 2
    found = read(folder, whole[:at] + np.int64(offset).tobytes() + whole[at + 8 :])
    assert found is None or len(found.ids) <= N


@few(80)
@given(st.sampled_from([one for one in EXTREME if -(2**31) <= one < 2**31]), st.booleans())
def test_counts_are_anything(folder, whole, number, of_fields):
    first = int.from_bytes(whole[18:26], "little")
    at = 12 if of_fields else first
    data = whole[:at] + np.int32(number).tobytes() + whole[at + 4 :]
    assert read(folder, data) is None or (number == 1 and not of_fields)


@few(80)
@given(st.data())
def test_cuts_and_what_is_behind(folder, whole, data):
    end = data.draw(st.integers(0, len(whole) - 1))
    read(folder, whole[:end] or b"I")
    assert read(folder, whole + data.draw(st.binary(max_size=50))) is not None


@few(60)
@given(st.data())
def test_packed_files_are_cut_or_changed(folder, whole, data):
    packed = bytearray(gzip.compress(whole, mtime=0))
    at = data.draw(st.integers(2, len(packed) - 1))
    if data.draw(st.booleans()):
        assert read(folder, bytes(packed[:at]), "x_Grn.idat.gz") is None
    else:
        packed[at] ^= data.draw(st.integers(1, 255))
        read(folder, bytes(packed), "x_Grn.idat.gz")


def test_the_length_of_a_text_has_an_end(folder, whole):
    """Two millions of bytes that each say that the length goes on."""
    barcode = 16 + 10 * 8 + 2
    data = whole[:barcode] + np.int64(len(whole)).tobytes() + whole[barcode + 8 :]
    began = time.process_time()
    (folder / "long_Grn.idat").write_bytes(data + b"\xff" * 2_000_000)
    with pytest.raises(ReadingError, match="truncated in a text"):
        idat.read(str(folder / "long_Grn.idat"))
    assert time.process_time() - began < 1


def test_a_packed_file_that_never_ends_is_not_unpacked(folder, whole, monkeypatch):
    monkeypatch.setattr(idat, "MOST_BYTES", 100_000)
    path = folder / "bomb_Grn.idat.gz"
    path.write_bytes(gzip.compress(whole + bytes(50_000_000)))
    tracemalloc.start()
    with pytest.raises(ReadingError, match="more than 100,000 bytes"):
        idat.read(str(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000
