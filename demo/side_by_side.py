"""Parts of the demo bank made side by side, in processes of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any


class AtOnce(Executor):
    """Does what it is given in this process, before it returns."""

    def submit(self, do: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call `do`; what it raises is raised here."""
        done: Future[Any] = Future()
        done.set_result(do(*args, **kwargs))
        return done


def workers(cores: int) -> Executor:
    """Return what runs so many tasks at a time; functions and arguments must be picklable."""
    # Spawned, for a fork of a process that has threads (of pyarrow, of BLAS) may hang.
    return ProcessPoolExecutor(cores, get_context("spawn")) if cores > 1 else AtOnce()
