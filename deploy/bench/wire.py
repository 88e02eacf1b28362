"""A lean HTTP/1.1 client for one kept-open connection: the load must cost less than what it measures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Self, cast

import httptools

_BOUNDARY = "simahand-bench"


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as the bytes that go on the wire."""

    wire: bytes


def post(path: str, body: bytes, *, content_type: str, accept: str = "application/json") -> Request:
    """Build a POST."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\naccept: {accept}\r\n"
        f"content-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return Request(wire=head.encode() + body)


def post_multipart(path: str, image: bytes, *, field: str = "image") -> Request:
    """Build a POST of one JPEG as browsers and `curl -F` upload it."""
    head = (
        f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="{field}"; filename="photo.jpg"\r\n'
        "content-type: image/jpeg\r\n\r\n"
    )
    body = head.encode() + image + f"\r\n--{_BOUNDARY}--\r\n".encode()
    return post(path, body, content_type=f"multipart/form-data; boundary={_BOUNDARY}")


class HttpConnection(asyncio.Protocol):
    """One connection; `ask` sends a request and waits for the whole reply."""

    def __init__(self) -> None:
        self.received_bytes = 0
        """Of all replies so far, heads included."""
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[int] | None = None

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect to a server on this machine."""
        _, connection = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return connection

    async def ask(self, request: Request) -> int:
        """Send a request; return the status once the reply is whole.

        Raises:
            ConnectionError: the server closed the connection first.
        """
        if self._transport is None:
            raise ConnectionError("the connection is closed")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request.wire)
        return await self._waiting

    @property
    def is_open(self) -> bool:
        """Whether neither side has closed it."""
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out (asyncio's callback)."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Feed the parser (asyncio's callback)."""
        self.received_bytes += len(data)
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the request that still waits (asyncio's callback)."""
        self._transport = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError("the server closed the connection before it replied"))

    def on_message_complete(self) -> None:
        """Hand the status to whoever asked (httptools' callback)."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(self._parser.get_status_code())
