"""One stream: a reader that keeps the newest frame, and a worker that answers it.

The reader takes every message as it comes and never waits for the worker, so that what waits is always the
newest frame. The worker has one frame in hand until its reply is on its way: never more than one frame of a
stream is in the engine, and a peer that reads slowly is sent fewer replies instead of older ones. Streams
share the engine fairly, since each has one frame in its queue, which is first in, first out.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from service.keys.caller import Caller
from service.stream_metrics import Transport
from service.streams.answering import Answerer, Arrived, Parts
from service.streams.errors import (
    GoingAwayError,
    IdleStreamError,
    KeyRevokedError,
    StreamEndError,
    UnreadRepliesError,
)
from service.streams.limits import StreamLimits
from service.streams.messages import Frame, Message, Reply, StreamOptions
from service.streams.slot import NewestSlot

Receive = Callable[[], Awaitable[Message | None]]
"""Returns the next message, None at the end of them; raises `StreamEndError` for what is none."""
Send = Callable[[Reply], Awaitable[None]]
"""Returns when the reply is on its way, which a peer that does not read puts off."""


class HandStream:
    """Everything that one stream knows."""

    def __init__(
        self,
        parts: Parts,
        limits: StreamLimits,
        *,
        request_id: str,
        caller: Caller,
        transport: Transport,
        closing: asyncio.Event,
    ) -> None:
        """Begin with the default options.

        Args:
            parts: What answers.
            limits: When to give up on the peer.
            request_id: Of the stream, for logs and for the engine.
            caller: Whose limits its frames count in.
            transport: What carries it, for the metrics.
            closing: Set when the gateway stops.
        """
        self.request_id: Final = request_id
        self.frames = 0
        """That have come."""
        self._limits = limits
        self._caller = caller
        self._closing = closing
        self._deadline = parts.pipeline.deadline
        self._metrics = parts.telemetry.streams[transport]
        self._answerer = Answerer(parts, request_id=request_id, transport=transport)
        self._options = StreamOptions()
        self._slot: NewestSlot[Arrived] = NewestSlot()

    async def serve(self, receive: Receive, send: Send) -> None:
        """Answer until the peer sends no more and its last frame is answered.

        Raises:
            StreamEndError: The stream ended otherwise; what `receive` and `send` raise is passed on.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(receive))
                watches = [
                    group.create_task(self._watch_closing()),
                    group.create_task(self._watch_key()),
                ]
                await self._work(send)
                for watch in watches:
                    watch.cancel()
        except ExceptionGroup as failures:
            raise _first(failures) from None

    async def _read(self, receive: Receive) -> None:
        idle_s = self._limits.idle_timeout_s
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(idle_s) as patience:
                while (message := await receive()) is not None:
                    patience.reschedule(loop.time() + idle_s)
                    self._hear(message)
        except TimeoutError:
            raise IdleStreamError(f"no message came for {idle_s:g} s") from None
        self._slot.close()

    def _hear(self, message: Message) -> None:
        if isinstance(message, StreamOptions):
            self._options = message
            return
        self._metrics.received.inc()
        self.frames += 1
        waiting = self._slot.waiting
        if waiting is not None:
            self._metrics.dropped.inc()
            message = _with_first_box(message, waiting)
        self._slot.put(Arrived(message, self._options, time.perf_counter(), self._deadline()))

    async def _work(self, send: Send) -> None:
        patience_s = self._limits.send_timeout_s
        while await self._slot.filled():
            await self._caller.pace()  # the frame that waits may still be replaced by a newer one
            taken = await self._slot.take()
            assert taken is not None, "what is in the slot is replaced, and taken here alone"
            reply = await self._answerer.answer(taken.item, dropped=taken.dropped)
            try:
                async with asyncio.timeout(patience_s):
                    await send(reply)
            except TimeoutError:
                raise UnreadRepliesError(f"a reply was not read for {patience_s:g} s") from None

    async def _watch_closing(self) -> None:
        await self._closing.wait()
        raise GoingAwayError("the gateway is stopping")

    async def _watch_key(self) -> None:
        await self._caller.revoked.wait()
        raise KeyRevokedError(f"the key {self._caller.name!r} was changed or taken back")


def _with_first_box(frame: Frame, replaced: Arrived) -> Frame:
    """Keep the box that a tracking stream began with, though its frame is replaced before its turn."""
    if replaced.options.track and frame.box is None and replaced.frame.box is not None:
        return replace(frame, box=replaced.frame.box)
    return frame


def _first(failures: ExceptionGroup[Exception]) -> Exception:
    """Return what ended the stream: our own reason before what followed from it."""
    with contextlib.suppress(StopIteration):
        return next(failure for failure in failures.exceptions if isinstance(failure, StreamEndError))
    return failures.exceptions[0]
