"""Laws of shaping and posing, in numpy and in torch."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from training.contract import BONES, FINGERTIP_JOINTS
from training.hand.kinematics import PosedHand, RestHand, pose_hand, pose_joints, shape_hand
from training.hand.mirror import mirrored_faces, mirrored_points, mirrored_rotations
from training.hand.normals import vertex_normals
from training.hand.pose import bone_rotations
from training.hand.rig import BONE_COUNT, BONE_PARENTS, FOREARM
from training.hand.sampling import sample_pose, sample_possible_pose
from training.hand.shape import SHAPE_SIZE, ShapeParameters, mean_shape, sample_shape
from training.hand.skinning import HandModel, TemplateHand
from training.hand.template import load_template

Float = NDArray[np.float64]
TEMPLATE = load_template()
IDENTITY = np.tile(np.eye(3), (BONE_COUNT, 1, 1))


@dataclasses.dataclass(frozen=True)
class Sample:
    """A random hand."""

    shape: ShapeParameters
    rest: RestHand
    rotations: Float
    posed: PosedHand


def samples(count: int, seed: int = 0) -> list[Sample]:
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(count):
        shape = sample_shape(rng)
        rest = shape_hand(TEMPLATE, shape)
        rotations = bone_rotations(rest.hinges, sample_possible_pose(rng, rest))
        drawn.append(Sample(shape, rest, rotations, pose_hand(TEMPLATE, rest, rotations)))
    return drawn


def batch(hands: list[Sample]) -> tuple[torch.Tensor, torch.Tensor]:
    rotations = torch.tensor(np.stack([hand.rotations for hand in hands]), dtype=torch.float32)
    shapes = torch.tensor(np.stack([hand.shape.vector() for hand in hands]), dtype=torch.float32)
    return rotations, shapes


@pytest.fixture(scope="module")
def model() -> TemplateHand:
    return TemplateHand(TEMPLATE)


def test_the_mean_shape_unposed_is_the_template() -> None:
    rest = shape_hand(TEMPLATE, mean_shape())
    posed = pose_hand(TEMPLATE, rest, IDENTITY)
    np.testing.assert_allclose(posed.control_vertices_m, TEMPLATE.control_vertices_m, atol=1e-12)
    np.testing.assert_allclose(posed.joints_m, TEMPLATE.joints_m, atol=1e-7)
    np.testing.assert_allclose(posed.elbow_m, TEMPLATE.elbow_m, atol=1e-12)


def test_any_shape_unposed_is_its_rest() -> None:
    for hand in samples(5):
        posed = pose_hand(TEMPLATE, hand.rest, IDENTITY)
        np.testing.assert_allclose(posed.control_vertices_m, hand.rest.control_vertices_m, atol=1e-12)
        np.testing.assert_allclose(posed.joints_m, hand.rest.joints_m, atol=1e-12)


def test_turning_the_root_turns_everything() -> None:
    turn = Rotation.from_rotvec([0.4, -1.0, 2.0]).as_matrix()
    for hand in samples(5):
        turned = hand.rotations.copy()
        turned[0] = turn @ turned[0]
        after = pose_hand(TEMPLATE, hand.rest, turned)
        np.testing.assert_allclose(after.vertices_m, hand.posed.vertices_m @ turn.T, atol=1e-12)
        np.testing.assert_allclose(after.joints_m, hand.posed.joints_m @ turn.T, atol=1e-12)
        np.testing.assert_allclose(after.elbow_m, turn @ hand.posed.elbow_m, atol=1e-12)


def test_posing_keeps_bone_lengths() -> None:
    for hand in samples(20):
        for parent, child in BONES:
            if child in FINGERTIP_JOINTS:
                continue  # a tip is a vertex of the skin, and skin gives way a little
            before = np.linalg.norm(hand.rest.joints_m[child] - hand.rest.joints_m[parent])
            after = np.linalg.norm(hand.posed.joints_m[child] - hand.posed.joints_m[parent])
            # The palm arch bends at the wrist, so the chords to the outer knuckles keep their length too.
            assert after == pytest.approx(before, abs=1e-9)


def test_tips_are_fingertip_vertices_and_ride_on_their_bones() -> None:
    for hand in samples(5):
        tips = list(FINGERTIP_JOINTS)
        np.testing.assert_array_equal(
            hand.posed.joints_m[tips], hand.posed.vertices_m[TEMPLATE.fingertip_vertices]
        )
        np.testing.assert_allclose(pose_joints(hand.rest, hand.rotations), hand.posed.joints_m, atol=1e-3)


def test_label_vertices_lie_among_the_rendered() -> None:
    (hand,) = samples(1)
    np.testing.assert_array_equal(
        hand.posed.vertices_m, hand.posed.rendered_vertices_m[TEMPLATE.label_vertices]
    )


def test_a_pose_of_the_forearm_leaves_the_fingers_alone() -> None:
    rest = shape_hand(TEMPLATE, mean_shape())
    bent = IDENTITY.copy()
    bent[FOREARM] = Rotation.from_rotvec([0, 0, 0.6]).as_matrix()
    posed = pose_hand(TEMPLATE, rest, bent)
    np.testing.assert_allclose(posed.joints_m, rest.joints_m, atol=1e-7)
    assert np.linalg.norm(posed.elbow_m - rest.elbow_m) > 0.05


def test_scale_scales_and_betas_are_linear() -> None:
    shape = mean_shape()
    plain = shape_hand(TEMPLATE, shape)
    larger = shape_hand(TEMPLATE, dataclasses.replace(shape, scale=1.1))
    np.testing.assert_allclose(larger.control_vertices_m, plain.control_vertices_m * 1.1, atol=1e-12)
    betas = np.random.default_rng(0).normal(size=10)
    once, twice = (
        shape_hand(TEMPLATE, dataclasses.replace(shape, betas=factor * betas)).control_vertices_m
        for factor in (1, 2)
    )
    np.testing.assert_allclose(
        twice - plain.control_vertices_m, 2 * (once - plain.control_vertices_m), atol=1e-12
    )


def test_bone_lengths_lengthen_their_bone_alone() -> None:
    lengths = np.ones(15)
    lengths[4] = 1.2  # intermediate phalanx of the index finger
    plain = shape_hand(TEMPLATE, mean_shape()).joints_m
    longer = shape_hand(TEMPLATE, dataclasses.replace(mean_shape(), bone_lengths=lengths)).joints_m
    before = np.linalg.norm(np.diff(plain[5:8], axis=0), axis=1)
    after = np.linalg.norm(np.diff(longer[5:8], axis=0), axis=1)
    np.testing.assert_allclose(after / before, [1, 1.2], atol=1e-9)
    np.testing.assert_allclose(longer[9:], plain[9:], atol=1e-9)


def test_hands_have_the_sizes_of_adults() -> None:
    joints = np.stack([hand.rest.joints_m for hand in samples(200)])
    length_m = np.linalg.norm(np.diff(joints[:, [0, 9, 10, 11, 12]], axis=1), axis=2).sum(axis=1)
    assert 0.175 < length_m.mean() < 0.195
    assert length_m.min() > 0.14
    assert length_m.max() < 0.235


def test_torch_equals_numpy(model: TemplateHand) -> None:
    hands = samples(12)
    geometry = model(*batch(hands))
    vertices = np.stack([hand.posed.vertices_m for hand in hands])
    joints = np.stack([hand.posed.joints_m for hand in hands])
    np.testing.assert_allclose(geometry.vertices_m.numpy(), vertices, atol=2e-6)
    np.testing.assert_allclose(geometry.joints_m.numpy(), joints, atol=2e-6)


def test_batched_equals_single(model: TemplateHand) -> None:
    rotations, shapes = batch(samples(4))
    together = model(rotations, shapes).vertices_m
    alone = torch.cat([model(rotations[i : i + 1], shapes[i : i + 1]).vertices_m for i in range(4)])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)


def test_the_template_is_a_hand_model(model: TemplateHand) -> None:
    hand: HandModel = model
    assert hand.bone_count == BONE_COUNT == len(BONE_PARENTS)
    assert hand.shape_size == SHAPE_SIZE == len(mean_shape().vector())
    assert hand.topology.vertex_count == 778


def test_gradients_are_finite_and_reach_every_input(model: TemplateHand) -> None:
    rotations, shapes = (tensor.requires_grad_() for tensor in batch(samples(3)))
    geometry = model(rotations, shapes)
    (geometry.vertices_m.square().sum() + geometry.joints_m.square().sum()).backward()
    for tensor in (rotations, shapes):
        assert tensor.grad is not None
        assert torch.isfinite(tensor.grad).all()
        assert (tensor.grad != 0).flatten(1).any(dim=1).all()


def test_gradient_of_scale_is_the_hand_itself(model: TemplateHand) -> None:
    rotations, shapes = batch(samples(1))
    shapes.requires_grad_()
    vertices = model(rotations, shapes).vertices_m
    (slope,) = torch.autograd.grad((vertices.square().sum() / 2), shapes)
    scale = shapes[0, 10].detach()
    torch.testing.assert_close(slope[0, 10], vertices.detach().square().sum() / scale, rtol=1e-4, atol=0)


def test_the_regressor_finds_the_joints_of_posed_hands() -> None:
    hands = samples(100, seed=7)
    found = np.stack([TEMPLATE.joint_regressor @ hand.posed.vertices_m for hand in hands])
    error_m = np.linalg.norm(found - np.stack([hand.posed.joints_m for hand in hands]), axis=2)
    assert error_m.mean() < 0.6e-3
    assert error_m.mean(axis=0).max() < 1.2e-3
    assert error_m[:, list(FINGERTIP_JOINTS)].max() < 1e-6


def test_mirroring_twice_is_the_identity_and_once_keeps_faces_outward() -> None:
    (hand,) = samples(1)
    points, faces = hand.posed.rendered_vertices_m, TEMPLATE.control_faces
    np.testing.assert_array_equal(mirrored_points(mirrored_points(points)), points)
    np.testing.assert_array_equal(mirrored_faces(mirrored_faces(faces)), faces)
    np.testing.assert_array_equal(mirrored_rotations(mirrored_rotations(hand.rotations)), hand.rotations)
    normals = vertex_normals(points, faces)
    of_left = vertex_normals(mirrored_points(points), mirrored_faces(faces))
    np.testing.assert_allclose(of_left, mirrored_points(normals), atol=1e-12)


def test_mirrored_rotations_move_mirrored_points() -> None:
    (hand,) = samples(1)
    turn, point = hand.rotations[5], np.array([0.1, 0.2, 0.3])
    left = mirrored_rotations(turn) @ mirrored_points(point)
    np.testing.assert_allclose(left, mirrored_points(turn @ point), atol=1e-12)


def test_posing_needs_no_random_state() -> None:
    shape = sample_shape(np.random.default_rng(3))
    again = sample_shape(np.random.default_rng(3))
    np.testing.assert_array_equal(shape.vector(), again.vector())
    pose, pose_again = (sample_pose(np.random.default_rng(3)).vector() for _ in range(2))
    np.testing.assert_array_equal(pose, pose_again)
