"""A key's limits hold over all transports together, and are nobody else's."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest
from websockets.exceptions import ConnectionClosed

from service.errors import RateLimitedError
from service.keys.bucket import TokenBucket
from service.keys.caller import Caller
from service.keys.key_file import KeyLimits, new_key
from service.rpc import hand_mesh_pb2 as pb
from service.settings import Settings
from tests.service.keys.houses import (
    JPEG,
    WAYS,
    answers,
    by_grpc_model,
    by_grpc_stream,
    by_header,
    by_post,
    get,
    guarded,
    run,
    stored,
    until,
    write_keys,
)
from tests.service.streams.peers import RECONSTRUCT, STREAM, WebSocketPeer, channel_to, socket_to
from tests.service.streams.serving import SteadyEngine, serving

AN_HOUR_EACH = 1 / 3600


class Clock:
    """Shows what the test sets."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """Show it."""
        return self.now_s


@hypothesis.given(
    rate_per_s=st.floats(0.01, 1000),
    burst=st.integers(1, 50),
    pauses_s=st.lists(st.floats(0, 5), max_size=60),
)
def test_a_bucket_never_gives_more_than_it_got(rate_per_s: float, burst: int, pauses_s: list[float]) -> None:
    clock = Clock()
    bucket = TokenBucket(rate_per_s=rate_per_s, burst=burst, clock=clock)
    given_at_s: list[float] = []
    for pause_s in pauses_s:
        clock.now_s += pause_s
        wait_s = bucket.take()
        if wait_s == 0:
            given_at_s.append(clock.now_s)
        else:
            clock.now_s += wait_s * (1 + 1e-9) + 1e-9
            assert bucket.take() == 0, "it said when to come back"
            given_at_s.append(clock.now_s)
    for first, start_s in enumerate(given_at_s):
        for last, end_s in enumerate(given_at_s[first:], 1):
            assert last <= burst + rate_per_s * (end_s - start_s) + 1e-6


def test_those_who_reserve_wait_in_their_order() -> None:
    clock = Clock()
    bucket = TokenBucket(rate_per_s=2, burst=1, clock=clock)
    assert [bucket.reserve() for _ in range(4)] == [0, 0.5, 1, 1.5]
    bucket.give_back()
    assert bucket.reserve() == 1.5
    clock.now_s = 10
    assert [bucket.reserve() for _ in range(2)] == [0, 0.5], "an idle bucket holds a burst and no more"


def test_a_burst_is_that_of_a_second_where_none_is_said() -> None:
    for rate_per_s, wanted in ((0.1, 1), (1, 1), (2.5, 3), (40, 40)):
        caller = Caller("studio", KeyLimits(requests_per_s=rate_per_s), clock=Clock())
        for _ in range(wanted):
            caller.take_request()
        with pytest.raises(RateLimitedError) as refusal:
            caller.take_request()
        assert refusal.value.retry_after_s is not None
        assert refusal.value.retry_after_s >= 1 / rate_per_s


def test_a_cancelled_wait_costs_nothing() -> None:
    async def scene() -> None:
        caller = Caller("studio", KeyLimits(requests_per_s=AN_HOUR_EACH, burst=1))
        await caller.pace()
        for _ in range(3):
            waiting = asyncio.create_task(caller.pace())
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        with pytest.raises(RateLimitedError) as refusal:
            caller.take_request()
        assert refusal.value.retry_after_s is not None
        assert 3000 < refusal.value.retry_after_s <= 3600, "one is owed, not four"

    asyncio.run(scene())


def test_one_bucket_for_all_transports(tmp_path: Path, embedded_settings: Settings) -> None:
    async def scene() -> None:
        path = tmp_path / "keys.json"
        limits = {"requests_per_s": AN_HOUR_EACH, "burst": 4}
        async with guarded(embedded_settings, path, limits=limits) as (served, key):
            for ask in (by_header, by_post, by_grpc_model, WAYS["gRPC Reconstruct"]):
                assert await ask(served, key) == "ok"
            for ask in (by_header, by_post, by_grpc_model, WAYS["gRPC Reconstruct"]):
                assert await ask(served, key) == "rate-limited"
            refused = await get(served, "/v1/model", {"x-api-key": key})
            assert refused.status_code == 429
            assert 3000 < int(refused.headers["retry-after"]) <= 3600
            assert (await get(served, "/metrics", {"x-api-key": key})).status_code == 200, "no work"
            assert served.metric("simahand_requests_total", route="unmatched", outcome="rate-limited") == 3
            other = new_key()
            write_keys(path, studio=stored(key, **limits), other=stored(other))
            await answers(served, other)
            assert await by_header(served, key) == "rate-limited", "what has not changed is not forgotten"

    run(scene())


def test_the_streams_of_a_key_are_counted_together(tmp_path: Path, embedded_settings: Settings) -> None:
    async def scene() -> None:
        path, other = tmp_path / "keys.json", new_key()
        async with guarded(embedded_settings, path, limits={"max_streams": 2}) as (served, key):
            async with (
                socket_to(served, additional_headers={"x-api-key": key}),
                channel_to(served) as channel,
            ):
                stream: Any = channel.stream_stream(STREAM)(metadata=(("x-api-key", key),))
                await stream.wait_for_connection()
                await until(lambda: served.metric("simahand_streams_open", transport="grpc") == 1)
                assert await by_grpc_stream(served, key) == "too-many-streams"
                async with socket_to(served, additional_headers={"x-api-key": key}) as third:
                    with pytest.raises(ConnectionClosed):
                        await third.recv()
                    assert third.close_code == 1013
                write_keys(path, studio=stored(key, max_streams=2), other=stored(other))
                await answers(served, other)
                assert await by_grpc_stream(served, other) == "ok", "the limit is the key's own"

            async def there_is_a_place_again() -> bool:
                return await by_grpc_stream(served, key) == "ok"

            await until(there_is_a_place_again)

    run(scene())


def test_a_stream_is_slowed_down_and_not_refused(tmp_path: Path, embedded_settings: Settings) -> None:
    async def scene() -> None:
        engine = SteadyEngine()
        limits = {"requests_per_s": 5, "burst": 1}
        async with guarded(
            embedded_settings, tmp_path / "keys.json", engine=engine, limits=limits, deadline_s=30
        ) as (served, key):
            async with socket_to(served, additional_headers={"x-api-key": key}) as socket:
                peer, clock = WebSocketPeer(socket), asyncio.get_running_loop().time
                await peer.send("frame", frame_id=1, encoded=JPEG)
                replies = [await peer.reply()]
                start_s = clock()
                for frame_id in range(2, 41):
                    await peer.send("frame", frame_id=frame_id, encoded=JPEG)
                    await asyncio.sleep(0.02)
                while replies[-1]["frame_id"] < 40:
                    replies.append(await peer.reply())
                took_s = clock() - start_s
            assert {reply["type"] for reply in replies} == {"hand"}
            assert len(replies) - 1 <= 5 * took_s + 1, "no faster than the key may"
            assert sum(reply["dropped"] + 1 for reply in replies) == 40, "what is left out is counted"

    run(scene())


def test_the_callers_own_deadline_is_kept(embedded_settings: Settings) -> None:
    async def scene() -> None:
        engine = SteadyEngine()
        async with serving(embedded_settings, engine, deadline_s=30) as served, channel_to(served) as channel:
            request = pb.ReconstructRequest(frame=pb.Frame(encoded=JPEG)).SerializeToString()
            method: Any = channel.unary_unary(RECONSTRUCT)
            for timeout_s, most_s in ((None, 30), (9, 9), (300, 30)):
                await method(request, timeout=timeout_s)
                assert most_s - 5 < engine.remaining_s[-1] < most_s + 0.5

    run(scene())
