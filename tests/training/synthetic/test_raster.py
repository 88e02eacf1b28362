"""The z-buffer covers what geometry says, at the depth that geometry says."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.training.synthetic.stage import camera, square
from training.synthetic.raster import NEAR_M, draw_depth, project, rasterise
from training.synthetic.scene import FloatArray

SIDE = 24
COORDINATE = st.floats(-8, SIDE + 8, width=32)
TRIANGLE = st.lists(st.tuples(COORDINATE, COORDINATE), min_size=3, max_size=3)


def drawn(
    points: FloatArray, faces: list[list[int]], *, both_sides: bool = True
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    nearness = np.zeros((SIDE, SIDE), np.float32)
    index = np.full((SIDE, SIDE), -1, np.int32)
    rasterise(np.asarray(points, np.float32), np.asarray(faces, np.int32), nearness, index, both_sides)
    return nearness, index


def edge_distances(corners: FloatArray) -> FloatArray:
    """Signed distance of every sample's centre to each edge, positive inside."""
    row, column = np.mgrid[:SIDE, :SIDE] + 0.5
    a, b = corners, np.roll(corners, -1, axis=0)
    along = b - a
    area = np.cross(np.append(corners[1] - corners[0], 0), np.append(corners[2] - corners[0], 0))[2]
    across = [
        (dx * (row - y) - dy * (column - x)) / max(np.hypot(dx, dy), 1e-9)
        for (x, y), (dx, dy) in zip(a, along, strict=True)
    ]
    return np.asarray(np.stack(across) * np.sign(area))


@settings(max_examples=150, deadline=None)
@given(TRIANGLE)
def test_a_triangle_covers_exactly_the_samples_whose_centres_lie_in_it(
    corners: list[tuple[float, float]],
) -> None:
    outline = np.array(corners)
    area = np.cross(np.append(outline[1] - outline[0], 0), np.append(outline[2] - outline[0], 0))[2]
    if abs(area) < 1e-3:
        return
    _, index = drawn(np.column_stack([outline, np.ones(3)]), [[0, 1, 2]])
    inside = edge_distances(outline).min(axis=0)
    decided = np.abs(inside) > 1e-3
    np.testing.assert_array_equal((index == 0)[decided], (inside > 0)[decided])


def test_two_halves_of_a_square_leave_no_gap() -> None:
    corners = np.array([[2.3, 3.1, 1], [20.7, 4.2, 1], [19.4, 21.3, 1], [3.9, 18.8, 1]])
    _, index = drawn(corners, [[0, 1, 2], [0, 2, 3]])
    whole = np.minimum(edge_distances(corners[:3, :2]).min(0), np.inf)
    other = edge_distances(corners[[0, 2, 3], :2]).min(0)
    np.testing.assert_array_equal(index >= 0, np.maximum(whole, other) >= 0)


def test_depth_is_that_of_the_plane() -> None:
    corners_m = np.array([[-0.2, -0.15, 0.1], [-0.1, 0.3, -0.1], [0.25, 0.05, 0.2]])
    view = camera(distance_m=0.6)
    faces = np.array([[0, 1, 2]], np.int32)
    _, inverse_depth, index = draw_depth(view, corners_m, faces, supersampling=2)
    rows, columns = np.nonzero(index == 0)
    assert len(rows) > 500
    rays = np.stack([(columns + 0.5) / 2, (rows + 0.5) / 2, np.ones(len(rows))]).T @ np.linalg.inv(view.K).T
    seen = corners_m + view.t_m
    normal = np.cross(seen[1] - seen[0], seen[2] - seen[0])
    np.testing.assert_allclose(
        1 / inverse_depth[rows, columns], (seen[0] @ normal) / (rays @ normal), rtol=1e-5
    )


def test_the_nearer_triangle_wins_whatever_the_order() -> None:
    near, far = [[2, 2, 2.0], [20, 3, 2.0], [4, 20, 2.0]], [[0, 0, 1.0], [23, 0, 1.0], [0, 23, 1.0]]
    points = np.array(near + far)
    nearness, index = drawn(points, [[0, 1, 2], [3, 4, 5]])
    swapped_nearness, swapped_index = drawn(points, [[3, 4, 5], [0, 1, 2]])
    np.testing.assert_array_equal(nearness, swapped_nearness)
    np.testing.assert_array_equal(index == 0, swapped_index == 1)
    assert (index == 0).sum() > 100
    assert (nearness[index == 0] == 2).all()


def test_only_the_front_of_a_face_is_seen() -> None:
    front = square(half_m=0.1, z_m=0.0)
    view = camera()
    _, _, seen = draw_depth(view, front.positions_m, front.faces.astype(np.int32), supersampling=1)
    _, _, hidden = draw_depth(view, front.positions_m, front.faces[:, ::-1].astype(np.int32), supersampling=1)
    assert (seen >= 0).sum() > 1000
    assert (hidden < 0).all()


def test_what_comes_too_close_is_left_out() -> None:
    view = camera(distance_m=0.0)
    points = project(np.array([[0, 0, NEAR_M / 2], [0, 0, -1.0], [0, 0, 1.0]]), view.K, view.R, view.t_m, 1.0)
    np.testing.assert_allclose(points, [[0, 0, 0], [0, 0, 0], [32, 32, 1]])
    _, index = drawn(np.array([[2, 2, 1.0], [20, 3, 1.0], [4, 20, 0.0]]), [[0, 1, 2]])
    assert (index < 0).all()
