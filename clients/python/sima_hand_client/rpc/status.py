"""The one place where a gRPC status becomes an error of the client's."""

from __future__ import annotations

from typing import Final

import grpc

from sima_hand_client.errors import (
    HandClientError,
    NoReplyError,
    RefusedError,
    UnexpectedReplyError,
    UnreachableError,
)

PROBLEM_KEY = "simahand-problem"
"""Trailing metadata: the slug of what the service refused."""
PUSHBACK_KEY = "grpc-retry-pushback-ms"
"""gRPC's own Retry-After."""
LET_GO: Final = frozenset({"idle", "unread-replies"})
"""Ends that are no refusal: the stream may be opened again."""
NOT_OURS: Final = frozenset({grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INTERNAL})


def error_of(error: grpc.Call | grpc.aio.AioRpcError, target: str) -> HandClientError:
    """Return the error that a call to `target`, HOST:PORT, ended with."""
    code, detail = error.code(), error.details() or ""
    trailing = {str(key): value for key, value in error.trailing_metadata() or ()}
    slug = trailing.get(PROBLEM_KEY)
    if slug in LET_GO:
        return UnreachableError(f"{target} ended the stream: {detail}")
    if isinstance(slug, str):
        return RefusedError.of_slug(slug, detail, retry_after_s=_retry_after_s(trailing.get(PUSHBACK_KEY)))
    if code == grpc.StatusCode.RESOURCE_EXHAUSTED:  # gRPC's own, of a message or of the calls at once
        slug = "message-too-large" if "larger than max" in detail else "overloaded"
        return RefusedError.of_slug(slug, detail)
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return NoReplyError(f"no reply from {target} in time")
    if code in NOT_OURS:
        return UnexpectedReplyError(f"{target} speaks no HandMesh: {detail}")
    return UnreachableError(f"cannot reach {target}: {detail} ({code.name})")


def _retry_after_s(pushback_ms: str | bytes | None) -> float | None:
    return int(pushback_ms) / 1e3 if isinstance(pushback_ms, str) and pushback_ms.isdigit() else None
