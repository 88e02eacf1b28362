"""Solids that a hand can hold: each knows its surface and how deep a point lies inside it.

Every solid lives in its own frame, metres, long axis along z. Sources: Barr, "Superquadrics and
angle-preserving transformations", 1981; Gross and Boult, 1988, for the radial distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RINGS = 10
SEGMENTS = 20
"""Resolution of a surface; at 160 px a finer one cannot be told apart."""


class Surface(NamedTuple):
    """A triangle mesh: `positions_m` [N,3] and `faces` [M,3], wound outwards."""

    positions_m: Floats
    faces: Ints


class Solid(Protocol):
    """What grasping and rendering ask of a solid."""

    def depth_m(self, points_m: Floats) -> Floats:
        """Return how deep each of `points_m` [N,3] lies inside, metres; negative outside."""

    def surface(self) -> Surface:
        """Return the surface as triangles."""


@dataclass(frozen=True, kw_only=True)
class Superquadric:
    """Boxes, cylinders, balls and all between: exponents near 0 are sharp, 1 is round."""

    half_extents_m: tuple[float, float, float]
    exponents: tuple[float, float] = (1.0, 1.0)
    """East-west profile along z, then the outline in the xy plane."""

    def depth_m(self, points_m: Floats) -> Floats:
        """Radial distance to the surface, exact along rays through the centre."""
        along, around = self.exponents
        x, y, z = (np.abs(points_m / np.asarray(self.half_extents_m)) + 1e-9).T
        outline = (x ** (2 / around) + y ** (2 / around)) ** (around / along)
        level = (outline + z ** (2 / along)) ** (along / 2)
        depth: Floats = np.linalg.norm(points_m, axis=1) * (1 / np.maximum(level, 1e-6) - 1)
        return depth

    def surface(self) -> Surface:
        """Return a closed latitude-longitude mesh."""
        along, around = self.exponents
        latitude = np.linspace(-np.pi / 2, np.pi / 2, RINGS + 1)[:, None]
        longitude = np.linspace(-np.pi, np.pi, SEGMENTS + 1)[:-1][None]
        radius = _signed_power(np.cos(latitude), along)
        unit = np.stack(
            [
                radius * _signed_power(np.cos(longitude), around),
                radius * _signed_power(np.sin(longitude), around),
                np.broadcast_to(_signed_power(np.sin(latitude), along), (RINGS + 1, SEGMENTS)),
            ],
            axis=-1,
        )
        return Surface(unit.reshape(-1, 3) * np.asarray(self.half_extents_m), _ring_faces(RINGS + 1))


@dataclass(frozen=True, kw_only=True)
class Lathe:
    """A profile turned around z: bottles, glasses, jars."""

    heights_m: tuple[float, ...]
    """Increasing z of the profile."""
    radii_m: tuple[float, ...]

    def depth_m(self, points_m: Floats) -> Floats:
        """Lesser of the distance to the wall, taken horizontally, and to the ends."""
        heights, radii = np.asarray(self.heights_m), np.asarray(self.radii_m)
        z = points_m[:, 2]
        wall = np.interp(z, heights, radii) - np.hypot(points_m[:, 0], points_m[:, 1])
        depth: Floats = np.minimum(wall, np.minimum(heights[-1] - z, z - heights[0]))
        return depth

    def surface(self) -> Surface:
        """Return a closed mesh; both ends are flat."""
        heights = np.array([self.heights_m[0], *self.heights_m, self.heights_m[-1]])
        radii = np.array([1e-5, *self.radii_m, 1e-5])
        angle = np.linspace(-np.pi, np.pi, SEGMENTS + 1)[:-1]
        rings = np.stack(
            [
                radii[:, None] * np.cos(angle),
                radii[:, None] * np.sin(angle),
                np.repeat(heights[:, None], SEGMENTS, axis=1),
            ],
            axis=-1,
        )
        return Surface(rings.reshape(-1, 3), _ring_faces(len(heights)))


@dataclass(frozen=True, kw_only=True)
class Tube:
    """A round rod along a path: handles, pens, wires, rings."""

    path_m: tuple[tuple[float, float, float], ...]
    radius_m: float
    flatness: float = 1.0
    """Radius out of the path's plane over `radius_m` (for the mesh alone)."""

    def depth_m(self, points_m: Floats) -> Floats:
        """Return the radius less the distance to the path."""
        path = np.asarray(self.path_m)
        start, step = path[:-1], np.diff(path, axis=0)
        offset = points_m[:, None] - start
        share = np.clip((offset * step).sum(-1) / (step * step).sum(-1), 0, 1)
        distance = np.linalg.norm(offset - share[..., None] * step, axis=-1).min(axis=1)
        depth: Floats = self.radius_m - distance
        return depth

    def surface(self) -> Surface:
        """Return a mesh whose rings stand across the path; both ends are closed."""
        path = np.asarray(self.path_m)
        tangent = np.gradient(path, axis=0)
        tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
        side = np.cross(tangent, _plane_normal(path))
        side /= np.linalg.norm(side, axis=1, keepdims=True)
        out = np.cross(side, tangent) * self.flatness
        angle = np.linspace(-np.pi, np.pi, SEGMENTS + 1)[:-1]
        offsets = np.cos(angle)[:, None] * side[:, None] - np.sin(angle)[:, None] * out[:, None]
        rings = path[:, None] + self.radius_m * offsets
        ends = np.repeat(path[[0, -1], None], SEGMENTS, axis=1)
        closed = np.concatenate([ends[:1], rings, ends[1:]])
        return Surface(closed.reshape(-1, 3), _ring_faces(len(closed)))


def _signed_power(value: Floats, exponent: float) -> Floats:
    powered: Floats = np.sign(value) * np.abs(value) ** exponent
    return powered


def _ring_faces(rings: int) -> Ints:
    """Triangles between `rings` rings of SEGMENTS points, outwards when the rings climb along z."""
    lower = (np.arange(rings - 1)[:, None] * SEGMENTS + np.arange(SEGMENTS)).ravel()
    lower_next = (np.arange(rings - 1)[:, None] * SEGMENTS + (np.arange(SEGMENTS) + 1) % SEGMENTS).ravel()
    upper, upper_next = lower + SEGMENTS, lower_next + SEGMENTS
    return np.concatenate(
        [np.stack([lower, lower_next, upper_next], 1), np.stack([lower, upper_next, upper], 1)]
    ).astype(np.int64)


def _plane_normal(path: Floats) -> Floats:
    """Return the direction in which the path spreads least."""
    _, _, axes = np.linalg.svd(path - path.mean(axis=0))
    normal: Floats = axes[2]
    return normal
