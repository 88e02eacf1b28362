"""What a stream remembers: where its crop goes, and the filters, over either transport."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from service.errors import OverloadedError
from service.settings import Settings
from tests.service.pictures import encoded, picture
from tests.service.streams.peers import TRANSPORTS, Fields, Peer, Transport, numbers
from tests.service.streams.serving import Served, SteadyEngine
from tests.service.streams.test_stream import SLOW_S, play

JPEG = encoded(picture(400, 300), "JPEG")
BOX = (150.0, 100.0, 80.0, 60.0)
SQUARE = [150 + 40 - 60, 100 + 30 - 60, 120, 120]
MOVED_BOX = (160.0, 110.0, 80.0, 60.0)
MOVED_SQUARE = [140, 80, 120, 120]

pytestmark = pytest.mark.parametrize("transport", TRANSPORTS)


async def ask(peer: Peer, **fields: object) -> Fields:
    await peer.send("frame", **{"encoded": JPEG, **fields})
    return await peer.reply()


def test_the_crop_follows_the_hand(transport: Transport, embedded_settings: Settings) -> None:
    async def scene(served: Served, engine: SteadyEngine, peer: Peer) -> None:
        await peer.send("options", track=True)
        lost = await ask(peer)
        assert (lost["slug"], lost["tracking"]) == ("hand-lost", "lost")
        first = await ask(peer, box=BOX)
        assert (first["tracking"], first["box"]) == ("tracking", SQUARE)
        second = await ask(peer)
        assert second["tracking"] == "tracking"
        joints_px = numbers(first["joints_px"], columns=2)
        middle_px = (joints_px.min(axis=0) + joints_px.max(axis=0)) / 2
        x_px, y_px, width_px, height_px = second["box"]
        np.testing.assert_allclose((x_px + width_px / 2, y_px + height_px / 2), middle_px, atol=0.01)
        other_hand = await ask(peer, hand="left")
        assert (other_hand["slug"], other_hand["tracking"]) == ("hand-lost", "lost")
        assert (await ask(peer, hand="left", box=BOX))["box"] == SQUARE

    play(scene, transport, embedded_settings)


def test_a_frame_that_fails_loses_no_hand_unless_its_box_does(
    transport: Transport, embedded_settings: Settings
) -> None:
    async def scene(served: Served, engine: SteadyEngine, peer: Peer) -> None:
        await peer.send("options", track=True)
        engine.failure = OverloadedError("full")
        overloaded = await ask(peer, box=BOX)
        assert (overloaded["slug"], overloaded["tracking"]) == ("overloaded", "tracking")
        engine.failure = None
        assert (await ask(peer))["box"] == SQUARE
        outside = await ask(peer, box=(900.0, 900.0, 10.0, 10.0))
        assert (outside["slug"], outside["tracking"]) == ("bad-box", "lost")
        assert (await ask(peer))["slug"] == "hand-lost"
        immense = await ask(peer, encoded=b"unreadable", box=(0.0, 0.0, 1e300, 1e300))
        assert immense["slug"] == "unreadable-image"
        assert (await ask(peer))["slug"] == "bad-box", "it is judged by the first picture that can be read"

    play(scene, transport, embedded_settings)


def test_a_box_outlives_the_frame_that_brought_it(transport: Transport, embedded_settings: Settings) -> None:
    async def scene(served: Served, engine: SteadyEngine, peer: Peer) -> None:
        await peer.send("options", track=True)
        await peer.send("frame", frame_id=0, encoded=JPEG, box=BOX)
        await asyncio.sleep(SLOW_S / 4)
        await peer.send("frame", frame_id=1, encoded=JPEG, box=MOVED_BOX)
        await peer.send("frame", frame_id=2, encoded=JPEG)
        assert (await peer.reply())["box"] == SQUARE
        newest = await peer.reply()
        assert (newest["frame_id"], newest["dropped"], newest["box"]) == (2, 1, MOVED_SQUARE)

    play(scene, transport, embedded_settings, delay_s=SLOW_S)


def test_smoothing_lags_behind_a_jump_and_begins_anew_when_told(
    transport: Transport, embedded_settings: Settings
) -> None:
    async def scene(served: Served, engine: SteadyEngine, peer: Peer) -> None:
        still = engine.hand
        moved = still._replace(joints_m=still.joints_m * np.float32(1.1))

        async def joints_after_jump(**options: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
            await peer.send("options", **options)
            engine.hand = still
            await ask(peer, captured_at_us=1_000_000)
            engine.hand = moved
            return numbers((await ask(peer, captured_at_us=1_033_333))["joints"])

        np.testing.assert_array_equal(await joints_after_jump(), moved.joints_m)
        smoothed = await joints_after_jump(smoothing="high")
        share = (smoothed - still.joints_m)[5:] / (moved.joints_m - still.joints_m)[5:]
        assert 0.01 < np.median(share) < 0.9
        np.testing.assert_array_equal(await joints_after_jump(smoothing="off"), moved.joints_m)

    play(scene, transport, embedded_settings)


def test_joint_sets_come_by_name(transport: Transport, embedded_settings: Settings) -> None:
    async def scene(served: Served, engine: SteadyEngine, peer: Peer) -> None:
        await peer.send("options", joint_sets=("webxr", "openxr", "webxr"))
        sets = (await ask(peer))["joint_sets"]
        assert {name: len(joints) for name, joints in sets.items()} == {"webxr": 25, "openxr": 26}
        wrist = sets["webxr"][0]
        assert wrist["name"] == "wrist"
        assert (len(wrist["position_m"]), len(wrist["orientation"])) == (3, 4)
        assert wrist["synthesised"] is False
        assert wrist["radius_m"] > 0

    play(scene, transport, embedded_settings)
