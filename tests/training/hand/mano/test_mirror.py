"""Laws of left hands: posed as they are labelled, and as the right hands that they mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tests.training.nearness import assert_near
from training.hand.mano import ManoHand
from training.hand.mano.layout import FINGERTIP_VERTICES
from training.hand.mano.parameters import read_parameters
from training.hand.mano.pose import canonical_pose, mirrored_points, mirrored_pose, rotation_matrices
from training.hand.normals import vertex_normals


def labels(count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return global rotations, PCA coefficients, betas and translations, as DexYCB's labels have them."""
    rng = np.random.default_rng(0)
    turn, coefficients, betas, translation = (
        torch.tensor(rng.normal(scale=0.5, size=(count, size))) for size in (3, 45, 10, 3)
    )
    return turn, coefficients, betas, translation


def test_a_mirrored_left_label_is_the_mirrored_left_hand(left_hand: ManoHand) -> None:
    turn, coefficients, betas, translation = labels(4)
    pose = torch.cat([turn, left_hand.residual(coefficients)], dim=1)
    left = left_hand.posed(pose, betas, translation_m=translation)
    right = left_hand.mirrored().posed(mirrored_pose(pose), betas, translation_m=mirrored_points(translation))
    for of_right, of_left in zip(right, left, strict=True):
        assert_near(of_right, mirrored_points(of_left))


def test_the_same_holds_from_the_flat_hand_and_for_the_canonical_pose(left_hand: ManoHand) -> None:
    turn, coefficients, betas, _ = labels(2)
    pose = canonical_pose(torch.cat([turn, coefficients], dim=1))
    left = left_hand.posed(pose, betas, flat_hand_mean=True)
    right = left_hand.mirrored().posed(mirrored_pose(pose), betas, flat_hand_mean=True)
    assert_near(right.vertices_m, mirrored_points(left.vertices_m))


def test_a_mirrored_hand_takes_the_coefficients_of_left_labels(left_hand: ManoHand) -> None:
    _, coefficients, _, _ = labels(4)
    assert_near(left_hand.mirrored().residual(coefficients), mirrored_pose(left_hand.residual(coefficients)))


def test_mirrored_axis_angles_are_mirrored_rotations() -> None:
    vectors, points = labels(6)[0], labels(6)[3]
    turned = (rotation_matrices(vectors) @ points[:, :, None])[:, :, 0]
    mirrored = (rotation_matrices(mirrored_pose(vectors)) @ mirrored_points(points)[:, :, None])[:, :, 0]
    assert_near(mirrored, mirrored_points(turned))


def test_mirroring_twice_gives_the_hand_back(hand: ManoHand) -> None:
    turn, coefficients, betas, _ = labels(2)
    pose = torch.cat([turn, coefficients], dim=1)
    again = hand.mirrored().mirrored()
    assert_near(again.posed(pose, betas).vertices_m, hand.posed(pose, betas).vertices_m)
    assert hand.mirrored().side == "left"
    assert again.side == "right"


def test_a_mirrored_hand_reaches_to_the_other_side_with_its_faces_outward(left_file: Path) -> None:
    right = read_parameters(left_file, side="left").mirrored()
    assert right.side == "right"
    vertices = right.template_m
    wrist = right.joint_regressor[0] @ vertices
    assert (vertices[list(FINGERTIP_VERTICES), 0] < wrist[0]).all()
    normals = vertex_normals(vertices, right.faces)
    back_of_hand = normals[vertices[:, 1] > np.quantile(vertices[:, 1], 0.95)]
    assert (back_of_hand[:, 1] > 0).mean() > 0.9


def test_a_mirrored_hand_keeps_its_precision(left_hand: ManoHand) -> None:
    assert left_hand.mirrored().template_m.dtype == torch.float64
