"""A live stream as its caller sees it: frames in, replies out, whatever happens to the connection between."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from sima_hand_client.errors import (
    HandClientError,
    NoReplyError,
    NotReadyError,
    OverloadedError,
    UnreachableError,
)
from sima_hand_client.retry import RetryPolicy
from sima_hand_client.streams.connection import Connect, Connection
from sima_hand_client.streams.memory import StreamMemory
from sima_hand_client.streams.messages import Frame, Image, StreamOptions, StreamReply
from sima_hand_client.streams.slot import NewestSlot
from sima_hand_client.types import Box, Hand, Intrinsics

PASSING = (UnreachableError, NoReplyError, OverloadedError, NotReadyError)
"""What another connection may mend."""


class HandStream:
    """One live stream, made by `AsyncHandClient.stream`; `async with` opens and closes it.

    The newest frame wins: one frame waits to be sent, one reply waits to be read, and newer ones take their
    place; a reply's `dropped` counts the frames that were passed over, here or in the service. The last frame
    sent is always answered.

    A connection that breaks, or gives no reply in time, is opened again with backoff. The stream then tells
    the service its options again, the last box known when it tracks, and the newest frame without a reply.
    Smoothing begins anew.

    Example:
        >>> async with client.stream(track=True) as stream:  # doctest: +SKIP
        ...     await stream.send(frame, box=Box(120, 80, 200, 240))
        ...     async for reply in stream:
        ...         await stream.send(camera.read())
    """

    def __init__(
        self, connect: Connect, options: StreamOptions, *, timeout_s: float, retry: RetryPolicy
    ) -> None:
        """Prepare a stream; nothing is sent yet.

        Args:
            connect: opens a connection.
            options: how frames are answered.
            timeout_s: longest wait for a reply.
            retry: when to connect again; its attempts are connections in a row without a reply.
        """
        self._connect = connect
        self._timeout_s = timeout_s
        self._retry = retry
        self._memory = StreamMemory(options)
        self._frames: NewestSlot[Frame] = NewestSlot()
        self._replies: NewestSlot[StreamReply] = NewestSlot()
        self._patience: asyncio.Timeout | None = None
        self._opened = asyncio.Event()
        self._failure: Exception | None = None
        self._attempts = 0
        self._last_given_id = 0
        self._last_answered_id = 0
        self._last_read_id = 0
        self._finished = False
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Open the stream.

        Raises:
            HandClientError: the service cannot be reached, or took no stream after several attempts.
        """
        self._keeper = asyncio.create_task(self._keep())
        try:
            await self._opened.wait()
            self._check()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamReply:
        """Return the next reply; raises `HandClientError` once the stream could not be kept."""
        reply = await self._replies.take()
        if reply is None:
            self._check()
            raise StopAsyncIteration
        dropped = reply.frame_id - self._last_read_id - 1
        self._last_read_id = reply.frame_id
        return replace(reply, dropped=dropped)

    async def send(
        self,
        image: Image,
        *,
        hand: Hand = "right",
        box: Box | None = None,
        intrinsics: Intrinsics | None = None,
        captured_at_us: int | None = None,
    ) -> int:
        """Give the stream a frame, in place of one that waits still; return its `frame_id`.

        Args:
            image: an encoded JPEG, PNG or WebP, or [H, W, 3] uint8 RGB, which must not change any more.
            hand: which hand it is.
            box: the hand's tight box in the upright picture; begins a track anew.
            intrinsics: the camera of the upright picture; with it the result has `translation_m`.
            captured_at_us: when the picture was taken, by a clock of the caller's; None for now.

        Raises:
            ValueError: the frame is none.
            HandClientError: the stream could not be kept.
        """
        self._check()
        if self._finished:
            raise ValueError("a frame came after the stream's end")
        frame = Frame(
            frame_id=self._last_given_id + 1,
            captured_at_us=time.monotonic_ns() // 1000 if captured_at_us is None else captured_at_us,
            image=image,
            box=box,
            hand=hand,
            intrinsics=intrinsics,
        )
        self._last_given_id = frame.frame_id
        self._frames.put(self._memory.given(frame, self._frames.waiting))
        await asyncio.sleep(0)  # a caller that only sends lets the frame go
        return frame.frame_id

    async def ask(
        self,
        image: Image,
        *,
        hand: Hand = "right",
        box: Box | None = None,
        intrinsics: Intrinsics | None = None,
        captured_at_us: int | None = None,
    ) -> StreamReply:
        """Send a frame and return its own reply, for callers who leave none out; as `send` otherwise."""
        frame_id = await self.send(
            image, hand=hand, box=box, intrinsics=intrinsics, captured_at_us=captured_at_us
        )
        async for reply in self:
            if reply.frame_id == frame_id:
                return reply
        raise UnreachableError(f"the stream ended before frame {frame_id} was answered")

    async def finish(self) -> None:
        """Say that no frame will follow: iteration ends after the last one's reply."""
        self._finished = True
        self._close_when_answered()

    async def _keep(self) -> None:
        """Hold a connection until the stream is left, or cannot be kept."""
        try:
            while True:
                delay_s = await self._hold_connection()
                await asyncio.sleep(delay_s)
                if self._memory.unanswered is None:
                    await self._frames.filled()  # nobody waits for anything
        except Exception as error:
            self._failure = error
        finally:
            self._opened.set()
            self._replies.close()

    async def _hold_connection(self) -> float:
        """Serve one connection until it breaks; return how long to wait before the next."""
        try:
            async with self._connect() as connection:
                await connection.send(self._memory.options)
                self._opened.set()
                await self._serve(connection)
        except PASSING as error:
            self._attempts += 1
            first = not self._opened.is_set()
            # As over HTTP: who has not been reached once is not there.
            hopeless = first and isinstance(error, (UnreachableError, NoReplyError))
            delay_s = None if hopeless else self._retry.backoff_s(self._attempts)
            if delay_s is None:
                raise
            return delay_s
        raise AssertionError("a connection is served until it breaks")

    async def _serve(self, connection: Connection) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(connection))
                tasks.create_task(self._write(connection))
        except* Exception as failures:
            raise failures.exceptions[0] from None

    async def _write(self, connection: Connection) -> None:
        """Send what waits; the reader says why when that fails."""
        if self._memory.unanswered is not None and self._frames.waiting is None:
            self._frames.put(self._memory.unanswered)
        first = True
        with suppress(HandClientError):
            while (frame := await self._frames.take()) is not None:
                self._memory.sent(frame)
                if self._patience is not None and self._patience.when() is None:
                    self._patience.reschedule(self._deadline_s())
                await connection.send(self._memory.with_box(frame) if first else frame)
                first = False

    async def _read(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(None) as self._patience:
                while True:
                    reply = await connection.receive()
                    self._hear(reply)
                    waiting = self._memory.unanswered is not None
                    self._patience.reschedule(self._deadline_s() if waiting else None)
        except TimeoutError:
            raise NoReplyError(f"no reply to a frame within {self._timeout_s:g} s") from None

    def _hear(self, reply: StreamReply) -> None:
        if not self._last_answered_id < reply.frame_id <= self._last_given_id:
            return  # a frame that was sent twice may be answered twice
        self._attempts = 0
        self._last_answered_id = reply.frame_id
        self._replies.put(self._memory.answered(reply))
        self._close_when_answered()

    def _close_when_answered(self) -> None:
        if self._finished and self._last_answered_id == self._last_given_id:
            self._replies.close()

    def _deadline_s(self) -> float:
        return asyncio.get_running_loop().time() + self._timeout_s

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
