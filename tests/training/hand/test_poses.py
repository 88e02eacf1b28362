"""Laws of sampled poses: within the limits, possible, and in contact where they say so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from training.hand.collision import ALLOWED_DEPTH_M, self_collision_depth_m
from training.hand.contact import ContactSolver
from training.hand.contact_pool import LARGEST_DEPTH_M, LARGEST_GAP_M, LARGEST_PALM_DEPTH_M
from training.hand.kinematics import RestHand, pose_hand, pose_joints, shape_hand
from training.hand.limits import FingerDof
from training.hand.palm import ALLOWED_DEPTH_M as ALLOWED_PALM_DEPTH_M
from training.hand.palm import opened, palm_depths_m
from training.hand.pose import PoseAngles, bone_rotations, limits_vector
from training.hand.prototypes import PROTOTYPE_NAMES, prototype
from training.hand.sampling import contact_pool, sample_contact_pose, sample_pose, sample_possible_pose
from training.hand.shape import mean_shape, sample_shape
from training.hand.template import load_template
from training.hand.touch import Touch, closed, moving_columns

TEMPLATE = load_template()
REST = shape_hand(TEMPLATE, mean_shape())
STRAIGHT = PoseAngles.from_vector(np.zeros(31))


def posed_joints(pose: PoseAngles, rest: RestHand = REST) -> NDArray[np.float64]:
    return pose_joints(rest, bone_rotations(rest.hinges, pose))


def gap_m(rest: RestHand, pose: PoseAngles, touch: Touch) -> float:
    rendered = pose_hand(TEMPLATE, rest, bone_rotations(rest.hinges, pose)).rendered_vertices_m
    return float(np.linalg.norm(rendered[touch.first.vertex] - rendered[touch.second.vertex]))


def bent(column: int, angle_deg: float) -> PoseAngles:
    angles = np.zeros(31)
    angles[column] = angle_deg
    return PoseAngles.from_vector(angles)


@pytest.mark.parametrize("sampler", [sample_pose, sample_contact_pose])
def test_sampled_poses_are_within_the_limits(sampler: Callable[[np.random.Generator], PoseAngles]) -> None:
    rng = np.random.default_rng(0)
    lowest, highest = limits_vector().T
    angles = np.stack([sampler(rng).vector() for _ in range(500)])
    assert (angles >= lowest).all()
    assert (angles <= highest).all()


def test_sampled_poses_fill_the_limits() -> None:
    rng = np.random.default_rng(0)
    angles = np.stack([sample_pose(rng).vector() for _ in range(2000)])
    lowest, highest = limits_vector().T
    covered = (angles.max(axis=0) - angles.min(axis=0)) / (highest - lowest)
    assert covered.min() > 0.6


def test_possible_poses_hardly_collide() -> None:
    rng = np.random.default_rng(1)
    depths = []
    for _ in range(200):
        shape = sample_shape(rng)
        rest = shape_hand(TEMPLATE, shape)
        pose = sample_possible_pose(rng, rest)
        depths.append(self_collision_depth_m(posed_joints(pose, rest), shape))
    assert max(depths) < ALLOWED_DEPTH_M


def test_most_free_poses_are_possible_at_once() -> None:
    rng = np.random.default_rng(2)
    depths = [self_collision_depth_m(posed_joints(sample_pose(rng)), mean_shape()) for _ in range(300)]
    assert np.mean(np.array(depths) < ALLOWED_DEPTH_M) > 0.6


@pytest.mark.parametrize("name", PROTOTYPE_NAMES)
def test_prototypes_are_within_the_limits_and_possible(name: str) -> None:
    pose = prototype(name)
    np.testing.assert_array_equal(pose.clamped().vector(), pose.vector())
    assert self_collision_depth_m(posed_joints(pose), mean_shape()) < ALLOWED_DEPTH_M


@pytest.mark.parametrize("name", ["pinch", "ok", "tripod"])
def test_the_thumb_meets_the_index_finger(name: str) -> None:
    solver = ContactSolver(TEMPLATE)
    touch = Touch(first=solver.pulp("thumb"), second=solver.pulp("index"), moving_finger=0)
    assert gap_m(REST, prototype(name), touch) < 0.006


@pytest.mark.parametrize("name", ["fist", "point", "horns", "peace"])
def test_the_thumb_lies_over_the_bent_fingers(name: str) -> None:
    solver = ContactSolver(TEMPLATE)
    backs = [Touch(solver.pulp("thumb"), solver.back(f), None) for f in ("index", "middle", "ring")]
    assert min(gap_m(REST, prototype(name), touch) for touch in backs) < 0.010


@pytest.mark.parametrize("name", ["fist", "thumbs_up"])
def test_a_fist_lays_the_finger_tips_on_the_palm(name: str) -> None:
    assert palm_depths_m(REST, prototype(name)).min() > -0.003


@pytest.mark.parametrize("name", PROTOTYPE_NAMES)
def test_prototypes_keep_their_fingers_out_of_the_palm(name: str) -> None:
    assert palm_depths_m(REST, prototype(name)).max() < 0.006


def test_opening_lifts_fingers_out_of_the_palm_and_leaves_others_alone() -> None:
    fingers = np.zeros((4, 5))
    fingers[1] = [88, 0, 0, 108, 72]
    pose = PoseAngles(fingers_deg=fingers, thumb_deg=np.zeros(6), palm_deg=np.zeros(2), wrist_deg=np.zeros(3))
    mended = opened(REST, pose)
    assert palm_depths_m(REST, pose)[1] > 0.01
    assert palm_depths_m(REST, mended).max() < ALLOWED_PALM_DEPTH_M
    assert (mended.fingers_deg[1, [0, 3, 4]] > 40).all()  # it still lies on the palm
    np.testing.assert_array_equal(np.delete(mended.fingers_deg, 1, axis=0), 0)
    np.testing.assert_array_equal(opened(REST, mended).vector(), mended.vector())


def test_free_poses_stay_out_of_the_palm() -> None:
    rng = np.random.default_rng(3)
    lowest, highest = limits_vector().T
    for _ in range(200):
        shape = sample_shape(rng)
        rest = shape_hand(TEMPLATE, shape)
        pose = sample_possible_pose(rng, rest)
        assert palm_depths_m(rest, pose).max() < ALLOWED_PALM_DEPTH_M
        assert (pose.vector() >= lowest).all()
        assert (pose.vector() <= highest).all()


def test_an_unknown_prototype_is_refused() -> None:
    with pytest.raises(ValueError, match="no pose 'wave'"):
        prototype("wave")


def test_flexion_goes_to_the_palm_and_abduction_to_the_thumb() -> None:
    straight = posed_joints(STRAIGHT)
    for finger, tip in enumerate((8, 12, 16, 20)):
        flexed = posed_joints(bent(5 * finger + FingerDof.MCP_FLEXION, 40))
        assert flexed[tip, 1] < straight[tip, 1] - 0.02  # the palm is at -y
        spread = posed_joints(bent(5 * finger + FingerDof.MCP_ABDUCTION, 10))
        assert spread[tip, 2] > straight[tip, 2] + 0.008  # the thumb is at +z


def test_zero_angles_are_straight_fingers() -> None:
    joints = posed_joints(STRAIGHT)
    for base in (5, 9, 13, 17):
        bones = np.diff(joints[base : base + 4], axis=0)
        bones /= np.linalg.norm(bones, axis=1, keepdims=True)
        assert bones[0] @ bones[1] > 0.97
        assert bones[1] @ bones[2] > 0.97


def test_vectors_round_trip_and_clamping_is_idempotent() -> None:
    rng = np.random.default_rng(0)
    angles = rng.normal(0, 90, 31)
    pose = PoseAngles.from_vector(angles)
    np.testing.assert_array_equal(pose.vector(), angles)
    once = pose.clamped()
    np.testing.assert_array_equal(once.clamped().vector(), once.vector())


def test_bone_rotations_are_rotations() -> None:
    rng = np.random.default_rng(0)
    rotations = bone_rotations(REST.hinges, sample_pose(rng))
    np.testing.assert_allclose(
        rotations @ rotations.transpose(0, 2, 1), np.tile(np.eye(3), (19, 1, 1)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1, atol=1e-12)


def test_collision_depth_of_capsules_is_their_overlap() -> None:
    # Straight, far apart fingers in a line along z: only neighbours can meet.
    joints = np.zeros((21, 3))
    for finger in range(5):
        joints[1 + 4 * finger : 5 + 4 * finger] = [[-0.05 * k, 0, 0.1 * finger] for k in range(4)]
    joints[5:9, 2] = 0.012  # index finger 12 mm beside the thumb
    assert self_collision_depth_m(joints, mean_shape()) == pytest.approx(0.010 + 0.008 - 0.012)


def test_the_contact_pool_touches_on_the_mean_hand() -> None:
    pool = contact_pool()
    assert len(pool.angles_deg) == len(pool.touches) > 180
    for angles, row in zip(pool.angles_deg, pool.touches, strict=True):
        pose = PoseAngles.from_vector(angles)
        assert gap_m(REST, pose, Touch.from_row(row)) < LARGEST_GAP_M + 1e-5
        assert self_collision_depth_m(posed_joints(pose), mean_shape()) < LARGEST_DEPTH_M + 1e-3
        assert palm_depths_m(REST, pose).max() < LARGEST_PALM_DEPTH_M + 1e-4


def test_contacts_close_on_hands_of_other_shapes() -> None:
    rng = np.random.default_rng(4)
    pool = contact_pool()
    before, after = [], []
    for angles, row in zip(pool.angles_deg[:100], pool.touches[:100], strict=True):
        rest, touch = shape_hand(TEMPLATE, sample_shape(rng)), Touch.from_row(row)
        pose = PoseAngles.from_vector(angles)
        mended = closed(TEMPLATE, rest, pose, touch)
        before.append(gap_m(rest, pose, touch))
        after.append(gap_m(rest, mended, touch))
        unmoved = np.delete(mended.vector() - pose.vector(), moving_columns(touch.moving_finger))
        np.testing.assert_array_equal(unmoved, 0)
        np.testing.assert_array_equal(mended.clamped().vector(), mended.vector())
    assert np.median(after) < 0.0015 < 0.003 < np.median(before)


def test_touches_round_trip() -> None:
    for row in contact_pool().touches:
        np.testing.assert_array_equal(Touch.from_row(row).row(), row)


def test_a_solved_contact_closes_from_a_new_guess() -> None:
    solver = ContactSolver(TEMPLATE)
    contact = solver.solve(prototype("relaxed"), solver.pulp("thumb"), solver.pulp("middle"), moving_finger=1)
    assert contact.gap_m < LARGEST_GAP_M
    assert contact.gap_m == pytest.approx(gap_m(REST, contact.pose, contact.touch))
