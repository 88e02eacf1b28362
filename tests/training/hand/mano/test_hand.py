"""Laws of the posed hand: the published equations, the conventions of poses, joints, the mesh hierarchy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor

from tests.training.hand.mano.fabricated import HEAD_JOINTS, PARENTS, WRIST_M, Fields
from tests.training.nearness import assert_near
from training.contract import BONES, FINGERTIP_JOINTS
from training.data.mano_labels import LabelHand
from training.hand.decimation import boundary_edges
from training.hand.mano import ManoHand
from training.hand.mano.pose import canonical_pose, rotation_matrices
from training.hand.skinning import HandModel
from training.hand.template import load_template

Float = NDArray[np.float64]


def draws(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return random poses, (n, 48), and betas, (n, 10)."""
    rng = np.random.default_rng(seed)
    return torch.tensor(rng.normal(scale=0.5, size=(count, 48))), torch.tensor(rng.normal(size=(count, 10)))


def world_transforms(rotations: Float, heads_m: Float) -> list[Float]:
    """Return G_k of the paper, 4 x 4 each: the product of the joint transforms from the root to bone k."""
    transforms: list[Float] = []
    for bone, parent in enumerate(PARENTS):
        local = np.eye(4)
        local[:3, :3] = rotations[bone]
        local[:3, 3] = heads_m[bone] - (heads_m[parent] if bone else 0)
        transforms.append(transforms[parent] @ local if bone else local)
    return transforms


def published_hand(fields: Fields, angles: Float, betas: Float) -> tuple[Float, Float]:
    """Return vertices and bone heads by the equations of SMPL and MANO, one vertex after the other."""
    rotations = Rotation.from_rotvec(angles.reshape(16, 3)).as_matrix()
    shaped = fields["v_template"] + sum(betas[n] * fields["shapedirs"][:, :, n] for n in range(10))
    heads = fields["J_regressor"] @ shaped
    posed = world_transforms(rotations, heads)
    at_rest = world_transforms(np.tile(np.eye(3), (16, 1, 1)), heads)
    relative = [now @ np.linalg.inv(before) for now, before in zip(posed, at_rest, strict=True)]
    bends = np.concatenate([(rotations[bone] - np.eye(3)).ravel() for bone in range(1, 16)])
    vertices = np.empty((778, 3))
    for number in range(778):
        bent = shaped[number] + sum(bends[n] * fields["posedirs"][number, :, n] for n in range(135))
        carried = sum(fields["weights"][number, bone] * relative[bone] for bone in range(16))
        vertices[number] = (carried @ np.append(bent, 1))[:3]
    return vertices, np.stack([transform[:3, 3] for transform in posed])


def test_posing_equals_the_published_equations(hand: ManoHand, fields: Fields) -> None:
    poses, betas = draws(3)
    geometry = hand.posed(poses, betas, flat_hand_mean=True)
    for number in range(3):
        vertices, heads = published_hand(fields, poses[number].numpy(), betas[number].numpy())
        assert_near(
            geometry.vertices_m[number], vertices, atol=1e-6
        )  # the file's numbers are kept as float32
        assert_near(geometry.joints_m[number, list(HEAD_JOINTS)], heads, atol=1e-6)


def test_the_hand_at_rest_is_the_template_with_its_joints_in_our_order(
    hand: ManoHand, fields: Fields
) -> None:
    geometry = hand(torch.eye(3).expand(1, 16, 3, 3).double(), torch.zeros(1, 10).double())
    assert_near(geometry.vertices_m[0], fields["v_template"], atol=1e-7)
    joints = load_template().joints_m + WRIST_M
    assert np.linalg.norm(geometry.joints_m[0].numpy() - joints, axis=1).max() < 2e-3


def test_tips_are_the_tip_vertices_of_one_list(hand: ManoHand) -> None:
    geometry = hand.posed(*draws(4))
    tips = geometry.vertices_m[:, hand.topology.fingertip_vertices]
    assert_near(geometry.joints_m[:, list(FINGERTIP_JOINTS)], tips)
    assert hand.topology.fingertip_vertices.tolist() == [745, 317, 444, 556, 673]
    rows = hand.topology.joint_regressor[list(FINGERTIP_JOINTS)]
    assert (rows[np.arange(5), hand.topology.fingertip_vertices] == 1).all()
    assert np.count_nonzero(rows) == 5


def test_the_regressor_finds_the_joints_of_every_shape_at_rest(hand: ManoHand) -> None:
    _, betas = draws(5)
    geometry = hand(torch.eye(3).expand(5, 16, 3, 3).double(), betas)
    found = np.einsum("jv,nvd->njd", hand.topology.joint_regressor, geometry.vertices_m.numpy())
    assert_near(geometry.joints_m, found, atol=1e-7)


def test_posing_keeps_the_lengths_of_bones(hand: ManoHand) -> None:
    poses, betas = draws(5)
    bent = hand.posed(poses, betas).joints_m
    straight = hand(torch.eye(3).expand(5, 16, 3, 3).double(), betas).joints_m
    for parent, child in BONES:
        if child not in FINGERTIP_JOINTS:
            assert_near(
                (bent[:, child] - bent[:, parent]).norm(dim=1),
                (straight[:, child] - straight[:, parent]).norm(dim=1),
            )


def test_residuals_count_from_the_mean_or_from_the_flat_hand(hand: ManoHand, fields: Fields) -> None:
    poses, betas = draws(3)
    from_flat = poses + torch.tensor(np.concatenate([np.zeros(3), fields["hands_mean"]]))
    residual = hand.posed(poses, betas)
    assert_near(residual.vertices_m, hand.posed(from_flat, betas, flat_hand_mean=True).vertices_m, atol=1e-7)
    assert (residual.vertices_m - hand.posed(poses, betas, flat_hand_mean=True).vertices_m).abs().max() > 1e-3


def test_principal_components_are_the_rows_of_the_file(hand: ManoHand, fields: Fields) -> None:
    assert_near(hand.residual(torch.eye(45).double()), fields["hands_components"], atol=1e-7)
    coefficients = torch.tensor(np.random.default_rng(0).normal(size=(4, 6)))
    padded = torch.cat([coefficients, torch.zeros(4, 39)], dim=1)
    assert_near(hand.residual(coefficients), hand.residual(padded))


def test_the_global_rotation_turns_the_canonical_hand_about_its_wrist(hand: ManoHand) -> None:
    poses, betas = draws(4)
    turned, canonical = hand.posed(poses, betas), hand.posed(canonical_pose(poses), betas)
    turns = torch.tensor(Rotation.from_rotvec(poses[:, :3].numpy()).as_matrix())
    wrist = canonical.joints_m[:, :1]
    for after, before in zip(turned, canonical, strict=True):
        assert_near(after, (before - wrist) @ turns.mT + wrist, atol=1e-7)  # weights sum to 1 as float32 does


def test_canonical_hands_do_not_know_their_global_rotation(hand: ManoHand) -> None:
    poses, betas = draws(1)
    views = poses.repeat(8, 1)
    views[:, :3] = draws(8, seed=1)[0][:, :3]
    canonical = hand.posed(canonical_pose(views), betas.repeat(8, 1))
    assert_near(canonical.vertices_m, canonical.vertices_m[:1].expand(8, -1, -1))


def test_a_translation_moves_every_point(hand: ManoHand) -> None:
    poses, betas = draws(2)
    translation = torch.tensor([[0.1, -0.2, 0.7], [0.0, 0.3, 0.5]]).double()
    for moved, still in zip(
        hand.posed(poses, betas, translation_m=translation), hand.posed(poses, betas), strict=True
    ):
        assert_near(moved - still, translation[:, None].expand_as(still))


def test_rotation_matrices_are_those_of_axis_and_angle() -> None:
    vectors = np.random.default_rng(0).normal(scale=2.0, size=(5, 4, 3))
    vectors[0, 0] = 0
    wanted = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix().reshape(5, 4, 3, 3)
    assert_near(rotation_matrices(torch.tensor(vectors)), wanted)


def test_a_pose_of_another_size_is_refused(hand: ManoHand) -> None:
    with pytest.raises(ValueError, match=r"\(n, 48\), got \(2, 51\)"):
        hand.rotations(torch.zeros(2, 51))


def test_batched_equals_single(hand: ManoHand) -> None:
    poses, betas = draws(4)
    together = hand.posed(poses, betas).vertices_m
    alone = [hand.posed(poses[i : i + 1], betas[i : i + 1]).vertices_m for i in range(4)]
    assert_near(together, torch.cat(alone))
    assert hand.posed(poses[:0], betas[:0]).vertices_m.shape == (0, 778, 3)


def test_gradients_reach_every_input_and_are_finite_at_zero(hand: ManoHand) -> None:
    poses = torch.zeros(2, 48).double().requires_grad_()
    betas = torch.zeros(2, 10).double().requires_grad_()
    geometry = hand.posed(poses, betas)
    weights = torch.linspace(0, 1, geometry.vertices_m.numel()).double().view_as(geometry.vertices_m)
    for slope in torch.autograd.grad((geometry.vertices_m * weights).sum(), (poses, betas)):
        assert torch.isfinite(slope).all()
        assert (slope != 0).all()


def test_mano_is_a_hand_model_without_anything_to_train(hand: ManoHand) -> None:
    model: HandModel = hand
    of_labels: LabelHand = hand
    poses, betas = draws(2)
    geometry = model(hand.rotations(poses), betas)
    assert geometry.vertices_m.shape == (2, model.topology.vertex_count, 3)
    assert geometry.joints_m.shape == (2, 21, 3)
    assert (model.bone_count, model.shape_size) == (16, 10)
    assert torch.equal(of_labels.posed(poses, betas).vertices_m, geometry.vertices_m)
    assert not list(hand.parameters())
    assert not hand.state_dict()  # MANO's numbers must not enter a checkpoint


def test_the_hierarchy_is_computed_for_the_mesh_of_the_file(hand: ManoHand, fields: Fields) -> None:
    levels = hand.topology.levels
    assert [level.vertex_count for level in levels] == [778, 389, 195, 98, 49]
    assert [len(boundary_edges(level.faces)) for level in levels] == [16, 12, 10, 8, 6]
    assert np.array_equal(hand.topology.faces, fields["f"])
    assert np.array_equal(levels[0].faces, fields["f"])
    assert hand.topology is hand.topology


def test_every_level_is_a_disc_that_keeps_the_tips_and_leads_back_up(hand: ManoHand, fields: Fields) -> None:
    levels, tips, points = hand.topology.levels, hand.topology.fingertip_vertices, fields["v_template"]
    for level in levels:
        edges = np.sort(level.faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        assert level.vertex_count - len(np.unique(edges, axis=0)) + len(level.faces) == 1
        assert np.array_equal(np.unique(level.faces), np.arange(level.vertex_count))
        assert np.array_equal(level.spirals[:, 0], np.arange(level.vertex_count))
        assert np.isin(tips, level.kept).all()
        tips = np.searchsorted(level.kept, tips)
    for level in levels[1:]:
        coarse = points[level.kept]
        carried = np.einsum("vk,vkd->vd", level.up_weights, coarse[level.up_indices])
        assert np.linalg.norm(carried - points, axis=1).mean() < 5e-3  # spec section 10: up to 3.5 mm
        points = coarse
