"""Does one thing to many items in several processes, with only a few results waiting at a time."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_WAITING_PER_JOB = 4


def mapped(function: Callable[[Item], Result], items: Iterable[Item], *, jobs: int) -> Iterator[Result]:
    """Yield the result for each item, in order.

    Args:
        function: Picklable, if there are several jobs.
        items: Read as they are needed.
        jobs: Processes; one does it in this process.

    Raises:
        ValueError: `jobs` is less than 1; also what `function` raises is raised here.
    """
    if jobs < 1:
        raise ValueError(f"at least one job is wanted, got {jobs}")
    if jobs == 1:
        yield from map(function, items)
        return
    # Forked children would inherit thread pools, half of them locked.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= jobs * _WAITING_PER_JOB:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
