"""Pictures of what a network says: the skeleton and the mesh drawn over the crop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from training import contract

Image = NDArray[np.uint8]
Float32 = NDArray[np.float32]

FINGER_COLOURS = ((255, 80, 80), (255, 200, 60), (90, 220, 90), (80, 190, 255), (200, 120, 255))
"""RGB, thumb to little finger."""
SKIN = np.array((235.0, 190.0, 160.0))
MESH_OPACITY = 0.75


class DrawnHand(NamedTuple):
    """A crop and what is drawn over it; coordinates as in `training.tensors.HandPrediction`."""

    image: Image
    """(S, S, 3) RGB."""
    joints_uv: Float32
    """(J, 2)."""
    joints_m: Float32
    """(J, 3), camera axes."""
    vertices_m: Float32
    """(V, 3), camera axes."""


def sheet(
    hands: Sequence[DrawnHand], faces: NDArray[np.int64], *, tile_px: int = 224, hands_per_row: int = 3
) -> Image:
    """Return a picture with the crop, the skeleton and the mesh of each hand side by side.

    Raises:
        ValueError: There is no hand to draw.
    """
    if not hands:
        raise ValueError("a sheet needs at least one hand")
    panels = [np.hstack(_panel(hand, faces, tile_px)) for hand in hands]
    panels += [np.zeros_like(panels[0])] * (-len(panels) % hands_per_row)
    rows = [np.hstack(panels[i : i + hands_per_row]) for i in range(0, len(panels), hands_per_row)]
    return np.vstack(rows)


def draw_skeleton(image: Image, joints_uv: Float32) -> Image:
    """Return a copy of the crop with the bones and joints (J, 2), in units of its side, drawn in."""
    canvas = image.copy()
    side = len(image)
    points = [_subpixel(point * side) for point in joints_uv]
    for parent, child in contract.BONES:
        colour = FINGER_COLOURS[(child - 1) // 4]
        cv2.line(canvas, points[parent], points[child], colour, 2, cv2.LINE_AA, shift=4)
    for number, point in enumerate(points):
        colour = (255, 255, 255) if number == 0 else FINGER_COLOURS[(number - 1) // 4]
        cv2.circle(canvas, point, 3 << 4, colour, -1, cv2.LINE_AA, shift=4)
    return canvas


def draw_mesh(image: Image, vertices_uvz: Float32, faces: NDArray[np.int64]) -> Image:
    """Return a copy of the crop with the mesh laid over it, lit from the camera, far faces first.

    Args:
        image: (S, S, 3) RGB.
        vertices_uvz: (V, 3): u and v in units of the crop's side, z in the same unit away from the viewer.
        faces: (F, 3), outward winding.
    """
    canvas = image.copy()
    corners = vertices_uvz[faces]  # (F, 3 corners, 3)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    facing = -normals[:, 2] / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    polygons = np.round(corners[:, :, :2] * len(image) * 16).astype(np.int32)
    for face in np.argsort(-corners[:, :, 2].mean(axis=1)):
        if facing[face] > 0.0:
            colour = SKIN * (0.25 + 0.75 * facing[face])
            cv2.fillConvexPoly(canvas, polygons[face], colour.tolist(), cv2.LINE_AA, shift=4)
    mixed: Image = cv2.addWeighted(  # type: ignore[assignment]
        canvas, MESH_OPACITY, image, 1.0 - MESH_OPACITY, 0.0
    )
    return mixed


def placed_in_crop(points_m: Float32, joints_m: Float32, joints_uv: Float32) -> Float32:
    """Return camera-frame points (n, 3) in units of the crop's side, placed by the joints.

    The scale and shift are the least-squares fit of the joints' x, y to their place in the crop: a weak
    perspective, good enough to look at.
    """
    source, target = joints_m[:, :2].astype(np.float64), joints_uv.astype(np.float64)
    centred = source - source.mean(axis=0)
    scale = float((centred * (target - target.mean(axis=0))).sum() / max((centred**2).sum(), 1e-12))
    placed = points_m * scale
    placed[:, :2] += target.mean(axis=0) - scale * source.mean(axis=0)
    return placed.astype(np.float32)


def _panel(hand: DrawnHand, faces: NDArray[np.int64], tile_px: int) -> tuple[Image, Image, Image]:
    crop: Image = cv2.resize(  # type: ignore[assignment]
        hand.image, (tile_px, tile_px), interpolation=cv2.INTER_LINEAR
    )
    mesh_uvz = placed_in_crop(hand.vertices_m, hand.joints_m, hand.joints_uv)
    return crop, draw_skeleton(crop, hand.joints_uv), draw_mesh(crop, mesh_uvz, faces)


def _subpixel(point_px: Float32) -> tuple[int, int]:
    """Return OpenCV's fixed-point coordinates (4 bits) of a point whose pixel centres lie at + 0.5."""
    # Points far outside the crop would overflow OpenCV's integers.
    x, y = np.clip((point_px - 0.5) * 16, -(2**20), 2**20)
    return round(float(x)), round(float(y))
