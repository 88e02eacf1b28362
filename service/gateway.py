"""The parts that the routes work with; made once by `service.app`, carried by the application's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import HTTPConnection

from service.contract import ModelContract
from service.encode.negotiation import Encoders
from service.engines.protocol import Engine
from service.errors import EngineError
from service.pipeline import Pipeline
from service.readiness import Readiness
from service.settings import Settings
from service.streams.house import Streams
from service.telemetry import Telemetry


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """One of everything."""

    settings: Settings
    contract: ModelContract
    engine: Engine
    encoders: Encoders
    pipeline: Pipeline
    readiness: Readiness
    telemetry: Telemetry
    streams: Streams

    async def versions(self) -> tuple[str, ...]:
        """Return the versions that can be asked for, oldest first; none while the engine is away."""
        try:
            return await self.engine.versions()
        except EngineError:
            return ()


def gateway_of(request: HTTPConnection) -> Gateway:
    """Return the gateway that serves a request or a WebSocket."""
    return cast(Gateway, request.app.state.gateway)
