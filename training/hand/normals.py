"""Vertex normals of a triangle mesh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def vertex_normals(vertices_m: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the area-weighted mean of the normals of each vertex's faces, (n, 3), unit length."""
    a, b, c = (vertices_m[faces[:, corner]] for corner in range(3))
    of_faces = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices_m)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], of_faces)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(normals / np.maximum(length, 1e-20))
