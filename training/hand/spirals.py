"""Spiral neighbourhoods of a triangle mesh (SpiralNet++; rules of spec section 10).

Any consistent order trains equally well; this exact one reproduces the spirals that released weights expect.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SPIRAL_LENGTH = 9


def spiral_indices(
    vertex_count: int, faces: NDArray[np.int64], *, length: int = SPIRAL_LENGTH
) -> NDArray[np.int64]:
    """Return the spiral of every vertex, (n, length); each starts with the vertex itself.

    Raises:
        ValueError: A vertex cannot reach `length` vertices, or the mesh is not manifold around it.
    """
    rings = _one_rings(vertex_count, faces)
    return np.array([_spiral(vertex, rings, length) for vertex in range(vertex_count)], dtype=np.int64)


def _one_rings(vertex_count: int, faces: NDArray[np.int64]) -> list[list[int]]:
    """Return each vertex's neighbours in clockwise order, that is against the winding of the faces."""
    step: list[dict[int, int]] = [{} for _ in range(vertex_count)]
    last: list[int] = [-1] * vertex_count
    for a, b, c in faces.tolist():
        for vertex, after, before in ((a, b, c), (b, c, a), (c, a, b)):
            step[vertex][before] = after
            last[vertex] = after
    return [_walk(vertex, step[vertex], last[vertex]) for vertex in range(vertex_count)]


def _walk(vertex: int, step: dict[int, int], last: int) -> list[int]:
    # A boundary vertex starts at the open end that no step arrives at; an inner one in its last face.
    open_ends = sorted(set(step) - set(step.values()))
    if last < 0 or len(open_ends) > 1:
        raise ValueError(f"the mesh is not manifold around vertex {vertex}")
    ring = [open_ends[0] if open_ends else last]
    while (after := step.get(ring[-1], ring[0])) != ring[0]:
        ring.append(after)
    return ring


def _spiral(vertex: int, rings: list[list[int]], length: int) -> list[int]:
    spiral, ring = [vertex], rings[vertex]
    while True:
        spiral += ring
        if len(spiral) >= length:
            return spiral[:length]
        ring = _next_ring(ring, spiral, rings)
        if not ring:
            raise ValueError(f"vertex {vertex} reaches {len(spiral)} vertices, {length} are wanted")


def _next_ring(ring: list[int], spiral: list[int], rings: list[list[int]]) -> list[int]:
    on_ring, seen, found = set(ring), set(spiral), list[int]()
    for vertex in ring:
        around = rings[vertex]
        members = (place for place, other in enumerate(around) if other in on_ring)
        start = next(members, len(around))
        for other in around[start + 1 :] + around[:start]:
            if other not in seen:
                seen.add(other)
                found.append(other)
    return found
