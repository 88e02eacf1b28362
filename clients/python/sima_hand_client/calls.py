"""The questions of the HTTP API, apart from how they are sent: the clients share everything but the I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import httpx

from sima_hand_client.errors import RefusedError
from sima_hand_client.retry import RetryPolicy
from sima_hand_client.types import Box, Hand, HandResult, Intrinsics, ModelInfo
from sima_hand_client.wire import (
    form_files,
    media_type_of,
    parse_model,
    parse_result,
    query_of,
    query_of_views,
)

Answer = TypeVar("Answer")

# Threads and tasks may share a client: with limits, the pool closes idle connections
# that it has just given to another of them (httpcore issue 1110).
LIMITS: Final = httpx.Limits(max_connections=None, max_keepalive_connections=None)


@dataclass(frozen=True)
class Call(Generic[Answer]):
    """One question: what to send, and how to read the reply.

    Attributes:
        request: arguments of httpx's `request`.
        parse: reads a reply that went well; raises `UnexpectedReplyError` where it is none.
    """

    request: dict[str, Any]
    parse: Callable[[httpx.Response], Answer]


def reconstruct_call(
    image: bytes,
    *,
    hand: Hand,
    box: Box | None,
    intrinsics: Intrinsics | None,
    model: str | None,
    version: str | None,
) -> Call[HandResult]:
    """Ask for the hand in a photo, as arrays."""
    query = query_of(hand=hand, box=box, intrinsics=intrinsics, model=model, version=version)
    return Call(
        _post(image, query, accept="application/json"),
        lambda reply: parse_result(reply, hand=hand, intrinsics=intrinsics),
    )


def views_call(
    images: Sequence[bytes],
    *,
    hand: Hand,
    boxes: Sequence[Box | None] | None,
    target: int,
    intrinsics: Intrinsics | None,
    model: str | None,
    version: str | None,
) -> Call[HandResult]:
    """Ask for the hand in photos of one moment, as arrays."""
    query = query_of_views(
        hand=hand, boxes=boxes, target=target, intrinsics=intrinsics, model=model, version=version
    )
    return Call(
        {"method": "POST", "url": "/v1/reconstruct/views", "params": query, "files": form_files(images)},
        lambda reply: parse_result(reply, hand=hand, intrinsics=intrinsics),
    )


def glb_call(
    image: bytes,
    *,
    hand: Hand,
    box: Box | None,
    intrinsics: Intrinsics | None,
    model: str | None,
    version: str | None,
) -> Call[bytes]:
    """Ask for the hand in a photo, as binary glTF."""
    query = query_of(hand=hand, box=box, intrinsics=intrinsics, model=model, version=version)
    return Call(_post(image, query, accept="model/gltf-binary"), lambda reply: reply.content)


def model_call() -> Call[ModelInfo]:
    """Ask for the model's description."""
    return Call({"method": "GET", "url": "/v1/model"}, parse_model)


def pause_s(refusal: RefusedError, attempt: int, retry: RetryPolicy) -> float:
    """Return how long to wait after a refusal to the given attempt, from 1.

    Raises:
        RefusedError: the policy gives up.
    """
    delay_s = retry.delay_s(attempt, refusal)
    if delay_s is None:
        raise refusal
    return delay_s


def checked_url(base_url: str) -> str:
    """Return `base_url` without a slash at its end.

    Raises:
        ValueError: it is no http(s) URL.
    """
    if not base_url.startswith(("http://", "https://")):
        raise ValueError(f"base_url must start with http:// or https://, got {base_url!r}")
    return base_url.rstrip("/")


def _post(image: bytes, query: dict[str, str], *, accept: str) -> dict[str, Any]:
    return {
        "method": "POST",
        "url": "/v1/reconstruct",
        "params": query,
        "content": image,
        "headers": {"content-type": media_type_of(image), "accept": accept},
    }
