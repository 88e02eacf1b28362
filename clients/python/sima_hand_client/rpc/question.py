"""What may be asked of `reconstruct_grpc`, of either client; needs no gRPC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypedDict, Unpack

from sima_hand_client.streams.messages import Frame, Image, Precision, StreamOptions
from sima_hand_client.types import Box, Hand, Intrinsics, JointSet


class RpcChoices(TypedDict, total=False):
    """The arguments of `reconstruct` beside the image, and what the answer is to carry.

    `precision` is that of vertices and joints on the wire, `without_vertices` leaves the joints alone,
    `joint_sets` asks for the named joints of these standards as well.
    """

    hand: Hand
    box: Box | None
    intrinsics: Intrinsics | None
    model: str | None
    version: str | None
    precision: Precision
    without_vertices: bool
    joint_sets: Sequence[JointSet]


class RpcQuestion(NamedTuple):
    """One question."""

    frame: Frame
    options: StreamOptions


def question_of(image: Image, **choices: Unpack[RpcChoices]) -> RpcQuestion:
    """Return a question; raises `ValueError` for a picture that is none and a choice that does not exist."""
    frame = Frame(
        frame_id=0,
        captured_at_us=0,
        image=image,
        hand=choices.get("hand", "right"),
        box=choices.get("box"),
        intrinsics=choices.get("intrinsics"),
    )
    options = StreamOptions(
        precision=choices.get("precision", "float32"),
        without_vertices=choices.get("without_vertices", False),
        joint_sets=tuple(choices.get("joint_sets", ())),
        model=choices.get("model") or "",
        version=choices.get("version") or "",
    )
    return RpcQuestion(frame, options)
