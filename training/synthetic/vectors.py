"""Three-vectors for compiled code: plain tuples, which the compiler keeps in registers."""

from __future__ import annotations

from math import sqrt

import numpy as np

from training.synthetic.compiler import inlined
from training.synthetic.scene import FloatArray

Vec3 = tuple[float, float, float]


@inlined
def dot(a: Vec3, b: Vec3) -> float:
    """Inner product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@inlined
def add(a: Vec3, b: Vec3) -> Vec3:
    """Sum."""
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


@inlined
def subtract(a: Vec3, b: Vec3) -> Vec3:
    """`a - b`."""
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


@inlined
def scale(a: Vec3, factor: float) -> Vec3:
    """Product with a number."""
    return a[0] * factor, a[1] * factor, a[2] * factor


@inlined
def multiply(a: Vec3, b: Vec3) -> Vec3:
    """Product of the components; what a coloured surface does to coloured light."""
    return a[0] * b[0], a[1] * b[1], a[2] * b[2]


@inlined
def along(origin: Vec3, direction: Vec3, distance: float) -> Vec3:
    """Point at `distance` on a ray."""
    return (
        origin[0] + distance * direction[0],
        origin[1] + distance * direction[1],
        origin[2] + distance * direction[2],
    )


@inlined
def cross(a: Vec3, b: Vec3) -> Vec3:
    """Vector product."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@inlined
def mix(a: Vec3, b: Vec3, share: float) -> Vec3:
    """`a` where `share` is 0, `b` where it is 1."""
    return add(scale(a, 1.0 - share), scale(b, share))


@inlined
def unit(a: Vec3) -> Vec3:
    """Vector of length 1; zero stays zero."""
    return scale(a, 1.0 / sqrt(dot(a, a) + 1e-20))


@inlined
def clamp(value: float, low: float, high: float) -> float:
    """`value`, kept within [low, high]."""
    return min(max(value, low), high)


@inlined
def rotate(matrix: FloatArray, a: Vec3) -> Vec3:
    """`matrix @ a`."""
    return (
        matrix[0, 0] * a[0] + matrix[0, 1] * a[1] + matrix[0, 2] * a[2],
        matrix[1, 0] * a[0] + matrix[1, 1] * a[1] + matrix[1, 2] * a[2],
        matrix[2, 0] * a[0] + matrix[2, 1] * a[1] + matrix[2, 2] * a[2],
    )


@inlined
def rotate_back(matrix: FloatArray, a: Vec3) -> Vec3:
    """`matrix.T @ a`."""
    return (
        matrix[0, 0] * a[0] + matrix[1, 0] * a[1] + matrix[2, 0] * a[2],
        matrix[0, 1] * a[0] + matrix[1, 1] * a[1] + matrix[2, 1] * a[2],
        matrix[0, 2] * a[0] + matrix[1, 2] * a[1] + matrix[2, 2] * a[2],
    )


@inlined
def row_vector(rows: FloatArray, row: int, start: int) -> Vec3:
    """Three neighbouring numbers of a row."""
    return np.float64(rows[row, start]), np.float64(rows[row, start + 1]), np.float64(rows[row, start + 2])
