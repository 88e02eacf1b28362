"""`/v1/stream`: the live stream as a WebSocket, for browsers and Unity."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

from fastapi import FastAPI
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from service.gateway import gateway_of
from service.keys.middleware import caller_of
from service.keys.presented import SUBPROTOCOL
from service.logs import request_id_here
from service.request_ids import HEADER, choose_request_id
from service.routes.stream_wire import message_of, reply_bytes
from service.streams import errors as ends
from service.streams.messages import Message, Reply
from service.tracing import CONTEXT_HEADERS, incoming

log = logging.getLogger("simahand")

PATH = "/v1/stream"

CLOSE_CODES: Final[dict[type[ends.StreamEndError], int]] = {
    ends.MalformedMessageError: 1007,
    ends.MessageTooLargeError: 1009,
    ends.IdleStreamError: 1008,
    ends.UnreadRepliesError: 1008,
    ends.TooManyStreamsError: 1013,
    ends.GoingAwayError: 1001,
    ends.KeyRevokedError: 1008,
}
"""As IANA lists them. A uvicorn that stops closes with 1012 itself, before the application hears of it."""
CRASHED = 1011
MAX_REASON_BYTES = 123
CLOSE_TIMEOUT_S = 1.0
"""A peer that reads nothing does not hear why, either."""


def add_route(app: FastAPI) -> None:
    """Add the WebSocket to the application."""
    app.router.routes.append(WebSocketRoute(PATH, stream))


async def stream(websocket: WebSocket) -> None:
    """Answer the newest frame, again and again."""
    gateway = gateway_of(websocket)
    request_id = choose_request_id(websocket.headers.get(HEADER, ""))
    request_id_here.set(request_id)
    incoming.set({name: websocket.headers[name] for name in CONTEXT_HEADERS if name in websocket.headers})
    connection = _Connection(websocket, max_bytes=gateway.settings.max_body_bytes)
    try:
        # Among what is offered may be a key, which is not said again.
        subprotocol = SUBPROTOCOL if SUBPROTOCOL in websocket.scope["subprotocols"] else None
        await websocket.accept(subprotocol, headers=[(HEADER.encode(), request_id.encode())])
        caller = caller_of(websocket.scope)
        with gateway.streams.admit("websocket", request_id=request_id, caller=caller) as hand_stream:
            await hand_stream.serve(connection.receive, connection.send)
    except (ends.PeerLeftError, WebSocketDisconnect):
        return
    except ends.StreamEndError as error:
        await _close(websocket, CLOSE_CODES[type(error)], error.reason)
    except Exception:
        log.exception("the stream crashed")
        await _close(websocket, CRASHED, "the gateway failed; its log has this stream's request id")


class _Connection:
    """A WebSocket as a stream's logic sees it."""

    def __init__(self, websocket: WebSocket, *, max_bytes: int) -> None:
        self._websocket = websocket
        self._max_bytes = max_bytes

    async def receive(self) -> Message:
        """Return the next message; see `service.streams.stream.Receive`."""
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise ends.PeerLeftError("the peer closed the connection")
        data = event.get("bytes")
        if data is None:
            raise ends.MalformedMessageError("messages are binary, this one was text")
        if len(data) > self._max_bytes:
            raise ends.MessageTooLargeError(f"the message has {len(data)} bytes, over {self._max_bytes}")
        return message_of(data)

    async def send(self, reply: Reply) -> None:
        """Send a reply; see `service.streams.stream.Send`."""
        try:
            await self._websocket.send({"type": "websocket.send", "bytes": reply_bytes(reply)})
        except WebSocketDisconnect as error:
            raise ends.PeerLeftError("the peer closed the connection") from error


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await websocket.close(code, _shortened(reason))


def _shortened(reason: str) -> str:
    return reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
