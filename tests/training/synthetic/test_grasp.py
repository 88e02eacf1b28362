"""Grasps: the hand touches what it holds, and does not go through it."""

from __future__ import annotations

import numpy as np

from training.hand.kinematics import RestHand, shape_hand
from training.hand.pose import limits_vector
from training.hand.shape import sample_shape
from training.hand.template import load_template
from training.synthetic.grasp import DEEPEST_M, PINCH_DEPTH_M, TOUCH_M, pinch_grasp, power_grasp


def _hand(rng: np.random.Generator) -> RestHand:
    return shape_hand(load_template(), sample_shape(rng))


def test_power_grasps_touch_and_seldom_go_deep() -> None:
    depths, touching = [], []
    for seed in range(25):
        rng = np.random.default_rng(seed)
        grasp = power_grasp(rng, load_template(), _hand(rng))
        depth_m = grasp.held.depth_m(grasp.posed.vertices_m)
        depths.append(depth_m.max())
        owner = load_template().skin_weights[load_template().label_vertices].argmax(axis=1)
        touching.append(len(set(owner[depth_m > -0.002].tolist())))
    assert np.median(depths) < 2 * TOUCH_M
    assert np.quantile(depths, 0.9) < DEEPEST_M + 0.001
    assert np.mean(touching) > 3, "several segments hold the object"


def test_grasps_stay_within_the_joint_limits(rng: np.random.Generator) -> None:
    angles = power_grasp(rng, load_template(), _hand(rng)).pose.vector()
    limits = limits_vector()
    assert (angles >= limits[:, 0] - 1e-9).all()
    assert (angles <= limits[:, 1] + 1e-9).all()


def test_pinches_hold_thin_things_between_tips() -> None:
    held = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        grasp = pinch_grasp(rng, load_template(), _hand(rng))
        if grasp is None:
            continue
        held += 1
        depth_m = grasp.held.depth_m(grasp.posed.vertices_m[::2])
        assert -0.006 < depth_m.max() < PINCH_DEPTH_M
    assert held >= 5


def test_the_same_chance_gives_the_same_grasp() -> None:
    first, second = (
        power_grasp(np.random.default_rng(3), load_template(), _hand(np.random.default_rng(1)))
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.pose.vector(), second.pose.vector())
    np.testing.assert_array_equal(first.held.centre_m, second.held.centre_m)
