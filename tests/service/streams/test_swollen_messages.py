"""Messages that are larger than they look, or that never end: bounded, told why, and others undisturbed."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncGenerator

import grpc
import pytest
from websockets.exceptions import ConnectionClosed

from service.rpc import hand_mesh_pb2 as pb
from service.settings import Settings
from tests.service.pictures import encoded, picture
from tests.service.streams.peers import (
    STREAM,
    TRANSPORTS,
    GrpcPeer,
    Peer,
    Transport,
    WebSocketPeer,
    peer_of,
    socket_to,
)
from tests.service.streams.serving import Served, SteadyEngine, serving
from tests.service.streams.test_bad_peers import MOST_GROWTH_BYTES, still_serves
from tests.service.streams.test_overload import resident_bytes
from tests.service.streams.test_stream import ends, play

JPEG = encoded(picture(128, 128), "JPEG")
BOMB_BYTES = 256 << 20


def test_a_compressed_message_is_not_inflated_past_the_limit(embedded_settings: Settings) -> None:
    """What counts is the size that it would have, and the little that came is all that is read."""
    bomb = pb.StreamRequest(frame=pb.Frame(encoded=bytes(BOMB_BYTES))).SerializeToString()
    assert len(gzip.compress(bomb, 1)) < 2 << 20

    async def play_it() -> None:
        async with (
            serving(embedded_settings, SteadyEngine()) as served,
            grpc.aio.insecure_channel(
                f"127.0.0.1:{served.grpc}", compression=grpc.Compression.Gzip
            ) as channel,
        ):
            peer = GrpcPeer(channel.stream_stream(STREAM, bytes, pb.StreamReply.FromString)())
            await peer.call.write(bomb)
            code, reason = await asyncio.wait_for(ends(peer), 20)
            assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert reason
            await still_serves(served)

    asyncio.run(play_it())


def test_a_message_in_parts_is_as_large_as_all_of_them(embedded_settings: Settings) -> None:
    async def endless() -> AsyncGenerator[bytes, None]:
        while True:
            yield bytes(100_000)

    async def play_it() -> None:
        async with serving(embedded_settings, SteadyEngine(), max_body_bytes=1 << 20) as served:
            await still_serves(served)
            before = resident_bytes()
            for _ in range(5):
                async with socket_to(served) as socket:
                    with pytest.raises(ConnectionClosed):
                        await socket.send(endless())
                    code, _ = await asyncio.wait_for(ends(WebSocketPeer(socket)), 5)
                    assert code == 1009
            assert resident_bytes() - before < MOST_GROWTH_BYTES
            await still_serves(served)

    asyncio.run(play_it())


def test_a_message_that_trickles_in_is_not_waited_for(embedded_settings: Settings) -> None:
    """Bytes come all the time, but no whole message does."""

    async def trickle() -> AsyncGenerator[bytes, None]:
        while True:
            yield b"\x00"
            await asyncio.sleep(0.05)

    async def play_it() -> None:
        async with (
            serving(embedded_settings, SteadyEngine(), stream_idle_timeout_s=0.5) as served,
            socket_to(served) as socket,
        ):
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(socket.send(trickle()), 5)
            assert await ends(WebSocketPeer(socket)) == (1008, "no message came for 0.5 s")
            await still_serves(served)

    asyncio.run(play_it())


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_raw_pixels_are_as_many_as_their_size_says(transport: Transport, embedded_settings: Settings) -> None:
    """One byte off either way, no pixels at all, and sides whose product has 64 bits."""
    pixels = bytes(6 * 4 * 3)
    largest = (1 << 32) - 1
    wrong = [
        (pixels[:-1], 6, 4, "unreadable-image"),
        (pixels + b"\x00", 6, 4, "unreadable-image"),
        (pixels, 6, 0, "unreadable-image"),
        (pixels, 0, 0, "unreadable-image"),
        (pixels, 24, 4, "unreadable-image"),
        (pixels, largest, largest, "too-large"),
        (b"", 5001, 5001, "too-large"),
    ]

    async def scene(served: Served, engine: SteadyEngine, peer: Peer) -> None:
        async with peer_of(transport, served) as other:
            for number, (rgb, width, height, slug) in enumerate(wrong):
                await peer.send("frame", frame_id=number, raw={"rgb": rgb, "width": width, "height": height})
                reply = await peer.reply()
                assert (reply["type"], reply["slug"], reply["frame_id"]) == ("problem", slug, number)
                assert slug != "unreadable-image" or f"{width} x {height}" in reply["detail"]
                await other.send("frame", encoded=JPEG)
                assert (await other.reply())["type"] == "hand", "another stream is undisturbed"
            await peer.send("frame", raw={"rgb": pixels, "width": 6, "height": 4})
            assert (await peer.reply())["type"] == "hand"

    play(scene, transport, embedded_settings)
