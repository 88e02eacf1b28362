"""Callers that trickle, fall silent or never read, beside others who must not feel it."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from deploy.bench.vitals import Vitals
from deploy.faults.episode import Episode, Finding
from deploy.faults.load import Load, loaded
from deploy.faults.stand import GatewayProcess, Stand

TRICKLERS = 200
SILENT = 200
DEAF = 48
PIPELINED = 60
TRICKLE_EVERY_S = 0.5
OVERTIME_S = 3.0
"""For closing, beyond a timeout."""
GROWTH_MIB = 64.0
SMALL_BUFFER_BYTES = 4096
HEAD = b"POST /v1/reconstruct HTTP/1.1\r\nhost: slow\r\ncontent-type: image/jpeg\r\n"
STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3})")

TIMEOUTS = ("SIMAHAND_BODY_TIMEOUT_S", "SIMAHAND_SEND_TIMEOUT_S")
SPARE_FILES = 8
"""Of the probes that come and go."""


async def slowloris(stand: Stand) -> Episode:
    """Half of them trickle a head, half a body."""

    async def trickle(port: int, number: int) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD if number % 2 else HEAD + b"content-length: 100000\r\n\r\n")
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TRICKLE_EVERY_S):
                    return await _status(reader, writer)
            with suppress(ConnectionError):
                writer.write(b"x-a: b\r\n" if number % 2 else b"x")

    return await _beside(
        stand, f"{TRICKLERS} callers trickle a head or a body (slowloris)", TRICKLERS, trickle, status="408"
    )


async def half_open(stand: Stand) -> Episode:
    """They begin, and nothing comes of them any more, not even an end."""

    async def fall_silent(port: int, number: int) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD if number % 2 else HEAD + b"content-length: 100000\r\n\r\nabc")
        return await _status(reader, writer)

    return await _beside(
        stand, f"{SILENT} connections fall silent in a head or a body", SILENT, fall_silent, status="408"
    )


async def never_reading(stand: Stand) -> Episode:
    """They ask again and again and take no answer."""

    async def be_deaf(port: int, number: int) -> str:
        del number
        loop = asyncio.get_running_loop()
        with socket.socket() as ears:
            ears.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
            ears.setblocking(False)
            await loop.sock_connect(ears, ("127.0.0.1", port))
            for _ in range(PIPELINED):
                await loop.sock_sendall(ears, stand.request.wire)
            await asyncio.Event().wait()  # until cancelled: who is let go is not told
        return "unreachable"

    fault = f"{DEAF} callers ask {PIPELINED} times each and never read"
    # What they have asked is worked on before others, as long as they are taken for callers.
    return await _beside(stand, fault, DEAF, be_deaf, allowed=frozenset({"429"}))


async def _beside(
    stand: Stand,
    fault: str,
    count: int,
    misbehave: Callable[[int, int], Awaitable[str]],
    *,
    status: str | None = None,
    allowed: frozenset[str] = frozenset(),
) -> Episode:
    """Have `count` callers misbehave beside those who do not, until the gateway has let go of them.

    Where a status is given, each of them must be told it.
    """
    timeout_s = max(float(stand.settings.get(name, "10")) for name in TIMEOUTS)
    async with (
        stand.serving() as (_, gateway),
        loaded(Load([gateway.port], stand.request), rate_per_s=stand.rate_per_s) as load,
    ):
        await asyncio.sleep(stand.before_s)
        before, begun_s = _held(gateway, load), time.perf_counter()
        bad = [asyncio.create_task(_told(misbehave(gateway.port, number))) for number in range(count)]
        await asyncio.sleep(0.5 * timeout_s)
        most = _held(gateway, load)
        while _held(gateway, load).files > before.files + SPARE_FILES:
            if time.perf_counter() - begun_s > timeout_s + OVERTIME_S:
                break
            await asyncio.sleep(0.1)
        over_s = time.perf_counter()
        await asyncio.sleep(stand.after_s)
        after = _held(gateway, load)
        for task in bad:
            task.cancel()
        told = await asyncio.gather(*bad, return_exceptions=True)
    found = [
        Finding(
            f"open files {before.files}, {most.files}, and {after.files} "
            f"{over_s - begun_s:.0f} s after they came",
            most.files >= before.files + count // 2 and after.files <= before.files + SPARE_FILES,
        ),
        Finding(
            f"memory {before.rss_mib:.0f} to {after.rss_mib:.0f} MiB",
            after.rss_mib - before.rss_mib <= GROWTH_MIB,
        ),
    ]
    if status is not None:
        found.append(Finding(f"{told.count(status)} of {count} got {status}", told.count(status) == count))
    return Episode(fault=fault, answers=load.answers, over_s=over_s, allowed=allowed, found=found)


async def _told(misbehaving: Awaitable[str]) -> str:
    try:
        return await misbehaving
    except OSError as error:
        return type(error).__name__


async def _status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """Return the status of the answer that comes."""
    found = STATUS_LINE.match(await reader.read(4096))
    writer.close()
    return "closed without a word" if found is None else found[1].decode()


def _held(gateway: GatewayProcess, load: Load) -> Vitals:
    """Return what the gateway holds, without the connections of those who behave."""
    held = gateway.vitals()
    return dataclasses.replace(held, files=held.files - load.connections)
