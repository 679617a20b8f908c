"""Commands of bcftools inside pysam, with errors in words.

They keep global state: one call a process at a time, never in threads.
"""

from __future__ import annotations

import pysam
import pysam.bcftools

from linedrift.readers.files import ReadingError


def run(command: str, *arguments: str) -> str:
    """Run a command that writes to a file (-o); return what it said on standard error.

    Raises
    ------
    ReadingError
        With the words of bcftools.
    """
    tool = getattr(pysam.bcftools, command)
    try:
        tool(*arguments, catch_stdout=False)
    except pysam.SamtoolsError as error:
        # `get_messages` still has those of the last command that succeeded.
        said = str(error).partition("stderr=")[2].strip(" '\"") or str(error)
        lines = [line for line in said.replace("\\n", "\n").splitlines() if line.strip()]
        raise ReadingError(f"bcftools {command}: {' '.join(lines[-5:])}") from error
    return tool.get_messages() or ""
