"""A gateway in the test's own event loop, before an engine whose rate the test knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from service.app import create_app
from service.contract import ModelContract
from service.engines.protocol import Deadline, EngineHand, InputArray
from service.errors import DeadlineExceededError
from service.server import configured, listening
from service.settings import Settings
from tests.service.hands import template_hand


class SteadyEngine:
    """Takes one crop after the other, each for the same time, first come first served."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        self.failure: Exception | None = None
        self.asked: list[str] = []
        """Request ids, in the order in which they came."""
        self.waiting: dict[str, int] = {}
        """How many frames of each stream are in the engine."""
        self.most_of_one = 0
        self.remaining_s: list[float] = []
        """How long each request had left."""
        self._turn = asyncio.Lock()
        hand = template_hand()
        seen_uv = 0.5 + 2 * hand.joints_m[:, :2]
        self.hand = EngineHand(hand.vertices_m, hand.joints_m, hand.rotation, seen_uv, "1")

    def __call__(self, contract: ModelContract) -> SteadyEngine:
        """Be the factory of itself."""
        return self

    async def start(self) -> None:
        """It is there already."""

    async def close(self) -> None:
        """It stays."""

    async def infer(
        self, *inputs: InputArray, version: str, deadline: Deadline, request_id: str
    ) -> EngineHand:
        """Answer with the template, in its turn."""
        self.asked.append(request_id)
        self.remaining_s.append(deadline.remaining_s)
        self.waiting[request_id] = self.waiting.get(request_id, 0) + 1
        self.most_of_one = max(self.most_of_one, self.waiting[request_id])
        try:
            async with self._turn:
                await asyncio.sleep(self.delay_s)
        finally:
            self.waiting[request_id] -= 1
        if deadline.remaining_s < 0:
            raise DeadlineExceededError("late")
        await self.ping()
        return self.hand

    async def verify(self) -> None:
        """Keep the contract unless there is a failure."""
        await self.ping()

    async def ping(self) -> None:
        """Raise the failure, if there is one."""
        if self.failure is not None:
            raise self.failure

    async def versions(self) -> tuple[str, ...]:
        """Serve one version."""
        await self.ping()
        return ("1",)


@dataclass(frozen=True)
class Served:
    """A gateway that runs, and where."""

    app: FastAPI
    server: uvicorn.Server
    http: int
    grpc: int

    def metric(self, name: str, **labels: str) -> float:
        """Return a metric's value; 0 where it has not been counted yet."""
        return self.app.state.gateway.telemetry.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def serving(
    settings: Settings, engine: SteadyEngine, **changes: object
) -> AsyncGenerator[Served, None]:
    """Serve as `python -m service` does, in this event loop."""
    settings = settings.model_copy(update={"port": 0, "log_level": "warning", **changes})
    app = create_app(settings, engine)
    config = configured(app, settings)
    listener = listening(config, settings)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve([listener]))
    while not server.started:
        assert not running.done(), "the gateway did not start"
        await asyncio.sleep(0.01)
    try:
        yield Served(app, server, listener.getsockname()[1], app.state.grpc_port)
    finally:
        server.should_exit = True
        await running
