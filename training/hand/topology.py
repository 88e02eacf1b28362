"""What the networks need to know of a hand's mesh, whichever hand it is: ours or MANO's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class MeshLevel:
    """One level of the mesh hierarchy; its vertices are a subset of the finer level's.

    Level 0 is the mesh itself: it keeps every vertex, and its up-matrix has no rows.
    """

    faces: NDArray[np.int64]
    """(F, 3): outward winding."""
    kept: NDArray[np.int64]
    """(n,): indices of these vertices in the next finer level."""
    up_indices: NDArray[np.int64]
    """(n_fine, 3): the vertices of this level that carry each vertex of the next finer level."""
    up_weights: NDArray[np.float32]
    """(n_fine, 3): barycentric, not negative, rows sum to 1."""
    spirals: NDArray[np.int64]
    """(n, 9): spiral neighbourhood of each vertex, itself first (spec section 10)."""

    @property
    def vertex_count(self) -> int:
        """Number of vertices of this level."""
        return len(self.kept)


@dataclass(frozen=True, eq=False)
class HandTopology:
    """Faces, joint regressor and hierarchy of a hand's mesh."""

    faces: NDArray[np.int64]
    """(F, 3): outward winding; the wrist is open."""
    joint_regressor: NDArray[np.float32]
    """(21, V): joints = regressor @ vertices; rows sum to 1."""
    fingertip_vertices: NDArray[np.int64]
    """(5,): thumb to little; the regressor's tip rows are one-hot there."""
    levels: tuple[MeshLevel, ...]
    """Fine to coarse; `levels[0].faces` is `faces`."""

    @property
    def vertex_count(self) -> int:
        """Number of vertices of the finest level."""
        return self.levels[0].vertex_count
