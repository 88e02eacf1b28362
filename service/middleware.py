"""Around every request: its id, its clock, its count, and an answer even when something breaks."""

from __future__ import annotations

import itertools
import logging
import re
import uuid
from typing import cast

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import GatewayError, problem_response
from service.telemetry import RequestRecord, Telemetry

log = logging.getLogger("simahand")

SCOPE_KEY = "simahand.record"

PROCESS_ID = uuid.uuid4().hex[:16]
REQUEST_NUMBERS = itertools.count(1)
"""Unique beside the process's id, without a system call for randomness in every request."""

ACCEPTED_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
"""What a caller may call its request: it ends up in logs and headers."""


def record_of(scope: Scope) -> RequestRecord:
    """Return the record that `RequestMiddleware` put into the scope."""
    return cast(RequestRecord, scope[SCOPE_KEY])


class RequestMiddleware:
    """Pure ASGI: adds `x-request-id` and `server-timing`, counts, and answers for a crash."""

    def __init__(self, app: ASGIApp, *, telemetry: Telemetry) -> None:
        """Wrap `app`."""
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = RequestRecord(_request_id(scope))
        scope[SCOPE_KEY] = record
        status = 500
        started = False

        async def send_with_record(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                started, status = True, message["status"]
                headers = message.setdefault("headers", [])
                headers.append((b"x-request-id", record.request_id.encode()))
                headers.append((b"server-timing", record.server_timing.encode()))
            await send(message)

        self._telemetry.in_flight.inc()
        try:
            await self._app(scope, receive, send_with_record)
        except Exception:
            log.exception("request %s crashed", record.request_id)
            record.outcome = GatewayError.slug
            if started:
                raise
            await _crash_response(record)(scope, receive, send_with_record)
        finally:
            self._telemetry.in_flight.dec()
            self._telemetry.observe(record, route=_route(scope), status=status)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if ACCEPTED_REQUEST_ID.fullmatch(given) else f"{PROCESS_ID}-{next(REQUEST_NUMBERS):x}"


def _route(scope: Scope) -> str:
    """Return the path template that was matched: never the path itself, which a caller chooses."""
    return getattr(scope.get("route"), "path", "unmatched")


def _crash_response(record: RequestRecord) -> ASGIApp:
    return problem_response(
        status=GatewayError.status,
        slug=GatewayError.slug,
        title=GatewayError.title,
        detail="the gateway failed; its log has this request id",
        request_id=record.request_id,
    )
