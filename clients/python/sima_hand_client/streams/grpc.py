"""A stream over gRPC: `simahand.v1.HandMesh/Stream`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError

from sima_hand_client.errors import (
    HandClientError,
    NoReplyError,
    RefusedError,
    UnexpectedReplyError,
    UnreachableError,
)
from sima_hand_client.rpc import hand_mesh_pb2 as pb
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

METHOD = "/simahand.v1.HandMesh/Stream"
PROBLEM_KEY = "simahand-problem"
"""Trailing metadata: why the service ended the call."""
LET_GO = frozenset({"idle", "unread-replies"})
"""Ends that are no refusal: the stream may be opened again."""

SIDES: Final[Mapping[int, Hand]] = {pb.SIDE_UNSPECIFIED: "right", pb.RIGHT: "right", pb.LEFT: "left"}
PRECISIONS: Final[Mapping[int, Precision]] = {
    pb.PRECISION_UNSPECIFIED: "float32",
    pb.FLOAT32: "float32",
    pb.FLOAT16: "float16",
}
TRACKING: Final[Mapping[int, TrackingState]] = {pb.TRACKING: "tracking", pb.LOST: "lost"}
JOINT_SETS: Final[Mapping[int, JointSet]] = {pb.WEBXR: "webxr", pb.OPENXR: "openxr"}

OPTIONS: Final = (
    # A connection of one's own: those that are shared also share how long they are not tried again.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)


class GrpcConnection:
    """Speaks the stream's protocol in an open call; see `Connection`."""

    def __init__(self, call: Any, *, target: str) -> None:  # noqa: ANN401 - grpcio types no StreamStreamCall
        self._call = call
        self._target = target

    async def send(self, message: StreamOptions | Frame) -> None:
        """Send a message; waits while the connection is full."""
        with _translated(self._target):
            await self._call.write(message_bytes(message))

    async def receive(self) -> StreamReply:
        """Return the next reply."""
        with _translated(self._target):
            data = await self._call.read()
        if data is grpc.aio.EOF:
            raise UnreachableError(f"{self._target} ended the stream")
        return reply_of(data)


@asynccontextmanager
async def open_grpc(target: str, *, secure: bool, timeout_s: float) -> AsyncGenerator[Connection, None]:
    """Open a call to the service at `target`, HOST:PORT, for the body.

    Raises:
        HandClientError: it did not open.
    """
    channel = (
        grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), options=OPTIONS)
        if secure
        else grpc.aio.insecure_channel(target, options=OPTIONS)
    )
    async with channel:
        call: Any = channel.stream_stream(METHOD)()  # bytes in, bytes out
        try:
            with _translated(target):
                async with asyncio.timeout(timeout_s):
                    await call.wait_for_connection()
            yield GrpcConnection(call, target=target)
        finally:
            call.cancel()


def message_bytes(message: StreamOptions | Frame) -> bytes:
    """Write a message."""
    request = (
        pb.StreamRequest(options=_options(message))
        if isinstance(message, StreamOptions)
        else pb.StreamRequest(frame=_frame(message))
    )
    return request.SerializeToString()


def reply_of(data: bytes) -> StreamReply:
    """Read a reply.

    Raises:
        UnexpectedReplyError: it is none.
    """
    try:
        reply = pb.StreamReply.FromString(data)
        outcome = reply.WhichOneof("outcome")
        hand = _hand(reply.hand) if outcome == "hand" else None
    except (DecodeError, KeyError) as error:
        raise UnexpectedReplyError(f"no reply of this protocol: {error!r}") from error
    box, problem = reply.box, reply.problem
    return StreamReply(
        frame_id=reply.frame_id,
        captured_at_us=reply.captured_at_us,
        dropped=reply.dropped,
        age_ms=reply.age_ms,
        tracking=TRACKING.get(reply.tracking),
        crop_px=Box(box.x, box.y, box.width, box.height) if reply.HasField("box") else None,
        hand=hand,
        problem=Problem(slug=problem.slug, detail=problem.detail) if outcome == "problem" else None,
    )


def _options(options: StreamOptions) -> pb.StreamOptions:
    return pb.StreamOptions(
        outputs=pb.Outputs(
            precision=options.precision.upper(),
            without_vertices=options.without_vertices,
            joint_sets=[name.upper() for name in options.joint_sets],
        ),
        track=options.track,
        smoothing=options.smoothing.upper(),
        model=options.model,
        version=options.version,
    )


def _frame(frame: Frame) -> pb.Frame:
    image, box, camera = frame.image, frame.box, frame.intrinsics
    message = pb.Frame(
        frame_id=frame.frame_id,
        captured_at_us=frame.captured_at_us,
        hand=frame.hand.upper(),
        box=None if box is None else pb.Box(x=box[0], y=box[1], width=box[2], height=box[3]),
        intrinsics=None
        if camera is None
        else pb.Intrinsics(fx=camera[0], fy=camera[1], cx=camera[2], cy=camera[3]),
    )
    if isinstance(image, bytes):
        message.encoded = image
    else:
        height_px, width_px, _ = image.shape
        message.raw.CopyFrom(pb.RawImage(rgb=image.tobytes(), width=width_px, height=height_px))
    return message


def _hand(hand: pb.Hand) -> HandResult:
    precision = PRECISIONS[hand.precision]
    return HandResult(
        vertices_root_m=unpacked(hand.vertices, precision, columns=3),
        joints_root_m=unpacked(hand.joints, precision, columns=3),
        rotation=exactly(hand.rotation, 3, 3),
        joints_px=unpacked(hand.joints_px, "float32", columns=2),
        translation_m=exactly(hand.translation, 3) if hand.translation else None,
        hand=SIDES[hand.hand],
        model_name=hand.model,
        model_version=hand.version,
        timing_ms=dict(hand.timing_ms),
        joint_sets={
            JOINT_SETS[named.joint_set]: tuple(map(_named, named.joints)) for named in hand.joint_sets
        },
    )


def _named(joint: pb.NamedJoint) -> NamedJoint:
    return NamedJoint(
        name=joint.name,
        position_root_xr_m=exactly(joint.position_m, 3),
        orientation_xr=exactly(joint.orientation, 4),
        radius_m=joint.radius_m,
        synthesised=joint.synthesised,
    )


@contextmanager
def _translated(target: str) -> Iterator[None]:
    """Turn gRPC's errors into the client's; the one place where they meet."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise _error_of(error, target) from error
    except TimeoutError as error:
        raise NoReplyError(f"no reply from {target} in time") from error
    except asyncio.InvalidStateError as error:  # written to after the call has ended
        raise UnreachableError(f"the stream to {target} has ended") from error


def _error_of(error: grpc.aio.AioRpcError, target: str) -> HandClientError:
    code, detail = error.code(), error.details() or ""
    slug = dict(error.trailing_metadata() or ()).get(PROBLEM_KEY)
    if slug in LET_GO:
        return UnreachableError(f"{target} ended the stream: {detail}")
    if isinstance(slug, str):
        return RefusedError.of_slug(slug, detail)
    if code == grpc.StatusCode.RESOURCE_EXHAUSTED:  # gRPC's own, of a message or of the calls at once
        slug = "message-too-large" if "larger than max" in detail else "overloaded"
        return RefusedError.of_slug(slug, detail)
    if code in {grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INTERNAL}:
        return UnexpectedReplyError(f"{target} speaks no HandMesh: {detail}")
    return UnreachableError(f"cannot reach {target}: {detail} ({code.name})")
