"""`GET /v1/model`: everything that a client would otherwise hard-code."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from service import __version__
from service.gateway import gateway_of
from service.routes import stream
from service.routes.openapi import ModelDocument

router = APIRouter()


@router.get(
    "/v1/model",
    summary="Describe the model",
    response_class=Response,
    responses={200: {"description": "The model", "model": ModelDocument}},
)
async def describe_model(request: Request) -> Response:
    """Return the contract (tensors, joints, bones, faces), the limits of this gateway and what it can write.

    `versions` is empty while the engine is away.
    """
    gateway = gateway_of(request)
    settings = gateway.settings
    document = {
        "contract": gateway.contract.model_dump(mode="json"),
        "versions": await gateway.versions(),
        "media_types": gateway.encoders.media_types,
        "limits": {
            "body_bytes": settings.max_body_bytes,
            "image_pixels": settings.max_image_pixels,
            "in_flight": settings.max_in_flight,
            "deadline_s": settings.deadline_s,
            "streams": settings.max_streams,
            "stream_idle_s": settings.stream_idle_timeout_s,
        },
        "gateway": {"name": "simahand", "version": __version__, "engine": settings.engine},
        "streams": {"websocket": stream.PATH, "grpc_port": request.app.state.grpc_port},
    }
    return Response(orjson.dumps(document), media_type="application/json")
