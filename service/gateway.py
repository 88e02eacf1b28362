"""The parts that the routes work with; made once by `service.app`, carried by the application's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import HTTPConnection

from service.capacity import Capacity
from service.contract import ModelContract
from service.encode.negotiation import Encoders
from service.engines.protocol import Engine
from service.errors import EngineError, UnknownModelError
from service.keys.ring import Keys
from service.pipeline import Pipeline
from service.readiness import Readiness
from service.settings import Settings
from service.streams.house import Streams
from service.telemetry import Telemetry
from service.tls import Certificates
from service.views import Views


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """One of everything."""

    settings: Settings
    contract: ModelContract
    engine: Engine
    capacity: Capacity
    encoders: Encoders
    pipeline: Pipeline
    readiness: Readiness
    telemetry: Telemetry
    keys: Keys
    certificates: Certificates | None
    """None where what comes is not encrypted."""
    streams: Streams
    views: Views | None
    """None where the model repository holds no model of several views."""

    def doubt(self) -> None:
        """Have the engines prove themselves again; see `Readiness.doubt`."""
        self.readiness.doubt()
        if self.views is not None:
            self.views.readiness.doubt()


def gateway_of(request: HTTPConnection) -> Gateway:
    """Return the gateway that serves a request or a WebSocket."""
    return cast(Gateway, request.app.state.gateway)


async def versions_of(engine: Engine) -> tuple[str, ...]:
    """Return the versions that can be asked for, oldest first; none while the engine is away."""
    try:
        return await engine.versions()
    except EngineError:
        return ()


def views_of(request: HTTPConnection) -> Views:
    """Return what serves several pictures of one moment.

    Raises:
        UnknownModelError: The model repository holds no such model.
    """
    gateway = gateway_of(request)
    if gateway.views is None:
        raise UnknownModelError(
            "this gateway serves no model of several views: its model repository holds no "
            f"{gateway.settings.views_model_name!r}",
            available=[gateway.contract.model],
        )
    return gateway.views
