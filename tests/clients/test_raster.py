"""Laws of the z-buffer and of the camera that puts a mesh on the photo."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from sima_hand_client.camera import PinholeCamera, fit_weak_perspective
from sima_hand_client.raster import lambert, rasterise, vertex_normals
from sima_hand_client.types import FloatArray, IndexArray, Intrinsics

TRIANGLE = np.array([[0, 1, 2]])
coordinates = st.floats(-10.0, 50.0, width=32)


def triangle(*corners: tuple[float, float, float]) -> FloatArray:
    return np.array(corners, dtype=np.float32)


def drawn(points_px: FloatArray, faces: IndexArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    picture, covered = rasterise(points_px, faces, values, width_px=40, height_px=40)
    return picture, covered.astype(np.float32)


def test_a_triangle_covers_its_area() -> None:
    _, covered = drawn(triangle((2, 3, 0), (37, 5, 0), (20, 36, 0)), TRIANGLE, np.ones(3, np.float32))
    area = 0.5 * abs((37 - 2) * (36 - 3) - (20 - 2) * (5 - 3))
    assert covered.sum() == pytest.approx(area, rel=0.03)


@given(st.lists(st.tuples(coordinates, coordinates, st.floats(0.0, 1.0, width=32)), min_size=3, max_size=3))
def test_winding_and_order_do_not_matter(corners: list[tuple[float, float, float]]) -> None:
    points, values = triangle(*corners), np.array([0.2, 0.5, 0.9], np.float32)
    forwards, covered = drawn(points, TRIANGLE, values)
    backwards, also_covered = drawn(points, TRIANGLE[:, ::-1], values)
    # Pixels whose centre lies on an edge may fall to either side.
    assert np.abs(covered - also_covered).sum() <= 40
    both = (covered * also_covered).astype(bool)
    np.testing.assert_allclose(forwards[both], backwards[both], atol=1e-2)


def test_values_are_interpolated_linearly() -> None:
    points = triangle((0, 0, 0), (40, 0, 0), (0, 40, 0))
    picture, covered = drawn(points, TRIANGLE, np.array([0.0, 1.0, 0.0], np.float32))
    columns = np.broadcast_to((np.arange(40) + 0.5) / 40, (40, 40))
    inside = covered.astype(bool)
    np.testing.assert_allclose(picture[inside], columns[inside], atol=1e-5)


def test_the_nearer_face_hides_the_farther_whatever_the_order() -> None:
    far = triangle((0, 0, 2), (40, 0, 2), (0, 40, 2))
    near = triangle((0, 0, 1), (20, 0, 1), (0, 20, 1))
    points = np.concatenate([far, near])
    values = np.array([0.2, 0.2, 0.2, 0.9, 0.9, 0.9], np.float32)
    faces = np.array([[0, 1, 2], [3, 4, 5]])
    for order in (faces, faces[::-1]):
        picture, _ = drawn(points, order, values)
        assert picture[2, 2] == pytest.approx(0.9)
        assert picture[2, 30] == pytest.approx(0.2)


def test_a_mesh_beside_the_picture_leaves_it_empty() -> None:
    _, covered = drawn(triangle((50, 50, 0), (90, 50, 0), (50, 90, 0)), TRIANGLE, np.ones(3, np.float32))
    assert covered.sum() == 0


def test_normals_of_a_sphere_point_away_from_its_middle() -> None:
    sphere = trimesh.creation.icosphere(subdivisions=3)
    vertices = np.asarray(sphere.vertices, np.float32)
    normals = vertex_normals(vertices, np.asarray(sphere.faces))
    assert (normals * vertices).sum(axis=-1).min() > 0.999
    turned = vertex_normals(vertices, np.asarray(sphere.faces)[:, ::-1])
    np.testing.assert_allclose(turned, -normals, atol=1e-6)


def test_what_faces_the_viewer_is_brighter_than_what_faces_away() -> None:
    towards, away = lambert(np.array([[0, 0, -1], [0, 0, 1]], np.float32))
    assert 1.0 >= towards > away > 0.0


@given(st.floats(10.0, 1e4), st.floats(-500.0, 500.0), st.floats(-500.0, 500.0), st.integers(0, 100))
def test_the_fitted_camera_is_the_one_that_took_the_picture(
    scale: float, x_px: float, y_px: float, seed: int
) -> None:
    joints_m = np.random.default_rng(seed).normal(0.0, 0.05, (21, 3)).astype(np.float32)
    joints_px = (scale * joints_m[:, :2] + [x_px, y_px]).astype(np.float32)
    camera = fit_weak_perspective(joints_m, joints_px)
    assert camera.scale_px_per_m == pytest.approx(scale, rel=1e-2)
    np.testing.assert_allclose(camera.project(joints_m)[:, :2], joints_px, atol=0.1)


def test_joints_that_imply_no_camera_are_refused() -> None:
    joints_m = np.random.default_rng(0).normal(0.0, 0.05, (21, 3)).astype(np.float32)
    with pytest.raises(ValueError, match="no camera fits"):
        fit_weak_perspective(joints_m, -1000 * joints_m[:, :2])
    with pytest.raises(ValueError, match="no camera fits"):
        fit_weak_perspective(np.zeros((21, 3), np.float32), joints_m[:, :2])


def test_a_far_pinhole_camera_sees_what_weak_perspective_sees() -> None:
    joints_m = np.random.default_rng(0).normal(0.0, 0.05, (21, 3)).astype(np.float32)
    distance_m = 100.0
    pinhole = PinholeCamera(
        intrinsics=Intrinsics(1e5, 1e5, 320, 240), translation_m=np.array([0, 0, distance_m], np.float32)
    )
    seen = pinhole.project(joints_m)
    weak = fit_weak_perspective(joints_m, seen[:, :2])
    assert weak.scale_px_per_m == pytest.approx(1e5 / distance_m, rel=1e-2)
    np.testing.assert_allclose(weak.project(joints_m)[:, :2], seen[:, :2], atol=0.5)
    assert (np.argsort(seen[:, 2]) == np.argsort(weak.project(joints_m)[:, 2])).all()
