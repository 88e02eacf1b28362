"""From pose labels in MANO's form to meshes: what the readers of DexYCB and HanCo ask of a hand model.

A label is an axis-angle for each of MANO's 16 bones (the hand first, then index, middle, little, ring and
thumb, three each) and 10 shape parameters. The 45 numbers of the fingers are a *residual*: the model's mean
pose is added to them. Source: spec sections 1 and 7.1.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor

from training.data.recent import Recent
from training.data.sample import Float32
from training.hand.skinning import HandGeometry

GROUP_MEMORY = 4
"""Frames whose labels are remembered: the views of a group, read one after the other, share theirs."""


class LabelHand(Protocol):
    """A hand that takes labels in MANO's form: MANO itself, or a stand-in.

    The left hand is the right one mirrored across x, in its own canonical frame too.
    """

    @property
    def side(self) -> str:
        """`right` or `left`."""

    @property
    def faces(self) -> NDArray[np.int64]:
        """(F, 3): the mesh, for silhouettes; either winding."""

    def residual(self, coefficients: Tensor) -> Tensor:
        """Return residual axis-angles (n, 45) of principal-component coefficients (n, 45)."""

    def posed(self, pose: Tensor, shape: Tensor) -> HandGeometry:
        """Return posed hands.

        Args:
            pose: (n, 48): global axis-angle, which turns the hand about its wrist, and the residual of the
                fingers. The wrist may lie off the origin.
            shape: (n, 10): betas.
        """


class CanonicalHand(NamedTuple):
    """An articulated hand with its global rotation set to the identity."""

    vertices_m: Float32
    """(V, 3)."""
    joints_m: Float32
    """(J, 3)."""

    def in_camera(self, rotation: Float32, wrist_m: Float32) -> Float32:
        """Return the vertices (V, 3) turned about the wrist, which comes to lie at `wrist_m` (3,)."""
        return np.asarray((self.vertices_m - self.joints_m[0]) @ rotation.T + wrist_m, np.float32)


class LabelledHands:
    """Meshes of labels by one hand model; the last few are remembered."""

    def __init__(self, hand: LabelHand) -> None:
        self.faces = hand.faces
        self._hand = hand
        self._hands: Recent[bytes, CanonicalHand] = Recent(GROUP_MEMORY)

    def residual(self, coefficients: Float32) -> Float32:
        """Return the residual axis-angles (45,) of principal-component coefficients (45,)."""
        return np.asarray(self._hand.residual(torch.from_numpy(coefficients)[None])[0])

    def canonical(self, residual: Float32, betas: Float32) -> CanonicalHand:
        """Return the hand of a residual (45,) and betas (10,)."""
        key = residual.tobytes() + betas.tobytes()
        return self._hands.get(key, lambda: self._posed(residual, betas))

    def _posed(self, residual: Float32, betas: Float32) -> CanonicalHand:
        pose = torch.from_numpy(np.concatenate([np.zeros(3, np.float32), residual]))
        with torch.inference_mode():
            geometry = self._hand.posed(pose[None], torch.from_numpy(betas)[None])
        return CanonicalHand(geometry.vertices_m[0].numpy(), geometry.joints_m[0].numpy())


def rotation_matrices(axis_angles: NDArray[np.floating]) -> Float32:
    """Return the rotations (..., 3, 3) of axis-angles (..., 3)."""
    matrices = Rotation.from_rotvec(axis_angles.reshape(-1, 3).astype(np.float64)).as_matrix()
    return matrices.reshape(*axis_angles.shape, 3).astype(np.float32)
