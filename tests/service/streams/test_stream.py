"""What a stream promises, over either transport, before an engine that the test controls."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import grpc
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from service.errors import EngineUnavailableError, OverloadedError
from service.settings import Settings
from tests.service.pictures import encoded, picture
from tests.service.streams.peers import (
    TRANSPORTS,
    Fields,
    GrpcPeer,
    Peer,
    Transport,
    WebSocketPeer,
    numbers,
    peer_of,
)
from tests.service.streams.serving import Served, SteadyEngine, serving

JPEG = encoded(picture(128, 128), "JPEG")
SLOW_S = 0.2

Scene = Callable[[Served, SteadyEngine, Peer], Awaitable[None]]

pytestmark = pytest.mark.parametrize("transport", TRANSPORTS)


def play(
    scene: Scene, transport: Transport, settings: Settings, *, delay_s: float = 0.0, **changes: object
) -> None:
    async def run() -> None:
        engine = SteadyEngine(delay_s)
        async with serving(settings, engine, **changes) as served, peer_of(transport, served) as peer:
            await asyncio.wait_for(scene(served, engine, peer), 20)

    asyncio.run(run())


async def ends(peer: Peer) -> tuple[object, str]:
    """Return the code and the reason that the gateway gives for the end of the stream."""
    if isinstance(peer, WebSocketPeer):
        try:
            while True:
                await peer.socket.recv()
        except ConnectionClosed as error:
            assert error.rcvd is not None
            return error.rcvd.code, error.rcvd.reason
    assert isinstance(peer, GrpcPeer)
    with contextlib.suppress(grpc.RpcError):
        while await peer.call.read() is not grpc.aio.EOF:  # the status comes after what was not read
            pass
    return await peer.call.code(), await peer.call.details()


def test_the_newest_frame_wins_and_the_dropped_add_up(
    transport: Transport, embedded_settings: Settings
) -> None:
    async def scene(served: Served, engine: SteadyEngine, peer: Peer) -> None:
        for frame_id in range(1, 11):
            await peer.send("frame", frame_id=frame_id, captured_at_us=7 * frame_id, encoded=JPEG)
            await asyncio.sleep(SLOW_S / 20)
        replies = [await peer.reply() for _ in range(2)]
        assert replies[0]["frame_id"] == 1
        assert [reply["dropped"] for reply in replies] == [0, 8]
        assert replies[1]["frame_id"] == 10, "the last one sent is always answered"
        assert replies[1]["captured_at_us"] == 70
        assert replies[1]["age_ms"] < 2.5e3 * SLOW_S
        assert engine.most_of_one == 1
        assert served.metric("simahand_stream_frames_total", transport=transport, outcome="dropped") == 8
        assert served.metric("simahand_stream_frames_total", transport=transport, outcome="ok") == 2
        assert served.metric("simahand_streams_open", transport=transport) == 1
        assert served.metric("simahand_stream_reply_age_seconds_count", transport=transport) == 2
        assert served.metric("simahand_stream_frames_received_total", transport=transport) == 10

    play(scene, transport, embedded_settings, delay_s=SLOW_S)


def test_a_frame_that_fails_is_a_reply_and_the_stream_goes_on(
    transport: Transport, embedded_settings: Settings
) -> None:
    raw = {"rgb": bytes(5), "width": 2, "height": 2}
    wrong: list[tuple[Fields, str]] = [
        ({"encoded": b"no picture"}, "unreadable-image"),
        ({"encoded": JPEG[:300]}, "unreadable-image"),
        ({}, "unreadable-image"),
        ({"raw": raw}, "unreadable-image"),
        ({"raw": raw | {"rgb": b"", "width": 0}}, "unreadable-image"),
        ({"raw": raw | {"width": 20_000, "height": 10_000}}, "too-large"),
        ({"encoded": JPEG, "box": (900.0, 900.0, 5.0, 5.0)}, "bad-box"),
        ({"encoded": JPEG, "box": (0.0, 0.0, float("nan"), 5.0)}, "bad-box"),
        ({"encoded": JPEG, "box": (0.0, 0.0, 0.0, 5.0)}, "bad-box"),
        ({"encoded": JPEG, "intrinsics": (0.0, 500.0, 64.0, 64.0)}, "invalid-parameter"),
        ({"encoded": JPEG, "intrinsics": (500.0, 500.0, float("inf"), 64.0)}, "invalid-parameter"),
    ]

    async def scene(served: Served, engine: SteadyEngine, peer: Peer) -> None:
        asked = len(engine.asked)
        for number, (fields, slug) in enumerate(wrong):
            await peer.send("frame", frame_id=number, **fields)
            reply = await peer.reply()
            assert (reply["type"], reply["slug"], reply["frame_id"]) == ("problem", slug, number)
            assert reply["detail"]
        assert len(engine.asked) == asked, "none of them reached the engine"
        await peer.send("frame", frame_id=99, encoded=JPEG)
        assert (await peer.reply())["type"] == "hand"

    play(scene, transport, embedded_settings)


def test_a_failing_engine_is_a_problem_until_it_is_back(
    transport: Transport, embedded_settings: Settings
) -> None:
    failures = {
        "engine-unavailable": EngineUnavailableError("away"),
        "overloaded": OverloadedError("full", retry_after_s=1),
        "internal-error": ZeroDivisionError("the password is swordfish"),
    }

    async def scene(served: Served, engine: SteadyEngine, peer: Peer) -> None:
        for slug, failure in failures.items():
            engine.failure = failure
            await peer.send("frame", encoded=JPEG)
            reply = await peer.reply()
            assert reply["slug"] == slug
            assert "swordfish" not in reply["detail"]
            engine.failure = None
            await peer.send("frame", encoded=JPEG)
            assert (await peer.reply())["type"] == "hand"

    play(scene, transport, embedded_settings)


def test_options_change_what_the_later_frames_get(transport: Transport, embedded_settings: Settings) -> None:
    async def scene(served: Served, engine: SteadyEngine, peer: Peer) -> None:
        async def ask(**options: object) -> dict[str, object]:
            await peer.send("options", **options)
            await peer.send("frame", encoded=JPEG)
            return await peer.reply()

        whole = await ask()
        half = await ask(precision="float16")
        joints = await ask(without_vertices=True)
        assert isinstance(whole["joints"], bytes)
        assert isinstance(whole["vertices"], bytes)
        assert isinstance(half["vertices"], bytes)
        assert (half["precision"], len(half["vertices"])) == ("float16", 778 * 3 * 2)
        np.testing.assert_allclose(
            numbers(half["vertices"], precision="float16"), numbers(whole["vertices"]), atol=1e-4
        )
        assert joints["vertices"] == b""
        assert joints["joints"] == whole["joints"]
        assert (await ask(model="svr_foot"))["slug"] == "unknown-model"
        assert (await ask(version="-3"))["slug"] == "invalid-parameter"
        assert (await ask())["type"] == "hand"

    play(scene, transport, embedded_settings)


def test_the_crop_is_told_and_a_left_hand_is_mirrored(
    transport: Transport, embedded_settings: Settings
) -> None:
    async def scene(served: Served, engine: SteadyEngine, peer: Peer) -> None:
        await peer.send("frame", encoded=JPEG, box=(10.0, 20.0, 40.0, 60.0))
        right = await peer.reply()
        assert right["box"] == [10 + 20 - 45, 20 + 30 - 45, 90, 90]
        await peer.send("frame", encoded=JPEG, hand="left", intrinsics=(500.0, 500.0, 64.0, 64.0))
        left = await peer.reply()
        assert left["box"] == [0, 0, 128, 128]
        assert (right["hand"], left["hand"]) == ("right", "left")
        np.testing.assert_allclose(numbers(left["joints"]), numbers(right["joints"]) * [-1, 1, 1])
        assert right["translation"] is None
        assert len(left["translation"]) == 3
        assert set(left["timing_ms"]) == {"decode", "crop", "engine"}

    play(scene, transport, embedded_settings)


def test_the_engine_is_asked_under_the_name_that_the_client_was_told(
    transport: Transport, embedded_settings: Settings
) -> None:
    async def scene(served: Served, engine: SteadyEngine, peer: Peer) -> None:
        await peer.send("frame", encoded=JPEG)
        await peer.reply()
        if isinstance(peer, WebSocketPeer):
            assert peer.socket.response is not None
            told = peer.socket.response.headers["x-request-id"]
        else:
            assert isinstance(peer, GrpcPeer)
            told = dict(await peer.call.initial_metadata())["x-request-id"]
        assert told == engine.asked[-1]

    play(scene, transport, embedded_settings)


def test_one_stream_too_many_is_told_to_come_back(transport: Transport, embedded_settings: Settings) -> None:
    async def scene(served: Served, engine: SteadyEngine, peer: Peer) -> None:
        await peer.send("frame", encoded=JPEG)
        assert (await peer.reply())["type"] == "hand"
        for second in TRANSPORTS:
            async with peer_of(second, served) as other:
                code, reason = await ends(other)
                assert code == {"grpc": grpc.StatusCode.RESOURCE_EXHAUSTED, "websocket": 1013}[second]
                assert reason.startswith("1 streams are open")
        await peer.send("frame", encoded=JPEG)
        assert (await peer.reply())["type"] == "hand", "the first one is undisturbed"

    play(scene, transport, embedded_settings, max_streams=1)


def test_an_idle_stream_is_ended(transport: Transport, embedded_settings: Settings) -> None:
    async def scene(served: Served, engine: SteadyEngine, peer: Peer) -> None:
        for _ in range(3):
            await asyncio.sleep(0.3)
            await peer.send("frame", encoded=JPEG)
            assert (await peer.reply())["type"] == "hand", "a stream that is heard of stays"
        code, reason = await ends(peer)
        assert code == {"grpc": grpc.StatusCode.DEADLINE_EXCEEDED, "websocket": 1008}[transport]
        assert reason == "no message came for 0.5 s"
        assert served.metric("simahand_streams_total", transport=transport, end="idle") == 1

    play(scene, transport, embedded_settings, stream_idle_timeout_s=0.5)


def test_a_gateway_that_stops_says_so(transport: Transport, embedded_settings: Settings) -> None:
    async def scene(served: Served, engine: SteadyEngine, peer: Peer) -> None:
        await peer.send("frame", encoded=JPEG)
        await peer.reply()
        served.server.should_exit = True
        code, reason = await ends(peer)
        # 1012 is uvicorn's own, "service restart".
        assert code == {"grpc": grpc.StatusCode.UNAVAILABLE, "websocket": 1012}[transport]
        assert reason == {"grpc": "the gateway is stopping", "websocket": ""}[transport]

    play(scene, transport, embedded_settings)
