"""Our hand behind MANO's labels: 16 bones in MANO's order, a mean pose, principal components, 10 betas.

MANO's files are licensed, so nothing here comes from them: the mean pose and the components are drawn from a
fixed seed. What a reader could get wrong is there: the mean is not zero, the components are not the identity,
the wrist lies off the origin, and the left hand is the right one mirrored across x.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor

from training.hand.rig import BONE_COUNT
from training.hand.shape import COMPONENTS, mean_shape
from training.hand.skinning import HandGeometry, TemplateHand
from training.hand.template import load_template

Side = Literal["right", "left"]
Float = NDArray[np.float64]

POSE_SIZE = 48
FINGER_NUMBERS = 45

MANO_BONES: tuple[int, ...] = (0, 4, 5, 6, 7, 8, 9, 13, 14, 15, 10, 11, 12, 1, 2, 3)
"""The bone of `rig.BONE_NAMES` at each of MANO's places: hand, index, middle, little, ring, thumb."""

_WRIST_M = (0.095, 0.006, 0.006)
"""Where MANO's wrist lies, about."""
_SEED = 20210
_MIRRORED_AXIS_ANGLE = np.tile([1.0, -1.0, -1.0], FINGER_NUMBERS // 3)


class StandInHand:
    """A hand of one side that takes labels as MANO does."""

    def __init__(self, side: Side = "right") -> None:
        self.side: Side = side
        self._hand = TemplateHand(load_template())
        mean, components = _mean_and_components()
        if side == "left":
            mean, components = mean * _MIRRORED_AXIS_ANGLE, components * _MIRRORED_AXIS_ANGLE
        self.hands_mean = mean
        """(45,): mean pose of the fingers, axis-angle."""
        self.hands_components = components
        """(45, 45): residual = coefficients @ components."""

    @property
    def faces(self) -> NDArray[np.int64]:
        """(F, 3): of the right hand; a left one is wound the other way."""
        return self._hand.topology.faces

    def residual(self, coefficients: Tensor) -> Tensor:
        """Return residual axis-angles (n, 45) of principal-component coefficients (n, 45)."""
        return coefficients @ torch.from_numpy(self.hands_components).to(coefficients)

    def coefficients(self, residual: Float) -> Float:
        """Return the coefficients (..., 45) of residuals (..., 45)."""
        return np.asarray(residual @ np.linalg.pinv(self.hands_components))

    def posed(self, pose: Tensor, shape: Tensor) -> HandGeometry:
        """Return hands turned about their wrists.

        Args:
            pose: (n, 48): global axis-angle, then the residual of the fingers.
            shape: (n, 10): betas.
        """
        mirror = torch.tensor([-1.0, 1.0, 1.0]) if self.side == "left" else torch.ones(3)
        right = self._hand(_rotations(pose, self.hands_mean, mirror), _full_shape(shape))
        wrist_m = torch.tensor(_WRIST_M)
        return HandGeometry(*((points_m + wrist_m) * mirror for points_m in right))


def mano_axis_angles(rotations: Float) -> Float:
    """Return the axis-angles of the fingers (45,), in MANO's order, of our rotations (19, 3, 3)."""
    return Rotation.from_matrix(rotations[list(MANO_BONES[1:])]).as_rotvec().reshape(FINGER_NUMBERS)


def mirrored_axis_angles(axis_angles: Float) -> Float:
    """Return the axis-angles (..., 45) of the other hand."""
    return np.asarray(axis_angles * _MIRRORED_AXIS_ANGLE)


def _rotations(pose: Tensor, mean: Float, mirror: Tensor) -> Tensor:
    """Return the right hand's rotations (n, 19, 3, 3), for a left hand's pose those of its mirror image."""
    axis_angles = pose.numpy().astype(np.float64)
    axis_angles = axis_angles + np.concatenate([np.zeros(3), mean])
    of_bones = Rotation.from_rotvec(axis_angles.reshape(-1, 3)).as_matrix().reshape(len(pose), -1, 3, 3)
    rotations = torch.eye(3).expand(len(pose), BONE_COUNT, 3, 3).clone()
    rotations[:, list(MANO_BONES)] = torch.from_numpy(of_bones).float() * mirror[:, None] * mirror
    return rotations


def _full_shape(betas: Tensor) -> Tensor:
    """Return our shape parameters (n, 42) of betas (n, 10)."""
    rest = torch.from_numpy(mean_shape().vector()[COMPONENTS:]).float()
    return torch.cat([betas, rest.expand(len(betas), -1)], dim=1)


def _mean_and_components() -> tuple[Float, Float]:
    rng = np.random.default_rng(_SEED)
    turn, _ = np.linalg.qr(rng.normal(size=(FINGER_NUMBERS, FINGER_NUMBERS)))
    return rng.normal(0, 0.1, FINGER_NUMBERS), turn
