"""Plain pictures of a few meshes with a z-buffer, and which mesh each pixel shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from training.synthetic.cameras import look_at, sphere_points
from training.synthetic.objects import random_rotation
from training.synthetic.raster import project, rasterise
from training.synthetic.solids import Superquadric

Float = NDArray[np.float64]
Image = NDArray[np.uint8]

SKIN_COLOUR = (205, 155, 130)
_AMBIENT = 0.4
_SHARP = 0.1
"""Exponent of a superquadric that looks like a box."""


class Eye(NamedTuple):
    """A camera; `intrinsics` as data sets publish them, the first pixel's centre at 0."""

    intrinsics: Float
    """(3, 3)."""
    rotation: Float
    """(3, 3): camera-from-world."""
    translation_m: Float
    """(3,)."""
    width_px: int
    height_px: int

    def seen(self, points_m: Float) -> Float:
        """Return world points (..., 3) in the camera's frame."""
        return np.asarray(points_m @ self.rotation.T + self.translation_m)

    def pixels(self, points_m: Float) -> Float:
        """Return pixels (..., 2) of world points, the first pixel's centre at 0."""
        homogeneous = self.seen(points_m) @ self.intrinsics.T
        return np.asarray(homogeneous[..., :2] / homogeneous[..., 2:])


class Body(NamedTuple):
    """A mesh of one colour."""

    vertices_m: Float
    """(V, 3): world."""
    faces: NDArray[np.int64]
    """(F, 3): either winding."""
    colour: tuple[int, int, int]
    segment: int
    """What the pixels that show it are called, 1 to 255."""


class Picture(NamedTuple):
    """What a camera sees."""

    colour: Image
    """(H, W, 3) RGB."""
    segments: Image
    """(H, W): `Body.segment`, 0 where none is."""
    depth_m: NDArray[np.float32]
    """(H, W), 0 where no body is."""


class Pose(NamedTuple):
    """Where a thing stands in the world."""

    rotation: Float
    """(3, 3): world-from-thing."""
    centre_m: Float
    """(3,)."""


def draw(bodies: Sequence[Body], eye: Eye, background: Image) -> Picture:
    """Draw bodies before a background (H, W, 3); both sides of a face are seen."""
    counts = [len(body.vertices_m) for body in bodies]
    starts = np.cumsum([0, *counts[:-1]])
    vertices_m = np.concatenate([body.vertices_m for body in bodies])
    faces = np.concatenate([body.faces + start for body, start in zip(bodies, starts, strict=True)])
    owner = np.repeat(np.arange(len(bodies)), [len(body.faces) for body in bodies])
    # The rasteriser counts from the first pixel's corner.
    lens = eye.intrinsics + np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
    points = project(vertices_m, lens, eye.rotation, eye.translation_m, 1.0)
    nearness = np.zeros((eye.height_px, eye.width_px), np.float32)
    face_index = np.full(nearness.shape, -1, np.int32)
    rasterise(points, faces.astype(np.int32), nearness, face_index, True)
    shown = face_index >= 0
    seen = face_index[shown]
    colour, segments = background.copy(), np.zeros(nearness.shape, np.uint8)
    colours = np.array([body.colour for body in bodies])[owner] * _shades(eye.seen(vertices_m), faces)
    colour[shown] = colours[seen]
    segments[shown] = np.array([body.segment for body in bodies], np.uint8)[owner[seen]]
    depth_m = np.divide(1.0, nearness, out=np.zeros_like(nearness), where=shown)
    return Picture(colour, segments, depth_m)


def cameras_round(rng: Generator, count: int, *, distance_m: float) -> list[tuple[Float, Float]]:
    """Return rotation and translation, camera-from-world, of cameras that look at the origin."""
    turn = random_rotation(rng)
    return [
        look_at(distance_m * direction, np.zeros(3), rng.normal(size=3))
        for direction in sphere_points(count) @ turn.T
    ]


def sample_box(rng: Generator, *, near_m: float) -> tuple[Superquadric, Pose]:
    """Draw a box `near_m` off the origin."""
    box = Superquadric(half_extents_m=tuple(rng.uniform(0.015, 0.04, 3)), exponents=(_SHARP, _SHARP))
    away = rng.normal(size=3)
    centre_m = near_m * away / np.linalg.norm(away)
    return box, Pose(Rotation.random(rng=rng).as_matrix(), centre_m)


def box_body(box: Superquadric, pose: Pose, *, segment: int) -> Body:
    """Return a box where it stands."""
    surface = box.surface()
    vertices_m = surface.positions_m @ pose.rotation.T + pose.centre_m
    return Body(vertices_m, surface.faces, (70, 90, 160), segment)


def backdrop(rng: Generator, *, width_px: int, height_px: int, tint: tuple[int, int, int]) -> Image:
    """Paint soft spots round a tint."""
    spots = rng.integers(-60, 60, (5, 7, 3)) + np.array(tint)
    soft = cv2.resize(spots.astype(np.float32), (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(soft, 0, 255), np.uint8)


def _shades(vertices_m: Float, faces: NDArray[np.int64]) -> Float:
    """Return how bright each face is (F, 1), lit from the camera."""
    corners = vertices_m[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    facing = np.abs(normals[:, 2:]) / (np.linalg.norm(normals, axis=1, keepdims=True) + 1e-20)
    return np.asarray(_AMBIENT + (1.0 - _AMBIENT) * facing)
