"""Closed-loop load: each of N clients asks, waits for the whole answer, and asks again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
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
    """Warm up, then let every client ask again and again for `seconds`.

    Args:
        clients: one callable a client.
        server: whose CPU time is read around the window.
        seconds: length of the window; the questions asked within it are waited for.
    """
    await _ask_until(clients, time.perf_counter() + WARMUP_SHARE * seconds)
    cpu_before_s = server.cpu_s()
    start_s = time.perf_counter()
    latencies_s = await _ask_until(clients, start_s + seconds)
    return Sample(
        latencies_s=tuple(latencies_s),
        elapsed_s=time.perf_counter() - start_s,
        server_cpu_s=server.cpu_s() - cpu_before_s,
    )


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


async def _ask_until(clients: Sequence[Ask], end_s: float) -> list[float]:
    """Return the latencies of all answers, in seconds."""
    latencies_s: list[float] = []

    async def run(ask: Ask) -> None:
        asked_s = time.perf_counter()
        while asked_s < end_s:
            await ask()
            answered_s = time.perf_counter()
            latencies_s.append(answered_s - asked_s)
            asked_s = answered_s

    await asyncio.gather(*(run(ask) for ask in clients))
    return latencies_s
