"""The WebSocket's messages: msgpack maps by a strict schema (docs/streaming.md)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from service.encode.result import Side
from service.imaging import RawImage
from service.parameters import FourNumbers
from service.streams import messages
from service.streams.errors import MalformedMessageError
from service.streams.messages import Frame, Outputs, PackedHand, Reply, StreamOptions
from service.xr.joints import JointSet, NamedJoint

Unsigned32 = Annotated[int, Meta(ge=0, lt=1 << 32)]
Integer64 = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class _Raw(Struct, frozen=True, forbid_unknown_fields=True):
    rgb: bytes = b""
    width: Unsigned32 = 0
    height: Unsigned32 = 0


class _Frame(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="frame"):
    frame_id: Annotated[int, Meta(ge=0)] = 0  # msgpack has none over 64 bits
    captured_at_us: Integer64 = 0
    encoded: bytes | None = None
    raw: _Raw | None = None
    box: FourNumbers | None = None
    hand: Side = "right"
    intrinsics: FourNumbers | None = None


class _Options(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="options"):
    track: bool = False
    smoothing: messages.Smoothing = "off"
    precision: messages.Precision = "float32"
    without_vertices: bool = False
    joint_sets: tuple[JointSet, ...] = ()
    model: str = ""
    version: str = ""


_DECODER = msgspec.msgpack.Decoder(_Frame | _Options)
_ENCODER = msgspec.msgpack.Encoder()


def message_of(data: bytes) -> messages.Message:
    """Return the message that `data` is.

    Raises:
        MalformedMessageError: It is none.
    """
    try:
        message = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedMessageError(f"no message of this protocol: {error}") from error
    return _frame(message) if isinstance(message, _Frame) else _options(message)


def reply_bytes(reply: Reply) -> bytes:
    """Return a reply for the wire."""
    square = reply.square
    head = {
        "frame_id": reply.frame_id,
        "captured_at_us": reply.captured_at_us,
        "dropped": reply.dropped,
        "age_ms": reply.age_ms,
        "tracking": reply.tracking,
    }
    outcome = reply.outcome
    if not isinstance(outcome, PackedHand):
        problem = {"type": "problem", **head, "slug": outcome.slug, "detail": outcome.detail}
        return _ENCODER.encode(problem)
    hand = outcome.hand
    document = {
        "type": "hand",
        **head,
        "box": None if square is None else (square.x_px, square.y_px, square.side_px, square.side_px),
        "model": hand.model,
        "version": hand.version,
        "hand": hand.side,
        "precision": outcome.precision,
        "vertices": outcome.vertices,
        "joints": outcome.joints,
        "joints_px": outcome.joints_px,
        "rotation": hand.rotation.ravel().tolist(),
        "translation": None if hand.translation_m is None else hand.translation_m.tolist(),
        "joint_sets": {name: list(map(_joint, joints)) for name, joints in outcome.joint_sets.items()},
        "timing_ms": hand.timing_ms,
    }
    return _ENCODER.encode(document)


def _joint(joint: NamedJoint) -> dict[str, object]:
    return {
        "name": joint.name,
        "position_m": joint.position_m.tolist(),
        "orientation": joint.orientation.tolist(),
        "radius_m": joint.radius_m,
        "synthesised": joint.synthesised,
    }


def _frame(message: _Frame) -> Frame:
    if message.encoded is not None and message.raw is not None:
        raise MalformedMessageError("a frame has both encoded and raw")
    raw = message.raw
    return Frame(
        frame_id=message.frame_id,
        captured_at_us=message.captured_at_us,
        image=message.encoded if raw is None else RawImage(raw.rgb, raw.width, raw.height),
        box=message.box,
        side=message.hand,
        intrinsics=message.intrinsics,
    )


def _options(message: _Options) -> StreamOptions:
    return StreamOptions(
        outputs=Outputs(
            precision=message.precision,
            without_vertices=message.without_vertices,
            joint_sets=message.joint_sets,
        ),
        track=message.track,
        smoothing=message.smoothing,
        model=message.model,
        version=message.version,
    )
