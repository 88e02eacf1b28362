"""Before every route: whose key is it, and may it ask now?"""

from __future__ import annotations

from typing import Final, cast
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import ForeignOriginError, GatewayError, error_response
from service.keys.caller import Caller
from service.keys.presented import key_of, key_of_subprotocols
from service.keys.ring import Keys
from service.logs import log_stream
from service.middleware import record_of
from service.request_ids import HEADER, choose_request_id
from service.telemetry import Telemetry

SCOPE_KEY: Final = "simahand.caller"

OPEN_PATHS: Final = frozenset({"/", "/livez", "/readyz", "/docs", "/openapi.json"})
OPEN_FOLDERS: Final = ("/assets/", "/static-offline-docs/")
"""Open to anyone: the probes, the page that asks its user for a key, and what the API is. All else is not."""
METRICS_PATH: Final = "/metrics"
UNCOUNTED_PATHS: Final = frozenset({METRICS_PATH})
"""Asked for by a machine at its own pace, and no work."""


def caller_of(scope: Scope) -> Caller:
    """Return who sent a request or opened a WebSocket; only where a key is asked for."""
    return cast(Caller, scope[SCOPE_KEY])


class AccessMiddleware:
    """Pure ASGI: lets through who may ask, before anything of the body is read."""

    def __init__(
        self, app: ASGIApp, *, keys: Keys, telemetry: Telemetry, open_metrics: bool, origins: tuple[str, ...]
    ) -> None:
        """Wrap `app`.

        Args:
            app: What serves the requests that may be.
            keys: Who may ask.
            telemetry: Counts the WebSockets that are refused.
            open_metrics: Whether `/metrics` needs no key.
            origins: Of other sites whose pages may open WebSockets, as in an `Origin` header; "*" is any.
        """
        self._app = app
        self._keys = keys
        self._telemetry = telemetry
        self._open_paths = OPEN_PATHS | ({METRICS_PATH} if open_metrics else set())
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, or refuse, one request."""
        try:
            if scope["type"] == "http":
                self._admit_request(scope)
            elif scope["type"] == "websocket":
                self._admit_websocket(scope)
        except GatewayError as error:
            await self._refusal(error, scope)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _admit_request(self, scope: Scope) -> None:
        path = scope["path"]
        if path in self._open_paths or path.startswith(OPEN_FOLDERS):
            return
        caller = self._keys.caller_of(key_of(Headers(scope=scope).get))
        record_of(scope).caller = caller.name
        if path not in UNCOUNTED_PATHS:
            caller.take_request()

    def _admit_websocket(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None and not self._is_welcome(origin, headers.get("host", "")):
            raise ForeignOriginError(
                f"SIMAHAND_CORS_ORIGINS does not name {origin[:200]}, whose page opened this stream"
            )
        scope[SCOPE_KEY] = self._keys.caller_of(
            key_of(headers.get) or key_of_subprotocols(scope.get("subprotocols", ()))
        )

    def _is_welcome(self, origin: str, host: str) -> bool:
        return "*" in self._origins or origin in self._origins or urlsplit(origin).netloc == host

    def _refusal(self, error: GatewayError, scope: Scope) -> ASGIApp:
        if scope["type"] == "http":
            record = record_of(scope)
            record.outcome = error.slug
            return error_response(error, record.request_id)
        request_id = choose_request_id(Headers(scope=scope).get(HEADER, ""))
        self._telemetry.turn_away("websocket", error.slug)
        log_stream(request_id=request_id, transport="websocket", end=error.slug)
        # Refused in the handshake, by a plain HTTP answer: nothing is held for a stranger.
        return error_response(error, request_id)
