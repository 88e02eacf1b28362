"""What lies behind the meshes: a ray-cast room with a table, or a picture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.synthetic.compiler import inlined, jit
from training.synthetic.foreground import Look
from training.synthetic.lighting import ambient_light, reflected
from training.synthetic.scene import Camera, FloatArray
from training.synthetic.shadows import turn_at
from training.synthetic.surface import Place, surface_at
from training.synthetic.textures import TextureBank, sample_texture
from training.synthetic.vectors import (
    Vec3,
    add,
    along,
    dot,
    multiply,
    rotate,
    rotate_back,
    row_vector,
    scale,
    subtract,
    unit,
)

_FAR = 1e9
_COVERED = 0.999
WALLS = 6


class RoomRig(NamedTuple):
    """`Room` as compiled code reads it."""

    centre: Vec3
    axes: NDArray[np.float64]
    half_size_m: float
    first_wall: int
    """Row of the material table where the six walls begin; the table follows them."""
    has_table: bool
    table_height_m: float
    table_half_size_m: float


class Rays(NamedTuple):
    """A camera as a bundle of rays."""

    eye: Vec3
    K: NDArray[np.float64]
    R: NDArray[np.float64]


def rays(camera: Camera) -> Rays:
    """Return the rays through a camera's pixels."""
    R = np.asarray(camera.R, np.float64)  # noqa: N806  (the field's name)
    x, y, z = (float(v) for v in -R.T @ np.asarray(camera.t_m, np.float64))
    return Rays((x, y, z), np.asarray(camera.K, np.float64), R)


@inlined
def _direction(bundle: Rays, y: int, x: int) -> Vec3:
    """World direction of a pixel's centre, with depth 1."""
    K = bundle.K  # noqa: N806
    down = (y + 0.5 - K[1, 2]) / K[1, 1]
    across = (x + 0.5 - K[0, 2] - K[0, 1] * down) / K[0, 0]
    return rotate_back(bundle.R, (across, down, 1.0))


@inlined
def _to_plane(origin: float, direction: float, plane: float) -> float:
    """Ray length to a plane across one axis, `_FAR` when the ray runs along it or away from it."""
    if abs(direction) < 1e-9:
        return _FAR
    length = (plane - origin) / direction
    return length if length > 0.0 else _FAR


@inlined
def _wall(origin: Vec3, direction: Vec3, half: float) -> tuple[float, int]:
    """Ray length to the box's inside, and which side it meets: -x, +x, -y, +y, -z, +z."""
    nearest, side = _FAR, 0
    for axis in range(3):
        ahead = direction[axis] > 0.0
        length = _to_plane(origin[axis], direction[axis], half if ahead else -half)
        if length < nearest:
            nearest, side = length, 2 * axis + int(ahead)
    return nearest, side


@inlined
def _table(origin: Vec3, direction: Vec3, room: RoomRig) -> float:
    if not room.has_table:
        return _FAR
    length = _to_plane(origin[1], direction[1], room.table_height_m)
    x, _, z = along(origin, direction, length)
    return length if max(abs(x), abs(z)) < room.table_half_size_m else _FAR


@inlined
def _wall_radiance(place: Place, room: RoomRig, side: int, look: Look) -> Vec3:
    """Walls are far and dull: sky and the first sun, without shadow or shine."""
    point = surface_at(place, look.materials[room.first_wall + side], look.noise, look.bank)
    sun = max(0.0, dot(place.normal, row_vector(look.rig.directions, 0, 0)))
    light = add(ambient_light(look.rig.ambient, place.normal), scale(row_vector(look.rig.colors, 0, 0), sun))
    return multiply(point.albedo, light)


@inlined
def _room_radiance(bundle: Rays, direction: Vec3, room: RoomRig, look: Look, turn: int) -> Vec3:
    origin = rotate(room.axes, subtract(bundle.eye, room.centre))
    inward = rotate(room.axes, direction)
    length, side = _wall(origin, inward, room.half_size_m)
    to_table = _table(origin, inward, room)
    on_table = to_table < length
    length, side = (to_table, 2) if on_table else (length, side)
    axis = side // 2
    sign = 1.0 if side % 2 == 0 else -1.0
    facing = (sign * (axis == 0), sign * (axis == 1), sign * (axis == 2))
    # A slanted plane covers more ground; the long side of the footprint would blur too much.
    footprint_m = length / bundle.K[0, 0] / max(abs(dot(unit(inward), facing)), 0.2)
    normal = rotate_back(room.axes, facing)
    place = Place(along(origin, inward, length), axis, normal, (1.0, 1.0, 1.0), 0.0, footprint_m)
    if not on_table:
        return _wall_radiance(place, room, side, look)
    point = surface_at(place, look.materials[room.first_wall + WALLS], look.noise, look.bank)
    position = along(bundle.eye, direction, length)
    return reflected(point, position, normal, unit(scale(direction, -1.0)), 1.0, look.rig, turn)


@jit
def draw_room(bundle: Rays, room: RoomRig, look: Look, coverage: FloatArray, radiance: FloatArray) -> None:
    """Fill `radiance` (S, S, 3) with the room where `coverage` (S, S) leaves it to be seen."""
    for y in range(coverage.shape[0]):
        for x in range(coverage.shape[1]):
            if coverage[y, x] < _COVERED:
                color = _room_radiance(bundle, _direction(bundle, y, x), room, look, turn_at(y, x))
                radiance[y, x, 0], radiance[y, x, 1], radiance[y, x, 2] = color


@jit
def draw_picture(
    bank: TextureBank,
    row: int,
    copies: float,
    corner: tuple[float, float],
    tint: Vec3,
    coverage: FloatArray,
    radiance: FloatArray,
) -> None:
    """Fill `radiance` (S, S, 3) with a part of a picture where `coverage` (S, S) leaves it to be seen."""
    side = coverage.shape[0]
    for y in range(side):
        for x in range(side):
            if coverage[y, x] < _COVERED:
                u, v = corner[0] + copies * (x + 0.5) / side, corner[1] + copies * (y + 0.5) / side
                color = multiply(sample_texture(bank, row, u, v, copies / side), tint)
                radiance[y, x, 0], radiance[y, x, 1], radiance[y, x, 2] = color
