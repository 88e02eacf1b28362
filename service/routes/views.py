"""`POST /v1/reconstruct/views`: several pictures of a hand at one moment in, the hand's mesh out."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.gateway import gateway_of, views_of
from service.middleware import record_of
from service.parameters import parse_views_parameters
from service.routes.openapi import HAND_RESPONSES, VIEWS_REQUEST
from service.routes.upload import read_views

router = APIRouter()


@router.post(
    "/v1/reconstruct/views",
    summary="Reconstruct a hand from several views",
    response_class=Response,
    responses=HAND_RESPONSES,
    openapi_extra=VIEWS_REQUEST,
)
async def reconstruct_views(request: Request) -> Response:
    """Return the mesh, the joints and the rotation of the hand that two or more pictures of one moment show.

    The pictures come in the order of the cameras, which stand in a ring around the hand; each is a crop or a
    photo with the hand's tight box. The answer is that of `/v1/reconstruct` for the picture that is the
    `target`: its camera's axes, its pixels, its intrinsics. `GET /v1/model/views` says how many pictures
    there may be. 404 where this gateway's model repository holds no such model.
    """
    gateway, views, record = gateway_of(request), views_of(request), record_of(request.scope)
    with views.pipeline.admission():
        encoder = views.encoders.choose(request.headers.get("accept"))
        with record.stage("read"):
            upload = await read_views(
                request,
                most=views.contract.views,
                max_image_bytes=gateway.settings.max_body_bytes,
                timeout_s=gateway.settings.body_timeout_s,
            )
        parameters = parse_views_parameters(request.scope["query_string"], upload.fields)
        views.pipeline.check_model(parameters.model)
        hand = await views.pipeline.reconstruct(upload.images, parameters, record)
        with record.stage("encode"):
            body = encoder.encode(hand)
        return Response(body, media_type=encoder.media_type)
