"""One soak, from the start of the service to its record."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import uvloop

from deploy.bench.deployment import Service
from deploy.network import answers_ok
from deploy.soak.load import Streaming, most_per_s, soak
from deploy.soak.record import Record
from deploy.soak.traffic import traffic
from deploy.soak.vitals import look

PROGRESS_S = 60.0
READY_TIMEOUT_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a soak goes.

    Attributes:
        duration_s: of the open-loop load.
        share: of the most that the service answers in a closed loop.
        most_window_s: how long that is measured.
        sample_s: between two looks at the processes.
        settle_s: until the ends of connections have been noticed, and the service is at rest.
        streaming: the live streams beside the requests.
    """

    duration_s: float
    share: float = 0.7
    most_window_s: float = 8.0
    sample_s: float = 5.0
    settle_s: float = 3.0
    streaming: Streaming = field(default_factory=Streaming)

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"load is a share, above 0 and at most 1; got {self.share}")
        if self.duration_s <= 0:
            raise ValueError(f"a soak takes more than no time; got {self.duration_s} s")


@dataclass(frozen=True, kw_only=True)
class Soak:
    """What was found.

    Attributes:
        most_per_s: requests of the mix, in a closed loop.
        record: of the load.
    """

    most_per_s: float
    record: Record


def run(service: Service, plan: Plan, *, progress: Callable[[str], None]) -> Soak:
    """Find the most, then load the service with a share of it.

    Raises:
        RuntimeError: the gateway did not become ready, or a reply was wrong before the load had begun.
    """
    _wait_until_ready(service)
    return uvloop.run(_run(service, plan, progress))


async def _run(service: Service, plan: Plan, progress: Callable[[str], None]) -> Soak:
    kinds = traffic()
    progress(f"looking for the most requests/s, {plan.most_window_s:g} s")
    most = await most_per_s(service, kinds, plan.streaming, seconds=plan.most_window_s)
    await asyncio.sleep(plan.settle_s)
    record = Record(
        kinds=kinds,
        duration_s=plan.duration_s,
        rate_per_s=plan.share * most,
        before=await asyncio.to_thread(look, service, time_s=-plan.settle_s),
    )
    progress(f"{most:.1f} requests/s at most; {plan.duration_s / 60:g} min at {record.rate_per_s:.1f}")
    start_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(_watch(service, record, plan, progress, start_s=start_s))
        await soak(service, record, plan.streaming, start_s=start_s)
        watch.cancel()
    await asyncio.sleep(plan.settle_s)
    record.after = await asyncio.to_thread(look, service, time_s=time.perf_counter() - start_s)
    return Soak(most_per_s=most, record=record)


def _wait_until_ready(service: Service) -> None:
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    while not answers_ok("127.0.0.1", service.gateway_port, "/readyz"):
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"the gateway was not ready within {READY_TIMEOUT_S:g} s")
        time.sleep(0.1)


async def _watch(
    service: Service, record: Record, plan: Plan, progress: Callable[[str], None], *, start_s: float
) -> None:
    told_s = 0.0
    while True:
        time_s = time.perf_counter() - start_s
        if time_s > plan.duration_s:
            return
        sight = await asyncio.to_thread(look, service, time_s=time_s)
        record.sights.append(sight)
        if time_s - told_s >= PROGRESS_S:
            told_s = time_s
            progress(
                f"{time_s / 60:.0f} min: {dict(record.statuses())}, gateway {sight.gateway.rss_mib:.0f} MiB, "
                f"Triton {sight.triton.rss_mib:.0f} MiB"
            )
        await asyncio.sleep(plan.sample_s)
