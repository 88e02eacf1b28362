"""The outline that a hand would have if nothing stood before it (spec section 8)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.data.sample import Float32

_FINE = 4
"""Samples along a pixel's side: OpenCV also fills a polygon's edge, which adds half a sample all round."""
_SHIFT = 4
"""Binary digits behind the point of what OpenCV takes as corners."""


def silhouette_area_px(
    points_px: Float32, faces: NDArray[np.int64], *, width_px: int, height_px: int
) -> float:
    """Return how many pixels of a picture a mesh covers.

    Args:
        points_px: (V, 2): projected vertices, continuous pixel coordinates; all before the camera.
        faces: (F, 3): both sides are drawn, so that an open wrist leaves no hole.
        width_px: Width of the picture; what lies outside does not count.
        height_px: Its height.
    """
    low = np.clip(np.floor(points_px.min(axis=0)), 0, (width_px, height_px)).astype(int)
    high = np.clip(np.ceil(points_px.max(axis=0)), 0, (width_px, height_px)).astype(int)
    width, height = ((high - low) * _FINE).tolist()
    if width == 0 or height == 0:
        return 0.0
    covered = np.zeros((height, width), np.uint8)
    # OpenCV counts from pixel centres, the data set's labels from the corner.
    corners = ((points_px - low) * _FINE - 0.5)[faces]
    for triangle in np.rint(corners * 2**_SHIFT).astype(np.int32):
        cv2.fillConvexPoly(covered, triangle, 1, shift=_SHIFT)
    return cv2.countNonZero(covered) / _FINE**2


def visible_share(
    seen_px: int, points_px: Float32, faces: NDArray[np.int64], *, width_px: int, height_px: int
) -> float:
    """Return which share of a hand's own silhouette a picture shows.

    It may exceed 1 where a mask is wider than the mesh. A hand outside the picture has 0.

    Args:
        seen_px: Pixels that show the hand.
        points_px: As `silhouette_area_px` takes them, and so are the others.
        faces: (F, 3).
        width_px: Width of the picture.
        height_px: Its height.
    """
    area_px = silhouette_area_px(points_px, faces, width_px=width_px, height_px=height_px)
    return seen_px / area_px if area_px > 0.0 else 0.0
