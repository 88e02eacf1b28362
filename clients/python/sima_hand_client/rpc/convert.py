"""Between the client's types and the proto's messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from google.protobuf.message import DecodeError

from sima_hand_client.errors import UnexpectedReplyError
from sima_hand_client.rpc import hand_mesh_pb2 as pb
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

SIDES: Final[Mapping[int, Hand]] = {pb.SIDE_UNSPECIFIED: "right", pb.RIGHT: "right", pb.LEFT: "left"}
PRECISIONS: Final[Mapping[int, Precision]] = {
    pb.PRECISION_UNSPECIFIED: "float32",
    pb.FLOAT32: "float32",
    pb.FLOAT16: "float16",
}
TRACKING: Final[Mapping[int, TrackingState]] = {pb.TRACKING: "tracking", pb.LOST: "lost"}
JOINT_SETS: Final[Mapping[int, JointSet]] = {pb.WEBXR: "webxr", pb.OPENXR: "openxr"}


def message_bytes(message: StreamOptions | Frame) -> bytes:
    """Write a message."""
    request = (
        pb.StreamRequest(options=_options(message))
        if isinstance(message, StreamOptions)
        else pb.StreamRequest(frame=_frame(message))
    )
    return request.SerializeToString()


def question_bytes(frame: Frame, options: StreamOptions) -> bytes:
    """Write the question of one call; of the options, those of a stream alone are left out."""
    return pb.ReconstructRequest(
        frame=_frame(frame), outputs=_outputs(options), model=options.model, version=options.version
    ).SerializeToString()


def hand_of(data: bytes) -> HandResult:
    """Read the answer to one call.

    Raises:
        UnexpectedReplyError: it is none.
    """
    try:
        return _hand(pb.Hand.FromString(data))
    except (DecodeError, KeyError) as error:
        raise UnexpectedReplyError(f"no hand of this protocol: {error!r}") from error


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
        outputs=_outputs(options),
        track=options.track,
        smoothing=options.smoothing.upper(),
        model=options.model,
        version=options.version,
    )


def _outputs(options: StreamOptions) -> pb.Outputs:
    return pb.Outputs(
        precision=options.precision.upper(),
        without_vertices=options.without_vertices,
        joint_sets=[name.upper() for name in options.joint_sets],
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
