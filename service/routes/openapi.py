"""What the routes say of themselves in OpenAPI, where the code reads and writes bytes itself for speed."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from service import errors
from service.contract import ModelContract
from service.encode import glb
from service.errors import PROBLEM_MEDIA_TYPE, PROBLEM_TYPE_PREFIX, GatewayError
from service.parameters import (
    BOX_FORM,
    HandParameters,
    Parameters,
    ViewsParameters,
    openapi_parameters,
    openapi_properties,
)
from service.routes.upload import FEWEST_VIEWS, IMAGE_FIELD, IMAGE_MEDIA_TYPES, MULTIPART

Point = tuple[float, float, float]


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = Field(description="Stable; for programs.")
    title: str
    status: int
    detail: str = Field(description="What was wrong with this request; for people.")
    request_id: str


class ModelVersion(BaseModel):
    """Which model answered."""

    name: str
    version: str


class HandDocument(BaseModel):
    """A hand in metres: camera axes (x right, y down, z away), wrist at the origin."""

    model: ModelVersion
    hand: str = Field(description="`right` or `left`, as asked.")
    vertices: list[Point] = Field(
        description="Faces are in `GET /v1/model`; turn their winding for a left hand."
    )
    joints: list[Point] = Field(description="In the order of `contract.joint_names`.")
    rotation: tuple[Point, Point, Point] = Field(
        description="Camera-from-canonical; a left hand's canonical frame is mirrored in x."
    )
    joints_2d: list[tuple[float, float]] = Field(
        description="Pixels of the upright upload; the corner of its first pixel is 0, 0."
    )
    translation: Point | None = Field(description="The wrist in the camera's frame; null without intrinsics.")
    timing_ms: dict[str, float]


class GatewayLimits(BaseModel):
    """What this gateway takes at most."""

    body_bytes: int
    image_bytes: int = Field(description="Of each image.")
    image_pixels: int
    in_flight: int = Field(description="Requests in the house at once.")
    deadline_s: float
    streams: int = Field(description="Live streams at once.")
    stream_idle_s: float = Field(description="Longest silence of a stream's client.")


class GatewayBuild(BaseModel):
    """Who answers."""

    name: str
    version: str
    engine: str


class StreamPlaces(BaseModel):
    """Where live streams are served."""

    websocket: str = Field(description="The path of the WebSocket on this port.")
    grpc_port: int | None


class ModelDocument(BaseModel):
    """Everything that a client would otherwise hard-code."""

    contract: ModelContract
    versions: list[str] = Field(description="Empty while the engine is away.")
    media_types: list[str] = Field(description="What an answer can be written as.")
    limits: GatewayLimits
    gateway: GatewayBuild
    streams: StreamPlaces


EXAMPLES: dict[type[GatewayError], str] = {
    errors.MalformedRequestError: "the connection does not carry HTTP: invalid method",
    errors.HeadTooLargeError: "the request's line and headers have over 65536 bytes",
    errors.UnreadableImageError: "the image cannot be decoded: image file is truncated",
    errors.MalformedMultipartError: "the form has no file field 'image'",
    errors.BadBoxError: BOX_FORM,
    errors.UnauthorizedError: "this API key is not known here",
    errors.UnknownModelError: "there is no model 'svr_foot'",
    errors.NotAcceptableError: "cannot write text/html; there is application/json, model/gltf-binary",
    errors.SlowUploadError: "the body took longer than 10 s",
    errors.TooLargeError: "the image has 10000 x 10000 = 100000000 pixels, over 25000000",
    errors.UnsupportedMediaError: "content-type text/plain is not accepted",
    errors.InvalidParameterError: "hand: Input should be 'right' or 'left'",
    errors.RateLimitedError: "the key 'studio' may ask 10 times a second",
    errors.OverloadedError: "Triton's queue is full",
    errors.EngineFaultError: "Triton answered INTERNAL: out of memory",
    errors.EngineUnavailableError: "Triton is not ready: failed to connect to all addresses",
    errors.DeadlineExceededError: "Triton did not answer in time",
}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI responses for the errors of these statuses, an example of each."""
    return {status: _problem_response(status) for status in statuses}


def _problem_response(status: int) -> dict[str, Any]:
    kinds = [kind for kind in EXAMPLES if kind.status == status]
    examples = {
        kind.slug: {
            "value": {
                "type": PROBLEM_TYPE_PREFIX + kind.slug,
                "title": kind.title,
                "status": status,
                "detail": EXAMPLES[kind],
                "request_id": "7c1e0f4c8f4b4a0f9e2f3f1f0a5b6c7d",
            }
        }
        for kind in kinds
    }
    description = "; ".join(kind.title for kind in kinds)
    content = {PROBLEM_MEDIA_TYPE: {"schema": Problem.model_json_schema(), "examples": examples}}
    return {"description": description, "content": content}


FILE = {"type": "string", "format": "binary"}


def _form(kind: type[HandParameters], image: dict[str, Any]) -> dict[str, Any]:
    properties = openapi_properties(kind) | {IMAGE_FIELD: image}
    return {MULTIPART: {"schema": {"type": "object", "required": [IMAGE_FIELD], "properties": properties}}}


RECONSTRUCT_REQUEST: dict[str, Any] = {
    "parameters": openapi_parameters(Parameters),
    "requestBody": {
        "required": True,
        "content": {**{kind: {"schema": FILE} for kind in IMAGE_MEDIA_TYPES}, **_form(Parameters, FILE)},
    },
}

VIEWS_REQUEST: dict[str, Any] = {
    "parameters": openapi_parameters(ViewsParameters),
    "requestBody": {
        "required": True,
        "content": _form(ViewsParameters, {"type": "array", "items": FILE, "minItems": FEWEST_VIEWS}),
    },
}

HAND_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The hand",
        "model": HandDocument,  # FastAPI puts it, and what it refers to, among the components
        "content": {glb.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    },
    **problem_responses(*sorted({kind.status for kind in EXAMPLES})),
}
