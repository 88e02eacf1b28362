"""Everything that can go wrong between a caller and the service.

HandClientError
├── UnreachableError        no connection, or it broke before the reply was whole
├── NoReplyError            no reply within the client's own timeout
├── UnexpectedReplyError    a reply that does not speak this API (a proxy's page, another server)
└── RefusedError            the service said no: by `application/problem+json`, or in a stream
    ├── RejectedRequestError    4xx: the image, the box or another parameter is wrong; asking again won't help
    │   └── UnauthorizedError       401: the service asks for an API key, or does not know this one
    ├── OverloadedError         429: the queue is full, or the key asks too often; see `retry_after_s`
    ├── NotReadyError           503: the model is loading, Triton is away, or the gateway is stopping
    ├── DeadlineError           504: the service gave the request up
    └── ServerFaultError        any other 5xx

Arguments that are wrong before anything is sent raise `ValueError`; an image file that cannot be read
raises `OSError`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

import httpx


class HandClientError(Exception):
    """Root of the tree: catch this to catch everything that the service or the wire can do."""


class UnreachableError(HandClientError):
    """The service could not be reached, or the connection broke."""


class NoReplyError(HandClientError):
    """The reply did not come within the client's timeout."""


class UnexpectedReplyError(HandClientError):
    """The reply is not one of this API's."""


class RefusedError(HandClientError):
    """The service refused; its own words are in the attributes.

    Attributes:
        status: HTTP status code; over gRPC or in a stream, the one that the same problem has over HTTP.
        title: short name of the problem; over gRPC or in a stream, its slug.
        detail: what exactly was wrong.
        request_id: the service's `x-request-id`, for its logs.
        retry_after_s: the service's Retry-After in seconds, or None.
    """

    def __init__(
        self,
        *,
        status: int,
        title: str,
        detail: str,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{detail or title} (HTTP {status})")
        self.status = status
        self.title = title
        self.detail = detail
        self.request_id = request_id
        self.retry_after_s = retry_after_s

    @staticmethod
    def of_slug(slug: str, detail: str, *, retry_after_s: float | None = None) -> RefusedError:
        """Return the error of a problem over gRPC or in a stream, which has a slug in place of a status."""
        status = _STATUS_OF_SLUG.get(slug, HTTPStatus.BAD_REQUEST)
        return error_class(status)(status=status, title=slug, detail=detail, retry_after_s=retry_after_s)


class RejectedRequestError(RefusedError):
    """4xx: the request itself is wrong."""


class UnauthorizedError(RejectedRequestError):
    """401: the service asks for an API key, or does not know this one."""


class OverloadedError(RefusedError):
    """429: the queue is full, or the key asks too often."""


class NotReadyError(RefusedError):
    """503: the model is not ready."""


class DeadlineError(RefusedError):
    """504: the service's own deadline passed."""


class ServerFaultError(RefusedError):
    """Any other 5xx."""


_STATUS_OF_SLUG: Final[Mapping[str, HTTPStatus]] = {
    "unauthorized": HTTPStatus.UNAUTHORIZED,
    "key-revoked": HTTPStatus.UNAUTHORIZED,
    "foreign-origin": HTTPStatus.FORBIDDEN,
    "unknown-model": HTTPStatus.NOT_FOUND,
    "too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "message-too-large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unsupported-media-type": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "invalid-parameter": HTTPStatus.UNPROCESSABLE_ENTITY,
    "rate-limited": HTTPStatus.TOO_MANY_REQUESTS,
    "overloaded": HTTPStatus.TOO_MANY_REQUESTS,
    "too-many-streams": HTTPStatus.TOO_MANY_REQUESTS,
    "internal-error": HTTPStatus.INTERNAL_SERVER_ERROR,
    "engine-fault": HTTPStatus.BAD_GATEWAY,
    "engine-unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "going-away": HTTPStatus.SERVICE_UNAVAILABLE,
    "deadline-exceeded": HTTPStatus.GATEWAY_TIMEOUT,
}
"""Any other slug names something wrong with the request."""


def error_class(status: int) -> type[RefusedError]:
    """Return the class of the tree that a refusing status belongs to."""
    named: dict[int, type[RefusedError]] = {
        HTTPStatus.UNAUTHORIZED: UnauthorizedError,
        HTTPStatus.TOO_MANY_REQUESTS: OverloadedError,
        HTTPStatus.SERVICE_UNAVAILABLE: NotReadyError,
        HTTPStatus.GATEWAY_TIMEOUT: DeadlineError,
    }
    return named.get(
        status, RejectedRequestError if status < HTTPStatus.INTERNAL_SERVER_ERROR else ServerFaultError
    )


@contextmanager
def translate_http_errors(url: str) -> Iterator[None]:
    """Turn httpx's errors into this tree's; the one place where they meet."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise NoReplyError(f"no reply from {url} in time ({type(error).__name__})") from error
    except httpx.TransportError as error:
        raise UnreachableError(f"cannot reach {url}: {error}") from error
    except (httpx.DecodingError, httpx.TooManyRedirects) as error:
        raise UnexpectedReplyError(f"{url} sent a broken reply: {error}") from error
