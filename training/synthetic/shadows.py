"""What keeps light away: the key light's shadow map, and the openness of every vertex to the sky.

Both come from the same z-buffer, looked at from far away; both are shared by all views of a scene.
Legend: V vertices, F faces, N side of the map.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.synthetic.compiler import inlined, jit
from training.synthetic.raster import rasterise
from training.synthetic.scene import FloatArray, Lighting, Mesh
from training.synthetic.vectors import Vec3, along, cross, dot, row_vector, scale, unit

_SHADOW_SIDE = 384
_SHADOW_REACH_M = 0.26
_BIAS_M = 0.0008
_NORMAL_OFFSET_M = 0.0022
_TAPS = 8
_GOLDEN_ANGLE = 2.399963
# Taps lie on a golden-angle spiral in the unit disc, turned differently from pixel to pixel.
_SPIRAL = np.sqrt((np.arange(_TAPS) + 0.5) / _TAPS) * np.exp(1j * _GOLDEN_ANGLE * np.arange(_TAPS))
_TURNS = 64
_TURNED_TAPS = np.exp(2j * np.pi * np.arange(_TURNS) / _TURNS)[:, None] * _SPIRAL
_TAP_X, _TAP_Y = _TURNED_TAPS.real.copy(), _TURNED_TAPS.imag.copy()

_SKY_DIRECTIONS = 16
_SKY_SIDE = 96
_SKY_REACH_M = 0.15
_SKY_OFFSET_M = 0.0025
_SKY_BIAS_M = 0.002

_GROUND = 1.0  # nearness of the focus: things down to 1 m below it are seen


class ShadowMap(NamedTuple):
    """Nearness to the key light around the focus."""

    nearness: NDArray[np.float32]
    """(N, N)."""
    from_world: NDArray[np.float64]
    """(3, 4): world to column, row and nearness."""
    penumbra: float
    """Radius of the soft edge, in texels."""


@jit
def light_view(direction: Vec3, focus_m: Vec3, reach_m: float, side: int) -> NDArray[np.float64]:
    """Return (3, 4), world to column, row and nearness of an orthographic look against `direction`.

    Args:
        direction: Unit, from the scene to the light.
        focus_m: World, the middle of the map.
        reach_m: Half the width that the map covers.
        side: Texels of the map.
    """
    up = (0.0, 1.0, 0.0) if abs(direction[1]) < 0.9 else (1.0, 0.0, 0.0)
    right = unit(cross(up, direction))
    texels_per_m = side / (2.0 * reach_m)
    rows = (scale(right, texels_per_m), scale(cross(direction, right), texels_per_m), direction)
    middle = (0.5 * side, 0.5 * side, _GROUND)
    view = np.empty((3, 4))
    for i in range(3):
        view[i, 0], view[i, 1], view[i, 2] = rows[i]
        view[i, 3] = middle[i] - dot(rows[i], focus_m)
    return view


@jit
def _transform(positions_m: FloatArray, view: FloatArray, points: FloatArray) -> None:
    for i in range(positions_m.shape[0]):
        for axis in range(3):
            points[i, axis] = (
                view[axis, 0] * positions_m[i, 0]
                + view[axis, 1] * positions_m[i, 1]
                + view[axis, 2] * positions_m[i, 2]
                + view[axis, 3]
            )


@jit
def _look(
    positions_m: FloatArray,
    faces: NDArray[np.int32],
    view: FloatArray,
    points: FloatArray,
    nearness: FloatArray,
    face_index: NDArray[np.int32],
) -> None:
    _transform(positions_m, view, points)
    nearness[:] = 0.0
    rasterise(points, faces, nearness, face_index, True)


def _vector(values: FloatArray) -> Vec3:
    x, y, z = (float(value) for value in values)
    return x, y, z


def shadow_map(mesh: Mesh, lighting: Lighting, focus_m: FloatArray) -> ShadowMap:
    """Draw the scene from the first light."""
    view = light_view(_vector(lighting.directions[0]), _vector(focus_m), _SHADOW_REACH_M, _SHADOW_SIDE)
    nearness = np.zeros((_SHADOW_SIDE, _SHADOW_SIDE), np.float32)
    face_index = np.empty((_SHADOW_SIDE, _SHADOW_SIDE), np.int32)
    points = np.empty(mesh.positions_m.shape, np.float32)
    _look(mesh.positions_m, np.asarray(mesh.faces, np.int32), view, points, nearness, face_index)
    return ShadowMap(nearness, view, lighting.penumbra_m * _SHADOW_SIDE / (2.0 * _SHADOW_REACH_M))


@inlined
def turn_at(y: int, x: int) -> int:
    """Return a turn of the taps that looks random among neighbouring pixels."""
    return (y * 37 + x * 23 + ((x * y) >> 2)) & (_TURNS - 1)


@inlined
def lit_share(shadow: ShadowMap, position: Vec3, normal: Vec3, translucency_m: float, turn: int) -> float:
    """Return the share of the key light that reaches a point, 0 to 1.

    Args:
        shadow: The map.
        position: World, metres.
        normal: Unit geometric normal; the look-up starts a little above the surface.
        translucency_m: Blockers thinner than this let light through: the soft edge of skin.
        turn: 0 to 63, how the taps are turned; see `turn_at`.
    """
    x, y, z = along(position, normal, _NORMAL_OFFSET_M)
    m, side = shadow.from_world, shadow.nearness.shape[0]
    column = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]
    row = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]
    near = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3] + _BIAS_M + translucency_m
    margin = 1.0 + shadow.penumbra
    if column < margin or row < margin or column > side - margin or row > side - margin:
        return 1.0
    lit = 0
    for tap in range(_TAPS):
        tap_column = int(column + shadow.penumbra * _TAP_X[turn, tap])
        tap_row = int(row + shadow.penumbra * _TAP_Y[turn, tap])
        if near >= shadow.nearness[tap_row, tap_column]:
            lit += 1
    return lit / _TAPS


def sky_directions(count: int) -> NDArray[np.float64]:
    """Return (count, 3) unit directions spread evenly over the sphere (Fibonacci)."""
    i = np.arange(count) + 0.5
    height = 1.0 - 2.0 * i / count
    around = np.pi * (1.0 + sqrt(5.0)) * i
    ring = np.sqrt(1.0 - height**2)
    return np.stack([ring * np.cos(around), ring * np.sin(around), height], axis=1)


_SKY = sky_directions(_SKY_DIRECTIONS)


def openness(mesh: Mesh, focus_m: FloatArray) -> NDArray[np.float32]:
    """Return (V,) the cosine-weighted share of the sky that each vertex sees, 0 to 1: ambient occlusion."""
    faces = np.asarray(mesh.faces, np.int32)
    return _open_share(mesh.positions_m, mesh.normals, faces, _SKY, _vector(focus_m))


@jit
def _open_share(
    positions_m: FloatArray,
    normals: FloatArray,
    faces: NDArray[np.int32],
    directions: FloatArray,
    focus_m: Vec3,
) -> NDArray[np.float32]:
    vertices = positions_m.shape[0]
    seen, possible = np.zeros(vertices, np.float32), np.full(vertices, 1e-6, np.float32)
    points = np.empty((vertices, 3), np.float32)
    nearness = np.empty((_SKY_SIDE, _SKY_SIDE), np.float32)
    face_index = np.empty((_SKY_SIDE, _SKY_SIDE), np.int32)
    for k in range(directions.shape[0]):
        toward_sky = row_vector(directions, k, 0)
        view = light_view(toward_sky, focus_m, _SKY_REACH_M, _SKY_SIDE)
        _look(positions_m, faces, view, points, nearness, face_index)
        for i in range(vertices):
            normal = row_vector(normals, i, 0)
            cosine = dot(normal, toward_sky)
            if cosine <= 0.0:
                continue
            possible[i] += cosine
            # A little above the surface, seen from the sky.
            column = int(points[i, 0] + _SKY_OFFSET_M * dot(row_vector(view, 0, 0), normal))
            row = int(points[i, 1] + _SKY_OFFSET_M * dot(row_vector(view, 1, 0), normal))
            inside = 0 <= column < _SKY_SIDE and 0 <= row < _SKY_SIDE
            near = points[i, 2] + _SKY_OFFSET_M * cosine + _SKY_BIAS_M
            if not inside or near >= nearness[row, column]:
                seen[i] += cosine
    return seen / possible
