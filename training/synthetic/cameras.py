"""Cameras round a hand: all directions, near and far, cropped to the hand as the network will see it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from training.synthetic.objects import random_rotation
from training.synthetic.scene import Camera
from training.synthetic.solids import Floats

NEAREST_M, FARTHEST_M = 0.3, 1.2
FOREARM_CONE_COS = 0.75
"""Cosine of the least angle between a camera and the forearm's axis: inside it the arm hides the hand."""
LOWEST_ELEVATION_SIN = 0.1
"""Cameras stand at least this high over a table."""


@dataclass(frozen=True, kw_only=True)
class CameraTargets:
    """What the cameras look at, all in the world."""

    joints_m: Floats
    """(21, 3): their box in the picture sets the crop."""
    forearm_direction: Floats
    """(3,) unit, from the hand to the elbow."""
    up: Floats
    """(3,) unit, away from the floor."""
    above_table: bool


def sample_cameras(
    rng: Generator, targets: CameraTargets, *, views: int, size_px: int, crop_scale: float
) -> list[Camera]:
    """Draw `views` cameras spread over the sphere, each cropped to the hand with some jitter.

    The picture's side is `crop_scale` times the longer side of the box round the joints, give or take 8 %,
    and the box is off its middle by up to 6 % of its own side. The hand lies within 15 degrees of the optical
    axis, so the principal point is seldom in the picture's middle.
    """
    distance_m = np.exp(rng.uniform(np.log(NEAREST_M), np.log(FARTHEST_M)))
    directions = sphere_points(views) @ random_rotation(rng).T
    return [
        _camera(
            rng,
            targets,
            direction=_allowed(direction, targets),
            distance_m=float(np.clip(distance_m * rng.uniform(0.85, 1.18), NEAREST_M, FARTHEST_M)),
            size_px=size_px,
            crop_scale=crop_scale,
        )
        for direction in directions
    ]


def sphere_points(count: int) -> Floats:
    """Return `count` unit vectors [count,3] spread evenly: a Fibonacci lattice."""
    step = np.arange(count) + 0.5
    polar = np.arccos(1 - 2 * step / count)
    azimuth = np.pi * (1 + 5**0.5) * step
    return np.stack([np.cos(azimuth) * np.sin(polar), np.sin(azimuth) * np.sin(polar), np.cos(polar)], axis=1)


def look_at(eye_m: Floats, target_m: Floats, up: Floats) -> tuple[Floats, Floats]:
    """Return camera-from-world (R [3,3], t_m [3]) of a camera whose axis goes through `target_m`."""
    forward = (target_m - eye_m) / np.linalg.norm(target_m - eye_m)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    R = np.stack([right, np.cross(forward, right), forward])  # noqa: N806
    return R, -R @ eye_m


def project(points_m: Floats, K: Floats, R: Floats, t_m: Floats) -> Floats:  # noqa: N803
    """Return pixels [N,2] of world points [N,3]."""
    image = (points_m @ R.T + t_m) @ K.T
    pixels: Floats = image[:, :2] / image[:, 2:]
    return pixels


def _allowed(direction: Floats, targets: CameraTargets) -> Floats:
    """Push a direction out of the forearm's cone and above the table."""
    along = float(direction @ targets.forearm_direction)
    if along > FOREARM_CONE_COS:
        across = direction - along * targets.forearm_direction
        across /= np.linalg.norm(across) + 1e-12
        sine = np.sqrt(1 - FOREARM_CONE_COS**2)
        direction = FOREARM_CONE_COS * targets.forearm_direction + sine * across
    elevation = float(direction @ targets.up)
    if targets.above_table and elevation < LOWEST_ELEVATION_SIN:
        # Mirrored at the table rather than pressed against it: grazing views would pile up.
        direction = direction + targets.up * (max(abs(elevation), LOWEST_ELEVATION_SIN) - elevation)
    unit: Floats = direction / np.linalg.norm(direction)
    return unit


def _camera(
    rng: Generator,
    targets: CameraTargets,
    *,
    direction: Floats,
    distance_m: float,
    size_px: int,
    crop_scale: float,
) -> Camera:
    middle = (targets.joints_m.min(axis=0) + targets.joints_m.max(axis=0)) / 2
    upright = rng.uniform() < 0.75
    roll_up = targets.up + 0.35 * rng.normal(size=3) if upright else rng.normal(size=3)
    aside = np.cross(direction, rng.normal(size=3))
    aside *= np.tan(np.radians(15) * np.sqrt(rng.uniform())) / np.linalg.norm(aside)
    eye_m = middle + distance_m * direction
    R, t_m = look_at(eye_m, middle + distance_m * aside, roll_up)  # noqa: N806
    flat = project(targets.joints_m, np.eye(3), R, t_m)
    low, high = flat.min(axis=0), flat.max(axis=0)
    side = float((high - low).max())
    centre = (low + high) / 2 + np.clip(rng.normal(size=2) * 0.03, -0.06, 0.06) * side
    focal_px = size_px / (side * crop_scale * rng.uniform(0.92, 1.08))
    K = np.array(  # noqa: N806
        [
            [focal_px, 0, size_px / 2 - focal_px * centre[0]],
            [0, focal_px, size_px / 2 - focal_px * centre[1]],
            [0, 0, 1],
        ]
    )
    return Camera(K=K, R=R, t_m=t_m, size_px=size_px)
