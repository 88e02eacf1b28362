"""Load on live streams: each sends frames at a camera's pace, or as fast as they are answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

import grpc
import msgspec
import uvloop
from websockets.asyncio.client import ClientConnection, connect

from deploy.bench.processes import ProcessTree
from service.rpc import hand_mesh_pb2 as pb

WARMUP_SHARE = 0.25
STREAM = "/simahand.v1.HandMesh/Stream"

Transport = Literal["gRPC", "WebSocket"]


class Answer(NamedTuple):
    """What is kept of a reply."""

    age_ms: float
    engine_ms: float
    dropped: int


class Stream(Protocol):
    """One stream to the gateway."""

    async def send(self) -> None:
        """Send the frame."""

    async def answer(self) -> Answer:
        """Return the next reply; raises `RuntimeError` where it is no hand."""


@dataclass(frozen=True, kw_only=True)
class StreamTarget:
    """A gateway on this machine, and whose CPU time it costs."""

    http_port: int
    grpc_port: int
    server: ProcessTree
    frame: bytes


@dataclass(frozen=True, kw_only=True)
class StreamSample:
    """One measured window."""

    answers: tuple[Answer, ...]
    elapsed_s: float
    server_cpu_s: float


@dataclass
class _Window:
    answers: list[Answer] = field(default_factory=list)


def measure_streams(
    target: StreamTarget, transport: Transport, *, streams: int, pace_per_s: float | None, seconds: float
) -> StreamSample:
    """Measure a window in the middle of `streams` streams.

    Args:
        target: The gateway.
        transport: What carries the streams.
        streams: How many there are.
        pace_per_s: Frames a second of each stream; None sends the next one when the last is answered.
        seconds: Length of the window.

    Raises:
        RuntimeError: A reply was no hand.
    """
    return uvloop.run(_measure(target, transport, streams, pace_per_s, seconds))


async def _measure(
    target: StreamTarget, transport: Transport, streams: int, pace_per_s: float | None, seconds: float
) -> StreamSample:
    window = _Window()
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(OPEN[transport](target)) for _ in range(streams)]
        tasks = [asyncio.create_task(run) for stream in opened for run in _runs(stream, pace_per_s, window)]
        await asyncio.sleep(WARMUP_SHARE * seconds)
        window.answers.clear()
        cpu_before_s, start_s = target.server.cpu_s(), time.perf_counter()
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        sample = StreamSample(
            answers=tuple(window.answers),
            elapsed_s=time.perf_counter() - start_s,
            server_cpu_s=target.server.cpu_s() - cpu_before_s,
        )
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()
    return sample


def _runs(stream: Stream, pace_per_s: float | None, window: _Window) -> list[Coroutine[None, None, None]]:
    if pace_per_s is None:
        return [_ask(stream, window)]
    return [_film(stream, pace_per_s), _listen(stream, window)]


async def _ask(stream: Stream, window: _Window) -> None:
    while True:
        await stream.send()
        window.answers.append(await stream.answer())


async def _film(stream: Stream, pace_per_s: float) -> None:
    start_s, count = time.perf_counter(), 0
    while True:
        await stream.send()
        count += 1
        await asyncio.sleep(max(0.0, start_s + count / pace_per_s - time.perf_counter()))


async def _listen(stream: Stream, window: _Window) -> None:
    while True:
        window.answers.append(await stream.answer())


class _WebSocketStream:
    def __init__(self, socket: ClientConnection, frame: bytes) -> None:
        self._socket = socket
        self._message = msgspec.msgpack.encode({"type": "frame", "encoded": frame})

    async def send(self) -> None:
        await self._socket.send(self._message)

    async def answer(self) -> Answer:
        data = await self._socket.recv(decode=False)
        reply = msgspec.msgpack.decode(data)
        if reply["type"] != "hand":
            raise RuntimeError(f"expected a hand, got {reply['slug']}: {reply['detail']}")
        return Answer(reply["age_ms"], reply["timing_ms"]["engine"], reply["dropped"])


class _GrpcStream:
    def __init__(self, channel: grpc.aio.Channel, frame: bytes) -> None:
        self._call = channel.stream_stream(STREAM, bytes, pb.StreamReply.FromString)()
        self._message = pb.StreamRequest(frame=pb.Frame(encoded=frame)).SerializeToString()

    async def send(self) -> None:
        await self._call.write(self._message)

    async def answer(self) -> Answer:
        reply = await self._call.read()
        if not isinstance(reply, pb.StreamReply) or not reply.HasField("hand"):
            raise RuntimeError(f"expected a hand, got {reply}")
        return Answer(reply.age_ms, reply.hand.timing_ms["engine"], reply.dropped)


@asynccontextmanager
async def _websocket(target: StreamTarget) -> AsyncGenerator[Stream, None]:
    url = f"ws://127.0.0.1:{target.http_port}/v1/stream"
    async with connect(url, compression=None) as socket:
        yield _WebSocketStream(socket, target.frame)


@asynccontextmanager
async def _grpc(target: StreamTarget) -> AsyncGenerator[Stream, None]:
    options = (("grpc.use_local_subchannel_pool", 1),)  # a connection a stream, as from as many clients
    async with grpc.aio.insecure_channel(f"127.0.0.1:{target.grpc_port}", options=options) as channel:
        yield _GrpcStream(channel, target.frame)


OPEN: dict[Transport, Callable[[StreamTarget], AbstractAsyncContextManager[Stream]]] = {
    "gRPC": _grpc,
    "WebSocket": _websocket,
}
