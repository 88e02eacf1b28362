"""The joints of WebXR and OpenXR by name, for software that knows hands by these standards.

Axes: those of the standards, x right, y up, z towards the viewer, unlike the rest of an answer, which is in
camera axes (y down, z away); one is the other after half a turn about x. Metres, the wrist at the origin. For
a headset whose camera is its viewer these are the axes of WebXR's `viewer` space and OpenXR's `VIEW`; add the
wrist's translation, turned likewise, to be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from service.contract import ModelContract
from service.encode.result import HandResult
from service.geometry import gltf_axes
from service.xr.skeleton import SYNTHESISED, WRIST, HandJoints, skeleton

JointSet = Literal["webxr", "openxr"]

_FINGERS = ("index", "middle", "ring", "little")

WEBXR_NAMES = (
    "wrist",
    *(f"thumb-{part}" for part in ("metacarpal", "phalanx-proximal", "phalanx-distal", "tip")),
    *(
        f"{finger}-finger-{part}"
        for finger in ("index", "middle", "ring", "pinky")
        for part in ("metacarpal", "phalanx-proximal", "phalanx-intermediate", "phalanx-distal", "tip")
    ),
)
"""The 25 of `XRHandJoint`, in its order."""

OPENXR_NAMES = (
    "XR_HAND_JOINT_PALM_EXT",
    "XR_HAND_JOINT_WRIST_EXT",
    *(f"XR_HAND_JOINT_THUMB_{part}_EXT" for part in ("METACARPAL", "PROXIMAL", "DISTAL", "TIP")),
    *(
        f"XR_HAND_JOINT_{finger.upper()}_{part}_EXT"
        for finger in _FINGERS
        for part in ("METACARPAL", "PROXIMAL", "INTERMEDIATE", "DISTAL", "TIP")
    ),
)
"""The 26 of `XrHandJointEXT`, in its order."""

_OURS_THUMB = tuple(f"thumb_{part}" for part in ("cmc", "mcp", "ip", "tip"))
_OURS_FINGERS = tuple(f"{finger}_{part}" for finger in _FINGERS for part in ("mcp", "pip", "dip", "tip"))


@dataclass(frozen=True, eq=False, kw_only=True)
class NamedJoint:
    """One joint of a standard's hand."""

    name: str
    """As the standard spells it."""
    position_m: NDArray[np.float32]
    """(3,) x right, y up, z towards the viewer, the wrist at the origin."""
    orientation: NDArray[np.float32]
    """(4,) quaternion x, y, z, w in these axes: -z towards the tip, +y out of the hand's back; w >= 0."""
    radius_m: float
    """From the joint to the skin."""
    synthesised: bool
    """Not a joint of the network: placed between those that are."""


def named_joints(joint_set: JointSet, hand: HandResult, contract: ModelContract) -> tuple[NamedJoint, ...]:
    """Return a standard's joints of a hand, in the standard's order.

    Raises:
        ValueError: There is no such set, or the model lacks a joint that it is made from.
    """
    if joint_set not in ("webxr", "openxr"):
        raise ValueError(f"joint sets are webxr and openxr, not {joint_set!r}")
    back = gltf_axes(hand.rotation[:, 1]).astype(np.float64)
    made = skeleton(_hand_joints(hand, contract), back, hand.side)
    quaternions = Rotation.from_matrix(made.rotations).as_quat(canonical=True).astype(np.float32)
    positions_m = made.positions_m.astype(np.float32)
    # WebXR's are OpenXR's without the palm, which comes first.
    first, names = (WRIST, WEBXR_NAMES) if joint_set == "webxr" else (0, OPENXR_NAMES)
    return tuple(
        NamedJoint(
            name=name,
            position_m=positions_m[row],
            orientation=quaternions[row],
            radius_m=float(made.radii_m[row]),
            synthesised=row in SYNTHESISED,
        )
        for row, name in enumerate(names, start=first)
    )


def _hand_joints(hand: HandResult, contract: ModelContract) -> HandJoints:
    joints_m = gltf_axes(hand.joints_m).astype(np.float64)
    rows = {name: row for row, name in enumerate(contract.joint_names)}
    wanted = ("wrist", *_OURS_THUMB, *_OURS_FINGERS)
    if missing := [name for name in wanted if name not in rows]:
        raise ValueError(f"{contract.model} has no joint {', '.join(missing)}")
    picked_m = joints_m[[rows[name] for name in wanted]]
    return HandJoints(picked_m[0], picked_m[1:5], picked_m[5:].reshape(4, 4, 3))
