"""A hand that moves before cameras, as labels in MANO's form say it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from scipy.spatial.transform import Rotation, Slerp

from training.hand.kinematics import shape_hand
from training.hand.pose import bone_rotations
from training.hand.sampling import sample_possible_pose
from training.hand.shape import mean_shape
from training.hand.template import load_template
from training.synthetic.fabricate.stand_in import (
    Float,
    StandInHand,
    mano_axis_angles,
    mirrored_axis_angles,
)

_TURN = 0.5
"""Standard deviation of a hand's turn from first to last frame, radians, about each axis."""
_STEP_M = 0.01
"""Of its way, along each axis."""


@dataclass(frozen=True, eq=False, kw_only=True)
class HandMotion:
    """F frames of one hand, in the world."""

    hand: StandInHand
    betas: Float
    """(10,)."""
    residuals: Float
    """(F, 45): axis-angles of the fingers, less the mean pose."""
    rotations: Float
    """(F, 3, 3): world-from-canonical."""
    translations_m: Float
    """(F, 3): added to what the hand model gives, after its rotation about the wrist."""

    def __len__(self) -> int:
        return len(self.residuals)

    def points_m(self, frame: int) -> tuple[Float, Float]:
        """Return vertices (V, 3) and joints (21, 3) of a frame in the world."""
        turn = Rotation.from_matrix(self.rotations[frame]).as_rotvec()
        pose = torch.from_numpy(np.concatenate([turn, self.residuals[frame]])).float()
        geometry = self.hand.posed(pose[None], torch.from_numpy(self.betas)[None].float())
        vertices_m, joints_m = (points_m[0].numpy() + self.translations_m[frame] for points_m in geometry)
        return vertices_m, joints_m

    def wrist_m(self, frame: int) -> Float:
        """Return where the hand model puts the wrist (3,) before it is moved."""
        return np.asarray(self.points_m(frame)[1][0] - self.translations_m[frame])


def sample_motion(rng: Generator, hand: StandInHand, betas: Float, *, frames: int) -> HandMotion:
    """Draw a hand that goes from one pose to another with its middle near the world's origin."""
    rest = shape_hand(load_template(), mean_shape())
    ends = []
    for _ in range(2):
        pose = sample_possible_pose(rng, rest)
        fingers = mano_axis_angles(bone_rotations(rest.hinges, pose))
        ends.append(mirrored_axis_angles(fingers) if hand.side == "left" else fingers)
    share = np.linspace(0.0, 1.0, frames) if frames > 1 else np.zeros(1)
    first = Rotation.random(rng=rng)
    turns = Rotation.concatenate([first, Rotation.from_rotvec(rng.normal(0, _TURN, 3)) * first])
    motion = HandMotion(
        hand=hand,
        betas=betas,
        residuals=ends[0] + share[:, None] * (ends[1] - ends[0]) - hand.hands_mean,
        rotations=Slerp([0.0, 1.0], turns)(share).as_matrix(),
        translations_m=np.zeros((frames, 3)),
    )
    middles_m = np.stack([motion.points_m(frame)[1].mean(axis=0) for frame in range(frames)])
    way_m = share[:, None] * rng.normal(0, _STEP_M, 3)
    return HandMotion(
        hand=hand, betas=betas, residuals=motion.residuals, rotations=motion.rotations,
        translations_m=way_m - middles_m,
    )  # fmt: skip
