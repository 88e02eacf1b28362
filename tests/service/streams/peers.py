"""The two transports as one: a test speaks the WebSocket's form, and either carries it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Literal, Protocol

import grpc
import msgspec
import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect

from service.rpc import hand_mesh_pb2 as pb

Transport = Literal["grpc", "websocket"]
TRANSPORTS: tuple[Transport, ...] = ("grpc", "websocket")
Fields = dict[str, Any]

STREAM = "/simahand.v1.HandMesh/Stream"
RECONSTRUCT = "/simahand.v1.HandMesh/Reconstruct"
GET_MODEL = "/simahand.v1.HandMesh/GetModel"


class Ports(Protocol):
    """Where a gateway listens."""

    @property
    def http(self) -> int:
        """HTTP and WebSocket."""

    @property
    def grpc(self) -> int:
        """The gRPC service."""


class Peer(Protocol):
    """One stream from a client's side."""

    async def send(self, type_: Literal["options", "frame"], **fields: Any) -> None:  # noqa: ANN401
        """Send a message."""

    async def reply(self) -> Fields:
        """Return the next reply."""


class WebSocketPeer:
    """Sends msgpack."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, type_: str, **fields: Any) -> None:  # noqa: ANN401
        """Send a message."""
        await self.socket.send(msgspec.msgpack.encode({"type": type_, **fields}))

    async def reply(self) -> Fields:
        """Return the next reply."""
        data = await self.socket.recv()
        assert isinstance(data, bytes)
        return dict(msgspec.msgpack.decode(data))


class GrpcPeer:
    """Sends the proto's messages."""

    def __init__(self, call: Any) -> None:  # noqa: ANN401
        self.call = call

    async def send(self, type_: str, **fields: Any) -> None:  # noqa: ANN401
        """Send a message."""
        await self.call.write(
            pb.StreamRequest(options=options_message(**fields))
            if type_ == "options"
            else pb.StreamRequest(frame=frame_message(**fields))
        )

    async def reply(self) -> Fields:
        """Return the next reply."""
        reply = await self.call.read()
        assert reply is not grpc.aio.EOF, await self.call.code()
        return reply_fields(reply)


def frame_message(
    *,
    raw: Fields | None = None,
    box: tuple[float, float, float, float] | None = None,
    hand: str = "SIDE_UNSPECIFIED",
    intrinsics: tuple[float, float, float, float] | None = None,
    **fields: Any,  # noqa: ANN401
) -> pb.Frame:
    """Return a frame given in the WebSocket's form."""
    return pb.Frame(
        raw=None if raw is None else pb.RawImage(**raw),
        box=None if box is None else pb.Box(**dict(zip(("x", "y", "width", "height"), box, strict=True))),
        hand=hand.upper(),
        intrinsics=None
        if intrinsics is None
        else pb.Intrinsics(**dict(zip(("fx", "fy", "cx", "cy"), intrinsics, strict=True))),
        **fields,
    )


def outputs_message(
    *, precision: str = "float32", without_vertices: bool = False, joint_sets: tuple[str, ...] = ()
) -> pb.Outputs:
    """Return what is wanted, given in the WebSocket's form."""
    return pb.Outputs(
        precision=precision.upper(),
        without_vertices=without_vertices,
        joint_sets=[name.upper() for name in joint_sets],
    )


def options_message(
    *, track: bool = False, smoothing: str = "off", model: str = "", version: str = "",
    **outputs: Any,  # noqa: ANN401
) -> pb.StreamOptions:  # fmt: skip
    """Return options given in the WebSocket's form."""
    return pb.StreamOptions(
        outputs=outputs_message(**outputs),
        track=track,
        smoothing=smoothing.upper(),
        model=model,
        version=version,
    )


def hand_fields(hand: pb.Hand) -> Fields:
    """Return a hand in the WebSocket's form."""
    return {
        "model": hand.model,
        "version": hand.version,
        "hand": pb.Side.Name(hand.hand).lower(),
        "precision": pb.Precision.Name(hand.precision).lower(),
        "vertices": hand.vertices,
        "joints": hand.joints,
        "joints_px": hand.joints_px,
        "rotation": list(hand.rotation),
        "translation": list(hand.translation) or None,
        "joint_sets": {
            pb.JointSet.Name(named.joint_set).lower(): [
                {
                    "name": joint.name,
                    "position_m": list(joint.position_m),
                    "orientation": list(joint.orientation),
                    "radius_m": joint.radius_m,
                    "synthesised": joint.synthesised,
                }
                for joint in named.joints
            ]
            for named in hand.joint_sets
        },
        "timing_ms": dict(hand.timing_ms),
    }


def reply_fields(reply: pb.StreamReply) -> Fields:
    """Return a reply in the WebSocket's form."""
    tracking = {pb.TRACKING_STATE_UNSPECIFIED: None, pb.TRACKING: "tracking", pb.LOST: "lost"}
    head = {
        "frame_id": reply.frame_id,
        "captured_at_us": reply.captured_at_us,
        "dropped": reply.dropped,
        "age_ms": reply.age_ms,
        "tracking": tracking[reply.tracking],
    }
    if reply.WhichOneof("outcome") == "problem":
        return {"type": "problem", **head, "slug": reply.problem.slug, "detail": reply.problem.detail}
    box = [reply.box.x, reply.box.y, reply.box.width, reply.box.height] if reply.HasField("box") else None
    return {"type": "hand", **head, "box": box, **hand_fields(reply.hand)}


def numbers(data: bytes, *, precision: str = "float32", columns: int = 3) -> NDArray[np.float64]:
    """Return an array of the wire."""
    return (
        np.frombuffer(data, {"float32": "<f4", "float16": "<f2"}[precision])
        .reshape(-1, columns)
        .astype(float)
    )


@asynccontextmanager
async def channel_to(ports: Ports, *options: tuple[str, int]) -> AsyncGenerator[grpc.aio.Channel, None]:
    """Open a gRPC channel of its own connection."""
    options = (("grpc.use_local_subchannel_pool", 1), *options)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}", options=options) as channel:
        yield channel


def stream_of(channel: grpc.aio.Channel) -> Any:  # noqa: ANN401
    """Call `Stream`."""
    return channel.stream_stream(STREAM, pb.StreamRequest.SerializeToString, pb.StreamReply.FromString)()


def socket_to(ports: Ports, **options: Any) -> connect:  # noqa: ANN401
    """Open a WebSocket."""
    return connect(f"ws://127.0.0.1:{ports.http}/v1/stream", **options)


@asynccontextmanager
async def peer_of(
    transport: Transport, ports: Ports, *options: tuple[str, int]
) -> AsyncGenerator[Peer, None]:
    """Open a stream; the options are gRPC's."""
    if transport == "websocket":
        async with socket_to(ports) as socket:
            yield WebSocketPeer(socket)
        return
    async with channel_to(ports, *options) as channel:
        yield GrpcPeer(stream_of(channel))
