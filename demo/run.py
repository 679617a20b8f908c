"""Run linedrift on the demo bank, then compare what it called with what was planted."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import compare
import make_bank

ROOT = Path(__file__).resolve().parents[1]
BANK, RESULTS = Path("demo/bank"), Path("demo/results")


def snakemake(cores: int) -> int:
    """Run the workflow on the demo bank from the repository root; return its exit code."""
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores)]
    command += ["--configfile", "demo/config.yaml"]
    print(f"Running: {' '.join(command[1:])}", flush=True)
    # Jobs find the tools of this environment, also where it is not activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    # Without compiled modules each of the 200 jobs would compile the library again.
    environment = os.environ | {"PATH": path, "PYTHONDONTWRITEBYTECODE": ""}
    return subprocess.run(command, env=environment, check=False).returncode


def main() -> int:
    """Make the bank where needed, run the workflow, print the pages and the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    os.chdir(ROOT)
    began = time.monotonic()
    if make_bank.is_current(BANK):
        print(f"The demo bank in {BANK} is current", flush=True)
    else:
        print(f"Making the demo bank in {BANK}", flush=True)
        make_bank.make(BANK, tell=make_bank.say, cores=options.cores)
    code = snakemake(options.cores)
    if code:
        print("The workflow stopped; the message above names the job and its log.")
        return code
    different = compare.report(BANK, RESULTS)
    print(f"Report of the bank: {RESULTS}/report/index.html")
    print(f"What may be public: {RESULTS}/public/index.html")
    print(f"In {time.monotonic() - began:.0f} s")
    return different


if __name__ == "__main__":
    raise SystemExit(main())
