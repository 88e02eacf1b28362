"""Random poses: free ones from joint limits and named poses, and contacts from the committed pool."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.hand.collision import ALLOWED_DEPTH_M, self_collision_depth_m
from training.hand.kinematics import RestHand, pose_joints
from training.hand.limits import (
    ABDUCTION_LOSS,
    DIP_PER_PIP,
    DIP_SPREAD_DEG,
    FINGER_LIMITS_DEG,
    FULL_FLEXION_DEG,
    NEIGHBOUR_LIMITS_DEG,
    PALM_LIMITS_DEG,
    THUMB_LIMITS_DEG,
    WRIST_LIMITS_DEG,
    FingerDof,
)
from training.hand.palm import opened
from training.hand.pose import PoseAngles, bone_rotations
from training.hand.prototypes import PROTOTYPES_DEG
from training.hand.template import load_template
from training.hand.touch import Touch, closed

Float = NDArray[np.float64]
PoseSampler = Callable[[np.random.Generator, RestHand], PoseAngles]

CONTACT_POOL_PATH = Path(__file__).parent / "assets" / "contact_poses.npz"

LIMIT_SHARE, CURL_SHARE = 0.30, 0.25
"""Shares of poses drawn within the limits, and as one common curl; the others blend named poses."""

_FINGER_NOISE_DEG = np.array([8.0, 3.0, 2.0, 9.0, 6.0])
_THUMB_NOISE_DEG = np.array([6.0, 6.0, 4.0, 8.0, 2.0, 10.0])
_THUMB_REACH = np.array([1.0, 1.0, 0.5, 0.8, 1.0, 0.9])
_CONTACT_NOISE_DEG = 1.0
_ATTEMPTS = 40


class ContactPool(NamedTuple):
    """Poses in which the mean hand touches itself."""

    angles_deg: Float
    """(n, 31): `PoseAngles.vector`."""
    touches: NDArray[np.int16]
    """(n, 5): `Touch.row`."""


def sample_pose(rng: np.random.Generator) -> PoseAngles:
    """Return a random free pose within the joint limits, with a random wrist; fingers may collide."""
    kind = rng.random()
    if kind < LIMIT_SHARE:
        pose = _limit_pose(rng)
    elif kind < LIMIT_SHARE + CURL_SHARE:
        pose = _curl_pose(rng)
    else:
        pose = _prototype_pose(rng)
    return pose.clamped()


def sample_contact_pose(rng: np.random.Generator, rest: RestHand | None = None) -> PoseAngles:
    """Return a pose of the contact pool, hardly disturbed, with a random wrist.

    The pool is solved for the mean hand. Given a `rest` hand, the contact is closed anew for its shape.
    """
    pool = contact_pool()
    chosen = rng.integers(len(pool.angles_deg))
    pose = PoseAngles.from_vector(pool.angles_deg[chosen])
    pose = PoseAngles(
        fingers_deg=pose.fingers_deg + rng.normal(0, _CONTACT_NOISE_DEG, (4, 5)),
        thumb_deg=pose.thumb_deg + rng.normal(0, _CONTACT_NOISE_DEG, 6),
        palm_deg=pose.palm_deg,
        wrist_deg=_wrist(rng),
    ).clamped()
    if rest is None:
        return pose
    return closed(load_template(), rest, opened(rest, pose), Touch.from_row(pool.touches[chosen]))


def sample_possible_pose(
    rng: np.random.Generator,
    rest: RestHand,
    sampler: PoseSampler = lambda rng, rest: opened(rest, sample_pose(rng)),
) -> PoseAngles:
    """Return the first pose of `sampler` whose fingers do not lie in each other; of 40, the least deep.

    Args:
        rng: Source of the poses.
        rest: The hand that takes them.
        sampler: Draws a pose for that hand: `sample_contact_pose`, or free poses that stay out of the palm.
    """
    best, least = None, np.inf
    for _ in range(_ATTEMPTS):
        pose = sampler(rng, rest)
        joints = pose_joints(rest, bone_rotations(rest.hinges, pose))
        depth = self_collision_depth_m(joints, rest.shape)
        if depth < least:
            best, least = pose, depth
        if depth < ALLOWED_DEPTH_M:
            break
    assert best is not None
    return best


@functools.cache
def contact_pool() -> ContactPool:
    """Return the committed contacts; their wrists are straight."""
    with np.load(CONTACT_POOL_PATH) as arrays:
        return ContactPool(
            angles_deg=np.asarray(arrays["angles_deg"], dtype=np.float64), touches=arrays["touches"]
        )


def _limit_pose(rng: np.random.Generator) -> PoseAngles:
    curl = rng.beta(0.9, 0.9, 4)
    pip = FINGER_LIMITS_DEG[:, FingerDof.PIP_FLEXION, 1] * rng.beta(0.9, 1.3, 4)
    return _coupled(rng, curl=curl, pip_deg=pip, palm=rng.random() * 2 * rng.beta(1.1, 1.1))


def _curl_pose(rng: np.random.Generator) -> PoseAngles:
    common = rng.beta(1.1, 1.1)
    curl = np.clip(common + rng.normal(0, 0.12, 4), 0, 1)
    pip = 100 * np.clip(curl + rng.normal(0, 0.18, 4), 0, 1)
    return _coupled(rng, curl=curl, pip_deg=pip, palm=rng.random() * 2 * common)


def _coupled(rng: np.random.Generator, *, curl: Float, pip_deg: Float, palm: float) -> PoseAngles:
    """Return fingers bent by `curl` in [0, 1] at the knuckles, and everything that follows from it."""
    lowest, highest = FINGER_LIMITS_DEG[:, FingerDof.MCP_FLEXION].T * [[0.6], [1.0]]
    mcp = lowest + (highest - lowest) * np.clip(curl + rng.normal(0, 0.1, 4), 0, 1)
    fingers = np.empty((4, 5))
    fingers[:, FingerDof.MCP_FLEXION] = mcp
    fingers[:, FingerDof.PIP_FLEXION] = pip_deg
    _hold_neighbours(fingers)
    freedom = 1 - ABDUCTION_LOSS * np.clip(fingers[:, FingerDof.MCP_FLEXION] / FULL_FLEXION_DEG, 0, 1)
    abduction = FINGER_LIMITS_DEG[:, FingerDof.MCP_ABDUCTION]
    fingers[:, FingerDof.MCP_ABDUCTION] = freedom * rng.uniform(abduction[:, 0], abduction[:, 1])
    fingers[:, FingerDof.MCP_TWIST] = rng.uniform(-4, 4, 4)
    dip = DIP_PER_PIP * fingers[:, FingerDof.PIP_FLEXION] + rng.normal(0, DIP_SPREAD_DEG, 4)
    fingers[:, FingerDof.DIP_FLEXION] = dip
    return PoseAngles(
        fingers_deg=fingers,
        thumb_deg=rng.uniform(THUMB_LIMITS_DEG[:, 0], THUMB_LIMITS_DEG[:, 1]) * _THUMB_REACH,
        palm_deg=PALM_LIMITS_DEG[:, 1] * min(palm, 1.0),
        wrist_deg=_wrist(rng),
    )


def _hold_neighbours(fingers_deg: Float) -> None:
    """Draw each finger's flexion to within reach of its neighbour's, in place: tendons are shared."""
    columns = [FingerDof.MCP_FLEXION, FingerDof.PIP_FLEXION]
    for finger, reach in zip((1, 2, 3), NEIGHBOUR_LIMITS_DEG, strict=True):
        neighbour = fingers_deg[finger - 1, columns]
        held = np.minimum(np.maximum(fingers_deg[finger, columns], neighbour - reach), neighbour + reach)
        fingers_deg[finger, columns] = held


def _prototype_pose(rng: np.random.Generator) -> PoseAngles:
    """Return two named poses blended, each finger by its own share, and disturbed."""
    first, second = PROTOTYPES_DEG[rng.integers(len(PROTOTYPES_DEG), size=2)]
    share = rng.beta(0.6, 1.6)
    finger_share = np.clip(share + rng.normal(0, 0.15, 4), 0, 1)
    shares = np.concatenate([np.repeat(finger_share, 5), np.full(11, share)])
    pose = PoseAngles.from_vector(first * (1 - shares) + second * shares)
    return PoseAngles(
        fingers_deg=pose.fingers_deg + rng.normal(size=(4, 5)) * _FINGER_NOISE_DEG,
        thumb_deg=pose.thumb_deg + rng.normal(size=6) * _THUMB_NOISE_DEG,
        palm_deg=pose.palm_deg,
        wrist_deg=_wrist(rng),
    )


def _wrist(rng: np.random.Generator) -> Float:
    flexion, deviation = rng.normal(0, 22), rng.normal(0, 10)
    return np.array([flexion, deviation, rng.uniform(WRIST_LIMITS_DEG[2, 0], WRIST_LIMITS_DEG[2, 1])])
