"""For whoever runs the gateway: alive, ready, and the metrics."""

from __future__ import annotations

from fastapi import APIRouter, Request
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from service.errors import GatewayError
from service.gateway import gateway_of
from service.readiness import Readiness
from service.routes.openapi import problem_responses

router = APIRouter(tags=["operation"])


@router.get("/livez", summary="Is the process alive?")
async def livez() -> JSONResponse:
    """Return 200 for as long as the process serves; the engine may be away."""
    return JSONResponse({"status": "alive"})


@router.get("/readyz", summary="May it be sent requests?", responses=problem_responses(429, 502, 503, 504))
async def readyz(request: Request) -> JSONResponse:
    """Return 200 when the engine has answered a canary since it was last away, and is there now.

    That is the engine of the model of one picture. The model of several views is optional and no reason to
    send nobody here: `views` says how it fares, where there is one, and its route answers for itself.
    """
    gateway = gateway_of(request)
    await gateway.readiness.check()
    if gateway.views is None:
        return JSONResponse({"status": "ready"})
    return JSONResponse({"status": "ready", "views": await _state(gateway.views.readiness)})


async def _state(readiness: Readiness) -> str:
    try:
        await readiness.check()
    except GatewayError as error:
        return error.detail
    return "ready"


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Return the metrics in Prometheus' text format."""
    content = generate_latest(gateway_of(request).telemetry.registry)
    return Response(content, media_type=CONTENT_TYPE_LATEST)
