"""Shape and pose of one hand in numpy, compiled: what the renderer calls for every sample.

`skinning.py` does the same for batches in torch; a test holds the two equal.
Legend: N = 1782 control vertices, V = 778 label vertices, B = 19 bones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.contract import FINGERTIP_JOINTS
from training.hand.compiler import jit
from training.hand.rig import (
    BONE_COUNT,
    BONE_ORDER,
    BONE_PARENTS,
    FOREARM,
    HEAD_JOINTS,
    JOINT_BONES,
    LITTLE_METACARPAL,
    RING_METACARPAL,
    Hinges,
    hinges,
)
from training.hand.shape import ShapeParameters
from training.hand.template import HandTemplate

Float = NDArray[np.float64]

_PARENTS = np.array(BONE_PARENTS)
_ORDER = np.array(BONE_ORDER)
_HEADS = np.array(HEAD_JOINTS)
_CARRIERS = np.array(JOINT_BONES)
_TIPS = np.array(FINGERTIP_JOINTS)
_PALM_BONES = (0, RING_METACARPAL, LITTLE_METACARPAL)


@dataclass(frozen=True, eq=False)
class RestHand:
    """A hand of some shape, not posed."""

    control_vertices_m: Float
    """(N, 3)."""
    joints_m: Float
    """(21, 3)."""
    elbow_m: Float
    """(3,)."""
    hinges: Hinges
    shape: ShapeParameters


@dataclass(frozen=True, eq=False)
class PosedHand:
    """A posed hand in the canonical frame: wrist at the origin, the hand's own rotation taken off."""

    control_vertices_m: Float
    """(N, 3)."""
    rendered_vertices_m: Float
    """(N, 3): the control vertices smoothed by one Loop step; faces are the template's control faces."""
    vertices_m: Float
    """(V, 3): the rendered vertices that carry labels."""
    joints_m: Float
    """(21, 3): kinematic joints; the tips are the fingertip vertices."""
    elbow_m: Float
    """(3,)."""
    bone_rotations: Float
    """(B, 3, 3): posed from rest."""
    bone_translations_m: Float
    """(B, 3): a point x fixed to bone b goes to `bone_rotations[b] @ x + bone_translations_m[b]`."""


def shape_hand(template: HandTemplate, shape: ShapeParameters) -> RestHand:
    """Return the rest hand of a shape."""
    count = len(template.control_vertices_m)
    moved = (template.shape_basis_m.reshape(-1, len(shape.betas)) @ shape.betas).reshape(-1, 3)
    vertices = template.control_vertices_m + moved[:count]
    joints = template.joints_m + moved[count:-1]
    elbow = template.elbow_m + moved[-1]
    stretch, shaped_joints = _stretch(joints, shape.bone_lengths, shape.bone_thickness, shape.palm_width)
    shifts = shaped_joints[_HEADS] - np.einsum("bij,bj->bi", stretch, joints[_HEADS])
    weights = template.sparse_weights
    vertices = _blend(vertices, weights.bones, weights.shares, stretch, shifts) * shape.scale
    joints = shaped_joints * shape.scale
    joints[_TIPS] = template.fingertip_matrix @ vertices
    return RestHand(
        control_vertices_m=vertices,
        joints_m=joints,
        elbow_m=elbow * shape.scale,
        hinges=hinges(joints),
        shape=shape,
    )


def pose_hand(template: HandTemplate, rest: RestHand, rotations: Float) -> PosedHand:
    """Return a rest hand posed by one rotation for each bone, (B, 3, 3) in canonical axes."""
    turned, shifted = compiled_forward_kinematics(rotations, rest.joints_m[_HEADS])
    weights = template.sparse_weights
    control = _blend(rest.control_vertices_m, weights.bones, weights.shares, turned, shifted)
    rendered = template.rendered_matrix @ control
    vertices = rendered[template.label_vertices]
    joints = np.einsum("jab,jb->ja", turned[_CARRIERS], rest.joints_m) + shifted[_CARRIERS]
    joints[_TIPS] = vertices[template.fingertip_vertices]
    return PosedHand(
        control_vertices_m=control,
        rendered_vertices_m=rendered,
        vertices_m=vertices,
        joints_m=joints,
        elbow_m=turned[FOREARM] @ rest.elbow_m + shifted[FOREARM],
        bone_rotations=turned,
        bone_translations_m=shifted,
    )


def pose_joints(rest: RestHand, rotations: Float) -> Float:
    """Return the posed joints alone, (21, 3); the tips ride on their distal bones."""
    turned, shifted = compiled_forward_kinematics(rotations, rest.joints_m[_HEADS])
    return np.asarray(np.einsum("jab,jb->ja", turned[_CARRIERS], rest.joints_m) + shifted[_CARRIERS])


def _stretch(joints: Float, lengths: Float, thickness: Float, palm_width: float) -> tuple[Float, Float]:
    """Return each bone's linear map, (B, 3, 3), and the joints that follow from them, (21, 3)."""
    maps = np.tile(np.eye(3), (BONE_COUNT, 1, 1))
    widen = np.array([1.0, 1.0, palm_width])
    maps[_PALM_BONES, 2, 2] = palm_width
    chains = joints[1:].reshape(5, 4, 3)
    bones = np.diff(chains, axis=1).reshape(15, 3)
    along = bones / np.sqrt((bones * bones).sum(axis=1, keepdims=True))
    projectors = along[:, :, None] * along[:, None, :]
    maps[1:16] = thickness[:, None, None] * (np.eye(3) - projectors) + lengths[:, None, None] * projectors
    steps = (bones * lengths[:, None]).reshape(5, 3, 3)
    shaped = np.empty((5, 4, 3))
    shaped[:, 0] = chains[:, 0] * widen
    shaped[:, 1:] = shaped[:, :1] + np.cumsum(steps, axis=1)
    return maps, np.concatenate([joints[:1], shaped.reshape(20, 3)])


@jit
def compiled_forward_kinematics(rotations: Float, heads_m: Float) -> tuple[Float, Float]:
    """Return rotation and translation of every bone from its rest place, (B, 3, 3) and (B, 3)."""
    turned = np.empty((BONE_COUNT, 3, 3))
    shifted = np.empty((BONE_COUNT, 3))
    for bone in _ORDER:
        parent = _PARENTS[bone]
        # A bone turns about its head, then rides on its parent.
        own_shift = heads_m[bone] - rotations[bone] @ heads_m[bone]
        if parent < 0:
            turned[bone] = rotations[bone]
            shifted[bone] = own_shift
        else:
            turned[bone] = turned[parent] @ rotations[bone]
            shifted[bone] = turned[parent] @ own_shift + shifted[parent]
    return turned, shifted


@jit
def _blend(vertices: Float, bones: NDArray[np.int64], shares: Float, maps: Float, shifts: Float) -> Float:
    """Return linear blend skinning of the vertices, (N, 3): sum of shares times (map @ vertex + shift)."""
    out = np.zeros_like(vertices)
    for vertex in range(len(vertices)):
        x, y, z = vertices[vertex]
        for slot in range(bones.shape[1]):
            share = shares[vertex, slot]
            if share > 0.0:
                bone = bones[vertex, slot]
                for axis in range(3):
                    row = maps[bone, axis]
                    out[vertex, axis] += share * (row[0] * x + row[1] * y + row[2] * z + shifts[bone, axis])
    return out
