"""A stream over `/v1/stream`: msgpack maps with the names of the proto's fields."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from http import HTTPStatus
from typing import Final

import httpx
import msgspec
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from sima_hand_client.errors import (
    NoReplyError,
    RefusedError,
    UnexpectedReplyError,
    UnreachableError,
    error_class,
)
from sima_hand_client.streams.connection import Connection
from sima_hand_client.streams.messages import (
    Frame,
    Precision,
    Problem,
    StreamOptions,
    StreamReply,
    TrackingState,
    exactly,
    unpacked,
)
from sima_hand_client.types import Box, Hand, HandResult, JointSet, NamedJoint
from sima_hand_client.wire import parse_refusal

PATH = "/v1/stream"
PROBLEM_MEDIA_TYPE = "application/problem+json"
MAX_REPLY_BYTES = 4 << 20
MAX_WAITING_REPLIES = 4
"""The connection reads no further; the service then answers fewer frames."""

SLUGS: Final[Mapping[int, str]] = {
    1001: "going-away",
    1007: "malformed-message",
    1009: "message-too-large",
    1011: "internal-error",
    1012: "going-away",
    1013: "too-many-streams",
}
"""By the close code. Others are no refusal: the connection broke, or was idle for too long."""

FourNumbers = tuple[float, float, float, float]


class _Joint(Struct, frozen=True):
    name: str
    position_m: tuple[float, float, float]
    orientation: FourNumbers
    radius_m: float
    synthesised: bool


class _Reply(Struct, frozen=True, kw_only=True, tag_field="type"):
    frame_id: int
    captured_at_us: int
    dropped: int
    age_ms: float
    tracking: TrackingState | None = None


class _Hand(_Reply, frozen=True, kw_only=True, tag="hand"):
    box: FourNumbers | None = None
    model: str
    version: str
    hand: Hand
    precision: Precision
    vertices: bytes
    joints: bytes
    joints_px: bytes
    rotation: list[float]
    translation: list[float] | None = None
    joint_sets: dict[JointSet, list[_Joint]] = {}
    timing_ms: dict[str, float] = {}


class _Problem(_Reply, frozen=True, kw_only=True, tag="problem"):
    slug: str
    detail: str


_DECODER = msgspec.msgpack.Decoder(_Hand | _Problem)
_ENCODER = msgspec.msgpack.Encoder()


class WebSocketConnection:
    """Speaks the stream's protocol over an open WebSocket; see `Connection`."""

    def __init__(self, socket: ClientConnection, *, url: str) -> None:
        self._socket = socket
        self._url = url

    async def send(self, message: StreamOptions | Frame) -> None:
        """Send a message; waits while the connection is full."""
        with _translated(self._url):
            await self._socket.send(message_bytes(message))

    async def receive(self) -> StreamReply:
        """Return the next reply."""
        with _translated(self._url):
            data = await self._socket.recv()
        return reply_of(data)


@asynccontextmanager
async def open_websocket(
    base_url: str, *, headers: Mapping[str, str], tls: ssl.SSLContext, timeout_s: float
) -> AsyncGenerator[Connection, None]:
    """Open a WebSocket to the service at `base_url`, http or https, for the body.

    Args:
        base_url: as the clients take it.
        headers: of the handshake.
        tls: for https.
        timeout_s: longest wait for it to open.

    Raises:
        HandClientError: it did not open.
    """
    url = "ws" + base_url.removeprefix("http") + PATH
    opening = connect(
        url,
        additional_headers=headers,
        ssl=tls if url.startswith("wss:") else None,
        compression=None,  # pictures are compressed already, and floats hardly compress
        open_timeout=timeout_s,
        close_timeout=1.0,
        max_size=MAX_REPLY_BYTES,
        max_queue=MAX_WAITING_REPLIES,
    )
    with _translated(url):
        socket = await opening
    try:
        yield WebSocketConnection(socket, url=url)
    finally:
        await socket.close()


def message_bytes(message: StreamOptions | Frame) -> bytes:
    """Write a message."""
    if isinstance(message, StreamOptions):
        return _ENCODER.encode({"type": "options", **asdict(message)})
    return _ENCODER.encode({"type": "frame", **_frame_fields(message)})


def reply_of(data: str | bytes) -> StreamReply:
    """Read a reply.

    Raises:
        UnexpectedReplyError: it is none.
    """
    try:
        reply = _DECODER.decode(data if isinstance(data, bytes) else data.encode())
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnexpectedReplyError(f"no reply of this protocol: {error}") from error
    return StreamReply(
        frame_id=reply.frame_id,
        captured_at_us=reply.captured_at_us,
        dropped=reply.dropped,
        age_ms=reply.age_ms,
        tracking=reply.tracking,
        crop_px=None if isinstance(reply, _Problem) or reply.box is None else Box(*reply.box),
        hand=None if isinstance(reply, _Problem) else _hand(reply),
        problem=Problem(slug=reply.slug, detail=reply.detail) if isinstance(reply, _Problem) else None,
    )


def _frame_fields(frame: Frame) -> dict[str, object]:
    fields: dict[str, object] = {
        "frame_id": frame.frame_id,
        "captured_at_us": frame.captured_at_us,
        "box": frame.box,
        "hand": frame.hand,
        "intrinsics": frame.intrinsics,
    }
    if isinstance(frame.image, bytes):
        return {**fields, "encoded": frame.image}
    height_px, width_px, _ = frame.image.shape
    return {**fields, "raw": {"rgb": frame.image.tobytes(), "width": width_px, "height": height_px}}


def _hand(reply: _Hand) -> HandResult:
    return HandResult(
        vertices_root_m=unpacked(reply.vertices, reply.precision, columns=3),
        joints_root_m=unpacked(reply.joints, reply.precision, columns=3),
        rotation=exactly(reply.rotation, 3, 3),
        joints_px=unpacked(reply.joints_px, "float32", columns=2),
        translation_m=None if reply.translation is None else exactly(reply.translation, 3),
        hand=reply.hand,
        model_name=reply.model,
        model_version=reply.version,
        timing_ms=reply.timing_ms,
        joint_sets={name: tuple(map(_named, joints)) for name, joints in reply.joint_sets.items()},
    )


def _named(joint: _Joint) -> NamedJoint:
    return NamedJoint(
        name=joint.name,
        position_root_xr_m=exactly(joint.position_m, 3),
        orientation_xr=exactly(joint.orientation, 4),
        radius_m=joint.radius_m,
        synthesised=joint.synthesised,
    )


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Turn the WebSocket's errors into the client's; the one place where they meet."""
    try:
        yield
    except ConnectionClosed as error:
        close = error.rcvd
        if close is not None and close.code in SLUGS:
            raise RefusedError.of_slug(
                SLUGS[close.code], close.reason or f"{url} closed the stream"
            ) from error
        raise UnreachableError(f"the stream to {url} broke: {error}") from error
    except InvalidStatus as error:
        _raise_problem(error, url)
        status, title = error.response.status_code, error.response.reason_phrase
        if status < HTTPStatus.TOO_MANY_REQUESTS:
            raise UnexpectedReplyError(f"{url} opens no WebSocket: HTTP {status} {title}") from error
        raise error_class(status)(status=status, title=title, detail=f"{url} opens no WebSocket") from error
    except (InvalidHandshake, InvalidURI) as error:
        raise UnexpectedReplyError(f"{url} opens no WebSocket: {error}") from error
    except TimeoutError as error:
        raise NoReplyError(f"no reply from {url} in time") from error
    except OSError as error:
        raise UnreachableError(f"cannot reach {url}: {error}") from error


def _raise_problem(error: InvalidStatus, url: str) -> None:
    """Raise what the service itself says of a handshake that it refused; a proxy's page says nothing."""
    refused = error.response
    kept = ("content-type", "retry-after", "x-request-id")
    reply = httpx.Response(
        refused.status_code,
        headers={name: refused.headers[name] for name in kept if name in refused.headers},
        content=bytes(refused.body or b""),
        request=httpx.Request("GET", url),
    )
    if reply.headers.get("content-type", "").startswith(PROBLEM_MEDIA_TYPE):
        raise parse_refusal(reply) from error
