"""The load generator, against a server that does next to nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from deploy.bench.load import HttpTarget, measure_http
from deploy.bench.photo import make_photo
from deploy.bench.processes import ProcessTree, free_port, running
from deploy.bench.wire import HttpConnection, post, post_multipart

REQUEST = post("/anything", b"body", content_type="image/jpeg")


@pytest.fixture(scope="module")
def fixed_reply() -> Iterator[tuple[int, ProcessTree]]:
    port = free_port()
    with running(["-m", "deploy.bench.contenders.fixed_reply", str(port)], port=port) as tree:
        yield port, tree


def test_answers_times_latency_fill_the_window(fixed_reply: tuple[int, ProcessTree]) -> None:
    """Little's law: in a closed loop, answers x mean latency = clients x time."""
    port, tree = fixed_reply
    concurrency = 4
    sample = measure_http(
        HttpTarget(port=port, request=REQUEST, server=tree), concurrency=concurrency, seconds=0.5
    )
    spent_s = sum(sample.latencies_s)
    # An answer that was asked before the window counts whole; one that is still open at its end, not at all.
    assert spent_s <= concurrency * (sample.elapsed_s + max(sample.latencies_s))
    assert spent_s >= 0.5 * concurrency * sample.elapsed_s
    assert sample.elapsed_s >= 0.49  # timers of the event loop count whole milliseconds
    assert 0 < sample.server_cpu_s <= 2 * sample.elapsed_s


def test_the_generator_costs_less_than_what_it_measures(fixed_reply: tuple[int, ProcessTree]) -> None:
    port, tree = fixed_reply
    photo = make_photo(width_px=224, height_px=224)
    target = HttpTarget(port=port, request=post_multipart("/", photo), server=tree)
    cpu_before_s = time.process_time()
    sample = measure_http(target, concurrency=8, seconds=0.5)
    own_cpu_ms = 1e3 * (time.process_time() - cpu_before_s) / len(sample.latencies_s)
    assert own_cpu_ms < 0.3  # the leanest of the servers takes over twice this


def test_a_refusal_is_not_an_answer() -> None:
    port = free_port()
    with running(["-m", "deploy.bench.contenders.plain_fastapi", str(port)], port=port) as tree:
        target = HttpTarget(port=port, request=post("/nowhere", b"", content_type="text/plain"), server=tree)
        with pytest.raises(RuntimeError, match="expected status 200, got 404"):
            measure_http(target, concurrency=1, seconds=0.1)


def test_a_connection_that_closes_early_is_an_error() -> None:
    async def hang_up_on(request_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_reader.read(1)
        writer.close()

    async def ask() -> None:
        server = await asyncio.start_server(hang_up_on, "127.0.0.1", 0)
        async with server:
            connection = await HttpConnection.open(server.sockets[0].getsockname()[1])
            with pytest.raises(ConnectionError, match="before it replied"):
                await connection.ask(REQUEST)

    asyncio.run(ask())


def test_the_photo_is_the_same_every_time_and_as_large_as_a_photo() -> None:
    photo = make_photo(width_px=224, height_px=224)
    assert photo == make_photo(width_px=224, height_px=224)
    assert 10_000 < len(photo) < 25_000
