"""The stand-in takes labels as MANO does, on both sides."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from training.hand.kinematics import pose_hand, shape_hand
from training.hand.pose import PoseAngles, bone_rotations
from training.hand.shape import mean_shape
from training.hand.template import load_template
from training.synthetic.fabricate.stand_in import (
    StandInHand,
    mano_axis_angles,
    mirrored_axis_angles,
)

MIRROR = np.array([-1.0, 1.0, 1.0])
Hands = dict[str, StandInHand]


def posed(hand: StandInHand, pose: np.ndarray, betas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    geometry = hand.posed(torch.from_numpy(pose)[None].float(), torch.from_numpy(betas)[None].float())
    return geometry.vertices_m[0].numpy(), geometry.joints_m[0].numpy()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_first_rotation_turns_the_hand_about_its_wrist(
    stand_ins: Hands, rng: np.random.Generator, side: str
) -> None:
    residual, betas, turn = 0.2 * rng.normal(size=45), rng.normal(size=10), rng.normal(size=3)
    hand = stand_ins[side]
    still = posed(hand, np.concatenate([np.zeros(3), residual]), betas)
    turned = posed(hand, np.concatenate([turn, residual]), betas)
    wrist_m = still[1][0]
    assert np.linalg.norm(wrist_m) > 0.05
    for before, after in zip(still, turned, strict=True):
        expected = Rotation.from_rotvec(turn).apply(before - wrist_m) + wrist_m
        assert after == pytest.approx(expected, abs=1e-6)


def test_the_left_hand_mirrors_the_right(stand_ins: Hands, rng: np.random.Generator) -> None:
    coefficients, betas = 0.3 * rng.normal(size=45), rng.normal(size=10)
    turn = rng.normal(size=3)
    right, left = (
        hand.residual(torch.from_numpy(coefficients)[None])[0].numpy() for hand in stand_ins.values()
    )
    assert left == pytest.approx(mirrored_axis_angles(right))
    one = posed(stand_ins["right"], np.concatenate([turn, right]), betas)
    other = posed(stand_ins["left"], np.concatenate([turn * (1, -1, -1), left]), betas)
    for points, mirrored in zip(one, other, strict=True):
        assert mirrored == pytest.approx(points * MIRROR, abs=1e-6)


@pytest.mark.parametrize("side", ["right", "left"])
def test_coefficients_are_the_way_back(stand_ins: Hands, rng: np.random.Generator, side: str) -> None:
    hand, residual = stand_ins[side], rng.normal(size=(2, 45))
    back = hand.residual(torch.from_numpy(hand.coefficients(residual)))
    assert back.numpy() == pytest.approx(residual)
    assert np.abs(hand.coefficients(residual) - residual).max() > 0.1
    assert np.linalg.norm(hand.hands_mean) > 0.1


def test_it_is_our_hand_with_a_stiff_palm(stand_ins: Hands, rng: np.random.Generator) -> None:
    template = load_template()
    rest = shape_hand(template, mean_shape())
    straight = PoseAngles(
        fingers_deg=rng.uniform(0, 60, (4, 5)), thumb_deg=rng.uniform(0, 20, 6),
        palm_deg=np.zeros(2), wrist_deg=np.zeros(3),
    )  # fmt: skip
    rotations = bone_rotations(rest.hinges, straight)
    hand = stand_ins["right"]
    pose = np.concatenate([np.zeros(3), mano_axis_angles(rotations) - hand.hands_mean])
    # The two bones that arch the palm turn not at all at 0 degrees.
    expected = pose_hand(template, rest, rotations)
    vertices_m, joints_m = posed(hand, pose, np.zeros(10))
    assert vertices_m - joints_m[0] == pytest.approx(expected.vertices_m, abs=1e-5)
    assert joints_m - joints_m[0] == pytest.approx(expected.joints_m, abs=1e-5)
