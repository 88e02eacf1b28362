"""The skeleton: bones, and the axes that the joints of a rest hand turn about.

Fifteen finger bones, the hand itself, two bones that arch the palm, and the forearm. All rest rotations are
the identity: a pose is one rotation for each bone, in canonical axes, as in SMPL and MANO.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FINGERS = ("thumb", "index", "middle", "ring", "little")

BONE_NAMES: tuple[str, ...] = (
    "hand",
    *(f"{finger}_{phalanx}" for finger in FINGERS for phalanx in ("proximal", "intermediate", "distal")),
    "ring_metacarpal",
    "little_metacarpal",
    "forearm",
)
"""The thumb's `proximal` is its metacarpal, so each finger has three bones below its four joints."""

BONE_COUNT = len(BONE_NAMES)
RING_METACARPAL, LITTLE_METACARPAL, FOREARM = 16, 17, 18

BONE_PARENTS: tuple[int, ...] = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 16, 10, 11, 17, 13, 14, 0, 0, 0)
"""Parent of each bone; the hand is the root and the forearm its child, because the wrist is the origin."""

BONE_ORDER: tuple[int, ...] = (0, 16, 17, 18, *range(1, 16))
"""Bones with every parent before its children."""

HEAD_JOINTS: tuple[int, ...] = (0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19, 0, 0, 0)
"""The joint that each bone turns about."""

JOINT_BONES: tuple[int, ...] = (0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 12, 12, 13, 14, 15, 15)
"""A bone that carries each joint."""


class Hinges(NamedTuple):
    """Axes of a rest hand's finger joints, unit vectors, and how far the rest pose is bent."""

    axes: NDArray[np.float64]
    """(15, 3, 3): of each finger bone the axis of flexion, the dorsal axis of abduction, the bone."""
    rest_flexion_deg: NDArray[np.float64]
    """(4, 3): flexion of MCP, PIP, DIP of index to little at rest; 0 is straight in the palm's plane."""


def hinges(joints_m: NDArray[np.float64]) -> Hinges:
    """Return the hinges of a rest hand from its joints, (21, 3).

    A finger's flexion axis is the normal of its own bending plane, drawn towards the line of the knuckles, so
    that neither a straight finger nor a crooked one gets a wild axis.
    """
    chains = joints_m[1:].reshape(5, 4, 3)
    along = _unit(np.diff(chains, axis=1))  # (5, 3, 3): finger, bone
    knuckles = _unit(joints_m[5] - joints_m[17])
    first, middle, last = along[1:, 0], along[1:, 1], along[1:, 2]
    bending = _unit(np.cross(first, last))
    bending *= np.sign(bending @ knuckles)[:, None]
    bending = np.where((bending @ knuckles < 0.5)[:, None], knuckles, bending)
    finger_axis = _unit(0.6 * bending + 0.4 * (knuckles - first * (first @ knuckles)[:, None]))
    base, tip = np.cross(along[0, 0], along[0, 1]), np.cross(along[0, 1], along[0, 2])
    thumb_axes = np.stack([_unit(base), (_unit(base) + _unit(tip)) / 2, _unit(tip)])
    flexion = np.concatenate([thumb_axes[None], np.repeat(finger_axis[:, None], 3, axis=1)])
    flexion = _unit(flexion - along * (flexion * along).sum(axis=-1, keepdims=True))
    axes = np.stack([flexion, np.cross(flexion, along), along], axis=2)
    metacarpals = _unit(joints_m[[5, 9, 13, 17]] - joints_m[0])
    pairs = ((metacarpals, first), (first, middle), (middle, last))
    rest = np.stack([_turn_deg(before, after, finger_axis) for before, after in pairs], axis=1)
    return Hinges(axes=np.ascontiguousarray(axes.reshape(15, 3, 3)), rest_flexion_deg=rest)


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True))
    return np.asarray(vectors / np.maximum(length, 1e-12))


def _turn_deg(
    before: NDArray[np.float64], after: NDArray[np.float64], axis: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the signed angle from `before` to `after` about `axis`, row by row."""
    before = before - axis * (before * axis).sum(axis=1, keepdims=True)
    after = after - axis * (after * axis).sum(axis=1, keepdims=True)
    sine = (np.cross(before, after) * axis).sum(axis=1)
    return np.asarray(np.degrees(np.arctan2(sine, (before * after).sum(axis=1))))
