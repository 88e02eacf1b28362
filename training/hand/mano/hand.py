"""MANO in batches, differentiable: shape and pose blend shapes, then linear blend skinning.

Legend: n hands of a batch, B = 16 bones, V = 778 vertices, J = 21 joints.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.hand.hierarchy import build_levels
from training.hand.mano.layout import (
    BONE_COUNT,
    BONE_PARENTS,
    FINGERTIP_VERTICES,
    JOINT_ORDER,
    POSE_SIZE,
    SHAPE_SIZE,
    VERTEX_COUNT,
    Side,
)
from training.hand.mano.parameters import ManoParameters, read_parameters
from training.hand.mano.pose import rotation_matrices
from training.hand.skinning import HandGeometry, blended, forward_kinematics, transformed
from training.hand.topology import HandTopology


def load_mano(path: Path, *, side: Side) -> ManoHand:
    """Return the hand of a user's `MANO_RIGHT.pkl` or `MANO_LEFT.pkl`; see `read_parameters` for errors."""
    return ManoHand(read_parameters(path, side=side))


class ManoHand(nn.Module):
    """A MANO hand; implements `HandModel`.

    With the identity as the hand's own rotation it is in MANO's frame, which is our canonical one but for the
    origin: the hand is *not* centred, its wrist lies near (0.095, 0.006, 0.006) and moves with the shape
    (spec section 1). Any other rotation turns the hand about that wrist.
    """

    def __init__(self, parameters: ManoParameters) -> None:
        super().__init__()
        self._mano = parameters
        self._constant("template_m", parameters.template_m)  # (V, 3)
        self._constant("shape_basis_m", parameters.shape_basis_m)  # (V, 3, 10)
        self._constant("pose_basis_m", parameters.pose_basis_m)  # (V, 3, 135)
        self._constant("joint_regressor", parameters.joint_regressor)  # (B, V)
        self._constant("weights", parameters.weights)  # (V, B)
        self._constant("mean_articulation", parameters.mean_articulation)  # (45,)
        self._constant("components", parameters.components)  # (45, 45)

    @property
    def side(self) -> Side:
        """Which hand it is."""
        return self._mano.side

    @property
    def faces(self) -> NDArray[np.int64]:
        """(F, 3): as in `topology`, without its hierarchy."""
        return self._mano.faces

    @functools.cached_property
    def topology(self) -> HandTopology:
        """MANO's mesh; its hierarchy takes seconds, and is computed when first asked for."""
        tips = np.array(FINGERTIP_VERTICES)
        rows = np.concatenate([self._mano.joint_regressor, np.eye(VERTEX_COUNT)[tips]])
        return HandTopology(
            faces=self.faces,
            joint_regressor=rows[list(JOINT_ORDER)].astype(np.float32),
            fingertip_vertices=tips,
            levels=build_levels(self._mano.template_m, self.faces, pinned=tips),
        )

    @property
    def bone_count(self) -> int:
        """The hand, then three bones each of index, middle, little, ring and thumb."""
        return BONE_COUNT

    @property
    def shape_size(self) -> int:
        """The 10 betas."""
        return SHAPE_SIZE

    def mirrored(self) -> ManoHand:
        """Return the mirror image at x = 0, a hand of the other side.

        Of a left hand it is the right hand that left labels mean: its principal components and its mean are
        mirrored as well, so that it takes PCA coefficients and betas of left labels as they stand, and
        axis-angle vectors after `mirrored_pose`. The file of the other side agrees with it only as far as the
        two files mirror each other.
        """
        return ManoHand(self._mano.mirrored()).to(self.template_m)

    def residual(self, coefficients: Tensor) -> Tensor:
        """Return axis-angle residuals, (n, 45), of the first k <= 45 principal components, (n, k)."""
        return coefficients @ self.components[: coefficients.shape[1]]

    def rotations(self, pose: Tensor, *, flat_hand_mean: bool = False) -> Tensor:
        """Return the rotation of each bone from the flat hand, (n, B, 3, 3): what `forward` takes.

        Args:
            pose: (n, 48): axis-angle in radians, global rotation first.
            flat_hand_mean: The 45 finger coordinates count from the flat hand, not from the file's mean pose.

        Raises:
            ValueError: The pose has another shape.
        """
        if pose.ndim != 2 or pose.shape[1] != POSE_SIZE:
            raise ValueError(f"pose must be (n, {POSE_SIZE}), got {tuple(pose.shape)}")
        turn, articulation = pose[:, :3], pose[:, 3:]
        if not flat_hand_mean:
            articulation = articulation + self.mean_articulation
        return rotation_matrices(torch.cat([turn, articulation], dim=1).reshape(-1, BONE_COUNT, 3))

    def posed(
        self,
        pose: Tensor,
        shape: Tensor,
        *,
        translation_m: Tensor | None = None,
        flat_hand_mean: bool = False,
    ) -> HandGeometry:
        """Return hands as a data set's labels describe them, in the frame that these are given in.

        Args:
            pose: (n, 48): see `rotations`. After `canonical_pose` the hand is in MANO's own frame.
            shape: (n, 10): betas.
            translation_m: (n, 3): added to every point, after the rotation about the wrist.
            flat_hand_mean: See `rotations`.

        Raises:
            ValueError: The pose has another shape.
        """
        geometry = self.forward(self.rotations(pose, flat_hand_mean=flat_hand_mean), shape)
        if translation_m is None:
            return geometry
        return HandGeometry(*(points_m + translation_m[:, None] for points_m in geometry))

    def forward(self, rotations: Tensor, shape: Tensor) -> HandGeometry:
        """Return posed hands; see `HandModel`."""
        shaped = self.template_m + torch.einsum("vds,ns->nvd", self.shape_basis_m, shape)  # (n, V, 3)
        heads = self.joint_regressor @ shaped  # (n, B, 3)
        identity = torch.eye(3, dtype=rotations.dtype, device=rotations.device)
        bends = (rotations[:, 1:] - identity).flatten(1)  # (n, 135)
        bent = shaped + torch.einsum("vdp,np->nvd", self.pose_basis_m, bends)  # (n, V, 3)
        turned, shifted = forward_kinematics(
            rotations, heads, parents=BONE_PARENTS, order=range(BONE_COUNT)
        )  # (n, B, 3, 3), (n, B, 3)
        vertices = blended(self.weights, bent, turned, shifted)  # (n, V, 3)
        points = torch.cat(
            [transformed(turned, heads) + shifted, vertices[:, list(FINGERTIP_VERTICES)]], dim=1
        )  # (n, J, 3)
        return HandGeometry(vertices_m=vertices, joints_m=points[:, list(JOINT_ORDER)])

    def _constant(self, name: str, values: NDArray[np.float64]) -> None:
        self.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)

    template_m: Tensor
    shape_basis_m: Tensor
    pose_basis_m: Tensor
    joint_regressor: Tensor
    weights: Tensor
    mean_articulation: Tensor
    components: Tensor
