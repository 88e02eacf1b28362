"""Around every request: its id, its clock, its count, and an answer even when something breaks."""

from __future__ import annotations

import logging
from typing import cast

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import GatewayError, problem_response
from service.request_ids import HEADER, choose_request_id
from service.telemetry import RequestRecord, Telemetry

log = logging.getLogger("simahand")

SCOPE_KEY = "simahand.record"


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
        record = RequestRecord(choose_request_id(Headers(scope=scope).get(HEADER, "")))
        scope[SCOPE_KEY] = record
        status = 500
        started = False

        async def send_with_record(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                started, status = True, message["status"]
                headers = message.setdefault("headers", [])
                headers.append((HEADER.encode(), record.request_id.encode()))
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
