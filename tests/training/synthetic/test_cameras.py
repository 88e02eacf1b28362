"""Cameras: where they stand and how they crop."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.synthetic.conftest import in_pixels
from training.hand.template import load_template
from training.synthetic.cameras import (
    FARTHEST_M,
    FOREARM_CONE_COS,
    NEAREST_M,
    CameraTargets,
    look_at,
    sample_cameras,
    sphere_points,
)

ELBOW = np.array([1.0, 0.0, 0.0])
UP = np.array([0.0, 0.6, 0.8])


def _targets(*, above_table: bool) -> CameraTargets:
    return CameraTargets(
        joints_m=load_template().joints_m, forearm_direction=ELBOW, up=UP, above_table=above_table
    )


def test_points_on_the_sphere_are_even() -> None:
    points = sphere_points(64)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1)
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=0.02)
    gaps = np.linalg.norm(points[:, None] - points, axis=-1) + 10 * np.eye(64)
    assert gaps.min() > 0.2


def test_a_camera_looks_at_its_target_upright() -> None:
    eye, target = np.array([0.3, -0.2, 0.5]), np.array([0.0, 0.1, 0.0])
    R, t_m = look_at(eye, target, UP)  # noqa: N806
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1)
    ahead = np.array([0.0, 0.0, 1.0]) * np.linalg.norm(target - eye)
    np.testing.assert_allclose(R @ target + t_m, ahead, atol=1e-12)
    assert (R @ UP)[1] < 0, "up in the world is up in the picture, where y points down"


@pytest.mark.parametrize("above_table", [False, True])
def test_cameras_stand_where_they_see_the_hand(above_table: bool) -> None:
    targets = _targets(above_table=above_table)
    middle = (targets.joints_m.min(axis=0) + targets.joints_m.max(axis=0)) / 2
    for seed in range(30):
        rng = np.random.default_rng(seed)
        for camera in sample_cameras(rng, targets, views=4, size_px=100, crop_scale=2.0):
            eye = -camera.R.T @ camera.t_m - middle
            distance = np.linalg.norm(eye)
            assert NEAREST_M - 1e-9 <= distance <= FARTHEST_M + 1e-9
            if above_table:
                assert eye @ UP > 0
            else:
                assert eye @ ELBOW <= (FOREARM_CONE_COS + 1e-9) * distance
            pixels = in_pixels(targets.joints_m, camera)
            side = (pixels.max(axis=0) - pixels.min(axis=0)).max()
            assert 100 / 2.0 / 1.081 < side < 100 / 2.0 / 0.919
            centre = (pixels.max(axis=0) + pixels.min(axis=0)) / 2
            assert np.abs(centre - 50).max() <= 0.061 * side
