"""All streams of one gateway: so many and no more, and all told when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from service.streams.answering import Parts
from service.streams.errors import GoingAwayError, StreamEndError, TooManyStreamsError
from service.streams.limits import StreamLimits
from service.streams.stream import HandStream
from service.telemetry import Transport


class Streams:
    """Counts the streams in, and out."""

    def __init__(self, parts: Parts, limits: StreamLimits) -> None:
        """There is none yet."""
        self.parts = parts
        self.limits = limits
        self._open = 0
        self._closing = asyncio.Event()

    def close(self) -> None:
        """Have every stream end with `GoingAwayError`, and take on no more."""
        self._closing.set()

    @contextmanager
    def admit(self, transport: Transport, *, request_id: str) -> Iterator[HandStream]:
        """Hold a place for one stream, and count how it ends.

        Raises:
            TooManyStreamsError: There is no place.
            GoingAwayError: The gateway stops.
        """
        telemetry, end = self.parts.telemetry, "ok"
        telemetry.open_streams.labels(transport).inc()
        self._open += 1
        try:
            self._check_place()
            yield HandStream(self.parts, self.limits, request_id=request_id, closing=self._closing)
        except StreamEndError as error:
            end = error.slug
            raise
        except BaseException:
            end = "disconnected"
            raise
        finally:
            self._open -= 1
            telemetry.open_streams.labels(transport).dec()
            telemetry.streams.labels(transport, end).inc()

    def _check_place(self) -> None:
        if self._closing.is_set():
            raise GoingAwayError("the gateway is stopping")
        if self._open > self.limits.max_streams:
            raise TooManyStreamsError(f"{self.limits.max_streams} streams are open, and no more are taken")
