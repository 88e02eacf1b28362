"""Shapes of hands: what may vary, and how much of it does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COMPONENTS = 10
FINGER_BONES = 15
SHAPE_SIZE = COMPONENTS + 1 + FINGER_BONES + FINGER_BONES + 1

MAX_BETA = 2.2
"""Components are cut here, in sigmas: beyond it the linear basis folds fingers."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ShapeParameters:
    """Shape of one hand: principal components of MakeHuman's people, and explicit factors on top of them."""

    betas: NDArray[np.float64]
    """(10,): in sigmas."""
    scale: float
    """Of the whole hand and forearm."""
    bone_lengths: NDArray[np.float64]
    """(15,): factor along each finger bone."""
    bone_thickness: NDArray[np.float64]
    """(15,): factor across each finger bone."""
    palm_width: float
    """Factor along the line of the knuckles."""

    def vector(self) -> NDArray[np.float64]:
        """Return the parameters as one row, (42,), in the order of the fields."""
        scale, palm_width = np.array([self.scale]), np.array([self.palm_width])
        return np.concatenate([self.betas, scale, self.bone_lengths, self.bone_thickness, palm_width])


def mean_shape() -> ShapeParameters:
    """Return the template's own shape."""
    return ShapeParameters(
        betas=np.zeros(COMPONENTS),
        scale=1.0,
        bone_lengths=np.ones(FINGER_BONES),
        bone_thickness=np.ones(FINGER_BONES),
        palm_width=1.0,
    )


def sample_shape(rng: np.random.Generator) -> ShapeParameters:
    """Return a random hand; along the bones, wrist to middle tip is 182 mm give or take 14 (one sigma)."""
    thickness = rng.normal(0, 0.05) + rng.normal(0, 0.025, FINGER_BONES)
    return ShapeParameters(
        betas=np.clip(rng.normal(size=COMPONENTS), -MAX_BETA, MAX_BETA) * 0.9,
        scale=float(np.clip(rng.normal(0.97, 0.06), 0.8, 1.15)),
        bone_lengths=np.exp(rng.normal(0, 0.05, FINGER_BONES)),
        bone_thickness=np.exp(thickness),
        palm_width=float(np.exp(rng.normal(0, 0.035))),
    )
