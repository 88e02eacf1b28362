"""The standard health service: serving means ready, as at `/readyz`."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service.errors import GatewayError
from service.readiness import Readiness

WATCH_PERIOD_S = 2.0


class ReadinessHealth(health_pb2_grpc.HealthServicer):
    """Asks the engine when it is asked itself: nothing is asked while nobody wants to know."""

    def __init__(self, readiness: Readiness, *, services: Collection[str]) -> None:
        """Speak for `services`, among them "" for the whole server."""
        self._readiness = readiness
        self._services = services

    async def Check(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> health_pb2.HealthCheckResponse:
        """Return whether a service is ready; NOT_FOUND where there is no such service."""
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"there is no service {request.service[:80]!r}")
        return await self._response()

    async def Watch(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> None:
        """Send whether a service is ready, now and whenever it changes."""
        if request.service not in self._services:
            await context.write(
                health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)
            )
            return
        last = None
        while True:
            response = await self._response()
            if response != last:
                await context.write(response)
            last = response
            await asyncio.sleep(WATCH_PERIOD_S)

    async def _response(self) -> health_pb2.HealthCheckResponse:
        try:
            await self._readiness.check()
        except GatewayError:
            return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.NOT_SERVING)
        return health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
