"""The processors of this machine: parts of a computation in processes of their own, answers in order."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from mlassay.errors import MlassayError, Problem

P = TypeVar("P")
R = TypeVar("R")
ALONE_SECONDS = 3.0  # of our own work: starting processes that load NumPy takes two on a busy machine
AHEAD = 2  # parts that wait for each worker, so that a long list is never held twice


class WorkerLost(MlassayError):  # noqa: N818 - what happened, in the words of the house
    """A process that worked for us ended without an answer."""


class LocalEngine:
    """Runs parts here while they are quick, and in ``workers`` processes once that pays.

    The processes begin empty and import what they need: nothing of this one's threads or handles is shared.
    """

    def __init__(self, workers: int | None = None, *, alone_seconds: float = ALONE_SECONDS) -> None:
        self._workers = _processors() if workers is None else workers
        self._alone = alone_seconds

    def map(self, function: Callable[[P], R], parts: Iterable[P], /) -> Iterator[R]:
        """``function`` of each of ``parts``, in their order; WorkerLost when a process dies."""
        waiting = iter(parts)
        started = time.process_time()
        for part in waiting:
            if self._workers < 2 or time.process_time() - started < self._alone:
                yield function(part)
            else:
                yield from self._spread(function, part, waiting)

    def _spread(self, function: Callable[[P], R], first: P, rest: Iterator[P]) -> Iterator[R]:
        context = multiprocessing.get_context("forkserver")
        pool = ProcessPoolExecutor(self._workers, mp_context=context)
        try:
            running: deque[Future[R]] = deque([pool.submit(function, first)])
            for part in rest:
                running.append(pool.submit(function, part))
                if len(running) > AHEAD * self._workers:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        except BrokenProcessPool as error:
            raise WorkerLost(
                Problem(
                    "a process that worked on a part of the measurement ended without an answer",
                    why="what it would have said is not known, so nothing can be said of the whole",
                    remedy="look for a lack of memory on this machine and run again; if it stays, please report it",
                )
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
