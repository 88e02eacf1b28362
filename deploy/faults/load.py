"""Callers who come at a fixed rate whatever happens, and a record of what each of them got."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from deploy.bench.wire import HttpConnection, Request

OK = "200"
NOT_CONNECTED = "not connected"
CUT_OFF = "cut off"
LOST = "lost"
"""Neither answered nor cut off within the patience: what must never be."""

PATIENCE_S = 30.0
IDLE_CONNECTIONS = 64
VERSION = re.compile(rb'"version":\s*"(\d+)"')


class Answer(NamedTuple):
    """What one request got."""

    asked_s: float
    """On the clock of `time.perf_counter`, when it was due: a load that is late hides nothing."""
    took_s: float
    outcome: str
    """An HTTP status, `NOT_CONNECTED`, `CUT_OFF` or `LOST`."""
    version: str = ""
    """Of the model that answered, where the load reads it."""
    retried: bool = False
    """Whether another gateway was asked after the first had not answered."""


class _Connection(HttpConnection):
    """A connection that keeps the body of its last reply."""

    def __init__(self) -> None:
        super().__init__()
        self.body = b""

    async def ask(self, request: Request) -> int:
        """Send a request; see `HttpConnection.ask`."""
        self.body = b""
        return await super().ask(request)

    def on_body(self, body: bytes) -> None:
        """Keep a piece (httptools' callback)."""
        self.body += body


class Load:
    """Open-loop callers of several gateways in turn; a failed one is left for another, where there is one."""

    def __init__(self, ports: Sequence[int], request: Request, *, retries: bool = False) -> None:
        """Ask the gateways at these ports.

        Args:
            ports: Of this machine.
            request: What every caller asks.
            retries: Ask the next gateway once where one cannot be reached or cuts off, as balancers do.
        """
        self.ports = list(ports)
        self.answers: list[Answer] = []
        self._request = request
        self._retries = retries
        self._idle: dict[int, list[_Connection]] = {port: [] for port in ports}
        self._turn = itertools.cycle(ports)
        self._asking: set[asyncio.Task[None]] = set()

    async def come(self, rate_per_s: float) -> None:
        """Let callers come until cancelled."""
        start_s = time.perf_counter()
        for number in itertools.count():
            due_s = start_s + number / rate_per_s
            await asyncio.sleep(due_s - time.perf_counter())
            task = asyncio.create_task(self._ask(due_s))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def drain(self) -> None:
        """Wait for those who still wait, and close all connections."""
        while self._asking:
            await asyncio.wait(set(self._asking))
        for connection in itertools.chain.from_iterable(self._idle.values()):
            connection.close()

    def count(self, outcome: str = OK) -> int:
        """Return how many got this so far."""
        return sum(answer.outcome == outcome for answer in self.answers)

    @property
    def connections(self) -> int:
        """How many are open, or being opened."""
        return len(self._asking) + sum(one.is_open for idle in self._idle.values() for one in idle)

    async def _ask(self, due_s: float) -> None:
        outcome, version = await self._try(next(self._turn))
        retried = self._retries and outcome in {NOT_CONNECTED, CUT_OFF}
        if retried:
            outcome, version = await self._try(next(self._turn))
        self.answers.append(Answer(due_s, time.perf_counter() - due_s, outcome, version, retried))

    async def _try(self, port: int) -> tuple[str, str]:
        connection = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                connection = self._kept(port) or await _Connection.open(port)
                status = await connection.ask(self._request)
        except TimeoutError:
            if connection is not None:
                connection.close()
            return LOST, ""
        except OSError:
            return (NOT_CONNECTED if connection is None else CUT_OFF), ""
        if connection.is_open and len(self._idle[port]) < IDLE_CONNECTIONS:
            self._idle[port].append(connection)
        else:
            connection.close()
        found = VERSION.search(connection.body) if status == 200 else None
        return str(status), "" if found is None else found[1].decode()

    def _kept(self, port: int) -> _Connection | None:
        idle = self._idle[port]
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        return None


@asynccontextmanager
async def loaded(load: Load, *, rate_per_s: float) -> AsyncGenerator[Load, None]:
    """Have callers come during the body; after it all are waited for."""
    coming = asyncio.create_task(load.come(rate_per_s))
    try:
        yield load
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await load.drain()


def outcomes(answers: Sequence[Answer]) -> Counter[str]:
    """Count the outcomes."""
    return Counter(answer.outcome for answer in answers)
