"""`POST /v1/reconstruct`: a picture of a hand in, the hand's mesh out."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.responses import Response

from service.gateway import gateway_of
from service.middleware import record_of
from service.parameters import parse_parameters
from service.routes.direct import DirectRoute
from service.routes.openapi import RECONSTRUCT_REQUEST, RECONSTRUCT_RESPONSES
from service.routes.upload import read_upload


def add_route(app: FastAPI) -> None:
    """Add the route to the application itself: a router between the two would be matched at every request."""
    app.router.add_api_route(
        "/v1/reconstruct",
        reconstruct,
        methods=["POST"],
        summary="Reconstruct a hand",
        response_class=Response,
        responses=RECONSTRUCT_RESPONSES,
        openapi_extra=RECONSTRUCT_REQUEST,
        route_class_override=DirectRoute,
    )


async def reconstruct(request: Request) -> Response:
    """Return the mesh, the joints and the rotation of the hand that the picture shows.

    The picture is a crop around one hand, or a photo with the hand's tight `box`. With intrinsics the answer
    has the wrist's place in the camera's frame as well. `Accept` chooses between JSON and binary glTF.
    """
    gateway, record = gateway_of(request), record_of(request.scope)
    with gateway.pipeline.admission():
        encoder = gateway.encoders.choose(request.headers.get("accept"))
        with record.stage("read"):
            upload = await read_upload(
                request,
                max_bytes=gateway.settings.max_body_bytes,
                timeout_s=gateway.settings.body_timeout_s,
            )
        parameters = parse_parameters(request.scope["query_string"], upload.fields)
        gateway.pipeline.check_model(parameters.model)
        hand = await gateway.pipeline.reconstruct(upload.image, parameters, record)
        with record.stage("encode"):
            body = encoder.encode(hand)
        return Response(body, media_type=encoder.media_type)
