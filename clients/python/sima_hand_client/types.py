"""What goes in and what comes out, as typed data.

Frames: *camera* is x right, y down, z away from the viewer, in metres. *root* says that the wrist is the
origin. *px* are pixels of the upright photo (EXIF orientation applied), (0, 0) at its top left corner.
J joints, V vertices, F faces; how many there are, the service says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Hand = Literal["right", "left"]
JointSet = Literal["webxr", "openxr"]
FloatArray = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.int64]


class Box(NamedTuple):
    """The hand's tight box in pixels of the upright photo; the service takes the crop some way around it."""

    x_px: float
    y_px: float
    width_px: float
    height_px: float


class Intrinsics(NamedTuple):
    """Focal lengths and principal point of the upright photo, in pixels."""

    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float


@dataclass(frozen=True, kw_only=True, eq=False)
class NamedJoint:
    """One joint of a standard's hand, in the standard's axes: x right, y up, z towards the viewer.

    Attributes:
        name: as the standard spells it.
        position_root_xr_m: [3] float32, the wrist at the origin.
        orientation_xr: [4] float32, quaternion x, y, z, w: -z towards the tip, +y out of the hand's back.
        radius_m: from the joint to the skin.
        synthesised: no joint of the network, but placed between those that are.
    """

    name: str
    position_root_xr_m: FloatArray
    orientation_xr: FloatArray
    radius_m: float
    synthesised: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class HandResult:
    """One reconstructed hand.

    Attributes:
        vertices_root_m: [V, 3] float32, camera axes, wrist at the origin; V is 0 in a stream without them.
        joints_root_m: [J, 3] float32, the same frame.
        rotation: [3, 3] float32, takes canonical hand coordinates to camera axes; a left hand's canonical
            frame is that of a right hand with x turned round.
        joints_px: [J, 2] float32, in the upright photo.
        translation_m: [3] float32, camera-from-root, or None when no intrinsics were given.
        hand: which hand was asked for.
        model_name: the model that answered.
        model_version: its version.
        timing_ms: the service's own stages, by name.
        intrinsics: those the request was made with.
        joint_sets: the named joints that a stream was asked for, by their standard.
    """

    vertices_root_m: FloatArray
    joints_root_m: FloatArray
    rotation: FloatArray
    joints_px: FloatArray
    translation_m: FloatArray | None
    hand: Hand
    model_name: str
    model_version: str
    timing_ms: Mapping[str, float]
    intrinsics: Intrinsics | None = None
    joint_sets: Mapping[JointSet, tuple[NamedJoint, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelInfo:
    """What the service says of its model.

    Attributes:
        name: model name.
        versions: the versions being served; empty while the engine is away.
        joint_names: J names, in the order of every joint array.
        bones: [B, 2] int64, parent and child joint.
        faces: [F, 3] int64, wound counter-clockwise seen from outside a *right* hand.
        grpc_port: where the service speaks gRPC, on the same host; None where it does not.
    """

    name: str
    versions: tuple[str, ...]
    joint_names: tuple[str, ...]
    bones: IndexArray
    faces: IndexArray
    grpc_port: int | None = None

    def faces_of(self, hand: Hand) -> IndexArray:
        """Return [F, 3] faces wound outwards for `hand`: a left hand is a mirrored right one."""
        return self.faces if hand == "right" else self.faces[:, ::-1]
