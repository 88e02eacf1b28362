"""HTTP on a connection, with bounds that uvicorn's parser does not have.

Its head may have any length and take any time, and so may a body's trailers: one caller could fill the
memory, or hold connections for ever. Whatever is refused here gets a problem document like any other.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from service.errors import (
    GatewayError,
    HeadTooLargeError,
    MalformedRequestError,
    SlowUploadError,
    error_response,
)
from service.headers import add_defaults
from service.request_ids import HEADER, choose_request_id

LINGER_S = 2.0
"""How long a refused caller may go on sending: closed at once, it might never read why."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """Counts what belongs to no body, and waits only so long for it."""

    max_head_bytes: ClassVar[int]
    head_timeout_s: ClassVar[float]
    idle_timeout_s: ClassVar[float]

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        """Serve one connection; the arguments are uvicorn's."""
        super().__init__(*arguments, **options)
        self._head_bytes = 0
        self._unparsed_bytes = 0
        """Since the parser last made something of what came."""
        self._refusal: GatewayError | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a first request as long as for a next one."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.idle_timeout_s, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless this caller has been refused."""
        if self._refusal is not None:
            return
        self._unparsed_bytes += len(data)
        super().data_received(data)
        if self._unparsed_bytes > self.max_head_bytes and self._refusal is None:
            self._refuse(self._too_large())

    def on_message_begin(self) -> None:
        """Start the clock of a head."""
        super().on_message_begin()
        self._head_bytes = 0
        self._stop_clock()
        self._timer = self.loop.call_later(self.head_timeout_s, self._refuse, self._too_slow())

    def on_url(self, url: bytes) -> None:
        """Count the request's line."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header, or a trailer."""
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Stop the clock of the head; what comes now is counted where it is read."""
        self._stop_clock()
        self._unparsed_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass it on."""
        self._unparsed_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Pass it on."""
        self._unparsed_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer for what the parser, or a bound, has refused."""
        del msg
        self._refuse(self._refusal or MalformedRequestError("the connection does not carry valid HTTP/1.1"))

    def _count(self, size_bytes: int) -> None:
        self._unparsed_bytes = 0
        self._head_bytes += size_bytes
        if self._head_bytes > self.max_head_bytes:
            self._refusal = self._too_large()
            raise self._refusal  # the parser stops and has it answered

    def _refuse(self, refusal: GatewayError) -> None:
        self._stop_clock()
        self._refusal = refusal
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            # The request before this one is not answered yet, and cannot be any more.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.close()
                return
        request_id = choose_request_id("")
        response = error_response(refusal, request_id)
        response.headers["connection"] = "close"
        response.headers[HEADER] = request_id
        add_defaults(response.raw_headers)
        head = b"".join(name + b": " + value + b"\r\n" for name, value in response.raw_headers)
        self.transport.write(STATUS_LINE[refusal.status] + head + b"\r\n" + bytes(response.body))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._timer = self.loop.call_later(LINGER_S, self.transport.close)

    def _stop_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_large(self) -> HeadTooLargeError:
        return HeadTooLargeError(
            f"the request's line and headers have over {self.max_head_bytes} bytes",
            limit_bytes=self.max_head_bytes,
        )

    def _too_slow(self) -> SlowUploadError:
        return SlowUploadError(f"the request's head took longer than {self.head_timeout_s:g} s")


def bounded_protocol(
    *, max_head_bytes: int, head_timeout_s: float, idle_timeout_s: float
) -> type[BoundedHttpProtocol]:
    """Return the protocol with these bounds: uvicorn takes a class, and makes one of it a connection."""
    bounds = {
        "max_head_bytes": max_head_bytes,
        "head_timeout_s": head_timeout_s,
        "idle_timeout_s": idle_timeout_s,
    }
    return type("Bounded", (BoundedHttpProtocol,), bounds)
