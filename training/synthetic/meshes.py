"""What several builders of meshes share: normals, and painted meshes out of bare triangles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from training.synthetic.scene import Mesh
from training.synthetic.solids import Floats, Ints


def vertex_normals(positions_m: Floats, faces: Ints) -> Floats:
    """Return unit normals [V,3]: the mean of the faces round a vertex, weighted by area."""
    corners = positions_m[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    rows = faces.ravel(order="F")
    columns = np.tile(np.arange(len(faces)), 3)
    incidence = csr_array((np.ones(rows.size), (rows, columns)), shape=(len(positions_m), len(faces)))
    sums = np.asarray(incidence @ across)
    normals: Floats = sums / (np.linalg.norm(sums, axis=1, keepdims=True) + 1e-20)
    return normals


def painted_mesh(
    positions_m: Floats,
    normals: Floats,
    rest_positions_m: Floats,
    *,
    material: int,
    faces: Ints | None = None,
    albedo: Floats | None = None,
    nail: Floats | None = None,
) -> Mesh:
    """Return a mesh of one material; without `faces` every three rows are a triangle."""
    if faces is None:
        faces = np.arange(len(positions_m), dtype=np.int64).reshape(-1, 3)
    face_material: NDArray[np.int64] = np.full(len(faces), material, np.int64)
    return Mesh(
        positions_m=positions_m,
        normals=normals,
        rest_positions_m=rest_positions_m,
        albedo=np.ones_like(positions_m) if albedo is None else albedo,
        nail=np.zeros(len(positions_m)) if nail is None else nail,
        faces=faces,
        face_material=face_material,
    )
