"""An application under uvicorn, one process: scale by processes behind a balancer."""

from __future__ import annotations

import contextlib
import gc
import logging
import socket
from typing import cast

import uvicorn
from fastapi import FastAPI
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from service.gateway import Gateway
from service.http import bounded_protocol
from service.settings import Settings

log = logging.getLogger("simahand")

BACKLOG = 2048
MESSAGE_MARGIN_BYTES = 64 << 10
"""A WebSocket message is its picture and little more."""


class RefusingWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's own, which calls every refused handshake an error in its log (its pull request 3138)."""

    async def send(self, message: ASGISendEvent) -> None:
        """Send, and remember that an answer to the handshake is one, too."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True


def configured(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Return how `app`, which `create_app` made, is served."""
    certificates = cast(Gateway, app.state.gateway).certificates
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,  # its lines are written as ours are
        log_level="warning",  # at info it writes down the queries of WebSockets, which may hold a key
        http=bounded_protocol(
            max_head_bytes=settings.max_head_bytes,
            head_timeout_s=settings.body_timeout_s,
            idle_timeout_s=settings.keep_alive_s,
        ),
        access_log=False,  # the metrics count, and every reply carries its id
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.shutdown_timeout_s,
        backlog=BACKLOG,
        server_header=False,
        date_header=False,
        ssl_context_factory=None if certificates is None else lambda *_: certificates.context,
        ws=RefusingWebSocket,
        ws_max_size=settings.max_body_bytes + MESSAGE_MARGIN_BYTES,
        ws_per_message_deflate=False,  # pictures are compressed already, and floats hardly compress
    )


def listening(config: uvicorn.Config, settings: Settings) -> socket.socket:
    """Return a socket whose connections the kernel ends when their peer makes no room for too long.

    Nobody else would: what was written is waited for even after a close.
    """
    listener = config.bind_socket()
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; accepted sockets inherit it
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(1e3 * settings.send_timeout_s))
    return listener


def serve(app: FastAPI, settings: Settings) -> None:
    """Serve until told to stop."""
    # What stands now stands until the end: the collector need not walk it again and again.
    gc.collect()
    gc.freeze()
    config = configured(app, settings)
    listener = listening(config, settings)
    log.info("serving at %s:%d", *listener.getsockname()[:2])
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
