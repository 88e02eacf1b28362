"""The 26 joints of an OpenXR hand from the joints of ours: where they are, how they are turned, how thick.

Every joint is a frame: -z runs along the bone that begins there, towards the tip (for a tip, along the bone
that ends there), +y comes out of the back of the hand or of the finger, x follows the right hand rule, for
left hands too. So say WebXR Hand Input (https://www.w3.org/TR/webxr-hand-input-1/, "XRJointSpace") and OpenXR
(XR_EXT_hand_tracking, "Conventions of hand joints").

- The back of the palm is +y of the contract's canonical frame. It is carried along each finger by the least
  rotation from bone to bone: what a hinge does.
- The thumb is turned against the palm. The back of its metacarpal is a constant direction in the palm's
  frame: carried on to the tip, it is the normal of the nail of our hand template at rest.
- No joint of the network lies at the base of the index, middle, ring and little metacarpals. They are set
  between wrist and knuckles: `BASE_ALONG` of the way to the middle knuckle, the row of knuckles drawn
  together to `BASE_SPREAD` of its width. On our template's mean hand that makes metacarpals as long as
  Buryanov and Kotiuk found them on 66 adults ("Proportions of hand segments", Int. J. Morphol. 28(3), 2010,
  Table I), to within a tenth.
- The palm is the middle of the middle metacarpal.
- Radii are constants times the size of the hand: half the thickness of our template's mean hand along each
  joint's y, from skin to skin, so that a sphere "roughly touches the skin on both sides" (WebXR). A tip lies
  on the skin itself; its radius is that of the finger `TIP_DEPTH` of the way back to the joint before it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.encode.result import Side

Float = NDArray[np.float64]

BASE_ALONG = 0.36
BASE_SPREAD = 0.45
THUMB_BACK = np.array([-0.75, 0.46, 0.47])
"""Of a right hand's metacarpal, in the palm's frame."""
TIP_DEPTH = 0.3

RADII_M = 1e-3 * np.array(
    [
        *(13.5, 18.3),
        *(22.9, 13.1, 7.6, 5.1),
        *(19.4, 9.6, 8.2, 6.9, 4.7),
        *(18.5, 13.3, 7.9, 6.5, 5.2),
        *(18.8, 12.0, 7.5, 6.0, 4.5),
        *(17.5, 9.6, 6.2, 5.2, 3.9),
    ]
)
"""(26,) of a hand whose middle knuckle is `PALM_LENGTH_M` from the wrist."""
PALM_LENGTH_M = 0.0984

SMALLEST_SIZE = 0.1
"""OpenXR wants positive radii, whatever the network says."""

_NEXT, _LAST = [1, 2, 0], [2, 0, 1]

WRIST = 1
SYNTHESISED = (0, 6, 11, 16, 21)
"""Rows of the palm and the metacarpals. Rows are in OpenXR's order, the wrist second."""


class HandJoints(NamedTuple):
    """The joints of a hand that its skeleton is made from, in any right-handed axes."""

    wrist_m: Float
    """(3,)."""
    thumb_m: Float
    """(4, 3): metacarpal, proximal, distal, tip."""
    fingers_m: Float
    """(4, 4, 3): index to little; knuckle, intermediate, distal, tip."""


class Skeleton(NamedTuple):
    """26 joints in OpenXR's order, in the axes of what it was made from."""

    positions_m: Float
    """(26, 3)."""
    rotations: Float
    """(26, 3, 3): the columns are the joint's x, y, z."""
    radii_m: Float
    """(26,)."""


def skeleton(joints: HandJoints, back: Float, side: Side) -> Skeleton:
    """Return the skeleton of a hand.

    Args:
        joints: Its joints.
        back: (3,) where the back of the hand looks, in the same axes.
        side: Which hand: their thumbs are mirrored.
    """
    bases_m = _bases_m(joints)
    middle_m = joints.fingers_m[1, 0]
    palm_m = (bases_m[1] + middle_m) / 2
    palm = _frames(middle_m - joints.wrist_m, back)
    thumb_back = palm @ (THUMB_BACK * (1 if side == "right" else -1, 1, 1))
    # The thumb has no fifth joint; one before its metacarpal, straight on, lets all fingers go the same way.
    before_m = 2 * joints.thumb_m[0] - joints.thumb_m[1]
    chains_m = np.concatenate(
        [
            np.concatenate([[before_m], joints.thumb_m])[None],
            np.concatenate([bases_m[:, None], joints.fingers_m], axis=1),
        ]
    )  # (5, 5, 3)
    backs = np.stack([thumb_back, *[palm[:, 1]] * 4])
    frames = _chain_frames(chains_m, backs)  # (5, 5, 3, 3)
    positions_m = np.concatenate([[palm_m, joints.wrist_m], chains_m.reshape(25, 3)[1:]])
    rotations = np.concatenate([[palm, palm], frames.reshape(25, 3, 3)[1:]])
    size = np.linalg.norm(middle_m - joints.wrist_m) / PALM_LENGTH_M
    return Skeleton(positions_m, rotations, np.maximum(size, SMALLEST_SIZE) * RADII_M)


def _bases_m(joints: HandJoints) -> Float:
    """Return where the metacarpals of index to little begin, (4, 3)."""
    knuckles_m = joints.fingers_m[:, 0]
    along_m = BASE_ALONG * (knuckles_m[1] - joints.wrist_m)
    return np.asarray(joints.wrist_m + along_m + BASE_SPREAD * (knuckles_m - knuckles_m[1]))


def _chain_frames(chains_m: Float, backs: Float) -> Float:
    """Return the frames of n joints along each of N fingers, (N, n, 3, 3); tips have those before them.

    Args:
        chains_m: (N, n, 3).
        backs: (N, 3) roughly the back of each first bone.
    """
    bones_m = np.diff(chains_m, axis=1)
    frames = [_frames(bones_m[:, 0], backs)]
    for bone in range(1, bones_m.shape[1]):
        before = frames[-1]
        along = _unit(bones_m[:, bone], otherwise=-before[..., 2])
        frames.append(_frames(along, _least_turn(-before[..., 2], along, before[..., 1])))
    return np.stack([*frames, frames[-1]], axis=1)


def _frames(along: Float, back: Float) -> Float:
    """Return the frames whose -z runs along bones and whose y is nearest to the back, (..., 3, 3).

    Where a bone has no length, or the back lies along it, any direction will do.
    """
    z = -_unit(along, otherwise=np.array([0.0, 0.0, -1.0]))
    any_across = _cross(z[..., [2, 0, 1]] * (1.0, -1.0, 1.0), z)
    x = _unit(_cross(back, z), otherwise=_unit(any_across, otherwise=np.array([1.0, 0.0, 0.0])))
    return np.stack([x, _cross(z, x), z], axis=-1)


def _least_turn(start: Float, end: Float, vector: Float) -> Float:
    """Turn vectors (N, 3) as the least rotations do that take unit vectors to others.

    Two reflections: across `start`, then across the middle of both. Half a turn has no middle; the vector
    stays.
    """
    middle = start + end
    square = _dot(middle, middle)
    mirrored = vector - 2 * _dot(start, vector) * start
    turned = mirrored - 2 * _dot(middle, mirrored) / np.maximum(square, 1e-12) * middle
    return np.where(square > 1e-9, turned, vector)


def _unit(vectors: Float, *, otherwise: Float) -> Float:
    """Return vectors (..., 3) at length 1; `otherwise` where they have none."""
    lengths = np.sqrt(_dot(vectors, vectors))
    return np.where(lengths > 1e-9, vectors / np.maximum(lengths, 1e-9), otherwise)


def _dot(a: Float, b: Float) -> Float:
    return np.asarray((a * b).sum(axis=-1, keepdims=True))


def _cross(a: Float, b: Float) -> Float:
    """Return cross products along the last axis; a tenth of `np.cross`'s time on so few vectors."""
    return np.asarray(a[..., _NEXT] * b[..., _LAST] - a[..., _LAST] * b[..., _NEXT])
