"""Closed-loop load: each of N clients asks, waits for the whole answer, and asks again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvloop

from deploy.bench.processes import ProcessTree
from deploy.bench.statistics import Sample
from deploy.bench.wire import HttpConnection, Request

WARMUP_SHARE = 0.25
"""Length of the unmeasured run before each window, as a share of the window."""

Ask = Callable[[], Awaitable[None]]
"""Returns when an answer is whole, and raises when it is a bad one."""


@dataclass(frozen=True, kw_only=True)
class HttpTarget:
    """A server on this machine, what it is asked, and whose CPU time that costs."""

    port: int
    request: Request
    server: ProcessTree


async def closed_loop(clients: Sequence[Ask], *, server: ProcessTree, seconds: float) -> Sample:
    """Let every client ask again and again, and measure a window in the middle of it.

    Args:
        clients: one callable a client.
        server: whose CPU time is read at both ends of the window.
        seconds: length of the window; what is answered within it counts, whenever it was asked.
    """
    latencies_s: list[float] = []
    async with _asking(clients, latencies_s):
        await asyncio.sleep(WARMUP_SHARE * seconds)
        latencies_s.clear()
        cpu_before_s, start_s = server.cpu_s(), time.perf_counter()
        await asyncio.sleep(seconds)
        return Sample(
            latencies_s=tuple(latencies_s),
            elapsed_s=time.perf_counter() - start_s,
            server_cpu_s=server.cpu_s() - cpu_before_s,
        )


@asynccontextmanager
async def _asking(clients: Sequence[Ask], latencies_s: list[float]) -> AsyncGenerator[None, None]:
    """Keep all clients asking during the body, and let their last questions be answered after it."""
    stopped = False

    async def run(ask: Ask) -> None:
        while not stopped:
            asked_s = time.perf_counter()
            await ask()
            latencies_s.append(time.perf_counter() - asked_s)

    try:
        async with asyncio.TaskGroup() as group:
            for ask in clients:
                group.create_task(run(ask))
            yield
            stopped = True
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


def measure_http(target: HttpTarget, *, concurrency: int, seconds: float) -> Sample:
    """Ask an HTTP server over `concurrency` connections that stay open.

    Raises:
        RuntimeError: a reply was not 200; a fast refusal must not pass for a fast answer.
    """
    return uvloop.run(_measure_http(target, concurrency, seconds))


async def _measure_http(target: HttpTarget, concurrency: int, seconds: float) -> Sample:
    connections = [await HttpConnection.open(target.port) for _ in range(concurrency)]
    clients = [_asker(connection, target.request) for connection in connections]
    try:
        return await closed_loop(clients, server=target.server, seconds=seconds)
    finally:
        for connection in connections:
            connection.close()


def _asker(connection: HttpConnection, request: Request) -> Ask:
    async def ask() -> None:
        status = await connection.ask(request)
        if status != 200:
            raise RuntimeError(f"expected status 200, got {status}")

    return ask
