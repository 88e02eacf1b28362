"""Self-collision of a posed hand, by one capsule for each finger bone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.hand.compiler import jit
from training.hand.shape import ShapeParameters

CAPSULE_RADII_M = (
    np.array([[10, 9, 8], [8, 7, 6.3], [8.2, 7.3, 6.5], [7.7, 7, 6], [6.7, 6, 5.4]], dtype=np.float64) * 1e-3
)
"""(5, 3): thumb to little, proximal to distal, of the mean shape; thinner than its skin, which yields."""

ALLOWED_DEPTH_M = 0.004
"""Flesh gives way by this much before a pose is refused."""

_SAMPLES = np.linspace(0.1, 0.9, 5)


def self_collision_depth_m(joints_m: NDArray[np.float64], shape: ShapeParameters) -> float:
    """Return how deep the capsules of different fingers lie in each other; negative when they are apart."""
    radii = CAPSULE_RADII_M * shape.bone_thickness.reshape(5, 3) * shape.scale
    return float(_deepest(joints_m, radii))


@jit
def _deepest(joints_m: NDArray[np.float64], radii_m: NDArray[np.float64]) -> float:
    points = np.empty((15, len(_SAMPLES), 3))
    for bone in range(15):
        start = 1 + 4 * (bone // 3) + bone % 3
        for sample, along in enumerate(_SAMPLES):
            points[bone, sample] = joints_m[start] + along * (joints_m[start + 1] - joints_m[start])
    deepest = -np.inf
    for a in range(15):
        for b in range(3 * (a // 3) + 3, 15):
            nearest = np.inf
            for p in points[a]:
                for q in points[b]:
                    square = (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 + (p[2] - q[2]) ** 2
                    nearest = min(nearest, square)
            depth = radii_m[a // 3, a % 3] + radii_m[b // 3, b % 3] - np.sqrt(nearest)
            deepest = max(deepest, depth)
    return deepest
