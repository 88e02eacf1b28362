"""One step of Loop subdivision as a sparse matrix (Loop 1987; boundary rules of Hoppe et al. 1994)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array


class Subdivision(NamedTuple):
    """A subdivided mesh in terms of its control mesh."""

    matrix: csr_array
    """(n + edges, n) float64: first the moved control vertices, then one vertex for each edge."""
    faces: NDArray[np.int64]
    """(4 F, 3)."""


def loop_subdivision(vertex_count: int, faces: NDArray[np.int64]) -> Subdivision:
    """Return one step of Loop subdivision of a manifold triangle mesh with boundary.

    The neighbour weight of an inner vertex is Warren's: 3/16 for three neighbours, else 3 / (8 n).
    """
    corners = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    opposite = np.concatenate([faces[:, 2], faces[:, 0], faces[:, 1]])
    edges, edge_of_corner, uses = np.unique(
        np.sort(corners, axis=1), axis=0, return_inverse=True, return_counts=True
    )
    edge_of_corner = edge_of_corner.reshape(-1)
    edge_id = np.arange(len(edges))
    on_boundary = uses == 1

    start, end = edges[:, 0], edges[:, 1]
    end_weight = np.where(on_boundary, 1 / 2, 3 / 8)
    inner_corner = ~on_boundary[edge_of_corner]
    edge_rows = vertex_count + np.concatenate([edge_id, edge_id, edge_of_corner[inner_corner]])
    edge_columns = np.concatenate([start, end, opposite[inner_corner]])
    edge_weights = np.concatenate([end_weight, end_weight, np.full(int(inner_corner.sum()), 1 / 8)])

    vertex_on_boundary = np.zeros(vertex_count, bool)
    vertex_on_boundary[edges[on_boundary]] = True
    valence = np.bincount(edges.ravel(), minlength=vertex_count)
    neighbour_weight = np.where(valence == 3, 3 / 16, 3 / (8 * np.maximum(valence, 1)))
    own_weight = np.where(vertex_on_boundary, 3 / 4, 1 - valence * neighbour_weight)
    rows, columns = np.concatenate([start, end]), np.concatenate([end, start])
    weights = np.where(vertex_on_boundary[rows], 1 / 8, neighbour_weight[rows])
    # A boundary vertex listens to its two boundary neighbours alone.
    heard = ~vertex_on_boundary[rows] | np.tile(on_boundary, 2)

    all_vertices = np.arange(vertex_count)
    matrix = coo_array(
        (
            np.concatenate([own_weight, weights[heard], edge_weights]),
            (
                np.concatenate([all_vertices, rows[heard], edge_rows]),
                np.concatenate([all_vertices, columns[heard], edge_columns]),
            ),
        ),
        shape=(vertex_count + len(edges), vertex_count),
    ).tocsr()
    first, second, third = (vertex_count + part for part in np.split(edge_of_corner, 3))
    a, b, c = faces.T
    fine_faces = np.stack(
        [
            np.stack([a, first, third], axis=1),
            np.stack([b, second, first], axis=1),
            np.stack([c, third, second], axis=1),
            np.stack([first, second, third], axis=1),
        ],
        axis=1,
    )
    return Subdivision(matrix=matrix, faces=fine_faces.reshape(-1, 3))
