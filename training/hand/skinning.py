"""Hands in batches, differentiable: what turns rotations and shapes into vertices and joints.

`kinematics.py` does the same for one hand in numpy; a test holds the two equal.
Legend: n hands of a batch, B = 19 bones, V = 778 label vertices, J = 21 joints, S shape parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.contract import FINGERTIP_JOINTS
from training.hand.rig import (
    BONE_ORDER,
    BONE_PARENTS,
    HEAD_JOINTS,
    JOINT_BONES,
    LITTLE_METACARPAL,
    RING_METACARPAL,
)
from training.hand.shape import COMPONENTS, FINGER_BONES, SHAPE_SIZE
from training.hand.template import HandTemplate
from training.hand.topology import HandTopology


class HandGeometry(NamedTuple):
    """Posed hands, in the canonical frame unless the root rotation says otherwise."""

    vertices_m: Tensor
    """(n, V, 3)."""
    joints_m: Tensor
    """(n, J, 3): kinematic joints; the tips are the fingertip vertices."""


class HandModel(Protocol):
    """A hand that can be posed: our template, or an adapter of a licensed MANO."""

    @property
    def topology(self) -> HandTopology:
        """The mesh that `vertices_m` is on."""

    @property
    def bone_count(self) -> int:
        """Number of rotations that a pose has; the first turns the whole hand."""

    @property
    def shape_size(self) -> int:
        """Number of shape parameters."""

    def __call__(self, rotations: Tensor, shape: Tensor) -> HandGeometry:
        """Return posed hands.

        Args:
            rotations: (n, bones, 3, 3): rotation of each bone from rest, in canonical axes.
            shape: (n, S): shape parameters.
        """


class TemplateHand(nn.Module):
    """Linear blend skinning of the template: shape (`ShapeParameters.vector`), then pose.

    Only the control vertices that label vertices depend on are moved.
    """

    def __init__(self, template: HandTemplate) -> None:
        super().__init__()
        self._topology = template.topology
        count = len(template.control_vertices_m)
        label_matrix = template.loop_matrix[template.label_vertices].toarray()
        needed = np.flatnonzero(label_matrix.any(axis=0))
        basis = template.shape_basis_m
        self._constant("label_matrix", label_matrix[:, needed])  # (V, c)
        self._constant("control_m", template.control_vertices_m[needed])  # (c, 3)
        self._constant("control_basis_m", basis[:count][needed])  # (c, 3, 10)
        self._constant("joints_m", template.joints_m)  # (J, 3)
        self._constant("joint_basis_m", basis[count:-1])  # (J, 3, 10)
        self._constant("weights", template.skin_weights[needed])  # (c, B)

    @property
    def topology(self) -> HandTopology:
        """The template's mesh."""
        return self._topology

    @property
    def bone_count(self) -> int:
        """The 19 bones of `rig.BONE_NAMES`."""
        return len(BONE_PARENTS)

    @property
    def shape_size(self) -> int:
        """The 42 parameters of `ShapeParameters`."""
        return SHAPE_SIZE

    def forward(self, rotations: Tensor, shape: Tensor) -> HandGeometry:
        """Return posed hands; see `HandModel`."""
        betas, scale, lengths, thickness, palm_width = torch.split(
            shape, [COMPONENTS, 1, FINGER_BONES, FINGER_BONES, 1], dim=1
        )
        control = self.control_m + torch.einsum("cds,ns->ncd", self.control_basis_m, betas)  # (n, c, 3)
        joints = self.joints_m + torch.einsum("jds,ns->njd", self.joint_basis_m, betas)  # (n, J, 3)
        stretch, shaped = _stretch(joints, lengths, thickness, palm_width)  # (n, B, 3, 3), (n, J, 3)
        heads = list(HEAD_JOINTS)
        shifts = shaped[:, heads] - transformed(stretch, joints[:, heads])  # (n, B, 3)
        control = blended(self.weights, control, stretch, shifts) * scale[:, :, None]
        shaped = shaped * scale[:, :, None]
        turned, shifted = forward_kinematics(
            rotations, shaped[:, heads], parents=BONE_PARENTS, order=BONE_ORDER
        )  # (n, B, 3, 3), (n, B, 3)
        vertices = self.label_matrix @ blended(self.weights, control, turned, shifted)  # (n, V, 3)
        carriers = list(JOINT_BONES)
        posed = transformed(turned[:, carriers], shaped) + shifted[:, carriers]  # (n, J, 3)
        tips = torch.tensor(FINGERTIP_JOINTS, device=posed.device)
        posed = posed.index_copy(1, tips, vertices[:, self._topology.fingertip_vertices.tolist()])
        return HandGeometry(vertices_m=vertices, joints_m=posed)

    def _constant(self, name: str, values: NDArray[np.float64]) -> None:
        self.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)

    label_matrix: Tensor
    control_m: Tensor
    control_basis_m: Tensor
    joints_m: Tensor
    joint_basis_m: Tensor
    weights: Tensor


def transformed(maps: Tensor, points: Tensor) -> Tensor:
    """Return each map times its point, (..., 3)."""
    return (maps @ points[..., None])[..., 0]


def blended(weights: Tensor, points: Tensor, maps: Tensor, shifts: Tensor) -> Tensor:
    """Return linear blend skinning of points, (n, c, 3): sum of weights times (map @ point + shift).

    Args:
        weights: (c, B): share of each bone in each point.
        points: (n, c, 3).
        maps: (n, B, 3, 3): linear map of each bone.
        shifts: (n, B, 3): what each bone adds after its map.
    """
    blended_maps = torch.einsum("cb,nbij->ncij", weights, maps)  # (n, c, 3, 3)
    return transformed(blended_maps, points) + torch.einsum("cb,nbi->nci", weights, shifts)


def _stretch(joints: Tensor, lengths: Tensor, thickness: Tensor, palm_width: Tensor) -> tuple[Tensor, Tensor]:
    """Return the linear map of each bone, (n, B, 3, 3), and the joints that follow, (n, J, 3)."""
    chains = joints[:, 1:].reshape(-1, 5, 4, 3)  # (n, 5, 4, 3)
    bones = chains.diff(dim=2).flatten(1, 2)  # (n, 15, 3)
    along = bones / bones.norm(dim=2, keepdim=True)
    projectors = along[..., :, None] * along[..., None, :]  # (n, 15, 3, 3)
    identity = torch.eye(3, dtype=joints.dtype, device=joints.device)
    of_fingers = thickness[..., None, None] * (identity - projectors) + lengths[..., None, None] * projectors
    widen = torch.cat([torch.ones_like(palm_width).expand(-1, 2), palm_width], dim=1)  # (n, 3)
    palm, still = torch.diag_embed(widen), identity.expand(len(joints), 3, 3)
    after_fingers = [palm if bone in (RING_METACARPAL, LITTLE_METACARPAL) else still for bone in (16, 17, 18)]
    maps = torch.cat([palm[:, None], of_fingers, torch.stack(after_fingers, dim=1)], dim=1)
    steps = (bones * lengths[..., None]).reshape(-1, 5, 3, 3)
    roots = chains[:, :, :1] * widen[:, None, None]
    shaped = torch.cat([roots, roots + steps.cumsum(dim=2)], dim=2)
    return maps, torch.cat([joints[:, :1], shaped.flatten(1, 2)], dim=1)


def forward_kinematics(
    rotations: Tensor, heads_m: Tensor, *, parents: Sequence[int], order: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Return rotation and translation of every bone from its rest place, (n, B, 3, 3) and (n, B, 3).

    Args:
        rotations: (n, B, 3, 3): rotation of each bone about its head, in the axes of its parent at rest.
        heads_m: (n, B, 3): where the bones begin at rest.
        parents: Parent of each bone.
        order: The bones, the root first and every parent before its children.
    """
    own_shifts = heads_m - transformed(rotations, heads_m)  # each bone turns about its head
    turned = list(rotations.unbind(dim=1))
    shifted = list(own_shifts.unbind(dim=1))
    for bone in order[1:]:
        parent = parents[bone]
        shifted[bone] = transformed(turned[parent], own_shifts[:, bone]) + shifted[parent]
        turned[bone] = turned[parent] @ rotations[:, bone]
    return torch.stack(turned, dim=1), torch.stack(shifted, dim=1)
