"""More frames than the engine takes: what is answered is new, and every stream gets its share.

`make stream-soak` runs the overload for a minute.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from pathlib import Path

import numpy as np
import pytest

from service.settings import Settings
from tests.service.pictures import encoded, picture
from tests.service.streams.peers import TRANSPORTS, Fields, Peer, Transport, peer_of
from tests.service.streams.serving import SteadyEngine, serving

pytestmark = pytest.mark.slow

JPEG = encoded(picture(128, 128), "JPEG")
ENGINE_S = 0.05
OVERLOAD_S = float(os.environ.get("SIMAHAND_SOAK_S", "10"))
MOST_GROWTH_BYTES = 12 << 20
SHARING_S = 5.0


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def send_steadily(peer: Peer, *, per_s: float, seconds: float) -> int:
    """Send frames at a rate and return how many there were."""
    start_s, count = time.perf_counter(), 0
    while (elapsed_s := time.perf_counter() - start_s) < seconds:
        await peer.send("frame", frame_id=count, encoded=JPEG)
        count += 1
        await asyncio.sleep(max(0.0, count / per_s - elapsed_s))
    return count


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_three_times_what_the_engine_takes(transport: Transport, embedded_settings: Settings) -> None:
    async def play() -> None:
        engine = SteadyEngine(ENGINE_S)
        async with serving(embedded_settings, engine) as served, peer_of(transport, served) as peer:
            replies: list[Fields] = []
            resident: list[int] = []

            async def read() -> None:
                while True:
                    reply = await peer.reply()
                    assert reply["type"] == "hand", reply
                    replies.append({name: reply[name] for name in ("frame_id", "dropped", "age_ms")})
                    resident.append(resident_bytes())

            reading = asyncio.create_task(read())
            sent = await send_steadily(peer, per_s=3 / ENGINE_S, seconds=OVERLOAD_S)
            deadline_s = time.perf_counter() + 5
            while not replies or replies[-1]["frame_id"] != sent - 1:
                assert time.perf_counter() < deadline_s, "the last frame sent is always answered"
                assert not reading.done(), reading.exception()
                await asyncio.sleep(0.01)
            reading.cancel()
            assert sent > 2 * len(replies), "it was no overload"
            assert sum(reply["dropped"] for reply in replies) + len(replies) == sent
            ids = [-1, *(reply["frame_id"] for reply in replies)]
            assert [reply["dropped"] for reply in replies] == [b - a - 1 for a, b in itertools.pairwise(ids)]
            assert np.percentile([reply["age_ms"] for reply in replies], 99) < 3e3 * ENGINE_S
            assert engine.most_of_one == 1
            assert resident[-1] - resident[len(resident) // 4] < MOST_GROWTH_BYTES

    asyncio.run(play())


def test_eight_streams_share_the_engine(embedded_settings: Settings) -> None:
    """One of them sends ten times as much as the others: it gains nothing."""

    async def play() -> None:
        engine = SteadyEngine(ENGINE_S / 2)
        counts = [0] * 8

        async def count(number: int, peer: Peer) -> None:
            while True:
                assert (await peer.reply())["type"] == "hand"
                counts[number] += 1

        async with serving(embedded_settings, engine) as served, asyncio.TaskGroup() as group:

            async def stream(number: int) -> None:
                async with peer_of(TRANSPORTS[number % 2], served) as peer:
                    reading = asyncio.create_task(count(number, peer))
                    await send_steadily(peer, per_s=200 if number == 0 else 20, seconds=SHARING_S)
                    assert not reading.done(), reading.exception()
                    reading.cancel()

            for number in range(8):
                group.create_task(stream(number))
        fair = sum(counts) / 8
        assert min(counts) > fair / 2
        assert max(counts) < 2 * fair
        assert sum(counts) > 0.6 * SHARING_S / engine.delay_s, "the engine was hardly busy"

    asyncio.run(play())
