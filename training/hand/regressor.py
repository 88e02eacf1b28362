"""Joint regressor: joints of a posed mesh as sparse averages of its vertices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from training.contract import FINGERTIP_JOINTS, JOINT_COUNT
from training.hand.kinematics import pose_hand, shape_hand
from training.hand.pose import PoseAngles, bone_rotations, limits_vector
from training.hand.shape import sample_shape
from training.hand.template import HandTemplate

Float = NDArray[np.float64]

_HANDS = 300
_NEAREST = 40
_SUM_WEIGHT = 10.0
"""Weight of the equation that the shares of a joint sum to 1, against metres."""


def fit_joint_regressor(template: HandTemplate, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the share of label vertices in each joint, (21, 778): positive or 0, rows sum to 1.

    Fitted by non-negative least squares on the 40 vertices nearest to each joint, over random shapes and
    poses drawn evenly within the joint limits. A tip's row is one-hot at its fingertip vertex.
    """
    vertices, joints = _posed_hands(template, rng)
    rest = (template.rendered_matrix @ template.control_vertices_m)[template.label_vertices]
    regressor = np.zeros((JOINT_COUNT, len(rest)))
    for joint in range(JOINT_COUNT):
        if joint in FINGERTIP_JOINTS:
            regressor[joint, template.fingertip_vertices[FINGERTIP_JOINTS.index(joint)]] = 1
            continue
        distance = np.linalg.norm(rest - template.joints_m[joint], axis=1)
        nearest = np.argsort(distance, kind="stable")[:_NEAREST]
        coordinates = vertices[:, nearest].transpose(0, 2, 1).reshape(-1, _NEAREST)
        equations = np.concatenate([coordinates, np.full((1, _NEAREST), _SUM_WEIGHT)])
        shares, _ = nnls(equations, np.append(joints[:, joint].ravel(), _SUM_WEIGHT))
        regressor[joint, nearest] = shares / shares.sum()
    return regressor.astype(np.float32)


def _posed_hands(template: HandTemplate, rng: np.random.Generator) -> tuple[Float, Float]:
    """Return label vertices, (300, 778, 3), and joints, (300, 21, 3), of random hands."""
    vertices, joints = [], []
    lowest, highest = limits_vector().T
    for _ in range(_HANDS):
        rest = shape_hand(template, sample_shape(rng))
        pose = PoseAngles.from_vector(rng.uniform(lowest, highest))
        hand = pose_hand(template, rest, bone_rotations(rest.hinges, pose))
        vertices.append(hand.vertices_m)
        joints.append(hand.joints_m)
    return np.stack(vertices), np.stack(joints)
