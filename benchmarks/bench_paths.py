"""Importing this module makes the library and the simulator importable."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "benchmarks"
WORK = HERE / "work"
LIBRARY = ROOT / "workflow" / "scripts" / "linedrift"
for folder in (ROOT / "demo", LIBRARY.parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def real_data() -> Path:
    """Return the folder of real arrays, which need not exist."""
    return Path(os.environ.get("LINEDRIFT_REAL_DATA", ROOT.parent / "shared" / "data"))
