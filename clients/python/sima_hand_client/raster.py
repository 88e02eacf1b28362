"""A z-buffer for one small mesh, in numpy: enough to look at a hand, nothing to install.

Pixels: the centre of pixel (row i, column j) is (j + 0.5, i + 0.5). Depth grows away from the viewer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sima_hand_client.types import FloatArray, IndexArray

_LIGHT = np.array([-0.35, -0.55, -0.76], dtype=np.float32)  # from above, left, behind the viewer; unit length
_AMBIENT = 0.3


def vertex_normals(vertices: FloatArray, faces: IndexArray) -> FloatArray:
    """Return [V, 3] unit normals, each the area-weighted mean of the faces around its vertex."""
    corners = vertices[faces]  # (F, 3, 3)
    first_edge, second_edge = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    weighted = np.cross(first_edge, second_edge)  # (F, 3), as long as twice the area
    normals = np.zeros_like(vertices)
    np.add.at(normals, faces, weighted[:, None])
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    unit: FloatArray = normals / np.maximum(length, np.finfo(np.float32).tiny)
    return unit


def lambert(normals: FloatArray) -> FloatArray:
    """Return [V] brightness in [0, 1] of camera-axes normals under one lamp."""
    brightness: FloatArray = _AMBIENT + (1 - _AMBIENT) * np.clip(normals @ _LIGHT, 0, 1)
    return brightness


def rasterise(
    points_px: FloatArray, faces: IndexArray, values: FloatArray, *, width_px: int, height_px: int
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Draw a mesh with one value a vertex, nearest surface in front.

    Args:
        points_px: [V, 3], x and y in pixels and depth.
        faces: [F, 3].
        values: [V], interpolated over each face.
        width_px: width of the picture.
        height_px: its height.

    Returns:
        The values [height, width], zero where there is no mesh, and where there is mesh [height, width].
    """
    picture = np.zeros((height_px, width_px), dtype=np.float32)
    nearest = np.full((height_px, width_px), np.inf, dtype=np.float32)
    for face in faces:
        (ax, ay, _), (bx, by, _), (cx, cy, _) = corners = points_px[face]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        low = np.ceil(corners[:, :2].min(axis=0) - 0.5).astype(int).clip(0)
        high = (
            np.floor(corners[:, :2].max(axis=0) - 0.5).astype(int).clip(None, (width_px - 1, height_px - 1))
        )
        if area == 0 or (low > high).any():
            continue
        x = np.arange(low[0], high[0] + 1, dtype=np.float32) + 0.5  # (w,)
        y = (np.arange(low[1], high[1] + 1, dtype=np.float32) + 0.5)[:, None]  # (h, 1)
        weight_b = ((x - ax) * (cy - ay) - (y - ay) * (cx - ax)) / area  # (h, w)
        weight_c = ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / area
        weights = np.stack([1 - weight_b - weight_c, weight_b, weight_c])  # (3, h, w)
        depth = np.tensordot(corners[:, 2], weights, axes=1)
        window = (slice(low[1], high[1] + 1), slice(low[0], high[0] + 1))
        visible = (weights >= 0).all(axis=0) & (depth < nearest[window])
        nearest[window][visible] = depth[visible]
        picture[window][visible] = np.tensordot(values[face], weights, axes=1)[visible]
    return picture, np.isfinite(nearest)
