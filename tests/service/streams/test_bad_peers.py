"""Peers that send nonsense, read nothing, stop in the middle or vanish: nothing is left of them."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import grpc
import pytest
from websockets.exceptions import ConnectionClosed

from service.rpc import hand_mesh_pb2 as pb
from service.settings import Settings
from tests.service.pictures import encoded, picture, png_header
from tests.service.streams.peers import (
    STREAM,
    TRANSPORTS,
    GrpcPeer,
    Peer,
    Ports,
    Transport,
    WebSocketPeer,
    channel_to,
    peer_of,
    socket_to,
    stream_of,
)
from tests.service.streams.serving import Served, SteadyEngine, serving
from tests.service.streams.test_overload import resident_bytes
from tests.service.streams.test_stream import ends

JPEG = encoded(picture(128, 128), "JPEG")
CONNECTIONS = 1000
MOST_GROWTH_BYTES = 16 << 20


async def send_bytes(peer: Peer, data: bytes) -> None:
    """Send what need not be a message."""
    if isinstance(peer, WebSocketPeer):
        await peer.socket.send(data)
    else:
        assert isinstance(peer, GrpcPeer)
        await peer.call.write(data)


@asynccontextmanager
async def raw_peer_of(transport: Transport, ports: Ports) -> AsyncGenerator[Peer, None]:
    """Open a stream that carries any bytes."""
    if transport == "websocket":
        async with peer_of(transport, ports) as peer:
            yield peer
        return
    async with channel_to(ports) as channel:
        yield GrpcPeer(channel.stream_stream(STREAM, bytes, pb.StreamReply.FromString)())


async def still_serves(served: Served) -> None:
    for transport in TRANSPORTS:
        async with peer_of(transport, served) as peer:
            await peer.send("frame", encoded=JPEG)
            assert (await peer.reply())["type"] == "hand"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_what_is_no_message_ends_the_stream(transport: Transport, embedded_settings: Settings) -> None:
    codes = {"grpc": grpc.StatusCode.INVALID_ARGUMENT, "websocket": 1007}

    async def play() -> None:
        async with serving(embedded_settings, SteadyEngine()) as served:
            for garbage in (b"", b"\xff" * 50, b"\x81\xa4type\xa4hand", b"{}", JPEG):
                async with raw_peer_of(transport, served) as peer:
                    await send_bytes(peer, garbage)
                    code, reason = await asyncio.wait_for(ends(peer), 5)
                    assert code == codes[transport], garbage
                    assert reason
            ended = served.metric("simahand_streams_total", transport=transport, end="malformed-message")
            assert ended == 5
            await still_serves(served)

    asyncio.run(play())


def test_text_is_no_message(embedded_settings: Settings) -> None:
    async def play() -> None:
        async with serving(embedded_settings, SteadyEngine()) as served, socket_to(served) as socket:
            await socket.send('{"type": "frame"}')
            assert await ends(WebSocketPeer(socket)) == (1007, "messages are binary, this one was text")

    asyncio.run(play())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_message_that_is_too_large_ends_the_stream(
    transport: Transport, embedded_settings: Settings
) -> None:
    async def play() -> None:
        async with serving(embedded_settings, SteadyEngine(), max_body_bytes=1 << 20) as served:
            for size in ((1 << 20) + 100_000, 5 << 20):
                async with peer_of(transport, served) as peer:
                    with suppress(ConnectionClosed, grpc.RpcError):
                        await peer.send("frame", encoded=bytes(size))
                    code, _ = await asyncio.wait_for(ends(peer), 5)
                    assert code == {"grpc": grpc.StatusCode.RESOURCE_EXHAUSTED, "websocket": 1009}[transport]
            await still_serves(served)

    asyncio.run(play())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_header_of_200_megapixels_costs_nothing(transport: Transport, embedded_settings: Settings) -> None:
    async def play() -> None:
        async with serving(embedded_settings, SteadyEngine()) as served, peer_of(transport, served) as peer:
            await still_serves(served)
            before = resident_bytes()
            for _ in range(20):
                await peer.send("frame", encoded=png_header(20_000, 10_000))
                assert (await peer.reply())["slug"] == "too-large"
            assert resident_bytes() - before < MOST_GROWTH_BYTES

    asyncio.run(play())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_peer_that_reads_nothing_is_let_go(transport: Transport, embedded_settings: Settings) -> None:
    """Its replies wait in bounded buffers; then the stream ends, and others have not noticed."""

    async def flood(peer: Peer) -> None:
        for _ in range({"grpc": 60, "websocket": 100_000}[transport]):  # the kernel's buffers are larger
            await peer.send("frame", encoded=JPEG)
            await asyncio.sleep(0.004)

    async def read_nothing(served: Served) -> None:
        before = resident_bytes()
        async with asyncio.timeout(25), unread_peer_of(transport, served) as peer:
            flooding = asyncio.create_task(flood(peer))
            while not served.metric("simahand_streams_total", transport=transport, end="unread-replies"):
                await still_serves(served)
            assert resident_bytes() - before < MOST_GROWTH_BYTES
            assert served.metric("simahand_streams_open", transport=transport) == 0
            if transport == "grpc":
                code, reason = await ends(peer)
                assert (code, reason) == (grpc.StatusCode.ABORTED, "a reply was not read for 1 s")
            else:
                flooding.cancel()
            await asyncio.gather(flooding, return_exceptions=True)

    async def play() -> None:
        async with serving(embedded_settings, SteadyEngine(), send_timeout_s=1.0) as served:
            await still_serves(served)
            files = open_files()
            await read_nothing(served)  # gRPC closes a channel when nothing holds its calls any more
            await come_back_to(files)

    asyncio.run(play())


@asynccontextmanager
async def unread_peer_of(transport: Transport, ports: Ports) -> AsyncGenerator[Peer, None]:
    if transport == "grpc":  # whose window would grow to megabytes
        async with peer_of(transport, ports, ("grpc.http2.bdp_probe", 0)) as peer:
            yield peer
        return
    async with socket_to(ports, max_queue=1, ping_interval=None, close_timeout=0.1) as socket:
        yield WebSocketPeer(socket)


@dataclass(frozen=True)
class CutLine:
    """Where the line begins, and the end of it."""

    http: int
    grpc: int
    broken: asyncio.Event


@asynccontextmanager
async def cut_line_to(served: Served, *, after_bytes: int) -> AsyncGenerator[CutLine, None]:
    """Pass on so many bytes to the gateway and no more, its answers whole, and leave the connection open."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, budget: int | None) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data if budget is None else data[:budget])
            budget = None if budget is None else max(0, budget - len(data))

    async def connected(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        ways = {
            asyncio.create_task(pass_on(reader, back, after_bytes)),
            asyncio.create_task(pass_on(there, writer, None)),
            asyncio.create_task(broken.wait()),
        }
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        back.transport.abort()
        writer.transport.abort()

    async def line(port: int) -> asyncio.Server:
        return await asyncio.start_server(lambda r, w: connected(port, r, w), "127.0.0.1", 0)

    broken = asyncio.Event()
    async with await line(served.http) as http, await line(served.grpc) as rpc:
        yield CutLine(http.sockets[0].getsockname()[1], rpc.sockets[0].getsockname()[1], broken)
        broken.set()


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_stream_that_stops_mid_frame_is_ended(transport: Transport, embedded_settings: Settings) -> None:
    async def play() -> None:
        async with serving(embedded_settings, SteadyEngine(), stream_idle_timeout_s=0.5) as served:
            await still_serves(served)
            files = open_files()
            async with cut_line_to(served, after_bytes=30_000) as ports:
                async with unread_peer_of(transport, ports) as peer:
                    await peer.send("frame", encoded=JPEG)
                    assert (await peer.reply())["type"] == "hand"
                    await peer.send("frame", encoded=bytes(100_000))
                    if isinstance(peer, WebSocketPeer):  # which waits for the gateway to hang up
                        while peer.socket.protocol.close_rcvd is None:  # noqa: ASYNC110
                            await asyncio.sleep(0.01)
                        ports.broken.set()
                    code, reason = await asyncio.wait_for(ends(peer), 5)
                assert code == {"grpc": grpc.StatusCode.DEADLINE_EXCEEDED, "websocket": 1008}[transport]
                assert reason == "no message came for 0.5 s"
                assert served.metric("simahand_streams_open", transport=transport) == 0
                await still_serves(served)
            await come_back_to(files)

    asyncio.run(play())


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count, not paths


async def come_back_to(files: int) -> None:
    """Wait until no more files are open than before."""
    for _ in range(1000):
        if open_files() <= files:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{open_files()} files are open, {files} were before")


async def open_and_drop(served: Served, kind: int) -> None:
    if kind == 0:
        for port in (served.http, served.grpc):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /v1/stream HTTP/1.1\r\n")
            writer.transport.abort()
    elif kind == 1:
        socket = await socket_to(served)
        await socket.send(b"\x82\xa4type")
        socket.transport.abort()
    elif kind == 2:
        socket = await socket_to(served)
        await WebSocketPeer(socket).send("frame", encoded=JPEG)
        socket.transport.abort()
    else:
        async with channel_to(served) as channel:
            await GrpcPeer(stream_of(channel)).send("frame", encoded=JPEG)


@pytest.mark.slow
def test_a_thousand_connections_opened_and_dropped_leave_nothing(embedded_settings: Settings) -> None:
    async def drop(served: Served, count: int) -> None:
        for start in range(0, count, 20):
            await asyncio.gather(*(open_and_drop(served, number % 4) for number in range(start, start + 20)))

    async def play() -> None:
        async with serving(embedded_settings, SteadyEngine()) as served:
            files = open_files()
            await drop(served, CONNECTIONS // 2)  # what is allocated once is allocated
            await come_back_to(files)
            gc.collect()
            before = resident_bytes()
            await drop(served, CONNECTIONS)
            await come_back_to(files)
            gc.collect()
            assert resident_bytes() - before < MOST_GROWTH_BYTES
            for transport in TRANSPORTS:
                assert served.metric("simahand_streams_open", transport=transport) == 0
            await still_serves(served)

    asyncio.run(play())
