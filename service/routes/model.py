"""`GET /v1/model` and `/v1/model/views`: everything that a client would otherwise hard-code."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from service import __version__
from service.contract import ModelContract
from service.encode.negotiation import Encoders
from service.engines.protocol import Engine
from service.gateway import gateway_of, versions_of, views_of
from service.routes import stream
from service.routes.openapi import ModelDocument, problem_responses

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
    return await _description(request, gateway.contract, gateway.engine, gateway.encoders)


@router.get(
    "/v1/model/views",
    summary="Describe the model of several views",
    response_class=Response,
    responses={200: {"description": "The model", "model": ModelDocument}, **problem_responses(404)},
)
async def describe_views_model(request: Request) -> Response:
    """Return the same of the model behind `/v1/reconstruct/views`; `contract.views` is the most it looks at.

    404 where this gateway's model repository holds no such model.
    """
    views = views_of(request)
    return await _description(request, views.contract, views.engine, views.encoders)


async def _description(
    request: Request, contract: ModelContract, engine: Engine, encoders: Encoders
) -> Response:
    settings = gateway_of(request).settings
    document = {
        "contract": contract.model_dump(mode="json"),
        "versions": await versions_of(engine),
        "media_types": encoders.media_types,
        "limits": {
            "body_bytes": contract.views * settings.max_body_bytes,
            "image_bytes": settings.max_body_bytes,
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
