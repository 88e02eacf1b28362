"""All streams of one gateway: so many and no more, and all told when it stops."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from service.keys.caller import Caller
from service.logs import log_stream
from service.stream_metrics import Transport
from service.streams.answering import Parts
from service.streams.errors import GoingAwayError, StreamEndError, TooManyStreamsError
from service.streams.limits import StreamLimits
from service.streams.stream import HandStream


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
    def admit(self, transport: Transport, *, request_id: str, caller: Caller) -> Iterator[HandStream]:
        """Hold a place for one stream of a caller, and count how it ends.

        Raises:
            TooManyStreamsError: There is no place, or none for this caller.
            GoingAwayError: The gateway stops.
        """
        metrics, end = self.parts.telemetry.streams[transport], "ok"
        stream, started_s = None, time.perf_counter()
        metrics.open.inc()
        self._open += 1
        try:
            self._check_place()
            with caller.stream_place():
                stream = HandStream(
                    self.parts,
                    self.limits,
                    request_id=request_id,
                    transport=transport,
                    caller=caller,
                    closing=self._closing,
                )
                yield stream
        except TooManyStreamsError as error:
            end = error.slug
            self.parts.telemetry.refuse_stream(end)
            raise
        except StreamEndError as error:
            end = error.slug
            raise
        except BaseException:
            end = "disconnected"
            raise
        finally:
            self._open -= 1
            metrics.open.dec()
            metrics.ended(end)
            log_stream(
                request_id=request_id,
                transport=transport,
                end=end,
                caller=caller.name,
                frames=0 if stream is None else stream.frames,
                seconds=time.perf_counter() - started_s,
            )

    def _check_place(self) -> None:
        if self._closing.is_set():
            raise GoingAwayError("the gateway is stopping")
        if self._open > self.limits.max_streams:
            raise TooManyStreamsError(f"{self.limits.max_streams} streams are open, and no more are taken")
