"""Around every request: its id, its clock, its count, and an answer even when something breaks."""

from __future__ import annotations

import logging
import time
from typing import cast

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import GatewayError, problem_response
from service.headers import add_defaults
from service.logs import log_request, request_id_here
from service.request_ids import HEADER, choose_request_id
from service.telemetry import RequestRecord, Telemetry
from service.tracing import CONTEXT_HEADERS, incoming

log = logging.getLogger("simahand")

TRACED = "/v1/"
"""Where a request is traced: not the probes, not the page."""

SCOPE_KEY = "simahand.record"


def record_of(scope: Scope) -> RequestRecord:
    """Return the record that `RequestMiddleware` put into the scope."""
    return cast(RequestRecord, scope[SCOPE_KEY])


class RequestMiddleware:
    """Pure ASGI: adds `x-request-id`, `server-timing` and `service.headers`, counts, answers for a crash."""

    def __init__(self, app: ASGIApp, *, telemetry: Telemetry) -> None:
        """Wrap `app`."""
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = self._record(scope)
        scope[SCOPE_KEY] = record
        record.status = 500
        started, started_s = False, time.perf_counter()

        async def send_with_record(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started, record.status = True, message["status"]
                headers = message.setdefault("headers", [])
                headers.append((HEADER.encode(), record.request_id.encode()))
                headers.append((b"server-timing", record.server_timing.encode()))
                add_defaults(headers)
            await send(message)

        self._telemetry.in_flight.inc()
        try:
            await self._app(scope, receive, send_with_record)
        except Exception:
            log.exception("the request crashed")
            record.outcome = GatewayError.slug
            # A reply that has begun cannot be another one: the server closes its connection.
            if not started:
                await _crash_response(record)(scope, receive, send_with_record)
        finally:
            self._telemetry.in_flight.dec()
            self._end(scope, record, seconds=time.perf_counter() - started_s)

    def _record(self, scope: Scope) -> RequestRecord:
        headers = Headers(scope=scope)
        request_id = choose_request_id(headers.get(HEADER, ""))
        request_id_here.set(request_id)
        if not scope["path"].startswith(TRACED):
            return RequestRecord(request_id)
        incoming.set({name: headers[name] for name in CONTEXT_HEADERS if name in headers})
        return RequestRecord(request_id, trace=self._telemetry.tracer.begin(scope["method"]))

    def _end(self, scope: Scope, record: RequestRecord, *, seconds: float) -> None:
        route = _route(scope)
        self._telemetry.observe(record, route=route, seconds=seconds)
        log_request(record, transport="http", route=route, seconds=seconds)
        record.end_trace(
            f"{scope['method']} {route}",
            {
                "http.request.method": scope["method"],
                "http.route": route,
                "http.response.status_code": record.status,
            },
        )


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
