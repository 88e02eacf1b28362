"""For whoever runs the gateway: alive, ready, and the metrics."""

from __future__ import annotations

from fastapi import APIRouter, Request
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from service.gateway import gateway_of
from service.routes.openapi import problem_responses

router = APIRouter(tags=["operation"])


@router.get("/livez", summary="Is the process alive?")
async def livez() -> JSONResponse:
    """Return 200 for as long as the process serves; the engine may be away."""
    return JSONResponse({"status": "alive"})


@router.get("/readyz", summary="May it be sent requests?", responses=problem_responses(429, 502, 503, 504))
async def readyz(request: Request) -> JSONResponse:
    """Return 200 when the engine has answered a canary since it was last away, and is there now."""
    await gateway_of(request).readiness.check()
    return JSONResponse({"status": "ready"})


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Return the metrics in Prometheus' text format."""
    content = generate_latest(gateway_of(request).telemetry.registry)
    return Response(content, media_type=CONTENT_TYPE_LATEST)
