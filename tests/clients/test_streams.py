"""Live streams against the real gateway: one client, two transports, and connections that break."""

from __future__ import annotations

import asyncio
import io
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sima_hand_client import (
    AsyncHandClient,
    Box,
    HandClient,
    HandStream,
    Intrinsics,
    NoReplyError,
    RejectedRequestError,
    RetryPolicy,
    UnexpectedReplyError,
    UnreachableError,
)
from sima_hand_client.streams.messages import Transport

from deploy.bench.processes import ProcessTree, free_port, running
from tests.clients.conftest import gateway_arguments

BOX = Box(20, 30, 100, 100)
INTRINSICS = Intrinsics(900, 900, 160, 120)
PATIENT = RetryPolicy(attempts=60, first_delay_s=0.05, longest_delay_s=0.5)
ONCE = RetryPolicy(attempts=1)
TIMEOUT_S = 60.0

Scene = Callable[[HandStream], Awaitable[None]]


@pytest.fixture(params=["websocket", "grpc"])
def transport(request: pytest.FixtureRequest) -> Transport:
    name: Transport = request.param
    return name


def play(url: str, scene: Scene, *, retry: RetryPolicy = PATIENT, **options: Any) -> None:  # noqa: ANN401
    async def played() -> None:
        async with (
            asyncio.timeout(TIMEOUT_S),
            AsyncHandClient(url) as client,
            client.stream(reconnect=retry, **options) as stream,
        ):
            await scene(stream)

    asyncio.run(played())


def test_the_same_hand_comes_every_way(
    gateway_url: str, client: HandClient, photo: bytes, transport: Transport
) -> None:
    with Image.open(io.BytesIO(photo)) as picture:
        rgb = np.asarray(picture.convert("RGB"))
    expected = client.reconstruct(photo, hand="left", box=BOX, intrinsics=INTRINSICS)
    expected_translation_m = expected.translation_m
    assert expected_translation_m is not None

    async def scene(stream: HandStream) -> None:
        for image in (photo, rgb, rgb[::-1]):  # the last one lies in memory upside down
            reply = await stream.ask(image, hand="left", box=BOX, intrinsics=INTRINSICS, captured_at_us=-7)
            hand = reply.require_hand()
            np.testing.assert_array_equal(hand.vertices_root_m, expected.vertices_root_m)
            np.testing.assert_array_equal(hand.joints_root_m, expected.joints_root_m)
            np.testing.assert_allclose(hand.joints_px, expected.joints_px, atol=1e-3)
            np.testing.assert_array_equal(hand.rotation, expected.rotation)
            assert hand.translation_m is not None
            np.testing.assert_allclose(list(hand.translation_m), list(expected_translation_m), rtol=1e-4)
            assert (hand.hand, hand.model_name, hand.model_version) == ("left", "svr_hand", "1")
            assert hand.intrinsics == INTRINSICS
            assert hand.timing_ms.keys() >= {"decode", "crop", "engine"}
            assert hand.vertices_root_m.dtype == hand.joints_px.dtype == np.float32
            assert (reply.captured_at_us, reply.dropped, reply.tracking) == (-7, 0, None)
            assert 0 < reply.age_ms < 1e3 * TIMEOUT_S
            assert reply.crop_px == Box(-5, 5, 150, 150)
        assert reply.frame_id == 3

    play(gateway_url, scene, transport=transport)


def test_less_is_sent_when_less_is_wanted(
    gateway_url: str, client: HandClient, photo: bytes, transport: Transport
) -> None:
    expected = client.reconstruct(photo)

    async def scene(stream: HandStream) -> None:
        hand = (await stream.ask(photo)).require_hand()
        assert hand.vertices_root_m.shape == (0, 3)
        np.testing.assert_allclose(hand.joints_root_m, expected.joints_root_m, atol=1e-4)
        assert np.any(hand.joints_root_m != expected.joints_root_m)  # float16 on the way

    play(gateway_url, scene, transport=transport, precision="float16", without_vertices=True)


def test_named_joints_come_when_they_are_wanted(gateway_url: str, photo: bytes, transport: Transport) -> None:
    async def scene(stream: HandStream) -> None:
        hand = (await stream.ask(photo)).require_hand()
        assert {name: len(joints) for name, joints in hand.joint_sets.items()} == {"webxr": 25, "openxr": 26}
        for joint in (*hand.joint_sets["webxr"], *hand.joint_sets["openxr"]):
            assert joint.radius_m > 0
            np.testing.assert_allclose(np.linalg.norm(joint.orientation_xr), 1, atol=1e-5)
        wrist = hand.joint_sets["webxr"][0]
        assert (wrist.name, wrist.synthesised) == ("wrist", False)
        # Half a turn about x lies between the standards' axes and the camera's.
        x_m, y_m, z_m = hand.joints_root_m[0]
        np.testing.assert_allclose(list(wrist.position_root_xr_m), [x_m, -y_m, -z_m], atol=1e-6)

    play(gateway_url, scene, transport=transport, joint_sets=["webxr", "openxr"])


def test_a_bad_frame_is_a_problem_and_the_stream_goes_on(
    gateway_url: str, photo: bytes, transport: Transport
) -> None:
    async def scene(stream: HandStream) -> None:
        reply = await stream.ask(b"no image")
        assert reply.hand is None
        assert reply.problem is not None
        assert reply.problem.slug == "unreadable-image"
        with pytest.raises(RejectedRequestError, match="JPEG, PNG or WebP") as caught:
            reply.require_hand()
        assert caught.value.status == 400
        assert (await stream.ask(photo)).problem is None

    play(gateway_url, scene, transport=transport)


def test_the_newest_frame_wins_and_the_last_is_answered(
    gateway_url: str, photo: bytes, transport: Transport
) -> None:
    async def scene(stream: HandStream) -> None:
        for number in range(200):
            assert await stream.send(photo) == number + 1
        await stream.finish()
        replies = [reply async for reply in stream]
        assert replies[-1].frame_id == 200
        assert sum(reply.dropped for reply in replies) + len(replies) == 200
        with pytest.raises(ValueError, match="after the stream's end"):
            await stream.send(photo)

    play(gateway_url, scene, transport=transport)


def test_a_stream_that_ends_without_a_frame_ends(gateway_url: str, transport: Transport) -> None:
    async def scene(stream: HandStream) -> None:
        await stream.finish()
        assert [reply async for reply in stream] == []

    play(gateway_url, scene, transport=transport)


@contextmanager
def own_gateway(folder: Path, port: int, **settings: str) -> Iterator[ProcessTree]:
    arguments, environment = gateway_arguments(folder, port)
    with running(arguments, port=port, environment=environment | settings) as tree:
        yield tree


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


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4), np.uint8), r"uint8 of shape \(4, 4\)"),
        (np.zeros((4, 4, 3), np.float32), "float32"),
        (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\)"),
        ("photo.jpg", "str"),
    ],
)
def test_a_frame_that_is_none_is_refused_before_it_is_sent(
    gateway_url: str,
    photo: bytes,
    image: Any,  # noqa: ANN401
    message: str,
) -> None:
    async def scene(stream: HandStream) -> None:
        with pytest.raises(ValueError, match=message):
            await stream.send(image)
        assert (await stream.ask(photo)).frame_id == 1

    play(gateway_url, scene)


@pytest.mark.parametrize(
    "options", [{"transport": "udp"}, {"smoothing": "much"}, {"precision": "int8"}, {"joint_sets": ["mano"]}]
)
def test_an_unknown_option_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))}: .* is none of"):
        AsyncHandClient().stream(**options)
