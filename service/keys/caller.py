"""Whoever asks, known by the name of a key: what is taken from its limits, over every transport together."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import RateLimitedError
from service.keys.bucket import Clock, TokenBucket
from service.keys.key_file import KeyLimits
from service.streams.errors import TooManyStreamsError


class Caller:
    """One key's holder, or anyone where no key is asked for."""

    def __init__(self, name: str, limits: KeyLimits, *, clock: Clock = time.monotonic) -> None:
        """Begin with a full bucket; the name is empty where no key is asked for."""
        self.name = name
        self.limits = limits
        self.revoked = asyncio.Event()
        """Set once the key is no longer valid: streams that are open then end."""
        self._bucket = _bucket(limits, clock)
        self._open_streams = 0

    def take_request(self) -> None:
        """Count one request.

        Raises:
            RateLimitedError: It is one too many for now.
        """
        wait_s = 0.0 if self._bucket is None else self._bucket.take()
        if wait_s > 0:
            raise RateLimitedError(
                f"the key {self.name!r} may ask {self.limits.requests_per_s:g} times a second",
                retry_after_s=math.ceil(wait_s),
            )

    @contextmanager
    def stream_place(self) -> Iterator[None]:
        """Hold a place for one stream.

        Raises:
            TooManyStreamsError: The key has as many as it may.
        """
        most = self.limits.max_streams
        if most is not None and self._open_streams >= most:
            raise TooManyStreamsError(f"the key {self.name!r} may have {most} streams at once")
        self._open_streams += 1
        try:
            yield
        finally:
            self._open_streams -= 1

    async def pace(self) -> None:
        """Count one frame of a stream, and return when its turn has come.

        A stream is slowed down where a request would be refused: the newest frame wins, so that it loses
        frames and no time. Streams of one key get their turns in the order in which they asked.
        """
        if self._bucket is None:
            return
        wait_s = self._bucket.reserve()
        try:
            if wait_s > 0:
                await asyncio.sleep(wait_s)
        except asyncio.CancelledError:
            self._bucket.give_back()
            raise


def _bucket(limits: KeyLimits, clock: Clock) -> TokenBucket | None:
    rate_per_s = limits.requests_per_s
    if rate_per_s is None:
        return None
    return TokenBucket(
        rate_per_s=rate_per_s, burst=limits.burst or max(1, math.ceil(rate_per_s)), clock=clock
    )
