"""The committed hand template: loading and checking it.

The file is frozen: rendered data sets and trained weights speak of its vertex numbers. `build.py` makes it.
"""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from training.hand.spirals import spiral_indices
from training.hand.subdivision import loop_subdivision
from training.hand.topology import HandTopology, MeshLevel

TEMPLATE_PATH = Path(__file__).parent / "assets" / "hand_template.npz"
TEMPLATE_SHA256 = "e682fb2589fe103a551bcdab0d2153ce08f5c7d27d9bdfc78116dc62ac2774ad"
LEVEL_COUNT = 5

Float = NDArray[np.float64]
Index = NDArray[np.int64]


class SparseWeights(NamedTuple):
    """Skin weights without their zeros."""

    bones: Index
    """(N, most bones of a vertex)."""
    shares: Float
    """Same shape; padded with 0."""


@dataclass(frozen=True, eq=False)
class HandTemplate:
    """A right hand with forearm at rest, in the canonical frame, with what deforms it.

    Canonical frame: wrist joint at the origin, fingers to -x, thumb to +z, back of the hand to +y.
    N = 1782 control vertices; one Loop step smooths them before they are rendered or labelled.
    """

    control_vertices_m: Float
    """(N, 3): mean shape."""
    control_faces: Index
    """(3540, 3): outward winding; open behind the forearm."""
    loop_matrix: csr_array
    """(7103, N): one Loop step; its first N rows are the rendered vertices."""
    loop_faces: Index
    """(14160, 3): faces of the subdivided mesh."""
    joints_m: Float
    """(21, 3): joints of the mean shape."""
    elbow_m: Float
    """(3,)."""
    shape_basis_m: Float
    """(N + 21 + 1, 3, 10): how one sigma of each component moves vertices, joints and elbow."""
    skin_weights: Float
    """(N, 19): share of each bone of `rig.BONE_NAMES`; rows sum to 1."""
    nail: Float
    """(N,): 1 on finger nails, 0 on skin."""
    label_vertices: Index
    """(778,): the rendered vertices that carry labels."""
    topology: HandTopology
    """The mesh over the label vertices."""

    @property
    def fingertip_vertices(self) -> Index:
        """(5,): label vertices at the finger tips, thumb to little."""
        return self.topology.fingertip_vertices

    @property
    def joint_regressor(self) -> NDArray[np.float32]:
        """(21, 778): joints of a posed mesh from its label vertices."""
        return self.topology.joint_regressor

    @functools.cached_property
    def rendered_matrix(self) -> csr_array:
        """(N, N): rendered vertices from control vertices."""
        return self.loop_matrix[: len(self.control_vertices_m)]

    @functools.cached_property
    def fingertip_matrix(self) -> csr_array:
        """(5, N): fingertip vertices from control vertices."""
        return self.loop_matrix[self.label_vertices[self.fingertip_vertices]]

    @functools.cached_property
    def sparse_weights(self) -> SparseWeights:
        """Skin weights, heaviest bone first."""
        most = int((self.skin_weights > 0).sum(axis=1).max())
        bones = np.argsort(-self.skin_weights, axis=1, kind="stable")[:, :most]
        return SparseWeights(bones=bones, shares=np.take_along_axis(self.skin_weights, bones, axis=1))


@functools.cache
def load_template() -> HandTemplate:
    """Return the committed template.

    Raises:
        ValueError: The file is not the frozen one.
    """
    content = TEMPLATE_PATH.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != TEMPLATE_SHA256:
        raise ValueError(f"{TEMPLATE_PATH} has SHA-256 {digest}, the frozen template has {TEMPLATE_SHA256}")
    with np.load(io.BytesIO(content)) as arrays:
        return template_from_arrays(arrays)


def template_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> HandTemplate:
    """Return the template that the arrays of the npz file describe; what follows from them is computed."""
    control_vertices_m = arrays["control_vertices_m"].astype(np.float64)
    control_faces = arrays["control_faces"].astype(np.int64)
    subdivision = loop_subdivision(len(control_vertices_m), control_faces)
    weights = arrays["skin_weights"].astype(np.float64)
    levels = tuple(_level(arrays, number) for number in range(LEVEL_COUNT))
    return HandTemplate(
        control_vertices_m=control_vertices_m,
        control_faces=control_faces,
        loop_matrix=subdivision.matrix,
        loop_faces=subdivision.faces,
        joints_m=arrays["joints_m"].astype(np.float64),
        elbow_m=arrays["elbow_m"].astype(np.float64),
        shape_basis_m=arrays["shape_basis_m"].astype(np.float64),
        skin_weights=weights / weights.sum(axis=1, keepdims=True),
        nail=arrays["nail"].astype(np.float64),
        label_vertices=arrays["label_vertices"].astype(np.int64),
        topology=HandTopology(
            faces=levels[0].faces,
            joint_regressor=arrays["joint_regressor"].astype(np.float32),
            fingertip_vertices=arrays["fingertip_vertices"].astype(np.int64),
            levels=levels,
        ),
    )


def _level(arrays: Mapping[str, NDArray[Any]], number: int) -> MeshLevel:
    faces = arrays[f"level{number}_faces"].astype(np.int64)
    kept = arrays[f"level{number}_kept"].astype(np.int64)
    return MeshLevel(
        faces=faces,
        kept=kept,
        up_indices=arrays[f"level{number}_up_indices"].astype(np.int64),
        up_weights=arrays[f"level{number}_up_weights"].astype(np.float32),
        spirals=spiral_indices(len(kept), faces),
    )
