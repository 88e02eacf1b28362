"""Every way in which the gateway says no, and the one place where each way gets its status.

    GatewayError
    ├── MalformedRequestError 400      ├── HeadTooLargeError 431
    ├── UnreadableImageError 400       ├── MalformedMultipartError 400
    ├── BadBoxError 400                ├── UnauthorizedError 401
    ├── ForeignOriginError 403         ├── UnknownModelError 404
    ├── NotAcceptableError 406         ├── SlowUploadError 408
    ├── TooLargeError 413              ├── UnsupportedMediaError 415
    ├── InvalidParameterError 422      ├── HandLostError 422
    ├── RateLimitedError 429
    └── EngineError
        ├── OverloadedError 429        ├── EngineFaultError 502
        ├── EngineUnavailableError 503 └── DeadlineExceededError 504

A reply's body is `application/problem+json` (RFC 9457); `type` is stable and for programs, `detail` is for
people.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import orjson
from starlette.responses import Response

PROBLEM_MEDIA_TYPE = "application/problem+json"
PROBLEM_TYPE_PREFIX = "urn:simahand:problem:"

LONGEST_ECHO = 80
"""Characters of what a caller wrote that an error repeats."""


class GatewayError(Exception):
    """A request that gets a problem document for an answer."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, *, retry_after_s: int | None = None, **extensions: object) -> None:
        """Say what was wrong in `detail`; `extensions` become members of the problem document."""
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.extensions = extensions


class MalformedRequestError(GatewayError):
    """The bytes on the connection are no HTTP request."""

    status, slug, title = 400, "malformed-request", "This is no HTTP request"


class HeadTooLargeError(GatewayError):
    """The request's line and headers have too many bytes."""

    status, slug, title = 431, "head-too-large", "The request's head is too large"


class UnreadableImageError(GatewayError):
    """The bytes are no complete image of an accepted format."""

    status, slug, title = 400, "unreadable-image", "The image cannot be read"


class MalformedMultipartError(GatewayError):
    """The form cannot be parsed, or holds no image, or not as many as are wanted."""

    status, slug, title = 400, "malformed-multipart", "The multipart form cannot be read"


class BadBoxError(GatewayError):
    """The box is not four finite numbers, has no area, or lies outside the image."""

    status, slug, title = 400, "bad-box", "The box does not fit the image"


class UnauthorizedError(GatewayError):
    """A key is asked for, and none was given, or one that is not known."""

    status, slug, title = 401, "unauthorized", "A valid API key is needed"


class ForeignOriginError(GatewayError):
    """A page of another site opened a WebSocket; browsers leave it to the server to refuse."""

    status, slug, title = 403, "foreign-origin", "Pages of this origin may not open streams"


class UnknownModelError(GatewayError):
    """No such model, or no such version of it."""

    status, slug, title = 404, "unknown-model", "There is no such model or version"


class NotAcceptableError(GatewayError):
    """No encoder writes what the Accept header asks for."""

    status, slug, title = 406, "not-acceptable", "None of the accepted media types can be written"


class SlowUploadError(GatewayError):
    """The head or the body did not arrive in time."""

    status, slug, title = 408, "slow-upload", "The request did not arrive in time"


class TooLargeError(GatewayError):
    """Too many bytes, or a header that promises too many pixels."""

    status, slug, title = 413, "too-large", "The upload is too large"


class UnsupportedMediaError(GatewayError):
    """A media type, or a kind of image, that is refused on purpose."""

    status, slug, title = 415, "unsupported-media-type", "This kind of upload is not accepted"


class InvalidParameterError(GatewayError):
    """A parameter is unknown, given twice, or has an impossible value."""

    status, slug, title = 422, "invalid-parameter", "A parameter is not valid"


class HandLostError(GatewayError):
    """A stream that tracks has no hand to follow."""

    status, slug, title = 422, "hand-lost", "There is no hand to follow"


class RateLimitedError(GatewayError):
    """The key has asked more often than it may: come back later."""

    status, slug, title = 429, "rate-limited", "This key asks too often"


class EngineError(GatewayError):
    """The engine did not answer; what it said is translated where it is spoken to."""


class OverloadedError(EngineError):
    """A queue is full, here or in the engine: come back later."""

    status, slug, title = 429, "overloaded", "Too many requests are waiting"


class EngineFaultError(EngineError):
    """The engine answered with an error or with nonsense."""

    status, slug, title = 502, "engine-fault", "The engine failed"


class EngineUnavailableError(EngineError):
    """The engine cannot be reached or is not ready."""

    status, slug, title = 503, "engine-unavailable", "The engine is not ready"


class DeadlineExceededError(EngineError):
    """The answer would come too late."""

    status, slug, title = 504, "deadline-exceeded", "The deadline has passed"


def kinds_of(root: type[GatewayError]) -> list[type[GatewayError]]:
    """Return an error and all that are more special, once each."""
    special = [kind for child in root.__subclasses__() for kind in kinds_of(child)]
    return list(dict.fromkeys([root, *special]))


@contextmanager
def about_image(number: int) -> Iterator[None]:
    """Have what is refused inside say which of several images it is about; the first one is 0."""
    try:
        yield
    except GatewayError as error:
        error.detail = f"image {number}: {error.detail}"
        error.extensions["image"] = number
        raise


def problem_response(
    *,
    status: int,
    slug: str,
    title: str,
    detail: str,
    request_id: str,
    retry_after_s: int | None = None,
    extensions: dict[str, object] | None = None,
) -> Response:
    """Return a problem document as a response."""
    body = {
        "type": PROBLEM_TYPE_PREFIX + slug,
        "title": title,
        "status": status,
        "detail": detail,
        "request_id": request_id,
        **(extensions or {}),
    }
    headers = {} if retry_after_s is None else {"retry-after": str(retry_after_s)}
    if status == UnauthorizedError.status:
        headers["www-authenticate"] = 'Bearer realm="simahand"'  # RFC 9110: how to prove oneself
    return Response(orjson.dumps(body), status, headers, PROBLEM_MEDIA_TYPE)


def error_response(error: GatewayError, request_id: str) -> Response:
    """Return the problem document of `error`."""
    return problem_response(
        status=error.status,
        slug=error.slug,
        title=error.title,
        detail=error.detail,
        request_id=request_id,
        retry_after_s=error.retry_after_s,
        extensions=error.extensions,
    )
