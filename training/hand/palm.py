"""The palm as an obstacle: fingers that a pose would sink into it are opened until they lie on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.hand.compiler import jit
from training.hand.kinematics import RestHand, compiled_forward_kinematics
from training.hand.limits import FingerDof
from training.hand.pose import PoseAngles, compiled_bone_rotations
from training.hand.rig import HEAD_JOINTS

Float = NDArray[np.float64]

PALM_RADIUS_M = 0.018
"""Capsules round the lines from wrist to knuckles; the palm's skin is 17 to 23 mm below those lines."""

FINGERTIP_RADIUS_M = 0.006

ALLOWED_DEPTH_M = 0.002
"""Flesh gives way by this much."""

_OPENING_DEG = np.zeros(5)
_OPENING_DEG[[FingerDof.MCP_FLEXION, FingerDof.PIP_FLEXION, FingerDof.DIP_FLEXION]] = 1.0, 3.0, 3.0
_STEPS = 20
_ALONG_PALM = np.linspace(0.2, 0.9, 8)
_ALONG_TIP = np.array([0.2, 0.6, 0.9])


def opened(rest: RestHand, pose: PoseAngles) -> PoseAngles:
    """Return the pose with every finger opened until its end is out of the palm."""
    heads_m = rest.joints_m[list(HEAD_JOINTS)]
    hinges = rest.hinges
    angles = _opened(
        pose.vector(), hinges.axes, hinges.rest_flexion_deg, heads_m, rest.joints_m, rest.shape.scale
    )
    return PoseAngles.from_vector(angles)


def palm_depths_m(rest: RestHand, pose: PoseAngles) -> Float:
    """Return how deep the ends of index to little lie in the palm, (4,); negative when they are outside."""
    rotations = compiled_bone_rotations(rest.hinges.axes, rest.hinges.rest_flexion_deg, pose.vector())
    turned, shifted = compiled_forward_kinematics(rotations, rest.joints_m[list(HEAD_JOINTS)])
    return np.asarray(_depths_m(turned, shifted, rest.joints_m, rest.shape.scale))


@jit
def _opened(
    angles_deg: Float, axes: Float, rest_flexion_deg: Float, heads_m: Float, joints_m: Float, scale: float
) -> Float:
    for _ in range(_STEPS):
        rotations = compiled_bone_rotations(axes, rest_flexion_deg, angles_deg)
        turned, shifted = compiled_forward_kinematics(rotations, heads_m)
        depths = _depths_m(turned, shifted, joints_m, scale)
        if depths.max() < ALLOWED_DEPTH_M:
            break
        for finger in range(4):
            if depths[finger] >= ALLOWED_DEPTH_M:
                angles_deg[5 * finger : 5 * finger + 5] -= _OPENING_DEG
    return angles_deg


@jit
def _depths_m(turned: Float, shifted: Float, joints_m: Float, scale: float) -> Float:
    knuckles = np.empty((4, 3))
    for finger in range(4):
        proximal = 4 + 3 * finger
        knuckles[finger] = turned[proximal] @ joints_m[5 + 4 * finger] + shifted[proximal]
    depths = np.empty(4)
    for finger in range(4):
        distal = 6 + 3 * finger
        start = turned[distal] @ joints_m[7 + 4 * finger] + shifted[distal]
        end = turned[distal] @ joints_m[8 + 4 * finger] + shifted[distal]
        nearest = np.inf
        for along_tip in _ALONG_TIP:
            point = start + along_tip * (end - start)
            for knuckle in knuckles:
                for along_palm in _ALONG_PALM:  # the wrist is the origin
                    nearest = min(nearest, ((point - along_palm * knuckle) ** 2).sum())
        depths[finger] = (PALM_RADIUS_M + FINGERTIP_RADIUS_M) * scale - np.sqrt(nearest)
    return depths
