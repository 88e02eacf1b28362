"""What happens to the gateway: no disk, another time of day, told to go, killed, ten times the load."""

from __future__ import annotations

import asyncio
import statistics
import time

from deploy.bench.load import HttpTarget, measure_http
from deploy.bench.photo import make_photo
from deploy.bench.processes import ProcessTree
from deploy.bench.wire import post
from deploy.faults.clock import jumping_clock
from deploy.faults.episode import DEADLINE_S, Episode, Finding, percentile_s
from deploy.faults.load import CUT_OFF, NOT_CONNECTED, OK, Load, loaded
from deploy.faults.stand import GatewayProcess, Stand

JUMPS_S = (3_600, -86_400, 400_000_000)
PHOTO_PX = (4032, 3024)
CAPACITY_CLIENTS = 32
CAPACITY_S = 3.0
FIRST_SHARE = 0.2
"""Of an overload, after which memory is to be flat."""
GROWTH_MIB = 32.0


async def disk_full(stand: Stand) -> Episode:
    """It may not write a byte to any file, and photos of 12 megapixels come as forms, which servers spool."""
    photo = make_photo(width_px=PHOTO_PX[0], height_px=PHOTO_PX[1])
    boundary = "fault"
    body = (
        f'--{boundary}\r\ncontent-disposition: form-data; name="image"; filename="a.jpg"\r\n'
        "content-type: image/jpeg\r\n\r\n"
    ).encode() + photo
    request = post(
        "/v1/reconstruct?hand=right&box=1600,1000,900,900",
        body + f"\r\n--{boundary}--\r\n".encode(),
        content_type=f"multipart/form-data; boundary={boundary}",
    )
    server = stand.triton()
    gateway = stand.gateway(server.grpc_url, {"TMPDIR": "/nonexistent"}, file_bytes=0)
    try:
        await stand.start(server)
        async with gateway:
            over_s = time.perf_counter()
            async with loaded(Load([gateway.port], request), rate_per_s=stand.rate_per_s / 10):
                load = Load([gateway.port], stand.request)
                async with loaded(load, rate_per_s=stand.rate_per_s / 2):
                    await asyncio.sleep(stand.before_s + stand.during_s)
            large = Load([gateway.port], request)
            async with loaded(large, rate_per_s=stand.rate_per_s / 10):
                await asyncio.sleep(stand.during_s)
    finally:
        server.kill()
    return Episode(
        fault=f"Not a byte of disk, uploads of {len(photo) / 1e6:.1f} MB as forms",
        answers=[*load.answers, *large.answers],
        over_s=over_s,
    )


async def clock_jumps(stand: Stand) -> Episode:
    """The time of day that the gateway reads jumps by an hour, back by a day, and twelve years ahead.

    The kernel's own timers do not: this is what a process sees of a clock that is set.
    """
    async with (
        jumping_clock(stand.folder) as clock,
        stand.serving({**clock.environment, "SIMAHAND_LOG_LEVEL": "info"}) as (_, gateway),
        loaded(Load([gateway.port], stand.request), rate_per_s=stand.rate_per_s) as load,
    ):
        await asyncio.sleep(stand.before_s)
        for jump_s in JUMPS_S:
            clock.jump(jump_s)
            await asyncio.sleep(stand.during_s)
        over_s = time.perf_counter()
        await asyncio.sleep(stand.before_s)
    days = sorted(
        {line.partition('"time":"')[2][:10] for line in gateway.log.read_text().splitlines()} - {""}
    )
    return Episode(
        fault="The gateway's clock jumps +1 h, -1 day, +12 years",
        answers=load.answers,
        over_s=over_s,
        found=[Finding(f"its log has lines of {', '.join(days)}", len(days) >= len(JUMPS_S))],
    )


async def sigterm(stand: Stand) -> Episode:
    """Told to go under load, and started again: what was sent before is answered."""
    async with (
        stand.serving() as (_, gateway),
        loaded(Load([gateway.port], stand.request), rate_per_s=stand.rate_per_s) as load,
    ):
        await asyncio.sleep(stand.before_s)
        told_s = time.perf_counter()
        gateway.terminate()
        status = await gateway.ended()
        took_s = time.perf_counter() - told_s
        await gateway.start()
        over_s = time.perf_counter()
        await asyncio.sleep(stand.after_s)
    before = [answer for answer in load.answers if answer.asked_s < told_s]
    unanswered = sum(answer.outcome != OK for answer in before)
    return Episode(
        fault="SIGTERM under load, started again",
        answers=load.answers,
        over_s=over_s,
        allowed=frozenset({NOT_CONNECTED, CUT_OFF}),
        strikes=True,
        found=[
            Finding(f"{unanswered} of {len(before)} sent before it without a hand", unanswered == 0),
            Finding(f"ended with {status} after {took_s:.1f} s", status in {0, -15}),
        ],
    )


async def gateway_killed(stand: Stand) -> Episode:
    """SIGKILL to one of two, whose callers ask the other: a balancer's view."""
    server = stand.triton()
    pair = [stand.gateway(server.grpc_url) for _ in range(2)]
    try:
        await stand.start(server)
        for one in pair:
            await one.start()
        load = Load([one.port for one in pair], stand.request, retries=True)
        async with loaded(load, rate_per_s=stand.rate_per_s):
            await asyncio.sleep(stand.before_s)
            pair[0].kill()
            await asyncio.sleep(stand.during_s)
            await pair[0].start()
            over_s = time.perf_counter()
            await asyncio.sleep(stand.after_s)
    finally:
        for one in pair:
            one.kill()
        server.kill()
    retried = sum(answer.retried for answer in load.answers)
    late = sum(answer.retried and answer.asked_s > over_s for answer in load.answers)
    return Episode(
        fault="One of two gateways killed; callers ask the other once",
        answers=load.answers,
        over_s=over_s,
        found=[
            Finding(f"{retried} asked twice", retried > 0),
            Finding(f"{late} of them after its return", late == 0),
        ],
    )


async def overload(stand: Stand) -> Episode:
    """Ten times what the engine can do; then the usual load."""
    async with stand.serving() as (_, gateway):
        capacity_per_s = await _capacity_per_s(stand, gateway)
        load = Load([gateway.port], stand.request)
        memory: list[float] = []
        watching = asyncio.create_task(_watch(gateway, memory))
        begun_s = time.perf_counter()
        async with loaded(load, rate_per_s=stand.overload_times * capacity_per_s):
            await asyncio.sleep(stand.overload_s)
            over_s = time.perf_counter()
        watching.cancel()
        calm = Load([gateway.port], stand.request)
        async with loaded(calm, rate_per_s=min(stand.rate_per_s, 0.5 * capacity_per_s)):
            await asyncio.sleep(stand.after_s)
    accepted = [answer for answer in load.answers if answer.outcome in {OK, "504"}]
    rate_per_s = sum(answer.outcome == OK for answer in load.answers) / (over_s - begun_s)
    settled = memory[int(FIRST_SHARE * len(memory)) :]
    p99_s = percentile_s(accepted, 99)
    growth_mib = statistics.fmean(settled[-len(settled) // 5 :]) - statistics.fmean(
        settled[: len(settled) // 5 + 1]
    )
    return Episode(
        fault=f"{stand.overload_times:.0f} times the load ({stand.overload_times * capacity_per_s:.0f}/s) "
        f"for {stand.overload_s:.0f} s",
        answers=[*load.answers, *calm.answers],
        over_s=over_s,
        allowed=frozenset({"429", "504"}),
        strikes=True,
        found=[
            Finding(f"p99 of the accepted {p99_s:.2f} s", p99_s <= DEADLINE_S),
            Finding(
                f"{rate_per_s:.0f} hands/s, alone {capacity_per_s:.0f}/s", rate_per_s >= 0.5 * capacity_per_s
            ),
            Finding(f"memory {settled[0]:.0f} MiB, {growth_mib:+.1f} over the run", growth_mib <= GROWTH_MIB),
        ],
    )


async def _capacity_per_s(stand: Stand, gateway: GatewayProcess) -> float:
    """Measure how many requests a second are answered to callers who wait for one another."""
    target = HttpTarget(port=gateway.port, request=stand.request, server=ProcessTree(gateway.pid))
    sample = await asyncio.to_thread(measure_http, target, concurrency=CAPACITY_CLIENTS, seconds=CAPACITY_S)
    return sample.throughput_per_s


async def _watch(gateway: GatewayProcess, memory: list[float]) -> None:
    while True:
        memory.append(gateway.vitals().rss_mib)
        await asyncio.sleep(0.5)
