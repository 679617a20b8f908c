"""Fixtures that all tests share."""

import os
from pathlib import Path

import hypothesis
import pytest

# A test is judged by what it finds; how long it takes depends on what else the machine does.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real data with known truth, or skip where it is absent."""
    folder = Path(os.environ.get("LINEDRIFT_REAL_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the real data are not here; set LINEDRIFT_REAL_DATA to their folder")
    return folder
