"""The one place where what went wrong gets its gRPC status."""

from __future__ import annotations

from typing import Any, Final, NoReturn

import grpc

from service.errors import GatewayError
from service.streams import errors as ends

CODES: Final = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.INVALID_ARGUMENT,
    415: grpc.StatusCode.INVALID_ARGUMENT,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    502: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
"""By the status that the error has over HTTP."""

END_CODES: Final[dict[type[ends.StreamEndError], grpc.StatusCode]] = {
    ends.MalformedMessageError: grpc.StatusCode.INVALID_ARGUMENT,
    ends.IdleStreamError: grpc.StatusCode.DEADLINE_EXCEEDED,
    ends.UnreadRepliesError: grpc.StatusCode.ABORTED,
    ends.TooManyStreamsError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    ends.GoingAwayError: grpc.StatusCode.UNAVAILABLE,
    ends.KeyRevokedError: grpc.StatusCode.UNAUTHENTICATED,
}
"""Why a call ended. A message that is too large is refused by gRPC itself, as RESOURCE_EXHAUSTED."""

PROBLEM_KEY = "simahand-problem"
"""Trailing metadata: the problem's slug, for programs."""
PUSHBACK_KEY = "grpc-retry-pushback-ms"
"""gRPC's own Retry-After."""

Context = grpc.aio.ServicerContext[Any, Any]


async def abort(context: Context, error: GatewayError | ends.StreamEndError) -> NoReturn:
    """End a call with the status of `error`."""
    trailing = [(PROBLEM_KEY, error.slug)]
    if isinstance(error, ends.StreamEndError):
        await context.abort(END_CODES[type(error)], error.reason, tuple(trailing))
    if error.retry_after_s is not None:
        trailing.append((PUSHBACK_KEY, str(error.retry_after_s * 1000)))
    await context.abort(CODES[error.status], error.detail, tuple(trailing))
