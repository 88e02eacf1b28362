"""A live stream for plain code: the one for asyncio, in an event loop of its own thread."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self, TypedDict, Unpack

from anyio.from_thread import BlockingPortal, start_blocking_portal

from sima_hand_client.async_client import AsyncHandClient
from sima_hand_client.retry import RetryPolicy
from sima_hand_client.streams.messages import Image, Precision, Smoothing, StreamReply, Transport
from sima_hand_client.streams.stream import HandStream
from sima_hand_client.types import Box, Hand, Intrinsics, JointSet


class StreamChoices(TypedDict, total=False):
    """The arguments of `AsyncHandClient.stream`, which says what they mean."""

    transport: Transport
    track: bool
    smoothing: Smoothing
    precision: Precision
    without_vertices: bool
    joint_sets: Sequence[JointSet]
    model: str | None
    version: str | None
    timeout_s: float
    reconnect: RetryPolicy | None


class FrameChoices(TypedDict, total=False):
    """The arguments of `HandStream.send` beside the image, which says what they mean."""

    hand: Hand
    box: Box | None
    intrinsics: Intrinsics | None
    captured_at_us: int | None


class BlockingHandStream:
    """One live stream, made by `HandClient.stream`; `with` opens and closes it.

    It keeps what `HandStream` keeps: the newest frame wins, a connection that breaks is opened again with the
    stream's state. One thread may send while another one reads.

    Example:
        >>> with client.stream(track=True) as stream:  # doctest: +SKIP
        ...     stream.send(camera.read(), box=Box(120, 80, 200, 240))
        ...     for reply in stream:
        ...         stream.send(camera.read())
    """

    def __init__(self, client: AsyncHandClient, stream: HandStream) -> None:
        """Prepare a stream of a client that nobody else uses; nothing is sent yet."""
        self._client = client
        self._stream = stream
        self._opened = ExitStack()
        self._portal: BlockingPortal | None = None

    def __enter__(self) -> Self:
        """Open the stream; errors are those of `HandStream.__aenter__`."""
        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal("asyncio"))
            stack.enter_context(portal.wrap_async_context_manager(self._client))
            stack.enter_context(portal.wrap_async_context_manager(self._stream))
            self._portal = portal
            self._opened = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._portal = None
        self._opened.__exit__(kind, error, trace)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> StreamReply:
        """Return the next reply; raises `HandClientError` once the stream could not be kept."""
        reply = self._loop().call(self._next)
        if reply is None:
            raise StopIteration
        return reply

    def send(self, image: Image, **choices: Unpack[FrameChoices]) -> int:
        """Give the stream a frame and return its `frame_id`; see `HandStream.send`."""

        async def send() -> int:
            return await self._stream.send(image, **choices)

        return self._loop().call(send)

    def ask(self, image: Image, **choices: Unpack[FrameChoices]) -> StreamReply:
        """Send a frame and return its own reply; see `HandStream.ask`."""

        async def ask() -> StreamReply:
            return await self._stream.ask(image, **choices)

        return self._loop().call(ask)

    def finish(self) -> None:
        """Say that no frame will follow: iteration ends after the last one's reply."""
        self._loop().call(self._stream.finish)

    async def _next(self) -> StreamReply | None:
        return await anext(self._stream, None)

    def _loop(self) -> BlockingPortal:
        if self._portal is None:
            raise ValueError("the stream is not open: it is used inside `with`")
        return self._portal
