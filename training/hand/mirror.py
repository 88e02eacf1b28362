"""Left hands: everything here is a right hand, and a left one is its mirror image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MIRROR = np.array([1.0, 1.0, -1.0])


def mirrored_points(points_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points, (..., 3), of the other hand in the canonical frame: the thumb points to -z."""
    return np.asarray(points_m * _MIRROR)


def mirrored_rotations(rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotations, (..., 3, 3), that move the other hand as these move this one."""
    return np.asarray(rotations * _MIRROR[:, None] * _MIRROR)


def mirrored_faces(faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the faces, (F, 3), wound the other way round, so that a mirrored mesh still faces outward."""
    return np.ascontiguousarray(faces[:, ::-1])
