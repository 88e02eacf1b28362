"""`simahand bench`: how long one caller waits for a hand, over each transport."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Final, Literal, NamedTuple

import numpy as np
from PIL import Image

from sima_hand_client.async_client import AsyncHandClient
from sima_hand_client.credentials import Access
from sima_hand_client.retry import RetryPolicy

Way = Literal["rest", "grpc-unary", "websocket", "grpc"]
WAYS: tuple[Way, ...] = ("rest", "grpc-unary", "websocket", "grpc")
"""Single questions over HTTP and gRPC, then the streams."""
ONCE: Final = RetryPolicy(attempts=1)
"""What fails is told and not tried again: its wait would be counted."""
WARM_UP_CALLS = 5
PICTURE_PX = 224


class Measured(NamedTuple):
    """What one caller saw who asks again as soon as it is answered."""

    way: Way
    frames: int
    fps: float
    p50_ms: float
    p99_ms: float


def measure(
    server: str,
    ways: Sequence[Way],
    *,
    photo: bytes | None,
    duration_s: float,
    timeout_s: float,
    access: Access,
) -> list[Measured]:
    """Measure each way for `duration_s`; a photo of None is a small picture of no hand.

    Raises:
        HandClientError: the service or the wire failed, or refused the photo.
    """
    image = picture() if photo is None else photo
    return asyncio.run(
        _measure(server, ways, image, duration_s=duration_s, timeout_s=timeout_s, access=access)
    )


def table(measured: Sequence[Measured]) -> str:
    """Return lines to print."""
    head = f"{'transport':<10} {'frames':>7} {'fps':>8} {'p50 ms':>8} {'p99 ms':>8}"
    rows = (
        f"{one.way:<10} {one.frames:>7} {one.fps:>8.1f} {one.p50_ms:>8.2f} {one.p99_ms:>8.2f}"
        for one in measured
    )
    return "\n".join((head, *rows))


def picture() -> bytes:
    """Return a JPEG of smooth colours."""
    ramp = np.linspace(0, 255, PICTURE_PX, dtype=np.uint8)
    across, down = np.meshgrid(ramp, ramp)
    buffer = io.BytesIO()
    Image.fromarray(np.stack([across, down, 255 - across], axis=-1)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


async def _measure(
    server: str, ways: Sequence[Way], image: bytes, *, duration_s: float, timeout_s: float, access: Access
) -> list[Measured]:
    async with AsyncHandClient(server, timeout_s=timeout_s, retry=ONCE, **access) as client:
        measured = []
        for way in ways:
            async with AsyncExitStack() as stack:
                ask = await _asker(client, way, image, timeout_s, stack)
                measured.append(_summed(way, *await _timed(ask, duration_s)))
        return measured


async def _asker(
    client: AsyncHandClient, way: Way, image: bytes, timeout_s: float, stack: AsyncExitStack
) -> Callable[[], Awaitable[object]]:
    if way == "rest":
        return lambda: client.reconstruct(image)
    if way == "grpc-unary":
        return lambda: client.reconstruct_grpc(image)
    stream = await stack.enter_async_context(
        client.stream(transport=way, timeout_s=timeout_s, reconnect=ONCE)
    )

    async def ask() -> object:
        return (await stream.ask(image)).require_hand()

    return ask


async def _timed(ask: Callable[[], Awaitable[object]], duration_s: float) -> tuple[list[float], float]:
    """Return the seconds of each call, and of all together."""
    for _ in range(WARM_UP_CALLS):
        await ask()
    spent_s: list[float] = []
    start_s = last_s = time.perf_counter()
    while last_s - start_s < duration_s:
        await ask()
        now_s = time.perf_counter()
        spent_s.append(now_s - last_s)
        last_s = now_s
    return spent_s, last_s - start_s


def _summed(way: Way, spent_s: Sequence[float], whole_s: float) -> Measured:
    p50_ms, p99_ms = (1e3 * float(np.percentile(spent_s, percent)) for percent in (50, 99))
    return Measured(way, len(spent_s), len(spent_s) / whole_s, p50_ms, p99_ms)
