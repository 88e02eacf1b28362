"""Geometry between the network's answer and the caller's: mirroring, pixels, camera translation, glTF axes.

Frames: camera is x right, y down, z away; pixels are continuous in the upright picture (see `service.crop`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.crop import Square
from service.engines.protocol import EngineHand

FloatArray = NDArray[np.float32]
AnyFloatArray = NDArray[np.floating]

MIRROR = np.array([-1.0, 1.0, 1.0], np.float32)
"""Camera x turned round."""
MIRRORED_ROTATION = np.outer(MIRROR, MIRROR)
"""M R M, element by element, for M = diag(-1, 1, 1)."""


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera in pixels of the upright picture."""

    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float


def mirror(hand: EngineHand) -> EngineHand:
    """Return the hand that the mirrored crop shows; twice is the identity.

    The canonical frame of a left hand is that of a right hand mirrored in its own x, so the rotation stays a
    rotation: R' = M R M.
    """
    return EngineHand(
        vertices_m=hand.vertices_m * MIRROR,
        joints_m=hand.joints_m * MIRROR,
        rotation=hand.rotation * MIRRORED_ROTATION,
        joints_uv=np.column_stack((1 - hand.joints_uv[:, 0], hand.joints_uv[:, 1])),
        version=hand.version,
    )


def joints_in_picture(joints_uv: FloatArray, square: Square) -> FloatArray:
    """Return (J, 2) joints in pixels of the upright picture from joints in units of the crop's side."""
    corner_px = np.array([square.x_px, square.y_px], np.float32)
    return corner_px + joints_uv * np.float32(square.side_px)


def solve_translation(
    joints_m: AnyFloatArray, joints_px: AnyFloatArray, intrinsics: Intrinsics
) -> NDArray[np.float64] | None:
    """Return the (3,) translation in metres that puts root-relative joints where the picture shows them.

    A joint X with image point (u, v) asks of the translation t, with x = (u - cx) / fx and y = (v - cy) / fy,
    that X_x + t_x = x (X_z + t_z) and X_y + t_y = y (X_z + t_z). These are two equations a joint, linear in
    t; the least squares solution over all joints is that of the 3 x 3 normal equations. The residual is the
    reprojection error times depth, which hardly differs between the joints of one hand.

    Returns:
        None where the solution would put a joint behind the camera or the joints do not determine it.
    """
    points_m = joints_m.astype(np.float64)
    x = (joints_px[:, 0] - intrinsics.cx_px) / intrinsics.fx_px
    y = (joints_px[:, 1] - intrinsics.cy_px) / intrinsics.fy_px
    right_x = x * points_m[:, 2] - points_m[:, 0]
    right_y = y * points_m[:, 2] - points_m[:, 1]
    count = len(points_m)
    normal = np.array(
        [[count, 0.0, -x.sum()], [0.0, count, -y.sum()], [-x.sum(), -y.sum(), (x * x + y * y).sum()]]
    )
    right = np.array([right_x.sum(), right_y.sum(), -(x * right_x + y * right_y).sum()])
    try:
        translation_m = np.linalg.solve(normal, right)
    except np.linalg.LinAlgError:
        return None
    in_front = bool((points_m[:, 2] + translation_m[2] > 0).all())
    return translation_m if in_front and np.isfinite(translation_m).all() else None


def gltf_axes(vectors: FloatArray) -> FloatArray:
    """Return camera vectors in glTF's axes: x right, y up, z towards the viewer; half a turn about x."""
    return vectors * np.array([1.0, -1.0, -1.0], np.float32)
