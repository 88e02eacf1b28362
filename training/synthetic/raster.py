"""Z-buffer: which triangle is seen at which sample, and how near it is.

*Nearness* is linear on the screen and greater is nearer: 1/z for a pinhole camera, height towards the light
for a shadow map. 0 is nothing; a vertex with nearness <= 0 lies out of reach and drops its triangles.
Legend: V vertices, F faces, H x W samples.
"""

from __future__ import annotations

from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from training.synthetic.compiler import inlined, jit
from training.synthetic.scene import Camera, FloatArray

NEAR_M = 0.02
"""Triangles that come closer to the camera are not drawn."""


@jit
def project(
    positions_m: FloatArray,
    K: FloatArray,  # noqa: N803  (the field's names)
    R: FloatArray,  # noqa: N803
    t_m: FloatArray,
    scale: float,
) -> NDArray[np.float32]:
    """Return (V, 3): column and row in samples (`scale` samples a pixel), and nearness 1/z."""
    points = np.empty((positions_m.shape[0], 3), np.float32)
    for i in range(positions_m.shape[0]):
        x, y, z = positions_m[i, 0], positions_m[i, 1], positions_m[i, 2]
        depth = R[2, 0] * x + R[2, 1] * y + R[2, 2] * z + t_m[2]
        if depth < NEAR_M:
            points[i, 0] = points[i, 1] = points[i, 2] = 0.0
            continue
        across = (R[0, 0] * x + R[0, 1] * y + R[0, 2] * z + t_m[0]) / depth
        down = (R[1, 0] * x + R[1, 1] * y + R[1, 2] * z + t_m[1]) / depth
        points[i, 0] = (K[0, 0] * across + K[0, 1] * down + K[0, 2]) * scale
        points[i, 1] = (K[1, 1] * down + K[1, 2]) * scale
        points[i, 2] = 1.0 / depth
    return points


@inlined
def signed_area(points: FloatArray, a: int, b: int, c: int) -> float:
    """Twice the area of a triangle on the screen; negative when it is counter-clockwise from outside."""
    right = (points[b, 0] - points[a, 0]) * (points[c, 1] - points[a, 1])
    left = (points[c, 0] - points[a, 0]) * (points[b, 1] - points[a, 1])
    return float(right - left)


@jit
def rasterise(
    points: FloatArray,
    faces: NDArray[np.int32],
    nearness: NDArray[np.float32],
    face_index: NDArray[np.int32],
    both_sides: bool,
) -> None:
    """Draw triangles into `nearness` (H, W) and `face_index` (H, W) where they are nearer than what is there.

    A sample is covered when its centre lies in the triangle, edges included. Of equally near triangles the
    first one stays. Back faces are left out unless `both_sides`.
    """
    height, width = nearness.shape
    for face in range(faces.shape[0]):
        a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
        if points[a, 2] <= 0.0 or points[b, 2] <= 0.0 or points[c, 2] <= 0.0:
            continue
        area = signed_area(points, a, b, c)
        if abs(area) < 1e-9 or (area > 0.0 and not both_sides):
            continue
        xa, ya, xb, yb, xc, yc = (
            points[a, 0],
            points[a, 1],
            points[b, 0],
            points[b, 1],
            points[c, 0],
            points[c, 1],
        )
        left = max(0, ceil(min(xa, xb, xc) - 0.5))
        right = min(width - 1, floor(max(xa, xb, xc) - 0.5))
        top = max(0, ceil(min(ya, yb, yc) - 0.5))
        bottom = min(height - 1, floor(max(ya, yb, yc) - 0.5))
        to_b_x, to_b_y = (yc - ya) / area, (xa - xc) / area
        to_c_x, to_c_y = (ya - yb) / area, (xb - xa) / area
        for row in range(top, bottom + 1):
            dy = row + 0.5 - ya
            for column in range(left, right + 1):
                dx = column + 0.5 - xa
                weight_b = dx * to_b_x + dy * to_b_y
                weight_c = dx * to_c_x + dy * to_c_y
                weight_a = 1.0 - weight_b - weight_c
                if weight_a >= 0.0 and weight_b >= 0.0 and weight_c >= 0.0:
                    near = weight_a * points[a, 2] + weight_b * points[b, 2] + weight_c * points[c, 2]
                    if near > nearness[row, column]:
                        nearness[row, column] = near
                        face_index[row, column] = face


def draw_depth(
    camera: Camera,
    positions_m: FloatArray,
    faces: NDArray[np.int32],
    *,
    supersampling: int,
    both_sides: bool = False,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
    """Draw a mesh from a camera.

    Returns:
        Projected vertices (V, 3), inverse depth in 1/m (H, W) and face index (H, W), -1 where nothing is;
        H = W = `supersampling` times the camera's size.
    """
    side = camera.size_px * supersampling
    points = project(positions_m, camera.K, camera.R, camera.t_m, float(supersampling))
    inverse_depth = np.zeros((side, side), np.float32)
    face_index = np.full((side, side), -1, np.int32)
    rasterise(points, faces, inverse_depth, face_index, both_sides)
    return points, inverse_depth, face_index
