"""What a stream is told and what it answers, whatever carries it.

The names, units and defaults are those of `service/rpc/hand_mesh.proto`. What a caller's numbers mean is
judged when the frame's turn comes, so that a bad one costs its frame and not the stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from service.crop import Square
from service.encode.result import HandResult, Side
from service.imaging import RawImage
from service.parameters import FourNumbers
from service.tracking.hand_track import TrackingState
from service.xr.joints import JointSet, NamedJoint

Precision = Literal["float32", "float16"]
Smoothing = Literal["off", "low", "high"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """What the replies carry."""

    precision: Precision = "float32"
    without_vertices: bool = False
    joint_sets: tuple[JointSet, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamOptions:
    """How the frames that follow are answered."""

    outputs: Outputs = Outputs()
    track: bool = False
    smoothing: Smoothing = "off"
    model: str = ""
    """Empty for the one that is served."""
    version: str = ""
    """Empty for the newest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """One picture."""

    frame_id: int = 0
    captured_at_us: int = 0
    """On the caller's clock; 0 for the time of arrival."""
    image: bytes | RawImage | None = None
    box: FourNumbers | None = None
    """x, y, width, height in pixels of the upright picture."""
    side: Side = "right"
    intrinsics: FourNumbers | None = None
    """fx, fy, cx, cy in pixels of the upright picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedHand:
    """A hand, its arrays little-endian bytes, row by row."""

    hand: HandResult
    precision: Precision
    vertices: bytes
    """V x 3, metres; empty where they are not wanted."""
    joints: bytes
    """J x 3, metres."""
    joints_px: bytes
    """J x 2 float32, pixels of the upright picture."""
    joint_sets: Mapping[JointSet, tuple[NamedJoint, ...]]
    """Those that were asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Why a frame has no hand."""

    slug: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """The answer to one frame."""

    frame_id: int
    captured_at_us: int
    dropped: int
    """Frames replaced by newer ones between the last frame that was answered and this one."""
    age_ms: float
    """From the frame's arrival to this reply."""
    tracking: TrackingState | None
    """None where the stream does not track."""
    square: Square | None
    """What was cropped; None where it did not come to that."""
    outcome: PackedHand | Problem


Message = StreamOptions | Frame
