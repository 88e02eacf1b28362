"""Laws of spirals, subdivision, decimation and up-sampling, on small meshes and on the template."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.hand.decimation import Wish, boundary_edges, decimate
from training.hand.hierarchy import barycentric_up, build_levels
from training.hand.spirals import SPIRAL_LENGTH, spiral_indices
from training.hand.subdivision import loop_subdivision
from training.hand.template import load_template
from training.hand.topology import MeshLevel

Float = NDArray[np.float64]
Index = NDArray[np.int64]


def grid(columns: int, rows: int) -> tuple[Float, Index]:
    """Return a flat triangulated grid, wound counter-clockwise about +z."""
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1).astype(np.float64)
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    lower = np.stack([corner, corner + 1, corner + columns + 1], axis=1)
    upper = np.stack([corner, corner + columns + 1, corner + columns], axis=1)
    return vertices, np.concatenate([lower, upper])


def up_matrix(level: MeshLevel) -> Float:
    """Return the up-matrix of a level, (n_fine, n)."""
    matrix = np.zeros((len(level.up_indices), level.vertex_count))
    rows = np.arange(len(matrix))[:, None]
    np.add.at(matrix, (rows, level.up_indices), level.up_weights)
    return matrix


def levels() -> tuple[MeshLevel, ...]:
    return load_template().topology.levels


@pytest.mark.parametrize("level", levels(), ids=lambda level: str(level.vertex_count))
def test_a_spiral_is_its_vertex_then_its_one_ring_without_repeats(level: MeshLevel) -> None:
    neighbours: list[set[int]] = [set() for _ in range(level.vertex_count)]
    for face in level.faces.tolist():
        for vertex in face:
            neighbours[vertex] |= set(face) - {vertex}
    assert level.spirals.shape == (level.vertex_count, SPIRAL_LENGTH)
    assert np.array_equal(level.spirals[:, 0], np.arange(level.vertex_count))
    for vertex, spiral in enumerate(level.spirals.tolist()):
        assert len(set(spiral)) == SPIRAL_LENGTH
        ring = spiral[1 : 1 + len(neighbours[vertex])]
        assert set(ring) <= neighbours[vertex]
        assert len(ring) == min(len(neighbours[vertex]), SPIRAL_LENGTH - 1)


@pytest.mark.parametrize("level", levels()[:4], ids=lambda level: str(level.vertex_count))
def test_neighbours_in_a_ring_follow_each_other_clockwise(level: MeshLevel) -> None:
    corners = {tuple(np.roll(face, -k)) for face in level.faces.tolist() for k in range(3)}
    on_boundary = set(boundary_edges(level.faces).ravel().tolist())
    for vertex in set(range(level.vertex_count)) - on_boundary:
        around = np.unique(level.faces[(level.faces == vertex).any(axis=1)])
        ring = level.spirals[vertex, 1 : len(around)].tolist()
        for here, after in itertools.pairwise(ring):
            assert (vertex, after, here) in corners


def test_spirals_of_a_grid_are_those_of_the_specification() -> None:
    # Worked by hand on a 4 x 4 grid: vertex 5 has the one-ring 0, 1, 6, 10, 9, 4 counter-clockwise, and the
    # last face that contains it is (5, 10, 9).
    _, faces = grid(4, 4)
    spiral = spiral_indices(16, faces, length=7)[5].tolist()
    assert spiral == [5, 10, 6, 1, 0, 4, 9]


def test_a_spiral_that_cannot_be_filled_is_refused() -> None:
    with pytest.raises(ValueError, match="9 are wanted"):
        spiral_indices(4, np.array([[0, 1, 2], [0, 2, 3]]))


def test_subdivision_keeps_affine_functions_inside_and_counts_right() -> None:
    vertices, faces = grid(6, 5)
    matrix, fine_faces = loop_subdivision(len(vertices), faces)
    edges = np.unique(np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0)
    assert matrix.shape == (len(vertices) + len(edges), len(vertices))
    assert len(fine_faces) == 4 * len(faces)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    fine = matrix @ vertices
    inner = 2 * 6 + 2
    np.testing.assert_allclose(fine[inner], vertices[inner])
    a, b, c = (fine[fine_faces[:, corner]] for corner in range(3))
    assert (np.cross(b - a, c - a)[:, 2] > 0).all()  # winding survives


@settings(max_examples=8, deadline=None)
@given(columns=st.integers(5, 9), rows=st.integers(5, 9))
def test_decimation_keeps_a_disc_a_disc(columns: int, rows: int) -> None:
    vertices, faces = grid(columns, rows)
    bumpy = vertices + np.sin(vertices[:, [1, 0, 0]]) * [0, 0, 0.3]
    target = len(vertices) // 2
    kept, coarse = decimate(bumpy, faces, Wish(vertices=target, boundary_vertices=8, pinned=(0,)))
    edges = np.unique(np.sort(coarse[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0)
    assert len(kept) - len(edges) + len(coarse) == 1
    assert 0 in kept
    assert len(kept) >= target
    assert np.array_equal(np.unique(coarse), np.arange(len(kept)))


def test_decimation_gives_the_committed_levels_again() -> None:
    template = load_template()
    rest = (template.rendered_matrix @ template.control_vertices_m)[template.label_vertices]
    built = build_levels(rest, template.topology.faces, pinned=template.fingertip_vertices)
    for ours, committed in zip(built, template.topology.levels, strict=True):
        assert np.array_equal(ours.kept, committed.kept)
        assert np.array_equal(ours.faces, committed.faces)
        # A point on an edge belongs to either triangle, so the matrices are compared, not their entries.
        np.testing.assert_allclose(up_matrix(ours), up_matrix(committed), atol=1e-5)


def test_up_matrix_of_points_on_the_surface_is_exact() -> None:
    vertices, faces = grid(4, 4)
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([1, 1, 1], size=len(faces))
    points = np.einsum("fk,fkd->fd", shares, vertices[faces])
    up = barycentric_up(points, vertices, faces)
    np.testing.assert_allclose(np.einsum("fk,fkd->fd", up.weights, vertices[up.indices]), points, atol=1e-12)


def test_up_matrix_of_points_off_the_surface_is_the_nearest_point() -> None:
    vertices, faces = grid(3, 3)
    up = barycentric_up(np.array([[-1.0, -2.0, 0.5], [0.25, 0.5, 3.0]]), vertices, faces)
    nearest = np.einsum("fk,fkd->fd", up.weights, vertices[up.indices])
    np.testing.assert_allclose(nearest, np.array([[0, 0, 0], [0.25, 0.5, 0]]), atol=1e-12)
    assert up.weights.min() >= 0
