"""What the tests of streams share: a scene played in a stream, and a gateway that may be killed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sima_hand_client import AsyncHandClient, Box, HandStream, RetryPolicy

from deploy.bench.processes import ProcessTree, running
from tests.clients.conftest import gateway_arguments

BOX = Box(20, 30, 100, 100)
PATIENT = RetryPolicy(attempts=60, first_delay_s=0.05, longest_delay_s=0.5)
TIMEOUT_S = 60.0

Scene = Callable[[HandStream], Awaitable[None]]


def play(url: str, scene: Scene, *, retry: RetryPolicy = PATIENT, **options: Any) -> None:  # noqa: ANN401
    """Play a scene in a stream to the service at `url`."""

    async def played() -> None:
        async with (
            asyncio.timeout(TIMEOUT_S),
            AsyncHandClient(url) as client,
            client.stream(reconnect=retry, **options) as stream,
        ):
            await scene(stream)

    asyncio.run(played())


@contextmanager
def own_gateway(folder: Path, port: int, **settings: str) -> Iterator[ProcessTree]:
    """Run a gateway on `port` in a process of its own."""
    arguments, environment = gateway_arguments(folder, port)
    with running(arguments, port=port, environment=environment | settings) as tree:
        yield tree
