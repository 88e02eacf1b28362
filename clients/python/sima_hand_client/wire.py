"""The service's JSON and headers, to and from the client's types; nothing here touches the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import httpx
import numpy as np

from sima_hand_client.errors import RefusedError, UnexpectedReplyError, error_class
from sima_hand_client.retry import parse_retry_after
from sima_hand_client.types import Box, FloatArray, Hand, HandResult, IndexArray, Intrinsics, ModelInfo

_Array = TypeVar("_Array", FloatArray, IndexArray)


def media_type_of(image: bytes) -> str:
    """Name an encoded image's format by its first bytes.

    The unknown goes as a JPEG: the service looks at the bytes too, and says best what they are not.
    """
    if image.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp"
    return "image/jpeg"


def query_of(
    *, hand: Hand, box: Box | None, intrinsics: Intrinsics | None, model: str | None, version: str | None
) -> dict[str, str]:
    """Write a request's parameters as the service's query."""
    query = {"hand": str(hand)}
    if box is not None:
        query["box"] = _box_text(box)
    if intrinsics is not None:
        query.update(zip(("fx", "fy", "cx", "cy"), (f"{value:.10g}" for value in intrinsics), strict=True))
    if model is not None:
        query["model"] = model
    if version is not None:
        query["version"] = version
    return query


def query_of_views(
    *,
    hand: Hand,
    boxes: Sequence[Box | None] | None,
    target: int,
    intrinsics: Intrinsics | None,
    model: str | None,
    version: str | None,
) -> dict[str, str | list[str]]:
    """Write the parameters of a request of several views; where there are boxes, one for each."""
    query: dict[str, str | list[str]] = {
        **query_of(hand=hand, box=None, intrinsics=intrinsics, model=model, version=version),
        "target": str(target),
    }
    if boxes is not None:
        query["box"] = ["" if box is None else _box_text(box) for box in boxes]
    return query


def form_files(images: Sequence[bytes]) -> list[tuple[str, tuple[str, bytes, str]]]:
    """Return encoded images as the parts of a form, in their order."""
    return [("image", (str(number), image, media_type_of(image))) for number, image in enumerate(images)]


def parse_result(reply: httpx.Response, *, hand: Hand, intrinsics: Intrinsics | None) -> HandResult:
    """Read the JSON of `POST /v1/reconstruct` and `/v1/reconstruct/views`.

    Raises:
        UnexpectedReplyError: a key is missing or an array has another shape than the API says.
    """
    body = _json_object(reply)
    try:
        translation_m = body["translation"]
        return HandResult(
            vertices_root_m=_floats(body["vertices"], (-1, 3)),
            joints_root_m=_floats(body["joints"], (-1, 3)),
            rotation=_floats(body["rotation"], (3, 3)),
            joints_px=_floats(body["joints_2d"], (-1, 2)),
            translation_m=None if translation_m is None else _floats(translation_m, (3,)),
            hand=hand,
            model_name=str(body["model"]["name"]),
            model_version=str(body["model"]["version"]),
            timing_ms={str(stage): float(spent) for stage, spent in body["timing_ms"].items()},
            intrinsics=intrinsics,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnexpectedReplyError(f"{reply.url} sent an unknown result: {error!r}") from error


def parse_model(reply: httpx.Response) -> ModelInfo:
    """Read the JSON of `GET /v1/model`.

    Raises:
        UnexpectedReplyError: as for `parse_result`.
    """
    body = _json_object(reply)
    try:
        contract = body["contract"]
        return ModelInfo(
            name=str(contract["model"]),
            versions=tuple(str(version) for version in body["versions"]),
            joint_names=tuple(str(name) for name in contract["joint_names"]),
            bones=_indices(contract["bones"], columns=2),
            faces=_indices(contract["faces"], columns=3),
            grpc_port=body.get("streams", {}).get("grpc_port"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnexpectedReplyError(f"{reply.url} sent an unknown description: {error!r}") from error


def parse_refusal(reply: httpx.Response) -> RefusedError:
    """Read `application/problem+json` (RFC 9457), or as much as a body of another kind gives away."""
    problem: dict[str, Any] = {}
    if reply.headers.get("content-type", "").startswith("application/problem+json"):
        problem = _json_object(reply)
    return error_class(reply.status_code)(
        status=reply.status_code,
        title=str(problem.get("title", reply.reason_phrase)),
        detail=str(problem.get("detail", "")),
        request_id=reply.headers.get("x-request-id"),
        retry_after_s=parse_retry_after(reply.headers.get("retry-after")),
    )


def _json_object(reply: httpx.Response) -> dict[str, Any]:
    try:
        body = reply.json()
    except ValueError as error:
        raise UnexpectedReplyError(f"{reply.url} sent no JSON: {error}") from error
    if not isinstance(body, dict):
        raise UnexpectedReplyError(f"{reply.url} sent a JSON {type(body).__name__}, not an object")
    return body


def _box_text(box: Box) -> str:
    return ",".join(f"{value:.10g}" for value in box)


def _floats(value: object, shape: tuple[int, ...]) -> FloatArray:
    return _shaped(np.asarray(value, dtype=np.float32), shape)


def _indices(value: object, *, columns: int) -> IndexArray:
    return _shaped(np.asarray(value, dtype=np.int64), (-1, columns))


def _shaped(array: _Array, shape: tuple[int, ...]) -> _Array:
    if array.ndim != len(shape) or any(
        want not in (-1, have) for have, want in zip(array.shape, shape, strict=True)
    ):
        raise ValueError(f"expected shape {shape}, got {array.shape}")
    return array
