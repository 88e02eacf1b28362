"""Poses as data sets write them: 48 axis-angle coordinates, the global rotation first.

The 45 of the fingers count from the mean pose of the file (`flat_hand_mean=False`, as in DexYCB and HanCo)
or from the flat hand. Left hands are mirrored at the plane x = 0 of the frame that they are given in, be it
MANO's own or a camera's (spec section 1).
"""

from __future__ import annotations

import torch
from torch import Tensor

_MIRRORED_POINT = (-1.0, 1.0, 1.0)
MIRRORED_AXIS_ANGLE = (1.0, -1.0, -1.0)
"""An axis turns with the mirror, and the sense of the turn flips."""


def rotation_matrices(axis_angles: Tensor) -> Tensor:
    """Return rotations, (..., 3, 3), from axis-angle vectors in radians, (..., 3); smooth at zero."""
    x, y, z = axis_angles.unbind(dim=-1)
    zero = torch.zeros_like(x)
    rows = [torch.stack(row, dim=-1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero))]
    rotations: Tensor = torch.linalg.matrix_exp(torch.stack(rows, dim=-2))
    return rotations


def canonical_pose(pose: Tensor) -> Tensor:
    """Return a pose, (n, 48), with its global rotation taken off: the fingers stay as they are."""
    return torch.cat([torch.zeros_like(pose[:, :3]), pose[:, 3:]], dim=1)


def mirrored_pose(pose: Tensor) -> Tensor:
    """Return axis-angle vectors, (n, 3 k), of the mirrored hand: each (x, y, z) becomes (x, -y, -z)."""
    mirror = pose.new_tensor(MIRRORED_AXIS_ANGLE)
    return pose * mirror.repeat(pose.shape[1] // 3)


def mirrored_points(points_m: Tensor) -> Tensor:
    """Return points or translations, (..., 3), of the mirrored hand: x becomes -x."""
    return points_m * points_m.new_tensor(_MIRRORED_POINT)
