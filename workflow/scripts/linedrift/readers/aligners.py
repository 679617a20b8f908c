"""FASTQ aligned to the reference by bwa-mem2 or bwa, sorted, with duplicates marked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from linedrift.readers.files import ReadingError
from linedrift.tables import write_beside

# Programs in order of preference (bwa-mem2 is about twice as fast), and the files of their index.
PROGRAMS = {
    "bwa-mem2": (".0123", ".amb", ".ann", ".bwt.2bit.64", ".pac"),
    "bwa": (".amb", ".ann", ".bwt", ".pac", ".sa"),
}
_INSTALL = (
    "Install bwa-mem2 or bwa so that it is on the PATH, run with --software-deployment-method "
    "conda (envs/alignment.yaml), or give BAM or CRAM"
)
# Reads of a batch, in bases: fixed, so that the result does not depend on the number of threads.
_BATCH = 100_000_000
# Calls one command of the samtools in pysam, as a process of its own that can stand in a pipe.
_SAMTOOLS = (
    "import sys, pysam.samtools; "
    "getattr(pysam.samtools, sys.argv[1])(*sys.argv[2:], catch_stdout=False)"
)
# What bwa says of a pair of files of unequal length; it aligns the rest as single reads.
_FEWER = re.compile(r"the (1st|2nd) file has fewer sequences")


def indexed(prefix: str) -> list[str]:
    """Return the programs whose index stands at `prefix`, in order of preference."""
    return [
        program
        for program, endings in PROGRAMS.items()
        if all(os.path.isfile(prefix + ending) for ending in endings)
    ]


def installed(among: Sequence[str] = tuple(PROGRAMS)) -> str:
    """Return the first program of `among` that is on the PATH.

    Raises
    ------
    ReadingError
        When there is none, saying what to do.
    """
    for program in among:
        if shutil.which(program):
            return program
    named = " and ".join(among)
    raise ReadingError(f"{named} not found, which FASTQ needs to be aligned. {_INSTALL}")


def make_index(reference: str, folder: Path) -> str:
    """Make the index of a FASTA as `folder`/genome.*; return the program that made it."""
    program = installed()
    command = [program, "index", "-p", str(folder / "genome"), reference]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise ReadingError(f"{reference}: {program} cannot index it: {last_words(done.stderr)}")
    return program


def align(
    lanes: Sequence[tuple[str, str]], prefix: str, sample: str, target: str, threads: int
) -> str:
    """Align the lanes of a sample, sort the reads, mark duplicates; write BAM and its index.

    Parameters
    ----------
    lanes
        Pairs of FASTQ files.
    prefix
        Of the index of the reference, made by one of PROGRAMS.
    sample
        Name of the sample, for the read groups.
    target
        BAM to write; its index is `target`.bai.
    threads
        For the aligner and for sorting.

    Returns
    -------
    str
        The program that aligned.

    Raises
    ------
    ReadingError
        When no aligner is there, when it fails, or when the files of a pair are not of equal
        length.
    """
    found = indexed(prefix)
    if not found:
        raise ReadingError(f"{prefix}: has no index of bwa-mem2 or bwa beside it")
    program = installed(found)
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=Path(target).parent, prefix=".align.") as folder:
        parts = []
        for number, pair in enumerate(lanes, start=1):
            parts.append(str(Path(folder, f"{number}.bam")))
            group = rf"@RG\tID:{sample}.{number}\tSM:{sample}\tLB:{sample}\tPL:ILLUMINA"
            command = [program, "mem", "-t", str(threads), "-K", str(_BATCH), "-R", group]
            run(
                [
                    [*command, prefix, *pair],
                    samtools("fixmate", "-m", "-u", "-", "-"),
                    samtools(
                        *("sort", "-l", "1", "-@", str(threads), "-m", "500M"),
                        *("-T", str(Path(folder, f"{number}.part")), "-o", parts[-1], "-"),
                    ),
                ],
                folder,
                " and ".join(pair),
            )
        index = f"{target}.bai"
        write_beside(target, lambda beside: mark(parts, str(beside), folder, sample))
        write_beside(
            index,
            lambda beside: run([samtools("index", "-o", str(beside), target)], folder, target),
        )
    return program


def mark(parts: Sequence[str], target: str, folder: str, sample: str) -> None:
    """Merge sorted BAMs, mark duplicates, write `target`."""
    merge = [samtools("merge", "-u", "-o", "-", *parts)]
    mark = samtools("markdup", "-O", "bam", "-T", str(Path(folder, "mark")), "-", target)
    run([*merge, mark], folder, sample)


def samtools(*arguments: str) -> list[str]:
    """Return the command line of a command of the samtools in pysam."""
    return [sys.executable, "-c", _SAMTOOLS, *arguments]


def run(commands: Sequence[Sequence[str]], folder: str, of: str) -> None:
    """Run commands, each of which reads what the one before it writes; no shell is used.

    Raises
    ------
    ReadingError
        With the last words of the first that fails.
    """
    running: list[subprocess.Popen[bytes]] = []
    said = [Path(folder, f"said.{number}").open("w+b") for number in range(len(commands))]
    try:
        before: IO[bytes] | None = None
        for number, (command, errors) in enumerate(zip(commands, said, strict=True), start=1):
            last = number == len(commands)
            out: Any = subprocess.DEVNULL if last else subprocess.PIPE
            running.append(
                subprocess.Popen(
                    command, stdin=before or subprocess.DEVNULL, stdout=out, stderr=errors
                )
            )
            if before:
                before.close()  # so that a program hears when the next one has ended
            before = running[-1].stdout
        codes = [process.wait() for process in running]
        words = []
        for file in said:
            file.seek(0)
            words.append(file.read())
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()
                process.wait()
        for file in said:
            file.close()
    if fewer := _FEWER.search(words[0].decode(errors="replace")):
        raise ReadingError(
            f"{of}: the {fewer[1]} file has fewer reads than the other; expected as many in both. "
            "Copy or make both again from the same run"
        )
    # The first that failed by itself; those before it die of a broken pipe.
    wrong = [number for number, code in enumerate(codes) if code]
    if wrong:
        first = min(wrong, key=lambda number: (codes[number] < 0, number))
        name = commands[first][0] if first == 0 else " ".join(commands[first][2:4])
        raise ReadingError(f"{of}: {Path(name).name} failed: {last_words(words[first])}")


def last_words(said: bytes) -> str:
    """Return the last lines that a program wrote, those of bwa's progress left out."""
    lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
    told = [line.strip() for line in lines if not line.startswith("[M::")]
    return "; ".join((told or lines or ["it said nothing"])[-3:])
