"""Importing this module makes the library importable where nothing else has (`make demo`)."""

import sys
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[1] / "workflow" / "scripts"
if str(LIBRARY) not in sys.path:
    sys.path.insert(0, str(LIBRARY))
