"""An application under uvicorn, one process: scale by processes behind a balancer."""

from __future__ import annotations

import contextlib
import gc
import socket

import uvicorn
from fastapi import FastAPI

from service.settings import Settings

BACKLOG = 2048
MESSAGE_MARGIN_BYTES = 64 << 10
"""A WebSocket message is its picture and little more."""


def configured(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Return how `app` is served."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        access_log=False,  # the metrics count, and every reply carries its id
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.shutdown_timeout_s,
        backlog=BACKLOG,
        server_header=False,
        date_header=False,
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
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening(config, settings)])
