"""What one process takes on, whichever of its models is asked: so many places, workers, and seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from service.engines.protocol import Deadline
from service.errors import OverloadedError
from service.line import Line

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one process takes on."""

    max_pixels: int
    max_in_flight: int
    decode_workers: int
    deadline_s: float
    retry_after_s: int


class Capacity:
    """Bounded workers and a bounded number of places; all pipelines of a process share one."""

    def __init__(self, limits: Limits) -> None:
        """Start the workers; `close` ends them."""
        self.limits = limits
        self.taken = 0
        """Places that are held."""
        self.line = Line(retry_after_s=limits.retry_after_s)
        """In front of the engine; places are held before it, too, while an upload comes."""
        self._jobs = 0
        self._workers = ThreadPoolExecutor(limits.decode_workers, thread_name_prefix="decode")

    def close(self) -> None:
        """End the workers."""
        self._workers.shutdown(cancel_futures=True)

    def deadline(self, caller_s: float | None = None) -> Deadline:
        """Return the deadline of what has arrived just now; a caller who waits `caller_s` may have less."""
        deadline_s = self.limits.deadline_s
        return Deadline.after(deadline_s if caller_s is None else min(deadline_s, caller_s))

    @contextmanager
    def admission(self, places: int) -> Iterator[None]:
        """Hold places for one request before its body is read, one for each picture that it may hold.

        In a house of fewer places, a request that wants more has all of them to itself.

        Raises:
            OverloadedError: There are not so many left.
        """
        wanted = min(places, self.limits.max_in_flight)
        if self.taken + wanted > self.limits.max_in_flight:
            raise OverloadedError(
                f"{self.taken} of {self.limits.max_in_flight} places are taken, {wanted} are wanted",
                retry_after_s=self.limits.retry_after_s,
            )
        self.taken += wanted
        try:
            yield
        finally:
            self.taken -= wanted

    async def work(self, job: Callable[[], Result]) -> Result:
        """Return what a job returns, done in a worker."""
        self._jobs += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._workers, job)
        finally:
            self._jobs -= 1

    @property
    def waiting(self) -> int:
        """How many jobs no worker has begun."""
        return max(0, self._jobs - self.limits.decode_workers)
