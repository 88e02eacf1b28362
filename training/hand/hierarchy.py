"""Mesh hierarchy of a hand: coarser levels that are vertex subsets, and the way back up (spec section 10)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.hand.decimation import Wish, decimate
from training.hand.spirals import spiral_indices
from training.hand.topology import MeshLevel

Float = NDArray[np.float64]
Index = NDArray[np.int64]

CM_PER_M = 100.0

COARSER_SIZES: tuple[tuple[int, int], ...] = ((389, 12), (195, 10), (98, 8), (49, 6))
"""Vertices and boundary vertices of the levels under a mesh of 778: each has half of the one above."""


class UpMatrix(NamedTuple):
    """Fine vertices as points of coarse triangles."""

    indices: Index
    """(n_fine, 3): coarse vertices."""
    weights: Float
    """(n_fine, 3): not negative, rows sum to 1."""


def build_levels(
    vertices_m: Float,
    faces: Index,
    *,
    pinned: Index,
    coarser_sizes: tuple[tuple[int, int], ...] = COARSER_SIZES,
) -> tuple[MeshLevel, ...]:
    """Return a mesh and its coarser levels, fine to coarse.

    Args:
        vertices_m: (V, 3): rest shape.
        faces: (F, 3): outward winding.
        pinned: Vertices that stay on every level, such as the finger tips.
        coarser_sizes: Vertices and boundary vertices of each coarser level.
    """
    count = len(vertices_m)
    finest = MeshLevel(
        faces=faces,
        kept=np.arange(count),
        up_indices=np.zeros((0, 3), dtype=np.int64),
        up_weights=np.zeros((0, 3), dtype=np.float32),
        spirals=spiral_indices(count, faces),
    )
    levels, fine = [finest], vertices_m
    for size, boundary_size in coarser_sizes:
        wish = Wish(vertices=size, boundary_vertices=boundary_size, pinned=tuple(pinned.tolist()))
        kept, coarse_faces = decimate(fine * CM_PER_M, levels[-1].faces, wish)
        coarse = fine[kept]
        up = barycentric_up(fine, coarse, coarse_faces)
        level = MeshLevel(
            faces=coarse_faces,
            kept=kept,
            up_indices=up.indices,
            up_weights=up.weights.astype(np.float32),
            spirals=spiral_indices(len(kept), coarse_faces),
        )
        levels.append(level)
        fine, pinned = coarse, np.searchsorted(kept, pinned)
    return tuple(levels)


def barycentric_up(fine_m: Float, coarse_m: Float, coarse_faces: Index) -> UpMatrix:
    """Return the nearest coarse surface point of every fine vertex, as weights of a triangle's corners."""
    corners = coarse_m[coarse_faces]
    faces, weights = [], []
    for point in fine_m:
        of_faces = _closest_weights(point, corners)
        nearest = np.einsum("fc,fcd->fd", of_faces, corners)
        face = int(np.argmin(((nearest - point) ** 2).sum(axis=1)))
        faces.append(face)
        weights.append(of_faces[face])
    return UpMatrix(indices=coarse_faces[faces], weights=np.array(weights))


def _closest_weights(point: Float, triangles: Float) -> Float:
    """Return barycentric weights, (F, 3), of each triangle's point that is closest to `point`."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    ab, ac, ap = b - a, c - a, point - a
    bb, bc, cc = (ab * ab).sum(1), (ab * ac).sum(1), (ac * ac).sum(1)
    pb, pc = (ap * ab).sum(1), (ap * ac).sum(1)
    area = bb * cc - bc * bc
    second, third = (cc * pb - bc * pc) / area, (bb * pc - bc * pb) / area
    inside = np.stack([1 - second - third, second, third], axis=1)
    candidates = [inside]
    for start, end in ((0, 1), (1, 2), (2, 0)):
        origin, edge = triangles[:, start], triangles[:, end] - triangles[:, start]
        share = np.clip(((point - origin) * edge).sum(1) / (edge * edge).sum(1), 0, 1)
        on_edge = np.zeros_like(inside)
        on_edge[:, start], on_edge[:, end] = 1 - share, share
        candidates.append(on_edge)
    weights = np.stack(candidates)  # (4, F, 3)
    distance = ((np.einsum("kfc,fcd->kfd", weights, triangles) - point) ** 2).sum(axis=2)
    distance[0] = np.where((inside >= 0).all(axis=1), distance[0], np.inf)
    return np.asarray(weights[np.argmin(distance, axis=0), np.arange(len(triangles))])
