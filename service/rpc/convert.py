"""Between the proto's messages and those of `service.streams`; neither side knows the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from service.encode.result import Side
from service.imaging import RawImage
from service.parameters import FourNumbers
from service.rpc import hand_mesh_pb2 as pb
from service.streams import messages
from service.streams.errors import MalformedMessageError
from service.streams.messages import Frame, Outputs, PackedHand, Problem, Reply, StreamOptions
from service.xr.joints import JointSet, NamedJoint

AnyMessage = TypeVar("AnyMessage", bound=Message)
Meaning = TypeVar("Meaning")

SIDES: Mapping[int, Side] = {pb.SIDE_UNSPECIFIED: "right", pb.RIGHT: "right", pb.LEFT: "left"}
PRECISIONS: Mapping[int, messages.Precision] = {
    pb.PRECISION_UNSPECIFIED: "float32",
    pb.FLOAT32: "float32",
    pb.FLOAT16: "float16",
}
SMOOTHINGS: Mapping[int, messages.Smoothing] = {
    pb.SMOOTHING_UNSPECIFIED: "off",
    pb.OFF: "off",
    pb.LOW: "low",
    pb.HIGH: "high",
}
JOINT_SETS: Mapping[int, JointSet] = {pb.WEBXR: "webxr", pb.OPENXR: "openxr"}

TRACKING = {None: pb.TRACKING_STATE_UNSPECIFIED, "tracking": pb.TRACKING, "lost": pb.LOST}
JOINT_SET_OF = {"webxr": pb.WEBXR, "openxr": pb.OPENXR}
SIDE_OF = {"right": pb.RIGHT, "left": pb.LEFT}
PRECISION_OF = {"float32": pb.FLOAT32, "float16": pb.FLOAT16}


def parse(kind: type[AnyMessage], data: bytes) -> AnyMessage:
    """Return the message that `data` is.

    Raises:
        MalformedMessageError: It is none.
    """
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise MalformedMessageError(f"{len(data)} bytes are no {kind.DESCRIPTOR.full_name}") from error


def frame_of(frame: pb.Frame) -> Frame:
    """Return a frame; raises `MalformedMessageError` for a value that an enum does not have."""
    image: bytes | RawImage | None = None
    match frame.WhichOneof("image"):
        case "encoded":
            image = frame.encoded
        case "raw":
            image = RawImage(frame.raw.rgb, frame.raw.width, frame.raw.height)
    return Frame(
        frame_id=frame.frame_id,
        captured_at_us=frame.captured_at_us,
        image=image,
        box=_box(frame.box) if frame.HasField("box") else None,
        side=_meaning(SIDES, frame.hand, "hand"),
        intrinsics=_intrinsics(frame.intrinsics) if frame.HasField("intrinsics") else None,
    )


def outputs_of(outputs: pb.Outputs) -> Outputs:
    """Return what is wanted; raises `MalformedMessageError` for a value that an enum does not have."""
    return Outputs(
        precision=_meaning(PRECISIONS, outputs.precision, "precision"),
        without_vertices=outputs.without_vertices,
        joint_sets=tuple(_meaning(JOINT_SETS, number, "joint_sets") for number in outputs.joint_sets),
    )


def options_of(options: pb.StreamOptions) -> StreamOptions:
    """Return a stream's options; raises `MalformedMessageError` for a value that an enum does not have."""
    return StreamOptions(
        outputs=outputs_of(options.outputs),
        track=options.track,
        smoothing=_meaning(SMOOTHINGS, options.smoothing, "smoothing"),
        model=options.model,
        version=options.version,
    )


def message_of(data: bytes) -> messages.Message:
    """Return one message of a stream; raises `MalformedMessageError` where it is none."""
    request = parse(pb.StreamRequest, data)
    match request.WhichOneof("message"):
        case "frame":
            return frame_of(request.frame)
        case "options":
            return options_of(request.options)
    raise MalformedMessageError("a message holds neither options nor a frame")


def hand_message(packed: PackedHand) -> pb.Hand:
    """Return a hand for the wire."""
    hand = packed.hand
    return pb.Hand(
        model=hand.model,
        version=hand.version,
        hand=SIDE_OF[hand.side],
        precision=PRECISION_OF[packed.precision],
        vertices=packed.vertices,
        joints=packed.joints,
        joints_px=packed.joints_px,
        rotation=hand.rotation.ravel().tolist(),
        translation=() if hand.translation_m is None else hand.translation_m.tolist(),
        joint_sets=[
            pb.NamedJoints(joint_set=JOINT_SET_OF[name], joints=map(_joint, joints))
            for name, joints in packed.joint_sets.items()
        ],
        timing_ms=hand.timing_ms,
    )


def reply_bytes(reply: Reply) -> bytes:
    """Return a stream's reply for the wire."""
    outcome, square = reply.outcome, reply.square
    message = pb.StreamReply(
        frame_id=reply.frame_id,
        captured_at_us=reply.captured_at_us,
        dropped=reply.dropped,
        age_ms=reply.age_ms,
        tracking=TRACKING[reply.tracking],
        box=None
        if square is None
        else pb.Box(x=square.x_px, y=square.y_px, width=square.side_px, height=square.side_px),
        hand=hand_message(outcome) if isinstance(outcome, PackedHand) else None,
        problem=pb.Problem(slug=outcome.slug, detail=outcome.detail)
        if isinstance(outcome, Problem)
        else None,
    )
    return message.SerializeToString()


def _joint(joint: NamedJoint) -> pb.NamedJoint:
    return pb.NamedJoint(
        name=joint.name,
        position_m=joint.position_m.tolist(),
        orientation=joint.orientation.tolist(),
        radius_m=joint.radius_m,
        synthesised=joint.synthesised,
    )


def _box(box: pb.Box) -> FourNumbers:
    return (box.x, box.y, box.width, box.height)


def _intrinsics(intrinsics: pb.Intrinsics) -> FourNumbers:
    return (intrinsics.fx, intrinsics.fy, intrinsics.cx, intrinsics.cy)


def _meaning(table: Mapping[int, Meaning], number: int, field: str) -> Meaning:
    try:
        return table[number]
    except KeyError:
        raise MalformedMessageError(f"{field} has no value {number}") from None
