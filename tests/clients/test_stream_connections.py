"""Streams whose connections break, rest, fall silent, or never were."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest
from sima_hand_client import (
    AsyncHandClient,
    HandStream,
    NoReplyError,
    RetryPolicy,
    UnexpectedReplyError,
    UnreachableError,
)
from sima_hand_client.streams.messages import Transport

from deploy.bench.processes import free_port
from tests.clients.scenes import BOX, PATIENT, own_gateway, play

ONCE = RetryPolicy(attempts=1)


@pytest.mark.slow
def test_a_stream_outlives_its_gateway(tmp_path: Path, photo: bytes, transport: Transport) -> None:
    port = free_port()

    async def scene() -> None:
        async with AsyncHandClient(f"http://127.0.0.1:{port}") as client:
            first = own_gateway(tmp_path, port)
            tree = await asyncio.to_thread(first.__enter__)
            try:
                stream = client.stream(
                    transport=transport, without_vertices=True, track=True, reconnect=PATIENT
                )
                await stream.__aenter__()
                assert (await stream.ask(photo, box=BOX)).tracking == "tracking"
                tree.send(signal.SIGKILL)
            finally:
                await asyncio.to_thread(first.__exit__, None, None, None)
            await stream.send(b"replaced")
            await asyncio.sleep(0.3)
            await stream.send(photo)
            second = own_gateway(tmp_path, port)
            await asyncio.to_thread(second.__enter__)
            try:
                reply = await anext(stream)
                # The options and the box hold still, the newest frame is answered, the other counts.
                assert (reply.frame_id, reply.dropped, reply.tracking) == (3, 1, "tracking")
                assert reply.require_hand().vertices_root_m.shape == (0, 3)
            finally:
                await stream.__aexit__(None, None, None)
                await asyncio.to_thread(second.__exit__, None, None, None)

    asyncio.run(scene())


@pytest.mark.slow
def test_a_gateway_that_stays_away_ends_the_stream(
    tmp_path: Path, photo: bytes, transport: Transport
) -> None:
    port = free_port()
    few = RetryPolicy(attempts=3, first_delay_s=0.02, longest_delay_s=0.1)

    async def scene() -> None:
        async with AsyncHandClient(f"http://127.0.0.1:{port}") as client:
            gateway = own_gateway(tmp_path, port)
            await asyncio.to_thread(gateway.__enter__)
            async with client.stream(transport=transport, reconnect=few) as stream:
                await stream.ask(photo)
                await asyncio.to_thread(gateway.__exit__, None, None, None)
                await stream.send(photo)
                with pytest.raises(UnreachableError, match=r"127\.0\.0\.1"):
                    await anext(stream)
                with pytest.raises(UnreachableError):
                    await stream.send(photo)

    asyncio.run(scene())


@pytest.mark.slow
def test_a_stream_that_rests_is_opened_again_by_its_next_frame(tmp_path: Path, photo: bytes) -> None:
    async def scene(stream: HandStream) -> None:
        assert (await stream.ask(photo, box=BOX)).tracking == "tracking"
        await asyncio.sleep(1.0)
        reply = await stream.ask(photo)
        assert (reply.frame_id, reply.tracking, reply.problem) == (2, "tracking", None)

    port = free_port()
    with own_gateway(tmp_path, port, SIMAHAND_STREAM_IDLE_TIMEOUT_S="0.3"):
        for transport in ("websocket", "grpc"):
            play(f"http://127.0.0.1:{port}", scene, transport=transport, track=True)


def test_nobody_there_is_unreachable_at_once(transport: Transport) -> None:
    async def scene(stream: HandStream) -> None:
        raise AssertionError("the stream opened")

    before_s = time.monotonic()
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1"):
        play(f"http://127.0.0.1:{free_port()}", scene, transport=transport)
    assert time.monotonic() - before_s < 10


def test_a_frame_without_a_reply_has_a_deadline(tmp_path: Path, photo: bytes, transport: Transport) -> None:
    port = free_port()
    with own_gateway(tmp_path, port) as tree:

        async def scene(stream: HandStream) -> None:
            await stream.ask(photo)
            tree.send(signal.SIGSTOP)
            with pytest.raises(NoReplyError, match=r"within 0\.5 s"):
                await stream.ask(photo)

        url = f"http://127.0.0.1:{port}"
        play(url, scene, transport=transport, timeout_s=0.5, retry=ONCE)


def test_another_server_is_not_spoken_to() -> None:
    async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    async def scene() -> None:
        server = await asyncio.start_server(page, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, AsyncHandClient(url) as client:
            for transport in ("websocket", "grpc"):
                with pytest.raises(UnexpectedReplyError):
                    await client.stream(transport=transport).__aenter__()

    asyncio.run(scene())
