"""The load of a soak: closed-loop to find the most, then open-loop at a share of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from deploy.bench.deployment import Service
from deploy.bench.load import Ask, closed_loop
from deploy.bench.photo import make_photo
from deploy.bench.stream_load import OPEN, StreamTarget
from deploy.bench.wire import HttpConnection, Request
from deploy.soak.record import BROKEN, SILENT, Call, Frames, Record
from deploy.soak.traffic import CROP_PX, Kind, mixed

CALLERS = 16
"""That ask at once when the most is sought."""
CONNECTIONS = 64
"""That stay open under load. A request that finds none free waits for one, and its latency counts that."""
ANSWER_TIMEOUT_S = 30.0
STREAMS = 2
FRAMES_PER_S = 3.0
STREAM_LIFE_S = 20.0
STREAM_PAUSE_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Streaming:
    """How long a live stream is used, and for how long none follows it."""

    life_s: float = STREAM_LIFE_S
    pause_s: float = STREAM_PAUSE_S


async def most_per_s(
    service: Service, kinds: tuple[Kind, ...], streaming: Streaming, *, seconds: float
) -> float:
    """Return how many requests of the mix a second `CALLERS` callers get answered, live streams beside them.

    Raises:
        RuntimeError: a reply had another status than it must have.
    """
    async with _pool(service.gateway_port, CALLERS) as pool, _streams(service, streaming, Frames()):
        order = mixed(kinds, seed=1)
        asks = [_asker(service.gateway_port, pool, kinds, order)] * CALLERS
        sample = await closed_loop(asks, server=service.gateway, seconds=seconds)
    return sample.throughput_per_s


async def soak(service: Service, record: Record, streaming: Streaming, *, start_s: float) -> None:
    """Send every request when it is due, whatever became of those before it, and wait for all replies.

    Args:
        service: what is asked.
        record: how fast and for how long; the calls and frames are added to it.
        streaming: the live streams beside the requests.
        start_s: of the load, by `time.perf_counter`.
    """
    order = mixed(record.kinds, seed=2)
    async with (
        _pool(service.gateway_port, CONNECTIONS) as pool,
        _streams(service, streaming, record.frames),
        asyncio.TaskGroup() as group,
    ):
        for number in range(int(record.duration_s * record.rate_per_s)):
            due_s = number / record.rate_per_s
            wait_s = start_s + due_s - time.perf_counter()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            record.sent += 1
            group.create_task(_call(service.gateway_port, pool, record, next(order), due_s, start_s))


async def _call(port: int, pool: _Pool, record: Record, index: int, due_s: float, start_s: float) -> None:
    status = await _ask(port, pool, record.kinds[index])
    latency_s = time.perf_counter() - start_s - due_s
    record.calls.append(Call(kind=index, due_s=due_s, latency_s=latency_s, status=status))


def _asker(port: int, pool: _Pool, kinds: tuple[Kind, ...], order: Iterator[int]) -> Ask:
    async def ask() -> None:
        kind = kinds[next(order)]
        status = await _ask(port, pool, kind)
        if status != kind.expected_status:
            raise RuntimeError(f"{kind.name}: expected status {kind.expected_status}, got {status}")

    return ask


async def _ask(port: int, pool: _Pool, kind: Kind) -> int:
    """Return the reply's status, `BROKEN` or `SILENT`."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            if kind.new_connection:
                connection = await HttpConnection.open(port)
                try:
                    return await connection.ask(kind.request)
                finally:
                    connection.close()
            return await pool.ask(kind.request)
    except TimeoutError:
        return SILENT
    except OSError:
        return BROKEN


class _Pool:
    """Connections that stay open, used in turn, so that none is idle for long; a broken one is replaced."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.free: asyncio.Queue[HttpConnection | None] = asyncio.Queue()
        """None is a place for a connection that is still to be opened."""

    async def ask(self, request: Request) -> int:
        connection = await self.free.get()
        try:
            connection = connection or await HttpConnection.open(self._port)
            status = await connection.ask(request)
        except BaseException:
            if connection is not None:
                connection.close()
            self.free.put_nowait(None)
            raise
        self.free.put_nowait(connection)
        return status


@asynccontextmanager
async def _pool(port: int, size: int) -> AsyncGenerator[_Pool, None]:
    pool = _Pool(port)
    for _ in range(size):
        pool.free.put_nowait(await HttpConnection.open(port))
    try:
        yield pool
    finally:
        while not pool.free.empty():
            connection = pool.free.get_nowait()
            if connection is not None:
                connection.close()


@asynccontextmanager
async def _streams(service: Service, streaming: Streaming, frames: Frames) -> AsyncGenerator[None, None]:
    """Keep live streams coming and going during the body; at its end they answer what was sent, and end."""
    over = asyncio.Event()
    pauses_s = [streaming.pause_s * number / STREAMS for number in range(STREAMS)]
    tasks = [
        asyncio.create_task(_stream_again(service, streaming, frames, over, first_pause_s=pause_s))
        for pause_s in pauses_s
    ]
    try:
        yield
    finally:
        over.set()
        await asyncio.gather(*tasks)


async def _stream_again(
    service: Service, streaming: Streaming, frames: Frames, over: asyncio.Event, *, first_pause_s: float
) -> None:
    target = StreamTarget(
        http_port=service.gateway_port,
        grpc_port=service.gateway_grpc_port,
        server=service.gateway,
        frame=make_photo(width_px=CROP_PX[0], height_px=CROP_PX[1]),
    )
    await _pause(over, first_pause_s)
    while not over.is_set():
        try:
            await _stream_once(target, streaming.life_s, frames, over)
        except Exception as error:  # whatever it is, it is one fault of a stream
            frames.faults.append(repr(error))
        await _pause(over, streaming.pause_s)


async def _stream_once(target: StreamTarget, life_s: float, frames: Frames, over: asyncio.Event) -> None:
    async with asyncio.timeout(life_s + ANSWER_TIMEOUT_S), OPEN["WebSocket"](target) as stream:
        frames.streams += 1
        end_s = time.perf_counter() + life_s
        while time.perf_counter() < end_s and not over.is_set():
            frames.sent += 1
            await stream.send()
            await stream.answer()
            frames.hands += 1
            await _pause(over, 1.0 / FRAMES_PER_S)


async def _pause(over: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), seconds)
