"""Live streams against the real gateway: one client, two transports."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sima_hand_client import AsyncHandClient, Box, HandClient, HandStream, Intrinsics, RejectedRequestError
from sima_hand_client.streams.messages import Transport

from tests.clients.scenes import BOX, TIMEOUT_S, play

INTRINSICS = Intrinsics(900, 900, 160, 120)


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
