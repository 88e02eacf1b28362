"""What a stream is told and what it answers, whatever carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sima_hand_client.errors import RefusedError, UnexpectedReplyError
from sima_hand_client.types import Box, FloatArray, Hand, HandResult, Intrinsics, JointSet

Transport = Literal["websocket", "grpc"]
Precision = Literal["float32", "float16"]
Smoothing = Literal["off", "low", "high"]
TrackingState = Literal["tracking", "lost"]
Image = bytes | npt.NDArray[np.uint8]

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "precision": ("float32", "float16"),
    "smoothing": ("off", "low", "high"),
    "joint_sets": ("webxr", "openxr"),
    "hand": ("right", "left"),
}
_NUMBERS: Mapping[Precision, str] = {"float32": "<f4", "float16": "<f2"}


@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    """How a stream's frames are answered.

    Attributes:
        track: the crop follows the hand from the first frame's box on.
        smoothing: of joints, vertices and rotation, over time.
        precision: of vertices and joints on the wire; the arrays are float32 in any case.
        without_vertices: joints only.
        joint_sets: named joints of these standards as well.
        model: model name; empty takes the service's default.
        version: model version; empty takes the newest.
    """

    track: bool = False
    smoothing: Smoothing = "off"
    precision: Precision = "float32"
    without_vertices: bool = False
    joint_sets: tuple[JointSet, ...] = ()
    model: str = ""
    version: str = ""

    def __post_init__(self) -> None:
        _check("smoothing", self.smoothing)
        _check("precision", self.precision)
        for name in self.joint_sets:
            _check("joint_sets", name)


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One picture on its way.

    Attributes:
        frame_id: counts the frames of a stream, from 1.
        captured_at_us: when it was taken, by the caller's own clock; 0 for the time of arrival.
        image: an encoded JPEG, PNG or WebP, or [H, W, 3] uint8 RGB.
        box: the hand's tight box in the upright picture.
        hand: which hand it is.
        intrinsics: the camera of the upright picture.
    """

    frame_id: int
    captured_at_us: int
    image: Image
    box: Box | None = None
    hand: Hand = "right"
    intrinsics: Intrinsics | None = None

    def __post_init__(self) -> None:
        _check("hand", self.hand)
        if isinstance(self.image, bytes):
            return
        shape, dtype = np.shape(self.image), getattr(self.image, "dtype", type(self.image).__name__)
        if dtype != np.uint8 or len(shape) != 3 or shape[2] != 3 or 0 in shape:
            raise ValueError(
                f"image must be encoded bytes or a [H, W, 3] uint8 RGB array, got {dtype} of shape {shape}"
            )


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a frame has no hand, in the service's words.

    Attributes:
        slug: stable, for programs: "unreadable-image", "bad-box", "overloaded", ...
        detail: for people.
    """

    slug: str
    detail: str


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamReply:
    """The answer to one frame: a hand or a problem.

    Attributes:
        frame_id: what `send` returned for the frame.
        captured_at_us: as the frame said.
        dropped: frames between the last reply that was read and this one, which newer ones replaced.
        age_ms: from the frame's arrival at the service to the reply.
        tracking: "tracking" or "lost"; None where the stream does not track.
        crop_px: the square of the picture that the network saw, or None where it did not come to that.
        hand: the hand, or None where there is a problem.
        problem: the problem, or None where there is a hand.
    """

    frame_id: int
    captured_at_us: int
    dropped: int
    age_ms: float
    tracking: TrackingState | None
    crop_px: Box | None
    hand: HandResult | None
    problem: Problem | None

    def require_hand(self) -> HandResult:
        """Return the hand.

        Raises:
            RefusedError: there is a problem instead; its class is that of the same problem over HTTP.
        """
        if self.hand is None:
            problem = self.problem or Problem(slug="internal-error", detail="neither a hand nor a problem")
            raise RefusedError.of_slug(problem.slug, problem.detail)
        return self.hand


def unpacked(data: bytes, precision: Precision, *, columns: int) -> FloatArray:
    """Return an array of the wire as [N, columns] float32.

    Raises:
        UnexpectedReplyError: the bytes do not make whole rows.
    """
    numbers = np.dtype(_NUMBERS[precision])
    if len(data) % (numbers.itemsize * columns):
        raise UnexpectedReplyError(f"{len(data)} bytes are no rows of {columns} {precision}")
    return np.frombuffer(data, numbers).reshape(-1, columns).astype(np.float32)


def exactly(values: object, *shape: int) -> FloatArray:
    """Return numbers of the wire as a float32 array of a shape.

    Raises:
        UnexpectedReplyError: there are more of them, or fewer.
    """
    array = np.asarray(values, np.float32)
    if array.size != np.prod(shape):
        raise UnexpectedReplyError(f"{array.size} numbers came where {shape} belong")
    return array.reshape(shape)


def _check(name: str, value: str) -> None:
    if value not in _CHOICES[name]:
        raise ValueError(f"{name}: {value!r} is none of {', '.join(_CHOICES[name])}")
