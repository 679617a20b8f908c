"""Run a command and say what it took: CPU seconds and peak of resident memory, as JSON.

    python -S launch.py COMMAND ARGUMENT ...

Linux counts in the `ru_maxrss` of a program what its process was before it became that program:
its parent. Started from a benchmark that holds two arrays every peer seems to need their memory.
This parent holds some 10 MB; it imports nothing but what is built in.
"""

import os
import sys


def main() -> int:
    """Run the command; its output goes where ours goes, the figures to the last line of it."""
    pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
    _, status, usage = os.wait4(pid, 0)
    # Linux gives kilobytes.
    seconds, memory = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e6
    print(f'\n{{"seconds": {seconds:.3f}, "gigabytes": {memory:.4f}}}', flush=True)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    raise SystemExit(main())
