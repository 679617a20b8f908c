"""What every script of the workflow does around its work: log one line, fail in words."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Callable[[Any], str], job: Any) -> None:
    """Call `main` with the job that Snakemake hands to a script, and keep its log.

    Parameters
    ----------
    main
        Reads, calls, writes; returns one line of figures for the log.
    job
        Snakemake's object: input, output, params, log.

    Notes
    -----
    An error that was raised for people (a ValueError: of a sheet, a table, a reader) ends the
    job with its words alone; any other error is a defect, so its traceback is kept as well.
    """
    began = time.monotonic()
    try:
        told = main(job)
    except (ValueError, OSError) as error:
        words = f"{type(error).__name__}: {error}" if isinstance(error, OSError) else str(error)
        # Where it happened, without the words again that end a traceback.
        ending = "".join(traceback.format_exception_only(error))
        _log(job, f"{words}\n\n{traceback.format_exc().removesuffix(ending)}")
        print(words, file=sys.stderr)
        sys.exit(1)
    except BaseException:
        _log(job, traceback.format_exc())
        raise
    _log(job, f"{told} ({time.monotonic() - began:.1f} s)\n")


def _log(job: Any, text: str) -> None:
    if job.log:
        try:
            Path(job.log[0]).write_text(text, encoding="utf-8")
        except OSError as error:  # a full disk must not hide the words of the error itself
            print(f"{job.log[0]}: {error}", file=sys.stderr)


def write_folder(target: str | os.PathLike[str], write: Callable[[Path], T]) -> T:
    """Call `write` on a folder beside `target`, then rename: the folder is whole or absent."""
    target = Path(target)
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        beside.mkdir()
        told = write(beside)
        if target.exists():
            shutil.rmtree(target)
        beside.rename(target)
        return told
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def provenance(version: str, bank: Mapping[str, str]) -> dict[str, str]:
    """Return what made a page, when, and with which versions."""
    from importlib import metadata  # only reports need it

    packages = ("numpy", "scipy", "pandas", "pyarrow", "pysam")
    return {
        "linedrift": version,
        "made": datetime.date.today().isoformat(),
        "reference": "GRCh38",
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in packages},
        **{f"bank {key}": text for key, text in bank.items() if text},
    }
