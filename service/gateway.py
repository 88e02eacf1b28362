"""The parts that the routes work with; made once by `service.app`, carried by the application's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from service.contract import ModelContract
from service.encode.negotiation import Encoders
from service.engines.protocol import Engine
from service.pipeline import Pipeline
from service.readiness import Readiness
from service.settings import Settings
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


def gateway_of(request: Request) -> Gateway:
    """Return the gateway that serves `request`."""
    return cast(Gateway, request.app.state.gateway)
