"""A pose as joint angles, and the bone rotations that it means for a hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.hand.compiler import jit
from training.hand.limits import (
    CONVERGENCE_DEG,
    FINGER_LIMITS_DEG,
    FULL_FLEXION_DEG,
    PALM_LIMITS_DEG,
    THUMB_LIMITS_DEG,
    WRIST_LIMITS_DEG,
)
from training.hand.rig import BONE_COUNT, FOREARM, LITTLE_METACARPAL, RING_METACARPAL, Hinges

Float = NDArray[np.float64]

_RING_ARCH_AXIS = np.array([-0.28, 0.0, 0.96])
_LITTLE_ARCH_AXIS = np.array([-0.38, 0.0, 0.92])


@dataclass(frozen=True, eq=False, kw_only=True)
class PoseAngles:
    """Joint angles of one hand in degrees, 31 in all; `limits.py` says what they mean."""

    fingers_deg: Float
    """(4, 5): index to little, columns `FingerDof`."""
    thumb_deg: Float
    """(6,): `ThumbDof`."""
    palm_deg: Float
    """(2,): flexion of the ring and little metacarpals."""
    wrist_deg: Float
    """(3,): flexion, deviation, twist of the forearm; the hand itself stays where it is."""

    def clamped(self) -> PoseAngles:
        """Return the pose within the joint limits."""
        return PoseAngles(
            fingers_deg=_clamp(self.fingers_deg, FINGER_LIMITS_DEG),
            thumb_deg=_clamp(self.thumb_deg, THUMB_LIMITS_DEG),
            palm_deg=_clamp(self.palm_deg, PALM_LIMITS_DEG),
            wrist_deg=_clamp(self.wrist_deg, WRIST_LIMITS_DEG),
        )

    def vector(self) -> Float:
        """Return all angles as one row, (31,), in the order of the fields."""
        return np.concatenate([self.fingers_deg.ravel(), self.thumb_deg, self.palm_deg, self.wrist_deg])

    @staticmethod
    def from_vector(angles_deg: Float) -> PoseAngles:
        """Return the pose whose `vector` this is."""
        fingers, thumb, palm, wrist = np.split(np.asarray(angles_deg, dtype=np.float64), (20, 26, 28))
        return PoseAngles(fingers_deg=fingers.reshape(4, 5), thumb_deg=thumb, palm_deg=palm, wrist_deg=wrist)


def limits_vector() -> Float:
    """Return lowest and highest of every angle of `PoseAngles.vector`, (31, 2)."""
    parts = (FINGER_LIMITS_DEG.reshape(20, 2), THUMB_LIMITS_DEG, PALM_LIMITS_DEG, WRIST_LIMITS_DEG)
    return np.concatenate(parts)


def _clamp(angles: Float, limits: Float) -> Float:
    return np.minimum(np.maximum(angles, limits[..., 0]), limits[..., 1])


def bone_rotations(hinges: Hinges, pose: PoseAngles) -> Float:
    """Return one rotation for each bone, (19, 3, 3), in canonical axes; rest is the identity."""
    return np.asarray(compiled_bone_rotations(hinges.axes, hinges.rest_flexion_deg, pose.vector()))


@jit
def _turn(axis: Float, angle_deg: float) -> Float:
    """Return the rotation about an axis, (3, 3), by Rodrigues' formula; the axis' length scales the angle."""
    length = np.sqrt(axis[0] ** 2 + axis[1] ** 2 + axis[2] ** 2)
    x, y, z = axis / length
    angle = np.radians(angle_deg) * length
    s, c = np.sin(angle), np.cos(angle)
    t = 1.0 - c
    return np.array(
        [
            [c + t * x * x, t * x * y - s * z, t * x * z + s * y],
            [t * x * y + s * z, c + t * y * y, t * y * z - s * x],
            [t * x * z - s * y, t * y * z + s * x, c + t * z * z],
        ]
    )


@jit
def _hinge(axes: Float, flexion_deg: float, abduction_deg: float, twist_deg: float) -> Float:
    swing = _turn(axes[1], abduction_deg) @ _turn(axes[0], flexion_deg)
    return np.asarray(swing @ _turn(axes[2], twist_deg))


@jit
def compiled_bone_rotations(axes: Float, rest_flexion_deg: Float, angles_deg: Float) -> Float:
    """Do what `bone_rotations` does; callable from compiled code."""
    rotations = np.empty((BONE_COUNT, 3, 3))
    rotations[0] = np.eye(3)
    thumb = angles_deg[20:26]
    rotations[1] = _hinge(axes[0], thumb[0], thumb[1], thumb[2])
    rotations[2] = _hinge(axes[1], thumb[3], thumb[4], 0.0)
    rotations[3] = _turn(axes[2, 0], thumb[5])
    for finger in range(4):
        mcp, abduction, twist, pip, dip = angles_deg[5 * finger : 5 * finger + 5]
        rest, bone = rest_flexion_deg[finger], 4 + 3 * finger
        # Axes index finger bones from 0, the hand itself is bone 0.
        converging = CONVERGENCE_DEG[finger] * min(max(mcp / FULL_FLEXION_DEG, 0.0), 1.0)
        swing = _hinge(axes[bone - 1], mcp - rest[0], -abduction, twist)
        rotations[bone] = _turn(axes[bone - 1, 2], converging) @ swing
        rotations[bone + 1] = _turn(axes[bone, 0], pip - rest[1])
        rotations[bone + 2] = _turn(axes[bone + 1, 0], dip - rest[2])
    rotations[RING_METACARPAL] = _turn(_RING_ARCH_AXIS, angles_deg[26])
    rotations[LITTLE_METACARPAL] = _turn(_LITTLE_ARCH_AXIS, angles_deg[27])
    flexion = _turn(np.array([0.0, 0.0, 1.0]), angles_deg[28])
    deviation = _turn(np.array([0.0, 1.0, 0.0]), angles_deg[29])
    rotations[FOREARM] = flexion @ deviation @ _turn(np.array([1.0, 0.0, 0.0]), angles_deg[30])
    return rotations
