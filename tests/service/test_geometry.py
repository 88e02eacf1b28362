"""Mirroring, and the camera translation solved from joints, their places and the intrinsics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from service.crop import Square
from service.engines.protocol import EngineHand
from service.geometry import Intrinsics, gltf_axes, joints_in_picture, mirror, solve_translation
from tests.service.hands import template_hand
from training.synthetic.actor import sample_actor
from training.synthetic.cameras import CameraTargets, sample_cameras

CAMERA = Intrinsics(fx_px=900.0, fy_px=880.0, cx_px=330.0, cy_px=235.0)
METRE_IN_MM = 1e3


def engine_hand(seed: int = 0) -> EngineHand:
    hand = template_hand(seed=seed)
    joints_uv = np.random.default_rng(seed).uniform(0, 1, (21, 2)).astype(np.float32)
    return EngineHand(hand.vertices_m, hand.joints_m, hand.rotation, joints_uv, "1")


def project(points_m: NDArray[np.float64], camera: Intrinsics) -> NDArray[np.float64]:
    x, y, z = points_m.T
    return np.column_stack((camera.fx_px * x / z + camera.cx_px, camera.fy_px * y / z + camera.cy_px))


def test_mirrored_twice_is_the_same() -> None:
    hand = engine_hand()
    again = mirror(mirror(hand))
    for before, after in zip(hand[:3], again[:3], strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_allclose(again.joints_uv, hand.joints_uv, atol=1e-7)


def test_the_mirrored_rotation_takes_the_mirrored_canonical_hand_to_the_mirrored_hand() -> None:
    hand = engine_hand()
    canonical_m = hand.vertices_m @ hand.rotation
    left = mirror(hand)
    assert np.linalg.det(left.rotation) == pytest.approx(1)
    flip = np.array([-1, 1, 1], np.float32)
    np.testing.assert_allclose((canonical_m * flip) @ left.rotation.T, left.vertices_m, atol=1e-6)


def test_joints_are_put_where_the_crop_lies() -> None:
    corners_uv = np.array([[0, 0], [1, 1], [0.5, 0.25]], np.float32)
    placed = joints_in_picture(corners_uv, Square(-10, 20, 200))
    np.testing.assert_allclose(placed, [[-10, 20], [190, 220], [90, 70]])


def test_gltf_axes_are_half_a_turn_about_x() -> None:
    turned = gltf_axes(np.eye(3, dtype=np.float32))
    np.testing.assert_allclose(turned, Rotation.from_euler("x", 180, degrees=True).as_matrix(), atol=1e-7)


@given(x_m=st.floats(-0.3, 0.3), y_m=st.floats(-0.2, 0.2), z_m=st.floats(0.25, 3.0), seed=st.integers(0, 50))
def test_translation_is_exact_where_the_joints_are(x_m: float, y_m: float, z_m: float, seed: int) -> None:
    joints_m = template_hand(seed=seed).joints_m.astype(np.float64)
    truth_m = np.array([x_m, y_m, z_m])
    solved_m = solve_translation(joints_m, project(joints_m + truth_m, CAMERA), CAMERA)
    assert solved_m is not None
    assert np.linalg.norm(solved_m - truth_m) * METRE_IN_MM < 1e-3


@pytest.mark.parametrize("seed", range(5))
def test_translation_is_exact_on_rendered_truth(seed: int) -> None:
    """Poses, shapes and cameras as the training set is rendered with, in single precision as on the wire."""
    rng = np.random.default_rng(seed)
    actor = sample_actor(rng)
    targets = CameraTargets(
        joints_m=actor.posed.joints_m,
        forearm_direction=actor.posed.elbow_m / np.linalg.norm(actor.posed.elbow_m),
        up=np.array([0.0, 1.0, 0.0]),
        above_table=False,
    )
    for camera in sample_cameras(rng, targets, views=8, size_px=160, crop_scale=2.0):
        in_camera_m = actor.posed.joints_m @ camera.R.T + camera.t_m
        intrinsics = Intrinsics(camera.K[0, 0], camera.K[1, 1], camera.K[0, 2], camera.K[1, 2])
        solved_m = solve_translation(
            (in_camera_m - in_camera_m[0]).astype(np.float32),
            project(in_camera_m, intrinsics).astype(np.float32),
            intrinsics,
        )
        assert solved_m is not None
        assert np.linalg.norm(solved_m - in_camera_m[0]) * METRE_IN_MM < 0.05


def test_translation_stays_close_where_the_joints_are_off() -> None:
    """Joints off by 4 mm and 2 px, as a network's are: half a metre away it is depth that suffers."""
    rng = np.random.default_rng(0)
    truth_m = np.array([0.05, -0.03, 0.5])
    errors_mm = []
    for seed in range(200):
        joints_m = template_hand(seed=seed).joints_m.astype(np.float64)
        joints_px = project(joints_m + truth_m, CAMERA) + rng.normal(0, 2, (21, 2))
        solved_m = solve_translation(joints_m + rng.normal(0, 0.004, (21, 3)), joints_px, CAMERA)
        assert solved_m is not None
        errors_mm.append(np.abs(solved_m - truth_m) * METRE_IN_MM)
    across_mm, depth_mm = np.mean(errors_mm, axis=0)[:2].max(), np.mean(errors_mm, axis=0)[2]
    assert across_mm < 2
    assert depth_mm < 12


def test_translation_is_unknown_where_the_joints_say_nothing() -> None:
    joints_m = template_hand().joints_m
    behind = project(joints_m.astype(np.float64) - np.array([0, 0, 0.5]), CAMERA)
    assert solve_translation(joints_m, behind, CAMERA) is None
    one_point = np.full((21, 2), 100.0)
    assert solve_translation(np.zeros((21, 3)), one_point, CAMERA) is None
